/* One turn: decide everything that waits, make it durable with one sync, then let all answers go. DESIGN section 3. */
#include "base/error.h"
#include "core/core_internal.h"

static void release(struct core *c)
{
	for (unsigned i = 0; i < c->requests; i++)
		if (c->request[i].partial != NULL)
			fronts_release(c, c->request[i].front, c->request[i].partial);
	for (unsigned i = 0; i < c->received_n; i++)
		wipe(c->receive + (size_t)i * MESSAGE_MAX, c->received[i]);
	c->received_n = 0;
	c->requests = 0;
	c->request_bytes = 0;
	buf_reset(&c->out);
}

/*
 * Let the answers go, front by front. Nothing of a failed turn may be told: each of its answers becomes the same refusal.
 */
static void answer_all(struct core *c, int r)
{
	struct buf failed;

	buf_init(&failed, 1024);
	if (r != 0)
		vault_turn_failed(r, &failed);
	for (unsigned i = 0; i < CORE_FRONTS; i++)
		for (unsigned k = 0; k < c->requests && c->front[i].fd >= 0; k++) {
			const struct turn_request *q = &c->request[k];
			struct message m = { .type = MSG_ANSWER, .connection = q->connection, .request = q->request };

			if (q->front != i)
				continue;
			if (r != 0 && q->in_turn)
				fronts_send(c, i, &m, failed.p, failed.n);
			else if (q->out_n > 0)
				fronts_send(c, i, &m, c->out.p + q->out_at, q->out_n);
		}
	fronts_push(c);
	buf_free(&failed);
}

void turns_run(struct core *c)
{
	bool open, sees_all = false;
	int r;

	if (c->requests == 0) {
		release(c);	/* chunks of bodies that are not whole yet were copied */
		return;
	}
	for (unsigned i = 0; i < c->requests; i++)
		sees_all = sees_all || dispatch_wants_checkpoint(c->request[i].type);
	if (sees_all)
		(void)vault_checkpoint_now(c->vault);	/* logged there; the older checkpoint still stands */
	r = vault_turn_begin(c->vault);
	open = r == 0;
	for (unsigned i = 0; i < c->requests; i++) {
		struct turn_request *q = &c->request[i];

		q->out_at = c->out.n;
		if (c->front[q->front].fd < 0)
			continue;
		if (!dispatch_request(c, q, open, r)) {
			buf_cut(&c->out, q->out_at);
			fronts_drop(c, q->front, "a message does not follow the protocol");
			continue;
		}
		q->out_n = c->out.n - q->out_at;
	}
	answer_all(c, open ? vault_turn_end(c->vault) : 0);
	release(c);
}

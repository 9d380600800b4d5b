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

static void answer(struct core *c, const struct turn_request *q)
{
	struct message m = { .type = MSG_ANSWER, .connection = q->connection, .request = q->request };

	if (c->front[q->front].fd >= 0 && q->out_n > 0)
		fronts_send(c, q->front, &m, c->out.p + q->out_at, q->out_n);
}

/* Nothing of a failed turn may be told: each of its answers becomes the same refusal. */
static void answer_failed(struct core *c, const struct turn_request *q, int r)
{
	struct message m = { .type = MSG_ANSWER, .connection = q->connection, .request = q->request };
	struct buf b;

	buf_init(&b, 1024);
	vault_turn_failed(r, &b);
	if (c->front[q->front].fd >= 0)
		fronts_send(c, q->front, &m, b.p, b.n);
	buf_free(&b);
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
	r = open ? vault_turn_end(c->vault) : 0;
	for (unsigned i = 0; i < c->requests; i++) {
		if (r != 0 && c->request[i].in_turn)
			answer_failed(c, &c->request[i], r);
		else
			answer(c, &c->request[i]);
	}
	release(c);
}

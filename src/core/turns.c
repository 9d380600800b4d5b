/* One turn: decide everything that waits, make it durable with one sync, then let all answers go. DESIGN section 3. */
#include "base/error.h"
#include "core/core_internal.h"

/* The turn's requests are answered: their bytes go. */
static void release(struct core *c)
{
	for (unsigned i = 0; i < c->requests; i++)
		if (c->request[i].partial != NULL)
			fronts_release(c, c->request[i].front, c->request[i].partial);
	for (unsigned i = 0; i < c->received_n; i++)
		wipe(c->receive + (size_t)i * MESSAGE_MAX, c->received[i]);
	c->received_n = 0;
	c->requests = 0;
}

/*
 * Let the answers to the requests from first on, before end, go, front by front. Nothing of a failed turn may be told: each of
 * its answers becomes the same refusal.
 */
static void answer_all(struct core *c, unsigned first, unsigned end, int r)
{
	struct buf failed;

	buf_init(&failed, 1024);
	if (r != 0)
		vault_turn_failed(r, &failed);
	for (unsigned i = 0; i < FRONT_LINKS; i++)
		for (unsigned k = first; k < end && c->front[i].fd >= 0; k++) {
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
	if (c->out.cap > OUT_KEEP)
		buf_free(&c->out);
	else
		buf_reset(&c->out);
}

/*
 * Decide one request of the turn. False if it has to wait for the next turn.
 */
static bool decide(struct core *c, struct turn_request *q, int begun)
{
	enum dispatched d;

	q->out_at = c->out.n;
	if (c->front[q->front].fd < 0)
		return true;
	if ((d = dispatch_request(c, q, begun)) == DISPATCH_LATER)
		return false;
	if (d == DISPATCH_FAULT) {
		buf_cut(&c->out, q->out_at);
		fronts_drop(c, q->front, "a message does not follow the protocol");
		return true;
	}
	q->out_n = c->out.n - q->out_at;
	return true;
}

/*
 * A turn of the requests from first on, and of those that come while it decides: they share its sync without anybody having
 * waited for them. Returns the first one that has to wait for the next turn.
 */
static unsigned one_turn(struct core *c, unsigned first)
{
	unsigned known = c->requests, i = first;
	int begun = vault_turn_begin(c->vault);

	for (;;) {
		while (i < c->requests && c->out.n < TURN_OUT &&
		    (i < known || !dispatch_wants_checkpoint(c, &c->request[i])) && decide(c, &c->request[i], begun))
			i++;
		if (i < c->requests || c->received_n == RECEIVE)
			break;
		fronts_receive(c);
		if (i == c->requests)
			break;
	}
	answer_all(c, first, i, begun == 0 ? vault_turn_end(c->vault) : 0);
	return i;
}

void turns_run(struct core *c)
{
	unsigned next = 0;

	while (next < c->requests) {
		bool sees_all = false;

		for (unsigned i = next; i < c->requests && !sees_all; i++)
			sees_all = dispatch_wants_checkpoint(c, &c->request[i]);
		if (sees_all)
			(void)vault_checkpoint_now(c->vault);	/* logged there; the older checkpoint still stands */
		next = one_turn(c, next);
	}
	release(c);	/* chunks of bodies that are not whole yet were copied */
}

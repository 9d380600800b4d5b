/*
 * Turns: decide everything that waits, make it durable with one sync, then let all answers go. DESIGN section 3.
 */
#include <string.h>

#include "base/error.h"
#include "core/core_internal.h"

#define ROUNDS 16	/* times that a run asks the fronts for more, before other events have their turn */
#define LONE 8		/* turns of one request each after which the next is taken for one as well, and nobody is asked for more */

/*
 * Let a turn's answers go, front by front. Nothing of a failed turn may be told: each of its answers becomes the same refusal.
 */
static void answer_all(struct core *c, int r)
{
	struct buf failed;

	buf_init(&failed, 1024);
	if (r != 0)
		vault_turn_failed(r, &failed);
	for (unsigned i = 0; i < FRONT_LINKS; i++)
		for (unsigned k = 0; k < c->decided && c->front[i].fd >= 0; k++) {
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

/* The requests that are decided leave the list; once none is left, what was received is wiped. */
static void drop_decided(struct core *c)
{
	for (unsigned i = 0; i < c->decided; i++)
		if (c->request[i].partial != NULL)
			fronts_release(c, c->request[i].front, c->request[i].partial);
	c->requests -= c->decided;
	c->covered -= c->covered < c->decided ? c->covered : c->decided;
	memmove(c->request, c->request + c->decided, c->requests * sizeof(c->request[0]));
	c->decided = 0;
	if (c->requests > 0)
		return;
	for (unsigned i = 0; i < c->received_n; i++)
		wipe(c->receive + (size_t)i * MESSAGE_MAX, c->received[i]);
	c->received_n = 0;
}

/* The open turn ends, and its answers go. */
static void end(struct core *c)
{
	int r = c->open ? vault_turn_end(c->vault) : 0;

	c->lone = c->decided == 1 ? c->lone + 1 : 0;
	c->open = false;
	answer_all(c, r);
	drop_decided(c);
}

/* Decide one request of the turn. False if it has to wait for the next turn. */
static bool decide(struct core *c, struct turn_request *q)
{
	enum dispatched d;

	q->out_at = c->out.n;
	if (c->front[q->front].fd < 0)
		return true;
	if ((d = dispatch_request(c, q, c->begun)) == DISPATCH_LATER)
		return false;
	if (d == DISPATCH_FAULT) {
		buf_cut(&c->out, q->out_at);
		fronts_drop(c, q->front, "a message does not follow the protocol");
		return true;
	}
	q->out_n = c->out.n - q->out_at;
	return true;
}

/* Decide the next request, in the open turn or one that begins with it. */
static void next(struct core *c)
{
	struct turn_request *q = &c->request[c->decided];

	if (c->decided >= c->covered && dispatch_wants_checkpoint(c, q)) {
		/* Whatever else waits with it has come before this too. */
		unsigned waiting = c->requests - c->decided;

		if (c->decided > 0)
			end(c);
		(void)vault_sign_now(c->vault);	/* logged there; the older checkpoint still stands */
		c->covered = waiting;
		q = &c->request[c->decided];
	}
	if (!c->open && c->decided == 0) {
		c->begun = vault_turn_begin(c->vault);
		c->open = c->begun == 0;
	}
	vault_more_follow(c->vault, c->decided + 1 < c->requests && c->decided + 1 < RECEIVE);
	if (c->decided < RECEIVE && c->out.n < TURN_OUT && decide(c, q))
		c->decided++;
	else
		end(c);		/* full: it begins the next one */
}

void turns_run(struct core *c)
{
	for (unsigned rounds = 0;;) {
		if (c->decided == c->requests) {
			if (c->requests == 0)
				drop_decided(c);	/* pieces of bodies, which were copied */
			else if (c->received_n == RECEIVE)
				end(c);
			if (rounds == 0 || (rounds < ROUNDS && c->lone < LONE))
				fronts_receive(c);
			rounds++;
		}
		if (c->decided < c->requests)
			next(c);
		else if (c->decided > 0)
			end(c);
		else
			break;
	}
}

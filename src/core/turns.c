/*
 * Turns: decide everything that waits, make it durable with one sync, then let all answers go. DESIGN section 3.
 *
 * On two processors core syncs its turns itself: fronts and clients have the other one, and a thread that syncs costs more wake-ups than it
 * wins. With more of them, while a turn is on its way to the disk the next one is open and decides what comes; it is handed over when the
 * disk is free. A request that comes alone is synced by core itself there too.
 */
#include <string.h>

#include "base/error.h"
#include "core/core_internal.h"

#define ROUNDS 8	/* times that a run asks the fronts for more, before other events have their turn */
#define LONE 16		/* turns of one request each after which the next is taken for one as well */

/*
 * Let a turn's answers go, front by front. Nothing of a failed turn may be told: each of its answers becomes the same refusal.
 */
static void answer_all(struct core *c, const struct turn_request *request, unsigned n, struct buf *out, int r)
{
	struct buf failed;

	buf_init(&failed, 1024);
	if (r != 0)
		vault_turn_failed(r, &failed);
	for (unsigned i = 0; i < FRONT_LINKS; i++)
		for (unsigned k = 0; k < n && c->front[i].fd >= 0; k++) {
			const struct turn_request *q = &request[k];
			struct message m = { .type = MSG_ANSWER, .connection = q->connection, .request = q->request };

			if (q->front != i)
				continue;
			if (r != 0 && q->in_turn)
				fronts_send(c, i, &m, failed.p, failed.n);
			else if (q->out_n > 0)
				fronts_send(c, i, &m, out->p + q->out_at, q->out_n);
		}
	fronts_push(c);
	buf_free(&failed);
	if (out->cap > OUT_KEEP)
		buf_free(out);
	else
		buf_reset(out);
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

/* The turn on its way: its answers go, if it has landed. */
static void land(struct core *c, bool wait)
{
	int r;

	if (!c->flying || (r = vault_turn_landed(c->vault, wait)) == CV_ERR_BUSY)
		return;
	c->flying = false;
	answer_all(c, c->flight.request, c->flight.n, &c->flight.out, r);
}

/* The open turn ends, and its answers go. */
static void end(struct core *c)
{
	int r = c->open ? vault_turn_end(c->vault) : 0;

	c->open = false;
	answer_all(c, c->request, c->decided, &c->out, r);
	drop_decided(c);
}

/* The open turn goes to the disk, and its answers wait. None is on its way. */
static void hand(struct core *c)
{
	struct buf out = c->flight.out;
	int r = vault_turn_hand(c->vault);

	c->open = false;
	if (r != 0) {
		answer_all(c, c->request, c->decided, &c->out, r);
		drop_decided(c);
		return;
	}
	c->flying = true;
	c->flight.n = c->decided;
	memcpy(c->flight.request, c->request, c->decided * sizeof(c->request[0]));
	c->flight.out = c->out;
	c->out = out;
	drop_decided(c);
	land(c, false);	/* one with nothing to be written is down already, and no event would tell */
}

void turns_settle(struct core *c)
{
	land(c, true);
	if (c->open || c->decided > 0)
		end(c);
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

		turns_settle(c);
		(void)vault_checkpoint_now(c->vault);	/* logged there; the older checkpoint still stands */
		c->covered = waiting;
		q = &c->request[c->decided];
	}
	if (!c->open && c->decided == 0) {
		c->begun = vault_turn_begin(c->vault);
		c->open = c->begun == 0;
	}
	if (c->out.n < TURN_OUT && decide(c, q))
		c->decided++;
	else
		turns_settle(c);	/* full: it begins the next one */
}

/* Core syncs a turn itself, and sees whether anything came meanwhile. */
static bool end_here(struct core *c)
{
	end(c);
	fronts_receive(c);
	if (c->requests > 0)
		c->lone = 0;
	return c->requests > 0;
}

/* Nothing waits to be decided: what is open goes, if the disk is free. Whether there is something again. */
static bool pass_on(struct core *c)
{
	if (c->flying || c->decided == 0)
		return false;
	c->lone = c->decided == 1 ? c->lone + 1 : 0;
	if (!c->open || !c->overlaps || c->lone > LONE)
		return end_here(c);
	hand(c);
	return false;
}

void turns_run(struct core *c)
{
	for (unsigned rounds = 0;;) {
		land(c, false);
		if (c->decided == c->requests) {
			if (c->requests == 0)
				drop_decided(c);	/* pieces of bodies, which were copied */
			else if (c->received_n == RECEIVE)
				turns_settle(c);
			if (rounds++ < ROUNDS)
				fronts_receive(c);
		}
		if (c->decided < c->requests) {
			next(c);
			/* Half of what is under way syncs while the other half is decided: smaller shares pay for more turns. */
			if (c->overlaps && c->open && !c->flying && c->decided < c->requests && 2 * c->decided >= c->flight.n + c->requests)
				hand(c);
		} else if (!pass_on(c)) {
			break;
		}
	}
}

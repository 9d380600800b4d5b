/* What rewrap.c (keys, pace, slices), rewrap_rows.c and rewrap_end.c (the count, the end) share. */
#ifndef CV_VAULT_REWRAP_INTERNAL_H
#define CV_VAULT_REWRAP_INTERNAL_H

#include "vault/jobs_internal.h"
#include "vault/rewrap.h"
#include "vault/rewrap_work.h"

#define PASS_WRAP 1u	/* of a job: rows are made anew */
#define PASS_COUNT 2u	/* old wraps are counted */
#define PASSES_MAX 3u	/* a count that is not zero begins anew so often, then the job has failed */

/* The re-wrap that is under way, of which there is one at a time. */
struct rewrap {
	uint8_t id[16];			/* its job's */
	struct rewrap_keys *keys;
	struct rewrap_worker *worker;
	uint64_t feed;			/* next serial to hand over to the worker */
	unsigned round;			/* of the feeding: grows when it begins anew */
	uint64_t counted;		/* old wraps that this count has met */
	unsigned passes;		/* counts that were not zero */
	uint64_t slice_end_us, slice_us;	/* when the last slice ended and how long it took */
	bool fresh_call, fresh_turn;	/* begun by the open request; in the open turn */
};

#define REWRAP_WAIT_MS 1000u	/* after what did not stand */

/* ---- rewrap_rows.c -------------------------------------------------------------------------------------------------------------- */

/* Hand batches over to the worker until it has enough, nothing is left, or the time is over. */
void rewrap_feed(struct vault *v, struct job *j, uint64_t until_us);
/* Put what a batch became, in the open turn, and count it in j and *changed. 0, or an error that fails the turn. */
int rewrap_put_batch(struct vault *v, struct job *j, struct rewrap_batch *b, unsigned *changed);

/* ---- rewrap.c, rewrap_end.c ------------------------------------------------------------------------------------------------------- */

/* Whether requests come in, so that a slice has to be short; how long it may be. */
bool rewrap_asked(const struct vault *v);
/* End the job in a turn that is open: row, leaf of its end, leaf that names the state. 0 or an error that fails the turn. */
int rewrap_put_end(struct vault *v, struct job *j, enum job_state state, const char *text);
/* Store where it stands, with a leaf that names the state after `changed` rows. 0 or an error that fails the turn. */
int rewrap_put_slice(struct vault *v, const struct job *j, unsigned changed);
/* Count until the slice is over; at the end of the records, finish. */
void rewrap_count_slice(struct vault *v, struct job *j, uint64_t until_us);

#endif

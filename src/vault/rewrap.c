/* A re-wrap's keys, its pace, its slices. */
#include "vault/rewrap_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "format/gov.h"
#include "vault/operation.h"

#define ASKED_US 3000u		/* requests count as coming in for so long after the last one */
#define SLICE_ASKED_US 1000u	/* a slice while they do */
#define SLICE_ALONE_US 4000u	/* and else */
#define PACE 4u			/* while requests come in, they have so many times as long as a slice took before the next one */
#define WORTH 4u		/* batches */
#define ROOM_BYTES (1u << 20)	/* that a batch may take in a turn */

/* Whether the directory still has no newer epoch than the one that wraps are made for. */
static bool is_newest(const struct vault *v, const struct job *j)
{
	for (unsigned i = 0; i < j->classes; i++) {
		uint32_t epoch;
		uint8_t pk[32];

		if (directory_class(v->keys, j->class[i].class_key, &epoch, pk) != 0 || epoch != j->class[i].newest)
			return false;
	}
	return true;
}

/* ---- beginning -------------------------------------------------------------------------------------------------------------- */

void rewrap_free(struct vault *v)
{
	struct rewrap *x = v->jobs != NULL ? v->jobs->rewrap : NULL;

	if (x == NULL)
		return;
	rewrap_worker_stop(x->worker);
	rewrap_keys_free(x->keys);
	free(x);
	v->jobs->rewrap = NULL;
}

/* Keys and thread for job j. */
static int start(struct vault *v, const struct job *j, const struct custody *custody)
{
	struct rewrap *x;
	int r = CV_ERR_NOMEM;

	if (v->jobs->rewrap != NULL)
		return CV_ERR_BUSY;	/* of a job that this turn cancelled: the turn's end frees it */
	if ((x = calloc(1, sizeof(*x))) == NULL || (r = rewrap_keys_open(v->keys, custody, j->class, j->classes, &x->keys)) != 0 ||
	    (r = rewrap_worker_start(v->keys, x->keys, &x->worker)) != 0) {
		if (x != NULL)
			rewrap_keys_free(x->keys);
		free(x);
		return r;
	}
	memcpy(x->id, j->id, 16);
	x->feed = j->next;
	x->fresh_call = x->fresh_turn = true;
	v->jobs->rewrap = x;
	return 0;
}

static struct job *find(const struct vault *v, const uint8_t id[16])
{
	struct job_table *t = &v->jobs->now;

	for (unsigned i = 0; i < t->n; i++)
		if (t->job[i].kind == JOB_REWRAP && memcmp(t->job[i].id, id, 16) == 0)
			return &t->job[i];
	return NULL;
}

static bool one_is_open(const struct vault *v)
{
	const struct job_table *t = &v->jobs->now;

	for (unsigned i = 0; i < t->n; i++)
		if (t->job[i].kind == JOB_REWRAP && t->job[i].state == JOB_OPEN)
			return true;
	return false;
}

int rewrap_begin(struct vault *v, const struct vault_call *c, const struct gov_object *request, const struct operation_reading *r,
    const struct custody *custody)
{
	static struct job j;
	struct job_table *t = &v->jobs->now;
	int e;

	if (one_is_open(v))
		return CV_ERR_BUSY;
	if (r->class_count == 0 || r->class_count > REWRAP_CLASSES_MAX)
		return CV_ERR_LIMIT;
	memset(&j, 0, sizeof(j));
	memcpy(j.id, request->id, 16);
	memcpy(j.by, request->by, 16);
	j.kind = JOB_REWRAP;
	j.state = JOB_OPEN;
	j.created_ms = c->now_ms;
	j.next = 1;
	j.end = v->counters.next_serial;
	j.pass = PASS_WRAP;
	j.classes = r->class_count;
	for (unsigned i = 0; i < j.classes; i++) {
		struct operation_class class = operation_class_at(r, i);

		j.class[i] = (struct rewrap_class){ class.class_key, class.epoch };
	}
	jobs_save(v);
	if ((e = jobs_make_place(v)) != 0 || (e = jobs_put(v, &j)) != 0 || (e = start(v, &j, custody)) != 0)
		return e;
	t->job[t->n++] = j;
	return 0;
}

bool rewrap_waits(const struct vault *v, const uint8_t request[16])
{
	const struct job *j = find(v, request);

	return j != NULL && j->state == JOB_OPEN && !rewrap_has_keys(v, j) && is_newest(v, j);
}

int rewrap_resume(struct vault *v, const struct vault_call *c, const uint8_t request[16], const struct operation_reading *r,
    const struct custody *custody)
{
	struct job *j = find(v, request);

	(void)c;
	(void)r;	/* what it says stands in the job's row */
	return rewrap_waits(v, request) ? start(v, j, custody) : CV_ERR_STATE;
}

void rewrap_commit(struct vault *v)
{
	if (v->jobs->rewrap != NULL)
		v->jobs->rewrap->fresh_call = false;
}

void rewrap_rollback(struct vault *v)
{
	if (v->jobs->rewrap != NULL && v->jobs->rewrap->fresh_call)
		rewrap_free(v);
}

void rewrap_turn_done(struct vault *v, bool durable)
{
	struct rewrap *x = v->jobs->rewrap;
	const struct job *j = x != NULL ? find(v, x->id) : NULL;

	if (x == NULL)
		return;
	/* Done, failed or cancelled: its keys have nothing left to do. */
	if (durable ? j == NULL || j->state != JOB_OPEN : x->fresh_turn)
		rewrap_free(v);
	else
		x->fresh_turn = false;
}

/* ---- pace ------------------------------------------------------------------------------------------------------------------- */

bool rewrap_has_keys(const struct vault *v, const struct job *j)
{
	const struct rewrap *x = v->jobs->rewrap;

	return x != NULL && memcmp(x->id, j->id, 16) == 0;
}

bool rewrap_asked(const struct vault *v)
{
	return v->asked_us != 0 && clock_mono_us() < v->asked_us + ASKED_US;
}

/* Requests have had their share of time since the last slice, and applying keeps up. */
static bool in_pace(const struct vault *v)
{
	const struct rewrap *x = v->jobs->rewrap;
	size_t limit, waiting = store_waiting(v->store, &limit);

	return waiting <= limit / 8 * 7 && (!rewrap_asked(v) || clock_mono_us() >= x->slice_end_us + PACE * x->slice_us);
}

/* There is enough to be put, or to be filled, for a slice to be worth its sync; or nothing else goes on. */
static bool worth_it(const struct rewrap *x, const struct job *j)
{
	unsigned empty, busy, done;

	rewrap_worker_look(x->worker, &empty, &busy, &done);
	return done >= WORTH || (x->feed < j->end && empty >= WORTH) || busy == 0;
}

bool rewrap_ready(const struct vault *v, const struct job *j)
{
	const struct rewrap *x = v->jobs->rewrap;

	/* What waits for keys in vain ends by itself, so that another one may begin. */
	if (!rewrap_has_keys(v, j))
		return !is_newest(v, j);
	if (x->fresh_turn)
		return false;
	return (j->pass == PASS_COUNT || worth_it(x, j)) && in_pace(v);
}

bool rewrap_under_way(const struct vault *v)
{
	return v->jobs != NULL && v->jobs->rewrap != NULL;
}

/* ---- slices ----------------------------------------------------------------------------------------------------------------- */

/* Feeding begins anew from where the job stands: what is under way was made for a turn that does not stand. */
static void begin_anew(struct vault *v, const struct job *j)
{
	struct rewrap *x = v->jobs->rewrap;

	x->round++;
	x->feed = j->next;
	v->jobs->not_before_ms = clock_mono_ms() + REWRAP_WAIT_MS;
}

/* The next batch that is done, of this round. */
static struct rewrap_batch *take(struct rewrap *x)
{
	struct rewrap_batch *b;

	while ((b = rewrap_worker_take(x->worker)) != NULL && b->round != x->round)
		rewrap_worker_return(x->worker, b);
	return b;
}

/* A turn with what the worker has done. 0, or why it does not stand. */
static int put_turn(struct vault *v, struct job *j, struct rewrap_batch *b, uint64_t until_us)
{
	struct rewrap *x = v->jobs->rewrap;
	unsigned changed = 0;
	int r;

	if ((r = vault_turn_begin(v)) != 0) {
		if (b != NULL)
			rewrap_worker_return(x->worker, b);
		return r;
	}
	/* Without room for a batch nothing has failed: what applying and signing free is waited for. */
	if (b != NULL && (r = store_room(v->store, ROOM_BYTES)) != 0) {
		rewrap_worker_return(x->worker, b);
		return vault_turn_end(v) != 0 ? CV_ERR_IO : r;
	}
	while (r == 0 && b != NULL) {
		r = rewrap_put_batch(v, j, b, &changed);
		rewrap_worker_return(x->worker, b);
		b = NULL;
		if (r == 0 && clock_mono_us() < until_us && store_room(v->store, ROOM_BYTES) == 0)
			b = take(x);
	}
	j->changed += changed;
	if (r == 0 && j->next == j->end) {
		j->pass = PASS_COUNT;
		j->next = 1;
		x->counted = 0;
	}
	if (r == 0)
		r = rewrap_put_slice(v, j, changed);
	if (r != 0) {
		vault_turn_abort(v, r);
		return r;
	}
	return vault_turn_end(v);
}

static void fail(struct vault *v, struct job *j, const char *why)
{
	int r;

	if ((r = vault_turn_begin(v)) == 0) {
		if ((r = rewrap_put_end(v, j, JOB_FAILED, why)) == 0)
			r = vault_turn_end(v);
		else
			vault_turn_abort(v, r);
	}
	if (r != 0) {
		j->state = JOB_OPEN;
		v->jobs->not_before_ms = clock_mono_ms() + REWRAP_WAIT_MS;
	}
}

static void wrap_slice(struct vault *v, struct job *j, uint64_t until_us)
{
	static struct job before;
	struct rewrap_batch *b = take(v->jobs->rewrap);
	int r;

	if (b != NULL || j->next == j->end) {
		before = *j;
		if ((r = put_turn(v, j, b, until_us)) != 0) {
			*j = before;
			begin_anew(v, j);
			return;
		}
	}
	if (j->pass == PASS_WRAP)
		rewrap_feed(v, j, clock_mono_us() + (rewrap_asked(v) ? SLICE_ASKED_US : SLICE_ALONE_US) / 2);
}

void rewrap_slice(struct vault *v, struct job *j)
{
	const uint64_t begun_us = clock_mono_us(), until_us = begun_us + (rewrap_asked(v) ? SLICE_ASKED_US : SLICE_ALONE_US);
	struct rewrap *x;

	if (!is_newest(v, j))
		fail(v, j, "a class has a newer epoch than the one that wraps were made for");
	else if (j->pass == PASS_WRAP)
		wrap_slice(v, j, until_us);
	else
		rewrap_count_slice(v, j, until_us);
	if ((x = v->jobs->rewrap) == NULL && j->state != JOB_OPEN)
		log_info("a re-wrap %s: %llu records, %llu wraps", j->state == JOB_DONE ? "is done" : "failed",
		    (unsigned long long)j->changed, (unsigned long long)j->wraps);
	if (x == NULL)
		return;
	x->slice_end_us = clock_mono_us();
	x->slice_us = x->slice_end_us - begun_us;
}

/* ---- metrics ---------------------------------------------------------------------------------------------------------------- */

static void gauge(struct buf *b, const char *name, const char *help, uint64_t value)
{
	buf_printf(b, "# HELP childvault_rewrap_%s %s\n# TYPE childvault_rewrap_%s gauge\nchildvault_rewrap_%s %llu\n", name, help, name,
	    name, (unsigned long long)value);
}

void rewrap_metrics(struct vault *v, struct buf *ret)
{
	static struct rewrap_class old[REWRAP_CLASSES_MAX];
	const struct job *open = NULL;
	unsigned epochs;

	for (unsigned i = 0; i < v->jobs->now.n; i++)
		if (v->jobs->now.job[i].kind == JOB_REWRAP && v->jobs->now.job[i].state == JOB_OPEN)
			open = &v->jobs->now.job[i];
	(void)rewrap_classes_old(v->keys, old, &epochs);
	gauge(ret, "done", "Records that the open re-wrap has been over, in its present pass.", open != NULL ? open->next - 1 : 0);
	gauge(ret, "total", "Records that it goes over.", open != NULL ? open->end - 1 : 0);
	gauge(ret, "needs_keys", "1 while an open re-wrap waits for custodians.", open != NULL && !rewrap_has_keys(v, open));
	gauge(ret, "old_epochs", "Class epochs that are not the newest of their class and still in the directory.", epochs);
}

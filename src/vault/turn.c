/* Turns, and the upkeep between them. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "vault/gov.h"
#include "vault/jobs.h"
#include "vault/list.h"
#include "vault/members.h"
#include "vault/vault_internal.h"

#define UPKEEP_IDEM 2
#define UPKEEP_STATE 5
#define IDEM_SLICE 64		/* rows looked at in one tick */
#define IDEM_EVERY_MS 60000u
#define ROOM_EVERY_MS 1000u
#define ROOM_PUT_OFF (1u << 20)	/* bytes that a request may need which was put off for want of room */
#define ROOM_AGAIN 65536u	/* bytes that a full store must take before it counts as one with room */

static int begin_with_room(struct vault *v)
{
	int r = store_turn_begin(v->store);

	if (r != 0 || !v->put_off)
		return r;
	v->put_off = false;
	if (store_room(v->store, ROOM_PUT_OFF) == 0)
		return 0;
	/* Not the turn before was full but the ring is: what applying and signing frees is freed first. */
	store_turn_abort(v->store);
	(void)vault_checkpoint_now(v);	/* then what was put off is refused */
	return store_turn_begin(v->store);
}

/* Before anybody is answered with the directory that the turn before changed: sessions whose keys are behind it end, with their leaves. */
static void end_outdated(struct vault *v)
{
	struct session_end x = { v, clock_wall_ms() };

	sessions_outdated(v->keys, vault_session_ended, &x);
	v->epochs_changed = false;
}

int vault_turn_begin(struct vault *v)
{
	int r;

	if (v->state != VAULT_READY)
		return CV_ERR_STATE;
	/* First the log: closing a day takes turns of its own. */
	r = audit_turn_begin(v->audit, v->store, clock_wall_ms());
	if (r != 0 && !v->log_stuck)
		log_error("the log cannot go on, data calls are refused: %s", r == CV_ERR_STATE ?
		    "its last day lies too far before this machine's clock: set that right, or confirm the date (childvault audit date)" :
		    cv_strerror(r));
	v->log_stuck = r != 0;
	if (r != 0)
		return r;
	v->turn_saved.valid = v->call_saved.valid = false;
	v->unnamed = v->more_follow = false;
	v->turn_calls = 0;
	if (v->directory_due && (r = gov_directory_load(v)) != 0)
		return r;
	if ((r = begin_with_room(v)) == 0 && v->epochs_changed)
		end_outdated(v);
	return r;
}

/* A turn's answers are what they are, if it is durable, and one refusal each otherwise. */
static void settle_counts(struct vault *v, uint64_t counts[PROBLEM_COUNT], int r)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < PROBLEM_COUNT; i++) {
		n += counts[i];
		if (r == 0)
			v->counts[i] += counts[i];
		counts[i] = 0;
	}
	if (r != 0)
		v->counts[r == CV_ERR_FULL ? PROBLEM_STORAGE_FULL : PROBLEM_AUDIT_UNAVAILABLE] += n;
}

/* What the turn's calls left behind in memory holds or not, as the turn does. */
static void settle_calls(struct vault *v, int r)
{
	settle_counts(v, v->turn_counts, r);
	/* Nobody was told their tokens, and no leaf says that they were opened. */
	for (unsigned i = 0; r != 0 && i < v->opened; i++)
		session_close(v->keys, v->open[i]);
	v->opened = 0;
}

/* Whether the store is full. Then room is made at once, as far as applying and signing make any. */
static void settle_full(struct vault *v, int r, bool changed)
{
	if (r == 0 && changed && !v->refused_full)
		v->full = false;
	if (r != CV_ERR_FULL && !v->refused_full)
		return;
	if (!v->full)
		log_warn("the store is full: changes are refused until there is room");
	v->full = true;
	v->refused_full = false;
	if (clock_mono_ms() < v->next_room_ms)
		return;
	v->next_room_ms = clock_mono_ms() + ROOM_EVERY_MS;
	if ((r = vault_checkpoint_now(v)) != 0)
		log_warn("no room could be made: %s", cv_strerror(r));
}

/* The turn ends before the call that was to name the state: a leaf of its own does, unless that of the merges was the last. */
static int name_late(struct vault *v)
{
	const uint8_t body[5] = { UPKEEP_STATE };
	int r;

	if (store_next_leaf(v->store) == v->state_leaf + 1)
		return 0;
	if ((r = vault_system_leaf(v, LEAF_MERGE, body, sizeof(body), true, clock_wall_ms())) == 0)
		store_commit(v->store);
	return r;
}

void vault_more_follow(struct vault *v, bool more)
{
	v->more_follow = more;
}

/* With r, what failed before: then nothing of the turn stands. */
static int end_turn(struct vault *v, int r)
{
	bool dirty, changed;

	if (r == 0 && v->merges > 0)
		r = vault_run_merges(v);
	v->merges = 0;
	if (r == 0 && v->unnamed)
		r = name_late(v);
	v->unnamed = false;
	dirty = v->state_dirty || v->counters_dirty;
	changed = v->turn_saved.valid;
	if (r == 0)
		r = vault_put_state(v);
	if (r == 0) {
		if (dirty)
			store_commit(v->store);
		r = store_turn_end(v->store);
		if (r == 0)
			v->durable_records = v->counters.next_serial - 1;
	} else {
		store_turn_abort(v->store);
	}
	gov_turn_done(v, r == 0);
	list_turn_done(v, r == 0);
	jobs_turn_done(v, r == 0);
	members_turn_done(v, r == 0);
	audit_turn_end(v->audit, r);
	record_turn_end(v->keys);
	if (r != 0) {
		vault_undo(v, &v->turn_saved);
		v->state_dirty = v->tables_dirty = v->counters_dirty = false;
		log_error("a turn could not be made durable: %s", cv_strerror(r));
	}
	if (v->turn_calls > 0)
		v->asked_us = clock_mono_us();
	settle_calls(v, r);
	settle_full(v, r, changed);
	return r;
}

int vault_turn_end(struct vault *v)
{
	return end_turn(v, 0);
}

void vault_turn_abort(struct vault *v, int r)
{
	(void)end_turn(v, r);
}

void vault_turn_refused(struct vault *v, int r, struct buf *out)
{
	if (v->state == VAULT_SEALED)
		wire_refusal_put(out, PROBLEM_SEALED, MESSAGE_NO_LEAF, NULL, 30);
	else
		vault_turn_failed(r, out);
	v->counts[v->state == VAULT_SEALED ? PROBLEM_SEALED : r == CV_ERR_FULL ? PROBLEM_STORAGE_FULL : PROBLEM_AUDIT_UNAVAILABLE]++;
}

void vault_turn_failed(int r, struct buf *out)
{
	bool full = r == CV_ERR_FULL;

	wire_refusal_put(out, full ? PROBLEM_STORAGE_FULL : PROBLEM_AUDIT_UNAVAILABLE, MESSAGE_NO_LEAF, NULL, full ? 30 : 0);
}

int vault_applied_fd(const struct vault *v)
{
	return v->state == VAULT_READY ? store_applied_fd(v->store) : -1;
}

void vault_applied(struct vault *v)
{
	int r;

	if (v->state == VAULT_READY && (r = audit_checkpoint(v->audit, v->store)) != 0)
		log_error("checkpoint: %s", cv_strerror(r));
}

int vault_checkpoint_now(struct vault *v)
{
	int r;

	if (v->state != VAULT_READY)
		return 0;
	if ((r = store_flush(v->store)) == 0)
		r = audit_checkpoint(v->audit, v->store);
	return r;
}

int vault_sign_now(struct vault *v)
{
	int r;

	if (v->state != VAULT_READY)
		return 0;
	if ((r = store_flush_leaves(v->store)) == 0)
		r = audit_checkpoint(v->audit, v->store);
	return r;
}

/* Idempotency rows whose day has passed. */
struct idem_sweep {
	struct vault *v;
	uint32_t today;
	unsigned seen, n;
	uint8_t key[IDEM_SLICE][18];
};

static int look_at_idem(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct idem_sweep *x = cookie;

	if (key_n != 18 || val_n < 20)
		return CV_ERR_FORMAT;
	memcpy(x->v->idem_cursor, key, 18);
	x->seen++;
	/* Due day stands at offset 10, FORMAT.md 5.1. */
	if (be32_get(val + 10) != 0 && be32_get(val + 10) <= x->today)
		memcpy(x->key[x->n++], key, 18);
	return 0;
}

/* A slice of the idempotency rows; the next tick goes on behind it. True at their end, where the next slice begins again. */
static bool sweep_idem(struct vault *v, uint64_t now_ms)
{
	static const uint8_t prefix[2] = { 0, 1 };
	static struct idem_sweep x;
	uint8_t body[5] = { UPKEEP_IDEM };
	int r = 0;

	x.v = v;
	x.today = (uint32_t)(now_ms / (24u * 3600 * 1000)) + 1;
	x.seen = x.n = 0;
	if (memcmp(v->idem_cursor, prefix, 2) != 0)
		memcpy(v->idem_cursor, prefix, 2);
	if ((r = store_scan(v->store, STORE_GOV, prefix, 2, v->idem_cursor, 18, false, IDEM_SLICE, look_at_idem, &x)) != 0)
		log_warn("idempotency rows: %s", cv_strerror(r));
	if (r != 0 || x.seen < IDEM_SLICE)
		memset(v->idem_cursor, 0, sizeof(v->idem_cursor));
	if (r != 0 || x.n == 0 || vault_turn_begin(v) != 0)
		return r != 0 || x.seen < IDEM_SLICE;
	for (unsigned i = 0; r == 0 && i < x.n; i++)
		r = vault_del_hashed(v, STORE_GOV, x.key[i], 18);
	be32_put(body + 1, x.n);
	if (r == 0)
		r = vault_system_leaf(v, LEAF_MERGE, body, sizeof(body), true, now_ms);
	if (r == 0) {
		store_commit(v->store);
	} else {
		store_rollback(v->store);
		vault_undo(v, &v->call_saved);
	}
	if ((r = vault_turn_end(v)) != 0)
		log_warn("expired idempotency rows stay: %s", cv_strerror(r));
	return x.seen < IDEM_SLICE;
}

void vault_session_ended(void *cookie, struct session *s)
{
	const struct session_end *x = cookie;
	const struct principal *p = session_principal(x->v->keys, s);
	struct audit_entry e;
	uint64_t index;
	unsigned n = 0;

	merges_forget(x->v, s);
	jobs_forget(x->v, s);
	for (unsigned i = 0; i < x->v->opened; i++)
		if (x->v->open[i] != s)
			x->v->open[n++] = x->v->open[i];
	x->v->opened = n;
	memset(&e, 0, sizeof(e));
	e.kind = LEAF_SESSION_END;
	if (p != NULL)
		memcpy(e.actor.principal, p->id, 16);
	memcpy(e.actor.session, session_id(s), 16);
	if (audit_leaf(x->v->audit, x->v->store, &e, x->now_ms, &index) == 0)
		store_commit(x->v->store);
	else
		store_rollback(x->v->store);
}

/* Failed session openings, counted on until a leaf that says so is durable. Whether there is such a leaf in the turn now. */
static bool failures_leaf(struct vault *v, uint64_t now_ms)
{
	struct audit_entry e;
	uint64_t first, last, index;
	uint32_t n = session_failures(v->keys, &first, &last);

	if (n > 0) {
		if (v->failures == 0)
			v->first_failure_ms = first;
		v->last_failure_ms = last;
		v->failures += n;
	}
	if (v->failures == 0)
		return false;
	memset(&e, 0, sizeof(e));
	e.kind = LEAF_LOGIN_FAILURES;
	e.detail.count = v->failures;
	e.detail.reason_n = (uint16_t)snprintf(e.detail.reason, sizeof(e.detail.reason), "first %llu ms, last %llu ms",
	    (unsigned long long)v->first_failure_ms, (unsigned long long)v->last_failure_ms);
	if (audit_leaf(v->audit, v->store, &e, now_ms, &index) != 0) {
		store_rollback(v->store);
		return false;
	}
	store_commit(v->store);
	return true;
}

void vault_tick(struct vault *v)
{
	uint64_t now_ms = clock_wall_ms(), mono_ms = clock_mono_ms();
	struct session_end x = { v, now_ms };
	bool told;
	int r;

	if (v->state != VAULT_READY)
		return;
	if (!vault_healthy(v)) {
		if (!v->told_failed)
			log_error("the %s failed for good, data calls are refused until a restart: its disk could not be written",
			    store_healthy(v->store) ? "log" : "store");
		v->told_failed = true;
		return;
	}
	if ((r = epochs_renew_due(v)) != 0)
		log_error("no further daily keys for the log: %s", cv_strerror(r));
	if (vault_turn_begin(v) != 0)	/* closes epochs that have passed */
		return;
	session_sweep(v->keys, now_ms, mono_ms, vault_session_ended, &x);
	told = failures_leaf(v, now_ms);
	if (v->full && store_room(v->store, ROOM_AGAIN) == 0) {
		log_info("the store has room again");
		v->full = false;
	}
	if (vault_turn_end(v) != 0)
		return;
	if (told)
		v->failures = 0;
	gov_tick(v, now_ms);
	if (mono_ms >= v->next_idem_ms && sweep_idem(v, now_ms))
		v->next_idem_ms = mono_ms + IDEM_EVERY_MS;
}

/* The end of a re-wrap: the count that proves it, and the old epochs leaving the directory. FORMAT.md 5.2. */
#include "vault/rewrap_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "format/directory.h"
#include "vault/gov_internal.h"

#define UPKEEP_JOB 3		/* what of leaf kind 21: a slice of a job */
#define GONE_BYTES (1u << 20)	/* of the keys of directory rows that go */

/* ---- leaves ----------------------------------------------------------------------------------------------------------------- */

int rewrap_put_slice(struct vault *v, const struct job *j, unsigned changed)
{
	uint8_t body[5] = { UPKEEP_JOB };
	int r;

	v->call_saved.valid = false;
	be32_put(body + 1, changed);
	if ((r = jobs_put(v, j)) == 0 && (r = vault_system_leaf(v, LEAF_MERGE, body, sizeof(body), true, clock_wall_ms())) == 0)
		store_commit(v->store);
	return r;
}

int rewrap_put_end(struct vault *v, struct job *j, enum job_state state, const char *text)
{
	struct audit_entry e;
	uint64_t index;
	int r;

	v->call_saved.valid = false;
	j->state = state;
	memset(&e, 0, sizeof(e));
	e.kind = LEAF_JOB;
	memcpy(e.actor.principal, j->by, 16);
	memcpy(e.detail.approval, j->id, 16);
	if (v->jobs->rewrap != NULL)
		e.detail.count = (uint32_t)(v->jobs->rewrap->counted < UINT32_MAX ? v->jobs->rewrap->counted : UINT32_MAX);
	e.detail.reason_n = (uint16_t)snprintf(e.detail.reason, sizeof(e.detail.reason), "rewrap %s: %s",
	    state == JOB_DONE ? "done" : "failed", text);
	if (e.detail.reason_n >= sizeof(e.detail.reason))
		e.detail.reason_n = sizeof(e.detail.reason) - 1;
	if ((r = audit_leaf(v->audit, v->store, &e, clock_wall_ms(), &index)) == 0)
		r = rewrap_put_slice(v, j, 0);
	return r;
}

/* ---- old epochs leave ------------------------------------------------------------------------------------------------------- */

/* Directory rows as they are found: those of old epochs, and the newest class rows that still have a link. */
struct leaving {
	const struct job *job;
	struct buf gone;		/* u8 length, key */
	struct buf stripped;		/* u8 length, key, u16 length, value without the link */
};

static const struct rewrap_class *class_of(const struct job *j, uint32_t class_key)
{
	for (unsigned i = 0; i < j->classes; i++)
		if (j->class[i].class_key == class_key)
			return &j->class[i];
	return NULL;
}

static void put_key(struct buf *b, const uint8_t *key, size_t n)
{
	buf_u8(b, (uint8_t)n);
	buf_put(b, key, n);
}

static int see_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct leaving *x = cookie;
	const struct rewrap_class *c;
	struct dir_key k;
	struct dir_value row;
	int r;

	if ((r = dir_key_decode(key, key_n, &k)) != 0)
		return r;
	/* Change sets have another layout. */
	if ((k.type != DIR_CLASS && k.type != DIR_GRANT) || (c = class_of(x->job, k.class_key)) == NULL)
		return 0;
	if ((r = dir_value_decode(val, val_n, &row)) != 0)
		return r;
	if (k.epoch < c->newest) {
		put_key(&x->gone, key, key_n);
	} else if (k.type == DIR_CLASS) {
		put_key(&x->stripped, key, key_n);
		buf_u16(&x->stripped, (uint16_t)(row.rest - val + 2));
		buf_put(&x->stripped, val, (size_t)(row.rest - val));
		dir_link_encode(NULL, 0, &x->stripped);
	}
	return buf_ok(&x->gone) && buf_ok(&x->stripped) ? 0 : CV_ERR_NOMEM;
}

static int change_rows_of(struct vault *v, const struct leaving *x)
{
	struct rd rd = rd_over(x->gone.p, x->gone.n);
	int r = 0;

	while (r == 0 && rd_left(&rd) > 0) {
		uint8_t n = rd_u8(&rd);
		const uint8_t *key = rd_take(&rd, n);

		r = key != NULL ? vault_del_hashed(v, STORE_DIR, key, n) : CV_ERR_FORMAT;
	}
	rd = rd_over(x->stripped.p, x->stripped.n);
	while (r == 0 && rd_left(&rd) > 0) {
		uint8_t n = rd_u8(&rd);
		const uint8_t *key = rd_take(&rd, n), *val;
		uint16_t val_n = rd_u16(&rd);

		val = rd_take(&rd, val_n);
		r = key != NULL && val != NULL ? vault_put_hashed(v, STORE_DIR, key, n, val, val_n) : CV_ERR_FORMAT;
	}
	return r;
}

/* Delete what only old epochs need, in the open request; the directory must load as it is then. */
static int old_epochs_leave(struct vault *v, const struct job *j)
{
	struct leaving x = { .job = j };
	int r;

	buf_init(&x.gone, GONE_BYTES);
	buf_init(&x.stripped, GONE_BYTES);
	v->call_saved.valid = false;
	if ((r = store_scan(v->store, STORE_DIR, "", 0, NULL, 0, false, 0, see_row, &x)) == 0 && (r = change_rows_of(v, &x)) == 0)
		r = directory_check(v->keys, v->store, v->admin, v->admins);
	buf_free(&x.gone);
	buf_free(&x.stripped);
	return r;
}

/* ---- the count -------------------------------------------------------------------------------------------------------------- */

const char *rewrap_class_name(const struct vault *v, uint32_t class_key, char number[REWRAP_NAME])
{
	int at = policy_class_position(v->policy, (uint16_t)(class_key >> 16));

	snprintf(number, REWRAP_NAME, "0x%04X", (unsigned)(class_key >> 16));
	return at >= 0 ? policy_class(v->policy, (unsigned)at)->name : number;
}

/* "1000 records, 20000 wraps; gone: identity to 1, health to 2, and 3 more" */
static void tell(const struct vault *v, const struct job *j, char *ret, size_t room)
{
	size_t n = (size_t)snprintf(ret, room, "%llu records, %llu wraps; epochs gone:", (unsigned long long)j->changed,
	    (unsigned long long)j->wraps);

	for (unsigned i = 0; i < j->classes; i++) {
		char one[128], number[REWRAP_NAME];
		int k = snprintf(one, sizeof(one), "%s %s to %u", i > 0 ? "," : "", rewrap_class_name(v, j->class[i].class_key, number),
		    j->class[i].newest - 1);

		if (n + (size_t)k + 24 > room) {
			snprintf(ret + n, room - n, ", and %u more", j->classes - i);
			break;
		}
		memcpy(ret + n, one, (size_t)k + 1);
		n += (size_t)k;
	}
}

/* Sessions forget what nothing is under any more. */
static void forget(struct vault *v, const struct job *j)
{
	for (unsigned i = 0; i < j->classes; i++)
		for (uint32_t epoch = 1; epoch < j->class[i].newest; epoch++)
			sessions_forget_epoch(v->keys, j->class[i].class_key, epoch);
}

/* Nothing is under an old epoch: one turn in which they go. 0, or why it does not stand. */
static int finish(struct vault *v, struct job *j)
{
	static struct job before;
	char text[400];
	int r;

	before = *j;
	tell(v, j, text, sizeof(text));
	if ((r = vault_turn_begin(v)) != 0)
		return r;
	if ((r = old_epochs_leave(v, j)) == 0 && (r = rewrap_put_end(v, j, JOB_DONE, text)) == 0) {
		v->gov->directory_changed = true;	/* the turn's end loads it */
		r = vault_turn_end(v);
	} else {
		vault_turn_abort(v, r);
	}
	if (r == 0)
		forget(v, &before);
	else
		*j = before;
	return r;
}

/* Old wraps were found: from the beginning, or, if that has not helped before or some do not open, the job has failed. 0 or as finish. */
static int repeat(struct vault *v, struct job *j)
{
	struct rewrap *x = v->jobs->rewrap;
	static struct job before;
	char text[128];
	int r;

	before = *j;
	if ((r = vault_turn_begin(v)) != 0)
		return r;
	if (j->skipped > 0 || x->passes + 1 >= PASSES_MAX) {
		snprintf(text, sizeof(text), "%llu wraps are under old epochs still, %llu records do not open",
		    (unsigned long long)x->counted, (unsigned long long)j->skipped);
		r = rewrap_put_end(v, j, JOB_FAILED, text);
	} else {
		j->pass = PASS_WRAP;
		j->next = 1;
		j->end = v->counters.next_serial;
		r = rewrap_put_slice(v, j, 0);
	}
	if (r == 0)
		r = vault_turn_end(v);
	else
		vault_turn_abort(v, r);
	if (r != 0) {
		*j = before;
	} else if (j->state == JOB_OPEN) {
		x->passes++;
		x->feed = 1;
		x->round++;
	}
	return r;
}

static int count_row(struct vault *v, const struct job *j, uint64_t serial, unsigned *ret_old)
{
	uint8_t key[REC_KEY_MAX];
	struct store_value row;
	int r = store_get(v->store, STORE_REC, key, rec_key(serial, REC_KEYS, 0, 0, key), &row);

	*ret_old = 0;
	if (r == 0 && (r = rewrap_old(j->class, j->classes, row.p, row.n, ret_old)) == CV_ERR_FORMAT) {
		*ret_old = 1;	/* what cannot be read is not known to be new */
		r = 0;
	}
	return r == CV_ERR_NOTFOUND ? 0 : r;
}

void rewrap_count_slice(struct vault *v, struct job *j, uint64_t until_us)
{
	struct rewrap *x = v->jobs->rewrap;
	unsigned n = 0, old;
	int r = 0;

	/* Also what was written meanwhile. */
	j->end = v->counters.next_serial;
	while (r == 0 && j->next < j->end && (++n % 16 != 0 || clock_mono_us() < until_us))
		if ((r = count_row(v, j, j->next, &old)) == 0) {
			x->counted += old;
			j->next++;
		}
	if (r == 0 && j->next == j->end)
		r = x->counted == 0 ? finish(v, j) : repeat(v, j);
	if (r != 0) {
		log_warn("a re-wrap waits: %s", cv_strerror(r));
		v->jobs->not_before_ms = clock_mono_ms() + REWRAP_WAIT_MS;
	}
}

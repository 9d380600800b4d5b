/* Jobs: their rows, their place in turns, and their slices. */
#include "vault/jobs_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "vault/list.h"
#include "vault/rewrap.h"

#define GOV_PREFIX 20u		/* clear bytes before a governance row's SEAL, FORMAT.md 5.1 */
#define UPKEEP_JOB 3		/* what of leaf kind 21: a slice of a job */
#define STORE_EVERY_MS 1000u	/* a job that changes nothing notes where it stands so often */
#define WAIT_MS 1000u		/* after a slice that could not be made durable */
#define RECORD_ROOM (1u << 20)	/* bytes that one record may take in a turn */

/* ---- rows --------------------------------------------------------------------------------------------------------- */

enum { TAG_KIND = 1, TAG_BY, TAG_CREATED, TAG_NEXT, TAG_END, TAG_CHANGED, TAG_SKIPPED, TAG_POLICY, TAG_FIELDS, TAG_CLASSES, TAG_PASS,
	TAG_WRAPS };

#define ITEM_CLASS 8u	/* bytes of one class */

/* The tags of a kind's row, in order. */
static const uint8_t *tags_of(enum job_kind kind, unsigned *ret_n)
{
	static const uint8_t fields[] = { TAG_KIND, TAG_BY, TAG_CREATED, TAG_NEXT, TAG_END, TAG_CHANGED, TAG_SKIPPED, TAG_POLICY,
		TAG_FIELDS };
	static const uint8_t rewrap[] = { TAG_KIND, TAG_BY, TAG_CREATED, TAG_NEXT, TAG_END, TAG_CHANGED, TAG_SKIPPED, TAG_CLASSES, TAG_PASS,
		TAG_WRAPS };

	*ret_n = kind == JOB_REWRAP ? sizeof(rewrap) : sizeof(fields);
	return kind == JOB_REWRAP ? rewrap : fields;
}

static void put_number(struct buf *b, uint16_t tag, uint64_t x)
{
	buf_u16(b, tag);
	buf_u16(b, 8);
	buf_u64(b, x);
}

static void put_bytes(struct buf *b, uint16_t tag, const void *p, uint16_t n)
{
	buf_u16(b, tag);
	buf_u16(b, n);
	buf_put(b, p, n);
}

static void encode_fields(const struct job *j, struct buf *b)
{
	put_bytes(b, TAG_POLICY, j->policy, 32);
	buf_u16(b, TAG_FIELDS);
	buf_u16(b, (uint16_t)(2 * j->fields));
	for (unsigned i = 0; i < j->fields; i++)
		buf_u16(b, j->field[i]);
}

static void encode_rewrap(const struct job *j, struct buf *b)
{
	buf_u16(b, TAG_CLASSES);
	buf_u16(b, (uint16_t)(ITEM_CLASS * j->classes));
	for (unsigned i = 0; i < j->classes; i++) {
		buf_u32(b, j->class[i].class_key);
		buf_u32(b, j->class[i].newest);
	}
	put_bytes(b, TAG_PASS, &j->pass, 1);
	put_number(b, TAG_WRAPS, j->wraps);
}

static void encode(const struct job *j, struct buf *b)
{
	uint8_t kind = (uint8_t)j->kind;
	unsigned tags;

	(void)tags_of(j->kind, &tags);
	buf_u16(b, (uint16_t)tags);
	put_bytes(b, TAG_KIND, &kind, 1);
	put_bytes(b, TAG_BY, j->by, 16);
	put_number(b, TAG_CREATED, j->created_ms);
	put_number(b, TAG_NEXT, j->next);
	put_number(b, TAG_END, j->end);
	put_number(b, TAG_CHANGED, j->changed);
	put_number(b, TAG_SKIPPED, j->skipped);
	if (j->kind == JOB_REWRAP)
		encode_rewrap(j, b);
	else
		encode_fields(j, b);
}

static int decode_fields(struct job *j, const uint8_t *p, size_t n)
{
	if (n % 2 != 0 || n / 2 > POLICY_FIELDS)
		return CV_ERR_FORMAT;
	j->fields = (unsigned)(n / 2);
	for (unsigned i = 0; i < j->fields; i++)
		j->field[i] = be16_get(p + 2 * i);
	return 0;
}

static int decode_classes(struct job *j, const uint8_t *p, size_t n)
{
	if (n == 0 || n % ITEM_CLASS != 0 || n / ITEM_CLASS > REWRAP_CLASSES_MAX)
		return CV_ERR_FORMAT;
	j->classes = (unsigned)(n / ITEM_CLASS);
	for (unsigned i = 0; i < j->classes; i++) {
		j->class[i] = (struct rewrap_class){ be32_get(p + ITEM_CLASS * i), be32_get(p + ITEM_CLASS * i + 4) };
		if (i > 0 && j->class[i - 1].class_key >= j->class[i].class_key)
			return CV_ERR_FORMAT;
	}
	return 0;
}

static int decode_item(struct job *j, unsigned tag, const uint8_t *p, size_t n)
{
	static const uint8_t length[] = { [TAG_KIND] = 1, [TAG_BY] = 16, [TAG_CREATED] = 8, [TAG_NEXT] = 8, [TAG_END] = 8,
		[TAG_CHANGED] = 8, [TAG_SKIPPED] = 8, [TAG_POLICY] = 32, [TAG_FIELDS] = 0, [TAG_CLASSES] = 0,
		[TAG_PASS] = 1, [TAG_WRAPS] = 8 };

	if (length[tag] != 0 && n != length[tag])
		return CV_ERR_FORMAT;
	switch (tag) {
	case TAG_KIND: j->kind = p[0]; break;
	case TAG_BY: memcpy(j->by, p, 16); break;
	case TAG_CREATED: j->created_ms = be64_get(p); break;
	case TAG_NEXT: j->next = be64_get(p); break;
	case TAG_END: j->end = be64_get(p); break;
	case TAG_CHANGED: j->changed = be64_get(p); break;
	case TAG_SKIPPED: j->skipped = be64_get(p); break;
	case TAG_POLICY: memcpy(j->policy, p, 32); break;
	case TAG_FIELDS: return decode_fields(j, p, n);
	case TAG_CLASSES: return decode_classes(j, p, n);
	case TAG_PASS: j->pass = p[0]; break;
	default: j->wraps = be64_get(p);
	}
	return 0;
}

static bool job_valid(const struct job *j)
{
	if (j->kind == JOB_REWRAP)
		return j->pass == 1 || j->pass == 2;
	return j->kind == JOB_REPROJECT || j->kind == JOB_PREDICATES;
}

static int decode(const struct buf *plain, struct job *j)
{
	struct rd rd = rd_over(plain->p, plain->n);
	uint16_t count = rd_u16(&rd);
	unsigned tags = count;
	const uint8_t *tag = tags_of(JOB_REPROJECT, &tags);
	int r = 0;

	for (unsigned i = 0; r == 0 && i < tags; i++) {
		uint16_t stored = rd_u16(&rd), n = rd_u16(&rd);
		const uint8_t *p = rd_take(&rd, n);

		r = p != NULL && stored == tag[i] ? decode_item(j, tag[i], p, n) : CV_ERR_FORMAT;
		if (i == 0)
			tag = tags_of(j->kind, &tags);
	}
	if (r == 0 && (!rd_done(&rd) || count != tags || !job_valid(j) || j->next > j->end))
		r = CV_ERR_FORMAT;
	/* What was counted before a restart is forgotten. */
	if (r == 0 && j->pass == 2)
		j->next = 1;
	return r;
}

static void row_key(const struct job *j, uint8_t ret[18])
{
	be16_put(ret, GOV_JOB);
	memcpy(ret + 2, j->id, 16);
}

int jobs_put(struct vault *v, const struct job *j)
{
	uint8_t key[18];
	int r = CV_ERR_NOMEM;

	buf_reset(&v->scratch);
	buf_reset(&v->seal);
	encode(j, &v->scratch);
	buf_u8(&v->seal, 1);
	buf_u8(&v->seal, 1);
	buf_u32(&v->seal, keys_epoch(v->keys));
	buf_u16(&v->seal, GOV_JOB);
	buf_u8(&v->seal, (uint8_t)j->state);
	buf_u8(&v->seal, 0);	/* flags */
	buf_u32(&v->seal, 0);	/* no due day */
	buf_u48(&v->seal, 0);	/* about no child */
	if (buf_ok(&v->scratch) && buf_ok(&v->seal))
		r = keys_gov_seal(v->keys, GOV_JOB, j->id, UINT32_MAX, v->scratch.p, v->scratch.n, &v->seal);
	row_key(j, key);
	if (r == 0)
		r = vault_put_hashed(v, STORE_GOV, key, sizeof(key), v->seal.p, v->seal.n);
	buf_reset(&v->scratch);
	buf_reset(&v->seal);
	return r;
}

int jobs_del(struct vault *v, const struct job *j)
{
	uint8_t key[18];

	row_key(j, key);
	return vault_del_hashed(v, STORE_GOV, key, sizeof(key));
}

int jobs_make_place(struct vault *v)
{
	struct job_table *t = &v->jobs->now;
	int r;

	if (t->n < JOBS_MAX)
		return 0;
	for (unsigned i = 0; i < t->n; i++) {
		if (t->job[i].state == JOB_OPEN)
			continue;
		if ((r = jobs_del(v, &t->job[i])) != 0)
			return r;
		memmove(&t->job[i], &t->job[i + 1], (t->n - i - 1) * sizeof(t->job[0]));
		t->n--;
		return 0;
	}
	return CV_ERR_BUSY;
}

/* Rows come in the order of their random ids: each goes to its place by age. */
static int load_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	static struct job j;
	struct vault *v = cookie;
	struct job_table *t = &v->jobs->now;
	unsigned at = t->n;
	int r;

	if (key_n != 18 || val_n < GOV_PREFIX || be16_get(val + 6) != GOV_JOB || t->n == JOBS_MAX)
		return CV_ERR_FORMAT;
	memset(&j, 0, sizeof(j));
	memcpy(j.id, key + 2, 16);
	j.state = val[8];
	buf_reset(&v->scratch);
	if ((r = keys_gov_open(v->keys, GOV_JOB, j.id, UINT32_MAX, val + GOV_PREFIX, val_n - GOV_PREFIX, &v->scratch)) == 0)
		r = decode(&v->scratch, &j);
	buf_reset(&v->scratch);
	if (r != 0)
		return r;
	while (at > 0 && t->job[at - 1].created_ms > j.created_ms)
		at--;
	memmove(&t->job[at + 1], &t->job[at], (t->n - at) * sizeof(j));
	t->job[at] = j;
	t->n++;
	return 0;
}

int jobs_load(struct vault *v)
{
	uint8_t prefix[2];

	if ((v->jobs = calloc(1, sizeof(*v->jobs))) == NULL)
		return CV_ERR_NOMEM;
	buf_init(&v->jobs->source.bytes, v->content.bytes.max);
	be16_put(prefix, GOV_JOB);
	return store_scan(v->store, STORE_GOV, prefix, 2, NULL, 0, false, 0, load_row, v);
}

void jobs_unload(struct vault *v)
{
	if (v->jobs == NULL)
		return;
	rewrap_free(v);
	buf_free(&v->jobs->source.bytes);
	free(v->jobs);
	v->jobs = NULL;
}

/* ---- turns -------------------------------------------------------------------------------------------------------- */

void jobs_save(struct vault *v)
{
	struct jobs *x = v->jobs;

	if (!x->turn_valid)
		x->turn_saved = x->now;
	if (!x->call_valid)
		x->call_saved = x->now;
	x->turn_valid = x->call_valid = true;
}

void jobs_commit(struct vault *v)
{
	if (v->jobs == NULL)
		return;
	v->jobs->call_valid = false;
	rewrap_commit(v);
}

void jobs_rollback(struct vault *v)
{
	struct jobs *x = v->jobs;

	if (x == NULL)
		return;
	if (x->call_valid)
		x->now = x->call_saved;
	x->call_valid = false;
	rewrap_rollback(v);
}

void jobs_turn_done(struct vault *v, bool durable)
{
	struct jobs *x = v->jobs;

	if (x == NULL)
		return;
	if (x->turn_valid && !durable)
		x->now = x->turn_saved;
	x->turn_valid = x->call_valid = false;
	rewrap_turn_done(v, durable);
}

static void table_forget(struct job_table *t, const struct session *s)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->job[i].session == s)
			t->job[i].session = NULL;
}

void jobs_forget(struct vault *v, const struct session *s)
{
	if (v->jobs == NULL)
		return;
	table_forget(&v->jobs->now, s);
	/* What an undo puts back must not bring it back either. */
	if (v->jobs->call_valid)
		table_forget(&v->jobs->call_saved, s);
	if (v->jobs->turn_valid)
		table_forget(&v->jobs->turn_saved, s);
}

/* ---- what a job needs --------------------------------------------------------------------------------------------- */

bool jobs_field_fits(enum job_kind kind, const struct policy_field *f)
{
	if (kind == JOB_PREDICATES)
		return f->predicate.rule != PREDICATE_NONE;
	return f->views > 0 || f->is_area || f->is_due || f->is_state;
}

bool jobs_session_fits(const struct vault *v, const struct session *s, enum job_kind kind, const struct policy_field *f)
{
	bool fits = session_has_class(s, (uint32_t)f->class << 16);

	for (unsigned i = 0; i < f->views && fits; i++)
		fits = session_has_class(s, (uint32_t)f->view[i].class << 16);
	for (unsigned i = 0; kind == JOB_PREDICATES && i < f->predicate.inputs && fits; i++) {
		const struct policy_field *in = policy_field_by_id(v->policy, f->predicate.input[i]);

		fits = in != NULL && session_has_class(s, (uint32_t)in->class << 16);
	}
	return fits;
}

bool jobs_may_write(const struct vault *v, const struct session *s, const struct policy_field *f)
{
	int position = policy_class_position(v->policy, f->class);
	unsigned n;
	const uint16_t *roles = session_roles(s, &n);

	for (unsigned i = 0; i < n && position >= 0; i++) {
		const struct policy_role *role = policy_role_by_id(v->policy, roles[i]);

		if (role != NULL && (role->acts & ACT_JOB) != 0 && (role->rights[position] & RIGHT_WRITE) != 0)
			return true;
	}
	return false;
}

/* ---- slices ------------------------------------------------------------------------------------------------------- */

static struct job *job_to_run(const struct vault *v)
{
	struct jobs *x = v->jobs;

	for (unsigned i = 0; x != NULL && i < x->now.n; i++) {
		struct job *j = &x->now.job[i];

		if (j->state == JOB_OPEN && (j->session != NULL || (j->kind == JOB_REWRAP && rewrap_ready(v, j))))
			return j;
	}
	return NULL;
}

bool jobs_running(const struct vault *v)
{
	return v->jobs != NULL && v->jobs->now.n > 0 && clock_mono_ms() >= v->jobs->not_before_ms && job_to_run(v) != NULL;
}

/* Whether the session may lend its keys to the job: some role of it starts jobs, and writes what is computed. */
static bool lends(const struct vault *v, const struct job *j)
{
	struct policy_subject who = { .purpose = -1 };
	bool may;

	who.roles = session_roles(j->session, &who.role_count);
	may = policy_decide_act(v->policy, &who, ACT_JOB) != 0;
	for (unsigned i = 0; i < j->fields && may && j->kind == JOB_PREDICATES; i++)
		may = jobs_may_write(v, j->session, policy_field_by_id(v->policy, j->field[i]));
	return may;
}

/*
 * Another policy came into force: from the beginning, for the fields that still have something to compute, and by the session that may
 * still do so, else by another one.
 */
static void follow_policy(struct vault *v, struct job *j)
{
	unsigned n = 0;

	if (memcmp(j->policy, v->policy_digest, 32) == 0)
		return;
	memcpy(j->policy, v->policy_digest, 32);
	for (unsigned i = 0; i < j->fields; i++) {
		const struct policy_field *f = policy_field_by_id(v->policy, j->field[i]);

		if (f != NULL && (j->kind == JOB_REPROJECT || f->predicate.rule != PREDICATE_NONE))
			j->field[n++] = j->field[i];
	}
	j->fields = n;
	j->next = 1;
	j->end = v->counters.next_serial;
	if (n == 0)
		j->state = JOB_FAILED;
	else if (!lends(v, j))
		j->session = NULL;
}

/* One record as a request of its own within the turn. */
static void run_record(struct vault *v, const struct vault_call *c, struct job *j, unsigned *changed)
{
	uint64_t skipped = 0;
	bool rewritten = false;
	int r;

	v->call_saved.valid = false;
	if ((r = reproject_record(v, c, j, j->next, &rewritten, &skipped)) == 0 && rewritten) {
		store_commit(v->store);
		list_commit(v);
		j->changed++;
		(*changed)++;
	} else {
		store_rollback(v->store);
		list_rollback(v);
		vault_undo(v, &v->call_saved);
	}
	if (r != 0 && r != CV_ERR_NOTFOUND) {
		log_warn("a job passed over a record: %s", cv_strerror(r));
		skipped++;
	}
	j->skipped += skipped;
	j->next++;
}

/* The leaf of a job's end. */
static int result_leaf(struct vault *v, const struct job *j, uint64_t now_ms)
{
	struct audit_entry e;
	uint64_t index;

	memset(&e, 0, sizeof(e));
	e.kind = LEAF_JOB;
	memcpy(e.actor.principal, j->by, 16);
	memcpy(e.actor.session, session_id(j->session), 16);
	e.detail.count = (uint32_t)(j->changed < UINT32_MAX ? j->changed : UINT32_MAX);
	e.detail.reason_n = (uint16_t)snprintf(e.detail.reason, sizeof(e.detail.reason),
	    "%s %s: %llu records, %llu changed, %llu not opened",
	    j->kind == JOB_REPROJECT ? "reproject" : "predicates", j->state == JOB_DONE ? "done" : "failed",
	    (unsigned long long)(j->end - 1), (unsigned long long)j->changed, (unsigned long long)j->skipped);
	return audit_leaf(v->audit, v->store, &e, now_ms, &index);
}

/* Where the job stands goes to its row; a leaf names the state that the slice made. */
static int put_slice(struct vault *v, const struct job *j, unsigned changed)
{
	uint64_t now_ms = clock_wall_ms();
	uint8_t body[5] = { UPKEEP_JOB };
	int r;

	v->call_saved.valid = false;
	be32_put(body + 1, changed);
	if ((r = jobs_put(v, j)) == 0 && (j->state == JOB_OPEN || (r = result_leaf(v, j, now_ms)) == 0) &&
	    (r = vault_system_leaf(v, LEAF_MERGE, body, sizeof(body), true, now_ms)) == 0)
		store_commit(v->store);
	return r;
}

/* Records until the time is over or the turn is full. 0, or an error that fails the turn. */
static int run_slice(struct vault *v, struct job *j, uint64_t until_us)
{
	static struct vault_call c;
	unsigned changed = 0;
	bool over;

	memset(&c, 0, offsetof(struct vault_call, detail));
	c.subject.purpose = -1;
	c.now_ms = clock_wall_ms();
	c.today = (int32_t)(c.now_ms / (24u * 3600 * 1000));
	follow_policy(v, j);
	c.session = j->session;	/* and no principal: what is granted to a person is not for their jobs */
	while (j->session != NULL && j->state == JOB_OPEN && j->next < j->end && store_room(v->store, RECORD_ROOM) == 0) {
		run_record(v, &c, j, &changed);
		if (clock_mono_us() >= until_us)
			break;
	}
	if (j->session != NULL && j->state == JOB_OPEN && j->next == j->end)
		j->state = JOB_DONE;
	over = j->state != JOB_OPEN;
	if (changed == 0 && !over && clock_mono_ms() < v->jobs->stored_ms + STORE_EVERY_MS)
		return 0;
	v->jobs->stored_ms = clock_mono_ms();
	return put_slice(v, j, changed);
}

void jobs_slice(struct vault *v, uint64_t until_us)
{
	static struct job before;
	struct job *j = job_to_run(v);
	uint64_t next;
	int r;

	if (j != NULL && j->kind == JOB_REWRAP) {
		rewrap_slice(v, j);
		return;
	}
	if (j == NULL || vault_turn_begin(v) != 0) {
		if (v->jobs != NULL)
			v->jobs->not_before_ms = clock_mono_ms() + WAIT_MS;
		return;
	}
	before = *j;
	next = j->next;
	/* Without its row and its leaf nothing of the slice may stand. */
	if ((r = run_slice(v, j, until_us)) == 0)
		r = vault_turn_end(v);
	else
		vault_turn_abort(v, r);
	if (r != 0) {
		*j = before;
		v->jobs->not_before_ms = clock_mono_ms() + WAIT_MS;
	} else if (j->session != NULL && j->state == JOB_OPEN && j->next == next) {
		v->jobs->not_before_ms = clock_mono_ms() + WAIT_MS;	/* no room */
	}
	if (j->state != JOB_OPEN)
		j->session = NULL;
}

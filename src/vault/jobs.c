/* Jobs: their place in turns, and their slices. */
#include "vault/jobs_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "vault/list.h"
#include "vault/rewrap.h"

#define UPKEEP_JOB 3		/* what of leaf kind 21: a slice of a job */
#define STORE_EVERY_MS 1000u	/* a job that changes nothing notes where it stands so often */
#define WAIT_MS 1000u		/* after a slice that could not be made durable */
#define RECORD_ROOM (1u << 20)	/* bytes that one record may take in a turn */

/* ---- turns -------------------------------------------------------------------------------------------------------- */

static void put_indexes(struct vault *v, unsigned n, const struct index_state *from)
{
	v->indexes = n;
	memcpy(v->index, from, sizeof(v->index));
}

void jobs_save(struct vault *v)
{
	struct jobs *x = v->jobs;

	if (!x->turn_valid) {
		x->turn_saved = x->now;
		x->turn_indexes = v->indexes;
		memcpy(x->turn_index, v->index, sizeof(v->index));
	}
	if (!x->call_valid) {
		x->call_saved = x->now;
		x->call_indexes = v->indexes;
		memcpy(x->call_index, v->index, sizeof(v->index));
	}
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
	if (x->call_valid) {
		x->now = x->call_saved;
		put_indexes(v, x->call_indexes, x->call_index);
	}
	x->call_valid = false;
	rewrap_rollback(v);
}

void jobs_turn_done(struct vault *v, bool durable)
{
	struct jobs *x = v->jobs;

	if (x == NULL)
		return;
	if (x->turn_valid && !durable) {
		x->now = x->turn_saved;
		put_indexes(v, x->turn_indexes, x->turn_index);
	}
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

static bool is_indexed(const struct vault *v, const struct policy_field *f)
{
	for (unsigned i = 0; i < policy_indexes(v->policy); i++)
		for (unsigned k = 0; k < policy_index(v->policy, i)->fields; k++)
			if (policy_index(v->policy, i)->field[k] == f->id)
				return true;
	return false;
}

bool jobs_field_fits(const struct vault *v, enum job_kind kind, const struct policy_field *f)
{
	if (kind == JOB_PREDICATES)
		return f->predicate.rule != PREDICATE_NONE;
	if (kind == JOB_REINDEX)
		return is_indexed(v, f);
	return f->views > 0 || f->is_area || f->is_due || f->is_state || f->is_standing;
}

bool jobs_session_fits(const struct vault *v, const struct session *s, enum job_kind kind, const struct policy_field *f)
{
	bool fits = session_has_class(s, (uint32_t)f->class << 16);

	for (unsigned i = 0; kind != JOB_REINDEX && i < f->views && fits; i++)
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

		if (f != NULL && (j->kind == JOB_REPROJECT || jobs_field_fits(v, j->kind, f)))
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
	static const char *const names[] = { "", "reproject", "predicates", "rewrap", "reindex" };
	struct audit_entry e;
	uint64_t index;

	memset(&e, 0, sizeof(e));
	e.kind = LEAF_JOB;
	memcpy(e.actor.principal, j->by, 16);
	memcpy(e.actor.session, session_id(j->session), 16);
	e.detail.count = (uint32_t)(j->changed < UINT32_MAX ? j->changed : UINT32_MAX);
	e.detail.reason_n = (uint16_t)snprintf(e.detail.reason, sizeof(e.detail.reason),
	    "%s %s: %llu records, %llu changed, %llu not opened",
	    names[j->kind], j->state == JOB_DONE ? "done" : "failed",
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

/* The last record was done. What a reindex has posted answers now, and old postings go; any other job is over. */
static int end_pass(struct vault *v, struct job *j)
{
	int r;

	if (j->kind != JOB_REINDEX || j->pass == 2) {
		j->state = JOB_DONE;
		return 0;
	}
	v->call_saved.valid = false;
	/* What was passed over would be found no more: the epoch that answers goes on. */
	if (j->skipped > 0) {
		j->state = JOB_FAILED;
		if ((r = reindex_cancel(v, j)) == 0)
			store_commit(v->store);
		return r;
	}
	if ((r = reindex_switch(v, j)) != 0)
		return r;
	store_commit(v->store);
	j->pass = 2;
	j->next = 1;
	j->end = v->counters.next_serial;
	return 0;
}

/* Records until the time is over or the turn is full. 0, or an error that fails the turn. */
static int run_slice(struct vault *v, struct job *j, uint64_t until_us)
{
	static struct vault_call c;
	unsigned changed = 0;
	bool over;
	int r;

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
	if (j->session != NULL && j->state == JOB_OPEN && j->next == j->end && (r = end_pass(v, j)) != 0)
		return r;
	over = j->state != JOB_OPEN;
	if (changed == 0 && !over && clock_mono_ms() < v->jobs->stored_ms + STORE_EVERY_MS)
		return 0;
	v->jobs->stored_ms = clock_mono_ms();
	return put_slice(v, j, changed);
}

void jobs_slice(struct vault *v, uint64_t until_us)
{
	static struct job before;
	struct index_state indexes[POLICY_INDEXES];
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
	memcpy(indexes, v->index, sizeof(indexes));
	/* Without its row and its leaf nothing of the slice may stand. */
	if ((r = run_slice(v, j, until_us)) == 0)
		r = vault_turn_end(v);
	else
		vault_turn_abort(v, r);
	if (r != 0) {
		*j = before;
		memcpy(v->index, indexes, sizeof(indexes));
		v->jobs->not_before_ms = clock_mono_ms() + WAIT_MS;
	} else if (j->session != NULL && j->state == JOB_OPEN && j->next == next) {
		v->jobs->not_before_ms = clock_mono_ms() + WAIT_MS;	/* no room */
	}
	if (j->state != JOB_OPEN)
		j->session = NULL;
}

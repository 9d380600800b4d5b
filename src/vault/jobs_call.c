/* MSG_GOV_* for the collection "jobs". docs/POLICY.md section 5. */
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "format/value.h"
#include "vault/jobs_internal.h"
#include "vault/rewrap.h"

#define LIMIT_DEFAULT 100u
#define CURSOR_PLAIN (1 + 16 + 16)

static const char *const kinds[] = { "", "reproject", "predicates", "rewrap", "reindex" };

static bool text_is(const struct wire_text *t, const char *s)
{
	return t->n == strlen(s) && memcmp(t->p, s, t->n) == 0;
}

/* Whether one of the session's roles may start jobs; the purpose is no matter of theirs, but one that is named must be right. */
static unsigned may_act(struct vault *v, struct vault_call *c)
{
	const struct policy_role *role;
	unsigned problem;

	if (c->env.purpose.n > 0 && (problem = call_purpose(v, c, false)) != 0)
		return problem;
	c->detail.role = policy_decide_act(v->policy, &c->subject, ACT_JOB);
	if ((role = policy_role_by_id(v->policy, c->detail.role)) == NULL)
		return call_decline(c, DECIDE_NO_RIGHT, "no active role may start jobs");
	c->detail.department = role->department;
	return 0;
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

static const char *state_name(const struct vault *v, const struct job *j)
{
	switch (j->state) {
	case JOB_DONE: return "done";
	case JOB_FAILED: return "failed";
	case JOB_CANCELLED: return "cancelled";
	default: return j->session != NULL || (j->kind == JOB_REWRAP && rewrap_has_keys(v, j)) ? "running" : "needs-keys";
	}
}

static void put_text(struct buf *b, const char *name, const char *text, size_t *count)
{
	wire_field_put(b, name, strlen(name), VALUE_TEXT, text, strlen(text));
	(*count)++;
}

static void put_number(struct buf *b, const char *name, uint64_t x, size_t *count)
{
	uint8_t number[8];

	be64_put(number, x);
	wire_field_put(b, name, strlen(name), VALUE_INTEGER, number, sizeof(number));
	(*count)++;
}

static void put_fields(struct vault *v, const struct job *j, struct buf *out, size_t *count)
{
	struct buf *list = &v->scratch;
	size_t at, n = 0;

	buf_reset(list);
	at = value_begin(list);
	for (unsigned i = 0; i < j->fields; i++) {
		const struct policy_field *f = policy_field_by_id(v->policy, j->field[i]);

		if (f == NULL)
			continue;	/* of an older policy */
		value_item_put(list, VALUE_TEXT, f->name, strlen(f->name));
		n++;
	}
	value_end(list, at, n);
	wire_field_put(out, "fields", 6, VALUE_LIST, list->p, list->n);
	(*count)++;
	buf_reset(list);
}

/* What only a re-wrap has: its classes, how many wraps it made, and whether it makes or counts. */
static void put_rewrap(struct vault *v, const struct job *j, struct buf *out, size_t *count)
{
	struct buf *list = &v->scratch;
	size_t at;

	buf_reset(list);
	at = value_begin(list);
	for (unsigned i = 0; i < j->classes; i++) {
		char number[REWRAP_NAME];
		const char *name = rewrap_class_name(v, j->class[i].class_key, number);

		value_item_put(list, VALUE_TEXT, name, strlen(name));
	}
	value_end(list, at, j->classes);
	wire_field_put(out, "classes", 7, VALUE_LIST, list->p, list->n);
	(*count)++;
	buf_reset(list);
	put_number(out, "wraps", j->wraps, count);
	put_text(out, "step", j->pass == 1 ? "wraps" : "count", count);
}

static void put_job(struct vault *v, struct vault_call *c, const struct job *j)
{
	const struct principal *by = directory_principal(v->keys, j->by);
	size_t at, count = 0;
	char time[25];

	clock_rfc3339(j->created_ms, time);
	wire_gov_object_head(c->out, j->id);
	at = wire_count_begin(c->out);
	put_text(c->out, "kind", kinds[j->kind], &count);
	put_text(c->out, "state", state_name(v, j), &count);
	put_number(c->out, "done", j->next - 1, &count);
	put_number(c->out, "total", j->end - 1, &count);
	put_number(c->out, "changed", j->changed, &count);
	put_number(c->out, "skipped", j->skipped, &count);
	if (j->kind == JOB_REWRAP)
		put_rewrap(v, j, c->out, &count);
	else
		put_fields(v, j, c->out, &count);
	if (j->kind == JOB_REINDEX)
		put_text(c->out, "step", j->pass == 1 ? "post" : "clean", &count);
	if (by != NULL)
		put_text(c->out, "by", by->login, &count);
	put_text(c->out, "created_at", time, &count);
	wire_count_end(c->out, at, count);
}

/* ---- create ------------------------------------------------------------------------------------------------------- */

static void add_field(struct job *j, uint16_t id)
{
	unsigned at = j->fields;

	while (at > 0 && j->field[at - 1] > id)
		at--;
	if (at > 0 && j->field[at - 1] == id)
		return;
	memmove(&j->field[at + 1], &j->field[at], (j->fields - at) * sizeof(id));
	j->field[at] = id;
	j->fields++;
}

static void take_kind(struct vault_call *c, const struct wire_field *in, struct job *j)
{
	struct wire_text text = wire_text((const char *)in->value.p, in->value.n);

	if (in->value.type != VALUE_TEXT)
		call_field_error(c, in->name, PROBLEM_WRONG_TYPE, "text");
	else if (text_is(&text, kinds[JOB_REPROJECT]))
		j->kind = JOB_REPROJECT;
	else if (text_is(&text, kinds[JOB_PREDICATES]))
		j->kind = JOB_PREDICATES;
	else if (text_is(&text, kinds[JOB_REINDEX]))
		j->kind = JOB_REINDEX;
	else
		call_field_error(c, in->name, PROBLEM_VALIDATION, "reproject, predicates or reindex");
}

/* Names of fields, to be judged once the kind is known: only that they are fields is looked at. */
static void take_fields(struct vault *v, struct vault_call *c, const struct wire_field *in, struct job *j)
{
	struct value_walk walk;
	struct value_item item;

	if (in->value.type != VALUE_LIST || value_check(VALUE_LIST, in->value.p, in->value.n) != 0) {
		call_field_error(c, in->name, PROBLEM_WRONG_TYPE, "a list of field names");
		return;
	}
	walk = value_walk(VALUE_LIST, in->value.p, in->value.n);
	while (c->errors < VAULT_ERRORS && value_next(&walk, &item)) {
		struct wire_text name = wire_text((const char *)item.p, item.n);
		const struct policy_field *f = item.type != VALUE_TEXT ? NULL : policy_field_named(v->policy, name.p, name.n);

		if (item.type != VALUE_TEXT)
			call_field_error(c, in->name, PROBLEM_WRONG_TYPE, "a list of field names");
		else if (f == NULL)
			call_field_error(c, name, PROBLEM_UNKNOWN_FIELD, "a field of the profile");
		else
			add_field(j, f->id);
	}
}

static unsigned take_body(struct vault *v, struct vault_call *c, struct wire_list fields, struct job *j)
{
	struct wire_field in;

	while (c->errors < VAULT_ERRORS && wire_fields_next(&fields, &in)) {
		if (text_is(&in.name, "kind"))
			take_kind(c, &in, j);
		else if (text_is(&in.name, "fields"))
			take_fields(v, c, &in, j);
		else
			call_field_error(c, in.name, PROBLEM_UNKNOWN_MEMBER, "kind, fields");
	}
	if (c->problem == 0 && j->kind == 0)
		call_field_error(c, wire_text("kind", 4), PROBLEM_VALIDATION, "reproject, predicates or reindex");
	return c->problem;
}

/* Named fields must all fit and open; without names the job takes those that fit and open, of which there is one at least. */
static unsigned choose_fields(struct vault *v, struct vault_call *c, struct job *j)
{
	static const char *const wanted[] = { [JOB_REPROJECT] = "a field with views, or one that head follows",
		[JOB_PREDICATES] = "a field that is computed", [JOB_REINDEX] = "a field of an index" };
	bool fits = false;

	for (unsigned i = 0; i < j->fields; i++) {
		const struct policy_field *f = policy_field_by_id(v->policy, j->field[i]);

		if (!jobs_field_fits(v, j->kind, f))
			call_field_error(c, wire_text(f->name, strlen(f->name)), PROBLEM_VALIDATION, wanted[j->kind]);
		else if (j->kind == JOB_PREDICATES && !jobs_may_write(v, c->session, f))
			return call_decline(c, DECIDE_NO_RIGHT, "field %s", f->name);
		else if (!jobs_session_fits(v, c->session, j->kind, f))
			return call_decline(c, DECIDE_NO_KEY, "field %s", f->name);
	}
	if (c->problem != 0 || j->fields > 0)
		return c->problem;
	for (unsigned i = 0; i < policy_fields(v->policy); i++) {
		const struct policy_field *f = policy_field(v->policy, i);

		if (!jobs_field_fits(v, j->kind, f))
			continue;
		fits = true;
		if (jobs_session_fits(v, c->session, j->kind, f) && (j->kind != JOB_PREDICATES || jobs_may_write(v, c->session, f)))
			add_field(j, f->id);
	}
	if (!fits)
		return call_refuse(c, PROBLEM_VALIDATION, "the policy has no field to compute");
	return j->fields > 0 ? 0 : call_decline(c, DECIDE_NO_KEY, "%s", "");
}

/* The intent stands in the log before the first record is touched. */
static void mark(struct vault *v, struct vault_call *c, const struct job *j)
{
	c->kind = LEAF_JOB;
	c->mutating = true;
	c->detail.count = (uint32_t)(j->end - 1 < UINT32_MAX ? j->end - 1 : UINT32_MAX);
	for (unsigned i = 0; i < j->fields; i++) {
		const struct policy_field *f = policy_field_by_id(v->policy, j->field[i]);

		if (f != NULL)
			call_mark_field(v, c, f);
	}
}

unsigned vault_job_create(struct vault *v, struct vault_call *c, const struct wire_gov_create *m)
{
	static struct job j;
	struct job_table *t = &v->jobs->now;
	unsigned problem;
	int r;

	memset(&j, 0, sizeof(j));
	if ((problem = may_act(v, c)) != 0 || (problem = take_body(v, c, m->fields, &j)) != 0 ||
	    (problem = choose_fields(v, c, &j)) != 0)
		return problem;
	jobs_save(v);
	if ((r = jobs_make_place(v)) == CV_ERR_BUSY)
		return call_refuse(c, PROBLEM_CONFLICT, "%u jobs wait: resume or cancel one", JOBS_MAX);
	if (r != 0)
		return call_failed(c, r);
	crypto_random(j.id, sizeof(j.id));
	memcpy(j.by, c->principal->id, 16);
	memcpy(j.policy, v->policy_digest, 32);
	j.state = JOB_OPEN;
	j.created_ms = c->now_ms;
	j.next = 1;
	j.end = v->counters.next_serial;
	j.session = c->session;
	if (j.kind == JOB_REINDEX) {
		j.pass = 1;
		if ((r = reindex_begin(v, &j)) == CV_ERR_BUSY)
			return call_refuse(c, PROBLEM_CONFLICT, "an index of these fields is being made: resume or cancel that job");
		if (r == CV_ERR_NOTFOUND)
			return call_refuse(c, PROBLEM_VALIDATION, "no index has these fields alone");
		if (r != 0)
			return call_failed(c, r);
	}
	if ((r = jobs_put(v, &j)) != 0)
		return call_failed(c, r);
	t->job[t->n++] = j;
	mark(v, c, &j);
	put_job(v, c, &j);
	return 0;
}

/* ---- get, list, act ----------------------------------------------------------------------------------------------- */

/* Jobs show to who may start them, and to who made them; re-wraps to everybody who has a part in keys. */
static bool may_see(const struct vault *v, const struct vault_call *c, const struct job *j)
{
	const enum principal_kind kind = c->principal->kind;

	if (j->kind == JOB_REWRAP && (kind == PRINCIPAL_ADMINISTRATOR || kind == PRINCIPAL_CUSTODIAN || kind == PRINCIPAL_AUDITOR))
		return true;
	return memcmp(j->by, c->principal->id, 16) == 0 || policy_decide_act(v->policy, &c->subject, ACT_JOB) != 0;
}

static struct job *find(struct vault *v, const uint8_t id[16])
{
	struct job_table *t = &v->jobs->now;

	for (unsigned i = 0; i < t->n; i++)
		if (memcmp(t->job[i].id, id, 16) == 0)
			return &t->job[i];
	return NULL;
}

unsigned vault_job_get(struct vault *v, struct vault_call *c, const struct wire_gov_get *m)
{
	const struct job *j = find(v, m->id);

	if (j == NULL || !may_see(v, c, j))
		return call_refuse(c, PROBLEM_NOT_FOUND, "no such job");
	c->kind = LEAF_GOVERNANCE;
	c->detail.count = 1;
	put_job(v, c, j);
	return 0;
}

static void cursor_plain(const struct vault_call *c, const uint8_t id[16], uint8_t ret[CURSOR_PLAIN])
{
	ret[0] = 'J';
	memcpy(ret + 1, c->principal->id, 16);
	memcpy(ret + 17, id, 16);
}

/* Jobs are listed newest first; *ret is the position below which the list goes on. */
static unsigned take_cursor(struct vault *v, struct vault_call *c, const struct wire_text *t, unsigned *ret)
{
	const struct job_table *x = &v->jobs->now;
	uint8_t given[CURSOR_PLAIN], plain[CURSOR_PLAIN];
	bool good = t->n == 0 || cursor_take(v, t, given, sizeof(given));

	*ret = x->n;
	if (t->n == 0)
		return 0;
	for (unsigned i = 0; good && i < x->n; i++) {
		cursor_plain(c, x->job[i].id, plain);
		if (memcmp(plain, given, sizeof(plain)) != 0)
			continue;
		*ret = i;
		return 0;
	}
	return call_refuse(c, PROBLEM_BAD_CURSOR, "the cursor is of another caller, list or vault");
}

static int put_cursor(struct vault *v, struct vault_call *c, const struct job *j)
{
	uint8_t plain[CURSOR_PLAIN];

	cursor_plain(c, j->id, plain);
	return cursor_put(v, plain, sizeof(plain), c->out);
}

/* What a list is narrowed to; empty texts narrow nothing. */
struct filter {
	struct wire_text state, principal;
	bool mine;		/* what this session could resume */
};

static unsigned take_filter(struct vault_call *c, struct wire_list fields, struct filter *ret)
{
	struct wire_field in;

	ret->state = ret->principal = wire_text("", 0);
	ret->mine = false;
	while (wire_fields_next(&fields, &in)) {
		struct wire_text text = wire_text((const char *)in.value.p, in.value.n);

		if (in.value.type == VALUE_TEXT && text_is(&in.name, "state"))
			ret->state = text;
		else if (in.value.type == VALUE_TEXT && text_is(&in.name, "principal"))
			ret->principal = text;
		else if (in.value.type == VALUE_TEXT && text_is(&in.name, "waiting") && text_is(&text, "me"))
			ret->mine = true;
		else
			return call_refuse(c, PROBLEM_BAD_REQUEST, "jobs are listed by state, principal or waiting=me");
	}
	return 0;
}

/*
 * Whether the session holds the classes of all the job's fields that the policy still knows, and may write what is computed: from then on
 * that is written in its person's name.
 */
static enum decision_reason may_lend(struct vault *v, const struct vault_call *c, const struct job *j,
    const struct policy_field **ret_missing)
{
	for (unsigned i = 0; i < j->fields; i++) {
		const struct policy_field *f = policy_field_by_id(v->policy, j->field[i]);

		*ret_missing = f;
		if (f != NULL && j->kind == JOB_PREDICATES && !jobs_may_write(v, c->session, f))
			return DECIDE_NO_RIGHT;
		if (f != NULL && !jobs_session_fits(v, c->session, j->kind, f))
			return DECIDE_NO_KEY;
	}
	return DECIDE_YES;
}

static bool asked(struct vault *v, const struct vault_call *c, const struct job *j, const struct filter *x)
{
	const struct principal *by = directory_principal(v->keys, j->by);
	const struct policy_field *missing;

	if (x->state.n > 0 && !text_is(&x->state, state_name(v, j)))
		return false;
	if (x->principal.n > 0 && (by == NULL || !text_is(&x->principal, by->login)))
		return false;
	return !x->mine || (j->kind != JOB_REWRAP && j->state == JOB_OPEN && j->session == NULL &&
	    may_lend(v, c, j, &missing) == DECIDE_YES && policy_decide_act(v->policy, &c->subject, ACT_JOB) != 0);
}

unsigned vault_job_list(struct vault *v, struct vault_call *c, const struct wire_gov_list *m)
{
	const struct job_table *t = &v->jobs->now;
	const struct job *last = NULL;
	unsigned limit = m->limit == 0 ? LIMIT_DEFAULT : m->limit, from, problem, n = 0;
	struct filter filter;
	bool more = false;
	size_t at;
	int r = 0;

	if ((problem = take_filter(c, m->fields, &filter)) != 0 || (problem = take_cursor(v, c, &m->cursor, &from)) != 0)
		return problem;
	at = wire_count_begin(c->out);
	while (from > 0 && !more) {
		const struct job *j = &t->job[--from];

		if (!may_see(v, c, j) || !asked(v, c, j, &filter))
			continue;
		if ((more = n == limit))
			break;
		put_job(v, c, j);
		last = j;
		n++;
	}
	wire_count_end(c->out, at, n);
	if (more)
		r = put_cursor(v, c, last);
	else
		wire_text16_put(c->out, "", 0);
	c->kind = LEAF_GOVERNANCE;
	c->detail.count = n;
	return r != 0 ? call_failed(c, r) : 0;
}

/* The caller's session lends its keys from now on. */
static unsigned resume(struct vault *v, struct vault_call *c, struct job *j)
{
	const struct policy_field *missing;
	enum decision_reason why;

	if (j->state != JOB_OPEN)
		return call_refuse(c, PROBLEM_CONFLICT, "the job is over");
	if (j->kind == JOB_REWRAP)
		return call_refuse(c, PROBLEM_CONFLICT, "custodians give its keys");
	if ((why = may_lend(v, c, j, &missing)) != DECIDE_YES)
		return call_decline(c, why, "field %s", missing->name);
	jobs_save(v);
	j->session = c->session;
	return 0;
}

static unsigned cancel(struct vault *v, struct vault_call *c, struct job *j)
{
	int r;

	if (j->state != JOB_OPEN)
		return call_refuse(c, PROBLEM_CONFLICT, "the job is over");
	jobs_save(v);
	if (j->kind == JOB_REINDEX && j->pass == 1 && (r = reindex_cancel(v, j)) != 0)
		return call_failed(c, r);
	j->state = JOB_CANCELLED;
	j->session = NULL;
	return (r = jobs_put(v, j)) == 0 ? 0 : call_failed(c, r);
}

unsigned vault_job_act(struct vault *v, struct vault_call *c, const struct wire_gov_act *m)
{
	struct job *j = find(v, m->id);
	unsigned problem;

	/* A re-wrap is a matter of administrators, whatever their roles. */
	if ((j == NULL || j->kind != JOB_REWRAP || c->principal->kind != PRINCIPAL_ADMINISTRATOR) && (problem = may_act(v, c)) != 0)
		return problem;
	if (j != NULL && j->kind == JOB_REWRAP && c->principal->kind != PRINCIPAL_ADMINISTRATOR)
		return call_decline(c, DECIDE_NOT_APPROVER, "%s", "");
	if (j == NULL)
		return call_refuse(c, PROBLEM_NOT_FOUND, "no such job");
	if (m->fields.count > 0)
		return call_refuse(c, PROBLEM_UNKNOWN_MEMBER, "the actions of jobs have no body");
	if (text_is(&m->action, "resume"))
		problem = resume(v, c, j);
	else if (text_is(&m->action, "cancel"))
		problem = cancel(v, c, j);
	else
		problem = call_refuse(c, PROBLEM_NOT_FOUND, "jobs know resume and cancel");
	if (problem != 0)
		return problem;
	mark(v, c, j);
	c->mutating = j->state == JOB_CANCELLED;
	put_job(v, c, j);
	return 0;
}

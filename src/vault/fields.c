/* Field names of a read or history request: what the caller may see of each, and by what. docs/POLICY.md section 1. */
#include <string.h>

#include "format/value.h"
#include "vault/fields.h"
#include "vault/gov.h"

#define ONE_BY_ONE 4u	/* wishes whose rows are looked up each for itself at most */

/* ---- checks 6 to 10: policy ----------------------------------------------------------------------------------------- */

static const char *class_name(struct vault *v, const struct policy_field *f)
{
	int position = policy_class_position(v->policy, f->class);

	return position < 0 ? "?" : policy_class(v->policy, (unsigned)position)->name;
}

/* The last field that may be told of as refused, or NULL: refusals of hidden classes are never told. */
static const struct wanted *last_refused(struct vault *v, unsigned n)
{
	while (n-- > 0)
		if (v->wanted[n].status == WANTED_REFUSED && !v->wanted[n].decision.hidden)
			return &v->wanted[n];
	return NULL;
}

static unsigned decline(struct vault *v, struct vault_call *c, const struct wanted *w)
{
	return call_decline(c, w->decision.reason, "field %s of class %s", w->field->name, class_name(v, w->field));
}

static void refuse(struct wanted *w, enum decision_reason why)
{
	w->status = WANTED_REFUSED;
	w->decision.reason = why;
}

static void decide(struct vault *v, const struct vault_call *c, bool clear, struct wanted *w)
{
	w->decision = policy_decide_read(v->policy, &c->subject, w->field, clear);
	w->granted = w->stale = false;
	memset(w->approval, 0, sizeof(w->approval));
	switch (w->decision.reason) {
	case DECIDE_YES:
		w->status = WANTED_OPEN;
		break;
	case DECIDE_NO_RIGHT:
	case DECIDE_EXCEPTED:
	case DECIDE_NO_REVEAL:
		w->status = WANTED_GRANT;	/* what no role allows, a grant of the record may */
		break;
	default:
		w->status = WANTED_REFUSED;
	}
}

static bool any_with(struct vault *v, unsigned n, unsigned statuses)
{
	for (unsigned i = 0; i < n; i++)
		if ((statuses >> v->wanted[i].status & 1) != 0)
			return true;
	return false;
}

static bool any_hidden(struct vault *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (v->wanted[i].decision.hidden)
			return true;
	return false;
}

unsigned fields_decide(struct vault *v, struct vault_call *c, struct wire_list names, bool clear, unsigned *ret_n)
{
	bool seen[POLICY_FIELDS] = { false };
	struct wire_text name;
	unsigned n = 0;

	while (c->errors < VAULT_ERRORS && wire_names_next(&names, &name)) {
		const struct policy_field *f = policy_field_named(v->policy, name.p, name.n);
		unsigned at;

		if (f == NULL) {
			call_field_error(c, name, PROBLEM_UNKNOWN_FIELD, "a field of the profile");
			continue;
		}
		at = (unsigned)policy_field_position(v->policy, f);
		if (seen[at])
			continue;	/* named twice: answered once */
		seen[at] = true;
		v->wanted[n].field = f;
		decide(v, c, clear, &v->wanted[n]);
		n++;
	}
	if (c->problem != 0)
		return c->problem;
	if (n == 0)
		return call_refuse(c, PROBLEM_FIELDS_REQUIRED, "fields= names at least one field");
	for (unsigned i = 0; i < n; i++)
		call_mark_field(v, c, v->wanted[i].field);
	c->detail.view = clear ? 2 : 1;
	if (!any_with(v, n, 1u << WANTED_OPEN | 1u << WANTED_GRANT) && !any_hidden(v, n))
		return decline(v, c, last_refused(v, n));
	*ret_n = n;
	return 0;
}

/* ---- checks 11 to 19: the record ------------------------------------------------------------------------------------- */

/* What was found for one class and role: it holds for each of its fields unless it was a grant, which names fields. */
struct admitted {
	uint16_t class, role;
	uint8_t approval[16];
};
struct admitting {
	struct vault *v;
	struct vault_call *c;
	struct record *rec;
	const uint8_t *export;
	bool exports;
	unsigned n;
	struct admitted known[POLICY_CLASSES];
};

/* Whether governance lets the role's class answer. */
static enum decision_reason ask_role(struct admitting *x, struct wanted *w)
{
	const struct policy_role *role;
	enum decision_reason why;

	for (unsigned i = x->n; i-- > 0;)	/* from the last on: fields of one class are often named together */
		if (x->known[i].class == w->decision.class && x->known[i].role == w->decision.role) {
			memcpy(w->approval, x->known[i].approval, 16);
			return DECIDE_YES;
		}
	if ((role = policy_role_by_id(x->v->policy, w->decision.role)) == NULL)
		return DECIDE_NO_RIGHT;
	if (!record_in_area(x->v, x->c, x->rec, role))
		return DECIDE_OUT_OF_AREA;
	if (x->exports) {
		memcpy(w->approval, x->export, 16);
		return gov_export(x->v, x->c, x->export, x->rec, w->field);
	}
	why = gov_read(x->v, x->c, x->rec, w->field, w->decision.class, role, w->approval, &w->granted);
	if (why == DECIDE_YES && !w->granted && x->n < POLICY_CLASSES) {
		x->known[x->n] = (struct admitted){ .class = w->decision.class, .role = role->id };
		memcpy(x->known[x->n++].approval, w->approval, 16);
	}
	return why;
}

/* Whether a grant makes good that no role allows the field: then the value itself answers. */
static enum decision_reason ask_grant(struct admitting *x, struct wanted *w)
{
	enum decision_reason why;

	/* What a grant opens to one person is not for an export. */
	if (x->exports)
		return w->decision.reason;
	why = gov_read(x->v, x->c, x->rec, w->field, w->field->class, NULL, w->approval, &w->granted);
	switch (why) {
	case DECIDE_YES:
		w->decision.class = w->field->class;
		w->decision.masked = false;
		return record_in_area(x->v, x->c, x->rec, NULL) ? DECIDE_YES : DECIDE_OUT_OF_AREA;
	case DECIDE_APPROVAL_FIELD:
	case DECIDE_APPROVAL_EXPIRED:
	case DECIDE_APPROVAL_USED_UP:
	case DECIDE_GENERATION_GONE:
		return why;	/* there was a grant: this is what it lacks */
	default:
		return w->decision.reason;
	}
}

static void admit(struct vault *v, struct vault_call *c, struct record *rec, const uint8_t export[16], unsigned n)
{
	static const uint8_t zeros[16];
	struct admitting x;

	x.v = v;
	x.c = c;
	x.rec = rec;
	x.export = export;
	x.exports = export != NULL && memcmp(export, zeros, 16) != 0;
	x.n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct wanted *w = &v->wanted[i];
		enum decision_reason why;

		if (w->status == WANTED_REFUSED)
			continue;
		why = w->status == WANTED_OPEN ? ask_role(&x, w) : ask_grant(&x, w);
		if (why != DECIDE_YES)
			refuse(w, why);
		else if (w->status == WANTED_GRANT)
			w->status = WANTED_OPEN;
	}
}

/* By whose budget the record counts: that of the first deciding role that has one, else of the first. */
static const struct policy_role *budget_role(struct vault *v, unsigned n)
{
	const struct policy_role *first = NULL;

	for (unsigned i = 0; i < n; i++) {
		const struct wanted *w = &v->wanted[i];
		const struct policy_role *role;

		if (w->status != WANTED_OPEN || (first != NULL && w->decision.role == first->id) ||
		    (role = policy_role_by_id(v->policy, w->decision.role)) == NULL)
			continue;
		if (role->bulk_records != 0)
			return role;
		if (first == NULL)
			first = role;
	}
	return first;
}

static int count_record(struct vault *v, struct vault_call *c, const struct record *rec, const uint8_t export[16], unsigned n)
{
	enum decision_reason why = DECIDE_YES;
	int r;

	if (!any_with(v, n, 1u << WANTED_OPEN))
		return 0;
	if ((r = gov_budget(v, c, budget_role(v, n), rec->serial, export, &why)) != 0 || why == DECIDE_YES)
		return r;
	for (unsigned i = 0; i < n; i++)
		if (v->wanted[i].status == WANTED_OPEN)
			refuse(&v->wanted[i], why);
	return 0;
}

/* The leaf names the role and the approval that allowed the first field. */
static void name_in_leaf(struct vault *v, struct vault_call *c, unsigned n)
{
	static const uint8_t zeros[16];
	bool named = false, approved = memcmp(c->detail.approval, zeros, 16) != 0;

	for (unsigned i = 0; i < n && !(named && approved); i++) {
		const struct wanted *w = &v->wanted[i];
		const struct policy_role *role;

		if (w->status != WANTED_OPEN)
			continue;
		if (!named && (role = policy_role_by_id(v->policy, w->decision.role)) != NULL) {
			c->detail.role = role->id;
			c->detail.department = role->department;
			named = true;
		}
		if (!approved)
			memcpy(c->detail.approval, w->approval, 16);
		approved = memcmp(c->detail.approval, zeros, 16) != 0;
	}
}

/*
 * Up to which class key the rows are looked up together. In a record the classes' rows stand before those of their views, so the many rows
 * of views are passed over by a clear read, and the few that a short question needs are found faster one by one.
 */
static uint32_t rows_wanted(const struct vault *v, unsigned n)
{
	unsigned classes = 0, views = 0;
	uint16_t last = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct wanted *w = &v->wanted[i];
		uint16_t class_id = w->decision.class;

		if (w->status != WANTED_OPEN)
			continue;
		views += class_is_view(class_id);
		classes += !class_is_view(class_id);
		if (!class_is_view(class_id) && class_id > last)
			last = class_id;
	}
	return views > ONE_BY_ONE ? RECORD_ALL : classes > ONE_BY_ONE ? (uint32_t)last << 16 : 0;
}

unsigned fields_open(struct vault *v, struct vault_call *c, const uint8_t record[16], const uint8_t export[16], unsigned n,
    struct record *ret)
{
	uint32_t last = rows_wanted(v, n);
	int r;

	memset(ret->head.log_key, 0, sizeof(ret->head.log_key));
	memcpy(c->detail.record, record, 16);
	if ((r = record_load_upto(v, record, last, ret)) == CV_ERR_NOTFOUND && !any_with(v, n, 1u << WANTED_OPEN) && !any_hidden(v, n)) {
		/* Whom policy shuts out does not learn which records there are. */
		for (unsigned i = 0; i < n; i++)
			v->wanted[i].status = WANTED_REFUSED;
		return decline(v, c, last_refused(v, n));
	}
	if (r != 0)
		return call_failed(c, r);
	call_child(c, ret);
	admit(v, c, ret, export, n);
	if ((r = count_record(v, c, ret, export, n)) == 0 && c->mutating) {
		/* The stored rows moved with the put that counted. */
		wipe(ret->head.log_key, sizeof(ret->head.log_key));
		r = record_load_upto(v, record, last, ret);
	}
	if (r != 0)
		return call_failed(c, r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r);
	name_in_leaf(v, c, n);
	return 0;
}

/* ---- the answer -------------------------------------------------------------------------------------------------------- */

static enum view_op view_of(const struct wanted *w)
{
	for (unsigned i = 0; i < w->field->views; i++)
		if (w->field->view[i].class == w->decision.class)
			return w->field->view[i].op;
	return 0;
}

void fields_put(struct vault *v, const struct vault_call *c, const struct wanted *w, uint8_t type, const uint8_t *p, size_t n,
    struct buf *out)
{
	struct value stored = { type, p, n }, shown;
	struct value_item item;

	if (w->field->predicate.rule != PREDICATE_NONE && type == VALUE_GROUP && value_check(type, p, n) == 0 &&
	    value_member(p, n, "value", 5, &item))
		stored = (struct value){ item.type, item.p, item.n };
	shown = stored;
	buf_reset(&v->seal);
	if (w->decision.masked)
		view_present(view_of(w), &stored, c->today, &v->seal, &shown);
	wire_field_put(out, w->field->name, strlen(w->field->name), shown.type, shown.p, shown.n);
	buf_reset(&v->seal);
}

/* Whether a computed value is of another version of its inputs than head names. */
static bool is_outrun(struct vault *v, struct record *rec, const struct policy_field *f, uint8_t type, const uint8_t *p, size_t n)
{
	const struct policy_field *input = f->predicate.inputs > 0 ? policy_field_by_id(v->policy, f->predicate.input[0]) : NULL;
	const struct head_class *hc;
	struct value_item item;

	if (input == NULL || type != VALUE_GROUP || value_check(type, p, n) != 0 || !value_member(p, n, "version", 7, &item))
		return false;
	hc = head_class_find(&rec->head, (uint32_t)input->class << 16);
	return hc != NULL && item.type == VALUE_INTEGER && value_integer(item.p) != hc->class_version;
}

void fields_note(struct vault *v, const struct vault_call *c, struct record *rec, struct wanted *w, uint8_t type, const uint8_t *p,
    size_t n, const struct provenance *prov)
{
	w->provenance = *prov;
	w->stale = prov->due_day != 0 && prov->due_day <= (uint32_t)c->today;	/* days stand one higher there */
	if (w->field->predicate.rule != PREDICATE_NONE && is_outrun(v, rec, w->field, type, p, n))
		w->stale = true;
}

void fields_lock(struct vault *v, unsigned n, uint16_t class_id)
{
	for (unsigned i = 0; i < n; i++)
		if (v->wanted[i].status == WANTED_OPEN && v->wanted[i].decision.class == class_id)
			refuse(&v->wanted[i], DECIDE_NO_KEY);
}

/* A view that is a plain copy hides nothing. */
static bool is_redacted(const struct wanted *w)
{
	return w->status == WANTED_ANSWERED && w->decision.masked && view_of(w) != VIEW_PLAIN;
}

/* Refused, or of a hidden class and not there: nobody can tell one from the other. */
static bool is_omitted(const struct wanted *w)
{
	return w->status == WANTED_REFUSED || (w->status == WANTED_ABSENT && w->decision.hidden);
}

static bool is_stale(const struct wanted *w)
{
	return w->status == WANTED_ANSWERED && w->stale;
}

/* A counted list of the names of which it holds. */
static void put_names(struct vault *v, unsigned n, struct buf *out, bool (*holds)(const struct wanted *w))
{
	size_t at = wire_count_begin(out), count = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct wanted *w = &v->wanted[i];

		if (!holds(w))
			continue;
		wire_text8_put(out, w->field->name, strlen(w->field->name));
		count++;
	}
	wire_count_end(out, at, count);
}

void fields_put_meta(struct vault *v, unsigned n, struct buf *out)
{
	put_names(v, n, out, is_redacted);
	put_names(v, n, out, is_omitted);
}

static void put_provenance(struct vault *v, const struct wanted *w, struct buf *out)
{
	const struct provenance *p = &w->provenance;
	const char *source = policy_department_name(v->policy, p->source), *login = "";
	const struct principal *writer = directory_principal(v->keys, p->writer);
	bool verified = p->source == w->field->owner;

	if (verified && writer != NULL)
		login = writer->login;
	wire_provenance_put(out, &(struct wire_provenance){ wire_text(w->field->name, strlen(w->field->name)),
		wire_text(source, strlen(source)), p->written_ms, p->as_of_day, p->due_day, verified, wire_text(login, strlen(login)) });
}

void fields_put_provenance(struct vault *v, unsigned n, bool told, struct buf *out)
{
	size_t at, count = 0;

	put_names(v, n, out, is_stale);
	at = wire_count_begin(out);
	for (unsigned i = 0; told && i < n; i++) {
		if (v->wanted[i].status != WANTED_ANSWERED)
			continue;
		put_provenance(v, &v->wanted[i], out);
		count++;
	}
	wire_count_end(out, at, count);
}

/* Each grant that answered something was used once. */
static int use_grants(struct vault *v, struct vault_call *c, unsigned n)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++) {
		const struct wanted *w = &v->wanted[i];
		bool first = w->granted && w->status == WANTED_ANSWERED;

		for (unsigned j = 0; first && j < i; j++)
			first = !v->wanted[j].granted || v->wanted[j].status != WANTED_ANSWERED ||
			    memcmp(v->wanted[j].approval, w->approval, 16) != 0;
		if (first)
			r = gov_use(v, c, w->approval);
	}
	return r;
}

/* What is refused of hidden classes gets a leaf of its own. */
static void note_hidden(struct vault *v, struct vault_call *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct wanted *w = &v->wanted[i];
		unsigned at;

		if (w->status != WANTED_REFUSED || !w->decision.hidden ||
		    (at = (unsigned)policy_field_position(v->policy, w->field)) >= LEAF_FIELDS_MAX)
			continue;
		c->hidden_rule = w->decision.reason;
		c->hidden_bitmap[at / 8] |= (uint8_t)(1u << at % 8);
	}
}

unsigned fields_settle(struct vault *v, struct vault_call *c, const struct record *rec, unsigned n)
{
	const struct wanted *w;
	int r;

	if (any_with(v, n, 1u << WANTED_ANSWERED | 1u << WANTED_ABSENT)) {
		if (rec != NULL)
			record_want_merge(v, c, rec);
		note_hidden(v, c, n);
		r = use_grants(v, c, n);
		return r == 0 ? 0 : call_failed(c, r);
	}
	if ((w = last_refused(v, n)) != NULL)
		return decline(v, c, w);
	c->rule = v->wanted[n - 1].decision.reason;
	return 0;
}

/* What a client may write: from the fields of a request to accepted changes, for create.c and patch.c. docs/POLICY.md section 1. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "format/value.h"
#include "model/check.h"
#include "vault/gov.h"
#include "vault/write.h"

#define OWNER_TEXT 120

/* ---- one field ------------------------------------------------------------------------------------------------------ */

/* The day some months after day, both as rows have them; the last of its month if the month has no such day. */
static uint32_t months_later(uint32_t day, unsigned months)
{
	unsigned m, d, length;
	int y;

	clock_date((int32_t)(day - 1), &y, &m, &d);
	m += months - 1;
	y += (int)(m / 12);
	m = m % 12 + 1;
	length = (unsigned)(clock_days(y + (m == 12), m % 12 + 1, 1) - clock_days(y, m, 1));
	return (uint32_t)clock_days(y, m, d < length ? d : length) + 1;
}

/* Where the value of a change comes from. */
static void fill_provenance(struct vault *v, const struct vault_call *c, const struct write_set *w, struct change *ch)
{
	const struct policy_role *role = policy_role_by_id(v->policy, ch->role);
	struct provenance *p = &ch->provenance;

	memset(p, 0, sizeof(*p));	/* compared as a whole */
	p->source = role != NULL ? role->department : 0;
	memcpy(p->writer, c->principal->id, 16);
	p->written_ms = c->now_ms;
	p->as_of_day = w->as_of_day;
	if (ch->field->cadence_months != 0)
		p->due_day = months_later(w->as_of_day, ch->field->cadence_months);
}

/* The values' bytes move to w->values, since field_accept's may lie in scratch. */
static void add_change(struct vault *v, const struct vault_call *c, struct write_set *w, const struct policy_field *f,
    const struct value *stored, const struct write_decision *d)
{
	struct change *ch = &w->change[w->changes++];

	ch->field = f;
	ch->type = stored->type;
	ch->at = w->values.n;
	ch->n = stored->n;
	ch->write_only = d->write_only;
	ch->role = d->role;
	fill_provenance(v, c, w, ch);
	buf_put(&w->values, stored->p, stored->n);
}

/* Name the field's owner, so that a correction can be asked for there. */
static void refuse_foreign(struct vault *v, struct vault_call *c, struct wire_text name, const struct policy_field *f)
{
	/* As long-lived as the field errors that point here: one request at a time. */
	static char owners[VAULT_ERRORS][OWNER_TEXT];
	int at = policy_department_position(v->policy, f->owner);
	const struct policy_department *d = at < 0 ? NULL : policy_department(v->policy, (unsigned)at);
	char *text = owners[c->errors < VAULT_ERRORS ? c->errors : VAULT_ERRORS - 1];

	snprintf(text, OWNER_TEXT, "%.63s: %.50s", d != NULL ? d->name : "?", d != NULL ? d->label.en : "");
	call_field_error(c, name, PROBLEM_NOT_OWNER, text);
}

/* Judge and check one field. False: the request ends here, refused for what policy says of it. */
static bool accept_one(struct vault *v, struct vault_call *c, struct write_set *w, const struct wire_field *in, bool creating)
{
	const struct policy_field *f = policy_field_named(v->policy, in->name.p, in->name.n);
	struct value raw = { in->value.type, in->value.p, in->value.n }, stored = raw;
	const char *expected = "value";
	struct write_decision d;
	int r = 0;

	if (f == NULL) {
		call_field_error(c, in->name, PROBLEM_UNKNOWN_FIELD, "a field of the profile");
		return true;
	}
	call_mark_field(v, c, f);
	d = policy_decide_write(v->policy, &c->subject, f, creating);
	if (d.reason == DECIDE_NOT_OWNER) {
		refuse_foreign(v, c, in->name, f);
		w->foreign = w->foreign != NULL ? w->foreign : f;
		return true;
	}
	if (d.reason != DECIDE_YES) {
		(void)call_decline(c, d.reason, "field %s%s", f->name,
		    d.reason == DECIDE_NO_RIGHT && f->predicate.rule != PREDICATE_NONE ? " is computed, not written" : "");
		return false;
	}
	c->detail.role = d.role;
	buf_reset(&v->scratch);
	if (raw.type != VALUE_NULL)
		r = field_accept(f, &raw, c->today, &v->scratch, &stored, &expected);
	if (r != 0)
		call_field_error(c, in->name, r == CV_ERR_FORMAT ? PROBLEM_WRONG_TYPE : PROBLEM_VALIDATION, expected);
	else if (raw.type != VALUE_NULL || !creating)
		add_change(v, c, w, f, &stored, &d);
	return true;
}

/* ---- the fields together ---------------------------------------------------------------------------------------------- */

static unsigned check_day(struct vault_call *c, struct write_set *w, uint32_t as_of_day)
{
	uint32_t today = (uint32_t)c->today + 1;

	w->as_of_day = as_of_day != 0 ? as_of_day : today;
	if (as_of_day > today)
		call_field_error(c, wire_text("as_of", 5), PROBLEM_VALIDATION, "a day that is not in the future");
	return c->problem;
}

/* The rules between the values of one write. */
static unsigned check_set(struct vault_call *c, const struct write_set *w)
{
	static struct check_item items[POLICY_FIELDS];	/* one request at a time; no values, only pointers to them */
	struct check_note note = { 0, NULL };

	for (unsigned i = 0; i < w->changes; i++) {
		const struct change *ch = &w->change[i];

		items[i].field = ch->field;
		items[i].value = (struct value){ ch->type, w->values.p + ch->at, ch->n };
	}
	if (accept_check_set(items, w->changes, &note) != 0) {
		const char *name = w->change[note.at].field->name;

		call_field_error(c, wire_text(name, strlen(name)), PROBLEM_VALIDATION, note.text);
	}
	return c->problem;
}

static bool is_text(const struct value_item *item, const char *text)
{
	return item->n == strlen(text) && memcmp(item->p, text, item->n) == 0;
}

static bool list_has(const uint8_t *p, size_t n, const char *text)
{
	struct value_walk walk = value_walk(VALUE_LIST, p, n);
	struct value_item item;

	while (value_next(&walk, &item))
		if (is_text(&item, text))
			return true;
	return false;
}

/* Append to b the list of n bytes at p with one code in another's place, and that one no more than once. */
static void fold_list(const struct policy_field *f, const uint8_t *p, size_t n, struct buf *b)
{
	struct value_walk walk = value_walk(VALUE_LIST, p, n);
	struct value_item item;
	size_t at = value_begin(b), count = 0;
	bool has = false;

	while (value_next(&walk, &item)) {
		bool folds = is_text(&item, f->fold_code);

		if (folds || is_text(&item, f->fold_as)) {
			if (has)
				continue;
			has = true;
		}
		if (folds)
			value_item_put(b, item.type, f->fold_as, strlen(f->fold_as));
		else
			value_item_put(b, item.type, item.p, item.n);
		count++;
	}
	value_end(b, at, count);
}

/* The bytes that were appended to w->values from `at` on are the change's now. */
static void replace_value(struct write_set *w, struct change *ch, size_t at)
{
	ch->type = VALUE_LIST;
	ch->at = at;
	ch->n = w->values.n - at;
}

/*
 * The folded code goes to the field that takes it, beside what this write gives it. Nobody of this session may know what stands there: it
 * is sealed to the class's public key, as a write without read.
 */
static void fold_code_into(struct vault *v, const struct vault_call *c, struct write_set *w, unsigned from, uint8_t item_type)
{
	const struct policy_field *f = w->change[from].field, *to = policy_field_by_id(v->policy, f->fold_into);
	const struct write_decision d = { DECIDE_YES, true, w->change[from].role };
	const struct value none = { VALUE_LIST, NULL, 0 };
	struct buf *b = &v->scratch;
	struct value_item item;
	size_t at, count = 0;
	unsigned i = 0;

	if (to == NULL)
		return;
	while (i < w->changes && w->change[i].field != to)
		i++;
	if (i < w->changes && w->change[i].type == VALUE_LIST &&
	    list_has(w->values.p + w->change[i].at, w->change[i].n, f->fold_code))
		return;
	buf_reset(b);
	at = value_begin(b);
	if (i < w->changes && w->change[i].type == VALUE_LIST) {
		struct value_walk walk = value_walk(VALUE_LIST, w->values.p + w->change[i].at, w->change[i].n);

		for (; value_next(&walk, &item); count++)
			value_item_put(b, item.type, item.p, item.n);
	}
	value_item_put(b, item_type, f->fold_code, strlen(f->fold_code));
	value_end(b, at, count + 1);
	if (i == w->changes)
		add_change(v, c, w, to, &none, &d);
	at = w->values.n;
	buf_put(&w->values, b->p, b->n);
	if (!buf_ok(b))
		w->values.bad = true;
	replace_value(w, &w->change[i], at);
	buf_reset(b);
}

/* Every list that holds a code which is stored as another. */
static void fold(struct vault *v, struct vault_call *c, struct write_set *w)
{
	unsigned given = w->changes;

	for (unsigned i = 0; i < given && buf_ok(&w->values); i++) {
		struct change *ch = &w->change[i];
		const struct policy_field *f = ch->field;
		size_t at;

		if (f->fold_code[0] == '\0' || ch->type != VALUE_LIST || !list_has(w->values.p + ch->at, ch->n, f->fold_code))
			continue;
		buf_reset(&v->scratch);
		fold_list(f, w->values.p + ch->at, ch->n, &v->scratch);
		at = w->values.n;
		buf_put(&w->values, v->scratch.p, v->scratch.n);
		if (!buf_ok(&v->scratch))
			w->values.bad = true;
		replace_value(w, ch, at);
		fold_code_into(v, c, w, i, f->shape.item != NULL ? f->shape.item->type : VALUE_CODE);
	}
	buf_reset(&v->scratch);
}

static struct target *add_target(struct write_set *w, uint16_t class_id, bool is_view)
{
	unsigned at = 0;
	struct target *t;

	while (at < w->targets && w->target[at].class < class_id)
		at++;
	t = &w->target[at];
	if (at < w->targets && t->class == class_id)
		return t;
	if (w->targets == POLICY_CLASSES)
		return NULL;
	memmove(t + 1, t, (w->targets - at) * sizeof(*t));
	w->targets++;
	memset(t, 0, sizeof(*t));
	t->class = class_id;
	t->is_view = is_view;
	return t;
}

static unsigned find_targets(struct vault_call *c, struct write_set *w)
{
	for (unsigned i = 0; i < w->changes; i++) {
		const struct change *ch = &w->change[i];
		bool has = !ch->write_only;

		for (unsigned j = 0; j <= ch->field->views; j++) {
			uint16_t class_id = j == 0 ? ch->field->class : ch->field->view[j - 1].class;
			struct target *t = add_target(w, class_id, j > 0);

			if (t == NULL)
				return call_refuse(c, PROBLEM_INTERNAL, "too many classes in one request");
			/* A write-only writer holds no key, and even one that did must not rewrite what others wrote. */
			if (!has || !session_has_class(c->session, (uint32_t)class_id << 16))
				t->sealed_to_public = true;
		}
	}
	return 0;
}

unsigned write_accept(struct vault *v, struct vault_call *c, struct write_set *w, struct wire_list fields, uint32_t as_of_day,
    bool creating)
{
	const struct policy_role *role;
	struct wire_field in;

	(void)check_day(c, w, as_of_day);
	while (c->errors < VAULT_ERRORS && wire_fields_next(&fields, &in)) {
		for (unsigned i = 0; i < w->changes; i++)
			if (strlen(w->change[i].field->name) == in.name.n &&
			    memcmp(w->change[i].field->name, in.name.p, in.name.n) == 0)
				return call_refuse(c, PROBLEM_DUPLICATE_MEMBER, "a field stands twice");
		if (!accept_one(v, c, w, &in, creating))
			return c->problem;
	}
	buf_reset(&v->scratch);
	/* What policy says goes before what is wrong with values. */
	if (w->foreign != NULL)
		return call_decline(c, DECIDE_NOT_OWNER, "field %s", w->foreign->name);
	if (c->problem != 0)
		return c->problem;
	if (w->changes == 0)
		return call_refuse(c, PROBLEM_VALIDATION, "no field is given");
	if (check_set(c, w) != 0)
		return c->problem;
	role = policy_role_by_id(v->policy, c->detail.role);
	c->detail.department = role != NULL ? role->department : 0;
	c->detail.count = w->changes;
	fold(v, c, w);
	if (!buf_ok(&w->values))
		return call_refuse(c, PROBLEM_PAYLOAD_TOO_LARGE, "the values are too large");
	return find_targets(c, w);
}

/* Whether the caller is assigned to the record; the leaf then names the assignment, where it covers the field's class as well. */
static bool is_assigned(struct vault *v, struct vault_call *c, const struct record *rec, const struct policy_field *f,
    const struct policy_role *role)
{
	uint8_t approval[16];
	bool granted = false;

	if (gov_read(v, c, rec, f, f->class, role, approval, &granted) == DECIDE_YES && !granted) {
		memcpy(c->detail.approval, approval, 16);
		return true;
	}
	return gov_assigned(v, c, rec->head.record);
}

unsigned write_admit(struct vault *v, struct vault_call *c, const struct write_set *w, const struct record *rec)
{
	bool asked = false;

	for (unsigned i = 0; i < w->changes; i++) {
		const struct change *ch = &w->change[i];
		const struct policy_role *role = policy_role_by_id(v->policy, ch->role);

		if (role == NULL || !record_in_area(v, c, rec, role))
			return call_decline(c, DECIDE_OUT_OF_AREA, "field %s", ch->field->name);
		if (!role->approval || ch->write_only || asked)
			continue;
		if (!is_assigned(v, c, rec, ch->field, role))
			return call_decline(c, DECIDE_NO_APPROVAL, "field %s", ch->field->name);
		asked = true;
	}
	return 0;
}

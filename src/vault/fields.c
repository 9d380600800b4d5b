/* Field names of a read or history request: what the caller may see of each, grouped by the class that answers. */
#include <string.h>

#include "vault/fields.h"

unsigned fields_decide(struct vault *v, struct vault_call *c, struct wire_list names, bool clear, unsigned *ret_n)
{
	struct wire_text name;
	unsigned n = 0, allowed = 0;
	enum decision_reason why = DECIDE_YES;

	while (c->errors < VAULT_ERRORS && wire_names_next(&names, &name)) {
		const struct policy_field *f = policy_field_named(v->policy, name.p, name.n);
		unsigned i = 0;

		if (f == NULL) {
			call_field_error(c, name, PROBLEM_UNKNOWN_FIELD, "a field of the profile");
			continue;
		}
		while (i < n && v->wanted[i].field != f)
			i++;
		if (i < n)
			continue;	/* named twice: answered once */
		v->wanted[n].field = f;
		v->wanted[n].decision = policy_decide_read(v->policy, &c->subject, f, clear);
		if (v->wanted[n].decision.reason == DECIDE_YES) {
			v->wanted[n].status = WANTED_OPEN;
			allowed++;
		} else {
			v->wanted[n].status = WANTED_OMITTED;
			why = v->wanted[n].decision.reason;
		}
		n++;
	}
	if (c->problem != 0)
		return c->problem;
	if (n == 0)
		return call_refuse(c, PROBLEM_FIELDS_REQUIRED, "fields= names at least one field");
	for (unsigned i = 0; i < n; i++)
		call_mark_field(v, c, v->wanted[i].field);
	if (allowed == 0) {
		const struct policy_field *f = v->wanted[n - 1].field;
		int position = policy_class_position(v->policy, f->class);

		return call_decline(c, why, "field %s of class %s", f->name,
		    position < 0 ? "?" : policy_class(v->policy, (unsigned)position)->name);
	}
	*ret_n = n;
	return 0;
}

void fields_role(struct vault *v, struct vault_call *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct policy_role *role;

		if (v->wanted[i].decision.reason != DECIDE_YES)
			continue;
		role = policy_role_by_id(v->policy, v->wanted[i].decision.role);
		c->detail.role = v->wanted[i].decision.role;
		c->detail.department = role != NULL ? role->department : 0;
		return;
	}
}

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
	struct value stored = { type, p, n }, shown = stored;

	buf_reset(&v->seal);
	if (w->decision.masked)
		view_present(view_of(w), &stored, c->today, &v->seal, &shown);
	wire_field_put(out, w->field->name, strlen(w->field->name), shown.type, shown.p, shown.n);
	buf_reset(&v->seal);
}

/* A view that is a plain copy hides nothing. */
static bool is_redacted(const struct wanted *w)
{
	return w->status == WANTED_ANSWERED && w->decision.masked && view_of(w) != VIEW_PLAIN;
}

/* A counted list of the names whose wish ended so. */
static void put_names(struct vault *v, unsigned n, struct buf *out, bool omitted)
{
	size_t at = wire_count_begin(out), count = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct wanted *w = &v->wanted[i];
		bool hit = omitted ? w->status == WANTED_OMITTED : is_redacted(w);

		if (!hit)
			continue;
		wire_text8_put(out, w->field->name, strlen(w->field->name));
		count++;
	}
	wire_count_end(out, at, count);
}

void fields_put_meta(struct vault *v, unsigned n, struct buf *out)
{
	put_names(v, n, out, false);
	put_names(v, n, out, true);
}

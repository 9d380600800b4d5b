/* Who sees which governance object, and lists of them. docs/POLICY.md section 5. */
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "format/value.h"
#include "vault/gov_ops.h"

#define LIST_LOOK 1024u		/* objects looked at for one answer; the cursor goes on behind them */
#define LIST_BYTES (4u << 20)	/* an answer that is so long ends, too */
#define CURSOR_PLAIN (1u + 2 + 16)
#define CURSOR_OBJECTS 2u	/* first byte of a cursor: whose it is */

/* ---- who sees it ------------------------------------------------------------------------------------------------------ */

static int grant_visible(struct vault *v, const struct vault_call *c, const struct gov_object *o, bool *ret)
{
	struct gov_ask ask = { .purposes = &o->purposes, .fields = &o->fields };
	struct gov_authority by;
	struct record rec;
	int r;

	if ((r = record_load(v, o->record, false, &rec)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
	ask.record = &rec;
	*ret = gov_authority(v, c, &ask, &by) == DECIDE_YES;
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	return 0;
}

int gov_visible(struct vault *v, const struct vault_call *c, const struct gov_object *o, bool *ret)
{
	const uint8_t *me = c->principal->id;
	struct gov_bytes area = gov_area_of(v, o->principal);
	struct gov_ask ask = { .act = ACT_ASSIGN, .purposes = &o->purposes, .area = &area };
	struct gov_authority by;
	enum decision_reason why;
	int r = 0;

	if (o->prefix.type == GOV_REVIEW || o->prefix.type == GOV_MONTHS) {
		*ret = c->principal->kind == PRINCIPAL_AUDITOR || c->principal->kind == PRINCIPAL_ADMINISTRATOR;
		return 0;
	}
	/* Not even to who handed it in, who would learn by it that the number was known. */
	if (o->prefix.type == GOV_INTAKE)
		return gov_intake_visible(v, c, o, ret);
	/* Who is to be removed is not told by it. */
	if (gov_kind_signed(o->kind)) {
		*ret = c->principal->kind == PRINCIPAL_ADMINISTRATOR || c->principal->kind == PRINCIPAL_CUSTODIAN;
		return 0;
	}
	*ret = ids_equal(o->principal, me) || ids_equal(o->by, me) || ids_equal(o->decided_by, me);
	if (*ret)
		return 0;
	if (o->prefix.type == GOV_ASSIGNMENT)
		*ret = gov_authority(v, c, &ask, &by) == DECIDE_YES;
	else if (o->prefix.type == GOV_GRANT)
		r = grant_visible(v, c, o, ret);
	else if (o->prefix.type == GOV_REQUEST && (r = gov_may_decide(v, c, o, &by, &why)) == 0)
		*ret = why == DECIDE_YES;
	return r;
}

/* ---- lists ------------------------------------------------------------------------------------------------------------ */

struct filter {
	struct wire_text state;		/* p NULL: any */
	bool has_principal, has_record, waiting;
	bool nothing;			/* it names what does not exist */
	uint8_t principal[16], record[16];
};

static bool is(const struct wire_text *t, const char *s)
{
	return strlen(s) == t->n && memcmp(s, t->p, t->n) == 0;
}

static unsigned take_filter(struct vault *v, struct vault_call *c, struct wire_list fields, struct filter *ret)
{
	const struct principal *p;
	struct wire_field f;

	memset(ret, 0, sizeof(*ret));
	while (wire_fields_next(&fields, &f)) {
		struct wire_text text = { (const char *)f.value.p, f.value.n };

		if (f.value.type != VALUE_TEXT) {
			call_field_error(c, f.name, PROBLEM_WRONG_TYPE, "text");
		} else if (is(&f.name, "state")) {
			ret->state = text;
		} else if (is(&f.name, "principal")) {
			ret->has_principal = true;
			p = directory_principal_named(v->keys, text.p, text.n);
			ret->nothing = ret->nothing || p == NULL;
			if (p != NULL)
				memcpy(ret->principal, p->id, 16);
		} else if (is(&f.name, "record")) {
			ret->has_record = true;
			if (text.n != 32 || hex_decode(text.p, text.n, ret->record, 16) != 0)
				call_field_error(c, f.name, PROBLEM_VALIDATION, "id of a record");
		} else if (is(&f.name, "waiting")) {
			ret->waiting = true;
			if (!is(&text, "me"))
				call_field_error(c, f.name, PROBLEM_VALIDATION, "me");
		} else {
			call_field_error(c, f.name, PROBLEM_UNKNOWN_MEMBER, "state, principal, record or waiting");
		}
	}
	return c->problem;
}

/* Whether an object passes the filter and the caller may see it. */
static int selects(struct vault *v, const struct vault_call *c, const struct filter *f, const struct gov_object *o, bool *ret,
    enum gov_state *ret_state)
{
	struct gov_authority by;
	enum decision_reason why;
	int r;

	*ret = false;
	if (f->nothing || (f->has_principal && !ids_equal(o->principal, f->principal)) ||
	    (f->has_record && !ids_equal(o->record, f->record) && !gov_list_has_id(&o->records, f->record)))
		return 0;
	if ((r = gov_state_seen(v, o, c->today, ret_state)) != 0)
		return r;
	if (f->state.p != NULL && !is(&f->state, gov_state_name(*ret_state)))
		return 0;
	if (!f->waiting)
		return gov_visible(v, c, o, ret);
	if (o->prefix.type == GOV_INTAKE && *ret_state == GOV_PENDING)
		return gov_visible(v, c, o, ret);
	if (o->prefix.type != GOV_REQUEST)
		return 0;
	if (gov_kind_signed(o->kind)) {
		*ret = gov_operation_next(v, c, o) == DECIDE_YES;
		return 0;
	}
	if (*ret_state != GOV_PENDING)
		return 0;
	if ((r = gov_may_decide(v, c, o, &by, &why)) == 0)
		*ret = why == DECIDE_YES;
	return r;
}

/* How many objects stand before the one that the cursor names; false: it is none of this collection's. */
static bool take_cursor(struct vault *v, uint16_t type, const struct wire_text *cursor, size_t *ret)
{
	const struct gov *g = v->gov;
	uint8_t plain[CURSOR_PLAIN];
	struct gov_entry *e;

	*ret = g->n;
	if (cursor->n == 0)
		return true;
	if (!cursor_take(v, cursor, plain, sizeof(plain)) || plain[0] != CURSOR_OBJECTS || be16_get(plain + 1) != type)
		return false;
	e = gov_find(v, type, plain + 3);
	while (e != NULL && *ret > 0)
		if (g->all[--*ret] == e)
			return true;
	return false;
}

static int put_cursor(struct vault *v, const struct gov_object *last, struct buf *out)
{
	uint8_t plain[CURSOR_PLAIN] = { CURSOR_OBJECTS };

	be16_put(plain + 1, last->prefix.type);
	memcpy(plain + 3, last->id, 16);
	return cursor_put(v, plain, sizeof(plain), out);
}

/* Newest first. */
unsigned gov_list(struct vault *v, struct vault_call *c, uint16_t type, const struct wire_gov_list *m)
{
	struct gov *g = v->gov;
	size_t at, next, count = 0, begin = c->out->n;
	unsigned looked = 0, problem;
	struct filter f;
	bool more;
	int r = 0;

	if ((problem = take_filter(v, c, m->fields, &f)) != 0)
		return problem;
	if (type == GOV_REVIEW && f.waiting)
		return gov_review_waiting(v, c, m->limit);
	if (!take_cursor(v, type, &m->cursor, &next))
		return call_refuse(c, PROBLEM_BAD_CURSOR, "the cursor is not from a list of this collection");
	at = wire_count_begin(c->out);
	while (r == 0 && next > 0 && count < m->limit && looked < LIST_LOOK && c->out->n - begin < LIST_BYTES) {
		const struct gov_object *o = &g->all[--next]->held->o;
		enum gov_state state;
		bool selected;

		if (o->prefix.type != type)
			continue;
		looked++;
		r = selects(v, c, &f, o, &selected, &state);
		/* A record that does not open keeps its own objects out, not the list shut. */
		if (r == CV_ERR_AUTH || r == CV_ERR_FORMAT) {
			log_warn("a governance object is left out of a list: %s", cv_strerror(r));
			r = 0;
		} else if (r == 0 && selected) {
			gov_put(v, state, o, false, c->out);
			count++;
		}
	}
	wire_count_end(c->out, at, count);
	more = next > 0 && looked > 0;
	/* The cursor names the last object of the collection that was looked at. */
	while (more && g->all[next]->held->o.prefix.type != type)
		next++;
	if (r == 0 && more)
		r = put_cursor(v, &g->all[next]->held->o, c->out);
	else if (r == 0)
		wire_text16_put(c->out, "", 0);
	if (r != 0)
		return call_failed(c, r);
	c->kind = LEAF_GOVERNANCE;
	c->detail.count = (uint32_t)count;
	return 0;
}

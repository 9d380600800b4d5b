/* Members as administrators, auditors and managers see them: never their keys. docs/POLICY.md section 5, "Members". */
#include <string.h>

#include "format/value.h"
#include "vault/gov_show.h"
#include "vault/members.h"

#define DAY_MS (24u * 3600 * 1000)
#define CURSOR_MEMBERS 3u	/* first byte of a cursor: whose it is */
#define CURSOR_PLAIN (1u + 16)

const char *members_state(const struct principal *p, uint64_t now_ms)
{
	if (p->removed)
		return "removed";
	if (p->suspended)
		return "suspended";
	if (now_ms < p->not_before_ms)
		return "not-yet";
	if (p->not_after_ms != 0 && now_ms >= p->not_after_ms)
		return "expired";
	return directory_enabled(p, now_ms) ? "active" : "lapsed";
}

/* ---- one member ------------------------------------------------------------------------------------------------------ */

/* A text; none where it is empty. */
static void show_text(struct gov_showing *x, const char *name, const char *text)
{
	if (text[0] != '\0')
		gov_show_text(x, name, text);
}

/* The roles that the directory gives the member now, by the policy's names; the personal one, which everybody has, is not told. */
static void show_roles(struct gov_showing *x, const struct vault_call *c, const struct principal *p)
{
	struct vault *v = x->v;
	size_t at, n = 0;

	buf_reset(&v->gov->list);
	at = value_begin(&v->gov->list);
	for (unsigned i = 0; i < policy_roles(v->policy); i++) {
		const struct policy_role *role = policy_role(v->policy, i);

		if (!directory_has_role(v->keys, p->id, role->id, c->now_ms))
			continue;
		value_item_put(&v->gov->list, VALUE_TEXT, role->name, strlen(role->name));
		n++;
	}
	gov_show_list(x, "roles", at, n);
}

void members_put(struct vault *v, const struct vault_call *c, const struct principal *p, struct buf *out)
{
	static const char *const kinds[] = { "", "person", "app", "job", "administrator", "custodian", "auditor" };
	static const char *const duties[] = { "", "system", "security", "audit" };
	struct gov_showing x = { v, out, 0 };
	size_t at;

	wire_gov_object_head(out, p->id);
	at = wire_count_begin(out);
	show_text(&x, "login", p->login);
	show_text(&x, "state", members_state(p, c->now_ms));
	show_text(&x, "kind", kinds[p->kind]);
	show_text(&x, "duty", duties[p->admin_area]);
	if (p->department != 0)
		show_text(&x, "department", policy_department_name(v->policy, p->department));
	show_roles(&x, c, p);
	show_text(&x, "area", p->area);
	gov_show_date(&x, "from", p->not_before_ms);
	gov_show_date(&x, "until", p->not_after_ms != 0 ? p->not_after_ms - 1 : 0);
	gov_show_date(&x, "vetted", p->vetted_ms);
	gov_show_date(&x, "last_session", p->last_day != 0 ? (uint64_t)(p->last_day - 1) * DAY_MS : 0);
	gov_show_date(&x, "lapses", p->lapses_ms);
	wire_count_end(out, at, x.count);
}

/* ---- who sees them ----------------------------------------------------------------------------------------------------- */

/* Administrators and auditors, and who assigns: they must know by which names to do it. */
static bool may_see(const struct vault *v, const struct vault_call *c)
{
	return c->principal->kind == PRINCIPAL_ADMINISTRATOR || c->principal->kind == PRINCIPAL_AUDITOR ||
	    policy_decide_act(v->policy, &c->subject, ACT_ASSIGN) != 0;
}

static unsigned refuse_sight(struct vault_call *c)
{
	return call_refuse(c, PROBLEM_NOT_PERMITTED, "members are shown to administrators, auditors and who assigns");
}

unsigned members_get(struct vault *v, struct vault_call *c, const struct wire_gov_get *m)
{
	const struct principal *p = directory_principal(v->keys, m->id);

	memcpy(c->detail.approval, m->id, 16);
	if (!may_see(v, c))
		return refuse_sight(c);
	if (p == NULL)
		return call_refuse(c, PROBLEM_NOT_FOUND, "no such member");
	c->kind = LEAF_GOVERNANCE;
	members_put(v, c, p, c->out);
	return 0;
}

/* ---- lists ------------------------------------------------------------------------------------------------------------- */

/* What a list is narrowed to; empty texts narrow nothing. */
struct filter {
	struct wire_text state, login;
};

static bool is(const struct wire_text *t, const char *s)
{
	return strlen(s) == t->n && memcmp(s, t->p, t->n) == 0;
}

static unsigned take_filter(struct vault_call *c, struct wire_list fields, struct filter *ret)
{
	struct wire_field f;

	ret->state = ret->login = wire_text("", 0);
	while (wire_fields_next(&fields, &f)) {
		struct wire_text text = wire_text((const char *)f.value.p, f.value.n);

		if (f.value.type != VALUE_TEXT)
			call_field_error(c, f.name, PROBLEM_WRONG_TYPE, "text");
		else if (is(&f.name, "state"))
			ret->state = text;
		else if (is(&f.name, "principal"))
			ret->login = text;
		else
			call_field_error(c, f.name, PROBLEM_UNKNOWN_MEMBER, "state or principal");
	}
	return c->problem;
}

static bool selects(const struct filter *f, const struct principal *p, uint64_t now_ms)
{
	return (f->state.n == 0 || is(&f->state, members_state(p, now_ms))) && (f->login.n == 0 || is(&f->login, p->login));
}

/* The number of the member behind the one that the cursor names; false: it names none. */
static bool take_cursor(struct vault *v, const struct wire_text *cursor, size_t *ret)
{
	const struct principal *p;
	uint8_t plain[CURSOR_PLAIN];

	*ret = 0;
	if (cursor->n == 0)
		return true;
	if (!cursor_take(v, cursor, plain, sizeof(plain)) || plain[0] != CURSOR_MEMBERS)
		return false;
	while ((p = directory_principal_at(v->keys, (*ret)++)) != NULL)
		if (ids_equal(p->id, plain + 1))
			return true;
	return false;
}

static int put_cursor(struct vault *v, const struct principal *last, struct buf *out)
{
	uint8_t plain[CURSOR_PLAIN] = { CURSOR_MEMBERS };

	memcpy(plain + 1, last->id, 16);
	return cursor_put(v, plain, sizeof(plain), out);
}

/* In the order of ids: a place in it stays one, whoever comes or goes. */
unsigned members_list(struct vault *v, struct vault_call *c, const struct wire_gov_list *m)
{
	const struct principal *p, *last = NULL;
	size_t at, next, count = 0;
	struct filter f;
	int r = 0;

	if (!may_see(v, c))
		return refuse_sight(c);
	if (take_filter(c, m->fields, &f) != 0)
		return c->problem;
	if (!take_cursor(v, &m->cursor, &next))
		return call_refuse(c, PROBLEM_BAD_CURSOR, "the cursor is not from a list of this collection");
	at = wire_count_begin(c->out);
	for (; (p = directory_principal_at(v->keys, next)) != NULL && count < m->limit; next++) {
		if (!selects(&f, p, c->now_ms))
			continue;
		members_put(v, c, p, c->out);
		last = p;
		count++;
	}
	wire_count_end(c->out, at, count);
	if (p != NULL && last != NULL)
		r = put_cursor(v, last, c->out);
	else
		wire_text16_put(c->out, "", 0);
	if (r != 0)
		return call_failed(c, r);
	c->kind = LEAF_GOVERNANCE;
	c->detail.count = (uint32_t)count;
	return 0;
}

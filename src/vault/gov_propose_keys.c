/* Operations that move keys or make new ones, as a body says them. POLICY.md section 5, "Operations"; FORMAT.md 5.5. */
#include <string.h>

#include "base/bytes.h"
#include "format/value.h"
#include "vault/gov_propose.h"

/* A list of texts, each made into unit bytes by take, in order and each once; at most max. The number of them, or 0. */
typedef bool take_one(struct vault *v, const uint8_t *p, size_t n, uint8_t *ret);

static unsigned take_list(struct vault *v, const struct wire_value *x, take_one *take, size_t unit, unsigned max, uint8_t *to)
{
	struct value_walk w = value_walk(VALUE_LIST, x->p, x->n);
	struct value_item item;
	unsigned n = 0;

	while (value_next(&w, &item)) {
		if (item.type != VALUE_TEXT || n == max || !take(v, item.p, item.n, to + n * unit))
			return 0;
		n++;
	}
	return gov_input_sort(to, n, unit) ? n : 0;
}

static bool take_role(struct vault *v, const uint8_t *p, size_t n, uint8_t *ret)
{
	const struct policy_role *role = policy_role_named(v->policy, (const char *)p, n);

	if (role != NULL)
		be16_put(ret, role->id);
	return role != NULL;
}

/* The roles of a list, ascending. 0: one is none of the policy's, or comes twice, or there are too many. */
static unsigned take_roles(struct vault *v, const struct wire_value *x, unsigned max, uint16_t *ret)
{
	uint8_t ids[2 * CUSTODY_ROLES];
	unsigned n = take_list(v, x, take_role, 2, max < CUSTODY_ROLES ? max : CUSTODY_ROLES, ids);

	for (unsigned i = 0; i < n; i++)
		ret[i] = be16_get(ids + 2 * i);
	return n;
}

static bool take_login(struct vault *v, const uint8_t *p, size_t n, uint8_t *ret)
{
	const struct principal *who = directory_principal_named(v->keys, (const char *)p, n);

	if (who != NULL)
		memcpy(ret, who->id, 16);
	return who != NULL;
}

static int hex_digit(uint8_t x)
{
	return x >= '0' && x <= '9' ? x - '0' : x >= 'a' && x <= 'f' ? x - 'a' + 10 : x >= 'A' && x <= 'F' ? x - 'A' + 10 : -1;
}

/* A class of the policy in force by name; one that it does not have yet by number, 0xNNNN. */
static bool take_class(struct vault *v, const uint8_t *p, size_t n, uint8_t *ret)
{
	uint32_t id = 0;

	for (unsigned i = 0; i < policy_classes(v->policy); i++) {
		const struct policy_class *x = policy_class(v->policy, i);

		if (strlen(x->name) != n || memcmp(x->name, p, n) != 0)
			continue;
		be32_put(ret, (uint32_t)x->id << 16);
		return true;
	}
	if (n != 6 || p[0] != '0' || p[1] != 'x')
		return false;
	for (unsigned i = 2; i < 6; i++) {
		if (hex_digit(p[i]) < 0)
			return false;
		id = id << 4 | (uint32_t)hex_digit(p[i]);
	}
	be32_put(ret, id << 16);
	return id != 0;
}

static unsigned take_classes(struct vault *v, const struct wire_value *x, uint32_t *ret)
{
	uint8_t keys[4 * CHANGE_CLASSES_MAX];
	unsigned n = take_list(v, x, take_class, 4, CHANGE_CLASSES_MAX, keys);

	for (unsigned i = 0; i < n; i++)
		ret[i] = be32_get(keys + 4 * i);
	return n;
}

/* ---- roles for a member who is there ------------------------------------------------------------------------------------------ */

static bool role_fits(const struct vault *v, const struct principal *p, uint16_t id)
{
	const struct policy_role *role = policy_role_by_id(v->policy, id);

	return role != NULL && role->kind == p->kind;
}

unsigned gov_propose_roles(struct vault *v, struct vault_call *c, const struct gov_input *in, struct gov_proposal *x)
{
	const struct principal *p = gov_propose_whom(v, c, in);
	uint16_t roles[ROLE_WRAPS], had[ROLE_WRAPS];
	bool good;
	unsigned n;
	int r;

	if (p == NULL)
		return c->problem;
	if (p->suspended || p->removed)
		return call_decline(c, DECIDE_GRANTEE_UNKNOWN, "%s", "");
	n = take_roles(v, &in->value[MEMBER_ROLES], ROLE_WRAPS - 1, roles);
	good = n > 0 && n + change_roles_of(v->keys, p->id, had) < ROLE_WRAPS;
	for (unsigned i = 0; i < n; i++)
		good = good && role_fits(v, p, roles[i]);
	if (!good) {
		gov_input_fault(c, MEMBER_ROLES);
		return c->problem;
	}
	x->operation = OPERATION_ROLES;
	memcpy(x->d->o.principal, p->id, 16);
	r = change_draft_roles(v->keys, p, roles, n, c->now_ms, &x->draft);
	return r != 0 ? gov_propose_failed(c, r, MEMBER_ROLES) : 0;
}

/* ---- new epochs --------------------------------------------------------------------------------------------------------------- */

/* A boolean of the body, or what it is when it does not come. */
static bool flag(const struct gov_input *in, enum gov_member m, bool otherwise)
{
	return in->value[m].p != NULL ? in->value[m].p[0] != 0 : otherwise;
}

/* Which roles: those that are named, or all of one member's; and who is left out: those who are named, and with removed that member. */
struct rekey {
	struct change_rekey what;
	uint16_t roles[CUSTODY_ROLES];
	uint8_t out[GOV_LEFT_OUT_MAX + 1][16];
};

static unsigned take_rekey_roles(struct vault *v, struct vault_call *c, const struct gov_input *in, struct rekey *x)
{
	const bool named = in->value[MEMBER_ROLE_SET].p != NULL, whose = in->value[MEMBER_PRINCIPAL].p != NULL;
	const struct principal *p;

	x->what.roles = x->roles;
	if (named == whose) {
		gov_input_fault(c, MEMBER_ROLE_SET);
		return c->problem;
	}
	if (named) {
		x->what.role_count = take_roles(v, &in->value[MEMBER_ROLE_SET], CUSTODY_ROLES, x->roles);
	} else {
		if ((p = gov_propose_whom(v, c, in)) == NULL)
			return c->problem;
		x->what.role_count = change_roles_of(v->keys, p->id, x->roles);
		memcpy(x->out[x->what.out_count++], p->id, 16);
	}
	if (x->what.role_count == 0 && named)
		gov_input_fault(c, MEMBER_ROLE_SET);
	else if (x->what.role_count == 0)
		(void)gov_operation_conflict(c, "a member who has roles");
	return c->problem;
}

static unsigned take_left_out(struct vault *v, struct vault_call *c, const struct gov_input *in, struct rekey *x)
{
	uint8_t *at = x->out[x->what.out_count];
	unsigned n;

	x->what.out = (const uint8_t (*)[16])x->out;
	if (in->value[MEMBER_WITHOUT].p == NULL)
		return 0;
	n = take_list(v, &in->value[MEMBER_WITHOUT], take_login, 16, GOV_LEFT_OUT_MAX, at);
	x->what.out_count += n;
	if (n == 0 || !gov_input_sort(x->out[0], x->what.out_count, 16))
		gov_input_fault(c, MEMBER_WITHOUT);
	return c->problem;
}

unsigned gov_propose_rekey(struct vault *v, struct vault_call *c, const struct gov_input *in, struct gov_proposal *p)
{
	struct rekey x = { .what = { .classes = flag(in, MEMBER_NEW_CLASSES, true), .removed = flag(in, MEMBER_REMOVED, false) } };
	unsigned problem;
	int r;

	if ((problem = take_rekey_roles(v, c, in, &x)) != 0 || (problem = take_left_out(v, c, in, &x)) != 0)
		return problem;
	if (x.what.removed && x.what.out_count == 0) {
		gov_input_fault(c, MEMBER_REMOVED);
		return c->problem;
	}
	/* Who is left out of the role's key alone would keep the classes'. */
	if (!x.what.classes && x.what.out_count > 0) {
		gov_input_fault(c, MEMBER_NEW_CLASSES);
		return c->problem;
	}
	p->operation = OPERATION_REKEY;
	if (x.what.out_count == 1)
		memcpy(p->d->o.principal, x.out[0], 16);
	r = change_draft_rekey(v->keys, &x.what, c->now_ms, &p->draft);
	return r != 0 ? gov_propose_failed(c, r, MEMBER_ROLE_SET) : 0;
}

/* ---- classes ------------------------------------------------------------------------------------------------------------------- */

unsigned gov_propose_classes(struct vault *v, struct vault_call *c, const struct gov_input *in, struct gov_proposal *x)
{
	uint32_t classes[CHANGE_CLASSES_MAX];
	uint16_t role;
	unsigned n;
	int r;

	if (take_roles(v, &in->value[MEMBER_ROLE_SET], 1, &role) == 0)
		gov_input_fault(c, MEMBER_ROLE_SET);
	if ((n = take_classes(v, &in->value[MEMBER_CLASSES], classes)) == 0)
		gov_input_fault(c, MEMBER_CLASSES);
	if (c->problem != 0)
		return c->problem;
	x->operation = OPERATION_CLASSES;
	r = change_draft_classes(v->keys, role, classes, n, c->now_ms, &x->draft);
	return r != 0 ? gov_propose_failed(c, r, MEMBER_CLASSES) : 0;
}

/* Each class in its newest epoch, and the roles whose custodians bring the keys. */
static int put_rewrap(struct vault *v, const uint32_t *classes, unsigned n, struct gov_proposal *x)
{
	struct custody_role roles[CUSTODY_ROLES];
	unsigned role_count;
	uint8_t pk[32];
	uint32_t epoch;
	int r;

	if ((r = change_cover(v->keys, classes, n, roles, &role_count)) != 0)
		return r;
	for (unsigned i = 0; i < role_count; i++) {
		buf_u16(&x->item[ITEM_ROLES], roles[i].role);
		buf_u32(&x->item[ITEM_ROLES], roles[i].epoch);
	}
	for (unsigned i = 0; i < n; i++) {
		if ((r = directory_class(v->keys, classes[i], &epoch, pk)) != 0)
			return r;
		buf_u32(&x->item[ITEM_CLASSES], classes[i]);
		buf_u32(&x->item[ITEM_CLASSES], epoch);
	}
	return 0;
}

unsigned gov_propose_rewrap(struct vault *v, struct vault_call *c, const struct gov_input *in, struct gov_proposal *x)
{
	uint32_t classes[CHANGE_CLASSES_MAX];
	unsigned n;
	int r;

	if (in->value[MEMBER_CLASSES].p != NULL)
		n = take_classes(v, &in->value[MEMBER_CLASSES], classes);
	else if ((n = directory_old_classes(v->keys, classes, CHANGE_CLASSES_MAX)) == 0)
		return gov_operation_conflict(c, "a class that has an older epoch: every data key is under the newest");
	if (n == 0) {
		gov_input_fault(c, MEMBER_CLASSES);
		return c->problem;
	}
	x->operation = OPERATION_REWRAP;
	r = put_rewrap(v, classes, n, x);
	return r != 0 ? gov_propose_failed(c, r, MEMBER_CLASSES) : 0;
}

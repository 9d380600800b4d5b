/* What an operation would make of the vault's people and roles, held against what it must not become. POLICY.md section 5. */
#include <stdlib.h>
#include <string.h>

#include "keys/change.h"
#include "vault/gov_internal.h"
#include "vault/operation.h"
#include "vault/separation.h"

struct gov_gone gov_rules_gone(const struct operation_reading *r)
{
	struct gov_gone gone = { NULL, 0 };

	if (r->op.head.operation == OPERATION_REMOVE)
		gone = (struct gov_gone){ &r->principal.id, 1 };
	else if (r->op.head.operation == OPERATION_REKEY && (r->flags & OPERATION_REMOVED) != 0)
		gone = (struct gov_gone){ r->principals, r->principal_count };
	return gone;
}

static bool is_gone(const struct gov_gone *gone, const uint8_t id[16])
{
	for (unsigned i = 0; i < gone->n; i++)
		if (ids_equal(gone->ids[i], id))
			return true;
	return false;
}

/* ---- separation -------------------------------------------------------------------------------------------------------------- */

/* The directory's people as separation_check sees them, and room for one more. */
struct people {
	struct separation_member *member;
	uint16_t (*roles)[ROLE_WRAPS + CUSTODY_ROLES];
	unsigned n;
};

static void people_free(struct people *x)
{
	free(x->member);
	free(x->roles);
}

/* Who was removed for good has no part in the rules any more; their keys stay theirs, which is asked where keys come in. */
static int people_new(const struct vault *v, const struct gov_gone *gone, struct people *ret)
{
	const struct principal *p;
	unsigned n = 0;

	while (directory_principal_at(v->keys, n) != NULL)
		n++;
	*ret = (struct people){ calloc((size_t)n + 1, sizeof(*ret->member)), calloc((size_t)n + 1, sizeof(*ret->roles)), 0 };
	if (ret->member == NULL || ret->roles == NULL) {
		people_free(ret);
		return CV_ERR_NOMEM;
	}
	for (unsigned i = 0; i < n && (p = directory_principal_at(v->keys, i)) != NULL; i++) {
		if (p->removed || is_gone(gone, p->id))
			continue;
		ret->member[ret->n] = (struct separation_member){ .principal = p, .roles = ret->roles[ret->n] };
		ret->member[ret->n].role_count = change_roles_of(v->keys, p->id, ret->roles[ret->n]);
		ret->n++;
	}
	return 0;
}

/* The roles that the operation gives, to somebody new or to who is there. */
static void people_give(struct people *x, const struct operation_reading *r)
{
	unsigned i = 0;

	while (i < x->n && !ids_equal(x->member[i].principal->id, r->principal.id))
		i++;
	if (i == x->n)
		x->member[x->n++] = (struct separation_member){ .principal = &r->principal, .roles = x->roles[i] };
	for (unsigned k = 0; k < r->role_count; k++)
		x->roles[i][x->member[i].role_count++] = r->roles[k].role;
}

/* Who can open a class by a role, the one that is to get classes among them. */
static void people_hold(const struct vault *v, struct people *x, const struct operation_reading *r)
{
	bool gets = r->op.head.operation == OPERATION_CLASSES;

	for (unsigned i = 0; i < x->n; i++)
		for (unsigned k = 0; k < x->member[i].role_count; k++)
			if (directory_role_classes(v->keys, x->roles[i][k]) > 0 || (gets && x->roles[i][k] == r->receiver.role))
				x->member[i].holds_key = true;
}

bool gov_rules_separate(struct vault *v, const struct operation_reading *r)
{
	const struct gov_gone gone = gov_rules_gone(r);
	const uint16_t operation = r->op.head.operation;
	struct policy *new = NULL;
	struct separation fault;
	struct people x;
	bool fits;

	if (operation == OPERATION_POLICY && policy_decode(r->policy, r->policy_n, &new) != 0)
		return false;
	if (people_new(v, &gone, &x) != 0) {
		policy_free(new);
		return false;
	}
	if (operation == OPERATION_ADD_MEMBER || operation == OPERATION_ROLES)
		people_give(&x, r);
	people_hold(v, &x, r);
	fits = separation_check(new != NULL ? new : v->policy, x.member, x.n, v->production, &fault);
	people_free(&x);
	policy_free(new);
	return fits;
}

/* ---- who is left ------------------------------------------------------------------------------------------------------------- */

bool gov_rules_two(struct vault *v, const struct gov_gone *gone, uint64_t now_ms)
{
	const struct principal *first = NULL, *a;

	for (size_t i = 0; (a = directory_principal_at(v->keys, i)) != NULL; i++) {
		if (a->kind != PRINCIPAL_ADMINISTRATOR || !directory_enabled(a, now_ms) || is_gone(gone, a->id))
			continue;
		if (first == NULL)
			first = a;
		else if (!ids_equal(first->person, a->person))
			return true;
	}
	return false;
}

/* Whether somebody of this kind goes: nobody else takes one away. */
static bool goes(struct vault *v, const struct gov_gone *gone, enum principal_kind kind)
{
	const struct principal *p;

	for (unsigned i = 0; i < gone->n; i++)
		if ((p = directory_principal(v->keys, gone->ids[i])) != NULL && p->kind == kind)
			return true;
	return false;
}

bool gov_rules_administrators(struct vault *v, const struct gov_gone *gone, uint64_t now_ms)
{
	return !goes(v, gone, PRINCIPAL_ADMINISTRATOR) || gov_rules_two(v, gone, now_ms);
}

/* The shares of one role epoch after the other, as the rows stand: by role, epoch, custodian. */
struct custodian_count {
	struct vault *v;
	const struct gov_gone *gone;
	const struct custody_role *except;
	unsigned excepts;
	uint64_t now_ms;
	struct custody_role role;	/* whose shares are being counted; epoch 0: none yet */
	unsigned needed, persons;
	uint8_t person[DIR_SHARES_MAX][16];
	bool good;
};

static void end_role(struct custodian_count *x)
{
	bool except = x->role.epoch == 0;

	for (unsigned i = 0; i < x->excepts; i++)
		except = except || (x->except[i].role == x->role.role && x->except[i].epoch == x->role.epoch);
	x->good = x->good && (except || x->persons >= x->needed);
}

static int begin_role(struct custodian_count *x, const struct dir_key *key)
{
	struct dir_key role = { .type = DIR_ROLE, .role = key->role, .epoch = key->epoch };
	uint8_t bytes[DIR_KEY_MAX];
	struct store_value val;
	struct dir_value row;
	struct dir_public fact;
	int r;

	end_role(x);
	x->role = (struct custody_role){ key->role, key->epoch };
	x->persons = 0;
	if ((r = store_get(x->v->store, STORE_DIR, bytes, dir_key_encode(&role, bytes), &val)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
	if (dir_value_decode(val.p, val.n, &row) != 0 || dir_role_decode(row.fact, row.fact_n, &fact) != 0)
		return CV_ERR_FORMAT;
	x->needed = fact.k;
	return 0;
}

static int count_share(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct custodian_count *x = cookie;
	const struct principal *p;
	struct dir_key k;
	unsigned i = 0;
	int r;

	(void)val;
	(void)val_n;
	if (dir_key_decode(key, key_n, &k) != 0)
		return CV_ERR_FORMAT;
	if ((k.role != x->role.role || k.epoch != x->role.epoch) && (r = begin_role(x, &k)) != 0)
		return r;
	p = directory_principal(x->v->keys, k.principal);
	if (!directory_enabled(p, x->now_ms) || is_gone(x->gone, p->id))
		return 0;
	while (i < x->persons && !ids_equal(x->person[i], p->person))
		i++;
	if (i == x->persons && i < DIR_SHARES_MAX)
		memcpy(x->person[x->persons++], p->person, 16);
	return 0;
}

int gov_rules_custodians(struct vault *v, const struct gov_gone *gone, const struct custody_role *except, unsigned n, uint64_t now_ms,
    bool *ret)
{
	static const uint8_t prefix[1] = { DIR_CUSTODY };
	struct custodian_count x = { .v = v, .gone = gone, .except = except, .excepts = n, .now_ms = now_ms, .good = true };
	int r = 0;

	if (goes(v, gone, PRINCIPAL_CUSTODIAN))
		r = store_scan(v->store, STORE_DIR, prefix, sizeof(prefix), NULL, 0, false, 0, count_share, &x);
	if (r != 0)
		return r;
	end_role(&x);
	*ret = x.good;
	return 0;
}

/* ---- keys that somebody has -------------------------------------------------------------------------------------------------- */

bool gov_rules_holds_class(const struct vault *v, const uint8_t principal[16])
{
	uint16_t roles[ROLE_WRAPS];
	unsigned n = change_roles_of(v->keys, principal, roles);

	for (unsigned i = 0; i < n; i++)
		if (directory_role_classes(v->keys, roles[i]) > 0)
			return true;
	return false;
}

bool gov_rules_leaked(const struct vault *v, uint16_t role)
{
	uint16_t roles[ROLE_WRAPS];
	const struct principal *p;

	for (size_t i = 0; (p = directory_principal_at(v->keys, i)) != NULL; i++) {
		unsigned n = p->removed ? change_roles_of(v->keys, p->id, roles) : 0;

		for (unsigned k = 0; k < n; k++)
			if (roles[k] == role)
				return true;
	}
	return false;
}

bool gov_rules_stale(const struct vault *v, const struct operation_reading *r)
{
	struct rd rd = operation_facts(&r->op);
	struct operation_fact f;
	struct dir_key key;

	while (operation_next(&rd, &f)) {
		const struct principal *p;

		if (dir_key_decode(f.key, f.key_n, &key) != 0 || (key.type != DIR_MEMBER && key.type != DIR_CUSTODY))
			continue;
		p = directory_principal(v->keys, key.principal);
		if (p == NULL ? r->op.head.operation != OPERATION_ADD_MEMBER : p->suspended || p->removed)
			return true;
	}
	return false;
}

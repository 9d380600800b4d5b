/* Operations that two administrators sign: who has which part, and whether one may be done now. POLICY.md section 5; FORMAT.md 5.5. */
#include "vault/operation.h"

#include <string.h>

#include "keys/change.h"
#include "vault/gov_ops.h"
#include "vault/members.h"
#include "vault/rewrap.h"

int gov_operation_read(const struct gov_object *o, struct operation_reading *ret)
{
	return o->document.n == 0 ? CV_ERR_FORMAT : operation_read(o->document.p, o->document.n, ret);
}

unsigned gov_operation_refuse(struct vault_call *c, enum decision_reason why)
{
	call_field_error(c, wire_text("operation", 9), decision_problem(why), decision_text(why));
	c->rule = why;
	return c->problem = decision_problem(why);
}

unsigned gov_operation_conflict(struct vault_call *c, const char *expected)
{
	call_field_error(c, wire_text("operation", 9), PROBLEM_CONFLICT, expected);
	return c->problem = PROBLEM_CONFLICT;
}

/* ---- whose part -------------------------------------------------------------------------------------------------------------- */

static bool is_person(struct vault *v, const uint8_t principal[16], const uint8_t person[16])
{
	const struct principal *p = directory_principal(v->keys, principal);

	return p != NULL && ids_equal(p->person, person);
}

bool gov_operation_concerns(struct vault *v, const struct operation_reading *r, const uint8_t person[16])
{
	if (r->op.head.operation == OPERATION_ADD_MEMBER)
		return ids_equal(r->principal.person, person);
	if (is_person(v, r->principal.id, person))
		return true;
	for (unsigned i = 0; i < r->principal_count; i++)
		if (is_person(v, r->principals[i], person))
			return true;
	return false;
}

/* Accounts that are there are the security administrators': one of the two signers looks after this one. */
static bool looked_after(struct vault *v, const struct vault_call *c, const struct principal *by, const uint8_t account[16])
{
	const struct principal *p = directory_principal(v->keys, account);

	return p != NULL && by != NULL &&
	    (members_looks_after(v, c->principal, p, c->now_ms) || members_looks_after(v, by, p, c->now_ms));
}

static bool account_fits(struct vault *v, const struct vault_call *c, const struct gov_object *o, const struct operation_reading *r)
{
	const struct principal *by = directory_principal(v->keys, o->by);
	bool fits = true;

	if (o->kind == GOV_KIND_ROLES || o->kind == GOV_KIND_REMOVE || o->kind == GOV_KIND_RESTORE)
		return looked_after(v, c, by, o->principal);
	for (unsigned i = 0; fits && (r->flags & OPERATION_REMOVED) != 0 && i < r->principal_count; i++)
		fits = looked_after(v, c, by, r->principals[i]);
	return fits;
}

/* A re-wrap goes on by itself until its keys are lost with a restart: then custodians bring them again. */
static bool wants_shares_again(struct vault *v, const struct gov_object *o)
{
	return o->kind == GOV_KIND_REWRAP && o->prefix.state == GOV_APPROVED && rewrap_waits(v, o->id);
}

bool gov_operation_superseded(struct vault *v, const struct operation_reading *r)
{
	uint8_t newest[32];

	return r->op.change_n != 0 && r->change.sequence != change_newest(v->keys, newest) + 1;
}

bool gov_operation_gathers(struct vault *v, const struct gov_object *o)
{
	return o->prefix.state == GOV_PENDING || wants_shares_again(v, o);
}

enum decision_reason gov_operation_part(struct vault *v, const struct vault_call *c, const struct gov_object *o)
{
	const enum principal_kind kind = c->principal->kind;
	const bool both = o->signatures.n == 2 * OPERATION_SIGNATURE, waits = gov_state_on(o, c->today) == GOV_PENDING;
	struct operation_reading r;

	if (kind != PRINCIPAL_ADMINISTRATOR && kind != PRINCIPAL_CUSTODIAN)
		return DECIDE_NOT_APPROVER;
	if (!(waits || (kind == PRINCIPAL_CUSTODIAN && wants_shares_again(v, o))) || gov_operation_read(o, &r) != 0)
		return DECIDE_ALREADY_DECIDED;
	/* Nobody has two parts in it. */
	if (gov_operation_concerns(v, &r, c->principal->person) || gov_same_person(v, c->principal->id, o->by) ||
	    gov_same_person(v, c->principal->id, o->decided_by))
		return DECIDE_SELF_APPROVAL;
	/* Administrators sign, then custodians give. */
	if (kind == PRINCIPAL_CUSTODIAN)
		return both && r.role_count > 0 ? DECIDE_YES : DECIDE_NOT_APPROVER;
	if (both)
		return DECIDE_ALREADY_DECIDED;
	return account_fits(v, c, o, &r) ? DECIDE_YES : DECIDE_NOT_APPROVER;
}

static bool has_given(struct vault *v, const struct vault_call *c, const struct gov_object *o)
{
	const struct gov_ceremony *x = gov_ceremony_of(v, o->id);
	const uint8_t *giver;

	for (unsigned i = 0; x != NULL && (giver = custody_giver(x->custody, i)) != NULL; i++)
		if (gov_same_person(v, giver, c->principal->id))
			return true;
	return false;
}

enum decision_reason gov_operation_next(struct vault *v, const struct vault_call *c, const struct gov_object *o)
{
	struct operation_reading r;
	enum decision_reason why;

	/* Another change of the directory came first: nobody can do anything for it any more. */
	if (gov_operation_read(o, &r) == 0 && gov_operation_superseded(v, &r))
		return DECIDE_CHANGE_ORDER;
	if (o->signatures.n == 0 && gov_state_on(o, c->today) == GOV_PENDING)
		return ids_equal(o->by, c->principal->id) && o->document.n > 0 ? DECIDE_YES : DECIDE_NOT_APPROVER;
	if ((why = gov_operation_part(v, c, o)) == DECIDE_YES && has_given(v, c, o))
		return DECIDE_ALREADY_DECIDED;
	return why;
}

/* ---- whether now -------------------------------------------------------------------------------------------------------------- */

static bool log_is_the_same(struct vault *v, const struct operation_head *h)
{
	uint8_t root[32];

	return audit_root_at(v->audit, h->log_size, root) == 0 && memcmp(root, h->log_root, 32) == 0;
}

enum decision_reason gov_operation_fresh(struct vault *v, const struct vault_call *c, const struct operation_reading *r)
{
	const struct operation_head *h = &r->op.head;
	uint8_t newest[32];

	if (memcmp(h->vault, v->id, 16) != 0)
		return DECIDE_OTHER_VAULT;
	if (c->now_ms < h->not_before_ms || c->now_ms >= h->expires_ms)
		return DECIDE_OPERATION_EXPIRED;
	/* The counter tells of a change that was made earlier in this turn, which the directory in memory does not have yet. */
	if (r->op.change_n != 0 && (r->change.sequence != change_newest(v->keys, newest) + 1 ||
	    memcmp(r->change.previous, newest, 32) != 0 || r->change.sequence != v->counters.next_change))
		return DECIDE_CHANGE_ORDER;
	return log_is_the_same(v, h) ? DECIDE_YES : DECIDE_LOG_DIFFERS;
}

/* Whether every role that the principal has is among those of the rekey. */
static bool all_rekeyed(const struct vault *v, const struct operation_reading *r, const uint8_t id[16])
{
	uint16_t had[ROLE_WRAPS];
	unsigned n = change_roles_of(v->keys, id, had), found = 0;

	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < r->role_count; j++)
			found += r->roles[j].role == had[i];
	return found == n;
}

/*
 * New role keys without new class keys keep nobody out: whoever had the role before has the classes. So nobody may be left behind by such
 * a change, neither by name nor because they may not act now, unless the role opens no class.
 */
static bool leaves_keys_behind(struct vault *v, const struct vault_call *c, const struct operation_reading *r)
{
	const struct principal *p;
	uint16_t had[ROLE_WRAPS];

	if (r->principal_count > 0)
		return true;
	for (size_t i = 0; (p = directory_principal_at(v->keys, i)) != NULL; i++) {
		unsigned n = directory_enabled(p, c->now_ms) ? 0 : change_roles_of(v->keys, p->id, had);

		for (unsigned k = 0; k < n; k++)
			for (unsigned j = 0; j < r->role_count; j++)
				if (r->roles[j].role == had[k] && directory_role_classes(v->keys, had[k]) > 0)
					return true;
	}
	return false;
}

/* Nobody may be removed whom the vault cannot do without, or who keeps a key that opens something. */
static unsigned check_removal(struct vault *v, struct vault_call *c, const struct operation_reading *r)
{
	const struct gov_gone gone = gov_rules_gone(r);
	bool rekey = r->op.head.operation == OPERATION_REKEY, left;
	int e;

	for (unsigned i = 0; i < gone.n; i++) {
		const struct principal *p = directory_principal(v->keys, gone.ids[i]);

		if (p == NULL)
			return gov_operation_refuse(c, DECIDE_GRANTEE_UNKNOWN);
		if (p->removed)
			return gov_operation_refuse(c, DECIDE_ALREADY_DECIDED);
		if (!rekey && gov_rules_holds_class(v, p->id))
			return gov_operation_conflict(c, "a rekey of the member's roles, which open classes; it removes, too");
		if (rekey && !all_rekeyed(v, r, p->id))
			return gov_operation_conflict(c, "a rekey of all roles of who is removed");
	}
	if (!gov_rules_administrators(v, &gone, c->now_ms))
		return gov_operation_conflict(c, "two administrators of different persons who are left, or nobody could restore anybody");
	if ((e = gov_rules_custodians(v, &gone, r->roles, rekey ? r->role_count : 0, c->now_ms, &left)) != 0)
		return call_failed(c, e);
	if (!left)
		return gov_operation_conflict(c, "as many custodians left as a role's key takes: a rekey shares it anew, then this");
	return gov_rules_separate(v, r) ? 0 : gov_operation_refuse(c, DECIDE_SEPARATION);
}

static unsigned check_rekey(struct vault *v, struct vault_call *c, const struct operation_reading *r)
{
	if ((r->flags & OPERATION_NEW_CLASSES) == 0 && leaves_keys_behind(v, c, r))
		return gov_operation_conflict(c,
		    "new keys of the classes too: somebody who is left out, or may not act now, has the old ones");
	return (r->flags & OPERATION_REMOVED) != 0 ? check_removal(v, c, r) : 0;
}

/* The newest epochs are those that were signed: other ones came between. */
static bool epochs_stand(const struct vault *v, const struct operation_reading *r)
{
	for (unsigned i = 0; i < r->role_count; i++)
		if (directory_role_newest(v->keys, r->roles[i].role) != r->roles[i].epoch)
			return false;
	for (unsigned i = 0; i < r->class_count; i++) {
		struct operation_class x = operation_class_at(r, i);
		uint32_t newest;
		uint8_t pk[32];

		if (directory_class(v->keys, x.class_key, &newest, pk) != 0 || newest != x.epoch)
			return false;
	}
	return true;
}

/* Who keeps the vault or reads its log opens no class, by no role. */
static unsigned check_classes(struct vault *v, struct vault_call *c, const struct operation_reading *r)
{
	const struct policy_role *role = policy_role_by_id(v->policy, r->receiver.role);

	if (role == NULL || role->kind > PRINCIPAL_JOB || !gov_rules_separate(v, r))
		return gov_operation_refuse(c, DECIDE_SEPARATION);
	return !gov_rules_leaked(v, r->receiver.role) ? 0 :
	    gov_operation_conflict(c, "a rekey of the role first: somebody who was removed had its key");
}

static unsigned check_restore(struct vault *v, struct vault_call *c, const struct operation_reading *r)
{
	const struct principal *p = directory_principal(v->keys, r->principal.id);

	if (p == NULL)
		return gov_operation_refuse(c, DECIDE_GRANTEE_UNKNOWN);
	if (p->removed)
		return gov_operation_conflict(c, "a member who was suspended; this one was removed for good");
	return members_is_out(p, c->now_ms) ? 0 : gov_operation_conflict(c, "a member who is suspended or has lapsed");
}

static unsigned check_policy(struct vault *v, struct vault_call *c, const struct operation_reading *r)
{
	struct policy *new = NULL;
	const char *fault = gov_policy_fault(v, r->policy, r->policy_n, &new);

	policy_free(new);
	if (fault == NULL)
		return gov_rules_separate(v, r) ? 0 : gov_operation_refuse(c, DECIDE_SEPARATION);
	call_field_error(c, wire_text("document", 8), PROBLEM_VALIDATION, fault);
	return c->problem;
}

bool gov_operation_signatures(struct vault *v, const struct gov_object *o, const struct operation_reading *r)
{
	const uint8_t *const by[] = { o->by, o->decided_by };

	for (size_t i = 0; i < o->signatures.n / OPERATION_SIGNATURE; i++) {
		const struct principal *p = directory_principal(v->keys, by[i]);

		if (p == NULL || !operation_signed(r, p->sign_pk, o->signatures.p + i * OPERATION_SIGNATURE))
			return false;
	}
	return true;
}

unsigned gov_operation_check(struct vault *v, struct vault_call *c, const struct operation_reading *r)
{
	enum decision_reason why = gov_operation_fresh(v, c, r);

	if (why == DECIDE_YES && gov_rules_stale(v, r))
		why = DECIDE_CHANGE_ORDER;
	if (why != DECIDE_YES)
		return gov_operation_refuse(c, why);
	switch (r->op.head.operation) {
	case OPERATION_ADD_MEMBER:
		if (directory_principal_named(v->keys, r->principal.login, strlen(r->principal.login)) != NULL)
			return gov_operation_refuse(c, DECIDE_SEPARATION);
		return gov_rules_separate(v, r) ? 0 : gov_operation_refuse(c, DECIDE_SEPARATION);
	case OPERATION_ROLES:
		return gov_rules_separate(v, r) ? 0 : gov_operation_refuse(c, DECIDE_SEPARATION);
	case OPERATION_REKEY:
		return check_rekey(v, c, r);
	case OPERATION_CLASSES:
		return check_classes(v, c, r);
	case OPERATION_REWRAP:
		return epochs_stand(v, r) ? 0 : gov_operation_refuse(c, DECIDE_CHANGE_ORDER);
	case OPERATION_REMOVE:
		return check_removal(v, c, r);
	case OPERATION_RESTORE:
		return check_restore(v, c, r);
	case OPERATION_POLICY:
		return check_policy(v, c, r);
	default:
		return 0;
	}
}

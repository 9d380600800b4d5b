/* Delegations: who may assign or approve lets another person do so. POLICY.md section 5. */
#include <string.h>

#include "vault/gov_ops.h"

/* Whether some active role assigns or approves anything: a delegate of someone else's has no such role. */
static const struct policy_role *deciding_role(const struct vault *v, const struct vault_call *c)
{
	for (unsigned i = 0; i < c->subject.role_count; i++) {
		const struct policy_role *role = policy_role_by_id(v->policy, c->subject.roles[i]);
		bool grants = false;

		for (unsigned k = 0; role != NULL && k < policy_classes(v->policy); k++)
			grants = grants || (role->rights[k] & RIGHT_GRANT) != 0;
		if (role != NULL && (grants || (role->acts & (ACT_ASSIGN | ACT_BULK | ACT_EXPORT)) != 0))
			return role;
	}
	return NULL;
}

static unsigned delegate_checked(struct vault *v, struct vault_call *c, struct gov_object *o)
{
	const struct principal *p = directory_principal(v->keys, o->principal);
	const struct policy_role *role = deciding_role(v, c);
	struct gov_authority by = { .role = role != NULL ? role->id : 0 };
	int r;

	if (gov_same_person(v, c->principal->id, o->principal))
		return call_decline(c, DECIDE_SELF_APPROVAL, "%s", "");
	if (role == NULL)
		return call_decline(c, DECIDE_NOT_APPROVER, "%s", "");
	/* Who keeps the vault or reads its log decides nothing about children, and neither does a program. */
	if (p == NULL || p->kind != PRINCIPAL_PERSON || !directory_enabled(p, c->now_ms))
		return call_decline(c, DECIDE_GRANTEE_UNKNOWN, "%s", "");
	if ((r = gov_store(v, NULL, o)) != 0)
		return call_failed(c, r);
	gov_detail_role(v, c, &by);
	gov_detail(v, c, LEAF_DELEGATION, o, &o->text);
	gov_answer(v, c, o, true);
	return 0;
}

unsigned gov_delegate(struct vault *v, struct vault_call *c, struct wire_list fields)
{
	const uint32_t must = MEMBER(MEMBER_PRINCIPAL) | MEMBER(MEMBER_PURPOSES) | MEMBER(MEMBER_UNTIL);
	struct gov_draft *d;
	struct gov_input in;
	unsigned problem;

	if ((problem = gov_input_take(c, fields, must, MEMBER(MEMBER_AREA) | MEMBER(MEMBER_NOTE), &in)) != 0)
		return problem;
	d = gov_draft_begin(c, GOV_DELEGATION, GOV_ACTIVE);
	if ((problem = gov_draft_fill(v, c, &in, GOV_DAYS_STANDING, d)) == 0)
		problem = delegate_checked(v, c, &d->o);
	gov_draft_end(d);
	return problem;
}

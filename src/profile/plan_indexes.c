/* What can be looked for, compared. */
#include "base/buf.h"
#include "profile/plan_internal.h"

static const struct policy_index *index_by_id(const struct policy *p, uint16_t id)
{
	for (unsigned i = 0; i < policy_indexes(p); i++)
		if (policy_index(p, i)->id == id)
			return policy_index(p, i);
	return NULL;
}

void plan_indexes(struct plan *p)
{
	const struct policy_index *is, *was;

	for (unsigned i = 0; i < policy_indexes(p->new); i++) {
		is = policy_index(p->new, i);
		was = index_by_id(p->old, is->id);
		if (was == NULL)
			plan_say(p, "+ index %s %s; it answers once `childvault reproject --indexes` has made it",
			    "+ 索引 %s %s；须经 childvault reproject --indexes 建立后方可使用", is->name, p->chinese ? is->label.zh : is->label.en);
		else if (was->unique != is->unique)
			plan_say(p, is->unique ? "~ index %s: no two files with the same value from now on" :
			    "~ index %s: several files may have the same value",
			    is->unique ? "~ 索引 %s：此后同一值只能有一份档案" : "~ 索引 %s：同一值可有多份档案", is->name);
	}
	for (unsigned i = 0; i < policy_indexes(p->old); i++) {
		was = policy_index(p->old, i);
		if (index_by_id(p->new, was->id) == NULL)
			plan_say(p, "- index %s", "- 索引 %s", was->name);
	}
}

static bool searches(const struct policy *p, const struct policy_role *role, uint16_t index)
{
	for (unsigned i = 0; role != NULL && i < policy_indexes(p); i++)
		if (policy_index(p, i)->id == index)
			return (role->searches >> i & 1) != 0;
	return false;
}

void plan_searches(struct plan *p, const struct policy_role *was, const struct policy_role *is)
{
	bool before, after;

	for (unsigned i = 0; i < policy_indexes(p->new); i++) {
		const struct policy_index *x = policy_index(p->new, i);

		before = searches(p->old, was, x->id);
		after = searches(p->new, is, x->id);
		if (before != after)
			plan_say(p, "%s role %s: searches by %s", "%s 角色 %s：可按 %s 查找", after ? "+" : "-", is->name, x->name);
	}
}

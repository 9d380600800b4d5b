/* The calls about governance objects: by collection, and what they share. docs/POLICY.md section 5. */
#include <string.h>

#include "vault/gov_ops.h"
#include "vault/inventory.h"
#include "vault/jobs.h"
#include "vault/members.h"

unsigned gov_begin(struct vault *v, struct vault_call *c)
{
	const struct wire_envelope *e = &c->env;
	const struct policy_role *role;

	if (c->principal == NULL)
		return call_refuse(c, PROBLEM_UNAUTHENTICATED, "the directory does not know this session's principal");
	if (e->case_text.n > LEAF_CASE_MAX || e->reason.n > LEAF_REASON_MAX)
		return call_refuse(c, PROBLEM_BAD_REQUEST, "CV-Case or CV-Reason is too long");
	memcpy(c->detail.case_text, e->case_text.p, e->case_text.n);
	c->detail.case_n = (uint8_t)e->case_text.n;
	memcpy(c->detail.reason, e->reason.p, e->reason.n);
	c->detail.reason_n = (uint16_t)e->reason.n;
	for (unsigned i = 0; i < c->subject.role_count && c->detail.role == 0; i++)
		if ((role = policy_role_by_id(v->policy, c->subject.roles[i])) != NULL) {
			c->detail.role = role->id;
			c->detail.department = role->department;
		}
	return 0;
}

void gov_detail(struct vault *v, struct vault_call *c, uint8_t kind, const struct gov_object *o, const struct gov_bytes *text)
{
	c->kind = kind;
	memcpy(c->detail.approval, o->id, 16);
	if (o->purposes.n == 2)
		c->detail.purpose = be16_get(o->purposes.p);
	c->detail.count = o->prefix.type == GOV_ASSIGNMENT ? (uint32_t)(o->records.n / 16) : o->count;
	for (size_t i = 0; i + 2 <= o->fields.n; i += 2) {
		const struct policy_field *f = policy_field_by_id(v->policy, be16_get(o->fields.p + i));

		if (f != NULL)
			call_mark_field(v, c, f);
	}
	if (text != NULL && text->n > 0 && text->n <= LEAF_REASON_MAX) {
		memcpy(c->detail.reason, text->p, text->n);
		c->detail.reason_n = (uint16_t)text->n;
	}
}

void gov_detail_role(struct vault *v, struct vault_call *c, const struct gov_authority *a)
{
	const struct policy_role *role = policy_role_by_id(v->policy, a->role);

	if (role == NULL)
		return;
	c->detail.role = role->id;
	c->detail.department = role->department;
}

int gov_child(struct vault *v, struct vault_call *c, const struct gov_object *o)
{
	struct record rec;
	int r;

	if (id_is_zero(o->record))
		return 0;
	if ((r = record_load(v, o->record, false, &rec)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
	call_child(c, &rec);
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	return 0;
}

/* ---- by collection -------------------------------------------------------------------------------------------------- */

enum { JOBS = 0xFFFF, MEMBERS_OF_VAULT = 0xFFFE, KEYS_OF_VAULT = 0xFFFD };

/* The type of a collection's objects, JOBS, MEMBERS_OF_VAULT, KEYS_OF_VAULT, or 0. */
static uint16_t collection(const struct wire_text *name)
{
	static const struct {
		const char *name;
		uint16_t type;
	} all[] = { { "assignments", GOV_ASSIGNMENT }, { "grants", GOV_GRANT }, { "requests", GOV_REQUEST },
		{ "delegations", GOV_DELEGATION }, { "jobs", JOBS }, { "members", MEMBERS_OF_VAULT },
		{ "keys", KEYS_OF_VAULT }, { "reviews", GOV_REVIEW }, { "monthkeys", GOV_MONTHS },
		{ "intakes", GOV_INTAKE } };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strlen(all[i].name) == name->n && memcmp(all[i].name, name->p, name->n) == 0)
			return all[i].type;
	return 0;
}

static unsigned no_collection(struct vault_call *c)
{
	return call_refuse(c, PROBLEM_NOT_FOUND, "no such collection");
}

unsigned vault_gov_create(struct vault *v, struct vault_call *c, const struct wire_gov_create *m)
{
	uint16_t type = collection(&m->collection);
	unsigned problem;

	if (type == JOBS)
		return vault_job_create(v, c, m);
	if ((problem = gov_begin(v, c)) != 0)
		return problem;
	switch (type) {
	case GOV_ASSIGNMENT: return gov_assign(v, c, m->fields);
	case GOV_REQUEST: return gov_request(v, c, m->fields);
	case GOV_DELEGATION: return gov_delegate(v, c, m->fields);
	case GOV_REVIEW: return gov_review(v, c, m->fields);
	case GOV_MONTHS: return gov_months(v, c, m->fields);
	case GOV_GRANT: return call_refuse(c, PROBLEM_METHOD_NOT_ALLOWED, "a grant is made by approving a request");
	case GOV_INTAKE: return call_refuse(c, PROBLEM_METHOD_NOT_ALLOWED, "intakes come of records that are handed in");
	case KEYS_OF_VAULT: return call_refuse(c, PROBLEM_METHOD_NOT_ALLOWED, "keys are made by operations on the directory");
	case MEMBERS_OF_VAULT: return call_refuse(c, PROBLEM_METHOD_NOT_ALLOWED, "members are facts of the signed directory");
	default: return no_collection(c);
	}
}

unsigned vault_gov_get(struct vault *v, struct vault_call *c, const struct wire_gov_get *m)
{
	uint16_t type = collection(&m->collection);
	struct gov_entry *e;
	unsigned problem;
	bool visible;
	int r;

	if (type == JOBS)
		return vault_job_get(v, c, m);
	if ((problem = gov_begin(v, c)) != 0)
		return problem;
	if (type == MEMBERS_OF_VAULT)
		return members_get(v, c, m);
	if (type == KEYS_OF_VAULT)
		return call_refuse(c, PROBLEM_METHOD_NOT_ALLOWED, "keys are listed, not read one by one");
	if (type == 0)
		return no_collection(c);
	if ((e = gov_find(v, type, m->id)) == NULL)
		return call_refuse(c, PROBLEM_NOT_FOUND, "no such object");
	if ((r = gov_visible(v, c, &e->held->o, &visible)) != 0 || (visible && (r = gov_child(v, c, &e->held->o)) != 0))
		return call_failed(c, r);
	if (!visible)
		return call_refuse(c, PROBLEM_NOT_FOUND, "no such object");
	gov_detail(v, c, LEAF_GOVERNANCE, &e->held->o, NULL);
	gov_answer(v, c, &e->held->o, true);
	return 0;
}

unsigned vault_gov_list(struct vault *v, struct vault_call *c, const struct wire_gov_list *m)
{
	uint16_t type = collection(&m->collection);
	unsigned problem;

	if (type == JOBS)
		return vault_job_list(v, c, m);
	if ((problem = gov_begin(v, c)) != 0)
		return problem;
	if (type == MEMBERS_OF_VAULT)
		return members_list(v, c, m);
	if (type == KEYS_OF_VAULT)
		return keys_list(v, c, m);
	return type == 0 ? no_collection(c) : gov_list(v, c, type, m);
}

static bool is_action(const struct wire_gov_act *m, const char *name)
{
	return strlen(name) == m->action.n && memcmp(name, m->action.p, m->action.n) == 0;
}

unsigned vault_gov_act(struct vault *v, struct vault_call *c, const struct wire_gov_act *m)
{
	uint16_t type = collection(&m->collection);
	struct gov_entry *e;
	unsigned problem;

	if (type == JOBS)
		return vault_job_act(v, c, m);
	if ((problem = gov_begin(v, c)) != 0)
		return problem;
	if (type == MEMBERS_OF_VAULT)
		return members_act(v, c, m);
	if (type == 0 || type == KEYS_OF_VAULT)
		return no_collection(c);
	if ((e = gov_find(v, type, m->id)) == NULL)
		return call_refuse(c, PROBLEM_NOT_FOUND, "no such object");
	if (type == GOV_REQUEST && is_action(m, "approve"))
		return gov_approve(v, c, e, m->fields);
	if (type == GOV_REQUEST && gov_kind_signed(e->held->o.kind) && is_action(m, "sign"))
		return gov_operation_sign(v, c, e, m->fields);
	if (type == GOV_REQUEST && gov_kind_signed(e->held->o.kind) && is_action(m, "open"))
		return gov_custody_open(v, c, e, m->fields);
	if (type == GOV_REQUEST && gov_kind_signed(e->held->o.kind) && is_action(m, "give"))
		return gov_custody_give(v, c, e, m->fields);
	if (type == GOV_REQUEST && is_action(m, "reject"))
		return gov_reject(v, c, e, m->fields);
	if (type == GOV_REQUEST && is_action(m, "withdraw"))
		return gov_withdraw(v, c, e, m->fields);
	if (type == GOV_INTAKE)
		return is_action(m, "settle") ? gov_settle(v, c, e, m->fields) : call_refuse(c, PROBLEM_NOT_FOUND, "no such action");
	if (type != GOV_REQUEST && type != GOV_REVIEW && type != GOV_MONTHS && is_action(m, "revoke"))
		return gov_revoke(v, c, e, m->fields);
	return call_refuse(c, PROBLEM_NOT_FOUND, "no such action");
}

/*
 * Intakes: a record was handed in with a number that must stand in one record only, and does in another. Whoever may know that is refused
 * at once; of others the record is taken, and waits for somebody who may. docs/POLICY.md section 5.
 */
#include <string.h>

#include "vault/gov_ops.h"

/* A role of the caller that acts for the purpose (of a governance call, for any) and is told of duplicates. */
static const struct policy_role *teller(struct vault *v, const struct vault_call *c)
{
	for (unsigned i = 0; i < c->subject.role_count; i++) {
		const struct policy_role *role = policy_role_by_id(v->policy, c->subject.roles[i]);

		if (role != NULL && (role->acts & ACT_DEDUPE) != 0 &&
		    (c->subject.purpose < 0 || (role->purposes >> c->subject.purpose & 1) != 0))
			return role;
	}
	return NULL;
}

/* The id of the record that was there before, which the store knows by its serial. */
static int twin_id(struct vault *v, uint8_t ret[16])
{
	struct store_value val;
	uint8_t key[REC_KEY_MAX];
	size_t n = rec_key(v->twin, REC_HEAD, 0, 0, key);
	uint32_t epoch, slot;
	int r;

	if ((r = store_get(v->store, STORE_REC, key, n, &val)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
	return head_prefix_decode(val.p, val.n, &epoch, &slot, ret);
}

bool gov_is_aside(struct vault *v, const uint8_t record[16])
{
	return gov_intake_of(v, record) != NULL;
}

int gov_intake(struct vault *v, struct vault_call *c, const struct record *rec, bool *ret_aside)
{
	uint8_t twin[16];
	struct gov_object o;
	int r;

	*ret_aside = false;
	if (v->twin == 0)
		return 0;
	if (teller(v, c) != NULL) {
		(void)call_decline(c, DECIDE_DUPLICATE, "index %s", v->twin_index->name);
		return CV_ERR_DENIED;
	}
	*ret_aside = true;
	if (gov_intake_of(v, rec->head.record) != NULL)
		return 0;
	memset(&o, 0, sizeof(o));
	if ((r = twin_id(v, twin)) != 0)
		return r;
	o.prefix.type = GOV_INTAKE;
	o.prefix.state = GOV_PENDING;
	o.prefix.due_day = UINT32_MAX;	/* until somebody settles it */
	o.prefix.serial = rec->serial;
	crypto_random(o.id, 16);
	memcpy(o.principal, c->principal->id, 16);
	memcpy(o.by, c->principal->id, 16);
	memcpy(o.record, rec->head.record, 16);
	o.created_ms = c->now_ms;
	o.count = v->twin_index->id;
	o.records = (struct gov_bytes){ twin, 16 };
	return gov_store(v, NULL, &o);
}

int gov_intake_visible(struct vault *v, const struct vault_call *c, const struct gov_object *o, bool *ret)
{
	const struct policy_role *role = teller(v, c);
	struct record rec;
	int r;

	*ret = false;
	if (role == NULL)
		return 0;
	if ((r = record_load(v, o->record, false, &rec)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
	*ret = record_in_area(v, c, &rec, role);
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	return 0;
}

unsigned gov_settle(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields)
{
	struct gov_object o = e->held->o;
	struct gov_input in;
	unsigned problem;
	bool visible;
	int r;

	if ((problem = gov_input_take(c, fields, MEMBER(MEMBER_NOTE), 0, &in)) != 0)
		return problem;
	if ((r = gov_intake_visible(v, c, &o, &visible)) != 0 || (visible && (r = gov_child(v, c, &o)) != 0))
		return call_failed(c, r);
	if (!visible)
		return call_refuse(c, PROBLEM_NOT_FOUND, "no such object");
	if (in.value[MEMBER_NOTE].n > GOV_TEXT_MAX) {
		gov_input_fault(c, MEMBER_NOTE);
		return c->problem;
	}
	gov_detail(v, c, LEAF_DECISION, &o, NULL);
	if (o.prefix.state != GOV_PENDING)
		return call_decline(c, DECIDE_ALREADY_DECIDED, "%s", gov_state_name(o.prefix.state));
	o.prefix.state = GOV_APPROVED;
	memcpy(o.decided_by, c->principal->id, 16);
	o.decided_ms = c->now_ms;
	o.decision = (struct gov_bytes){ in.value[MEMBER_NOTE].p, in.value[MEMBER_NOTE].n };
	if ((r = gov_store(v, e, &o)) != 0)
		return call_failed(c, r);
	return gov_decided(v, c, LEAF_DECISION, e, &o.decision);
}

/* An operation's request is signed by who asked, then by another administrator. POLICY.md section 5, "Operations"; FORMAT.md 5.5. */
#include <string.h>

#include "vault/gov_ops.h"
#include "vault/operation.h"
#include "vault/witness.h"

/* The caller's signature of the request, which may be carried out now. 0 or a problem. */
static unsigned check_signature(struct vault *v, struct vault_call *c, const struct gov_object *o, struct wire_list fields,
    struct operation_reading *ret, uint8_t ret_signature[OPERATION_SIGNATURE])
{
	struct gov_input in;
	unsigned problem;

	if ((problem = gov_input_take(c, fields, MEMBER(MEMBER_SIGNATURE), 0, &in)) != 0)
		return problem;
	if (!gov_input_bytes(c, MEMBER_SIGNATURE, &in.value[MEMBER_SIGNATURE], ret_signature, OPERATION_SIGNATURE))
		return c->problem;
	if (gov_operation_read(o, ret) != 0)
		return call_failed(c, CV_ERR_FORMAT);
	if ((problem = gov_operation_check(v, c, ret)) != 0)
		return problem;
	/* Of the first signature too: the document is the one that was signed. */
	if (!gov_operation_signatures(v, o, ret) || !operation_signed(ret, c->principal->sign_pk, ret_signature))
		return gov_operation_refuse(c, DECIDE_SIGNATURE);
	return 0;
}

unsigned gov_operation_sign(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields)
{
	uint8_t signature[OPERATION_SIGNATURE];
	struct gov_object o = e->held->o;
	struct operation_reading reading;
	unsigned problem;
	int r;

	gov_detail(v, c, LEAF_DECISION, &o, NULL);
	if (c->principal->kind != PRINCIPAL_ADMINISTRATOR || !ids_equal(o.by, c->principal->id))
		return call_decline(c, DECIDE_NOT_APPROVER, "who asked signs first");
	if (gov_state_on(&o, c->today) != GOV_PENDING || o.signatures.n != 0)
		return call_decline(c, DECIDE_ALREADY_DECIDED, "%s", gov_state_name(gov_state_on(&o, c->today)));
	if ((problem = check_signature(v, c, &o, fields, &reading, signature)) != 0)
		return problem;
	o.signatures = (struct gov_bytes){ signature, sizeof(signature) };
	if ((r = gov_store(v, e, &o)) != 0)
		return call_failed(c, r);
	return gov_decided(v, c, LEAF_DECISION, e, NULL);
}

static unsigned check_second(struct vault *v, struct vault_call *c, const struct gov_object *o)
{
	enum decision_reason why = gov_operation_part(v, c, o);

	if (c->principal->kind != PRINCIPAL_ADMINISTRATOR)
		why = DECIDE_NOT_APPROVER;
	if (why != DECIDE_YES)
		return call_decline(c, why, "%s", "");
	if (o->signatures.n == 0)
		return gov_operation_conflict(c, "first the signature of who asked");
	if (!directory_enabled(directory_principal(v->keys, o->by), c->now_ms))
		return gov_operation_conflict(c, "an administrator who signed first and may still act");
	return 0;
}

/* The leaf of a second signature that carried the operation out: those of the members whom it concerns name them. */
static unsigned answer_done(struct vault *v, struct vault_call *c, const struct gov_entry *e)
{
	const struct gov_object *o = &e->held->o;
	uint8_t kind = LEAF_DECISION;
	unsigned problem;

	if (o->kind == GOV_KIND_RESTORE)
		kind = LEAF_RESTORED;
	if (o->kind == GOV_KIND_REMOVE)
		kind = LEAF_SUSPENDED;
	problem = gov_decided(v, c, kind, e, kind != LEAF_DECISION ? &o->text : NULL);
	if (problem == 0 && kind != LEAF_DECISION)
		memcpy(c->detail.approval, o->principal, 16);
	return problem;
}

/* For which of the acts that may want a fresh word of witnesses an operation stands. */
static enum witnessed_act act_of(uint16_t operation)
{
	switch (operation) {
	case OPERATION_POLICY:
		return WITNESSED_POLICY;
	case OPERATION_REKEY:
	case OPERATION_CLASSES:
	case OPERATION_REWRAP:
	case OPERATION_SPLIT:
		return WITNESSED_KEYS;
	default:
		return WITNESSED_MEMBERS;
	}
}

unsigned gov_operation_approve(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields)
{
	uint8_t both[2 * OPERATION_SIGNATURE];
	struct gov_object o = e->held->o;
	struct operation_reading reading;
	unsigned problem;
	int r;

	gov_detail(v, c, LEAF_DECISION, &o, NULL);
	if ((problem = check_second(v, c, &o)) != 0 ||
	    (problem = check_signature(v, c, &o, fields, &reading, both + OPERATION_SIGNATURE)) != 0 ||
	    (problem = call_witnessed(v, c, act_of(reading.op.head.operation))) != 0)
		return problem;
	memcpy(both, o.signatures.p, OPERATION_SIGNATURE);
	o.signatures = (struct gov_bytes){ both, sizeof(both) };
	memcpy(o.decided_by, c->principal->id, 16);
	o.decided_ms = c->now_ms;
	/* Where no keys take part the second signature carries it out. */
	if (reading.role_count == 0 && (problem = gov_operation_execute(v, c, &reading, NULL, &o)) != 0)
		return problem;
	if ((r = gov_store(v, e, &o)) != 0)
		return call_failed(c, r);
	return o.prefix.state == GOV_APPROVED ? answer_done(v, c, e) : gov_decided(v, c, LEAF_DECISION, e, NULL);
}

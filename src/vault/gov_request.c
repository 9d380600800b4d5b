/* Requests: asked for by one person, decided by another. POLICY.md section 5. */
#include <string.h>

#include "vault/gov_ops.h"
#include "vault/witness.h"

#define WAITING_MAX 100u	/* requests of one person that wait at a time */
#define ASKED_MAX 500u		/* that they make in 24 hours: what became of them stays, in memory too */
#define DAY_MS (24u * 3600 * 1000)

/* What each kind must and may have, besides kind. */
static const struct {
	uint64_t must, may;
} kinds[] = {
	[GOV_KIND_GRANT] = { MEMBER(MEMBER_RECORD) | MEMBER(MEMBER_FIELDS) | MEMBER(MEMBER_PURPOSE) | MEMBER(MEMBER_REASON) |
	    MEMBER(MEMBER_UNTIL), MEMBER(MEMBER_READS) | MEMBER(MEMBER_PRINCIPAL) },
	[GOV_KIND_BULK] = { MEMBER(MEMBER_COUNT) | MEMBER(MEMBER_PURPOSE) | MEMBER(MEMBER_REASON) | MEMBER(MEMBER_UNTIL),
	    MEMBER(MEMBER_PRINCIPAL) },
	[GOV_KIND_EXPORT] = { MEMBER(MEMBER_COUNT) | MEMBER(MEMBER_FIELDS) | MEMBER(MEMBER_PURPOSE) | MEMBER(MEMBER_REASON) |
	    MEMBER(MEMBER_UNTIL), MEMBER(MEMBER_AREA) | MEMBER(MEMBER_STATE) | MEMBER(MEMBER_PRINCIPAL) },
};

/* ---- asking ------------------------------------------------------------------------------------------------------------ */

/*
 * Whether the caller may ask once more for one person, by the requests that they made for them: those that wait, and those of the last
 * day. What others ask in somebody's name takes nothing of their own room.
 */
static bool has_room(struct vault *v, const struct vault_call *c, const uint8_t principal[16])
{
	unsigned waiting = 0, asked = 0;
	struct gov_entry *e;
	uint32_t at = 0;

	while ((e = gov_next_of(v, GOV_REQUEST, principal, &at)) != NULL) {
		const struct gov_object *o = &e->held->o;

		if (!ids_equal(o->by, c->principal->id))
			continue;
		waiting += gov_state_on(o, c->today) == GOV_PENDING;
		asked += o->created_ms + DAY_MS > c->now_ms;
	}
	return waiting < WAITING_MAX && asked < ASKED_MAX;
}

/* Whether somebody may have what is asked for at all; who asks for another person must be one who could have it, too. */
static unsigned check_wish(struct vault *v, struct vault_call *c, const struct gov_object *o)
{
	for (size_t i = 0; o->kind == GOV_KIND_EXPORT && i < o->fields.n; i += 2)
		if (!gov_exportable(v, policy_field_by_id(v->policy, be16_get(o->fields.p + i))))
			call_field_error(c, wire_text("fields", 6), PROBLEM_VALIDATION, "fields of classes below level 5, not hidden");
	if (c->problem == 0 && !gov_grantee_fits(v, c, o->principal, &o->purposes))
		return call_decline(c, DECIDE_GRANTEE_UNKNOWN, "%s", "");
	return c->problem;
}

unsigned gov_decided(struct vault *v, struct vault_call *c, uint8_t kind, const struct gov_entry *e, const struct gov_bytes *text)
{
	int r;

	if ((r = gov_child(v, c, &e->held->o)) != 0)
		return call_failed(c, r);
	gov_detail(v, c, kind, &e->held->o, text);
	gov_answer(v, c, &e->held->o, false);
	return 0;
}

static unsigned request_checked(struct vault *v, struct vault_call *c, const struct gov_object *o)
{
	unsigned problem;
	int r;

	if ((r = gov_child(v, c, o)) != 0)
		return call_failed(c, r);
	if ((problem = check_wish(v, c, o)) != 0)
		return problem;
	if (!has_room(v, c, o->principal))
		return call_refuse(c, PROBLEM_RATE_LIMITED, "of the caller's requests for this person %u wait, or %u were made in a day",
		    WAITING_MAX, ASKED_MAX);
	if ((r = gov_store(v, NULL, o)) != 0)
		return call_failed(c, r);
	gov_detail(v, c, LEAF_REQUEST, o, &o->text);
	gov_answer(v, c, o, false);
	return 0;
}

unsigned gov_request(struct vault *v, struct vault_call *c, struct wire_list fields)
{
	enum gov_kind kind = gov_input_kind(c, fields);
	struct gov_draft *d;
	struct gov_input in;
	unsigned problem;

	if (kind == 0)
		return c->problem;
	if (gov_kind_signed(kind))
		return gov_propose(v, c, kind, fields);
	if ((problem = gov_input_take(c, fields, MEMBER(MEMBER_KIND) | kinds[kind].must, kinds[kind].may, &in)) != 0)
		return problem;
	d = gov_draft_begin(c, GOV_REQUEST, GOV_PENDING);
	d->o.kind = (uint8_t)kind;
	if ((problem = gov_draft_fill(v, c, &in, GOV_DAYS_GRANT, d)) == 0)
		problem = request_checked(v, c, &d->o);
	gov_draft_end(d);
	return problem;
}

/* ---- deciding ------------------------------------------------------------------------------------------------------------ */

/* Who decides what, and when: into *o, which is the request as it will be stored. */
static void decide(const struct vault_call *c, const struct gov_authority *by, enum gov_state state, struct gov_object *o)
{
	o->prefix.state = (uint8_t)state;
	memcpy(o->decided_by, c->principal->id, 16);
	o->decided_ms = c->now_ms;
	if (by != NULL)
		memcpy(o->delegation, by->delegation, 16);
	o->document.n = 0;
}

/* The request waits, and the caller may decide it. 0 or a problem. */
static unsigned check_decider(struct vault *v, struct vault_call *c, const struct gov_object *o, struct gov_authority *by)
{
	enum decision_reason why;
	int r;

	if ((r = gov_child(v, c, o)) != 0)
		return call_failed(c, r);
	gov_detail(v, c, LEAF_DECISION, o, NULL);
	if (gov_state_on(o, c->today) != GOV_PENDING)
		return call_decline(c, DECIDE_ALREADY_DECIDED, "%s", gov_state_name(gov_state_on(o, c->today)));
	if ((r = gov_may_decide(v, c, o, by, &why)) != 0)
		return call_failed(c, r);
	if (why != DECIDE_YES)
		return call_decline(c, why, "%s", "");
	gov_detail_role(v, c, by);
	return 0;
}

/* What approving does besides deciding. 0 or a problem. */
static unsigned approve_kind(struct vault *v, struct vault_call *c, struct gov_object *o, const struct gov_authority *by)
{
	if (!gov_grantee_fits(v, c, o->principal, &o->purposes))
		return call_decline(c, DECIDE_GRANTEE_UNKNOWN, "%s", "");
	if (o->kind == GOV_KIND_EXPORT)
		crypto_random(o->mark, sizeof(o->mark));
	return o->kind == GOV_KIND_GRANT ? gov_grant(v, c, o, by) : 0;
}

unsigned gov_approve(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields)
{
	struct gov_object o = e->held->o;
	struct gov_authority by;
	struct gov_input in;
	unsigned problem;
	int r;

	if (gov_kind_signed(o.kind))
		return gov_operation_approve(v, c, e, fields);
	/* Who asks what before how. */
	if ((problem = check_decider(v, c, &o, &by)) != 0 ||
	    (problem = call_witnessed(v, c, o.kind == GOV_KIND_EXPORT ? WITNESSED_EXPORT : WITNESSED_GRANT)) != 0 ||
	    (problem = gov_input_take(c, fields, 0, 0, &in)) != 0 ||
	    (problem = approve_kind(v, c, &o, &by)) != 0)
		return problem;
	decide(c, &by, GOV_APPROVED, &o);
	if ((r = gov_store(v, e, &o)) != 0)
		return call_failed(c, r);
	return gov_decided(v, c, o.kind == GOV_KIND_GRANT ? LEAF_GRANT : LEAF_DECISION, e, &o.text);
}

unsigned gov_reject(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields)
{
	struct gov_object o = e->held->o;
	struct gov_authority by;
	struct gov_draft *d;
	struct gov_input in;
	unsigned problem;
	int r = 0;

	if ((problem = check_decider(v, c, &o, &by)) != 0 ||
	    (problem = gov_input_take(c, fields, 0, MEMBER(MEMBER_REASON), &in)) != 0)
		return problem;
	d = gov_draft_begin(c, GOV_REQUEST, GOV_REJECTED);
	if ((problem = gov_draft_fill(v, c, &in, 0, d)) == 0) {
		o.decision = d->o.text;
		decide(c, &by, GOV_REJECTED, &o);
		r = gov_store(v, e, &o);
	}
	gov_draft_end(d);
	if (problem != 0)
		return problem;
	return r != 0 ? call_failed(c, r) : gov_decided(v, c, LEAF_DECISION, e, &e->held->o.decision);
}

unsigned gov_withdraw(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields)
{
	struct gov_object o = e->held->o;
	struct gov_input in;
	unsigned problem;
	int r;

	if ((problem = gov_input_take(c, fields, 0, 0, &in)) != 0)
		return problem;
	if ((r = gov_child(v, c, &o)) != 0)
		return call_failed(c, r);
	gov_detail(v, c, LEAF_DECISION, &o, NULL);
	/* An operation is not for the one whom it is about. */
	if (!ids_equal(o.by, c->principal->id) && (gov_kind_signed(o.kind) || !ids_equal(o.principal, c->principal->id)))
		return call_decline(c, DECIDE_NOT_APPROVER, "only who asked, or for whom it was, withdraws a request");
	if (gov_state_on(&o, c->today) != GOV_PENDING)
		return call_decline(c, DECIDE_ALREADY_DECIDED, "%s", gov_state_name(gov_state_on(&o, c->today)));
	decide(c, NULL, GOV_WITHDRAWN, &o);
	if ((r = gov_store(v, e, &o)) != 0)
		return call_failed(c, r);
	return gov_decided(v, c, LEAF_DECISION, e, &o.text);
}

/* Custodians bring the keys of the roles that an operation names. POLICY.md section 5, "Operations"; FORMAT.md 5.5. */
#include <string.h>

#include "base/text.h"
#include "vault/gov_ops.h"
#include "vault/operation.h"
#include "vault/rewrap.h"

struct gov_ceremony *gov_ceremony_of(struct vault *v, const uint8_t request[16])
{
	for (unsigned i = 0; i < GOV_CEREMONIES; i++) {
		struct gov_ceremony *x = &v->gov->ceremony[i];

		if (x->custody != NULL && ids_equal(custody_request(x->custody), request))
			return x;
	}
	return NULL;
}

static void end(struct gov_ceremony *x)
{
	custody_free(x->custody);
	memset(x, 0, sizeof(*x));
}

void gov_ceremonies_sweep(struct vault *v, uint64_t now_ms, bool all)
{
	for (unsigned i = 0; i < GOV_CEREMONIES; i++) {
		struct gov_ceremony *x = &v->gov->ceremony[i];
		const struct gov_entry *e;

		if (x->custody == NULL)
			continue;
		e = all ? NULL : gov_find(v, GOV_REQUEST, custody_request(x->custody));
		if (e != NULL && gov_operation_gathers(v, &e->held->o) && (now_ms == 0 || !custody_over(x->custody, now_ms)))
			continue;
		end(x);
	}
}

/* The live ceremony of a request, or NULL. What somebody gave who may not act any more counts for nothing: such a one has ended. */
static struct gov_ceremony *live(struct vault *v, const struct vault_call *c, const uint8_t request[16])
{
	struct gov_ceremony *x;
	const uint8_t *giver;

	gov_ceremonies_sweep(v, c->mono_ms, false);
	if ((x = gov_ceremony_of(v, request)) == NULL)
		return NULL;
	for (unsigned i = 0; (giver = custody_giver(x->custody, i)) != NULL; i++)
		if (!directory_enabled(directory_principal(v->keys, giver), c->now_ms)) {
			end(x);
			return NULL;
		}
	return x;
}

/* The caller is a custodian whose turn it is, and the operation may still be carried out. 0 or a problem. */
static unsigned check_step(struct vault *v, struct vault_call *c, const struct gov_object *o, struct operation_reading *ret)
{
	enum decision_reason why;
	unsigned problem;

	gov_detail(v, c, LEAF_DECISION, o, NULL);
	if (c->principal->kind != PRINCIPAL_CUSTODIAN)
		return call_decline(c, DECIDE_NOT_APPROVER, "custodians hold the shares");
	if ((why = gov_operation_part(v, c, o)) == DECIDE_NOT_APPROVER && gov_operation_read(o, ret) == 0)
		return ret->role_count == 0 ? call_decline(c, why, "this takes no keys") :
		    gov_operation_conflict(c, "first the signatures of two administrators");
	if (why != DECIDE_YES)
		return call_decline(c, why, "%s", "");
	if (gov_operation_read(o, ret) != 0)
		return call_failed(c, CV_ERR_FORMAT);
	/* What is under way already needs its keys again, nobody's leave. */
	if (o->prefix.state != GOV_PENDING)
		return 0;
	if ((problem = gov_operation_check(v, c, ret)) != 0)
		return problem;
	if (!gov_operation_signatures(v, o, ret))
		return gov_operation_refuse(c, DECIDE_SIGNATURE);
	if (!directory_enabled(directory_principal(v->keys, o->by), c->now_ms) ||
	    !directory_enabled(directory_principal(v->keys, o->decided_by), c->now_ms))
		return gov_operation_conflict(c, "two administrators who signed and may still act");
	return 0;
}

/* ---- opening --------------------------------------------------------------------------------------------------------------- */

static int begin(struct vault *v, const struct vault_call *c, const struct gov_object *o, const struct operation_reading *r,
    struct gov_ceremony **ret)
{
	struct gov_ceremony *x = NULL;
	int e;

	for (unsigned i = 0; i < GOV_CEREMONIES && x == NULL; i++)
		if (v->gov->ceremony[i].custody == NULL)
			x = &v->gov->ceremony[i];
	if (x == NULL)
		return CV_ERR_BUSY;
	if ((e = custody_new(v->store, o->id, r->roles, r->role_count, c->mono_ms, &x->custody)) == 0)
		*ret = x;
	return e;
}

unsigned gov_custody_open(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields)
{
	struct operation_reading reading;
	struct gov_ceremony *x;
	struct gov_input in;
	unsigned problem;
	int r;

	if ((problem = check_step(v, c, &e->held->o, &reading)) != 0 || (problem = gov_input_take(c, fields, 0, 0, &in)) != 0)
		return problem;
	if ((x = live(v, c, e->held->o.id)) == NULL && (r = begin(v, c, &e->held->o, &reading, &x)) != 0)
		return r == CV_ERR_BUSY ? call_refuse(c, PROBLEM_OVERLOADED, "too many ceremonies at once") : call_failed(c, r);
	buf_reset(&v->gov->shares);
	if ((r = custody_rows(x->custody, v->store, c->principal->id, &v->gov->shares)) == 0)
		problem = gov_decided(v, c, LEAF_DECISION, e, NULL);
	buf_reset(&v->gov->shares);
	if (r != 0)
		return r == CV_ERR_NOTFOUND ? call_decline(c, DECIDE_NOT_APPROVER, "this custodian has no share") : call_failed(c, r);
	return problem;
}

/* ---- giving ---------------------------------------------------------------------------------------------------------------- */

/* Remember whose share was bad: the others' stay in, and the request names the custodian. */
static unsigned bad_share(struct vault_call *c, struct gov_ceremony *x)
{
	unsigned i = 0;

	while (i < x->bad && !ids_equal(x->bad_by[i], c->principal->id))
		i++;
	if (i == x->bad && i < DIR_SHARES_MAX)
		memcpy(x->bad_by[x->bad++], c->principal->id, 16);
	call_field_error(c, wire_text("shares", 6), PROBLEM_VALIDATION, decision_text(DECIDE_SHARE));
	c->rule = DECIDE_SHARE;
	return c->problem;
}

static unsigned already_in(struct vault_call *c)
{
	call_field_error(c, wire_text("shares", 6), PROBLEM_CONFLICT, "another custodian's: these are in");
	c->rule = DECIDE_ALREADY_DECIDED;
	return c->problem = PROBLEM_CONFLICT;
}

static unsigned take_shares(struct vault *v, struct vault_call *c, struct gov_ceremony *x, const struct gov_input *in, unsigned roles)
{
	uint8_t sealed[CUSTODY_ROLES * DIR_WRAP];
	const uint8_t *giver;
	int r;

	if (!gov_input_bytes(c, MEMBER_SHARES, &in->value[MEMBER_SHARES], sealed, (size_t)roles * DIR_WRAP))
		return c->problem;
	for (unsigned i = 0; (giver = custody_giver(x->custody, i)) != NULL; i++)
		if (!ids_equal(giver, c->principal->id) && gov_same_person(v, giver, c->principal->id))
			return call_decline(c, DECIDE_SELF_APPROVAL, "one person's shares count once");
	r = custody_give(v->keys, v->store, x->custody, c->principal->id, sealed, (size_t)roles * DIR_WRAP);
	switch (r) {
	case 0:
		return 0;
	case CV_ERR_FULL:
		return 0;	/* a turn that failed had enough: this call carries it out */
	case CV_ERR_EXISTS:
		return custody_enough(x->custody) ? 0 : already_in(c);
	case CV_ERR_AUTH:
	case CV_ERR_FORMAT:
		return bad_share(c, x);
	case CV_ERR_NOTFOUND:
		return call_decline(c, DECIDE_NOT_APPROVER, "this custodian has no share");
	default:
		return call_failed(c, r);
	}
}

/* Enough shares are in: the operation is carried out, or one that lost its keys goes on. */
static unsigned use_shares(struct vault *v, struct vault_call *c, struct gov_entry *e, const struct operation_reading *r,
    const struct custody *custody)
{
	struct gov_object o = e->held->o;
	unsigned problem;
	int x;

	if (o.prefix.state != GOV_PENDING) {
		x = rewrap_resume(v, c, o.id, r, custody);
		return x == CV_ERR_BUSY ? gov_operation_conflict(c, "no other re-wrap that is under way") : x != 0 ? call_failed(c, x) : 0;
	}
	if ((problem = gov_operation_execute(v, c, r, custody, &o)) != 0)
		return problem;
	return (x = gov_store(v, e, &o)) != 0 ? call_failed(c, x) : 0;
}

unsigned gov_custody_give(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields)
{
	const struct gov_object o = e->held->o;
	struct operation_reading reading;
	struct gov_ceremony *x;
	struct gov_input in;
	unsigned problem;

	if ((problem = check_step(v, c, &o, &reading)) != 0 || (problem = gov_input_take(c, fields, MEMBER(MEMBER_SHARES), 0, &in)) != 0)
		return problem;
	if ((x = live(v, c, o.id)) == NULL)
		return gov_operation_conflict(c, "a ceremony that was opened, at most a quarter of an hour ago");
	if ((problem = take_shares(v, c, x, &in, reading.role_count)) != 0)
		return problem;
	if (custody_enough(x->custody) && (problem = use_shares(v, c, e, &reading, x->custody)) != 0)
		return problem;
	return gov_decided(v, c, LEAF_DECISION, e, NULL);
}

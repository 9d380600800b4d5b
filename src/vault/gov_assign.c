/* Assignments: a manager's standing approval of a closed list of records. POLICY.md section 3. */
#include <string.h>

#include "vault/gov_ops.h"

#define LEVEL_DEFAULT 3

/* Each record lies in the area of who assigns, and was not opened to them by the person whom they assign. */
static unsigned check_records(struct vault *v, struct vault_call *c, const struct gov_object *o, struct gov_ask *ask,
    struct gov_authority *by)
{
	enum decision_reason why = DECIDE_YES;
	struct record rec;
	int r;

	for (size_t i = 0; i < o->records.n; i += 16) {
		const uint8_t *id = o->records.p + i;

		if ((r = record_load(v, id, false, &rec)) != 0)
			return call_failed(c, r);
		ask->record = &rec;
		why = gov_authority(v, c, ask, by);
		wipe(rec.head.log_key, sizeof(rec.head.log_key));
		ask->record = NULL;
		if (why == DECIDE_YES && gov_mutual(v, c, id, by, o->principal))
			why = DECIDE_MUTUAL_APPROVAL;
		if (why != DECIDE_YES)
			return call_decline(c, why, "record %zu of the list", i / 16 + 1);
	}
	return 0;
}

static unsigned assign_checked(struct vault *v, struct vault_call *c, struct gov_object *o)
{
	struct gov_ask ask = { .act = ACT_ASSIGN, .purposes = &o->purposes, .grantee = o->principal };
	struct gov_authority by;
	enum decision_reason why;
	unsigned problem;
	int r;

	if ((why = gov_authority(v, c, &ask, &by)) != DECIDE_YES)
		return call_decline(c, why, "%s", "");
	if (!gov_grantee_fits(v, c, o->principal, &o->purposes))
		return call_decline(c, DECIDE_GRANTEE_UNKNOWN, "%s", "");
	if ((problem = check_records(v, c, o, &ask, &by)) != 0)
		return problem;
	memcpy(o->delegation, by.delegation, 16);
	if ((r = gov_store(v, NULL, o)) != 0)
		return call_failed(c, r);
	gov_detail_role(v, c, &by);
	gov_detail(v, c, LEAF_ASSIGNMENT, o, &o->text);
	gov_answer(v, c, o, true);
	return 0;
}

unsigned gov_assign(struct vault *v, struct vault_call *c, struct wire_list fields)
{
	const uint32_t must = MEMBER(MEMBER_PRINCIPAL) | MEMBER(MEMBER_RECORDS) | MEMBER(MEMBER_PURPOSES) | MEMBER(MEMBER_UNTIL);
	struct gov_draft *d;
	struct gov_input in;
	unsigned problem;

	if ((problem = gov_input_take(c, fields, must, MEMBER(MEMBER_LEVEL) | MEMBER(MEMBER_NOTE), &in)) != 0)
		return problem;
	d = gov_draft_begin(c, GOV_ASSIGNMENT, GOV_ACTIVE);
	d->o.level = LEVEL_DEFAULT;
	if ((problem = gov_draft_fill(v, c, &in, GOV_DAYS_STANDING, d)) == 0)
		problem = assign_checked(v, c, &d->o);
	gov_draft_end(d);
	return problem;
}

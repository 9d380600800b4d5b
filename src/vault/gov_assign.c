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
		if (why == DECIDE_YES && gov_mutual(v, id, c->principal->id, o->principal))
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

int gov_put_standing(struct vault *v, const uint8_t principal[16], const uint16_t *purposes, unsigned n, uint64_t now_ms)
{
	uint8_t list[2 * GOV_PURPOSES_MAX], key[GOV_KEY];
	struct gov_object o;
	struct buf plain;
	int r;

	if (n == 0 || n > GOV_PURPOSES_MAX)
		return CV_ERR_ARG;
	memset(&o, 0, sizeof(o));
	o.prefix = (struct gov_prefix){ .epoch = keys_epoch(v->keys), .type = GOV_ASSIGNMENT, .state = GOV_ACTIVE, .due_day = UINT32_MAX };
	crypto_random(o.id, 16);
	memcpy(o.principal, principal, 16);
	o.created_ms = now_ms;
	o.level = 4;
	o.flags = GOV_ANY_RECORD | GOV_DEMO;
	for (unsigned i = 0; i < n; i++)
		be16_put(list + 2 * i, purposes[i]);
	o.purposes = (struct gov_bytes){ list, 2 * n };
	buf_init(&plain, 4096);
	buf_reset(&v->seal);
	gov_prefix_put(&v->seal, &o.prefix);
	gov_key(GOV_ASSIGNMENT, o.id, key);
	if ((r = gov_object_encode(&o, &plain)) == 0 &&
	    (r = keys_gov_seal(v->keys, GOV_ASSIGNMENT, o.id, UINT32_MAX, plain.p, plain.n, &v->seal)) == 0)
		r = vault_put_hashed(v, STORE_GOV, key, sizeof(key), v->seal.p, v->seal.n);
	buf_free(&plain);
	buf_reset(&v->seal);
	return r;
}

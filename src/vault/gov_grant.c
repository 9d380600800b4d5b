/* Grants: the approver's session opens a record's data keys and seals them to one person. POLICY.md section 3. */
#include <string.h>

#include "vault/gov_ops.h"

/* The data key of one class, sealed to the grantee's personal role. 0 or an error. */
static int seal_class(struct vault *v, const struct vault_call *c, const struct record *rec, const struct head_class *hc,
    const uint8_t grantee[16], struct buf *keys)
{
	struct gov_sealed_key key = { .class_key = hc->class_key, .generation = hc->generation };
	struct grant_place at = { .record = rec->head.record, .grantee = grantee, .class_key = hc->class_key,
		.generation = hc->generation };
	uint8_t sealed[GRANT_SEALED];
	struct row_key row;
	int r;

	/* What came to the approver by a grant is not theirs to pass on. */
	if (!session_has_class(c->session, hc->class_key))
		return CV_ERR_NOKEY;
	if ((r = record_row_key(v, c, rec, hc, &row)) != 0)
		return r;
	at.birth_epoch = key.birth = row.birth;
	r = record_grant_seal(v->keys, &at, &row.dk, &key.role, &key.epoch, sealed);
	wipe(&row, sizeof(row));
	if (r != 0)
		return r;
	key.sealed = sealed;
	gov_sealed_key_put(keys, &key);
	return buf_ok(keys) ? 0 : CV_ERR_NOMEM;
}

/* Whether a field of the grant is of this class. */
static bool wants_class(const struct vault *v, const struct gov_object *o, uint16_t class_id)
{
	for (size_t i = 0; i < o->fields.n; i += 2) {
		const struct policy_field *f = policy_field_by_id(v->policy, be16_get(o->fields.p + i));

		if (f != NULL && f->class == class_id)
			return true;
	}
	return false;
}

/*
 * Keys of every class of the grant that the record has. What was handed in and waits in drops alone has no data key yet: it is merged at
 * the end of this turn by the approver's keys, and the approver asks once more.
 */
static unsigned seal_keys(struct vault *v, struct vault_call *c, struct record *rec, const struct gov_object *o, struct buf *keys)
{
	int r = 0;

	record_want_merge(v, c, rec);
	for (unsigned i = 0; r == 0 && i < rec->head.classes; i++) {
		const struct head_class *hc = &rec->head.class[i];

		if (!wants_class(v, o, (uint16_t)(hc->class_key >> 16)))
			continue;
		if ((hc->flags & HEAD_CLASS_ROW) == 0 && hc->drops > 0)
			return call_refuse(c, PROBLEM_NEEDS_MERGE, "what was handed in is merged now: approve once more");
		if ((hc->flags & HEAD_CLASS_ROW) != 0)
			r = seal_class(v, c, rec, hc, o->principal, keys);
	}
	if (r == CV_ERR_NOTFOUND)
		return call_decline(c, DECIDE_GRANTEE_UNKNOWN, "the person has no personal key yet");
	return r != 0 ? call_failed(c, r) : 0;
}

unsigned gov_grant(struct vault *v, struct vault_call *c, const struct gov_object *request, const struct gov_authority *by)
{
	struct gov_draft *d = gov_draft_begin(c, GOV_GRANT, GOV_ACTIVE);
	struct gov_object *o = &d->o;
	struct record rec;
	unsigned problem;
	int r;

	memcpy(o->id, request->id, 16);
	memcpy(o->principal, request->principal, 16);
	memcpy(o->record, request->record, 16);
	memcpy(o->delegation, by->delegation, 16);
	o->prefix.serial = request->prefix.serial;
	o->prefix.due_day = request->prefix.due_day;
	o->purposes = request->purposes;
	o->fields = request->fields;
	o->count = request->count;
	if ((r = record_load(v, o->record, true, &rec)) != 0) {
		problem = call_failed(c, r);
	} else {
		problem = seal_keys(v, c, &rec, o, &d->keys);
		wipe(rec.head.log_key, sizeof(rec.head.log_key));
	}
	o->keys = (struct gov_bytes){ d->keys.p, d->keys.n };
	if (problem == 0 && (r = gov_store(v, NULL, o)) != 0)
		problem = call_failed(c, r);
	gov_draft_end(d);
	return problem;
}

/* ---- revoking ----------------------------------------------------------------------------------------------------------- */

/* Its maker, its grantee, or who may make or approve such a one. */
static int may_revoke(struct vault *v, const struct vault_call *c, const struct gov_object *o, enum decision_reason *ret)
{
	struct gov_ask ask = { .purposes = &o->purposes, .fields = &o->fields };
	struct gov_bytes area = gov_area_of(v, o->principal);
	struct gov_authority by;
	struct record rec;
	int r;

	*ret = DECIDE_YES;
	if (ids_equal(o->by, c->principal->id) || ids_equal(o->principal, c->principal->id))
		return 0;
	if (o->prefix.type == GOV_DELEGATION) {
		*ret = DECIDE_NOT_APPROVER;
		return 0;
	}
	if (o->prefix.type == GOV_ASSIGNMENT) {
		ask.act = ACT_ASSIGN;
		ask.area = &area;
		*ret = gov_authority(v, c, &ask, &by);
		return 0;
	}
	if ((r = record_load(v, o->record, false, &rec)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
	ask.record = &rec;
	*ret = gov_authority(v, c, &ask, &by);
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	return 0;
}

unsigned gov_revoke(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields)
{
	struct gov_object o = e->held->o;
	enum decision_reason why;
	struct gov_input in;
	unsigned problem;
	int r;

	if ((problem = gov_input_take(c, fields, 0, 0, &in)) != 0)
		return problem;
	if ((r = gov_child(v, c, &o)) != 0 || (r = may_revoke(v, c, &o, &why)) != 0)
		return call_failed(c, r);
	gov_detail(v, c, LEAF_REVOKE, &o, NULL);
	if (why != DECIDE_YES)
		return call_decline(c, why, "%s", "");
	if (gov_state_on(&o, c->today) != GOV_ACTIVE)
		return call_decline(c, DECIDE_ALREADY_DECIDED, "%s", gov_state_name(gov_state_on(&o, c->today)));
	o.prefix.state = GOV_REVOKED;
	memcpy(o.decided_by, c->principal->id, 16);
	o.decided_ms = c->now_ms;
	/* What is revoked opens nothing any more, whoever reads the row. */
	o.keys.n = 0;
	if ((r = gov_store(v, e, &o)) != 0)
		return call_failed(c, r);
	return gov_decided(v, c, LEAF_REVOKE, e, NULL);
}

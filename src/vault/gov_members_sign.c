/* A new member's request is signed by two administrators, and carried out. POLICY.md section 5, "New members"; FORMAT.md 5.5. */
#include <string.h>

#include "base/log.h"
#include "keys/change.h"
#include "vault/gov_ops.h"
#include "vault/members.h"
#include "vault/operation.h"

#define RESULT_MEMBERS 2u	/* what a leaf of kind 11 is the result of */

/* ---- signing ------------------------------------------------------------------------------------------------------------------ */

/* The caller's signature of the request, which may be carried out now. 0 or a problem. */
static unsigned check_signature(struct vault *v, struct vault_call *c, const struct gov_object *o, struct wire_list fields,
    struct operation_reading *ret, uint8_t ret_signature[OPERATION_SIGNATURE])
{
	enum decision_reason why;
	struct gov_input in;
	unsigned problem;

	if ((problem = gov_input_take(c, fields, MEMBER(MEMBER_SIGNATURE), 0, &in)) != 0)
		return problem;
	if (!gov_input_bytes(c, MEMBER_SIGNATURE, &in.value[MEMBER_SIGNATURE], ret_signature, OPERATION_SIGNATURE))
		return c->problem;
	if (operation_read(o->document.p, o->document.n, ret) != 0)
		return call_failed(c, CV_ERR_FORMAT);
	if ((why = gov_members_fresh(v, c, ret)) == DECIDE_YES && !operation_signed(ret, c->principal->sign_pk, ret_signature))
		why = DECIDE_SIGNATURE;
	return why == DECIDE_YES ? 0 : gov_members_refuse(c, why);
}

unsigned gov_members_sign(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields)
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
	enum decision_reason why = gov_members_next(v, c, o);

	if (gov_same_person(v, c->principal->id, o->by))
		why = DECIDE_SELF_APPROVAL;
	if (c->principal->kind != PRINCIPAL_ADMINISTRATOR)
		why = DECIDE_NOT_APPROVER;
	if (why != DECIDE_YES)
		return call_decline(c, why, "%s", "");
	if (o->signatures.n == 0)
		return gov_members_conflict(c, "first the signature of who asked");
	if (!directory_enabled(directory_principal(v->keys, o->by), c->now_ms))
		return gov_members_conflict(c, "an administrator who signed first and may still act");
	return 0;
}

unsigned gov_members_approve(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields)
{
	uint8_t both[2 * OPERATION_SIGNATURE];
	struct gov_object o = e->held->o;
	struct operation_reading reading;
	unsigned problem;
	int r;

	gov_detail(v, c, LEAF_DECISION, &o, NULL);
	if ((problem = check_second(v, c, &o)) != 0 ||
	    (problem = check_signature(v, c, &o, fields, &reading, both + OPERATION_SIGNATURE)) != 0)
		return problem;
	memcpy(both, o.signatures.p, OPERATION_SIGNATURE);
	o.signatures = (struct gov_bytes){ both, sizeof(both) };
	memcpy(o.decided_by, c->principal->id, 16);
	o.decided_ms = c->now_ms;
	if ((r = gov_store(v, e, &o)) != 0)
		return call_failed(c, r);
	return gov_decided(v, c, LEAF_DECISION, e, NULL);
}

/* ---- carrying out ---------------------------------------------------------------------------------------------------------------- */

static int put_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	return vault_put_hashed(cookie, STORE_DIR, key, key_n, val, val_n);
}

/* Leaf 11: what was carried out, who signed it, whose shares brought the keys. */
static int result_leaf(struct vault *v, const struct vault_call *c, const struct operation_reading *r, const struct custody *custody,
    const struct gov_object *o)
{
	const uint8_t *giver;
	uint8_t count = 0;
	struct buf body;
	int e;

	buf_init(&body, 2048);
	buf_u8(&body, RESULT_MEMBERS);
	buf_put(&body, o->id, 16);
	buf_put(&body, r->digest, 32);
	buf_u32(&body, r->change.sequence);
	buf_put(&body, r->change.digest, 32);
	buf_u8(&body, 2);
	buf_put(&body, o->by, 16);
	buf_put(&body, o->signatures.p, OPERATION_SIGNATURE);
	buf_put(&body, o->decided_by, 16);
	buf_put(&body, o->signatures.p + OPERATION_SIGNATURE, OPERATION_SIGNATURE);
	while (custody_giver(custody, count) != NULL)
		count++;
	buf_u8(&body, count);
	for (unsigned i = 0; (giver = custody_giver(custody, i)) != NULL; i++)
		buf_put(&body, giver, 16);
	e = buf_ok(&body) ? vault_system_leaf(v, LEAF_RESULT, body.p, body.n, false, c->now_ms) : CV_ERR_NOMEM;
	buf_free(&body);
	return e;
}

static int del_row(void *cookie, const uint8_t *key, size_t key_n)
{
	return vault_del_hashed(cookie, STORE_DIR, key, key_n);
}

int gov_members_execute(struct vault *v, struct vault_call *c, const struct operation_reading *r, const struct custody *custody,
    struct gov_object *o)
{
	struct change_signature who[2] = { { .signature = o->signatures.p + 64 },
		{ .signature = o->signatures.p + OPERATION_SIGNATURE + 64 } };
	int e;

	memcpy(who[0].principal, o->by, 16);
	memcpy(who[1].principal, o->decided_by, 16);
	vault_save(v);
	if ((e = change_rows(v->keys, v->store, &r->op, who, 2, custody, put_row, del_row, v)) != 0)
		return e;
	v->counters.next_change++;
	v->counters_dirty = true;
	/* Rows that the next start would refuse must never become durable. */
	if ((e = directory_check(v->keys, v->store, v->admin, v->admins)) != 0) {
		log_error("a change of the directory does not verify: %s", cv_strerror(e));
		return e;
	}
	if ((e = result_leaf(v, c, r, custody, o)) != 0)
		return e;
	v->gov->directory_changed = true;
	v->call.mutating = true;
	o->prefix.state = GOV_APPROVED;
	o->document.n = 0;
	return 0;
}

void gov_members_turn_done(struct vault *v, bool durable)
{
	int r;

	/* Who has stayed away is known from rows of their own, and told to a directory that is loaded anew. */
	if (v->gov->directory_changed && durable && ((r = directory_load(v->keys, v->store, v->admin, v->admins)) != 0 ||
	    (r = members_load(v)) != 0))
		log_error("the directory as changed does not load: %s", cv_strerror(r));
	v->gov->directory_changed = false;
	gov_ceremonies_sweep(v, 0, false);
}

/* An operation that was signed is carried out, in one request with its leaf. POLICY.md section 5, "Operations"; FORMAT.md 5.5. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "keys/change.h"
#include "vault/gov_ops.h"
#include "vault/members.h"
#include "vault/operation.h"
#include "vault/rewrap.h"

#define RESULT_OPERATION 2u	/* what a leaf of kind 11 is the result of */

static int put_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	return vault_put_hashed(cookie, STORE_DIR, key, key_n, val, val_n);
}

static int del_row(void *cookie, const uint8_t *key, size_t key_n)
{
	return vault_del_hashed(cookie, STORE_DIR, key, key_n);
}

/* ---- the leaf ---------------------------------------------------------------------------------------------------------------- */

static void put_signers(const struct gov_object *o, struct buf *body)
{
	buf_u8(body, 2);
	buf_put(body, o->by, 16);
	buf_put(body, o->signatures.p, OPERATION_SIGNATURE);
	buf_put(body, o->decided_by, 16);
	buf_put(body, o->signatures.p + OPERATION_SIGNATURE, OPERATION_SIGNATURE);
}

static void put_givers(const struct custody *custody, struct buf *body)
{
	const uint8_t *giver;
	uint8_t n = 0;

	while (custody != NULL && custody_giver(custody, n) != NULL)
		n++;
	buf_u8(body, n);
	for (unsigned i = 0; custody != NULL && (giver = custody_giver(custody, i)) != NULL; i++)
		buf_put(body, giver, 16);
}

/* Whom it concerns: who is added, gets roles, is left out, removed or restored. */
static void put_concerned(const struct operation_reading *r, struct buf *body)
{
	bool one = !id_is_zero(r->principal.id);
	unsigned n = one ? 1 : r->principal_count;

	buf_u16(body, (uint16_t)n);
	buf_put(body, one ? r->principal.id : (const uint8_t *)r->principals, (size_t)n * 16);
}

/* Leaf 11: what was carried out, who signed it, whose shares brought the keys, whom it concerns. */
static int result_leaf(struct vault *v, const struct vault_call *c, const struct operation_reading *r, const struct custody *custody,
    const struct gov_object *o)
{
	static const uint8_t none[32];
	struct buf body;
	int e;

	buf_init(&body, 1024 + 16u * UINT16_MAX);
	buf_u8(&body, RESULT_OPERATION);
	buf_u16(&body, r->op.head.operation);
	buf_put(&body, o->id, 16);
	buf_put(&body, r->digest, 32);
	buf_u32(&body, r->op.change_n != 0 ? r->change.sequence : 0);
	buf_put(&body, r->op.change_n != 0 ? r->change.digest : none, 32);
	put_signers(o, &body);
	put_givers(custody, &body);
	put_concerned(r, &body);
	e = buf_ok(&body) ? vault_system_leaf(v, LEAF_RESULT, body.p, body.n, false, c->now_ms) : CV_ERR_NOMEM;
	buf_free(&body);
	return e;
}

/* ---- what each does ---------------------------------------------------------------------------------------------------------- */

/* Grants that were made to somebody who is gone open nothing any more, whoever has the key of their personal role. */
static int end_grants(struct vault *v, const struct vault_call *c, const uint8_t principal[16])
{
	struct gov_entry *e;
	uint32_t at = 0;
	int r = 0;

	while (r == 0 && (e = gov_next_of(v, GOV_GRANT, principal, &at)) != NULL) {
		struct gov_object o = e->held->o;

		if (o.keys.n == 0)
			continue;
		if (o.prefix.state == GOV_ACTIVE) {
			o.prefix.state = GOV_REVOKED;
			memcpy(o.decided_by, c->principal->id, 16);
			o.decided_ms = c->now_ms;
		}
		o.keys.n = 0;
		r = gov_store(v, e, &o);
	}
	return r;
}

/* Facts, with what follows them, and marks. */
static int change_directory(struct vault *v, struct vault_call *c, const struct operation_reading *r, const struct custody *custody,
    const struct gov_object *o)
{
	struct change_signature who[2] = { { .signature = o->signatures.p + 64 },
		{ .signature = o->signatures.p + OPERATION_SIGNATURE + 64 } };
	const struct gov_gone gone = gov_rules_gone(r);
	int e;

	memcpy(who[0].principal, o->by, 16);
	memcpy(who[1].principal, o->decided_by, 16);
	vault_save(v);
	if ((e = change_rows(v->keys, v->store, &r->op, who, 2, custody, put_row, del_row, v)) != 0)
		return e;
	v->counters.next_change++;
	v->counters_dirty = true;
	for (unsigned i = 0; i < gone.n; i++)
		if ((e = members_removed(v, gone.ids[i])) != 0 || (e = end_grants(v, c, gone.ids[i])) != 0)
			return e;
	/* Rows that the next start would refuse must never become durable. */
	if ((e = directory_check(v->keys, v->store, v->admin, v->admins)) != 0) {
		log_error("a change of the directory does not verify: %s", cv_strerror(e));
		return e;
	}
	v->gov->changing = true;
	v->gov->auditors_changed = v->gov->auditors_changed ||
	    (r->op.head.operation == OPERATION_ADD_MEMBER && r->principal.kind == PRINCIPAL_AUDITOR);
	v->call.mutating = true;
	return 0;
}

static int bring_policy(struct vault *v, struct vault_call *c, const struct operation_reading *r, const struct gov_object *o)
{
	struct policy *new = NULL;

	if (gov_policy_fault(v, r->policy, r->policy_n, &new) != NULL)
		return CV_ERR_STATE;	/* gov_operation_check comes before */
	return gov_policy_apply(v, c, o, r, new);
}

static int carry_out(struct vault *v, struct vault_call *c, const struct operation_reading *r, const struct custody *custody,
    struct gov_object *o)
{
	int e;

	switch (r->op.head.operation) {
	case OPERATION_REWRAP:
		return rewrap_begin(v, c, o, r, custody);
	case OPERATION_REMOVE:
		if ((e = members_remove(v, r->principal.id)) != 0)
			return e;
		return end_grants(v, c, r->principal.id);
	case OPERATION_RESTORE:
		return members_restore(v, c, o);
	case OPERATION_POLICY:
		return bring_policy(v, c, r, o);
	case OPERATION_SPLIT:
		return 0;	/* it allows one, which takes it up: gov_split_use */
	default:
		return change_directory(v, c, r, custody, o);
	}
}

unsigned gov_operation_execute(struct vault *v, struct vault_call *c, const struct operation_reading *r, const struct custody *custody,
    struct gov_object *o)
{
	int e = carry_out(v, c, r, custody, o);

	if (e == 0)
		e = result_leaf(v, c, r, custody, o);
	switch (e) {
	case 0:
		break;
	case CV_ERR_LIMIT:
		return call_refuse(c, PROBLEM_OVERLOADED, "too many members at once");
	case CV_ERR_BUSY:
		return gov_operation_conflict(c, "no other re-wrap that is under way, and room among the jobs");
	case CV_ERR_CONFLICT:
		return gov_operation_refuse(c, DECIDE_CHANGE_ORDER);
	default:
		return call_failed(c, e);
	}
	o->prefix.state = GOV_APPROVED;
	if (o->kind != GOV_KIND_REWRAP && o->kind != GOV_KIND_SPLIT)
		o->document.n = 0;
	return 0;
}

/* ---- the turn ---------------------------------------------------------------------------------------------------------------- */

void gov_operation_commit(struct vault *v)
{
	v->gov->directory_changed = v->gov->directory_changed || v->gov->changing;
	v->gov->changing = false;
}

void gov_operation_rollback(struct vault *v)
{
	v->gov->changing = false;
}

bool vault_turn_closed(const struct vault *v)
{
	return v->gov != NULL && v->gov->directory_changed;
}

int gov_directory_load(struct vault *v)
{
	bool was = v->directory_due;
	int r = directory_load(v->keys, v->store, v->admin, v->admins);

	/* Who has stayed away is known from rows of their own, and told to a directory that is loaded anew. */
	if (r == 0)
		r = members_load(v);
	v->directory_due = r != 0;
	if (r != 0 && !was)
		log_error("the directory as changed does not load, and nobody is answered until it does: %s", cv_strerror(r));
	return r;
}

void gov_operation_turn_done(struct vault *v, bool durable)
{
	if (v->gov->directory_changed && durable) {
		(void)gov_directory_load(v);	/* or the next turn does, before anybody acts whom the change has put out */
		v->epochs_changed = true;	/* sessions that are behind end with the next turn, which has their leaves */
	}
	if (v->gov->auditors_changed && durable)
		audit_auditors_changed(v->audit);
	v->gov->directory_changed = v->gov->auditors_changed = v->gov->changing = false;
	gov_ceremonies_sweep(v, 0, false);
}

/* ---- a new split of an unseal slot -------------------------------------------------------------------------------------------- */

static bool split_fits(const struct operation_split *x, unsigned slot, const struct slot_info *info)
{
	if ((x->slot != GOV_SPLIT_ANY && x->slot != slot) || x->k != info->k || x->n != info->n)
		return false;
	for (unsigned i = 0; i < x->n; i++)
		if (strlen(info->holder[i]) != x->holder[i].n || memcmp(info->holder[i], x->holder[i].p, x->holder[i].n) != 0)
			return false;
	return true;
}

/* The newest approved request for this split, whose time is not over. */
static struct gov_entry *find_split(struct vault *v, unsigned slot, const struct slot_info *info, uint64_t now_ms)
{
	struct operation_reading r;

	for (size_t i = v->gov->n; i > 0; i--) {
		const struct gov_object *o = &v->gov->all[i - 1]->held->o;

		if (o->prefix.type != GOV_REQUEST || o->kind != GOV_KIND_SPLIT ||
		    gov_state_on(o, (int32_t)(now_ms / (24u * 3600 * 1000))) != GOV_APPROVED)
			continue;
		if (gov_operation_read(o, &r) == 0 && memcmp(r.op.head.vault, v->id, 16) == 0 && now_ms >= r.op.head.not_before_ms &&
		    now_ms < r.op.head.expires_ms && split_fits(&r.split, slot, info))
			return v->gov->all[i - 1];
	}
	return NULL;
}

int vault_split_use(struct vault *v, unsigned slot, const struct slot_info *info)
{
	static const struct gov_gone nobody;
	uint8_t body[2 + 16] = { KEYS_SPLIT_ALLOWED, (uint8_t)slot };
	uint64_t now_ms = clock_wall_ms();
	struct gov_object o;
	struct gov_entry *e;
	int r;

	if (v->state != VAULT_READY)
		return CV_ERR_STATE;
	if ((e = find_split(v, slot, info, now_ms)) == NULL)
		return gov_rules_two(v, &nobody, now_ms) ? CV_ERR_DENIED : 0;
	o = e->held->o;
	o.prefix.state = GOV_USED;
	o.document.n = 0;
	memcpy(body + 2, o.id, 16);
	if ((r = vault_turn_begin(v)) != 0)
		return r;
	if ((r = gov_store(v, e, &o)) == 0)
		r = vault_system_leaf(v, LEAF_KEYS, body, sizeof(body), true, now_ms);
	if (r == 0) {
		store_commit(v->store);
		gov_commit(v);
		return vault_turn_end(v);
	}
	store_rollback(v->store);
	vault_turn_abort(v, r);
	return r;
}

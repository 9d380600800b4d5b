/* Suspending and restoring members. docs/POLICY.md section 5, "Members". */
#include "vault/members.h"

#include <string.h>

#include "format/directory.h"
#include "keys/change.h"
#include "vault/gov_internal.h"

#define AREA_SECURITY 2u	/* of an administrator: accounts are theirs */

/* ---- the mark ------------------------------------------------------------------------------------------------------------ */

/* The mark in a principal's row. 0, CV_ERR_NOTFOUND, CV_ERR_FORMAT, CV_ERR_IO. */
static int read_mark(struct vault *v, const uint8_t id[16], uint8_t *ret)
{
	struct dir_key k = { .type = DIR_PRINCIPAL };
	struct dir_person_rest rest;
	uint8_t key[DIR_KEY_MAX];
	struct store_value val;
	struct dir_value row;
	int r;

	memcpy(k.principal, id, 16);
	if ((r = store_get(v->store, STORE_DIR, key, dir_key_encode(&k, key), &val)) != 0 ||
	    (r = dir_value_decode(val.p, val.n, &row)) != 0 || (r = dir_person_rest_decode(row.rest, row.rest_n, &rest)) != 0)
		return r;
	*ret = rest.mark;
	return 0;
}

static int put_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	return vault_put_hashed(cookie, STORE_DIR, key, key_n, val, val_n);
}

/* Memory follows a row that was put with this mark, and what a rollback puts back is noted. */
static int marked(struct vault *v, const uint8_t id[16], uint8_t mark)
{
	if (v->marks_n == VAULT_MARKS)
		return CV_ERR_LIMIT;
	memcpy(v->mark[v->marks_n++], id, 16);
	directory_mark(v->keys, id, mark);
	v->call.mutating = true;
	return 0;
}

static int put_mark(struct vault *v, const uint8_t id[16], uint8_t mark)
{
	int r = v->marks_n == VAULT_MARKS ? CV_ERR_LIMIT : change_mark(v->store, id, mark, put_row, v);

	if (r == CV_ERR_NOTFOUND)
		r = CV_ERR_AUTH;	/* the directory in memory has it */
	return r != 0 ? r : marked(v, id, mark);
}

int members_remove(struct vault *v, const uint8_t id[16])
{
	return put_mark(v, id, DIR_MARK_REMOVED);
}

int members_removed(struct vault *v, const uint8_t id[16])
{
	return marked(v, id, DIR_MARK_REMOVED);
}

/* Memory says again what the row says. What cannot be read stays shut. */
static void reread(struct vault *v, const uint8_t id[16])
{
	uint8_t mark;

	if (read_mark(v, id, &mark) != 0)
		mark = DIR_MARK_SUSPENDED;
	directory_mark(v->keys, id, mark);
	members_reread_days(v, id);
}

void members_commit(struct vault *v, uint64_t now_ms)
{
	struct session_end end = { v, now_ms };

	for (; v->marks_committed < v->marks_n; v->marks_committed++) {
		const struct principal *p = directory_principal(v->keys, v->mark[v->marks_committed]);

		if (p != NULL && p->kind == PRINCIPAL_AUDITOR)
			audit_auditors_changed(v->audit);
		/* Their merges and jobs are forgotten with them. If the turn fails they are ended all the same: people log in again. */
		if (p != NULL && (p->suspended || p->removed))
			session_close_all(v->keys, p->id, vault_session_ended, &end);
	}
}

void members_rollback(struct vault *v)
{
	while (v->marks_n > v->marks_committed)
		reread(v, v->mark[--v->marks_n]);
}

void members_turn_done(struct vault *v, bool durable)
{
	if (durable)
		members_rollback(v);	/* of a request that nobody ended */
	for (unsigned i = 0; !durable && i < v->marks_n; i++)
		reread(v, v->mark[i]);
	v->marks_n = v->marks_committed = 0;
}

/* ---- who may --------------------------------------------------------------------------------------------------------------- */

/* An administrator who may act, is not of the person of p, and, with security, looks after accounts. */
static bool counts(const struct principal *a, const struct principal *p, bool security, uint64_t now_ms)
{
	return a->kind == PRINCIPAL_ADMINISTRATOR && directory_enabled(a, now_ms) && !ids_equal(a->person, p->person) &&
	    (!security || a->admin_area == AREA_SECURITY);
}

bool members_looks_after(struct vault *v, const struct principal *a, const struct principal *p, uint64_t now_ms)
{
	const struct principal *other;

	if (a->kind != PRINCIPAL_ADMINISTRATOR)
		return false;
	/* Accounts are theirs alone, so that nobody has the powers of two; but what nobody of them may do is nobody's alone. */
	if (a->admin_area == AREA_SECURITY)
		return true;
	for (size_t i = 0; (other = directory_principal_at(v->keys, i)) != NULL; i++)
		if (counts(other, p, true, now_ms))
			return false;
	return true;
}

/* ---- suspending -------------------------------------------------------------------------------------------------------------- */

/* The leaf of a member's suspending or restoring names the principal and says why. */
static void leaf(struct vault_call *c, uint8_t kind, const struct principal *p, const struct gov_bytes *why)
{
	c->kind = kind;
	memcpy(c->detail.approval, p->id, 16);
	memcpy(c->detail.reason, why->p, why->n);
	c->detail.reason_n = (uint16_t)why->n;
}

static unsigned suspend(struct vault *v, struct vault_call *c, const struct principal *p, const struct gov_bytes *why)
{
	const struct gov_gone gone = { &p->id, 1 };
	bool left;
	int r;

	if (!gov_rules_administrators(v, &gone, c->now_ms))
		return call_refuse(c, PROBLEM_CONFLICT,
		    "two administrators of different persons must be left, or nobody could restore anybody");
	if ((r = gov_rules_custodians(v, &gone, NULL, 0, c->now_ms, &left)) != 0)
		return call_failed(c, r);
	if (!left)
		return call_refuse(c, PROBLEM_CONFLICT,
		    "as many custodians must be left as a role's key takes, or nobody could bring it");
	leaf(c, LEAF_SUSPENDED, p, why);
	if ((r = put_mark(v, p->id, DIR_MARK_SUSPENDED)) == CV_ERR_LIMIT)
		return call_refuse(c, PROBLEM_OVERLOADED, "too many members at once");
	if (r != 0 || (r = members_note_suspended(v, c, p)) != 0)
		return call_failed(c, r);
	members_put(v, c, p, c->out);
	return 0;
}

unsigned members_act(struct vault *v, struct vault_call *c, const struct wire_gov_act *m)
{
	const struct principal *p = directory_principal(v->keys, m->id);
	struct gov_draft *d;
	struct gov_input in;
	unsigned problem;

	memcpy(c->detail.approval, m->id, 16);
	if (c->principal->kind != PRINCIPAL_ADMINISTRATOR)
		return call_decline(c, DECIDE_NOT_APPROVER, "%s", "");
	if (p == NULL)
		return call_refuse(c, PROBLEM_NOT_FOUND, "no such member");
	if (m->action.n == 7 && memcmp(m->action.p, "restore", 7) == 0)
		return call_refuse(c, PROBLEM_APPROVAL_REQUIRED,
		    "two administrators restore a member: a request of kind restore, and its approval");
	if (m->action.n != 7 || memcmp(m->action.p, "suspend", 7) != 0)
		return call_refuse(c, PROBLEM_NOT_FOUND, "no such action");
	if (!members_looks_after(v, c->principal, p, c->now_ms))
		return call_decline(c, DECIDE_NOT_APPROVER, "accounts are the security administrator's");
	if ((problem = gov_input_take(c, m->fields, MEMBER(MEMBER_REASON), 0, &in)) != 0)
		return problem;
	if (p->suspended)
		return call_decline(c, DECIDE_ALREADY_DECIDED, "%s", "");
	d = gov_draft_begin(c, GOV_REQUEST, GOV_PENDING);
	if ((problem = gov_draft_fill(v, c, &in, 0, d)) == 0)
		problem = suspend(v, c, p, &d->o.text);
	gov_draft_end(d);
	return problem;
}

/* ---- restoring --------------------------------------------------------------------------------------------------------------- */

bool members_is_out(const struct principal *p, uint64_t now_ms)
{
	return !p->removed && (p->suspended || (p->lapses_ms != 0 && now_ms >= p->lapses_ms));
}

/* What else was asked for the same suspension ends with it, so that it does not undo the next one. */
static int end_others(struct vault *v, const struct gov_object *o)
{
	struct gov_entry *e;
	uint32_t at = 0;
	int r = 0;

	while (r == 0 && (e = gov_next_of(v, GOV_REQUEST, o->principal, &at)) != NULL) {
		struct gov_object other = e->held->o;

		if (other.kind != GOV_KIND_RESTORE || other.prefix.state != GOV_PENDING || ids_equal(other.id, o->id))
			continue;
		other.prefix.state = GOV_EXPIRED;
		other.document.n = 0;
		r = gov_store(v, e, &other);
	}
	return r;
}

int members_restore(struct vault *v, struct vault_call *c, const struct gov_object *o)
{
	const struct principal *p = directory_principal(v->keys, o->principal);
	int r;

	if (p == NULL || !members_is_out(p, c->now_ms))
		return CV_ERR_STATE;	/* gov_operation_check comes before */
	if ((r = p->suspended ? put_mark(v, p->id, DIR_MARK_NONE) : 0) == 0 && (r = members_vouched(v, c, p)) == 0)
		r = end_others(v, o);
	return r;
}

/* One request from its envelope to its answer and its leaf. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "vault/gov.h"
#include "vault/jobs.h"
#include "vault/list.h"
#include "vault/members.h"
#include "vault/vault_internal.h"

#define DAY_MS (24u * 3600 * 1000)

struct vault_call *vault_call_begin(struct vault *v, const struct vault_caller *who, const struct wire_envelope *env,
    const uint8_t *body, size_t n, bool needs_session, struct buf *out)
{
	struct vault_call *c = &v->call;

	/* Not the whole struct at once: the reason text of the leaf is only as long as its length says. */
	memset(c, 0, offsetof(struct vault_call, detail));
	memset(&c->detail, 0, offsetof(struct leaf_detail, case_text));
	c->detail.reason_n = 0;
	c->who = *who;
	c->env = *env;
	c->body = body;
	c->body_n = n;
	c->now_ms = clock_wall_ms();
	c->mono_ms = clock_mono_ms();
	c->today = (int32_t)(c->now_ms / DAY_MS);
	c->subject.purpose = -1;
	c->out = out;
	c->out_at = out->n;
	c->kind = LEAF_REFUSED;
	v->call_saved.valid = false;
	v->twin = 0;
	if (env->has_token)
		c->session = session_find(v->keys, env->token, who->uid, c->now_ms, c->mono_ms);
	if (c->session != NULL) {
		c->principal = session_principal(v->keys, c->session);
		c->subject.roles = session_roles(c->session, &c->subject.role_count);
	} else if (needs_session) {
		c->problem = PROBLEM_UNAUTHENTICATED;
	}
	wire_answer_head(out, 0, MESSAGE_NO_LEAF);
	return c;
}

unsigned vault_call_problem(const struct vault_call *c)
{
	return c->problem;
}

unsigned call_refuse(struct vault_call *c, unsigned problem, const char *fmt, ...)
{
	va_list ap;

	c->problem = problem;
	c->rule = DECIDE_YES;
	va_start(ap, fmt);
	vsnprintf(c->explanation, sizeof(c->explanation), fmt, ap);
	va_end(ap);
	return problem;
}

unsigned decision_problem(enum decision_reason why)
{
	switch (why) {
	case DECIDE_PROHIBITED: return PROBLEM_PROHIBITED_PURPOSE;
	case DECIDE_CASE_MISSING: return PROBLEM_PURPOSE_REQUIRED;
	case DECIDE_REASON_MISSING: return PROBLEM_REASON_REQUIRED;
	case DECIDE_NOT_OWNER: return PROBLEM_NOT_OWNER;
	case DECIDE_NO_APPROVAL:
	case DECIDE_APPROVAL_PURPOSE:
	case DECIDE_APPROVAL_LEVEL:
	case DECIDE_APPROVAL_FIELD:
	case DECIDE_APPROVAL_EXPIRED:
	case DECIDE_APPROVAL_USED_UP:
	case DECIDE_GENERATION_GONE: return PROBLEM_APPROVAL_REQUIRED;
	case DECIDE_BUDGET: return PROBLEM_BUDGET_EXCEEDED;
	case DECIDE_NOT_WITNESSED: return PROBLEM_COSIGNATURE_REQUIRED;
	case DECIDE_GRANTEE_UNKNOWN: return PROBLEM_VALIDATION;
	case DECIDE_DUPLICATE:
	case DECIDE_OTHER_VAULT:
	case DECIDE_OPERATION_EXPIRED:
	case DECIDE_LOG_DIFFERS:
	case DECIDE_CHANGE_ORDER:
	case DECIDE_ALREADY_DECIDED: return PROBLEM_CONFLICT;
	case DECIDE_SIGNATURE:
	case DECIDE_SEPARATION:
	case DECIDE_SHARE: return PROBLEM_VALIDATION;
	case DECIDE_STANDING: return PROBLEM_NOT_FOUND;
	default: return PROBLEM_NOT_PERMITTED;
	}
}

unsigned call_decline(struct vault_call *c, enum decision_reason why, const char *fmt, ...)
{
	char detail[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	(void)call_refuse(c, decision_problem(why), "%s%s%s", detail, detail[0] != '\0' ? ": " : "", decision_text(why));
	c->rule = why;
	return c->problem;
}

unsigned call_failed(struct vault_call *c, int r)
{
	switch (r) {
	case CV_ERR_NOTFOUND:
		return call_refuse(c, PROBLEM_NOT_FOUND, "no such record");
	case CV_ERR_FULL:
		return call_refuse(c, PROBLEM_STORAGE_FULL, "the store has no room");
	case CV_ERR_AUTH:
	case CV_ERR_FORMAT:
	case CV_ERR_REPLAY:
		return call_refuse(c, PROBLEM_INTEGRITY, "a stored row does not open where it stands");
	case CV_ERR_NOKEY:
		return call_decline(c, DECIDE_NO_KEY, "%s", "");
	case CV_ERR_LIMIT:
		return call_refuse(c, PROBLEM_PAYLOAD_TOO_LARGE, "a row would be larger than its limit");
	case CV_ERR_NOMEM:
		return call_refuse(c, PROBLEM_OVERLOADED, "no memory for it now");
	case CV_ERR_IO:
		return call_refuse(c, PROBLEM_AUDIT_UNAVAILABLE, "the store cannot be written");
	default:
		return call_refuse(c, PROBLEM_INTERNAL, "%s", cv_strerror(r));
	}
}

void call_field_error(struct vault_call *c, struct wire_text field, unsigned problem, const char *expected)
{
	if (c->errors < VAULT_ERRORS) {
		c->error[c->errors].field = field;
		c->error[c->errors].problem = problem;
		c->error[c->errors].expected = expected;
		c->errors++;
	}
	/* The answer's kind is that of the first in this order: an unknown name, a wrong type, a failing validator. */
	if (c->problem == 0 || problem < c->problem)
		c->problem = problem;
}

static void copy_text(char *to, size_t max, const struct wire_text *from, size_t *ret_n)
{
	size_t n = from->n < max ? from->n : max;

	if (n > 0)
		memcpy(to, from->p, n);
	*ret_n = n;
}

/* A reason or case of blanks says nothing. */
static bool says_something(const struct wire_text *t)
{
	for (size_t i = 0; i < t->n; i++)
		if ((unsigned char)t->p[i] > ' ')
			return true;
	return false;
}

unsigned call_purpose(struct vault *v, struct vault_call *c, bool reveal)
{
	const struct wire_envelope *e = &c->env;
	size_t n;

	/* Cut, they might end within a character, and a leaf's texts are UTF-8. */
	if (e->case_text.n > LEAF_CASE_MAX || e->reason.n > LEAF_REASON_MAX)
		return call_refuse(c, PROBLEM_BAD_REQUEST, "CV-Case or CV-Reason is too long");
	copy_text(c->detail.case_text, LEAF_CASE_MAX, &e->case_text, &n);
	c->detail.case_n = (uint8_t)n;
	copy_text(c->detail.reason, LEAF_REASON_MAX, &e->reason, &n);
	c->detail.reason_n = (uint16_t)n;
	if (c->subject.role_count > 0) {
		const struct policy_role *role = policy_role_by_id(v->policy, c->subject.roles[0]);

		c->detail.role = c->subject.roles[0];
		c->detail.department = role != NULL ? role->department : 0;
	}
	if (e->purpose.n == 0)
		return call_refuse(c, PROBLEM_PURPOSE_REQUIRED, "every data request names its purpose in CV-Purpose");
	/* What the law forbids is called so, whatever a policy says of it. */
	if (policy_purpose_prohibited(e->purpose.p, e->purpose.n))
		return call_decline(c, DECIDE_PROHIBITED, "%s", "");
	c->subject.purpose = policy_purpose_named(v->policy, e->purpose.p, e->purpose.n);
	if (c->subject.purpose < 0)
		return call_decline(c, DECIDE_PURPOSE_UNKNOWN, "%s", "");
	c->detail.purpose = policy_purpose(v->policy, (unsigned)c->subject.purpose)->id;
	if (!policy_purpose_allowed(v->policy, &c->subject))
		return call_decline(c, DECIDE_NO_PURPOSE_ROLE, "%s", "");
	if (policy_purpose(v->policy, (unsigned)c->subject.purpose)->needs_case && !says_something(&e->case_text))
		return call_decline(c, DECIDE_CASE_MISSING, "%s", policy_purpose(v->policy, (unsigned)c->subject.purpose)->name);
	if (reveal && !says_something(&e->reason))
		return call_decline(c, DECIDE_REASON_MISSING, "%s", "");
	return 0;
}

const struct policy_role *call_auditor(struct vault *v, const struct vault_call *c)
{
	for (unsigned i = 0; i < c->subject.role_count; i++) {
		const struct policy_role *role = policy_role_by_id(v->policy, c->subject.roles[i]);

		if (role != NULL && role->audit)
			return role;
	}
	return NULL;
}

void call_child(struct vault_call *c, const struct record *r)
{
	c->has_child = true;
	c->serial = r->serial;
	memcpy(c->log_key, r->head.log_key, sizeof(c->log_key));
	memcpy(c->detail.record, r->head.record, 16);
}

void call_mark_field(struct vault *v, struct vault_call *c, const struct policy_field *f)
{
	unsigned position = (unsigned)policy_field_position(v->policy, f);

	if (position >= LEAF_FIELDS_MAX)
		return;
	c->detail.bitmap[position / 8] |= (uint8_t)(1u << position % 8);
	if (c->detail.bitmap_n < position / 8 + 1)
		c->detail.bitmap_n = (uint8_t)(position / 8 + 1);
}

/* What the leaf says became of the call: the reason that decided, if one did. */
static uint16_t outcome_of(const struct vault_call *c)
{
	return (uint16_t)(c->rule != DECIDE_YES ? OUTCOME_REASON + (unsigned)c->rule : c->problem);
}

static void fill_actor(struct vault *v, const struct vault_call *c, struct leaf_actor *a)
{
	memset(a, 0, sizeof(*a));
	if (c->principal != NULL)
		memcpy(a->principal, c->principal->id, 16);
	if (c->session != NULL)
		memcpy(a->session, session_id(c->session), 16);
	memcpy(a->request, c->env.request_id, 16);
	keys_request_digest(v->keys, c->body, c->body_n, a->digest);
	a->uid = c->who.uid;
	a->pid = c->who.pid;
	a->outcome = outcome_of(c);
}

/* The state's digest for the next leaf, which is remembered as the newest that names it. */
static const uint8_t *name_state(struct vault *v, uint8_t digest[32])
{
	lthash_digest(&v->lthash, digest);
	v->state_leaf = store_next_leaf(v->store);
	return digest;
}

/* Which classes a receipt may name: those of the fields, without hidden ones. */
static void tell_classes(struct vault *v, struct leaf_detail *d)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < d->bitmap_n; i++)
		for (unsigned bits = d->bitmap[i]; bits != 0; bits &= bits - 1) {
			unsigned at = 8 * i + (unsigned)__builtin_ctz(bits);

			if (at < policy_fields(v->policy))
				seen |= (uint64_t)1 << policy_class_position(v->policy, policy_field(v->policy, at)->class);
		}
	d->classes = 0;
	for (; seen != 0; seen &= seen - 1) {
		const struct policy_class *class = policy_class(v->policy, (unsigned)__builtin_ctzll(seen));

		if (!class->hidden)
			d->class[d->classes++] = class->id;
	}
}

/* Add the call's leaf to the open request. */
static int add_leaf(struct vault *v, struct vault_call *c, uint64_t *ret_index)
{
	struct audit_entry e;
	uint8_t state[32];
	int r;

	memset(&e, 0, offsetof(struct audit_entry, detail));
	e.clear = NULL;
	e.clear_n = 0;
	e.kind = c->kind;
	e.log_key = c->has_child ? c->log_key : NULL;
	/* Of a turn's calls the last one names what all of them made of the state: it is the turn that is durable or not. */
	if (c->mutating || v->unnamed ? !v->more_follow : store_next_leaf(v->store) - v->state_leaf >= STATE_EVERY) {
		e.state_hash = name_state(v, state);
		c->named = true;
	}
	fill_actor(v, c, &e.actor);
	c->detail.outcome = outcome_of(c);
	tell_classes(v, &c->detail);
	e.detail = c->detail;
	r = audit_leaf(v->audit, v->store, &e, c->now_ms, ret_index);
	wipe(&e, sizeof(e));
	if (r == 0 && c->has_child) {
		v->recent[*ret_index & (VAULT_RECENT - 1)].index = *ret_index;
		v->recent[*ret_index & (VAULT_RECENT - 1)].serial = c->serial;
	}
	return r;
}

/* The leaf of what was refused beside the answer. */
static int add_hidden_leaf(struct vault *v, struct vault_call *c)
{
	uint8_t kind = c->kind, bitmap_n = c->detail.bitmap_n, bitmap[sizeof(c->detail.bitmap)];
	uint32_t count = c->detail.count;
	bool mutating = c->mutating;
	uint64_t leaf;
	int r;

	memcpy(bitmap, c->detail.bitmap, sizeof(bitmap));
	memcpy(c->detail.bitmap, c->hidden_bitmap, sizeof(c->hidden_bitmap));
	c->detail.bitmap_n = sizeof(c->hidden_bitmap);
	while (c->detail.bitmap_n > 0 && c->detail.bitmap[c->detail.bitmap_n - 1] == 0)
		c->detail.bitmap_n--;
	c->detail.count = 0;
	c->kind = LEAF_REFUSED;
	c->rule = c->hidden_rule;
	c->mutating = false;	/* the call's own leaf names the state */
	r = add_leaf(v, c, &leaf);
	c->rule = DECIDE_YES;
	c->kind = kind;
	c->mutating = mutating;
	c->detail.count = count;
	c->detail.bitmap_n = bitmap_n;
	for (size_t i = 0; i < sizeof(bitmap); i++)
		c->detail.bitmap[i] = bitmap[i] & (uint8_t)~c->hidden_bitmap[i];
	return r;
}

static void write_problem(struct vault *v, struct vault_call *c, uint64_t leaf)
{
	struct wire_problem m = { .retry_after_s = c->retry_after_s, .has_etag = c->has_etag, .etag = c->etag };
	size_t at;

	if (v->demo)
		m.explanation = wire_text(c->explanation, strlen(c->explanation));
	buf_cut(c->out, c->out_at);
	c->out->bad = false;	/* what did not fit is gone */
	wire_answer_head(c->out, (uint16_t)c->problem, leaf);
	wire_problem_put(c->out, &m);
	at = wire_count_begin(c->out);
	for (unsigned i = 0; i < c->errors; i++) {
		const struct field_error *e = &c->error[i];
		const char *kind = problem_kind(e->problem);
		struct wire_field_error w = { e->field, wire_text(kind, strlen(kind)), wire_text(e->expected, strlen(e->expected)) };

		wire_error_put(c->out, &w);
	}
	wire_count_end(c->out, at, c->errors);
}

/* Nothing that the request changed stands, in the store and in memory. */
static void take_back(struct vault *v)
{
	store_rollback(v->store);
	gov_rollback(v);
	list_rollback(v);
	jobs_rollback(v);
	members_rollback(v);
	vault_undo(v, &v->call_saved);
	v->call.named = false;
}

/* Forget the request's changes; its refusal is a leaf of its own where a session exists. */
static void end_refused(struct vault *v, struct vault_call *c)
{
	uint64_t leaf = MESSAGE_NO_LEAF;

	take_back(v);
	c->mutating = false;
	c->kind = LEAF_REFUSED;
	if (c->problem == PROBLEM_STORAGE_FULL)
		v->refused_full = true;
	if (c->session != NULL && vault_healthy(v)) {
		if (add_leaf(v, c, &leaf) == 0) {
			store_commit(v->store);
		} else {
			store_rollback(v->store);
			leaf = MESSAGE_NO_LEAF;
			c->problem = PROBLEM_AUDIT_UNAVAILABLE;
		}
	}
	write_problem(v, c, leaf);
}

/* The request stands as decided: its changes and its leaf join the turn, sessions follow. */
static void end_decided(struct vault *v, struct vault_call *c)
{
	if (c->problem != 0) {
		end_refused(v, c);
	} else {
		store_commit(v->store);
		gov_commit(v);
		list_commit(v);
		jobs_commit(v);
		members_commit(v, c->now_ms);
	}
	if (v->ending != NULL && c->problem == 0) {
		merges_forget(v, v->ending);
		jobs_forget(v, v->ending);
		session_close(v->keys, v->ending);
	}
	if (c->opened && c->problem != 0)
		session_close(v->keys, c->session);
	else if (c->opened)
		v->open[v->opened++] = c->session;
	v->unnamed = !c->named && (v->unnamed || c->mutating);
	v->turn_calls++;
	v->turn_counts[c->problem < PROBLEM_COUNT ? c->problem : PROBLEM_INTERNAL]++;
}

bool vault_call_end(struct vault *v, struct vault_call *c)
{
	bool stands;
	uint64_t leaf;
	int r;

	if (c->problem == 0 && c->out->bad && c->out->poor)
		(void)call_failed(c, CV_ERR_NOMEM);
	if (c->problem == 0 && (!buf_ok(c->out) || c->out->n - c->out_at > MESSAGE_TO_FRONT_MAX))
		(void)call_refuse(c, PROBLEM_PAYLOAD_TOO_LARGE, "the answer would be too large: ask for less at a time");
	if (c->problem == 0 && !c->no_leaf) {
		if ((c->hidden_rule != DECIDE_YES && (r = add_hidden_leaf(v, c)) != 0) || (r = add_leaf(v, c, &leaf)) != 0)
			(void)call_failed(c, r);
		else
			be64_put(c->out->p + c->out_at + 2, leaf);
	}
	/* What is refused for want of room may fit a turn of its own; not so if the store is known to be full. */
	stands = c->problem != PROBLEM_STORAGE_FULL || v->turn_calls == 0 || v->full || c->opened;
	if (stands) {
		end_decided(v, c);
	} else {
		take_back(v);
		buf_cut(c->out, c->out_at);
		c->out->bad = false;
		v->put_off = true;
	}
	v->ending = NULL;
	wipe(c->log_key, sizeof(c->log_key));
	wipe(c->detail.case_text, c->detail.case_n);
	wipe(c->detail.reason, c->detail.reason_n);
	content_clear(&v->content);
	content_clear(&v->view_content);
	buf_reset(&v->scratch);
	buf_reset(&v->seal);
	c->session = NULL;
	return stands;
}

bool vault_reads_log(struct vault *v, const struct vault_caller *who, const struct wire_envelope *env)
{
	struct session *s = NULL;
	const uint16_t *roles;
	unsigned n;

	if (v->state == VAULT_READY && env->has_token)
		s = session_find(v->keys, env->token, who->uid, clock_wall_ms(), clock_mono_ms());
	if (s == NULL)
		return false;
	roles = session_roles(s, &n);
	for (unsigned i = 0; i < n; i++) {
		const struct policy_role *role = policy_role_by_id(v->policy, roles[i]);

		if (role != NULL && (role->audit || (role->acts & ACT_RECEIPT) != 0))
			return true;
	}
	return false;
}

int vault_system_leaf(struct vault *v, uint8_t kind, const uint8_t *body, size_t n, bool names_state, uint64_t now_ms)
{
	struct audit_entry e;
	uint8_t state[32];
	uint64_t index;

	memset(&e, 0, sizeof(e));
	e.kind = kind;
	e.clear = body;
	e.clear_n = n;
	if (names_state)
		e.state_hash = name_state(v, state);
	return audit_leaf(v->audit, v->store, &e, now_ms, &index);
}

/* HELLO, ACTIVATE, LOGOUT and front's refusals. PROTOCOL.md section 4. */
#include <string.h>

#include "vault/members.h"

unsigned vault_hello(struct vault *v, struct vault_call *c, const struct wire_hello *m)
{
	static const uint8_t no_root[32];
	struct hello_answer a;
	struct wire_hello_answer w;
	uint8_t root[32];
	int r;

	c->no_leaf = true;	/* a session's opening has its leaf; hellos without one are counted and coalesced */
	r = session_hello(v->keys, c->who.uid, m->principal, m->question, c->now_ms, c->mono_ms, &a);
	if (r == CV_ERR_LIMIT) {
		c->retry_after_s = 600;
		return call_refuse(c, PROBLEM_RATE_LIMITED, "too many attempts");
	}
	if (r != 0)
		return call_failed(c, r);
	memset(&w, 0, sizeof(w));
	w.session = a.session;
	w.ephemeral = a.ephemeral_pk;
	w.answer = a.answer;
	w.vault = v->id;
	w.root = audit_signed(v->audit, &w.log_size, root) ? root : no_root;
	for (unsigned i = 0; i < ROLE_WRAPS; i++) {
		w.wrap[i].role = a.wraps[i].role;
		w.wrap[i].epoch = a.wraps[i].epoch;
		w.wrap[i].wrap = a.wraps[i].wrap;
	}
	wire_hello_answer_put(c->out, &w);
	wipe(&a, sizeof(a));
	return 0;
}

/* What an entry is called; a personal role has no name, and front leaves it out. */
static const char *role_name(const struct policy *p, uint16_t id)
{
	const struct policy_role *role = policy_role_by_id(p, id);

	if (role_is_personal(id))
		return "";
	return role != NULL ? role->name : "?";
}

unsigned vault_activate(struct vault *v, struct vault_call *c, const struct wire_activate *m)
{
	struct sealed_role roles[WIRE_ROLES_MAX];
	struct wire_activate_answer w;
	struct session_end end = { v, c->now_ms };
	uint8_t token[32], principal[16];
	unsigned n;
	const uint16_t *ids;
	int r;

	if (v->opened == VAULT_OPENED) {
		c->retry_after_s = 1;
		return call_refuse(c, PROBLEM_OVERLOADED, "too many sessions at once");
	}
	for (unsigned i = 0; i < m->n; i++)
		roles[i] = (struct sealed_role){ m->role[i].role, m->role[i].epoch, m->role[i].sealed };
	r = session_activate(v->keys, c->who.uid, m->session, roles, m->n, m->signature, c->now_ms, c->mono_ms, vault_session_ended,
	    &end, token, &c->session, principal);
	if (r == CV_ERR_BUSY) {
		c->retry_after_s = 60;
		return call_refuse(c, PROBLEM_OVERLOADED, "too many sessions");
	}
	if (r == CV_ERR_NOMEM)
		return call_failed(c, r);
	if (r != 0)
		return call_refuse(c, PROBLEM_UNAUTHENTICATED, "the session was not opened");
	c->opened = true;
	c->principal = session_principal(v->keys, c->session);
	if ((r = members_seen(v, c)) != 0)
		return call_failed(c, r);
	ids = session_roles(c->session, &n);
	memset(&w, 0, sizeof(w));
	w.token = token;
	w.expires_ms = session_expires_ms(c->session);
	for (unsigned i = 0; i < m->n; i++) {
		const char *name = role_name(v->policy, m->role[i].role);

		w.role[w.n++] = wire_text(name, strlen(name));
	}
	if (n > 0)
		c->detail.role = ids[0];
	wire_activate_answer_put(c->out, &w);
	c->kind = LEAF_SESSION;
	wipe(token, sizeof(token));
	return 0;
}

unsigned vault_logout(struct vault *v, struct vault_call *c)
{
	c->kind = LEAF_SESSION_END;
	v->ending = c->session;	/* ended after its leaf is built, which names it */
	return 0;
}

unsigned vault_refused(struct vault *v, struct vault_call *c, unsigned problem)
{
	(void)v;
	return call_refuse(c, problem, "the request was refused before it reached the record");
}

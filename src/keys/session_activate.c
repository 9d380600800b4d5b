/* Activation: a hello's principal proves itself and brings its roles' keys, which open classes. docs/PROTOCOL.md section 4. */
#include "keys/failures.h"
#include "keys/session_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"

#define PROOF_HEAD (16u + 16 + 32 + 1)
#define PROOF_MAX (PROOF_HEAD + SESSION_ROLES * (2 + 4 + SEALED_ROLE))

/* What the client signs, PROTOCOL.md section 4 step 3. Returns its length. */
static size_t proof_message(const struct hello *h, const struct sealed_role *roles, unsigned n, uint8_t ret[PROOF_MAX])
{
	uint8_t *p = ret;

	memset(p, 0, 16);
	memcpy(p, "cv1.proof", 9);
	memcpy(p + 16, h->id, 16);
	memcpy(p + 32, h->epk, 32);
	p[64] = (uint8_t)n;
	p += PROOF_HEAD;
	for (unsigned i = 0; i < n; i++, p += 2 + 4 + SEALED_ROLE) {
		be16_put(p, roles[i].role);
		be32_put(p + 2, roles[i].epoch);
		memcpy(p + 6, roles[i].sealed, SEALED_ROLE);
	}
	return (size_t)(p - ret);
}

/*
 * The principal behind a hello, if it may act from this uid and signed. Unknown ones cost a signature check as well.
 */
static const struct principal *prove(const struct keys *k, const struct hello *h, uint32_t uid,
    const struct sealed_role *roles, unsigned n, const uint8_t signature[64], uint64_t now_ms)
{
	const struct principal *p = directory_principal(k, h->principal);
	uint8_t message[PROOF_MAX];
	size_t length = proof_message(h, roles, n, message);

	if (!directory_enabled(p, now_ms) || h->uid != uid || (p->uid != UID_ANY && p->uid != uid))
		p = NULL;
	if (crypto_verify(p != NULL ? p->sign_pk : k->sessions->nobody_pk, message, length, signature) != 0)
		p = NULL;
	return p;
}

/*
 * Open one sealed role key and hold it against the directory. Only the newest epoch is taken: who was left out of it keeps the wrap of an
 * older one, and its rows, which were signed once, can be put back. ret_until_ms is lowered to the membership's end.
 */
static int role_open(const struct keys *k, const struct hello *h, const struct sealed_role *role, uint64_t now_ms,
    uint8_t ret_sk[32], uint64_t *ret_until_ms)
{
	const struct member_entry *member = directory_member(k, h->principal, role->role, role->epoch);
	const struct role_entry *entry = directory_role_entry(k, role->role, role->epoch);
	uint8_t ctx[CONTEXT_BYTES], pk[32];

	if (member == NULL || entry == NULL || role->epoch != directory_role_newest(k, role->role) ||
	    !directory_in_dates(member->not_before_ms, member->not_after_ms, now_ms))
		return CV_ERR_AUTH;
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_SESSION, .entity = h->id, .epoch = role->epoch, .field = role->role,
	    .writer = h->principal, .length = CRYPTO_KEY), ctx);
	if (crypto_pkopen(hello_sk(k->sessions, h), ctx, role->sealed, SEALED_ROLE, ret_sk) != 0)
		return CV_ERR_AUTH;
	crypto_box_public(ret_sk, pk);
	if (memcmp(pk, entry->pk, 32) != 0)
		return CV_ERR_AUTH;
	if (member->not_after_ms != 0 && member->not_after_ms < *ret_until_ms)
		*ret_until_ms = member->not_after_ms;
	return 0;
}

static bool holds(const struct session *s, uint32_t class_key, uint32_t epoch)
{
	for (unsigned i = 0; i < s->secrets_n; i++)
		if (s->secrets[i].class_key == class_key && s->secrets[i].epoch == epoch)
			return true;
	return false;
}

/* Take the secret key of a class epoch, which was checked, into the session, which does not hold it yet. 0 or CV_ERR_NOMEM. */
static int class_take(struct keys *k, struct session *s, const struct class_entry *e, const uint8_t sk[32])
{
	struct held_secret *c = slab_hold(k->sessions, (struct secret_of){ .class_key = e->class_key, .epoch = e->epoch }, e->pk, sk);

	if (c == NULL)
		return CV_ERR_NOMEM;
	s->secrets[s->secrets_n++] = (struct class_secret){ e->class_key, e->epoch, c };
	return 0;
}

/*
 * Follow the history links of a class epoch that the session has got, whose secret key is sk, as far as they lead: what is under older
 * epochs is still read. A link that does not open gives the session no older epoch, and its newest one all the same. 0 or CV_ERR_NOMEM.
 */
static int links_follow(struct keys *k, struct session *s, const struct class_entry *e, const uint8_t sk[32])
{
	uint8_t at[32], older[32] = { 0 };
	int r = 0;

	memcpy(at, sk, sizeof(at));
	while (r == 0 && e->has_link) {
		const struct class_entry *next = directory_class_entry(k, e->class_key, e->epoch - 1);

		/* Gone for good, or another role gave it and what lies behind it. */
		if (next == NULL || next->status == DIR_STATUS_DESTROYED || holds(s, next->class_key, next->epoch))
			break;
		if ((r = directory_link_open(k, e, at, older)) != 0) {
			log_error("session: the link from epoch %u of class key %08x does not open: %s", e->epoch, e->class_key,
			    cv_strerror(r));
			r = 0;
			break;
		}
		r = class_take(k, s, next, older);
		memcpy(at, older, sizeof(at));
		e = next;
	}
	wipe(at, sizeof(at));
	wipe(older, sizeof(older));
	return r;
}

/* Open one grant with a role's secret key into the session, and older epochs with it. */
static int grant_open(struct keys *k, struct session *s, const struct grant_entry *g, const uint8_t role_sk[32])
{
	const struct class_entry *e = directory_class_entry(k, g->class_key, g->epoch);
	uint8_t ctx[CONTEXT_BYTES], sk[32] = { 0 }, pk[32];
	int r = CV_ERR_AUTH;

	if (e == NULL)
		return CV_ERR_AUTH;
	if (e->status == DIR_STATUS_DESTROYED || holds(s, g->class_key, g->epoch))
		return 0;
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_KEY_WRAP, .class_key = g->class_key, .epoch = g->epoch,
	    .generation = g->role_epoch, .field = g->role, .version = KEY_WRAP_GRANT, .length = CRYPTO_KEY), ctx);
	/*
	 * Opened even if another session holds the same secret: the signed fact says that the role may, only the wrap
	 * proves that two custodians gave it.
	 */
	if (crypto_pkopen(role_sk, ctx, g->wrap, DIR_WRAP, sk) != 0)
		goto out;
	crypto_box_public(sk, pk);
	if (memcmp(pk, e->pk, 32) == 0 && (r = class_take(k, s, e, sk)) == 0)
		r = links_follow(k, s, e, sk);
out:
	wipe(sk, sizeof(sk));
	return r;
}

/* The newest grant of each class first: links from there give what older grants would. */
static int grants_open(struct keys *k, struct session *s, const struct sealed_role *role, const uint8_t role_sk[32])
{
	size_t n;
	const struct grant_entry *g = directory_grants(k, &n);
	int r = 0;

	while (r == 0 && n-- > 0) {
		if (g[n].role == role->role && g[n].role_epoch == role->epoch && (r = grant_open(k, s, &g[n], role_sk)) == CV_ERR_AUTH)
			log_error("session: a grant of class key %08x to role %u does not open", g[n].class_key, g[n].role);
	}
	return r;
}

/* What a role gives the session: a personal one its own key, for what is granted to the person; another its classes. */
static int role_take(struct keys *k, struct session *s, const struct sealed_role *role, const uint8_t role_sk[32])
{
	struct held_secret *c;
	uint8_t pk[32];

	if (!role_is_personal(role->role)) {
		s->role_epochs[s->roles_n] = role->epoch;
		s->roles[s->roles_n++] = role->role;
		return grants_open(k, s, role, role_sk);
	}
	crypto_box_public(role_sk, pk);
	if ((c = slab_hold(k->sessions, (struct secret_of){ .role = role->role, .epoch = role->epoch }, pk, role_sk)) == NULL)
		return CV_ERR_NOMEM;
	s->personal[s->personal_n++] = c;
	return 0;
}

/* A role may stand once: the signature covers the list, and a second entry has no meaning. */
static bool roles_distinct(const struct sealed_role *roles, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < i; j++) {
			if (roles[i].role == roles[j].role && roles[i].epoch == roles[j].epoch)
				return false;
		}
	}
	return true;
}

static void session_limits(struct session *s, const struct principal *p, uint64_t until_ms, uint64_t now_ms, uint64_t mono_ms)
{
	bool machine = p->kind == PRINCIPAL_APP || p->kind == PRINCIPAL_JOB;
	uint64_t for_ms = machine ? SESSION_APP_MS : SESSION_PERSON_MS;

	if (until_ms - now_ms < for_ms)
		for_ms = until_ms - now_ms;
	s->used_mono_ms = mono_ms;
	s->end_mono_ms = mono_ms + for_ms;
	s->expires_ms = now_ms + for_ms;
}

/* A session of a hello's principal without any secret yet, with room for all that there are. NULL: no memory. */
static struct session *session_new(const struct keys *k, const struct hello *h)
{
	struct session *s = calloc(1, sizeof(*s));
	size_t epochs;

	(void)directory_classes(k, &epochs);
	if (s == NULL || (s->secrets = calloc(epochs + 1, sizeof(s->secrets[0]))) == NULL) {
		free(s);
		return NULL;
	}
	memcpy(s->id, h->id, 16);
	memcpy(s->principal, h->principal, 16);
	return s;
}

/* Steps 4 and 5 for a live hello. 0, CV_ERR_AUTH, CV_ERR_NOMEM. */
static int activate(struct keys *k, const struct hello *h, uint32_t uid, const struct sealed_role *roles, unsigned n,
    const uint8_t signature[64], uint64_t now_ms, uint64_t mono_ms, struct session **ret)
{
	uint8_t role_sk[SESSION_ROLES][32] = { { 0 } };
	uint64_t until_ms = UINT64_MAX;
	const struct principal *p;
	struct session *s = NULL;
	int r = CV_ERR_AUTH;

	if (n < 1 || n > SESSION_ROLES || (p = prove(k, h, uid, roles, n, signature, now_ms)) == NULL ||
	    !roles_distinct(roles, n))
		goto out;
	if (p->not_after_ms != 0)
		until_ms = p->not_after_ms;
	for (unsigned i = 0; i < n; i++) {
		if ((r = role_open(k, h, &roles[i], now_ms, role_sk[i], &until_ms)) != 0)
			goto out;
	}
	if ((s = session_new(k, h)) == NULL) {
		r = CV_ERR_NOMEM;
		goto out;
	}
	s->uid = uid;
	for (unsigned i = 0; i < n; i++) {
		if ((r = role_take(k, s, &roles[i], role_sk[i])) != 0)
			goto out;
	}
	session_limits(s, p, until_ms, now_ms, mono_ms);
	*ret = s;
	s = NULL;	/* transferred */
out:
	wipe(role_sk, sizeof(role_sk));
	if (s != NULL)
		session_release(s);
	return r;
}

static bool used_before(const struct session *s, const struct session *other)
{
	if (s->used_mono_ms != other->used_mono_ms)
		return s->used_mono_ms < other->used_mono_ms;
	return s->number < other->number;
}

/*
 * See to it that s, which is not entered yet, stays within the limits: if need be one of its principal's sessions ends for
 * it, the one that was unused for longest, so that who opens many shuts out nobody else. CV_ERR_BUSY: others have all the
 * room there is.
 */
static int make_room(struct keys *k, const struct session *s, session_ended *ended, void *cookie)
{
	struct session *const *all = k->sessions->session, *oldest = NULL, *oldest_of_uid = NULL, *end;
	unsigned of_principal = 0, of_uid = 0;

	for (unsigned i = 0; i < SESSION_MAX; i++) {
		if (all[i] == NULL)
			continue;
		of_uid += all[i]->uid == s->uid;
		if (memcmp(all[i]->principal, s->principal, 16) != 0)
			continue;
		of_principal++;
		if (oldest == NULL || used_before(all[i], oldest))
			oldest = all[i];
		if (all[i]->uid == s->uid && (oldest_of_uid == NULL || used_before(all[i], oldest_of_uid)))
			oldest_of_uid = all[i];
	}
	if (of_uid < SESSION_PER_UID && of_principal < SESSION_PER_PRINCIPAL && k->sessions->count < SESSION_MAX)
		return 0;
	end = of_uid < SESSION_PER_UID ? oldest : oldest_of_uid;
	if (end == NULL)
		return CV_ERR_BUSY;
	if (ended != NULL)
		ended(cookie, end);
	session_close(k, end);
	return 0;
}

int session_activate(struct keys *k, uint32_t uid, const uint8_t session_id[16], const struct sealed_role *roles, unsigned n,
    const uint8_t signature[64], uint64_t now_ms, uint64_t mono_ms, session_ended *ended, void *cookie, uint8_t ret_token[32],
    struct session **ret_session, uint8_t ret_principal_id[16])
{
	struct sessions *x;
	struct session *s;
	struct hello *h;
	int r;

	assert(k->ring != NULL);
	memset(ret_principal_id, 0, 16);
	if ((r = sessions_get(k, &x)) != 0)
		return r;
	hellos_expire(x, now_ms, mono_ms);
	if ((h = hello_find(x, session_id)) == NULL) {
		hello_failed(x, now_ms);
		return CV_ERR_AUTH;
	}
	memcpy(ret_principal_id, h->principal, 16);
	if ((r = activate(k, h, uid, roles, n, signature, now_ms, mono_ms, &s)) == 0 && (r = make_room(k, s, ended, cookie)) != 0) {
		session_release(s);
		return r;	/* the hello lives on: its owner may try again */
	}
	if (r == CV_ERR_AUTH)
		hello_failed(x, now_ms);
	else
		failures_refund(x->failures, h->uid, h->principal, (uint32_t)(h->mono_ms / 1000), (uint32_t)(mono_ms / 1000));
	hello_end(x, h);
	if (r != 0)
		return r;
	crypto_random(ret_token, 32);
	session_enter(k, s, ret_token);
	*ret_session = s;
	return 0;
}

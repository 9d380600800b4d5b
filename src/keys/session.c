/*
 * Hellos and sessions.
 *
 * Secrets are held once for each class epoch and each personal role's epoch, however many sessions hold it, and counted: the
 * last session that ends wipes the secret. That bounds locked memory by the numbers of classes and of people with sessions,
 * and keeps the copies that can leak few.
 */
#include "keys/failures.h"
#include "keys/keys_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "format/directory.h"

#define HELLO_TABLE 256u
#define HELLO_PER_UID 128u		/* of them for one uid */
#define TOKEN_BUCKETS 2048u		/* a power of two, twice SESSION_MAX */
#define SLAB_ITEMS 64u			/* secrets of one chunk: 4 KiB of locked memory */
#define SECRET_BYTES (2 * CRYPTO_KEY)	/* secret key; a class's KEK */
#define SEALED_ROLE DIR_WRAP
#define PROOF_HEAD (16u + 16 + 32 + 1)
#define PROOF_MAX (PROOF_HEAD + SESSION_ROLES * (2 + 4 + SEALED_ROLE))

/* Places of the decoy PRF beside those of the wraps (0 to 7). */
#define DECOY_PERSONAL 0xF0u
#define DECOY_CHOICE 0xF1u
#define DECOY_REPEAT 0xF2u
#define DECOY_ORDER 0xF3u

struct hello {
	bool used;
	uint8_t id[16];
	uint8_t principal[16];
	uint8_t epk[32];		/* its secret key stands in sessions.hello_sk */
	uint32_t uid;
	uint64_t mono_ms;
	uint64_t number;		/* rises from hello to hello */
};

/* What a secret is of: a class or a personal role. */
struct secret_of {
	uint32_t class_key;		/* 0: of a role */
	uint16_t role;			/* 0: of a class */
	uint32_t epoch;
};
struct held_secret {
	struct secret_of of;
	uint32_t refs;			/* sessions that hold it; 0: free, bytes are zeros */
	uint8_t pk[32];
	uint8_t *bytes;			/* SECRET_BYTES in locked memory */
};
struct slab {
	struct slab *next;
	struct secret *mem;
	struct held_secret item[SLAB_ITEMS];
};

struct session {
	uint8_t id[16];
	uint8_t principal[16];
	uint8_t token_hash[32];
	uint32_t uid;
	uint64_t number;		/* rises from session to session */
	uint64_t used_mono_ms;
	uint64_t end_mono_ms;		/* absolute limit */
	uint64_t expires_ms;		/* the same as wall time */
	uint16_t roles[SESSION_ROLES];	/* without the personal one */
	unsigned roles_n;
	uint16_t index;			/* in sessions.session */
	uint16_t next;			/* in its token bucket: index + 1, 0 the last */
	unsigned secrets_n;
	struct held_secret **secrets;	/* of classes, ascending by class key and epoch */
	unsigned personal_n;
	struct held_secret *personal[SESSION_ROLES];	/* of the personal role, an epoch each */
};

/*
 *   1. count is the number of sessions; each stands in one token bucket.
 *   2. hello_sk holds a secret for used hellos, zeros for the others.
 */
struct sessions {
	struct hello hello[HELLO_TABLE];
	struct secret *hello_sk;
	struct failures *failures;	/* hellos without a good activation, yet or for good */
	uint64_t numbers;		/* given to hellos and sessions */
	uint8_t nobody_pk[32];		/* what signatures of unknown principals are checked against */
	struct session *session[SESSION_MAX];
	uint16_t token[TOKEN_BUCKETS];	/* index + 1, 0 none */
	unsigned count;
	struct slab *slabs;
	uint32_t failed;		/* since the last session_failures */
	uint64_t first_failed_ms, last_failed_ms;
};

static int sessions_get(struct keys *k, struct sessions **ret)
{
	struct sessions *x = k->sessions;
	uint8_t seed[32], sk[SIGN_SECRET];

	if (x == NULL) {
		if ((x = calloc(1, sizeof(*x))) == NULL)
			return CV_ERR_NOMEM;
		k->sessions = x;
		x->hello_sk = secret_new(HELLO_TABLE * CRYPTO_KEY);
		if (x->hello_sk == NULL || failures_new(&x->failures) != 0) {
			sessions_free(k);
			return CV_ERR_NOMEM;
		}
		crypto_random(seed, sizeof(seed));
		crypto_sign_pair(seed, x->nobody_pk, sk);
		wipe(seed, sizeof(seed));
		wipe(sk, sizeof(sk));
	}
	*ret = x;
	return 0;
}

void sessions_free(struct keys *k)
{
	struct sessions *x = k->sessions;
	struct slab *next;

	if (x == NULL)
		return;
	for (unsigned i = 0; i < SESSION_MAX; i++) {
		if (x->session[i] != NULL)
			session_close(k, x->session[i]);
	}
	for (struct slab *s = x->slabs; s != NULL; s = next) {
		next = s->next;
		secret_free(s->mem);
		free(s);
	}
	secret_free(x->hello_sk);
	failures_free(x->failures);
	wipe(x, sizeof(*x));
	free(x);
	k->sessions = NULL;
}

/* ---- secrets ---------------------------------------------------------------------------------------------------- */

/* An item that is free, from a new chunk if need be. NULL if no memory can be had or locked. */
static struct held_secret *slab_free_item(struct sessions *x)
{
	struct slab *s;

	for (s = x->slabs; s != NULL; s = s->next) {
		for (unsigned i = 0; i < SLAB_ITEMS; i++) {
			if (s->item[i].refs == 0)
				return &s->item[i];
		}
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	if ((s->mem = secret_new(SLAB_ITEMS * SECRET_BYTES)) == NULL) {
		free(s);
		return NULL;
	}
	for (unsigned i = 0; i < SLAB_ITEMS; i++)
		s->item[i].bytes = s->mem->bytes + (size_t)i * SECRET_BYTES;
	s->next = x->slabs;
	x->slabs = s;
	return &s->item[0];
}

static bool same_secret(const struct held_secret *c, const struct secret_of *of, const uint8_t pk[32])
{
	return c->refs != 0 && c->of.class_key == of->class_key && c->of.role == of->role && c->of.epoch == of->epoch &&
	    memcmp(c->pk, pk, 32) == 0;
}

/* Hold the secret key sk, which the caller has checked against pk. NULL: no memory. */
static struct held_secret *slab_hold(struct sessions *x, struct secret_of of, const uint8_t pk[32], const uint8_t sk[32])
{
	struct held_secret *c;

	for (struct slab *s = x->slabs; s != NULL; s = s->next) {
		for (unsigned i = 0; i < SLAB_ITEMS; i++) {
			c = &s->item[i];
			if (same_secret(c, &of, pk)) {
				c->refs++;
				return c;
			}
		}
	}
	if ((c = slab_free_item(x)) == NULL)
		return NULL;
	c->refs = 1;
	c->of = of;
	memcpy(c->pk, pk, 32);
	memcpy(c->bytes, sk, CRYPTO_KEY);
	if (of.role == 0)
		crypto_hash("cv1.classkek", sk, CRYPTO_KEY, NULL, 0, c->bytes + CRYPTO_KEY, CRYPTO_KEY);
	return c;
}

static void slab_release(struct held_secret *c)
{
	assert(c->refs > 0);
	if (--c->refs == 0)
		wipe(c->bytes, SECRET_BYTES);
}

/* ---- failures ----------------------------------------------------------------------------------------------------------- */

/* One more for the coalesced leaf. */
static void failed(struct sessions *x, uint64_t now_ms)
{
	if (x->failed == 0)
		x->first_failed_ms = now_ms;
	x->last_failed_ms = now_ms;
	if (x->failed < UINT32_MAX)
		x->failed++;
}

uint32_t session_failures(struct keys *k, uint64_t *ret_first_ms, uint64_t *ret_last_ms)
{
	struct sessions *x = k->sessions;
	uint32_t n = x != NULL ? x->failed : 0;

	*ret_first_ms = n != 0 ? x->first_failed_ms : 0;
	*ret_last_ms = n != 0 ? x->last_failed_ms : 0;
	if (x != NULL)
		x->failed = 0;
	return n;
}

/* ---- hellos ------------------------------------------------------------------------------------------------------------- */

static uint8_t *hello_sk(const struct sessions *x, const struct hello *h)
{
	return x->hello_sk->bytes + (size_t)(h - x->hello) * CRYPTO_KEY;
}

static void hello_end(struct sessions *x, struct hello *h)
{
	wipe(hello_sk(x, h), CRYPTO_KEY);
	wipe(h, sizeof(*h));
}

/* End hellos older than HELLO_MS: each is a failure. */
static void hellos_expire(struct sessions *x, uint64_t now_ms, uint64_t mono_ms)
{
	for (unsigned i = 0; i < HELLO_TABLE; i++) {
		if (x->hello[i].used && mono_ms - x->hello[i].mono_ms >= HELLO_MS) {
			hello_end(x, &x->hello[i]);
			failed(x, now_ms);
		}
	}
}

static unsigned hellos_of(const struct sessions *x, uint32_t uid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HELLO_TABLE; i++)
		n += x->hello[i].used && x->hello[i].uid == uid;
	return n;
}

/* The uid with most hellos. */
static uint32_t hellos_most(const struct sessions *x)
{
	unsigned most = 0, n;
	uint32_t uid = 0;

	for (unsigned i = 0; i < HELLO_TABLE; i++) {
		if (x->hello[i].used && (n = hellos_of(x, x->hello[i].uid)) > most) {
			most = n;
			uid = x->hello[i].uid;
		}
	}
	return uid;
}

/*
 * A free place for a hello of this uid. Hellos need no credentials, so they must keep nobody out: a uid with its share of
 * them loses its oldest, and if several uids fill the table, the one with most does.
 */
static struct hello *hello_place(struct sessions *x, uint32_t uid, uint64_t now_ms)
{
	struct hello *oldest = NULL;

	if (hellos_of(x, uid) < HELLO_PER_UID) {
		for (unsigned i = 0; i < HELLO_TABLE; i++) {
			if (!x->hello[i].used)
				return &x->hello[i];
		}
		uid = hellos_most(x);
	}
	for (unsigned i = 0; i < HELLO_TABLE; i++) {
		if (x->hello[i].used && x->hello[i].uid == uid && (oldest == NULL || x->hello[i].number < oldest->number))
			oldest = &x->hello[i];
	}
	assert(oldest != NULL);		/* the uid has its share, or most of a full table */
	hello_end(x, oldest);
	failed(x, now_ms);
	return oldest;
}

/* A role to be shown in a hello's answer. */
struct pick {
	uint16_t role;
	uint32_t epoch;
	int real;		/* number of the principal's wrap, or -1 */
	uint64_t score;
};

static uint64_t pick_score(const struct keys *k, const uint8_t principal[16], uint8_t what, uint16_t role, uint32_t number)
{
	uint8_t in[7] = { what }, h[16];
	const struct part parts[] = { { principal, 16 }, { in, sizeof(in) } };

	be16_put(in + 1, role);
	be32_put(in + 3, number);
	crypto_hash("cv1.decoy", ring_key(k, RING_DECOY), CRYPTO_KEY, parts, 2, h, sizeof(h));
	return be64_get(h);
}

static int pick_cmp(const void *a, const void *b)
{
	uint64_t x = ((const struct pick *)a)->score, y = ((const struct pick *)b)->score;

	return x < y ? -1 : x > y;
}

/*
 * Fill picks[have..ROLE_WRAPS) with the directory's ordinary roles of the least scores, at their newest epochs, leaving out
 * those among the first have ones. Returns how many picks there are then.
 */
static unsigned pick_roles(const struct keys *k, const uint8_t principal[16], uint8_t what, struct pick *picks,
    unsigned have)
{
	struct pick best[ROLE_WRAPS + 1];
	unsigned n = 0;
	size_t roles_n;
	const struct role_entry *e = directory_roles(k, &roles_n);

	/* Personal roles stand behind the others. */
	for (size_t i = 0; i < roles_n && !role_is_personal(e[i].role); i++) {
		bool taken = i + 1 < roles_n && e[i + 1].role == e[i].role;	/* not its newest epoch */

		for (unsigned j = 0; j < have; j++)
			taken = taken || picks[j].role == e[i].role;
		if (taken)
			continue;
		best[n++] = (struct pick){ e[i].role, e[i].epoch, -1, pick_score(k, principal, what, e[i].role, 0) };
		qsort(best, n, sizeof(best[0]), pick_cmp);
		n = n > ROLE_WRAPS ? ROLE_WRAPS : n;
	}
	for (unsigned i = 0; i < n && have < ROLE_WRAPS; i++)
		picks[have++] = best[i];
	return have;
}

/* Some personal role at its newest epoch, by a PRF of the id. False if the directory has none. */
static bool pick_personal(const struct keys *k, const uint8_t principal[16], struct pick *ret)
{
	size_t n, first, at;
	const struct role_entry *e = directory_roles(k, &n);

	for (first = n; first > 0 && role_is_personal(e[first - 1].role); first--)
		;
	if (first == n)
		return false;
	at = first + (size_t)(pick_score(k, principal, DECOY_PERSONAL, 0, 0) % (n - first));
	while (at + 1 < n && e[at + 1].role == e[at].role)
		at++;
	*ret = (struct pick){ e[at].role, e[at].epoch, -1, 0 };
	return true;
}

/*
 * Eight roles: the principal's own, then others as real. What fills up, and the order, come from a PRF of the id and do
 * not depend on which are real, nor on whether the id is known. One is personal in each answer, since everybody has one.
 */
static void pick_all(const struct keys *k, const uint8_t principal[16], const struct role_wrap *real, unsigned real_n,
    struct pick picks[ROLE_WRAPS])
{
	struct pick again[ROLE_WRAPS];
	unsigned n = real_n, again_n;
	struct pick personal;
	bool one = pick_personal(k, principal, &personal);

	for (unsigned i = 0; i < real_n; i++) {
		picks[i] = (struct pick){ real[i].role, real[i].epoch, (int)i, 0 };
		one = one && !role_is_personal(real[i].role);
	}
	if (one && n < ROLE_WRAPS)
		picks[n++] = personal;
	n = pick_roles(k, principal, DECOY_CHOICE, picks, n);
	/* Fewer roles than places: some stand twice. */
	again_n = pick_roles(k, principal, DECOY_REPEAT, again, 0);
	for (unsigned i = 0; n < ROLE_WRAPS; i++, n++)
		picks[n] = again_n != 0 ? again[i % again_n] : (struct pick){ 1, 1, -1, 0 };
	for (unsigned i = 0; i < ROLE_WRAPS; i++) {
		uint32_t copy = 0;

		for (unsigned j = 0; j < i; j++)
			copy += picks[j].role == picks[i].role;
		picks[i].score = pick_score(k, principal, DECOY_ORDER, picks[i].role, copy);
	}
	qsort(picks, ROLE_WRAPS, sizeof(picks[0]), pick_cmp);
}

/*
 * The same work for every id. A decoy begins with a public key, as a real wrap does: random bytes would be no point of
 * the curve half the time, which tells.
 */
static void hello_wraps(struct keys *k, const uint8_t principal[16], uint64_t now_ms, struct role_wrap ret[ROLE_WRAPS])
{
	struct role_wrap real[ROLE_WRAPS];
	struct pick picks[ROLE_WRAPS];
	uint8_t decoy[SEALED_ROLE];
	unsigned n = directory_role_wraps(k, principal, now_ms, real);

	if (!directory_enabled(directory_principal(k, principal), now_ms))
		n = 0;
	pick_all(k, principal, real, n, picks);
	for (unsigned i = 0; i < ROLE_WRAPS; i++) {
		keys_decoy(k, principal, (uint8_t)i, decoy, sizeof(decoy));
		crypto_box_public(decoy, ret[i].wrap);
		memcpy(ret[i].wrap + CRYPTO_KEY, decoy + CRYPTO_KEY, sizeof(decoy) - CRYPTO_KEY);
		ret[i].role = picks[i].role;
		ret[i].epoch = picks[i].epoch;
		if (picks[i].real >= 0)
			memcpy(ret[i].wrap, real[picks[i].real].wrap, SEALED_ROLE);
	}
	wipe(decoy, sizeof(decoy));
}

int session_hello(struct keys *k, uint32_t uid, const uint8_t principal[16], const uint8_t q[32], uint64_t now_ms,
    uint64_t mono_ms, struct hello_answer *ret)
{
	uint32_t now_s = (uint32_t)(mono_ms / 1000);
	struct sessions *x;
	struct hello *h;
	int r;

	assert(k->ring != NULL);
	if ((r = sessions_get(k, &x)) != 0)
		return r;
	hellos_expire(x, now_ms, mono_ms);
	if (failures_limited(x->failures, uid, principal, now_s))
		return CV_ERR_LIMIT;
	failures_add(x->failures, uid, principal, now_s);
	h = hello_place(x, uid, now_ms);
	h->used = true;
	h->number = ++x->numbers;
	h->uid = uid;
	h->mono_ms = mono_ms;
	memcpy(h->principal, principal, 16);
	crypto_random(h->id, sizeof(h->id));
	crypto_random(hello_sk(x, h), CRYPTO_KEY);
	crypto_box_public(hello_sk(x, h), h->epk);
	memcpy(ret->session, h->id, 16);
	memcpy(ret->ephemeral_pk, h->epk, 32);
	keys_pepper_answer(k, principal, q, ret->answer);
	hello_wraps(k, principal, now_ms, ret->wraps);
	return 0;
}

/* ---- activation ---------------------------------------------------------------------------------------------------------- */

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

/* Open one sealed role key and hold it against the directory. ret_until_ms is lowered to the membership's end. */
static int role_open(const struct keys *k, const struct hello *h, const struct sealed_role *role, uint64_t now_ms,
    uint8_t ret_sk[32], uint64_t *ret_until_ms)
{
	const struct member_entry *member = directory_member(k, h->principal, role->role, role->epoch);
	const struct role_entry *entry = directory_role_entry(k, role->role, role->epoch);
	uint8_t ctx[CONTEXT_BYTES], pk[32];

	if (member == NULL || entry == NULL || entry->status == DIR_STATUS_DESTROYED ||
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

static int secret_cmp(const void *a, const void *b)
{
	const struct held_secret *x = *(struct held_secret *const *)a, *y = *(struct held_secret *const *)b;

	if (x->of.class_key != y->of.class_key)
		return x->of.class_key < y->of.class_key ? -1 : 1;
	return x->of.epoch < y->of.epoch ? -1 : x->of.epoch > y->of.epoch;
}

/* Open one grant with a role's secret key into the session. */
static int grant_open(struct keys *k, struct session *s, const struct grant_entry *g, const uint8_t role_sk[32])
{
	const struct class_entry *e = directory_class_entry(k, g->class_key, g->epoch);
	uint8_t ctx[CONTEXT_BYTES], sk[32], pk[32];
	struct held_secret *c;
	int r = CV_ERR_AUTH;

	if (e == NULL)
		return CV_ERR_AUTH;
	if (e->status == DIR_STATUS_DESTROYED)
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
	if (memcmp(pk, e->pk, 32) != 0)
		goto out;
	r = CV_ERR_NOMEM;
	if ((c = slab_hold(k->sessions, (struct secret_of){ .class_key = e->class_key, .epoch = e->epoch }, pk, sk)) == NULL)
		goto out;
	r = 0;
	for (unsigned i = 0; i < s->secrets_n; i++) {
		if (s->secrets[i] == c) {
			slab_release(c);	/* another role of this session gave it already */
			goto out;
		}
	}
	s->secrets[s->secrets_n++] = c;
out:
	wipe(sk, sizeof(sk));
	return r;
}

static int grants_open(struct keys *k, struct session *s, const struct sealed_role *role, const uint8_t role_sk[32])
{
	size_t n;
	const struct grant_entry *g = directory_grants(k, &n);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (g[i].role == role->role && g[i].role_epoch == role->epoch &&
		    (r = grant_open(k, s, &g[i], role_sk)) == CV_ERR_AUTH)
			log_error("session: a grant of class key %08x to role %u does not open", g[i].class_key, g[i].role);
	}
	return r;
}

/* What a role gives the session: a personal one its own key, for what is granted to the person; another its classes. */
static int role_take(struct keys *k, struct session *s, const struct sealed_role *role, const uint8_t role_sk[32])
{
	struct held_secret *c;
	uint8_t pk[32];

	if (!role_is_personal(role->role)) {
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

/* The secrets of a session, then its table entries; the caller has found room. */
static void session_enter(struct keys *k, struct session *s, const uint8_t token[32])
{
	struct sessions *x = k->sessions;
	uint16_t *bucket, index = 0;

	while (x->session[index] != NULL)
		index++;
	qsort(s->secrets, s->secrets_n, sizeof(s->secrets[0]), secret_cmp);
	crypto_hash("cv1.token", NULL, 0, &(struct part){ token, 32 }, 1, s->token_hash, sizeof(s->token_hash));
	bucket = &x->token[be32_get(s->token_hash) & (TOKEN_BUCKETS - 1)];
	s->index = index;
	s->number = ++x->numbers;
	s->next = *bucket;
	*bucket = (uint16_t)(index + 1);
	x->session[index] = s;
	x->count++;
}

/* Give up a session's secrets. */
static void session_release(struct session *s)
{
	for (unsigned i = 0; i < s->secrets_n; i++)
		slab_release(s->secrets[i]);
	for (unsigned i = 0; i < s->personal_n; i++)
		slab_release(s->personal[i]);
	free(s->secrets);
	wipe(s, sizeof(*s));
	free(s);
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

/* A session of a hello's principal without any secret yet, with room for all of the roles' grants. NULL: no memory. */
static struct session *session_new(const struct keys *k, const struct hello *h, const struct sealed_role *roles, unsigned n)
{
	struct session *s = calloc(1, sizeof(*s));
	size_t grants_n, room = 0;
	const struct grant_entry *g = directory_grants(k, &grants_n);

	for (size_t i = 0; i < grants_n; i++) {
		for (unsigned j = 0; j < n; j++)
			room += g[i].role == roles[j].role && g[i].role_epoch == roles[j].epoch;
	}
	if (s == NULL || (s->secrets = calloc(room + 1, sizeof(s->secrets[0]))) == NULL) {
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
	if ((s = session_new(k, h, roles, n)) == NULL) {
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

static struct hello *hello_find(struct sessions *x, const uint8_t id[16])
{
	for (unsigned i = 0; i < HELLO_TABLE; i++) {
		if (x->hello[i].used && memcmp(x->hello[i].id, id, 16) == 0)
			return &x->hello[i];
	}
	return NULL;
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
		failed(x, now_ms);
		return CV_ERR_AUTH;
	}
	memcpy(ret_principal_id, h->principal, 16);
	if ((r = activate(k, h, uid, roles, n, signature, now_ms, mono_ms, &s)) == 0 && (r = make_room(k, s, ended, cookie)) != 0) {
		session_release(s);
		return r;	/* the hello lives on: its owner may try again */
	}
	if (r == CV_ERR_AUTH)
		failed(x, now_ms);
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

/* ---- sessions -------------------------------------------------------------------------------------------------------------- */

static bool session_live(const struct keys *k, const struct session *s, uint64_t now_ms, uint64_t mono_ms)
{
	return mono_ms - s->used_mono_ms < SESSION_IDLE_MS && mono_ms < s->end_mono_ms &&
	    directory_enabled(directory_principal(k, s->principal), now_ms);
}

struct session *session_find(struct keys *k, const uint8_t token[32], uint32_t uid, uint64_t now_ms, uint64_t mono_ms)
{
	struct sessions *x = k->sessions;
	struct session *s = NULL;
	uint8_t h[32];

	if (x == NULL)
		return NULL;
	crypto_hash("cv1.token", NULL, 0, &(struct part){ token, 32 }, 1, h, sizeof(h));
	for (uint16_t i = x->token[be32_get(h) & (TOKEN_BUCKETS - 1)]; i != 0; i = x->session[i - 1]->next) {
		if (crypto_equal(x->session[i - 1]->token_hash, h, sizeof(h))) {
			s = x->session[i - 1];
			break;
		}
	}
	/* A token from another uid was carried off: it gets nothing, and its owner keeps the session. */
	if (s == NULL || s->uid != uid || !session_live(k, s, now_ms, mono_ms))
		return NULL;
	s->used_mono_ms = mono_ms;
	return s;
}

void session_close(struct keys *k, struct session *s)
{
	struct sessions *x = k->sessions;
	uint16_t *at = &x->token[be32_get(s->token_hash) & (TOKEN_BUCKETS - 1)];

	while (*at != s->index + 1)
		at = &x->session[*at - 1]->next;
	*at = s->next;
	x->session[s->index] = NULL;
	x->count--;
	session_release(s);
}

void session_close_all(struct keys *k, const uint8_t principal[16], session_ended *ended, void *cookie)
{
	struct sessions *x = k->sessions;

	for (unsigned i = 0; x != NULL && i < SESSION_MAX; i++) {
		if (x->session[i] == NULL || memcmp(x->session[i]->principal, principal, 16) != 0)
			continue;
		if (ended != NULL)
			ended(cookie, x->session[i]);
		session_close(k, x->session[i]);
	}
}

void session_sweep(struct keys *k, uint64_t now_ms, uint64_t mono_ms, session_ended *ended, void *cookie)
{
	struct sessions *x = k->sessions;

	if (x == NULL)
		return;
	hellos_expire(x, now_ms, mono_ms);
	for (unsigned i = 0; i < SESSION_MAX; i++) {
		if (x->session[i] == NULL || session_live(k, x->session[i], now_ms, mono_ms))
			continue;
		if (ended != NULL)
			ended(cookie, x->session[i]);
		session_close(k, x->session[i]);
	}
}

unsigned session_count(const struct keys *k)
{
	return k->sessions != NULL ? k->sessions->count : 0;
}

const uint8_t *session_id(const struct session *s)
{
	return s->id;
}

const struct principal *session_principal(const struct keys *k, const struct session *s)
{
	return directory_principal(k, s->principal);
}

const uint16_t *session_roles(const struct session *s, unsigned *ret_n)
{
	*ret_n = s->roles_n;
	return s->roles;
}

uint64_t session_expires_ms(const struct session *s)
{
	return s->expires_ms;
}

/* The number of secrets of class keys and epochs before (class_key, epoch). */
static unsigned secrets_below(const struct session *s, uint32_t class_key, uint32_t epoch)
{
	unsigned low = 0, high = s->secrets_n;

	while (low < high) {
		unsigned mid = (low + high) / 2;
		const struct held_secret *c = s->secrets[mid];

		if (c->of.class_key < class_key || (c->of.class_key == class_key && c->of.epoch < epoch))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool session_has_class(const struct session *s, uint32_t class_key)
{
	return session_class_epoch(s, class_key) != 0;
}

uint32_t session_class_epoch(const struct session *s, uint32_t class_key)
{
	unsigned above = secrets_below(s, class_key, UINT32_MAX);	/* epochs stay far below */

	return above > 0 && s->secrets[above - 1]->of.class_key == class_key ? s->secrets[above - 1]->of.epoch : 0;
}

bool session_class_keys(const struct session *s, uint32_t class_key, uint32_t epoch, struct class_keys *ret)
{
	unsigned at = secrets_below(s, class_key, epoch);
	const struct held_secret *c = at < s->secrets_n ? s->secrets[at] : NULL;

	if (c == NULL || c->of.class_key != class_key || c->of.epoch != epoch)
		return false;
	*ret = (struct class_keys){ c->bytes, c->bytes + CRYPTO_KEY, c->pk };
	return true;
}

const uint8_t *session_personal_key(const struct session *s, uint16_t role, uint32_t epoch)
{
	for (unsigned i = 0; i < s->personal_n; i++) {
		if (s->personal[i]->of.role == role && s->personal[i]->of.epoch == epoch)
			return s->personal[i]->bytes;
	}
	return NULL;
}

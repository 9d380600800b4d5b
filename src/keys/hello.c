/* Hellos: what anybody may ask before they prove who they are, answered alike for every id. docs/PROTOCOL.md section 4. */
#include "keys/failures.h"
#include "keys/session_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

#define HELLO_PER_UID 128u		/* of them for one uid */

/* Places of the decoy PRF beside those of the wraps (0 to 7). */
#define DECOY_PERSONAL 0xF0u
#define DECOY_CHOICE 0xF1u
#define DECOY_REPEAT 0xF2u
#define DECOY_ORDER 0xF3u

/* ---- failures ----------------------------------------------------------------------------------------------------------- */

void hello_failed(struct sessions *x, uint64_t now_ms)
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

uint8_t *hello_sk(const struct sessions *x, const struct hello *h)
{
	return x->hello_sk->bytes + (size_t)(h - x->hello) * CRYPTO_KEY;
}

void hello_end(struct sessions *x, struct hello *h)
{
	wipe(hello_sk(x, h), CRYPTO_KEY);
	wipe(h, sizeof(*h));
}

void hellos_expire(struct sessions *x, uint64_t now_ms, uint64_t mono_ms)
{
	for (unsigned i = 0; i < HELLO_TABLE; i++) {
		if (x->hello[i].used && mono_ms - x->hello[i].mono_ms >= HELLO_MS) {
			hello_end(x, &x->hello[i]);
			hello_failed(x, now_ms);
		}
	}
}

struct hello *hello_find(struct sessions *x, const uint8_t id[16])
{
	for (unsigned i = 0; i < HELLO_TABLE; i++) {
		if (x->hello[i].used && memcmp(x->hello[i].id, id, 16) == 0)
			return &x->hello[i];
	}
	return NULL;
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
	hello_failed(x, now_ms);
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

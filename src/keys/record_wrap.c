/* Data keys and their wraps. FORMAT.md 4.2. */
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "keys/record_internal.h"

#define ZERO_NONCE (const uint8_t[12]){ 0 }

_Static_assert(sizeof(((struct datakey *)0)->opaque) == CRYPTO_KEY, "a data key");

void record_datakey_random(struct datakey *ret)
{
	crypto_random(ret->opaque, sizeof(ret->opaque));
}

/*
 * The context tells the wraps of one group apart, so that each is under a key of its own. It names the wrapping epoch; the
 * birth epoch is held by the row's context.
 */
static void wrap_context(const struct keys *k, const uint8_t record[16], const struct wrap *w, uint8_t ret[CONTEXT_BYTES])
{
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_WRAP, .entity = record, .class_key = w->class_key,
	    .epoch = w->wrapping_epoch, .generation = w->generation, .version = w->drop_version, .length = CRYPTO_KEY), ret);
}

/* The key of a type 2 wrap. */
static void kek_key(const uint8_t kek[32], const uint8_t nonce[24], const uint8_t ctx[CONTEXT_BYTES], uint8_t ret[32])
{
	uint8_t in[CRYPTO_NONCE + CONTEXT_BYTES];
	struct part part = { in, sizeof(in) };

	memcpy(in, nonce, CRYPTO_NONCE);
	memcpy(in + CRYPTO_NONCE, ctx, CONTEXT_BYTES);
	crypto_hash("cv1.wrap", kek, CRYPTO_KEY, &part, 1, ret, CRYPTO_KEY);
}

/* The key of a type 3 wrap, from the agreement. */
static void agreed_key(const uint8_t ss[32], const uint8_t epk[32], const uint8_t pk[32], const uint8_t nonce[24],
    const uint8_t ctx[CONTEXT_BYTES], uint8_t ret[32])
{
	uint8_t in[32 + 32 + CRYPTO_NONCE + CONTEXT_BYTES];
	struct part part = { in, sizeof(in) };

	memcpy(in, epk, 32);
	memcpy(in + 32, pk, 32);
	memcpy(in + 64, nonce, CRYPTO_NONCE);
	memcpy(in + 64 + CRYPTO_NONCE, ctx, CONTEXT_BYTES);
	crypto_hash("cv1.wrap3", ss, CRYPTO_KEY, &part, 1, ret, CRYPTO_KEY);
}

int record_wrap_open(const struct keys *k, const struct class_keys *class, const uint8_t *agreed, const uint8_t record[16],
    const struct wrap *w, uint8_t ret[CRYPTO_KEY])
{
	uint8_t ctx[CONTEXT_BYTES], key[CRYPTO_KEY] = { 0 }, ss[32] = { 0 }, dk[CRYPTO_KEY] = { 0 };
	int r;

	wrap_context(k, record, w, ctx);
	if (w->type == WRAP_TYPE_CLASS) {
		kek_key(class->kek, w->nonce, ctx, key);
	} else {
		if (agreed == NULL && (r = crypto_agree(class->sk, w->epk, ss)) != 0)
			goto out;
		agreed_key(agreed != NULL ? agreed : ss, w->epk, class->pk, w->nonce, ctx, key);
	}
	if ((r = crypto_cell_open(key, ZERO_NONCE, NULL, 0, w->ciphertext, WRAP_BYTES, dk)) != 0)
		goto out;
	memcpy(ret, dk, CRYPTO_KEY);
out:
	wipe(key, sizeof(key));
	wipe(ss, sizeof(ss));
	wipe(dk, sizeof(dk));
	return r;
}

int record_unwrap(struct keys *k, const struct session *s, const uint8_t record[16], const struct wrap *w,
    struct datakey *ret)
{
	struct class_keys class;

	if (!session_class_keys(s, w->class_key, w->wrapping_epoch, &class))
		return CV_ERR_NOKEY;
	return record_wrap_open(k, &class, NULL, record, w, ret->opaque);
}

/* ---- making wraps ------------------------------------------------------------------------------------------------ */

/* Requests that stand for one place twice would put two data keys under one key. */
static bool requests_valid(const struct wrap_request *reqs, unsigned n)
{
	if (n == 0 || n > UINT8_MAX)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if ((reqs[i].generation == 0) != (reqs[i].drop_version != 0))
			return false;
		for (unsigned j = 0; j < i; j++)
			if (reqs[i].class_key == reqs[j].class_key && reqs[i].generation == reqs[j].generation &&
			    reqs[i].drop_version == reqs[j].drop_version)
				return false;
	}
	return true;
}

/* What the wrap of a request says, without its ciphertext. */
static struct wrap wrap_of(const struct wrap_request *q, uint8_t type, const uint8_t nonce[24], uint32_t epoch)
{
	return (struct wrap){
		.type = type, .nonce = nonce, .class_key = q->class_key, .generation = q->generation,
		.birth_epoch = q->birth_epoch != 0 ? q->birth_epoch : epoch, .wrapping_epoch = epoch,
		.drop_version = q->drop_version,
	};
}

static void wrap_put(struct buf *ret, struct wrap *w, const uint8_t key[32], const uint8_t dk[CRYPTO_KEY])
{
	uint8_t c[WRAP_BYTES];

	crypto_cell_seal(key, ZERO_NONCE, NULL, 0, dk, CRYPTO_KEY, c);
	w->ciphertext = c;
	wraps_put(ret, w);
	w->ciphertext = NULL;
}

void record_wrap_put(const struct keys *k, const uint8_t kek[32], const uint8_t record[16], struct wrap *w,
    const uint8_t dk[CRYPTO_KEY], struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES], key[CRYPTO_KEY];

	wrap_context(k, record, w, ctx);
	kek_key(kek, w->nonce, ctx, key);
	wrap_put(ret, w, key, dk);
	wipe(key, sizeof(key));
}

/* The end of both: what was appended stays only if all of it fitted. */
static int wraps_end(struct buf *ret, size_t start, int r)
{
	if (r == 0 && !buf_ok(ret))
		r = CV_ERR_NOMEM;
	if (r != 0)
		buf_cut(ret, start);
	return r;
}

int record_wrap2(struct keys *k, const struct session *s, const uint8_t record[16], const struct wrap_request *reqs,
    unsigned n, struct buf *ret, uint32_t *ret_birth)
{
	uint8_t nonce[CRYPTO_NONCE];

	/* Fresh for each group: no wrap key is ever made twice. */
	crypto_random(nonce, sizeof(nonce));
	return record_wrap2_with(k, s, record, reqs, n, nonce, ret, ret_birth);
}

int record_wrap2_with(struct keys *k, const struct session *s, const uint8_t record[16], const struct wrap_request *reqs,
    unsigned n, const uint8_t nonce[24], struct buf *ret, uint32_t *ret_birth)
{
	uint32_t birth[UINT8_MAX];
	size_t start = ret->n;
	int r = 0;

	if (!requests_valid(reqs, n))
		return CV_ERR_ARG;
	wraps_group(ret, WRAP_TYPE_CLASS, n, nonce, NULL);
	for (unsigned i = 0; i < n; i++) {
		uint32_t epoch = session_class_epoch(s, reqs[i].class_key);
		struct wrap w = wrap_of(&reqs[i], WRAP_TYPE_CLASS, nonce, epoch);
		struct class_keys class;

		if (epoch == 0 || !session_class_keys(s, reqs[i].class_key, epoch, &class)) {
			r = CV_ERR_NOKEY;
			break;
		}
		record_wrap_put(k, class.kek, record, &w, reqs[i].key->opaque, ret);
		birth[i] = w.birth_epoch;
	}
	if ((r = wraps_end(ret, start, r)) == 0 && ret_birth != NULL)
		memcpy(ret_birth, birth, n * sizeof(*birth));
	return r;
}

/* The turn's secrets with its ephemeral pair, which esk becomes if there is none yet. NULL: no memory. */
static struct turn *turn_ephemeral(struct keys *k, const uint8_t esk[32])
{
	struct turn *t = record_turn(k);

	if (t != NULL && t->has_ephemeral == 0) {
		memcpy(t->esk, esk, 32);
		crypto_box_public(t->esk, t->epk);
		t->has_ephemeral = 1;
	}
	return t;
}

/*
 * The turn's agreement with a class's newest public key. A full table gives up its first place: agreeing once more costs time,
 * nothing else. 0, CV_ERR_NOTFOUND, or CV_ERR_CRYPTO for a public key of low order.
 */
static int turn_class(struct keys *k, struct turn *t, uint32_t class_key, const struct turn_class **ret)
{
	struct turn_class *c = NULL;
	uint8_t pk[32], ss[32] = { 0 };
	uint32_t epoch;
	int r;

	if ((r = directory_class(k, class_key, &epoch, pk)) != 0)
		return r;
	for (unsigned i = 0; i < t->classes; i++) {
		c = &t->class[i];
		if (c->class_key == class_key && c->epoch == epoch && memcmp(c->pk, pk, 32) == 0) {
			*ret = c;
			return 0;
		}
	}
	if ((r = crypto_agree(t->esk, pk, ss)) != 0)
		goto out;
	c = t->classes < TURN_CLASSES ? &t->class[t->classes++] : &t->class[0];
	c->class_key = class_key;
	c->epoch = epoch;
	memcpy(c->pk, pk, 32);
	memcpy(c->ss, ss, 32);
	*ret = c;
out:
	wipe(ss, sizeof(ss));
	return r;
}

int record_wrap3(struct keys *k, const uint8_t record[16], const struct wrap_request *reqs, unsigned n, struct buf *ret,
    uint32_t *ret_birth)
{
	uint8_t nonce[CRYPTO_NONCE], esk[32];
	int r;

	/* N is fresh for each group, the ephemeral secret for each turn. */
	crypto_random(nonce, sizeof(nonce));
	crypto_random(esk, sizeof(esk));
	r = record_wrap3_with(k, record, reqs, n, nonce, esk, ret, ret_birth);
	wipe(esk, sizeof(esk));
	return r;
}

int record_wrap3_with(struct keys *k, const uint8_t record[16], const struct wrap_request *reqs, unsigned n,
    const uint8_t nonce[24], const uint8_t esk[32], struct buf *ret, uint32_t *ret_birth)
{
	uint8_t ctx[CONTEXT_BYTES], key[CRYPTO_KEY] = { 0 };
	const struct turn_class *class;
	uint32_t birth[UINT8_MAX];
	size_t start = ret->n;
	struct turn *t;
	int r = 0;

	if (!requests_valid(reqs, n))
		return CV_ERR_ARG;
	if ((t = turn_ephemeral(k, esk)) == NULL)
		return CV_ERR_NOMEM;
	wraps_group(ret, WRAP_TYPE_PUBLIC, n, nonce, t->epk);
	for (unsigned i = 0; i < n && (r = turn_class(k, t, reqs[i].class_key, &class)) == 0; i++) {
		struct wrap w = wrap_of(&reqs[i], WRAP_TYPE_PUBLIC, nonce, class->epoch);

		wrap_context(k, record, &w, ctx);
		agreed_key(class->ss, t->epk, class->pk, nonce, ctx, key);
		wrap_put(ret, &w, key, reqs[i].key->opaque);
		birth[i] = w.birth_epoch;
	}
	wipe(key, sizeof(key));
	if ((r = wraps_end(ret, start, r)) == 0 && ret_birth != NULL)
		memcpy(ret_birth, birth, n * sizeof(*birth));
	return r;
}

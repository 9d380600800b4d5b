/* Data keys: made, derived again, wrapped for newer epochs. FORMAT.md 4.2. */
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "keys/record_internal.h"

#define ZERO_NONCE (const uint8_t[12]){ 0 }
_Static_assert(sizeof(((struct datakey *)0)->opaque) == CRYPTO_KEY, "a data key");
_Static_assert(WRAP_SALT == 16 && CRYPTO_KEY + CONTEXT_BYTES <= CRYPTO_ONE_BLOCK,
    "a salt is as long as a writer, and a data key is made of one block");

/* What tells the entries of all records apart: room for class public key and epk, then salt or N, then the context. */
struct entry_info {
	uint8_t p[2 * CRYPTO_KEY + CRYPTO_NONCE + CONTEXT_BYTES];
};
#define INFO_AT (2 * CRYPTO_KEY)

/*
 * Write an entry's salt, or the N of its group, and its context, which tells the entries of one group apart, so that each has a key of its
 * own. It names the wrapping epoch; the birth epoch is held by the row's context. Returns how many bytes from INFO_AT on.
 */
static size_t entry_info(const struct keys *k, const uint8_t record[16], const struct wrap *w, struct entry_info *ret)
{
	size_t n = w->type == WRAP_TYPE_CLASS ? CRYPTO_NONCE : WRAP_SALT;

	memcpy(ret->p + INFO_AT, w->type == WRAP_TYPE_CLASS ? w->nonce : w->salt, n);
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_WRAP, .entity = record, .class_key = w->class_key,
	    .epoch = w->wrapping_epoch, .generation = w->generation, .version = w->drop_version, .length = CRYPTO_KEY),
	    ret->p + INFO_AT + n);
	return n + CONTEXT_BYTES;
}

/* The data key of a type 1 entry, of which a request makes many: its salt stands in the context, where a row has its writer. */
static void derived_key(const struct keys *k, const uint8_t kek[32], const uint8_t record[16], const struct wrap *w, uint8_t ret[32])
{
	uint8_t ctx[CONTEXT_BYTES];

	context_encode(CONTEXT_OF(k, .kind = CONTEXT_WRAP, .entity = record, .class_key = w->class_key, .epoch = w->wrapping_epoch,
	    .generation = w->generation, .version = w->drop_version, .writer = w->salt, .length = CRYPTO_KEY), ctx);
	crypto_hash_block("cv1.datakey", kek, ctx, sizeof(ctx), ret, CRYPTO_KEY);
}

/* The key of a type 2 wrap. */
static void wrap_key(const struct keys *k, const uint8_t kek[32], const uint8_t record[16], const struct wrap *w, uint8_t ret[32])
{
	__attribute__((uninitialized)) struct entry_info info;
	size_t n = entry_info(k, record, w, &info);
	struct part part = { info.p + INFO_AT, n };

	crypto_hash("cv1.wrap", kek, CRYPTO_KEY, &part, 1, ret, CRYPTO_KEY);
}

/* The data key of a type 3 entry, from the agreement. */
static void agreed_key(const struct keys *k, const uint8_t ss[32], const uint8_t pk[32], const uint8_t record[16], const struct wrap *w,
    uint8_t ret[32])
{
	__attribute__((uninitialized)) struct entry_info info;
	size_t n = entry_info(k, record, w, &info);
	struct part part = { info.p, INFO_AT + n };

	memcpy(info.p, w->epk, CRYPTO_KEY);
	memcpy(info.p + CRYPTO_KEY, pk, CRYPTO_KEY);
	crypto_hash("cv1.datakey3", ss, CRYPTO_KEY, &part, 1, ret, CRYPTO_KEY);
}

static int unwrap(const struct keys *k, const uint8_t kek[32], const uint8_t record[16], const struct wrap *w, uint8_t ret[CRYPTO_KEY])
{
	uint8_t key[CRYPTO_KEY], dk[CRYPTO_KEY];
	int r;

	wrap_key(k, kek, record, w, key);
	if ((r = crypto_cell_open(key, ZERO_NONCE, NULL, 0, w->ciphertext, WRAP_BYTES, dk)) == 0)
		memcpy(ret, dk, CRYPTO_KEY);
	wipe(key, sizeof(key));
	wipe(dk, sizeof(dk));
	return r;
}

int record_wrap_open(const struct keys *k, const struct class_keys *class, const uint8_t *agreed, const uint8_t record[16],
    const struct wrap *w, uint8_t ret[CRYPTO_KEY])
{
	uint8_t ss[32];
	int r = 0;

	if (w->type == WRAP_TYPE_DERIVED) {
		derived_key(k, class->kek, record, w, ret);
	} else if (w->type == WRAP_TYPE_CLASS) {
		r = unwrap(k, class->kek, record, w, ret);
	} else if (agreed != NULL) {
		agreed_key(k, agreed, class->pk, record, w, ret);
	} else if ((r = crypto_agree(class->sk, w->epk, ss)) == 0) {
		agreed_key(k, ss, class->pk, record, w, ret);
		wipe(ss, sizeof(ss));
	}
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

/* ---- making data keys -------------------------------------------------------------------------------------------- */

int record_fresh_key(struct keys *k, const struct session *s, const uint8_t record[16], struct fresh_keys *x, uint32_t class_key,
    uint32_t generation, struct datakey *ret, uint32_t *ret_birth)
{
	uint32_t epoch = session_class_epoch(s, class_key);
	struct wrap w = { .type = WRAP_TYPE_DERIVED, .class_key = class_key, .generation = generation, .birth_epoch = epoch,
		.wrapping_epoch = epoch };
	struct class_keys class;
	int r;

	if (epoch == 0 || !session_class_keys(s, class_key, epoch, &class))
		return CV_ERR_NOKEY;
	if (generation == 0)
		return CV_ERR_ARG;
	for (unsigned i = 0; i < x->n; i++)
		if (x->of[i].class_key == class_key && x->of[i].generation == generation)
			return CV_ERR_ARG;
	if (x->n == FRESH_KEYS)
		return CV_ERR_LIMIT;
	/* Of its own: no data key is ever made twice, and none can be made again once its entry is gone. */
	crypto_random(x->of[x->n].salt, WRAP_SALT);
	w.salt = x->of[x->n].salt;
	if ((r = record_wrap_open(k, &class, NULL, record, &w, ret->opaque)) != 0)
		return r;
	x->of[x->n].class_key = class_key;
	x->of[x->n].generation = generation;
	x->of[x->n].birth_epoch = epoch;
	x->n++;
	*ret_birth = epoch;
	return 0;
}

void record_fresh_put(struct fresh_keys *x, struct buf *ret, size_t start)
{
	if (x->n == 0)
		return;
	wraps_group(ret, WRAP_TYPE_DERIVED, x->n, NULL, NULL);
	for (unsigned i = 0; i < x->n; i++)
		wraps_put(ret, &(struct wrap){ .type = WRAP_TYPE_DERIVED, .class_key = x->of[i].class_key,
		    .generation = x->of[i].generation, .birth_epoch = x->of[i].birth_epoch, .salt = x->of[i].salt });
	wraps_group_added(ret, start);
	x->n = 0;
}

/* ---- wraps ------------------------------------------------------------------------------------------------------- */

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

void record_wrap_put(const struct keys *k, const uint8_t kek[32], const uint8_t record[16], struct wrap *w,
    const uint8_t dk[CRYPTO_KEY], struct buf *ret)
{
	uint8_t key[CRYPTO_KEY], c[WRAP_BYTES];

	wrap_key(k, kek, record, w, key);
	crypto_cell_seal(key, ZERO_NONCE, NULL, 0, dk, CRYPTO_KEY, c);
	w->ciphertext = c;
	wraps_put(ret, w);
	w->ciphertext = NULL;
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
    unsigned n, struct buf *ret)
{
	uint8_t nonce[CRYPTO_NONCE];

	/* Fresh for each group: no wrap key is ever made twice. */
	crypto_random(nonce, sizeof(nonce));
	return record_wrap2_with(k, s, record, reqs, n, nonce, ret);
}

int record_wrap2_with(struct keys *k, const struct session *s, const uint8_t record[16], const struct wrap_request *reqs,
    unsigned n, const uint8_t nonce[24], struct buf *ret)
{
	size_t start = ret->n;
	int r = 0;

	if (!requests_valid(reqs, n))
		return CV_ERR_ARG;
	wraps_group(ret, WRAP_TYPE_CLASS, n, nonce, NULL);
	for (unsigned i = 0; r == 0 && i < n; i++) {
		uint32_t epoch = session_class_epoch(s, reqs[i].class_key);
		struct wrap w = { .type = WRAP_TYPE_CLASS, .nonce = nonce, .class_key = reqs[i].class_key,
			.generation = reqs[i].generation, .birth_epoch = reqs[i].birth_epoch, .wrapping_epoch = epoch,
			.drop_version = reqs[i].drop_version };
		struct class_keys class;

		if (epoch == 0 || !session_class_keys(s, reqs[i].class_key, epoch, &class))
			r = CV_ERR_NOKEY;
		else if (w.birth_epoch == 0 || w.birth_epoch > epoch)
			r = CV_ERR_ARG;
		else
			record_wrap_put(k, class.kek, record, &w, reqs[i].key->opaque, ret);
	}
	return wraps_end(ret, start, r);
}

/* ---- keys that only readers make again ----------------------------------------------------------------------------- */

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

int record_wrap3(struct keys *k, const uint8_t record[16], struct wrap_request *reqs, unsigned n, struct buf *ret)
{
	__attribute__((uninitialized)) uint8_t salts[UINT8_MAX * WRAP_SALT];
	uint8_t esk[32];
	int r;

	if (n > UINT8_MAX)
		return CV_ERR_ARG;
	/* A salt is fresh for each key, the ephemeral secret for each turn. */
	crypto_random(salts, n * WRAP_SALT);
	crypto_random(esk, sizeof(esk));
	r = record_wrap3_with(k, record, reqs, n, salts, esk, ret);
	wipe(esk, sizeof(esk));
	return r;
}

int record_wrap3_with(struct keys *k, const uint8_t record[16], struct wrap_request *reqs, unsigned n,
    const uint8_t *salts, const uint8_t esk[32], struct buf *ret)
{
	const struct turn_class *class;
	size_t start = ret->n;
	struct turn *t;
	int r = 0;

	if (!requests_valid(reqs, n))
		return CV_ERR_ARG;
	if ((t = turn_ephemeral(k, esk)) == NULL)
		return CV_ERR_NOMEM;
	wraps_group(ret, WRAP_TYPE_PUBLIC, n, NULL, t->epk);
	for (unsigned i = 0; i < n && (r = turn_class(k, t, reqs[i].class_key, &class)) == 0; i++) {
		struct wrap w = { .type = WRAP_TYPE_PUBLIC, .epk = t->epk, .salt = salts + i * WRAP_SALT, .class_key = reqs[i].class_key,
			.generation = reqs[i].generation, .birth_epoch = class->epoch, .wrapping_epoch = class->epoch,
			.drop_version = reqs[i].drop_version };

		agreed_key(k, class->ss, class->pk, record, &w, reqs[i].key->opaque);
		reqs[i].birth_epoch = class->epoch;
		wraps_put(ret, &w);
	}
	return wraps_end(ret, start, r);
}

/* The turn's secrets, heads and digests. FORMAT.md 4.1. */
#include "keys/record.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "keys/record_internal.h"

/* ---- secrets of a turn ------------------------------------------------------------------------------------------- */

struct turn *record_turn(struct keys *k)
{
	if (k->turn == NULL)
		k->turn = secret_new(sizeof(struct turn));
	return k->turn != NULL ? (struct turn *)(void *)k->turn->bytes : NULL;
}

void record_turn_end(struct keys *k)
{
	struct turn *t;

	if (k->turn == NULL)
		return;
	t = (struct turn *)(void *)k->turn->bytes;
	/* Only what was written: the table is large and most turns make no agreement. */
	wipe(t->class, t->classes * sizeof(t->class[0]));
	wipe(t, offsetof(struct turn, class));
}

/*
 * KH of a shred slot. A request opens a head, digests its rows and seals the head again: the last KH is kept until the
 * turn ends. 0 or CV_ERR_NOTFOUND.
 */
static int head_key(struct keys *k, uint32_t slot, uint8_t ret[32])
{
	struct turn *t = record_turn(k);
	const uint8_t *shred = shred_key(k, slot);

	if (shred == NULL)
		return CV_ERR_NOTFOUND;
	if (t != NULL && t->has_head && t->head_slot == slot) {
		memcpy(ret, t->head_key, 32);
		return 0;
	}
	crypto_hash_block("cv1.headkey", ring_key(k, RING_HEAD), shred, CRYPTO_KEY, ret, 32);
	if (t != NULL) {
		memcpy(t->head_key, ret, 32);
		t->head_slot = slot;
		t->has_head = 1;
	}
	return 0;
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static void head_context(const struct keys *k, uint32_t epoch, uint32_t slot, const uint8_t record[16], size_t n,
    uint8_t ret[CONTEXT_BYTES])
{
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_HEAD, .entity = record, .epoch = epoch, .field = slot, .length = n), ret);
}

int record_head_open(struct keys *k, const uint8_t *stored, size_t n, const uint8_t record[16], struct head *ret)
{
	/* Not cleared beforehand: reads are many, and what is read of it was written by then. */
	__attribute__((uninitialized)) uint8_t plain[HEAD_PLAIN_MAX];
	uint8_t id[16], ctx[CONTEXT_BYTES], key[32];
	uint32_t epoch, slot;
	size_t plain_n = 0;
	int r;

	if ((r = head_prefix_decode(stored, n, &epoch, &slot, id)) != 0)
		return r;
	if (n < HEAD_PREFIX + SEAL_OVERHEAD || n - HEAD_PREFIX - SEAL_OVERHEAD > sizeof(plain))
		return CV_ERR_FORMAT;
	/* Somebody put another record's head under this one's serial. */
	if (record != NULL && memcmp(id, record, 16) != 0)
		return CV_ERR_REPLAY;
	if ((r = head_key(k, slot, key)) != 0)
		goto out;
	plain_n = n - HEAD_PREFIX - SEAL_OVERHEAD;
	head_context(k, epoch, slot, id, plain_n, ctx);
	if ((r = crypto_open(key, ctx, stored + HEAD_PREFIX, n - HEAD_PREFIX, plain)) != 0)
		goto out;
	if ((r = head_decode(plain, plain_n, ret)) != 0)
		goto out;
	memcpy(ret->record, id, 16);
	ret->shred_slot = slot;
out:
	wipe(key, sizeof(key));
	wipe(plain, plain_n);
	return r;
}

int record_head_seal(struct keys *k, const struct head *h, struct buf *ret)
{
	uint8_t nonce[CRYPTO_NONCE];

	/* 192 random bits under a key of one record: they do not come twice. */
	crypto_random(nonce, sizeof(nonce));
	return record_head_seal_with(k, h, nonce, ret);
}

int record_head_seal_with(struct keys *k, const struct head *h, const uint8_t nonce[24], struct buf *ret)
{
	/* As above. */
	__attribute__((uninitialized)) uint8_t plain[HEAD_PLAIN_MAX];
	uint8_t ctx[CONTEXT_BYTES], key[32], *out;
	size_t start = ret->n, n = 0;
	int r;

	if ((r = head_key(k, h->shred_slot, key)) != 0)
		goto out;
	if ((r = head_encode(h, plain, &n)) != 0)
		goto out;
	if ((out = buf_add(ret, HEAD_PREFIX + SEAL_OVERHEAD + n)) == NULL) {
		buf_cut(ret, start);
		r = CV_ERR_NOMEM;
		goto out;
	}
	head_prefix_encode(k->epoch, h->shred_slot, h->record, out);
	head_context(k, k->epoch, h->shred_slot, h->record, n, ctx);
	crypto_seal_with(key, nonce, ctx, plain, n, out + HEAD_PREFIX);
out:
	wipe(key, sizeof(key));
	wipe(plain, n);
	return r;
}

/* ---- digests ----------------------------------------------------------------------------------------------------- */

static void digest(struct keys *k, uint32_t slot, const char *label, const struct part *parts, size_t n, uint8_t ret[16])
{
	uint8_t key[32];
	int r = head_key(k, slot, key);

	assert(r == 0);	/* the caller opened this record's head */
	(void)r;
	crypto_hash(label, key, sizeof(key), parts, n, ret, 16);
	wipe(key, sizeof(key));
}

void record_digest_rows(struct keys *k, uint32_t slot, const void *p, size_t n, uint8_t ret[16])
{
	const struct part part = { p, n };

	digest(k, slot, "cv1.digest", &part, 1, ret);
}

void record_digest_drop(struct keys *k, uint32_t slot, const uint8_t before[16], uint64_t version, const void *p, size_t n,
    uint8_t ret[16])
{
	uint8_t at[24];
	const struct part parts[] = { { at, sizeof(at) }, { p, n } };

	memcpy(at, before, 16);
	be64_put(at + 16, version);
	digest(k, slot, "cv1.drop", parts, 2, ret);
}

void record_digest_hist(struct keys *k, uint32_t slot, const uint8_t before[16], const void *key, size_t key_n,
    const void *p, size_t n, uint8_t ret[16])
{
	const struct part parts[] = { { before, 16 }, { key, key_n }, { p, n } };

	digest(k, slot, "cv1.hist", parts, 3, ret);
}

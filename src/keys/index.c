/* Tokens and postings of blind indexes. */
#include "keys/index.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "keys/keys_internal.h"

#define INDEXES 8u

static enum ring_key ring_of(enum ring_key first, uint16_t index)
{
	assert(index >= 1 && index <= INDEXES);
	return (enum ring_key)((unsigned)first + index - 1);
}

void keys_index_token(struct keys *k, uint16_t index, uint32_t epoch, uint8_t bits, const void *p, size_t n, uint8_t ret[16])
{
	uint8_t e[4], key[CRYPTO_KEY];
	const struct part of_epoch = { e, sizeof(e) }, of_value = { p, n };

	assert(k->ring != NULL && bits <= 128);
	be32_put(e, epoch);
	crypto_hash("cv1.blind.key", ring_key(k, ring_of(RING_INDEX, index)), CRYPTO_KEY, &of_epoch, 1, key, sizeof(key));
	crypto_hash(bits == 0 ? "cv1.blind.nid" : "cv1.blind.nb", key, sizeof(key), &of_value, 1, ret, 16);
	wipe(key, sizeof(key));
	for (unsigned i = 0; bits != 0 && i < 16; i++)
		ret[i] = (uint8_t)(ret[i] & (i * 8 >= bits ? 0 : 0xFF00u >> (bits - i * 8 < 8 ? bits - i * 8 : 8)));
}

static void posting_context(struct keys *k, uint16_t index, uint32_t epoch, const uint8_t token[16], uint8_t ret[CONTEXT_BYTES])
{
	context_encode(
	    CONTEXT_OF(k, .kind = CONTEXT_POSTING, .entity = token, .epoch = epoch, .field = index, .length = POSTING_PLAIN), ret);
}

int keys_posting_seal(struct keys *k, uint16_t index, uint32_t epoch, const uint8_t token[16], const uint8_t record[16], struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES], plain[POSTING_PLAIN] = { 0 };

	assert(k->ring != NULL);
	memcpy(plain, record, 16);
	posting_context(k, index, epoch, token, ctx);
	return keys_seal_to(ret, ring_key(k, ring_of(RING_POSTING, index)), ctx, plain, sizeof(plain));
}

int keys_posting_open(struct keys *k, uint16_t index, uint32_t epoch, const uint8_t token[16], const uint8_t *c, size_t n,
    uint8_t ret_record[16])
{
	static const uint8_t zeros[POSTING_PLAIN - 16];
	uint8_t ctx[CONTEXT_BYTES], plain[POSTING_PLAIN];
	int r;

	assert(k->ring != NULL);
	if (n != POSTING_PLAIN + SEAL_OVERHEAD)
		return CV_ERR_FORMAT;
	posting_context(k, index, epoch, token, ctx);
	if ((r = crypto_open(ring_key(k, ring_of(RING_POSTING, index)), ctx, c, n, plain)) != 0)
		return r;
	if (memcmp(plain + 16, zeros, sizeof(zeros)) != 0)
		return CV_ERR_FORMAT;
	memcpy(ret_record, plain, 16);
	return 0;
}

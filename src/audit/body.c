#include "audit/body.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/crypto.h"

/* The largest plaintext of a box: the rest with every text at its greatest length, padded. */
#define PLAIN_MAX 704u

static const uint8_t nonce0[12];	/* each key seals one box */

void body_input(const struct leaf *l, uint8_t ret[BODY_INPUT])
{
	memcpy(ret, l->segment, 16);
	be32_put(ret + 16, l->turn);
	be64_put(ret + 20, l->index);
}

void body_key_hash(const struct leaf *l, const uint8_t key[32], uint8_t ret[32])
{
	uint8_t input[BODY_INPUT];
	const struct part part = { input, sizeof(input) };

	body_input(l, input);
	crypto_hash("cv1.leaf.c", key, 32, &part, 1, ret, 32);
}

void body_keys(const struct leaf *l, const uint8_t log_key[32], struct body_keys *ret)
{
	uint8_t input[BODY_INPUT], both[64];
	const struct part part = { input, sizeof(input) };

	body_input(l, input);
	crypto_hash_block("cv1.leaf.b", log_key, input, sizeof(input), both, sizeof(both));
	memcpy(ret->told, both, 32);
	memcpy(ret->rest, both + 32, 32);
	crypto_hash("cv1.leaf.c", ret->told, 32, &part, 1, ret->told_hash, 32);
	crypto_hash("cv1.leaf.c", ret->rest, 32, &part, 1, ret->rest_hash, 32);
	wipe(both, sizeof(both));
}

static void commit(const uint8_t told_hash[32], const uint8_t rest_hash[32], uint8_t ret[32])
{
	const struct part parts[] = { { told_hash, 32 }, { rest_hash, 32 } };

	crypto_hash("cv1.leaf.c", NULL, 0, parts, 2, ret, 32);
}

void body_commit(const struct body_keys *k, uint8_t ret[32])
{
	commit(k->told_hash, k->rest_hash, ret);
}

void body_tag(const uint8_t day_key[16], uint64_t index, uint8_t ret[16])
{
	uint8_t n[8];

	be64_put(n, index);
	crypto_siphash128(day_key, n, sizeof(n), ret);
}

/* Open n bytes of a box once both hashes make the commitment. */
static int open_box(const struct leaf *l, const uint8_t key[32], const uint8_t told_hash[32], const uint8_t rest_hash[32],
    const uint8_t *box, size_t n, uint8_t plain[PLAIN_MAX])
{
	uint8_t want[32];

	if (l->commit == NULL || n < CRYPTO_TAG || n - CRYPTO_TAG > PLAIN_MAX)
		return CV_ERR_FORMAT;
	commit(told_hash, rest_hash, want);
	if (!crypto_equal(want, l->commit, 32))
		return CV_ERR_AUTH;
	return crypto_cell_open(key, nonce0, l->header, l->header_n, box, n, plain);
}

int body_open_told(const struct leaf *l, const uint8_t key[32], const uint8_t rest_hash[32], struct leaf_detail *ret)
{
	uint8_t hash[32], plain[PLAIN_MAX];
	int r;

	body_key_hash(l, key, hash);
	if ((r = open_box(l, key, hash, rest_hash, l->told, l->told_n, plain)) == 0)
		r = leaf_told_decode(plain, l->told_n - CRYPTO_TAG, ret);
	wipe(plain, sizeof(plain));
	return r;
}

int body_open_rest(const struct leaf *l, const uint8_t key[32], const uint8_t told_hash[32], struct leaf_detail *ret)
{
	uint8_t hash[32], plain[PLAIN_MAX];
	int r;

	body_key_hash(l, key, hash);
	if ((r = open_box(l, key, told_hash, hash, l->rest, l->rest_n, plain)) == 0)
		r = leaf_rest_decode(plain, l->rest_n - CRYPTO_TAG, ret);
	wipe(plain, sizeof(plain));
	return r;
}

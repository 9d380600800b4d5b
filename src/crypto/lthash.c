/*
 * LtHash: a multiset hash of 1,024 lanes of 16 bits. An element becomes lanes that nobody without the key can predict,
 * and the hash of a multiset is the sum of its elements' lanes, in any order.
 */
#include "crypto/crypto.h"

#include <endian.h>

#include "base/buf.h"

#define LANES (LTHASH_BYTES / 2)

_Static_assert(sizeof(((struct lthash *)0)->lane) == LTHASH_BYTES, "lanes");

/* The lanes of one element, as stored in the stream: little-endian. */
static void element(const uint8_t key[32], const struct part *parts, size_t n, uint16_t ret[LANES])
{
	uint8_t seed[CRYPTO_KEY];

	crypto_hash("cv1.set", key, CRYPTO_KEY, parts, n, seed, sizeof(seed));
	crypto_stream(seed, (uint8_t *)ret, LTHASH_BYTES);
	wipe(seed, sizeof(seed));
}

/* Both loops are kept plain so that the compiler turns them into vector additions. */
void lthash_add(struct lthash *h, const uint8_t key[32], const struct part *parts, size_t n)
{
	__attribute__((uninitialized)) uint16_t x[LANES];

	element(key, parts, n, x);
	for (size_t i = 0; i < LANES; i++)
		h->lane[i] = (uint16_t)(h->lane[i] + le16toh(x[i]));
	wipe(x, sizeof(x));
}

void lthash_remove(struct lthash *h, const uint8_t key[32], const struct part *parts, size_t n)
{
	__attribute__((uninitialized)) uint16_t x[LANES];

	element(key, parts, n, x);
	for (size_t i = 0; i < LANES; i++)
		h->lane[i] = (uint16_t)(h->lane[i] - le16toh(x[i]));
	wipe(x, sizeof(x));
}

void lthash_join(struct lthash *h, const struct lthash *other)
{
	for (size_t i = 0; i < LANES; i++)
		h->lane[i] = (uint16_t)(h->lane[i] + other->lane[i]);
}

void lthash_encode(const struct lthash *h, uint8_t ret[LTHASH_BYTES])
{
	for (size_t i = 0; i < LANES; i++) {
		ret[2 * i] = (uint8_t)h->lane[i];
		ret[2 * i + 1] = (uint8_t)(h->lane[i] >> 8);
	}
}

void lthash_decode(struct lthash *h, const uint8_t p[LTHASH_BYTES])
{
	for (size_t i = 0; i < LANES; i++)
		h->lane[i] = (uint16_t)(p[2 * i] | p[2 * i + 1] << 8);
}

void lthash_digest(const struct lthash *h, uint8_t ret[32])
{
	__attribute__((uninitialized)) uint8_t bytes[LTHASH_BYTES];
	struct part part = { bytes, sizeof(bytes) };

	lthash_encode(h, bytes);
	crypto_hash("cv1.state", NULL, 0, &part, 1, ret, 32);
	wipe(bytes, sizeof(bytes));
}

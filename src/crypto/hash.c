#include <sodium.h>	/* before crypto.h, see there */

#include "crypto/crypto.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"

#define LABEL_MAX crypto_generichash_blake2b_PERSONALBYTES
#define OUT_MIN crypto_generichash_blake2b_BYTES_MIN
#define OUT_MAX crypto_generichash_blake2b_BYTES_MAX
#define KEY_MAX crypto_generichash_blake2b_KEYBYTES_MAX

_Static_assert(sizeof(crypto_generichash_blake2b_state) <= sizeof(((struct hash_state *)0)->opaque), "state fits");
_Static_assert(OUT_MIN == 16 && OUT_MAX == 64 && KEY_MAX == 64 && LABEL_MAX == 16, "as crypto.h promises");

static crypto_generichash_blake2b_state *state_of(struct hash_state *h)
{
	return (crypto_generichash_blake2b_state *)(void *)h->opaque;
}

/* The label as a BLAKE2b personalisation. */
static void personal(const char *label, unsigned char ret[LABEL_MAX])
{
	size_t n = strlen(label);

	assert(n >= 1 && n <= LABEL_MAX);
	memset(ret, 0, LABEL_MAX);
	memcpy(ret, label, n);
}

void hash_begin(struct hash_state *h, const char *label, const uint8_t *key, size_t key_n, size_t out_n)
{
	unsigned char who[LABEL_MAX];
	int r;

	assert(key_n <= KEY_MAX && out_n >= OUT_MIN && out_n <= OUT_MAX);
	personal(label, who);
	h->out_n = out_n;
	r = crypto_generichash_blake2b_init_salt_personal(state_of(h), key, key_n, out_n, NULL, who);
	assert(r == 0);
	(void)r;	/* fails for lengths out of range alone, which were checked */
}

void hash_add(struct hash_state *h, const void *p, size_t n)
{
	(void)crypto_generichash_blake2b_update(state_of(h), p, n);	/* cannot fail */
}

void hash_end(struct hash_state *h, uint8_t *ret)
{
	int r = crypto_generichash_blake2b_final(state_of(h), ret, h->out_n);

	assert(r == 0);
	(void)r;	/* fails only for a state that was ended before */
	wipe(h, sizeof(*h));
}

static void hash_parts(const char *label, const uint8_t *key, size_t key_n, const struct part *parts, size_t n, uint8_t *ret,
    size_t out_n)
{
	struct hash_state h;

	hash_begin(&h, label, key, key_n, out_n);
	for (size_t i = 0; i < n; i++)
		hash_add(&h, parts[i].p, parts[i].n);
	hash_end(&h, ret);
}

/* A request costs dozens of these calls, most of them over one part: those take no state and no copy. */
void crypto_hash(const char *label, const uint8_t *key, size_t key_n, const struct part *parts, size_t n, uint8_t *ret,
    size_t out_n)
{
	unsigned char who[LABEL_MAX];
	int r;

	if (n != 1) {
		hash_parts(label, key, key_n, parts, n, ret, out_n);
		return;
	}
	personal(label, who);
	r = crypto_generichash_blake2b_salt_personal(ret, out_n, parts[0].p, parts[0].n, key, key_n, NULL, who);
	assert(r == 0);
	(void)r;	/* fails for lengths out of range alone */
}

void crypto_hash_block(const char *label, const uint8_t key[32], const void *p, size_t n, uint8_t *ret, size_t out_n)
{
	__attribute__((uninitialized)) uint8_t in[CRYPTO_ONE_BLOCK];
	const struct part part = { in, CRYPTO_KEY + n };

	assert(n <= sizeof(in) - CRYPTO_KEY);
	memcpy(in, key, CRYPTO_KEY);
	memcpy(in + CRYPTO_KEY, p, n);
	crypto_hash(label, NULL, 0, &part, 1, ret, out_n);
	wipe(in, CRYPTO_KEY);
}

void crypto_sha256(const struct part *parts, size_t n, uint8_t ret[32])
{
	crypto_hash_sha256_state st;

	crypto_hash_sha256_init(&st);
	for (size_t i = 0; i < n; i++)
		crypto_hash_sha256_update(&st, parts[i].p, parts[i].n);
	crypto_hash_sha256_final(&st, ret);
	wipe(&st, sizeof(st));
}

void crypto_note_key_id(const char *name, uint8_t type, const uint8_t pk[32], uint8_t ret[4])
{
	const uint8_t middle[2] = { '\n', type };
	const struct part parts[] = { { name, strlen(name) }, { middle, 2 }, { pk, 32 } };
	uint8_t h[32];

	crypto_sha256(parts, 3, h);
	memcpy(ret, h, 4);
}

void crypto_siphash128(const uint8_t key[16], const void *p, size_t n, uint8_t ret[16])
{
	(void)crypto_shorthash_siphashx24(ret, p, n, key);	/* cannot fail */
}

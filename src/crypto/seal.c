#include <sodium.h>	/* before crypto.h, see there */

#include "crypto/crypto.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

#define OKM 64	/* encryption key, then commitment */

_Static_assert(CRYPTO_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(CRYPTO_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");

/*
 * The encryption key of one message and the commitment to it, both from key, nonce and context. Poly1305 alone lets one
 * ciphertext open under two keys; the commitment pins the key and the context before anything is decrypted.
 */
static void message_keys(const uint8_t key[32], const uint8_t nonce[24], const uint8_t ctx[CRYPTO_CTX],
    uint8_t ret_okm[OKM])
{
	uint8_t in[CRYPTO_NONCE + CRYPTO_CTX];
	struct part part = { in, sizeof(in) };

	memcpy(in, nonce, CRYPTO_NONCE);
	memcpy(in + CRYPTO_NONCE, ctx, CRYPTO_CTX);
	crypto_hash("cv1.seal", key, CRYPTO_KEY, &part, 1, ret_okm, OKM);
}

/* Write commitment, ciphertext and tag: n + CRYPTO_COMMIT + CRYPTO_TAG bytes. */
static void seal_body(const uint8_t key[32], const uint8_t nonce[24], const uint8_t ctx[CRYPTO_CTX], const uint8_t *m,
    size_t n, uint8_t *ret)
{
	uint8_t okm[OKM];

	message_keys(key, nonce, ctx, okm);
	memcpy(ret, okm + CRYPTO_KEY, CRYPTO_COMMIT);
	/* Fails for lengths beyond memory alone. */
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(ret + CRYPTO_COMMIT, NULL, m, n, ctx, CRYPTO_CTX, NULL, nonce,
	    okm);
	wipe(okm, sizeof(okm));
}

/* Open what seal_body wrote; c_n counts commitment and tag. */
static int open_body(const uint8_t key[32], const uint8_t nonce[24], const uint8_t ctx[CRYPTO_CTX], const uint8_t *c,
    size_t c_n, uint8_t *ret)
{
	uint8_t okm[OKM];
	int r = CV_ERR_AUTH;

	message_keys(key, nonce, ctx, okm);
	if (!crypto_equal(c, okm + CRYPTO_KEY, CRYPTO_COMMIT))
		goto out;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(ret, NULL, NULL, c + CRYPTO_COMMIT, c_n - CRYPTO_COMMIT, ctx,
	    CRYPTO_CTX, nonce, okm) != 0)
		goto out;
	r = 0;
out:
	wipe(okm, sizeof(okm));
	return r;
}

void crypto_seal(const uint8_t key[32], const uint8_t ctx[CRYPTO_CTX], const uint8_t *m, size_t n, uint8_t *ret)
{
	uint8_t nonce[CRYPTO_NONCE];

	/* 192 random bits: two of 2^64 messages under one key share a nonce with a chance of 2^-65. */
	crypto_random(nonce, sizeof(nonce));
	crypto_seal_with(key, nonce, ctx, m, n, ret);
}

void crypto_seal_with(const uint8_t key[32], const uint8_t nonce[24], const uint8_t ctx[CRYPTO_CTX], const uint8_t *m,
    size_t n, uint8_t *ret)
{
	memcpy(ret, nonce, CRYPTO_NONCE);
	seal_body(key, nonce, ctx, m, n, ret + CRYPTO_NONCE);
}

int crypto_open(const uint8_t key[32], const uint8_t ctx[CRYPTO_CTX], const uint8_t *c, size_t c_n, uint8_t *ret)
{
	if (c_n < SEAL_OVERHEAD)
		return CV_ERR_FORMAT;
	return open_body(key, c, ctx, c + CRYPTO_NONCE, c_n - CRYPTO_NONCE, ret);
}

/* ---- to a public key ------------------------------------------------------------------------------------------- */

/* The ephemeral key is used once and enters the derivation, so the nonce may stay fixed. */
static const uint8_t zero_nonce[CRYPTO_NONCE];

/* The key of one PKSEAL, from one secret and the other public key, with both public keys and the context. */
static int pkseal_key(const uint8_t sk[32], const uint8_t their_pk[32], const uint8_t epk[32], const uint8_t pk[32],
    const uint8_t ctx[CRYPTO_CTX], uint8_t ret[32])
{
	const struct part parts[] = { { epk, CRYPTO_KEY }, { pk, CRYPTO_KEY }, { ctx, CRYPTO_CTX } };
	uint8_t ss[32];
	int r;

	if ((r = crypto_agree(sk, their_pk, ss)) == 0)
		crypto_hash("cv1.pkseal", ss, sizeof(ss), parts, 3, ret, CRYPTO_KEY);
	wipe(ss, sizeof(ss));
	return r;
}

int crypto_pkseal(const uint8_t pk[32], const uint8_t ctx[CRYPTO_CTX], const uint8_t *m, size_t n, uint8_t *ret)
{
	uint8_t esk[CRYPTO_KEY];
	int r;

	crypto_random(esk, sizeof(esk));
	r = crypto_pkseal_with(esk, pk, ctx, m, n, ret);
	wipe(esk, sizeof(esk));
	return r;
}

int crypto_pkseal_with(const uint8_t esk[32], const uint8_t pk[32], const uint8_t ctx[CRYPTO_CTX], const uint8_t *m,
    size_t n, uint8_t *ret)
{
	uint8_t epk[CRYPTO_KEY], key[CRYPTO_KEY];
	int r;

	crypto_box_public(esk, epk);
	if ((r = pkseal_key(esk, pk, epk, pk, ctx, key)) != 0)
		goto out;
	memcpy(ret, epk, CRYPTO_KEY);
	seal_body(key, zero_nonce, ctx, m, n, ret + CRYPTO_KEY);
out:
	wipe(key, sizeof(key));
	return r;
}

int crypto_pkopen(const uint8_t sk[32], const uint8_t ctx[CRYPTO_CTX], const uint8_t *c, size_t c_n, uint8_t *ret)
{
	uint8_t pk[CRYPTO_KEY], key[CRYPTO_KEY];
	int r;

	if (c_n < PKSEAL_OVERHEAD)
		return CV_ERR_FORMAT;
	crypto_box_public(sk, pk);
	if ((r = pkseal_key(sk, c, c, pk, ctx, key)) != 0)
		goto out;
	r = open_body(key, zero_nonce, ctx, c + CRYPTO_KEY, c_n - CRYPTO_KEY, ret);
out:
	wipe(key, sizeof(key));
	return r;
}

/* ---- one-use keys ---------------------------------------------------------------------------------------------- */

void crypto_cell_seal(const uint8_t key[32], const uint8_t nonce[12], const void *ad, size_t ad_n, const uint8_t *m,
    size_t n, uint8_t *ret)
{
	/* Fails for lengths beyond 256 GiB alone. */
	(void)crypto_aead_chacha20poly1305_ietf_encrypt(ret, NULL, m, n, ad, ad_n, NULL, nonce, key);
}

int crypto_cell_open(const uint8_t key[32], const uint8_t nonce[12], const void *ad, size_t ad_n, const uint8_t *c,
    size_t n, uint8_t *ret)
{
	if (n < CRYPTO_TAG)
		return CV_ERR_FORMAT;
	if (crypto_aead_chacha20poly1305_ietf_decrypt(ret, NULL, NULL, c, n, ad, ad_n, nonce, key) != 0)
		return CV_ERR_AUTH;
	return 0;
}

void crypto_stream(const uint8_t key[32], uint8_t *ret, size_t n)
{
	static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];

	(void)crypto_stream_chacha20_ietf(ret, n, nonce, key);	/* cannot fail */
}

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

/*
 * What one-use keys seal is mostly short, and a request has a dozen of them. The library's AEAD asks for the cipher's stream twice, once
 * for the block that gives the key of the tag and once for the text; four blocks take hardly more time than one, so here both come out of
 * one call if the text is short. The bytes are those of RFC 8439, 2.8.
 */
#define SHORT_KEY 64u		/* the first block: its first 32 bytes are the key of the tag */
#define SHORT_STEP 256u		/* four blocks */
#define SHORT_STREAM 1024u
#define SHORT_MAX (SHORT_STREAM - SHORT_KEY)

_Static_assert(crypto_onetimeauth_poly1305_KEYBYTES <= SHORT_KEY && crypto_onetimeauth_poly1305_BYTES == CRYPTO_TAG, "tag");

/* The stream from the first block on, with at least n bytes behind it. Returns its length. */
static size_t short_stream(const uint8_t key[32], const uint8_t nonce[12], size_t n, uint8_t ret[SHORT_STREAM])
{
	size_t stream_n = (SHORT_KEY + n + SHORT_STEP - 1) / SHORT_STEP * SHORT_STEP;

	(void)crypto_stream_chacha20_ietf(ret, stream_n, nonce, key);	/* cannot fail */
	return stream_n;
}

/* Encrypt or decrypt n bytes; ret may be the text itself. */
static void combine(const uint8_t *text, const uint8_t *stream, size_t n, uint8_t *ret)
{
	uint64_t a, b;
	size_t i = 0;

	for (; n - i >= sizeof(a); i += sizeof(a)) {
		memcpy(&a, text + i, sizeof(a));
		memcpy(&b, stream + i, sizeof(b));
		a ^= b;
		memcpy(ret + i, &a, sizeof(a));
	}
	for (; i < n; i++)
		ret[i] = text[i] ^ stream[i];
}

/* Bytes, and zeros up to a multiple of 16. */
static void short_part(crypto_onetimeauth_poly1305_state *st, const void *p, size_t n)
{
	static const uint8_t zeros[16];

	if (n == 0)
		return;
	(void)crypto_onetimeauth_poly1305_update(st, p, n);
	if (n % 16 != 0)
		(void)crypto_onetimeauth_poly1305_update(st, zeros, 16 - n % 16);
}

/* The tag of n bytes of ciphertext. */
static void short_tag(const uint8_t key[32], const void *ad, size_t ad_n, const uint8_t *c, size_t n, uint8_t ret[CRYPTO_TAG])
{
	crypto_onetimeauth_poly1305_state st;
	uint8_t lengths[16] = { 0 };

	for (unsigned i = 0; i < 8; i++) {
		lengths[i] = (uint8_t)((uint64_t)ad_n >> 8 * i);
		lengths[8 + i] = (uint8_t)((uint64_t)n >> 8 * i);
	}
	(void)crypto_onetimeauth_poly1305_init(&st, key);
	short_part(&st, ad, ad_n);
	short_part(&st, c, n);
	(void)crypto_onetimeauth_poly1305_update(&st, lengths, sizeof(lengths));
	(void)crypto_onetimeauth_poly1305_final(&st, ret);	/* wipes st */
}

void crypto_cell_seal(const uint8_t key[32], const uint8_t nonce[12], const void *ad, size_t ad_n, const uint8_t *m,
    size_t n, uint8_t *ret)
{
	__attribute__((uninitialized)) uint8_t stream[SHORT_STREAM];
	size_t stream_n;

	if (n > SHORT_MAX) {
		/* Fails for lengths beyond 256 GiB alone. */
		(void)crypto_aead_chacha20poly1305_ietf_encrypt(ret, NULL, m, n, ad, ad_n, NULL, nonce, key);
		return;
	}
	stream_n = short_stream(key, nonce, n, stream);
	combine(m, stream + SHORT_KEY, n, ret);
	short_tag(stream, ad, ad_n, ret, n, ret + n);
	wipe(stream, stream_n);
}

int crypto_cell_open(const uint8_t key[32], const uint8_t nonce[12], const void *ad, size_t ad_n, const uint8_t *c,
    size_t n, uint8_t *ret)
{
	__attribute__((uninitialized)) uint8_t stream[SHORT_STREAM];
	uint8_t tag[CRYPTO_TAG];
	size_t stream_n;
	int r = 0;

	if (n < CRYPTO_TAG)
		return CV_ERR_FORMAT;
	n -= CRYPTO_TAG;
	if (n > SHORT_MAX) {
		r = crypto_aead_chacha20poly1305_ietf_decrypt(ret, NULL, NULL, c, n + CRYPTO_TAG, ad, ad_n, nonce, key);
		return r != 0 ? CV_ERR_AUTH : 0;
	}
	stream_n = short_stream(key, nonce, n, stream);
	short_tag(stream, ad, ad_n, c, n, tag);
	/* Nothing is decrypted that is not what was sealed. */
	if (crypto_verify_16(tag, c + n) != 0)
		r = CV_ERR_AUTH;
	else
		combine(c, stream + SHORT_KEY, n, ret);
	wipe(stream, stream_n);
	return r;
}

void crypto_stream(const uint8_t key[32], uint8_t *ret, size_t n)
{
	static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];

	(void)crypto_stream_chacha20_ietf(ret, n, nonce, key);	/* cannot fail */
}

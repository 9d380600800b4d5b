/*
 * Every cryptographic construction of docs/FORMAT.md section 2, over libsodium's high-level calls.
 *
 * Nothing here does I/O or knows what is sealed. Outputs (ret_*) are untouched on failure unless a comment says
 * otherwise. All functions may be called from any thread once crypto_start has returned 0.
 */
#ifndef CV_CRYPTO_CRYPTO_H
#define CV_CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * libsodium exports functions of these three names. Under one symbol the dynamic linker would hand ours to libsodium,
 * so they get symbols of their own; a file that needs both headers includes <sodium.h> first.
 */
#define crypto_hash cv_crypto_hash
#define crypto_sign cv_crypto_sign
#define crypto_stream cv_crypto_stream

#define CRYPTO_KEY 32		/* symmetric keys, X25519 keys, seeds */
#define CRYPTO_CTX 96		/* canonical context, FORMAT.md section 3 */
#define CRYPTO_NONCE 24		/* SEAL nonce */
#define CRYPTO_COMMIT 32	/* key and context commitment */
#define CRYPTO_TAG 16		/* Poly1305 */
#define SEAL_OVERHEAD (CRYPTO_NONCE + CRYPTO_COMMIT + CRYPTO_TAG)		/* 72 */
#define PKSEAL_OVERHEAD (CRYPTO_KEY + CRYPTO_COMMIT + CRYPTO_TAG)		/* 80 */
#define WRAP_BYTES (CRYPTO_KEY + CRYPTO_TAG)					/* 48 */
#define SIGN_PUBLIC 32
#define SIGN_SECRET 64
#define SIGN_BYTES 64

/* Initialise libsodium. 0 or CV_ERR_CRYPTO. Call once per process before anything else here. */
int crypto_start(void);

/*
 * The only source of nonces, salts and keys: n random bytes of the operating system's generator. May be called after
 * fork.
 */
void crypto_random(void *p, size_t n);

/* ---- secrets in memory ---------------------------------------------------------------------------------------- */

/*
 * A long-lived secret in guarded, locked, undumpable memory. bytes stays valid until secret_free. Locking is checked:
 * where the pages cannot be locked secret_new fails unless crypto_allow_unlocked(true) was called.
 */
struct secret {
	uint8_t *bytes;
	size_t size;
};
/* A zeroed secret of size bytes (1 to 64 MiB), or NULL. Costs about 40 us and three pages: not for each request. */
struct secret *secret_new(size_t size);
/* Wipe and release; NULL is allowed. */
void secret_free(struct secret *s);
/* Whether secrets may live in memory that could not be locked (demo vaults and tests); default false. */
void crypto_allow_unlocked(bool yes);
/* Bytes of secrets now locked, and whether any living secret could not be. */
size_t crypto_locked_bytes(bool *ret_unlocked);

/* ---- derivation and hashing ------------------------------------------------------------------------------------ */

/* One run of input bytes; an input may consist of several, hashed as their concatenation. */
struct part {
	const void *p;
	size_t n;
};

/*
 * BLAKE2b keyed by key (key_n 0 to 64 bytes) with the domain label (1 to 16 ASCII characters, zero-padded to the
 * personalisation) over the n parts; writes out_n bytes (16 to 64) to ret. FORMAT.md section 2.1. Cannot fail.
 */
void crypto_hash(const char *label, const uint8_t *key, size_t key_n, const struct part *parts, size_t n, uint8_t *ret,
    size_t out_n);
/*
 * The same of a key of CRYPTO_KEY bytes and n bytes p, at most CRYPTO_ONE_BLOCK - CRYPTO_KEY, in one block in place of two: B of FORMAT.md
 * section 2.1, where the key stands before p. A label is for this or for crypto_hash. Cannot fail.
 */
#define CRYPTO_ONE_BLOCK 128
void crypto_hash_block(const char *label, const uint8_t key[32], const void *p, size_t n, uint8_t *ret, size_t out_n);

/* The same, streaming. */
struct hash_state {
	_Alignas(64) unsigned char opaque[384];
	size_t out_n;
};
void hash_begin(struct hash_state *h, const char *label, const uint8_t *key, size_t key_n, size_t out_n);
void hash_add(struct hash_state *h, const void *p, size_t n);
/* Write the digest and wipe the state. */
void hash_end(struct hash_state *h, uint8_t *ret);

/* SHA-256 over the n parts (Merkle tree and C2SP key ids only). */
void crypto_sha256(const struct part *parts, size_t n, uint8_t ret[32]);
/* C2SP key id of a named public key: first bytes of SHA-256 over name ‖ newline ‖ type ‖ pk. */
void crypto_note_key_id(const char *name, uint8_t type, const uint8_t pk[32], uint8_t ret[4]);
/* SipHash-2-4 with 128-bit output: the subject tag, FORMAT.md section 9. */
void crypto_siphash128(const uint8_t key[16], const void *p, size_t n, uint8_t ret[16]);
/* Whether two secrets of n bytes are equal, in constant time. */
bool crypto_equal(const void *a, const void *b, size_t n);

/* ---- SEAL and PKSEAL, FORMAT.md sections 2.2 and 2.3 ----------------------------------------------------------- */

/* Seal n bytes of m under key, bound to ctx, with a fresh random nonce: n + SEAL_OVERHEAD bytes to ret. */
void crypto_seal(const uint8_t key[32], const uint8_t ctx[CRYPTO_CTX], const uint8_t *m, size_t n, uint8_t *ret);
/* The same with a given nonce: for known answers only, never for stored data. */
void crypto_seal_with(const uint8_t key[32], const uint8_t nonce[24], const uint8_t ctx[CRYPTO_CTX], const uint8_t *m,
    size_t n, uint8_t *ret);
/*
 * Open c_n sealed bytes: c_n - SEAL_OVERHEAD bytes to ret. 0, CV_ERR_FORMAT (too short), CV_ERR_AUTH; ret may then have
 * been overwritten with zeros, here and in the other calls that open.
 */
int crypto_open(const uint8_t key[32], const uint8_t ctx[CRYPTO_CTX], const uint8_t *c, size_t c_n, uint8_t *ret)
    __attribute__((warn_unused_result));
/* Seal to an X25519 public key: n + PKSEAL_OVERHEAD bytes. 0, or CV_ERR_CRYPTO for a low-order public key. */
int crypto_pkseal(const uint8_t pk[32], const uint8_t ctx[CRYPTO_CTX], const uint8_t *m, size_t n, uint8_t *ret)
    __attribute__((warn_unused_result));
/* The same with a given ephemeral secret: for known answers only. */
int crypto_pkseal_with(const uint8_t esk[32], const uint8_t pk[32], const uint8_t ctx[CRYPTO_CTX], const uint8_t *m,
    size_t n, uint8_t *ret) __attribute__((warn_unused_result));
/* Open with the X25519 secret key sk. 0, CV_ERR_FORMAT, CV_ERR_CRYPTO, CV_ERR_AUTH. */
int crypto_pkopen(const uint8_t sk[32], const uint8_t ctx[CRYPTO_CTX], const uint8_t *c, size_t c_n, uint8_t *ret)
    __attribute__((warn_unused_result));

/* ---- one-use keys: ChaCha20-Poly1305-IETF, FORMAT.md section 2.4 ----------------------------------------------- */

/*
 * Encrypt n bytes under a key that is used with this nonce only once. nonce is 12 bytes. Writes n + CRYPTO_TAG bytes;
 * ad may be NULL when ad_n is 0.
 */
void crypto_cell_seal(const uint8_t key[32], const uint8_t nonce[12], const void *ad, size_t ad_n, const uint8_t *m,
    size_t n, uint8_t *ret);
/* Decrypt: n - CRYPTO_TAG bytes to ret. 0, CV_ERR_FORMAT, CV_ERR_AUTH. */
int crypto_cell_open(const uint8_t key[32], const uint8_t nonce[12], const void *ad, size_t ad_n, const uint8_t *c,
    size_t n, uint8_t *ret) __attribute__((warn_unused_result));
/* ChaCha20-IETF key stream under a one-use key with zero nonce, n bytes (the lanes of the state hash). */
void crypto_stream(const uint8_t key[32], uint8_t *ret, size_t n);

/* ---- key pairs, agreement, signatures -------------------------------------------------------------------------- */

/* X25519: public key of sk. */
void crypto_box_public(const uint8_t sk[32], uint8_t ret_pk[32]);
/* X25519 shared secret. 0 or CV_ERR_CRYPTO (all-zero result). */
int crypto_agree(const uint8_t sk[32], const uint8_t pk[32], uint8_t ret[32]) __attribute__((warn_unused_result));
/* Ed25519 key pair from a 32-byte seed. */
void crypto_sign_pair(const uint8_t seed[32], uint8_t ret_pk[SIGN_PUBLIC], uint8_t ret_sk[SIGN_SECRET]);
void crypto_sign(const uint8_t sk[SIGN_SECRET], const void *m, size_t n, uint8_t ret[SIGN_BYTES]);
/* 0 or CV_ERR_AUTH. */
int crypto_verify(const uint8_t pk[SIGN_PUBLIC], const void *m, size_t n, const uint8_t sig[SIGN_BYTES])
    __attribute__((warn_unused_result));

/* ---- passphrases ----------------------------------------------------------------------------------------------- */

struct argon {
	uint32_t mem_kib;	/* 65,536 (floor) to 4,194,304 */
	uint32_t passes;	/* 3 (floor) to 16 */
	uint8_t salt[16];
};
/*
 * Argon2id (version 0x13, one lane) of the passphrase to 32 bytes. 0, CV_ERR_ARG (below the floor or above the
 * ceiling, or a passphrase over 4,096 bytes), CV_ERR_NOMEM. Takes up to seconds: never on core's thread.
 */
int crypto_passphrase(const struct argon *a, const char *pass, size_t pass_n, uint8_t ret[32])
    __attribute__((warn_unused_result));

/* ---- secret sharing over the ristretto255 scalars, FORMAT.md section 2.7 --------------------------------------- */

#define SHARE_MAX 16	/* holders */
/*
 * Split a uniformly random scalar (32 bytes from shares_random_secret) into n shares of which k recover it
 * (1 <= k <= n <= SHARE_MAX). Share i (1-based) is ret_shares + 32 * (i - 1); ret_commits holds k points of 32 bytes.
 * 0 or CV_ERR_ARG (also for a secret of zero or not below the group's order, which would not come back).
 */
int shares_split(const uint8_t secret[32], unsigned k, unsigned n, uint8_t *ret_shares, uint8_t *ret_commits)
    __attribute__((warn_unused_result));
void shares_random_secret(uint8_t ret[32]);
/*
 * Whether share number index (1 to SHARE_MAX) fits the k commitments, each in its only spelling. 0, CV_ERR_ARG,
 * CV_ERR_AUTH.
 */
int shares_check(const uint8_t share[32], unsigned index, const uint8_t *commits, unsigned k)
    __attribute__((warn_unused_result));
/* Recover from k shares with distinct indices. 0 or CV_ERR_ARG (index zero or twice). The result is not checked. */
int shares_combine(const uint8_t *shares, const unsigned *indices, unsigned k, uint8_t ret_secret[32])
    __attribute__((warn_unused_result));

/* ---- padding, FORMAT.md section 2.6 ---------------------------------------------------------------------------- */

/* Padded length of a text of n bytes: multiples of 16 to 64, powers of two to 1,024, then Padme. pad_text(0) is 16. */
size_t pad_text(size_t n);
/* Padded length of sealed bodies that CRYPTO.md pads to 64, powers of two to 1,024, then Padme. pad_seal(0) is 64. */
size_t pad_seal(size_t n);

/* ---- multiset hash, FORMAT.md section 8 ------------------------------------------------------------------------ */

#define LTHASH_BYTES 2048
struct lthash {
	uint16_t lane[1024];
};
/* Add (or remove) one element, given by its n parts, under key. */
void lthash_add(struct lthash *h, const uint8_t key[32], const struct part *parts, size_t n);
void lthash_remove(struct lthash *h, const uint8_t key[32], const struct part *parts, size_t n);
/* Add what was added to another hash, and take away what was removed from it. */
void lthash_join(struct lthash *h, const struct lthash *other);
/* Little-endian lanes, and back. */
void lthash_encode(const struct lthash *h, uint8_t ret[LTHASH_BYTES]);
void lthash_decode(struct lthash *h, const uint8_t p[LTHASH_BYTES]);
/* BLAKE2b-256 of the encoding, label "cv1.state". */
void lthash_digest(const struct lthash *h, uint8_t ret[32]);

#endif

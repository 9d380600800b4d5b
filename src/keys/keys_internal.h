/*
 * What the files of keys share. Nothing outside src/keys includes this.
 *
 *	keys.c		root key, keyring, unseal slots, operations with one key of the ring
 *	shred.c		shred tree and root slots
 *	chain.c		verifying change sets, signatures and facts
 *	directory.c	lookups in the directory
 *	directory_load.c	loading it
 *	genesis.c	the first directory
 *	change*.c	later change sets
 *	custody.c	ceremonies of custodians
 *	hello.c		hellos
 *	session*.c	sessions, class secrets
 *	record.c	heads, data keys, grants, rows
 *	index.c		tokens and postings of blind indexes
 */
#ifndef CV_KEYS_INTERNAL_H
#define CV_KEYS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "format/context.h"
#include "keys/directory.h"
#include "keys/keys.h"
#include "keys/session.h"
#include "keys/shred.h"

/* The keyring's keys in their stored order, FORMAT.md 5.3. */
enum ring_key {
	RING_ROW, RING_HEAD, RING_SET, RING_ACTOR, RING_JOURNAL, RING_GOV, RING_DIR, RING_IDEM, RING_PEPPER, RING_DECOY,
	RING_CURSOR, RING_FS, RING_LOG_SEED, RING_INDEX, RING_POSTING = RING_INDEX + 8, RING_KEYS = RING_POSTING + 8
};

/* What stands in locked memory while the vault is unsealed, shred keys and class secrets apart. Bytes only. */
struct ring {
	uint8_t key[RING_KEYS][CRYPTO_KEY];
	uint8_t root[CRYPTO_KEY];	/* RK: root slots are rewritten under a key from it */
	uint8_t log_sk[SIGN_SECRET];	/* of RING_LOG_SEED */
	uint8_t top[CRYPTO_KEY];	/* K_top; zeros before shred_open */
	uint8_t fs[CRYPTO_KEY];		/* s_e of the current epoch */
	uint8_t fs_sk[SIGN_SECRET];	/* signing key of s_e */
};

struct directory_state;
struct sessions;
struct shred_tree;

/*
 *   1. ring is NULL iff sealed; shred, directory and sessions are NULL while sealed.
 *   2. ring points to the bytes of ring_secret.
 */
struct keys {
	uint8_t vault_id[16];
	uint32_t epoch;			/* keyring epoch */
	struct ring *ring;
	struct secret *ring_secret;
	uint8_t log_pk[SIGN_PUBLIC];
	struct shred_tree *shred;	/* shred.c */
	struct directory_state *directory;	/* directory_load.c */
	struct sessions *sessions;	/* session.c; made by the first hello */
	struct secret *turn;		/* record.c's ephemeral secrets, laid out there; keys_seal frees it */
};

/* A context of this vault with everything but kind and vault zero, to be filled in with designated members. */
#define CONTEXT_OF(k, ...) (&(struct context){ .vault = (k)->vault_id, __VA_ARGS__ })

/* Versions of a context of kind 4, FORMAT.md section 3. */
#define KEY_WRAP_MEMBER 1u
#define KEY_WRAP_GRANT 2u
#define KEY_WRAP_LINK 3u

/* K_head and the other keys of the ring; k is unsealed. */
static inline const uint8_t *ring_key(const struct keys *k, enum ring_key which) { return k->ring->key[which]; }

/* keys.c: append the SEAL of n bytes p to ret. 0 or CV_ERR_NOMEM. */
int keys_seal_to(struct buf *ret, const uint8_t key[32], const uint8_t ctx[CONTEXT_BYTES], const uint8_t *p, size_t n);

/* ---- shred.c ------------------------------------------------------------------------------------------------------ */

/*
 * The 32-byte shred key of slot, or NULL if its shard is not loaded (see shred_load). In locked memory; valid until
 * keys_seal.
 */
const uint8_t *shred_key(const struct keys *k, uint32_t slot);
void shred_tree_free(struct keys *k);

/* ---- directory.c --------------------------------------------------------------------------------------------------- */

void directory_free(struct keys *k);

struct role_entry {
	uint16_t role;
	uint32_t epoch;
	uint8_t pk[32];
	uint8_t status;		/* 1 active, 2 decrypt only, 3 destroyed */
	uint8_t share_k;	/* custodians whose shares give the key; 0: nobody's do */
	uint32_t change_set;	/* that made it */
};
struct class_entry {
	uint32_t class_key;
	uint32_t epoch;
	uint8_t pk[32];
	uint8_t status;
	uint32_t change_set;	/* that made it */
	bool has_link;
	uint8_t link[112];	/* the secret of the epoch before, sealed to this one, see directory_link_open */
};
struct member_entry {
	uint8_t principal[16];
	uint16_t role;
	uint32_t epoch;
	uint64_t not_before_ms, not_after_ms;
	uint8_t wrap[112];
};
struct grant_entry {
	uint32_t class_key;
	uint32_t epoch;
	uint16_t role;
	uint32_t role_epoch;
	uint8_t wrap[112];
};
/* One epoch of a class or role, one membership; NULL if there is none. Valid until the next directory_load. */
const struct class_entry *directory_class_entry(const struct keys *k, uint32_t class_key, uint32_t epoch);
const struct role_entry *directory_role_entry(const struct keys *k, uint16_t role, uint32_t epoch);
const struct member_entry *directory_member(const struct keys *k, const uint8_t principal[16], uint16_t role,
    uint32_t epoch);
/*
 * Follow the history link of a class epoch, whose secret key is sk: the secret key of the epoch before, into ret, locked memory of the
 * caller's. 0; CV_ERR_NOTFOUND: it has no link; CV_ERR_AUTH: the link does not open, or to another key than the older epoch's row says.
 */
int directory_link_open(const struct keys *k, const struct class_entry *e, const uint8_t sk[CRYPTO_KEY], uint8_t ret[CRYPTO_KEY]);
/* Every grant, in key order. */
const struct grant_entry *directory_grants(const struct keys *k, size_t *ret_n);
/* Every class epoch, in key order. */
const struct class_entry *directory_classes(const struct keys *k, size_t *ret_n);
/* Every membership, in key order. */
const struct member_entry *directory_members(const struct keys *k, size_t *ret_n);
/* Every role epoch, in key order. */
const struct role_entry *directory_roles(const struct keys *k, size_t *ret_n);
/* Whether a person may have a login name of so many bytes (1 to 63) and this area (0 to 12 digits). */
bool directory_texts_fit(size_t login_n, const char *area, size_t area_n);

/* ---- custody.c ------------------------------------------------------------------------------------------------------ */

struct custody;
/* Whether this epoch of a role is in the ceremony. */
bool custody_has(const struct custody *c, uint16_t role, uint32_t epoch);
/*
 * Combine the key of one role epoch of the ceremony into ret, locked memory of the caller's. 0; CV_ERR_NOTFOUND: not in the ceremony, or
 * too few shares; CV_ERR_AUTH: what comes out is not the secret of the role's public key.
 */
int custody_role_key(const struct keys *k, const struct custody *c, uint16_t role, uint32_t epoch, uint8_t ret[CRYPTO_KEY]);

/* ---- session.c ------------------------------------------------------------------------------------------------------ */

/* One class epoch's secret, held once for all sessions that hold it; pointers valid until the session ends or the epoch is forgotten. */
struct class_keys {
	const uint8_t *sk;	/* class secret key, 32 bytes, locked memory */
	const uint8_t *kek;	/* H_256(cv1.classkek, sk), 32 bytes, locked memory */
	const uint8_t *pk;	/* class public key, 32 bytes */
};
/* The session's keys of (class_key, epoch). False, *ret untouched, if it holds none. */
bool session_class_keys(const struct session *s, uint32_t class_key, uint32_t epoch, struct class_keys *ret);
/* The secret key of the session's personal role of that epoch, 32 bytes of locked memory; NULL if it holds none. As long. */
const uint8_t *session_personal_key(const struct session *s, uint16_t role, uint32_t epoch);
/* Wipe every hello and session. */
void sessions_free(struct keys *k);

#endif

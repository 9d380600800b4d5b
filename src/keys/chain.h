/*
 * The chain of signed change sets from leaf 0 on, docs/FORMAT.md 5.2: who may change the directory, and what two of them signed. Rows come
 * by call, from a store or from what a daemon answered (FORMAT.md 12), and no key of the vault takes part: whoever has leaf 0 can verify
 * the same.
 */
#ifndef CV_KEYS_CHAIN_H
#define CV_KEYS_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/genesis.h"

struct chain;

/*
 * A chain without rows, of the vault whose leaf 0 names n administrators (at most GENESIS_ADMINS_MAX); both are copied. 0 or CV_ERR_NOMEM.
 * Freed by chain_free; NULL is allowed there.
 */
int chain_new(const uint8_t vault[16], const struct genesis_admin *admins, unsigned n, struct chain **ret);
void chain_free(struct chain *c);
/*
 * Take the next change set's row, from the first on. 0; CV_ERR_FORMAT; CV_ERR_AUTH: not the next number, another set before it, a digest
 * that does not fit, a fact named twice; CV_ERR_NOMEM.
 */
int chain_change(struct chain *c, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n) __attribute__((warn_unused_result));
/*
 * Behind all change sets: take a fact that names its change set, in the order of keys. 0; CV_ERR_FORMAT: a key that does not decode or is
 * not above the one before, a principal that does not decode; CV_ERR_AUTH: the set is not there, or does not name the fact; CV_ERR_NOMEM.
 */
int chain_fact(struct chain *c, const uint8_t *key, size_t key_n, uint32_t change_set, const uint8_t *fact, size_t fact_n)
    __attribute__((warn_unused_result));
/*
 * Behind all facts: 0 if every signature of every set fits and is an administrator's of the sets before it, two of different persons for
 * each, and if every fact of the newest set is there (of an earlier one some may have been replaced). CV_ERR_AUTH; CV_ERR_FORMAT: no set.
 */
int chain_end(const struct chain *c) __attribute__((warn_unused_result));
/*
 * The same where an earlier state of the chain, before (NULL: none), has passed it: a signature that was verified there, of the same bytes
 * by the same key, is not verified once more. What a change of a long chain costs is then what it adds.
 */
int chain_end_behind(const struct chain *c, const struct chain *before) __attribute__((warn_unused_result));

/* ---- behind chain_end ------------------------------------------------------------------------------------------------- */

/* How many change sets there are: the newest one's number. */
uint32_t chain_sets(const struct chain *c);
/* Digest (32 bytes, as long as c lives) and time of a set, 1 <= sequence <= chain_sets. */
const uint8_t *chain_digest(const struct chain *c, uint32_t sequence);
uint64_t chain_time_ms(const struct chain *c, uint32_t sequence);
/* A principal as its fact says, as long as c lives. */
struct chain_principal {
	uint8_t id[16];
	uint8_t kind;			/* enum principal_kind */
	uint8_t admin_area;		/* 0 none, 1 system, 2 security, 3 audit */
	uint8_t box_pk[32];
	uint8_t sign_pk[32];
	uint8_t person[16];
	uint64_t not_before_ms, not_after_ms;
	uint32_t change_set;
};
/* Principal number i in the order of ids, from 0; NULL behind the last. */
const struct chain_principal *chain_principal_at(const struct chain *c, size_t i);
/* The same by id; NULL if there is none. */
const struct chain_principal *chain_principal(const struct chain *c, const uint8_t id[16]);

/* Fact digest: H_256(cv1.fact, ; vault || u8 key length || key || u16 fact length || fact). */
void chain_fact_digest(const uint8_t vault[16], const uint8_t *key, size_t key_n, const uint8_t *fact, size_t fact_n, uint8_t ret[32]);
/* The 48 bytes that an administrator signs for the change set with this digest: "cv1.change", zero-padded to 16, and the digest. */
#define CHAIN_SIGNED 48u
void chain_signed(const uint8_t digest[32], uint8_t ret[CHAIN_SIGNED]);

#endif

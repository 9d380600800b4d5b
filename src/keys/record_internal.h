/*
 * What record.c, record_wrap.c, record_grant.c and record_row.c share, and their functions that take the nonce or the ephemeral secret
 * instead of drawing it: those are for known answers in tests only, never for stored data.
 */
#ifndef CV_KEYS_RECORD_INTERNAL_H
#define CV_KEYS_RECORD_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "keys/keys_internal.h"
#include "keys/record.h"

#define TURN_CLASSES 64u

/* The agreement of one class in this turn. The ephemeral secret itself is wiped as soon as it is made. */
struct turn_class {
	uint32_t class_key, epoch;
	uint8_t pk[32], ss[32];
};
/* What lives in locked memory until record_turn_end. Bytes only; laid over the bytes of keys' turn. */
struct turn {
	uint32_t has_head;		/* 1: head_key is that of shred slot head_slot */
	uint32_t head_slot;
	uint8_t head_key[32];		/* KH, FORMAT.md 4.1 */
	uint32_t has_ephemeral;		/* 1: the turn's ephemeral pair stands, for all classes */
	uint8_t esk[32], epk[32];
	uint32_t classes;		/* agreements made with it, at most TURN_CLASSES */
	struct turn_class class[TURN_CLASSES];
};
/* The turn's secrets, made when first asked for; NULL if memory could not be had or locked. */
struct turn *record_turn(struct keys *k);

/*
 * The data key of one entry, with the secrets of its class and wrapping epoch; an entry of type 2 that was made, appended to ret, of the
 * data key dk. w says all of an entry but its ciphertext. agreed is what crypto_agree gives for type 3, if the
 * caller knows it, or NULL. Any thread: of k they read the vault's id alone. As record_unwrap; nothing.
 */
int record_wrap_open(const struct keys *k, const struct class_keys *class, const uint8_t *agreed, const uint8_t record[16],
    const struct wrap *w, uint8_t ret[CRYPTO_KEY]) __attribute__((warn_unused_result));
void record_wrap_put(const struct keys *k, const uint8_t kek[32], const uint8_t record[16], struct wrap *w,
    const uint8_t dk[CRYPTO_KEY], struct buf *ret);

int record_head_seal_with(struct keys *k, const struct head *h, const uint8_t nonce[24], struct buf *ret)
    __attribute__((warn_unused_result));
int record_wrap2_with(struct keys *k, const struct session *s, const uint8_t record[16], const struct wrap_request *reqs,
    unsigned n, const uint8_t nonce[24], struct buf *ret) __attribute__((warn_unused_result));
/* salts has WRAP_SALT bytes for each; esk counts only where the turn has no ephemeral pair yet. */
int record_wrap3_with(struct keys *k, const uint8_t record[16], struct wrap_request *reqs, unsigned n,
    const uint8_t *salts, const uint8_t esk[32], struct buf *ret) __attribute__((warn_unused_result));
int record_grant_seal_with(struct keys *k, const struct grant_place *at, const struct datakey *dk, const uint8_t esk[32],
    uint16_t *ret_role, uint32_t *ret_epoch, uint8_t ret[GRANT_SEALED]) __attribute__((warn_unused_result));

#endif

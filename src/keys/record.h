/*
 * A record's cryptography: heads, data keys and the entries of the keys row, class rows and drops. docs/FORMAT.md section 4.
 *
 * Stored bytes are parsed by format; here they meet their keys. struct datakey is opaque to callers, who keep it in
 * memory that is wiped at the end of the request. Core's thread.
 */
#ifndef CV_KEYS_RECORD_H
#define CV_KEYS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/head.h"
#include "format/row.h"
#include "format/wraps.h"

struct buf;
struct keys;
struct session;

struct datakey {
	uint8_t opaque[32];
};

/* ---- head ---------------------------------------------------------------------------------------------------------- */

/*
 * Open a stored head into *ret (all of it, log key included; wipe it after use). 0, CV_ERR_FORMAT, CV_ERR_AUTH,
 * CV_ERR_NOTFOUND (its shred key is gone), CV_ERR_REPLAY if record is not NULL and differs from the head's id.
 */
int record_head_open(struct keys *k, const uint8_t *stored, size_t n, const uint8_t record[16], struct head *ret)
    __attribute__((warn_unused_result));
/*
 * Append the stored head. 0, CV_ERR_LIMIT, CV_ERR_ARG (see head_encode), CV_ERR_NOMEM, CV_ERR_NOTFOUND (shred slot not
 * loaded).
 */
int record_head_seal(struct keys *k, const struct head *h, struct buf *ret) __attribute__((warn_unused_result));
/* Digest of a creation's rows (n bytes as 4.1 has them), digest step of a drop, digest step of a row of HIST: FORMAT.md 4.1. slot must be
 * loaded. */
void record_digest_rows(struct keys *k, uint32_t slot, const void *p, size_t n, uint8_t ret[16]);
void record_digest_drop(struct keys *k, uint32_t slot, const uint8_t before[16], uint64_t version, const void *p, size_t n,
    uint8_t ret[16]);
void record_digest_hist(struct keys *k, uint32_t slot, const uint8_t before[16], const void *key, size_t key_n,
    const void *p, size_t n, uint8_t ret[16]);

/* ---- data keys ------------------------------------------------------------------------------------------------------ */

/*
 * The data key of one entry of a parsed keys row, with the session's class secrets: derived from the KEK (type 1) or an agreement (3), or
 * unwrapped (2). A changed entry of types 1 and 3 gives another key, which opens nothing. 0, CV_ERR_NOKEY (the session holds no secret for
 * that class and epoch), CV_ERR_AUTH, CV_ERR_CRYPTO.
 */
int record_unwrap(struct keys *k, const struct session *s, const uint8_t record[16], const struct wrap *w,
    struct datakey *ret) __attribute__((warn_unused_result));

#define GRANT_SEALED 112u
/* Where a granted data key belongs: a class of a record at a generation, for one grantee. */
struct grant_place {
	const uint8_t *record, *grantee;	/* 16 bytes each */
	uint32_t class_key, generation, birth_epoch;
};
/*
 * Seal a data key to the grantee's personal role: PKSEAL with context kind 25 (record, class, role epoch, generation, field =
 * the role, version = birth epoch, writer = grantee). 0, CV_ERR_NOTFOUND (the grantee has no personal role), CV_ERR_CRYPTO.
 * *ret_role and *ret_epoch name the role's key.
 */
int record_grant_seal(struct keys *k, const struct grant_place *at, const struct datakey *dk, uint16_t *ret_role,
    uint32_t *ret_epoch, uint8_t ret[GRANT_SEALED]) __attribute__((warn_unused_result));
/* Open it with the session's personal role key. 0, CV_ERR_NOKEY (the session has no such role or epoch), CV_ERR_AUTH. */
int record_grant_open(struct keys *k, const struct session *s, const struct grant_place *at, uint16_t role, uint32_t epoch,
    const uint8_t sealed[GRANT_SEALED], struct datakey *ret) __attribute__((warn_unused_result));

/*
 * Fresh data keys that a change of one record makes in classes of the session, in one group of type 1. Begins with n = 0; holds no secret
 * of itself.
 */
#define FRESH_KEYS 255u
struct fresh_keys {
	unsigned n;
	struct {
		uint32_t class_key, generation, birth_epoch;
		uint8_t salt[WRAP_SALT];
	} of[FRESH_KEYS];
};
/*
 * Make the data key of a generation (not 0) of a class, born under the session's newest epoch of it, and let its entry join x. 0;
 * CV_ERR_NOKEY; CV_ERR_LIMIT: no room in the group; CV_ERR_ARG: that generation of the class is in it.
 */
int record_fresh_key(struct keys *k, const struct session *s, const uint8_t record[16], struct fresh_keys *x, uint32_t class_key,
    uint32_t generation, struct datakey *ret, uint32_t *ret_birth) __attribute__((warn_unused_result));
/* Append the group of x to the keys row that starts at offset start of ret, if it has a key, and empty x. ret may be bad after it. */
void record_fresh_put(struct fresh_keys *x, struct buf *ret, size_t start);

/* A data key that is made, or one that was there before. */
struct wrap_request {
	uint32_t class_key;
	uint32_t generation;		/* 0 exactly for a drop */
	uint32_t birth_epoch;
	uint32_t drop_version;		/* 0: a row */
	struct datakey *key;
};
/*
 * Append one group of type 2 with data keys that were there before (n of 1 to 255), wrapped under the newest epochs of the session. 0,
 * CV_ERR_NOKEY, CV_ERR_NOMEM, CV_ERR_ARG (n; two requests for one place; a generation iff it is no row; no birth epoch). The caller counts
 * the group with wraps_group_added.
 */
int record_wrap2(struct keys *k, const struct session *s, const uint8_t record[16], const struct wrap_request *reqs,
    unsigned n, struct buf *ret) __attribute__((warn_unused_result));
/*
 * Make n data keys that only the readers of their classes can derive again, from the classes' public keys in the directory, and append
 * their group of type 3; birth_epoch and *key of each request are set. One ephemeral key serves all classes until record_turn_end: the
 * derivation takes in the class's public key and the context, so agreements of one ephemeral key are told apart. 0, CV_ERR_NOTFOUND: no
 * such class; CV_ERR_CRYPTO, CV_ERR_NOMEM, CV_ERR_ARG. The caller counts the group.
 */
int record_wrap3(struct keys *k, const uint8_t record[16], struct wrap_request *reqs, unsigned n, struct buf *ret)
    __attribute__((warn_unused_result));
/*
 * Wipe the turn's secrets: agreements with class public keys and the last head key. After it nobody without a class's
 * secret key makes the data keys of the turn's type 3 entries again. Cheap where there are none.
 */
void record_turn_end(struct keys *k);

/* ---- rows and drops --------------------------------------------------------------------------------------------------- */

/* Where a row stands: the varying part of its context. */
struct row_place {
	const uint8_t *record;
	uint32_t class_key;
	uint32_t birth_epoch;
	uint32_t generation;	/* 0 for a drop under a key of its own */
	uint64_t version;	/* row version, or the drop's class version */
	uint32_t shred_slot;
	bool drop;
	const uint8_t *nonce;	/* N of a row, 24 bytes, which head has or gets; NULL for a drop, which holds its own */
};
/* An opened row: index and short values are plain, long values are opened one by one. 100 KiB, of which only what is there is written. */
struct row_view {
	struct row_index index;		/* format/row.h */
	uint8_t row_key[32];
	const uint8_t *stored;
	size_t stored_n, plain_n;
	uint8_t plain[ROW_FIRST_MAX];
};
/*
 * Check the commitment and open the first piece. 0, CV_ERR_FORMAT, CV_ERR_AUTH (moved, replayed, changed, or wrong key),
 * CV_ERR_NOTFOUND (shred key gone). *ret points into stored; clear it with record_row_clear.
 */
int record_row_open(struct keys *k, const struct datakey *dk, const struct row_place *at, const uint8_t *stored, size_t n,
    struct row_view *ret) __attribute__((warn_unused_result));
/*
 * The value of entry i: *ret has index.entry[i].length bytes. A short one stands in the view; a long one is decrypted to the end of room,
 * and valid until room is written to. 0, CV_ERR_AUTH, CV_ERR_FORMAT (padding), CV_ERR_NOMEM.
 */
int record_row_value(const struct row_view *v, unsigned i, struct buf *room, const uint8_t **ret) __attribute__((warn_unused_result));
void record_row_clear(struct row_view *v);
/*
 * Append a stored row or drop. A row is under the N of its place: fresh, and for this data key never used before; a drop draws its own
 * unless the place has one (for known answers). 0, CV_ERR_LIMIT, CV_ERR_ARG (see row_measure), CV_ERR_NOMEM, CV_ERR_NOTFOUND (shred slot).
 */
int record_row_seal(struct keys *k, const struct datakey *dk, const struct row_place *at, const struct row_cell *cells, unsigned n,
    const struct provenance *provs, unsigned prov_n, struct buf *ret) __attribute__((warn_unused_result));

#endif

/*
 * A record's cryptography: heads, data keys and their wraps, class rows and drops. docs/FORMAT.md section 4.
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
/* Digest of a row, digest step of a drop, digest step of a history row: FORMAT.md 4.1. slot must be loaded. */
void record_digest_row(struct keys *k, uint32_t slot, uint32_t class_key, uint64_t version, const void *p, size_t n,
    uint8_t ret[16]);
void record_digest_drop(struct keys *k, uint32_t slot, const uint8_t before[16], uint64_t version, const void *p, size_t n,
    uint8_t ret[16]);
void record_digest_hist(struct keys *k, uint32_t slot, const uint8_t before[16], const void *key, size_t key_n,
    const void *p, size_t n, uint8_t ret[16]);

/* ---- data keys ------------------------------------------------------------------------------------------------------ */

void record_datakey_random(struct datakey *ret);
/*
 * Unwrap one wrap of a parsed keys row with the session's class secrets (type 2 by KEK, type 3 by agreement). 0,
 * CV_ERR_NOKEY (the session holds no secret for that class and epoch), CV_ERR_AUTH, CV_ERR_CRYPTO.
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

struct wrap_request {
	uint32_t class_key;
	uint32_t generation;
	uint32_t birth_epoch;		/* 0: the wrapping epoch, for a data key made now */
	uint32_t drop_version;		/* 0: a row */
	const struct datakey *key;
};
/*
 * Append one group of type 2 wraps (n of 1 to 255) made with the session's class secrets, newest epoch of each. 0,
 * CV_ERR_NOKEY, CV_ERR_NOMEM, CV_ERR_ARG (n; two requests for one place; a generation iff it is no row). ret_birth, if not
 * NULL, gets the n birth epochs. The caller counts the group with wraps_group_added.
 */
int record_wrap2(struct keys *k, const struct session *s, const uint8_t record[16], const struct wrap_request *reqs,
    unsigned n, struct buf *ret, uint32_t *ret_birth) __attribute__((warn_unused_result));
/*
 * The same with type 3, to the class public keys of the directory. One ephemeral key serves all classes until record_turn_end: the wrap
 * key takes in the class's public key and the context, so agreements of one ephemeral key are told apart. CV_ERR_NOTFOUND: no such
 * class.
 */
int record_wrap3(struct keys *k, const uint8_t record[16], const struct wrap_request *reqs, unsigned n, struct buf *ret,
    uint32_t *ret_birth) __attribute__((warn_unused_result));
/*
 * Wipe the turn's secrets: agreements with class public keys and the last head key. After it nobody without a class's
 * secret key opens the type 3 wraps of the turn. Cheap where there are none.
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
};
/* An opened row: the index is plain, cells are opened one by one. */
struct row_view {
	struct row_index index;		/* format/row.h */
	uint8_t row_key[32];
	const uint8_t *stored;
	size_t stored_n;
};
/*
 * Check the commitment and open the index. 0, CV_ERR_FORMAT, CV_ERR_AUTH (moved, replayed, changed, or wrong key),
 * CV_ERR_NOTFOUND (shred key gone). *ret points into stored; clear it with record_row_clear.
 */
int record_row_open(struct keys *k, const struct datakey *dk, const struct row_place *at, const uint8_t *stored, size_t n,
    struct row_view *ret) __attribute__((warn_unused_result));
/* Open cell number i: index.entry[i].length bytes appended to ret. 0, CV_ERR_AUTH, CV_ERR_FORMAT (padding), CV_ERR_NOMEM. */
int record_row_cell(const struct row_view *v, unsigned i, struct buf *ret) __attribute__((warn_unused_result));
void record_row_clear(struct row_view *v);

/* One field of a row to be sealed. */
struct cell {
	uint16_t field;
	uint8_t type;		/* FORMAT.md 4.5 */
	uint8_t provenance;	/* index into the provenances */
	uint16_t length;
	uint16_t padded;
	const uint8_t *p;
};
/*
 * Append a stored row with a fresh N. cells ascend by field; nulls stand in drops alone. 0, CV_ERR_LIMIT (ROW_MAX, cells),
 * CV_ERR_ARG (see row_index_encode), CV_ERR_NOMEM, CV_ERR_NOTFOUND (shred slot).
 */
int record_row_seal(struct keys *k, const struct datakey *dk, const struct row_place *at, const struct cell *cells, unsigned n,
    const struct provenance *provs, unsigned prov_n, struct buf *ret) __attribute__((warn_unused_result));

#endif

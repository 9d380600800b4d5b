/*
 * Governance rows, docs/FORMAT.md 5.1: what people decided from day to day, and what core keeps in the same table. Pure.
 *
 * A stored row is a clear prefix and a SEAL; the plaintext is a list of tagged items. struct gov_object is what assignments, grants,
 * requests, delegations and budget windows share: a type holds the members that its tags name, the others are zero.
 */
#ifndef CV_FORMAT_GOV_H
#define CV_FORMAT_GOV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct buf;

enum gov_type {
	GOV_IDEMPOTENCY = 1, GOV_ASSIGNMENT = 2, GOV_GRANT = 3, GOV_REQUEST = 4, GOV_DELEGATION = 11, GOV_WINDOW = 12, GOV_JOB = 13,
	GOV_DAYS = 14, GOV_REVIEW = 15, GOV_MONTHS = 16, GOV_SEARCHES = 17, GOV_INTAKE = 18
};
enum gov_state {
	GOV_NONE = 0, GOV_ACTIVE = 1, GOV_EXPIRED = 2, GOV_REVOKED = 3, GOV_USED = 4, GOV_DEAD = 5, GOV_PENDING = 6, GOV_APPROVED = 7,
	GOV_REJECTED = 8, GOV_WITHDRAWN = 9
};
/* "active", ...; "" for an unknown number. Static text. */
const char *gov_state_name(unsigned state);

/* ---- rows -------------------------------------------------------------------------------------------------------- */

#define GOV_KEY 18u
#define GOV_PREFIX 20u		/* clear bytes before a row's SEAL */
struct gov_prefix {
	uint32_t epoch;		/* keyring */
	uint16_t type;
	uint8_t state;
	uint32_t due_day;	/* days since 1970-01-01 plus 1; 0 none */
	uint64_t serial;	/* of the one child that it is about; 0 none */
};
/* The key of a row in the table gov. */
void gov_key(uint16_t type, const uint8_t id[16], uint8_t ret[GOV_KEY]);
/* Append the prefix; flag 1 stands exactly with a serial. */
void gov_prefix_put(struct buf *b, const struct gov_prefix *p);
/* Read the prefix of a stored row of n bytes. 0 or CV_ERR_FORMAT. */
int gov_prefix_decode(const uint8_t *row, size_t n, struct gov_prefix *ret);

/* A plaintext: u16 count, then items by ascending tag. Begin, put each, end with how many there were. */
struct gov_item {
	uint16_t tag, n;
	const uint8_t *p;
};
size_t gov_items_begin(struct buf *b);
void gov_item_put(struct buf *b, uint16_t tag, const void *p, size_t n);	/* more than 65,535 bytes make b bad */
void gov_items_end(struct buf *b, size_t at, unsigned count);
/* A walk over a plaintext that was checked whole: tags ascend strictly, nothing trails. Points into p. 0 or CV_ERR_FORMAT. */
struct gov_items {
	uint16_t left;
	struct rd rd;
};
int gov_items_open(const uint8_t *p, size_t n, struct gov_items *ret);
/* The next item, or false at the end (*ret untouched). */
bool gov_items_next(struct gov_items *x, struct gov_item *ret);

/* ---- objects ------------------------------------------------------------------------------------------------------ */

#define GOV_RECORDS_MAX 512u	/* of one assignment */
#define GOV_PURPOSES_MAX 64u
#define GOV_FIELDS_MAX 512u
#define GOV_TEXT_MAX 512u	/* bytes of a note or reason */
#define GOV_STATUS_MAX 16u	/* bytes of a record's state by name */
#define GOV_DOCUMENT_MAX (384u * 1024)	/* as OPERATION_DOCUMENT_MAX */
#define GOV_KEYS_MAX 64u	/* classes of one grant */
#define GOV_SEEN_MAX 256u	/* records of one window row */
#define GOV_SEEN 13u		/* bytes of one */
#define GOV_MONTHS_MAX 60u	/* months whose keys one auditor has published */
#define GOV_RESULTS_MAX 4096u	/* items of one review */
#define GOV_RESULT 9u		/* bytes of one: 8 of the item's digest, and how it came out */
enum gov_result { GOV_RESULT_FINE = 1, GOV_RESULT_EXPLAINED = 2, GOV_RESULT_FOLLOWED = 3, GOV_RESULTS = 4 };
/* "fine", "explained", "followed"; "" for an unknown number. Static text. */
const char *gov_result_name(unsigned result);

enum gov_kind {
	GOV_KIND_GRANT = 1, GOV_KIND_BULK = 2, GOV_KIND_EXPORT = 3, GOV_KIND_POLICY = 4, GOV_KIND_RESTORE = 5, GOV_KIND_MEMBERS = 6,
	GOV_KIND_ROLES = 7, GOV_KIND_REKEY = 8, GOV_KIND_CLASSES = 9, GOV_KIND_REWRAP = 10, GOV_KIND_REMOVE = 11, GOV_KIND_SPLIT = 12,
	GOV_KINDS = 13
};
/* "grant", ...; "" for an unknown number. Static text. */
const char *gov_kind_name(unsigned kind);
/* Whether a request of this kind is an operation that two administrators sign, FORMAT.md 5.5. */
static inline bool gov_kind_signed(unsigned kind) { return kind >= GOV_KIND_POLICY && kind < GOV_KINDS; }
#define GOV_ANY_RECORD 1u	/* flags of an assignment */
#define GOV_DEMO 2u

/* Some bytes, n = 0: none. */
struct gov_bytes {
	const uint8_t *p;
	size_t n;
};
struct gov_object {
	struct gov_prefix prefix;	/* due_day: the last day on which it holds, plus 1 */
	uint8_t id[16];			/* of the row's key */
	uint8_t principal[16];		/* who may: grantee, delegate, owner of a window */
	uint8_t by[16];			/* who made it; a grant's approver; zeros: genesis */
	uint64_t created_ms;
	uint8_t kind;			/* enum gov_kind of a request */
	uint8_t level;			/* highest level of an assignment */
	uint8_t flags;
	/* Reads of a grant, records of a bulk or export request, 0: no limit; searches of a day; an intake's index. */
	uint32_t count;
	uint32_t used;			/* of them; searches of a minute, which began at created_ms */
	uint8_t record[16];		/* the one child of a grant, of a request for one, or of an intake */
	uint8_t decided_by[16];		/* who approved, rejected, withdrew or revoked; zeros: nobody yet */
	uint64_t decided_ms;
	uint8_t delegation[16];		/* that the maker or decider acted under; zeros: none */
	uint8_t mark[8];		/* of an approved export */
	uint8_t digest[32];		/* of an operation; of a review's items */
	uint32_t month;			/* of a review: 202611; the first of month keys */
	uint64_t log_size;		/* the checkpoint by which it was made: the one that closed the month's last day */
	uint8_t log_root[32];
	struct gov_bytes purposes;	/* u16 ids, ascending */
	struct gov_bytes fields;	/* u16 ids, ascending */
	struct gov_bytes records;	/* 16 bytes each, ascending; of an intake the record that was there before */
	struct gov_bytes area;		/* 0 to 12 digits */
	struct gov_bytes status;	/* name of a record's state, of an export */
	struct gov_bytes text;		/* note or reason */
	struct gov_bytes decision;	/* why it was rejected */
	struct gov_bytes signatures;	/* of an operation: of each administrator 128 bytes */
	struct gov_bytes keys;		/* of a grant: struct gov_sealed_key */
	struct gov_bytes seen;		/* of a window: struct gov_seen */
	struct gov_bytes month_keys;	/* of an auditor: X25519 public keys of month and those behind it, 32 bytes each */
	struct gov_bytes results;	/* of a review: items ascending, GOV_RESULT bytes each */
	struct gov_bytes document;	/* of an operation that waits; an approved re-wrap or split keeps it until it is used */
};
/*
 * Append the plaintext of an object; its id and epoch are not in it, the rest of the prefix is, so that it cannot be changed in the clear.
 * 0, CV_ERR_ARG (what gov_object_decode would refuse), CV_ERR_NOMEM.
 */
int gov_object_encode(const struct gov_object *o, struct buf *ret);
/*
 * Decode the plaintext of a row with this prefix (not of idempotency rows or jobs). *ret points into p; its id is left alone. 0 or
 * CV_ERR_FORMAT: a tag that the type does not have or lacks, a state that it cannot be in, lists that do not ascend, a prefix that differs.
 */
int gov_object_decode(const struct gov_prefix *prefix, const uint8_t *p, size_t n, struct gov_object *ret);

/* One data key of a grant, sealed to the grantee's personal role: 130 bytes. */
#define GOV_SEALED 112u
#define GOV_SEALED_KEY (4u + 4 + 4 + 2 + 4 + GOV_SEALED)
struct gov_sealed_key {
	uint32_t class_key, generation, birth;
	uint16_t role;
	uint32_t epoch;
	const uint8_t *sealed;	/* GOV_SEALED bytes */
};
void gov_sealed_key_put(struct buf *b, const struct gov_sealed_key *k);
/* Key i of keys.n / GOV_SEALED_KEY. */
void gov_sealed_key_get(const struct gov_bytes *keys, size_t i, struct gov_sealed_key *ret);

/* One record of a window: 13 bytes. */
struct gov_seen {
	uint64_t serial, ms;
	uint8_t extra;		/* 1: counted against a bulk approval */
};
void gov_seen_put(struct buf *b, const struct gov_seen *s);
/* Entry i of seen.n / GOV_SEEN. */
void gov_seen_get(const struct gov_bytes *seen, size_t i, struct gov_seen *ret);
/* Whether an ascending list of u16 holds id, and an ascending list of 16 bytes each holds id. */
bool gov_list_has_u16(const struct gov_bytes *list, uint16_t id);
bool gov_list_has_id(const struct gov_bytes *list, const uint8_t id[16]);

#endif

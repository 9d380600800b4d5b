/* Leaves of the audit log, docs/FORMAT.md section 9. Pure. */
#ifndef CV_FORMAT_LEAF_H
#define CV_FORMAT_LEAF_H

#include <stddef.h>
#include <stdint.h>

struct buf;

enum leaf_kind {
	LEAF_GENESIS = 0, LEAF_SESSION = 1, LEAF_READ = 2, LEAF_CREATE = 3, LEAF_SEARCH = 4, LEAF_RESULT = 11, LEAF_EPOCH = 12,
	LEAF_REFUSED = 15, LEAF_AUDIT_READ = 16, LEAF_START = 17, LEAF_SEGMENT = 19, LEAF_MERGE = 21, LEAF_REVEAL = 23,
	LEAF_SESSION_END = 24, LEAF_PATCH = 25, LEAF_HISTORY = 26, LEAF_LOGIN_FAILURES = 27, LEAF_GRANT = 5, LEAF_REVOKE = 6,
	LEAF_EXPORT = 9, LEAF_REQUEST = 10, LEAF_POLICY = 22, LEAF_DECISION = 28, LEAF_ASSIGNMENT = 29, LEAF_DELEGATION = 30,
	LEAF_FS_RENEW = 20, LEAF_JOB = 31, LEAF_LIST = 32, LEAF_GOVERNANCE = 33, LEAF_KEYS = 34, LEAF_SUSPENDED = 35,
	LEAF_RESTORED = 36, LEAF_REVIEW = 37, LEAF_RECEIPT = 38, LEAF_COSIGNED = 39, LEAF_MONTH_KEYS = 40
};
/* "read", "reveal", ...; "unknown" otherwise. Static text. */
const char *leaf_kind_name(unsigned kind);

#define LEAF_MUTATING 1u
#define LEAF_CLEAR 2u
#define LEAF_CHILD 4u
#define LEAF_HEADER 90u		/* plus 32 with a state hash */
#define LEAF_REASON_MAX 512
#define LEAF_CASE_MAX 64
#define LEAF_FIELDS_MAX 512	/* bits of the bitmap */

/* A leaf's clear part; pointers into the leaf's bytes. */
struct leaf {
	uint8_t kind;
	uint16_t flags;
	uint64_t index;
	uint64_t time_ms;
	uint32_t epoch;
	const uint8_t *segment;		/* 16 */
	uint32_t turn;
	const uint8_t *actor_tag;	/* 16 */
	const uint8_t *subject_tag;	/* 16 */
	const uint8_t *policy;		/* 16 */
	const uint8_t *state_hash;	/* 32, or NULL */
	const uint8_t *header;		/* the whole header: associated data */
	size_t header_n;
	const uint8_t *body_a, *body_b;
	uint16_t body_a_n, body_b_n;
	const uint8_t *commit;		/* of body B: 32 bytes, NULL without one */
	const uint8_t *told, *rest;	/* its two boxes, each with its tag */
	uint16_t told_n, rest_n;
};
/* 0 or CV_ERR_FORMAT (version, flags that contradict, lengths, trailing bytes). */
int leaf_decode(const uint8_t *p, size_t n, struct leaf *ret);
/* Append the header for *l (segment, tags, policy, state_hash given; bodies ignored). state_hash decides LEAF_MUTATING. */
int leaf_header_encode(const struct leaf *l, struct buf *ret);

/* A copy of a segment's key in the leaf that opens the segment: u8 n, then n of these. */
#define LEAF_SEGMENT_SEALED 112u
#define LEAF_SEGMENT_ENTRY (16u + 4 + LEAF_SEGMENT_SEALED)
/*
 * Find the copy for auditor (16 bytes) in a leaf of kind LEAF_SEGMENT: *ret_sealed leads to its LEAF_SEGMENT_SEALED bytes, *ret_month is
 * the month of the key that they are sealed to, 0 for the auditor's own. 0; CV_ERR_NOTFOUND: there is none; CV_ERR_FORMAT.
 */
int leaf_segment_copy(const struct leaf *l, const uint8_t auditor[16], uint32_t *ret_month, const uint8_t **ret_sealed);

#define LEAF_CLASSES_MAX 64	/* classes that one leaf names */
/*
 * What happened to a child's file. The first part is told to the child's people in a receipt, and is sealed apart from the rest: neither
 * texts of people nor fields are in it, and of classes only those that are not hidden.
 */
struct leaf_detail {
	uint8_t view;			/* 0 none, 1 masked, 2 clear */
	uint16_t role, department, purpose, outcome;
	uint8_t approval[16];
	uint8_t classes;
	uint16_t class[LEAF_CLASSES_MAX];	/* source classes of the fields, ascending */
	/* The rest. */
	uint8_t record[16];
	uint32_t count;
	uint8_t bitmap_n;		/* bytes, at most 64 */
	uint8_t bitmap[64];
	uint8_t case_n;
	char case_text[LEAF_CASE_MAX];
	uint16_t reason_n;
	char reason[LEAF_REASON_MAX];
};
/* Role to fields say the same as the detail that body B holds: so auditors need no child's key to count by them. */
struct leaf_actor {
	uint8_t principal[16], session[16], request[16], digest[16];
	uint32_t uid, pid;
	uint16_t outcome, role, department, purpose;
	uint8_t view;			/* 0 none, 1 masked, 2 clear */
	uint16_t fields;		/* how many the bitmap names */
	uint8_t child[8];		/* the child as this person meets it this day; zeros: none */
};
/* Body plaintexts, zero-padded to multiples of 64. detail NULL: none follows. 0 or CV_ERR_NOMEM. */
int leaf_actor_encode(const struct leaf_actor *a, const struct leaf_detail *detail, struct buf *ret);
/* The two plaintexts of body B: what a receipt tells, and the rest. The same results. */
int leaf_told_encode(const struct leaf_detail *d, struct buf *ret);
int leaf_rest_encode(const struct leaf_detail *d, struct buf *ret);
/* 0 or CV_ERR_FORMAT. *ret_has_detail tells whether *ret_detail was written. */
int leaf_actor_decode(const uint8_t *p, size_t n, struct leaf_actor *ret, int *ret_has_detail, struct leaf_detail *ret_detail);
/* Read one part of a detail; members of the other part stay as they are. 0 or CV_ERR_FORMAT. */
int leaf_told_decode(const uint8_t *p, size_t n, struct leaf_detail *ret);
int leaf_rest_decode(const uint8_t *p, size_t n, struct leaf_detail *ret);

#endif

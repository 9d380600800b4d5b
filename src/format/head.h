/* The head of a record in the clear, docs/FORMAT.md 4.1. Pure. */
#ifndef CV_FORMAT_HEAD_H
#define CV_FORMAT_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "format/row.h"

#define HEAD_CLASSES 64
#define HEAD_TOKENS 8
#define HEAD_PREFIX 26		/* clear bytes before the SEAL */
#define HEAD_DROPS_MAX 64
#define HEAD_PLAIN_MAX 4480u	/* padded plaintext of the largest head */

enum record_state {
	STATE_FOUND = 1, STATE_DRAFT, STATE_APPLIED, STATE_VERIFIED, STATE_NOTICED, STATE_REVIEW, STATE_APPROVED, STATE_REFUSED,
	STATE_ACTIVE, STATE_SUSPENDED, STATE_EXITED, STATE_ARCHIVED, STATE_ERASING
};
/* "found", "draft", ... "archived", "erasing"; "" for an unknown number. Static text. */
const char *head_state_name(unsigned state);
/* The state of a name of n bytes, 0 if there is none. */
uint8_t head_state_named(const char *name, size_t n);
#define HEAD_NO_NOTICE 1u
#define HEAD_PLANNED 2u	/* another area follows from a day on */
#define HEAD_DOUBT 4u	/* a guardian is to get nothing: docs/POLICY.md section 6 */
#define HEAD_CLASS_ROW 1u	/* a row exists */

struct head_class {
	uint32_t class_key;
	uint8_t flags;
	uint8_t drops;			/* unmerged drops, at most HEAD_DROPS_MAX */
	uint32_t generation;
	uint32_t row_version;
	uint32_t class_version;
	uint32_t change;		/* that wrote its row: 0 the record's creation; 0 without one */
	uint8_t nonce[ROW_NONCE];	/* N of that change; zeros without a row */
	uint8_t digest[16];		/* of the unmerged drops; zeros without one */
};
struct head_token {
	uint16_t index;
	uint32_t epoch;
	uint8_t token[16];
};
struct head {
	uint8_t record[16];
	uint32_t shred_slot;
	uint8_t state;
	uint8_t flags;
	uint8_t area_n;			/* 0 to 12 */
	char area[12];
	uint8_t planned_n;		/* 0 to 12: the area that follows; zeros and day 0 without HEAD_PLANNED */
	char planned[12];
	uint32_t planned_day;		/* days since 1970-01-01 plus 1, from which it counts */
	uint16_t due_quarter;
	uint64_t created_ms, updated_ms;
	uint8_t log_key[32];
	uint8_t nonce[ROW_NONCE];	/* N of the creation */
	uint8_t digest[16];		/* of the rows that it wrote */
	uint32_t changes;		/* since the creation: rows of HIST */
	uint8_t hist_digest[16];	/* of these; zeros without one */
	unsigned tokens, classes;
	struct head_token token[HEAD_TOKENS];	/* ascending by index, epoch, token */
	struct head_class class[HEAD_CLASSES];	/* ascending class_key */
};
/* Clear prefix of a stored head. 0 or CV_ERR_FORMAT. */
int head_prefix_decode(const uint8_t *stored, size_t n, uint32_t *ret_epoch, uint32_t *ret_slot, uint8_t ret_record[16]);
void head_prefix_encode(uint32_t epoch, uint32_t slot, const uint8_t record[16], uint8_t ret[HEAD_PREFIX]);
/*
 * Write the padded plaintext (without record and slot, which stand in the prefix), *ret_n bytes; each change is listed once. 0,
 * CV_ERR_LIMIT, or CV_ERR_ARG for a head that head_decode would refuse: order of classes or tokens, a row flag without a row version
 * or the reverse, more drops than versions since the row, a change that has not been or is under two Ns, times of 2^48 and more.
 */
int head_encode(const struct head *h, uint8_t ret[HEAD_PLAIN_MAX], size_t *ret_n);
/*
 * Decode a plaintext; record and shred_slot of *ret are left as they are, and of token and class only what exists is
 * written. 0 or CV_ERR_FORMAT, the rest of *ret then undefined.
 */
int head_decode(const uint8_t *p, size_t n, struct head *ret);
/* Where the record lies on a day (days since 1970-01-01 plus 1): *ret_n digits, which live as long as *h. */
const char *head_area(const struct head *h, uint32_t day, size_t *ret_n);
/* The class's entry, or NULL. */
struct head_class *head_class_find(struct head *h, uint32_t class_key);
/* The class's entry, made in order if absent (all zero but class_key and generation 1). NULL when HEAD_CLASSES are used. */
struct head_class *head_class_add(struct head *h, uint32_t class_key);

#endif

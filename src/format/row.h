/* Class rows and drops: layout and first piece, docs/FORMAT.md 4.3 and 4.4; keys of REC. Pure. */
#ifndef CV_FORMAT_ROW_H
#define CV_FORMAT_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROW_MAX (256u * 1024)
#define ROW_NONCE 24u		/* N of a row or drop */
#define ROW_COMMIT 16u		/* C */
#define ROW_ENTRIES 512		/* fields of one class */
#define ROW_PROVENANCES 255
#define ROW_SHORT 128u		/* values of so many padded bytes at most stand in the first piece */
#define ROW_FIRST_MAX 79344u	/* padded plaintext of the largest first piece */
#define FIELD_MAX 61440u

enum value_type {
	VALUE_NULL = 0, VALUE_BOOL = 1, VALUE_INTEGER = 2, VALUE_TEXT = 3, VALUE_DATE = 4, VALUE_CODE = 5, VALUE_LIST = 6,
	VALUE_GROUP = 7, VALUE_SUPPRESSED = 15
};
struct row_entry {
	uint16_t field;
	uint8_t type;
	uint8_t provenance;
	uint16_t length, padded;
	uint32_t offset;	/* of a short value in the first piece's plaintext, of a long one's piece in the stored row; not stored */
};
struct provenance {
	uint16_t source;	/* department */
	uint8_t writer[16];
	uint64_t written_ms;
	uint32_t as_of_day, due_day;	/* days since 1970-01-01 plus 1; 0 none */
};
struct row_index {
	unsigned entries, provenances;
	struct row_entry entry[ROW_ENTRIES];		/* ascending field */
	struct provenance provenance[ROW_PROVENANCES];
};
static inline bool row_is_short(uint16_t padded) { return padded <= ROW_SHORT; }

/* ---- reading ------------------------------------------------------------------------------------------------------- */

/*
 * Parts of a stored row or drop: N (of a drop; NULL of a row, whose N stands in head), C, ciphertext of the first piece, where the
 * pieces behind it begin. Pointers into stored. 0 or CV_ERR_FORMAT (format, suite, lengths).
 */
struct row_parts {
	const uint8_t *nonce, *commit, *first;
	size_t first_n;			/* tag included; its plaintext is at most ROW_FIRST_MAX */
	size_t rest_at;
};
int row_split(const uint8_t *stored, size_t n, bool drop, struct row_parts *ret);
/*
 * Decode the plaintext of n bytes of a first piece, in a row or drop of stored_n bytes with these parts; fills the offsets. Only
 * entries and provenances that exist are written. 0 or CV_ERR_FORMAT: order, second spellings, padding, a null outside a drop,
 * pieces that do not end exactly at stored_n.
 */
int row_decode(const uint8_t *p, size_t n, const struct row_parts *parts, size_t stored_n, bool drop, struct row_index *ret);
/* Entry of a field, or NULL. */
const struct row_entry *row_index_find(const struct row_index *x, uint16_t field);

/* ---- writing ------------------------------------------------------------------------------------------------------- */

/* One field of a row to be sealed. */
struct row_cell {
	uint16_t field;
	uint8_t type;		/* FORMAT.md 4.5 */
	uint8_t provenance;	/* index into the provenances */
	uint16_t length;
	uint16_t padded;
	const uint8_t *p;
};
/* What is to be written: cells ascend by field. */
struct row_input {
	const struct row_cell *cell;
	unsigned n;
	const struct provenance *provenance;
	unsigned provenances;
	bool drop;
};
/* Where the parts of a row to be written stand; in bytes. */
struct row_layout {
	size_t commit_at, first_at, first_n, rest_at;	/* first_n: plaintext */
	size_t stored_n;
};
/*
 * Measure a row. 0; CV_ERR_LIMIT (ROW_MAX, entries, provenances); CV_ERR_ARG for one that row_decode would refuse: order, a field id
 * outside 1 to 0x3FFF, an unknown type, null or suppressed with bytes, a null outside a drop, a provenance that is not there, a length
 * above the padded one, a padded one above FIELD_MAX, a time of 2^48 and more.
 */
int row_measure(const struct row_input *x, struct row_layout *ret);
/*
 * Write to ret, which has room for the layout's stored_n, what stands before C (nonce is a drop's N) and at its place the plaintext of
 * the first piece. C, the tag and what stands from rest_at on are left to the caller.
 */
void row_encode(const struct row_input *x, const struct row_layout *at, const uint8_t nonce[ROW_NONCE], uint8_t *ret);

/* ---- keys of REC --------------------------------------------------------------------------------------------------- */

/* REC keys: returns the key's length (11, or 19 for a drop). kind: 0 head, 1 keys, 2 row, 3 drop. */
#define REC_KEY_MAX 19
enum rec_kind { REC_HEAD = 0, REC_KEYS = 1, REC_ROW = 2, REC_DROP = 3 };
size_t rec_key(uint64_t serial, enum rec_kind kind, uint32_t class_key, uint64_t drop_version, uint8_t ret[REC_KEY_MAX]);

#endif

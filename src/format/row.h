/* Class rows and drops: layout and sealed index, docs/FORMAT.md 4.3 and 4.4; keys of REC and HIST. Pure. */
#ifndef CV_FORMAT_ROW_H
#define CV_FORMAT_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define ROW_MAX (256u * 1024)
#define ROW_PREFIX 60u
#define ROW_ENTRIES 512		/* fields of one class */
#define ROW_PROVENANCES 255
#define ROW_INDEX_MAX 12288u	/* padded plaintext of the largest index */
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
	uint32_t offset;	/* of the cell's ciphertext in the stored row; not stored */
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
/*
 * Parts of a stored row: N, C, index ciphertext. Pointers into stored. 0 or CV_ERR_FORMAT (format, suite, lengths).
 */
struct row_parts {
	const uint8_t *nonce, *commit, *index;
	uint16_t index_n;
};
int row_split(const uint8_t *stored, size_t n, struct row_parts *ret);
/* What stands before the index ciphertext of index_n bytes. */
void row_prefix_encode(uint16_t index_n, const uint8_t nonce[24], const uint8_t commit[32], uint8_t ret[ROW_PREFIX]);
/*
 * Decode the index plaintext of a stored row of stored_n bytes whose index ciphertext has index_n bytes; fills the cell
 * offsets. Only entries and provenances that exist are written. 0 or CV_ERR_FORMAT: order, padding, cells that do not
 * end exactly at stored_n.
 */
int row_index_decode(const uint8_t *p, size_t n, size_t index_n, size_t stored_n, struct row_index *ret);
/*
 * Append the padded index plaintext. offsets are ignored. 0, CV_ERR_LIMIT, CV_ERR_NOMEM, or CV_ERR_ARG for an index that
 * row_index_decode would refuse: order, a field id outside 1 to 0x3FFF, an unknown type, null or suppressed with bytes, a
 * provenance that is not there, a length above the padded one, a padded one above FIELD_MAX, a time of 2^48 and more.
 */
int row_index_encode(const struct row_index *x, struct buf *ret);
/* Entry of a field, or NULL. */
const struct row_entry *row_index_find(const struct row_index *x, uint16_t field);

/* REC keys: returns the key's length (11, or 19 for a drop). kind: 0 head, 1 keys, 2 row, 3 drop. */
#define REC_KEY_MAX 19
#define HIST_KEY 19
enum rec_kind { REC_HEAD = 0, REC_KEYS = 1, REC_ROW = 2, REC_DROP = 3 };
size_t rec_key(uint64_t serial, enum rec_kind kind, uint32_t class_key, uint64_t drop_version, uint8_t ret[REC_KEY_MAX]);
/* HIST key, FORMAT.md 4.6; what 1 row, 2 drop. */
void hist_key(uint64_t serial, uint32_t class_key, uint64_t version, uint8_t what, uint8_t ret[HIST_KEY]);
/* Decode one. 0 or CV_ERR_FORMAT. */
int hist_key_decode(const uint8_t *p, size_t n, uint64_t *ret_serial, uint32_t *ret_class_key, uint64_t *ret_version, uint8_t *ret_what);

#endif

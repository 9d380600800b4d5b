/* Rows of HIST: all class rows that one change of a record wrote, docs/FORMAT.md 4.6. Pure. */
#ifndef CV_FORMAT_HIST_H
#define CV_FORMAT_HIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "format/row.h"

struct buf;

#define HIST_KEY 10
#define HIST_PREFIX (2u + ROW_NONCE)			/* bytes before the rows */
#define HIST_ROW_OVERHEAD (3u + 3u * VARINT_MAX)	/* bytes that a row takes beside its own, at most */

enum hist_what { HIST_ROW = 1, HIST_DROP = 2 };
/* One row, or one drop that was folded into the class's row. */
struct hist_row {
	uint32_t class_key;
	enum hist_what what;
	uint32_t generation;	/* of the data key that opens it, from 1 */
	uint32_t version;	/* row version, or the drop's class version, from 1 */
	const uint8_t *p;
	size_t n;
};

/* The key of a record's change, counted from 1: newest first. */
void hist_key(uint64_t serial, uint32_t change, uint8_t ret[HIST_KEY]);
/* The change of a key; 0: it is none. */
uint32_t hist_change(const uint8_t key[HIST_KEY]);
/* Begin a row of HIST in an empty buffer: its change's N. */
void hist_begin(struct buf *ret, const uint8_t nonce[ROW_NONCE]);
/* Append a row. ret may be bad after it. */
void hist_put(struct buf *ret, const struct hist_row *x);

/* The rows of one value, in the order in which they were put. */
struct hist_walk {
	const uint8_t *nonce;	/* N of its rows; a drop has its own */
	struct rd rd;
};
/* Begin with the first row of n stored bytes. 0 or CV_ERR_FORMAT (format, suite, no row). Pointers into p. */
int hist_open(const uint8_t *p, size_t n, struct hist_walk *ret);
/* The next row: 1; 0 at the end; CV_ERR_FORMAT: class, kind, numbers that are 0, a length beyond the end. */
int hist_next(struct hist_walk *x, struct hist_row *ret);
/* The row of a class. 0, CV_ERR_NOTFOUND, or as the two above. */
int hist_find(const uint8_t *p, size_t n, uint32_t class_key, struct hist_row *ret);

#endif

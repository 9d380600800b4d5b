/* A body in lines (NDJSON), each a request of its own, and the lines that answer them; docs/PROTOCOL.md section 2. Pure. */
#ifndef CV_FRONT_LINES_H
#define CV_FRONT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "front/json_in.h"

struct buf;

/* Where the reading of a body stands; zeros but for next, the number of its first line. */
struct line_reader {
	uint64_t next;		/* number of the line that begins here, or that is passed over */
	size_t scanned;		/* bytes at the start that hold no end of a line */
	bool skipping;		/* within a line that was too long */
};
enum line_found {
	LINE_MORE,		/* no whole line is there */
	LINE_BLANK,		/* one without anything but blanks: it has a number and no answer */
	LINE_HERE,
	LINE_TOO_LONG		/* told once, before its end is there */
};
struct line {
	uint64_t number;
	size_t n;		/* bytes of the line without its LF or CR LF; it stands at the start */
	size_t used;		/* bytes that are done with and not to be shown again; may be above 0 with LINE_MORE too */
};
/*
 * Look at the n bytes at p, which go on where the last call's used ended; end: no others follow. A line may have max bytes. Writes
 * *ret; ret->number and ret->n but for LINE_MORE.
 */
enum line_found line_next(struct line_reader *r, const uint8_t *p, size_t n, bool end, size_t max, struct line *ret);

/*
 * Append the line that answers line number: {"line":n,"status":201,"id":"..."}, with "replayed":true for a repetition, or
 * {"line":n,"status":422,"kind":"...","errors":[{"field","kind","expected"}]}. p is core's whole answer of n bytes; own is what front
 * found itself, or has no problem. 0, or CV_ERR_FORMAT: core broke the protocol.
 */
int line_answer(struct buf *b, uint64_t number, const struct json_fault *own, const uint8_t *p, size_t n);
/* The same for a line that core was not asked about; own->problem is set. */
void line_refused(struct buf *b, uint64_t number, const struct json_fault *own);

#endif

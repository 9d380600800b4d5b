/* QR codes of short texts: on a terminal, as PNG, as SVG. */
#ifndef CV_TOOLS_QR_H
#define CV_TOOLS_QR_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define QR_SIDE_MAX 64u		/* modules */

struct qr {
	unsigned side;
	uint8_t dark[QR_SIDE_MAX * QR_SIDE_MAX];	/* 0 or 1, row by row */
};
/* Make the code of a text of at most SHARE_QR characters of the alphanumeric mode. 0 or CV_ERR_NOMEM. The caller wipes *ret. */
int qr_make(const char *text, struct qr *ret);
/*
 * Append it as lines of half blocks, two rows of modules a line, with a quiet zone. colours: white on black, whatever the terminal's
 * own are.
 */
void qr_blocks(const struct qr *q, int colours, struct buf *ret);
/* Append it as a PNG file, black on white. */
void qr_png(const struct qr *q, struct buf *ret);
/* Append it as an SVG file. */
void qr_svg(const struct qr *q, struct buf *ret);

#endif

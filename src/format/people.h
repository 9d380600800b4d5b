/* The file people of an auditor's export: who the principals of a log are, sealed to that auditor. docs/FORMAT.md section 10. Pure. */
#ifndef CV_FORMAT_PEOPLE_H
#define CV_FORMAT_PEOPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct buf;

#define PEOPLE_MAX (64u << 20)		/* bytes of the file */
#define PEOPLE_SEALED_MAX 4096u		/* of one sealed person */

/* The head, and then n people: the cursor stands behind the head. Pointers lead into the file. */
struct people {
	const uint8_t *vault, *auditor;	/* 16 each */
	uint32_t n;
	struct rd rd;
	const uint8_t *last;		/* principal of the person before, NULL at first */
};
struct people_item {
	const uint8_t *principal;	/* 16 */
	const uint8_t *sealed;		/* PKSEAL, context kind 18 */
	uint16_t sealed_n;
};
/* Append the head of a file with n people; people_item_put appends each of them, ascending. */
void people_head_put(const uint8_t vault[16], const uint8_t auditor[16], uint32_t n, struct buf *ret);
void people_item_put(const struct people_item *p, struct buf *ret);
/* Begin to read n bytes. 0 or CV_ERR_FORMAT. */
int people_read(const uint8_t *p, size_t n, struct people *ret);
/* The next person. 1 with *ret; 0 at the end of the file; CV_ERR_FORMAT: a length, an order or an end that does not fit. */
int people_next(struct people *p, struct people_item *ret);

#endif

#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

#define FIRST_CAP 256	/* first allocation: most messages and rows fit without moving */
#define PRINT_ROOM 512	/* formatted text up to this is built on the stack */

void buf_init(struct buf *b, size_t max)
{
	assert(max > 0);
	*b = (struct buf){ .max = max };
}

void buf_free(struct buf *b)
{
	if (b == NULL)
		return;
	/* The whole allocation: callers may have written into what they only reserved. */
	wipe(b->p, b->cap);
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void buf_cut(struct buf *b, size_t n)
{
	assert(n <= b->n);
	if (n < b->n)
		wipe(b->p + n, b->n - n);
	b->n = n;
}

/* Move to an allocation of at least need bytes (need <= b->max), without realloc, which would leave a copy behind. */
static int grow(struct buf *b, size_t need)
{
	size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
	uint8_t *p;

	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	if (cap > b->max)
		cap = b->max;
	if ((p = malloc(cap)) == NULL)
		return CV_ERR_NOMEM;
	if (b->n > 0)
		memcpy(p, b->p, b->n);
	wipe(b->p, b->cap);
	free(b->p);
	b->p = p;
	b->cap = cap;
	return 0;
}

int buf_make_room(struct buf *b, size_t n)
{
	int r = 0;

	if (b->bad)
		return b->poor ? CV_ERR_NOMEM : CV_ERR_LIMIT;
	if (n > b->max - b->n)
		r = CV_ERR_LIMIT;
	else if (b->p == NULL || n > b->cap - b->n)
		r = grow(b, b->n + n);
	if (r != 0) {
		b->bad = true;
		b->poor = r == CV_ERR_NOMEM;
	}
	return r;
}

void buf_zero(struct buf *b, size_t n)
{
	uint8_t *to = buf_add(b, n);

	if (to != NULL)
		memset(to, 0, n);
}

void buf_u48(struct buf *b, uint64_t v)
{
	uint8_t *to = buf_add(b, 6);

	assert(v >> 48 == 0);
	if (to != NULL)
		be48_put(to, v);
}

void buf_text(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

/*
 * The text is made beside the buffer and copied in: vsnprintf needs room for its NUL, which a buffer filled exactly to
 * max would not have.
 */
void buf_printf(struct buf *b, const char *fmt, ...)
{
	char room[PRINT_ROOM];
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room, sizeof(room), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(room)) {
		buf_put(b, room, (size_t)n);
		return;
	}
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->bad = true;
		return;
	}
	buf_put(b, text, (size_t)n);
	free(text);
}

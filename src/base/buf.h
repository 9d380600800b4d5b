/*
 * A growing byte buffer that wipes what it held.
 *
 * struct buf overwrites its bytes on free, on reset and when growth moves them, whatever they were, so that nobody
 * has to know which buffer was sensitive. Writes are sticky on failure: after one that did not fit, every later write
 * is ignored and buf_ok answers false, so an encoder writes all its fields and asks once. Not shared between threads.
 */
#ifndef CV_BASE_BUF_H
#define CV_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

struct buf {
	uint8_t *p;	/* bytes, NULL while cap is 0; moved by any write, so offsets outlive pointers */
	size_t n;	/* bytes in use, n <= cap */
	size_t cap;	/* bytes allocated, cap <= max */
	size_t max;	/* the buffer never grows past this */
	bool bad;	/* a write failed: memory, or max */
	bool poor;	/* the first that failed did so for want of memory */
};

/* Overwrite n bytes at p so that the compiler cannot drop it: the barrier claims that somebody looks at them afterwards. */
static inline void wipe(void *p, size_t n)
{
	if (n == 0)
		return;
	memset(p, 0, n);
	__asm__ __volatile__("" : : "r"(p) : "memory");
}

/* Make b empty, able to grow to max bytes (> 0). Allocates nothing. Call buf_free when done. */
void buf_init(struct buf *b, size_t max);
/* Wipe and release; b is then as after buf_init. NULL is allowed. */
void buf_free(struct buf *b);
/* Wipe the bytes in use and clear the error, keep the memory for the next use. */
static inline void buf_reset(struct buf *b)
{
	wipe(b->p, b->n);
	b->n = 0;
	b->bad = b->poor = false;
}
/* Cut to n bytes (n <= b->n), wiping the rest; the error, if any, stays. */
void buf_cut(struct buf *b, size_t n);
/* All writes fitted. */
static inline bool buf_ok(const struct buf *b) { return !b->bad; }
/* Let b count as failed, for want of memory if from did so: it lacks what from was to hold. */
static inline void buf_spoil(struct buf *b, const struct buf *from)
{
	b->poor = b->bad ? b->poor : from->poor;
	b->bad = true;
}
/* What buf_reserve does where the bytes do not fit as they are. */
int buf_make_room(struct buf *b, size_t n);
/* Make sure n more bytes fit without moving. 0, CV_ERR_NOMEM or CV_ERR_LIMIT (both sticky). */
static inline int buf_reserve(struct buf *b, size_t n)
{
	return !b->bad && b->p != NULL && n <= b->cap - b->n ? 0 : buf_make_room(b, n);
}
/* Append n uninitialised bytes and return their address, valid until the next write; NULL on failure. */
static inline uint8_t *buf_add(struct buf *b, size_t n)
{
	uint8_t *p;

	if (buf_reserve(b, n) != 0)
		return NULL;
	p = b->p + b->n;
	b->n += n;
	return p;
}
/* Append bytes, zeros, or a number, big-endian. A request makes hundreds of these: what fits costs no call. */
static inline void buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *to = buf_add(b, n);

	if (to != NULL && n > 0)
		memcpy(to, p, n);
}
void buf_zero(struct buf *b, size_t n);
static inline void buf_u8(struct buf *b, uint8_t v)
{
	uint8_t *to = buf_add(b, 1);

	if (to != NULL)
		*to = v;
}
static inline void buf_u16(struct buf *b, uint16_t v)
{
	uint8_t *to = buf_add(b, 2);

	if (to != NULL)
		be16_put(to, v);
}
static inline void buf_u32(struct buf *b, uint32_t v)
{
	uint8_t *to = buf_add(b, 4);

	if (to != NULL)
		be32_put(to, v);
}
void buf_u48(struct buf *b, uint64_t v);	/* v below 2^48 */
static inline void buf_u64(struct buf *b, uint64_t v)
{
	uint8_t *to = buf_add(b, 8);

	if (to != NULL)
		be64_put(to, v);
}
/* Append text without its terminating NUL. */
void buf_text(struct buf *b, const char *s);
/* Append printf-formatted text; for text that is not secret, since printf keeps copies on the stack. */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

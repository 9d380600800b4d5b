/*
 * Byte order, and cursors over bytes that were read from outside.
 *
 * All multi-byte integers of every format in docs/FORMAT.md are big-endian. No struct is ever copied to or from
 * stored bytes: integers pass through these helpers alone. Any thread; nothing here allocates.
 */
#ifndef CV_BASE_BYTES_H
#define CV_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void be16_put(uint8_t *p, uint16_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }
static inline void be32_put(uint8_t *p, uint32_t v) { be16_put(p, (uint16_t)(v >> 16)); be16_put(p + 2, (uint16_t)v); }
static inline void be48_put(uint8_t *p, uint64_t v) { be16_put(p, (uint16_t)(v >> 32)); be32_put(p + 2, (uint32_t)v); }
static inline void be64_put(uint8_t *p, uint64_t v) { be32_put(p, (uint32_t)(v >> 32)); be32_put(p + 4, (uint32_t)v); }
static inline uint16_t be16_get(const uint8_t *p) { return (uint16_t)((p[0] << 8) | p[1]); }
static inline uint32_t be32_get(const uint8_t *p) { return ((uint32_t)be16_get(p) << 16) | be16_get(p + 2); }
static inline uint64_t be48_get(const uint8_t *p) { return ((uint64_t)be16_get(p) << 32) | be32_get(p + 2); }
static inline uint64_t be64_get(const uint8_t *p) { return ((uint64_t)be32_get(p) << 32) | be32_get(p + 4); }

/*
 * A reading cursor. Its error is sticky: after the first read past the end every read gives 0 or NULL, so a decoder
 * may read all its fields and ask once, with rd_done or rd_ok, whether they were there.
 */
struct rd {
	const uint8_t *p;	/* next byte */
	const uint8_t *end;	/* one past the last byte */
	bool bad;		/* a read ran past the end */
};

/* A cursor at the start of n bytes. */
static inline struct rd rd_over(const void *p, size_t n)
{
	struct rd r = { (const uint8_t *)p, (const uint8_t *)p + n, false };
	return r;
}
/* Bytes not yet read; 0 after an error. */
static inline size_t rd_left(const struct rd *r) { return r->bad ? 0 : (size_t)(r->end - r->p); }
/* Take n bytes: a pointer into the underlying bytes, or NULL if fewer are left (n == 0 gives a non-NULL pointer). */
static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return p;
}
static inline uint8_t rd_u8(struct rd *r) { const uint8_t *p = rd_take(r, 1); return p ? *p : 0; }
static inline uint16_t rd_u16(struct rd *r) { const uint8_t *p = rd_take(r, 2); return p ? be16_get(p) : 0; }
static inline uint32_t rd_u32(struct rd *r) { const uint8_t *p = rd_take(r, 4); return p ? be32_get(p) : 0; }
static inline uint64_t rd_u48(struct rd *r) { const uint8_t *p = rd_take(r, 6); return p ? be48_get(p) : 0; }
static inline uint64_t rd_u64(struct rd *r) { const uint8_t *p = rd_take(r, 8); return p ? be64_get(p) : 0; }
/*
 * A varint of docs/FORMAT.md 4.1 that stands for a u32. A second spelling of a number and one that does not fit count as a read past
 * the end.
 */
static inline uint32_t rd_varint(struct rd *r)
{
	uint32_t v = 0;

	/* Most take one byte. */
	if (!r->bad && r->p < r->end && *r->p < 0x80)
		return *r->p++;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t b = rd_u8(r);

		if ((shift == 28 && b > 0x0F) || (shift > 0 && b == 0))
			break;
		v |= (uint32_t)(b & 0x7F) << shift;
		if (b < 0x80)
			return v;
	}
	r->bad = true;
	return 0;
}
/* Copy n bytes to ret, which is zeroed instead when fewer are left. */
static inline void rd_copy(struct rd *r, void *ret, size_t n)
{
	const uint8_t *p = rd_take(r, n);

	if (p != NULL)
		memcpy(ret, p, n);
	else
		memset(ret, 0, n);
}
/* No read ran past the end. */
static inline bool rd_ok(const struct rd *r) { return !r->bad; }
/* No read ran past the end, and nothing is left over: decoders refuse trailing bytes. */
static inline bool rd_done(const struct rd *r) { return !r->bad && r->p == r->end; }

/* ---- writing where the room is known: each writes at p and answers what stands behind ------------------------------ */

#define VARINT_MAX 5	/* bytes of the longest varint of a u32 */
static inline uint8_t *wr_u8(uint8_t *p, uint8_t v) { p[0] = v; return p + 1; }
static inline uint8_t *wr_u16(uint8_t *p, uint16_t v) { be16_put(p, v); return p + 2; }
static inline uint8_t *wr_u32(uint8_t *p, uint32_t v) { be32_put(p, v); return p + 4; }
static inline uint8_t *wr_u48(uint8_t *p, uint64_t v) { be48_put(p, v); return p + 6; }
static inline uint8_t *wr_bytes(uint8_t *p, const void *from, size_t n) { memcpy(p, from, n); return p + n; }
static inline uint8_t *wr_varint(uint8_t *p, uint32_t v)
{
	for (; v > 0x7F; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}
/* How many bytes wr_varint writes. */
static inline size_t varint_size(uint32_t v)
{
	return v < 1u << 7 ? 1 : v < 1u << 14 ? 2 : v < 1u << 21 ? 3 : v < 1u << 28 ? 4 : 5;
}

#endif

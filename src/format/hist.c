#include "format/hist.h"

#include "base/buf.h"
#include "base/error.h"

#define FORMAT 1
#define SUITE 1

void hist_key(uint64_t serial, uint32_t change, uint8_t ret[HIST_KEY])
{
	be48_put(ret, serial);
	be32_put(ret + 6, ~change);
}

uint32_t hist_change(const uint8_t key[HIST_KEY])
{
	return ~be32_get(key + 6);
}

void hist_begin(struct buf *ret, const uint8_t nonce[ROW_NONCE])
{
	buf_u8(ret, FORMAT);
	buf_u8(ret, SUITE);
	buf_put(ret, nonce, ROW_NONCE);
}

void hist_put(struct buf *ret, const struct hist_row *x)
{
	uint8_t before[HIST_ROW_OVERHEAD], *p = before;

	p = wr_u16(p, (uint16_t)(x->class_key >> 16));
	p = wr_u8(p, (uint8_t)x->what);
	p = wr_varint(p, x->generation);
	p = wr_varint(p, x->version);
	p = wr_varint(p, (uint32_t)x->n);
	buf_put(ret, before, (size_t)(p - before));
	buf_put(ret, x->p, x->n);
}

int hist_open(const uint8_t *p, size_t n, struct hist_walk *ret)
{
	if (n <= HIST_PREFIX || p[0] != FORMAT || p[1] != SUITE)
		return CV_ERR_FORMAT;
	ret->nonce = p + 2;
	ret->rd = rd_over(p + HIST_PREFIX, n - HIST_PREFIX);
	return 0;
}

int hist_next(struct hist_walk *x, struct hist_row *ret)
{
	uint8_t what;

	if (rd_done(&x->rd))
		return 0;
	ret->class_key = (uint32_t)rd_u16(&x->rd) << 16;
	what = rd_u8(&x->rd);
	ret->generation = rd_varint(&x->rd);
	ret->version = rd_varint(&x->rd);
	ret->n = rd_varint(&x->rd);
	ret->p = rd_take(&x->rd, ret->n);
	if (ret->p == NULL || ret->class_key == 0 || (what != HIST_ROW && what != HIST_DROP) || ret->generation == 0 || ret->version == 0)
		return CV_ERR_FORMAT;
	ret->what = what;
	return 1;
}

int hist_find(const uint8_t *p, size_t n, uint32_t class_key, struct hist_row *ret)
{
	struct hist_walk x;
	int r;

	if ((r = hist_open(p, n, &x)) != 0)
		return r;
	while ((r = hist_next(&x, ret)) == 1)
		if (ret->class_key == class_key && ret->what == HIST_ROW)
			return 0;
	return r == 0 ? CV_ERR_NOTFOUND : r;
}

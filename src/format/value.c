#include "format/value.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

static int check(uint8_t type, const uint8_t *p, size_t n, unsigned depth);

int value_name_compare(const void *a, size_t a_n, const void *b, size_t b_n)
{
	size_t both = a_n < b_n ? a_n : b_n;
	int c = both > 0 ? memcmp(a, b, both) : 0;

	return c != 0 ? c : (a_n > b_n) - (a_n < b_n);
}

/* Read one item of a list or member of a group; what its bytes say is not looked at. The cursor's error tells. */
static struct value_item item_read(struct rd *r, bool named)
{
	struct value_item x = { 0 };

	if (named) {
		x.name_n = rd_u8(r);
		x.name = (const char *)rd_take(r, x.name_n);
	}
	x.type = rd_u8(r);
	x.n = rd_u32(r);
	x.p = rd_take(r, x.n);
	return x;
}

static int check_items(const uint8_t *p, size_t n, bool named, unsigned depth)
{
	struct value_item x, last = { 0 };
	struct rd r = rd_over(p, n);
	uint16_t count = rd_u16(&r);

	if (depth == VALUE_DEPTH)
		return CV_ERR_FORMAT;
	for (; count > 0; count--) {
		x = item_read(&r, named);
		if (!rd_ok(&r) || x.type == VALUE_NULL || x.type == VALUE_SUPPRESSED)
			return CV_ERR_FORMAT;
		/* Ascending: a name stands once, and a group has one spelling. The empty name is below the first. */
		if (named && (value_name_compare(last.name, last.name_n, x.name, x.name_n) >= 0 ||
		    !utf8_valid(x.name, x.name_n)))
			return CV_ERR_FORMAT;
		if (check(x.type, x.p, x.n, depth + 1) != 0)
			return CV_ERR_FORMAT;
		last = x;
	}
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

static bool date_shaped(const uint8_t *p, size_t n)
{
	static const char shape[] = "dddd-dd-dd";

	if (n != VALUE_DATE_BYTES)
		return false;
	for (size_t i = 0; i < n; i++)
		if (shape[i] == 'd' ? p[i] < '0' || p[i] > '9' : p[i] != '-')
			return false;
	return true;
}

static int check(uint8_t type, const uint8_t *p, size_t n, unsigned depth)
{
	bool good = false;

	switch (type) {
	case VALUE_NULL:
	case VALUE_SUPPRESSED:
		good = n == 0;
		break;
	case VALUE_BOOL:
		good = n == 1 && p[0] <= 1;
		break;
	case VALUE_INTEGER:
		good = n == 8;
		break;
	case VALUE_TEXT:
	case VALUE_CODE:
		good = n == 0 || utf8_valid((const char *)p, n);
		break;
	case VALUE_DATE:
		good = date_shaped(p, n);
		break;
	case VALUE_LIST:
	case VALUE_GROUP:
		/* An item has at least five bytes, so that what is walked is bounded by n. */
		return n == 0 ? CV_ERR_FORMAT : check_items(p, n, type == VALUE_GROUP, depth);
	}
	return good ? 0 : CV_ERR_FORMAT;
}

int value_check(uint8_t type, const void *p, size_t n)
{
	return check(type, p, n, 0);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

int64_t value_integer(const uint8_t p[8])
{
	uint64_t u = be64_get(p);
	int64_t v;

	memcpy(&v, &u, sizeof(v));	/* two's complement on both sides */
	return v;
}

struct value_walk value_walk(uint8_t type, const void *p, size_t n)
{
	struct value_walk w = { .rd = rd_over(p, n), .named = type == VALUE_GROUP };

	assert(type == VALUE_LIST || type == VALUE_GROUP);
	w.left = rd_u16(&w.rd);
	return w;
}

bool value_next(struct value_walk *w, struct value_item *ret)
{
	struct value_item x;

	if (w->left == 0)
		return false;
	x = item_read(&w->rd, w->named);
	assert(rd_ok(&w->rd));	/* the bytes were checked */
	w->left--;
	*ret = x;
	return true;
}

bool value_empty(uint8_t type, const void *p, size_t n)
{
	return type == VALUE_LIST || type == VALUE_GROUP ? value_walk(type, p, n).left == 0 : n == 0;
}

bool value_member(const void *p, size_t n, const char *name, size_t name_n, struct value_item *ret)
{
	struct value_walk w = value_walk(VALUE_GROUP, p, n);
	struct value_item x;

	while (value_next(&w, &x)) {
		if (value_name_compare(x.name, x.name_n, name, name_n) == 0) {
			*ret = x;
			return true;
		}
	}
	return false;
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

void value_integer_put(struct buf *b, int64_t v)
{
	buf_u64(b, (uint64_t)v);
}

void value_bool_put(struct buf *b, bool v)
{
	buf_u8(b, v ? 1 : 0);
}

size_t value_begin(struct buf *b)
{
	size_t at = b->n;

	buf_u16(b, 0);
	return at;
}

void value_end(struct buf *b, size_t at, size_t count)
{
	if (count > VALUE_ITEMS_MAX)
		b->bad = true;
	else if (buf_ok(b))
		be16_put(b->p + at, (uint16_t)count);
}

size_t value_nest_begin(struct buf *b, const char *name, size_t name_n, uint8_t type)
{
	size_t at;

	if (name != NULL) {
		if (name_n == 0 || name_n > VALUE_NAME_MAX)
			b->bad = true;
		buf_u8(b, (uint8_t)name_n);
		buf_put(b, name, name_n);
	}
	buf_u8(b, type);
	at = b->n;
	buf_u32(b, 0);
	return at;
}

void value_nest_end(struct buf *b, size_t at)
{
	size_t n;

	if (!buf_ok(b))
		return;
	n = b->n - at - 4;
	if (n > UINT32_MAX)
		b->bad = true;
	else
		be32_put(b->p + at, (uint32_t)n);
}

void value_item_put(struct buf *b, uint8_t type, const void *p, size_t n)
{
	value_member_put(b, NULL, 0, type, p, n);
}

void value_member_put(struct buf *b, const char *name, size_t name_n, uint8_t type, const void *p, size_t n)
{
	size_t at = value_nest_begin(b, name, name_n, type);

	buf_put(b, p, n);
	value_nest_end(b, at);
}

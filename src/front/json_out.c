#include "front/json_out.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "format/value.h"

/* ---- text ------------------------------------------------------------------------------------------------------- */

/* 0: goes out as it is; else the letter after the backslash, 'u' for a code. */
static const char escapes[256] = {
	['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\',
	[0] = 'u', [1] = 'u', [2] = 'u', [3] = 'u', [4] = 'u', [5] = 'u', [6] = 'u', [7] = 'u', [11] = 'u', [14] = 'u',
	[15] = 'u', [16] = 'u', [17] = 'u', [18] = 'u', [19] = 'u', [20] = 'u', [21] = 'u', [22] = 'u', [23] = 'u',
	[24] = 'u', [25] = 'u', [26] = 'u', [27] = 'u', [28] = 'u', [29] = 'u', [30] = 'u', [31] = 'u', [127] = 'u',
};

static void escape(struct buf *b, uint8_t c)
{
	static const char digits[] = "0123456789abcdef";
	char code[6] = { '\\', escapes[c], '0', '0', digits[c >> 4], digits[c & 15] };

	buf_put(b, code, escapes[c] == 'u' ? 6 : 2);
}

/* Whether one of eight bytes is below 0x20, '"', '\\' or 0x7f. Borrows reach upwards only, so a hit is never missed. */
static bool escape_among(uint64_t eight)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
	uint64_t quote = eight ^ ones * '"', slash = eight ^ ones * '\\', del = eight ^ ones * 0x7f;

	return (((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((del - ones) & ~del)) & tops;
}

/* Bytes at the start of p that go out as they are. */
static size_t plain_run(const char *p, size_t n)
{
	size_t i = 0;
	uint64_t eight;

	for (; n - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, p + i, sizeof(eight));
		if (escape_among(eight))
			break;
	}
	while (i < n && escapes[(uint8_t)p[i]] == 0)
		i++;
	return i;
}

void json_text(struct buf *b, const char *p, size_t n)
{
	size_t run = plain_run(p, n);
	uint8_t *to = buf_add(b, run + 1);

	if (to == NULL)
		return;
	to[0] = '"';
	if (run > 0)
		memcpy(to + 1, p, run);
	while (run < n) {
		size_t more;

		escape(b, (uint8_t)p[run++]);
		more = plain_run(p + run, n - run);
		buf_put(b, p + run, more);
		run += more;
	}
	buf_u8(b, '"');
}

void json_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	buf_put(b, digits + at, sizeof(digits) - at);
}

static void json_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_u8(b, '-');
	json_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void put_hex(struct buf *b, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *to = buf_add(b, 2 * n);

	for (size_t i = 0; i < n && to != NULL; i++) {
		to[2 * i] = (uint8_t)digits[p[i] >> 4];
		to[2 * i + 1] = (uint8_t)digits[p[i] & 15];
	}
}

void json_hex(struct buf *b, const void *p, size_t n)
{
	buf_u8(b, '"');
	put_hex(b, p, n);
	buf_u8(b, '"');
}

void json_etag(struct buf *b, const uint8_t etag[16])
{
	buf_text(b, "\"\\\"");
	put_hex(b, etag, 16);
	buf_text(b, "\\\"\"");
}

void json_b64(struct buf *b, const void *p, size_t n)
{
	size_t size = b64_size(B64_STD, n);
	char *to;

	buf_u8(b, '"');
	if ((to = (char *)buf_add(b, size)) != NULL) {
		b64_encode(B64_STD, p, n, to);
		buf_cut(b, b->n - 1);	/* the NUL */
	}
	buf_u8(b, '"');
}

void json_time(struct buf *b, uint64_t ms)
{
	char text[25];

	clock_rfc3339(ms, text);
	json_text(b, text, strlen(text));
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static void put_value(struct buf *b, uint8_t type, const uint8_t *p, size_t n);

/* Checked bytes of a list or group; value_check bounds the depth of this recursion. */
static void put_items(struct buf *b, uint8_t type, const uint8_t *p, size_t n)
{
	struct value_walk w = value_walk(type, p, n);
	struct value_item item;
	bool group = type == VALUE_GROUP, first = true;

	buf_u8(b, group ? '{' : '[');
	while (value_next(&w, &item)) {
		if (!first)
			buf_u8(b, ',');
		first = false;
		if (group) {
			json_text(b, item.name, item.name_n);
			buf_u8(b, ':');
		}
		put_value(b, item.type, item.p, item.n);
	}
	buf_u8(b, group ? '}' : ']');
}

static void put_value(struct buf *b, uint8_t type, const uint8_t *p, size_t n)
{
	switch (type) {
	case VALUE_NULL:
		buf_text(b, "null");
		break;
	case VALUE_BOOL:
		buf_text(b, value_bool(p) ? "true" : "false");
		break;
	case VALUE_INTEGER:
		json_i64(b, value_integer(p));
		break;
	case VALUE_LIST:
	case VALUE_GROUP:
		put_items(b, type, p, n);
		break;
	case VALUE_SUPPRESSED:
		buf_text(b, "\"" JSON_SUPPRESSED "\"");
		break;
	default:	/* text, date, code */
		json_text(b, (const char *)p, n);
		break;
	}
}

int json_value(struct buf *b, uint8_t type, const uint8_t *p, size_t n)
{
	if (value_check(type, p, n) != 0)
		return CV_ERR_FORMAT;
	put_value(b, type, p, n);
	return 0;
}

void json_names(struct buf *b, struct wire_list l)
{
	struct wire_text name;
	bool first = true;

	buf_u8(b, '[');
	while (wire_names_next(&l, &name)) {
		if (!first)
			buf_u8(b, ',');
		first = false;
		json_text(b, name.p, name.n);
	}
	buf_u8(b, ']');
}

int json_fields_out(struct buf *b, struct wire_list l)
{
	struct wire_field f;
	bool first = true;

	buf_u8(b, '{');
	while (wire_fields_next(&l, &f)) {
		if (!first)
			buf_u8(b, ',');
		first = false;
		json_text(b, f.name.p, f.name.n);
		buf_u8(b, ':');
		if (json_value(b, f.value.type, f.value.p, f.value.n) != 0)
			return CV_ERR_FORMAT;
	}
	buf_u8(b, '}');
	return 0;
}

#include "base/text.h"

#include <string.h>

#include "base/error.h"

/* ---- UTF-8 ----------------------------------------------------------------------------------------------------- */

size_t utf8_next(const char *s, size_t n, uint32_t *ret)
{
	const uint8_t *p = (const uint8_t *)s;
	uint32_t cp, least;
	size_t len;

	if (p[0] < 0x80) {
		*ret = p[0];
		return 1;
	}
	if ((p[0] & 0xe0) == 0xc0) {
		len = 2;
		least = 0x80;
		cp = p[0] & 0x1fu;
	} else if ((p[0] & 0xf0) == 0xe0) {
		len = 3;
		least = 0x800;
		cp = p[0] & 0x0fu;
	} else if ((p[0] & 0xf8) == 0xf0) {
		len = 4;
		least = 0x10000;
		cp = p[0] & 0x07u;
	} else {
		return 0;
	}
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = (cp << 6) | (p[i] & 0x3fu);
	}
	/* Overlong forms and surrogates would give a text two spellings, and so two index tokens. */
	if (cp < least || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret = cp;
	return len;
}

/*
 * Whether three bytes are a code point by their look alone, as those of Chinese text are: no lead that may begin an overlong form or a
 * surrogate.
 */
static bool is_plain_three(const uint8_t *p)
{
	return p[0] > 0xe0 && p[0] < 0xf0 && p[0] != 0xed && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80;
}

bool utf8_valid(const char *s, size_t n)
{
	uint64_t eight;
	uint32_t cp;
	size_t i = 0, len;

	while (i < n) {
		/* Runs of ASCII eight bytes at a time: names and codes are little else, and each read answer checks dozens. */
		if (n - i >= sizeof(eight)) {
			memcpy(&eight, s + i, sizeof(eight));
			if ((eight & UINT64_C(0x8080808080808080)) == 0) {
				i += sizeof(eight);
				continue;
			}
		}
		if ((uint8_t)s[i] < 0x80) {
			i++;
			continue;
		}
		if (n - i >= 3 && is_plain_three((const uint8_t *)s + i)) {
			i += 3;
			continue;
		}
		if ((len = utf8_next(s + i, n - i, &cp)) == 0)
			return false;
		i += len;
	}
	return true;
}

size_t utf8_put(char *out, uint32_t cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | (cp >> 6));
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | (cp >> 12));
		out[1] = (char)(0x80 | ((cp >> 6) & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | (cp >> 18));
	out[1] = (char)(0x80 | ((cp >> 12) & 0x3f));
	out[2] = (char)(0x80 | ((cp >> 6) & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

size_t utf8_count(const char *s, size_t n)
{
	size_t count = 0;

	/* Every code point has exactly one byte that is not a continuation. */
	for (size_t i = 0; i < n; i++)
		count += ((uint8_t)s[i] & 0xc0) != 0x80;
	return count;
}

/* ---- digits, without branches or table look-ups that depend on them -------------------------------------------- */

/* All ones if lo <= c <= hi, else 0; every argument below 2^16. */
static inline unsigned within(unsigned c, unsigned lo, unsigned hi)
{
	/* c - lo and hi - c both stay below 2^31 unless they wrapped. */
	return (((c - lo) | (hi - c)) >> 31) - 1;
}

void hex_encode(const void *p, size_t n, char *ret)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < 2 * n; i++) {
		unsigned v = (i & 1) == 0 ? b[i / 2] >> 4 : b[i / 2] & 15u;

		ret[i] = (char)('0' + v + (within(v, 10, 15) & ('a' - '0' - 10)));
	}
	ret[2 * n] = '\0';
}

/* The value of a lower-case hexadecimal digit; *bad gathers ones if it is none. */
static inline unsigned hex_digit(char ch, unsigned *bad)
{
	unsigned c = (uint8_t)ch, num = within(c, '0', '9'), low = within(c, 'a', 'f');

	*bad |= ~(num | low);
	return (num & (c - '0')) | (low & (c - 'a' + 10));
}

int hex_decode(const char *s, size_t len, void *ret, size_t n)
{
	uint8_t *out = ret;
	unsigned bad = 0;

	if (len % 2 != 0 || len / 2 != n)
		return CV_ERR_FORMAT;
	for (size_t i = 0; i < n; i++) {
		unsigned hi = hex_digit(s[2 * i], &bad);

		out[i] = (uint8_t)((hi << 4) | hex_digit(s[2 * i + 1], &bad));
	}
	return bad == 0 ? 0 : CV_ERR_FORMAT;
}

/* The characters of the values 62 and 63. */
static void last_two(enum b64_kind kind, unsigned *ret_62, unsigned *ret_63)
{
	*ret_62 = kind == B64_STD ? '+' : '-';
	*ret_63 = kind == B64_STD ? '/' : '_';
}

size_t b64_size(enum b64_kind kind, size_t n)
{
	size_t rest = n % 3;

	if (kind == B64_STD)
		return n / 3 * 4 + (rest > 0 ? 4 : 0) + 1;
	return n / 3 * 4 + (rest > 0 ? rest + 1 : 0) + 1;
}

static inline char b64_char(unsigned v, unsigned c62, unsigned c63)
{
	return (char)((within(v, 0, 25) & ('A' + v)) | (within(v, 26, 51) & ('a' + v - 26)) |
	    (within(v, 52, 61) & ('0' + v - 52)) | (within(v, 62, 62) & c62) | (within(v, 63, 63) & c63));
}

void b64_encode(enum b64_kind kind, const void *p, size_t n, char *ret)
{
	const uint8_t *b = p;
	unsigned acc = 0, bits = 0, c62, c63;

	last_two(kind, &c62, &c63);
	for (size_t i = 0; i < n; i++) {
		acc = (acc << 8) | b[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*ret++ = b64_char((acc >> (bits - 6)) & 63, c62, c63);
		acc &= 63;	/* at most five bits are carried over */
	}
	if (bits > 0)
		*ret++ = b64_char((acc << (6 - bits)) & 63, c62, c63);
	if (kind == B64_STD)
		for (size_t rest = n % 3; rest > 0 && rest < 3; rest++)
			*ret++ = '=';
	*ret = '\0';
}

static inline unsigned b64_digit(char ch, unsigned c62, unsigned c63, unsigned *bad)
{
	unsigned c = (uint8_t)ch;
	unsigned up = within(c, 'A', 'Z'), low = within(c, 'a', 'z'), num = within(c, '0', '9');
	unsigned is62 = within(c, c62, c62), is63 = within(c, c63, c63);

	*bad |= ~(up | low | num | is62 | is63);
	return (up & (c - 'A')) | (low & (c - 'a' + 26)) | (num & (c - '0' + 52)) | (is62 & 62) | (is63 & 63);
}

int b64_decode(enum b64_kind kind, const char *s, size_t len, void *ret, size_t max, size_t *ret_n)
{
	uint8_t *out = ret;
	unsigned acc = 0, bits = 0, bad = 0, c62, c63;
	size_t n;

	if (kind == B64_STD) {
		if (len % 4 != 0)
			return CV_ERR_FORMAT;
		/* Padding shows the length, which is no secret. A third '=' is refused as a digit. */
		if (len > 0 && s[len - 1] == '=')
			len -= s[len - 2] == '=' ? 2 : 1;
	}
	if (len % 4 == 1)
		return CV_ERR_FORMAT;
	n = len / 4 * 3 + len % 4 * 6 / 8;
	if (n > max)
		return CV_ERR_LIMIT;
	last_two(kind, &c62, &c63);
	for (size_t i = 0; i < len; i++) {
		acc = (acc << 6) | b64_digit(s[i], c62, c63, &bad);
		if ((bits += 6) >= 8) {
			bits -= 8;
			*out++ = (uint8_t)(acc >> bits);
			acc &= (1u << bits) - 1;
		}
	}
	/* Spare bits that are not zero would be a second spelling of the same bytes. */
	if (bad != 0 || acc != 0)
		return CV_ERR_FORMAT;
	*ret_n = n;
	return 0;
}

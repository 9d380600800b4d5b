#include "format/share.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/error.h"

#define FORMAT 1u
#define SUITE 1u
#define SLOTS 4u
#define INDEX_MAX 16u
#define WHOLE (SHARE_BYTES + 4u)		/* with its CRC-32C: 80 characters */
#define LINE_SYMBOLS 16u			/* of a line, without the check character */

_Static_assert(WHOLE * 8 == SHARE_LINES * LINE_SYMBOLS * 5, "lines are full");
_Static_assert(SHARE_SYMBOLS == SHARE_LINES * (LINE_SYMBOLS + 1), "and have a check character each");

/* Without I, L, O and U, which are taken for other characters or make words. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void share_encode(const struct share *s, uint8_t ret[SHARE_BYTES])
{
	const uint8_t head[6] = { FORMAT, SUITE, s->slot, s->index, s->k, s->n };

	memcpy(ret, head, sizeof(head));
	memcpy(ret + 6, s->vault, SHARE_TAG);
	memcpy(ret + 10, s->split, SHARE_TAG);
	memcpy(ret + 14, s->scalar, 32);
}

int share_decode(const uint8_t p[SHARE_BYTES], struct share *ret)
{
	uint8_t slot = p[2], index = p[3], k = p[4], n = p[5];

	if (p[0] != FORMAT || p[1] != SUITE || slot >= SLOTS || k < 1 || k > n || n > INDEX_MAX || index < 1 || index > n)
		return CV_ERR_FORMAT;
	ret->slot = slot;
	ret->index = index;
	ret->k = k;
	ret->n = n;
	memcpy(ret->vault, p + 6, SHARE_TAG);
	memcpy(ret->split, p + 10, SHARE_TAG);
	memcpy(ret->scalar, p + 14, 32);
	return 0;
}

/* Product in the field of 32 elements, x^5 + x^2 + 1. */
static unsigned field_mul(unsigned a, unsigned b)
{
	unsigned product = 0;

	for (unsigned i = 0; i < 5; i++) {
		product ^= a & (0u - (b >> i & 1));
		a <<= 1;
		a ^= 0x25 & (0u - (a >> 5));
	}
	return product;
}

/*
 * A line's check character: the sum of a^i times character i, i = 1...16, and a^17 times the line's number, a = 2, whose order is 31.
 * So one wrong character is found, and two that changed places, and a line in another's place.
 */
static unsigned line_check(const uint8_t *symbols, unsigned line)
{
	unsigned sum = 0, weight = 1;

	for (unsigned i = 0; i < LINE_SYMBOLS; i++) {
		weight = field_mul(weight, 2);
		sum ^= field_mul(weight, symbols[i]);
	}
	return sum ^ field_mul(field_mul(weight, 2), line + 1);
}

/* All 85 characters as numbers. */
static void to_symbols(const uint8_t p[SHARE_BYTES], uint8_t ret[SHARE_SYMBOLS])
{
	uint8_t whole[WHOLE];

	memcpy(whole, p, SHARE_BYTES);
	/* It finds mistakes, not changes: those the commitments find. */
	be32_put(whole + SHARE_BYTES, crc32c(p, SHARE_BYTES));
	for (unsigned line = 0; line < SHARE_LINES; line++) {
		uint8_t *out = ret + line * (LINE_SYMBOLS + 1);

		for (unsigned i = 0; i < LINE_SYMBOLS; i++) {
			unsigned bit = (line * LINE_SYMBOLS + i) * 5, at = bit / 8;
			unsigned two = (unsigned)whole[at] << 8 | (at + 1 < WHOLE ? whole[at + 1] : 0u);

			out[i] = two >> (11 - bit % 8) & 31;
		}
		out[LINE_SYMBOLS] = (uint8_t)line_check(out, line);
	}
	wipe(whole, sizeof(whole));
}

void share_line(const uint8_t p[SHARE_BYTES], unsigned line, char ret[SHARE_LINE])
{
	uint8_t symbols[SHARE_SYMBOLS];
	const uint8_t *of = symbols + line * (LINE_SYMBOLS + 1);
	unsigned at = 0;

	to_symbols(p, symbols);
	for (unsigned i = 0; i <= LINE_SYMBOLS; i++) {
		if (i == LINE_SYMBOLS / 2 || i == LINE_SYMBOLS)
			ret[at++] = ' ';
		ret[at++] = alphabet[of[i]];
	}
	ret[at] = '\0';
	wipe(symbols, sizeof(symbols));
}

void share_qr_text(const uint8_t p[SHARE_BYTES], char ret[SHARE_QR])
{
	uint8_t symbols[SHARE_SYMBOLS];
	size_t at = sizeof(SHARE_QR_HEAD) - 1;

	to_symbols(p, symbols);
	memcpy(ret, SHARE_QR_HEAD, at);
	for (unsigned i = 0; i < SHARE_SYMBOLS; i++)
		ret[at++] = alphabet[symbols[i]];
	ret[at] = '\0';
	wipe(symbols, sizeof(symbols));
}

/* ---- from text ------------------------------------------------------------------------------------------------------- */

/* The number of a character, 32 if it is none. All of the alphabet is looked at, so that time says nothing about which it was. */
static unsigned symbol(char c)
{
	unsigned v = 32;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
	for (unsigned i = 0; i < 32; i++)
		v = alphabet[i] == c ? i : v;
	return v;
}

static bool passed_over(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '-';
}

/* Where the characters of a line begin: behind a label; at its end if it is a remark or a file's head. */
static size_t line_begin(const char *s, size_t n)
{
	size_t begin = 0, head = sizeof(SHARE_FILE_HEAD) - 1;

	if ((n > 0 && s[0] == '#') || (n >= head && memcmp(s, SHARE_FILE_HEAD, head) == 0))
		return n;
	for (size_t i = 0; i < n; i++)
		if (s[i] == ':' || s[i] == ')')
			begin = i + 1;
	return begin;
}

/* The characters of text that count, at most max of them to ret, with 32 for those that are none. Returns how many there are. */
static size_t gather(const char *text, size_t n, uint8_t *ret, size_t max)
{
	size_t found = 0;

	while (n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t line = end != NULL ? (size_t)(end - text) : n;

		for (size_t i = line_begin(text, line); i < line; i++) {
			if (passed_over(text[i]))
				continue;
			if (found < max)
				ret[found] = (uint8_t)symbol(text[i]);
			found++;
		}
		line += end != NULL;
		text += line;
		n -= line;
	}
	return found;
}

size_t share_symbols(const char *text, size_t n)
{
	return gather(text, n, NULL, 0);
}

/* Characters of a line, its check character among them. */
static bool symbols_fit(const uint8_t symbols[LINE_SYMBOLS + 1], unsigned line)
{
	unsigned top = 0;

	for (unsigned i = 0; i <= LINE_SYMBOLS; i++)
		top |= symbols[i];
	return top < 32 && line_check(symbols, line) == symbols[LINE_SYMBOLS];
}

bool share_line_fits(const char *text, size_t n, unsigned line)
{
	uint8_t symbols[LINE_SYMBOLS + 1];
	bool fits = gather(text, n, symbols, sizeof(symbols)) == sizeof(symbols) && symbols_fit(symbols, line);

	wipe(symbols, sizeof(symbols));
	return fits;
}

/* The bytes that the characters stand for. */
static void from_symbols(const uint8_t symbols[SHARE_SYMBOLS], uint8_t ret[WHOLE])
{
	memset(ret, 0, WHOLE);
	for (unsigned i = 0; i < SHARE_LINES * LINE_SYMBOLS; i++) {
		unsigned v = symbols[i / LINE_SYMBOLS * (LINE_SYMBOLS + 1) + i % LINE_SYMBOLS], bit = i * 5, at = bit / 8;
		unsigned two = v << (11 - bit % 8);

		ret[at] |= (uint8_t)(two >> 8);
		if (at + 1 < WHOLE)
			ret[at + 1] |= (uint8_t)two;
	}
}

int share_from_text(const char *text, size_t n, uint8_t ret[SHARE_BYTES], unsigned *ret_line)
{
	uint8_t symbols[SHARE_SYMBOLS], whole[WHOLE];
	struct share s;
	int r = CV_ERR_LIMIT;

	if (gather(text, n, symbols, SHARE_SYMBOLS) != SHARE_SYMBOLS)
		goto out;
	for (unsigned line = 0; line < SHARE_LINES; line++) {
		if (!symbols_fit(symbols + line * (LINE_SYMBOLS + 1), line)) {
			*ret_line = line + 1;
			r = CV_ERR_FORMAT;
			goto out;
		}
	}
	from_symbols(symbols, whole);
	r = CV_ERR_AUTH;
	if (be32_get(whole + SHARE_BYTES) != crc32c(whole, SHARE_BYTES))
		goto out;
	r = CV_ERR_INVALID;
	if (share_decode(whole, &s) != 0)
		goto out;
	memcpy(ret, whole, SHARE_BYTES);
	r = 0;
out:
	wipe(symbols, sizeof(symbols));
	wipe(whole, sizeof(whole));
	wipe(&s, sizeof(s));
	return r;
}

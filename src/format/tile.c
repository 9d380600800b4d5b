#include "format/tile.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define GROUPS 7	/* of three digits: more than 2^64 needs */

size_t tile_path(unsigned level, uint64_t n, unsigned width, char ret[TILE_PATH_MAX])
{
	unsigned group[GROUPS], groups = 0;
	size_t at;

	assert(level < TILE_LEVELS || level == TILE_ENTRIES);
	assert(width < TILE_WIDTH);
	do {
		group[groups++] = (unsigned)(n % 1000);
		n /= 1000;
	} while (n > 0);
	if (level == TILE_ENTRIES)
		at = (size_t)snprintf(ret, TILE_PATH_MAX, "tile/entries");
	else
		at = (size_t)snprintf(ret, TILE_PATH_MAX, "tile/%u", level);
	while (groups-- > 0)
		at += (size_t)snprintf(ret + at, TILE_PATH_MAX - at, groups > 0 ? "/x%03u" : "/%03u", group[groups]);
	if (width > 0)
		at += (size_t)snprintf(ret + at, TILE_PATH_MAX - at, ".p/%u", width);
	assert(at < TILE_PATH_MAX);
	return at;
}

/* The digits at *p as a number below limit; *p moves behind them. UINT64_MAX if there is none, or it is too great. */
static uint64_t number(const char **p, const char *end, unsigned digits_max, uint64_t limit)
{
	const char *s = *p;
	uint64_t v = 0;

	while (s < end && *s >= '0' && *s <= '9' && (size_t)(s - *p) < digits_max)
		v = v * 10 + (uint64_t)(*s++ - '0');
	if (s == *p || v >= limit)
		return UINT64_MAX;
	*p = s;
	return v;
}

/* Read loosely; the one spelling is then asked for by writing it again. */
static int parse(const char *p, const char *end, unsigned *ret_level, uint64_t *ret_n, unsigned *ret_width)
{
	uint64_t level = TILE_ENTRIES, n = 0, v, width = 0;
	unsigned more;

	if ((size_t)(end - p) > 8 && memcmp(p, "entries/", 8) == 0)
		p += 7;
	else if ((level = number(&p, end, 1, TILE_LEVELS)) == UINT64_MAX)
		return CV_ERR_FORMAT;
	do {
		if (p >= end || *p++ != '/')
			return CV_ERR_FORMAT;
		more = p < end && *p == 'x';
		p += more;
		v = number(&p, end, 3, 1000);
		if (v == UINT64_MAX || n > (UINT64_MAX - v) / 1000)
			return CV_ERR_FORMAT;
		n = n * 1000 + v;
	} while (more);
	if (end - p > 3 && memcmp(p, ".p/", 3) == 0) {
		p += 3;
		width = number(&p, end, 3, TILE_WIDTH);
		if (width == 0 || width == UINT64_MAX)
			return CV_ERR_FORMAT;
	}
	if (p != end)
		return CV_ERR_FORMAT;
	*ret_level = (unsigned)level;
	*ret_n = n;
	*ret_width = (unsigned)width;
	return 0;
}

int tile_path_decode(const char *p, size_t n, unsigned *ret_level, uint64_t *ret_n, unsigned *ret_width)
{
	char again[TILE_PATH_MAX];
	unsigned level, width;
	uint64_t number_of;
	int r;

	if (n > 5 && memcmp(p, "tile/", 5) == 0) {
		p += 5;
		n -= 5;
	}
	if ((r = parse(p, p + n, &level, &number_of, &width)) != 0)
		return r;
	if (tile_path(level, number_of, width, again) != n + 5 || memcmp(again + 5, p, n) != 0)
		return CV_ERR_FORMAT;
	*ret_level = level;
	*ret_n = number_of;
	*ret_width = width;
	return 0;
}

#include "csv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define STEP (64u << 10)

void source_init(struct source *s, int fd)
{
	*s = (struct source){ .fd = fd, .next = 1 };
	buf_init(&s->held, 2 * SOURCE_LINE_MAX + 2 * STEP);
}

void source_free(struct source *s) { buf_free(&s->held); }

/* Read some more; what was taken makes room first. False at the end or on failure. */
static bool fill(struct source *s)
{
	size_t rest = s->held.n - s->at, before;
	uint8_t *to;
	ssize_t n;

	if (s->ended)
		return false;
	if (s->at > 0) {
		memmove(s->held.p, s->held.p + s->at, rest);
		buf_cut(&s->held, rest);
		s->at = 0;
	}
	before = s->held.n;
	if ((to = buf_add(&s->held, STEP)) == NULL) {
		errno = ENOMEM;
		return false;
	}
	do
		n = read(s->fd, to, STEP);
	while (n < 0 && errno == EINTR);
	buf_cut(&s->held, before + (n > 0 ? (size_t)n : 0));
	if (n == 0)
		s->ended = true;
	if (n <= 0)
		return false;
	if (s->bytes == 0 && n >= 3 && memcmp(s->held.p, "\xef\xbb\xbf", 3) == 0)
		s->at = 3;
	s->bytes += (uint64_t)n;
	return true;
}

char source_peek(struct source *s)
{
	size_t i = 0;

	for (;;) {
		for (; s->at + i < s->held.n; i++) {
			char c = (char)s->held.p[s->at + i];

			if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
				return c;
		}
		if (i > SOURCE_LINE_MAX || !fill(s))
			return 0;
	}
}

enum source_got source_line(struct source *s, const char **ret, size_t *ret_n)
{
	size_t scanned = 0, n;
	const uint8_t *end;
	bool long_line = false;

	while ((end = s->held.n - s->at > scanned ? memchr(s->held.p + s->at + scanned, '\n',
	    s->held.n - s->at - scanned) : NULL) == NULL) {
		scanned = s->held.n - s->at;
		if (scanned > SOURCE_LINE_MAX) {
			long_line = true;
			s->at = s->held.n;
			scanned = 0;
		}
		if (!fill(s))
			break;
	}
	if (end == NULL && !s->ended)
		return SOURCE_FAILED;
	if (end == NULL && scanned == 0 && !long_line)
		return SOURCE_END;
	n = end == NULL ? scanned : (size_t)(end - (s->held.p + s->at));
	s->line = s->next++;
	*ret = (const char *)s->held.p + s->at;
	*ret_n = n > 0 && (*ret)[n - 1] == '\r' ? n - 1 : n;
	s->at += n + (end != NULL);
	return long_line || n > SOURCE_LINE_MAX ? SOURCE_TOO_LONG : SOURCE_HERE;
}

/* ---- records ------------------------------------------------------------------------------------------------------- */

enum place { CELL_START, PLAIN, QUOTED, QUOTE_IN_QUOTED, BROKEN_REST };

/* The next byte, or -1 at the end or on failure. Lines are counted here, wherever they end. */
static int next_byte(struct source *s)
{
	int c;

	if (s->at == s->held.n && !fill(s))
		return -1;
	c = s->held.p[s->at++];
	s->next += c == '\n';
	return c;
}

/* What stands where a cell may end: true if it does, by a comma, an end of line or the end. A CR before LF is passed over. */
static bool ends_cell(struct source *s, int *c)
{
	if (*c == '\r') {
		int after = next_byte(s);

		if (after == '\n' || after < 0)
			*c = after < 0 ? '\n' : after;
		else
			s->at--;
	}
	return *c == ',' || *c == '\n' || *c < 0;
}

enum source_got source_record(struct source *s, struct buf *ret, unsigned *ret_cells)
{
	enum place place = CELL_START;
	enum source_got got = SOURCE_HERE;
	unsigned cells = 0;
	bool any = false, done = false;

	buf_reset(ret);
	s->line = s->next;
	while (!done) {
		int c = next_byte(s);

		if (c < 0 && !s->ended)
			return SOURCE_FAILED;
		if (c < 0 && !any)
			return SOURCE_END;
		any = true;
		if (place == QUOTED && c >= 0) {
			if (c == '"')
				place = QUOTE_IN_QUOTED;
			else
				buf_u8(ret, (uint8_t)c);
		} else if (place == QUOTE_IN_QUOTED && c == '"') {
			buf_u8(ret, '"');
			place = QUOTED;
		} else if (place == CELL_START && c == '"') {
			place = QUOTED;
		} else if (ends_cell(s, &c)) {
			got = place == QUOTED ? SOURCE_BROKEN : got;
			buf_u8(ret, 0);
			cells++;
			done = c != ',';
			place = CELL_START;
		} else {
			/* A quote within a plain cell, or text behind a quoted one: two readers could see different cells. */
			if (c == '"' || c == 0 || place == QUOTE_IN_QUOTED)
				got = SOURCE_BROKEN;
			buf_u8(ret, (uint8_t)c);
			place = place == QUOTE_IN_QUOTED ? QUOTE_IN_QUOTED : PLAIN;
		}
		if (!buf_ok(ret) || ret->n > SOURCE_LINE_MAX || cells > CSV_CELLS_MAX) {
			got = SOURCE_TOO_LONG;
			buf_reset(ret);
			ret->bad = false;
			cells = 0;
		}
	}
	*ret_cells = cells;
	return got;
}

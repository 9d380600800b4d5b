/* Tables on a terminal, tab-separated lines in a pipe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli.h"

#define COLUMNS_MAX 16
#define COLUMN_WIDTH_MAX 48	/* wider cells push the rest of their line to the right */

struct table {
	unsigned columns;
	size_t rows, room;
	char **cell;		/* the names, then rows * columns; all owned */
	bool bad;
};

struct table *table_new(unsigned columns, const char *const *names)
{
	struct table *t = calloc(1, sizeof *t);

	if (t == NULL || columns == 0 || columns > COLUMNS_MAX) {
		free(t);
		return NULL;
	}
	t->columns = columns;
	table_row(t, names);
	return t;
}

void table_row(struct table *t, const char *const *cells)
{
	if (t->bad)
		return;
	if (t->rows == t->room) {
		size_t room = t->room != 0 ? t->room * 2 : 16;
		char **more = realloc(t->cell, room * t->columns * sizeof *more);	/* pointers, not texts */

		if (more == NULL) {
			t->bad = true;
			return;
		}
		t->cell = more;
		t->room = room;
	}
	for (unsigned i = 0; i < t->columns; i++) {
		char *copy = strdup(cells[i] != NULL ? cells[i] : "");

		t->cell[t->rows * t->columns + i] = copy;
		t->bad |= copy == NULL;
	}
	t->rows++;
}

/* Columns of a terminal: East Asian characters take two. */
static bool is_wide(uint32_t c)
{
	return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
	    (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
	    (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x20000 && c <= 0x3FFFD);
}

/* A character that could steer the terminal: a value from a record must not. Bidirectional marks are among them. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
	    (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

/* Width of a text; with print, write it too. */
static size_t show(const char *s, bool print)
{
	size_t n = strlen(s), width = 0;

	while (n > 0) {
		uint32_t c = 0xFFFD;
		size_t step = utf8_next(s, n, &c);
		bool plain = step != 0 && !is_control(c);

		if (print && plain)
			fwrite(s, 1, step, stdout);
		else if (print)
			putchar('?');
		width += plain && is_wide(c) ? 2 : 1;
		step = step != 0 ? step : 1;
		s += step;
		n -= step;
	}
	return width;
}

static void print_aligned(const struct table *t)
{
	size_t width[COLUMNS_MAX] = { 0 };	/* of each column */

	for (size_t i = 0; i < t->rows * t->columns; i++) {
		size_t w = show(t->cell[i], false), *max = &width[i % t->columns];

		if (w > *max && w <= COLUMN_WIDTH_MAX)
			*max = w;
	}
	for (size_t row = 0; row < t->rows; row++) {
		unsigned n = t->columns;

		while (n > 1 && t->cell[row * t->columns + n - 1][0] == 0)
			n--;	/* no blanks at the end of a line */
		for (unsigned i = 0; i < n; i++) {
			size_t w = show(t->cell[row * t->columns + i], true);

			if (i + 1 < n)
				printf("%*s", w < width[i] ? (int)(width[i] - w) + 2 : 2, "");
		}
		putchar('\n');
	}
}

static void print_escaped(const char *s)
{
	for (; *s != 0; s++) {
		if (*s == '\t')
			fputs("\\t", stdout);
		else if (*s == '\n')
			fputs("\\n", stdout);
		else if (*s == '\r')
			fputs("\\r", stdout);
		else if (*s == '\\')
			fputs("\\\\", stdout);
		else
			putchar(*s);
	}
}

static void print_lines(const struct table *t)
{
	for (size_t row = 1; row < t->rows; row++)
		for (unsigned i = 0; i < t->columns; i++) {
			print_escaped(t->cell[row * t->columns + i]);
			putchar(i + 1 < t->columns ? '\t' : '\n');
		}
}

void table_drop(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->rows * t->columns; i++) {
		if (t->cell[i] != NULL)
			wipe(t->cell[i], strlen(t->cell[i]));
		free(t->cell[i]);
	}
	free(t->cell);
	free(t);
}

void table_text(const char *s)
{
	(void)show(s, true);
}

int table_print(struct table *t)
{
	bool bad;

	if (t == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	bad = t->bad;
	if (!bad && isatty(STDOUT_FILENO))
		print_aligned(t);
	else if (!bad)
		print_lines(t);
	table_drop(t);
	if (bad)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	return ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

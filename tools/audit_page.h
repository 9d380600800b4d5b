/*
 * One self-contained page: HTML without script and without a second request, charts in SVG, and beside each chart a table of the numbers it
 * is drawn from. Widths are per cent and texts have their own size, so that a chart is as readable on 320 pixels as in print. Pure.
 */
#ifndef CV_TOOLS_AUDIT_PAGE_H
#define CV_TOOLS_AUDIT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PAGE_MAX (64u << 20)
#define GRID_COLUMNS 128u
#define GRID_LABEL 128u

struct page {
	struct buf b;
	unsigned charts;	/* so far: each has an id of its own */
};

/* Begin a page of this title in the language of people (cli.h); page_end closes it, page_free wipes it. */
void page_begin(struct page *p, const char *title);
void page_end(struct page *p);
void page_free(struct page *p);
/* Append text with what HTML would read as its own escaped; control characters become spaces. */
void page_text(struct page *p, const char *s);
/* The same between tags: <tag>text</tag>. tag may have attributes behind a space. */
void page_element(struct page *p, const char *tag, const char *s);
/* Begin a section with a heading; id is for links. A section is not broken over two printed pages where that can be avoided. */
void page_section(struct page *p, const char *id, const char *title);
void page_section_end(struct page *p);

/* ---- tables and charts ------------------------------------------------------------------------------------------------- */

/* Numbers by row and column: what a chart shows and its table says. */
struct grid {
	const char *caption;		/* of both */
	const char *head;		/* above the rows' labels */
	unsigned columns, drawn;	/* the first `drawn` are in the chart */
	const char *name[GRID_COLUMNS];
	size_t rows, room;
	char (*label)[GRID_LABEL];
	uint64_t *value;		/* rows * columns */
	bool poor;			/* out of memory: rows are missing */
};
/* Begin; names are kept, not copied. */
void grid_begin(struct grid *g, const char *caption, const char *head, unsigned columns, unsigned drawn, const char *const *names);
/* Add a row; values: g->columns numbers. */
void grid_row(struct grid *g, const char *label, const uint64_t *values);
void grid_free(struct grid *g);

/* Rows as columns that stand side by side in their order, as days do; parts of a row stand on each other. */
void page_columns(struct page *p, const struct grid *g);
/* Rows as bars below each other, each with its label above and its parts in a line. */
void page_bars(struct page *p, const struct grid *g);
/* Rows (days) to the right, columns (roles) as strips below each other; the darker, the more. */
void page_strips(struct page *p, const struct grid *g);

/* A table of texts without a chart: begin, cells row by row, end. number: the cell is right-aligned. */
void page_table_begin(struct page *p, const char *caption, unsigned columns, const char *const *names);
void page_row(struct page *p);
void page_cell(struct page *p, const char *text, bool number);
void page_cell_number(struct page *p, uint64_t n);
void page_table_end(struct page *p);

#endif

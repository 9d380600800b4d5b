/* HTML and SVG of the report. */
#include "audit_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define PLOT_HEIGHT 168u	/* pixels of a chart of columns, labels aside */
#define PLOT_TOP 18u
#define BAR_HEIGHT 38u		/* of one bar with its label */
#define STRIP_HEIGHT 34u
#define COLUMNS_LEAST 12u	/* fewer columns stand at the left */

static const char style[] =
	":root{color-scheme:light;--ink:#1b2530;--dim:#5a6773;--line:#d5dbe1;--paper:#fff;--soft:#f3f5f8}"
	"*{box-sizing:border-box}"
	"body{margin:0 auto;padding:1.5rem;max-width:72rem;color:var(--ink);background:var(--paper);"
	"font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",\"Noto Sans\",\"Noto Sans CJK SC\",\"Noto Sans SC\",\"PingFang SC\","
	"\"Microsoft YaHei\",\"WenQuanYi Micro Hei\",\"WenQuanYi Zen Hei\",sans-serif;overflow-wrap:anywhere}"
	"h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}"
	"h2{font-size:1.2rem;margin:0 0 .5rem;border-bottom:2px solid var(--ink);padding-bottom:.25rem}"
	"h3{font-size:1rem;margin:1rem 0 .25rem}"
	"p{margin:.25rem 0 .75rem}.dim{color:var(--dim)}"
	"section{margin:2.25rem 0}"
	"nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;margin:1rem 0}"
	".box{border:2px solid;border-radius:.5rem;padding:1rem;margin:1rem 0;background:var(--soft)}"
	".good{border-color:#2e7d4f}.bad{border-color:#b3261e}.good strong{color:#1f6a40}.bad strong{color:#b3261e}"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.5rem 0}dt{color:var(--dim)}dd{margin:0}"
	".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;padding:0;margin:1rem 0;list-style:none}"
	".figures li{background:var(--soft);border-radius:.5rem;padding:.6rem .8rem}"
	".figures b{display:block;font-size:1.5rem;line-height:1.2}"
	".pair{display:grid;margin:0 0 1.5rem;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:1.25rem;align-items:start}"
	"figure{margin:0}figcaption,caption{font-weight:600;text-align:left;padding:.25rem 0}"
	"svg{display:block;width:100%;overflow:visible}svg text{font-size:12px;fill:var(--ink)}svg .axis{fill:var(--dim);"
	"paint-order:stroke;stroke:var(--paper);stroke-width:3px}"
	".legend{list-style:none;display:flex;flex-wrap:wrap;gap:.1rem 1rem;padding:0;margin:.25rem 0;font-size:.875rem}"
	".legend i{display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:2px;vertical-align:-.05em}"
	".c0{fill:#3b6ea5;background:#3b6ea5}.c1{fill:#d1622b;background:#d1622b}.c2{fill:#4f8f4a;background:#4f8f4a}"
	".c3{fill:#7d5ba6;background:#7d5ba6}.c4{fill:#9aa3ab;background:#9aa3ab}"
	".scroll{overflow:auto;max-height:22rem;border:1px solid var(--line);border-radius:.25rem}"
	"table{border-collapse:collapse;width:100%;font-size:.875rem}"
	"th,td{padding:.25rem .5rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;overflow-wrap:break-word}"
	"thead th{background:var(--soft);position:sticky;top:0;vertical-align:bottom}"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}"
	"tbody th{font-weight:400}th:first-child{min-width:6.5rem}caption{padding:.25rem .5rem}"
	"@media(max-width:48rem){body{padding:1rem}.pair{grid-template-columns:minmax(0,1fr)}}"
	"@media(max-width:26rem){body{padding:.75rem;font-size:15px}h1{font-size:1.3rem}dl{grid-template-columns:1fr}"
	"dd{margin-bottom:.35rem}"
	".figures{grid-template-columns:1fr 1fr}th,td{padding:.25rem .35rem}.figures b{font-size:1.25rem}th:first-child{min-width:6.2rem}}"
	"@media print{body{padding:0;max-width:none;font-size:10pt}nav{display:none}.scroll{max-height:none;overflow:visible;border:0}"
	"section{break-inside:auto}h2,h3,figcaption,caption{break-after:avoid}figure,tr,.box{break-inside:avoid}"
	"thead{display:table-header-group}"
	"thead th{position:static}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}@page{size:A4;margin:15mm}}";

/* ---- text ---------------------------------------------------------------------------------------------------------------- */

void page_text(struct page *p, const char *s)
{
	for (; *s != 0; s++) {
		switch (*s) {
		case '<': buf_text(&p->b, "&lt;"); break;
		case '>': buf_text(&p->b, "&gt;"); break;
		case '&': buf_text(&p->b, "&amp;"); break;
		case '"': buf_text(&p->b, "&quot;"); break;
		case '\'': buf_text(&p->b, "&#39;"); break;
		default: buf_u8(&p->b, (unsigned char)*s < 0x20 || *s == 0x7F ? ' ' : (uint8_t)*s);
		}
	}
}

void page_element(struct page *p, const char *tag, const char *s)
{
	buf_printf(&p->b, "<%s>", tag);
	page_text(p, s);
	buf_printf(&p->b, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

void page_begin(struct page *p, const char *title)
{
	memset(p, 0, sizeof *p);
	buf_init(&p->b, PAGE_MAX);
	buf_printf(&p->b, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n", tr("en", "zh-CN"));
	/* Nothing is loaded and nothing runs, whatever stands in a name. */
	buf_text(&p->b, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
	page_element(p, "title", title);
	buf_text(&p->b, "<style>");
	buf_text(&p->b, style);
	buf_text(&p->b, "</style>\n</head>\n<body>\n");
}

void page_end(struct page *p) { buf_text(&p->b, "</body>\n</html>\n"); }

void page_free(struct page *p) { buf_free(&p->b); }

void page_section(struct page *p, const char *id, const char *title)
{
	buf_printf(&p->b, "<section id=\"%s\">\n", id);
	page_element(p, "h2", title);
}

void page_section_end(struct page *p) { buf_text(&p->b, "</section>\n"); }

/* ---- numbers -------------------------------------------------------------------------------------------------------------- */

void grid_begin(struct grid *g, const char *caption, const char *head, unsigned columns, unsigned drawn, const char *const *names)
{
	memset(g, 0, sizeof *g);
	g->caption = caption;
	g->head = head;
	g->columns = columns;
	g->drawn = drawn;
	memcpy(g->name, names, columns * sizeof *names);
}

void grid_row(struct grid *g, const char *label, const uint64_t *values)
{
	if (g->rows == g->room) {
		size_t more = g->room > 0 ? 2 * g->room : 64;
		char (*labels)[GRID_LABEL] = realloc(g->label, more * sizeof *labels);
		uint64_t *numbers;

		g->label = labels != NULL ? labels : g->label;
		numbers = realloc(g->value, more * g->columns * sizeof *numbers);
		g->value = numbers != NULL ? numbers : g->value;
		if (labels == NULL || numbers == NULL) {
			g->poor = true;
			return;
		}
		g->room = more;
	}
	snprintf(g->label[g->rows], GRID_LABEL, "%s", label);
	memcpy(g->value + g->rows++ * g->columns, values, g->columns * sizeof *values);
}

void grid_free(struct grid *g)
{
	free(g->label);
	free(g->value);
	memset(g, 0, sizeof *g);
}

static uint64_t at(const struct grid *g, size_t row, unsigned column) { return g->value[row * g->columns + column]; }

/* What the drawn parts of a row make together. */
static uint64_t height(const struct grid *g, size_t row)
{
	uint64_t sum = 0;

	for (unsigned c = 0; c < g->drawn; c++)
		sum += at(g, row, c);
	return sum;
}

static uint64_t highest(const struct grid *g)
{
	uint64_t most = 0;

	for (size_t i = 0; i < g->rows; i++)
		if (height(g, i) > most)
			most = height(g, i);
	return most;
}

/* The next number of the form 1, 2 or 5 times a power of ten: the top of an axis. */
static uint64_t round_up(uint64_t n)
{
	static const uint64_t steps[] = { 1, 2, 5, 10 };
	uint64_t power = 1;

	while (n / power >= 10 && power < UINT64_MAX / 100)
		power *= 10;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		if (steps[i] * power >= n)
			return steps[i] * power;
	return n;
}

/* ---- tables ---------------------------------------------------------------------------------------------------------------- */

static void table_open(struct page *p, const char *caption)
{
	buf_text(&p->b, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
	page_text(p, caption);
	buf_text(&p->b, "\">\n<table>\n");
	page_element(p, "caption", caption);
	buf_text(&p->b, "<thead><tr>");
}

void page_table_begin(struct page *p, const char *caption, unsigned columns, const char *const *names)
{
	table_open(p, caption);
	for (unsigned c = 0; c < columns; c++)
		page_element(p, "th scope=\"col\"", names[c]);
	buf_text(&p->b, "</tr></thead>\n<tbody>");
}

void page_row(struct page *p) { buf_text(&p->b, "\n<tr>"); }

void page_cell(struct page *p, const char *text, bool number) { page_element(p, number ? "td class=\"n\"" : "td", text); }

void page_cell_number(struct page *p, uint64_t n) { buf_printf(&p->b, "<td class=\"n\">%llu</td>", (unsigned long long)n); }

void page_table_end(struct page *p) { buf_text(&p->b, "\n</tbody></table></div>\n"); }

static void grid_table(struct page *p, const struct grid *g)
{
	table_open(p, g->caption);
	page_element(p, "th scope=\"col\"", g->head);
	for (unsigned c = 0; c < g->columns; c++)
		page_element(p, "th scope=\"col\" class=\"n\"", g->name[c]);
	buf_text(&p->b, "</tr></thead>\n<tbody>");
	for (size_t i = 0; i < g->rows; i++) {
		page_row(p);
		page_element(p, "th scope=\"row\"", g->label[i]);
		for (unsigned c = 0; c < g->columns; c++)
			page_cell_number(p, at(g, i, c));
	}
	page_table_end(p);
}

/* ---- charts ---------------------------------------------------------------------------------------------------------------- */

/* Begin a chart beside its table, so many pixels high. */
static void chart_begin(struct page *p, const struct grid *g, size_t pixels)
{
	unsigned id = ++p->charts;

	buf_text(&p->b, "<div class=\"pair\">\n<figure>\n");
	page_element(p, "figcaption", g->caption);
	buf_printf(&p->b, "<svg role=\"img\" aria-labelledby=\"chart%u\" height=\"%zu\">\n", id, pixels);
	buf_printf(&p->b, "<title id=\"chart%u\">", id);
	page_text(p, g->caption);
	buf_text(&p->b, "</title>\n");
}

static void legend(struct page *p, const struct grid *g)
{
	if (g->drawn < 2)
		return;
	buf_text(&p->b, "<ul class=\"legend\">");
	for (unsigned c = 0; c < g->drawn; c++) {
		buf_printf(&p->b, "<li><i class=\"c%u\"></i>", c % 5);
		page_text(p, g->name[c]);
		buf_text(&p->b, "</li>");
	}
	buf_text(&p->b, "</ul>\n");
}

static void chart_end(struct page *p, const struct grid *g, bool with_legend)
{
	buf_text(&p->b, "</svg>\n");
	if (with_legend)
		legend(p, g);
	buf_text(&p->b, "</figure>\n");
	grid_table(p, g);
	buf_text(&p->b, "</div>\n");
}

/* What a reader hears or sees when pointing at a part. */
static void part_title(struct page *p, const struct grid *g, size_t row, unsigned column)
{
	buf_text(&p->b, "<title>");
	page_text(p, g->label[row]);
	if (g->drawn > 1) {
		buf_text(&p->b, ", ");
		page_text(p, g->name[column]);
	}
	buf_printf(&p->b, ": %llu</title>", (unsigned long long)at(g, row, column));
}

static unsigned axis_height(unsigned k) { return PLOT_TOP + (PLOT_HEIGHT - PLOT_TOP) * k / 2; }

static void axis_lines(struct page *p)
{
	for (unsigned k = 0; k <= 2; k++)
		buf_printf(&p->b, "<rect x=\"0\" width=\"100%%\" y=\"%u\" height=\"1\" fill=\"#d5dbe1\"/>\n", axis_height(k));
}

/* Above what they may cross. */
static void axis_numbers(struct page *p, uint64_t top)
{
	for (unsigned k = 0; k <= 1; k++)
		if (k == 0 || top % 2 == 0)
			buf_printf(&p->b, "<text class=\"axis\" x=\"0\" y=\"%u\">%llu</text>\n", axis_height(k) - 4,
			    (unsigned long long)(k == 0 ? top : top / 2));
}

/* The first, the middle and the last row's, as far as there is room for them: a row is step per cent wide. */
static void column_labels(struct page *p, const struct grid *g, double step)
{
	static const char *const anchor[] = { "start", "middle", "end" };
	double wide = step * (double)g->rows;

	for (unsigned k = 0; k < 3; k++) {
		size_t row = k == 0 ? 0 : k == 1 ? (g->rows - 1) / 2 : g->rows - 1;

		if ((k == 1 && wide < 99) || (k == 2 && wide < 60))
			continue;
		buf_printf(&p->b, "<text class=\"axis\" x=\"%.1f%%\" y=\"%u\" text-anchor=\"%s\">", wide * k / 2, PLOT_HEIGHT + 16,
		    anchor[k]);
		page_text(p, g->label[row]);
		buf_text(&p->b, "</text>\n");
	}
}

void page_columns(struct page *p, const struct grid *g)
{
	uint64_t top = round_up(highest(g));
	double step = 100.0 / (double)(g->rows > COLUMNS_LEAST ? g->rows : COLUMNS_LEAST);

	if (top == 0)
		top = 1;
	chart_begin(p, g, PLOT_HEIGHT + 22);
	axis_lines(p);
	for (size_t i = 0; i < g->rows; i++) {
		double y = PLOT_HEIGHT;

		for (unsigned c = 0; c < g->drawn; c++) {
			double h = (double)at(g, i, c) / (double)top * (PLOT_HEIGHT - PLOT_TOP);

			if (at(g, i, c) == 0)
				continue;
			y -= h;
			buf_printf(&p->b, "<rect class=\"c%u\" x=\"%.3f%%\" width=\"%.3f%%\" y=\"%.2f\" height=\"%.2f\">", c % 5,
			    step * ((double)i + 0.08), step * 0.84, y, h);
			part_title(p, g, i, c);
			buf_text(&p->b, "</rect>\n");
		}
	}
	axis_numbers(p, top);
	if (g->rows > 0)
		column_labels(p, g, step);
	chart_end(p, g, true);
}

void page_bars(struct page *p, const struct grid *g)
{
	uint64_t top = highest(g) > 0 ? highest(g) : 1;

	chart_begin(p, g, g->rows > 0 ? g->rows * BAR_HEIGHT : 1);
	for (size_t i = 0; i < g->rows; i++) {
		double x = 0;

		buf_printf(&p->b, "<text x=\"0\" y=\"%zu\">", i * BAR_HEIGHT + 13);
		page_text(p, g->label[i]);
		buf_printf(&p->b, "</text><text class=\"axis\" x=\"100%%\" y=\"%zu\" text-anchor=\"end\">%llu</text>\n",
		    i * BAR_HEIGHT + 13,
		    (unsigned long long)height(g, i));
		for (unsigned c = 0; c < g->drawn; c++) {
			double w = (double)at(g, i, c) / (double)top * 100;

			if (at(g, i, c) == 0)
				continue;
			buf_printf(&p->b, "<rect class=\"c%u\" x=\"%.3f%%\" width=\"%.3f%%\" y=\"%zu\" height=\"13\">", c % 5, x, w,
			    i * BAR_HEIGHT + 18);
			part_title(p, g, i, c);
			buf_text(&p->b, "</rect>\n");
			x += w;
		}
	}
	chart_end(p, g, true);
}

void page_strips(struct page *p, const struct grid *g)
{
	double step = 100.0 / (double)(g->rows > COLUMNS_LEAST ? g->rows : COLUMNS_LEAST);
	uint64_t top = 1;

	for (size_t i = 0; i < g->rows; i++)
		for (unsigned c = 0; c < g->drawn; c++)
			if (at(g, i, c) > top)
				top = at(g, i, c);
	chart_begin(p, g, g->drawn > 0 ? g->drawn * STRIP_HEIGHT : 1);
	for (unsigned c = 0; c < g->drawn; c++) {
		buf_printf(&p->b, "<text x=\"0\" y=\"%u\">", c * STRIP_HEIGHT + 13);
		page_text(p, g->name[c]);
		buf_printf(&p->b, "</text><rect x=\"0\" width=\"100%%\" y=\"%u\" height=\"12\" fill=\"#f3f5f8\"/>\n",
		    c * STRIP_HEIGHT + 18);
		for (size_t i = 0; i < g->rows; i++) {
			if (at(g, i, c) == 0)
				continue;
			buf_printf(&p->b, "<rect class=\"c0\" x=\"%.3f%%\" width=\"%.3f%%\" y=\"%u\" height=\"12\" fill-opacity=\"%.2f\">",
			    step * ((double)i + 0.04), step * 0.92, c * STRIP_HEIGHT + 18, 0.15 + 0.85 * (double)at(g, i, c) / (double)top);
			part_title(p, g, i, c);
			buf_text(&p->b, "</rect>\n");
		}
	}
	chart_end(p, g, false);
}

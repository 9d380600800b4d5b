/* tools: the page of a report loads nothing, runs nothing, and says in each table what its chart shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "audit_page.h"
#include "cli.h"

static const char *text_of(struct page *p)
{
	buf_u8(&p->b, 0);
	assert_true(buf_ok(&p->b));
	return (const char *)p->b.p;
}

static unsigned times(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, what)) != NULL; p += strlen(what))
		n++;
	return n;
}

/* Whatever stands in a name, a label or a finding stays text. */
static void texts_cannot_become_markup(void **state)
{
	static const char bad[] = "</td><script>alert(1)</script><img src=x onerror='y'>\" & \x01";
	const char *const names[] = { bad, bad };
	const uint64_t values[] = { 3, 0 };
	struct grid g;
	struct page p;
	const char *text;

	(void)state;
	page_begin(&p, bad);
	page_section(&p, "a", bad);
	page_element(&p, "p class=\"dim\"", bad);
	grid_begin(&g, bad, bad, 2, 2, names);
	grid_row(&g, bad, values);
	page_columns(&p, &g);
	page_bars(&p, &g);
	page_strips(&p, &g);
	grid_free(&g);
	page_table_begin(&p, bad, 2, names);
	page_row(&p);
	page_cell(&p, bad, false);
	page_cell(&p, bad, true);
	page_table_end(&p);
	page_section_end(&p);
	page_end(&p);
	text = text_of(&p);
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "<img"));
	assert_null(strstr(text, "onerror='"));
	assert_null(strchr(text, 1));
	assert_true(times(text, "&lt;script&gt;") > 10);
	assert_non_null(strstr(text, "default-src 'none'"));
	page_free(&p);
}

static void chart_and_table_have_the_same_numbers(void **state)
{
	const char *const names[] = { "one", "two", "only in the table" };
	struct grid g;
	struct page p;
	const char *text;

	(void)state;
	grid_begin(&g, "caption", "head", 3, 2, names);
	for (uint64_t i = 0; i < 100; i++) {
		const uint64_t values[] = { 1000 + i, i % 2 == 0 ? 0 : 5000 + i, 9000 + i };
		char label[32];

		snprintf(label, sizeof label, "row %u", (unsigned)i);
		grid_row(&g, label, values);
	}
	assert_false(g.poor);
	page_begin(&p, "t");
	page_columns(&p, &g);
	page_end(&p);
	text = text_of(&p);
	for (unsigned i = 0; i < 100; i++) {
		char bar[64], cell[64];

		snprintf(bar, sizeof bar, "<title>row %u, one: %u</title>", i, 1000 + i);
		snprintf(cell, sizeof cell, "<td class=\"n\">%u</td>", 1000 + i);
		assert_int_equal(times(text, bar), 1);
		assert_int_equal(times(text, cell), 1);
		snprintf(bar, sizeof bar, "<title>row %u, two: %u</title>", i, 5000 + i);
		assert_int_equal(times(text, bar), i % 2);	/* nothing is not drawn */
		snprintf(cell, sizeof cell, "<td class=\"n\">%u</td>", 9000 + i);
		assert_int_equal(times(text, cell), 1);
	}
	assert_int_equal(times(text, "<svg"), 1);
	assert_int_equal(times(text, "<table"), 1);
	grid_free(&g);
	page_free(&p);
}

/* No row, one row, only zeros, and the largest numbers. */
static void odd_grids_are_drawn(void **state)
{
	const char *const names[] = { "n" };
	const uint64_t zero = 0, most = UINT64_MAX / 4;
	struct grid g;
	struct page p;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		grid_begin(&g, "caption", "head", 1, 1, names);
		if (i > 0)
			grid_row(&g, "row", i == 3 ? &most : &zero);
		page_begin(&p, "t");
		page_columns(&p, &g);
		page_bars(&p, &g);
		page_strips(&p, &g);
		page_end(&p);
		assert_null(strstr(text_of(&p), "nan"));
		assert_null(strstr((const char *)p.b.p, "inf"));
		grid_free(&g);
		page_free(&p);
	}
}

static void page_speaks_its_language(void **state)
{
	struct page p;

	(void)state;
	cli.chinese = true;
	page_begin(&p, "报告");
	page_end(&p);
	assert_non_null(strstr(text_of(&p), "<html lang=\"zh-CN\">"));
	page_free(&p);
	cli.chinese = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_cannot_become_markup),
		cmocka_unit_test(chart_and_table_have_the_same_numbers),
		cmocka_unit_test(odd_grids_are_drawn),
		cmocka_unit_test(page_speaks_its_language),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "pages.h"

#include <stdio.h>
#include <string.h>

json_t *cli_body(const struct childvault *cv)
{
	size_t n;
	const char *p = childvault_body(cv, &n);

	return json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);
}

int json_append(const char *p, size_t n, void *cookie)
{
	buf_put(cookie, p, n);
	return buf_ok(cookie) ? 0 : -1;
}

const char *json_text(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s != NULL ? s : "";
}

unsigned long long json_number(const json_t *j, const char *name)
{
	json_int_t x = json_integer_value(json_object_get(j, name));

	return x > 0 ? (unsigned long long)x : 0;
}

void json_text_free(char *text)
{
	json_malloc_t m;
	json_free_t f;

	json_get_alloc_funcs(&m, &f);
	f(text);
}

/* One page behind cursor (empty: the first), which becomes the next one's, empty at the end. *ret_rows is written on success. */
static int get_page(struct childvault *cv, const struct pages *p, struct buf *cursor, size_t *ret_rows)
{
	struct childvault_filter filter = p->filter;
	json_t *j, *rows;
	int r;

	filter.cursor = cursor->n > 0 ? (const char *)cursor->p : NULL;
	if (strcmp(p->collection, "records") == 0)
		r = childvault_list(cv, p->with, &filter);
	else
		r = childvault_objects(cv, p->collection, &filter);
	buf_reset(cursor);
	if (r != CHILDVAULT_OK)
		return r;
	j = cli_body(cv);
	rows = json_object_get(j, p->collection);
	*ret_rows = json_array_size(rows);
	if (p->page != NULL)
		p->page(p->cookie, cv);
	for (size_t i = 0; p->row != NULL && i < json_array_size(rows); i++)
		p->row(p->cookie, json_array_get(rows, i));
	if (json_text(j, "cursor")[0] != 0) {
		buf_text(cursor, json_text(j, "cursor"));
		buf_u8(cursor, 0);
	}
	json_decref(j);
	return buf_ok(cursor) ? CHILDVAULT_OK : CHILDVAULT_PROTOCOL;
}

int pages_get(struct childvault *cv, const struct pages *p, bool *ret_more)
{
	struct buf cursor;
	size_t rows = 0;
	int r;

	buf_init(&cursor, 1024);
	do
		r = get_page(cv, p, &cursor, &rows);
	while (r == CHILDVAULT_OK && cursor.n > 0 && (p->all || rows == 0));
	*ret_more = cursor.n > 0;
	buf_free(&cursor);
	return r;
}

static void take_id(void *cookie, const json_t *j)
{
	snprintf(cookie, CLI_ID + 1, "%s", json_text(j, "id"));
}

int pages_member(struct childvault *cv, const char *login, char ret[CLI_ID + 1])
{
	struct pages p = { .collection = "members", .filter = { .principal = login }, .row = take_id, .cookie = ret };
	bool more;

	ret[0] = 0;
	return pages_get(cv, &p, &more);
}

void pages_body(void *cookie, const struct childvault *cv)
{
	(void)cookie;
	(void)cli_print_body(cv);	/* what stdout says of it is asked at the end */
}

void pages_say_more(void)
{
	fputs(tr("there are more: --all lists them all\n", "还有更多：--all 可全部列出\n"), stderr);
}

int pages_print(struct childvault *cv, struct pages *p, struct table *table)
{
	bool more = false;
	int code, r;

	if (cli.json) {
		p->page = pages_body;
		p->row = NULL;
	}
	if ((r = pages_get(cv, p, &more)) != CHILDVAULT_OK) {
		code = cli_answer_fail(cv, r);
		table_drop(table);
		return code;
	}
	if (cli.json) {
		table_drop(table);
		code = EXIT_DONE;
	} else {
		code = table_print(table);
	}
	if (more)
		pages_say_more();
	return code;
}

/* Lists of the API in pages: one callback for each element, cursors followed. */
#ifndef CV_TOOLS_PAGES_H
#define CV_TOOLS_PAGES_H

#include <jansson.h>

#include "cli.h"

struct pages {
	const char *collection;			/* "records", "requests", ... */
	struct childvault_filter filter;	/* its cursor is pages_get's own */
	const struct childvault_with *with;	/* for records; else NULL */
	bool all;				/* follow cursors to the end; else to the first page that is not empty */
	void (*page)(void *cookie, const struct childvault *cv);	/* each answer as it came, or NULL */
	void (*row)(void *cookie, const json_t *item);			/* each element, or NULL */
	void *cookie;
};
/*
 * Get the pages, one or all. CHILDVAULT_OK with *ret_more (whether the last page had a cursor), or the childvault_code of the call
 * that failed, whose answer cv still holds.
 */
int pages_get(struct childvault *cv, const struct pages *p, bool *ret_more);
/*
 * Print the pages: with --json the bodies as they came, else table, which p->row fills and which is freed here. Says on standard error
 * if there are more. Exit code; the table of a failed call is dropped.
 */
int pages_print(struct childvault *cv, struct pages *p, struct table *table);
/* The id of the member with this login name, "" if there is none. CHILDVAULT_OK, or as pages_get. */
int pages_member(struct childvault *cv, const char *login, char ret[CLI_ID + 1]);
/* A page of pages: print the body unchanged. */
void pages_body(void *cookie, const struct childvault *cv);
/* Say on standard error that --all would list more. */
void pages_say_more(void);
/* The last answer's body as JSON, NULL if it is none; freed with json_decref. */
json_t *cli_body(const struct childvault *cv);
/* Where jansson writes to, cookie a struct buf: its own strings would have to be freed by its own allocator. */
int json_append(const char *p, size_t n, void *cookie);
/* A text member of j, "" if there is none. Valid as j. A number, 0 if there is none. */
const char *json_text(const json_t *j, const char *name);
unsigned long long json_number(const json_t *j, const char *name);
/* Free what json_dumps gave: tools keep JSON in memory of their own. */
void json_text_free(char *text);

#endif

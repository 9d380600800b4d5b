/* Lists of the API in pages: one callback for each element, cursors followed. */
#ifndef CV_TOOLS_PAGES_H
#define CV_TOOLS_PAGES_H

#include <jansson.h>

#include "cli.h"

struct pages {
	const char *target;			/* "/v1/requests?waiting=me" */
	const struct childvault_with *with;	/* or NULL */
	const char *collection;			/* the array's name in the answer */
	bool all;				/* follow cursors to the end */
	void (*page)(void *cookie, const struct childvault *cv);	/* each answer as it came, or NULL */
	void (*row)(void *cookie, const json_t *item);			/* each element, or NULL */
	void *cookie;
};
/*
 * Get the pages, the first or all. CHILDVAULT_OK with *ret_more (whether the last page had a cursor), or the childvault_code of the call
 * that failed, whose answer cv still holds.
 */
int pages_get(struct childvault *cv, const struct pages *p, bool *ret_more);
/* The last answer's body as JSON, NULL if it is none; freed with json_decref. */
json_t *cli_body(const struct childvault *cv);
/* A text member of j, "" if there is none. Valid as j. */
const char *json_text(const json_t *j, const char *name);

#endif

/* What the files that show governance objects share: members on their way into an answer. Core's thread. */
#ifndef CV_VAULT_GOV_SHOW_H
#define CV_VAULT_GOV_SHOW_H

#include "vault/gov_internal.h"

struct gov_showing {
	struct vault *v;
	struct buf *out;
	unsigned count;		/* of members */
};

/* ---- gov_show.c ---------------------------------------------------------------------------------------------------- */

/* Append one member: n bytes of a value of this type; a text; a number; bytes (at most 32) as hex; a time, none for 0; bytes as base64. */
void gov_show_value(struct gov_showing *x, const char *name, uint8_t type, const void *p, size_t n);
void gov_show_text(struct gov_showing *x, const char *name, const char *text);
void gov_show_number(struct gov_showing *x, const char *name, int64_t n);
void gov_show_hex(struct gov_showing *x, const char *name, const uint8_t *p, size_t n);
void gov_show_time(struct gov_showing *x, const char *name, uint64_t ms);
/* The day of a time, none for 0. */
void gov_show_date(struct gov_showing *x, const char *name, uint64_t ms);
/* The member month: 202611 as "2026-11". */
void gov_show_month(struct gov_showing *x, uint32_t month);
void gov_show_base64(struct gov_showing *x, const char *name, const struct gov_bytes *document);
/* Append the list of count values that was begun at `at` in the scratch list v->gov->list, which is empty then. */
void gov_show_list(struct gov_showing *x, const char *name, size_t at, size_t count);

/* ---- gov_operation_show.c ------------------------------------------------------------------------------------------- */

/* Append what a request of an operation is about, and how far it is; whole: its document too. */
void gov_show_operation(struct gov_showing *x, const struct gov_object *o, bool whole);

#endif

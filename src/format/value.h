/*
 * Values of fields, docs/FORMAT.md 4.5: as they stand in cells and in messages. Pure.
 *
 * A value is a type (enum value_type) and bytes. value_check judges them once; the walk over a list or group of checked
 * bytes cannot fail after that and copies nothing.
 */
#ifndef CV_FORMAT_VALUE_H
#define CV_FORMAT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "format/row.h"

struct buf;

#define VALUE_DEPTH 4		/* lists and groups, one inside the other */
#define VALUE_NAME_MAX 255u	/* bytes of a member's name, at least 1 */
#define VALUE_ITEMS_MAX 65535u	/* of one list or group */
#define VALUE_DATE_BYTES 10u		/* bytes of a date */

/*
 * Check the n bytes at p against type, lists and groups to their innermost item: lengths, UTF-8, shape of dates (not the
 * calendar), truth bytes, depth, names ascending and not empty. Null and suppressed have no bytes and stand alone, never
 * inside a list or group. 0 or CV_ERR_FORMAT. p may be NULL only if n is 0.
 */
int value_check(uint8_t type, const void *p, size_t n) __attribute__((warn_unused_result));

/* Byte order of names: as memcmp, the shorter of two that begin alike first. Negative, 0, positive. */
int value_name_compare(const void *a, size_t a_n, const void *b, size_t b_n);

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Integers and truth values of checked bytes. */
int64_t value_integer(const uint8_t p[8]);
static inline bool value_bool(const uint8_t p[1]) { return p[0] != 0; }

struct value_item {
	const char *name;	/* of a group's member, not NUL-terminated; NULL in a list */
	uint8_t name_n;
	uint8_t type;
	const uint8_t *p;
	uint32_t n;
};
struct value_walk {
	struct rd rd;		/* stands at the next item */
	uint16_t left;		/* items not yet walked: after value_walk, all */
	bool named;
};
/* Begin a walk over checked bytes of a VALUE_LIST or VALUE_GROUP (assert). Valid as long as p is. */
struct value_walk value_walk(uint8_t type, const void *p, size_t n);
/* The next item, or false at the end (*ret untouched). */
bool value_next(struct value_walk *w, struct value_item *ret);
/* Find a member of a checked group by name; false, *ret untouched, if there is none. */
bool value_member(const void *p, size_t n, const char *name, size_t name_n, struct value_item *ret);

/* ---- building ---------------------------------------------------------------------------------------------------- */

/* Whether a checked value says nothing: a list or group without items, any other one without bytes. */
bool value_empty(uint8_t type, const void *p, size_t n);

/*
 * Append bytes of a value; b's sticky error tells at the end whether all fitted. A list or group is
 *
 *	at = value_begin(b); value_item_put(b, ...) or value_member_put(b, ...), count times; value_end(b, at, count);
 *
 * and stands inside another one between value_nest_begin, which appends the item's head (name: NULL in a list), and
 * value_nest_end. The caller gives members in ascending order of names; value_check tells otherwise. A count above
 * VALUE_ITEMS_MAX, a name that is empty or above VALUE_NAME_MAX or a length above 2^32 - 1 makes b bad.
 */
void value_integer_put(struct buf *b, int64_t v);
void value_bool_put(struct buf *b, bool v);
size_t value_begin(struct buf *b);
void value_end(struct buf *b, size_t at, size_t count);
void value_item_put(struct buf *b, uint8_t type, const void *p, size_t n);
void value_member_put(struct buf *b, const char *name, size_t name_n, uint8_t type, const void *p, size_t n);
size_t value_nest_begin(struct buf *b, const char *name, size_t name_n, uint8_t type);
void value_nest_end(struct buf *b, size_t at);

#endif

/* The work list's table as list.c keeps it and list_call.c reads it. */
#ifndef CV_VAULT_LIST_INTERNAL_H
#define CV_VAULT_LIST_INTERNAL_H

#include "vault/list.h"
#include "vault/vault_internal.h"

#define LIST_CHUNK 4096u	/* rows of one allocation */
#define LIST_DUE_BASE (1970u * 4)	/* quarter that counts as 1 in a row */
#define LIST_DUE_MAX 4095u
#define LIST_AREA_BITS 48u
#define LIST_AREA_ALL UINT64_C(0xFFFFFFFFFFFF)

/*
 * place: 12 area digits of 4 bits, the first in the highest, 15 where the area has ended ‖ 12 bits due quarter, counted from
 * LIST_DUE_BASE, 0 none ‖ 4 bits state, 0: no such record. next: the area that follows, the same way ‖ 16 bits day from which it
 * counts, FORMAT.md 4.3, 0: none does.
 */
struct list_row {
	uint8_t record[16];
	uint64_t place, next;
};
_Static_assert(sizeof(struct list_row) == 32, "DESIGN section 13.15");

struct list_undo {
	uint64_t serial;
	struct list_row old;
};

struct list {
	struct list_row **chunk;
	size_t chunks;
	uint64_t last;			/* highest serial that was noted or filled */
	uint64_t fill, fill_end;	/* next head to read, and one past the last; equal: filled */
	uint64_t broken;		/* heads that did not open */
	struct list_undo *undo;		/* what the open turn replaced, oldest first */
	size_t undos, undo_cap, call;	/* call: undos when the open request began */
};

/* The row of a serial, NULL if its chunk was never made. */
static inline struct list_row *list_row(const struct list *l, uint64_t serial)
{
	size_t i = (size_t)(serial / LIST_CHUNK);

	return i < l->chunks && l->chunk[i] != NULL ? &l->chunk[i][serial % LIST_CHUNK] : NULL;
}
static inline unsigned list_state(const struct list_row *r) { return r->place & 15; }
static inline unsigned list_due(const struct list_row *r) { return r->place >> 4 & LIST_DUE_MAX; }
/* Where the record lies on day (FORMAT.md 4.3), packed. */
static inline uint64_t list_area(const struct list_row *r, uint32_t day)
{
	uint32_t from = r->next & 0xFFFF;

	return (from != 0 && day >= from ? r->next : r->place) >> 16;
}
/* Digits to a packed area and back; unpacking returns how many there are. */
uint64_t list_pack_area(const char *area, size_t n);
size_t list_unpack_area(uint64_t x, char ret[12]);
/* A quarter of head (year * 4 + quarter - 1, 0 none) as rows count it. */
unsigned list_pack_due(uint16_t quarter);

#endif

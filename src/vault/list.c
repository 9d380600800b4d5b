/* The work list's table: by serial, filled from the heads, kept up to date with them. DESIGN section 13.15. */
#include "vault/list_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define FILL_STEP 16u		/* heads opened between two looks at the clock */

/* ---- rows --------------------------------------------------------------------------------------------------------- */

uint64_t list_pack_area(const char *area, size_t n)
{
	uint64_t x = 0;

	for (unsigned i = 0; i < 12; i++)
		x = x << 4 | (i < n ? (uint64_t)(area[i] - '0') : 15);
	return x;
}

size_t list_unpack_area(uint64_t x, char ret[12])
{
	size_t n = 0;

	while (n < 12 && (x >> (44 - 4 * n) & 15) != 15) {
		ret[n] = (char)('0' + (x >> (44 - 4 * n) & 15));
		n++;
	}
	return n;
}

unsigned list_pack_due(uint16_t quarter)
{
	if (quarter == 0)
		return 0;
	if (quarter < LIST_DUE_BASE)
		return 1;
	return quarter - LIST_DUE_BASE + 1 < LIST_DUE_MAX ? quarter - LIST_DUE_BASE + 1u : LIST_DUE_MAX;
}

static void pack(const struct head *h, struct list_row *ret)
{
	memcpy(ret->record, h->record, 16);
	ret->place = list_pack_area(h->area, h->area_n) << 16 | (uint64_t)list_pack_due(h->due_quarter) << 4 | (h->state & 15u);
	ret->next = 0;
	/* A day that rows cannot hold lies behind all their readers. */
	if ((h->flags & HEAD_PLANNED) != 0 && h->planned_day <= UINT16_MAX)
		ret->next = list_pack_area(h->planned, h->planned_n) << 16 | h->planned_day;
}

/* The row of a serial, made if its chunk is not there. NULL without memory. */
static struct list_row *row_make(struct list *l, uint64_t serial)
{
	size_t i = (size_t)(serial / LIST_CHUNK);

	if (i >= l->chunks) {
		size_t n = i + i / 2 + 16;
		struct list_row **grown = calloc(n, sizeof(*grown));

		if (grown == NULL)
			return NULL;
		if (l->chunks > 0)
			memcpy(grown, l->chunk, l->chunks * sizeof(*grown));
		free(l->chunk);
		l->chunk = grown;
		l->chunks = n;
	}
	if (l->chunk[i] == NULL && (l->chunk[i] = calloc(LIST_CHUNK, sizeof(struct list_row))) == NULL)
		return NULL;
	if (serial > l->last)
		l->last = serial;
	return &l->chunk[i][serial % LIST_CHUNK];
}

/* ---- life --------------------------------------------------------------------------------------------------------- */

int list_load(struct vault *v)
{
	struct list *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return CV_ERR_NOMEM;
	l->fill = 1;
	l->fill_end = v->counters.next_serial;
	v->list = l;
	return 0;
}

void list_unload(struct vault *v)
{
	struct list *l = v->list;

	if (l == NULL)
		return;
	for (size_t i = 0; i < l->chunks; i++)
		if (l->chunk[i] != NULL) {
			wipe(l->chunk[i], LIST_CHUNK * sizeof(struct list_row));
			free(l->chunk[i]);
		}
	if (l->undo != NULL)
		wipe(l->undo, l->undo_cap * sizeof(*l->undo));
	free(l->undo);
	free(l->chunk);
	free(l);
	v->list = NULL;
}

static int remember(struct list *l, uint64_t serial, const struct list_row *old)
{
	if (l->undos == l->undo_cap) {
		size_t n = l->undo_cap == 0 ? 256 : 2 * l->undo_cap;
		struct list_undo *grown = calloc(n, sizeof(*grown));

		if (grown == NULL)
			return CV_ERR_NOMEM;
		if (l->undos > 0) {
			memcpy(grown, l->undo, l->undos * sizeof(*grown));
			wipe(l->undo, l->undos * sizeof(*grown));
		}
		free(l->undo);
		l->undo = grown;
		l->undo_cap = n;
	}
	l->undo[l->undos++] = (struct list_undo){ serial, *old };
	return 0;
}

int list_note(struct vault *v, uint64_t serial, const struct head *h)
{
	struct list_row *row;

	if (v->list == NULL)
		return 0;	/* genesis, and starting before the table is there: it is filled from the store */
	if ((row = row_make(v->list, serial)) == NULL || remember(v->list, serial, row) != 0)
		return CV_ERR_NOMEM;
	pack(h, row);
	return 0;
}

/* Put back what stood there before the undos from n on. */
static void undo_to(struct list *l, size_t n)
{
	while (l->undos > n) {
		const struct list_undo *u = &l->undo[--l->undos];

		*list_row(l, u->serial) = u->old;
	}
}

void list_commit(struct vault *v)
{
	if (v->list != NULL)
		v->list->call = v->list->undos;
}

void list_rollback(struct vault *v)
{
	if (v->list != NULL)
		undo_to(v->list, v->list->call);
}

void list_turn_done(struct vault *v, bool durable)
{
	if (v->list == NULL)
		return;
	if (!durable)
		undo_to(v->list, 0);
	v->list->undos = v->list->call = 0;
}

/* ---- filling ------------------------------------------------------------------------------------------------------ */

bool list_filling(const struct vault *v)
{
	return v->list != NULL && v->list->fill < v->list->fill_end;
}

/* Read one head. 0, or CV_ERR_NOMEM; a head that does not open is counted and left out, as its reader will hear. */
static int fill_one(struct vault *v, struct list *l)
{
	struct list_row *row = row_make(l, l->fill);
	struct store_value val;
	struct head h;
	uint8_t key[REC_KEY_MAX];
	int r;

	if (row == NULL)
		return CV_ERR_NOMEM;
	r = store_get(v->store, STORE_REC, key, rec_key(l->fill, REC_HEAD, 0, 0, key), &val);
	if (r == 0 && (r = record_head_open(v->keys, val.p, val.n, NULL, &h)) == 0)
		pack(&h, row);
	wipe(h.log_key, sizeof(h.log_key));
	if (r != 0 && r != CV_ERR_NOTFOUND)
		l->broken++;
	l->fill++;
	return 0;
}

void list_fill(struct vault *v, uint64_t until_us)
{
	struct list *l = v->list;
	int r = 0;

	while (r == 0 && l->fill < l->fill_end) {
		for (unsigned i = 0; r == 0 && i < FILL_STEP && l->fill < l->fill_end; i++)
			r = fill_one(v, l);
		if (clock_mono_us() >= until_us)
			break;
	}
	if (l->fill == l->fill_end && l->broken > 0)
		log_error("%llu heads of records do not open: the work list is without them", (unsigned long long)l->broken);
}

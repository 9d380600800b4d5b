/* Values of one class, as a sorted list over one wiping buffer. */
#include <string.h>

#include "vault/vault_internal.h"

#define KEEP (1u << 20)	/* bytes that a cleared content keeps for the next one */

void content_clear(struct content *x)
{
	x->n = 0;
	memset(&x->removed, 0, sizeof(x->removed));
	if (x->bytes.cap > KEEP)
		buf_free(&x->bytes);
	else
		buf_reset(&x->bytes);
}

/* Position of field, or where it would stand. */
static unsigned content_place(const struct content *x, uint16_t field, bool *ret_found)
{
	unsigned lo = 0, hi = x->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (x->item[mid].field < field)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_found = lo < x->n && x->item[lo].field == field;
	return lo;
}

const struct content_item *content_find(const struct content *x, uint16_t field)
{
	bool found;
	unsigned at = content_place(x, field, &found);

	return found ? &x->item[at] : NULL;
}

int content_set(struct content *x, uint16_t field, uint8_t type, const uint8_t *p, size_t n, uint16_t padded,
    const struct provenance *prov, bool keep_null)
{
	bool found;
	unsigned at = content_place(x, field, &found);
	struct content_item *item = &x->item[at];

	if (type == VALUE_NULL && !keep_null) {
		if (found) {
			memmove(item, item + 1, (x->n - at - 1) * sizeof(*item));
			x->n--;
		}
		if (prov->written_ms >= x->removed.written_ms)
			x->removed = *prov;
		return 0;
	}
	if (n > FIELD_MAX || (!found && x->n == ROW_ENTRIES))
		return CV_ERR_LIMIT;
	if (found && n > 0 && n <= item->length) {
		/* In the old value's place: a row and 64 drops folded into it must not need the room of all of them. */
		memcpy(x->bytes.p + item->at, p, n);
	} else {
		size_t place = x->bytes.n;

		buf_put(&x->bytes, p, n);
		if (!buf_ok(&x->bytes))
			return CV_ERR_NOMEM;
		if (!found) {
			memmove(item + 1, item, (x->n - at) * sizeof(*item));
			x->n++;
		}
		item->at = place;
	}
	item->field = field;
	item->type = type;
	item->length = (uint16_t)n;
	item->padded = padded;
	item->provenance = *prov;
	return 0;
}

int content_add_row(struct content *x, const struct row_view *row, bool keep_null, struct buf *scratch)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < row->index.entries; i++) {
		const struct row_entry *e = &row->index.entry[i];

		const uint8_t *p;

		buf_reset(scratch);
		if ((r = record_row_value(row, i, scratch, &p)) == 0)
			r = content_set(x, e->field, e->type, p, e->length, e->padded,
			    &row->index.provenance[e->provenance], keep_null);
	}
	buf_reset(scratch);
	return r;
}

static bool same_provenance(const struct provenance *a, const struct provenance *b)
{
	return a->source == b->source && a->written_ms == b->written_ms && a->as_of_day == b->as_of_day &&
	    a->due_day == b->due_day && memcmp(a->writer, b->writer, 16) == 0;
}

/* The table of distinct provenances; each cell points into it. To that of a removal none does; at the limit it is left out. */
static int content_provenances(const struct content *x, struct row_cell *cells, struct provenance *provs, unsigned *ret_n)
{
	unsigned n = 0;

	for (unsigned i = 0; i < x->n; i++) {
		unsigned j = 0;

		while (j < n && !same_provenance(&provs[j], &x->item[i].provenance))
			j++;
		if (j == n) {
			if (n == ROW_PROVENANCES)
				return CV_ERR_LIMIT;
			provs[n++] = x->item[i].provenance;
		}
		cells[i].provenance = (uint8_t)j;
	}
	if (x->removed.written_ms != 0 && n < ROW_PROVENANCES) {
		unsigned j = 0;

		while (j < n && !same_provenance(&provs[j], &x->removed))
			j++;
		if (j == n)
			provs[n++] = x->removed;
	}
	*ret_n = n;
	return 0;
}

int content_seal(struct keys *k, const struct content *x, const struct datakey *dk, const struct row_place *at, struct buf *ret)
{
	/* One thread seals; these hold no values, only pointers to them. */
	static struct row_cell cells[ROW_ENTRIES];
	static struct provenance provs[ROW_PROVENANCES];
	unsigned prov_n;
	int r;

	for (unsigned i = 0; i < x->n; i++) {
		const struct content_item *item = &x->item[i];

		cells[i].field = item->field;
		cells[i].type = item->type;
		cells[i].length = item->length;
		cells[i].padded = item->padded;
		cells[i].p = x->bytes.p + item->at;
	}
	if ((r = content_provenances(x, cells, provs, &prov_n)) != 0)
		return r;
	return record_row_seal(k, dk, at, cells, x->n, provs, prov_n, ret);
}

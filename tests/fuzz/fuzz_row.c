/* Class rows and drops, FORMAT.md 4.3 and 4.4. The input is taken as a stored row and as the plaintext of a first piece. */
#include "format/row.h"
#include "fuzz.h"

#define REST_AT 100u	/* where the pieces behind a first piece begin */

/* The stored length that fits what was decoded. */
static size_t stored_n(const struct row_index *x)
{
	size_t n = REST_AT;

	for (unsigned i = 0; i < x->entries; i++)
		n += row_is_short(x->entry[i].padded) ? 0 : x->entry[i].padded + 16u;
	return n;
}

static void split(const uint8_t *data, size_t size, bool drop)
{
	struct row_parts parts;

	if (row_split(data, size, drop, &parts) != 0)
		return;
	MUST((parts.nonce != NULL) == drop && parts.commit + ROW_COMMIT == parts.first);
	MUST(parts.first + parts.first_n == data + parts.rest_at && parts.rest_at <= size);
	MUST(parts.first_n >= 32 && parts.first_n - 16 <= ROW_FIRST_MAX);
}

static void encode_again(const struct row_index *x, const uint8_t *data, size_t size, bool drop)
{
	static struct row_cell cells[ROW_ENTRIES];
	static uint8_t row[ROW_MAX], nonce[ROW_NONCE];
	struct row_input in = { cells, x->entries, x->provenance, x->provenances, drop };
	struct row_layout at;
	struct row_parts parts;

	for (unsigned i = 0; i < x->entries; i++) {
		const struct row_entry *e = &x->entry[i];

		cells[i] = (struct row_cell){ e->field, e->type, e->provenance, e->length, e->padded,
			row_is_short(e->padded) ? data + e->offset : NULL };
	}
	if (row_measure(&in, &at) != 0) {
		MUST(stored_n(x) + size > ROW_MAX - 256);	/* the pieces alone are too much */
		return;
	}
	row_encode(&in, &at, nonce, row);
	MUST(at.first_n == size && memcmp(row + at.first_at, data, size) == 0);
	MUST(row_split(row, at.stored_n, drop, &parts) == 0);
	MUST(parts.rest_at == at.rest_at && parts.first == row + at.first_at && parts.commit == row + at.commit_at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct row_index x;
	const struct row_parts parts = { .rest_at = REST_AT };

	for (unsigned drop = 0; drop < 2; drop++) {
		size_t n;

		split(data, size, drop);
		/* What is wrong about the length alone is decided last: then all is there. */
		x.entries = x.provenances = 0;
		if (row_decode(data, size, &parts, REST_AT, drop, &x) != 0 && x.entries > ROW_ENTRIES)
			continue;
		n = stored_n(&x);
		MUST(row_decode(data, size, &parts, n + 1, drop, &x) != 0);
		if (row_decode(data, size, &parts, n, drop, &x) != 0)
			continue;
		for (unsigned i = 0; i < x.entries; i++) {
			MUST(x.entry[i].length <= x.entry[i].padded && x.entry[i].provenance < x.provenances);
			MUST(x.entry[i].offset + x.entry[i].padded <= (row_is_short(x.entry[i].padded) ? size : n - 16));
			MUST(row_index_find(&x, x.entry[i].field) == &x.entry[i]);
			MUST(drop == 1 || x.entry[i].type != VALUE_NULL);
		}
		encode_again(&x, data, size, drop);
	}
	return 0;
}

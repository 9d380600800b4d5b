#include "format/row.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

#define FORMAT 2
#define SUITE 1
#define TAG 16u
#define BLOCK 16u		/* the first piece is padded to multiples */
#define FIXED 3u		/* counts before the entries at most */
#define ENTRY 10u		/* the longest: two bytes of field id, three of each length */
#define PROVENANCE 34u		/* the longest */
#define FIELD_ID_MAX 0x3FFFu

_Static_assert(ROW_FIRST_MAX % BLOCK == 0 &&
    ROW_FIRST_MAX >= FIXED + (ENTRY + ROW_SHORT) * ROW_ENTRIES + PROVENANCE * ROW_PROVENANCES, "the largest first piece fits");

int row_split(const uint8_t *stored, size_t n, bool drop, struct row_parts *ret)
{
	struct rd r = rd_over(stored, n);

	if (n > ROW_MAX || rd_u8(&r) != FORMAT || rd_u8(&r) != SUITE)
		return CV_ERR_FORMAT;
	ret->nonce = drop ? rd_take(&r, ROW_NONCE) : NULL;
	ret->first_n = rd_varint(&r);
	ret->commit = rd_take(&r, ROW_COMMIT);
	ret->first = rd_take(&r, ret->first_n);
	if (!rd_ok(&r) || ret->first_n < BLOCK + TAG || ret->first_n % BLOCK != 0 || ret->first_n - TAG > ROW_FIRST_MAX)
		return CV_ERR_FORMAT;
	ret->rest_at = (size_t)(r.p - stored);
	return 0;
}

/* ---- what a row may say: the same rules hold what is read and what is written -------------------------------------- */

static bool type_known(uint8_t type)
{
	return type <= VALUE_GROUP || type == VALUE_SUPPRESSED;
}

/* Of an entry, all but its place in the order. */
static bool entry_valid(uint8_t type, uint8_t provenance, size_t length, size_t padded, unsigned provenances, bool drop)
{
	if (!type_known(type) || (type == VALUE_NULL && !drop) || ((type == VALUE_NULL || type == VALUE_SUPPRESSED) && length > 0))
		return false;
	return provenance < provenances && length <= padded && padded <= FIELD_MAX;
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

/* Whether the padding of a short value, or of the first piece, is zero: at most ROW_SHORT bytes. */
static bool zeros(const uint8_t *p, size_t n)
{
	static const uint8_t none[ROW_SHORT];

	return memcmp(p, none, n) == 0;
}

/* The entries; offsets count from where the short values and the pieces of the long ones begin: *ret_short, *ret_long bytes. */
static int entries_decode(struct rd *r, bool drop, struct row_index *ret, uint32_t *ret_short, uint32_t *ret_long)
{
	uint32_t field = 0, short_n = 0, long_n = 0;	/* ROW_ENTRIES of FIELD_MAX: no overflow */

	for (unsigned i = 0; i < ret->entries; i++) {
		struct row_entry *e = &ret->entry[i];
		uint32_t step = rd_varint(r), length, more;

		e->type = rd_u8(r);
		e->provenance = ret->provenances > 1 ? rd_u8(r) : 0;
		length = rd_varint(r);
		more = rd_varint(r);
		if (step == 0 || step > FIELD_ID_MAX - field || length > FIELD_MAX || more > FIELD_MAX ||
		    !entry_valid(e->type, e->provenance, length, length + more, ret->provenances, drop))
			return CV_ERR_FORMAT;
		field += step;
		e->field = (uint16_t)field;
		e->length = (uint16_t)length;
		e->padded = (uint16_t)(length + more);
		if (row_is_short(e->padded)) {
			e->offset = short_n;
			short_n += e->padded;
		} else {
			e->offset = long_n;
			long_n += e->padded + TAG;
		}
	}
	*ret_short = short_n;
	*ret_long = long_n;
	return 0;
}

static void provenance_decode(struct rd *r, struct provenance *ret)
{
	ret->source = rd_u16(r);
	rd_copy(r, ret->writer, 16);
	ret->written_ms = rd_u48(r);
	ret->as_of_day = rd_varint(r);
	ret->due_day = rd_varint(r);
}

int row_decode(const uint8_t *p, size_t n, const struct row_parts *parts, size_t stored_n, bool drop, struct row_index *ret)
{
	struct rd r = rd_over(p, n);
	uint32_t short_n, long_n;
	const uint8_t *values;

	if (n == 0 || n % BLOCK != 0 || n > ROW_FIRST_MAX)
		return CV_ERR_FORMAT;
	ret->entries = rd_varint(&r);
	ret->provenances = rd_u8(&r);
	if (ret->entries > ROW_ENTRIES || entries_decode(&r, drop, ret, &short_n, &long_n) != 0)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < ret->provenances; i++)
		provenance_decode(&r, &ret->provenance[i]);
	values = rd_take(&r, short_n);
	if (!rd_ok(&r) || rd_left(&r) >= BLOCK || !zeros(r.p, rd_left(&r)) || parts->rest_at + long_n != stored_n)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < ret->entries; i++) {
		struct row_entry *e = &ret->entry[i];

		if (!row_is_short(e->padded)) {
			e->offset += (uint32_t)parts->rest_at;
			continue;
		}
		if (!zeros(values + e->offset + e->length, (size_t)e->padded - e->length))
			return CV_ERR_FORMAT;
		e->offset += (uint32_t)(values - p);
	}
	return 0;
}

const struct row_entry *row_index_find(const struct row_index *x, uint16_t field)
{
	unsigned lo = 0, hi = x->entries;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (x->entry[mid].field < field)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < x->entries && x->entry[lo].field == field ? &x->entry[lo] : NULL;
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

static bool cells_valid(const struct row_input *x)
{
	unsigned before = 0;

	for (unsigned i = 0; i < x->n; i++) {
		const struct row_cell *c = &x->cell[i];

		if (c->field <= before || c->field > FIELD_ID_MAX ||
		    !entry_valid(c->type, c->provenance, c->length, c->padded, x->provenances, x->drop))
			return false;
		before = c->field;
	}
	return true;
}

int row_measure(const struct row_input *x, struct row_layout *ret)
{
	size_t first = varint_size(x->n) + 1, rest = 0;
	struct row_layout at;
	unsigned before = 0;

	if (x->n > ROW_ENTRIES || x->provenances > ROW_PROVENANCES)
		return CV_ERR_LIMIT;
	if (!cells_valid(x))
		return CV_ERR_ARG;
	for (unsigned i = 0; i < x->n; before = x->cell[i].field, i++) {
		const struct row_cell *c = &x->cell[i];

		first += varint_size(c->field - before) + 1 + (x->provenances > 1) + varint_size(c->length) +
		    varint_size((uint32_t)c->padded - c->length);
		if (row_is_short(c->padded))
			first += c->padded;
		else
			rest += (size_t)c->padded + TAG;
	}
	for (unsigned i = 0; i < x->provenances; i++) {
		if (x->provenance[i].written_ms >> 48 != 0)
			return CV_ERR_ARG;
		first += 2 + 16 + 6 + varint_size(x->provenance[i].as_of_day) + varint_size(x->provenance[i].due_day);
	}
	at.first_n = (first + BLOCK - 1) / BLOCK * BLOCK;
	at.commit_at = 2 + (x->drop ? ROW_NONCE : 0) + varint_size((uint32_t)(at.first_n + TAG));
	at.first_at = at.commit_at + ROW_COMMIT;
	at.rest_at = at.first_at + at.first_n + TAG;
	at.stored_n = at.rest_at + rest;
	if (at.stored_n > ROW_MAX)
		return CV_ERR_LIMIT;
	*ret = at;
	return 0;
}

static uint8_t *entries_encode(const struct row_input *x, uint8_t *p)
{
	unsigned before = 0;

	for (unsigned i = 0; i < x->n; before = x->cell[i].field, i++) {
		const struct row_cell *c = &x->cell[i];

		p = wr_varint(p, c->field - before);
		p = wr_u8(p, c->type);
		if (x->provenances > 1)
			p = wr_u8(p, c->provenance);
		p = wr_varint(p, c->length);
		p = wr_varint(p, (uint32_t)c->padded - c->length);
	}
	return p;
}

static uint8_t *provenance_encode(const struct provenance *x, uint8_t *p)
{
	p = wr_u16(p, x->source);
	p = wr_bytes(p, x->writer, 16);
	p = wr_u48(p, x->written_ms);
	p = wr_varint(p, x->as_of_day);
	return wr_varint(p, x->due_day);
}

void row_encode(const struct row_input *x, const struct row_layout *at, const uint8_t nonce[ROW_NONCE], uint8_t *ret)
{
	uint8_t *p = ret, *end = ret + at->first_at + at->first_n;

	p = wr_u8(p, FORMAT);
	p = wr_u8(p, SUITE);
	if (x->drop)
		p = wr_bytes(p, nonce, ROW_NONCE);
	p = wr_varint(p, (uint32_t)(at->first_n + TAG));
	assert(p == ret + at->commit_at);
	p = wr_varint(ret + at->first_at, x->n);
	p = wr_u8(p, (uint8_t)x->provenances);
	p = entries_encode(x, p);
	for (unsigned i = 0; i < x->provenances; i++)
		p = provenance_encode(&x->provenance[i], p);
	for (unsigned i = 0; i < x->n; i++) {
		const struct row_cell *c = &x->cell[i];

		if (!row_is_short(c->padded))
			continue;
		if (c->length > 0)
			memcpy(p, c->p, c->length);
		memset(p + c->length, 0, (size_t)c->padded - c->length);
		p += c->padded;
	}
	assert(p <= end && (size_t)(end - p) < BLOCK);
	memset(p, 0, (size_t)(end - p));
}

/* ---- keys of REC ------------------------------------------------------------------------------------------------- */

size_t rec_key(uint64_t serial, enum rec_kind kind, uint32_t class_key, uint64_t drop_version, uint8_t ret[REC_KEY_MAX])
{
	be48_put(ret, serial);
	ret[6] = (uint8_t)kind;
	be32_put(ret + 7, class_key);
	if (kind != REC_DROP)
		return 11;
	be64_put(ret + 11, drop_version);
	return REC_KEY_MAX;
}

#include "format/row.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

#define FORMAT 1
#define SUITE 1
#define TAG 16u
#define BLOCK 32u		/* the index is padded to multiples */
#define FIXED 4u		/* counts before the entries */
#define ENTRY 8u
#define PROVENANCE 32u
#define FIELD_ID_MAX 0x3FFF
#define HIST_ROW 1
#define HIST_DROP 2

_Static_assert(ROW_INDEX_MAX % BLOCK == 0 && ROW_INDEX_MAX + TAG <= UINT16_MAX, "the length fits its field");
_Static_assert(ROW_INDEX_MAX >= FIXED + ENTRY * ROW_ENTRIES + PROVENANCE * ROW_PROVENANCES, "the largest index fits");

int row_split(const uint8_t *stored, size_t n, struct row_parts *ret)
{
	uint16_t index_n;

	if (n < ROW_PREFIX || n > ROW_MAX || stored[0] != FORMAT || stored[1] != SUITE)
		return CV_ERR_FORMAT;
	index_n = be16_get(stored + 2);
	if (index_n < BLOCK + TAG || (index_n - TAG) % BLOCK != 0 || index_n - TAG > ROW_INDEX_MAX || index_n > n - ROW_PREFIX)
		return CV_ERR_FORMAT;
	ret->nonce = stored + 4;
	ret->commit = stored + 28;
	ret->index = stored + ROW_PREFIX;
	ret->index_n = index_n;
	return 0;
}

void row_prefix_encode(uint16_t index_n, const uint8_t nonce[24], const uint8_t commit[32], uint8_t ret[ROW_PREFIX])
{
	ret[0] = FORMAT;
	ret[1] = SUITE;
	be16_put(ret + 2, index_n);
	memcpy(ret + 4, nonce, 24);
	memcpy(ret + 28, commit, 32);
}

/* ---- the index --------------------------------------------------------------------------------------------------- */

static bool type_known(uint8_t type)
{
	return type <= VALUE_GROUP || type == VALUE_SUPPRESSED;
}

/* What an entry may say; before is the one in front, or NULL. */
static bool entry_valid(const struct row_entry *before, const struct row_entry *e, unsigned provenances)
{
	if (e->field == 0 || e->field > FIELD_ID_MAX || (before != NULL && before->field >= e->field))
		return false;
	if (!type_known(e->type) || ((e->type == VALUE_NULL || e->type == VALUE_SUPPRESSED) && e->length > 0))
		return false;
	return e->provenance < provenances && e->length <= e->padded && e->padded <= FIELD_MAX;
}

/* Read one entry whose cell starts at *offset, and move *offset behind the cell. */
static void entry_decode(struct rd *r, uint32_t *offset, struct row_entry *ret)
{
	ret->field = rd_u16(r);
	ret->type = rd_u8(r);
	ret->provenance = rd_u8(r);
	ret->length = rd_u16(r);
	ret->padded = rd_u16(r);
	ret->offset = *offset;
	*offset += ret->padded + TAG;	/* ROW_ENTRIES cells of 64 KiB: no overflow */
}

static void provenance_decode(struct rd *r, struct provenance *ret)
{
	ret->source = rd_u16(r);
	rd_copy(r, ret->writer, 16);
	ret->written_ms = rd_u48(r);
	ret->as_of_day = rd_u32(r);
	ret->due_day = rd_u32(r);
}

/* Less than a block of zeros, and nothing behind them. */
static bool padding_valid(struct rd *r)
{
	size_t left = rd_left(r);
	uint8_t any = 0;

	if (!rd_ok(r) || left >= BLOCK)
		return false;
	while (left-- > 0)
		any |= rd_u8(r);
	return any == 0;
}

int row_index_decode(const uint8_t *p, size_t n, size_t index_n, size_t stored_n, struct row_index *ret)
{
	struct rd r = rd_over(p, n);
	uint32_t offset;

	if (n == 0 || n % BLOCK != 0 || n > ROW_INDEX_MAX || index_n != n + TAG || stored_n > ROW_MAX)
		return CV_ERR_FORMAT;
	offset = (uint32_t)(ROW_PREFIX + index_n);
	ret->entries = rd_u16(&r);
	ret->provenances = rd_u8(&r);
	if (ret->entries > ROW_ENTRIES || rd_u8(&r) != 0)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < ret->entries; i++) {
		entry_decode(&r, &offset, &ret->entry[i]);
		if (!entry_valid(i > 0 ? &ret->entry[i - 1] : NULL, &ret->entry[i], ret->provenances))
			return CV_ERR_FORMAT;
	}
	for (unsigned i = 0; i < ret->provenances; i++)
		provenance_decode(&r, &ret->provenance[i]);
	return padding_valid(&r) && offset == stored_n ? 0 : CV_ERR_FORMAT;
}

static bool index_valid(const struct row_index *x)
{
	for (unsigned i = 0; i < x->entries; i++)
		if (!entry_valid(i > 0 ? &x->entry[i - 1] : NULL, &x->entry[i], x->provenances))
			return false;
	for (unsigned i = 0; i < x->provenances; i++)
		if (x->provenance[i].written_ms >> 48 != 0)
			return false;
	return true;
}

int row_index_encode(const struct row_index *x, struct buf *ret)
{
	size_t start = ret->n;

	if (x->entries > ROW_ENTRIES || x->provenances > ROW_PROVENANCES)
		return CV_ERR_LIMIT;
	if (!index_valid(x))
		return CV_ERR_ARG;
	buf_u16(ret, (uint16_t)x->entries);
	buf_u8(ret, (uint8_t)x->provenances);
	buf_u8(ret, 0);
	for (unsigned i = 0; i < x->entries; i++) {
		buf_u16(ret, x->entry[i].field);
		buf_u8(ret, x->entry[i].type);
		buf_u8(ret, x->entry[i].provenance);
		buf_u16(ret, x->entry[i].length);
		buf_u16(ret, x->entry[i].padded);
	}
	for (unsigned i = 0; i < x->provenances; i++) {
		buf_u16(ret, x->provenance[i].source);
		buf_put(ret, x->provenance[i].writer, 16);
		buf_u48(ret, x->provenance[i].written_ms);
		buf_u32(ret, x->provenance[i].as_of_day);
		buf_u32(ret, x->provenance[i].due_day);
	}
	buf_zero(ret, (BLOCK - (ret->n - start) % BLOCK) % BLOCK);
	if (buf_ok(ret))
		return 0;
	buf_cut(ret, start);
	return CV_ERR_NOMEM;
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

/* ---- keys of REC and HIST ---------------------------------------------------------------------------------------- */

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

void hist_key(uint64_t serial, uint32_t class_key, uint64_t version, uint8_t what, uint8_t ret[HIST_KEY])
{
	be48_put(ret, serial);
	be32_put(ret + 6, class_key);
	be64_put(ret + 10, ~version);	/* newest first */
	ret[18] = what;
}

int hist_key_decode(const uint8_t *p, size_t n, uint64_t *ret_serial, uint32_t *ret_class_key, uint64_t *ret_version, uint8_t *ret_what)
{
	if (n != HIST_KEY || (p[18] != HIST_ROW && p[18] != HIST_DROP))
		return CV_ERR_FORMAT;
	*ret_serial = be48_get(p);
	*ret_class_key = be32_get(p + 6);
	*ret_version = ~be64_get(p + 10);
	*ret_what = p[18];
	return 0;
}

/* Class rows and drops under their row keys. FORMAT.md 4.3 and 4.4. */
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "keys/record_internal.h"

#define OKM 64	/* row key, then commitment */

/*
 * Row key and commitment of a row of stored_n bytes at its place. Both keys enter at once: neither data key nor shred key
 * alone gives one bit. CV_ERR_NOTFOUND: the shred key is gone.
 */
static int row_keys(const struct keys *k, const struct datakey *dk, const struct row_place *at, const uint8_t nonce[24],
    size_t stored_n, uint8_t ret_okm[OKM])
{
	uint8_t key[2 * CRYPTO_KEY], in[CRYPTO_NONCE + CONTEXT_BYTES];
	const uint8_t *shred = shred_key(k, at->shred_slot);
	struct part part = { in, sizeof(in) };

	if (shred == NULL)
		return CV_ERR_NOTFOUND;
	memcpy(key, dk->opaque, CRYPTO_KEY);
	memcpy(key + CRYPTO_KEY, shred, CRYPTO_KEY);
	memcpy(in, nonce, CRYPTO_NONCE);
	context_encode(CONTEXT_OF(k, .kind = at->drop ? CONTEXT_DROP : CONTEXT_ROW, .entity = at->record,
	    .class_key = at->class_key, .epoch = at->birth_epoch, .generation = at->generation, .version = at->version,
	    .length = stored_n), in + CRYPTO_NONCE);
	crypto_hash("cv1.row", key, sizeof(key), &part, 1, ret_okm, OKM);
	wipe(key, sizeof(key));
	return 0;
}

/* Nonce of a cell: the field id, 0 for the index. The row key is fresh at each rewrite, so ids do not repeat under it. */
static void cell_nonce(uint16_t field, uint8_t ret[12])
{
	memset(ret, 0, 12);
	be32_put(ret, field);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* Decrypt and decode the index; nulls stand in drops alone. */
static int index_open(const struct row_parts *parts, size_t stored_n, bool drop, struct row_view *v)
{
	/* Not cleared beforehand: rows are opened by the dozen, and most indexes are short. */
	__attribute__((uninitialized)) uint8_t plain[ROW_INDEX_MAX];
	size_t plain_n = parts->index_n - CRYPTO_TAG;	/* row_split: at most ROW_INDEX_MAX */
	uint8_t nonce[12];
	int r;

	cell_nonce(0, nonce);
	if ((r = crypto_cell_open(v->row_key, nonce, NULL, 0, parts->index, parts->index_n, plain)) != 0)
		goto out;
	if ((r = row_index_decode(plain, plain_n, parts->index_n, stored_n, &v->index)) != 0)
		goto out;
	for (unsigned i = 0; i < v->index.entries && !drop; i++)
		if (v->index.entry[i].type == VALUE_NULL)
			r = CV_ERR_FORMAT;
out:
	wipe(plain, plain_n);
	return r;
}

int record_row_open(struct keys *k, const struct datakey *dk, const struct row_place *at, const uint8_t *stored, size_t n,
    struct row_view *ret)
{
	struct row_parts parts;
	uint8_t okm[OKM];
	int r;

	if ((r = row_split(stored, n, &parts)) != 0)
		return r;
	if ((r = row_keys(k, dk, at, parts.nonce, n, okm)) != 0)
		return r;
	/* Before anything is decrypted: Poly1305 alone would let one row open under two keys, or in two places. */
	if (!crypto_equal(parts.commit, okm + CRYPTO_KEY, CRYPTO_COMMIT)) {
		r = CV_ERR_AUTH;
		goto out;
	}
	memcpy(ret->row_key, okm, CRYPTO_KEY);
	if ((r = index_open(&parts, n, at->drop, ret)) != 0) {
		wipe(ret->row_key, sizeof(ret->row_key));
		goto out;
	}
	ret->stored = stored;
	ret->stored_n = n;
out:
	wipe(okm, sizeof(okm));
	return r;
}

int record_row_cell(const struct row_view *v, unsigned i, struct buf *ret)
{
	const struct row_entry *e = &v->index.entry[i];
	size_t start = ret->n;
	uint8_t nonce[12], any = 0, *out;
	int r;

	if ((out = buf_add(ret, e->padded)) == NULL) {
		r = CV_ERR_NOMEM;
		goto out;
	}
	cell_nonce(e->field, nonce);
	/* The index was decoded against stored_n, so that the cell lies inside. */
	if ((r = crypto_cell_open(v->row_key, nonce, NULL, 0, v->stored + e->offset, e->padded + CRYPTO_TAG, out)) != 0)
		goto out;
	for (size_t j = e->length; j < e->padded; j++)
		any |= out[j];
	if (any != 0)
		r = CV_ERR_FORMAT;
out:
	buf_cut(ret, r == 0 ? start + e->length : start);
	return r;
}

void record_row_clear(struct row_view *v)
{
	wipe(v->row_key, sizeof(v->row_key));
	/* Lengths and provenances of a child's file; what lies behind them was never written. */
	wipe(v->index.entry, v->index.entries * sizeof(v->index.entry[0]));
	wipe(v->index.provenance, v->index.provenances * sizeof(v->index.provenance[0]));
	v->index.entries = v->index.provenances = 0;
	v->stored = NULL;
	v->stored_n = 0;
}

/* ---- sealing ----------------------------------------------------------------------------------------------------- */

/* The index of the cells, and the bytes that the cells take. 0, CV_ERR_LIMIT, or CV_ERR_ARG for a null outside a drop. */
static int index_make(const struct cell *cells, unsigned n, const struct provenance *provs, unsigned prov_n, bool drop,
    struct row_index *ret, size_t *ret_cells_n)
{
	size_t cells_n = 0;

	if (n > ROW_ENTRIES || prov_n > ROW_PROVENANCES)
		return CV_ERR_LIMIT;
	ret->entries = n;
	ret->provenances = prov_n;
	for (unsigned i = 0; i < n; i++) {
		if (cells[i].type == VALUE_NULL && !drop)
			return CV_ERR_ARG;
		ret->entry[i] = (struct row_entry){
			.field = cells[i].field, .type = cells[i].type, .provenance = cells[i].provenance,
			.length = cells[i].length, .padded = cells[i].padded,
		};
		cells_n += (size_t)cells[i].padded + CRYPTO_TAG;
	}
	if (prov_n > 0)
		memcpy(ret->provenance, provs, prov_n * sizeof(*provs));
	*ret_cells_n = cells_n;
	return 0;
}

/* Pad one value and encrypt it in place at out. */
static void cell_seal(const uint8_t row_key[32], const struct cell *c, uint8_t *out)
{
	uint8_t nonce[12];

	if (c->length > 0)
		memcpy(out, c->p, c->length);
	memset(out + c->length, 0, (size_t)c->padded - c->length);
	cell_nonce(c->field, nonce);
	crypto_cell_seal(row_key, nonce, NULL, 0, out, c->padded, out);
}

int record_row_seal(struct keys *k, const struct datakey *dk, const struct row_place *at, const struct cell *cells, unsigned n,
    const struct provenance *provs, unsigned prov_n, struct buf *ret)
{
	uint8_t nonce[CRYPTO_NONCE];

	/* Fresh at each rewrite: the row key it gives is used for this row alone. */
	crypto_random(nonce, sizeof(nonce));
	return record_row_seal_with(k, dk, at, cells, n, provs, prov_n, nonce, ret);
}

int record_row_seal_with(struct keys *k, const struct datakey *dk, const struct row_place *at, const struct cell *cells,
    unsigned n, const struct provenance *provs, unsigned prov_n, const uint8_t nonce[24], struct buf *ret)
{
	__attribute__((uninitialized)) struct row_index index;	/* 16 KiB; index_make writes what is read */
	size_t start = ret->n, index_at = start + ROW_PREFIX, cells_n, index_n, total;
	uint8_t okm[OKM] = { 0 }, no_field[12], *p;
	int r;

	if ((r = index_make(cells, n, provs, prov_n, at->drop, &index, &cells_n)) != 0)
		return r;
	buf_zero(ret, ROW_PREFIX);
	if ((r = row_index_encode(&index, ret)) != 0)
		goto out;
	index_n = ret->n - index_at + CRYPTO_TAG;
	total = ROW_PREFIX + index_n + cells_n;
	if (total > ROW_MAX) {
		r = CV_ERR_LIMIT;
		goto out;
	}
	if (buf_add(ret, CRYPTO_TAG + cells_n) == NULL) {
		r = CV_ERR_NOMEM;
		goto out;
	}
	if ((r = row_keys(k, dk, at, nonce, total, okm)) != 0)
		goto out;
	p = ret->p + start;
	row_prefix_encode((uint16_t)index_n, nonce, okm + CRYPTO_KEY, p);
	cell_nonce(0, no_field);
	crypto_cell_seal(okm, no_field, NULL, 0, p + ROW_PREFIX, index_n - CRYPTO_TAG, p + ROW_PREFIX);
	p += ROW_PREFIX + index_n;
	for (unsigned i = 0; i < n; p += (size_t)cells[i].padded + CRYPTO_TAG, i++)
		cell_seal(okm, &cells[i], p);
out:
	wipe(okm, sizeof(okm));
	if (r != 0)
		buf_cut(ret, start);
	return r;
}

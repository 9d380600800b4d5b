/* Class rows and drops under their row keys. FORMAT.md 4.3 and 4.4. */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "keys/record_internal.h"

#define OKM (CRYPTO_KEY + ROW_COMMIT)	/* row key, then commitment */

/*
 * Row key and commitment of a row of stored_n bytes at its place. Both keys enter at once: neither data key nor shred key
 * alone gives one bit. CV_ERR_NOTFOUND: the shred key is gone.
 */
static int row_keys(const struct keys *k, const struct datakey *dk, const struct row_place *at, const uint8_t nonce[ROW_NONCE],
    size_t stored_n, uint8_t ret_okm[OKM])
{
	uint8_t key[2 * CRYPTO_KEY], in[ROW_NONCE + CONTEXT_BYTES];
	const uint8_t *shred = shred_key(k, at->shred_slot);
	struct part part = { in, sizeof(in) };

	if (shred == NULL)
		return CV_ERR_NOTFOUND;
	memcpy(key, dk->opaque, CRYPTO_KEY);
	memcpy(key + CRYPTO_KEY, shred, CRYPTO_KEY);
	memcpy(in, nonce, ROW_NONCE);
	context_encode(CONTEXT_OF(k, .kind = at->drop ? CONTEXT_DROP : CONTEXT_ROW, .entity = at->record,
	    .class_key = at->class_key, .epoch = at->birth_epoch, .generation = at->generation, .version = at->version,
	    .length = stored_n), in + ROW_NONCE);
	crypto_hash("cv1.row", key, sizeof(key), &part, 1, ret_okm, OKM);
	wipe(key, sizeof(key));
	return 0;
}

/* Nonce of a piece: the field id, 0 for the first. The row key is fresh at each rewrite, so ids do not repeat under it. */
static void piece_nonce(uint16_t field, uint8_t ret[12])
{
	memset(ret, 0, 12);
	be32_put(ret, field);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* Decrypt and decode the first piece. */
static int first_open(const struct row_parts *parts, size_t stored_n, bool drop, struct row_view *v)
{
	uint8_t nonce[12];
	int r;

	v->plain_n = parts->first_n - CRYPTO_TAG;	/* row_split: at most ROW_FIRST_MAX */
	piece_nonce(0, nonce);
	if ((r = crypto_cell_open(v->row_key, nonce, NULL, 0, parts->first, parts->first_n, v->plain)) == 0)
		r = row_decode(v->plain, v->plain_n, parts, stored_n, drop, &v->index);
	if (r != 0)
		wipe(v->plain, v->plain_n);
	return r;
}

int record_row_open(struct keys *k, const struct datakey *dk, const struct row_place *at, const uint8_t *stored, size_t n,
    struct row_view *ret)
{
	struct row_parts parts;
	uint8_t okm[OKM];
	int r;

	if ((r = row_split(stored, n, at->drop, &parts)) != 0)
		return r;
	assert(at->drop || at->nonce != NULL);
	if ((r = row_keys(k, dk, at, at->drop ? parts.nonce : at->nonce, n, okm)) != 0)
		return r;
	/* Before anything is decrypted: Poly1305 alone would let one row open under two keys, or in two places. */
	if (!crypto_equal(parts.commit, okm + CRYPTO_KEY, ROW_COMMIT)) {
		r = CV_ERR_AUTH;
		goto out;
	}
	memcpy(ret->row_key, okm, CRYPTO_KEY);
	if ((r = first_open(&parts, n, at->drop, ret)) != 0) {
		wipe(ret->row_key, sizeof(ret->row_key));
		goto out;
	}
	ret->stored = stored;
	ret->stored_n = n;
out:
	wipe(okm, sizeof(okm));
	return r;
}

/* Decrypt the piece of a long value to the end of room. */
static int piece_open(const struct row_view *v, const struct row_entry *e, struct buf *room, const uint8_t **ret)
{
	size_t start = room->n;
	uint8_t nonce[12], any = 0, *out;
	int r;

	if ((out = buf_add(room, e->padded)) == NULL) {
		r = CV_ERR_NOMEM;
		goto out;
	}
	piece_nonce(e->field, nonce);
	/* The first piece was decoded against stored_n, so that this one lies inside. */
	if ((r = crypto_cell_open(v->row_key, nonce, NULL, 0, v->stored + e->offset, (size_t)e->padded + CRYPTO_TAG, out)) != 0)
		goto out;
	for (size_t j = e->length; j < e->padded; j++)
		any |= out[j];
	if (any != 0)
		r = CV_ERR_FORMAT;
	else
		*ret = out;
out:
	buf_cut(room, r == 0 ? start + e->length : start);
	return r;
}

int record_row_value(const struct row_view *v, unsigned i, struct buf *room, const uint8_t **ret)
{
	const struct row_entry *e = &v->index.entry[i];

	if (!row_is_short(e->padded))
		return piece_open(v, e, room, ret);
	*ret = v->plain + e->offset;	/* padding was checked with the whole piece */
	return 0;
}

void record_row_clear(struct row_view *v)
{
	wipe(v->row_key, sizeof(v->row_key));
	wipe(v->plain, v->plain_n);
	/* Lengths and provenances of a child's file; what lies behind them was never written. */
	wipe(v->index.entry, v->index.entries * sizeof(v->index.entry[0]));
	wipe(v->index.provenance, v->index.provenances * sizeof(v->index.provenance[0]));
	v->index.entries = v->index.provenances = 0;
	v->plain_n = 0;
	v->stored = NULL;
	v->stored_n = 0;
}

/* ---- sealing ----------------------------------------------------------------------------------------------------- */

/* Pad one long value and encrypt it in place at out. */
static void piece_seal(const uint8_t row_key[32], const struct row_cell *c, uint8_t *out)
{
	uint8_t nonce[12];

	if (c->length > 0)
		memcpy(out, c->p, c->length);
	memset(out + c->length, 0, (size_t)c->padded - c->length);
	piece_nonce(c->field, nonce);
	crypto_cell_seal(row_key, nonce, NULL, 0, out, c->padded, out);
}

int record_row_seal(struct keys *k, const struct datakey *dk, const struct row_place *at, const struct row_cell *cells, unsigned n,
    const struct provenance *provs, unsigned prov_n, struct buf *ret)
{
	const struct row_input input = { cells, n, provs, prov_n, at->drop };
	struct row_layout layout;
	size_t start = ret->n;
	uint8_t okm[OKM], drawn[ROW_NONCE], first[12], *p;
	const uint8_t *nonce = at->nonce;
	int r;

	assert(at->drop || nonce != NULL);
	if ((r = row_measure(&input, &layout)) != 0)
		return r;
	if (nonce == NULL) {
		crypto_random(drawn, sizeof(drawn));
		nonce = drawn;
	}
	if ((r = row_keys(k, dk, at, nonce, layout.stored_n, okm)) != 0)
		return r;
	if ((p = buf_add(ret, layout.stored_n)) == NULL) {
		buf_cut(ret, start);
		r = CV_ERR_NOMEM;
		goto out;
	}
	row_encode(&input, &layout, nonce, p);
	memcpy(p + layout.commit_at, okm + CRYPTO_KEY, ROW_COMMIT);
	piece_nonce(0, first);
	crypto_cell_seal(okm, first, NULL, 0, p + layout.first_at, layout.first_n, p + layout.first_at);
	p += layout.rest_at;
	for (unsigned i = 0; i < n; i++) {
		if (row_is_short(cells[i].padded))
			continue;
		piece_seal(okm, &cells[i], p);
		p += (size_t)cells[i].padded + CRYPTO_TAG;
	}
out:
	wipe(okm, sizeof(okm));
	return r;
}

#include "format/directory_doc.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"

#define MAGIC "CVDR"
#define FORMAT 1u
#define SUITE 1u

bool directory_doc_set(struct rd *r, const uint8_t **ret, uint32_t *ret_n)
{
	const uint8_t *p;
	uint32_t n;

	if (rd_left(r) == 0)
		return false;
	n = rd_u32(r);
	if ((p = rd_take(r, n)) == NULL)
		return false;
	*ret = p;
	*ret_n = n;
	return true;
}

bool directory_doc_fact(struct rd *r, struct directory_doc_fact *ret)
{
	struct directory_doc_fact f;

	if (rd_left(r) == 0)
		return false;
	f.key_n = rd_u8(r);
	f.key = rd_take(r, f.key_n);
	f.change_set = rd_u32(r);
	f.fact_n = rd_u16(r);
	f.fact = rd_take(r, f.fact_n);
	if (!rd_ok(r))
		return false;
	*ret = f;
	return true;
}

int directory_doc_decode(const uint8_t *p, size_t n, struct directory_doc *ret)
{
	struct directory_doc_fact fact;
	struct directory_doc d;
	struct rd r = rd_over(p, n);
	const uint8_t *magic = rd_take(&r, 4), *set;
	uint32_t i, set_n;

	if (magic == NULL || memcmp(magic, MAGIC, 4) != 0 || rd_u8(&r) != FORMAT || rd_u8(&r) != SUITE)
		return CV_ERR_FORMAT;
	d.leaf_n = rd_u16(&r);
	d.leaf = rd_take(&r, d.leaf_n);
	d.checkpoint_n = rd_u16(&r);
	d.checkpoint = rd_take(&r, d.checkpoint_n);
	d.proofs = rd_u8(&r);
	d.proof = rd_take(&r, (size_t)d.proofs * 32);
	d.sets = rd_u32(&r);
	d.set_list = r.p;
	for (i = 0; i < d.sets && directory_doc_set(&r, &set, &set_n); i++)
		;
	d.set_list_n = (size_t)(r.p - d.set_list);
	if (!rd_ok(&r) || i != d.sets)
		return CV_ERR_FORMAT;
	d.facts = rd_u32(&r);
	d.fact_list = r.p;
	for (i = 0; i < d.facts && directory_doc_fact(&r, &fact); i++)
		;
	d.fact_list_n = (size_t)(r.p - d.fact_list);
	if (!rd_done(&r) || i != d.facts || d.proofs > DIRECTORY_PROOF_MAX)
		return CV_ERR_FORMAT;
	*ret = d;
	return 0;
}

void directory_doc_head(const uint8_t *leaf, uint16_t leaf_n, const uint8_t *checkpoint, uint16_t checkpoint_n, const uint8_t (*proof)[32],
    uint8_t proofs, struct buf *ret)
{
	buf_text(ret, MAGIC);
	buf_u8(ret, FORMAT);
	buf_u8(ret, SUITE);
	buf_u16(ret, leaf_n);
	buf_put(ret, leaf, leaf_n);
	buf_u16(ret, checkpoint_n);
	buf_put(ret, checkpoint, checkpoint_n);
	buf_u8(ret, proofs);
	buf_put(ret, proof, (size_t)proofs * 32);
}

void directory_doc_set_encode(const uint8_t *row, uint32_t n, struct buf *ret)
{
	buf_u32(ret, n);
	buf_put(ret, row, n);
}

void directory_doc_fact_encode(const struct directory_doc_fact *f, struct buf *ret)
{
	buf_u8(ret, f->key_n);
	buf_put(ret, f->key, f->key_n);
	buf_u32(ret, f->change_set);
	buf_u16(ret, f->fact_n);
	buf_put(ret, f->fact, f->fact_n);
}

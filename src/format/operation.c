#include "format/operation.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"

#define MAGIC "CVOP"

/* ---- encoding ----------------------------------------------------------------------------------------------------------- */

void operation_head_encode(const struct operation_head *h, struct buf *ret)
{
	buf_text(ret, MAGIC);
	buf_u8(ret, 1);
	buf_u8(ret, 1);
	buf_u16(ret, h->operation);
	buf_put(ret, h->vault, 16);
	buf_put(ret, h->nonce, 16);
	buf_u64(ret, h->log_size);
	buf_put(ret, h->log_root, 32);
	buf_u48(ret, h->not_before_ms);
	buf_u48(ret, h->expires_ms);
	buf_put(ret, h->arguments, 32);
}

void operation_fact_encode(const struct operation_fact *f, struct buf *ret)
{
	buf_u8(ret, f->key_n);
	buf_put(ret, f->key, f->key_n);
	buf_u16(ret, f->fact_n);
	buf_put(ret, f->fact, f->fact_n);
	buf_u16(ret, f->rest_n);
	buf_put(ret, f->rest, f->rest_n);
}

void operation_arguments_encode(const struct operation *o, struct buf *ret)
{
	uint8_t items = 0;

	buf_u32(ret, o->change_n);
	buf_put(ret, o->change, o->change_n);
	buf_u16(ret, o->facts);
	buf_put(ret, o->list, o->list_n);
	for (unsigned tag = 1; tag < ITEM_TAGS; tag++)
		items = (uint8_t)(items + (o->item[tag].n != 0));
	buf_u8(ret, items);
	for (unsigned tag = 1; tag < ITEM_TAGS; tag++) {
		if (o->item[tag].n == 0)
			continue;
		buf_u8(ret, (uint8_t)tag);
		buf_u32(ret, o->item[tag].n);
		buf_put(ret, o->item[tag].p, o->item[tag].n);
	}
}

/* ---- decoding ----------------------------------------------------------------------------------------------------------- */

static int head_decode(struct rd *r, struct operation_head *ret)
{
	const uint8_t *magic = rd_take(r, 4);

	if (magic == NULL || memcmp(magic, MAGIC, 4) != 0 || rd_u8(r) != 1 || rd_u8(r) != 1)
		return CV_ERR_FORMAT;
	ret->operation = rd_u16(r);
	rd_copy(r, ret->vault, 16);
	rd_copy(r, ret->nonce, 16);
	ret->log_size = rd_u64(r);
	rd_copy(r, ret->log_root, 32);
	ret->not_before_ms = rd_u48(r);
	ret->expires_ms = rd_u48(r);
	rd_copy(r, ret->arguments, 32);
	if (!rd_ok(r) || ret->operation < OPERATION_ADD_MEMBER || ret->operation > OPERATION_SPLIT ||
	    ret->expires_ms <= ret->not_before_ms || ret->expires_ms - ret->not_before_ms > OPERATION_MS)
		return CV_ERR_FORMAT;
	return 0;
}

bool operation_next(struct rd *r, struct operation_fact *ret)
{
	struct operation_fact f;

	if (rd_left(r) == 0)
		return false;
	f.key_n = rd_u8(r);
	f.key = rd_take(r, f.key_n);
	f.fact_n = rd_u16(r);
	f.fact = rd_take(r, f.fact_n);
	f.rest_n = rd_u16(r);
	f.rest = rd_take(r, f.rest_n);
	if (!rd_ok(r))
		return false;
	*ret = f;
	return true;
}

static int facts_decode(struct rd *r, struct operation *o)
{
	struct operation_fact f;

	o->facts = rd_u16(r);
	o->list = r->p;
	for (unsigned i = 0; i < o->facts; i++)
		if (!operation_next(r, &f))
			return CV_ERR_FORMAT;
	o->list_n = (size_t)(r->p - o->list);
	return 0;
}

static int items_decode(struct rd *r, struct operation *o)
{
	unsigned items = rd_u8(r), last = 0;

	for (unsigned i = 0; i < items; i++) {
		unsigned tag = rd_u8(r);

		if (tag <= last || tag >= ITEM_TAGS)
			return CV_ERR_FORMAT;
		last = tag;
		o->item[tag].n = rd_u32(r);
		o->item[tag].p = rd_take(r, o->item[tag].n);
		if (!rd_ok(r) || o->item[tag].n == 0)
			return CV_ERR_FORMAT;
	}
	return rd_done(r) ? 0 : CV_ERR_FORMAT;
}

int operation_decode(const uint8_t *p, size_t n, struct operation *ret)
{
	struct rd r = rd_over(p, n);
	struct operation o;

	memset(&o, 0, sizeof(o));
	if (n > OPERATION_DOCUMENT_MAX || head_decode(&r, &o.head) != 0)
		return CV_ERR_FORMAT;
	o.canonical = p;
	o.arguments = r.p;
	o.arguments_n = rd_left(&r);
	o.change_n = rd_u32(&r);
	o.change = rd_take(&r, o.change_n);
	if (!rd_ok(&r) || facts_decode(&r, &o) != 0 || items_decode(&r, &o) != 0)
		return CV_ERR_FORMAT;
	*ret = o;
	return 0;
}

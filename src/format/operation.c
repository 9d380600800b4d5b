#include "format/operation.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

#define MAGIC "CVOP"

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

void operation_arguments_encode(const struct operation *o, struct buf *ret)
{
	buf_u32(ret, o->change_n);
	buf_put(ret, o->change, o->change_n);
	buf_u16(ret, o->facts);
	for (unsigned i = 0; i < o->facts; i++) {
		buf_u8(ret, o->fact[i].key_n);
		buf_put(ret, o->fact[i].key, o->fact[i].key_n);
		buf_u16(ret, o->fact[i].fact_n);
		buf_put(ret, o->fact[i].fact, o->fact[i].fact_n);
	}
	buf_u16(ret, o->person_n);
	buf_put(ret, o->person, o->person_n);
	buf_put(ret, o->wrap, DIR_WRAP);
}

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
	if (!rd_ok(r) || ret->operation != OPERATION_ADD_MEMBER || ret->expires_ms <= ret->not_before_ms ||
	    ret->expires_ms - ret->not_before_ms > OPERATION_MS)
		return CV_ERR_FORMAT;
	return 0;
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
	if ((o.facts = rd_u16(&r)) > OPERATION_FACTS_MAX)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < o.facts && rd_ok(&r); i++) {
		o.fact[i].key_n = rd_u8(&r);
		o.fact[i].key = rd_take(&r, o.fact[i].key_n);
		o.fact[i].fact_n = rd_u16(&r);
		o.fact[i].fact = rd_take(&r, o.fact[i].fact_n);
	}
	o.person_n = rd_u16(&r);
	o.person = rd_take(&r, o.person_n);
	o.wrap = rd_take(&r, DIR_WRAP);
	if (!rd_done(&r))
		return CV_ERR_FORMAT;
	*ret = o;
	return 0;
}

#include "format/genesis.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

#define REQUEST_MAGIC "CVGR"
#define SIGNATURE_LINE "childvault-genesis-signature-1\n"
#define SIGNATURE_BYTES (2u + 16 + 16 + 64 + 64)

void genesis_body_encode(const struct genesis_body *b, struct buf *ret)
{
	size_t n = strlen(b->origin);

	buf_u8(ret, b->flags);
	buf_put(ret, b->vault, 16);
	buf_u48(ret, b->created_ms);
	buf_put(ret, b->log_pk, 32);
	buf_put(ret, b->epoch_root, 32);
	buf_u32(ret, b->epochs);
	buf_u32(ret, b->first_day);
	buf_put(ret, b->policy, 32);
	buf_u8(ret, b->admins);
	for (unsigned i = 0; i < b->admins; i++) {
		buf_put(ret, b->admin[i].id, 16);
		buf_put(ret, b->admin[i].sign_pk, 32);
		buf_put(ret, b->admin[i].person, 16);
	}
	buf_u8(ret, (uint8_t)n);
	buf_put(ret, b->origin, n);
}

int genesis_body_decode(const uint8_t *p, size_t n, struct genesis_body *ret)
{
	struct rd r = rd_over(p, n);
	struct genesis_body b;
	uint8_t origin_n;

	memset(&b, 0, sizeof(b));
	b.flags = rd_u8(&r);
	rd_copy(&r, b.vault, 16);
	b.created_ms = rd_u48(&r);
	rd_copy(&r, b.log_pk, 32);
	rd_copy(&r, b.epoch_root, 32);
	b.epochs = rd_u32(&r);
	b.first_day = rd_u32(&r);
	rd_copy(&r, b.policy, 32);
	b.admins = rd_u8(&r);
	if (b.admins > GENESIS_ADMINS_MAX)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < b.admins; i++) {
		rd_copy(&r, b.admin[i].id, 16);
		rd_copy(&r, b.admin[i].sign_pk, 32);
		rd_copy(&r, b.admin[i].person, 16);
	}
	origin_n = rd_u8(&r);
	rd_copy(&r, b.origin, origin_n);
	if (!rd_done(&r) || (b.flags != 0 && b.flags != GENESIS_DEMO && b.flags != GENESIS_PRODUCTION) || strlen(b.origin) != origin_n)
		return CV_ERR_FORMAT;
	*ret = b;
	return 0;
}

/* ---- what is signed ------------------------------------------------------------------------------------------------ */

void genesis_fact_next(struct rd *r, struct genesis_fact *ret)
{
	ret->key_n = rd_u8(r);
	ret->key = rd_take(r, ret->key_n);
	ret->fact_n = rd_u16(r);
	ret->fact = rd_take(r, ret->fact_n);
}

void genesis_texts_next(struct rd *r, struct genesis_texts *ret)
{
	ret->principal = rd_take(r, 16);
	ret->person_n = rd_u16(r);
	ret->person = rd_take(r, ret->person_n);
}

int genesis_request_decode(const uint8_t *p, size_t n, struct genesis_request *ret)
{
	struct genesis_request q;
	struct genesis_texts texts;
	struct genesis_fact fact;
	struct rd r = rd_over(p, n);
	const uint8_t *magic = rd_take(&r, 4);

	if (magic == NULL || memcmp(magic, REQUEST_MAGIC, 4) != 0 || rd_u8(&r) != 1 || rd_u8(&r) != 1)
		return CV_ERR_FORMAT;
	q.leaf_n = rd_u16(&r);
	q.leaf = rd_take(&r, q.leaf_n);
	q.change_n = rd_u32(&r);
	q.change = rd_take(&r, q.change_n);
	q.policy_n = rd_u32(&r);
	q.policy = rd_take(&r, q.policy_n);
	q.facts = rd_u16(&r);
	q.fact_list = r.p;
	for (unsigned i = 0; i < q.facts && rd_ok(&r); i++)
		genesis_fact_next(&r, &fact);
	q.fact_list_n = (size_t)(r.p - q.fact_list);
	q.people = rd_u16(&r);
	q.people_list = r.p;
	for (unsigned i = 0; i < q.people && rd_ok(&r); i++)
		genesis_texts_next(&r, &texts);
	q.people_list_n = (size_t)(r.p - q.people_list);
	if (!rd_done(&r))
		return CV_ERR_FORMAT;
	*ret = q;
	return 0;
}

void genesis_request_head(const uint8_t *leaf, uint16_t leaf_n, const uint8_t *change, uint32_t change_n, const uint8_t *policy,
    uint32_t policy_n, struct buf *ret)
{
	buf_text(ret, REQUEST_MAGIC);
	buf_u8(ret, 1);
	buf_u8(ret, 1);
	buf_u16(ret, leaf_n);
	buf_put(ret, leaf, leaf_n);
	buf_u32(ret, change_n);
	buf_put(ret, change, change_n);
	buf_u32(ret, policy_n);
	buf_put(ret, policy, policy_n);
}

void genesis_fact_encode(const struct genesis_fact *f, struct buf *ret)
{
	buf_u8(ret, f->key_n);
	buf_put(ret, f->key, f->key_n);
	buf_u16(ret, f->fact_n);
	buf_put(ret, f->fact, f->fact_n);
}

void genesis_texts_encode(const struct genesis_texts *t, struct buf *ret)
{
	buf_put(ret, t->principal, 16);
	buf_u16(ret, t->person_n);
	buf_put(ret, t->person, t->person_n);
}

/* ---- signatures ------------------------------------------------------------------------------------------------------ */

void genesis_signature_encode(const struct genesis_signature *s, struct buf *ret)
{
	uint8_t bytes[SIGNATURE_BYTES] = { 1, 1 };
	char *at;

	memcpy(bytes + 2, s->principal, 16);
	memcpy(bytes + 18, s->vault, 16);
	memcpy(bytes + 34, s->leaf, 64);
	memcpy(bytes + 98, s->change, 64);
	buf_text(ret, SIGNATURE_LINE);
	if ((at = (char *)buf_add(ret, b64_size(B64_STD, sizeof(bytes)))) != NULL) {
		b64_encode(B64_STD, bytes, sizeof(bytes), at);
		at[b64_size(B64_STD, sizeof(bytes)) - 1] = '\n';	/* where the encoder left its NUL */
	}
}

int genesis_signature_decode(const char *text, size_t n, struct genesis_signature *ret)
{
	uint8_t bytes[SIGNATURE_BYTES];
	size_t head = strlen(SIGNATURE_LINE), got;

	if (n < head + 1 || memcmp(text, SIGNATURE_LINE, head) != 0 || text[n - 1] != '\n' ||
	    b64_decode(B64_STD, text + head, n - head - 1, bytes, sizeof(bytes), &got) != 0 || got != sizeof(bytes) || bytes[0] != 1 ||
	    bytes[1] != 1)
		return CV_ERR_FORMAT;
	memcpy(ret->principal, bytes + 2, 16);
	memcpy(ret->vault, bytes + 18, 16);
	memcpy(ret->leaf, bytes + 34, 64);
	memcpy(ret->change, bytes + 98, 64);
	return 0;
}

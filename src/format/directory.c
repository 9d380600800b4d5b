#include "format/directory.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

#define FORMAT 1u
#define SUITE 1u
#define KIND_ADMINISTRATOR 4u
#define KIND_LAST 6u
#define AREA_LAST 3u

size_t dir_key_encode(const struct dir_key *k, uint8_t ret[DIR_KEY_MAX])
{
	ret[0] = (uint8_t)k->type;
	switch (k->type) {
	case DIR_PRINCIPAL:
		memcpy(ret + 1, k->principal, 16);
		return 17;
	case DIR_ROLE:
		be16_put(ret + 1, k->role);
		be32_put(ret + 3, k->epoch);
		return 7;
	case DIR_CLASS:
		be32_put(ret + 1, k->class_key);
		be32_put(ret + 5, k->epoch);
		return 9;
	case DIR_MEMBER:
		memcpy(ret + 1, k->principal, 16);
		be16_put(ret + 17, k->role);
		be32_put(ret + 19, k->epoch);
		return 23;
	case DIR_GRANT:
		be32_put(ret + 1, k->class_key);
		be32_put(ret + 5, k->epoch);
		be16_put(ret + 9, k->role);
		be32_put(ret + 11, k->role_epoch);
		return 15;
	case DIR_CUSTODY:
		be16_put(ret + 1, k->role);
		be32_put(ret + 3, k->epoch);
		memcpy(ret + 7, k->principal, 16);
		return 23;
	case DIR_CHANGE:
		break;
	}
	be32_put(ret + 1, k->sequence);
	return 5;
}

int dir_key_decode(const uint8_t *p, size_t n, struct dir_key *ret)
{
	struct rd r = rd_over(p, n);
	struct dir_key k = { .type = (enum dir_type)rd_u8(&r) };
	bool numbered = true;

	switch (k.type) {
	case DIR_PRINCIPAL:
		rd_copy(&r, k.principal, 16);
		break;
	case DIR_ROLE:
		k.role = rd_u16(&r);
		numbered = (k.epoch = rd_u32(&r)) != 0;
		break;
	case DIR_CLASS:
		k.class_key = rd_u32(&r);
		numbered = (k.epoch = rd_u32(&r)) != 0;
		break;
	case DIR_MEMBER:
		rd_copy(&r, k.principal, 16);
		k.role = rd_u16(&r);
		numbered = (k.epoch = rd_u32(&r)) != 0;
		break;
	case DIR_GRANT:
		k.class_key = rd_u32(&r);
		k.epoch = rd_u32(&r);
		k.role = rd_u16(&r);
		k.role_epoch = rd_u32(&r);
		numbered = k.epoch != 0 && k.role_epoch != 0;
		break;
	case DIR_CUSTODY:
		k.role = rd_u16(&r);
		numbered = (k.epoch = rd_u32(&r)) != 0;
		rd_copy(&r, k.principal, 16);
		break;
	case DIR_CHANGE:
		numbered = (k.sequence = rd_u32(&r)) != 0;
		break;
	default:
		return CV_ERR_FORMAT;
	}
	if (!rd_done(&r) || !numbered)
		return CV_ERR_FORMAT;
	*ret = k;
	return 0;
}

int dir_value_decode(const uint8_t *p, size_t n, struct dir_value *ret)
{
	struct rd r = rd_over(p, n);
	uint8_t format = rd_u8(&r), suite = rd_u8(&r);
	struct dir_value v;

	v.change_set = rd_u32(&r);
	v.fact_n = rd_u16(&r);
	v.fact = rd_take(&r, v.fact_n);
	v.rest_n = rd_left(&r);
	v.rest = rd_take(&r, v.rest_n);
	if (!rd_done(&r) || format != FORMAT || suite != SUITE || v.change_set == 0)
		return CV_ERR_FORMAT;
	*ret = v;
	return 0;
}

void dir_value_encode(uint32_t change_set, const uint8_t *fact, uint16_t fact_n, struct buf *ret)
{
	buf_u8(ret, FORMAT);
	buf_u8(ret, SUITE);
	buf_u32(ret, change_set);
	buf_u16(ret, fact_n);
	buf_put(ret, fact, fact_n);
}

/* ---- facts ---------------------------------------------------------------------------------------------------------- */

int dir_principal_decode(const uint8_t *p, size_t n, struct dir_principal *ret)
{
	struct rd r = rd_over(p, n);
	struct dir_principal x;

	x.kind = rd_u8(&r);
	x.admin_area = rd_u8(&r);
	x.uid = rd_u32(&r);
	rd_copy(&r, x.box_pk, 32);
	rd_copy(&r, x.sign_pk, 32);
	rd_copy(&r, x.person, 16);
	x.department = rd_u16(&r);
	x.not_before_ms = rd_u48(&r);
	x.not_after_ms = rd_u48(&r);
	if (!rd_done(&r) || x.kind < 1 || x.kind > KIND_LAST || x.admin_area > AREA_LAST ||
	    (x.admin_area != 0) != (x.kind == KIND_ADMINISTRATOR))
		return CV_ERR_FORMAT;
	*ret = x;
	return 0;
}

void dir_principal_encode(const struct dir_principal *x, struct buf *ret)
{
	buf_u8(ret, x->kind);
	buf_u8(ret, x->admin_area);
	buf_u32(ret, x->uid);
	buf_put(ret, x->box_pk, 32);
	buf_put(ret, x->sign_pk, 32);
	buf_put(ret, x->person, 16);
	buf_u16(ret, x->department);
	buf_u48(ret, x->not_before_ms);
	buf_u48(ret, x->not_after_ms);
}

/* What role and class facts begin with. False for another suite or an unknown status. */
static bool public_begin(struct rd *r, struct dir_public *x)
{
	uint8_t suite;

	rd_copy(r, x->pk, 32);
	suite = rd_u8(r);
	x->status = rd_u8(r);
	return suite == SUITE && x->status >= DIR_STATUS_ACTIVE && x->status <= DIR_STATUS_DESTROYED;
}

int dir_role_decode(const uint8_t *p, size_t n, struct dir_public *ret)
{
	struct rd r = rd_over(p, n);
	struct dir_public x;
	bool fits = public_begin(&r, &x);

	x.k = rd_u8(&r);
	x.commits = rd_take(&r, (size_t)x.k * 32);
	if (!rd_done(&r) || !fits || x.k > DIR_SHARES_MAX)
		return CV_ERR_FORMAT;
	*ret = x;
	return 0;
}

int dir_class_decode(const uint8_t *p, size_t n, struct dir_public *ret)
{
	struct rd r = rd_over(p, n);
	struct dir_public x = { .k = 0 };
	bool fits = public_begin(&r, &x);

	if (!rd_done(&r) || !fits)
		return CV_ERR_FORMAT;
	*ret = x;
	return 0;
}

void dir_class_encode(const struct dir_public *x, struct buf *ret)
{
	buf_put(ret, x->pk, 32);
	buf_u8(ret, SUITE);
	buf_u8(ret, x->status);
}

void dir_role_encode(const struct dir_public *x, struct buf *ret)
{
	dir_class_encode(x, ret);
	buf_u8(ret, x->k);
	buf_put(ret, x->commits, (size_t)x->k * 32);
}

int dir_member_decode(const uint8_t *p, size_t n, uint64_t *ret_not_before_ms, uint64_t *ret_not_after_ms)
{
	struct rd r = rd_over(p, n);
	uint64_t from = rd_u48(&r), to = rd_u48(&r);

	if (!rd_done(&r))
		return CV_ERR_FORMAT;
	*ret_not_before_ms = from;
	*ret_not_after_ms = to;
	return 0;
}

void dir_member_encode(uint64_t not_before_ms, uint64_t not_after_ms, struct buf *ret)
{
	buf_u48(ret, not_before_ms);
	buf_u48(ret, not_after_ms);
}

int dir_grant_decode(const uint8_t *p, size_t n, uint16_t *ret_rights)
{
	struct rd r = rd_over(p, n);
	uint16_t rights = rd_u16(&r);

	if (!rd_done(&r))
		return CV_ERR_FORMAT;
	*ret_rights = rights;
	return 0;
}

void dir_grant_encode(uint16_t rights, struct buf *ret)
{
	buf_u16(ret, rights);
}

int dir_custody_decode(const uint8_t *p, size_t n, uint8_t *ret_index)
{
	if (n != 1 || p[0] < 1 || p[0] > DIR_SHARES_MAX)
		return CV_ERR_FORMAT;
	*ret_index = p[0];
	return 0;
}

void dir_custody_encode(uint8_t index, struct buf *ret)
{
	buf_u8(ret, index);
}

/* ---- what follows a fact ---------------------------------------------------------------------------------------------- */

int dir_person_rest_decode(const uint8_t *p, size_t n, struct dir_person_rest *ret)
{
	struct rd r = rd_over(p, n);
	struct dir_person_rest x;

	x.mark = rd_u8(&r);
	x.sealed_n = rd_u16(&r);
	x.sealed = rd_take(&r, x.sealed_n);
	x.copies = rd_u8(&r);
	x.list_n = rd_left(&r);
	x.list = r.p;
	for (unsigned i = 0; i < x.copies; i++) {
		(void)rd_take(&r, 16);	/* the sticky error tells */
		(void)rd_take(&r, rd_u16(&r));
	}
	if (!rd_done(&r) || x.mark > DIR_MARK_REMOVED)
		return CV_ERR_FORMAT;
	*ret = x;
	return 0;
}

int dir_person_copy(const struct dir_person_rest *x, const uint8_t auditor[16], const uint8_t **ret_p, uint16_t *ret_n)
{
	struct rd r = rd_over(x->list, x->list_n);

	for (unsigned i = 0; i < x->copies; i++) {
		const uint8_t *who = rd_take(&r, 16);
		uint16_t n = rd_u16(&r);
		const uint8_t *p = rd_take(&r, n);

		if (p != NULL && memcmp(who, auditor, 16) == 0) {
			*ret_p = p;
			*ret_n = n;
			return 0;
		}
	}
	return CV_ERR_NOTFOUND;
}

void dir_person_rest_encode(uint8_t mark, const uint8_t *sealed, uint16_t n, uint8_t copies, struct buf *ret)
{
	buf_u8(ret, mark);
	buf_u16(ret, n);
	buf_put(ret, sealed, n);
	buf_u8(ret, copies);
}

void dir_person_copy_encode(const uint8_t auditor[16], const uint8_t *sealed, uint16_t n, struct buf *ret)
{
	buf_put(ret, auditor, 16);
	buf_u16(ret, n);
	buf_put(ret, sealed, n);
}

int dir_link_decode(const uint8_t *p, size_t n, const uint8_t **ret_link, uint16_t *ret_n)
{
	struct rd r = rd_over(p, n);
	uint16_t link_n = rd_u16(&r);
	const uint8_t *link = rd_take(&r, link_n);

	if (!rd_done(&r) || (link_n != 0 && link_n != DIR_WRAP))
		return CV_ERR_FORMAT;
	*ret_link = link;
	*ret_n = link_n;
	return 0;
}

void dir_link_encode(const uint8_t *link, uint16_t n, struct buf *ret)
{
	buf_u16(ret, n);
	buf_put(ret, link, n);
}

int dir_person_encode(const char *const texts[DIR_PERSON_TEXTS], uint64_t vetting_ms, struct buf *ret)
{
	for (unsigned i = 0; i < DIR_PERSON_TEXTS; i++) {
		size_t n = strlen(texts[i]);

		if (n > UINT8_MAX)
			return CV_ERR_LIMIT;
		buf_u8(ret, (uint8_t)n);
		buf_put(ret, texts[i], n);
	}
	buf_u48(ret, vetting_ms);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

int dir_person_decode(const uint8_t *p, size_t n, struct dir_person *ret)
{
	struct rd r = rd_over(p, n);
	struct dir_person x;
	bool fits = true;

	for (unsigned i = 0; i < DIR_PERSON_TEXTS; i++) {
		x.text[i].n = rd_u8(&r);
		x.text[i].p = (const char *)rd_take(&r, x.text[i].n);
		/* A zero byte would end the text early for whoever keeps it as a string. */
		fits = fits && x.text[i].p != NULL && utf8_valid(x.text[i].p, x.text[i].n) &&
		    memchr(x.text[i].p, 0, x.text[i].n) == NULL;
	}
	x.vetting_ms = rd_u48(&r);
	if (!rd_done(&r) || !fits)
		return CV_ERR_FORMAT;
	*ret = x;
	return 0;
}

/* ---- change sets -------------------------------------------------------------------------------------------------------- */

int dir_change_decode(const uint8_t *p, size_t n, struct dir_change *ret)
{
	struct rd r = rd_over(p, n);
	uint8_t format = rd_u8(&r), suite = rd_u8(&r);
	struct dir_change c;

	c.sequence = rd_u32(&r);
	c.time_ms = rd_u48(&r);
	c.previous = rd_take(&r, 32);
	c.count = rd_u16(&r);
	c.digests = rd_take(&r, (size_t)c.count * 32);
	c.digest = rd_take(&r, 32);
	c.signatures = rd_u8(&r);
	c.list = rd_take(&r, (size_t)c.signatures * (16 + 64));
	if (!rd_done(&r) || format != FORMAT || suite != SUITE || c.sequence == 0 || c.count > DIR_FACTS_MAX ||
	    c.signatures > DIR_SIGNERS_MAX)
		return CV_ERR_FORMAT;
	c.covered = (size_t)(c.digest - p);
	*ret = c;
	return 0;
}

void dir_change_encode(uint32_t sequence, uint64_t time_ms, const uint8_t previous[32], const uint8_t *digests,
    uint16_t count, struct buf *ret)
{
	buf_u8(ret, FORMAT);
	buf_u8(ret, SUITE);
	buf_u32(ret, sequence);
	buf_u48(ret, time_ms);
	buf_put(ret, previous, 32);
	buf_u16(ret, count);
	buf_put(ret, digests, (size_t)count * 32);
}

#include "format/leaf.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

#define VERSION 2u
#define FLAGS_ALL (LEAF_MUTATING | LEAF_CLEAR | LEAF_CHILD)
#define BODY_PAD 64u
#define TAG 16u			/* of a sealed body A */
#define COMMIT 32u		/* in front of a body B */
#define VIEW_MAX 2u

const char *leaf_kind_name(unsigned kind)
{
	switch (kind) {
	case LEAF_GENESIS: return "genesis";
	case LEAF_SESSION: return "session";
	case LEAF_READ: return "read";
	case LEAF_CREATE: return "create";
	case LEAF_SEARCH: return "search";
	case LEAF_RESULT: return "result";
	case LEAF_EPOCH: return "epoch";
	case LEAF_REFUSED: return "refused";
	case LEAF_FS_RENEW: return "fs-renew";
	case LEAF_AUDIT_READ: return "audit-read";
	case LEAF_START: return "start";
	case LEAF_SEGMENT: return "segment";
	case LEAF_MERGE: return "merge";
	case LEAF_REVEAL: return "reveal";
	case LEAF_SESSION_END: return "session-end";
	case LEAF_PATCH: return "patch";
	case LEAF_HISTORY: return "history";
	case LEAF_LOGIN_FAILURES: return "login-failures";
	case LEAF_GRANT: return "grant";
	case LEAF_REVOKE: return "revoke";
	case LEAF_EXPORT: return "export";
	case LEAF_REQUEST: return "request";
	case LEAF_POLICY: return "policy";
	case LEAF_DECISION: return "decision";
	case LEAF_ASSIGNMENT: return "assignment";
	case LEAF_DELEGATION: return "delegation";
	case LEAF_JOB: return "job";
	case LEAF_LIST: return "list";
	case LEAF_GOVERNANCE: return "governance";
	case LEAF_KEYS: return "keys";
	case LEAF_SUSPENDED: return "suspended";
	case LEAF_RESTORED: return "restored";
	case LEAF_REVIEW: return "review";
	case LEAF_RECEIPT: return "receipt";
	case LEAF_COSIGNED: return "cosigned";
	case LEAF_MONTH_KEYS: return "month-keys";
	default: return "unknown";
	}
}

/* A box is whole paddings of plaintext and its tag. */
static bool box_fits(size_t n)
{
	return n >= TAG + BODY_PAD && (n - TAG) % BODY_PAD == 0;
}

/* Take a body B apart: commitment, paddings of the first box, its two boxes. */
static int body_b_decode(struct leaf *l)
{
	struct rd r = rd_over(l->body_b, l->body_b_n);

	l->commit = rd_take(&r, COMMIT);
	l->told_n = (uint16_t)(rd_u8(&r) * BODY_PAD + TAG);
	l->told = rd_take(&r, l->told_n);
	l->rest_n = (uint16_t)rd_left(&r);
	l->rest = rd_take(&r, l->rest_n);
	return rd_ok(&r) && box_fits(l->told_n) && box_fits(l->rest_n) ? 0 : CV_ERR_FORMAT;
}

/* A leaf about a child has both bodies sealed, no child none of B. */
static int bodies_check(struct leaf *l)
{
	if ((l->flags & LEAF_CLEAR) != 0)
		return (l->flags & LEAF_CHILD) == 0 && l->body_b_n == 0 ? 0 : CV_ERR_FORMAT;
	if (!box_fits(l->body_a_n))
		return CV_ERR_FORMAT;
	if ((l->flags & LEAF_CHILD) == 0)
		return l->body_b_n == 0 ? 0 : CV_ERR_FORMAT;
	return body_b_decode(l);
}

int leaf_decode(const uint8_t *p, size_t n, struct leaf *ret)
{
	struct rd r = rd_over(p, n);
	struct leaf l = { 0 };
	int err;

	if (rd_u8(&r) != VERSION)
		return CV_ERR_FORMAT;
	l.kind = rd_u8(&r);
	l.flags = rd_u16(&r);
	if ((l.flags & ~FLAGS_ALL) != 0)
		return CV_ERR_FORMAT;
	l.index = rd_u64(&r);
	l.time_ms = rd_u48(&r);
	l.epoch = rd_u32(&r);
	l.segment = rd_take(&r, 16);
	l.turn = rd_u32(&r);
	l.actor_tag = rd_take(&r, 16);
	l.subject_tag = rd_take(&r, 16);
	l.policy = rd_take(&r, 16);
	if ((l.flags & LEAF_MUTATING) != 0)
		l.state_hash = rd_take(&r, 32);
	l.header = p;
	l.header_n = n - rd_left(&r);
	l.body_a_n = rd_u16(&r);
	l.body_a = rd_take(&r, l.body_a_n);
	l.body_b_n = rd_u16(&r);
	l.body_b = rd_take(&r, l.body_b_n);
	if (!rd_done(&r))
		return CV_ERR_FORMAT;
	if ((err = bodies_check(&l)) != 0)
		return err;
	*ret = l;
	return 0;
}

int leaf_segment_copy(const struct leaf *l, const uint8_t auditor[16], uint32_t *ret_month, const uint8_t **ret_sealed)
{
	struct rd r = rd_over(l->body_a, l->body_a_n);
	unsigned n = rd_u8(&r);

	if (l->kind != LEAF_SEGMENT || (l->flags & LEAF_CLEAR) == 0)
		return CV_ERR_FORMAT;
	while (n-- > 0) {
		const uint8_t *id = rd_take(&r, 16);
		uint32_t month = rd_u32(&r);
		const uint8_t *sealed = rd_take(&r, LEAF_SEGMENT_SEALED);

		if (sealed == NULL)
			return CV_ERR_FORMAT;
		if (memcmp(id, auditor, 16) == 0) {
			*ret_month = month;
			*ret_sealed = sealed;
			return 0;
		}
	}
	return rd_done(&r) ? CV_ERR_NOTFOUND : CV_ERR_FORMAT;
}

int leaf_header_encode(const struct leaf *l, struct buf *ret)
{
	unsigned flags = l->flags & ~LEAF_MUTATING;

	if (l->state_hash != NULL)
		flags |= LEAF_MUTATING;
	buf_u8(ret, VERSION);
	buf_u8(ret, l->kind);
	buf_u16(ret, (uint16_t)flags);
	buf_u64(ret, l->index);
	buf_u48(ret, l->time_ms);
	buf_u32(ret, l->epoch);
	buf_put(ret, l->segment, 16);
	buf_u32(ret, l->turn);
	buf_put(ret, l->actor_tag, 16);
	buf_put(ret, l->subject_tag, 16);
	buf_put(ret, l->policy, 16);
	if (l->state_hash != NULL)
		buf_put(ret, l->state_hash, 32);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

static void told_put(const struct leaf_detail *d, struct buf *ret)
{
	buf_u8(ret, d->view);
	buf_u16(ret, d->role);
	buf_u16(ret, d->department);
	buf_u16(ret, d->purpose);
	buf_u16(ret, d->outcome);
	buf_put(ret, d->approval, 16);
	buf_u8(ret, d->classes);
	for (unsigned i = 0; i < d->classes; i++)
		buf_u16(ret, d->class[i]);
}

static void rest_put(const struct leaf_detail *d, struct buf *ret)
{
	buf_put(ret, d->record, 16);
	buf_u32(ret, d->count);
	buf_u8(ret, d->bitmap_n);
	buf_put(ret, d->bitmap, d->bitmap_n);
	buf_u8(ret, d->case_n);
	buf_put(ret, d->case_text, d->case_n);
	buf_u16(ret, d->reason_n);
	buf_put(ret, d->reason, d->reason_n);
}

/* Fill the plaintext that began at offset start up to whole paddings. */
static int pad(struct buf *ret, size_t start)
{
	size_t n = ret->n - start;

	buf_zero(ret, (BODY_PAD - n % BODY_PAD) % BODY_PAD);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

int leaf_actor_encode(const struct leaf_actor *a, const struct leaf_detail *detail, struct buf *ret)
{
	size_t start = ret->n;

	buf_put(ret, a->principal, 16);
	buf_put(ret, a->session, 16);
	buf_put(ret, a->request, 16);
	buf_put(ret, a->digest, 16);
	buf_u32(ret, a->uid);
	buf_u32(ret, a->pid);
	buf_u16(ret, a->outcome);
	buf_u16(ret, a->role);
	buf_u16(ret, a->department);
	buf_u16(ret, a->purpose);
	buf_u8(ret, a->view);
	buf_u16(ret, a->fields);
	buf_put(ret, a->child, sizeof(a->child));
	buf_u8(ret, detail != NULL);
	if (detail != NULL) {
		told_put(detail, ret);
		rest_put(detail, ret);
	}
	return pad(ret, start);
}

int leaf_told_encode(const struct leaf_detail *d, struct buf *ret)
{
	size_t start = ret->n;

	told_put(d, ret);
	return pad(ret, start);
}

int leaf_rest_encode(const struct leaf_detail *d, struct buf *ret)
{
	size_t start = ret->n;

	rest_put(d, ret);
	return pad(ret, start);
}

static int told_get(struct rd *r, struct leaf_detail *ret)
{
	ret->view = rd_u8(r);
	ret->role = rd_u16(r);
	ret->department = rd_u16(r);
	ret->purpose = rd_u16(r);
	ret->outcome = rd_u16(r);
	rd_copy(r, ret->approval, 16);
	ret->classes = rd_u8(r);
	if (ret->view > VIEW_MAX || ret->classes > LEAF_CLASSES_MAX)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < ret->classes; i++) {
		ret->class[i] = rd_u16(r);
		if (i > 0 && ret->class[i - 1] >= ret->class[i])
			return CV_ERR_FORMAT;
	}
	return rd_ok(r) ? 0 : CV_ERR_FORMAT;
}

/* Lengths over the maxima refuse it. */
static int rest_get(struct rd *r, struct leaf_detail *ret)
{
	rd_copy(r, ret->record, 16);
	ret->count = rd_u32(r);
	ret->bitmap_n = rd_u8(r);
	if (ret->bitmap_n > sizeof(ret->bitmap))
		return CV_ERR_FORMAT;
	rd_copy(r, ret->bitmap, ret->bitmap_n);
	ret->case_n = rd_u8(r);
	if (ret->case_n > LEAF_CASE_MAX)
		return CV_ERR_FORMAT;
	rd_copy(r, ret->case_text, ret->case_n);
	ret->reason_n = rd_u16(r);
	if (ret->reason_n > LEAF_REASON_MAX)
		return CV_ERR_FORMAT;
	rd_copy(r, ret->reason, ret->reason_n);
	return rd_ok(r) ? 0 : CV_ERR_FORMAT;
}

/* What is left is the padding alone: fewer bytes than one more padding, all zero, the whole a multiple of it. */
static int padding_check(struct rd *r, size_t n)
{
	size_t left = rd_left(r);
	const uint8_t *p = rd_take(r, left);
	uint8_t any = 0;

	if (p == NULL || left >= BODY_PAD || n % BODY_PAD != 0)
		return CV_ERR_FORMAT;
	for (size_t i = 0; i < left; i++)
		any |= p[i];
	return any == 0 ? 0 : CV_ERR_FORMAT;
}

int leaf_actor_decode(const uint8_t *p, size_t n, struct leaf_actor *ret, int *ret_has_detail, struct leaf_detail *ret_detail)
{
	struct rd r = rd_over(p, n);
	struct leaf_actor a;
	struct leaf_detail d;
	unsigned has;
	int err;

	rd_copy(&r, a.principal, 16);
	rd_copy(&r, a.session, 16);
	rd_copy(&r, a.request, 16);
	rd_copy(&r, a.digest, 16);
	a.uid = rd_u32(&r);
	a.pid = rd_u32(&r);
	a.outcome = rd_u16(&r);
	a.role = rd_u16(&r);
	a.department = rd_u16(&r);
	a.purpose = rd_u16(&r);
	a.view = rd_u8(&r);
	a.fields = rd_u16(&r);
	rd_copy(&r, a.child, sizeof(a.child));
	has = rd_u8(&r);
	if (!rd_ok(&r) || has > 1 || a.view > VIEW_MAX)
		return CV_ERR_FORMAT;
	memset(&d, 0, sizeof(d));
	if (has == 1 && ((err = told_get(&r, &d)) != 0 || (err = rest_get(&r, &d)) != 0))
		return err;
	if ((err = padding_check(&r, n)) != 0)
		return err;
	*ret = a;
	*ret_has_detail = (int)has;
	if (has == 1)
		*ret_detail = d;
	return 0;
}

/* A part of its own, with its padding. */
static int part_decode(const uint8_t *p, size_t n, int (*get)(struct rd *r, struct leaf_detail *ret), struct leaf_detail *ret)
{
	struct rd r = rd_over(p, n);
	struct leaf_detail d = *ret;
	int err;

	if ((err = get(&r, &d)) != 0 || (err = padding_check(&r, n)) != 0)
		return err;
	*ret = d;
	return 0;
}

int leaf_told_decode(const uint8_t *p, size_t n, struct leaf_detail *ret)
{
	return part_decode(p, n, told_get, ret);
}

int leaf_rest_decode(const uint8_t *p, size_t n, struct leaf_detail *ret)
{
	return part_decode(p, n, rest_get, ret);
}

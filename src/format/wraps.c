#include "format/wraps.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

#define FORMAT 1
#define SUITE 1
#define PREFIX 4u
#define NONCE 24u
#define EPK 32u
#define CIPHERTEXT 48u
#define GROUP_HEAD (2u + NONCE)	/* without the ephemeral key of type 3 */

_Static_assert(WRAP_ENTRY == 5 * 4 + CIPHERTEXT, "as section 4.2 says");

/* A walk over a keys row, one wrap a step. */
struct walk {
	struct rd rd;
	unsigned groups;	/* not yet begun */
	unsigned left;		/* wraps left in the present group */
	unsigned total;		/* wraps read */
	struct wrap group;	/* type, nonce and epk of the present group */
};

/* Read the prefix; false for a wrong format or suite, or fewer bytes. */
static bool walk_begin(struct walk *w, const uint8_t *p, size_t n)
{
	*w = (struct walk){ .rd = rd_over(p, n) };
	if (rd_u8(&w->rd) != FORMAT || rd_u8(&w->rd) != SUITE)
		return false;
	w->groups = rd_u16(&w->rd);
	return rd_ok(&w->rd);
}

static bool group_begin(struct walk *w)
{
	w->group.type = rd_u8(&w->rd);
	w->left = rd_u8(&w->rd);
	w->group.nonce = rd_take(&w->rd, NONCE);
	w->group.epk = w->group.type == WRAP_TYPE_PUBLIC ? rd_take(&w->rd, EPK) : NULL;
	w->groups--;
	return rd_ok(&w->rd) && w->left > 0 && (w->group.type == WRAP_TYPE_CLASS || w->group.type == WRAP_TYPE_PUBLIC);
}

/*
 * What a wrap may say: compartment 0, epochs from 1 and birth no later than wrapping, generations from 1 for rows and 0
 * for drops.
 */
static bool wrap_valid(const struct wrap *x)
{
	if (x->class_key == 0 || (x->class_key & 0xFFFF) != 0 || x->birth_epoch == 0 || x->birth_epoch > x->wrapping_epoch)
		return false;
	return (x->generation == 0) == (x->drop_version != 0);
}

/* Read the next wrap. 1, 0 at the end of the row, or CV_ERR_FORMAT. */
static int walk_next(struct walk *w, struct wrap *ret)
{
	const uint8_t *p;

	if (w->left == 0) {
		if (w->groups == 0)
			return rd_done(&w->rd) ? 0 : CV_ERR_FORMAT;
		if (!group_begin(w))
			return CV_ERR_FORMAT;
	}
	if ((p = rd_take(&w->rd, WRAP_ENTRY)) == NULL || ++w->total > WRAPS_MAX)
		return CV_ERR_FORMAT;
	*ret = w->group;
	ret->class_key = be32_get(p);
	ret->generation = be32_get(p + 4);
	ret->birth_epoch = be32_get(p + 8);
	ret->wrapping_epoch = be32_get(p + 12);
	ret->drop_version = be32_get(p + 16);
	ret->ciphertext = p + 20;
	if (!wrap_valid(ret))
		return CV_ERR_FORMAT;
	w->left--;
	return 1;
}

int wraps_find(const uint8_t *p, size_t n, uint32_t class_key, uint32_t generation, uint32_t drop_version, struct wrap *ret)
{
	struct wrap x, found = { 0 };
	struct walk w;
	int r;

	if (!walk_begin(&w, p, n))
		return CV_ERR_FORMAT;
	while ((r = walk_next(&w, &x)) == 1) {
		if (x.class_key != class_key || x.generation != generation || x.drop_version != drop_version)
			continue;
		/* One wrap a data key: with two, whoever can write the row could choose between them. */
		if (found.nonce != NULL)
			return CV_ERR_FORMAT;
		found = x;
	}
	if (r != 0)
		return r;
	if (found.nonce == NULL)
		return CV_ERR_NOTFOUND;
	*ret = found;
	return 0;
}

int wraps_each(const uint8_t *p, size_t n, int (*cb)(void *cookie, const struct wrap *w), void *cookie)
{
	struct wrap x;
	struct walk w;
	int r, answer;

	if (!walk_begin(&w, p, n))
		return CV_ERR_FORMAT;
	while ((r = walk_next(&w, &x)) == 1)
		if ((answer = cb(cookie, &x)) != 0)
			return answer;
	return r;
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

void wraps_begin(struct buf *ret)
{
	buf_u8(ret, FORMAT);
	buf_u8(ret, SUITE);
	buf_u16(ret, 0);
}

void wraps_group(struct buf *ret, uint8_t type, unsigned count, const uint8_t nonce[24], const uint8_t *epk)
{
	assert(count >= 1 && count <= UINT8_MAX);
	assert(type == WRAP_TYPE_PUBLIC ? epk != NULL : type == WRAP_TYPE_CLASS);
	buf_u8(ret, type);
	buf_u8(ret, (uint8_t)count);
	buf_put(ret, nonce, NONCE);
	if (type == WRAP_TYPE_PUBLIC)
		buf_put(ret, epk, EPK);
}

void wraps_put(struct buf *ret, const struct wrap *w)
{
	buf_u32(ret, w->class_key);
	buf_u32(ret, w->generation);
	buf_u32(ret, w->birth_epoch);
	buf_u32(ret, w->wrapping_epoch);
	buf_u32(ret, w->drop_version);
	buf_put(ret, w->ciphertext, CIPHERTEXT);
}

/*
 * Count more groups in the row that starts at offset start. A row with more wraps than a reader accepts must not be
 * stored: they are counted once there are bytes enough for it.
 */
static void groups_add(struct buf *ret, size_t start, unsigned more)
{
	struct wrap x;
	struct walk w;
	unsigned groups;

	if (!buf_ok(ret))
		return;
	groups = be16_get(ret->p + start + 2) + more;
	if (groups > UINT16_MAX) {
		ret->bad = true;
		return;
	}
	be16_put(ret->p + start + 2, (uint16_t)groups);
	if ((ret->n - start) / WRAP_ENTRY <= WRAPS_MAX)
		return;
	(void)walk_begin(&w, ret->p + start, ret->n - start);	/* we wrote the prefix */
	while (walk_next(&w, &x) == 1)
		;
	if (w.total > WRAPS_MAX)
		ret->bad = true;
}

void wraps_group_added(struct buf *ret, size_t start)
{
	groups_add(ret, start, 1);
}

/* One group of a copy: where its head stands in ret, and how many of its wraps were kept. */
struct copy {
	struct buf *ret;
	size_t head;
	const uint8_t *nonce;	/* tells the groups of the old row apart */
	unsigned kept, groups;
	bool (*drop)(void *cookie, const struct wrap *w);
	void *cookie;
};

static void copy_group_end(struct copy *c)
{
	if (c->kept == 0)
		return;
	if (buf_ok(c->ret))
		c->ret->p[c->head + 1] = (uint8_t)c->kept;
	c->groups++;
	c->kept = 0;
}

static int copy_wrap(void *cookie, const struct wrap *w)
{
	struct copy *c = cookie;

	if (w->nonce != c->nonce) {
		copy_group_end(c);
		c->nonce = w->nonce;
	}
	if (c->drop != NULL && c->drop(c->cookie, w))
		return 0;
	if (c->kept++ == 0) {
		c->head = c->ret->n;
		wraps_group(c->ret, w->type, 1, w->nonce, w->epk);
	}
	wraps_put(c->ret, w);
	return 0;
}

int wraps_copy(struct buf *ret, size_t start, const uint8_t *old, size_t n, bool (*drop)(void *cookie, const struct wrap *w),
    void *cookie)
{
	struct copy c = { .ret = ret, .drop = drop, .cookie = cookie };
	size_t before = ret->n;
	uint16_t groups = buf_ok(ret) ? be16_get(ret->p + start + 2) : 0;
	int r;

	if ((r = wraps_each(old, n, copy_wrap, &c)) == 0) {
		copy_group_end(&c);
		groups_add(ret, start, c.groups);
		if (buf_ok(ret))
			return 0;
		r = CV_ERR_NOMEM;
	}
	buf_cut(ret, before);
	if (ret->n >= start + PREFIX)
		be16_put(ret->p + start + 2, groups);
	return r;
}

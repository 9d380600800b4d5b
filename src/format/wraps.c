#include "format/wraps.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

#define FORMAT 2
#define SUITE 1
#define COUNT_AT 2u		/* where the number of groups stands */
#define NONCE 24u
#define EPK 32u
#define CIPHERTEXT 48u
#define ENTRY_MIN 21u		/* bytes of the shortest entry */
#define ENTRY_MAX (2 + 4 * VARINT_MAX + CIPHERTEXT)	/* more than with a salt */

/* A walk over a keys row, one entry a step. */
struct walk {
	struct rd rd;
	uint32_t groups;	/* not yet begun */
	unsigned left;		/* entries left in the present group */
	unsigned total;		/* entries read */
	struct wrap group;	/* of the present group: what its entries share */
};

/* Read the prefix; false for a wrong format or suite, or fewer bytes. */
static bool walk_begin(struct walk *w, const uint8_t *p, size_t n)
{
	w->rd = rd_over(p, n);
	w->left = w->total = 0;
	if (rd_u8(&w->rd) != FORMAT || rd_u8(&w->rd) != SUITE)
		return false;
	w->groups = rd_varint(&w->rd);
	return rd_ok(&w->rd);
}

static bool group_begin(struct walk *w)
{
	w->group.group = w->rd.p;
	w->group.type = rd_u8(&w->rd);
	w->left = rd_u8(&w->rd);
	w->group.nonce = w->group.type == WRAP_TYPE_CLASS ? rd_take(&w->rd, NONCE) : NULL;
	w->group.epk = w->group.type == WRAP_TYPE_PUBLIC ? rd_take(&w->rd, EPK) : NULL;
	w->groups--;
	return rd_ok(&w->rd) && w->left > 0 && w->group.type >= WRAP_TYPE_DERIVED && w->group.type <= WRAP_TYPE_PUBLIC;
}

/* What an entry may say: a class, epochs from 1, generations from 1 for rows and 0 for drops. */
static bool wrap_valid(const struct wrap *x)
{
	return x->class_key != 0 && x->birth_epoch != 0 && (x->generation == 0) == (x->drop_version != 0);
}

static bool entry_read(struct rd *r, struct wrap *ret)
{
	uint32_t later = 0;

	ret->class_key = (uint32_t)rd_u16(r) << 16;
	ret->generation = rd_varint(r);
	ret->birth_epoch = rd_varint(r);
	ret->drop_version = rd_varint(r);
	ret->ciphertext = ret->salt = NULL;
	if (ret->type == WRAP_TYPE_CLASS) {
		later = rd_varint(r);
		ret->ciphertext = rd_take(r, CIPHERTEXT);
	} else {
		ret->salt = rd_take(r, WRAP_SALT);
	}
	ret->wrapping_epoch = ret->birth_epoch + later;
	return rd_ok(r) && later <= UINT32_MAX - ret->birth_epoch && wrap_valid(ret);
}

/* Read the next entry. 1, 0 at the end of the row, or CV_ERR_FORMAT. */
static int walk_next(struct walk *w, struct wrap *ret)
{
	if (w->left == 0) {
		if (w->groups == 0)
			return rd_done(&w->rd) ? 0 : CV_ERR_FORMAT;
		if (!group_begin(w))
			return CV_ERR_FORMAT;
	}
	*ret = w->group;
	if (++w->total > WRAPS_MAX || !entry_read(&w->rd, ret))
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
		/* One entry a data key: with two, whoever can write the row could choose between them. */
		if (found.group != NULL)
			return CV_ERR_FORMAT;
		found = x;
	}
	if (r != 0)
		return r;
	if (found.group == NULL)
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
	buf_u8(ret, 0);	/* groups */
}

void wraps_group(struct buf *ret, uint8_t type, unsigned count, const uint8_t *nonce, const uint8_t *epk)
{
	assert(count >= 1 && count <= UINT8_MAX);
	assert(type == WRAP_TYPE_DERIVED || (type == WRAP_TYPE_CLASS && nonce != NULL) || (type == WRAP_TYPE_PUBLIC && epk != NULL));
	buf_u8(ret, type);
	buf_u8(ret, (uint8_t)count);
	if (type == WRAP_TYPE_CLASS)
		buf_put(ret, nonce, NONCE);
	if (type == WRAP_TYPE_PUBLIC)
		buf_put(ret, epk, EPK);
}

void wraps_put(struct buf *ret, const struct wrap *w)
{
	uint8_t entry[ENTRY_MAX], *p = entry;

	p = wr_u16(p, (uint16_t)(w->class_key >> 16));
	p = wr_varint(p, w->generation);
	p = wr_varint(p, w->birth_epoch);
	p = wr_varint(p, w->drop_version);
	if (w->type == WRAP_TYPE_CLASS) {
		p = wr_varint(p, w->wrapping_epoch - w->birth_epoch);
		p = wr_bytes(p, w->ciphertext, CIPHERTEXT);
	} else {
		p = wr_bytes(p, w->salt, WRAP_SALT);
	}
	buf_put(ret, entry, (size_t)(p - entry));
}

/* How many groups the row at offset start says to have. */
static uint32_t groups_of(const struct buf *b, size_t start)
{
	struct rd r = rd_over(b->p + start + COUNT_AT, b->n - start - COUNT_AT);

	return rd_varint(&r);
}

/* Whether the row at offset start, with so many groups, has more entries than a reader accepts. */
static bool too_many(const struct buf *b, size_t start, uint32_t groups)
{
	struct wrap x;
	struct walk w;

	if ((b->n - start) / ENTRY_MIN <= WRAPS_MAX)
		return false;
	(void)walk_begin(&w, b->p + start, b->n - start);	/* we wrote the prefix */
	w.groups = groups;
	while (walk_next(&w, &x) == 1)
		;
	return w.total > WRAPS_MAX;
}

/*
 * Count more groups in the row that starts at offset start, which has them already. A row with more entries than a reader accepts must not
 * be stored: they are counted once there are bytes enough for it. When the count takes a byte more, what stands behind it moves.
 */
static void groups_add(struct buf *ret, size_t start, uint32_t more)
{
	size_t was, now;
	uint32_t groups;
	uint8_t *at;

	if (!buf_ok(ret))
		return;
	groups = groups_of(ret, start);
	was = varint_size(groups);
	groups += more;	/* each has an entry: far below 2^32 */
	now = varint_size(groups);
	if (too_many(ret, start, groups)) {
		ret->bad = true;
		return;
	}
	if (now > was && buf_add(ret, now - was) == NULL)
		return;
	at = ret->p + start + COUNT_AT;
	if (now > was)
		memmove(at + now, at + was, ret->n - (start + COUNT_AT) - now);
	(void)wr_varint(at, groups);
}

void wraps_group_added(struct buf *ret, size_t start)
{
	groups_add(ret, start, 1);
}

/* One group of a copy: where its head stands in ret, and how many of its entries were kept. */
struct copy {
	struct buf *ret;
	size_t head;
	const uint8_t *group;	/* of the old row, under way */
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

	if (w->group != c->group) {
		copy_group_end(c);
		c->group = w->group;
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
	int r;

	if ((r = wraps_each(old, n, copy_wrap, &c)) == 0) {
		copy_group_end(&c);
		groups_add(ret, start, c.groups);	/* the row is as it was unless all of it fits */
		if (buf_ok(ret))
			return 0;
		r = CV_ERR_NOMEM;
	}
	buf_cut(ret, before);
	return r;
}

/* Re-wrapping keys rows. FORMAT.md 4.2. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "keys/record_internal.h"
#include "keys/rewrap_internal.h"

/* One class epoch; laid out in locked memory. */
struct epoch_key {
	uint32_t class_key, epoch;
	uint8_t sk[CRYPTO_KEY], kek[CRYPTO_KEY], pk[CRYPTO_KEY];
};

/*
 *   1. class and key ascend; key is the bytes of secret.
 *   2. The newest epoch of class[i] is key[newest[i]], once all are in.
 */
struct rewrap_keys {
	unsigned classes, epochs, room;
	struct rewrap_class class[REWRAP_CLASSES_MAX];
	unsigned newest[REWRAP_CLASSES_MAX];
	struct epoch_key *key;
	struct secret *secret;
};

/* The last agreement of one class epoch. Laid out in locked memory. */
struct agreement {
	uint8_t valid;			/* there is one; an epk of zeros is none that was agreed with */
	uint8_t epk[CRYPTO_KEY], ss[CRYPTO_KEY];
};
struct rewrap_agreed {
	struct agreement *of;		/* as many as the keys have epochs */
	struct secret *secret;
};

/* ---- secrets ------------------------------------------------------------------------------------------------------------- */

struct rewrap_keys *rewrap_keys_new(const struct rewrap_class *classes, unsigned n, unsigned epochs)
{
	struct rewrap_keys *x = calloc(1, sizeof(*x));

	assert(n >= 1 && n <= REWRAP_CLASSES_MAX && epochs >= 1);
	if (x == NULL || (x->secret = secret_new(epochs * sizeof(struct epoch_key))) == NULL) {
		free(x);
		return NULL;
	}
	x->key = (struct epoch_key *)(void *)x->secret->bytes;
	x->room = epochs;
	x->classes = n;
	memcpy(x->class, classes, n * sizeof(*classes));
	return x;
}

void rewrap_keys_free(struct rewrap_keys *x)
{
	if (x == NULL)
		return;
	secret_free(x->secret);
	free(x);
}

uint8_t *rewrap_keys_place(struct rewrap_keys *x, uint32_t class_key, uint32_t epoch)
{
	struct epoch_key *e = &x->key[x->epochs];

	assert(x->epochs < x->room);
	e->class_key = class_key;
	e->epoch = epoch;
	return e->sk;
}

void rewrap_keys_added(struct rewrap_keys *x)
{
	struct epoch_key *e = &x->key[x->epochs];

	crypto_hash("cv1.classkek", e->sk, CRYPTO_KEY, NULL, 0, e->kek, CRYPTO_KEY);
	crypto_box_public(e->sk, e->pk);
	for (unsigned i = 0; i < x->classes; i++)
		if (x->class[i].class_key == e->class_key && x->class[i].newest == e->epoch)
			x->newest[i] = x->epochs;
	x->epochs++;
}

const struct rewrap_class *rewrap_class_find(const struct rewrap_class *class, unsigned n, uint32_t class_key)
{
	unsigned lo = 0, hi = n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (class[mid].class_key < class_key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && class[lo].class_key == class_key ? &class[lo] : NULL;
}

/* The secrets of an epoch, or NULL. */
static const struct epoch_key *key_find(const struct rewrap_keys *x, uint32_t class_key, uint32_t epoch)
{
	unsigned lo = 0, hi = x->epochs;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		const struct epoch_key *e = &x->key[mid];

		if (e->class_key < class_key || (e->class_key == class_key && e->epoch < epoch))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < x->epochs && x->key[lo].class_key == class_key && x->key[lo].epoch == epoch ? &x->key[lo] : NULL;
}

struct rewrap_agreed *rewrap_agreed_new(const struct rewrap_keys *x)
{
	struct rewrap_agreed *a = calloc(1, sizeof(*a));

	if (a == NULL || (a->secret = secret_new(x->room * sizeof(struct agreement))) == NULL) {
		free(a);
		return NULL;
	}
	a->of = (struct agreement *)(void *)a->secret->bytes;
	return a;
}

void rewrap_agreed_free(struct rewrap_agreed *a)
{
	if (a == NULL)
		return;
	secret_free(a->secret);
	free(a);
}

/* ---- one row ------------------------------------------------------------------------------------------------------------- */

#define PLACES 64u	/* wraps of a row that are held against each other in passing: more than a record has without much history */

/* What a wrap's data key is of; and the wraps that were met. */
struct place {
	uint32_t class_key, generation, drop_version;
};
struct survey {
	const struct rewrap_keys *x;
	const uint8_t *row;
	size_t row_n;
	unsigned old, n;
	struct place seen[PLACES];
};

static bool is_old(const struct rewrap_class *class, unsigned n, const struct wrap *w)
{
	const struct rewrap_class *c = rewrap_class_find(class, n, w->class_key);

	return c != NULL && w->wrapping_epoch < c->newest;
}

/*
 * Two wraps for one data key are refused: made anew in one group they would put two secrets under one key, whose difference is then the
 * difference of what is stored.
 */
static int survey_wrap(void *cookie, const struct wrap *w)
{
	struct survey *s = cookie;
	struct wrap found;

	for (unsigned i = 0; i < s->n; i++)
		if (s->seen[i].class_key == w->class_key && s->seen[i].generation == w->generation &&
		    s->seen[i].drop_version == w->drop_version)
			return CV_ERR_FORMAT;
	if (s->n < PLACES)
		s->seen[s->n++] = (struct place){ w->class_key, w->generation, w->drop_version };
	else if (wraps_find(s->row, s->row_n, w->class_key, w->generation, w->drop_version, &found) != 0)
		return CV_ERR_FORMAT;
	s->old += is_old(s->x->class, s->x->classes, w);
	return 0;
}

static bool drop_old(void *cookie, const struct wrap *w)
{
	const struct survey *s = cookie;

	return is_old(s->x->class, s->x->classes, w);
}

/* The making of a row's new groups. */
struct making {
	const struct keys *k;
	const struct rewrap_keys *x;
	struct rewrap_agreed *a;	/* or NULL */
	const uint8_t *record;
	uint8_t nonce[CRYPTO_NONCE];	/* of the group */
	bool given;			/* the first nonce is the caller's */
	unsigned left;			/* wraps still to be made */
	unsigned room;			/* of them in the group under way */
	size_t start;			/* of the row in ret */
	struct buf *ret;
};

static void group_begin(struct making *m)
{
	/* Fresh for each group, as for every other: no wrap key is ever made twice. */
	if (!m->given)
		crypto_random(m->nonce, sizeof(m->nonce));
	m->given = false;
	m->room = m->left < UINT8_MAX ? m->left : UINT8_MAX;
	wraps_group(m->ret, WRAP_TYPE_CLASS, m->room, m->nonce, NULL);
	wraps_group_added(m->ret, m->start);
}

/* Open a wrap, remembering what was agreed. */
static int open_wrap(const struct making *m, const struct epoch_key *from, const struct wrap *w, uint8_t ret[CRYPTO_KEY])
{
	const struct class_keys keys = { from->sk, from->kek, from->pk };
	struct agreement *a = m->a != NULL && w->type == WRAP_TYPE_PUBLIC ? &m->a->of[from - m->x->key] : NULL;
	int r;

	if (a != NULL && (a->valid == 0 || memcmp(a->epk, w->epk, CRYPTO_KEY) != 0)) {
		a->valid = 0;
		if ((r = crypto_agree(from->sk, w->epk, a->ss)) != 0)
			return r;
		memcpy(a->epk, w->epk, CRYPTO_KEY);
		a->valid = 1;
	}
	return record_wrap_open(m->k, &keys, a != NULL ? a->ss : NULL, m->record, w, ret);
}

static int make_wrap(void *cookie, const struct wrap *w)
{
	struct making *m = cookie;
	const struct rewrap_class *c = rewrap_class_find(m->x->class, m->x->classes, w->class_key);
	const struct epoch_key *from, *to;
	struct wrap new = *w;
	uint8_t dk[CRYPTO_KEY];
	int r;

	if (c == NULL || w->wrapping_epoch >= c->newest)
		return 0;
	if ((from = key_find(m->x, w->class_key, w->wrapping_epoch)) == NULL)
		return CV_ERR_NOKEY;
	to = &m->x->key[m->x->newest[c - m->x->class]];
	if ((r = open_wrap(m, from, w, dk)) == 0) {
		if (m->room == 0)
			group_begin(m);
		new.type = WRAP_TYPE_CLASS;
		new.nonce = m->nonce;
		new.epk = new.salt = NULL;
		new.wrapping_epoch = c->newest;
		record_wrap_put(m->k, to->kek, m->record, &new, dk, m->ret);
		m->room--;
		m->left--;
	}
	wipe(dk, sizeof(dk));
	return r;
}

int rewrap_row_with(const struct keys *k, const struct rewrap_keys *x, struct rewrap_agreed *a, const uint8_t record[16],
    const uint8_t *row, size_t n, const uint8_t *nonce, struct buf *ret, unsigned *ret_made)
{
	struct survey s = { .x = x, .row = row, .row_n = n };
	struct making m = { .k = k, .x = x, .a = a, .record = record, .given = nonce != NULL, .start = ret->n, .ret = ret };
	int r = wraps_each(row, n, survey_wrap, &s);

	if (r != 0 || s.old == 0)
		goto out;
	if (nonce != NULL)
		memcpy(m.nonce, nonce, sizeof(m.nonce));
	m.left = s.old;
	wraps_begin(ret);
	if ((r = wraps_copy(ret, m.start, row, n, drop_old, &s)) == 0)
		r = wraps_each(row, n, make_wrap, &m);
	if (r == 0 && !buf_ok(ret))
		r = CV_ERR_NOMEM;
	if (r != 0)
		buf_cut(ret, m.start);
out:
	if (r == 0)
		*ret_made = s.old;
	return r;
}

int rewrap_row(const struct keys *k, const struct rewrap_keys *x, struct rewrap_agreed *a, const uint8_t record[16], const uint8_t *row,
    size_t n, struct buf *ret, unsigned *ret_made)
{
	return rewrap_row_with(k, x, a, record, row, n, NULL, ret, ret_made);
}

/* ---- counting ------------------------------------------------------------------------------------------------------------- */

struct counting {
	const struct rewrap_class *class;
	unsigned classes, old;
};

static int count_wrap(void *cookie, const struct wrap *w)
{
	struct counting *c = cookie;

	c->old += is_old(c->class, c->classes, w);
	return 0;
}

int rewrap_old(const struct rewrap_class *classes, unsigned class_count, const uint8_t *row, size_t n, unsigned *ret_old)
{
	struct counting c = { .class = classes, .classes = class_count };
	int r = wraps_each(row, n, count_wrap, &c);

	if (r == 0)
		*ret_old = c.old;
	return r;
}

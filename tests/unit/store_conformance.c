/* The suite of store_conformance.h: single facts first, then a random walk against a sorted array. */
#include "unit/store_conformance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "store/store.h"

#define ROWS_MAX 1100		/* more than random_key can make */
#define KEY_MAX 12
#define VAL_MAX 40

static const struct store_engine *engine;

/* One store under test. */
struct world {
	void *place;
	struct store *s;
};

unsigned long long store_leaf_hash(unsigned long long hash, const void *p, unsigned long n)
{
	const unsigned char *b = p;

	hash = (hash ^ n) * 1099511628211u + 1;
	for (unsigned long i = 0; i < n; i++)
		hash = (hash ^ b[i]) * 1099511628211u;
	return hash;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->place = engine->place();
	w->s = engine->open(w->place);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	assert_int_equal(store_close(w->s, false), 0);
	engine->dispose(w->place);
	free(w);
	return 0;
}

static void reopen(struct world *w, bool clean)
{
	assert_int_equal(store_close(w->s, clean), 0);
	w->s = engine->open(w->place);
}

static void put(struct store *s, enum store_table t, const char *k, const char *v)
{
	assert_int_equal(store_put(s, t, k, strlen(k), v, strlen(v)), 0);
}

static void expect(struct store *s, enum store_table t, const char *k, const char *v)
{
	struct store_value got;
	int r = store_get(s, t, k, strlen(k), &got);

	if (v == NULL) {
		assert_int_equal(r, CV_ERR_NOTFOUND);
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(got.n, strlen(v));
	assert_memory_equal(got.p, v, got.n);
}

/* One turn with one request of one put (v NULL: delete). */
static void turn_put(struct store *s, enum store_table t, const char *k, const char *v)
{
	assert_int_equal(store_turn_begin(s), 0);
	if (v != NULL)
		put(s, t, k, v);
	else
		assert_int_equal(store_del(s, t, k, strlen(k)), 0);
	store_commit(s);
	assert_int_equal(store_turn_end(s), 0);
}

/* ---- single facts --------------------------------------------------------------------------------------------- */

static void get_sees_the_newest_layer(void **state)
{
	struct world *w = *state;
	struct store *s = w->s;

	turn_put(s, STORE_DIR, "k", "applied");
	assert_int_equal(store_flush(s), 0);
	expect(s, STORE_DIR, "k", "applied");
	turn_put(s, STORE_DIR, "k", "pending");
	expect(s, STORE_DIR, "k", "pending");
	assert_int_equal(store_turn_begin(s), 0);
	put(s, STORE_DIR, "k", "request 1");
	expect(s, STORE_DIR, "k", "request 1");
	store_commit(s);
	expect(s, STORE_DIR, "k", "request 1");
	put(s, STORE_DIR, "k", "request 2");
	expect(s, STORE_DIR, "k", "request 2");
	assert_int_equal(store_del(s, STORE_DIR, "k", 1), 0);
	expect(s, STORE_DIR, "k", NULL);
	store_rollback(s);
	expect(s, STORE_DIR, "k", "request 1");
	assert_int_equal(store_turn_end(s), 0);
	expect(s, STORE_DIR, "k", "request 1");
}

static void tables_are_separate(void **state)
{
	struct world *w = *state;

	for (int t = STORE_META; t < STORE_TABLES; t++) {
		char v[2] = { (char)('0' + t), 0 };

		turn_put(w->s, (enum store_table)t, "same", v);
	}
	for (int round = 0; round < 2; round++) {
		for (int t = STORE_META; t < STORE_TABLES; t++) {
			char v[2] = { (char)('0' + t), 0 };

			expect(w->s, (enum store_table)t, "same", v);
		}
		assert_int_equal(store_flush(w->s), 0);
	}
}

static void empty_value_is_not_absence(void **state)
{
	struct world *w = *state;

	turn_put(w->s, STORE_IDX, "k", "");
	expect(w->s, STORE_IDX, "k", "");
	assert_int_equal(store_flush(w->s), 0);
	expect(w->s, STORE_IDX, "k", "");
	reopen(w, true);
	expect(w->s, STORE_IDX, "k", "");
}

static void delete_hides_applied_row(void **state)
{
	struct world *w = *state;

	turn_put(w->s, STORE_REC, "k", "v");
	assert_int_equal(store_flush(w->s), 0);
	turn_put(w->s, STORE_REC, "k", NULL);
	expect(w->s, STORE_REC, "k", NULL);
	turn_put(w->s, STORE_REC, "never there", NULL);
	assert_int_equal(store_flush(w->s), 0);
	expect(w->s, STORE_REC, "k", NULL);
	turn_put(w->s, STORE_REC, "k", "again");
	expect(w->s, STORE_REC, "k", "again");
}

static void rollback_forgets_puts_and_leaves(void **state)
{
	struct world *w = *state;
	struct store *s = w->s;

	assert_int_equal(store_turn_begin(s), 0);
	put(s, STORE_GOV, "kept", "1");
	assert_int_equal(store_leaf(s, "leaf", 4), 0);
	store_commit(s);
	put(s, STORE_GOV, "kept", "2");
	put(s, STORE_GOV, "new", "2");
	assert_int_equal(store_leaf(s, "lost", 4), 0);
	assert_int_equal(store_next_leaf(s), 2);
	store_rollback(s);
	assert_int_equal(store_next_leaf(s), 1);
	expect(s, STORE_GOV, "kept", "1");
	expect(s, STORE_GOV, "new", NULL);
	/* A request that is still open when the turn ends is rolled back too. */
	put(s, STORE_GOV, "open", "3");
	assert_int_equal(store_turn_end(s), 0);
	assert_int_equal(store_durable_leaves(s), 1);
	expect(s, STORE_GOV, "kept", "1");
	expect(s, STORE_GOV, "open", NULL);
	reopen(w, false);
	expect(w->s, STORE_GOV, "kept", "1");
	expect(w->s, STORE_GOV, "new", NULL);
	expect(w->s, STORE_GOV, "open", NULL);
}

static void leaf_indexes_run_on(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(store_turn_begin(w->s), 0);
		assert_int_equal(store_next_leaf(w->s), 2 * i);
		assert_int_equal(store_leaf(w->s, &i, sizeof(i)), 0);
		assert_int_equal(store_leaf(w->s, "x", 1), 0);
		assert_int_equal(store_next_leaf(w->s), 2 * i + 2);
		assert_int_equal(store_durable_leaves(w->s), 2 * i);
		store_commit(w->s);
		assert_int_equal(store_turn_end(w->s), 0);
		assert_int_equal(store_durable_leaves(w->s), 2 * i + 2);
		if (i % 2 == 1)
			reopen(w, i == 3);
	}
	assert_int_equal(store_flush(w->s), 0);
	assert_int_equal(store_applied_leaves(w->s), 12);
}

static void lengths_are_limited(void **state)
{
	struct world *w = *state;
	struct store *s = w->s;
	uint8_t *big = calloc(1, STORE_VALUE_MAX + 1);
	struct store_value v;

	assert_non_null(big);
	assert_int_equal(store_turn_begin(s), 0);
	assert_int_equal(store_put(s, STORE_REC, big, 0, "v", 1), CV_ERR_LIMIT);
	assert_int_equal(store_put(s, STORE_REC, big, STORE_KEY_MAX + 1, "v", 1), CV_ERR_LIMIT);
	assert_int_equal(store_put(s, STORE_REC, "k", 1, big, STORE_VALUE_MAX + 1), CV_ERR_LIMIT);
	assert_int_equal(store_del(s, STORE_REC, big, 0), CV_ERR_LIMIT);
	assert_int_equal(store_del(s, STORE_REC, big, STORE_KEY_MAX + 1), CV_ERR_LIMIT);
	assert_int_equal(store_leaf(s, big, 0), CV_ERR_LIMIT);
	assert_int_equal(store_leaf(s, big, STORE_LEAF_MAX + 1), CV_ERR_LIMIT);
	store_rollback(s);
	assert_int_equal(store_put(s, STORE_REC, big, STORE_KEY_MAX, big, 1000), 0);
	assert_int_equal(store_leaf(s, big, 1000), 0);
	store_commit(s);
	assert_int_equal(store_turn_end(s), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_get(s, STORE_REC, big, STORE_KEY_MAX, &v), 0);
		assert_int_equal(v.n, 1000);
		assert_int_equal(store_get(s, STORE_REC, big, 0, &v), CV_ERR_NOTFOUND);
		assert_int_equal(store_get(s, STORE_REC, big, STORE_KEY_MAX + 1, &v), CV_ERR_NOTFOUND);
		assert_int_equal(store_flush(s), 0);
	}
	free(big);
}

static void value_of_get_can_be_put(void **state)
{
	struct world *w = *state;
	struct store *s = w->s;
	char key[8], big[3000];
	struct store_value v;

	memset(big, 'b', sizeof(big));
	assert_int_equal(store_turn_begin(s), 0);
	assert_int_equal(store_put(s, STORE_REC, "r0", 2, big, sizeof(big)), 0);
	/* More than any first buffer, so that the bytes move under the pointer once. */
	for (int i = 1; i < 100; i++) {
		(void)snprintf(key, sizeof(key), "r%d", i - 1);
		assert_int_equal(store_get(s, STORE_REC, key, strlen(key), &v), 0);
		(void)snprintf(key, sizeof(key), "r%d", i);
		if (store_put(s, STORE_REC, key, strlen(key), v.p, v.n) == CV_ERR_FULL)
			break;
		assert_int_equal(store_get(s, STORE_REC, key, strlen(key), &v), 0);
		assert_int_equal(v.n, sizeof(big));
		assert_memory_equal(v.p, big, v.n);
	}
	store_rollback(s);
	assert_int_equal(store_turn_end(s), 0);
}

static void empty_turn_changes_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(store_turn_begin(w->s), 0);
	assert_int_equal(store_turn_end(w->s), 0);
	assert_int_equal(store_turn_begin(w->s), 0);
	put(w->s, STORE_REC, "k", "v");
	store_rollback(w->s);
	store_commit(w->s);
	assert_int_equal(store_turn_end(w->s), 0);
	reopen(w, true);
	expect(w->s, STORE_REC, "k", NULL);
	assert_int_equal(store_durable_leaves(w->s), 0);
}

/* ---- scans ---------------------------------------------------------------------------------------------------- */

struct seen {
	char text[512];
	struct store *s;
	int stop_at;	/* answer 7 at this row, counted from 1 */
	int n;
};

static int see(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct seen *x = cookie;
	size_t at = strlen(x->text);

	(void)snprintf(x->text + at, sizeof(x->text) - at, "%.*s=%.*s ", (int)key_n, (const char *)key, (int)val_n,
	    (const char *)val);
	return ++x->n == x->stop_at ? 7 : 0;
}

static void scan(struct store *s, const char *prefix, const char *from, bool reverse, size_t limit, const char *want)
{
	struct seen x = { .s = s };

	assert_int_equal(store_scan(s, STORE_IDX, prefix, strlen(prefix), from, from != NULL ? strlen(from) : 0, reverse,
	    limit, see, &x), 0);
	assert_string_equal(x.text, want);
}

static void scan_cases(struct store *s)
{
	scan(s, "", NULL, false, 0, "a=1 b=2 ba=3 bb=4 c=5 ");
	scan(s, "", NULL, true, 0, "c=5 bb=4 ba=3 b=2 a=1 ");
	scan(s, "b", NULL, false, 0, "b=2 ba=3 bb=4 ");
	scan(s, "b", NULL, true, 0, "bb=4 ba=3 b=2 ");
	scan(s, "b", "ba", false, 0, "ba=3 bb=4 ");
	scan(s, "b", "ba", true, 0, "ba=3 b=2 ");
	scan(s, "b", "baa", false, 0, "bb=4 ");
	scan(s, "b", "baa", true, 0, "ba=3 b=2 ");
	scan(s, "b", "a", false, 0, "b=2 ba=3 bb=4 ");
	scan(s, "b", "a", true, 0, "");
	scan(s, "b", "zz", false, 0, "");
	scan(s, "b", "zz", true, 0, "bb=4 ba=3 b=2 ");
	scan(s, "", NULL, false, 2, "a=1 b=2 ");
	scan(s, "", NULL, true, 2, "c=5 bb=4 ");
	scan(s, "", "b", false, 1, "b=2 ");
	scan(s, "d", NULL, false, 0, "");
	scan(s, "d", NULL, true, 0, "");
	scan(s, "bbb", NULL, false, 0, "");
	scan(s, "a", NULL, true, 0, "a=1 ");
}

static void scan_merges_all_layers(void **state)
{
	struct world *w = *state;
	struct store *s = w->s;

	scan(s, "", NULL, false, 0, "");
	scan(s, "", NULL, true, 0, "");
	turn_put(s, STORE_IDX, "c", "old");
	turn_put(s, STORE_IDX, "ba", "3");
	turn_put(s, STORE_IDX, "bc", "deleted later");
	assert_int_equal(store_flush(s), 0);
	turn_put(s, STORE_IDX, "a", "1");
	turn_put(s, STORE_IDX, "bc", NULL);
	turn_put(s, STORE_IDX, "bb", "old");
	assert_int_equal(store_turn_begin(s), 0);
	put(s, STORE_IDX, "c", "5");
	put(s, STORE_IDX, "b", "2");
	store_commit(s);
	put(s, STORE_IDX, "bb", "4");
	scan_cases(s);
	store_commit(s);
	scan_cases(s);
	assert_int_equal(store_turn_end(s), 0);
	scan_cases(s);
	assert_int_equal(store_flush(s), 0);
	scan_cases(s);
	reopen(w, true);
	scan_cases(w->s);
}

static void scan_handles_highest_bytes(void **state)
{
	struct world *w = *state;

	for (int round = 0; round < 2; round++) {
		turn_put(w->s, STORE_IDX, "\xff", "1");
		turn_put(w->s, STORE_IDX, "\xff\xff", "2");
		turn_put(w->s, STORE_IDX, "\xfe\xff", "0");
		if (round == 1)
			assert_int_equal(store_flush(w->s), 0);
		scan(w->s, "\xff", NULL, true, 0, "\xff\xff=2 \xff=1 ");
		scan(w->s, "\xff\xff", NULL, true, 0, "\xff\xff=2 ");
		scan(w->s, "\xfe\xff", NULL, true, 0, "\xfe\xff=0 ");
		scan(w->s, "\xfe", "\xfe\xff\xff", true, 0, "\xfe\xff=0 ");
		scan(w->s, "\xff", NULL, false, 0, "\xff=1 \xff\xff=2 ");
	}
}

static void scan_ends_with_the_callbacks_answer(void **state)
{
	struct world *w = *state;
	struct seen x = { .stop_at = 2 };

	turn_put(w->s, STORE_IDX, "a", "1");
	turn_put(w->s, STORE_IDX, "b", "2");
	turn_put(w->s, STORE_IDX, "c", "3");
	assert_int_equal(store_scan(w->s, STORE_IDX, NULL, 0, NULL, 0, false, 0, see, &x), 7);
	assert_string_equal(x.text, "a=1 b=2 ");
}

static int inner(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct seen *x = cookie;
	struct store_value v;

	assert_int_equal(store_scan(x->s, STORE_IDX, NULL, 0, key, key_n, true, 0, see, x), 0);
	assert_int_equal(store_get(x->s, STORE_IDX, key, key_n, &v), 0);
	assert_int_equal(v.n, val_n);
	assert_memory_equal(v.p, val, val_n);
	return 0;
}

static void scan_callback_may_read(void **state)
{
	struct world *w = *state;
	struct seen x = { .s = w->s };

	turn_put(w->s, STORE_IDX, "a", "1");
	turn_put(w->s, STORE_IDX, "c", "3");
	assert_int_equal(store_flush(w->s), 0);
	turn_put(w->s, STORE_IDX, "b", "2");
	assert_int_equal(store_scan(w->s, STORE_IDX, NULL, 0, NULL, 0, false, 0, inner, &x), 0);
	assert_string_equal(x.text, "a=1 b=2 a=1 c=3 b=2 a=1 ");
}

/* ---- the random walk ------------------------------------------------------------------------------------------ */

struct row {
	uint8_t t;
	uint8_t key_n;
	uint8_t val_n;
	uint8_t key[KEY_MAX];
	uint8_t val[VAL_MAX];
};

struct model {
	struct row row[ROWS_MAX];	/* in order of table, key */
	size_t n;
	uint64_t leaves;
	unsigned long long hash;	/* of the leaves */
};

static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 16) % below);
}

static int row_cmp(const struct row *a, const struct row *b)
{
	size_t n = a->key_n < b->key_n ? a->key_n : b->key_n;
	int c;

	if (a->t != b->t)
		return a->t < b->t ? -1 : 1;
	c = memcmp(a->key, b->key, n);
	return c != 0 ? c : (int)a->key_n - (int)b->key_n;
}

/* First row that is not below r. */
static size_t model_find(const struct model *m, const struct row *r)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (row_cmp(&m->row[mid], r) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool model_has(const struct model *m, size_t at, const struct row *r)
{
	return at < m->n && row_cmp(&m->row[at], r) == 0;
}

static void model_put(struct model *m, const struct row *r)
{
	size_t at = model_find(m, r);

	if (!model_has(m, at, r)) {
		assert_true(m->n < ROWS_MAX);
		memmove(&m->row[at + 1], &m->row[at], (m->n - at) * sizeof(*r));
		m->n++;
	}
	m->row[at] = *r;
}

static void model_del(struct model *m, const struct row *r)
{
	size_t at = model_find(m, r);

	if (!model_has(m, at, r))
		return;
	m->n--;
	memmove(&m->row[at], &m->row[at + 1], (m->n - at) * sizeof(*r));
}

/* Few tables and a small alphabet, so that keys meet again and are prefixes of each other. */
static void random_key(struct row *r)
{
	static const uint8_t tables[] = { STORE_GOV, STORE_REC, STORE_HIST };
	static const uint8_t letters[] = { 0, 'a', 0xff };

	memset(r, 0, sizeof(*r));
	r->t = tables[rnd(3)];
	r->key_n = (uint8_t)(1 + rnd(5));
	for (unsigned i = 0; i < r->key_n; i++)
		r->key[i] = letters[rnd(3)];
}

struct compare {
	const struct model *m;
	const struct row *prefix;
	size_t at;		/* next row that is expected */
	size_t end;		/* one past the last, in direction */
	bool reverse;
};

static int compare_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct compare *c = cookie;
	const struct row *r;

	assert_int_not_equal(c->at, c->end);
	r = &c->m->row[c->reverse ? c->at - 1 : c->at];
	assert_int_equal(key_n, r->key_n);
	assert_memory_equal(key, r->key, key_n);
	assert_int_equal(val_n, r->val_n);
	assert_memory_equal(val, r->val, val_n);
	c->at += c->reverse ? (size_t)-1 : 1;
	return 0;
}

/* Compare one scan with the array; prefix and from are random. */
static void check_scan(struct store *s, const struct model *m)
{
	struct row prefix, from;
	struct compare c = { .m = m, .reverse = rnd(2) != 0 };
	size_t lo, hi, limit = rnd(3) == 0 ? 1 + rnd(5) : 0;
	bool with_from = rnd(2) != 0;

	random_key(&prefix);
	prefix.key_n = (uint8_t)rnd(3);
	random_key(&from);
	from.t = prefix.t;
	for (lo = 0; lo < m->n; lo++) {
		const struct row *r = &m->row[lo];

		if (r->t == prefix.t && r->key_n >= prefix.key_n && memcmp(r->key, prefix.key, prefix.key_n) == 0)
			break;
	}
	for (hi = lo; hi < m->n; hi++) {
		const struct row *r = &m->row[hi];

		if (r->t != prefix.t || r->key_n < prefix.key_n || memcmp(r->key, prefix.key, prefix.key_n) != 0)
			break;
	}
	if (with_from && !c.reverse) {
		while (lo < hi && row_cmp(&m->row[lo], &from) < 0)
			lo++;
	}
	if (with_from && c.reverse) {
		while (lo < hi && row_cmp(&m->row[hi - 1], &from) > 0)
			hi--;
	}
	if (limit > 0 && hi - lo > limit) {
		if (c.reverse)
			lo = hi - limit;
		else
			hi = lo + limit;
	}
	c.at = c.reverse ? hi : lo;
	c.end = c.reverse ? lo : hi;
	assert_int_equal(store_scan(s, (enum store_table)prefix.t, prefix.key, prefix.key_n, with_from ? from.key : NULL,
	    with_from ? from.key_n : 0, c.reverse, limit, compare_row, &c), 0);
	assert_int_equal(c.at, c.end);
}

static void check_get(struct store *s, const struct model *m)
{
	struct store_value v;
	struct row r;
	size_t at;
	int e;

	random_key(&r);
	at = model_find(m, &r);
	e = store_get(s, (enum store_table)r.t, r.key, r.key_n, &v);
	if (!model_has(m, at, &r)) {
		assert_int_equal(e, CV_ERR_NOTFOUND);
		return;
	}
	assert_int_equal(e, 0);
	assert_int_equal(v.n, m->row[at].val_n);
	assert_memory_equal(v.p, m->row[at].val, v.n);
}

static void check(struct store *s, const struct model *m)
{
	for (int i = 0; i < 3; i++)
		check_get(s, m);
	check_scan(s, m);
}

static void check_all(struct store *s, const struct model *m)
{
	for (int t = STORE_GOV; t <= STORE_HIST; t++) {
		struct row first = { .t = (uint8_t)t }, next = { .t = (uint8_t)(t + 1) };
		struct compare c = { .m = m, .at = model_find(m, &first), .end = model_find(m, &next) };

		assert_int_equal(store_scan(s, (enum store_table)t, NULL, 0, NULL, 0, false, 0, compare_row, &c), 0);
		assert_int_equal(c.at, c.end);
	}
	assert_int_equal(store_durable_leaves(s), m->leaves);
}

static void random_write(struct store *s, struct model *m)
{
	struct row r;
	uint8_t leaf[60];
	size_t n;

	switch (rnd(4)) {
	case 0:
		n = 1 + rnd(sizeof(leaf));
		memset(leaf, (int)rnd(256), sizeof(leaf));
		assert_int_equal(store_next_leaf(s), m->leaves);
		assert_int_equal(store_leaf(s, leaf, n), 0);
		m->leaves++;
		m->hash = store_leaf_hash(m->hash, leaf, n);
		break;
	case 1:
		random_key(&r);
		assert_int_equal(store_del(s, (enum store_table)r.t, r.key, r.key_n), 0);
		model_del(m, &r);
		break;
	default:
		random_key(&r);
		r.val_n = (uint8_t)rnd(VAL_MAX + 1);
		memset(r.val, (int)rnd(256), r.val_n);
		assert_int_equal(store_put(s, (enum store_table)r.t, r.key, r.key_n, r.val, r.val_n), 0);
		model_put(m, &r);
	}
}

static void random_turn(struct store *s, struct model *m, struct model *spare)
{
	assert_int_equal(store_turn_begin(s), 0);
	for (uint32_t requests = rnd(4); requests > 0; requests--) {
		*spare = *m;
		for (uint32_t writes = rnd(8); writes > 0; writes--) {
			random_write(s, m);
			if (rnd(3) == 0)
				check(s, m);
		}
		if (rnd(4) == 0) {
			store_rollback(s);
			*m = *spare;
		} else {
			store_commit(s);
		}
		check(s, m);
	}
	assert_int_equal(store_turn_end(s), 0);
}

static void random_walk(struct world *w, uint64_t start, int turns, bool kill)
{
	struct model *m = calloc(2, sizeof(*m));
	unsigned long long n, hash;

	assert_non_null(m);
	seed = start * 0x9e3779b97f4a7c15u + 1;
	for (int i = 0; i < turns; i++) {
		random_turn(w->s, &m[0], &m[1]);
		store_checkpointed(w->s, store_applied_leaves(w->s));
		check(w->s, &m[0]);
		switch (rnd(kill ? 30 : 60)) {
		case 0:
			reopen(w, rnd(2) != 0);
			check_all(w->s, &m[0]);
			break;
		case 1:
			assert_int_equal(store_flush(w->s), 0);
			check_all(w->s, &m[0]);
			engine->log(w->place, &n, &hash);
			assert_int_equal(n, m[0].leaves);
			assert_true(hash == m[0].hash);
			break;
		case 2:
			if (!kill)
				break;
			engine->kill(w->place, w->s);
			w->s = engine->open(w->place);
			check_all(w->s, &m[0]);
			break;
		default:
			break;
		}
	}
	free(m);
}

static void random_walk_agrees_with_an_array(void **state)
{
	for (uint64_t i = 1; i <= 3; i++) {
		struct world *w = *state;

		random_walk(w, i, 500, false);
		(void)teardown(state);
		(void)setup(state);
	}
}

static void killed_store_keeps_what_was_acknowledged(void **state)
{
	random_walk(*state, 77, 400, true);
}

int store_conformance_run(const struct store_engine *e)
{
	static const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(get_sees_the_newest_layer),
		TEST(tables_are_separate),
		TEST(empty_value_is_not_absence),
		TEST(delete_hides_applied_row),
		TEST(rollback_forgets_puts_and_leaves),
		TEST(leaf_indexes_run_on),
		TEST(lengths_are_limited),
		TEST(value_of_get_can_be_put),
		TEST(empty_turn_changes_nothing),
		TEST(scan_merges_all_layers),
		TEST(scan_handles_highest_bytes),
		TEST(scan_ends_with_the_callbacks_answer),
		TEST(scan_callback_may_read),
		TEST(random_walk_agrees_with_an_array),
		TEST(killed_store_keeps_what_was_acknowledged),
#undef TEST
	};

	engine = e;
	return cmocka_run_group_tests_name(e->name, tests, NULL, NULL);
}

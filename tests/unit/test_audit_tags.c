/* The column of subject tags, log/tags: what is in it, what is found by it, that it comes back. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/audit_internal.h"
#include "store/files.h"
#include "test_audit.h"

#define ENTRY 20u

static uint8_t one[32] = { 1 }, other[32] = { 2 };

/* Reads about one child, another and none, in turn, a day being over after every `a_day`; each ends a turn. */
static void mixed(struct fix *f, unsigned n, unsigned a_day)
{
	for (unsigned i = 0; i < n; i++) {
		struct audit_entry e = fix_entry(i % 5 == 0 ? one : i % 5 == 2 ? other : NULL);

		assert_int_equal(fix_turn_begin(f), 0);
		(void)fix_leaf(f, &e);
		assert_int_equal(fix_turn_end(f), 0);
		f->now_ms += FIX_DAY_MS / a_day;
	}
	fix_apply_all(f);
}

/* The leaves about a child, found by opening each one. */
static unsigned by_leaves(struct fix *f, const uint8_t key[32], uint64_t from, uint64_t end, uint64_t *ret)
{
	struct leaf_detail d;
	unsigned n = 0;
	struct leaf l;
	struct buf b;

	buf_init(&b, 65536);
	for (uint64_t i = from; i < end; i++) {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(f->a, i, &b), 0);
		assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
		if ((l.flags & LEAF_CHILD) != 0 && audit_open_detail(&l, key, &d) == 0)
			ret[n++] = i;
	}
	buf_free(&b);
	return n;
}

static unsigned by_tags(struct fix *f, const uint8_t key[32], uint64_t from, uint64_t end, unsigned max, uint64_t *ret)
{
	unsigned n = 0, got = 0;

	while (from < end) {
		const uint64_t was = from;

		assert_int_equal(audit_find_subject(f->a, key, &from, end, ret + n, max, &got), 0);
		assert_true(from > was && got <= max);
		n += got;
	}
	assert_true(from == end);
	return n;
}

static void column_holds_epoch_and_tag_of_each_leaf(void **state)
{
	struct buf column, leaf;
	struct fix f;
	struct leaf l;

	(void)state;
	fix_make(&f, NULL, 10);
	fix_genesis(&f);
	mixed(&f, 300, 100);
	buf_init(&column, 1u << 20);
	buf_init(&leaf, 65536);
	assert_int_equal(files_read(f.a->dirfd, "tags", &column), 0);
	assert_true(column.n == audit_leaves(f.a) * ENTRY);
	for (uint64_t i = 0; i < audit_leaves(f.a); i++) {
		buf_reset(&leaf);
		assert_int_equal(audit_read_leaf(f.a, i, &leaf), 0);
		assert_int_equal(leaf_decode(leaf.p, leaf.n, &l), 0);
		assert_int_equal(be32_get(column.p + i * ENTRY), l.epoch);
		assert_memory_equal(column.p + i * ENTRY + 4, l.subject_tag, 16);
	}
	buf_free(&column);
	buf_free(&leaf);
	fix_free(&f);
}

static void search_finds_all_leaves_of_the_child_and_no_other(void **state)
{
	static const uint8_t nobody[32] = { 3 };
	uint64_t want[1000], got[1000], size;
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 10);
	mixed(&f, 800, 150);
	size = audit_leaves(f.a);
	for (unsigned c = 0; c < 2; c++) {
		const unsigned n = by_leaves(&f, c == 0 ? one : other, 0, size, want);

		assert_int_equal(n, 160);
		for (unsigned max = 1; max <= 200; max += 37) {
			assert_int_equal(by_tags(&f, c == 0 ? one : other, 0, size, max, got), n);
			assert_memory_equal(got, want, n * sizeof(want[0]));
		}
	}
	assert_int_equal(by_tags(&f, one, 100, 501, 10, got), by_leaves(&f, one, 100, 501, want));
	assert_memory_equal(got, want, 10 * sizeof(want[0]));
	assert_int_equal(by_tags(&f, nobody, 0, size, 10, got), 0);
	fix_free(&f);
}

static void days_hold_every_leaf_of_their_times(void **state)
{
	uint64_t from, end;
	struct fix f;
	struct leaf l;
	struct buf b;

	(void)state;
	fix_make(&f, NULL, 10);
	mixed(&f, 400, 100);
	buf_init(&b, 65536);
	for (unsigned day = 0; day < 4; day++) {
		const uint64_t a = (uint64_t)(FIX_FIRST_DAY + day) * FIX_DAY_MS + 1000, z = a + FIX_DAY_MS / 2;
		unsigned within = 0, outside = 0;

		assert_int_equal(audit_find_days(f.a, a, z, &from, &end), 0);
		assert_true(from <= end && end <= audit_leaves(f.a));
		for (uint64_t i = 0; i < audit_leaves(f.a); i++) {
			buf_reset(&b);
			assert_int_equal(audit_read_leaf(f.a, i, &b), 0);
			assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
			if (l.kind != LEAF_EPOCH && l.time_ms >= a && l.time_ms < z)
				*(i >= from && i < end ? &within : &outside) += 1;
		}
		assert_int_equal(outside, 0);
		assert_true(within > 40);
		assert_true(end - from < audit_leaves(f.a) * 4 / 5);	/* it narrows: three days of four */
	}
	assert_int_equal(audit_find_days(f.a, 0, 1000, &from, &end), 0);
	assert_true(from == 0 && end == 0);
	assert_int_equal(audit_find_days(f.a, UINT64_MAX / 2, UINT64_MAX, &from, &end), 0);
	assert_true(from == audit_leaves(f.a) && end == from);
	buf_free(&b);
	fix_free(&f);
}

/* Close, spoil the column, open: it is as before, and grows on. */
static void spoil(struct fix *f, const struct buf *want, size_t keep)
{
	struct buf got;

	fix_close(f, true);
	buf_init(&got, 1u << 20);
	{
		char path[300];

		(void)snprintf(path, sizeof(path), "%s/log/tags", f->dir);
		assert_int_equal(keep == SIZE_MAX ? unlink(path) : truncate(path, (off_t)keep), 0);
	}
	assert_int_equal(fix_open(f), 0);
	assert_int_equal(files_read(f->a->dirfd, "tags", &got), 0);
	assert_true(got.n >= want->n);
	assert_memory_equal(got.p, want->p, want->n);
	buf_free(&got);
}

static void lost_column_is_made_from_the_leaves(void **state)
{
	uint64_t want[1000], got[1000];
	struct buf column;
	struct fix f;
	unsigned n;

	(void)state;
	fix_make(&f, NULL, 10);
	mixed(&f, 700, 200);
	buf_init(&column, 1u << 20);
	assert_int_equal(files_read(f.a->dirfd, "tags", &column), 0);
	spoil(&f, &column, SIZE_MAX);
	spoil(&f, &column, 0);
	spoil(&f, &column, 7);			/* within the first entry */
	spoil(&f, &column, 256 * ENTRY);
	spoil(&f, &column, 300 * ENTRY + 19);
	spoil(&f, &column, column.n - 1);
	spoil(&f, &column, column.n + 1000);	/* what is longer is overwritten when the log grows */
	mixed(&f, 10, 200);
	n = by_leaves(&f, one, 0, audit_leaves(f.a), want);
	assert_int_equal(by_tags(&f, one, 0, audit_leaves(f.a), 50, got), n);
	assert_memory_equal(got, want, n * sizeof(want[0]));
	buf_reset(&column);
	assert_int_equal(files_read(f.a->dirfd, "tags", &column), 0);
	assert_true(column.n == audit_leaves(f.a) * ENTRY);
	buf_free(&column);
	fix_free(&f);
}

static void column_that_cannot_be_read_is_an_error(void **state)
{
	uint64_t at = 0, ret[4], from, end;
	char path[300];
	struct fix f;
	unsigned n;

	(void)state;
	fix_make(&f, NULL, 10);
	mixed(&f, 30, 100);
	(void)snprintf(path, sizeof(path), "%s/log/tags", f.dir);
	assert_int_equal(truncate(path, 5 * ENTRY), 0);
	assert_int_equal(audit_find_subject(f.a, one, &at, audit_leaves(f.a), ret, 4, &n), CV_ERR_IO);
	assert_true(at == 0);
	assert_int_equal(audit_find_days(f.a, 0, UINT64_MAX, &from, &end), CV_ERR_IO);
	fix_free(&f);
}

static void policies_are_kept_once_and_whole(void **state)
{
	static const uint8_t digest[32] = { 0xab, 0xcd };
	struct fix f;
	struct buf b;

	(void)state;
	fix_make(&f, NULL, 10);
	assert_int_equal(audit_policy_keep(f.a, digest, "a document", 10), 0);
	assert_int_equal(audit_policy_keep(f.a, digest, "a document", 10), 0);
	assert_int_equal(files_overwrite(f.a->dirfd, "policy/abcd0000000000000000000000000000", 0, "A", 1), 0);
	assert_int_equal(audit_policy_keep(f.a, digest, "a document", 10), 0);
	buf_init(&b, 100);
	assert_int_equal(files_read(f.a->dirfd, "policy/abcd0000000000000000000000000000", &b), 0);
	assert_true(b.n == 10 && memcmp(b.p, "a document", 10) == 0);
	buf_free(&b);
	fix_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(column_holds_epoch_and_tag_of_each_leaf),
		cmocka_unit_test(search_finds_all_leaves_of_the_child_and_no_other),
		cmocka_unit_test(days_hold_every_leaf_of_their_times),
		cmocka_unit_test(lost_column_is_made_from_the_leaves),
		cmocka_unit_test(column_that_cannot_be_read_is_an_error),
		cmocka_unit_test(policies_are_kept_once_and_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

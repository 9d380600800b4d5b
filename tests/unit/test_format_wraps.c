/* format: keys rows, FORMAT.md 4.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/wraps.h"
#include "record_samples.h"

#define GROUP2 4u			/* offsets in keys_stored */
#define WRAP_A (GROUP2 + 26)
#define WRAP_B (WRAP_A + WRAP_ENTRY)
#define GROUP3 (WRAP_B + WRAP_ENTRY)
#define WRAP_C (GROUP3 + 58)

static uint8_t row[SAMPLE_MAX];
static size_t row_n;

static int load(void **state)
{
	(void)state;
	row_n = sample("keys_stored", row);
	return 0;
}

static void groups_give_the_known_answer(void **state)
{
	struct wrap w = { .class_key = HEALTH, .generation = GENERATION, .birth_epoch = BIRTH, .wrapping_epoch = EPOCH };
	struct buf b;

	(void)state;
	assert_int_equal(row_n, WRAP_C + WRAP_ENTRY);
	buf_init(&b, 4096);
	wraps_begin(&b);
	wraps_group(&b, WRAP_TYPE_CLASS, 2, row + GROUP2 + 2, NULL);
	w.ciphertext = row + WRAP_A + 20;
	wraps_put(&b, &w);
	w.generation = 1;
	w.birth_epoch = EPOCH;
	w.ciphertext = row + WRAP_B + 20;
	wraps_put(&b, &w);
	wraps_group_added(&b, 0);
	wraps_group(&b, WRAP_TYPE_PUBLIC, 1, row + GROUP3 + 2, row + GROUP3 + 26);
	w.generation = 0;
	w.drop_version = DROP_VERSION;
	w.ciphertext = row + WRAP_C + 20;
	wraps_put(&b, &w);
	wraps_group_added(&b, 0);
	assert_true(buf_ok(&b));
	assert_int_equal(b.n, row_n);
	assert_memory_equal(b.p, row, row_n);
	buf_free(&b);
}

static void wraps_are_found_by_their_place(void **state)
{
	struct wrap w, was = { .type = 99 };

	(void)state;
	assert_int_equal(wraps_find(row, row_n, HEALTH, GENERATION, 0, &w), 0);
	assert_true(w.type == WRAP_TYPE_CLASS && w.birth_epoch == BIRTH && w.wrapping_epoch == EPOCH && w.epk == NULL);
	assert_ptr_equal(w.nonce, row + GROUP2 + 2);
	assert_ptr_equal(w.ciphertext, row + WRAP_A + 20);
	assert_int_equal(wraps_find(row, row_n, HEALTH, 1, 0, &w), 0);
	assert_ptr_equal(w.ciphertext, row + WRAP_B + 20);
	assert_int_equal(wraps_find(row, row_n, HEALTH, 0, DROP_VERSION, &w), 0);
	assert_true(w.type == WRAP_TYPE_PUBLIC && w.drop_version == DROP_VERSION && w.generation == 0);
	assert_ptr_equal(w.epk, row + GROUP3 + 26);
	assert_int_equal(wraps_find(row, row_n, HEALTH, 3, 0, &was), CV_ERR_NOTFOUND);
	assert_int_equal(wraps_find(row, row_n, IDENTITY, 1, 0, &was), CV_ERR_NOTFOUND);
	assert_int_equal(wraps_find(row, row_n, HEALTH, 0, 7, &was), CV_ERR_NOTFOUND);
	assert_int_equal(was.type, 99);
}

static void every_cut_is_refused(void **state)
{
	uint8_t p[SAMPLE_MAX] = { 0 };
	struct wrap w;

	(void)state;
	memcpy(p, row, row_n);
	for (size_t n = 0; n < row_n; n++)
		assert_int_equal(wraps_find(p, n, HEALTH, GENERATION, 0, &w), CV_ERR_FORMAT);
	assert_int_equal(wraps_find(p, row_n + 1, HEALTH, GENERATION, 0, &w), CV_ERR_FORMAT);
}

static void rows_that_break_a_rule_are_refused(void **state)
{
	static const struct { uint16_t at; uint8_t byte; } bad[] = {
		{ 0, 2 }, { 1, 2 }, { 3, 1 }, { 3, 3 }, { 2, 1 },
		{ GROUP2, 1 }, { GROUP2, 4 }, { GROUP2, 3 }, { GROUP2 + 1, 0 }, { GROUP2 + 1, 1 }, { GROUP2 + 1, 3 },
		{ WRAP_A + 3, 1 }, { WRAP_A + 1, 0 },	/* a compartment; class 0 */
		{ WRAP_A + 7, 0 },			/* a row of generation 0 */
		{ WRAP_A + 19, 1 },			/* a drop with a generation */
		{ WRAP_A + 11, 0 }, { WRAP_A + 11, 5 }, { WRAP_A + 15, 0 },	/* epochs */
		{ WRAP_A + 7, 1 },			/* two wraps for one place */
		{ GROUP3, 2 },
		{ WRAP_C + 7, 1 }, { WRAP_C + 19, 0 },
	};
	uint8_t was;
	struct wrap w;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		was = row[bad[i].at];
		assert_int_not_equal(was, bad[i].byte);
		row[bad[i].at] = bad[i].byte;
		if (wraps_find(row, row_n, HEALTH, 1, 0, &w) != CV_ERR_FORMAT)
			fail_msg("byte %u may be %u", bad[i].at, bad[i].byte);
		row[bad[i].at] = was;
	}
	assert_int_equal(wraps_find(row, row_n, HEALTH, 1, 0, &w), 0);
}

static void a_group_is_of_as_many_classes_as_it_likes(void **state)
{
	struct wrap w = { .class_key = HEALTH, .generation = 1, .birth_epoch = 1, .wrapping_epoch = 1, .ciphertext = row };
	struct buf b;

	(void)state;
	for (uint8_t type = WRAP_TYPE_CLASS; type <= WRAP_TYPE_PUBLIC; type++) {
		buf_init(&b, 4096);
		wraps_begin(&b);
		wraps_group(&b, type, 2, row, row);
		w.class_key = HEALTH;
		wraps_put(&b, &w);
		w.class_key = IDENTITY;
		wraps_put(&b, &w);
		wraps_group_added(&b, 0);
		assert_int_equal(wraps_find(b.p, b.n, IDENTITY, 1, 0, &w), 0);
		assert_int_equal(w.type, type);
		assert_int_equal(wraps_find(b.p, b.n, HEALTH, 1, 0, &w), 0);
		w.ciphertext = row;
		buf_free(&b);
	}
}

static void an_empty_row_is_whole(void **state)
{
	struct buf b;
	struct wrap w;

	(void)state;
	buf_init(&b, 64);
	wraps_begin(&b);
	assert_int_equal(b.n, 4);
	assert_int_equal(wraps_find(b.p, b.n, HEALTH, 1, 0, &w), CV_ERR_NOTFOUND);
	buf_free(&b);
}

static int count_to_two(void *cookie, const struct wrap *w)
{
	unsigned *n = cookie;

	(void)w;
	return ++*n == 2 ? 77 : 0;
}

static int count_all(void *cookie, const struct wrap *w)
{
	(void)w;
	++*(unsigned *)cookie;
	return 0;
}

static void each_wrap_is_visited_until_told_to_stop(void **state)
{
	unsigned n = 0;

	(void)state;
	assert_int_equal(wraps_each(row, row_n, count_all, &n), 0);
	assert_int_equal(n, 3);
	n = 0;
	assert_int_equal(wraps_each(row, row_n, count_to_two, &n), 77);
	assert_int_equal(n, 2);
	assert_int_equal(wraps_each(row, row_n - 1, count_all, &n), CV_ERR_FORMAT);
}

static bool is_generation(void *cookie, const struct wrap *w)
{
	return w->generation == *(const uint32_t *)cookie;
}

static bool always(void *cookie, const struct wrap *w)
{
	(void)cookie;
	(void)w;
	return true;
}

static void copies_are_byte_for_byte_without_what_is_dropped(void **state)
{
	static const uint32_t generations[] = { GENERATION, 1, 0 };
	struct wrap w;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	buf_zero(&b, 3);	/* the row starts at an offset */
	wraps_begin(&b);
	assert_int_equal(wraps_copy(&b, 3, row, row_n, NULL, NULL), 0);
	assert_int_equal(b.n, 3 + row_n);
	assert_memory_equal(b.p + 3, row, row_n);
	for (size_t i = 0; i < 3; i++) {
		uint32_t gone = generations[i];

		buf_cut(&b, 3);
		wraps_begin(&b);
		assert_int_equal(wraps_copy(&b, 3, row, row_n, is_generation, &gone), 0);
		assert_int_equal(b.n, 3 + row_n - WRAP_ENTRY - (gone == 0 ? 58 : 0));
		for (size_t j = 0; j < 3; j++) {
			int r = wraps_find(b.p + 3, b.n - 3, HEALTH, generations[j], generations[j] == 0 ? DROP_VERSION : 0, &w);

			assert_int_equal(r, i == j ? CV_ERR_NOTFOUND : 0);
			if (r == 0)
				assert_memory_equal(w.nonce, generations[j] == 0 ? row + GROUP3 + 2 : row + GROUP2 + 2, 24);
		}
	}
	buf_cut(&b, 3);
	wraps_begin(&b);
	assert_int_equal(wraps_copy(&b, 3, row, row_n, always, NULL), 0);
	assert_int_equal(b.n, 7);
	assert_int_equal(be16_get(b.p + 5), 0);
	buf_free(&b);
}

static void a_failed_copy_leaves_the_row_as_it_was(void **state)
{
	uint8_t before[512];
	struct buf b;

	(void)state;
	buf_init(&b, 512);
	wraps_begin(&b);
	assert_int_equal(wraps_copy(&b, 0, row, row_n, NULL, NULL), 0);
	memcpy(before, b.p, b.n);
	assert_int_equal(wraps_copy(&b, 0, row, row_n - 1, NULL, NULL), CV_ERR_FORMAT);
	assert_int_equal(b.n, row_n);
	assert_memory_equal(b.p, before, row_n);
	assert_int_equal(wraps_copy(&b, 0, row, row_n, NULL, NULL), CV_ERR_NOMEM);
	assert_int_equal(b.n, row_n);
	assert_memory_equal(b.p, before, row_n);
	buf_free(&b);
}

/* Groups of 255 wraps each, generation by generation. */
static void grow(struct buf *b, unsigned wraps)
{
	static const uint8_t zeros[48];
	struct wrap w = { .class_key = HEALTH, .birth_epoch = 1, .wrapping_epoch = 1, .ciphertext = zeros };

	wraps_begin(b);
	while (wraps > 0) {
		unsigned n = wraps < 255 ? wraps : 255;

		wraps_group(b, WRAP_TYPE_CLASS, n, zeros, NULL);
		for (unsigned i = 0; i < n; i++) {
			w.generation++;
			wraps_put(b, &w);
		}
		wraps_group_added(b, 0);
		wraps -= n;
	}
}

static void a_row_has_at_most_so_many_wraps(void **state)
{
	struct wrap w;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	grow(&b, WRAPS_MAX);
	assert_true(buf_ok(&b));
	assert_int_equal(wraps_find(b.p, b.n, HEALTH, WRAPS_MAX, 0, &w), 0);
	buf_reset(&b);
	grow(&b, WRAPS_MAX + 1);
	assert_false(buf_ok(&b));
	assert_int_equal(wraps_find(b.p, b.n, HEALTH, 1, 0, &w), CV_ERR_FORMAT);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_give_the_known_answer),
		cmocka_unit_test(wraps_are_found_by_their_place),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(rows_that_break_a_rule_are_refused),
		cmocka_unit_test(a_group_is_of_as_many_classes_as_it_likes),
		cmocka_unit_test(an_empty_row_is_whole),
		cmocka_unit_test(each_wrap_is_visited_until_told_to_stop),
		cmocka_unit_test(copies_are_byte_for_byte_without_what_is_dropped),
		cmocka_unit_test(a_failed_copy_leaves_the_row_as_it_was),
		cmocka_unit_test(a_row_has_at_most_so_many_wraps),
	};
	return cmocka_run_group_tests(tests, load, NULL);
}

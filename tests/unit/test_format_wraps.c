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

#define GROUP1 3u			/* offsets in keys_stored: derived, (HEALTH, 1) and (IDENTITY, FAR) */
#define ENTRY_A (GROUP1 + 2)
#define ENTRY_B (ENTRY_A + 21)
#define GROUP2 (ENTRY_B + 22)		/* wrapped, (HEALTH, GENERATION) */
#define ENTRY_C (GROUP2 + 26)
#define GROUP3 (ENTRY_C + 54)		/* public, HEALTH's drop */
#define ENTRY_D (GROUP3 + 34)
#define ENTRIES 4u

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
	struct wrap w = { .type = WRAP_TYPE_DERIVED, .class_key = HEALTH, .generation = 1, .birth_epoch = EPOCH,
		.salt = row + ENTRY_A + 5 };
	struct buf b;

	(void)state;
	assert_int_equal(row_n, ENTRY_D + 21);
	buf_init(&b, 4096);
	wraps_begin(&b);
	wraps_group(&b, WRAP_TYPE_DERIVED, 2, NULL, NULL);
	wraps_put(&b, &w);
	w = (struct wrap){ .type = WRAP_TYPE_DERIVED, .class_key = IDENTITY, .generation = FAR, .birth_epoch = 1,
		.salt = row + ENTRY_B + 6 };
	wraps_put(&b, &w);
	wraps_group_added(&b, 0);
	wraps_group(&b, WRAP_TYPE_CLASS, 1, row + GROUP2 + 2, NULL);
	w = (struct wrap){ .type = WRAP_TYPE_CLASS, .class_key = HEALTH, .generation = GENERATION, .birth_epoch = BIRTH,
		.wrapping_epoch = EPOCH, .ciphertext = row + ENTRY_C + 6 };
	wraps_put(&b, &w);
	wraps_group_added(&b, 0);
	wraps_group(&b, WRAP_TYPE_PUBLIC, 1, NULL, row + GROUP3 + 2);
	w = (struct wrap){ .type = WRAP_TYPE_PUBLIC, .class_key = HEALTH, .birth_epoch = EPOCH, .drop_version = DROP_VERSION,
		.salt = row + ENTRY_D + 5 };
	wraps_put(&b, &w);
	wraps_group_added(&b, 0);
	assert_true(buf_ok(&b));
	assert_int_equal(b.n, row_n);
	assert_memory_equal(b.p, row, row_n);
	buf_free(&b);
}

static void entries_are_found_by_their_place(void **state)
{
	struct wrap w, was = { .type = 99 };

	(void)state;
	assert_int_equal(wraps_find(row, row_n, HEALTH, 1, 0, &w), 0);
	assert_true(w.type == WRAP_TYPE_DERIVED && w.birth_epoch == EPOCH && w.wrapping_epoch == EPOCH);
	assert_true(w.nonce == NULL && w.epk == NULL && w.ciphertext == NULL);
	assert_ptr_equal(w.group, row + GROUP1);
	assert_ptr_equal(w.salt, row + ENTRY_A + 5);
	assert_int_equal(wraps_find(row, row_n, IDENTITY, FAR, 0, &w), 0);
	assert_ptr_equal(w.salt, row + ENTRY_B + 6);
	assert_int_equal(wraps_find(row, row_n, HEALTH, GENERATION, 0, &w), 0);
	assert_true(w.type == WRAP_TYPE_CLASS && w.birth_epoch == BIRTH && w.wrapping_epoch == EPOCH && w.epk == NULL && w.salt == NULL);
	assert_ptr_equal(w.nonce, row + GROUP2 + 2);
	assert_ptr_equal(w.ciphertext, row + ENTRY_C + 6);
	assert_int_equal(wraps_find(row, row_n, HEALTH, 0, DROP_VERSION, &w), 0);
	assert_true(w.type == WRAP_TYPE_PUBLIC && w.drop_version == DROP_VERSION && w.generation == 0 && w.wrapping_epoch == EPOCH);
	assert_true(w.nonce == NULL && w.ciphertext == NULL);
	assert_ptr_equal(w.epk, row + GROUP3 + 2);
	assert_ptr_equal(w.salt, row + ENTRY_D + 5);
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
		{ 0, 1 }, { 1, 2 }, { 2, 0 }, { 2, 2 }, { 2, 4 }, { 2, 0x83 },
		{ GROUP1, 0 }, { GROUP1, 2 }, { GROUP1, 3 }, { GROUP1, 4 }, { GROUP1 + 1, 0 }, { GROUP1 + 1, 1 }, { GROUP1 + 1, 3 },
		{ ENTRY_A + 1, 0 },			/* class 0 */
		{ ENTRY_A + 2, 0 },			/* a row of generation 0 */
		{ ENTRY_A + 3, 0 },			/* birth epoch 0 */
		{ ENTRY_A + 4, 1 },			/* a drop with a generation */
		{ ENTRY_B + 3, 0 }, { ENTRY_B + 3, 0x82 },	/* FAR spelt otherwise */
		{ GROUP2, 1 }, { GROUP2, 3 },
		{ ENTRY_C + 2, 1 },			/* two entries for one place */
		{ ENTRY_C + 3, 0 }, { ENTRY_C + 4, 1 },
		{ GROUP3, 1 }, { GROUP3, 2 },
		{ ENTRY_D + 2, 1 }, { ENTRY_D + 3, 0 }, { ENTRY_D + 4, 0 },
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

/* The difference of epochs passes no u32. */
static void a_wrapping_epoch_fits_its_number(void **state)
{
	uint8_t p[SAMPLE_MAX];
	struct wrap w;

	(void)state;
	memcpy(p, row, ENTRY_C + 5);
	memcpy(p + ENTRY_C + 5, (const uint8_t[]){ 0xFC, 0xFF, 0xFF, 0xFF, 0x0F }, 5);
	memcpy(p + ENTRY_C + 10, row + ENTRY_C + 6, row_n - ENTRY_C - 6);
	assert_int_equal(wraps_find(p, row_n + 4, HEALTH, GENERATION, 0, &w), 0);
	assert_int_equal(w.wrapping_epoch, UINT32_MAX);
	p[ENTRY_C + 5] = 0xFD;
	assert_int_equal(wraps_find(p, row_n + 4, HEALTH, GENERATION, 0, &w), CV_ERR_FORMAT);
}

static void a_group_is_of_as_many_classes_as_it_likes(void **state)
{
	struct wrap w;
	struct buf b;

	(void)state;
	for (uint8_t type = WRAP_TYPE_DERIVED; type <= WRAP_TYPE_PUBLIC; type++) {
		struct wrap in = { .type = type, .class_key = HEALTH, .generation = 1, .birth_epoch = 1, .wrapping_epoch = 1, .salt = row,
			.ciphertext = row };

		buf_init(&b, 4096);
		wraps_begin(&b);
		wraps_group(&b, type, 2, row, row);
		wraps_put(&b, &in);
		in.class_key = IDENTITY;
		wraps_put(&b, &in);
		wraps_group_added(&b, 0);
		assert_int_equal(wraps_find(b.p, b.n, IDENTITY, 1, 0, &w), 0);
		assert_int_equal(w.type, type);
		assert_int_equal(wraps_find(b.p, b.n, HEALTH, 1, 0, &w), 0);
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
	assert_int_equal(b.n, 3);
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

static void each_entry_is_visited_until_told_to_stop(void **state)
{
	unsigned n = 0;

	(void)state;
	assert_int_equal(wraps_each(row, row_n, count_all, &n), 0);
	assert_int_equal(n, ENTRIES);
	n = 0;
	assert_int_equal(wraps_each(row, row_n, count_to_two, &n), 77);
	assert_int_equal(n, 2);
	assert_int_equal(wraps_each(row, row_n - 1, count_all, &n), CV_ERR_FORMAT);
}

/* The entries of keys_stored in their order, and what each takes. */
static const struct { uint32_t class_key, generation, drop_version; size_t n; } places[ENTRIES] = {
	{ HEALTH, 1, 0, 21 }, { IDENTITY, FAR, 0, 22 }, { HEALTH, GENERATION, 0, 54 + 26 }, { HEALTH, 0, DROP_VERSION, 21 + 34 },
};

static bool is_place(void *cookie, const struct wrap *w)
{
	size_t i = *(const size_t *)cookie;

	return w->class_key == places[i].class_key && w->generation == places[i].generation && w->drop_version == places[i].drop_version;
}

static bool always(void *cookie, const struct wrap *w)
{
	(void)cookie;
	(void)w;
	return true;
}

static void copies_are_byte_for_byte_without_what_is_dropped(void **state)
{
	struct wrap w, old;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	buf_zero(&b, 3);	/* the row starts at an offset */
	wraps_begin(&b);
	assert_int_equal(wraps_copy(&b, 3, row, row_n, NULL, NULL), 0);
	assert_int_equal(b.n, 3 + row_n);
	assert_memory_equal(b.p + 3, row, row_n);
	for (size_t gone = 0; gone < ENTRIES; gone++) {
		buf_cut(&b, 3);
		wraps_begin(&b);
		assert_int_equal(wraps_copy(&b, 3, row, row_n, is_place, &gone), 0);
		assert_int_equal(b.n, 3 + row_n - places[gone].n);
		for (size_t j = 0; j < ENTRIES; j++) {
			int r = wraps_find(b.p + 3, b.n - 3, places[j].class_key, places[j].generation, places[j].drop_version, &w);

			assert_int_equal(r, gone == j ? CV_ERR_NOTFOUND : 0);
			if (r != 0)
				continue;
			r = wraps_find(row, row_n, places[j].class_key, places[j].generation, places[j].drop_version, &old);
			assert_int_equal(r, 0);
			assert_int_equal(w.type, old.type);
			if (w.type == WRAP_TYPE_CLASS)
				assert_memory_equal(w.nonce, old.nonce, 24);
			else
				assert_memory_equal(w.salt, old.salt, WRAP_SALT);
		}
	}
	buf_cut(&b, 3);
	wraps_begin(&b);
	assert_int_equal(wraps_copy(&b, 3, row, row_n, always, NULL), 0);
	assert_int_equal(b.n, 6);
	assert_int_equal(b.p[5], 0);
	buf_free(&b);
}

static void a_failed_copy_leaves_the_row_as_it_was(void **state)
{
	uint8_t before[512];
	struct buf b;

	(void)state;
	buf_init(&b, 300);
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

/* Groups of so many entries each, generation by generation. */
static void grow(struct buf *b, unsigned entries, unsigned each)
{
	static const uint8_t zeros[24];
	struct wrap w = { .type = WRAP_TYPE_DERIVED, .class_key = HEALTH, .birth_epoch = 1, .wrapping_epoch = 1, .salt = zeros };

	wraps_begin(b);
	while (entries > 0) {
		unsigned n = entries < each ? entries : each;

		wraps_group(b, WRAP_TYPE_DERIVED, n, zeros, NULL);
		for (unsigned i = 0; i < n; i++) {
			w.generation++;
			wraps_put(b, &w);
		}
		wraps_group_added(b, 0);
		entries -= n;
	}
}

static void a_row_has_at_most_so_many_entries(void **state)
{
	static const unsigned each[] = { 255, 1 };
	struct wrap w;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < 2; i++) {
		buf_reset(&b);
		grow(&b, WRAPS_MAX, each[i]);
		assert_true(buf_ok(&b));
		assert_int_equal(wraps_find(b.p, b.n, HEALTH, WRAPS_MAX, 0, &w), 0);
		buf_reset(&b);
		grow(&b, WRAPS_MAX + 1, each[i]);
		assert_false(buf_ok(&b));
		assert_int_equal(wraps_find(b.p, b.n, HEALTH, 1, 0, &w), CV_ERR_FORMAT);
	}
	buf_free(&b);
}

/* The count of groups takes a second byte from 128 on: what stands behind it moves, one by one or by a copy. */
static void the_count_of_groups_makes_room_for_itself(void **state)
{
	struct buf one, b;
	unsigned n = 0;

	(void)state;
	buf_init(&one, 1 << 16);
	buf_init(&b, 1 << 16);
	for (unsigned groups = 126; groups <= 130; groups++) {
		buf_reset(&one);
		buf_reset(&b);
		grow(&one, groups, 1);
		assert_true(buf_ok(&one));
		assert_int_equal(one.n, 2u + (groups < 128 ? 1u : 2u) + groups * 23 + (groups > 127 ? groups - 127 : 0));
		n = 0;
		assert_int_equal(wraps_each(one.p, one.n, count_all, &n), 0);
		assert_int_equal(n, groups);
		buf_u8(&b, 9);
		wraps_begin(&b);
		assert_int_equal(wraps_copy(&b, 1, one.p, one.n, NULL, NULL), 0);
		assert_int_equal(b.n, 1 + one.n);
		assert_memory_equal(b.p + 1, one.p, one.n);
	}
	buf_free(&one);
	buf_free(&b);
}

/* What was written before format 2. */
static void rows_of_format_1_are_refused(void **state)
{
	static const uint8_t empty[4] = { 1, 1, 0, 0 };
	unsigned n = 0;

	(void)state;
	assert_int_equal(wraps_each(empty, sizeof(empty), count_all, &n), CV_ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_give_the_known_answer),
		cmocka_unit_test(entries_are_found_by_their_place),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(rows_that_break_a_rule_are_refused),
		cmocka_unit_test(a_wrapping_epoch_fits_its_number),
		cmocka_unit_test(a_group_is_of_as_many_classes_as_it_likes),
		cmocka_unit_test(an_empty_row_is_whole),
		cmocka_unit_test(each_entry_is_visited_until_told_to_stop),
		cmocka_unit_test(copies_are_byte_for_byte_without_what_is_dropped),
		cmocka_unit_test(a_failed_copy_leaves_the_row_as_it_was),
		cmocka_unit_test(a_row_has_at_most_so_many_entries),
		cmocka_unit_test(the_count_of_groups_makes_room_for_itself),
		cmocka_unit_test(rows_of_format_1_are_refused),
	};
	return cmocka_run_group_tests(tests, load, NULL);
}

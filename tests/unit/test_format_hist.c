/* format: what a change of a record wrote, FORMAT.md 4.6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/hist.h"
#include "record_samples.h"

static struct buf b;	/* where tests encode to */

static int begin(void **state)
{
	(void)state;
	buf_init(&b, SAMPLE_MAX);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_free(&b);
	return 0;
}

static void values_give_the_known_answer(void **state)
{
	uint8_t want[SAMPLE_MAX], row[SAMPLE_MAX], drop[SAMPLE_MAX], nonce[ROW_NONCE];
	size_t row_n = sample("row_stored", row), drop_n = sample("hist_drop", drop), n = sample("hist_value", want);

	(void)state;
	run(nonce, 0x55, ROW_NONCE);
	hist_begin(&b, nonce);
	hist_put(&b, &(struct hist_row){ IDENTITY, HIST_ROW, FAR, 70000, (const uint8_t *)"row", 3 });
	hist_put(&b, &(struct hist_row){ HEALTH, HIST_DROP, GENERATION, DROP_VERSION, drop, drop_n });
	hist_put(&b, &(struct hist_row){ HEALTH, HIST_ROW, GENERATION, ROW_VERSION, row, row_n });
	assert_true(buf_ok(&b));
	assert_int_equal(b.n, n);
	assert_memory_equal(b.p, want, n);
}

static void rows_come_back_in_their_order(void **state)
{
	static const struct hist_row of[] = {
		{ IDENTITY, HIST_ROW, FAR, 70000, NULL, 3 }, { HEALTH, HIST_DROP, GENERATION, DROP_VERSION, NULL, 0 },
		{ HEALTH, HIST_ROW, GENERATION, ROW_VERSION, NULL, 0 },
	};
	uint8_t p[SAMPLE_MAX], stored[SAMPLE_MAX];
	size_t n = sample("hist_value", p);
	struct hist_walk walk;
	struct hist_row x;

	(void)state;
	assert_int_equal(hist_open(p, n, &walk), 0);
	assert_ptr_equal(walk.nonce, p + 2);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(hist_next(&walk, &x), 1);
		assert_true(x.class_key == of[i].class_key && x.what == of[i].what);
		assert_true(x.generation == of[i].generation && x.version == of[i].version);
		if (i == 0)
			assert_memory_equal(x.p, "row", x.n);
		else
			assert_int_equal(x.n, sample(i == 1 ? "hist_drop" : "row_stored", stored));
		if (i > 0)
			assert_memory_equal(x.p, stored, x.n);
	}
	assert_int_equal(hist_next(&walk, &x), 0);
	assert_int_equal(hist_find(p, n, HEALTH, &x), 0);
	assert_true(x.what == HIST_ROW && x.version == ROW_VERSION);
	assert_int_equal(hist_find(p, n, IDENTITY, &x), 0);
	assert_int_equal(hist_find(p, n, NOTES, &x), CV_ERR_NOTFOUND);
}

/* How far a value is walked: CV_ERR_FORMAT, or how many rows it has. */
static int rows(const uint8_t *p, size_t n)
{
	struct hist_walk walk;
	struct hist_row x;
	int r, count = 0;

	if ((r = hist_open(p, n, &walk)) != 0)
		return r;
	while ((r = hist_next(&walk, &x)) == 1) {
		assert_true(x.p >= p && x.p + x.n <= p + n);
		count++;
	}
	return r != 0 ? r : count;
}

static void every_cut_but_those_between_rows_is_refused(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("hist_value", p), whole = 0;

	(void)state;
	assert_int_equal(rows(p, n), 3);
	for (size_t i = 0; i < n; i++) {
		int r = rows(p, i);

		whole += r > 0;
		assert_true(r == CV_ERR_FORMAT || r == (int)whole);
	}
	assert_int_equal(whole, 2);	/* the digest over all of it tells these */
}

static void unknown_bytes_are_refused(void **state)
{
	static const struct { uint8_t at, byte; } bad[] = {
		{ 0, 0 }, { 0, 2 }, { 1, 2 },
		{ 26 + 1, 0 },			/* class 0 */
		{ 26 + 2, 0 }, { 26 + 2, 3 },	/* neither row nor drop */
		{ 26 + 4, 0x80 },		/* a number that does not end */
		{ 26 + 8, 127 },		/* longer than what is there, which then begins elsewhere */
	};
	uint8_t p[SAMPLE_MAX], was;
	size_t n = sample("hist_value", p);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		was = p[bad[i].at];
		p[bad[i].at] = bad[i].byte;
		if (rows(p, n) != CV_ERR_FORMAT)
			fail_msg("byte %u may be %u", bad[i].at, bad[i].byte);
		p[bad[i].at] = was;
	}
	for (unsigned i = 0; i < 2; i++) {	/* generation 0, version 0 */
		uint8_t q[] = { 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 1, 1, 0 };

		assert_int_equal(rows(q, sizeof(q)), 1);
		q[29 + i] = 0;
		assert_int_equal(rows(q, sizeof(q)), CV_ERR_FORMAT);
	}
}

static void keys_are_as_written_down_and_sort_the_newest_change_first(void **state)
{
	uint8_t want[SAMPLE_MAX], key[HIST_KEY], other[HIST_KEY];

	(void)state;
	assert_int_equal(sample("hist_key", want), HIST_KEY);
	hist_key(0x010203040506, 6, key);
	assert_memory_equal(key, want, HIST_KEY);
	assert_int_equal(hist_change(key), 6);
	hist_key(0x010203040506, 7, other);
	assert_true(memcmp(other, key, HIST_KEY) < 0);
	hist_key(0x010203040507, 7, other);
	assert_true(memcmp(other, key, HIST_KEY) > 0);
}

#define WITH_BUF(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BUF(values_give_the_known_answer),
		cmocka_unit_test(rows_come_back_in_their_order),
		cmocka_unit_test(every_cut_but_those_between_rows_is_refused),
		cmocka_unit_test(unknown_bytes_are_refused),
		cmocka_unit_test(keys_are_as_written_down_and_sort_the_newest_change_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

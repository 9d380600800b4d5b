/* Counters of failed openings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "keys/failures.h"

#define T0 5000u	/* seconds */

static struct failures *f;

static int up(void **state)
{
	(void)state;
	return failures_new(&f);
}

static int down(void **state)
{
	(void)state;
	failures_free(f);
	return 0;
}

static void id_of(uint64_t n, uint8_t ret[16])
{
	be64_put(ret, 0x6964);
	be64_put(ret + 8, n);
}

static void tenth_failure_closes_an_id_for_a_window(void **state)
{
	uint8_t id[16];

	(void)state;
	id_of(1, id);
	for (uint32_t i = 0; i < FAILURES_MAX; i++) {
		assert_false(failures_limited(f, 7, id, T0 + i * 60));
		failures_add(f, 7, id, T0 + i * 60);
	}
	assert_true(failures_limited(f, 7, id, T0 + 540));
	/* The first ones have aged away, and it stays closed until the last has. */
	assert_true(failures_limited(f, 7, id, T0 + 540 + FAILURES_WINDOW_S - 1));
	assert_false(failures_limited(f, 7, id, T0 + 540 + FAILURES_WINDOW_S));
	for (uint32_t i = 0; i < FAILURES_MAX - 1; i++)
		failures_add(f, 7, id, T0 + 540 + FAILURES_WINDOW_S);
	assert_false(failures_limited(f, 7, id, T0 + 540 + FAILURES_WINDOW_S));
}

static void another_uid_is_not_closed_by_it(void **state)
{
	uint8_t id[16];

	(void)state;
	id_of(1, id);
	for (uint32_t i = 0; i < FAILURES_MAX; i++)
		failures_add(f, 7, id, T0);
	assert_true(failures_limited(f, 7, id, T0));
	assert_false(failures_limited(f, 8, id, T0));
}

static void slow_failures_never_close_an_id(void **state)
{
	uint8_t id[16];

	(void)state;
	id_of(1, id);
	for (uint32_t at = T0; at < T0 + 3 * 65536; at += FAILURES_WINDOW_S / (FAILURES_MAX - 1) + 1) {
		assert_false(failures_limited(f, 7, id, at));
		failures_add(f, 7, id, at);
	}
}

/* 65,536 seconds are what the stored halves of times can tell apart. */
static void failures_of_a_day_before_do_not_count_again(void **state)
{
	uint8_t id[16];

	(void)state;
	id_of(1, id);
	for (uint32_t i = 0; i < FAILURES_MAX; i++)
		failures_add(f, 7, id, T0);
	for (uint32_t at = T0 + 65536 - FAILURES_WINDOW_S; at < T0 + 65536 + FAILURES_WINDOW_S; at++)
		assert_false(failures_limited(f, 7, id, at));
}

static void refund_takes_back_the_one_of_its_time(void **state)
{
	uint8_t id[16];

	(void)state;
	id_of(1, id);
	for (uint32_t i = 0; i < FAILURES_MAX; i++)
		failures_add(f, 7, id, T0 + i);
	failures_refund(f, 7, id, T0 + 70, T0 + 70);
	assert_true(failures_limited(f, 7, id, T0 + 70));
	failures_refund(f, 7, id, T0 + FAILURES_MAX - 1, T0 + 70);
	assert_false(failures_limited(f, 7, id, T0 + 70));
	failures_add(f, 7, id, T0 + 70);
	assert_true(failures_limited(f, 7, id, T0 + 70));
	/* Of a window before: nothing is left to take back. */
	failures_refund(f, 7, id, T0 + 70, T0 + 70 + FAILURES_WINDOW_S);
	assert_false(failures_limited(f, 7, id, T0 + 70 + FAILURES_WINDOW_S));
}

/* As many as core can answer in a window: whoever floods it must not close the ids of the others. */
static void flood_of_other_ids_closes_hardly_any(void **state)
{
	unsigned closed = 0;
	uint8_t id[16];

	(void)state;
	for (uint64_t i = 0; i < 2400000; i++) {
		uint32_t now_s = T0 + (uint32_t)(i / 4000);

		id_of(i, id);
		if (!failures_limited(f, 7, id, now_s))
			failures_add(f, 7, id, now_s);
	}
	for (uint64_t i = 0; i < 10000; i++) {
		id_of(1ull << 40 | i, id);
		closed += failures_limited(f, 7, id, T0 + 600);
	}
	assert_in_range(closed, 0, 20);
}

static int start(void **state)
{
	(void)state;
	return crypto_start();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tenth_failure_closes_an_id_for_a_window, up, down),
		cmocka_unit_test_setup_teardown(another_uid_is_not_closed_by_it, up, down),
		cmocka_unit_test_setup_teardown(slow_failures_never_close_an_id, up, down),
		cmocka_unit_test_setup_teardown(failures_of_a_day_before_do_not_count_again, up, down),
		cmocka_unit_test_setup_teardown(refund_takes_back_the_one_of_its_time, up, down),
		cmocka_unit_test_setup_teardown(flood_of_other_ids_closes_hardly_any, up, down),
	};

	return cmocka_run_group_tests_name("keys failures", tests, start, NULL);
}

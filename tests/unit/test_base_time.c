/* base: clock and operational log. */
#include <errno.h>
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

#include "base/clock.h"
#include "base/log.h"

static void days_and_dates_are_inverse_over_eight_centuries(void **state)
{
	static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int32_t day_number = clock_days(1600, 1, 1);
	unsigned month, day;
	int year;

	(void)state;
	for (int y = 1600; y < 2400; y++) {
		bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

		for (unsigned m = 1; m <= 12; m++) {
			unsigned last = lengths[m - 1] + (m == 2 && leap ? 1 : 0);

			for (unsigned d = 1; d <= last; d++, day_number++) {
				assert_int_equal(clock_days(y, m, d), day_number);
				clock_date(day_number, &year, &month, &day);
				assert_true(year == y && month == m && day == d);
			}
		}
	}
}

static void known_days(void **state)
{
	unsigned month, day;
	int year;

	(void)state;
	assert_int_equal(clock_days(1970, 1, 1), 0);
	assert_int_equal(clock_days(1969, 12, 31), -1);
	assert_int_equal(clock_days(2000, 2, 29), 11016);
	assert_int_equal(clock_days(2026, 11, 24), 20781);
	assert_int_equal(clock_days(1, 1, 1), -719162);
	assert_int_equal(clock_days(-1, 12, 31), clock_days(0, 1, 1) - 1);
	clock_date(-719162, &year, &month, &day);
	assert_true(year == 1 && month == 1 && day == 1);
	clock_date(clock_days(-400, 2, 29), &year, &month, &day);
	assert_true(year == -400 && month == 2 && day == 29);
}

static void times_are_written_as_rfc3339(void **state)
{
	char s[25];

	(void)state;
	clock_rfc3339(0, s);
	assert_string_equal(s, "1970-01-01T00:00:00.000Z");
	clock_rfc3339(UINT64_C(1795562233123), s);
	assert_string_equal(s, "2026-11-24T23:17:13.123Z");
	clock_rfc3339(UINT64_C(253402300799999), s);
	assert_string_equal(s, "9999-12-31T23:59:59.999Z");
	clock_rfc3339(UINT64_MAX, s);
	assert_string_equal(s, "9999-12-31T23:59:59.999Z");
}

static void moments_are_read_in_one_spelling(void **state)
{
	static const char *const bad[] = { "", "2026", "2026-11-2", "2026-11-255", "2026-13-01", "2026-00-01", "2026-02-29",
		"2026-04-31", "1969-12-31",
		"2026-11-25T08:00Z", "2026-11-25T24:00:00Z", "2026-11-25T08:60:00Z", "2026-11-25T08:00:60Z", "2026-11-25T08:00:00",
		"2026-11-25T08:00:00+", "2026-11-25 08:00:00Z", "2026-11-25T08:00:00.12Z", "2026-11-25T08:00:00.12xZ", "+026-11-25" };
	char text[25];
	uint64_t ms;

	(void)state;
	for (uint64_t want = 0; want < 250000000000000; want += 1234567890123) {
		clock_rfc3339(want, text);
		assert_true(clock_parse(text, 24, true, &ms) && ms == want);
	}
	assert_true(clock_parse("2026-11-25", 10, false, &ms) && ms == 1795564800000);
	assert_true(clock_parse("2026-11-25", 10, true, &ms) && ms == 1795564800000 + 86400000);
	assert_true(clock_parse("2028-02-29T23:59:59Z", 20, true, &ms) && ms == 1835481599000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(clock_parse(bad[i], strlen(bad[i]), false, &ms));
}

static void clocks_run(void **state)
{
	uint64_t start = clock_mono_ms(), now;

	(void)state;
	assert_true(clock_wall_ms() > UINT64_C(1700000000000));
	do {
		now = clock_mono_ms();
		assert_true(now >= start);
	} while (now == start);
}

/* ---- log ------------------------------------------------------------------------------------------------------- */

static int saved_stderr = -1;
static FILE *taken;

/* Send standard error to a file until released. */
static void take_stderr(void)
{
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	taken = tmpfile();
	assert_non_null(taken);
	assert_true(dup2(fileno(taken), STDERR_FILENO) >= 0);
}

/* Give standard error back; what was written is put to text, NUL-terminated. */
static void release_stderr(char *text, size_t size)
{
	ssize_t n;

	assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
	close(saved_stderr);
	n = pread(fileno(taken), text, size - 1, 0);
	fclose(taken);
	assert_true(n >= 0);
	text[n] = '\0';
}

static size_t lines_in(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void spend_second(void)
{
	uint64_t start = clock_mono_ms();

	while (clock_mono_ms() - start <= 1000)
		usleep(10000);
}

static void line_names_its_process(void **state)
{
	char text[4096];

	(void)state;
	unsetenv("INVOCATION_ID");
	log_init("core", LOG_LEVEL_INFO);
	take_stderr();
	errno = ENOENT;
	log_error("turn %d failed: %s", 7, "io");
	log_line(LOG_LEVEL_DEBUG, "not written");
	assert_int_equal(errno, ENOENT);
	release_stderr(text, sizeof(text));
	assert_string_equal(text, "core: turn 7 failed: io\n");
}

static void systemd_gets_priorities(void **state)
{
	char text[4096];

	(void)state;
	setenv("INVOCATION_ID", "0123456789abcdef", 1);
	log_init("front", LOG_LEVEL_DEBUG);
	take_stderr();
	log_error("e");
	log_warn("w");
	log_info("i");
	log_line(LOG_LEVEL_DEBUG, "d");
	release_stderr(text, sizeof(text));
	unsetenv("INVOCATION_ID");
	assert_string_equal(text, "<3>front: e\n<4>front: w\n<6>front: i\n<7>front: d\n");
}

static void no_text_forges_a_line(void **state)
{
	char big[2000], text[4096];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_init("core", LOG_LEVEL_INFO);
	take_stderr();
	log_info("path %s end", "a\n<0>core: forged\r\x1b[2J");
	log_info("%s", big);
	release_stderr(text, sizeof(text));
	assert_int_equal(lines_in(text), 2);
	assert_non_null(strstr(text, "path a?<0>core: forged??[2J end\n"));
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_true(strlen(strchr(text, '\n') + 1) < 513);
}

static void flood_is_cut_and_counted(void **state)
{
	char text[8192];

	(void)state;
	log_init("core", LOG_LEVEL_INFO);
	spend_second();
	take_stderr();
	for (int i = 0; i < 50; i++)
		log_info("flood %d", i);
	spend_second();
	log_info("after");
	release_stderr(text, sizeof(text));
	assert_int_equal(lines_in(text), 22);
	assert_non_null(strstr(text, "core: flood 19\ncore: 30 lines left out\ncore: after\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_and_dates_are_inverse_over_eight_centuries),
		cmocka_unit_test(known_days),
		cmocka_unit_test(times_are_written_as_rfc3339),
		cmocka_unit_test(moments_are_read_in_one_spelling),
		cmocka_unit_test(clocks_run),
		cmocka_unit_test(line_names_its_process),
		cmocka_unit_test(systemd_gets_priorities),
		cmocka_unit_test(no_text_forges_a_line),
		cmocka_unit_test(flood_is_cut_and_counted),
	};

	return cmocka_run_group_tests_name("base_time", tests, NULL, NULL);
}

/* base: error texts, byte order, cursors, buffers. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

static void every_code_has_its_own_text(void **state)
{
	(void)state;
	for (int a = CV_OK; a >= CV_ERR_BUSY; a--) {
		assert_string_not_equal(cv_strerror(a), "unknown error");
		for (int b = CV_OK; b > a; b--)
			assert_string_not_equal(cv_strerror(a), cv_strerror(b));
	}
}

static void other_codes_are_unknown(void **state)
{
	const int codes[] = { 1, INT_MAX, CV_ERR_BUSY - 1, INT_MIN };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_string_equal(cv_strerror(codes[i]), "unknown error");
}

static void integers_are_big_endian(void **state)
{
	static const uint8_t want[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t p[8];

	(void)state;
	be16_put(p, 0x0102);
	assert_memory_equal(p, want, 2);
	be32_put(p, 0x01020304);
	assert_memory_equal(p, want, 4);
	be48_put(p, 0x010203040506);
	assert_memory_equal(p, want, 6);
	be64_put(p, 0x0102030405060708);
	assert_memory_equal(p, want, 8);
	assert_int_equal(be16_get(want), 0x0102);
	assert_int_equal(be32_get(want), 0x01020304);
	assert_true(be48_get(want) == 0x010203040506);
	assert_true(be64_get(want) == 0x0102030405060708);
	memset(p, 0xff, sizeof(p));
	assert_int_equal(be16_get(p), UINT16_MAX);
	assert_true(be32_get(p) == UINT32_MAX && be48_get(p) == (UINT64_C(1) << 48) - 1 && be64_get(p) == UINT64_MAX);
}

static void cursor_reads_what_buffer_wrote(void **state)
{
	struct buf b;
	struct rd r;
	uint8_t copy[3];

	(void)state;
	buf_init(&b, 1000);
	buf_u8(&b, 0x12);
	buf_u16(&b, 0x1234);
	buf_u32(&b, 0x12345678);
	buf_u48(&b, 0x123456789abc);
	buf_u64(&b, 0x123456789abcdef0);
	buf_put(&b, "abc", 3);
	buf_text(&b, "de");
	buf_zero(&b, 2);
	assert_true(buf_ok(&b));
	r = rd_over(b.p, b.n);
	assert_int_equal(rd_left(&r), 28);
	assert_int_equal(rd_u8(&r), 0x12);
	assert_int_equal(rd_u16(&r), 0x1234);
	assert_int_equal(rd_u32(&r), 0x12345678);
	assert_true(rd_u48(&r) == 0x123456789abc);
	assert_true(rd_u64(&r) == 0x123456789abcdef0);
	rd_copy(&r, copy, 3);
	assert_memory_equal(copy, "abc", 3);
	assert_memory_equal(rd_take(&r, 4), "de\0\0", 4);
	assert_true(rd_done(&r));
	buf_free(&b);
}

static void cursor_error_is_sticky(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	uint8_t copy[2] = { 9, 9 };
	struct rd r = rd_over(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(rd_u8(&r), 1);
	assert_false(rd_done(&r));
	assert_int_equal(rd_u32(&r), 0);
	assert_false(rd_ok(&r));
	assert_int_equal(rd_u8(&r), 0);
	assert_null(rd_take(&r, 0));
	rd_copy(&r, copy, 2);
	assert_int_equal(copy[0] | copy[1], 0);
	assert_int_equal(rd_left(&r), 0);
	assert_false(rd_done(&r));
}

static void taking_nothing_at_the_end_is_no_error(void **state)
{
	static const uint8_t bytes[] = { 1 };
	struct rd r = rd_over(bytes, 1);

	(void)state;
	assert_non_null(rd_take(&r, 1));
	assert_non_null(rd_take(&r, 0));
	assert_true(rd_done(&r));
}

static void buffer_keeps_bytes_over_growth(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	for (unsigned i = 0; i < 50000; i++)
		buf_u16(&b, (uint16_t)i);
	assert_true(buf_ok(&b));
	assert_int_equal(b.n, 100000);
	assert_true(b.cap <= b.max);
	for (unsigned i = 0; i < 50000; i++)
		assert_int_equal(be16_get(b.p + 2 * (size_t)i), (uint16_t)i);
	buf_free(&b);
}

static void buffer_stops_at_max_and_stays_stopped(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_zero(&b, 10);
	assert_true(buf_ok(&b));
	assert_int_equal(b.cap, 10);
	buf_put(&b, "", 0);
	assert_true(buf_ok(&b));
	buf_u8(&b, 1);
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 10);
	buf_cut(&b, 0);
	buf_u8(&b, 1);
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 0);
	assert_int_equal(buf_reserve(&b, 0), CV_ERR_LIMIT);
	assert_null(buf_add(&b, 1));
	buf_reset(&b);
	buf_u8(&b, 1);
	assert_true(buf_ok(&b));
	buf_free(&b);
}

static void huge_lengths_do_not_wrap(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	buf_u8(&b, 1);
	assert_null(buf_add(&b, SIZE_MAX));
	assert_false(buf_ok(&b));
	buf_free(&b);
}

/* Read by the address sanitizer, which otherwise ends the process at the first allocation that cannot be had. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void want_of_memory_is_reported(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX / 2);
	assert_int_equal(buf_reserve(&b, SIZE_MAX / 4), CV_ERR_NOMEM);
	assert_false(buf_ok(&b));
	buf_free(&b);
}

static void reserved_bytes_do_not_move(void **state)
{
	struct buf b;
	uint8_t *p;

	(void)state;
	buf_init(&b, 5000);
	assert_int_equal(buf_reserve(&b, 4000), 0);
	p = b.p;
	buf_zero(&b, 4000);
	assert_ptr_equal(b.p, p);
	buf_free(&b);
}

static void reset_and_cut_wipe(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_text(&b, "secret");
	buf_cut(&b, 2);
	assert_memory_equal(b.p, "se\0\0\0\0", 6);
	buf_reset(&b);
	assert_int_equal(b.n, 0);
	assert_memory_equal(b.p, "\0\0\0\0\0\0", 6);
	buf_free(&b);
}

static void free_accepts_null_and_leaves_a_usable_buffer(void **state)
{
	struct buf b;

	(void)state;
	buf_free(NULL);
	buf_init(&b, 4);
	buf_free(&b);
	buf_text(&b, "ab");
	buf_free(&b);
	assert_null(b.p);
	assert_int_equal(b.n + b.cap, 0);
	assert_int_equal(b.max, 4);
	buf_text(&b, "abcd");
	assert_true(buf_ok(&b));
	buf_free(&b);
}

static void formatted_text_fits_to_the_last_byte(void **state)
{
	char *long_text = malloc(2001);
	struct buf b;

	(void)state;
	assert_non_null(long_text);
	memset(long_text, 'x', 2000);
	long_text[2000] = '\0';
	buf_init(&b, 2005);
	buf_printf(&b, "%d-%s", 42, "ab");
	assert_memory_equal(b.p, "42-ab", 5);
	buf_printf(&b, "%s", long_text);
	assert_true(buf_ok(&b));
	assert_int_equal(b.n, 2005);
	assert_memory_equal(b.p + 5, long_text, 2000);
	buf_printf(&b, "%s", "");
	assert_true(buf_ok(&b));
	buf_printf(&b, "%c", 'x');
	assert_false(buf_ok(&b));
	buf_free(&b);
	free(long_text);
}

static void wipe_overwrites(void **state)
{
	uint8_t p[4] = { 1, 2, 3, 4 };

	(void)state;
	wipe(NULL, 0);
	wipe(p + 1, 2);
	assert_memory_equal(p, "\1\0\0\4", 4);
}

/* RFC 3720 B.4, and both ways over every length and alignment near eight. */
static void checksums_are_those_of_the_standard_either_way(void **state)
{
	uint8_t bytes[96];

	(void)state;
	memset(bytes, 0, 32);
	assert_int_equal(crc32c(bytes, 32), 0x8a9136aau);
	memset(bytes, 0xff, 32);
	assert_int_equal(crc32c_portable(bytes, 32), 0x62a8ab43u);
	assert_int_equal(crc32c("123456789", 9), 0xe3069283u);
	assert_int_equal(crc32c(NULL, 0), 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t from = 0; from < 9; from++)
		for (size_t n = 0; n + from <= sizeof(bytes); n++)
			assert_int_equal(crc32c(bytes + from, n), crc32c_portable(bytes + from, n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_are_those_of_the_standard_either_way),
		cmocka_unit_test(every_code_has_its_own_text),
		cmocka_unit_test(other_codes_are_unknown),
		cmocka_unit_test(integers_are_big_endian),
		cmocka_unit_test(cursor_reads_what_buffer_wrote),
		cmocka_unit_test(cursor_error_is_sticky),
		cmocka_unit_test(taking_nothing_at_the_end_is_no_error),
		cmocka_unit_test(buffer_keeps_bytes_over_growth),
		cmocka_unit_test(buffer_stops_at_max_and_stays_stopped),
		cmocka_unit_test(huge_lengths_do_not_wrap),
		cmocka_unit_test(want_of_memory_is_reported),
		cmocka_unit_test(reserved_bytes_do_not_move),
		cmocka_unit_test(reset_and_cut_wipe),
		cmocka_unit_test(free_accepts_null_and_leaves_a_usable_buffer),
		cmocka_unit_test(formatted_text_fits_to_the_last_byte),
		cmocka_unit_test(wipe_overwrites),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

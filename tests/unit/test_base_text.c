/* base: UTF-8, hexadecimal, base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/text.h"

static bool is_scalar(uint32_t cp)
{
	return cp <= 0x10ffff && !(cp >= 0xd800 && cp <= 0xdfff);
}

static void every_code_point_survives(void **state)
{
	char s[4];
	uint32_t back;
	size_t n;

	(void)state;
	for (uint32_t cp = 0; cp < 0x110010; cp++) {
		n = utf8_put(s, cp);
		if (!is_scalar(cp)) {
			assert_int_equal(n, 0);
			continue;
		}
		assert_int_equal(n, cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4);
		assert_int_equal(utf8_next(s, n, &back), n);
		assert_int_equal(back, cp);
		assert_int_equal(utf8_count(s, n), 1);
		for (size_t cut = 1; cut < n; cut++)
			assert_int_equal(utf8_next(s, cut, &back), 0);
	}
}

/* The one well-formed spelling is what utf8_put writes: any three bytes decode to it or not at all. */
static void no_second_spelling_decodes(void **state)
{
	char s[4], again[4];
	uint32_t cp;
	size_t n;

	(void)state;
	for (uint32_t v = 0; v < 1u << 24; v += (v & 0xffff) < 0xff ? 1 : 7) {
		s[0] = (char)(v >> 16);
		s[1] = (char)(v >> 8);
		s[2] = (char)v;
		n = utf8_next(s, 3, &cp);
		assert_true((n != 0 && n != 3) || utf8_valid(s, 3) == (n == 3));
		if (n == 0)
			continue;
		assert_int_equal(utf8_put(again, cp), n);
		assert_memory_equal(again, s, n);
	}
}

static void malformed_utf8_is_refused(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80",
		"\xff", "\xfe", "\xc3", "\xe4\xbd", "\xf0\x9f\x98", "\xc3(", "\xe4(\xa0", "ok\xe4\xbd"
	};
	uint32_t cp = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_int_equal(utf8_next(bad[0], 1, &cp), 0);
	assert_int_equal(cp, 77);
}

static void chinese_text_is_counted_in_characters(void **state)
{
	static const char s[] = "\xe5\xbc\xa0\xe4\xb8\x89 a\xf0\xa0\x80\x80\xc2\xb7";	/* two, space, letter, rare one, dot */

	(void)state;
	assert_true(utf8_valid(s, sizeof(s) - 1));
	assert_int_equal(utf8_count(s, sizeof(s) - 1), 6);
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("a\0b", 3));
	assert_int_equal(utf8_count("", 0), 0);
}

static void hex_round_trip(void **state)
{
	uint8_t all[256], back[256];
	char s[513];

	(void)state;
	for (size_t i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	hex_encode(all, 256, s);
	assert_int_equal(strlen(s), 512);
	assert_memory_equal(s, "000102030405060708090a0b0c0d0e0f10", 34);
	assert_string_equal(s + 508, "feff");
	assert_int_equal(hex_decode(s, 512, back, 256), 0);
	assert_memory_equal(back, all, 256);
	hex_encode(all, 0, s);
	assert_string_equal(s, "");
	assert_int_equal(hex_decode("", 0, back, 0), 0);
}

static void hex_takes_lower_case_digits_only(void **state)
{
	uint8_t out[2];
	char s[5] = "0000";

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

		for (size_t at = 0; at < 4; at++) {
			memcpy(s, "0000", 4);
			s[at] = (char)c;
			assert_int_equal(hex_decode(s, 4, out, 2), digit ? 0 : CV_ERR_FORMAT);
		}
	}
	assert_int_equal(hex_decode("000", 3, out, 1), CV_ERR_FORMAT);
	assert_int_equal(hex_decode("0000", 4, out, 1), CV_ERR_FORMAT);
	assert_int_equal(hex_decode("00", 2, out, 2), CV_ERR_FORMAT);
}

static void base64_gives_the_answers_of_rfc4648(void **state)
{
	static const char *const std[] = { "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
	static const char *const url[] = { "", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy" };
	uint8_t out[6];
	char s[9];
	size_t n;

	(void)state;
	for (size_t i = 0; i <= 6; i++) {
		b64_encode(B64_STD, "foobar", i, s);
		assert_string_equal(s, std[i]);
		assert_int_equal(b64_size(B64_STD, i), strlen(std[i]) + 1);
		assert_int_equal(b64_decode(B64_STD, s, strlen(s), out, i, &n), 0);
		assert_int_equal(n, i);
		assert_memory_equal(out, "foobar", i);
		b64_encode(B64_URL, "foobar", i, s);
		assert_string_equal(s, url[i]);
		assert_int_equal(b64_size(B64_URL, i), strlen(url[i]) + 1);
		assert_int_equal(b64_decode(B64_URL, s, strlen(s), out, i, &n), 0);
		assert_int_equal(n, i);
		assert_memory_equal(out, "foobar", i);
	}
}

static void base64_alphabets_are_whole_and_apart(void **state)
{
	static const char std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t bytes[48];
	char s[65];
	size_t n;

	(void)state;
	assert_int_equal(b64_decode(B64_STD, std, 64, bytes, 48, &n), 0);
	b64_encode(B64_STD, bytes, 48, s);
	assert_string_equal(s, std);
	b64_encode(B64_URL, bytes, 48, s);
	assert_string_equal(s, url);
	for (unsigned c = 0; c < 256; c++) {
		char digit[4] = { 'A', (char)c, 'A', 'A' };
		bool in_std = c != 0 && strchr(std, (int)c) != NULL, in_url = c != 0 && strchr(url, (int)c) != NULL;

		assert_int_equal(b64_decode(B64_STD, digit, 4, bytes, 48, &n), in_std ? 0 : CV_ERR_FORMAT);
		assert_int_equal(b64_decode(B64_URL, digit, 4, bytes, 48, &n), in_url ? 0 : CV_ERR_FORMAT);
	}
}

static void base64_refuses_second_spellings(void **state)
{
	static const char *const bad_std[] = {
		"Z", "Zg", "Zg=", "Zg===", "=", "==", "====", "=A==", "Zh==", "Zm9=", "Zm8=Zm8=", "Zm9v\n", " Zm9v", "Zm 9v",
		"Zm9vYg", "Z===", "Zg==Zg==", "Z=g="
	};
	static const char *const bad_url[] = { "Z", "Zg==", "Zm8=", "Zh", "Zm9", "Zm9vY", "Zm9v\n", "====" };
	uint8_t out[16];
	size_t n = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(bad_std) / sizeof(bad_std[0]); i++)
		assert_int_equal(b64_decode(B64_STD, bad_std[i], strlen(bad_std[i]), out, 16, &n), CV_ERR_FORMAT);
	for (size_t i = 0; i < sizeof(bad_url) / sizeof(bad_url[0]); i++)
		assert_int_equal(b64_decode(B64_URL, bad_url[i], strlen(bad_url[i]), out, 16, &n), CV_ERR_FORMAT);
	assert_int_equal(n, 99);
}

static void base64_never_writes_past_max(void **state)
{
	uint8_t out[4] = { 0, 0, 0, 0xee };
	size_t n = 99;

	(void)state;
	assert_int_equal(b64_decode(B64_STD, "Zm9vYg==", 8, out, 3, &n), CV_ERR_LIMIT);
	assert_int_equal(n, 99);
	assert_int_equal(b64_decode(B64_STD, "Zm9v", 4, out, 3, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(out[3], 0xee);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_survives),
		cmocka_unit_test(no_second_spelling_decodes),
		cmocka_unit_test(malformed_utf8_is_refused),
		cmocka_unit_test(chinese_text_is_counted_in_characters),
		cmocka_unit_test(hex_round_trip),
		cmocka_unit_test(hex_takes_lower_case_digits_only),
		cmocka_unit_test(base64_gives_the_answers_of_rfc4648),
		cmocka_unit_test(base64_alphabets_are_whole_and_apart),
		cmocka_unit_test(base64_refuses_second_spellings),
		cmocka_unit_test(base64_never_writes_past_max),
	};

	return cmocka_run_group_tests_name("base_text", tests, NULL, NULL);
}

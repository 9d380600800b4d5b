/* model: validators v1 to v17, and what fields accept. */
#include "test_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "format/value.h"
#include "model/validate.h"

struct text_case {
	enum validator v;
	bool good;
	const char *s;
};

static const struct text_case texts[] = {
	{ VALID_NONE, true, "两行\n\t文字" },
	{ VALID_NONE, false, "" },
	{ VALID_NONE, false, "a\x01" },
	{ VALID_NONE, false, "a\x7F" },
	{ VALID_NONE, false, "a\u202Eb" },		/* right-to-left override */
	{ VALID_NONE, false, "a\u200Bb" },		/* zero width space */
	{ VALID_NONE, false, "\uFEFF" "a" },
	{ VALID_NONE, false, "a\xC2" },
	{ VALID_V1_NAME, true, "张三" },
	{ VALID_V1_NAME, true, "欧阳小明" },
	{ VALID_V1_NAME, true, "𠮷野" },
	{ VALID_V1_NAME, true, "张\U000E0100三" },		/* ideographic variation */
	{ VALID_V1_NAME, true, "阿卜杜拉·买买提" },
	{ VALID_V1_NAME, true, "〇" },
	{ VALID_V1_NAME, true, "Anne-Marie O'Neil" },
	{ VALID_V1_NAME, true, "José" },
	{ VALID_V1_NAME, true, "Jose\u0301" },
	{ VALID_V1_NAME, true, "赵钱孙李周吴郑王冯陈褚卫蒋沈韩" },
	{ VALID_V1_NAME, false, "" },
	{ VALID_V1_NAME, false, "张3" },
	{ VALID_V1_NAME, false, "张 三" },
	{ VALID_V1_NAME, false, "·张" },
	{ VALID_V1_NAME, false, "张·" },
	{ VALID_V1_NAME, false, "张··三" },
	{ VALID_V1_NAME, false, "张•三" },			/* another dot */
	{ VALID_V1_NAME, false, "\u0301a" },
	{ VALID_V1_NAME, false, "张三\n" },
	{ VALID_V1_NAME, false, "⼈" },			/* radical that looks like a character */
	{ VALID_V1_NAME, false, "张\u202E三" },
	{ VALID_V1_NAME, false, "Anna  B" },
	{ VALID_V1_NAME, false, "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一" },
	{ VALID_V2_ID_TYPE, true, "passport" },
	{ VALID_V2_ID_TYPE, false, "passpor" },
	{ VALID_V3_ID_NO, true, "11010519491231002X" },
	{ VALID_V3_ID_NO, true, "440524188001010014" },
	{ VALID_V3_ID_NO, false, "11010519491231002x" },
	{ VALID_V3_ID_NO, false, "110105194912310021" },
	{ VALID_V3_ID_NO, false, "11010519490231002X" },	/* 31 February */
	{ VALID_V3_ID_NO, false, "1101051949123100" },
	{ VALID_V3_ID_NO, false, "990105194912310022" },	/* no such province */
	{ VALID_V3_ID_NO, false, "11010519491231002XX" },
	{ VALID_V4_SEX, true, "9" },
	{ VALID_V4_SEX, false, "3" },
	{ VALID_V5_BIRTH_DATE, true, "2016-02-29" },
	{ VALID_V5_BIRTH_DATE, true, "2026-11-24" },
	{ VALID_V5_BIRTH_DATE, false, "2026-11-25" },
	{ VALID_V5_BIRTH_DATE, false, "2015-02-29" },
	{ VALID_V5_BIRTH_DATE, false, "2015-2-09" },
	{ VALID_V5_BIRTH_DATE, false, "1899-12-31" },
	{ VALID_V5_BIRTH_DATE, false, "2015/02/01" },
	{ VALID_V6_ETHNICITY, true, "01" },
	{ VALID_V6_ETHNICITY, true, "56" },
	{ VALID_V6_ETHNICITY, true, "97" },
	{ VALID_V6_ETHNICITY, false, "57" },
	{ VALID_V6_ETHNICITY, false, "1" },
	{ VALID_V7_BIRTH_CERT, true, "Q330123456" },
	{ VALID_V7_BIRTH_CERT, false, "q330123456" },
	{ VALID_V7_BIRTH_CERT, false, "Q33012345" },
	{ VALID_V8_DIVISION, true, "410100" },
	{ VALID_V8_DIVISION, true, "410000" },
	{ VALID_V8_DIVISION, true, "410122100" },
	{ VALID_V8_DIVISION, true, "410122100201" },
	{ VALID_V8_DIVISION, true, "441900003" },		/* a city without counties */
	{ VALID_V8_DIVISION, true, "410122001" },		/* street */
	{ VALID_V8_DIVISION, true, "410122399" },		/* township */
	{ VALID_V8_DIVISION, true, "410122900" },		/* district office */
	{ VALID_V8_DIVISION, false, "410000100" },		/* a township of a province */
	{ VALID_V8_DIVISION, false, "4101" },
	{ VALID_V8_DIVISION, false, "41012210020１" },
	{ VALID_V8_DIVISION, false, "410002" },
	{ VALID_V8_DIVISION, false, "990100" },
	{ VALID_V8_DIVISION, false, "410122000" },
	{ VALID_V8_DIVISION, false, "410122700" },
	{ VALID_V8_DIVISION, false, "410122100000" },
	{ VALID_V8_DIVISION, false, "41012210" },
	{ VALID_V9_PHONE, true, "13812345678" },
	{ VALID_V9_PHONE, true, "0371-65912345" },
	{ VALID_V9_PHONE, true, "01065912345" },
	{ VALID_V9_PHONE, true, "0398-2345678" },
	{ VALID_V9_PHONE, true, "13000000000" },
	{ VALID_V9_PHONE, true, "021-23456789" },
	{ VALID_V9_PHONE, false, "021-1234567" },		/* no landline begins with 1 */
	{ VALID_V9_PHONE, false, "0371-6591234567" },
	{ VALID_V9_PHONE, false, "4001234567" },
	{ VALID_V9_PHONE, false, "12812345678" },
	{ VALID_V9_PHONE, false, "1381234567" },
	{ VALID_V9_PHONE, false, "138123456789" },
	{ VALID_V9_PHONE, false, "011-65912345" },
	{ VALID_V9_PHONE, false, "00371659123" },
	{ VALID_V9_PHONE, false, "0371--6591234" },
	{ VALID_V9_PHONE, false, "+8613812345678" },
	{ VALID_V10_RELATION, true, "51" },
	{ VALID_V10_RELATION, false, "00" },
	{ VALID_V11_DISABILITY_CERT, true, "11010519491231002X42" },
	{ VALID_V11_DISABILITY_CERT, true, "11010519491231002X42B1" },
	{ VALID_V11_DISABILITY_CERT, false, "11010519491231002X02" },
	{ VALID_V11_DISABILITY_CERT, false, "11010519491231002X42B" },
	{ VALID_V11_DISABILITY_CERT, false, "11010519491231002X42b1" },
	{ VALID_V11_DISABILITY_CERT, false, "11010519491231003X42" },	/* the number's check character */
	{ VALID_V11_DISABILITY_CERT, false, "11010519491231002X82" },
	{ VALID_V11_DISABILITY_CERT, false, "11010519491231002X45" },
	{ VALID_V11_DISABILITY_CERT, false, "11010519491231002X42C1" },
	{ VALID_V12_DISABILITY, true, "7" },
	{ VALID_V12_DISABILITY, false, "8" },
	{ VALID_V13_STAGE, true, "初中" },
	{ VALID_V13_STAGE, false, "中学" },
	{ VALID_V14_STUDENT_NO, true, "G11010519491231002X" },
	{ VALID_V14_STUDENT_NO, true, "L330106201501010001" },
	{ VALID_V14_STUDENT_NO, true, "L33010620150101000X" },
	{ VALID_V14_STUDENT_NO, false, "G11010519491231002x" },
	{ VALID_V14_STUDENT_NO, false, "L33010620150101000" },
	{ VALID_V14_STUDENT_NO, false, "11010519491231002X" },
	{ VALID_V14_STUDENT_NO, false, "G110105194912310021" },
	{ VALID_V14_STUDENT_NO, false, "X11010519491231002X" },
	{ VALID_V14_STUDENT_NO, false, "L33010620150101000a" },
	{ VALID_V15_ACCOUNT, true, "6222021234567890128" },
	{ VALID_V15_ACCOUNT, false, "6222021234567890120" },
	{ VALID_V15_ACCOUNT, false, "622202123456789" },
	{ VALID_V16_ORGANISATION, true, "91350100M000100Y43" },
	{ VALID_V16_ORGANISATION, false, "91350100M000100Y44" },
	{ VALID_V16_ORGANISATION, false, "91350100I000100Y43" },
	{ VALID_V17_PAST, true, "2026-11-24" },
	{ VALID_V17_PAST, false, "2026-11-25" }
};

static void texts_are_judged_as_the_table_says(void **state)
{
	char *copy;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		/* An exact allocation lets a sanitizer see a read past the end. */
		n = strlen(texts[i].s);
		copy = malloc(n == 0 ? 1 : n);
		assert_non_null(copy);
		memcpy(copy, texts[i].s, n);
		if (validate_text(texts[i].v, copy, n, TODAY) != texts[i].good)
			fail_msg("%s %s", validator_name(texts[i].v), texts[i].s);
		free(copy);
	}
}

/* Any single digit changed is noticed by numbers that carry a check. */
static void check_characters_catch_single_changes(void **state)
{
	static const struct {
		enum validator v;
		const char *s;
		size_t n;
	} numbers[] = {
		{ VALID_V3_ID_NO, "11010519491231002X", 18 }, { VALID_V15_ACCOUNT, "6222021234567890128", 19 },
		{ VALID_V16_ORGANISATION, "91350100M000100Y43", 18 }
	};
	char s[20];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t at = 0; at < numbers[i].n; at++)
			for (char c = '0'; c <= '9'; c++) {
				memcpy(s, numbers[i].s, numbers[i].n);
				if (s[at] == c)
					continue;
				s[at] = c;
				assert_false(validate_text(numbers[i].v, s, numbers[i].n, TODAY));
			}
}

static void amounts_are_not_negative(void **state)
{
	(void)state;
	assert_true(validate_integer(VALID_V17_PAST, 0));
	assert_true(validate_integer(VALID_V17_PAST, 10000000000000));
	assert_false(validate_integer(VALID_V17_PAST, 10000000000001));
	assert_false(validate_integer(VALID_V17_PAST, -1));
	assert_true(validate_integer(VALID_NONE, INT64_MIN));
	assert_false(validate_integer(VALID_V3_ID_NO, 1));
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Bytes that nobody foresaw meet every validator: it answers, and reads nothing beyond them. */
static void validators_are_total(void **state)
{
	static const char pieces[] = "0123456789XGL-AB\xE5\xBC\xA0\xC2\xB7\xF0\xA0\xAE\xB7\x00\x80";
	uint32_t seed = 7;
	char *s;
	size_t n;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		n = next_random(&seed) % 24;
		s = malloc(n == 0 ? 1 : n);
		assert_non_null(s);
		for (size_t i = 0; i < n; i++)
			s[i] = pieces[next_random(&seed) % sizeof(pieces)];
		for (int v = 0; v < VALIDATORS; v++)
			(void)validate_text((enum validator)v, s, n, TODAY);	/* only that it returns counts here */
		free(s);
	}
}

static void dates_are_days(void **state)
{
	int32_t day = -1;

	(void)state;
	assert_true(date_parse("1970-01-01", 10, &day));
	assert_int_equal(day, 0);
	assert_true(date_parse("2000-02-29", 10, &day));
	assert_int_equal(day, 11016);
	assert_false(date_parse("1900-02-29", 10, &day));
	assert_false(date_parse("2000-00-10", 10, &day));
	assert_int_equal(day, 11016);
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */

static int accept(const struct policy *p, unsigned field, struct value v, struct value *ret, const char **expected)
{
	struct buf scratch;
	int r;

	buf_init(&scratch, 1000);
	r = field_accept(policy_field(p, field), &v, TODAY, &scratch, ret, expected);
	buf_free(&scratch);
	return r;
}

static void values_get_their_stored_type(void **state)
{
	struct policy *p = fixture_policy();
	struct value got = { VALUE_NULL, NULL, 0 };

	(void)state;
	assert_int_equal(accept(p, FIELD_NAME, text_value("张三"), &got, NULL), 0);
	assert_int_equal(got.type, VALUE_TEXT);
	assert_int_equal(got.n, 6);
	assert_int_equal(accept(p, FIELD_BORN, text_value("2015-03-02"), &got, NULL), 0);
	assert_int_equal(got.type, VALUE_DATE);
	assert_int_equal(accept(p, FIELD_SEX, text_value("2"), &got, NULL), 0);
	assert_int_equal(got.type, VALUE_CODE);
	assert_int_equal(accept(p, FIELD_SEX, (struct value){ VALUE_NULL, NULL, 0 }, &got, NULL), 0);
	assert_int_equal(got.type, VALUE_NULL);
	policy_free(p);
}

static void wrong_values_are_told_what_is_expected(void **state)
{
	struct value integer = { VALUE_INTEGER, (const uint8_t *)"\0\0\0\0\0\0\0\1", 8 };
	struct policy *p = fixture_policy();
	const char *expected = NULL;
	struct value got = { VALUE_BOOL, NULL, 7 };
	static char long_note[3002];

	(void)state;
	assert_int_equal(accept(p, FIELD_NAME, integer, &got, &expected), CV_ERR_FORMAT);
	assert_string_equal(expected, "text");
	assert_int_equal(accept(p, FIELD_NAME, text_value("张3"), &got, &expected), CV_ERR_INVALID);
	assert_string_equal(expected, "name of at most 50 characters");
	assert_int_equal(accept(p, FIELD_ID, text_value("11010519491231002XX"), &got, &expected), CV_ERR_INVALID);
	assert_string_equal(expected, "identity number with its check character");
	assert_int_equal(accept(p, FIELD_BORN, text_value("2015-02-29"), &got, &expected), CV_ERR_INVALID);
	assert_int_equal(accept(p, FIELD_SEX, text_value("0"), &got, &expected), CV_ERR_INVALID);
	assert_string_equal(expected, "code of the list");
	memset(long_note, 'a', 3001);
	assert_int_equal(accept(p, FIELD_NOTE, text_value(long_note), &got, &expected), CV_ERR_LIMIT);
	long_note[3000] = '\0';
	assert_int_equal(accept(p, FIELD_NOTE, text_value(""), &got, &expected), CV_ERR_INVALID);
	assert_int_equal(got.n, 7);	/* untouched so far */
	assert_int_equal(accept(p, FIELD_NOTE, text_value(long_note), &got, &expected), 0);
	policy_free(p);
}

static void lists_are_checked_item_by_item(void **state)
{
	struct policy *p = fixture_policy();
	const char *expected = NULL;
	struct value got;
	struct buf b;
	size_t at;

	(void)state;
	buf_init(&b, 1000);
	at = value_begin(&b);
	value_item_put(&b, VALUE_TEXT, "2020-01-31", 10);
	value_item_put(&b, VALUE_TEXT, "2020-02-29", 10);
	value_end(&b, at, 2);
	assert_int_equal(accept(p, FIELD_VISITS, (struct value){ VALUE_LIST, b.p, b.n }, &got, &expected), 0);
	assert_int_equal(got.type, VALUE_LIST);
	assert_int_equal(
	    accept(p, FIELD_VISITS, (struct value){VALUE_LIST, b.p, b.n - 1}, &got, &expected), CV_ERR_FORMAT);
	assert_int_equal(accept(p, FIELD_CARER, (struct value){VALUE_LIST, b.p, b.n}, &got, &expected), CV_ERR_FORMAT);
	b.p[b.n - 1] = '8';	/* still a date */
	assert_int_equal(accept(p, FIELD_VISITS, (struct value){ VALUE_LIST, b.p, b.n }, &got, &expected), 0);
	b.p[b.n - 2] = '3';	/* 38 February */
	assert_int_equal(
	    accept(p, FIELD_VISITS, (struct value){VALUE_LIST, b.p, b.n}, &got, &expected), CV_ERR_INVALID);
	assert_string_equal(expected, "date YYYY-MM-DD");
	buf_free(&b);
	policy_free(p);
}

static int accept_carer(
    const struct policy *p, const char *name, const char *member, const char *text, const char **expected)
{
	struct value got;
	struct buf b;
	size_t at;
	int r;

	buf_init(&b, 1000);
	at = value_begin(&b);
	value_member_put(&b, "name", 4, VALUE_TEXT, name, strlen(name));
	value_member_put(&b, member, strlen(member), VALUE_TEXT, text, strlen(text));
	value_end(&b, at, 2);
	r = accept(p, FIELD_CARER, (struct value){ VALUE_GROUP, b.p, b.n }, &got, expected);
	buf_free(&b);
	return r;
}

static void groups_have_known_members_only(void **state)
{
	struct policy *p = fixture_policy();
	const char *expected = NULL;
	struct value got;

	(void)state;
	assert_int_equal(accept_carer(p, "李四", "phone", "13812345678", &expected), 0);
	assert_int_equal(accept_carer(p, "李四", "phone", "138", &expected), CV_ERR_INVALID);
	assert_string_equal(expected, "telephone number");
	assert_int_equal(accept_carer(p, "李四", "religion", "13812345678", &expected), CV_ERR_INVALID);
	assert_string_equal(expected, "group of known members");
	assert_int_equal(
	    accept(p, FIELD_CARER, (struct value){VALUE_GROUP, (const uint8_t *)"\0\0", 2}, &got, &expected),
	    CV_ERR_INVALID);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_judged_as_the_table_says),
		cmocka_unit_test(check_characters_catch_single_changes),
		cmocka_unit_test(amounts_are_not_negative),
		cmocka_unit_test(validators_are_total),
		cmocka_unit_test(dates_are_days),
		cmocka_unit_test(values_get_their_stored_type),
		cmocka_unit_test(wrong_values_are_told_what_is_expected),
		cmocka_unit_test(lists_are_checked_item_by_item),
		cmocka_unit_test(groups_have_known_members_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

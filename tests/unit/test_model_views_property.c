/*
 * model: what holds of every view operator, on random values. Seeded, so that a failure comes back.
 *
 * The properties: a result is exactly what the rule allows to show; what the rule hides does not influence it; it is
 * well-formed and fits the one padded length of its operator; any bytes of any type are answered, never refused.
 */
#include "test_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "format/value.h"
#include "model/validate.h"

#define ROUNDS 2000
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint32_t seed;

static int reseed(void **state)
{
	(void)state;
	seed = 20261125;
	return 0;
}

static uint32_t any(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static const char *any_of(const char *const *words, size_t n)
{
	return words[any((uint32_t)n)];
}

/* A string under construction. */
struct text {
	char s[1024];
	size_t n;
};

static void add(struct text *t, const char *s)
{
	size_t n = strlen(s);

	assert_true(n < sizeof(t->s) - t->n);
	memcpy(t->s + t->n, s, n + 1);
	t->n += n;
}

static void add_point(struct text *t, uint32_t cp)
{
	char s[5] = { 0 };

	assert_true(utf8_put(s, cp) > 0);
	add(t, s);
}

static void add_digits(struct text *t, size_t n)
{
	char s[2] = { 0 };

	for (size_t i = 0; i < n; i++) {
		s[0] = (char)('0' + any(10));
		add(t, s);
	}
}

static const struct policy_shape no_shape;	/* for operators that take nothing from it */

/* A result, copied out of its buffer. */
struct shown {
	uint8_t type;
	uint8_t p[512];
	size_t n;
};

/* Whatever goes in: what comes out is well-formed and has room in the operator's padding. */
/* At read time what the operator made stands; a copy of a text, stored by an operator of another day, shows no more than the mask. */
static void check_stored(enum view_op op, const struct value *made, const struct value *copy)
{
	static const enum view_op texts[] = { VIEW_M1_NAME, VIEW_M1O_CALL_NAME, VIEW_M2_ID, VIEW_M3_PHONE, VIEW_M4_TOWNSHIP,
	    VIEW_M4V_VILLAGE,
		VIEW_M6_ACCOUNT, VIEW_M7_DISABILITY, VIEW_M10_STAGE, VIEW_M11_TAIL };
	struct buf scratch;
	struct value got;

	buf_init(&scratch, 100);
	view_present(op, made, 0, &scratch, &got);
	if (made->type != VALUE_SUPPRESSED && got.type == VALUE_SUPPRESSED)
		fail_msg("%s: what it made, %.*s, is suppressed", view_op_name(op), (int)made->n, (const char *)made->p);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && copy->type == VALUE_TEXT; i++) {
		if (texts[i] != op)
			continue;
		view_present(op, copy, 0, &scratch, &got);
		if (got.type != VALUE_SUPPRESSED && (made->n != copy->n || memcmp(made->p, copy->p, made->n) != 0))
			fail_msg("%s: a copy, %.*s, is shown", view_op_name(op), (int)copy->n, (const char *)copy->p);
	}
	buf_free(&scratch);
}

static void project(enum view_op op, const struct policy_shape *shape, uint8_t type, const void *p, size_t n, struct shown *ret)
{
	static const struct policy_field text = { .shape = { .type = VALUE_TEXT } };
	uint8_t *copy = malloc(n == 0 ? 1 : n);	/* exact, so that a sanitizer sees a read past the end */
	struct buf scratch;
	struct value v, got;

	assert_non_null(copy);
	memcpy(copy, p, n);
	v = (struct value){ type, copy, n };
	buf_init(&scratch, 4096);
	view_project(op, shape, &v, &scratch, &got);
	assert_true(got.n <= sizeof(ret->p) && got.n <= (view_op_name(op) == NULL ? 0 : view_padded(&text, op, got.n)));
	assert_true(got.type == VALUE_TEXT || got.type == VALUE_BOOL || got.type == VALUE_GROUP || got.type == VALUE_SUPPRESSED ||
	    (got.type == VALUE_NULL && (type == VALUE_NULL || (op == VIEW_PRESENT && value_empty(type, copy, n)))));
	assert_int_equal(value_check(got.type, got.p, got.n), 0);
	check_stored(op, &got, &v);
	ret->type = got.type;
	ret->n = got.n;
	if (got.n > 0)
		memcpy(ret->p, got.p, got.n);
	buf_free(&scratch);
	free(copy);
}

static void must_show(enum view_op op, uint8_t type, const struct text *in, const struct text *out)
{
	struct shown got;

	project(op, &no_shape, type, in->s, in->n, &got);
	if (got.type != VALUE_TEXT || got.n != out->n || memcmp(got.p, out->s, out->n) != 0)
		fail_msg("%s of %s shows %.*s, not %s", view_op_name(op), in->s, (int)got.n, (const char *)got.p, out->s);
}

static void must_hide(enum view_op op, uint8_t type, const struct text *in)
{
	struct shown got;

	project(op, &no_shape, type, in->s, in->n, &got);
	if (got.type != VALUE_SUPPRESSED || got.n != 0)
		fail_msg("%s of %s shows %.*s", view_op_name(op), in->s, (int)got.n, (const char *)got.p);
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static const char *const two[] = { "欧阳", "司马", "上官", "诸葛", "令狐", "歐陽", "東方" };

/* Never a character of a compound surname. */
static uint32_t any_han(void)
{
	switch (any(6)) {
	case 0:
		return 0x20BB7;			/* 𠮷 */
	case 1:
		return 0x20000 + any(0xA6E0);
	case 2:
		return 0x30000 + any(0x134B);
	case 3:
		return 0x3400 + any(0x19C0);
	case 4:
		return 0x9FA6 + any(0x5A);	/* newer ends of the URO */
	default:
		return 0x3007;
	}
}

static uint32_t any_latin(void)
{
	static const uint32_t letters[] = { 'A', 'k', 'z', 0xC9, 0xF1, 0x153, 0x1EA5 };

	return letters[any(COUNT(letters))];
}

/* The second and later characters of a name, with marks, dots and joints where they may stand. */
static void add_rest(struct text *t, size_t characters, bool dots)
{
	bool latin;

	for (size_t i = 0; i < characters; i++) {
		latin = any(8) == 0;
		add_point(t, latin ? any_latin() : any_han());
		if (any(5) == 0)
			add_point(t, latin ? 0x300 + any(0x70) : any(2) ? 0xE0100 + any(0xF0) : 0xFE00 + any(16));
		if (i + 1 == characters)
			break;
		if (dots && any(4) == 0)
			add(t, "·");
		else if (latin && any(4) == 0)
			add(t, any_of((const char *const[]){ " ", "-", "'", "\u2019" }, 4));
	}
}

/* Two to fifteen characters; *ret_shown is what m1 may tell. */
static void any_name(struct text *t, struct text *ret_shown)
{
	size_t characters = 2 + any(14);
	bool dots = any(3) == 0, compound = any(4) == 0;

	t->n = ret_shown->n = 0;
	if (compound && !dots && characters > 2)
		add(ret_shown, any_of(two, COUNT(two)));
	else
		add_point(ret_shown, any(4) == 0 ? any_latin() : any_han());
	add(t, ret_shown->s);
	if (!compound && any(5) == 0)
		add_point(t, 0xFE00 + any(16));	/* belongs to the first character, and is hidden with the rest */
	if (dots)
		add(t, "·");
	add_rest(t, characters - 1, dots);
	add(ret_shown, "**");
}

static void names_show_their_surname_whatever_follows(void **state)
{
	struct text t, shown, bad;
	size_t at;

	(void)state;
	for (int round = 0; round < 5 * ROUNDS; round++) {
		any_name(&t, &shown);
		assert_true(validate_text(VALID_V1_NAME, t.s, t.n, TODAY) || utf8_count(t.s, t.n) > 50);
		must_show(VIEW_M1_NAME, VALUE_TEXT, &t, &shown);
		/* One thing in it that no name has, anywhere. */
		for (at = any((uint32_t)t.n + 1); at < t.n && (t.s[at] & 0xC0) == 0x80; at++)
			;
		bad.n = 0;
		add(&bad, t.s);
		bad.s[bad.n = at] = '\0';
		add(&bad, any_of((const char *const[]){ "7", "\u202E", "\x01", "\n", "@", "，", "\u200B", "⼈" }, 8));
		add(&bad, t.s + at);
		must_hide(VIEW_M1_NAME, VALUE_TEXT, &bad);
	}
}

/* A call name passes as a whole or not at all, and never as a full name in the manner A·B. */
static void call_names_are_short(void **state)
{
	struct text t, shown;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		any_name(&t, &shown);
		if (utf8_count(t.s, t.n) <= 8 && strstr(t.s, "·") == NULL)
			must_show(VIEW_M1O_CALL_NAME, VALUE_TEXT, &t, &t);
		else
			must_hide(VIEW_M1O_CALL_NAME, VALUE_TEXT, &t);
	}
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

static void add_id(struct text *t)
{
	static const unsigned weight[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	char s[19];
	unsigned sum = 0;

	(void)snprintf(s, sizeof(s), "4101%02u%04u%02u%02u%03u", any(100), 1900 + any(126), 1 + any(12), 1 + any(28), any(1000));
	for (size_t i = 0; i < 17; i++)
		sum += (unsigned)(s[i] - '0') * weight[i];
	s[17] = "10X98765432"[sum % 11];
	s[18] = '\0';
	add(t, s);
}

static void id_numbers_show_seven_characters(void **state)
{
	struct text id, t, shown;

	(void)state;
	for (int round = 0; round < 2 * ROUNDS; round++) {
		id.n = t.n = shown.n = 0;
		add_id(&id);
		add(&t, any(2) ? "G" : "");
		add(&shown, t.n > 0 ? "G" : "");
		add(&t, id.s);
		(void)snprintf(shown.s + shown.n, 20, "%.6s***********%c", id.s, id.s[17]);
		shown.n += 18;
		must_show(VIEW_M2_ID, VALUE_TEXT, &t, &shown);
		add(&t, any_of((const char *const[]){ "0", "X", " ", "\n", "*" }, 5));
		must_hide(VIEW_M2_ID, VALUE_TEXT, &t);
		t.s[t.n -= 2] = '\0';
		must_hide(VIEW_M2_ID, VALUE_TEXT, &t);
	}
}

static void certificates_show_no_type_and_no_level(void **state)
{
	static const char suffix[][3] = { "", "B1", "B9" };
	struct text t, shown;
	char end[3] = { 0 };

	(void)state;
	for (int round = 0; round < 2 * ROUNDS; round++) {
		t.n = shown.n = 0;
		add_id(&t);
		(void)snprintf(shown.s, 30, "%.6s***********%c**", t.s, t.s[17]);
		shown.n = 20;
		end[0] = (char)('1' + any(7));
		end[1] = (char)('1' + any(4));
		add(&t, end);
		add(&t, suffix[any(3)]);
		must_show(VIEW_M7_DISABILITY, VALUE_TEXT, &t, &shown);
		t.s[6 + any(11)] ^= 1;	/* the check character notices, or the date does */
		must_hide(VIEW_M7_DISABILITY, VALUE_TEXT, &t);
	}
}

static void phones_show_seven_digits_or_an_area(void **state)
{
	struct text t, shown;

	(void)state;
	for (int round = 0; round < 2 * ROUNDS; round++) {
		t.n = shown.n = 0;
		if (any(2)) {
			add(&t, "1");
			add(&t, any_of((const char *const[]){ "3", "5", "9" }, 3));
			add_digits(&t, 9);
			(void)snprintf(shown.s, 20, "%.3s****%.4s", t.s, t.s + 7);
			shown.n = 11;
		} else {
			add(&t, any_of((const char *const[]){ "010", "021", "0371", "0998" }, 4));
			add(&shown, t.s);
			add(&shown, "****");
			add(&t, any(2) ? "-6" : "8");
			add_digits(&t, 6 + any(2));
			add(&shown, t.s + t.n - 2);
		}
		must_show(VIEW_M3_PHONE, VALUE_TEXT, &t, &shown);
		add(&t, "转8");
		must_hide(VIEW_M3_PHONE, VALUE_TEXT, &t);
	}
}

static void accounts_and_other_numbers_show_their_tail(void **state)
{
	struct text t, shown;
	size_t tail;

	(void)state;
	for (int round = 0; round < 2 * ROUNDS; round++) {
		t.n = shown.n = 0;
		add_digits(&t, 1 + any(19));
		tail = t.n < 8 ? 2 : 4;
		add(&shown, "****");
		add(&shown, t.s + (t.n < tail ? 0 : t.n - tail));
		if (t.n >= 5)
			must_show(VIEW_M11_TAIL, VALUE_TEXT, &t, &shown);
		else
			must_hide(VIEW_M11_TAIL, VALUE_TEXT, &t);
		if (t.n >= 12)
			must_show(VIEW_M6_ACCOUNT, VALUE_TEXT, &t, &shown);
		else
			must_hide(VIEW_M6_ACCOUNT, VALUE_TEXT, &t);
		add(&t, any_of((const char *const[]){ "号", " ", "\n" }, 3));
		must_hide(VIEW_M11_TAIL, VALUE_TEXT, &t);
		must_hide(VIEW_M6_ACCOUNT, VALUE_TEXT, &t);
	}
}

/* ---- places ---------------------------------------------------------------------------------------------------- */

/* A name of characters that are no part of any marker. */
static void add_place(struct text *t, size_t least, size_t most)
{
	static const char *const parts[] = { "安", "平", "清", "河", "石", "龙", "泉", "新", "白", "𠮷", "大", "王", "杨", "关" };

	for (size_t i = least + any((uint32_t)(most - least + 1)); i > 0; i--)
		add(t, any_of(parts, COUNT(parts)));
}

static void add_county(struct text *t)
{
	static const char *const provinces[] = { "河南省", "内蒙古自治区", "广西壮族自治区", "黑龙江", "新疆维吾尔自治区", "" };
	static const char *const prefectures[] = { "市", "地区", "盟", "州", "苗族自治州" };
	static const char *const counties[] = { "县", "市", "区", "旗", "回族区", "彝族自治县", "经济技术开发区" };

	add(t, any_of(provinces, COUNT(provinces)));
	if (any(4) > 0) {
		add_place(t, 2, 3);
		add(t, any_of(prefectures, COUNT(prefectures)));
	}
	add_place(t, 2, 3);
	add(t, any_of(counties, COUNT(counties)));
}

static void add_town(struct text *t)
{
	static const char *const odd[] = { "红旗镇", "县城镇", "新市镇", "市桥街道", "解放路街道", "东大街街道", "路桥街道", "上乐村镇",
		"中村瑶族乡", "城区街道", "东乡族乡", "头号镇", "花园镇", "户部乡", "旧县乡" };
	static const char *const markers[] = { "镇", "乡", "街道", "苏木", "民族乡", "满族镇", "彝族苗族乡" };

	if (any(4) == 0) {
		add(t, any_of(odd, COUNT(odd)));
		return;
	}
	add_place(t, 2, 4);
	add(t, any_of(markers, COUNT(markers)));
}

static const char *const rests[] = { "文三路5号2单元301室", "嘉绿小区7幢", "向阳街8号", "张三家", "5-3-201", "东头", "金鼎花园酒店旁", "",
	"解放大道古镇对面", "光明新村3号", "No. 5", "(北门)", "𠮷家大院 后门", "第三小学东侧", "一组" };

/* Wherever the house is, the address shows the same, and that is its township. */
static void addresses_show_their_township(void **state)
{
	struct text town, village, t;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		town.n = village.n = 0;
		add_county(&town);
		add_town(&town);
		add(&village, town.s);
		add_place(&village, 2, 3);
		add(&village, "家");	/* 新村 would be an estate */
		add(&village, any_of((const char *const[]){ "村", "社区", "居委会", "嘎查" }, 4));
		for (size_t i = 0; i < COUNT(rests); i++) {
			t.n = 0;
			add(&t, town.s);
			add(&t, rests[i]);
			must_show(VIEW_M4_TOWNSHIP, VALUE_TEXT, &t, &town);
		}
		t.n = 0;
		add(&t, village.s);
		add(&t, any_of(rests, COUNT(rests)));
		must_show(VIEW_M4_TOWNSHIP, VALUE_TEXT, &t, &town);
		must_show(VIEW_M4V_VILLAGE, VALUE_TEXT, &t, &village);
	}
}

/* What stands before the province would be shown with it. */
static void addresses_that_begin_otherwise_show_nothing(void **state)
{
	static const char *const before[] = { "3号楼", "12", "五号院", "张三", "王家大院", "Unit 5, ", "(", "寄存在", "文三路8号" };
	struct text t;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		t.n = 0;
		add(&t, any_of(before, COUNT(before)));
		add(&t, "河南省");
		add_county(&t);
		add_town(&t);
		add(&t, any_of(rests, COUNT(rests)));
		must_hide(VIEW_M4_TOWNSHIP, VALUE_TEXT, &t);
		must_hide(VIEW_M4V_VILLAGE, VALUE_TEXT, &t);
	}
}

static bool ends_with(const struct shown *got, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (got->n >= strlen(words[i]) && memcmp(got->p + got->n - strlen(words[i]), words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

/* Words of addresses in any order: what shows is the beginning, ends with a marker, holds no house and stands by itself. */
static void words_in_any_order_show_no_house(void **state)
{
	static const char *const words[] = { "河南省", "周口市", "鹿邑县", "红旗", "古", "镇", "乡", "街道", "村", "社区", "市", "县", "区",
		"路", "街", "巷", "号", "5", "栋", "单元", "室", "小区", "花园", "李庄", "文三", "兵团", "第八师", "121", "团", "苏木", "族",
		"香港", "a", " ", "楼", "新村", "大道", "州", "旗", "号楼" };
	static const char *const towns[] = { "镇", "乡", "街道", "苏木", "团" }, *const villages[] = { "村", "社区", "居委会", "嘎查" };
	unsigned answered = 0;
	struct shown got, again;
	struct text t;

	(void)state;
	for (int round = 0; round < 10 * ROUNDS; round++) {
		enum view_op op = any(2) ? VIEW_M4_TOWNSHIP : VIEW_M4V_VILLAGE;

		t.n = 0;
		for (uint32_t i = 1 + any(12); i > 0; i--)
			add(&t, any_of(words, COUNT(words)));
		project(op, &no_shape, VALUE_TEXT, t.s, t.n, &got);
		if (got.type == VALUE_SUPPRESSED)
			continue;
		answered++;
		assert_memory_equal(got.p, t.s, got.n);
		assert_true(op == VIEW_M4_TOWNSHIP ? ends_with(&got, towns, COUNT(towns)) : ends_with(&got, villages, COUNT(villages)));
		assert_null(memchr(got.p, 'a', got.n));
		assert_null(memchr(got.p, ' ', got.n));
		if (memmem(got.p, got.n, "兵团", 6) == NULL)
			assert_null(memchr(got.p, '5', got.n));
		project(op, &no_shape, VALUE_TEXT, got.p, got.n, &again);
		if (again.type != VALUE_TEXT || again.n != got.n)
			fail_msg("%s shows %.*s, which shows %.*s", t.s, (int)got.n, (const char *)got.p, (int)again.n,
			    (const char *)again.p);
	}
	assert_in_range(answered, ROUNDS / 20, 9 * ROUNDS);
}

static void divisions_show_their_first_digits(void **state)
{
	struct text t, shown;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		t.n = shown.n = 0;
		add(&t, "4101");
		add_digits(&t, 2);
		if (any(3) > 0)
			add(&t, "1"), add_digits(&t, 2);
		if (t.n == 9 && any(2))
			add(&t, "2"), add_digits(&t, 2);
		(void)snprintf(shown.s, 20, "%.6s", t.s);
		shown.n = 6;
		must_show(VIEW_COUNTY, VALUE_CODE, &t, &shown);
		(void)snprintf(shown.s, 20, "%.9s%s", t.s, t.n < 9 ? "000" : "");
		shown.n = 9;
		must_show(VIEW_M4_TOWNSHIP, VALUE_CODE, &t, &shown);
		add(&t, "0");
		must_hide(VIEW_COUNTY, VALUE_CODE, &t);
	}
}

/* ---- dates and money ------------------------------------------------------------------------------------------- */

/* Full years on the day that is `today`, of somebody born on a date. */
static int age_on(int y, unsigned m, unsigned d, int32_t today)
{
	int now_y;
	unsigned now_m, now_d;

	clock_date(today, &now_y, &now_m, &now_d);
	return now_y - y - (now_m < m || (now_m == m && now_d < d) ? 1 : 0);
}

static const char *band_of(int age)
{
	return age < 3 ? "0-2" : age < 6 ? "3-5" : age < 12 ? "6-11" : age < 14 ? "12-13" : age < 16 ? "14-15" : age < 18 ? "16-17" : "18+";
}

/* Everybody of a quarter has one band: that of the youngest among them. */
static void dates_show_their_year_or_quarter(void **state)
{
	static const unsigned last_day[] = { 31, 30, 30, 31 };
	struct text t, year, quarter;
	struct value stored, got;
	struct buf scratch;

	(void)state;
	buf_init(&scratch, 100);
	for (int round = 0; round < 2 * ROUNDS; round++) {
		int y = 1990 + (int)any(40);
		unsigned m = 1 + any(12), d = 1 + any(28), q = (m - 1) / 3;
		int32_t today = clock_days(y, m, d) + (int32_t)any(365 * 20);

		t.n = (size_t)snprintf(t.s, 20, "%04d-%02u-%02u", y, m, d);
		year.n = (size_t)snprintf(year.s, 20, "%04d", y);
		quarter.n = (size_t)snprintf(quarter.s, 20, "%04dQ%u", y, q + 1);
		must_show(VIEW_M5_YEAR, VALUE_DATE, &t, &year);
		must_show(VIEW_M13_QUARTER, VALUE_DATE, &t, &quarter);
		must_show(VIEW_M5B_BIRTH_QUARTER, VALUE_DATE, &t, &quarter);
		stored = (struct value){ VALUE_TEXT, (const uint8_t *)quarter.s, quarter.n };
		buf_reset(&scratch);
		view_present(VIEW_M5B_BIRTH_QUARTER, &stored, today, &scratch, &got);
		assert_int_equal(got.n, strlen(band_of(age_on(y, q * 3 + 3, last_day[q], today))));
		assert_memory_equal(got.p, band_of(age_on(y, q * 3 + 3, last_day[q], today)), got.n);
		t.s[5] = '1', t.s[6] = '3';	/* a thirteenth month */
		must_hide(VIEW_M5_YEAR, VALUE_DATE, &t);
		must_hide(VIEW_M13_QUARTER, VALUE_DATE, &t);
		must_hide(VIEW_M5B_BIRTH_QUARTER, VALUE_DATE, &t);
	}
	buf_free(&scratch);
}

static void put_i64(int64_t v, uint8_t p[8])
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)((uint64_t)v >> (56 - 8 * i));
}

/* The band holds the amount's share of the standard, and whoever earns twice as much of twice the standard shows the same. */
static void amounts_show_a_band_that_holds_them(void **state)
{
	struct policy_shape shape = { .type = VALUE_INTEGER, .max_length = 8 };
	double share, low, high;
	struct shown got, twice;
	char s[20];
	uint8_t p[8];
	int64_t fen;

	(void)state;
	for (int round = 0; round < 2 * ROUNDS; round++) {
		fen = (int64_t)any(1u << 23) >> any(23);
		fen = any(50) == 0 ? -1 - fen : fen;
		shape.standard = 1 + (any(1u << 23) >> any(23));
		put_i64(fen, p);
		project(VIEW_M9_MONEY_BAND, &shape, VALUE_INTEGER, p, 8, &got);
		if (fen < 0) {
			assert_int_equal(got.type, VALUE_SUPPRESSED);
			continue;
		}
		assert_int_equal(got.type, VALUE_TEXT);
		share = (double)fen / (double)shape.standard;
		(void)snprintf(s, sizeof(s), "%.*s", (int)got.n, (const char *)got.p);
		if (sscanf(s, "%lfx-%lfx", &low, &high) == 2)
			assert_true(share >= low && share < high);
		else if (sscanf(s, ">=%lfx", &low) == 1)
			assert_true(share >= low);
		else if (sscanf(s, "<%lfx", &high) == 1)
			assert_true(fen > 0 && share < high);
		else
			assert_true(strcmp(s, "0") == 0 && fen == 0);
		shape.standard *= 2;
		put_i64(2 * fen, p);
		project(VIEW_M9_MONEY_BAND, &shape, VALUE_INTEGER, p, 8, &twice);
		assert_int_equal(twice.n, got.n);
		assert_memory_equal(twice.p, got.p, got.n);
	}
}

/* ---- lists, codes, groups -------------------------------------------------------------------------------------- */

static void lists_show_how_many_items_they_have(void **state)
{
	struct text want, item;
	struct shown got;
	struct buf b;
	size_t at, n;

	(void)state;
	for (int round = 0; round < ROUNDS / 4; round++) {
		n = any(40);
		buf_init(&b, 65536);
		at = value_begin(&b);
		for (size_t i = 0; i < n; i++) {
			item.n = 0;
			add_digits(&item, 1 + any(20));
			value_item_put(&b, VALUE_TEXT, item.s, item.n);
		}
		value_end(&b, at, n);
		want.n = (size_t)snprintf(want.s, 20, "%zu", n);
		project(VIEW_COUNT, &no_shape, VALUE_LIST, b.p, b.n, &got);
		assert_int_equal(got.type, VALUE_TEXT);
		assert_int_equal(got.n, want.n);
		assert_memory_equal(got.p, want.s, want.n);
		project(VIEW_COUNT, &no_shape, VALUE_LIST, b.p, b.n - 1, &got);	/* cut */
		assert_int_equal(got.type, VALUE_SUPPRESSED);
		buf_free(&b);
	}
}

/* Codes of one group look alike, and one without a group shows nothing. */
static void codes_show_their_group(void **state)
{
	static const struct policy_code codes[] = { { "cancer", LABEL, "illness" }, { "hiv", LABEL, "illness" },
		{ "none", LABEL, "none" }, { "odd", LABEL, "" }, { "old", LABEL, NULL } };
	const struct policy_shape shape = { .type = VALUE_CODE, .code_count = COUNT(codes), .codes = codes };
	static const char *const unknown[] = { "hi", "hivv", "", "hiv\n", "illness" };
	struct shown got;

	(void)state;
	assert_true(view_op_fits(VIEW_GENERAL, &shape));
	for (size_t i = 0; i < COUNT(codes); i++) {
		const char *general = codes[i].general;

		project(VIEW_GENERAL, &shape, VALUE_CODE, codes[i].code, strlen(codes[i].code), &got);
		assert_int_equal(got.type, general == NULL || *general == '\0' ? VALUE_SUPPRESSED : VALUE_TEXT);
		if (got.type == VALUE_TEXT)
			assert_true(got.n == strlen(general) && memcmp(got.p, general, got.n) == 0);
	}
	for (size_t i = 0; i < COUNT(unknown); i++) {
		project(VIEW_GENERAL, &shape, VALUE_CODE, unknown[i], strlen(unknown[i]), &got);
		assert_int_equal(got.type, VALUE_SUPPRESSED);
	}
}

static const struct policy_code kinds[] = { { "aunt", LABEL, "" }, { "uncle", LABEL, "" } };
static const struct policy_member members[] = {
	{ "address", LABEL, { .type = VALUE_TEXT, .max_length = 300 } },
	{ "age", LABEL, { .type = VALUE_INTEGER, .max_length = 8 } },
	{ "kind", LABEL, { .type = VALUE_CODE, .max_length = 5, .code_count = 2, .codes = kinds } },
	{ "name", LABEL, { .type = VALUE_TEXT, .max_length = 200, .validator = VALID_V1_NAME } },
	{ "number", LABEL, { .type = VALUE_CODE, .max_length = 18, .validator = VALID_V3_ID_NO } },
	{ "phone", LABEL, { .type = VALUE_TEXT, .max_length = 13, .validator = VALID_V9_PHONE } },
	{ "relation", LABEL, { .type = VALUE_CODE, .max_length = 2, .validator = VALID_V10_RELATION } }
};
static const struct policy_shape person = {
	.type = VALUE_GROUP, .max_length = 900, .member_count = COUNT(members), .members = members
};

/* A contact: what is shown is fixed by the arguments, everything else is random. */
static void put_contact(
    struct buf *b, const char *surname, const char *phone_end, const char *relation, const char *kind, bool unknown)
{
	struct text name = { .n = 0 }, phone = { .n = 0 }, address = { .n = 0 }, id = { .n = 0 };
	size_t at = value_begin(b);

	add(&address, "鹿邑县");
	add_place(&address, 1, 9);
	add_id(&id);
	add(&name, surname);
	add_rest(&name, 1 + any(13), false);
	add(&phone, "138");
	add_digits(&phone, 4);
	add(&phone, phone_end);
	value_member_put(b, "address", 7, VALUE_TEXT, address.s, address.n);
	value_member_put(b, "age", 3, VALUE_INTEGER, id.s, 8);
	value_member_put(b, "kind", 4, VALUE_TEXT, kind, strlen(kind));
	value_member_put(b, "name", 4, VALUE_TEXT, name.s, name.n);
	value_member_put(b, "number", 6, VALUE_TEXT, id.s, id.n);
	value_member_put(b, "phone", 5, VALUE_TEXT, phone.s, phone.n);
	value_member_put(b, "relation", 8, VALUE_TEXT, relation, strlen(relation));
	if (unknown)
		value_member_put(b, "secret", 6, VALUE_TEXT, "secret", 6);
	value_end(b, at, unknown ? 8 : 7);
}

static void contacts_show_what_their_members_rules_allow(void **state)
{
	struct shown got;
	struct buf b, want;
	size_t at;

	(void)state;
	assert_true(view_op_fits(VIEW_CONTACT, &person));
	buf_init(&want, 400);
	at = value_begin(&want);
	value_member_put(&want, "kind", 4, VALUE_TEXT, "aunt", 4);
	value_member_put(&want, "name", 4, VALUE_TEXT, "张**", 5);
	value_member_put(&want, "phone", 5, VALUE_TEXT, "138****5678", 11);
	value_member_put(&want, "relation", 8, VALUE_TEXT, "51", 2);
	value_end(&want, at, 4);
	for (int round = 0; round < ROUNDS; round++) {
		buf_init(&b, 4096);
		put_contact(&b, "张", "5678", "51", "aunt", any(2));
		project(VIEW_CONTACT, &person, VALUE_GROUP, b.p, b.n, &got);
		assert_int_equal(got.type, VALUE_GROUP);
		assert_int_equal(got.n, want.n);
		assert_memory_equal(got.p, want.p, want.n);
		buf_reset(&b);
		/* One member that cannot be masked hides all. */
		switch (any(4)) {
		case 0:
			put_contact(&b, "张", "5678", "51", "cousin", false);
			break;
		case 1:
			put_contact(&b, "5", "5678", "51", "aunt", false);
			break;
		case 2:
			put_contact(&b, "张", "567", "51", "aunt", false);
			break;
		default:
			put_contact(&b, "张", "5678", "my aunt", "aunt", false);
		}
		project(VIEW_CONTACT, &person, VALUE_GROUP, b.p, b.n, &got);
		assert_int_equal(got.type, VALUE_SUPPRESSED);
		buf_free(&b);
	}
	buf_free(&want);
}

static void contacts_of_nothing_known_are_hidden(void **state)
{
	struct policy_shape few = person;
	struct shown got;
	struct buf b;

	(void)state;
	few.member_count = 2;	/* address and age */
	assert_false(view_op_fits(VIEW_CONTACT, &few));
	buf_init(&b, 4096);
	put_contact(&b, "张", "5678", "51", "aunt", false);
	project(VIEW_CONTACT, &few, VALUE_GROUP, b.p, b.n, &got);
	assert_int_equal(got.type, VALUE_SUPPRESSED);
	project(VIEW_CONTACT, &person, VALUE_GROUP, "\0\0", 2, &got);
	assert_int_equal(got.type, VALUE_SUPPRESSED);
	buf_free(&b);
}

/* ---- anything -------------------------------------------------------------------------------------------------- */

static bool may_show_all(enum view_op op)
{
	return op == VIEW_PLAIN || op == VIEW_M1O_CALL_NAME || op == VIEW_M4_TOWNSHIP || op == VIEW_M4V_VILLAGE || op == VIEW_M10_STAGE ||
	    op == VIEW_COUNTY || op == VIEW_PRESENT;
}

/* Any bytes of any type meet every operator: project() itself judges the results. */
static void any_bytes_are_answered(void **state)
{
	static const char *const pieces[] = { "张", "欧阳", "𠮷", "·", "镇", "街道", "市", "县", "乡", "村", "路", "号", "1", "9", "X", "-",
		"2015-03-02", "a", "\x80", "\xE5", " ", "\u0301", "G", "0371", "小学", "兵团", "团", "138", "410122", "\xF0\xA0" };
	struct shown got;
	struct text t;

	(void)state;
	for (int round = 0; round < ROUNDS / 2; round++) {
		t.n = 0;
		for (uint32_t i = any(16); i > 0; i--)
			add(&t, any_of(pieces, COUNT(pieces)));
		if (t.n > 0 && any(4) == 0)
			t.s[any((uint32_t)t.n)] = (char)any(256);
		for (unsigned op = 0; op <= VIEW_OPS; op++)
			for (uint8_t type = 0; type < 17; type++) {
				if (op == VIEW_PLAIN)
					continue;
				project((enum view_op)op, &person, type, t.s, type == VALUE_NULL ? 0 : t.n, &got);
				if (got.type == VALUE_TEXT && !may_show_all((enum view_op)op))
					assert_false(got.n == t.n && memcmp(got.p, t.s, t.n) == 0);
			}
	}
}

/* Cuts and flipped bits of groups and lists: a count or a contact comes of whole ones only. */
static void broken_groups_are_answered(void **state)
{
	struct shown got;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	put_contact(&b, "张", "5678", "51", "aunt", true);
	for (size_t n = 0; n < b.n; n++) {
		project(VIEW_CONTACT, &person, VALUE_GROUP, b.p, n, &got);
		assert_int_equal(got.type, VALUE_SUPPRESSED);
	}
	for (size_t bit = 0; bit < b.n * 8; bit++) {
		b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		project(VIEW_CONTACT, &person, VALUE_GROUP, b.p, b.n, &got);
		project(VIEW_COUNT, &person, VALUE_LIST, b.p, b.n, &got);
		b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	buf_free(&b);
}

static void an_operator_has_one_padded_length(void **state)
{
	const struct policy_field f = { .max_length = 600, .shape = { .type = VALUE_TEXT, .max_length = 600 } };

	(void)state;
	for (unsigned op = 1; op < VIEW_OPS; op++) {
		assert_non_null(view_op_name(op));
		if (op == VIEW_PLAIN)
			continue;
		assert_true(view_padded(&f, (enum view_op)op, 0) >= 8);
		for (size_t n = 0; n < 600; n += 7)
			assert_int_equal(view_padded(&f, (enum view_op)op, n), view_padded(&f, (enum view_op)op, 0));
	}
	assert_null(view_op_name(VIEW_OPS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(names_show_their_surname_whatever_follows, reseed),
		cmocka_unit_test_setup(call_names_are_short, reseed),
		cmocka_unit_test_setup(id_numbers_show_seven_characters, reseed),
		cmocka_unit_test_setup(certificates_show_no_type_and_no_level, reseed),
		cmocka_unit_test_setup(phones_show_seven_digits_or_an_area, reseed),
		cmocka_unit_test_setup(accounts_and_other_numbers_show_their_tail, reseed),
		cmocka_unit_test_setup(addresses_show_their_township, reseed),
		cmocka_unit_test_setup(addresses_that_begin_otherwise_show_nothing, reseed),
		cmocka_unit_test_setup(words_in_any_order_show_no_house, reseed),
		cmocka_unit_test_setup(divisions_show_their_first_digits, reseed),
		cmocka_unit_test_setup(dates_show_their_year_or_quarter, reseed),
		cmocka_unit_test_setup(amounts_show_a_band_that_holds_them, reseed),
		cmocka_unit_test_setup(lists_show_how_many_items_they_have, reseed),
		cmocka_unit_test_setup(codes_show_their_group, reseed),
		cmocka_unit_test_setup(contacts_show_what_their_members_rules_allow, reseed),
		cmocka_unit_test_setup(contacts_of_nothing_known_are_hidden, reseed),
		cmocka_unit_test_setup(any_bytes_are_answered, reseed),
		cmocka_unit_test_setup(broken_groups_are_answered, reseed),
		cmocka_unit_test_setup(an_operator_has_one_padded_length, reseed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "model/validate.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "format/row.h"

#define MIDDLE_DOT 0xB7u
#define MONEY_MAX 10000000000000	/* fen */

/* ---- code points ----------------------------------------------------------------------------------------------- */

struct range {
	uint32_t first, last;
};

static bool in_ranges(uint32_t cp, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cp >= r[i].first && cp <= r[i].last)
			return true;
	return false;
}
#define IN(cp, table) in_ranges((cp), (table), sizeof(table) / sizeof((table)[0]))

bool is_han(uint32_t cp)
{
	/* The zero of names and years, the URO with its extensions A to I, and the compatibility blocks. */
	static const struct range han[] = {
		{ 0x3007, 0x3007 }, { 0x3400, 0x4DBF }, { 0x4E00, 0x9FFF }, { 0xF900, 0xFAD9 }, { 0x20000, 0x2A6DF },
		{ 0x2A700, 0x2EE5D }, { 0x2F800, 0x2FA1D }, { 0x30000, 0x323AF }
	};

	return IN(cp, han);
}

bool is_latin(uint32_t cp)
{
	static const struct range latin[] = {
		{ 'A', 'Z' }, { 'a', 'z' }, { 0xC0, 0xD6 }, { 0xD8, 0xF6 }, { 0xF8, 0x24F }, { 0x1E00, 0x1EFF }
	};

	return IN(cp, latin);
}

/* Marks that change the look of the character before them. */
static bool is_mark(uint32_t cp)
{
	static const struct range marks[] = { { 0x300, 0x36F }, { 0xFE00, 0xFE0F }, { 0xE0100, 0xE01EF } };

	return IN(cp, marks);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool all_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_digit(s[i]))
			return false;
	return true;
}

static unsigned number(const char *s, size_t n)
{
	unsigned v = 0;

	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned)(s[i] - '0');
	return v;
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

/* Controls hide text, bidirectional ones reorder it: both let a value read otherwise than it is. */
static bool is_forbidden(uint32_t cp)
{
	static const struct range bad[] = {
		{ 0, 8 }, { 0xB, 0x1F }, { 0x7F, 0x9F }, { 0x61C, 0x61C }, { 0x200B, 0x200F }, { 0x2028, 0x202E },
		{ 0x2060, 0x2069 }, { 0xFEFF, 0xFEFF }, { 0xFFF9, 0xFFFB }, { 0xFFFE, 0xFFFF }
	};

	return IN(cp, bad);
}

bool text_clean(const char *s, size_t n)
{
	uint32_t cp;
	size_t len;

	for (size_t i = 0; i < n; i += len)
		if ((len = utf8_next(s + i, n - i, &cp)) == 0 || is_forbidden(cp))
			return false;
	return n > 0;
}

bool text_clean_line(const char *s, size_t n)
{
	return text_clean(s, n) && memchr(s, '\n', n) == NULL && memchr(s, '\t', n) == NULL;
}

/* ---- dates ----------------------------------------------------------------------------------------------------- */

static bool real_date(unsigned y, unsigned m, unsigned d, int32_t *ret_days)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	if (m < 1 || m > 12 || d < 1 || d > days[m - 1] + (leap && m == 2 ? 1u : 0u))
		return false;
	*ret_days = clock_days((int)y, m, d);
	return true;
}

bool date_parse(const char *s, size_t n, int32_t *ret_days)
{
	unsigned y;

	if (n != 10 || s[4] != '-' || s[7] != '-' || !all_digits(s, 4) || !all_digits(s + 5, 2) ||
	    !all_digits(s + 8, 2))
		return false;
	y = number(s, 4);
	return y >= 1900 && real_date(y, number(s + 5, 2), number(s + 8, 2), ret_days);
}

static bool past_date(const char *s, size_t n, int32_t today)
{
	int32_t day;

	return date_parse(s, n, &day) && day <= today;
}

/* ---- v1 names -------------------------------------------------------------------------------------------------- */

enum kind { KIND_OTHER, KIND_HAN, KIND_LATIN, KIND_DOT, KIND_JOIN, KIND_MARK };

static enum kind kind_of(uint32_t cp)
{
	if (is_han(cp))
		return KIND_HAN;
	if (is_latin(cp))
		return KIND_LATIN;
	if (cp == MIDDLE_DOT)
		return KIND_DOT;
	if (cp == ' ' || cp == '-' || cp == '\'' || cp == 0x2019)
		return KIND_JOIN;
	return is_mark(cp) ? KIND_MARK : KIND_OTHER;
}

/* Whether a character of kind now may follow one of kind before (KIND_OTHER at the start). */
static bool may_follow(enum kind before, enum kind now)
{
	switch (now) {
	case KIND_HAN:
	case KIND_LATIN:
		return true;
	case KIND_DOT:
		return before == KIND_HAN || before == KIND_LATIN || before == KIND_MARK;
	case KIND_JOIN:
		return before == KIND_LATIN || before == KIND_MARK;
	case KIND_MARK:
		return before == KIND_HAN || before == KIND_LATIN || before == KIND_MARK;
	default:
		return false;
	}
}

static bool valid_name(const char *s, size_t n)
{
	enum kind before = KIND_OTHER, now;
	size_t count = 0, len;
	uint32_t cp;

	for (size_t i = 0; i < n; i += len) {
		if ((len = utf8_next(s + i, n - i, &cp)) == 0)
			return false;
		now = kind_of(cp);
		if (!may_follow(before, now) || ++count > NAME_CHARACTERS)
			return false;
		before = now;
	}
	return before == KIND_HAN || before == KIND_LATIN || before == KIND_MARK;
}

/* ---- numbers with rules ---------------------------------------------------------------------------------------- */

/* First two digits of a division code. 83 stands in residence permits for Taiwan residents. */
static bool valid_province(const char *s)
{
	static const struct range provinces[] = {
		{ 11, 15 }, { 21, 23 }, { 31, 37 }, { 41, 46 }, { 50, 54 }, { 61, 65 }, { 71, 71 }, { 81, 83 }
	};

	return IN(number(s, 2), provinces);
}

static char id_check_character(const char *s)
{
	static const uint8_t weight[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	unsigned sum = 0;

	for (size_t i = 0; i < 17; i++)
		sum += (unsigned)(s[i] - '0') * weight[i];
	return "10X98765432"[sum % 11];
}

static bool valid_id_no(const char *s, size_t n, int32_t today)
{
	int32_t day;
	unsigned y;

	if (n != 18 || !all_digits(s, 17) || !valid_province(s))
		return false;
	y = number(s + 6, 4);
	if (y < 1800 || !real_date(y, number(s + 10, 2), number(s + 12, 2), &day) || day > today)
		return false;
	return s[17] == id_check_character(s);
}

static bool valid_division(const char *s, size_t n)
{
	unsigned town, county, prefecture;

	if ((n != 6 && n != 9 && n != 12) || !all_digits(s, n) || !valid_province(s))
		return false;
	prefecture = number(s + 2, 2);
	county = number(s + 4, 2);
	if (prefecture == 0 && county != 0)
		return false;
	if (n == 6)
		return true;
	/* Streets, towns, townships, development zones of the statistical code; district offices. */
	town = number(s + 6, 3);
	if (prefecture == 0 || !((town >= 1 && town <= 599) || town >= 900))
		return false;
	return n == 9 || number(s + 9, 3) != 0;
}

static bool valid_phone(const char *s, size_t n)
{
	size_t area;

	if (n == 11 && s[0] == '1')
		return s[1] >= '3' && all_digits(s, n);
	if (n < 10 || s[0] != '0')
		return false;
	/* 010 and 02x have three digits, all others four. */
	area = s[1] == '1' || s[1] == '2' ? 3 : 4;
	if (!all_digits(s, area) || (s[1] == '1' && s[2] != '0') || s[1] == '0')
		return false;
	s += area;
	n -= area;
	if (*s == '-') {
		s++;
		n--;
	}
	return (n == 7 || n == 8) && all_digits(s, n) && *s >= '2';
}

static bool valid_disability_cert(const char *s, size_t n, int32_t today)
{
	if (n != 20 && n != 22)
		return false;
	if (!valid_id_no(s, 18, today) || s[18] < '1' || s[18] > '7' || s[19] < '1' || s[19] > '4')
		return false;
	return n == 20 || (s[20] == 'B' && is_digit(s[21]));
}

static bool valid_student_no(const char *s, size_t n, int32_t today)
{
	if (n != 19)
		return false;
	if (s[0] == 'G')
		return valid_id_no(s + 1, 18, today);
	if (s[0] != 'L')
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_digit(s[i]) && !is_upper(s[i]))
			return false;
	return true;
}

static bool valid_account(const char *s, size_t n)
{
	unsigned sum = 0, d;

	if (n < 16 || n > 19 || !all_digits(s, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		d = (unsigned)(s[n - 1 - i] - '0');
		if (i % 2 == 1)
			d = d < 5 ? d * 2 : d * 2 - 9;
		sum += d;
	}
	return sum % 10 == 0;
}

/* Unified social credit code: 31 characters, weights 3^i modulo 31. */
static bool valid_organisation(const char *s, size_t n)
{
	static const char set[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	unsigned sum = 0, weight = 1;
	const char *p;

	if (n != 18)
		return false;
	for (size_t i = 0; i < 18; i++) {
		if (s[i] == 0 || (p = strchr(set, s[i])) == NULL)
			return false;
		if (i == 17)
			return (31 - sum % 31) % 31 == (unsigned)(p - set);
		sum += (unsigned)(p - set) * weight;
		weight = weight * 3 % 31;
	}
	return false;
}

static bool one_of(const char *s, size_t n, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strlen(*list) == n && memcmp(*list, s, n) == 0)
			return true;
	return false;
}

static bool valid_id_type(const char *s, size_t n)
{
	static const char *const types[] = {"resident_id", "household_book", "birth_certificate",
	    "hmt_residence_permit", "passport", "foreign_permanent_residence", "none", NULL};

	return one_of(s, n, types);
}

static bool valid_stage(const char *s, size_t n)
{
	static const char *const stages[] = { "学前", "小学", "初中", "高中", "中职", "大专", "本科", "硕士", NULL };

	return one_of(s, n, stages);
}

static bool valid_ethnicity(const char *s, size_t n)
{
	unsigned v;

	if (n != 2 || !all_digits(s, 2))
		return false;
	v = number(s, 2);
	return (v >= 1 && v <= 56) || v == 97 || v == 98;
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

bool validate_text(enum validator v, const char *s, size_t n, int32_t today)
{
	switch (v) {
	case VALID_NONE:
		return text_clean(s, n);
	case VALID_V1_NAME:
		return valid_name(s, n);
	case VALID_V2_ID_TYPE:
		return valid_id_type(s, n);
	case VALID_V3_ID_NO:
		return valid_id_no(s, n, today);
	case VALID_V4_SEX:
		return n == 1 && (*s == '0' || *s == '1' || *s == '2' || *s == '9');
	case VALID_V5_BIRTH_DATE:
	case VALID_V17_PAST:
		return past_date(s, n, today);
	case VALID_V6_ETHNICITY:
		return valid_ethnicity(s, n);
	case VALID_V7_BIRTH_CERT:
		return n == 10 && is_upper(*s) && all_digits(s + 1, 9);
	case VALID_V8_DIVISION:
		return valid_division(s, n);
	case VALID_V9_PHONE:
		return valid_phone(s, n);
	case VALID_V10_RELATION:
		return n == 2 && all_digits(s, 2) && number(s, 2) != 0;
	case VALID_V11_DISABILITY_CERT:
		return valid_disability_cert(s, n, today);
	case VALID_V12_DISABILITY:
		return n == 1 && *s >= '1' && *s <= '7';
	case VALID_V13_STAGE:
		return valid_stage(s, n);
	case VALID_V14_STUDENT_NO:
		return valid_student_no(s, n, today);
	case VALID_V15_ACCOUNT:
		return valid_account(s, n);
	case VALID_V16_ORGANISATION:
		return valid_organisation(s, n);
	}
	return false;
}

bool validate_integer(enum validator v, int64_t i)
{
	return v == VALID_NONE || (v == VALID_V17_PAST && i >= 0 && i <= MONEY_MAX);
}

#define BIT(type) (1u << (type))
#define TEXTUAL (BIT(VALUE_TEXT) | BIT(VALUE_CODE))

static const struct rule {
	const char *name, *expects;
	unsigned types;		/* BIT(VALUE_*) it can judge */
	uint16_t length;	/* longest value, 0: not fixed */
} rules[VALIDATORS] = {
	{ "none", "text without control characters", ~0u, 0 },
	{ "v1", "name of at most 50 characters", BIT(VALUE_TEXT), 0 },
	{ "v2", "kind of identity document", BIT(VALUE_CODE), 27 },
	{ "v3", "identity number with its check character", TEXTUAL, 18 },
	{ "v4", "sex code 0, 1, 2 or 9", BIT(VALUE_CODE), 1 },
	{ "v5", "date YYYY-MM-DD that is not in the future", BIT(VALUE_DATE), 10 },
	{ "v6", "ethnicity code 01 to 56, 97 or 98", BIT(VALUE_CODE), 2 },
	{ "v7", "letter and 9 digits", TEXTUAL, 10 },
	{ "v8", "division code of 6, 9 or 12 digits", TEXTUAL, 12 },
	{ "v9", "telephone number", TEXTUAL, 13 },
	{ "v10", "relation code of 2 digits", BIT(VALUE_CODE), 2 },
	{ "v11", "disability certificate number", TEXTUAL, 22 },
	{ "v12", "disability type 1 to 7 or level 1 to 4", BIT(VALUE_CODE), 1 },
	{ "v13", "stage of education", BIT(VALUE_CODE), 6 },
	{ "v14", "student number", TEXTUAL, 19 },
	{ "v15", "account number with its check digit", TEXTUAL, 19 },
	{ "v16", "organisation code with its check character", TEXTUAL, 18 },
	{ "v17", "date that is not in the future, or amount in fen", BIT(VALUE_DATE) | BIT(VALUE_INTEGER), 0 }
};

uint16_t validator_length(enum validator v)
{
	return rules[v].length;
}

bool validator_fits(enum validator v, uint8_t type)
{
	return type < 16 && (rules[v].types & BIT(type)) != 0;
}

const char *validator_expects(enum validator v)
{
	return rules[v].expects;
}

const char *validator_name(enum validator v)
{
	return rules[v].name;
}

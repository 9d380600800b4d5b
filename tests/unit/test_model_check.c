/* model: rules between the values of one write. */
#include "test_model.h"

#include "format/value.h"
#include "model/check.h"

#define ID "11010519491231002X"		/* digit 17 is even: a woman's */
#define CERT ID "42"			/* type 4, level 2 */

static const struct policy_code seven[] = { { "1", LABEL, "" }, { "4", LABEL, "" }, { "7", LABEL, "" } };
static const struct policy_code four[] = { { "1", LABEL, "" }, { "2", LABEL, "" }, { "4", LABEL, "" } };
static const struct policy_member span[] = {
	{ "from", LABEL, { .type = VALUE_DATE, .max_length = 10 } }, { "to", LABEL, { .type = VALUE_DATE, .max_length = 10 } }
};
static const struct policy_member person[] = {
	{ "born", LABEL, { .type = VALUE_DATE, .max_length = 10, .validator = VALID_V5_BIRTH_DATE } },
	{ "number", LABEL, { .type = VALUE_TEXT, .max_length = 18, .validator = VALID_V3_ID_NO } }
};
static const struct policy_shape span_item = { .type = VALUE_GROUP, .max_length = 100, .member_count = 2, .members = span };

static const struct policy_field
	number = { .name = "number", .about = "", .shape = { .type = VALUE_TEXT, .validator = VALID_V3_ID_NO } },
	mothers_number = { .name = "m_number", .about = "mother", .shape = { .type = VALUE_TEXT, .validator = VALID_V3_ID_NO } },
	born = { .name = "born", .about = "", .shape = { .type = VALUE_DATE, .validator = VALID_V5_BIRTH_DATE } },
	sex = { .name = "sex", .about = "", .shape = { .type = VALUE_CODE, .validator = VALID_V4_SEX } },
	cert = { .name = "cert", .about = "", .shape = { .type = VALUE_TEXT, .validator = VALID_V11_DISABILITY_CERT } },
	type = { .name = "kind", .about = "",
		.shape = { .type = VALUE_CODE, .validator = VALID_V12_DISABILITY, .code_count = 3, .codes = seven } },
	level = { .name = "grade", .about = "",
		.shape = { .type = VALUE_CODE, .validator = VALID_V12_DISABILITY, .code_count = 3, .codes = four } },
	untold = { .name = "either", .about = "", .shape = { .type = VALUE_CODE, .validator = VALID_V12_DISABILITY } },
	from = { .name = "from", .about = "", .shape = { .type = VALUE_DATE } },
	to = { .name = "to", .about = "", .shape = { .type = VALUE_DATE } },
	term = { .name = "term", .about = "", .shape = { .type = VALUE_GROUP, .member_count = 2, .members = span } },
	terms = { .name = "terms", .about = "", .shape = { .type = VALUE_LIST, .item = &span_item } },
	carer = { .name = "carer", .about = "carer", .shape = { .type = VALUE_GROUP, .member_count = 2, .members = person } };

struct set_case {
	int r;
	int at;			/* -1: nothing is said */
	struct { const struct policy_field *field; const char *s; } value[5];
};

static const struct set_case sets[] = {
	{ 0, -1, { { &number, ID } } },
	{ 0, -1, { { &number, ID }, { &born, "1949-12-31" } } },
	{ CV_ERR_INVALID, 1, { { &number, ID }, { &born, "1949-12-30" } } },
	{ CV_ERR_INVALID, 0, { { &born, "1949-11-31" }, { &number, ID } } },
	{ 0, -1, { { &mothers_number, ID }, { &born, "2016-02-29" } } },
	{ 0, -1, { { &number, NULL }, { &born, "2016-02-29" } } },	/* null is no number */
	{ 0, -1, { { &number, ID }, { &born, NULL } } },
	/* Sex is a warning, and unknown sexes fit. */
	{ 0, -1, { { &number, ID }, { &sex, "2" } } },
	{ 0, 1, { { &number, ID }, { &sex, "1" } } },
	{ 0, -1, { { &number, ID }, { &sex, "0" } } },
	{ 0, -1, { { &number, ID }, { &sex, "9" } } },
	{ CV_ERR_INVALID, 2, { { &number, ID }, { &sex, "1" }, { &born, "2000-01-01" } } },
	/* The certificate and what it tells. */
	{ 0, -1, { { &number, ID }, { &cert, CERT } } },
	{ 0, -1, { { &number, ID }, { &cert, CERT "B1" } } },
	{ CV_ERR_INVALID, 1, { { &number, "440524188001010014" }, { &cert, CERT } } },
	{ 0, -1, { { &mothers_number, "440524188001010014" }, { &cert, CERT } } },
	{ 0, -1, { { &cert, CERT }, { &type, "4" }, { &level, "2" } } },
	{ 0, -1, { { &cert, CERT "B1" }, { &type, "4" }, { &level, "2" } } },
	{ CV_ERR_INVALID, 1, { { &cert, CERT }, { &type, "1" }, { &level, "2" } } },
	{ CV_ERR_INVALID, 0, { { &level, "4" }, { &type, "4" }, { &cert, CERT } } },
	{ 0, -1, { { &cert, CERT }, { &untold, "7" } } },
	/* Of several faults the first item counts. */
	{ CV_ERR_INVALID, 1, { { &number, ID }, { &born, "2000-01-01" }, { &cert, CERT }, { &type, "1" } } },
	{ CV_ERR_INVALID, 0, { { &born, "2000-01-01" }, { &cert, CERT }, { &type, "1" }, { &number, ID } } },
	/* Spans of time. */
	{ 0, -1, { { &from, "2026-01-02" }, { &to, "2026-01-02" } } },
	{ 0, -1, { { &to, "2026-01-03" }, { &from, "2026-01-02" } } },
	{ CV_ERR_INVALID, 1, { { &from, "2026-01-02" }, { &to, "2025-12-31" } } },
	{ 0, -1, { { &from, "2026-01-02" } } }
};

static void values_of_one_person_agree(void **state)
{
	struct check_note note;
	struct check_item item[5];
	size_t n;
	int r;

	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		for (n = 0; n < 5 && sets[i].value[n].field != NULL; n++) {
			const char *s = sets[i].value[n].s;

			item[n].field = sets[i].value[n].field;
			item[n].value = s == NULL ? (struct value){ VALUE_NULL, NULL, 0 } : text_value(s);
			if (s != NULL)
				item[n].value.type = item[n].field->shape.type;
		}
		note = (struct check_note){ 99, "untouched" };
		r = accept_check_set(item, n, &note);
		if (r != sets[i].r || (sets[i].at < 0) != (note.text == NULL) || (sets[i].at >= 0 && note.at != (size_t)sets[i].at))
			fail_msg("set %zu: %d, item %zu, %s", i, r, note.at, note.text == NULL ? "nothing" : note.text);
	}
	assert_int_equal(accept_check_set(NULL, 0, &note), 0);
	assert_null(note.text);
}

static void put_pair(struct buf *b, const char *first, const char *a, const char *second, const char *z)
{
	size_t at = value_begin(b);

	value_member_put(b, first, strlen(first), VALUE_TEXT, a, strlen(a));
	value_member_put(b, second, strlen(second), VALUE_TEXT, z, strlen(z));
	value_end(b, at, 2);
}

static int check_group_of(const struct policy_field *f, const char *first, const char *a, const char *second, const char *z)
{
	struct check_note note = { 99, NULL };
	struct check_item item = { .field = f };
	struct buf b;
	int r;

	buf_init(&b, 200);
	put_pair(&b, first, a, second, z);
	item.value = (struct value){ VALUE_GROUP, b.p, b.n };
	r = accept_check_set(&item, 1, &note);
	assert_int_equal(note.at, 0);
	assert_true((r != 0) == (note.text != NULL));
	buf_free(&b);
	return r;
}

static void members_of_a_group_agree(void **state)
{
	(void)state;
	assert_int_equal(check_group_of(&term, "from", "2026-01-01", "to", "2026-01-01"), 0);
	assert_int_equal(check_group_of(&term, "from", "2026-01-02", "to", "2026-01-01"), CV_ERR_INVALID);
	assert_int_equal(check_group_of(&carer, "born", "1949-12-31", "number", ID), 0);
	assert_int_equal(check_group_of(&carer, "born", "1949-12-30", "number", ID), CV_ERR_INVALID);
}

static void groups_in_a_list_are_looked_into(void **state)
{
	struct check_item item[2] = { { &number, text_value(ID) }, { .field = &terms } };
	struct check_note note = { 99, NULL };
	size_t at, nested;
	struct buf b;

	(void)state;
	for (int last = 0; last < 2; last++) {
		buf_init(&b, 400);
		at = value_begin(&b);
		for (int i = 0; i < 2; i++) {
			nested = value_nest_begin(&b, NULL, 0, VALUE_GROUP);
			put_pair(&b, "from", "2026-01-01", "to", i == last ? "2025-01-01" : "2026-02-01");
			value_nest_end(&b, nested);
		}
		value_end(&b, at, 2);
		item[1].value = (struct value){ VALUE_LIST, b.p, b.n };
		assert_int_equal(accept_check_set(item, 2, &note), CV_ERR_INVALID);
		assert_int_equal(note.at, 1);
		item[1].value.n--;	/* a list that is cut is not walked */
		assert_int_equal(accept_check_set(item, 2, &note), 0);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_one_person_agree),
		cmocka_unit_test(members_of_a_group_agree),
		cmocka_unit_test(groups_in_a_list_are_looked_into),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

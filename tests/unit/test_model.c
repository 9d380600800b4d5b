/* model: the policy document, its rules, look-ups, decisions. */
#include "test_model.h"

#include <stdlib.h>

/* ---- bytes ----------------------------------------------------------------------------------------------------- */

static void document_survives_decoding(void **state)
{
	struct policy *p = NULL;
	struct buf doc, again;
	struct fixture x;

	(void)state;
	fixture_init(&x);
	fixture_encode(&x, &doc);
	assert_int_equal(policy_decode(doc.p, doc.n, &p), 0);
	buf_init(&again, POLICY_DOCUMENT_MAX);
	assert_int_equal(policy_encode(policy_source_of(p), &again), 0);
	assert_int_equal(again.n, doc.n);
	assert_memory_equal(again.p, doc.p, doc.n);
	assert_string_equal(policy_name(p), "patients");
	assert_int_equal(policy_version(p), 3);
	policy_free(p);
	buf_free(&doc);
	buf_free(&again);
}

static void decode_refuses_every_cut_and_every_tail(void **state)
{
	struct policy *p = NULL;
	struct fixture x;
	struct buf doc;
	uint8_t *copy;

	(void)state;
	fixture_init(&x);
	fixture_encode(&x, &doc);
	for (size_t n = 0; n < doc.n; n++) {
		/* An exact allocation lets a sanitizer see a read past the cut. */
		copy = malloc(n == 0 ? 1 : n);
		assert_non_null(copy);
		memcpy(copy, doc.p, n);
		assert_int_not_equal(policy_decode(copy, n, &p), 0);
		assert_null(p);
		free(copy);
	}
	buf_u8(&doc, 0);
	assert_int_equal(policy_decode(doc.p, doc.n, &p), CV_ERR_FORMAT);
	buf_free(&doc);
}

/* One meaning has one encoding: whatever decodes, encodes to the same bytes. */
static void changed_bytes_are_refused_or_canonical(void **state)
{
	struct buf doc, again;
	unsigned accepted = 0;
	struct policy *p;
	struct fixture x;

	(void)state;
	fixture_init(&x);
	fixture_encode(&x, &doc);
	for (size_t bit = 0; bit < doc.n * 8; bit++) {
		doc.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		p = NULL;
		if (policy_decode(doc.p, doc.n, &p) == 0) {
			accepted++;
			buf_init(&again, POLICY_DOCUMENT_MAX);
			assert_int_equal(policy_encode(policy_source_of(p), &again), 0);
			assert_int_equal(again.n, doc.n);
			assert_memory_equal(again.p, doc.p, doc.n);
			buf_free(&again);
			policy_free(p);
		}
		doc.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_in_range(accepted, 1, doc.n * 8 / 2);
	buf_free(&doc);
}

static void known_document_has_known_bytes(void **state)
{
	/* FORMAT.md section 11.1: the smallest policy. */
	static const uint8_t want[] = { 'C', 'V', 'P', 'D', 2, 1, 1, 'p', 0, 0, 0, 9,
		0, 1, 0, 1, 1, 'D', 3, 0xE9, 0x83, 0xA8, 1, 'd',
		0, 1, 0, 2, 1, 'u', 3, 0xE7, 0x94, 0xA8, 1, 'u', 1,
		0, 1, 0, 0x10, 1, 'c', 3, 0xE7, 0xB1, 0xBB, 1, 'c', 5, 0, 0, 1, 'L',
		0, 1, 0, 3, 1, 'f', 3, 0xE5, 0xAD, 0x97, 1, 'f', 0, 0, 0x10, 0, 1, 2, 0, 6, 0xFF, 0xFF,
		0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 10, 0, 0, 0,
		0, 0,
		0, 1, 0, 8, 1, 'r', 3, 0xE8, 0xA7, 0x92, 1, 'r', 0, 1, 1, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0x10, 3, 0, 0 };
	struct policy_department d = { 1, "D", { "部", "d" } };
	struct policy_purpose u = { 2, "u", { "用", "u" }, true };
	struct policy_class c = { .id = 0x10, .name = "c", .label = { "类", "c" }, .legal = "L", .level = 5 };
	struct policy_field f = {.id = 3,
	    .name = "f",
	    .label = {"字", "f"},
	    .about = "",
	    .fold_code = "",
	    .fold_as = "",
	    .class = 0x10,
	    .owner = 1,
	    .is_due = true,
	    .purposes = 1,
	    .shape = {.type = VALUE_DATE, .max_length = 10},
	    .cadence_months = 6,
	    .retention_months = 0xFFFF};
	struct policy_role r = { .id = 8, .name = "r", .label = { "角", "r" }, .department = 1, .kind = 1, .purposes = 1, .rights = { 3 } };
	struct policy_source s = { "p", 9, 1, 1, 1, 1, 0, 1, &d, &u, &c, &f, NULL, &r, { 0 } };
	struct policy *p = NULL;
	struct buf doc;

	(void)state;
	buf_init(&doc, 1000);
	assert_int_equal(policy_encode(&s, &doc), 0);
	assert_int_equal(doc.n, sizeof(want));
	assert_memory_equal(doc.p, want, sizeof(want));
	assert_int_equal(policy_decode(want, sizeof(want), &p), 0);
	policy_free(p);
	buf_free(&doc);
}

static void known_indexes_have_known_bytes(void **state)
{
	static const uint8_t want[] = { 0, 2,
		0, 1, 8, 'd', 'o', 'c', 'u', 'm', 'e', 'n', 't', 3, 0xE6, 0xA0, 0x87, 5, 'l', 'a', 'b', 'e', 'l', 1, 1, 0, 1, 0, 2,
		0, 3, 9, 'n', 'a', 'm', 'e', '_', 'b', 'o', 'r', 'n', 3, 0xE6, 0xA0, 0x87, 5, 'l', 'a', 'b', 'e', 'l',
		2, 0, 16, 2, 0, 1, 0, 3,
		0, 5, 0, 1, 6, 'd', 'o', 'c', 't', 'o', 'r' };
	struct policy *p = fixture_policy();
	struct fixture x;
	struct buf doc;

	(void)state;
	fixture_init(&x);
	fixture_encode(&x, &doc);
	assert_non_null(memmem(doc.p, doc.n, want, sizeof(want)));
	buf_free(&doc);
	assert_int_equal(policy_index_named(p, "name_born", 9), 1);
	assert_int_equal(policy_index_named(p, "name_bor", 8), -1);
	assert_int_equal(policy_indexes(p), 2);
	assert_true(policy_index(p, 0)->unique && policy_index(p, 1)->bits == 16 && policy_index(p, 1)->field[1] == 3);
	assert_int_equal(policy_role_by_id(p, ROLE_DOCTOR)->searches, 3);
	policy_free(p);
}

static void names_and_numbers_compare_as_people_mean_them(void **state)
{
	static const struct {
		unsigned index;
		const char *a, *b;	/* a name and a date, or a number and "" */
		const char *want;	/* NULL: nothing to look for */
	} cases[] = {
		{ 0, "33010620150101001x", "", "33010620150101001X" }, { 0, "330106 2015 0101-001X", "", "33010620150101001X" },
		{ 0, "号", "", NULL }, { 0, "", "", NULL },
		{ 1, "张伟", "2015-06-01", "张伟\x1f" "2015-06-01" }, { 1, " 张　伟 ", "2015-06-01", "张伟\x1f" "2015-06-01" },
		{ 1, "阿依古丽·买买提", "2015-06-01", "阿依古丽买买提\x1f" "2015-06-01" },
		{ 1, "阿依古丽•买买提", "2015-06-01", "阿依古丽买买提\x1f" "2015-06-01" },
		{ 1, "ＬＩ Ming", "2015-06-01", "liming\x1f" "2015-06-01" }, { 1, "Lü Straße", "2015-06-01", "lustrasse\x1f" "2015-06-01" },
		{ 1, "金", "2015-06-01", "金\x1f" "2015-06-01" },	/* U+F90A, a compatibility form of U+91D1 */
		{ 1, "··", "2015-06-01", NULL }, { 1, "\xff", "2015-06-01", NULL }
	};
	struct policy *p = fixture_policy();
	uint8_t normal[INDEX_NORMAL_MAX];
	struct value v[2];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r;

		v[0] = text_value(cases[i].a);
		v[1] = (struct value){ VALUE_DATE, (const uint8_t *)cases[i].b, strlen(cases[i].b) };
		r = index_normal(policy_index(p, cases[i].index), v, normal, &n);
		if (cases[i].want == NULL ? r != CV_ERR_NOTFOUND :
			r != 0 || n != strlen(cases[i].want) || memcmp(normal, cases[i].want, n) != 0)
			fail_msg("case %zu: %d, %.*s", i, r, r == 0 ? (int)n : 0, normal);
	}
	v[1].type = VALUE_NULL;
	assert_int_equal(index_normal(policy_index(p, 1), v, normal, &n), CV_ERR_NOTFOUND);
	policy_free(p);
}

static void encode_refuses_what_has_no_room(void **state)
{
	char long_text[300];
	struct fixture x;
	struct buf doc;

	(void)state;
	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	buf_init(&doc, POLICY_DOCUMENT_MAX);
	fixture_init(&x);
	x.field[0].label.en = long_text;
	assert_int_equal(policy_encode(&x.s, &doc), CV_ERR_ARG);
	assert_int_equal(doc.n, 0);
	fixture_init(&x);
	x.field[FIELD_NOTE].shape.standard = 1;
	assert_int_equal(policy_encode(&x.s, &doc), CV_ERR_ARG);
	assert_int_equal(doc.n, 0);
	buf_free(&doc);
}

/* Eight bytes behind the shape, there in every field of integers and in no other. */
static void a_standard_stands_behind_the_shape_of_integers(void **state)
{
	static const uint8_t standard[] = { VALUE_INTEGER, 0, 8, 0, 0, 0, 0, 0, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06 };
	struct buf doc, none;
	const uint8_t *at;
	struct policy *p;
	struct fixture x;

	(void)state;
	fixture_init(&x);
	fixture_encode(&x, &none);
	x.field[FIELD_NOTE].shape =
	    (struct policy_shape){ .type = VALUE_INTEGER, .max_length = 8, .standard = 0x010203040506 };
	fixture_encode(&x, &doc);
	assert_int_equal(doc.n, none.n + 8);
	at = memmem(doc.p, doc.n, standard, sizeof(standard));
	assert_non_null(at);
	assert_int_equal(policy_decode(doc.p, doc.n, &p), 0);
	assert_int_equal(policy_field(p, FIELD_NOTE)->shape.standard, 0x010203040506);
	buf_reset(&none);
	assert_int_equal(policy_encode(policy_source_of(p), &none), 0);
	assert_int_equal(none.n, doc.n);
	assert_memory_equal(none.p, doc.p, doc.n);
	policy_free(p);
	/* One byte less belongs to the next field. */
	memmove(doc.p + (at - doc.p) + 6, at + 7, doc.n - (size_t)(at - doc.p) - 7);
	assert_int_not_equal(policy_decode(doc.p, doc.n - 1, &p), 0);
	buf_free(&doc);
	buf_free(&none);
}

/* ---- rules ----------------------------------------------------------------------------------------------------- */

static void bend_department_name(struct fixture *x) { x->department[1].name = "WARD"; }
static void bend_purpose_name(struct fixture *x) { x->purpose[1].name = "treat"; }
static void bend_fundraising(struct fixture *x) { x->purpose[1].name = "fundraising"; }
static void bend_live_commerce(struct fixture *x) { x->purpose[0].name = "live_commerce"; }
static void bend_publicity(struct fixture *x) { x->purpose[0].name = "publicity_traffic"; }
static void bend_class_id(struct fixture *x) { x->class[1].id = 0x21; }
static void bend_class_name(struct fixture *x) { x->class[1].name = "patient"; }
static void bend_class_dot(struct fixture *x) { x->class[1].name = "ca.re"; }
static void bend_level(struct fixture *x) { x->class[1].level = 6; }
static void bend_legal(struct fixture *x) { x->class[2].legal = ""; }
static void bend_view_source(struct fixture *x) { x->class[4].id = 0x4050; }
static void bend_view_name(struct fixture *x) { x->class[4].name = "care.basic"; }
static void bend_view_hidden(struct fixture *x) { x->class[4].hidden = true; }
static void bend_field_name(struct fixture *x) { x->field[3].name = "full_name"; }
static void bend_field_class(struct fixture *x) { x->field[3].class = PATIENT_MASKED; }
static void bend_field_owner(struct fixture *x) { x->field[3].owner = 2; }
static void bend_field_purpose(struct fixture *x) { x->field[3].purposes = 0; }
static void bend_field_id(struct fixture *x) { x->field[FIELD_CARER].id = 0x4000; }
static void bend_validator(struct fixture *x) { x->field[FIELD_NOTE].shape.validator = VALID_V5_BIRTH_DATE; }
static void bend_length(struct fixture *x) { x->field[FIELD_ID].shape.max_length = 19; }
static void bend_length_zero(struct fixture *x) { x->field[FIELD_NOTE].shape.max_length = 0; }
static void bend_code(struct fixture *x) { x->sex[0].code = "0x"; }
static void bend_code_value(struct fixture *x) { x->sex[1].code = "3"; }
static void bend_bare_code(struct fixture *x)
{
	x->field[FIELD_SEX].shape = (struct policy_shape){.type = VALUE_CODE, .max_length = 1};
}
static void bend_list_item(struct fixture *x) { x->visit.max_length = 11; }
static void bend_member(struct fixture *x) { x->carer[1].shape.validator = VALID_V4_SEX; }
static void bend_view_class(struct fixture *x)
{
	x->field[FIELD_NOTE].views = 1;
	x->field[FIELD_NOTE].view[0] = (struct policy_view){PATIENT_MASKED, VIEW_PRESENT};
}
static void bend_view_twice(struct fixture *x) { x->field[FIELD_NAME].view[1].class = PATIENT_MASKED; }
static void bend_view_op(struct fixture *x) { x->field[FIELD_NAME].view[0].op = VIEW_M2_ID; }
static void bend_standard(struct fixture *x)
{
	x->field[FIELD_NOTE].shape =
	    (struct policy_shape){ .type = VALUE_INTEGER, .max_length = 8, .standard = POLICY_STANDARD_MAX + 1 };
}
static void bend_standard_missing(struct fixture *x)
{
	x->field[FIELD_NOTE].shape = (struct policy_shape){ .type = VALUE_INTEGER, .max_length = 8 };
	x->field[FIELD_NOTE].statistics = VIEW_M9_MONEY_BAND;
}
static void bend_band_of_text(struct fixture *x) { x->field[FIELD_NOTE].notice = VIEW_M9_MONEY_BAND; }
static void bend_area(struct fixture *x) { x->field[FIELD_NOTE].is_area = true; }
static void bend_due(struct fixture *x) { x->field[FIELD_NOTE].is_due = true; }
static void bend_due_twice(struct fixture *x)
{
	x->field[FIELD_BORN].is_due = true;
	x->field[FIELD_CARER].is_due = true;
	x->field[FIELD_CARER].shape = x->visit;
}
static void bend_role_name(struct fixture *x) { x->role[1].name = "doctor"; }
static void bend_role_department(struct fixture *x) { x->role[1].department = 3; }
static void bend_role_kind(struct fixture *x) { x->role[1].kind = 7; }
static void bend_role_mixed(struct fixture *x) { x->role[1].rights[0] |= RIGHT_READ; }
static void bend_role_view_write(struct fixture *x) { x->role[1].rights[3] = RIGHT_WRITE_ONLY; }
static void bend_role_blind_write(struct fixture *x) { x->role[2].rights[1] = RIGHT_WRITE; }
static void bend_role_missing_view(struct fixture *x) { x->role[0].rights[4] = 0; }
static void bend_role_purpose(struct fixture *x) { x->role[2].purposes = 0; }
static void bend_auditor_reads(struct fixture *x) { x->role[3].rights[1] = RIGHT_READ; x->role[3].purposes = 1; }
static void bend_person_audits(struct fixture *x) { x->role[2].audit = true; }

static void bend_bulk_hours(struct fixture *x) { x->role[2].bulk_records = 20; }
static void bend_bulk_records(struct fixture *x) { x->role[2].bulk_hours = 1; }
static void bend_bulk_long(struct fixture *x)
{
	x->role[2].bulk_records = 1;
	x->role[2].bulk_hours = POLICY_BULK_HOURS + 1;
}
static void bend_except(struct fixture *x, uint16_t class, uint16_t field)
{
	static struct policy_except e;

	e = (struct policy_except){ class, field };
	x->role[2].excepts = 1;
	x->role[2].except = &e;
}
static void bend_except_right(struct fixture *x) { bend_except(x, PATIENT, 1); }
static void bend_except_class(struct fixture *x) { bend_except(x, 0x40, 1); }
static void bend_except_field(struct fixture *x) { bend_except(x, CARE, 0x99); }
static void bend_except_view(struct fixture *x) { bend_except(x, PATIENT_MASKED, 4); }
static void bend_predicate_shape(struct fixture *x)
{
	x->field[FIELD_NOTE].predicate = (struct policy_predicate){ .rule = PREDICATE_ANY_PRESENT, .inputs = 1, .input = { 1 } };
}
static void bend_predicate_input(struct fixture *x)
{
	static const struct policy_member members[] = { { "as_of", LABEL, { .type = VALUE_DATE, .max_length = 10 } },
		{ "value", LABEL, { .type = VALUE_BOOL, .max_length = 1 } },
		{ "version", LABEL, { .type = VALUE_INTEGER, .max_length = 8 } } };

	x->field[FIELD_NOTE].shape =
	    (struct policy_shape){ .type = VALUE_GROUP, .max_length = 99, .member_count = 3, .members = members };
	x->field[FIELD_NOTE].predicate = (struct policy_predicate){ .rule = PREDICATE_ANY_PRESENT, .inputs = 1, .input = { 0x99 } };
}
static void bend_fold_into(struct fixture *x)
{
	static struct policy_shape item;

	item = x->field[FIELD_SEX].shape;
	x->field[FIELD_VISITS].shape = (struct policy_shape){ .type = VALUE_LIST, .max_length = 99, .item = &item };
	x->field[FIELD_VISITS].fold_code = "1";
	x->field[FIELD_VISITS].fold_as = "9";
	x->field[FIELD_VISITS].fold_into = 0x99;
}

static void bend_index_id(struct fixture *x) { x->index[1].id = 9; }
static void bend_index_name(struct fixture *x) { x->index[1].name = "document"; }
static void bend_index_field(struct fixture *x) { x->index[0].field[0] = 99; }
static void bend_index_twice(struct fixture *x)
{
	x->index[1] = x->index[0];
	x->index[1].id = 3;
	x->index[1].name = "again";
}
static void bend_index_sex(struct fixture *x) { x->index[0].field[0] = 4; }
static void bend_index_classes(struct fixture *x) { x->index[1].field[1] = 0x20; }
static void bend_index_order(struct fixture *x)
{
	x->index[1].field[0] = 3;
	x->index[1].field[1] = 1;
}
static void bend_index_bits(struct fixture *x) { x->index[1].bits = 33; }
static void bend_index_exact_bits(struct fixture *x) { x->index[0].bits = 8; }
static void bend_index_unique(struct fixture *x) { x->index[1].unique = true; }
static void bend_index_hidden(struct fixture *x)
{
	x->field[FIELD_ID].class = SECRET;
	x->field[FIELD_ID].views = 0;
}
static void bend_search(struct fixture *x) { x->role[1].searches = 1; }
static void bend_search_bucket(struct fixture *x) { x->role[2].searches = 2; }	/* the nurse reads the masked name alone */

static const struct bend {
	void (*bend)(struct fixture *x);
	enum policy_part part;
	uint16_t id;
	const char *text;
} bends[] = {
	{ bend_department_name, PART_DEPARTMENT, 7, "this name is taken" },
	{ bend_purpose_name, PART_PURPOSE, 5, "this name is taken" },
	{ bend_fundraising, PART_PURPOSE, 5, "this purpose is prohibited by law" },
	{ bend_live_commerce, PART_PURPOSE, 1, "this purpose is prohibited by law" },
	{ bend_publicity, PART_PURPOSE, 1, "this purpose is prohibited by law" },
	{ bend_class_id, PART_CLASS, 0x21, "source classes are multiples of 16 below 0x4000" },
	{ bend_class_name, PART_CLASS, CARE, "this name is taken" },
	{ bend_class_dot, PART_CLASS, CARE, "the name of a source class has no dot" },
	{ bend_level, PART_CLASS, CARE, "a level is 1 to 5" },
	{ bend_legal, PART_CLASS, SECRET, "a class of level 5 needs its legal reason" },
	{ bend_view_source, PART_CLASS, 0x4050, "this view class has no source class" },
	{ bend_view_name, PART_CLASS, PATIENT_BASIC, "a view class is named after its source class" },
	{ bend_view_hidden, PART_CLASS, PATIENT_BASIC, "a view class is hidden exactly if its source class is" },
	{ bend_field_name, PART_FIELD, 4, "this name is taken" },
	{ bend_field_class, PART_FIELD, 4, "a field stands in a source class" },
	{ bend_field_owner, PART_FIELD, 4, "the owner is no department" },
	{ bend_field_purpose, PART_FIELD, 4, "a field needs a purpose" },
	{ bend_field_id, PART_FIELD, 0x4000, "field ids are 1 to 0x3FFF" },
	{ bend_validator, PART_FIELD, 0x20, "this validator does not judge values of this type" },
	{ bend_length, PART_FIELD, 2, "the longest value has a length that does not fit" },
	{ bend_length_zero, PART_FIELD, 0x20, "the longest value has a length that does not fit" },
	{ bend_code, PART_FIELD, 4, "the longest value has a length that does not fit" },
	{ bend_code_value, PART_FIELD, 4, "the validator refuses a code of the list" },
	{ bend_bare_code, PART_FIELD, 4, "a code needs a list of codes or a validator" },
	{ bend_list_item, PART_FIELD, 0x21, "the longest value has a length that does not fit" },
	{ bend_member, PART_FIELD, 0x22, "this validator does not judge values of this type" },
	{ bend_view_class, PART_FIELD, 0x20, "a view stands in a view class of the field's class" },
	{ bend_view_twice, PART_FIELD, 1, "a view class holds one view of a field" },
	{ bend_view_op, PART_FIELD, 1, "this view cannot be computed from such a field" },
	{ bend_standard, PART_FIELD, 0x20, "a standard is 1 to 10000000000000 fen" },
	{ bend_standard_missing, PART_FIELD, 0x20, "this view compares with the field's standard, and there is none" },
	{ bend_band_of_text, PART_FIELD, 0x20, "this view cannot be computed from such a field" },
	{ bend_area, PART_FIELD, 0x20, "the area comes from a field with validator v8" },
	{ bend_due, PART_FIELD, 0x20, "the due quarter comes from a date" },
	{ bend_due_twice, PART_FIELD, 0x22, "another field gives the due quarter already" },
	{ bend_index_id, PART_INDEX, 9, "an index's id is 1 to 8" },
	{ bend_index_name, PART_INDEX, 3, "this name is taken" },
	{ bend_index_field, PART_INDEX, 1, "the field does not exist" },
	{ bend_index_twice, PART_INDEX, 3, "there is an index of these fields" },
	{ bend_index_sex, PART_INDEX, 1, "an exact index is of one number that identifies: v3, v7, v9, v11, v14 or v15" },
	{ bend_index_classes, PART_INDEX, 3, "the fields of an index stand in one class" },
	{ bend_index_order, PART_INDEX, 3, "a bucket index is of a name with v1 and a date" },
	{ bend_index_bits, PART_INDEX, 3, "a bucket index keeps 1 to 32 bits of a token, an exact one all" },
	{ bend_index_exact_bits, PART_INDEX, 1, "a bucket index keeps 1 to 32 bits of a token, an exact one all" },
	{ bend_index_unique, PART_INDEX, 3, "only an exact index can be unique" },
	{ bend_index_hidden, PART_INDEX, 1, "an index would tell what a hidden class holds" },
	{ bend_search, PART_ROLE, ROLE_DESK, "who searches reads what is searched" },
	{ bend_search_bucket, PART_ROLE, ROLE_NURSE, "who searches reads what is searched" },
	{ bend_role_name, PART_ROLE, ROLE_DESK, "this name is taken" },
	{ bend_role_department, PART_ROLE, ROLE_DESK, "the department does not exist" },
	{ bend_role_kind, PART_ROLE, ROLE_DESK, "the kind does not exist" },
	{ bend_role_mixed, PART_ROLE, ROLE_DESK, "write_only stands alone" },
	{ bend_role_view_write, PART_ROLE, ROLE_DESK, "a view class can only be read" },
	{ bend_role_blind_write, PART_ROLE, ROLE_NURSE, "who writes without read or reveal has write_only" },
	{ bend_role_missing_view, PART_ROLE, ROLE_DOCTOR, "a role that writes a class reads all its view classes" },
	{ bend_role_purpose, PART_ROLE, ROLE_NURSE, "a role with rights needs a purpose" },
	{ bend_auditor_reads, PART_ROLE, ROLE_AUDITOR, "administrators, custodians and auditors hold no class" },
	{ bend_person_audits, PART_ROLE, ROLE_NURSE, "the audit log is read by auditors" },
	{ bend_bulk_hours, PART_ROLE, ROLE_NURSE, "a budget has records and hours" },
	{ bend_bulk_records, PART_ROLE, ROLE_NURSE, "a budget has records and hours" },
	{ bend_bulk_long, PART_ROLE, ROLE_NURSE, "a budget has records and hours" },
	{ bend_except_right, PART_ROLE, ROLE_NURSE, "an exception is of a right and a field that exist" },
	{ bend_except_class, PART_ROLE, ROLE_NURSE, "an exception is of a right and a field that exist" },
	{ bend_except_field, PART_ROLE, ROLE_NURSE, "an exception is of a right and a field that exist" },
	{ bend_except_view, PART_ROLE, ROLE_NURSE, "an exception names a field that the class does not hold" },
	{ bend_predicate_shape, PART_FIELD, 0x20, "a predicate's value is a group of as_of, value and version" },
	{ bend_predicate_input, PART_FIELD, 0x20, "an input does not exist" },
	{ bend_fold_into, PART_FIELD, 0x21, "the field that takes the code does not exist" }
};

static void decode_names_each_broken_rule(void **state)
{
	struct policy_fault fault;
	struct policy *p = NULL;
	struct fixture x;
	struct buf doc;

	(void)state;
	for (size_t i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
		fixture_init(&x);
		bends[i].bend(&x);
		fixture_encode(&x, &doc);
		memset(&fault, 0, sizeof(fault));
		assert_int_equal(policy_decode_explain(doc.p, doc.n, &p, &fault), CV_ERR_INVALID);
		assert_string_equal(fault.text, bends[i].text);
		assert_int_equal(fault.part, bends[i].part);
		assert_int_equal(fault.id, bends[i].id);
		assert_null(p);
		buf_free(&doc);
	}
}

static void bend_order(struct fixture *x) { x->field[1].id = 1; }
static void bend_role_order(struct fixture *x) { x->role[0].id = 2; }
static void bend_mask(struct fixture *x) { x->field[0].purposes = 4; }
static void bend_code_order(struct fixture *x) { x->sex[0].code = "9"; x->sex[2].code = "1"; }
static void bend_member_order(struct fixture *x) { x->carer[0].name = "z"; }
static void bend_upper_name(struct fixture *x) { x->field[0].name = "Full"; }
static void bend_long_name(struct fixture *x)
{
	x->field[0].name = "a123456789012345678901234567890123456789012345678901234567890123";
}
static void bend_control(struct fixture *x) { x->field[0].label.en = "a\nb"; }
static void bend_empty_label(struct fixture *x) { x->field[0].label.zh = ""; }
static void bend_utf8(struct fixture *x) { x->field[0].label.zh = "\xC0\xAF"; }
static void bend_version(struct fixture *x) { x->s.version = 0; }
static void bend_op(struct fixture *x) { x->field[0].view[0].op = (enum view_op)VIEW_OPS; }
static void bend_type(struct fixture *x) { x->field[FIELD_NOTE].shape.type = VALUE_SUPPRESSED; }
static void bend_right(struct fixture *x) { x->role[0].rights[0] = 32; }

static void bend_delegates(struct fixture *x) { x->field[0].delegates = 4; }
static void bend_collects(struct fixture *x) { x->field[0].collects = 1ull << 63; }
static void bend_notice(struct fixture *x) { x->field[0].notice = (enum view_op)VIEW_OPS; }
static void bend_statistics(struct fixture *x) { x->field[0].statistics = (enum view_op)255; }
static void bend_acts(struct fixture *x) { x->role[0].acts = 64; }
static void bend_rule(struct fixture *x)
{
	x->field[0].predicate = (struct policy_predicate){ .rule = (enum predicate_rule)4, .inputs = 1, .input = { 1 } };
}
static void bend_no_input(struct fixture *x) { x->field[0].predicate.rule = PREDICATE_ANY_PRESENT; }
static void bend_input_order(struct fixture *x)
{
	x->field[0].predicate =
	    (struct policy_predicate){ .rule = PREDICATE_ANY_PRESENT, .inputs = 2, .input = { 2, 2 } };
}
static void bend_code_twice(struct fixture *x)
{
	static const char *const codes[] = { "a", "a" };

	x->field[0].predicate = (struct policy_predicate){ .rule = PREDICATE_ALL_IN, .inputs = 1, .input = { 2 }, .code_count = 2,
		.codes = codes };
}
static void bend_fold_empty(struct fixture *x) { x->field[0].fold_code = "a"; }
static void bend_except_order(struct fixture *x)
{
	static const struct policy_except twice[] = { { CARE, 0x20 }, { CARE, 0x20 } };

	x->role[2].excepts = 2;
	x->role[2].except = twice;
}

static void bend_index_form(struct fixture *x) { x->index[0].form = (enum index_form)3; }
static void bend_index_none(struct fixture *x) { x->index[0].fields = 0; }
static void bend_searches(struct fixture *x) { x->role[0].searches = 4; }

static void decode_refuses_bytes_of_a_second_kind(void **state)
{
	static void (*const forms[])(struct fixture * x) = {bend_order, bend_role_order, bend_mask, bend_code_order,
	    bend_member_order, bend_upper_name, bend_long_name, bend_control, bend_empty_label, bend_utf8, bend_version,
	    bend_op, bend_type, bend_right, bend_delegates, bend_collects, bend_notice, bend_statistics, bend_acts, bend_rule,
	    bend_no_input, bend_input_order, bend_code_twice, bend_fold_empty, bend_except_order,
	    bend_index_form, bend_index_none, bend_searches};
	struct policy *p = NULL;
	struct fixture x;
	struct buf doc;

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		fixture_init(&x);
		forms[i](&x);
		fixture_encode(&x, &doc);
		assert_int_equal(policy_decode(doc.p, doc.n, &p), CV_ERR_FORMAT);
		buf_free(&doc);
	}
}

/* ---- masks ----------------------------------------------------------------------------------------------------- */

/* Give the nurse views of document and birth date, and see whether the policy stands. */
static int with_views(enum view_op id_op, enum view_op second_op, enum view_op born_op, const char *about)
{
	struct policy *p = NULL;
	struct fixture x;
	struct buf doc;
	int r;

	fixture_init(&x);
	x.field[FIELD_ID].about = about;
	x.field[FIELD_ID].view[0].op = id_op;
	if (second_op != 0) {
		x.field[FIELD_ID].view[1] = (struct policy_view){ PATIENT_BASIC, second_op };
		x.field[FIELD_ID].views = 2;
		x.role[2].rights[4] = RIGHT_READ;
	}
	x.field[FIELD_BORN].view[0].op = born_op;
	x.field[FIELD_SEX].views = 1;
	x.field[FIELD_SEX].view[0] = (struct policy_view){ PATIENT_MASKED, VIEW_PLAIN };
	fixture_encode(&x, &doc);
	r = policy_decode(doc.p, doc.n, &p);
	policy_free(p);
	buf_free(&doc);
	return r;
}

static void masks_may_not_complete_each_other(void **state)
{
	(void)state;
	/* First 6 and last 1 with sex and date of birth leaves 45 numbers. */
	assert_int_equal(with_views(VIEW_M2_ID, 0, VIEW_PLAIN, ""), 0);
	assert_int_equal(with_views(VIEW_M2_ID, 0, VIEW_M5_YEAR, ""), 0);
	/* With the last 4 a year leaves 33, a quarter 8, a day none. */
	assert_int_equal(with_views(VIEW_M2_ID, VIEW_M11_TAIL, VIEW_PRESENT, ""), 0);
	assert_int_equal(with_views(VIEW_M2_ID, VIEW_M11_TAIL, VIEW_M5_YEAR, ""), CV_ERR_INVALID);
	assert_int_equal(with_views(VIEW_M2_ID, VIEW_M11_TAIL, VIEW_M5B_BIRTH_QUARTER, ""), CV_ERR_INVALID);
	assert_int_equal(with_views(VIEW_M2_ID, VIEW_M11_TAIL, VIEW_PLAIN, ""), CV_ERR_INVALID);
	/* Another person's birth date does not count; a number in clear is not masked. */
	assert_int_equal(with_views(VIEW_M2_ID, VIEW_M11_TAIL, VIEW_PLAIN, "guardian"), 0);
	assert_int_equal(with_views(VIEW_M2_ID, VIEW_PLAIN, VIEW_PLAIN, ""), 0);
}

/* A student number has an identity number inside: it is counted in a policy that has none beside it. */
static void a_number_inside_another_is_counted_by_itself(void **state)
{
	static const struct {
		enum view_op born;
		int r;
	} cases[] = { { VIEW_PRESENT, 0 }, { VIEW_M5_YEAR, CV_ERR_INVALID } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy *p = NULL;
		struct fixture x;
		struct buf doc;

		fixture_init(&x);
		x.field[FIELD_ID].validator = x.field[FIELD_ID].shape.validator = VALID_V14_STUDENT_NO;
		x.field[FIELD_ID].max_length = x.field[FIELD_ID].shape.max_length = 19;
		x.field[FIELD_ID].view[0].op = VIEW_M2_ID;
		x.field[FIELD_ID].view[1] = (struct policy_view){ PATIENT_BASIC, VIEW_M11_TAIL };
		x.field[FIELD_ID].views = 2;
		x.role[2].rights[4] = RIGHT_READ;
		x.field[FIELD_BORN].view[0].op = cases[i].born;
		fixture_encode(&x, &doc);
		assert_int_equal(policy_decode(doc.p, doc.n, &p), cases[i].r);
		policy_free(p);
		buf_free(&doc);
	}
}

/* The nurse sees the last 4 and the year: what an address in a group or in words adds to that is too much. */
static int with_address(enum view_op op)
{
	struct policy *p = NULL;
	struct fixture x;
	struct buf doc;
	int r;

	fixture_init(&x);
	x.s.indexes = 0;	/* of a name without a validator there is none */
	x.role[0].searches = 0;
	x.field[FIELD_ID].view[0].op = VIEW_M11_TAIL;
	x.field[FIELD_BORN].view[0].op = VIEW_M5_YEAR;
	x.field[FIELD_NAME].shape = (struct policy_shape){ .type = VALUE_TEXT, .max_length = 200 };
	x.field[FIELD_NAME].view[0].op = op;
	x.field[FIELD_NAME].view[1].op = VIEW_PRESENT;
	fixture_encode(&x, &doc);
	r = policy_decode(doc.p, doc.n, &p);
	policy_free(p);
	buf_free(&doc);
	return r;
}

static void an_address_tells_the_division(void **state)
{
	(void)state;
	assert_int_equal(with_address(VIEW_M4_TOWNSHIP), CV_ERR_INVALID);
	assert_int_equal(with_address(VIEW_M4V_VILLAGE), CV_ERR_INVALID);
	assert_int_equal(with_address(VIEW_M10_STAGE), 0);
	assert_int_equal(with_address(VIEW_PRESENT), 0);
}

/* ---- one policy in another's place ------------------------------------------------------------------------------ */

static void bend_nothing(struct fixture *x) { (void)x; }
static void bend_profile(struct fixture *x) { x->s.name = "others"; }
static void bend_old_version(struct fixture *x) { x->s.version = 3; }
static void bend_field_moves(struct fixture *x) { x->field[FIELD_NOTE].class = SECRET; }
static void bend_field_type(struct fixture *x)
{
	x->field[FIELD_NOTE].shape = (struct policy_shape){ .type = VALUE_BOOL, .max_length = 1 };
}
static void bend_gain(struct fixture *x) { x->role[4].rights[1] = RIGHT_GRANT; }
static void bend_gain_nothing(struct fixture *x) { x->role[4].rights[1] = RIGHT_WRITE_ONLY; }
static void bend_lose(struct fixture *x) { x->role[2].rights[1] = 0; }
static void bend_unhide(struct fixture *x) { x->class[2].hidden = false; }
static void bend_class_gone(struct fixture *x) { x->class[2].id = 0x38 * 2; }

static const struct hindrance {
	void (*bend)(struct fixture *x);
	unsigned count;
	enum policy_part part;
	uint16_t id;
	const char *text;
} hindrances[] = {
	{ bend_nothing, 0, PART_DOCUMENT, 0, NULL },
	{ bend_gain_nothing, 0, PART_DOCUMENT, 0, NULL },
	{ bend_lose, 0, PART_DOCUMENT, 0, NULL },
	{ bend_profile, 1, PART_DOCUMENT, 0, "this is another profile's policy" },
	{ bend_old_version, 1, PART_DOCUMENT, 0, "the version is not above the one in force" },
	{ bend_field_moves, 1, PART_FIELD, 0x20, "stored values do not move to another class" },
	{ bend_field_type, 1, PART_FIELD, 0x20, "stored values do not change their type" },
	{ bend_gain, 1, PART_ROLE, ROLE_GUEST, "the role gains a class key, which custodians hand out" },
	{ bend_unhide, 1, PART_CLASS, SECRET, "a class does not become hidden or open" },
	{ bend_class_gone, 2, PART_CLASS, 0x70, "a new class needs a key, which custodians make" }
};

static void what_keeps_a_policy_from_anothers_place_is_named(void **state)
{
	struct policy *old = fixture_policy(), *p = NULL;
	struct policy_fault fault[4];
	struct fixture x;
	struct buf doc;

	(void)state;
	for (size_t i = 0; i < sizeof(hindrances) / sizeof(hindrances[0]); i++) {
		fixture_init(&x);
		x.s.version = 4;
		hindrances[i].bend(&x);
		fixture_encode(&x, &doc);
		assert_int_equal(policy_decode(doc.p, doc.n, &p), 0);
		assert_int_equal(policy_hindrances(old, p, NULL, fault, 4), hindrances[i].count);
		if (hindrances[i].count > 0) {
			assert_string_equal(fault[0].text, hindrances[i].text);
			assert_int_equal(fault[0].part, hindrances[i].part);
			assert_int_equal(fault[0].id, hindrances[i].id);
		}
		if (hindrances[i].count == 2)
			assert_string_equal(fault[1].text, "a class that records may hold is gone");
		assert_int_equal(policy_hindrances(old, p, NULL, NULL, 0), hindrances[i].count);
		policy_free(p);
		buf_free(&doc);
	}
	policy_free(old);
}

/* ---- look-ups -------------------------------------------------------------------------------------------------- */

static void members_are_found_by_name_id_and_position(void **state)
{
	struct policy *p = fixture_policy();
	const struct policy_field *f;

	(void)state;
	assert_int_equal(policy_fields(p), FIELD_COUNT);
	for (unsigned i = 0; i < policy_fields(p); i++) {
		f = policy_field(p, i);
		assert_ptr_equal(policy_field_named(p, f->name, strlen(f->name)), f);
		assert_ptr_equal(policy_field_by_id(p, f->id), f);
		assert_int_equal(policy_field_position(p, f), i);
	}
	assert_null(policy_field_named(p, "full_nam", 8));
	assert_null(policy_field_named(p, "full_name\0", 10));
	assert_null(policy_field_named(p, "", 0));
	assert_null(policy_field_by_id(p, 5));
	assert_int_equal(policy_class_position(p, PATIENT_BASIC), 4);
	assert_int_equal(policy_class_position(p, 0x40), -1);
	assert_string_equal(policy_class(p, 3)->name, "patient.masked");
	assert_int_equal(policy_role_named(p, "nurse", 5)->id, ROLE_NURSE);
	assert_null(policy_role_named(p, "nurs", 4));
	assert_null(policy_role_by_id(p, 99));
	assert_int_equal(policy_purpose_named(p, "bill", 4), 1);
	assert_int_equal(policy_purpose_named(p, "bil", 3), -1);
	assert_string_equal(policy_department_name(p, 7), "desk");
	assert_string_equal(policy_department_name(p, 8), "?");
	policy_free(p);
	policy_free(NULL);
}

static void coded_fields_have_one_padded_length(void **state)
{
	struct policy *p = fixture_policy();

	(void)state;
	assert_int_equal(field_padded(policy_field(p, FIELD_SEX), 1), 8);
	assert_int_equal(field_padded(policy_field(p, FIELD_BORN), 10), 10);
	assert_int_equal(field_padded(policy_field(p, FIELD_NAME), 0), 16);
	assert_int_equal(field_padded(policy_field(p, FIELD_NAME), 6), 16);
	assert_int_equal(field_padded(policy_field(p, FIELD_NOTE), 64), 64);
	assert_int_equal(field_padded(policy_field(p, FIELD_NOTE), 65), 128);
	assert_int_equal(field_padded(policy_field(p, FIELD_NOTE), 1024), 1024);
	assert_int_equal(field_padded(policy_field(p, FIELD_NOTE), 1025), 1088);
	assert_int_equal(field_padded(policy_field(p, FIELD_NOTE), 61440), 61440);
	policy_free(p);
}

/* ---- decisions ------------------------------------------------------------------------------------------------- */

struct read_case {
	uint16_t role;
	int purpose;
	unsigned field;
	bool clear;
	enum decision_reason reason;
	uint16_t class;
	bool masked;
};

static void reads_are_decided_by_purpose_role_and_view(void **state)
{
	static const struct read_case cases[] = {
		{ ROLE_DOCTOR, PURPOSE_TREAT, FIELD_NAME, false, DECIDE_YES, PATIENT_MASKED, true },
		{ ROLE_DOCTOR, PURPOSE_TREAT, FIELD_NAME, true, DECIDE_YES, PATIENT, false },
		{ ROLE_DOCTOR, PURPOSE_TREAT, FIELD_SEX, false, DECIDE_YES, PATIENT, false },
		{ ROLE_DOCTOR, PURPOSE_TREAT, FIELD_NOTE, false, DECIDE_YES, CARE, false },
		{ ROLE_DOCTOR, PURPOSE_TREAT, FIELD_NOTE, true, DECIDE_NO_REVEAL, 0, false },
		{ ROLE_DOCTOR, PURPOSE_BILL, FIELD_NAME, false, DECIDE_NO_PURPOSE_FIELD, 0, false },
		{ ROLE_DOCTOR, PURPOSE_BILL, FIELD_CARER, false, DECIDE_YES, CARE, false },
		{ ROLE_DOCTOR, -1, FIELD_NAME, false, DECIDE_NO_PURPOSE_ROLE, 0, false },
		{ ROLE_NURSE, PURPOSE_TREAT, FIELD_NAME, false, DECIDE_YES, PATIENT_MASKED, true },
		{ ROLE_NURSE, PURPOSE_TREAT, FIELD_NAME, true, DECIDE_NO_REVEAL, 0, false },
		{ ROLE_NURSE, PURPOSE_TREAT, FIELD_SEX, false, DECIDE_NO_RIGHT, 0, false },
		{ ROLE_NURSE, PURPOSE_TREAT, FIELD_SEX, true, DECIDE_NO_RIGHT, 0, false },
		{ ROLE_NURSE, PURPOSE_BILL, FIELD_CARER, false, DECIDE_NO_PURPOSE_ROLE, 0, false },
		{ ROLE_DESK, PURPOSE_TREAT, FIELD_NAME, false, DECIDE_NO_RIGHT, 0, false },
		{ ROLE_AUDITOR, PURPOSE_TREAT, FIELD_NAME, false, DECIDE_NO_PURPOSE_ROLE, 0, false },
		{ 99, PURPOSE_TREAT, FIELD_NAME, false, DECIDE_NO_PURPOSE_ROLE, 0, false }
	};
	struct policy *p = fixture_policy();
	struct policy_subject who;
	struct read_decision d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		who = (struct policy_subject){ &cases[i].role, 1, cases[i].purpose };
		d = policy_decide_read(p, &who, policy_field(p, cases[i].field), cases[i].clear);
		assert_int_equal(d.reason, cases[i].reason);
		assert_int_equal(d.class, d.reason == DECIDE_YES ? cases[i].class : policy_field(p, cases[i].field)->class);
		assert_int_equal(d.masked, cases[i].masked);
		assert_int_equal(d.role, d.reason == DECIDE_YES ? cases[i].role : 0);
	}
	policy_free(p);
}

static void roles_add_up_but_only_for_their_own_purposes(void **state)
{
	static const uint16_t both[] = { ROLE_GUEST, ROLE_NURSE };
	struct policy *p = fixture_policy();
	struct policy_subject who = { both, 2, PURPOSE_TREAT };
	struct read_decision d;

	(void)state;
	d = policy_decide_read(p, &who, policy_field(p, FIELD_NAME), false);
	assert_int_equal(d.class, PATIENT_MASKED);
	assert_int_equal(d.role, ROLE_NURSE);
	assert_true(policy_purpose_allowed(p, &who));
	/* The guest's view is for bills, and the field is not. */
	who.purpose = PURPOSE_BILL;
	assert_int_equal(
	    policy_decide_read(p, &who, policy_field(p, FIELD_NAME), false).reason, DECIDE_NO_PURPOSE_FIELD);
	who.role_count = 0;
	assert_false(policy_purpose_allowed(p, &who));
	policy_free(p);
}

static void a_copy_is_no_mask(void **state)
{
	static const uint16_t guest = ROLE_GUEST;
	struct policy *p = NULL;
	struct policy_subject who = { &guest, 1, PURPOSE_BILL };
	struct read_decision d;
	struct fixture x;
	struct buf doc;

	(void)state;
	fixture_init(&x);
	x.field[FIELD_NAME].purposes = 3;
	fixture_encode(&x, &doc);
	assert_int_equal(policy_decode(doc.p, doc.n, &p), 0);
	d = policy_decide_read(p, &who, policy_field(p, FIELD_NAME), false);
	assert_int_equal(d.reason, DECIDE_YES);
	assert_int_equal(d.class, PATIENT_BASIC);
	assert_false(d.masked);
	policy_free(p);
	buf_free(&doc);
}

static void writes_need_a_right_and_tell_drops(void **state)
{
	static const struct {
		uint16_t role;
		int purpose;
		unsigned field;
		enum decision_reason reason;
		bool write_only;
	} cases[] = {
		{ ROLE_DOCTOR, PURPOSE_TREAT, FIELD_NAME, DECIDE_YES, false },
		{ ROLE_DOCTOR, PURPOSE_BILL, FIELD_NAME, DECIDE_NO_PURPOSE_FIELD, false },
		{ ROLE_DESK, PURPOSE_TREAT, FIELD_NAME, DECIDE_YES, true },
		{ ROLE_DESK, PURPOSE_BILL, FIELD_CARER, DECIDE_NO_PURPOSE_ROLE, false },
		{ ROLE_NURSE, PURPOSE_TREAT, FIELD_NOTE, DECIDE_NO_RIGHT, false },
		{ ROLE_AUDITOR, PURPOSE_TREAT, FIELD_NOTE, DECIDE_NO_PURPOSE_ROLE, false }
	};
	static const uint16_t both[] = { ROLE_DESK, ROLE_DOCTOR };
	struct policy *p = fixture_policy();
	struct policy_subject who;
	struct write_decision d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		who = (struct policy_subject){ &cases[i].role, 1, cases[i].purpose };
		d = policy_decide_write(p, &who, policy_field(p, cases[i].field), false);
		assert_int_equal(d.reason, cases[i].reason);
		assert_int_equal(d.write_only, cases[i].write_only);
		assert_int_equal(d.role, d.reason == DECIDE_YES ? cases[i].role : 0);
	}
	who = (struct policy_subject){ both, 2, PURPOSE_TREAT };
	d = policy_decide_write(p, &who, policy_field(p, FIELD_NAME), false);
	assert_false(d.write_only);
	assert_int_equal(d.role, ROLE_DOCTOR);
	policy_free(p);
}

/* Every cell that is not granted is denied: all roles, purposes, fields, views. */
static void what_is_not_granted_is_denied(void **state)
{
	struct policy *p = fixture_policy();
	const struct policy_role *role;
	const struct policy_field *f;
	struct policy_subject who;
	struct read_decision d;
	int at;

	(void)state;
	for (unsigned r = 0; r < policy_roles(p); r++)
		for (int purpose = -1; purpose < (int)policy_purposes(p); purpose++)
			for (unsigned i = 0; i < policy_fields(p) * 2; i++) {
				role = policy_role(p, r);
				f = policy_field(p, i / 2);
				who = (struct policy_subject){ &role->id, 1, purpose };
				d = policy_decide_read(p, &who, f, i % 2 == 1);
				if (d.reason != DECIDE_YES)
					continue;
				at = policy_class_position(p, d.class);
				assert_true((role->rights[at] & (i % 2 == 1 ? RIGHT_REVEAL : RIGHT_READ)) != 0);
				assert_true((role->purposes & f->purposes) >> purpose & 1);
				assert_int_equal(class_source(d.class), f->class);
			}
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(document_survives_decoding),
		cmocka_unit_test(decode_refuses_every_cut_and_every_tail),
		cmocka_unit_test(changed_bytes_are_refused_or_canonical),
		cmocka_unit_test(known_document_has_known_bytes),
		cmocka_unit_test(known_indexes_have_known_bytes),
		cmocka_unit_test(names_and_numbers_compare_as_people_mean_them),
		cmocka_unit_test(encode_refuses_what_has_no_room),
		cmocka_unit_test(a_standard_stands_behind_the_shape_of_integers),
		cmocka_unit_test(decode_names_each_broken_rule),
		cmocka_unit_test(decode_refuses_bytes_of_a_second_kind),
		cmocka_unit_test(masks_may_not_complete_each_other),
		cmocka_unit_test(a_number_inside_another_is_counted_by_itself),
		cmocka_unit_test(an_address_tells_the_division),
		cmocka_unit_test(what_keeps_a_policy_from_anothers_place_is_named),
		cmocka_unit_test(members_are_found_by_name_id_and_position),
		cmocka_unit_test(coded_fields_have_one_padded_length),
		cmocka_unit_test(reads_are_decided_by_purpose_role_and_view),
		cmocka_unit_test(roles_add_up_but_only_for_their_own_purposes),
		cmocka_unit_test(a_copy_is_no_mask),
		cmocka_unit_test(writes_need_a_right_and_tell_drops),
		cmocka_unit_test(what_is_not_granted_is_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

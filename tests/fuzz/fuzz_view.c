/*
 * View operators, validators and the rules between values, FORMAT.md 11.1, on bytes of any type. The first byte is the operator, the
 * second the type, the third the validator.
 */
#include "format/value.h"
#include "fuzz.h"
#include "model/check.h"
#include "model/source.h"
#include "model/validate.h"

#define TODAY 20000

#define LABEL { "标", "label" }

static const struct policy_code codes[] = { { "a", LABEL, "general" }, { "b", LABEL, "" } };
static const struct policy_member members[] = {
	{ "from", LABEL, { .type = VALUE_DATE } }, { "kind", LABEL, { .type = VALUE_CODE, .code_count = 2, .codes = codes } },
	{ "name", LABEL, { .type = VALUE_TEXT, .validator = VALID_V1_NAME } }, { "note", LABEL, { .type = VALUE_TEXT } },
	{ "phone", LABEL, { .type = VALUE_TEXT, .validator = VALID_V9_PHONE } }, { "to", LABEL, { .type = VALUE_DATE } }
};
static const struct policy_shape group = { .type = VALUE_GROUP, .member_count = 6, .members = members };

/* What a view shows is a value that fits its padding; text of a name is short. */
static void look(enum view_op op, const struct policy_field *f, const struct value *v)
{
	struct value got = { 99, NULL, 0 };
	struct buf scratch;

	buf_init(&scratch, 1 << 20);
	view_project(op, &f->shape, v, &scratch, &got);
	MUST(value_check(got.type, got.p, got.n) == 0);
	if (op != VIEW_PLAIN && view_op_name(op) != NULL)
		MUST(got.n <= view_padded(f, op, got.n) && view_padded(f, op, got.n) == view_padded(f, op, 0));
	MUST(view_op_name(op) != NULL || got.type == VALUE_SUPPRESSED || got.type == VALUE_NULL);
	MUST(op != VIEW_M1_NAME || got.type != VALUE_TEXT || (got.n >= 3 && memcmp(got.p + got.n - 2, "**", 2) == 0));
	buf_free(&scratch);
}

/* What a validator accepts is clean text of a length it fixes. */
static void judge(enum validator v, const char *s, size_t n)
{
	if (!validate_text(v, s, n, TODAY))
		return;
	MUST(text_clean(s, n));
	MUST(validator_length(v) == 0 || n <= validator_length(v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_field f = { .name = "from", .about = "" }, number = { .name = "number", .about = "",
		.shape = { .type = VALUE_TEXT, .validator = VALID_V3_ID_NO } };
	struct check_item items[2] = { { &f, { VALUE_NULL, NULL, 0 } },
		{ &number, { VALUE_TEXT, (const uint8_t *)"11010519491231002X", 18 } } };
	struct check_note note;
	struct value v;
	int r;

	if (size < 3)
		return 0;
	v = (struct value){ data[1], data + 3, size - 3 };
	if (v.type == VALUE_NULL)
		v.n = 0;
	f.shape = group;
	f.shape.type = f.type = data[1];
	f.shape.validator = (enum validator)(data[2] % VALIDATORS);
	f.shape.standard = 1000;
	f.shape.code_count = 2;
	f.shape.codes = codes;
	f.shape.item = &group;
	/* A copy is as whole as what it is made of. */
	if (data[0] != VIEW_PLAIN || value_check(v.type, v.p, v.n) == 0)
		look((enum view_op)data[0], &f, &v);
	judge(f.shape.validator, (const char *)v.p, v.n);
	items[0].value = v;
	r = accept_check_set(items, 2, &note);
	MUST(r == 0 || (r == CV_ERR_INVALID && note.text != NULL && note.at < 2));
	return 0;
}

/* What may be stored in a field: types, lengths, codes, validators, members of groups. */
#include "model/model_internal.h"

#include <string.h>

#include "base/error.h"
#include "format/value.h"
#include "model/validate.h"

#define PADDED_SHORT 64		/* text: multiples of 16 up to here */
#define PADDED_POWERS 1024	/* then powers of two, then Padmé */

/* The type a value comes in: dates and codes travel as text. */
static uint8_t travelling_type(uint8_t stored)
{
	return stored == VALUE_DATE || stored == VALUE_CODE ? VALUE_TEXT : stored;
}

static const char *expected_type(const struct policy_shape *s)
{
	static const char *const names[] = {
	    "nothing", "true or false", "integer", "text", "date YYYY-MM-DD", "code", "list", "group"};

	return names[s->type];
}

static const char *expected_value(const struct policy_shape *s)
{
	if (s->code_count > 0)
		return "code of the list";
	if (s->type == VALUE_DATE && s->validator == VALID_NONE)
		return "date YYYY-MM-DD";
	if (s->validator == VALID_V17_PAST)
		return s->type == VALUE_DATE ? "date that is not in the future" : "amount in fen, not negative";
	return validator_expects(s->validator);
}

static bool words_valid(const struct policy_shape *s, const char *p, size_t n, int32_t today)
{
	int32_t day;

	if (s->type == VALUE_DATE && !date_parse(p, n, &day))
		return false;
	if (s->code_count > 0 && !code_in_list(s, p, n))
		return false;
	return validate_text(s->validator, p, n, today);
}

struct acceptance {
	int32_t today;
	const char *expected;	/* of the innermost value that was refused */
};

static int refuse(struct acceptance *a, int r, const char *expected)
{
	a->expected = expected;
	return r;
}

static int accept_shape(struct acceptance *a, const struct policy_shape *s, uint8_t type, const uint8_t *p, size_t n);

static const struct policy_member *find_member(const struct policy_shape *s, const struct value_item *item)
{
	const char *name;

	for (unsigned i = 0; i < s->member_count; i++) {
		name = s->members[i].name;
		if (strlen(name) == item->name_n && memcmp(name, item->name, item->name_n) == 0)
			return &s->members[i];
	}
	return NULL;
}

static int accept_group(struct acceptance *a, const struct policy_shape *s, const uint8_t *p, size_t n)
{
	struct value_walk w = value_walk(VALUE_GROUP, p, n);
	const struct policy_member *m;
	struct value_item item;
	int r;

	if (w.left == 0)
		return refuse(a, CV_ERR_INVALID, "group with a member");
	while (value_next(&w, &item)) {
		if ((m = find_member(s, &item)) == NULL)
			return refuse(a, CV_ERR_INVALID, "group of known members");
		if ((r = accept_shape(a, &m->shape, item.type, item.p, item.n)) != 0)
			return r;
	}
	return 0;
}

static int accept_list(struct acceptance *a, const struct policy_shape *s, const uint8_t *p, size_t n)
{
	struct value_walk w = value_walk(VALUE_LIST, p, n);
	struct value_item item;
	int r;

	while (value_next(&w, &item))
		if ((r = accept_shape(a, s->item, item.type, item.p, item.n)) != 0)
			return r;
	return 0;
}

static int accept_shape(struct acceptance *a, const struct policy_shape *s, uint8_t type, const uint8_t *p, size_t n)
{
	if (type != travelling_type(s->type))
		return refuse(a, CV_ERR_FORMAT, expected_type(s));
	switch (s->type) {
	case VALUE_BOOL:
		return n == 1 && p[0] <= 1 ? 0 : refuse(a, CV_ERR_FORMAT, expected_type(s));
	case VALUE_INTEGER:
		if (n != 8)
			return refuse(a, CV_ERR_FORMAT, expected_type(s));
		if (!validate_integer(s->validator, value_integer(p)))
			return refuse(a, CV_ERR_INVALID, expected_value(s));
		return 0;
	case VALUE_LIST:
		if (n > s->max_length)
			return refuse(a, CV_ERR_LIMIT, "shorter list");
		return accept_list(a, s, p, n);
	case VALUE_GROUP:
		if (n > s->max_length)
			return refuse(a, CV_ERR_LIMIT, "shorter group");
		return accept_group(a, s, p, n);
	default:
		/* Where the length follows from the rule, a longer value breaks the rule. */
		if (n > s->max_length && shape_length(s) == 0)
			return refuse(a, CV_ERR_LIMIT, "shorter text");
		return words_valid(s, (const char *)p, n, a->today) ? 0 : refuse(a, CV_ERR_INVALID, expected_value(s));
	}
}

int field_accept(const struct policy_field *f, const struct value *v, int32_t today, struct buf *scratch,
    struct value *ret, const char **ret_expected)
{
	struct acceptance a = { today, NULL };
	int r = 0;

	(void)scratch;	/* no accepted value changes its bytes so far */
	if (v->type != VALUE_NULL) {
		/* Lists and groups are walked only once their bytes are known to be whole. */
		if ((v->type == VALUE_LIST || v->type == VALUE_GROUP) && value_check(v->type, v->p, v->n) != 0)
			r = refuse(&a, CV_ERR_FORMAT, expected_type(&f->shape));
		else
			r = accept_shape(&a, &f->shape, v->type, v->p, v->n);
	}
	if (r != 0) {
		if (ret_expected != NULL)
			*ret_expected = a.expected;
		return r;
	}
	*ret = *v;
	if (v->type != VALUE_NULL)
		ret->type = f->type;
	return 0;
}

/* ---- padding --------------------------------------------------------------------------------------------------- */

/*
 * FORMAT.md 2.6 for text. crypto has the same rule for what it seals; model may not call it, and cells are laid out
 * before any key is at hand.
 */
static size_t padded_text(size_t n)
{
	size_t p = 128, low;
	unsigned e = 0, s = 0;

	if (n <= PADDED_SHORT)
		return n == 0 ? 16 : (n + 15) & ~(size_t)15;
	if (n <= PADDED_POWERS) {
		while (p < n)
			p *= 2;
		return p;
	}
	while (n >> (e + 1) != 0)
		e++;
	while (e >> (s + 1) != 0)
		s++;
	low = ((size_t)1 << (e - (s + 1))) - 1;
	return (n + low) & ~low;
}

uint16_t field_padded(const struct policy_field *f, size_t n)
{
	/* A code of an older list may be longer than the longest of today. */
	return f->padded >= n && f->padded != 0 ? f->padded : (uint16_t)padded_text(n);
}

/* Rules between the values of one write. */
#include "model/check.h"

#include <string.h>

#include "base/error.h"
#include "format/value.h"

/* One value as the rules see it: a field's, or a member's of a group. */
struct part {
	const struct policy_shape *shape;
	const char *name;
	const uint8_t *p;
	size_t n;
};

enum verdict { FITS, ODD, WRONG };

/* A list of types has codes above 4, one of levels has none. Without a list nobody can tell which of them a field is. */
static bool is_level(const struct policy_shape *s)
{
	return strcmp(s->codes[s->code_count - 1].code, "4") <= 0;
}

static enum verdict birth_of_number(const uint8_t *id, const struct part *b, const char **ret_text)
{
	*ret_text = "the date of birth in the identity number";
	return b->n == VALUE_DATE_BYTES && memcmp(id + 6, b->p, 4) == 0 && memcmp(id + 10, b->p + 5, 2) == 0 &&
	    memcmp(id + 12, b->p + 8, 2) == 0 ? FITS : WRONG;
}

static enum verdict sex_of_number(const uint8_t *id, const struct part *b, const char **ret_text)
{
	*ret_text = "the sex in the identity number";
	if (b->n != 1 || (b->p[0] != '1' && b->p[0] != '2'))
		return FITS;	/* unknown or not stated */
	return (id[16] - '0') % 2 == b->p[0] % 2 ? FITS : ODD;
}

/* What part b of the same person says against part a. */
static enum verdict compare(const struct part *a, const struct part *b, const char **ret_text)
{
	bool number = a->shape->validator == VALID_V3_ID_NO && a->n == 18;

	switch (b->shape->validator) {
	case VALID_V5_BIRTH_DATE:
		return number ? birth_of_number(a->p, b, ret_text) : FITS;
	case VALID_V4_SEX:
		return number ? sex_of_number(a->p, b, ret_text) : FITS;
	case VALID_V11_DISABILITY_CERT:
		*ret_text = "the identity number, type and level";
		return !number || (b->n >= 20 && memcmp(a->p, b->p, 18) == 0) ? FITS : WRONG;
	case VALID_V12_DISABILITY:
		if (a->shape->validator != VALID_V11_DISABILITY_CERT || a->n < 20 || b->shape->code_count == 0)
			return FITS;
		*ret_text = "the type and level in the disability certificate's number";
		return b->n == 1 && b->p[0] == a->p[is_level(b->shape) ? 19 : 18] ? FITS : WRONG;
	default:
		break;
	}
	if (a->shape->type != VALUE_DATE || b->shape->type != VALUE_DATE || strcmp(a->name, "from") != 0 ||
	    strcmp(b->name, "to") != 0)
		return FITS;
	*ret_text = "a date that is not before from";
	return a->n == VALUE_DATE_BYTES && b->n == VALUE_DATE_BYTES && memcmp(a->p, b->p, VALUE_DATE_BYTES) <= 0 ? FITS : WRONG;
}

/* ---- groups ---------------------------------------------------------------------------------------------------- */

/* Keeps the worst that was met so far, the first of equals. */
struct finding {
	enum verdict verdict;
	struct check_note note;
};

/* v is not FITS. */
static void find(struct finding *f, enum verdict v, size_t at, const char *text)
{
	if (v > f->verdict || (v == f->verdict && at < f->note.at)) {
		f->verdict = v;
		f->note = (struct check_note){ at, text };
	}
}

/* Members of a checked group that its shape knows. */
static unsigned read_members(const struct policy_shape *s, const uint8_t *p, size_t n, struct part ret[POLICY_MEMBERS])
{
	unsigned count = 0;
	struct value_item m;

	for (unsigned i = 0; i < s->member_count && count < POLICY_MEMBERS; i++)
		if (value_member(p, n, s->members[i].name, strlen(s->members[i].name), &m))
			ret[count++] = (struct part){ &s->members[i].shape, s->members[i].name, m.p, m.n };
	return count;
}

static void check_group(const struct policy_shape *s, const uint8_t *p, size_t n, size_t at, struct finding *f)
{
	struct part part[POLICY_MEMBERS];
	unsigned count = read_members(s, p, n, part);
	const char *text = NULL;
	enum verdict v;

	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < count; j++)
			if ((v = compare(&part[i], &part[j], &text)) != FITS)
				find(f, v, at, text);
}

static void check_inside(const struct check_item *item, size_t at, struct finding *f)
{
	const struct policy_shape *s = &item->field->shape;
	struct value_item in;
	struct value_walk w;

	if ((item->value.type != VALUE_GROUP && item->value.type != VALUE_LIST) ||
	    value_check(item->value.type, item->value.p, item->value.n) != 0)
		return;
	if (item->value.type == VALUE_GROUP) {
		check_group(s, item->value.p, item->value.n, at, f);
		return;
	}
	w = value_walk(VALUE_LIST, item->value.p, item->value.n);
	while (s->item != NULL && value_next(&w, &in))
		if (in.type == VALUE_GROUP)
			check_group(s->item, in.p, in.n, at, f);
}

/* ---- the set --------------------------------------------------------------------------------------------------- */

static struct part part_of(const struct check_item *item)
{
	return (struct part){ &item->field->shape, item->field->name, item->value.p, item->value.n };
}

int accept_check_set(const struct check_item *items, size_t n, struct check_note *ret)
{
	struct finding f = { .verdict = FITS };
	const char *text = NULL;
	struct part a, b;
	enum verdict v;

	for (size_t i = 0; i < n; i++) {
		if (items[i].value.type == VALUE_NULL)
			continue;
		check_inside(&items[i], i, &f);
		a = part_of(&items[i]);
		for (size_t j = 0; j < n; j++) {
			if (items[j].value.type == VALUE_NULL || strcmp(items[i].field->about, items[j].field->about) != 0)
				continue;
			b = part_of(&items[j]);
			if ((v = compare(&a, &b, &text)) != FITS)
				find(&f, v, j, text);
		}
	}
	*ret = f.note;
	return f.verdict == WRONG ? CV_ERR_INVALID : 0;
}

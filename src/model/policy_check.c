/* The rules a well-formed policy document must keep, docs/FORMAT.md 11.2. */
#include "model/model_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "format/note.h"
#include "model/validate.h"

#define LEVEL_NAMED 5	/* a legal reason is due */

int policy_fault_set(
    struct policy_fault *ret, enum policy_part part, uint16_t id, const char *text, const char *other)
{
	memset(ret, 0, sizeof(*ret));
	ret->part = part;
	ret->id = id;
	ret->key = "";
	ret->text = text;
	(void)snprintf(ret->other, sizeof(ret->other), "%s", other);	/* names are never longer */
	return CV_ERR_INVALID;
}

int policy_fault_place(struct policy_fault *ret, const char *key, const char *at)
{
	ret->key = key;
	(void)snprintf(ret->at, sizeof(ret->at), "%s", at);	/* nor are codes */
	return CV_ERR_INVALID;
}

#define fault policy_fault_set

bool policy_name_ok(const char *s, bool dot, bool upper)
{
	bool first = true;
	size_t i;

	for (i = 0; s[i] != '\0'; i++) {
		if (s[i] == '.' && !first && dot) {
			dot = false;
			first = true;
			continue;
		}
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') ||
			(upper && s[i] >= 'A' && s[i] <= 'Z') || (!first && (s[i] == '_' || s[i] == '-'))))
			return false;
		first = false;
	}
	return i <= POLICY_NAME_MAX && !first;
}

/* ---- departments, purposes ------------------------------------------------------------------------------------- */

static int check_departments(const struct policy_source *s, struct policy_fault *ret)
{
	if (s->departments == 0)
		return fault(ret, PART_DOCUMENT, 0, "there is no department", "");
	for (unsigned i = 0; i < s->departments; i++)
		for (unsigned j = 0; j < i; j++)
			if (strcmp(s->department[i].name, s->department[j].name) == 0)
				return fault(ret, PART_DEPARTMENT, s->department[i].id, "this name is taken",
				    s->department[j].name);
	return 0;
}

static int check_purposes(const struct policy_source *s, struct policy_fault *ret)
{
	for (unsigned i = 0; i < s->purposes; i++) {
		if (policy_purpose_prohibited(s->purpose[i].name, strlen(s->purpose[i].name)))
			return fault(ret, PART_PURPOSE, s->purpose[i].id, "this purpose is prohibited by law",
			    s->purpose[i].name);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(s->purpose[i].name, s->purpose[j].name) == 0)
				return fault(
				    ret, PART_PURPOSE, s->purpose[i].id, "this name is taken", s->purpose[j].name);
	}
	return 0;
}

/* ---- classes --------------------------------------------------------------------------------------------------- */

const struct policy_class *policy_class_of(const struct policy_source *s, uint16_t id)
{
	int i = policy_find_id(s->class, s->classes, sizeof(*s->class), id);

	return i < 0 ? NULL : &s->class[i];
}

static int check_view_class(const struct policy_source *s, const struct policy_class *c, struct policy_fault *ret)
{
	const struct policy_class *source = policy_class_of(s, class_source(c->id));
	size_t n;

	if (c->id >= 0x8000 || source == NULL)
		return fault(ret, PART_CLASS, c->id, "this view class has no source class", c->name);
	n = strlen(source->name);
	if (strncmp(c->name, source->name, n) != 0 || c->name[n] != '.')
		return fault(ret, PART_CLASS, c->id, "a view class is named after its source class", source->name);
	if (c->hidden != source->hidden)
		return fault(
		    ret, PART_CLASS, c->id, "a view class is hidden exactly if its source class is", source->name);
	return 0;
}

static int check_class(const struct policy_source *s, unsigned position, struct policy_fault *ret)
{
	const struct policy_class *c = &s->class[position];

	for (unsigned i = 0; i < position; i++)
		if (strcmp(s->class[i].name, c->name) == 0)
			return fault(ret, PART_CLASS, c->id, "this name is taken", c->name);
	if (c->level < 1 || c->level > LEVEL_NAMED)
		return fault(ret, PART_CLASS, c->id, "a level is 1 to 5", "");
	if (c->level == LEVEL_NAMED && c->legal[0] == '\0')
		return fault(ret, PART_CLASS, c->id, "a class of level 5 needs its legal reason", "");
	if (c->id >= 0x4000)
		return check_view_class(s, c, ret);
	if (c->id % 16 != 0)
		return fault(ret, PART_CLASS, c->id, "source classes are multiples of 16 below 0x4000", "");
	if (strchr(c->name, '.') != NULL)
		return fault(ret, PART_CLASS, c->id, "the name of a source class has no dot", "");
	return 0;
}

/* ---- shapes ---------------------------------------------------------------------------------------------------- */

uint16_t shape_length(const struct policy_shape *s)
{
	size_t n, longest = 0;

	switch (s->type) {
	case VALUE_BOOL:
		return 1;
	case VALUE_INTEGER:
		return 8;
	case VALUE_DATE:
		return 10;
	case VALUE_CODE:
		for (unsigned i = 0; i < s->code_count; i++)
			if ((n = strlen(s->codes[i].code)) > longest)
				longest = n;
		return s->code_count > 0 ? (uint16_t)longest : validator_length(s->validator);
	case VALUE_TEXT:
		return validator_length(s->validator);
	default:
		return 0;
	}
}

const char *policy_shape_fault(const struct policy_shape *s)
{
	uint16_t fixed = shape_length(s);
	const char *text;

	if (!validator_fits(s->validator, s->type))
		return "this validator does not judge values of this type";
	if (s->code_count > 0 && s->type != VALUE_CODE)
		return "only codes have a list of codes";
	if (s->type == VALUE_CODE && fixed == 0)
		return "a code needs a list of codes or a validator";
	if (fixed != 0 ? s->max_length != fixed : s->max_length < 1 || s->max_length > FIELD_MAX)
		return "the longest value has a length that does not fit";
	for (unsigned i = 0; i < s->code_count; i++)
		if (!validate_text(s->validator, s->codes[i].code, strlen(s->codes[i].code), 0))
			return "the validator refuses a code of the list";
	if (s->item != NULL && (text = policy_shape_fault(s->item)) != NULL)
		return text;
	for (unsigned i = 0; i < s->member_count; i++)
		if ((text = policy_shape_fault(&s->members[i].shape)) != NULL)
			return text;
	return NULL;
}

/* ---- indexes --------------------------------------------------------------------------------------------------- */

static bool identifies(enum validator v)
{
	return v == VALID_V3_ID_NO || v == VALID_V7_BIRTH_CERT || v == VALID_V9_PHONE || v == VALID_V11_DISABILITY_CERT ||
	    v == VALID_V14_STUDENT_NO || v == VALID_V15_ACCOUNT;
}

/* What stands in few records at most, so that how often a token occurs tells nothing; and what no policy hides. */
static const char *index_fault(const struct policy_source *s, const struct policy_index *x)
{
	const struct policy_field *f[POLICY_INDEX_FIELDS] = { NULL };
	int at;

	for (unsigned i = 0; i < x->fields; i++) {
		if ((at = policy_find_id(s->field, s->fields, sizeof(*s->field), x->field[i])) < 0)
			return "the field does not exist";
		f[i] = &s->field[at];
		if (f[i]->class != f[0]->class)
			return "the fields of an index stand in one class";
		if (policy_class_of(s, f[i]->class)->hidden)
			return "an index would tell what a hidden class holds";
	}
	if (x->form == INDEX_EXACT && (x->fields != 1 || !identifies(f[0]->validator) || f[0]->type != VALUE_TEXT))
		return "an exact index is of one number that identifies: v3, v7, v9, v11, v14 or v15";
	if (x->form == INDEX_BUCKET && (x->fields != 2 || f[0]->validator != VALID_V1_NAME || f[1]->type != VALUE_DATE))
		return "a bucket index is of a name with v1 and a date";
	if ((x->form == INDEX_EXACT) != (x->bits == 0) || x->bits > POLICY_INDEX_BITS)
		return "a bucket index keeps 1 to 32 bits of a token, an exact one all";
	return x->unique && x->form != INDEX_EXACT ? "only an exact index can be unique" : NULL;
}

static int check_index(const struct policy_source *s, unsigned position, struct policy_fault *ret)
{
	const struct policy_index *x = &s->index[position];
	const char *text;

	if (x->id > POLICY_INDEXES)
		return fault(ret, PART_INDEX, x->id, "an index's id is 1 to 8", "");
	for (unsigned i = 0; i < position; i++) {
		if (strcmp(s->index[i].name, x->name) == 0)
			return fault(ret, PART_INDEX, x->id, "this name is taken", x->name);
		/* Two tokens of one value tell more of it together than either is meant to. */
		if (s->index[i].fields == x->fields && memcmp(s->index[i].field, x->field, sizeof(x->field)) == 0)
			return fault(ret, PART_INDEX, x->id, "there is an index of these fields", s->index[i].name);
	}
	text = index_fault(s, x);
	return text != NULL ? fault(ret, PART_INDEX, x->id, text, "") : 0;
}

/* ---- witnesses ------------------------------------------------------------------------------------------------- */

/* They become a C2SP policy file, in which "none" and "witnesses" have a meaning of their own. */
static const char *witness_fault(const struct policy_witnesses *w, unsigned position)
{
	const struct policy_witness *x = &w->witness[position];

	if (!note_name_valid(x->name, strlen(x->name)) || strcmp(x->name, "none") == 0 || strcmp(x->name, "witnesses") == 0)
		return "this cannot be a witness's name";
	for (unsigned i = 0; i < position; i++)
		if (memcmp(w->witness[i].pk, x->pk, sizeof(x->pk)) == 0)
			return "this key is another witness's too";
	return position > 0 && strcmp(w->witness[position - 1].name, x->name) >= 0 ? "this name is taken" : NULL;
}

static int check_witnesses(const struct policy_source *s, struct policy_fault *ret)
{
	const struct policy_witnesses *w = &s->witnesses;
	const char *text;
	int r;

	for (unsigned i = 0; i < w->n; i++)
		if ((text = witness_fault(w, i)) != NULL) {
			r = fault(ret, PART_DOCUMENT, 0, text, w->witness[i].name);
			(void)policy_fault_place(ret, "witnesses", "");
			return r;
		}
	if (w->n > 0 && (w->quorum == 0 || w->quorum > w->n)) {
		r = fault(ret, PART_DOCUMENT, 0, "a quorum is at least one witness and at most all of them", "");
		(void)policy_fault_place(ret, "witnesses", "");
		return r;
	}
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

int policy_check(struct policy *p, struct policy_fault *ret)
{
	const struct policy_source *s = &p->s;
	unsigned twice;
	int r;

	if ((r = check_departments(s, ret)) != 0 || (r = check_purposes(s, ret)) != 0)
		return r;
	for (unsigned i = 0; i < s->classes; i++)
		if ((r = check_class(s, i, ret)) != 0)
			return r;
	if (!policy_index_fields(p, &twice))
		return fault(ret, PART_FIELD, s->field[twice].id, "this name is taken", s->field[twice].name);
	for (unsigned i = 0; i < s->fields; i++)
		if ((r = policy_check_field(s, &s->field[i], ret)) != 0)
			return r;
	for (unsigned i = 0; i < s->indexes; i++)
		if ((r = check_index(s, i, ret)) != 0)
			return r;
	for (unsigned i = 0; i < s->roles; i++)
		if ((r = policy_check_role(s, i, ret)) != 0)
			return r;
	if ((r = check_witnesses(s, ret)) != 0)
		return r;
	return policy_check_masks(p, ret);
}

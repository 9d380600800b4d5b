/* The rules a well-formed policy document must keep, docs/FORMAT.md 11.2. */
#include "model/model_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/validate.h"

#define KIND_LAST 6	/* principal kinds 1 to 6, FORMAT.md 5.2 */
#define KIND_ADMINISTRATOR 4
#define KIND_AUDITOR 6
#define LEVEL_NAMED 5	/* a legal reason is due */

static int fault(struct policy_fault *ret, enum policy_part part, uint16_t id, const char *text, const char *other)
{
	memset(ret, 0, sizeof(*ret));
	ret->part = part;
	ret->id = id;
	ret->text = text;
	(void)snprintf(ret->other, sizeof(ret->other), "%s", other);	/* names are never longer */
	return CV_ERR_INVALID;
}

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

/* Uses of a child's data that the law forbids without exception: no policy can open them. */
static bool is_prohibited(const char *purpose)
{
	return strcmp(purpose, "fundraising") == 0 || strcmp(purpose, "live_commerce") == 0 ||
	    strcmp(purpose, "publicity_traffic") == 0;
}

static int check_purposes(const struct policy_source *s, struct policy_fault *ret)
{
	for (unsigned i = 0; i < s->purposes; i++) {
		if (is_prohibited(s->purpose[i].name))
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

static const struct policy_class *class_by_id(const struct policy_source *s, uint16_t id)
{
	int i = policy_find_id(s->class, s->classes, sizeof(*s->class), id);

	return i < 0 ? NULL : &s->class[i];
}

static int check_view_class(const struct policy_source *s, const struct policy_class *c, struct policy_fault *ret)
{
	const struct policy_class *source = class_by_id(s, class_source(c->id));
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

/* What is wrong with a shape, or NULL. */
static const char *shape_fault(const struct policy_shape *s)
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
	if (s->item != NULL && (text = shape_fault(s->item)) != NULL)
		return text;
	for (unsigned i = 0; i < s->member_count; i++)
		if ((text = shape_fault(&s->members[i].shape)) != NULL)
			return text;
	return NULL;
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */

static int check_view(
    const struct policy_source *s, const struct policy_field *f, unsigned at, struct policy_fault *ret)
{
	const struct policy_view *v = &f->view[at];
	const struct policy_class *c = class_by_id(s, v->class);

	if (c == NULL || !class_is_view(v->class) || class_source(v->class) != f->class)
		return fault(
		    ret, PART_FIELD, f->id, "a view stands in a view class of the field's class", c ? c->name : "");
	for (unsigned i = 0; i < at; i++)
		if (f->view[i].class == v->class)
			return fault(ret, PART_FIELD, f->id, "a view class holds one view of a field", c->name);
	if (!view_op_fits(v->op, &f->shape))
		return fault(
		    ret, PART_FIELD, f->id, "this view cannot be computed from such a field", view_op_name(v->op));
	return 0;
}

static int check_head_sources(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret)
{
	if (f->is_area && f->validator != VALID_V8_DIVISION)
		return fault(ret, PART_FIELD, f->id, "the area comes from a field with validator v8", "");
	if (f->is_due && f->type != VALUE_DATE)
		return fault(ret, PART_FIELD, f->id, "the due quarter comes from a date", "");
	for (const struct policy_field *g = s->field; g < f; g++) {
		if (f->is_area && g->is_area)
			return fault(ret, PART_FIELD, f->id, "another field gives the area already", g->name);
		if (f->is_due && g->is_due)
			return fault(ret, PART_FIELD, f->id, "another field gives the due quarter already", g->name);
	}
	return 0;
}

static int check_field(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret)
{
	const struct policy_class *c = class_by_id(s, f->class);
	const char *text;
	int r;

	if (f->id > 0x3FFF)
		return fault(ret, PART_FIELD, f->id, "field ids are 1 to 0x3FFF", "");
	if (c == NULL || class_is_view(f->class))
		return fault(ret, PART_FIELD, f->id, "a field stands in a source class", c ? c->name : "");
	if (policy_find_id(s->department, s->departments, sizeof(*s->department), f->owner) < 0)
		return fault(ret, PART_FIELD, f->id, "the owner is no department", "");
	if (f->purposes == 0)
		return fault(ret, PART_FIELD, f->id, "a field needs a purpose", "");
	if ((text = shape_fault(&f->shape)) != NULL)
		return fault(ret, PART_FIELD, f->id, text, "");
	if ((r = check_head_sources(s, f, ret)) != 0)
		return r;
	for (unsigned i = 0; i < f->views; i++)
		if ((r = check_view(s, f, i, ret)) != 0)
			return r;
	return 0;
}

/* ---- roles ----------------------------------------------------------------------------------------------------- */

/*
 * A writer who reads rewrites the rows of the views too, and needs their keys for it. A view class without them would
 * be left stale, or would need a drop from somebody who could have written it in place.
 */
static int check_writer(
    const struct policy_source *s, const struct policy_role *role, unsigned at, struct policy_fault *ret)
{
	for (unsigned i = 0; i < s->classes; i++)
		if (class_is_view(s->class[i].id) && class_source(s->class[i].id) == s->class[at].id &&
		    (role->rights[i] & RIGHT_READ) == 0)
			return fault(ret, PART_ROLE, role->id, "a role that writes a class reads all its view classes",
			    s->class[i].name);
	return 0;
}

static int check_right(
    const struct policy_source *s, const struct policy_role *role, unsigned at, struct policy_fault *ret)
{
	uint8_t right = role->rights[at];
	const char *class = s->class[at].name;

	if (class_is_view(s->class[at].id) && right != RIGHT_READ)
		return fault(ret, PART_ROLE, role->id, "a view class can only be read", class);
	if ((right & RIGHT_WRITE_ONLY) != 0 && right != RIGHT_WRITE_ONLY)
		return fault(ret, PART_ROLE, role->id, "write_only stands alone", class);
	if ((right & RIGHT_WRITE) != 0 && (right & (RIGHT_READ | RIGHT_REVEAL)) == 0)
		return fault(ret, PART_ROLE, role->id, "who writes without read or reveal has write_only", class);
	return (right & RIGHT_WRITE) != 0 ? check_writer(s, role, at, ret) : 0;
}

static int check_role(const struct policy_source *s, unsigned position, struct policy_fault *ret)
{
	const struct policy_role *role = &s->role[position];
	unsigned held = 0;
	int r;

	for (unsigned i = 0; i < position; i++)
		if (strcmp(s->role[i].name, role->name) == 0)
			return fault(ret, PART_ROLE, role->id, "this name is taken", role->name);
	if (policy_find_id(s->department, s->departments, sizeof(*s->department), role->department) < 0)
		return fault(ret, PART_ROLE, role->id, "the department does not exist", "");
	if (role->kind < 1 || role->kind > KIND_LAST)
		return fault(ret, PART_ROLE, role->id, "the kind does not exist", "");
	for (unsigned i = 0; i < s->classes; i++) {
		if (role->rights[i] == 0)
			continue;
		held++;
		if ((r = check_right(s, role, i, ret)) != 0)
			return r;
	}
	if (role->kind >= KIND_ADMINISTRATOR && held > 0)
		return fault(ret, PART_ROLE, role->id, "administrators, custodians and auditors hold no class", "");
	if (role->audit && role->kind != KIND_AUDITOR)
		return fault(ret, PART_ROLE, role->id, "the audit log is read by auditors", "");
	if (held > 0 && role->purposes == 0)
		return fault(ret, PART_ROLE, role->id, "a role with rights needs a purpose", "");
	return 0;
}

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
		if ((r = check_field(s, &s->field[i], ret)) != 0)
			return r;
	for (unsigned i = 0; i < s->roles; i++)
		if ((r = check_role(s, i, ret)) != 0)
			return r;
	return policy_check_masks(p, ret);
}

/* The rules of fields, docs/FORMAT.md 11.2: views, head sources, departments, notices, folds, predicates. */
#include "model/model_internal.h"

#include <string.h>

#include "format/head.h"
#include "model/validate.h"

/* A fault of field f; place says where in it. */
static int fault(struct policy_fault *ret, const struct policy_field *f, const char *text, const char *other)
{
	return policy_fault_set(ret, PART_FIELD, f->id, text, other);
}

static int fault_at(
    struct policy_fault *ret, const struct policy_field *f, const char *key, const char *text, const char *other)
{
	(void)fault(ret, f, text, other);	/* the next line returns the same code */
	return policy_fault_place(ret, key, other);
}

static const struct policy_field *field_of(const struct policy_source *s, uint16_t id)
{
	int i = policy_find_id(s->field, s->fields, sizeof(*s->field), id);

	return i < 0 ? NULL : &s->field[i];
}

static bool is_hidden(const struct policy_source *s, uint16_t class)
{
	const struct policy_class *c = policy_class_of(s, class);

	return c != NULL && c->hidden;
}

/* ---- views, notices, statistics -------------------------------------------------------------------------------- */

/* What is wrong with op on the field, or NULL. */
static const char *op_fault(const struct policy_field *f, enum view_op op)
{
	if (op == VIEW_M9_MONEY_BAND && f->type == VALUE_INTEGER && f->shape.standard == 0)
		return "this view compares with the field's standard, and there is none";
	return view_op_fits(op, &f->shape) ? NULL : "this view cannot be computed from such a field";
}

static int check_view(
    const struct policy_source *s, const struct policy_field *f, unsigned at, struct policy_fault *ret)
{
	const struct policy_view *v = &f->view[at];
	const struct policy_class *c = policy_class_of(s, v->class);
	const char *text;

	if (c == NULL || !class_is_view(v->class) || class_source(v->class) != f->class)
		return fault_at(ret, f, "views", "a view stands in a view class of the field's class", c ? c->name : "");
	for (unsigned i = 0; i < at; i++)
		if (f->view[i].class == v->class)
			return fault_at(ret, f, "views", "a view class holds one view of a field", c->name);
	if ((text = op_fault(f, v->op)) != NULL)
		return fault_at(ret, f, "views", text, view_op_name(v->op));
	return 0;
}

/* What leaves the vault without a reader's key: never what a hidden class holds. */
static int check_published(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret)
{
	const char *text;

	if (f->notice != 0 && (text = op_fault(f, f->notice)) != NULL)
		return fault_at(ret, f, "notice", text, view_op_name(f->notice));
	if (f->statistics != 0 && (text = op_fault(f, f->statistics)) != NULL)
		return fault_at(ret, f, "statistics", text, view_op_name(f->statistics));
	if (f->notice != 0 && is_hidden(s, f->class))
		return fault_at(ret, f, "notice", "a field of a hidden class is in no notice", "");
	if (f->statistics != 0 && is_hidden(s, f->class))
		return fault_at(ret, f, "statistics", "a field of a hidden class is in no statistics", "");
	return 0;
}

/* ---- what the head takes from fields --------------------------------------------------------------------------- */

static bool holds_states(const struct policy_shape *s)
{
	uint8_t state;

	if (s->type != VALUE_CODE || s->code_count == 0)
		return false;
	for (unsigned i = 0; i < s->code_count; i++) {
		state = head_state_named(s->codes[i].code, strlen(s->codes[i].code));
		if (state == 0 || state == STATE_ERASING)
			return false;
	}
	return true;
}

/* The area's date belongs to the write that changes the area: the same class, or it could not be read then. */
static int check_area_from(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret)
{
	if (f->type != VALUE_DATE)
		return fault_at(ret, f, "area_from", "the day from which an area counts is a date", "");
	for (unsigned i = 0; i < s->fields; i++)
		if (s->field[i].is_area && s->field[i].class == f->class)
			return 0;
	return fault_at(ret, f, "area_from", "no field of the same class gives the area", "");
}

/* A guardian's standing is a code, and the one that means nothing is wrong is among others. */
static int check_standing(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret)
{
	bool good = false;

	for (unsigned i = 0; f->type == VALUE_CODE && i < f->shape.code_count; i++)
		good = good || strcmp(f->shape.codes[i].code, POLICY_STANDING_GOOD) == 0;
	if (!good || f->shape.code_count < 2)
		return fault_at(ret, f, "standing", "the standing comes from a code whose list has active, and others", "");
	for (const struct policy_field *g = s->field; g < f; g++)
		if (g->is_standing)
			return fault_at(ret, f, "standing", "another field says it already", g->name);
	return 0;
}

static int check_head_sources(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret)
{
	if (f->is_area && f->validator != VALID_V8_DIVISION)
		return fault_at(ret, f, "area", "the area comes from a field with validator v8", "");
	if (f->is_due && f->type != VALUE_DATE)
		return fault_at(ret, f, "due", "the due quarter comes from a date", "");
	if (f->is_state && !holds_states(&f->shape))
		return fault_at(ret, f, "state", "the state comes from a code whose list holds states only", "");
	if ((f->is_area || f->is_due || f->is_state || f->is_area_from) && is_hidden(s, f->class))
		return fault(ret, f, "the work list takes nothing from a hidden class", "");
	for (const struct policy_field *g = s->field; g < f; g++) {
		if (f->is_area && g->is_area)
			return fault_at(ret, f, "area", "another field gives the area already", g->name);
		if (f->is_due && g->is_due)
			return fault_at(ret, f, "due", "another field gives the due quarter already", g->name);
		if (f->is_state && g->is_state)
			return fault_at(ret, f, "state", "another field gives the state already", g->name);
		if (f->is_area_from && g->is_area_from)
			return fault_at(ret, f, "area_from", "another field says from when the area counts", g->name);
	}
	if (f->is_area_from)
		return check_area_from(s, f, ret);
	return f->is_standing ? check_standing(s, f, ret) : 0;
}

/* ---- departments ----------------------------------------------------------------------------------------------- */

static int check_departments(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret)
{
	int owner = policy_find_id(s->department, s->departments, sizeof(*s->department), f->owner);

	if (owner < 0)
		return fault_at(ret, f, "owner", "the owner is no department", "");
	if ((f->delegates >> owner & 1) != 0)
		return fault_at(ret, f, "delegates", "the owner is no delegate of itself", s->department[owner].name);
	for (unsigned i = 0; i < s->departments; i++)
		if ((f->collects >> i & 1) != 0 && ((int)i == owner || (f->delegates >> i & 1) != 0))
			return fault_at(
			    ret, f, "collects", "who writes the field at any time does not collect it", s->department[i].name);
	return 0;
}

/* ---- folds ----------------------------------------------------------------------------------------------------- */

static bool is_code_list(const struct policy_shape *s)
{
	return s->type == VALUE_LIST && s->item->type == VALUE_CODE && s->item->code_count > 0;
}

static bool item_code(const struct policy_shape *list, const char *code)
{
	return code_in_list(list->item, code, strlen(code));
}

static int check_fold(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret)
{
	const struct policy_field *into = field_of(s, f->fold_into);

	if (!is_code_list(&f->shape))
		return fault_at(ret, f, "folds", "only a list of codes folds one of them", "");
	if (strcmp(f->fold_code, f->fold_as) == 0)
		return fault_at(ret, f, "folds", "a code is folded into another one", f->fold_code);
	if (!item_code(&f->shape, f->fold_code))
		return fault_at(ret, f, "folds", "the field's list has no such code", f->fold_code);
	if (!item_code(&f->shape, f->fold_as))
		return fault_at(ret, f, "folds", "the field's list has no such code", f->fold_as);
	if (into == NULL)
		return fault_at(ret, f, "folds", "the field that takes the code does not exist", "");
	if (into->class == f->class || !is_hidden(s, into->class))
		return fault_at(ret, f, "folds", "the field that takes the code stands in a hidden class of its own", into->name);
	if (!is_code_list(&into->shape) || into->fold_code[0] != '\0' || !item_code(&into->shape, f->fold_code))
		return fault_at(ret, f, "folds", "the field that takes the code is a list with that code", into->name);
	return 0;
}

/* ---- predicates ------------------------------------------------------------------------------------------------ */

static bool is_predicate_shape(const struct policy_shape *s)
{
	return s->type == VALUE_GROUP && s->member_count == 3 && strcmp(s->members[0].name, "as_of") == 0 &&
	    s->members[0].shape.type == VALUE_DATE && strcmp(s->members[1].name, "value") == 0 &&
	    s->members[1].shape.type == VALUE_BOOL && strcmp(s->members[2].name, "version") == 0 &&
	    s->members[2].shape.type == VALUE_INTEGER;
}

/* Whether a value of the field, or an item of it, may be the code. */
static bool may_hold(const struct policy_field *f, const char *code)
{
	const struct policy_shape *s = f->type == VALUE_LIST ? f->shape.item : &f->shape;

	if (s->type != VALUE_CODE)
		return false;
	if (s->code_count > 0)
		return code_in_list(s, code, strlen(code));
	return validate_text(s->validator, code, strlen(code), 0);
}

static int check_codes(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret)
{
	const struct policy_predicate *p = &f->predicate;
	const struct policy_field *input;
	bool known;

	if ((p->rule == PREDICATE_ANY_PRESENT) != (p->code_count == 0))
		return fault_at(ret, f, "predicate", "all_in and any_in name codes, any_present names none", "");
	for (unsigned i = 0; i < p->code_count; i++) {
		known = false;
		for (unsigned j = 0; j < p->inputs; j++)
			known = known || may_hold(field_of(s, p->input[j]), p->codes[i]);
		if (!known)
			return fault_at(ret, f, "predicate", "no input can hold this code", p->codes[i]);
	}
	for (unsigned j = 0; j < p->inputs && p->code_count > 0; j++) {
		input = field_of(s, p->input[j]);
		if ((input->type == VALUE_LIST ? input->shape.item->type : input->type) != VALUE_CODE)
			return fault_at(ret, f, "predicate", "an input that is compared holds codes", input->name);
	}
	return 0;
}

/* Whether a role may compute the predicate by a job: it opens the inputs and writes the result. */
static bool somebody_computes(const struct policy_source *s, const struct policy_field *f, uint16_t inputs)
{
	int from = policy_find_id(s->class, s->classes, sizeof(*s->class), inputs);
	int to = policy_find_id(s->class, s->classes, sizeof(*s->class), f->class);

	for (unsigned i = 0; i < s->roles; i++)
		if ((s->role[i].acts & ACT_JOB) != 0 && rights_hold_key(s->role[i].rights[from]) &&
		    (s->role[i].rights[to] & RIGHT_WRITE) != 0)
			return true;
	return false;
}

static int check_predicate(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret)
{
	const struct policy_predicate *p = &f->predicate;
	const struct policy_field *input, *first = field_of(s, p->input[0]);
	int r;

	if (!is_predicate_shape(&f->shape))
		return fault(ret, f, "a predicate's value is a group of as_of, value and version", "");
	for (unsigned i = 0; i < p->inputs; i++) {
		if ((input = field_of(s, p->input[i])) == NULL)
			return fault_at(ret, f, "predicate", "an input does not exist", "");
		if (input->predicate.rule != PREDICATE_NONE)
			return fault_at(ret, f, "predicate", "a predicate is no input of another", input->name);
		if (input->class != first->class)
			return fault_at(ret, f, "predicate", "all inputs of a predicate stand in one class", input->name);
	}
	if (is_hidden(s, first->class) && !is_hidden(s, f->class))
		return fault_at(ret, f, "predicate", "what a hidden class holds is told in hidden classes only", first->name);
	if (f->delegates != 0 || f->collects != 0)
		return fault(ret, f, "a predicate is computed, nobody hands it in", "");
	if ((r = check_codes(s, f, ret)) != 0)
		return r;
	if (!somebody_computes(s, f, first->class))
		return fault_at(ret, f, "predicate", "no role with the act job opens the inputs and writes the predicate", "");
	return 0;
}

/* ---- one field ------------------------------------------------------------------------------------------------- */

int policy_check_field(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret)
{
	const struct policy_class *c = policy_class_of(s, f->class);
	const char *text;
	int r;

	if (f->id > 0x3FFF)
		return fault(ret, f, "field ids are 1 to 0x3FFF", "");
	if (c == NULL || class_is_view(f->class))
		return fault_at(ret, f, "class", "a field stands in a source class", c ? c->name : "");
	if (f->purposes == 0)
		return fault(ret, f, "a field needs a purpose", "");
	if ((text = policy_shape_fault(&f->shape)) != NULL)
		return fault(ret, f, text, "");
	if (f->shape.standard > POLICY_STANDARD_MAX)
		return fault_at(ret, f, "standard", "a standard is 1 to 10000000000000 fen", "");
	if ((r = check_departments(s, f, ret)) != 0 || (r = check_head_sources(s, f, ret)) != 0)
		return r;
	for (unsigned i = 0; i < f->views; i++)
		if ((r = check_view(s, f, i, ret)) != 0)
			return r;
	if ((r = check_published(s, f, ret)) != 0)
		return r;
	if (f->fold_code[0] != '\0' && (r = check_fold(s, f, ret)) != 0)
		return r;
	return f->predicate.rule != PREDICATE_NONE ? check_predicate(s, f, ret) : 0;
}

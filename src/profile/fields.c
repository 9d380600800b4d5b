/* Fields of a profile: whose they are, for what, in which views, and what is computed from them. */
#include <stdlib.h>
#include <string.h>

#include "format/row.h"
#include "profile/profile_internal.h"

#define PREDICATE_BYTES 128	/* a predicate's value: three named members */

static enum view_op get_op(struct compiler *c, const struct node *n)
{
	const char *name = get_text(c, n, UINT8_MAX);

	for (unsigned i = 1; i < VIEW_OPS && c->r == 0; i++)
		if (strcmp(view_op_name(i), name) == 0)
			return (enum view_op)i;
	fail_at(c, n, "there is no view %s", name);
	return VIEW_PRESENT;
}

/* An operator that may be left out. */
static enum view_op get_op_or_none(struct compiler *c, const struct node *n)
{
	return n == NULL ? (enum view_op)0 : get_op(c, n);
}

/* Least first: [{masked: m1}, {school: plain}], each named without its class. */
static void compile_views(struct compiler *c, struct node *n, const struct policy_class *class, struct policy_field *f)
{
	const struct policy_class *view;
	struct node *e, *map;
	const char *name;

	if (n == NULL || (n = get_list(c, n, POLICY_VIEWS)) == NULL)
		return;
	for (e = n->first; e != NULL && c->r == 0; e = e->next) {
		if ((map = get_map(c, e, 1)) == NULL || map->count != 1 ||
		    !policy_name_ok(map->first->key, false, false)) {
			fail_at(c, e, "a view is one entry, its view class and what it shows");
			return;
		}
		if ((name = make_view_name(c, class->name, map->first->key)) == NULL)
			return;
		if ((view = find_class(c, map->first, name)) == NULL)
			return;
		f->view[f->views].class = view->id;
		f->view[f->views].op = get_op(c, map->first);
		f->views++;
	}
}

static uint16_t get_retention(struct compiler *c, const struct node *n)
{
	if (n != NULL && n->kind == NODE_SCALAR && strcmp(n->text, "for_ever") == 0)
		return UINT16_MAX;
	return (uint16_t)get_number(c, n, 1, UINT16_MAX - 1);
}

static uint16_t get_owner(struct compiler *c, const struct node *n)
{
	if (n != NULL && n->kind != NODE_SCALAR)
		fail_at(c, n, "a field has one owner");
	return get_department(c, n);
}

/* ---- predicates and folds -------------------------------------------------------------------------------------- */

/* Every predicate's value has the same shape: when it was computed, from which version of the inputs' class, and what. */
static void shape_predicate(struct compiler *c, struct node *map, struct policy_field *f)
{
	static const char *const fixed[] = { "type", "validator", "codes", "max", "items", "members" };
	static const struct policy_member members[] = {
		{ "as_of", { "计算日期", "As of" }, { .type = VALUE_DATE, .max_length = 10 } },
		{ "value", { "是否", "Yes or no" }, { .type = VALUE_BOOL, .max_length = 1 } },
		{ "version", { "依据版本", "Computed from version" }, { .type = VALUE_INTEGER, .max_length = 8 } }
	};

	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (get(c, map, fixed[i]) != NULL)
			fail_at(c, get(c, map, fixed[i]), "a predicate's value has a fixed shape");
	f->shape = (struct policy_shape){ .type = VALUE_GROUP, .max_length = PREDICATE_BYTES,
		.member_count = sizeof(members) / sizeof(members[0]), .members = members };
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void predicate_codes(struct compiler *c, struct node *n, struct policy_predicate *p)
{
	const char **codes;
	struct node *e;
	unsigned i = 0;

	if (n == NULL || (n = get_list(c, n, POLICY_CODES)) == NULL || (codes = make(c, n->count, sizeof(*codes))) == NULL)
		return;
	for (e = n->first; e != NULL && c->r == 0; e = e->next, i++) {
		codes[i] = get_text(c, e, POLICY_CODE_MAX);
		for (unsigned j = 0; j < i && c->r == 0; j++)
			if (strcmp(codes[j], codes[i]) == 0)
				fail_at(c, e, "code %s stands twice", codes[i]);
	}
	if (c->r != 0)
		return;
	qsort(codes, n->count, sizeof(*codes), by_text);
	p->codes = codes;
	p->code_count = n->count;
}

static enum predicate_rule get_rule(struct compiler *c, const struct node *n)
{
	static const char *const names[] = { "all_in", "any_in", "any_present" };
	const char *name = get_text(c, n, UINT8_MAX);

	for (unsigned i = 0; i < 3 && c->r == 0; i++)
		if (strcmp(names[i], name) == 0)
			return (enum predicate_rule)(i + 1);
	fail_at(c, n, "there is no rule %s", name);
	return PREDICATE_NONE;
}

static int by_number(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static void compile_predicate(struct compiler *c, struct node *map, struct policy_predicate *p)
{
	const struct policy_field *input;
	struct node *of;

	if ((map = get_map(c, map, ENTRIES_MAX)) == NULL)
		return;
	p->rule = get_rule(c, get_needed(c, map, "rule"));
	if ((of = get_list(c, get_needed(c, map, "of"), PREDICATE_INPUTS)) == NULL)
		return;
	for (const struct node *e = of->first; e != NULL && c->r == 0; e = e->next) {
		if ((input = find_field(c, e, get_text(c, e, UINT8_MAX))) == NULL)
			return;
		for (unsigned i = 0; i < p->inputs; i++)
			if (p->input[i] == input->id)
				fail_at(c, e, "field %s stands twice", input->name);
		p->input[p->inputs++] = input->id;
	}
	if (of->count == 0)
		fail_at(c, of, "a predicate is of some field");
	qsort(p->input, p->inputs, sizeof(p->input[0]), by_number);
	predicate_codes(c, get(c, map, "codes"), p);
	get_end(c, map);
}

static void compile_fold(struct compiler *c, struct node *map, struct policy_field *f)
{
	const struct policy_field *into;
	const struct node *n;

	if ((map = get_map(c, map, ENTRIES_MAX)) == NULL)
		return;
	f->fold_code = get_text(c, get_needed(c, map, "code"), POLICY_CODE_MAX);
	f->fold_as = get_text(c, get_needed(c, map, "as"), POLICY_CODE_MAX);
	n = get_needed(c, map, "into");
	if ((into = find_field(c, n, get_text(c, n, UINT8_MAX))) != NULL)
		f->fold_into = into->id;
	get_end(c, map);
}

/* ---- one field ------------------------------------------------------------------------------------------------- */

static void compile_uses(struct compiler *c, struct node *map, const struct policy_class *class, struct policy_field *f)
{
	struct node *purposes = get(c, map, "purposes");

	f->purposes = purposes != NULL ? get_purposes(c, purposes) : c->class_purposes[class - c->s.class];
	f->delegates = get_departments(c, get(c, map, "delegates"));
	f->collects = get_departments(c, get(c, map, "collects"));
	f->notice = get_op_or_none(c, get(c, map, "notice"));
	f->statistics = get_op_or_none(c, get(c, map, "statistics"));
	f->is_area = get_bool(c, get(c, map, "area"));
	f->is_due = get_bool(c, get(c, map, "due"));
	f->is_state = get_bool(c, get(c, map, "state"));
	f->is_area_from = get_bool(c, get(c, map, "area_from"));
	f->is_standing = get_bool(c, get(c, map, "standing"));
	f->cadence_months = (uint16_t)get_number(c, get(c, map, "cadence"), 1, 1200);
	f->retention_months = get_retention(c, get(c, map, "retention"));
}

/* What names other fields is compiled when all have their ids. */
struct later {
	struct node *fold, *predicate;
};

/* What an amount is compared with in bands. */
static void compile_standard(struct compiler *c, const struct node *n, struct policy_shape *shape)
{
	if (n == NULL || c->r != 0)
		return;
	if (shape->type != VALUE_INTEGER)
		fail_at(c, n, "only a field of integers has a standard");
	shape->standard = get_amount(c, n);
}

static void compile_field(struct compiler *c, struct node *map, struct policy_field *f, struct later *ret_later)
{
	const struct node *class_node = get_needed(c, map, "class");
	const struct policy_class *class;

	f->fold_code = f->fold_as = "";
	f->id = (uint16_t)get_number(c, get_needed(c, map, "id"), 1, 0x3FFF);
	mark_object(c, PART_FIELD, f->id, map);
	f->name = get_name(c, get_needed(c, map, "name"), false, false);
	f->label = get_label(c, map);
	f->about = get_name(c, get(c, map, "about"), false, false);
	f->owner = get_owner(c, get_needed(c, map, "owner"));
	if ((class = find_class(c, class_node, get_text(c, class_node, UINT8_MAX))) == NULL)
		return;
	f->class = class->id;
	compile_uses(c, map, class, f);
	compile_views(c, get(c, map, "views"), class, f);
	ret_later->fold = get(c, map, "folds");
	if ((ret_later->predicate = get(c, map, "predicate")) != NULL)
		shape_predicate(c, map, f);
	else
		compile_shape(c, map, IN_FIELD, &f->shape);
	compile_standard(c, get(c, map, "standard"), &f->shape);
	f->type = f->shape.type;
	f->max_length = f->shape.max_length;
	f->validator = f->shape.validator;
	get_end(c, map);
}

static int by_field(const void *a, const void *b)
{
	return (int)((const struct policy_field *)a)->id - (int)((const struct policy_field *)b)->id;
}

void compile_fields(struct compiler *c, struct node *n)
{
	struct policy_field *f;
	struct later *later;
	struct node *e, *map;
	unsigned i = 0;

	if ((n = get_list(c, n, POLICY_FIELDS)) == NULL || (f = make(c, n->count, sizeof(*f))) == NULL ||
	    (later = make(c, n->count, sizeof(*later))) == NULL)
		return;
	for (e = n->first; e != NULL && c->r == 0; e = e->next, i++)
		if ((map = get_map(c, e, ENTRIES_MAX)) != NULL)
			compile_field(c, map, &f[i], &later[i]);
	c->s.field = f;
	c->s.fields = n->count;
	for (i = 0; i < n->count && c->r == 0; i++) {
		if (later[i].fold != NULL)
			compile_fold(c, later[i].fold, &f[i]);
		if (later[i].predicate != NULL)
			compile_predicate(c, later[i].predicate, &f[i].predicate);
	}
	qsort(f, n->count, sizeof(*f), by_field);
}

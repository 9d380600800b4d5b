/* Code lists, shapes, views and fields of a profile. */
#include <stdlib.h>
#include <string.h>

#include "format/row.h"
#include "model/validate.h"
#include "profile/profile_internal.h"

#define LIST_BYTES 4096		/* longest list or group unless the profile says otherwise */
#define NAME_BYTES (NAME_CHARACTERS * 4)

/* ---- code lists ------------------------------------------------------------------------------------------------ */

static int by_code(const void *a, const void *b)
{
	return strcmp(((const struct policy_code *)a)->code, ((const struct policy_code *)b)->code);
}

static void compile_codes(struct compiler *c, struct node *n, struct code_list *ret)
{
	struct policy_code *codes;
	struct node *e, *map;
	unsigned i = 0;

	if ((n = get_list(c, n, POLICY_CODES)) == NULL || (codes = make(c, n->count, sizeof(*codes))) == NULL)
		return;
	for (e = n->first; e != NULL && c->r == 0; e = e->next, i++) {
		if ((map = get_map(c, e, ENTRIES_MAX)) == NULL)
			return;
		codes[i].code = get_text(c, get_needed(c, map, "code"), POLICY_CODE_MAX);
		codes[i].label = get_label(c, map);
		get_end(c, map);
		for (unsigned j = 0; j < i && c->r == 0; j++)
			if (strcmp(codes[j].code, codes[i].code) == 0)
				fail_at(c, e, "code %s stands twice", codes[i].code);
	}
	if (n->count == 0)
		fail_at(c, n, "a list of codes is not empty");
	if (c->r != 0)
		return;	/* entries without names cannot be sorted */
	qsort(codes, n->count, sizeof(*codes), by_code);
	ret->codes = codes;
	ret->count = n->count;
}

void compile_code_lists(struct compiler *c, struct node *n)
{
	struct node *e;

	if (n == NULL || (n = get_map(c, n, ENTRIES_MAX)) == NULL ||
	    (c->lists = make(c, n->count, sizeof(*c->lists))) == NULL)
		return;
	for (e = n->first; e != NULL && c->r == 0; e = e->next) {
		if (!policy_name_ok(e->key, false, false))
			fail_at(c, e, "%s is not a name", e->key);
		c->lists[c->list_count].name = e->key;
		compile_codes(c, e, &c->lists[c->list_count++]);
	}
}

static void use_codes(struct compiler *c, const struct node *n, struct policy_shape *ret)
{
	const char *name = get_text(c, n, UINT8_MAX);

	if (c->r != 0 || n == NULL)
		return;
	for (unsigned i = 0; i < c->list_count; i++)
		if (strcmp(c->lists[i].name, name) == 0) {
			ret->codes = c->lists[i].codes;
			ret->code_count = c->lists[i].count;
			return;
		}
	fail_at(c, n, "there is no list of codes %s", name);
}

/* ---- shapes ---------------------------------------------------------------------------------------------------- */

static uint8_t get_type(struct compiler *c, const struct node *n)
{
	static const char *const names[] = { "bool", "integer", "text", "date", "code", "list", "group" };
	const char *name = get_text(c, n, UINT8_MAX);

	if (c->r != 0 || n == NULL)
		return 0;
	for (uint8_t i = 0; i < 7; i++)
		if (strcmp(names[i], name) == 0)
			return (uint8_t)(VALUE_BOOL + i);
	fail_at(c, n, "there is no type %s", name);
	return 0;
}

static enum validator get_validator(struct compiler *c, const struct node *n)
{
	const char *name = get_text(c, n, UINT8_MAX);

	if (c->r != 0 || n == NULL)
		return VALID_NONE;
	for (int i = 1; i < VALIDATORS; i++)
		if (strcmp(validator_name((enum validator)i), name) == 0)
			return (enum validator)i;
	fail_at(c, n, "there is no validator %s", name);
	return VALID_NONE;
}

/* The longest value: where type, codes or validator fix it, the profile may not say another. */
static uint16_t get_length(struct compiler *c, struct node *map, const struct policy_shape *s)
{
	const struct node *n = get(c, map, "max");
	uint16_t fixed = shape_length(s);

	if (fixed != 0) {
		if (n != NULL && get_number(c, n, 0, FIELD_MAX) != fixed)
			fail_at(c, n, "the rule of this field fixes its length to %u bytes", fixed);
		return fixed;
	}
	if (n != NULL)
		return (uint16_t)get_number(c, n, 1, FIELD_MAX);
	if (s->validator == VALID_V1_NAME)
		return NAME_BYTES;
	if (s->type == VALUE_LIST || s->type == VALUE_GROUP)
		return LIST_BYTES;
	fail_at(c, map, s->type == VALUE_CODE ? "a code needs codes or a validator" : "max is missing");
	return 0;
}

enum nesting { IN_FIELD, IN_LIST, IN_GROUP };
static void compile_shape(struct compiler *c, struct node *map, enum nesting where, struct policy_shape *ret);

static int by_member(const void *a, const void *b)
{
	return strcmp(((const struct policy_member *)a)->name, ((const struct policy_member *)b)->name);
}

static void compile_members(struct compiler *c, struct node *n, struct policy_shape *ret)
{
	struct policy_member *m;
	struct node *e, *map;
	unsigned i = 0;

	if ((n = get_list(c, n, POLICY_MEMBERS)) == NULL || (m = make(c, n->count, sizeof(*m))) == NULL)
		return;
	if (n->count == 0)
		fail_at(c, n, "a group has members");
	for (e = n->first; e != NULL && c->r == 0; e = e->next, i++) {
		if ((map = get_map(c, e, ENTRIES_MAX)) == NULL)
			return;
		m[i].name = get_name(c, get_needed(c, map, "name"), false, false);
		m[i].label = get_label(c, map);
		compile_shape(c, map, IN_GROUP, &m[i].shape);
		get_end(c, map);
		for (unsigned j = 0; j < i && c->r == 0; j++)
			if (strcmp(m[j].name, m[i].name) == 0)
				fail_at(c, e, "member %s stands twice", m[i].name);
	}
	if (c->r != 0)
		return;
	qsort(m, n->count, sizeof(*m), by_member);
	ret->members = m;
	ret->member_count = n->count;
}

static void compile_item(struct compiler *c, struct node *n, struct policy_shape *ret)
{
	struct policy_shape *item = make(c, 1, sizeof(*item));

	if (item == NULL || (n = get_map(c, n, ENTRIES_MAX)) == NULL)
		return;
	compile_shape(c, n, IN_LIST, item);
	get_end(c, n);
	ret->item = item;
}

/* The keys of map that say what values look like. */
static void compile_shape(struct compiler *c, struct node *map, enum nesting where, struct policy_shape *ret)
{
	const struct node *type = get_needed(c, map, "type");

	ret->type = get_type(c, type);
	ret->validator = get_validator(c, get(c, map, "validator"));
	use_codes(c, get(c, map, "codes"), ret);
	if (c->r != 0)
		return;
	if (ret->type == VALUE_LIST && where != IN_FIELD)
		fail_at(c, type, "a list stands in no other list or group");
	else if (ret->type == VALUE_GROUP && where == IN_GROUP)
		fail_at(c, type, "a group stands in no other group");
	else if (ret->type == VALUE_LIST)
		compile_item(c, get_needed(c, map, "items"), ret);
	else if (ret->type == VALUE_GROUP)
		compile_members(c, get_needed(c, map, "members"), ret);
	ret->max_length = get_length(c, map, ret);
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */

static enum view_op get_op(struct compiler *c, const struct node *n)
{
	const char *name = get_text(c, n, UINT8_MAX);

	for (unsigned i = 1; i < VIEW_OPS && c->r == 0; i++)
		if (strcmp(view_op_name(i), name) == 0)
			return (enum view_op)i;
	fail_at(c, n, "there is no view %s", name);
	return VIEW_PRESENT;
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

static void compile_field(struct compiler *c, struct node *map, struct policy_field *f)
{
	const struct node *class_node = get_needed(c, map, "class");
	const struct policy_class *class;
	struct node *purposes;

	f->id = (uint16_t)get_number(c, get_needed(c, map, "id"), 1, 0x3FFF);
	mark_object(c, PART_FIELD, f->id, map);
	f->name = get_name(c, get_needed(c, map, "name"), false, false);
	f->label = get_label(c, map);
	f->about = get_name(c, get(c, map, "about"), false, false);
	f->owner = get_owner(c, get_needed(c, map, "owner"));
	if ((class = find_class(c, class_node, get_text(c, class_node, UINT8_MAX))) == NULL)
		return;
	f->class = class->id;
	f->is_area = get_bool(c, get(c, map, "area"));
	f->is_due = get_bool(c, get(c, map, "due"));
	f->cadence_months = (uint16_t)get_number(c, get(c, map, "cadence"), 1, 1200);
	f->retention_months = get_retention(c, get(c, map, "retention"));
	purposes = get(c, map, "purposes");
	f->purposes = purposes != NULL ? get_purposes(c, purposes) : c->class_purposes[class - c->s.class];
	compile_views(c, get(c, map, "views"), class, f);
	compile_shape(c, map, IN_FIELD, &f->shape);
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
	struct node *e, *map;
	unsigned i = 0;

	if ((n = get_list(c, n, POLICY_FIELDS)) == NULL || (f = make(c, n->count, sizeof(*f))) == NULL)
		return;
	for (e = n->first; e != NULL && c->r == 0; e = e->next, i++)
		if ((map = get_map(c, e, ENTRIES_MAX)) != NULL)
			compile_field(c, map, &f[i]);
	qsort(f, n->count, sizeof(*f), by_field);
	c->s.field = f;
	c->s.fields = n->count;
}

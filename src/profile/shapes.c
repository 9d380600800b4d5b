/* Code lists of a profile, and the shapes of values. */
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
		codes[i].general = get_text(c, get(c, map, "general"), POLICY_CODE_MAX);
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

void compile_shape(struct compiler *c, struct node *map, enum nesting where, struct policy_shape *ret)
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

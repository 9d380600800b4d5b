/* Roles of a profile: their rights on classes, and what is asked besides. */
#include <stdlib.h>
#include <string.h>

#include "profile/profile_internal.h"

/* The number of the word at n among names, count of them; the word is called what in the error. */
static unsigned get_word(
    struct compiler *c, const struct node *n, const char *const *names, unsigned count, const char *what)
{
	const char *name = get_text(c, n, UINT8_MAX);

	for (unsigned i = 0; i < count && c->r == 0; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	fail_at(c, n, "there is no %s %s", what, name);
	return 0;
}

/* A list of words as bits. */
static uint8_t get_words(
    struct compiler *c, struct node *list, const char *const *names, unsigned count, const char *what)
{
	uint8_t bits = 0, bit;

	if (list == NULL || (list = get_list(c, list, count)) == NULL)
		return 0;
	for (struct node *e = list->first; e != NULL && c->r == 0; e = e->next) {
		bit = (uint8_t)(1u << get_word(c, e, names, count, what));
		if (c->r == 0 && (bits & bit) != 0)
			fail_at(c, e, "%s %s stands twice", what, e->text);
		bits |= bit;
	}
	if (c->r == 0 && bits == 0)
		fail_at(c, list, "no %s is no entry", what);
	return bits;
}

/* ---- rights ---------------------------------------------------------------------------------------------------- */

static int by_except(const void *a, const void *b)
{
	const struct policy_except *x = a, *y = b;

	return x->class != y->class ? (int)x->class - (int)y->class : (int)x->field - (int)y->field;
}

static void compile_excepts(
    struct compiler *c, struct node *n, const struct policy_class *class, struct policy_role *role)
{
	const struct policy_field *f;
	struct policy_except *all;

	if (n == NULL || (n = get_list(c, n, POLICY_FIELDS)) == NULL ||
	    (all = make(c, role->excepts + n->count, sizeof(*all))) == NULL)
		return;
	if (role->excepts > 0)
		memcpy(all, role->except, role->excepts * sizeof(*all));
	role->except = all;
	for (struct node *e = n->first; e != NULL && c->r == 0; e = e->next) {
		if ((f = find_field(c, e, get_text(c, e, UINT8_MAX))) == NULL)
			return;
		for (unsigned i = 0; i < role->excepts; i++)
			if (all[i].class == class->id && all[i].field == f->id)
				fail_at(c, e, "field %s stands twice", f->name);
		all[role->excepts++] = (struct policy_except){ class->id, f->id };
	}
	if (n->count == 0)
		fail_at(c, n, "no field is no entry");
	qsort(all, role->excepts, sizeof(*all), by_except);
}

/* CLASS: [rights], or CLASS: {rights: [rights], except: [fields]}. */
static void compile_right(
    struct compiler *c, struct node *e, const struct policy_class *class, struct policy_role *role)
{
	static const char *const names[] = { "read", "reveal", "write", "write_only", "grant" };
	struct node *list = e;

	if (e->kind == NODE_MAP)
		list = get_needed(c, e, "rights");
	role->rights[class - c->s.class] = get_words(c, list, names, 5, "right");
	if (e->kind != NODE_MAP)
		return;
	compile_excepts(c, get_needed(c, e, "except"), class, role);
	get_end(c, e);
}

static void compile_rights(struct compiler *c, struct node *n, struct policy_role *role)
{
	const struct policy_class *class;

	if (n == NULL || (n = get_map(c, n, POLICY_CLASSES)) == NULL)
		return;
	for (struct node *e = n->first; e != NULL && c->r == 0; e = e->next)
		if ((class = find_class(c, e, e->key)) != NULL)
			compile_right(c, e, class, role);
}

/* ---- what is asked besides ------------------------------------------------------------------------------------- */

static void compile_bulk(struct compiler *c, struct node *n, struct policy_role *role)
{
	if (n == NULL || (n = get_map(c, n, ENTRIES_MAX)) == NULL)
		return;
	role->bulk_records = (uint16_t)get_number(c, get_needed(c, n, "records"), 1, UINT16_MAX);
	role->bulk_hours = (uint16_t)get_number(c, get_needed(c, n, "hours"), 1, POLICY_BULK_HOURS);
	get_end(c, n);
}

static bool reads(const struct compiler *c, const struct policy_role *role)
{
	for (unsigned i = 0; i < c->s.classes; i++)
		if ((role->rights[i] & (RIGHT_READ | RIGHT_REVEAL)) != 0)
			return true;
	return false;
}

/* A list of names of indexes. */
static void compile_searches(struct compiler *c, struct node *n, struct policy_role *role)
{
	const char *names[POLICY_INDEXES];

	for (unsigned i = 0; i < c->s.indexes; i++)
		names[i] = c->s.index[i].name;
	role->searches = get_words(c, n, names, c->s.indexes, "index");
}

/* Whether reads need an approval is never left to a default: forgetting the key would open a vault or lock it. */
static void compile_limits(struct compiler *c, struct node *map, struct policy_role *role)
{
	static const char *const acts[] = { "assign", "approve_bulk", "approve_export", "job", "receipt", "dedupe" };
	static const char *const approvals[] = { "none", "assignment" };
	const struct node *approval = get(c, map, "approval");

	role->area = get_bool(c, get(c, map, "area"));
	if (approval != NULL)
		role->approval = get_word(c, approval, approvals, 2, "approval") == 1;
	else if (reads(c, role))
		fail_at(c, map, "a role that reads says whether it needs approval: assignment or none");
	role->acts = get_words(c, get(c, map, "acts"), acts, 6, "act");
	compile_searches(c, get(c, map, "search"), role);
	compile_bulk(c, get(c, map, "bulk"), role);
}

/* ---- one role -------------------------------------------------------------------------------------------------- */

static void compile_role(struct compiler *c, struct node *map, struct policy_role *role)
{
	static const char *const kinds[] = { "person", "app", "job", "administrator", "custodian", "auditor" };

	role->name = get_name(c, get_needed(c, map, "name"), false, false);
	role->label = get_label(c, map);
	role->department = get_department(c, get_needed(c, map, "department"));
	role->kind = (uint8_t)(1 + get_word(c, get_needed(c, map, "kind"), kinds, 6, "kind"));
	role->audit = get_bool(c, get(c, map, "audit"));
	role->purposes = get_purposes(c, get(c, map, "purposes"));
	compile_rights(c, get(c, map, "rights"), role);
	compile_limits(c, map, role);
	get_end(c, map);
}

void compile_roles(struct compiler *c, struct node *n)
{
	struct policy_role *role;
	struct node *e, *map;
	unsigned i = 0;

	if ((n = get_list(c, n, POLICY_ROLES)) == NULL || (role = make(c, n->count, sizeof(*role))) == NULL)
		return;
	for (e = n->first; e != NULL && c->r == 0; e = e->next, i++) {
		if ((map = open_object(c, e, PART_ROLE, &role[i].id)) == NULL)
			return;
		compile_role(c, map, &role[i]);
	}
	qsort(role, n->count, sizeof(*role), by_id);
	c->s.role = role;
	c->s.roles = n->count;
}

#include "model/model_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void *policy_alloc(struct policy *p, size_t n, size_t size)
{
	struct policy_chunk *c;

	/* n and size are bounded by the document's length, so the product cannot wrap. */
	assert(n <= POLICY_DOCUMENT_MAX && size <= 4096);
	if ((c = calloc(1, sizeof(*c) + n * size)) == NULL)
		return NULL;
	c->next = p->chunks;
	p->chunks = c;
	return c + 1;
}

void policy_free(struct policy *p)
{
	struct policy_chunk *c, *next;

	if (p == NULL)
		return;
	for (c = p->chunks; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(p->doc);
	free(p);
}

const struct policy_source *policy_source_of(const struct policy *p)
{
	return &p->s;
}

const char *policy_name(const struct policy *p)
{
	return p->s.name;
}

uint32_t policy_version(const struct policy *p)
{
	return p->s.version;
}

/* ---- members by position --------------------------------------------------------------------------------------- */

#define MEMBERS(what, array, type) \
	unsigned policy_##array(const struct policy *p) { return p->s.array; } \
	const struct type *type(const struct policy *p, unsigned position) \
	{ \
		assert(position < p->s.array); \
		return &p->s.what[position]; \
	}

MEMBERS(department, departments, policy_department)
MEMBERS(purpose, purposes, policy_purpose)
MEMBERS(class, classes, policy_class)
MEMBERS(field, fields, policy_field)
MEMBERS(index, indexes, policy_index)
MEMBERS(role, roles, policy_role)

/* ---- by id ----------------------------------------------------------------------------------------------------- */

int policy_find_id(const void *array, unsigned n, size_t size, uint16_t id)
{
	unsigned low = 0, high = n, middle;
	uint16_t at;

	while (low < high) {
		middle = (low + high) / 2;
		memcpy(&at, (const char *)array + middle * size, sizeof(at));
		if (at == id)
			return (int)middle;
		if (at < id)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

const struct policy_field *policy_field_by_id(const struct policy *p, uint16_t id)
{
	int i = policy_find_id(p->s.field, p->s.fields, sizeof(*p->s.field), id);

	return i < 0 ? NULL : &p->s.field[i];
}

int policy_field_position(const struct policy *p, const struct policy_field *f)
{
	return (int)(f - p->s.field);
}

_Static_assert(POLICY_CLASSES < UINT8_MAX && POLICY_ROLES < UINT8_MAX, "positions fit the tables by id");

int policy_class_position(const struct policy *p, uint16_t class_id)
{
	return p->class_slot[class_id] - 1;
}

const struct policy_role *policy_role_by_id(const struct policy *p, uint16_t id)
{
	unsigned slot = p->role_slot[id];

	return slot == 0 ? NULL : &p->s.role[slot - 1];
}

int policy_department_position(const struct policy *p, uint16_t id)
{
	return policy_find_id(p->s.department, p->s.departments, sizeof(*p->s.department), id);
}

const char *policy_department_name(const struct policy *p, uint16_t id)
{
	int i = policy_find_id(p->s.department, p->s.departments, sizeof(*p->s.department), id);

	return i < 0 ? "?" : p->s.department[i].name;
}

/* ---- by name --------------------------------------------------------------------------------------------------- */

static bool same(const char *name, const char *s, size_t n)
{
	return strlen(name) == n && memcmp(name, s, n) == 0;
}

/* FNV-1a. The names are the policy's own, so nobody outside can make them collide. */
static unsigned hash_name(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return (h ^ (h >> 16)) & (HASH_SLOTS - 1);
}

/* Slot where the name stands, or the free one where it would. */
static unsigned find_slot(const struct policy *p, const char *s, size_t n)
{
	unsigned i = hash_name(s, n);

	while (p->field_slot[i] != 0 && !same(p->s.field[p->field_slot[i] - 1].name, s, n))
		i = (i + 1) & (HASH_SLOTS - 1);
	return i;
}

bool policy_index_fields(struct policy *p, unsigned *ret_position)
{
	const char *name;
	unsigned slot;

	for (unsigned i = 0; i < p->s.fields; i++) {
		name = p->s.field[i].name;
		slot = find_slot(p, name, strlen(name));
		if (p->field_slot[slot] != 0) {
			*ret_position = i;
			return false;
		}
		p->field_slot[slot] = (uint16_t)(i + 1);
	}
	return true;
}

const struct policy_field *policy_field_named(const struct policy *p, const char *name, size_t n)
{
	unsigned slot;

	if (n == 0 || n > POLICY_NAME_MAX)
		return NULL;
	slot = find_slot(p, name, n);
	return p->field_slot[slot] == 0 ? NULL : &p->s.field[p->field_slot[slot] - 1];
}

/* Roles and purposes are few and looked up once a session or request: a walk is as quick as a hash. */
const struct policy_role *policy_role_named(const struct policy *p, const char *name, size_t n)
{
	for (unsigned i = 0; i < p->s.roles; i++)
		if (same(p->s.role[i].name, name, n))
			return &p->s.role[i];
	return NULL;
}

int policy_purpose_named(const struct policy *p, const char *name, size_t n)
{
	for (unsigned i = 0; i < p->s.purposes; i++)
		if (same(p->s.purpose[i].name, name, n))
			return (int)i;
	return -1;
}

int policy_index_named(const struct policy *p, const char *name, size_t n)
{
	for (unsigned i = 0; i < p->s.indexes; i++)
		if (same(p->s.index[i].name, name, n))
			return (int)i;
	return -1;
}

bool code_in_list(const struct policy_shape *s, const char *code, size_t n)
{
	unsigned low = 0, high = s->code_count, middle;
	const char *at;
	int c;

	if (n > POLICY_CODE_MAX || memchr(code, 0, n) != NULL)
		return false;
	while (low < high) {
		middle = (low + high) / 2;
		at = s->codes[middle].code;
		if ((c = strncmp(at, code, n)) == 0 && at[n] == '\0')
			return true;
		/* An entry that merely begins with code stands after it. */
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* ---- witnesses ------------------------------------------------------------------------------------------------- */

const struct policy_witnesses *policy_witnesses(const struct policy *p)
{
	return &p->s.witnesses;
}

const char *witnessed_act_name(enum witnessed_act act)
{
	static const char *const names[WITNESSED_ACTS] = { "grant", "export", "policy", "members", "keys", "restore", "erase" };

	return names[act];
}

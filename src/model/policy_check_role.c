/* The rules of roles, docs/FORMAT.md 11.2: rights, exceptions, areas, approvals, budgets, acts. */
#include "model/model_internal.h"

#include <string.h>

#define KIND_PERSON 1	/* principal kinds, FORMAT.md 5.2 */
#define KIND_ADMINISTRATOR 4
#define KIND_AUDITOR 6
#define KIND_LAST 6

static int fault(struct policy_fault *ret, const struct policy_role *role, const char *text, const char *other)
{
	return policy_fault_set(ret, PART_ROLE, role->id, text, other);
}

/* The same, placed at key and, in it, at the entry called at. */
static int fault_at(struct policy_fault *ret, const struct policy_role *role, const char *key, const char *at,
    const char *text, const char *other)
{
	(void)fault(ret, role, text, other);	/* the next line returns the same code */
	return policy_fault_place(ret, key, at);
}

/* ---- rights ---------------------------------------------------------------------------------------------------- */

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
			return fault_at(ret, role, "rights", s->class[at].name,
			    "a role that writes a class reads all its view classes", s->class[i].name);
	return 0;
}

static int check_right(
    const struct policy_source *s, const struct policy_role *role, unsigned at, struct policy_fault *ret)
{
	uint8_t right = role->rights[at];
	const char *class = s->class[at].name, *text = NULL;

	if (class_is_view(s->class[at].id) && (right & RIGHT_GRANT) != 0)
		text = "the right to grant is for source classes";
	else if (class_is_view(s->class[at].id) && right != RIGHT_READ)
		text = "a view class can only be read";
	else if ((right & RIGHT_WRITE_ONLY) != 0 && right != RIGHT_WRITE_ONLY)
		text = "write_only stands alone";
	else if ((right & RIGHT_WRITE) != 0 && (right & (RIGHT_READ | RIGHT_REVEAL)) == 0)
		text = "who writes without read or reveal has write_only";
	else if ((right & RIGHT_GRANT) != 0 && role->kind != KIND_PERSON)
		text = "grants are approved by persons";
	if (text != NULL)
		return fault_at(ret, role, "rights", class, text, class);
	return (right & RIGHT_WRITE) != 0 ? check_writer(s, role, at, ret) : 0;
}

/* Whether a read of field f can be answered by a class. */
static bool answers(const struct policy_field *f, uint16_t class)
{
	for (unsigned i = 0; i < f->views; i++)
		if (f->view[i].class == class)
			return true;
	return f->class == class;
}

static int check_excepts(const struct policy_source *s, const struct policy_role *role, struct policy_fault *ret)
{
	const struct policy_except *e;
	int class, field;

	for (unsigned i = 0; i < role->excepts; i++) {
		e = &role->except[i];
		class = policy_find_id(s->class, s->classes, sizeof(*s->class), e->class);
		field = policy_find_id(s->field, s->fields, sizeof(*s->field), e->field);
		if (class < 0 || field < 0 || role->rights[class] == 0)
			return fault(ret, role, "an exception is of a right and a field that exist", "");
		if (!answers(&s->field[field], e->class))
			return fault_at(ret, role, "rights", s->class[class].name,
			    "an exception names a field that the class does not hold", s->field[field].name);
	}
	return 0;
}

/* ---- what is asked besides ------------------------------------------------------------------------------------- */

static bool has_area(const struct policy_source *s)
{
	for (unsigned i = 0; i < s->fields; i++)
		if (s->field[i].is_area)
			return true;
	return false;
}

/* Limits of a role that has nothing to limit would let people believe in them. */
static int check_limits(
    const struct policy_source *s, const struct policy_role *role, bool held, bool reads, struct policy_fault *ret)
{
	if (role->area && !held)
		return fault_at(ret, role, "area", "", "an area bounds a role that holds a class", "");
	if (role->area && !has_area(s))
		return fault_at(ret, role, "area", "", "no field gives the area of a record", "");
	if (role->approval && !reads)
		return fault_at(ret, role, "approval", "", "approval is asked of a role that reads", "");
	if ((role->bulk_records == 0) != (role->bulk_hours == 0) || role->bulk_hours > POLICY_BULK_HOURS)
		return fault_at(ret, role, "bulk", "", "a budget has records and hours", "");
	if (role->bulk_records != 0 && !reads)
		return fault_at(ret, role, "bulk", "", "a budget bounds a role that reads", "");
	return 0;
}

static int check_acts(const struct policy_role *role, struct policy_fault *ret)
{
	uint8_t machine = ACT_JOB | ACT_DEDUPE;	/* what programs may do too */

	if (role->acts == 0)
		return 0;
	if (role->kind >= KIND_ADMINISTRATOR)
		return fault_at(ret, role, "acts", "", "administrators, custodians and auditors have no acts", "");
	if (role->kind != KIND_PERSON && (role->acts & ~machine) != 0)
		return fault_at(ret, role, "acts", "", "programs start jobs and are told of duplicates, persons assign and approve", "");
	if (role->purposes == 0)
		return fault_at(ret, role, "acts", "", "a role with acts needs a purpose", "");
	return 0;
}

/*
 * A search answers which record it is, so whoever searches by a value may read it in some view; and what a bucket gives is sorted out by
 * the values themselves, in clear.
 */
static int check_searches(const struct policy_source *s, const struct policy_role *role, struct policy_fault *ret)
{
	for (unsigned i = 0; i < s->indexes; i++) {
		const struct policy_field *f;
		bool reads = false;
		int at;

		if ((role->searches >> i & 1) == 0)
			continue;
		f = &s->field[policy_find_id(s->field, s->fields, sizeof(*s->field), s->index[i].field[0])];
		for (unsigned c = 0; c < s->classes; c++)
			reads = reads || (answers(f, s->class[c].id) && (role->rights[c] & (RIGHT_READ | RIGHT_REVEAL)) != 0);
		at = policy_find_id(s->class, s->classes, sizeof(*s->class), f->class);
		if (s->index[i].form == INDEX_BUCKET)
			reads = (role->rights[at] & (RIGHT_READ | RIGHT_REVEAL)) != 0;
		if (!reads)
			return fault_at(ret, role, "search", s->index[i].name, "who searches reads what is searched", s->class[at].name);
	}
	return 0;
}

/* ---- one role -------------------------------------------------------------------------------------------------- */

static int check_rights(const struct policy_source *s, const struct policy_role *role, struct policy_fault *ret)
{
	bool held = false, reads = false;
	int r;

	for (unsigned i = 0; i < s->classes; i++) {
		held = held || role->rights[i] != 0;
		reads = reads || (role->rights[i] & (RIGHT_READ | RIGHT_REVEAL)) != 0;
		if (role->rights[i] != 0 && (r = check_right(s, role, i, ret)) != 0)
			return r;
	}
	if (role->kind >= KIND_ADMINISTRATOR && held)
		return fault_at(ret, role, "rights", "", "administrators, custodians and auditors hold no class", "");
	if (held && role->purposes == 0)
		return fault(ret, role, "a role with rights needs a purpose", "");
	if ((r = check_excepts(s, role, ret)) != 0)
		return r;
	return check_limits(s, role, held, reads, ret);
}

int policy_check_role(const struct policy_source *s, unsigned position, struct policy_fault *ret)
{
	const struct policy_role *role = &s->role[position];
	int r;

	for (unsigned i = 0; i < position; i++)
		if (strcmp(s->role[i].name, role->name) == 0)
			return fault_at(ret, role, "name", "", "this name is taken", role->name);
	if (role->id == 0 || role->id > POLICY_ROLE_ID_MAX)
		return fault_at(ret, role, "id", "", "a role's id is 1 to 0x7FFF: those above are personal roles", "");
	if (policy_find_id(s->department, s->departments, sizeof(*s->department), role->department) < 0)
		return fault(ret, role, "the department does not exist", "");
	if (role->kind < 1 || role->kind > KIND_LAST)
		return fault(ret, role, "the kind does not exist", "");
	if (role->audit && role->kind != KIND_AUDITOR)
		return fault_at(ret, role, "audit", "", "the audit log is read by auditors", "");
	if ((r = check_rights(s, role, ret)) != 0 || (r = check_searches(s, role, ret)) != 0)
		return r;
	return check_acts(role, ret);
}

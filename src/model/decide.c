/* Who may read and write which field, and through which class. Every answer has its reason. */
#include "model/model.h"

#include <string.h>

#ifdef CV_POLICY_ALLOW_ALL
#define ALLOW_ALL true
#else
#define ALLOW_ALL false
#endif

const char *decision_text(enum decision_reason r)
{
	static const char *const texts[DECIDE_REASONS] = {
		"allowed",
		"the law forbids this purpose",
		"the policy knows no such purpose",
		"no active role may act for this purpose",
		"the purpose wants a case number in CV-Case",
		"view=clear wants a reason in CV-Reason",
		"the field is not for this purpose",
		"another department is the source of the field",
		"no active role has the right on the field's class",
		"the role's right does not extend to this field",
		"no active role may reveal the field's class",
		"the record lies in another area",
		"no assignment or grant covers the record",
		"the assignment or grant is for other purposes",
		"the class is above the assignment's level: a grant is needed",
		"the grant is for other fields",
		"the assignment or grant has ended",
		"the grant's reads are used",
		"the grant is for a data key that is not in use any more",
		"the records of this window are used up",
		"the session holds no key for the class",
		"no active role and no delegation may approve this",
		"grantee and approver are one person",
		"the grantee granted the approver access to the same record",
		"the delegation has ended",
		"the delegation does not cover this purpose or area",
		"the person is unknown, suspended or without a role for this",
		"this was decided before",
		"the operation is another vault's",
		"the operation's time is over, or has not begun",
		"the log is not the one on which the operation was made",
		"another change of the directory came first",
		"the signature is not the caller's of this operation",
		"the rules of separation do not allow these people",
		"a share does not open or does not fit its commitments",
		"the guardian's standing is in doubt",
		"too few witnesses have cosigned the log lately",
		"another record holds this value, which stands in one record only"
	};

	return r < DECIDE_REASONS ? texts[r] : "unknown reason";
}

bool policy_purpose_prohibited(const char *name, size_t n)
{
	static const char *const never[] = { "fundraising", "live_commerce", "publicity_traffic" };

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (strlen(never[i]) == n && memcmp(never[i], name, n) == 0)
			return true;
	return false;
}

bool policy_area_fits(const char *member, size_t member_n, const char *record, size_t record_n)
{
	size_t n = member_n < record_n ? member_n : record_n;

	return memcmp(member, record, n) == 0;
}

/* Whether a role may act for the subject's purpose. */
static bool role_acts(const struct policy_role *role, int purpose)
{
	return ALLOW_ALL || (purpose >= 0 && (role->purposes >> purpose & 1) != 0);
}

static uint16_t first_role(const struct policy_subject *who)
{
	return who->role_count > 0 ? who->roles[0] : 0;
}

bool policy_purpose_allowed(const struct policy *p, const struct policy_subject *who)
{
	const struct policy_role *role;

	for (unsigned i = 0; i < who->role_count; i++)
		if ((role = policy_role_by_id(p, who->roles[i])) != NULL && role_acts(role, who->purpose))
			return true;
	return ALLOW_ALL;
}

/* Whether the role's right on a class does not extend to field id of it. */
static bool is_excepted(const struct policy_role *role, uint16_t class, uint16_t field)
{
	for (unsigned i = 0; i < role->excepts; i++)
		if (role->except[i].class == class && role->except[i].field == field)
			return true;
	return false;
}

/* What is asked of a role besides, the heaviest first: roles add up, so the one that is asked least decides. */
static unsigned demands(const struct policy_role *role)
{
	return (role->approval ? 4u : 0) | (role->area ? 2u : 0) | (role->bulk_records != 0 ? 1u : 0);
}

/* The better of two roles that allow the same; the first one, which may be NULL, if they are asked alike. */
static const struct policy_role *better(const struct policy_role *first, const struct policy_role *second)
{
	return first == NULL || demands(second) < demands(first) ? second : first;
}

/*
 * Of the subject's roles that act for the purpose and have one of the rights on the class, field f not excepted, the one that is
 * asked least besides, in the subject's order; NULL if none. *excepted becomes true if an exception stood in the way of one.
 */
static const struct policy_role *find_role(const struct policy *p, const struct policy_subject *who, uint16_t class,
    const struct policy_field *f, uint8_t rights, bool *excepted)
{
	int at = policy_class_position(p, class);
	const struct policy_role *role, *best = NULL;

	for (unsigned i = 0; at >= 0 && i < who->role_count; i++) {
		role = policy_role_by_id(p, who->roles[i]);
		if (role == NULL || !role_acts(role, who->purpose) || (role->rights[at] & rights) == 0)
			continue;
		if (is_excepted(role, class, f->id))
			*excepted = true;
		else
			best = better(best, role);
	}
	return best;
}

/* What holds for reads and writes alike. */
static enum decision_reason decide_purpose(const struct policy *p, const struct policy_subject *who,
    const struct policy_field *f)
{
	if (ALLOW_ALL)
		return DECIDE_YES;
	if (!policy_purpose_allowed(p, who))
		return DECIDE_NO_PURPOSE_ROLE;
	return (f->purposes >> who->purpose & 1) != 0 ? DECIDE_YES : DECIDE_NO_PURPOSE_FIELD;
}

/* Whether some role reads field f in any form: then a clear read lacks the reveal only. */
static bool reads_at_all(const struct policy *p, const struct policy_subject *who, const struct policy_field *f)
{
	bool excepted;

	for (unsigned i = 0; i < f->views; i++)
		if (find_role(p, who, f->view[i].class, f, RIGHT_READ, &excepted) != NULL)
			return true;
	return find_role(p, who, f->class, f, RIGHT_READ, &excepted) != NULL;
}

static bool class_hidden(const struct policy *p, uint16_t class)
{
	int at = policy_class_position(p, class);

	return at >= 0 && policy_class(p, (unsigned)at)->hidden;
}

/* The test build: what keys alone decide. */
static void read_anything(const struct policy_subject *who, const struct policy_field *f, bool clear,
    struct read_decision *d)
{
	d->class = clear || f->views == 0 ? f->class : f->view[0].class;
	d->masked = d->class != f->class && f->view[0].op != VIEW_PLAIN;
	d->role = first_role(who);
}

/* The class that answers a read, and the role that allows it; d->reason says why not. */
static void find_answer(const struct policy *p, const struct policy_subject *who, const struct policy_field *f, bool clear,
    struct read_decision *d)
{
	const struct policy_role *role = NULL;
	bool excepted = false;

	if (clear) {
		role = find_role(p, who, f->class, f, RIGHT_REVEAL, &excepted);
	} else {
		for (unsigned i = 0; role == NULL && i < f->views; i++)
			if ((role = find_role(p, who, f->view[i].class, f, RIGHT_READ, &excepted)) != NULL) {
				d->class = f->view[i].class;
				d->masked = f->view[i].op != VIEW_PLAIN;
			}
		if (role == NULL && f->views == 0)
			role = find_role(p, who, f->class, f, RIGHT_READ, &excepted);
	}
	if (role != NULL)
		d->role = role->id;
	else if (excepted)
		d->reason = DECIDE_EXCEPTED;
	else
		d->reason = clear && reads_at_all(p, who, f) ? DECIDE_NO_REVEAL : DECIDE_NO_RIGHT;
}

struct read_decision policy_decide_read(
    const struct policy *p, const struct policy_subject *who, const struct policy_field *f, bool clear)
{
	struct read_decision d = { DECIDE_YES, f->class, false, class_hidden(p, f->class), 0 };

	if (ALLOW_ALL)
		read_anything(who, f, clear, &d);
	else if ((d.reason = decide_purpose(p, who, f)) == DECIDE_YES)
		find_answer(p, who, f, clear, &d);
	return d;
}

/* Whether a department may write the field: its owner, a delegate, or, while the file is opened, one that collects it. */
static bool department_writes(const struct policy *p, const struct policy_field *f, uint16_t department, bool creating)
{
	uint64_t others = f->delegates | (creating ? f->collects : 0);
	int at = policy_department_position(p, department);

	return department == f->owner || (at >= 0 && (others >> at & 1) != 0);
}

/* The role, as above, with one of the rights whose department may write; *ret_owner: some role of the purpose is of such a department. */
static const struct policy_role *find_writer(const struct policy *p, const struct policy_subject *who,
    const struct policy_field *f, uint8_t rights, bool creating, bool *ret_owner, bool *excepted)
{
	int at = policy_class_position(p, f->class);
	const struct policy_role *role, *best = NULL;

	for (unsigned i = 0; at >= 0 && i < who->role_count; i++) {
		role = policy_role_by_id(p, who->roles[i]);
		if (role == NULL || !role_acts(role, who->purpose) || !department_writes(p, f, role->department, creating))
			continue;
		*ret_owner = true;
		if ((role->rights[at] & rights) == 0)
			continue;
		if (is_excepted(role, f->class, f->id))
			*excepted = true;
		else
			best = better(best, role);
	}
	return best;
}

struct write_decision policy_decide_write(
    const struct policy *p, const struct policy_subject *who, const struct policy_field *f, bool creating)
{
	struct write_decision d = { DECIDE_YES, false, 0 };
	bool owner = false, excepted = false;
	const struct policy_role *role;

	if ((d.reason = decide_purpose(p, who, f)) != DECIDE_YES)
		return d;
	/* What a job computes from other fields is nobody's to write. */
	if (f->predicate.rule != PREDICATE_NONE) {
		d.reason = DECIDE_NO_RIGHT;
		return d;
	}
	/* A writer who reads comes first: an ordinary row needs no merge. */
	if ((role = find_writer(p, who, f, RIGHT_WRITE, creating, &owner, &excepted)) == NULL) {
		role = find_writer(p, who, f, RIGHT_WRITE_ONLY, creating, &owner, &excepted);
		d.write_only = role != NULL;
	}
	if (role != NULL)
		d.role = role->id;
	else if (ALLOW_ALL)
		d.role = first_role(who);
	else if (!owner)
		d.reason = DECIDE_NOT_OWNER;
	else
		d.reason = excepted ? DECIDE_EXCEPTED : DECIDE_NO_RIGHT;
	return d;
}

uint16_t policy_decide_grant(const struct policy *p, const struct policy_subject *who, const struct policy_field *f)
{
	bool excepted;
	const struct policy_role *role = find_role(p, who, f->class, f, RIGHT_GRANT, &excepted);

	return role == NULL ? 0 : role->id;
}

uint16_t policy_decide_act(const struct policy *p, const struct policy_subject *who, uint8_t act)
{
	for (unsigned i = 0; i < who->role_count; i++) {
		const struct policy_role *role = policy_role_by_id(p, who->roles[i]);

		if (role != NULL && (who->purpose < 0 || role_acts(role, who->purpose)) && (role->acts & act) != 0)
			return role->id;
	}
	return 0;
}

/* Who may read and write which field, and through which class. Every answer has its reason. */
#include "model/model.h"

#ifdef CV_POLICY_ALLOW_ALL
#define ALLOW_ALL true
#else
#define ALLOW_ALL false
#endif

const char *decision_text(enum decision_reason r)
{
	static const char *const texts[] = {
		"allowed",
		"no active role may act for this purpose",
		"the field is not for this purpose",
		"no active role has the right on the field's class",
		"no active role may reveal the field's class"
	};

	return r <= DECIDE_NO_REVEAL ? texts[r] : "unknown reason";
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

/*
 * The first of the subject's roles, in its order, that acts for the purpose and has one of the rights on a class;
 * NULL if none.
 */
static const struct policy_role *find_role(const struct policy *p, const struct policy_subject *who, uint16_t class,
    uint8_t rights)
{
	int at = policy_class_position(p, class);
	const struct policy_role *role;

	for (unsigned i = 0; at >= 0 && i < who->role_count; i++) {
		role = policy_role_by_id(p, who->roles[i]);
		if (role != NULL && role_acts(role, who->purpose) && (role->rights[at] & rights) != 0)
			return role;
	}
	return NULL;
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
	for (unsigned i = 0; i < f->views; i++)
		if (find_role(p, who, f->view[i].class, RIGHT_READ) != NULL)
			return true;
	return find_role(p, who, f->class, RIGHT_READ) != NULL;
}

static struct read_decision yes(uint16_t class, bool masked, uint16_t role)
{
	struct read_decision d = { DECIDE_YES, class, masked, role };

	return d;
}

static struct read_decision no(enum decision_reason reason)
{
	struct read_decision d = { reason, 0, false, 0 };

	return d;
}

/* The test build: what keys alone decide. */
static struct read_decision read_anything(const struct policy_subject *who, const struct policy_field *f, bool clear)
{
	if (clear || f->views == 0)
		return yes(f->class, false, first_role(who));
	return yes(f->view[0].class, f->view[0].op != VIEW_PLAIN, first_role(who));
}

struct read_decision policy_decide_read(
    const struct policy *p, const struct policy_subject *who, const struct policy_field *f, bool clear)
{
	const struct policy_role *role;
	enum decision_reason reason;

	if (ALLOW_ALL)
		return read_anything(who, f, clear);
	if ((reason = decide_purpose(p, who, f)) != DECIDE_YES)
		return no(reason);
	if (clear) {
		if ((role = find_role(p, who, f->class, RIGHT_REVEAL)) != NULL)
			return yes(f->class, false, role->id);
		return no(reads_at_all(p, who, f) ? DECIDE_NO_REVEAL : DECIDE_NO_RIGHT);
	}
	for (unsigned i = 0; i < f->views; i++)
		if ((role = find_role(p, who, f->view[i].class, RIGHT_READ)) != NULL)
			return yes(f->view[i].class, f->view[i].op != VIEW_PLAIN, role->id);
	if (f->views == 0 && (role = find_role(p, who, f->class, RIGHT_READ)) != NULL)
		return yes(f->class, false, role->id);
	return no(DECIDE_NO_RIGHT);
}

struct write_decision policy_decide_write(
    const struct policy *p, const struct policy_subject *who, const struct policy_field *f)
{
	struct write_decision d = { DECIDE_NO_RIGHT, false, 0 };
	const struct policy_role *role;

	if ((d.reason = decide_purpose(p, who, f)) != DECIDE_YES)
		return d;
	/* A writer who reads comes first: an ordinary row needs no merge. */
	if ((role = find_role(p, who, f->class, RIGHT_WRITE)) == NULL) {
		role = find_role(p, who, f->class, RIGHT_WRITE_ONLY);
		d.write_only = role != NULL;
	}
	if (role != NULL)
		d.role = role->id;
	else if (ALLOW_ALL)
		d.role = first_role(who);
	else
		d.reason = DECIDE_NO_RIGHT;
	return d;
}

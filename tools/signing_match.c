/*
 * What came back for signing held against what was asked for: a daemon that puts another operation in its place gets no signature. Which
 * number a role's name stands for, and which id a login name, is the daemon's word; signing_print shows both.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/client.h"
#include "model/model.h"
#include "pages.h"
#include "policy.h"
#include "signing.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define DAY_MS (24u * 3600 * 1000)

struct match {
	struct signing *s;
	const json_t *asked;
	struct policy *policy;
};

/* ---- roles and classes ------------------------------------------------------------------------------------------------- */

static bool has_role(const struct match *m, const json_t *names, uint16_t id)
{
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));
		const struct policy_role *role = policy_role_named(m->policy, name, strlen(name));

		if (role != NULL && role->id == id)
			return true;
	}
	return false;
}

/* Exactly the roles that were named; a rekey of one member's roles names none. */
static bool roles_match(const struct match *m)
{
	const struct operation_reading *r = &m->s->reading;
	const json_t *names = json_object_get(m->asked, "roles");

	if (r->op.head.operation == OPERATION_CLASSES)
		return json_array_size(names) == 1 && has_role(m, names, r->receiver.role);
	if (r->op.head.operation == OPERATION_REKEY && names == NULL)
		return true;
	if (json_array_size(names) != r->role_count)
		return false;
	for (unsigned i = 0; i < r->role_count; i++)
		if (!has_role(m, names, r->roles[i].role))
			return false;
	return true;
}

static bool is_class(const struct match *m, const char *name, uint16_t id)
{
	int position = policy_class_position(m->policy, id);
	char number[8];

	snprintf(number, sizeof number, "0x%04x", id);
	return strcasecmp(name, number) == 0 || (position >= 0 && strcmp(policy_class(m->policy, (unsigned)position)->name, name) == 0);
}

static bool classes_match(const struct match *m)
{
	const struct operation_reading *r = &m->s->reading;
	const json_t *names = json_object_get(m->asked, "classes");

	if (r->op.head.operation == OPERATION_REWRAP && names == NULL)
		return true;
	if (json_array_size(names) != r->class_count)
		return false;
	for (unsigned i = 0; i < r->class_count; i++) {
		size_t j = 0;

		while (j < json_array_size(names) &&
		    !is_class(m, json_string_value(json_array_get(names, j)), (uint16_t)(operation_class_at(r, i).class_key >> 16)))
			j++;
		if (j == json_array_size(names))
			return false;
	}
	return true;
}

/* ---- people ------------------------------------------------------------------------------------------------------------ */

/* Whether the daemon lists the login name with this id. */
static bool is_person(const struct match *m, const char *login, const uint8_t id[16])
{
	char found[CLI_ID + 1], hex[CLI_ID + 1];

	hex_encode(id, 16, hex);
	return login[0] != 0 && pages_member(m->s->cv, login, found) == CHILDVAULT_OK && strcmp(found, hex) == 0;
}

/* Who is left out of a rekey: those who were named, and whose roles it is about. */
static bool left_out_match(const struct match *m)
{
	const struct operation_reading *r = &m->s->reading;
	const json_t *without = json_object_get(m->asked, "without");
	const char *whose = json_text(m->asked, "principal");
	size_t named = json_array_size(without) + (whose[0] != 0);

	if (named != r->principal_count)
		return false;
	for (unsigned i = 0; i < r->principal_count; i++) {
		bool found = whose[0] != 0 && is_person(m, whose, r->principals[i]);

		for (size_t j = 0; !found && j < json_array_size(without); j++)
			found = is_person(m, json_string_value(json_array_get(without, j)), r->principals[i]);
		if (!found)
			return false;
	}
	return true;
}

static bool rekey_matches(const struct match *m)
{
	const json_t *classes = json_object_get(m->asked, "classes");
	unsigned flags = (classes == NULL || json_is_true(classes) ? OPERATION_NEW_CLASSES : 0) |
	    (json_is_true(json_object_get(m->asked, "removed")) ? OPERATION_REMOVED : 0);

	return m->s->reading.flags == flags && roles_match(m) && left_out_match(m);
}

/* ---- newcomers --------------------------------------------------------------------------------------------------------- */

/* What was typed; what was not is empty, but for name and department, which the vault fills in. */
static bool text_matches(const struct match *m, const char *name, enum dir_person_text which, bool filled)
{
	const struct dir_text *x = &m->s->reading.texts.text[which];
	const char *typed = json_text(m->asked, name);

	return (filled && typed[0] == 0) || (strlen(typed) == x->n && memcmp(typed, x->p, x->n) == 0);
}

/* Whether ms is the beginning of the day that was typed, or the end of it; 0 where none was. */
static bool date_matches(const struct match *m, const char *name, bool end, uint64_t ms)
{
	const char *typed = json_text(m->asked, name);
	char text[32];
	unsigned month, day;
	int year;

	if (typed[0] == 0 || ms < DAY_MS || ms % DAY_MS != 0)
		return typed[0] == 0 && ms == 0;
	clock_date((int32_t)(ms / DAY_MS) - end, &year, &month, &day);
	snprintf(text, sizeof text, "%04d-%02u-%02u", year, month, day);
	return strcmp(text, typed) == 0;
}

static bool kind_matches(const struct match *m)
{
	static const char *const kinds[] = { "person", "person", "app", "app", "administrator", "custodian", "auditor" };
	static const char *const duties[] = { "", "system", "security", "audit" };
	const struct principal *p = &m->s->reading.principal;
	const char *as = json_text(m->asked, "as");

	return strcmp(as[0] != 0 ? as : "person", kinds[p->kind % COUNT(kinds)]) == 0 &&
	    strcmp(json_text(m->asked, "duty"), duties[p->admin_area % COUNT(duties)]) == 0;
}

static bool newcomer_matches(const struct match *m)
{
	const struct operation_reading *r = &m->s->reading;

	return kind_matches(m) && roles_match(m) && text_matches(m, "name", DIR_PERSON_NAME, true) &&
	    text_matches(m, "department", DIR_PERSON_DEPARTMENT, true) && text_matches(m, "post", DIR_PERSON_POST, false) &&
	    text_matches(m, "area", DIR_PERSON_AREA, false) && date_matches(m, "vetted", false, r->texts.vetting_ms) &&
	    date_matches(m, "ends", true, r->principal.not_after_ms);
}

/* ---- the others -------------------------------------------------------------------------------------------------------- */

static bool split_matches(const struct match *m)
{
	const struct operation_split *x = &m->s->reading.split;
	const json_t *holders = json_object_get(m->asked, "holders");

	if (x->k != json_number(m->asked, "threshold") || x->n != json_array_size(holders))
		return false;
	for (unsigned i = 0; i < x->n; i++) {
		const char *name = json_string_value(json_array_get(holders, i));

		if (strlen(name) != x->holder[i].n || memcmp(name, x->holder[i].p, x->holder[i].n) != 0)
			return false;
	}
	return true;
}

static bool matches(const struct match *m)
{
	static const char *const kinds[] = { "", "members", "roles", "rekey", "classes", "rewrap", "remove", "restore", "policy", "split" };
	const struct operation_reading *r = &m->s->reading;

	if (r->op.head.operation >= COUNT(kinds) || strcmp(kinds[r->op.head.operation], json_text(m->asked, "kind")) != 0)
		return false;
	switch (r->op.head.operation) {
	case OPERATION_ADD_MEMBER:
		return newcomer_matches(m);
	case OPERATION_ROLES:
		return roles_match(m) && is_person(m, json_text(m->asked, "principal"), r->principal.id);
	case OPERATION_REKEY:
		return rekey_matches(m);
	case OPERATION_CLASSES:
		return roles_match(m) && classes_match(m);
	case OPERATION_REWRAP:
		return classes_match(m);
	case OPERATION_REMOVE:
	case OPERATION_RESTORE:
		return is_person(m, json_text(m->asked, "principal"), r->principal.id);
	case OPERATION_SPLIT:
		return split_matches(m);
	default:
		return true;	/* a policy's document is its caller's to compare */
	}
}

int signing_match(struct signing *s, const json_t *asked)
{
	struct match m = { .s = s, .asked = asked };
	int code;

	if ((code = policy_fetch(s->cv, &m.policy)) == 0 && !matches(&m))
		code = cli_fail(EXIT_VERIFY, "what is to be signed is not what was asked for: nothing was signed",
		    "待签内容与所提请的不符：未签名");
	policy_free(m.policy);
	return code;
}

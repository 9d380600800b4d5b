/* People join a running vault: who is to join, as a body says it. POLICY.md section 5, "Operations"; FORMAT.md 5.5. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/keyfile.h"
#include "format/value.h"
#include "model/validate.h"
#include "vault/gov_propose.h"

#define DAY_MS (24u * 3600 * 1000)
#define TEXT_MAX 255u
#define VETTED_DAYS 365	/* who was vetted longer ago would lapse at once */

/* Who is to join, as the body says it. */
struct newcomer {
	struct principal principal;
	const char *texts[DIR_PERSON_TEXTS];
	char text[DIR_PERSON_TEXTS][TEXT_MAX + 1];
	uint64_t vetted_ms;
	uint16_t roles[ROLE_WRAPS];
	unsigned role_count;
};

/* A public file's owner has its keys: it is signed with one of them over all of it. */
static bool take_public(const struct wire_value *x, struct newcomer *n)
{
	struct pubfile f;
	struct buf signed_part;
	bool good;

	if (pubfile_decode((const char *)x->p, x->n, &f) != 0)
		return false;
	buf_init(&signed_part, PUBFILE_TEXT_MAX);
	good = pubfile_signed(&f, &signed_part) == 0 && crypto_verify(f.sign_pk, signed_part.p, signed_part.n, f.signature) == 0 &&
	    f.name_n >= 1 && f.name_n < sizeof(n->principal.login) && text_clean_line(f.name, f.name_n);
	buf_free(&signed_part);
	if (!good)
		return false;
	memcpy(n->principal.id, f.principal, 16);
	memcpy(n->principal.box_pk, f.box_pk, 32);
	memcpy(n->principal.sign_pk, f.sign_pk, 32);
	memcpy(n->principal.login, f.name, f.name_n);
	memcpy(n->text[DIR_PERSON_LOGIN], f.name, f.name_n);
	memcpy(n->text[DIR_PERSON_NAME], f.name, f.name_n);
	return true;
}

static bool is_new(const struct vault *v, const struct principal *p)
{
	const struct principal *other;

	for (size_t i = 0; (other = directory_principal_at(v->keys, i)) != NULL; i++)
		if (ids_equal(other->id, p->id) || memcmp(other->box_pk, p->box_pk, 32) == 0 ||
		    memcmp(other->sign_pk, p->sign_pk, 32) == 0 || strcmp(other->login, p->login) == 0)
			return false;
	return true;
}

static bool take_as(const struct wire_value *x, struct newcomer *n)
{
	static const struct {
		const char *name;
		enum principal_kind kind;
	} all[] = { { "person", PRINCIPAL_PERSON }, { "app", PRINCIPAL_APP }, { "administrator", PRINCIPAL_ADMINISTRATOR },
		{ "custodian", PRINCIPAL_CUSTODIAN }, { "auditor", PRINCIPAL_AUDITOR } };

	n->principal.kind = PRINCIPAL_PERSON;
	for (size_t i = 0; x->p != NULL && i < sizeof(all) / sizeof(all[0]); i++)
		if (strlen(all[i].name) == x->n && memcmp(all[i].name, x->p, x->n) == 0) {
			n->principal.kind = all[i].kind;
			return true;
		}
	return x->p == NULL;
}

/* An administrator's area, of which the three keep each other in check. */
static bool take_duty(const struct wire_value *x, struct newcomer *n)
{
	static const char *const duties[] = { "system", "security", "audit" };

	if (n->principal.kind != PRINCIPAL_ADMINISTRATOR)
		return x->p == NULL;
	for (uint8_t i = 0; x->p != NULL && i < sizeof(duties) / sizeof(duties[0]); i++)
		if (strlen(duties[i]) == x->n && memcmp(duties[i], x->p, x->n) == 0)
			n->principal.admin_area = i + 1;
	return n->principal.admin_area != 0;
}

static int role_cmp(const void *a, const void *b)
{
	uint16_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* Roles by name, each once; the first names the department. An application in a job's role is a job, as at genesis. */
static bool take_roles(const struct vault *v, const struct wire_value *x, struct newcomer *n)
{
	struct value_walk w = value_walk(VALUE_LIST, x->p, x->n);
	struct value_item item;

	while (value_next(&w, &item)) {
		const struct policy_role *role = NULL;

		if (item.type == VALUE_TEXT)
			role = policy_role_named(v->policy, (const char *)item.p, item.n);
		if (role == NULL || n->role_count == ROLE_WRAPS - 1)
			return false;
		if (n->principal.kind == PRINCIPAL_APP && role->kind == PRINCIPAL_JOB)
			n->principal.kind = PRINCIPAL_JOB;
		if (role->kind != n->principal.kind)
			return false;
		if (n->role_count == 0)
			n->principal.department = role->department;
		n->roles[n->role_count++] = role->id;
	}
	qsort(n->roles, n->role_count, sizeof(n->roles[0]), role_cmp);
	for (unsigned i = 1; i < n->role_count; i++)
		if (n->roles[i - 1] == n->roles[i])
			return false;
	return true;
}

/* Administrators, custodians and auditors do without; everybody else is there for what a role lets them do. */
static bool roles_fit(const struct newcomer *n)
{
	return n->role_count > 0 || n->principal.kind >= PRINCIPAL_ADMINISTRATOR;
}

static bool take_line(const struct wire_value *x, char ret[TEXT_MAX + 1])
{
	if (x->n > TEXT_MAX || !text_clean_line((const char *)x->p, x->n))
		return false;
	memcpy(ret, x->p, x->n);
	ret[x->n] = '\0';
	return true;
}

static bool take_area(const struct wire_value *x, struct newcomer *n)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->p[i] < '0' || x->p[i] > '9')
			return false;
	if (x->n > AREA_MAX)
		return false;
	memcpy(n->principal.area, x->p, x->n);
	memcpy(n->text[DIR_PERSON_AREA], x->p, x->n);
	return true;
}

/* The natural person: somebody's who is there already, or a new one. */
static bool take_person(struct vault *v, const struct wire_value *x, struct newcomer *n)
{
	const struct principal *p;

	if (x->p == NULL) {
		crypto_random(n->principal.person, 16);
		return true;
	}
	if ((p = directory_principal_named(v->keys, (const char *)x->p, x->n)) == NULL)
		return false;
	memcpy(n->principal.person, p->person, 16);
	return true;
}

static void take_dates(struct vault_call *c, const struct gov_input *in, struct newcomer *n)
{
	int32_t day;

	n->principal.not_before_ms = c->now_ms;
	if (in->value[MEMBER_ENDS].p != NULL) {
		if (!gov_input_date(&in->value[MEMBER_ENDS], &day) || day < c->today)
			gov_input_fault(c, MEMBER_ENDS);
		else
			n->principal.not_after_ms = ((uint64_t)day + 1) * DAY_MS;
	}
	if (in->value[MEMBER_VETTED].p != NULL) {
		if (!gov_input_date(&in->value[MEMBER_VETTED], &day) || day < c->today - VETTED_DAYS || day > c->today)
			gov_input_fault(c, MEMBER_VETTED);
		else
			n->vetted_ms = (uint64_t)day * DAY_MS;
	}
}

static unsigned take_newcomer(struct vault *v, struct vault_call *c, const struct gov_input *in, struct newcomer *n)
{
	static const struct {
		enum gov_member m;
		enum dir_person_text text;
	} lines[] = { { MEMBER_NAME, DIR_PERSON_NAME }, { MEMBER_DEPARTMENT, DIR_PERSON_DEPARTMENT }, { MEMBER_POST, DIR_PERSON_POST } };

	memset(n, 0, sizeof(*n));
	n->principal.uid = UID_ANY;
	if (!take_public(&in->value[MEMBER_PUBLIC], n) || !is_new(v, &n->principal))
		gov_input_fault(c, MEMBER_PUBLIC);
	if (!take_as(&in->value[MEMBER_AS], n))
		gov_input_fault(c, MEMBER_AS);
	if (!take_duty(&in->value[MEMBER_DUTY], n))
		gov_input_fault(c, MEMBER_DUTY);
	if ((in->value[MEMBER_ROLES].p != NULL && !take_roles(v, &in->value[MEMBER_ROLES], n)) || !roles_fit(n))
		gov_input_fault(c, MEMBER_ROLES);
	else if (n->role_count > 0)
		snprintf(n->text[DIR_PERSON_DEPARTMENT], TEXT_MAX + 1, "%s", policy_department_name(v->policy, n->principal.department));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (in->value[lines[i].m].p != NULL && !take_line(&in->value[lines[i].m], n->text[lines[i].text]))
			gov_input_fault(c, lines[i].m);
	if (in->value[MEMBER_AREA].p != NULL && !take_area(&in->value[MEMBER_AREA], n))
		gov_input_fault(c, MEMBER_AREA);
	if (!take_person(v, &in->value[MEMBER_PERSON], n))
		gov_input_fault(c, MEMBER_PERSON);
	take_dates(c, in, n);
	for (unsigned i = 0; i < DIR_PERSON_TEXTS; i++)
		n->texts[i] = n->text[i];
	return c->problem;
}

unsigned gov_propose_member(struct vault *v, struct vault_call *c, const struct gov_input *in, struct gov_proposal *x)
{
	struct newcomer *n;
	unsigned problem;
	int r;

	if ((n = malloc(sizeof(*n))) == NULL)
		return call_failed(c, CV_ERR_NOMEM);
	if ((problem = take_newcomer(v, c, in, n)) != 0)
		goto out;
	if (ids_equal(n->principal.person, c->principal->person)) {
		problem = call_decline(c, DECIDE_SELF_APPROVAL, "%s", "");
		goto out;
	}
	x->operation = OPERATION_ADD_MEMBER;
	memcpy(x->d->o.principal, n->principal.id, 16);
	if ((r = change_draft_member(v->keys, &n->principal, n->roles, n->role_count, c->now_ms, &x->draft)) != 0 ||
	    (r = dir_person_encode(n->texts, n->vetted_ms, &x->item[ITEM_PERSON])) != 0)
		problem = gov_propose_failed(c, r, MEMBER_ROLES);
out:
	wipe(n, sizeof(*n));
	free(n);
	return problem;
}

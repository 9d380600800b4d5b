/* People join a running vault: what is proposed, and whether it may be done. POLICY.md section 5, "New members"; FORMAT.md 5.5. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "format/keyfile.h"
#include "format/value.h"
#include "keys/change.h"
#include "model/validate.h"
#include "vault/gov_ops.h"
#include "vault/operation.h"
#include "vault/separation.h"

#define WAITING_MAX 20u		/* requests about members that one administrator has waiting */
#define DAY_MS (24u * 3600 * 1000)
#define TEXT_MAX 255u
#define VETTED_DAYS 365	/* who was vetted longer ago would lapse at once */

/* ---- the rules of separation --------------------------------------------------------------------------------------------- */

/* The directory's people as separation_check sees them, and room for one more. */
struct people {
	struct separation_member *member;
	uint16_t (*roles)[ROLE_WRAPS];
	unsigned n;
};

static void people_free(struct people *x)
{
	free(x->member);
	free(x->roles);
}

static int people_new(const struct vault *v, struct people *ret)
{
	const struct principal *p;
	unsigned n = 0;

	while (directory_principal_at(v->keys, n) != NULL)
		n++;
	*ret = (struct people){ calloc((size_t)n + 1, sizeof(*ret->member)), calloc((size_t)n + 1, sizeof(*ret->roles)), n };
	if (ret->member == NULL || ret->roles == NULL) {
		people_free(ret);
		return CV_ERR_NOMEM;
	}
	for (unsigned i = 0; i < n && (p = directory_principal_at(v->keys, i)) != NULL; i++)
		ret->member[i] = (struct separation_member){ p, ret->roles[i], change_roles_of(v->keys, p->id, ret->roles[i]) };
	return 0;
}

/* Whether the vault's people may have p with these roles among them. Out of memory is no. */
static bool separate(const struct vault *v, const struct principal *p, const uint16_t *roles, unsigned n)
{
	struct separation fault;
	struct people x;
	bool fits;

	if (people_new(v, &x) != 0)
		return false;
	x.member[x.n] = (struct separation_member){ p, roles, n };
	fits = separation_check(v->policy, x.member, x.n + 1, v->production, &fault);
	people_free(&x);
	return fits;
}

/* ---- what may be done now ------------------------------------------------------------------------------------------------- */

static bool log_is_the_same(struct vault *v, const struct operation_head *h)
{
	uint8_t root[32];

	return audit_root_at(v->audit, h->log_size, root) == 0 && memcmp(root, h->log_root, 32) == 0;
}

enum decision_reason gov_members_fresh(struct vault *v, const struct vault_call *c, const struct operation_reading *r)
{
	const struct operation_head *h = &r->op.head;
	uint16_t roles[ROLE_WRAPS];
	uint8_t newest[32];

	if (memcmp(h->vault, v->id, 16) != 0)
		return DECIDE_OTHER_VAULT;
	if (c->now_ms < h->not_before_ms || c->now_ms >= h->expires_ms)
		return DECIDE_OPERATION_EXPIRED;
	/* The counter tells of a change that was made earlier in this turn, which the directory in memory does not have yet. */
	if (r->change.sequence != change_newest(v->keys, newest) + 1 || memcmp(r->change.previous, newest, 32) != 0 ||
	    r->change.sequence != v->counters.next_change)
		return DECIDE_CHANGE_ORDER;
	if (!log_is_the_same(v, h))
		return DECIDE_LOG_DIFFERS;
	for (unsigned i = 0; i < r->role_count; i++)
		roles[i] = r->roles[i].role;
	if (!separate(v, &r->principal, roles, r->role_count) ||
	    directory_principal_named(v->keys, r->principal.login, strlen(r->principal.login)) != NULL)
		return DECIDE_SEPARATION;
	return DECIDE_YES;
}

/* Read the document of a request that waits. */
static int read_document(const struct gov_object *o, struct operation_reading *ret)
{
	return operation_read(o->document.p, o->document.n, ret);
}

static bool same_natural_person(const struct principal *a, const struct operation_reading *r)
{
	return ids_equal(a->person, r->principal.person) || ids_equal(a->id, r->principal.id);
}

enum decision_reason gov_members_next(struct vault *v, const struct vault_call *c, const struct gov_object *o)
{
	const enum principal_kind kind = c->principal->kind;
	struct operation_reading r;

	if (kind != PRINCIPAL_ADMINISTRATOR && kind != PRINCIPAL_CUSTODIAN)
		return DECIDE_NOT_APPROVER;
	if (gov_state_on(o, c->today) != GOV_PENDING || read_document(o, &r) != 0)
		return DECIDE_ALREADY_DECIDED;
	/* Nobody has two parts in it. */
	if (same_natural_person(c->principal, &r) || gov_same_person(v, c->principal->id, o->by) ||
	    gov_same_person(v, c->principal->id, o->decided_by))
		return DECIDE_SELF_APPROVAL;
	/* Administrators sign, then custodians give. */
	if ((o->signatures.n == 2 * OPERATION_SIGNATURE) != (kind == PRINCIPAL_CUSTODIAN))
		return kind == PRINCIPAL_CUSTODIAN ? DECIDE_NOT_APPROVER : DECIDE_ALREADY_DECIDED;
	return DECIDE_YES;
}

/* ---- proposing -------------------------------------------------------------------------------------------------------------- */

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
	if (x->p == NULL || (x->n == 6 && memcmp(x->p, "person", 6) == 0))
		n->principal.kind = PRINCIPAL_PERSON;
	else if (x->n == 3 && memcmp(x->p, "app", 3) == 0)
		n->principal.kind = PRINCIPAL_APP;
	else
		return false;
	return true;
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
	return n->role_count > 0;
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
	if (!take_roles(v, &in->value[MEMBER_ROLES], n))
		gov_input_fault(c, MEMBER_ROLES);
	else
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

/* Every role has shares that custodians hold, or nobody could bring its key. */
static int check_custody(struct vault *v, const struct newcomer *n)
{
	static const uint8_t nobody[16];
	struct custody_role roles[CUSTODY_ROLES];
	struct custody *custody = NULL;
	int r;

	for (unsigned i = 0; i < n->role_count; i++) {
		roles[i] = (struct custody_role){ n->roles[i], directory_role_newest(v->keys, n->roles[i]) };
		if (roles[i].epoch == 0)
			return CV_ERR_NOTFOUND;
	}
	r = custody_new(v->store, nobody, roles, n->role_count, 0, &custody);
	custody_free(custody);
	return r;
}

/* The document that will be signed, into d->document. */
static int make_document(struct vault *v, const struct vault_call *c, const struct newcomer *n, struct gov_draft *d)
{
	struct operation_head h = { .operation = OPERATION_ADD_MEMBER, .not_before_ms = c->now_ms, .expires_ms = c->now_ms + OPERATION_MS };
	struct change_draft draft;
	struct buf person, arguments;
	int r;

	buf_init(&person, 2048);
	buf_init(&arguments, OPERATION_DOCUMENT_MAX);
	if ((r = change_draft_member(v->keys, &n->principal, n->roles, n->role_count, c->now_ms, &draft)) != 0)
		goto draft;
	if ((r = dir_person_encode(n->texts, n->vetted_ms, &person)) != 0)
		goto draft;
	draft.op.item[ITEM_PERSON] = (struct operation_item){ person.p, (uint32_t)person.n };
	operation_arguments_encode(&draft.op, &arguments);
	memcpy(h.vault, v->id, 16);
	crypto_random(h.nonce, 16);
	if (!audit_signed(v->audit, &h.log_size, h.log_root)) {
		r = CV_ERR_IO;
		goto draft;
	}
	if (buf_ok(&arguments))
		operation_arguments_digest(arguments.p, arguments.n, h.arguments);
	operation_head_encode(&h, &d->document);
	buf_put(&d->document, arguments.p, arguments.n);
	r = buf_ok(&arguments) && buf_ok(&d->document) ? 0 : CV_ERR_NOMEM;
draft:
	change_draft_free(&draft);
	buf_free(&person);
	buf_free(&arguments);
	return r;
}

static unsigned waiting_of(struct vault *v, const struct vault_call *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < v->gov->n; i++) {
		const struct gov_object *o = &v->gov->all[i]->held->o;

		n += o->prefix.type == GOV_REQUEST && o->kind == GOV_KIND_MEMBERS && ids_equal(o->by, c->principal->id) &&
		    gov_state_on(o, c->today) == GOV_PENDING;
	}
	return n;
}

unsigned gov_members_refuse(struct vault_call *c, enum decision_reason why)
{
	call_field_error(c, wire_text("operation", 9), decision_problem(why), decision_text(why));
	c->rule = why;
	return c->problem = decision_problem(why);
}

unsigned gov_members_conflict(struct vault_call *c, const char *expected)
{
	call_field_error(c, wire_text("operation", 9), PROBLEM_CONFLICT, expected);
	return c->problem = PROBLEM_CONFLICT;
}

static unsigned propose(struct vault *v, struct vault_call *c, const struct newcomer *n, struct gov_draft *d)
{
	struct operation_reading r;
	enum decision_reason why;
	int e;

	if (ids_equal(n->principal.person, c->principal->person))
		return call_decline(c, DECIDE_SELF_APPROVAL, "%s", "");
	if ((e = check_custody(v, n)) == CV_ERR_NOTFOUND) {
		gov_input_fault(c, MEMBER_ROLES);
		return c->problem;
	}
	if (e != 0 || (e = make_document(v, c, n, d)) != 0)
		return call_failed(c, e);
	d->o.document = (struct gov_bytes){ d->document.p, d->document.n };
	if (read_document(&d->o, &r) != 0)
		return call_failed(c, CV_ERR_STATE);
	if ((why = gov_members_fresh(v, c, &r)) != DECIDE_YES)
		return gov_members_refuse(c, why);
	memcpy(d->o.digest, r.digest, 32);
	memcpy(d->o.principal, r.principal.id, 16);
	d->o.prefix.due_day = (uint32_t)c->today + 2;
	if (waiting_of(v, c) >= WAITING_MAX)
		return call_refuse(c, PROBLEM_RATE_LIMITED, "%u requests about members wait that the caller made", WAITING_MAX);
	if ((e = gov_store(v, NULL, &d->o)) != 0)
		return call_failed(c, e);
	gov_detail(v, c, LEAF_REQUEST, &d->o, &d->o.text);
	gov_answer(v, c, &d->o, true);
	return 0;
}

unsigned gov_members_request(struct vault *v, struct vault_call *c, struct wire_list fields)
{
	static const uint32_t may = MEMBER(MEMBER_NAME) | MEMBER(MEMBER_DEPARTMENT) | MEMBER(MEMBER_POST) | MEMBER(MEMBER_AREA) |
	    MEMBER(MEMBER_VETTED) | MEMBER(MEMBER_PERSON) | MEMBER(MEMBER_AS) | MEMBER(MEMBER_ENDS) | MEMBER(MEMBER_REASON);
	struct newcomer *n;
	struct gov_draft *d;
	struct gov_input in;
	unsigned problem;

	if (c->principal->kind != PRINCIPAL_ADMINISTRATOR)
		return call_decline(c, DECIDE_NOT_APPROVER, "%s", "");
	if ((problem = gov_input_take(c, fields, MEMBER(MEMBER_KIND) | MEMBER(MEMBER_PUBLIC) | MEMBER(MEMBER_ROLES), may, &in)) != 0)
		return problem;
	if ((n = malloc(sizeof(*n))) == NULL)
		return call_failed(c, CV_ERR_NOMEM);
	d = gov_draft_begin(c, GOV_REQUEST, GOV_PENDING);
	d->o.kind = GOV_KIND_MEMBERS;
	if (in.value[MEMBER_REASON].p != NULL) {
		struct gov_input reason = { .value = { [MEMBER_REASON] = in.value[MEMBER_REASON] } };

		(void)gov_draft_fill(v, c, &reason, 0, d);	/* a fault stands in the call */
	}
	if ((problem = take_newcomer(v, c, &in, n)) == 0)
		problem = propose(v, c, n, d);
	gov_draft_end(d);
	wipe(n, sizeof(*n));
	free(n);
	return problem;
}

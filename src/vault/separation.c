#include "vault/separation.h"

#include <string.h>

#define AREA_AUDIT 3u	/* an administrator's area: directory.h */

/* The members under the magnifying glass. */
struct look {
	const struct policy *p;
	const struct separation_member *m;
	unsigned n;
	struct separation *fault;
};

static bool refuse(struct look *x, enum separation_rule rule, unsigned a, unsigned b)
{
	*x->fault = (struct separation){ rule, a, b };
	return false;
}

static enum principal_kind kind_of(const struct look *x, unsigned i)
{
	return x->m[i].principal->kind;
}

static bool same_person(const struct look *x, unsigned i, unsigned j)
{
	return memcmp(x->m[i].principal->person, x->m[j].principal->person, 16) == 0;
}

/* Two principals with one key would be one holder who signs, or opens, as two. */
static bool keys_differ(struct look *x)
{
	for (unsigned i = 0; i < x->n; i++) {
		const struct principal *a = x->m[i].principal;

		for (unsigned j = 0; j < i; j++) {
			const struct principal *b = x->m[j].principal;

			if (memcmp(a->id, b->id, 16) == 0 || memcmp(a->box_pk, b->box_pk, 32) == 0 ||
			    memcmp(a->sign_pk, b->sign_pk, 32) == 0)
				return refuse(x, SEPARATION_KEY_TWICE, j, i);
		}
	}
	return true;
}

static bool kinds_fit(struct look *x)
{
	for (unsigned i = 0; i < x->n; i++)
		for (unsigned j = 0; j < x->m[i].role_count; j++) {
			const struct policy_role *role = policy_role_by_id(x->p, x->m[i].roles[j]);

			if (role == NULL || role->kind != kind_of(x, i))
				return refuse(x, SEPARATION_ROLE_KIND, i, x->n);
		}
	return true;
}

/* Whether two members of the kind are different persons. */
static bool two_of(const struct look *x, enum principal_kind kind)
{
	for (unsigned i = 0; i < x->n; i++)
		for (unsigned j = 0; j < i; j++)
			if (kind_of(x, i) == kind && kind_of(x, j) == kind && !same_person(x, i, j))
				return true;
	return false;
}

static bool one_of(const struct look *x, enum principal_kind kind)
{
	for (unsigned i = 0; i < x->n; i++)
		if (kind_of(x, i) == kind)
			return true;
	return false;
}

/* Whether the member has a role with a right on some class, or with the key of one. */
static bool holds_class(const struct look *x, unsigned i)
{
	if (x->m[i].holds_key)
		return true;
	for (unsigned j = 0; j < x->m[i].role_count; j++) {
		const struct policy_role *role = policy_role_by_id(x->p, x->m[i].roles[j]);

		for (unsigned c = 0; role != NULL && c < policy_classes(x->p); c++)
			if (role->rights[c] != 0)
				return true;
	}
	return false;
}

/* What a and b, two members or the same one, may not be together. */
static bool pair_fits(struct look *x, unsigned a, unsigned b)
{
	const enum principal_kind kind = kind_of(x, a);

	if (holds_class(x, b)) {
		if (kind == PRINCIPAL_ADMINISTRATOR)
			return refuse(x, SEPARATION_ADMINISTRATOR_READS, a, b);
		if (kind == PRINCIPAL_CUSTODIAN)
			return refuse(x, SEPARATION_CUSTODIAN_READS, a, b);
		if (kind == PRINCIPAL_AUDITOR)
			return refuse(x, SEPARATION_AUDITOR_READS, a, b);
	}
	if (a == b)
		return true;
	if (kind == PRINCIPAL_ADMINISTRATOR && kind_of(x, b) == PRINCIPAL_ADMINISTRATOR)
		return refuse(x, SEPARATION_TWO_AREAS, a, b);
	if (kind == PRINCIPAL_CUSTODIAN && kind_of(x, b) == PRINCIPAL_CUSTODIAN)
		return refuse(x, SEPARATION_CUSTODIAN_TWICE, a, b);
	if (kind == PRINCIPAL_CUSTODIAN && (kind_of(x, b) == PRINCIPAL_ADMINISTRATOR || kind_of(x, b) == PRINCIPAL_AUDITOR))
		return refuse(x, SEPARATION_CUSTODIAN_ELSE, a, b);
	/* Audit administration may be the auditor's own; the acts of the other two are what the auditor looks at. */
	if (kind == PRINCIPAL_AUDITOR && kind_of(x, b) == PRINCIPAL_ADMINISTRATOR && x->m[b].principal->admin_area != AREA_AUDIT)
		return refuse(x, SEPARATION_AUDITOR_ELSE, a, b);
	return true;
}

static bool pairs_fit(struct look *x)
{
	for (unsigned a = 0; a < x->n; a++)
		for (unsigned b = 0; b < x->n; b++)
			if ((a == b || same_person(x, a, b)) && !pair_fits(x, a, b))
				return false;
	return true;
}

static bool areas_there(struct look *x)
{
	for (unsigned i = 0; i < x->n; i++)
		if (kind_of(x, i) == PRINCIPAL_ADMINISTRATOR && x->m[i].principal->admin_area == 0)
			return refuse(x, SEPARATION_NO_AREA, i, x->n);
	return true;
}

bool separation_check(const struct policy *p, const struct separation_member *m, unsigned n, bool production, struct separation *ret)
{
	struct look x = { p, m, n, ret };

	if (!keys_differ(&x) || !kinds_fit(&x))
		return false;
	if (!production)
		return true;
	if (!two_of(&x, PRINCIPAL_ADMINISTRATOR))
		return refuse(&x, SEPARATION_ADMINISTRATORS, n, n);
	if (!two_of(&x, PRINCIPAL_CUSTODIAN))
		return refuse(&x, SEPARATION_CUSTODIANS, n, n);
	if (!one_of(&x, PRINCIPAL_AUDITOR))
		return refuse(&x, SEPARATION_AUDITORS, n, n);
	return areas_there(&x) && pairs_fit(&x);
}

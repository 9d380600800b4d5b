/* Persons, areas and who may decide. POLICY.md sections 1 to 3 and 5. */
#include <string.h>

#include "vault/gov_internal.h"

bool gov_same_person(struct vault *v, const uint8_t a[16], const uint8_t b[16])
{
	const struct principal *x, *y;

	if (ids_equal(a, b))
		return true;
	x = directory_principal(v->keys, a);
	y = directory_principal(v->keys, b);
	return x != NULL && y != NULL && ids_equal(x->person, y->person);
}

int gov_purpose_position(const struct vault *v, uint16_t id)
{
	for (unsigned i = 0; i < policy_purposes(v->policy); i++)
		if (policy_purpose(v->policy, i)->id == id)
			return (int)i;
	return -1;
}

/* The purposes of a list as a mask of positions; false if the policy does not know one any more. */
static bool purposes_mask(const struct vault *v, const struct gov_bytes *list, uint64_t *ret)
{
	uint64_t mask = 0;

	for (size_t i = 0; i + 2 <= list->n; i += 2) {
		int at = gov_purpose_position(v, be16_get(list->p + i));

		if (at < 0)
			return false;
		mask |= (uint64_t)1 << at;
	}
	*ret = mask;
	return true;
}

/* The roles that the directory gives a principal now. Returns how many. */
static unsigned roles_of(struct vault *v, const struct vault_call *c, const uint8_t principal[16], uint16_t ret[POLICY_ROLES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < policy_roles(v->policy); i++)
		if (directory_has_role(v->keys, principal, policy_role(v->policy, i)->id, c->now_ms))
			ret[n++] = policy_role(v->policy, i)->id;
	return n;
}

bool gov_grantee_fits(struct vault *v, const struct vault_call *c, const uint8_t principal[16], const struct gov_bytes *purposes)
{
	const struct principal *p = directory_principal(v->keys, principal);
	uint16_t roles[POLICY_ROLES];
	uint64_t wanted, has = 0;
	unsigned n;

	/* Who keeps the vault or reads its log sees no child's data, whoever would allow it. */
	if (p == NULL || p->kind == PRINCIPAL_ADMINISTRATOR || p->kind == PRINCIPAL_CUSTODIAN || p->kind == PRINCIPAL_AUDITOR)
		return false;
	if (!directory_enabled(p, c->now_ms) || !purposes_mask(v, purposes, &wanted))
		return false;
	n = roles_of(v, c, principal, roles);
	for (unsigned i = 0; i < n; i++)
		has |= policy_role_by_id(v->policy, roles[i])->purposes;
	return (wanted & ~has) == 0;
}

/* Whether the object was made by this person, or by somebody to whom they had delegated that. */
static bool made_by(struct vault *v, const struct gov_object *o, const uint8_t person[16])
{
	const struct gov_entry *d = id_is_zero(o->delegation) ? NULL : gov_find(v, GOV_DELEGATION, o->delegation);

	return gov_same_person(v, o->by, person) || (d != NULL && gov_same_person(v, d->held->o.by, person));
}

static bool was_given(struct vault *v, const uint8_t record[16], const uint8_t approver[16], const uint8_t grantee[16])
{
	struct gov_entry *e;
	uint32_t at = 0;

	while ((e = gov_next_at(v, NULL, record, &at)) != NULL)
		if (!id_is_zero(e->held->o.by) && gov_same_person(v, e->held->o.principal, approver) &&
		    made_by(v, &e->held->o, grantee))
			return true;
	return false;
}

bool gov_mutual(struct vault *v, const struct vault_call *c, const uint8_t record[16], const struct gov_authority *a,
    const uint8_t grantee[16])
{
	const struct gov_entry *d = id_is_zero(a->delegation) ? NULL : gov_find(v, GOV_DELEGATION, a->delegation);

	return was_given(v, record, c->principal->id, grantee) || (d != NULL && was_given(v, record, d->held->o.by, grantee));
}

/* Where the record lies on the day of the call. */
static const char *area_of(const struct vault_call *c, const struct record *r, size_t *ret_n)
{
	return head_area(&r->head, (uint32_t)c->today + 1, ret_n);
}

bool gov_area_under(const struct vault_call *c, const struct record *r, const struct gov_bytes *area)
{
	size_t n;
	const char *at = area_of(c, r, &n);

	return n >= area->n && memcmp(at, area->p, area->n) == 0;
}

struct gov_bytes gov_area_of(struct vault *v, const uint8_t principal[16])
{
	const struct principal *p = directory_principal(v->keys, principal);
	const char *area = p != NULL ? p->area : "";

	return (struct gov_bytes){ (const uint8_t *)area, strlen(area) };
}

/* Some member's roles and area. */
struct member {
	const struct principal *principal;
	struct policy_subject subject;
};

/* Whether what is asked for lies in an area: the record as in every area check, an area of many records as a whole. */
static bool ask_fits(const struct vault_call *c, const struct gov_ask *ask, const char *area, size_t n)
{
	size_t at_n;
	const char *at;

	if (ask->record == NULL)
		return ask->area == NULL || (ask->area->n >= n && memcmp(ask->area->p, area, n) == 0);
	at = area_of(c, ask->record, &at_n);
	return policy_area_fits(area, n, at, at_n);
}

static bool role_fits(const struct vault *v, const struct vault_call *c, const struct member *m, uint16_t id, const struct gov_ask *ask)
{
	const struct policy_role *role = policy_role_by_id(v->policy, id);

	return role == NULL || !role->area || ask_fits(c, ask, m->principal->area, strlen(m->principal->area));
}

/* An act that any role of the member has, for whatever purpose: approving what others do is not doing it. */
static enum decision_reason member_act(struct vault *v, const struct vault_call *c, const struct member *m, const struct gov_ask *ask,
    uint16_t *ret_role)
{
	enum decision_reason why = DECIDE_NOT_APPROVER;

	for (unsigned i = 0; i < m->subject.role_count; i++) {
		const struct policy_role *role = policy_role_by_id(v->policy, m->subject.roles[i]);

		if (role == NULL || (role->acts & ask->act) == 0)
			continue;
		if (role_fits(v, c, m, role->id, ask)) {
			*ret_role = role->id;
			return DECIDE_YES;
		}
		why = DECIDE_OUT_OF_AREA;
	}
	return why;
}

/* The right to grant each field for the one purpose. */
static enum decision_reason member_grant(struct vault *v, const struct vault_call *c, struct member *m, const struct gov_ask *ask,
    uint16_t *ret_role)
{
	uint16_t role = 0;

	m->subject.purpose = ask->purposes->n == 2 ? gov_purpose_position(v, be16_get(ask->purposes->p)) : -1;
	if (m->subject.purpose < 0)
		return DECIDE_NOT_APPROVER;
	for (size_t i = 0; i < ask->fields->n; i += 2) {
		const struct policy_field *f = policy_field_by_id(v->policy, be16_get(ask->fields->p + i));

		if (f == NULL || (role = policy_decide_grant(v->policy, &m->subject, f)) == 0)
			return DECIDE_NOT_APPROVER;
		if (!role_fits(v, c, m, role, ask))
			return DECIDE_OUT_OF_AREA;
	}
	if (role == 0)
		return DECIDE_NOT_APPROVER;
	*ret_role = role;
	return DECIDE_YES;
}

static enum decision_reason member_may(struct vault *v, const struct vault_call *c, struct member *m, const struct gov_ask *ask,
    uint16_t *ret_role)
{
	return ask->act != 0 ? member_act(v, c, m, ask, ret_role) : member_grant(v, c, m, ask, ret_role);
}

static bool delegation_covers(const struct gov_object *d, const struct vault_call *c, const struct gov_ask *ask)
{
	for (size_t i = 0; i + 2 <= ask->purposes->n; i += 2)
		if (!gov_list_has_u16(&d->purposes, be16_get(ask->purposes->p + i)))
			return false;
	return d->area.n == 0 || ask_fits(c, ask, (const char *)d->area.p, d->area.n);
}

/* One delegation to the caller. What its maker may not do, it cannot pass on, nor turn to its maker's own good. */
static enum decision_reason delegation_may(struct vault *v, const struct vault_call *c, const struct gov_object *d,
    const struct gov_ask *ask, uint16_t *ret_role)
{
	uint16_t roles[POLICY_ROLES];
	struct member m = { .principal = directory_principal(v->keys, d->by) };
	enum decision_reason why;

	if (d->prefix.state == GOV_REVOKED || !directory_enabled(m.principal, c->now_ms))
		return DECIDE_NOT_APPROVER;
	m.subject.roles = roles;
	m.subject.role_count = roles_of(v, c, d->by, roles);
	if ((why = member_may(v, c, &m, ask, ret_role)) == DECIDE_NOT_APPROVER)
		return why;
	if ((ask->grantee != NULL && gov_same_person(v, d->by, ask->grantee)) ||
	    (ask->asker != NULL && gov_same_person(v, d->by, ask->asker)))
		return DECIDE_SELF_APPROVAL;
	if (gov_state_on(d, c->today) == GOV_EXPIRED)
		return DECIDE_DELEGATION_EXPIRED;
	return why != DECIDE_YES || !delegation_covers(d, c, ask) ? DECIDE_DELEGATION_SCOPE : DECIDE_YES;
}

enum decision_reason gov_authority(struct vault *v, const struct vault_call *c, const struct gov_ask *ask, struct gov_authority *ret)
{
	struct member self = { c->principal, c->subject };
	enum decision_reason own, best = DECIDE_YES, why;
	struct gov_entry *e;
	uint32_t at = 0;

	memset(ret, 0, sizeof(*ret));
	if (ask->grantee != NULL && gov_same_person(v, c->principal->id, ask->grantee))
		return DECIDE_SELF_APPROVAL;
	if ((own = member_may(v, c, &self, ask, &ret->role)) == DECIDE_YES)
		return own;
	while ((e = gov_next_of(v, GOV_DELEGATION, c->principal->id, &at)) != NULL) {
		if ((why = delegation_may(v, c, &e->held->o, ask, &ret->role)) == DECIDE_YES) {
			memcpy(ret->delegation, e->held->o.id, 16);
			return why;
		}
		if (why != DECIDE_NOT_APPROVER && why > best)
			best = why;
	}
	ret->role = 0;
	return best != DECIDE_YES ? best : own;
}

int gov_may_decide(struct vault *v, const struct vault_call *c, const struct gov_object *o, struct gov_authority *ret,
    enum decision_reason *ret_reason)
{
	struct gov_ask ask = { .purposes = &o->purposes, .fields = &o->fields, .grantee = o->principal, .asker = o->by };
	struct gov_bytes area;
	struct record rec;
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	if (gov_same_person(v, c->principal->id, o->by)) {
		*ret_reason = DECIDE_SELF_APPROVAL;
		return 0;
	}
	if (gov_kind_signed(o->kind)) {
		*ret_reason = gov_operation_part(v, c, o);
		return 0;
	}
	if (o->kind == GOV_KIND_GRANT) {
		if ((r = record_load(v, o->record, false, &rec)) != 0)
			return r;
		ask.record = &rec;
	}
	/* More files and exports are for the area that is named, or else for all of the grantee's. */
	if (o->kind == GOV_KIND_BULK || o->kind == GOV_KIND_EXPORT) {
		area = gov_area_of(v, o->principal);
		ask.area = o->area.n > 0 ? &o->area : &area;
	}
	ask.act = o->kind == GOV_KIND_BULK ? ACT_BULK : o->kind == GOV_KIND_EXPORT ? ACT_EXPORT : 0;
	*ret_reason = gov_authority(v, c, &ask, ret);
	if (*ret_reason == DECIDE_YES && o->kind == GOV_KIND_GRANT && gov_mutual(v, c, o->record, ret, o->principal))
		*ret_reason = DECIDE_MUTUAL_APPROVAL;
	if (o->kind == GOV_KIND_GRANT)
		wipe(rec.head.log_key, sizeof(rec.head.log_key));
	return 0;
}

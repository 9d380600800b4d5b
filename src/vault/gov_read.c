/* What approvals let a reader do: POLICY.md checks 12 to 18, and the data keys of grants. */
#include <string.h>

#include "vault/gov_internal.h"

/* The test build that shows what keys alone keep shut asks for no approval either. */
#ifdef CV_POLICY_ALLOW_ALL
#define ALLOW_ALL true
#else
#define ALLOW_ALL false
#endif

/* What a caller wants to read, as each approval is asked. */
struct wish {
	const struct vault_call *c;
	const struct head *head;
	uint16_t purpose;
	uint16_t field;
	uint8_t level;		/* of the class; 0: a view class, which every level opens */
	uint32_t class_key;	/* source class key */
};

static enum decision_reason judge_assignment(const struct gov_object *o, const struct wish *w)
{
	if (!gov_list_has_u16(&o->purposes, w->purpose))
		return DECIDE_APPROVAL_PURPOSE;
	if (w->level > o->level)
		return DECIDE_APPROVAL_LEVEL;
	return gov_over(o, w->c->today) ? DECIDE_APPROVAL_EXPIRED : DECIDE_YES;
}

static bool find_key(const struct gov_object *o, uint32_t class_key, uint32_t generation, struct gov_sealed_key *ret)
{
	for (size_t i = 0; i < o->keys.n / GOV_SEALED_KEY; i++) {
		gov_sealed_key_get(&o->keys, i, ret);
		if (ret->class_key == class_key && ret->generation == generation)
			return true;
	}
	return false;
}

/* A class that the record does not have needs no key: nothing is there to be opened. */
static bool generation_stands(const struct gov_object *o, const struct wish *w)
{
	struct gov_sealed_key key;

	for (unsigned i = 0; i < w->head->classes; i++)
		if (w->head->class[i].class_key == w->class_key)
			return find_key(o, w->class_key, w->head->class[i].generation, &key);
	return true;
}

int gov_state_seen(struct vault *v, const struct gov_object *o, int32_t today, enum gov_state *ret)
{
	enum gov_state state = gov_state_on(o, today);
	bool alive = o->keys.n == 0;
	struct record rec;
	int r;

	if (o->prefix.type == GOV_GRANT && state == GOV_ACTIVE && !alive) {
		if ((r = record_load(v, o->record, false, &rec)) != 0)
			return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
		for (size_t i = 0; i < o->keys.n / GOV_SEALED_KEY && !alive; i++) {
			const struct head_class *hc;
			struct gov_sealed_key key;

			gov_sealed_key_get(&o->keys, i, &key);
			hc = head_class_find(&rec.head, key.class_key);
			alive = hc != NULL && hc->generation == key.generation;
		}
		wipe(rec.head.log_key, sizeof(rec.head.log_key));
		if (!alive)
			state = GOV_DEAD;
	}
	*ret = state;
	return 0;
}

static enum decision_reason judge_grant(const struct gov_object *o, const struct wish *w)
{
	if (!gov_list_has_u16(&o->purposes, w->purpose))
		return DECIDE_APPROVAL_PURPOSE;
	if (!gov_list_has_u16(&o->fields, w->field))
		return DECIDE_APPROVAL_FIELD;
	if (gov_over(o, w->c->today))
		return DECIDE_APPROVAL_EXPIRED;
	if (o->count != 0 && o->used >= o->count)
		return DECIDE_APPROVAL_USED_UP;
	return generation_stands(o, w) ? DECIDE_YES : DECIDE_GENERATION_GONE;
}

/*
 * The approvals that stand at one place. The one that came furthest tells what was wanting; an assignment is preferred, since it is not
 * used up.
 */
static void judge_place(struct vault *v, const struct wish *w, const uint8_t *record, bool assignments, enum decision_reason *best,
    const struct gov_object **ret)
{
	struct gov_entry *e;
	uint32_t at = 0;

	while ((*ret == NULL || (*ret)->prefix.type == GOV_GRANT) &&
	    (e = gov_next_at(v, w->c->principal->id, record, &at)) != NULL) {
		const struct gov_object *o = &e->held->o;
		bool grant = o->prefix.type == GOV_GRANT;
		enum decision_reason why;

		if (o->prefix.state == GOV_REVOKED || (!grant && !assignments))
			continue;
		why = grant ? judge_grant(o, w) : judge_assignment(o, w);
		if (why == DECIDE_YES && (*ret == NULL || !grant))
			*ret = o;
		else if (why != DECIDE_YES && why > *best)
			*best = why;
	}
}

static uint8_t level_of(const struct vault *v, uint16_t class_id)
{
	int at = policy_class_position(v->policy, class_id);

	return class_is_view(class_id) ? 0 : at >= 0 ? policy_class(v->policy, (unsigned)at)->level : UINT8_MAX;
}

enum decision_reason gov_read(struct vault *v, const struct vault_call *c, const struct record *r, const struct policy_field *f,
    uint16_t class_id, const struct policy_role *role, uint8_t ret_approval[16], bool *ret_granted)
{
	static const uint8_t zeros[16];
	struct wish w = { .c = c, .head = &r->head, .field = f->id, .level = level_of(v, class_id),
		.class_key = (uint32_t)class_source(class_id) << 16 };
	const struct gov_object *found = NULL;
	enum decision_reason best = DECIDE_NO_APPROVAL;

	if (role == NULL || (role->approval && !ALLOW_ALL)) {
		if (c->subject.purpose < 0)
			return best;
		w.purpose = policy_purpose(v->policy, (unsigned)c->subject.purpose)->id;
		/* An assignment opens nothing that no role opens. */
		if (role != NULL)
			judge_place(v, &w, NULL, true, &best, &found);
		if (found == NULL)
			judge_place(v, &w, r->head.record, role != NULL, &best, &found);
		if (found == NULL)
			return best;
	}
	memcpy(ret_approval, found != NULL ? found->id : zeros, 16);
	*ret_granted = found != NULL && found->prefix.type == GOV_GRANT;
	return DECIDE_YES;
}

int gov_datakey(struct vault *v, const struct vault_call *c, const struct record *r, uint32_t class_key, uint32_t generation,
    struct datakey *ret, uint32_t *ret_birth)
{
	struct gov_entry *e;
	uint32_t at = 0;

	while ((e = gov_next_at(v, c->principal->id, r->head.record, &at)) != NULL) {
		const struct gov_object *o = &e->held->o;
		struct gov_sealed_key key;
		struct grant_place place = { .record = r->head.record, .grantee = o->principal, .class_key = class_key,
			.generation = generation };
		int e2;

		/* Whether it may be used, gov_read said; the last use may stand in the table already. */
		if (o->prefix.type != GOV_GRANT || gov_over(o, c->today) || !find_key(o, class_key, generation, &key))
			continue;
		place.birth_epoch = key.birth;
		e2 = record_grant_open(v->keys, c->session, &place, key.role, key.epoch, key.sealed, ret);
		if (e2 == 0)
			*ret_birth = key.birth;
		if (e2 != CV_ERR_NOKEY)
			return e2;
	}
	return CV_ERR_NOKEY;
}

int gov_use(struct vault *v, struct vault_call *c, const uint8_t grant[16])
{
	struct gov_entry *e = gov_find(v, GOV_GRANT, grant);
	struct gov_object o;

	(void)c;
	if (e == NULL)
		return CV_ERR_NOTFOUND;
	o = e->held->o;
	if (o.count == 0)
		return 0;	/* the leaves count it */
	o.used++;
	if (o.used >= o.count)
		o.prefix.state = GOV_USED;
	return gov_store(v, e, &o);
}

bool gov_assigned(struct vault *v, const struct vault_call *c, const uint8_t record[16])
{
	const uint8_t *const places[] = { NULL, record };
	uint16_t purpose;

	if (c->subject.purpose < 0)
		return false;
	purpose = policy_purpose(v->policy, (unsigned)c->subject.purpose)->id;
	for (size_t i = 0; i < 2; i++) {
		struct gov_entry *e;
		uint32_t at = 0;

		while ((e = gov_next_at(v, c->principal->id, places[i], &at)) != NULL)
			if (e->held->o.prefix.type == GOV_ASSIGNMENT && gov_state_on(&e->held->o, c->today) == GOV_ACTIVE &&
			    gov_list_has_u16(&e->held->o.purposes, purpose))
				return true;
	}
	return false;
}

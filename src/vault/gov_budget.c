/* How many records a person may see: POLICY.md check 19 and section 4. Windows are rows of up to 256 records each, made anew in place. */
#include <string.h>

#include "vault/gov_internal.h"

#define HOUR_MS (3600u * 1000u)

/* What the rows of one owner hold. */
struct window {
	bool has;			/* the record asked for */
	uint32_t live, extra;		/* within the hours; without those that a bulk approval took */
	uint64_t oldest_ms;		/* of live, without extra */
	struct gov_entry *room;		/* a row that takes one more once it is pruned */
};

/* Entries from before `since` count no more; keep_ms is the longest that any role remembers. */
static void look(struct vault *v, const uint8_t owner[16], uint64_t serial, uint64_t since_ms, uint64_t keep_ms, struct window *ret)
{
	struct gov_entry *e;
	uint32_t at = 0;

	memset(ret, 0, sizeof(*ret));
	while ((e = gov_next_of(v, GOV_WINDOW, owner, &at)) != NULL) {
		const struct gov_bytes *seen = &e->held->o.seen;
		size_t kept = 0;

		for (size_t i = 0; i < seen->n / GOV_SEEN; i++) {
			struct gov_seen s;

			gov_seen_get(seen, i, &s);
			kept += s.ms > keep_ms;
			if (s.ms <= since_ms)
				continue;
			ret->has = ret->has || s.serial == serial;
			ret->extra += s.extra;
			ret->live += !s.extra;
			if (!s.extra && (ret->oldest_ms == 0 || s.ms < ret->oldest_ms))
				ret->oldest_ms = s.ms;
		}
		if (kept < GOV_SEEN_MAX)
			ret->room = e;
	}
}

/* Write one record into a row with room, without what is older than keep_ms. */
static int add(struct vault *v, const struct vault_call *c, const uint8_t owner[16], struct gov_entry *e, uint64_t keep_ms,
    const struct gov_seen *s)
{
	struct gov_object o;
	struct gov_seen old;
	int r;

	memset(&o, 0, sizeof(o));
	if (e != NULL) {
		o = e->held->o;
	} else {
		o.prefix.type = GOV_WINDOW;
		o.prefix.state = GOV_ACTIVE;
		crypto_random(o.id, 16);
		memcpy(o.principal, owner, 16);
	}
	buf_reset(&v->gov->list);
	for (size_t i = 0; i < o.seen.n / GOV_SEEN; i++) {
		gov_seen_get(&o.seen, i, &old);
		if (old.ms > keep_ms)
			gov_seen_put(&v->gov->list, &old);
	}
	gov_seen_put(&v->gov->list, s);
	o.seen = (struct gov_bytes){ v->gov->list.p, v->gov->list.n };
	o.prefix.due_day = (uint32_t)c->today + 1;
	r = buf_ok(&v->gov->list) ? gov_store(v, e, &o) : CV_ERR_NOMEM;
	buf_reset(&v->gov->list);
	return r;
}

/* The longest window of the policy: until then an entry may count for some role. */
static uint64_t longest_ms(const struct vault *v)
{
	uint64_t hours = 0;

	for (unsigned i = 0; i < policy_roles(v->policy); i++)
		if (policy_role(v->policy, i)->bulk_hours > hours)
			hours = policy_role(v->policy, i)->bulk_hours;
	return hours * HOUR_MS;
}

/* An assignment of a demo vault to any record lifts the budget. */
static bool is_demo(struct vault *v, const struct vault_call *c)
{
	struct gov_entry *e;
	uint32_t at = 0;

	while ((e = gov_next_at(v, c->principal->id, NULL, &at)) != NULL)
		if ((e->held->o.flags & GOV_DEMO) != 0 && gov_state_on(&e->held->o, c->today) == GOV_ACTIVE)
			return true;
	return false;
}

/* A live bulk approval of the caller for the call's purpose that is not used up. */
static struct gov_entry *bulk_approval(struct vault *v, const struct vault_call *c)
{
	uint16_t purpose = c->subject.purpose < 0 ? 0 : policy_purpose(v->policy, (unsigned)c->subject.purpose)->id;
	struct gov_entry *e;
	uint32_t at = 0;

	while ((e = gov_next_of(v, GOV_REQUEST, c->principal->id, &at)) != NULL) {
		const struct gov_object *o = &e->held->o;

		if (o->kind == GOV_KIND_BULK && o->prefix.state == GOV_APPROVED && !gov_over(o, c->today) && o->used < o->count &&
		    gov_list_has_u16(&o->purposes, purpose))
			return e;
	}
	return NULL;
}

/* An export counts its own records, each once, as long as it holds. */
static int export_budget(struct vault *v, struct vault_call *c, uint64_t serial, const uint8_t export[16], enum decision_reason *ret)
{
	struct gov_seen s = { serial, c->now_ms, 0 };
	enum decision_reason why = gov_export(v, c, export, NULL, NULL);
	struct gov_entry *e = gov_find(v, GOV_REQUEST, export);
	struct window w;

	if (why == DECIDE_YES) {
		look(v, export, serial, 0, 0, &w);
		if (!w.has && w.live >= e->held->o.count)
			why = DECIDE_BUDGET;
	}
	*ret = why;
	return why != DECIDE_YES || w.has ? 0 : add(v, c, export, w.room, 0, &s);
}

bool gov_exportable(const struct vault *v, const struct policy_field *f)
{
	int at = policy_class_position(v->policy, f->class);

	return at >= 0 && policy_class(v->policy, (unsigned)at)->level < 5 && !policy_class(v->policy, (unsigned)at)->hidden;
}

enum decision_reason gov_export(struct vault *v, const struct vault_call *c, const uint8_t export[16], const struct record *r,
    const struct policy_field *f)
{
	struct gov_entry *e = gov_find(v, GOV_REQUEST, export);
	const struct gov_object *o = e != NULL ? &e->held->o : NULL;
	const char *state = r != NULL ? head_state_name(r->head.state) : "";

	if (o == NULL || o->kind != GOV_KIND_EXPORT || o->prefix.state != GOV_APPROVED || !ids_equal(o->principal, c->principal->id))
		return DECIDE_NO_APPROVAL;
	if (c->subject.purpose < 0 ||
	    !gov_list_has_u16(&o->purposes, policy_purpose(v->policy, (unsigned)c->subject.purpose)->id))
		return DECIDE_APPROVAL_PURPOSE;
	if (f != NULL && !gov_exportable(v, f))
		return DECIDE_APPROVAL_LEVEL;
	if (f != NULL && !gov_list_has_u16(&o->fields, f->id))
		return DECIDE_APPROVAL_FIELD;
	if (gov_over(o, c->today))
		return DECIDE_APPROVAL_EXPIRED;
	if (r != NULL && o->status.n > 0 && (strlen(state) != o->status.n || memcmp(state, o->status.p, o->status.n) != 0))
		return DECIDE_NO_APPROVAL;
	if (r != NULL && o->area.n > 0 && !gov_area_under(c, r, &o->area))
		return DECIDE_OUT_OF_AREA;
	return DECIDE_YES;
}

bool gov_export_takes(struct vault *v, const uint8_t export[16], const char *area, size_t n, const char *state)
{
	const struct gov_entry *e = gov_find(v, GOV_REQUEST, export);
	const struct gov_object *o = e != NULL ? &e->held->o : NULL;

	if (o == NULL || o->kind != GOV_KIND_EXPORT)
		return false;
	if (o->status.n > 0 && (strlen(state) != o->status.n || memcmp(state, o->status.p, o->status.n) != 0))
		return false;
	return o->area.n == 0 || (n >= o->area.n && memcmp(area, o->area.p, o->area.n) == 0);
}

int gov_budget(struct vault *v, struct vault_call *c, const struct policy_role *role, uint64_t serial, const uint8_t export[16],
    enum decision_reason *ret)
{
	struct gov_seen s = { serial, c->now_ms, 0 };
	uint64_t hours_ms, longest = longest_ms(v), since, keep = c->now_ms > longest ? c->now_ms - longest : 0;
	struct gov_entry *bulk;
	struct gov_object o;
	struct window w;
	int r = 0;

	*ret = DECIDE_YES;
	if (export != NULL && !id_is_zero(export))
		return export_budget(v, c, serial, export, ret);
	if (role == NULL || role->bulk_records == 0 || is_demo(v, c))
		return 0;
	hours_ms = (uint64_t)role->bulk_hours * HOUR_MS;
	since = c->now_ms > hours_ms ? c->now_ms - hours_ms : 0;
	look(v, c->principal->id, serial, since, keep, &w);
	if (w.has)
		return 0;
	if (w.live >= role->bulk_records) {
		if ((bulk = bulk_approval(v, c)) == NULL) {
			c->retry_after_s = (uint32_t)((w.oldest_ms + hours_ms - c->now_ms + 999) / 1000);
			*ret = DECIDE_BUDGET;
			return 0;
		}
		s.extra = 1;
		o = bulk->held->o;
		o.used++;
		r = gov_store(v, bulk, &o);
	}
	return r != 0 ? r : add(v, c, c->principal->id, w.room, keep, &s);
}

/* ---- searches ------------------------------------------------------------------------------------------------------------ */

#define SEARCHES_MINUTE 30u	/* whoever asks for one number after the other learns who is here */
#define SEARCHES_DAY 300u
#define MINUTE_MS 60000u
#define DAY_S (24u * 3600u)

int gov_search_budget(struct vault *v, struct vault_call *c)
{
	struct gov_object o;
	struct gov_entry *e;
	uint32_t at = 0, today = (uint32_t)c->today + 1;

	if (is_demo(v, c))
		return 0;
	memset(&o, 0, sizeof(o));
	if ((e = gov_next_of(v, GOV_SEARCHES, c->principal->id, &at)) != NULL) {
		o = e->held->o;
	} else {
		o.prefix.type = GOV_SEARCHES;
		o.prefix.state = GOV_ACTIVE;
		crypto_random(o.id, 16);
		memcpy(o.principal, c->principal->id, 16);
	}
	/* A clock that goes back begins nothing anew. */
	if (o.prefix.due_day < today)
		o.count = 0;
	if (c->now_ms >= o.created_ms + MINUTE_MS) {
		o.created_ms = c->now_ms;
		o.used = 0;
	}
	if (o.count >= SEARCHES_DAY || o.used >= SEARCHES_MINUTE) {
		c->retry_after_s = o.used >= SEARCHES_MINUTE ? MINUTE_MS / 1000 : DAY_S - (uint32_t)(c->now_ms / 1000 % DAY_S);
		(void)call_decline(c, DECIDE_BUDGET, "searches");	/* sets the problem */
		return CV_ERR_DENIED;
	}
	o.count++;
	o.used++;
	if (o.prefix.due_day < today)
		o.prefix.due_day = today;
	return gov_store(v, e, &o);
}

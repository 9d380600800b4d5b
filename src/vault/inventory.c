#include "vault/inventory.h"

#include "base/clock.h"
#include "base/error.h"
#include "format/directory.h"
#include "format/months.h"
#include "keys/inventory.h"
#include "vault/gov.h"
#include "vault/members.h"

#define DAY_MS (24u * 3600 * 1000)
#define RENEW_MS (365u * (uint64_t)DAY_MS)	/* a role's and a class's epoch, a split of the root key */
#define REKEY_MS ((uint64_t)DAY_MS)		/* after a member of a role was suspended */
#define MONTHS_MS (31u * (uint64_t)DAY_MS)	/* so long before an auditor's month keys run out they are late */
#define SIGNING_DAYS 365u			/* so many must be left of the log's daily keys */

const char *key_kind_name(enum key_kind kind)
{
	static const char *const names[KEY_KINDS] = { "", "root", "split", "slot", "keyring", "log", "signing", "role", "custody", "class",
		"class-old", "personal", "months" };

	return names[kind];
}

const char *key_why_name(enum key_why why)
{
	static const char *const names[] = { "", "year-old", "suspended-member", "too-few-custodians", "share-of-one-who-left",
		"custodian-without-share", "not-rewrapped", "running-out" };

	return names[why];
}

/* A walk under way. */
struct walk {
	struct vault *v;
	uint64_t now_ms;
	bool counted;
	int (*cb)(void *cookie, const struct key_entry *e);
	void *cookie;
};

static struct key_entry entry_of(enum key_kind kind, uint32_t number, uint32_t epoch, uint64_t made_ms)
{
	return (struct key_entry){ .kind = kind, .number = number, .epoch = epoch, .made_ms = made_ms, .uses_left = KEY_NONE,
		.holders = KEY_NONE, .needed = KEY_NONE };
}

/* It ought to be renewed by then, for this reason; an earlier day counts. */
static void due(struct key_entry *e, uint64_t at_ms, enum key_why why, uint64_t now_ms)
{
	if (e->due_ms != 0 && at_ms >= e->due_ms)
		return;
	e->due_ms = at_ms;
	e->overdue = now_ms >= at_ms;
	e->why = e->overdue || why != KEY_YEAR_OLD ? why : KEY_FINE;
}

static int tell(const struct walk *w, const struct key_entry *e)
{
	return w->cb(w->cookie, e);
}

/* ---- the vault's own ----------------------------------------------------------------------------------------------------- */

/* Slots of quorums, or the others. */
static int walk_slots(const struct walk *w, bool quorums)
{
	struct slot_info info;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < SLOT_COUNT; i++) {
		struct key_entry e = entry_of(quorums ? KEY_SPLIT : KEY_SLOT, i, 0, vault_slot_made_ms(w->v, i));

		if (vault_slot(w->v, i, &info) != 0 || (info.type == SLOT_QUORUM) != quorums)
			continue;
		if (quorums) {
			e.holders = info.n;
			e.needed = info.k;
			due(&e, e.made_ms + RENEW_MS, KEY_YEAR_OLD, w->now_ms);
		}
		r = tell(w, &e);
	}
	return r;
}

static int walk_vault(const struct walk *w)
{
	const uint64_t made_ms = w->v->created_ms;
	struct key_entry e = entry_of(KEY_ROOT, 0, 0, made_ms);
	uint32_t epoch = keys_epoch(w->v->keys);
	int r;

	if ((r = tell(w, &e)) != 0 || (r = walk_slots(w, true)) != 0 || (r = walk_slots(w, false)) != 0)
		return r;
	e = entry_of(KEY_KEYRING, 0, epoch, epoch == 1 ? made_ms : 0);
	if ((r = tell(w, &e)) != 0)
		return r;
	e = entry_of(KEY_LOG, 0, 0, made_ms);
	if ((r = tell(w, &e)) != 0)
		return r;
	e = entry_of(KEY_SIGNING, 0, keys_fs_epoch(w->v->keys), 0);
	e.made_ms = (made_ms / DAY_MS + e.epoch) * DAY_MS;
	e.uses_left = w->v->epochs - 1 - e.epoch;
	/* The first of them is of the day on which the vault was made. */
	due(&e, (made_ms / DAY_MS + w->v->epochs - 1 - SIGNING_DAYS) * DAY_MS, KEY_RUNNING_OUT, w->now_ms);
	if (!e.overdue)
		e.why = KEY_FINE;
	return tell(w, &e);
}

/* ---- roles --------------------------------------------------------------------------------------------------------------- */

/* A suspended member, who may have kept the role's key, is left out by a rekey within a day. */
static void see_suspended(const struct walk *w, struct key_entry *e)
{
	const struct principal *p;

	for (size_t i = 0; (p = directory_principal_at(w->v->keys, i)) != NULL; i++)
		if (p->suspended && directory_has_role(w->v->keys, p->id, (uint16_t)e->number, w->now_ms))
			due(e, members_suspended_ms(w->v, p->id) + REKEY_MS, KEY_SUSPENDED_MEMBER, w->now_ms);
}

static int walk_roles(const struct walk *w)
{
	struct inventory_role role;
	size_t at = 0;
	int r = 0;

	while (r == 0 && inventory_role(w->v->keys, &at, &role)) {
		struct key_entry e = entry_of(KEY_ROLE, role.role, role.epoch, role.made_ms);

		due(&e, role.made_ms + RENEW_MS, KEY_YEAR_OLD, w->now_ms);
		see_suspended(w, &e);
		if (w->counted)
			e.holders = inventory_members(w->v->keys, role.role, role.epoch, w->now_ms);
		r = tell(w, &e);
	}
	return r;
}

/* A split among custodians is late as soon as it does not fit who they are; more than there are shares need none. */
static enum key_why judge_custody(const struct inventory_role *role, const struct inventory_custody *x)
{
	return role->needed == 0 ? KEY_FINE : x->holding < role->needed ? KEY_TOO_FEW_CUSTODIANS : x->left > 0 ? KEY_CUSTODIAN_LEFT :
	    x->without > 0 && x->holding < DIR_SHARES_MAX ? KEY_CUSTODIAN_WITHOUT : KEY_FINE;
}

static int walk_custody(const struct walk *w)
{
	struct inventory_custody x;
	struct inventory_role role;
	size_t at = 0;
	int r = 0;

	while (r == 0 && inventory_role(w->v->keys, &at, &role)) {
		struct key_entry e = entry_of(KEY_CUSTODY, role.role, role.epoch, role.made_ms);

		if ((r = inventory_custody(w->v->keys, w->v->store, role.role, role.epoch, w->now_ms, &x)) != 0)
			return r;
		e.holders = x.holding;
		e.needed = role.needed;
		e.why = judge_custody(&role, &x);
		e.overdue = e.why != KEY_FINE;
		r = tell(w, &e);
	}
	return r;
}

/* ---- classes ------------------------------------------------------------------------------------------------------------- */

/* Newest epochs, or those before them, which stay until no record is under them any more. */
static int walk_classes(const struct walk *w, bool newest)
{
	struct inventory_class x;
	size_t at = 0;
	int r = 0;

	while (r == 0 && inventory_class(w->v->keys, &at, &x)) {
		struct key_entry e = entry_of(newest ? KEY_CLASS : KEY_CLASS_OLD, x.class_key, x.epoch, x.made_ms);

		if (x.newest != newest)
			continue;
		if (newest) {
			due(&e, x.made_ms + RENEW_MS, KEY_YEAR_OLD, w->now_ms);
			e.holders = x.roles;
		} else {
			e.why = KEY_NOT_REWRAPPED;
		}
		r = tell(w, &e);
	}
	return r;
}

/* ---- auditors ------------------------------------------------------------------------------------------------------------- */

/* Months that auditors have published keys for. Who never did has none, and is sealed to by their own key: that is no fault. */
static int walk_months(const struct walk *w)
{
	const uint32_t now = clock_month(w->now_ms);
	const struct principal *p;
	uint32_t last, number = 0;
	uint64_t made_ms;
	int r = 0;

	for (size_t i = 0; r == 0 && (p = directory_principal_at(w->v->keys, i)) != NULL; i++) {
		struct key_entry e;

		if (p->kind != PRINCIPAL_AUDITOR || p->removed)
			continue;
		number++;
		if (!gov_month_span(w->v, p->id, &made_ms, &last))
			continue;
		e = entry_of(KEY_MONTHS, number, last, made_ms);
		e.owner = p;
		e.uses_left = last >= now ? months_between(now, last) + 1 : 0;
		due(&e, clock_month_ms(clock_month_next(last)) - MONTHS_MS, KEY_RUNNING_OUT, w->now_ms);
		if (!e.overdue)
			e.why = KEY_FINE;
		r = tell(w, &e);
	}
	return r;
}

int inventory_walk(struct vault *v, uint64_t now_ms, bool counted, int (*cb)(void *cookie, const struct key_entry *e), void *cookie)
{
	const struct walk w = { v, now_ms, counted, cb, cookie };
	struct key_entry personal = entry_of(KEY_PERSONAL, 0, 0, inventory_personal_ms(v->keys));
	int r;

	if ((r = walk_vault(&w)) != 0 || (r = walk_roles(&w)) != 0 || (r = walk_custody(&w)) != 0 || (r = walk_classes(&w, true)) != 0 ||
	    (r = walk_classes(&w, false)) != 0)
		return r;
	personal.holders = inventory_personal(v->keys);
	return (r = tell(&w, &personal)) != 0 ? r : walk_months(&w);
}

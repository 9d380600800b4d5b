/* The inventory as a collection: GET /v1/keys. docs/POLICY.md section 5, "Keys". */
#include <stdio.h>
#include <string.h>

#include "format/value.h"
#include "vault/gov_show.h"
#include "vault/inventory.h"

#define DAY_MS (24u * 3600 * 1000)
#define CURSOR_KEYS 4u		/* first byte of a cursor: whose it is */
#define CURSOR_PLAIN (1u + 16)
#define NAME_ROOM 96u

/* ---- one key -------------------------------------------------------------------------------------------------------------- */

/* An entry's place in the list, as an id. */
static void id_of(const struct key_entry *e, uint8_t ret[16])
{
	memset(ret, 0, 16);
	ret[7] = (uint8_t)e->kind;
	be32_put(ret + 8, e->number);
	be32_put(ret + 12, e->epoch);
}

/* What the key is, for people: the names are the policy's. */
static void name_of(const struct vault *v, const struct key_entry *e, char ret[NAME_ROOM])
{
	static const char *const kinds[KEY_KINDS] = { "", "root key", "unseal shares of slot", "unseal slot", "keyring", "log key",
		"daily log keys", "role", "custody of role", "class", "class", "personal roles", "month keys of" };
	const struct policy_role *role;
	int at;

	if (e->kind == KEY_SPLIT || e->kind == KEY_SLOT) {
		(void)snprintf(ret, NAME_ROOM, "%s %u", kinds[e->kind], e->number);
	} else if (e->kind == KEY_ROLE || e->kind == KEY_CUSTODY) {
		role = policy_role_by_id(v->policy, (uint16_t)e->number);
		if (role != NULL)
			(void)snprintf(ret, NAME_ROOM, "%s %s", kinds[e->kind], role->name);
		else
			(void)snprintf(ret, NAME_ROOM, "%s %u", kinds[e->kind], e->number);
	} else if (e->kind == KEY_CLASS || e->kind == KEY_CLASS_OLD) {
		at = policy_class_position(v->policy, (uint16_t)(e->number >> 16));
		if (at >= 0)
			(void)snprintf(ret, NAME_ROOM, "%s %s", kinds[e->kind], policy_class(v->policy, (unsigned)at)->name);
		else
			(void)snprintf(ret, NAME_ROOM, "%s 0x%04x", kinds[e->kind], e->number >> 16);
	} else if (e->kind == KEY_MONTHS) {
		(void)snprintf(ret, NAME_ROOM, "%s %s", kinds[e->kind], e->owner->login);
	} else {
		(void)snprintf(ret, NAME_ROOM, "%s", kinds[e->kind]);
	}
}

static void show_known(struct gov_showing *x, const char *name, uint32_t number)
{
	if (number != KEY_NONE)
		gov_show_number(x, name, number);
}

static void put_key(struct vault *v, uint64_t now_ms, const struct key_entry *e, struct buf *out)
{
	struct gov_showing x = { v, out, 0 };
	uint8_t id[16], overdue = e->overdue;
	char name[NAME_ROOM];
	size_t at;

	id_of(e, id);
	name_of(v, e, name);
	wire_gov_object_head(out, id);
	at = wire_count_begin(out);
	gov_show_text(&x, "key", name);
	gov_show_text(&x, "kind", key_kind_name(e->kind));
	if (e->epoch != 0 || e->kind == KEY_SIGNING)
		gov_show_number(&x, "epoch", e->epoch);
	gov_show_date(&x, "made", e->made_ms);
	if (e->made_ms != 0)
		gov_show_number(&x, "days", now_ms > e->made_ms ? (int64_t)((now_ms - e->made_ms) / DAY_MS) : 0);
	gov_show_date(&x, "due", e->due_ms);
	gov_show_value(&x, "overdue", VALUE_BOOL, &overdue, 1);
	if (e->why != KEY_FINE)
		gov_show_text(&x, "why", key_why_name(e->why));
	show_known(&x, "uses_left", e->uses_left);
	show_known(&x, "holders", e->holders);
	show_known(&x, "needed", e->needed);
	wire_count_end(out, at, x.count);
}

/* ---- the list -------------------------------------------------------------------------------------------------------------- */

struct listing {
	struct vault *v;
	struct vault_call *c;
	uint8_t after[16];		/* of the page before; zeros: from the beginning */
	uint8_t last[16];
	uint32_t count, limit;
	bool more;
};

static int take_key(void *cookie, const struct key_entry *e)
{
	struct listing *x = cookie;
	uint8_t id[16];

	id_of(e, id);
	if (memcmp(id, x->after, 16) <= 0)
		return 0;
	if (x->count == x->limit) {
		x->more = true;
		return 0;
	}
	put_key(x->v, x->c->now_ms, e, x->c->out);
	memcpy(x->last, id, 16);
	x->count++;
	return 0;
}

/* False: it is none of a page of this list. */
static bool take_cursor(struct vault *v, const struct wire_text *cursor, uint8_t ret[16])
{
	uint8_t plain[CURSOR_PLAIN];

	if (cursor->n == 0)
		return true;
	if (!cursor_take(v, cursor, plain, sizeof(plain)) || plain[0] != CURSOR_KEYS)
		return false;
	memcpy(ret, plain + 1, 16);
	return true;
}

static int put_cursor(struct vault *v, const struct listing *x, struct buf *out)
{
	uint8_t plain[CURSOR_PLAIN] = { CURSOR_KEYS };

	if (!x->more) {
		wire_text16_put(out, "", 0);
		return 0;
	}
	memcpy(plain + 1, x->last, 16);
	return cursor_put(v, plain, sizeof(plain), out);
}

unsigned keys_list(struct vault *v, struct vault_call *c, const struct wire_gov_list *m)
{
	struct listing x = { .v = v, .c = c, .limit = m->limit };
	struct wire_list fields = m->fields;
	struct wire_field f;
	size_t at;
	int r;

	if (c->principal->kind < PRINCIPAL_ADMINISTRATOR)
		return call_refuse(c, PROBLEM_NOT_PERMITTED, "only administrators, custodians and auditors see the inventory of keys");
	if (wire_fields_next(&fields, &f)) {
		call_field_error(c, f.name, PROBLEM_UNKNOWN_MEMBER, "no filter");
		return c->problem;
	}
	if (!take_cursor(v, &m->cursor, x.after))
		return call_refuse(c, PROBLEM_BAD_CURSOR, "the cursor is not from a list of this collection");
	at = wire_count_begin(c->out);
	if ((r = inventory_walk(v, c->now_ms, true, take_key, &x)) == 0) {
		wire_count_end(c->out, at, x.count);
		r = put_cursor(v, &x, c->out);
	}
	if (r != 0)
		return call_failed(c, r);
	c->kind = LEAF_GOVERNANCE;
	c->detail.count = x.count;
	return 0;
}

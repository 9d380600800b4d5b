/* What a yearly pack counts. Nobody's name, login or id is in it: approvers are numbered in the order of their first act. */
#include <stdio.h>
#include <string.h>

#include "audit_pack.h"
#include "base/clock.h"
#include "base/text.h"
#include "format/leaf.h"
#include "format/message.h"

static void add_to(json_t *object, const char *name, uint64_t n)
{
	json_t *have = json_object_get(object, name);

	json_object_set_new(object, name, json_integer(json_integer_value(have) + (json_int_t)n));
}

static void set(json_t *object, const char *name, uint64_t n) { json_object_set_new(object, name, json_integer((json_int_t)n)); }

/* The code of an id, its number if no policy names it, "none" for 0. */
static const char *code_of(const struct gather_names *names, uint16_t id, char ret[16])
{
	const char *code = gather_code(names, id);

	if (code[0] != 0)
		return code;
	snprintf(ret, 16, id == 0 ? "none" : "%u", id);
	return ret;
}

/* "read", "read-clear", ...: what was done to a file. */
static const char *verb_of(const struct tally_cell *c)
{
	if (c->kind == LEAF_HISTORY)
		return c->view == 2 ? "history-clear" : "history";
	return c->kind == LEAF_READ && c->view == 2 ? "reveal" : leaf_kind_name(c->kind);
}

static enum act_group group_of(const struct tally_cell *c)
{
	const struct act a = { .kind = c->kind, .view = c->view };

	return act_group(&a);
}

/* Count in the row [verb, role, purpose, count] of a list, which is made where it is missing. */
static void add_to_row(json_t *rows, const char *verb, const char *role, const char *purpose, uint64_t n)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i);

		if (strcmp(json_string_value(json_array_get(row, 0)), verb) == 0 && strcmp(json_string_value(json_array_get(row, 1)),
		    role) == 0 &&
		    strcmp(json_string_value(json_array_get(row, 2)), purpose) == 0) {
			json_array_set_new(row, 3, json_integer(json_integer_value(json_array_get(row, 3)) + (json_int_t)n));
			return;
		}
	}
	json_array_append_new(rows, json_pack("[s,s,s,I]", verb, role, purpose, (json_int_t)n));
}

#define DAY_MS 86400000u

/* The days of the log that lie in what was asked for. False: there are none. */
static bool covered_days(const struct gathered *g, int32_t *ret_first, int32_t *ret_last)
{
	int32_t first = (int32_t)(g->summary.first_ms / DAY_MS), last = (int32_t)(g->summary.last_ms / DAY_MS);

	*ret_first = first > g->first_day ? first : g->first_day;
	*ret_last = last < g->last_day ? last : g->last_day;
	return g->summary.size > 0 && *ret_first <= *ret_last;
}

bool pack_covers(const struct gathered *g)
{
	int32_t first, last;

	return covered_days(g, &first, &last);
}

static void set_day(json_t *j, const char *name, int32_t day)
{
	unsigned month, d;
	char text[32];
	int year;

	clock_date(day, &year, &month, &d);
	(void)snprintf(text, sizeof text, "%04d-%02u-%02u", year, month, d);
	json_object_set_new(j, name, json_string(text));
}

/* ---- sections -------------------------------------------------------------------------------------------------------------- */

static json_t *coverage(const struct gathered *g)
{
	const struct childvault_audit_summary *s = &g->summary;
	json_t *j = json_object();
	int32_t first, last;
	char root[65];

	hex_encode(s->root, sizeof s->root, root);
	set(j, "size", s->size);
	json_object_set_new(j, "root", json_string(root));
	json_object_set_new(j, "signed", json_boolean(s->root_signed));
	if (covered_days(g, &first, &last)) {
		set_day(j, "from", first);
		set_day(j, "to", last);
	}
	set(j, "closed_days", s->seals);
	set(j, "faults", s->faults);
	set(j, "notes", s->notes);
	set(j, "not_signed_yet", s->unsigned_leaves);
	set(j, "witnesses", s->witnesses);
	set(j, "cosigned_entries", s->cosigned_size);
	set(j, "sealed_to_others", g->tally.sealed);
	set(j, "without_policy", g->nameless);
	json_object_set_new(j, "cut", json_boolean(g->cut));
	return j;
}

static json_t *entries(const struct gathered *g)
{
	json_t *j = json_object(), *kinds = json_object();
	char number[16];

	set(j, "total", g->tally.acts);
	if (g->tally.acts > 0) {
		set(j, "first", g->tally.first_index);
		set(j, "last", g->tally.last_index);
	}
	for (unsigned k = 0; k < 256; k++) {
		const char *name = leaf_kind_name(k);

		if (g->tally.kinds[k] == 0)
			continue;
		snprintf(number, sizeof number, "%u", k);
		set(kinds, strcmp(name, "unknown") != 0 ? name : number, g->tally.kinds[k]);
	}
	json_object_set_new(j, "by_kind", kinds);
	return j;
}

static json_t *accesses(const struct gathered *g)
{
	json_t *j = json_object(), *verbs = json_object(), *roles = json_object(), *purposes = json_object(), *cells = json_array();
	char role[16], purpose[16];
	uint64_t total = 0;

	for (size_t i = 0; i < g->tally.cell_count; i++) {
		const struct tally_cell *c = &g->tally.cells[i];
		const char *r = code_of(&g->roles, c->role, role), *p = code_of(&g->purposes, c->purpose, purpose);

		if (!act_is_access(group_of(c)))
			continue;
		total += c->count;
		add_to(verbs, verb_of(c), c->count);
		add_to(roles, r, c->count);
		add_to(purposes, p, c->count);
		add_to_row(cells, verb_of(c), r, p, c->count);
	}
	set(j, "total", total);
	set(j, "work_lists", g->tally.group[ACT_LISTED]);
	json_object_set_new(j, "by_verb", verbs);
	json_object_set_new(j, "by_role", roles);
	json_object_set_new(j, "by_purpose", purposes);
	json_object_set_new(j, "by_verb_role_purpose", cells);
	return j;
}

static json_t *refusals(const struct gathered *g)
{
	json_t *j = json_object(), *reasons = json_object(), *roles = json_object();
	char role[16];

	set(j, "total", g->tally.group[ACT_REFUSED]);
	for (size_t i = 0; i < g->tally.cell_count; i++) {
		const struct tally_cell *c = &g->tally.cells[i];

		if (group_of(c) != ACT_REFUSED)
			continue;
		add_to(reasons, outcome_name(c->outcome), c->count);
		add_to(roles, code_of(&g->roles, c->role, role), c->count);
	}
	json_object_set_new(j, "by_reason", reasons);
	json_object_set_new(j, "by_role", roles);
	return j;
}

/* Answered entries of one kind. */
static uint64_t done(const struct tally *t, uint8_t kind)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->cell_count; i++)
		if (t->cells[i].kind == kind && t->cells[i].outcome == 0)
			n += t->cells[i].count;
	return n;
}

static json_t *approvals(const struct gathered *g)
{
	json_t *j = json_object(), *people = json_array();
	unsigned number = 0;
	char role[16];

	set(j, "requests", done(&g->tally, LEAF_REQUEST));
	set(j, "assignments", done(&g->tally, LEAF_ASSIGNMENT));
	set(j, "delegations", done(&g->tally, LEAF_DELEGATION));
	set(j, "grants", done(&g->tally, LEAF_GRANT));
	set(j, "decisions", done(&g->tally, LEAF_DECISION));
	set(j, "revocations", done(&g->tally, LEAF_REVOKE));
	for (size_t i = 0; i < g->tally.people_count; i++) {
		const struct person_sum *p = &g->tally.people[i];

		if (p->granted + p->revoked > 0)
			json_array_append_new(people, json_pack("{s:i,s:s,s:I,s:I}", "approver", (int)++number, "role",
			    code_of(&g->roles, p->role, role), "grants", (json_int_t)p->granted, "revocations", (json_int_t)p->revoked));
	}
	json_object_set_new(j, "approvers", people);
	return j;
}

static json_t *standing_out(const struct gathered *g)
{
	const struct tally *t = &g->tally;
	uint64_t emergency = 0, emergency_days = 0, many = 0, elsewhere = 0, repeated = 0;
	json_t *j = json_object();

	for (size_t i = 0; i < t->person_day_count; i++) {
		const struct person_day *d = &t->person_days[i];

		emergency += d->emergency;
		emergency_days += d->emergency > 0;
		many += d->children > t->rules.many_children;
		elsewhere += d->elsewhere;
		repeated += d->n[ACT_REFUSED] >= t->rules.many_refusals;
	}
	set(j, "emergency_accesses", emergency);
	set(j, "emergency_person_days", emergency_days);
	set(j, "out_of_hours", t->late);
	set(j, "many_children_person_days", many);
	set(j, "other_area_refusals", elsewhere);
	set(j, "repeated_refusals_person_days", repeated);
	set(j, "months_signed_off", done(t, LEAF_REVIEW));
	return j;
}

static uint64_t wrong_shares(const struct tally *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->note_count; i++)
		n += t->notes[i].act.kind == LEAF_KEYS && t->notes[i].clear_n >= 4 && t->notes[i].clear[0] == 1 &&
		    t->notes[i].clear[3] != 0;
	return n;
}

static json_t *incidents(const struct gathered *g)
{
	json_t *j = json_object();

	set(j, "integrity_refusals", g->tally.integrity);
	set(j, "failed_logins", g->tally.login_failures);
	set(j, "starts", g->tally.starts);
	set(j, "cut_tails", g->tally.cut_starts);
	set(j, "cut_bytes", g->tally.cut_bytes);
	set(j, "wrong_shares", wrong_shares(&g->tally));
	return j;
}

/* Names of operations as requests have them, FORMAT.md 5.5. */
static const char *operation_code(unsigned operation)
{
	static const char *const codes[] = { "", "members", "roles", "rekey", "classes", "rewrap", "remove", "restore", "policy", "split" };

	return operation < sizeof codes / sizeof codes[0] ? codes[operation] : "";
}

/* One change of policy, keys or members, with its day; NULL: the entry is none. */
static json_t *change(const struct gathered *g, const struct tally_note *x)
{
	char day[16], digest[65];

	gather_day(g, x->act.epoch, day);
	if (x->act.kind == LEAF_POLICY && x->clear_n >= 36) {
		hex_encode(x->clear + 4, 32, digest);
		return json_pack("{s:s,s:s,s:I,s:s}", "day", day, "change", "policy", "version", (json_int_t)be32_get(x->clear), "digest",
		    digest);
	}
	/* A policy has a kind of its own. */
	if (x->act.kind == LEAF_RESULT && x->clear_n >= 3 && x->clear[0] == 2 && be16_get(x->clear + 1) != 8)
		return json_pack("{s:s,s:s}", "day", day, "change", operation_code(be16_get(x->clear + 1)));
	if (x->act.kind == LEAF_KEYS && x->clear_n >= 4 && x->clear[0] == 2)
		return json_pack("{s:s,s:s}", "day", day, "change", "split-made");
	if (x->act.kind == LEAF_SUSPENDED && x->act.outcome == 0)
		return json_pack("{s:s,s:s}", "day", day, "change", "suspended");
	if (x->act.kind == LEAF_FS_RENEW)
		return json_pack("{s:s,s:s}", "day", day, "change", x->clear_n > 0 && x->clear[0] == 1 ? "daily-keys" : "date-confirmed");
	return NULL;
}

static json_t *changes(const struct gathered *g)
{
	json_t *list = json_array(), *j;

	for (size_t i = 0; i < g->tally.note_count; i++)
		if ((j = change(g, &g->tally.notes[i])) != NULL)
			json_array_append_new(list, j);
	return list;
}

json_t *pack_counts(const struct gathered *g, unsigned year)
{
	json_t *j = json_object();
	char vault[33], zone[GATHER_ZONE];
	const struct tally_rules *r = &g->tally.rules;

	hex_encode(g->summary.vault, sizeof g->summary.vault, vault);
	gather_zone(r, zone);
	set(j, "year", year);
	json_object_set_new(j, "log", json_string(g->summary.origin));
	json_object_set_new(j, "vault", json_string(vault));
	json_object_set_new(j, "rules", json_pack("{s:s,s:i,s:i,s:i,s:i}", "zone", zone, "from_minute", (int)r->from_minute, "to_minute",
	    (int)r->to_minute, "many_children", (int)r->many_children, "many_refusals", (int)r->many_refusals));
	json_object_set_new(j, "coverage", coverage(g));
	json_object_set_new(j, "entries", entries(g));
	json_object_set_new(j, "accesses", accesses(g));
	json_object_set_new(j, "refusals", refusals(g));
	json_object_set_new(j, "approvals", approvals(g));
	json_object_set_new(j, "standing_out", standing_out(g));
	json_object_set_new(j, "incidents", incidents(g));
	json_object_set_new(j, "changes", changes(g));
	set(j, "changes_not_listed", g->tally.notes_left_out);
	return j;
}

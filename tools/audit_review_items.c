/* What of a month is to be looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_review.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "format/leaf.h"

#define LINE 512u

const char *review_rule_name(enum review_rule rule)
{
	static const char *const names[REVIEW_RULES] = { "out-of-hours", "many-children", "emergency", "out-of-area", "refusals",
	    "sample" };

	return names[rule];
}

/* ---- while the log is walked ---------------------------------------------------------------------------------------------- */

static void keep_ordinary(struct review *r, const struct act *a)
{
	if (r->ordinaries == r->room) {
		size_t more = r->room > 0 ? 2 * r->room : 1024;
		struct review_access *all = realloc(r->ordinary, more * sizeof *all);

		if (all == NULL) {
			r->poor = true;
			return;
		}
		r->ordinary = all;
		r->room = more;
	}
	r->ordinary[r->ordinaries] = (struct review_access){ .index = a->index, .epoch = a->epoch };
	memcpy(r->ordinary[r->ordinaries++].principal, a->principal, 16);
}

void review_each(void *cookie, const struct trail_entry *e, const struct act *a)
{
	const struct review_walk *w = cookie;
	const struct tally_rules *rules = &w->g->tally.rules;
	int64_t begin = trail_genesis(w->g->trail)->first_day;

	/* The last day's own end, or that of the last one before days that were skipped. */
	if (e->leaf.kind == LEAF_EPOCH && e->leaf.body_a_n >= 8 && begin + be32_get(e->leaf.body_a + 4) > w->g->last_day) {
		w->review->closed = true;
		w->review->closing = be32_get(e->leaf.body_a);
	}
	if (a->known && act_is_access(act_group(a)) && tally_in_hours(rules, a->time_ms) &&
	    (rules->emergency == 0 || a->purpose != rules->emergency))
		keep_ordinary(w->review, a);
}

/* ---- items ------------------------------------------------------------------------------------------------------------------ */

/* The line of an item, and with it its id. */
static size_t item_line(const struct review *r, const struct gathered *g, struct review_item *x, char ret[LINE])
{
	char principal[33], day[16];
	uint8_t hash[32];
	struct part parts[2] = { { r->root, 32 }, { ret, 0 } };

	hex_encode(x->principal, 16, principal);
	gather_day(g, x->epoch, day);
	parts[1].n = (size_t)snprintf(ret, LINE, "%s\t%s\t%s\t%u\t%llu\t%llu\n", review_rule_name(x->rule), principal, day, x->count,
	    (unsigned long long)x->first, (unsigned long long)x->last);
	crypto_sha256(parts, 2, hash);
	memcpy(x->id, hash, sizeof x->id);
	return parts[1].n;
}

static void add_item(struct review *r, const struct review_item *x)
{
	if (r->n == r->items_room) {
		size_t more = r->items_room > 0 ? 2 * r->items_room : 64;
		struct review_item *all = realloc(r->items, more * sizeof *all);

		if (all == NULL) {
			r->poor = true;
			return;
		}
		r->items = all;
		r->items_room = more;
	}
	r->items[r->n++] = *x;
}

/* What one rule finds on a person's day; count 0: nothing. */
static struct review_item judge(const struct person_day *d, enum review_rule rule, const struct tally_rules *rules)
{
	struct review_item x = { .rule = rule, .epoch = d->epoch };

	switch (rule) {
	case REVIEW_HOURS:
		x.count = d->late;
		x.first = d->first_late;
		x.last = d->last_late;
		break;
	case REVIEW_CHILDREN:
		x.count = d->children > rules->many_children ? d->children : 0;
		x.first = d->first_access;
		x.last = d->last_access;
		break;
	case REVIEW_EMERGENCY:
		x.count = d->emergency;
		x.first = d->first_emergency;
		x.last = d->last_emergency;
		break;
	case REVIEW_AREA:
		x.count = d->elsewhere;
		x.first = d->first_elsewhere;
		x.last = d->last_elsewhere;
		break;
	default:
		x.count = d->n[ACT_REFUSED] >= rules->many_refusals ? d->n[ACT_REFUSED] : 0;
		x.first = d->first_refused;
		x.last = d->last_refused;
	}
	return x;
}

static void find_by_rules(struct review *r, const struct gathered *g)
{
	for (unsigned rule = 0; rule < REVIEW_ORDINARY; rule++)
		for (size_t i = 0; i < g->tally.person_day_count; i++) {
			const struct person_day *d = &g->tally.person_days[i];
			struct review_item x = judge(d, (enum review_rule)rule, &g->tally.rules);

			memcpy(x.principal, g->tally.people[d->person].id, 16);
			if (x.count > 0)
				add_item(r, &x);
		}
}

static int ascending(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The sample follows from the root that was signed when the month ended: whoever picks accesses to look at picks these. */
static void draw(struct review *r)
{
	static const char label[] = "childvault-sample-1";
	size_t chosen[REVIEW_SAMPLE], n = 0, want = r->ordinaries < REVIEW_SAMPLE ? r->ordinaries : REVIEW_SAMPLE;
	uint8_t number[4], hash[32];

	for (uint32_t i = 0; n < want; i++) {
		const struct part parts[3] = { { label, sizeof label - 1 }, { r->root, 32 }, { number, 4 } };
		bool again = false;
		size_t at;

		be32_put(number, i);
		crypto_sha256(parts, 3, hash);
		at = (size_t)(be64_get(hash) % r->ordinaries);
		for (size_t k = 0; k < n; k++)
			again = again || chosen[k] == at;
		if (!again)
			chosen[n++] = at;
	}
	qsort(chosen, n, sizeof chosen[0], ascending);
	for (size_t k = 0; k < n; k++) {
		const struct review_access *a = &r->ordinary[chosen[k]];
		struct review_item x = { .rule = REVIEW_ORDINARY, .epoch = a->epoch, .count = 1, .first = a->index, .last = a->index };

		memcpy(x.principal, a->principal, 16);
		add_item(r, &x);
	}
}

/* Digest of the head and all lines; each item gets its id on the way. */
static bool digest(struct review *r, const struct gathered *g)
{
	char line[LINE], root[65], zone[GATHER_ZONE], hours[GATHER_ZONE];
	struct part part;
	struct buf b;
	bool good;

	buf_init(&b, 64u << 20);
	hex_encode(r->root, 32, root);
	gather_zone(&g->tally.rules, zone);
	gather_hours(&g->tally.rules, hours);
	buf_printf(&b, "childvault-review-1\t%s\t%llu\t%s\t%s\t%s\t%u\t%u\t%s\n", r->month, (unsigned long long)r->size, root, zone, hours,
	    g->tally.rules.many_children, g->tally.rules.many_refusals, r->emergency);
	for (size_t i = 0; i < r->n; i++)
		buf_put(&b, line, item_line(r, g, &r->items[i], line));
	part.p = b.p;
	part.n = b.n;
	good = buf_ok(&b);
	if (good)
		crypto_sha256(&part, 1, r->digest);
	buf_free(&b);
	return good;
}

bool review_find(struct review *r, const struct gathered *g)
{
	find_by_rules(r, g);
	draw(r);
	return digest(r, g) && !r->poor;
}

void review_free(struct review *r)
{
	free(r->ordinary);
	free(r->items);
	r->ordinary = NULL;
	r->items = NULL;
}

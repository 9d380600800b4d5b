/* Counting entries of the log. */
#include "audit_tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "format/leaf.h"
#include "format/message.h"
#include "model/model.h"

#define VIEW_CLEAR 2u
#define LATE_WEEKEND 5u	/* Saturday, counted from Monday = 0 */
#define DAYS_MAX 40000u	/* a century: more is no log */

/* Open addressing over places in an array; 0 is empty, else place + 1. The hash is kept, so that growing asks nobody. */
struct map {
	uint64_t *hash;
	uint32_t *place;
	size_t cap, n;
};
struct tally_index {
	struct map people, cells, role_days, today, children;
	uint32_t epoch;		/* of today and children */
};

/* ---- maps ------------------------------------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xFF51AFD7ED558CCDu;
	x ^= x >> 33;
	x *= 0xC4CEB9FE1A85EC53u;
	return x ^ x >> 33;
}

static void map_free(struct map *m)
{
	free(m->hash);
	free(m->place);
	memset(m, 0, sizeof *m);
}

static void map_empty(struct map *m)
{
	if (m->n > 0)
		memset(m->place, 0, m->cap * sizeof *m->place);
	m->n = 0;
}

static bool map_grow(struct map *m)
{
	struct map old = *m;

	m->cap = old.cap > 0 ? 2 * old.cap : 256;
	m->hash = malloc(m->cap * sizeof *m->hash);
	m->place = calloc(m->cap, sizeof *m->place);
	if (m->hash == NULL || m->place == NULL) {
		map_free(m);
		*m = old;
		return false;
	}
	for (size_t i = 0; i < old.cap; i++) {
		size_t at = old.hash[i] & (m->cap - 1);

		if (old.place[i] == 0)
			continue;
		while (m->place[at] != 0)
			at = (at + 1) & (m->cap - 1);
		m->hash[at] = old.hash[i];
		m->place[at] = old.place[i];
	}
	map_free(&old);
	return true;
}

/* Begin a walk over what has this hash: *at for map_next. */
static uint32_t map_next(const struct map *m, uint64_t hash, size_t *at)
{
	while (m->cap > 0 && m->place[*at & (m->cap - 1)] != 0) {
		size_t i = (*at)++ & (m->cap - 1);

		if (m->hash[i] == hash)
			return m->place[i];
	}
	return 0;
}

static bool map_add(struct map *m, uint64_t hash, size_t place)
{
	size_t at;

	if (2 * (m->n + 1) > m->cap && !map_grow(m))
		return false;
	for (at = hash & (m->cap - 1); m->place[at] != 0; at = (at + 1) & (m->cap - 1))
		continue;
	m->hash[at] = hash;
	m->place[at] = (uint32_t)place + 1;
	m->n++;
	return true;
}

/* One more element of an array, zeroed; NULL: no memory, which the tally remembers. */
static void *one_more(struct tally *t, void *array, size_t unit, size_t *n, size_t *room)
{
	char **p = array;

	if (*n == *room) {
		size_t more = *room > 0 ? 2 * *room : 64;
		char *q = more < UINT32_MAX ? realloc(*p, more * unit) : NULL;

		if (q == NULL) {
			t->poor = true;
			return NULL;
		}
		*p = q;
		*room = more;
	}
	memset(*p + *n * unit, 0, unit);
	return *p + (*n)++ * unit;
}

/* ---- what an act is ---------------------------------------------------------------------------------------------------- */

enum act_group act_group(const struct act *a)
{
	switch (a->kind) {
	case LEAF_SEARCH:	/* whose file it is is what a search tells */
	case LEAF_READ:
	case LEAF_HISTORY:
		return a->view == VIEW_CLEAR ? ACT_CLEAR : ACT_READ;
	case LEAF_REVEAL: return ACT_CLEAR;
	case LEAF_CREATE:
	case LEAF_PATCH:
		return ACT_CHANGE;
	case LEAF_LIST: return ACT_LISTED;
	case LEAF_REFUSED: return ACT_REFUSED;
	default: return ACT_OTHER;
	}
}

/* Minutes since Monday 0:00 of the place, within a week. */
static unsigned week_minute(const struct tally_rules *r, uint64_t time_ms)
{
	uint64_t minutes = time_ms / MINUTE_MS + 7u * 24 * 60;	/* a zone west of UTC stays above zero */

	if (r->zone_minutes >= 0)
		minutes += (uint64_t)r->zone_minutes;
	else
		minutes -= (uint64_t)-r->zone_minutes;
	return (unsigned)((minutes + 3u * 24 * 60) % (7u * 24 * 60));	/* 1970-01-01 was a Thursday */
}

bool tally_in_hours(const struct tally_rules *r, uint64_t time_ms)
{
	unsigned minute = week_minute(r, time_ms), of_day = minute % (24 * 60);

	return minute / (24 * 60) < LATE_WEEKEND && of_day >= r->from_minute && of_day < r->to_minute;
}

/* ---- look-ups ------------------------------------------------------------------------------------------------------------ */

static size_t find_person(const struct tally *t, const uint8_t id[16])
{
	uint64_t hash = mix(be64_get(id) ^ be64_get(id + 8));
	size_t at = hash;
	uint32_t place;

	while ((place = map_next(&t->index->people, hash, &at)) != 0)
		if (memcmp(t->people[place - 1].id, id, 16) == 0)
			return place - 1;
	return SIZE_MAX;
}

const struct person_sum *tally_person(const struct tally *t, const uint8_t principal[16])
{
	size_t at = find_person(t, principal);

	return at != SIZE_MAX ? &t->people[at] : NULL;
}

static struct person_sum *person_of(struct tally *t, const uint8_t id[16])
{
	size_t at = find_person(t, id);
	struct person_sum *p;

	if (at != SIZE_MAX)
		return &t->people[at];
	if ((p = one_more(t, &t->people, sizeof *p, &t->people_count, &t->people_room)) == NULL)
		return NULL;
	memcpy(p->id, id, 16);
	if (!map_add(&t->index->people, mix(be64_get(id) ^ be64_get(id + 8)), t->people_count - 1))
		t->poor = true;
	return p;
}

/* The person's own row of the act's day; a new day forgets whose rows the old one had. */
static struct person_day *person_day_of(struct tally *t, uint32_t person, uint32_t epoch)
{
	struct map *m = &t->index->today;
	uint64_t hash = mix(person);
	struct person_day *d;
	uint32_t place;
	size_t at = hash;

	if (t->index->epoch != epoch) {
		map_empty(m);
		map_empty(&t->index->children);
		t->index->epoch = epoch;
	}
	while ((place = map_next(m, hash, &at)) != 0)
		if (t->person_days[place - 1].person == person)
			return &t->person_days[place - 1];
	if ((d = one_more(t, &t->person_days, sizeof *d, &t->person_day_count, &t->person_day_room)) == NULL)
		return NULL;
	d->person = person;
	d->epoch = epoch;
	if (!map_add(m, hash, t->person_day_count - 1))
		t->poor = true;
	return d;
}

/* Whether this person meets the child for the first time on this day. 64-bit hashes of 64-bit tags: a collision loses one of 2^32. */
static bool new_child(struct tally *t, uint32_t person, const uint8_t child[8])
{
	struct map *m = &t->index->children;
	uint64_t hash = mix(be64_get(child) + mix(person + 1));
	size_t at = hash;

	if (map_next(m, hash, &at) != 0)
		return false;
	if (!map_add(m, hash, 0))
		t->poor = true;
	return true;
}

static void count_cell(struct tally *t, const struct act *a)
{
	struct map *m = &t->index->cells;
	uint64_t hash = mix((uint64_t)a->role << 48 | (uint64_t)a->purpose << 32 | (uint64_t)a->outcome << 16 | (uint64_t)a->kind << 8 |
	    a->view);
	struct tally_cell *c;
	uint32_t place;
	size_t at = hash;

	while ((place = map_next(m, hash, &at)) != 0) {
		c = &t->cells[place - 1];
		if (c->kind == a->kind && c->view == a->view && c->role == a->role && c->department == a->department &&
		    c->purpose == a->purpose && c->outcome == a->outcome) {
			c->count++;
			return;
		}
	}
	if ((c = one_more(t, &t->cells, sizeof *c, &t->cell_count, &t->cell_room)) == NULL)
		return;
	*c = (struct tally_cell){ a->kind, a->view, a->role, a->department, a->purpose, a->outcome, 1 };
	if (!map_add(m, hash, t->cell_count - 1))
		t->poor = true;
}

static struct tally_role_day *role_day_of(struct tally *t, uint16_t role, uint32_t day)
{
	struct map *m = &t->index->role_days;
	uint64_t hash = mix((uint64_t)role << 32 | day);
	struct tally_role_day *r;
	uint32_t place;
	size_t at = hash;

	while ((place = map_next(m, hash, &at)) != 0)
		if (t->role_days[place - 1].role == role && t->role_days[place - 1].day == day)
			return &t->role_days[place - 1];
	if ((r = one_more(t, &t->role_days, sizeof *r, &t->role_day_count, &t->role_day_room)) == NULL)
		return NULL;
	r->role = role;
	r->day = day;
	if (!map_add(m, hash, t->role_day_count - 1))
		t->poor = true;
	return r;
}

/* Days from the first to the act's own, quiet ones too. A day before the first, which no verified log has, counts as the first. */
static uint32_t day_of(struct tally *t, uint32_t epoch)
{
	uint32_t first = t->day_count > 0 ? t->days[0].epoch : epoch;

	if (epoch < first || epoch - first >= DAYS_MAX)
		return t->day_count > 0 ? (uint32_t)t->day_count - 1 : 0;
	while (t->day_count <= epoch - first) {
		struct tally_day *d = one_more(t, &t->days, sizeof *d, &t->day_count, &t->day_room);

		if (d == NULL)
			break;
		d->epoch = first + (uint32_t)t->day_count - 1;
	}
	return epoch - first;
}

/* ---- counting ------------------------------------------------------------------------------------------------------------ */

static void mark(uint32_t *n, uint64_t *first, uint64_t *last, uint64_t index)
{
	if ((*n)++ == 0)
		*first = index;
	*last = index;
}

static void count_access(struct tally *t, const struct act *a, enum act_group g, struct person_sum *p, struct person_day *d)
{
	static const uint8_t nobody[8];
	bool late = !tally_in_hours(&t->rules, a->time_ms);
	unsigned minute = week_minute(&t->rules, a->time_ms);
	uint32_t accesses = d->n[ACT_READ] + d->n[ACT_CLEAR] + d->n[ACT_CHANGE] - 1;	/* this one is among them */

	t->hours[minute / 60 % 24]++;
	t->hours_free[minute / 60 % 24] += minute / (24 * 60) >= LATE_WEEKEND;
	t->late += late;
	p->late += late;
	p->days += accesses == 0;
	mark(&accesses, &d->first_access, &d->last_access, a->index);
	if (late) {
		mark(&d->late, &d->first_late, &d->last_late, a->index);
		d->late_clear += g == ACT_CLEAR;
	}
	if (t->rules.emergency != 0 && a->purpose == t->rules.emergency) {
		mark(&d->emergency, &d->first_emergency, &d->last_emergency, a->index);
		p->emergency++;
	}
	if (memcmp(a->child, nobody, sizeof nobody) != 0 && new_child(t, d->person, a->child)) {
		d->children++;
		p->children++;
		if (d->children > p->most_children)
			p->most_children = d->children;
	}
}

static void count_refusal(struct tally *t, const struct act *a, struct person_sum *p, struct person_day *d)
{
	uint32_t refused = d->n[ACT_REFUSED] - 1;

	mark(&refused, &d->first_refused, &d->last_refused, a->index);
	if (a->outcome == OUTCOME_REASON + DECIDE_OUT_OF_AREA) {
		mark(&d->elsewhere, &d->first_elsewhere, &d->last_elsewhere, a->index);
		p->elsewhere++;
	}
	t->integrity += a->outcome == PROBLEM_INTEGRITY;
}

static void count_known(struct tally *t, const struct act *a, enum act_group g, uint32_t day)
{
	struct person_sum *p = person_of(t, a->principal);
	struct tally_role_day *r = act_is_access(g) || g == ACT_REFUSED ? role_day_of(t, a->role, day) : NULL;
	struct person_day *d = p != NULL ? person_day_of(t, (uint32_t)(p - t->people), a->epoch) : NULL;

	count_cell(t, a);
	if (r != NULL) {
		r->accesses += act_is_access(g);
		r->refused += g == ACT_REFUSED;
	}
	if (d == NULL)
		return;
	p->n[g]++;
	d->n[g]++;
	if (a->role != 0) {
		p->role = a->role;
		p->department = a->department;
	}
	p->granted += a->kind == LEAF_GRANT && a->outcome == 0;
	p->revoked += a->kind == LEAF_REVOKE && a->outcome == 0;
	if (act_is_access(g))
		count_access(t, a, g, p, d);
	else if (g == ACT_REFUSED)
		count_refusal(t, a, p, d);
}

/* What an entry of kind 17 says, FORMAT.md section 9. */
static void count_start(struct tally *t, const uint8_t *p, size_t n)
{
	uint64_t cut;

	if (n < 17 || p[0] != 1)
		return;
	cut = be64_get(p + 9);
	t->starts++;
	t->cut_starts += cut > 0;
	t->cut_bytes += cut;
}

/* Whether an entry is told one by one. */
static bool is_noted(const struct act *a)
{
	switch (a->kind) {
	case LEAF_GENESIS:
	case LEAF_RESULT:
	case LEAF_FS_RENEW:
	case LEAF_START:
	case LEAF_POLICY:
	case LEAF_KEYS:
	case LEAF_SUSPENDED:
	case LEAF_RESTORED:
	case LEAF_REVOKE:
	case LEAF_LOGIN_FAILURES:
		return true;
	default:
		return a->outcome == PROBLEM_INTEGRITY;
	}
}

static void note(struct tally *t, const struct act *a, const uint8_t *clear, size_t n)
{
	struct tally_note *x;

	if (t->note_count == TALLY_NOTES) {
		t->notes_left_out++;
		return;
	}
	if ((x = one_more(t, &t->notes, sizeof *x, &t->note_count, &t->note_room)) == NULL)
		return;
	x->act = *a;
	x->clear_n = (uint8_t)(n < sizeof x->clear ? n : sizeof x->clear);
	if (x->clear_n > 0)
		memcpy(x->clear, clear, x->clear_n);
}

void tally_add(struct tally *t, const struct act *a, const uint8_t *clear, size_t clear_n)
{
	enum act_group g = act_group(a);
	uint32_t day = day_of(t, a->epoch);

	if (t->acts++ == 0) {
		t->first_index = a->index;
		t->first_ms = a->time_ms;
	}
	t->last_index = a->index;
	t->last_ms = a->time_ms;
	t->kinds[a->kind]++;
	t->group[g]++;
	if (day < t->day_count)
		t->days[day].n[g]++;
	if (a->known)
		count_known(t, a, g, day);
	else
		t->sealed += clear == NULL;
	if (a->kind == LEAF_START && clear != NULL)
		count_start(t, clear, clear_n);
	if (a->kind == LEAF_LOGIN_FAILURES)
		t->login_failures += a->count;
	if (is_noted(a))
		note(t, a, clear, clear_n);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------- */

bool tally_begin(struct tally *t, const struct tally_rules *rules)
{
	memset(t, 0, sizeof *t);
	t->rules = *rules;
	t->index = calloc(1, sizeof *t->index);
	if (t->index != NULL)
		t->index->epoch = UINT32_MAX;
	return t->index != NULL;
}

void tally_free(struct tally *t)
{
	if (t->index != NULL) {
		map_free(&t->index->people);
		map_free(&t->index->cells);
		map_free(&t->index->role_days);
		map_free(&t->index->today);
		map_free(&t->index->children);
	}
	free(t->index);
	free(t->days);
	free(t->people);
	free(t->person_days);
	free(t->cells);
	free(t->role_days);
	free(t->notes);
	memset(t, 0, sizeof *t);
}

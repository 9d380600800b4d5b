/*
 * Who asks core next. Connections that have something to ask wait in lanes: one for each session (by its token), one for connections of
 * which nothing is known, one for those that core last told that they have none. A session's connections that send one request before the
 * last is answered have a lane of their own, and so have those that send large bodies. Lanes belong to peers, which are uids. Peers, and a
 * peer's lanes, take turns, and while more than one asks, each has a few requests at core at most: so a flood costs the others as much as
 * one more busy neighbour would, whatever its connections. Whoever is alone may fill core's turns.
 */
#include "base/bytes.h"
#include "front/front_internal.h"

#define AT_CORE_MAX 256u	/* requests of one front at core: two turns' and more */
#define ALONE_MAX 128u		/* of one lane or peer that asks alone: one turn's, and what waits for the next while it syncs */
#define SHARED_MAX 12u		/* of one that does not, over all fronts */
#define SHARED_LEAST 4u		/* and of each front at least */
#define WEIGHT (32u << 10)	/* bytes of a body that count as one more request */
#define READ_FREE (8u << 10)	/* bytes of one read that a usual request has */
#define READ_PER_US 500u	/* bytes of a body that are read and parsed in a microsecond */
#define SERVED_US 5u		/* that an answer of front's own takes */
#define SERVED_PER_US 2000u	/* and bytes of it */
#define REST 7u			/* so many times of what was spent is left to others */
#define LARGE (64u << 10)	/* bytes from which on a body is a large one */
#define QUANTUM 4u		/* lines that an import may ask before those who wait have their turn */
#define SHARED_MS 100u		/* for so long one that has asked counts as there */

static unsigned shared_max(const struct front *f)
{
	return f->fronts * SHARED_LEAST < SHARED_MAX ? SHARED_MAX / f->fronts : SHARED_LEAST;
}

/* A lane that took much of front's own time, for large bodies or without core, leaves time to the others before its next request. */
static bool lane_has_room(struct front *f, const struct lane *l)
{
	const bool shared = f->now_ms < f->lanes_shared_ms, rests = shared && l->rests_until_us > f->now_us;

	f->resting = f->resting || rests;
	return !rests && l->at_core < (shared ? shared_max(f) : ALONE_MAX);
}

static bool peer_has_room(const struct front *f, const struct peer *p)
{
	return p->at_core < (f->now_ms < f->peers_shared_ms ? shared_max(f) : ALONE_MAX);
}

/* Whether one more request can be remembered until its answer comes. */
static bool flight_is_free(const struct front *f)
{
	return f->at_core < AT_CORE_MAX && f->flight[(f->requests + 1) % FLIGHTS].request == 0;
}

static bool anybody_waits(const struct front *f)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < PEER_WORDS; i++)
		any |= f->waiting[i];
	return any != 0;
}

bool lanes_room(struct front *f, const struct connection *c)
{
	const struct peer *p = &f->peer[c->peer];

	if (c->quantum == 0 && anybody_waits(f))
		return false;
	return flight_is_free(f) && peer_has_room(f, p) && lane_has_room(f, &p->lane[c->lane]);
}

void lanes_wait(struct front *f, struct connection *c)
{
	struct peer *p = &f->peer[c->peer];
	struct lane *l = &p->lane[c->lane];

	if (c->queued)
		return;
	c->queued = true;
	c->next_ready = NULL;
	if (l->first == NULL)
		l->first = c;
	else
		l->last->next_ready = c;
	l->last = c;
	p->waiting |= UINT64_C(1) << c->lane;
	f->waiting[c->peer / 64] |= UINT64_C(1) << (c->peer % 64);
}

/* The next of the peer's lanes that has somebody waiting, and room; NULL: none. */
static struct lane *next_lane(struct front *f, struct peer *p)
{
	const uint64_t later = ~UINT64_C(0) << p->next;
	uint64_t set = p->waiting & later;

	/* Those from next on, then those before it. */
	for (unsigned k = 0; k < 2; k++, set = p->waiting & ~later)
		for (; set != 0; set &= set - 1) {
			unsigned i = (unsigned)__builtin_ctzll(set);

			if (lane_has_room(f, &p->lane[i])) {
				p->next = (i + 1) % LANES;
				return &p->lane[i];
			}
		}
	return NULL;
}

/* Take the first of those who wait in the peer's lane. */
static struct connection *take(struct front *f, unsigned peer, struct lane *l)
{
	struct peer *p = &f->peer[peer];
	struct connection *c = l->first;

	if ((l->first = c->next_ready) == NULL)
		p->waiting &= ~(UINT64_C(1) << (l - p->lane));
	if (p->waiting == 0)
		f->waiting[peer / 64] &= ~(UINT64_C(1) << (peer % 64));
	c->queued = false;
	c->quantum = QUANTUM;
	f->next_peer = (peer + 1) % PEERS;
	return c;
}

struct connection *lanes_next(struct front *f)
{
	const unsigned first = f->next_peer / 64, skip = f->next_peer % 64;
	struct lane *l;

	if (!flight_is_free(f))
		return NULL;
	/* The first word comes once more at the end, for the peers before next_peer. */
	for (unsigned k = 0; k <= PEER_WORDS; k++) {
		const unsigned word = (first + k) % PEER_WORDS;
		uint64_t set = f->waiting[word];

		if (k == 0)
			set &= ~UINT64_C(0) << skip;
		for (; set != 0; set &= set - 1) {
			unsigned peer = word * 64 + (unsigned)__builtin_ctzll(set);

			if (peer_has_room(f, &f->peer[peer]) && (l = next_lane(f, &f->peer[peer])) != NULL)
				return take(f, peer, l);
		}
	}
	return NULL;
}

/* Somebody of this lane is there: others are not alone. */
static void note(struct front *f, const struct peer *p, const struct lane *l)
{
	if (f->last_lane != l) {
		f->last_lane = l;
		f->lanes_shared_ms = f->now_ms + SHARED_MS;
	}
	if (f->last_peer != p) {
		f->last_peer = p;
		f->peers_shared_ms = f->now_ms + SHARED_MS;
	}
}

void lanes_asked(struct front *f, struct connection *c, uint64_t request, size_t body_n)
{
	struct flight *flight = &f->flight[request % FLIGHTS];
	struct peer *p = &f->peer[c->peer];
	struct lane *l = &p->lane[c->lane];

	if (c->quantum > 0)
		c->quantum--;
	note(f, p, l);
	if (flight->request != 0)
		return;		/* more than FLIGHTS at core, which only refusals can reach: not counted */
	*flight = (struct flight){ request, c->peer, c->lane, (uint8_t)(1 + body_n / WEIGHT) };
	l->at_core += flight->weight;
	p->at_core += flight->weight;
	f->at_core += flight->weight;
	c->large = body_n >= LARGE;
}

void lanes_answered(struct front *f, uint64_t request)
{
	struct flight *flight = &f->flight[request % FLIGHTS];
	struct peer *p = &f->peer[flight->peer];

	if (request == 0 || flight->request != request)
		return;
	p->lane[flight->lane].at_core -= flight->weight;
	p->at_core -= flight->weight;
	f->at_core -= flight->weight;
	flight->request = 0;
}

/*
 * Front itself works for c's lane, about so many microseconds: not measured, since a process that waits for a processor would count that
 * as well.
 */
static void spend(struct front *f, const struct connection *c, uint64_t us)
{
	struct lane *l = &f->peer[c->peer].lane[c->lane];
	uint64_t from = l->rests_until_us > f->now_us ? l->rests_until_us : f->now_us;

	l->rests_until_us = from + (1 + REST) * us;	/* while it takes it, it does not rest */
}

void lanes_read(struct front *f, const struct connection *c, size_t n)
{
	if (n >= READ_FREE)
		spend(f, c, n / READ_PER_US);
}

void lanes_served(struct front *f, const struct connection *c, size_t n)
{
	note(f, &f->peer[c->peer], &f->peer[c->peer].lane[c->lane]);
	spend(f, c, SERVED_US + n / SERVED_PER_US);
}

/* The lane of the name: the one that has it, else one that nobody uses, else one to be shared. */
static uint8_t lane_named(struct peer *p, uint32_t name)
{
	unsigned unused = 0;

	for (unsigned i = LANE_NEW + 1; i < LANES; i++) {
		const struct lane *l = &p->lane[i];

		if (l->users > 0 && l->name == name)
			return (uint8_t)i;
		if (unused == 0 && l->users == 0 && l->first == NULL && l->at_core == 0)
			unused = i;
	}
	if (unused == 0)
		return (uint8_t)(LANE_NEW + 1 + name % (LANES - LANE_NEW - 1));
	p->lane[unused].name = name;
	return (uint8_t)unused;
}

/* Four bytes that a token has in this process alone, since it is to be forgotten with its request. */
static uint32_t name_of(const struct front *f, const struct connection *c)
{
	uint64_t x = (be64_get(c->x.token) ^ f->lane_seed) * UINT64_C(0x9e3779b97f4a7c15);

	x ^= x >> 29;
	return (uint32_t)(x * UINT64_C(0xbf58476d1ce4e5b9) >> 32) + (c->large ? 2u : c->in.n > 0 ? 1u : 0u);
}

void lanes_enter(struct front *f, struct connection *c, uint8_t lane)
{
	c->lane = lane;
	f->peer[c->peer].lane[lane].users++;
}

void lanes_leave(struct front *f, struct connection *c)
{
	f->peer[c->peer].lane[c->lane].users--;
}

void lanes_judge(struct front *f, struct connection *c, uint16_t problem)
{
	uint8_t lane = c->lane;

	if (problem == PROBLEM_UNAUTHENTICATED)
		lane = LANE_REFUSED;
	else if (c->x.has_token)
		lane = lane_named(&f->peer[c->peer], name_of(f, c));
	if (lane == c->lane)
		return;
	lanes_leave(f, c);
	lanes_enter(f, c, lane);
}

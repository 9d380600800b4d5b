/*
 * Who asks core next. Connections that have something to ask wait in lanes, one for each session (by its token), one for connections of
 * which nothing is known, one for those that core last told that they have none; lanes belong to peers, which are uids. Peers, and a
 * peer's lanes, take turns, and while more than one asks, each has a few requests at core at most: so a flood costs the others as much as
 * one more busy neighbour would, whatever its connections. Whoever is alone may fill core's turns.
 */
#include "front/front_internal.h"

#define AT_CORE_MAX 256u	/* requests of one front at core: two turns' and more */
#define ALONE_MAX 128u		/* of one lane or peer that asks alone: what one turn takes, and what waits for the next while it syncs */
#define SHARED_MAX 16u		/* of one that does not */
#define QUANTUM 4u		/* lines that an import may ask before those who wait have their turn */
#define SHARED_MS 100u		/* for so long one that has asked counts as there */

static bool lane_has_room(const struct front *f, const struct lane *l)
{
	return l->at_core < (f->now_ms < f->lanes_shared_ms ? SHARED_MAX : ALONE_MAX);
}

static bool peer_has_room(const struct front *f, const struct peer *p)
{
	return p->at_core < (f->now_ms < f->peers_shared_ms ? SHARED_MAX : ALONE_MAX);
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

bool lanes_room(const struct front *f, const struct connection *c)
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
	p->waiting |= 1u << c->lane;
	f->waiting[c->peer / 64] |= UINT64_C(1) << (c->peer % 64);
}

/* The next of the peer's lanes that has somebody waiting, and room; NULL: none. */
static struct lane *next_lane(const struct front *f, struct peer *p)
{
	for (unsigned k = 0; k < LANES; k++) {
		unsigned i = (p->next + k) % LANES;

		if ((p->waiting >> i & 1) != 0 && lane_has_room(f, &p->lane[i])) {
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
		p->waiting &= ~(1u << (l - p->lane));
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

void lanes_asked(struct front *f, struct connection *c, uint64_t request)
{
	struct flight *flight = &f->flight[request % FLIGHTS];
	struct peer *p = &f->peer[c->peer];
	struct lane *l = &p->lane[c->lane];

	if (c->quantum > 0)
		c->quantum--;
	if (f->last_lane != l) {
		f->last_lane = l;
		f->lanes_shared_ms = f->now_ms + SHARED_MS;
	}
	if (f->last_peer != p) {
		f->last_peer = p;
		f->peers_shared_ms = f->now_ms + SHARED_MS;
	}
	if (flight->request == 0)
		*flight = (struct flight){ request, c->peer, c->lane };
	else
		return;		/* more than FLIGHTS at core, which only refusals can reach: not counted */
	l->at_core++;
	p->at_core++;
	f->at_core++;
}

void lanes_answered(struct front *f, uint64_t request)
{
	struct flight *flight = &f->flight[request % FLIGHTS];
	struct peer *p = &f->peer[flight->peer];

	if (request == 0 || flight->request != request)
		return;
	p->lane[flight->lane].at_core--;
	p->at_core--;
	f->at_core--;
	flight->request = 0;
}

void lanes_judge(struct connection *c, uint16_t problem)
{
	if (!c->x.has_token)
		return;
	c->lane = problem == PROBLEM_UNAUTHENTICATED ? LANE_REFUSED : (uint8_t)(LANE_NEW + 1 + c->x.token[0] % (LANES - LANE_NEW - 1));
}

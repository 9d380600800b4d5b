#include "keys/failures.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/crypto.h"

/*
 * Core answers some 4,000 hellos a second: 2.4 million in a window, 2.3 for each of these counters. Of a thousand ids that
 * had no part in it such a flood closes less than one. 28 MiB, of which what was never counted in takes none.
 */
#define COUNTERS (1u << 20)	/* a power of two */

/*
 * Invariants: 1. at_s ascends and holds the low halves of times. 2. None is later than newest_s, and none was older than the
 * window then, so an age that is below two windows can be had from the low halves alone.
 */
struct counter {
	uint32_t newest_s;
	uint16_t n;
	uint16_t at_s[FAILURES_MAX];
};
struct failures {
	uint8_t key[32];	/* counters cannot be aimed at without it */
	struct counter *counter;
};

int failures_new(struct failures **ret)
{
	struct failures *f = calloc(1, sizeof(*f));

	if (f == NULL || (f->counter = calloc(COUNTERS, sizeof(*f->counter))) == NULL) {
		free(f);
		return CV_ERR_NOMEM;
	}
	crypto_random(f->key, sizeof(f->key));
	*ret = f;
	return 0;
}

void failures_free(struct failures *f)
{
	if (f == NULL)
		return;
	free(f->counter);
	wipe(f, sizeof(*f));
	free(f);
}

static uint16_t age(const struct counter *c, uint32_t i, uint32_t now_s)
{
	return (uint16_t)(now_s - c->at_s[i]);
}

/* The counter of an id and uid, without what is too old to count. */
static struct counter *counter_of(struct failures *f, uint32_t uid, const uint8_t id[16], uint32_t now_s)
{
	struct counter *c;
	uint16_t old = 0;
	uint8_t both[20], h[16];

	be32_put(both, uid);
	memcpy(both + 4, id, 16);
	crypto_siphash128(f->key, both, sizeof(both), h);
	c = &f->counter[be32_get(h) & (COUNTERS - 1)];
	if (now_s - c->newest_s >= FAILURES_WINDOW_S)
		c->n = 0;
	if (c->n == FAILURES_MAX)
		return c;	/* closed from the last one on, whatever becomes of the first */
	while (old < c->n && age(c, old, now_s) >= FAILURES_WINDOW_S)
		old++;
	c->n = (uint16_t)(c->n - old);
	memmove(c->at_s, c->at_s + old, c->n * sizeof(c->at_s[0]));
	return c;
}

bool failures_limited(struct failures *f, uint32_t uid, const uint8_t id[16], uint32_t now_s)
{
	return counter_of(f, uid, id, now_s)->n == FAILURES_MAX;
}

void failures_add(struct failures *f, uint32_t uid, const uint8_t id[16], uint32_t now_s)
{
	struct counter *c = counter_of(f, uid, id, now_s);

	assert(c->n < FAILURES_MAX);
	c->newest_s = now_s;
	c->at_s[c->n++] = (uint16_t)now_s;
}

void failures_refund(struct failures *f, uint32_t uid, const uint8_t id[16], uint32_t at_s, uint32_t now_s)
{
	struct counter *c = counter_of(f, uid, id, now_s);

	for (uint32_t i = 0; i < c->n; i++) {
		if (age(c, i, now_s) == now_s - at_s) {
			c->n--;
			memmove(c->at_s + i, c->at_s + i + 1, (c->n - i) * sizeof(c->at_s[0]));
			return;
		}
	}
}

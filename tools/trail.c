/* Leaves one after the other. Each segment's key stands in the leaf that opens it, before those that it seals. */
#include "trail.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "store/files.h"
#include "trail_internal.h"

#define BUNDLE_MAX (TILE_WIDTH * (2u + 65535u))
#define SEGMENT_REACH 33u	/* bundles back within which a segment's own leaf stands: it holds 4,096 sealed leaves */
#define DAY_MS 86400000u

/* ---- bundles ---------------------------------------------------------------------------------------------------------- */

/* Find the leaves of the bundle. */
static void split(struct trail *t)
{
	const struct buf *b = &t->bundle;
	size_t at = 0;

	t->leaf_at[0] = 0;
	for (t->leaves = 0; t->leaves < TILE_WIDTH && b->n - at >= 2 && b->n - at - 2 >= be16_get(b->p + at);) {
		at += 2u + be16_get(b->p + at);
		t->leaf_at[++t->leaves] = (uint32_t)at;
	}
}

static int read_bundle(struct trail *t, uint64_t n, unsigned width)
{
	char path[TILE_PATH_MAX];
	int r;

	buf_reset(&t->bundle);
	(void)tile_path(TILE_ENTRIES, n, width, path);
	r = files_read(t->dirfd, path, &t->bundle);
	return r == CV_ERR_LIMIT ? CV_ERR_FORMAT : r;
}

/* Have bundle n: the last one of a log is a partial one, which a vault at work may have filled or moved on from. */
static int load(struct trail *t, uint64_t n)
{
	const unsigned width = t->size - n * TILE_WIDTH < TILE_WIDTH ? (unsigned)(t->size % TILE_WIDTH) : 0;
	int r;

	if (t->bundle_n == n)
		return 0;
	t->bundle_n = UINT64_MAX;
	r = read_bundle(t, n, width);
	if (r == CV_ERR_NOTFOUND && width != 0)
		r = read_bundle(t, n, 0);
	if (r == CV_ERR_NOTFOUND && width != 0) {
		buf_reset(&t->bundle);
		r = files_read(t->dirfd, "tail", &t->bundle);
	}
	if (r != 0)
		return r;
	split(t);
	if (t->leaves < (width != 0 ? width : TILE_WIDTH))
		return CV_ERR_FORMAT;
	t->bundle_n = n;
	return 0;
}

/* The leaf at index, in a bundle that is loaded. */
static int leaf_at(const struct trail *t, uint64_t index, const uint8_t **ret_bytes, size_t *ret_n, struct leaf *ret)
{
	const unsigned i = (unsigned)(index % TILE_WIDTH);
	int r;

	*ret_bytes = t->bundle.p + t->leaf_at[i] + 2;
	*ret_n = t->leaf_at[i + 1] - t->leaf_at[i] - 2u;
	if ((r = leaf_decode(*ret_bytes, *ret_n, ret)) != 0)
		return r;
	return ret->index == index ? 0 : CV_ERR_FORMAT;
}

/* ---- segments --------------------------------------------------------------------------------------------------------- */

/* A leaf that opens a segment: take this auditor's copy of its key, if there is one and the key holds its month. */
static int take_segment(struct trail *t, const struct leaf *l)
{
	const uint8_t *sealed;
	uint32_t month;
	int r;

	t->has_segment = false;
	if ((r = leaf_segment_copy(l, t->key.principal, &month, &sealed)) == 0)
		r = auditor_segment_open(&t->key, t->genesis.vault, l->segment, month, sealed, &t->segment);
	t->has_segment = r == 0;
	return r == CV_ERR_NOTFOUND || r == CV_ERR_NOKEY ? 0 : r;
}

/* Take the newest segment before leaf index. */
static int find_segment(struct trail *t, uint64_t index)
{
	const uint64_t first = index / TILE_WIDTH, last = first > SEGMENT_REACH ? first - SEGMENT_REACH : 0;
	const uint8_t *p;
	struct leaf l;
	size_t n;
	int r;

	t->has_segment = false;
	for (uint64_t b = first + 1; b-- > last && index > 0;) {
		const unsigned before = b == first ? (unsigned)(index % TILE_WIDTH) : TILE_WIDTH;

		if (before == 0)
			continue;
		if ((r = load(t, b)) != 0)
			return r;
		for (unsigned i = before; i-- > 0;) {
			if ((r = leaf_at(t, b * TILE_WIDTH + i, &p, &n, &l)) != 0)
				return r;
			if (l.kind == LEAF_SEGMENT)
				return take_segment(t, &l);
		}
	}
	return 0;
}

/* ---- where to begin ----------------------------------------------------------------------------------------------------- */

int trail_range(struct trail *t, uint64_t from, uint64_t end)
{
	t->end = end < t->size ? end : t->size;
	t->at = from < t->end ? from : t->end;
	t->from_ms = 0;
	t->to_ms = t->last_epoch = UINT64_MAX;
	return t->at < t->end ? find_segment(t, t->at) : 0;
}

static int epoch_of_bundle(struct trail *t, uint64_t n, uint64_t *ret)
{
	const uint8_t *p;
	struct leaf l;
	size_t leaf_n;
	int r;

	if ((r = load(t, n)) != 0 || (r = leaf_at(t, n * TILE_WIDTH, &p, &leaf_n, &l)) != 0)
		return r;
	*ret = l.epoch;
	return 0;
}

int trail_between(struct trail *t, uint64_t from_ms, uint64_t to_ms)
{
	/* A turn that began before midnight writes into its day. */
	const uint64_t day = from_ms / DAY_MS, wanted = day > t->genesis.first_day ? day - t->genesis.first_day - 1 : 0;
	uint64_t low = 0, high = (t->size + TILE_WIDTH - 1) / TILE_WIDTH, epoch = 0;
	int r;

	/* The first bundle that begins in the day or later; the day may have begun within the one before. Epochs never go back. */
	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;

		if ((r = epoch_of_bundle(t, middle, &epoch)) != 0)
			return r;
		if (epoch < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	if ((r = trail_range(t, low > 0 ? (low - 1) * TILE_WIDTH : 0, t->size)) != 0)
		return r;
	t->from_ms = from_ms;
	t->to_ms = to_ms;
	/* A clock that was set back writes into a day that is open already: one day behind is looked at too. */
	if (to_ms != UINT64_MAX)
		t->last_epoch = to_ms / DAY_MS >= t->genesis.first_day ? to_ms / DAY_MS - t->genesis.first_day + 1 : 0;
	return 0;
}

/* ---- leaves --------------------------------------------------------------------------------------------------------------- */

static int open_body(struct trail *t, struct trail_entry *e)
{
	int r;

	if ((e->leaf.flags & LEAF_CLEAR) != 0 || !t->has_segment || memcmp(t->segment.id, e->leaf.segment, 16) != 0)
		return 0;
	r = auditor_body_open(auditor_segment_key(&t->segment, e->leaf.turn), &e->leaf, &e->actor, &e->has_detail, &e->detail);
	if (r != 0)
		return r;
	e->opened = true;
	e->person = trail_person(t, e->actor.principal);
	return 0;
}

int trail_next(struct trail *t, struct trail_entry *ret)
{
	int r;

	while (t->at < t->end) {
		if ((r = load(t, t->at / TILE_WIDTH)) != 0 || (r = leaf_at(t, t->at, &ret->bytes, &ret->n, &ret->leaf)) != 0)
			return r;
		if (ret->leaf.kind == LEAF_SEGMENT && (r = take_segment(t, &ret->leaf)) != 0)
			return r;
		if (ret->leaf.epoch > t->last_epoch)
			t->end = t->at;
		t->at++;
		if (t->at > t->end || ret->leaf.time_ms < t->from_ms || ret->leaf.time_ms >= t->to_ms)
			continue;
		ret->opened = ret->has_detail = false;
		ret->policy = trail_policy_of(t, ret->leaf.policy);
		ret->person = NULL;
		return (r = open_body(t, ret)) != 0 ? r : 1;
	}
	return 0;
}

/* ---- opening ---------------------------------------------------------------------------------------------------------------- */

/* Leaf 0, and whether the folder is a log at all. */
static int begin(struct trail *t)
{
	const uint8_t *p;
	struct leaf l;
	size_t n;
	int r;

	if ((r = load(t, 0)) != 0 || (r = leaf_at(t, 0, &p, &n, &l)) != 0)
		return r;
	if (l.kind != LEAF_GENESIS)
		return CV_ERR_FORMAT;
	return genesis_body_decode(l.body_a, l.body_a_n, &t->genesis);
}

int trail_open(const char *dir, const struct client_key *key, struct trail **ret)
{
	struct trail *t = calloc(1, sizeof *t);
	int r;

	if (t == NULL)
		return CV_ERR_NOMEM;
	t->key = *key;
	t->bundle_n = UINT64_MAX;
	buf_init(&t->bundle, BUNDLE_MAX);
	r = CV_ERR_NOTFOUND;
	if ((t->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		goto out;
	if ((r = trail_checkpoint(t)) != 0 || (r = begin(t)) != 0 || (r = trail_load(t)) != 0 || (r = trail_range(t, 0, t->size)) != 0)
		goto out;
	*ret = t;
	t = NULL;	/* transferred */
out:
	trail_close(t);
	return r;
}

void trail_close(struct trail *t)
{
	if (t == NULL)
		return;
	if (t->dirfd >= 0)
		(void)close(t->dirfd);	/* only read */
	trail_unload(t);
	buf_free(&t->bundle);
	wipe(t, sizeof *t);
	free(t);
}

const struct genesis_body *trail_genesis(const struct trail *t) { return &t->genesis; }
uint64_t trail_size(const struct trail *t) { return t->size; }

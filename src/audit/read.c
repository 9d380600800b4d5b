/* Reading the log for the interface. Core's thread. */
#include <string.h>

#include "audit/audit_internal.h"
#include "base/error.h"
#include "store/files.h"

int audit_read_checkpoint(struct audit *a, struct buf *ret)
{
	if (!a->has_signed)
		return CV_ERR_NOTFOUND;
	buf_put(ret, a->note.p, a->note.n);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

/* ---- leaves --------------------------------------------------------------------------------------------------------- */

/* Have bundle n in the cache, with more than `at` leaves. */
static int bundle_load(struct audit *a, uint64_t n, unsigned at)
{
	const struct edge *e = &a->appender.shown;
	char path[TILE_PATH_MAX];
	int r = 0;

	if (a->cached == n && at < a->cached_n)
		return 0;
	a->cached = UINT64_MAX;
	buf_reset(&a->cache);
	(void)pthread_mutex_lock(&a->appender.lock);
	if (n * TILE_WIDTH + at >= e->frontier.size)
		r = CV_ERR_NOTFOUND;
	else if (n == e->frontier.size / TILE_WIDTH)
		buf_put(&a->cache, e->tail.p, e->tail.n);
	(void)pthread_mutex_unlock(&a->appender.lock);
	if (r == 0 && a->cache.n == 0) {
		(void)tile_path(TILE_ENTRIES, n, 0, path);
		r = files_read(a->dirfd, path, &a->cache);
		if (r != 0)
			return CV_ERR_IO;	/* it was applied: its file has to be there */
	}
	if (r != 0 || !buf_ok(&a->cache))
		return r != 0 ? r : CV_ERR_NOMEM;
	a->cached_n = bundle_split(a->cache.p, a->cache.n, 0, a->cached_at);
	if (at >= a->cached_n)
		return CV_ERR_IO;
	a->cached = n;
	return 0;
}

int audit_read_leaf(struct audit *a, uint64_t index, struct buf *ret)
{
	unsigned at = (unsigned)(index % TILE_WIDTH);
	int r;

	if ((r = bundle_load(a, index / TILE_WIDTH, at)) != 0)
		return r;
	buf_put(ret, a->cache.p + a->cached_at[at] + 2, a->cached_at[at + 1] - a->cached_at[at] - 2);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

/* ---- tiles ---------------------------------------------------------------------------------------------------------- */

/* Append the first width leaves of bundle n with their lengths. */
static int read_bundle(struct audit *a, uint64_t n, unsigned width, struct buf *ret)
{
	int r;

	if ((r = bundle_load(a, n, width - 1)) != 0)
		return r;
	buf_put(ret, a->cache.p, a->cached_at[width]);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

int audit_read_tile(struct audit *a, unsigned level, uint64_t n, unsigned width, struct buf *ret)
{
	unsigned below = level == TILE_ENTRIES ? 0 : level, want = width == 0 ? TILE_WIDTH : width, there = TILE_WIDTH;
	uint64_t hashes, full;
	char path[TILE_PATH_MAX];
	size_t start = ret->n;
	int r;

	if (!a->has_signed || below >= TILE_LEVELS || width >= TILE_WIDTH)
		return CV_ERR_NOTFOUND;
	hashes = a->signed_size >> (8 * below);
	full = hashes / TILE_WIDTH;
	if (n > full || (n == full && want > hashes % TILE_WIDTH))
		return CV_ERR_NOTFOUND;
	if (level == TILE_ENTRIES)
		return read_bundle(a, n, want, ret);
	if (n == full)
		there = (unsigned)(hashes % TILE_WIDTH);
	(void)tile_path(level, n, there % TILE_WIDTH, path);
	if ((r = files_read(a->dirfd, path, ret)) != 0)
		return r == CV_ERR_LIMIT ? r : CV_ERR_IO;	/* signed, so its file has to be there */
	if (ret->n - start != (size_t)there * 32) {
		buf_cut(ret, start);
		return CV_ERR_IO;
	}
	buf_cut(ret, start + (size_t)want * 32);
	return 0;
}

/* ---- an earlier tree -------------------------------------------------------------------------------------------------- */

/* Read a tile into one of its level's places. */
static int near_load(struct audit *a, unsigned level, uint64_t n, unsigned width, struct near_tile *t)
{
	struct buf tile;
	int r;

	t->is = false;
	buf_init(&tile, TILE_WIDTH * 32);
	if ((r = audit_read_tile(a, level, n, width, &tile)) == 0 && tile.n != (width == 0 ? TILE_WIDTH : width) * 32u)
		r = CV_ERR_IO;
	if (r == 0) {
		memcpy(t->hash, tile.p, tile.n);
		t->n = n;
		t->width = width;
		t->is = true;
	}
	buf_free(&tile);
	return r;
}

/* One tile's hashes; kept, since a tile of this name never changes. */
static int near_tile(struct audit *a, unsigned level, uint64_t n, unsigned width, const uint8_t (**ret)[32])
{
	struct near_tile *t = a->near[level];
	int r;

	while (t < a->near[level] + NEAR_TILES && !(t->is && t->n == n && t->width == width))
		t++;
	if (t == a->near[level] + NEAR_TILES) {
		t = &a->near[level][a->near_next++ % NEAR_TILES];
		if ((r = near_load(a, level, n, width, t)) != 0)
			return r;
	}
	*ret = (const uint8_t (*)[32])t->hash;
	return 0;
}

/* The hash of the complete subtree of 2^level leaves at index: its part of one tile. */
static int subtree(struct audit *a, unsigned level, uint64_t index, uint8_t ret[32])
{
	const unsigned height = level % 8, tiles = level / 8;
	const uint64_t first = index << height, n = first / TILE_WIDTH, there = a->signed_size >> (8 * tiles);
	const unsigned width = there - n * TILE_WIDTH < TILE_WIDTH ? (unsigned)(there - n * TILE_WIDTH) : 0;
	const size_t at = (size_t)(first % TILE_WIDTH), count = (size_t)1 << height;
	const uint8_t (*hash)[32];
	int r;

	if ((r = near_tile(a, tiles, n, width, &hash)) != 0)
		return r;
	if (at + count > (width == 0 ? TILE_WIDTH : width))
		return CV_ERR_IO;
	merkle_root_of(hash + at, count, ret);
	return 0;
}

/* The frontier of the first size leaves, which the checkpoint covers. */
static int frontier_at(struct audit *a, uint64_t size, struct merkle_frontier *f)
{
	uint8_t hash[32];
	int r;

	merkle_begin(f);
	for (unsigned level = 63; level-- > 0;) {
		if ((size >> level & 1) == 0)
			continue;
		if ((r = subtree(a, level, f->size >> level, hash)) != 0)
			return r;
		merkle_add(f, level, hash, NULL, NULL);
	}
	return 0;
}

int audit_root_at(struct audit *a, uint64_t size, uint8_t ret[32])
{
	struct merkle_frontier f;
	int r;

	if (!a->has_signed || size == 0 || size > a->signed_size)
		return CV_ERR_NOTFOUND;
	if (size == a->signed_size) {
		memcpy(ret, a->signed_root, 32);
		return 0;
	}
	if ((r = frontier_at(a, size, &f)) == 0)
		merkle_root(&f, ret);
	return r;
}

int audit_root_applied(struct audit *a, uint64_t size, uint8_t ret[32])
{
	uint64_t covered = a->has_signed ? a->signed_size : 0;
	struct merkle_frontier f;
	uint8_t hash[32];
	struct buf leaf;
	int r;

	if (size > 0 && size <= covered)
		return audit_root_at(a, size, ret);
	buf_init(&leaf, STORE_LEAF_MAX);
	r = frontier_at(a, covered, &f);
	while (r == 0 && f.size < size) {
		buf_reset(&leaf);
		if ((r = audit_read_leaf(a, f.size, &leaf)) != 0)
			break;
		merkle_leaf(leaf.p, leaf.n, hash);
		merkle_add(&f, 0, hash, NULL, NULL);
	}
	buf_free(&leaf);
	if (r == 0)
		merkle_root(&f, ret);
	return r;
}

/* ---- that a leaf is there ----------------------------------------------------------------------------------------------- */

static int read_subtree(void *cookie, unsigned level, uint64_t index, uint8_t ret[32])
{
	return subtree(cookie, level, index, ret);
}

int audit_read_inclusion_in(struct audit *a, uint64_t index, uint64_t size, uint8_t ret[][32], unsigned *ret_n)
{
	if (!a->has_signed || index >= size || size > a->signed_size)
		return CV_ERR_NOTFOUND;
	return merkle_inclusion(index, size, read_subtree, a, ret, ret_n);
}

int audit_read_inclusion(struct audit *a, uint64_t index, struct buf *ret_checkpoint, uint8_t ret[][32], unsigned *ret_n)
{
	int r = audit_read_inclusion_in(a, index, a->signed_size, ret, ret_n);

	return r != 0 ? r : audit_read_checkpoint(a, ret_checkpoint);
}

int audit_read_consistency(struct audit *a, uint64_t from, uint64_t to, uint8_t ret[][32], unsigned *ret_n)
{
	if (!a->has_signed || from == 0 || from > to || to > a->signed_size)
		return CV_ERR_NOTFOUND;
	return merkle_consistency(from, to, read_subtree, a, ret, ret_n);
}

/*
 * All bundles in order. Leaves and the hash tiles over them are two witnesses; where they differ, the tile above (and in the
 * end the signed root) says who is right, so that a changed leaf and a changed tile each get their own name. What is believed
 * goes on into the tree; the signed roots of seals and checkpoint judge it.
 */
#include <string.h>
#include <unistd.h>

#include "audit/audit_internal.h"
#include "audit/verify.h"
#include "base/bytes.h"
#include "base/error.h"
#include "store/files.h"

#define NONE CHILDVAULT_AUDIT_NONE

/* ---- who is right ------------------------------------------------------------------------------------------------------- */

/* Whether one other byte in the length before leaf i would give the leaf that is believed. */
static bool length_changed(const struct bundle *b, unsigned i, const uint8_t want[32])
{
	const uint8_t *p = b->bytes.p + b->at[i];
	size_t left = b->bytes.n - b->at[i], n;
	uint8_t hash[32], len[2];

	if (left < 2)
		return false;
	for (unsigned byte = 0; byte < 2; byte++) {
		for (unsigned value = 0; value < 256; value++) {
			memcpy(len, p, 2);
			len[byte] = (uint8_t)value;
			n = be16_get(len);
			if (n > left - 2)
				continue;
			merkle_leaf(p + 2, n, hash);
			if (memcmp(hash, want, 32) == 0)
				return true;
		}
	}
	return false;
}

/* Name what differs in the first count leaves of a bundle. After a broken length the rest is not to be told apart. */
static void name_leaves(struct verify *v, const struct bundle *b, unsigned count, hashes believed, const char *file)
{
	const uint64_t first = b->n * TILE_WIDTH;
	const bool framed = b->leaves >= count;

	for (unsigned i = 0; i < count && i < b->leaves; i++) {
		if (memcmp(b->hash[i], believed[i], 32) == 0)
			continue;
		found(v, CHILDVAULT_AUDIT_LEAF_CHANGED, true, file, first + i, NONE, NONE, NONE);
		if (!framed || length_changed(b, i, believed[i]))
			return;
	}
	if (framed)
		return;
	found(v, length_changed(b, b->leaves, believed[b->leaves]) ? CHILDVAULT_AUDIT_LEAF_CHANGED : CHILDVAULT_AUDIT_TAIL_TORN, true,
	    file, first + b->leaves, NONE, NONE, NONE);
}

/* Compare a hash tile that was read with what it should be. */
static void name_tile(struct verify *v, const char *path, int result, const struct buf *tile, hashes want, unsigned width)
{
	v->sum->tiles++;
	if (result == CV_ERR_NOTFOUND) {
		found(v, CHILDVAULT_AUDIT_TILE_MISSING, true, path, NONE, NONE, NONE, NONE);
		return;
	}
	for (unsigned i = 0; i < width && want != NULL; i++)
		if ((size_t)(i + 1) * 32 <= tile->n && memcmp(tile->p + (size_t)i * 32, want[i], 32) != 0)
			found(v, CHILDVAULT_AUDIT_TILE_CHANGED, true, path, NONE, NONE, NONE, i);
	if (result != 0 || tile->n != (size_t)width * 32)
		found(v, CHILDVAULT_AUDIT_TILE_CHANGED, true, path, NONE, NONE, NONE, tile->n / 32 < width ? tile->n / 32 : width);
}

/* What the tile of level 1 says about full bundle n; NULL if it is not there. */
static const uint8_t *parent_of(struct verify *v, uint64_t n)
{
	uint64_t number = n / TILE_WIDTH, full = (v->size >> 8) / TILE_WIDTH;
	unsigned width = number < full ? 0 : (unsigned)((v->size >> 8) % TILE_WIDTH);
	char path[TILE_PATH_MAX];

	if (v->parent_n != number) {
		buf_reset(&v->parent);
		(void)tile_path(1, number, width, path);
		(void)files_read(v->dirfd, path, &v->parent);	/* what is wrong with it is named by upper_tile */
		v->parent_n = number;
	}
	return (n % TILE_WIDTH + 1) * 32 <= v->parent.n ? v->parent.p + n % TILE_WIDTH * 32 : NULL;
}

/* ---- the tree ----------------------------------------------------------------------------------------------------------- */

/* Compare the recomputed hashes of a tile above the first level with the file. */
static void upper_tile(struct verify *v, unsigned level, uint64_t n, unsigned width)
{
	char path[TILE_PATH_MAX];
	struct buf tile;
	int r;

	buf_init(&tile, TILE_WIDTH * 32);
	(void)tile_path(level, n, width % TILE_WIDTH, path);
	r = files_read(v->dirfd, path, &tile);
	name_tile(v, path, r, &tile, (hashes)v->upper[level], width);
	buf_free(&tile);
}

/* merkle_add's callback, from level 8 on. */
static void upper_add(void *cookie, unsigned level, uint64_t index, const uint8_t hash[32])
{
	struct verify *v = cookie;

	if (level % 8 != 0 || level / 8 >= TILE_LEVELS)
		return;
	memcpy(v->upper[level / 8][index % TILE_WIDTH], hash, 32);
	if (index % TILE_WIDTH == TILE_WIDTH - 1)
		upper_tile(v, level / 8, index / TILE_WIDTH, TILE_WIDTH);
}

/* The last leaf below a seal says that this day ends. */
static void check_seal_leaf(struct verify *v, const struct mark *m, const struct bundle *b)
{
	unsigned i = (unsigned)((m->size - 1) % TILE_WIDTH);
	struct leaf l;

	if (b == NULL || i >= b->leaves || leaf_decode(b->bytes.p + b->at[i] + 2, b->at[i + 1] - b->at[i] - 2u, &l) != 0)
		return;
	if (l.kind != LEAF_EPOCH || l.epoch != m->epoch)
		found(v, CHILDVAULT_AUDIT_SEAL_ORDER, true, m->file, m->size - 1, NONE, m->epoch, NONE);
}

/* The signed roots of sizes within this bundle; the tree ends before it. */
static void check_marks(struct verify *v, const struct bundle *b, hashes believed, unsigned count)
{
	uint64_t start = v->tree.size;
	struct merkle_frontier f;
	uint8_t root[32];

	if (v->mark_at == v->marks || v->mark[v->mark_at].size > start + count)
		return;
	f = v->tree;
	for (; v->mark_at < v->marks && v->mark[v->mark_at].size <= start + count; v->mark_at++) {
		struct mark *m = &v->mark[v->mark_at];

		if (believed == NULL || !v->tree_known)
			continue;
		while (f.size < m->size) {
			merkle_add(&f, 0, believed[f.size - start], NULL, NULL);
		}
		merkle_root(&f, root);
		if (memcmp(root, m->root, 32) == 0) {
			v->good_size = m->size;
			v->sum->seals += m->seal;
			if (m->seal)
				check_seal_leaf(v, m, b);
			continue;
		}
		m->differs = true;
		if (!m->outside && v->bad_size == 0) {	/* of the others forked_or_changed says more */
			v->bad_size = m->size;
			found(v, CHILDVAULT_AUDIT_ROOT_MISMATCH, true, m->file, v->good_size, m->size - 1, NONE, NONE);
		}
	}
}

/* ---- full bundles --------------------------------------------------------------------------------------------------------- */

/* A run of missing bundles has ended before bundle n. */
static void missing_end(struct verify *v, uint64_t n)
{
	char path[TILE_PATH_MAX];

	if (v->missing_from == UINT64_MAX)
		return;
	(void)tile_path(TILE_ENTRIES, v->missing_from, 0, path);
	found(v, CHILDVAULT_AUDIT_BUNDLE_MISSING, true, path, v->missing_from * TILE_WIDTH, n * TILE_WIDTH - 1, NONE, NONE);
	v->missing_from = UINT64_MAX;
}

/* Leaves and tile of a full bundle differ, or one of them is not there. Returns the hashes to go on with, or NULL. */
static hashes judge(struct verify *v, const struct bundle *b, const char *file, const char *tile_file)
{
	const bool leaves = b->result == 0 && b->leaves == TILE_WIDTH, tile = b->tile_result == 0;
	const uint8_t *parent = parent_of(v, b->n);
	hashes of_tile = (hashes)b->tile.p;
	uint8_t root[32];

	if (tile && !(leaves && parent != NULL && memcmp(parent, b->root, 32) == 0)) {
		merkle_root_of(of_tile, TILE_WIDTH, root);
		if (!leaves || parent == NULL || memcmp(parent, root, 32) == 0) {
			if (b->result == 0)
				name_leaves(v, b, TILE_WIDTH, of_tile, file);
			return of_tile;
		}
		/* Neither fits the tile above: both are named, the leaves believed, and the signed root will judge. */
		name_leaves(v, b, TILE_WIDTH, of_tile, file);
	}
	if (b->result == 0 && b->leaves < TILE_WIDTH)
		found(v, CHILDVAULT_AUDIT_TAIL_TORN, true, file, b->n * TILE_WIDTH + b->leaves, NONE, NONE, NONE);
	name_tile(v, tile_file, b->tile_result, &b->tile, leaves ? (hashes)b->hash : NULL, TILE_WIDTH);
	return leaves ? (hashes)b->hash : NULL;
}

/* bundles_each's callback. */
static void take_full(void *cookie, struct bundle *b)
{
	struct verify *v = cookie;
	char file[TILE_PATH_MAX], tile_file[TILE_PATH_MAX];
	const uint8_t *root = NULL;
	hashes believed;
	uint8_t h[32];

	(void)tile_path(TILE_ENTRIES, b->n, 0, file);
	(void)tile_path(0, b->n, 0, tile_file);
	if (b->result == CV_ERR_IO || b->tile_result == CV_ERR_IO)
		v->error = CV_ERR_IO;
	if (b->result == CV_ERR_NOTFOUND) {
		if (v->missing_from == UINT64_MAX)
			v->missing_from = b->n;
	} else {
		missing_end(v, b->n);
	}
	if (b->result == 0 && b->tile_result == 0 && b->leaves == TILE_WIDTH && memcmp(b->hash, b->tile.p, sizeof(b->hash)) == 0) {
		v->sum->tiles++;
		believed = (hashes)b->hash;
		root = b->root;
	} else if ((believed = judge(v, b, file, tile_file)) != NULL) {
		merkle_root_of(believed, TILE_WIDTH, h);
		root = h;
	} else {
		root = parent_of(v, b->n);
	}
	if (b->result == CV_ERR_LIMIT || (b->result == 0 && b->leaves == TILE_WIDTH && !b->whole))
		found(v, CHILDVAULT_AUDIT_FORMAT_BAD, true, file, NONE, NONE, NONE, NONE);
	verify_leaves(v, b, TILE_WIDTH, believed, file);
	check_marks(v, b, believed, TILE_WIDTH);
	if (root == NULL)
		v->tree_known = false;
	if (!v->tree_known) {
		v->tree.size += TILE_WIDTH;	/* for marks and positions alone */
		return;
	}
	upper_add(v, 8, b->n, root);
	merkle_add(&v->tree, 8, root, upper_add, v);
}

/* ---- the right edge --------------------------------------------------------------------------------------------------------- */

/* The witnesses of the leaves after the last full bundle that the checkpoint covers. */
struct edge_sources {
	unsigned width;		/* covered leaves of this bundle, 0 to 255 */
	uint64_t n;		/* its number */
	uint64_t tail_n;	/* the bundle that the tail belongs to: the first one without a full file */
	struct bundle full;	/* it has been filled since */
	struct bundle part;	/* the partial bundle */
	struct bundle tail;
	char full_file[TILE_PATH_MAX], part_file[TILE_PATH_MAX], tile_file[TILE_PATH_MAX];
	struct buf tile;	/* the partial tile */
	int tile_result;
};

static bool root_fits(const struct verify *v, hashes h, unsigned width)
{
	struct merkle_frontier f = v->tree;
	uint8_t root[32];

	for (unsigned i = 0; i < width; i++)
		merkle_add(&f, 0, h[i], NULL, NULL);
	merkle_root(&f, root);
	return v->has_checkpoint && v->tree_known && memcmp(root, v->root, 32) == 0;
}

/* Whether the tail's leaves belong to bundle n: it may have been copied at another moment than the bundles. */
static bool tail_is(const struct bundle *tail, uint64_t n)
{
	struct leaf l;

	if (tail->result != 0 || tail->leaves == 0)
		return false;
	if (leaf_decode(tail->bytes.p + 2, tail->at[1] - 2u, &l) != 0 || l.index == n * TILE_WIDTH || l.index % TILE_WIDTH != 0)
		return true;	/* or it was changed: to be named against this bundle's hashes */
	/* One whole bundle on: rolled over between the two copies. One back: not yet rolled over. Else its index was changed. */
	return l.index != (n + 1) * TILE_WIDTH && l.index + TILE_WIDTH != n * TILE_WIDTH;
}

/* The hashes to believe for the covered leaves: those that lead to the signed root, else the first there are. */
static hashes edge_judge(const struct verify *v, const struct edge_sources *e)
{
	hashes candidate[4];
	unsigned n = 0;

	if (e->full.leaves >= e->width)
		candidate[n++] = (hashes)e->full.hash;
	if (e->part.leaves >= e->width)
		candidate[n++] = (hashes)e->part.hash;
	if (e->tile_result == 0)
		candidate[n++] = (hashes)e->tile.p;
	if (tail_is(&e->tail, e->n) && e->tail_n == e->n && e->tail.leaves >= e->width)
		candidate[n++] = (hashes)e->tail.hash;
	for (unsigned i = 0; i < n; i++)
		if (root_fits(v, candidate[i], e->width))
			return candidate[i];
	return n > 0 ? candidate[0] : NULL;
}

/* Name what is wrong in each witness; returns the one whose leaves are read, NULL if there is none. */
static const struct bundle *edge_name(struct verify *v, struct edge_sources *e, hashes believed, const char **ret_file)
{
	const bool tail = e->tail_n == e->n && tail_is(&e->tail, e->n);
	const struct bundle *best = NULL;

	if (e->part.result == 0) {
		name_leaves(v, &e->part, e->width, believed, e->part_file);
		if (e->part.leaves >= e->width && e->part.at[e->width] != e->part.bytes.n)
			found(v, CHILDVAULT_AUDIT_FORMAT_BAD, true, e->part_file, NONE, NONE, NONE, NONE);
		best = &e->part;
		*ret_file = e->part_file;
	} else if (e->full.result != 0 && v->exact) {
		found(v, CHILDVAULT_AUDIT_BUNDLE_MISSING, true, e->part_file, e->n * TILE_WIDTH, v->size - 1, NONE, NONE);
	}
	if (tail) {
		name_leaves(v, &e->tail, e->width, believed, "tail");
		if (best == NULL || best->leaves < e->width) {
			best = &e->tail;
			*ret_file = "tail";
		}
	}
	if (e->full.result == 0) {
		name_leaves(v, &e->full, e->width, believed, e->full_file);
		best = &e->full;
		*ret_file = e->full_file;
	}
	return best;
}

/* The covered leaves of the last bundle. */
static void edge_covered(struct verify *v, struct edge_sources *e)
{
	static const struct bundle none;
	hashes believed = edge_judge(v, e);
	const struct bundle *best = NULL;
	const char *file = "";

	if (believed == NULL) {
		if (v->missing_from == UINT64_MAX)
			v->missing_from = e->n;
		v->sum->missing += e->width;
		v->tree_known = false;
		return;
	}
	missing_end(v, e->n);
	best = edge_name(v, e, believed, &file);
	if (v->exact && (e->tile_result != CV_ERR_NOTFOUND || e->full.result != 0))
		name_tile(v, e->tile_file, e->tile_result, &e->tile, believed, e->width);
	verify_leaves(v, best != NULL ? best : &none, e->width, believed, file);
	check_marks(v, best, believed, e->width);
	for (unsigned i = 0; v->tree_known && i < e->width; i++)
		merkle_add(&v->tree, 0, believed[i], upper_add, v);
}

/* Leaves beyond the checkpoint: from leaf number from of bundle b on. Nothing vouches for them but their form. */
static void unsigned_leaves(struct verify *v, const struct bundle *b, unsigned from, const char *file)
{
	struct leaf l;

	for (unsigned i = from; i < b->leaves; i++) {
		uint64_t index = b->n * TILE_WIDTH + i;

		v->sum->unsigned_leaves++;
		if (leaf_decode(b->bytes.p + b->at[i] + 2, b->at[i + 1] - b->at[i] - 2u, &l) != 0) {
			found(v, CHILDVAULT_AUDIT_FORMAT_BAD, true, file, index, NONE, NONE, NONE);
			return;
		}
		if (l.index != index)
			found(v, CHILDVAULT_AUDIT_INDEX_WRONG, true, file, index, NONE, NONE, NONE);
	}
	if (b->leaves >= from && !b->whole)
		found(v, CHILDVAULT_AUDIT_TAIL_TORN, false, file, b->n * TILE_WIDTH + b->leaves, NONE, NONE, NONE);
}

/* Everything beyond the checkpoint: full bundles, then tail. */
static void edge_unsigned(struct verify *v, struct edge_sources *e)
{
	char path[TILE_PATH_MAX];
	struct bundle b;
	struct leaf l;

	bundle_init(&b);
	for (uint64_t n = e->n; n < e->tail_n; n++) {
		(void)tile_path(TILE_ENTRIES, n, 0, path);
		bundle_read(&b, v->dirfd, path, n);
		if (b.result == 0)
			unsigned_leaves(v, &b, n == e->n ? e->width : 0, path);
	}
	bundle_free(&b);
	if (tail_is(&e->tail, e->tail_n)) {
		e->tail.n = e->tail_n;
		unsigned_leaves(v, &e->tail, e->tail_n == e->n ? e->width : 0, "tail");
	} else if (e->tail.result == 0 && e->tail.leaves > 0) {
		/* Of another moment: count what is newer. */
		if (leaf_decode(e->tail.bytes.p + 2, e->tail.at[1] - 2u, &l) == 0 && l.index >= v->size) {
			e->tail.n = l.index / TILE_WIDTH;
			unsigned_leaves(v, &e->tail, 0, "tail");
		}
	} else if (e->tail.result == 0 && e->tail.bytes.n > 0) {
		found(v, CHILDVAULT_AUDIT_TAIL_TORN, e->tail_n == e->n && e->width > 0, "tail", e->tail_n * TILE_WIDTH, NONE, NONE, NONE);
	}
	if (v->sum->unsigned_leaves > 0)
		found(v, CHILDVAULT_AUDIT_SIZE_AHEAD, false, "", v->size, v->size + v->sum->unsigned_leaves - 1, NONE, NONE);
}

static void edge_read(struct verify *v, struct edge_sources *e)
{
	char path[TILE_PATH_MAX];

	e->n = v->size / TILE_WIDTH;
	e->width = (unsigned)(v->size % TILE_WIDTH);
	for (e->tail_n = e->n;; e->tail_n++) {
		(void)tile_path(TILE_ENTRIES, e->tail_n, 0, path);
		if (faccessat(v->dirfd, path, F_OK, 0) != 0)
			break;
	}
	(void)tile_path(TILE_ENTRIES, e->n, 0, e->full_file);
	(void)tile_path(TILE_ENTRIES, e->n, e->width, e->part_file);
	(void)tile_path(0, e->n, e->width, e->tile_file);
	bundle_read(&e->tail, v->dirfd, "tail", e->tail_n);
	if (e->width == 0)
		return;
	bundle_read(&e->full, v->dirfd, e->full_file, e->n);
	bundle_read(&e->part, v->dirfd, e->part_file, e->n);
	e->tile_result = files_read(v->dirfd, e->tile_file, &e->tile);
	if (e->tile_result == 0 && e->tile.n != (size_t)e->width * 32)
		e->tile_result = CV_ERR_FORMAT;
}

/*
 * A kept checkpoint that these leaves do not lead to, under the log's own signature: if the present checkpoint fits them, the log has
 * signed two histories; if not, these are not the leaves that it signed.
 */
static void forked_or_changed(struct verify *v)
{
	for (size_t i = 0; i < v->marks; i++) {
		const struct mark *m = &v->mark[i];

		if (!m->outside || !m->differs)
			continue;
		if (v->sum->root_signed)
			found(v, CHILDVAULT_AUDIT_LOG_FORKED, true, m->file, 0, m->size - 1, NONE, NONE);
		else if (v->bad_size == 0)
			found(v, CHILDVAULT_AUDIT_ROOT_MISMATCH, true, m->file, v->good_size, m->size - 1, NONE, NONE);
		if (v->bad_size == 0)
			v->bad_size = m->size;
	}
}

/* The leaves are all read: partial tiles above the first level, and the root. */
static void finish(struct verify *v)
{
	if (v->missing_from != UINT64_MAX)
		found(v, CHILDVAULT_AUDIT_LOG_TRUNCATED, true, "checkpoint", v->missing_from * TILE_WIDTH, v->size - 1, NONE, NONE);
	if (!v->tree_known)
		return;
	for (unsigned level = 1; v->exact && level < TILE_LEVELS; level++) {
		unsigned width = (unsigned)(v->size >> (8 * level)) & (TILE_WIDTH - 1);

		if (width > 0)
			upper_tile(v, level, tiles_full(v->size, level), width);
	}
	merkle_root(&v->tree, v->sum->root);
	v->sum->root_signed = v->has_checkpoint && memcmp(v->sum->root, v->root, 32) == 0;
	forked_or_changed(v);
	if (v->has_checkpoint && !v->sum->root_signed && v->bad_size == 0)
		found(v, CHILDVAULT_AUDIT_ROOT_MISMATCH, true, "checkpoint", v->good_size, v->size > 0 ? v->size - 1 : 0, NONE, NONE);
}

void verify_stream(struct verify *v)
{
	struct edge_sources e = { 0 };

	v->tree_known = true;
	v->missing_from = UINT64_MAX;
	v->parent_n = UINT64_MAX;
	merkle_begin(&v->tree);
	buf_init(&v->parent, TILE_WIDTH * 32);
	bundle_init(&e.full);
	bundle_init(&e.part);
	bundle_init(&e.tail);
	buf_init(&e.tile, TILE_WIDTH * 32);
	if (bundles_each(v->dirfd, v->size / TILE_WIDTH, v->o->threads, take_full, v) != 0) {
		v->error = CV_ERR_NOMEM;
		goto out;
	}
	edge_read(v, &e);
	if (e.width > 0)
		edge_covered(v, &e);
	edge_unsigned(v, &e);
	finish(v);
out:
	bundle_free(&e.full);
	bundle_free(&e.part);
	bundle_free(&e.tail);
	buf_free(&e.tile);
	buf_free(&v->parent);
}

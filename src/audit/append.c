/*
 * The files of log/ behind the journal: audit_apply_leaves on the store's apply thread, and where it resumes.
 *
 * Order on disk: full bundles and full tiles, tags, then tail, each synced; then the hook returns and the store commits the
 * note. A crash in between repeats the leaves from the note's size on: bundles and tiles are written again with the same
 * bytes, tail from a known length on. What the tail file lost by a roll-over that the note does not know of stands in the
 * full bundle.
 */
#include <string.h>

#include "audit/audit_internal.h"
#include "base/bytes.h"
#include "base/error.h"
#include "store/files.h"


void edge_init(struct edge *e)
{
	merkle_begin(&e->frontier);
	buf_init(&e->tail, 2 * BUNDLE_MAX);	/* edge_copy makes room before it lets go of the old */
}

void edge_free(struct edge *e)
{
	buf_free(&e->tail);
}

/* Make to equal from. 0 or CV_ERR_NOMEM, to is then as it was. */
static int edge_copy(struct edge *to, const struct edge *from)
{
	/* Of two that were equal once, the one that goes back has the memory; and may have failed when it grew. */
	to->tail.bad = false;
	if (from->tail.n > to->tail.cap && buf_reserve(&to->tail, from->tail.n) != 0) {
		to->tail.bad = false;
		return CV_ERR_NOMEM;
	}
	to->frontier = from->frontier;
	for (unsigned level = 0; level < TILE_LEVELS; level++)
		memcpy(to->hash[level], from->hash[level], (size_t)edge_width(from, level) * 32);
	buf_reset(&to->tail);
	buf_put(&to->tail, from->tail.p, from->tail.n);
	return 0;
}

unsigned bundle_split(const uint8_t *p, size_t n, unsigned count, uint32_t ret_at[TILE_WIDTH + 1])
{
	size_t at = 0, len;
	unsigned i;

	ret_at[0] = 0;
	for (i = 0; i < TILE_WIDTH && (count == 0 || i < count); i++) {
		if (n - at < 2)
			break;
		len = be16_get(p + at);
		if (n - at - 2 < len)
			break;
		at += 2 + len;
		ret_at[i + 1] = (uint32_t)at;
	}
	return i;
}

/* ---- applying -------------------------------------------------------------------------------------------------------- */

/* Write a full tile or bundle without a sync; the batch's end syncs. */
static int write_full(struct audit *a, unsigned level, uint64_t n, const void *p, size_t len)
{
	char path[TILE_PATH_MAX];
	int r;

	(void)tile_path(level, n, 0, path);
	if ((r = files_make_parents(a->dirfd, path)) != 0)
		return r;
	return files_replace_lazy(a->dirfd, path, p, len);
}

/* A new hash of a level of tiles; its tile is written when full. */
static void tile_add(struct audit *a, unsigned level, uint64_t index, const uint8_t hash[32])
{
	struct appender *ap = &a->appender;
	unsigned at = (unsigned)(index % TILE_WIDTH);
	uint64_t n = index / TILE_WIDTH;
	int r;

	memcpy(ap->next.hash[level][at], hash, 32);
	if (at != TILE_WIDTH - 1)
		return;
	if ((r = write_full(a, level, n, ap->next.hash[level], sizeof(ap->next.hash[level]))) != 0 && ap->error == 0)
		ap->error = r;
	if (ap->tiles_from[level] == ap->tiles_to[level])
		ap->tiles_from[level] = n;
	ap->tiles_to[level] = n + 1;
}

/* merkle_add's callback: of the inner nodes, every eighth level is kept in tiles. */
static void node_made(void *cookie, unsigned level, uint64_t index, const uint8_t hash[32])
{
	if (level % 8 == 0 && level / 8 < TILE_LEVELS)
		tile_add(cookie, level / 8, index, hash);
}

/* What was signed before the restart must come out of the replayed leaves again. */
static int check_signed(struct appender *ap)
{
	uint8_t root[32];

	if (ap->signed_size != ap->next.frontier.size || ap->signed_size == 0)
		return 0;
	merkle_root(&ap->next.frontier, root);
	return memcmp(root, ap->signed_root, sizeof(root)) == 0 ? 0 : CV_ERR_REPLAY;
}

static int add_leaf(struct audit *a, const struct store_leaf *leaf)
{
	struct appender *ap = &a->appender;
	uint64_t index = ap->next.frontier.size;
	uint8_t hash[32], tag[TAGS_ENTRY];
	int r;

	buf_u16(&ap->next.tail, (uint16_t)leaf->n);
	buf_put(&ap->next.tail, leaf->p, leaf->n);
	tags_entry(leaf->p, leaf->n, tag);
	buf_put(&ap->tags, tag, sizeof(tag));
	if (!buf_ok(&ap->next.tail) || !buf_ok(&ap->tags))
		return CV_ERR_NOMEM;
	merkle_leaf(leaf->p, leaf->n, hash);
	if (index % TILE_WIDTH == TILE_WIDTH - 1) {
		if ((r = write_full(a, TILE_ENTRIES, index / TILE_WIDTH, ap->next.tail.p, ap->next.tail.n)) != 0)
			return r;
		buf_reset(&ap->next.tail);
		ap->tail_synced = 0;
		ap->tail_new = true;
	}
	tile_add(a, 0, index, hash);
	merkle_add(&ap->next.frontier, 0, hash, node_made, a);
	return ap->error != 0 ? ap->error : check_signed(ap);
}

/* Sync the full tiles from to to of a level, and the folders they stand in. */
static int sync_tiles(struct audit *a, unsigned level, uint64_t from, uint64_t to)
{
	char path[TILE_PATH_MAX];
	int r;

	for (uint64_t n = from; n < to; n++) {
		(void)tile_path(level, n, 0, path);
		if ((r = files_sync(a->dirfd, path)) != 0)
			return r;
		if (n + 1 < to && (n + 1) % 1000 != 0)
			continue;
		*strrchr(path, '/') = '\0';
		if ((r = files_sync(a->dirfd, path)) != 0)
			return r;
	}
	return 0;
}

/* Make the batch durable. */
static int settle(struct audit *a)
{
	struct appender *ap = &a->appender;
	const struct buf *tail = &ap->next.tail;
	const uint64_t tags_at = ap->next.frontier.size * TAGS_ENTRY - ap->tags.n;
	int r;

	if ((r = sync_tiles(a, TILE_ENTRIES, ap->tiles_from[0], ap->tiles_to[0])) != 0)
		return r;
	for (unsigned level = 0; level < TILE_LEVELS; level++)
		if ((r = sync_tiles(a, level, ap->tiles_from[level], ap->tiles_to[level])) != 0)
			return r;
	if (ap->tags.n > 0 && (r = files_append(a->dirfd, TAGS_FILE, tags_at, ap->tags.p, ap->tags.n)) != 0)
		return r;
	if (ap->tail_new)
		r = files_replace(a->dirfd, "tail", tail->p, tail->n);
	else if (ap->tail_synced < tail->n)
		r = files_append(a->dirfd, "tail", ap->tail_synced, tail->p + ap->tail_synced, tail->n - ap->tail_synced);
	if (r != 0)
		return r;
	ap->tail_new = false;
	ap->tail_synced = tail->n;
	return 0;
}

static int apply(struct audit *a, uint64_t first, const struct store_leaf *leaves, size_t n)
{
	struct appender *ap = &a->appender;
	int r;

	if (first > ap->next.frontier.size)
		return CV_ERR_STATE;
	memset(ap->tiles_from, 0, sizeof(ap->tiles_from));
	memset(ap->tiles_to, 0, sizeof(ap->tiles_to));
	ap->error = 0;
	buf_reset(&ap->tags);
	for (size_t i = 0; i < n; i++) {
		if (first + i < ap->next.frontier.size)
			continue;	/* a repeated leaf: it is here, durably */
		if ((r = add_leaf(a, &leaves[i])) != 0)
			return r;
	}
	return settle(a);
}

int audit_apply_leaves(void *cookie, uint64_t first, const struct store_leaf *leaves, size_t n, const uint8_t **ret_note,
    size_t *ret_note_n)
{
	struct audit *a = cookie;
	struct appender *ap = &a->appender;
	size_t note_n;
	int r;

	r = apply(a, first, leaves, n);
	(void)pthread_mutex_lock(&ap->lock);	/* a default mutex used rightly does not fail */
	if (r == 0)
		r = edge_copy(&ap->shown, &ap->next);
	if (r != 0) {
		/* Back to what is known to be durable; the store may come again with the same leaves. */
		if (edge_copy(&ap->next, &ap->shown) != 0)
			r = CV_ERR_IO;
		ap->tail_synced = 0;
		ap->tail_new = true;
	}
	note_n = merkle_note_encode(&ap->shown.frontier, ap->note);
	(void)pthread_mutex_unlock(&ap->lock);
	if (r != 0)
		return r;
	*ret_note = ap->note;
	*ret_note_n = note_n;
	return 0;
}

/* ---- resuming -------------------------------------------------------------------------------------------------------- */

/* Whether count hashes of a level of tiles lead to the frontier's hashes of those levels. */
static bool level_fits(const struct edge *e, unsigned level)
{
	struct merkle_frontier f;
	unsigned width = edge_width(e, level);

	merkle_begin(&f);
	for (unsigned i = 0; i < width; i++)
		merkle_add(&f, 0, e->hash[level][i], NULL, NULL);
	for (unsigned bit = 0; bit < 8; bit++)
		if (((width >> bit) & 1) != 0 && memcmp(f.hash[bit], e->frontier.hash[8 * level + bit], 32) != 0)
			return false;
	return true;
}

/* Take the leaves after the last full bundle from a file that starts with them. */
static int resume_tail_from(struct audit *a, const char *path)
{
	struct edge *e = &a->appender.next;
	unsigned width = edge_width(e, 0);
	uint32_t at[TILE_WIDTH + 1];
	int r;

	buf_reset(&e->tail);
	if ((r = files_read(a->dirfd, path, &e->tail)) != 0)
		return r == CV_ERR_LIMIT ? CV_ERR_FORMAT : r;
	if (bundle_split(e->tail.p, e->tail.n, width, at) != width)
		return CV_ERR_FORMAT;
	buf_cut(&e->tail, at[width]);
	for (unsigned i = 0; i < width; i++)
		merkle_leaf(e->tail.p + at[i] + 2, at[i + 1] - at[i] - 2, e->hash[0][i]);
	return level_fits(e, 0) ? 0 : CV_ERR_FORMAT;
}

static int resume_tail(struct audit *a)
{
	struct appender *ap = &a->appender;
	char path[TILE_PATH_MAX];
	int r;

	ap->tail_new = true;
	ap->tail_synced = 0;
	if (edge_width(&ap->next, 0) == 0)
		return 0;
	r = resume_tail_from(a, "tail");
	if (r == 0) {
		ap->tail_new = false;
		ap->tail_synced = ap->next.tail.n;
		return 0;
	}
	if (r == CV_ERR_IO)
		return r;
	/* The crash came after the roll-over of tail and before the note. */
	(void)tile_path(TILE_ENTRIES, ap->next.frontier.size / TILE_WIDTH, 0, path);
	r = resume_tail_from(a, path);
	return r == CV_ERR_NOTFOUND ? CV_ERR_FORMAT : r;
}

/* The hashes of a level above the first are the roots of the full tiles below. */
static int resume_level(struct audit *a, unsigned level)
{
	struct edge *e = &a->appender.next;
	uint64_t first = tiles_full(e->frontier.size, level) * TILE_WIDTH;
	char path[TILE_PATH_MAX];
	struct buf tile;
	int r = 0;

	buf_init(&tile, TILE_WIDTH * 32);
	for (unsigned i = 0; r == 0 && i < edge_width(e, level); i++) {
		buf_reset(&tile);
		(void)tile_path(level - 1, first + i, 0, path);
		if ((r = files_read(a->dirfd, path, &tile)) == 0 && tile.n != TILE_WIDTH * 32)
			r = CV_ERR_FORMAT;
		if (r == 0)
			merkle_root_of((const uint8_t (*)[32])tile.p, TILE_WIDTH, e->hash[level][i]);
	}
	buf_free(&tile);
	if (r == 0 && !level_fits(e, level))
		r = CV_ERR_FORMAT;
	return r == CV_ERR_NOTFOUND || r == CV_ERR_LIMIT ? CV_ERR_FORMAT : r;
}

/* A checkpoint on disk against the resumed tree: equal sizes compare at once, a greater one when the replay gets there. */
static int resume_signed(struct audit *a)
{
	struct appender *ap = &a->appender;
	int r;

	if ((r = checkpoint_load(a)) != 0)
		return r;
	ap->signed_size = a->has_signed ? a->signed_size : 0;
	memcpy(ap->signed_root, a->signed_root, sizeof(ap->signed_root));
	return check_signed(ap);
}

int audit_resume(struct audit *a, const uint8_t *note, size_t n)
{
	struct appender *ap = &a->appender;
	int r;

	if (n == 0)
		merkle_begin(&ap->next.frontier);
	else if ((r = merkle_note_decode(note, n, &ap->next.frontier)) != 0)
		return r;
	if ((r = resume_tail(a)) != 0)
		return r;
	for (unsigned level = 1; level < TILE_LEVELS; level++)
		if ((r = resume_level(a, level)) != 0)
			return r;
	if ((r = tags_resume(a)) != 0)
		return r;
	(void)pthread_mutex_lock(&ap->lock);
	r = edge_copy(&ap->shown, &ap->next);
	(void)pthread_mutex_unlock(&ap->lock);
	return r != 0 ? r : resume_signed(a);
}

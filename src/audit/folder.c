#include "audit/folder.h"

#include <string.h>

#include "audit/audit_internal.h"
#include "base/error.h"
#include "store/files.h"

void folder_init(struct folder *f, int dirfd, uint64_t size)
{
	memset(f, 0, sizeof(*f));
	f->dirfd = dirfd;
	f->size = size;
	f->bundle_n = UINT64_MAX;
	buf_init(&f->tile, TILE_WIDTH * 32);
	buf_init(&f->bundle, BUNDLE_MAX);
}

void folder_clear(struct folder *f)
{
	buf_free(&f->tile);
	buf_free(&f->bundle);
}

/* The greatest width among the partial tiles of one folder. */
static int widest(void *cookie, const char *name)
{
	unsigned *best = cookie, v = 0;

	for (const char *p = name; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || v > TILE_WIDTH)
			return 0;
		v = v * 10 + (unsigned)(*p - '0');
	}
	if (v < TILE_WIDTH && v > *best)
		*best = v;
	return 0;
}

/* The widest partial tile there is of those that the narrow one at path is the beginning of. */
static int read_wider(struct folder *f, unsigned level, uint64_t n, unsigned width, char path[TILE_PATH_MAX], struct buf *ret)
{
	unsigned best = 0;
	int r;

	*strrchr(path, '/') = '\0';
	if ((r = files_list(f->dirfd, path, widest, &best)) != 0)
		return CV_ERR_NOTFOUND;
	if (best <= width)
		return CV_ERR_NOTFOUND;
	(void)tile_path(level, n, best, path);
	return files_read(f->dirfd, path, ret);
}

/* A tile or bundle of this tree: the partial one, or the full or wider one that a tree which has grown since left in its place. */
static int read_tile(struct folder *f, unsigned level, uint64_t n, struct buf *ret)
{
	const uint64_t there = f->size >> (8 * (level == TILE_ENTRIES ? 0 : level));
	const unsigned width = there - n * TILE_WIDTH < TILE_WIDTH ? (unsigned)(there - n * TILE_WIDTH) : 0;
	char path[TILE_PATH_MAX];
	int r;

	buf_reset(ret);
	(void)tile_path(level, n, width, path);
	r = files_read(f->dirfd, path, ret);
	if (r == CV_ERR_NOTFOUND && width != 0)
		r = read_wider(f, level, n, width, path, ret);
	if (r == CV_ERR_NOTFOUND && width != 0) {
		(void)tile_path(level, n, 0, path);
		r = files_read(f->dirfd, path, ret);
	}
	return r == CV_ERR_LIMIT ? CV_ERR_NOTFOUND : r;
}

int folder_hash(void *cookie, unsigned level, uint64_t index, uint8_t ret[32])
{
	struct folder *f = cookie;
	const unsigned height = level % 8;
	const uint64_t first = index << height, n = first / TILE_WIDTH;
	const size_t at = (size_t)(first % TILE_WIDTH) * 32, count = (size_t)1 << height;
	uint8_t hash[TILE_WIDTH][32];
	int r;

	if ((r = read_tile(f, level / 8, n, &f->tile)) != 0)
		return r;
	if (f->tile.n < at + count * 32)
		return CV_ERR_NOTFOUND;
	memcpy(hash, f->tile.p + at, count * 32);
	merkle_root_of((const uint8_t (*)[32])hash, count, ret);
	return 0;
}

int folder_leaf(struct folder *f, uint64_t index, const uint8_t **ret, size_t *ret_n)
{
	const uint64_t n = index / TILE_WIDTH;
	const unsigned i = (unsigned)(index % TILE_WIDTH);
	int r;

	if (index >= f->size)
		return CV_ERR_NOTFOUND;
	if (f->bundle_n != n) {
		f->bundle_n = UINT64_MAX;
		if ((r = read_tile(f, TILE_ENTRIES, n, &f->bundle)) != 0)
			return r;
		f->leaves = bundle_split(f->bundle.p, f->bundle.n, 0, f->at);
		f->bundle_n = n;
	}
	if (i >= f->leaves)
		return CV_ERR_NOTFOUND;
	*ret = f->bundle.p + f->at[i] + 2;
	*ret_n = f->at[i + 1] - f->at[i] - 2;
	return 0;
}

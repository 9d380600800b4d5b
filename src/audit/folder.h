/*
 * Reading a log folder at rest: what its tiles and entry bundles say of one tree. Nothing read here is trusted before a signed
 * root has judged it. docs/FORMAT.md section 10.
 */
#ifndef CV_AUDIT_FOLDER_H
#define CV_AUDIT_FOLDER_H

#include "base/buf.h"
#include "format/tile.h"

/* A folder and the size of the tree that is read of it. buf's room for one tile or bundle is kept between calls. */
struct folder {
	int dirfd;		/* the caller's */
	uint64_t size;
	struct buf tile;
	uint64_t bundle_n;	/* the bundle in bundle; UINT64_MAX: none */
	unsigned leaves;	/* whole ones in it */
	uint32_t at[TILE_WIDTH + 1];	/* offset of each leaf's length, and the end */
	struct buf bundle;
};
void folder_init(struct folder *f, int dirfd, uint64_t size);
void folder_clear(struct folder *f);
/* A merkle_read (crypto/merkle.h), cookie a struct folder. 0, CV_ERR_NOTFOUND (a tile is missing or short), CV_ERR_NOMEM, CV_ERR_IO. */
int folder_hash(void *cookie, unsigned level, uint64_t index, uint8_t ret[32]);
/* The bytes of one leaf, valid until the next call. The same results. */
int folder_leaf(struct folder *f, uint64_t index, const uint8_t **ret, size_t *ret_n);

#endif

/* Names of tiles and entry bundles in the log folder, docs/FORMAT.md section 10 (C2SP tlog-tiles). Pure. */
#ifndef CV_FORMAT_TILE_H
#define CV_FORMAT_TILE_H

#include <stddef.h>
#include <stdint.h>

#define TILE_WIDTH 256u		/* hashes of a full tile, leaves of a full bundle */
#define TILE_ENTRIES 255u	/* in place of a level: an entry bundle */
#define TILE_LEVELS 8u		/* levels of hash tiles that a tree of 2^64 leaves can have */
#define TILE_PATH_MAX 64u	/* bytes of a path with its NUL */

/*
 * Write the path, such as "tile/0/x001/234.p/12", and a NUL. level is below TILE_LEVELS or TILE_ENTRIES; width is 0 for a
 * full tile, else 1 to 255. Returns the length without the NUL.
 */
size_t tile_path(unsigned level, uint64_t n, unsigned width, char ret[TILE_PATH_MAX]);
/*
 * Read the n bytes of such a path, with or without "tile/" before it. 0 or CV_ERR_FORMAT: there is one spelling for each
 * tile.
 */
int tile_path_decode(const char *p, size_t n, unsigned *ret_level, uint64_t *ret_n, unsigned *ret_width);

#endif

/*
 * Compaction of a store that nobody has open: what was deleted or replaced leaves the files. docs/FORMAT.md 7.7.
 *
 * LMDB keeps the bytes of a freed page until the page is used again, and the journal those of a block until the ring comes round. Here
 * the tables are copied without free pages and the copy takes their place; the old file and every byte of the journal that the next start
 * does not read are overwritten with zeros. Killed at any moment it leaves a store that opens, with the same rows. What a file system or
 * a disk keeps of bytes that were overwritten in place is beyond its reach.
 */
#ifndef CV_STORE_COMPACT_H
#define CV_STORE_COMPACT_H

#include <stdint.h>

struct store_compact_report {
	uint64_t before, after;		/* bytes of the tables' file */
	uint64_t cleared;		/* bytes of journal files that were not zero */
};
/*
 * Compact the store of the vault's folder dir, with the owner and mode that its files have. 0; CV_ERR_NOTFOUND (no store there);
 * CV_ERR_BUSY (a daemon has it open); CV_ERR_STATE: it was not stopped cleanly, so that the next start needs what would go; CV_ERR_FORMAT
 * (unknown version); CV_ERR_EXISTS: the tables' file has a second name, whose bytes would go too; CV_ERR_REPLAY (journal and tables
 * contradict each other); CV_ERR_FULL: no room for the copy; CV_ERR_IO; CV_ERR_NOMEM.
 * After a failure the store is as before, or compacted in part.
 */
int store_compact(const char *dir, struct store_compact_report *ret) __attribute__((warn_unused_result));

#endif

/*
 * What a disk may hold after a crash: the recorded steps, played on files in memory.
 *
 * After kill -9 the disk holds what was written, all of it. After a power cut it holds of each file what was synced, and of what was
 * written since, anything: each 4 KiB page stands at one of its states since the last sync, and one page of a file is torn, its 512-byte
 * sectors each at a state of their own. A file that grew may have its new length without its bytes. Names of a folder stand as they did at
 * some moment since the folder was synced; syncing a file does not keep its name.
 */
#ifndef CV_CRASH_DISK_H
#define CV_CRASH_DISK_H

#include <stdbool.h>
#include <stdint.h>

struct disk;

/* What lies in folder from, all of it durable. */
struct disk *disk_new(const char *from);
/* The same disk once more, which counts the steps that come next from n on. */
struct disk *disk_copy(const struct disk *d, uint64_t n);
/* Count so. */
void disk_from(struct disk *d, uint64_t n);
void disk_free(struct disk *d);
/* Play the steps up to the n-th, which is not played; n never goes back. */
void disk_play(struct disk *d, uint64_t n);
/*
 * Make folder to (it is removed first) as a kill leaves it; of the next step, if it is a write, the first part (a whole number of pages)
 * may be there too: parts 0 is none, 2 half of it.
 */
void disk_killed(const struct disk *d, const char *to, unsigned part);
/* The same as a power cut leaves it; seed decides what is lost. The next step, if it is a write, may have been under way. */
void disk_cut(const struct disk *d, const char *to, uint64_t seed);

#endif

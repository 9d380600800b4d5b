/*
 * Everything that a vault writes below its folder, in a list.
 *
 * crash_record.c defines write, rename, fsync and so on in the test program itself, as fault.c does: LMDB's calls come by here too. Each
 * call really happens, and stands in the list in the order in which it did; the list lives in memory that forked processes share, so a
 * process that is killed leaves what it had written. Locks are no part of it: a process that dies holds none.
 */
#ifndef CV_CRASH_RECORD_H
#define CV_CRASH_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_PATH 96u
#define CRASH_STEPS 200000u

enum crash_what {
	CRASH_WRITE,		/* n bytes at p, to offset at */
	CRASH_WRITE_SYNC,	/* the same through O_DSYNC: durable when the call returns */
	CRASH_LENGTH,		/* the file is cut or grown to n bytes */
	CRASH_SYNC,		/* of a file or folder */
	CRASH_FILE,		/* a new, empty file */
	CRASH_FOLDER,		/* a new folder */
	CRASH_RENAME,		/* path to to */
	CRASH_REMOVE		/* a file or folder */
};

struct crash_step {
	enum crash_what what;
	uint64_t at, n;
	const uint8_t *p;
	int64_t clock_ms;	/* how far the wall clock was ahead */
	char path[CRASH_PATH], to[CRASH_PATH];	/* within the folder; "" is the folder itself */
};

/* Make the list, empty. Before the first fork. */
void crash_record_init(void);
/* Record what happens below this folder, an absolute path without links; NULL: nothing. */
void crash_record(const char *root);
/* Steps so far, and one of them. */
uint64_t crash_steps(void);
const struct crash_step *crash_step(uint64_t i);
/* Forget all steps from the n-th on. */
void crash_forget(uint64_t n);
/* Let the wall clock show so many milliseconds more than the machine's, in every process. */
void crash_clock(int64_t ms);
/* Let LMDB find the disk full, so that nothing is applied. */
void crash_fill(bool full);

#endif

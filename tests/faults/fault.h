/*
 * Calls to the C library that fail on demand.
 *
 * fault.c defines malloc, pwrite, fsync and so on in the test program itself. The linker puts them before the C library's, for the
 * program and for the shared libraries that it loads: so LMDB's and libsodium's calls come by here too. A call is counted if faults
 * are armed and its kind is that of the plan; the plan's N-th fails, or all from the N-th on. Nothing is ever really synced: what a
 * machine without power loses is not looked at here.
 */
#ifndef CV_FAULT_H
#define CV_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_ALLOC,		/* malloc, calloc, realloc, posix_memalign: ENOMEM */
	FAULT_MAP,		/* mmap: ENOMEM */
	FAULT_OPEN,		/* open, openat, eventfd: EMFILE */
	FAULT_READ,		/* read, pread: EIO */
	FAULT_WRITE,		/* write, pwrite, writev: EIO */
	FAULT_SPACE,		/* the same where a file grows; new files, folders and names: ENOSPC */
	FAULT_SHORT,		/* the same, of which half is written */
	FAULT_SYNC,		/* fsync, fdatasync, msync: EIO */
	FAULT_NAME,		/* rename, mkdir, unlink: EIO */
	FAULT_LENGTH,		/* ftruncate: EIO */
	FAULT_THREAD,		/* pthread_create: EAGAIN */
	FAULT_LMDB,		/* mdb_txn_begin, mdb_get, mdb_put, mdb_cursor_…, mdb_txn_commit: EIO */
	FAULT_FULL_MAP,		/* those of them that write: MDB_MAP_FULL */
	FAULT_KINDS
};

/* Where a failing call went. */
enum fault_place { PLACE_UNKNOWN, PLACE_JOURNAL, PLACE_TABLES, PLACE_LOG, PLACE_SHRED };

struct fault_plan {
	enum fault_kind kind;
	uint64_t n;		/* which call fails, from 1; 0: none */
	bool lasting;		/* and all that follow */
	enum fault_place only;	/* of FAULT_SPACE: files of this place alone; PLACE_UNKNOWN: all */
};

struct fault_report {
	uint64_t calls;		/* of the plan's kind */
	uint64_t failed;
	enum fault_place place;	/* of the first one */
	uint64_t journal_writes;	/* to the journal, after a write or sync of it had failed */
};

/* Set the plan; faults are disarmed. What happens goes to report, which outlives the plan. */
void fault_set(const struct fault_plan *plan, struct fault_report *report);
/* From here on calls of the plan's kind count and may fail, in every thread. */
void fault_arm(void);
void fault_disarm(void);
/* Let the wall clock show so many milliseconds more than the machine's. */
void fault_clock(int64_t ms);
/* Text of a kind; static. */
const char *fault_name(enum fault_kind kind);

#endif

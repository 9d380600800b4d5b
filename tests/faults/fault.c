#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What stands behind the allocator's names: the C library's, or AddressSanitizer's. */
#ifdef BEHIND_ASAN
#define BEHIND(name) __interceptor_##name
#else
#define BEHIND(name) __libc_##name
#endif
void *BEHIND(malloc)(size_t n);
void *BEHIND(calloc)(size_t n, size_t size);
void *BEHIND(realloc)(void *p, size_t n);
void *BEHIND(memalign)(size_t align, size_t n);
int posix_memalign(void **ret, size_t align, size_t n);

static struct fault_plan plan;
static struct fault_report nowhere, *report = &nowhere;
static atomic_bool armed, journal_failed;
static _Atomic uint64_t calls;
static _Atomic int64_t clock_ms;
static _Thread_local bool counts;	/* not yet while a thread begins: that is the libraries' own work */

void fault_set(const struct fault_plan *p, struct fault_report *r)
{
	armed = false;
	journal_failed = false;
	calls = 0;
	plan = *p;
	report = r;
	*r = (struct fault_report){ 0 };
}

void fault_arm(void)
{
	counts = true;
	armed = true;
}


void fault_disarm(void) { armed = false; }
void fault_clock(int64_t ms) { clock_ms = ms; }

const char *fault_name(enum fault_kind kind)
{
	static const char *const names[FAULT_KINDS] = { "none", "alloc", "map", "open", "read", "write", "space", "short", "sync", "name",
		"length", "thread", "lmdb", "full-map" };

	return names[kind];
}

/* ---- places ------------------------------------------------------------------------------------------------------- */

static enum fault_place place_of_path(const char *path)
{
	static const struct {
		const char *part;
		enum fault_place place;
	} parts[] = { { "/journal/0", PLACE_JOURNAL }, { "/store/", PLACE_TABLES }, { "/log", PLACE_LOG }, { "/shred", PLACE_SHRED } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(path, parts[i].part) != NULL)
			return parts[i].place;
	return PLACE_UNKNOWN;
}

static enum fault_place place_of(int fd)
{
	char link[64], path[4096];
	ssize_t n;
	int was = errno;

	if (fd < 0)
		return PLACE_UNKNOWN;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	errno = was;
	if (n < 0)
		return PLACE_UNKNOWN;
	path[n] = '\0';
	return place_of_path(path);
}

/* With the variable FAULTS_WHERE the log says from where the first failing call came, for addr2line. */
static void tell_where(void)
{
	void *at[24];
	bool was = armed;

	if (getenv("FAULTS_WHERE") == NULL)
		return;
	armed = false;
	backtrace_symbols_fd(at, backtrace(at, 24), STDERR_FILENO);
	armed = was;
}

/* Whether this call of the kind fails. fd is -1 if there is none. */
static bool fails(enum fault_kind kind, int fd)
{
	uint64_t n;

	if (!armed || !counts || plan.kind != kind || (plan.only != PLACE_UNKNOWN && place_of(fd) != plan.only))
		return false;
	n = ++calls;
	report->calls = n;
	if (plan.n == 0 || n < plan.n || (n > plan.n && !plan.lasting))
		return false;
	if (report->failed++ == 0) {
		report->place = place_of(fd);
		tell_where();
	}
	return true;
}

static int fail(int e)
{
	errno = e;
	return -1;
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t n) { return fails(FAULT_ALLOC, -1) ? no_memory() : BEHIND(malloc)(n); }
void *calloc(size_t n, size_t size) { return fails(FAULT_ALLOC, -1) ? no_memory() : BEHIND(calloc)(n, size); }
void *realloc(void *p, size_t n) { return fails(FAULT_ALLOC, -1) ? no_memory() : BEHIND(realloc)(p, n); }
int posix_memalign(void **ret, size_t align, size_t n)
{
	void *p = fails(FAULT_ALLOC, -1) ? NULL : BEHIND(memalign)(align, n);

	if (p == NULL)
		return ENOMEM;
	*ret = p;
	return 0;
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	if (fails(FAULT_MAP, fd)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, off);
}

struct thread {
	void *(*run)(void *);
	void *arg;
};

static void *thread_main(void *arg)
{
	struct thread t = *(struct thread *)arg;

	free(arg);
	counts = true;
	return t.run(t.arg);
}

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	int (*behind)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	void *symbol = dlsym(RTLD_NEXT, "pthread_create");
	struct thread *x;
	int rc;

	if (fails(FAULT_THREAD, -1) || (x = BEHIND(malloc)(sizeof(*x))) == NULL)
		return EAGAIN;
	*x = (struct thread){ run, arg };
	memcpy(&behind, &symbol, sizeof(behind));
	if ((rc = behind(t, attr, thread_main, x)) != 0)
		free(x);
	return rc;
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

static int open_at(int dirfd, const char *path, int flags, mode_t mode)
{
	if (fails(FAULT_OPEN, -1))
		return fail(EMFILE);
	if ((flags & O_CREAT) != 0 && fails(FAULT_SPACE, dirfd))
		return fail(ENOSPC);
	return (int)syscall(SYS_openat, dirfd, path, flags, mode);
}

#include "faults/open_calls.h"

int eventfd(unsigned int n, int flags) { return fails(FAULT_OPEN, -1) ? fail(EMFILE) : (int)syscall(SYS_eventfd2, n, flags); }

ssize_t read(int fd, void *p, size_t n) { return fails(FAULT_READ, fd) ? fail(EIO) : syscall(SYS_read, fd, p, n); }
ssize_t pread(int fd, void *p, size_t n, off_t off) { return fails(FAULT_READ, fd) ? fail(EIO) : syscall(SYS_pread64, fd, p, n, off); }

/* Whether a write of n bytes at off, or at the end, makes the file longer: what lies within it has its room on the disk. */
static bool grows(int fd, off_t off, size_t n)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && off + (off_t)n > st.st_size;
}

/* What becomes of a write: 0, or the errno that it fails with; a short one has *n halved. Writes outside of the vault are let be. */
static int write_fails(int fd, off_t off, size_t *n)
{
	enum fault_place place;

	if (!armed || fd <= STDERR_FILENO || (place = place_of(fd)) == PLACE_UNKNOWN)
		return 0;
	if (place == PLACE_JOURNAL && journal_failed)
		report->journal_writes++;
	if (fails(FAULT_WRITE, fd)) {
		journal_failed = journal_failed || place == PLACE_JOURNAL;
		return EIO;
	}
	if (grows(fd, off, *n) && fails(FAULT_SPACE, fd))
		return ENOSPC;
	if (*n > 1 && fails(FAULT_SHORT, fd))
		*n /= 2;
	return 0;
}

ssize_t write(int fd, const void *p, size_t n)
{
	int e = write_fails(fd, lseek(fd, 0, SEEK_CUR), &n);

	return e != 0 ? fail(e) : syscall(SYS_write, fd, p, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	int e = write_fails(fd, off, &n);

	return e != 0 ? fail(e) : syscall(SYS_pwrite64, fd, p, n, off);
}

/* LMDB alone writes so; of a short one the first part is written. */
ssize_t writev(int fd, const struct iovec *v, int count)
{
	size_t n = 0, all;
	int e;

	for (int i = 0; i < count; i++)
		n += v[i].iov_len;
	all = n;
	e = write_fails(fd, lseek(fd, 0, SEEK_CUR), &n);
	return e != 0 ? fail(e) : syscall(SYS_writev, fd, v, n < all ? 1 : count);
}

static int sync_fails(int fd)
{
	if (!fails(FAULT_SYNC, fd))
		return 0;
	journal_failed = journal_failed || place_of(fd) == PLACE_JOURNAL;
	return fail(EIO);
}

int fsync(int fd) { return sync_fails(fd); }
int fdatasync(int fd) { return sync_fails(fd); }
int msync(void *p, size_t n, int flags)
{
	(void)p;
	(void)n;
	(void)flags;
	return sync_fails(-1);
}

/* What changes a folder may find the disk full too. */
static int name_fails(int fd)
{
	return fails(FAULT_NAME, fd) ? fail(EIO) : fails(FAULT_SPACE, fd) ? fail(ENOSPC) : 0;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return name_fails(from_fd) != 0 ? -1 : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}
int mkdirat(int dirfd, const char *path, mode_t mode) { return name_fails(dirfd) != 0 ? -1 : (int)syscall(SYS_mkdirat, dirfd, path, mode); }
int unlinkat(int dirfd, const char *path, int flags)
{
	return fails(FAULT_NAME, dirfd) ? fail(EIO) : (int)syscall(SYS_unlinkat, dirfd, path, flags);
}
int ftruncate(int fd, off_t n)
{
	return fails(FAULT_LENGTH, fd) ? fail(EIO) : fails(FAULT_SPACE, fd) ? fail(ENOSPC) : (int)syscall(SYS_ftruncate, fd, n);
}

/* ---- LMDB --------------------------------------------------------------------------------------------------------- */

static void *lmdb(const char *name) { return dlsym(RTLD_NEXT, name); }

/* A call of liblmdb by name, unless it fails. writes: it is one that may find the map full. */
#define LMDB_CALL(writes, name, params, args)						\
	int name params									\
	{										\
		int (*behind) params;							\
		void *symbol;								\
											\
		if (fails(FAULT_LMDB, -1))						\
			return EIO;							\
		if ((writes) && fails(FAULT_FULL_MAP, -1))				\
			return MDB_MAP_FULL;						\
		symbol = lmdb(#name);							\
		memcpy(&behind, &symbol, sizeof(behind));				\
		return behind args;							\
	}
LMDB_CALL(false, mdb_txn_begin, (MDB_env *e, MDB_txn *parent, unsigned int flags, MDB_txn **ret), (e, parent, flags, ret))
LMDB_CALL(false, mdb_txn_renew, (MDB_txn *txn), (txn))
LMDB_CALL(false, mdb_get, (MDB_txn *txn, MDB_dbi dbi, MDB_val *k, MDB_val *v), (txn, dbi, k, v))
LMDB_CALL(true, mdb_put, (MDB_txn *txn, MDB_dbi dbi, MDB_val *k, MDB_val *v, unsigned int flags), (txn, dbi, k, v, flags))
LMDB_CALL(true, mdb_del, (MDB_txn *txn, MDB_dbi dbi, MDB_val *k, MDB_val *v), (txn, dbi, k, v))
LMDB_CALL(false, mdb_cursor_open, (MDB_txn *txn, MDB_dbi dbi, MDB_cursor **ret), (txn, dbi, ret))
LMDB_CALL(false, mdb_cursor_renew, (MDB_txn *txn, MDB_cursor *c), (txn, c))
LMDB_CALL(false, mdb_cursor_get, (MDB_cursor *c, MDB_val *k, MDB_val *v, MDB_cursor_op op), (c, k, v, op))
LMDB_CALL(true, mdb_cursor_put, (MDB_cursor *c, MDB_val *k, MDB_val *v, unsigned int flags), (c, k, v, flags))
LMDB_CALL(true, mdb_cursor_del, (MDB_cursor *c, unsigned int flags), (c, flags))

/* One that fails ends its transaction, as LMDB's own does. */
int mdb_txn_commit(MDB_txn *txn)
{
	int (*behind)(MDB_txn *);
	void *symbol;
	bool io = fails(FAULT_LMDB, -1);

	if (io || fails(FAULT_FULL_MAP, -1)) {
		mdb_txn_abort(txn);
		return io ? EIO : MDB_MAP_FULL;
	}
	symbol = lmdb("mdb_txn_commit");
	memcpy(&behind, &symbol, sizeof(behind));
	return behind(txn);
}

/* ---- time --------------------------------------------------------------------------------------------------------- */

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret);

	if (r == 0 && id == CLOCK_REALTIME && clock_ms != 0) {
		int64_t ms = clock_ms;

		ret->tv_sec += ms / 1000;
		ret->tv_nsec += ms % 1000 * 1000000;
		ret->tv_sec += ret->tv_nsec >= 1000000000 ? 1 : ret->tv_nsec < 0 ? -1 : 0;
		ret->tv_nsec += ret->tv_nsec >= 1000000000 ? -1000000000 : ret->tv_nsec < 0 ? 1000000000 : 0;
	}
	return r;
}

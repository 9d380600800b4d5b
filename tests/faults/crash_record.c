#include "crash_record.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BYTES_MAX ((size_t)1 << 30)	/* of everything that is written; address space until then */

struct list {
	_Atomic uint64_t n;
	_Atomic int64_t clock_ms;
	size_t used;		/* of bytes */
	struct crash_step step[CRASH_STEPS];
};
static struct list *list;
static uint8_t *bytes;
static char root[CRASH_PATH];
static atomic_bool full;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* held from the call to its place in the list */

void crash_record_init(void)
{
	list = mmap(NULL, sizeof(*list), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bytes = mmap(NULL, BYTES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert(list != MAP_FAILED && bytes != MAP_FAILED);
}

void crash_record(const char *dir)
{
	(void)snprintf(root, sizeof(root), "%s", dir != NULL ? dir : "");
}

uint64_t crash_steps(void) { return list->n; }
const struct crash_step *crash_step(uint64_t i) { return &list->step[i]; }
void crash_forget(uint64_t n) { list->n = n; }
void crash_clock(int64_t ms) { list->clock_ms = ms; }
void crash_fill(bool on) { full = on; }

/* ---- the list ----------------------------------------------------------------------------------------------------- */

/* The path within the folder that is recorded; false: it lies elsewhere, or is a lock. */
static bool within(const char *path, char ret[CRASH_PATH])
{
	size_t n = strlen(root);

	if (n == 0 || strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0') || strstr(path, " (deleted)") != NULL)
		return false;
	path += n + (path[n] == '/');
	if (strcmp(path, "store/lock.mdb") == 0 || strcmp(path, "journal/lock") == 0)
		return false;
	assert(strlen(path) < CRASH_PATH);
	strcpy(ret, path);
	return true;
}

static bool path_of(int fd, char ret[4096])
{
	char link[64];
	ssize_t n;
	int was = errno;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, 4095);
	errno = was;
	if (n < 0)
		return false;
	ret[n] = '\0';
	return true;
}

static bool file_within(int fd, char ret[CRASH_PATH])
{
	char path[4096];

	return root[0] != '\0' && fd > STDERR_FILENO && path_of(fd, path) && within(path, ret);
}

static bool name_within(int dirfd, const char *name, char ret[CRASH_PATH])
{
	char path[8192];

	if (root[0] == '\0')
		return false;
	if (name[0] == '/' || dirfd == AT_FDCWD)
		return within(name, ret);
	if (!path_of(dirfd, path))
		return false;
	if (strcmp(name, ".") != 0) {
		strcat(path, "/");
		strncat(path, name, 4000);
	}
	return within(path, ret);
}

/* With the lock held. */
static struct crash_step *step_add(enum crash_what what, const char *path)
{
	struct crash_step *s = &list->step[list->n];

	assert(list->n < CRASH_STEPS);
	*s = (struct crash_step){ .what = what, .clock_ms = list->clock_ms };
	strcpy(s->path, path);
	return s;
}

static void written(int fd, const char *path, const void *p, size_t n, off_t off)
{
	bool sync = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
	struct crash_step *s = step_add(sync ? CRASH_WRITE_SYNC : CRASH_WRITE, path);

	assert(list->used + n <= BYTES_MAX);
	memcpy(bytes + list->used, p, n);
	s->p = bytes + list->used;
	s->at = (uint64_t)off;
	s->n = n;
	list->used += n;
	list->n++;
}

static void begin(void) { (void)pthread_mutex_lock(&lock); }
static void end(void)
{
	int was = errno;

	(void)pthread_mutex_unlock(&lock);
	errno = was;
}

static int fail(int e)
{
	errno = e;
	return -1;
}

static bool finds_no_room(const char *path) { return full && strcmp(path, "store/data.mdb") == 0; }

/* ---- files -------------------------------------------------------------------------------------------------------- */

static int open_at(int dirfd, const char *path, int flags, mode_t mode)
{
	char name[CRASH_PATH];
	struct stat st;
	bool is_new;
	int fd;

	if ((flags & (O_CREAT | O_TRUNC)) == 0 || !name_within(dirfd, path, name))
		return (int)syscall(SYS_openat, dirfd, path, flags, mode);
	begin();
	is_new = fstatat(dirfd, path, &st, 0) != 0;
	fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
	if (fd >= 0 && is_new) {
		(void)step_add(CRASH_FILE, name);
		list->n++;
	} else if (fd >= 0 && (flags & O_TRUNC) != 0) {
		(void)step_add(CRASH_LENGTH, name);
		list->n++;
	}
	end();
	return fd;
}

#include "faults/open_calls.h"

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	char path[CRASH_PATH];
	ssize_t r;

	if (!file_within(fd, path))
		return syscall(SYS_pwrite64, fd, p, n, off);
	if (finds_no_room(path))
		return fail(ENOSPC);
	begin();
	r = syscall(SYS_pwrite64, fd, p, n, off);
	if (r > 0)
		written(fd, path, p, (size_t)r, off);
	end();
	return r;
}

ssize_t write(int fd, const void *p, size_t n)
{
	char path[CRASH_PATH];
	ssize_t r;
	off_t off;

	if (!file_within(fd, path))
		return syscall(SYS_write, fd, p, n);
	if (finds_no_room(path))
		return fail(ENOSPC);
	begin();
	off = lseek(fd, 0, SEEK_CUR);
	r = syscall(SYS_write, fd, p, n);
	if (r > 0)
		written(fd, path, p, (size_t)r, off);
	end();
	return r;
}

/* LMDB alone writes so, and its pages are whole. */
ssize_t writev(int fd, const struct iovec *v, int count)
{
	char path[CRASH_PATH];
	ssize_t r, left;
	off_t off;

	if (!file_within(fd, path))
		return syscall(SYS_writev, fd, v, count);
	if (finds_no_room(path))
		return fail(ENOSPC);
	begin();
	off = lseek(fd, 0, SEEK_CUR);
	r = left = syscall(SYS_writev, fd, v, count);
	for (int i = 0; i < count && left > 0; i++) {
		size_t n = v[i].iov_len < (size_t)left ? v[i].iov_len : (size_t)left;

		written(fd, path, v[i].iov_base, n, off);
		off += (off_t)n;
		left -= (ssize_t)n;
	}
	end();
	return r;
}

int ftruncate(int fd, off_t n)
{
	char path[CRASH_PATH];
	int r;

	if (!file_within(fd, path))
		return (int)syscall(SYS_ftruncate, fd, n);
	begin();
	if ((r = (int)syscall(SYS_ftruncate, fd, n)) == 0) {
		step_add(CRASH_LENGTH, path)->n = (uint64_t)n;
		list->n++;
	}
	end();
	return r;
}

static int sync_of(int fd, long call)
{
	char path[CRASH_PATH];
	int r;

	if (!file_within(fd, path))
		return (int)syscall(call, fd);
	begin();
	if ((r = (int)syscall(call, fd)) == 0) {
		(void)step_add(CRASH_SYNC, path);
		list->n++;
	}
	end();
	return r;
}

int fsync(int fd) { return sync_of(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_of(fd, SYS_fdatasync); }

/* ---- names -------------------------------------------------------------------------------------------------------- */

/* Do a call about one name, and note it if it went well. */
static int name_call(enum crash_what what, long call, int dirfd, const char *path, long more)
{
	char name[CRASH_PATH];
	int r;

	if (!name_within(dirfd, path, name))
		return (int)syscall(call, dirfd, path, more);
	begin();
	if ((r = (int)syscall(call, dirfd, path, more)) == 0) {
		(void)step_add(what, name);
		list->n++;
	}
	end();
	return r;
}

int mkdirat(int dirfd, const char *path, mode_t mode) { return name_call(CRASH_FOLDER, SYS_mkdirat, dirfd, path, (long)mode); }
int unlinkat(int dirfd, const char *path, int flags) { return name_call(CRASH_REMOVE, SYS_unlinkat, dirfd, path, flags); }

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	char name[CRASH_PATH], other[CRASH_PATH];
	struct crash_step *s;
	int r;

	if (!name_within(from_fd, from, name) || !name_within(to_fd, to, other))
		return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
	begin();
	if ((r = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0)) == 0) {
		s = step_add(CRASH_RENAME, name);
		strcpy(s->to, other);
		list->n++;
	}
	end();
	return r;
}

int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* What nobody calls below the folder is not recorded, and has to fail loudly if somebody begins to. */
static int unknown(const char *name)
{
	fprintf(stderr, "%s below the folder is not recorded\n", name);
	abort();
}
int link(const char *from, const char *to)
{
	char name[CRASH_PATH];

	if (within(to, name))
		return unknown("link");
	return (int)syscall(SYS_link, from, to);
}
int fallocate(int fd, int mode, off_t off, off_t n)
{
	char name[CRASH_PATH];

	if (file_within(fd, name))
		return unknown("fallocate");
	return (int)syscall(SYS_fallocate, fd, mode, off, n);
}
ssize_t pwritev(int fd, const struct iovec *v, int count, off_t off)
{
	char name[CRASH_PATH];

	if (file_within(fd, name))
		return unknown("pwritev");
	return syscall(SYS_pwritev, fd, v, count, off, 0);
}
int msync(void *p, size_t n, int flags)
{
	if (root[0] != '\0')
		return unknown("msync");
	return (int)syscall(SYS_msync, p, n, flags);
}

/* ---- time --------------------------------------------------------------------------------------------------------- */

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret);

	if (r == 0 && id == CLOCK_REALTIME && list != NULL) {
		int64_t ms = list->clock_ms;

		ret->tv_sec += ms / 1000;
		ret->tv_nsec += ms % 1000 * 1000000;
		ret->tv_sec += ret->tv_nsec >= 1000000000;
		ret->tv_nsec -= ret->tv_nsec >= 1000000000 ? 1000000000 : 0;
	}
	return r;
}

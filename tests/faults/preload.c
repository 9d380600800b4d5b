/*
 * Syncs and forks of the real daemon that fail on demand: a library for LD_PRELOAD.
 *
 * What is to fail stands in a page that a test maps as well: the file that CHILDVAULT_TEST_FAULTS names, of struct control. A sync that
 * fails may lose what it was to make durable, as a disk does that could not write: then the file is as it was at its last sync, at once,
 * and whoever syncs again is told that all is well. Which file a descriptor belongs to is known from the name under which it was opened.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS 4096

/* Places, as bits; tests/integration/72-sync-fails has the same list. */
enum place {
	PLACE_JOURNAL = 1,
	PLACE_TABLES = 2,	/* LMDB */
	PLACE_TAIL = 4,		/* log/: leaves after the last full bundle */
	PLACE_TILES = 8,	/* full tiles and bundles */
	PLACE_PARTIAL = 16,	/* those of a checkpoint */
	PLACE_CHECKPOINT = 32,
	PLACE_FOLDER = 64,	/* folders below log/, and log/ itself */
	PLACE_FORK = 128
};

struct control {
	_Atomic uint32_t places;	/* that fail, */
	_Atomic uint32_t left;		/* so often from now on; UINT32_MAX: for good */
	_Atomic uint32_t lose;		/* whether what was not synced is lost */
	_Atomic uint32_t skip;		/* calls that go well before */
	_Atomic uint32_t failed;	/* so many did */
	_Atomic uint32_t place;		/* the first one's */
	_Atomic uint32_t journal_writes;	/* and of writes and syncs of the journal after one of its syncs had failed */
	_Atomic uint32_t journal_failed;
};

/* Bytes that a write replaced. */
struct before {
	struct before *next;
	off_t at;
	size_t n, was;		/* written; of them the file had so many */
	uint8_t p[];
};

static struct control nobody, *control = &nobody;
static _Atomic uint8_t place_of[DESCRIPTORS];
static struct before *before[DESCRIPTORS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CHILDVAULT_TEST_FAULTS");
	int fd = path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p != MAP_FAILED)
		control = p;
}

/* ---- which file is it --------------------------------------------------------------------------------------------- */

static bool ends(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && strcmp(path + n - m, end) == 0;
}

static uint8_t name_place(int dirfd, const char *path, int flags)
{
	bool in_log = dirfd >= 0 && dirfd < DESCRIPTORS && place_of[dirfd] == PLACE_FOLDER;

	if (ends(path, ".j"))
		return PLACE_JOURNAL;
	if (ends(path, "/data.mdb"))
		return PLACE_TABLES;
	if (!in_log)
		return strcmp(path, "log") == 0 ? PLACE_FOLDER : 0;
	if ((flags & O_DIRECTORY) != 0)
		return PLACE_FOLDER;
	if (strncmp(path, "tail", 4) == 0)
		return PLACE_TAIL;
	if (strncmp(path, "checkpoint", 10) == 0)
		return PLACE_CHECKPOINT;
	if (strncmp(path, "tile/", 5) != 0)
		return 0;
	if (strstr(path, ".p/") != NULL || ends(path, ".p"))
		return ends(path, ".p") ? PLACE_FOLDER : PLACE_PARTIAL;
	/* files_sync opens folders as it does files; their names have a digit less or end in entries. */
	return PLACE_TILES;
}

static void forget(int fd)
{
	struct before *b;

	if (fd < 0 || fd >= DESCRIPTORS)
		return;
	(void)pthread_mutex_lock(&lock);
	b = before[fd];
	before[fd] = NULL;
	(void)pthread_mutex_unlock(&lock);
	while (b != NULL) {
		struct before *next = b->next;

		free(b);
		b = next;
	}
}

static int open_at(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
	struct stat st;

	if (fd < 0 || fd >= DESCRIPTORS)
		return fd;
	forget(fd);
	place_of[fd] = name_place(dirfd, path, flags);
	if (place_of[fd] == PLACE_TILES && syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) == 0 && S_ISDIR(st.st_mode))
		place_of[fd] = PLACE_FOLDER;
	return fd;
}

#include "faults/open_calls.h"

int close(int fd)
{
	forget(fd);
	if (fd >= 0 && fd < DESCRIPTORS)
		place_of[fd] = 0;
	return (int)syscall(SYS_close, fd);
}

static uint8_t place(int fd) { return fd >= 0 && fd < DESCRIPTORS ? place_of[fd] : 0; }

/* ---- what is lost ------------------------------------------------------------------------------------------------- */

static void keep(int fd, size_t n, off_t at)
{
	struct before *b;
	ssize_t was;

	if (control->lose == 0 || place(fd) == 0 || (b = malloc(sizeof(*b) + n)) == NULL)
		return;
	was = syscall(SYS_pread64, fd, b->p, n, at);
	*b = (struct before){ .at = at, .n = n, .was = was > 0 ? (size_t)was : 0 };
	(void)pthread_mutex_lock(&lock);
	b->next = before[fd];
	before[fd] = b;
	(void)pthread_mutex_unlock(&lock);
}

/* A file that was written through another descriptor: its bytes are zeros, as if only its length had been written. */
static void lose_all(int fd)
{
	char path[64], zeros[4096] = { 0 };
	struct stat st;
	int other;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (other = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0)) < 0)
		return;
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros)) {
		size_t n = st.st_size - at < (off_t)sizeof(zeros) ? (size_t)(st.st_size - at) : sizeof(zeros);

		(void)!syscall(SYS_pwrite64, other, zeros, n, at);
	}
	(void)syscall(SYS_close, other);
}

static void lose(int fd)
{
	if (before[fd] == NULL && place(fd) != PLACE_TABLES)
		lose_all(fd);
	(void)pthread_mutex_lock(&lock);
	for (const struct before *b = before[fd]; b != NULL; b = b->next) {
		struct stat st;

		(void)!syscall(SYS_pwrite64, fd, b->p, b->was, b->at);
		if (b->was < b->n && fstat(fd, &st) == 0 && st.st_size == b->at + (off_t)b->n)
			(void)!syscall(SYS_ftruncate, fd, b->at + (off_t)b->was);
	}
	(void)pthread_mutex_unlock(&lock);
	forget(fd);
}

/* ---- calls -------------------------------------------------------------------------------------------------------- */

static bool fails(uint8_t at)
{
	uint32_t left = control->left;

	if ((control->places & at) == 0 || left == 0)
		return false;
	if (control->skip > 0) {
		control->skip--;
		return false;
	}
	if (left != UINT32_MAX)
		control->left = left - 1;
	if (control->failed++ == 0)
		control->place = at;
	if (at == PLACE_JOURNAL)
		control->journal_failed = 1;
	return true;
}

static int fail(void)
{
	errno = EIO;
	return -1;
}

static int sync_of(int fd, long call)
{
	uint8_t at = place(fd);

	if (at == PLACE_JOURNAL && control->journal_failed != 0)
		control->journal_writes++;
	if (fails(at)) {
		if (control->lose != 0)
			lose(fd);
		return fail();
	}
	forget(fd);
	return (int)syscall(call, fd);
}

int fsync(int fd) { return sync_of(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_of(fd, SYS_fdatasync); }

/* Whether the write is one that syncs, and fails; else what it replaces is kept. */
static bool write_fails(int fd, size_t n, off_t at)
{
	if (place(fd) == PLACE_JOURNAL && control->journal_failed != 0)
		control->journal_writes++;
	if (place(fd) != 0 && (fcntl(fd, F_GETFL) & O_DSYNC) != 0)
		return fails(place(fd));
	keep(fd, n, at);
	return false;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return write_fails(fd, n, at) ? fail() : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
	return write_fails(fd, n, at) ? fail() : syscall(SYS_pwrite64, fd, p, n, at);
}

/* LMDB alone writes so, at the descriptor's place. */
ssize_t writev(int fd, const struct iovec *v, int count)
{
	size_t n = 0;

	for (int i = 0; i < count; i++)
		n += v[i].iov_len;
	if (place(fd) != 0)
		keep(fd, n, lseek(fd, 0, SEEK_CUR));
	return syscall(SYS_writev, fd, v, count);
}

pid_t fork(void)
{
	pid_t (*behind)(void);
	void *symbol = dlsym(RTLD_NEXT, "fork");

	if (fails(PLACE_FORK)) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(&behind, &symbol, sizeof(behind));
	return behind();
}

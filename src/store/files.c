/* The file operations of files.h. */
#include "store/files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"

#define PATH_SIZE 512

/* Paths are built by this project's code alone: one that could leave the folder is a bug, not an input. */
static bool path_ok(const char *path)
{
	const char *p = path;

	if (*p == '\0' || *p == '/' || strlen(path) >= PATH_SIZE - 8)
		return false;
	for (;;) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (*p == '\0')
			return true;
		p++;
	}
}

static int error_of(int e)
{
	switch (e) {
	case ENOENT:
		return CV_ERR_NOTFOUND;
	case EEXIST:
		return CV_ERR_EXISTS;
	case ENOSPC:
	case EDQUOT:
		return CV_ERR_FULL;
	default:
		return CV_ERR_IO;
	}
}

static int write_all(int fd, const uint8_t *p, size_t n, uint64_t off)
{
	while (n > 0) {
		ssize_t k = pwrite(fd, p, n, (off_t)off);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return error_of(errno);
		p += k;
		n -= (size_t)k;
		off += (uint64_t)k;
	}
	return 0;
}

/* fsync the folder that holds path. */
static int sync_parent(int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_SIZE] = ".";
	int fd, r;

	if (slash != NULL) {
		memcpy(parent, path, (size_t)(slash - path));
		parent[slash - path] = '\0';
	}
	fd = openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return CV_ERR_IO;
	r = fsync(fd) == 0 ? 0 : error_of(errno);
	(void)close(fd);	/* only read */
	return r;
}

/* Make a folder that may be there already, durably. 0, CV_ERR_FULL, CV_ERR_IO. */
static int make_folder(int dirfd, const char *path)
{
	int r = 0;

	if (mkdirat(dirfd, path, 0700) == 0) {
		r = sync_parent(dirfd, path);
		if (r != 0)
			(void)unlinkat(dirfd, path, AT_REMOVEDIR);	/* who comes again must not take it for a durable one */
	} else if (errno != EEXIST) {
		r = error_of(errno);
	}
	return r == 0 || r == CV_ERR_FULL ? r : CV_ERR_IO;
}

int files_open_dir(int dirfd, const char *path)
{
	int fd;

	assert(path_ok(path));
	if ((fd = make_folder(dirfd, path)) != 0)
		return fd;
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 ? fd : CV_ERR_IO;
}

int files_make_parents(int dirfd, const char *path)
{
	char part[PATH_SIZE];
	int r;

	assert(path_ok(path));
	for (const char *p = strchr(path, '/'); p != NULL; p = strchr(p + 1, '/')) {
		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		if ((r = make_folder(dirfd, part)) != 0)
			return r;
	}
	return 0;
}

/* Open path with the flags for writing, write, sync if wanted, close. The descriptor is closed in every case. */
static int write_file(int dirfd, const char *path, int flags, const void *p, size_t n, bool sync)
{
	int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_CREAT | flags, 0600), r;

	if (fd < 0)
		return error_of(errno);
	r = write_all(fd, p, n, 0);
	if (r == 0 && sync && fsync(fd) != 0)
		r = error_of(errno);
	/* A hint alone: with its blocks at hand, the first sync of several new files carries the others' metadata too. */
	if (r == 0 && !sync)
		(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	if (close(fd) != 0 && r == 0)
		r = CV_ERR_IO;
	return r;
}

static int replace(int dirfd, const char *path, const void *p, size_t n, bool sync)
{
	char tmp[PATH_SIZE];
	int r;

	assert(path_ok(path));
	(void)snprintf(tmp, sizeof(tmp), "%s.new", path);	/* fits: path_ok leaves room */
	r = write_file(dirfd, tmp, O_TRUNC, p, n, sync);
	if (r == 0 && renameat(dirfd, tmp, dirfd, path) != 0)
		r = error_of(errno);
	if (r != 0)
		(void)unlinkat(dirfd, tmp, 0);	/* the error that matters is r */
	else if (sync)
		r = sync_parent(dirfd, path);
	return r == 0 || r == CV_ERR_FULL ? r : CV_ERR_IO;
}

int files_replace(int dirfd, const char *path, const void *p, size_t n)
{
	return replace(dirfd, path, p, n, true);
}

int files_replace_lazy(int dirfd, const char *path, const void *p, size_t n)
{
	return replace(dirfd, path, p, n, false);
}

int files_create(int dirfd, const char *path, const void *p, size_t n)
{
	int r;

	assert(path_ok(path));
	r = write_file(dirfd, path, O_EXCL, p, n, true);
	if (r == CV_ERR_EXISTS)
		return r;
	if (r == 0)
		r = sync_parent(dirfd, path);
	if (r != 0)
		(void)unlinkat(dirfd, path, 0);	/* it was not there before, and is not whole */
	return r == 0 || r == CV_ERR_FULL ? r : CV_ERR_IO;
}

int files_overwrite(int dirfd, const char *path, uint64_t offset, const void *p, size_t n)
{
	int fd, r;

	assert(path_ok(path));
	fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? CV_ERR_NOTFOUND : CV_ERR_IO;
	r = write_all(fd, p, n, offset);
	if (r == 0 && fdatasync(fd) != 0)
		r = CV_ERR_IO;
	if (close(fd) != 0)
		r = CV_ERR_IO;
	return r == 0 ? 0 : CV_ERR_IO;
}

int files_append(int dirfd, const char *path, uint64_t offset, const void *p, size_t n)
{
	bool fresh = false;
	struct stat st;
	int fd, r;

	assert(path_ok(path));
	fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && offset == 0) {
		fresh = true;
		fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_CREAT, 0600);
	}
	if (fd < 0)
		return errno == ENOENT ? CV_ERR_NOTFOUND : CV_ERR_IO;
	if (fstat(fd, &st) != 0)
		r = CV_ERR_IO;
	else if ((uint64_t)st.st_size < offset)
		r = CV_ERR_FORMAT;
	else
		r = write_all(fd, p, n, offset);
	if (r == 0 && (uint64_t)st.st_size > offset + n && ftruncate(fd, (off_t)(offset + n)) != 0)
		r = CV_ERR_IO;
	if (r == 0 && fdatasync(fd) != 0)
		r = error_of(errno);
	if (close(fd) != 0 && r == 0)
		r = CV_ERR_IO;
	if (r == 0 && fresh)
		r = sync_parent(dirfd, path);
	return r == 0 || r == CV_ERR_FULL || r == CV_ERR_FORMAT ? r : CV_ERR_IO;
}

int files_read_at(int dirfd, const char *path, uint64_t offset, void *p, size_t n)
{
	uint8_t *at = p;
	ssize_t k = 1;
	int fd;

	assert(path_ok(path));
	if ((fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) < 0)
		return errno == ENOENT ? CV_ERR_NOTFOUND : CV_ERR_IO;
	while (n > 0 && ((k = pread(fd, at, n, (off_t)offset)) > 0 || (k < 0 && errno == EINTR))) {
		if (k < 0)
			continue;
		at += k;
		n -= (size_t)k;
		offset += (uint64_t)k;
	}
	(void)close(fd);	/* only read */
	if (k < 0)
		return CV_ERR_IO;
	return n == 0 ? 0 : CV_ERR_FORMAT;
}

int files_size(int dirfd, const char *path, uint64_t *ret)
{
	struct stat st;

	assert(path_ok(path));
	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? CV_ERR_NOTFOUND : CV_ERR_IO;
	*ret = (uint64_t)st.st_size;
	return 0;
}

int files_read(int dirfd, const char *path, struct buf *ret)
{
	size_t was = ret->n, n;
	struct stat st;
	uint8_t *p;
	int fd, r = CV_ERR_IO;

	assert(path_ok(path));
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? CV_ERR_NOTFOUND : CV_ERR_IO;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		goto out;
	if ((uint64_t)st.st_size > ret->max - ret->n) {
		r = CV_ERR_LIMIT;
		goto out;
	}
	n = (size_t)st.st_size;
	if ((p = buf_add(ret, n)) == NULL && n > 0)
		goto out;
	for (size_t at = 0; at < n;) {
		ssize_t k = pread(fd, p + at, n - at, (off_t)at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			goto out;
		at += (size_t)k;
	}
	r = 0;
out:
	if (r != 0)
		buf_cut(ret, was);
	(void)close(fd);	/* only read */
	return r;
}

int files_remove(int dirfd, const char *path)
{
	assert(path_ok(path));
	return unlinkat(dirfd, path, 0) == 0 || errno == ENOENT ? 0 : CV_ERR_IO;
}

int files_remove_dir(int dirfd, const char *path)
{
	assert(path_ok(path));
	if (unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST)
		return 0;
	return CV_ERR_IO;
}

int files_sync(int dirfd, const char *path)
{
	struct stat st;
	int fd, r;

	assert(path_ok(path));
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? CV_ERR_NOTFOUND : CV_ERR_IO;
	r = fstat(fd, &st);
	if (r == 0)
		r = S_ISDIR(st.st_mode) ? fsync(fd) : fdatasync(fd);
	(void)close(fd);	/* only read */
	return r == 0 ? 0 : CV_ERR_IO;
}

int files_list(int dirfd, const char *path, int (*cb)(void *cookie, const char *name), void *cookie)
{
	struct dirent *e;
	DIR *d = NULL;
	int fd, r = 0;

	assert(path_ok(path));
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || (d = fdopendir(fd)) == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return CV_ERR_IO;
	}
	for (errno = 0; r == 0 && (e = readdir(d)) != NULL; errno = 0) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = cb(cookie, e->d_name);
	}
	if (r == 0 && errno != 0)
		r = CV_ERR_IO;
	(void)closedir(d);	/* only read */
	return r;
}

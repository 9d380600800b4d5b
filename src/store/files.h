/*
 * The few file operations that log/ and shred/ need, with the durability each one gives.
 *
 * Paths are relative to dirfd and never leave it. Modes are 0600 for files and 0700 for folders. Any thread, one writer
 * a file.
 */
#ifndef CV_STORE_FILES_H
#define CV_STORE_FILES_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* Open (making it if absent) the folder path. Returns a descriptor, CV_ERR_FULL or CV_ERR_IO. */
int files_open_dir(int dirfd, const char *path);
/* Make the missing folders on the way to path's last component. 0, CV_ERR_FULL, CV_ERR_IO. */
int files_make_parents(int dirfd, const char *path);
/*
 * Replace path by n bytes: write path.new, fdatasync, rename, fsync of the folder. After a crash the old or the new
 * bytes are there, whole. 0, CV_ERR_FULL, CV_ERR_IO.
 */
int files_replace(int dirfd, const char *path, const void *p, size_t n);
/* The same without any sync: for what can be rebuilt. */
int files_replace_lazy(int dirfd, const char *path, const void *p, size_t n);
/* Write n bytes of a new file that must not exist, fsync it and its folder. 0, CV_ERR_EXISTS, CV_ERR_FULL, CV_ERR_IO. */
int files_create(int dirfd, const char *path, const void *p, size_t n);
/* Overwrite n bytes at offset of an existing file in place and fdatasync. 0, CV_ERR_NOTFOUND, CV_ERR_IO. */
int files_overwrite(int dirfd, const char *path, uint64_t offset, const void *p, size_t n);
/*
 * Make path consist of its first offset bytes and these n: write them there, cut what stood behind, fdatasync. An absent
 * file is made if offset is 0, and its folder synced. A crash leaves the first offset bytes as they were. 0,
 * CV_ERR_NOTFOUND, CV_ERR_FORMAT (the file is shorter than offset), CV_ERR_FULL, CV_ERR_IO.
 */
int files_append(int dirfd, const char *path, uint64_t offset, const void *p, size_t n);
/* Append the whole file (at most what ret may still take) to ret. 0, CV_ERR_NOTFOUND, CV_ERR_LIMIT, CV_ERR_IO. */
int files_read(int dirfd, const char *path, struct buf *ret);
/* Read the n bytes at offset of path. 0, CV_ERR_NOTFOUND, CV_ERR_FORMAT (the file ends before), CV_ERR_IO. */
int files_read_at(int dirfd, const char *path, uint64_t offset, void *p, size_t n);
/* The bytes of path. 0, CV_ERR_NOTFOUND, CV_ERR_IO. */
int files_size(int dirfd, const char *path, uint64_t *ret);
/* Remove path; an absent file is no error. The folder is not synced. 0 or CV_ERR_IO. */
int files_remove(int dirfd, const char *path);
/* Remove the folder path if it is empty; one that is absent or not empty is no error. 0 or CV_ERR_IO. */
int files_remove_dir(int dirfd, const char *path);
/* fdatasync one file, or a folder's fsync with path ".". 0, CV_ERR_NOTFOUND, CV_ERR_IO. */
int files_sync(int dirfd, const char *path);
/* Call cb with each name in the folder (without . and ..), in no order, until it answers non-zero. */
int files_list(int dirfd, const char *path, int (*cb)(void *cookie, const char *name), void *cookie);

#endif

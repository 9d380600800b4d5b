/*
 * The C library's open and openat for a program that stands in their place: include it once, behind a static
 * int open_at(int dirfd, const char *path, int flags, mode_t mode).
 */
#ifndef CV_TESTS_FAULTS_OPEN_CALLS_H
#define CV_TESTS_FAULTS_OPEN_CALLS_H

#include <fcntl.h>
#include <stdarg.h>

#define MODE_OF(flags, ret)				\
	do {						\
		va_list ap;				\
							\
		va_start(ap, flags);			\
		ret = ((flags) & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;	\
		va_end(ap);				\
	} while (0)

/* open(2), through open_at. */
int open(const char *path, int flags, ...)
{
	mode_t mode;

	MODE_OF(flags, mode);
	return open_at(AT_FDCWD, path, flags, mode);
}

/* openat(2), through open_at. */
int openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode;

	MODE_OF(flags, mode);
	return open_at(dirfd, path, flags, mode);
}

#endif

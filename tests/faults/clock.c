/*
 * A wall clock that is elsewhere: a library for LD_PRELOAD. CHILDVAULT_TEST_CLOCK says by how many seconds, when a program starts. Tests
 * make a month of a log with it, a start for each of its days.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static int (*real)(clockid_t id, struct timespec *ret);
static time_t shift;

__attribute__((constructor)) static void begin(void)
{
	const char *s = getenv("CHILDVAULT_TEST_CLOCK");
	void *found = dlsym(RTLD_NEXT, "clock_gettime");

	__builtin_memcpy(&real, &found, sizeof(real));	/* ISO C has no cast from one to the other */
	shift = s != NULL ? (time_t)strtoll(s, NULL, 10) : 0;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = real(id, ret);

	if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ret->tv_sec += shift;
	return r;
}

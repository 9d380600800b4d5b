/*
 * What a process gives up for good before the first client byte: core dumps, tracing, privileges, and with seccomp the
 * system calls it does not need. DESIGN section 3.
 */
#ifndef CV_DAEMON_SANDBOX_H
#define CV_DAEMON_SANDBOX_H

#include <stdbool.h>

/* For every process: no core file, not dumpable, no new privileges, a private umask. 0 or CV_ERR_SYSTEM. */
int sandbox_common(void);
/* Raise RLIMIT_MEMLOCK as far as allowed, for core's keys. */
void sandbox_memlock(void);
/*
 * In a front started as root: become the user childvault-front, or nobody if there is none. 0 (also when not root) or
 * CV_ERR_SYSTEM.
 */
int sandbox_drop_user(void);
/*
 * Front: only reading, writing, epoll, memory and time are left; anything else ends the process. In sanitizer builds a no-op.
 * 0 or CV_ERR_SYSTEM.
 */
int sandbox_front(void);
/* Core: no program can be started, no socket made, no process traced. In sanitizer builds a no-op. 0 or CV_ERR_SYSTEM. */
int sandbox_core(void);

#endif

/*
 * The core process: accepts connections, passes them to fronts, and answers their messages in turns. DESIGN section 3,
 * docs/PROTOCOL.md. One thread (the store keeps one more).
 */
#ifndef CV_CORE_CORE_H
#define CV_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>

#define CORE_FRONTS 16

struct core_options {
	const char *dir;		/* the vault's folder */
	int api_fd;			/* listening SOCK_STREAM socket, non-blocking */
	int admin_fd;			/* the same for operators */
	int control_fd;			/* SOCK_SEQPACKET to the supervisor: brings the ends of new fronts */
	int front_fd[CORE_FRONTS];	/* core's ends of the pairs */
	unsigned fronts;		/* at most CORE_FRONTS */
	bool production;		/* refuse a vault that was not made as a production vault */
};
enum core_end {
	CORE_STOPPED = 0,	/* asked to stop: clean */
	CORE_NO_VAULT = 2,	/* no vault there, or it cannot be opened or started: trying again would not help */
	CORE_FAILED = 3		/* asked to stop, but something had failed for good before, the journal or log/ */
};
/*
 * Run until SIGTERM, SIGINT, a stop by admin.sock, or the end of the supervisor. Takes over all descriptors. In demo vaults it
 * unseals at start. The result is the process's exit code.
 */
enum core_end core_run(const struct core_options *o);

#endif

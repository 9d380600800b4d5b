/*
 * The front process: HTTP and JSON towards applications, fixed messages towards core (docs/PROTOCOL.md 1 and 2).
 *
 * One thread, one epoll set, many connections. It holds no key, opens no file and makes no socket; what it knows of a
 * request is wiped when the answer has left. What is allowed is core's decision alone.
 */
#ifndef CV_FRONT_FRONT_H
#define CV_FRONT_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds. A field that is 0 takes the default beside it. */
struct front_limits {
	unsigned connections;		/* 4,096: further ones are closed at once */
	size_t body_bytes;		/* 1 MiB, at most that: 413 */
	size_t buffered_bytes;		/* 64 MiB: bodies, answers and messages held in all; beyond it 503 */
	uint32_t header_ms;		/* 10,000: from the first byte of a request to the end of its head, else 408 */
	uint32_t body_ms;		/* 30,000: from there to the end of its body, else 408 */
	uint32_t idle_ms;		/* 60,000: between requests, then closed */
	uint32_t write_ms;		/* 30,000: for a client to take its answer, then closed */
	uint32_t linger_ms;		/* 1,000: for a client to notice that it is no longer read */
	uint32_t stop_ms;		/* 5,000: for requests at core to be answered after STOP */
};
struct front_options {
	int core_fd;			/* front's end of the SOCK_SEQPACKET pair; closed by front_run */
	unsigned fronts;		/* processes that share the work; 0 counts as 1 */
	bool demo;			/* a demo vault: show core's explanations as CV-Explain */
	struct front_limits limits;
	const char *version;		/* of the program, for /v1/sys/version; static */
};

/*
 * Serve until core says STOP or closes its end; all descriptors are then closed and all buffers wiped. Runs after
 * privileges were dropped and after the sandbox: of system calls it needs those named in front.c. Once a process.
 * Returns 0, CV_ERR_NOMEM or CV_ERR_SYSTEM (no start), CV_ERR_FORMAT (core sent what PROTOCOL.md does not know).
 */
int front_run(const struct front_options *o);

#endif

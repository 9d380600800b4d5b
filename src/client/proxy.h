/*
 * A proxy for applications: plain HTTP over a Unix socket on one side, the vault with a session on the other. It logs in with a
 * key that was opened once, adds the token to each request and renews the session, docs/PROTOCOL.md sections 2 and 4.
 *
 * Everything else passes unchanged, both ways, as it comes: no body is held whole. Only the process's own uid is served.
 */
#ifndef CV_CLIENT_PROXY_H
#define CV_CLIENT_PROXY_H

#include <stddef.h>

struct client_key;
struct proxy;

#define PROXY_CLIENTS 1000u	/* connections at a time; more wait to be accepted. The daemon takes 1,024 of one uid */
#define PROXY_ROLES 8u

struct proxy_options {
	const char *listen;		/* where applications connect */
	const char *daemon;		/* the vault's api.sock */
	const struct client_key *key;	/* as client_login handed it over; copied into locked memory */
	const char *const *roles;	/* role_count roles as for childvault_login, copied; 0: all */
	size_t role_count;
	/*
	 * Called from proxy_run with the number of a login's problem (0: it succeeded), unless the one before it ended alike.
	 * PROBLEM_INTEGRITY: the vault's log is not the one that head is of; then the caller makes stop_fd readable.
	 */
	void (*told)(void *cookie, unsigned problem);
	void *cookie;
	const char *head;		/* of the vault's log, childvault_head; copied. NULL: nothing is remembered or asked for */
	const char *token, *expires;	/* the session that the caller opened, copied; from here on the proxy's. NULL: none yet */
};
/*
 * Make the socket, mode 0600, in the place of one that nobody answers on, and begin to accept connections. 0 with *ret, freed by
 * proxy_free; CV_ERR_ARG (a path or role is too long, too many roles), CV_ERR_EXISTS (something else stands there), CV_ERR_BUSY
 * (somebody answers there), CV_ERR_SYSTEM (errno tells), CV_ERR_NOMEM (also if memory cannot be locked).
 */
int proxy_new(const struct proxy_options *o, struct proxy **ret);
/*
 * Serve until stop_fd is readable; then finish what is under way, end the session and remove the socket. What is readable is read
 * from it: a second time ends what is under way, too. 0 or CV_ERR_SYSTEM.
 */
int proxy_run(struct proxy *p, int stop_fd);
/* End, if it did not, wipe, free. NULL is allowed. */
void proxy_free(struct proxy *p);

#endif

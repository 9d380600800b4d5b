/*
 * The proxy's session: opened and ended by a thread of its own, since a login blocks, and counted by the requests that use it.
 * All functions are for the proxy's loop; none of them blocks but session_keeper_free.
 */
#ifndef CV_CLIENT_PROXY_SESSION_H
#define CV_CLIENT_PROXY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

struct proxy_options;
struct session;
struct session_keeper;

/* Why there is no session. */
struct session_refusal {
	uint16_t problem;		/* enum problem */
	unsigned retry_after_s;
};
enum session_answer { SESSION_READY, SESSION_WAIT, SESSION_REFUSED };

/* Copy what logging in takes and start the thread. 0, CV_ERR_ARG, CV_ERR_NOMEM, CV_ERR_SYSTEM. */
int session_keeper_new(const struct proxy_options *o, struct session_keeper **ret);
/* End every session at the daemon, join the thread, wipe, free. NULL is allowed. Blocks. */
void session_keeper_free(struct session_keeper *k);
/* Readable when a login has ended: then session_keeper_take is to be called, and who waits may ask again. */
int session_keeper_fd(const struct session_keeper *k);
void session_keeper_take(struct session_keeper *k);

/*
 * A session for one request, streaming or not (such a one is given a session that was opened a moment ago: what it asks later
 * is refused one by one if the session has ended, and cannot be taken back). SESSION_READY: *ret, to be given to session_return;
 * SESSION_WAIT: a login is under way; SESSION_REFUSED: *ret_refusal.
 */
enum session_answer session_take(struct session_keeper *k, bool streams, struct session **ret, struct session_refusal *ret_refusal);
/* The token; valid until session_return. */
const char *session_token(const struct session *s);
/* The daemon answered 401 to it: the next request gets another one. */
void session_spent(struct session_keeper *k, struct session *s);
/* A connection to the daemon broke, which may have been restarted: no stream is begun with the present session. */
void session_doubt(struct session_keeper *k);
/* Whoever took it needs it no more; NULL is allowed. One that is not the present one is ended with its last user. */
void session_return(struct session_keeper *k, struct session *s);

#endif

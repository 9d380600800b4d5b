/*
 * One kept-alive HTTP/1.1 connection over a Unix socket. Blocking, one request at a time; not shared between threads.
 */
#ifndef CV_CLIENT_HTTP_H
#define CV_CLIENT_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "client/answer.h"

#define CLIENT_HTTP_TIMEOUT_S 60	/* without a byte from the other side */

struct client_http {
	char path[108];			/* of the socket, NUL-terminated */
	int fd;				/* -1 while not connected */
	struct buf out;			/* the request being sent */
	struct buf in;			/* bytes of the answer as they came; head points into it */
	struct buf body;		/* the answer's body, with a NUL after it that n does not count */
	struct answer_head head;	/* of the last answer; status 0 if none came */
};

/* Prepare; connects at the first call. 0 or CV_ERR_ARG (path too long or empty). */
int client_http_init(struct client_http *h, const char *path);
void client_http_clear(struct client_http *h);

/* Begin a request: request line and Host. Headers and the rest follow with the functions below. */
void client_http_begin(struct client_http *h, const char *method, const char *target);
/* Add a header whose value is plain ASCII of the caller's. */
void client_http_header(struct client_http *h, const char *name, const char *value);
/* Add a header with UTF-8 text from outside: every byte but letters, digits and -._~ is percent-encoded. */
void client_http_header_text(struct client_http *h, const char *name, const char *value);
/*
 * Add type (NULL: no body), length and body, send, and wait for the answer. A connection the other side closed while it
 * was idle is opened anew; once bytes of a request have left, only a safe request (again) is sent a second time, so that
 * nothing is done twice. 0 with head and body filled; CV_ERR_SYSTEM (unreachable, errno tells), CV_ERR_FORMAT,
 * CV_ERR_LIMIT, CV_ERR_NOMEM; after an error the connection is closed.
 */
int client_http_send(struct client_http *h, const char *type, const struct buf *body, bool again);

/* Append text percent-encoded as client_http_header_text does. */
void client_http_encode(struct buf *ret, const char *text);

/* For calls that send and read at once: connect unless the connection can be used; close it. client_http_ready: 0 or CV_ERR_SYSTEM. */
int client_http_ready(struct client_http *h);
void client_http_close(struct client_http *h);
/* Read into h->in, waiting for at most the time limit. 0, or CV_ERR_*: also at the end of the stream, with errno ECONNRESET. */
int client_http_read(struct client_http *h);
/* Read the rest of the answer whose head, of head_n bytes, is parsed. 0 or CV_ERR_*; the connection is closed on failure. */
int client_http_rest(struct client_http *h, size_t head_n);

#endif

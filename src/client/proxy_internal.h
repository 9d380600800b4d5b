/* What the files of the proxy share: its loop, and one connection of an application. */
#ifndef CV_CLIENT_PROXY_INTERNAL_H
#define CV_CLIENT_PROXY_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "client/proxy.h"
#include "client/proxy_message.h"
#include "client/proxy_session.h"

/* Bytes that are under way. */
struct flow {
	struct buf b;
	size_t at;		/* those before it have left */
};
enum link_state {
	LINK_HEAD,		/* waits for a request, or for the rest of its head */
	LINK_SESSION,		/* the request waits for a session */
	LINK_CONNECT,		/* it waits for a connection to the daemon */
	LINK_FORWARD,		/* request and answer pass */
	LINK_LINGER,		/* the last answer is sent; what still comes is thrown away */
	LINK_DEAD		/* closed; freed at the end of the loop's turn */
};
/* Which descriptor of a connection an event is about. */
struct link_end {
	struct link *link;
	bool daemon;
};
/*
 * Invariants: 1. one request is under way at a time; what is pipelined behind it stays in `in` or in the socket. 2. While keeping,
 * kept is the request's head and all of its body that was read, so that it can be sent a second time. 3. Nothing of an answer was
 * sent to the client before answering but 100 Continue.
 */
struct link {
	struct link *next, **from;	/* in the proxy's list of links, or of dead ones */
	enum link_state state;
	int fd, daemon_fd;		/* of the client; of the daemon, -1: none */
	struct link_end end[2];		/* the client's, the daemon's */
	uint32_t watched[2];		/* events that are waited for */
	bool eof;			/* the client sends nothing more */
	bool daemon_eof;
	bool daemon_hup;		/* the daemon closed: its descriptor wakes nobody any more, and is read as there is room */
	bool daemon_broken;		/* it takes nothing more; an answer may still come */
	struct flow in, out, to_daemon, from_daemon;
	uint64_t moved_ms;		/* a byte came or went */
	/* the request */
	struct proxy_request request;
	struct proxy_body body;
	struct session *session;
	struct buf kept;
	bool keeping;
	bool renewed, resent;		/* sent again: after a 401; after a connection broke */
	bool reused;			/* its connection to the daemon served another request before */
	bool continued;			/* 100 Continue was passed on */
	uint64_t given;			/* bytes of it that the daemon's socket took */
	/* the answer */
	bool answering, close;		/* its head was passed on; the connection ends with it */
	struct proxy_body answer;
};
struct proxy {
	int epoll, listener;
	char path[108];			/* of the listener */
	dev_t dev;			/* and the socket that was made there */
	ino_t ino;
	char daemon[108];
	struct session_keeper *keeper;
	struct link *links, *dead;
	unsigned count;
	bool stopping;
	bool full;			/* the listener is not watched: no room for one more */
	bool hurry;			/* somebody waits for a place in the daemon's queue */
	uint64_t now_ms;
};

/* Make the listening socket at path; also who it is, for proxy_unlisten. As proxy_new says. */
int proxy_listen(struct proxy *p);
/* Close it and remove it, if what stands at the path is still it. */
void proxy_unlisten(struct proxy *p);

/* Begin to serve a connection that was accepted; takes fd. */
void link_open(struct proxy *p, struct link *k, int fd);
/* Do what can be done now. Also after a login has ended. */
void link_run(struct proxy *p, struct link *k);
/* An epoll event on the client's or the daemon's descriptor. */
void link_event(struct proxy *p, struct link_end *end, uint32_t events);
/* Close or answer what has waited too long. */
void link_tick(struct proxy *p, struct link *k);
/* Close and put it among the dead. */
void link_close(struct proxy *p, struct link *k);

#endif

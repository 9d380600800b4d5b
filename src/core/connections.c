/* Clients' connections: accepted here with their peer's credentials, read by a front. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/core_internal.h"

#define ACCEPTS 8	/* connections taken between two turns */

struct connection *connections_find(struct core *c, uint64_t id)
{
	struct connection *x = &c->connection[id % CONNECTIONS];

	return id != 0 && x->id == id ? x : NULL;
}

void connections_close(struct core *c, struct connection *x)
{
	if (c->front[x->front].connections > 0)
		c->front[x->front].connections--;
	c->connections--;
	c->peer[x->peer].connections--;
	memset(x, 0, sizeof(*x));
}

static struct connection *free_slot(struct core *c)
{
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct connection *x = &c->connection[(c->next_sequence + i) % CONNECTIONS];

		if (x->id == 0)
			return x;
	}
	return NULL;
}

static int least_loaded(const struct core *c)
{
	int best = -1;

	for (int i = 0; i < FRONT_LINKS; i++)
		if (c->front[i].fd >= 0 && (best < 0 || c->front[i].connections < c->front[best].connections))
			best = i;
	return best;
}

/* The place of the uid among the peers, a free one if it has no connection yet; -1: it may have no more, or there is no place. */
static int peer_of(const struct core *c, uint32_t uid)
{
	const unsigned left = CONNECTIONS - c->connections;
	int place = -1;

	for (unsigned i = 0; i < PEERS; i++) {
		const struct peer *p = &c->peer[i];

		if (p->connections > 0 && p->uid == uid)
			/* As many as are left for others: so however many uids take what they can, one more always finds some. */
			return p->connections < (left < CONNECTIONS_UID ? left : CONNECTIONS_UID) ? (int)i : -1;
		if (p->connections == 0 && place < 0)
			place = (int)i;
	}
	return place;
}

/* Hand the descriptor of connection x to front i. */
static int pass(const struct core *c, int i, const struct connection *x, int fd)
{
	uint8_t head[MESSAGE_HEADER];
	struct message m = { .type = MSG_OPEN, .connection = x->id, .request = x->peer };
	union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
	struct iovec iov = { head, sizeof(head) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space) };
	struct cmsghdr *cm;

	memset(&control, 0, sizeof(control));
	message_encode(&m, head);
	cm = CMSG_FIRSTHDR(&h);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	return sendmsg(c->front[i].fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(head) ? 0 : -1;
}

/* Tell a client that there is no place for it. Nothing is waited for: if it does not take it, it sees the end alone. */
static void refuse(int fd)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
	    "Content-Length: 112\r\n"
	    "Cache-Control: no-store\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
	    "{\"type\":\"urn:childvault:problem:overloaded\","
	    "\"title\":\"Too much work is waiting\",\"status\":503,\"kind\":\"overloaded\"}";

	(void)send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Number the connection and hand it to a front, the next one if that one has ended. What finds no place is told so and closed. */
static void place(struct core *c, int fd)
{
	struct connection *x = free_slot(c);
	struct ucred peer;
	socklen_t n = sizeof(peer);
	int i, number = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0)
		number = peer_of(c, peer.uid);
	if (x == NULL || number < 0) {
		refuse(fd);
		return;
	}
	/* The sequence rises with every connection, so no number comes twice; its low digits are the slot. */
	c->next_sequence++;
	while ((i = least_loaded(c)) >= 0) {
		x->id = c->next_sequence * CONNECTIONS + (uint64_t)(x - c->connection);
		x->front = (unsigned)i;
		x->peer = (unsigned)number;
		c->peer[number].uid = peer.uid;
		c->peer[number].connections++;
		x->who.uid = peer.uid;
		x->who.pid = (uint32_t)peer.pid;
		c->front[i].connections++;
		c->connections++;
		if (pass(c, i, x, fd) == 0)
			return;
		if (errno != EPIPE && errno != ECONNRESET) {
			connections_close(c, x);	/* it takes nothing just now, or the kernel does not */
			refuse(fd);
			return;
		}
		fronts_drop(c, (unsigned)i, "its end is closed");	/* with this connection */
	}
	refuse(fd);
}

void connections_accept(struct core *c)
{
	/* Others wait in the socket, and wake us again after the next turn. */
	for (unsigned i = 0; i < ACCEPTS; i++) {
		int fd = accept4(c->api_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		place(c, fd);
		close(fd);	/* the front has its own copy, or the client sees the end */
	}
}

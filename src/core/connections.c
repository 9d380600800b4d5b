/* Clients' connections: accepted here with their peer's credentials, read by a front. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/core_internal.h"

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

static unsigned of_uid(const struct core *c, uint32_t uid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CONNECTIONS; i++)
		n += c->connection[i].id != 0 && c->connection[i].who.uid == uid;
	return n;
}

/* Hand the descriptor to front i. */
static int pass(const struct core *c, int i, uint64_t id, int fd)
{
	uint8_t head[MESSAGE_HEADER];
	struct message m = { .type = MSG_OPEN, .connection = id };
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

/* Number the connection and hand it to a front, the next one if that one has ended. What finds no place is closed. */
static void place(struct core *c, int fd)
{
	struct connection *x = free_slot(c);
	struct ucred peer;
	socklen_t n = sizeof(peer);
	int i;

	if (x == NULL || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0 || of_uid(c, peer.uid) >= CONNECTIONS_UID)
		return;
	/* The sequence rises with every connection, so no number comes twice; its low digits are the slot. */
	c->next_sequence++;
	while ((i = least_loaded(c)) >= 0) {
		x->id = c->next_sequence * CONNECTIONS + (uint64_t)(x - c->connection);
		x->front = (unsigned)i;
		x->who.uid = peer.uid;
		x->who.pid = (uint32_t)peer.pid;
		c->front[i].connections++;
		c->connections++;
		if (pass(c, i, x->id, fd) == 0)
			return;
		if (errno != EPIPE && errno != ECONNRESET) {
			connections_close(c, x);	/* it takes nothing just now, or the kernel does not */
			return;
		}
		fronts_drop(c, (unsigned)i, "its end is closed");	/* with this connection */
	}
}

void connections_accept(struct core *c)
{
	for (unsigned i = 0; i < 64; i++) {
		int fd = accept4(c->api_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		place(c, fd);
		close(fd);	/* the front has its own copy, or the client sees the end */
	}
}

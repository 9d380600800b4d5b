/* Core's ends of the pairs: taking messages, putting chunks together, sending answers. PROTOCOL.md section 1. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "core/core_internal.h"

int fronts_add(struct core *c, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };
	unsigned i = 0;

	while (i < FRONT_LINKS && c->front[i].fd >= 0)
		i++;
	if (i == FRONT_LINKS)
		return CV_ERR_BUSY;
	e.data.u64 = EVENT(EVENT_FRONT, i);
	if (epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
		return CV_ERR_SYSTEM;
	memset(&c->front[i], 0, sizeof(c->front[i]));
	c->front[i].fd = fd;
	c->front[i].writable = true;
	buf_init(&c->front[i].queue, FRONT_QUEUE_MAX);
	return 0;
}

void fronts_drop(struct core *c, unsigned i, const char *why)
{
	struct front_link *f = &c->front[i];

	if (f->fd < 0)
		return;
	if (why != NULL)
		log_warn("front %u dropped: %s", i, why);
	close(f->fd);
	f->fd = -1;
	buf_free(&f->queue);
	for (unsigned k = 0; k < CONNECTIONS; k++)
		if (c->connection[k].id != 0 && c->connection[k].front == i)
			connections_close(c, &c->connection[k]);
	/* Bodies that a request of this turn still points to are released with the turn. */
	for (unsigned k = 0; k < PARTIALS; k++)
		if (f->partial[k].used && !f->partial[k].whole)
			fronts_release(c, i, &f->partial[k]);
}

/* The body under way of (connection, request); begun if this message says that more follow. NULL: it is whole, or no room. */
static struct partial *partial_of(struct front_link *f, const struct message *m)
{
	struct partial *room = NULL;

	for (unsigned i = 0; i < PARTIALS && f->partials > 0; i++)
		if (f->partial[i].used && !f->partial[i].whole && f->partial[i].connection == m->connection &&
		    f->partial[i].request == m->request)
			return &f->partial[i];
	for (unsigned i = 0; i < PARTIALS && room == NULL && (m->flags & MESSAGE_MORE) != 0; i++)
		if (!f->partial[i].used)
			room = &f->partial[i];
	if (room == NULL)
		return NULL;
	room->used = true;
	room->whole = false;
	room->type = m->type;
	room->connection = m->connection;
	room->request = m->request;
	buf_init(&room->body, MESSAGE_TO_CORE_MAX);
	f->partials++;
	return room;
}

void fronts_release(struct core *c, unsigned i, struct partial *p)
{
	buf_free(&p->body);
	p->used = false;
	c->front[i].partials--;
}

/* The front has closed a connection; bodies that it began to send for it will not be whole. */
static int closed(struct core *c, struct connection *x, const struct message *m)
{
	struct front_link *f = &c->front[x->front];

	if (m->flags != 0 || m->body_n != 0 || m->request != 0)
		return CV_ERR_FORMAT;
	for (unsigned k = 0; k < PARTIALS && f->partials > 0; k++)
		if (f->partial[k].used && !f->partial[k].whole && f->partial[k].connection == x->id)
			fronts_release(c, x->front, &f->partial[k]);
	connections_close(c, x);
	return 0;
}

/* Take one message with its body into the turn. 0, or an error for which the front is dropped. */
static int take(struct core *c, unsigned i, const struct message *m, const uint8_t *body)
{
	struct front_link *f = &c->front[i];
	struct turn_request *q = &c->request[c->requests];
	struct connection *x = connections_find(c, m->connection);
	struct partial *part;

	if (x == NULL || x->front != i)
		return CV_ERR_FORMAT;
	if (m->type == MSG_CLOSED)
		return closed(c, x, m);
	part = partial_of(f, m);
	if (part == NULL && (m->flags & MESSAGE_MORE) != 0)
		return CV_ERR_LIMIT;
	if (part != NULL) {
		if (part->type != m->type)
			return CV_ERR_FORMAT;
		buf_put(&part->body, body, m->body_n);
		if (!buf_ok(&part->body))
			return CV_ERR_LIMIT;
		if ((m->flags & MESSAGE_MORE) != 0)
			return 0;
		part->whole = true;
	}
	q->front = i;
	q->who = x->who;
	q->connection = m->connection;
	q->request = m->request;
	q->type = m->type;
	q->body = part != NULL ? part->body.p : body;
	q->n = part != NULL ? part->body.n : m->body_n;
	q->partial = part;
	q->out_n = 0;
	q->in_turn = false;
	c->requests++;
	return 0;
}

/* Take the messages of one packet. */
static int take_packet(struct core *c, unsigned i, const uint8_t *p, size_t n)
{
	struct message m;
	int r = 0;

	for (unsigned k = 0; r == 0 && n > 0; k++) {
		if (k == MESSAGE_PACKED || message_decode(p, n, &m) != 0)
			return CV_ERR_FORMAT;
		r = take(c, i, &m, p + MESSAGE_HEADER);
		p += MESSAGE_HEADER + m.body_n;
		n -= MESSAGE_HEADER + m.body_n;
	}
	return r;
}

/* Where each packet of a turn is received to. The kernel leaves what is set here as it is. */
static struct mmsghdr *receive_headers(struct core *c)
{
	static struct mmsghdr h[RECEIVE];
	static struct iovec iov[RECEIVE];

	if (iov[0].iov_base == c->receive)
		return h;
	for (unsigned k = 0; k < RECEIVE; k++) {
		iov[k] = (struct iovec){ c->receive + (size_t)k * MESSAGE_MAX, MESSAGE_MAX };
		h[k] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[k], .msg_iovlen = 1 } };
	}
	return h;
}

/* Receive from one front into the free part of the buffer. */
static void receive_from(struct core *c, unsigned i, unsigned *used)
{
	struct mmsghdr *h = receive_headers(c) + *used;
	unsigned room = RECEIVE - *used, at = *used;
	int got, r = 0;

	got = recvmmsg(c->front[i].fd, h, room, MSG_DONTWAIT, NULL);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		fronts_drop(c, i, c->stopping ? NULL : "its end is closed");
		return;
	}
	/* All of them, taken or not, are wiped after the turn. */
	for (int k = 0; k < got; k++)
		c->received[at + (unsigned)k] = h[k].msg_len;
	*used += (unsigned)got;
	c->received_n = *used;
	for (int k = 0; k < got && r == 0; k++) {
		const uint8_t *p = c->receive + (size_t)(at + (unsigned)k) * MESSAGE_MAX;

		if (h[k].msg_len == 0)
			r = CV_ERR_NOTFOUND;	/* no packet is empty: that is how the end looks */
		else if ((h[k].msg_hdr.msg_flags & MSG_TRUNC) != 0)
			r = CV_ERR_FORMAT;
		else
			r = take_packet(c, i, p, h[k].msg_len);
	}
	if (r != 0)
		fronts_drop(c, i, r != CV_ERR_NOTFOUND ? cv_strerror(r) : c->stopping ? NULL : "its end is closed");
}

void fronts_receive(struct core *c)
{
	unsigned used = c->received_n, first = c->next_front;

	for (unsigned k = 0; k < FRONT_LINKS && used < RECEIVE; k++) {
		unsigned i = (first + k) % FRONT_LINKS;

		if (c->front[i].fd < 0)
			continue;
		receive_from(c, i, &used);
		c->next_front = (i + 1) % FRONT_LINKS;
	}
}

/* One message, or false if the front does not take it now. */
static bool send_now(struct front_link *f, const uint8_t head[MESSAGE_HEADER], const uint8_t *body, size_t n)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)head, MESSAGE_HEADER }, { (void *)(uintptr_t)body, n } };
	struct msghdr h = { .msg_iov = iov, .msg_iovlen = 2 };

	return sendmsg(f->fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void want_writable(struct core *c, unsigned i, bool yes)
{
	struct epoll_event e = { .events = EPOLLIN | (yes ? EPOLLOUT : 0), .data.u64 = EVENT(EVENT_FRONT, i) };

	(void)epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, c->front[i].fd, &e);
	c->front[i].writable = !yes;
}

/* Keep one message until the front takes it. */
static void enqueue(struct core *c, unsigned i, const uint8_t head[MESSAGE_HEADER], const uint8_t *body, size_t n)
{
	struct front_link *f = &c->front[i];

	buf_u32(&f->queue, (uint32_t)(MESSAGE_HEADER + n));
	buf_put(&f->queue, head, MESSAGE_HEADER);
	buf_put(&f->queue, body, n);
	if (!buf_ok(&f->queue))
		fronts_drop(c, i, "it does not take its answers");
	else if (f->writable)
		want_writable(c, i, true);
}

/* Messages gathered for one front: packed as they fit, and sent with one call, so that it wakes once. */
static struct batch {
	unsigned front, n, packets;
	size_t bytes;			/* of the last packet */
	uint8_t head[RECEIVE][MESSAGE_HEADER];
	struct iovec iov[RECEIVE][2];
	struct mmsghdr packet[RECEIVE];
} batch;

/* The last of the gathered messages, of n bytes, goes into the last packet or begins one. */
static void pack(size_t n)
{
	struct msghdr *last = batch.packets > 0 ? &batch.packet[batch.packets - 1].msg_hdr : NULL;

	if (last != NULL && last->msg_iovlen < 2 * MESSAGE_PACKED && n <= MESSAGE_MAX - batch.bytes) {
		last->msg_iovlen += 2;
		batch.bytes += n;
		return;
	}
	batch.packet[batch.packets++] = (struct mmsghdr){ .msg_hdr = { .msg_iov = batch.iov[batch.n - 1], .msg_iovlen = 2 } };
	batch.bytes = n;
}

void fronts_push(struct core *c)
{
	struct front_link *f = &c->front[batch.front];
	unsigned sent = 0, k = 0;

	while (sent < batch.packets && f->fd >= 0 && f->writable) {
		int done = sendmmsg(f->fd, batch.packet + sent, batch.packets - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (done <= 0)
			break;
		for (; done > 0; done--)
			k += (unsigned)batch.packet[sent++].msg_hdr.msg_iovlen / 2;
	}
	for (; k < batch.n && f->fd >= 0; k++)
		enqueue(c, batch.front, batch.head[k], batch.iov[k][1].iov_base, batch.iov[k][1].iov_len);
	batch.n = batch.packets = 0;
}

void fronts_send(struct core *c, unsigned i, const struct message *m, const uint8_t *body, size_t n)
{
	size_t at = 0;

	do {
		struct message piece = *m;
		unsigned k;

		if (batch.n == RECEIVE || (batch.n > 0 && batch.front != i))
			fronts_push(c);
		if (c->front[i].fd < 0)
			return;
		batch.front = i;
		k = batch.n++;
		piece.body_n = (uint32_t)(n - at > MESSAGE_BODY_MAX ? MESSAGE_BODY_MAX : n - at);
		piece.flags = at + piece.body_n < n ? MESSAGE_MORE : 0;
		message_encode(&piece, batch.head[k]);
		batch.iov[k][0] = (struct iovec){ batch.head[k], MESSAGE_HEADER };
		batch.iov[k][1] = (struct iovec){ (void *)(uintptr_t)(body + at), piece.body_n };
		pack(MESSAGE_HEADER + piece.body_n);
		at += piece.body_n;
	} while (at < n);
}

/* What was sent makes room in the queue once it is the greater part of it. */
static void shift(struct front_link *f)
{
	size_t rest = f->queue.n - f->queue_at;

	if (f->queue_at <= rest)
		return;
	memmove(f->queue.p, f->queue.p + f->queue_at, rest);
	buf_cut(&f->queue, rest);
	f->queue_at = 0;
}

void fronts_flush(struct core *c, unsigned i)
{
	struct front_link *f = &c->front[i];

	while (f->queue_at < f->queue.n) {
		const uint8_t *p = f->queue.p + f->queue_at;
		uint32_t n = be32_get(p);

		if (!send_now(f, p + 4, p + 4 + MESSAGE_HEADER, n - MESSAGE_HEADER)) {
			if (errno != EAGAIN && errno != EINTR)
				fronts_drop(c, i, "its end is closed");
			else
				shift(f);
			return;
		}
		f->queue_at += 4 + n;
	}
	buf_free(&f->queue);
	f->queue_at = 0;
	want_writable(c, i, false);
}

void fronts_stop(struct core *c)
{
	struct message m = { .type = MSG_STOP };

	for (unsigned i = 0; i < FRONT_LINKS; i++)
		if (c->front[i].fd >= 0)
			fronts_send(c, i, &m, NULL, 0);
	fronts_push(c);
}

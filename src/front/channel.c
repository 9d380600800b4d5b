#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/error.h"
#include "format/message.h"
#include "front/front_internal.h"

#define TX_MAX (CHANNEL_FULL + (4u << 20))	/* one body and many CLOSED above what is called full */
#define TX_ROOM 65536u
#define BATCHES 4u	/* taken before connections have their turn: as many as come with OPEN need it */
#define TX_KEEP (1u << 20)

int channel_init(struct channel *ch, int fd)
{
	*ch = (struct channel){ .fd = fd };
	buf_init(&ch->tx, TX_MAX);
	if ((ch->rx = malloc((size_t)CHANNEL_BATCH * MESSAGE_MAX)) == NULL)
		return CV_ERR_NOMEM;
	for (unsigned i = 0; i < CHANNEL_BATCH; i++) {
		ch->parts[i] = (struct iovec){ ch->rx + (size_t)i * MESSAGE_MAX, MESSAGE_MAX };
		ch->headers[i].msg_hdr.msg_iov = &ch->parts[i];
		ch->headers[i].msg_hdr.msg_iovlen = 1;
	}
	return buf_reserve(&ch->tx, TX_ROOM);
}

void channel_free(struct channel *ch)
{
	buf_free(&ch->tx);
	free(ch->rx);	/* wiped message by message */
	ch->rx = NULL;
	if (ch->fd >= 0)
		close(ch->fd);
	ch->fd = -1;
}

int channel_queue(struct channel *ch, uint8_t type, uint64_t connection, uint64_t request, const uint8_t *body, size_t n)
{
	struct message m = { .type = type, .connection = connection, .request = request }, part;
	size_t offset = 0, start = ch->tx.n;

	if (ch->finished)
		return 0;	/* CLOSED, of a connection that core does not ask after any more */
	do {
		size_t step = message_part(&m, n, offset, &part);
		uint8_t *head = buf_add(&ch->tx, MESSAGE_HEADER);

		if (head != NULL)
			message_encode(&part, head);
		if (step > 0)
			buf_put(&ch->tx, body + offset, step);
		offset += step;
	} while (offset < n);
	if (buf_ok(&ch->tx))
		return 0;
	buf_cut(&ch->tx, start);
	ch->tx.bad = false;
	return CV_ERR_BUSY;
}

/* Bytes of the packet that begins at offset at: as many of the messages that wait as fit. */
static size_t packet_size(const struct channel *ch, size_t at)
{
	size_t n = 0;

	for (unsigned i = 0; i < MESSAGE_PACKED && at + n < ch->tx.n; i++) {
		size_t step = MESSAGE_HEADER + be32_get(ch->tx.p + at + n + 4);	/* docs/PROTOCOL.md 1: the length stands there */

		if (step > MESSAGE_MAX - n)
			break;
		n += step;
	}
	return n;
}

/* Point headers at what waits, at most CHANNEL_BATCH packets; answers how many. */
static unsigned gather(const struct channel *ch, struct mmsghdr *headers, struct iovec *parts)
{
	unsigned count = 0;
	size_t at = ch->tx_at;

	while (at < ch->tx.n && count < CHANNEL_BATCH) {
		size_t n = packet_size(ch, at);

		parts[count] = (struct iovec){ ch->tx.p + at, n };
		headers[count] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &parts[count], .msg_iovlen = 1 } };
		at += n;
		count++;
	}
	return count;
}

int channel_flush(struct channel *ch)
{
	__attribute__((uninitialized)) struct mmsghdr headers[CHANNEL_BATCH];	/* gather writes as many as there are */
	__attribute__((uninitialized)) struct iovec parts[CHANNEL_BATCH];
	int sent;

	ch->blocked = false;
	while (ch->tx_at < ch->tx.n) {
		unsigned count = gather(ch, headers, parts);

		sent = sendmmsg(ch->fd, headers, count, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
			ch->blocked = true;
			return 0;
		}
		if (sent < 0)
			return CV_ERR_STATE;
		for (int i = 0; i < sent; i++)
			ch->tx_at += parts[i].iov_len;
	}
	ch->tx_at = 0;
	if (ch->tx.cap > TX_KEEP)
		buf_free(&ch->tx);
	else
		buf_reset(&ch->tx);
	return 0;
}

/* The descriptor that came with a message, or -1. Core sends one a message at most; the kernel closes what did not fit. */
static int descriptor_of(struct msghdr *h)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	int fd;

	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* The messages of a packet of n bytes, none of which has a descriptor. */
static int take_messages(struct front *f, const uint8_t *p, size_t n)
{
	struct message m;
	int r = 0;

	for (unsigned k = 0; r == 0 && n > 0; k++) {
		if (k == MESSAGE_PACKED || message_decode(p, n, &m) != 0)
			return CV_ERR_FORMAT;
		r = front_message(f, &m, p + MESSAGE_HEADER, -1);
		p += MESSAGE_HEADER + m.body_n;
		n -= MESSAGE_HEADER + m.body_n;
	}
	return r;
}

/* A message that came with a descriptor, which fd is unless it was lost, and so alone. */
static int take_open(struct front *f, const uint8_t *p, size_t n, int fd, bool lost)
{
	struct message m;

	if (message_decode(p, n, &m) == 0 && n == MESSAGE_HEADER + m.body_n && (fd >= 0) != lost)
		return lost ? front_lost(f, &m) : front_message(f, &m, p + MESSAGE_HEADER, fd);
	if (fd >= 0)
		close(fd);
	return CV_ERR_FORMAT;
}

static int take(struct front *f, struct mmsghdr *h, uint8_t *p)
{
	bool lost = (h->msg_hdr.msg_flags & MSG_CTRUNC) != 0;
	int fd = descriptor_of(&h->msg_hdr), r;

	if (h->msg_len == 0)
		r = CV_ERR_STATE;	/* no packet is empty: the other end is closed */
	else if (fd >= 0 || lost)
		r = take_open(f, p, (h->msg_hdr.msg_flags & MSG_TRUNC) != 0 ? 0 : h->msg_len, fd, lost);
	else if ((h->msg_hdr.msg_flags & MSG_TRUNC) != 0)
		r = CV_ERR_FORMAT;
	else
		r = take_messages(f, p, h->msg_len);
	wipe(p, h->msg_len);
	return r;
}

int channel_drain(struct front *f)
{
	struct channel *ch = &f->channel;
	unsigned batches = 0;
	int got, r = 0;

	ch->more = false;
	do {
		for (unsigned i = 0; i < CHANNEL_BATCH; i++) {
			ch->headers[i].msg_hdr.msg_control = ch->control[i].bytes;
			ch->headers[i].msg_hdr.msg_controllen = sizeof(ch->control[i].bytes);
		}
		got = recvmmsg(ch->fd, ch->headers, CHANNEL_BATCH, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL);
		if (got < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : CV_ERR_STATE;
		for (int i = 0; i < got; i++) {
			int one = take(f, &ch->headers[i], ch->rx + (size_t)i * MESSAGE_MAX);

			if (r == 0)
				r = one;
		}
	} while (r == 0 && got == (int)CHANNEL_BATCH && ++batches < BATCHES);
	ch->more = got == (int)CHANNEL_BATCH;
	return r;
}

void channel_finish(struct front *f)
{
	struct channel *ch = &f->channel;

	if (ch->finished)
		return;
	ch->finished = true;
	(void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, ch->fd, NULL);
	(void)shutdown(ch->fd, SHUT_WR);	/* core may be gone already */
}

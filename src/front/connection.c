#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "front/front_internal.h"

#define READ_ROOM 2048u			/* least room offered to one read */
#define IN_SLACK (64u << 10)		/* beyond head and body: chunk framing and pipelined requests of one read */
#define KEEP_MAX (64u << 10)		/* a request that needs more may be refused when much is held in all */
#define IDLE_MAX (8u << 10)		/* larger buffers are given back between requests */
#define PROGRESS (16u << 10)		/* bytes that a client has to take before its deadline is put off: not one by one */
#define LINGER_MAX (4u << 20)		/* bytes thrown away before the connection is cut */
#define OUT_MAX (65u << 20)

static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* ---- life ------------------------------------------------------------------------------------------------------- */

void connection_account(struct front *f, struct connection *c)
{
	size_t held = c->in.cap + c->out.cap + c->answer.cap, reading = c->in.cap;

	f->buffered = f->buffered - c->held + held;
	c->held = held;
	f->reading = f->reading - c->reading + reading;
	f->peer[c->peer].reading = f->peer[c->peer].reading - c->reading + reading;
	c->reading = reading;
}

/* Name the events that wake c; without those for writing each answer taken by a client would be one. */
int connection_watch(struct front *f, struct connection *c, int how, uint32_t more)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET | more, .data = { .ptr = c } };

	return epoll_ctl(f->epoll, how, c->fd, &e);
}

void connection_enter(struct front *f, struct connection *c, enum connection_state state, uint32_t timeout_ms)
{
	c->state = state;
	c->deadline_ms = timeout_ms == UINT32_MAX ? UINT64_MAX : f->now_ms + timeout_ms;
}

/* Forget the request that was answered; what was pipelined behind it stays in c->in. */
static void next_request(struct front *f, struct connection *c)
{
	wipe(&c->x, sizeof(c->x));
	stream_free(c);
	http_init(&c->http, f->limits.body_bytes);
	c->http.limit = exchange_limit;
	c->begun = false;
	if (c->in.n == 0 && c->in.cap > IDLE_MAX)
		buf_free(&c->in);
	connection_account(f, c);
	if (c->in.n == 0)
		connection_enter(f, c, CONNECTION_IDLE, f->limits.idle_ms);
	else
		connection_enter(f, c, CONNECTION_READING, f->limits.header_ms);
}

void connection_open(struct front *f, struct connection *c, uint64_t id, uint8_t peer, int fd)
{
	struct connection **slot = &f->hash[id & (HASH_SLOTS - 1)];

	assert(c->state == CONNECTION_FREE);
	c->id = id;
	c->peer = peer;
	lanes_enter(f, c, LANE_NEW);
	c->large = false;
	c->fd = fd;
	c->readable = true;
	c->half_closed = false;
	c->request = 0;
	c->out_at = 0;
	c->held = 0;
	buf_init(&c->in, HTTP_HEAD_MAX + f->limits.body_bytes + IN_SLACK);
	buf_init(&c->out, OUT_MAX);
	buf_init(&c->answer, MESSAGE_TO_FRONT_MAX);
	c->next_hash = *slot;
	*slot = c;
	f->active++;
	next_request(f, c);
	if (connection_watch(f, c, EPOLL_CTL_ADD, 0) != 0)
		connection_close(f, c);
	else
		front_ready(f, c);
}

void connection_close(struct front *f, struct connection *c)
{
	struct connection **slot = &f->hash[c->id & (HASH_SLOTS - 1)];

	if (c->state == CONNECTION_FREE)
		return;
	while (*slot != c)
		slot = &(*slot)->next_hash;
	*slot = c->next_hash;
	/* Asked for by name: the descriptor came from core, and whether it is the last one is core's to know. */
	(void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	close(c->fd);
	c->fd = -1;
	buf_free(&c->in);
	buf_free(&c->out);
	buf_free(&c->answer);
	stream_free(c);
	connection_account(f, c);
	lanes_leave(f, c);
	wipe(&c->x, sizeof(c->x));
	(void)channel_queue(&f->channel, MSG_CLOSED, c->id, 0, NULL, 0);	/* no room: core learns of it when front ends */
	c->state = CONNECTION_FREE;
	c->next_free = f->dead;
	f->dead = c;
	f->active--;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* The answer has left whole. */
static void answered(struct front *f, struct connection *c)
{
	buf_free(&c->answer);
	if (!c->x.close) {
		next_request(f, c);
		if (c->readable || c->in.n > 0)
			front_ready(f, c);
		return;
	}
	/*
	 * Closing at once would reset the connection while the client still sends, and some then never read the answer; so it
	 * is told that nothing more comes, and heard out for a moment.
	 */
	(void)shutdown(c->fd, SHUT_WR);
	buf_free(&c->in);
	connection_account(f, c);
	c->out_at = 0;
	connection_enter(f, c, CONNECTION_LINGER, f->limits.linger_ms);
	front_ready(f, c);
}

/* Send head and body at once; what the client does not take is kept. */
static void send_reply(struct front *f, struct connection *c)
{
	struct reply *r = &f->reply;
	struct iovec parts[2] = { { r->head.p, r->head.n }, { r->body.p, r->body.n } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = r->body.n > 0 ? 2 : 1 };
	ssize_t sent = sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	size_t done = sent > 0 ? (size_t)sent : 0, head_done = done < r->head.n ? done : r->head.n;

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		connection_close(f, c);
	} else if (done == r->head.n + r->body.n) {
		answered(f, c);
	} else {
		buf_put(&c->out, r->head.p + head_done, r->head.n - head_done);
		buf_put(&c->out, r->body.p + (done - head_done), r->body.n - (done - head_done));
		connection_account(f, c);
		c->taken = 0;
		connection_enter(f, c, CONNECTION_WRITING, f->limits.write_ms);
		if (!buf_ok(&c->out) || connection_watch(f, c, EPOLL_CTL_MOD, EPOLLOUT) != 0)
			connection_close(f, c);
		connection_relieve(f);
	}
	reply_reset(r);
}

/* Whether c waits for its client to read. */
static bool is_unread(const struct connection *c)
{
	return c->out.n > c->out_at && (c->state == CONNECTION_WRITING || c->state == CONNECTION_STREAMING);
}

void connection_relieve(struct front *f)
{
	while (f->buffered - f->reading > f->limits.buffered_bytes) {
		struct connection *worst = NULL;

		for (unsigned i = 0; i < f->fresh; i++) {
			struct connection *c = &f->all[i];

			if (is_unread(c) && (worst == NULL || c->deadline_ms < worst->deadline_ms))
				worst = c;
		}
		if (worst == NULL)
			return;
		connection_close(f, worst);
	}
}

int connection_send(struct front *f, struct connection *c)
{
	while (c->out_at < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->out_at, c->out.n - c->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return CV_ERR_BUSY;
		if (n < 0 && errno != EINTR) {
			connection_close(f, c);
			return CV_ERR_SYSTEM;
		}
		if (n > 0) {
			c->out_at += (size_t)n;
			c->taken += (size_t)n;
		}
		if (c->taken >= PROGRESS) {
			c->deadline_ms = f->now_ms + f->limits.write_ms;
			c->taken = 0;
		}
	}
	return 0;
}

/* Answers whether the rest has left. */
static bool go_on_writing(struct front *f, struct connection *c)
{
	if (connection_send(f, c) != 0)
		return false;
	buf_free(&c->out);
	c->out_at = 0;
	if (connection_watch(f, c, EPOLL_CTL_MOD, 0) != 0) {
		connection_close(f, c);
		return false;
	}
	answered(f, c);
	return true;
}

/* Take the request's bytes out of the buffer and wipe them; the rest moves to the front. */
static void drop_request(struct connection *c)
{
	size_t n = c->http.fatal ? c->in.n : c->http.used, rest = c->in.n - n;

	if (rest > 0)
		memmove(c->in.p, c->in.p + n, rest);
	buf_cut(&c->in, rest);
	c->http.used = 0;
}

void connection_end(struct front *f, struct connection *c)
{
	connection_account(f, c);
	drop_request(c);
	connection_enter(f, c, CONNECTION_WRITING, f->limits.write_ms);
	if (!buf_ok(&c->out) || connection_watch(f, c, EPOLL_CTL_MOD, EPOLLOUT) != 0)
		connection_close(f, c);
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

/* The request is read, or will not be: ask core, or answer. */
static void dispatch(struct front *f, struct connection *c)
{
	uint8_t type = 0;
	const size_t body_n = c->http.body_n;
	bool full = channel_waiting(&f->channel) > CHANNEL_FULL;
	bool ask = !full && exchange_message(&c->x, &c->http, &c->in, &f->scratch, &type);

	if (ask && type == MSG_GOV_GET && (c->x.route->flags & ROUTE_EXPORT) != 0 && export_prepare(c) != 0) {
		ask = false;
		full = true;
	}
	drop_request(c);
	if (ask)
		full = channel_queue(&f->channel, type, c->id, f->requests + 1, f->scratch.p, f->scratch.n) != 0;
	buf_reset(&f->scratch);
	if (ask && !full) {
		c->request = ++f->requests;
		lanes_asked(f, c, c->request, body_n);
		connection_enter(f, c, CONNECTION_ASKED, UINT32_MAX);
		return;
	}
	/* Even a refusal that deserves a leaf: what would carry it to core is full. */
	if (full)
		c->x.fault = (struct json_fault){ .problem = PROBLEM_OVERLOADED };
	reply_own(&f->reply, &c->x);
	lanes_served(f, c, f->reply.body.n);
	send_reply(f, c);
}

/* The head is there, or an error in it: find out what is asked. */
static void begin(struct front *f, struct connection *c)
{
	front_request_id(f, c->x.request_id);
	c->x.close = c->http.fatal || !c->http.keep_alive;
	exchange_begin(&c->x, &c->http, &c->in);
	c->begun = true;
	if (c->http.state == READ_BODY)
		c->deadline_ms = f->now_ms + f->limits.body_ms;
}

/* A client that waits for 100 before it sends its body: tell it to, or answer in place of that. */
static void expected(struct front *f, struct connection *c)
{
	c->http.expect = false;
	if (c->x.fault.problem != PROBLEM_NONE) {
		c->x.close = true;	/* whether the body will come nevertheless is not known */
		c->http.fatal = true;
		dispatch(f, c);
	} else if (c->http.body_n == 0 &&
	    send(c->fd, go_on, sizeof(go_on) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof(go_on) - 1) {
		connection_close(f, c);
	}
}

/* A body in lines is not waited for: each line is asked as it comes, or the request refused without its body, which may be long. */
static void begin_stream(struct front *f, struct connection *c)
{
	if (c->http.expect)
		expected(f, c);
	if (c->state != CONNECTION_READING)
		return;
	if (c->x.fault.problem == PROBLEM_NONE && stream_open(f, c) == 0)
		return;
	(void)exchange_refuse(&c->x, PROBLEM_OVERLOADED);
	c->x.close = true;
	c->http.fatal = true;
	buf_free(&c->out);
	stream_free(c);
	dispatch(f, c);
}

/* After bytes were parsed. */
static void parsed(struct front *f, struct connection *c)
{
	struct http *h = &c->http;

	if (!c->begun && (h->state != READ_HEAD || h->fatal))
		begin(f, c);
	if (h->fatal) {
		c->x.close = true;
		(void)exchange_refuse(&c->x, h->problem);
	}
	/* The body of a refused request is read past, not kept. */
	if (h->problem == PROBLEM_NONE)
		h->problem = c->x.fault.problem;
	if (c->begun && !h->fatal && c->x.route != NULL && (c->x.route->flags & ROUTE_STREAMS) != 0)
		begin_stream(f, c);
	else if (h->fatal || h->state == READ_DONE)
		dispatch(f, c);
	else if (h->state == READ_BODY && h->expect)
		expected(f, c);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* Make room and read. Answers whether bytes came. */
bool connection_fill(struct front *f, struct connection *c)
{
	size_t room;
	ssize_t n;

	if (buf_reserve(&c->in, READ_ROOM) != 0) {
		connection_close(f, c);
		return false;
	}
	connection_account(f, c);
	room = c->in.cap - c->in.n;
	n = recv(c->fd, c->in.p + c->in.n, room, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		connection_close(f, c);
		return false;
	}
	if (n < 0) {
		c->readable = errno == EINTR;
		return false;
	}
	c->in.n += (size_t)n;
	lanes_read(f, c, (size_t)n);
	/* A short read has emptied the socket (epoll(7)); the end, if it came with the bytes, is read another time. */
	if ((size_t)n < room && !c->half_closed)
		c->readable = false;
	return true;
}

/* Too much is held of requests, in all or by this peer: this one, which wants to hold more, is refused. */
static bool too_much(const struct front *f, const struct connection *c)
{
	return c->in.cap > KEEP_MAX && (f->reading > f->limits.buffered_bytes ||
	    f->peer[c->peer].reading > f->limits.buffered_bytes / 4 * 3);
}

static void read_request(struct front *f, struct connection *c)
{
	if (c->in.n == c->http.used) {
		if (!c->readable || !connection_fill(f, c))
			return;
		if (c->state == CONNECTION_IDLE)
			connection_enter(f, c, CONNECTION_READING, f->limits.header_ms);
	}
	http_execute(&c->http, &c->in);
	if (!c->http.fatal && c->http.state == READ_BODY && too_much(f, c)) {
		c->http.fatal = true;
		c->http.problem = PROBLEM_OVERLOADED;
	}
	parsed(f, c);
}

static void linger(struct front *f, struct connection *c)
{
	if (!c->readable || !connection_fill(f, c))
		return;
	c->out_at += c->in.n;
	buf_reset(&c->in);
	if (c->out_at > LINGER_MAX)
		connection_close(f, c);
}

void connection_run(struct front *f, struct connection *c)
{
	bool more = true;

	while (more) {
		switch (c->state) {
		case CONNECTION_IDLE:
		case CONNECTION_READING:
			read_request(f, c);
			/* One request: whoever sends one after the other waits for its turn like all others. */
			more = !c->queued && (c->readable || c->in.n > c->http.used || c->state == CONNECTION_STREAMING);
			break;
		case CONNECTION_WRITING:
			more = go_on_writing(f, c);
			break;
		case CONNECTION_STREAMING:
			stream_run(f, c);
			more = c->state != CONNECTION_STREAMING;
			break;
		case CONNECTION_LINGER:
			linger(f, c);
			more = c->readable;
			break;
		case CONNECTION_FREE:
		case CONNECTION_ASKED:
		default:
			more = false;
			break;
		}
	}
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

int connection_answer(struct front *f, struct connection *c, const uint8_t *p, size_t n, bool more)
{
	int r;

	if (more || c->answer.n > 0) {
		buf_put(&c->answer, p, n);
		connection_account(f, c);
		if (!buf_ok(&c->answer)) {
			if (n > c->answer.max - c->answer.n)
				return CV_ERR_FORMAT;
			connection_close(f, c);		/* no memory */
			return 0;
		}
		p = c->answer.p;
		n = c->answer.n;
	}
	if (more)
		return 0;
	if (n >= 2)
		lanes_judge(f, c, be16_get(p));
	if (f->stopping)
		c->x.close = true;
	if (c->stream != NULL) {
		r = export_begin(f, c, p, n);
		if (c->stream != NULL || r != 0)
			return r;
	}
	if ((r = reply_answer(&f->reply, &c->x, p, n)) == 0)
		send_reply(f, c);
	reply_reset(&f->reply);
	return r;
}

void connection_timeout(struct front *f, struct connection *c)
{
	if (c->state != CONNECTION_READING) {
		connection_close(f, c);
		return;
	}
	c->http.fatal = true;
	if (c->http.problem == PROBLEM_NONE)
		c->http.problem = PROBLEM_REQUEST_TIMEOUT;
	parsed(f, c);
}

void connection_stop(struct front *f, struct connection *c)
{
	if (c->state == CONNECTION_ASKED || c->state == CONNECTION_WRITING) {
		c->x.close = true;
	} else if (c->state == CONNECTION_STREAMING) {
		stream_stop(c);
		front_ready(f, c);
	} else {
		connection_close(f, c);
	}
}

/*
 * One application's connection and its own one to the daemon: a request at a time, passed on as it comes.
 *
 * A request is sent a second time in three cases only: it was answered 401, so nobody carried it out; it is safe; or the daemon's
 * socket took no byte of it. Only what was kept of it is sent again, from its first byte on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "client/answer.h"
#include "client/proxy_internal.h"
#include "format/message.h"

#define FLOW_STEP 65536u		/* bytes read at once, and bytes that wait beyond which no more are read */
#define FLOW_MAX (8 * FLOW_STEP)
#define KEPT_MAX (128u << 10)		/* of a request that can be sent again */
#define STEPS 64u			/* of one connection before the others get their turn */
#define IDLE_MS (5u * 60 * 1000)
#define HEAD_MS 30000u
#define SESSION_MS 75000u		/* longer than a login waits for an answer */
#define CONNECT_MS 5000u
#define FORWARD_MS 120000u		/* without a byte either way */
#define LINGER_MS 2000u

enum { CLIENT, DAEMON };

/* ---- flows ----------------------------------------------------------------------------------------------------------- */

static size_t left(const struct flow *f) { return f->b.n - f->at; }
static const uint8_t *begin_of(const struct flow *f) { return f->b.p + f->at; }

static void clear(struct flow *f)
{
	buf_free(&f->b);
	f->at = 0;
}

/* The first n bytes have left. */
static void drop(struct flow *f, size_t n)
{
	f->at += n;
	if (f->at == f->b.n) {
		buf_reset(&f->b);
		f->at = 0;
	} else if (f->at >= FLOW_STEP) {
		memmove(f->b.p, f->b.p + f->at, left(f));
		buf_cut(&f->b, left(f));
		f->at = 0;
	}
}

/* Read once. Bytes read; 0: nothing is there; -1 with *ret_eof true at the end, or after an error. */
static int fill(int fd, struct flow *f, bool *ret_eof)
{
	size_t before = f->b.n;
	uint8_t *at = buf_add(&f->b, FLOW_STEP);
	ssize_t n = at != NULL ? recv(fd, at, FLOW_STEP, MSG_DONTWAIT) : -1;
	int why = at != NULL ? errno : ENOMEM;

	if (at != NULL)
		buf_cut(&f->b, before + (n > 0 ? (size_t)n : 0));
	if (n > 0)
		return (int)n;
	if (n < 0 && (why == EAGAIN || why == EINTR))
		return 0;
	*ret_eof = true;
	return -1;
}

/* Send once. Bytes sent; 0: it takes none now; -1: it takes nothing more. */
static int give(int fd, struct flow *f)
{
	ssize_t n = left(f) != 0 ? send(fd, begin_of(f), left(f), MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

	if (n > 0)
		drop(f, (size_t)n);
	return n >= 0 ? (int)n : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* ---- life ------------------------------------------------------------------------------------------------------------- */

void link_open(struct proxy *p, struct link *k, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	k->fd = fd;
	k->daemon_fd = -1;
	k->end[CLIENT] = (struct link_end){ k, false };
	k->end[DAEMON] = (struct link_end){ k, true };
	buf_init(&k->in.b, FLOW_MAX);
	buf_init(&k->out.b, FLOW_MAX);
	buf_init(&k->to_daemon.b, FLOW_MAX + KEPT_MAX);
	buf_init(&k->from_daemon.b, FLOW_MAX);
	buf_init(&k->kept, KEPT_MAX);
	k->moved_ms = p->now_ms;
	k->watched[CLIENT] = e.events;
	e.data.ptr = &k->end[CLIENT];
	k->next = p->links;
	k->from = &p->links;
	if (k->next != NULL)
		k->next->from = &k->next;
	p->links = k;
	p->count++;
	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		link_close(p, k);
}

static void close_daemon(struct link *k)
{
	if (k->daemon_fd >= 0)
		close(k->daemon_fd);
	k->daemon_fd = -1;
	k->daemon_eof = k->daemon_hup = k->daemon_broken = false;
	k->watched[DAEMON] = 0;
	clear(&k->to_daemon);
	clear(&k->from_daemon);
}

/* The request is over: nothing of it is kept. */
static void end_request(struct proxy *p, struct link *k)
{
	session_return(p->keeper, k->session);
	k->session = NULL;
	buf_free(&k->kept);
	k->keeping = false;
}

void link_close(struct proxy *p, struct link *k)
{
	if (k->state == LINK_DEAD)
		return;
	close_daemon(k);
	close(k->fd);
	end_request(p, k);
	clear(&k->in);
	clear(&k->out);
	k->state = LINK_DEAD;
	*k->from = k->next;
	if (k->next != NULL)
		k->next->from = k->from;
	k->next = p->dead;
	p->dead = k;
	p->count--;
}

static void linger(struct proxy *p, struct link *k)
{
	close_daemon(k);
	end_request(p, k);
	clear(&k->in);
	k->state = LINK_LINGER;
}

/* Answer in the daemon's place, in its form, and close. why is NULL, or more than the problem's title says. */
static void refuse(struct proxy *p, struct link *k, unsigned problem, unsigned retry_after_s, const char *why)
{
	struct buf body;

	buf_init(&body, 1024);
	buf_printf(&body, "{\"type\":\"urn:childvault:problem:%s\",\"title\":\"%s\",\"status\":%d,\"kind\":\"%s\"}", problem_kind(problem),
	    why != NULL ? why : problem_title(problem), problem_status(problem), problem_kind(problem));
	buf_printf(&k->out.b, "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nContent-Length: %zu\r\n"
	    "Cache-Control: no-store\r\nConnection: close\r\n", problem_status(problem), problem_kind(problem), body.n);
	if (problem == PROBLEM_UNAUTHENTICATED)
		buf_text(&k->out.b, "WWW-Authenticate: Bearer\r\n");
	if (retry_after_s != 0)
		buf_printf(&k->out.b, "Retry-After: %u\r\n", retry_after_s);
	buf_text(&k->out.b, "\r\n");
	if (!k->request.head)
		buf_put(&k->out.b, body.p, body.n);
	buf_free(&body);
	if (buf_ok(&k->out.b))
		linger(p, k);
	else
		link_close(p, k);	/* no memory */
}

/* ---- a request's head ---------------------------------------------------------------------------------------------------- */

static void begin_request(struct link *k, const struct proxy_request *x, size_t head_n)
{
	k->request = *x;
	k->keeping = true;
	k->renewed = k->resent = k->continued = k->answering = k->close = false;
	buf_put(&k->kept, begin_of(&k->in), head_n);
	drop(&k->in, head_n);
	proxy_body_begin(&k->body, x->framing, x->length);
	k->state = LINK_SESSION;
}

static bool take_head(struct proxy *p, struct link *k)
{
	struct proxy_request x = { 0 };
	int n;

	if (left(&k->out) >= FLOW_STEP)
		return false;	/* it sends requests and reads no answers */
	while (left(&k->in) >= 2 && memcmp(begin_of(&k->in), "\r\n", 2) == 0)
		drop(&k->in, 2);	/* which some put behind a body, RFC 9112 section 2.2 */
	n = left(&k->in) != 0 && !p->stopping ? proxy_request_parse((const char *)begin_of(&k->in), left(&k->in), &x) : 0;
	if (n == 0) {
		if ((k->eof || p->stopping) && left(&k->out) == 0)
			link_close(p, k);
		return false;
	}
	k->request = x;
	if (n > 0)
		begin_request(k, &x, (size_t)n);
	else if (n == CV_ERR_DENIED)
		refuse(p, k, PROBLEM_BAD_REQUEST, 0, "the proxy adds the session's Authorization: send none");
	else
		refuse(p, k, n == CV_ERR_LIMIT ? PROBLEM_HEADERS_TOO_LARGE : PROBLEM_BAD_REQUEST, 0, NULL);
	return true;
}

/* ---- session and connection ------------------------------------------------------------------------------------------------ */

static bool take_session(struct proxy *p, struct link *k)
{
	struct session_refusal why = { 0, 0 };
	enum session_answer a = k->request.open ? SESSION_READY : session_take(p->keeper, k->request.streams, &k->session, &why);

	if (a == SESSION_WAIT)
		return false;
	if (a == SESSION_REFUSED)
		refuse(p, k, why.problem, why.retry_after_s, NULL);
	else
		k->state = LINK_CONNECT;
	k->moved_ms = p->now_ms;
	return true;
}

/* 0; EAGAIN: the daemon's queue is full for the moment; another errno. */
static int dial(struct proxy *p, struct link *k)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct epoll_event e = { .events = EPOLLIN, .data = { .ptr = &k->end[DAEMON] } };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), why;

	memcpy(a.sun_path, p->daemon, strlen(p->daemon));
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 && epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e) == 0) {
		k->daemon_fd = fd;
		k->watched[DAEMON] = e.events;
		return 0;
	}
	why = errno;
	if (fd >= 0)
		close(fd);
	return why;
}

/* The head with the token in it, and what of the body was read before. */
static void send_kept(struct link *k)
{
	size_t line = k->request.line_n;

	buf_put(&k->to_daemon.b, k->kept.p, line);
	if (k->session != NULL) {
		buf_text(&k->to_daemon.b, "Authorization: Bearer ");
		buf_text(&k->to_daemon.b, session_token(k->session));
		buf_text(&k->to_daemon.b, "\r\n");
	}
	buf_put(&k->to_daemon.b, k->kept.p + line, k->kept.n - line);
}

static bool connect_daemon(struct proxy *p, struct link *k)
{
	int why = 0;

	k->reused = k->daemon_fd >= 0;
	if (!k->reused && (why = dial(p, k)) != 0) {
		if (why == EAGAIN) {
			p->hurry = true;
			return false;
		}
		session_doubt(p->keeper);
		refuse(p, k, PROBLEM_OVERLOADED, 1, "the vault cannot be reached: its daemon does not run");
		return true;
	}
	k->given = 0;
	send_kept(k);
	k->moved_ms = p->now_ms;
	k->state = LINK_FORWARD;
	if (!buf_ok(&k->to_daemon.b) || !buf_ok(&k->kept))
		link_close(p, k);	/* no memory */
	return true;
}

/* ---- passing on ------------------------------------------------------------------------------------------------------------ */

/* The connection to the daemon ended before an answer. */
static void lost(struct proxy *p, struct link *k)
{
	bool again = k->keeping && !k->resent && (k->request.safe || k->given == 0);

	session_doubt(p->keeper);
	close_daemon(k);
	if (again) {
		k->resent = true;
		k->state = LINK_CONNECT;
	} else if (k->request.safe || k->given == 0) {
		refuse(p, k, PROBLEM_OVERLOADED, 1, "the connection to the vault broke");
	} else {
		refuse(p, k, PROBLEM_INTERNAL, 0, "the connection to the vault broke: it is not known whether this was carried out");
	}
}

/* Body bytes of the request, as many as there is room for. */
static bool pass_request(struct proxy *p, struct link *k)
{
	size_t n = 0;

	if (k->body.done || left(&k->in) == 0 || left(&k->to_daemon) >= FLOW_STEP)
		return false;
	if (proxy_body_pass(&k->body, begin_of(&k->in), left(&k->in), &n) != 0) {
		if (k->answering)
			link_close(p, k);
		else
			refuse(p, k, PROBLEM_BAD_REQUEST, 0, NULL);
		return true;
	}
	if (k->keeping && n > KEPT_MAX - k->kept.n) {
		k->keeping = false;
		buf_free(&k->kept);
	}
	if (k->keeping)
		buf_put(&k->kept, begin_of(&k->in), n);
	if (!k->daemon_broken)
		buf_put(&k->to_daemon.b, begin_of(&k->in), n);
	drop(&k->in, n);
	if (!buf_ok(&k->kept) || !buf_ok(&k->to_daemon.b))
		link_close(p, k);	/* no memory */
	return true;
}

/* 401: the session has ended. Nobody carried the request out, so what was kept of it goes out once more, under another one. */
static bool renew(struct proxy *p, struct link *k)
{
	if (k->session == NULL || k->renewed || !k->keeping)
		return false;
	k->renewed = true;
	close_daemon(k);
	session_spent(p->keeper, k->session);
	session_return(p->keeper, k->session);
	k->session = NULL;
	k->state = LINK_SESSION;
	k->moved_ms = p->now_ms;
	return true;
}

/* The answer's head, or one that goes before it. */
static bool take_answer(struct proxy *p, struct link *k)
{
	struct answer_head x;
	int n = left(&k->from_daemon) != 0 ? answer_head_parse((const char *)begin_of(&k->from_daemon), left(&k->from_daemon), &x) : 0;

	if (n < 0 || (n == 0 && k->daemon_eof)) {
		lost(p, k);
		return true;
	}
	if (n == 0)
		return false;
	if (x.status == 401 && renew(p, k))
		return true;
	if (x.status >= 200 || (x.status == 100 && !k->continued))
		buf_put(&k->out.b, begin_of(&k->from_daemon), (size_t)n);
	k->continued = k->continued || x.status == 100;
	drop(&k->from_daemon, (size_t)n);
	if (x.status < 200)
		return true;
	if (k->request.ends && x.status < 300 && k->session != NULL)
		session_spent(p->keeper, k->session);
	k->answering = true;
	k->close = !x.keep || k->request.close;
	proxy_body_begin(&k->answer, k->request.head || x.status == 204 || x.status == 304 ? FRAMING_NONE :
	    x.chunked ? FRAMING_CHUNKED : FRAMING_LENGTH, x.length);
	return true;
}

/* Body bytes of the answer. One that breaks off is cut off for the client too: it has the answer's framing to see it by. */
static bool pass_answer(struct proxy *p, struct link *k)
{
	size_t n = 0;

	if (left(&k->from_daemon) == 0 && k->daemon_eof) {
		linger(p, k);
		return true;
	}
	if (left(&k->from_daemon) == 0 || left(&k->out) >= FLOW_STEP)
		return false;
	if (proxy_body_pass(&k->answer, begin_of(&k->from_daemon), left(&k->from_daemon), &n) != 0) {
		link_close(p, k);
		return true;
	}
	buf_put(&k->out.b, begin_of(&k->from_daemon), n);
	drop(&k->from_daemon, n);
	if (!buf_ok(&k->out.b))
		link_close(p, k);	/* no memory */
	return true;
}

static bool end_answer(struct proxy *p, struct link *k)
{
	if (k->close) {
		linger(p, k);
		return true;
	}
	if (!k->body.done) {
		if (k->daemon_eof)
			linger(p, k);
		return k->daemon_eof;
	}
	end_request(p, k);
	k->state = LINK_HEAD;
	if (k->daemon_eof || k->daemon_broken || left(&k->from_daemon) != 0)
		close_daemon(k);
	return true;
}

static bool forward(struct proxy *p, struct link *k)
{
	bool moved = pass_request(p, k);

	if (k->state != LINK_FORWARD)
		return true;
	if (k->eof && !k->body.done && left(&k->in) == 0 && !k->answering) {
		link_close(p, k);	/* it broke off: the daemon is not to take half of it for the whole */
		return true;
	}
	if (!k->answering)
		return take_answer(p, k) || moved;
	if (!k->answer.done)
		return pass_answer(p, k) || moved;
	return end_answer(p, k) || moved;
}

/* ---- reading and writing ----------------------------------------------------------------------------------------------------- */

static bool wants_client(const struct link *k)
{
	if (k->eof || left(&k->in) >= FLOW_STEP)
		return false;
	return k->state == LINK_HEAD || k->state == LINK_LINGER || (k->state == LINK_FORWARD && !k->body.done);
}

static bool wants_daemon(const struct link *k)
{
	return k->daemon_fd >= 0 && !k->daemon_eof && left(&k->from_daemon) < FLOW_STEP;
}

static bool exchange_client(struct proxy *p, struct link *k)
{
	int got = wants_client(k) ? fill(k->fd, &k->in, &k->eof) : 0, sent = give(k->fd, &k->out);

	if (sent < 0) {
		link_close(p, k);
		return true;
	}
	if (k->state == LINK_LINGER)
		clear(&k->in);	/* and its time runs on: a client cannot make it last */
	if ((got > 0 && k->state != LINK_LINGER) || sent > 0)
		k->moved_ms = p->now_ms;
	return got != 0 || sent > 0;
}

static bool exchange_daemon(struct proxy *p, struct link *k)
{
	int got, sent = k->daemon_broken || k->daemon_fd < 0 ? 0 : give(k->daemon_fd, &k->to_daemon);

	if (sent < 0) {		/* its answer may be here already: it refuses some requests before it took all of them */
		k->daemon_broken = true;
		clear(&k->to_daemon);
	}
	if (sent > 0)
		k->given += (uint64_t)sent;
	got = wants_daemon(k) ? fill(k->daemon_fd, &k->from_daemon, &k->daemon_eof) : 0;
	if (got > 0 || sent > 0)
		k->moved_ms = p->now_ms;
	if (got != 0 && k->state != LINK_FORWARD)
		close_daemon(k);	/* an idle connection that the daemon closed, or that says what nobody asked for */
	return got != 0 || sent != 0;
}

/* All is said: tell so, and hear the client out for a moment, since some would read no answer on a connection that was reset. */
static bool end_linger(struct proxy *p, struct link *k)
{
	if (left(&k->out) != 0)
		return false;
	(void)shutdown(k->fd, SHUT_WR);
	if (k->eof)
		link_close(p, k);
	return k->eof;
}

static bool step(struct proxy *p, struct link *k)
{
	bool moved = exchange_client(p, k);

	if (k->state == LINK_DEAD)
		return false;
	moved = exchange_daemon(p, k) || moved;
	switch (k->state) {
	case LINK_HEAD: return take_head(p, k) || moved;
	case LINK_SESSION: return take_session(p, k) || moved;
	case LINK_CONNECT: return connect_daemon(p, k) || moved;
	case LINK_FORWARD: return forward(p, k) || moved;
	case LINK_LINGER: return end_linger(p, k) || moved;
	case LINK_DEAD:
	default: return false;
	}
}

/* ---- events -------------------------------------------------------------------------------------------------------------------- */

static void watch_end(struct proxy *p, struct link *k, int which, uint32_t events)
{
	struct epoll_event e = { .events = events, .data = { .ptr = &k->end[which] } };

	if (events == k->watched[which])
		return;
	k->watched[which] = events;
	if (epoll_ctl(p->epoll, EPOLL_CTL_MOD, which == CLIENT ? k->fd : k->daemon_fd, &e) != 0)
		link_close(p, k);
}

static void watch(struct proxy *p, struct link *k)
{
	uint32_t client = (wants_client(k) ? EPOLLIN : 0) | (left(&k->out) != 0 ? EPOLLOUT : 0);
	uint32_t daemon = (wants_daemon(k) ? EPOLLIN : 0) | (left(&k->to_daemon) != 0 ? EPOLLOUT : 0);

	watch_end(p, k, CLIENT, client);
	if (k->state != LINK_DEAD && k->daemon_fd >= 0 && !k->daemon_hup)
		watch_end(p, k, DAEMON, daemon);
}

/* Idle connections hold no buffers. */
static void give_back(struct link *k)
{
	if (k->state != LINK_HEAD || left(&k->in) != 0 || left(&k->out) != 0)
		return;
	clear(&k->in);
	clear(&k->out);
	clear(&k->to_daemon);
	clear(&k->from_daemon);
}

void link_run(struct proxy *p, struct link *k)
{
	/* A closed daemon wakes nobody any more: what it left is read to its end, or to where the client takes no more. */
	for (unsigned i = 0; (i < STEPS || k->daemon_hup) && step(p, k); i++)
		;
	if (k->state == LINK_DEAD)
		return;
	give_back(k);
	watch(p, k);
}

void link_event(struct proxy *p, struct link_end *end, uint32_t events)
{
	struct link *k = end->link;

	if (k->state == LINK_DEAD || (end->daemon && k->daemon_fd < 0))
		return;
	if ((events & (EPOLLHUP | EPOLLERR)) != 0 && !end->daemon) {
		link_close(p, k);	/* nobody is there to read an answer */
		return;
	}
	if ((events & (EPOLLHUP | EPOLLERR)) != 0 && !k->daemon_hup) {
		(void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, k->daemon_fd, NULL);	/* it would be told of it for ever */
		k->daemon_hup = true;
	}
	link_run(p, k);
}

void link_tick(struct proxy *p, struct link *k)
{
	uint64_t still = p->now_ms - k->moved_ms;

	if (k->state == LINK_CONNECT && still < CONNECT_MS)
		link_run(p, k);
	else if (k->state == LINK_CONNECT || (k->state == LINK_SESSION && still > SESSION_MS))
		refuse(p, k, PROBLEM_OVERLOADED, 1, NULL);
	else if ((k->state == LINK_HEAD && still > (left(&k->in) != 0 ? HEAD_MS : IDLE_MS)) ||
	    (k->state == LINK_FORWARD && still > FORWARD_MS) ||
	    (k->state == LINK_LINGER && still > (left(&k->out) != 0 ? FORWARD_MS : LINGER_MS)))
		link_close(p, k);
	else
		return;
	if (k->state == LINK_LINGER)
		link_run(p, k);
}

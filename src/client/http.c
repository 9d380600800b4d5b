#include "client/http.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

#define REQUEST_MAX (2u << 20)
#define READ_STEP 65536u
#define ENDED_EARLY 1	/* the other side closed before the first byte of an answer */

int client_http_init(struct client_http *h, const char *path)
{
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof h->path)
		return CV_ERR_ARG;
	memset(h, 0, sizeof *h);
	memcpy(h->path, path, n + 1);
	h->fd = -1;
	buf_init(&h->out, REQUEST_MAX);
	buf_init(&h->in, ANSWER_BODY_MAX + ANSWER_BODY_MAX / 4 + ANSWER_HEAD_MAX);
	buf_init(&h->body, ANSWER_BODY_MAX + 1);
	return 0;
}

static void disconnect(struct client_http *h)
{
	if (h->fd >= 0)
		(void)close(h->fd);	/* nothing is left to be said */
	h->fd = -1;
}

void client_http_clear(struct client_http *h)
{
	disconnect(h);
	buf_free(&h->out);
	buf_free(&h->in);
	buf_free(&h->body);
}

void client_http_encode(struct buf *ret, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (const unsigned char *p = (const unsigned char *)text; *p != 0; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
		    strchr("-._~", *p) != NULL;

		if (!plain) {
			buf_u8(ret, '%');
			buf_u8(ret, (uint8_t)digits[*p >> 4]);
		}
		buf_u8(ret, plain ? *p : (uint8_t)digits[*p & 15]);
	}
}

void client_http_begin(struct client_http *h, const char *method, const char *target)
{
	buf_reset(&h->out);
	buf_text(&h->out, method);
	buf_u8(&h->out, ' ');
	buf_text(&h->out, target);
	buf_text(&h->out, " HTTP/1.1\r\nHost: localhost\r\n");
}

void client_http_header(struct client_http *h, const char *name, const char *value)
{
	buf_text(&h->out, name);
	buf_text(&h->out, ": ");
	buf_text(&h->out, value);
	buf_text(&h->out, "\r\n");
}

void client_http_header_text(struct client_http *h, const char *name, const char *value)
{
	buf_text(&h->out, name);
	buf_text(&h->out, ": ");
	client_http_encode(&h->out, value);
	buf_text(&h->out, "\r\n");
}

static int connect_now(struct client_http *h)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = CLIENT_HTTP_TIMEOUT_S };

	memcpy(at.sun_path, h->path, strlen(h->path));
	if ((h->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return CV_ERR_SYSTEM;
	if (setsockopt(h->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
	    setsockopt(h->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
	    connect(h->fd, (const struct sockaddr *)&at, sizeof at) != 0) {
		int why = errno;

		disconnect(h);
		errno = why;
		return CV_ERR_SYSTEM;
	}
	return 0;
}

/* A connection between requests has nothing to read; if it has, or hung up, it is of no more use. */
static bool still_idle(const struct client_http *h)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };

	return h->fd >= 0 && poll(&p, 1, 0) == 0;
}

static int send_all(struct client_http *h)
{
	size_t done = 0;

	while (done < h->out.n) {
		ssize_t n = send(h->fd, h->out.p + done, h->out.n - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return CV_ERR_SYSTEM;
		done += (size_t)n;
	}
	return 0;
}

/* Read some more into in. 0, ENDED_EARLY at the end of the stream, CV_ERR_*. */
static int read_more(struct client_http *h)
{
	size_t before = h->in.n;
	uint8_t *at = buf_add(&h->in, READ_STEP);
	ssize_t n;

	if (at == NULL)
		return h->in.n >= ANSWER_BODY_MAX ? CV_ERR_LIMIT : CV_ERR_NOMEM;
	do
		n = recv(h->fd, at, READ_STEP, 0);
	while (n < 0 && errno == EINTR);
	buf_cut(&h->in, before + (n > 0 ? (size_t)n : 0));
	if (n < 0)
		return CV_ERR_SYSTEM;
	return n == 0 ? ENDED_EARLY : 0;
}

/* Read until in holds n bytes. The stream's end before that is CV_ERR_SYSTEM. */
static int read_to(struct client_http *h, size_t n)
{
	int r = 0;

	while (h->in.n < n && (r = read_more(h)) == 0)
		;
	if (r == ENDED_EARLY) {
		errno = ECONNRESET;
		return CV_ERR_SYSTEM;
	}
	return r;
}

/* Read and parse one head into h->head; *ret_n is its length. */
static int read_head(struct client_http *h, size_t *ret_n)
{
	int r;

	for (;;) {
		int n = h->in.n == 0 ? 0 : answer_head_parse((const char *)h->in.p, h->in.n, &h->head);

		if (n < 0)
			return n;
		if (n > 0 && h->head.status >= 200) {
			*ret_n = (size_t)n;
			return 0;
		}
		if (n > 0) {	/* 1xx says nothing yet: shift it out */
			memmove(h->in.p, h->in.p + n, h->in.n - (size_t)n);
			buf_cut(&h->in, h->in.n - (size_t)n);
			continue;
		}
		if ((r = read_more(h)) != 0) {
			if (r == ENDED_EARLY && h->in.n == 0)
				return ENDED_EARLY;
			errno = r == ENDED_EARLY ? ECONNRESET : errno;
			return r == ENDED_EARLY ? CV_ERR_SYSTEM : r;
		}
	}
}

/* The chunks from offset at on; the trailer must be empty. */
static int read_chunks(struct client_http *h, size_t at)
{
	size_t size = 1;
	int r, n;

	while (size != 0) {
		while ((n = answer_chunk_parse((const char *)h->in.p + at, h->in.n - at, &size)) == 0)
			if ((r = read_to(h, h->in.n + 1)) != 0)
				return r;
		if (n < 0)
			return n;
		at += (size_t)n;
		if ((r = read_to(h, at + size + 2)) != 0)
			return r;
		if (h->body.n + size > ANSWER_BODY_MAX)
			return CV_ERR_LIMIT;
		buf_put(&h->body, h->in.p + at, size);
		at += size;
		if (h->in.p[at] != '\r' || h->in.p[at + 1] != '\n')
			return CV_ERR_FORMAT;
		at += 2;
	}
	return h->in.n == at ? 0 : CV_ERR_FORMAT;
}

static int read_body(struct client_http *h, size_t head_n)
{
	size_t n = (size_t)h->head.length;
	int r;

	if (h->head.chunked)
		return read_chunks(h, head_n);
	if (h->head.status == 204 || h->head.status == 304)
		n = 0;
	if ((r = read_to(h, head_n + n)) != 0)
		return r;
	if (h->in.n != head_n + n)
		return CV_ERR_FORMAT;	/* nothing was asked for yet that these bytes could answer */
	buf_put(&h->body, h->in.p + head_n, n);
	return 0;
}

/* in may have moved while the body was read: parse the head again where it stands now. */
static int finish(struct client_http *h)
{
	buf_u8(&h->body, 0);
	if (!buf_ok(&h->body))
		return CV_ERR_NOMEM;
	h->body.n--;
	return answer_head_parse((const char *)h->in.p, h->in.n, &h->head) > 0 ? 0 : CV_ERR_FORMAT;
}

static int call_once(struct client_http *h)
{
	size_t head_n = 0;
	int r;

	buf_reset(&h->in);
	buf_reset(&h->body);
	if (!still_idle(h)) {
		disconnect(h);
		if ((r = connect_now(h)) != 0)
			return r;
	}
	if ((r = send_all(h)) != 0) {
		/* The daemon may refuse a large request before it took all of it: its answer is then already here. */
		if (errno != EPIPE && errno != ECONNRESET)
			return r;
	}
	if ((r = read_head(h, &head_n)) != 0 || (r = read_body(h, head_n)) != 0)
		return r;
	return finish(h);
}

int client_http_ready(struct client_http *h)
{
	if (still_idle(h))
		return 0;
	disconnect(h);
	return connect_now(h);
}

void client_http_close(struct client_http *h) { disconnect(h); }

int client_http_read(struct client_http *h) { return read_to(h, h->in.n + 1); }

int client_http_rest(struct client_http *h, size_t head_n)
{
	int r;

	buf_reset(&h->body);
	if ((r = read_body(h, head_n)) == 0)
		r = finish(h);
	if (r != 0 || !h->head.keep)
		disconnect(h);
	return r;
}

int client_http_send(struct client_http *h, const char *type, const struct buf *body, bool again)
{
	int r = CV_ERR_LIMIT;

	if (type != NULL) {
		client_http_header(h, "Content-Type", type);
		buf_printf(&h->out, "Content-Length: %zu\r\n\r\n", body->n);
		buf_put(&h->out, body->p, body->n);
	} else {
		buf_text(&h->out, "\r\n");
	}
	if (!buf_ok(&h->out))
		goto out;
	for (int attempt = 0; attempt < 2; attempt++) {
		r = call_once(h);
		if (r != ENDED_EARLY || !again)
			break;
		disconnect(h);
	}
	if (r == ENDED_EARLY) {
		errno = ECONNRESET;
		r = CV_ERR_SYSTEM;
	}
out:
	buf_reset(&h->out);
	if (r != 0) {
		int why = errno;

		memset(&h->head, 0, sizeof h->head);
		buf_reset(&h->body);
		disconnect(h);
		errno = why;
	} else if (!h->head.keep) {
		disconnect(h);
	}
	return r;
}

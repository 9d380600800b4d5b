/*
 * Many records with one request: lines go out while their answers come in, since each side's room for what the other has not read is
 * bounded.
 */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "client/client_internal.h"

#define CHUNK (64u << 10)	/* bytes of lines gathered into one chunk */
#define KEY_MAX 50u

/* One import under way. */
struct import {
	struct childvault *cv;
	childvault_import_next *next;
	childvault_import_done *done;
	void *cookie;
	struct buf out;		/* bytes for the daemon, from out_at on */
	size_t out_at;
	bool all_out;		/* the last chunk is in out */
	struct buf text;	/* what of the answer's lines is not yet told */
	bool all_in;		/* the answer's last chunk came */
	bool stopped;		/* a callback broke off */
};

/* ---- lines out --------------------------------------------------------------------------------------------------- */

/* Fill out with the next lines as one chunk. 0 or CV_ERR_NOMEM. */
static int gather(struct import *m)
{
	size_t head, n;
	char size[16];

	buf_reset(&m->out);
	m->out_at = 0;
	buf_text(&m->out, "00000000\r\n");
	head = m->out.n;
	while (m->out.n < CHUNK && !m->all_out && !m->stopped) {
		const char *line;
		int r = m->next(m->cookie, &line, &n);

		if (r < 0)
			m->stopped = true;
		if (r == 0)
			m->all_out = true;
		if (r <= 0)
			break;
		buf_put(&m->out, line, n);
		buf_u8(&m->out, '\n');
	}
	if (!buf_ok(&m->out))
		return CV_ERR_NOMEM;
	if (m->out.n == head) {
		buf_cut(&m->out, 0);
	} else {
		snprintf(size, sizeof size, "%08x", (unsigned)(m->out.n - head));
		memcpy(m->out.p, size, 8);
		buf_text(&m->out, "\r\n");
	}
	if (m->all_out)
		buf_text(&m->out, "0\r\n\r\n");
	return buf_ok(&m->out) ? 0 : CV_ERR_NOMEM;
}

/* Send what the socket takes. 0, CV_ERR_SYSTEM, CV_ERR_NOMEM. */
static int push(struct import *m)
{
	ssize_t n;
	int r;

	if (m->out_at == m->out.n && (r = gather(m)) != 0)
		return r;
	if (m->out_at == m->out.n)
		return 0;
	n = send(m->cv->http.fd, m->out.p + m->out_at, m->out.n - m->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return CV_ERR_SYSTEM;
	m->out_at += n > 0 ? (size_t)n : 0;
	return 0;
}

/* ---- answers in --------------------------------------------------------------------------------------------------- */

static int tell_line(struct import *m, const char *line, size_t n)
{
	json_t *j = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
	json_t *number = json_object_get(j, "line"), *status = json_object_get(j, "status");
	const char *id = json_string_value(json_object_get(j, "id"));
	int r = json_is_integer(number) && json_is_integer(status) ? 0 : CV_ERR_FORMAT;

	if (r == 0 && m->done(m->cookie, (unsigned long long)json_integer_value(number), (int)json_integer_value(status),
	    id != NULL ? id : "", line, n) != 0)
		m->stopped = true;
	json_decref(j);
	return r;
}

/* Tell the whole lines of text. 0 or CV_ERR_FORMAT. */
static int tell(struct import *m)
{
	size_t at = 0;
	uint8_t *end;
	int r = 0;

	while (r == 0 && !m->stopped && m->text.n > at && (end = memchr(m->text.p + at, '\n', m->text.n - at)) != NULL) {
		*end = 0;
		r = tell_line(m, (const char *)m->text.p + at, (size_t)(end - m->text.p) - at);
		at = (size_t)(end - m->text.p) + 1;
	}
	if (at > 0) {
		memmove(m->text.p, m->text.p + at, m->text.n - at);
		buf_cut(&m->text, m->text.n - at);
	}
	return r;
}

/* Take the whole chunks out of in. 0 or CV_ERR_*. */
static int unchunk(struct import *m)
{
	struct client_http *h = &m->cv->http;
	size_t at = 0, size;
	int n, r = 0;

	while (!m->all_in && (n = answer_chunk_parse((const char *)h->in.p + at, h->in.n - at, &size)) != 0) {
		if (n < 0)
			return n;
		if (h->in.n - at < (size_t)n + size + 2)
			break;
		buf_put(&m->text, h->in.p + at + n, size);
		at += (size_t)n + size;
		if (h->in.p[at] != '\r' || h->in.p[at + 1] != '\n')
			return CV_ERR_FORMAT;
		at += 2;
		m->all_in = size == 0;
		if (!buf_ok(&m->text))
			return CV_ERR_LIMIT;
		if ((r = tell(m)) != 0 || m->stopped)
			break;
	}
	memmove(h->in.p, h->in.p + at, h->in.n - at);
	buf_cut(&h->in, h->in.n - at);
	return r;
}

/* The head of the answer: chunks follow, or the request as a whole was refused. Answers whether it is there. */
static bool take_head(struct import *m, int *ret_r, bool *ret_refused)
{
	struct client_http *h = &m->cv->http;
	int n = answer_head_parse((const char *)h->in.p, h->in.n, &h->head);

	*ret_r = n < 0 ? n : 0;
	if (n <= 0)
		return false;
	*ret_refused = h->head.status != 200;
	if (*ret_refused) {
		*ret_r = client_http_rest(h, (size_t)n);
	} else if (!h->head.chunked) {
		*ret_r = CV_ERR_FORMAT;
	} else {
		memmove(h->in.p, h->in.p + n, h->in.n - (size_t)n);
		buf_cut(&h->in, h->in.n - (size_t)n);
	}
	return true;
}

/* ---- both --------------------------------------------------------------------------------------------------------- */

/* Wait for either direction. 0 or CV_ERR_SYSTEM. */
static int wait_for(const struct import *m, bool *ret_in, bool *ret_out)
{
	bool more = m->out_at < m->out.n || !m->all_out;
	struct pollfd p = { .fd = m->cv->http.fd, .events = (short)(POLLIN | (more ? POLLOUT : 0)) };
	int n;

	do
		n = poll(&p, 1, CLIENT_HTTP_TIMEOUT_S * 1000);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	*ret_in = (p.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
	*ret_out = (p.revents & POLLOUT) != 0;
	return n > 0 ? 0 : CV_ERR_SYSTEM;
}

/* Send and read until every line is answered. *ret_refused: the request as a whole was. 0 or CV_ERR_*. */
static int run(struct import *m, bool *ret_refused)
{
	bool in, out, head = false;
	int r = 0;

	while (r == 0 && !m->all_in && !m->stopped && !*ret_refused) {
		if ((r = wait_for(m, &in, &out)) != 0)
			break;
		/* What the daemon says comes first: it may have refused the rest. */
		if (in && (r = client_http_read(&m->cv->http)) == 0 && !head)
			head = take_head(m, &r, ret_refused);
		if (r == 0 && head && !*ret_refused)
			r = unchunk(m);
		if (r == 0 && out && !m->stopped && !*ret_refused)
			r = push(m);
	}
	return r == 0 && m->all_in && m->text.n > 0 ? CV_ERR_FORMAT : r;
}

int childvault_import(struct childvault *cv, const struct childvault_with *with, unsigned long long first, childvault_import_next *next,
    childvault_import_done *done, void *cookie)
{
	struct import m = { .cv = cv, .next = next, .done = done, .cookie = cookie };
	struct client_http *h = &cv->http;
	bool refused = false;
	char target[64];
	int r;

	if (with == NULL || with->purpose == NULL || first == 0 || next == NULL || done == NULL)
		return client_fail_local(cv, CV_ERR_ARG);
	snprintf(target, sizeof target, "/v1/records:import?from=%llu", first);
	client_begin(cv, "POST", target, true, with);
	if (with->idempotency_key != NULL && (r = client_idempotency_key(cv, with->idempotency_key, KEY_MAX)) != CHILDVAULT_OK)
		return r;
	client_http_header(h, "Content-Type", "application/x-ndjson");
	client_http_header(h, "Transfer-Encoding", "chunked");
	buf_text(&h->out, "\r\n");
	buf_init(&m.out, 2u << 20);
	buf_init(&m.text, 2u << 20);
	buf_reset(&h->in);
	buf_put(&m.out, h->out.p, h->out.n);
	buf_reset(&h->out);
	r = buf_ok(&m.out) ? client_http_ready(h) : CV_ERR_NOMEM;
	if (r == 0)
		r = run(&m, &refused);
	/* Bytes may be under way in both directions unless the answer came to its end. */
	if (!refused && (r != 0 || !m.all_in || !m.all_out || m.out_at < m.out.n || !h->head.keep)) {
		int why = errno;

		client_http_close(h);
		errno = why;
	}
	buf_free(&m.out);
	buf_free(&m.text);
	if (refused && r == 0)
		return client_take_answer(cv);
	return r != 0 ? client_fail_local(cv, r) : CHILDVAULT_OK;
}

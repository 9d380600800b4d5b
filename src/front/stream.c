/*
 * Requests whose body is lines, each a message of its own to core: many are under way at once, so that turns fill, and the answer's lines
 * leave in order while the body still comes. Memory is bounded whatever the body's size: one line, the window's answers, and what a client
 * has not yet read of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/bytes.h"
#include "base/error.h"
#include "front/front_internal.h"
#include "front/lines.h"
#include "front/stream_internal.h"

#define READ_STEP (64u << 10)		/* bytes read at once */
#define ROUND_BYTES (1u << 20)		/* bytes read in a row, after which others have their turn */
#define OUT_HIGH (4u << 20)		/* bytes of answers unread beyond which no further line is taken: 60,000 of them */
#define OUT_LOW (128u << 10)		/* the same while others leave much unread */
#define ANSWER_MAX (64u << 10)		/* of one line of an import */
#define TEXT_KEEP (64u << 10)		/* a longer line's memory is given back */

/* ---- life ------------------------------------------------------------------------------------------------------- */

void stream_free(struct connection *c)
{
	struct stream *s = c->stream;

	if (s == NULL)
		return;
	for (unsigned i = 0; i < WINDOW; i++)
		buf_free(&s->slot[i].text);
	buf_free(&s->gathered);
	export_free(s->export);
	wipe(s, sizeof(*s));
	free(s);
	c->stream = NULL;
}

int stream_new(struct connection *c, unsigned window, size_t answer_max)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return CV_ERR_NOMEM;
	s->window = window;
	for (unsigned i = 0; i < WINDOW; i++)
		buf_init(&s->slot[i].text, answer_max);
	buf_init(&s->gathered, window * answer_max);
	c->stream = s;
	return 0;
}

int stream_head(struct front *f, struct connection *c)
{
	reply_stream(&f->reply, &c->x);
	buf_put(&c->out, f->reply.head.p, f->reply.head.n);
	reply_reset(&f->reply);
	connection_enter(f, c, CONNECTION_STREAMING, f->limits.body_ms);
	return buf_ok(&c->out) ? 0 : CV_ERR_NOMEM;
}

int stream_open(struct front *f, struct connection *c)
{
	if (stream_new(c, WINDOW, ANSWER_MAX) != 0)
		return CV_ERR_NOMEM;
	c->stream->lines.next = c->x.from > 0 ? c->x.from : 1;
	return stream_head(f, c);
}

void stream_stop(struct connection *c)
{
	c->stream->over = true;
	c->stream->cut = true;
	c->x.close = true;
}

/* ---- answers ---------------------------------------------------------------------------------------------------- */

static struct slot *slot_of(struct stream *s, uint64_t request)
{
	for (unsigned i = 0; i < s->n; i++)
		if (slot_at(s, i)->request == request && !slot_at(s, i)->done)
			return slot_at(s, i);
	return NULL;
}

int stream_answer(struct front *f, struct connection *c, uint64_t request, const uint8_t *p, size_t n, bool more)
{
	struct stream *s = c->stream;
	struct slot *slot = slot_of(s, request);
	bool list = s->export != NULL && export_lists(s->export, request);
	int r;

	if ((slot == NULL && !list) || (s->partial != 0 && s->partial != request))
		return CV_ERR_FORMAT;
	s->partial = more ? request : 0;
	if (more || c->answer.n > 0) {
		buf_put(&c->answer, p, n);
		if (!buf_ok(&c->answer))
			return CV_ERR_FORMAT;
		p = c->answer.p;
		n = c->answer.n;
	}
	if (more)
		return 0;
	if (n >= 2)
		lanes_judge(f, c, be16_get(p));
	if (list)
		r = export_page(c, p, n);
	else if (s->export != NULL)
		r = export_record(f, c, slot, p, n);
	else
		r = line_answer(&slot->text, slot->number, &slot->fault, p, n);
	buf_reset(&c->answer);
	front_ready(f, c);
	if (list)
		return r;
	if (r == 0 && !buf_ok(&slot->text)) {
		/* More faults than a line has room for: the kind alone is told. */
		buf_free(&slot->text);
		line_refused(&slot->text, slot->number, &(struct json_fault){ .problem = PROBLEM_VALIDATION });
	}
	slot->done = true;
	return r;
}

/* Whether the oldest line is answered, and the client reads on: what waits for it is held to OUT_HIGH and one answer. */
static bool may_gather(const struct connection *c)
{
	struct stream *s = c->stream;

	return s->n > 0 && slot_at(s, 0)->done && c->out.n - c->out_at + s->gathered.n < OUT_HIGH;
}

/* Move the answers of the oldest lines, as far as they are there and there is room, into one chunk for the client. */
static void gather(struct connection *c)
{
	struct stream *s = c->stream;

	while (may_gather(c)) {
		struct slot *slot = slot_at(s, 0);

		buf_put(&s->gathered, slot->text.p, slot->text.n);
		if (slot->text.cap > TEXT_KEEP)
			buf_free(&slot->text);
		else
			buf_reset(&slot->text);
		slot->done = false;
		s->first = (s->first + 1) % WINDOW;
		s->n--;
	}
	if (s->gathered.n == 0)
		return;
	buf_printf(&c->out, "%zx\r\n", s->gathered.n);
	buf_put(&c->out, s->gathered.p, s->gathered.n);
	buf_text(&c->out, "\r\n");
	buf_reset(&s->gathered);
}

/* What was sent makes room once it is the greater part. */
static void shift(struct connection *c)
{
	size_t rest = c->out.n - c->out_at;

	if (c->out_at < rest)
		return;
	if (rest > 0)
		memmove(c->out.p, c->out.p + c->out_at, rest);
	buf_cut(&c->out, rest);
	c->out_at = 0;
}

/* Send what waits, and see to it that what had no room goes on. False: the client is gone, and c closed. */
static bool push(struct front *f, struct connection *c)
{
	struct stream *s = c->stream;
	bool was = s->blocked, full = !stream_room(f, c);
	int r = connection_send(f, c);

	if (r == CV_ERR_SYSTEM)
		return false;
	s->blocked = r == CV_ERR_BUSY;
	shift(c);
	/* All has left, and with it what kept others back: no event would tell. */
	if (!s->blocked && (may_gather(c) || (full && stream_room(f, c))))
		front_ready(f, c);
	if (was != s->blocked && connection_watch(f, c, EPOLL_CTL_MOD, s->blocked ? EPOLLOUT : 0) != 0) {
		connection_close(f, c);
		return false;
	}
	return true;
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

/* Idempotency-Key of one line: the request's, and the line's number. */
static void key_of(struct exchange *x, const struct buf *in, uint64_t number)
{
	char digits[21];
	int n = snprintf(digits, sizeof(digits), ":%llu", (unsigned long long)number);

	if (x->key.n == 0 || n < 0)
		return;
	memcpy(x->line_key, in->p + x->key.at, x->key.n);
	memcpy(x->line_key + x->key.n, digits, (size_t)n);
	x->line_key_n = (uint8_t)(x->key.n + (uint32_t)n);
}

/* Give one line to core; problem: what is wrong with it already, or none. */
static void ask(struct front *f, struct connection *c, const struct line *l, size_t at, uint16_t problem)
{
	struct stream *s = c->stream;
	struct slot *slot = slot_at(s, s->n++);
	struct http http = { .body_at = c->http.body_at + at, .body_n = l->n };
	struct exchange x = c->x;
	uint8_t type;

	front_request_id(f, x.request_id);
	key_of(&x, &c->in, l->number);
	if (problem != PROBLEM_NONE)
		(void)exchange_refuse(&x, problem);
	slot->number = l->number;
	slot->done = false;
	/* The request carries a token, so that there is always a message. */
	(void)exchange_message(&x, &http, &c->in, &f->scratch, &type);
	slot->fault = x.fault;
	slot->request = f->requests + 1;
	if (channel_queue(&f->channel, type, c->id, slot->request, f->scratch.p, f->scratch.n) == 0) {
		f->requests++;
		lanes_asked(f, c, slot->request, l->n);
	} else {
		line_refused(&slot->text, slot->number, &(struct json_fault){ .problem = PROBLEM_OVERLOADED });
		slot->done = true;
	}
	buf_reset(&f->scratch);
	wipe(&x, sizeof(x));
}

/* Of answers unread, and less of them where clients in all leave much unread. */
static bool out_has_room(const struct front *f, const struct connection *c)
{
	size_t unread = c->out.n - c->out_at;

	return unread < (f->buffered - f->reading > f->limits.buffered_bytes / 2 ? OUT_LOW : OUT_HIGH);
}

bool stream_room(struct front *f, const struct connection *c)
{
	const struct stream *s = c->stream;

	return !s->over && s->n < s->window && out_has_room(f, c) && channel_waiting(&f->channel) < CHANNEL_HIGH && lanes_room(f, c);
}

/* Give core the lines that are there, as far as there is room. */
static void take_lines(struct front *f, struct connection *c)
{
	struct stream *s = c->stream;
	struct http *h = &c->http;
	bool end = h->state == READ_DONE;
	size_t at = 0;
	struct line l = { .used = 0 };
	enum line_found found = LINE_HERE;

	while (stream_room(f, c) && (found != LINE_MORE || l.used > 0)) {
		found = line_next(&s->lines, c->in.p + h->body_at + at, h->body_n - at, end, f->limits.body_bytes, &l);
		if (found == LINE_HERE || found == LINE_TOO_LONG)
			ask(f, c, &l, at, found == LINE_HERE ? PROBLEM_NONE : PROBLEM_PAYLOAD_TOO_LARGE);
		at += l.used;
	}
	if (end && at == h->body_n && found == LINE_MORE)
		s->over = true;
	if (at > 0)
		http_take(h, &c->in, at);
}

/* The bytes do not go on as HTTP wants, or too many are held: a last line tells of it. */
static void broken(struct connection *c, uint16_t problem)
{
	struct stream *s = c->stream;
	struct slot *slot = slot_at(s, s->n++);

	slot->number = s->lines.next;
	slot->request = 0;
	line_refused(&slot->text, slot->number, &(struct json_fault){ .problem = problem });
	slot->done = true;
	s->over = true;
	c->x.close = true;
	c->http.fatal = true;
}

/* Read what the client sends. False: c is closed. */
static bool read_more(struct front *f, struct connection *c)
{
	if (buf_reserve(&c->in, READ_STEP) != 0)
		c->in.bad = false;	/* the usual room will do */
	if (!connection_fill(f, c))
		return c->state != CONNECTION_FREE;
	c->deadline_ms = f->now_ms + f->limits.body_ms;
	http_execute(&c->http, &c->in);
	if (c->http.fatal)
		broken(c, c->http.problem);
	return true;
}

/* The last line is answered: the answer's end, after which the connection is as after any other. */
static void finish(struct front *f, struct connection *c)
{
	bool cut = c->stream->cut;

	stream_free(c);
	if (cut) {
		connection_close(f, c);
		return;
	}
	c->x.close = c->x.close || f->stopping;
	buf_text(&c->out, "0\r\n\r\n");
	connection_end(f, c);
}

/* A client is waited for while it is to send or to read, core as long as it takes. */
static void set_deadline(struct front *f, struct connection *c)
{
	const struct stream *s = c->stream;

	if (s->blocked || (s->n == 0 && !s->over && s->export == NULL))
		c->deadline_ms = c->deadline_ms == UINT64_MAX ? f->now_ms + f->limits.body_ms : c->deadline_ms;
	else
		c->deadline_ms = UINT64_MAX;
}

void stream_run(struct front *f, struct connection *c)
{
	struct stream *s = c->stream;
	size_t before = c->http.body_taken + c->http.body_n;
	bool more = s->export == NULL;

	gather(c);
	if (s->export != NULL)
		export_more(f, c);
	while (more) {
		take_lines(f, c);
		more = stream_room(f, c) && c->http.state == READ_BODY && c->readable;
		if (more && c->http.body_taken + c->http.body_n - before > ROUND_BYTES) {
			/* It stays readable: asking again for its events tells so, after those of others. */
			more = false;
			if (connection_watch(f, c, EPOLL_CTL_MOD, s->blocked ? EPOLLOUT : 0) != 0) {
				connection_close(f, c);
				return;
			}
		}
		if (more && !read_more(f, c))
			return;
	}
	gather(c);
	if (!buf_ok(&c->out) || !buf_ok(&s->gathered)) {
		connection_close(f, c);		/* no memory */
		return;
	}
	if (!push(f, c))
		return;
	connection_account(f, c);
	connection_relieve(f);
	if (c->state != CONNECTION_STREAMING)
		return;
	/* Lines that had no room at core wait like the requests of others; no event would tell. */
	if (!s->over && s->n < s->window && !lanes_room(f, c))
		lanes_wait(f, c);
	if (s->over && s->n == 0 && (s->export == NULL || !export_waits(s->export)) && (!s->cut || c->out.n == 0))
		finish(f, c);
	else
		set_deadline(f, c);
}

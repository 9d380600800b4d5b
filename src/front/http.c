#include "front/http.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "format/message.h"

_Static_assert(LLHTTP_STRICT_MODE == 1, "llhttp must be strict: its lenient mode lets requests be smuggled");

static const struct {
	const char *name;
	uint8_t n;
} names[FIELD_COUNT] = {
	[FIELD_HOST] = { "host", 4 },
	[FIELD_ORIGIN] = { "origin", 6 },
	[FIELD_EXPECT] = { "expect", 6 },
	[FIELD_ACCEPT] = { "accept", 6 },
	[FIELD_AUTHORIZATION] = { "authorization", 13 },
	[FIELD_CONTENT_TYPE] = { "content-type", 12 },
	[FIELD_CONTENT_ENCODING] = { "content-encoding", 16 },
	[FIELD_TRANSFER_ENCODING] = { "transfer-encoding", 17 },
	[FIELD_IF_MATCH] = { "if-match", 8 },
	[FIELD_IDEMPOTENCY_KEY] = { "idempotency-key", 15 },
	[FIELD_PURPOSE] = { "cv-purpose", 10 },
	[FIELD_CASE] = { "cv-case", 7 },
	[FIELD_REASON] = { "cv-reason", 9 },
	[FIELD_EXPORT] = { "cv-export", 9 },
};

/* The first problem stays; nothing after it is parsed. Answers what a callback returns to stop the parser. */
static int refuse(struct http *h, uint16_t problem)
{
	if (h->problem == PROBLEM_NONE)
		h->problem = problem;
	h->fatal = true;
	return -1;
}

/*
 * Begin s at at, or go on with it. Since the buffer is one piece, parts of one token touch; parts that do not touch are the
 * lines of a folded header (obs-fold), by which two readers can be made to see different headers.
 */
static int extend(struct http *h, struct span *s, const char *at, size_t n)
{
	size_t offset = (size_t)((const uint8_t *)at - h->base);

	if (s->n == 0)
		s->at = (uint32_t)offset;
	else if (s->at + s->n != offset)
		return refuse(h, PROBLEM_BAD_REQUEST);
	s->n += (uint32_t)n;
	return 0;
}

static int on_url(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	if (h->url.n + n > HTTP_LINE_MAX)
		return refuse(h, PROBLEM_HEADERS_TOO_LARGE);
	return extend(h, &h->url, at, n);
}

static int on_url_complete(llhttp_t *p)
{
	struct http *h = p->data;

	h->url_done = true;
	return 0;
}

static int on_header_field(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	/* Trailers would be headers that nobody checked when the head was read. */
	if (h->state != READ_HEAD)
		return refuse(h, PROBLEM_BAD_REQUEST);
	return extend(h, &h->name, at, n);
}

static int on_header_value(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	return extend(h, &h->value, at, n);
}

static enum http_field field_of(const uint8_t *name, size_t n)
{
	for (unsigned f = 0; f < FIELD_COUNT; f++)
		if (names[f].n == n && (name[0] | 0x20) == names[f].name[0] && strncasecmp((const char *)name, names[f].name, n) == 0)
			return f;
	return FIELD_OTHER;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static int on_header_value_complete(llhttp_t *p)
{
	struct http *h = p->data;
	enum http_field f = field_of(h->base + h->name.at, h->name.n);

	if (++h->headers > HTTP_HEADERS_MAX)
		return refuse(h, PROBLEM_HEADERS_TOO_LARGE);
	if (h->name.n == 0)	/* which llhttp lets pass */
		return refuse(h, PROBLEM_BAD_REQUEST);
	if (f != FIELD_OTHER) {
		while (h->value.n > 0 && is_blank(h->base[h->value.at + h->value.n - 1]))
			h->value.n--;
		/* Each of them stands once: of two, one reader takes the first and another the last. Accept may be a list. */
		if (http_has(h, f) && f != FIELD_ACCEPT)
			return refuse(h, PROBLEM_BAD_REQUEST);
		if (!http_has(h, f))
			h->field[f] = h->value;
		h->present |= 1u << f;
	}
	h->name = h->value = (struct span){ 0, 0 };
	return 0;
}

static bool equals(const struct http *h, enum http_field f, const char *text)
{
	const struct span *s = &h->field[f];

	return s->n == strlen(text) && strncasecmp((const char *)h->base + s->at, text, s->n) == 0;
}

/*
 * Whether each of the head's lines ends in CR LF and none continues the one before it (obs-fold): llhttp lets a bare LF end
 * the head, and joins folded lines.
 */
static bool lines_are_plain(const uint8_t *p, size_t n)
{
	const uint8_t *start = p, *end = p + n;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (p == start || p[-1] != '\r')
			return false;
		if (++p == end)
			return true;
		if (is_blank(*p))
			return false;
	}
	return false;
}

/* The problem of a whole head that llhttp accepted, or PROBLEM_NONE. */
static uint16_t judge_head(const struct http *h, size_t head_n)
{
	const llhttp_t *p = &h->parser;
	bool one_zero = p->http_major == 1 && p->http_minor == 0;

	if (!one_zero && (p->http_major != 1 || p->http_minor != 1))
		return PROBLEM_VERSION_NOT_SUPPORTED;
	if (head_n > HTTP_HEAD_MAX)
		return PROBLEM_HEADERS_TOO_LARGE;
	if (!lines_are_plain(h->base, head_n) || (!one_zero && !http_has(h, FIELD_HOST)) || p->method == HTTP_CONNECT)
		return PROBLEM_BAD_REQUEST;
	if (http_has(h, FIELD_TRANSFER_ENCODING)) {
		if (one_zero)
			return PROBLEM_BAD_REQUEST;
		if (!equals(h, FIELD_TRANSFER_ENCODING, "chunked"))
			return PROBLEM_NOT_IMPLEMENTED;
	}
	if ((p->flags & F_CONTENT_LENGTH) != 0 && p->content_length > h->body_max)
		return PROBLEM_PAYLOAD_TOO_LARGE;
	if (http_has(h, FIELD_EXPECT) && !one_zero && !equals(h, FIELD_EXPECT, "100-continue"))
		return PROBLEM_EXPECTATION_FAILED;
	return PROBLEM_NONE;
}

/*
 * llhttp does not tell where the head ends, so its end is looked for: the first empty line after the target. Bytes that have
 * none were ended by a bare LF; then all n are judged, and refused for it.
 */
static size_t head_end(const struct http *h, size_t n)
{
	size_t from = h->url.at + h->url.n;
	const uint8_t *p = memmem(h->base + from, n - from, "\r\n\r\n", 4);

	return p == NULL ? n : (size_t)(p - h->base) + 4;
}

static int on_headers_complete(llhttp_t *p)
{
	struct http *h = p->data;
	uint16_t problem;

	/* body_n holds the buffer's length while the head is read. */
	h->body_at = head_end(h, h->body_n);
	h->body_n = 0;
	if (h->limit != NULL && (http_has(h, FIELD_TRANSFER_ENCODING) || p->content_length > h->body_max))
		h->body_max = h->limit(h);
	if ((problem = judge_head(h, h->body_at)) != PROBLEM_NONE)
		return refuse(h, problem);
	h->expect = http_has(h, FIELD_EXPECT) && p->http_minor == 1;
	h->keep_alive = p->http_minor == 1 && llhttp_should_keep_alive(p) != 0;
	p->upgrade = 0;		/* an offer to change protocols may be passed over (RFC 9110, 7.8) */
	h->state = READ_BODY;
	return 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	if (n > h->body_max - h->body_taken - h->body_n)
		return refuse(h, PROBLEM_PAYLOAD_TOO_LARGE);
	/* Cannot be: the body comes after the head, and after what of it was moved down. What follows builds upon it. */
	if ((size_t)((const uint8_t *)at - h->base) < h->body_at + (h->problem == PROBLEM_NONE ? h->body_n : 0))
		return refuse(h, PROBLEM_BAD_REQUEST);
	/* Moves down over chunk framing that was read, or not at all. What is refused is counted only. */
	if (h->problem == PROBLEM_NONE)
		memmove(h->base + h->body_at + h->body_n, at, n);
	h->body_n += n;
	return 0;
}

static int on_message_complete(llhttp_t *p)
{
	struct http *h = p->data;

	h->state = READ_DONE;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_url_complete = on_url_complete,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_header_value_complete = on_header_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

void http_init(struct http *h, size_t body_max)
{
	memset(h, 0, sizeof(*h));
	llhttp_init(&h->parser, HTTP_REQUEST, &settings);
	h->parser.data = h;
	h->body_max = body_max;
}

static uint16_t problem_of(llhttp_errno_t e)
{
	return e == HPE_INVALID_VERSION || e == HPE_PAUSED_H2_UPGRADE ? PROBLEM_VERSION_NOT_SUPPORTED : PROBLEM_BAD_REQUEST;
}

void http_execute(struct http *h, struct buf *b)
{
	llhttp_errno_t e;

	if (h->fatal || h->state == READ_DONE || h->used == b->n)
		return;
	h->base = b->p;
	h->line_started = true;
	if (h->state == READ_HEAD)
		h->body_n = b->n;
	e = llhttp_execute(&h->parser, (const char *)b->p + h->used, b->n - h->used);
	if (h->state == READ_DONE && !h->fatal) {
		h->used = (size_t)((const uint8_t *)llhttp_get_error_pos(&h->parser) - b->p);
	} else if (e != HPE_OK) {
		(void)refuse(h, problem_of(e));
	} else if (h->state == READ_BODY) {
		buf_cut(b, h->body_at + (h->problem == PROBLEM_NONE ? h->body_n : 0));
		h->used = b->n;
	} else {
		h->used = b->n;
		h->body_n = 0;
		if (b->n > HTTP_HEAD_MAX || (!h->url_done && b->n > HTTP_LINE_MAX))
			(void)refuse(h, PROBLEM_HEADERS_TOO_LARGE);
	}
	h->base = NULL;
}

void http_take(struct http *h, struct buf *b, size_t n)
{
	size_t end = h->body_at + n;

	memmove(b->p + h->body_at, b->p + end, b->n - end);
	buf_cut(b, b->n - n);
	h->body_n -= n;
	h->body_taken += n;
	h->used -= n;
}

size_t http_body_left(const struct http *h)
{
	if (h->state != READ_BODY || (h->parser.flags & F_CONTENT_LENGTH) == 0)
		return 0;
	return (size_t)h->parser.content_length;
}

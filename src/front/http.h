/*
 * One HTTP/1.1 request out of a connection's bytes, in place: llhttp in strict mode, and the checks it leaves to others.
 * No sockets; callable in memory by tests and fuzzers.
 */
#ifndef CV_FRONT_HTTP_H
#define CV_FRONT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llhttp.h>

struct buf;
struct http;

/* Most bytes that the body of the request may have whose head was read, at h->base; asked of those that are above the usual only. */
typedef size_t http_limit(const struct http *h);

#define HTTP_LINE_MAX 8192u	/* request line */
#define HTTP_HEAD_MAX 16384u	/* request line and headers */
#define HTTP_HEADERS_MAX 64u

/* Header fields that mean something here; all others are counted and passed over. */
enum http_field {
	FIELD_HOST, FIELD_ORIGIN, FIELD_EXPECT, FIELD_ACCEPT, FIELD_AUTHORIZATION, FIELD_CONTENT_TYPE, FIELD_CONTENT_ENCODING,
	FIELD_TRANSFER_ENCODING, FIELD_IF_MATCH, FIELD_IDEMPOTENCY_KEY, FIELD_PURPOSE, FIELD_CASE, FIELD_REASON,
	FIELD_EXPORT, FIELD_COUNT,
	FIELD_OTHER = FIELD_COUNT
};
enum http_state { READ_HEAD, READ_BODY, READ_DONE };

/* A place in the connection's buffer: offsets outlive the moves of a growing buffer. */
struct span {
	uint32_t at, n;
};

/*
 * Invariants: 1. bytes before used were parsed. 2. In READ_BODY the buffer ends with the body so far: chunk framing is cut
 * out as it is read. 3. After a fatal problem nothing more is parsed: where the next request starts is not known.
 */
struct http {
	llhttp_t parser;
	enum http_state state;
	uint16_t problem;		/* enum problem; once set the body is no longer kept */
	bool fatal;			/* answer and close */
	bool expect;			/* Expect: 100-continue, HTTP/1.1 */
	bool keep_alive;		/* from the end of the head on */
	bool url_done;
	bool line_started;		/* a byte of a request was seen */
	unsigned headers;
	uint32_t present;		/* bit of each enum http_field that came */
	struct span url;
	struct span name, value;	/* of the header being read */
	struct span field[FIELD_COUNT];
	size_t used;
	size_t body_at, body_n;
	size_t body_taken;		/* bytes of body that http_take took out */
	size_t body_max;
	http_limit *limit;		/* NULL: no request may have more than body_max */
	uint8_t *base;			/* during http_execute */
};

/* Make ready for the first or next request of a connection; bodies above body_max bytes are refused. */
void http_init(struct http *h, size_t body_max);
/*
 * Parse what b holds beyond h->used, stopping at the end of the request. May cut b (chunk framing). Afterwards: READ_DONE:
 * the request is b's first h->used bytes, what follows belongs to the next; else more bytes are wanted, unless h->fatal.
 */
void http_execute(struct http *h, struct buf *b);
/* Take the first n bytes of body, at most h->body_n, out of b and forget them; what follows moves down. */
void http_take(struct http *h, struct buf *b, size_t n);
/* Whether header f came. */
static inline bool http_has(const struct http *h, enum http_field f) { return (h->present >> f & 1) != 0; }
/* Bytes of body still to come by Content-Length, 0 if that is not known. */
size_t http_body_left(const struct http *h);

#endif

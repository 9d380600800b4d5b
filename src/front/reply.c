#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "front/exchange.h"
#include "front/json_out.h"

#define PUT(b, text) buf_put((b), (text), sizeof(text) - 1)
#define HEAD_ROOM 4096u
#define EXTRA_MAX 2048u
#define RETRY_S 60u	/* where somebody has to unseal the vault, or make room */
#define BODY_ROOM 65536u
#define BODY_MAX (64u << 20)	/* JSON of the largest answer that core may give, with every byte escaped in a usual mix */
#define KEEP_MAX (1u << 20)	/* a larger body's memory is given back after use */

int reply_init(struct reply *r, const struct front_options *o, const struct front_limits *limits)
{
	int err;

	*r = (struct reply){ .demo = o->demo, .version = o->version != NULL ? o->version : "unknown", .limits = limits };
	buf_init(&r->head, HEAD_ROOM);
	buf_init(&r->extra, EXTRA_MAX);
	buf_init(&r->body, BODY_MAX);
	if ((err = buf_reserve(&r->head, HEAD_ROOM)) == 0 && (err = buf_reserve(&r->extra, EXTRA_MAX)) == 0)
		err = buf_reserve(&r->body, BODY_ROOM);
	reply_date(r, clock_wall_ms());
	reply_reset(r);
	return err;
}

void reply_free(struct reply *r)
{
	buf_free(&r->head);
	buf_free(&r->extra);
	buf_free(&r->body);
}

void reply_reset(struct reply *r)
{
	buf_reset(&r->head);
	buf_reset(&r->extra);
	if (r->body.cap > KEEP_MAX)
		buf_free(&r->body);
	else
		buf_reset(&r->body);
	r->body.bad = false;
	r->status = 200;
	r->media = MEDIA_NONE;
	r->leaf = MESSAGE_NO_LEAF;
	r->streams = false;
}

/* Written by hand: the C library's functions would look for a time zone file. */
void reply_date(struct reply *r, uint64_t wall_ms)
{
	static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	uint64_t s = wall_ms / 1000;
	int32_t day = (int32_t)(s / 86400);
	unsigned month, mday, rest = (unsigned)(s % 86400);
	int year;
	const unsigned parts[3] = { rest / 3600, rest / 60 % 60, rest % 60 };
	char *d = r->date;

	clock_date(day, &year, &month, &mday);
	memcpy(d, "Thu, 01 Jan 1970 00:00:00 GMT", sizeof(r->date));
	memcpy(d, days + 3 * (day % 7), 3);
	d[5] = (char)('0' + mday / 10);
	d[6] = (char)('0' + mday % 10);
	memcpy(d + 8, months + 3 * (month - 1), 3);
	for (int i = 3; i >= 0; i--, year /= 10)
		d[12 + i] = (char)('0' + year % 10);
	for (int i = 0; i < 3; i++) {
		d[17 + 3 * i] = (char)('0' + parts[i] / 10);
		d[18 + 3 * i] = (char)('0' + parts[i] % 10);
	}
}

void reply_header(struct reply *r, const char *name, const char *value, size_t n)
{
	buf_text(&r->extra, name);
	PUT(&r->extra, ": ");
	buf_put(&r->extra, value, n);
	PUT(&r->extra, "\r\n");
}

static void number_header(struct reply *r, const char *name, uint64_t v)
{
	buf_text(&r->extra, name);
	PUT(&r->extra, ": ");
	json_u64(&r->extra, v);
	PUT(&r->extra, "\r\n");
}

/* ---- head ------------------------------------------------------------------------------------------------------- */

static const char *status_line(int status)
{
	static const struct {
		int status;
		const char *line;
	} lines[] = {
		{ 200, "HTTP/1.1 200 OK\r\n" }, { 201, "HTTP/1.1 201 Created\r\n" }, { 202, "HTTP/1.1 202 Accepted\r\n" },
		{ 204, "HTTP/1.1 204 No Content\r\n" },
		{ 400, "HTTP/1.1 400 Bad Request\r\n" }, { 401, "HTTP/1.1 401 Unauthorized\r\n" },
		{ 403, "HTTP/1.1 403 Forbidden\r\n" }, { 404, "HTTP/1.1 404 Not Found\r\n" },
		{ 405, "HTTP/1.1 405 Method Not Allowed\r\n" }, { 406, "HTTP/1.1 406 Not Acceptable\r\n" },
		{ 408, "HTTP/1.1 408 Request Timeout\r\n" }, { 409, "HTTP/1.1 409 Conflict\r\n" }, { 410, "HTTP/1.1 410 Gone\r\n" },
		{ 412, "HTTP/1.1 412 Precondition Failed\r\n" }, { 413, "HTTP/1.1 413 Content Too Large\r\n" },
		{ 415, "HTTP/1.1 415 Unsupported Media Type\r\n" }, { 417, "HTTP/1.1 417 Expectation Failed\r\n" },
		{ 422, "HTTP/1.1 422 Unprocessable Content\r\n" }, { 428, "HTTP/1.1 428 Precondition Required\r\n" },
		{ 429, "HTTP/1.1 429 Too Many Requests\r\n" }, { 431, "HTTP/1.1 431 Request Header Fields Too Large\r\n" },
		{ 500, "HTTP/1.1 500 Internal Server Error\r\n" }, { 501, "HTTP/1.1 501 Not Implemented\r\n" },
		{ 503, "HTTP/1.1 503 Service Unavailable\r\n" }, { 505, "HTTP/1.1 505 HTTP Version Not Supported\r\n" },
		{ 507, "HTTP/1.1 507 Insufficient Storage\r\n" },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (lines[i].status == status)
			return lines[i].line;
	return "HTTP/1.1 500 Internal Server Error\r\n";
}

static const char *media_line(enum media media)
{
	static const char *const lines[] = {
		[MEDIA_NONE] = "",
		[MEDIA_JSON] = "Content-Type: application/json\r\n",
		[MEDIA_MERGE_PATCH] = "",
		[MEDIA_TEXT] = "Content-Type: text/plain; charset=utf-8\r\n",
		[MEDIA_METRICS] = "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
		[MEDIA_OCTETS] = "Content-Type: application/octet-stream\r\n",
		[MEDIA_PROBLEM] = "Content-Type: application/problem+json\r\n",
		[MEDIA_LINES] = "Content-Type: application/x-ndjson\r\n",
	};

	return lines[media];
}

/* 8-4-4-4-12 digits and a NUL. */
static void uuid_text(const uint8_t id[16], char ret[37])
{
	char hex[33];
	size_t at = 0;

	hex_encode(id, 16, hex);
	for (size_t i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			ret[at++] = '-';
		ret[at++] = hex[i];
	}
	ret[at] = '\0';
}

/* The head of what stands in body and extra. */
static void put_head(struct reply *r, const struct exchange *x)
{
	struct buf *b = &r->head;
	char uuid[37];

	uuid_text(x->request_id, uuid);
	buf_text(b, status_line(r->status));
	PUT(b, "Date: ");
	buf_text(b, r->date);
	PUT(b, "\r\nRequest-Id: ");
	buf_text(b, uuid);
	PUT(b, "\r\nCache-Control: no-store\r\n");
	if (r->streams) {
		buf_text(b, media_line(r->media));
		PUT(b, "Transfer-Encoding: chunked\r\n");
	} else if (r->status != 204) {
		buf_text(b, media_line(r->media));
		PUT(b, "Content-Length: ");
		json_u64(b, r->body.n);
		PUT(b, "\r\n");
	}
	if (r->leaf != MESSAGE_NO_LEAF) {
		PUT(b, "CV-Audit-Index: ");
		json_u64(b, r->leaf);
		PUT(b, "\r\n");
	}
	if (x->close)
		PUT(b, "Connection: close\r\n");
	buf_put(b, r->extra.p, r->extra.n);
	PUT(b, "\r\n");
}

/* ---- problems --------------------------------------------------------------------------------------------------- */

static void allow_header(struct reply *r, uint8_t allow)
{
	static const char *const names[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
	const char *separator = "Allow: ";

	for (unsigned i = 0; i < 5; i++) {
		if ((allow >> i & 1) == 0)
			continue;
		buf_text(&r->extra, separator);
		buf_text(&r->extra, names[i]);
		separator = ", ";
	}
	PUT(&r->extra, "\r\n");
}

/* Headers that belong to a kind whoever found it. */
static void problem_headers(struct reply *r, const struct exchange *x, uint16_t problem, uint32_t retry_after_s)
{
	if (problem == PROBLEM_METHOD_NOT_ALLOWED)
		allow_header(r, x->allow);
	if (problem == PROBLEM_UNAUTHENTICATED)
		reply_header(r, "WWW-Authenticate", "Bearer", 6);
	if (problem == PROBLEM_UNSUPPORTED_MEDIA_TYPE && x->route != NULL && x->route->takes == MEDIA_MERGE_PATCH)
		reply_header(r, "Accept-Patch", "application/merge-patch+json", 28);
	/* Each 429 and 503 says when to come again, also where core does not know better. */
	if (retry_after_s == 0 && (problem == PROBLEM_OVERLOADED || problem == PROBLEM_INDEX_REBUILDING))
		retry_after_s = 1;
	else if (retry_after_s == 0 && (problem_status(problem) == 429 || problem_status(problem) == 503))
		retry_after_s = RETRY_S;
	if (retry_after_s != 0)
		number_header(r, "Retry-After", retry_after_s);
}

/* The object up to where its errors, if any, follow. */
static void open_problem(struct reply *r, const struct exchange *x, uint16_t problem)
{
	struct buf *b = &r->body;
	char uuid[37];

	uuid_text(x->request_id, uuid);
	r->status = problem_status(problem);
	r->media = MEDIA_PROBLEM;
	PUT(b, "{\"type\":\"urn:childvault:problem:");
	buf_text(b, problem_kind(problem));
	PUT(b, "\",\"title\":");
	json_text(b, problem_title(problem), strlen(problem_title(problem)));
	PUT(b, ",\"status\":");
	json_u64(b, (uint64_t)r->status);
	PUT(b, ",\"kind\":\"");
	buf_text(b, problem_kind(problem));
	PUT(b, "\",\"instance\":\"urn:uuid:");
	buf_text(b, uuid);
	PUT(b, "\"");
}

/*
 * "#/fields/NAME", or "#/NAME" where fields are the body's own members, as a URI fragment JSON pointer (RFC 6901 section 6): "~" and "/"
 * of a name are ~0 and ~1.
 */
static void put_pointer(struct buf *b, bool members, const struct wire_text *field)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_text(b, members ? "\"#/" : "\"#/fields/");
	for (size_t i = 0; i < field->n; i++) {
		uint8_t c = (uint8_t)field->p[i];
		uint8_t code[3] = { '%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15] };
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' || c == '.';

		if (c == '~')
			PUT(b, "~0");
		else if (c == '/')
			PUT(b, "~1");
		else
			buf_put(b, plain ? &c : code, plain ? 1 : 3);
	}
	PUT(b, "\"");
}

/* Whether the fields of x's body are its own members. */
static bool has_members(const struct exchange *x)
{
	return x->route != NULL && (x->route->message == MSG_GOV_CREATE || x->route->message == MSG_GOV_ACT);
}

static void put_error(struct buf *b, bool first, bool members, const struct wire_text *field, const struct wire_text *kind,
    const struct wire_text *expected)
{
	buf_text(b, first ? ",\"errors\":[{\"pointer\":" : ",{\"pointer\":");
	put_pointer(b, members, field);
	PUT(b, ",\"kind\":");
	json_text(b, kind->p, kind->n);
	if (expected->n > 0) {
		PUT(b, ",\"expected\":");
		json_text(b, expected->p, expected->n);
	}
	PUT(b, "}");
}

/* What front found itself, about one field or none. */
static void put_own_errors(struct buf *b, const struct exchange *x)
{
	const struct json_fault *f = &x->fault;
	const char *kind = problem_kind(f->problem);
	struct wire_text field = { f->field, f->field_n }, kind_text = { kind, strlen(kind) }, expected = { f->expected, 0 };

	if (f->expected != NULL)
		expected.n = strlen(f->expected);
	if (f->field_n > 0) {
		put_error(b, true, has_members(x), &field, &kind_text, &expected);
		PUT(b, "]");
	} else if (expected.n > 0) {
		PUT(b, ",\"expected\":");
		json_text(b, expected.p, expected.n);
	}
}

/* Text in a header: bytes other than visible ASCII, and "%", are percent-encoded; spaces stay. */
static void explain_header(struct reply *r, const struct wire_text *t)
{
	static const char digits[] = "0123456789ABCDEF";

	PUT(&r->extra, "CV-Explain: ");
	for (size_t i = 0; i < t->n; i++) {
		uint8_t c = (uint8_t)t->p[i];
		uint8_t code[3] = { '%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15] };
		bool plain = c >= ' ' && c <= '~' && c != '%';

		buf_put(&r->extra, plain ? &c : code, plain ? 1 : 3);
	}
	PUT(&r->extra, "\r\n");
}

static int put_problem(struct reply *r, const struct exchange *x, uint16_t problem, const uint8_t *p, size_t n)
{
	struct wire_problem m;
	struct wire_field_error e;
	bool first = true;

	if (wire_problem_decode(p, n, &m) != 0)
		return CV_ERR_FORMAT;
	open_problem(r, x, problem);
	if (m.has_etag) {
		PUT(&r->body, ",\"version\":");
		json_etag(&r->body, m.etag);
	}
	for (; wire_errors_next(&m.errors, &e); first = false)
		put_error(&r->body, first, has_members(x), &e.field, &e.problem, &e.expected);
	if (!first)
		PUT(&r->body, "]");
	else if (problem == x->fault.problem)	/* core confirms what front found and knows no more of it */
		put_own_errors(&r->body, x);
	PUT(&r->body, "}");
	problem_headers(r, x, problem, m.retry_after_s);
	if (r->demo && m.explanation.n > 0)
		explain_header(r, &m.explanation);
	return 0;
}

/* ---- whole ------------------------------------------------------------------------------------------------------ */

/* An answer that did not fit its buffers becomes an error of ours. */
static void finish(struct reply *r, const struct exchange *x)
{
	if (!buf_ok(&r->body) || !buf_ok(&r->extra)) {
		uint64_t leaf = r->leaf;

		reply_reset(r);
		r->leaf = leaf;
		open_problem(r, x, PROBLEM_INTERNAL);
		PUT(&r->body, "}");
	}
	put_head(r, x);
	assert(buf_ok(&r->head));	/* HEAD_ROOM is above EXTRA_MAX and all lines of put_head */
	if (x->head)
		buf_reset(&r->body);
}

int reply_answer(struct reply *r, const struct exchange *x, const uint8_t *p, size_t n)
{
	struct rd rd = rd_over(p, n);
	uint16_t problem;
	int err;

	if (wire_answer_get(&rd, &problem, &r->leaf) != 0)
		return CV_ERR_FORMAT;
	if (problem != PROBLEM_NONE) {
		err = put_problem(r, x, problem, rd.p, rd_left(&rd));
	} else if (x->fault.problem != PROBLEM_NONE) {
		err = CV_ERR_FORMAT;	/* core cannot have done what front refused */
	} else {
		r->media = x->route->gives;
		err = x->route->render(x, rd.p, rd_left(&rd), r);
	}
	if (err == 0 && r->head.n == 0)
		finish(r, x);
	return err;
}

void reply_stream(struct reply *r, const struct exchange *x)
{
	r->media = x->route->gives;
	r->streams = true;
	put_head(r, x);
}

void reply_own(struct reply *r, const struct exchange *x)
{
	if (x->fault.problem != PROBLEM_NONE) {
		open_problem(r, x, x->fault.problem);
		put_own_errors(&r->body, x);
		PUT(&r->body, "}");
		problem_headers(r, x, x->fault.problem, 0);
	} else {
		r->media = x->route->gives;
		(void)x->route->render(x, NULL, 0, r);	/* routes without message cannot fail */
	}
	finish(r, x);
}

#include "client/proxy_message.h"

#include <string.h>

#include "base/error.h"
#include "client/answer.h"

#define DIGITS_MAX 15u	/* of a chunk's size: it cannot overflow */

/* ---- heads ----------------------------------------------------------------------------------------------------------- */

static bool has_suffix(const char *p, size_t n, const char *suffix)
{
	size_t s = strlen(suffix);

	return n >= s && memcmp(p + n - s, suffix, s) == 0;
}

/* What the path tells of a request, without its query. */
static void judge_target(const char *p, size_t n, struct proxy_request *ret)
{
	static const char *const open[] = { "/v1/sys/health", "/v1/sys/metrics", "/v1/sys/version", "/v1/sys/limits",
		"/v1/openapi.json" };
	static const char sessions[] = "/v1/sessions";
	const char *query = memchr(p, '?', n);
	size_t path = query != NULL ? (size_t)(query - p) : n;

	for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
		ret->open = ret->open || (path == strlen(open[i]) && memcmp(p, open[i], path) == 0);
	/* Who opens a session of their own says who they are in another way, and a 401 there says nothing of the proxy's. */
	if (n >= sizeof sessions - 1 && memcmp(p, sessions, sizeof sessions - 1) == 0)
		ret->open = !ret->ends;
	ret->streams = has_suffix(p, path, ":import") || has_suffix(p, path, ":export");
}

static int parse_line(const char *p, size_t n, struct proxy_request *ret)
{
	const char *target, *version;
	size_t method = 0;

	while (method < n && answer_is_token(p[method]))
		method++;
	if (method == 0 || n < method + 11 || p[method] != ' ')
		return CV_ERR_FORMAT;
	version = p + n - 8;
	if (version[-1] != ' ' || memcmp(version, "HTTP/1.", 7) != 0 || (version[7] != '0' && version[7] != '1'))
		return CV_ERR_FORMAT;
	target = p + method + 1;
	for (const char *q = target; q < version - 1; q++)
		if ((unsigned char)*q <= ' ' || *q == 0x7f)
			return CV_ERR_FORMAT;
	ret->head = method == 4 && memcmp(p, "HEAD", 4) == 0;
	ret->safe = ret->head || (method == 3 && memcmp(p, "GET", 3) == 0);
	ret->close = version[7] == '0';
	ret->ends = n == 36 && memcmp(p, "DELETE /v1/sessions/current ", 28) == 0;
	judge_target(target, (size_t)(version - 1 - target), ret);
	return 0;
}

static int take_length(const struct answer_header *x, struct proxy_request *ret)
{
	if (ret->framing != FRAMING_NONE || x->value_n == 0 || x->value_n > 18)
		return CV_ERR_FORMAT;
	for (size_t i = 0; i < x->value_n; i++) {
		if (x->value[i] < '0' || x->value[i] > '9')
			return CV_ERR_FORMAT;
		ret->length = ret->length * 10 + (uint64_t)(x->value[i] - '0');
	}
	ret->framing = FRAMING_LENGTH;
	return 0;
}

static int take_header(const char *p, size_t n, struct proxy_request *ret)
{
	struct answer_header x;
	int r = answer_field(p, n, &x);

	if (r != 0)
		return r;
	if (answer_same(x.name, x.name_n, "authorization"))
		return CV_ERR_DENIED;
	if (answer_same(x.name, x.name_n, "content-length"))
		return take_length(&x, ret);
	if (answer_same(x.name, x.name_n, "transfer-encoding")) {
		if (ret->framing != FRAMING_NONE || ret->close || !answer_same(x.value, x.value_n, "chunked"))
			return CV_ERR_FORMAT;
		ret->framing = FRAMING_CHUNKED;
	}
	return 0;
}

static bool wants_close(const char *p, size_t n)
{
	struct answer_header x;

	return answer_field(p, n, &x) == 0 && answer_same(x.name, x.name_n, "connection") && answer_same(x.value, x.value_n, "close");
}

int proxy_request_parse(const char *p, size_t n, struct proxy_request *ret)
{
	struct proxy_request x = { 0 };
	size_t at = 0, line = 0;
	bool close = false;
	int r;

	for (;;) {
		if ((r = answer_line(p + at, n - at, &line)) == ANSWER_MORE)
			return n >= PROXY_HEAD_MAX ? CV_ERR_LIMIT : 0;
		if (r != 0)
			return r;
		if (at + line + 2 > PROXY_HEAD_MAX)
			return CV_ERR_LIMIT;
		if (at != 0 && line == 0)
			break;
		if ((r = at == 0 ? parse_line(p, line, &x) : take_header(p + at, line, &x)) != 0)
			return r;
		close = close || (at != 0 && wants_close(p + at, line));
		if (at == 0)
			x.line_n = line + 2;
		at += line + 2;
	}
	x.close = x.close || close;
	*ret = x;
	return (int)(at + 2);
}

/* ---- bodies ------------------------------------------------------------------------------------------------------------ */

enum { PLAIN, SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, END_CR, END_LF };

void proxy_body_begin(struct proxy_body *b, enum proxy_framing framing, uint64_t length)
{
	*b = (struct proxy_body){ .state = framing == FRAMING_CHUNKED ? SIZE : PLAIN };
	if (framing == FRAMING_LENGTH)
		b->left = length;
	b->done = framing == FRAMING_NONE || (framing == FRAMING_LENGTH && length == 0);
}

static int digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte c of a chunk's size line. */
static int pass_size(struct proxy_body *b, uint8_t c)
{
	int digit = digit_of(c);

	if (digit >= 0 && b->digits < DIGITS_MAX) {
		b->left = b->left * 16 + (unsigned)digit;
		b->digits++;
		return 0;
	}
	b->state = SIZE_LF;
	return c == '\r' && b->digits != 0 ? 0 : CV_ERR_FORMAT;
}

/* One byte of framing. */
static int pass_framing(struct proxy_body *b, uint8_t c)
{
	switch (b->state) {
	case SIZE:
		return pass_size(b, c);
	case SIZE_LF:
		b->state = b->left != 0 ? DATA : END_CR;
		return c == '\n' ? 0 : CV_ERR_FORMAT;
	case DATA_CR:
		b->state = DATA_LF;
		return c == '\r' ? 0 : CV_ERR_FORMAT;
	case DATA_LF:
		b->state = SIZE;
		b->digits = 0;
		return c == '\n' ? 0 : CV_ERR_FORMAT;
	case END_CR:
		b->state = END_LF;
		return c == '\r' ? 0 : CV_ERR_FORMAT;
	default:
		b->done = true;
		return c == '\n' ? 0 : CV_ERR_FORMAT;
	}
}

int proxy_body_pass(struct proxy_body *b, const uint8_t *p, size_t n, size_t *ret_n)
{
	size_t at = 0;
	int r;

	while (at < n && !b->done) {
		if (b->state == PLAIN || b->state == DATA) {
			size_t step = b->left < n - at ? (size_t)b->left : n - at;

			at += step;
			b->left -= step;
			if (b->left == 0 && b->state == PLAIN)
				b->done = true;
			else if (b->left == 0)
				b->state = DATA_CR;
		} else if ((r = pass_framing(b, p[at++])) != 0) {
			return r;
		}
	}
	*ret_n = at;
	return 0;
}

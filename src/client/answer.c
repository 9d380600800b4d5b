#include "client/answer.h"

#include <string.h>

#include "base/error.h"

#define CHUNK_LINE_MAX 10u	/* hexadecimal digits of ANSWER_BODY_MAX and more, with CRLF */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* RFC 9110 token characters. */
bool answer_is_token(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool answer_same(const char *p, size_t n, const char *want)
{
	size_t i;

	for (i = 0; i < n && want[i] != 0; i++)
		if (lower(p[i]) != want[i])
			return false;
	return i == n && want[i] == 0;
}

const struct answer_header *answer_header(const struct answer_head *h, const char *name)
{
	for (unsigned i = 0; i < h->headers; i++)
		if (answer_same(h->header[i].name, h->header[i].name_n, name))
			return &h->header[i];
	return NULL;
}

static unsigned count_headers(const struct answer_head *h, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->headers; i++)
		n += answer_same(h->header[i].name, h->header[i].name_n, name);
	return n;
}

int answer_line(const char *p, size_t n, size_t *ret_n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' || p[i] == 0)
			return CV_ERR_FORMAT;
		if (p[i] != '\r')
			continue;
		if (i + 1 == n)
			return ANSWER_MORE;
		if (p[i + 1] != '\n')
			return CV_ERR_FORMAT;
		*ret_n = i;
		return 0;
	}
	return ANSWER_MORE;
}

static int parse_status(const char *p, size_t n, struct answer_head *h)
{
	if (n < 12 || memcmp(p, "HTTP/1.1 ", 9) != 0 || !is_digit(p[9]) || !is_digit(p[10]) || !is_digit(p[11]))
		return CV_ERR_FORMAT;
	if (n > 12 && p[12] != ' ')
		return CV_ERR_FORMAT;
	h->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	return h->status >= 100 && h->status < 600 ? 0 : CV_ERR_FORMAT;
}

int answer_field(const char *p, size_t n, struct answer_header *ret)
{
	size_t colon = 0;

	while (colon < n && answer_is_token(p[colon]))
		colon++;
	if (colon == 0 || colon == n || p[colon] != ':')
		return CV_ERR_FORMAT;
	ret->name = p;
	ret->name_n = colon;
	ret->value = p + colon + 1;
	ret->value_n = n - colon - 1;
	while (ret->value_n != 0 && (ret->value[0] == ' ' || ret->value[0] == '\t')) {
		ret->value++;
		ret->value_n--;
	}
	while (ret->value_n != 0 && (ret->value[ret->value_n - 1] == ' ' || ret->value[ret->value_n - 1] == '\t'))
		ret->value_n--;
	return 0;
}

static int parse_header(const char *p, size_t n, struct answer_head *h)
{
	int r;

	if (h->headers == ANSWER_HEADERS)
		return CV_ERR_LIMIT;
	if ((r = answer_field(p, n, &h->header[h->headers])) == 0)
		h->headers++;
	return r;
}

/* How the body's end is known: at most one of a length and chunks. */
static int parse_framing(struct answer_head *h)
{
	const struct answer_header *length = answer_header(h, "content-length"), *coding = answer_header(h, "transfer-encoding");
	const struct answer_header *connection = answer_header(h, "connection");

	h->keep = connection == NULL || !answer_same(connection->value, connection->value_n, "close");
	if (count_headers(h, "content-length") > 1 || count_headers(h, "transfer-encoding") > 1)
		return CV_ERR_FORMAT;
	if (coding != NULL) {
		h->chunked = answer_same(coding->value, coding->value_n, "chunked");
		return h->chunked && length == NULL ? 0 : CV_ERR_FORMAT;
	}
	if (length == NULL)
		return h->status < 200 || h->status == 204 || h->status == 304 ? 0 : CV_ERR_FORMAT;
	if (length->value_n == 0)
		return CV_ERR_FORMAT;
	for (size_t i = 0; i < length->value_n; i++) {
		if (!is_digit(length->value[i]))
			return CV_ERR_FORMAT;
		h->length = h->length * 10 + (uint64_t)(length->value[i] - '0');
		if (h->length > ANSWER_BODY_MAX)
			return CV_ERR_LIMIT;
	}
	return 0;
}

int answer_head_parse(const char *p, size_t n, struct answer_head *ret)
{
	size_t at = 0, line = 0;
	bool first = true;
	int r;

	memset(ret, 0, sizeof *ret);
	for (;;) {
		if ((r = answer_line(p + at, n - at, &line)) == ANSWER_MORE)
			return n >= ANSWER_HEAD_MAX ? CV_ERR_LIMIT : 0;
		if (r != 0)
			return r;
		if (at + line + 2 > ANSWER_HEAD_MAX)
			return CV_ERR_LIMIT;
		if (!first && line == 0)
			break;
		r = first ? parse_status(p, line, ret) : parse_header(p + at, line, ret);
		if (r != 0)
			return r;
		first = false;
		at += line + 2;
	}
	r = parse_framing(ret);
	return r != 0 ? r : (int)(at + 2);
}

int answer_chunk_parse(const char *p, size_t n, size_t *ret_size)
{
	size_t line = 0, size = 0;
	int r;

	if ((r = answer_line(p, n, &line)) == ANSWER_MORE)
		return n > CHUNK_LINE_MAX ? CV_ERR_LIMIT : 0;
	if (r != 0 || line == 0)
		return CV_ERR_FORMAT;
	if (line + 2 > CHUNK_LINE_MAX)
		return CV_ERR_LIMIT;
	for (size_t i = 0; i < line; i++) {
		char c = lower(p[i]);

		if (!is_digit(c) && !(c >= 'a' && c <= 'f'))
			return CV_ERR_FORMAT;
		size = size * 16 + (size_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	if (size > ANSWER_BODY_MAX)
		return CV_ERR_LIMIT;
	*ret_size = size;
	return (int)(line + 2);
}

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "format/wire_gov.h"
#include "front/exchange.h"

#define TOKEN_TEXT 43u		/* base64url characters of a token */

int exchange_refuse(struct exchange *x, uint16_t problem)
{
	if (x->fault.problem == PROBLEM_NONE)
		x->fault.problem = problem;
	return CV_ERR_FORMAT;
}

static char *text_of(struct buf *in, const struct span *s)
{
	return (char *)in->p + s->at;
}

/* ---- headers ---------------------------------------------------------------------------------------------------- */

/*
 * Authorization: Bearer and a token. Anything else there is no session; core is not asked, as it keeps nothing to say.
 * The header's bytes are wiped with the request.
 */
static void take_token(struct exchange *x, const struct http *h, struct buf *in)
{
	const struct span *s = &h->field[FIELD_AUTHORIZATION];
	const char *p = text_of(in, s);
	size_t n;

	if (!http_has(h, FIELD_AUTHORIZATION))
		return;
	if (s->n == 7 + TOKEN_TEXT && strncasecmp(p, "Bearer ", 7) == 0 &&
	    b64_decode(B64_URL, p + 7, TOKEN_TEXT, x->token, sizeof(x->token), &n) == 0 && n == sizeof(x->token))
		x->has_token = true;
	else
		(void)exchange_refuse(x, PROBLEM_UNAUTHENTICATED);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Undo percent-encoding in place, shortening *s. 0, or a problem: broken encoding, control characters, not UTF-8. */
static uint16_t percent_decode(struct buf *in, struct span *s)
{
	char *p = text_of(in, s);
	uint32_t to = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		char c = p[i];

		if (c == '%') {
			int high = s->n - i > 2 ? hex_digit(p[i + 1]) : -1, low = s->n - i > 2 ? hex_digit(p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return PROBLEM_BAD_REQUEST;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return PROBLEM_BAD_REQUEST;
		p[to++] = c;
	}
	s->n = to;
	return utf8_valid(p, to) ? PROBLEM_NONE : PROBLEM_INVALID_UTF8;
}

/* A text header of at most max bytes after decoding. */
static void take_text(struct exchange *x, const struct http *h, struct buf *in, enum http_field f, size_t max, struct span *ret)
{
	uint16_t problem;

	if (!http_has(h, f))
		return;
	*ret = h->field[f];
	if ((problem = percent_decode(in, ret)) == PROBLEM_NONE && ret->n > max)
		problem = PROBLEM_BAD_REQUEST;
	if (problem != PROBLEM_NONE) {
		ret->n = 0;	/* a text that was refused goes nowhere, not even into a leaf */
		(void)exchange_refuse(x, problem);
	}
}

/* If-Match: one strong tag of ours. Lists and "*" say "whatever it is now", which no caller here may want. */
static void take_etag(struct exchange *x, const struct http *h, struct buf *in)
{
	const struct span *s = &h->field[FIELD_IF_MATCH];
	const char *p = text_of(in, s);

	if (!http_has(h, FIELD_IF_MATCH))
		return;
	if (s->n == 34 && p[0] == '"' && p[33] == '"' && hex_decode(p + 1, 32, x->etag, 16) == 0)
		x->has_etag = true;
	else
		(void)exchange_refuse(x, PROBLEM_BAD_REQUEST);
}

static void take_key(struct exchange *x, const struct http *h, struct buf *in)
{
	const struct span *s = &h->field[FIELD_IDEMPOTENCY_KEY];
	const char *p = text_of(in, s);

	if (!http_has(h, FIELD_IDEMPOTENCY_KEY))
		return;
	for (uint32_t i = 0; i < s->n; i++)
		if (p[i] <= ' ' || p[i] > '~')
			(void)exchange_refuse(x, PROBLEM_BAD_REQUEST);
	if (s->n == 0 || s->n > WIRE_IDEMPOTENCY_MAX)
		(void)exchange_refuse(x, PROBLEM_BAD_REQUEST);
	else
		x->key = *s;
}

/* CV-Export: the id of an approved export, for whose mark and count this read is. */
static void take_export(struct exchange *x, const struct http *h, struct buf *in)
{
	const struct span *s = &h->field[FIELD_EXPORT];

	if (http_has(h, FIELD_EXPORT) && (s->n != 32 || hex_decode(text_of(in, s), 32, x->export, 16) != 0))
		(void)exchange_refuse(x, PROBLEM_BAD_REQUEST);
}

/* ---- media types ------------------------------------------------------------------------------------------------ */

static const struct {
	const char *type, *group;
} medias[] = {
	[MEDIA_NONE] = { "", "" },
	[MEDIA_JSON] = { "application/json", "application/*" },
	[MEDIA_MERGE_PATCH] = { "application/merge-patch+json", "application/*" },
	[MEDIA_TEXT] = { "text/plain", "text/*" },
	[MEDIA_METRICS] = { "text/plain", "text/*" },
	[MEDIA_OCTETS] = { "application/octet-stream", "application/*" },
	[MEDIA_PROBLEM] = { "application/problem+json", "application/*" },
	[MEDIA_LINES] = { "application/x-ndjson", "application/*" },
};

static bool same(const char *p, size_t n, const char *text)
{
	return strlen(text) == n && strncasecmp(p, text, n) == 0;
}

/* Cut white space from both ends. */
static void trim(const char **p, size_t *n)
{
	while (*n > 0 && (**p == ' ' || **p == '\t')) {
		(*p)++;
		(*n)--;
	}
	while (*n > 0 && ((*p)[*n - 1] == ' ' || (*p)[*n - 1] == '\t'))
		(*n)--;
}

/* Split off the part before the first c, trimmed; what stays is after it. */
static void split(const char **p, size_t *n, char c, const char **ret, size_t *ret_n)
{
	const char *at = memchr(*p, c, *n);

	*ret = *p;
	*ret_n = at == NULL ? *n : (size_t)(at - *p);
	*p += at == NULL ? *n : *ret_n + 1;
	*n -= at == NULL ? *n : *ret_n + 1;
	trim(ret, ret_n);
}

/* A parameter that says "not this one": q=0, q=0., q=0.0 ... */
static bool is_zero_weight(const char *p, size_t n)
{
	if (n < 3 || strncasecmp(p, "q=0", 3) != 0)
		return false;
	for (size_t i = 3; i < n; i++)
		if (p[i] != '.' && p[i] != '0')
			return false;
	return true;
}

/* Whether Accept allows the media type: some range fits it and is not weighted 0. Preference is of no use with one type. */
static bool accepts(const char *p, size_t n, enum media media)
{
	const char *range, *type, *param;
	size_t range_n, type_n, param_n;

	trim(&p, &n);
	if (n == 0)
		return true;
	while (n > 0) {
		bool zero = false;

		split(&p, &n, ',', &range, &range_n);
		split(&range, &range_n, ';', &type, &type_n);
		while (range_n > 0) {
			split(&range, &range_n, ';', &param, &param_n);
			zero = zero || is_zero_weight(param, param_n);
		}
		if (!zero && (same(type, type_n, "*/*") || same(type, type_n, medias[media].type) ||
		    same(type, type_n, medias[media].group)))
			return true;
	}
	return false;
}

/* Whether Content-Type names the media type, with no parameter but charset=utf-8. */
static bool is_media(const char *p, size_t n, enum media media)
{
	const char *part;
	size_t part_n;

	split(&p, &n, ';', &part, &part_n);
	if (!same(part, part_n, medias[media].type))
		return false;
	while (n > 0) {
		split(&p, &n, ';', &part, &part_n);
		if (!same(part, part_n, "charset=utf-8") && !same(part, part_n, "charset=\"utf-8\""))
			return false;
	}
	return true;
}

static void judge_media(struct exchange *x, const struct http *h, struct buf *in)
{
	const struct route *t = x->route;
	const struct span *accept = &h->field[FIELD_ACCEPT], *type = &h->field[FIELD_CONTENT_TYPE];
	const struct span *coding = &h->field[FIELD_CONTENT_ENCODING];
	bool has_body = http_body_left(h) > 0 || h->body_n > 0 || http_has(h, FIELD_TRANSFER_ENCODING);

	if (t->gives != MEDIA_NONE && http_has(h, FIELD_ACCEPT) && !accepts(text_of(in, accept), accept->n, t->gives))
		(void)exchange_refuse(x, PROBLEM_NOT_ACCEPTABLE);
	if (t->takes == MEDIA_NONE) {
		if (has_body)
			(void)exchange_refuse(x, PROBLEM_BAD_REQUEST);
		return;
	}
	if (!has_body && (t->flags & ROUTE_BODY_OPTIONAL) != 0 && !http_has(h, FIELD_CONTENT_TYPE))
		return;
	if (!http_has(h, FIELD_CONTENT_TYPE) || !is_media(text_of(in, type), type->n, t->takes))
		(void)exchange_refuse(x, PROBLEM_UNSUPPORTED_MEDIA_TYPE);
	if (http_has(h, FIELD_CONTENT_ENCODING) && !same(text_of(in, coding), coding->n, "identity"))
		(void)exchange_refuse(x, PROBLEM_UNSUPPORTED_MEDIA_TYPE);
}

/* ---- query ------------------------------------------------------------------------------------------------------ */

/* Decimal digits only, no second spelling of a number. */
static bool number(const char *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if (n == 0 || n > 19 || (p[0] == '0' && n > 1))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(p[i] - '0');
	}
	*ret = v;
	return true;
}

static const struct {
	const char *name;
	uint32_t param;
} params[] = {
	{ "fields", PARAM_FIELDS }, { "view", PARAM_VIEW }, { "limit", PARAM_LIMIT }, { "from", PARAM_FROM },
	{ "keys", PARAM_KEYS }, { "sealed_ok", PARAM_SEALED_OK }, { "before", PARAM_BEFORE }, { "cursor", PARAM_CURSOR },
	{ "area", PARAM_AREA }, { "due", PARAM_DUE }, { "state", PARAM_STATE }, { "principal", PARAM_PRINCIPAL },
	{ "record", PARAM_RECORD }, { "waiting", PARAM_WAITING }, { "provenance", PARAM_PROVENANCE },
	{ "cosigned", PARAM_COSIGNED }, { "for", PARAM_FOR }, { "to", PARAM_TO },
	{ "since", PARAM_SINCE }, { "until", PARAM_UNTIL }, { "kind", PARAM_KIND }, { "purpose", PARAM_PURPOSE },
	{ "index", PARAM_INDEX },
};

/* Values have one spelling. */
static bool is(const char *p, size_t n, const char *text)
{
	return strlen(text) == n && memcmp(p, text, n) == 0;
}

static bool set_truth(const char *p, size_t n, bool *ret)
{
	*ret = is(p, n, "true");
	return *ret || is(p, n, "false");
}

static bool set_limit(struct exchange *x, const char *p, size_t n)
{
	uint64_t v;

	if (!number(p, n, &v) || v == 0 || v > HISTORY_LIMIT_MAX)
		return false;
	x->limit = (uint16_t)v;
	return true;
}

static bool set_cursor(struct exchange *x, const struct span *s)
{
	x->cursor = *s;
	return s->n > 0 && s->n <= WIRE_CURSOR_MAX;
}

/* A text that narrows a list; what it may say is core's to know, but for its length. An empty one would say what none says. */
static bool set_filter(struct exchange *x, enum filter filter, const struct span *s)
{
	x->filter[filter] = *s;
	return s->n > 0 && s->n <= UINT8_MAX;
}

/* Take one parameter whose value s is decoded. */
static bool set_param(struct exchange *x, struct buf *in, uint32_t param, const struct span *s)
{
	const char *p = text_of(in, s);

	switch (param) {
	case PARAM_FIELDS:
		x->names = *s;
		return true;
	case PARAM_VIEW:
		x->clear = is(p, s->n, "clear");
		return x->clear;
	case PARAM_LIMIT:
		return set_limit(x, p, s->n);
	case PARAM_FROM:
		x->has_from = number(p, s->n, &x->from);
		return x->has_from;
	case PARAM_INDEX:
		x->has_index = number(p, s->n, &x->index);
		return x->has_index;
	case PARAM_BEFORE:
		return number(p, s->n, &x->before) && x->before > 0;
	case PARAM_KEYS:
		return set_truth(p, s->n, &x->keys);
	case PARAM_PROVENANCE:
		return set_truth(p, s->n, &x->provenance);
	case PARAM_CURSOR:
		return set_cursor(x, s);
	case PARAM_COSIGNED:
		return set_truth(p, s->n, &x->cosigned);
	case PARAM_FOR:
		x->reader = is(p, s->n, "child") ? 1 : is(p, s->n, "guardian") ? 2 : 0;
		return x->reader != 0;
	case PARAM_TO:
		return number(p, s->n, &x->to) && x->to > 0;
	case PARAM_AREA:
		return set_filter(x, FILTER_AREA, s);
	case PARAM_DUE:
		return set_filter(x, FILTER_DUE, s);
	case PARAM_STATE:
		return set_filter(x, FILTER_STATE, s);
	case PARAM_PRINCIPAL:
		return set_filter(x, FILTER_PRINCIPAL, s);
	case PARAM_RECORD:
		return set_filter(x, FILTER_RECORD, s);
	case PARAM_WAITING:
		return is(p, s->n, "me") && set_filter(x, FILTER_WAITING, s);
	case PARAM_SINCE:
		return clock_parse(p, s->n, false, &x->since_ms);
	case PARAM_UNTIL:
		return clock_parse(p, s->n, true, &x->until_ms) && x->until_ms > 0;
	case PARAM_KIND:
		return set_filter(x, FILTER_KIND, s);
	case PARAM_PURPOSE:
		return set_filter(x, FILTER_PURPOSE, s);
	default:
		return set_truth(p, s->n, &x->sealed_ok);
	}
}

/* One "name=value" of the query at s; *seen holds the parameters before it. */
static void take_param(struct exchange *x, struct buf *in, struct span s, uint32_t *seen)
{
	const char *p = text_of(in, &s), *eq = memchr(p, '=', s.n);
	size_t name_n = eq == NULL ? s.n : (size_t)(eq - p);
	uint32_t param = 0;
	uint16_t problem;

	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++)
		if (is(p, name_n, params[i].name))
			param = params[i].param;
	if (eq == NULL || (param & x->route->params) == 0 || (param & *seen) != 0) {
		(void)exchange_refuse(x, PROBLEM_BAD_REQUEST);
		return;
	}
	*seen |= param;
	s.at += (uint32_t)name_n + 1;
	s.n -= (uint32_t)name_n + 1;
	if ((problem = percent_decode(in, &s)) != PROBLEM_NONE)
		(void)exchange_refuse(x, problem);
	else if (!set_param(x, in, param, &s))
		(void)exchange_refuse(x, PROBLEM_BAD_REQUEST);
}

static void take_query(struct exchange *x, struct buf *in, struct span s)
{
	uint32_t seen = 0;

	while (s.n > 0) {
		const char *p = text_of(in, &s), *amp = memchr(p, '&', s.n);
		struct span one = { s.at, amp == NULL ? s.n : (uint32_t)(amp - p) };
		uint32_t step = amp == NULL ? s.n : one.n + 1;

		take_param(x, in, one, &seen);
		s.at += step;
		s.n -= step;
	}
	if ((x->route->params & PARAM_FIELDS) != 0 && x->names.n == 0)
		(void)exchange_refuse(x, PROBLEM_FIELDS_REQUIRED);
}

/* ---- whole ------------------------------------------------------------------------------------------------------ */

static uint8_t method_of(const struct http *h)
{
	switch (h->parser.method) {
	case HTTP_GET:
		return METHOD_GET;
	case HTTP_POST:
		return METHOD_POST;
	case HTTP_PUT:
		return METHOD_PUT;
	case HTTP_PATCH:
		return METHOD_PATCH;
	case HTTP_DELETE:
		return METHOD_DELETE;
	default:
		return 0;
	}
}

/*
 * The target without scheme and authority, which a client may send as if to a proxy (RFC 9112, 3.2.2). Whose name that is
 * does not matter: nobody else answers here. What is no http target stays as it is, and is then no path of ours.
 */
static struct span path_of(const struct http *h, const struct buf *in)
{
	static const char scheme[] = "http://";
	struct span s = h->url;
	const char *p = (const char *)in->p + s.at;
	size_t authority = sizeof(scheme) - 1;

	if (s.n == 0 || p[0] == '/' || s.n <= authority || strncasecmp(p, scheme, authority) != 0)
		return s;
	while (authority < s.n && p[authority] != '/' && p[authority] != '?')
		authority++;
	/* No host at all, or a user's name before it, which RFC 9110 (4.2.1, 4.2.4) wants refused. */
	if (authority == sizeof(scheme) - 1 || memchr(p, '@', authority) != NULL)
		return s;
	return (struct span){ s.at + (uint32_t)authority, s.n - (uint32_t)authority };
}

size_t exchange_limit(const struct http *h)
{
	struct buf in = { .p = h->base };
	struct span path = path_of(h, &in);
	const char *p = (const char *)h->base + path.at, *mark = memchr(p, '?', path.n);
	struct exchange x = { .route = NULL };

	route_find(&x, method_of(h), p, mark == NULL ? path.n : (size_t)(mark - p), path.at);
	return x.route != NULL && (x.route->flags & ROUTE_STREAMS) != 0 ? STREAM_BYTES_MAX : h->body_max;
}

/* What holds of requests in lines alone: nobody's lines are not read, and each line's key must fit. */
static void judge_stream(struct exchange *x, const struct http *h)
{
	if (!x->has_token)
		(void)exchange_refuse(x, PROBLEM_UNAUTHENTICATED);
	if (h->parser.http_minor == 0)	/* the answer's length is not known before it ends */
		(void)exchange_refuse(x, PROBLEM_VERSION_NOT_SUPPORTED);
	if (x->key.n > STREAM_KEY_MAX)
		(void)exchange_refuse(x, PROBLEM_BAD_REQUEST);
}

void exchange_begin(struct exchange *x, const struct http *h, struct buf *in)
{
	struct span path = path_of(h, in), query = { 0, 0 };
	const char *p = (const char *)in->p + path.at, *mark;

	x->head = h->parser.method == HTTP_HEAD;
	if (h->fatal)
		(void)exchange_refuse(x, h->problem);
	take_token(x, h, in);
	if (x->fault.problem != PROBLEM_NONE)
		return;
	if (http_has(h, FIELD_ORIGIN)) {
		(void)exchange_refuse(x, PROBLEM_ORIGIN_REFUSED);
		return;
	}
	if ((mark = memchr(p, '?', path.n)) != NULL) {
		const uint32_t target_n = path.n;

		path.n = (uint32_t)(mark - p);
		query = (struct span){ path.at + path.n + 1, target_n - path.n - 1 };
	}
	route_find(x, method_of(h), p, path.n, path.at);
	if (x->route == NULL) {
		(void)exchange_refuse(x, x->allow != 0 ? PROBLEM_METHOD_NOT_ALLOWED : PROBLEM_NOT_FOUND);
		return;
	}
	judge_media(x, h, in);
	take_text(x, h, in, FIELD_PURPOSE, WIRE_PURPOSE_MAX, &x->purpose);
	take_text(x, h, in, FIELD_CASE, WIRE_CASE_MAX, &x->case_text);
	take_text(x, h, in, FIELD_REASON, WIRE_REASON_MAX, &x->reason);
	if ((x->route->flags & ROUTE_CREATES) != 0)
		take_key(x, h, in);
	if ((x->route->flags & ROUTE_MATCHES) != 0)
		take_etag(x, h, in);
	if ((x->route->flags & ROUTE_EXPORTS) != 0)
		take_export(x, h, in);
	take_query(x, in, query);
	if ((x->route->flags & ROUTE_STREAMS) != 0)
		judge_stream(x, h);
	/* As there: the answer's length is not known before it ends. */
	if ((x->route->flags & ROUTE_EXPORT) != 0 && h->parser.http_minor == 0)
		(void)exchange_refuse(x, PROBLEM_VERSION_NOT_SUPPORTED);
}

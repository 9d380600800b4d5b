#include "childvault.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "client/client.h"
#include "client/client_internal.h"
#include "crypto/crypto.h"

#define TARGET_MAX 65536u
#define FIELDS_MAX (3u << 19)	/* more than the daemon takes, so that it is the daemon who refuses */

/* ---- a connection ----------------------------------------------------------------------------------------------- */

int childvault_open(const char *socket_path, struct childvault **ret)
{
	struct childvault *cv;

	if (crypto_start() != 0 || (cv = calloc(1, sizeof *cv)) == NULL)
		return CHILDVAULT_MEMORY;
	if (client_http_init(&cv->http, socket_path) != 0) {
		free(cv);
		return CHILDVAULT_USAGE;
	}
	buf_init(&cv->new_key, 4096);
	buf_init(&cv->head, 1u << 17);
	*ret = cv;
	return CHILDVAULT_OK;
}

void childvault_free(struct childvault *cv)
{
	if (cv == NULL)
		return;
	client_http_clear(&cv->http);
	buf_free(&cv->new_key);
	buf_free(&cv->head);
	wipe(cv, sizeof *cv);
	free(cv);
}

/* ---- one call ---------------------------------------------------------------------------------------------------- */

int client_fail(struct childvault *cv, int code, const char *text)
{
	snprintf(cv->message, sizeof cv->message, "%s", text);
	return code;
}

int client_fail_local(struct childvault *cv, int r)
{
	if (r == CV_ERR_NOMEM)
		return client_fail(cv, CHILDVAULT_MEMORY, "out of memory");
	if (r == CV_ERR_SYSTEM) {
		snprintf(cv->message, sizeof cv->message, "the vault cannot be reached at %s: %s", cv->http.path, strerror(errno));
		return CHILDVAULT_UNREACHABLE;
	}
	if (r == CV_ERR_ARG)
		return client_fail(cv, CHILDVAULT_USAGE, "an argument is outside its range");
	return client_fail(cv, CHILDVAULT_PROTOCOL, "the daemon's answer does not follow the protocol");
}

static void forget_answer(struct childvault *cv)
{
	cv->id[0] = cv->etag[0] = cv->view[0] = cv->request_id[0] = cv->kind[0] = cv->explain[0] = cv->message[0] = 0;
	cv->has_leaf = false;
}

void client_begin(struct childvault *cv, const char *method, const char *target, bool with_token,
    const struct childvault_with *with)
{
	forget_answer(cv);
	client_http_begin(&cv->http, method, target);
	if (with_token && cv->token[0] != 0) {
		buf_text(&cv->http.out, "Authorization: Bearer ");
		buf_text(&cv->http.out, cv->token);
		buf_text(&cv->http.out, "\r\n");
	}
	if (with == NULL)
		return;
	if (with->purpose != NULL)
		client_http_header_text(&cv->http, "CV-Purpose", with->purpose);
	if (with->case_text != NULL)
		client_http_header_text(&cv->http, "CV-Case", with->case_text);
	if (with->reason != NULL)
		client_http_header_text(&cv->http, "CV-Reason", with->reason);
	if (with->export_id != NULL)
		client_http_header_text(&cv->http, "CV-Export", with->export_id);
}

/* Copy a header's value, or "" if it is absent or does not fit. */
static void take_header(const struct childvault *cv, const char *name, char *ret, size_t room)
{
	const struct answer_header *x = answer_header(&cv->http.head, name);

	ret[0] = 0;
	if (x == NULL || x->value_n >= room)
		return;
	memcpy(ret, x->value, x->value_n);
	ret[x->value_n] = 0;
}

static int digit_of(char c)
{
	return isxdigit((unsigned char)c) ? (isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10) : -1;
}

/* Undo percent-encoding in place; what is not well-formed stays as it is. */
static void decode_percent(char *s)
{
	char *to = s;

	for (; *s != 0; s++) {
		int high = s[0] == '%' ? digit_of(s[1]) : -1, low = high >= 0 ? digit_of(s[2]) : -1;

		char c = *s;

		if (low >= 0 && (high | low) != 0) {
			c = (char)(high << 4 | low);
			s += 2;
		}
		*to++ = c;
	}
	*to = 0;
}

static void take_headers(struct childvault *cv)
{
	char text[24], *end;

	take_header(cv, "etag", cv->etag, sizeof cv->etag);
	take_header(cv, "cv-view", cv->view, sizeof cv->view);
	take_header(cv, "request-id", cv->request_id, sizeof cv->request_id);
	take_header(cv, "cv-explain", cv->explain, sizeof cv->explain);
	decode_percent(cv->explain);
	take_header(cv, "cv-audit-index", text, sizeof text);
	cv->leaf = strtoull(text, &end, 10);
	cv->has_leaf = isdigit((unsigned char)text[0]) && *end == 0;
}

/* A refusal: its kind and title, whose texts are the daemon's own and carry no value. */
static int take_problem(struct childvault *cv)
{
	json_t *body = json_loadb((const char *)cv->http.body.p, cv->http.body.n, JSON_REJECT_DUPLICATES, NULL);
	const char *kind = json_string_value(json_object_get(body, "kind"));
	const char *title = json_string_value(json_object_get(body, "title"));
	int r = CHILDVAULT_PROBLEM;

	if (kind == NULL || strlen(kind) >= sizeof cv->kind) {
		r = client_fail_local(cv, CV_ERR_FORMAT);
	} else {
		snprintf(cv->kind, sizeof cv->kind, "%s", kind);
		snprintf(cv->message, sizeof cv->message, "%s (%s)", title != NULL ? title : "the daemon refused", kind);
	}
	json_decref(body);
	return r;
}

int client_finish(struct childvault *cv, const char *type, const struct buf *body, bool again)
{
	int r = client_http_send(&cv->http, type, body, again);

	return r != 0 ? client_fail_local(cv, r) : client_take_answer(cv);
}

int client_take_answer(struct childvault *cv)
{
	take_headers(cv);
	if (cv->http.head.status >= 400)
		return take_problem(cv);
	return cv->http.head.status < 300 ? CHILDVAULT_OK : client_fail_local(cv, CV_ERR_FORMAT);
}

/* ---- arguments ----------------------------------------------------------------------------------------------------- */

static bool is_hex(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdef") >= n && memchr(s, 0, n) == NULL;
}

bool client_is_id(const char *s) { return strlen(s) == 32 && is_hex(s, 32); }

static bool is_etag(const char *s) { return strlen(s) == 34 && s[0] == '"' && s[33] == '"' && is_hex(s + 1, 32); }

static bool is_with(const struct childvault_with *w)
{
	return w != NULL && w->purpose != NULL && w->purpose[0] != 0;
}

/* Append ?fields=a,b with each name encoded and the commas kept. */
static void put_names(struct buf *target, const char *names)
{
	char one[2] = { 0, 0 };

	buf_text(target, "?fields=");
	for (; *names != 0; names++) {
		one[0] = *names;
		if (*names == ',')
			buf_u8(target, ',');
		else
			client_http_encode(target, one);
	}
}

/* End a target and begin the call; a target that did not fit is a usage error. */
int client_begin_target(struct childvault *cv, const char *method, struct buf *target, const struct childvault_with *with)
{
	buf_u8(target, 0);
	if (!buf_ok(target))
		return client_fail_local(cv, CV_ERR_ARG);
	client_begin(cv, method, (const char *)target->p, true, with);
	return CHILDVAULT_OK;
}

int client_get_target(struct childvault *cv, struct buf *target, const struct childvault_with *with)
{
	int r = client_begin_target(cv, "GET", target, with);

	return r != CHILDVAULT_OK ? r : client_finish(cv, NULL, NULL, true);
}

int client_get_simple(struct childvault *cv, const char *path)
{
	client_begin(cv, "GET", path, true, NULL);
	return client_finish(cv, NULL, NULL, true);
}

/* {"fields":FIELDS}: the daemon parses strictly, so whatever fields holds cannot become another request. */
static int put_fields(struct childvault *cv, const char *type, const char *fields, bool again)
{
	struct buf body;
	int r;

	buf_init(&body, FIELDS_MAX);
	buf_text(&body, "{\"fields\":");
	buf_text(&body, fields);
	buf_text(&body, "}");
	r = buf_ok(&body) ? client_finish(cv, type, &body, again) : client_fail_local(cv, CV_ERR_ARG);
	buf_free(&body);
	return r;
}

/* ---- records --------------------------------------------------------------------------------------------------------- */

int childvault_search(struct childvault *cv, const struct childvault_with *with, const char *index, const char *equals)
{
	struct buf body;
	int r;

	/* An index's name needs no escape in JSON. */
	if (with == NULL || index == NULL || index[0] == 0 || equals == NULL ||
	    index[strspn(index, "abcdefghijklmnopqrstuvwxyz0123456789_-")] != 0)
		return client_fail_local(cv, CV_ERR_ARG);
	client_begin(cv, "POST", "/v1/records:search", true, with);
	buf_init(&body, FIELDS_MAX);
	buf_text(&body, "{\"index\":\"");
	buf_text(&body, index);
	buf_text(&body, "\",\"equals\":");
	buf_text(&body, equals);
	buf_text(&body, "}");
	r = buf_ok(&body) ? client_finish(cv, "application/json", &body, true) : client_fail_local(cv, CV_ERR_ARG);
	buf_free(&body);
	return r;
}

/* The id stands at the end of Location, so that the body need not be parsed. */
int client_take_location(struct childvault *cv, const char *collection)
{
	const struct answer_header *x = answer_header(&cv->http.head, "location");
	size_t n = strlen(collection), at = 4 + n + 1;	/* "/v1/" COLLECTION "/" */

	if (x == NULL || x->value_n != at + 32 || memcmp(x->value, "/v1/", 4) != 0 || memcmp(x->value + 4, collection, n) != 0 ||
	    x->value[at - 1] != '/' || !is_hex(x->value + at, 32))
		return client_fail_local(cv, CV_ERR_FORMAT);
	memcpy(cv->id, x->value + at, 32);
	cv->id[32] = 0;
	return CHILDVAULT_OK;
}

int client_idempotency_key(struct childvault *cv, const char *key, size_t max)
{
	if (key[0] == 0 || strlen(key) > max)
		return client_fail_local(cv, CV_ERR_ARG);
	for (const char *p = key; *p != 0; p++)
		if (!isgraph((unsigned char)*p))
			return client_fail_local(cv, CV_ERR_ARG);
	client_http_header(&cv->http, "Idempotency-Key", key);
	return CHILDVAULT_OK;
}

int childvault_create(struct childvault *cv, const struct childvault_with *with, const char *fields)
{
	int r;

	if (!is_with(with) || fields == NULL)
		return client_fail_local(cv, CV_ERR_ARG);
	client_begin(cv, "POST", "/v1/records", true, with);
	if (with->idempotency_key != NULL && (r = client_idempotency_key(cv, with->idempotency_key, 64)) != CHILDVAULT_OK)
		return r;
	r = put_fields(cv, "application/json", fields, with->idempotency_key != NULL);
	return r != CHILDVAULT_OK ? r : client_take_location(cv, "records");
}

static int read_record(struct childvault *cv, const struct childvault_with *with, const char *id, const char *what,
    const char *names, int clear, unsigned limit, unsigned long long before)
{
	struct buf target;
	int r;

	if (!is_with(with) || id == NULL || !client_is_id(id) || names == NULL)
		return client_fail_local(cv, CV_ERR_ARG);
	buf_init(&target, TARGET_MAX);
	buf_text(&target, "/v1/records/");
	buf_text(&target, id);
	buf_text(&target, what);
	put_names(&target, names);
	if (clear)
		buf_text(&target, "&view=clear");
	if (limit != 0)
		buf_printf(&target, "&limit=%u", limit);
	if (before != 0)
		buf_printf(&target, "&before=%llu", before);
	r = client_get_target(cv, &target, with);
	buf_free(&target);
	return r;
}

int childvault_get(struct childvault *cv, const struct childvault_with *with, const char *id, const char *names, int clear)
{
	return read_record(cv, with, id, "", names, clear, 0, 0);
}

int childvault_history(struct childvault *cv, const struct childvault_with *with, const char *id, const char *names,
    int clear, unsigned limit, unsigned long long before)
{
	return read_record(cv, with, id, "/history", names, clear, limit, before);
}

int childvault_accesses(struct childvault *cv, const struct childvault_with *with, const char *id, const char *reader, int cosigned,
    unsigned long long from_ms, unsigned long long to_ms, unsigned limit, const char *cursor)
{
	struct buf target;
	int r;

	if (with == NULL || id == NULL || !client_is_id(id) ||
	    (reader != NULL && strcmp(reader, "child") != 0 && strcmp(reader, "guardian") != 0))
		return client_fail_local(cv, CV_ERR_ARG);
	buf_init(&target, TARGET_MAX);
	buf_printf(&target, "/v1/records/%s/accesses?from=%llu", id, from_ms);
	if (reader != NULL)
		buf_printf(&target, "&for=%s", reader);
	if (cosigned)
		buf_text(&target, "&cosigned=true");
	if (to_ms != 0)
		buf_printf(&target, "&to=%llu", to_ms);
	if (limit != 0)
		buf_printf(&target, "&limit=%u", limit);
	if (cursor != NULL) {
		buf_text(&target, "&cursor=");
		client_http_encode(&target, cursor);
	}
	r = client_get_target(cv, &target, with);
	buf_free(&target);
	return r;
}

int childvault_patch(struct childvault *cv, const struct childvault_with *with, const char *id, const char *etag,
    const char *fields)
{
	struct buf target;
	int r;

	if (!is_with(with) || id == NULL || !client_is_id(id) || (etag != NULL && !is_etag(etag)) || fields == NULL)
		return client_fail_local(cv, CV_ERR_ARG);
	buf_init(&target, TARGET_MAX);
	buf_text(&target, "/v1/records/");
	buf_text(&target, id);
	if ((r = client_begin_target(cv, "PATCH", &target, with)) == CHILDVAULT_OK) {
		if (etag != NULL)
			client_http_header(&cv->http, "If-Match", etag);
		r = put_fields(cv, "application/merge-patch+json", fields, false);
	}
	buf_free(&target);
	return r;
}

/* ---- audit, daemon ----------------------------------------------------------------------------------------------------- */

int childvault_events(struct childvault *cv, uint64_t first, unsigned limit, int with_keys)
{
	struct buf target;
	int r;

	if (limit == 0 || limit > 1000)
		return client_fail_local(cv, CV_ERR_ARG);
	buf_init(&target, TARGET_MAX);
	buf_printf(&target, "/v1/audit/events?from=%" PRIu64 "&limit=%u%s", first, limit, with_keys ? "&keys=true" : "");
	r = client_get_target(cv, &target, NULL);
	buf_free(&target);
	return r;
}

int client_find_events(struct childvault *cv, const char *query)
{
	struct buf target;
	int r;

	buf_init(&target, TARGET_MAX);
	buf_printf(&target, "/v1/audit/events?keys=true%s", query);
	r = buf_ok(&target) ? client_get_target(cv, &target, NULL) : client_fail_local(cv, CV_ERR_ARG);
	buf_free(&target);
	return r;
}

int childvault_cosign(struct childvault *cv, const char *note, size_t n)
{
	struct buf body;
	int r;

	if (note == NULL || n == 0 || n > CHILDVAULT_NOTE_MAX)
		return client_fail_local(cv, CV_ERR_ARG);
	buf_init(&body, CHILDVAULT_NOTE_MAX);
	buf_put(&body, note, n);
	client_begin(cv, "POST", "/v1/audit/cosignatures", true, NULL);
	r = client_finish(cv, "text/plain", &body, false);
	buf_free(&body);
	return r;
}

int childvault_cosigned(struct childvault *cv) { return client_get_simple(cv, "/v1/audit/cosigned"); }

int childvault_proof(struct childvault *cv, uint64_t index)
{
	char path[64];

	snprintf(path, sizeof path, "/v1/audit/proof?index=%" PRIu64, index);
	return client_get_simple(cv, path);
}

int childvault_checkpoint(struct childvault *cv) { return client_get_simple(cv, "/v1/audit/checkpoint"); }

int childvault_tile(struct childvault *cv, const char *path)
{
	struct buf target;
	int r;

	if (path == NULL || path[0] == 0 || strspn(path, "0123456789abcdefghijklmnopqrstuvwxyz/.") != strlen(path))
		return client_fail_local(cv, CV_ERR_ARG);
	buf_init(&target, TARGET_MAX);
	buf_text(&target, "/v1/audit/tile/");
	buf_text(&target, path);
	r = client_get_target(cv, &target, NULL);
	buf_free(&target);
	return r;
}

int childvault_health(struct childvault *cv) { return client_get_simple(cv, "/v1/sys/health"); }

/* ---- tokens ------------------------------------------------------------------------------------------------------------- */

int childvault_with_token(struct childvault *cv, const char *token)
{
	size_t n = token != NULL ? strlen(token) : 0;

	if (n == 0 || n > CLIENT_TOKEN_MAX)
		return client_fail_local(cv, CV_ERR_ARG);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)token[i]) && token[i] != '-' && token[i] != '_')
			return client_fail_local(cv, CV_ERR_ARG);
	wipe(cv->token, sizeof cv->token);
	memcpy(cv->token, token, n + 1);
	cv->roles[0] = cv->expires[0] = 0;
	return CHILDVAULT_OK;
}

int childvault_logout(struct childvault *cv)
{
	int r;

	client_begin(cv, "DELETE", "/v1/sessions/current", true, NULL);
	r = client_finish(cv, NULL, NULL, false);
	wipe(cv->token, sizeof cv->token);
	return r;
}

/* ---- what was answered ---------------------------------------------------------------------------------------------------- */

const char *childvault_body(const struct childvault *cv, size_t *ret_n)
{
	if (ret_n != NULL)
		*ret_n = cv->http.body.n;
	return cv->http.body.n != 0 ? (const char *)cv->http.body.p : "";
}

int childvault_leaf(const struct childvault *cv, uint64_t *ret)
{
	if (cv->has_leaf)
		*ret = cv->leaf;
	return cv->has_leaf;
}

const char *childvault_token(const struct childvault *cv) { return cv->token[0] != 0 ? cv->token : NULL; }
const char *childvault_roles(const struct childvault *cv) { return cv->roles; }
const char *childvault_expires(const struct childvault *cv) { return cv->expires; }
const char *childvault_new_key(const struct childvault *cv) { return cv->new_key.n != 0 ? (const char *)cv->new_key.p : NULL; }
int childvault_status(const struct childvault *cv) { return cv->http.head.status; }
const char *childvault_id(const struct childvault *cv) { return cv->id; }
const char *childvault_etag(const struct childvault *cv) { return cv->etag; }
const char *childvault_view(const struct childvault *cv) { return cv->view; }
const char *childvault_request_id(const struct childvault *cv) { return cv->request_id; }
const char *childvault_problem(const struct childvault *cv) { return cv->kind; }
const char *childvault_explain(const struct childvault *cv) { return cv->explain; }
const char *childvault_message(const struct childvault *cv) { return cv->message; }
const uint8_t *client_vault(const struct childvault *cv) { return cv->has_vault ? cv->vault : NULL; }

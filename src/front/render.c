#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "format/leaf.h"
#include "format/row.h"
#include "front/exchange.h"
#include "front/json_out.h"
#include "front/openapi.h"

/* Member names are written as in the source: ,"name": */
#define PUT(b, text) buf_put((b), (text), sizeof(text) - 1)

static void member_text(struct buf *b, const char *key, const struct wire_text *t)
{
	buf_text(b, key);
	json_text(b, t->p, t->n);
}

/* ---- sessions --------------------------------------------------------------------------------------------------- */

int render_hello(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_hello_answer a;
	struct buf *b = &ret->body;

	(void)x;
	if (wire_hello_answer_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	PUT(b, "{\"session\":");
	json_hex(b, a.session, 16);
	PUT(b, ",\"ephemeral_key\":");
	json_b64(b, a.ephemeral, 32);
	PUT(b, ",\"answer\":");
	json_b64(b, a.answer, 32);
	PUT(b, ",\"vault\":");
	json_hex(b, a.vault, 16);
	PUT(b, ",\"log_size\":");
	json_u64(b, a.log_size);
	PUT(b, ",\"root\":");
	json_b64(b, a.root, 32);
	PUT(b, ",\"wraps\":[");
	for (unsigned i = 0; i < WIRE_ROLES_MAX; i++) {
		buf_text(b, i == 0 ? "{\"role\":" : ",{\"role\":");
		json_u64(b, a.wrap[i].role);
		PUT(b, ",\"epoch\":");
		json_u64(b, a.wrap[i].epoch);
		PUT(b, ",\"wrap\":");
		json_b64(b, a.wrap[i].wrap, WIRE_SEALED_KEY);
		PUT(b, "}");
	}
	PUT(b, "]}");
	return 0;
}

int render_activate(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_activate_answer a;
	struct buf *b = &ret->body;
	char token[44];

	(void)x;
	if (wire_activate_answer_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	b64_encode(B64_URL, a.token, WIRE_TOKEN, token);
	PUT(b, "{\"token\":\"");
	buf_text(b, token);
	PUT(b, "\",\"expires_at\":");
	json_time(b, a.expires_ms);
	PUT(b, ",\"roles\":[");
	for (unsigned i = 0, put = 0; i < a.n; i++) {
		if (a.role[i].n == 0)
			continue;	/* the personal role has no name */
		if (put++ > 0)
			PUT(b, ",");
		json_text(b, a.role[i].p, a.role[i].n);
	}
	PUT(b, "]}");
	wipe(token, sizeof(token));
	return 0;
}

int render_nothing(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	(void)x;
	(void)p;
	ret->status = 204;
	return n == 0 ? 0 : CV_ERR_FORMAT;
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

static void etag_header(struct reply *r, const uint8_t etag[16])
{
	char text[35] = "\"";

	hex_encode(etag, 16, text + 1);
	text[33] = '"';
	reply_header(r, "ETag", text, 34);
}

static void view_header(struct reply *r, uint8_t view)
{
	if (view == WIRE_VIEW_CLEAR)
		reply_header(r, "CV-View", "clear", 5);
	else
		reply_header(r, "CV-View", "masked", 6);
}

/* {"id":...,"version":... and nothing that closes it. */
static void open_record(struct buf *b, const uint8_t record[16], const uint8_t etag[16])
{
	PUT(b, "{\"id\":");
	json_hex(b, record, 16);
	PUT(b, ",\"version\":");
	json_etag(b, etag);
}

/* "meta":{ with the lists that every answer has, and nothing that closes it. */
static void open_meta(struct buf *b, const struct wire_list *redacted, const struct wire_list *omitted)
{
	PUT(b, ",\"meta\":{\"redacted\":");
	json_names(b, *redacted);
	PUT(b, ",\"omitted\":");
	json_names(b, *omitted);
}

static bool is_named(struct wire_list names, const struct wire_text *name)
{
	struct wire_text t;

	while (wire_names_next(&names, &t))
		if (t.n == name->n && memcmp(t.p, name->p, t.n) == 0)
			return true;
	return false;
}

/* A day as messages have it, or null. */
static void put_day(struct buf *b, const char *key, uint32_t day)
{
	char text[16];
	unsigned m, d;
	int y;

	buf_text(b, key);
	if (day == 0 || day > INT32_MAX) {
		PUT(b, "null");
		return;
	}
	clock_date((int32_t)(day - 1), &y, &m, &d);
	snprintf(text, sizeof(text), "\"%04d-%02u-%02u\"", y % 10000, m % 100, d % 100);
	buf_text(b, text);
}

/* Where each answered value comes from, by the field's name. */
static void put_provenance(struct buf *b, struct wire_read_answer *a)
{
	struct wire_provenance p;
	bool first = true;

	PUT(b, ",\"provenance\":{");
	while (wire_provenance_next(&a->provenance, &p)) {
		if (!first)
			PUT(b, ",");
		first = false;
		json_text(b, p.field.p, p.field.n);
		member_text(b, ":{\"source\":", &p.source);
		PUT(b, ",\"written_at\":");
		json_time(b, p.written_ms);
		put_day(b, ",\"as_of\":", p.as_of_day);
		put_day(b, ",\"due\":", p.due_day);
		buf_text(b, p.verified ? ",\"verified\":true" : ",\"verified\":false");
		PUT(b, ",\"verifier\":");
		if (p.verifier.n > 0)
			json_text(b, p.verifier.p, p.verifier.n);
		else
			PUT(b, "null");
		buf_text(b, is_named(a->stale, &p.field) ? ",\"stale\":true}" : ",\"stale\":false}");
	}
	PUT(b, "}");
}

int render_create(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_create_answer a;
	char path[] = "/v1/records/00000000000000000000000000000000";

	(void)x;
	if (wire_create_answer_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	ret->status = a.aside ? 202 : 201;
	hex_encode(a.record, 16, path + 12);
	reply_header(ret, "Location", path, sizeof(path) - 1);
	etag_header(ret, a.etag);
	if (a.replayed)
		reply_header(ret, "Idempotency-Replayed", "true", 4);
	open_record(&ret->body, a.record, a.etag);
	PUT(&ret->body, "}");
	return 0;
}

int render_search(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_search_answer a;

	(void)x;
	if (wire_search_answer_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	PUT(&ret->body, "{\"records\":[");
	for (unsigned i = 0; i < a.n; i++) {
		buf_text(&ret->body, i > 0 ? ",{\"id\":" : "{\"id\":");
		json_hex(&ret->body, a.records + (size_t)i * WIRE_ID, WIRE_ID);
		PUT(&ret->body, "}");
	}
	PUT(&ret->body, "]}");
	return 0;
}

int render_read(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_read_answer a;
	struct buf *b = &ret->body;

	if (wire_read_answer_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	etag_header(ret, a.etag);
	view_header(ret, a.view);
	open_record(b, a.record, a.etag);
	PUT(b, ",\"fields\":");
	if (json_fields_out(b, a.fields) != 0)
		return CV_ERR_FORMAT;
	open_meta(b, &a.redacted, &a.omitted);
	PUT(b, ",\"stale\":");
	json_names(b, a.stale);
	if (x->provenance)
		put_provenance(b, &a);
	PUT(b, "}}");
	return 0;
}

int render_patch(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	const uint8_t *etag;

	(void)x;
	if (wire_patch_answer_decode(p, n, &etag) != 0)
		return CV_ERR_FORMAT;
	ret->status = 204;
	etag_header(ret, etag);
	return 0;
}

static int put_version(struct buf *b, const struct wire_version *v)
{
	static const char *const whats[] = { "current", "replaced", "drop" };

	PUT(b, "{\"version\":");
	json_u64(b, v->version);
	member_text(b, ",\"class\":", &v->class_name);
	PUT(b, ",\"what\":\"");
	buf_text(b, whats[v->what]);
	PUT(b, "\",\"written_at\":");
	json_time(b, v->written_ms);
	member_text(b, ",\"source\":", &v->source);
	PUT(b, ",\"fields\":");
	if (json_fields_out(b, v->fields) != 0)
		return CV_ERR_FORMAT;
	PUT(b, "}");
	return 0;
}

int render_history(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_history_answer a;
	struct wire_version v;
	struct buf *b = &ret->body;
	bool first = true;

	(void)x;
	if (wire_history_answer_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	etag_header(ret, a.etag);
	view_header(ret, a.view);
	open_record(b, a.record, a.etag);
	PUT(b, ",\"versions\":[");
	while (wire_versions_next(&a.versions, &v)) {
		if (!first)
			PUT(b, ",");
		first = false;
		if (put_version(b, &v) != 0)
			return CV_ERR_FORMAT;
	}
	PUT(b, "]");
	open_meta(b, &a.redacted, &a.omitted);
	PUT(b, "},\"more\":");
	buf_text(b, a.more ? "true" : "false");
	PUT(b, "}");
	return 0;
}

/* ---- audit ------------------------------------------------------------------------------------------------------ */

static const char *view_name(uint8_t view)
{
	return view == WIRE_VIEW_CLEAR ? "\"clear\"" : view == WIRE_VIEW_MASKED ? "\"masked\"" : "null";
}

/* An id, or null for zeros. */
static void put_id(struct buf *b, const uint8_t id[16])
{
	static const uint8_t zeros[16];

	if (memcmp(id, zeros, sizeof(zeros)) == 0)
		PUT(b, "null");
	else
		json_hex(b, id, 16);
}

static void put_detail(struct buf *b, const struct wire_detail *d)
{
	PUT(b, ",\"detail\":{\"record\":");
	put_id(b, d->record);
	PUT(b, ",\"view\":");
	buf_text(b, view_name(d->view));
	member_text(b, ",\"role\":", &d->role);
	member_text(b, ",\"department\":", &d->department);
	member_text(b, ",\"purpose\":", &d->purpose);
	PUT(b, ",\"outcome\":\"");
	buf_text(b, outcome_name(d->outcome));
	PUT(b, "\",\"approval\":");
	put_id(b, d->approval);
	PUT(b, ",\"count\":");
	json_u64(b, d->count);
	PUT(b, ",\"fields\":");
	json_names(b, d->fields);
	member_text(b, ",\"case\":", &d->case_text);
	member_text(b, ",\"reason\":", &d->reason);
	PUT(b, "}");
}

static int put_event(struct buf *b, const struct wire_event *e)
{
	struct leaf l;

	if (leaf_decode(e->leaf, e->leaf_n, &l) != 0)
		return CV_ERR_FORMAT;
	PUT(b, "{\"index\":");
	json_u64(b, e->index);
	PUT(b, ",\"time\":");
	json_time(b, l.time_ms);
	PUT(b, ",\"kind\":\"");
	buf_text(b, leaf_kind_name(l.kind));
	PUT(b, "\",\"epoch\":");
	json_u64(b, l.epoch);
	PUT(b, ",\"segment\":");
	json_hex(b, l.segment, 16);
	PUT(b, ",\"turn\":");
	json_u64(b, l.turn);
	PUT(b, ",\"leaf\":");
	json_b64(b, e->leaf, e->leaf_n);
	if (e->has_detail)
		put_detail(b, &e->detail);
	PUT(b, "}");
	return 0;
}

static void put_keys(struct buf *b, struct wire_events_answer *a)
{
	struct wire_segment s;
	struct wire_person p;
	bool first = true;

	PUT(b, ",\"segments\":[");
	while (wire_segments_next(&a->segments, &s)) {
		buf_text(b, first ? "{\"segment\":" : ",{\"segment\":");
		first = false;
		json_hex(b, s.segment, 16);
		if (s.month != 0)
			buf_printf(b, ",\"month\":\"%04u-%02u\"", s.month / 100, s.month % 100);
		PUT(b, ",\"sealed\":");
		json_b64(b, s.sealed, WIRE_SEALED_KEY);
		PUT(b, "}");
	}
	PUT(b, "],\"people\":[");
	first = true;
	while (wire_people_next(&a->people, &p)) {
		buf_text(b, first ? "{\"principal\":" : ",{\"principal\":");
		first = false;
		json_hex(b, p.principal, 16);
		PUT(b, ",\"sealed\":");
		json_b64(b, p.sealed, p.sealed_n);
		PUT(b, "}");
	}
	PUT(b, "],\"policy\":");
	json_b64(b, a->policy, a->policy_n);
}

int render_events(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_events_answer a;
	struct wire_event e;
	struct buf *b = &ret->body;
	bool first = true;

	(void)x;
	if (wire_events_answer_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	PUT(b, "{\"size\":");
	json_u64(b, a.size);
	PUT(b, ",\"next\":");
	json_u64(b, a.next);
	PUT(b, ",\"cursor\":");
	if (a.cursor.n > 0)
		json_text(b, a.cursor.p, a.cursor.n);
	else
		PUT(b, "null");
	PUT(b, ",\"events\":[");
	while (wire_events_next(&a.events, &e)) {
		if (!first)
			PUT(b, ",");
		first = false;
		if (put_event(b, &e) != 0)
			return CV_ERR_FORMAT;
	}
	PUT(b, "]");
	if (a.has_keys)
		put_keys(b, &a);
	PUT(b, "}");
	return 0;
}

int render_bytes(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	(void)x;
	buf_put(&ret->body, p, n);
	return 0;
}

int render_cosign(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_cosign_answer a;
	struct buf *b = &ret->body;
	char time[25];

	(void)x;
	if (wire_cosign_answer_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	PUT(b, "{\"size\":");
	json_u64(b, a.size);
	PUT(b, ",\"witnesses\":");
	json_u64(b, a.witnesses);
	PUT(b, ",\"quorum_since\":");
	if (a.quorum_s == 0 || a.quorum_s > UINT32_MAX) {
		PUT(b, "null}");
		return 0;
	}
	clock_rfc3339(a.quorum_s * 1000, time);
	json_text(b, time, strlen(time));
	PUT(b, "}");
	return 0;
}

/* ---- operations ------------------------------------------------------------------------------------------------- */

/* A vault that cannot serve now is a problem, except that a sealed one may be asked whether it is sealed. */
int render_health(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	static const struct {
		const char *name;
		uint16_t problem;
	} states[] = {
		[WIRE_SEALED] = { "sealed", PROBLEM_SEALED },
		[WIRE_READY] = { "ready", PROBLEM_NONE },
		[WIRE_STARTING] = { "starting", PROBLEM_INDEX_REBUILDING },
		[WIRE_STORAGE_FULL] = { "storage-full", PROBLEM_STORAGE_FULL },
		[WIRE_AUDIT_UNAVAILABLE] = { "audit-unavailable", PROBLEM_AUDIT_UNAVAILABLE },
	};
	struct exchange refused = *x;
	uint8_t state;

	if (wire_health_answer_decode(p, n, &state) != 0)
		return CV_ERR_FORMAT;
	if (state != WIRE_READY && !(state == WIRE_SEALED && x->sealed_ok)) {
		refused.fault = (struct json_fault){ .problem = states[state].problem };
		reply_own(ret, &refused);
		return 0;
	}
	PUT(&ret->body, "{\"state\":\"");
	buf_text(&ret->body, states[state].name);
	PUT(&ret->body, "\"}");
	return 0;
}

int render_version(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	(void)x;
	(void)p;
	(void)n;
	PUT(&ret->body, "{\"name\":\"childvault\",\"version\":");
	json_text(&ret->body, ret->version, strlen(ret->version));
	PUT(&ret->body, ",\"api\":\"v1\"}");
	return 0;
}

int render_limits(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	const struct {
		const char *name;
		uint64_t v;
	} limits[] = {
		{ "body_bytes", ret->limits->body_bytes },
		{ "case_bytes", WIRE_CASE_MAX },
		{ "connections", ret->limits->connections },
		{ "events", WIRE_EVENTS_MAX },
		{ "field_bytes", FIELD_MAX },
		{ "header_bytes", HTTP_HEAD_MAX },
		{ "headers", HTTP_HEADERS_MAX },
		{ "idempotency_key_bytes", WIRE_IDEMPOTENCY_MAX },
		{ "import_bytes", STREAM_BYTES_MAX },
		{ "line_bytes", HTTP_LINE_MAX },
		{ "names", NAMES_MAX },
		{ "purpose_bytes", WIRE_PURPOSE_MAX },
		{ "reason_bytes", WIRE_REASON_MAX },
		{ "roles", WIRE_ROLES_MAX },
		{ "value_depth", JSON_DEPTH },
		{ "versions", HISTORY_LIMIT_MAX },
	};

	(void)x;
	(void)p;
	(void)n;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		buf_text(&ret->body, i == 0 ? "{\"" : ",\"");
		buf_text(&ret->body, limits[i].name);
		PUT(&ret->body, "\":");
		json_u64(&ret->body, limits[i].v);
	}
	PUT(&ret->body, "}");
	return 0;
}

int render_openapi(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	(void)x;
	(void)p;
	(void)n;
	buf_put(&ret->body, openapi_json, (size_t)(openapi_json_end - openapi_json));
	return 0;
}

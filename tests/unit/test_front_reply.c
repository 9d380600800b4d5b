/* From core's answers to HTTP and JSON; what was written is read back by jansson. */
#include <jansson.h>

#include "base/clock.h"
#include "format/leaf.h"
#include "format/receipt.h"
#include "format/value.h"
#include "front/json_out.h"
#include "test_front.h"

static const uint8_t id[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
#define ETAG_TEXT "\"" HEX_ID "\""

struct rig {
	struct taken t;
	struct reply r;
	struct front_limits limits;
	struct buf answer;
	json_t *json;
};

/* Take the request text, of which front asks core or not, and start an answer without problem and with leaf 77. */
static void begin(struct rig *g, const char *text)
{
	const struct front_options o = { .demo = true, .version = "1.2.3" };

	memset(g, 0, sizeof(*g));
	g->limits.body_bytes = 1000;
	(void)take(&g->t, text, strlen(text), 0);
	assert_true(g->t.done);
	assert_int_equal(reply_init(&g->r, &o, &g->limits), 0);
	buf_init(&g->answer, MESSAGE_TO_FRONT_MAX);
	wire_answer_head(&g->answer, 0, 77);
}

static void end(struct rig *g)
{
	json_decref(g->json);
	taken_free(&g->t);
	reply_free(&g->r);
	buf_free(&g->answer);
}

/* Whether the head holds the line. */
static bool has_line(const struct rig *g, const char *line)
{
	char want[512];
	int n = snprintf(want, sizeof(want), "%s\r\n", line);

	return memmem(g->r.head.p, g->r.head.n, want, (size_t)n) != NULL;
}

/* Render, check head against status and parse the body, if there is one. */
static void finish(struct rig *g, const char *status_line)
{
	json_error_t e;
	char length[64];

	assert_true(buf_ok(&g->answer));
	assert_int_equal(reply_answer(&g->r, &g->t.x, g->answer.p, g->answer.n), 0);
	assert_memory_equal(g->r.head.p, status_line, strlen(status_line));
	assert_memory_equal(g->r.head.p + g->r.head.n - 4, "\r\n\r\n", 4);
	assert_true(has_line(g, "Cache-Control: no-store"));
	assert_true(has_line(g, "Request-Id: eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee"));
	if (g->r.body.n == 0)
		return;
	snprintf(length, sizeof(length), "Content-Length: %zu", g->r.body.n);
	assert_true(has_line(g, length));
	g->json = json_loadb((const char *)g->r.body.p, g->r.body.n, JSON_REJECT_DUPLICATES, &e);
	if (g->json == NULL)
		fail_msg("%s: %.*s", e.text, (int)g->r.body.n, (const char *)g->r.body.p);
}

static const char *text_at(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static json_int_t number_at(const json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

static void put_names(struct buf *b, const char *one)
{
	size_t at = wire_count_begin(b);

	if (one != NULL)
		wire_text8_put(b, one, strlen(one));
	wire_count_end(b, at, one != NULL);
}

static void put_typed_fields(struct buf *b)
{
	static const char odd[] = "\"\\/\b\f\n\r\t\x01\x1f\x7f \xe4\xbd\xa0 \xf0\x9f\x98\x80";
	uint8_t v[8] = { 0x80, 0, 0, 0, 0, 0, 0, 0 };
	struct buf inner;
	size_t at = wire_count_begin(b);

	buf_init(&inner, 4096);
	wire_field_put(b, "t", 1, VALUE_TEXT, odd, sizeof(odd) - 1);
	wire_field_put(b, "i", 1, VALUE_INTEGER, v, 8);
	wire_field_put(b, "b", 1, VALUE_BOOL, "\1", 1);
	wire_field_put(b, "d", 1, VALUE_DATE, "2018-04-05", 10);
	wire_field_put(b, "c", 1, VALUE_CODE, "A1", 2);
	wire_field_put(b, "s", 1, VALUE_SUPPRESSED, NULL, 0);
	value_end(&inner, value_begin(&inner), 0);
	wire_field_put(b, "l", 1, VALUE_LIST, inner.p, inner.n);
	wire_field_put(b, "n\"\\\n", 4, VALUE_TEXT, "", 0);
	wire_count_end(b, at, 8);
	buf_free(&inner);
}

static void read_answer_is_json_with_its_headers(void **state)
{
	struct rig g;
	json_t *f;

	(void)state;
	begin(&g, "GET /v1/records/" HEX_ID "?fields=a HTTP/1.1\r\n" HOST "\r\n");
	wire_record_put(&g.answer, id, id, WIRE_VIEW_MASKED);
	put_typed_fields(&g.answer);
	put_names(&g.answer, "t");
	put_names(&g.answer, NULL);
	put_names(&g.answer, "i");
	put_names(&g.answer, NULL);
	finish(&g, "HTTP/1.1 200 OK\r\n");
	assert_true(has_line(&g, "ETag: " ETAG_TEXT));
	assert_true(has_line(&g, "CV-View: masked"));
	assert_true(has_line(&g, "CV-Audit-Index: 77"));
	assert_true(has_line(&g, "Content-Type: application/json"));
	assert_string_equal(text_at(g.json, "id"), HEX_ID);
	assert_string_equal(text_at(g.json, "version"), ETAG_TEXT);
	f = json_object_get(g.json, "fields");
	assert_int_equal(json_object_size(f), 8);
	assert_string_equal(text_at(f, "t"), "\"\\/\b\f\n\r\t\x01\x1f\x7f \xe4\xbd\xa0 \xf0\x9f\x98\x80");
	assert_true(number_at(f, "i") == INT64_MIN);
	assert_true(json_is_true(json_object_get(f, "b")));
	assert_string_equal(text_at(f, "d"), "2018-04-05");
	assert_string_equal(text_at(f, "c"), "A1");
	assert_string_equal(text_at(f, "s"), "***");
	assert_int_equal(json_array_size(json_object_get(f, "l")), 0);
	assert_string_equal(text_at(f, "n\"\\\n"), "");
	f = json_object_get(g.json, "meta");
	assert_string_equal(json_string_value(json_array_get(json_object_get(f, "redacted"), 0)), "t");
	assert_int_equal(json_array_size(json_object_get(f, "omitted")), 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(f, "stale"), 0)), "i");
	assert_null(json_object_get(f, "provenance"));
	end(&g);
}

static void provenance_is_told_when_asked_for(void **state)
{
	struct wire_provenance mz = { { "t", 1 }, { "MZ", 2 }, 1764026233123, 20417, 20782, true, { "zhao", 4 } };
	struct wire_provenance jy = { { "i", 1 }, { "JY", 2 }, 1764026233123, 1, 0, false, { "", 0 } };
	struct rig g;
	json_t *f;
	size_t at;

	(void)state;
	begin(&g, "GET /v1/records/" HEX_ID "?fields=t,i&provenance=true HTTP/1.1\r\n" HOST "\r\n");
	wire_record_put(&g.answer, id, id, WIRE_VIEW_MASKED);
	put_typed_fields(&g.answer);
	put_names(&g.answer, NULL);
	put_names(&g.answer, NULL);
	put_names(&g.answer, "i");
	at = wire_count_begin(&g.answer);
	wire_provenance_put(&g.answer, &mz);
	wire_provenance_put(&g.answer, &jy);
	wire_count_end(&g.answer, at, 2);
	finish(&g, "HTTP/1.1 200 OK\r\n");
	f = json_object_get(json_object_get(json_object_get(g.json, "meta"), "provenance"), "t");
	assert_string_equal(text_at(f, "source"), "MZ");
	assert_string_equal(text_at(f, "written_at"), "2025-11-24T23:17:13.123Z");
	assert_string_equal(text_at(f, "as_of"), "2025-11-24");
	assert_string_equal(text_at(f, "due"), "2026-11-24");
	assert_true(json_is_true(json_object_get(f, "verified")));
	assert_string_equal(text_at(f, "verifier"), "zhao");
	assert_true(json_is_false(json_object_get(f, "stale")));
	f = json_object_get(json_object_get(json_object_get(g.json, "meta"), "provenance"), "i");
	assert_string_equal(text_at(f, "as_of"), "1970-01-01");
	assert_true(json_is_null(json_object_get(f, "due")));
	assert_true(json_is_false(json_object_get(f, "verified")));
	assert_true(json_is_null(json_object_get(f, "verifier")));
	assert_true(json_is_true(json_object_get(f, "stale")));
	end(&g);
}

/* Bytes of FORMAT.md 4.5 by hand: a list of a text and a group of two. */
static void lists_and_groups_nest(void **state)
{
	static const uint8_t v[] = { 0, 2, 3, 0, 0, 0, 1, 'x', 7, 0, 0, 0, 25, 0, 2, 1, 'a', 1, 0, 0, 0, 1, 1, 1, 'b', 2, 0, 0, 0, 8, 255,
		255, 255, 255, 255, 255, 255, 254 };
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(json_value(&b, VALUE_LIST, v, sizeof(v)), 0);
	buf_u8(&b, 0);
	assert_string_equal((char *)b.p, "[\"x\",{\"a\":true,\"b\":-2}]");
	buf_free(&b);
}

/* Each byte below 0x80 at each place of texts of each length up to 20. */
static void texts_come_back_whatever_they_hold(void **state)
{
	char text[20], want[7];
	struct buf b;
	json_t *j;

	(void)state;
	assert_int_equal(arena_start(), 0);
	buf_init(&b, 4096);
	for (unsigned c = 0; c < 0x80; c++)
		for (size_t n = 1; n <= sizeof(text); n++)
			for (size_t at = 0; at < n; at++) {
				memset(text, 'x', sizeof(text));
				text[at] = (char)c;
				buf_reset(&b);
				json_text(&b, text, n);
				j = json_loadb((char *)b.p, b.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
				assert_non_null(j);
				assert_int_equal(json_string_length(j), n);
				assert_memory_equal(json_string_value(j), text, n);
				json_decref(j);
				snprintf(want, sizeof(want), "\\u%04x", c);
				assert_true((c >= 0x20 && c != 0x7f) || b.n == n + 3 || memmem(b.p, b.n, want, 6) != NULL);
				arena_wipe();
			}
	buf_free(&b);
}

static void every_cut_of_an_answer_is_refused(void **state)
{
	struct rig g;

	(void)state;
	begin(&g, "GET /v1/records/" HEX_ID "?fields=a HTTP/1.1\r\n" HOST "\r\n");
	wire_record_put(&g.answer, id, id, WIRE_VIEW_CLEAR);
	put_typed_fields(&g.answer);
	put_names(&g.answer, "t");
	put_names(&g.answer, "u");
	for (size_t n = 0; n < g.answer.n; n++) {
		assert_int_equal(reply_answer(&g.r, &g.t.x, g.answer.p, n), CV_ERR_FORMAT);
		reply_reset(&g.r);
	}
	buf_u8(&g.answer, 0);
	assert_int_equal(reply_answer(&g.r, &g.t.x, g.answer.p, g.answer.n), CV_ERR_FORMAT);
	end(&g);
}

static void create_answers_where_the_record_is(void **state)
{
	struct rig g;

	(void)state;
	begin(&g, "POST /v1/records HTTP/1.1\r\n" HOST JSON_TYPE "Content-Length: 13\r\n\r\n{\"fields\":{}}");
	wire_create_answer_put(&g.answer, id, id, true, false);
	finish(&g, "HTTP/1.1 201 Created\r\n");
	assert_true(has_line(&g, "Location: /v1/records/" HEX_ID));
	assert_true(has_line(&g, "ETag: " ETAG_TEXT));
	assert_true(has_line(&g, "Idempotency-Replayed: true"));
	assert_string_equal(text_at(g.json, "id"), HEX_ID);
	assert_string_equal(text_at(g.json, "version"), ETAG_TEXT);
	end(&g);
}

static void answers_without_body_have_no_length(void **state)
{
	struct rig g;

	(void)state;
	begin(&g, "PATCH /v1/records/" HEX_ID " HTTP/1.1\r\n" HOST
	    "Content-Type: application/merge-patch+json\r\nContent-Length: 13\r\n\r\n{\"fields\":{}}");
	buf_put(&g.answer, id, 16);
	finish(&g, "HTTP/1.1 204 No Content\r\n");
	assert_true(has_line(&g, "ETag: " ETAG_TEXT));
	assert_null(memmem(g.r.head.p, g.r.head.n, "Content-", 8));
	end(&g);
	begin(&g, "DELETE /v1/sessions/current HTTP/1.1\r\n" HOST BEARER "\r\n");
	finish(&g, "HTTP/1.1 204 No Content\r\n");
	end(&g);
}

static void session_answers_are_text(void **state)
{
	uint8_t bytes[112] = { 0xfb, 0xff, 1 };
	struct wire_hello_answer h = { id, bytes, bytes, id, UINT64_C(9007199254740993), bytes, { { 0, 0, bytes } } };
	struct wire_activate_answer a = { bytes, 1764026233123, 2, { { "r\"1", 3 }, { "r2", 2 } } };
	struct rig g;
	json_t *w;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		h.wrap[i] = (struct wire_wrap){ (uint16_t)(i + 1), UINT32_MAX, bytes };
	begin(&g, "POST /v1/sessions HTTP/1.1\r\n" HOST JSON_TYPE "Content-Length: 106\r\n\r\n{\"principal\":\"" HEX_ID
	    "\",\"question\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}   ");
	assert_int_equal(g.t.type, MSG_HELLO);
	wire_hello_answer_put(&g.answer, &h);
	finish(&g, "HTTP/1.1 200 OK\r\n");
	assert_string_equal(text_at(g.json, "session"), HEX_ID);
	assert_string_equal(text_at(g.json, "ephemeral_key"), "+/8BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
	assert_true(number_at(g.json, "log_size") == 9007199254740993);
	w = json_object_get(g.json, "wraps");
	assert_int_equal(json_array_size(w), 8);
	assert_int_equal(number_at(json_array_get(w, 7), "role"), 8);
	assert_true(number_at(json_array_get(w, 7), "epoch") == UINT32_MAX);
	assert_int_equal(strlen(text_at(json_array_get(w, 7), "wrap")), 152);
	end(&g);
	begin(&g, "PUT /v1/sessions/" HEX_ID " HTTP/1.1\r\n" HOST JSON_TYPE "Content-Length: 2\r\n\r\n{}");
	g.t.x.fault = (struct json_fault){ .problem = 0 };
	wire_activate_answer_put(&g.answer, &a);
	finish(&g, "HTTP/1.1 200 OK\r\n");
	assert_string_equal(text_at(g.json, "token"), "-_8BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	assert_string_equal(text_at(g.json, "expires_at"), "2025-11-24T23:17:13.123Z");
	assert_string_equal(json_string_value(json_array_get(json_object_get(g.json, "roles"), 0)), "r\"1");
	end(&g);
}

static void history_lists_versions(void **state)
{
	struct wire_version v = { 3, { "health", 6 }, WIRE_WHAT_DROP, 1764026233123, { "school", 6 }, { 0, { 0 } } };
	struct rig g;
	json_t *j;
	size_t at;

	(void)state;
	begin(&g, "GET /v1/records/" HEX_ID "/history?fields=a HTTP/1.1\r\n" HOST "\r\n");
	wire_record_put(&g.answer, id, id, WIRE_VIEW_CLEAR);
	at = wire_count_begin(&g.answer);
	wire_version_put(&g.answer, &v);
	put_typed_fields(&g.answer);
	v.what = WIRE_WHAT_CURRENT;
	wire_version_put(&g.answer, &v);
	put_names(&g.answer, NULL);	/* no fields: also a count of 0 */
	wire_count_end(&g.answer, at, 2);
	put_names(&g.answer, NULL);
	put_names(&g.answer, "x");
	buf_u8(&g.answer, 1);
	finish(&g, "HTTP/1.1 200 OK\r\n");
	assert_true(has_line(&g, "CV-View: clear"));
	assert_true(json_is_true(json_object_get(g.json, "more")));
	j = json_array_get(json_object_get(g.json, "versions"), 0);
	assert_int_equal(number_at(j, "version"), 3);
	assert_string_equal(text_at(j, "class"), "health");
	assert_string_equal(text_at(j, "what"), "drop");
	assert_string_equal(text_at(j, "written_at"), "2025-11-24T23:17:13.123Z");
	assert_string_equal(text_at(j, "source"), "school");
	assert_int_equal(json_object_size(json_object_get(j, "fields")), 8);
	j = json_array_get(json_object_get(g.json, "versions"), 1);
	assert_string_equal(text_at(j, "what"), "current");
	end(&g);
}

static void events_show_leaves_and_details(void **state)
{
	static const uint8_t bytes[112] = { 1 };
	struct leaf l = { .kind = LEAF_READ, .flags = LEAF_CLEAR, .index = 5, .time_ms = 1764026233123, .epoch = 9,
		.segment = id, .turn = 4, .actor_tag = id, .subject_tag = id, .policy = id };
	struct wire_event e = { .index = 5, .has_detail = true, .detail = { .record = id, .view = 2, .role = { "role", 4 },
		.outcome = OUTCOME_REASON + 12, .approval = id, .count = 1, .reason = { "\"", 1 } } };
	struct wire_segment s = { id, 0, bytes }, of_month = { id, 202611, bytes };
	struct wire_person p = { id, bytes, 3 };
	struct buf leaf;
	struct rig g;
	json_t *j;
	size_t at;

	(void)state;
	buf_init(&leaf, 4096);
	assert_int_equal(leaf_header_encode(&l, &leaf), 0);
	buf_u16(&leaf, 1);
	buf_u8(&leaf, 0);
	buf_u16(&leaf, 0);
	e.leaf = leaf.p;
	e.leaf_n = (uint16_t)leaf.n;
	begin(&g, "GET /v1/audit/events?keys=true HTTP/1.1\r\n" HOST "\r\n");
	wire_events_answer_head(&g.answer, 100, 6);
	wire_text16_put(&g.answer, "AAAA", 4);
	at = wire_count_begin(&g.answer);
	wire_event_put(&g.answer, &e);
	e.has_detail = false;
	wire_event_put(&g.answer, &e);
	wire_count_end(&g.answer, at, 2);
	buf_u8(&g.answer, 1);
	at = wire_count_begin(&g.answer);
	wire_segment_put(&g.answer, &s);
	wire_segment_put(&g.answer, &of_month);
	wire_count_end(&g.answer, at, 2);
	at = wire_count_begin(&g.answer);
	wire_person_put(&g.answer, &p);
	wire_count_end(&g.answer, at, 1);
	wire_policy_put(&g.answer, bytes, 2);
	finish(&g, "HTTP/1.1 200 OK\r\n");
	assert_int_equal(number_at(g.json, "size"), 100);
	assert_int_equal(number_at(g.json, "next"), 6);
	assert_string_equal(json_string_value(json_object_get(g.json, "cursor")), "AAAA");
	j = json_array_get(json_object_get(g.json, "events"), 0);
	assert_int_equal(number_at(j, "index"), 5);
	assert_string_equal(text_at(j, "kind"), "read");
	assert_string_equal(text_at(j, "time"), "2025-11-24T23:17:13.123Z");
	assert_int_equal(number_at(j, "epoch"), 9);
	assert_int_equal(number_at(j, "turn"), 4);
	assert_string_equal(text_at(j, "segment"), HEX_ID);
	j = json_object_get(j, "detail");
	assert_string_equal(text_at(j, "record"), HEX_ID);
	assert_string_equal(text_at(j, "view"), "clear");
	assert_string_equal(text_at(j, "outcome"), "no-approval");
	assert_string_equal(text_at(j, "approval"), HEX_ID);
	assert_string_equal(text_at(j, "reason"), "\"");
	j = json_array_get(json_object_get(g.json, "events"), 1);
	assert_null(json_object_get(j, "detail"));
	j = json_object_get(g.json, "segments");
	assert_int_equal(json_array_size(j), 2);
	assert_null(json_object_get(json_array_get(j, 0), "month"));
	assert_string_equal(text_at(json_array_get(j, 1), "month"), "2026-11");
	assert_string_equal(text_at(json_array_get(json_object_get(g.json, "people"), 0), "sealed"), "AQAA");
	assert_string_equal(text_at(g.json, "policy"), "AQA=");
	end(&g);
	buf_free(&leaf);
}

static void a_page_of_a_receipt_is_told_by_its_names(void **state)
{
	const struct receipt_page page = { .origin = { "a.b", 3 }, .reader = RECEIPT_GUARDIAN, .to_ms = UINT64_MAX, .from = 3, .end = 9,
		.more = true };
	const struct receipt_word words[] = { { RECEIPT_ROLE, 2, { "clerk", 5 }, { "员", 3 }, { "Clerk", 5 } },
		{ RECEIPT_CLASS, 16, { "person.short", 12 }, { "人", 3 }, { "P", 1 } } };
	struct receipt_access a = { .index = 7, .time_ms = 1764026233123, .kind = LEAF_REVEAL, .told = { .view = 2, .role = 2,
		.department = 4, .purpose = 1, .outcome = OUTCOME_REASON + 12, .classes = 2, .class = { 16, 32 } } };
	const uint8_t digest[32] = { 1 }, sig[64] = { 2 };
	struct buf text;
	struct rig g;
	json_t *j;

	(void)state;
	memcpy(a.told.approval, id, 16);
	buf_init(&text, 65536);
	receipt_page_put(&page, "note", 4, &text);
	receipt_word_put(&words[0], &text);
	receipt_word_put(&words[1], &text);
	receipt_access_put(&a, "leaf", 4, "proof", 5, &text);
	buf_u8(&text, '\n');
	receipt_note_put("a.b", digest, &text);
	note_text_end(&text);
	note_sig_encode("a.b", id, sig, &text);
	begin(&g, "GET /v1/records/" HEX_ID "/accesses HTTP/1.1\r\n" HOST "\r\n");
	wire_text16_put(&g.answer, "AAAA", 4);
	buf_u32(&g.answer, (uint32_t)text.n);
	buf_put(&g.answer, text.p, text.n);
	finish(&g, "HTTP/1.1 200 OK\r\n");
	assert_string_equal(text_at(g.json, "for"), "guardian");
	assert_int_equal(number_at(json_object_get(g.json, "leaves"), "end"), 9);
	assert_string_equal(text_at(g.json, "cursor"), "AAAA");
	assert_int_equal(json_string_length(json_object_get(g.json, "receipt")), text.n);
	j = json_array_get(json_object_get(g.json, "accesses"), 0);
	assert_int_equal(number_at(j, "index"), 7);
	assert_string_equal(text_at(j, "kind"), "reveal");
	assert_string_equal(text_at(j, "role"), "clerk");
	assert_true(json_is_null(json_object_get(j, "department")));
	assert_string_equal(text_at(j, "view"), "clear");
	assert_string_equal(text_at(j, "outcome"), "no-approval");
	assert_string_equal(text_at(j, "approval"), HEX_ID);
	j = json_object_get(j, "classes");
	assert_string_equal(json_string_value(json_array_get(j, 0)), "person.short");
	assert_true(json_is_null(json_array_get(j, 1)));
	end(&g);
	buf_free(&text);
}

static void bytes_go_out_as_they_are(void **state)
{
	struct rig g;

	(void)state;
	begin(&g, "GET /v1/audit/tile/0/000 HTTP/1.1\r\n" HOST "\r\n");
	buf_put(&g.answer, "\0\xff{", 3);
	assert_int_equal(reply_answer(&g.r, &g.t.x, g.answer.p, g.answer.n), 0);
	assert_true(has_line(&g, "Content-Type: application/octet-stream"));
	assert_true(has_line(&g, "Content-Length: 3"));
	assert_memory_equal(g.r.body.p, "\0\xff{", 3);
	end(&g);
	begin(&g, "GET /v1/audit/checkpoint HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(reply_answer(&g.r, &g.t.x, g.answer.p, g.answer.n), 0);
	assert_true(has_line(&g, "Content-Type: text/plain; charset=utf-8"));
	assert_true(has_line(&g, "Content-Length: 0"));
	end(&g);
}

static void health_is_ready_or_a_problem(void **state)
{
	static const struct {
		uint8_t state;
		bool ok;
		const char *line, *word;
	} cases[] = {
		{ WIRE_READY, false, "HTTP/1.1 200 OK\r\n", "ready" }, { WIRE_SEALED, true, "HTTP/1.1 200 OK\r\n", "sealed" },
		{ WIRE_SEALED, false, "HTTP/1.1 503 Service", "sealed" },
		{ WIRE_STARTING, true, "HTTP/1.1 503 Service", "index-rebuilding" },
		{ WIRE_STORAGE_FULL, true, "HTTP/1.1 507 Insuff", "storage-full" },
		{ WIRE_AUDIT_UNAVAILABLE, true, "HTTP/1.1 503 Service", "audit-unavailable" },
	};
	struct rig g;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&g, cases[i].ok ? "GET /v1/sys/health?sealed_ok=true HTTP/1.1\r\n" HOST "\r\n"
		    : "GET /v1/sys/health HTTP/1.1\r\n" HOST "\r\n");
		buf_reset(&g.answer);
		wire_answer_head(&g.answer, 0, MESSAGE_NO_LEAF);
		buf_u8(&g.answer, cases[i].state);
		finish(&g, cases[i].line);
		assert_string_equal(text_at(g.json, g.r.status == 200 ? "state" : "kind"), cases[i].word);
		assert_null(memmem(g.r.head.p, g.r.head.n, "CV-Audit-Index", 14));
		end(&g);
	}
}

static void problems_follow_rfc_9457(void **state)
{
	struct wire_problem m = { .explanation = { "rule 7: \xe4\xbd\xa0%", 12 }, .retry_after_s = 30, .has_etag = true, .etag = id };
	struct wire_field_error e = { { "a~b/c\xe4", 5 }, { "validation", 10 }, { "v3", 2 } };
	struct rig g;
	json_t *j;
	size_t at;

	(void)state;
	begin(&g, "GET /v1/records/" HEX_ID "?fields=a HTTP/1.1\r\n" HOST "\r\n");
	buf_reset(&g.answer);
	wire_answer_head(&g.answer, PROBLEM_PRECONDITION_FAILED, 78);
	wire_problem_put(&g.answer, &m);
	at = wire_count_begin(&g.answer);
	wire_error_put(&g.answer, &e);
	e.expected.n = 0;
	wire_error_put(&g.answer, &e);
	wire_count_end(&g.answer, at, 2);
	finish(&g, "HTTP/1.1 412 Precondition Failed\r\n");
	assert_true(has_line(&g, "Content-Type: application/problem+json"));
	assert_true(has_line(&g, "CV-Audit-Index: 78"));
	assert_true(has_line(&g, "CV-Explain: rule 7: %E4%BD%A0%25"));
	assert_true(has_line(&g, "Retry-After: 30"));
	assert_string_equal(text_at(g.json, "type"), "urn:childvault:problem:precondition-failed");
	assert_string_equal(text_at(g.json, "kind"), "precondition-failed");
	assert_string_equal(text_at(g.json, "instance"), "urn:uuid:eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee");
	assert_string_equal(text_at(g.json, "title"), problem_title(PROBLEM_PRECONDITION_FAILED));
	assert_int_equal(number_at(g.json, "status"), 412);
	assert_string_equal(text_at(g.json, "version"), ETAG_TEXT);
	j = json_object_get(g.json, "errors");
	assert_int_equal(json_array_size(j), 2);
	assert_string_equal(text_at(json_array_get(j, 0), "pointer"), "#/fields/a~0b~1c");
	assert_string_equal(text_at(json_array_get(j, 0), "kind"), "validation");
	assert_string_equal(text_at(json_array_get(j, 0), "expected"), "v3");
	assert_null(json_object_get(json_array_get(j, 1), "expected"));
	end(&g);
}

static void explanations_are_for_demo_vaults(void **state)
{
	struct rig g;

	(void)state;
	begin(&g, "GET /v1/records/" HEX_ID "?fields=a HTTP/1.1\r\n" HOST "\r\n");
	g.r.demo = false;
	buf_reset(&g.answer);
	wire_refusal_put(&g.answer, PROBLEM_NOT_PERMITTED, 3, "rule 7", 0);
	finish(&g, "HTTP/1.1 403 Forbidden\r\n");
	assert_null(memmem(g.r.head.p, g.r.head.n, "CV-Explain", 10));
	end(&g);
}

static void own_refusal_keeps_its_details_when_core_agrees(void **state)
{
	static const char text[] = "POST /v1/records HTTP/1.1\r\n" HOST BEARER JSON_TYPE
	    "Content-Length: 20\r\n\r\n{\"fields\":{\"a\":1.5}}";
	struct rig g;

	(void)state;
	begin(&g, text);
	assert_int_equal(g.t.type, MSG_REFUSED);
	buf_reset(&g.answer);
	wire_refusal_put(&g.answer, PROBLEM_WRONG_TYPE, 9, NULL, 0);
	finish(&g, "HTTP/1.1 422 Unprocessable Content\r\n");
	assert_string_equal(text_at(json_array_get(json_object_get(g.json, "errors"), 0), "pointer"), "#/fields/a");
	end(&g);
	begin(&g, text);
	buf_reset(&g.answer);
	wire_refusal_put(&g.answer, PROBLEM_UNAUTHENTICATED, MESSAGE_NO_LEAF, NULL, 0);
	finish(&g, "HTTP/1.1 401 Unauthorized\r\n");
	assert_true(has_line(&g, "WWW-Authenticate: Bearer"));
	assert_null(json_object_get(g.json, "errors"));
	end(&g);
	begin(&g, text);	/* core cannot say that it did what front refused */
	assert_int_equal(reply_answer(&g.r, &g.t.x, g.answer.p, g.answer.n), CV_ERR_FORMAT);
	end(&g);
}

static void front_answers_some_calls_itself(void **state)
{
	struct rig g;

	(void)state;
	begin(&g, "GET /v1/sys/version HTTP/1.1\r\n" HOST "\r\n");
	assert_false(g.t.asks);
	reply_own(&g.r, &g.t.x);
	g.json = json_loadb((char *)g.r.body.p, g.r.body.n, 0, NULL);
	assert_string_equal(text_at(g.json, "version"), "1.2.3");
	end(&g);
	begin(&g, "GET /v1/sys/limits HTTP/1.1\r\n" HOST "\r\n");
	reply_own(&g.r, &g.t.x);
	g.json = json_loadb((char *)g.r.body.p, g.r.body.n, 0, NULL);
	assert_int_equal(number_at(g.json, "body_bytes"), 1000);
	assert_int_equal(number_at(g.json, "value_depth"), 4);
	end(&g);
	begin(&g, "PUT /v1/records HTTP/1.1\r\n" HOST "\r\n");
	reply_own(&g.r, &g.t.x);
	assert_int_equal(g.r.status, 405);
	assert_true(has_line(&g, "Allow: GET, POST"));
	end(&g);
	begin(&g, "PUT /v1/records/" HEX_ID " HTTP/1.1\r\n" HOST "\r\n");
	reply_own(&g.r, &g.t.x);
	assert_true(has_line(&g, "Allow: GET, PATCH"));
	end(&g);
}

/* What is served is the document in docs/, and it names every kind of problem with a status that fits. */
static void openapi_is_served_and_names_all_kinds(void **state)
{
	struct rig g;
	json_t *kinds;

	(void)state;
	begin(&g, "GET /v1/openapi.json HTTP/1.1\r\n" HOST "\r\n");
	reply_own(&g.r, &g.t.x);
	g.json = json_loadb((char *)g.r.body.p, g.r.body.n, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(g.json);
	assert_string_equal(text_at(g.json, "openapi"), "3.1.0");
	kinds = json_object_get(json_object_get(g.json, "components"), "schemas");
	kinds = json_object_get(json_object_get(json_object_get(kinds, "Problem"), "properties"), "kind");
	kinds = json_object_get(kinds, "enum");
	assert_int_equal(json_array_size(kinds), PROBLEM_COUNT - 1);
	for (unsigned i = 1; i < PROBLEM_COUNT; i++)
		assert_string_equal(json_string_value(json_array_get(kinds, i - 1)), problem_kind(i));
	end(&g);
}

static void date_is_of_the_day(void **state)
{
	struct rig g;

	(void)state;
	begin(&g, "GET /v1/sys/version HTTP/1.1\r\n" HOST "\r\n");
	reply_date(&g.r, 784111777000);		/* the example of RFC 9110 */
	assert_string_equal(g.r.date, "Sun, 06 Nov 1994 08:49:37 GMT");
	reply_date(&g.r, 951782400000);
	assert_string_equal(g.r.date, "Tue, 29 Feb 2000 00:00:00 GMT");
	end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_answer_is_json_with_its_headers),
		cmocka_unit_test(provenance_is_told_when_asked_for),
		cmocka_unit_test(lists_and_groups_nest),
		cmocka_unit_test(texts_come_back_whatever_they_hold),
		cmocka_unit_test(every_cut_of_an_answer_is_refused),
		cmocka_unit_test(create_answers_where_the_record_is),
		cmocka_unit_test(answers_without_body_have_no_length),
		cmocka_unit_test(session_answers_are_text),
		cmocka_unit_test(history_lists_versions),
		cmocka_unit_test(events_show_leaves_and_details),
		cmocka_unit_test(a_page_of_a_receipt_is_told_by_its_names),
		cmocka_unit_test(bytes_go_out_as_they_are),
		cmocka_unit_test(health_is_ready_or_a_problem),
		cmocka_unit_test(problems_follow_rfc_9457),
		cmocka_unit_test(explanations_are_for_demo_vaults),
		cmocka_unit_test(own_refusal_keeps_its_details_when_core_agrees),
		cmocka_unit_test(front_answers_some_calls_itself),
		cmocka_unit_test(openapi_is_served_and_names_all_kinds),
		cmocka_unit_test(date_is_of_the_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

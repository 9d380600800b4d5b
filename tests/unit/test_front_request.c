/* From requests to messages, and what front refuses on the way. */
#include "test_front.h"

#define GET_RECORD "GET /v1/records/" HEX_ID
#define HTTP11 " HTTP/1.1\r\n" HOST
#define PLAIN HTTP11 "\r\n"

static void text_is(const struct wire_text *t, const char *expected)
{
	assert_int_equal(t->n, strlen(expected));
	assert_memory_equal(t->p, expected, t->n);
}

static struct taken asks(const char *text, uint8_t type)
{
	struct taken t;

	(void)take(&t, text, strlen(text), 0);
	assert_true(t.done);
	if (t.x.fault.problem != PROBLEM_NONE)
		fail_msg("problem %u", t.x.fault.problem);
	assert_true(t.asks);
	assert_int_equal(t.type, type);
	return t;
}

/* The body's request with n made by printf'ing it; the Content-Length is right. */
static int problem_of_body(const char *head, const char *body)
{
	char text[8192];
	int n = snprintf(text, sizeof(text), "%s" HOST "Content-Length: %zu\r\n\r\n%s", head, strlen(body), body);

	return problem_in_bytes(text, (size_t)n, 0);
}

static void envelope_is(const struct wire_envelope *e)
{
	assert_true(e->has_token);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(e->token[i], i);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(e->request_id[i], 0xee);
}

static void id_is(const uint8_t *id)
{
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(id[i], i);
}

static void read_names_record_fields_and_why(void **state)
{
	struct taken t = asks(GET_RECORD "?fields=name,%E5%90%8D&view=clear" HTTP11 BEARER "CV-Purpose: aid\r\nCV-Case: \xe6\xa1\x88""1\r\n"
	    "CV-Reason: %E7%97%85%20x\r\n\r\n", MSG_READ);
	struct wire_read m;
	struct wire_text name;

	(void)state;
	assert_int_equal(wire_read_decode(t.body.p, t.body.n, &m), 0);
	envelope_is(&m.envelope);
	text_is(&m.envelope.purpose, "aid");
	text_is(&m.envelope.case_text, "\xe6\xa1\x88""1");
	text_is(&m.envelope.reason, "\xe7\x97\x85 x");
	id_is(m.record);
	assert_int_equal(m.view, WIRE_VIEW_CLEAR);
	assert_int_equal(m.names.count, 2);
	assert_true(wire_names_next(&m.names, &name));
	text_is(&name, "name");
	assert_true(wire_names_next(&m.names, &name));
	text_is(&name, "\xe5\x90\x8d");
	assert_false(wire_names_next(&m.names, &name));
	taken_free(&t);
}

static void request_without_token_says_so(void **state)
{
	struct taken t = asks(GET_RECORD "?fields=a" PLAIN, MSG_READ);
	struct wire_read m;

	(void)state;
	assert_int_equal(wire_read_decode(t.body.p, t.body.n, &m), 0);
	assert_false(m.envelope.has_token);
	assert_int_equal(m.view, WIRE_VIEW_DEFAULT);
	assert_false(m.provenance);
	taken_free(&t);
}

static void read_may_ask_for_provenance_and_name_an_export(void **state)
{
	struct taken t = asks(GET_RECORD "?fields=a&provenance=true" HTTP11 "CV-Export: " HEX_ID "\r\n\r\n", MSG_READ);
	struct wire_read m;

	(void)state;
	assert_int_equal(wire_read_decode(t.body.p, t.body.n, &m), 0);
	assert_true(m.provenance);
	id_is(m.export);
	taken_free(&t);
}

static void create_carries_key_and_typed_values(void **state)
{
	static const char body[] = "{\"fields\":{\"t\":\"x\\n\\u4f60\",\"i\":-9223372036854775808,\"b\":false,\"n\":null,"
	    "\"l\":[1,[true]],\"g\":{\"z\":1,\"a\":\"q\"}}}";
	static const uint8_t list[] = { 0, 2, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 6, 0, 0, 0, 8, 0, 1, 1, 0, 0, 0, 1, 1 };
	static const uint8_t group[] = { 0, 2, 1, 'a', 3, 0, 0, 0, 1, 'q', 1, 'z', 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1 };
	char text[1024];
	struct taken t;
	struct wire_create m;
	struct wire_field f;

	(void)state;
	snprintf(text, sizeof(text), "POST /v1/records" HTTP11 BEARER JSON_TYPE "Idempotency-Key: k-1\r\nContent-Length: %zu\r\n\r\n%s",
	    sizeof(body) - 1, body);
	t = asks(text, MSG_CREATE);
	assert_int_equal(wire_create_decode(t.body.p, t.body.n, &m), 0);
	envelope_is(&m.envelope);
	text_is(&m.key, "k-1");
	assert_int_equal(m.as_of_day, 0);
	assert_int_equal(m.fields.count, 6);
	assert_true(wire_fields_next(&m.fields, &f));
	assert_int_equal(f.value.type, VALUE_TEXT);
	assert_int_equal(f.value.n, 5);
	assert_memory_equal(f.value.p, "x\n\xe4\xbd\xa0", 5);
	assert_true(wire_fields_next(&m.fields, &f));
	assert_int_equal(f.value.type, VALUE_INTEGER);
	assert_memory_equal(f.value.p, "\x80\0\0\0\0\0\0\0", 8);
	assert_true(wire_fields_next(&m.fields, &f));
	assert_int_equal(f.value.type, VALUE_BOOL);
	assert_int_equal(f.value.p[0], 0);
	assert_true(wire_fields_next(&m.fields, &f));
	assert_int_equal(f.value.type, VALUE_NULL);
	assert_int_equal(f.value.n, 0);
	assert_true(wire_fields_next(&m.fields, &f));
	assert_int_equal(f.value.type, VALUE_LIST);
	assert_int_equal(f.value.n, sizeof(list));
	assert_memory_equal(f.value.p, list, sizeof(list));
	assert_true(wire_fields_next(&m.fields, &f));
	assert_int_equal(f.value.type, VALUE_GROUP);
	assert_int_equal(f.value.n, sizeof(group));
	assert_memory_equal(f.value.p, group, sizeof(group));
	taken_free(&t);
}

static void patch_carries_the_version_to_change(void **state)
{
	struct taken t = asks("PATCH /v1/records/" HEX_ID HTTP11 BEARER "Content-Type: application/merge-patch+json\r\n"
	    "If-Match: \"" HEX_ID "\"\r\nContent-Length: 21\r\n\r\n{\"fields\":{\"a\":null}}", MSG_PATCH);
	struct wire_patch m;

	(void)state;
	assert_int_equal(wire_patch_decode(t.body.p, t.body.n, &m), 0);
	assert_true(m.has_etag);
	id_is(m.etag);
	id_is(m.record);
	assert_int_equal(m.fields.count, 1);
	taken_free(&t);
}

static void accesses_say_for_whom_and_of_when(void **state)
{
	struct taken t = asks(GET_RECORD "/accesses?for=guardian&cosigned=true&from=5&to=9&limit=7&cursor=AA" PLAIN, MSG_ACCESSES);
	struct wire_accesses m;

	(void)state;
	assert_int_equal(wire_accesses_decode(t.body.p, t.body.n, &m), 0);
	assert_true(m.reader == 2 && m.cosigned && m.from_ms == 5 && m.to_ms == 9 && m.limit == 7 && m.cursor.n == 2);
	taken_free(&t);
	t = asks(GET_RECORD "/accesses" PLAIN, MSG_ACCESSES);
	assert_int_equal(wire_accesses_decode(t.body.p, t.body.n, &m), 0);
	assert_true(m.reader == 0 && !m.cosigned && m.from_ms == 0 && m.to_ms == UINT64_MAX && m.limit == 0 && m.cursor.n == 0);
	taken_free(&t);
}

static void history_events_and_tiles_carry_numbers(void **state)
{
	struct taken t = asks(GET_RECORD "/history?fields=a&limit=7&before=12" PLAIN, MSG_HISTORY);
	struct wire_history h;
	struct wire_events e;
	struct wire_proof proof;
	struct wire_tile tile;

	(void)state;
	assert_int_equal(wire_history_decode(t.body.p, t.body.n, &h), 0);
	assert_int_equal(h.limit, 7);
	assert_int_equal(h.before, 12);
	taken_free(&t);
	t = asks("GET /v1/audit/events?from=18446744073709&limit=1000&keys=true" PLAIN, MSG_EVENTS);
	assert_int_equal(wire_events_decode(t.body.p, t.body.n, &e), 0);
	assert_int_equal(e.first, 18446744073709u);
	assert_int_equal(e.limit, 1000);
	assert_true(e.keys);
	taken_free(&t);
	t = asks("GET /v1/audit/events?principal=zhang&record=" HEX_ID "&kind=reveal&purpose=care"
	    "&since=2026-11-25&until=2026-11-26T08:00:00Z&cursor=AA"
	    PLAIN, MSG_EVENTS);
	assert_int_equal(wire_events_decode(t.body.p, t.body.n, &e), 0);
	assert_true(e.principal.n == 5 && memcmp(e.principal.p, "zhang", 5) == 0);
	assert_true(e.record.n == 32 && e.kind.n == 6 && e.purpose.n == 4 && e.cursor.n == 2);
	assert_true(e.since_ms == 1795564800000 && e.until_ms == e.since_ms + 32 * 3600000);
	taken_free(&t);
	t = asks("GET /v1/audit/events?until=2026-11-25" PLAIN, MSG_EVENTS);
	assert_int_equal(wire_events_decode(t.body.p, t.body.n, &e), 0);
	assert_true(e.since_ms == 0 && e.until_ms == 1795564800000 + 24 * 3600000);
	taken_free(&t);
	t = asks("GET /v1/audit/events" PLAIN, MSG_EVENTS);
	assert_int_equal(wire_events_decode(t.body.p, t.body.n, &e), 0);
	assert_int_equal(e.first, 0);
	assert_int_equal(e.limit, EVENTS_LIMIT);
	assert_false(e.keys);
	taken_free(&t);
	t = asks("GET /v1/audit/proof?from=0" PLAIN, MSG_PROOF);
	assert_int_equal(wire_proof_decode(t.body.p, t.body.n, &proof), 0);
	assert_true(proof.of == WIRE_PROOF_TREES && proof.from == 0 && proof.to == 0);
	taken_free(&t);
	t = asks("GET /v1/audit/proof?to=9&from=4" PLAIN, MSG_PROOF);
	assert_int_equal(wire_proof_decode(t.body.p, t.body.n, &proof), 0);
	assert_true(proof.of == WIRE_PROOF_TREES && proof.from == 4 && proof.to == 9);
	taken_free(&t);
	t = asks("GET /v1/audit/proof?index=0" PLAIN, MSG_PROOF);
	assert_int_equal(wire_proof_decode(t.body.p, t.body.n, &proof), 0);
	assert_true(proof.of == WIRE_PROOF_LEAF && proof.from == 0 && proof.to == 0);
	taken_free(&t);
	t = asks("GET /v1/audit/tile/1/x001/234.p/56" PLAIN, MSG_TILE);
	assert_int_equal(wire_tile_decode(t.body.p, t.body.n, &tile), 0);
	assert_int_equal(tile.level, 1);
	assert_int_equal(tile.n, 1234);
	assert_int_equal(tile.width, 56);
	taken_free(&t);
	t = asks("GET /v1/audit/tile/entries/007" PLAIN, MSG_TILE);
	assert_int_equal(wire_tile_decode(t.body.p, t.body.n, &tile), 0);
	assert_int_equal(tile.level, WIRE_TILE_ENTRIES);
	assert_int_equal(tile.n, 7);
	assert_int_equal(tile.width, 0);
	taken_free(&t);
}

static void calls_without_body_are_their_envelope(void **state)
{
	struct taken t = asks("DELETE /v1/sessions/current" HTTP11 BEARER "\r\n", MSG_LOGOUT);
	struct wire_envelope e;

	(void)state;
	assert_int_equal(wire_envelope_decode(t.body.p, t.body.n, &e), 0);
	envelope_is(&e);
	taken_free(&t);
	t = asks("GET /v1/audit/checkpoint" HTTP11 BEARER "\r\n", MSG_CHECKPOINT);
	assert_int_equal(wire_envelope_decode(t.body.p, t.body.n, &e), 0);
	taken_free(&t);
	t = asks("GET /v1/sys/health?sealed_ok=true" PLAIN, MSG_HEALTH);
	assert_int_equal(t.body.n, 0);
	assert_true(t.x.sealed_ok);
	taken_free(&t);
	t = asks("GET /v1/sys/metrics" PLAIN, MSG_METRICS);
	assert_int_equal(t.body.n, 0);
	taken_free(&t);
}

static void session_calls_carry_what_was_proved(void **state)
{
	uint8_t bytes[112];
	char b64[160], sig[92], question[48], text[2048], body[1024];
	struct taken t;
	struct wire_hello h;
	struct wire_activate a;

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	b64_encode(B64_STD, bytes, 112, b64);
	b64_encode(B64_STD, bytes, 64, sig);
	b64_encode(B64_STD, bytes, 32, question);
	snprintf(body, sizeof(body), "{\"question\":\"%s\",\"principal\":\"" HEX_ID "\"}", question);
	snprintf(text, sizeof(text), "POST /v1/sessions" HTTP11 JSON_TYPE "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	t = asks(text, MSG_HELLO);
	assert_int_equal(wire_hello_decode(t.body.p, t.body.n, &h), 0);
	id_is(h.principal);
	assert_memory_equal(h.question, bytes, 32);
	taken_free(&t);
	snprintf(body, sizeof(body), "{\"roles\":[{\"role\":7,\"epoch\":4294967295,\"sealed\":\"%s\"}],\"signature\":\"%s\"}", b64, sig);
	snprintf(text, sizeof(text), "PUT /v1/sessions/" HEX_ID HTTP11 JSON_TYPE "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	t = asks(text, MSG_ACTIVATE);
	assert_int_equal(wire_activate_decode(t.body.p, t.body.n, &a), 0);
	id_is(a.session);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.role[0].role, 7);
	assert_int_equal(a.role[0].epoch, UINT32_MAX);
	assert_memory_equal(a.role[0].sealed, bytes, 112);
	assert_memory_equal(a.signature, bytes, 64);
	taken_free(&t);
}

static void unknown_paths_and_methods_are_told_apart(void **state)
{
	static const struct {
		const char *line;
		int problem;
	} cases[] = {
		{ "GET /", PROBLEM_NOT_FOUND }, { "GET /v1", PROBLEM_NOT_FOUND }, { "GET /v2/records", PROBLEM_NOT_FOUND },
		{ "GET /v1/records/", PROBLEM_NOT_FOUND }, { "GET /v1/records/" HEX_ID "/", PROBLEM_NOT_FOUND },
		{ "GET /v1/records/" HEX_ID "0", PROBLEM_NOT_FOUND },
		{ "GET /v1/records/000102030405060708090A0B0C0D0E0F", PROBLEM_NOT_FOUND },
		{ "GET /v1/records/0001", PROBLEM_NOT_FOUND }, { "POST /v1/records:find", PROBLEM_NOT_FOUND },
		{ "GET /v1/records/" HEX_ID "/access", PROBLEM_NOT_FOUND }, { "GET /v1/./sys/health", PROBLEM_NOT_FOUND },
		{ "GET //v1/sys/health", PROBLEM_NOT_FOUND }, { "GET /v1/sys/%68ealth", PROBLEM_NOT_FOUND },
		{ "GET /v1/audit/tile/0/1", PROBLEM_NOT_FOUND }, { "GET /v1/audit/tile/", PROBLEM_NOT_FOUND },
		{ "GET /v1/audit/tile/tile/0/001", PROBLEM_NOT_FOUND }, { "GET /v1/audit/tile/9/001", PROBLEM_NOT_FOUND },
		{ "OPTIONS *", PROBLEM_NOT_FOUND },
		{ "HEAD /v1/sys/health", PROBLEM_METHOD_NOT_ALLOWED }, { "DELETE /v1/records/" HEX_ID, PROBLEM_METHOD_NOT_ALLOWED },
		{ "PUT /v1/records", PROBLEM_METHOD_NOT_ALLOWED }, { "GET /v1/sessions/current", PROBLEM_METHOD_NOT_ALLOWED },
		{ "PUT /v1/sessions", PROBLEM_METHOD_NOT_ALLOWED }, { "TRACE /v1/sys/health", PROBLEM_METHOD_NOT_ALLOWED },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "%s" PLAIN, cases[i].line);
		if (problem_in(text) != cases[i].problem)
			fail_msg("%s: %d", cases[i].line, problem_in(text));
	}
}

static void target_may_name_scheme_and_authority(void **state)
{
	static const struct {
		const char *line;
		int problem;
	} cases[] = {
		{ "GET http://v/v1/sys/health", PROBLEM_NONE }, { "GET HTTP://v.example:8080/v1/sys/health", PROBLEM_NONE },
		{ "GET http://v/v1/sys/health?sealed_ok=true", PROBLEM_NONE },
		{ "GET http://v/v1/sys/health?sealed_ok=yes", PROBLEM_BAD_REQUEST },
		{ "GET http://[::1]/v1/sys/health", PROBLEM_NONE }, { "HEAD http://v/v1/sys/health", PROBLEM_METHOD_NOT_ALLOWED },
		{ "GET http://v/v1/audit/tile/0/001", PROBLEM_NONE }, { "GET http://v", PROBLEM_NOT_FOUND },
		{ "GET http://v?sealed_ok=true", PROBLEM_NOT_FOUND }, { "GET http://v//v1/sys/health", PROBLEM_NOT_FOUND },
		{ "GET http://v/http://v/v1/sys/health", PROBLEM_NOT_FOUND },
		{ "GET http://u@v/v1/sys/health", PROBLEM_NOT_FOUND }, { "GET http:///v1/sys/health", PROBLEM_NOT_FOUND },
		{ "GET https://v/v1/sys/health", PROBLEM_NOT_FOUND }, { "GET ftp://v/v1/sys/health", PROBLEM_NOT_FOUND },
		{ "GET v1/sys/health", PROBLEM_BAD_REQUEST },
	};
	char text[256];
	struct taken t;
	struct wire_read m;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "%s" PLAIN, cases[i].line);
		if (problem_in(text) != cases[i].problem)
			fail_msg("%s: %d", cases[i].line, problem_in(text));
	}
	/* Id and names are found behind them. */
	t = asks("GET http://v/v1/records/" HEX_ID "?fields=a,b&view=clear" HTTP11 BEARER "\r\n", MSG_READ);
	assert_int_equal(wire_read_decode(t.body.p, t.body.n, &m), 0);
	id_is(m.record);
	assert_int_equal(m.names.count, 2);
	assert_int_equal(m.view, WIRE_VIEW_CLEAR);
	taken_free(&t);
}

static void queries_are_closed(void **state)
{
	static const struct {
		const char *query;
		int problem;
	} cases[] = {
		{ "", PROBLEM_FIELDS_REQUIRED }, { "?", PROBLEM_FIELDS_REQUIRED }, { "?fields=", PROBLEM_FIELDS_REQUIRED },
		{ "?view=clear", PROBLEM_FIELDS_REQUIRED },
		{ "?fields", PROBLEM_BAD_REQUEST },
		{ "?fields=a&fields=b", PROBLEM_BAD_REQUEST },
		{ "?fields=a,a", PROBLEM_BAD_REQUEST }, { "?fields=a,,b", PROBLEM_BAD_REQUEST }, { "?fields=,a", PROBLEM_BAD_REQUEST },
		{ "?fields=a,", PROBLEM_BAD_REQUEST },
		{ "?fields=a&x=1", PROBLEM_BAD_REQUEST },
		{ "?fields=a&limit=1", PROBLEM_BAD_REQUEST },
		{ "?fields=a&view=masked", PROBLEM_BAD_REQUEST }, { "?fields=a&view=clear&", PROBLEM_NONE },
		{ "?fields=a&view=CLEAR", PROBLEM_BAD_REQUEST }, { "?fields=a&view=Clear", PROBLEM_BAD_REQUEST },
		{ "?fields=a&VIEW=clear", PROBLEM_BAD_REQUEST },
		{ "?fields=%zz", PROBLEM_BAD_REQUEST }, { "?fields=%4", PROBLEM_BAD_REQUEST }, { "?fields=%00", PROBLEM_BAD_REQUEST },
		{ "?fields=%0a", PROBLEM_BAD_REQUEST },
		{ "?fields=%ff", PROBLEM_INVALID_UTF8 },
		{ "?fields=%c0%80", PROBLEM_INVALID_UTF8 },
		{ "?fields=%ed%a0%80", PROBLEM_INVALID_UTF8 }, { "?fields=*", PROBLEM_NONE }, { "?fields=a?b", PROBLEM_NONE },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), GET_RECORD "%s" PLAIN, cases[i].query);
		if (problem_in(text) != cases[i].problem)
			fail_msg("%s: %d", cases[i].query, problem_in(text));
	}
	assert_int_equal(problem_in("GET /v1/audit/events?from=-1" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/audit/events?from=01" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/audit/events?limit=0" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/audit/events?limit=1001" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/audit/events?keys=yes" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/audit/events?since=yesterday" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/audit/events?since=2026-02-30" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/audit/events?until=" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/audit/events?kind=" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/audit/events?area=11" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/audit/events?keys=True" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/sys/health?sealed_ok=TRUE" PLAIN), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in("GET /v1/sys/version?x=1" PLAIN), PROBLEM_BAD_REQUEST);
}

static void headers_are_judged(void **state)
{
	static const struct {
		const char *headers;
		int problem;
	} cases[] = {
		{ "Origin: null\r\n", PROBLEM_ORIGIN_REFUSED }, { "Origin:\r\n", PROBLEM_ORIGIN_REFUSED },
		{ "Authorization: Basic YTpi\r\n", PROBLEM_UNAUTHENTICATED }, { "Authorization: Bearer\r\n", PROBLEM_UNAUTHENTICATED },
		{ "Authorization: Bearer " TOKEN_TEXT "A\r\n", PROBLEM_UNAUTHENTICATED },
		{ "Authorization: Bearer +" TOKEN_TEXT "\r\n", PROBLEM_UNAUTHENTICATED },
		{ "Accept: text/html\r\n", PROBLEM_NOT_ACCEPTABLE }, { "Accept: application/json;q=0\r\n", PROBLEM_NOT_ACCEPTABLE },
		{ "Accept: */*;q=0.000\r\n", PROBLEM_NOT_ACCEPTABLE }, { "Accept: text/html, */*;q=0.1\r\n", PROBLEM_NONE },
		{ "Accept: application/*\r\n", PROBLEM_NONE }, { "Accept: Application/JSON; charset=utf-8\r\n", PROBLEM_NONE },
		{ "Accept:\r\n", PROBLEM_NONE },
		{ "CV-Purpose: %\r\n", PROBLEM_BAD_REQUEST },
		{ "CV-Purpose: \xff\r\n", PROBLEM_INVALID_UTF8 },
		{ "CV-Reason: %0d%0aX: y\r\n", PROBLEM_BAD_REQUEST }, { "Content-Length: 2\r\n", -1 },
		{ "CV-Case: 12345678901234567890123456789012345678901234567890123456789012345\r\n", PROBLEM_BAD_REQUEST },
		{ "CV-Case: 1234567890123456789012345678901234567890123456789012345678901234\r\n", PROBLEM_NONE },
		{ "If-Match: *\r\n", PROBLEM_NONE },
		{ "Idempotency-Key: \r\n", PROBLEM_NONE },
		{ "Expect: 100-continue\r\n", PROBLEM_NONE },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), GET_RECORD "?fields=a" HTTP11 "%s\r\n", cases[i].headers);
		if (problem_in(text) != cases[i].problem)
			fail_msg("%s: %d", cases[i].headers, problem_in(text));
	}
}

static void media_types_of_bodies_are_judged(void **state)
{
	static const char fields[] = "{\"fields\":{}}";
#define POST_AS(type) problem_of_body("POST /v1/records HTTP/1.1\r\n" type, fields)
#define PATCH_AS(type) problem_of_body("PATCH /v1/records/" HEX_ID " HTTP/1.1\r\n" type, fields)

	(void)state;
	assert_int_equal(POST_AS(JSON_TYPE), PROBLEM_NONE);
	assert_int_equal(POST_AS("Content-Type: APPLICATION/json ; charset=\"UTF-8\"\r\n"), PROBLEM_NONE);
	assert_int_equal(POST_AS(""), PROBLEM_UNSUPPORTED_MEDIA_TYPE);
	assert_int_equal(POST_AS("Content-Type: text/plain\r\n"), PROBLEM_UNSUPPORTED_MEDIA_TYPE);
	assert_int_equal(POST_AS("Content-Type: application/json; charset=gbk\r\n"), PROBLEM_UNSUPPORTED_MEDIA_TYPE);
	assert_int_equal(POST_AS("Content-Type: application/jsonx\r\n"), PROBLEM_UNSUPPORTED_MEDIA_TYPE);
	assert_int_equal(POST_AS("Content-Type: application/merge-patch+json\r\n"), PROBLEM_UNSUPPORTED_MEDIA_TYPE);
	assert_int_equal(POST_AS(JSON_TYPE "Content-Encoding: gzip\r\n"), PROBLEM_UNSUPPORTED_MEDIA_TYPE);
	assert_int_equal(POST_AS(JSON_TYPE "Content-Encoding: identity\r\n"), PROBLEM_NONE);
	assert_int_equal(POST_AS(JSON_TYPE "Idempotency-Key: a b\r\n"), PROBLEM_BAD_REQUEST);
	assert_int_equal(POST_AS(JSON_TYPE "Idempotency-Key:\r\n"), PROBLEM_BAD_REQUEST);
	assert_int_equal(PATCH_AS("Content-Type: application/merge-patch+json\r\n"), PROBLEM_NONE);
	assert_int_equal(PATCH_AS(JSON_TYPE), PROBLEM_UNSUPPORTED_MEDIA_TYPE);
	assert_int_equal(PATCH_AS("Content-Type: application/merge-patch+json\r\nIf-Match: *\r\n"), PROBLEM_BAD_REQUEST);
	assert_int_equal(PATCH_AS("Content-Type: application/merge-patch+json\r\nIf-Match: W/\"" HEX_ID "\"\r\n"), PROBLEM_BAD_REQUEST);
	assert_int_equal(PATCH_AS("Content-Type: application/merge-patch+json\r\nIf-Match: \"" HEX_ID "\", \"" HEX_ID "\"\r\n"),
	    PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_of_body("GET /v1/sys/version HTTP/1.1\r\n", "x"), PROBLEM_BAD_REQUEST);
#undef POST_AS
#undef PATCH_AS
}

static void broken_json_is_refused_by_kind(void **state)
{
	static const struct {
		const char *body;
		int problem;
	} cases[] = {
		{ "", PROBLEM_MALFORMED_JSON }, { "{", PROBLEM_MALFORMED_JSON }, { "{\"fields\":{}} x", PROBLEM_MALFORMED_JSON },
		{ "{\"fields\":{},}", PROBLEM_MALFORMED_JSON }, { "{'fields':{}}", PROBLEM_MALFORMED_JSON },
		{ "{\"fields\":{\"a\":01}}", PROBLEM_MALFORMED_JSON }, { "{\"fields\":{\"a\":NaN}}", PROBLEM_MALFORMED_JSON },
		{ "{\"fields\":{\"a\":\"\x01\"}}", PROBLEM_MALFORMED_JSON }, { "\xef\xbb\xbf{\"fields\":{}}", PROBLEM_MALFORMED_JSON },
		{ "{\"fields\":{\"a\":\"\\ud800\"}}", PROBLEM_MALFORMED_JSON }, { "// x\n{\"fields\":{}}", PROBLEM_MALFORMED_JSON },
		{ "1", PROBLEM_MALFORMED_JSON }, { "[]", PROBLEM_BAD_REQUEST }, { "{}", PROBLEM_BAD_REQUEST },
		{ "{\"fields\":[]}", PROBLEM_WRONG_TYPE }, { "{\"fields\":{},\"x\":1}", PROBLEM_UNKNOWN_MEMBER },
		{ "{\"fields\":{},\"fields\":{}}", PROBLEM_DUPLICATE_MEMBER },
		{ "{\"fields\":{\"a\":1,\"a\":1}}", PROBLEM_DUPLICATE_MEMBER },
		{ "{\"fields\":{\"a\":1,\"\\u0061\":2}}", PROBLEM_DUPLICATE_MEMBER },
		{ "{\"fields\":{\"a\":{\"b\":1,\"\\u0062\":2}}}", PROBLEM_DUPLICATE_MEMBER },
		{ "{\"fields\":{\"a\":\"\xff\"}}", PROBLEM_INVALID_UTF8 }, { "{\"fields\":{\"a\":\"\xc0\xaf\"}}", PROBLEM_INVALID_UTF8 },
		{ "{\"fields\":{\"a\":\"\xed\xa0\x80\"}}", PROBLEM_INVALID_UTF8 },
		{ "{\"fields\":{\"a\":\"\xf4\x90\x80\x80\"}}", PROBLEM_INVALID_UTF8 },
		{ "{\"fields\":{\"a\":1.5}}", PROBLEM_WRONG_TYPE }, { "{\"fields\":{\"a\":1e2}}", PROBLEM_WRONG_TYPE },
		{ "{\"fields\":{\"a\":[1.0]}}", PROBLEM_WRONG_TYPE }, { "{\"fields\":{\"a\":[null]}}", PROBLEM_WRONG_TYPE },
		{ "{\"fields\":{\"a\":9223372036854775808}}", PROBLEM_WRONG_TYPE },
		{ "{\"fields\":{\"a\":-9223372036854775809}}", PROBLEM_WRONG_TYPE },
		{ "{\"fields\":{\"a\":1e999}}", PROBLEM_WRONG_TYPE }, { "{\"fields\":{\"a\":9223372036854775807}}", PROBLEM_NONE },
		{ "{\"fields\":{\"a\":\"\\u0000\"}}", PROBLEM_VALIDATION }, { "{\"fields\":{\"\\u0000\":1}}", PROBLEM_VALIDATION },
		{ "{\"fields\":{\"a\":[[[[1]]]]}}", PROBLEM_NONE }, { "{\"fields\":{\"a\":[[[[[1]]]]]}}", PROBLEM_VALIDATION },
		{ "{\"fields\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":[]}}}}}}", PROBLEM_VALIDATION },
		{ "{\"fields\":{\"\":1}}", PROBLEM_UNKNOWN_FIELD },
		{ "{\"fields\":{\"a\":{\"\":1}}}", PROBLEM_VALIDATION },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int problem = problem_of_body("POST /v1/records HTTP/1.1\r\n" JSON_TYPE, cases[i].body);

		if (problem != cases[i].problem)
			fail_msg("%s: %d", cases[i].body, problem);
	}
}

static void session_bodies_are_closed(void **state)
{
#define HELLO_IS(body, problem) assert_int_equal(problem_of_body("POST /v1/sessions HTTP/1.1\r\n" JSON_TYPE, body), problem)
#define ACTIVATE_IS(body, problem) \
	assert_int_equal(problem_of_body("PUT /v1/sessions/" HEX_ID " HTTP/1.1\r\n" JSON_TYPE, body), problem)

	(void)state;
	HELLO_IS("{}", PROBLEM_BAD_REQUEST);
	HELLO_IS("{\"principal\":1,\"question\":\"\"}", PROBLEM_WRONG_TYPE);
	HELLO_IS("{\"principal\":\"" HEX_ID "\",\"question\":\"AAAA\"}", PROBLEM_BAD_REQUEST);
	HELLO_IS("{\"principal\":\"" HEX_ID "\",\"x\":\"\"}", PROBLEM_UNKNOWN_MEMBER);
	HELLO_IS("{\"principal\":\"" HEX_ID "\",\"principal\":\"\"}", PROBLEM_DUPLICATE_MEMBER);
	ACTIVATE_IS("{\"roles\":[],\"signature\":\"\"}", PROBLEM_BAD_REQUEST);
	ACTIVATE_IS("{\"roles\":[{},{},{},{},{},{},{},{},{}],\"signature\":\"\"}", PROBLEM_BAD_REQUEST);
	ACTIVATE_IS("{\"roles\":[1],\"signature\":\"\"}", PROBLEM_WRONG_TYPE);
	ACTIVATE_IS("{\"roles\":[{\"role\":65536,\"epoch\":0,\"sealed\":\"\"}],\"signature\":\"\"}", PROBLEM_BAD_REQUEST);
	ACTIVATE_IS("{\"roles\":[{\"role\":1,\"epoch\":\"1\",\"sealed\":\"\"}],\"signature\":\"\"}", PROBLEM_WRONG_TYPE);
	ACTIVATE_IS("{\"roles\":[{\"role\":1,\"epoch\":1,\"sealed\":\"\",\"x\":1}],\"signature\":\"\"}", PROBLEM_UNKNOWN_MEMBER);
#undef HELLO_IS
#undef ACTIVATE_IS
}

static void refusal_with_token_goes_to_core_first(void **state)
{
	static const struct {
		const char *text;
		uint16_t problem;
	} cases[] = {
		{ "GET /v1/nothing" HTTP11 BEARER "\r\n", PROBLEM_NOT_FOUND },
		{ "DELETE /v1/records" HTTP11 BEARER "\r\n", PROBLEM_METHOD_NOT_ALLOWED },
		{ GET_RECORD HTTP11 BEARER "\r\n", PROBLEM_FIELDS_REQUIRED },
		{ GET_RECORD "?fields=a" HTTP11 BEARER "Origin: x\r\n\r\n", PROBLEM_ORIGIN_REFUSED },
		{ GET_RECORD "?fields=a" HTTP11 BEARER BEARER "\r\n", PROBLEM_BAD_REQUEST },
		{ "POST /v1/records" HTTP11 BEARER JSON_TYPE "Content-Length: 1\r\n\r\n{", PROBLEM_MALFORMED_JSON },
		{ "POST /v1/records" HTTP11 BEARER JSON_TYPE "Content-Length: 5000\r\n\r\n", PROBLEM_PAYLOAD_TOO_LARGE },
	};
	struct taken t;
	struct wire_refused m;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)take(&t, cases[i].text, strlen(cases[i].text), 0);
		assert_true(t.done);
		assert_true(t.asks);
		assert_int_equal(t.type, MSG_REFUSED);
		assert_int_equal(wire_refused_decode(t.body.p, t.body.n, &m), 0);
		envelope_is(&m.envelope);
		assert_int_equal(m.problem, cases[i].problem);
		taken_free(&t);
	}
}

static void field_at_fault_is_named_unless_it_may_be_a_value(void **state)
{
	static const char good[] = "{\"fields\":{\"birth.date-1_A\":1.5}}", odd[] = "{\"fields\":{\"Zhang San 1\":1.5}}";
	struct json_fault f;
	uint32_t day;
	struct buf b;

	(void)state;
	assert_int_equal(arena_start(), 0);
	buf_init(&b, 4096);
	assert_int_equal(json_fields((const uint8_t *)good, sizeof(good) - 1, &b, &day, &f), CV_ERR_FORMAT);
	assert_int_equal(f.problem, PROBLEM_WRONG_TYPE);
	assert_int_equal(f.field_n, 14);
	assert_memory_equal(f.field, "birth.date-1_A", 14);
	assert_string_equal(f.expected, "no number with a fraction");
	assert_int_equal(json_fields((const uint8_t *)odd, sizeof(odd) - 1, &b, &day, &f), CV_ERR_FORMAT);
	assert_int_equal(f.field_n, 0);
	buf_free(&b);
}

static void a_day_stands_beside_the_fields(void **state)
{
	static const struct {
		const char *body;
		uint16_t problem;
		uint32_t day;
	} cases[] = {
		{ "{\"fields\":{\"a\":1},\"as_of\":\"2025-11-24\"}", 0, 20417 },
		{ "{\"fields\":{\"a\":1},\"as_of\":\"1970-01-01\"}", 0, 1 },
		{ "{\"fields\":{\"a\":1}}", 0, 0 },
		{ "{\"fields\":{\"a\":1},\"as_of\":\"1969-12-31\"}", PROBLEM_VALIDATION, 0 },
		{ "{\"fields\":{\"a\":1},\"as_of\":\"2025-02-29\"}", PROBLEM_VALIDATION, 0 },
		{ "{\"fields\":{\"a\":1},\"as_of\":\"2025-2-9\"}", PROBLEM_VALIDATION, 0 },
		{ "{\"fields\":{\"a\":1},\"as_of\":20417}", PROBLEM_WRONG_TYPE, 0 },
		{ "{\"fields\":{\"a\":1},\"as_of\":null}", PROBLEM_WRONG_TYPE, 0 },
	};
	struct json_fault f;
	struct buf b;

	(void)state;
	assert_int_equal(arena_start(), 0);
	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t day = 99;
		int r = json_fields((const uint8_t *)cases[i].body, strlen(cases[i].body), &b, &day, &f);

		assert_int_equal(r, cases[i].problem == 0 ? 0 : CV_ERR_FORMAT);
		if (r == 0)
			assert_int_equal(day, cases[i].day);
		else
			assert_int_equal(f.problem, cases[i].problem);
		buf_reset(&b);
	}
	buf_free(&b);
}

/* Memory of a document is bounded: what needs more is refused, and the next document fits again. */
static void document_memory_is_bounded(void **state)
{
	struct json_fault f;
	struct buf text, b;
	uint32_t day;

	(void)state;
	assert_int_equal(arena_start(), 0);
	buf_init(&text, 8u << 20);
	buf_init(&b, MESSAGE_TO_CORE_MAX);
	buf_text(&text, "{\"fields\":{\"a\":[{}");
	for (int i = 0; i < 500000; i++)
		buf_text(&text, ",{}");
	buf_text(&text, "]}}");
	assert_int_equal(json_fields(text.p, text.n, &b, &day, &f), CV_ERR_FORMAT);
	assert_int_equal(f.problem, PROBLEM_PAYLOAD_TOO_LARGE);
	buf_reset(&b);
	assert_int_equal(json_fields((const uint8_t *)"{\"fields\":{\"a\":1}}", 18, &b, &day, &f), 0);
	buf_reset(&text);
	buf_text(&text, "{\"fields\":{\"a\":\"");
	for (unsigned i = 0; i < FIELD_MAX; i++)
		buf_u8(&text, 'x');
	buf_text(&text, "\"}}");
	assert_int_equal(json_fields(text.p, text.n, &b, &day, &f), 0);
	buf_cut(&text, text.n - 3);
	buf_text(&text, "x\"}}");
	assert_int_equal(json_fields(text.p, text.n, &b, &day, &f), CV_ERR_FORMAT);
	assert_int_equal(f.problem, PROBLEM_VALIDATION);
	buf_free(&text);
	buf_free(&b);
}

static void arena_holds_nothing_after_a_document(void **state)
{
	char *a, *b;

	(void)state;
	assert_int_equal(arena_start(), 0);
	arena_wipe();
	a = arena_get(10);
	memcpy(a, "canary-one", 10);
	b = arena_get(300000);		/* beyond the first block */
	assert_non_null(b);
	assert_null(arena_get((size_t)ARENA_MAX + 1));
	assert_true(arena_failed());
	arena_wipe();
	assert_false(arena_failed());
	for (int i = 0; i < 10; i++)
		assert_int_equal(a[i], 0);
	a = arena_get(32);
	memset(a, 'x', 32);
	arena_put(a);
	b = arena_get(16);
	assert_ptr_equal(a, b);		/* the newest is given back, and wiped */
	assert_int_equal(b[0], 0);
	arena_wipe();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_names_record_fields_and_why),
		cmocka_unit_test(request_without_token_says_so),
		cmocka_unit_test(read_may_ask_for_provenance_and_name_an_export),
		cmocka_unit_test(create_carries_key_and_typed_values),
		cmocka_unit_test(patch_carries_the_version_to_change),
		cmocka_unit_test(history_events_and_tiles_carry_numbers),
		cmocka_unit_test(accesses_say_for_whom_and_of_when),
		cmocka_unit_test(calls_without_body_are_their_envelope),
		cmocka_unit_test(session_calls_carry_what_was_proved),
		cmocka_unit_test(unknown_paths_and_methods_are_told_apart),
		cmocka_unit_test(target_may_name_scheme_and_authority),
		cmocka_unit_test(queries_are_closed),
		cmocka_unit_test(headers_are_judged),
		cmocka_unit_test(media_types_of_bodies_are_judged),
		cmocka_unit_test(broken_json_is_refused_by_kind),
		cmocka_unit_test(session_bodies_are_closed),
		cmocka_unit_test(refusal_with_token_goes_to_core_first),
		cmocka_unit_test(field_at_fault_is_named_unless_it_may_be_a_value),
		cmocka_unit_test(a_day_stands_beside_the_fields),
		cmocka_unit_test(document_memory_is_bounded),
		cmocka_unit_test(arena_holds_nothing_after_a_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

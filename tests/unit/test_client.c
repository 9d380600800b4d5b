/* The client against a fake daemon: requests as they leave, answers as they come, connections as they die. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "childvault.h"
#include "client/answer.h"
#include "fake_daemon.h"

#define ID "00112233445566778899aabbccddeeff"
#define ETAG "\"ffeeddccbbaa99887766554433221100\""

/* ---- answers ---------------------------------------------------------------------------------------------------------- */

static int parse(const char *text, struct answer_head *ret) { return answer_head_parse(text, strlen(text), ret); }

static void head_is_read(void **state)
{
	static const char text[] = "HTTP/1.1 201 Created\r\nContent-Length: 12\r\nETag:\t \"x\" \r\nconnection: close\r\n\r\n";
	struct answer_head h;

	(void)state;
	assert_int_equal(parse(text, &h), (int)strlen(text));
	assert_int_equal(h.status, 201);
	assert_int_equal(h.length, 12);
	assert_false(h.keep);
	assert_int_equal(answer_header(&h, "etag")->value_n, 3);
	assert_null(answer_header(&h, "location"));
}

static void head_cut_anywhere_wants_more(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nCV-View: clear\r\n\r\n";
	struct answer_head h;

	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++)
		assert_int_equal(answer_head_parse(text, n, &h), 0);
}

static void head_refuses_ambiguity(void **state)
{
	static const char *const bad[] = { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 1\n\n",
		"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\n Content-Length: 1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n" };
	struct answer_head h;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (parse(bad[i], &h) != CV_ERR_FORMAT)
			fail_msg("head %zu was taken", i);
	assert_int_equal(parse("HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n", &h), CV_ERR_LIMIT);
	assert_true(parse("HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n", &h) > 0);
	assert_true(parse("HTTP/1.1 204 No Content\r\n\r\n", &h) > 0);
}

static void chunk_sizes_are_strict(void **state)
{
	size_t n = 7;

	(void)state;
	assert_int_equal(answer_chunk_parse("1aB\r\nx", 6, &n), 5);
	assert_int_equal(n, 0x1ab);
	assert_int_equal(answer_chunk_parse("1a", 2, &n), 0);
	assert_int_equal(answer_chunk_parse("\r\n", 2, &n), CV_ERR_FORMAT);
	assert_int_equal(answer_chunk_parse("1;a=b\r\n", 7, &n), CV_ERR_FORMAT);
	assert_int_equal(answer_chunk_parse("1000001\r\n", 9, &n), CV_ERR_LIMIT);
	assert_int_equal(answer_chunk_parse("00000000001\r\n", 13, &n), CV_ERR_LIMIT);
}

/* ---- calls -------------------------------------------------------------------------------------------------------------- */

/* What the fake saw last, and what it is to do. */
struct script {
	char request[8192];
	const char *answer;	/* whole bytes to send */
	unsigned calls;
	unsigned drop;		/* so many first calls are closed without an answer */
	bool keep;
};

static bool play(void *cookie, const char *request, size_t n, struct buf *answer)
{
	struct script *s = cookie;

	snprintf(s->request, sizeof s->request, "%.*s", (int)n, request);
	if (s->calls++ < s->drop)
		return false;
	buf_text(answer, s->answer);
	return s->keep;
}

static struct childvault *client_of(const struct fake *f)
{
	struct childvault *cv = NULL;

	assert_int_equal(childvault_open(fake_path(f), &cv), CHILDVAULT_OK);
	assert_int_equal(childvault_with_token(cv, "dG9rZW4"), CHILDVAULT_OK);
	return cv;
}

static const struct childvault_with intake = { .purpose = "intake" };

static void create_sends_and_reads(void **state)
{
	struct script s = { .answer = "HTTP/1.1 201 Created\r\nContent-Length: 4\r\nLocation: /v1/records/" ID "\r\nETag: " ETAG
	    "\r\nCV-Audit-Index: 17\r\nRequest-Id: r\r\n\r\nbody", .keep = true };
	const struct childvault_with with = { .purpose = "intake", .case_text = "a b", .reason = "为了\r\nX: y", .idempotency_key = "k-1" };
	struct fake *f = fake_start(play, &s);
	struct childvault *cv = client_of(f);
	uint64_t leaf = 0;
	size_t n;

	(void)state;
	assert_int_equal(childvault_create(cv, &with, "{\"name\":\"x\"}"), CHILDVAULT_OK);
	assert_string_equal(childvault_id(cv), ID);
	assert_string_equal(childvault_etag(cv), ETAG);
	assert_true(childvault_leaf(cv, &leaf) && leaf == 17);
	assert_memory_equal(childvault_body(cv, &n), "body", 4);
	assert_int_equal(n, 4);
	assert_string_equal(s.request, "POST /v1/records HTTP/1.1\r\nHost: localhost\r\n"
	    "Authorization: Bearer dG9rZW4\r\nCV-Purpose: intake\r\n"
	    "CV-Case: a%20b\r\nCV-Reason: %E4%B8%BA%E4%BA%86%0D%0AX%3A%20y\r\nIdempotency-Key: k-1\r\nContent-Type: application/json\r\n"
	    "Content-Length: 23\r\n\r\n{\"fields\":{\"name\":\"x\"}}");
	assert_int_equal(childvault_get(cv, &intake, ID, "name,id_no", 1), CHILDVAULT_OK);
	assert_non_null(strstr(s.request, "GET /v1/records/" ID "?fields=name,id_no&view=clear HTTP/1.1\r\n"));
	assert_int_equal(childvault_patch(cv, &intake, ID, ETAG, "{}"), CHILDVAULT_OK);
	assert_non_null(strstr(s.request, "If-Match: " ETAG "\r\nContent-Type: application/merge-patch+json\r\n"));
	assert_int_equal(fake_connections(f), 1);
	childvault_free(cv);
	fake_stop(f);
}

static void arguments_out_of_range_send_nothing(void **state)
{
	struct script s = { .answer = "", .keep = true };
	const struct childvault_with none = { .purpose = NULL }, long_key = { .purpose = "p", .idempotency_key = "a b" };
	struct fake *f = fake_start(play, &s);
	struct childvault *cv = client_of(f);

	(void)state;
	assert_int_equal(childvault_create(cv, &none, "{}"), CHILDVAULT_USAGE);
	assert_int_equal(childvault_create(cv, &long_key, "{}"), CHILDVAULT_USAGE);
	assert_int_equal(childvault_get(cv, &intake, "../sys", "name", 0), CHILDVAULT_USAGE);
	assert_int_equal(childvault_get(cv, &intake, "00112233445566778899AABBCCDDEEFF", "name", 0), CHILDVAULT_USAGE);
	assert_int_equal(childvault_patch(cv, &intake, ID, "\"x\"\r\nX: y", "{}"), CHILDVAULT_USAGE);
	assert_int_equal(childvault_events(cv, 0, 1001, 0), CHILDVAULT_USAGE);
	assert_int_equal(childvault_tile(cv, "0/000 HTTP/1.1\r\n"), CHILDVAULT_USAGE);
	assert_int_equal(childvault_with_token(cv, "a\r\nb"), CHILDVAULT_USAGE);
	assert_int_equal(s.calls, 0);
	childvault_free(cv);
	fake_stop(f);
}

static void refusal_names_its_kind(void **state)
{
	struct script s = { .keep = true, .answer = "HTTP/1.1 403 Forbidden\r\n"
	    "Content-Type: application/problem+json\r\nContent-Length: 57\r\n"
	    "CV-Explain: class health: caf%C3%A9 100%25 %zz\r\n\r\n{\"kind\":\"not-permitted\",\"title\":\"Not permitted\",\"status\":4}" };
	struct fake *f;
	struct childvault *cv;

	(void)state;
	f = fake_start(play, &s);
	cv = client_of(f);
	assert_int_equal(childvault_get(cv, &intake, ID, "name", 0), CHILDVAULT_PROTOCOL);	/* 57 is not the length: JSON cut */
	s.answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 62\r\nCV-Explain: class health: caf%C3%A9 100%25 %zz\r\n\r\n"
	    "{\"kind\":\"not-permitted\",\"title\":\"Not permitted\",\"status\":403 }";
	assert_int_equal(childvault_get(cv, &intake, ID, "name", 0), CHILDVAULT_PROBLEM);
	assert_string_equal(childvault_problem(cv), "not-permitted");
	assert_string_equal(childvault_explain(cv), "class health: caf\u00e9 100% %zz");
	assert_int_equal(childvault_status(cv), 403);
	childvault_free(cv);
	fake_stop(f);
}

static void chunks_are_joined(void **state)
{
	struct script s = { .keep = true, .answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n" };
	struct fake *f = fake_start(play, &s);
	struct childvault *cv = client_of(f);
	size_t n;

	(void)state;
	assert_int_equal(childvault_checkpoint(cv), CHILDVAULT_OK);
	assert_string_equal(childvault_body(cv, &n), "abcdefg");
	assert_int_equal(n, 7);
	s.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n";
	assert_int_equal(childvault_checkpoint(cv), CHILDVAULT_PROTOCOL);
	s.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab";
	assert_int_equal(childvault_checkpoint(cv), CHILDVAULT_PROTOCOL);
	childvault_free(cv);
	fake_stop(f);
}

static void safe_calls_are_sent_again_others_not(void **state)
{
	struct script s = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .drop = 1, .keep = true };
	struct fake *f = fake_start(play, &s);
	struct childvault *cv = client_of(f);

	(void)state;
	assert_int_equal(childvault_get(cv, &intake, ID, "name", 0), CHILDVAULT_OK);
	assert_int_equal(s.calls, 2);
	s.calls = 0;
	assert_int_equal(childvault_patch(cv, &intake, ID, NULL, "{}"), CHILDVAULT_UNREACHABLE);
	assert_int_equal(s.calls, 1);
	assert_int_equal(childvault_status(cv), 0);
	childvault_free(cv);
	fake_stop(f);
}

static void idle_connection_that_was_closed_is_opened_anew(void **state)
{
	struct script s = { .answer = "HTTP/1.1 204 No Content\r\nETag: " ETAG "\r\n\r\n", .keep = false };
	struct fake *f = fake_start(play, &s);
	struct childvault *cv = client_of(f);

	(void)state;
	assert_int_equal(childvault_patch(cv, &intake, ID, NULL, "{}"), CHILDVAULT_OK);
	while (fake_closed(f) < 1)
		sched_yield();
	/* The fake closed after its answer without saying so: a call that may not be repeated must not fail of it. */
	assert_int_equal(childvault_patch(cv, &intake, ID, NULL, "{}"), CHILDVAULT_OK);
	assert_int_equal(fake_connections(f), 2);
	childvault_free(cv);
	fake_stop(f);
}

static void nobody_there_is_unreachable(void **state)
{
	struct childvault *cv = NULL;

	(void)state;
	assert_int_equal(childvault_open("/nonexistent/api.sock", &cv), CHILDVAULT_OK);
	assert_int_equal(childvault_health(cv), CHILDVAULT_UNREACHABLE);
	assert_non_null(strstr(childvault_message(cv), "/nonexistent/api.sock"));
	childvault_free(cv);
	childvault_free(NULL);
	assert_int_equal(childvault_open("", &cv), CHILDVAULT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_is_read),
		cmocka_unit_test(head_cut_anywhere_wants_more),
		cmocka_unit_test(head_refuses_ambiguity),
		cmocka_unit_test(chunk_sizes_are_strict),
		cmocka_unit_test(create_sends_and_reads),
		cmocka_unit_test(arguments_out_of_range_send_nothing),
		cmocka_unit_test(refusal_names_its_kind),
		cmocka_unit_test(chunks_are_joined),
		cmocka_unit_test(safe_calls_are_sent_again_others_not),
		cmocka_unit_test(idle_connection_that_was_closed_is_opened_anew),
		cmocka_unit_test(nobody_there_is_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

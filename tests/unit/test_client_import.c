/* Imports and governance calls of the client against a fake daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "childvault.h"
#include "fake_daemon.h"

#define ID "00112233445566778899aabbccddeeff"
#define LINES_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"

/* What the fake saw last, and what it answers. */
struct script {
	char request[1u << 17];
	const char *answer;
	bool keep;
};

static bool play(void *cookie, const char *request, size_t n, struct buf *answer)
{
	struct script *s = cookie;

	snprintf(s->request, sizeof s->request, "%.*s", (int)n, request);
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

static const struct childvault_with intake = { .purpose = "intake", .idempotency_key = "k" };

/* An import of so many lines; what was answered is written as "1:201:ID 2:422: ...". */
struct job {
	unsigned lines, given;
	unsigned stop_at;	/* answers after which it breaks off; 0 never */
	bool break_off;		/* the lines do */
	unsigned answers;
	char told[4096];
};

static int next(void *cookie, const char **ret_line, size_t *ret_n)
{
	struct job *j = cookie;

	if (j->given == j->lines)
		return j->break_off ? -1 : 0;
	j->given++;
	*ret_line = "{\"fields\":{}}";
	*ret_n = 13;
	return 1;
}

static int done(void *cookie, unsigned long long line, int status, const char *id, const char *text, size_t text_n)
{
	struct job *j = cookie;
	size_t n = strlen(j->told);

	assert_int_equal(strlen(text), text_n);
	snprintf(j->told + n, sizeof j->told - n, "%llu:%d:%s ", line, status, id);
	return ++j->answers == j->stop_at;
}

static int import(struct childvault *cv, struct job *j)
{
	return childvault_import(cv, &intake, 5, next, done, j);
}

/* An answer whose body comes in these chunks, and the last one. */
static const char *chunks(const char *const *piece, size_t n)
{
	static char text[4096];
	size_t at = (size_t)snprintf(text, sizeof text, "%s", LINES_HEAD);

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%zx\r\n%s\r\n", strlen(piece[i]), piece[i]);
	snprintf(text + at, sizeof text - at, "0\r\n\r\n");
	return text;
}

static void lines_go_out_in_chunks_and_answers_come_back(void **state)
{
	static const char *const pieces[] = { "{\"l", "ine\":5,\"status\":201,\"id\":\"" ID "\"}\n{\"line\":6,\"sta",
	    "tus\":422,\"kind\":\"validation\",\"x\":1}\n" };
	static struct script s = { .keep = true };
	struct fake *f = fake_start(play, &s);
	struct childvault *cv = client_of(f);
	struct job j = { .lines = 2 };

	(void)state;
	s.answer = chunks(pieces, 3);
	assert_int_equal(import(cv, &j), CHILDVAULT_OK);
	assert_string_equal(j.told, "5:201:" ID " 6:422: ");
	assert_string_equal(s.request, "POST /v1/records:import?from=5 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
	    "dG9rZW4\r\nCV-Purpose: intake\r\n"
	    "Idempotency-Key: k\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "0000001c\r\n{\"fields\":{}}\n{\"fields\":{}}\n\r\n0\r\n\r\n");
	/* The connection is used again. */
	j = (struct job){ .lines = 0 };
	s.answer = LINES_HEAD "0\r\n\r\n";
	assert_int_equal(import(cv, &j), CHILDVAULT_OK);
	assert_string_equal(j.told, "");
	assert_int_equal(fake_connections(f), 1);
	childvault_free(cv);
	fake_stop(f);
}

static void answer_that_breaks_off_leaves_lines_open(void **state)
{
	static struct script half = { .answer = LINES_HEAD "2e\r\n{\"line\":5,\"status\":422,\"kind\":\"validation\"}\n" };
	struct job j = { .lines = 2 };
	struct fake *f = fake_start(play, &half);
	struct childvault *cv = client_of(f);

	(void)state;
	assert_int_equal(import(cv, &j), CHILDVAULT_UNREACHABLE);
	childvault_free(cv);
	fake_stop(f);
}

static void refusal_of_the_whole_request_is_a_problem(void **state)
{
	static struct script s = { .answer = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/problem+json\r\nContent-Length: 26\r\n"
	    "Connection: close\r\n\r\n{\"kind\":\"unauthenticated\"}" };
	struct job j = { .lines = 2 };
	struct fake *f = fake_start(play, &s);
	struct childvault *cv = client_of(f);

	(void)state;
	assert_int_equal(import(cv, &j), CHILDVAULT_PROBLEM);
	assert_string_equal(childvault_problem(cv), "unauthenticated");
	assert_string_equal(j.told, "");
	childvault_free(cv);
	fake_stop(f);
}

static void answers_that_are_no_lines_are_refused(void **state)
{
	static const char *const bad[] = { LINES_HEAD "3\r\nabc\r\n0\r\n\r\n", LINES_HEAD "4\r\n{}\n\n\r\n0\r\n\r\n",
	    LINES_HEAD "5\r\n[]\n\n\n\r\n0\r\n\r\n",
		LINES_HEAD "zz\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", LINES_HEAD "3\r\n{}\nxx0\r\n\r\n" };
	static struct script s = { .keep = true };
	struct fake *f = fake_start(play, &s);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct childvault *cv = client_of(f);
		struct job j = { .lines = 1 };

		s.answer = bad[i];
		assert_int_equal(import(cv, &j), CHILDVAULT_PROTOCOL);
		childvault_free(cv);
	}
	fake_stop(f);
}

static void callbacks_break_off(void **state)
{
	static const char *const pieces[] = { "{\"line\":5,\"status\":422}\n{\"line\":" };
	static struct script s = { .keep = true };
	struct fake *f = fake_start(play, &s);
	struct childvault *cv = client_of(f);
	struct job j = { .lines = 2, .stop_at = 1 };

	(void)state;
	s.answer = chunks(pieces, 1);
	assert_int_equal(import(cv, &j), CHILDVAULT_OK);
	assert_string_equal(j.told, "5:422: ");
	j = (struct job){ .lines = 1, .break_off = true };
	assert_int_equal(import(cv, &j), CHILDVAULT_OK);
	assert_string_equal(j.told, "");
	childvault_free(cv);
	fake_stop(f);
}

static void governance_calls_name_path_filter_and_body(void **state)
{
	static struct script s = { .keep = true };
	const struct childvault_filter filter = { .state = "pending", .principal = "li si", .waiting = "me", .limit = 7, .cursor = "c+" };
	struct fake *f = fake_start(play, &s);
	struct childvault *cv = client_of(f);

	(void)state;
	s.answer = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nLocation: /v1/requests/" ID "\r\n\r\n{}";
	assert_int_equal(childvault_make(cv, NULL, "requests", "{\"kind\":\"bulk\"}"), CHILDVAULT_OK);
	assert_string_equal(childvault_id(cv), ID);
	assert_non_null(strstr(s.request, "POST /v1/requests HTTP/1.1\r\n"));
	assert_non_null(strstr(s.request, "\r\n\r\n{\"kind\":\"bulk\"}"));
	assert_int_equal(childvault_make(cv, NULL, "grants", "{}"), CHILDVAULT_PROTOCOL);	/* Location is of another collection */
	s.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
	assert_int_equal(childvault_object(cv, "grants", ID), CHILDVAULT_OK);
	assert_non_null(strstr(s.request, "GET /v1/grants/" ID " HTTP/1.1\r\n"));
	assert_int_equal(childvault_objects(cv, "requests", &filter), CHILDVAULT_OK);
	assert_non_null(strstr(s.request, "GET /v1/requests?state=pending&principal=li%20si&waiting=me&limit=7&cursor=c%2B HTTP/1.1\r\n"));
	assert_int_equal(childvault_objects(cv, "jobs", NULL), CHILDVAULT_OK);
	assert_non_null(strstr(s.request, "GET /v1/jobs HTTP/1.1\r\n"));
	assert_int_equal(childvault_list(cv, &intake, &(struct childvault_filter){ .due = "2026Q4" }), CHILDVAULT_OK);
	assert_non_null(strstr(s.request, "GET /v1/records?due=2026Q4 HTTP/1.1\r\n"));
	assert_int_equal(childvault_act(cv, NULL, "requests", ID, "approve", NULL), CHILDVAULT_OK);
	assert_non_null(strstr(s.request, "POST /v1/requests/" ID ":approve HTTP/1.1\r\n"));
	assert_null(strstr(s.request, "Content-Type"));
	assert_int_equal(childvault_act(cv, NULL, "requests", ID, "reject", "{\"reason\":\"x\"}"), CHILDVAULT_OK);
	assert_non_null(strstr(s.request, "{\"reason\":\"x\"}"));
	assert_int_equal(childvault_policy(cv), CHILDVAULT_OK);
	assert_non_null(strstr(s.request, "GET /v1/sys/policy HTTP/1.1\r\n"));
	assert_int_equal(childvault_get(cv, &(struct childvault_with){ .purpose = "p", .export_id = ID }, ID, "a", 0), CHILDVAULT_OK);
	assert_non_null(strstr(s.request, "CV-Export: " ID "\r\n"));
	childvault_free(cv);
	fake_stop(f);
}

static void names_that_would_lead_elsewhere_send_nothing(void **state)
{
	static struct script s = { .answer = "", .keep = true };
	struct fake *f = fake_start(play, &s);
	struct childvault *cv = client_of(f);
	struct job j = { .lines = 1 };
	const struct childvault_with long_key = { .purpose = "p",
	    .idempotency_key = "012345678901234567890123456789012345678901234567890" };

	(void)state;
	assert_int_equal(childvault_object(cv, "requests/../x", ID), CHILDVAULT_USAGE);
	assert_int_equal(childvault_object(cv, "requests", "x"), CHILDVAULT_USAGE);
	assert_int_equal(childvault_act(cv, NULL, "requests", ID, "approve HTTP/1.1", NULL), CHILDVAULT_USAGE);
	assert_int_equal(childvault_make(cv, NULL, "", "{}"), CHILDVAULT_USAGE);
	assert_int_equal(childvault_import(cv, &intake, 0, next, done, &j), CHILDVAULT_USAGE);
	assert_int_equal(childvault_import(cv, NULL, 1, next, done, &j), CHILDVAULT_USAGE);
	assert_int_equal(childvault_import(cv, &long_key, 1, next, done, &j), CHILDVAULT_USAGE);
	assert_int_equal(fake_connections(f), 0);
	childvault_free(cv);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_go_out_in_chunks_and_answers_come_back),
		cmocka_unit_test(answer_that_breaks_off_leaves_lines_open),
		cmocka_unit_test(refusal_of_the_whole_request_is_a_problem),
		cmocka_unit_test(answers_that_are_no_lines_are_refused),
		cmocka_unit_test(callbacks_break_off),
		cmocka_unit_test(governance_calls_name_path_filter_and_body),
		cmocka_unit_test(names_that_would_lead_elsewhere_send_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

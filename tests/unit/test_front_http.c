/* Reading of HTTP: what is refused, and that pieces make no difference. */
#include "test_front.h"

#define GET "GET /v1/records/" HEX_ID "?fields=a HTTP/1.1\r\n"
#define POST "POST /v1/records HTTP/1.1\r\n" HOST JSON_TYPE

static void parser_is_strict(void **state)
{
	(void)state;
	assert_int_equal(LLHTTP_STRICT_MODE, 1);
	assert_int_equal(LLHTTP_VERSION_MAJOR, 8);
}

/* Each is refused with the problem beside it, however it is cut into pieces. */
static const struct {
	const char *what, *text;
	int problem;
} hostile[] = {
	{ "two Content-Length", POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", PROBLEM_BAD_REQUEST },
	{ "same Content-Length twice", POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", PROBLEM_BAD_REQUEST },
	{ "length and chunked", POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "chunked and length", POST "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "space before colon", GET "Host : v\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "bare LF", "GET /v1/sys/health HTTP/1.1\nHost: v\n\n", PROBLEM_BAD_REQUEST },
	{ "bare LF after a header", GET "Host: v\n\r\n", PROBLEM_BAD_REQUEST },
	{ "head ended by a bare LF", GET HOST "\n", PROBLEM_BAD_REQUEST },
	{ "head ended by a bare LF, and an empty line in the body", POST "Content-Length: 81\r\n\nabc\r\n\r\nabc", PROBLEM_BAD_REQUEST },
	{ "LF before the request line", "\n" GET HOST "\r\n", PROBLEM_BAD_REQUEST },
	{ "chunk size ended by a bare LF", POST "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "chunk ended by a bare LF", POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "body ended by a bare LF", POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\n", PROBLEM_BAD_REQUEST },
	{ "plus in length", POST "Content-Length: +2\r\n\r\n{}", PROBLEM_BAD_REQUEST },
	{ "minus in length", POST "Content-Length: -2\r\n\r\n{}", PROBLEM_BAD_REQUEST },
	{ "list in length", POST "Content-Length: 2, 2\r\n\r\n{}", PROBLEM_BAD_REQUEST },
	{ "length beyond 64 bits", POST "Content-Length: 99999999999999999999999\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", PROBLEM_NOT_IMPLEMENTED },
	{ "gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", PROBLEM_NOT_IMPLEMENTED },
	{ "chunked twice", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "folded header", GET HOST "X: a\r\n b\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "folded by tab", GET HOST "X: a\r\n\tb\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "folded to nothing", GET HOST "X: a\r\n \r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "folded first line", GET " Host: v\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "no Host", GET "\r\n", PROBLEM_BAD_REQUEST },
	{ "two Host", GET HOST HOST "\r\n", PROBLEM_BAD_REQUEST },
	{ "two Authorization", GET HOST BEARER BEARER "\r\n", PROBLEM_BAD_REQUEST },
	{ "two CV-Purpose", GET HOST "CV-Purpose: a\r\nCV-Purpose: b\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "HTTP/0.9", "GET /v1/sys/health HTTP/0.9\r\nHost: v\r\n\r\n", PROBLEM_VERSION_NOT_SUPPORTED },
	{ "HTTP/2.0", "GET /v1/sys/health HTTP/2.0\r\nHost: v\r\n\r\n", PROBLEM_VERSION_NOT_SUPPORTED },
	{ "HTTP/1.2", "GET /v1/sys/health HTTP/1.2\r\nHost: v\r\n\r\n", PROBLEM_VERSION_NOT_SUPPORTED },
	{ "HTTP/9.9", "GET /v1/sys/health HTTP/9.9\r\nHost: v\r\n\r\n", PROBLEM_VERSION_NOT_SUPPORTED },
	{ "HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PROBLEM_VERSION_NOT_SUPPORTED },
	{ "CONNECT", "CONNECT v:1 HTTP/1.1\r\nHost: v\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "chunked by HTTP/1.0", "POST /v1/records HTTP/1.0\r\n" JSON_TYPE "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	    PROBLEM_BAD_REQUEST },
	{ "CR that hides a header", GET "Host: v\rTransfer-Encoding: chunked\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "chunk size of 17 digits", POST "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", PROBLEM_BAD_REQUEST },
	{ "CR in chunk line", POST "Transfer-Encoding: chunked\r\n\r\n2\r\r\n{}\r\n0\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "chunk longer than said", POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{} \r\n0\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "trailer", POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "trailer that authorises", POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" BEARER "\r\n", PROBLEM_BAD_REQUEST },
	{ "not HTTP", "\x16\x03\x01\x02\x01\x01", PROBLEM_BAD_REQUEST },
	{ "header without name", GET HOST ": x\r\n\r\n", PROBLEM_BAD_REQUEST },
	{ "unknown expectation", POST "Expect: 200-maybe\r\nContent-Length: 2\r\n\r\n{}", PROBLEM_EXPECTATION_FAILED },
	{ "declared too large", POST "Content-Length: 4097\r\n\r\n", PROBLEM_PAYLOAD_TOO_LARGE },
};

static void smuggling_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		size_t n = strlen(hostile[i].text);

		for (size_t step = 0; step < 12; step++)
			if (problem_in_bytes(hostile[i].text, n, step) != hostile[i].problem)
				fail_msg("%s, pieces of %zu: %d", hostile[i].what, step, problem_in_bytes(hostile[i].text, n, step));
	}
}

static void nul_bytes_are_refused(void **state)
{
	static const char path[] = "GET /v1/sys\0/health HTTP/1.1\r\n" HOST "\r\n";
	static const char value[] = GET HOST "CV-Purpose: a\0b\r\n\r\n";
	static const char extension[] = POST "Transfer-Encoding: chunked\r\n\r\n2;a=\0\r\n{}\r\n0\r\n\r\n";

	(void)state;
	assert_int_equal(problem_in_bytes(path, sizeof(path) - 1, 0), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in_bytes(value, sizeof(value) - 1, 0), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_in_bytes(extension, sizeof(extension) - 1, 0), PROBLEM_BAD_REQUEST);
}

/* Requests that stand, cut at each byte: the message is the same. */
static const char *const good[] = {
	GET HOST BEARER "CV-Purpose: aid\r\nCV-Reason: %E7%97%85 x\r\nCV-Case: 2026-1\r\nAccept: application/json\r\n\r\n",
	"GET /v1/records/" HEX_ID "?view=clear&fields=a%2Cb,c HTTP/1.1\r\nhost:v\r\nauthorization:bearer " TOKEN_TEXT "\r\n\r\n",
	POST BEARER "Idempotency-Key: k-1\r\nContent-Length: 38\r\n\r\n{\"fields\":{\"a\":1,\"b\":[true,\"\xe4\xbd\xa0\xe5\xa5\xbd\"]}}",
	POST BEARER "Transfer-Encoding: chunked\r\n\r\n9\r\n{\"fields\"\r\n5;a=b\r\n:{\"a\"\r\n8\r\n:\"xyz\"}}\r\n0\r\n\r\n",
	"PATCH /v1/records/" HEX_ID " HTTP/1.1\r\n" HOST BEARER "Content-Type: application/merge-patch+json; charset=UTF-8\r\n"
	    "If-Match: \"" HEX_ID "\"\r\nTransfer-Encoding:  chunked \r\n\r\n0d\r\n{\"fields\":{}}\r\n0\r\n\r\n",
	"DELETE /v1/sessions/current HTTP/1.0\r\n" BEARER "\r\n",
};

static void pieces_make_no_difference(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t n = strlen(good[i]);
		struct taken whole, cut;

		assert_int_equal(take(&whole, good[i], n, 0), n);
		assert_true(whole.done);
		assert_true(whole.asks);
		for (size_t step = 1; step < n; step++) {
			assert_int_equal(take(&cut, good[i], n, step), n);
			assert_true(cut.done);
			assert_int_equal(cut.type, whole.type);
			assert_int_equal(cut.body.n, whole.body.n);
			assert_memory_equal(cut.body.p, whole.body.p, whole.body.n);
			taken_free(&cut);
		}
		taken_free(&whole);
	}
}

static void pipelined_request_stays_for_later(void **state)
{
	static const char two[] = POST BEARER "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\nc\r\n\"fields\":{}}\r\n0\r\n\r\n"
	    "GET /v1/sys/health HTTP/1.1\r\n" HOST "\r\n";
	struct taken t;

	(void)state;
	(void)take(&t, two, sizeof(two) - 1, 0);
	assert_true(t.done);
	assert_int_equal(t.type, MSG_CREATE);
	assert_int_equal(t.http.body_n, 13);
	assert_memory_equal(t.in.p + t.http.body_at, "{\"fields\":{}}", 13);
	assert_memory_equal(t.in.p + t.http.used, "GET /v1/sys/health", 18);
	taken_free(&t);
}

static void long_lines_and_many_headers_are_refused(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1u << 20);
	buf_text(&b, "GET /v1/records/" HEX_ID "?fields=");
	for (int i = 0; i < 8000; i++)
		buf_u8(&b, 'a');
	buf_text(&b, " HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(problem_in_bytes(b.p, b.n, 0), PROBLEM_UNKNOWN_FIELD);	/* the line is within bounds, the name is not */
	buf_cut(&b, b.n - strlen(" HTTP/1.1\r\n" HOST "\r\n"));
	for (int i = 0; i < 400; i++)
		buf_u8(&b, 'a');
	assert_int_equal(problem_in_bytes(b.p, b.n, 0), PROBLEM_HEADERS_TOO_LARGE);
	assert_int_equal(problem_in_bytes(b.p, b.n, 100), PROBLEM_HEADERS_TOO_LARGE);
	buf_reset(&b);
	buf_text(&b, "GET /v1/sys/version HTTP/1.1\r\n" HOST);
	for (int i = 0; i < 63; i++)
		buf_text(&b, "X: y\r\n");
	buf_text(&b, "\r\n");
	assert_int_equal(problem_in_bytes(b.p, b.n, 0), PROBLEM_NONE);
	buf_cut(&b, b.n - 2);
	buf_text(&b, "X: y\r\n\r\n");
	assert_int_equal(problem_in_bytes(b.p, b.n, 0), PROBLEM_HEADERS_TOO_LARGE);
	buf_reset(&b);
	buf_text(&b, "GET /v1/sys/version HTTP/1.1\r\n" HOST "X: ");
	for (int i = 0; i < 16400; i++)
		buf_u8(&b, 'y');
	assert_int_equal(problem_in_bytes(b.p, b.n, 1000), PROBLEM_HEADERS_TOO_LARGE);
	buf_text(&b, "\r\n\r\n");
	assert_int_equal(problem_in_bytes(b.p, b.n, 0), PROBLEM_HEADERS_TOO_LARGE);
	buf_free(&b);
}

static void chunked_body_is_bounded_and_unframed(void **state)
{
	struct buf b;
	struct taken t;

	(void)state;
	buf_init(&b, 1u << 20);
	buf_text(&b, POST BEARER "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 4096; i++)
		buf_text(&b, "1\r\n \r\n");
	(void)take(&t, b.p, b.n, 512);
	assert_false(t.done);
	assert_int_equal(t.http.body_n, 4096);
	assert_int_equal(t.in.n, t.http.body_at + 4096);	/* no framing is kept */
	taken_free(&t);
	buf_text(&b, "1\r\n \r\n");
	assert_int_equal(problem_in_bytes(b.p, b.n, 512), PROBLEM_PAYLOAD_TOO_LARGE);
	buf_free(&b);
}

static void body_of_a_refused_request_is_not_kept(void **state)
{
	static const char text[] = "POST /v1/nothing HTTP/1.1\r\n" HOST "Content-Length: 30\r\n\r\n012345678901234567890123456789";
	struct taken t;

	(void)state;
	(void)take(&t, text, sizeof(text) - 3, 5);
	assert_false(t.done);
	assert_int_equal(t.in.n, t.http.body_at);
	taken_free(&t);
	(void)take(&t, text, sizeof(text) - 1, 5);
	assert_true(t.done);
	assert_false(t.asks);
	assert_int_equal(t.x.fault.problem, PROBLEM_NOT_FOUND);
	taken_free(&t);
}

static void keep_alive_follows_version_and_header(void **state)
{
	static const struct {
		const char *text;
		bool keep;
	} cases[] = {
		{ "GET /v1/sys/version HTTP/1.1\r\n" HOST "\r\n", true },
		{ "GET /v1/sys/version HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", false },
		{ "GET /v1/sys/version HTTP/1.0\r\n\r\n", false },
		{ "GET /v1/sys/version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false },
		{ "GET /v1/sys/version HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", true },
	};
	struct taken t;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)take(&t, cases[i].text, strlen(cases[i].text), 0);
		assert_true(t.done);
		assert_int_equal(t.x.fault.problem, PROBLEM_NONE);
		assert_int_equal(t.http.keep_alive, cases[i].keep);
		assert_int_equal(t.http.used, strlen(cases[i].text));
		taken_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parser_is_strict),
		cmocka_unit_test(smuggling_is_refused),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(pieces_make_no_difference),
		cmocka_unit_test(pipelined_request_stays_for_later),
		cmocka_unit_test(long_lines_and_many_headers_are_refused),
		cmocka_unit_test(chunked_body_is_bounded_and_unframed),
		cmocka_unit_test(body_of_a_refused_request_is_not_kept),
		cmocka_unit_test(keep_alive_follows_version_and_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

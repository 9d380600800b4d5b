/* Bodies in lines, and the lines that answer them, in memory. */
#include "front/lines.h"
#include "test_front.h"

/* Read text in pieces of step (0: at once) as stream.c does; what is found is written to ret: "1:abc 3:- ...". */
static void lines_of(const char *text, size_t n, size_t step, size_t max, char *ret, size_t size)
{
	struct line_reader r = { .next = 1 };
	struct buf held;
	struct line l;
	size_t at = 0, out = 0;
	enum line_found found;

	buf_init(&held, 1u << 20);
	ret[0] = '\0';
	do {
		size_t some = step == 0 || step > n - at ? n - at : step;

		buf_put(&held, text + at, some);
		at += some;
		do {
			found = line_next(&r, held.p, held.n, at == n, max, &l);
			if (found == LINE_HERE)
				out += (size_t)snprintf(ret + out, size - out, "%llu:%.*s ", (unsigned long long)l.number, (int)l.n,
				    (char *)held.p);
			if (found == LINE_TOO_LONG)
				out += (size_t)snprintf(ret + out, size - out, "%llu:- ", (unsigned long long)l.number);
			memmove(held.p, held.p + l.used, held.n - l.used);
			buf_cut(&held, held.n - l.used);
		} while (found != LINE_MORE || l.used > 0);
	} while (at < n);
	assert_int_equal(held.n, 0);
	buf_free(&held);
}

static void lines_are_the_same_however_they_come(void **state)
{
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{ "a\nbc\n", "1:a 2:bc " }, { "a\r\nbc\r\n", "1:a 2:bc " }, { "a\nbc", "1:a 2:bc " }, { "", "" }, { "\n\r\n \t\nx\n",
		    "4:x " },
		{ "a\rb\n", "1:a\rb " }, { "12345678\n123456789\n1\n", "1:12345678 2:- 3:1 " }, { "123456789", "1:- " },
		{ "12345678901234567890123\n2\n12345678901", "1:- 2:2 3:- " }, { "12345678\r\n1234567\r\n", "1:12345678 2:1234567 " },
		{ "1234567890\n", "1:- " }, { "1234567890\r\n\n3", "1:- 3:3 " },
	};
	char found[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t step = 0; step < 14; step++) {
			lines_of(cases[i].text, strlen(cases[i].text), step, 8, found, sizeof(found));
			if (strcmp(found, cases[i].lines) != 0)
				fail_msg("case %zu in steps of %zu: %s", i, step, found);
		}
}

static void long_line_without_end_is_not_kept(void **state)
{
	struct line_reader r = { .next = 7 };
	uint8_t text[64];
	struct line l;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(line_next(&r, text, 9, false, 8, &l), LINE_MORE);
	assert_int_equal(l.used, 0);
	assert_int_equal(line_next(&r, text, 10, false, 8, &l), LINE_TOO_LONG);
	assert_int_equal(l.number, 7);
	assert_int_equal(l.used, 10);
	assert_int_equal(line_next(&r, text, sizeof(text), false, 8, &l), LINE_MORE);
	assert_int_equal(l.used, sizeof(text));
	text[3] = '\n';
	assert_int_equal(line_next(&r, text, 6, false, 8, &l), LINE_MORE);
	assert_int_equal(l.used, 4);
	assert_int_equal(line_next(&r, text + 4, 2, true, 8, &l), LINE_HERE);
	assert_int_equal(l.number, 8);
}

static void text_of(struct buf *b, char *ret, size_t size)
{
	assert_true(buf_ok(b) && b->n < size);
	memcpy(ret, b->p, b->n);
	ret[b->n] = '\0';
	buf_free(b);
}

static void done_line_tells_the_id(void **state)
{
	static const uint8_t id[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct json_fault none = { .problem = PROBLEM_NONE }, own = { .problem = PROBLEM_WRONG_TYPE };
	struct buf answer, b;
	char text[256];

	(void)state;
	for (int replayed = 0; replayed < 2; replayed++) {
		buf_init(&answer, 256);
		buf_init(&b, 256);
		wire_answer_head(&answer, 0, 77);
		wire_create_answer_put(&answer, id, id, replayed, false);
		assert_int_equal(line_answer(&b, 12, &own, answer.p, answer.n), CV_ERR_FORMAT);
		buf_reset(&b);
		assert_int_equal(line_answer(&b, 12, &none, answer.p, answer.n), 0);
		buf_free(&answer);
		text_of(&b, text, sizeof(text));
		assert_string_equal(text, replayed ? "{\"line\":12,\"status\":201,\"id\":\"" HEX_ID "\",\"replayed\":true}\n" :
		    "{\"line\":12,\"status\":201,\"id\":\"" HEX_ID "\"}\n");
	}
}

static void refused_line_names_fields_of_core_or_front(void **state)
{
	const struct wire_field_error e = { { "name", 4 }, { "validation", 10 }, { "at most 5", 9 } };
	const struct wire_problem m = { .retry_after_s = 0 };
	struct json_fault none = { .problem = PROBLEM_NONE };
	struct json_fault own = { .problem = PROBLEM_WRONG_TYPE, .expected = "no null", .field_n = 1, .field = "f" };
	struct buf answer, b;
	char text[256];
	size_t at;

	(void)state;
	buf_init(&answer, 256);
	buf_init(&b, 256);
	wire_answer_head(&answer, PROBLEM_VALIDATION, 77);
	wire_problem_put(&answer, &m);
	at = wire_count_begin(&answer);
	wire_error_put(&answer, &e);
	wire_count_end(&answer, at, 1);
	assert_int_equal(line_answer(&b, 3, &none, answer.p, answer.n), 0);
	text_of(&b, text, sizeof(text));
	assert_string_equal(text, "{\"line\":3,\"status\":422,"
	    "\"kind\":\"validation\",\"errors\":[{\"field\":\"name\",\"kind\":\"validation\","
	    "\"expected\":\"at most 5\"}]}\n");
	buf_reset(&answer);
	wire_refusal_put(&answer, PROBLEM_WRONG_TYPE, 77, "why", 0);
	assert_int_equal(line_answer(&b, 4, &own, answer.p, answer.n), 0);
	text_of(&b, text, sizeof(text));
	assert_string_equal(text, "{\"line\":4,\"status\":422,\"kind\":\"wrong-type\",\"errors\":[{\"field\":\"f\",\"kind\":\"wrong-type\","
	    "\"expected\":\"no null\"}]}\n");
	for (size_t n = 0; n < answer.n; n++)
		assert_int_equal(line_answer(&b, 4, &own, answer.p, n), CV_ERR_FORMAT);
	buf_free(&answer);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_the_same_however_they_come),
		cmocka_unit_test(long_line_without_end_is_not_kept),
		cmocka_unit_test(done_line_tells_the_id),
		cmocka_unit_test(refused_line_names_fields_of_core_or_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

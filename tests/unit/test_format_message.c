#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/error.h"
#include "format/message.h"

static const uint8_t header[MESSAGE_HEADER] = { 1, 17, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 1, 0 };

static void header_has_the_documented_bytes(void **state)
{
	struct message m = { MSG_READ, MESSAGE_MORE, 3, 0x0102030405060708, 256 };
	uint8_t got[MESSAGE_HEADER];

	(void)state;
	message_encode(&m, got);
	assert_memory_equal(got, header, sizeof(header));
}

static void decode_gives_back_what_was_encoded(void **state)
{
	uint8_t p[MESSAGE_HEADER + 3] = { 0 };
	struct message m;

	(void)state;
	memcpy(p, header, sizeof(header));
	assert_int_equal(message_decode(p, sizeof(p), &m), 0);
	assert_int_equal(m.type, MSG_READ);
	assert_int_equal(m.flags, MESSAGE_MORE);
	assert_int_equal(m.body_n, 3);
	assert_true(m.connection == 0x0102030405060708);
	assert_int_equal(m.request, 256);
}

static void decode_refuses_other_versions_flags_and_lengths(void **state)
{
	uint8_t p[MESSAGE_HEADER + 4] = { 0 };
	struct message m = { .type = 99 };

	(void)state;
	memcpy(p, header, sizeof(header));
	for (size_t n = 0; n <= sizeof(p); n++)
		assert_int_equal(message_decode(p, n, &m), n >= MESSAGE_HEADER + 3 ? 0 : CV_ERR_FORMAT);	/* another may follow */
	m.type = 99;
	p[0] = 2;
	assert_int_equal(message_decode(p, MESSAGE_HEADER + 3, &m), CV_ERR_FORMAT);
	p[0] = 1;
	p[3] = 2;
	assert_int_equal(message_decode(p, MESSAGE_HEADER + 3, &m), CV_ERR_FORMAT);
	p[3] = 0;
	p[2] = 0x80;
	assert_int_equal(message_decode(p, MESSAGE_HEADER + 3, &m), CV_ERR_FORMAT);
	assert_int_equal(m.type, 99);	/* untouched on failure */
}

static void decode_refuses_messages_above_the_maximum(void **state)
{
	static uint8_t p[MESSAGE_MAX + 1];
	struct message m;

	(void)state;
	memcpy(p, header, sizeof(header));
	be32_put(p + 4, MESSAGE_BODY_MAX);
	assert_int_equal(message_decode(p, MESSAGE_MAX, &m), 0);
	be32_put(p + 4, MESSAGE_BODY_MAX + 1);
	assert_int_equal(message_decode(p, MESSAGE_MAX + 1, &m), CV_ERR_FORMAT);
}

static void parts_cover_a_body_once(void **state)
{
	static const size_t totals[] = { 0, 1, MESSAGE_BODY_MAX - 1, MESSAGE_BODY_MAX, MESSAGE_BODY_MAX + 1, 3u * MESSAGE_BODY_MAX,
		MESSAGE_TO_FRONT_MAX };
	const struct message m = { .type = MSG_ANSWER, .flags = 9, .connection = 7, .request = 8 };
	struct message part;

	(void)state;
	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		size_t offset = 0, parts = 0;

		do {
			size_t n = message_part(&m, totals[i], offset, &part);

			assert_int_equal(part.body_n, n);
			assert_true(n <= MESSAGE_BODY_MAX);
			assert_int_equal(part.type, MSG_ANSWER);
			assert_int_equal(part.connection, 7);
			assert_int_equal(part.request, 8);
			offset += n;
			parts++;
			assert_int_equal(part.flags, offset < totals[i] ? MESSAGE_MORE : 0);
		} while (offset < totals[i]);
		assert_int_equal(parts, totals[i] == 0 ? 1 : (totals[i] + MESSAGE_BODY_MAX - 1) / MESSAGE_BODY_MAX);
	}
}

static void problems_are_as_documented(void **state)
{
	static const struct {
		unsigned no;
		int status;
		const char *kind;
	} some[] = {
		{ 1, 400, "malformed-json" }, { 8, 401, "unauthenticated" }, { 12, 403, "origin-refused" }, { 13, 404, "not-found" },
		{ 16, 408, "request-timeout" }, { 18, 410, "erased" }, { 21, 412, "precondition-failed" }, { 24, 422, "wrong-type" },
		{ 28, 500, "internal" }, { 35, 507, "storage-full" }, { 36, 409, "needs-merge" }, { 38, 431, "headers-too-large" },
		{ 39, 505, "version-not-supported" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		assert_string_equal(problem_kind(some[i].no), some[i].kind);
		assert_int_equal(problem_status(some[i].no), some[i].status);
	}
	for (unsigned i = 1; i < PROBLEM_COUNT; i++) {
		assert_true(problem_status(i) >= 400 && problem_status(i) < 600);
		assert_true(strlen(problem_title(i)) > 0);
		for (unsigned k = 1; k < i; k++)
			assert_string_not_equal(problem_kind(i), problem_kind(k));
	}
	assert_string_equal(problem_kind(PROBLEM_COUNT), "internal");
	assert_int_equal(problem_status(65535), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_has_the_documented_bytes),
		cmocka_unit_test(decode_gives_back_what_was_encoded),
		cmocka_unit_test(decode_refuses_other_versions_flags_and_lengths),
		cmocka_unit_test(decode_refuses_messages_above_the_maximum),
		cmocka_unit_test(parts_cover_a_body_once),
		cmocka_unit_test(problems_are_as_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

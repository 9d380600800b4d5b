/* What the operator's side of admin.sock reads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "client/admin.h"

static const uint8_t verdict[] = { 2, 0, 4, 3, 5, 0, 9, 0, 2, 'd', '4' };

static void a_verdict_is_read_whole(void **state)
{
	struct admin_share s;
	uint8_t longer[sizeof(verdict) + 1] = { 0 };

	(void)state;
	assert_int_equal(admin_share_decode(verdict, sizeof(verdict), &s), 0);
	assert_true(s.verdict == ADMIN_BAD && s.slot == 0 && s.index == 4 && s.k == 3 && s.n == 5 && s.in == 9 && s.done == 0);
	assert_string_equal(s.holder, "d4");
	for (size_t n = 0; n < sizeof(verdict); n++)
		assert_int_equal(admin_share_decode(verdict, n, &s), CV_ERR_FORMAT);
	memcpy(longer, verdict, sizeof(verdict));
	assert_int_equal(admin_share_decode(longer, sizeof(longer), &s), CV_ERR_FORMAT);
}

static void a_verdict_out_of_range_is_refused(void **state)
{
	uint8_t p[9 + 64] = { 0 };
	struct admin_share s;

	(void)state;
	p[0] = 5;
	assert_int_equal(admin_share_decode(p, 9, &s), CV_ERR_FORMAT);
	p[0] = 4;
	assert_int_equal(admin_share_decode(p, 9, &s), 0);
	p[7] = 2;
	assert_int_equal(admin_share_decode(p, 9, &s), CV_ERR_FORMAT);
	p[7] = 1;
	p[8] = 63;
	assert_int_equal(admin_share_decode(p, 9 + 63, &s), 0);
	p[8] = 64;
	assert_int_equal(admin_share_decode(p, 9 + 64, &s), CV_ERR_FORMAT);
}

static void slot_parameters_are_read_whole(void **state)
{
	static const uint8_t p[3 + 8 + 16 + 1] = { 1, 3, 5 };
	struct admin_slot s;

	(void)state;
	assert_int_equal(admin_slot_decode(p, sizeof(p) - 1, &s), 0);
	assert_true(s.type == 1 && s.k == 3 && s.n == 5 && s.argon_kib == 0);
	assert_int_equal(admin_slot_decode(p, sizeof(p) - 2, &s), CV_ERR_FORMAT);
	assert_int_equal(admin_slot_decode(p, sizeof(p), &s), CV_ERR_FORMAT);
}

static void nobody_there_and_paths_too_long_are_told_apart(void **state)
{
	char path[256];
	struct admin_answer a;
	struct buf body;

	(void)state;
	buf_init(&body, ADMIN_BODY_MAX);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(admin_call(path, ADMIN_STATUS, 0, NULL, 0, &a, &body), CV_ERR_ARG);
	assert_int_equal(admin_call("", ADMIN_STATUS, 0, NULL, 0, &a, &body), CV_ERR_ARG);
	assert_int_equal(admin_call("/nonexistent/admin.sock", ADMIN_STATUS, 0, NULL, 0, &a, &body), CV_ERR_SYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(body.n, 0);
	buf_free(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_verdict_is_read_whole),
		cmocka_unit_test(a_verdict_out_of_range_is_refused),
		cmocka_unit_test(slot_parameters_are_read_whole),
		cmocka_unit_test(nobody_there_and_paths_too_long_are_told_apart),
	};

	return cmocka_run_group_tests_name("client of admin.sock", tests, NULL, NULL);
}

/* Reviews: an auditor signs a month off, by the checkpoint that closed it and by no other. docs/POLICY.md section 5. */
#include <sys/syscall.h>
#include <time.h>

#include "test_vault_gov.h"

/* The process's clock, moved by a test. */
static int64_t wall_shift_s;

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret);

	ret->tv_sec += id == CLOCK_REALTIME ? (time_t)wall_shift_s : 0;
	return r;
}

static void set_date(int year, unsigned month, unsigned day)
{
	wall_shift_s = 0;
	wall_shift_s = (int64_t)clock_days(year, month, day) * 86400 + 43200 - (int64_t)(clock_wall_ms() / 1000);
}

/* A vault made on 20 January 2030, in which it is now 2 February. */
static int february(void **state)
{
	struct fixture *f;

	set_date(2030, 1, 20);
	if (gov_setup(state) != 0)
		return -1;
	f = *state;
	vault_close(f->v);
	set_date(2030, 2, 2);
	fixture_open(f);
	return 0;
}

static int teardown(void **state)
{
	wall_shift_s = 0;
	return fixture_teardown(state);
}

/* The size of the log when it ended on a day: with the leaf that closed it. */
static uint64_t size_on(struct fixture *f, uint32_t epoch)
{
	struct buf b;
	struct leaf l = { .kind = 0 };
	uint64_t i = 0;

	buf_init(&b, 65536);
	do {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(f->v->audit, i++, &b), 0);
		assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
	} while (l.kind != LEAF_EPOCH || be32_get(l.body_a) != epoch);
	buf_free(&b);
	return i;
}

#define TWO_RESULTS "00112233445566aa:explained 00112233445566ab:fine"

static unsigned sign_off(struct fixture *f, const uint8_t token[32], const char *month, uint64_t size, uint8_t flip, const char *results,
    uint8_t ret[16])
{
	uint8_t root[32] = { 0 }, digest[32] = { 7 };
	char text[64];
	struct body x;

	(void)audit_root_at(f->v->audit, size, root);	/* zeros will do where there is no such size */
	root[31] ^= flip;
	body_begin(&x);
	body_text(&x, "month", month);
	body_number(&x, "size", (int64_t)size);
	b64_encode(B64_STD, root, 32, text);
	body_text(&x, "root", text);
	b64_encode(B64_STD, digest, 32, text);
	body_text(&x, "digest", text);
	body_texts(&x, "results", results);
	body_text(&x, "note", "与值班表核对");
	return gov_post(f, token, "reviews", &x, ret);
}

static unsigned waiting(struct fixture *f, const uint8_t token[32])
{
	char cursor[WIRE_CURSOR_MAX + 1] = "";
	unsigned n = 99;

	assert_int_equal(gov_count(f, token, "reviews", "waiting=me", 100, cursor, &n), 0);
	assert_string_equal(cursor, "");
	return n;
}

static void auditor_signs_a_month_off_once_and_it_waits_no_more(void **state)
{
	struct fixture *f = *state;
	uint64_t size = size_on(f, 11);
	uint8_t auditor[32], id[16];
	char text[128], cursor[WIRE_CURSOR_MAX + 1] = "";
	unsigned n;

	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(waiting(f, auditor), 1);
	assert_int_equal(sign_off(f, auditor, "2030-01", size, 0, TWO_RESULTS, id), 0);
	assert_int_equal(f->v->call.kind, LEAF_REVIEW);
	assert_int_equal(f->v->call.detail.count, 2);
	assert_memory_equal(f->v->call.detail.approval, id, 16);
	assert_int_equal(waiting(f, auditor), 0);
	refused(f, sign_off(f, auditor, "2030-01", size, 0, TWO_RESULTS, id), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	restart(f);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(gov_count(f, auditor, "reviews", "", 100, cursor, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(gov_show(f, auditor, "reviews", id, "month", text), 0);
	assert_string_equal(text, "2030-01");
	assert_int_equal(gov_show(f, auditor, "reviews", id, "items", text), 0);
	assert_string_equal(text, "2");
	assert_int_equal(gov_show(f, auditor, "reviews", id, "followed", text), 0);
	assert_string_equal(text, "0");
	assert_int_equal(gov_show(f, auditor, "reviews", id, "by", text), 0);
	assert_string_equal(text, "auditor");
}

static void only_the_checkpoint_that_closed_the_month_will_do(void **state)
{
	struct fixture *f = *state;
	uint64_t size = size_on(f, 11);
	uint8_t auditor[32];

	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(sign_off(f, auditor, "2030-01", size, 1, TWO_RESULTS, NULL), PROBLEM_VALIDATION);
	assert_int_equal(sign_off(f, auditor, "2030-01", size - 1, 0, TWO_RESULTS, NULL), PROBLEM_VALIDATION);
	assert_int_equal(sign_off(f, auditor, "2030-01", size_on(f, 10), 0, TWO_RESULTS, NULL), PROBLEM_VALIDATION);
	assert_int_equal(sign_off(f, auditor, "2030-01", size_on(f, 12), 0, TWO_RESULTS, NULL), PROBLEM_VALIDATION);
	assert_int_equal(sign_off(f, auditor, "2030-01", UINT64_MAX / 2, 0, TWO_RESULTS, NULL), PROBLEM_VALIDATION);
	assert_int_equal(sign_off(f, auditor, "2030-01", 0, 0, TWO_RESULTS, NULL), PROBLEM_VALIDATION);
	assert_int_equal(sign_off(f, auditor, "2029-12", size, 0, TWO_RESULTS, NULL), PROBLEM_VALIDATION);
	assert_int_equal(sign_off(f, auditor, "2030-02", size_on(f, 12), 0, TWO_RESULTS, NULL), PROBLEM_VALIDATION);
	assert_int_equal(sign_off(f, auditor, "2030-13", size, 0, TWO_RESULTS, NULL), PROBLEM_VALIDATION);
	assert_int_equal(waiting(f, auditor), 1);
}

static void each_item_has_one_result_of_three(void **state)
{
	static const char *const bad[] = { "00112233445566aa:fine 00112233445566aa:explained", "00112233445566aa:good", "00112233445566aa",
		"00112233445566aa:", "0011223344556:fine", "00112233445566AA:fine", "" };
	struct fixture *f = *state;
	uint64_t size = size_on(f, 11);
	uint8_t auditor[32];

	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	for (size_t i = 0; i + 1 < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sign_off(f, auditor, "2030-01", size, 0, bad[i], NULL), PROBLEM_VALIDATION);
	/* A month in which nothing stood out. */
	assert_int_equal(sign_off(f, auditor, "2030-01", size, 0, "", NULL), 0);
}

static void others_neither_sign_nor_see_what_waits(void **state)
{
	struct fixture *f = *state;
	uint64_t size = size_on(f, 11);
	uint8_t token[32], auditor[32], id[16];
	char text[128], cursor[WIRE_CURSOR_MAX + 1] = "";
	unsigned n;

	assert_int_equal(login(f, P_MANAGER, token), 0);
	refused(f, sign_off(f, token, "2030-01", size, 0, TWO_RESULTS, NULL), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	assert_int_equal(waiting(f, token), 0);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(sign_off(f, auditor, "2030-01", size, 0, TWO_RESULTS, id), 0);
	assert_int_equal(gov_count(f, token, "reviews", "", 100, cursor, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(gov_show(f, token, "reviews", id, "month", text), PROBLEM_NOT_FOUND);
	assert_int_equal(gov_do(f, auditor, "reviews", id, "revoke"), PROBLEM_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(auditor_signs_a_month_off_once_and_it_waits_no_more, february, teardown),
		cmocka_unit_test_setup_teardown(only_the_checkpoint_that_closed_the_month_will_do, february, teardown),
		cmocka_unit_test_setup_teardown(each_item_has_one_result_of_three, february, teardown),
		cmocka_unit_test_setup_teardown(others_neither_sign_nor_see_what_waits, february, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

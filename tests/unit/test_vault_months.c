/* Month keys: an auditor publishes them alone, and the log is sealed to them. docs/FORMAT.md section 9, docs/POLICY.md section 5. */
#include <sys/syscall.h>
#include <time.h>

#include "format/months.h"
#include "test_vault_gov.h"
#include "vault/gov_internal.h"
#include "vault/inventory.h"

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

/* A vault made on 20 January 2030, which is today. */
static int january(void **state)
{
	set_date(2030, 1, 20);
	return gov_setup(state);
}

static int teardown(void **state)
{
	wall_shift_s = 0;
	return fixture_teardown(state);
}

/* The secret of a month, as this test has it. */
static void secret_of(uint32_t month, uint8_t ret[32])
{
	memset(ret, 0x50, 32);
	be32_put(ret, month);
}

/* What a list says; what stays zero is as it should be. */
struct list {
	const char *from;
	uint32_t first;
	unsigned n;
	uint64_t made_ms;
	unsigned signer;		/* P_*; 0: who posts */
	uint8_t flip;			/* in the signature */
	bool low_order;			/* the last key is a point that nothing can be sealed to */
	bool of_another_vault;
};

static unsigned publish(struct fixture *f, unsigned who, const uint8_t token[32], const struct list *l, uint8_t ret[16])
{
	const struct test_person *p = &f->person[l->signer != 0 ? l->signer : who];
	uint8_t keys[32 * MONTHS_MAX + 32], sk[32], signature[64];
	struct months_list list = { .made_ms = l->made_ms, .first = l->first, .n = l->n, .keys = keys };
	char texts[46 * (MONTHS_MAX + 1)] = "", text[128];
	uint32_t month = l->first;
	struct buf b;
	struct body x;

	for (unsigned i = 0; i < l->n; i++, month = clock_month_next(month)) {
		secret_of(month, sk);
		crypto_box_public(sk, keys + 32 * i);
		if (l->low_order && i + 1 == l->n)
			memset(keys + 32 * i, 0, 32);
		b64_encode(B64_STD, keys + 32 * i, 32, text);
		snprintf(texts + strlen(texts), sizeof(texts) - strlen(texts), "%s%s", i > 0 ? " " : "", text);
	}
	memcpy(list.vault, f->v->id, 16);
	list.vault[0] ^= l->of_another_vault;
	memcpy(list.auditor, f->person[who].g.principal.id, 16);
	buf_init(&b, MONTHS_SIGNED_MAX + 32);
	if (months_signed(&list, &b) == 0)
		crypto_sign(p->sign_sk, b.p, b.n, signature);
	else
		memset(signature, 1, sizeof(signature));
	buf_free(&b);
	signature[40] ^= l->flip;
	body_begin(&x);
	body_text(&x, "from", l->from);
	body_texts(&x, "keys", texts);
	body_number(&x, "made", (int64_t)l->made_ms);
	b64_encode(B64_STD, signature, 64, text);
	body_text(&x, "signature", text);
	return gov_post(f, token, "monthkeys", &x, ret);
}

/* The auditor's copy in the newest leaf that opens a segment: the month that it is sealed to, and whether sk opens it. */
static bool newest_segment(struct fixture *f, const uint8_t sk[32], uint32_t *ret_month)
{
	const uint8_t *id = f->person[P_AUDITOR].g.principal.id, *sealed;
	uint8_t ctx[CONTEXT_BYTES], key[32];
	uint64_t i = audit_leaves(f->v->audit);
	struct leaf l = { .kind = 0 };
	bool opens;
	struct buf b;

	buf_init(&b, 65536);
	do {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(f->v->audit, --i, &b), 0);
		assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
	} while (l.kind != LEAF_SEGMENT);
	assert_int_equal(leaf_segment_copy(&l, id, ret_month, &sealed), 0);
	context_encode(&(struct context){ .kind = CONTEXT_SEGMENT, .vault = f->v->id, .entity = l.segment, .epoch = *ret_month,
		.writer = id, .length = 32 }, ctx);
	opens = crypto_pkopen(sk, ctx, sealed, LEAF_SEGMENT_SEALED, key) == 0;
	buf_free(&b);
	return opens;
}

/* Something happens, and is in the files of the log. */
static void something(struct fixture *f, const uint8_t token[32])
{
	char cursor[WIRE_CURSOR_MAX + 1] = "";
	unsigned n;

	assert_int_equal(gov_count(f, token, "monthkeys", "", 100, cursor, &n), 0);
	assert_int_equal(store_flush(f->v->store), 0);
}

static void log_is_sealed_to_the_month_from_the_next_entry_on(void **state)
{
	struct fixture *f = *state;
	const struct list l = { .from = "2030-01", .first = 203001, .n = 2, .made_ms = clock_wall_ms() };
	uint8_t auditor[32], id[16], sk[32];
	uint32_t month;

	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	something(f, auditor);
	assert_true(newest_segment(f, f->person[P_AUDITOR].box_sk, &month));
	assert_int_equal(month, 0);
	assert_int_equal(publish(f, P_AUDITOR, auditor, &l, id), 0);
	assert_int_equal(f->v->call.kind, LEAF_MONTH_KEYS);
	assert_int_equal(f->v->call.detail.count, 2);
	assert_memory_equal(f->v->call.detail.approval, id, 16);
	something(f, auditor);
	secret_of(203001, sk);
	assert_true(newest_segment(f, sk, &month));
	assert_int_equal(month, 203001);
	assert_false(newest_segment(f, f->person[P_AUDITOR].box_sk, &month));
}

static void each_month_has_its_key_and_a_month_without_one_the_auditors_own(void **state)
{
	struct fixture *f = *state;
	const struct list l = { .from = "2030-01", .first = 203001, .n = 2, .made_ms = clock_wall_ms() };
	uint8_t auditor[32], sk[32];
	uint32_t month;

	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(publish(f, P_AUDITOR, auditor, &l, NULL), 0);
	vault_close(f->v);
	set_date(2030, 2, 3);
	fixture_open(f);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	something(f, auditor);
	secret_of(203002, sk);
	assert_true(newest_segment(f, sk, &month));
	assert_int_equal(month, 203002);
	vault_close(f->v);
	set_date(2030, 3, 1);
	fixture_open(f);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	something(f, auditor);
	assert_true(newest_segment(f, f->person[P_AUDITOR].box_sk, &month));
	assert_int_equal(month, 0);
}

static void newer_list_replaces_the_one_before_and_an_older_one_does_not(void **state)
{
	struct fixture *f = *state;
	const uint64_t now = clock_wall_ms();
	struct list l = { .from = "2030-01", .first = 203001, .n = 12, .made_ms = now };
	uint8_t auditor[32], first[16], second[16];
	char text[4096], cursor[WIRE_CURSOR_MAX + 1] = "";
	unsigned n;

	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(publish(f, P_AUDITOR, auditor, &l, first), 0);
	assert_int_equal(publish(f, P_AUDITOR, auditor, &l, NULL), PROBLEM_VALIDATION);
	l.made_ms = now - 1;
	assert_int_equal(publish(f, P_AUDITOR, auditor, &l, NULL), PROBLEM_VALIDATION);
	l = (struct list){ .from = "2030-02", .first = 203002, .n = 3, .made_ms = now + 1 };
	assert_int_equal(publish(f, P_AUDITOR, auditor, &l, second), 0);
	assert_memory_equal(first, second, 16);
	restart(f);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(gov_count(f, auditor, "monthkeys", "", 100, cursor, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(gov_show(f, auditor, "monthkeys", second, "from", text), 0);
	assert_string_equal(text, "2030-02");
	assert_int_equal(gov_show(f, auditor, "monthkeys", second, "to", text), 0);
	assert_string_equal(text, "2030-04");
	assert_int_equal(gov_show(f, auditor, "monthkeys", second, "principal", text), 0);
	assert_string_equal(text, "auditor");
	assert_int_equal(gov_do(f, auditor, "monthkeys", second, "revoke"), PROBLEM_NOT_FOUND);
}

static void list_that_is_not_the_auditors_own_word_is_refused(void **state)
{
	struct fixture *f = *state;
	const uint64_t now = clock_wall_ms(), day = 86400000;
	const struct list bad[] = {
		{ .from = "2030-01", .first = 203001, .n = 2, .made_ms = now, .flip = 1 },
		{ .from = "2030-01", .first = 203001, .n = 2, .made_ms = now, .signer = P_WORKER },
		{ .from = "2030-01", .first = 203001, .n = 2, .made_ms = now, .of_another_vault = true },
		{ .from = "2030-02", .first = 203001, .n = 2, .made_ms = now },		/* another month was signed */
		{ .from = "2029-12", .first = 202912, .n = 2, .made_ms = now },		/* it is over */
		{ .from = "2035-01", .first = 203501, .n = 2, .made_ms = now },
		{ .from = "2030-13", .first = 203001, .n = 2, .made_ms = now },
		{ .from = "2030-01", .first = 203001, .n = 0, .made_ms = now },
		{ .from = "2030-01", .first = 203001, .n = MONTHS_MAX + 1, .made_ms = now },
		{ .from = "2030-01", .first = 203001, .n = 2, .made_ms = now, .low_order = true },
		{ .from = "2030-01", .first = 203001, .n = 2, .made_ms = now + 2 * day },
		{ .from = "2030-01", .first = 203001, .n = 2, .made_ms = 0 },
	};
	uint8_t auditor[32], none[32];
	char cursor[WIRE_CURSOR_MAX + 1] = "";
	unsigned n;

	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(publish(f, P_AUDITOR, auditor, &bad[i], NULL), PROBLEM_VALIDATION);
	assert_int_equal(gov_count(f, auditor, "monthkeys", "", 100, cursor, &n), 0);
	assert_int_equal(n, 0);
	assert_false(gov_month_key(f->v, f->person[P_AUDITOR].g.principal.id, 203001, none));
}

static void others_neither_publish_nor_see_lists(void **state)
{
	struct fixture *f = *state;
	const struct list l = { .from = "2030-01", .first = 203001, .n = 2, .made_ms = clock_wall_ms() };
	uint8_t auditor[32], token[32], id[16];
	char text[128], cursor[WIRE_CURSOR_MAX + 1] = "";
	unsigned n;

	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(publish(f, P_AUDITOR, auditor, &l, id), 0);
	assert_int_equal(login(f, P_MANAGER, token), 0);
	refused(f, publish(f, P_MANAGER, token, &l, NULL), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	assert_int_equal(gov_count(f, token, "monthkeys", "", 100, cursor, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(gov_show(f, token, "monthkeys", id, "from", text), PROBLEM_NOT_FOUND);
}

/* A row of the store with another signature: somebody with the vault's keys, and without the auditor's. */
static void list_that_its_auditor_has_not_signed_keeps_the_vault_shut(void **state)
{
	struct fixture *f = *state;
	const struct list l = { .from = "2030-01", .first = 203001, .n = 2, .made_ms = clock_wall_ms() };
	uint8_t auditor[32], id[16], changed[64];
	struct gov_object o;
	struct gov_entry *e;

	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(publish(f, P_AUDITOR, auditor, &l, id), 0);
	for (uint8_t flip = 0; flip < 2; flip++) {
		e = gov_find(f->v, GOV_MONTHS, id);
		o = e->held->o;
		memcpy(changed, o.signatures.p, 64);
		changed[5] ^= flip;
		o.signatures.p = changed;
		assert_int_equal(vault_turn_begin(f->v), 0);
		assert_int_equal(gov_store(f->v, e, &o), 0);
		assert_int_equal(vault_system_leaf(f->v, LEAF_MERGE, (const uint8_t[5]){ 4, 0, 0, 0, 1 }, 5, true, clock_wall_ms()), 0);
		store_commit(f->v->store);
		gov_commit(f->v);
		assert_int_equal(vault_turn_end(f->v), 0);
		vault_close(f->v);
		assert_int_equal(vault_open(f->dir, &f->v), 0);
		assert_int_equal(vault_unseal(f->v, 3, f->kek), flip == 0 ? 0 : CV_ERR_AUTH);
	}
}

static int find_months(void *cookie, const struct key_entry *e)
{
	struct key_entry *ret = cookie;

	if (e->kind == KEY_MONTHS)
		*ret = *e;
	return 0;
}

static void inventory_tells_a_month_before_they_run_out(void **state)
{
	struct fixture *f = *state;
	const struct list l = { .from = "2030-01", .first = 203001, .n = 3, .made_ms = clock_wall_ms() };
	struct key_entry e = { .kind = 0 };
	uint8_t auditor[32];

	assert_int_equal(inventory_walk(f->v, clock_wall_ms(), false, find_months, &e), 0);
	assert_int_equal(e.kind, 0);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(publish(f, P_AUDITOR, auditor, &l, NULL), 0);
	assert_int_equal(inventory_walk(f->v, clock_wall_ms(), false, find_months, &e), 0);
	assert_int_equal(e.kind, KEY_MONTHS);
	assert_int_equal(e.epoch, 203003);
	assert_int_equal(e.uses_left, 3);
	assert_false(e.overdue);
	assert_string_equal(e.owner->login, "auditor");
	assert_int_equal(inventory_walk(f->v, clock_month_ms(203003) - 1, false, find_months, &e), 0);
	assert_false(e.overdue);
	assert_int_equal(inventory_walk(f->v, clock_month_ms(203003), false, find_months, &e), 0);
	assert_true(e.overdue);
	assert_int_equal(e.why, KEY_RUNNING_OUT);
	assert_int_equal(e.uses_left, 1);
	assert_int_equal(inventory_walk(f->v, clock_month_ms(203004), false, find_months, &e), 0);
	assert_int_equal(e.uses_left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(log_is_sealed_to_the_month_from_the_next_entry_on, january, teardown),
		cmocka_unit_test_setup_teardown(each_month_has_its_key_and_a_month_without_one_the_auditors_own, january, teardown),
		cmocka_unit_test_setup_teardown(newer_list_replaces_the_one_before_and_an_older_one_does_not, january, teardown),
		cmocka_unit_test_setup_teardown(list_that_is_not_the_auditors_own_word_is_refused, january, teardown),
		cmocka_unit_test_setup_teardown(others_neither_publish_nor_see_lists, january, teardown),
		cmocka_unit_test_setup_teardown(list_that_its_auditor_has_not_signed_keeps_the_vault_shut, january, teardown),
		cmocka_unit_test_setup_teardown(inventory_tells_a_month_before_they_run_out, january, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

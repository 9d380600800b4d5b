/* The inventory of keys: what is in it, and when a key is overdue. POLICY.md section 5, "Keys". */
#include "format/directory.h"
#include "test_vault_operations.h"
#include "vault/inventory.h"
#include "vault/members.h"

#define DAY ((uint64_t)24 * 3600 * 1000)
#define ENTRIES 256

struct seen {
	struct key_entry e[ENTRIES];
	unsigned n;
};

static int keep(void *cookie, const struct key_entry *e)
{
	struct seen *x = cookie;

	assert_true(x->n < ENTRIES);
	x->e[x->n++] = *e;
	return 0;
}

static void walk(struct fixture *f, uint64_t now_ms, struct seen *ret)
{
	ret->n = 0;
	assert_int_equal(inventory_walk(f->v, now_ms, true, keep, ret), 0);
}

static const struct key_entry *find(const struct seen *x, enum key_kind kind, uint32_t number)
{
	for (unsigned i = 0; i < x->n; i++)
		if (x->e[i].kind == kind && x->e[i].number == number)
			return &x->e[i];
	fail_msg("no entry of kind %d, number %u", kind, number);
	return NULL;
}

static unsigned overdue(const struct seen *x, enum key_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < x->n; i++)
		n += x->e[i].kind == kind && x->e[i].overdue;
	return n;
}

static unsigned count(const struct seen *x, enum key_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < x->n; i++)
		n += x->e[i].kind == kind;
	return n;
}

static void every_key_is_listed_in_order(void **state)
{
	static const enum key_kind one[] = { KEY_ROOT, KEY_KEYRING, KEY_LOG, KEY_SIGNING, KEY_PERSONAL };
	struct fixture *f = *state;
	struct seen x;

	walk(f, clock_wall_ms(), &x);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(count(&x, one[i]), 1);
	assert_int_equal(count(&x, KEY_SLOT) + count(&x, KEY_SPLIT), 1);
	assert_int_equal(count(&x, KEY_ROLE), policy_roles(f->v->policy));
	assert_int_equal(count(&x, KEY_CUSTODY), policy_roles(f->v->policy));
	assert_int_equal(count(&x, KEY_CLASS), policy_classes(f->v->policy));
	assert_int_equal(count(&x, KEY_CLASS_OLD), 0);
	for (unsigned i = 1; i < x.n; i++)
		assert_true(x.e[i - 1].kind < x.e[i].kind || (x.e[i - 1].kind == x.e[i].kind && x.e[i - 1].number < x.e[i].number));
	for (unsigned i = 0; i < x.n; i++)
		assert_true(x.e[i].made_ms != 0 && x.e[i].made_ms <= clock_wall_ms());
	assert_int_equal(find(&x, KEY_PERSONAL, 0)->holders, PEOPLE);
	assert_int_equal(find(&x, KEY_SIGNING, 0)->uses_left, EPOCHS - 1);
}

static void nothing_is_overdue_on_the_first_day(void **state)
{
	struct fixture *f = *state;
	struct seen x;

	walk(f, clock_wall_ms(), &x);
	for (unsigned i = 0; i < x.n; i++) {
		assert_false(x.e[i].overdue);
		assert_int_equal(x.e[i].why, KEY_FINE);
	}
}

static void roles_and_classes_are_overdue_after_a_year(void **state)
{
	struct fixture *f = *state;
	struct seen x;

	walk(f, clock_wall_ms() + 364 * DAY, &x);
	assert_int_equal(overdue(&x, KEY_ROLE) + overdue(&x, KEY_CLASS), 0);
	walk(f, clock_wall_ms() + 366 * DAY, &x);
	assert_int_equal(overdue(&x, KEY_ROLE), count(&x, KEY_ROLE));
	assert_int_equal(overdue(&x, KEY_CLASS), count(&x, KEY_CLASS));
	assert_int_equal(find(&x, KEY_ROLE, ROLE_WORKER)->why, KEY_YEAR_OLD);
	assert_int_equal(overdue(&x, KEY_CUSTODY) + overdue(&x, KEY_ROOT), 0);
}

static void daily_keys_are_overdue_in_their_last_year(void **state)
{
	struct fixture *f = *state;
	struct seen x;

	walk(f, clock_wall_ms() + (EPOCHS - 1 - 367) * DAY, &x);
	assert_false(find(&x, KEY_SIGNING, 0)->overdue);
	walk(f, clock_wall_ms() + (EPOCHS - 1 - 364) * DAY, &x);
	assert_true(find(&x, KEY_SIGNING, 0)->overdue);
	assert_int_equal(find(&x, KEY_SIGNING, 0)->why, KEY_RUNNING_OUT);
}

static unsigned suspend(struct fixture *f, const uint8_t token[32], unsigned who)
{
	struct body x;

	body_begin(&x);
	body_text(&x, "reason", "key lost");
	return gov_act_with(f, token, "members", f->person[who].g.principal.id, "suspend", &x);
}

static void a_suspended_members_roles_are_overdue_after_a_day(void **state)
{
	struct fixture *f = *state;
	const uint8_t *id = f->person[P_WORKER].g.principal.id;
	uint64_t now = clock_wall_ms();
	uint8_t token[32];
	struct seen x;
	unsigned members;

	walk(f, now, &x);
	members = find(&x, KEY_ROLE, ROLE_WORKER)->holders;
	assert_int_equal(members_suspended_ms(f->v, id), 0);
	assert_int_equal(login(f, P_ADMIN_B, token), 0);
	assert_int_equal(suspend(f, token, P_WORKER), 0);
	assert_true(members_suspended_ms(f->v, id) >= now);
	walk(f, now + DAY / 2, &x);
	assert_false(find(&x, KEY_ROLE, ROLE_WORKER)->overdue);
	assert_int_equal(find(&x, KEY_ROLE, ROLE_WORKER)->why, KEY_SUSPENDED_MEMBER);
	assert_int_equal(find(&x, KEY_ROLE, ROLE_WORKER)->holders, members - 1);
	assert_int_equal(find(&x, KEY_ROLE, ROLE_CLERK)->why, KEY_FINE);
	walk(f, now + DAY + 60000, &x);
	assert_true(find(&x, KEY_ROLE, ROLE_WORKER)->overdue);
	assert_int_equal(overdue(&x, KEY_ROLE), 1);
	restart(f);
	walk(f, now + DAY + 60000, &x);
	assert_true(find(&x, KEY_ROLE, ROLE_WORKER)->overdue);
	assert_true(members_suspended_ms(f->v, id) >= now);
}

static void a_restored_member_has_the_role_as_before(void **state)
{
	struct fixture *f = *state;
	const uint8_t *who = f->person[P_CLERK].g.principal.id;
	uint64_t tomorrow = clock_wall_ms() + DAY + 60000;
	struct parts p;
	struct seen x;
	uint8_t id[16];

	parts(f, &p);
	assert_int_equal(suspend(f, p.b, P_CLERK), 0);
	assert_int_equal(ask_restore(f, p.a, "clerk", id), 0);
	assert_int_equal(sign_as(f, p.b, id, "approve"), 0);
	assert_int_equal(members_suspended_ms(f->v, who), 0);
	walk(f, tomorrow, &x);
	assert_false(find(&x, KEY_ROLE, ROLE_CLERK)->overdue);
	assert_int_equal(find(&x, KEY_ROLE, ROLE_CLERK)->why, KEY_FINE);
}

static void a_rekey_begins_new_epochs_and_leaves_old_classes_to_be_rewrapped(void **state)
{
	struct fixture *f = *state;
	uint64_t tomorrow = clock_wall_ms() + DAY + 60000;
	struct seen x;
	struct parts p;
	struct body body;
	uint8_t id[16];

	parts(f, &p);
	assert_int_equal(suspend(f, p.b, P_CLERK), 0);
	walk(f, tomorrow, &x);
	assert_true(find(&x, KEY_ROLE, ROLE_CLERK)->overdue);
	body_begin(&body);
	body_text(&body, "kind", "rekey");
	body_texts(&body, "roles", "clerk");
	assert_int_equal(gov_post(f, p.a, "requests", &body, id), 0);
	assert_int_equal(sign_as(f, p.a, id, "sign"), 0);
	assert_int_equal(sign_as(f, p.b, id, "approve"), 0);
	assert_int_equal(give(f, p.c1, P_CUSTODIAN_1, id, false), 0);
	assert_int_equal(give(f, p.c2, P_CUSTODIAN_2, id, false), 0);
	walk(f, tomorrow, &x);
	assert_false(find(&x, KEY_ROLE, ROLE_CLERK)->overdue);
	assert_int_equal(find(&x, KEY_ROLE, ROLE_CLERK)->epoch, 2);
	assert_int_equal(find(&x, KEY_CUSTODY, ROLE_CLERK)->holders, 4);
	assert_int_equal(find(&x, KEY_CLASS, (uint32_t)CLASS_HEALTH << 16)->epoch, 2);
	assert_int_equal(find(&x, KEY_CLASS_OLD, (uint32_t)CLASS_HEALTH << 16)->epoch, 1);
	assert_int_equal(find(&x, KEY_CLASS_OLD, (uint32_t)CLASS_HEALTH << 16)->why, KEY_NOT_REWRAPPED);
	assert_int_equal(overdue(&x, KEY_CLASS_OLD), 0);
	assert_int_equal(count(&x, KEY_CLASS), policy_classes(f->v->policy));
	body_begin(&body);
	body_text(&body, "kind", "rewrap");
	assert_int_equal(gov_post(f, p.a, "requests", &body, id), 0);
	assert_int_equal(sign_as(f, p.a, id, "sign"), 0);
	assert_int_equal(sign_as(f, p.b, id, "approve"), 0);
	assert_int_equal(give(f, p.c1, P_CUSTODIAN_1, id, false), 0);
	assert_int_equal(give(f, p.c2, P_CUSTODIAN_2, id, false), 0);
	while (vault_works(f->v))
		vault_work(f->v, 1000);
	walk(f, tomorrow, &x);
	assert_int_equal(count(&x, KEY_CLASS_OLD), 0);
	assert_int_equal(find(&x, KEY_CLASS, (uint32_t)CLASS_HEALTH << 16)->epoch, 2);
}

static void a_suspension_of_unknown_time_is_overdue(void **state)
{
	struct fixture *f = *state;
	struct seen x;

	directory_mark(f->v->keys, f->person[P_WORKER].g.principal.id, DIR_MARK_SUSPENDED);
	walk(f, clock_wall_ms(), &x);
	assert_true(find(&x, KEY_ROLE, ROLE_WORKER)->overdue);
}

static void custody_is_overdue_as_soon_as_it_does_not_fit_the_custodians(void **state)
{
	struct fixture *f = *state;
	uint64_t now = clock_wall_ms();
	struct seen x;

	walk(f, now, &x);
	assert_int_equal(find(&x, KEY_CUSTODY, ROLE_WORKER)->holders, 4);
	assert_int_equal(find(&x, KEY_CUSTODY, ROLE_WORKER)->needed, 2);
	directory_mark(f->v->keys, f->person[P_CUSTODIAN_1].g.principal.id, DIR_MARK_SUSPENDED);
	walk(f, now, &x);
	assert_int_equal(find(&x, KEY_CUSTODY, ROLE_WORKER)->holders, 3);
	assert_false(find(&x, KEY_CUSTODY, ROLE_WORKER)->overdue);
	directory_mark(f->v->keys, f->person[P_CUSTODIAN_1].g.principal.id, DIR_MARK_REMOVED);
	walk(f, now, &x);
	assert_true(find(&x, KEY_CUSTODY, ROLE_WORKER)->overdue);
	assert_int_equal(find(&x, KEY_CUSTODY, ROLE_WORKER)->why, KEY_CUSTODIAN_LEFT);
	assert_int_equal(overdue(&x, KEY_CUSTODY), count(&x, KEY_CUSTODY));
	directory_mark(f->v->keys, f->person[P_CUSTODIAN_2].g.principal.id, DIR_MARK_SUSPENDED);
	directory_mark(f->v->keys, f->person[P_CUSTODIAN_3].g.principal.id, DIR_MARK_SUSPENDED);
	walk(f, now, &x);
	assert_int_equal(find(&x, KEY_CUSTODY, ROLE_WORKER)->why, KEY_TOO_FEW_CUSTODIANS);
	assert_int_equal(find(&x, KEY_CUSTODY, ROLE_WORKER)->holders, 1);
}

static void a_new_custodian_has_no_share_until_a_role_is_shared_anew(void **state)
{
	struct fixture *f = *state;
	uint64_t now = clock_wall_ms() + 60000;	/* the new one may act by then */
	uint8_t no = 0, id[16];
	struct body body;
	struct parts p;
	struct seen x;

	parts(f, &p);
	fixture_person(&p.new, PRINCIPAL_CUSTODIAN, 0, 0, "custodian-5");
	body_member(&body, &p.new);
	body_text(&body, "as", "custodian");
	assert_int_equal(gov_post(f, p.a, "requests", &body, id), 0);
	assert_int_equal(sign_as(f, p.a, id, "sign"), 0);
	assert_int_equal(sign_as(f, p.b, id, "approve"), 0);
	walk(f, now, &x);
	assert_int_equal(overdue(&x, KEY_CUSTODY), count(&x, KEY_CUSTODY));
	assert_int_equal(find(&x, KEY_CUSTODY, ROLE_WORKER)->why, KEY_CUSTODIAN_WITHOUT);
	body_begin(&body);
	body_text(&body, "kind", "rekey");
	body_texts(&body, "roles", "worker");
	body_put(&body, "classes", VALUE_BOOL, &no, 1);
	assert_int_equal(gov_post(f, p.a, "requests", &body, id), 0);
	assert_int_equal(sign_as(f, p.a, id, "sign"), 0);
	assert_int_equal(sign_as(f, p.b, id, "approve"), 0);
	assert_int_equal(give(f, p.c1, P_CUSTODIAN_1, id, false), 0);
	assert_int_equal(give(f, p.c2, P_CUSTODIAN_2, id, false), 0);
	walk(f, now, &x);
	assert_int_equal(overdue(&x, KEY_CUSTODY), count(&x, KEY_CUSTODY) - 1);
	assert_false(find(&x, KEY_CUSTODY, ROLE_WORKER)->overdue);
	assert_int_equal(find(&x, KEY_CUSTODY, ROLE_WORKER)->holders, 5);
	assert_int_equal(count(&x, KEY_CLASS_OLD), 0);
}

static unsigned list(struct fixture *f, unsigned who)
{
	char cursor[WIRE_CURSOR_MAX + 1] = "";
	uint8_t token[32];
	unsigned n;

	assert_int_equal(login(f, who, token), 0);
	return gov_count(f, token, "keys", "", 1000, cursor, &n);
}

static void who_has_no_part_in_keys_does_not_see_them(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(list(f, P_ADMIN_A), 0);
	assert_int_equal(list(f, P_CUSTODIAN_2), 0);
	assert_int_equal(list(f, P_AUDITOR), 0);
	assert_int_equal(list(f, P_WORKER), PROBLEM_NOT_PERMITTED);
	assert_int_equal(list(f, P_MANAGER), PROBLEM_NOT_PERMITTED);
	assert_int_equal(list(f, P_INTAKE), PROBLEM_NOT_PERMITTED);
}

static void metrics_name_nobody(void **state)
{
	struct fixture *f = *state;
	struct buf b;

	buf_init(&b, 1u << 20);
	directory_mark(f->v->keys, f->person[P_WORKER].g.principal.id, DIR_MARK_SUSPENDED);
	vault_metrics(f->v, &b);
	buf_u8(&b, 0);
	assert_non_null(strstr((const char *)b.p, "childvault_keys_overdue{kind=\"role\"} 1\n"));
	assert_non_null(strstr((const char *)b.p, "childvault_class_epochs_old 0\n"));
	for (unsigned i = 0; i < PEOPLE; i++)
		assert_null(strstr((const char *)b.p, f->person[i].g.login));
	buf_free(&b);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, operations_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(every_key_is_listed_in_order), T(nothing_is_overdue_on_the_first_day),
		T(roles_and_classes_are_overdue_after_a_year), T(daily_keys_are_overdue_in_their_last_year),
		T(a_suspended_members_roles_are_overdue_after_a_day),
		T(a_restored_member_has_the_role_as_before),
		T(a_rekey_begins_new_epochs_and_leaves_old_classes_to_be_rewrapped), T(a_suspension_of_unknown_time_is_overdue),
		T(custody_is_overdue_as_soon_as_it_does_not_fit_the_custodians),
		T(a_new_custodian_has_no_share_until_a_role_is_shared_anew),
		T(who_has_no_part_in_keys_does_not_see_them), T(metrics_name_nobody),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}

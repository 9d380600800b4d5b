/* New epochs of roles and classes: who holds them, what of the old ones is left, and where links lead. */
#include "test_change.h"

static struct change_vault *v;

static int up(void **state)
{
	(void)state;
	v = change_vault_new(4);
	return 0;
}

static int down(void **state)
{
	(void)state;
	change_vault_free(v);
	v = NULL;
	return 0;
}

#define WORKER(i) (&v->people[WORKERS + (i)])
static const uint16_t worker[] = { ROLE_WORKER }, both[] = { ROLE_WORKER, ROLE_MANAGER };

static int rekey(const uint16_t *roles, unsigned n, bool classes)
{
	struct change_draft d;
	int r = change_rekey_roles(v, roles, n, classes, NULL, 0, false, &d);

	return r != 0 ? r : change_carry_out(v, &d);
}

/* Without one worker. */
static int rekey_without(unsigned who, bool removed)
{
	struct change_draft d;
	uint8_t out[1][16];
	int r;

	memcpy(out[0], WORKER(who)->p.id, 16);
	r = change_rekey_roles(v, worker, 1, true, (const uint8_t (*)[16])out, 1, removed, &d);
	return r != 0 ? r : change_carry_out(v, &d);
}

static void old_epochs_leave_no_row(void **state)
{
	size_t n = v->rows.n;

	(void)state;
	assert_int_equal(rekey(worker, 1, true), 0);
	for (unsigned type = DIR_ROLE; type <= DIR_CUSTODY; type++)
		if (type != DIR_CLASS)
			assert_int_equal(change_rows_of(v, (enum dir_type)type, ROLE_WORKER, 1), 0);
	assert_int_equal(change_rows_of(v, DIR_ROLE, ROLE_WORKER, 2), 1);
	assert_int_equal(change_rows_of(v, DIR_MEMBER, ROLE_WORKER, 2), 5);
	assert_int_equal(change_rows_of(v, DIR_CUSTODY, ROLE_WORKER, 2), 3);
	assert_int_equal(change_rows_of(v, DIR_GRANT, ROLE_WORKER, 2), 3);
	/* The other role keeps what it had and gets the two new epochs of classes that both hold. */
	assert_int_equal(change_rows_of(v, DIR_GRANT, ROLE_MANAGER, 1), 5);
	/* Besides these two: three new class epochs, and the change set. */
	assert_int_equal(v->rows.n, n + 2 + 3 + 1);
	assert_int_equal(directory_role_newest(v->k, ROLE_WORKER), 2);
	assert_int_equal(directory_role_newest(v->k, ROLE_MANAGER), 1);
	assert_int_equal(directory_role_newest(v->k, 77), 0);
}

static void members_who_stay_open_the_new_epoch_and_what_it_holds(void **state)
{
	uint8_t before[32], role[32], sk[32], pk[32];
	uint32_t epoch;

	(void)state;
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_WORKER, before), 0);
	assert_int_equal(rekey(worker, 1, true), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(change_open_role(v, WORKER(i), ROLE_WORKER, role), 0);
	assert_memory_not_equal(role, before, 32);
	for (unsigned i = 1; i < CLASSES; i++) {
		assert_int_equal(directory_class(v->k, change_classes[i], &epoch, pk), 0);
		assert_int_equal(epoch, 2);
		assert_int_equal(change_open_class(v, ROLE_WORKER, role, change_classes[i], 2, sk), 0);
	}
	assert_int_equal(change_open_role(v, &v->people[MANAGER], ROLE_MANAGER, role), 0);
	assert_int_equal(change_open_class(v, ROLE_MANAGER, role, change_classes[1], 2, sk), 0);
	assert_int_equal(change_open_class(v, ROLE_MANAGER, role, change_classes[2], 2, sk), 0);
	/* A class that the rekeyed role does not hold stays as it was. */
	assert_int_equal(directory_class(v->k, change_classes[0], &epoch, pk), 0);
	assert_int_equal(epoch, 1);
	assert_int_equal(change_open_class(v, ROLE_MANAGER, role, change_classes[0], 1, sk), 0);
}

/* Whoever may not act, now or ever again, gets nothing of a new epoch. */
static void nobody_gets_it_who_is_out_suspended_removed_or_lapsed(void **state)
{
	uint8_t sk[32];

	(void)state;
	directory_mark(v->k, WORKER(1)->p.id, DIR_MARK_SUSPENDED);
	directory_mark(v->k, WORKER(2)->p.id, DIR_MARK_REMOVED);
	directory_lapse(v->k, WORKER(3)->p.id, NOW_MS);
	assert_int_equal(rekey_without(0, false), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(change_open_role(v, WORKER(i), ROLE_WORKER, sk), CV_ERR_NOTFOUND);
	assert_int_equal(change_open_role(v, &v->people[MANAGER], ROLE_WORKER, sk), 0);
	assert_int_equal(change_rows_of(v, DIR_MEMBER, ROLE_WORKER, 2), 1);
}

/* Rows of the old epoch that somebody kept and puts back load, for they were signed; they open nothing. */
static void rows_put_back_open_nothing(void **state)
{
	static const struct custody_role old[] = { { ROLE_WORKER, 1 } };
	struct store saved;
	uint16_t roles[ROLE_WRAPS];
	uint8_t sk[32];

	(void)state;
	mem_copy(&v->rows, &saved);
	assert_int_equal(rekey_without(0, true), 0);
	for (size_t i = 0; i < saved.n; i++)
		if (saved.row[i].key[0] != DIR_PRINCIPAL && saved.row[i].key[0] != DIR_CHANGE)
			assert_int_equal(mem_put(&v->rows, saved.row[i].key, saved.row[i].key_n, saved.row[i].val, saved.row[i].val_n), 0);
	mem_free(&saved);
	assert_int_equal(change_load(v), 0);
	assert_int_equal(change_rows_of(v, DIR_MEMBER, ROLE_WORKER, 1), 5);
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_WORKER, sk), CV_ERR_NOTFOUND);
	assert_false(directory_has_role(v->k, WORKER(0)->p.id, ROLE_WORKER, NOW_MS));
	assert_int_equal(change_roles_of(v->k, WORKER(0)->p.id, roles), 0);
	assert_true(directory_has_role(v->k, WORKER(1)->p.id, ROLE_WORKER, NOW_MS));
	/* Nor do the custodians' old shares, though both open them. */
	assert_int_equal(change_ceremony(v, old, 1, CUSTODIAN_A, CUSTODIAN_B), 0);
	assert_int_equal(custody_role_key(v->k, v->custody, ROLE_WORKER, 1, sk), CV_ERR_NOTFOUND);
	assert_int_equal(change_class_secret(v->k, v->custody, change_classes[1], 1, sk), CV_ERR_NOTFOUND);
}

static void links_lead_to_every_older_epoch(void **state)
{
	uint8_t first[32], again[32], role[32], newest[32], older[32], pk[32];
	const struct class_entry *e;

	(void)state;
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_WORKER, role), 0);
	assert_int_equal(change_open_class(v, ROLE_WORKER, role, change_classes[1], 1, first), 0);
	assert_int_equal(rekey(worker, 1, true), 0);
	assert_int_equal(rekey(worker, 1, true), 0);
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_WORKER, role), 0);
	assert_int_equal(change_open_class(v, ROLE_WORKER, role, change_classes[1], 3, newest), 0);
	e = directory_class_entry(v->k, change_classes[1], 3);
	assert_true(e->has_link && e->change_set == 3);
	assert_int_equal(directory_made_ms(v->k, e->change_set), NOW_MS);
	assert_int_equal(directory_link_open(v->k, e, newest, older), 0);
	crypto_box_public(older, pk);
	assert_memory_equal(pk, directory_class_entry(v->k, change_classes[1], 2)->pk, 32);
	assert_int_equal(directory_link_open(v->k, directory_class_entry(v->k, change_classes[1], 2), older, again), 0);
	assert_memory_equal(again, first, 32);
	assert_int_equal(directory_link_open(v->k, directory_class_entry(v->k, change_classes[1], 1), first, again), CV_ERR_NOTFOUND);
	/* By another key, or with one class's link in another's row, it leads nowhere. */
	assert_int_equal(directory_link_open(v->k, e, older, again), CV_ERR_AUTH);
	assert_int_equal(directory_link_open(v->k, directory_class_entry(v->k, change_classes[2], 3), newest, again), CV_ERR_AUTH);
}

static void a_ceremony_leads_to_every_epoch_of_its_roles_classes(void **state)
{
	struct custody_role roles[] = { { ROLE_WORKER, 3 } };
	uint8_t sk[32], pk[32];

	(void)state;
	assert_int_equal(rekey(worker, 1, true), 0);
	assert_int_equal(rekey(worker, 1, true), 0);
	assert_int_equal(change_ceremony(v, roles, 1, CUSTODIAN_C, CUSTODIAN_A), 0);
	for (uint32_t epoch = 1; epoch <= 3; epoch++) {
		assert_int_equal(change_class_secret(v->k, v->custody, change_classes[3], epoch, sk), 0);
		crypto_box_public(sk, pk);
		assert_memory_equal(pk, directory_class_entry(v->k, change_classes[3], epoch)->pk, 32);
	}
	assert_int_equal(change_class_secret(v->k, v->custody, change_classes[3], 4, sk), CV_ERR_NOTFOUND);
	assert_int_equal(change_class_secret(v->k, v->custody, change_classes[0], 1, sk), CV_ERR_NOTFOUND);
}

/* As a re-wrap leaves it: the newest epoch alone, without a link. */
static void a_directory_whose_old_class_epochs_are_destroyed_loads(void **state)
{
	struct dir_key key = { .type = DIR_CLASS, .class_key = change_classes[1], .epoch = 2 };
	struct custody_role roles[] = { { ROLE_WORKER, 2 } };
	struct store_value row;
	struct dir_value value;
	uint8_t bytes[DIR_KEY_MAX], sk[32];
	size_t n = dir_key_encode(&key, bytes);
	struct buf b;

	(void)state;
	assert_int_equal(rekey(worker, 1, true), 0);
	assert_int_equal(store_get(&v->rows, STORE_DIR, bytes, n, &row), 0);
	assert_int_equal(dir_value_decode(row.p, row.n, &value), 0);
	buf_init(&b, 1024);
	dir_value_encode(value.change_set, value.fact, value.fact_n, &b);
	dir_link_encode(NULL, 0, &b);
	assert_int_equal(mem_put(&v->rows, bytes, n, b.p, b.n), 0);
	buf_free(&b);
	key.epoch = 1;
	assert_int_equal(mem_del(&v->rows, bytes, dir_key_encode(&key, bytes)), 0);
	key = (struct dir_key){ .type = DIR_GRANT, .class_key = change_classes[1], .epoch = 1, .role = ROLE_MANAGER, .role_epoch = 1 };
	assert_int_equal(mem_del(&v->rows, bytes, dir_key_encode(&key, bytes)), 0);
	assert_int_equal(change_load(v), 0);
	assert_int_equal(change_ceremony(v, roles, 1, CUSTODIAN_A, CUSTODIAN_B), 0);
	assert_int_equal(change_class_secret(v->k, v->custody, change_classes[1], 2, sk), 0);
	assert_int_equal(change_class_secret(v->k, v->custody, change_classes[1], 1, sk), CV_ERR_NOTFOUND);
	/* And goes on from there. */
	assert_int_equal(rekey(worker, 1, true), 0);
	assert_int_equal(change_ceremony(v, &(struct custody_role){ ROLE_WORKER, 3 }, 1, CUSTODIAN_A, CUSTODIAN_B), 0);
	assert_int_equal(change_class_secret(v->k, v->custody, change_classes[1], 2, sk), 0);
}

/* Custody reshare: new shares and a new role key, the same classes. */
static void without_new_classes_the_role_keeps_the_epochs_it_held(void **state)
{
	uint8_t role[32], before[32], sk[32], pk[32];
	uint32_t epoch;

	(void)state;
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_WORKER, role), 0);
	assert_int_equal(change_open_class(v, ROLE_WORKER, role, change_classes[2], 1, before), 0);
	assert_int_equal(rekey(both, 2, false), 0);
	assert_int_equal(change_rows_of(v, DIR_GRANT, ROLE_MANAGER, 1), 0);
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_WORKER, role), 0);
	assert_int_equal(change_open_class(v, ROLE_WORKER, role, change_classes[2], 1, sk), 0);
	assert_memory_equal(sk, before, 32);
	assert_int_equal(directory_class(v->k, change_classes[2], &epoch, pk), 0);
	assert_int_equal(epoch, 1);
	/* Old classes and new ones behind one another. */
	assert_int_equal(rekey(worker, 1, true), 0);
	assert_int_equal(rekey(both, 2, false), 0);
	assert_int_equal(change_open_role(v, &v->people[MANAGER], ROLE_MANAGER, role), 0);
	assert_int_equal(change_open_class(v, ROLE_MANAGER, role, change_classes[2], 2, sk), 0);
	assert_int_equal(directory_link_open(v->k, directory_class_entry(v->k, change_classes[2], 2), sk, role), 0);
	assert_memory_equal(role, before, 32);
}

/* A custodian who left is none; one who may act takes part, and old shares are worth nothing. */
static void shares_go_to_custodians_who_may_act(void **state)
{
	struct custody_role roles[] = { { ROLE_WORKER, 2 } };

	(void)state;
	directory_mark(v->k, v->people[CUSTODIAN_B].p.id, DIR_MARK_SUSPENDED);
	assert_int_equal(rekey(worker, 1, false), 0);
	assert_int_equal(change_rows_of(v, DIR_CUSTODY, ROLE_WORKER, 2), 2);
	assert_int_equal(change_ceremony(v, roles, 1, CUSTODIAN_A, CUSTODIAN_B), CV_ERR_NOTFOUND);
	assert_int_equal(change_ceremony(v, roles, 1, CUSTODIAN_A, CUSTODIAN_C), 0);
	directory_mark(v->k, v->people[CUSTODIAN_B].p.id, DIR_MARK_SUSPENDED);
	directory_mark(v->k, v->people[CUSTODIAN_C].p.id, DIR_MARK_SUSPENDED);
	assert_int_equal(rekey(worker, 1, false), CV_ERR_STATE);
}

static void two_custodians_of_one_person_are_not_enough(void **state)
{
	struct principal *p = (struct principal *)directory_principal(v->k, v->people[CUSTODIAN_B].p.id);

	(void)state;
	directory_mark(v->k, v->people[CUSTODIAN_C].p.id, DIR_MARK_SUSPENDED);
	memcpy(p->person, v->people[CUSTODIAN_A].p.person, 16);
	assert_int_equal(rekey(worker, 1, false), CV_ERR_STATE);
}

static void who_is_removed_stays_removed(void **state)
{
	const struct principal *p;

	(void)state;
	assert_int_equal(rekey_without(2, true), 0);
	p = directory_principal(v->k, WORKER(2)->p.id);
	assert_true(p->removed && p->suspended && !directory_enabled(p, NOW_MS));
	assert_false(directory_principal(v->k, WORKER(1)->p.id)->removed);
}

static void what_cannot_be_rekeyed_is_refused(void **state)
{
	static const struct {
		uint16_t roles[2];
		unsigned n;
		bool removed;
		int expected;
	} bad[] = {
		{ { ROLE_WORKER, ROLE_WORKER }, 2, false, CV_ERR_ARG }, { { ROLE_WORKER, 77 }, 2, false, CV_ERR_NOTFOUND },
		{ { ROLE_DEMO }, 1, false, CV_ERR_NOTFOUND }, { { ROLE_PERSONAL | 1 }, 1, false, CV_ERR_NOTFOUND },
		{ { ROLE_WORKER }, 1, true, CV_ERR_ARG },
	};
	struct change_draft d;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(change_rekey_roles(v, bad[i].roles, bad[i].n, true, NULL, 0, bad[i].removed, &d), bad[i].expected);
		change_draft_free(&d);
	}
	assert_int_equal(rekey((const uint16_t[]){ ROLE_EMPTY }, 1, true), 0);
	assert_int_equal(directory_role_newest(v->k, ROLE_EMPTY), 2);
}

/* Nothing changes without the keys that the links need, and none of it without a ceremony of these very roles. */
static void without_its_roles_shares_a_rekey_is_not_carried_out(void **state)
{
	struct custody_role other[] = { { ROLE_EMPTY, 1 } };
	struct change_draft d;

	(void)state;
	assert_int_equal(change_rekey_roles(v, worker, 1, true, NULL, 0, false, &d), 0);
	assert_int_equal(change_sign_and_put(v, &d.op), CV_ERR_NOTFOUND);
	assert_int_equal(change_ceremony(v, other, 1, CUSTODIAN_A, CUSTODIAN_B), 0);
	assert_int_equal(change_sign_and_put(v, &d.op), CV_ERR_NOTFOUND);
	change_draft_free(&d);
}

/* ---- in any order ---------------------------------------------------------------------------------------------------------- */

#define STEPS 60u
#define SOME_CLASSES 6u		/* two of them are made on the way */
#define SOME_ROLES 3u

/* Who should be a member of what, and which classes roles should hold. */
static struct {
	bool member[5][SOME_ROLES + 1];
	bool holds[SOME_ROLES + 1][SOME_CLASSES];
} model;
static const uint32_t some_classes[SOME_CLASSES] = { 0x100000, 0x200000, 0x300000, 0x400000, 0x500000, 0x600000 };

static uint32_t draw(uint32_t below)
{
	static uint32_t x = 20261125;

	x = x * 1664525u + 1013904223u;
	return (x >> 8) % below;
}

static const struct change_person *somebody(unsigned i)
{
	return &v->people[MANAGER + i];
}

/* A rekey, with or without new classes, that leaves one out; or roles or classes for somebody. */
static void step(void)
{
	uint16_t role = (uint16_t)(1 + draw(SOME_ROLES));
	unsigned who = draw(5), class = draw(SOME_CLASSES), outs = draw(2);
	bool classes = draw(3) > 0;
	struct change_draft d;
	uint8_t out[1][16];
	int r;

	switch (draw(3)) {
	case 0:
		memcpy(out[0], somebody(who)->p.id, 16);
		assert_int_equal(change_rekey_roles(v, &role, 1, classes, (const uint8_t (*)[16])out, outs, false, &d), 0);
		if (outs > 0)
			model.member[who][role] = false;
		break;
	case 1:
		r = change_draft_roles(v->k, &somebody(who)->p, &role, 1, NOW_MS, &d);
		assert_int_equal(r, model.member[who][role] ? CV_ERR_EXISTS : 0);
		if (r != 0)
			return;
		model.member[who][role] = true;
		break;
	default:
		r = change_draft_classes(v->k, role, &some_classes[class], 1, NOW_MS, &d);
		assert_int_equal(r, model.holds[role][class] ? CV_ERR_EXISTS : 0);
		if (r != 0)
			return;
		model.holds[role][class] = true;
		break;
	}
	assert_int_equal(change_carry_out(v, &d), 0);
}

/* The role opens every epoch of the class, or none of it. */
static void judge_class(uint16_t role, const uint8_t role_sk[32], unsigned class)
{
	uint8_t sk[32], older[32], pk[32];
	uint32_t epoch = 0;

	if (directory_class(v->k, some_classes[class], &epoch, pk) != 0)
		assert_false(model.holds[role][class]);
	assert_int_equal(change_open_class(v, role, role_sk, some_classes[class], epoch, sk),
	    model.holds[role][class] ? 0 : CV_ERR_NOTFOUND);
	for (; model.holds[role][class] && epoch > 1; epoch--) {
		assert_int_equal(directory_link_open(v->k, directory_class_entry(v->k, some_classes[class], epoch), sk, older), 0);
		memcpy(sk, older, 32);
	}
}

static void judge(void)
{
	const struct grant_entry *g;
	const struct member_entry *m;
	uint8_t sk[32];
	size_t n;

	for (uint16_t role = 1; role <= SOME_ROLES; role++)
		for (unsigned who = 0; who < 5; who++) {
			assert_int_equal(change_open_role(v, somebody(who), role, sk), model.member[who][role] ? 0 : CV_ERR_NOTFOUND);
			for (unsigned i = 0; model.member[who][role] && i < SOME_CLASSES; i++)
				judge_class(role, sk, i);
		}
	g = directory_grants(v->k, &n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(g[i].role_epoch, directory_role_newest(v->k, g[i].role));
	m = directory_members(v->k, &n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(m[i].epoch, directory_role_newest(v->k, m[i].role));
	for (uint16_t role = 1; role <= SOME_ROLES; role++)
		assert_int_equal(change_rows_of(v, DIR_CUSTODY, role, directory_role_newest(v->k, role)), 3);
}

static void in_any_order_holders_open_every_epoch_and_nobody_else_any(void **state)
{
	(void)state;
	memset(&model, 0, sizeof(model));
	model.member[0][ROLE_MANAGER] = true;
	for (unsigned who = 0; who < 5; who++)
		model.member[who][ROLE_WORKER] = true;
	for (unsigned i = 0; i < 3; i++)
		model.holds[ROLE_MANAGER][i] = model.holds[ROLE_WORKER][i + 1] = true;
	judge();
	for (unsigned i = 0; i < STEPS; i++) {
		step();
		judge();
	}
}

/* A directory that changes is loaded behind the one before: what was verified there was verified of these very bytes. */
static void a_changed_signature_of_an_older_set_is_refused_however_often_it_was_good(void **state)
{
	struct dir_key key = { .type = DIR_CHANGE };
	uint8_t bytes[DIR_KEY_MAX], before[4096];
	size_t key_n, n;

	(void)state;
	assert_int_equal(rekey(worker, 1, true), 0);
	assert_int_equal(rekey(worker, 1, false), 0);
	for (key.sequence = 1; key.sequence <= 3; key.sequence++) {
		struct store_value row;

		key_n = dir_key_encode(&key, bytes);
		assert_int_equal(store_get(&v->rows, STORE_DIR, bytes, key_n, &row), 0);
		assert_true((n = row.n) <= sizeof(before));
		memcpy(before, row.p, n);
		/* The last byte of each of two signatures, and of who is said to have made them. */
		for (size_t back = 1; back <= 2 * (16 + 64); back += 8) {
			before[n - back] ^= 1;
			assert_int_equal(mem_put(&v->rows, bytes, key_n, before, n), 0);
			assert_int_equal(change_load(v), CV_ERR_AUTH);
			before[n - back] ^= 1;
		}
		assert_int_equal(mem_put(&v->rows, bytes, key_n, before, n), 0);
		assert_int_equal(change_load(v), 0);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(old_epochs_leave_no_row),
		T(members_who_stay_open_the_new_epoch_and_what_it_holds),
		T(nobody_gets_it_who_is_out_suspended_removed_or_lapsed),
		T(rows_put_back_open_nothing),
		T(links_lead_to_every_older_epoch),
		T(a_ceremony_leads_to_every_epoch_of_its_roles_classes),
		T(a_directory_whose_old_class_epochs_are_destroyed_loads),
		T(without_new_classes_the_role_keeps_the_epochs_it_held),
		T(shares_go_to_custodians_who_may_act),
		T(two_custodians_of_one_person_are_not_enough),
		T(who_is_removed_stays_removed),
		T(what_cannot_be_rekeyed_is_refused),
		T(without_its_roles_shares_a_rekey_is_not_carried_out),
		T(a_changed_signature_of_an_older_set_is_refused_however_often_it_was_good),
		T(in_any_order_holders_open_every_epoch_and_nobody_else_any),
	};

	return cmocka_run_group_tests(tests, change_start, NULL);
}

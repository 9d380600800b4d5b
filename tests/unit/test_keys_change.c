/* People who join, roles and classes that are given, and who can bring the keys for it. */
#include "test_change.h"

static struct change_vault *v;

static int up(void **state)
{
	(void)state;
	v = change_vault_new(3);
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
static const uint16_t worker[] = { ROLE_WORKER }, manager[] = { ROLE_MANAGER }, empty[] = { ROLE_EMPTY };

/* Draft, with texts, and carry out that somebody joins. */
static int join(struct change_person *who, enum principal_kind kind, const uint16_t *roles, unsigned n)
{
	const char *const texts[DIR_PERSON_TEXTS] = { "newcomer", "新人", "民政", "", "" };
	struct change_draft d;
	struct buf person;
	int r;

	change_person_make(who, kind, 0);
	buf_init(&person, 2048);
	assert_int_equal(dir_person_encode(texts, 0, &person), 0);
	if ((r = change_draft_member(v->k, &who->p, roles, n, NOW_MS, &d)) == 0) {
		d.op.item[ITEM_PERSON] = (struct operation_item){ person.p, (uint32_t)person.n };
		r = change_carry_out(v, &d);
	} else {
		change_draft_free(&d);
	}
	buf_free(&person);
	return r;
}

static int give_roles(const struct change_person *who, const uint16_t *roles, unsigned n)
{
	struct change_draft d;
	int r = change_draft_roles(v->k, &who->p, roles, n, NOW_MS, &d);

	if (r == 0)
		return change_carry_out(v, &d);
	change_draft_free(&d);
	return r;
}

static int give_classes(uint16_t role, const uint32_t *class_keys, unsigned n)
{
	struct change_draft d;
	int r = change_draft_classes(v->k, role, class_keys, n, NOW_MS, &d);

	if (r == 0)
		return change_carry_out(v, &d);
	change_draft_free(&d);
	return r;
}

/* ---- people ---------------------------------------------------------------------------------------------------------------- */

static void everybody_who_joins_has_a_personal_role_and_the_roles_of_the_draft(void **state)
{
	static const enum principal_kind kinds[] = { PRINCIPAL_PERSON, PRINCIPAL_ADMINISTRATOR, PRINCIPAL_CUSTODIAN, PRINCIPAL_AUDITOR };
	struct change_person who;
	uint16_t role, roles[ROLE_WRAPS];
	uint32_t epoch;
	uint8_t pk[32], sk[32];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		unsigned n = kinds[i] == PRINCIPAL_PERSON ? 1 : 0;

		assert_int_equal(join(&who, kinds[i], worker, n), 0);
		assert_int_equal(directory_principal(v->k, who.p.id)->kind, kinds[i]);
		assert_int_equal(directory_personal(v->k, who.p.id, &role, &epoch, pk), 0);
		assert_int_equal(change_open_role(v, &who, role, sk), 0);
		assert_int_equal(change_roles_of(v->k, who.p.id, roles), n);
		assert_int_equal(change_open_role(v, &who, ROLE_WORKER, sk), n == 1 ? 0 : CV_ERR_NOTFOUND);
	}
}

struct seen {
	const struct change_person *auditor;
	unsigned n;
};

static void see(void *cookie, const uint8_t principal[16], const uint8_t *sealed, size_t n)
{
	struct seen *x = cookie;
	uint8_t ctx[CONTEXT_BYTES], plain[2048];
	struct dir_person person;

	assert_true(n < sizeof(plain));
	context_encode(CONTEXT_OF(v->k, .kind = CONTEXT_PERSON_AUDITOR, .entity = principal, .field = 2, .writer = x->auditor->p.id,
	    .length = n - PKSEAL_OVERHEAD), ctx);
	assert_int_equal(crypto_pkopen(x->auditor->box_sk, ctx, sealed, n, plain), 0);
	assert_int_equal(dir_person_decode(plain, n - PKSEAL_OVERHEAD, &person), 0);
	x->n++;
}

/* Of those who were there before, those who came since, and of themselves; whoever is suspended stays so. */
static void a_new_auditor_reads_who_everybody_is(void **state)
{
	struct change_person who, later;
	struct seen seen = { &who, 0 }, old = { &v->people[AUDITOR], 0 };

	(void)state;
	assert_int_equal(change_mark(&v->rows, WORKER(1)->p.id, DIR_MARK_SUSPENDED, mem_put, &v->rows), 0);
	assert_int_equal(change_mark(&v->rows, WORKER(2)->p.id, DIR_MARK_REMOVED, mem_put, &v->rows), 0);
	assert_int_equal(change_load(v), 0);
	assert_int_equal(join(&who, PRINCIPAL_AUDITOR, NULL, 0), 0);
	directory_people(v->k, &v->rows, who.p.id, see, &seen);
	assert_int_equal(seen.n, v->people_n + 1);
	assert_true(directory_principal(v->k, WORKER(1)->p.id)->suspended && !directory_principal(v->k, WORKER(1)->p.id)->removed);
	assert_true(directory_principal(v->k, WORKER(2)->p.id)->removed && !directory_principal(v->k, WORKER(0)->p.id)->suspended);
	directory_people(v->k, &v->rows, v->people[AUDITOR].p.id, see, &old);
	assert_int_equal(old.n, v->people_n + 1);
	assert_int_equal(join(&later, PRINCIPAL_PERSON, worker, 1), 0);
	seen.n = 0;
	directory_people(v->k, &v->rows, who.p.id, see, &seen);
	assert_int_equal(seen.n, v->people_n + 2);
}

static void a_mark_changes_nothing_else_of_its_row(void **state)
{
	struct dir_key key = { .type = DIR_PRINCIPAL };
	uint8_t bytes[DIR_KEY_MAX], before[4096];
	struct store_value row;
	unsigned differ = 0;
	size_t n, key_n;

	(void)state;
	memcpy(key.principal, WORKER(0)->p.id, 16);
	key_n = dir_key_encode(&key, bytes);
	assert_int_equal(store_get(&v->rows, STORE_DIR, bytes, key_n, &row), 0);
	assert_true((n = row.n) <= sizeof(before));
	memcpy(before, row.p, n);
	assert_int_equal(change_mark(&v->rows, WORKER(0)->p.id, DIR_MARK_REMOVED, mem_put, &v->rows), 0);
	assert_int_equal(store_get(&v->rows, STORE_DIR, bytes, key_n, &row), 0);
	assert_int_equal(row.n, n);
	for (size_t i = 0; i < n; i++)
		differ += row.p[i] != before[i];
	assert_int_equal(differ, 1);
	assert_int_equal(change_mark(&v->rows, (const uint8_t *)"nobody-012345678", DIR_MARK_NONE, mem_put, &v->rows), CV_ERR_NOTFOUND);
	/* No other number is a mark. */
	assert_int_equal(change_mark(&v->rows, WORKER(0)->p.id, 3, mem_put, &v->rows), 0);
	assert_int_equal(change_load(v), CV_ERR_FORMAT);
}

/* Operation 6 has no change set: its one row is the mark. */
static void who_needs_no_rekey_is_removed_by_the_mark_alone(void **state)
{
	struct operation o = { .head = { .operation = OPERATION_REMOVE } };
	size_t n = v->rows.n;

	(void)state;
	o.item[ITEM_PRINCIPALS] = (struct operation_item){ v->people[CUSTODIAN_C].p.id, 16 };
	assert_int_equal(change_rows(v->k, &v->rows, &o, NULL, 0, NULL, mem_put, mem_del, &v->rows), 0);
	assert_int_equal(v->rows.n, n);
	assert_int_equal(change_load(v), 0);
	assert_true(directory_principal(v->k, v->people[CUSTODIAN_C].p.id)->removed);
	o.head.operation = OPERATION_RESTORE;
	assert_int_equal(change_rows(v->k, &v->rows, &o, NULL, 0, NULL, mem_put, mem_del, &v->rows), CV_ERR_ARG);
}

static void roles_are_given_to_who_is_there(void **state)
{
	static const uint16_t both[] = { ROLE_MANAGER, ROLE_EMPTY };
	uint16_t roles[ROLE_WRAPS];
	uint8_t sk[32];

	(void)state;
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_MANAGER, sk), CV_ERR_NOTFOUND);
	assert_int_equal(give_roles(WORKER(0), both, 2), 0);
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_MANAGER, sk), 0);
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_EMPTY, sk), 0);
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_WORKER, sk), 0);
	assert_int_equal(change_roles_of(v->k, WORKER(0)->p.id, roles), 3);
	assert_int_equal(give_roles(WORKER(0), empty, 1), CV_ERR_EXISTS);
	assert_int_equal(give_roles(WORKER(0), (const uint16_t[]){ 77 }, 1), CV_ERR_NOTFOUND);
	assert_int_equal(give_roles(WORKER(0), (const uint16_t[]){ ROLE_DEMO }, 1), CV_ERR_NOTFOUND);
	assert_int_equal(give_roles(WORKER(0), (const uint16_t[]){ 5, 6, 7, 8, 9 }, 5), CV_ERR_LIMIT);
}

/* Whoever was left out of a rekey can be a member again, by what others sign. */
static void who_was_left_out_gets_the_role_again_in_its_new_epoch(void **state)
{
	struct change_draft d;
	uint8_t out[1][16], sk[32];

	(void)state;
	memcpy(out[0], WORKER(0)->p.id, 16);
	assert_int_equal(change_rekey_roles(v, worker, 1, true, (const uint8_t (*)[16])out, 1, false, &d), 0);
	assert_int_equal(change_carry_out(v, &d), 0);
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_WORKER, sk), CV_ERR_NOTFOUND);
	assert_int_equal(give_roles(WORKER(0), worker, 1), 0);
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_WORKER, sk), 0);
}

static void a_key_of_low_order_is_refused(void **state)
{
	struct change_draft d;
	struct change_person who;

	(void)state;
	change_person_make(&who, PRINCIPAL_PERSON, 0);
	memset(who.p.box_pk, 0, 32);
	assert_int_equal(change_draft_member(v->k, &who.p, worker, 1, NOW_MS, &d), CV_ERR_CRYPTO);
	change_draft_free(&d);
}

/* ---- classes --------------------------------------------------------------------------------------------------------------- */

static void a_role_opens_the_classes_it_was_given_and_what_they_link_to(void **state)
{
	uint8_t role[32], sk[32], old[32], pk[32];
	struct change_draft d;

	(void)state;
	assert_int_equal(change_rekey_roles(v, worker, 1, true, NULL, 0, false, &d), 0);
	assert_int_equal(change_carry_out(v, &d), 0);
	assert_int_equal(give_classes(ROLE_EMPTY, (const uint32_t[]){ change_classes[3], change_classes[0] }, 2), 0);
	assert_int_equal(give_roles(WORKER(0), empty, 1), 0);
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_EMPTY, role), 0);
	assert_int_equal(change_open_class(v, ROLE_EMPTY, role, change_classes[0], 1, sk), 0);
	assert_int_equal(change_open_class(v, ROLE_EMPTY, role, change_classes[3], 2, sk), 0);
	assert_int_equal(directory_link_open(v->k, directory_class_entry(v->k, change_classes[3], 2), sk, old), 0);
	crypto_box_public(old, pk);
	assert_memory_equal(pk, directory_class_entry(v->k, change_classes[3], 1)->pk, 32);
	assert_int_equal(give_classes(ROLE_EMPTY, change_classes, 1), CV_ERR_EXISTS);
}

static void a_class_that_is_new_begins_with_its_first_holder(void **state)
{
	static const uint32_t both[] = { 0x500000, 0x100000 };
	struct custody_role roles[CUSTODY_ROLES];
	struct change_draft d;
	uint8_t role[32], sk[32], pk[32];
	uint32_t epoch;

	(void)state;
	assert_int_equal(directory_class(v->k, 0x500000, &epoch, pk), CV_ERR_NOTFOUND);
	assert_int_equal(change_draft_classes(v->k, ROLE_WORKER, both, 2, NOW_MS, &d), 0);
	/* The manager's custodians bring the old class, the receiver's are asked for the new one. */
	assert_int_equal(change_shares(&d.op, roles), 2);
	assert_true(roles[0].role == ROLE_MANAGER && roles[1].role == ROLE_WORKER);
	assert_int_equal(change_carry_out(v, &d), 0);
	assert_int_equal(directory_class(v->k, 0x500000, &epoch, pk), 0);
	assert_int_equal(epoch, 1);
	assert_int_equal(change_open_role(v, WORKER(0), ROLE_WORKER, role), 0);
	assert_int_equal(change_open_class(v, ROLE_WORKER, role, 0x500000, 1, sk), 0);
	assert_int_equal(change_open_class(v, ROLE_WORKER, role, 0x100000, 1, sk), 0);
	assert_int_equal(give_classes(ROLE_MANAGER, both, 1), 0);
	assert_int_equal(change_open_role(v, &v->people[MANAGER], ROLE_MANAGER, role), 0);
	assert_int_equal(change_open_class(v, ROLE_MANAGER, role, 0x500000, 1, sk), 0);
}

static void classes_that_cannot_be_given_are_refused(void **state)
{
	(void)state;
	assert_int_equal(give_classes(ROLE_EMPTY, (const uint32_t[]){ 0x100000, 0x100000 }, 2), CV_ERR_ARG);
	assert_int_equal(give_classes(ROLE_EMPTY, (const uint32_t[]){ 0x100001 }, 1), CV_ERR_ARG);
	assert_int_equal(give_classes(ROLE_EMPTY, (const uint32_t[]){ 0 }, 1), CV_ERR_ARG);
	assert_int_equal(give_classes(ROLE_EMPTY, NULL, 0), CV_ERR_LIMIT);
	assert_int_equal(give_classes(77, change_classes, 1), CV_ERR_NOTFOUND);
	assert_int_equal(give_classes(ROLE_DEMO, change_classes, 1), CV_ERR_NOTFOUND);
	assert_int_equal(give_classes(ROLE_PERSONAL | 1, change_classes, 1), CV_ERR_NOTFOUND);
}

static void covers_take_few_roles(void **state)
{
	struct custody_role roles[CUSTODY_ROLES];
	uint32_t other = 0x900000;
	unsigned n = 9;

	(void)state;
	assert_int_equal(change_cover(v->k, change_classes, CLASSES, roles, &n), 0);
	assert_int_equal(n, 2);
	assert_true(roles[0].role == ROLE_MANAGER && roles[0].epoch == 1 && roles[1].role == ROLE_WORKER && roles[1].epoch == 1);
	/* Of two that hold the same the lower one. */
	assert_int_equal(change_cover(v->k, change_classes + 1, 2, roles, &n), 0);
	assert_true(n == 1 && roles[0].role == ROLE_MANAGER);
	assert_int_equal(change_cover(v->k, change_classes + 3, 1, roles, &n), 0);
	assert_true(n == 1 && roles[0].role == ROLE_WORKER);
	assert_int_equal(change_cover(v->k, NULL, 0, roles, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(change_cover(v->k, &other, 1, roles, &n), CV_ERR_NOTFOUND);
}

/* Of a rekeyed role the new epoch, of a class the newest. */
static void covers_are_of_newest_epochs(void **state)
{
	struct custody_role roles[CUSTODY_ROLES];
	struct change_draft d;
	unsigned n = 0;

	(void)state;
	assert_int_equal(change_rekey_roles(v, manager, 1, false, NULL, 0, false, &d), 0);
	assert_int_equal(change_carry_out(v, &d), 0);
	assert_int_equal(change_cover(v->k, change_classes, 1, roles, &n), 0);
	assert_true(n == 1 && roles[0].role == ROLE_MANAGER && roles[0].epoch == 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(everybody_who_joins_has_a_personal_role_and_the_roles_of_the_draft),
		T(a_new_auditor_reads_who_everybody_is),
		T(a_mark_changes_nothing_else_of_its_row),
		T(who_needs_no_rekey_is_removed_by_the_mark_alone),
		T(roles_are_given_to_who_is_there),
		T(who_was_left_out_gets_the_role_again_in_its_new_epoch),
		T(a_key_of_low_order_is_refused),
		T(a_role_opens_the_classes_it_was_given_and_what_they_link_to),
		T(a_class_that_is_new_begins_with_its_first_holder),
		T(classes_that_cannot_be_given_are_refused),
		T(covers_take_few_roles),
		T(covers_are_of_newest_epochs),
	};

	return cmocka_run_group_tests(tests, change_start, NULL);
}

/* The chain of change sets without a vault's keys: what a client verifies, and each thing that it refuses. FORMAT.md 5.2. */
#include "test_keys.h"

#define SETS 3u

static struct test_vault *v;
static struct test_person newcomer;	/* an administrator of set 2 */

/* ---- three sets: genesis; another administrator; a member's dates, signed by the new one too -------------------------------- */

/* A fact that a set brings. */
struct brought {
	struct dir_key key;
	uint8_t fact[256];
	size_t fact_n;
};

/* Append change set number sequence, signed by n of these people, and the row of its one fact in the place of an older one. */
static void bring(uint32_t sequence, uint64_t time_ms, const uint8_t previous[32], const struct brought *x,
    const struct test_person *const *by, unsigned n, uint8_t ret_digest[32])
{
	struct dir_key change = { .type = DIR_CHANGE, .sequence = sequence };
	struct test_row *row = test_find(&v->rows, &x->key), *set;
	uint8_t message[CHAIN_SIGNED], fact[32], sig[64];
	struct buf b;

	if (row == NULL)
		row = &v->rows.row[v->rows.n++];
	set = &v->rows.row[v->rows.n++];
	buf_init(&b, sizeof(row->val));
	dir_value_encode(sequence, x->fact, (uint16_t)x->fact_n, &b);
	memcpy(row->val, b.p, b.n);
	row->val_n = b.n;
	row->key_n = dir_key_encode(&x->key, row->key);
	chain_fact_digest(v->k->vault_id, row->key, row->key_n, x->fact, x->fact_n, fact);
	buf_reset(&b);
	dir_change_encode(sequence, time_ms, previous, fact, 1, &b);
	crypto_hash("cv1.change", NULL, 0, &(struct part){ b.p, b.n }, 1, ret_digest, 32);
	chain_signed(ret_digest, message);
	buf_put(&b, ret_digest, 32);
	buf_u8(&b, (uint8_t)n);
	for (unsigned i = 0; i < n; i++) {
		crypto_sign(by[i]->sign_sk, message, sizeof(message), sig);
		buf_put(&b, by[i]->p.id, 16);
		buf_put(&b, sig, sizeof(sig));
	}
	set->key_n = dir_key_encode(&change, set->key);
	memcpy(set->val, b.p, b.n);
	set->val_n = b.n;
	buf_free(&b);
}

static void fact_of_newcomer(struct brought *ret)
{
	const struct principal *p = &newcomer.p;
	struct dir_principal x = { .kind = (uint8_t)p->kind, .admin_area = p->admin_area, .uid = p->uid, .not_before_ms = p->not_before_ms,
		.not_after_ms = p->not_after_ms };
	struct buf b;

	memcpy(x.box_pk, p->box_pk, 32);
	memcpy(x.sign_pk, p->sign_pk, 32);
	memcpy(x.person, p->person, 16);
	buf_init(&b, sizeof(ret->fact));
	dir_principal_encode(&x, &b);
	ret->key = (struct dir_key){ .type = DIR_PRINCIPAL };
	memcpy(ret->key.principal, p->id, 16);
	memcpy(ret->fact, b.p, b.n);
	ret->fact_n = b.n;
	buf_free(&b);
}

static void fact_of_worker(struct brought *ret)
{
	struct buf b;

	buf_init(&b, sizeof(ret->fact));
	dir_member_encode(NOW_MS - 1000, NOW_MS + 1000, &b);
	ret->key = (struct dir_key){ .type = DIR_MEMBER, .role = ROLE_WORKER, .epoch = 1 };
	memcpy(ret->key.principal, v->people[WORKER].p.id, 16);
	memcpy(ret->fact, b.p, b.n);
	ret->fact_n = b.n;
	buf_free(&b);
}

/* Sets 2 and 3 behind genesis. */
static void make_sets(const struct test_person *const *second, unsigned second_n, const struct test_person *const *third, unsigned third_n)
{
	struct brought x;
	uint8_t digest[32];

	fact_of_newcomer(&x);
	bring(2, NOW_MS, v->digest, &x, second, second_n, digest);
	fact_of_worker(&x);
	bring(3, NOW_MS + 1, digest, &x, third, third_n, digest);
}

static void make_chain(void)
{
	const struct test_person *const second[] = { &v->people[ADMIN_A], &v->people[ADMIN_B] };
	const struct test_person *const third[] = { &newcomer, &v->people[ADMIN_B] };

	make_sets(second, 2, third, 2);
}

static int vault_up(void **state)
{
	(void)state;
	v = test_vault_new();
	test_person_make(&newcomer, ADMIN_A);
	return 0;
}

static int chain_up(void **state)
{
	(void)vault_up(state);
	make_chain();
	return 0;
}

static int vault_down(void **state)
{
	(void)state;
	test_vault_free(v);
	v = NULL;
	return 0;
}

/* ---- verifying as a client does ------------------------------------------------------------------------------------------------ */

/* Give the rows as they stand in v->rows, change sets first, to a chain of the vault with these administrators. */
static int feed(const uint8_t vault[16], const struct genesis_admin *admins, unsigned n, struct chain **ret)
{
	struct chain *c = NULL;
	struct dir_value value;
	int r;

	assert_int_equal(chain_new(vault, admins, n, &c), 0);
	r = 0;
	for (size_t i = 0; r == 0 && i < v->rows.n; i++)
		if (v->rows.row[i].key[0] == DIR_CHANGE)
			r = chain_change(c, v->rows.row[i].key, v->rows.row[i].key_n, v->rows.row[i].val, v->rows.row[i].val_n);
	for (size_t i = 0; r == 0 && i < v->rows.n; i++) {
		const struct test_row *row = &v->rows.row[i];

		if (row->key[0] != DIR_CHANGE && (r = dir_value_decode(row->val, row->val_n, &value)) == 0)
			r = chain_fact(c, row->key, row->key_n, value.change_set, value.fact, value.fact_n);
	}
	if (r == 0)
		r = chain_end(c);
	if (r == 0 && ret != NULL) {
		*ret = c;
		c = NULL;
	}
	chain_free(c);
	return r;
}

static void sort(void)
{
	qsort(v->rows.row, v->rows.n, sizeof(v->rows.row[0]), test_row_cmp);
}

static int verify(void)
{
	sort();
	return feed(v->k->vault_id, v->admins, 2, NULL);
}

static void refused(void)
{
	int r = verify();

	assert_true(r == CV_ERR_AUTH || r == CV_ERR_FORMAT);
}

static struct test_row *row_of(enum dir_type type, uint32_t number)
{
	struct dir_key key = { .type = type };

	switch (type) {
	case DIR_CHANGE: key.sequence = number; break;
	case DIR_CLASS: key.class_key = test_classes[number]; key.epoch = 1; break;
	case DIR_ROLE: key.role = (uint16_t)number; key.epoch = 1; break;
	default: memcpy(key.principal, v->people[number].p.id, 16); break;
	}
	sort();
	return test_find(&v->rows, &key);
}

static void drop(struct test_row *row)
{
	*row = v->rows.row[--v->rows.n];
	sort();
}

/* ---- what verifies ---------------------------------------------------------------------------------------------------------------- */

static void whole_chain_verifies_and_tells_who_administrates(void **state)
{
	const struct chain_principal *p;
	struct chain *c = NULL;
	size_t n = 0;

	(void)state;
	sort();
	assert_int_equal(feed(v->k->vault_id, v->admins, 2, &c), 0);
	assert_int_equal(chain_sets(c), SETS);
	assert_memory_equal(chain_digest(c, 1), v->digest, 32);
	assert_int_equal(chain_time_ms(c, 3), NOW_MS + 1);
	assert_non_null(p = chain_principal(c, newcomer.p.id));
	assert_int_equal(p->kind, PRINCIPAL_ADMINISTRATOR);
	assert_int_equal(p->change_set, 2);
	assert_memory_equal(p->sign_pk, newcomer.p.sign_pk, 32);
	assert_null(chain_principal(c, (const uint8_t *)"nobody-012345678"));
	for (; (p = chain_principal_at(c, n)) != NULL; n++)
		assert_true(n == 0 || memcmp(chain_principal_at(c, n - 1)->id, p->id, 16) < 0);
	assert_int_equal(n, PEOPLE + 1);
	chain_free(c);
	assert_int_equal(chain_new(v->k->vault_id, v->admins, 2, &c), 0);
	assert_int_equal(chain_end(c), CV_ERR_FORMAT);	/* without a set there is nothing to believe */
	chain_free(c);
}

static void fact_of_an_older_set_may_be_gone(void **state)
{
	(void)state;
	drop(row_of(DIR_PRINCIPAL, GUEST));
	assert_int_equal(verify(), 0);
	drop(row_of(DIR_ROLE, ROLE_WORKER));
	assert_int_equal(verify(), 0);
}

/* ---- the table of lies ------------------------------------------------------------------------------------------------------------- */

static void sets_in_another_order_are_refused(void **state)
{
	struct test_row *second = row_of(DIR_CHANGE, 2), *third = row_of(DIR_CHANGE, 3), keep = *second;

	(void)state;
	/* Each under the other's number. */
	memcpy(second->val, third->val, third->val_n);
	second->val_n = third->val_n;
	memcpy(third->val, keep.val, keep.val_n);
	third->val_n = keep.val_n;
	assert_int_equal(verify(), CV_ERR_AUTH);
	/* And as they are, one before the other. */
	keep = *second;
	memcpy(second->val, third->val, third->val_n);
	second->val_n = third->val_n;
	memcpy(third->val, keep.val, keep.val_n);
	third->val_n = keep.val_n;
	assert_int_equal(verify(), 0);
	keep = v->rows.row[v->rows.n - 2];
	v->rows.row[v->rows.n - 2] = v->rows.row[v->rows.n - 1];
	v->rows.row[v->rows.n - 1] = keep;
	assert_int_equal(feed(v->k->vault_id, v->admins, 2, NULL), CV_ERR_AUTH);
}

static void missing_set_is_refused(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= SETS; i++) {
		struct test_row keep = *row_of(DIR_CHANGE, i);

		drop(row_of(DIR_CHANGE, i));
		refused();
		v->rows.row[v->rows.n++] = keep;
	}
	assert_int_equal(verify(), 0);
}

static void set_given_twice_is_refused(void **state)
{
	(void)state;
	v->rows.row[v->rows.n] = *row_of(DIR_CHANGE, 3);
	v->rows.n++;
	assert_int_equal(verify(), CV_ERR_AUTH);
}

static void replaced_public_key_is_refused(void **state)
{
	static const struct {
		enum dir_type type;
		uint32_t number;
		size_t at;		/* of the key in the fact */
	} keys[] = { { DIR_PRINCIPAL, ADMIN_A, 6 }, { DIR_PRINCIPAL, ADMIN_A, 6 + 32 }, { DIR_PRINCIPAL, WORKER, 6 },
		{ DIR_ROLE, ROLE_MANAGER, 0 }, { DIR_CLASS, 2, 0 } };
	uint8_t theirs[32];

	(void)state;
	crypto_random(theirs, sizeof(theirs));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct test_row *row = row_of(keys[i].type, keys[i].number), keep = *row;

		memcpy(row->val + 8 + keys[i].at, theirs, 32);
		assert_int_equal(verify(), CV_ERR_AUTH);
		*row_of(keys[i].type, keys[i].number) = keep;
		assert_int_equal(verify(), 0);
	}
}

/* Whoever puts a key of theirs also puts its digest into the set, and the set's: then the signatures are of another set. */
static void set_that_names_a_replaced_key_is_refused(void **state)
{
	struct test_row *row = row_of(DIR_PRINCIPAL, ADMIN_A), *set;
	struct dir_value value;
	struct dir_change change;
	uint8_t old[32], new[32];
	bool found = false;

	(void)state;
	assert_int_equal(dir_value_decode(row->val, row->val_n, &value), 0);
	chain_fact_digest(v->k->vault_id, row->key, row->key_n, value.fact, value.fact_n, old);
	row->val[8 + 6 + 32] ^= 1;
	chain_fact_digest(v->k->vault_id, row->key, row->key_n, value.fact, value.fact_n, new);
	set = row_of(DIR_CHANGE, 1);
	assert_int_equal(dir_change_decode(set->val, set->val_n, &change), 0);
	for (unsigned i = 0; i < change.count && !found; i++) {
		uint8_t *digest = set->val + (change.digests - set->val) + (size_t)i * 32;

		if ((found = memcmp(digest, old, 32) == 0))
			memcpy(digest, new, 32);
	}
	assert_true(found);
	assert_int_equal(verify(), CV_ERR_AUTH);
	crypto_hash("cv1.change", NULL, 0, &(struct part){ set->val, change.covered }, 1, set->val + change.covered, 32);
	assert_int_equal(verify(), CV_ERR_AUTH);	/* set 2 names another one */
	drop(row_of(DIR_CHANGE, 2));
	drop(row_of(DIR_CHANGE, 3));
	refused();
}

static void signatures_of_one_person_are_not_enough(void **state)
{
	const struct test_person *const both[] = { &v->people[ADMIN_A], &v->people[ADMIN_B] };
	const struct test_person *const one[] = { &v->people[ADMIN_A] };
	const struct test_person *const twice[] = { &v->people[ADMIN_A], &v->people[ADMIN_A] };
	const struct test_person *const both_keys[] = { &v->people[ADMIN_A], &newcomer };
	const size_t rows = v->rows.n;

	(void)state;
	make_sets(one, 1, both, 2);
	assert_int_equal(verify(), CV_ERR_AUTH);
	(void)test_genesis(v, (const unsigned[]){ ADMIN_A, ADMIN_B }, 2);
	assert_int_equal(v->rows.n, rows);
	make_sets(twice, 2, both, 2);
	assert_int_equal(verify(), CV_ERR_AUTH);
	/* The newcomer is a second key of the first administrator's. */
	(void)test_genesis(v, (const unsigned[]){ ADMIN_A, ADMIN_B }, 2);
	memcpy(newcomer.p.person, v->people[ADMIN_A].p.person, 16);
	make_sets(both, 2, both_keys, 2);
	assert_int_equal(verify(), CV_ERR_AUTH);
}

static void signature_that_does_not_fit_is_refused_beside_two_that_do(void **state)
{
	const struct test_person *const both[] = { &v->people[ADMIN_A], &v->people[ADMIN_B] };
	const struct test_person *const three[] = { &v->people[ADMIN_A], &v->people[ADMIN_B], &newcomer };
	struct test_row *row;

	(void)state;
	make_sets(both, 2, three, 3);
	assert_int_equal(verify(), 0);
	row = row_of(DIR_CHANGE, 3);
	row->val[row->val_n - 1] ^= 1;
	assert_int_equal(verify(), CV_ERR_AUTH);
}

static void only_administrators_of_the_sets_before_sign(void **state)
{
	const struct test_person *const both[] = { &v->people[ADMIN_A], &v->people[ADMIN_B] };
	const struct test_person *const others[][2] = { { &v->people[ADMIN_A], &v->people[WORKER] },
		{ &v->people[CUSTODIAN_A], &v->people[ADMIN_B] }, { &v->people[ADMIN_A], &v->people[AUDITOR] } };
	const struct test_person *const itself[] = { &newcomer, &v->people[ADMIN_B] };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		(void)test_genesis(v, (const unsigned[]){ ADMIN_A, ADMIN_B }, 2);
		make_sets(both, 2, others[i], 2);
		assert_int_equal(verify(), CV_ERR_AUTH);
	}
	/* Nobody signs the set that makes them an administrator. */
	(void)test_genesis(v, (const unsigned[]){ ADMIN_A, ADMIN_B }, 2);
	make_sets(itself, 2, both, 2);
	assert_int_equal(verify(), CV_ERR_AUTH);
}

static void administrator_past_their_dates_does_not_sign(void **state)
{
	const struct test_person *const both[] = { &v->people[ADMIN_A], &v->people[ADMIN_B] };
	const struct test_person *const third[] = { &newcomer, &v->people[ADMIN_B] };

	(void)state;
	newcomer.p.not_after_ms = NOW_MS + 1;	/* when set 3 is made */
	make_sets(both, 2, third, 2);
	assert_int_equal(verify(), CV_ERR_AUTH);
	(void)test_genesis(v, (const unsigned[]){ ADMIN_A, ADMIN_B }, 2);
	newcomer.p.not_after_ms = NOW_MS + 2;
	make_sets(both, 2, third, 2);
	assert_int_equal(verify(), 0);
}

static void fact_without_its_set_is_refused(void **state)
{
	static const uint32_t numbers[] = { 0, 1, 3, 4, UINT32_MAX };	/* it is of set 2 */
	struct dir_key key = { .type = DIR_PRINCIPAL };
	struct test_row *row;

	(void)state;
	memcpy(key.principal, newcomer.p.id, 16);
	row = test_find(&v->rows, &key);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		row = test_find(&v->rows, &key);
		be32_put(row->val + 2, numbers[i]);
		refused();
	}
	row = test_find(&v->rows, &key);
	be32_put(row->val + 2, 2);
	assert_int_equal(verify(), 0);
}

/* As a document that was handed out may have it: no row says so. */
static void fact_of_set_0_is_refused(void **state)
{
	const struct test_row *row = row_of(DIR_PRINCIPAL, WORKER), *set = row_of(DIR_CHANGE, 1);
	struct dir_value value;
	struct chain *c;

	(void)state;
	assert_int_equal(chain_new(v->k->vault_id, v->admins, 2, &c), 0);
	assert_int_equal(chain_change(c, set->key, set->key_n, set->val, set->val_n), 0);
	assert_int_equal(dir_value_decode(row->val, row->val_n, &value), 0);
	assert_int_equal(chain_fact(c, row->key, row->key_n, 0, value.fact, value.fact_n), CV_ERR_AUTH);
	assert_int_equal(chain_fact(c, set->key, set->key_n, 1, value.fact, value.fact_n), CV_ERR_FORMAT);
	chain_free(c);
}

static void fact_that_nobody_signed_is_refused(void **state)
{
	struct dir_key key = { .type = DIR_MEMBER, .role = ROLE_MANAGER, .epoch = 1 };
	struct test_row *row;

	(void)state;
	memcpy(key.principal, newcomer.p.id, 16);
	sort();
	row = &v->rows.row[v->rows.n];
	*row = v->rows.row[0];
	for (size_t i = 0; i < v->rows.n; i++)
		if (v->rows.row[i].key[0] == DIR_MEMBER)
			*row = v->rows.row[i];
	row->key_n = dir_key_encode(&key, row->key);
	v->rows.n++;
	assert_int_equal(verify(), CV_ERR_AUTH);
}

static void fact_of_the_newest_set_that_is_left_out_is_refused(void **state)
{
	struct dir_key key = { .type = DIR_MEMBER, .role = ROLE_WORKER, .epoch = 1 };

	(void)state;
	memcpy(key.principal, v->people[WORKER].p.id, 16);
	drop(test_find(&v->rows, &key));
	assert_int_equal(verify(), CV_ERR_AUTH);
}

static void fact_given_twice_is_refused(void **state)
{
	struct dir_key key = { .type = DIR_MEMBER, .role = ROLE_WORKER, .epoch = 1 };

	(void)state;
	memcpy(key.principal, v->people[WORKER].p.id, 16);
	v->rows.row[v->rows.n] = *test_find(&v->rows, &key);
	v->rows.n++;
	assert_int_equal(verify(), CV_ERR_FORMAT);
}

static void facts_out_of_order_are_refused(void **state)
{
	struct test_row keep;

	(void)state;
	sort();
	keep = v->rows.row[0];
	v->rows.row[0] = v->rows.row[1];
	v->rows.row[1] = keep;
	assert_int_equal(feed(v->k->vault_id, v->admins, 2, NULL), CV_ERR_FORMAT);
}

static void chain_of_another_vault_is_refused(void **state)
{
	uint8_t vault[16];

	(void)state;
	sort();
	memcpy(vault, v->k->vault_id, 16);
	assert_int_equal(feed(vault, v->admins, 2, NULL), 0);
	vault[15] ^= 1;
	assert_int_equal(feed(vault, v->admins, 2, NULL), CV_ERR_AUTH);
}

static void other_administrators_in_leaf_0_refuse_it(void **state)
{
	struct genesis_admin admins[2];
	uint8_t sk[64], seed[32] = { 1 };

	(void)state;
	sort();
	assert_int_equal(feed(v->k->vault_id, v->admins, 1, NULL), CV_ERR_AUTH);
	memcpy(admins, v->admins, sizeof(admins));
	crypto_sign_pair(seed, admins[0].sign_pk, sk);
	assert_int_equal(feed(v->k->vault_id, admins, 2, NULL), CV_ERR_AUTH);
	memcpy(admins, v->admins, sizeof(admins));
	memcpy(admins[1].person, admins[0].person, 16);
	assert_int_equal(feed(v->k->vault_id, admins, 2, NULL), CV_ERR_AUTH);
}

static void each_flipped_bit_of_a_set_is_refused(void **state)
{
	(void)state;
	for (uint32_t i = 2; i <= SETS; i++) {
		size_t n = row_of(DIR_CHANGE, i)->val_n;

		for (size_t bit = 0; bit < n * 8; bit++) {
			row_of(DIR_CHANGE, i)->val[bit / 8] ^= (uint8_t)(1u << bit % 8);
			refused();
			row_of(DIR_CHANGE, i)->val[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, chain_up, vault_down)
#define G(name) cmocka_unit_test_setup_teardown(name, vault_up, vault_down)
	const struct CMUnitTest tests[] = {
		T(whole_chain_verifies_and_tells_who_administrates), T(fact_of_an_older_set_may_be_gone),
		T(sets_in_another_order_are_refused), T(missing_set_is_refused), T(set_given_twice_is_refused),
		T(replaced_public_key_is_refused),
		T(set_that_names_a_replaced_key_is_refused), G(signatures_of_one_person_are_not_enough),
		G(signature_that_does_not_fit_is_refused_beside_two_that_do), G(only_administrators_of_the_sets_before_sign),
		G(administrator_past_their_dates_does_not_sign), T(fact_without_its_set_is_refused), T(fact_of_set_0_is_refused),
		T(fact_that_nobody_signed_is_refused),
		T(fact_of_the_newest_set_that_is_left_out_is_refused), T(fact_given_twice_is_refused), T(facts_out_of_order_are_refused),
		T(chain_of_another_vault_is_refused), T(other_administrators_in_leaf_0_refuse_it), T(each_flipped_bit_of_a_set_is_refused),
	};
#undef G
#undef T

	return cmocka_run_group_tests(tests, test_start, NULL);
}

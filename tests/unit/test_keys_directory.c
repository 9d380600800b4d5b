/* The directory: what genesis writes, and what loading refuses. */
#include "test_keys.h"

static struct test_vault *v;

static int vault_up(void **state)
{
	(void)state;
	v = test_vault_new();
	return 0;
}

static int vault_down(void **state)
{
	(void)state;
	test_vault_free(v);
	v = NULL;
	return 0;
}

static struct dir_key key_of(enum dir_type type)
{
	struct dir_key key = { .type = type };

	switch (type) {
	case DIR_PRINCIPAL:
	case DIR_MEMBER:
		memcpy(key.principal, v->people[WORKER].p.id, 16);
		break;
	case DIR_CUSTODY:
		memcpy(key.principal, v->people[CUSTODIAN_A].p.id, 16);
		break;
	case DIR_CLASS:
	case DIR_GRANT:
		key.class_key = test_classes[2];
		break;
	case DIR_ROLE:
	case DIR_CHANGE:
		break;
	}
	if (type == DIR_ROLE || type == DIR_MEMBER || type == DIR_GRANT || type == DIR_CUSTODY)
		key.role = ROLE_WORKER;
	if (type == DIR_GRANT)
		key.role_epoch = 1;
	if (type == DIR_CHANGE)
		key.sequence = 1;
	else if (type != DIR_PRINCIPAL)
		key.epoch = 1;
	return key;
}

static struct test_row *row_of(enum dir_type type)
{
	struct dir_key key = key_of(type);
	struct test_row *row = test_find(&v->rows, &key);

	assert_non_null(row);
	return row;
}

static void refused(void)
{
	int r = test_load(v);

	assert_true(r == CV_ERR_AUTH || r == CV_ERR_FORMAT);
}

static void genesis_loads(void **state)
{
	const struct principal *p;
	uint8_t pk[32], digest[32];
	uint32_t epoch;
	struct dir_change c;

	(void)state;
	assert_int_equal(test_load(v), 0);
	for (unsigned i = 0; i < PEOPLE; i++) {
		p = directory_principal(v->k, v->people[i].p.id);
		assert_non_null(p);
		assert_memory_equal(p->id, v->people[i].p.id, 16);
		assert_int_equal(p->kind, v->people[i].p.kind);
		assert_int_equal(p->admin_area, v->people[i].p.admin_area);
		assert_int_equal(p->uid, v->people[i].p.uid);
		assert_memory_equal(p->box_pk, v->people[i].p.box_pk, 32);
		assert_memory_equal(p->sign_pk, v->people[i].p.sign_pk, 32);
		assert_memory_equal(p->person, v->people[i].p.person, 16);
		assert_int_equal(p->department, i);
		assert_string_equal(p->area, "530102");
		assert_true(p->login[0] != 0 && directory_principal_named(v->k, p->login, strlen(p->login)) == p);
		assert_true(directory_enabled(p, NOW_MS));
		assert_false(directory_enabled(p, NOW_MS - 1001));
	}
	assert_false(directory_enabled(directory_principal(v->k, v->people[GUEST].p.id), NOW_MS + 3600 * 1000));
	assert_null(directory_principal(v->k, (const uint8_t *)"nobody-012345678"));
	assert_false(directory_enabled(NULL, NOW_MS));
	for (unsigned i = 0; i < CLASSES; i++) {
		assert_int_equal(directory_class(v->k, test_classes[i], &epoch, pk), 0);
		assert_int_equal(epoch, 1);
		assert_memory_equal(pk, directory_class_entry(v->k, test_classes[i], 1)->pk, 32);
	}
	assert_int_equal(directory_class(v->k, 0x500000, &epoch, pk), CV_ERR_NOTFOUND);
	assert_int_equal(dir_change_decode(row_of(DIR_CHANGE)->val, row_of(DIR_CHANGE)->val_n, &c), 0);
	memcpy(digest, c.digest, 32);
	assert_memory_equal(digest, v->digest, 32);
	assert_int_equal(c.count, v->rows.n - 1);
}

static void keys_are_new_in_each_genesis(void **state)
{
	static const unsigned both[] = { ADMIN_A, ADMIN_B };
	uint8_t pk[32], again[32];
	uint32_t epoch;

	(void)state;
	assert_int_equal(test_load(v), 0);
	assert_int_equal(directory_class(v->k, test_classes[0], &epoch, pk), 0);
	assert_int_equal(test_genesis(v, both, 2), 0);
	assert_int_equal(test_load(v), 0);
	assert_int_equal(directory_class(v->k, test_classes[0], &epoch, again), 0);
	assert_memory_not_equal(pk, again, 32);
}

static unsigned rows_of_key(const uint8_t *key, size_t n)
{
	unsigned found = 0;

	for (size_t i = 0; i < v->rows.n; i++)
		found += v->rows.row[i].key_n == n && memcmp(v->rows.row[i].key, key, n) == 0;
	return found;
}

/* Every bit of the key, of what stands before the fact, and of the fact. */
static void each_flipped_bit_of_a_fact_is_refused(void **state)
{
	(void)state;
	for (unsigned type = DIR_PRINCIPAL; type <= DIR_CUSTODY; type++) {
		struct dir_key dk = key_of((enum dir_type)type);
		struct dir_value value;
		uint8_t key[DIR_KEY_MAX];
		size_t key_n = dir_key_encode(&dk, key), n;
		struct test_row *row = test_find(&v->rows, &dk);

		assert_int_equal(dir_value_decode(row->val, row->val_n, &value), 0);
		n = (size_t)(value.rest - row->val);
		for (size_t bit = 0; bit < (key_n + n) * 8; bit++) {
			uint8_t *byte;

			/* The scan sorts the rows, so the row is found by its bytes each time. */
			row = test_find(&v->rows, &dk);
			byte = bit / 8 < key_n ? &row->key[bit / 8] : &row->val[bit / 8 - key_n];
			*byte ^= (uint8_t)(1u << bit % 8);
			memcpy(key, row->key, key_n);
			if (rows_of_key(key, key_n) > 1) {
				*byte ^= (uint8_t)(1u << bit % 8);	/* another row's key: no store holds both */
				continue;
			}
			refused();
			for (size_t i = 0; i < v->rows.n; i++) {
				if (v->rows.row[i].key_n == key_n && memcmp(v->rows.row[i].key, key, key_n) == 0)
					row = &v->rows.row[i];
			}
			byte = bit / 8 < key_n ? &row->key[bit / 8] : &row->val[bit / 8 - key_n];
			*byte ^= (uint8_t)(1u << bit % 8);
		}
	}
	assert_int_equal(test_load(v), 0);
}

static void each_flipped_bit_of_the_change_set_is_refused(void **state)
{
	struct test_row *row = row_of(DIR_CHANGE);

	(void)state;
	for (size_t bit = 0; bit < row->val_n * 8; bit++) {
		row_of(DIR_CHANGE)->val[bit / 8] ^= (uint8_t)(1u << bit % 8);
		refused();
		row_of(DIR_CHANGE)->val[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(test_load(v), 0);
}

static void each_flipped_bit_of_a_persons_sealed_texts_is_refused(void **state)
{
	struct dir_person_rest rest;
	struct dir_value value;
	struct test_row *row = row_of(DIR_PRINCIPAL);
	size_t at;

	(void)state;
	assert_int_equal(dir_value_decode(row->val, row->val_n, &value), 0);
	assert_int_equal(dir_person_rest_decode(value.rest, value.rest_n, &rest), 0);
	at = (size_t)(rest.sealed - row->val);
	for (size_t bit = 0; bit < rest.sealed_n * 8u; bit++) {
		row_of(DIR_PRINCIPAL)->val[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
		refused();
		row_of(DIR_PRINCIPAL)->val[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void swapped_public_key_is_refused(void **state)
{
	struct dir_key a = { .type = DIR_CLASS, .class_key = test_classes[0], .epoch = 1 }, b = a;
	struct test_row *x, *y, keep;

	(void)state;
	b.class_key = test_classes[1];
	x = test_find(&v->rows, &a);
	y = test_find(&v->rows, &b);
	keep = *x;
	memcpy(x->val, y->val, y->val_n);
	memcpy(y->val, keep.val, keep.val_n);
	refused();
}

static void missing_row_of_the_newest_set_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < v->rows.n; i++) {
		struct test_row keep = v->rows.row[i];

		v->rows.row[i] = v->rows.row[--v->rows.n];
		refused();
		v->rows.row[v->rows.n++] = keep;
	}
	assert_int_equal(test_load(v), 0);
}

static void row_that_nobody_signed_is_refused(void **state)
{
	struct dir_key key = { .type = DIR_MEMBER, .role = ROLE_MANAGER, .epoch = 1 };
	struct test_row *from = row_of(DIR_MEMBER), *row = &v->rows.row[v->rows.n++];

	(void)state;
	*row = *from;
	memcpy(key.principal, v->people[WORKER].p.id, 16);
	row->key_n = dir_key_encode(&key, row->key);
	refused();
}

static void one_signature_is_not_enough(void **state)
{
	static const unsigned one[] = { ADMIN_A };

	(void)state;
	assert_int_equal(test_genesis(v, one, 1), 0);
	assert_int_equal(test_load(v), CV_ERR_AUTH);
	assert_int_equal(test_genesis(v, NULL, 0), 0);
	assert_int_equal(test_load(v), CV_ERR_AUTH);
}

static void one_administrator_twice_is_not_enough(void **state)
{
	static const unsigned twice[] = { ADMIN_A, ADMIN_A };

	(void)state;
	assert_int_equal(test_genesis(v, twice, 2), 0);
	assert_int_equal(test_load(v), CV_ERR_AUTH);
}

static void two_administrators_of_one_person_are_not_enough(void **state)
{
	(void)state;
	memcpy(v->admins[1].person, v->admins[0].person, 16);
	assert_int_equal(test_load(v), CV_ERR_AUTH);
}

static void signature_of_no_administrator_is_refused(void **state)
{
	static const unsigned with_manager[] = { ADMIN_A, MANAGER }, three[] = { ADMIN_A, ADMIN_B, MANAGER };

	(void)state;
	assert_int_equal(test_genesis(v, with_manager, 2), 0);
	assert_int_equal(test_load(v), CV_ERR_AUTH);
	assert_int_equal(test_genesis(v, three, 3), 0);
	assert_int_equal(test_load(v), CV_ERR_AUTH);
}

static void other_administrators_in_leaf_0_refuse_the_directory(void **state)
{
	uint8_t sk[64], seed[32] = { 1 };

	(void)state;
	crypto_sign_pair(seed, v->admins[1].sign_pk, sk);
	assert_int_equal(test_load(v), CV_ERR_AUTH);
	assert_int_equal(directory_load(v->k, &v->rows, v->admins, 0), CV_ERR_AUTH);
}

static void directory_of_another_vault_is_refused(void **state)
{
	(void)state;
	v->k->vault_id[0] ^= 1;
	assert_int_equal(test_load(v), CV_ERR_AUTH);
}

static void empty_directory_is_refused(void **state)
{
	(void)state;
	v->rows.n = 0;
	assert_int_equal(test_load(v), CV_ERR_FORMAT);
}

static void refused_load_leaves_the_old_directory(void **state)
{
	(void)state;
	assert_int_equal(test_load(v), 0);
	row_of(DIR_CHANGE)->val[20] ^= 1;
	refused();
	assert_non_null(directory_principal(v->k, v->people[WORKER].p.id));
}

static void wrong_genesis_arguments_are_refused(void **state)
{
	static const uint32_t unknown_class[] = { 0x990000 };
	static const uint16_t unknown_role[] = { 99 };
	struct genesis_role role = { ROLE_AUDIT, NULL, 0, 0 };
	struct genesis_person people[PEOPLE];
	struct genesis_directory g = { people, PEOPLE, &role, 1, test_classes, CLASSES, NOW_MS };
	static struct store rows;	/* too large for a stack */
	uint8_t digest[32];
	char longer[257];

	(void)state;
	test_people(v, people);
	for (unsigned i = 0; i < PEOPLE; i++)
		people[i].role_count = 0;
	assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), 0);
	rows.n = 0;
	role.class_keys = unknown_class;
	role.class_count = 1;
	assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), CV_ERR_ARG);
	role.class_count = 0;
	people[WORKER].roles = unknown_role;
	people[WORKER].role_count = 1;
	assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), CV_ERR_ARG);
	people[WORKER].role_count = 0;
	role.share_k = 3;	/* of two custodians */
	assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), CV_ERR_ARG);
	role.share_k = 0;
	memcpy(people[WORKER].principal.id, people[APP].principal.id, 16);
	assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), CV_ERR_ARG);
	memcpy(people[WORKER].principal.id, v->people[WORKER].p.id, 16);
	memset(longer, 'x', sizeof(longer));
	longer[256] = '\0';
	people[WORKER].name = longer;
	assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), CV_ERR_ARG);
	people[WORKER].name = "";
	assert_int_equal(rows.n, 0);
	assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), 0);
}

static void logins_areas_and_roles_that_do_not_fit_are_refused(void **state)
{
	static const char *const logins[] = { "", "manager", "0123456789012345678901234567890123456789012345678901234567890123" };
	static const char *const areas[] = { "5301021010010", "53010x", " ", "五" };
	uint16_t many[ROLE_WRAPS];
	struct genesis_role roles[ROLE_WRAPS + 1] = { { 0, NULL, 0, 0 } };
	struct genesis_person people[PEOPLE];
	struct genesis_directory g = { people, PEOPLE, roles, ROLE_WRAPS, test_classes, CLASSES, NOW_MS };
	static struct store rows;	/* too large for a stack */
	uint8_t digest[32];

	(void)state;
	for (unsigned i = 0; i < ROLE_WRAPS; i++)
		many[i] = roles[i].role = (uint16_t)(i + 1);
	test_people(v, people);
	for (unsigned i = 0; i < 3; i++) {
		people[WORKER].login = logins[i];
		assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), CV_ERR_ARG);
	}
	people[WORKER].login = logins[2] + 1;
	for (unsigned i = 0; i < 4; i++) {
		people[WORKER].area = areas[i];
		assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), CV_ERR_ARG);
	}
	people[WORKER].area = areas[0] + 1;
	people[WORKER].roles = many;
	people[WORKER].role_count = ROLE_WRAPS;
	assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), CV_ERR_ARG);
	people[WORKER].role_count = ROLE_WRAPS - 1;
	roles[ROLE_WRAPS - 1].role = ROLE_PERSONAL | 1;
	assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), CV_ERR_ARG);
	roles[ROLE_WRAPS - 1].role = ROLE_PERSONAL - 1;
	assert_int_equal(rows.n, 0);
	assert_int_equal(directory_genesis(v->k, &g, NULL, 0, test_put, &rows, digest), 0);
}

static int failing_put(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	unsigned *left = cookie;

	(void)key;
	(void)key_n;
	(void)val;
	(void)val_n;
	return (*left)-- == 0 ? CV_ERR_FULL : 0;
}

static void genesis_answers_what_put_answered(void **state)
{
	struct genesis_role role = { ROLE_AUDIT, NULL, 0, 0 };
	struct genesis_person people[PEOPLE];
	struct genesis_directory g = { people, PEOPLE, &role, 1, test_classes, CLASSES, NOW_MS };
	uint8_t digest[32];

	(void)state;
	test_people(v, people);
	for (unsigned i = 0; i < PEOPLE; i++)
		people[i].role_count = 0;
	for (unsigned at = 0; at < PEOPLE + 1 + CLASSES + 1; at++) {
		unsigned left = at;

		assert_int_equal(directory_genesis(v->k, &g, NULL, 0, failing_put, &left, digest), CV_ERR_FULL);
	}
}

static void role_wraps_open_for_their_member_alone(void **state)
{
	struct role_wrap wraps[ROLE_WRAPS];
	uint8_t sk[32], pk[32];

	(void)state;
	assert_int_equal(test_load(v), 0);
	assert_int_equal(directory_role_wraps(v->k, v->people[ADMIN_A].p.id, NOW_MS, wraps), 1);
	assert_int_equal(directory_role_wraps(v->k, v->people[MANAGER].p.id, NOW_MS, wraps), 3);
	assert_true(role_is_personal(wraps[0].role) && !role_is_personal(wraps[1].role) && !role_is_personal(wraps[2].role));
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(test_open_wrap(v, &v->people[MANAGER], &wraps[i], sk), 0);
		crypto_box_public(sk, pk);
		assert_memory_equal(pk, directory_role_entry(v->k, wraps[i].role, 1)->pk, 32);
		for (unsigned who = 0; who < PEOPLE; who++)
			assert_true(who == MANAGER || test_open_wrap(v, &v->people[who], &wraps[i], sk) == CV_ERR_AUTH);
		wraps[i].role++;
		assert_int_equal(test_open_wrap(v, &v->people[MANAGER], &wraps[i], sk), CV_ERR_AUTH);
	}
	assert_int_equal(directory_role_wraps(v->k, v->people[GUEST].p.id, NOW_MS, wraps), 2);
	assert_int_equal(directory_role_wraps(v->k, v->people[GUEST].p.id, NOW_MS + 3600 * 1000, wraps), 0);
}

static int custody_share(unsigned who, uint8_t ret_share[32], unsigned *ret_index)
{
	struct dir_key key = { .type = DIR_CUSTODY, .role = ROLE_MANAGER, .epoch = 1 };
	struct dir_value value;
	struct test_row *row;
	uint8_t ctx[96], index;

	memcpy(key.principal, v->people[who].p.id, 16);
	row = test_find(&v->rows, &key);
	assert_non_null(row);
	assert_int_equal(dir_value_decode(row->val, row->val_n, &value), 0);
	assert_int_equal(dir_custody_decode(value.fact, value.fact_n, &index), 0);
	*ret_index = index;
	context_encode(&(struct context){ .kind = CONTEXT_SHARE, .vault = v->k->vault_id, .entity = key.principal, .epoch = 1,
	    .field = ROLE_MANAGER, .version = index, .length = 32 }, ctx);
	return crypto_pkopen(v->people[who].box_sk, ctx, value.rest, value.rest_n, ret_share);
}

static void two_custodians_make_the_role_key_and_one_does_not(void **state)
{
	struct dir_key key = { .type = DIR_ROLE, .role = ROLE_MANAGER, .epoch = 1 };
	uint8_t shares[64], scalar[32], sk[32], pk[32];
	struct dir_value value;
	struct dir_public role;
	struct test_row *row = test_find(&v->rows, &key);
	unsigned index[2];

	(void)state;
	assert_int_equal(dir_value_decode(row->val, row->val_n, &value), 0);
	assert_int_equal(dir_role_decode(value.fact, value.fact_n, &role), 0);
	assert_int_equal(role.k, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(custody_share(CUSTODIAN_A + i, shares + 32 * i, &index[i]), 0);
		assert_int_equal(shares_check(shares + 32 * i, index[i], role.commits, 2), 0);
	}
	assert_int_equal(shares_combine(shares, index, 2, scalar), 0);
	crypto_hash("cv1.unseal", scalar, 32, NULL, 0, sk, 32);
	crypto_box_public(sk, pk);
	assert_memory_equal(pk, role.pk, 32);
	assert_int_equal(shares_combine(shares, index, 1, scalar), 0);
	crypto_hash("cv1.unseal", scalar, 32, NULL, 0, sk, 32);
	crypto_box_public(sk, pk);
	assert_memory_not_equal(pk, role.pk, 32);
}

struct seen {
	unsigned n;
	bool all_open;
};

static void see_person(void *cookie, const uint8_t principal[16], const uint8_t *sealed, size_t n)
{
	struct seen *seen = cookie;
	struct dir_person person;
	uint8_t ctx[96], plain[2048];

	assert_true(n > PKSEAL_OVERHEAD && n < sizeof(plain));
	context_encode(&(struct context){ .kind = CONTEXT_PERSON_AUDITOR, .vault = v->k->vault_id, .entity = principal,
	    .field = 2, .writer = v->people[AUDITOR].p.id, .length = n - PKSEAL_OVERHEAD }, ctx);
	if (crypto_pkopen(v->people[AUDITOR].box_sk, ctx, sealed, n, plain) != 0)
		seen->all_open = false;
	/* The first text is the login name, the second the display name. */
	assert_memory_equal(plain + 1 + plain[0] + 1, "王小明", strlen("王小明"));
	assert_int_equal(dir_person_decode(plain, n - PKSEAL_OVERHEAD, &person), 0);
	assert_int_equal(person.vetting_ms, VETTED_MS);
	seen->n++;
}

static void see_auditor(void *cookie, const struct principal *p)
{
	assert_memory_equal(p->id, v->people[AUDITOR].p.id, 16);
	++*(unsigned *)cookie;
}

static void auditor_reads_names_and_is_listed_while_enabled(void **state)
{
	struct seen seen = { 0, true };
	unsigned n = 0;

	(void)state;
	assert_int_equal(test_load(v), 0);
	directory_people(v->k, &v->rows, v->people[AUDITOR].p.id, see_person, &seen);
	assert_int_equal(seen.n, PEOPLE);
	assert_true(seen.all_open);
	directory_people(v->k, &v->rows, v->people[WORKER].p.id, see_person, &seen);
	assert_int_equal(seen.n, PEOPLE);
	directory_auditors(v->k, NOW_MS, see_auditor, &n);
	assert_int_equal(n, 1);
	test_suspend(v, AUDITOR, true);
	assert_int_equal(test_load(v), 0);
	directory_auditors(v->k, NOW_MS, see_auditor, &n);
	assert_int_equal(n, 1);
}

/* Replace a fact by a second change set that names previous as the digest before it, signed by n of the people. */
static void second_set_after(const uint8_t previous[32], const struct dir_key *dk, const uint8_t *fact, size_t fact_n,
    const unsigned *signers, unsigned n)
{
	struct test_row *row = test_find(&v->rows, dk), *set = &v->rows.row[v->rows.n];
	struct dir_key change = { .type = DIR_CHANGE, .sequence = 2 };
	struct dir_value value;
	uint8_t digest[32], message[48] = "cv1.change", sig[64];
	struct buf b;

	assert_int_equal(dir_value_decode(row->val, row->val_n, &value), 0);
	buf_init(&b, sizeof(row->val));
	dir_value_encode(2, fact, (uint16_t)fact_n, &b);
	buf_put(&b, value.rest, value.rest_n);
	memcpy(row->val, b.p, b.n);
	row->val_n = b.n;
	chain_fact_digest(v->k->vault_id, row->key, row->key_n, fact, fact_n, digest);
	buf_reset(&b);
	dir_change_encode(2, NOW_MS, previous, digest, 1, &b);
	crypto_hash("cv1.change", NULL, 0, &(struct part){ b.p, b.n }, 1, message + 16, 32);
	buf_put(&b, message + 16, 32);
	buf_u8(&b, (uint8_t)n);
	for (unsigned i = 0; i < n; i++) {
		crypto_sign(v->people[signers[i]].sign_sk, message, sizeof(message), sig);
		buf_put(&b, v->people[signers[i]].p.id, 16);
		buf_put(&b, sig, sizeof(sig));
	}
	set->key_n = dir_key_encode(&change, set->key);
	memcpy(set->val, b.p, b.n);
	set->val_n = b.n;
	v->rows.n++;
	buf_free(&b);
}

static void second_set(const struct dir_key *dk, const uint8_t *fact, size_t fact_n, const unsigned *signers, unsigned n)
{
	second_set_after(v->digest, dk, fact, fact_n, signers, n);
}

static void set_signed_for_another_chain_is_refused(void **state)
{
	static const unsigned both[] = { ADMIN_A, ADMIN_B };
	static const uint8_t other[32] = { 1 };
	struct dir_key dk = key_of(DIR_MEMBER);
	struct buf fact;

	(void)state;
	buf_init(&fact, 64);
	dir_member_encode(NOW_MS - 1000, 0, &fact);
	second_set_after(other, &dk, fact.p, fact.n, both, 2);
	assert_int_equal(test_load(v), CV_ERR_AUTH);
	buf_free(&fact);
}

static void later_set_of_two_administrators_replaces_a_fact(void **state)
{
	static const unsigned both[] = { ADMIN_A, ADMIN_B };
	struct dir_key dk = key_of(DIR_MEMBER);
	struct role_wrap wraps[ROLE_WRAPS];
	struct buf fact;

	(void)state;
	buf_init(&fact, 64);
	dir_member_encode(NOW_MS - 1000, NOW_MS - 1, &fact);
	second_set(&dk, fact.p, fact.n, both, 2);
	buf_free(&fact);
	assert_int_equal(test_load(v), 0);
	assert_int_equal(directory_role_wraps(v->k, v->people[WORKER].p.id, NOW_MS, wraps), 1);
	assert_true(role_is_personal(wraps[0].role));
	assert_int_equal(directory_role_wraps(v->k, v->people[WORKER].p.id, NOW_MS - 2, wraps), 2);
	assert_false(directory_has_role(v->k, v->people[WORKER].p.id, ROLE_WORKER, NOW_MS));
	assert_true(directory_has_role(v->k, v->people[WORKER].p.id, ROLE_WORKER, NOW_MS - 2));
	/* The older set no longer stands alone: the chain must be whole. */
	row_of(DIR_CHANGE)->val[12] ^= 1;
	refused();
}

static void later_set_of_one_administrator_or_of_others_is_refused(void **state)
{
	static const unsigned pairs[][2] = { { ADMIN_A, ADMIN_A }, { ADMIN_A, MANAGER }, { CUSTODIAN_A, CUSTODIAN_B } };
	static const unsigned both[] = { ADMIN_A, ADMIN_B };
	struct dir_key dk = key_of(DIR_MEMBER);
	struct buf fact;

	(void)state;
	buf_init(&fact, 64);
	dir_member_encode(NOW_MS - 1000, 0, &fact);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(test_genesis(v, both, 2), 0);
		second_set(&dk, fact.p, fact.n, pairs[i], 2);
		assert_int_equal(test_load(v), CV_ERR_AUTH);
	}
	buf_free(&fact);
}

static void set_that_makes_an_administrator_is_not_signed_by_them(void **state)
{
	static const unsigned with_new[] = { ADMIN_A, MANAGER }, both[] = { ADMIN_A, ADMIN_B };
	struct dir_principal x;
	struct dir_value value;
	struct dir_key dk = { .type = DIR_PRINCIPAL };
	struct test_row *row;
	struct buf fact;

	(void)state;
	memcpy(dk.principal, v->people[MANAGER].p.id, 16);
	row = test_find(&v->rows, &dk);
	assert_int_equal(dir_value_decode(row->val, row->val_n, &value), 0);
	assert_int_equal(dir_principal_decode(value.fact, value.fact_n, &x), 0);
	x.kind = PRINCIPAL_ADMINISTRATOR;
	x.admin_area = 2;
	buf_init(&fact, 256);
	dir_principal_encode(&x, &fact);
	second_set(&dk, fact.p, fact.n, with_new, 2);
	assert_int_equal(test_load(v), CV_ERR_AUTH);
	assert_int_equal(test_genesis(v, both, 2), 0);
	second_set(&dk, fact.p, fact.n, both, 2);
	assert_int_equal(test_load(v), 0);
	buf_free(&fact);
}

/* ---- personal roles -------------------------------------------------------------------------------------------------- */

static void everybody_has_one_personal_role_in_the_order_of_ids(void **state)
{
	uint8_t pk[32];
	uint32_t epoch;
	uint16_t role;

	(void)state;
	assert_int_equal(test_load(v), 0);
	for (unsigned i = 0; i < PEOPLE; i++) {
		unsigned before = 0;

		for (unsigned j = 0; j < PEOPLE; j++)
			before += memcmp(v->people[j].p.id, v->people[i].p.id, 16) < 0;
		assert_int_equal(directory_personal(v->k, v->people[i].p.id, &role, &epoch, pk), 0);
		assert_int_equal(role, ROLE_PERSONAL | (before + 1));
		assert_int_equal(epoch, 1);
		assert_memory_equal(pk, directory_role_entry(v->k, role, 1)->pk, 32);
		for (unsigned j = 0; j < PEOPLE; j++)
			assert_int_equal(directory_has_role(v->k, v->people[j].p.id, role, NOW_MS), i == j);
	}
	assert_int_equal(directory_personal(v->k, (const uint8_t *)"nobody-012345678", &role, &epoch, pk), CV_ERR_NOTFOUND);
}

/* What two administrators would have to sign for it: the row of `from`, under another key. */
static void second_set_of(const struct test_row *from, const struct dir_key *dk)
{
	static const unsigned both[] = { ADMIN_A, ADMIN_B };
	struct test_row *row = &v->rows.row[v->rows.n++];
	struct dir_value value;
	uint8_t fact[512];

	*row = *from;
	row->key_n = dir_key_encode(dk, row->key);
	assert_int_equal(dir_value_decode(row->val, row->val_n, &value), 0);
	assert_true(value.fact_n <= sizeof(fact));
	memcpy(fact, value.fact, value.fact_n);
	second_set_after(v->digest, dk, fact, value.fact_n, both, 2);
}

static void personal_role_with_a_second_member_is_refused(void **state)
{
	struct dir_key dk = { .type = DIR_MEMBER, .epoch = 1 };
	struct test_row *own;
	uint8_t pk[32];
	uint32_t epoch;

	(void)state;
	assert_int_equal(test_load(v), 0);
	memcpy(dk.principal, v->people[WORKER].p.id, 16);
	assert_int_equal(directory_personal(v->k, dk.principal, &dk.role, &epoch, pk), 0);
	/* The worker has the guest's role in place of the own one. */
	own = test_find(&v->rows, &dk);
	*own = v->rows.row[--v->rows.n];
	assert_int_equal(directory_personal(v->k, v->people[GUEST].p.id, &dk.role, &epoch, pk), 0);
	second_set_of(row_of(DIR_MEMBER), &dk);
	assert_int_equal(test_load(v), CV_ERR_FORMAT);
}

static void second_personal_role_of_one_person_is_refused(void **state)
{
	struct dir_key dk = { .type = DIR_MEMBER, .role = 0xFFFF, .epoch = 1 };

	(void)state;
	memcpy(dk.principal, v->people[WORKER].p.id, 16);
	second_set_of(row_of(DIR_MEMBER), &dk);
	assert_int_equal(test_load(v), CV_ERR_FORMAT);
}

static void membership_of_an_epoch_without_a_key_counts_for_nothing(void **state)
{
	struct dir_key member = { .type = DIR_MEMBER, .epoch = 2 };
	uint8_t pk[32];
	uint32_t epoch;
	uint16_t role;

	(void)state;
	assert_int_equal(test_load(v), 0);
	assert_int_equal(directory_personal(v->k, v->people[WORKER].p.id, &role, &epoch, pk), 0);
	member.role = role;
	memcpy(member.principal, v->people[WORKER].p.id, 16);
	second_set_of(row_of(DIR_MEMBER), &member);
	assert_int_equal(test_load(v), 0);
	assert_int_equal(directory_personal(v->k, v->people[WORKER].p.id, &role, &epoch, pk), 0);
	assert_int_equal(role, member.role);
	assert_int_equal(epoch, 1);
}

static void class_granted_to_a_personal_role_is_refused(void **state)
{
	struct dir_key dk = key_of(DIR_GRANT);
	uint8_t pk[32];
	uint32_t epoch;

	(void)state;
	assert_int_equal(test_load(v), 0);
	assert_int_equal(directory_personal(v->k, v->people[WORKER].p.id, &dk.role, &epoch, pk), 0);
	second_set_of(row_of(DIR_GRANT), &dk);
	assert_int_equal(test_load(v), CV_ERR_FORMAT);
}

/* Seal other texts for the worker, as only the vault itself could. */
static void worker_texts(const char *login, const char *area)
{
	const char *const texts[DIR_PERSON_TEXTS] = { login, "", "", "", area };
	struct test_row *row = row_of(DIR_PRINCIPAL);
	struct dir_person_rest rest;
	struct dir_value value;
	uint8_t ctx[96], sealed[512];
	struct buf plain, b;

	assert_int_equal(dir_value_decode(row->val, row->val_n, &value), 0);
	assert_int_equal(dir_person_rest_decode(value.rest, value.rest_n, &rest), 0);
	buf_init(&plain, sizeof(sealed));
	buf_init(&b, sizeof(row->val));
	assert_int_equal(dir_person_encode(texts, 0, &plain), 0);
	context_encode(CONTEXT_OF(v->k, .kind = CONTEXT_PERSON, .entity = v->people[WORKER].p.id, .epoch = 1, .field = 1,
	    .length = plain.n), ctx);
	crypto_seal(ring_key(v->k, RING_DIR), ctx, plain.p, plain.n, sealed);
	buf_put(&b, row->val, (size_t)(value.rest - row->val));
	dir_person_rest_encode(0, sealed, (uint16_t)(plain.n + SEAL_OVERHEAD), rest.copies, &b);
	buf_put(&b, rest.list, rest.list_n);
	memcpy(row->val, b.p, b.n);
	row->val_n = b.n;
	buf_free(&b);
	buf_free(&plain);
}

static void texts_of_a_person_are_held_to_their_rules(void **state)
{
	static const struct { const char *login, *area; int r; } samples[] = {
		{ "li.wei", "530102101001", 0 }, { "li.wei", "", 0 }, { "", "530102", CV_ERR_FORMAT },
		{ "li.wei", "5301021010010", CV_ERR_FORMAT }, { "li.wei", "whole", CV_ERR_FORMAT },
		{ "0123456789012345678901234567890123456789012345678901234567890123", "", CV_ERR_FORMAT },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		worker_texts(samples[i].login, samples[i].area);
		assert_int_equal(test_load(v), samples[i].r);
		if (samples[i].r != 0)
			continue;
		assert_string_equal(directory_principal(v->k, v->people[WORKER].p.id)->login, samples[i].login);
		assert_string_equal(directory_principal(v->k, v->people[WORKER].p.id)->area, samples[i].area);
	}
}

static void login_name_finds_its_one_principal(void **state)
{
	(void)state;
	assert_int_equal(test_load(v), 0);
	assert_memory_equal(directory_principal_named(v->k, "worker", 6)->id, v->people[WORKER].p.id, 16);
	assert_null(directory_principal_named(v->k, "worke", 5));
	assert_null(directory_principal_named(v->k, "worker", 5));
	assert_null(directory_principal_named(v->k, "workers", 7));
	assert_null(directory_principal_named(v->k, "", 0));
	worker_texts("manager", "");
	assert_int_equal(test_load(v), 0);
	assert_null(directory_principal_named(v->k, "manager", 7));
	keys_seal(v->k);
	assert_null(directory_principal_named(v->k, "admin-a", 7));
}

#define with_vault(f) cmocka_unit_test_setup_teardown(f, vault_up, vault_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_vault(genesis_loads),
		with_vault(keys_are_new_in_each_genesis),
		with_vault(each_flipped_bit_of_a_fact_is_refused),
		with_vault(each_flipped_bit_of_the_change_set_is_refused),
		with_vault(each_flipped_bit_of_a_persons_sealed_texts_is_refused),
		with_vault(swapped_public_key_is_refused),
		with_vault(missing_row_of_the_newest_set_is_refused),
		with_vault(row_that_nobody_signed_is_refused),
		with_vault(one_signature_is_not_enough),
		with_vault(one_administrator_twice_is_not_enough),
		with_vault(two_administrators_of_one_person_are_not_enough),
		with_vault(signature_of_no_administrator_is_refused),
		with_vault(other_administrators_in_leaf_0_refuse_the_directory),
		with_vault(directory_of_another_vault_is_refused),
		with_vault(empty_directory_is_refused),
		with_vault(refused_load_leaves_the_old_directory),
		with_vault(wrong_genesis_arguments_are_refused),
		with_vault(logins_areas_and_roles_that_do_not_fit_are_refused),
		with_vault(everybody_has_one_personal_role_in_the_order_of_ids),
		with_vault(personal_role_with_a_second_member_is_refused),
		with_vault(second_personal_role_of_one_person_is_refused),
		with_vault(membership_of_an_epoch_without_a_key_counts_for_nothing),
		with_vault(class_granted_to_a_personal_role_is_refused),
		with_vault(texts_of_a_person_are_held_to_their_rules),
		with_vault(login_name_finds_its_one_principal),
		with_vault(genesis_answers_what_put_answered),
		with_vault(role_wraps_open_for_their_member_alone),
		with_vault(two_custodians_make_the_role_key_and_one_does_not),
		with_vault(auditor_reads_names_and_is_listed_while_enabled),
		with_vault(set_signed_for_another_chain_is_refused),
		with_vault(later_set_of_two_administrators_replaces_a_fact),
		with_vault(later_set_of_one_administrator_or_of_others_is_refused),
		with_vault(set_that_makes_an_administrator_is_not_signed_by_them),
	};

	return cmocka_run_group_tests_name("keys directory", tests, test_start, NULL);
}

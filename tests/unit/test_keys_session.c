/* Hellos and sessions. */
#include "test_keys.h"

#define T0 5000000u	/* monotonic start of the tests */
#define MINUTE 60000u

static struct test_vault *v;
static const uint8_t q[32] = "a question";

static int vault_up(void **state)
{
	(void)state;
	v = test_vault_new();
	assert_int_equal(test_load(v), 0);
	return 0;
}

static int crowd_up(void **state)
{
	(void)state;
	v = test_vault_with(PEOPLE + EXTRA);
	assert_int_equal(test_load(v), 0);
	return 0;
}

static int vault_down(void **state)
{
	(void)state;
	test_vault_free(v);
	v = NULL;
	return 0;
}

static int hello(const uint8_t id[16], uint64_t mono_ms, struct hello_answer *ret)
{
	return session_hello(v->k, UID_WORKER, id, q, NOW_MS, mono_ms, ret);
}

/* ---- opening ----------------------------------------------------------------------------------------------------------- */

static void member_opens_a_session_with_the_roles_classes(void **state)
{
	struct test_session t;
	struct class_keys c;
	uint8_t pk[32], kek[32];
	const uint16_t *roles;
	unsigned n;

	(void)state;
	assert_int_equal(test_login(v, WORKER, UID_WORKER, T0, &t), 0);
	assert_memory_equal(t.principal, v->people[WORKER].p.id, 16);
	assert_int_equal(session_count(v->k), 1);
	assert_ptr_equal(session_find(v->k, t.token, UID_WORKER, NOW_MS, T0), t.s);
	roles = session_roles(t.s, &n);
	assert_int_equal(n, 1);
	assert_int_equal(roles[0], ROLE_WORKER);
	assert_int_equal(session_expires_ms(t.s), NOW_MS + SESSION_PERSON_MS);
	assert_memory_equal(session_principal(v->k, t.s)->id, v->people[WORKER].p.id, 16);
	for (unsigned i = 0; i < CLASSES; i++) {
		bool want = i == 2 || i == 3;

		assert_int_equal(session_has_class(t.s, test_classes[i]), want);
		assert_int_equal(session_class_epoch(t.s, test_classes[i]), want);
		assert_int_equal(session_class_keys(t.s, test_classes[i], 1, &c), want);
		assert_false(session_class_keys(t.s, test_classes[i], 2, &c));
		if (!want)
			continue;
		crypto_box_public(c.sk, pk);
		assert_memory_equal(pk, c.pk, 32);
		assert_memory_equal(pk, directory_class_entry(v->k, test_classes[i], 1)->pk, 32);
		crypto_hash("cv1.classkek", c.sk, 32, NULL, 0, kek, 32);
		assert_memory_equal(kek, c.kek, 32);
	}
	assert_false(session_has_class(t.s, 0));
	assert_false(session_has_class(t.s, UINT32_MAX));
}

static void several_roles_give_the_union_of_their_classes(void **state)
{
	struct test_session t;
	unsigned n;

	(void)state;
	assert_int_equal(test_login(v, MANAGER, 7, T0, &t), 0);
	(void)session_roles(t.s, &n);
	assert_int_equal(n, 2);
	for (unsigned i = 0; i < CLASSES; i++)
		assert_true(session_has_class(t.s, test_classes[i]));
}

static void auditor_session_holds_no_class(void **state)
{
	struct test_session t;

	(void)state;
	assert_int_equal(test_login(v, AUDITOR, 7, T0, &t), 0);
	for (unsigned i = 0; i < CLASSES; i++)
		assert_false(session_has_class(t.s, test_classes[i]));
}

static void each_flipped_bit_of_an_activation_is_refused(void **state)
{
	struct hello_answer a;
	struct test_entry e[8], bad[8];
	struct test_session t;
	uint8_t signature[64];
	uint64_t mono = T0;

	(void)state;
	/* One flip a hello, so that the failures stay below the limit: the clock moves on. */
	for (size_t bit = 0; bit < (118 + 64) * 8; bit += 7, mono += 2 * MINUTE) {
		assert_int_equal(hello(v->people[WORKER].p.id, mono, &a), 0);
		assert_int_equal(test_answer(v, &v->people[WORKER], &a, e), 1);
		test_prove(&v->people[WORKER], &a, e, 1, signature);
		bad[0] = e[0];
		if (bit < 112 * 8)
			bad[0].sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		else if (bit < 116 * 8)
			bad[0].epoch ^= 1u << (bit - 112 * 8);
		else if (bit < 118 * 8)
			bad[0].role ^= (uint16_t)(1u << (bit - 116 * 8));
		else
			signature[bit / 8 - 118] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(test_activate(v, UID_WORKER, &a, bad, 1, signature, NOW_MS, mono, &t), CV_ERR_AUTH);
		/* The same with a signature that covers the change. */
		mono += 2 * MINUTE;
		assert_int_equal(hello(v->people[WORKER].p.id, mono, &a), 0);
		(void)test_answer(v, &v->people[WORKER], &a, e);
		if (bit >= 118 * 8)
			continue;
		bad[0] = e[0];
		if (bit < 112 * 8)
			bad[0].sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		else if (bit < 116 * 8)
			bad[0].epoch ^= 1u << (bit - 112 * 8);
		else
			bad[0].role ^= (uint16_t)(1u << (bit - 116 * 8));
		test_prove(&v->people[WORKER], &a, bad, 1, signature);
		/* X25519 ignores the top bit of a public key; it is in the hash all the same. */
		assert_int_equal(test_activate(v, UID_WORKER, &a, bad, 1, signature, NOW_MS, mono, &t), CV_ERR_AUTH);
	}
	assert_int_equal(session_count(v->k), 0);
}

static void wrong_activations_are_refused(void **state)
{
	const struct test_person *worker = &v->people[WORKER], *manager = &v->people[MANAGER];
	struct test_entry e[8], more[16];
	struct hello_answer a, b;
	struct test_session t;
	uint8_t signature[64], sk[32];
	unsigned n;

	(void)state;
	/* Another uid than the hello's, and one that the directory does not allow. */
	assert_int_equal(hello(worker->p.id, T0, &a), 0);
	n = test_answer(v, worker, &a, e);
	test_prove(worker, &a, e, n, signature);
	assert_int_equal(test_activate(v, UID_WORKER + 1, &a, e, n, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	assert_memory_equal(t.principal, worker->p.id, 16);
	assert_int_equal(test_login(v, WORKER, UID_WORKER + 1, T0, &t), CV_ERR_AUTH);
	/* The hello's uid counts even where the directory allows any. */
	assert_int_equal(session_hello(v->k, 7, manager->p.id, q, NOW_MS, T0, &b), 0);
	test_prove(manager, &b, more, test_answer(v, manager, &b, more), signature);
	assert_int_equal(test_activate(v, 8, &b, more, 2, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	test_prove(worker, &a, e, n, signature);
	/* A failed activation ended the hello. */
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, n, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	assert_memory_equal(t.principal, (uint8_t[16]){ 0 }, 16);
	/* Signed by somebody else. */
	assert_int_equal(hello(worker->p.id, T0, &a), 0);
	n = test_answer(v, worker, &a, e);
	test_prove(manager, &a, e, n, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, n, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	/* No role, too many, one twice. */
	assert_int_equal(hello(worker->p.id, T0, &a), 0);
	test_prove(worker, &a, e, 0, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 0, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	assert_int_equal(hello(worker->p.id, T0, &a), 0);
	n = test_answer(v, worker, &a, e);
	for (unsigned i = 0; i < 9; i++)
		more[i] = e[0];
	assert_int_equal(test_activate(v, UID_WORKER, &a, more, 9, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	assert_int_equal(hello(worker->p.id, T0, &a), 0);
	n = test_answer(v, worker, &a, e);
	more[0] = more[1] = e[0];
	test_prove(worker, &a, more, 2, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, more, 2, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	/* A role key that the principal got hold of without being a member. */
	assert_int_equal(session_hello(v->k, UID_WORKER, manager->p.id, q, NOW_MS, T0, &b), 0);
	for (unsigned i = 0; i < ROLE_WRAPS; i++) {
		if (test_open_wrap(v, manager, &b.wraps[i], sk) == 0 && b.wraps[i].role == ROLE_MANAGER)
			break;
	}
	assert_int_equal(hello(worker->p.id, T0, &a), 0);
	test_seal_role(v, worker, &a, ROLE_MANAGER, 1, sk, &e[0]);
	test_prove(worker, &a, e, 1, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 1, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	/* A key that is not the role's. */
	assert_int_equal(hello(worker->p.id, T0, &a), 0);
	test_seal_role(v, worker, &a, ROLE_WORKER, 1, worker->box_sk, &e[0]);
	test_prove(worker, &a, e, 1, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 1, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	/* The same for a role that has no class whose grant would fail to open. */
	assert_int_equal(hello(v->people[AUDITOR].p.id, T0, &a), 0);
	test_seal_role(v, &v->people[AUDITOR], &a, ROLE_AUDIT, 1, worker->box_sk, &e[0]);
	test_prove(&v->people[AUDITOR], &a, e, 1, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 1, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	assert_int_equal(session_count(v->k), 0);
}

static void role_key_sealed_to_another_session_is_refused(void **state)
{
	const struct test_person *worker = &v->people[WORKER];
	struct test_entry e[8];
	struct hello_answer a, b;
	struct test_session t;
	uint8_t signature[64];

	(void)state;
	assert_int_equal(hello(worker->p.id, T0, &a), 0);
	assert_int_equal(hello(worker->p.id, T0, &b), 0);
	assert_memory_not_equal(a.session, b.session, 16);
	assert_memory_not_equal(a.ephemeral_pk, b.ephemeral_pk, 32);
	assert_int_equal(test_answer(v, worker, &a, e), 1);
	test_prove(worker, &b, e, 1, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &b, e, 1, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	test_prove(worker, &a, e, 1, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 1, signature, NOW_MS, T0, &t), 0);
	/* Replayed. */
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 1, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	assert_int_equal(session_count(v->k), 1);
}

static void hello_works_for_a_minute(void **state)
{
	const struct test_person *worker = &v->people[WORKER];
	struct test_entry e[8];
	struct hello_answer a;
	struct test_session t;
	uint8_t signature[64];

	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		assert_int_equal(hello(worker->p.id, T0, &a), 0);
		assert_int_equal(test_answer(v, worker, &a, e), 1);
		test_prove(worker, &a, e, 1, signature);
		assert_int_equal(test_activate(v, UID_WORKER, &a, e, 1, signature, NOW_MS, T0 + HELLO_MS - 1 + late, &t),
		    late ? CV_ERR_AUTH : 0);
	}
}

static void grant_that_does_not_open_opens_no_session(void **state)
{
	struct dir_key key = { .type = DIR_GRANT, .class_key = test_classes[2], .epoch = 1, .role = ROLE_WORKER,
		.role_epoch = 1 };
	struct test_row *row = test_find(&v->rows, &key);
	struct test_session t, other;

	(void)state;
	/* The manager's session holds the class, and yet a forged wrap gives the worker nothing. */
	assert_int_equal(test_login(v, MANAGER, 7, T0, &other), 0);
	row->val[row->val_n - 1] ^= 1;
	assert_int_equal(test_load(v), 0);
	assert_int_equal(test_login(v, WORKER, UID_WORKER, T0, &t), CV_ERR_AUTH);
	assert_int_equal(session_count(v->k), 1);
}

/* ---- what a stranger sees ------------------------------------------------------------------------------------------------- */

static void answers_do_not_tell_who_is_known(void **state)
{
	static const uint8_t nobody[16] = "nobody-at-all-01";
	const uint8_t *ids[] = { nobody, v->people[ADMIN_A].p.id, v->people[WORKER].p.id, v->people[MANAGER].p.id };

	(void)state;
	for (unsigned who = 0; who < 4; who++) {
		struct hello_answer a, b;
		unsigned count[4] = { 0 }, personal = 0;

		assert_int_equal(hello(ids[who], T0, &a), 0);
		assert_int_equal(hello(ids[who], T0 + 1, &b), 0);
		assert_memory_not_equal(a.session, b.session, 16);
		assert_memory_not_equal(a.ephemeral_pk, b.ephemeral_pk, 32);
		assert_memory_equal(a.answer, b.answer, 32);
		for (unsigned i = 0; i < ROLE_WRAPS; i++) {
			assert_int_equal(a.wraps[i].role, b.wraps[i].role);
			assert_memory_equal(a.wraps[i].wrap, b.wraps[i].wrap, sizeof(a.wraps[i].wrap));
			assert_int_equal(a.wraps[i].epoch, 1);
			assert_int_equal(a.wraps[i].wrap[31] & 0x80, 0);
			if (role_is_personal(a.wraps[i].role)) {
				assert_non_null(directory_role_entry(v->k, a.wraps[i].role, 1));
				personal++;
			} else {
				assert_in_range(a.wraps[i].role, ROLE_MANAGER, ROLE_AUDIT);
				count[a.wraps[i].role]++;
			}
			for (unsigned j = 0; j < i; j++)
				assert_memory_not_equal(a.wraps[i].wrap, a.wraps[j].wrap, 32);
		}
		/* One is personal; three roles in the other seven places: each at least twice, whoever asks. */
		assert_int_equal(personal, 1);
		for (unsigned role = ROLE_MANAGER; role <= ROLE_AUDIT; role++)
			assert_in_range(count[role], 2, 3);
	}
}

/* Were one personal role shown to all strangers, or were it the owner's own, it would tell who is known. */
static void strangers_see_each_personal_role(void **state)
{
	unsigned seen[PEOPLE + 1] = { 0 };
	struct hello_answer a;
	uint8_t id[16];

	(void)state;
	for (unsigned i = 0; i < 40 * PEOPLE; i++) {
		crypto_random(id, sizeof(id));
		assert_int_equal(hello(id, T0 + i, &a), 0);
		for (unsigned j = 0; j < ROLE_WRAPS; j++)
			if (role_is_personal(a.wraps[j].role))
				seen[a.wraps[j].role & ~ROLE_PERSONAL]++;
	}
	assert_int_equal(seen[0], 0);
	for (unsigned i = 1; i <= PEOPLE; i++)
		assert_in_range(seen[i], 10, 90);	/* 40 are to be expected */
}

static void personal_roles_stand_anywhere(void **state)
{
	unsigned at[ROLE_WRAPS] = { 0 };
	struct hello_answer a;
	uint8_t id[16];

	(void)state;
	for (unsigned i = 0; i < 40 * ROLE_WRAPS; i++) {
		crypto_random(id, sizeof(id));
		assert_int_equal(hello(id, T0 + i, &a), 0);
		for (unsigned j = 0; j < ROLE_WRAPS; j++)
			at[j] += role_is_personal(a.wraps[j].role);
	}
	for (unsigned j = 0; j < ROLE_WRAPS; j++)
		assert_in_range(at[j], 10, 90);
}

static void decoys_begin_with_points_of_the_curve(void **state)
{
	uint8_t decoy[112], pk[32];
	struct hello_answer a;

	(void)state;
	assert_int_equal(hello((const uint8_t *)"nobody-at-all-02", T0, &a), 0);
	for (unsigned i = 0; i < ROLE_WRAPS; i++) {
		keys_decoy(v->k, (const uint8_t *)"nobody-at-all-02", (uint8_t)i, decoy, sizeof(decoy));
		crypto_box_public(decoy, pk);
		assert_memory_equal(a.wraps[i].wrap, pk, 32);
		assert_memory_equal(a.wraps[i].wrap + 32, decoy + 32, 80);
	}
}

static void real_wraps_stand_anywhere(void **state)
{
	unsigned at[ROLE_WRAPS] = { 0 }, places = 0;
	uint8_t sk[32];

	(void)state;
	/* Sixteen vaults: were the real one always first, one place would have them all. */
	for (unsigned round = 0; round < 16; round++) {
		struct test_vault *x = test_vault_new();
		struct hello_answer a;

		assert_int_equal(test_load(x), 0);
		assert_int_equal(session_hello(x->k, 1, x->people[WORKER].p.id, q, NOW_MS, T0, &a), 0);
		for (unsigned i = 0; i < ROLE_WRAPS; i++)
			at[i] += test_open_wrap(x, &x->people[WORKER], &a.wraps[i], sk) == 0;
		test_vault_free(x);
	}
	for (unsigned i = 0; i < ROLE_WRAPS; i++)
		places += at[i] != 0;
	assert_in_range(places, 3, ROLE_WRAPS);
}

static void suspended_and_expired_get_decoys_and_no_session(void **state)
{
	struct test_session t;
	struct test_entry e[8];
	struct hello_answer a;
	uint8_t signature[64];

	(void)state;
	test_suspend(v, WORKER, true);
	assert_int_equal(test_load(v), 0);
	assert_int_equal(hello(v->people[WORKER].p.id, T0, &a), 0);
	assert_int_equal(test_answer(v, &v->people[WORKER], &a, e), 0);
	test_prove(&v->people[WORKER], &a, e, 0, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 0, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
	assert_int_equal(session_hello(v->k, 1, v->people[GUEST].p.id, q, NOW_MS + 3600 * 1000, T0, &a), 0);
	assert_int_equal(test_answer(v, &v->people[GUEST], &a, e), 0);
	assert_int_equal(session_hello(v->k, 1, v->people[GUEST].p.id, q, NOW_MS + 3600 * 1000 - 1, T0, &a), 0);
	assert_int_equal(test_answer(v, &v->people[GUEST], &a, e), 1);
}

static void suspended_between_hello_and_activation_gets_no_session(void **state)
{
	struct test_session t;
	struct test_entry e[8];
	struct hello_answer a;
	uint8_t signature[64];

	(void)state;
	assert_int_equal(hello(v->people[WORKER].p.id, T0, &a), 0);
	assert_int_equal(test_answer(v, &v->people[WORKER], &a, e), 1);
	test_prove(&v->people[WORKER], &a, e, 1, signature);
	test_suspend(v, WORKER, true);
	assert_int_equal(test_load(v), 0);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 1, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
}

/* ---- limits ---------------------------------------------------------------------------------------------------------------- */

static void ten_failures_close_an_id_for_ten_minutes(void **state)
{
	static const uint8_t nobody[16] = "nobody-at-all-03";
	const uint8_t *ids[] = { nobody, v->people[WORKER].p.id };

	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct hello_answer a;

		/* Unanswered hellos count at once: each gave away an answer of the pepper. */
		for (unsigned i = 0; i < 10; i++)
			assert_int_equal(hello(ids[who], T0 + i * 1000, &a), 0);
		assert_int_equal(hello(ids[who], T0 + 9000, &a), CV_ERR_LIMIT);
		assert_int_equal(hello(ids[who], T0 + 9000 + 10 * MINUTE - 1000, &a), CV_ERR_LIMIT);
		assert_int_equal(hello(v->people[MANAGER].p.id, T0 + 9000, &a), 0);
		assert_int_equal(hello(ids[who], T0 + 9000 + 10 * MINUTE, &a), 0);
	}
}

static void failures_of_one_uid_keep_no_other_out(void **state)
{
	struct test_session t;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(test_login(v, WORKER, UID_WORKER + 1, T0, &t), CV_ERR_AUTH);
	assert_int_equal(test_login(v, WORKER, UID_WORKER + 1, T0, &t), CV_ERR_LIMIT);
	assert_int_equal(test_login(v, WORKER, UID_WORKER, T0, &t), 0);
}

static void old_failures_are_forgotten(void **state)
{
	struct hello_answer a;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(hello(v->people[WORKER].p.id, T0 + i * (MINUTE + 10000), &a), 0);
}

static void good_sessions_do_not_count_as_failures(void **state)
{
	struct test_session t;
	struct hello_answer a;

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(hello(v->people[WORKER].p.id, T0, &a), 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(test_login(v, WORKER, UID_WORKER, T0, &t), 0);
	/* They take nothing back either. */
	assert_int_equal(hello(v->people[WORKER].p.id, T0, &a), 0);
	assert_int_equal(hello(v->people[WORKER].p.id, T0, &a), CV_ERR_LIMIT);
}

static void flood_of_other_ids_resets_no_count(void **state)
{
	struct hello_answer a;
	uint8_t id[16];

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(hello(v->people[WORKER].p.id, T0, &a), 0);
	for (unsigned i = 0; i < 2000; i++) {
		crypto_random(id, sizeof(id));
		(void)hello(id, T0 + 1000 + i * 100, &a);
	}
	assert_int_equal(hello(v->people[WORKER].p.id, T0 + 5 * MINUTE, &a), CV_ERR_LIMIT);
}

/* A hello of somebody unknown. */
static void stranger(uint32_t uid)
{
	struct hello_answer a;
	uint8_t id[16];

	crypto_random(id, sizeof(id));
	assert_int_equal(session_hello(v->k, uid, id, q, NOW_MS, T0, &a), 0);
}

/* Whether the hello a of who still waits; it is over then. */
static bool waits(unsigned who, uint32_t uid, const struct hello_answer *a)
{
	struct test_entry e[8];
	struct test_session t;
	uint8_t signature[64];
	unsigned n = test_answer(v, &v->people[who], a, e);

	test_prove(&v->people[who], a, e, n, signature);
	return test_activate(v, uid, a, e, n, signature, NOW_MS, T0, &t) == 0;
}

static void hello_beyond_its_uids_share_replaces_the_uids_oldest(void **state)
{
	struct hello_answer first, second, other;
	uint64_t since, till;

	(void)state;
	assert_int_equal(session_hello(v->k, 2, v->people[MANAGER].p.id, q, NOW_MS, T0, &other), 0);
	assert_int_equal(session_hello(v->k, 1, v->people[AUDITOR].p.id, q, NOW_MS, T0, &first), 0);
	assert_int_equal(session_hello(v->k, 1, v->people[AUDITOR].p.id, q, NOW_MS, T0, &second), 0);
	for (unsigned i = 2; i < 129; i++)
		stranger(1);
	assert_false(waits(AUDITOR, 1, &first));
	assert_true(waits(AUDITOR, 1, &second));
	assert_true(waits(MANAGER, 2, &other));
	/* What was replaced is a failure all the same, as is the attempt to go on with it. */
	assert_int_equal(session_failures(v->k, &since, &till), 2);
}

static void flood_of_hellos_keeps_nobody_out(void **state)
{
	struct hello_answer a, early;

	(void)state;
	assert_int_equal(session_hello(v->k, 3, v->people[AUDITOR].p.id, q, NOW_MS, T0, &early), 0);
	/* Two uids fill the table, and go on. */
	for (unsigned i = 0; i < 300; i++)
		stranger(1 + i % 2);
	assert_int_equal(session_hello(v->k, 3, v->people[MANAGER].p.id, q, NOW_MS, T0, &a), 0);
	for (unsigned i = 0; i < 300; i++)
		stranger(1 + i % 2);
	assert_true(waits(MANAGER, 3, &a));
	assert_true(waits(AUDITOR, 3, &early));
	/* One of the flooding uids gets in between as well. */
	assert_int_equal(session_hello(v->k, 1, v->people[MANAGER].p.id, q, NOW_MS, T0, &a), 0);
	for (unsigned i = 0; i < 127; i++)
		stranger(1);
	assert_true(waits(MANAGER, 1, &a));
}

static void failures_are_counted_for_the_log(void **state)
{
	struct test_session t;
	struct hello_answer a;
	uint64_t first, last;

	(void)state;
	assert_int_equal(session_failures(v->k, &first, &last), 0);
	assert_int_equal(test_login(v, WORKER, UID_WORKER + 1, T0, &t), CV_ERR_AUTH);
	assert_int_equal(hello(v->people[WORKER].p.id, T0, &a), 0);
	session_sweep(v->k, NOW_MS + 90000, T0 + 90000, NULL, NULL);
	assert_int_equal(session_failures(v->k, &first, &last), 2);
	assert_int_equal(first, NOW_MS);
	assert_int_equal(last, NOW_MS + 90000);
	assert_int_equal(session_failures(v->k, &first, &last), 0);
	assert_int_equal(test_login(v, WORKER, UID_WORKER, T0 + 90000, &t), 0);
	assert_int_equal(session_failures(v->k, &first, &last), 0);
}

static void see_ended(void *cookie, struct session *s)
{
	memcpy(cookie, session_id(s), 16);
}

static void count_ended(void *cookie, struct session *s)
{
	(void)s;
	++*(unsigned *)cookie;
}

/* The crowd has one role each: what else stands in the answer need not be tried, which is most of a client's work. */
static unsigned crowd_answer(const struct test_person *who, const struct hello_answer *a, struct test_entry ret[1])
{
	uint8_t sk[32];

	for (unsigned i = 0; i < ROLE_WRAPS; i++) {
		if (a->wraps[i].role != ROLE_AUDIT || test_open_wrap(v, who, &a->wraps[i], sk) != 0)
			continue;
		test_seal_role(v, who, a, ROLE_AUDIT, 1, sk, ret);
		return 1;
	}
	return 0;
}

/* Step 3 of an opening, heard by ended. */
static int go_on(unsigned who, uint32_t uid, const struct hello_answer *a, uint64_t mono_ms, session_ended *ended, void *cookie,
    struct test_session *ret)
{
	struct sealed_role roles[8];
	struct test_entry e[8];
	uint8_t signature[64];
	unsigned n = who < PEOPLE ? test_answer(v, &v->people[who], a, e) : crowd_answer(&v->people[who], a, e);

	test_prove(&v->people[who], a, e, n, signature);
	for (unsigned i = 0; i < n; i++)
		roles[i] = (struct sealed_role){ e[i].role, e[i].epoch, e[i].sealed };
	return session_activate(v->k, uid, a->session, roles, n, signature, NOW_MS, mono_ms, ended, cookie, ret->token, &ret->s,
	    ret->principal);
}

static int log_in(unsigned who, uint32_t uid, session_ended *ended, void *cookie, struct test_session *ret)
{
	struct hello_answer a;
	int r = session_hello(v->k, uid, v->people[who].p.id, q, NOW_MS, T0, &a);

	return r != 0 ? r : go_on(who, uid, &a, T0, ended, cookie, ret);
}

static void session_beyond_its_principals_share_ends_the_least_recently_used(void **state)
{
	struct test_session t[SESSION_PER_PRINCIPAL], more, other;
	uint8_t second[16], ended[16] = { 0 };
	struct hello_answer a;
	uint8_t wrong[64] = { 0 };
	struct test_entry e[8];

	(void)state;
	assert_int_equal(test_login(v, AUDITOR, 1, T0, &other), 0);
	for (unsigned i = 0; i < SESSION_PER_PRINCIPAL; i++)
		assert_int_equal(log_in(MANAGER, 1 + i % 3, see_ended, ended, &t[i]), 0);
	assert_memory_equal(ended, (uint8_t[16]){ 0 }, 16);
	memcpy(second, session_id(t[1].s), 16);
	/* The oldest was used since. A hello alone, or an opening that proves nothing, ends none. */
	assert_non_null(session_find(v->k, t[0].token, 1, NOW_MS, T0 + 1));
	assert_int_equal(session_hello(v->k, 9, v->people[MANAGER].p.id, q, NOW_MS, T0, &a), 0);
	assert_int_equal(test_activate(v, 9, &a, e, test_answer(v, &v->people[MANAGER], &a, e), wrong, NOW_MS, T0, &more), CV_ERR_AUTH);
	assert_int_equal(session_count(v->k), SESSION_PER_PRINCIPAL + 1);
	/* Whatever uid asks. */
	assert_int_equal(session_hello(v->k, 9, v->people[MANAGER].p.id, q, NOW_MS, T0, &a), 0);
	assert_int_equal(go_on(MANAGER, 9, &a, T0 + 1, see_ended, ended, &more), 0);
	assert_memory_equal(ended, second, 16);
	assert_int_equal(session_count(v->k), SESSION_PER_PRINCIPAL + 1);
	assert_null(session_find(v->k, t[1].token, 2, NOW_MS, T0 + 1));
	assert_ptr_equal(session_find(v->k, more.token, 9, NOW_MS, T0 + 1), more.s);
	for (unsigned i = 0; i < SESSION_PER_PRINCIPAL; i++)
		if (i != 1)
			assert_ptr_equal(session_find(v->k, t[i].token, 1 + i % 3, NOW_MS, T0 + 1), t[i].s);
	assert_ptr_equal(session_find(v->k, other.token, 1, NOW_MS, T0 + 1), other.s);
}

/* The numbers of the crowd's people, each used for as many sessions as they may have. */
static unsigned crowd(unsigned i)
{
	return PEOPLE + i / SESSION_PER_PRINCIPAL;
}

static void one_uid_leaves_room_for_the_others(void **state)
{
	struct test_session t, last;
	struct hello_answer a;
	unsigned ended = 0;

	(void)state;
	for (unsigned i = 0; i < SESSION_PER_UID; i++)
		assert_int_equal(log_in(crowd(i), 1, count_ended, &ended, &last), 0);
	assert_int_equal(ended, 0);
	assert_int_equal(session_hello(v->k, 1, v->people[MANAGER].p.id, q, NOW_MS, T0, &a), 0);
	assert_int_equal(go_on(MANAGER, 1, &a, T0, count_ended, &ended, &t), CV_ERR_BUSY);
	assert_int_equal(log_in(MANAGER, 2, count_ended, &ended, &t), 0);
	assert_int_equal(ended, 0);
	/* Elsewhere they have a session, which is none of this uid's. */
	assert_int_equal(go_on(MANAGER, 1, &a, T0, count_ended, &ended, &t), CV_ERR_BUSY);
	assert_int_equal(session_count(v->k), SESSION_PER_UID + 1);
	/* The hello has lived on. */
	session_close(v->k, last.s);
	assert_int_equal(go_on(MANAGER, 1, &a, T0, count_ended, &ended, &t), 0);
	/* One of the uid's own gives way to the next. */
	assert_int_equal(log_in(MANAGER, 1, count_ended, &ended, &t), 0);
	assert_int_equal(ended, 1);
	assert_int_equal(session_count(v->k), SESSION_PER_UID + 1);
}

static void sessions_are_bounded(void **state)
{
	struct test_session t, first;
	struct hello_answer a;
	unsigned ended = 0;

	(void)state;
	assert_int_equal(log_in(crowd(0), 1, count_ended, &ended, &first), 0);
	for (unsigned i = 1; i < SESSION_MAX; i++)
		assert_int_equal(log_in(crowd(i), 1 + i / SESSION_PER_UID, count_ended, &ended, &t), 0);
	assert_int_equal(ended, 0);
	assert_int_equal(session_hello(v->k, 9, v->people[MANAGER].p.id, q, NOW_MS, T0, &a), 0);
	assert_int_equal(go_on(MANAGER, 9, &a, T0, count_ended, &ended, &t), CV_ERR_BUSY);
	assert_int_equal(session_count(v->k), SESSION_MAX);
	assert_ptr_equal(session_find(v->k, first.token, 1, NOW_MS, T0), first.s);
	session_close(v->k, first.s);
	/* The hello is still there. */
	assert_int_equal(go_on(MANAGER, 9, &a, T0, count_ended, &ended, &t), 0);
	assert_null(session_find(v->k, first.token, 1, NOW_MS, T0));
	assert_ptr_equal(session_find(v->k, t.token, 9, NOW_MS, T0), t.s);
	/* Who has sessions already can change one for another. */
	assert_int_equal(log_in(MANAGER, 9, count_ended, &ended, &t), 0);
	assert_int_equal(ended, 1);
	assert_int_equal(session_count(v->k), SESSION_MAX);
}

/* ---- life and end ------------------------------------------------------------------------------------------------------------ */

static void token_works_from_its_uid_alone(void **state)
{
	struct test_session t;
	uint8_t token[32];

	(void)state;
	assert_int_equal(test_login(v, MANAGER, 7, T0, &t), 0);
	assert_null(session_find(v->k, t.token, 8, NOW_MS, T0));
	assert_ptr_equal(session_find(v->k, t.token, 7, NOW_MS, T0), t.s);
	for (unsigned bit = 0; bit < 256; bit++) {
		memcpy(token, t.token, 32);
		token[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_null(session_find(v->k, token, 7, NOW_MS, T0));
	}
}

static void idle_session_ends(void **state)
{
	struct test_session t;
	uint64_t mono = T0;

	(void)state;
	assert_int_equal(test_login(v, WORKER, UID_WORKER, mono, &t), 0);
	for (unsigned i = 0; i < 5; i++) {
		mono += SESSION_IDLE_MS - 1;
		assert_non_null(session_find(v->k, t.token, UID_WORKER, NOW_MS, mono));
	}
	assert_null(session_find(v->k, t.token, UID_WORKER, NOW_MS, mono + SESSION_IDLE_MS));
	session_sweep(v->k, NOW_MS, mono + SESSION_IDLE_MS, NULL, NULL);
	assert_int_equal(session_count(v->k), 0);
}

static void busy_session_ends_at_its_absolute_limit(void **state)
{
	static const struct { unsigned who; uint32_t limit_ms; } kinds[] = {
		{ WORKER, SESSION_PERSON_MS }, { APP, SESSION_APP_MS }, { GUEST, 3600u * 1000 },
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct test_session t;
		uint64_t used;

		assert_int_equal(test_login(v, kinds[i].who, UID_WORKER, T0, &t), 0);
		assert_int_equal(session_expires_ms(t.s), NOW_MS + kinds[i].limit_ms);
		for (used = 0; used + MINUTE < kinds[i].limit_ms; used += MINUTE)
			assert_non_null(session_find(v->k, t.token, UID_WORKER, NOW_MS, T0 + used));
		assert_non_null(session_find(v->k, t.token, UID_WORKER, NOW_MS, T0 + kinds[i].limit_ms - 1));
		assert_null(session_find(v->k, t.token, UID_WORKER, NOW_MS, T0 + kinds[i].limit_ms));
	}
}

static void suspended_member_loses_the_session(void **state)
{
	struct test_session t;

	(void)state;
	assert_int_equal(test_login(v, WORKER, UID_WORKER, T0, &t), 0);
	test_suspend(v, WORKER, true);
	assert_int_equal(test_load(v), 0);
	assert_null(session_find(v->k, t.token, UID_WORKER, NOW_MS, T0));
	session_sweep(v->k, NOW_MS, T0, NULL, NULL);
	assert_int_equal(session_count(v->k), 0);
	test_suspend(v, WORKER, false);
	assert_int_equal(test_load(v), 0);
	assert_null(session_find(v->k, t.token, UID_WORKER, NOW_MS, T0));
}

static void sweep_ends_what_is_over_and_nothing_else(void **state)
{
	struct test_session a, b;
	uint8_t id[16], ended[16] = { 0 };

	(void)state;
	assert_int_equal(test_login(v, WORKER, UID_WORKER, T0, &a), 0);
	assert_int_equal(test_login(v, MANAGER, 7, T0 + 1000, &b), 0);
	memcpy(id, session_id(a.s), 16);
	session_sweep(v->k, NOW_MS, T0 + SESSION_IDLE_MS - 1, see_ended, ended);
	assert_int_equal(session_count(v->k), 2);
	session_sweep(v->k, NOW_MS, T0 + SESSION_IDLE_MS, see_ended, ended);
	assert_int_equal(session_count(v->k), 1);
	assert_memory_equal(ended, id, 16);
	assert_ptr_equal(session_find(v->k, b.token, 7, NOW_MS, T0 + SESSION_IDLE_MS), b.s);
}

static void class_secrets_are_wiped_with_their_last_session(void **state)
{
	static const uint8_t zeros[64];
	struct test_session a, b;
	struct class_keys x, y;

	(void)state;
	assert_int_equal(test_login(v, WORKER, UID_WORKER, T0, &a), 0);
	assert_int_equal(test_login(v, MANAGER, 7, T0, &b), 0);
	assert_true(session_class_keys(a.s, test_classes[2], 1, &x));
	assert_true(session_class_keys(b.s, test_classes[0], 1, &y));
	assert_memory_not_equal(x.sk, zeros, 32);
	session_close(v->k, b.s);
	assert_memory_equal(y.sk, zeros, 32);
	assert_memory_equal(y.kek, zeros, 32);
	/* The worker's session still holds its own. */
	assert_memory_not_equal(x.sk, zeros, 32);
	session_close(v->k, a.s);
	assert_memory_equal(x.sk, zeros, 32);
	assert_memory_equal(x.kek, zeros, 32);
}

static void sessions_of_one_role_share_locked_memory(void **state)
{
	struct test_session t;
	bool unlocked;
	size_t before;

	(void)state;
	assert_int_equal(test_login(v, MANAGER, 7, T0, &t), 0);
	before = crypto_locked_bytes(&unlocked);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(test_login(v, MANAGER, 7, T0, &t), 0);
	assert_int_equal(crypto_locked_bytes(&unlocked), before);
}

static void sealing_ends_sessions_and_hellos(void **state)
{
	struct test_session t;
	struct hello_answer a;

	(void)state;
	assert_int_equal(test_login(v, MANAGER, 7, T0, &t), 0);
	assert_int_equal(hello(v->people[WORKER].p.id, T0, &a), 0);
	keys_seal(v->k);
	assert_int_equal(session_count(v->k), 0);
	assert_null(v->k->sessions);
	assert_null(v->k->directory);
	assert_null(session_find(v->k, t.token, 7, NOW_MS, T0));
}

#define with_vault(f) cmocka_unit_test_setup_teardown(f, vault_up, vault_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_vault(member_opens_a_session_with_the_roles_classes),
		with_vault(several_roles_give_the_union_of_their_classes),
		with_vault(auditor_session_holds_no_class),
		with_vault(each_flipped_bit_of_an_activation_is_refused),
		with_vault(wrong_activations_are_refused),
		with_vault(role_key_sealed_to_another_session_is_refused),
		with_vault(hello_works_for_a_minute),
		with_vault(grant_that_does_not_open_opens_no_session),
		with_vault(answers_do_not_tell_who_is_known),
		with_vault(strangers_see_each_personal_role),
		with_vault(personal_roles_stand_anywhere),
		with_vault(decoys_begin_with_points_of_the_curve),
		with_vault(real_wraps_stand_anywhere),
		with_vault(suspended_and_expired_get_decoys_and_no_session),
		with_vault(suspended_between_hello_and_activation_gets_no_session),
		with_vault(ten_failures_close_an_id_for_ten_minutes),
		with_vault(failures_of_one_uid_keep_no_other_out),
		with_vault(old_failures_are_forgotten),
		with_vault(good_sessions_do_not_count_as_failures),
		with_vault(flood_of_other_ids_resets_no_count),
		with_vault(hello_beyond_its_uids_share_replaces_the_uids_oldest),
		with_vault(flood_of_hellos_keeps_nobody_out),
		with_vault(failures_are_counted_for_the_log),
		with_vault(session_beyond_its_principals_share_ends_the_least_recently_used),
		cmocka_unit_test_setup_teardown(one_uid_leaves_room_for_the_others, crowd_up, vault_down),
		cmocka_unit_test_setup_teardown(sessions_are_bounded, crowd_up, vault_down),
		with_vault(token_works_from_its_uid_alone),
		with_vault(idle_session_ends),
		with_vault(busy_session_ends_at_its_absolute_limit),
		with_vault(suspended_member_loses_the_session),
		with_vault(sweep_ends_what_is_over_and_nothing_else),
		with_vault(class_secrets_are_wiped_with_their_last_session),
		with_vault(sessions_of_one_role_share_locked_memory),
		with_vault(sealing_ends_sessions_and_hellos),
	};

	return cmocka_run_group_tests_name("keys session", tests, test_start, NULL);
}

/* Personal roles, and data keys granted to their members. FORMAT.md section 3 kind 25 and section 5.2. */
#include "test_keys.h"

#include "keys/record_internal.h"

#define T0 5000000u	/* monotonic start of the tests */

static struct test_vault *v;
static struct test_session worker, guest;
static struct grant_place at;
static struct datakey key;
static uint8_t record[16] = "a record of some", sealed[GRANT_SEALED];
static uint16_t role;
static uint32_t epoch;

/* The worker and the guest have sessions; a data key is granted to the worker. */
static int vault_up(void **state)
{
	(void)state;
	v = test_vault_new();
	assert_int_equal(test_load(v), 0);
	assert_int_equal(test_login(v, WORKER, UID_WORKER, T0, &worker), 0);
	assert_int_equal(test_login(v, GUEST, 7, T0, &guest), 0);
	at = (struct grant_place){ record, v->people[WORKER].p.id, test_classes[0], 3, 2 };
	crypto_random(&key, sizeof(key));
	assert_int_equal(record_grant_seal(v->k, &at, &key, &role, &epoch, sealed), 0);
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

static int granted(const struct test_session *t, const struct grant_place *where)
{
	struct datakey got = { { 0 } };
	int r = record_grant_open(v->k, t->s, where, role, epoch, sealed, &got);

	if (r == 0)
		assert_memory_equal(got.opaque, key.opaque, 32);
	else
		assert_memory_equal(got.opaque, (uint8_t[32]){ 0 }, 32);
	return r;
}

static void granted_key_opens_in_its_grantees_session_without_the_class(void **state)
{
	uint8_t pk[32];
	uint16_t of;
	uint32_t newest;

	(void)state;
	assert_false(session_has_class(worker.s, at.class_key));
	assert_int_equal(directory_personal(v->k, at.grantee, &of, &newest, pk), 0);
	assert_true(role == of && epoch == newest && role_is_personal(role));
	assert_int_equal(granted(&worker, &at), 0);
}

static void granted_key_opens_at_its_place_alone(void **state)
{
	uint8_t other[16];
	struct grant_place x;

	(void)state;
	memcpy(other, record, 16);
	other[15] ^= 1;
	x = at;
	x.record = other;
	assert_int_equal(granted(&worker, &x), CV_ERR_AUTH);
	x = at;
	x.grantee = v->people[GUEST].p.id;
	assert_int_equal(granted(&worker, &x), CV_ERR_AUTH);
	x = at;
	x.class_key = test_classes[1];
	assert_int_equal(granted(&worker, &x), CV_ERR_AUTH);
	x = at;
	x.generation++;
	assert_int_equal(granted(&worker, &x), CV_ERR_AUTH);
	x = at;
	x.birth_epoch++;
	assert_int_equal(granted(&worker, &x), CV_ERR_AUTH);
	assert_int_equal(granted(&worker, &at), 0);
}

static void each_flipped_bit_of_a_granted_key_is_refused(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < sizeof(sealed) * 8; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(granted(&worker, &at), CV_ERR_AUTH);
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(granted(&worker, &at), 0);
}

static void granted_key_wants_the_personal_role_and_its_epoch(void **state)
{
	struct datakey got;

	(void)state;
	assert_int_equal(granted(&guest, &at), CV_ERR_NOKEY);
	assert_int_equal(record_grant_open(v->k, worker.s, &at, role, epoch + 1, sealed, &got), CV_ERR_NOKEY);
	assert_int_equal(record_grant_open(v->k, worker.s, &at, (uint16_t)(role ^ 1), epoch, sealed, &got), CV_ERR_NOKEY);
	assert_int_equal(record_grant_open(v->k, worker.s, &at, ROLE_WORKER, 1, sealed, &got), CV_ERR_NOKEY);
}

static void key_granted_to_another_does_not_open_with_the_own_role(void **state)
{
	uint16_t own;
	uint32_t own_epoch;
	uint8_t other[GRANT_SEALED];
	struct grant_place x = at;
	struct datakey got;

	(void)state;
	/* The guest holds a role of its own, and claims the worker's sealed key for it. */
	x.grantee = v->people[GUEST].p.id;
	assert_int_equal(record_grant_seal(v->k, &x, &key, &own, &own_epoch, other), 0);
	assert_int_equal(record_grant_open(v->k, guest.s, &x, own, own_epoch, other, &got), 0);
	assert_int_equal(record_grant_open(v->k, guest.s, &x, own, own_epoch, sealed, &got), CV_ERR_AUTH);
	assert_int_equal(record_grant_open(v->k, guest.s, &at, own, own_epoch, sealed, &got), CV_ERR_AUTH);
}

static void session_that_left_the_personal_role_out_opens_no_grant(void **state)
{
	const struct test_person *who = &v->people[WORKER];
	struct test_session without;
	struct test_entry e[8];
	struct hello_answer a;
	uint8_t q[32] = { 0 }, signature[64];

	(void)state;
	assert_int_equal(session_hello(v->k, UID_WORKER, who->p.id, q, NOW_MS, T0, &a), 0);
	assert_int_equal(test_answer(v, who, &a, e), 1);
	test_prove(who, &a, e, 1, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 1, signature, NOW_MS, T0, &without), 0);
	assert_int_equal(granted(&without, &at), CV_ERR_NOKEY);
}

static void nobody_is_granted_what_has_no_personal_role(void **state)
{
	struct grant_place x = at;
	uint8_t out[GRANT_SEALED] = { 0 };
	uint16_t r16 = 7;
	uint32_t r32 = 9;

	(void)state;
	x.grantee = (const uint8_t *)"nobody-012345678";
	assert_int_equal(record_grant_seal(v->k, &x, &key, &r16, &r32, out), CV_ERR_NOTFOUND);
	assert_true(r16 == 7 && r32 == 9 && out[0] == 0);
}

static void sealing_a_grant_twice_gives_different_bytes(void **state)
{
	uint8_t again[GRANT_SEALED];

	(void)state;
	assert_int_equal(record_grant_seal(v->k, &at, &key, &role, &epoch, again), 0);
	assert_memory_not_equal(again, sealed, sizeof(sealed));
	memcpy(sealed, again, sizeof(sealed));
	assert_int_equal(granted(&worker, &at), 0);
}

/* ---- sessions ----------------------------------------------------------------------------------------------------------- */

static void everybody_opens_a_session_with_the_personal_role_alone(void **state)
{
	static const unsigned without_roles[] = { ADMIN_A, ADMIN_B, CUSTODIAN_A, CUSTODIAN_B };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct test_session t;
		unsigned n = 99;

		assert_int_equal(test_login(v, without_roles[i], 7, T0, &t), 0);
		(void)session_roles(t.s, &n);
		assert_int_equal(n, 0);
		for (unsigned c = 0; c < CLASSES; c++)
			assert_false(session_has_class(t.s, test_classes[c]));
	}
}

static void personal_role_is_not_among_a_sessions_roles(void **state)
{
	const uint16_t *roles;
	unsigned n;

	(void)state;
	roles = session_roles(worker.s, &n);
	assert_int_equal(n, 1);
	assert_int_equal(roles[0], ROLE_WORKER);
	assert_false(session_has_class(worker.s, role));
	assert_false(session_has_class(worker.s, (uint32_t)role << 16));
}

static void personal_key_is_wiped_with_the_last_session(void **state)
{
	static const uint8_t zeros[32];
	const uint8_t *sk = session_personal_key(worker.s, role, epoch);
	struct test_session second;
	uint8_t pk[32];

	(void)state;
	assert_non_null(sk);
	crypto_box_public(sk, pk);
	assert_memory_equal(pk, directory_role_entry(v->k, role, epoch)->pk, 32);
	assert_int_equal(test_login(v, WORKER, UID_WORKER, T0, &second), 0);
	assert_ptr_equal(session_personal_key(second.s, role, epoch), sk);
	session_close(v->k, worker.s);
	assert_memory_not_equal(sk, zeros, 32);
	session_close(v->k, second.s);
	assert_memory_equal(sk, zeros, 32);
}

/* A personal role's key of another person is of no use, although its wrap is there to be read. */
static void anothers_personal_role_is_refused(void **state)
{
	const struct test_person *who = &v->people[WORKER];
	struct test_entry e[8];
	struct hello_answer a;
	struct test_session t;
	uint8_t q[32] = { 0 }, signature[64], pk[32];
	uint16_t other;
	uint32_t other_epoch;

	(void)state;
	assert_int_equal(directory_personal(v->k, v->people[GUEST].p.id, &other, &other_epoch, pk), 0);
	assert_int_equal(session_hello(v->k, UID_WORKER, who->p.id, q, NOW_MS, T0, &a), 0);
	test_seal_role(v, who, &a, other, other_epoch, session_personal_key(guest.s, other, other_epoch), &e[0]);
	test_prove(who, &a, e, 1, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 1, signature, NOW_MS, T0, &t), CV_ERR_AUTH);
}

/*
 * Each person with sessions takes one place of 64 bytes of locked memory, however many their sessions are: 64 KiB for as many
 * people as there can be sessions.
 */
static void personal_keys_take_a_place_a_person(void **state)
{
	struct test_session t;
	bool unlocked;
	size_t first, chunk;

	(void)state;
	assert_int_equal(test_login(v, PEOPLE, 1, T0, &t), 0);
	first = crypto_locked_bytes(&unlocked);
	for (unsigned i = 1; i < EXTRA; i++) {
		assert_int_equal(test_login(v, PEOPLE + i, 1, T0, &t), 0);
		assert_int_equal(crypto_locked_bytes(&unlocked), first);	/* a chunk has 64 places: the crowd's keys */
	}
	assert_int_equal(test_login(v, GUEST, 1, T0, &t), 0);
	chunk = crypto_locked_bytes(&unlocked) - first;
	assert_in_range(chunk, 1, 8192);
	/* More sessions of the same people take no more. */
	for (unsigned i = 0; i < EXTRA; i++)
		assert_int_equal(test_login(v, PEOPLE + i, 2, T0, &t), 0);
	assert_int_equal(crypto_locked_bytes(&unlocked) - first, chunk);
}

#define with_vault(f) cmocka_unit_test_setup_teardown(f, vault_up, vault_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_vault(granted_key_opens_in_its_grantees_session_without_the_class),
		with_vault(granted_key_opens_at_its_place_alone),
		with_vault(each_flipped_bit_of_a_granted_key_is_refused),
		with_vault(granted_key_wants_the_personal_role_and_its_epoch),
		with_vault(key_granted_to_another_does_not_open_with_the_own_role),
		with_vault(session_that_left_the_personal_role_out_opens_no_grant),
		with_vault(nobody_is_granted_what_has_no_personal_role),
		with_vault(sealing_a_grant_twice_gives_different_bytes),
		with_vault(everybody_opens_a_session_with_the_personal_role_alone),
		with_vault(personal_role_is_not_among_a_sessions_roles),
		with_vault(personal_key_is_wiped_with_the_last_session),
		with_vault(anothers_personal_role_is_refused),
		cmocka_unit_test_setup_teardown(personal_keys_take_a_place_a_person, crowd_up, vault_down),
	};

	return cmocka_run_group_tests(tests, test_start, NULL);
}

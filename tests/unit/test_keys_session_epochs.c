/* Sessions over rekeys: what roles and classes they are opened with, what older epochs they reach, and when they end. */
#include "test_change.h"

#define T0 5000000u	/* monotonic time of the tests */
#define WORKER(i) (&v->people[WORKERS + (i)])

static struct change_vault *v;
static const uint8_t q[32] = "a question";
static const uint16_t worker[] = { ROLE_WORKER }, manager[] = { ROLE_MANAGER };

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

static int rekey(const uint16_t *role, bool classes)
{
	struct change_draft d;
	int r = change_rekey_roles(v, role, 1, classes, NULL, 0, false, &d);

	return r != 0 ? r : change_carry_out(v, &d);
}

static void rekey_without(const struct change_person *who)
{
	struct change_draft d;
	uint8_t out[1][16];

	memcpy(out[0], who->p.id, 16);
	assert_int_equal(change_rekey_roles(v, worker, 1, true, (const uint8_t (*)[16])out, 1, false, &d), 0);
	assert_int_equal(change_carry_out(v, &d), 0);
}

/* ---- a client --------------------------------------------------------------------------------------------------- */

struct role_key {
	uint16_t role;
	uint32_t epoch;
	uint8_t sk[32];
};

static int open_wrap(const struct change_person *who, const struct role_wrap *w, struct role_key *ret)
{
	uint8_t ctx[CONTEXT_BYTES];

	context_encode(CONTEXT_OF(v->k, .kind = CONTEXT_KEY_WRAP, .entity = who->p.id, .epoch = w->epoch, .field = w->role, .version = 1,
	    .length = 32), ctx);
	ret->role = w->role;
	ret->epoch = w->epoch;
	return crypto_pkopen(who->box_sk, ctx, w->wrap, DIR_WRAP, ret->sk);
}

static void hello(const struct change_person *who, struct hello_answer *ret)
{
	assert_int_equal(session_hello(v->k, 7, who->p.id, q, NOW_MS, T0, ret), 0);
}

static unsigned keys_of(const struct change_person *who, const struct hello_answer *a, struct role_key ret[ROLE_WRAPS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < ROLE_WRAPS; i++)
		n += open_wrap(who, &a->wraps[i], &ret[n]) == 0;
	return n;
}

/* Answer a hello with these role keys, in whatever epochs they say. */
static int activate(const struct change_person *who, const struct hello_answer *a, const struct role_key *keys, unsigned n,
    struct session **ret)
{
	uint8_t message[65 + 8 * 118] = "cv1.proof", signature[64], sealed[8][DIR_WRAP], ctx[CONTEXT_BYTES], token[32], id[16];
	struct sealed_role roles[8];

	memcpy(message + 16, a->session, 16);
	memcpy(message + 32, a->ephemeral_pk, 32);
	message[64] = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		context_encode(CONTEXT_OF(v->k, .kind = CONTEXT_SESSION, .entity = a->session, .epoch = keys[i].epoch,
		    .field = keys[i].role, .writer = who->p.id, .length = 32), ctx);
		assert_int_equal(crypto_pkseal(a->ephemeral_pk, ctx, keys[i].sk, 32, sealed[i]), 0);
		roles[i] = (struct sealed_role){ keys[i].role, keys[i].epoch, sealed[i] };
		be16_put(message + 65 + i * 118, keys[i].role);
		be32_put(message + 67 + i * 118, keys[i].epoch);
		memcpy(message + 71 + i * 118, sealed[i], DIR_WRAP);
	}
	crypto_sign(who->sign_sk, message, 65 + n * 118, signature);
	return session_activate(v->k, 7, a->session, roles, n, signature, NOW_MS, T0, NULL, NULL, token, ret, id);
}

static struct session *login(const struct change_person *who)
{
	struct role_key keys[ROLE_WRAPS];
	struct session *s = NULL;
	struct hello_answer a;
	unsigned n;

	hello(who, &a);
	n = keys_of(who, &a, keys);
	assert_int_equal(activate(who, &a, keys, n, &s), 0);
	return s;
}

/* Exactly the epochs from first to last of the class, each with its secret. */
static void holds(const struct session *s, uint32_t class_key, uint32_t first, uint32_t last)
{
	struct class_keys c;
	uint8_t pk[32];

	assert_int_equal(session_class_epoch(s, class_key), last);
	for (uint32_t epoch = 1; epoch <= last + 1; epoch++) {
		bool want = epoch >= first && epoch <= last;

		assert_int_equal(session_has_epoch(s, class_key, epoch), want);
		if (!want)
			continue;
		assert_true(session_class_keys(s, class_key, epoch, &c));
		crypto_box_public(c.sk, pk);
		assert_memory_equal(pk, directory_class_entry(v->k, class_key, epoch)->pk, 32);
	}
}

static unsigned ended;
static void count_ended(void *cookie, struct session *s)
{
	assert_ptr_equal(cookie, v);
	assert_non_null(session_principal(v->k, s));
	ended++;
}

static unsigned outdated(void)
{
	ended = 0;
	sessions_outdated(v->k, count_ended, v);
	return ended;
}

/* ---- what a session reaches ------------------------------------------------------------------------------------- */

static void links_give_every_older_epoch(void **state)
{
	struct session *s;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rekey(worker, true), 0);
	s = login(WORKER(0));
	for (unsigned i = 1; i < CLASSES; i++)
		holds(s, change_classes[i], 1, 4);
	assert_false(session_has_class(s, change_classes[0]));
	/* Two roles that both lead there, one of them with grants of all epochs; and a class that was not rekeyed. */
	s = login(&v->people[MANAGER]);
	holds(s, change_classes[0], 1, 1);
	for (unsigned i = 1; i < CLASSES; i++)
		holds(s, change_classes[i], 1, 4);
}

static void each_epoch_is_held_once_for_all_sessions(void **state)
{
	struct class_keys x, y;
	struct session *s, *t;

	(void)state;
	assert_int_equal(rekey(worker, true), 0);
	s = login(WORKER(0));
	t = login(WORKER(1));
	for (uint32_t epoch = 1; epoch <= 2; epoch++) {
		assert_true(session_class_keys(s, change_classes[1], epoch, &x) && session_class_keys(t, change_classes[1], epoch, &y));
		assert_ptr_equal(x.sk, y.sk);
	}
}

/* The rest of a class's row: links are no facts. */
static uint8_t *link_of(uint32_t class_key, uint32_t epoch)
{
	const struct dir_key key = { .type = DIR_CLASS, .class_key = class_key, .epoch = epoch };
	uint8_t bytes[DIR_KEY_MAX];
	bool there;
	size_t at = mem_find(&v->rows, bytes, dir_key_encode(&key, bytes), &there);

	assert_true(there);
	return v->rows.row[at].val + v->rows.row[at].val_n - DIR_WRAP;
}

static void a_link_that_does_not_open_gives_no_older_epoch_and_takes_none(void **state)
{
	struct session *s;
	uint8_t other[DIR_WRAP];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rekey(worker, true), 0);
	link_of(change_classes[1], 3)[DIR_WRAP - 1] ^= 1;
	/* Another class's, and of another epoch. */
	memcpy(other, link_of(change_classes[1], 2), DIR_WRAP);
	memcpy(link_of(change_classes[2], 4), other, DIR_WRAP);
	assert_int_equal(change_load(v), 0);
	s = login(WORKER(0));
	holds(s, change_classes[1], 3, 4);
	holds(s, change_classes[2], 4, 4);
	holds(s, change_classes[3], 1, 4);
}

static void who_was_left_out_holds_nothing(void **state)
{
	struct session *s;

	(void)state;
	rekey_without(WORKER(0));
	s = login(WORKER(0));
	for (unsigned i = 0; i < CLASSES; i++)
		assert_false(session_has_class(s, change_classes[i]));
	holds(login(WORKER(1)), change_classes[1], 1, 2);
}

/* ---- newest roles alone ----------------------------------------------------------------------------------------- */

static const struct role_key *key_of(const struct role_key *keys, unsigned n, uint16_t role)
{
	for (unsigned i = 0; i < n; i++)
		if (keys[i].role == role)
			return &keys[i];
	return NULL;
}

static void rows_and_keys_of_an_old_role_epoch_open_no_session(void **state)
{
	const struct change_person *out = WORKER(0), *stays = WORKER(1);
	struct role_key kept[ROLE_WRAPS], theirs[ROLE_WRAPS];
	struct hello_answer a;
	struct session *s;
	struct store saved;
	unsigned n, m;

	(void)state;
	hello(out, &a);
	n = keys_of(out, &a, kept);
	hello(stays, &a);
	m = keys_of(stays, &a, theirs);
	assert_non_null(key_of(kept, n, ROLE_WORKER));
	assert_int_equal(activate(stays, &a, theirs, m, &s), 0);
	session_close(v->k, s);
	mem_copy(&v->rows, &saved);
	rekey_without(out);
	/* Then with the rows put back: role, members, grants and shares of the old epoch, as they were signed. */
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = 0; pass == 1 && i < saved.n; i++) {
			const struct mem_row *row = &saved.row[i];

			if (row->key[0] != DIR_PRINCIPAL && row->key[0] != DIR_CHANGE)
				assert_int_equal(mem_put(&v->rows, row->key, row->key_n, row->val, row->val_n), 0);
		}
		assert_int_equal(change_load(v), 0);
		hello(out, &a);
		for (unsigned i = 0; i < ROLE_WRAPS; i++)
			assert_true(a.wraps[i].role != ROLE_WORKER || a.wraps[i].epoch == 2);
		assert_int_equal(activate(out, &a, key_of(kept, n, ROLE_WORKER), 1, &s), CV_ERR_AUTH);
		hello(out, &a);
		assert_int_equal(activate(out, &a, kept, n, &s), CV_ERR_AUTH);
		/* Nor does the old key open it under the new epoch's name, nor for who stays. */
		for (unsigned i = 0; i < n; i++)
			kept[i].epoch += kept[i].role == ROLE_WORKER;
		hello(out, &a);
		assert_int_equal(activate(out, &a, kept, n, &s), CV_ERR_AUTH);
		for (unsigned i = 0; i < n; i++)
			kept[i].epoch -= kept[i].role == ROLE_WORKER;
		hello(stays, &a);
		assert_int_equal(activate(stays, &a, theirs, m, &s), CV_ERR_AUTH);
		assert_int_equal(session_count(v->k), 0);
	}
	mem_free(&saved);
	assert_int_equal(change_rows_of(v, DIR_MEMBER, ROLE_WORKER, 1), 5);
	holds(login(stays), change_classes[1], 1, 2);
}

static void a_hello_from_before_the_rekey_opens_nothing_old(void **state)
{
	struct role_key keys[ROLE_WRAPS];
	struct hello_answer a;
	struct session *s;
	unsigned n;

	(void)state;
	hello(WORKER(0), &a);
	n = keys_of(WORKER(0), &a, keys);
	assert_int_equal(n, 2);
	assert_int_equal(rekey(worker, false), 0);
	assert_int_equal(activate(WORKER(0), &a, keys, n, &s), CV_ERR_AUTH);
	assert_int_equal(session_count(v->k), 0);
}

/* ---- when they end ---------------------------------------------------------------------------------------------- */

static void sessions_that_are_behind_end(void **state)
{
	struct session *s;

	(void)state;
	(void)login(WORKER(0));
	(void)login(WORKER(1));
	(void)login(&v->people[MANAGER]);
	(void)login(&v->people[AUDITOR]);
	assert_int_equal(outdated(), 0);
	/* A role's epoch alone. */
	assert_int_equal(rekey(worker, false), 0);
	assert_int_equal(outdated(), 3);
	assert_int_equal(session_count(v->k), 1);
	s = login(WORKER(0));
	(void)login(&v->people[MANAGER]);
	assert_int_equal(outdated(), 0);
	/* The manager's role holds no class that the workers lack but one: that one's epoch does not move, nor do theirs. */
	assert_int_equal(rekey(manager, false), 0);
	assert_int_equal(outdated(), 1);
	assert_int_equal(session_count(v->k), 2);
	/* Classes that another role shares: the workers' role stays, and its sessions do not have the newest epoch. */
	assert_int_equal(rekey(manager, true), 0);
	assert_int_equal(directory_role_newest(v->k, ROLE_WORKER), 2);
	assert_int_equal(session_class_epoch(s, change_classes[1]), 1);
	assert_int_equal(outdated(), 1);
	assert_int_equal(session_count(v->k), 1);
	holds(login(WORKER(0)), change_classes[1], 1, 2);
	assert_int_equal(outdated(), 0);
	sessions_outdated(v->k, NULL, NULL);
	assert_int_equal(session_count(v->k), 2);
}

static void an_epoch_that_is_forgotten_is_wiped_everywhere(void **state)
{
	static const uint8_t zeros[64];
	struct session *s, *t;
	struct class_keys c;

	(void)state;
	assert_int_equal(rekey(worker, true), 0);
	assert_int_equal(rekey(worker, true), 0);
	s = login(WORKER(0));
	t = login(&v->people[MANAGER]);
	assert_true(session_class_keys(s, change_classes[1], 2, &c));
	sessions_forget_epoch(v->k, change_classes[1], 2);
	assert_memory_equal(c.sk, zeros, 64);
	for (unsigned i = 0; i < 2; i++) {
		const struct session *x = i == 0 ? s : t;

		assert_false(session_has_epoch(x, change_classes[1], 2));
		assert_true(session_has_epoch(x, change_classes[1], 1));
		assert_int_equal(session_class_epoch(x, change_classes[1]), 3);
		holds(x, change_classes[2], 1, 3);
		holds(x, change_classes[3], 1, 3);
	}
	/* What nobody holds. */
	sessions_forget_epoch(v->k, change_classes[1], 2);
	sessions_forget_epoch(v->k, change_classes[1], 9);
	sessions_forget_epoch(v->k, 0, 1);
	assert_int_equal(outdated(), 0);
	session_close(v->k, s);
	session_close(v->k, t);
	assert_int_equal(session_count(v->k), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(links_give_every_older_epoch, up, down),
		cmocka_unit_test_setup_teardown(each_epoch_is_held_once_for_all_sessions, up, down),
		cmocka_unit_test_setup_teardown(a_link_that_does_not_open_gives_no_older_epoch_and_takes_none, up, down),
		cmocka_unit_test_setup_teardown(who_was_left_out_holds_nothing, up, down),
		cmocka_unit_test_setup_teardown(rows_and_keys_of_an_old_role_epoch_open_no_session, up, down),
		cmocka_unit_test_setup_teardown(a_hello_from_before_the_rekey_opens_nothing_old, up, down),
		cmocka_unit_test_setup_teardown(sessions_that_are_behind_end, up, down),
		cmocka_unit_test_setup_teardown(an_epoch_that_is_forgotten_is_wiped_everywhere, up, down),
	};

	return cmocka_run_group_tests_name("keys: sessions over rekeys", tests, change_start, NULL);
}

/* Splits of unseal slots: shares judged one by one, and collected until there are enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "crypto/crypto.h"
#include "keys/quorum.h"

#define K 3u
#define N 5u

static const uint8_t vault_id[16] = "vault-0123456789", other_id[16] = "another-vault-id";

struct split {
	struct slot_info info;
	uint8_t kek[32], bytes[N * SHARE_BYTES];
	struct share share[N];
};

static void split_make(struct split *x, const uint8_t id[16], unsigned slot)
{
	memset(x, 0, sizeof(*x));
	x->info.k = K;
	x->info.n = N;
	assert_int_equal(quorum_split(id, slot, &x->info, x->kek, x->bytes), 0);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(share_decode(x->bytes + i * SHARE_BYTES, &x->share[i]), 0);
}

static enum share_verdict enter(struct quorum *q, const struct split *x, const struct share *s, uint64_t now_ms)
{
	enum share_verdict v = (enum share_verdict)99;

	assert_int_equal(quorum_enter(q, vault_id, &x->info, s, now_ms, &v), 0);
	return v;
}

static void any_three_of_five_give_the_key_in_any_order(void **state)
{
	struct split x;
	struct quorum *q;
	uint8_t kek[32];
	unsigned orders = 0;

	(void)state;
	split_make(&x, vault_id, 1);
	for (unsigned a = 0; a < N; a++)
		for (unsigned b = 0; b < N; b++)
			for (unsigned c = 0; c < N; c++) {
				if (a == b || b == c || a == c)
					continue;
				assert_int_equal(quorum_new(&q), 0);
				assert_int_equal(enter(q, &x, &x.share[a], 1), SHARE_GOOD);
				assert_false(quorum_kek(q, kek));
				assert_int_equal(enter(q, &x, &x.share[b], 2), SHARE_GOOD);
				assert_false(quorum_kek(q, kek));
				assert_int_equal(enter(q, &x, &x.share[c], 3), SHARE_GOOD);
				memset(kek, 0, sizeof(kek));
				assert_true(quorum_kek(q, kek));
				assert_memory_equal(kek, x.kek, 32);
				assert_int_equal(quorum_in(q), 1u << a | 1u << b | 1u << c);
				quorum_free(q);
				orders++;
			}
	assert_int_equal(orders, 60);
}

static void an_index_counts_once(void **state)
{
	struct split x;
	struct quorum *q;
	uint8_t kek[32];

	(void)state;
	split_make(&x, vault_id, 0);
	assert_int_equal(quorum_new(&q), 0);
	assert_int_equal(enter(q, &x, &x.share[4], 1), SHARE_GOOD);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(enter(q, &x, &x.share[4], 2), SHARE_AGAIN);
	assert_int_equal(enter(q, &x, &x.share[0], 3), SHARE_GOOD);
	assert_int_equal(enter(q, &x, &x.share[4], 4), SHARE_AGAIN);
	assert_int_equal(quorum_in(q), 1u << 4 | 1u);
	assert_false(quorum_kek(q, kek));
	quorum_free(q);
}

static void a_bad_share_is_told_at_once_and_spoils_nothing(void **state)
{
	struct split x;
	struct share s;
	struct quorum *q;
	uint8_t kek[32];

	(void)state;
	split_make(&x, vault_id, 0);
	assert_int_equal(quorum_new(&q), 0);
	assert_int_equal(enter(q, &x, &x.share[0], 1), SHARE_GOOD);
	for (unsigned bit = 0; bit < 256; bit++) {
		s = x.share[1];
		s.scalar[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(enter(q, &x, &s, 2), SHARE_BAD);
	}
	s = x.share[1];
	s.index = 3;	/* another's number */
	assert_int_equal(enter(q, &x, &s, 2), SHARE_BAD);
	s = x.share[1];
	s.k = 2;
	assert_int_equal(enter(q, &x, &s, 2), SHARE_BAD);
	s = x.share[1];
	s.n = 6;
	s.index = 6;
	assert_int_equal(enter(q, &x, &s, 2), SHARE_BAD);
	assert_int_equal(quorum_in(q), 1);
	assert_int_equal(enter(q, &x, &x.share[1], 3), SHARE_GOOD);
	assert_int_equal(enter(q, &x, &x.share[2], 4), SHARE_GOOD);
	assert_true(quorum_kek(q, kek));
	assert_memory_equal(kek, x.kek, 32);
	quorum_free(q);
}

static void shares_of_other_vaults_slots_and_splits_are_told_apart(void **state)
{
	struct split x, other, later, slot;

	(void)state;
	split_make(&x, vault_id, 0);
	split_make(&other, other_id, 0);
	split_make(&later, vault_id, 0);
	split_make(&slot, vault_id, 2);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(quorum_check(vault_id, &x.info, &x.share[i]), SHARE_GOOD);
		assert_int_equal(quorum_check(vault_id, &x.info, &other.share[i]), SHARE_OTHER_VAULT);
		assert_int_equal(quorum_check(vault_id, &x.info, &later.share[i]), SHARE_OTHER_SPLIT);
		assert_int_equal(quorum_check(vault_id, &x.info, &slot.share[i]), SHARE_OTHER_SPLIT);
		/* Whoever writes the tags over is found out by the commitments. */
		memcpy(other.share[i].vault, x.share[i].vault, SHARE_TAG);
		memcpy(other.share[i].split, x.share[i].split, SHARE_TAG);
		assert_int_equal(quorum_check(vault_id, &x.info, &other.share[i]), SHARE_BAD);
	}
	assert_memory_not_equal(x.kek, later.kek, 32);
}

static void another_split_of_the_slot_begins_anew(void **state)
{
	struct split x, later;
	struct quorum *q;
	uint8_t kek[32];

	(void)state;
	split_make(&x, vault_id, 0);
	split_make(&later, vault_id, 0);
	assert_int_equal(quorum_new(&q), 0);
	assert_int_equal(enter(q, &x, &x.share[0], 1), SHARE_GOOD);
	assert_int_equal(enter(q, &x, &x.share[1], 1), SHARE_GOOD);
	assert_int_equal(enter(q, &later, &later.share[2], 2), SHARE_GOOD);
	assert_int_equal(quorum_in(q), 1u << 2);
	assert_false(quorum_kek(q, kek));
	quorum_free(q);
}

static void they_are_forgotten_a_quarter_of_an_hour_after_the_last(void **state)
{
	struct split x;
	struct quorum *q;
	bool unlocked;
	size_t before;

	(void)state;
	split_make(&x, vault_id, 0);
	assert_int_equal(quorum_new(&q), 0);
	before = crypto_locked_bytes(&unlocked);
	assert_false(quorum_sweep(q, QUORUM_MS));
	assert_int_equal(enter(q, &x, &x.share[0], 1000), SHARE_GOOD);
	assert_true(crypto_locked_bytes(&unlocked) > before || unlocked);
	assert_false(quorum_sweep(q, 1000 + QUORUM_MS - 1));
	assert_int_equal(enter(q, &x, &x.share[1], 1000 + QUORUM_MS - 1), SHARE_GOOD);
	/* One that was in is no new one. */
	assert_int_equal(enter(q, &x, &x.share[1], 1000 + 2 * QUORUM_MS - 2), SHARE_AGAIN);
	assert_false(quorum_sweep(q, 1000 + 2 * QUORUM_MS - 2));
	assert_int_equal(quorum_in(q), 3);
	assert_true(quorum_sweep(q, 1000 + 2 * QUORUM_MS - 1));
	assert_int_equal(quorum_in(q), 0);
	assert_int_equal(crypto_locked_bytes(&unlocked), before);
	assert_int_equal(enter(q, &x, &x.share[2], 5), SHARE_GOOD);
	quorum_wipe(q);
	assert_int_equal(quorum_in(q), 0);
	assert_int_equal(crypto_locked_bytes(&unlocked), before);
	quorum_free(q);
	quorum_free(NULL);
}

static void a_slot_opens_by_its_shares_alone(void **state)
{
	static const char *const names[N] = { "custodian-a", "王小明", "", "d", "e" };
	struct split x, y;
	struct slot_info got;
	struct keys *k, *other;
	struct buf row, ring;
	uint8_t kek[32];
	struct quorum *q;

	(void)state;
	buf_init(&row, 4096);
	buf_init(&ring, 4096);
	assert_int_equal(keys_new(&k), 0);
	assert_int_equal(keys_new(&other), 0);
	assert_int_equal(keys_generate(k, vault_id), 0);
	split_make(&x, vault_id, 1);
	split_make(&y, vault_id, 1);
	for (unsigned i = 0; i < N; i++)
		memcpy(x.info.holder[i], names[i], strlen(names[i]));
	assert_int_equal(keys_slot_encode(k, 1, &x.info, x.kek, &row), 0);
	assert_int_equal(row.p[0], 2);
	assert_int_equal(keys_keyring_encode(k, &ring), 0);
	assert_int_equal(keys_slot_decode(row.p, row.n, &got), 0);
	assert_true(got.type == SLOT_QUORUM && got.k == K && got.n == N);
	assert_memory_equal(got.commits, x.info.commits, sizeof(got.commits));
	assert_memory_equal(got.holder, x.info.holder, sizeof(got.holder));

	assert_int_equal(quorum_new(&q), 0);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(quorum_enter(q, vault_id, &got, &x.share[i], 1, &(enum share_verdict){ SHARE_GOOD }), 0);
	assert_true(quorum_kek(q, kek));
	assert_int_equal(keys_unseal(other, vault_id, 1, row.p, row.n, kek, ring.p, ring.n), 0);
	assert_int_equal(keys_slot_matches(other, 1, row.p, row.n, kek), 0);
	assert_int_equal(keys_slot_matches(other, 1, row.p, row.n, y.kek), CV_ERR_AUTH);
	assert_int_equal(keys_slot_matches(other, 2, row.p, row.n, kek), CV_ERR_AUTH);
	assert_int_equal(keys_slot_matches(other, SLOT_COUNT, row.p, row.n, kek), CV_ERR_FORMAT);
	assert_int_equal(keys_slot_matches(other, 1, row.p, row.n - 1, kek), CV_ERR_FORMAT);
	/* A slot made for other root keys opens, and is not this vault's all the same. */
	keys_seal(other);
	assert_int_equal(keys_generate(other, vault_id), 0);
	assert_int_equal(keys_slot_matches(other, 1, row.p, row.n, kek), CV_ERR_AUTH);
	quorum_free(q);
	buf_free(&row);
	buf_free(&ring);
	keys_free(k);
	keys_free(other);
}

static void splits_out_of_range_are_not_made(void **state)
{
	static const struct { uint8_t k, n; unsigned slot; } wrong[] = { { 0, 3, 0 }, { 4, 3, 0 }, { 2, 17, 0 }, { 2, 3, SLOT_COUNT } };
	uint8_t kek[32], shares[17 * SHARE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct slot_info info = { .k = wrong[i].k, .n = wrong[i].n };

		assert_int_equal(quorum_split(vault_id, wrong[i].slot, &info, kek, shares), CV_ERR_ARG);
	}
}

static int test_start(void **state)
{
	(void)state;
	crypto_allow_unlocked(true);
	return crypto_start();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_three_of_five_give_the_key_in_any_order),
		cmocka_unit_test(an_index_counts_once),
		cmocka_unit_test(a_bad_share_is_told_at_once_and_spoils_nothing),
		cmocka_unit_test(shares_of_other_vaults_slots_and_splits_are_told_apart),
		cmocka_unit_test(another_split_of_the_slot_begins_anew),
		cmocka_unit_test(they_are_forgotten_a_quarter_of_an_hour_after_the_last),
		cmocka_unit_test(a_slot_opens_by_its_shares_alone),
		cmocka_unit_test(splits_out_of_range_are_not_made),
	};

	return cmocka_run_group_tests_name("quorum slots", tests, test_start, NULL);
}

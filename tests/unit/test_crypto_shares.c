/* crypto: Feldman shares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/text.h"
#include "crypto/crypto.h"

/* The order of the group, little-endian: the smallest number that is not a scalar. */
#define ORDER "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"

static int start(void **state)
{
	(void)state;
	return crypto_start();
}

/* Choose the shares whose bits are set in subset, and combine them. */
static int combine_subset(const uint8_t *shares, unsigned n, unsigned subset, uint8_t ret[32])
{
	uint8_t chosen[32 * SHARE_MAX];
	unsigned indices[SHARE_MAX], k = 0;

	for (unsigned i = 0; i < n; i++) {
		if ((subset >> i & 1) == 0)
			continue;
		memcpy(chosen + 32 * k, shares + 32 * i, 32);
		indices[k++] = i + 1;
	}
	return shares_combine(chosen, indices, k, ret);
}

static unsigned bits(unsigned v)
{
	unsigned n = 0;

	for (; v != 0; v >>= 1)
		n += v & 1;
	return n;
}

static void every_subset_of_k_recovers_and_none_of_fewer(void **state)
{
	uint8_t secret[32], shares[32 * 6], commits[32 * 6], out[32];

	(void)state;
	for (unsigned n = 1; n <= 6; n++) {
		for (unsigned k = 1; k <= n; k++) {
			shares_random_secret(secret);
			assert_int_equal(shares_split(secret, k, n, shares, commits), 0);
			for (unsigned subset = 1; subset < 1u << n; subset++) {
				assert_int_equal(combine_subset(shares, n, subset, out), 0);
				assert_int_equal(memcmp(out, secret, 32) == 0, bits(subset) >= k);
			}
		}
	}
}

static void sixteen_holders_work(void **state)
{
	uint8_t secret[32], shares[32 * SHARE_MAX], commits[32 * SHARE_MAX], out[32];

	(void)state;
	shares_random_secret(secret);
	assert_int_equal(shares_split(secret, SHARE_MAX, SHARE_MAX, shares, commits), 0);
	for (unsigned i = 1; i <= SHARE_MAX; i++)
		assert_int_equal(shares_check(shares + 32 * (i - 1), i, commits, SHARE_MAX), 0);
	assert_int_equal(combine_subset(shares, SHARE_MAX, 0xffff, out), 0);
	assert_memory_equal(out, secret, 32);
}

/* Shares 1 and 2 of f(x) = 5 + 7x are 12 and 19. */
static void small_numbers_combine_by_hand(void **state)
{
	const unsigned indices[] = { 2, 1 };
	uint8_t shares[64] = { 0 }, out[32], want[32] = { 5 };

	(void)state;
	shares[0] = 19;
	shares[32] = 12;
	assert_int_equal(shares_combine(shares, indices, 2, out), 0);
	assert_memory_equal(out, want, 32);
}

static void bad_share_is_named(void **state)
{
	uint8_t secret[32], shares[32 * 5], commits[32 * 3];

	(void)state;
	shares_random_secret(secret);
	assert_int_equal(shares_split(secret, 3, 5, shares, commits), 0);
	for (unsigned bad = 1; bad <= 5; bad++) {
		for (size_t bit = 0; bit < 256; bit += 5) {
			shares[32 * (bad - 1) + bit / 8] ^= (uint8_t)(1 << bit % 8);
			for (unsigned i = 1; i <= 5; i++)
				if (i == bad || bit == 0)
					assert_int_equal(shares_check(shares + 32 * (i - 1), i, commits, 3),
					    i == bad ? CV_ERR_AUTH : 0);
			shares[32 * (bad - 1) + bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void share_fits_its_own_index_alone(void **state)
{
	uint8_t secret[32], shares[32 * 5], commits[32 * 3];

	(void)state;
	shares_random_secret(secret);
	assert_int_equal(shares_split(secret, 3, 5, shares, commits), 0);
	for (unsigned i = 1; i <= 5; i++)
		for (unsigned as = 1; as <= SHARE_MAX; as++)
			assert_int_equal(shares_check(shares + 32 * (i - 1), as, commits, 3), as == i ? 0 : CV_ERR_AUTH);
}

static void shares_of_two_splits_do_not_mix(void **state)
{
	uint8_t secret[32], a[32 * 3], b[32 * 3], commits_a[64], commits_b[64], mixed[64], out[32];
	const unsigned indices[] = { 1, 2 };

	(void)state;
	shares_random_secret(secret);
	assert_int_equal(shares_split(secret, 2, 3, a, commits_a), 0);
	assert_int_equal(shares_split(secret, 2, 3, b, commits_b), 0);
	assert_memory_equal(commits_a, commits_b, 32);	/* the same secret */
	assert_memory_not_equal(commits_a + 32, commits_b + 32, 32);
	assert_int_equal(shares_check(b, 1, commits_a, 2), CV_ERR_AUTH);
	memcpy(mixed, a, 32);
	memcpy(mixed + 32, b + 32, 32);
	assert_int_equal(shares_combine(mixed, indices, 2, out), 0);
	assert_memory_not_equal(out, secret, 32);
}

static void changed_commitment_is_noticed(void **state)
{
	uint8_t secret[32], shares[32 * 3], commits[32 * 2];

	(void)state;
	shares_random_secret(secret);
	assert_int_equal(shares_split(secret, 2, 3, shares, commits), 0);
	for (size_t bit = 0; bit < 8 * sizeof(commits); bit++) {
		commits[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(shares_check(shares, 1, commits, 2), CV_ERR_AUTH);
		commits[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	memset(commits + 32, 0, 32);	/* the identity: a threshold lower than k claims */
	assert_int_equal(shares_check(shares, 1, commits, 2), CV_ERR_AUTH);
}

static void second_spelling_of_a_share_is_refused(void **state)
{
	uint8_t secret[32], share[32], commits[32], order[32];
	unsigned carry = 0;

	(void)state;
	shares_random_secret(secret);
	assert_int_equal(shares_split(secret, 1, 1, share, commits), 0);
	assert_int_equal(shares_check(share, 1, commits, 1), 0);
	assert_int_equal(hex_decode(ORDER, 64, order, 32), 0);
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)share[i] + order[i];
		share[i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(shares_check(share, 1, commits, 1), CV_ERR_AUTH);
}

static void indices_zero_twice_and_high_are_refused(void **state)
{
	const unsigned bad[][3] = { { 0, 1, 2 }, { 1, 2, 1 }, { 3, 3, 3 }, { 1, 2, 17 }, { 1, 2, 1u << 31 }, { 1, 33, 2 } };
	uint8_t secret[32], shares[32 * 3], commits[32 * 3], out[32], before[32];

	(void)state;
	shares_random_secret(secret);
	assert_int_equal(shares_split(secret, 3, 3, shares, commits), 0);
	memset(out, 0xee, 32);
	memcpy(before, out, 32);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(shares_combine(shares, bad[i], 3, out), CV_ERR_ARG);
	assert_int_equal(shares_combine(shares, bad[1], 0, out), CV_ERR_ARG);
	assert_int_equal(shares_combine(shares, bad[1], SHARE_MAX + 1, out), CV_ERR_ARG);
	assert_memory_equal(out, before, 32);
	assert_int_equal(shares_check(shares, 0, commits, 3), CV_ERR_ARG);
	assert_int_equal(shares_check(shares, SHARE_MAX + 1, commits, 3), CV_ERR_ARG);
	assert_int_equal(shares_check(shares, 1, commits, 0), CV_ERR_ARG);
	assert_int_equal(shares_check(shares, 1, commits, SHARE_MAX + 1), CV_ERR_ARG);
}

static void split_refuses_bad_arguments(void **state)
{
	uint8_t secret[32] = { 0 }, good[32], shares[32 * (SHARE_MAX + 1)], commits[32 * (SHARE_MAX + 1)];

	(void)state;
	shares_random_secret(good);
	assert_int_equal(shares_split(good, 0, 3, shares, commits), CV_ERR_ARG);
	assert_int_equal(shares_split(good, 4, 3, shares, commits), CV_ERR_ARG);
	assert_int_equal(shares_split(good, 2, SHARE_MAX + 1, shares, commits), CV_ERR_ARG);
	/* Zero, and numbers that would come back as others. */
	assert_int_equal(shares_split(secret, 2, 3, shares, commits), CV_ERR_ARG);
	assert_int_equal(hex_decode(ORDER, 64, secret, 32), 0);
	assert_int_equal(shares_split(secret, 2, 3, shares, commits), CV_ERR_ARG);
	memset(secret, 0xff, 32);
	assert_int_equal(shares_split(secret, 2, 3, shares, commits), CV_ERR_ARG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_subset_of_k_recovers_and_none_of_fewer),
		cmocka_unit_test(sixteen_holders_work),
		cmocka_unit_test(small_numbers_combine_by_hand),
		cmocka_unit_test(bad_share_is_named),
		cmocka_unit_test(share_fits_its_own_index_alone),
		cmocka_unit_test(shares_of_two_splits_do_not_mix),
		cmocka_unit_test(changed_commitment_is_noticed),
		cmocka_unit_test(second_spelling_of_a_share_is_refused),
		cmocka_unit_test(indices_zero_twice_and_high_are_refused),
		cmocka_unit_test(split_refuses_bad_arguments),
	};

	return cmocka_run_group_tests_name("crypto_shares", tests, start, NULL);
}

/* Feldman's verifiable secret sharing over the scalars of ristretto255. */
#include <sodium.h>	/* before crypto.h, see there */

#include "crypto/crypto.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

#define SCALAR 32
#define POINT 32

_Static_assert(crypto_core_ristretto255_SCALARBYTES == SCALAR && crypto_core_ristretto255_BYTES == POINT, "sizes");

static const uint8_t zero[SCALAR];

static void small_scalar(unsigned v, uint8_t ret[SCALAR])
{
	memset(ret, 0, SCALAR);
	ret[0] = (uint8_t)v;
}

/* Whether s is below the group order and not zero: the only spelling of a value that has an inverse. */
static bool proper(const uint8_t s[SCALAR])
{
	uint8_t reduced[SCALAR];
	bool yes;

	crypto_core_ristretto255_scalar_add(reduced, s, zero);
	yes = crypto_equal(reduced, s, SCALAR) && !sodium_is_zero(s, SCALAR);
	wipe(reduced, sizeof(reduced));
	return yes;
}

void shares_random_secret(uint8_t ret[32])
{
	crypto_core_ristretto255_scalar_random(ret);
}

/* The polynomial of k coefficients at x, by Horner's rule. */
static void evaluate(const uint8_t (*coeff)[SCALAR], unsigned k, unsigned x, uint8_t ret[SCALAR])
{
	uint8_t at[SCALAR], sum[SCALAR];

	small_scalar(x, at);
	memcpy(sum, coeff[k - 1], SCALAR);
	for (unsigned j = k - 1; j-- > 0;) {
		crypto_core_ristretto255_scalar_mul(sum, sum, at);
		crypto_core_ristretto255_scalar_add(sum, sum, coeff[j]);
	}
	memcpy(ret, sum, SCALAR);
	wipe(sum, sizeof(sum));
}

int shares_split(const uint8_t secret[32], unsigned k, unsigned n, uint8_t *ret_shares, uint8_t *ret_commits)
{
	uint8_t coeff[SHARE_MAX][SCALAR];

	if (k < 1 || k > n || n > SHARE_MAX || !proper(secret))
		return CV_ERR_ARG;
	/* Fresh coefficients for each split, or shares of two splits would combine. */
	memcpy(coeff[0], secret, SCALAR);
	for (unsigned j = 1; j < k; j++)
		crypto_core_ristretto255_scalar_random(coeff[j]);
	for (unsigned j = 0; j < k; j++)
		/* Fails for a zero scalar alone, which neither a proper secret nor scalar_random gives. */
		(void)crypto_scalarmult_ristretto255_base(ret_commits + POINT * j, coeff[j]);
	for (unsigned i = 1; i <= n; i++)
		evaluate((const uint8_t (*)[SCALAR])coeff, k, i, ret_shares + SCALAR * (i - 1));
	wipe(coeff, sizeof(coeff));
	return 0;
}

/* Whether the top bit of every commitment is zero: libsodium 1.0.18 ignores it, which would be a second spelling. */
static bool top_bits_clear(const uint8_t *commits, unsigned k)
{
	unsigned top = 0;

	for (unsigned j = 0; j < k; j++)
		top |= commits[POINT * j + POINT - 1];
	return top >> 7 == 0;
}

/*
 * The share times the base point must be the commitments' polynomial at index. Encodings of points are unique, so equal
 * bytes are equal points. The library refuses the identity, which no honest commitment or share yields.
 */
int shares_check(const uint8_t share[32], unsigned index, const uint8_t *commits, unsigned k)
{
	uint8_t at[SCALAR], left[POINT], right[POINT];

	if (index < 1 || index > SHARE_MAX || k < 1 || k > SHARE_MAX)
		return CV_ERR_ARG;
	if (!top_bits_clear(commits, k) || !proper(share) ||
	    crypto_scalarmult_ristretto255_base(left, share) != 0)
		return CV_ERR_AUTH;
	small_scalar(index, at);
	memcpy(right, commits + POINT * (k - 1), POINT);
	for (unsigned j = k - 1; j-- > 0;) {
		if (crypto_scalarmult_ristretto255(right, at, right) != 0 ||
		    crypto_core_ristretto255_add(right, right, commits + POINT * j) != 0)
			return CV_ERR_AUTH;
	}
	return crypto_equal(left, right, POINT) ? 0 : CV_ERR_AUTH;
}

/* Lagrange's coefficient of indices[i] at zero: the product of x / (x - x_i) over the other indices x. */
static void lagrange(const unsigned *indices, unsigned k, unsigned i, uint8_t ret[SCALAR])
{
	uint8_t num[SCALAR], den[SCALAR], x[SCALAR], own[SCALAR];
	int r;

	small_scalar(1, num);
	small_scalar(1, den);
	small_scalar(indices[i], own);
	for (unsigned j = 0; j < k; j++) {
		if (j == i)
			continue;
		small_scalar(indices[j], x);
		crypto_core_ristretto255_scalar_mul(num, num, x);
		crypto_core_ristretto255_scalar_sub(x, x, own);
		crypto_core_ristretto255_scalar_mul(den, den, x);
	}
	r = crypto_core_ristretto255_scalar_invert(den, den);
	assert(r == 0);
	(void)r;	/* fails for zero alone, and distinct indices give none */
	crypto_core_ristretto255_scalar_mul(ret, num, den);
}

int shares_combine(const uint8_t *shares, const unsigned *indices, unsigned k, uint8_t ret_secret[32])
{
	uint8_t sum[SCALAR] = { 0 }, term[SCALAR];
	unsigned seen = 0;

	if (k < 1 || k > SHARE_MAX)
		return CV_ERR_ARG;
	/* Index 0 would be the secret itself; one index twice would divide by zero. */
	for (unsigned i = 0; i < k; i++) {
		if (indices[i] < 1 || indices[i] > SHARE_MAX || (seen >> indices[i] & 1) != 0)
			return CV_ERR_ARG;
		seen |= 1u << indices[i];
	}
	for (unsigned i = 0; i < k; i++) {
		lagrange(indices, k, i, term);
		crypto_core_ristretto255_scalar_mul(term, term, shares + SCALAR * i);
		crypto_core_ristretto255_scalar_add(sum, sum, term);
	}
	memcpy(ret_secret, sum, SCALAR);
	wipe(sum, sizeof(sum));
	wipe(term, sizeof(term));
	return 0;
}

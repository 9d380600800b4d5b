/* Key agreement and signatures: X25519 and Ed25519. */
#include <sodium.h>	/* before crypto.h, see there */

#include "crypto/crypto.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"

_Static_assert(SIGN_PUBLIC == crypto_sign_PUBLICKEYBYTES && SIGN_SECRET == crypto_sign_SECRETKEYBYTES, "keys");
_Static_assert(SIGN_BYTES == crypto_sign_BYTES, "signature");

void crypto_box_public(const uint8_t sk[32], uint8_t ret_pk[32])
{
	(void)crypto_scalarmult_base(ret_pk, sk);	/* cannot fail: a clamped scalar of the base point is not zero */
}

int crypto_agree(const uint8_t sk[32], const uint8_t pk[32], uint8_t ret[32])
{
	uint8_t ss[32];
	int r = CV_ERR_CRYPTO;

	/* A low-order public key would make the secret a constant that anyone knows. */
	if (crypto_scalarmult(ss, sk, pk) != 0)
		goto out;
	memcpy(ret, ss, sizeof(ss));
	r = 0;
out:
	wipe(ss, sizeof(ss));
	return r;
}

void crypto_sign_pair(const uint8_t seed[32], uint8_t ret_pk[SIGN_PUBLIC], uint8_t ret_sk[SIGN_SECRET])
{
	(void)crypto_sign_seed_keypair(ret_pk, ret_sk, seed);	/* cannot fail */
}

void crypto_sign(const uint8_t sk[SIGN_SECRET], const void *m, size_t n, uint8_t ret[SIGN_BYTES])
{
	(void)crypto_sign_detached(ret, NULL, m, n, sk);	/* cannot fail */
}

int crypto_verify(const uint8_t pk[SIGN_PUBLIC], const void *m, size_t n, const uint8_t sig[SIGN_BYTES])
{
	return crypto_sign_verify_detached(sig, m, n, pk) == 0 ? 0 : CV_ERR_AUTH;
}

#include <sodium.h>	/* before crypto.h, see there */

#include "crypto/crypto.h"


#include "base/error.h"

int crypto_start(void)
{
	return sodium_init() < 0 ? CV_ERR_CRYPTO : 0;
}

void crypto_random(void *p, size_t n)
{
	/* libsodium asks getrandom(2) each time and keeps no pool, so a forked child repeats nothing. */
	randombytes_buf(p, n);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

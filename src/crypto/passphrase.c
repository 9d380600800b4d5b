#include <sodium.h>	/* before crypto.h, see there */

#include "crypto/crypto.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * The floor keeps a changed key file from asking for a hash that is cheap to search, the ceiling from asking for one
 * that never ends.
 */
#define MEM_KIB_MIN 65536u
#define MEM_KIB_MAX 4194304u
#define PASSES_MIN 3u
#define PASSES_MAX 16u
#define PASS_BYTES_MAX 4096u

_Static_assert(sizeof(((struct argon *)0)->salt) == crypto_pwhash_argon2id_SALTBYTES, "salt");

int crypto_passphrase(const struct argon *a, const char *pass, size_t pass_n, uint8_t ret[32])
{
	uint8_t key[32];
	int r = CV_ERR_NOMEM;

	if (a->mem_kib < MEM_KIB_MIN || a->mem_kib > MEM_KIB_MAX || a->passes < PASSES_MIN || a->passes > PASSES_MAX ||
	    pass_n > PASS_BYTES_MAX)
		return CV_ERR_ARG;
	/* With parameters in range it fails for want of memory alone. */
	if (crypto_pwhash_argon2id(key, sizeof(key), pass, pass_n, a->salt, a->passes, (size_t)a->mem_kib << 10,
	    crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		goto out;
	memcpy(ret, key, sizeof(key));
	r = 0;
out:
	wipe(key, sizeof(key));
	return r;
}

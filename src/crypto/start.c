#include <sodium.h>	/* before crypto.h, see there */

#include "crypto/crypto.h"

#include <string.h>
#include <sys/mman.h>

#include "base/error.h"

#define POOL_TAKEN 64u		/* longer wishes go to the system at once */
#define POOL_REFILL 1024u

/*
 * Random bytes asked for ahead: making a record takes some fifty small ones, and a system call each is a tenth of its cost. The
 * page is private to its thread, locked, kept out of core files, and emptied by the kernel in a forked child
 * (MADV_WIPEONFORK): no two processes hand out the same bytes. What was handed out is wiped.
 */
struct pool {
	size_t left;		/* bytes from the start of bytes that nobody got yet */
	unsigned char bytes[POOL_REFILL];
};
static _Thread_local struct pool *pool;

int crypto_start(void)
{
	return sodium_init() < 0 ? CV_ERR_CRYPTO : 0;
}

/* This thread's page, or NULL where the kernel cannot promise to empty it. */
static struct pool *pool_page(void)
{
	void *p = mmap(NULL, sizeof(struct pool), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, sizeof(struct pool), MADV_WIPEONFORK) != 0) {
		munmap(p, sizeof(struct pool));
		return NULL;
	}
	(void)mlock(p, sizeof(struct pool));
	(void)madvise(p, sizeof(struct pool), MADV_DONTDUMP);
	return p;
}

void crypto_random(void *p, size_t n)
{
	if (n > POOL_TAKEN || (pool == NULL && (pool = pool_page()) == NULL)) {
		randombytes_buf(p, n);
		return;
	}
	if (pool->left < n) {
		randombytes_buf(pool->bytes, POOL_REFILL);
		pool->left = POOL_REFILL;
	}
	pool->left -= n;
	memcpy(p, pool->bytes + pool->left, n);
	sodium_memzero(pool->bytes + pool->left, n);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	/* The sizes of tags and digests have comparisons of their own, as constant in time and several times as quick. */
	if (n == 16)
		return crypto_verify_16(a, b) == 0;
	if (n == 32)
		return crypto_verify_32(a, b) == 0;
	return sodium_memcmp(a, b, n) == 0;
}

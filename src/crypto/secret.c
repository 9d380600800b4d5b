/* Long-lived secrets: guarded, locked, undumpable memory whose locking is checked. */
#include <sodium.h>	/* before crypto.h, see there */

#include "crypto/crypto.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MAX ((size_t)64 << 20)

/* What secret_new allocates; callers see its first member. */
struct holder {
	struct secret secret;
	bool locked;
};

static atomic_bool allow_unlocked;
static atomic_size_t locked_bytes;
static atomic_size_t unlocked_secrets;

void crypto_allow_unlocked(bool yes)
{
	atomic_store(&allow_unlocked, yes);
}

size_t crypto_locked_bytes(bool *ret_unlocked)
{
	*ret_unlocked = atomic_load(&unlocked_secrets) > 0;
	return atomic_load(&locked_bytes);
}

/*
 * sodium_malloc asks for locked pages outside core dumps and between guard pages, but hides it when locking fails.
 * Locking the same pages again tells; locks do not nest, so sodium_free undoes both.
 */
struct secret *secret_new(size_t size)
{
	struct holder *h = NULL;
	uint8_t *bytes = NULL;

	if (size == 0 || size > SECRET_MAX)
		goto fail;
	if ((h = calloc(1, sizeof(*h))) == NULL || (bytes = sodium_malloc(size)) == NULL)
		goto fail;
	h->locked = sodium_mlock(bytes, size) == 0;
	if (!h->locked && !atomic_load(&allow_unlocked))
		goto fail;
	memset(bytes, 0, size);
	h->secret.bytes = bytes;
	h->secret.size = size;
	if (h->locked)
		atomic_fetch_add(&locked_bytes, size);
	else
		atomic_fetch_add(&unlocked_secrets, 1);
	return &h->secret;
fail:
	sodium_free(bytes);
	free(h);
	return NULL;
}

void secret_free(struct secret *s)
{
	struct holder *h = (struct holder *)(void *)s;

	if (s == NULL)
		return;
	if (h->locked)
		atomic_fetch_sub(&locked_bytes, s->size);
	else
		atomic_fetch_sub(&unlocked_secrets, 1);
	sodium_free(s->bytes);	/* wipes, unlocks, unmaps */
	free(h);
}

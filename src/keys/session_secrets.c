/*
 * The slab of secrets that sessions hold.
 *
 * Secrets are held once for each class epoch and each personal role's epoch, however many sessions hold it, and counted: the
 * last session that ends wipes the secret. That bounds locked memory by the numbers of classes and of people with sessions,
 * and keeps the copies that can leak few.
 */
#include "keys/session_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define SLAB_ITEMS 64u			/* secrets of one chunk: 4 KiB of locked memory */
#define SECRET_BYTES (2 * CRYPTO_KEY)	/* secret key; a class's KEK */

struct slab {
	struct slab *next;
	struct secret *mem;
	struct held_secret item[SLAB_ITEMS];
};

/* An item that is free, from a new chunk if need be. NULL if no memory can be had or locked. */
static struct held_secret *slab_free_item(struct sessions *x)
{
	struct slab *s;

	for (s = x->slabs; s != NULL; s = s->next) {
		for (unsigned i = 0; i < SLAB_ITEMS; i++) {
			if (s->item[i].refs == 0)
				return &s->item[i];
		}
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	if ((s->mem = secret_new(SLAB_ITEMS * SECRET_BYTES)) == NULL) {
		free(s);
		return NULL;
	}
	for (unsigned i = 0; i < SLAB_ITEMS; i++)
		s->item[i].bytes = s->mem->bytes + (size_t)i * SECRET_BYTES;
	s->next = x->slabs;
	x->slabs = s;
	return &s->item[0];
}

static bool same_secret(const struct held_secret *c, const struct secret_of *of, const uint8_t pk[32])
{
	return c->refs != 0 && c->of.class_key == of->class_key && c->of.role == of->role && c->of.epoch == of->epoch &&
	    memcmp(c->pk, pk, 32) == 0;
}

struct held_secret *slab_hold(struct sessions *x, struct secret_of of, const uint8_t pk[32], const uint8_t sk[32])
{
	struct held_secret *c;

	for (struct slab *s = x->slabs; s != NULL; s = s->next) {
		for (unsigned i = 0; i < SLAB_ITEMS; i++) {
			c = &s->item[i];
			if (same_secret(c, &of, pk)) {
				c->refs++;
				return c;
			}
		}
	}
	if ((c = slab_free_item(x)) == NULL)
		return NULL;
	c->refs = 1;
	c->of = of;
	memcpy(c->pk, pk, 32);
	memcpy(c->bytes, sk, CRYPTO_KEY);
	if (of.role == 0)
		crypto_hash("cv1.classkek", sk, CRYPTO_KEY, NULL, 0, c->bytes + CRYPTO_KEY, CRYPTO_KEY);
	return c;
}

void slab_release(struct held_secret *c)
{
	assert(c->refs > 0);
	if (--c->refs == 0)
		wipe(c->bytes, SECRET_BYTES);
}

void slab_free(struct sessions *x)
{
	struct slab *next;

	for (struct slab *s = x->slabs; s != NULL; s = next) {
		next = s->next;
		secret_free(s->mem);
		free(s);
	}
	x->slabs = NULL;
}

/* Classes that a role gets, and class keys that a ceremony leads to. FORMAT.md 5.5, operations 4 and 5. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "keys/change_internal.h"

/* ---- class keys ------------------------------------------------------------------------------------------------------------- */

/* The secret of the class epoch that a grant gives, by its role's key. */
static int open_grant(const struct keys *k, const struct custody *c, const struct grant_entry *g, uint8_t sk[CRYPTO_KEY],
    uint8_t ret[CRYPTO_KEY])
{
	const struct class_entry *e = directory_class_entry(k, g->class_key, g->epoch);
	uint8_t ctx[CONTEXT_BYTES], pk[32];
	int r;

	if (e == NULL)
		return CV_ERR_NOTFOUND;
	if ((r = custody_role_key(k, c, g->role, g->role_epoch, sk)) != 0)
		return r;
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_KEY_WRAP, .class_key = g->class_key, .epoch = g->epoch, .generation = g->role_epoch,
	    .field = g->role, .version = KEY_WRAP_GRANT, .length = CRYPTO_KEY), ctx);
	if (crypto_pkopen(sk, ctx, g->wrap, DIR_WRAP, ret) != 0)
		return CV_ERR_AUTH;
	/* What follows a fact is not signed: it is the key of the signed row or none. */
	crypto_box_public(ret, pk);
	return memcmp(pk, e->pk, sizeof(pk)) == 0 ? 0 : CV_ERR_AUTH;
}

int change_class_secret(const struct keys *k, const struct custody *c, uint32_t class_key, uint32_t epoch, uint8_t ret[32])
{
	struct secret *sk = secret_new((size_t)2 * CRYPTO_KEY);
	const struct grant_entry *g;
	const struct class_entry *e;
	size_t n, i = 0;
	uint8_t *at;
	int r;

	if (sk == NULL)
		return CV_ERR_NOMEM;
	at = sk->bytes + CRYPTO_KEY;
	g = directory_grants(k, &n);
	/* Epochs of a class ascend: the first grant that a role of the ceremony has is the nearest. */
	while (i < n && (g[i].class_key != class_key || g[i].epoch < epoch || !custody_has(c, g[i].role, g[i].role_epoch)))
		i++;
	if ((r = i < n ? open_grant(k, c, &g[i], sk->bytes, at) : CV_ERR_NOTFOUND) != 0)
		goto out;
	for (uint32_t newer = g[i].epoch; newer > epoch; newer--) {
		if ((e = directory_class_entry(k, class_key, newer)) == NULL)
			r = CV_ERR_NOTFOUND;
		else if ((r = directory_link_open(k, e, at, sk->bytes)) == 0)
			memcpy(at, sk->bytes, CRYPTO_KEY);
		if (r != 0)
			goto out;
	}
	memcpy(ret, at, CRYPTO_KEY);
out:
	secret_free(sk);
	return r;
}

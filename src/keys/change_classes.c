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

/* ---- covers ----------------------------------------------------------------------------------------------------------------- */

/* A class that is to be brought, in its newest epoch. */
struct wanted {
	uint32_t class_key, epoch;
	bool covered;
};

static int wanted_cmp(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	return (x->class_key > y->class_key) - (x->class_key < y->class_key);
}

/* The classes in order, each once. */
static int take_wanted(const struct keys *k, const uint32_t *class_keys, unsigned n, struct wanted ret[CHANGE_CLASSES_MAX])
{
	uint8_t pk[32];

	if (n > CHANGE_CLASSES_MAX)
		return CV_ERR_LIMIT;
	for (unsigned i = 0; i < n; i++) {
		ret[i] = (struct wanted){ .class_key = class_keys[i] };
		if (directory_class(k, class_keys[i], &ret[i].epoch, pk) != 0)
			return CV_ERR_NOTFOUND;
	}
	qsort(ret, n, sizeof(ret[0]), wanted_cmp);
	for (unsigned i = 1; i < n; i++)
		if (ret[i - 1].class_key == ret[i].class_key)
			return CV_ERR_ARG;
	return 0;
}

/* The wanted class that this grant gives to a role whose custodians can bring it; NULL: none. */
static struct wanted *given(const struct keys *k, const struct grant_entry *g, struct wanted *w, unsigned n)
{
	const struct wanted key = { .class_key = g->class_key };
	struct wanted *x = n > 0 ? bsearch(&key, w, n, sizeof(*w), wanted_cmp) : NULL;
	const struct role_entry *e = x != NULL ? change_shared_role(k, g->role) : NULL;

	return e != NULL && x->epoch == g->epoch && e->epoch == g->role_epoch ? x : NULL;
}

/* The role that brings most of what is not covered yet, the lowest of several; it is covered then. NULL: nobody brings any of it. */
static const struct role_entry *best_role(const struct keys *k, struct wanted *w, unsigned n, unsigned *counts)
{
	const struct role_entry *roles, *best = NULL;
	const struct grant_entry *g;
	const struct wanted *x;
	size_t count, grants;

	roles = directory_roles(k, &count);
	g = directory_grants(k, &grants);
	memset(counts, 0, count * sizeof(*counts));
	for (size_t i = 0; i < grants; i++)
		if ((x = given(k, &g[i], w, n)) != NULL && !x->covered)
			counts[directory_role_entry(k, g[i].role, g[i].role_epoch) - roles]++;
	for (size_t i = 0; i < count; i++)
		if (counts[i] > (best != NULL ? counts[best - roles] : 0))
			best = &roles[i];
	for (size_t i = 0; best != NULL && i < grants; i++) {
		struct wanted *one = g[i].role == best->role ? given(k, &g[i], w, n) : NULL;

		if (one != NULL)
			one->covered = true;
	}
	return best;
}

static int role_cmp(const void *a, const void *b)
{
	const struct custody_role *x = a, *y = b;

	return (x->role > y->role) - (x->role < y->role);
}

int change_cover(const struct keys *k, const uint32_t *class_keys, unsigned n, struct custody_role ret[CUSTODY_ROLES], unsigned *ret_n)
{
	struct wanted w[CHANGE_CLASSES_MAX];
	const struct role_entry *e;
	unsigned *counts = NULL, left, found = 0;
	size_t roles;
	int r;

	if ((r = take_wanted(k, class_keys, n, w)) != 0)
		return r;
	(void)directory_roles(k, &roles);
	if ((counts = malloc((roles + 1) * sizeof(*counts))) == NULL)
		return CV_ERR_NOMEM;
	for (;;) {
		left = 0;
		for (unsigned i = 0; i < n; i++)
			left += !w[i].covered;
		if (left == 0)
			break;
		if ((e = best_role(k, w, n, counts)) == NULL)
			r = CV_ERR_NOTFOUND;
		else if (found == CUSTODY_ROLES)
			r = CV_ERR_LIMIT;
		if (r != 0)
			goto out;
		ret[found++] = (struct custody_role){ e->role, e->epoch };
	}
	qsort(ret, found, sizeof(ret[0]), role_cmp);
	*ret_n = found;
out:
	free(counts);
	return r;
}

/* ---- classes for a role ------------------------------------------------------------------------------------------------------ */

static bool has_class(const struct keys *k, uint32_t class_key)
{
	const struct class_entry *e;
	size_t n;

	e = directory_classes(k, &n);
	for (size_t i = 0; i < n; i++)
		if (e[i].class_key == class_key)
			return true;
	return false;
}

/* A class that the directory does not have is made, with its first holder. */
static int draft_new(struct drafting *d, const struct dir_key *key, const uint8_t role_pk[32])
{
	uint8_t sk[CRYPTO_KEY], pk[32];
	int r;

	crypto_random(sk, sizeof(sk));
	crypto_box_public(sk, pk);
	if ((r = drafting_class(d, key->class_key, key->epoch, pk)) == 0)
		r = drafting_grant(d, key, role_pk, sk);
	wipe(sk, sizeof(sk));
	return r;
}

/* One class for the role; ret_old says whether the directory has it, so that somebody must bring its key. */
static int draft_class(struct drafting *d, const struct role_entry *e, uint32_t class_key, bool *ret_old)
{
	struct dir_key key = { .type = DIR_GRANT, .class_key = class_key, .epoch = 1, .role = e->role, .role_epoch = e->epoch };
	bool old = has_class(d->k, class_key);
	uint8_t pk[32];
	int r;

	if (class_key == 0 || (class_key & 0xffff) != 0)
		return CV_ERR_ARG;	/* compartments are reserved */
	if (old && (r = directory_class(d->k, class_key, &key.epoch, pk)) != 0)
		return r;
	if (old && directory_role_holds(d->k, e->role, class_key))
		return CV_ERR_EXISTS;
	if ((r = old ? drafting_grant(d, &key, NULL, NULL) : draft_new(d, &key, e->pk)) != 0)
		return r;
	buf_u32(&d->item[ITEM_CLASSES], class_key);
	buf_u32(&d->item[ITEM_CLASSES], key.epoch);
	*ret_old = old;
	return 0;
}

/* Roles that bring what is there already, and the receiver's custodians where something is new: a class is never given without them. */
static int draft_shares(struct drafting *d, const struct role_entry *e, const uint32_t *old, unsigned n, bool made)
{
	struct custody_role roles[CUSTODY_ROLES + 1];
	unsigned count = 0, i = 0;
	int r;

	if ((r = change_cover(d->k, old, n, roles, &count)) != 0)
		return r;
	while (i < count && roles[i].role != e->role)
		i++;
	if (made && i == count)
		roles[count++] = (struct custody_role){ e->role, e->epoch };
	if (count > CUSTODY_ROLES)
		return CV_ERR_LIMIT;
	qsort(roles, count, sizeof(roles[0]), role_cmp);
	for (i = 0; i < count; i++)
		drafting_share(d, &roles[i]);
	return 0;
}

static int key_cmp(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

int change_draft_classes(struct keys *k, uint16_t role, const uint32_t *class_keys, unsigned n, uint64_t now_ms, struct change_draft *ret)
{
	const struct role_entry *e = change_shared_role(k, role);
	uint32_t keys[CHANGE_CLASSES_MAX], old[CHANGE_CLASSES_MAX];
	unsigned olds = 0;
	struct drafting d;
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	if (e == NULL)
		return CV_ERR_NOTFOUND;
	if (n == 0 || n > CHANGE_CLASSES_MAX)
		return CV_ERR_LIMIT;
	memcpy(keys, class_keys, n * sizeof(keys[0]));
	qsort(keys, n, sizeof(keys[0]), key_cmp);
	drafting_init(&d, k, now_ms);
	for (unsigned i = 0; r == 0 && i < n; i++) {
		bool there = false;

		r = i > 0 && keys[i] == keys[i - 1] ? CV_ERR_ARG : draft_class(&d, e, keys[i], &there);
		if (there)
			old[olds++] = keys[i];
	}
	if (r == 0 && (r = draft_shares(&d, e, old, olds, olds < n)) == 0)
		r = drafting_finish(&d, OPERATION_CLASSES, ret);
	drafting_free(&d);
	return r;
}

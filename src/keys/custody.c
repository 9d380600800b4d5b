#include "keys/custody.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "keys/keys_internal.h"
#include "store/store.h"

#define SCALAR 32u

/* A role's split, as its row has it. */
struct split {
	struct custody_role role;
	unsigned k;
	uint8_t commits[DIR_SHARES_MAX * 32];
};
/*
 * Invariants: 1. secret holds the ceremony's secret key, then for each of `needed` givers and each role one scalar; givers are at most
 * `needed`. 2. The scalars of givers below `givers` passed shares_check at index[giver][role] against split[role].
 */
struct custody {
	uint8_t request[16], pk[32];
	uint64_t begun_ms;
	unsigned roles, givers, needed;
	struct split split[CUSTODY_ROLES];
	uint8_t giver[DIR_SHARES_MAX][16];
	uint8_t index[DIR_SHARES_MAX][CUSTODY_ROLES];
	struct secret *secret;
};

static uint8_t *scalar_of(const struct custody *c, unsigned giver, unsigned role)
{
	return c->secret->bytes + CRYPTO_KEY + (giver * c->roles + role) * SCALAR;
}

/* The value of a directory row whose fact directory_load has verified. */
static int get_row(struct store *s, const struct dir_key *key, struct dir_value *ret)
{
	uint8_t bytes[DIR_KEY_MAX];
	struct store_value val;
	int r;

	if ((r = store_get(s, STORE_DIR, bytes, dir_key_encode(key, bytes), &val)) != 0)
		return r;
	return dir_value_decode(val.p, val.n, ret);
}

static int read_split(struct store *s, const struct custody_role *role, struct split *ret)
{
	struct dir_key key = { .type = DIR_ROLE, .role = role->role, .epoch = role->epoch };
	struct dir_public fact;
	struct dir_value v;
	int r;

	if ((r = get_row(s, &key, &v)) != 0 || (r = dir_role_decode(v.fact, v.fact_n, &fact)) != 0)
		return r;
	if (fact.k == 0)
		return CV_ERR_NOTFOUND;
	ret->role = *role;
	ret->k = fact.k;
	memcpy(ret->commits, fact.commits, (size_t)fact.k * 32);
	return 0;
}

int custody_new(struct store *s, const uint8_t request[16], const struct custody_role *roles, unsigned n, uint64_t now_ms,
    struct custody **ret)
{
	struct custody *c = calloc(1, sizeof(*c));
	int r = CV_ERR_NOMEM;

	assert(n >= 1 && n <= CUSTODY_ROLES);
	if (c == NULL)
		goto out;
	for (unsigned i = 0; i < n; i++) {
		if ((r = read_split(s, &roles[i], &c->split[i])) != 0)
			goto out;
		c->needed = c->split[i].k > c->needed ? c->split[i].k : c->needed;
	}
	if ((c->secret = secret_new(CRYPTO_KEY + (size_t)c->needed * n * SCALAR)) == NULL) {
		r = CV_ERR_NOMEM;
		goto out;
	}
	c->roles = n;
	c->begun_ms = now_ms;
	memcpy(c->request, request, 16);
	crypto_random(c->secret->bytes, CRYPTO_KEY);
	crypto_box_public(c->secret->bytes, c->pk);
	*ret = c;
	c = NULL;	/* transferred */
	r = 0;
out:
	custody_free(c);
	return r;
}

void custody_free(struct custody *c)
{
	if (c == NULL)
		return;
	secret_free(c->secret);
	free(c);
}

const uint8_t *custody_request(const struct custody *c)
{
	return c->request;
}

const uint8_t *custody_public(const struct custody *c)
{
	return c->pk;
}

bool custody_over(const struct custody *c, uint64_t now_ms)
{
	return now_ms - c->begun_ms >= CUSTODY_MS;
}

/* A custodian's row for role i. */
static int read_share(const struct custody *c, struct store *s, unsigned i, const uint8_t custodian[16], uint8_t *ret_index,
    const uint8_t **ret_sealed)
{
	struct dir_key key = { .type = DIR_CUSTODY, .role = c->split[i].role.role, .epoch = c->split[i].role.epoch };
	struct dir_value v;
	int r;

	memcpy(key.principal, custodian, 16);
	if ((r = get_row(s, &key, &v)) != 0 || (r = dir_custody_decode(v.fact, v.fact_n, ret_index)) != 0)
		return r;
	if (v.rest_n != DIR_WRAP)
		return CV_ERR_FORMAT;
	*ret_sealed = v.rest;
	return 0;
}

int custody_rows(const struct custody *c, struct store *s, const uint8_t custodian[16], struct buf *ret)
{
	const uint8_t *sealed;
	uint8_t index;
	int r;

	for (unsigned i = 0; i < c->roles; i++) {
		if ((r = read_share(c, s, i, custodian, &index, &sealed)) != 0)
			return r;
		buf_u16(ret, c->split[i].role.role);
		buf_u32(ret, c->split[i].role.epoch);
		buf_u8(ret, index);
		buf_put(ret, sealed, DIR_WRAP);
	}
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

/* One share into its place, opened and judged. The context keeps it from another ceremony, another custodian, another role. */
static int take_share(const struct keys *k, struct custody *c, unsigned i, const uint8_t custodian[16], uint8_t index,
    const uint8_t *sealed)
{
	uint8_t *to = scalar_of(c, c->givers, i), ctx[CONTEXT_BYTES];

	context_encode(CONTEXT_OF(k, .kind = CONTEXT_CEREMONY, .entity = c->request, .epoch = c->split[i].role.epoch,
	    .field = c->split[i].role.role, .version = index, .writer = custodian, .length = SCALAR), ctx);
	if (crypto_pkopen(c->secret->bytes, ctx, sealed, DIR_WRAP, to) != 0 ||
	    shares_check(to, index, c->split[i].commits, c->split[i].k) != 0)
		return CV_ERR_AUTH;
	c->index[c->givers][i] = index;
	return 0;
}

int custody_give(const struct keys *k, struct store *s, struct custody *c, const uint8_t custodian[16], const uint8_t *sealed, size_t n)
{
	const uint8_t *row;
	uint8_t index;
	int r = 0;

	for (unsigned i = 0; i < c->givers; i++)
		if (memcmp(c->giver[i], custodian, 16) == 0)
			return CV_ERR_EXISTS;
	if (custody_enough(c))
		return CV_ERR_FULL;
	if (n != c->roles * (size_t)DIR_WRAP)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; r == 0 && i < c->roles; i++)
		if ((r = read_share(c, s, i, custodian, &index, &row)) == 0)
			r = take_share(k, c, i, custodian, index, sealed + i * (size_t)DIR_WRAP);
	if (r != 0) {
		wipe(scalar_of(c, c->givers, 0), c->roles * (size_t)SCALAR);
		return r;
	}
	memcpy(c->giver[c->givers++], custodian, 16);
	return 0;
}

const uint8_t *custody_giver(const struct custody *c, unsigned i)
{
	return i < c->givers ? c->giver[i] : NULL;
}

unsigned custody_needed(const struct custody *c)
{
	return c->needed;
}

bool custody_enough(const struct custody *c)
{
	return c->givers >= c->needed;
}

bool custody_has(const struct custody *c, uint16_t role, uint32_t epoch)
{
	for (unsigned i = 0; i < c->roles; i++)
		if (c->split[i].role.role == role && c->split[i].role.epoch == epoch)
			return true;
	return false;
}

int custody_role_key(const struct keys *k, const struct custody *c, uint16_t role, uint32_t epoch, uint8_t ret[CRYPTO_KEY])
{
	const struct role_entry *entry = directory_role_entry(k, role, epoch);
	uint8_t shares[DIR_SHARES_MAX * SCALAR], scalar[SCALAR], pk[32];
	unsigned indices[DIR_SHARES_MAX], i = 0;
	int r = CV_ERR_NOTFOUND;

	while (i < c->roles && (c->split[i].role.role != role || c->split[i].role.epoch != epoch))
		i++;
	/* An older epoch's rows that somebody put back lead nowhere. */
	if (i == c->roles || entry == NULL || epoch != directory_role_newest(k, role) || c->givers < c->split[i].k)
		goto out;
	for (unsigned g = 0; g < c->split[i].k; g++) {
		memcpy(shares + g * SCALAR, scalar_of(c, g, i), SCALAR);
		indices[g] = c->index[g][i];
	}
	if ((r = shares_combine(shares, indices, c->split[i].k, scalar)) != 0)
		goto out;
	crypto_hash("cv1.unseal", scalar, sizeof(scalar), NULL, 0, ret, CRYPTO_KEY);
	/* The row that gave the commitments might have been changed since the directory was verified: the key is the signed one or none. */
	crypto_box_public(ret, pk);
	r = memcmp(pk, entry->pk, sizeof(pk)) == 0 ? 0 : CV_ERR_AUTH;
out:
	wipe(shares, sizeof(shares));
	wipe(scalar, sizeof(scalar));
	return r;
}

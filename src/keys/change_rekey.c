/*
 * New epochs of roles, and of the classes they hold. FORMAT.md 5.2 and 5.5, operation 3. Every secret is drawn, sealed to those who get it
 * and wiped, one after the other.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "keys/change_internal.h"

/* What a rekey is made from. */
struct rekey {
	struct drafting d;
	const struct role_entry *role[CUSTODY_ROLES];	/* the epochs that end, ascending */
	uint8_t pk[CUSTODY_ROLES][32];	/* of those that begin */
	unsigned roles;
	uint8_t (*out)[16];		/* ascending */
	unsigned outs;
	const struct principal *custodian[DIR_SHARES_MAX];
	unsigned custodians, persons;	/* how many, and how many natural persons they are */
};

static int id_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static int role_cmp(const void *a, const void *b)
{
	const struct role_entry *const *x = a, *const *y = b;

	return ((*x)->role > (*y)->role) - ((*x)->role < (*y)->role);
}

static bool is_out(const struct rekey *x, const uint8_t id[16])
{
	return x->outs > 0 && bsearch(id, x->out, x->outs, 16, id_cmp) != NULL;
}

/* ---- who takes part -------------------------------------------------------------------------------------------------------- */

static int take_roles(struct rekey *x, const struct change_rekey *c)
{
	if (c->role_count > CUSTODY_ROLES)
		return CV_ERR_LIMIT;
	for (unsigned i = 0; i < c->role_count; i++) {
		const struct role_entry *e = change_shared_role(x->d.k, c->roles[i]);

		if (e == NULL)
			return CV_ERR_NOTFOUND;
		if (e->epoch == UINT32_MAX)
			return CV_ERR_LIMIT;
		x->role[x->roles++] = e;
	}
	qsort(x->role, x->roles, sizeof(x->role[0]), role_cmp);
	for (unsigned i = 0; i < x->roles; i++) {
		if (i > 0 && x->role[i - 1]->role == x->role[i]->role)
			return CV_ERR_ARG;
		drafting_share(&x->d, &(struct custody_role){ x->role[i]->role, x->role[i]->epoch });
	}
	return 0;
}

static int take_out(struct rekey *x, const struct change_rekey *c)
{
	if (c->removed && c->out_count == 0)
		return CV_ERR_ARG;
	if ((x->out = malloc((size_t)c->out_count * 16 + 1)) == NULL)
		return CV_ERR_NOMEM;
	if (c->out_count > 0)
		memcpy(x->out, c->out, (size_t)c->out_count * 16);
	x->outs = c->out_count;
	qsort(x->out, x->outs, 16, id_cmp);
	for (unsigned i = 1; i < x->outs; i++)
		if (memcmp(x->out[i - 1], x->out[i], 16) == 0)
			return CV_ERR_ARG;
	buf_put(&x->d.item[ITEM_PRINCIPALS], x->out, (size_t)x->outs * 16);
	return 0;
}

/* Custodians who may act, in the order of ids. One person's shares count once, whatever keys they have. */
static void take_custodians(struct rekey *x)
{
	const struct principal *p;

	for (size_t i = 0; (p = directory_principal_at(x->d.k, i)) != NULL && x->custodians < DIR_SHARES_MAX; i++) {
		unsigned same = 0;

		if (p->kind != PRINCIPAL_CUSTODIAN || !directory_enabled(p, x->d.now_ms) || is_out(x, p->id))
			continue;
		while (same < x->custodians && memcmp(x->custodian[same]->person, p->person, 16) != 0)
			same++;
		x->persons += same == x->custodians;
		x->custodian[x->custodians++] = p;
	}
}

/* A member who stays: they may act now or later, and nobody left them out. */
static const struct principal *staying(const struct rekey *x, const struct member_entry *m)
{
	const struct principal *p = directory_principal(x->d.k, m->principal);
	uint64_t now = x->d.now_ms;

	if (p == NULL || p->suspended || (p->lapses_ms != 0 && now >= p->lapses_ms) || (p->not_after_ms != 0 && now >= p->not_after_ms) ||
	    (m->not_after_ms != 0 && now >= m->not_after_ms) || is_out(x, p->id))
		return NULL;
	return p;
}

/* ---- roles ------------------------------------------------------------------------------------------------------------------- */

static int seal_to_members(struct rekey *x, const struct role_entry *e, const uint8_t sk[CRYPTO_KEY])
{
	const struct principal *p;
	const struct member_entry *m;
	int r = 0;
	size_t n;

	m = directory_members(x->d.k, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (m[i].role == e->role && m[i].epoch == e->epoch && (p = staying(x, &m[i])) != NULL)
			r = drafting_member(&x->d, p, e->role, e->epoch + 1, m[i].not_before_ms, m[i].not_after_ms, sk);
	return r;
}

/* Role number i: a scalar is drawn and shared, what two custodians combine is it; the key made from it goes to the members. */
static int renew_role(struct rekey *x, unsigned i)
{
	const struct role_entry *e = x->role[i];
	uint8_t scalar[32], sk[CRYPTO_KEY], shares[DIR_SHARES_MAX * 32], commits[DIR_SHARES_MAX * 32];
	struct dir_public fact = { .status = DIR_STATUS_ACTIVE, .k = e->share_k, .commits = commits };
	int r;

	shares_random_secret(scalar);
	crypto_hash("cv1.unseal", scalar, sizeof(scalar), NULL, 0, sk, CRYPTO_KEY);
	crypto_box_public(sk, x->pk[i]);
	memcpy(fact.pk, x->pk[i], 32);
	if (x->persons < e->share_k)
		r = CV_ERR_STATE;
	else if ((r = shares_split(scalar, e->share_k, x->custodians, shares, commits)) == 0)
		r = drafting_role(&x->d, e->role, e->epoch + 1, &fact);
	for (unsigned j = 0; r == 0 && j < x->custodians; j++)
		r = drafting_custody(&x->d, e->role, e->epoch + 1, x->custodian[j], (uint8_t)(j + 1), shares + (size_t)j * 32);
	if (r == 0)
		r = seal_to_members(x, e, sk);
	wipe(scalar, sizeof(scalar));
	wipe(sk, sizeof(sk));
	wipe(shares, sizeof(shares));
	return r;
}

/* ---- classes ----------------------------------------------------------------------------------------------------------------- */

/* The rekeyed role of a grant that its role's newest epoch holds, or -1. */
static int renewed(const struct rekey *x, const struct grant_entry *g)
{
	for (unsigned i = 0; i < x->roles; i++)
		if (x->role[i]->role == g->role && x->role[i]->epoch == g->role_epoch)
			return (int)i;
	return -1;
}

/* One holder of a class gets it: a new epoch with its secret, or the same one without. */
static int pass_on(struct rekey *x, const struct grant_entry *g, uint32_t epoch, const uint8_t *sk)
{
	struct dir_key key = { .type = DIR_GRANT, .class_key = g->class_key, .epoch = epoch, .role = g->role, .role_epoch = g->role_epoch };
	const struct role_entry *e = directory_role_entry(x->d.k, g->role, g->role_epoch);
	int i = renewed(x, g);

	if (i >= 0)
		key.role_epoch++;
	else if (e == NULL || sk == NULL || directory_role_newest(x->d.k, g->role) != g->role_epoch)
		return 0;	/* an epoch that is over, or a role that keeps what it has */
	return drafting_grant(&x->d, &key, i >= 0 ? x->pk[i] : e->pk, sk);
}

/* A class of which n grants are given, all of its newest epoch. */
static int renew_class(struct rekey *x, const struct grant_entry *g, size_t n, bool fresh)
{
	uint32_t epoch = g->epoch;
	uint8_t sk[CRYPTO_KEY], pk[32];
	bool held = false;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		held = held || renewed(x, &g[i]) >= 0;
	if (!held)
		return 0;
	if (fresh) {
		if (epoch == UINT32_MAX)
			return CV_ERR_LIMIT;
		epoch++;
		crypto_random(sk, sizeof(sk));
		crypto_box_public(sk, pk);
		buf_u32(&x->d.item[ITEM_CLASSES], g->class_key);
		buf_u32(&x->d.item[ITEM_CLASSES], epoch);
		r = drafting_class(&x->d, g->class_key, epoch, pk);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		r = pass_on(x, &g[i], epoch, fresh ? sk : NULL);
	wipe(sk, sizeof(sk));
	return r;
}

static int renew_classes(struct rekey *x, bool fresh)
{
	const struct grant_entry *g;
	size_t n, end;
	int r = 0;

	g = directory_grants(x->d.k, &n);
	for (size_t i = 0; r == 0 && i < n; i = end) {
		uint32_t newest;
		uint8_t pk[32];

		for (end = i; end < n && g[end].class_key == g[i].class_key && g[end].epoch == g[i].epoch; end++)
			;
		if (directory_class(x->d.k, g[i].class_key, &newest, pk) == 0 && newest == g[i].epoch)
			r = renew_class(x, g + i, end - i, fresh);
	}
	return r;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------------- */

int change_draft_rekey(struct keys *k, const struct change_rekey *c, uint64_t now_ms, struct change_draft *ret)
{
	uint8_t flags = (uint8_t)((c->classes ? OPERATION_NEW_CLASSES : 0) | (c->removed ? OPERATION_REMOVED : 0));
	struct rekey x;
	int r;

	memset(ret, 0, sizeof(*ret));
	memset(&x, 0, sizeof(x));
	drafting_init(&x.d, k, now_ms);
	if (flags != 0)
		buf_u8(&x.d.item[ITEM_FLAGS], flags);
	if ((r = take_roles(&x, c)) != 0 || (r = take_out(&x, c)) != 0)
		goto out;
	take_custodians(&x);
	for (unsigned i = 0; i < x.roles; i++)
		if ((r = renew_role(&x, i)) != 0)
			goto out;
	if ((r = renew_classes(&x, c->classes)) == 0)
		r = drafting_finish(&x.d, OPERATION_REKEY, ret);
out:
	drafting_free(&x.d);
	free(x.out);
	return r;
}

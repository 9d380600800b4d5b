/* A new principal, and roles for one who is there. FORMAT.md 5.5, operations 1 and 2. */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "keys/change_internal.h"

#define EPOCH 1u	/* of a new personal role */

/* The context of what follows the fact in a row, FORMAT.md section 3. */
static void context_of(const struct keys *k, const struct dir_key *key, uint8_t index, uint8_t ret[CONTEXT_BYTES])
{
	struct context c = { .kind = CONTEXT_KEY_WRAP, .vault = k->vault_id, .epoch = key->epoch, .field = key->role,
		.length = CRYPTO_KEY };

	switch (key->type) {
	case DIR_MEMBER:
		c.entity = key->principal;
		c.version = KEY_WRAP_MEMBER;
		break;
	case DIR_GRANT:
		c.class_key = key->class_key;
		c.generation = key->role_epoch;
		c.version = KEY_WRAP_GRANT;
		break;
	case DIR_CUSTODY:
		c.kind = CONTEXT_SHARE;
		c.entity = key->principal;
		c.version = index;
		break;
	default:
		c.class_key = key->class_key;
		c.generation = key->epoch - 1;
		c.version = KEY_WRAP_LINK;
		break;
	}
	context_encode(&c, ret);
}

int change_wrap(const struct keys *k, const struct dir_key *key, uint8_t index, const uint8_t pk[32], const uint8_t secret[CRYPTO_KEY],
    struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES], *to = buf_add(ret, DIR_WRAP);

	if (to == NULL)
		return change_fault(ret);
	context_of(k, key, index, ctx);
	return crypto_pkseal(pk, ctx, secret, CRYPTO_KEY, to);
}

const struct role_entry *change_shared_role(const struct keys *k, uint16_t role)
{
	uint32_t newest = role_is_personal(role) ? 0 : directory_role_newest(k, role);
	const struct role_entry *e = newest != 0 ? directory_role_entry(k, role, newest) : NULL;

	return e != NULL && e->share_k > 0 ? e : NULL;
}

/* The first number that no personal role has had; 0: none is left. */
static uint16_t personal_number(const struct keys *k)
{
	size_t n;
	const struct role_entry *e = directory_roles(k, &n);

	if (n == 0 || !role_is_personal(e[n - 1].role))
		return ROLE_PERSONAL | 1u;
	return e[n - 1].role < UINT16_MAX ? (uint16_t)(e[n - 1].role + 1) : 0;
}

/* Memberships in p's own dates, of which custodians bring the keys. */
static int draft_memberships(struct drafting *d, const struct principal *p, const uint16_t *roles, unsigned n)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++) {
		const struct role_entry *e = change_shared_role(d->k, roles[i]);

		if (e == NULL)
			return CV_ERR_NOTFOUND;
		r = drafting_member(d, p, e->role, e->epoch, p->not_before_ms, p->not_after_ms, NULL);
		drafting_share(d, &(struct custody_role){ e->role, e->epoch });
	}
	return r;
}

/* A personal role's key pair is drawn; the secret goes to its member alone. */
static int draft_personal(struct drafting *d, const struct principal *p, uint16_t role)
{
	struct dir_public fact = { .status = DIR_STATUS_ACTIVE };
	uint8_t sk[CRYPTO_KEY];
	int r;

	crypto_random(sk, sizeof(sk));
	crypto_box_public(sk, fact.pk);
	if ((r = drafting_role(d, role, EPOCH, &fact)) == 0)
		r = drafting_member(d, p, role, EPOCH, p->not_before_ms, p->not_after_ms, sk);
	wipe(sk, sizeof(sk));
	return r;
}

int change_draft_member(struct keys *k, const struct principal *p, const uint16_t *roles, unsigned n, uint64_t now_ms,
    struct change_draft *ret)
{
	uint16_t personal = personal_number(k);
	struct drafting d;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (n > ROLE_WRAPS - 1 || personal == 0)
		return CV_ERR_LIMIT;
	drafting_init(&d, k, now_ms);
	if ((r = drafting_principal(&d, p)) == 0 && (r = draft_personal(&d, p, personal)) == 0 &&
	    (r = draft_memberships(&d, p, roles, n)) == 0)
		r = drafting_finish(&d, OPERATION_ADD_MEMBER, ret);
	drafting_free(&d);
	return r;
}

int change_draft_roles(struct keys *k, const struct principal *p, const uint16_t *roles, unsigned n, uint64_t now_ms,
    struct change_draft *ret)
{
	uint16_t had[ROLE_WRAPS];
	unsigned has = change_roles_of(k, p->id, had);
	struct drafting d;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (n + has > ROLE_WRAPS - 1)
		return CV_ERR_LIMIT;
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < has; j++)
			if (roles[i] == had[j])
				return CV_ERR_EXISTS;
	drafting_init(&d, k, now_ms);
	if ((r = draft_memberships(&d, p, roles, n)) == 0)
		r = drafting_finish(&d, OPERATION_ROLES, ret);
	drafting_free(&d);
	return r;
}

#include "keys/inventory.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "format/directory.h"
#include "keys/keys_internal.h"
#include "store/store.h"

bool inventory_role(const struct keys *k, size_t *at, struct inventory_role *ret)
{
	size_t n;
	const struct role_entry *e = directory_roles(k, &n);

	for (; *at < n; (*at)++) {
		const struct role_entry *x = &e[*at];

		if (role_is_personal(x->role) || x->epoch != directory_role_newest(k, x->role))
			continue;
		ret->role = x->role;
		ret->epoch = x->epoch;
		ret->made_ms = directory_made_ms(k, x->change_set);
		ret->needed = x->share_k;
		(*at)++;
		return true;
	}
	return false;
}

unsigned inventory_members(const struct keys *k, uint16_t role, uint32_t epoch, uint64_t now_ms)
{
	size_t n;
	const struct member_entry *e = directory_members(k, &n);
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		count += e[i].role == role && e[i].epoch == epoch && directory_in_dates(e[i].not_before_ms, e[i].not_after_ms, now_ms) &&
		    directory_enabled(directory_principal(k, e[i].principal), now_ms);
	return count;
}

unsigned inventory_personal(const struct keys *k)
{
	size_t n;
	const struct role_entry *e = directory_roles(k, &n);
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		count += role_is_personal(e[i].role) && e[i].epoch == directory_role_newest(k, e[i].role);
	return count;
}

uint64_t inventory_personal_ms(const struct keys *k)
{
	size_t n;
	const struct role_entry *e = directory_roles(k, &n);
	uint64_t oldest = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t ms = role_is_personal(e[i].role) ? directory_made_ms(k, e[i].change_set) : 0;

		if (ms != 0 && (oldest == 0 || ms < oldest))
			oldest = ms;
	}
	return oldest;
}

/* Roles that hold the class epoch in their newest epochs. */
static unsigned roles_with(const struct keys *k, uint32_t class_key, uint32_t epoch)
{
	size_t n;
	const struct grant_entry *e = directory_grants(k, &n);
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		count += e[i].class_key == class_key && e[i].epoch == epoch && e[i].role_epoch == directory_role_newest(k, e[i].role);
	return count;
}

bool inventory_class(const struct keys *k, size_t *at, struct inventory_class *ret)
{
	size_t n;
	const struct class_entry *e = directory_classes(k, &n);
	uint32_t newest = 0;
	uint8_t pk[32];

	while (*at < n && e[*at].status == DIR_STATUS_DESTROYED)
		(*at)++;
	if (*at == n)
		return false;
	e += (*at)++;
	ret->class_key = e->class_key;
	ret->epoch = e->epoch;
	ret->made_ms = directory_made_ms(k, e->change_set);
	ret->newest = directory_class(k, e->class_key, &newest, pk) == 0 && newest == e->epoch;
	ret->roles = roles_with(k, e->class_key, e->epoch);
	return true;
}

/* ---- shares ------------------------------------------------------------------------------------------------------------ */

struct counting {
	const struct keys *k;
	uint64_t now_ms;
	struct inventory_custody found;
};

static bool is_custodian(const struct principal *p, uint64_t now_ms)
{
	return p != NULL && p->kind == PRINCIPAL_CUSTODIAN && directory_enabled(p, now_ms);
}

static int count_share(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct counting *x = cookie;
	const struct principal *p;
	struct dir_key dk;

	(void)val;
	(void)val_n;
	if (dir_key_decode(key, key_n, &dk) != 0)
		return CV_ERR_IO;	/* it was verified when the directory was loaded */
	p = directory_principal(x->k, dk.principal);
	x->found.holding += is_custodian(p, x->now_ms);
	/* A suspended custodian may come back; these do not. */
	x->found.left += p == NULL || p->removed || p->kind != PRINCIPAL_CUSTODIAN ||
	    (p->not_after_ms != 0 && x->now_ms >= p->not_after_ms);
	return 0;
}

int inventory_custody(const struct keys *k, struct store *s, uint16_t role, uint32_t epoch, uint64_t now_ms,
    struct inventory_custody *ret)
{
	struct counting x = { .k = k, .now_ms = now_ms };
	const struct principal *p;
	uint8_t prefix[7] = { DIR_CUSTODY };
	unsigned custodians = 0;
	int r;

	be16_put(prefix + 1, role);
	be32_put(prefix + 3, epoch);
	if ((r = store_scan(s, STORE_DIR, prefix, sizeof(prefix), NULL, 0, false, 0, count_share, &x)) != 0)
		return r;
	for (size_t i = 0; (p = directory_principal_at(k, i)) != NULL; i++)
		custodians += is_custodian(p, now_ms);
	x.found.without = custodians - x.found.holding;
	*ret = x.found;
	return 0;
}

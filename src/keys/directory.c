/* Lookups in the directory in memory. directory_load.c brings it there. */
#include "keys/directory_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/directory.h"
#include "keys/chain.h"
#include "keys/change.h"
#include "store/store.h"

bool directory_in_dates(uint64_t from_ms, uint64_t to_ms, uint64_t now_ms)
{
	return now_ms >= from_ms && (to_ms == 0 || now_ms < to_ms);
}

bool directory_enabled(const struct principal *p, uint64_t now_ms)
{
	return p != NULL && !p->suspended && directory_in_dates(p->not_before_ms, p->not_after_ms, now_ms) &&
	    (p->lapses_ms == 0 || now_ms < p->lapses_ms);
}

static int principal_cmp(const void *id, const void *row)
{
	return memcmp(id, ((const struct principal *)row)->id, 16);
}

static struct principal *find_principal(const struct keys *k, const uint8_t id[16])
{
	const struct directory_state *d = k->directory;

	return d != NULL && d->principals.n > 0 ?
	    bsearch(id, d->principals.p, d->principals.n, sizeof(struct principal), principal_cmp) : NULL;
}

const struct principal *directory_principal(const struct keys *k, const uint8_t id[16])
{
	return find_principal(k, id);
}

const struct principal *directory_principal_at(const struct keys *k, size_t i)
{
	const struct directory_state *d = k->directory;
	const struct principal *rows = d != NULL ? d->principals.p : NULL;

	return d != NULL && i < d->principals.n ? &rows[i] : NULL;
}

void directory_mark(struct keys *k, const uint8_t id[16], uint8_t mark)
{
	struct principal *p = find_principal(k, id);

	if (p == NULL)
		return;
	p->suspended = mark != DIR_MARK_NONE;
	p->removed = mark == DIR_MARK_REMOVED;
}

void directory_lapse(struct keys *k, const uint8_t id[16], uint64_t at_ms)
{
	struct principal *p = find_principal(k, id);

	if (p != NULL)
		p->lapses_ms = at_ms;
}

void directory_days(struct keys *k, const uint8_t id[16], uint32_t last_day, uint32_t restored_day)
{
	struct principal *p = find_principal(k, id);

	if (p == NULL)
		return;
	p->last_day = last_day;
	p->restored_day = restored_day;
}

const struct principal *directory_principal_named(const struct keys *k, const char *login, size_t n)
{
	const struct directory_state *d = k->directory;
	const struct principal *rows = d != NULL ? d->principals.p : NULL;
	const struct principal *found = NULL;

	for (size_t i = 0; d != NULL && i < d->principals.n; i++) {
		if (strlen(rows[i].login) != n || memcmp(rows[i].login, login, n) != 0)
			continue;
		if (found != NULL)
			return NULL;	/* whom of the two is meant nobody can tell */
		found = &rows[i];
	}
	return found;
}

const struct role_entry *directory_roles(const struct keys *k, size_t *ret_n)
{
	*ret_n = k->directory != NULL ? k->directory->roles.n : 0;
	return k->directory != NULL ? k->directory->roles.p : NULL;
}

const struct grant_entry *directory_grants(const struct keys *k, size_t *ret_n)
{
	*ret_n = k->directory != NULL ? k->directory->grants.n : 0;
	return k->directory != NULL ? k->directory->grants.p : NULL;
}

const struct class_entry *directory_classes(const struct keys *k, size_t *ret_n)
{
	*ret_n = k->directory != NULL ? k->directory->classes.n : 0;
	return k->directory != NULL ? k->directory->classes.p : NULL;
}

const struct member_entry *directory_members(const struct keys *k, size_t *ret_n)
{
	*ret_n = k->directory != NULL ? k->directory->members.n : 0;
	return k->directory != NULL ? k->directory->members.p : NULL;
}

static int role_entry_cmp(const void *a, const void *b)
{
	const struct role_entry *x = a, *y = b;

	return x->role != y->role ? (x->role > y->role) - (x->role < y->role) : (x->epoch > y->epoch) - (x->epoch < y->epoch);
}

const struct role_entry *directory_role_entry(const struct keys *k, uint16_t role, uint32_t epoch)
{
	const struct role_entry wanted = { .role = role, .epoch = epoch };
	size_t n;
	const struct role_entry *e = directory_roles(k, &n);

	return n > 0 ? bsearch(&wanted, e, n, sizeof(*e), role_entry_cmp) : NULL;
}

uint32_t directory_role_newest(const struct keys *k, uint16_t role)
{
	size_t low = 0, high, n;
	const struct role_entry *e = directory_roles(k, &n);

	/* Epochs ascend within a role: the newest is the last one that is not of a role behind. */
	for (high = n; low < high;) {
		size_t mid = low + (high - low) / 2;

		if (e[mid].role <= role)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && e[low - 1].role == role && e[low - 1].status == DIR_STATUS_ACTIVE ? e[low - 1].epoch : 0;
}

uint64_t directory_made_ms(const struct keys *k, uint32_t change_set)
{
	return chain_time_ms(k->directory->chain, change_set);
}

const struct class_entry *directory_class_entry(const struct keys *k, uint32_t class_key, uint32_t epoch)
{
	const struct directory_state *d = k->directory;
	const struct class_entry *e = d != NULL ? d->classes.p : NULL;

	for (size_t i = 0; d != NULL && i < d->classes.n; i++) {
		if (e[i].class_key == class_key && e[i].epoch == epoch)
			return &e[i];
	}
	return NULL;
}

int directory_class(const struct keys *k, uint32_t class_key, uint32_t *ret_epoch, uint8_t ret_pk[32])
{
	const struct directory_state *d = k->directory;
	const struct class_entry *e = d != NULL ? d->classes.p : NULL;

	/* Epochs ascend within a class: the last that fits is the newest. */
	for (size_t i = d != NULL ? d->classes.n : 0; i-- > 0;) {
		if (e[i].class_key == class_key && e[i].status == DIR_STATUS_ACTIVE) {
			*ret_epoch = e[i].epoch;
			memcpy(ret_pk, e[i].pk, 32);
			return 0;
		}
	}
	return CV_ERR_NOTFOUND;
}

int directory_link_open(const struct keys *k, const struct class_entry *e, const uint8_t sk[CRYPTO_KEY], uint8_t ret[CRYPTO_KEY])
{
	const struct class_entry *older;
	uint8_t ctx[CONTEXT_BYTES], pk[32];

	if (!e->has_link)
		return CV_ERR_NOTFOUND;
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_KEY_WRAP, .class_key = e->class_key, .epoch = e->epoch, .generation = e->epoch - 1,
	    .version = KEY_WRAP_LINK, .length = CRYPTO_KEY), ctx);
	older = directory_class_entry(k, e->class_key, e->epoch - 1);
	if (older == NULL || crypto_pkopen(sk, ctx, e->link, DIR_WRAP, ret) != 0)
		return CV_ERR_AUTH;
	/* The link is no fact: what it leads to is the signed key or nothing. */
	crypto_box_public(ret, pk);
	if (memcmp(pk, older->pk, sizeof(pk)) != 0) {
		wipe(ret, CRYPTO_KEY);
		return CV_ERR_AUTH;
	}
	return 0;
}

/* The first membership of a principal in key order, and how many follow it with it. */
static const struct member_entry *members_of(const struct keys *k, const uint8_t principal[16], size_t *ret_n)
{
	const struct directory_state *d = k->directory;
	const struct member_entry *e = d != NULL ? d->members.p : NULL;
	size_t low = 0, high = d != NULL ? d->members.n : 0, end = high, n = 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(e[mid].principal, principal, 16) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	while (low + n < end && memcmp(e[low + n].principal, principal, 16) == 0)
		n++;
	*ret_n = n;
	return n > 0 ? e + low : NULL;
}

const struct member_entry *directory_member(const struct keys *k, const uint8_t principal[16], uint16_t role,
    uint32_t epoch)
{
	size_t n;
	const struct member_entry *e = members_of(k, principal, &n);

	for (size_t i = 0; i < n; i++) {
		if (e[i].role == role && e[i].epoch == epoch)
			return &e[i];
	}
	return NULL;
}

unsigned change_roles_of(const struct keys *k, const uint8_t principal[16], uint16_t ret[ROLE_WRAPS])
{
	size_t n;
	const struct member_entry *e = members_of(k, principal, &n);
	unsigned count = 0;

	for (size_t i = 0; i < n && count < ROLE_WRAPS; i++)
		if (!role_is_personal(e[i].role) && e[i].epoch == directory_role_newest(k, e[i].role))
			ret[count++] = e[i].role;
	return count;
}

uint32_t change_newest(const struct keys *k, uint8_t ret_digest[32])
{
	uint32_t newest;

	assert(k->directory != NULL);
	newest = chain_sets(k->directory->chain);
	memcpy(ret_digest, chain_digest(k->directory->chain, newest), 32);
	return newest;
}

bool directory_has_role(const struct keys *k, const uint8_t principal[16], uint16_t role, uint64_t now_ms)
{
	uint32_t newest = directory_role_newest(k, role);
	const struct member_entry *e = newest != 0 ? directory_member(k, principal, role, newest) : NULL;

	return e != NULL && directory_in_dates(e->not_before_ms, e->not_after_ms, now_ms);
}

int directory_personal(const struct keys *k, const uint8_t principal[16], uint16_t *ret_role, uint32_t *ret_epoch,
    uint8_t ret_pk[32])
{
	size_t n;
	const struct member_entry *e = members_of(k, principal, &n);

	/* Epochs ascend within a role: the last that is active is the newest. */
	while (n-- > 0) {
		const struct role_entry *r = directory_role_entry(k, e[n].role, e[n].epoch);

		if (!role_is_personal(e[n].role) || r == NULL || r->status != DIR_STATUS_ACTIVE)
			continue;
		*ret_role = r->role;
		*ret_epoch = r->epoch;
		memcpy(ret_pk, r->pk, 32);
		return 0;
	}
	return CV_ERR_NOTFOUND;
}

struct wraps_found {
	const struct member_entry *members;
	size_t n;
	uint64_t now_ms;
	struct role_wrap *ret;
	unsigned found;
};

/* Take memberships of roles' newest epochs into the places that are left: the personal one or the others. */
static void take_wraps(const struct keys *k, struct wraps_found *x, bool personal)
{
	for (size_t i = 0; i < x->n && x->found < ROLE_WRAPS; i++) {
		const struct member_entry *e = &x->members[i];
		struct role_wrap *to = &x->ret[x->found];

		if (e->epoch != directory_role_newest(k, e->role) || role_is_personal(e->role) != personal ||
		    !directory_in_dates(e->not_before_ms, e->not_after_ms, x->now_ms))
			continue;
		to->role = e->role;
		to->epoch = e->epoch;
		memcpy(to->wrap, e->wrap, DIR_WRAP);
		x->found++;
	}
}

unsigned directory_role_wraps(const struct keys *k, const uint8_t principal[16], uint64_t now_ms,
    struct role_wrap ret[ROLE_WRAPS])
{
	struct wraps_found x = { .ret = ret, .now_ms = now_ms };

	/* In case there are more memberships than places: the personal role first. */
	x.members = members_of(k, principal, &x.n);
	take_wraps(k, &x, true);
	take_wraps(k, &x, false);
	return x.found;
}

void directory_auditors(const struct keys *k, uint64_t now_ms, void (*cb)(void *cookie, const struct principal *p),
    void *cookie)
{
	const struct directory_state *d = k->directory;
	const struct principal *rows = d != NULL ? d->principals.p : NULL;

	for (size_t i = 0; d != NULL && i < d->principals.n; i++) {
		if (rows[i].kind == PRINCIPAL_AUDITOR && directory_enabled(&rows[i], now_ms))
			cb(cookie, &rows[i]);
	}
}

struct people {
	const uint8_t *auditor;
	void (*cb)(void *cookie, const uint8_t principal[16], const uint8_t *sealed, size_t n);
	void *cookie;
};

/* Rows were checked by directory_load; one that changed since is passed over. */
static int people_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	const struct people *x = cookie;
	struct dir_person_rest rest;
	struct dir_value v;
	struct dir_key dk;
	const uint8_t *sealed;
	uint16_t n;

	if (dir_key_decode(key, key_n, &dk) == 0 && dir_value_decode(val, val_n, &v) == 0 &&
	    dir_person_rest_decode(v.rest, v.rest_n, &rest) == 0 && dir_person_copy(&rest, x->auditor, &sealed, &n) == 0)
		x->cb(x->cookie, dk.principal, sealed, n);
	return 0;
}

void directory_people(const struct keys *k, struct store *s, const uint8_t auditor[16],
    void (*cb)(void *cookie, const uint8_t principal[16], const uint8_t *sealed, size_t n), void *cookie)
{
	static const uint8_t prefix[] = { DIR_PRINCIPAL };
	struct people x = { auditor, cb, cookie };

	assert(k->ring != NULL);
	/* Names are a help to the auditor's reader, who gets by without: an error here leaves ids alone. */
	(void)store_scan(s, STORE_DIR, prefix, sizeof(prefix), NULL, 0, false, 0, people_row, &x);
}

/* ---- what roles and classes hold ----------------------------------------------------------------------------------------- */

unsigned directory_role_classes(const struct keys *k, uint16_t role)
{
	const uint32_t newest = directory_role_newest(k, role);
	const struct grant_entry *g;
	uint32_t last = 0;
	unsigned count = 0;
	size_t n;

	g = directory_grants(k, &n);
	for (size_t i = 0; newest != 0 && i < n; i++)
		if (g[i].role == role && g[i].role_epoch == newest && (count == 0 || g[i].class_key != last)) {
			last = g[i].class_key;
			count++;
		}
	return count;
}

bool directory_role_holds(const struct keys *k, uint16_t role, uint32_t class_key)
{
	const uint32_t newest = directory_role_newest(k, role);
	const struct grant_entry *g;
	uint32_t epoch;
	uint8_t pk[32];
	size_t n;

	if (newest == 0 || directory_class(k, class_key, &epoch, pk) != 0)
		return false;
	g = directory_grants(k, &n);
	for (size_t i = 0; i < n; i++)
		if (g[i].class_key == class_key && g[i].epoch == epoch && g[i].role == role && g[i].role_epoch == newest)
			return true;
	return false;
}

unsigned directory_old_classes(const struct keys *k, uint32_t *ret, unsigned max)
{
	const struct class_entry *c;
	unsigned count = 0;
	size_t n;

	/* In key order a class's epochs stand together. */
	c = directory_classes(k, &n);
	for (size_t i = 0; i + 1 < n && count < max; i++)
		if (c[i].class_key == c[i + 1].class_key && c[i].status != DIR_STATUS_DESTROYED &&
		    (count == 0 || ret[count - 1] != c[i].class_key))
			ret[count++] = c[i].class_key;
	return count;
}

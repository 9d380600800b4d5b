/* The directory in memory: loading it with every check of docs/FORMAT.md 5.2, and lookups. */
#include "keys/keys_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "format/directory.h"
#include "keys/change.h"
#include "store/store.h"

_Static_assert(DIR_WRAP == CRYPTO_KEY + PKSEAL_OVERHEAD, "a wrap is one PKSEAL of a key");

/* An array that grows; items are never moved once loading is over. Old places are wiped: principals have names and areas. */
struct vec {
	void *p;
	size_t n, cap, size;
};

struct principal_row {
	struct principal p;
	uint32_t change_set;
};

/* A verified link of the chain of change sets. */
struct change_set {
	uint64_t time_ms;
	uint8_t digest[32];
	uint8_t *facts;			/* count * 32, sorted */
	uint16_t count;
	uint8_t signatures;
	uint8_t list[DIR_SIGNERS_MAX][16 + SIGN_BYTES];
};

/* Arrays in the order of the rows' keys. */
struct directory_state {
	struct vec principals;		/* struct principal_row */
	struct vec roles;		/* struct role_entry */
	struct vec classes;		/* struct class_entry */
	struct vec members;		/* struct member_entry */
	struct vec grants;		/* struct grant_entry */
	struct vec sets;		/* struct change_set: number i has sequence i + 1 */
	size_t newest_facts;		/* rows that name the newest set */
};

/* Wipe and free what v points to; its counts stay. */
static void vec_free(struct vec *v)
{
	if (v->p != NULL)
		wipe(v->p, v->cap * v->size);
	free(v->p);
}

/* One more zeroed item at the end of v, or NULL. */
static void *vec_add(struct vec *v, size_t size)
{
	void *more;

	if (v->n == v->cap) {
		size_t cap = v->cap != 0 ? v->cap * 2 : 16;

		if ((more = malloc(cap * size)) == NULL)
			return NULL;
		if (v->n > 0)
			memcpy(more, v->p, v->n * size);
		vec_free(v);
		v->p = more;
		v->cap = cap;
		v->size = size;
	}
	more = (uint8_t *)v->p + v->n++ * size;
	memset(more, 0, size);
	return more;
}

static void state_free(struct directory_state *d)
{
	struct change_set *sets;

	if (d == NULL)
		return;
	sets = d->sets.p;
	for (size_t i = 0; i < d->sets.n; i++)
		free(sets[i].facts);
	vec_free(&d->principals);
	vec_free(&d->roles);
	vec_free(&d->classes);
	vec_free(&d->members);
	vec_free(&d->grants);
	vec_free(&d->sets);
	free(d);
}

void directory_free(struct keys *k)
{
	state_free(k->directory);
	k->directory = NULL;
}

/* ---- change sets ---------------------------------------------------------------------------------------------------- */

struct loading {
	struct keys *k;
	struct directory_state *d;
	uint8_t owned[ROLE_PERSONAL / 8];	/* bit i: the personal role ROLE_PERSONAL | i has its member */
};

static int digest_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* Whether the sorted facts hold one twice: a set that names a fact twice could hide that another is missing. */
static bool facts_repeat(const struct change_set *set)
{
	for (size_t i = 1; i < set->count; i++) {
		if (memcmp(set->facts + (i - 1) * 32, set->facts + i * 32, 32) == 0)
			return true;
	}
	return false;
}

static int take_change(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	static const uint8_t none[32];
	struct loading *l = cookie;
	struct dir_change c;
	struct dir_key dk;
	struct change_set *set;
	const uint8_t *previous = none;
	uint8_t digest[32];

	if (dir_key_decode(key, key_n, &dk) != 0 || dir_change_decode(val, val_n, &c) != 0)
		return CV_ERR_FORMAT;
	if (l->d->sets.n > 0)
		previous = ((struct change_set *)l->d->sets.p)[l->d->sets.n - 1].digest;
	crypto_hash("cv1.change", NULL, 0, &(struct part){ val, c.covered }, 1, digest, sizeof(digest));
	/* The chain: no number is left out, each set names the one before, and its digest is over what stands there. */
	if (c.sequence != dk.sequence || c.sequence != l->d->sets.n + 1 || memcmp(c.previous, previous, 32) != 0 ||
	    memcmp(c.digest, digest, 32) != 0)
		return CV_ERR_AUTH;
	if ((set = vec_add(&l->d->sets, sizeof(*set))) == NULL || (set->facts = malloc((size_t)c.count * 32 + 1)) == NULL)
		return CV_ERR_NOMEM;
	set->time_ms = c.time_ms;
	memcpy(set->digest, digest, sizeof(digest));
	memcpy(set->facts, c.digests, (size_t)c.count * 32);
	set->count = c.count;
	set->signatures = c.signatures;
	memcpy(set->list, c.list, (size_t)c.signatures * sizeof(set->list[0]));
	qsort(set->facts, set->count, 32, digest_cmp);
	return facts_repeat(set) ? CV_ERR_AUTH : 0;
}

/* A signer's key and person as of the sets before this one; false if they were no administrator then. */
static bool signer_find(const struct directory_state *d, const struct genesis_admin *admins, unsigned n, size_t sequence,
    const uint8_t id[16], const uint8_t **ret_pk, const uint8_t **ret_person)
{
	const struct principal_row *rows = d->principals.p;
	const struct change_set *set = (const struct change_set *)d->sets.p + (sequence - 1);

	for (size_t i = 0; i < d->principals.n && sequence > 1; i++) {
		const struct principal *p = &rows[i].p;

		/* A row of this set or a later one does not tell what held before; leaf 0 does for the first administrators. */
		if (memcmp(p->id, id, 16) != 0 || rows[i].change_set >= sequence)
			continue;
		if (p->kind != PRINCIPAL_ADMINISTRATOR ||
		    !directory_in_dates(p->not_before_ms, p->not_after_ms, set->time_ms))
			return false;
		*ret_pk = p->sign_pk;
		*ret_person = p->person;
		return true;
	}
	for (unsigned i = 0; i < n; i++) {
		if (memcmp(admins[i].id, id, 16) == 0) {
			*ret_pk = admins[i].sign_pk;
			*ret_person = admins[i].person;
			return true;
		}
	}
	return false;
}

/* Every signature of the set fits, and two are of different natural persons, hence of different principals. */
static int check_signatures(const struct directory_state *d, const struct genesis_admin *admins, unsigned n, size_t sequence)
{
	const struct change_set *set = (const struct change_set *)d->sets.p + (sequence - 1);
	uint8_t message[16 + 32] = "cv1.change";
	const uint8_t *first = NULL;
	bool two = false;

	memcpy(message + 16, set->digest, 32);
	for (unsigned i = 0; i < set->signatures; i++) {
		const uint8_t *id = set->list[i], *pk, *person;

		if (!signer_find(d, admins, n, sequence, id, &pk, &person) ||
		    crypto_verify(pk, message, sizeof(message), id + 16) != 0)
			return CV_ERR_AUTH;
		if (first == NULL)
			first = person;
		two = two || memcmp(first, person, 16) != 0;
	}
	return two ? 0 : CV_ERR_AUTH;
}

/* ---- facts ------------------------------------------------------------------------------------------------------------ */

void directory_fact_digest(const struct keys *k, const uint8_t *key, size_t key_n, const uint8_t *fact, size_t fact_n,
    uint8_t ret[32])
{
	uint8_t key_length = (uint8_t)key_n, fact_length[2];
	const struct part parts[] = {
		{ k->vault_id, 16 }, { &key_length, 1 }, { key, key_n }, { fact_length, 2 }, { fact, fact_n },
	};

	be16_put(fact_length, (uint16_t)fact_n);
	crypto_hash("cv1.fact", NULL, 0, parts, 5, ret, 32);
}

/* The fact's digest stands in the set that the row names. */
static int check_fact(const struct loading *l, const uint8_t *key, size_t key_n, const struct dir_value *v)
{
	const struct change_set *sets = l->d->sets.p, *set;
	uint8_t digest[32];

	if (v->change_set > l->d->sets.n)
		return CV_ERR_AUTH;
	set = &sets[v->change_set - 1];
	directory_fact_digest(l->k, key, key_n, v->fact, v->fact_n, digest);
	if (bsearch(digest, set->facts, set->count, 32, digest_cmp) == NULL)
		return CV_ERR_AUTH;
	l->d->newest_facts += v->change_set == l->d->sets.n;
	return 0;
}

bool directory_texts_fit(size_t login_n, const char *area, size_t area_n)
{
	bool digits = true;

	for (size_t i = 0; i < area_n; i++)
		digits = digits && area[i] >= '0' && area[i] <= '9';
	return login_n >= 1 && login_n < sizeof(((struct principal *)0)->login) && area_n <= AREA_MAX && digits;
}

/* Open the person's texts, which no fact covers, with K_dir and keep login name and area in *ret. */
static int take_texts(const struct keys *k, const struct dir_person_rest *rest, struct principal *ret)
{
	const struct dir_text *login, *area;
	uint8_t ctx[CONTEXT_BYTES];
	struct dir_person person;
	struct buf b;
	uint8_t *m;
	int r;

	if (rest->sealed_n < SEAL_OVERHEAD)
		return CV_ERR_FORMAT;
	buf_init(&b, UINT16_MAX);
	if ((m = buf_add(&b, rest->sealed_n - SEAL_OVERHEAD)) == NULL)
		return CV_ERR_NOMEM;
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_PERSON, .entity = ret->id, .epoch = k->epoch, .field = 1,
	    .length = rest->sealed_n - SEAL_OVERHEAD), ctx);
	/* A text that does not open was not made by this vault, whatever is wrong with it. */
	if (crypto_open(ring_key(k, RING_DIR), ctx, rest->sealed, rest->sealed_n, m) != 0) {
		r = CV_ERR_AUTH;
		goto out;
	}
	if ((r = dir_person_decode(b.p, b.n, &person)) != 0)
		goto out;
	login = &person.text[DIR_PERSON_LOGIN];
	area = &person.text[DIR_PERSON_AREA];
	/* An area that is none must not pass for the empty one, which is the whole vault. */
	if (!directory_texts_fit(login->n, area->p, area->n)) {
		r = CV_ERR_FORMAT;
		goto out;
	}
	memcpy(ret->login, login->p, login->n);
	memcpy(ret->area, area->p, area->n);
	ret->vetted_ms = person.vetting_ms;
out:
	buf_free(&b);
	return r;
}

void directory_principal_take(const uint8_t id[16], const struct dir_principal *fact, struct principal *ret)
{
	memcpy(ret->id, id, 16);
	ret->kind = (enum principal_kind)fact->kind;
	ret->admin_area = fact->admin_area;
	ret->uid = fact->uid;
	memcpy(ret->box_pk, fact->box_pk, 32);
	memcpy(ret->sign_pk, fact->sign_pk, 32);
	memcpy(ret->person, fact->person, 16);
	ret->department = fact->department;
	ret->not_before_ms = fact->not_before_ms;
	ret->not_after_ms = fact->not_after_ms;
}

static int take_principal(const struct loading *l, const struct dir_key *key, const struct dir_value *v)
{
	struct dir_person_rest rest;
	struct dir_principal x;
	struct principal_row *row;
	int r;

	if (dir_principal_decode(v->fact, v->fact_n, &x) != 0 || dir_person_rest_decode(v->rest, v->rest_n, &rest) != 0)
		return CV_ERR_FORMAT;
	if ((row = vec_add(&l->d->principals, sizeof(*row))) == NULL)
		return CV_ERR_NOMEM;
	row->change_set = v->change_set;
	directory_principal_take(key->principal, &x, &row->p);
	if ((r = take_texts(l->k, &rest, &row->p)) != 0)
		return r;
	row->p.suspended = rest.suspended != 0;
	return 0;
}

static int take_role(const struct loading *l, const struct dir_key *key, const struct dir_value *v)
{
	struct dir_public x;
	struct role_entry *e;
	const uint8_t *link;
	uint16_t link_n;

	if (dir_role_decode(v->fact, v->fact_n, &x) != 0 || dir_link_decode(v->rest, v->rest_n, &link, &link_n) != 0)
		return CV_ERR_FORMAT;
	if ((e = vec_add(&l->d->roles, sizeof(*e))) == NULL)
		return CV_ERR_NOMEM;
	e->role = key->role;
	e->epoch = key->epoch;
	e->status = x.status;
	memcpy(e->pk, x.pk, 32);
	return 0;
}

static int take_class(const struct loading *l, const struct dir_key *key, const struct dir_value *v)
{
	struct dir_public x;
	struct class_entry *e;
	const uint8_t *link;
	uint16_t link_n;

	if (dir_class_decode(v->fact, v->fact_n, &x) != 0 || dir_link_decode(v->rest, v->rest_n, &link, &link_n) != 0)
		return CV_ERR_FORMAT;
	if ((e = vec_add(&l->d->classes, sizeof(*e))) == NULL)
		return CV_ERR_NOMEM;
	e->class_key = key->class_key;
	e->epoch = key->epoch;
	e->status = x.status;
	memcpy(e->pk, x.pk, 32);
	return 0;
}

/*
 * A personal role has one member, and a principal one such role: a second member would open what was granted to the first.
 * Rows of one principal come together, so only the row before can be of the same member.
 */
static bool personal_is_single(struct loading *l, const struct dir_key *key)
{
	const struct member_entry *before = l->d->members.n > 0 ? (struct member_entry *)l->d->members.p + (l->d->members.n - 1) : NULL;
	unsigned i = key->role & ~ROLE_PERSONAL;

	if (!role_is_personal(key->role))
		return true;
	if (before != NULL && memcmp(before->principal, key->principal, 16) == 0 && role_is_personal(before->role))
		return before->role == key->role;	/* another epoch of it */
	if ((l->owned[i / 8] >> i % 8 & 1) != 0)
		return false;
	l->owned[i / 8] |= (uint8_t)(1u << i % 8);
	return true;
}

static int take_member(struct loading *l, const struct dir_key *key, const struct dir_value *v)
{
	struct member_entry *e;
	uint64_t from, to;

	if (dir_member_decode(v->fact, v->fact_n, &from, &to) != 0 || v->rest_n != DIR_WRAP || !personal_is_single(l, key))
		return CV_ERR_FORMAT;
	if ((e = vec_add(&l->d->members, sizeof(*e))) == NULL)
		return CV_ERR_NOMEM;
	memcpy(e->principal, key->principal, 16);
	e->role = key->role;
	e->epoch = key->epoch;
	e->not_before_ms = from;
	e->not_after_ms = to;
	memcpy(e->wrap, v->rest, DIR_WRAP);
	return 0;
}

static int take_grant(const struct loading *l, const struct dir_key *key, const struct dir_value *v)
{
	struct grant_entry *e;
	uint16_t rights;

	/* Rights are reserved: a fact that claims some was signed for a later version. */
	if (dir_grant_decode(v->fact, v->fact_n, &rights) != 0 || rights != 0 || v->rest_n != DIR_WRAP ||
	    role_is_personal(key->role))
		return CV_ERR_FORMAT;
	if ((e = vec_add(&l->d->grants, sizeof(*e))) == NULL)
		return CV_ERR_NOMEM;
	e->class_key = key->class_key;
	e->epoch = key->epoch;
	e->role = key->role;
	e->role_epoch = key->role_epoch;
	memcpy(e->wrap, v->rest, DIR_WRAP);
	return 0;
}

/* Custody shares stay on disk until a ceremony asks for them. */
static int take_custody(const struct dir_value *v)
{
	uint8_t index;

	return dir_custody_decode(v->fact, v->fact_n, &index) != 0 || v->rest_n != DIR_WRAP ? CV_ERR_FORMAT : 0;
}

static int take_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct loading *l = cookie;
	struct dir_value v;
	struct dir_key dk;
	int r;

	if ((r = dir_key_decode(key, key_n, &dk)) != 0)
		goto out;
	if (dk.type == DIR_CHANGE)
		return 0;
	if ((r = dir_value_decode(val, val_n, &v)) != 0 || (r = check_fact(l, key, key_n, &v)) != 0)
		goto out;
	switch (dk.type) {
	case DIR_PRINCIPAL:
		r = take_principal(l, &dk, &v);
		break;
	case DIR_ROLE:
		r = take_role(l, &dk, &v);
		break;
	case DIR_CLASS:
		r = take_class(l, &dk, &v);
		break;
	case DIR_MEMBER:
		r = take_member(l, &dk, &v);
		break;
	case DIR_GRANT:
		r = take_grant(l, &dk, &v);
		break;
	case DIR_CUSTODY:
		r = take_custody(&v);
		break;
	case DIR_CHANGE:
		break;
	}
out:
	if (r == CV_ERR_AUTH || r == CV_ERR_FORMAT)
		log_error("directory: a row of type %u is refused: %s", key_n > 0 ? (unsigned)key[0] : 0, cv_strerror(r));
	return r;
}

/* Both scans and every check, into d. */
static int load(struct loading *l, struct store *s, const struct genesis_admin *admins, unsigned n)
{
	static const uint8_t change_prefix[] = { DIR_CHANGE };
	size_t newest;
	int r;

	r = store_scan(s, STORE_DIR, change_prefix, sizeof(change_prefix), NULL, 0, false, 0, take_change, l);
	if (r == 0 && l->d->sets.n == 0)
		r = CV_ERR_FORMAT;
	if (r != 0)
		goto sets;
	if ((r = store_scan(s, STORE_DIR, NULL, 0, NULL, 0, false, 0, take_row, l)) != 0)
		return r;
	for (size_t i = 1; r == 0 && i <= l->d->sets.n; i++)
		r = check_signatures(l->d, admins, n, i);
	/* Nothing of the newest set can have been replaced yet, so all of it must be there. */
	newest = l->d->sets.n - 1;
	if (r == 0 && l->d->newest_facts != ((struct change_set *)l->d->sets.p)[newest].count)
		r = CV_ERR_AUTH;
sets:
	if (r == CV_ERR_AUTH || r == CV_ERR_FORMAT)
		log_error("directory: the change sets are refused: %s", cv_strerror(r));
	return r;
}

int directory_load(struct keys *k, struct store *s, const struct genesis_admin *admins, unsigned n)
{
	struct loading l = { .k = k, .d = calloc(1, sizeof(*l.d)) };
	int r;

	assert(k->ring != NULL);
	if (l.d == NULL)
		return CV_ERR_NOMEM;
	if ((r = load(&l, s, admins, n)) != 0) {
		state_free(l.d);
		return r;
	}
	directory_free(k);
	k->directory = l.d;
	return 0;
}

int directory_check(struct keys *k, struct store *s, const struct genesis_admin *admins, unsigned n)
{
	struct loading l = { .k = k, .d = calloc(1, sizeof(*l.d)) };
	int r;

	if (l.d == NULL)
		return CV_ERR_NOMEM;
	r = load(&l, s, admins, n);
	state_free(l.d);
	return r;
}

/* ---- lookups ------------------------------------------------------------------------------------------------------------- */

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
	return memcmp(id, ((const struct principal_row *)row)->p.id, 16);
}

static struct principal *find_principal(const struct keys *k, const uint8_t id[16])
{
	const struct directory_state *d = k->directory;
	struct principal_row *row = NULL;

	if (d != NULL && d->principals.n > 0)
		row = bsearch(id, d->principals.p, d->principals.n, sizeof(*row), principal_cmp);
	return row != NULL ? &row->p : NULL;
}

const struct principal *directory_principal(const struct keys *k, const uint8_t id[16])
{
	return find_principal(k, id);
}

const struct principal *directory_principal_at(const struct keys *k, size_t i)
{
	const struct directory_state *d = k->directory;
	const struct principal_row *rows = d != NULL ? d->principals.p : NULL;

	return d != NULL && i < d->principals.n ? &rows[i].p : NULL;
}

void directory_suspend(struct keys *k, const uint8_t id[16], bool yes)
{
	struct principal *p = find_principal(k, id);

	if (p != NULL)
		p->suspended = yes;
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
	const struct principal_row *rows = d != NULL ? d->principals.p : NULL;
	const struct principal *found = NULL;

	for (size_t i = 0; d != NULL && i < d->principals.n; i++) {
		if (strlen(rows[i].p.login) != n || memcmp(rows[i].p.login, login, n) != 0)
			continue;
		if (found != NULL)
			return NULL;	/* whom of the two is meant nobody can tell */
		found = &rows[i].p;
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

	/* Epochs of a role come together. */
	for (size_t i = 0; i < n && count < ROLE_WRAPS; i++)
		if (!role_is_personal(e[i].role) && (count == 0 || ret[count - 1] != e[i].role))
			ret[count++] = e[i].role;
	return count;
}

uint32_t change_newest(const struct keys *k, uint8_t ret_digest[32])
{
	const struct directory_state *d = k->directory;

	assert(d != NULL && d->sets.n > 0);
	memcpy(ret_digest, ((const struct change_set *)d->sets.p)[d->sets.n - 1].digest, 32);
	return (uint32_t)d->sets.n;
}

bool directory_has_role(const struct keys *k, const uint8_t principal[16], uint16_t role, uint64_t now_ms)
{
	size_t n;
	const struct member_entry *e = members_of(k, principal, &n);

	for (size_t i = 0; i < n; i++) {
		const struct role_entry *r = directory_role_entry(k, e[i].role, e[i].epoch);

		if (e[i].role == role && r != NULL && r->status != DIR_STATUS_DESTROYED &&
		    directory_in_dates(e[i].not_before_ms, e[i].not_after_ms, now_ms))
			return true;
	}
	return false;
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

/* Take memberships of roles of this status into the places that are left: the personal ones or the others. */
static void take_wraps(const struct keys *k, struct wraps_found *x, uint8_t status, bool personal)
{
	for (size_t i = 0; i < x->n && x->found < ROLE_WRAPS; i++) {
		const struct member_entry *e = &x->members[i];
		const struct role_entry *role = directory_role_entry(k, e->role, e->epoch);
		struct role_wrap *to = &x->ret[x->found];

		if (role == NULL || role->status != status || role_is_personal(e->role) != personal ||
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

	/* In case there are more memberships than places: the personal role first, then current role keys. */
	x.members = members_of(k, principal, &x.n);
	take_wraps(k, &x, DIR_STATUS_ACTIVE, true);
	take_wraps(k, &x, DIR_STATUS_ACTIVE, false);
	take_wraps(k, &x, DIR_STATUS_DECRYPT, true);
	take_wraps(k, &x, DIR_STATUS_DECRYPT, false);
	return x.found;
}

void directory_auditors(const struct keys *k, uint64_t now_ms, void (*cb)(void *cookie, const struct principal *p),
    void *cookie)
{
	const struct directory_state *d = k->directory;
	const struct principal_row *rows = d != NULL ? d->principals.p : NULL;

	for (size_t i = 0; d != NULL && i < d->principals.n; i++) {
		if (rows[i].p.kind == PRINCIPAL_AUDITOR && directory_enabled(&rows[i].p, now_ms))
			cb(cookie, &rows[i].p);
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

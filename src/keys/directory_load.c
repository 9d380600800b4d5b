/* Loading the directory into memory, with every check of docs/FORMAT.md 5.2: the chain's by chain.c, the rows' own here. */
#include "keys/directory_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "format/directory.h"
#include "keys/chain.h"
#include "store/store.h"

_Static_assert(DIR_WRAP == CRYPTO_KEY + PKSEAL_OVERHEAD, "a wrap is one PKSEAL of a key");

struct loading {
	struct keys *k;
	struct directory_state *d;
	uint8_t owned[ROLE_PERSONAL / 8];	/* bit i: the personal role ROLE_PERSONAL | i has its member */
};

static void state_free(struct directory_state *d)
{
	if (d == NULL)
		return;
	vec_free(&d->principals);
	vec_free(&d->roles);
	vec_free(&d->classes);
	vec_free(&d->members);
	vec_free(&d->grants);
	chain_free(d->chain);
	free(d);
}

void directory_free(struct keys *k)
{
	state_free(k->directory);
	k->directory = NULL;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------- */

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
	struct principal *p;
	int r;

	if (dir_principal_decode(v->fact, v->fact_n, &x) != 0 || dir_person_rest_decode(v->rest, v->rest_n, &rest) != 0)
		return CV_ERR_FORMAT;
	if ((p = vec_add(&l->d->principals, sizeof(*p))) == NULL)
		return CV_ERR_NOMEM;
	directory_principal_take(key->principal, &x, p);
	if ((r = take_texts(l->k, &rest, p)) != 0)
		return r;
	p->suspended = rest.mark != DIR_MARK_NONE;
	p->removed = rest.mark == DIR_MARK_REMOVED;
	return 0;
}

static int take_role(const struct loading *l, const struct dir_key *key, const struct dir_value *v)
{
	struct dir_public x;
	struct role_entry *e;
	const uint8_t *link;
	uint16_t link_n;

	/* Roles have no history: what a class link leads to is all that a new epoch needs of the old ones. */
	if (dir_role_decode(v->fact, v->fact_n, &x) != 0 || dir_link_decode(v->rest, v->rest_n, &link, &link_n) != 0 || link_n != 0)
		return CV_ERR_FORMAT;
	if ((e = vec_add(&l->d->roles, sizeof(*e))) == NULL)
		return CV_ERR_NOMEM;
	e->role = key->role;
	e->epoch = key->epoch;
	e->status = x.status;
	e->share_k = x.k;
	e->change_set = v->change_set;
	memcpy(e->pk, x.pk, 32);
	return 0;
}

static int take_class(const struct loading *l, const struct dir_key *key, const struct dir_value *v)
{
	struct dir_public x;
	struct class_entry *e;
	const uint8_t *link;
	uint16_t link_n;

	if (dir_class_decode(v->fact, v->fact_n, &x) != 0 || dir_link_decode(v->rest, v->rest_n, &link, &link_n) != 0 ||
	    (link_n != 0 && key->epoch == 1))
		return CV_ERR_FORMAT;
	if ((e = vec_add(&l->d->classes, sizeof(*e))) == NULL)
		return CV_ERR_NOMEM;
	e->class_key = key->class_key;
	e->epoch = key->epoch;
	e->status = x.status;
	e->change_set = v->change_set;
	memcpy(e->pk, x.pk, 32);
	e->has_link = link_n != 0;
	if (e->has_link)
		memcpy(e->link, link, DIR_WRAP);
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
	if ((r = dir_value_decode(val, val_n, &v)) != 0 ||
	    (r = chain_fact(l->d->chain, key, key_n, v.change_set, v.fact, v.fact_n)) != 0)
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

static int take_change(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct loading *l = cookie;

	return chain_change(l->d->chain, key, key_n, val, val_n);
}

/* Both scans and every check, into a new state. */
static int load(struct keys *k, struct store *s, const struct genesis_admin *admins, unsigned n, struct directory_state **ret)
{
	static const uint8_t change_prefix[] = { DIR_CHANGE };
	struct loading l = { .k = k, .d = calloc(1, sizeof(*l.d)) };
	int r = CV_ERR_NOMEM;

	if (l.d == NULL || (r = chain_new(k->vault_id, admins, n, &l.d->chain)) != 0)
		goto out;
	if ((r = store_scan(s, STORE_DIR, change_prefix, sizeof(change_prefix), NULL, 0, false, 0, take_change, &l)) != 0)
		goto sets;
	/* A refused row has said so. */
	if (chain_sets(l.d->chain) > 0 && (r = store_scan(s, STORE_DIR, NULL, 0, NULL, 0, false, 0, take_row, &l)) != 0)
		goto out;
	r = chain_end_behind(l.d->chain, k->directory != NULL ? k->directory->chain : NULL);
sets:
	if (r == CV_ERR_AUTH || r == CV_ERR_FORMAT)
		log_error("directory: the change sets are refused: %s", cv_strerror(r));
	if (r == 0) {
		*ret = l.d;
		l.d = NULL;	/* transferred */
	}
out:
	state_free(l.d);
	return r;
}

int directory_load(struct keys *k, struct store *s, const struct genesis_admin *admins, unsigned n)
{
	struct directory_state *d;
	int r;

	assert(k->ring != NULL);
	if ((r = load(k, s, admins, n, &d)) != 0)
		return r;
	directory_free(k);
	k->directory = d;
	return 0;
}

int directory_check(struct keys *k, struct store *s, const struct genesis_admin *admins, unsigned n)
{
	struct directory_state *d;
	int r;

	if ((r = load(k, s, admins, n, &d)) == 0)
		state_free(d);
	return r;
}

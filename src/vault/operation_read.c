/* Reading an operation: facts and items are exactly those of its number. FORMAT.md 5.5. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/crypto.h"
#include "format/keyring.h"
#include "keys/chain.h"
#include "keys/change.h"
#include "model/validate.h"
#include "vault/operation.h"

#define ITEM(tag) (1u << (tag))
#define ROLE_REST 2u	/* bytes: no link */

/* ---- change set ----------------------------------------------------------------------------------------------------------- */

/* Whether the key of b lies behind that of a. */
static bool ascends(const struct operation_fact *a, const struct operation_fact *b)
{
	int c = memcmp(a->key, b->key, a->key_n < b->key_n ? a->key_n : b->key_n);

	return c < 0 || (c == 0 && a->key_n < b->key_n);
}

/* The change set is that of these facts, in the order of their keys, and unsigned as yet. */
static int read_change(struct operation_reading *r)
{
	const struct operation *o = &r->op;
	struct operation_fact f, last = { .key = NULL };
	struct rd facts = operation_facts(o);
	uint8_t digest[32];

	if (dir_change_decode(o->change, o->change_n, &r->change) != 0 || r->change.signatures != 0 || r->change.count != o->facts)
		return CV_ERR_FORMAT;
	crypto_hash("cv1.change", NULL, 0, &(struct part){ o->change, r->change.covered }, 1, digest, 32);
	if (memcmp(digest, r->change.digest, 32) != 0)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; operation_next(&facts, &f); i++, last = f) {
		if (i > 0 && !ascends(&last, &f))
			return CV_ERR_FORMAT;
		chain_fact_digest(o->head.vault, f.key, f.key_n, f.fact, f.fact_n, digest);
		if (memcmp(digest, r->change.digests + (size_t)i * 32, 32) != 0)
			return CV_ERR_FORMAT;
	}
	return 0;
}

/* ---- items ------------------------------------------------------------------------------------------------------------------ */

static int read_roles(struct operation_reading *r, const struct operation_item *x)
{
	struct rd in = rd_over(x->p, x->n);

	if (x->n > CUSTODY_ROLES * ITEM_ROLE_BYTES || x->n % ITEM_ROLE_BYTES != 0)
		return CV_ERR_FORMAT;
	while (rd_left(&in) > 0) {
		struct custody_role *to = &r->roles[r->role_count];

		to->role = rd_u16(&in);
		to->epoch = rd_u32(&in);
		if (to->epoch == 0 || role_is_personal(to->role) || (r->role_count > 0 && to[-1].role >= to->role))
			return CV_ERR_FORMAT;
		r->role_count++;
	}
	return 0;
}

static int read_classes(struct operation_reading *r, const struct operation_item *x)
{
	r->classes = x->p;
	r->class_count = x->n / ITEM_CLASS_BYTES;
	if (x->n % ITEM_CLASS_BYTES != 0 || r->class_count > CHANGE_CLASSES_MAX)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < r->class_count; i++)
		if (operation_class_at(r, i).epoch == 0 ||
		    (i > 0 && operation_class_at(r, i - 1).class_key >= operation_class_at(r, i).class_key))
			return CV_ERR_FORMAT;
	return 0;
}

static int read_principals(struct operation_reading *r, const struct operation_item *x)
{
	r->principals = (const uint8_t (*)[16])x->p;
	r->principal_count = x->n / 16;
	if (x->n % 16 != 0)
		return CV_ERR_FORMAT;
	for (unsigned i = 1; i < r->principal_count; i++)
		if (memcmp(r->principals[i - 1], r->principals[i], 16) >= 0)
			return CV_ERR_FORMAT;
	return 0;
}

static int read_flags(struct operation_reading *r, const struct operation_item *x)
{
	r->flags = x->p[0];
	return x->n == 1 && r->flags != 0 && (r->flags & ~(OPERATION_NEW_CLASSES | OPERATION_REMOVED)) == 0 ? 0 : CV_ERR_FORMAT;
}

static int read_texts(struct operation_reading *r, const struct operation_item *x)
{
	const struct dir_text *login, *area;

	if (dir_person_decode(x->p, x->n, &r->texts) != 0)
		return CV_ERR_FORMAT;
	login = &r->texts.text[DIR_PERSON_LOGIN];
	area = &r->texts.text[DIR_PERSON_AREA];
	if (login->n == 0 || login->n >= sizeof(r->principal.login) || area->n > AREA_MAX)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < area->n; i++)
		if (area->p[i] < '0' || area->p[i] > '9')
			return CV_ERR_FORMAT;
	memcpy(r->principal.login, login->p, login->n);
	memcpy(r->principal.area, area->p, area->n);
	return 0;
}

/* A policy's head: FORMAT.md 11.1. */
static int read_policy(struct operation_reading *r, const struct operation_item *x)
{
	struct rd in = rd_over(x->p, x->n);
	const uint8_t *magic = rd_take(&in, POLICY_MAGIC_BYTES);

	if (magic == NULL || memcmp(magic, POLICY_MAGIC, POLICY_MAGIC_BYTES) != 0)
		return CV_ERR_FORMAT;
	(void)rd_take(&in, rd_u8(&in));	/* the name; the sticky error tells */
	r->policy_version = rd_u32(&in);
	if (!rd_ok(&in) || r->policy_version == 0)
		return CV_ERR_FORMAT;
	r->policy = x->p;
	r->policy_n = x->n;
	crypto_hash("cv1.policy", NULL, 0, &(struct part){ x->p, x->n }, 1, r->policy_digest, 32);
	return 0;
}

static int read_split(struct operation_reading *r, const struct operation_item *x)
{
	struct rd in = rd_over(x->p, x->n);
	struct operation_split *s = &r->split;

	s->slot = rd_u8(&in);
	s->k = rd_u8(&in);
	s->n = rd_u8(&in);
	if (s->k < 2 || s->k > s->n || s->n > DIR_SHARES_MAX)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < s->n; i++) {
		s->holder[i].n = rd_u8(&in);
		s->holder[i].p = (const char *)rd_take(&in, s->holder[i].n);
		if (s->holder[i].p == NULL || s->holder[i].n == 0 || s->holder[i].n > SLOT_HOLDER_MAX ||
		    !text_clean_line(s->holder[i].p, s->holder[i].n))
			return CV_ERR_FORMAT;
	}
	return rd_done(&in) ? 0 : CV_ERR_FORMAT;
}

static int read_items(struct operation_reading *r)
{
	static int (*const readers[ITEM_TAGS])(struct operation_reading *r, const struct operation_item *x) = {
		[ITEM_PERSON] = read_texts, [ITEM_PRINCIPALS] = read_principals, [ITEM_ROLES] = read_roles, [ITEM_CLASSES] = read_classes,
		[ITEM_FLAGS] = read_flags, [ITEM_POLICY] = read_policy, [ITEM_SPLIT] = read_split
	};
	int e = 0;

	for (unsigned tag = 1; e == 0 && tag < ITEM_TAGS; tag++)
		if (r->op.item[tag].n != 0)
			e = readers[tag](r, &r->op.item[tag]);
	return e;
}

/* ---- operations 1 and 2: a member -------------------------------------------------------------------------------------------- */

static int take_principal(struct operation_reading *r, const struct dir_key *key, const struct operation_fact *f)
{
	struct dir_principal x;

	if (key->type != DIR_PRINCIPAL || f->rest_n != 0 || dir_principal_decode(f->fact, f->fact_n, &x) != 0)
		return CV_ERR_FORMAT;
	directory_principal_take(key->principal, &x, &r->principal);
	return 0;
}

static int take_personal(struct operation_reading *r, const struct dir_key *key, const struct operation_fact *f)
{
	struct dir_public x;

	if (key->type != DIR_ROLE || !role_is_personal(key->role) || key->epoch != 1 || f->rest_n != ROLE_REST ||
	    dir_role_decode(f->fact, f->fact_n, &x) != 0 || x.k != 0 || x.status != DIR_STATUS_ACTIVE)
		return CV_ERR_FORMAT;
	r->personal = key->role;
	return 0;
}

/* A membership; of operation 1 in the principal's own dates, the personal role's with what is sealed in it. */
static int take_member(struct operation_reading *r, const struct dir_key *key, const struct operation_fact *f)
{
	bool personal = role_is_personal(key->role), joins = r->op.head.operation == OPERATION_ADD_MEMBER;
	uint64_t from, to;

	if (key->type != DIR_MEMBER || memcmp(key->principal, r->principal.id, 16) != 0 ||
	    dir_member_decode(f->fact, f->fact_n, &from, &to) != 0 || f->rest_n != (personal ? DIR_WRAP : 0))
		return CV_ERR_FORMAT;
	if (joins && (from != r->principal.not_before_ms || to != r->principal.not_after_ms))
		return CV_ERR_FORMAT;
	return !personal || (joins && key->role == r->personal && key->epoch == 1) ? 0 : CV_ERR_FORMAT;
}

/* Memberships from fact number `first` on: of each role that custodians bring one, in its epoch, then of `personal` more roles. */
static int read_memberships(struct operation_reading *r, unsigned first, unsigned personal)
{
	struct rd facts = operation_facts(&r->op);
	struct operation_fact f;
	struct dir_key key;
	unsigned i;

	if (r->role_count > ROLE_WRAPS - 1 || r->op.facts != first + r->role_count + personal)
		return CV_ERR_FORMAT;
	for (i = 0; operation_next(&facts, &f); i++) {
		if (i < first)
			continue;
		if (dir_key_decode(f.key, f.key_n, &key) != 0)
			return CV_ERR_FORMAT;
		if (i == 0)
			memcpy(r->principal.id, key.principal, 16);
		if (take_member(r, &key, &f) != 0)
			return CV_ERR_FORMAT;
		/* The personal role, above all others, comes last: as many as there are roles come before it. */
		if (i - first < r->role_count && (key.role != r->roles[i - first].role || key.epoch != r->roles[i - first].epoch))
			return CV_ERR_FORMAT;
	}
	return 0;
}

static int read_member(struct operation_reading *r)
{
	struct rd facts = operation_facts(&r->op);
	struct operation_fact f;
	struct dir_key key;

	if (!operation_next(&facts, &f) || dir_key_decode(f.key, f.key_n, &key) != 0 || take_principal(r, &key, &f) != 0 ||
	    !operation_next(&facts, &f) || dir_key_decode(f.key, f.key_n, &key) != 0 || take_personal(r, &key, &f) != 0)
		return CV_ERR_FORMAT;
	return read_memberships(r, 2, 1);
}

static int read_given(struct operation_reading *r)
{
	return r->op.facts > 0 ? read_memberships(r, 0, 0) : CV_ERR_FORMAT;
}

/* ---- operation 3: a rekey ------------------------------------------------------------------------------------------------------ */

/* Where a role is among those of the operation, or -1. */
static int role_at(const struct operation_reading *r, uint16_t role)
{
	for (unsigned i = 0; i < r->role_count; i++)
		if (r->roles[i].role == role)
			return (int)i;
	return -1;
}

/* Whether the epoch is the new one of a role of the operation. */
static bool is_new_epoch(const struct operation_reading *r, uint16_t role, uint32_t epoch)
{
	int i = role_at(r, role);

	return i >= 0 && epoch == r->roles[i].epoch + 1 && epoch != 0;
}

static bool has_class(const struct operation_reading *r, uint32_t class_key, uint32_t epoch)
{
	unsigned low = 0, high = r->class_count;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		struct operation_class x = operation_class_at(r, mid);

		if (x.class_key == class_key)
			return x.epoch == epoch;
		if (x.class_key < class_key)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static bool class_fact_fits(const struct operation_reading *r, const struct dir_key *key, const struct operation_fact *f)
{
	struct dir_public x;

	/* A first epoch has no link; another's is made by the ceremony. */
	return has_class(r, key->class_key, key->epoch) && f->rest_n == (key->epoch == 1 ? ROLE_REST : 0) &&
	    dir_class_decode(f->fact, f->fact_n, &x) == 0 && x.status == DIR_STATUS_ACTIVE;
}

static bool rekey_grant_fits(const struct operation_reading *r, const struct dir_key *key)
{
	bool fresh = is_new_epoch(r, key->role, key->role_epoch);

	/* New classes go to everybody who holds them; without them the roles keep what they held. */
	if ((r->flags & OPERATION_NEW_CLASSES) == 0)
		return fresh;
	return has_class(r, key->class_key, key->epoch) && (fresh || role_at(r, key->role) < 0);
}

static bool rekey_fact_fits(const struct operation_reading *r, const struct dir_key *key, const struct operation_fact *f)
{
	bool later = key->type == DIR_GRANT && (r->flags & OPERATION_NEW_CLASSES) == 0;
	uint64_t from, to;
	struct dir_public x;
	uint16_t rights;
	uint8_t index;

	switch (key->type) {
	case DIR_ROLE:
		return is_new_epoch(r, key->role, key->epoch) && f->rest_n == ROLE_REST && dir_role_decode(f->fact, f->fact_n, &x) == 0 &&
		    x.status == DIR_STATUS_ACTIVE && x.k > 0;
	case DIR_CLASS:
		return key->epoch > 1 && class_fact_fits(r, key, f);
	case DIR_MEMBER:
		return is_new_epoch(r, key->role, key->epoch) && f->rest_n == DIR_WRAP && !operation_names(r, key->principal) &&
		    dir_member_decode(f->fact, f->fact_n, &from, &to) == 0;
	case DIR_GRANT:
		return rekey_grant_fits(r, key) && f->rest_n == (later ? 0 : DIR_WRAP) &&
		    dir_grant_decode(f->fact, f->fact_n, &rights) == 0 && rights == 0;
	case DIR_CUSTODY:
		return is_new_epoch(r, key->role, key->epoch) && f->rest_n == DIR_WRAP && !operation_names(r, key->principal) &&
		    dir_custody_decode(f->fact, f->fact_n, &index) == 0;
	default:
		return false;
	}
}

static int read_rekey(struct operation_reading *r)
{
	struct rd facts = operation_facts(&r->op);
	unsigned roles = 0, classes = 0;
	struct operation_fact f;
	struct dir_key key;

	if ((r->class_count > 0 && (r->flags & OPERATION_NEW_CLASSES) == 0) ||
	    (r->principal_count == 0 && (r->flags & OPERATION_REMOVED) != 0))
		return CV_ERR_FORMAT;
	while (operation_next(&facts, &f)) {
		if (dir_key_decode(f.key, f.key_n, &key) != 0 || !rekey_fact_fits(r, &key, &f))
			return CV_ERR_FORMAT;
		roles += key.type == DIR_ROLE;
		classes += key.type == DIR_CLASS;
		r->members += key.type == DIR_MEMBER;
		r->shares += key.type == DIR_CUSTODY;
	}
	/* Keys ascend, so none is there twice. */
	return roles == r->role_count && classes == r->class_count ? 0 : CV_ERR_FORMAT;
}

/* ---- operation 4: classes for a role --------------------------------------------------------------------------------------------- */

static int read_grants(struct operation_reading *r)
{
	struct rd facts = operation_facts(&r->op);
	unsigned grants = 0, made = 0, sealed = 0;
	struct operation_fact f;
	struct dir_key key;
	uint16_t rights;

	while (operation_next(&facts, &f)) {
		if (dir_key_decode(f.key, f.key_n, &key) != 0)
			return CV_ERR_FORMAT;
		if (key.type == DIR_CLASS && key.epoch == 1 && class_fact_fits(r, &key, &f)) {
			made++;
			continue;
		}
		if (key.type != DIR_GRANT || !has_class(r, key.class_key, key.epoch) || role_is_personal(key.role) ||
		    (f.rest_n != 0 && (f.rest_n != DIR_WRAP || key.epoch != 1)) ||
		    dir_grant_decode(f.fact, f.fact_n, &rights) != 0 || rights != 0)
			return CV_ERR_FORMAT;
		if (grants++ == 0)
			r->receiver = (struct custody_role){ key.role, key.role_epoch };
		if (key.role != r->receiver.role || key.role_epoch != r->receiver.epoch)
			return CV_ERR_FORMAT;
		sealed += f.rest_n != 0;
	}
	return grants > 0 && grants == r->class_count && made == sealed ? 0 : CV_ERR_FORMAT;
}

/* ---- operations without a change set ----------------------------------------------------------------------------------------------- */

static int read_one(struct operation_reading *r)
{
	if (r->principal_count != 1)
		return CV_ERR_FORMAT;
	memcpy(r->principal.id, r->principals[0], 16);
	return 0;
}

static int read_nothing(struct operation_reading *r)
{
	(void)r;
	return 0;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------------------- */

/* What an operation has: items that it must and may have, whether a change set, and what its facts must be. */
static const struct shape {
	unsigned must, may;
	bool changes;
	int (*read)(struct operation_reading *r);
} shapes[] = {
	[OPERATION_ADD_MEMBER] = { ITEM(ITEM_PERSON), ITEM(ITEM_ROLES), true, read_member },
	[OPERATION_ROLES] = { ITEM(ITEM_ROLES), 0, true, read_given },
	[OPERATION_REKEY] = { ITEM(ITEM_ROLES), ITEM(ITEM_PRINCIPALS) | ITEM(ITEM_CLASSES) | ITEM(ITEM_FLAGS), true, read_rekey },
	[OPERATION_CLASSES] = { ITEM(ITEM_ROLES) | ITEM(ITEM_CLASSES), 0, true, read_grants },
	[OPERATION_REWRAP] = { ITEM(ITEM_ROLES) | ITEM(ITEM_CLASSES), 0, false, read_nothing },
	[OPERATION_REMOVE] = { ITEM(ITEM_PRINCIPALS), 0, false, read_one },
	[OPERATION_RESTORE] = { ITEM(ITEM_PRINCIPALS), 0, false, read_one },
	[OPERATION_POLICY] = { ITEM(ITEM_POLICY), 0, false, read_nothing },
	[OPERATION_SPLIT] = { ITEM(ITEM_SPLIT), 0, false, read_nothing },
};

static int read_shape(struct operation_reading *r)
{
	const struct shape *s = &shapes[r->op.head.operation];
	unsigned has = 0;
	int e;

	for (unsigned tag = 1; tag < ITEM_TAGS; tag++)
		has |= r->op.item[tag].n != 0 ? ITEM(tag) : 0;
	if ((has & s->must) != s->must || (has & ~(s->must | s->may)) != 0 || (r->op.change_n != 0) != s->changes ||
	    (!s->changes && r->op.facts != 0))
		return CV_ERR_FORMAT;
	if ((e = read_items(r)) != 0 || (s->changes && (e = read_change(r)) != 0))
		return e;
	return s->read(r);
}

int operation_read(const uint8_t *p, size_t n, struct operation_reading *ret)
{
	struct operation_reading r;
	uint8_t digest[32];
	uint64_t digits;
	int e;

	memset(&r, 0, sizeof(r));
	if ((e = operation_decode(p, n, &r.op)) != 0)
		return e;
	operation_arguments_digest(r.op.arguments, r.op.arguments_n, digest);
	if (memcmp(digest, r.op.head.arguments, 32) != 0)
		return CV_ERR_FORMAT;
	if ((e = read_shape(&r)) != 0)
		return e;
	crypto_hash("cv1.operation", NULL, 0, &(struct part){ r.op.canonical, OPERATION_HEAD }, 1, r.digest, 32);
	digits = be64_get(r.digest) % 100000000u;
	snprintf(r.code, sizeof(r.code), "%04u %04u", (unsigned)(digits / 10000), (unsigned)(digits % 10000));
	*ret = r;
	return 0;
}

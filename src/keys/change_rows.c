/* The rows that a signed operation becomes. FORMAT.md 5.2 and 5.5. */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "keys/change_internal.h"
#include "store/store.h"

#define PERSON_ROOM (DIR_PERSON_TEXTS * 256u + 6u + PKSEAL_OVERHEAD)

/* A role epoch that the operation makes. */
struct new_role {
	uint16_t role;
	uint32_t epoch;
	uint8_t pk[32];
};
struct rows {
	struct keys *k;
	struct store *s;
	const struct operation *o;
	const struct custody *c;
	change_put *put;
	change_del *del;
	void *cookie;
	struct dir_change change;
	struct principal who;		/* who joins or gets roles: id and key; kind if they join */
	bool auditor;			/* who joins is one */
	struct new_role made[CUSTODY_ROLES + 1];	/* ascending; a new principal's personal role is one */
	unsigned made_n;
	struct secret *secret;		/* a role's key; then the class key of class_key and epoch, if epoch is not 0 */
	uint32_t class_key, epoch;
	struct buf val;
	unsigned copies;
	int error;
};

static uint8_t *role_sk(const struct rows *x)
{
	return x->secret->bytes;
}

static uint8_t *class_sk(const struct rows *x)
{
	return x->secret->bytes + CRYPTO_KEY;
}

/* ---- texts of people ------------------------------------------------------------------------------------------------------ */

/* One auditor's copy of a principal's texts. */
static int put_copy(const struct rows *x, const uint8_t principal[16], const struct principal *auditor, const uint8_t *texts, size_t n,
    struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES], sealed[PERSON_ROOM];
	int r;

	context_encode(CONTEXT_OF(x->k, .kind = CONTEXT_PERSON_AUDITOR, .entity = principal, .field = 2, .writer = auditor->id,
	    .length = n), ctx);
	if ((r = crypto_pkseal(auditor->box_pk, ctx, texts, n, sealed)) == 0)
		dir_person_copy_encode(auditor->id, sealed, (uint16_t)(n + PKSEAL_OVERHEAD), ret);
	return r;
}

static void count_auditor(void *cookie, const struct principal *p)
{
	struct rows *x = cookie;

	(void)p;
	x->copies++;
}

static void copy_for(void *cookie, const struct principal *auditor)
{
	struct rows *x = cookie;
	const struct operation_item *texts = &x->o->item[ITEM_PERSON];
	int r;

	if (x->error == 0 && (r = put_copy(x, x->who.id, auditor, texts->p, texts->n, &x->val)) != 0)
		x->error = r;
}

/* A new principal's texts: for the vault, for every auditor, and for themselves if they are one. */
static int person_rest(struct rows *x)
{
	const struct operation_item *texts = &x->o->item[ITEM_PERSON];
	uint8_t ctx[CONTEXT_BYTES], sealed[PERSON_ROOM];

	if (texts->n > PERSON_ROOM - PKSEAL_OVERHEAD)
		return CV_ERR_LIMIT;
	x->copies = x->auditor;
	directory_auditors(x->k, x->change.time_ms, count_auditor, x);
	if (x->copies > UINT8_MAX)
		return CV_ERR_LIMIT;
	context_encode(CONTEXT_OF(x->k, .kind = CONTEXT_PERSON, .entity = x->who.id, .epoch = x->k->epoch, .field = 1, .length = texts->n),
	    ctx);
	crypto_seal(ring_key(x->k, RING_DIR), ctx, texts->p, texts->n, sealed);
	dir_person_rest_encode(DIR_MARK_NONE, sealed, (uint16_t)(texts->n + SEAL_OVERHEAD), (uint8_t)x->copies, &x->val);
	directory_auditors(x->k, x->change.time_ms, copy_for, x);
	if (x->auditor)
		copy_for(x, &x->who);
	return x->error;
}

/* The row of somebody who is there, with one more copy of the texts, to x->val. */
static int add_copy(struct rows *x, const uint8_t principal[16], const struct dir_value *v, const struct dir_person_rest *rest)
{
	uint8_t ctx[CONTEXT_BYTES], texts[PERSON_ROOM];
	size_t n = rest->sealed_n - SEAL_OVERHEAD;
	int r;

	if (rest->sealed_n < SEAL_OVERHEAD || n > PERSON_ROOM - PKSEAL_OVERHEAD)
		return CV_ERR_FORMAT;
	if (rest->copies == UINT8_MAX)
		return CV_ERR_LIMIT;
	context_encode(CONTEXT_OF(x->k, .kind = CONTEXT_PERSON, .entity = principal, .epoch = x->k->epoch, .field = 1, .length = n), ctx);
	if ((r = crypto_open(ring_key(x->k, RING_DIR), ctx, rest->sealed, rest->sealed_n, texts)) != 0)
		goto out;
	buf_reset(&x->val);
	dir_value_encode(v->change_set, v->fact, v->fact_n, &x->val);
	dir_person_rest_encode(rest->mark, rest->sealed, rest->sealed_n, (uint8_t)(rest->copies + 1), &x->val);
	buf_put(&x->val, rest->list, rest->list_n);
	if ((r = put_copy(x, principal, &x->who, texts, n, &x->val)) == 0)
		r = change_fault(&x->val);
out:
	wipe(texts, sizeof(texts));
	return r;
}

/* A new auditor reads who everybody is: the rows keep their facts. */
static int copies_for_auditor(struct rows *x)
{
	struct dir_key key = { .type = DIR_PRINCIPAL };
	const struct principal *p;
	uint8_t bytes[DIR_KEY_MAX];
	struct dir_person_rest rest;
	struct store_value row;
	struct dir_value v;
	size_t n;
	int r = 0;

	for (size_t i = 0; r == 0 && (p = directory_principal_at(x->k, i)) != NULL; i++) {
		memcpy(key.principal, p->id, 16);
		n = dir_key_encode(&key, bytes);
		if ((r = store_get(x->s, STORE_DIR, bytes, n, &row)) == 0 && (r = dir_value_decode(row.p, row.n, &v)) == 0 &&
		    (r = dir_person_rest_decode(v.rest, v.rest_n, &rest)) == 0 && (r = add_copy(x, p->id, &v, &rest)) == 0)
			r = x->put(x->cookie, bytes, n, x->val.p, x->val.n);
	}
	return r;
}

/* ---- marks ----------------------------------------------------------------------------------------------------------------- */

int change_mark(struct store *s, const uint8_t principal[16], uint8_t mark, change_put *put, void *cookie)
{
	struct dir_key key = { .type = DIR_PRINCIPAL };
	uint8_t bytes[DIR_KEY_MAX];
	struct dir_person_rest rest;
	struct store_value row;
	struct dir_value v;
	struct buf val;
	size_t n;
	int r;

	memcpy(key.principal, principal, 16);
	n = dir_key_encode(&key, bytes);
	if ((r = store_get(s, STORE_DIR, bytes, n, &row)) != 0 || (r = dir_value_decode(row.p, row.n, &v)) != 0 ||
	    (r = dir_person_rest_decode(v.rest, v.rest_n, &rest)) != 0)
		return r;
	buf_init(&val, STORE_VALUE_MAX);
	buf_put(&val, row.p, row.n);
	if ((r = change_fault(&val)) == 0) {
		val.p[v.rest - row.p] = mark;	/* it begins what follows the fact */
		r = put(cookie, bytes, n, val.p, val.n);
	}
	buf_free(&val);
	return r;
}

static int mark_removed(const struct rows *x)
{
	const struct operation_item *ids = &x->o->item[ITEM_PRINCIPALS];
	int r = 0;

	for (uint32_t at = 0; r == 0 && at + 16 <= ids->n; at += 16)
		r = change_mark(x->s, ids->p + at, DIR_MARK_REMOVED, x->put, x->cookie);
	return r;
}

/* ---- keys that the ceremony brings ----------------------------------------------------------------------------------------- */

static int load_class(struct rows *x, uint32_t class_key, uint32_t epoch)
{
	int r;

	if (x->epoch == epoch && x->class_key == class_key)
		return 0;
	x->epoch = 0;
	if (x->c == NULL)
		return CV_ERR_NOTFOUND;
	if ((r = change_class_secret(x->k, x->c, class_key, epoch, class_sk(x))) != 0)
		return r;
	x->class_key = class_key;
	x->epoch = epoch;
	return 0;
}

static int member_rest(struct rows *x, const struct dir_key *key)
{
	int r;

	if (x->c == NULL)
		return CV_ERR_NOTFOUND;
	if ((r = custody_role_key(x->k, x->c, key->role, key->epoch, role_sk(x))) == 0)
		r = change_wrap(x->k, key, 0, x->who.box_pk, role_sk(x), &x->val);
	wipe(role_sk(x), CRYPTO_KEY);
	return r;
}

/* The link from a new class epoch to the one before. */
static int class_rest(struct rows *x, const struct dir_key *key, const struct operation_fact *f)
{
	struct dir_public fact;
	int r;

	if ((r = dir_class_decode(f->fact, f->fact_n, &fact)) != 0 || (r = load_class(x, key->class_key, key->epoch - 1)) != 0)
		return r;
	buf_u16(&x->val, DIR_WRAP);
	return change_wrap(x->k, key, 0, fact.pk, class_sk(x), &x->val);
}

/* Public key of a role epoch: one that the operation makes, or one of the directory. */
static const uint8_t *role_pk(const struct rows *x, uint16_t role, uint32_t epoch)
{
	const struct role_entry *e;

	for (unsigned i = 0; i < x->made_n; i++)
		if (x->made[i].role == role && x->made[i].epoch == epoch)
			return x->made[i].pk;
	e = directory_role_entry(x->k, role, epoch);
	return e != NULL ? e->pk : NULL;
}

static int grant_rest(struct rows *x, const struct dir_key *key)
{
	const uint8_t *pk = role_pk(x, key->role, key->role_epoch);
	int r;

	if (pk == NULL)
		return CV_ERR_NOTFOUND;
	if ((r = load_class(x, key->class_key, key->epoch)) != 0)
		return r;
	return change_wrap(x->k, key, 0, pk, class_sk(x), &x->val);
}

/* ---- facts ------------------------------------------------------------------------------------------------------------------ */

static int take_who(struct rows *x, const struct dir_key *key, const struct operation_fact *f)
{
	struct dir_principal p;
	int r;

	if ((r = dir_principal_decode(f->fact, f->fact_n, &p)) != 0)
		return r;
	directory_principal_take(key->principal, &p, &x->who);
	x->auditor = x->who.kind == PRINCIPAL_AUDITOR;
	return 0;
}

/* Who gets roles by operation 2 is there already. */
static int find_who(struct rows *x, const struct dir_key *key)
{
	const struct principal *p;

	if (x->who.kind != 0)
		return 0;
	if ((p = directory_principal(x->k, key->principal)) == NULL)
		return CV_ERR_NOTFOUND;
	x->who = *p;
	return 0;
}

static int take_made(struct rows *x, const struct dir_key *key, const struct operation_fact *f)
{
	struct dir_public fact;
	int r;

	if ((r = dir_role_decode(f->fact, f->fact_n, &fact)) != 0)
		return r;
	if (x->made_n == sizeof(x->made) / sizeof(x->made[0]))
		return CV_ERR_LIMIT;
	x->made[x->made_n] = (struct new_role){ .role = key->role, .epoch = key->epoch };
	memcpy(x->made[x->made_n++].pk, fact.pk, 32);
	return 0;
}

/* What follows a fact and was not made when it was drafted. */
static int make_rest(struct rows *x, const struct dir_key *key, const struct operation_fact *f)
{
	int r;

	switch (key->type) {
	case DIR_PRINCIPAL:
		return person_rest(x);
	case DIR_CLASS:
		return class_rest(x, key, f);
	case DIR_MEMBER:
		return (r = find_who(x, key)) != 0 ? r : member_rest(x, key);
	case DIR_GRANT:
		return grant_rest(x, key);
	default:
		return CV_ERR_FORMAT;
	}
}

/* The row of one fact. Roles and principals come before what is sealed to them. */
static int put_fact(struct rows *x, const struct operation_fact *f)
{
	struct dir_key key;
	int r;

	if ((r = dir_key_decode(f->key, f->key_n, &key)) != 0)
		return r;
	if (key.type == DIR_PRINCIPAL)
		r = take_who(x, &key, f);
	else if (key.type == DIR_ROLE)
		r = take_made(x, &key, f);
	if (r != 0)
		return r;
	buf_reset(&x->val);
	dir_value_encode(x->change.sequence, f->fact, f->fact_n, &x->val);
	buf_put(&x->val, f->rest, f->rest_n);
	if (f->rest_n == 0 && (r = make_rest(x, &key, f)) != 0)
		return r;
	return (r = change_fault(&x->val)) != 0 ? r : x->put(x->cookie, f->key, f->key_n, x->val.p, x->val.n);
}

static int put_change(struct rows *x, const struct change_signature *signatures, unsigned n)
{
	struct dir_key key = { .type = DIR_CHANGE, .sequence = x->change.sequence };
	uint8_t bytes[DIR_KEY_MAX];
	int r;

	buf_reset(&x->val);
	buf_put(&x->val, x->o->change, x->change.covered + 32);
	buf_u8(&x->val, (uint8_t)n);
	for (unsigned i = 0; i < n; i++) {
		buf_put(&x->val, signatures[i].principal, 16);
		buf_put(&x->val, signatures[i].signature, 64);
	}
	if ((r = change_fault(&x->val)) != 0)
		return r;
	return x->put(x->cookie, bytes, dir_key_encode(&key, bytes), x->val.p, x->val.n);
}

/* ---- old role epochs --------------------------------------------------------------------------------------------------------- */

/* Keys that are to be deleted, each u8 length and bytes: a scan may not write. */
struct dead {
	const struct rows *x;
	struct buf keys;
};

/* Whether the row is of an older epoch of a role of which the operation makes a new one. */
static bool is_dead(const struct rows *x, const struct dir_key *key)
{
	uint32_t epoch = key->type == DIR_GRANT ? key->role_epoch : key->epoch;

	for (unsigned i = 0; i < x->made_n; i++)
		if (x->made[i].role == key->role && epoch < x->made[i].epoch)
			return true;
	return false;
}

static int find_dead(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct dead *d = cookie;
	struct dir_key k;
	int r;

	(void)val;
	(void)val_n;
	if ((r = dir_key_decode(key, key_n, &k)) != 0)
		return r;
	if ((k.type == DIR_ROLE || k.type == DIR_MEMBER || k.type == DIR_GRANT || k.type == DIR_CUSTODY) && is_dead(d->x, &k)) {
		buf_u8(&d->keys, (uint8_t)key_n);
		buf_put(&d->keys, key, key_n);
	}
	return change_fault(&d->keys);
}

static int delete_old(const struct rows *x)
{
	struct dead d = { .x = x };
	struct rd r;
	int e;

	buf_init(&d.keys, SIZE_MAX / 2);
	e = store_scan(x->s, STORE_DIR, NULL, 0, NULL, 0, false, 0, find_dead, &d);
	r = rd_over(d.keys.p, d.keys.n);
	while (e == 0 && rd_left(&r) > 0) {
		size_t n = rd_u8(&r);

		e = x->del(x->cookie, rd_take(&r, n), n);
	}
	buf_free(&d.keys);
	return e;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------------- */

static int put_facts(struct rows *x)
{
	struct rd facts = operation_facts(x->o);
	struct operation_fact f;
	int r = 0;

	while (r == 0 && operation_next(&facts, &f))
		r = put_fact(x, &f);
	return r;
}

int change_rows(struct keys *k, struct store *s, const struct operation *o, const struct change_signature *signatures, unsigned n,
    const struct custody *c, change_put *put, change_del *del, void *cookie)
{
	struct rows x = { .k = k, .s = s, .o = o, .c = c, .put = put, .del = del, .cookie = cookie };
	bool removes = o->head.operation == OPERATION_REMOVE ||
	    (o->item[ITEM_FLAGS].n == 1 && (o->item[ITEM_FLAGS].p[0] & OPERATION_REMOVED) != 0);
	int r;

	if (o->change_n == 0)
		return removes ? mark_removed(&x) : CV_ERR_ARG;
	buf_init(&x.val, STORE_VALUE_MAX);
	if ((x.secret = secret_new((size_t)2 * CRYPTO_KEY)) == NULL) {
		r = CV_ERR_NOMEM;
		goto out;
	}
	if ((r = dir_change_decode(o->change, o->change_n, &x.change)) != 0 || (r = put_facts(&x)) != 0 ||
	    (removes && (r = mark_removed(&x)) != 0) || (x.auditor && (r = copies_for_auditor(&x)) != 0) ||
	    (o->head.operation == OPERATION_REKEY && (r = delete_old(&x)) != 0))
		goto out;
	r = put_change(&x, signatures, n);
out:
	secret_free(x.secret);
	buf_free(&x.val);
	return r;
}

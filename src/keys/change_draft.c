/* Facts of a change set are gathered, in any order, into what an operation's arguments point to. FORMAT.md 5.5. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "keys/chain.h"
#include "keys/change_internal.h"

/* Places in a document besides facts, change set and items: canonical bytes, counts, tags, a new principal's texts. */
#define ROOM (2048u + OPERATION_HEAD)

struct draft_place {
	uint8_t key[DIR_KEY_MAX], key_n;
	uint16_t fact_n, rest_n;
	size_t at;			/* of the fact; what follows it is behind */
};

void drafting_init(struct drafting *d, struct keys *k, uint64_t now_ms)
{
	memset(d, 0, sizeof(*d));
	d->k = k;
	d->now_ms = now_ms;
	buf_init(&d->bytes, OPERATION_DOCUMENT_MAX);
	for (unsigned i = 0; i < ITEM_TAGS; i++)
		buf_init(&d->item[i], OPERATION_DOCUMENT_MAX);
}

void drafting_free(struct drafting *d)
{
	buf_free(&d->bytes);
	vec_free(&d->places);
	for (unsigned i = 0; i < ITEM_TAGS; i++)
		buf_free(&d->item[i]);
}

void change_draft_free(struct change_draft *d)
{
	buf_free(&d->bytes);
}

/* ---- one fact ----------------------------------------------------------------------------------------------------------- */

static int begin(struct drafting *d, const struct dir_key *key)
{
	struct draft_place *x;

	if (d->places.n == DIR_FACTS_MAX)
		return CV_ERR_LIMIT;
	if ((x = vec_add(&d->places, sizeof(*x))) == NULL)
		return CV_ERR_NOMEM;
	x->key_n = (uint8_t)dir_key_encode(key, x->key);
	x->at = d->bytes.n;
	return 0;
}

static struct draft_place *newest(const struct drafting *d)
{
	return (struct draft_place *)d->places.p + (d->places.n - 1);
}

/* The fact ends here. */
static void fact_end(struct drafting *d)
{
	newest(d)->fact_n = (uint16_t)(d->bytes.n - newest(d)->at);
}

static int end(struct drafting *d)
{
	struct draft_place *x = newest(d);

	x->rest_n = (uint16_t)(d->bytes.n - x->at - x->fact_n);
	return change_fault(&d->bytes);
}

int drafting_principal(struct drafting *d, const struct principal *p)
{
	struct dir_principal fact = { .kind = (uint8_t)p->kind, .admin_area = p->admin_area, .uid = p->uid, .department = p->department,
		.not_before_ms = p->not_before_ms, .not_after_ms = p->not_after_ms };
	struct dir_key key = { .type = DIR_PRINCIPAL };
	int r;

	memcpy(fact.box_pk, p->box_pk, 32);
	memcpy(fact.sign_pk, p->sign_pk, 32);
	memcpy(fact.person, p->person, 16);
	memcpy(key.principal, p->id, 16);
	if ((r = begin(d, &key)) != 0)
		return r;
	dir_principal_encode(&fact, &d->bytes);
	fact_end(d);
	return end(d);
}

int drafting_role(struct drafting *d, uint16_t role, uint32_t epoch, const struct dir_public *fact)
{
	int r;

	if ((r = begin(d, &(struct dir_key){ .type = DIR_ROLE, .role = role, .epoch = epoch })) != 0)
		return r;
	dir_role_encode(fact, &d->bytes);
	fact_end(d);
	dir_link_encode(NULL, 0, &d->bytes);
	return end(d);
}

int drafting_class(struct drafting *d, uint32_t class_key, uint32_t epoch, const uint8_t pk[32])
{
	struct dir_public fact = { .status = DIR_STATUS_ACTIVE };
	int r;

	memcpy(fact.pk, pk, 32);
	if ((r = begin(d, &(struct dir_key){ .type = DIR_CLASS, .class_key = class_key, .epoch = epoch })) != 0)
		return r;
	dir_class_encode(&fact, &d->bytes);
	fact_end(d);
	if (epoch == 1)
		dir_link_encode(NULL, 0, &d->bytes);
	return end(d);
}

int drafting_member(struct drafting *d, const struct principal *p, uint16_t role, uint32_t epoch, uint64_t from_ms, uint64_t to_ms,
    const uint8_t *role_sk)
{
	struct dir_key key = { .type = DIR_MEMBER, .role = role, .epoch = epoch };
	int r;

	memcpy(key.principal, p->id, 16);
	if ((r = begin(d, &key)) != 0)
		return r;
	dir_member_encode(from_ms, to_ms, &d->bytes);
	fact_end(d);
	if (role_sk != NULL && (r = change_wrap(d->k, &key, 0, p->box_pk, role_sk, &d->bytes)) != 0)
		return r;
	return end(d);
}

int drafting_grant(struct drafting *d, const struct dir_key *key, const uint8_t *role_pk, const uint8_t *class_sk)
{
	int r;

	if ((r = begin(d, key)) != 0)
		return r;
	dir_grant_encode(0, &d->bytes);
	fact_end(d);
	if (class_sk != NULL && (r = change_wrap(d->k, key, 0, role_pk, class_sk, &d->bytes)) != 0)
		return r;
	return end(d);
}

int drafting_custody(struct drafting *d, uint16_t role, uint32_t epoch, const struct principal *custodian, uint8_t index,
    const uint8_t share[32])
{
	struct dir_key key = { .type = DIR_CUSTODY, .role = role, .epoch = epoch };
	int r;

	memcpy(key.principal, custodian->id, 16);
	if ((r = begin(d, &key)) != 0)
		return r;
	dir_custody_encode(index, &d->bytes);
	fact_end(d);
	if ((r = change_wrap(d->k, &key, index, custodian->box_pk, share, &d->bytes)) != 0)
		return r;
	return end(d);
}

void drafting_share(struct drafting *d, const struct custody_role *role)
{
	buf_u16(&d->item[ITEM_ROLES], role->role);
	buf_u32(&d->item[ITEM_ROLES], role->epoch);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------- */

static int place_cmp(const void *a, const void *b)
{
	const struct draft_place *x = a, *y = b;
	int c = memcmp(x->key, y->key, x->key_n < y->key_n ? x->key_n : y->key_n);

	return c != 0 ? c : (int)x->key_n - (int)y->key_n;
}

/* Facts in the order of their keys to ret, their digests to digests. */
static int put_facts(const struct drafting *d, struct buf *ret, struct buf *digests)
{
	const struct draft_place *x = d->places.p;

	for (size_t i = 0; i < d->places.n; i++) {
		const uint8_t *at = d->bytes.p + x[i].at;
		struct operation_fact f = { x[i].key, at, at + x[i].fact_n, x[i].key_n, x[i].fact_n, x[i].rest_n };
		uint8_t *to;

		if (i > 0 && place_cmp(&x[i - 1], &x[i]) == 0)
			return CV_ERR_ARG;
		operation_fact_encode(&f, ret);
		if ((to = buf_add(digests, 32)) == NULL)
			return change_fault(digests);
		chain_fact_digest(d->k->vault_id, f.key, f.key_n, f.fact, f.fact_n, to);
	}
	return change_fault(ret);
}

static int put_change(const struct drafting *d, const struct buf *digests, struct buf *ret)
{
	uint8_t previous[32], digest[32];
	uint32_t sequence = change_newest(d->k, previous) + 1;
	size_t at = ret->n;

	dir_change_encode(sequence, d->now_ms, previous, digests->p, (uint16_t)d->places.n, ret);
	if (!buf_ok(ret))
		return change_fault(ret);
	crypto_hash("cv1.change", NULL, 0, &(struct part){ ret->p + at, ret->n - at }, 1, digest, 32);
	buf_put(ret, digest, 32);
	buf_u8(ret, 0);
	return change_fault(ret);
}

/* Items behind all else; nothing moves any more when the pointers are set. */
static int put_items(const struct drafting *d, struct change_draft *ret)
{
	size_t at = ret->bytes.n;

	for (unsigned i = 0; i < ITEM_TAGS; i++) {
		if (!buf_ok(&d->item[i]))
			return change_fault(&d->item[i]);
		buf_put(&ret->bytes, d->item[i].p, d->item[i].n);
	}
	if (!buf_ok(&ret->bytes))
		return change_fault(&ret->bytes);
	for (unsigned i = 0; i < ITEM_TAGS; at += d->item[i++].n)
		ret->op.item[i] = (struct operation_item){ ret->bytes.p + at, (uint32_t)d->item[i].n };
	return 0;
}

int drafting_finish(struct drafting *d, uint16_t operation, struct change_draft *ret)
{
	struct operation *o = &ret->op;
	struct buf digests;
	int r;

	memset(ret, 0, sizeof(*ret));
	buf_init(&ret->bytes, OPERATION_DOCUMENT_MAX - ROOM);
	buf_init(&digests, (size_t)DIR_FACTS_MAX * 32);
	qsort(d->places.p, d->places.n, sizeof(struct draft_place), place_cmp);
	if ((r = put_facts(d, &ret->bytes, &digests)) != 0)
		goto out;
	o->head.operation = operation;
	o->facts = (uint16_t)d->places.n;
	o->list_n = ret->bytes.n;
	if ((r = put_change(d, &digests, &ret->bytes)) != 0)
		goto out;
	o->change_n = (uint32_t)(ret->bytes.n - o->list_n);
	r = put_items(d, ret);
	o->list = ret->bytes.p;
	o->change = ret->bytes.p + o->list_n;
out:
	buf_free(&digests);
	return r;
}

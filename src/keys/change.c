#include "keys/change.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "keys/chain.h"
#include "keys/keys_internal.h"
#include "store/store.h"

#define PERSON_ROOM (DIR_PERSON_TEXTS * 256u + 6u + PKSEAL_OVERHEAD)
#define EPOCH 1u	/* of a new personal role */

int change_role_epoch(const struct keys *k, uint16_t role, uint32_t *ret)
{
	size_t n;
	const struct role_entry *e = directory_roles(k, &n);

	/* Epochs ascend within a role: the last that is active is the newest. */
	while (n-- > 0)
		if (e[n].role == role && e[n].status == DIR_STATUS_ACTIVE) {
			*ret = e[n].epoch;
			return 0;
		}
	return CV_ERR_NOTFOUND;
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

/* ---- drafting ---------------------------------------------------------------------------------------------------------- */

/* A fact that is being drafted: the n bytes from `at` on. */
struct place {
	struct dir_key key;
	size_t at, n;
};

static void put_principal(const struct principal *p, struct place *x, struct buf *b)
{
	struct dir_principal fact = { .kind = (uint8_t)p->kind, .admin_area = p->admin_area, .uid = p->uid, .department = p->department,
		.not_before_ms = p->not_before_ms, .not_after_ms = p->not_after_ms };

	memcpy(fact.box_pk, p->box_pk, 32);
	memcpy(fact.sign_pk, p->sign_pk, 32);
	memcpy(fact.person, p->person, 16);
	*x = (struct place){ .key = { .type = DIR_PRINCIPAL }, .at = b->n };
	memcpy(x->key.principal, p->id, 16);
	dir_principal_encode(&fact, b);
	x->n = b->n - x->at;
}

static void put_role(uint16_t role, const uint8_t pk[32], struct place *x, struct buf *b)
{
	struct dir_public fact = { .status = DIR_STATUS_ACTIVE };

	memcpy(fact.pk, pk, 32);
	*x = (struct place){ .key = { .type = DIR_ROLE, .role = role, .epoch = EPOCH }, .at = b->n };
	dir_role_encode(&fact, b);
	x->n = b->n - x->at;
}

static void put_member(const struct principal *p, uint16_t role, uint32_t epoch, struct place *x, struct buf *b)
{
	*x = (struct place){ .key = { .type = DIR_MEMBER, .role = role, .epoch = epoch }, .at = b->n };
	memcpy(x->key.principal, p->id, 16);
	dir_member_encode(p->not_before_ms, p->not_after_ms, b);
	x->n = b->n - x->at;
}

/* Keys, then the change set behind the facts; the pointers of the operation are set last, when nothing moves any more. */
static int finish(const struct keys *k, const struct place *places, unsigned n, uint64_t now_ms, struct change_draft *d)
{
	uint8_t previous[32], digest[32], digests[OPERATION_FACTS_MAX * 32];
	uint8_t keys[OPERATION_FACTS_MAX][DIR_KEY_MAX], key_n[OPERATION_FACTS_MAX];
	uint32_t newest = change_newest(k, previous);
	size_t keys_at[OPERATION_FACTS_MAX], change_at;
	struct buf *b = d->bytes;

	for (unsigned i = 0; i < n; i++) {
		key_n[i] = (uint8_t)dir_key_encode(&places[i].key, keys[i]);
		keys_at[i] = b->n;
		buf_put(b, keys[i], key_n[i]);
	}
	if (!buf_ok(b))
		return CV_ERR_NOMEM;
	for (unsigned i = 0; i < n; i++)
		chain_fact_digest(k->vault_id, keys[i], key_n[i], b->p + places[i].at, places[i].n, digests + (size_t)i * 32);
	change_at = b->n;
	dir_change_encode(newest + 1, now_ms, previous, digests, (uint16_t)n, b);
	if (!buf_ok(b))
		return CV_ERR_NOMEM;
	crypto_hash("cv1.change", NULL, 0, &(struct part){ b->p + change_at, b->n - change_at }, 1, digest, 32);
	buf_put(b, digest, 32);
	buf_u8(b, 0);
	if (!buf_ok(b))
		return CV_ERR_NOMEM;
	d->op.change = b->p + change_at;
	d->op.change_n = (uint32_t)(b->n - change_at);
	d->op.facts = (uint16_t)n;
	for (unsigned i = 0; i < n; i++)
		d->op.fact[i] = (struct operation_fact){ b->p + keys_at[i], b->p + places[i].at, key_n[i], (uint16_t)places[i].n };
	return 0;
}

/* A personal role's key pair: the secret goes to its member alone. */
static int draw_personal(const struct keys *k, const struct principal *p, uint16_t role, uint8_t ret_pk[32], uint8_t ret_wrap[DIR_WRAP])
{
	uint8_t sk[CRYPTO_KEY], ctx[CONTEXT_BYTES];
	int r;

	crypto_random(sk, sizeof(sk));
	crypto_box_public(sk, ret_pk);
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_KEY_WRAP, .entity = p->id, .epoch = EPOCH, .field = role,
	    .version = KEY_WRAP_MEMBER, .length = CRYPTO_KEY), ctx);
	r = crypto_pkseal(p->box_pk, ctx, sk, sizeof(sk), ret_wrap);
	wipe(sk, sizeof(sk));
	return r;
}

int change_draft(struct keys *k, const struct principal *p, const uint16_t *roles, unsigned n, uint64_t now_ms,
    struct change_draft *ret)
{
	uint16_t personal = personal_number(k);
	struct place places[OPERATION_FACTS_MAX];
	uint32_t epoch;
	uint8_t pk[32];
	unsigned count = 0;
	int r;

	if (n > ROLE_WRAPS - 1 || personal == 0)
		return CV_ERR_LIMIT;
	memset(ret, 0, sizeof(*ret));
	if ((ret->bytes = malloc(sizeof(*ret->bytes))) == NULL)
		return CV_ERR_NOMEM;
	buf_init(ret->bytes, OPERATION_DOCUMENT_MAX);
	put_principal(p, &places[count++], ret->bytes);
	if ((r = draw_personal(k, p, personal, pk, ret->wrap)) != 0)
		goto out;
	put_role(personal, pk, &places[count++], ret->bytes);
	for (unsigned i = 0; i < n; i++) {
		if ((r = change_role_epoch(k, roles[i], &epoch)) != 0)
			goto out;
		put_member(p, roles[i], epoch, &places[count++], ret->bytes);
	}
	put_member(p, personal, EPOCH, &places[count++], ret->bytes);
	r = finish(k, places, count, now_ms, ret);
out:
	if (r != 0)
		change_draft_free(ret);
	return r;
}

void change_draft_free(struct change_draft *d)
{
	if (d->bytes != NULL)
		buf_free(d->bytes);
	free(d->bytes);
	d->bytes = NULL;
}

/* ---- rows ----------------------------------------------------------------------------------------------------------------- */

struct rows {
	struct keys *k;
	const struct operation *o;
	const struct custody *c;
	uint32_t sequence;
	const uint8_t *member;		/* its id */
	uint8_t box_pk[32];
	struct buf val;
	unsigned copies;
	int error;
};

static void count_auditor(void *cookie, const struct principal *p)
{
	struct rows *x = cookie;

	(void)p;
	x->copies++;
}

static void put_copy(void *cookie, const struct principal *auditor)
{
	struct rows *x = cookie;
	uint8_t ctx[CONTEXT_BYTES], sealed[PERSON_ROOM];
	int r;

	context_encode(CONTEXT_OF(x->k, .kind = CONTEXT_PERSON_AUDITOR, .entity = x->member, .field = 2, .writer = auditor->id,
	    .length = x->o->person_n), ctx);
	if ((r = crypto_pkseal(auditor->box_pk, ctx, x->o->person, x->o->person_n, sealed)) != 0)
		x->error = r;
	else
		dir_person_copy_encode(auditor->id, sealed, (uint16_t)(x->o->person_n + PKSEAL_OVERHEAD), &x->val);
}

static int person_rest(struct rows *x, uint64_t now_ms)
{
	uint8_t ctx[CONTEXT_BYTES], sealed[PERSON_ROOM];

	if (x->o->person_n > PERSON_ROOM - PKSEAL_OVERHEAD)
		return CV_ERR_LIMIT;
	directory_auditors(x->k, now_ms, count_auditor, x);
	if (x->copies > UINT8_MAX)
		return CV_ERR_LIMIT;
	context_encode(CONTEXT_OF(x->k, .kind = CONTEXT_PERSON, .entity = x->member, .epoch = x->k->epoch, .field = 1,
	    .length = x->o->person_n), ctx);
	crypto_seal(ring_key(x->k, RING_DIR), ctx, x->o->person, x->o->person_n, sealed);
	dir_person_rest_encode(0, sealed, (uint16_t)(x->o->person_n + SEAL_OVERHEAD), (uint8_t)x->copies, &x->val);
	directory_auditors(x->k, now_ms, put_copy, x);
	return x->error;
}

static int member_rest(struct rows *x, const struct dir_key *key)
{
	uint8_t ctx[CONTEXT_BYTES], *to, *sk;
	struct secret *secret;
	int r;

	if (role_is_personal(key->role)) {
		buf_put(&x->val, x->o->wrap, DIR_WRAP);
		return 0;
	}
	if (x->c == NULL)
		return CV_ERR_NOTFOUND;
	if ((secret = secret_new(CRYPTO_KEY)) == NULL || (to = buf_add(&x->val, DIR_WRAP)) == NULL) {
		secret_free(secret);
		return CV_ERR_NOMEM;
	}
	sk = secret->bytes;
	context_encode(CONTEXT_OF(x->k, .kind = CONTEXT_KEY_WRAP, .entity = x->member, .epoch = key->epoch, .field = key->role,
	    .version = KEY_WRAP_MEMBER, .length = CRYPTO_KEY), ctx);
	if ((r = custody_role_key(x->k, x->c, key->role, key->epoch, sk)) == 0)
		r = crypto_pkseal(x->box_pk, ctx, sk, CRYPTO_KEY, to);
	secret_free(secret);
	return r;
}

/* The value of one fact's row. */
static int row_value(struct rows *x, const struct operation_fact *f, uint64_t now_ms)
{
	struct dir_principal p;
	struct dir_key key;
	int r;

	buf_reset(&x->val);
	dir_value_encode(x->sequence, f->fact, f->fact_n, &x->val);
	if ((r = dir_key_decode(f->key, f->key_n, &key)) != 0)
		return r;
	if (key.type == DIR_PRINCIPAL) {
		if ((r = dir_principal_decode(f->fact, f->fact_n, &p)) != 0)
			return r;
		x->member = f->key + 1;
		memcpy(x->box_pk, p.box_pk, 32);
		r = person_rest(x, now_ms);
	} else if (key.type == DIR_ROLE) {
		dir_link_encode(NULL, 0, &x->val);
	} else if (key.type == DIR_MEMBER && x->member != NULL) {
		r = member_rest(x, &key);
	} else {
		return CV_ERR_FORMAT;
	}
	return r != 0 ? r : buf_ok(&x->val) ? 0 : CV_ERR_NOMEM;
}

int change_rows(struct keys *k, const struct operation *o, const struct change_signature *signatures, unsigned n,
    const struct custody *c, int (*put)(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n), void *cookie)
{
	struct rows x = { .k = k, .o = o, .c = c };
	struct dir_key key = { .type = DIR_CHANGE };
	uint8_t bytes[DIR_KEY_MAX];
	struct dir_change change;
	int r;

	buf_init(&x.val, STORE_VALUE_MAX);
	if ((r = dir_change_decode(o->change, o->change_n, &change)) != 0)
		goto out;
	x.sequence = key.sequence = change.sequence;
	for (unsigned i = 0; r == 0 && i < o->facts; i++)
		if ((r = row_value(&x, &o->fact[i], change.time_ms)) == 0)
			r = put(cookie, o->fact[i].key, o->fact[i].key_n, x.val.p, x.val.n);
	if (r != 0)
		goto out;
	buf_reset(&x.val);
	buf_put(&x.val, o->change, change.covered + 32);
	buf_u8(&x.val, (uint8_t)n);
	for (unsigned i = 0; i < n; i++) {
		buf_put(&x.val, signatures[i].principal, 16);
		buf_put(&x.val, signatures[i].signature, 64);
	}
	r = buf_ok(&x.val) ? put(cookie, bytes, dir_key_encode(&key, bytes), x.val.p, x.val.n) : CV_ERR_NOMEM;
out:
	buf_free(&x.val);
	return r;
}

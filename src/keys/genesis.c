/* The first directory: key pairs of roles and classes, the wraps between them, custody shares, people, change set 1. */
#include "keys/keys_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/directory.h"
#include "keys/chain.h"
#include "store/store.h"

#define CHANGE_SET 1u
#define EPOCH 1u
#define PERSON_MAX (DIR_PERSON_TEXTS * 256u + 6u)	/* bytes of a person's plaintext */

_Static_assert(DIR_SHARES_MAX == SHARE_MAX, "holders");

/* A row to be put: where it stands in genesis.bytes. */
struct row {
	uint8_t key[DIR_KEY_MAX];
	uint8_t key_n;
	size_t val;		/* offset of the value */
	size_t val_n;
};

/* One genesis under way. sk holds the roles' secret keys, then the classes', then one place for a personal role's, in locked memory. */
struct genesis {
	struct keys *k;
	const struct genesis_directory *g;
	struct secret *sk;
	const struct genesis_person **people;	/* in the order of their ids */
	struct row *rows;
	size_t rows_n, rows_cap;
	struct buf bytes;	/* values; all of them sealed or public */
	struct buf fact;	/* of the row being made */
};

static uint8_t *role_sk(const struct genesis *x, unsigned i)
{
	return x->sk->bytes + (size_t)i * CRYPTO_KEY;
}

static uint8_t *class_sk(const struct genesis *x, unsigned i)
{
	return x->sk->bytes + (size_t)(x->g->role_count + i) * CRYPTO_KEY;
}

static uint8_t *personal_sk(const struct genesis *x)
{
	return x->sk->bytes + (size_t)(x->g->role_count + x->g->class_count) * CRYPTO_KEY;
}

/* Begin a row whose fact stands in x->fact; what is then appended to x->bytes until row_end is its rest. */
static int row_begin(struct genesis *x, const struct dir_key *key)
{
	struct row *row;

	if (x->rows_n == DIR_FACTS_MAX)
		return CV_ERR_LIMIT;
	if (x->rows_n == x->rows_cap) {
		size_t cap = x->rows_cap != 0 ? x->rows_cap * 2 : 64;
		struct row *more = realloc(x->rows, cap * sizeof(*more));

		if (more == NULL)
			return CV_ERR_NOMEM;
		x->rows = more;
		x->rows_cap = cap;
	}
	row = &x->rows[x->rows_n++];
	row->key_n = (uint8_t)dir_key_encode(key, row->key);
	row->val = x->bytes.n;
	dir_value_encode(CHANGE_SET, x->fact.p, (uint16_t)x->fact.n, &x->bytes);
	return 0;
}

static int row_end(struct genesis *x)
{
	struct row *row = &x->rows[x->rows_n - 1];
	bool whole = buf_ok(&x->bytes) && buf_ok(&x->fact);

	row->val_n = x->bytes.n - row->val;
	buf_reset(&x->fact);
	return whole ? 0 : CV_ERR_NOMEM;
}

/* A row whose rest is one PKSEAL of 32 bytes. */
static int wrap_row(struct genesis *x, const struct dir_key *key, const uint8_t pk[32], const struct context *c,
    const uint8_t secret[32])
{
	uint8_t ctx[CONTEXT_BYTES], *to;
	int r;

	if ((r = row_begin(x, key)) != 0)
		return r;
	if ((to = buf_add(&x->bytes, DIR_WRAP)) == NULL)
		return CV_ERR_NOMEM;
	context_encode(c, ctx);
	if ((r = crypto_pkseal(pk, ctx, secret, CRYPTO_KEY, to)) != 0)
		return r;
	return row_end(x);
}

/* ---- roles and custody ---------------------------------------------------------------------------------------------- */

static int principal_id_cmp(const void *a, const void *b)
{
	return memcmp((*(const struct genesis_person *const *)a)->principal.id,
	    (*(const struct genesis_person *const *)b)->principal.id, 16);
}

/* Custodians in the order of their ids: share index i goes to the i-th. CV_ERR_ARG if there are too many. */
static int custodians(const struct genesis_directory *g, const struct genesis_person *ret[DIR_SHARES_MAX], unsigned *ret_n)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->people_count; i++) {
		if (g->people[i].principal.kind != PRINCIPAL_CUSTODIAN)
			continue;
		if (n == DIR_SHARES_MAX)
			return CV_ERR_ARG;
		ret[n++] = &g->people[i];
	}
	qsort(ret, n, sizeof(ret[0]), principal_id_cmp);
	*ret_n = n;
	return 0;
}

static int share_rows(struct genesis *x, uint16_t role, const struct genesis_person *const *who, unsigned n,
    const uint8_t *shares)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++) {
		struct dir_key key = { .type = DIR_CUSTODY, .role = role, .epoch = EPOCH };

		memcpy(key.principal, who[i]->principal.id, 16);
		dir_custody_encode((uint8_t)(i + 1), &x->fact);
		r = wrap_row(x, &key, who[i]->principal.box_pk, CONTEXT_OF(x->k, .kind = CONTEXT_SHARE,
		    .entity = who[i]->principal.id, .epoch = EPOCH, .field = role, .version = i + 1,
		    .length = CRYPTO_KEY), shares + i * CRYPTO_KEY);
	}
	return r;
}

/* Draw a role's secret as a scalar, share it, and make its key pair: what two custodians combine is the scalar. */
static int role_shared(struct genesis *x, unsigned i, uint8_t ret_commits[DIR_SHARES_MAX * 32])
{
	const struct genesis_role *role = &x->g->roles[i];
	const struct genesis_person *who[DIR_SHARES_MAX];
	uint8_t scalar[32], shares[DIR_SHARES_MAX * 32];
	unsigned n;
	int r;

	shares_random_secret(scalar);
	if ((r = custodians(x->g, who, &n)) != 0 || (r = shares_split(scalar, role->share_k, n, shares, ret_commits)) != 0)
		goto out;
	if ((r = share_rows(x, role->role, who, n, shares)) != 0)
		goto out;
	crypto_hash("cv1.unseal", scalar, sizeof(scalar), NULL, 0, role_sk(x, i), CRYPTO_KEY);
out:
	wipe(scalar, sizeof(scalar));
	wipe(shares, sizeof(shares));
	return r;
}

/* A role's row, its secret key being sk; share_k commitments. */
static int role_row(struct genesis *x, uint16_t role, const uint8_t sk[32], unsigned share_k, const uint8_t *commits)
{
	struct dir_key key = { .type = DIR_ROLE, .role = role, .epoch = EPOCH };
	struct dir_public fact = { .status = DIR_STATUS_ACTIVE, .k = (uint8_t)share_k, .commits = commits };
	int r;

	crypto_box_public(sk, fact.pk);
	dir_role_encode(&fact, &x->fact);
	if ((r = row_begin(x, &key)) != 0)
		return r;
	dir_link_encode(NULL, 0, &x->bytes);
	return row_end(x);
}

static int role_rows(struct genesis *x)
{
	uint8_t commits[DIR_SHARES_MAX * 32];
	int r;

	for (unsigned i = 0; i < x->g->role_count; i++) {
		const struct genesis_role *role = &x->g->roles[i];

		if (role->share_k > DIR_SHARES_MAX || role_is_personal(role->role))
			return CV_ERR_ARG;
		if (role->share_k == 0)
			crypto_random(role_sk(x, i), CRYPTO_KEY);
		else if ((r = role_shared(x, i, commits)) != 0)
			return r;
		if ((r = role_row(x, role->role, role_sk(x, i), role->share_k, commits)) != 0)
			return r;
	}
	return 0;
}

/* ---- classes and grants ---------------------------------------------------------------------------------------------- */

static int class_rows(struct genesis *x)
{
	int r;

	for (unsigned i = 0; i < x->g->class_count; i++) {
		struct dir_key key = { .type = DIR_CLASS, .class_key = x->g->class_keys[i], .epoch = EPOCH };
		struct dir_public fact = { .status = DIR_STATUS_ACTIVE };

		crypto_random(class_sk(x, i), CRYPTO_KEY);
		crypto_box_public(class_sk(x, i), fact.pk);
		dir_class_encode(&fact, &x->fact);
		if ((r = row_begin(x, &key)) != 0)
			return r;
		dir_link_encode(NULL, 0, &x->bytes);
		if ((r = row_end(x)) != 0)
			return r;
	}
	return 0;
}

static int grant_row(struct genesis *x, const struct genesis_role *role, const uint8_t role_pk[32], uint32_t class_key)
{
	struct dir_key key = {
		.type = DIR_GRANT, .class_key = class_key, .epoch = EPOCH, .role = role->role, .role_epoch = EPOCH,
	};
	unsigned i = 0;

	while (i < x->g->class_count && x->g->class_keys[i] != class_key)
		i++;
	if (i == x->g->class_count)
		return CV_ERR_ARG;
	dir_grant_encode(0, &x->fact);
	return wrap_row(x, &key, role_pk, CONTEXT_OF(x->k, .kind = CONTEXT_KEY_WRAP, .class_key = class_key, .epoch = EPOCH,
	    .generation = EPOCH, .field = role->role, .version = KEY_WRAP_GRANT, .length = CRYPTO_KEY), class_sk(x, i));
}

static int grant_rows(struct genesis *x)
{
	uint8_t pk[32];
	int r = 0;

	for (unsigned i = 0; r == 0 && i < x->g->role_count; i++) {
		const struct genesis_role *role = &x->g->roles[i];

		crypto_box_public(role_sk(x, i), pk);
		for (unsigned j = 0; r == 0 && j < role->class_count; j++)
			r = grant_row(x, role, pk, role->class_keys[j]);
	}
	return r;
}

/* ---- people ------------------------------------------------------------------------------------------------------------ */

/* A membership with the wrap of the role's secret key, in the principal's own dates. */
static int member_row(struct genesis *x, const struct principal *p, uint16_t role, const uint8_t sk[32])
{
	struct dir_key key = { .type = DIR_MEMBER, .role = role, .epoch = EPOCH };

	memcpy(key.principal, p->id, 16);
	dir_member_encode(p->not_before_ms, p->not_after_ms, &x->fact);
	return wrap_row(x, &key, p->box_pk, CONTEXT_OF(x->k, .kind = CONTEXT_KEY_WRAP, .entity = p->id, .epoch = EPOCH,
	    .field = role, .version = KEY_WRAP_MEMBER, .length = CRYPTO_KEY), sk);
}

static int member_rows(struct genesis *x, const struct genesis_person *person)
{
	int r = 0;

	if (person->role_count > ROLE_WRAPS - 1)
		return CV_ERR_ARG;
	for (unsigned i = 0; r == 0 && i < person->role_count; i++) {
		unsigned j = 0;

		while (j < x->g->role_count && x->g->roles[j].role != person->roles[i])
			j++;
		r = j < x->g->role_count ? member_row(x, &person->principal, person->roles[i], role_sk(x, j)) : CV_ERR_ARG;
	}
	return r;
}

/*
 * Everybody's personal role. Its key is nowhere but in its member's wrap: no custodian could open what was granted to a
 * person. Numbers go by the ids, which are random, so that they tell a stranger who sees them in a hello's answer nothing.
 */
static int personal_rows(struct genesis *x)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < x->g->people_count; i++) {
		uint16_t role = (uint16_t)(ROLE_PERSONAL | (i + 1));

		crypto_random(personal_sk(x), CRYPTO_KEY);
		if ((r = role_row(x, role, personal_sk(x), 0, NULL)) == 0)
			r = member_row(x, &x->people[i]->principal, role, personal_sk(x));
	}
	return r;
}

static unsigned auditor_count(const struct genesis_directory *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->people_count; i++)
		n += g->people[i].principal.kind == PRINCIPAL_AUDITOR;
	return n;
}

/* The person's texts once for the vault and once for each auditor, behind the fact. */
static int person_rest(struct genesis *x, const struct principal *p, const struct buf *plain)
{
	uint8_t ctx[CONTEXT_BYTES], sealed[PERSON_MAX + PKSEAL_OVERHEAD];
	int r;

	context_encode(CONTEXT_OF(x->k, .kind = CONTEXT_PERSON, .entity = p->id, .epoch = x->k->epoch, .field = 1,
	    .length = plain->n), ctx);
	crypto_seal(ring_key(x->k, RING_DIR), ctx, plain->p, plain->n, sealed);
	dir_person_rest_encode(p->suspended, sealed, (uint16_t)(plain->n + SEAL_OVERHEAD), (uint8_t)auditor_count(x->g),
	    &x->bytes);
	for (unsigned i = 0; i < x->g->people_count; i++) {
		const struct principal *auditor = &x->g->people[i].principal;

		if (auditor->kind != PRINCIPAL_AUDITOR)
			continue;
		context_encode(CONTEXT_OF(x->k, .kind = CONTEXT_PERSON_AUDITOR, .entity = p->id, .field = 2,
		    .writer = auditor->id, .length = plain->n), ctx);
		if ((r = crypto_pkseal(auditor->box_pk, ctx, plain->p, plain->n, sealed)) != 0)
			return r;
		dir_person_copy_encode(auditor->id, sealed, (uint16_t)(plain->n + PKSEAL_OVERHEAD), &x->bytes);
	}
	return 0;
}

static int person_row(struct genesis *x, const struct genesis_person *person)
{
	const char *const texts[DIR_PERSON_TEXTS] = { person->login, person->name, person->department, person->post,
	    person->area };
	const struct principal *p = &person->principal;
	struct dir_key key = { .type = DIR_PRINCIPAL };
	struct dir_principal fact = {
		.kind = (uint8_t)p->kind, .admin_area = p->admin_area, .uid = p->uid, .department = p->department,
		.not_before_ms = p->not_before_ms, .not_after_ms = p->not_after_ms,
	};
	struct buf plain;
	int r;

	buf_init(&plain, PERSON_MAX);
	if (!directory_texts_fit(strlen(person->login), person->area, strlen(person->area))) {
		r = CV_ERR_ARG;
		goto out;
	}
	if ((r = dir_person_encode(texts, person->vetted_ms, &plain)) != 0)
		goto out;
	memcpy(key.principal, p->id, 16);
	memcpy(fact.box_pk, p->box_pk, 32);
	memcpy(fact.sign_pk, p->sign_pk, 32);
	memcpy(fact.person, p->person, 16);
	dir_principal_encode(&fact, &x->fact);
	if ((r = row_begin(x, &key)) != 0 || (r = person_rest(x, p, &plain)) != 0)
		goto out;
	r = row_end(x);
out:
	buf_free(&plain);
	return r;
}

static int people_rows(struct genesis *x)
{
	int r = 0;

	if (auditor_count(x->g) > UINT8_MAX)
		return CV_ERR_ARG;
	for (unsigned i = 0; r == 0 && i < x->g->people_count; i++) {
		if ((r = person_row(x, &x->g->people[i])) == 0)
			r = member_rows(x, &x->g->people[i]);
	}
	return r;
}

static int login_cmp(const void *a, const void *b)
{
	return strcmp((*(const struct genesis_person *const *)a)->login, (*(const struct genesis_person *const *)b)->login);
}

/* The people in the order of their ids; CV_ERR_ARG if two have one login name. */
static int people_sort(struct genesis *x)
{
	unsigned n = x->g->people_count;

	if ((x->people = calloc((size_t)n + 1, sizeof(x->people[0]))) == NULL)
		return CV_ERR_NOMEM;
	for (unsigned i = 0; i < n; i++)
		x->people[i] = &x->g->people[i];
	qsort(x->people, n, sizeof(x->people[0]), login_cmp);
	for (unsigned i = 1; i < n; i++) {
		if (strcmp(x->people[i - 1]->login, x->people[i]->login) == 0)
			return CV_ERR_ARG;
	}
	qsort(x->people, n, sizeof(x->people[0]), principal_id_cmp);
	return 0;
}

/* ---- change set 1 -------------------------------------------------------------------------------------------------------- */

static int row_cmp(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = memcmp(x->key, y->key, x->key_n < y->key_n ? x->key_n : y->key_n);

	return c != 0 ? c : (int)x->key_n - (int)y->key_n;
}

/* Sort the rows; two of one key mean that the caller named something twice. */
static int rows_sort(struct genesis *x)
{
	qsort(x->rows, x->rows_n, sizeof(x->rows[0]), row_cmp);
	for (size_t i = 1; i < x->rows_n; i++) {
		if (row_cmp(&x->rows[i - 1], &x->rows[i]) == 0)
			return CV_ERR_ARG;
	}
	return 0;
}

/* Append the change set's value for the sorted rows. */
static int change_value(struct genesis *x, const struct genesis_signer *signers, unsigned n, struct buf *ret,
    uint8_t ret_digest[32])
{
	static const uint8_t none[32];
	uint8_t message[16 + 32] = "cv1.change", signature[SIGN_BYTES], *digests = NULL;
	int r = CV_ERR_NOMEM;

	if ((digests = malloc(x->rows_n * 32 + 1)) == NULL)
		goto out;
	for (size_t i = 0; i < x->rows_n; i++) {
		const struct row *row = &x->rows[i];
		struct dir_value v;

		if ((r = dir_value_decode(x->bytes.p + row->val, row->val_n, &v)) != 0)
			goto out;
		chain_fact_digest(x->k->vault_id, row->key, row->key_n, v.fact, v.fact_n, digests + i * 32);
	}
	dir_change_encode(CHANGE_SET, x->g->now_ms, none, digests, (uint16_t)x->rows_n, ret);
	crypto_hash("cv1.change", NULL, 0, &(struct part){ ret->p, ret->n }, 1, message + 16, 32);
	buf_put(ret, message + 16, 32);
	buf_u8(ret, (uint8_t)n);
	for (unsigned i = 0; i < n; i++) {
		signers[i].sign(signers[i].cookie, message, sizeof(message), signature);
		buf_put(ret, signers[i].id, 16);
		buf_put(ret, signature, sizeof(signature));
	}
	memcpy(ret_digest, message + 16, 32);
	r = buf_ok(ret) ? 0 : CV_ERR_NOMEM;
out:
	free(digests);
	return r;
}

static int put_rows(struct genesis *x, const struct genesis_signer *signers, unsigned n,
    int (*put)(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n), void *cookie,
    uint8_t ret_digest[32])
{
	struct dir_key change = { .type = DIR_CHANGE, .sequence = CHANGE_SET };
	uint8_t key[DIR_KEY_MAX], digest[32];
	struct buf value;
	int r;

	buf_init(&value, STORE_VALUE_MAX);
	if ((r = rows_sort(x)) != 0 || (r = change_value(x, signers, n, &value, digest)) != 0)
		goto out;
	for (size_t i = 0; r == 0 && i < x->rows_n; i++) {
		const struct row *row = &x->rows[i];

		r = put(cookie, row->key, row->key_n, x->bytes.p + row->val, row->val_n);
	}
	if (r == 0)
		r = put(cookie, key, dir_key_encode(&change, key), value.p, value.n);
	if (r == 0)
		memcpy(ret_digest, digest, sizeof(digest));
out:
	buf_free(&value);
	return r;
}

int directory_genesis(struct keys *k, const struct genesis_directory *g, const struct genesis_signer *signers, unsigned n,
    int (*put)(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n), void *cookie,
    uint8_t ret_digest[32])
{
	struct genesis x = { .k = k, .g = g };
	size_t pairs = (size_t)g->role_count + g->class_count;
	int r;

	assert(k->ring != NULL);
	if (n > DIR_SIGNERS_MAX || g->people_count > DIR_FACTS_MAX || pairs == 0 || pairs > DIR_FACTS_MAX)
		return CV_ERR_ARG;
	buf_init(&x.bytes, (size_t)256 << 20);
	buf_init(&x.fact, UINT16_MAX);
	if ((x.sk = secret_new((pairs + 1) * CRYPTO_KEY)) == NULL) {
		r = CV_ERR_NOMEM;
		goto out;
	}
	if ((r = people_sort(&x)) != 0 || (r = role_rows(&x)) != 0 || (r = class_rows(&x)) != 0 || (r = grant_rows(&x)) != 0 ||
	    (r = people_rows(&x)) != 0 || (r = personal_rows(&x)) != 0)
		goto out;
	r = put_rows(&x, signers, n, put, cookie, ret_digest);
out:
	r = r == CV_ERR_LIMIT ? CV_ERR_ARG : r;
	secret_free(x.sk);
	free(x.people);
	free(x.rows);
	buf_free(&x.bytes);
	buf_free(&x.fact);
	return r;
}

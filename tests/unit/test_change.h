/*
 * A small vault whose directory changes: rows in memory in place of the store, people with their secret keys, two administrators who
 * sign, custodians who open their shares. Two roles hold classes, a third holds none.
 */
#ifndef CV_TEST_CHANGE_H
#define CV_TEST_CHANGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "keys/chain.h"
#include "keys/change.h"
#include "keys/custody.h"
#include "keys/keys_internal.h"
#include "store/store.h"

#define NOW_MS 1800000000000u
#define CLASSES 4u

enum { ADMIN_A, ADMIN_B, CUSTODIAN_A, CUSTODIAN_B, CUSTODIAN_C, AUDITOR, MANAGER, WORKERS };	/* all others are workers */
enum { ROLE_MANAGER = 1, ROLE_WORKER = 2, ROLE_EMPTY = 3, ROLE_DEMO = 4 };

static const uint32_t change_classes[CLASSES] = { 0x100000, 0x200000, 0x300000, 0x400000 };

/* ---- rows in memory, in the order of their keys ------------------------------------------------------------------------- */

struct mem_row {
	uint8_t key[STORE_KEY_MAX], *val;
	size_t key_n, val_n;
};
struct store {
	struct mem_row *row;
	size_t n, cap;
};

/* Where the key is, or where it belongs; *ret says whether it is there. */
static inline size_t mem_find(const struct store *s, const void *key, size_t key_n, bool *ret)
{
	size_t low = 0, high = s->n;

	*ret = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct mem_row *x = &s->row[mid];
		int c = memcmp(x->key, key, x->key_n < key_n ? x->key_n : key_n);

		if (c == 0)
			c = (x->key_n > key_n) - (x->key_n < key_n);
		if (c == 0) {
			*ret = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static inline int mem_put(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct store *s = cookie;
	uint8_t *copy = malloc(val_n + 1);
	bool there;
	size_t at = mem_find(s, key, key_n, &there);

	assert_true(copy != NULL && key_n <= STORE_KEY_MAX && val_n <= STORE_VALUE_MAX);
	memcpy(copy, val, val_n);
	if (!there) {
		if (s->n == s->cap) {
			s->cap = s->cap * 2 + 64;
			assert_non_null(s->row = realloc(s->row, s->cap * sizeof(*s->row)));
		}
		memmove(s->row + at + 1, s->row + at, (s->n - at) * sizeof(*s->row));
		s->n++;
		memcpy(s->row[at].key, key, key_n);
		s->row[at].key_n = key_n;
		s->row[at].val = NULL;
	}
	free(s->row[at].val);
	s->row[at].val = copy;
	s->row[at].val_n = val_n;
	return 0;
}

static inline int mem_del(void *cookie, const uint8_t *key, size_t key_n)
{
	struct store *s = cookie;
	bool there;
	size_t at = mem_find(s, key, key_n, &there);

	assert_true(there);
	free(s->row[at].val);
	memmove(s->row + at, s->row + at + 1, (--s->n - at) * sizeof(*s->row));
	return 0;
}

/* What keys calls; the store's own stays out of the program. */
int store_get(struct store *s, enum store_table t, const void *key, size_t key_n, struct store_value *ret)
{
	bool there;
	size_t at = mem_find(s, key, key_n, &there);

	assert_int_equal(t, STORE_DIR);
	if (there)
		*ret = (struct store_value){ s->row[at].val, s->row[at].val_n };
	return there ? 0 : CV_ERR_NOTFOUND;
}

int store_scan(struct store *s, enum store_table t, const void *prefix, size_t prefix_n, const void *from, size_t from_n,
    bool reverse, size_t limit, store_scan_cb cb, void *cookie)
{
	int r = 0;

	assert_true(t == STORE_DIR && from == NULL && from_n == 0 && !reverse && limit == 0);
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		const struct mem_row *x = &s->row[i];

		if (x->key_n >= prefix_n && (prefix_n == 0 || memcmp(x->key, prefix, prefix_n) == 0))
			r = cb(cookie, x->key, x->key_n, x->val, x->val_n);
	}
	return r;
}

static inline void mem_copy(const struct store *from, struct store *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < from->n; i++)
		assert_int_equal(mem_put(ret, from->row[i].key, from->row[i].key_n, from->row[i].val, from->row[i].val_n), 0);
}

static inline void mem_free(struct store *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->row[i].val);
	free(s->row);
	memset(s, 0, sizeof(*s));
}

/* ---- people ---------------------------------------------------------------------------------------------------------------- */

struct change_person {
	struct principal p;
	uint8_t box_sk[32], sign_sk[64];
	char login[24];
};
struct change_vault {
	struct keys *k;
	struct store rows;
	struct change_person *people;
	unsigned people_n;
	struct genesis_admin admins[2];
	struct custody *custody;	/* of the last ceremony */
};

static inline void change_person_make(struct change_person *t, enum principal_kind kind, unsigned i)
{
	uint8_t seed[32];

	memset(t, 0, sizeof(*t));
	crypto_random(t->p.id, 16);
	crypto_random(t->p.person, 16);
	crypto_random(t->box_sk, 32);
	crypto_random(seed, sizeof(seed));
	crypto_box_public(t->box_sk, t->p.box_pk);
	crypto_sign_pair(seed, t->p.sign_pk, t->sign_sk);
	t->p.kind = kind;
	t->p.admin_area = kind == PRINCIPAL_ADMINISTRATOR ? (uint8_t)(1 + i % 2) : 0;
	t->p.uid = UID_ANY;
	t->p.not_before_ms = NOW_MS - 1000;
	(void)snprintf(t->login, sizeof(t->login), "login-%u", i);
}

static inline enum principal_kind change_kind(unsigned i)
{
	return i <= ADMIN_B ? PRINCIPAL_ADMINISTRATOR : i <= CUSTODIAN_C ? PRINCIPAL_CUSTODIAN : i == AUDITOR ? PRINCIPAL_AUDITOR :
	    PRINCIPAL_PERSON;
}

static inline void change_sign(void *cookie, const void *p, size_t n, uint8_t ret[64])
{
	crypto_sign(cookie, p, n, ret);
}

static inline int change_load(struct change_vault *v)
{
	return directory_load(v->k, &v->rows, v->admins, 2);
}

/* An unsealed vault with so many workers, loaded. */
static inline struct change_vault *change_vault_new(unsigned workers)
{
	static const uint16_t worker[] = { ROLE_WORKER }, manager[] = { ROLE_MANAGER, ROLE_WORKER };
	static const struct genesis_role roles[] = { { ROLE_MANAGER, change_classes, 3, 2 }, { ROLE_WORKER, change_classes + 1, 3, 2 },
		{ ROLE_EMPTY, NULL, 0, 2 }, { ROLE_DEMO, NULL, 0, 0 } };
	struct change_vault *v = calloc(1, sizeof(*v));
	struct genesis_person *g = calloc(WORKERS + workers, sizeof(*g));
	struct genesis_directory d = { g, WORKERS + workers, roles, 4, change_classes, CLASSES, NOW_MS };
	struct genesis_signer sign[2];
	uint8_t id[16], digest[32];

	assert_true(v != NULL && g != NULL);
	v->people_n = WORKERS + workers;
	assert_non_null(v->people = calloc(v->people_n, sizeof(*v->people)));
	crypto_random(id, sizeof(id));
	assert_true(keys_new(&v->k) == 0 && keys_generate(v->k, id) == 0);
	for (unsigned i = 0; i < v->people_n; i++) {
		change_person_make(&v->people[i], change_kind(i), i);
		g[i] = (struct genesis_person){ .principal = v->people[i].p, .login = v->people[i].login, .name = "王小明", .department = "民政",
			.post = "", .area = "", .roles = i == MANAGER ? manager : worker,
			.role_count = i == MANAGER ? 2 : i >= WORKERS };
	}
	for (unsigned i = 0; i < 2; i++) {
		memcpy(v->admins[i].id, v->people[i].p.id, 16);
		memcpy(v->admins[i].sign_pk, v->people[i].p.sign_pk, 32);
		memcpy(v->admins[i].person, v->people[i].p.person, 16);
		memcpy(sign[i].id, v->people[i].p.id, 16);
		sign[i].sign = change_sign;
		sign[i].cookie = v->people[i].sign_sk;
	}
	assert_int_equal(directory_genesis(v->k, &d, sign, 2, mem_put, &v->rows, digest), 0);
	free(g);
	assert_int_equal(change_load(v), 0);
	return v;
}

static inline void change_vault_free(struct change_vault *v)
{
	if (v == NULL)
		return;
	custody_free(v->custody);
	keys_free(v->k);
	mem_free(&v->rows);
	free(v->people);
	free(v);
}

/* ---- ceremonies ---------------------------------------------------------------------------------------------------------------- */

/* One custodian opens their rows and seals the shares to the ceremony. */
static inline int change_give(struct change_vault *v, const struct change_person *who)
{
	static const size_t row_n = 2 + 4 + 1 + DIR_WRAP;
	uint8_t sealed[CUSTODY_ROLES * DIR_WRAP], share[32], ctx[CONTEXT_BYTES];
	unsigned n = 0;
	struct buf b;
	int r;

	buf_init(&b, 1u << 16);
	if ((r = custody_rows(v->custody, &v->rows, who->p.id, &b)) != 0)
		goto out;
	for (const uint8_t *x = b.p; x < b.p + b.n; x += row_n, n++) {
		struct context c = { .kind = CONTEXT_SHARE, .vault = v->k->vault_id, .entity = who->p.id, .epoch = be32_get(x + 2),
			.field = be16_get(x), .version = x[6], .length = 32 };

		context_encode(&c, ctx);
		assert_int_equal(crypto_pkopen(who->box_sk, ctx, x + 7, DIR_WRAP, share), 0);
		c.kind = CONTEXT_CEREMONY;
		c.entity = custody_request(v->custody);
		c.writer = who->p.id;
		context_encode(&c, ctx);
		assert_int_equal(crypto_pkseal(custody_public(v->custody), ctx, share, 32, sealed + n * DIR_WRAP), 0);
	}
	r = custody_give(v->k, &v->rows, v->custody, who->p.id, sealed, (size_t)n * DIR_WRAP);
out:
	buf_free(&b);
	return r;
}

/* A ceremony for these roles; two custodians give. */
static inline int change_ceremony(struct change_vault *v, const struct custody_role *roles, unsigned n, unsigned first, unsigned second)
{
	static const uint8_t request[16] = "a request";
	int r;

	custody_free(v->custody);
	v->custody = NULL;
	if ((r = custody_new(&v->rows, request, roles, n, 0, &v->custody)) != 0)
		return r;
	if ((r = change_give(v, &v->people[first])) != 0 || (r = change_give(v, &v->people[second])) != 0)
		return r;
	assert_true(custody_enough(v->custody));
	return 0;
}

/* The roles of an operation whose shares custodians bring. */
static inline unsigned change_shares(const struct operation *o, struct custody_role ret[CUSTODY_ROLES])
{
	struct rd r = rd_over(o->item[ITEM_ROLES].p, o->item[ITEM_ROLES].n);
	unsigned n = 0;

	while (rd_left(&r) > 0) {
		ret[n].role = rd_u16(&r);
		ret[n++].epoch = rd_u32(&r);
	}
	assert_true(rd_ok(&r));
	return n;
}

/* ---- carrying out --------------------------------------------------------------------------------------------------------------- */

/* Both administrators sign a draft's change set; its rows go to the vault's, which is loaded anew. The ceremony is v's. */
static inline int change_sign_and_put(struct change_vault *v, const struct operation *o)
{
	uint8_t message[48] = "cv1.change", signature[2][64];
	struct change_signature who[2];
	struct dir_change c;
	int r;

	assert_int_equal(dir_change_decode(o->change, o->change_n, &c), 0);
	memcpy(message + 16, c.digest, 32);
	for (unsigned i = 0; i < 2; i++) {
		crypto_sign(v->people[i].sign_sk, message, sizeof(message), signature[i]);
		memcpy(who[i].principal, v->people[i].p.id, 16);
		who[i].signature = signature[i];
	}
	if ((r = change_rows(v->k, &v->rows, o, who, 2, v->custody, mem_put, mem_del, &v->rows)) != 0)
		return r;
	if ((r = directory_check(v->k, &v->rows, v->admins, 2)) != 0)
		return r;
	return change_load(v);
}

/* The same with a ceremony of the first two custodians, if one is needed; the draft is freed. */
static inline int change_carry_out(struct change_vault *v, struct change_draft *d)
{
	struct custody_role roles[CUSTODY_ROLES];
	unsigned n = change_shares(&d->op, roles);
	int r = n > 0 ? change_ceremony(v, roles, n, CUSTODIAN_A, CUSTODIAN_B) : 0;

	if (r == 0)
		r = change_sign_and_put(v, &d->op);
	change_draft_free(d);
	return r;
}

static inline int change_rekey_roles(struct change_vault *v, const uint16_t *roles, unsigned n, bool classes, const uint8_t (*out)[16],
    unsigned outs, bool removed, struct change_draft *ret)
{
	struct change_rekey c = { .roles = roles, .role_count = n, .out = out, .out_count = outs, .classes = classes, .removed = removed };

	return change_draft_rekey(v->k, &c, NOW_MS, ret);
}

/* The secret of a role's epoch as the member's wrap has it. 0, CV_ERR_NOTFOUND (no such wrap is handed out), CV_ERR_AUTH. */
static inline int change_open_role(const struct change_vault *v, const struct change_person *who, uint16_t role, uint8_t ret[32])
{
	struct role_wrap wraps[ROLE_WRAPS];
	unsigned n = directory_role_wraps(v->k, who->p.id, NOW_MS, wraps);
	uint8_t ctx[CONTEXT_BYTES], pk[32];

	for (unsigned i = 0; i < n; i++) {
		if (wraps[i].role != role)
			continue;
		context_encode(CONTEXT_OF(v->k, .kind = CONTEXT_KEY_WRAP, .entity = who->p.id, .epoch = wraps[i].epoch, .field = role,
		    .version = 1, .length = 32), ctx);
		if (crypto_pkopen(who->box_sk, ctx, wraps[i].wrap, DIR_WRAP, ret) != 0)
			return CV_ERR_AUTH;
		crypto_box_public(ret, pk);
		return memcmp(pk, directory_role_entry(v->k, role, wraps[i].epoch)->pk, 32) == 0 ? 0 : CV_ERR_AUTH;
	}
	return CV_ERR_NOTFOUND;
}

/* The secret of a class epoch by the grant that this role's newest epoch has of it. */
static inline int change_open_class(const struct change_vault *v, uint16_t role, const uint8_t role_sk[32], uint32_t class_key,
    uint32_t epoch, uint8_t ret[32])
{
	uint8_t ctx[CONTEXT_BYTES], pk[32];
	const struct grant_entry *g;
	size_t n;

	g = directory_grants(v->k, &n);
	for (size_t i = 0; i < n; i++) {
		if (g[i].class_key != class_key || g[i].epoch != epoch || g[i].role != role ||
		    g[i].role_epoch != directory_role_newest(v->k, role))
			continue;
		context_encode(CONTEXT_OF(v->k, .kind = CONTEXT_KEY_WRAP, .class_key = class_key, .epoch = epoch,
		    .generation = g[i].role_epoch, .field = role, .version = 2, .length = 32), ctx);
		if (crypto_pkopen(role_sk, ctx, g[i].wrap, DIR_WRAP, ret) != 0)
			return CV_ERR_AUTH;
		crypto_box_public(ret, pk);
		return memcmp(pk, directory_class_entry(v->k, class_key, epoch)->pk, 32) == 0 ? 0 : CV_ERR_AUTH;
	}
	return CV_ERR_NOTFOUND;
}

/* How many rows of the type name this epoch of the role, or of any. */
static inline unsigned change_rows_of(const struct change_vault *v, enum dir_type type, uint16_t role, uint32_t epoch)
{
	unsigned found = 0;

	for (size_t i = 0; i < v->rows.n; i++) {
		struct dir_key key;

		assert_int_equal(dir_key_decode(v->rows.row[i].key, v->rows.row[i].key_n, &key), 0);
		found += key.type == type && key.role == role && (type == DIR_GRANT ? key.role_epoch : key.epoch) == epoch;
	}
	return found;
}

static inline int change_start(void **state)
{
	(void)state;
	log_init("test", (enum log_level)0);	/* refusals are expected here */
	crypto_allow_unlocked(true);
	return crypto_start();
}

#endif

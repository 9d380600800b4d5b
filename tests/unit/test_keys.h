/*
 * A small vault's keys for the tests of keys: a directory in memory in place of the store, principals with their secret
 * keys, and a client that opens sessions. The rows' scan is the test's own, so that rows can be changed bit by bit.
 */
#ifndef CV_TEST_KEYS_H
#define CV_TEST_KEYS_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "format/directory.h"
#include "keys/chain.h"
#include "keys/keys_internal.h"
#include "store/files.h"
#include "store/store.h"

#define NOW_MS 1800000000000u
#define PEOPLE 9u
#define CLASSES 6u
#define EXTRA 64u	/* auditors that only some tests want */
#define ROWS_MAX 512u
#define UID_WORKER 1001u

enum { ADMIN_A, ADMIN_B, CUSTODIAN_A, CUSTODIAN_B, AUDITOR, MANAGER, WORKER, APP, GUEST };
enum { ROLE_MANAGER = 1, ROLE_WORKER = 2, ROLE_AUDIT = 3 };

/* ---- rows in memory ------------------------------------------------------------------------------------------------- */

struct test_row {
	uint8_t key[STORE_KEY_MAX];
	size_t key_n;
	uint8_t val[16384];
	size_t val_n;
};
struct store {
	struct test_row row[ROWS_MAX];
	size_t n;
};

static inline int test_row_cmp(const void *a, const void *b)
{
	const struct test_row *x = a, *y = b;
	int c = memcmp(x->key, y->key, x->key_n < y->key_n ? x->key_n : y->key_n);

	return c != 0 ? c : (x->key_n > y->key_n) - (x->key_n < y->key_n);
}

static inline int test_put(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct store *s = cookie;
	struct test_row *row = &s->row[s->n];

	assert_true(s->n < ROWS_MAX && key_n <= sizeof(row->key) && val_n <= sizeof(row->val));
	memcpy(row->key, key, key_n);
	memcpy(row->val, val, val_n);
	row->key_n = key_n;
	row->val_n = val_n;
	s->n++;
	return 0;
}

/* What directory.c calls; the store's own stays out of the program. */
int store_scan(struct store *s, enum store_table t, const void *prefix, size_t prefix_n, const void *from, size_t from_n,
    bool reverse, size_t limit, store_scan_cb cb, void *cookie)
{
	int r = 0;

	assert_int_equal(t, STORE_DIR);
	assert_true(from == NULL && from_n == 0 && !reverse && limit == 0);
	qsort(s->row, s->n, sizeof(s->row[0]), test_row_cmp);
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		const struct test_row *row = &s->row[i];

		if (row->key_n >= prefix_n && (prefix_n == 0 || memcmp(row->key, prefix, prefix_n) == 0))
			r = cb(cookie, row->key, row->key_n, row->val, row->val_n);
	}
	return r;
}

static inline struct test_row *test_find(struct store *s, const struct dir_key *key)
{
	uint8_t bytes[DIR_KEY_MAX];
	size_t n = dir_key_encode(key, bytes);

	for (size_t i = 0; i < s->n; i++) {
		if (s->row[i].key_n == n && memcmp(s->row[i].key, bytes, n) == 0)
			return &s->row[i];
	}
	return NULL;
}

/* ---- people --------------------------------------------------------------------------------------------------------- */

struct test_person {
	struct principal p;
	uint8_t box_sk[32];
	uint8_t sign_sk[64];
};
struct test_vault {
	struct keys *k;
	struct store rows;
	struct test_person people[PEOPLE + EXTRA];
	unsigned people_n;
	struct genesis_admin admins[2];
	uint8_t digest[32];
};

static const uint32_t test_classes[CLASSES] = { 0x100000, 0x200000, 0x300000, 0x40100000, 0x40200000, 0xF00000 };
static const enum principal_kind test_kinds[PEOPLE] = {
	PRINCIPAL_ADMINISTRATOR, PRINCIPAL_ADMINISTRATOR, PRINCIPAL_CUSTODIAN, PRINCIPAL_CUSTODIAN, PRINCIPAL_AUDITOR,
	PRINCIPAL_PERSON, PRINCIPAL_PERSON, PRINCIPAL_APP, PRINCIPAL_PERSON,
};
static const uint16_t test_manager_roles[] = { ROLE_MANAGER, ROLE_WORKER };
static const uint16_t test_worker_roles[] = { ROLE_WORKER };
static const uint16_t test_audit_roles[] = { ROLE_AUDIT };

static inline void test_person_make(struct test_person *t, unsigned i)
{
	uint8_t seed[32];

	memset(t, 0, sizeof(*t));
	crypto_random(t->p.id, 16);
	crypto_random(t->p.person, 16);
	crypto_random(t->box_sk, 32);
	crypto_random(seed, sizeof(seed));
	crypto_box_public(t->box_sk, t->p.box_pk);
	crypto_sign_pair(seed, t->p.sign_pk, t->sign_sk);
	t->p.kind = i < PEOPLE ? test_kinds[i] : PRINCIPAL_AUDITOR;
	t->p.admin_area = i == ADMIN_A ? 1 : i == ADMIN_B ? 2 : 0;
	t->p.uid = i == WORKER ? UID_WORKER : UID_ANY;
	t->p.department = (uint16_t)i;
	t->p.not_before_ms = NOW_MS - 1000;
	t->p.not_after_ms = i == GUEST ? NOW_MS + 3600 * 1000 : 0;
}

static inline void test_sign(void *cookie, const void *p, size_t n, uint8_t ret[64])
{
	crypto_sign(cookie, p, n, ret);
}

#define VETTED_MS 1760000000000u	/* when all of them were vetted */
static inline void test_people(const struct test_vault *v, struct genesis_person *ret)
{
	static const char *const logins[PEOPLE] = { "admin-a", "admin-b", "custodian-a", "custodian-b", "auditor", "manager",
		"worker", "app", "guest" };
	static char extra[EXTRA][24];

	for (unsigned i = 0; i < v->people_n; i++) {
		if (i >= PEOPLE)
			(void)snprintf(extra[i - PEOPLE], sizeof(extra[0]), "auditor-%u", i);
		ret[i] = (struct genesis_person){ .principal = v->people[i].p, .login = i < PEOPLE ? logins[i] : extra[i - PEOPLE],
			.name = "王小明", .department = "民政", .post = "", .area = "530102", .vetted_ms = VETTED_MS };
		ret[i].roles = i < PEOPLE ? NULL : test_audit_roles;
		ret[i].role_count = i >= PEOPLE;
	}
	ret[MANAGER].roles = test_manager_roles;
	ret[MANAGER].role_count = 2;
	ret[AUDITOR].roles = test_audit_roles;
	ret[AUDITOR].role_count = 1;
	ret[WORKER].roles = ret[APP].roles = ret[GUEST].roles = test_worker_roles;
	ret[WORKER].role_count = ret[APP].role_count = ret[GUEST].role_count = 1;
}

/* Write the directory of v->people into v->rows, signed by n principals of v->people. */
static inline int test_genesis(struct test_vault *v, const unsigned *signers, unsigned n)
{
	static const struct genesis_role roles[] = {
		{ ROLE_MANAGER, test_classes, CLASSES, 2 },
		{ ROLE_WORKER, test_classes + 2, 2, 2 },
		{ ROLE_AUDIT, NULL, 0, 0 },
	};
	struct genesis_person people[PEOPLE + EXTRA];
	struct genesis_signer sign[PEOPLE];
	struct genesis_directory g = { people, v->people_n, roles, 3, test_classes, CLASSES, NOW_MS };

	test_people(v, people);
	for (unsigned i = 0; i < n; i++) {
		memcpy(sign[i].id, v->people[signers[i]].p.id, 16);
		sign[i].sign = test_sign;
		sign[i].cookie = v->people[signers[i]].sign_sk;
	}
	v->rows.n = 0;
	return directory_genesis(v->k, &g, sign, n, test_put, &v->rows, v->digest);
}

/* An unsealed vault with its directory written, not loaded. */
static inline struct test_vault *test_vault_with(unsigned people)
{
	static const unsigned both[] = { ADMIN_A, ADMIN_B };
	struct test_vault *v = calloc(1, sizeof(*v));
	uint8_t vault_id[16];

	assert_non_null(v);
	crypto_random(vault_id, sizeof(vault_id));
	assert_int_equal(keys_new(&v->k), 0);
	assert_int_equal(keys_generate(v->k, vault_id), 0);
	v->people_n = people;
	for (unsigned i = 0; i < people; i++)
		test_person_make(&v->people[i], i);
	for (unsigned i = 0; i < 2; i++) {
		memcpy(v->admins[i].id, v->people[i].p.id, 16);
		memcpy(v->admins[i].sign_pk, v->people[i].p.sign_pk, 32);
		memcpy(v->admins[i].person, v->people[i].p.person, 16);
	}
	assert_int_equal(test_genesis(v, both, 2), 0);
	return v;
}

static inline struct test_vault *test_vault_new(void)
{
	return test_vault_with(PEOPLE);
}

static inline int test_load(struct test_vault *v)
{
	return directory_load(v->k, &v->rows, v->admins, 2);
}

static inline void test_vault_free(struct test_vault *v)
{
	if (v == NULL)
		return;
	keys_free(v->k);
	free(v);
}

/* Set or clear a principal's suspended byte, which no signature covers. */
static inline void test_suspend(struct test_vault *v, unsigned who, bool yes)
{
	struct dir_key key = { .type = DIR_PRINCIPAL };
	struct dir_value value;
	struct test_row *row;

	memcpy(key.principal, v->people[who].p.id, 16);
	row = test_find(&v->rows, &key);
	assert_non_null(row);
	assert_int_equal(dir_value_decode(row->val, row->val_n, &value), 0);
	row->val[value.rest - row->val] = yes;
}

/* ---- a client --------------------------------------------------------------------------------------------------------- */

struct test_entry {
	uint16_t role;
	uint32_t epoch;
	uint8_t sealed[112];
};

/* Open a member wrap as the client does. 0 or CV_ERR_AUTH. */
static inline int test_open_wrap(const struct test_vault *v, const struct test_person *who, const struct role_wrap *w,
    uint8_t ret_sk[32])
{
	uint8_t ctx[96];

	context_encode(&(struct context){ .kind = CONTEXT_KEY_WRAP, .vault = v->k->vault_id, .entity = who->p.id,
	    .epoch = w->epoch, .field = w->role, .version = 1, .length = 32 }, ctx);
	return crypto_pkopen(who->box_sk, ctx, w->wrap, 112, ret_sk);
}

/* Seal a role's key to the session and write its entry. */
static inline void test_seal_role(const struct test_vault *v, const struct test_person *who, const struct hello_answer *a,
    uint16_t role, uint32_t epoch, const uint8_t sk[32], struct test_entry *ret)
{
	uint8_t ctx[96];

	context_encode(&(struct context){ .kind = CONTEXT_SESSION, .vault = v->k->vault_id, .entity = a->session,
	    .epoch = epoch, .field = role, .writer = who->p.id, .length = 32 }, ctx);
	ret->role = role;
	ret->epoch = epoch;
	assert_int_equal(crypto_pkseal(a->ephemeral_pk, ctx, sk, 32, ret->sealed), 0);
}

/* The keys that open of ordinary roles and, if wanted, of the personal one, sealed to the session; returns how many. */
static inline unsigned test_answer_with(const struct test_vault *v, const struct test_person *who, const struct hello_answer *a,
    bool personal, struct test_entry ret[8])
{
	uint8_t sk[32];
	unsigned n = 0;

	for (unsigned i = 0; i < ROLE_WRAPS; i++) {
		if ((personal || !role_is_personal(a->wraps[i].role)) && test_open_wrap(v, who, &a->wraps[i], sk) == 0)
			test_seal_role(v, who, a, a->wraps[i].role, a->wraps[i].epoch, sk, &ret[n++]);
	}
	return n;
}

/* Of ordinary roles alone: most tests are about these. */
static inline unsigned test_answer(const struct test_vault *v, const struct test_person *who, const struct hello_answer *a,
    struct test_entry ret[8])
{
	return test_answer_with(v, who, a, false, ret);
}

/* Sign the entries as in PROTOCOL.md section 4 step 3. */
static inline void test_prove(const struct test_person *who, const struct hello_answer *a, const struct test_entry *e,
    unsigned n, uint8_t ret[64])
{
	uint8_t message[65 + 8 * 118] = "cv1.proof";

	memcpy(message + 16, a->session, 16);
	memcpy(message + 32, a->ephemeral_pk, 32);
	message[64] = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		be16_put(message + 65 + i * 118, e[i].role);
		be32_put(message + 65 + i * 118 + 2, e[i].epoch);
		memcpy(message + 65 + i * 118 + 6, e[i].sealed, 112);
	}
	crypto_sign(who->sign_sk, message, 65 + n * 118, ret);
}

struct test_session {
	uint8_t token[32];
	uint8_t principal[16];
	struct session *s;
};

static inline int test_activate(struct test_vault *v, uint32_t uid, const struct hello_answer *a, const struct test_entry *e,
    unsigned n, const uint8_t signature[64], uint64_t now_ms, uint64_t mono_ms, struct test_session *ret)
{
	struct sealed_role roles[16];

	for (unsigned i = 0; i < n; i++)
		roles[i] = (struct sealed_role){ e[i].role, e[i].epoch, e[i].sealed };
	return session_activate(v->k, uid, a->session, roles, n, signature, now_ms, mono_ms, NULL, NULL, ret->token,
	    &ret->s, ret->principal);
}

/* Hello and activation of a principal with all their roles. */
static inline int test_login(struct test_vault *v, unsigned who, uint32_t uid, uint64_t mono_ms, struct test_session *ret)
{
	const struct test_person *p = &v->people[who];
	struct test_entry e[8];
	struct hello_answer a;
	uint8_t q[32] = { 0 }, signature[64];
	unsigned n;
	int r;

	if ((r = session_hello(v->k, uid, p->p.id, q, NOW_MS, mono_ms, &a)) != 0)
		return r;
	n = test_answer_with(v, p, &a, true, e);
	test_prove(p, &a, e, n, signature);
	return test_activate(v, uid, &a, e, n, signature, NOW_MS, mono_ms, ret);
}

static inline int test_start(void **state)
{
	(void)state;
	log_init("test", (enum log_level)0);	/* refusals are expected here */
	crypto_allow_unlocked(true);
	return crypto_start();
}

#endif

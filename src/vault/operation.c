#include "vault/operation.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/crypto.h"

#define MESSAGE (16u + 32u)

void operation_arguments_digest(const uint8_t *p, size_t n, uint8_t ret[32])
{
	crypto_hash("cv1.arguments", NULL, 0, &(struct part){ p, n }, 1, ret, 32);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

static void fact_digest(const uint8_t vault[16], const struct operation_fact *f, uint8_t ret[32])
{
	uint8_t length[2];
	const struct part parts[] = { { vault, 16 }, { &f->key_n, 1 }, { f->key, f->key_n }, { length, 2 }, { f->fact, f->fact_n } };

	be16_put(length, f->fact_n);
	crypto_hash("cv1.fact", NULL, 0, parts, 5, ret, 32);
}

/* The change set is that of these facts, and unsigned as yet. */
static int read_change(struct operation_reading *r)
{
	const struct operation *o = &r->op;
	uint8_t digest[32];

	if (dir_change_decode(o->change, o->change_n, &r->change) != 0 || r->change.signatures != 0 || r->change.count != o->facts)
		return CV_ERR_FORMAT;
	crypto_hash("cv1.change", NULL, 0, &(struct part){ o->change, r->change.covered }, 1, digest, 32);
	if (memcmp(digest, r->change.digest, 32) != 0)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < o->facts; i++) {
		fact_digest(o->head.vault, &o->fact[i], digest);
		if (memcmp(digest, r->change.digests + (size_t)i * 32, 32) != 0)
			return CV_ERR_FORMAT;
	}
	return 0;
}

static int take_principal(struct operation_reading *r, const struct dir_key *key, const struct operation_fact *f)
{
	struct dir_principal x;

	if (key->type != DIR_PRINCIPAL || dir_principal_decode(f->fact, f->fact_n, &x) != 0)
		return CV_ERR_FORMAT;
	directory_principal_take(key->principal, &x, &r->principal);
	return 0;
}

static int take_personal(struct operation_reading *r, const struct dir_key *key, const struct operation_fact *f)
{
	struct dir_public x;

	if (key->type != DIR_ROLE || !role_is_personal(key->role) || key->epoch != 1 || dir_role_decode(f->fact, f->fact_n, &x) != 0 ||
	    x.k != 0 || x.status != DIR_STATUS_ACTIVE)
		return CV_ERR_FORMAT;
	r->personal = key->role;
	return 0;
}

/* A membership in the principal's own dates; facts ascend by key, so the personal role comes last. */
static int take_member(struct operation_reading *r, const struct dir_key *key, const struct operation_fact *f, bool last)
{
	uint64_t from, to;

	if (key->type != DIR_MEMBER || memcmp(key->principal, r->principal.id, 16) != 0 ||
	    dir_member_decode(f->fact, f->fact_n, &from, &to) != 0)
		return CV_ERR_FORMAT;
	if (from != r->principal.not_before_ms || to != r->principal.not_after_ms || role_is_personal(key->role) != last)
		return CV_ERR_FORMAT;
	if (last)
		return key->role == r->personal && key->epoch == 1 ? 0 : CV_ERR_FORMAT;
	if (r->role_count == ROLE_WRAPS - 1 || (r->role_count > 0 && r->roles[r->role_count - 1].role >= key->role))
		return CV_ERR_FORMAT;
	r->roles[r->role_count++] = (struct operation_role){ key->role, key->epoch };
	return 0;
}

static int read_facts(struct operation_reading *r)
{
	const struct operation *o = &r->op;
	struct dir_key key;
	int e = o->facts >= 3 ? 0 : CV_ERR_FORMAT;

	for (unsigned i = 0; e == 0 && i < o->facts; i++) {
		if (dir_key_decode(o->fact[i].key, o->fact[i].key_n, &key) != 0)
			e = CV_ERR_FORMAT;
		else if (i == 0)
			e = take_principal(r, &key, &o->fact[i]);
		else if (i == 1)
			e = take_personal(r, &key, &o->fact[i]);
		else
			e = take_member(r, &key, &o->fact[i], i + 1u == o->facts);
	}
	return e;
}

static int read_texts(struct operation_reading *r)
{
	const struct dir_text *login, *area;

	if (dir_person_decode(r->op.person, r->op.person_n, &r->texts) != 0)
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
	if ((e = read_change(&r)) != 0 || (e = read_facts(&r)) != 0 || (e = read_texts(&r)) != 0)
		return e;
	crypto_hash("cv1.operation", NULL, 0, &(struct part){ r.op.canonical, OPERATION_HEAD }, 1, r.digest, 32);
	digits = be64_get(r.digest) % 100000000u;
	snprintf(r.code, sizeof(r.code), "%04u %04u", (unsigned)(digits / 10000), (unsigned)(digits % 10000));
	*ret = r;
	return 0;
}

/* ---- signatures ------------------------------------------------------------------------------------------------------------ */

static void message_of(const char *label, const uint8_t digest[32], uint8_t ret[MESSAGE])
{
	memset(ret, 0, 16);
	memcpy(ret, label, strlen(label));
	memcpy(ret + 16, digest, 32);
}

void operation_sign(const struct operation_reading *r, const uint8_t sign_sk[64], uint8_t ret[OPERATION_SIGNATURE])
{
	uint8_t message[MESSAGE];

	message_of("cv1.operation", r->digest, message);
	crypto_sign(sign_sk, message, sizeof(message), ret);
	message_of("cv1.change", r->change.digest, message);
	crypto_sign(sign_sk, message, sizeof(message), ret + 64);
}

bool operation_signed(const struct operation_reading *r, const uint8_t sign_pk[32], const uint8_t signature[OPERATION_SIGNATURE])
{
	uint8_t message[MESSAGE];

	message_of("cv1.operation", r->digest, message);
	if (crypto_verify(sign_pk, message, sizeof(message), signature) != 0)
		return false;
	message_of("cv1.change", r->change.digest, message);
	return crypto_verify(sign_pk, message, sizeof(message), signature + 64) == 0;
}

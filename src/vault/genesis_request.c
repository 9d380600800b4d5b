#include "vault/genesis_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/crypto.h"
#include "format/leaf.h"
#include "model/model.h"

int genesis_leaf_read(const uint8_t *leaf, size_t n, struct genesis_signing *ret)
{
	static const uint8_t zero;
	struct leaf l;

	if (leaf_decode(leaf, n, &l) != 0 || l.kind != LEAF_GENESIS || l.index != 0 || (l.flags & LEAF_CLEAR) == 0 || l.body_b_n != 0 ||
	    genesis_body_decode(l.body_a, l.body_a_n, &ret->body) != 0)
		return CV_ERR_FORMAT;
	crypto_sha256((struct part[]){ { &zero, 1 }, { leaf, n } }, 2, ret->leaf_hash);
	return 0;
}

/* ---- signatures ------------------------------------------------------------------------------------------------------ */

#define MESSAGE (16u + 32u)

static void message_of(const char *label, const uint8_t digest[32], uint8_t ret[MESSAGE])
{
	memset(ret, 0, 16);
	memcpy(ret, label, strlen(label));
	memcpy(ret + 16, digest, 32);
}

static const struct genesis_admin *admin_of(const struct genesis_body *b, const uint8_t id[16])
{
	for (unsigned i = 0; i < b->admins; i++)
		if (memcmp(b->admin[i].id, id, 16) == 0)
			return &b->admin[i];
	return NULL;
}

int genesis_sign(const struct genesis_signing *s, const uint8_t id[16], const uint8_t sign_pk[32],
    void (*sign)(void *cookie, const void *p, size_t n, uint8_t ret[64]), void *cookie, struct genesis_signature *ret)
{
	const struct genesis_admin *a = admin_of(&s->body, id);
	uint8_t message[MESSAGE];

	if (a == NULL || memcmp(a->sign_pk, sign_pk, 32) != 0)
		return CV_ERR_NOTFOUND;
	memcpy(ret->principal, id, 16);
	memcpy(ret->vault, s->body.vault, 16);
	message_of("cv1.genesis", s->leaf_hash, message);
	sign(cookie, message, sizeof(message), ret->leaf);
	message_of("cv1.change", s->digest, message);
	sign(cookie, message, sizeof(message), ret->change);
	return 0;
}

int genesis_signature_check(const struct genesis_signing *s, const struct genesis_signature *sig)
{
	const struct genesis_admin *a = admin_of(&s->body, sig->principal);
	uint8_t message[MESSAGE];
	int r;

	if (memcmp(sig->vault, s->body.vault, 16) != 0)
		return CV_ERR_CONFLICT;
	if (a == NULL)
		return CV_ERR_NOTFOUND;
	message_of("cv1.genesis", s->leaf_hash, message);
	if ((r = crypto_verify(a->sign_pk, message, sizeof(message), sig->leaf)) != 0)
		return r;
	message_of("cv1.change", s->digest, message);
	return crypto_verify(a->sign_pk, message, sizeof(message), sig->change);
}

unsigned genesis_persons(const struct genesis_signing *s, const struct genesis_signature *list, unsigned n)
{
	unsigned persons = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct genesis_admin *a = admin_of(&s->body, list[i].principal);
		bool seen = a == NULL;

		for (unsigned j = 0; j < i && !seen; j++) {
			const struct genesis_admin *b = admin_of(&s->body, list[j].principal);

			seen = b != NULL && memcmp(a->person, b->person, 16) == 0;
		}
		persons += !seen;
	}
	return persons;
}

/* ---- the whole request ------------------------------------------------------------------------------------------------- */

static void fact_digest(const uint8_t vault[16], const struct genesis_fact *f, uint8_t ret[32])
{
	uint8_t fact_length[2];
	const struct part parts[] = { { vault, 16 }, { &f->key_n, 1 }, { f->key, f->key_n }, { fact_length, 2 }, { f->fact, f->fact_n } };

	be16_put(fact_length, f->fact_n);
	crypto_hash("cv1.fact", NULL, 0, parts, 5, ret, 32);
}

/* The change set is the first one, unsigned, and its digests are those of the facts, in order. */
static int read_change(const struct genesis_request *q, struct genesis_signing *s)
{
	static const uint8_t none[32];
	struct rd facts = rd_over(q->fact_list, q->fact_list_n);
	struct genesis_fact f;
	struct dir_change c;
	uint8_t digest[32];

	if (dir_change_decode(q->change, q->change_n, &c) != 0 || c.sequence != 1 || c.signatures != 0 || c.count != q->facts ||
	    memcmp(c.previous, none, 32) != 0)
		return CV_ERR_FORMAT;
	crypto_hash("cv1.change", NULL, 0, &(struct part){ q->change, c.covered }, 1, s->digest, 32);
	if (memcmp(s->digest, c.digest, 32) != 0)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < q->facts; i++) {
		genesis_fact_next(&facts, &f);
		fact_digest(s->body.vault, &f, digest);
		if (memcmp(digest, c.digests + 32u * i, 32) != 0)
			return CV_ERR_FORMAT;
	}
	return 0;
}

static int read_policy(const struct genesis_request *q, struct genesis_reading *r)
{
	uint8_t digest[32];

	crypto_hash("cv1.policy", NULL, 0, &(struct part){ q->policy, q->policy_n }, 1, digest, 32);
	if (memcmp(digest, r->signing.body.policy, 32) != 0 || policy_decode(q->policy, q->policy_n, &r->policy) != 0)
		return CV_ERR_FORMAT;
	return 0;
}

static struct genesis_member *member_of(struct genesis_reading *r, const uint8_t id[16])
{
	for (unsigned i = 0; i < r->members; i++)
		if (memcmp(r->member[i].principal.id, id, 16) == 0)
			return &r->member[i];
	return NULL;
}

/* A principal's fact. */
static int add_member(struct genesis_reading *r, const struct dir_key *key, const struct genesis_fact *f)
{
	struct genesis_member *m = &r->member[r->members];
	struct dir_principal x;

	if (dir_principal_decode(f->fact, f->fact_n, &x) != 0)
		return CV_ERR_FORMAT;
	directory_principal_take(key->principal, &x, &m->principal);
	r->members++;
	return 0;
}

/* A membership; facts come in key order, so that all principals are there before. */
static int add_role(struct genesis_reading *r, const struct dir_key *key)
{
	struct genesis_member *m = member_of(r, key->principal);

	if (m == NULL)
		return CV_ERR_FORMAT;
	if (role_is_personal(key->role))
		return 0;
	if (m->role_count == ROLE_WRAPS || policy_role_by_id(r->policy, key->role) == NULL)
		return CV_ERR_FORMAT;
	m->roles[m->role_count++] = key->role;
	return 0;
}

static int read_facts(const struct genesis_request *q, struct genesis_reading *r)
{
	struct rd facts = rd_over(q->fact_list, q->fact_list_n);
	struct genesis_fact f;
	struct dir_key key;
	int e = 0;

	if ((r->member = calloc((size_t)q->facts + 1, sizeof(*r->member))) == NULL)
		return CV_ERR_NOMEM;
	for (unsigned i = 0; e == 0 && i < q->facts; i++) {
		genesis_fact_next(&facts, &f);
		if (dir_key_decode(f.key, f.key_n, &key) != 0)
			e = CV_ERR_FORMAT;
		else if (key.type == DIR_PRINCIPAL)
			e = add_member(r, &key, &f);
		else if (key.type == DIR_MEMBER)
			e = add_role(r, &key);
	}
	return e;
}

/* Each member has texts, once. */
static int read_texts(const struct genesis_request *q, struct genesis_reading *r)
{
	struct rd people = rd_over(q->people_list, q->people_list_n);
	struct genesis_texts t;

	if (q->people != r->members)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < q->people; i++) {
		const struct dir_text *login, *area;
		struct genesis_member *m;

		genesis_texts_next(&people, &t);
		m = member_of(r, t.principal);
		if (m == NULL || m->principal.login[0] != '\0' || dir_person_decode(t.person, t.person_n, &m->texts) != 0)
			return CV_ERR_FORMAT;
		login = &m->texts.text[DIR_PERSON_LOGIN];
		area = &m->texts.text[DIR_PERSON_AREA];
		if (login->n == 0 || login->n >= sizeof(m->principal.login) || area->n >= sizeof(m->principal.area))
			return CV_ERR_FORMAT;
		memcpy(m->principal.login, login->p, login->n);
		memcpy(m->principal.area, area->p, area->n);
	}
	return 0;
}

/* Leaf 0 names the administrators that the directory has, with their keys and persons, and no others. */
static int match_admins(struct genesis_reading *r)
{
	const struct genesis_body *b = &r->signing.body;
	unsigned n = 0;

	for (unsigned i = 0; i < r->members; i++) {
		const struct principal *p = &r->member[i].principal;
		const struct genesis_admin *a = admin_of(b, p->id);

		if (p->kind != PRINCIPAL_ADMINISTRATOR)
			continue;
		if (a == NULL || memcmp(a->sign_pk, p->sign_pk, 32) != 0 || memcmp(a->person, p->person, 16) != 0)
			return CV_ERR_FORMAT;
		n++;
	}
	return n == b->admins ? 0 : CV_ERR_FORMAT;
}

int genesis_reading_new(const uint8_t *p, size_t n, struct genesis_reading *ret)
{
	struct genesis_reading r = { .policy = NULL };
	struct genesis_request q;
	uint64_t digits;
	int e;

	if ((e = genesis_request_decode(p, n, &q)) != 0)
		return e;
	if ((e = genesis_leaf_read(q.leaf, q.leaf_n, &r.signing)) != 0 || (e = read_change(&q, &r.signing)) != 0 ||
	    (e = read_policy(&q, &r)) != 0 || (e = read_facts(&q, &r)) != 0 || (e = read_texts(&q, &r)) != 0 ||
	    (e = match_admins(&r)) != 0) {
		genesis_reading_free(&r);
		return e;
	}
	crypto_hash("cv1.genesis", NULL, 0, &(struct part){ p, n }, 1, r.code_digest, 32);
	digits = be64_get(r.code_digest) % 100000000u;
	snprintf(r.code, sizeof(r.code), "%04u %04u", (unsigned)(digits / 10000), (unsigned)(digits % 10000));
	*ret = r;
	return 0;
}

void genesis_reading_free(struct genesis_reading *r)
{
	policy_free(r->policy);
	free(r->member);
	r->policy = NULL;
	r->member = NULL;
	r->members = 0;
}

int genesis_reading_check(const struct genesis_reading *r, struct separation *ret_fault)
{
	struct separation_member *m = calloc((size_t)r->members + 1, sizeof(*m));
	bool fits;

	if (m == NULL)
		return CV_ERR_NOMEM;
	for (unsigned i = 0; i < r->members; i++)
		m[i] = (struct separation_member){ &r->member[i].principal, r->member[i].roles, r->member[i].role_count, false };
	fits = separation_check(r->policy, m, r->members, (r->signing.body.flags & GENESIS_PRODUCTION) != 0, ret_fault);
	free(m);
	return fits ? 0 : CV_ERR_DENIED;
}

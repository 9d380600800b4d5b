#include "client/key.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "format/context.h"

static void fill_public(struct client_key *k, const uint8_t sign_seed[32])
{
	crypto_box_public(k->box_sk, k->box_pk);
	crypto_sign_pair(sign_seed, k->sign_pk, k->sign_sk);
}

void client_key_new(struct client_key *ret)
{
	uint8_t seed[32];

	memset(ret, 0, sizeof *ret);
	/* Key material and an id that must never come twice: from the one random source. */
	crypto_random(ret->principal, sizeof ret->principal);
	crypto_random(ret->box_sk, sizeof ret->box_sk);
	crypto_random(seed, sizeof seed);
	fill_public(ret, seed);
	wipe(seed, sizeof seed);
}

void client_key_clear(struct client_key *k) { wipe(k, sizeof *k); }

static int derive(const struct argon *a, const char *pass, size_t pass_n, struct client_pass *ret)
{
	uint8_t pw[32];
	int r;

	if ((r = crypto_passphrase(a, pass, pass_n, pw)) == 0) {
		ret->argon = *a;
		memcpy(ret->pw, pw, sizeof pw);
	}
	wipe(pw, sizeof pw);
	return r;
}

int client_pass_new(const char *pass, size_t pass_n, struct client_pass *ret)
{
	struct argon a = { .mem_kib = CLIENT_KEY_ARGON_KIB, .passes = CLIENT_KEY_ARGON_PASSES };

	crypto_random(a.salt, sizeof a.salt);
	return derive(&a, pass, pass_n, ret);
}

int client_pass_of(const struct keyfile *f, const char *pass, size_t pass_n, struct client_pass *ret)
{
	struct argon a = { .mem_kib = f->argon_kib, .passes = f->argon_passes };

	memcpy(a.salt, f->salt, sizeof a.salt);
	return derive(&a, pass, pass_n, ret);
}

void client_pass_question(const struct client_pass *pass, uint8_t ret[32])
{
	memset(ret, 0, 32);
	if (pass != NULL)
		crypto_hash("cv1.pep.q", pass->pw, 32, NULL, 0, ret, 32);
}

/* KEK = H_256(cv1.kek, pw; a), a being zeros while no vault stands behind the file. */
static void kek_of(const struct client_pass *pass, const uint8_t *answer, uint8_t ret[32])
{
	static const uint8_t none[32];
	const struct part a = { answer != NULL ? answer : none, 32 };

	crypto_hash("cv1.kek", pass->pw, 32, &a, 1, ret, 32);
}

static void keyfile_context(const uint8_t principal[16], const uint8_t vault[16], uint8_t ret[CONTEXT_BYTES])
{
	const struct context c = { .kind = CONTEXT_KEYFILE, .vault = vault, .entity = principal, .length = KEYFILE_SECRETS };

	context_encode(&c, ret);
}

/* X25519 secret key ‖ Ed25519 seed; the seed is the first half of libsodium's secret key. */
static void secrets_of(const struct client_key *k, uint8_t ret[KEYFILE_SECRETS])
{
	memcpy(ret, k->box_sk, 32);
	memcpy(ret + 32, k->sign_sk, 32);
}

int client_key_save(const struct client_key *k, struct buf *ret)
{
	struct keyfile f = { .protection = KEYFILE_PLAIN, .body_n = KEYFILE_SECRETS };
	int r;

	memcpy(f.principal, k->principal, 16);
	memcpy(f.vault, k->vault, 16);
	secrets_of(k, f.body);
	r = keyfile_encode(&f, ret);
	wipe(&f, sizeof f);
	return r;
}

int client_key_save_sealed(const struct client_key *k, const struct client_pass *pass, const uint8_t *answer, struct buf *ret)
{
	struct keyfile f = { .protection = KEYFILE_PASSPHRASE, .body_n = KEYFILE_SEALED };
	uint8_t kek[32], ctx[CONTEXT_BYTES], secrets[KEYFILE_SECRETS];
	int r;

	memcpy(f.principal, k->principal, 16);
	memcpy(f.vault, k->vault, 16);
	f.argon_kib = pass->argon.mem_kib;
	f.argon_passes = pass->argon.passes;
	memcpy(f.salt, pass->argon.salt, 16);
	keyfile_context(f.principal, f.vault, ctx);
	kek_of(pass, answer, kek);
	secrets_of(k, secrets);
	crypto_seal(kek, ctx, secrets, sizeof secrets, f.body);
	r = keyfile_encode(&f, ret);
	wipe(kek, sizeof kek);
	wipe(secrets, sizeof secrets);
	return r;
}

int client_key_open(const struct keyfile *f, const struct client_pass *pass, const uint8_t *answer, struct client_key *ret)
{
	uint8_t kek[32], ctx[CONTEXT_BYTES], secrets[KEYFILE_SECRETS];
	int r = 0;

	if (f->protection == KEYFILE_PLAIN) {
		memcpy(secrets, f->body, sizeof secrets);
	} else if (pass == NULL) {
		return CV_ERR_ARG;
	} else {
		keyfile_context(f->principal, f->vault, ctx);
		kek_of(pass, answer, kek);
		r = crypto_open(kek, ctx, f->body, f->body_n, secrets);
	}
	if (r == 0) {
		memset(ret, 0, sizeof *ret);
		memcpy(ret->principal, f->principal, 16);
		memcpy(ret->vault, f->vault, 16);
		memcpy(ret->box_sk, secrets, 32);
		fill_public(ret, secrets + 32);
	}
	wipe(kek, sizeof kek);
	wipe(secrets, sizeof secrets);
	return r;
}

int client_key_public(const struct client_key *k, const char *name, struct buf *ret)
{
	struct pubfile p = { 0 };
	size_t n = strlen(name);
	struct buf m;
	int r;

	if (n == 0 || n > PUBFILE_NAME_MAX || !utf8_valid(name, n))
		return CV_ERR_ARG;
	memcpy(p.principal, k->principal, 16);
	memcpy(p.box_pk, k->box_pk, 32);
	memcpy(p.sign_pk, k->sign_pk, 32);
	p.name_n = (uint8_t)n;
	memcpy(p.name, name, n);
	buf_init(&m, PUBFILE_TEXT_MAX);
	if ((r = pubfile_signed(&p, &m)) == 0) {
		crypto_sign(k->sign_sk, m.p, m.n, p.signature);
		r = pubfile_encode(&p, ret);
	}
	buf_free(&m);
	return r;
}

int client_key_public_check(const struct pubfile *p)
{
	struct buf m;
	int r;

	buf_init(&m, PUBFILE_TEXT_MAX);
	if ((r = pubfile_signed(p, &m)) == 0)
		r = crypto_verify(p->sign_pk, m.p, m.n, p->signature);
	buf_free(&m);
	return r;
}

void client_key_code(const uint8_t principal[16], const uint8_t box_pk[32], const uint8_t sign_pk[32], char ret[CLIENT_KEY_CODE])
{
	const struct part parts[] = { { principal, 16 }, { box_pk, 32 }, { sign_pk, 32 } };
	uint8_t digest[32];

	crypto_hash("cv1.proof", NULL, 0, parts, 3, digest, sizeof(digest));
	for (unsigned i = 0; i < 6; i++)
		snprintf(ret + 5 * i, CLIENT_KEY_CODE - 5 * i, "%04u%s", (unsigned)(be32_get(digest + 4 * i) % 10000), i < 5 ? " " : "");
}

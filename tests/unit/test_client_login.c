/* Opening a session against a fake daemon that does core's half of docs/PROTOCOL.md section 4 by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/text.h"
#include "childvault.h"
#include "client/client.h"
#include "client/key.h"
#include "fake_daemon.h"
#include "format/context.h"

#define ROLES 3
#define TOKEN "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* A daemon with one principal, who is a member of roles 3 "school" and 7 "visitor", and of a personal one. */
struct core {
	struct client_key key;		/* of the principal */
	uint8_t vault[16], session[16], ephemeral_sk[32], ephemeral_pk[32], answer[32];
	uint8_t role_sk[ROLES][32];
	uint8_t question[32];		/* as the last hello brought it */
	bool decoys_only;		/* as for an unknown principal */
	bool personal_only;		/* as for an administrator */
	bool damaged;			/* an answer that is no JSON */
	unsigned hellos, logouts;
	bool verified;			/* the last activation fitted */
	bool taken[ROLES];		/* its roles */
	char activated[64];		/* their numbers in the order of the entries, "3,7,32773" */
};
static const uint16_t numbers[ROLES] = { 3, 7, 0x8005 };
static const char *const role_names[] = { "school", "visitor" };	/* the personal one has none */

static void wrap_role(const struct core *c, unsigned i, char ret[160])
{
	const struct context x = { .kind = CONTEXT_KEY_WRAP, .vault = c->vault, .entity = c->key.principal, .epoch = 5,
		.field = numbers[i], .version = 1, .length = 32 };
	uint8_t ctx[96], sealed[112];

	context_encode(&x, ctx);
	assert_int_equal(crypto_pkseal(c->key.box_pk, ctx, c->role_sk[i], 32, sealed), 0);
	b64_encode(B64_STD, sealed, sizeof sealed, ret);
}

static void put_b64(struct buf *b, const char *name, const void *p, size_t n)
{
	char text[128];

	b64_encode(B64_STD, p, n, text);
	buf_printf(b, ",\"%s\":\"%s\"", name, text);
}

static void put_hex(struct buf *b, const char *name, const void *p, size_t n)
{
	char text[128];

	hex_encode(p, n, text);
	buf_printf(b, ",\"%s\":\"%s\"", name, text);
}

static void hello(struct core *c, const json_t *j, struct buf *body)
{
	uint8_t random[112];
	char text[160];
	unsigned at;
	size_t n = 0;

	c->hellos++;
	(void)b64_decode(B64_STD, json_string_value(json_object_get(j, "question")), 44, c->question, 32, &n);
	crypto_random(c->session, 16);
	crypto_random(c->ephemeral_sk, 32);
	crypto_box_public(c->ephemeral_sk, c->ephemeral_pk);
	buf_text(body, "{\"later\":{}");
	put_hex(body, "session", c->session, 16);
	put_b64(body, "ephemeral_key", c->ephemeral_pk, 32);
	put_b64(body, "answer", c->answer, 32);
	put_hex(body, "vault", c->vault, 16);
	buf_text(body, ",\"wraps\":[");
	for (unsigned i = 0; i < 8; i++) {
		crypto_random(random, sizeof random);
		b64_encode(B64_STD, random, sizeof random, text);
		/* The personal role stands among the others. */
		at = i == 2 ? 0 : i == 5 ? 1 : i == 4 ? 2 : ROLES;
		if (at < ROLES && !c->decoys_only && (at == 2 || !c->personal_only))
			wrap_role(c, at, text);
		buf_printf(body, "%s{\"role\":%u,\"epoch\":5,\"wrap\":\"%s\"}", i != 0 ? "," : "", at < ROLES ? numbers[at] : i, text);
	}
	buf_text(body, "]}");
}

/* Open one entry of an activation and add what the signature covers. */
static bool take_entry(struct core *c, const json_t *e, struct buf *proof)
{
	unsigned role = (unsigned)json_integer_value(json_object_get(e, "role")), i = role == 7 ? 1 : role == 3 ? 0 : 2;
	const struct context x = { .kind = CONTEXT_SESSION, .vault = c->vault, .entity = c->session, .epoch = 5, .field = role,
		.writer = c->key.principal, .length = 32 };
	uint8_t ctx[96], sealed[112], sk[32];
	size_t n = 0;

	context_encode(&x, ctx);
	if (b64_decode(B64_STD, json_string_value(json_object_get(e, "sealed")), 152, sealed, sizeof sealed, &n) != 0 || n != 112 ||
	    crypto_pkopen(c->ephemeral_sk, ctx, sealed, sizeof sealed, sk) != 0 || memcmp(sk, c->role_sk[i], 32) != 0)
		return false;
	buf_u16(proof, (uint16_t)role);
	buf_u32(proof, (uint32_t)json_integer_value(json_object_get(e, "epoch")));
	buf_put(proof, sealed, sizeof sealed);
	c->taken[i] = true;
	snprintf(c->activated + strlen(c->activated), sizeof c->activated - strlen(c->activated), "%s%u",
	    c->activated[0] != 0 ? "," : "", role);
	return true;
}

static void activate(struct core *c, const json_t *j, struct buf *body)
{
	const json_t *roles = json_object_get(j, "roles");
	uint8_t signature[64];
	struct buf proof;
	size_t n = 0;

	buf_init(&proof, 4096);
	buf_put(&proof, "cv1.proof\0\0\0\0\0\0", 16);
	buf_put(&proof, c->session, 16);
	buf_put(&proof, c->ephemeral_pk, 32);
	buf_u8(&proof, (uint8_t)json_array_size(roles));
	c->activated[0] = 0;
	memset(c->taken, 0, sizeof c->taken);
	c->verified = json_array_size(roles) > 0;
	for (size_t i = 0; i < json_array_size(roles); i++)
		c->verified = c->verified && take_entry(c, json_array_get(roles, i), &proof);
	c->verified = c->verified && b64_decode(B64_STD, json_string_value(json_object_get(j, "signature")), 88, signature, 64, &n) == 0 &&
	    crypto_verify(c->key.sign_pk, proof.p, proof.n, signature) == 0;
	buf_free(&proof);
	buf_text(body, "{\"roles\":[");
	for (unsigned i = 0, put = 0; i < 2; i++)
		if (c->taken[i])
			buf_printf(body, "%s\"%s\"", put++ != 0 ? "," : "", role_names[i]);
	buf_text(body, "],\"token\" : \"" TOKEN "\",\"expires_at\":\"2026-11-25T08:00:00.000Z\"}");
}

static bool serve(void *cookie, const char *request, size_t n, struct buf *answer)
{
	struct core *c = cookie;
	const char *at = strstr(request, "\r\n\r\n") + 4;
	json_t *j = json_loadb(at, n - (size_t)(at - request), 0, NULL);
	struct buf body;

	buf_init(&body, 8192);
	if (strncmp(request, "DELETE", 6) == 0) {
		c->logouts++;
		assert_non_null(strstr(request, "Authorization: Bearer " TOKEN "\r\n"));
		buf_text(answer, "HTTP/1.1 204 No Content\r\n\r\n");
	} else {
		if (c->damaged)
			buf_text(&body, "{\"session\":");
		else if (strncmp(request, "POST /v1/sessions ", 18) == 0)
			hello(c, j, &body);
		else
			activate(c, j, &body);
		buf_u8(&body, 0);
		fake_json(answer, "200 OK", "", (const char *)body.p);
	}
	buf_free(&body);
	json_decref(j);
	return true;
}

static struct core *core_new(void)
{
	static struct core c;

	memset(&c, 0, sizeof c);
	assert_int_equal(crypto_start(), 0);
	client_key_new(&c.key);
	crypto_random(c.vault, 16);
	crypto_random(c.answer, 32);
	crypto_random(c.role_sk, sizeof c.role_sk);
	return &c;
}

static struct childvault *client_of(const struct fake *f)
{
	struct childvault *cv = NULL;

	assert_int_equal(childvault_open(fake_path(f), &cv), CHILDVAULT_OK);
	return cv;
}

/* Log in with the core's principal, key file plain, for these roles. */
static int login(struct core *c, struct childvault *cv, const char *const *roles, size_t n)
{
	struct buf text;
	int r;

	buf_init(&text, KEYFILE_TEXT_MAX);
	assert_int_equal(client_key_save(&c->key, &text), 0);
	r = childvault_login(cv, (const char *)text.p, text.n, NULL, 0, roles, n);
	buf_free(&text);
	return r;
}

static void plain_key_opens_all_roles(void **state)
{
	static const uint8_t zeros[32];
	struct core *c = core_new();
	struct fake *f = fake_start(serve, c);
	struct childvault *cv = client_of(f);

	(void)state;
	assert_int_equal(login(c, cv, NULL, 0), CHILDVAULT_OK);
	assert_true(c->verified);
	assert_string_equal(c->activated, "3,7,32773");
	assert_memory_equal(c->question, zeros, 32);
	assert_string_equal(childvault_token(cv), TOKEN);
	assert_string_equal(childvault_roles(cv), "school,visitor");
	assert_string_equal(childvault_expires(cv), "2026-11-25T08:00:00.000Z");
	assert_memory_equal(client_vault(cv), c->vault, 16);
	assert_null(childvault_new_key(cv));
	assert_null(strstr(childvault_body(cv, NULL), TOKEN));
	childvault_free(cv);
	fake_stop(f);
}

static void roles_are_chosen_by_number_at_once_and_by_name_in_two_steps(void **state)
{
	static const char *const seven[] = { "7" }, *const visitor[] = { "visitor" }, *const both[] = { "school", "visitor" },
	    *const police[] = { "police" }, *const nine[] = { "9" };
	struct core *c = core_new();
	struct fake *f = fake_start(serve, c);
	struct childvault *cv = client_of(f);

	(void)state;
	assert_int_equal(login(c, cv, seven, 1), CHILDVAULT_OK);
	assert_string_equal(c->activated, "7,32773");
	assert_string_equal(childvault_roles(cv), "visitor");
	assert_int_equal(c->hellos, 1);
	assert_int_equal(login(c, cv, visitor, 1), CHILDVAULT_OK);
	assert_string_equal(c->activated, "7,32773");
	assert_string_equal(childvault_roles(cv), "visitor");
	assert_int_equal(c->hellos, 3);
	assert_int_equal(c->logouts, 1);
	assert_int_equal(login(c, cv, both, 2), CHILDVAULT_OK);
	assert_int_equal(c->hellos, 4);
	assert_int_equal(login(c, cv, police, 1), CHILDVAULT_KEY);
	assert_int_equal(c->logouts, 2);
	assert_null(childvault_token(cv));
	assert_int_equal(login(c, cv, nine, 1), CHILDVAULT_KEY);
	childvault_free(cv);
	fake_stop(f);
}

static void personal_role_alone_opens_a_session(void **state)
{
	static const char *const school[] = { "school" }, *const three[] = { "3" };
	struct core *c = core_new();
	struct fake *f = fake_start(serve, c);
	struct childvault *cv = client_of(f);

	(void)state;
	c->personal_only = true;
	assert_int_equal(login(c, cv, NULL, 0), CHILDVAULT_OK);
	assert_true(c->verified);
	assert_string_equal(c->activated, "32773");
	assert_string_equal(childvault_roles(cv), "");
	assert_string_equal(childvault_token(cv), TOKEN);
	/* A role that was asked for and is not there is none the less missing. */
	assert_int_equal(login(c, cv, school, 1), CHILDVAULT_KEY);
	assert_int_equal(login(c, cv, three, 1), CHILDVAULT_KEY);
	assert_null(childvault_token(cv));
	childvault_free(cv);
	fake_stop(f);
}

static void what_does_not_open_is_one_answer(void **state)
{
	struct core *c = core_new();
	struct fake *f = fake_start(serve, c);
	struct childvault *cv = client_of(f);
	struct client_key other;
	struct keyfile parameters = { .argon_kib = 65536, .argon_passes = 3 };
	struct client_pass pass;
	struct buf text;
	char unknown[256], wrong[256];

	(void)state;
	c->decoys_only = true;
	assert_int_equal(login(c, cv, NULL, 0), CHILDVAULT_KEY);
	snprintf(unknown, sizeof unknown, "%s", childvault_message(cv));
	buf_init(&text, KEYFILE_TEXT_MAX);
	other = c->key;
	memcpy(other.vault, c->vault, 16);
	assert_int_equal(client_pass_of(&parameters, "right", 5, &pass), 0);
	assert_int_equal(client_key_save_sealed(&other, &pass, c->answer, &text), 0);
	assert_int_equal(childvault_login(cv, (const char *)text.p, text.n, "wrong", 5, NULL, 0), CHILDVAULT_KEY);
	snprintf(wrong, sizeof wrong, "%s", childvault_message(cv));
	assert_string_equal(unknown, wrong);
	assert_int_equal(childvault_login(cv, (const char *)text.p, text.n, NULL, 0, NULL, 0), CHILDVAULT_KEY);
	c->decoys_only = false;
	assert_int_equal(childvault_login(cv, (const char *)text.p, text.n, "right", 5, NULL, 0), CHILDVAULT_OK);
	assert_null(childvault_new_key(cv));
	buf_free(&text);
	childvault_free(cv);
	fake_stop(f);
}

static void key_made_before_its_vault_is_bound_at_the_first_login(void **state)
{
	struct core *c = core_new();
	struct fake *f = fake_start(serve, c);
	struct childvault *cv = client_of(f);
	struct keyfile parameters = { .argon_kib = 65536, .argon_passes = 3 }, bound;
	struct client_pass pass;
	struct client_key opened;
	struct buf text;
	uint8_t question[32];

	(void)state;
	buf_init(&text, KEYFILE_TEXT_MAX);
	assert_int_equal(client_pass_of(&parameters, "p", 1, &pass), 0);
	assert_int_equal(client_key_save_sealed(&c->key, &pass, NULL, &text), 0);
	assert_int_equal(childvault_login(cv, (const char *)text.p, text.n, "p", 1, NULL, 0), CHILDVAULT_OK);
	client_pass_question(&pass, question);
	assert_memory_equal(c->question, question, 32);
	assert_non_null(childvault_new_key(cv));
	assert_int_equal(keyfile_decode(childvault_new_key(cv), strlen(childvault_new_key(cv)), &bound), 0);
	assert_memory_equal(bound.vault, c->vault, 16);
	assert_int_equal(client_key_open(&bound, &pass, c->answer, &opened), 0);
	assert_memory_equal(opened.box_sk, c->key.box_sk, 32);
	assert_int_not_equal(client_key_open(&bound, &pass, NULL, &opened), 0);
	buf_free(&text);
	childvault_free(cv);
	fake_stop(f);
}

/* Argon2id's floor: what a command derives takes longer. */
static void floor_pass(const char *text, struct client_pass *ret)
{
	struct keyfile parameters = { .argon_kib = 65536, .argon_passes = 3, .salt = { 5 } };

	assert_int_equal(client_pass_of(&parameters, text, strlen(text), ret), 0);
}

static void key_is_wrapped_under_a_new_passphrase_and_under_none(void **state)
{
	struct core *c = core_new();
	struct fake *f = fake_start(serve, c);
	struct childvault *cv = client_of(f);
	struct client_pass pass;
	struct client_key key;
	struct keyfile file;
	struct buf text;
	uint8_t question[32];

	(void)state;
	buf_init(&text, KEYFILE_TEXT_MAX);
	floor_pass("new", &pass);
	client_pass_question(&pass, question);
	assert_int_equal(client_rewrap(cv, &c->key, &pass, &text), CHILDVAULT_OK);
	assert_memory_equal(c->question, question, 32);
	assert_true(c->verified);	/* no hello without a session */
	assert_int_equal(c->logouts, 1);
	assert_null(childvault_token(cv));
	assert_int_equal(keyfile_decode((const char *)text.p, text.n, &file), 0);
	assert_memory_equal(file.vault, c->vault, 16);
	assert_int_equal(client_key_open(&file, &pass, c->answer, &key), 0);
	assert_memory_equal(key.box_sk, c->key.box_sk, 32);
	assert_memory_equal(key.sign_sk, c->key.sign_sk, SIGN_SECRET);
	assert_int_equal(childvault_login(cv, (const char *)text.p, text.n, "new", 3, NULL, 0), CHILDVAULT_OK);
	buf_reset(&text);
	assert_int_equal(client_rewrap(cv, &key, NULL, &text), CHILDVAULT_OK);
	assert_int_equal(keyfile_decode((const char *)text.p, text.n, &file), 0);
	assert_int_equal(file.protection, KEYFILE_PLAIN);
	assert_int_equal(childvault_login(cv, (const char *)text.p, text.n, NULL, 0, NULL, 0), CHILDVAULT_OK);
	buf_reset(&text);
	c->decoys_only = true;
	assert_int_equal(client_rewrap(cv, &key, &pass, &text), CHILDVAULT_KEY);
	assert_int_equal(text.n, 0);
	buf_free(&text);
	childvault_free(cv);
	fake_stop(f);
}

static void damaged_answers_are_no_session(void **state)
{
	struct core *c = core_new();
	struct fake *f = fake_start(serve, c);
	struct childvault *cv = client_of(f);

	(void)state;
	c->damaged = true;
	assert_int_equal(login(c, cv, NULL, 0), CHILDVAULT_PROTOCOL);
	assert_null(childvault_token(cv));
	assert_int_equal(childvault_login(cv, "childvault-key-1\nAA==\n", 22, NULL, 0, NULL, 0), CHILDVAULT_KEY);
	childvault_free(cv);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_key_opens_all_roles),
		cmocka_unit_test(roles_are_chosen_by_number_at_once_and_by_name_in_two_steps),
		cmocka_unit_test(personal_role_alone_opens_a_session),
		cmocka_unit_test(what_does_not_open_is_one_answer),
		cmocka_unit_test(key_made_before_its_vault_is_bound_at_the_first_login),
		cmocka_unit_test(key_is_wrapped_under_a_new_passphrase_and_under_none),
		cmocka_unit_test(damaged_answers_are_no_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

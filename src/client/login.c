/*
 * Opening a session, docs/PROTOCOL.md section 4: hello, key file, role keys, proof.
 *
 * Whatever does not fit (no such principal, suspended, wrong passphrase) looks alike here as it does at the daemon: the
 * caller learns that the key opens nothing.
 */
#include "childvault.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "client/client.h"
#include "client/client_internal.h"
#include "client/key.h"
#include "format/context.h"

#define ROLE_WRAP (CRYPTO_KEY + PKSEAL_OVERHEAD)	/* 112 bytes, of a wrap and of a sealed role key alike */
#define WRAP_MEMBER 1u		/* context version of a member's wrap, FORMAT.md section 3 */
#define SAME_ANSWER "this key opens no session here: unknown or suspended principal, or wrong passphrase"

struct wrap_offer {
	uint16_t role;
	uint32_t epoch;
	uint8_t wrap[ROLE_WRAP];
};
struct hello {
	uint8_t session[16], ephemeral[32], answer[32], vault[16];
	unsigned wraps;
	struct wrap_offer wrap[CLIENT_ROLES];
};
#define ROLE_PERSONAL 0x8000u	/* roles from here on, FORMAT.md 5.2 */
struct role_key {
	uint16_t role;
	uint32_t epoch;
	uint8_t sk[32];
};
/* One login: what stays the same when its session has to be opened twice. */
struct login {
	struct keyfile file;
	struct client_pass pass;
	bool has_pass;
	struct client_key key;
	struct hello hello;
	unsigned roles, named;		/* the first `named` are ordinary ones, whose names an answer tells; the others personal */
	struct role_key role[CLIENT_ROLES];
};

/* ---- hello --------------------------------------------------------------------------------------------------------- */

static int take_b64(const json_t *v, void *ret, size_t n)
{
	size_t got = 0;
	uint8_t bytes[ROLE_WRAP + 1];
	int r = CV_ERR_FORMAT;

	if (json_is_string(v) && b64_decode(B64_STD, json_string_value(v), json_string_length(v), bytes, n, &got) == 0 && got == n) {
		memcpy(ret, bytes, n);
		r = 0;
	}
	return r;
}

static int take_hex(const json_t *v, void *ret, size_t n)
{
	return json_is_string(v) ? hex_decode(json_string_value(v), json_string_length(v), ret, n) : CV_ERR_FORMAT;
}

static int take_wrap(const json_t *v, struct wrap_offer *ret)
{
	const json_t *role = json_object_get(v, "role"), *epoch = json_object_get(v, "epoch");
	json_int_t r = json_integer_value(role), e = json_integer_value(epoch);

	if (!json_is_integer(role) || !json_is_integer(epoch) || r < 0 || r > UINT16_MAX || e < 0 || e > UINT32_MAX)
		return CV_ERR_FORMAT;
	ret->role = (uint16_t)r;
	ret->epoch = (uint32_t)e;
	return take_b64(json_object_get(v, "wrap"), ret->wrap, ROLE_WRAP);
}

static int parse_hello(const char *p, size_t n, struct hello *ret)
{
	json_t *j = json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL), *wraps = json_object_get(j, "wraps");
	int r = CV_ERR_FORMAT;

	memset(ret, 0, sizeof *ret);
	if (take_hex(json_object_get(j, "session"), ret->session, 16) != 0 ||
	    take_b64(json_object_get(j, "ephemeral_key"), ret->ephemeral, 32) != 0 ||
	    take_b64(json_object_get(j, "answer"), ret->answer, 32) != 0 ||
	    take_hex(json_object_get(j, "vault"), ret->vault, 16) != 0 ||
	    !json_is_array(wraps) || json_array_size(wraps) > CLIENT_ROLES)
		goto out;
	for (; ret->wraps < json_array_size(wraps); ret->wraps++)
		if (take_wrap(json_array_get(wraps, ret->wraps), &ret->wrap[ret->wraps]) != 0)
			goto out;
	r = 0;
out:
	json_decref(j);
	return r;
}

static int say_hello(struct childvault *cv, struct login *l)
{
	char principal[33], question[64];
	uint8_t q[32];
	struct buf body;
	int r;

	client_pass_question(l->has_pass ? &l->pass : NULL, q);
	hex_encode(l->file.principal, 16, principal);
	b64_encode(B64_STD, q, 32, question);
	buf_init(&body, 1024);
	buf_text(&body, "{\"principal\":\"");
	buf_text(&body, principal);
	buf_text(&body, "\",\"question\":\"");
	buf_text(&body, question);
	buf_text(&body, "\"}");
	client_begin(cv, "POST", "/v1/sessions", false, NULL);
	if ((r = client_finish(cv, "application/json", &body, true)) == CHILDVAULT_OK &&
	    parse_hello((const char *)cv->http.body.p, cv->http.body.n, &l->hello) != 0)
		r = client_fail_local(cv, CV_ERR_FORMAT);
	if (r == CHILDVAULT_OK) {
		memcpy(cv->vault, l->hello.vault, 16);
		cv->has_vault = true;
	}
	buf_free(&body);
	wipe(q, sizeof q);
	wipe(question, sizeof question);
	return r;
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

static bool is_zero16(const uint8_t p[16])
{
	static const uint8_t zeros[16];

	return memcmp(p, zeros, 16) == 0;
}

/* A file that is not bound to a vault yet stands on its passphrase alone: docs/FORMAT.md section 12. */
static int open_key(struct login *l)
{
	return client_key_open(&l->file, l->has_pass ? &l->pass : NULL, is_zero16(l->file.vault) ? NULL : l->hello.answer, &l->key);
}

static int role_cmp(const void *a, const void *b)
{
	const struct role_key *x = a, *y = b;

	return (x->role > y->role) - (x->role < y->role);
}

/* Try every wrap; decoys and another's do not open. By their numbers the personal role comes last. */
static void open_roles(struct login *l)
{
	l->roles = l->named = 0;
	for (unsigned i = 0; i < l->hello.wraps; i++) {
		const struct wrap_offer *w = &l->hello.wrap[i];
		const struct context c = { .kind = CONTEXT_KEY_WRAP, .vault = l->hello.vault, .entity = l->key.principal,
			.epoch = w->epoch, .field = w->role, .version = WRAP_MEMBER, .length = CRYPTO_KEY };
		uint8_t ctx[CONTEXT_BYTES];
		struct role_key *k = &l->role[l->roles];

		context_encode(&c, ctx);
		if (crypto_pkopen(l->key.box_sk, ctx, w->wrap, ROLE_WRAP, k->sk) != 0)
			continue;
		k->role = w->role;
		k->epoch = w->epoch;
		l->roles++;
		l->named += w->role < ROLE_PERSONAL;
	}
	qsort(l->role, l->roles, sizeof l->role[0], role_cmp);
}

/* After the first login: bind the file to this vault and its pepper, for the caller to store. */
static int bind_key(struct childvault *cv, struct login *l)
{
	int r;

	if (!l->has_pass || !is_zero16(l->file.vault))
		return CHILDVAULT_OK;
	memcpy(l->key.vault, l->hello.vault, 16);
	if ((r = client_key_save_sealed(&l->key, &l->pass, l->hello.answer, &cv->new_key)) != 0)
		return client_fail_local(cv, r);
	buf_u8(&cv->new_key, 0);
	return buf_ok(&cv->new_key) ? CHILDVAULT_OK : client_fail_local(cv, CV_ERR_NOMEM);
}

/* ---- activation --------------------------------------------------------------------------------------------------------- */

static int seal_role(const struct login *l, const struct role_key *k, uint8_t ret[ROLE_WRAP])
{
	const struct context c = { .kind = CONTEXT_SESSION, .vault = l->hello.vault, .entity = l->hello.session, .epoch = k->epoch,
		.field = k->role, .writer = l->key.principal, .length = CRYPTO_KEY };
	uint8_t ctx[CONTEXT_BYTES];

	context_encode(&c, ctx);
	return crypto_pkseal(l->hello.ephemeral, ctx, k->sk, CRYPTO_KEY, ret);
}

/* The body of PUT for the roles of mask, and in *proof what the signature covers. */
static int put_roles(const struct login *l, unsigned mask, struct buf *body, struct buf *proof)
{
	static const char label[16] = "cv1.proof";
	uint8_t sealed[ROLE_WRAP], count = 0;
	char text[160];
	int r;

	for (unsigned i = 0; i < l->roles; i++)
		count = (uint8_t)(count + ((mask >> i) & 1));
	buf_put(proof, label, sizeof label);
	buf_put(proof, l->hello.session, 16);
	buf_put(proof, l->hello.ephemeral, 32);
	buf_u8(proof, count);
	buf_text(body, "{\"roles\":[");
	for (unsigned i = 0, put = 0; i < l->roles; i++) {
		if (((mask >> i) & 1) == 0)
			continue;
		if ((r = seal_role(l, &l->role[i], sealed)) != 0)
			return r;
		buf_u16(proof, l->role[i].role);
		buf_u32(proof, l->role[i].epoch);
		buf_put(proof, sealed, sizeof sealed);
		b64_encode(B64_STD, sealed, sizeof sealed, text);
		buf_printf(body, "%s{\"role\":%u,\"epoch\":%u,\"sealed\":\"%s\"}", put++ != 0 ? "," : "", l->role[i].role,
		    l->role[i].epoch, text);
	}
	return buf_ok(proof) && buf_ok(body) ? 0 : CV_ERR_NOMEM;
}

/*
 * Move the token out of the answer's body, which then holds no secret: the JSON reader keeps copies that nobody wipes. The
 * token is the string behind the member name; a role of that name could not be followed by a colon.
 */
static int take_token(struct childvault *cv)
{
	static const char name[] = "\"token\"";
	char *end = (char *)cv->http.body.p + cv->http.body.n, *p = (char *)cv->http.body.p, *start;

	while (p < end && (p = memmem(p, (size_t)(end - p), name, sizeof name - 1)) != NULL) {
		p += sizeof name - 1;
		p += strspn(p, " \t\r\n");
		if (*p++ != ':')
			continue;
		p += strspn(p, " \t\r\n");
		if (*p != '"')
			return CV_ERR_FORMAT;
		for (start = ++p; p < end && *p != '"'; p++)
			;
		if (p == end)
			return CV_ERR_FORMAT;
		*p = 0;
		if (childvault_with_token(cv, start) != CHILDVAULT_OK)
			return CV_ERR_FORMAT;
		*p = '"';
		memset(start, '-', (size_t)(p - start));
		return 0;
	}
	return CV_ERR_FORMAT;
}

/* Role names, in the order in which they were activated (a personal role has none), and the session's end. */
static int take_session(struct childvault *cv, json_t **ret_names)
{
	json_t *j = NULL, *names, *expires;
	size_t at = 0, i;
	int r;

	if ((r = take_token(cv)) != 0)
		return r;
	r = CV_ERR_FORMAT;
	j = json_loadb((const char *)cv->http.body.p, cv->http.body.n, JSON_REJECT_DUPLICATES, NULL);
	names = json_object_get(j, "roles");
	expires = json_object_get(j, "expires_at");
	if (!json_is_array(names) || !json_is_string(expires) || json_string_length(expires) >= sizeof cv->expires ||
	    json_array_size(names) > CLIENT_ROLES)
		goto out;
	for (i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (name == NULL || strlen(name) > 63)
			goto out;
		at += (size_t)snprintf(cv->roles + at, sizeof cv->roles - at, "%s%s", i != 0 ? "," : "", name);
	}
	snprintf(cv->expires, sizeof cv->expires, "%s", json_string_value(expires));
	*ret_names = json_incref(names);
	r = 0;
out:
	json_decref(j);
	return r;
}

static int activate(struct childvault *cv, const struct login *l, unsigned mask, json_t **ret_names)
{
	char target[64] = "/v1/sessions/", text[96];
	uint8_t signature[SIGN_BYTES];
	struct buf body, proof;
	int r;

	buf_init(&body, 8192);
	buf_init(&proof, 2048);
	if ((r = put_roles(l, mask, &body, &proof)) != 0) {
		r = client_fail_local(cv, r);
		goto out;
	}
	crypto_sign(l->key.sign_sk, proof.p, proof.n, signature);
	b64_encode(B64_STD, signature, sizeof signature, text);
	buf_printf(&body, "],\"signature\":\"%s\"}", text);
	hex_encode(l->hello.session, 16, target + strlen(target));
	client_begin(cv, "PUT", target, false, NULL);
	if ((r = client_finish(cv, "application/json", &body, false)) == CHILDVAULT_OK && take_session(cv, ret_names) != 0)
		r = client_fail_local(cv, CV_ERR_FORMAT);
	buf_reset(&cv->http.in);	/* the token came through here */
	memset(&cv->http.head.header, 0, sizeof cv->http.head.header);
	cv->http.head.headers = 0;
out:
	buf_free(&body);
	buf_free(&proof);
	return r;
}

/* ---- which roles --------------------------------------------------------------------------------------------------------- */

/* A decimal role number, or -1. */
static long role_number(const char *s)
{
	char *end;
	long v = strtol(s, &end, 10);

	return s[0] >= '0' && s[0] <= '9' && *end == 0 && v <= UINT16_MAX ? v : -1;
}

/* All role keys, and those of personal roles: each session takes these, for what is granted to the person. */
static unsigned all_of(const struct login *l) { return (1u << l->roles) - 1; }
static unsigned personal_of(const struct login *l) { return all_of(l) & ~((1u << l->named) - 1); }

/*
 * The keys that the wanted roles are, by number or, where names is given, by name at the same position, with the personal one. 0:
 * one is missing.
 */
static unsigned choose(const struct login *l, const json_t *names, const char *const *wanted, size_t n)
{
	unsigned mask = personal_of(l);

	for (size_t i = 0; i < n; i++) {
		unsigned hit = 0;

		for (unsigned k = 0; k < l->named; k++) {
			const char *name = json_string_value(json_array_get(names, k));

			if (role_number(wanted[i]) == (long)l->role[k].role || (name != NULL && strcmp(name, wanted[i]) == 0))
				hit |= 1u << k;
		}
		if (hit == 0)
			return 0;
		mask |= hit;
	}
	return mask;
}

static bool all_numbers(const char *const *wanted, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (role_number(wanted[i]) < 0)
			return false;
	return true;
}

/* Names are the policy's, which only a session's answer tells: open all, look, and open again if that was too much. */
static int activate_wanted(struct childvault *cv, struct login *l, const char *const *wanted, size_t n)
{
	unsigned all = all_of(l), mask = all;
	json_t *names = NULL, *again = NULL;
	int r;

	if (n != 0 && all_numbers(wanted, n) && (mask = choose(l, NULL, wanted, n)) == 0)
		return client_fail(cv, CHILDVAULT_KEY, "this key does not open a role that was asked for");
	if ((r = activate(cv, l, mask, &names)) != CHILDVAULT_OK || n == 0 || all_numbers(wanted, n))
		goto out;
	if (json_array_size(names) != l->named) {
		r = client_fail_local(cv, CV_ERR_FORMAT);
		goto out;
	}
	if ((mask = choose(l, names, wanted, n)) == all)
		goto out;
	if ((r = childvault_logout(cv)) != CHILDVAULT_OK)
		goto out;
	if (mask == 0)
		r = client_fail(cv, CHILDVAULT_KEY, "this key does not open a role that was asked for");
	else if ((r = say_hello(cv, l)) == CHILDVAULT_OK)
		r = activate(cv, l, mask, &again);
out:
	json_decref(names);
	json_decref(again);
	return r;
}

/* Open the role keys with the key that is in hand; none at all is the answer that every failure gets. */
static int take_roles(struct childvault *cv, struct login *l)
{
	open_roles(l);
	return l->roles != 0 ? CHILDVAULT_OK : client_fail(cv, CHILDVAULT_KEY, SAME_ANSWER);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------- */

static int prepare(struct childvault *cv, struct login *l, const char *key_text, size_t key_n, const char *pass, size_t pass_n)
{
	int r;

	if (keyfile_decode(key_text, key_n, &l->file) != 0)
		return client_fail(cv, CHILDVAULT_KEY, "this is not a key file");
	if (l->file.protection == KEYFILE_PLAIN)
		return CHILDVAULT_OK;
	if (pass == NULL)
		return client_fail(cv, CHILDVAULT_KEY, "this key file wants its passphrase");
	if ((r = client_pass_of(&l->file, pass, pass_n, &l->pass)) == CV_ERR_ARG)
		return client_fail(cv, CHILDVAULT_KEY, "the key file's parameters are outside the allowed range");
	l->has_pass = r == 0;
	return r == 0 ? CHILDVAULT_OK : client_fail_local(cv, r);
}

int client_login(struct childvault *cv, const char *key_text, size_t key_n, const char *passphrase, size_t pass_n,
    const char *const *roles, size_t role_count, struct client_key *ret_key)
{
	struct login *l;
	int r;

	if (key_text == NULL || (roles == NULL && role_count != 0))
		return client_fail_local(cv, CV_ERR_ARG);
	if ((l = calloc(1, sizeof *l)) == NULL)
		return client_fail_local(cv, CV_ERR_NOMEM);
	buf_reset(&cv->new_key);
	wipe(cv->token, sizeof cv->token);
	cv->roles[0] = cv->expires[0] = 0;
	if ((r = prepare(cv, l, key_text, key_n, passphrase, pass_n)) != CHILDVAULT_OK ||
	    (r = say_hello(cv, l)) != CHILDVAULT_OK)
		goto out;
	if (open_key(l) != 0) {
		r = client_fail(cv, CHILDVAULT_KEY, SAME_ANSWER);
		goto out;
	}
	if ((r = take_roles(cv, l)) == CHILDVAULT_OK && (r = activate_wanted(cv, l, roles, role_count)) == CHILDVAULT_OK &&
	    (r = bind_key(cv, l)) == CHILDVAULT_OK && (r = client_check_head(cv)) == CHILDVAULT_OK && ret_key != NULL)
		*ret_key = l->key;
out:
	wipe(l, sizeof *l);
	free(l);
	return r;
}

int client_login_again(struct childvault *cv, const struct client_key *key, const char *const *roles, size_t role_count)
{
	struct login *l = calloc(1, sizeof *l);
	int r;

	if (l == NULL)
		return client_fail_local(cv, CV_ERR_NOMEM);
	wipe(cv->token, sizeof cv->token);
	cv->roles[0] = cv->expires[0] = 0;
	l->key = *key;
	memcpy(l->file.principal, key->principal, 16);
	if ((r = say_hello(cv, l)) == CHILDVAULT_OK && (r = take_roles(cv, l)) == CHILDVAULT_OK &&
	    (r = activate_wanted(cv, l, roles, role_count)) == CHILDVAULT_OK)
		r = client_check_head(cv);
	wipe(l, sizeof *l);
	free(l);
	return r;
}

/* The vault's answer to a new question, in a session of its own that ends at once. */
static int ask_anew(struct childvault *cv, struct login *l)
{
	json_t *names = NULL;
	int r;

	if ((r = say_hello(cv, l)) == CHILDVAULT_OK && (r = take_roles(cv, l)) == CHILDVAULT_OK &&
	    (r = activate(cv, l, all_of(l), &names)) == CHILDVAULT_OK)
		r = childvault_logout(cv);
	json_decref(names);
	return r;
}

int client_rewrap(struct childvault *cv, const struct client_key *key, const struct client_pass *pass, struct buf *ret)
{
	struct login *l = calloc(1, sizeof *l);
	int r = CHILDVAULT_OK;

	if (l == NULL)
		return client_fail_local(cv, CV_ERR_NOMEM);
	l->key = *key;
	memcpy(l->file.principal, key->principal, 16);
	if (pass != NULL) {
		l->pass = *pass;
		l->has_pass = true;
		if ((r = ask_anew(cv, l)) != CHILDVAULT_OK)
			goto out;
	}
	if (cv->has_vault)
		memcpy(l->key.vault, cv->vault, 16);
	if ((r = pass != NULL ? client_key_save_sealed(&l->key, pass, l->hello.answer, ret) : client_key_save(&l->key, ret)) != 0)
		r = client_fail_local(cv, r);
out:
	wipe(l, sizeof *l);
	free(l);
	return r;
}

int childvault_login(struct childvault *cv, const char *key_text, size_t key_n, const char *passphrase, size_t pass_n,
    const char *const *roles, size_t role_count)
{
	return client_login(cv, key_text, key_n, passphrase, pass_n, roles, role_count, NULL);
}

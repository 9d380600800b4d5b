#include "client/months.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "format/context.h"

/* ---- the ratchet ----------------------------------------------------------------------------------------------------- */

/* s_(m+1) = H_256(cv1.month.next, s_m): from a month to the next and never back. */
static void step(uint8_t state[32])
{
	uint8_t next[32];

	crypto_hash("cv1.month.next", state, 32, NULL, 0, next, sizeof next);
	memcpy(state, next, sizeof next);
	wipe(next, sizeof next);
}

/* The month's secret, from which neither the state nor another month follows: it may be lent. */
static void secret_of(const uint8_t state[32], uint32_t month, uint8_t ret[32])
{
	uint8_t m[4];
	const struct part part = { m, sizeof m };

	be32_put(m, month);
	crypto_hash("cv1.month.key", state, 32, &part, 1, ret, 32);
}

/* The state at a month that the ratchet holds. */
static void state_at(const struct client_months *m, uint32_t month, uint8_t ret[32])
{
	memcpy(ret, m->state, 32);
	for (uint32_t i = months_between(m->first, month); i > 0; i--)
		step(ret);
}

/* A leaf can name any month: one that nobody published is not looked for through centuries. */
static bool holds(const struct client_months *m, uint32_t month)
{
	return m->first != 0 && month >= m->first && months_between(m->first, month) < 12 * 100;
}

int client_months_secret(const struct client_months *m, uint32_t month, uint8_t ret[32])
{
	uint8_t state[32];

	for (unsigned i = 0; i < m->lent.n; i++)
		if (m->lent.month[i] == month) {
			memcpy(ret, m->lent.sk[i], 32);
			return 0;
		}
	if (!holds(m, month))
		return CV_ERR_NOKEY;
	state_at(m, month, state);
	secret_of(state, month, ret);
	wipe(state, sizeof state);
	return 0;
}

void client_months_begin(struct client_months *m, uint32_t month)
{
	wipe(m, sizeof *m);
	m->first = month;
	/* A ratchet is never begun from bytes that another one came from: months of two would open together. */
	crypto_random(m->state, sizeof m->state);
}

bool client_months_forget(struct client_months *m, uint32_t month)
{
	if (!holds(m, month))
		return false;
	month = clock_month_next(month);
	state_at(m, month, m->state);
	m->first = month;
	return true;
}

int client_months_publish(const struct client_key *key, const uint8_t vault[16], uint64_t made_ms, uint32_t first, unsigned n,
    uint8_t *ret_keys, uint8_t ret_signature[SIGN_BYTES])
{
	struct months_list list = { .made_ms = made_ms, .first = first, .n = n, .keys = ret_keys };
	uint8_t sk[32];
	struct buf b;
	uint32_t month = first;
	int r = n != 0 && n <= MONTHS_MAX ? 0 : CV_ERR_ARG;

	memcpy(list.vault, vault, 16);
	memcpy(list.auditor, key->principal, 16);
	buf_init(&b, MONTHS_SIGNED_MAX);
	for (unsigned i = 0; i < n && r == 0; i++, month = clock_month_next(month))
		if ((r = client_months_secret(&key->months, month, sk)) == 0)
			crypto_box_public(sk, ret_keys + (size_t)32 * i);
	if (r == 0 && (r = months_signed(&list, &b)) == 0)
		crypto_sign(key->sign_sk, b.p, b.n, ret_signature);
	wipe(sk, sizeof sk);
	buf_free(&b);
	return r;
}

/* ---- the file beside the key file ------------------------------------------------------------------------------------- */

/* Its key follows from the key file's own secret: it needs no passphrase of its own, and is worth nothing without that. */
static void file_key(const struct client_key *key, uint8_t ret[32])
{
	const struct part part = { key->principal, 16 };

	crypto_hash("cv1.month.file", key->box_sk, 32, &part, 1, ret, 32);
}

static void file_context(const uint8_t principal[16], const uint8_t vault[16], uint8_t ret[CONTEXT_BYTES])
{
	const struct context c = { .kind = CONTEXT_MONTHS, .vault = vault, .entity = principal, .length = MONTHS_SECRET };

	context_encode(&c, ret);
}

int client_months_save(const struct client_key *key, const uint8_t vault[16], struct buf *ret)
{
	uint8_t k[32], ctx[CONTEXT_BYTES], secret[MONTHS_SECRET];
	struct months_file f;

	memcpy(f.principal, key->principal, 16);
	memcpy(f.vault, vault, 16);
	be32_put(secret, key->months.first);
	be32_put(secret + 4, key->months.last);
	memcpy(secret + 8, key->months.state, 32);
	file_key(key, k);
	file_context(f.principal, vault, ctx);
	crypto_seal(k, ctx, secret, sizeof secret, f.sealed);
	wipe(k, sizeof k);
	wipe(secret, sizeof secret);
	return months_file_encode(&f, ret);
}

int client_months_open(struct client_key *key, const char *text, size_t n, uint8_t ret_vault[16])
{
	uint8_t k[32], ctx[CONTEXT_BYTES], secret[MONTHS_SECRET];
	struct months_file f;
	int r;

	if ((r = months_file_decode(text, n, &f)) != 0)
		return r;
	if (memcmp(f.principal, key->principal, 16) != 0)
		return CV_ERR_AUTH;
	file_key(key, k);
	file_context(f.principal, f.vault, ctx);
	if ((r = crypto_open(k, ctx, f.sealed, sizeof f.sealed, secret)) == 0) {
		memset(&key->months, 0, sizeof key->months);
		key->months.first = be32_get(secret);
		key->months.last = be32_get(secret + 4);
		memcpy(key->months.state, secret + 8, 32);
		memcpy(ret_vault, f.vault, 16);
	}
	wipe(k, sizeof k);
	wipe(secret, sizeof secret);
	return r;
}

/* ---- lent months ------------------------------------------------------------------------------------------------------ */

int client_months_lend(const struct client_key *key, const uint8_t vault[16], const uint32_t *month, size_t n, struct buf *ret)
{
	struct months_lent l = { .n = (unsigned)n };
	int r = n != 0 && n <= MONTHS_MAX ? 0 : CV_ERR_ARG;

	memcpy(l.principal, key->principal, 16);
	memcpy(l.vault, vault, 16);
	for (unsigned i = 0; i < n && r == 0; i++) {
		l.month[i] = month[i];
		r = client_months_secret(&key->months, month[i], l.sk[i]);
	}
	if (r == 0)
		r = months_lent_encode(&l, ret);
	wipe(&l, sizeof l);
	return r;
}

bool client_months_are_lent(const char *text, size_t n)
{
	const size_t line = strlen(MONTHS_LENT_LINE);

	return n >= line && memcmp(text, MONTHS_LENT_LINE, line) == 0;
}

int client_months_borrow(const char *text, size_t n, struct client_key *ret)
{
	struct months_lent l;
	int r;

	if ((r = months_lent_decode(text, n, &l)) != 0)
		return r;
	memset(ret, 0, sizeof *ret);
	memcpy(ret->principal, l.principal, 16);
	memcpy(ret->vault, l.vault, 16);
	ret->lent = true;
	ret->months.lent = l;
	wipe(&l, sizeof l);
	return 0;
}

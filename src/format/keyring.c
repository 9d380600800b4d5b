#include "format/keyring.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

#define FORMAT 1u
#define FORMAT_HOLDERS 2u	/* an unseal slot that names who holds its shares */
#define SUITE 1u
#define TYPE_QUORUM 1u
#define TYPE_PASSPHRASE 2u
#define TYPE_TPM 3u
#define TYPE_DEMO 0xFEu

static const uint8_t no_salt[16];

/* A name is shown on terminals while the vault is sealed: text without control characters. */
static bool holder_fits(const uint8_t *p, size_t n)
{
	uint32_t c;

	if (n > SLOT_HOLDER_MAX)
		return false;
	for (size_t used; n > 0; p += used, n -= used)
		if ((used = utf8_next((const char *)p, n, &c)) == 0 || c < 0x20 || (c >= 0x7F && c < 0xA0))
			return false;
	return true;
}

/* Bytes of the n names at the reader's place, which moves behind them; 0 if they are not well-formed or all empty. */
static size_t take_holders(struct rd *r, unsigned n)
{
	size_t bytes = 0;
	bool named = false;

	for (unsigned i = 0; i < n; i++) {
		uint8_t length = rd_u8(r);
		const uint8_t *p = rd_take(r, length);

		if (!rd_ok(r) || !holder_fits(p, length))
			return 0;
		named = named || length > 0;
		bytes += 1u + length;
	}
	return named ? bytes : 0;
}

/* Whether the names that are given are one for each share, and nothing else. */
static bool holders_fit(const struct slot_row *s)
{
	struct rd r = rd_over(s->holders, s->holders_n);

	return take_holders(&r, s->n) != 0 && rd_done(&r);
}

/*
 * A type has its own parameters and no others, so that a row has one spelling and a changed type does not go
 * unnoticed.
 */
static bool slot_fits(const struct slot_row *s)
{
	bool shares = s->k >= 1 && s->k <= s->n && s->n <= SLOT_SHARES_MAX;
	bool no_shares = s->k == 0 && s->n == 0;
	bool argon = s->argon_kib != 0 && s->argon_passes != 0;
	bool no_argon = s->argon_kib == 0 && s->argon_passes == 0 && memcmp(s->salt, no_salt, sizeof(no_salt)) == 0;

	if (s->holders != NULL && (s->type != TYPE_QUORUM || !holders_fit(s)))
		return false;
	switch (s->type) {
	case TYPE_QUORUM:
		return shares && no_argon;
	case TYPE_PASSPHRASE:
		return no_shares && argon;
	case TYPE_TPM:
	case TYPE_DEMO:
		return no_shares && no_argon;
	default:
		return false;
	}
}

int slot_row_decode(const uint8_t *p, size_t n, struct slot_row *ret)
{
	struct rd r = rd_over(p, n);
	uint8_t format = rd_u8(&r), suite = rd_u8(&r);
	struct slot_row s;

	s.type = rd_u8(&r);
	s.k = rd_u8(&r);
	s.n = rd_u8(&r);
	s.argon_kib = rd_u32(&r);
	s.argon_passes = rd_u32(&r);
	s.salt = rd_take(&r, 16);
	s.commits = rd_take(&r, (size_t)s.k * 32);
	s.holders = format == FORMAT_HOLDERS ? r.p : NULL;
	s.holders_n = format == FORMAT_HOLDERS && s.n <= SLOT_SHARES_MAX ? take_holders(&r, s.n) : 0;
	s.sealed = rd_take(&r, SLOT_SEALED);
	if (!rd_done(&r) || (format != FORMAT && format != FORMAT_HOLDERS) || suite != SUITE || !slot_fits(&s))
		return CV_ERR_FORMAT;
	*ret = s;
	return 0;
}

int slot_row_encode(const struct slot_row *s, struct buf *ret)
{
	if (!slot_fits(s))
		return CV_ERR_ARG;
	buf_u8(ret, s->holders != NULL ? FORMAT_HOLDERS : FORMAT);
	buf_u8(ret, SUITE);
	buf_u8(ret, s->type);
	buf_u8(ret, s->k);
	buf_u8(ret, s->n);
	buf_u32(ret, s->argon_kib);
	buf_u32(ret, s->argon_passes);
	buf_put(ret, s->salt, 16);
	buf_put(ret, s->commits, (size_t)s->k * 32);
	buf_put(ret, s->holders, s->holders_n);
	buf_put(ret, s->sealed, SLOT_SEALED);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

int keyring_row_decode(const uint8_t *p, size_t n, uint32_t *ret_epoch, const uint8_t **ret_sealed)
{
	struct rd r = rd_over(p, n);
	uint8_t format = rd_u8(&r), suite = rd_u8(&r);
	uint32_t epoch = rd_u32(&r);
	const uint8_t *sealed = rd_take(&r, KEYRING_SEALED);

	if (!rd_done(&r) || format != FORMAT || suite != SUITE || epoch == 0)
		return CV_ERR_FORMAT;
	*ret_epoch = epoch;
	*ret_sealed = sealed;
	return 0;
}

int keyring_row_encode(uint32_t epoch, const uint8_t *sealed, struct buf *ret)
{
	buf_u8(ret, FORMAT);
	buf_u8(ret, SUITE);
	buf_u32(ret, epoch);
	buf_put(ret, sealed, KEYRING_SEALED);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

void meta_key(const char *name, uint8_t ret[META_NAME])
{
	size_t n = strlen(name);

	assert(n >= 1 && n <= META_NAME);
	memset(ret, 0, META_NAME);
	memcpy(ret, name, n);
}

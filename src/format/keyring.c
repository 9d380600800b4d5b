#include "format/keyring.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

#define FORMAT 1u
#define SUITE 1u
#define TYPE_QUORUM 1u
#define TYPE_PASSPHRASE 2u
#define TYPE_TPM 3u
#define TYPE_DEMO 0xFEu

static const uint8_t no_salt[16];

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
	s.sealed = rd_take(&r, SLOT_SEALED);
	if (!rd_done(&r) || format != FORMAT || suite != SUITE || !slot_fits(&s))
		return CV_ERR_FORMAT;
	*ret = s;
	return 0;
}

int slot_row_encode(const struct slot_row *s, struct buf *ret)
{
	if (!slot_fits(s))
		return CV_ERR_ARG;
	buf_u8(ret, FORMAT);
	buf_u8(ret, SUITE);
	buf_u8(ret, s->type);
	buf_u8(ret, s->k);
	buf_u8(ret, s->n);
	buf_u32(ret, s->argon_kib);
	buf_u32(ret, s->argon_passes);
	buf_put(ret, s->salt, 16);
	buf_put(ret, s->commits, (size_t)s->k * 32);
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

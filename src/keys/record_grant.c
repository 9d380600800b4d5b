/* Data keys that an approver grants to one person: sealed to the personal role. FORMAT.md section 3, kind 25. */
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "keys/record_internal.h"

_Static_assert(GRANT_SEALED == CRYPTO_KEY + PKSEAL_OVERHEAD, "a sealed data key");

/*
 * The place binds the key to what was approved: moved to another record, class or generation, or to another person's grant, it
 * does not open.
 */
static void grant_context(const struct keys *k, const struct grant_place *at, uint16_t role, uint32_t epoch,
    uint8_t ret[CONTEXT_BYTES])
{
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_GRANT, .entity = at->record, .class_key = at->class_key, .epoch = epoch,
	    .generation = at->generation, .field = role, .version = at->birth_epoch, .writer = at->grantee, .length = CRYPTO_KEY),
	    ret);
}

int record_grant_seal(struct keys *k, const struct grant_place *at, const struct datakey *dk, uint16_t *ret_role,
    uint32_t *ret_epoch, uint8_t ret[GRANT_SEALED])
{
	uint8_t esk[32];
	int r;

	crypto_random(esk, sizeof(esk));
	r = record_grant_seal_with(k, at, dk, esk, ret_role, ret_epoch, ret);
	wipe(esk, sizeof(esk));
	return r;
}

int record_grant_seal_with(struct keys *k, const struct grant_place *at, const struct datakey *dk, const uint8_t esk[32],
    uint16_t *ret_role, uint32_t *ret_epoch, uint8_t ret[GRANT_SEALED])
{
	uint8_t ctx[CONTEXT_BYTES], pk[32], sealed[GRANT_SEALED];
	uint32_t epoch;
	uint16_t role;
	int r;

	if ((r = directory_personal(k, at->grantee, &role, &epoch, pk)) != 0)
		return r;
	grant_context(k, at, role, epoch, ctx);
	if ((r = crypto_pkseal_with(esk, pk, ctx, dk->opaque, CRYPTO_KEY, sealed)) != 0)
		return r;
	memcpy(ret, sealed, sizeof(sealed));
	*ret_role = role;
	*ret_epoch = epoch;
	return 0;
}

int record_grant_open(struct keys *k, const struct session *s, const struct grant_place *at, uint16_t role, uint32_t epoch,
    const uint8_t sealed[GRANT_SEALED], struct datakey *ret)
{
	uint8_t ctx[CONTEXT_BYTES], dk[CRYPTO_KEY] = { 0 };
	const uint8_t *sk = session_personal_key(s, role, epoch);
	int r = 0;

	if (sk == NULL)
		return CV_ERR_NOKEY;
	grant_context(k, at, role, epoch, ctx);
	/* What is wrong with it makes no difference: it is not what the approver sealed. */
	if (crypto_pkopen(sk, ctx, sealed, GRANT_SEALED, dk) != 0)
		r = CV_ERR_AUTH;
	else
		memcpy(ret->opaque, dk, CRYPTO_KEY);
	wipe(dk, sizeof(dk));
	return r;
}

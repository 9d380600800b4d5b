/* An operation's digests, its code and its signatures; operation_read.c holds its facts and items against it. */
#include "vault/operation.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/crypto.h"

#define MESSAGE (16u + 32u)

void operation_arguments_digest(const uint8_t *p, size_t n, uint8_t ret[32])
{
	crypto_hash("cv1.arguments", NULL, 0, &(struct part){ p, n }, 1, ret, 32);
}

struct operation_class operation_class_at(const struct operation_reading *r, unsigned i)
{
	const uint8_t *p = r->classes + (size_t)i * ITEM_CLASS_BYTES;

	return (struct operation_class){ be32_get(p), be32_get(p + 4) };
}

static int id_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

bool operation_names(const struct operation_reading *r, const uint8_t principal[16])
{
	return r->principal_count > 0 && bsearch(principal, r->principals, r->principal_count, 16, id_cmp) != NULL;
}

/* ---- signatures ------------------------------------------------------------------------------------------------------------ */

static void message_of(const char *label, const uint8_t digest[32], uint8_t ret[MESSAGE])
{
	memset(ret, 0, 16);
	memcpy(ret, label, strlen(label));
	memcpy(ret + 16, digest, 32);
}

/* What the second half of a signature is of; false: of nothing, and it is zeros. */
static bool second_message(const struct operation_reading *r, uint8_t ret[MESSAGE])
{
	if (r->op.change_n != 0)
		message_of("cv1.change", r->change.digest, ret);
	else if (r->policy_n != 0)
		message_of("cv1.policy", r->policy_digest, ret);
	else
		return false;
	return true;
}

void operation_sign(const struct operation_reading *r, const uint8_t sign_sk[64], uint8_t ret[OPERATION_SIGNATURE])
{
	uint8_t message[MESSAGE];

	message_of("cv1.operation", r->digest, message);
	crypto_sign(sign_sk, message, sizeof(message), ret);
	if (second_message(r, message))
		crypto_sign(sign_sk, message, sizeof(message), ret + 64);
	else
		memset(ret + 64, 0, 64);
}

bool operation_signed(const struct operation_reading *r, const uint8_t sign_pk[32], const uint8_t signature[OPERATION_SIGNATURE])
{
	static const uint8_t none[64];
	uint8_t message[MESSAGE];

	message_of("cv1.operation", r->digest, message);
	if (crypto_verify(sign_pk, message, sizeof(message), signature) != 0)
		return false;
	if (!second_message(r, message))
		return memcmp(signature + 64, none, sizeof(none)) == 0;
	return crypto_verify(sign_pk, message, sizeof(message), signature + 64) == 0;
}

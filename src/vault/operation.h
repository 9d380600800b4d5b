/*
 * An operation on the directory as people sign it: reading the document as a whole, holding it against itself, and the two signatures of
 * an administrator. docs/FORMAT.md 5.5. Core and the tools read with the same code. Pure.
 */
#ifndef CV_VAULT_OPERATION_H
#define CV_VAULT_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/operation.h"
#include "keys/directory.h"

struct operation_role {
	uint16_t role;
	uint32_t epoch;
};
/* An operation that adds a member. Pointers lead into the document. */
struct operation_reading {
	struct operation op;
	struct dir_change change;
	uint8_t digest[32];		/* H_256(cv1.operation, ; canonical bytes) */
	char code[10];			/* "0000 0000", for the telephone */
	struct principal principal;	/* who is added, login name and area among it */
	struct dir_person texts;
	struct operation_role roles[ROLE_WRAPS];	/* ordinary ones, ascending */
	unsigned role_count;
	uint16_t personal;
};
/*
 * Read a document. 0 or CV_ERR_FORMAT: its arguments are not those of the canonical bytes, change set and facts do not fit, or the facts
 * are not exactly one new principal, their new personal role and their memberships.
 */
int operation_read(const uint8_t *p, size_t n, struct operation_reading *ret);
/* Digest of arguments, for the canonical bytes. */
void operation_arguments_digest(const uint8_t *p, size_t n, uint8_t ret[32]);
/* Sign as one administrator: operation and change set. */
void operation_sign(const struct operation_reading *r, const uint8_t sign_sk[64], uint8_t ret[OPERATION_SIGNATURE]);
/* Whether both signatures are of this key. */
bool operation_signed(const struct operation_reading *r, const uint8_t sign_pk[32], const uint8_t signature[OPERATION_SIGNATURE]);

#endif

/*
 * An operation as people sign it: reading the document as a whole, holding it against itself, and the two signatures of an administrator.
 * docs/FORMAT.md 5.5. Core and the tools read with the same code. Pure.
 */
#ifndef CV_VAULT_OPERATION_H
#define CV_VAULT_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/operation.h"
#include "keys/directory.h"

struct operation_class {
	uint32_t class_key, epoch;
};
/* A new split of an unseal slot. */
struct operation_split {
	uint8_t slot, k, n;
	struct dir_text holder[DIR_SHARES_MAX];	/* n of them, not terminated */
};
/*
 * An operation. Pointers lead into the document; what the operation does not have is zero.
 *
 *	1 member added		principal (whole), texts, personal, roles
 *	2 roles given		principal (its id alone), roles: which it gets
 *	3 rekey			roles: in the epochs that end; classes: in the epochs that begin; principals: who is left out; flags;
 *				members, shares
 *	4 classes given		receiver, classes; roles: who brings them
 *	5 re-wrap		classes: in the epochs to which; roles: who brings them
 *	6 removed, 7 restored	principal (its id alone)
 *	8 policy		policy, its digest and version
 *	9 split			split
 */
struct operation_reading {
	struct operation op;
	struct dir_change change;	/* op.change_n is 0: none */
	uint8_t digest[32];		/* H_256(cv1.operation, ; canonical bytes) */
	char code[10];			/* "0000 0000", for the telephone */
	struct principal principal;
	struct dir_person texts;
	uint16_t personal;
	struct custody_role receiver;
	struct custody_role roles[CUSTODY_ROLES];	/* whose shares custodians bring, ascending */
	unsigned role_count;		/* 0: no custodians take part */
	const uint8_t *classes;		/* for operation_class_at, ascending */
	unsigned class_count;
	const uint8_t (*principals)[16];	/* ascending */
	unsigned principal_count;
	uint8_t flags;			/* OPERATION_NEW_CLASSES, OPERATION_REMOVED */
	unsigned members, shares;	/* memberships and custodians' shares of all new role epochs */
	const uint8_t *policy;
	size_t policy_n;
	uint8_t policy_digest[32];
	uint32_t policy_version;
	struct operation_split split;
};
/*
 * Read a document. 0 or CV_ERR_FORMAT: its arguments are not those of the canonical bytes, change set and facts do not fit, or facts and
 * items are not exactly those of such an operation (docs/FORMAT.md 5.5). Of a policy only its head is looked at.
 */
int operation_read(const uint8_t *p, size_t n, struct operation_reading *ret);
/* Class number i of a reading, i below class_count. */
struct operation_class operation_class_at(const struct operation_reading *r, unsigned i);
/* Whether the principal is among the reading's principals. */
bool operation_names(const struct operation_reading *r, const uint8_t principal[16]);
/* Digest of arguments, for the canonical bytes. */
void operation_arguments_digest(const uint8_t *p, size_t n, uint8_t ret[32]);
/* Sign as one administrator: the operation, and the change set or the policy document if it has one. */
void operation_sign(const struct operation_reading *r, const uint8_t sign_sk[64], uint8_t ret[OPERATION_SIGNATURE]);
/* Whether all of a signature is of this key and this operation. */
bool operation_signed(const struct operation_reading *r, const uint8_t sign_pk[32], const uint8_t signature[OPERATION_SIGNATURE]);

#endif

/*
 * Change sets behind the first: drafting one for each operation that changes facts, and the rows that it becomes once it is signed.
 * docs/FORMAT.md 5.2 and 5.5. Core's thread. Secrets that are drawn for a draft are sealed in it and forgotten before the call returns.
 */
#ifndef CV_KEYS_CHANGE_H
#define CV_KEYS_CHANGE_H

#include "base/buf.h"
#include "format/operation.h"
#include "keys/custody.h"
#include "keys/directory.h"

struct store;

#define CHANGE_CLASSES_MAX 256u	/* classes of one operation */

/* Sequence and digest (32 bytes) of the newest change set. */
uint32_t change_newest(const struct keys *k, uint8_t ret_digest[32]);
/* The ordinary roles of which the principal is a member in their newest epochs, whatever the dates; at most ROLE_WRAPS. How many. */
unsigned change_roles_of(const struct keys *k, const uint8_t principal[16], uint16_t ret[ROLE_WRAPS]);

/* ---- drafting ------------------------------------------------------------------------------------------------------------ */

/*
 * A drafted change: what an operation's arguments point to. Change set, facts and the items 2 to 5 are filled in, as far as the operation
 * has them; the caller adds the texts of a new principal. Freed by change_draft_free, also after a failure.
 */
struct change_draft {
	struct buf bytes;		/* what op points into */
	struct operation op;
};
void change_draft_free(struct change_draft *d);
/*
 * Operation 1: p joins with n ordinary roles (ascending, none for who needs none) and a personal role of its own, whose key pair is drawn
 * here and sealed to p alone. 0; CV_ERR_NOTFOUND: a role has no active epoch or no custody shares; CV_ERR_LIMIT: too many roles, or no
 * number is left for a personal one; CV_ERR_CRYPTO: a public key of low order; CV_ERR_NOMEM.
 */
int change_draft_member(struct keys *k, const struct principal *p, const uint16_t *roles, unsigned n, uint64_t now_ms,
    struct change_draft *ret);
/* Operation 2: p, who is there, gets n more roles (1 at least, ascending). As above, and CV_ERR_EXISTS: p has one of them. */
int change_draft_roles(struct keys *k, const struct principal *p, const uint16_t *roles, unsigned n, uint64_t now_ms,
    struct change_draft *ret);
/* A rekey. */
struct change_rekey {
	const uint16_t *roles;		/* 1 to CUSTODY_ROLES, in any order */
	unsigned role_count;
	const uint8_t (*out)[16];	/* principals who get nothing of the new epochs, in any order */
	unsigned out_count;
	bool classes;			/* every class that the roles hold gets a new epoch too */
	bool removed;			/* who is left out is to be removed for good */
};
/*
 * Operation 3: a new epoch of each role, sealed to its members who are neither suspended, removed, lapsed nor left out and whose dates are
 * not over, and shared among all custodians who may act (16 at most), as many of whom are needed as before. 0; CV_ERR_ARG: a role twice,
 * nobody left out who could be removed; CV_ERR_NOTFOUND: a role without active epoch or custody shares; CV_ERR_STATE: fewer custodians
 * than it needs; CV_ERR_LIMIT: more than a document takes (OPERATION_DOCUMENT_MAX); CV_ERR_CRYPTO; CV_ERR_NOMEM.
 */
int change_draft_rekey(struct keys *k, const struct change_rekey *c, uint64_t now_ms, struct change_draft *ret);
/*
 * Operation 4: a role gets n classes (1 to CHANGE_CLASSES_MAX, in any order), each in its newest epoch; one that the directory does not
 * have is made. 0; CV_ERR_ARG: a class twice, or no class's number; CV_ERR_EXISTS: the role holds one of them; CV_ERR_NOTFOUND: the role
 * has no active epoch or no custody shares, or no role with shares holds a class; CV_ERR_LIMIT; CV_ERR_CRYPTO; CV_ERR_NOMEM.
 */
int change_draft_classes(struct keys *k, uint16_t role, const uint32_t *class_keys, unsigned n, uint64_t now_ms, struct change_draft *ret);
/*
 * Roles (ascending, at most CUSTODY_ROLES) whose custodians can bring the newest epoch of each of n classes: a few, not always the fewest.
 * 0; CV_ERR_NOTFOUND: no role with custody shares holds one of them; CV_ERR_LIMIT.
 */
int change_cover(const struct keys *k, const uint32_t *class_keys, unsigned n, struct custody_role ret[CUSTODY_ROLES], unsigned *ret_n);

/* ---- carrying out -------------------------------------------------------------------------------------------------------- */

/* An administrator's signature of the change set. */
struct change_signature {
	uint8_t principal[16];
	const uint8_t *signature;	/* 64 bytes */
};
typedef int change_put(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n);
typedef int change_del(void *cookie, const uint8_t *key, size_t key_n);
/*
 * Call put and del for each row of the DIR table that a signed operation changes, the change set last: facts with what follows them,
 * keys that the ceremony c brings (NULL: none is needed) sealed anew, rows of old role epochs gone, marks of who is removed, copies of
 * texts for a new auditor. What was signed is the caller's to have checked, with operation_read; an operation that changes no row is
 * CV_ERR_ARG. 0; CV_ERR_AUTH: a combined key is not the role's, a class key not the class's; CV_ERR_NOTFOUND: a key that the ceremony does
 * not bring, a principal who is gone; CV_ERR_LIMIT; CV_ERR_CRYPTO; CV_ERR_NOMEM; or what put or del answered.
 */
int change_rows(struct keys *k, struct store *s, const struct operation *o, const struct change_signature *signatures, unsigned n,
    const struct custody *c, change_put *put, change_del *del, void *cookie);
/*
 * The secret key of a class epoch (FORMAT.md 5.2), by the roles whose shares the ceremony has, along history links from a newer epoch if
 * need be; ret is the caller's locked memory. 0; CV_ERR_NOTFOUND: no role of the ceremony leads there; CV_ERR_AUTH: what comes out is not
 * the secret of the class's public key, or a wrap does not open; CV_ERR_NOMEM.
 */
int change_class_secret(const struct keys *k, const struct custody *c, uint32_t class_key, uint32_t epoch, uint8_t ret[32]);
/*
 * Call put with a principal's row, another mark (DIR_MARK_*) in it and all else as it is. 0, CV_ERR_NOTFOUND (no such row), CV_ERR_FORMAT,
 * CV_ERR_IO, CV_ERR_NOMEM or what put answered.
 */
int change_mark(struct store *s, const uint8_t principal[16], uint8_t mark, change_put *put, void *cookie);

#endif

/*
 * Change sets behind the first: drafting one that brings a new principal into the directory, and the rows that it becomes once it is
 * signed. docs/FORMAT.md 5.2 and 5.5. Core's thread.
 */
#ifndef CV_KEYS_CHANGE_H
#define CV_KEYS_CHANGE_H

#include "format/operation.h"
#include "keys/directory.h"

struct custody;

/* Sequence and digest (32 bytes) of the newest change set. */
uint32_t change_newest(const struct keys *k, uint8_t ret_digest[32]);
/* Newest active epoch of an ordinary role. 0 or CV_ERR_NOTFOUND. */
int change_role_epoch(const struct keys *k, uint16_t role, uint32_t *ret);
/* The ordinary roles of which the principal is a member, whatever the dates; at most ROLE_WRAPS. Returns how many. */
unsigned change_roles_of(const struct keys *k, const uint8_t principal[16], uint16_t ret[ROLE_WRAPS]);

/* A drafted change: what an operation's arguments point to. Freed by change_draft_free. */
struct change_draft {
	struct operation op;		/* change set, facts and wrap are filled in */
	struct buf *bytes;
	uint8_t wrap[DIR_WRAP];
};
/*
 * Draft the change that adds p with n ordinary roles (ascending) and a personal role of its own, whose key pair is drawn here and sealed
 * to p alone. 0; CV_ERR_NOTFOUND: a role has no active epoch; CV_ERR_LIMIT: too many roles, or no number is left for a personal one;
 * CV_ERR_CRYPTO: a public key of low order; CV_ERR_NOMEM.
 */
int change_draft(struct keys *k, const struct principal *p, const uint16_t *roles, unsigned n, uint64_t now_ms,
    struct change_draft *ret);
void change_draft_free(struct change_draft *d);

/* An administrator's signature of the change set. */
struct change_signature {
	uint8_t principal[16];
	const uint8_t *signature;	/* 64 bytes */
};
/*
 * Call put for each row of a signed operation that adds a member, the change set last: texts sealed for the vault and for every auditor,
 * role keys combined by the ceremony and sealed to the new member. What was signed is the caller's to have checked.
 * 0; CV_ERR_AUTH: a combined key is not the role's; CV_ERR_NOTFOUND: a role without shares in the ceremony; CV_ERR_CRYPTO, CV_ERR_NOMEM, or
 * what put answered.
 */
int change_rows(struct keys *k, const struct operation *o, const struct change_signature *signatures, unsigned n,
    const struct custody *c, int (*put)(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n), void *cookie);

#endif

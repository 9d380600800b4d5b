/*
 * What the files of change share. Nothing outside them includes this.
 *
 *	change.c	members and roles of members; wraps
 *	change_draft.c	gathering facts into a change set
 *	change_rekey.c	new epochs
 *	change_classes.c	classes for a role; covers; class secrets from a ceremony
 *	change_rows.c	rows of a signed operation
 */
#ifndef CV_KEYS_CHANGE_INTERNAL_H
#define CV_KEYS_CHANGE_INTERNAL_H

#include "base/error.h"
#include "keys/change.h"
#include "keys/keys_internal.h"
#include "keys/vec.h"

/* Why writing to a buffer failed, or 0. */
static inline int change_fault(const struct buf *b)
{
	return buf_ok(b) ? 0 : b->poor ? CV_ERR_NOMEM : CV_ERR_LIMIT;
}
/*
 * Append a key (32 bytes) or a share sealed to pk, DIR_WRAP bytes, in the context of the row whose key it is: a member's, a grant's, a
 * custodian's (index is their share's), a class's (the link to the epoch before). 0, CV_ERR_CRYPTO, CV_ERR_NOMEM, CV_ERR_LIMIT.
 */
int change_wrap(const struct keys *k, const struct dir_key *key, uint8_t index, const uint8_t pk[32], const uint8_t secret[CRYPTO_KEY],
    struct buf *ret);

/* ---- change_draft.c ------------------------------------------------------------------------------------------------------ */

/* A draft while its facts are gathered, in any order of keys. */
struct drafting {
	struct keys *k;
	uint64_t now_ms;
	struct buf bytes;		/* facts, each with what follows it */
	struct vec places;		/* struct draft_place: where they are */
	struct buf item[ITEM_TAGS];	/* by tag */
};
void drafting_init(struct drafting *d, struct keys *k, uint64_t now_ms);
void drafting_free(struct drafting *d);

/*
 * One fact each, and what follows it in its row; where a secret is NULL that is made when the operation is carried out. 0, CV_ERR_CRYPTO,
 * CV_ERR_NOMEM, CV_ERR_LIMIT (more than a document takes).
 */
int drafting_principal(struct drafting *d, const struct principal *p);
int drafting_role(struct drafting *d, uint16_t role, uint32_t epoch, const struct dir_public *fact);
/* The link to the epoch before, if there is one, comes later. */
int drafting_class(struct drafting *d, uint32_t class_key, uint32_t epoch, const uint8_t pk[32]);
/* In the dates from, to; sealed to p. */
int drafting_member(struct drafting *d, const struct principal *p, uint16_t role, uint32_t epoch, uint64_t from_ms, uint64_t to_ms,
    const uint8_t *role_sk);
/* key is of type DIR_GRANT. */
int drafting_grant(struct drafting *d, const struct dir_key *key, const uint8_t *role_pk, const uint8_t *class_sk);
int drafting_custody(struct drafting *d, uint16_t role, uint32_t epoch, const struct principal *custodian, uint8_t index,
    const uint8_t share[32]);
/* Custodians bring this role's shares: calls ascend. */
void drafting_share(struct drafting *d, const struct custody_role *role);
/*
 * Sort the facts, put the change set behind the newest one, and give all of it away. 0; CV_ERR_ARG: a key twice; CV_ERR_LIMIT: more than a
 * document takes; CV_ERR_NOMEM. *ret is to be freed in any case.
 */
int drafting_finish(struct drafting *d, uint16_t operation, struct change_draft *ret);

/* ---- other parts ----------------------------------------------------------------------------------------------------------- */

/* The newest epoch of an ordinary role that custodians hold shares of; NULL if there is none. */
const struct role_entry *change_shared_role(const struct keys *k, uint16_t role);

#endif

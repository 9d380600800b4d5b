/*
 * Unseal slots that a quorum opens: splitting a fresh secret among holders, judging single shares, and collecting them until there are
 * enough. docs/FORMAT.md 2.7 and 5.4. Nothing here needs an unsealed vault.
 */
#ifndef CV_KEYS_QUORUM_H
#define CV_KEYS_QUORUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/share.h"
#include "keys/keys.h"

struct quorum;

#define QUORUM_MS (15u * 60 * 1000)	/* without a new share after which those that are in are forgotten */

/* What a share is to a slot. The numbers are PROTOCOL.md's, section 3. */
enum share_verdict {
	SHARE_GOOD = 0,
	SHARE_AGAIN = 1,		/* good, and in already */
	SHARE_BAD = 2,			/* of this split by its tag, and does not fit the commitments */
	SHARE_OTHER_VAULT = 3,
	SHARE_OTHER_SPLIT = 4		/* of this vault: an earlier or later split, or another slot's */
};

/*
 * Draw a secret for slot `slot` of the vault and split it: info gives k, n (1 <= k <= n <= SLOT_HOLDERS) and holders, and takes type and
 * commitments. ret_kek takes the slot's KEK, ret_shares the n shares of SHARE_BYTES each, in order. 0 or CV_ERR_ARG.
 */
int quorum_split(const uint8_t vault_id[16], unsigned slot, struct slot_info *info, uint8_t ret_kek[32], uint8_t *ret_shares)
    __attribute__((warn_unused_result));
/* Tag of the split that info describes, as its shares carry it. */
void quorum_tag(const uint8_t vault_id[16], unsigned slot, const struct slot_info *info, uint8_t ret[SHARE_TAG]);
/* Judge one share against the quorum slot s->slot of the vault, whose parameters are info: all verdicts but SHARE_AGAIN. */
enum share_verdict quorum_check(const uint8_t vault_id[16], const struct slot_info *info, const struct share *s)
    __attribute__((warn_unused_result));

/* A collection without shares, which takes no locked memory until there is one. 0 or CV_ERR_NOMEM. */
int quorum_new(struct quorum **ret);
/* Wipe and free; NULL is allowed. */
void quorum_free(struct quorum *q);
/* Forget all shares that are in. */
void quorum_wipe(struct quorum *q);
/*
 * Judge a share as quorum_check does and take it in if it is good and new. Shares of another split that were in are forgotten: the
 * slot has changed. now_ms is a monotonic time. 0, or CV_ERR_NOMEM (memory could not be locked) with *ret untouched.
 */
int quorum_enter(struct quorum *q, const uint8_t vault_id[16], const struct slot_info *info, const struct share *s, uint64_t now_ms,
    enum share_verdict *ret);
/* Which are in: bit i for share i + 1. */
uint16_t quorum_in(const struct quorum *q);
/* The slot's KEK, if as many are in as the slot needs. */
bool quorum_kek(const struct quorum *q, uint8_t ret[32]) __attribute__((warn_unused_result));
/* Forget them if the last one came QUORUM_MS ago. True if there were any to forget. */
bool quorum_sweep(struct quorum *q, uint64_t now_ms);

#endif

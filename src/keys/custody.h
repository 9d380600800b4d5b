/*
 * A ceremony of custodians: two of them open their shares of role keys to a key pair that core made for one request; each share is held
 * against its role's commitments, and as many as a role needs are combined in locked memory. docs/FORMAT.md 2.7 and 5.5. Core's thread.
 */
#ifndef CV_KEYS_CUSTODY_H
#define CV_KEYS_CUSTODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/directory.h"
#include "keys/directory.h"

struct custody;
struct keys;
struct store;

#define CUSTODY_MS (15u * 60 * 1000)	/* a ceremony's life */

/*
 * Begin a ceremony for a request (16 bytes) and n roles, 1 to CUSTODY_ROLES; its key pair is drawn. now_ms is monotonic. 0, CV_ERR_NOMEM
 * (memory could not be locked), CV_ERR_NOTFOUND (a role without custody shares), or why a row cannot be read.
 */
int custody_new(struct store *s, const uint8_t request[16], const struct custody_role *roles, unsigned n, uint64_t now_ms,
    struct custody **ret);
/* Wipe and free; NULL is allowed. */
void custody_free(struct custody *c);
const uint8_t *custody_request(const struct custody *c);	/* 16 bytes */
const uint8_t *custody_public(const struct custody *c);		/* 32 bytes, X25519 */
bool custody_over(const struct custody *c, uint64_t now_ms);
/* Append a custodian's own rows, in the order of the roles: u16 role, u32 epoch, u8 share index, PKSEAL. 0, CV_ERR_NOTFOUND: no share. */
int custody_rows(const struct custody *c, struct store *s, const uint8_t custodian[16], struct buf *ret);
/*
 * Take a custodian's shares, sealed to the ceremony in the order of the roles (kind 26), n bytes. 0; CV_ERR_EXISTS: they are in;
 * CV_ERR_FULL: as many custodians as are needed gave before; CV_ERR_FORMAT: another length; CV_ERR_AUTH: one does not open or does not
 * fit its commitments, and nothing is taken; CV_ERR_NOTFOUND: the custodian has no share.
 */
int custody_give(const struct keys *k, struct store *s, struct custody *c, const uint8_t custodian[16], const uint8_t *sealed, size_t n)
    __attribute__((warn_unused_result));
/* Custodian number i whose shares are in, or NULL behind the last; how many custodians every role needs at most. */
const uint8_t *custody_giver(const struct custody *c, unsigned i);
unsigned custody_needed(const struct custody *c);
bool custody_enough(const struct custody *c);

#endif

/*
 * What is sealed to an auditor, opened with their key: segment keys, bodies A of leaves, people. docs/FORMAT.md sections 3, 5.2
 * and 9. Pure; nothing here is shared between threads.
 */
#ifndef CV_CLIENT_AUDITOR_H
#define CV_CLIENT_AUDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/key.h"
#include "format/leaf.h"

#define AUDITOR_SEALED_KEY (CRYPTO_KEY + PKSEAL_OVERHEAD)
#define AUDITOR_PERSON_MAX 4096u	/* bytes of a sealed person */

/* A key segment: the key of the turn it has been ratcheted to, and the first one. Its holder wipes it. */
struct auditor_segment {
	uint8_t id[16];
	uint8_t first[CRYPTO_KEY];	/* K_0 */
	uint8_t now[CRYPTO_KEY];	/* K_turn */
	uint32_t turn;
};
/* A person as the vault knows them; texts end with a NUL. Its holder wipes it. */
struct client_person {
	uint8_t principal[16];
	char login[256], name[256], department[256], post[256], area[256];
	uint64_t vetted_ms;
};

/*
 * Open the AUDITOR_SEALED_KEY bytes that segment id of this vault (16 bytes each) has for the key's owner; month is that of the key that
 * they are sealed to, 0 for the owner's own. 0; CV_ERR_NOKEY: the key does not hold that month (any more), so the segment stays closed;
 * CV_ERR_AUTH: they are not, or not for them.
 */
int auditor_segment_open(const struct client_key *key, const uint8_t vault[16], const uint8_t id[16], uint32_t month,
    const uint8_t *sealed, struct auditor_segment *ret) __attribute__((warn_unused_result));
/* K_turn, valid until the next call on s. Turns come in order mostly: going back begins anew at the first key. */
const uint8_t *auditor_segment_key(struct auditor_segment *s, uint32_t turn);
/*
 * Open a sealed body A under the key of its turn. *ret_has_detail tells whether *ret_detail was written (no child). 0; CV_ERR_AUTH;
 * CV_ERR_FORMAT: it is clear, or does not hold what it should.
 */
int auditor_body_open(const uint8_t turn_key[CRYPTO_KEY], const struct leaf *l, struct leaf_actor *ret, bool *ret_has_detail,
    struct leaf_detail *ret_detail) __attribute__((warn_unused_result));
/*
 * Open the n bytes that are sealed to the key's owner about a principal. 0; CV_ERR_AUTH; CV_ERR_FORMAT (also for a length that no person
 * has).
 */
int auditor_person_open(const struct client_key *key, const uint8_t vault[16], const uint8_t principal[16], const uint8_t *sealed,
    size_t n, struct client_person *ret) __attribute__((warn_unused_result));

#endif

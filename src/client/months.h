/*
 * An auditor's month keys: secrets of months out of a ratchet that goes one way, so that what is forgotten cannot be made again, and the
 * two files that hold them. docs/FORMAT.md sections 9 and 12. Pure.
 */
#ifndef CV_CLIENT_MONTHS_H
#define CV_CLIENT_MONTHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/key.h"

/* The X25519 secret of a month. 0; CV_ERR_NOKEY: the month is forgotten, was not lent, or there are no month keys. The caller wipes it. */
int client_months_secret(const struct client_months *m, uint32_t month, uint8_t ret[32]) __attribute__((warn_unused_result));
/* Begin a ratchet at month, drawn anew: what another one opened stays closed to this one. */
void client_months_begin(struct client_months *m, uint32_t month);
/* Destroy the secrets of all months up to and with this one. False: it held none of them. */
bool client_months_forget(struct client_months *m, uint32_t month);
/*
 * The public keys of n months (1 to MONTHS_MAX) from first on, 32 bytes each, and the signature over that list with made_ms, as vault
 * takes them. 0, CV_ERR_NOKEY (first is forgotten), CV_ERR_ARG, CV_ERR_NOMEM.
 */
int client_months_publish(const struct client_key *key, const uint8_t vault[16], uint64_t made_ms, uint32_t first, unsigned n,
    uint8_t *ret_keys, uint8_t ret_signature[SIGN_BYTES]) __attribute__((warn_unused_result));

/* Append the file beside a key file, sealed under the key's own secret. 0, CV_ERR_NOMEM, CV_ERR_LIMIT. */
int client_months_save(const struct client_key *key, const uint8_t vault[16], struct buf *ret) __attribute__((warn_unused_result));
/*
 * Read n characters of it into key->months; ret_vault (16 bytes) is the vault that it is for. 0; CV_ERR_FORMAT; CV_ERR_AUTH: it is another
 * key's, or changed.
 */
int client_months_open(struct client_key *key, const char *text, size_t n, uint8_t ret_vault[16]) __attribute__((warn_unused_result));

/*
 * Append a file that opens the n months given, ascending, and nothing else. 0; CV_ERR_NOKEY: one of them is forgotten; CV_ERR_ARG,
 * CV_ERR_NOMEM, CV_ERR_LIMIT.
 */
int client_months_lend(const struct client_key *key, const uint8_t vault[16], const uint32_t *month, size_t n, struct buf *ret)
    __attribute__((warn_unused_result));
/* Whether n characters begin as such a file does; a key with nothing but its months. 0 or CV_ERR_FORMAT. client_key_clear wipes it. */
bool client_months_are_lent(const char *text, size_t n);
int client_months_borrow(const char *text, size_t n, struct client_key *ret) __attribute__((warn_unused_result));

#endif

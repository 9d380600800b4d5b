/*
 * Tokens and postings of blind indexes, docs/FORMAT.md 4.7. Core's thread; the vault is unsealed. index is an index's id, 1 to 8: it says
 * which keys of the keyring are its.
 */
#ifndef CV_KEYS_INDEX_H
#define CV_KEYS_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct keys;

#define POSTING_PLAIN 32u

/* The token of n bytes p, what index_normal gave; bits of it are kept, 0: all, as of an exact index, which has a label of its own. */
void keys_index_token(struct keys *k, uint16_t index, uint32_t epoch, uint8_t bits, const void *p, size_t n, uint8_t ret[16]);
/* Append the posting of a record under a token. 0 or CV_ERR_NOMEM. */
int keys_posting_seal(struct keys *k, uint16_t index, uint32_t epoch, const uint8_t token[16], const uint8_t record[16], struct buf *ret);
/* The record of a posting of n bytes c. 0, CV_ERR_FORMAT (length), CV_ERR_AUTH: it does not stand where it was put. */
int keys_posting_open(struct keys *k, uint16_t index, uint32_t epoch, const uint8_t token[16], const uint8_t *c, size_t n,
    uint8_t ret_record[16]);

#endif

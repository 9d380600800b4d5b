/*
 * Body B of a leaf: what happened to a child's file, docs/FORMAT.md section 9. It is sealed in two boxes, so that a receipt can open what
 * is told to the child's people without the rest. Pure but for the keys that are passed.
 */
#ifndef CV_AUDIT_BODY_H
#define CV_AUDIT_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "format/leaf.h"

/* What a leaf about a child opens with. Each hash is its key's part of the commitment, and tells nothing of the key. */
struct body_keys {
	uint8_t told[32], rest[32];
	uint8_t told_hash[32], rest_hash[32];
};
#define BODY_INPUT 28u
/* What keys of a leaf are derived over: segment id, turn, index. */
void body_input(const struct leaf *l, uint8_t ret[BODY_INPUT]);
/* The keys of leaf l of the child with this log key. The caller wipes them. */
void body_keys(const struct leaf *l, const uint8_t log_key[32], struct body_keys *ret);
/* The commitment in front of body B, over both hashes. */
void body_commit(const struct body_keys *k, uint8_t ret[32]);
/* The subject tag of leaf index under the child's day key (audit_day_key). */
void body_tag(const uint8_t day_key[16], uint64_t index, uint8_t ret[16]);
/*
 * Open the first box with its key and the other's hash: what is left of *ret stays as it was. 0; CV_ERR_AUTH: another key, or changed
 * bytes; CV_ERR_FORMAT: the leaf is about no child, or has other plaintext.
 */
int body_open_told(const struct leaf *l, const uint8_t key[32], const uint8_t rest_hash[32], struct leaf_detail *ret)
    __attribute__((warn_unused_result));
/* The second box likewise, with its own key and the first one's hash. */
int body_open_rest(const struct leaf *l, const uint8_t key[32], const uint8_t told_hash[32], struct leaf_detail *ret)
    __attribute__((warn_unused_result));
/* The hash of a key of leaf l, for who has both keys. */
void body_key_hash(const struct leaf *l, const uint8_t key[32], uint8_t ret[32]);

#endif

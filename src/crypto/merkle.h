/*
 * The Merkle tree of RFC 6962 over SHA-256: hashes, the frontier that grows it, proofs and their verification. Pure but
 * for the callback that reads hashes. A tree has fewer than 2^63 leaves.
 *
 * A complete subtree is named by its level (0: a leaf) and its index among those of the level.
 */
#ifndef CV_CRYPTO_MERKLE_H
#define CV_CRYPTO_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#define MERKLE_HASH 32u
#define MERKLE_PROOF_MAX 64u	/* hashes of a proof */
#define MERKLE_NOTE_MAX (9u + 64u * MERKLE_HASH)

/* The hash of a leaf of n bytes, and of an inner node; RFC 6962 section 2.1. */
void merkle_leaf(const void *p, size_t n, uint8_t ret[32]);
void merkle_node(const uint8_t left[32], const uint8_t right[32], uint8_t ret[32]);

/* The roots of the complete subtrees that a tree of size leaves consists of: one for each bit of size. */
struct merkle_frontier {
	uint64_t size;
	uint8_t hash[64][32];	/* by level; those whose bit of size is clear are undefined */
};
void merkle_begin(struct merkle_frontier *f);
/*
 * Add a complete subtree of 2^level leaves; size is a multiple of 2^level. If made is not NULL it hears of each inner node
 * above that level that this completes: its level, index, hash.
 */
void merkle_add(struct merkle_frontier *f, unsigned level, const uint8_t hash[32],
    void (*made)(void *cookie, unsigned level, uint64_t index, const uint8_t hash[32]), void *cookie);
/* The root; that of the empty tree is SHA-256 of nothing. */
void merkle_root(const struct merkle_frontier *f, uint8_t ret[32]);
/* Root of the tree whose leaves have these n hashes. */
void merkle_root_of(const uint8_t (*hash)[32], size_t n, uint8_t ret[32]);
/* Root over count values of size bytes each, which are the leaves themselves: epochs' public keys, FORMAT.md section 10. */
void merkle_root_over(const uint8_t *p, size_t count, size_t size, uint8_t ret[32]);
/* FORMAT.md 5.4, row "log": u64 size, u8 n, n hashes, the greatest subtree first. Returns the length. */
size_t merkle_note_encode(const struct merkle_frontier *f, uint8_t ret[MERKLE_NOTE_MAX]);
/* 0 or CV_ERR_FORMAT. */
int merkle_note_decode(const uint8_t *p, size_t n, struct merkle_frontier *ret);

/* Reads the hash of a complete subtree. 0 or CV_ERR_*. */
typedef int (*merkle_read)(void *cookie, unsigned level, uint64_t index, uint8_t ret[32]);
/*
 * Inclusion proof of leaf index in the tree of size leaves (index < size), RFC 6962 section 2.1.1. *ret_n is the number of
 * hashes in ret. 0, CV_ERR_ARG, or what read answered.
 */
int merkle_inclusion(uint64_t index, uint64_t size, merkle_read read, void *cookie, uint8_t ret[MERKLE_PROOF_MAX][32],
    unsigned *ret_n);
/* Consistency proof between the trees of size1 and size2 leaves (0 < size1 <= size2), section 2.1.2. The same results. */
int merkle_consistency(uint64_t size1, uint64_t size2, merkle_read read, void *cookie, uint8_t ret[MERKLE_PROOF_MAX][32],
    unsigned *ret_n);
/* Check them. 0 or CV_ERR_AUTH. Two trees of one size are consistent by their roots, without proof;
 * an empty tree proves nothing and is refused. */
int merkle_verify_inclusion(uint64_t index, uint64_t size, const uint8_t leaf_hash[32], const uint8_t (*proof)[32], unsigned n,
    const uint8_t root[32]) __attribute__((warn_unused_result));
int merkle_verify_consistency(uint64_t size1, uint64_t size2, const uint8_t root1[32], const uint8_t root2[32],
    const uint8_t (*proof)[32], unsigned n) __attribute__((warn_unused_result));

#endif

#include "crypto/merkle.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/crypto.h"

static const uint8_t leaf_prefix[1] = { 0x00 }, node_prefix[1] = { 0x01 };

void merkle_leaf(const void *p, size_t n, uint8_t ret[32])
{
	const struct part parts[] = { { leaf_prefix, 1 }, { p, n } };

	crypto_sha256(parts, 2, ret);
}

void merkle_node(const uint8_t left[32], const uint8_t right[32], uint8_t ret[32])
{
	const struct part parts[] = { { node_prefix, 1 }, { left, 32 }, { right, 32 } };

	crypto_sha256(parts, 3, ret);
}

/* ---- growing ---------------------------------------------------------------------------------------------------- */

void merkle_begin(struct merkle_frontier *f)
{
	f->size = 0;
}

void merkle_add(struct merkle_frontier *f, unsigned level, const uint8_t hash[32],
    void (*made)(void *cookie, unsigned level, uint64_t index, const uint8_t hash[32]), void *cookie)
{
	uint64_t step = (uint64_t)1 << level;
	uint8_t h[32];

	assert((f->size & (step - 1)) == 0 && f->size + step > f->size);
	memcpy(h, hash, 32);
	/* Adding one to a number: each set bit from this level on is a left neighbour that becomes part of a greater node. */
	for (; (f->size >> level) & 1; level++) {
		merkle_node(f->hash[level], h, h);
		if (made != NULL)
			made(cookie, level + 1, f->size >> (level + 1), h);
	}
	memcpy(f->hash[level], h, 32);
	f->size += step;
}

void merkle_root(const struct merkle_frontier *f, uint8_t ret[32])
{
	bool any = false;

	for (unsigned level = 0; level < 64; level++) {
		if (((f->size >> level) & 1) == 0)
			continue;
		if (any)
			merkle_node(f->hash[level], ret, ret);
		else
			memcpy(ret, f->hash[level], 32);
		any = true;
	}
	if (!any)
		crypto_sha256(NULL, 0, ret);
}

void merkle_root_of(const uint8_t (*hash)[32], size_t n, uint8_t ret[32])
{
	struct merkle_frontier f;

	merkle_begin(&f);
	for (size_t i = 0; i < n; i++)
		merkle_add(&f, 0, hash[i], NULL, NULL);
	merkle_root(&f, ret);
}

void merkle_root_over(const uint8_t *p, size_t count, size_t size, uint8_t ret[32])
{
	struct merkle_frontier f;
	uint8_t h[32];

	merkle_begin(&f);
	for (size_t i = 0; i < count; i++) {
		merkle_leaf(p + i * size, size, h);
		merkle_add(&f, 0, h, NULL, NULL);
	}
	merkle_root(&f, ret);
}

size_t merkle_note_encode(const struct merkle_frontier *f, uint8_t ret[MERKLE_NOTE_MAX])
{
	uint8_t *p = ret + 9;

	be64_put(ret, f->size);
	for (unsigned level = 64; level-- > 0;) {
		if (((f->size >> level) & 1) == 0)
			continue;
		memcpy(p, f->hash[level], 32);
		p += 32;
	}
	ret[8] = (uint8_t)((size_t)(p - ret - 9) / 32);
	return (size_t)(p - ret);
}

int merkle_note_decode(const uint8_t *p, size_t n, struct merkle_frontier *ret)
{
	struct rd r = rd_over(p, n);
	uint64_t size = rd_u64(&r);
	unsigned count = rd_u8(&r);

	/* A row cut before the count reads as an empty tree: rd_left is 0 after an error too. */
	if (!rd_ok(&r) || count != (unsigned)__builtin_popcountll(size) || rd_left(&r) != (size_t)count * 32 || size >> 63 != 0)
		return CV_ERR_FORMAT;
	ret->size = size;
	for (unsigned level = 64; level-- > 0;)
		if ((size >> level) & 1)
			rd_copy(&r, ret->hash[level], 32);
	return 0;
}

/* ---- proofs ----------------------------------------------------------------------------------------------------- */

/* Root of the leaves lo..hi-1, a subtree of some tree's recursion: lo is a multiple of a power of two >= hi - lo. */
static int range_root(uint64_t lo, uint64_t hi, merkle_read read, void *cookie, uint8_t ret[32])
{
	bool any = false;
	uint8_t h[32];
	int r;

	/* Complete subtrees from the right, each the left neighbour of what is there already. */
	while (hi > lo) {
		unsigned level = (unsigned)__builtin_ctzll(hi);

		while (hi - ((uint64_t)1 << level) < lo)
			level--;
		if ((r = read(cookie, level, (hi >> level) - 1, h)) != 0)
			return r;
		if (any)
			merkle_node(h, ret, ret);
		else
			memcpy(ret, h, 32);
		any = true;
		hi -= (uint64_t)1 << level;
	}
	return 0;
}

/* The greatest power of two below n, for n at least 2. */
static uint64_t split(uint64_t n)
{
	return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

static void reverse(uint8_t (*p)[32], unsigned n)
{
	uint8_t h[32];

	for (unsigned i = 0; i < n / 2; i++) {
		memcpy(h, p[i], 32);
		memcpy(p[i], p[n - 1 - i], 32);
		memcpy(p[n - 1 - i], h, 32);
	}
}

int merkle_inclusion(uint64_t index, uint64_t size, merkle_read read, void *cookie, uint8_t ret[MERKLE_PROOF_MAX][32],
    unsigned *ret_n)
{
	uint64_t lo = 0, hi = size, mid;
	unsigned n = 0;
	int r;

	if (index >= size || size >> 63 != 0)
		return CV_ERR_ARG;
	/* PATH of the RFC from the root down; the proof lists it from the leaf up. */
	while (hi - lo > 1) {
		mid = lo + split(hi - lo);
		if (index < mid) {
			r = range_root(mid, hi, read, cookie, ret[n++]);
			hi = mid;
		} else {
			r = range_root(lo, mid, read, cookie, ret[n++]);
			lo = mid;
		}
		if (r != 0)
			return r;
	}
	reverse(ret, n);
	*ret_n = n;
	return 0;
}

int merkle_consistency(uint64_t size1, uint64_t size2, merkle_read read, void *cookie, uint8_t ret[MERKLE_PROOF_MAX][32],
    unsigned *ret_n)
{
	uint64_t lo = 0, hi = size2, mid;
	unsigned n = 0;
	int r;

	if (size1 == 0 || size1 > size2 || size2 >> 63 != 0)
		return CV_ERR_ARG;
	/* SUBPROOF of the RFC; the first tree's root itself is left out while its subtree starts at leaf 0. */
	while (size1 < hi) {
		mid = lo + split(hi - lo);
		if (size1 <= mid) {
			r = range_root(mid, hi, read, cookie, ret[n++]);
			hi = mid;
		} else {
			r = range_root(lo, mid, read, cookie, ret[n++]);
			lo = mid;
		}
		if (r != 0)
			return r;
	}
	if (lo != 0 && (r = range_root(lo, hi, read, cookie, ret[n++])) != 0)
		return r;
	reverse(ret, n);
	*ret_n = n;
	return 0;
}

int merkle_verify_inclusion(uint64_t index, uint64_t size, const uint8_t leaf_hash[32], const uint8_t (*proof)[32], unsigned n,
    const uint8_t root[32])
{
	uint64_t node = index, last = size - 1;
	uint8_t h[32];

	if (index >= size)
		return CV_ERR_AUTH;
	/* RFC 9162 section 2.1.3.2. */
	memcpy(h, leaf_hash, 32);
	for (unsigned i = 0; i < n; i++) {
		if (last == 0)
			return CV_ERR_AUTH;
		if ((node & 1) != 0 || node == last) {
			merkle_node(proof[i], h, h);
			while ((node & 1) == 0 && node != 0) {
				node >>= 1;
				last >>= 1;
			}
		} else {
			merkle_node(h, proof[i], h);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && memcmp(h, root, 32) == 0 ? 0 : CV_ERR_AUTH;
}

int merkle_verify_consistency(uint64_t size1, uint64_t size2, const uint8_t root1[32], const uint8_t root2[32],
    const uint8_t (*proof)[32], unsigned n)
{
	uint64_t node, last;
	uint8_t h1[32], h2[32];
	unsigned i = 0;

	if (size1 == size2 && size1 > 0)
		return n == 0 && memcmp(root1, root2, 32) == 0 ? 0 : CV_ERR_AUTH;
	if (size1 == 0 || size1 > size2 || n == 0)
		return CV_ERR_AUTH;
	/* RFC 9162 section 2.1.4.2. */
	node = size1 - 1;
	last = size2 - 1;
	for (; (node & 1) != 0; node >>= 1)
		last >>= 1;
	memcpy(h1, node == 0 ? root1 : proof[i++], 32);
	memcpy(h2, h1, 32);
	for (; i < n; i++) {
		if (last == 0)
			return CV_ERR_AUTH;
		if ((node & 1) != 0 || node == last) {
			merkle_node(proof[i], h1, h1);
			merkle_node(proof[i], h2, h2);
			while ((node & 1) == 0 && node != 0) {
				node >>= 1;
				last >>= 1;
			}
		} else {
			merkle_node(h2, proof[i], h2);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && memcmp(h1, root1, 32) == 0 && memcmp(h2, root2, 32) == 0 ? 0 : CV_ERR_AUTH;
}

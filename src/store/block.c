/* A block's bytes (docs/FORMAT.md section 7). */
#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "store/store_internal.h"

size_t item_read(const uint8_t *p, struct item *ret)
{
	ret->op = p[0];
	ret->table = 0;
	ret->key_n = 0;
	ret->key = NULL;
	ret->val_n = 0;
	ret->val = NULL;
	if (ret->op == ITEM_LEAF) {
		ret->val_n = be16_get(p + 1);
		ret->val = p + ITEM_LEAF_HEAD;
		return ITEM_LEAF_HEAD + (size_t)ret->val_n;
	}
	ret->table = p[1];
	ret->key_n = p[2];
	if (ret->op == ITEM_DEL) {
		ret->key = p + ITEM_DEL_HEAD;
		return ITEM_DEL_HEAD + (size_t)ret->key_n;
	}
	ret->val_n = be32_get(p + 3);
	ret->key = p + ITEM_PUT_HEAD;
	ret->val = ret->key + ret->key_n;
	return ITEM_PUT_HEAD + (size_t)ret->key_n + ret->val_n;
}

size_t leaf_read(const uint8_t *p, struct store_leaf *ret)
{
	ret->n = be16_get(p);
	ret->p = p + 2;
	return 2 + ret->n;
}

/* Bytes of the leaves of b as leaf_read takes them; copied to p, unless that is NULL. */
static size_t leaves_copy(const struct block *b, uint8_t *p)
{
	size_t off = BLOCK_HEAD, n = 0;
	struct item it;

	for (uint32_t left = b->leaves; left > 0;) {
		const uint8_t *at = b->p + off;

		off += item_read(at, &it);
		if (it.op != ITEM_LEAF)
			continue;
		/* An item but its first byte. */
		if (p != NULL)
			memcpy(p + n, at + 1, 2 + (size_t)it.val_n);
		n += 2 + (size_t)it.val_n;
		left--;
	}
	return n;
}

int block_keep_leaves(const struct block *b, uint8_t **ret, uint32_t *ret_n)
{
	size_t n = leaves_copy(b, NULL);
	uint8_t *p = NULL;

	if (n > 0 && (p = malloc(n)) == NULL)
		return CV_ERR_NOMEM;
	if (n > 0)
		(void)leaves_copy(b, p);
	*ret = p;
	*ret_n = (uint32_t)n;
	return 0;
}

static void head_write(const struct block *b, uint8_t *p)
{
	memcpy(p, "CVJB", 4);
	p[4] = BLOCK_FORMAT;
	p[5] = b->flags;
	be16_put(p + 6, 0);
	be64_put(p + 8, b->seq);
	be64_put(p + 16, b->first_leaf);
	be32_put(p + 24, b->leaves);
	be32_put(p + 28, b->puts);
	be32_put(p + 32, b->n);
	be32_put(p + 36, 0);
}

size_t block_total(size_t end)
{
	return (end + BLOCK_TAIL + 7) & ~(size_t)7;
}

void block_seal(struct block *b, struct buf *turn, const struct store_hooks *h)
{
	uint8_t *p;

	/* Zeros up to where the MAC and the checksum end at a multiple of 8. */
	b->n = (uint32_t)block_total(turn->n);
	buf_zero(turn, b->n - BLOCK_TAIL - turn->n);
	head_write(b, turn->p);
	h->mac(h->cookie, b->prev, turn->p, turn->n, b->mac);
	buf_put(turn, b->mac, STORE_MAC);
	buf_u32(turn, crc32c(turn->p, turn->n));
	p = buf_add(turn, BLOCK_MIN);
	assert(p != NULL && buf_ok(turn));
	memset(p, 0, BLOCK_MIN);
}

bool block_head(const uint8_t *p, size_t n, size_t max, uint32_t *ret_n, uint64_t *ret_seq)
{
	uint32_t len;

	if (n < BLOCK_HEAD || memcmp(p, "CVJB", 4) != 0 || p[4] != BLOCK_FORMAT)
		return false;
	len = be32_get(p + 32);
	if (len < BLOCK_MIN || len % 8 != 0 || len > max)
		return false;
	*ret_n = len;
	*ret_seq = be64_get(p + 8);
	return true;
}

bool block_sum_ok(const uint8_t *p, uint32_t n)
{
	return crc32c(p, n - 4) == be32_get(p + n - 4);
}

/* One item of a block that came from a file; false if it is not one. */
static bool item_check(struct rd *r, struct block *b)
{
	uint8_t op = rd_u8(r), table, key_n;
	size_t val_n = 0;

	if (op == ITEM_LEAF) {
		val_n = rd_u16(r);
		b->leaves++;
		return val_n > 0 && rd_take(r, val_n) != NULL;
	}
	table = rd_u8(r);
	key_n = rd_u8(r);
	if ((op != ITEM_PUT && op != ITEM_DEL) || table == 0 || table >= STORE_TABLES || key_n == 0)
		return false;
	if (op == ITEM_PUT)
		val_n = rd_u32(r);
	b->puts++;
	return val_n <= STORE_VALUE_MAX && rd_take(r, key_n) != NULL && rd_take(r, val_n) != NULL;
}

int block_check(struct block *b)
{
	struct rd r = rd_over(b->p, b->n - BLOCK_TAIL);
	uint32_t leaves, puts;

	(void)rd_take(&r, 5);	/* magic and format: block_head has seen them */
	b->flags = rd_u8(&r);
	if ((b->flags & ~BLOCK_CLEAN) != 0 || rd_u16(&r) != 0)
		return CV_ERR_FORMAT;
	b->seq = rd_u64(&r);
	b->first_leaf = rd_u64(&r);
	leaves = rd_u32(&r);
	puts = rd_u32(&r);
	if (rd_u32(&r) != b->n || rd_u32(&r) != 0)
		return CV_ERR_FORMAT;
	b->leaves = b->puts = 0;
	while (b->leaves < leaves || b->puts < puts) {
		if (!item_check(&r, b) || b->leaves > leaves || b->puts > puts)
			return CV_ERR_FORMAT;
	}
	if (rd_left(&r) >= 8 || ((b->flags & BLOCK_CLEAN) != 0 && leaves + puts != 0))
		return CV_ERR_FORMAT;
	while (rd_left(&r) > 0) {
		if (rd_u8(&r) != 0)
			return CV_ERR_FORMAT;
	}
	memcpy(b->mac, b->p + b->n - BLOCK_TAIL, STORE_MAC);
	return 0;
}

void block_free(struct block *b)
{
	if (b == NULL)
		return;
	free(b->own);
	free(b);
}

void block_free_list(struct block *b)
{
	while (b != NULL) {
		struct block *next = b->next;

		block_free(b);
		b = next;
	}
}

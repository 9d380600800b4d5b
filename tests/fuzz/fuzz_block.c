/* Journal blocks, FORMAT.md section 7: what replay reads after the checksum has passed. */
#include "fuzz.h"
#include "store/store_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct block b = { .p = (uint8_t *)(uintptr_t)data, .n = (uint32_t)size };
	struct item x;
	uint32_t n, count = 0, leaves = 0;
	uint64_t seq;
	size_t at = BLOCK_HEAD;

	if (size > UINT32_MAX || !block_head(data, size, size, &n, &seq))
		return 0;
	MUST(n <= size && n >= BLOCK_MIN);
	b.n = n;
	(void)block_sum_ok(data, n);
	if (block_check(&b) != 0)
		return 0;
	MUST(b.seq == seq);
	for (count = 0; count < b.puts + b.leaves; count++) {
		at += item_read(data + at, &x);
		MUST(at <= n && x.val_n <= n && (x.op == ITEM_LEAF ? x.val_n > 0 : x.key_n > 0));
		leaves += x.op == ITEM_LEAF;
	}
	MUST(leaves == b.leaves && block_total(at) == n);
	return 0;
}

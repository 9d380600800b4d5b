/* Heads: prefix and plaintext, FORMAT.md 4.1. */
#include "format/head.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct head h, again;
	static uint8_t plain[HEAD_PLAIN_MAX];
	uint8_t record[16], prefix[HEAD_PREFIX];
	uint32_t epoch, slot;
	size_t n;

	if (head_prefix_decode(data, size, &epoch, &slot, record) == 0) {
		head_prefix_encode(epoch, slot, record, prefix);
		MUST(memcmp(prefix, data, HEAD_PREFIX) == 0);
	}
	if (head_decode(data, size, &h) != 0)
		return 0;
	for (unsigned i = 0; i < h.classes; i++)
		MUST(head_class_find(&h, h.class[i].class_key) == &h.class[i]);
	MUST(head_encode(&h, plain, &n) == 0);
	MUST(n == size && memcmp(plain, data, n) == 0);
	/* One class more, where there is room: still a head. */
	again = h;
	if (head_class_add(&again, 0x12340000) != NULL)
		MUST(head_encode(&again, plain, &n) == 0 && head_decode(plain, n, &again) == 0);
	return 0;
}

/* Heads: prefix and plaintext, FORMAT.md 4.1. */
#include "format/head.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct head h, again;
	uint8_t record[16], prefix[HEAD_PREFIX];
	uint32_t epoch, slot;
	struct buf b;

	if (head_prefix_decode(data, size, &epoch, &slot, record) == 0) {
		head_prefix_encode(epoch, slot, record, prefix);
		MUST(memcmp(prefix, data, HEAD_PREFIX) == 0);
	}
	if (head_decode(data, size, &h) != 0)
		return 0;
	for (unsigned i = 0; i < h.classes; i++)
		MUST(head_class_find(&h, h.class[i].class_key) == &h.class[i]);
	buf_init(&b, HEAD_PLAIN_MAX);
	MUST(head_encode(&h, &b) == 0);
	/* One class more, where there is room: still a head. */
	again = h;
	if (head_class_add(&again, 0x12340000) != NULL) {
		struct buf more;

		buf_init(&more, HEAD_PLAIN_MAX);
		MUST(head_encode(&again, &more) == 0);
		buf_free(&more);
	}
	must_be(&b, data, size);
	return 0;
}

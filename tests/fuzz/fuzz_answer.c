/* What clients read from the daemon: heads and chunk sizes of HTTP answers, slots of admin.sock. */
#include "client/admin.h"
#include "client/answer.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct answer_head h;
	struct admin_slot slot;
	size_t chunk;
	int r;

	r = answer_head_parse(p, size, &h);
	if (r > 0) {
		MUST((size_t)r <= size && h.status >= 100 && h.status <= 599 && h.headers <= ANSWER_HEADERS);
		MUST(h.length <= ANSWER_BODY_MAX && !(h.chunked && h.length != 0));
		for (unsigned i = 0; i < h.headers; i++)
			MUST(h.header[i].name >= p && h.header[i].value + h.header[i].value_n <= p + r);
		/* Whole with all its bytes, so it must ask for more with fewer. */
		MUST(answer_head_parse(p, (size_t)r - 1, &h) <= 0);
	}
	r = answer_chunk_parse(p, size, &chunk);
	MUST(r <= 0 || ((size_t)r <= size && chunk <= ANSWER_BODY_MAX));
	(void)admin_slot_decode(data, size, &slot);
	return 0;
}

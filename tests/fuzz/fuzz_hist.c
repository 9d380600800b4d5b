/* What a change of a record wrote, FORMAT.md 4.6. */
#include "format/hist.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hist_walk walk;
	struct hist_row x, found;
	struct buf b;
	int r, first;

	if (hist_open(data, size, &walk) != 0)
		return 0;
	MUST(walk.nonce == data + 2);
	buf_init(&b, 1 << 20);
	hist_begin(&b, walk.nonce);
	while ((r = hist_next(&walk, &x)) == 1) {
		MUST(x.p > data && x.p + x.n <= data + size && x.class_key > 0 && x.generation > 0 && x.version > 0);
		hist_put(&b, &x);
		first = hist_find(data, size, x.class_key, &found);
		MUST(x.what == HIST_DROP || (first == 0 && found.class_key == x.class_key && found.what == HIST_ROW));
	}
	if (r == 0)
		must_be(&b, data, size);
	buf_free(&b);
	return 0;
}

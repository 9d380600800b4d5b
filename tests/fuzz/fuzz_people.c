/* The file people of an auditor's export: FORMAT.md section 10. */
#include "format/people.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct people_item item;
	struct people x;
	struct buf b;
	int r;

	if (people_read(p, n, &x) != 0)
		return 0;
	buf_init(&b, PEOPLE_MAX);
	people_head_put(x.vault, x.auditor, x.n, &b);
	while ((r = people_next(&x, &item)) == 1) {
		MUST(item.sealed >= p && item.sealed + item.sealed_n <= p + n);
		people_item_put(&item, &b);
	}
	if (r == 0)
		must_be(&b, p, n);
	else
		buf_free(&b);
	return 0;
}

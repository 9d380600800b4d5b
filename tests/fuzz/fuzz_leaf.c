/* Leaves of the log and the plaintexts of their bodies, FORMAT.md section 9. */
#include "format/leaf.h"
#include "fuzz.h"

static void leaf(const uint8_t *p, size_t n)
{
	struct leaf l;
	struct buf b;

	if (leaf_decode(p, n, &l) != 0)
		return;
	MUST(l.header == p && l.header_n == LEAF_HEADER + (l.state_hash != NULL ? 32u : 0u));
	buf_init(&b, 1 << 20);
	MUST(leaf_header_encode(&l, &b) == 0);
	buf_u16(&b, l.body_a_n);
	buf_put(&b, l.body_a, l.body_a_n);
	buf_u16(&b, l.body_b_n);
	buf_put(&b, l.body_b, l.body_b_n);
	must_be(&b, p, n);
}

static void actor(const uint8_t *p, size_t n)
{
	struct leaf_detail d;
	struct leaf_actor a;
	struct buf b;
	int has_detail;

	if (leaf_actor_decode(p, n, &a, &has_detail, &d) != 0)
		return;
	buf_init(&b, 1 << 20);
	MUST(leaf_actor_encode(&a, has_detail ? &d : NULL, &b) == 0);
	must_be(&b, p, n);
}

static void told(const uint8_t *p, size_t n)
{
	struct leaf_detail d = { .view = 0 };
	struct buf b;

	if (leaf_told_decode(p, n, &d) != 0)
		return;
	MUST(d.classes <= LEAF_CLASSES_MAX);
	buf_init(&b, 1 << 20);
	MUST(leaf_told_encode(&d, &b) == 0);
	must_be(&b, p, n);
}

static void rest(const uint8_t *p, size_t n)
{
	struct leaf_detail d = { .view = 0 };
	struct buf b;

	if (leaf_rest_decode(p, n, &d) != 0)
		return;
	MUST(d.bitmap_n <= sizeof(d.bitmap) && d.case_n <= LEAF_CASE_MAX && d.reason_n <= LEAF_REASON_MAX);
	buf_init(&b, 1 << 20);
	MUST(leaf_rest_encode(&d, &b) == 0);
	must_be(&b, p, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	leaf(data, size);
	actor(data, size);
	told(data, size);
	rest(data, size);
	return 0;
}

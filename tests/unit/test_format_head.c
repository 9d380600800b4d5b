/* format: heads in the clear, FORMAT.md 4.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "record_samples.h"

static struct head back;	/* where tests decode to */

static size_t encode(const struct head *h, uint8_t *ret)
{
	struct buf b;
	size_t n;

	buf_init(&b, 1 << 16);
	assert_int_equal(head_encode(h, &b), 0);
	n = b.n;
	memcpy(ret, b.p, n);
	buf_free(&b);
	return n;
}

static void head_gives_the_known_answer(void **state)
{
	uint8_t want[SAMPLE_MAX], out[SAMPLE_MAX];
	struct head h;
	size_t n = sample("head_plain", want);

	(void)state;
	sample_head(&h);
	assert_int_equal(encode(&h, out), n);
	assert_memory_equal(out, want, n);
}

static void head_comes_back_as_it_was(void **state)
{
	uint8_t p[SAMPLE_MAX];
	struct head h;
	size_t n = sample("head_plain", p);

	(void)state;
	sample_head(&h);
	memset(&back, 0, sizeof(back));
	memcpy(back.record, h.record, 16);
	back.shred_slot = h.shred_slot;
	assert_int_equal(head_decode(p, n, &back), 0);
	assert_memory_equal(&back, &h, sizeof(h));
}

static void the_largest_head_fits_its_maximum(void **state)
{
	uint8_t p[SAMPLE_MAX];
	struct head h;

	(void)state;
	sample_head(&h);
	h.flags |= HEAD_PLANNED;
	h.planned_day = 1;
	h.tokens = HEAD_TOKENS;
	for (unsigned i = 0; i < HEAD_TOKENS; i++)
		h.token[i] = (struct head_token){ .index = 7, .epoch = 1, .token = { (uint8_t)i } };
	h.classes = HEAD_CLASSES;
	for (unsigned i = 0; i < HEAD_CLASSES; i++)
		h.class[i] = (struct head_class){ .class_key = (i + 1) << 16, .flags = 3, .generation = 1, .row_version = 1,
			.class_version = 1 + HEAD_DROPS_MAX, .drops = HEAD_DROPS_MAX, .hist_count = 1 };
	assert_int_equal(encode(&h, p), HEAD_PLAIN_MAX);
	assert_int_equal(head_decode(p, HEAD_PLAIN_MAX, &back), 0);
	assert_int_equal(back.class[HEAD_CLASSES - 1].class_key, HEAD_CLASSES << 16);
}

static void every_cut_is_refused(void **state)
{
	uint8_t p[SAMPLE_MAX] = { 0 };
	size_t n = sample("head_plain", p);

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(head_decode(p, i, &back), CV_ERR_FORMAT);
	assert_int_equal(head_decode(p, n + 128, &back), CV_ERR_FORMAT);
}

static void padding_must_be_zero(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("head_plain", p), used = 64 + 2 * 22 + 3 * 34 + 20;

	(void)state;
	assert_true(used < n);
	for (size_t i = used; i < n; i++) {
		p[i] = 1;
		assert_int_equal(head_decode(p, n, &back), CV_ERR_FORMAT);
		p[i] = 0;
	}
	assert_int_equal(head_decode(p, n, &back), 0);
}

/* One byte of the stored plaintext set to a value that section 4.1 does not allow. */
static void unknown_bytes_are_refused(void **state)
{
	static const struct { uint16_t at; uint8_t byte; } bad[] = {
		{ 0, 2 }, { 1, 0 }, { 1, 14 }, { 2, 2 }, { 2, 4 }, { 2, 5 }, { 3, 13 }, { 3, 5 }, { 3, 7 }, { 4, 'a' }, { 10, '1' },
		{ 62, 9 }, { 62, 1 }, { 63, 65 }, { 63, 2 },
		{ 64 + 22 + 1, 0 },		/* tokens: index 0 behind index 1 */
		{ 108 + 2, 1 },			/* class: a compartment */
		{ 108 + 1, 0 },			/* class 0 */
		{ 108 + 4, 5 }, { 108 + 4, 0 },	/* an unknown flag; a version without the row's flag */
		{ 108 + 5, 1 },			/* a drop, but no version for it */
		{ 108 + 9, 0 },			/* generation 0 */
		{ 108 + 13, 2 },		/* row version above the class version */
		{ 142 + 1, 0x10 },		/* the same class again */
		{ 142 + 4, 1 },			/* history bytes without the flag */
		{ 142 + 5, 65 },		/* 65 drops */
		{ 142 + 34 + 3, 0 },		/* a history of nothing */
	};
	uint8_t p[SAMPLE_MAX], was;
	size_t n = sample("head_plain", p);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		was = p[bad[i].at];
		assert_int_not_equal(was, bad[i].byte);
		p[bad[i].at] = bad[i].byte;
		if (head_decode(p, n, &back) != CV_ERR_FORMAT)
			fail_msg("byte %u may be %u", bad[i].at, bad[i].byte);
		p[bad[i].at] = was;
	}
	assert_int_equal(head_decode(p, n, &back), 0);
}

/* Whatever decodes, encodes to the same bytes: there is no second spelling of a head. */
static void what_decodes_encodes_to_the_same_bytes(void **state)
{
	uint8_t p[SAMPLE_MAX], again[SAMPLE_MAX];
	size_t n = sample("head_plain", p), accepted = 0;

	(void)state;
	for (size_t bit = 0; bit < n * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (head_decode(p, n, &back) == 0) {
			assert_int_equal(encode(&back, again), n);
			assert_memory_equal(again, p, n);
			accepted++;
		}
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_true(accepted > 0);
}

static void encode_refuses_what_decode_would(void **state)
{
	struct head h[14];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < 14; i++)
		sample_head(&h[i]);
	h[0].state = 0;
	h[1].flags = 4;
	h[2].area[7] = '1';
	h[3].created_ms = 1ull << 48;
	h[4].token[1].index = 1, h[4].token[1].token[0] = 0x5f;
	h[5].class[1].class_key = IDENTITY;
	h[6].class[0].flags = 0;
	h[7].class[1].drops = 2;
	h[8].class[1].hist_count = 0;
	h[9].class[2].generation = 0;
	h[10].class[2].row_version = 1;
	h[11].flags |= HEAD_PLANNED;		/* without a day */
	h[12].planned_day = 1;			/* without its flag */
	h[13].flags |= HEAD_PLANNED;
	h[13].planned_day = 1;
	h[13].planned[0] = 'x', h[13].planned_n = 1;
	buf_init(&b, 1 << 16);
	buf_u8(&b, 0xaa);
	for (size_t i = 0; i < 14; i++)
		assert_int_equal(head_encode(&h[i], &b), CV_ERR_ARG);
	sample_head(&h[0]);
	h[0].classes = HEAD_CLASSES + 1;
	assert_int_equal(head_encode(&h[0], &b), CV_ERR_LIMIT);
	assert_int_equal(b.n, 1);
	buf_free(&b);
	buf_init(&b, 100);
	sample_head(&h[0]);
	assert_int_equal(head_encode(&h[0], &b), CV_ERR_NOMEM);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

static void a_planned_area_counts_from_its_day_on(void **state)
{
	uint8_t p[SAMPLE_MAX];
	struct head h;
	size_t n, area_n;

	(void)state;
	sample_head(&h);
	h.flags |= HEAD_PLANNED;
	h.planned_day = 20500;
	h.planned_n = 9;
	memcpy(h.planned, "430422001", 9);
	memset(&back, 0, sizeof(back));
	memcpy(back.record, h.record, 16);
	back.shred_slot = h.shred_slot;
	n = encode(&h, p);
	assert_int_equal(head_decode(p, n, &back), 0);
	assert_memory_equal(&back, &h, sizeof(h));
	assert_ptr_equal(head_area(&back, 20499, &area_n), back.area);
	assert_int_equal(area_n, h.area_n);
	assert_memory_equal(head_area(&back, 20500, &area_n), "430422001", 9);
	assert_int_equal(area_n, 9);
	p[64 + 13 + 3] = p[64 + 13 + 2] = 0;	/* its day */
	assert_int_equal(head_decode(p, n, &back), CV_ERR_FORMAT);
	sample_head(&h);
	assert_ptr_equal(head_area(&h, UINT32_MAX, &area_n), h.area);
}

static void classes_are_found_and_added_in_order(void **state)
{
	static const uint32_t keys[] = { 5u << 16, 1u << 16, 3u << 16, 3u << 16, 9u << 16 };
	struct head h = { 0 };
	struct head_class *c;

	(void)state;
	assert_null(head_class_find(&h, 5u << 16));
	for (size_t i = 0; i < 5; i++) {
		c = head_class_add(&h, keys[i]);
		assert_non_null(c);
		assert_int_equal(c->class_key, keys[i]);
		assert_int_equal(c->generation, 1);
		assert_ptr_equal(head_class_find(&h, keys[i]), c);
	}
	assert_int_equal(h.classes, 4);
	for (unsigned i = 1; i < h.classes; i++)
		assert_true(h.class[i - 1].class_key < h.class[i].class_key);
	assert_null(head_class_find(&h, 4u << 16));
	for (uint32_t i = 0; h.classes < HEAD_CLASSES; i++)
		assert_non_null(head_class_add(&h, (100 + i) << 16));
	assert_null(head_class_add(&h, 4u << 16));
	assert_non_null(head_class_add(&h, 5u << 16));
}

static void prefix_comes_back_and_foreign_ones_are_refused(void **state)
{
	uint8_t p[HEAD_PREFIX], record[16], want[16];
	uint32_t epoch, slot;

	(void)state;
	run(want, 0x11, 16);
	head_prefix_encode(0x01020304, 0x05060708, want, p);
	assert_int_equal(head_prefix_decode(p, sizeof(p), &epoch, &slot, record), 0);
	assert_int_equal(epoch, 0x01020304);
	assert_int_equal(slot, 0x05060708);
	assert_memory_equal(record, want, 16);
	for (size_t n = 0; n < HEAD_PREFIX; n++)
		assert_int_equal(head_prefix_decode(p, n, &epoch, &slot, record), CV_ERR_FORMAT);
	p[0] = 2;
	assert_int_equal(head_prefix_decode(p, sizeof(p), &epoch, &slot, record), CV_ERR_FORMAT);
	p[0] = 1;
	p[1] = 2;
	assert_int_equal(head_prefix_decode(p, sizeof(p), &epoch, &slot, record), CV_ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_gives_the_known_answer),
		cmocka_unit_test(head_comes_back_as_it_was),
		cmocka_unit_test(the_largest_head_fits_its_maximum),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(padding_must_be_zero),
		cmocka_unit_test(unknown_bytes_are_refused),
		cmocka_unit_test(what_decodes_encodes_to_the_same_bytes),
		cmocka_unit_test(encode_refuses_what_decode_would),
		cmocka_unit_test(a_planned_area_counts_from_its_day_on),
		cmocka_unit_test(classes_are_found_and_added_in_order),
		cmocka_unit_test(prefix_comes_back_and_foreign_ones_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

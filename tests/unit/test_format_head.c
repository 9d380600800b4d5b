/* format: heads in the clear, FORMAT.md 4.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/error.h"
#include "record_samples.h"

static struct head back;	/* where tests decode to */

/* Where things stand in head_plain. */
enum {
	NAMED = 58,				/* count of named changes, then N and digest of the creation */
	CHANGES = NAMED + 1 + ROW_NONCE + 16,	/* then the history digest */
	TOKENS = CHANGES + 1 + 16,
	LISTED = TOKENS + 2 * 22,		/* the one named change, then its N */
	ID = LISTED + 1 + ROW_NONCE,		/* classes */
	HEALTH_AT = ID + 6,
	NOTES_AT = HEALTH_AT + 8 + 16,
};

static size_t encode(const struct head *h, uint8_t ret[HEAD_PLAIN_MAX])
{
	size_t n;

	assert_int_equal(head_encode(h, ret, &n), 0);
	assert_true(n <= HEAD_PLAIN_MAX);
	return n;
}

static void assert_answer(const char *name, const struct head *h)
{
	uint8_t want[SAMPLE_MAX], out[HEAD_PLAIN_MAX];
	size_t n = sample(name, want);

	assert_int_equal(encode(h, out), n);
	assert_memory_equal(out, want, n);
}

static void heads_give_the_known_answers(void **state)
{
	struct head h;

	(void)state;
	sample_head(&h);
	assert_answer("head_plain", &h);
	sample_head_planned(&h);
	assert_answer("head_planned", &h);
	memset(&h, 0, sizeof(h));
	h.state = STATE_FOUND;
	run(h.log_key, 0x91, 32);
	assert_answer("head_least", &h);
}

static void heads_come_back_as_they_were(void **state)
{
	static const char *const names[] = { "head_plain", "head_planned" };
	uint8_t p[SAMPLE_MAX];
	struct head h;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		size_t n = sample(names[i], p);

		(i == 0 ? sample_head : sample_head_planned)(&h);
		memset(&back, 0, sizeof(back));
		memcpy(back.record, h.record, 16);
		back.shred_slot = h.shred_slot;
		assert_int_equal(head_decode(p, n, &back), 0);
		assert_memory_equal(&back, &h, sizeof(h));
	}
}

static void the_largest_head_fits_its_maximum(void **state)
{
	uint8_t p[HEAD_PLAIN_MAX];
	struct head h;
	size_t n;

	(void)state;
	sample_head(&h);
	h.flags |= HEAD_PLANNED;
	h.area_n = h.planned_n = 12;
	memcpy(h.area, "330106001002", 12);
	memcpy(h.planned, h.area, 12);
	h.planned_day = 1;
	h.tokens = HEAD_TOKENS;
	for (unsigned i = 0; i < HEAD_TOKENS; i++)
		h.token[i] = (struct head_token){ .index = 7, .epoch = 1, .token = { (uint8_t)i } };
	h.classes = HEAD_CLASSES;
	h.changes = UINT32_MAX;
	for (unsigned i = 0; i < HEAD_CLASSES; i++)
		h.class[i] = (struct head_class){ .class_key = (i + 1) << 16, .flags = 1, .generation = UINT32_MAX, .row_version = 1u << 28,
			.class_version = 1u << 29, .drops = HEAD_DROPS_MAX, .change = UINT32_MAX - i, .nonce = { (uint8_t)i } };
	n = encode(&h, p);
	assert_true(n > HEAD_PLAIN_MAX - 64);
	assert_int_equal(head_decode(p, n, &back), 0);
	assert_int_equal(back.class[HEAD_CLASSES - 1].class_key, HEAD_CLASSES << 16);
	assert_int_equal(back.class[HEAD_CLASSES - 1].nonce[0], HEAD_CLASSES - 1);
}

/* Classes that one change wrote share an N, which stands once; that of the creation stands always. */
static void each_change_is_stored_once(void **state)
{
	uint8_t p[HEAD_PLAIN_MAX];
	struct head h;
	size_t n;

	(void)state;
	sample_head(&h);
	h.class[0].change = 6;
	memcpy(h.class[0].nonce, h.class[1].nonce, ROW_NONCE);
	n = encode(&h, p);
	assert_int_equal(p[NAMED], 1);
	assert_memory_equal(p + NAMED + 1, h.nonce, ROW_NONCE);
	assert_int_equal(head_decode(p, n, &back), 0);
	assert_memory_equal(back.class[0].nonce, h.class[1].nonce, ROW_NONCE);
	assert_int_equal(back.class[0].change, 6);
	/* What stands at a class without a row says nothing. */
	run(h.class[2].nonce, 1, ROW_NONCE);
	assert_int_equal(encode(&h, p), n);
	assert_int_equal(p[NAMED], 1);
}

static void every_cut_is_refused(void **state)
{
	uint8_t p[SAMPLE_MAX] = { 0 };
	size_t n = sample("head_plain", p);

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(head_decode(p, i, &back), CV_ERR_FORMAT);
	assert_int_equal(head_decode(p, n + 64, &back), CV_ERR_FORMAT);
	assert_int_equal(head_decode(p, HEAD_PLAIN_MAX + 64, &back), CV_ERR_FORMAT);
}

static void padding_must_be_zero(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("head_plain", p), used = NOTES_AT + 6 + 16;

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
		{ 0, 2 }, { 1, 0 }, { 1, 14 }, { 2, 8 }, { 2, 9 }, { 2, 2 }, { 3, 13 }, { 3, 5 }, { 3, 7 }, { 4, 'a' },
		{ 56, 9 }, { 56, 1 }, { 57, 65 }, { 57, 2 },
		{ NAMED, 0 }, { NAMED, 2 }, { NAMED, 65 },	/* changes: fewer, more, more than classes can have */
		{ CHANGES, 0 }, { CHANGES, 5 },	/* a digest of no change; a change that has not been */
		{ TOKENS + 22 + 1, 0 },		/* tokens: index 0 behind index 1 */
		{ LISTED, 0 },			/* the creation among the others */
		{ ID + 1, 0 },			/* class 0 */
		{ ID + 2, 0 }, { ID + 2, 17 },	/* without its row's flag; an unknown flag */
		{ ID + 2, 3 }, { ID + 2, 9 }, { ID + 2, 5 },	/* another; flags whose numbers do not follow */
		{ ID + 3, 0 },			/* generation 0 */
		{ ID + 4, 0 },			/* a row of version 0 */
		{ ID + 5, 2 },			/* no such change */
		{ HEALTH_AT + 1, 0x10 },	/* the same class again */
		{ HEALTH_AT + 2, 9 },		/* drops without the flag */
		{ HEALTH_AT + 3, 0x80 },	/* a number that does not end */
		{ HEALTH_AT + 5, 0 },		/* the change is not named any more */
		{ HEALTH_AT + 6, 0 },		/* flag 8, and the class version is not above */
		{ HEALTH_AT + 7, 0 },		/* flag 4 and no drops */
		{ HEALTH_AT + 7, 2 }, { HEALTH_AT + 7, 65 },	/* more than versions; 65 drops */
		{ NOTES_AT + 2, 8 }, { NOTES_AT + 2, 4 }, { NOTES_AT + 2, 13 },
		{ NOTES_AT + 4, 1 },		/* two drops, one version */
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

/* A number may be written in one way only, and a version may not pass a u32. */
static void second_spellings_of_numbers_are_refused(void **state)
{
	uint8_t p[SAMPLE_MAX], q[SAMPLE_MAX];
	size_t n = sample("head_plain", p), notes = NOTES_AT + 4, health = HEALTH_AT + 6;

	(void)state;
	/* The last class's difference of versions, 2, with a group of zeros behind it. */
	memcpy(q, p, n);
	q[notes] = 0x82;
	q[notes + 1] = 0;
	memcpy(q + notes + 2, p + notes + 1, n - notes - 2);
	assert_int_equal(head_decode(q, n, &back), CV_ERR_FORMAT);
	/* The same number of bytes, if it says something. */
	q[notes + 1] = 1;
	assert_int_equal(head_decode(q, n, &back), 0);
	assert_int_equal(back.class[2].class_version, 130);
	/* Five groups: the last has four bits. */
	memcpy(q, p, n);
	memcpy(q + notes, (const uint8_t[]){ 0xFF, 0xFF, 0xFF, 0xFF, 0x0F }, 5);
	memcpy(q + notes + 5, p + notes + 1, n - notes - 5);
	assert_int_equal(head_decode(q, n, &back), 0);
	assert_int_equal(back.class[2].class_version, UINT32_MAX);
	q[notes + 4] = 0x1F;
	assert_int_equal(head_decode(q, n, &back), CV_ERR_FORMAT);
	q[notes + 4] = 0x8F;
	assert_int_equal(head_decode(q, n, &back), CV_ERR_FORMAT);
	/* HEALTH's: with its row version 7 it passes a u32. */
	memcpy(q, p, n);
	memcpy(q + health, (const uint8_t[]){ 0xF8, 0xFF, 0xFF, 0xFF, 0x0F }, 5);
	memcpy(q + health + 5, p + health + 1, n - health - 5);
	assert_int_equal(head_decode(q, n, &back), 0);
	assert_int_equal(back.class[1].class_version, UINT32_MAX);
	q[health] = 0xF9;
	assert_int_equal(head_decode(q, n, &back), CV_ERR_FORMAT);
}

static void an_n_that_stands_twice_is_refused(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("head_plain", p);

	(void)state;
	memcpy(p + LISTED + 1, p + NAMED + 1, ROW_NONCE);
	assert_int_equal(head_decode(p, n, &back), CV_ERR_FORMAT);
	p[LISTED + 1] ^= 1;
	assert_int_equal(head_decode(p, n, &back), 0);
}

static void changes_that_do_not_ascend_are_refused(void **state)
{
	uint8_t p[SAMPLE_MAX], first[1 + ROW_NONCE], second[2 + ROW_NONCE];
	size_t n = sample("head_planned", p), at = NAMED - 6 + 1 + ROW_NONCE + 16 + 5 + 16 + 17;

	(void)state;
	assert_int_equal(p[at], 7);	/* then 200, of two bytes */
	assert_int_equal(head_decode(p, n, &back), 0);
	memcpy(first, p + at, sizeof(first));
	memcpy(second, p + at + sizeof(first), sizeof(second));
	p[at] = 0;
	assert_int_equal(head_decode(p, n, &back), CV_ERR_FORMAT);
	memcpy(p + at, second, sizeof(second));
	memcpy(p + at + sizeof(second), first, sizeof(first));
	assert_int_equal(head_decode(p, n, &back), CV_ERR_FORMAT);
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
	uint8_t p[HEAD_PLAIN_MAX];
	struct head h[20];
	size_t n = 4711;

	(void)state;
	for (size_t i = 0; i < 20; i++)
		sample_head(&h[i]);
	h[0].state = 0;
	h[1].flags = 8;
	h[2].area[7] = '1';
	h[3].created_ms = 1ull << 48;
	h[4].token[1].index = 1, h[4].token[1].token[0] = 0x5f;
	h[5].class[1].class_key = IDENTITY;
	h[6].class[0].flags = 0;
	h[7].class[1].drops = 2;
	h[8].class[1].change = 7;		/* that has not been */
	h[9].class[2].generation = 0;
	h[10].class[2].row_version = 1;
	h[11].flags |= HEAD_PLANNED;		/* without a day */
	h[12].planned_day = 1;			/* without its flag */
	h[13].flags |= HEAD_PLANNED;
	h[13].planned_day = 1;
	h[13].planned[0] = 'x', h[13].planned_n = 1;
	h[14].class[0].change = 6;		/* under two Ns */
	h[15].class[0].nonce[0] ^= 1;		/* another N than the creation's */
	memcpy(h[16].class[1].nonce, h[16].nonce, ROW_NONCE);	/* two changes under one */
	h[17].class[2].change = 1;		/* without a row */
	h[18].class[0].digest[0] = 1;		/* of drops that are not there */
	h[19].changes = 0, h[19].class[1].change = 0;	/* a digest of no change */
	memcpy(h[19].class[1].nonce, h[19].nonce, ROW_NONCE);
	for (size_t i = 0; i < 20; i++)
		if (head_encode(&h[i], p, &n) != CV_ERR_ARG)
			fail_msg("head %zu is encoded", i);
	sample_head(&h[0]);
	h[0].classes = HEAD_CLASSES + 1;
	assert_int_equal(head_encode(&h[0], p, &n), CV_ERR_LIMIT);
	assert_int_equal(n, 4711);
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
	p[CHANGES + 17 + 1 + 9 + 3] = p[CHANGES + 17 + 1 + 9 + 2] = 0;	/* its day */
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
	p[0] = 3;
	p[1] = 2;
	assert_int_equal(head_prefix_decode(p, sizeof(p), &epoch, &slot, record), CV_ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_give_the_known_answers),
		cmocka_unit_test(heads_come_back_as_they_were),
		cmocka_unit_test(the_largest_head_fits_its_maximum),
		cmocka_unit_test(each_change_is_stored_once),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(padding_must_be_zero),
		cmocka_unit_test(unknown_bytes_are_refused),
		cmocka_unit_test(second_spellings_of_numbers_are_refused),
		cmocka_unit_test(an_n_that_stands_twice_is_refused),
		cmocka_unit_test(changes_that_do_not_ascend_are_refused),
		cmocka_unit_test(what_decodes_encodes_to_the_same_bytes),
		cmocka_unit_test(encode_refuses_what_decode_would),
		cmocka_unit_test(a_planned_area_counts_from_its_day_on),
		cmocka_unit_test(classes_are_found_and_added_in_order),
		cmocka_unit_test(prefix_comes_back_and_foreign_ones_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Leaves: layout byte for byte, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/leaf.h"

static const uint8_t segment[16] = { 1 }, actor[16] = { 2 }, subject[16] = { 3 }, policy[16] = { 4 }, hash[32] = { 5 };

/* A leaf with bodies of a and b bytes; flags as given. */
static void make(struct buf *ret, uint16_t flags, uint16_t a, uint16_t b)
{
	const struct leaf l = { .kind = LEAF_PATCH, .flags = flags, .index = 0x0102030405060708, .time_ms = 0x0a0b0c0d0e0f,
		.epoch = 0x11121314, .turn = 0x21222324, .segment = segment, .actor_tag = actor, .subject_tag = subject,
		.policy = policy, .state_hash = (flags & LEAF_MUTATING) != 0 ? hash : NULL };

	buf_init(ret, 1 << 20);
	assert_int_equal(leaf_header_encode(&l, ret), 0);
	buf_u16(ret, a);
	buf_zero(ret, a);
	buf_u16(ret, b);
	buf_zero(ret, b);
	if (b > 32)
		ret->p[ret->n - b + 32] = 1;	/* paddings of the first box */
}

static void header_stands_as_the_format_says(void **state)
{
	static const uint8_t want[] = { 2, 25, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x11, 0x12, 0x13, 0x14 };
	struct leaf l;
	struct buf b;

	(void)state;
	make(&b, LEAF_MUTATING | LEAF_CHILD, 80, 193);
	assert_memory_equal(b.p, want, sizeof(want));
	assert_memory_equal(b.p + 22, segment, 16);
	assert_int_equal(be32_get(b.p + 38), 0x21222324);
	assert_memory_equal(b.p + 42, actor, 16);
	assert_memory_equal(b.p + 58, subject, 16);
	assert_memory_equal(b.p + 74, policy, 16);
	assert_memory_equal(b.p + 90, hash, 32);
	assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
	assert_true(l.kind == LEAF_PATCH && l.flags == 5 && l.index == 0x0102030405060708 && l.time_ms == 0x0a0b0c0d0e0f);
	assert_true(l.epoch == 0x11121314 && l.turn == 0x21222324);
	assert_true(l.header == b.p && l.header_n == 122 && l.state_hash == b.p + 90);
	assert_true(l.commit == l.body_b && l.told == l.body_b + 33 && l.told_n == 80 && l.rest == l.told + 80 && l.rest_n == 80);
	assert_true(l.body_a == b.p + 124 && l.body_a_n == 80 && l.body_b == b.p + 206 && l.body_b_n == 193);
	buf_free(&b);
}

static void leaves_that_contradict_themselves_are_refused(void **state)
{
	static const struct {
		uint16_t flags, a, b;
		int want;
	} cases[] = {
		{ 0, 80, 0, 0 }, { 0, 144, 0, 0 }, { LEAF_CHILD, 80, 193, 0 }, { LEAF_CLEAR, 0, 0, 0 }, { LEAF_CLEAR, 37, 0, 0 },
		{ LEAF_CLEAR | LEAF_MUTATING, 4, 0, 0 },
		{ 0, 79, 0, CV_ERR_FORMAT }, { 0, 16, 0, CV_ERR_FORMAT }, { 0, 0, 0, CV_ERR_FORMAT }, { 0, 80, 193, CV_ERR_FORMAT },
		{ LEAF_CHILD, 80, 0, CV_ERR_FORMAT }, { LEAF_CHILD, 80, 113, CV_ERR_FORMAT }, { LEAF_CHILD, 80, 192, CV_ERR_FORMAT },
		{ LEAF_CLEAR, 4, 1, CV_ERR_FORMAT }, { LEAF_CLEAR | LEAF_CHILD, 4, 0, CV_ERR_FORMAT },
		{ LEAF_CLEAR | LEAF_CHILD, 4, 193, CV_ERR_FORMAT }, { 8, 80, 0, CV_ERR_FORMAT }, { 0x8000, 80, 0, CV_ERR_FORMAT }
	};
	struct leaf l;
	struct buf b;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make(&b, cases[i].flags, cases[i].a, cases[i].b);
		assert_int_equal(leaf_decode(b.p, b.n, &l), cases[i].want);
		buf_free(&b);
	}
}

static void cut_lengthened_and_foreign_leaves_are_refused(void **state)
{
	struct leaf l;
	struct buf b;

	(void)state;
	make(&b, LEAF_CHILD, 80, 193);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(leaf_decode(b.p, n, &l), CV_ERR_FORMAT);
	b.p[0] = 1;			/* the version before */
	assert_int_equal(leaf_decode(b.p, b.n, &l), CV_ERR_FORMAT);
	b.p[0] = 2;
	buf_u8(&b, 0);
	assert_int_equal(leaf_decode(b.p, b.n, &l), CV_ERR_FORMAT);
	buf_free(&b);
}

/* ---- bodies ---------------------------------------------------------------------------------------------------------------- */

static struct leaf_detail full_detail(void)
{
	struct leaf_detail d = { .view = 2, .role = 0x0102, .department = 0x0304, .purpose = 0x0506, .outcome = 0x0708,
		.classes = 2, .class = { 0x10, 0x3ff0 }, .count = 0x090a0b0c,
		.bitmap_n = 64, .case_n = LEAF_CASE_MAX, .reason_n = LEAF_REASON_MAX };

	memset(d.record, 0x11, 16);
	memset(d.approval, 0x22, 16);
	memset(d.bitmap, 0x33, 64);
	memset(d.case_text, 'c', LEAF_CASE_MAX);
	memset(d.reason, 'r', LEAF_REASON_MAX);
	return d;
}

static void bodies_come_back_padded_to_64(void **state)
{
	struct leaf_actor a = { .uid = 1, .pid = 2, .outcome = 9, .role = 3, .department = 4, .purpose = 5, .view = 1, .fields = 6,
		.child = { 7, 8 } }, a2;
	struct leaf_detail d = full_detail(), small = { .record = { 1 } }, d2 = { .view = 0 };
	struct buf b;
	int has;

	(void)state;
	memset(a.principal, 0x44, 16);
	buf_init(&b, 4096);
	assert_int_equal(leaf_told_encode(&d, &b), 0);
	assert_int_equal(b.n, 64);
	assert_int_equal(leaf_told_decode(b.p, b.n, &d2), 0);
	buf_reset(&b);
	assert_int_equal(leaf_rest_encode(&d, &b), 0);
	assert_int_equal(b.n, 704);
	assert_int_equal(leaf_rest_decode(b.p, b.n, &d2), 0);
	assert_memory_equal(&d, &d2, sizeof(d));
	buf_reset(&b);
	assert_int_equal(leaf_rest_encode(&small, &b), 0);
	assert_int_equal(b.n, 64);
	buf_reset(&b);
	buf_u8(&b, 0xff);	/* what stands before is none of its business */
	assert_int_equal(leaf_actor_encode(&a, NULL, &b), 0);
	assert_int_equal(b.n, 129);
	assert_int_equal(leaf_actor_decode(b.p + 1, b.n - 1, &a2, &has, &d2), 0);
	assert_int_equal(has, 0);
	assert_memory_equal(&a.principal, &a2.principal, 16);
	assert_true(a2.uid == 1 && a2.pid == 2 && a2.outcome == 9);
	assert_true(a2.role == 3 && a2.department == 4 && a2.purpose == 5 && a2.view == 1 && a2.fields == 6);
	assert_memory_equal(a.child, a2.child, sizeof(a.child));
	buf_reset(&b);
	assert_int_equal(leaf_actor_encode(&a, &d, &b), 0);
	assert_int_equal(leaf_actor_decode(b.p, b.n, &a2, &has, &d2), 0);
	assert_int_equal(has, 1);
	assert_memory_equal(&d, &d2, sizeof(d));
	buf_free(&b);
}

static void bodies_with_anything_else_are_refused(void **state)
{
	struct leaf_detail d = { .record = { 1 }, .view = 1, .classes = 2, .class = { 0x10, 0x11 } }, d2 = { .view = 0 };
	struct leaf_actor a = { .uid = 1 }, a2;
	struct buf b;
	int has;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(leaf_told_encode(&d, &b), 0);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(leaf_told_decode(b.p, n, &d2), CV_ERR_FORMAT);
	b.p[63] = 1;			/* padding */
	assert_int_equal(leaf_told_decode(b.p, b.n, &d2), CV_ERR_FORMAT);
	b.p[63] = 0;
	b.p[0] = 3;			/* no such view */
	assert_int_equal(leaf_told_decode(b.p, b.n, &d2), CV_ERR_FORMAT);
	b.p[0] = 1;
	b.p[29] = 0x0f;			/* classes that do not ascend */
	assert_int_equal(leaf_told_decode(b.p, b.n, &d2), CV_ERR_FORMAT);
	b.p[29] = 0x10;
	assert_int_equal(leaf_told_decode(b.p, b.n, &d2), CV_ERR_FORMAT);
	b.p[29] = 0x11;
	assert_int_equal(leaf_told_decode(b.p, b.n, &d2), 0);
	b.p[25] = LEAF_CLASSES_MAX + 1;
	buf_zero(&b, 128);
	assert_int_equal(leaf_told_decode(b.p, b.n, &d2), CV_ERR_FORMAT);
	buf_reset(&b);
	assert_int_equal(leaf_rest_encode(&d, &b), 0);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(leaf_rest_decode(b.p, n, &d2), CV_ERR_FORMAT);
	b.p[20] = 65;			/* too long a bitmap */
	buf_zero(&b, 64);
	assert_int_equal(leaf_rest_decode(b.p, b.n, &d2), CV_ERR_FORMAT);
	b.p[20] = 0;			/* a whole padding too much */
	assert_int_equal(leaf_rest_decode(b.p, b.n, &d2), CV_ERR_FORMAT);
	b.p[21] = LEAF_CASE_MAX + 1;
	assert_int_equal(leaf_rest_decode(b.p, b.n, &d2), CV_ERR_FORMAT);
	b.p[21] = 0;
	be16_put(b.p + 22, LEAF_REASON_MAX + 1);
	buf_zero(&b, 1024);
	assert_int_equal(leaf_rest_decode(b.p, b.n, &d2), CV_ERR_FORMAT);
	buf_reset(&b);
	assert_int_equal(leaf_actor_encode(&a, NULL, &b), 0);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(leaf_actor_decode(b.p, n, &a2, &has, &d2), CV_ERR_FORMAT);
	b.p[91] = 2;			/* neither a detail nor none */
	assert_int_equal(leaf_actor_decode(b.p, b.n, &a2, &has, &d2), CV_ERR_FORMAT);
	b.p[91] = 0;
	b.p[80] = 3;			/* no such view */
	assert_int_equal(leaf_actor_decode(b.p, b.n, &a2, &has, &d2), CV_ERR_FORMAT);
	b.p[80] = 0;
	b.p[100] = 1;
	assert_int_equal(leaf_actor_decode(b.p, b.n, &a2, &has, &d2), CV_ERR_FORMAT);
	buf_free(&b);
}

static void every_kind_that_is_written_has_a_name(void **state)
{
	static const uint8_t kinds[] = { 0, 1, 2, 3, 4, 11, 12, 15, 16, 17, 19, 21, 23, 24, 25, 26, 27, 34, 35, 36 };

	(void)state;
	for (unsigned i = 0; i < sizeof(kinds); i++)
		for (unsigned j = 0; j <= i; j++)
			assert_true((strcmp(leaf_kind_name(kinds[i]), leaf_kind_name(kinds[j])) == 0) == (i == j));
	assert_string_equal(leaf_kind_name(7), "unknown");
	assert_string_equal(leaf_kind_name(1000), "unknown");
	for (unsigned i = 0; i < sizeof(kinds); i++)
		assert_string_not_equal(leaf_kind_name(kinds[i]), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_stands_as_the_format_says),
		cmocka_unit_test(leaves_that_contradict_themselves_are_refused),
		cmocka_unit_test(cut_lengthened_and_foreign_leaves_are_refused),
		cmocka_unit_test(bodies_come_back_padded_to_64),
		cmocka_unit_test(bodies_with_anything_else_are_refused),
		cmocka_unit_test(every_kind_that_is_written_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

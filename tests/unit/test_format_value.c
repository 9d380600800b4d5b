/* format: values, FORMAT.md 4.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/value.h"
#include "record_samples.h"

/* Judge a copy that ends where its memory ends, so that sanitizers see a read behind it. */
static int judge(uint8_t type, const void *p, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	int r;

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, p, n);
	r = value_check(type, copy, n);
	free(copy);
	return r;
}

static void scalars_take_their_bytes_alone(void **state)
{
	static const struct { uint8_t type; const char *p; uint8_t n; bool good; } cases[] = {
		{ VALUE_NULL, "", 0, true }, { VALUE_NULL, "x", 1, false },
		{ VALUE_SUPPRESSED, "", 0, true }, { VALUE_SUPPRESSED, "\0", 1, false },
		{ VALUE_BOOL, "\0", 1, true }, { VALUE_BOOL, "\1", 1, true }, { VALUE_BOOL, "\2", 1, false },
		{ VALUE_BOOL, "", 0, false }, { VALUE_BOOL, "\0\1", 2, false },
		{ VALUE_INTEGER, "12345678", 8, true }, { VALUE_INTEGER, "1234567", 7, false }, { VALUE_INTEGER, "", 0, false },
		{ VALUE_INTEGER, "123456789", 9, false },
		{ VALUE_TEXT, "", 0, true }, { VALUE_TEXT, "\xe7\x8e\x8b", 3, true }, { VALUE_TEXT, "\xe7\x8e", 2, false },
		{ VALUE_TEXT, "\xc0\x80", 2, false }, { VALUE_TEXT, "\xed\xa0\x80", 3, false },
		{ VALUE_CODE, "A01", 3, true }, { VALUE_CODE, "\xff", 1, false },
		{ VALUE_DATE, "2026-11-24", 10, true }, { VALUE_DATE, "2026-11-2", 9, false },
		{ VALUE_DATE, "2026-11-244", 11, false }, { VALUE_DATE, "2026/11/24", 10, false },
		{ VALUE_DATE, "202a-11-24", 10, false }, { VALUE_DATE, "", 0, false },
		{ 8, "", 0, false }, { 14, "", 0, false }, { 16, "", 0, false }, { 255, "", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if ((judge(cases[i].type, cases[i].p, cases[i].n) == 0) != cases[i].good)
			fail_msg("case %zu, type %u", i, cases[i].type);
	assert_int_equal(value_check(4, "2026-11-24", 10), 0);	/* the numbers of the page, not of a header */
	assert_int_equal(value_check(15, NULL, 0), 0);
	assert_int_equal(value_check(VALUE_NULL, NULL, 0), 0);
	assert_int_equal(value_check(VALUE_TEXT, NULL, 0), 0);
}

static void build_group(struct buf *b)
{
	size_t at = value_begin(b), nest, inner;

	nest = value_nest_begin(b, "age", 3, VALUE_INTEGER);
	value_integer_put(b, 61);
	value_nest_end(b, nest);
	nest = value_nest_begin(b, "living", 6, VALUE_BOOL);
	value_bool_put(b, true);
	value_nest_end(b, nest);
	value_member_put(b, "name", 4, VALUE_TEXT, "王小满", 9);
	nest = value_nest_begin(b, "phones", 6, VALUE_LIST);
	inner = value_begin(b);
	value_item_put(b, VALUE_TEXT, "571-0001", 8);
	value_item_put(b, VALUE_TEXT, "571-0002", 8);
	value_end(b, inner, 2);
	value_nest_end(b, nest);
	value_end(b, at, 4);
}

static void groups_give_the_known_answer(void **state)
{
	uint8_t want[SAMPLE_MAX];
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 16);
	build_group(&b);
	assert_true(buf_ok(&b));
	assert_int_equal(b.n, sample("value_group", want));
	assert_memory_equal(b.p, want, b.n);
	assert_int_equal(judge(VALUE_GROUP, b.p, b.n), 0);
	buf_free(&b);
}

static void walks_give_what_was_built(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("value_list", p);
	struct value_walk w, inner;
	struct value_item x, y;

	(void)state;
	assert_int_equal(judge(VALUE_LIST, p, n), 0);
	w = value_walk(VALUE_LIST, p, n);
	assert_int_equal(w.left, 4);
	assert_true(value_next(&w, &x));
	assert_true(x.type == VALUE_CODE && x.n == 3 && memcmp(x.p, "A01", 3) == 0 && x.name == NULL);
	assert_true(value_next(&w, &x));
	assert_true(x.type == VALUE_DATE && memcmp(x.p, "2026-11-24", 10) == 0);
	assert_true(value_next(&w, &x));
	assert_true(x.type == VALUE_INTEGER && value_integer(x.p) == -2);
	assert_true(value_next(&w, &x));
	assert_int_equal(x.type, VALUE_GROUP);
	inner = value_walk(VALUE_GROUP, x.p, x.n);
	assert_true(value_next(&inner, &y));
	assert_true(y.type == VALUE_LIST && y.name_n == 1 && y.name[0] == 'x' && y.n == 2);
	assert_false(value_next(&inner, &y));
	assert_false(value_next(&w, &x));
	assert_int_equal(x.type, VALUE_GROUP);	/* untouched */
}

static void members_are_found_by_name(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("value_group", p);
	struct value_item x;

	(void)state;
	assert_true(value_member(p, n, "living", 6, &x));
	assert_true(x.type == VALUE_BOOL && value_bool(x.p));
	assert_true(value_member(p, n, "phones", 6, &x));
	assert_int_equal(x.type, VALUE_LIST);
	assert_false(value_member(p, n, "phone", 5, &x));
	assert_false(value_member(p, n, "", 0, &x));
}

/* Depth lists, one in the other, the innermost empty. */
static int nested(unsigned depth)
{
	size_t at[8][2];
	struct buf b;
	int r;

	buf_init(&b, 4096);
	for (unsigned i = 0; i < depth; i++) {
		at[i][0] = value_begin(&b);
		if (i + 1 < depth)
			at[i][1] = value_nest_begin(&b, NULL, 0, VALUE_LIST);
	}
	for (unsigned i = depth; i-- > 0;) {
		if (i + 1 < depth)
			value_nest_end(&b, at[i][1]);
		value_end(&b, at[i][0], i + 1 < depth ? 1 : 0);
	}
	assert_true(buf_ok(&b));
	r = judge(VALUE_LIST, b.p, b.n);
	buf_free(&b);
	return r;
}

static void nesting_ends_at_four(void **state)
{
	(void)state;
	for (unsigned depth = 1; depth <= 4; depth++)
		assert_int_equal(nested(depth), 0);
	for (unsigned depth = 5; depth <= 8; depth++)
		assert_int_equal(nested(depth), CV_ERR_FORMAT);
}

static void names_ascend_and_are_not_empty(void **state)
{
	static const struct { const char *a, *b; bool good; } cases[] = {
		{ "a", "b", true }, { "a", "aa", true }, { "A", "a", true }, { "z", "\xe5\xa7\x93", true },
		{ "b", "a", false }, { "a", "a", false }, { "aa", "a", false }, { "", "a", false }, { "a", "\xff", false },
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_init(&b, 4096);
		buf_u16(&b, 2);
		for (int j = 0; j < 2; j++) {
			const char *name = j == 0 ? cases[i].a : cases[i].b;

			buf_u8(&b, (uint8_t)strlen(name));
			buf_text(&b, name);
			buf_u8(&b, VALUE_BOOL);
			buf_u32(&b, 1);
			buf_u8(&b, 1);
		}
		assert_int_equal(judge(VALUE_GROUP, b.p, b.n), cases[i].good ? 0 : CV_ERR_FORMAT);
		buf_free(&b);
	}
}

static void null_and_suppressed_stand_alone(void **state)
{
	static const uint8_t types[] = { VALUE_NULL, VALUE_SUPPRESSED };
	struct buf b;
	size_t at;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		buf_init(&b, 4096);
		at = value_begin(&b);
		value_item_put(&b, types[i], NULL, 0);
		value_end(&b, at, 1);
		assert_int_equal(judge(VALUE_LIST, b.p, b.n), CV_ERR_FORMAT);
		buf_reset(&b);
		at = value_begin(&b);
		value_member_put(&b, "x", 1, types[i], NULL, 0);
		value_end(&b, at, 1);
		assert_int_equal(judge(VALUE_GROUP, b.p, b.n), CV_ERR_FORMAT);
		buf_free(&b);
	}
}

static void every_cut_and_every_byte_more_is_refused(void **state)
{
	static const struct { const char *name; uint8_t type; } of[] = { { "value_group", VALUE_GROUP }, { "value_list", VALUE_LIST } };
	uint8_t p[SAMPLE_MAX];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t n = sample(of[i].name, p);

		p[n] = 0;
		assert_int_equal(judge(of[i].type, p, n), 0);
		assert_int_equal(judge(of[i].type, p, n + 1), CV_ERR_FORMAT);
		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(judge(of[i].type, p, cut), CV_ERR_FORMAT);
	}
}

/* Visit all items, as readers of checked bytes do; assertions inside the walk must hold. */
static size_t visit(uint8_t type, const uint8_t *p, size_t n)
{
	struct value_walk w;
	struct value_item x;
	size_t count = 1;

	if (type != VALUE_LIST && type != VALUE_GROUP)
		return 1;
	w = value_walk(type, p, n);
	while (value_next(&w, &x))
		count += visit(x.type, x.p, x.n);
	assert_true(rd_done(&w.rd));
	return count;
}

static void what_was_checked_can_be_walked(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("value_group", p), accepted = 0;

	(void)state;
	assert_int_equal(visit(VALUE_GROUP, p, n), 7);
	for (size_t bit = 0; bit < n * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (judge(VALUE_GROUP, p, n) == 0) {
			(void)visit(VALUE_GROUP, p, n);
			accepted++;
		}
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_true(accepted > 0 && accepted < n * 8);
}

static void what_cannot_be_written_down_makes_the_buffer_bad(void **state)
{
	char name[256];
	struct buf b;

	(void)state;
	memset(name, 'n', sizeof(name));
	buf_init(&b, 4096);
	value_member_put(&b, name, 255, VALUE_BOOL, "\1", 1);
	assert_true(buf_ok(&b));
	value_member_put(&b, name, 256, VALUE_BOOL, "\1", 1);
	assert_false(buf_ok(&b));
	buf_reset(&b);
	value_member_put(&b, name, 0, VALUE_BOOL, "\1", 1);
	assert_false(buf_ok(&b));
	buf_reset(&b);
	value_end(&b, value_begin(&b), 65536);
	assert_false(buf_ok(&b));
	buf_reset(&b);
	value_item_put(&b, VALUE_TEXT, name, 256);
	value_end(&b, value_begin(&b), 65535);
	assert_true(buf_ok(&b));
	buf_free(&b);
	buf_init(&b, 8);
	value_item_put(&b, VALUE_TEXT, name, 256);
	assert_false(buf_ok(&b));
	value_end(&b, value_begin(&b), 1);
	buf_free(&b);
}

static void integers_are_twos_complement(void **state)
{
	static const int64_t v[] = { 0, 1, -1, INT64_MAX, INT64_MIN, 0x0102030405060708 };
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		buf_init(&b, 8);
		value_integer_put(&b, v[i]);
		assert_int_equal(b.n, 8);
		assert_true(value_integer(b.p) == v[i]);
		assert_int_equal(b.p[0], (uint8_t)((uint64_t)v[i] >> 56));
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_take_their_bytes_alone),
		cmocka_unit_test(groups_give_the_known_answer),
		cmocka_unit_test(walks_give_what_was_built),
		cmocka_unit_test(members_are_found_by_name),
		cmocka_unit_test(nesting_ends_at_four),
		cmocka_unit_test(names_ascend_and_are_not_empty),
		cmocka_unit_test(null_and_suppressed_stand_alone),
		cmocka_unit_test(every_cut_and_every_byte_more_is_refused),
		cmocka_unit_test(what_was_checked_can_be_walked),
		cmocka_unit_test(what_cannot_be_written_down_makes_the_buffer_bad),
		cmocka_unit_test(integers_are_twos_complement),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

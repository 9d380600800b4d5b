/* The document of an operation: bytes as FORMAT.md 5.5 has them, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/operation.h"

static const struct operation_head example = {
	.operation = OPERATION_ADD_MEMBER, .vault = "vault 0123456789", .nonce = "nonce 0123456789", .log_size = 0x0102030405060708u,
	.log_root = "root", .not_before_ms = 1000, .expires_ms = 1000 + OPERATION_MS, .arguments = "digest"
};

static const uint8_t key[] = "a key", fact[] = "a fact", rest[] = "what follows";

/* A document with so many facts, every other one with what follows it, and the items whose bits are set. */
static void document(const struct operation_head *h, unsigned facts, unsigned items, struct buf *ret)
{
	struct operation o = { .change = (const uint8_t *)"change", .change_n = 6, .facts = (uint16_t)facts };
	struct buf list;

	buf_init(&list, 1u << 16);
	for (unsigned i = 0; i < facts; i++) {
		struct operation_fact f = { key, fact, rest, sizeof(key), sizeof(fact), i % 2 != 0 ? sizeof(rest) : 0 };

		operation_fact_encode(&f, &list);
	}
	o.list = list.p;
	o.list_n = list.n;
	for (unsigned tag = 1; tag < ITEM_TAGS; tag++)
		if ((items >> tag & 1) != 0)
			o.item[tag] = (struct operation_item){ (const uint8_t *)"items" + tag % 5, 1 };
	buf_init(ret, 1u << 16);
	operation_head_encode(h, ret);
	assert_int_equal(ret->n, OPERATION_HEAD);
	operation_arguments_encode(&o, ret);
	assert_true(buf_ok(ret) && buf_ok(&list));
	buf_free(&list);
}

static void documents_come_back(void **state)
{
	struct operation_fact f;
	struct operation o;
	unsigned count;
	struct buf b;
	struct rd r;

	(void)state;
	for (unsigned facts = 0; facts <= 12; facts++) {
		document(&example, facts, facts * 23 & 0xfe, &b);
		assert_int_equal(operation_decode(b.p, b.n, &o), 0);
		assert_memory_equal(&o.head, &example, sizeof(example));
		assert_ptr_equal(o.canonical, b.p);
		assert_ptr_equal(o.arguments, b.p + OPERATION_HEAD);
		assert_int_equal(o.arguments_n, b.n - OPERATION_HEAD);
		assert_int_equal(o.change_n, 6);
		assert_int_equal(o.facts, facts);
		r = operation_facts(&o);
		for (count = 0; operation_next(&r, &f); count++) {
			assert_memory_equal(f.key, key, sizeof(key));
			assert_memory_equal(f.fact, fact, sizeof(fact));
			assert_int_equal(f.rest_n, count % 2 != 0 ? sizeof(rest) : 0);
			assert_memory_equal(f.rest, rest, f.rest_n);
		}
		assert_int_equal(count, facts);
		for (unsigned tag = 1; tag < ITEM_TAGS; tag++)
			assert_int_equal(o.item[tag].n, facts * 23 >> tag & 1);
		buf_free(&b);
	}
}

/* Tags ascend, each is known, and none is empty: a document has one spelling. */
static void items_have_one_spelling(void **state)
{
	static const uint8_t bad[][14] = {
		{ 2, 2, 0, 0, 0, 1, 'a', 1, 0, 0, 0, 1, 'b' }, { 2, 2, 0, 0, 0, 1, 'a', 2, 0, 0, 0, 1, 'b' },
		{ 2, 1, 0, 0, 0, 1, 'a', 8, 0, 0, 0, 1, 'b' }, { 2, 0, 0, 0, 0, 1, 'a', 2, 0, 0, 0, 1, 'b' },
	};
	static const uint8_t good[] = { 2, 1, 0, 0, 0, 1, 'a', 2, 0, 0, 0, 1, 'b' }, empty[] = { 1, 1, 0, 0, 0, 0 };
	struct operation o;
	struct buf b;

	(void)state;
	document(&example, 1, 0, &b);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_cut(&b, b.n - 1);
		buf_put(&b, bad[i], 13);
		assert_int_equal(operation_decode(b.p, b.n, &o), CV_ERR_FORMAT);
		buf_cut(&b, b.n - 12);
	}
	buf_cut(&b, b.n - 1);
	buf_put(&b, empty, sizeof(empty));
	assert_int_equal(operation_decode(b.p, b.n, &o), CV_ERR_FORMAT);
	buf_cut(&b, b.n - sizeof(empty));
	buf_put(&b, good, sizeof(good));
	assert_int_equal(operation_decode(b.p, b.n, &o), 0);
	buf_free(&b);
}

/* Offsets of FORMAT.md 5.5. */
static void canonical_bytes_stand_where_the_format_says(void **state)
{
	struct buf b;

	(void)state;
	document(&example, 1, 2, &b);
	assert_memory_equal(b.p, "CVOP\1\1\0\1", 8);
	assert_memory_equal(b.p + 8, example.vault, 16);
	assert_memory_equal(b.p + 24, example.nonce, 16);
	assert_int_equal(be64_get(b.p + 40), example.log_size);
	assert_memory_equal(b.p + 48, example.log_root, 32);
	assert_int_equal(be48_get(b.p + 80), 1000);
	assert_int_equal(be48_get(b.p + 86), 1000 + OPERATION_MS);
	assert_memory_equal(b.p + 92, example.arguments, 32);
	buf_free(&b);
}

static void cut_and_trailing_bytes_are_refused(void **state)
{
	struct operation o;
	struct buf b;

	(void)state;
	document(&example, 3, 0x1a, &b);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(operation_decode(b.p, n, &o), CV_ERR_FORMAT);
	buf_u8(&b, 0);
	assert_int_equal(operation_decode(b.p, b.n, &o), CV_ERR_FORMAT);
	buf_free(&b);
}

static void other_heads_are_refused(void **state)
{
	static const uint8_t at[] = { 0, 3, 4, 5, 6 };
	struct operation_head h;
	struct operation o;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(at); i++) {
		document(&example, 1, 2, &b);
		b.p[at[i]] ^= 2;
		assert_int_equal(operation_decode(b.p, b.n, &o), CV_ERR_FORMAT);
		buf_free(&b);
	}
	for (unsigned i = 0; i < 3; i++) {
		h = example;
		h.expires_ms = i == 0 ? h.not_before_ms : i == 1 ? h.not_before_ms - 1 : h.not_before_ms + OPERATION_MS + 1;
		document(&h, 1, 2, &b);
		assert_int_equal(operation_decode(b.p, b.n, &o), CV_ERR_FORMAT);
		buf_free(&b);
	}
	for (uint16_t number = 0; number < 12; number++) {
		h = example;
		h.operation = number;
		document(&h, 1, 2, &b);
		assert_int_equal(operation_decode(b.p, b.n, &o), number >= 1 && number <= 9 ? 0 : CV_ERR_FORMAT);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_come_back),
		cmocka_unit_test(items_have_one_spelling),
		cmocka_unit_test(canonical_bytes_stand_where_the_format_says),
		cmocka_unit_test(cut_and_trailing_bytes_are_refused),
		cmocka_unit_test(other_heads_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

static void document(const struct operation_head *h, unsigned facts, struct buf *ret)
{
	static const uint8_t wrap[DIR_WRAP] = { 7 }, key[] = "a key", fact[] = "a fact";
	struct operation o = { .change = (const uint8_t *)"change", .change_n = 6, .facts = (uint16_t)facts,
		.person = (const uint8_t *)"person", .person_n = 6, .wrap = wrap };

	for (unsigned i = 0; i < facts && i < OPERATION_FACTS_MAX; i++)
		o.fact[i] = (struct operation_fact){ key, fact, sizeof(key), sizeof(fact) };
	buf_init(ret, 1u << 16);
	operation_head_encode(h, ret);
	assert_int_equal(ret->n, OPERATION_HEAD);
	operation_arguments_encode(&o, ret);
	assert_true(buf_ok(ret));
}

static void documents_come_back(void **state)
{
	struct operation o;
	struct buf b;

	(void)state;
	for (unsigned facts = 0; facts <= OPERATION_FACTS_MAX; facts++) {
		document(&example, facts, &b);
		assert_int_equal(operation_decode(b.p, b.n, &o), 0);
		assert_memory_equal(&o.head, &example, sizeof(example));
		assert_ptr_equal(o.canonical, b.p);
		assert_ptr_equal(o.arguments, b.p + OPERATION_HEAD);
		assert_int_equal(o.arguments_n, b.n - OPERATION_HEAD);
		assert_int_equal(o.facts, facts);
		if (facts > 0)
			assert_memory_equal(o.fact[facts - 1].fact, "a fact", 7);
		assert_memory_equal(o.person, "person", 6);
		assert_int_equal(o.wrap[0], 7);
		buf_free(&b);
	}
}

/* Offsets of FORMAT.md 5.5. */
static void canonical_bytes_stand_where_the_format_says(void **state)
{
	struct buf b;

	(void)state;
	document(&example, 1, &b);
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
	document(&example, 3, &b);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(operation_decode(b.p, n, &o), CV_ERR_FORMAT);
	buf_u8(&b, 0);
	assert_int_equal(operation_decode(b.p, b.n, &o), CV_ERR_FORMAT);
	buf_free(&b);
}

static void other_heads_are_refused(void **state)
{
	static const uint8_t at[] = { 0, 3, 4, 5, 6, 7 };
	struct operation_head h;
	struct operation o;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(at); i++) {
		document(&example, 1, &b);
		b.p[at[i]] ^= 2;
		assert_int_equal(operation_decode(b.p, b.n, &o), CV_ERR_FORMAT);
		buf_free(&b);
	}
	for (unsigned i = 0; i < 3; i++) {
		h = example;
		h.expires_ms = i == 0 ? h.not_before_ms : i == 1 ? h.not_before_ms - 1 : h.not_before_ms + OPERATION_MS + 1;
		document(&h, 1, &b);
		assert_int_equal(operation_decode(b.p, b.n, &o), CV_ERR_FORMAT);
		buf_free(&b);
	}
	document(&example, 0, &b);
	be16_put(b.p + OPERATION_HEAD + 4 + 6, OPERATION_FACTS_MAX + 1);
	assert_int_equal(operation_decode(b.p, b.n, &o), CV_ERR_FORMAT);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_come_back),
		cmocka_unit_test(canonical_bytes_stand_where_the_format_says),
		cmocka_unit_test(cut_and_trailing_bytes_are_refused),
		cmocka_unit_test(other_heads_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

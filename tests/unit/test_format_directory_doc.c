/* The directory document: bytes as FORMAT.md 12 has them, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/directory_doc.h"

static const uint8_t proof[2][32] = { { 7 }, { 8 } };
static const struct directory_doc_fact facts[] = {
	{ .key = (const uint8_t *)"\1aaaa", .key_n = 5, .change_set = 1, .fact = (const uint8_t *)"fact one", .fact_n = 8 },
	{ .key = (const uint8_t *)"\2bb", .key_n = 3, .change_set = 2, .fact = (const uint8_t *)"", .fact_n = 0 },
	{ .key = (const uint8_t *)"\3c", .key_n = 2, .change_set = 0xFFFFFFFF, .fact = (const uint8_t *)"x", .fact_n = 1 },
};

/* Two sets, three facts. */
static void encode(struct buf *ret)
{
	directory_doc_head((const uint8_t *)"leaf 0", 6, (const uint8_t *)"note", 4, proof, 2, ret);
	buf_u32(ret, 2);
	directory_doc_set_encode((const uint8_t *)"first set", 9, ret);
	directory_doc_set_encode((const uint8_t *)"second", 6, ret);
	buf_u32(ret, 3);
	for (unsigned i = 0; i < 3; i++)
		directory_doc_fact_encode(&facts[i], ret);
	assert_true(buf_ok(ret));
}

static void document_comes_back(void **state)
{
	struct directory_doc_fact f;
	struct directory_doc d;
	const uint8_t *set;
	struct buf b;
	uint32_t n;
	struct rd r;

	(void)state;
	buf_init(&b, 4096);
	encode(&b);
	assert_int_equal(directory_doc_decode(b.p, b.n, &d), 0);
	assert_int_equal(d.leaf_n, 6);
	assert_memory_equal(d.leaf, "leaf 0", 6);
	assert_int_equal(d.checkpoint_n, 4);
	assert_memory_equal(d.checkpoint, "note", 4);
	assert_int_equal(d.proofs, 2);
	assert_memory_equal(d.proof, proof, sizeof(proof));
	assert_int_equal(d.sets, 2);
	r = directory_doc_sets(&d);
	assert_true(directory_doc_set(&r, &set, &n));
	assert_int_equal(n, 9);
	assert_memory_equal(set, "first set", 9);
	assert_true(directory_doc_set(&r, &set, &n));
	assert_int_equal(n, 6);
	assert_false(directory_doc_set(&r, &set, &n));
	assert_int_equal(d.facts, 3);
	r = directory_doc_facts(&d);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(directory_doc_fact(&r, &f));
		assert_int_equal(f.change_set, facts[i].change_set);
		assert_int_equal(f.key_n, facts[i].key_n);
		assert_memory_equal(f.key, facts[i].key, f.key_n);
		assert_int_equal(f.fact_n, facts[i].fact_n);
		assert_memory_equal(f.fact, facts[i].fact, f.fact_n);
	}
	assert_false(directory_doc_fact(&r, &f));
	buf_free(&b);
}

static void every_cut_and_a_byte_more_are_refused(void **state)
{
	struct directory_doc d;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	encode(&b);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(directory_doc_decode(b.p, n, &d), CV_ERR_FORMAT);
	buf_u8(&b, 0);
	assert_int_equal(directory_doc_decode(b.p, b.n, &d), CV_ERR_FORMAT);
	buf_free(&b);
}

static void another_magic_format_suite_or_number_is_refused(void **state)
{
	/* Magic, format, suite; the last bytes of the counts of sets and facts. */
	const size_t sets = 6 + 2 + 6 + 2 + 4 + 1 + 64 + 3, places[] = { 0, 3, 4, 5, sets, sets + 1 + 4 + 9 + 4 + 6 + 3 };
	struct directory_doc d;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	encode(&b);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (int by = -1; by <= 1; by += 2) {
			b.p[places[i]] = (uint8_t)(b.p[places[i]] + by);
			assert_int_equal(directory_doc_decode(b.p, b.n, &d), CV_ERR_FORMAT);
			b.p[places[i]] = (uint8_t)(b.p[places[i]] - by);
		}
	assert_int_equal(directory_doc_decode(b.p, b.n, &d), 0);
	buf_free(&b);
}

static void proof_longer_than_any_trees_is_refused(void **state)
{
	static const uint8_t many[DIRECTORY_PROOF_MAX + 1][32];
	struct directory_doc d;
	struct buf b;

	(void)state;
	buf_init(&b, 8192);
	for (uint8_t n = DIRECTORY_PROOF_MAX; n <= DIRECTORY_PROOF_MAX + 1; n++) {
		buf_reset(&b);
		directory_doc_head((const uint8_t *)"l", 1, (const uint8_t *)"n", 1, many, n, &b);
		buf_u32(&b, 0);
		buf_u32(&b, 0);
		assert_int_equal(directory_doc_decode(b.p, b.n, &d), n > DIRECTORY_PROOF_MAX ? CV_ERR_FORMAT : 0);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(document_comes_back), cmocka_unit_test(every_cut_and_a_byte_more_are_refused),
		cmocka_unit_test(another_magic_format_suite_or_number_is_refused), cmocka_unit_test(proof_longer_than_any_trees_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The Merkle tree: known roots, published proofs, and proofs of our own for every small tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/merkle.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/crypto.h"

#define LEAVES 70u
#define WORDS 40

/* MTH of the leaves 00, 01 ... */
static const char *const roots[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
	"a20bf9a7cc2dc8a08f5f415a71b19f6ac427bab54d24eec868b5d3103449953a",
	"3b6cccd7e3e023ff393006f030315ee7ad9eb111b022b41fba7e5b7a3973f688",
	"9bcd51240af4005168f033121ba85be5a6ed4f0e6a5fac262066729b8fbfdecb",
	"b855b42d6c30f5b087e05266783fbd6e394f7b926013ccaa67700a8b0c5a596f",
	"bb36e7d3d4cee5720cbd323d02fab15962e2ba1dadf5f8fc6eeef4fd6ad056a8",
	"3560191803028444b232018ac047fdb561c09c23a7a6876c85e08b5e4d48e9f3",
};

/* All complete subtrees of a tree, by level and index. */
static uint8_t node[8][LEAVES][32];
static uint8_t root[LEAVES + 1][32];

static void keep(void *cookie, unsigned level, uint64_t index, const uint8_t hash[32])
{
	(void)cookie;
	memcpy(node[level][index], hash, 32);
}
static int read_node(void *cookie, unsigned level, uint64_t index, uint8_t ret[32])
{
	(void)cookie;
	assert_true(level < 8 && (index + 1) << level <= LEAVES);
	memcpy(ret, node[level][index], 32);
	return 0;
}
static int setup(void **state)
{
	struct merkle_frontier f;

	(void)state;
	if (crypto_start() != 0)
		return -1;
	merkle_begin(&f);
	for (unsigned i = 0; i <= LEAVES; i++) {
		uint8_t leaf = (uint8_t)i;

		merkle_root(&f, root[i]);
		if (i == LEAVES)
			break;
		merkle_leaf(&leaf, 1, node[0][i]);
		merkle_add(&f, 0, node[0][i], keep, NULL);
	}
	return 0;
}

static void roots_are_the_known_ones(void **state)
{
	char hex[65];

	(void)state;
	for (unsigned i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		hex_encode(root[i], 32, hex);
		assert_string_equal(hex, roots[i]);
	}
}

static void trees_grow_the_same_by_leaves_and_by_subtrees(void **state)
{
	struct merkle_frontier a, b;
	uint8_t h[32], over[32], bytes[LEAVES];

	(void)state;
	merkle_root_of((const uint8_t (*)[32])node[0], LEAVES, h);
	assert_memory_equal(h, root[LEAVES], 32);
	for (unsigned i = 0; i < LEAVES; i++)
		bytes[i] = (uint8_t)i;
	merkle_root_over(bytes, LEAVES, 1, over);
	assert_memory_equal(over, h, 32);
	merkle_begin(&a);
	merkle_add(&a, 6, node[6][0], NULL, NULL);
	merkle_add(&a, 2, node[2][16], NULL, NULL);
	merkle_add(&a, 0, node[0][68], NULL, NULL);
	merkle_add(&a, 0, node[0][69], NULL, NULL);
	merkle_root(&a, h);
	assert_memory_equal(h, root[70], 32);
	merkle_begin(&b);
	merkle_root(&b, h);
	assert_memory_equal(h, root[0], 32);
}

static void note_keeps_the_frontier(void **state)
{
	uint8_t note[MERKLE_NOTE_MAX], h[32];
	struct merkle_frontier f, g;
	size_t n;

	(void)state;
	merkle_begin(&f);
	for (unsigned i = 0; i <= LEAVES; i++) {
		n = merkle_note_encode(&f, note);
		assert_int_equal(merkle_note_decode(note, n, &g), 0);
		assert_true(g.size == i);
		merkle_root(&g, h);
		assert_memory_equal(h, root[i], 32);
		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(merkle_note_decode(note, cut, &g), CV_ERR_FORMAT);
		note[8] ^= 1;
		assert_int_equal(merkle_note_decode(note, n, &g), CV_ERR_FORMAT);
		if (i < LEAVES)
			merkle_add(&f, 0, node[0][i], NULL, NULL);
	}
}

/* Every proof of every small tree holds, and none with one bit, one hash, one size or one index changed. */
static void inclusion_proofs_hold_and_nothing_else_does(void **state)
{
	uint8_t proof[MERKLE_PROOF_MAX][32];
	unsigned n;

	(void)state;
	for (unsigned size = 1; size <= LEAVES; size++) {
		for (unsigned i = 0; i < size; i++) {
			assert_int_equal(merkle_inclusion(i, size, read_node, NULL, proof, &n), 0);
			assert_int_equal(merkle_verify_inclusion(i, size, node[0][i], (const uint8_t (*)[32])proof, n, root[size]), 0);
			assert_int_not_equal(merkle_verify_inclusion(i, size, node[0][(i + 1) % LEAVES], (const uint8_t (*)[32])proof,
			    n, root[size]), 0);
			assert_int_not_equal(merkle_verify_inclusion(i, size, node[0][i], (const uint8_t (*)[32])proof, n,
			    root[size - 1]), 0);
			if (n == 0)
				continue;
			assert_int_not_equal(merkle_verify_inclusion(i, size, node[0][i], (const uint8_t (*)[32])proof, n - 1,
			    root[size]), 0);
			proof[(size + i) % n][i % 32] ^= 4;
			assert_int_not_equal(merkle_verify_inclusion(i, size, node[0][i], (const uint8_t (*)[32])proof, n, root[size]), 0);
		}
		assert_int_equal(merkle_inclusion(size, size, read_node, NULL, proof, &n), CV_ERR_ARG);
	}
}

static void consistency_proofs_hold_and_nothing_else_does(void **state)
{
	uint8_t proof[MERKLE_PROOF_MAX][32];
	unsigned n;

	(void)state;
	for (unsigned b = 1; b <= LEAVES; b++) {
		for (unsigned a = 1; a <= b; a++) {
			assert_int_equal(merkle_consistency(a, b, read_node, NULL, proof, &n), 0);
			assert_int_equal(merkle_verify_consistency(a, b, root[a], root[b], (const uint8_t (*)[32])proof, n), 0);
			assert_int_not_equal(merkle_verify_consistency(a, b, root[a - 1], root[b], (const uint8_t (*)[32])proof, n), 0);
			assert_int_not_equal(merkle_verify_consistency(a, b, root[a], root[b - 1], (const uint8_t (*)[32])proof, n), 0);
			if (n == 0)
				continue;
			proof[(a + b) % n][a % 32] ^= 4;
			assert_int_not_equal(merkle_verify_consistency(a, b, root[a], root[b], (const uint8_t (*)[32])proof, n), 0);
		}
		assert_int_equal(merkle_consistency(0, b, read_node, NULL, proof, &n), CV_ERR_ARG);
		assert_int_equal(merkle_consistency(b + 1, b, read_node, NULL, proof, &n), CV_ERR_ARG);
	}
}

/* ---- published proofs ------------------------------------------------------------------------------------------------------ */

/*
 * A word as a hash. For one of another length another hash stands, where equality is all that matters; false tells that an
 * interface of 32 bytes refuses it.
 */
static bool hash_word(const char *word, uint8_t ret[32])
{
	const struct part part = { word, strlen(word) };

	if (strlen(word) == 64 && hex_decode(word, 64, ret, 32) == 0)
		return true;
	crypto_sha256(&part, 1, ret);
	return false;
}

static int judge(char **w)
{
	uint64_t a = strtoull(w[2], NULL, 10), b = strtoull(w[3], NULL, 10);
	unsigned n = (unsigned)strtoul(w[6], NULL, 10);
	uint8_t x[32], y[32], proof[WORDS][32];

	bool whole = hash_word(w[4], x);

	whole = hash_word(w[5], y) && whole;
	for (unsigned i = 0; i < n; i++)
		whole = hash_word(w[7 + i], proof[i]) && whole;
	if (strcmp(w[0], "inclusion") == 0)
		return !whole ? CV_ERR_FORMAT : merkle_verify_inclusion(a, b, x, (const uint8_t (*)[32])proof, n, y);
	return merkle_verify_consistency(a, b, x, y, (const uint8_t (*)[32])proof, n);
}

static void published_proofs_are_judged_as_published(void **state)
{
	FILE *f = fopen("tests/vectors/merkle/proofs.txt", "r");
	char *line = NULL, *rest, *w[WORDS];
	unsigned good = 0, bad = 0, n;
	size_t room = 0;

	(void)state;
	assert_non_null(f);
	while (getline(&line, &room, f) > 0) {
		if (line[0] == '#')
			continue;
		rest = line;
		for (n = 0; n < WORDS && (w[n] = strsep(&rest, " \n")) != NULL && w[n][0] != '\0';)
			n++;
		assert_true(n >= 8 && n == 8 + strtoul(w[6], NULL, 10));
		if (strcmp(w[1], "good") == 0) {
			good++;
			if (judge(w) != 0)
				fail_msg("%s: a good proof is refused", w[n - 1]);
		} else {
			bad++;
			if (judge(w) == 0)
				fail_msg("%s: a bad proof is accepted", w[n - 1]);
		}
	}
	free(line);
	(void)fclose(f);
	assert_true(good + bad == 196 && good > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roots_are_the_known_ones),
		cmocka_unit_test(trees_grow_the_same_by_leaves_and_by_subtrees),
		cmocka_unit_test(note_keeps_the_frontier),
		cmocka_unit_test(inclusion_proofs_hold_and_nothing_else_does),
		cmocka_unit_test(consistency_proofs_hold_and_nothing_else_does),
		cmocka_unit_test(published_proofs_are_judged_as_published),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

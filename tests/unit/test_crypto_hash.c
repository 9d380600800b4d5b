/* crypto: BLAKE2b with labels, SHA-256, SipHash, ratchet, blind index, multiset hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "crypto/crypto.h"
#include "test_crypto.h"

static int start(void **state)
{
	(void)state;
	return crypto_start();
}

static void run(uint8_t *p, uint8_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(first + i);
}

static void assert_hex(const uint8_t *p, size_t n, const char *want)
{
	char s[2 * 64 + 1];

	assert_true(n <= 64);
	hex_encode(p, n, s);
	assert_string_equal(s, want);
}

static unsigned hashes, sets;

/* hash n label key input output: at once, in parts of any cut, and streaming */
static void hash_line(char **w, size_t n)
{
	struct bytes key, in, want;
	struct hash_state h;
	struct part parts[3];
	size_t out_n;
	uint8_t out[64];

	assert_int_equal(n, 6);
	out_n = (size_t)strtoul(w[1], NULL, 10);
	unhex(w[3], &key);
	unhex(w[4], &in);
	unhex(w[5], &want);
	assert_int_equal(want.n, out_n);
	parts[0] = (struct part){ in.p, in.n };
	crypto_hash(w[2], key.n > 0 ? key.p : NULL, key.n, parts, 1, out, out_n);
	assert_memory_equal(out, want.p, out_n);
	for (size_t cut = 0; cut <= in.n; cut++) {
		parts[0] = (struct part){ in.p, cut };
		parts[1] = (struct part){ NULL, 0 };
		parts[2] = (struct part){ in.p + cut, in.n - cut };
		memset(out, 0, sizeof(out));
		crypto_hash(w[2], key.p, key.n, parts, 3, out, out_n);
		assert_memory_equal(out, want.p, out_n);
	}
	hash_begin(&h, w[2], key.p, key.n, out_n);
	for (size_t i = 0; i < in.n; i++)
		hash_add(&h, in.p + i, 1);
	memset(out, 0, sizeof(out));
	hash_end(&h, out);
	assert_memory_equal(out, want.p, out_n);
	for (size_t i = 0; i < sizeof(h.opaque); i++)
		assert_int_equal(h.opaque[i], 0);
	hashes++;
}

/* lthash key digest first-16-bytes element... */
static void lthash_line(char **w, size_t n)
{
	struct bytes key, digest, first, el;
	struct lthash h, back;
	struct part part;
	uint8_t out[32], enc[LTHASH_BYTES];

	assert_true(n >= 4);
	memset(&h, 0, sizeof(h));
	unhex(w[1], &key);
	unhex(w[2], &digest);
	unhex(w[3], &first);
	for (size_t i = 4; i < n; i++) {
		unhex(w[i], &el);
		part = (struct part){ el.p, el.n };
		lthash_add(&h, key.p, &part, 1);
	}
	lthash_encode(&h, enc);
	assert_memory_equal(enc, first.p, 16);
	lthash_decode(&back, enc);
	assert_memory_equal(&back, &h, sizeof(h));
	lthash_digest(&h, out);
	assert_memory_equal(out, digest.p, 32);
	sets++;
}

static void vector_line(char **w, size_t n)
{
	if (strcmp(w[0], "hash") == 0)
		hash_line(w, n);
	else if (strcmp(w[0], "lthash") == 0)
		lthash_line(w, n);
}

static void second_implementation_agrees(void **state)
{
	(void)state;
	hashes = sets = 0;
	(void)each_line("tests/vectors/crypto/crypto.txt", vector_line);
	assert_int_equal(hashes, 39);
	assert_int_equal(sets, 6);
}

static void no_parts_hash_as_no_bytes(void **state)
{
	const struct part none = { NULL, 0 };
	uint8_t a[32], b[32];

	(void)state;
	crypto_hash("cv1.test", NULL, 0, NULL, 0, a, 32);
	crypto_hash("cv1.test", NULL, 0, &none, 1, b, 32);
	assert_memory_equal(a, b, 32);
}

static void labels_keys_and_lengths_separate(void **state)
{
	const struct part part = { "x", 1 };
	uint8_t key[33] = { 0 }, base[64], other[64];

	(void)state;
	crypto_hash("cv1.a", key, 32, &part, 1, base, 32);
	crypto_hash("cv1.b", key, 32, &part, 1, other, 32);
	assert_memory_not_equal(base, other, 32);
	crypto_hash("cv1.a", key, 33, &part, 1, other, 32);
	assert_memory_not_equal(base, other, 32);
	crypto_hash("cv1.a", key, 32, &part, 1, other, 64);
	assert_memory_not_equal(base, other, 32);
	key[31] = 1;
	crypto_hash("cv1.a", key, 32, &part, 1, other, 32);
	assert_memory_not_equal(base, other, 32);
}

static void blind_index_gives_the_known_answer(void **state)
{
	const struct part part = { "19990101-1234", 13 };
	uint8_t key[32], out[16];

	(void)state;
	run(key, 0x40, 32);
	crypto_hash("cv1.blind.nid", key, 32, &part, 1, out, 16);
	assert_hex(out, 16, "8eedca20477c74da082157a669280835");
}

static void signing_ratchet_gives_the_known_answer(void **state)
{
	static const char *const want[] = {
		"2052ec289e8a19e571d52ef9e2e8f0f408bb5bda9474a0285094f6b37141b6f9",
		"1520417525339a2c5c98a9f5382bb948d7bb3aa75e2ffcad3c6b0cee385793c5",
		"ea264e77310408e70f29e5c1d1e1f8704dd3f281b99777baba3eaab5ebb60656"
	};
	uint8_t s[32], seed[32], pk[32], sk[64];

	(void)state;
	run(s, 0, 32);
	for (size_t e = 0; e < 3; e++) {
		crypto_hash("cv1.fs.sign", s, 32, NULL, 0, seed, 32);
		crypto_sign_pair(seed, pk, sk);
		assert_hex(pk, 32, want[e]);
		crypto_hash("cv1.fs.next", s, 32, NULL, 0, s, 32);
	}
}

/* RFC 6962, section 2.1, over the leaves 00, 01, ... */
static void tree_head(uint8_t first, size_t n, uint8_t ret[32])
{
	uint8_t left[32], right[32];
	size_t k = 1;

	if (n == 0) {
		crypto_sha256(NULL, 0, ret);
	} else if (n == 1) {
		const struct part leaf[] = { { "\0", 1 }, { &first, 1 } };

		crypto_sha256(leaf, 2, ret);
	} else {
		const struct part node[] = { { "\1", 1 }, { left, 32 }, { right, 32 } };

		while (2 * k < n)
			k *= 2;
		tree_head(first, k, left);
		tree_head((uint8_t)(first + k), n - k, right);
		crypto_sha256(node, 3, ret);
	}
}

static void merkle_roots_give_the_known_answers(void **state)
{
	static const char *const want[] = {
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
		"a20bf9a7cc2dc8a08f5f415a71b19f6ac427bab54d24eec868b5d3103449953a",
		"3b6cccd7e3e023ff393006f030315ee7ad9eb111b022b41fba7e5b7a3973f688",
		"9bcd51240af4005168f033121ba85be5a6ed4f0e6a5fac262066729b8fbfdecb",
		"b855b42d6c30f5b087e05266783fbd6e394f7b926013ccaa67700a8b0c5a596f",
		"bb36e7d3d4cee5720cbd323d02fab15962e2ba1dadf5f8fc6eeef4fd6ad056a8",
		"3560191803028444b232018ac047fdb561c09c23a7a6876c85e08b5e4d48e9f3"
	};
	uint8_t root[32];

	(void)state;
	for (size_t n = 0; n < 8; n++) {
		tree_head(0, n, root);
		assert_hex(root, 32, want[n]);
	}
}

/* The first answers of the reference implementation's table of 128-bit outputs. */
/* B of docs/FORMAT.md 2.1, of as much text as one block takes and of none. */
static void a_key_before_the_text_hashes_as_text(void **state)
{
	uint8_t in[CRYPTO_ONE_BLOCK], want[64], got[64];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(3 * i + 1);
	for (size_t n = 0; n <= CRYPTO_ONE_BLOCK - CRYPTO_KEY; n += 32) {
		crypto_hash("cv1.test", NULL, 0, &(struct part){ in, CRYPTO_KEY + n }, 1, want, sizeof(want));
		crypto_hash_block("cv1.test", in, in + CRYPTO_KEY, n, got, sizeof(got));
		assert_memory_equal(got, want, sizeof(want));
		crypto_hash("cv1.test", in, CRYPTO_KEY, &(struct part){ in + CRYPTO_KEY, n }, 1, want, sizeof(want));
		assert_memory_not_equal(got, want, sizeof(want));
	}
}

static void siphash_gives_the_known_answers(void **state)
{
	static const char *const want[] = {
		"a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45", "8177228da4a45dc7fca38bdef60affe4",
		"9c70b60c5267a94e5f33b6b02985ed51"
	};
	uint8_t key[16], m[4], out[16];

	(void)state;
	run(key, 0, 16);
	run(m, 0, 4);
	for (size_t n = 0; n < 4; n++) {
		crypto_siphash128(key, m, n, out);
		assert_hex(out, 16, want[n]);
	}
}

/* RFC 8439, appendix A.1, tests 1 and 2: blocks 0 and 1. */
static void stream_gives_the_known_answer(void **state)
{
	uint8_t key[32] = { 0 }, out[100];

	(void)state;
	crypto_stream(key, out, sizeof(out));
	assert_hex(out, 64, "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
	    "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586");
	assert_hex(out + 64, 36, "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b72176");
}

/* ---- multiset hash --------------------------------------------------------------------------------------------- */

static void add_number(struct lthash *h, const uint8_t key[32], uint8_t v)
{
	const struct part part = { &v, 1 };

	lthash_add(h, key, &part, 1);
}

static void order_does_not_matter(void **state)
{
	uint8_t key[32];
	struct lthash up = { 0 }, down = { 0 };

	(void)state;
	run(key, 5, 32);
	for (uint8_t i = 0; i < 50; i++) {
		add_number(&up, key, i);
		add_number(&down, key, (uint8_t)(49 - i));
	}
	assert_memory_equal(&up, &down, sizeof(up));
}

static void removing_undoes_adding(void **state)
{
	const struct part two[] = { { "ab", 2 }, { "c", 1 } }, one = { "abc", 3 };
	uint8_t key[32];
	struct lthash h = { 0 }, before;

	(void)state;
	run(key, 5, 32);
	add_number(&h, key, 1);
	before = h;
	lthash_add(&h, key, two, 2);
	assert_memory_not_equal(&h, &before, sizeof(h));
	lthash_remove(&h, key, &one, 1);
	assert_memory_equal(&h, &before, sizeof(h));
	lthash_remove(&h, key, &one, 1);
	lthash_add(&h, key, &one, 1);
	assert_memory_equal(&h, &before, sizeof(h));
}

static void key_count_and_element_matter(void **state)
{
	uint8_t key[32];
	struct lthash a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	(void)state;
	run(key, 5, 32);
	add_number(&a, key, 1);
	add_number(&b, key, 2);
	add_number(&c, key, 1);
	add_number(&c, key, 1);
	key[0] ^= 1;
	add_number(&d, key, 1);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&a, &c, sizeof(a));
	assert_memory_not_equal(&a, &d, sizeof(a));
}

static void lanes_are_stored_little_endian(void **state)
{
	struct lthash h = { 0 };
	uint8_t enc[LTHASH_BYTES];

	(void)state;
	h.lane[0] = 0x1234;
	h.lane[1023] = 0xfffe;
	lthash_encode(&h, enc);
	assert_int_equal(enc[0], 0x34);
	assert_int_equal(enc[1], 0x12);
	assert_int_equal(enc[2046], 0xfe);
	assert_int_equal(enc[2047], 0xff);
}

/* What another thread added and removed from nothing, joined, is what it would have been here. */
static void changes_made_elsewhere_join(void **state)
{
	static const uint8_t key[32] = { 5 };
	struct lthash here = { .lane = { 0 } }, there = { .lane = { 0 } }, all = { .lane = { 0 } };
	const struct part old = { "old row", 7 }, new = { "new row, longer", 15 }, other = { "another", 7 };

	(void)state;
	lthash_add(&here, key, &old, 1);
	lthash_add(&here, key, &other, 1);
	lthash_remove(&there, key, &old, 1);
	lthash_add(&there, key, &new, 1);
	lthash_join(&here, &there);
	lthash_add(&all, key, &new, 1);
	lthash_add(&all, key, &other, 1);
	assert_memory_equal(&here, &all, sizeof(here));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_made_elsewhere_join),
		cmocka_unit_test(second_implementation_agrees),
		cmocka_unit_test(no_parts_hash_as_no_bytes),
		cmocka_unit_test(a_key_before_the_text_hashes_as_text),
		cmocka_unit_test(labels_keys_and_lengths_separate),
		cmocka_unit_test(blind_index_gives_the_known_answer),
		cmocka_unit_test(signing_ratchet_gives_the_known_answer),
		cmocka_unit_test(merkle_roots_give_the_known_answers),
		cmocka_unit_test(siphash_gives_the_known_answers),
		cmocka_unit_test(stream_gives_the_known_answer),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(removing_undoes_adding),
		cmocka_unit_test(key_count_and_element_matter),
		cmocka_unit_test(lanes_are_stored_little_endian),
	};

	return cmocka_run_group_tests_name("crypto_hash", tests, start, NULL);
}

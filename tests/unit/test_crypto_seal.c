/* crypto: SEAL, PKSEAL, cells, agreement, signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/error.h"
#include "crypto/crypto.h"
#include "test_crypto.h"

static int start(void **state)
{
	(void)state;
	return crypto_start();
}

/* Bytes first, first + 1, ... */
static void run(uint8_t *p, uint8_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(first + i);
}

static void from_hex(const char *s, uint8_t *p, size_t n)
{
	assert_int_equal(hex_decode(s, strlen(s), p, n), 0);
}

#define CTX_FIELD "4356583101010001000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" \
	"0003000000000001000000010000002a0000000000000007303132333435363738393a3b3c3d3e3f00000000000000400000000000000000"
#define CTX_WRAP "4356583102010001000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" \
	"000300000000000100000001000000000000000000000000303132333435363738393a3b3c3d3e3f00000000000000200000000000000000"

static void seal_gives_the_known_answer(void **state)
{
	uint8_t key[32], nonce[24], ctx[96], frame[64] = { 1, 0, 0, 0, 5 }, want[136], out[136], back[64];

	(void)state;
	from_hex("e267b9d8fa7aa9de632f4956f09b154c7595ece07f1593c06457e1d7b8b938ab", key, 32);
	run(nonce, 0x80, 24);
	from_hex(CTX_FIELD, ctx, 96);
	memcpy(frame + 13, "hello", 5);
	run(want, 0x80, 24);
	from_hex("845a76df0140eec180c70ac77442d8a78d1beb36d4b312dfe53d000af02b6b97"
	    "fcb862e03a7f6a0a83f51b7d67e7deb9462aa2b6f484d81059c0cebdd4c93251"
	    "0857ac8e3458cf5875960feb213c391a9e7880942f7ca28e4d254a00207085e6"
	    "764ffeb63a59dc8eae2b93093c650571", want + 24, 112);
	crypto_seal_with(key, nonce, ctx, frame, 64, out);
	assert_memory_equal(out, want, sizeof(want));
	assert_int_equal(crypto_open(key, ctx, out, sizeof(out), back), 0);
	assert_memory_equal(back, frame, 64);
}

static void pkseal_gives_the_known_answer(void **state)
{
	uint8_t sk[32], esk[32], pk[32], ctx[96], dek[32], want[112], out[112], back[32];

	(void)state;
	run(sk, 0xa0, 32);
	run(esk, 0xc0, 32);
	run(dek, 0x40, 32);
	from_hex(CTX_WRAP, ctx, 96);
	from_hex("605a725d2a4adfeeb1a29e17edd621c1b7593ee8cdbc44ac6c4ab6e2f805d23c", want, 32);
	crypto_box_public(sk, pk);
	assert_memory_equal(pk, want, 32);
	from_hex("dc2cca31e8e43bbd91dff7e475cca3347eb478107d5bd765aba4ae4a30c35d44bb532f472e422db546ba08022f022925"
	    "521321016c226a9f24ac43e2d3a266517d42ec68ce49a9571e60d599f9d2e890ac0463dd7afeba05459d1556c779559d"
	    "e49a8dca3d3f26ef4a762e49c3781971", want, 112);
	assert_int_equal(crypto_pkseal_with(esk, pk, ctx, dek, 32, out), 0);
	assert_memory_equal(out, want, sizeof(want));
	assert_int_equal(crypto_pkopen(sk, ctx, out, sizeof(out), back), 0);
	assert_memory_equal(back, dek, 32);
}

static unsigned seals, pkseals, cells;

static void seal_line(char **w)
{
	struct bytes key, nonce, ctx, m, want;
	uint8_t out[2048];

	unhex(w[1], &key);
	unhex(w[2], &nonce);
	unhex(w[3], &ctx);
	unhex(w[4], &m);
	unhex(w[5], &want);
	assert_int_equal(want.n, m.n + SEAL_OVERHEAD);
	crypto_seal_with(key.p, nonce.p, ctx.p, m.p, m.n, out);
	assert_memory_equal(out, want.p, want.n);
	assert_int_equal(crypto_open(key.p, ctx.p, want.p, want.n, out), 0);
	assert_memory_equal(out, m.p, m.n);
	seals++;
}

static void pkseal_line(char **w)
{
	struct bytes esk, sk, ctx, m, want;
	uint8_t pk[32], out[2048];

	unhex(w[1], &esk);
	unhex(w[2], &sk);
	unhex(w[3], &ctx);
	unhex(w[4], &m);
	unhex(w[5], &want);
	assert_int_equal(want.n, m.n + PKSEAL_OVERHEAD);
	crypto_box_public(sk.p, pk);
	assert_int_equal(crypto_pkseal_with(esk.p, pk, ctx.p, m.p, m.n, out), 0);
	assert_memory_equal(out, want.p, want.n);
	assert_int_equal(crypto_pkopen(sk.p, ctx.p, want.p, want.n, out), 0);
	assert_memory_equal(out, m.p, m.n);
	pkseals++;
}

static void cell_line(char **w)
{
	struct bytes key, nonce, ad, m, want;
	uint8_t out[2048];

	unhex(w[1], &key);
	unhex(w[2], &nonce);
	unhex(w[3], &ad);
	unhex(w[4], &m);
	unhex(w[5], &want);
	assert_int_equal(want.n, m.n + CRYPTO_TAG);
	crypto_cell_seal(key.p, nonce.p, ad.n > 0 ? ad.p : NULL, ad.n, m.p, m.n, out);
	assert_memory_equal(out, want.p, want.n);
	assert_int_equal(crypto_cell_open(key.p, nonce.p, ad.n > 0 ? ad.p : NULL, ad.n, want.p, want.n, out), 0);
	assert_memory_equal(out, m.p, m.n);
	cells++;
}

static void vector_line(char **w, size_t n)
{
	if (strcmp(w[0], "seal") == 0 || strcmp(w[0], "pkseal") == 0 || strcmp(w[0], "cell") == 0)
		assert_int_equal(n, 6);
	if (strcmp(w[0], "seal") == 0)
		seal_line(w);
	else if (strcmp(w[0], "pkseal") == 0)
		pkseal_line(w);
	else if (strcmp(w[0], "cell") == 0)
		cell_line(w);
}

static void second_implementation_agrees(void **state)
{
	(void)state;
	seals = pkseals = cells = 0;
	(void)each_line("tests/vectors/crypto/crypto.txt", vector_line);
	assert_true(seals == 7 && pkseals == 3 && cells == 5);
}

static void random_seals_differ_and_open(void **state)
{
	uint8_t key[32], ctx[96], a[5 + SEAL_OVERHEAD], b[5 + SEAL_OVERHEAD], back[5];

	(void)state;
	crypto_random(key, 32);
	run(ctx, 1, 96);
	crypto_seal(key, ctx, (const uint8_t *)"hello", 5, a);
	crypto_seal(key, ctx, (const uint8_t *)"hello", 5, b);
	assert_memory_not_equal(a, b, CRYPTO_NONCE);
	assert_int_equal(crypto_open(key, ctx, a, sizeof(a), back), 0);
	assert_memory_equal(back, "hello", 5);
	assert_int_equal(crypto_open(key, ctx, b, sizeof(b), back), 0);
	assert_memory_equal(back, "hello", 5);
}

static void random_pkseals_differ_and_open(void **state)
{
	uint8_t sk[32], pk[32], ctx[96], a[5 + PKSEAL_OVERHEAD], b[5 + PKSEAL_OVERHEAD], back[5];

	(void)state;
	crypto_random(sk, 32);
	crypto_box_public(sk, pk);
	run(ctx, 1, 96);
	assert_int_equal(crypto_pkseal(pk, ctx, (const uint8_t *)"hello", 5, a), 0);
	assert_int_equal(crypto_pkseal(pk, ctx, (const uint8_t *)"hello", 5, b), 0);
	assert_memory_not_equal(a, b, CRYPTO_KEY);
	assert_int_equal(crypto_pkopen(sk, ctx, b, sizeof(b), back), 0);
	assert_memory_equal(back, "hello", 5);
}

/* Every flipped bit, cut and added byte of a sealed object, of its context and of its key. */
static void changed_seal_is_refused(void **state)
{
	uint8_t key[32], ctx[96], c[64 + SEAL_OVERHEAD + 1] = { 0 }, m[64], back[65];
	const size_t n = 64 + SEAL_OVERHEAD;

	(void)state;
	run(key, 9, 32);
	run(ctx, 1, 96);
	run(m, 2, 64);
	crypto_seal(key, ctx, m, 64, c);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(crypto_open(key, ctx, c, n, back), CV_ERR_AUTH);
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(ctx); bit++) {
		ctx[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(crypto_open(key, ctx, c, n, back), CV_ERR_AUTH);
		ctx[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(key); bit++) {
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(crypto_open(key, ctx, c, n, back), CV_ERR_AUTH);
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(crypto_open(key, ctx, c, cut, back), cut < SEAL_OVERHEAD ? CV_ERR_FORMAT : CV_ERR_AUTH);
	assert_int_equal(crypto_open(key, ctx, c, n + 1, back), CV_ERR_AUTH);
	assert_int_equal(crypto_open(key, ctx, c, n, back), 0);
	assert_memory_equal(back, m, 64);
}

static void changed_pkseal_is_refused(void **state)
{
	uint8_t sk[32], pk[32], ctx[96], c[32 + PKSEAL_OVERHEAD + 1] = { 0 }, m[32], back[33];
	const size_t n = 32 + PKSEAL_OVERHEAD;

	(void)state;
	run(sk, 9, 32);
	run(ctx, 1, 96);
	run(m, 2, 32);
	crypto_box_public(sk, pk);
	assert_int_equal(crypto_pkseal(pk, ctx, m, 32, c), 0);
	/* X25519 ignores the top bit of a public key, but the derivation takes it in. */
	for (size_t bit = 0; bit < 8 * n; bit++) {
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(crypto_pkopen(sk, ctx, c, n, back), CV_ERR_AUTH);
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(ctx); bit++) {
		ctx[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(crypto_pkopen(sk, ctx, c, n, back), CV_ERR_AUTH);
		ctx[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(crypto_pkopen(sk, ctx, c, cut, back),
		    cut < PKSEAL_OVERHEAD ? CV_ERR_FORMAT : CV_ERR_AUTH);
	assert_int_equal(crypto_pkopen(sk, ctx, c, n + 1, back), CV_ERR_AUTH);
	sk[1] ^= 1;
	assert_int_equal(crypto_pkopen(sk, ctx, c, n, back), CV_ERR_AUTH);
	sk[1] ^= 1;
	assert_int_equal(crypto_pkopen(sk, ctx, c, n, back), 0);
	assert_memory_equal(back, m, 32);
}

static void changed_cell_is_refused(void **state)
{
	uint8_t key[32], nonce[12] = { 0 }, ad[4] = "ad", c[32 + CRYPTO_TAG + 1] = { 0 }, m[32], back[33];
	const size_t n = 32 + CRYPTO_TAG;

	(void)state;
	run(key, 9, 32);
	run(m, 2, 32);
	crypto_cell_seal(key, nonce, ad, sizeof(ad), m, 32, c);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(crypto_cell_open(key, nonce, ad, sizeof(ad), c, n, back), CV_ERR_AUTH);
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(crypto_cell_open(key, nonce, ad, sizeof(ad), c, cut, back),
		    cut < CRYPTO_TAG ? CV_ERR_FORMAT : CV_ERR_AUTH);
	assert_int_equal(crypto_cell_open(key, nonce, ad, sizeof(ad), c, n + 1, back), CV_ERR_AUTH);
	assert_int_equal(crypto_cell_open(key, nonce, NULL, 0, c, n, back), CV_ERR_AUTH);
	nonce[0] = 1;
	assert_int_equal(crypto_cell_open(key, nonce, ad, sizeof(ad), c, n, back), CV_ERR_AUTH);
	nonce[0] = 0;
	ad[0] ^= 1;
	assert_int_equal(crypto_cell_open(key, nonce, ad, sizeof(ad), c, n, back), CV_ERR_AUTH);
	ad[0] ^= 1;
	assert_int_equal(crypto_cell_open(key, nonce, ad, sizeof(ad), c, n, back), 0);
	assert_memory_equal(back, m, 32);
}

/* Short ones are put together here, longer ones by the library: nobody can tell which. */
static void cells_of_any_length_are_those_of_the_library(void **state)
{
	static uint8_t m[1100], ad[40], c[1100 + CRYPTO_TAG], want[1100 + CRYPTO_TAG], back[1100];
	uint8_t key[32], nonce[12];

	(void)state;
	run(key, 5, sizeof(key));
	run(nonce, 77, sizeof(nonce));
	run(m, 3, sizeof(m));
	run(ad, 9, sizeof(ad));
	for (size_t n = 0; n <= sizeof(m); n++) {
		const size_t ad_n = n % (sizeof(ad) + 1);

		key[0]++;
		crypto_aead_chacha20poly1305_ietf_encrypt(want, NULL, m, n, ad, ad_n, NULL, nonce, key);
		crypto_cell_seal(key, nonce, ad, ad_n, m, n, c);
		assert_memory_equal(c, want, n + CRYPTO_TAG);
		memcpy(c, m, n);	/* in its own place */
		crypto_cell_seal(key, nonce, ad, ad_n, c, n, c);
		assert_memory_equal(c, want, n + CRYPTO_TAG);
		memset(back, 0xee, sizeof(back));
		assert_int_equal(crypto_cell_open(key, nonce, ad, ad_n, want, n + CRYPTO_TAG, back), 0);
		assert_memory_equal(back, m, n);
		assert_true(n == sizeof(back) || back[n] == 0xee);
		want[n * 7 % (n + CRYPTO_TAG)] ^= 0x10;
		assert_int_equal(crypto_cell_open(key, nonce, ad, ad_n, want, n + CRYPTO_TAG, back), CV_ERR_AUTH);
	}
}

/* The orders 1, 2, 4 and 8 on curve and twist, canonical and not. */
static void low_order_points_are_refused(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
	};
	uint8_t pk[32], sk[32], ctx[96], m[32] = { 0 }, c[32 + PKSEAL_OVERHEAD], before[32 + PKSEAL_OVERHEAD], back[32];

	(void)state;
	run(sk, 3, 32);
	run(ctx, 1, 96);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		from_hex(points[i], pk, 32);
		memset(c, 0xee, sizeof(c));
		memcpy(before, c, sizeof(c));
		assert_int_equal(crypto_pkseal(pk, ctx, m, 32, c), CV_ERR_CRYPTO);
		assert_memory_equal(c, before, sizeof(c));
		memcpy(c, pk, 32);
		assert_int_equal(crypto_pkopen(sk, ctx, c, sizeof(c), back), CV_ERR_CRYPTO);
	}
}

static void both_sides_agree(void **state)
{
	uint8_t a[32], b[32], pa[32], pb[32], sa[32], sb[32];

	(void)state;
	crypto_random(a, 32);
	crypto_random(b, 32);
	crypto_box_public(a, pa);
	crypto_box_public(b, pb);
	assert_int_equal(crypto_agree(a, pb, sa), 0);
	assert_int_equal(crypto_agree(b, pa, sb), 0);
	assert_true(crypto_equal(sa, sb, 32));
	assert_false(crypto_equal(sa, pa, 32));
}

/* RFC 8032, section 7.1, test 2. */
static void signature_gives_the_known_answer(void **state)
{
	uint8_t seed[32], pk[32], sk[64], want_pk[32], want[64], sig[64];

	(void)state;
	from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", seed, 32);
	from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", want_pk, 32);
	from_hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
	    "387b2eaeb4302aeeb00d291612bb0c00", want, 64);
	crypto_sign_pair(seed, pk, sk);
	assert_memory_equal(pk, want_pk, 32);
	crypto_sign(sk, "\x72", 1, sig);
	assert_memory_equal(sig, want, 64);
	assert_int_equal(crypto_verify(pk, "\x72", 1, sig), 0);
}

static void changed_signature_is_refused(void **state)
{
	uint8_t seed[32], pk[32], sk[64], sig[64], m[20];

	(void)state;
	run(seed, 0, 32);
	run(m, 7, sizeof(m));
	crypto_sign_pair(seed, pk, sk);
	crypto_sign(sk, m, sizeof(m), sig);
	for (size_t bit = 0; bit < 8 * sizeof(sig); bit++) {
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(crypto_verify(pk, m, sizeof(m), sig), CV_ERR_AUTH);
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(m); bit++) {
		m[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(crypto_verify(pk, m, sizeof(m), sig), CV_ERR_AUTH);
		m[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(crypto_verify(pk, m, sizeof(m) - 1, sig), CV_ERR_AUTH);
	assert_int_equal(crypto_verify(pk, m, sizeof(m), sig), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seal_gives_the_known_answer),
		cmocka_unit_test(pkseal_gives_the_known_answer),
		cmocka_unit_test(second_implementation_agrees),
		cmocka_unit_test(random_seals_differ_and_open),
		cmocka_unit_test(random_pkseals_differ_and_open),
		cmocka_unit_test(changed_seal_is_refused),
		cmocka_unit_test(changed_pkseal_is_refused),
		cmocka_unit_test(changed_cell_is_refused),
		cmocka_unit_test(cells_of_any_length_are_those_of_the_library),
		cmocka_unit_test(low_order_points_are_refused),
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(signature_gives_the_known_answer),
		cmocka_unit_test(changed_signature_is_refused),
	};

	return cmocka_run_group_tests_name("crypto_seal", tests, start, NULL);
}

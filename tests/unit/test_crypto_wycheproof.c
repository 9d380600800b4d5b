/* crypto: the primitives underneath, held against the public Wycheproof vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/error.h"
#include "crypto/crypto.h"
#include "test_crypto.h"

static unsigned valid, refused;

static int start(void **state)
{
	(void)state;
	return crypto_start();
}

/* number result flags key iv aad msg ct tag */
static void xchacha_line(char **w, size_t n)
{
	struct bytes key, iv, aad, msg, ct, tag;
	uint8_t out[2048];
	int r;

	assert_int_equal(n, 9);
	unhex(w[3], &key);
	unhex(w[4], &iv);
	unhex(w[5], &aad);
	unhex(w[6], &msg);
	unhex(w[7], &ct);
	unhex(w[8], &tag);
	assert_int_equal(key.n, 32);
	if (iv.n != CRYPTO_NONCE) {	/* cannot be asked of our interface */
		assert_string_equal(w[1], "invalid");
		refused++;
		return;
	}
	assert_int_equal(tag.n, CRYPTO_TAG);
	assert_true(ct.n + CRYPTO_TAG <= sizeof(ct.p));
	memcpy(ct.p + ct.n, tag.p, CRYPTO_TAG);
	ct.n += CRYPTO_TAG;
	r = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, ct.p, ct.n, aad.p, aad.n, iv.p, key.p);
	if (strcmp(w[1], "valid") != 0) {
		assert_int_equal(r, -1);
		refused++;
		return;
	}
	assert_int_equal(r, 0);
	assert_memory_equal(out, msg.p, msg.n);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, msg.p, msg.n, aad.p, aad.n, NULL, iv.p, key.p);
	assert_memory_equal(out, ct.p, ct.n);
	valid++;
}

static void xchacha20_poly1305_agrees(void **state)
{
	(void)state;
	valid = refused = 0;
	assert_int_equal(each_line("tests/vectors/wycheproof/xchacha20_poly1305.txt", xchacha_line), 315);
	assert_int_equal(valid, 246);
	assert_int_equal(refused, 69);
}

/* number result flags pk msg sig */
static void ed25519_line(char **w, size_t n)
{
	struct bytes pk, msg, sig;

	assert_int_equal(n, 6);
	unhex(w[3], &pk);
	unhex(w[4], &msg);
	unhex(w[5], &sig);
	assert_int_equal(pk.n, SIGN_PUBLIC);
	if (sig.n != SIGN_BYTES) {	/* cannot be asked of our interface */
		assert_string_equal(w[1], "invalid");
		refused++;
	} else if (strcmp(w[1], "valid") == 0) {
		assert_int_equal(crypto_verify(pk.p, msg.p, msg.n, sig.p), 0);
		valid++;
	} else {
		assert_string_equal(w[1], "invalid");
		assert_int_equal(crypto_verify(pk.p, msg.p, msg.n, sig.p), CV_ERR_AUTH);
		refused++;
	}
}

static void ed25519_agrees(void **state)
{
	(void)state;
	valid = refused = 0;
	assert_int_equal(each_line("tests/vectors/wycheproof/ed25519.txt", ed25519_line), 151);
	assert_int_equal(valid, 88);
	assert_int_equal(refused, 63);
}

/* number result flags public private shared; "acceptable" leaves the choice, and we refuse the all-zero secret alone */
static void x25519_line(char **w, size_t n)
{
	struct bytes pk, sk, want;
	uint8_t out[32];

	assert_int_equal(n, 6);
	unhex(w[3], &pk);
	unhex(w[4], &sk);
	unhex(w[5], &want);
	assert_true(pk.n == 32 && sk.n == 32 && want.n == 32);
	memset(out, 0xee, sizeof(out));
	if (strstr(w[2], "ZeroSharedSecret") != NULL) {
		assert_int_equal(crypto_agree(sk.p, pk.p, out), CV_ERR_CRYPTO);
		for (size_t i = 0; i < sizeof(out); i++)
			assert_int_equal(out[i], 0xee);
		refused++;
		return;
	}
	assert_int_equal(crypto_agree(sk.p, pk.p, out), 0);
	assert_memory_equal(out, want.p, 32);
	valid++;
}

static void x25519_agrees_and_refuses_low_order(void **state)
{
	(void)state;
	valid = refused = 0;
	assert_int_equal(each_line("tests/vectors/wycheproof/x25519.txt", x25519_line), 518);
	assert_int_equal(valid, 487);
	assert_int_equal(refused, 31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xchacha20_poly1305_agrees),
		cmocka_unit_test(ed25519_agrees),
		cmocka_unit_test(x25519_agrees_and_refuses_low_order),
	};

	return cmocka_run_group_tests_name("crypto_wycheproof", tests, start, NULL);
}

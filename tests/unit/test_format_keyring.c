/* Rows of the keyring and the unseal slots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/keyring.h"

static void slot_row_has_the_documented_layout(void **state)
{
	uint8_t salt[16], sealed[SLOT_SEALED];
	struct slot_row s = { .type = 2, .argon_kib = 0x010000, .argon_passes = 3, .salt = salt, .sealed = sealed }, got;
	struct buf b;

	(void)state;
	memset(salt, 0xA1, sizeof(salt));
	memset(sealed, 0xB2, sizeof(sealed));
	buf_init(&b, 1024);
	assert_int_equal(slot_row_encode(&s, &b), 0);
	assert_int_equal(b.n, 13 + 16 + SLOT_SEALED);
	assert_memory_equal(b.p, ((uint8_t[]){ 1, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 3, 0xA1 }), 14);
	assert_int_equal(slot_row_decode(b.p, b.n, &got), 0);
	assert_int_equal(got.argon_kib, 0x010000);
	assert_memory_equal(got.salt, salt, 16);
	assert_memory_equal(got.sealed, sealed, sizeof(sealed));
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(slot_row_decode(b.p, n, &got), CV_ERR_FORMAT);
	buf_u8(&b, 0);
	assert_int_equal(slot_row_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	buf_free(&b);
}

static void slot_row_of_a_quorum_carries_its_commitments(void **state)
{
	uint8_t salt[16] = { 0 }, sealed[SLOT_SEALED] = { 0 }, commits[96];
	struct slot_row s = { .type = 1, .k = 3, .n = 5, .salt = salt, .commits = commits, .sealed = sealed }, got;
	struct buf b;

	(void)state;
	memset(commits, 0xC3, sizeof(commits));
	buf_init(&b, 1024);
	assert_int_equal(slot_row_encode(&s, &b), 0);
	assert_int_equal(b.n, 13 + 16 + 96 + SLOT_SEALED);
	assert_int_equal(slot_row_decode(b.p, b.n, &got), 0);
	assert_memory_equal(got.commits, commits, sizeof(commits));
	s.n = SLOT_SHARES_MAX + 1;
	assert_int_equal(slot_row_encode(&s, &b), CV_ERR_ARG);
	buf_free(&b);
}

static void keyring_row_has_the_documented_layout(void **state)
{
	uint8_t sealed[KEYRING_SEALED];
	const uint8_t *got;
	uint32_t epoch;
	struct buf b;

	(void)state;
	memset(sealed, 0xD4, sizeof(sealed));
	buf_init(&b, 2048);
	assert_int_equal(keyring_row_encode(0x01020304, sealed, &b), 0);
	assert_int_equal(b.n, 6 + 13 * 32 + 16 * 32 + 72);
	assert_memory_equal(b.p, ((uint8_t[]){ 1, 1, 1, 2, 3, 4, 0xD4 }), 7);
	assert_int_equal(keyring_row_decode(b.p, b.n, &epoch, &got), 0);
	assert_int_equal(epoch, 0x01020304);
	assert_ptr_equal(got, b.p + 6);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(keyring_row_decode(b.p, n, &epoch, &got), CV_ERR_FORMAT);
	b.p[1] = 2;
	assert_int_equal(keyring_row_decode(b.p, b.n, &epoch, &got), CV_ERR_FORMAT);
	buf_free(&b);
}

static void meta_key_is_the_name_with_zeros(void **state)
{
	uint8_t key[16];

	(void)state;
	meta_key("state", key);
	assert_memory_equal(key, "state\0\0\0\0\0\0\0\0\0\0", 16);
	meta_key("0123456789abcdef", key);
	assert_memory_equal(key, "0123456789abcdef", 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slot_row_has_the_documented_layout),
		cmocka_unit_test(slot_row_of_a_quorum_carries_its_commitments),
		cmocka_unit_test(keyring_row_has_the_documented_layout),
		cmocka_unit_test(meta_key_is_the_name_with_zeros),
	};

	return cmocka_run_group_tests_name("format keyring", tests, NULL, NULL);
}

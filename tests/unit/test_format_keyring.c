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

/* A quorum of 2 of 3 with the names given, each u8 length || bytes. 0 or what encoding says. */
static int slot_row_with(const char *names, size_t n, struct buf *b)
{
	static const uint8_t salt[16], sealed[SLOT_SEALED], commits[64];
	struct slot_row s = { .type = 1, .k = 2, .n = 3, .salt = salt, .commits = commits, .sealed = sealed,
		.holders = (const uint8_t *)names, .holders_n = n };

	buf_init(b, 2048);
	return slot_row_encode(&s, b);
}

static void slot_row_of_format_2_names_who_holds_shares(void **state)
{
	static const char names[] = "\1a\0\6\xe7\x8e\x8b\xe5\xb0\x8f";
	struct slot_row got;
	struct buf b;

	(void)state;
	assert_int_equal(slot_row_with(names, sizeof(names) - 1, &b), 0);
	assert_int_equal(b.n, 13 + 16 + 64 + sizeof(names) - 1 + SLOT_SEALED);
	assert_memory_equal(b.p, "\2\1\1\2\3", 5);
	assert_int_equal(slot_row_decode(b.p, b.n, &got), 0);
	assert_int_equal(got.holders_n, sizeof(names) - 1);
	assert_memory_equal(got.holders, names, sizeof(names) - 1);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(slot_row_decode(b.p, n, &got), CV_ERR_FORMAT);
	b.p[0] = 1;	/* then its names are bytes too many */
	assert_int_equal(slot_row_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	b.p[0] = 3;
	assert_int_equal(slot_row_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	b.p[0] = 2;
	b.p[2] = 2;
	assert_int_equal(slot_row_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	buf_free(&b);
}

static void slot_row_with_names_that_no_terminal_should_show_is_refused(void **state)
{
	static const struct { const char *p; size_t n; } wrong[] = {
		{ "\0\0\0", 3 },				/* nobody is named: format 1 says that */
		{ "\1a\1b", 4 }, { "\1a\1b\1c\1d", 8 },	/* one for each share */
		{ "\1a\1b\2c", 6 },
		{ "\1a\1\n\1c", 6 }, { "\4\x1b[2J\0\0", 7 }, { "\1\x7f\0\0", 4 }, { "\2\xc2\x9b\0\0", 5 },
		{ "\1\xff\0\0", 4 },
	};
	char longest[64 + 3] = "\77", longer[65 + 3] = "\100";
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(slot_row_with(wrong[i].p, wrong[i].n, &b), CV_ERR_ARG);
		buf_free(&b);
	}
	memset(longest + 1, 'a', 63);
	memset(longer + 1, 'a', 64);
	assert_int_equal(slot_row_with(longest, 64 + 2, &b), 0);
	buf_free(&b);
	assert_int_equal(slot_row_with(longer, 65 + 2, &b), CV_ERR_ARG);
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
		cmocka_unit_test(slot_row_of_format_2_names_who_holds_shares),
		cmocka_unit_test(slot_row_with_names_that_no_terminal_should_show_is_refused),
		cmocka_unit_test(keyring_row_has_the_documented_layout),
		cmocka_unit_test(meta_key_is_the_name_with_zeros),
	};

	return cmocka_run_group_tests_name("format keyring", tests, NULL, NULL);
}

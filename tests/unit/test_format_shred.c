/* Files of the shred tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/error.h"
#include "format/shred.h"

static void names_carry_number_and_sequence(void **state)
{
	static const char *const wrong[] = {
		"", "shard", "shard-00ff-000000000000001", "shard-00ff-00000000000000010", "shard-00FF-0000000000000001",
		"shard-00ff_0000000000000001", "shard-0400-0000000000000001", "shard-00f -0000000000000001",
		"top-0000000000000001", "shard-00ff-0000000000000001.new",
	};
	char name[SHRED_NAME];
	uint16_t shard = 7;
	uint64_t sequence = 7;

	(void)state;
	shred_shard_name(0x3ff, 0xfedcba9876543210, name);
	assert_string_equal(name, "shard-03ff-fedcba9876543210");
	assert_true(shred_shard_name_decode(name, &shard, &sequence));
	assert_int_equal(shard, 0x3ff);
	assert_int_equal(sequence, 0xfedcba9876543210);
	shred_top_name(1, name);
	assert_string_equal(name, "top-0000000000000001");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(shred_shard_name_decode(wrong[i], &shard, &sequence));
	assert_int_equal(shard, 0x3ff);
}

static void shard_file_fits_its_name_alone(void **state)
{
	static uint8_t file[SHRED_FILE];
	const uint8_t *sealed;

	(void)state;
	shred_header_encode(false, 0x0102, 0x030405060708090a, file);
	assert_memory_equal(file, "CVSH\1\1\1\2\3\4\5\6\7\10\11\12", 16);
	assert_int_equal(shred_file_decode(file, sizeof(file), false, 0x0102, 0x030405060708090a, &sealed), 0);
	assert_ptr_equal(sealed, file + 16);
	assert_int_equal(shred_file_decode(file, sizeof(file), false, 0x0103, 0x030405060708090a, &sealed), CV_ERR_FORMAT);
	assert_int_equal(shred_file_decode(file, sizeof(file), false, 0x0102, 0x030405060708090b, &sealed), CV_ERR_FORMAT);
	assert_int_equal(shred_file_decode(file, sizeof(file), true, 0x0102, 0x030405060708090a, &sealed), CV_ERR_FORMAT);
	assert_int_equal(shred_file_decode(file, sizeof(file) - 1, false, 0x0102, 0x030405060708090a, &sealed), CV_ERR_FORMAT);
	shred_header_encode(true, 0, 2, file);
	assert_memory_equal(file, "CVTP\1\1\0\0\0\0\0\0\0\0\0\2", 16);
	assert_int_equal(shred_file_decode(file, sizeof(file), true, 0, 2, &sealed), 0);
}

static void root_slot_has_the_documented_layout(void **state)
{
	static uint8_t file[ROOT_SLOT_FILE];
	struct root_slot s = { .sequence = 1, .erase_serial = 2, .closed_size = 3, .closed_root = { 4 } }, got;

	(void)state;
	assert_int_equal(ROOT_SLOT_CHECK_AT, 212);
	memset(file, 0xFF, sizeof(file));
	root_slot_encode(&s, file);
	assert_memory_equal(file, "CVSL\1\1\0\0", 8);
	assert_int_equal(be64_get(file + 8), 1);
	assert_int_equal(be64_get(file + 16), 2);
	assert_int_equal(be64_get(file + 24), 3);
	assert_int_equal(file[32], 4);
	assert_int_equal(root_slot_decode(file, sizeof(file), &got), 0);
	assert_memory_equal(&got, &s, sizeof(s));
	assert_int_equal(root_slot_decode(file, sizeof(file) - 1, &got), CV_ERR_FORMAT);
	for (unsigned i = 0; i < 8; i++) {
		file[i] ^= 0x40;
		assert_int_equal(root_slot_decode(file, sizeof(file), &got), CV_ERR_FORMAT);
		file[i] ^= 0x40;
	}
	for (unsigned i = ROOT_SLOT_CHECK_AT + 16; i < sizeof(file); i++) {
		file[i] = 1;
		assert_int_equal(root_slot_decode(file, sizeof(file), &got), CV_ERR_FORMAT);
		file[i] = 0;
	}
}

static void root_slot_plaintext_has_the_documented_layout(void **state)
{
	struct root_slot_plain s = { .top_key = { 1 }, .fs = { 2 }, .epoch = 3, .top_sequence = 4 }, got;
	uint8_t bytes[ROOT_SLOT_PLAIN];

	(void)state;
	root_slot_plain_encode(&s, bytes);
	assert_int_equal(bytes[0], 1);
	assert_int_equal(bytes[32], 2);
	assert_int_equal(be32_get(bytes + 64), 3);
	assert_int_equal(be64_get(bytes + 68), 4);
	memset(&got, 0, sizeof(got));
	root_slot_plain_decode(bytes, &got);
	assert_memory_equal(got.top_key, s.top_key, 32);
	assert_memory_equal(got.fs, s.fs, 32);
	assert_int_equal(got.epoch, 3);
	assert_int_equal(got.top_sequence, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_carry_number_and_sequence),
		cmocka_unit_test(shard_file_fits_its_name_alone),
		cmocka_unit_test(root_slot_has_the_documented_layout),
		cmocka_unit_test(root_slot_plaintext_has_the_documented_layout),
	};

	return cmocka_run_group_tests_name("format shred", tests, NULL, NULL);
}

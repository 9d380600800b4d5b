/* Rows of the directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/directory.h"

static struct buf b;

static int buf_up(void **state)
{
	(void)state;
	buf_init(&b, 1 << 16);
	return 0;
}

static int buf_down(void **state)
{
	(void)state;
	buf_free(&b);
	return 0;
}

static void keys_have_the_documented_layout(void **state)
{
	static const struct {
		struct dir_key key;
		size_t n;
		const char *bytes;
	} rows[] = {
		{ { .type = DIR_PRINCIPAL, .principal = "0123456789abcde" }, 17, "\1" "0123456789abcde" },
		{ { .type = DIR_ROLE, .role = 0x0102, .epoch = 3 }, 7, "\2\1\2\0\0\0\3" },
		{ { .type = DIR_CLASS, .class_key = 0x01020304, .epoch = 5 }, 9, "\3\1\2\3\4\0\0\0\5" },
		{ { .type = DIR_MEMBER, .principal = "0123456789abcde", .role = 1, .epoch = 2 }, 23,
			"\4" "0123456789abcde\0\0\1\0\0\0\2" },
		{ { .type = DIR_GRANT, .class_key = 1, .epoch = 2, .role = 3, .role_epoch = 4 }, 15,
			"\5\0\0\0\1\0\0\0\2\0\3\0\0\0\4" },
		{ { .type = DIR_CUSTODY, .role = 1, .epoch = 2, .principal = "0123456789abcde" }, 23,
			"\6\0\1\0\0\0\2" "0123456789abcde" },
		{ { .type = DIR_CHANGE, .sequence = 0x01020304 }, 5, "\7\1\2\3\4" },
	};
	uint8_t key[DIR_KEY_MAX + 1] = { 0 }, again[DIR_KEY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dir_key got;

		assert_int_equal(dir_key_encode(&rows[i].key, key), rows[i].n);
		assert_memory_equal(key, rows[i].bytes, rows[i].n);
		assert_int_equal(dir_key_decode(key, rows[i].n, &got), 0);
		assert_int_equal(dir_key_encode(&got, again), rows[i].n);
		assert_memory_equal(again, rows[i].bytes, rows[i].n);
		for (size_t n = 0; n < rows[i].n; n++)
			assert_int_equal(dir_key_decode(key, n, &got), CV_ERR_FORMAT);
		assert_int_equal(dir_key_decode(key, rows[i].n + 1, &got), CV_ERR_FORMAT);
	}
	key[0] = 8;
	assert_int_equal(dir_key_decode(key, 5, &(struct dir_key){ .type = DIR_ROLE }), CV_ERR_FORMAT);
}

static void epochs_and_sequences_count_from_one(void **state)
{
	static const uint8_t role[7] = { 2, 0, 1 }, class[9] = { 3, 0, 1 }, grant[15] = { 5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1 },
		set[5] = { 7 };
	struct dir_key got;

	(void)state;
	assert_int_equal(dir_key_decode(role, sizeof(role), &got), CV_ERR_FORMAT);
	assert_int_equal(dir_key_decode(class, sizeof(class), &got), CV_ERR_FORMAT);
	assert_int_equal(dir_key_decode(grant, sizeof(grant), &got), CV_ERR_FORMAT);
	assert_int_equal(dir_key_decode(set, sizeof(set), &got), CV_ERR_FORMAT);
}

static void value_splits_into_fact_and_rest(void **state)
{
	struct dir_value v;

	(void)state;
	dir_value_encode(0x01020304, (const uint8_t *)"fact", 4, &b);
	buf_text(&b, "the rest");
	assert_memory_equal(b.p, "\1\1\1\2\3\4\0\4factthe rest", 20);
	assert_int_equal(dir_value_decode(b.p, b.n, &v), 0);
	assert_int_equal(v.change_set, 0x01020304);
	assert_int_equal(v.fact_n, 4);
	assert_memory_equal(v.fact, "fact", 4);
	assert_int_equal(v.rest_n, 8);
	assert_memory_equal(v.rest, "the rest", 8);
	for (size_t n = 0; n < 12; n++)
		assert_int_equal(dir_value_decode(b.p, n, &v), CV_ERR_FORMAT);
	b.p[0] = 2;
	assert_int_equal(dir_value_decode(b.p, b.n, &v), CV_ERR_FORMAT);
	b.p[0] = 1;
	b.p[1] = 2;
	assert_int_equal(dir_value_decode(b.p, b.n, &v), CV_ERR_FORMAT);
	b.p[1] = 1;
	memset(b.p + 2, 0, 4);
	assert_int_equal(dir_value_decode(b.p, b.n, &v), CV_ERR_FORMAT);
}

static void principal_fact_returns_what_was_put(void **state)
{
	struct dir_principal x = { .kind = 4, .admin_area = 3, .uid = 0x01020304, .box_pk = { 5 }, .sign_pk = { 6 },
		.person = { 7 }, .department = 0x0809, .not_before_ms = 0x0a0b0c0d0e0f, .not_after_ms = 0x101112131415 }, got;

	(void)state;
	dir_principal_encode(&x, &b);
	assert_int_equal(b.n, 100);
	assert_memory_equal(b.p, "\4\3\1\2\3\4\5", 7);
	assert_memory_equal(b.p + 86, "\10\11\12\13\14\15\16\17\20\21\22\23\24\25", 14);
	assert_int_equal(dir_principal_decode(b.p, b.n, &got), 0);
	assert_int_equal(got.not_after_ms, x.not_after_ms);
	assert_int_equal(got.department, x.department);
	assert_memory_equal(got.person, x.person, 16);
	assert_int_equal(dir_principal_decode(b.p, 99, &got), CV_ERR_FORMAT);
	b.p[1] = 4;	/* no such area */
	assert_int_equal(dir_principal_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	b.p[1] = 0;	/* an administrator has one */
	assert_int_equal(dir_principal_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	b.p[0] = 1;
	assert_int_equal(dir_principal_decode(b.p, b.n, &got), 0);
	b.p[1] = 1;	/* nobody else has */
	assert_int_equal(dir_principal_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	b.p[0] = 7;
	assert_int_equal(dir_principal_decode(b.p, b.n, &got), CV_ERR_FORMAT);
}

static void role_and_class_facts_return_what_was_put(void **state)
{
	uint8_t commits[64] = { 9 };
	struct dir_public x = { .pk = { 1 }, .status = DIR_STATUS_DECRYPT, .k = 2, .commits = commits }, got;

	(void)state;
	dir_role_encode(&x, &b);
	assert_int_equal(b.n, 35 + 64);
	assert_memory_equal(b.p + 32, "\1\2\2\11", 4);
	assert_int_equal(dir_role_decode(b.p, b.n, &got), 0);
	assert_memory_equal(got.commits, commits, 64);
	assert_int_equal(dir_role_decode(b.p, b.n - 1, &got), CV_ERR_FORMAT);
	assert_int_equal(dir_class_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	assert_int_equal(dir_class_decode(b.p, 34, &got), 0);
	b.p[33] = 4;
	assert_int_equal(dir_class_decode(b.p, 34, &got), CV_ERR_FORMAT);
	b.p[33] = 0;
	assert_int_equal(dir_role_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	b.p[33] = 1;
	b.p[32] = 2;
	assert_int_equal(dir_role_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	buf_reset(&b);
	dir_class_encode(&x, &b);
	assert_int_equal(b.n, 34);
}

static void short_facts_return_what_was_put(void **state)
{
	uint64_t from, to;
	uint16_t rights;
	uint8_t index;

	(void)state;
	dir_member_encode(1, 0x020304050607, &b);
	assert_int_equal(dir_member_decode(b.p, b.n, &from, &to), 0);
	assert_int_equal(from, 1);
	assert_int_equal(to, 0x020304050607);
	assert_int_equal(dir_member_decode(b.p, 11, &from, &to), CV_ERR_FORMAT);
	buf_reset(&b);
	dir_grant_encode(0x0102, &b);
	assert_int_equal(dir_grant_decode(b.p, b.n, &rights), 0);
	assert_int_equal(rights, 0x0102);
	assert_int_equal(dir_grant_decode(b.p, 1, &rights), CV_ERR_FORMAT);
	buf_reset(&b);
	dir_custody_encode(16, &b);
	assert_int_equal(dir_custody_decode(b.p, b.n, &index), 0);
	assert_int_equal(index, 16);
	b.p[0] = 17;
	assert_int_equal(dir_custody_decode(b.p, b.n, &index), CV_ERR_FORMAT);
	b.p[0] = 0;
	assert_int_equal(dir_custody_decode(b.p, b.n, &index), CV_ERR_FORMAT);
	assert_int_equal(dir_custody_decode(b.p, 0, &index), CV_ERR_FORMAT);
}

static void persons_copies_are_found_by_auditor(void **state)
{
	static const uint8_t a[16] = "auditor-a", c[16] = "auditor-c", none[16] = "auditor-d";
	struct dir_person_rest x;
	const uint8_t *p;
	uint16_t n;

	(void)state;
	dir_person_rest_encode(1, (const uint8_t *)"vault", 5, 2, &b);
	dir_person_copy_encode(a, (const uint8_t *)"one", 3, &b);
	dir_person_copy_encode(c, (const uint8_t *)"three", 5, &b);
	assert_int_equal(dir_person_rest_decode(b.p, b.n, &x), 0);
	assert_int_equal(x.mark, 1);
	assert_memory_equal(x.sealed, "vault", 5);
	assert_int_equal(dir_person_copy(&x, c, &p, &n), 0);
	assert_int_equal(n, 5);
	assert_memory_equal(p, "three", 5);
	assert_int_equal(dir_person_copy(&x, a, &p, &n), 0);
	assert_memory_equal(p, "one", 3);
	assert_int_equal(dir_person_copy(&x, none, &p, &n), CV_ERR_NOTFOUND);
	for (size_t cut = 0; cut < b.n; cut++)
		assert_int_equal(dir_person_rest_decode(b.p, cut, &x), CV_ERR_FORMAT);
	b.p[0] = DIR_MARK_REMOVED;
	assert_int_equal(dir_person_rest_decode(b.p, b.n, &x), 0);
	assert_int_equal(x.mark, DIR_MARK_REMOVED);
	b.p[0] = 3;
	assert_int_equal(dir_person_rest_decode(b.p, b.n, &x), CV_ERR_FORMAT);
}

static void history_link_is_there_or_not(void **state)
{
	uint8_t wrap[DIR_WRAP] = { 1 };
	const uint8_t *p;
	uint16_t n;

	(void)state;
	dir_link_encode(NULL, 0, &b);
	assert_int_equal(dir_link_decode(b.p, b.n, &p, &n), 0);
	assert_int_equal(n, 0);
	buf_reset(&b);
	dir_link_encode(wrap, DIR_WRAP, &b);
	assert_int_equal(dir_link_decode(b.p, b.n, &p, &n), 0);
	assert_memory_equal(p, wrap, DIR_WRAP);
	assert_int_equal(dir_link_decode(b.p, b.n - 1, &p, &n), CV_ERR_FORMAT);
	buf_reset(&b);
	dir_link_encode(wrap, 5, &b);
	assert_int_equal(dir_link_decode(b.p, b.n, &p, &n), CV_ERR_FORMAT);
}

static void person_is_five_texts_and_a_date(void **state)
{
	const char *texts[DIR_PERSON_TEXTS] = { "a", "", "bc", "d", "e" };
	char longer[257];

	(void)state;
	assert_int_equal(dir_person_encode(texts, 0x010203040506, &b), 0);
	assert_int_equal(b.n, 16);
	assert_memory_equal(b.p, "\1a\0\2bc\1d\1e\1\2\3\4\5\6", 16);
	memset(longer, 'x', 256);
	longer[256] = '\0';
	texts[4] = longer;
	assert_int_equal(dir_person_encode(texts, 0, &b), CV_ERR_LIMIT);
}

static void person_returns_what_was_put(void **state)
{
	const char *texts[DIR_PERSON_TEXTS] = { "worker", "王小满", "", "post", "330106" };
	struct dir_person x;

	(void)state;
	assert_int_equal(dir_person_encode(texts, 0x010203040506, &b), 0);
	assert_int_equal(dir_person_decode(b.p, b.n, &x), 0);
	for (unsigned i = 0; i < DIR_PERSON_TEXTS; i++) {
		assert_int_equal(x.text[i].n, strlen(texts[i]));
		assert_memory_equal(x.text[i].p, texts[i], x.text[i].n);
	}
	assert_true(x.vetting_ms == 0x010203040506);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(dir_person_decode(b.p, n, &x), CV_ERR_FORMAT);
	/* Not UTF-8; a zero byte within a text; one byte more. */
	b.p[8] = 0xFF;
	assert_int_equal(dir_person_decode(b.p, b.n, &x), CV_ERR_FORMAT);
	b.p[8] = 0xE7;
	b.p[1] = 0;
	assert_int_equal(dir_person_decode(b.p, b.n, &x), CV_ERR_FORMAT);
	b.p[1] = 'w';
	assert_int_equal(dir_person_decode(b.p, b.n, &x), 0);
	buf_u8(&b, 0);
	assert_int_equal(dir_person_decode(b.p, b.n, &x), CV_ERR_FORMAT);
}

static void change_set_returns_what_was_put(void **state)
{
	uint8_t previous[32] = { 1 }, digests[64] = { 2 }, digest[32] = { 3 }, signature[80] = { 4 };
	struct dir_change c;

	(void)state;
	dir_change_encode(0x01020304, 0x05060708090a, previous, digests, 2, &b);
	assert_int_equal(b.n, 46 + 64);
	assert_memory_equal(b.p, "\1\1\1\2\3\4\5\6\7\10\11\12\1", 13);
	buf_put(&b, digest, 32);
	buf_u8(&b, 1);
	buf_put(&b, signature, 80);
	assert_int_equal(dir_change_decode(b.p, b.n, &c), 0);
	assert_int_equal(c.sequence, 0x01020304);
	assert_int_equal(c.time_ms, 0x05060708090a);
	assert_memory_equal(c.previous, previous, 32);
	assert_int_equal(c.count, 2);
	assert_memory_equal(c.digests, digests, 64);
	assert_memory_equal(c.digest, digest, 32);
	assert_int_equal(c.covered, 110);
	assert_int_equal(c.signatures, 1);
	assert_memory_equal(c.list, signature, 80);
	for (size_t cut = 0; cut < b.n; cut++)
		assert_int_equal(dir_change_decode(b.p, cut, &c), CV_ERR_FORMAT);
	buf_u8(&b, 0);
	assert_int_equal(dir_change_decode(b.p, b.n, &c), CV_ERR_FORMAT);
}

#define with_buf(f) cmocka_unit_test_setup_teardown(f, buf_up, buf_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_have_the_documented_layout),
		cmocka_unit_test(epochs_and_sequences_count_from_one),
		with_buf(value_splits_into_fact_and_rest),
		with_buf(principal_fact_returns_what_was_put),
		with_buf(role_and_class_facts_return_what_was_put),
		with_buf(short_facts_return_what_was_put),
		with_buf(persons_copies_are_found_by_auditor),
		with_buf(history_link_is_there_or_not),
		with_buf(person_is_five_texts_and_a_date),
		with_buf(person_returns_what_was_put),
		with_buf(change_set_returns_what_was_put),
	};

	return cmocka_run_group_tests_name("format directory", tests, NULL, NULL);
}

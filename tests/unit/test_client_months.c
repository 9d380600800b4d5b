/*
 * Month keys: a ratchet that goes one way, lists that their auditor signs, the files that hold them. Known answers are those of
 * tests/vectors/audit/make.py. Runs in the folder of the Makefile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "client/auditor.h"
#include "client/months.h"

#define VEC_MAX 4096

static const uint8_t vault[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

/* The bytes of a line of audit.txt; returns how many. */
static size_t vec(const char *name, uint8_t ret[VEC_MAX])
{
	FILE *f = fopen("tests/vectors/audit/audit.txt", "r");
	char *line = NULL, *hex = NULL;
	size_t room = 0, n;

	assert_non_null(f);
	while (hex == NULL && getline(&line, &room, f) > 0)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
			hex = line + strlen(name) + 1;
	assert_non_null(hex);
	n = strcspn(hex, "\n") / 2;
	assert_true(n > 0 && n <= VEC_MAX);
	assert_int_equal(hex_decode(hex, 2 * n, ret, n), 0);
	free(line);
	fclose(f);
	return n;
}

/* The auditor of the vectors, whose ratchet stands at November 2026. */
static void known_key(struct client_key *k)
{
	uint8_t seed[32];

	memset(k, 0, sizeof *k);
	memset(k->principal, 0xA0, 16);
	for (unsigned i = 0; i < 32; i++) {
		k->box_sk[i] = (uint8_t)(0x81 + i);
		seed[i] = (uint8_t)(0xA1 + i);
		k->months.state[i] = (uint8_t)i;
	}
	crypto_box_public(k->box_sk, k->box_pk);
	crypto_sign_pair(seed, k->sign_pk, k->sign_sk);
	k->months.first = 202611;
	k->months.last = 202701;
}

static void ratchet_gives_the_known_months(void **state)
{
	uint8_t sk[32], known[VEC_MAX];
	struct client_key k;
	char name[32];

	(void)state;
	known_key(&k);
	for (uint32_t m = 202611; m <= 202701; m = clock_month_next(m)) {
		snprintf(name, sizeof name, "month_%u_sk", m);
		assert_int_equal(vec(name, known), 32);
		assert_int_equal(client_months_secret(&k.months, m, sk), 0);
		assert_memory_equal(sk, known, 32);
	}
}

static void forgotten_months_are_gone_and_later_ones_are_the_same(void **state)
{
	uint8_t before[32], after[32], known[VEC_MAX];
	struct client_key k;

	(void)state;
	known_key(&k);
	assert_int_equal(client_months_secret(&k.months, 202803, before), 0);
	assert_true(client_months_forget(&k.months, 202612));
	assert_int_equal(k.months.first, 202701);
	vec("month_202612_next", known);
	assert_memory_equal(k.months.state, known, 32);
	assert_int_equal(client_months_secret(&k.months, 202611, after), CV_ERR_NOKEY);
	assert_int_equal(client_months_secret(&k.months, 202612, after), CV_ERR_NOKEY);
	assert_int_equal(client_months_secret(&k.months, 202803, after), 0);
	assert_memory_equal(before, after, 32);
	assert_false(client_months_forget(&k.months, 202612));
	/* A leaf that names a month of another time does not keep the reader busy. */
	assert_int_equal(client_months_secret(&k.months, 999912, after), CV_ERR_NOKEY);
	memset(&k.months, 0, sizeof k.months);
	assert_int_equal(client_months_secret(&k.months, 202611, after), CV_ERR_NOKEY);
	assert_false(client_months_forget(&k.months, 202611));
}

static void list_is_signed_as_known(void **state)
{
	uint8_t keys[3 * 32], signature[64], known[VEC_MAX], signed_bytes[VEC_MAX];
	struct client_key k;
	size_t n;

	(void)state;
	known_key(&k);
	n = vec("months_list", signed_bytes);
	assert_int_equal(client_months_publish(&k, vault, be48_get(signed_bytes + 48), 202611, 3, keys, signature), 0);
	assert_memory_equal(keys, signed_bytes + n - sizeof keys, sizeof keys);
	assert_int_equal(vec("months_signature", known), 64);
	assert_memory_equal(signature, known, 64);
	assert_int_equal(crypto_verify(k.sign_pk, signed_bytes, n, signature), 0);
	assert_int_equal(client_months_publish(&k, vault, 1, 202610, 3, keys, signature), CV_ERR_NOKEY);
	assert_int_equal(client_months_publish(&k, vault, 1, 202611, 0, keys, signature), CV_ERR_ARG);
	assert_int_equal(client_months_publish(&k, vault, 1, 202611, MONTHS_MAX + 1, keys, signature), CV_ERR_ARG);
}

static int open_known_segment(const struct client_key *k, uint32_t month, struct auditor_segment *ret)
{
	uint8_t bytes[VEC_MAX], id[16];
	const uint8_t *sealed;
	uint32_t named;
	struct leaf l;

	assert_int_equal(leaf_decode(bytes, vec("month_segment_leaf", bytes), &l), 0);
	memset(id, 0xA0, 16);
	assert_int_equal(leaf_segment_copy(&l, id, &named, &sealed), 0);
	assert_int_equal(named, 202612);
	id[0]++;
	assert_int_equal(leaf_segment_copy(&l, id, &named, &sealed), CV_ERR_NOTFOUND);
	return auditor_segment_open(k, vault, l.segment, month, sealed, ret);
}

static void segment_of_a_month_opens_with_that_month_alone(void **state)
{
	struct auditor_segment s;
	uint8_t known[VEC_MAX];
	struct client_key k;

	(void)state;
	known_key(&k);
	assert_int_equal(open_known_segment(&k, 202612, &s), 0);
	assert_int_equal(vec("segment_key_0", known), 32);
	assert_memory_equal(s.first, known, 32);
	assert_int_equal(open_known_segment(&k, 202611, &s), CV_ERR_AUTH);
	assert_int_equal(open_known_segment(&k, 0, &s), CV_ERR_AUTH);
	assert_true(client_months_forget(&k.months, 202612));
	assert_int_equal(open_known_segment(&k, 202612, &s), CV_ERR_NOKEY);
}

static void file_opens_with_its_key_alone_and_every_changed_byte_is_refused(void **state)
{
	uint8_t known[VEC_MAX], got[16];
	struct client_key k, again, other;
	struct buf b;
	size_t n;

	(void)state;
	known_key(&k);
	known_key(&again);
	memset(&again.months, 0, sizeof again.months);
	n = vec("months_file", known);
	assert_int_equal(client_months_open(&again, (const char *)known, n, got), 0);
	assert_memory_equal(&again, &k, sizeof k);
	assert_memory_equal(got, vault, 16);
	buf_init(&b, MONTHS_FILE_MAX);
	assert_int_equal(client_months_save(&k, vault, &b), 0);
	memset(&again.months, 0, sizeof again.months);
	assert_int_equal(client_months_open(&again, (const char *)b.p, b.n, got), 0);
	assert_memory_equal(&again, &k, sizeof k);
	client_key_new(&other);
	assert_int_equal(client_months_open(&other, (const char *)b.p, b.n, got), CV_ERR_AUTH);
	memcpy(other.principal, k.principal, 16);
	assert_int_equal(client_months_open(&other, (const char *)b.p, b.n, got), CV_ERR_AUTH);
	for (size_t i = 0; i < n; i++) {
		known[i] ^= 1;
		assert_int_not_equal(client_months_open(&again, (const char *)known, n, got), 0);
		known[i] ^= 1;
		assert_int_not_equal(client_months_open(&again, (const char *)known, i, got), 0);
	}
	buf_free(&b);
}

static void lent_months_open_what_is_named_and_nothing_else(void **state)
{
	static const uint32_t named[] = { 202611, 202612 }, twice[] = { 202612, 202612 }, gone[] = { 202610 };
	uint8_t known[VEC_MAX], sk[32];
	struct auditor_segment s;
	struct client_key k, lent;
	struct buf b;
	size_t n = vec("months_lent", known);

	(void)state;
	known_key(&k);
	buf_init(&b, MONTHS_LENT_MAX);
	assert_int_equal(client_months_lend(&k, vault, named, 2, &b), 0);
	assert_int_equal(b.n, n);
	assert_memory_equal(b.p, known, n);
	assert_int_equal(client_months_lend(&k, vault, twice, 2, &b), CV_ERR_ARG);
	assert_int_equal(client_months_lend(&k, vault, gone, 1, &b), CV_ERR_NOKEY);
	assert_int_equal(client_months_lend(&k, vault, named, 0, &b), CV_ERR_ARG);
	assert_true(client_months_are_lent((const char *)known, n));
	assert_int_equal(client_months_borrow((const char *)known, n, &lent), 0);
	assert_true(lent.lent);
	assert_int_equal(open_known_segment(&lent, 202612, &s), 0);
	assert_int_equal(client_months_secret(&lent.months, 202701, sk), CV_ERR_NOKEY);
	assert_int_equal(open_known_segment(&lent, 0, &s), CV_ERR_NOKEY);
	assert_false(client_months_forget(&lent.months, 202611));
	for (size_t i = 0; i < n; i++)
		assert_int_not_equal(client_months_borrow((const char *)known, i, &lent), 0);
	buf_free(&b);
}

static void months_are_written_one_way(void **state)
{
	static const char *const bad[] = { "2026-13", "2026-00", "1969-12", "2026/11", "2026-1", "2026-011", "202611", "2o26-11", "" };
	char text[MONTHS_TEXT];
	uint32_t m = 0;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(months_parse(bad[i], strlen(bad[i]), &m), CV_ERR_FORMAT);
	assert_int_equal(months_parse("2026-11", 7, &m), 0);
	assert_int_equal(m, 202611);
	months_text(m, text);
	assert_string_equal(text, "2026-11");
	assert_int_equal(months_between(202611, 202701), 2);
	assert_int_equal(clock_month(clock_month_ms(202701)), 202701);
	assert_int_equal(clock_month(clock_month_ms(202701) - 1), 202612);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ratchet_gives_the_known_months),
		cmocka_unit_test(forgotten_months_are_gone_and_later_ones_are_the_same),
		cmocka_unit_test(list_is_signed_as_known),
		cmocka_unit_test(segment_of_a_month_opens_with_that_month_alone),
		cmocka_unit_test(file_opens_with_its_key_alone_and_every_changed_byte_is_refused),
		cmocka_unit_test(lent_months_open_what_is_named_and_nothing_else),
		cmocka_unit_test(months_are_written_one_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

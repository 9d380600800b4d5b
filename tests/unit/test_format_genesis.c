/* Leaf 0's body, the request and the file of signatures: bytes as FORMAT.md 9 and 12 have them, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/genesis.h"

static void body_of(uint8_t flags, unsigned admins, struct genesis_body *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->flags = flags;
	memset(ret->vault, 1, 16);
	ret->created_ms = 0x010203040506u;
	memset(ret->log_pk, 2, 32);
	memset(ret->epoch_root, 3, 32);
	ret->epochs = 3653;
	ret->first_day = 20782;
	memset(ret->policy, 4, 32);
	ret->admins = (uint8_t)admins;
	for (unsigned i = 0; i < admins; i++) {
		memset(ret->admin[i].id, (int)(0x10 + i), 16);
		memset(ret->admin[i].sign_pk, (int)(0x20 + i), 32);
		memset(ret->admin[i].person, (int)(0x30 + i), 16);
	}
	strcpy(ret->origin, "example.cn/vault");
}

static void body_comes_back(void **state)
{
	static const uint8_t flags[] = { 0, GENESIS_DEMO, GENESIS_PRODUCTION };
	struct genesis_body b, got;
	struct buf bytes;

	(void)state;
	buf_init(&bytes, 4096);
	for (unsigned i = 0; i < 3; i++) {
		body_of(flags[i], i * 8, &b);
		buf_reset(&bytes);
		genesis_body_encode(&b, &bytes);
		assert_int_equal(bytes.n, 1 + 16 + 6 + 32 + 32 + 4 + 4 + 32 + 1 + i * 8 * 64 + 1 + strlen(b.origin));
		assert_int_equal(genesis_body_decode(bytes.p, bytes.n, &got), 0);
		assert_memory_equal(&got, &b, sizeof(b));
	}
	buf_free(&bytes);
}

static void body_of_another_form_is_refused(void **state)
{
	static const uint8_t flags[] = { GENESIS_PENDING, GENESIS_DEMO | GENESIS_PRODUCTION, 8, 255 };
	struct genesis_body b, got;
	struct buf bytes;

	(void)state;
	buf_init(&bytes, 4096);
	body_of(0, 2, &b);
	genesis_body_encode(&b, &bytes);
	for (size_t n = 0; n < bytes.n; n++)
		assert_int_equal(genesis_body_decode(bytes.p, n, &got), CV_ERR_FORMAT);
	for (unsigned i = 0; i < sizeof(flags); i++) {
		bytes.p[0] = flags[i];
		assert_int_equal(genesis_body_decode(bytes.p, bytes.n, &got), CV_ERR_FORMAT);
	}
	bytes.p[0] = 0;
	bytes.p[bytes.n - 3] = 0;	/* in the origin */
	assert_int_equal(genesis_body_decode(bytes.p, bytes.n, &got), CV_ERR_FORMAT);
	bytes.p[bytes.n - 3] = 'u';
	assert_int_equal(genesis_body_decode(bytes.p, bytes.n, &got), 0);
	buf_u8(&bytes, 0);
	assert_int_equal(genesis_body_decode(bytes.p, bytes.n, &got), CV_ERR_FORMAT);
	bytes.p[127] = GENESIS_ADMINS_MAX + 1;
	assert_int_equal(genesis_body_decode(bytes.p, bytes.n, &got), CV_ERR_FORMAT);
	buf_free(&bytes);
}

static void request_is_read_whole_or_not_at_all(void **state)
{
	struct genesis_request q;
	struct genesis_texts texts;
	struct genesis_fact fact;
	struct buf bytes;
	struct rd r;

	(void)state;
	buf_init(&bytes, 4096);
	genesis_request_head((const uint8_t *)"leaf", 4, (const uint8_t *)"change", 6, (const uint8_t *)"policy!", 7, &bytes);
	buf_u16(&bytes, 2);
	genesis_fact_encode(&(struct genesis_fact){ (const uint8_t *)"k1", (const uint8_t *)"one", 2, 3 }, &bytes);
	genesis_fact_encode(&(struct genesis_fact){ (const uint8_t *)"k02", (const uint8_t *)"", 3, 0 }, &bytes);
	buf_u16(&bytes, 1);
	genesis_texts_encode(&(struct genesis_texts){ (const uint8_t *)"0123456789abcdef", (const uint8_t *)"person", 6 }, &bytes);
	assert_int_equal(genesis_request_decode(bytes.p, bytes.n, &q), 0);
	assert_true(q.leaf_n == 4 && q.change_n == 6 && q.policy_n == 7 && q.facts == 2 && q.people == 1);
	assert_memory_equal(q.policy, "policy!", 7);
	r = rd_over(q.fact_list, q.fact_list_n);
	genesis_fact_next(&r, &fact);
	assert_memory_equal(fact.fact, "one", 3);
	genesis_fact_next(&r, &fact);
	assert_true(fact.key_n == 3 && fact.fact_n == 0 && rd_done(&r));
	r = rd_over(q.people_list, q.people_list_n);
	genesis_texts_next(&r, &texts);
	assert_memory_equal(texts.person, "person", 6);
	assert_true(rd_done(&r));
	for (size_t n = 0; n < bytes.n; n++)
		assert_int_equal(genesis_request_decode(bytes.p, n, &q), CV_ERR_FORMAT);
	for (unsigned i = 0; i < 6; i++) {	/* magic, format, suite */
		bytes.p[i] ^= 1;
		assert_int_equal(genesis_request_decode(bytes.p, bytes.n, &q), CV_ERR_FORMAT);
		bytes.p[i] ^= 1;
	}
	buf_u8(&bytes, 0);
	assert_int_equal(genesis_request_decode(bytes.p, bytes.n, &q), CV_ERR_FORMAT);
	buf_free(&bytes);
}

static void signature_file_has_one_spelling(void **state)
{
	struct genesis_signature s, got;
	struct buf text;

	(void)state;
	memset(&s, 0, sizeof(s));
	memset(s.principal, 1, 16);
	memset(s.vault, 2, 16);
	memset(s.leaf, 3, 64);
	memset(s.change, 4, 64);
	buf_init(&text, GENESIS_SIGNATURE_TEXT_MAX);
	genesis_signature_encode(&s, &text);
	assert_true(buf_ok(&text));
	assert_memory_equal(text.p, "childvault-genesis-signature-1\nAQE", 34);
	assert_int_equal(genesis_signature_decode((const char *)text.p, text.n, &got), 0);
	assert_memory_equal(&got, &s, sizeof(s));
	for (size_t n = 0; n < text.n; n++)
		assert_int_equal(genesis_signature_decode((const char *)text.p, n, &got), CV_ERR_FORMAT);
	for (size_t i = 0; i < 34; i++) {	/* first line, format, suite */
		text.p[i] ^= 1;
		assert_int_equal(genesis_signature_decode((const char *)text.p, text.n, &got), CV_ERR_FORMAT);
		text.p[i] ^= 1;
	}
	buf_u8(&text, '\n');
	assert_int_equal(genesis_signature_decode((const char *)text.p, text.n, &got), CV_ERR_FORMAT);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_comes_back),
		cmocka_unit_test(body_of_another_form_is_refused),
		cmocka_unit_test(request_is_read_whole_or_not_at_all),
		cmocka_unit_test(signature_file_has_one_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The audit log as an auditor reads it: what is sealed to their key opens, in any order of turns, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "client/events.h"
#include "format/context.h"
#include "format/directory.h"

static const uint8_t vault[16] = { 1 }, segment[16] = { 2 }, principal[16] = { 3 }, other_segment[16] = { 4 };
static uint8_t segment_key[32];
static struct client_key auditor;

static void put_b64(struct buf *b, const void *p, size_t n)
{
	char text[8192];

	b64_encode(B64_STD, p, n, text);
	buf_printf(b, "\"%s\"", text);
}

/* A sealed leaf of a turn; bit: which bit of body A is damaged afterwards, or -1. */
static void put_leaf(struct buf *json, uint64_t index, uint32_t turn, const uint8_t *of_segment, long bit)
{
	const uint8_t tag[16] = { 9 };
	const struct leaf l = { .kind = LEAF_SESSION, .index = index, .time_ms = 1000, .segment = of_segment, .turn = turn,
		.actor_tag = tag, .subject_tag = tag, .policy = tag };
	struct leaf_actor actor = { .uid = 77, .outcome = 9 };
	uint8_t key[32], place[28], nonce[12] = { 0 }, body[512];
	struct buf plain, bytes;

	memcpy(actor.principal, principal, 16);
	memcpy(key, segment_key, 32);
	for (uint32_t t = 0; t < turn; t++) {
		uint8_t next[32];

		crypto_hash("cv1.seg.next", key, 32, NULL, 0, next, 32);
		memcpy(key, next, 32);
	}
	memcpy(place, of_segment, 16);
	be32_put(place + 16, turn);
	be64_put(place + 20, index);
	crypto_hash_block("cv1.leaf.a", key, place, sizeof(place), key, 32);
	buf_init(&plain, 4096);
	buf_init(&bytes, 4096);
	assert_int_equal(leaf_actor_encode(&actor, NULL, &plain), 0);
	assert_int_equal(leaf_header_encode(&l, &bytes), 0);
	crypto_cell_seal(key, nonce, bytes.p, bytes.n, plain.p, plain.n, body);
	if (bit >= 0)
		body[bit / 8] ^= (uint8_t)(1 << bit % 8);
	buf_u16(&bytes, (uint16_t)(plain.n + 16));
	buf_put(&bytes, body, plain.n + 16);
	buf_u16(&bytes, 0);
	buf_printf(json, "%s{\"leaf\":", index != 0 ? "," : "");
	put_b64(json, bytes.p, bytes.n);
	buf_text(json, ",\"detail\":{\"record\":null,\"view\":\"masked\",\"role\":\"school\",\"purpose\":\"edu\",\"outcome\":\"done\","
	    "\"count\":3,\"fields\":[\"a\",\"b\"],\"case\":\"\",\"reason\":\"\"}}");
	buf_free(&plain);
	buf_free(&bytes);
}

static void put_keys(struct buf *json, const struct client_key *to)
{
	const char *const texts[DIR_PERSON_TEXTS] = { "li", "李明", "MZ", "caseworker", "990100" };
	struct context c = { .kind = CONTEXT_SEGMENT, .vault = vault, .entity = segment, .writer = to->principal, .length = 32 };
	uint8_t ctx[96], sealed[1024];
	struct buf plain;

	context_encode(&c, ctx);
	assert_int_equal(crypto_pkseal(to->box_pk, ctx, segment_key, 32, sealed), 0);
	buf_text(json, "],\"segments\":[{\"segment\":\"02000000000000000000000000000000\",\"sealed\":");
	put_b64(json, sealed, 112);
	buf_init(&plain, 900);
	assert_int_equal(dir_person_encode(texts, 5, &plain), 0);
	c = (struct context){ .kind = CONTEXT_PERSON_AUDITOR, .vault = vault, .entity = principal, .field = 2, .writer = to->principal,
		.length = plain.n };
	context_encode(&c, ctx);
	assert_int_equal(crypto_pkseal(to->box_pk, ctx, plain.p, plain.n, sealed), 0);
	buf_text(json, "}],\"people\":[{\"principal\":\"03000000000000000000000000000000\",\"sealed\":");
	put_b64(json, sealed, plain.n + PKSEAL_OVERHEAD);
	buf_text(json, "}],\"policy\":\"AQI=\"}");
	buf_free(&plain);
}

static int open_json(const struct buf *json, struct client_events **ret)
{
	return client_events_open((const char *)json->p, json->n, vault, &auditor, ret);
}

static void begin(struct buf *json)
{
	buf_init(json, 1 << 20);
	buf_text(json, "{\"size\":40,\"next\":3,\"events\":[");
}

static void sealed_entries_open_in_any_order_of_turns(void **state)
{
	struct client_events *e = NULL;
	struct buf json;
	size_t n;

	(void)state;
	begin(&json);
	put_leaf(&json, 0, 4, segment, -1);
	put_leaf(&json, 1, 1, segment, -1);
	put_leaf(&json, 2, 0, other_segment, -1);
	put_keys(&json, &auditor);
	assert_int_equal(open_json(&json, &e), 0);
	assert_int_equal(client_events_count(e), 3);
	assert_int_equal(client_events_size(e), 40);
	assert_int_equal(client_events_next(e), 3);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(client_events_at(e, i)->opened);
		assert_int_equal(client_events_at(e, i)->actor.uid, 77);
		assert_int_equal(client_events_at(e, i)->actor.outcome, 9);
		assert_string_equal(client_events_at(e, i)->detail.fields, "a,b");
		assert_string_equal(client_events_at(e, i)->detail.record, "");
	}
	assert_false(client_events_at(e, 2)->opened);	/* its segment key was not given */
	assert_string_equal(client_events_person(e, principal)->name, "李明");
	assert_null(client_events_person(e, segment));
	assert_memory_equal(client_events_policy(e, &n), "\x01\x02", 2);
	client_events_free(e);
	buf_free(&json);
}

static void damage_anywhere_in_body_a_is_named(void **state)
{
	struct client_events *e = NULL;
	struct buf json;

	(void)state;
	for (long bit = 0; bit < 64 * 8; bit += 37) {
		begin(&json);
		put_leaf(&json, 0, 1, segment, bit);
		put_keys(&json, &auditor);
		assert_int_equal(open_json(&json, &e), CV_ERR_AUTH);
		buf_free(&json);
	}
}

static void keys_sealed_to_another_do_not_open(void **state)
{
	struct client_events *e = NULL;
	struct client_key another;
	struct buf json;

	(void)state;
	client_key_new(&another);
	begin(&json);
	put_leaf(&json, 0, 1, segment, -1);
	put_keys(&json, &another);
	assert_int_equal(open_json(&json, &e), CV_ERR_AUTH);
	buf_free(&json);
}

static void answers_of_another_shape_are_refused(void **state)
{
	static const char *const bad[] = { "", "[]", "{\"size\":1,\"next\":1}", "{\"size\":-1,\"next\":1,\"events\":[]}",
		"{\"size\":1,\"next\":1,\"events\":[{}]}", "{\"size\":1,\"next\":1,\"events\":[{\"leaf\":\"AA==\"}]}",
		"{\"size\":1,\"next\":1,\"events\":[],\"segments\":[{\"segment\":\"02\",\"sealed\":\"\"}]}",
		"{\"size\":1,\"next\":1,\"events\":[],\"policy\":7}" };
	struct client_events *e = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(client_events_open(bad[i], strlen(bad[i]), vault, &auditor, &e), CV_ERR_FORMAT);
	assert_int_equal(client_events_open("{\"size\":0,\"next\":0,\"events\":[]}", 31, vault, &auditor, &e), 0);
	assert_int_equal(client_events_count(e), 0);
	client_events_free(e);
	client_events_free(NULL);
}

static int start(void **state)
{
	(void)state;
	if (crypto_start() != 0)
		return -1;
	crypto_random(segment_key, sizeof segment_key);
	client_key_new(&auditor);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_entries_open_in_any_order_of_turns),
		cmocka_unit_test(damage_anywhere_in_body_a_is_named),
		cmocka_unit_test(keys_sealed_to_another_do_not_open),
		cmocka_unit_test(answers_of_another_shape_are_refused),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}

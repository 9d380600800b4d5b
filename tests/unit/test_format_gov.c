/* format: governance rows, FORMAT.md 5.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/gov.h"
#include "record_samples.h"

static const uint8_t two_purposes[] = { 0, 1, 0, 7 }, one_purpose[] = { 0, 2 }, fields[] = { 0, 3, 1, 0 };
static const uint8_t results[2 * GOV_RESULT] = { [8] = GOV_RESULT_FOLLOWED, [9] = 1, [17] = GOV_RESULT_FINE };
static uint8_t records[3 * 16], keys[2 * GOV_SEALED_KEY], seen[2 * GOV_SEEN], signatures[128], document[70000], month_keys[2 * 32];

static struct gov_object common(uint16_t type, uint8_t state, uint64_t serial)
{
	struct gov_object o;

	memset(&o, 0, sizeof(o));
	o.prefix = (struct gov_prefix){ .epoch = 1, .type = type, .state = state, .due_day = 20800, .serial = serial };
	run(o.id, 0x10, 16);
	run(o.principal, 0x20, 16);
	run(o.by, 0x30, 16);
	o.created_ms = 1790000000000u;
	o.purposes = (struct gov_bytes){ one_purpose, 2 };
	if (serial != 0)
		run(o.record, 0x40, 16);
	return o;
}

enum { ASSIGNMENT, GRANT, WISH, BULK, EXPORT, POLICY, DELEGATION, WINDOW, REVIEW, MONTHS, SAMPLES };

static struct gov_object object(unsigned which)
{
	static const uint16_t types[SAMPLES] = { GOV_ASSIGNMENT, GOV_GRANT, GOV_REQUEST, GOV_REQUEST, GOV_REQUEST, GOV_REQUEST,
		GOV_DELEGATION, GOV_WINDOW, GOV_REVIEW, GOV_MONTHS };
	struct gov_object o = common(types[which], types[which] == GOV_REQUEST ? GOV_PENDING : which == REVIEW ? GOV_APPROVED : GOV_ACTIVE,
	    which == GRANT || which == WISH ? 9 : 0);

	run(records, 0, sizeof(records));
	o.text = (struct gov_bytes){ (const uint8_t *)"季度走访", 12 };
	switch (which) {
	case ASSIGNMENT:
		o.purposes = (struct gov_bytes){ two_purposes, 4 };
		o.records = (struct gov_bytes){ records, sizeof(records) };
		o.level = 4;
		break;
	case GRANT:
		o.text.n = 0;
		o.fields = (struct gov_bytes){ fields, 4 };
		o.count = 5;
		o.used = 2;
		o.keys = (struct gov_bytes){ keys, sizeof(keys) };
		run(o.delegation, 0x60, 16);
		break;
	case WISH:
		o.kind = GOV_KIND_GRANT;
		o.fields = (struct gov_bytes){ fields, 4 };
		break;
	case BULK:
		o.kind = GOV_KIND_BULK;
		o.prefix.state = GOV_APPROVED;
		o.count = 100;
		run(o.decided_by, 0x70, 16);
		o.decided_ms = 1790000000001u;
		break;
	case EXPORT:
		o.kind = GOV_KIND_EXPORT;
		o.area = (struct gov_bytes){ (const uint8_t *)"110101", 6 };
		o.status = (struct gov_bytes){ (const uint8_t *)"active", 6 };
		run(o.mark, 1, 8);
		break;
	case POLICY:
		o.kind = GOV_KIND_POLICY;
		o.purposes.n = 0;
		o.signatures = (struct gov_bytes){ signatures, 64 };
		run(o.digest, 1, 32);
		memset(document, 'd', sizeof(document));
		o.document = (struct gov_bytes){ document, sizeof(document) };
		break;
	case DELEGATION:
		o.area = (struct gov_bytes){ (const uint8_t *)"11", 2 };
		break;
	case REVIEW:
		o.purposes.n = 0;
		o.month = 202611;
		o.log_size = 70001;
		run(o.log_root, 1, 32);
		run(o.digest, 2, 32);
		o.results = (struct gov_bytes){ results, sizeof(results) };
		break;
	case MONTHS:
		o.purposes.n = o.text.n = 0;
		o.month = 202611;
		o.signatures = (struct gov_bytes){ signatures, 64 };
		o.month_keys = (struct gov_bytes){ month_keys, sizeof(month_keys) };
		run(month_keys, 0x80, sizeof(month_keys));
		break;
	default:
		memset(&o.by, 0, 16);
		o.created_ms = 0;
		o.purposes.n = o.text.n = 0;
		seen[12] = 1;
		seen[25] = 0;
		o.seen = (struct gov_bytes){ seen, sizeof(seen) };
	}
	return o;
}

static void prefix_has_twenty_bytes(void **state)
{
	static const uint8_t known[GOV_PREFIX] = { 1, 1, 0, 0, 0, 2, 0, 3, 4, 1, 0, 0, 0x51, 0x40, 0, 0, 0, 0, 1, 2 };
	struct gov_prefix p = { .epoch = 2, .type = GOV_GRANT, .state = GOV_USED, .due_day = 20800, .serial = 258 }, back;
	uint8_t bad[GOV_PREFIX];
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	gov_prefix_put(&b, &p);
	assert_int_equal(b.n, GOV_PREFIX);
	assert_memory_equal(b.p, known, GOV_PREFIX);
	assert_int_equal(gov_prefix_decode(b.p, b.n, &back), 0);
	assert_int_equal(back.serial, 258);
	assert_int_equal(back.due_day, 20800);
	assert_int_equal(gov_prefix_decode(b.p, GOV_PREFIX - 1, &back), CV_ERR_FORMAT);
	for (unsigned at = 0; at < 10; at++) {
		memcpy(bad, known, sizeof(bad));
		bad[at] ^= 2;
		/* Format, suite and the flag are held to; the rest is anything. */
		assert_int_equal(gov_prefix_decode(bad, sizeof(bad), &back), at < 2 || at == 9 ? CV_ERR_FORMAT : 0);
	}
	buf_free(&b);
}

static void objects_come_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		struct gov_object o = object(i), back;
		struct buf b, again;

		buf_init(&b, 1u << 20);
		buf_init(&again, 1u << 20);
		assert_int_equal(gov_object_encode(&o, &b), 0);
		memcpy(back.id, o.id, 16);
		assert_int_equal(gov_object_decode(&o.prefix, b.p, b.n, &back), 0);
		assert_memory_equal(back.principal, o.principal, 16);
		assert_memory_equal(back.by, o.by, 16);
		assert_memory_equal(back.record, o.record, 16);
		assert_memory_equal(back.mark, o.mark, 8);
		assert_int_equal(back.created_ms, o.created_ms);
		assert_int_equal(back.count, o.count);
		assert_int_equal(back.used, o.used);
		assert_int_equal(back.level, o.level);
		assert_int_equal(back.kind, o.kind);
		assert_int_equal(back.records.n, o.records.n);
		assert_int_equal(back.document.n, o.document.n);
		assert_int_equal(back.seen.n, o.seen.n);
		assert_int_equal(gov_object_encode(&back, &again), 0);
		assert_int_equal(again.n, b.n);
		assert_memory_equal(again.p, b.p, b.n);
		buf_free(&b);
		buf_free(&again);
	}
}

static void matches(const struct gov_object *o, const char *name)
{
	uint8_t known[SAMPLE_MAX];
	size_t n = sample(name, known);
	struct buf b;

	buf_init(&b, 65536);
	assert_int_equal(gov_object_encode(o, &b), 0);
	assert_int_equal(b.n, n);
	assert_memory_equal(b.p, known, n);
	buf_free(&b);
}

/* Against the second implementation of tests/vectors/format/make.py. */
static void objects_give_the_known_answers(void **state)
{
	struct gov_sealed_key k = { .class_key = HEALTH, .generation = 2, .birth = 1, .role = 0x8003, .epoch = 1 };
	struct gov_seen s = { 77, 1790000000000u, 1 };
	uint8_t sealed[GOV_SEALED], known[SAMPLE_MAX];
	struct gov_object o = object(ASSIGNMENT);
	struct buf b, list;

	(void)state;
	matches(&o, "gov_assignment");
	o = object(GRANT);
	buf_init(&b, 100);
	gov_prefix_put(&b, &o.prefix);
	assert_int_equal(sample("gov_prefix", known), b.n);
	assert_memory_equal(b.p, known, b.n);
	buf_free(&b);
	run(sealed, 5, sizeof(sealed));
	k.sealed = sealed;
	buf_init(&list, 4096);
	gov_sealed_key_put(&list, &k);
	o.keys = (struct gov_bytes){ list.p, list.n };
	matches(&o, "gov_grant");
	buf_reset(&list);
	gov_seen_put(&list, &s);
	o = object(WINDOW);
	o.seen = (struct gov_bytes){ list.p, list.n };
	matches(&o, "gov_window");
	buf_free(&list);
	o = object(POLICY);
	run(signatures, 7, 64);
	o.text.n = 0;
	o.document = (struct gov_bytes){ (const uint8_t *)"document", 8 };
	matches(&o, "gov_policy");
	o = object(REVIEW);
	matches(&o, "gov_review");
	o = object(MONTHS);
	run(signatures, 7, 64);
	matches(&o, "gov_months");
}

static void cut_and_longer_plaintexts_are_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		struct gov_object o = object(i), back;
		struct buf b;

		if (i == POLICY)
			o.document.n = 50;
		buf_init(&b, 1u << 20);
		assert_int_equal(gov_object_encode(&o, &b), 0);
		for (size_t n = 0; n < b.n; n++)
			assert_int_equal(gov_object_decode(&o.prefix, b.p, n, &back), CV_ERR_FORMAT);
		buf_u8(&b, 0);
		assert_int_equal(gov_object_decode(&o.prefix, b.p, b.n, &back), CV_ERR_FORMAT);
		buf_free(&b);
	}
}

static void prefix_cannot_be_changed_in_the_clear(void **state)
{
	struct gov_object o = object(GRANT), back;
	struct gov_prefix p;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	assert_int_equal(gov_object_encode(&o, &b), 0);
	for (unsigned i = 0; i < 4; i++) {
		p = o.prefix;
		p.state = i == 0 ? GOV_USED : p.state;
		p.due_day += i == 1;
		p.serial += i == 2;
		p.type = i == 3 ? GOV_REQUEST : p.type;
		assert_int_equal(gov_object_decode(&p, b.p, b.n, &back), CV_ERR_FORMAT);
	}
	/* The keyring's epoch is the seal's. */
	p = o.prefix;
	p.epoch++;
	assert_int_equal(gov_object_decode(&p, b.p, b.n, &back), 0);
	buf_free(&b);
}

static void objects_that_contradict_themselves_are_refused(void **state)
{
	static const uint8_t twice[] = { 0, 1, 0, 1 }, down[] = { 0, 2, 0, 1 };
	struct buf b;

	(void)state;
	buf_init(&b, 1u << 20);
	for (unsigned i = 0; i < 15; i++) {
		struct gov_object o = object(i < 5 ? ASSIGNMENT : i < 9 ? GRANT : i < 12 ? POLICY : EXPORT);

		switch (i) {
		case 0: o.purposes.p = twice; break;
		case 1: o.purposes.p = down; break;
		case 2: o.level = 5; break;
		case 3: o.prefix.state = GOV_PENDING; break;
		case 4: o.records.n--; break;
		case 5: o.prefix.serial = 0; break;
		case 6: o.keys.n--; break;
		case 7: o.kind = GOV_KIND_GRANT; break;
		case 8: o.decided_ms = 1; break;
		case 9: o.document.n = 0; break;
		case 10: o.prefix.state = GOV_APPROVED; break;
		case 11: o.kind = GOV_KIND_REMOVE; break;
		case 12: o.area.p = (const uint8_t *)"11010x"; break;
		case 13: o.prefix.state = GOV_USED; break;
		default: o.text = (struct gov_bytes){ (const uint8_t *)"\xC3", 1 };
		}
		buf_reset(&b);
		assert_int_equal(gov_object_encode(&o, &b), CV_ERR_ARG);
	}
	buf_free(&b);
}

static void reviews_have_one_result_an_item_and_a_month(void **state)
{
	uint8_t changed[sizeof(results)];
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	for (unsigned i = 0; i < 9; i++) {
		struct gov_object o = object(REVIEW);

		memcpy(changed, results, sizeof(changed));
		o.results.p = changed;
		switch (i) {
		case 0: changed[8] = 0; break;
		case 1: changed[17] = GOV_RESULTS; break;
		case 2: changed[9] = 0; break;		/* the same item twice */
		case 3: changed[0] = 2; break;		/* descending */
		case 4: o.results.n--; break;
		case 5: o.month = 202613; break;
		case 6: o.month = 0; break;
		case 7: o.log_size = 0; break;
		default: o.prefix.state = GOV_ACTIVE;
		}
		buf_reset(&b);
		assert_int_equal(gov_object_encode(&o, &b), CV_ERR_ARG);
	}
	buf_free(&b);
}

static void month_keys_have_one_signature_and_at_most_sixty_months(void **state)
{
	static const uint8_t many[32 * (GOV_MONTHS_MAX + 1)] = { 1 };
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	for (unsigned i = 0; i < 8; i++) {
		struct gov_object o = object(MONTHS);

		switch (i) {
		case 0: o.signatures.n = 0; break;
		case 1: o.signatures.n = 128; break;
		case 2: o.month_keys.n = 0; break;
		case 3: o.month_keys.n--; break;
		case 4: o.month_keys = (struct gov_bytes){ many, sizeof(many) }; break;
		case 5: o.month = 202600; break;
		case 6: o.month = 0; break;
		default: o.prefix.state = GOV_APPROVED;
		}
		buf_reset(&b);
		assert_int_equal(gov_object_encode(&o, &b), CV_ERR_ARG);
	}
	buf_free(&b);
}

/* Items whose order, length or number is wrong. */
static void items_are_read_strictly(void **state)
{
	static const uint8_t good[] = { 0, 2, 0, 1, 0, 1, 7, 0, 3, 0, 0 };
	struct gov_items x;
	struct gov_item item;
	uint8_t bad[sizeof(good)];

	(void)state;
	assert_int_equal(gov_items_open(good, sizeof(good), &x), 0);
	assert_true(gov_items_next(&x, &item));
	assert_int_equal(item.tag, 1);
	assert_int_equal(item.n, 1);
	assert_int_equal(item.p[0], 7);
	assert_true(gov_items_next(&x, &item));
	assert_int_equal(item.tag, 3);
	assert_int_equal(item.n, 0);
	assert_false(gov_items_next(&x, &item));
	for (size_t n = 0; n < sizeof(good); n++)
		assert_int_equal(gov_items_open(good, n, &x), CV_ERR_FORMAT);
	for (unsigned at = 0; at < 3; at++) {
		static const struct { size_t at; uint8_t value; } changes[] = { { 8, 1 }, { 1, 3 }, { 1, 1 } };

		memcpy(bad, good, sizeof(bad));
		bad[changes[at].at] = changes[at].value;
		assert_int_equal(gov_items_open(bad, sizeof(bad), &x), CV_ERR_FORMAT);
	}
}

static void keys_and_records_of_lists_come_back(void **state)
{
	struct gov_sealed_key k = { .class_key = 0x500000, .generation = 2, .birth = 1, .role = 0x8003, .epoch = 4 }, back;
	struct gov_seen s = { 77, 1790000000000u, 1 }, t;
	uint8_t sealed[GOV_SEALED];
	struct gov_bytes list;
	struct buf b;

	(void)state;
	run(sealed, 3, sizeof(sealed));
	k.sealed = sealed;
	buf_init(&b, 4096);
	gov_sealed_key_put(&b, &k);
	k.generation = 3;
	gov_sealed_key_put(&b, &k);
	assert_int_equal(b.n, 2 * GOV_SEALED_KEY);
	list = (struct gov_bytes){ b.p, b.n };
	gov_sealed_key_get(&list, 1, &back);
	assert_int_equal(back.generation, 3);
	assert_int_equal(back.role, 0x8003);
	assert_memory_equal(back.sealed, sealed, GOV_SEALED);
	buf_reset(&b);
	gov_seen_put(&b, &s);
	assert_int_equal(b.n, GOV_SEEN);
	list = (struct gov_bytes){ b.p, b.n };
	gov_seen_get(&list, 0, &t);
	assert_int_equal(t.serial, 77);
	assert_int_equal(t.ms, s.ms);
	assert_int_equal(t.extra, 1);
	list = (struct gov_bytes){ records, sizeof(records) };
	run(records, 0, sizeof(records));
	for (unsigned i = 0; i < 3; i++)
		assert_true(gov_list_has_id(&list, records + i * 16));
	assert_false(gov_list_has_id(&list, sealed));
	list = (struct gov_bytes){ two_purposes, 4 };
	assert_true(gov_list_has_u16(&list, 7) && gov_list_has_u16(&list, 1) && !gov_list_has_u16(&list, 2));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefix_has_twenty_bytes),
		cmocka_unit_test(objects_come_back),
		cmocka_unit_test(objects_give_the_known_answers),
		cmocka_unit_test(cut_and_longer_plaintexts_are_refused),
		cmocka_unit_test(prefix_cannot_be_changed_in_the_clear),
		cmocka_unit_test(objects_that_contradict_themselves_are_refused),
		cmocka_unit_test(reviews_have_one_result_an_item_and_a_month),
		cmocka_unit_test(month_keys_have_one_signature_and_at_most_sixty_months),
		cmocka_unit_test(items_are_read_strictly),
		cmocka_unit_test(keys_and_records_of_lists_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

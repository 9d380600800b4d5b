/* format: bodies about governance objects and the work list, PROTOCOL.md section 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/wire_gov.h"

static const uint8_t token[32] = { 1 }, id[16] = { 2, 3 }, request[16] = { 4 };

static struct wire_text text(const char *s)
{
	return wire_text(s, strlen(s));
}

static struct wire_envelope envelope(void)
{
	struct wire_envelope e = { .has_token = true, .token = token, .request_id = request, .purpose = text("intake"),
		.case_text = text(""), .reason = text("") };

	return e;
}

static void put_field(struct buf *b)
{
	size_t at = wire_count_begin(b);

	wire_field_put(b, "principal", 9, 3, "clerk", 5);
	wire_count_end(b, at, 1);
}

/* One decoder, as all have this shape here. */
typedef int decoder(const void *p, size_t n, void *ret);

static void only_whole(decoder *decode, struct buf *b, void *ret)
{
	assert_true(buf_ok(b));
	assert_int_equal(decode(b->p, b->n, ret), 0);
	for (size_t n = 0; n < b->n; n++)
		assert_int_equal(decode(b->p, n, ret), CV_ERR_FORMAT);
	buf_u8(b, 0);
	assert_int_equal(decode(b->p, b->n, ret), CV_ERR_FORMAT);
	b->n--;
	assert_int_equal(decode(b->p, b->n, ret), 0);
}

static int as_create(const void *p, size_t n, void *ret) { return wire_gov_create_decode(p, n, ret); }
static int as_get(const void *p, size_t n, void *ret) { return wire_gov_get_decode(p, n, ret); }
static int as_list(const void *p, size_t n, void *ret) { return wire_gov_list_decode(p, n, ret); }
static int as_act(const void *p, size_t n, void *ret) { return wire_gov_act_decode(p, n, ret); }
static int as_records(const void *p, size_t n, void *ret) { return wire_records_decode(p, n, ret); }
static int as_objects(const void *p, size_t n, void *ret) { return wire_gov_objects_decode(p, n, ret); }
static int as_listed(const void *p, size_t n, void *ret) { return wire_records_answer_decode(p, n, ret); }

static void requests_come_back_whole(void **state)
{
	struct wire_gov_create create = { envelope(), text("assignments"), { 0 } }, create_back;
	struct wire_gov_get get = { envelope(), text("grants"), id }, get_back;
	struct wire_gov_list list = { .envelope = envelope(), .collection = text("requests"), .limit = 50, .cursor = text("abc") };
	struct wire_gov_list list_back;
	struct wire_gov_act act = { .envelope = envelope(), .collection = text("requests"), .id = id, .action = text("approve") };
	struct wire_gov_act act_back;
	struct wire_records records = { envelope(), text("1101"), text("2026Q4"), text(""), 100, text(""), NULL }, records_back;
	struct wire_field f;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wire_gov_create_head(&b, &create);
	put_field(&b);
	only_whole(as_create, &b, &create_back);
	assert_int_equal(create_back.collection.n, 11);
	assert_true(wire_fields_next(&create_back.fields, &f));
	assert_memory_equal(f.value.p, "clerk", 5);
	buf_reset(&b);
	wire_gov_get_put(&b, &get);
	only_whole(as_get, &b, &get_back);
	assert_memory_equal(get_back.id, id, 16);
	buf_reset(&b);
	wire_gov_list_head(&b, &list);
	put_field(&b);
	only_whole(as_list, &b, &list_back);
	assert_int_equal(list_back.limit, 50);
	assert_int_equal(list_back.cursor.n, 3);
	buf_reset(&b);
	wire_gov_act_head(&b, &act);
	put_field(&b);
	only_whole(as_act, &b, &act_back);
	assert_memory_equal(act_back.action.p, "approve", 7);
	buf_reset(&b);
	wire_records_put(&b, &records);
	only_whole(as_records, &b, &records_back);
	assert_memory_equal(records_back.due.p, "2026Q4", 6);
	buf_free(&b);
}

static void names_and_limits_are_bounded(void **state)
{
	static char longer[WIRE_COLLECTION_MAX + 2], cursor[WIRE_CURSOR_MAX + 2];
	struct wire_gov_get get = { envelope(), text(""), id }, get_back;
	struct wire_records records = { envelope(), text(""), text(""), text(""), 1, text(""), NULL }, back;
	struct buf b;

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	memset(cursor, 'a', sizeof(cursor) - 1);
	buf_init(&b, 4096);
	for (size_t n = 0; n <= WIRE_COLLECTION_MAX + 1; n++) {
		get.collection = wire_text(longer, n);
		buf_reset(&b);
		wire_gov_get_put(&b, &get);
		assert_int_equal(wire_gov_get_decode(b.p, b.n, &get_back), n >= 1 && n <= WIRE_COLLECTION_MAX ? 0 : CV_ERR_FORMAT);
	}
	for (unsigned i = 0; i < 4; i++) {
		static const struct { uint16_t limit; size_t cursor; int expected; } cases[] = { { 0, 0, CV_ERR_FORMAT },
			{ WIRE_LIST_MAX, WIRE_CURSOR_MAX, 0 }, { WIRE_LIST_MAX + 1, 0, CV_ERR_FORMAT },
			{ 1, WIRE_CURSOR_MAX + 1, CV_ERR_FORMAT } };

		records.limit = cases[i].limit;
		records.cursor = wire_text(cursor, cases[i].cursor);
		buf_reset(&b);
		wire_records_put(&b, &records);
		assert_int_equal(wire_records_decode(b.p, b.n, &back), cases[i].expected);
	}
	buf_free(&b);
}

static void answers_come_back_whole(void **state)
{
	struct wire_listed listed = { id, text("2026Q4"), text("active"), text("110101") }, l;
	struct wire_gov_objects objects;
	struct wire_gov_object o;
	struct wire_records_answer records;
	unsigned n = 0;
	struct buf b;
	size_t at;

	(void)state;
	buf_init(&b, 4096);
	at = wire_count_begin(&b);
	for (unsigned i = 0; i < 3; i++) {
		wire_gov_object_head(&b, id);
		put_field(&b);
	}
	wire_count_end(&b, at, 3);
	wire_text16_put(&b, "next", 4);
	only_whole(as_objects, &b, &objects);
	assert_int_equal(objects.cursor.n, 4);
	while (wire_gov_objects_next(&objects.objects, &o)) {
		assert_memory_equal(o.id, id, 16);
		assert_int_equal(o.fields.count, 1);
		n++;
	}
	assert_int_equal(n, 3);
	buf_reset(&b);
	at = wire_count_begin(&b);
	wire_listed_put(&b, &listed);
	wire_count_end(&b, at, 1);
	wire_text16_put(&b, "", 0);
	only_whole(as_listed, &b, &records);
	assert_true(wire_listed_next(&records.records, &l));
	assert_memory_equal(l.state.p, "active", 6);
	assert_false(wire_listed_next(&records.records, &l));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_come_back_whole),
		cmocka_unit_test(names_and_limits_are_bounded),
		cmocka_unit_test(answers_come_back_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Governance rows as they are opened, a clear prefix and a plaintext, FORMAT.md 5.1; and the bodies of messages about governance objects
 * and the work list, PROTOCOL.md section 1.
 */
#include "format/gov.h"
#include "format/wire_gov.h"
#include "fuzz.h"

static void row(const uint8_t *p, size_t n)
{
	struct gov_prefix prefix;
	struct gov_object o;
	struct gov_items items;
	struct gov_item item;
	struct buf b;

	if (gov_prefix_decode(p, n, &prefix) != 0)
		return;
	buf_init(&b, 1 << 20);
	gov_prefix_put(&b, &prefix);
	must_be(&b, p, GOV_PREFIX);
	if (gov_items_open(p + GOV_PREFIX, n - GOV_PREFIX, &items) == 0) {
		unsigned count = items.left;
		size_t at = gov_items_begin(&b);

		while (gov_items_next(&items, &item))
			gov_item_put(&b, item.tag, item.p, item.n);
		gov_items_end(&b, at, count);
		must_be(&b, p + GOV_PREFIX, n - GOV_PREFIX);
	}
	memset(o.id, 1, sizeof(o.id));
	if (gov_object_decode(&prefix, p + GOV_PREFIX, n - GOV_PREFIX, &o) != 0)
		return;
	MUST(gov_object_encode(&o, &b) == 0);
	must_be(&b, p + GOV_PREFIX, n - GOV_PREFIX);
	for (size_t i = 0; i < o.records.n; i += 16)
		MUST(gov_list_has_id(&o.records, o.records.p + i));
	for (size_t i = 0; i < o.fields.n; i += 2)
		MUST(gov_list_has_u16(&o.fields, be16_get(o.fields.p + i)));
}

static void bodies(const uint8_t *p, size_t n)
{
	struct wire_gov_create create;
	struct wire_gov_get get;
	struct wire_gov_list list;
	struct wire_gov_act act;
	struct wire_records records;
	struct buf b;

	buf_init(&b, 1 << 20);
	if (wire_gov_create_decode(p, n, &create) == 0) {
		wire_gov_create_head(&b, &create);
		wire_list_put(&b, &create.fields);
		must_be(&b, p, n);
	}
	if (wire_gov_get_decode(p, n, &get) == 0) {
		wire_gov_get_put(&b, &get);
		must_be(&b, p, n);
	}
	if (wire_gov_list_decode(p, n, &list) == 0) {
		wire_gov_list_head(&b, &list);
		wire_list_put(&b, &list.fields);
		must_be(&b, p, n);
	}
	if (wire_gov_act_decode(p, n, &act) == 0) {
		wire_gov_act_head(&b, &act);
		wire_list_put(&b, &act.fields);
		must_be(&b, p, n);
	}
	if (wire_records_decode(p, n, &records) == 0) {
		wire_records_put(&b, &records);
		must_be(&b, p, n);
	}
}

static void answers(const uint8_t *p, size_t n)
{
	struct wire_gov_objects objects;
	struct wire_gov_object object;
	struct wire_records_answer records;
	struct wire_listed listed;
	unsigned count;
	struct buf b;

	buf_init(&b, 1 << 20);
	if (wire_gov_objects_decode(p, n, &objects) == 0) {
		size_t at = wire_count_begin(&b);

		for (count = 0; wire_gov_objects_next(&objects.objects, &object); count++) {
			wire_gov_object_head(&b, object.id);
			wire_list_put(&b, &object.fields);
		}
		wire_count_end(&b, at, count);
		wire_text16_put(&b, objects.cursor.p, objects.cursor.n);
		must_be(&b, p, n);
	}
	if (wire_records_answer_decode(p, n, &records) == 0) {
		size_t at = wire_count_begin(&b);

		for (count = 0; wire_listed_next(&records.records, &listed); count++)
			wire_listed_put(&b, &listed);
		wire_count_end(&b, at, count);
		wire_text16_put(&b, records.cursor.p, records.cursor.n);
		must_be(&b, p, n);
	}
	if (wire_gov_object_decode(p, n, &object) == 0) {
		wire_gov_object_head(&b, object.id);
		wire_list_put(&b, &object.fields);
		must_be(&b, p, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	row(data, size);
	bodies(data, size);
	answers(data, size);
	return 0;
}

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "format/wire_gov.h"
#include "front/exchange.h"
#include "front/json_out.h"

#define PUT(b, text) buf_put((b), (text), sizeof(text) - 1)

static void put_cursor(struct buf *b, const struct wire_text *cursor)
{
	PUT(b, ",\"cursor\":");
	if (cursor->n == 0)
		PUT(b, "null");
	else
		json_text(b, cursor->p, cursor->n);
}

static void member_text_or_null(struct buf *b, const char *key, const struct wire_text *t)
{
	buf_text(b, key);
	if (t->n == 0)
		PUT(b, "null");
	else
		json_text(b, t->p, t->n);
}

int render_list(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_records_answer a;
	struct wire_listed r;
	struct buf *b = &ret->body;
	bool first = true;

	(void)x;
	if (wire_records_answer_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	PUT(b, "{\"records\":[");
	for (; wire_listed_next(&a.records, &r); first = false) {
		buf_text(b, first ? "{\"id\":" : ",{\"id\":");
		json_hex(b, r.record, 16);
		member_text_or_null(b, ",\"due\":", &r.due);
		member_text_or_null(b, ",\"state\":", &r.state);
		member_text_or_null(b, ",\"area\":", &r.area);
		PUT(b, "}");
	}
	PUT(b, "]");
	put_cursor(b, &a.cursor);
	PUT(b, "}");
	return 0;
}

/* {"id":...} and the object's fields beside it. */
static int put_object(struct buf *b, const struct wire_gov_object *o)
{
	struct wire_list l = o->fields;
	struct wire_field f;

	PUT(b, "{\"id\":");
	json_hex(b, o->id, 16);
	while (wire_fields_next(&l, &f)) {
		PUT(b, ",");
		json_text(b, f.name.p, f.name.n);
		PUT(b, ":");
		if (json_value(b, f.value.type, f.value.p, f.value.n) != 0)
			return CV_ERR_FORMAT;
	}
	PUT(b, "}");
	return 0;
}

int render_gov_object(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_gov_object o;

	(void)x;
	if (wire_gov_object_decode(p, n, &o) != 0)
		return CV_ERR_FORMAT;
	return put_object(&ret->body, &o);
}

int render_gov_create(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_gov_object o;
	char path[4 + WIRE_COLLECTION_MAX + 1 + 33] = "/v1/";
	size_t at = 4, name_n = strlen(x->collection);

	if (wire_gov_object_decode(p, n, &o) != 0)
		return CV_ERR_FORMAT;
	ret->status = 201;
	memcpy(path + at, x->collection, name_n);
	path[at + name_n] = '/';
	hex_encode(o.id, 16, path + at + name_n + 1);
	reply_header(ret, "Location", path, strlen(path));
	return put_object(&ret->body, &o);
}

int render_gov_list(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_gov_objects a;
	struct wire_gov_object o;
	struct buf *b = &ret->body;
	bool first = true;

	if (wire_gov_objects_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	PUT(b, "{\"");
	buf_text(b, x->collection);
	PUT(b, "\":[");
	for (; wire_gov_objects_next(&a.objects, &o); first = false) {
		if (!first)
			PUT(b, ",");
		if (put_object(b, &o) != 0)
			return CV_ERR_FORMAT;
	}
	PUT(b, "]");
	put_cursor(b, &a.cursor);
	PUT(b, "}");
	return 0;
}

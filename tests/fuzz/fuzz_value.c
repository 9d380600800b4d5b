/* Values, FORMAT.md 4.5. The first byte is the type. */
#include "format/value.h"
#include "fuzz.h"

/* Append what a walk finds, item by item, to the same bytes again. */
static void rebuild(struct buf *b, uint8_t type, const uint8_t *p, size_t n, unsigned depth)
{
	struct value_walk w;
	struct value_item x, found;
	size_t at, nest, count = 0;

	MUST(value_check(type, p, n) == 0 && depth <= VALUE_DEPTH + 1);
	if (type == VALUE_INTEGER || type == VALUE_BOOL) {
		if (type == VALUE_INTEGER)
			value_integer_put(b, value_integer(p));
		else
			value_bool_put(b, value_bool(p));
		return;
	}
	if (type != VALUE_LIST && type != VALUE_GROUP) {
		buf_put(b, p, n);
		return;
	}
	at = value_begin(b);
	for (w = value_walk(type, p, n); value_next(&w, &x); count++) {
		nest = value_nest_begin(b, x.name, x.name_n, x.type);
		rebuild(b, x.type, x.p, x.n, depth + 1);
		value_nest_end(b, nest);
		if (type == VALUE_GROUP && count < 8)
			MUST(value_member(p, n, x.name, x.name_n, &found) && found.p == x.p && found.n == x.n);
	}
	value_end(b, at, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b;

	if (size < 1 || value_check(data[0], data + 1, size - 1) != 0)
		return 0;
	buf_init(&b, 1 << 20);
	rebuild(&b, data[0], data + 1, size - 1, 0);
	must_be(&b, data + 1, size - 1);
	return 0;
}

/* Messages about the work list and governance objects: front knows no kind of object, core judges names and values. */
#include <string.h>

#include "base/buf.h"
#include "format/row.h"
#include "format/wire_gov.h"
#include "front/exchange.h"

static struct wire_text collection_of(const struct exchange *x)
{
	return wire_text(x->collection, strlen(x->collection));
}

static uint16_t limit_of(const struct exchange *x)
{
	return x->limit != 0 ? x->limit : LIST_LIMIT;
}

static int put_members(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	if (h->body_n > 0 || (x->route->flags & ROUTE_BODY_OPTIONAL) == 0)
		return json_members(in->p + h->body_at, h->body_n, ret, &x->fault);
	buf_u16(ret, 0);
	return 0;
}

int build_list(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_records m = {
		.envelope = exchange_envelope(x, in),
		.area = exchange_text(in, &x->filter[FILTER_AREA]),
		.due = exchange_text(in, &x->filter[FILTER_DUE]),
		.state = exchange_text(in, &x->filter[FILTER_STATE]),
		.limit = limit_of(x),
		.cursor = exchange_text(in, &x->cursor),
		.export = x->export,
	};

	(void)h;	/* no body */
	wire_records_put(ret, &m);
	return 0;
}

int build_gov_create(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_gov_create m = { .envelope = exchange_envelope(x, in), .collection = collection_of(x) };

	wire_gov_create_head(ret, &m);
	return put_members(x, h, in, ret);
}

int build_gov_get(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_gov_get m = { .envelope = exchange_envelope(x, in), .collection = collection_of(x), .id = x->id };

	(void)h;
	wire_gov_get_put(ret, &m);
	return 0;
}

int build_gov_list(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	static const char *const names[FILTER_COUNT] = {
		[FILTER_AREA] = "area", [FILTER_DUE] = "due", [FILTER_STATE] = "state", [FILTER_PRINCIPAL] = "principal",
		[FILTER_RECORD] = "record", [FILTER_WAITING] = "waiting",
	};
	struct wire_gov_list m = {
		.envelope = exchange_envelope(x, in),
		.collection = collection_of(x),
		.limit = limit_of(x),
		.cursor = exchange_text(in, &x->cursor),
	};
	size_t at, count = 0;

	(void)h;
	wire_gov_list_head(ret, &m);
	at = wire_count_begin(ret);
	for (unsigned i = 0; i < FILTER_COUNT; i++) {
		if (x->filter[i].n == 0)
			continue;
		wire_field_put(ret, names[i], strlen(names[i]), VALUE_TEXT, in->p + x->filter[i].at, x->filter[i].n);
		count++;
	}
	wire_count_end(ret, at, count);
	return 0;
}

int build_gov_act(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_gov_act m = {
		.envelope = exchange_envelope(x, in),
		.collection = collection_of(x),
		.id = x->id,
		.action = exchange_text(in, &x->action),
	};

	wire_gov_act_head(ret, &m);
	return put_members(x, h, in, ret);
}

/* An export begins with its request, which tells the mark. What else the body says is read again by export.c. */
int build_export(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_gov_get m = { .envelope = exchange_envelope(x, in), .collection = wire_text("requests", 8) };
	struct json_export e;
	struct buf names;
	int r;

	buf_init(&names, h->body_max + 2);
	if ((r = json_export(in->p + h->body_at, h->body_n, &e, &names, &x->fault)) == 0) {
		m.id = e.request;
		wire_gov_get_put(ret, &m);
	}
	buf_free(&names);
	return r;
}

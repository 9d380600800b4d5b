#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "format/tile.h"
#include "front/exchange.h"

struct wire_text exchange_text(const struct buf *in, const struct span *s)
{
	return wire_text((const char *)in->p + s->at, s->n);
}

struct wire_envelope exchange_envelope(const struct exchange *x, const struct buf *in)
{
	struct wire_envelope e = {
		.has_token = x->has_token,
		.token = x->token,
		.request_id = x->request_id,
		.purpose = exchange_text(in, &x->purpose),
		.case_text = exchange_text(in, &x->case_text),
		.reason = exchange_text(in, &x->reason),
	};

	return e;
}

/* A list "a,b,c" as names. A name twice would be a member twice in the answer. */
static int put_names(struct exchange *x, const struct buf *in, struct buf *ret)
{
	__attribute__((uninitialized)) struct wire_text seen[NAMES_MAX];	/* 8 KiB; what is looked at was written */
	const char *p = (const char *)in->p + x->names.at, *end = p + x->names.n;
	size_t at = wire_count_begin(ret), count = 0;

	while (p <= end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		size_t n = (size_t)((comma == NULL ? end : comma) - p);

		if (n == 0 || count == NAMES_MAX)
			return exchange_refuse(x, PROBLEM_BAD_REQUEST);
		if (n > UINT8_MAX)
			return exchange_refuse(x, PROBLEM_UNKNOWN_FIELD);
		for (size_t i = 0; i < count; i++)
			if (seen[i].n == n && memcmp(seen[i].p, p, n) == 0)
				return exchange_refuse(x, PROBLEM_BAD_REQUEST);
		seen[count++] = wire_text(p, n);
		wire_text8_put(ret, p, n);
		p += n + 1;
	}
	wire_count_end(ret, at, count);
	return 0;
}

/* The fields, and at as_of_at, written before, the day they are of. */
static int put_fields(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret, size_t as_of_at)
{
	uint32_t as_of_day = 0;
	int r = json_fields(in->p + h->body_at, h->body_n, ret, &as_of_day, &x->fault);

	if (r == 0 && buf_ok(ret))
		be32_put(ret->p + as_of_at, as_of_day);
	return r;
}

int build_hello(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	uint8_t principal[16], question[32];
	struct wire_hello m = { x->request_id, principal, question };
	int r;

	if ((r = json_hello(in->p + h->body_at, h->body_n, principal, question, &x->fault)) == 0)
		wire_hello_put(ret, &m);
	wipe(question, sizeof(question));
	return r;
}

int build_activate(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct json_role roles[WIRE_ROLES_MAX];
	uint8_t signature[64];
	struct wire_activate m = { .request_id = x->request_id, .session = x->id, .signature = signature };
	int r;

	if ((r = json_activate(in->p + h->body_at, h->body_n, roles, &m.n, signature, &x->fault)) != 0)
		goto out;
	for (unsigned i = 0; i < m.n; i++)
		m.role[i] = (struct wire_role_key){ roles[i].role, roles[i].epoch, roles[i].sealed };
	wire_activate_put(ret, &m);
out:
	wipe(roles, sizeof(roles));
	return r;
}

int build_envelope(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_envelope e = exchange_envelope(x, in);

	(void)h;	/* no body */
	wire_envelope_put(ret, &e);
	return 0;
}

static struct wire_text key_of(const struct exchange *x, const struct buf *in)
{
	return x->line_key_n > 0 ? wire_text(x->line_key, x->line_key_n) : exchange_text(in, &x->key);
}

int build_create(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_create m = { .envelope = exchange_envelope(x, in), .key = key_of(x, in) };

	wire_create_head(ret, &m);
	return put_fields(x, h, in, ret, ret->n - 4);
}

int build_search(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_search m = { .envelope = exchange_envelope(x, in) };
	char name[JSON_NAME_MAX + 1];
	int r;

	/* The name stands before the values in the message, whatever their order in the body. */
	if ((r = json_search_index(in->p + h->body_at, h->body_n, name, &x->fault)) != 0)
		return r;
	m.index = wire_text(name, strlen(name));
	wire_search_head(ret, &m);
	return json_search_values(in->p + h->body_at, h->body_n, ret, &x->fault);
}

static uint8_t view_of(const struct exchange *x)
{
	return x->clear ? WIRE_VIEW_CLEAR : WIRE_VIEW_DEFAULT;
}

int build_read(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_read m = { .envelope = exchange_envelope(x, in), .record = x->id, .view = view_of(x), .provenance = x->provenance,
		.export = x->export };

	(void)h;
	wire_read_head(ret, &m);
	return put_names(x, in, ret);
}

int build_patch(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_patch m = { .envelope = exchange_envelope(x, in), .record = x->id, .has_etag = x->has_etag, .etag = x->etag };

	wire_patch_head(ret, &m);
	return put_fields(x, h, in, ret, ret->n - 4);
}

int build_history(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_history m = {
		.envelope = exchange_envelope(x, in),
		.record = x->id,
		.view = view_of(x),
		.limit = x->limit != 0 ? x->limit : HISTORY_LIMIT,
		.before = x->before,
	};

	(void)h;
	wire_history_head(ret, &m);
	return put_names(x, in, ret);
}

int build_accesses(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_accesses m = {
		.envelope = exchange_envelope(x, in),
		.record = x->id,
		.reader = x->reader,
		.cosigned = x->cosigned,
		.from_ms = x->from,
		.to_ms = x->to != 0 ? x->to : UINT64_MAX,
		.limit = x->limit,
		.cursor = exchange_text(in, &x->cursor),
	};

	(void)h;
	if (m.from_ms >= m.to_ms)
		return exchange_refuse(x, PROBLEM_BAD_REQUEST);
	wire_accesses_put(ret, &m);
	return 0;
}

int build_events(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_events m = {
		.envelope = exchange_envelope(x, in),
		.first = x->from,
		.limit = x->limit != 0 ? x->limit : EVENTS_LIMIT,
		.keys = x->keys,
		.principal = exchange_text(in, &x->filter[FILTER_PRINCIPAL]),
		.record = exchange_text(in, &x->filter[FILTER_RECORD]),
		.kind = exchange_text(in, &x->filter[FILTER_KIND]),
		.purpose = exchange_text(in, &x->filter[FILTER_PURPOSE]),
		.since_ms = x->since_ms,
		.until_ms = x->until_ms,
		.cursor = exchange_text(in, &x->cursor),
	};

	(void)h;
	wire_events_put(ret, &m);
	return 0;
}

int build_tile(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_tile m = { .envelope = exchange_envelope(x, in) };
	unsigned level, width;

	(void)h;
	/* The decoder would pass over a second "tile/" in front. */
	if (x->tail.n > 0 && in->p[x->tail.at] == 't')
		return exchange_refuse(x, PROBLEM_NOT_FOUND);
	if (tile_path_decode((const char *)in->p + x->tail.at, x->tail.n, &level, &m.n, &width) != 0)
		return exchange_refuse(x, PROBLEM_NOT_FOUND);
	m.level = (uint8_t)(level == TILE_ENTRIES ? WIRE_TILE_ENTRIES : level);
	m.width = (uint16_t)width;
	wire_tile_put(ret, &m);
	return 0;
}

/* Of two trees, or of a leaf: one of both is asked for. */
int build_proof(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_proof m = { .envelope = exchange_envelope(x, in), .of = x->has_index ? WIRE_PROOF_LEAF : WIRE_PROOF_TREES,
		.from = x->has_index ? x->index : x->from, .to = x->to };

	(void)h;
	if (x->has_index == x->has_from || (x->has_index && x->to != 0))
		return exchange_refuse(x, PROBLEM_BAD_REQUEST);
	wire_proof_put(ret, &m);
	return 0;
}

int build_cosign(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	struct wire_cosign m = { .envelope = exchange_envelope(x, in), .note = in->p + h->body_at, .n = (uint32_t)h->body_n };

	wire_cosign_put(ret, &m);
	return 0;
}

int build_nothing(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret)
{
	(void)x;
	(void)h;
	(void)in;
	(void)ret;
	return 0;
}

bool exchange_message(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret, uint8_t *ret_type)
{
	size_t start = ret->n;
	struct wire_refused refused;

	if (x->fault.problem == PROBLEM_NONE && x->route->message == 0)
		return false;
	if (x->fault.problem == PROBLEM_NONE && x->route->build(x, h, in, ret) == 0 && buf_ok(ret)) {
		*ret_type = x->route->message;
		return true;
	}
	/* A body that does not fit the message (buf not ok) can only be one whose values grew past core's bound. */
	(void)exchange_refuse(x, PROBLEM_PAYLOAD_TOO_LARGE);
	buf_cut(ret, start);
	if (!x->has_token)
		return false;
	ret->bad = false;
	refused.envelope = exchange_envelope(x, in);
	refused.problem = x->fault.problem;
	wire_refused_put(ret, &refused);
	*ret_type = MSG_REFUSED;
	return true;
}

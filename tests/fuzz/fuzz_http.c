/*
 * Requests of clients, as connection.c takes them: the first byte says in what pieces, the rest is a connection's bytes. What
 * comes of a request does not depend on the pieces, a message for core decodes, and every refusal can be told.
 */
#include "format/wire_gov.h"
#include "front/arena.h"
#include "front/exchange.h"
#include "fuzz.h"

#define BODY_BYTES 4096u

static struct reply reply;
static struct front_limits limits = { .body_bytes = BODY_BYTES };

struct taken {
	struct http http;
	struct exchange x;
	struct buf in, body;
	uint8_t type;
	bool done, asks;
};

static void step(struct taken *t, bool *begun)
{
	http_execute(&t->http, &t->in);
	MUST(t->http.used <= t->in.n);
	if (!*begun && (t->http.state != READ_HEAD || t->http.fatal)) {
		memset(t->x.request_id, 0x77, sizeof(t->x.request_id));
		exchange_begin(&t->x, &t->http, &t->in);
		*begun = true;
	}
	if (t->http.fatal)
		(void)exchange_refuse(&t->x, t->http.problem);
	if (t->http.problem == PROBLEM_NONE)
		t->http.problem = t->x.fault.problem;
	t->done = t->http.fatal || t->http.state == READ_DONE;
}

static void take(struct taken *t, const uint8_t *p, size_t n, size_t piece)
{
	bool begun = false;

	memset(t, 0, sizeof(*t));
	buf_init(&t->in, 1u << 20);
	buf_init(&t->body, MESSAGE_TO_CORE_MAX);
	http_init(&t->http, BODY_BYTES);
	while (n > 0 && !t->done) {
		size_t some = piece == 0 || piece > n ? n : piece;

		buf_put(&t->in, p, some);
		p += some;
		n -= some;
		step(t, &begun);
	}
	if (t->done)
		t->asks = exchange_message(&t->x, &t->http, &t->in, &t->body, &t->type);
}

static void taken_free(struct taken *t)
{
	buf_free(&t->in);
	buf_free(&t->body);
}

/* Core must find the message well formed: it drops a front whose messages are not. */
static int decode(uint8_t type, const uint8_t *p, size_t n)
{
	union {
		struct wire_envelope envelope;
		struct wire_hello hello;
		struct wire_activate activate;
		struct wire_refused refused;
		struct wire_create create;
		struct wire_read read;
		struct wire_patch patch;
		struct wire_history history;
		struct wire_accesses accesses;
		struct wire_proof proof;
		struct wire_cosign cosign;
		struct wire_events events;
		struct wire_tile tile;
		struct wire_records records;
		struct wire_gov_create make;
		struct wire_gov_get get;
		struct wire_gov_list list;
		struct wire_gov_act act;
	} m;

	switch (type) {
	case MSG_HELLO:
		return wire_hello_decode(p, n, &m.hello);
	case MSG_ACTIVATE:
		return wire_activate_decode(p, n, &m.activate);
	case MSG_LOGOUT:
	case MSG_CHECKPOINT:
	case MSG_POLICY:
	case MSG_DIRECTORY:
	case MSG_COSIGNED:
	case MSG_VKEY:
		return wire_envelope_decode(p, n, &m.envelope);
	case MSG_REFUSED:
		return wire_refused_decode(p, n, &m.refused);
	case MSG_CREATE:
		return wire_create_decode(p, n, &m.create);
	case MSG_READ:
		return wire_read_decode(p, n, &m.read);
	case MSG_PATCH:
		return wire_patch_decode(p, n, &m.patch);
	case MSG_HISTORY:
		return wire_history_decode(p, n, &m.history);
	case MSG_PROOF:
		return wire_proof_decode(p, n, &m.proof);
	case MSG_COSIGN:
		return wire_cosign_decode(p, n, &m.cosign);
	case MSG_ACCESSES:
		return wire_accesses_decode(p, n, &m.accesses);
	case MSG_EVENTS:
		return wire_events_decode(p, n, &m.events);
	case MSG_TILE:
		return wire_tile_decode(p, n, &m.tile);
	case MSG_LIST:
		return wire_records_decode(p, n, &m.records);
	case MSG_GOV_CREATE:
		return wire_gov_create_decode(p, n, &m.make);
	case MSG_GOV_GET:
		return wire_gov_get_decode(p, n, &m.get);
	case MSG_GOV_LIST:
		return wire_gov_list_decode(p, n, &m.list);
	case MSG_GOV_ACT:
		return wire_gov_act_decode(p, n, &m.act);
	case MSG_HEALTH:
	case MSG_METRICS:
		return n == 0 ? 0 : CV_ERR_FORMAT;
	default:
		return CV_ERR_FORMAT;
	}
}

static void must_be_told(const struct exchange *x)
{
	reply_own(&reply, x);
	MUST(buf_ok(&reply.head) && buf_ok(&reply.body) && reply.head.n > 4);
	MUST(memcmp(reply.head.p + reply.head.n - 4, "\r\n\r\n", 4) == 0);
	/* Nothing of the request may end the head early or begin a line of it. */
	MUST(memmem(reply.head.p, reply.head.n - 1, "\r\n\r\n", 4) == NULL);
	reply_reset(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct front_options o = { .demo = true, .version = "fuzz" };
	struct taken whole, pieces;

	if (size == 0)
		return 0;
	MUST(arena_start() == 0);
	if (reply.head.p == NULL)
		MUST(reply_init(&reply, &o, &limits) == 0);
	take(&whole, data + 1, size - 1, 0);
	take(&pieces, data + 1, size - 1, data[0] % 64 + 1u);
	MUST(whole.done == pieces.done || whole.http.fatal || pieces.http.fatal);
	if (whole.done && pieces.done && !whole.http.fatal && !pieces.http.fatal) {
		MUST(whole.asks == pieces.asks && whole.type == pieces.type && whole.body.n == pieces.body.n);
		MUST(whole.body.n == 0 || memcmp(whole.body.p, pieces.body.p, whole.body.n) == 0);
		MUST(whole.x.fault.problem == pieces.x.fault.problem);
	}
	if (whole.asks)
		MUST(decode(whole.type, whole.body.p, whole.body.n) == 0);
	else if (whole.done)
		must_be_told(&whole.x);
	taken_free(&whole);
	taken_free(&pieces);
	return 0;
}

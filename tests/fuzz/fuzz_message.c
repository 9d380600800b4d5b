/*
 * Messages between front and core. The first byte says which request the answer of core belongs to: what front accepts becomes
 * JSON that jansson reads. The same bytes are also taken for a message's header and for each request's body, as core does.
 */
#include <jansson.h>

#include "front/arena.h"
#include "front/exchange.h"
#include "fuzz.h"

static struct reply reply;
static struct front_limits limits = { .body_bytes = 1000 };

static const struct {
	uint8_t method;
	const char *path;
} calls[] = {
	{ METHOD_GET, "/v1/records/000102030405060708090a0b0c0d0e0f" }, { METHOD_POST, "/v1/records" },
	{ METHOD_PATCH, "/v1/records/000102030405060708090a0b0c0d0e0f" },
	{ METHOD_GET, "/v1/records/000102030405060708090a0b0c0d0e0f/history" }, { METHOD_POST, "/v1/sessions" },
	{ METHOD_PUT, "/v1/sessions/000102030405060708090a0b0c0d0e0f" }, { METHOD_DELETE, "/v1/sessions/current" },
	{ METHOD_GET, "/v1/audit/events" }, { METHOD_GET, "/v1/audit/checkpoint" }, { METHOD_GET, "/v1/sys/health" },
	{ METHOD_GET, "/v1/sys/metrics" },
};

static bool is_json(void)
{
	return reply.media == MEDIA_JSON || reply.media == MEDIA_PROBLEM;
}

static void answer(const struct exchange *x, const uint8_t *p, size_t n)
{
	json_error_t e;
	json_t *root;

	if (reply_answer(&reply, x, p, n) == 0) {
		MUST(reply.head.n > 4 && memcmp(reply.head.p + reply.head.n - 4, "\r\n\r\n", 4) == 0);
		MUST(memmem(reply.head.p, reply.head.n - 1, "\r\n\r\n", 4) == NULL);
		if (is_json() && reply.body.n > 0) {
			/* Numbers above 2^63 and NUL in names are JSON, though jansson does not take them. */
			root = json_loadb((const char *)reply.body.p, reply.body.n, JSON_ALLOW_NUL, &e);
			MUST(root != NULL || arena_failed() || json_error_code(&e) == json_error_numeric_overflow ||
			    json_error_code(&e) == json_error_null_byte_in_key);
		}
		arena_wipe();
	}
	reply_reset(&reply);
}

/* Bodies with a list are put again from what was decoded: the same bytes, or there were two spellings. */
static void requests(const uint8_t *p, size_t n)
{
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
	struct buf b;

#define AGAIN(decode, put, m)				\
	do {						\
		if ((decode)(p, n, &(m)) == 0) {	\
			buf_init(&b, n + 1);		\
			(put)(&b, &(m));		\
			must_be(&b, p, n);		\
		}					\
	} while (0)
	AGAIN(wire_envelope_decode, wire_envelope_put, envelope);
	AGAIN(wire_hello_decode, wire_hello_put, hello);
	AGAIN(wire_activate_decode, wire_activate_put, activate);
	AGAIN(wire_refused_decode, wire_refused_put, refused);
	AGAIN(wire_create_decode, wire_create_put, create);
	AGAIN(wire_read_decode, wire_read_put, read);
	AGAIN(wire_patch_decode, wire_patch_put, patch);
	AGAIN(wire_history_decode, wire_history_put, history);
	AGAIN(wire_proof_decode, wire_proof_put, proof);
	AGAIN(wire_cosign_decode, wire_cosign_put, cosign);
	AGAIN(wire_accesses_decode, wire_accesses_put, accesses);
	AGAIN(wire_events_decode, wire_events_put, events);
	AGAIN(wire_tile_decode, wire_tile_put, tile);
#undef AGAIN
}

static void header(const uint8_t *p, size_t n)
{
	struct message m;
	uint8_t again[MESSAGE_HEADER];

	if (message_decode(p, n, &m) != 0)
		return;
	message_encode(&m, again);
	MUST(memcmp(p, again, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct front_options o = { .demo = true, .version = "fuzz" };
	struct exchange x = { .route = NULL };
	size_t i;

	if (size == 0)
		return 0;
	MUST(arena_start() == 0);
	if (reply.head.p == NULL)
		MUST(reply_init(&reply, &o, &limits) == 0);
	i = data[0] % (sizeof(calls) / sizeof(calls[0]));
	route_find(&x, calls[i].method, calls[i].path, strlen(calls[i].path), 0);
	MUST(x.route != NULL);
	if (data[0] >= 0xf0)
		x.fault.problem = PROBLEM_WRONG_TYPE;	/* front refused the request itself */
	answer(&x, data + 1, size - 1);
	requests(data + 1, size - 1);
	header(data + 1, size - 1);
	return 0;
}

/*
 * One request and its answer, between HTTP and core's messages; docs/PROTOCOL.md section 2. No sockets: everything here
 * can be called in memory. Private to front and its tests.
 */
#ifndef CV_FRONT_EXCHANGE_H
#define CV_FRONT_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/wire.h"
#include "front/front.h"
#include "front/http.h"
#include "front/json_in.h"

#define NAMES_MAX 512u			/* fields named in one query */
#define HISTORY_LIMIT 100u		/* of versions, when the query names none */
#define EVENTS_LIMIT 100u
#define HISTORY_LIMIT_MAX 1000u
#define LIST_LIMIT 100u			/* of records or objects, the same */

enum method { METHOD_GET = 1, METHOD_POST = 2, METHOD_PUT = 4, METHOD_PATCH = 8, METHOD_DELETE = 16 };
enum param { PARAM_FIELDS = 1, PARAM_VIEW = 2, PARAM_LIMIT = 4, PARAM_FROM = 8, PARAM_KEYS = 16, PARAM_SEALED_OK = 32,
    PARAM_BEFORE = 64, PARAM_CURSOR = 128, PARAM_AREA = 256, PARAM_DUE = 512, PARAM_STATE = 1024, PARAM_PRINCIPAL = 2048,
    PARAM_RECORD = 4096, PARAM_WAITING = 8192, PARAM_PROVENANCE = 16384, PARAM_FOR = 32768, PARAM_TO = 65536,
    PARAM_SINCE = 1 << 17, PARAM_UNTIL = 1 << 18, PARAM_KIND = 1 << 19, PARAM_PURPOSE = 1 << 20, PARAM_INDEX = 1 << 21,
    PARAM_COSIGNED = 1 << 22 };
/* Texts that a list is narrowed by. */
enum filter { FILTER_AREA, FILTER_DUE, FILTER_STATE, FILTER_PRINCIPAL, FILTER_RECORD, FILTER_WAITING, FILTER_KIND, FILTER_PURPOSE,
    FILTER_COUNT };
/*
 * What else a route is: it takes Idempotency-Key; it takes If-Match; its body may be left out; it takes CV-Export; each line of its body is
 * a request of its own, answered by a line; it is the export, which front reads record by record.
 */
enum route_flag { ROUTE_CREATES = 1, ROUTE_MATCHES = 2, ROUTE_BODY_OPTIONAL = 4, ROUTE_EXPORTS = 8, ROUTE_STREAMS = 16,
    ROUTE_EXPORT = 32 };
enum media { MEDIA_NONE, MEDIA_JSON, MEDIA_MERGE_PATCH, MEDIA_TEXT, MEDIA_METRICS, MEDIA_OCTETS, MEDIA_PROBLEM,
    MEDIA_LINES };

struct exchange;
struct reply;

/* Append the message body for the request x, whose bytes are in. 0, or CV_ERR_FORMAT with x->fault written. */
typedef int route_build(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret);
/* Write what follows an answer's first ten bytes (problem 0) as a reply. 0, or CV_ERR_FORMAT: core broke the protocol. */
typedef int route_render(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret);

struct route {
	uint8_t method;			/* enum method */
	/* '*' stands for an id of 32 hexadecimal digits, '@' for a collection of governance objects, '!' for an action's name, '>' for all
	 * that follows */
	const char *path;
	uint8_t message;		/* enum message_to_core; 0: front answers by itself */
	uint32_t params;		/* enum param, or'ed: what the query may hold */
	uint8_t takes, gives;		/* enum media: of the body, of the answer */
	uint8_t flags;			/* enum route_flag, or'ed */
	route_build *build;
	route_render *render;
};

/* What is kept of a request until its answer has left. Spans are places in the connection's buffer: until the message is
 * built. Everything is zero between requests. */
struct exchange {
	const struct route *route;	/* NULL: none found */
	uint8_t request_id[16];
	uint8_t token[32];
	bool has_token;
	bool close;			/* the connection ends with this answer */
	bool head;			/* HEAD: its answer has no body, whatever its head says */
	bool sealed_ok, clear, keys, provenance, has_etag, cosigned;
	uint8_t allow;			/* methods of the path, for 405 */
	uint8_t id[16];			/* '*' of the path */
	uint8_t etag[16];
	uint8_t export[16];		/* of CV-Export; zeros: none */
	uint16_t limit;			/* 0: not named */
	uint64_t before;		/* the same */
	uint64_t from, to;		/* to 0: not named */
	bool has_from, has_index;
	uint64_t index;
	uint8_t reader;			/* of a receipt: 1 child, 2 guardian; 0: not named */
	uint64_t since_ms, until_ms;	/* until 0: not named */
	struct span tail;		/* '>' of the path */
	struct span action;		/* '!' of the path */
	const char *collection;		/* '@' of the path, static text */
	struct span cursor, filter[FILTER_COUNT];	/* decoded; n 0: none */
	struct span names;		/* decoded, separated by commas; n 0: none */
	struct span purpose, case_text, reason, key;
	char line_key[WIRE_IDEMPOTENCY_MAX];	/* Idempotency-Key of one line, instead of key */
	uint8_t line_key_n;		/* 0: none */
	struct json_fault fault;	/* front's own refusal; problem 0: none */
};

#define STREAM_BYTES_MAX (1u << 30)	/* of a body in lines: a million files, which a client can also send in parts */
#define STREAM_KEY_MAX 50u		/* of Idempotency-Key, with room for ':' and a line's number */
/* The http_limit of this interface: STREAM_BYTES_MAX for what streams, else h->body_max. */
http_limit exchange_limit;

/* Refuse x for problem unless it was refused before; names no field. Always CV_ERR_FORMAT. */
int exchange_refuse(struct exchange *x, uint16_t problem);
/*
 * After the head was read (or could not be read: h->fatal): take the token, find the route, judge headers and query,
 * decoding them in place. x->fault.problem tells whether the request stands; x->request_id must be written already.
 */
void exchange_begin(struct exchange *x, const struct http *h, struct buf *in);
/*
 * After the body was read: append to ret the body of the message for core; *ret_type is its type. For a request refused by
 * front that carries a token this is MSG_REFUSED. Returns true if there is a message; false: front answers by itself, from
 * x alone (x->fault.problem, or a route without message).
 */
bool exchange_message(struct exchange *x, const struct http *h, const struct buf *in, struct buf *ret, uint8_t *ret_type);

/* The text at s, which was decoded into in; the envelope of x. Both point into in and x. */
struct wire_text exchange_text(const struct buf *in, const struct span *s);
struct wire_envelope exchange_envelope(const struct exchange *x, const struct buf *in);

/* Find method and path in the table: x->route, x->id and what else the path names; x->allow if it is known for other methods only. */
void route_find(struct exchange *x, uint8_t method, const char *path, size_t n, size_t path_at);

route_build build_hello, build_activate, build_envelope, build_create, build_read, build_patch, build_history, build_accesses, build_search,
    build_events, build_tile, build_proof, build_cosign, build_nothing, build_list, build_gov_create, build_gov_get, build_gov_list,
    build_gov_act, build_export;
route_render render_hello, render_activate, render_nothing, render_create, render_read, render_patch, render_history, render_accesses,
    render_search, render_events, render_bytes, render_cosign, render_health, render_version, render_limits, render_openapi, render_list,
    render_gov_create, render_gov_object, render_gov_list;

/* An answer being written. body and extra start empty; head is written by reply_finish. */
struct reply {
	struct buf head, body, extra;	/* extra: header lines that belong to this answer alone */
	int status;
	enum media media;
	bool streams;			/* the body follows in chunks: the head tells no length */
	bool demo;			/* show explanations */
	uint64_t leaf;			/* MESSAGE_NO_LEAF: none */
	const struct front_limits *limits;
	const char *version;
	char date[30];			/* of now, as in the Date header */
};
/* 0, or CV_ERR_NOMEM. */
int reply_init(struct reply *r, const struct front_options *o, const struct front_limits *limits);
void reply_free(struct reply *r);
/* Wipe and empty it for the next answer. */
void reply_reset(struct reply *r);
/* Set the Date header's time. */
void reply_date(struct reply *r, uint64_t wall_ms);
/* Write the answer of core (whole body, ten bytes and all) to x. 0, or CV_ERR_FORMAT: core broke the protocol. */
int reply_answer(struct reply *r, const struct exchange *x, const uint8_t *p, size_t n);
/* Write the head of the answer to x whose body follows in chunks. */
void reply_stream(struct reply *r, const struct exchange *x);
/* Write front's own answer to x: its fault, or its route's. */
void reply_own(struct reply *r, const struct exchange *x);

/* Append a header line to r->extra; the value is text of visible ASCII. */
void reply_header(struct reply *r, const char *name, const char *value, size_t n);

#endif

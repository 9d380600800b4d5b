/*
 * What the proxy reads of a request, and where a body ends that passes through. Pure, allocates nothing.
 *
 * Bytes are passed on as they came. So a request is refused that two readers could split differently: two lengths, a length
 * beside a transfer coding, a folded header, a bare line feed, chunk extensions, trailers.
 */
#ifndef CV_CLIENT_PROXY_MESSAGE_H
#define CV_CLIENT_PROXY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY_HEAD_MAX 16384u	/* bytes of request line and headers, as front's */

enum proxy_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED };

struct proxy_request {
	size_t line_n;			/* bytes of the request line with its CRLF */
	bool head;			/* HEAD: its answer has no body */
	bool safe;			/* GET or HEAD: may be sent again though an answer was lost */
	bool open;			/* goes without the session: health, metrics, version, limits, the API's description, logins */
	bool streams;			/* import or export: may take long, and each part of it needs the session */
	bool ends;			/* asks for the session's end */
	bool close;			/* the client wants the connection closed after the answer */
	enum proxy_framing framing;
	uint64_t length;		/* by Content-Length; else 0 */
};
/*
 * Parse the head that begins the n bytes at p. Its length with the empty line (1 or more), *ret filled; 0 if more bytes are
 * needed; CV_ERR_FORMAT; CV_ERR_LIMIT (above PROXY_HEAD_MAX); CV_ERR_DENIED: it brings its own Authorization.
 */
int proxy_request_parse(const char *p, size_t n, struct proxy_request *ret);

/* A body that passes. Begun by proxy_body_begin. */
struct proxy_body {
	uint8_t state;
	uint64_t left;		/* bytes of the body or of the chunk */
	unsigned digits;	/* of the chunk's size so far */
	bool done;		/* nothing more belongs to it */
};
/* Begin a body; length is asked for with FRAMING_LENGTH only. */
void proxy_body_begin(struct proxy_body *b, enum proxy_framing framing, uint64_t length);
/*
 * Go over those of the n bytes at p that belong to the body, chunk framing included. *ret_n is their number; less than n only if
 * the body is done. 0 or CV_ERR_FORMAT.
 */
int proxy_body_pass(struct proxy_body *b, const uint8_t *p, size_t n, size_t *ret_n);

#endif

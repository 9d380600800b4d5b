/*
 * The shape of an HTTP/1.1 answer: head and chunk sizes, parsed strictly. Pure, allocates nothing.
 *
 * The daemon is trusted less than its tokens: an answer with two lengths, a folded header, a bare line feed or a length
 * next to a transfer coding is refused, since two readers could split such bytes differently.
 */
#ifndef CV_CLIENT_ANSWER_H
#define CV_CLIENT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWER_HEAD_MAX 16384u		/* bytes of status line and headers */
#define ANSWER_HEADERS 64u
#define ANSWER_BODY_MAX (16u << 20)

struct answer_header {
	const char *name, *value;	/* not NUL-terminated */
	size_t name_n, value_n;		/* value without white space around it */
};
struct answer_head {
	int status;			/* 100 to 599 */
	bool keep;			/* the connection may be used again */
	bool chunked;
	uint64_t length;		/* of the body, at most ANSWER_BODY_MAX; 0 when chunked */
	unsigned headers;
	struct answer_header header[ANSWER_HEADERS];
};
/*
 * Parse the head that begins the n bytes at p. Returns its length with the empty line (1 or more) and fills *ret, which
 * points into p; 0 if more bytes are needed; CV_ERR_FORMAT; CV_ERR_LIMIT (head, headers or body too large).
 */
int answer_head_parse(const char *p, size_t n, struct answer_head *ret);
/* The header's value, or NULL; name in lower case. */
const struct answer_header *answer_header(const struct answer_head *h, const char *name);

/* ---- lines, of requests too ---------------------------------------------------------------------------------------- */

#define ANSWER_MORE 1	/* more bytes are needed */
/* The line that begins the n bytes at p. 0 with its bytes without CRLF in *ret_n; ANSWER_MORE; CV_ERR_FORMAT: a bare CR or LF, a NUL. */
int answer_line(const char *p, size_t n, size_t *ret_n);
/* Take a header line of n bytes apart; *ret points into p. 0 or CV_ERR_FORMAT, also for a line that goes on with the one before. */
int answer_field(const char *p, size_t n, struct answer_header *ret);
/* Whether c may stand in a token, RFC 9110 section 5.6.2. */
bool answer_is_token(char c);
/* Whether the n bytes at p are want, which is in lower case; they may have capitals. */
bool answer_same(const char *p, size_t n, const char *want);
/*
 * Parse a chunk's size line at p. Returns its length with CRLF and the size in *ret_size (at most ANSWER_BODY_MAX); 0 if
 * more bytes are needed; CV_ERR_FORMAT (extensions are refused), CV_ERR_LIMIT.
 */
int answer_chunk_parse(const char *p, size_t n, size_t *ret_size);

#endif

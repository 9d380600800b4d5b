/* JSON, written straight into a buffer whose sticky error says at the end whether it fitted. */
#ifndef CV_FRONT_JSON_OUT_H
#define CV_FRONT_JSON_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "format/wire.h"

struct buf;

#define JSON_SUPPRESSED "***"	/* stands for a view that could not be computed safely; see docs/openapi.json */

/* A string with its quotes; p is well-formed UTF-8 and goes out as it is but for what JSON must escape. */
void json_text(struct buf *b, const char *p, size_t n);
void json_u64(struct buf *b, uint64_t v);
/* n bytes as lower-case hexadecimal, or base64 with padding, in quotes. */
void json_hex(struct buf *b, const void *p, size_t n);
void json_b64(struct buf *b, const void *p, size_t n);
/* An ETag: a string that holds the tag's own quotes. */
void json_etag(struct buf *b, const uint8_t etag[16]);
/* A time in milliseconds as RFC 3339, in quotes. */
void json_time(struct buf *b, uint64_t ms);
/* A value of FORMAT.md 4.5. 0, or CV_ERR_FORMAT and then b holds a part of it. */
int json_value(struct buf *b, uint8_t type, const uint8_t *p, size_t n);
/* A list of names as an array, a list of fields as an object. json_fields_out: as json_value. */
void json_names(struct buf *b, struct wire_list l);
int json_fields_out(struct buf *b, struct wire_list l);

#endif

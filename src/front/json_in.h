/* Bodies of requests: strict JSON into the values of messages. One document at a time, its memory from the arena. */
#ifndef CV_FRONT_JSON_IN_H
#define CV_FRONT_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define JSON_DEPTH 4u		/* lists and groups within each other, as in docs/FORMAT.md 4.5 */
#define JSON_NAME_MAX 255u

/* Why a body was refused. */
struct json_fault {
	uint16_t problem;	/* enum problem */
	const char *expected;	/* static text, or NULL */
	uint8_t field_n;	/* bytes of field; 0: no field is to be named */
	char field[64];		/* the field's name, only if it is of [A-Za-z0-9_.-]: what a client put in a wrong place may be a value */
};

/*
 * {"fields": {...}} of n bytes at p, beside which "as_of": "YYYY-MM-DD" may stand: append u16 count and the fields, as in CREATE and
 * PATCH, to ret; *ret_as_of_day becomes the day as messages have it (days since 1970-01-01 plus 1), 0 without one. 0, or
 * CV_ERR_FORMAT with *ret_fault written and whatever was appended left there. Wipes the arena before it returns.
 */
int json_fields(const uint8_t *p, size_t n, struct buf *ret, uint32_t *ret_as_of_day, struct json_fault *ret_fault);
/*
 * {...} of n bytes at p, whose members are the fields themselves: the body of a governance object or action. A text may be as long as
 * the body. As json_fields.
 */
int json_members(const uint8_t *p, size_t n, struct buf *ret, struct json_fault *ret_fault);

/* {"index": NAME, "equals": VALUE or {FIELD: VALUE}}: the index's name, with a NUL; as json_fields. */
int json_search_index(const uint8_t *p, size_t n, char ret[JSON_NAME_MAX + 1], struct json_fault *ret_fault);
/* The values of the same body as fields; one without a field's name is called "equals". As json_fields. */
int json_search_values(const uint8_t *p, size_t n, struct buf *ret, struct json_fault *ret_fault);

/* The body of hello: principal and question. As json_fields. */
int json_hello(const uint8_t *p, size_t n, uint8_t ret_principal[16], uint8_t ret_question[32], struct json_fault *ret_fault);

struct json_role {
	uint16_t role;
	uint32_t epoch;
	uint8_t sealed[112];
};
/* The body of activation: one to eight roles and the signature. As json_fields. */
int json_activate(const uint8_t *p, size_t n, struct json_role ret_role[8], unsigned *ret_n, uint8_t ret_signature[64],
    struct json_fault *ret_fault);

struct json_export {
	uint8_t request[16];
	bool clear;
	char area[16], state[32];	/* with a NUL; "": not named */
};
/* The body of an export: request, fields, and perhaps view, area, state. Appends u16 count and the names to ret. As json_fields. */
int json_export(const uint8_t *p, size_t n, struct json_export *ret_export, struct buf *ret, struct json_fault *ret_fault);

#endif

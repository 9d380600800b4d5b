#include "front/json_in.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "format/message.h"
#include "format/row.h"
#include "format/wire.h"
#include "front/arena.h"

#define JSON_EXPORT_FIELDS 512u	/* as many as one query may name */

static int refuse(struct json_fault *f, uint16_t problem, const char *expected)
{
	f->problem = problem;
	f->expected = expected;
	return CV_ERR_FORMAT;
}

static uint16_t problem_of(const json_error_t *e)
{
	switch (json_error_code(e)) {
	case json_error_duplicate_key:
		return PROBLEM_DUPLICATE_MEMBER;
	case json_error_numeric_overflow:
		return PROBLEM_WRONG_TYPE;
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return PROBLEM_VALIDATION;
	case json_error_out_of_memory:
		return PROBLEM_PAYLOAD_TOO_LARGE;
	default:
		return PROBLEM_MALFORMED_JSON;
	}
}

/* Read a document that is an object. *ret lives in the arena. */
static int load(const uint8_t *p, size_t n, json_t **ret, struct json_fault *f)
{
	json_error_t e = { .line = 0 };
	json_t *root = NULL;
	int r = 0;

	memset(f, 0, sizeof(*f));
	if (!utf8_valid((const char *)p, n)) {
		r = refuse(f, PROBLEM_INVALID_UTF8, NULL);
		goto out;
	}
	if ((root = json_loadb((const char *)p, n, JSON_REJECT_DUPLICATES, &e)) == NULL) {
		r = refuse(f, arena_failed() ? PROBLEM_PAYLOAD_TOO_LARGE : problem_of(&e), NULL);
		goto out;
	}
	if (!json_is_object(root)) {
		r = refuse(f, PROBLEM_BAD_REQUEST, "object");
		goto out;
	}
	*ret = root;
out:
	wipe(&e, sizeof(e));	/* its text quotes the place of the error */
	return r;
}

/* Members beside the named ones are refused: a client that misspells one must learn of it. */
static int only(json_t *object, const char *const *names, size_t count, struct json_fault *f)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		size_t i = 0;

		while (i < count && strcmp(key, names[i]) != 0)
			i++;
		if (i == count)
			return refuse(f, PROBLEM_UNKNOWN_MEMBER, NULL);
	}
	return 0;
}

/* ---- field values ----------------------------------------------------------------------------------------------- */

/* Where values go: the message, the most bytes one may have, and the fault. */
struct sink {
	struct buf *b;
	size_t most;
	const char *too_long;	/* what is expected of one that has more */
	struct json_fault *f;
};

static int put_value(const struct sink *s, json_t *v, unsigned depth);

static int put_list(const struct sink *s, json_t *v, unsigned depth)
{
	size_t count = json_array_size(v);
	int r = 0;

	if (count > UINT16_MAX)
		return refuse(s->f, PROBLEM_VALIDATION, "at most 65535 elements");
	buf_u16(s->b, (uint16_t)count);
	for (size_t i = 0; i < count && r == 0; i++)
		r = put_value(s, json_array_get(v, i), depth + 1);
	return r;
}

struct member {
	const char *name;
	json_t *value;
};

/* In the order of the bytes of names, which is strcmp's. */
static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static int put_group(const struct sink *s, json_t *v, unsigned depth)
{
	size_t count = json_object_size(v), i = 0;
	struct member *m;
	const char *key;
	json_t *value;
	int r = 0;

	if (count > UINT16_MAX)
		return refuse(s->f, PROBLEM_VALIDATION, "at most 65535 members");
	if ((m = arena_get(count * sizeof(*m) + 1)) == NULL)
		return refuse(s->f, PROBLEM_PAYLOAD_TOO_LARGE, NULL);
	json_object_foreach(v, key, value)
		m[i++] = (struct member){ key, value };
	qsort(m, count, sizeof(*m), by_name);
	buf_u16(s->b, (uint16_t)count);
	for (i = 0; i < count && r == 0; i++) {
		size_t n = strlen(m[i].name);

		if (n == 0 || n > JSON_NAME_MAX)
			return refuse(s->f, PROBLEM_VALIDATION, "member names of 1 to 255 bytes");
		wire_text8_put(s->b, m[i].name, n);
		r = put_value(s, m[i].value, depth + 1);
	}
	return r;
}

/* Append u8 type, u32 length, bytes. */
static int put_value(const struct sink *s, json_t *v, unsigned depth)
{
	struct buf *b = s->b;
	struct json_fault *f = s->f;
	size_t at = b->n, n;
	int r = 0;

	if (depth > JSON_DEPTH && (json_is_array(v) || json_is_object(v)))
		return refuse(f, PROBLEM_VALIDATION, "at most 4 lists and groups within each other");
	buf_u8(b, VALUE_NULL);
	buf_u32(b, 0);
	if (!buf_ok(b))
		return refuse(f, PROBLEM_PAYLOAD_TOO_LARGE, NULL);
	switch (json_typeof(v)) {
	case JSON_NULL:
		if (depth > 1)	/* it removes a field; there is nothing to remove inside a value */
			return refuse(f, PROBLEM_WRONG_TYPE, "no null within lists and groups");
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		b->p[at] = VALUE_BOOL;
		buf_u8(b, json_is_true(v));
		break;
	case JSON_INTEGER:
		b->p[at] = VALUE_INTEGER;
		buf_u64(b, (uint64_t)json_integer_value(v));
		break;
	case JSON_STRING:
		b->p[at] = VALUE_TEXT;
		buf_put(b, json_string_value(v), json_string_length(v));
		break;
	case JSON_ARRAY:
		b->p[at] = VALUE_LIST;
		r = put_list(s, v, depth);
		break;
	case JSON_OBJECT:
		b->p[at] = VALUE_GROUP;
		r = put_group(s, v, depth);
		break;
	case JSON_REAL:
	default:
		return refuse(f, PROBLEM_WRONG_TYPE, "no number with a fraction");
	}
	if (r != 0)
		return r;
	if (!buf_ok(b))
		return refuse(f, PROBLEM_PAYLOAD_TOO_LARGE, NULL);
	if ((n = b->n - at - 5) > s->most)
		return refuse(f, PROBLEM_VALIDATION, s->too_long);
	be32_put(b->p + at + 1, (uint32_t)n);
	return 0;
}

static void name_field(struct json_fault *f, const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

	if (name[n] != '\0' || n > sizeof(f->field))
		return;
	memcpy(f->field, name, n);
	f->field_n = (uint8_t)n;
}

static int put_fields(const struct sink *s, json_t *fields)
{
	size_t count = json_object_size(fields), n;
	const char *key;
	json_t *value;

	if (count > UINT16_MAX)
		return refuse(s->f, PROBLEM_PAYLOAD_TOO_LARGE, NULL);
	buf_u16(s->b, (uint16_t)count);
	json_object_foreach(fields, key, value) {
		if ((n = strlen(key)) == 0 || n > JSON_NAME_MAX)
			return refuse(s->f, PROBLEM_UNKNOWN_FIELD, NULL);
		wire_text8_put(s->b, key, n);
		if (put_value(s, value, 1) != 0) {
			name_field(s->f, key);
			return CV_ERR_FORMAT;
		}
	}
	return 0;
}

/* A number of n digits. False if it is none. */
static bool digits(const char *p, size_t n, unsigned *ret)
{
	*ret = 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		*ret = *ret * 10 + (unsigned)(p[i] - '0');
	}
	return true;
}

/* A day of the calendar, as days since 1970-01-01, in its one spelling YYYY-MM-DD. */
static bool parse_day(const char *p, size_t n, int32_t *ret)
{
	unsigned y, m, d, m_is, d_is;
	int y_is;

	if (n != 10 || p[4] != '-' || p[7] != '-' || !digits(p, 4, &y) || !digits(p + 5, 2, &m) || !digits(p + 8, 2, &d))
		return false;
	if (m < 1 || m > 12 || d < 1 || d > 31)
		return false;
	*ret = clock_days((int)y, m, d);
	clock_date(*ret, &y_is, &m_is, &d_is);
	return (int)y == y_is && m == m_is && d == d_is;
}

/* The day of "as_of"; 0 if there is no such member. One before 1970 has no number in a message. */
static int get_as_of(json_t *root, uint32_t *ret, struct json_fault *f)
{
	json_t *v = json_object_get(root, "as_of");
	int32_t day;

	if (v == NULL) {
		*ret = 0;
		return 0;
	}
	if (!json_is_string(v))
		return refuse(f, PROBLEM_WRONG_TYPE, "date YYYY-MM-DD");
	if (!parse_day(json_string_value(v), json_string_length(v), &day) || day < 0)
		return refuse(f, PROBLEM_VALIDATION, "date YYYY-MM-DD from 1970-01-01 on");
	*ret = (uint32_t)day + 1;
	return 0;
}

int json_fields(const uint8_t *p, size_t n, struct buf *ret, uint32_t *ret_as_of_day, struct json_fault *ret_fault)
{
	static const char *const names[] = { "fields", "as_of" };
	const struct sink sink = { ret, FIELD_MAX, "at most 61440 bytes", ret_fault };
	json_t *root = NULL, *fields;
	int r;

	if ((r = load(p, n, &root, ret_fault)) != 0)
		goto out;
	if ((r = only(root, names, 2, ret_fault)) != 0 || (r = get_as_of(root, ret_as_of_day, ret_fault)) != 0)
		goto out;
	if ((fields = json_object_get(root, "fields")) == NULL)
		r = refuse(ret_fault, PROBLEM_BAD_REQUEST, "fields");
	else if (!json_is_object(fields))
		r = refuse(ret_fault, PROBLEM_WRONG_TYPE, "object");
	else
		r = put_fields(&sink, fields);
out:
	arena_wipe();
	return r;
}

int json_members(const uint8_t *p, size_t n, struct buf *ret, struct json_fault *ret_fault)
{
	const struct sink sink = { ret, MESSAGE_TO_CORE_MAX, "less", ret_fault };
	json_t *root = NULL;
	int r;

	if ((r = load(p, n, &root, ret_fault)) == 0)
		r = put_fields(&sink, root);
	arena_wipe();
	return r;
}

/* ---- searches ---------------------------------------------------------------------------------------------------- */

static int load_search(const uint8_t *p, size_t n, json_t **ret, struct json_fault *f)
{
	static const char *const names[] = { "index", "equals" };
	int r = load(p, n, ret, f);

	return r != 0 ? r : only(*ret, names, 2, f);
}

int json_search_index(const uint8_t *p, size_t n, char ret[JSON_NAME_MAX + 1], struct json_fault *ret_fault)
{
	json_t *root = NULL, *index;
	int r;

	if ((r = load_search(p, n, &root, ret_fault)) != 0)
		goto out;
	index = json_object_get(root, "index");
	if (index == NULL)
		r = refuse(ret_fault, PROBLEM_BAD_REQUEST, "index");
	else if (!json_is_string(index))
		r = refuse(ret_fault, PROBLEM_WRONG_TYPE, "text");
	else if (json_string_length(index) == 0 || json_string_length(index) > JSON_NAME_MAX)
		r = refuse(ret_fault, PROBLEM_BAD_REQUEST, "index");
	else
		memcpy(ret, json_string_value(index), json_string_length(index) + 1);
out:
	arena_wipe();
	return r;
}

int json_search_values(const uint8_t *p, size_t n, struct buf *ret, struct json_fault *ret_fault)
{
	const struct sink sink = { ret, FIELD_MAX, "at most 61440 bytes", ret_fault };
	json_t *root = NULL, *equals;
	int r;

	if ((r = load_search(p, n, &root, ret_fault)) != 0)
		goto out;
	if ((equals = json_object_get(root, "equals")) == NULL) {
		r = refuse(ret_fault, PROBLEM_BAD_REQUEST, "equals");
	} else if (json_is_object(equals)) {
		r = put_fields(&sink, equals);
	} else {
		buf_u16(ret, 1);
		wire_text8_put(ret, "equals", 6);
		r = put_value(&sink, equals, 1);
	}
out:
	arena_wipe();
	return r;
}

/* ---- sessions --------------------------------------------------------------------------------------------------- */

/* A text member of exactly n decoded bytes, hexadecimal or base64. */
static int get_bytes(json_t *object, const char *name, bool hex, void *ret, size_t n, struct json_fault *f)
{
	json_t *v = json_object_get(object, name);
	const char *s;
	size_t len, got = n;
	int r;

	if (v == NULL)
		return refuse(f, PROBLEM_BAD_REQUEST, name);
	if (!json_is_string(v))
		return refuse(f, PROBLEM_WRONG_TYPE, "text");
	s = json_string_value(v);
	len = json_string_length(v);
	r = hex ? hex_decode(s, len, ret, n) : b64_decode(B64_STD, s, len, ret, n, &got);
	return r == 0 && got == n ? 0 : refuse(f, PROBLEM_BAD_REQUEST, hex ? "hexadecimal" : "base64");
}

static int get_number(json_t *object, const char *name, json_int_t most, uint32_t *ret, struct json_fault *f)
{
	json_t *v = json_object_get(object, name);

	if (v == NULL)
		return refuse(f, PROBLEM_BAD_REQUEST, name);
	if (!json_is_integer(v))
		return refuse(f, PROBLEM_WRONG_TYPE, "integer");
	if (json_integer_value(v) < 0 || json_integer_value(v) > most)
		return refuse(f, PROBLEM_BAD_REQUEST, name);
	*ret = (uint32_t)json_integer_value(v);
	return 0;
}

int json_hello(const uint8_t *p, size_t n, uint8_t ret_principal[16], uint8_t ret_question[32], struct json_fault *ret_fault)
{
	static const char *const names[] = { "principal", "question" };
	json_t *root = NULL;
	int r;

	if ((r = load(p, n, &root, ret_fault)) != 0)
		goto out;
	if ((r = only(root, names, 2, ret_fault)) != 0)
		goto out;
	if ((r = get_bytes(root, "principal", true, ret_principal, 16, ret_fault)) != 0)
		goto out;
	r = get_bytes(root, "question", false, ret_question, 32, ret_fault);
out:
	arena_wipe();
	return r;
}

static int get_role(json_t *v, struct json_role *ret, struct json_fault *f)
{
	static const char *const names[] = { "role", "epoch", "sealed" };
	uint32_t role;
	int r;

	if (!json_is_object(v))
		return refuse(f, PROBLEM_WRONG_TYPE, "object");
	if ((r = only(v, names, 3, f)) != 0)
		return r;
	if ((r = get_number(v, "role", UINT16_MAX, &role, f)) != 0)
		return r;
	ret->role = (uint16_t)role;
	if ((r = get_number(v, "epoch", UINT32_MAX, &ret->epoch, f)) != 0)
		return r;
	return get_bytes(v, "sealed", false, ret->sealed, sizeof(ret->sealed), f);
}

int json_activate(const uint8_t *p, size_t n, struct json_role ret_role[8], unsigned *ret_n, uint8_t ret_signature[64],
    struct json_fault *ret_fault)
{
	static const char *const names[] = { "roles", "signature" };
	json_t *root = NULL, *roles;
	size_t count;
	int r;

	if ((r = load(p, n, &root, ret_fault)) != 0)
		goto out;
	if ((r = only(root, names, 2, ret_fault)) != 0)
		goto out;
	roles = json_object_get(root, "roles");
	count = json_array_size(roles);		/* 0 for anything but an array */
	if (count == 0 || count > WIRE_ROLES_MAX) {
		r = refuse(ret_fault, PROBLEM_BAD_REQUEST, "one to eight roles");
		goto out;
	}
	for (size_t i = 0; i < count && r == 0; i++)
		r = get_role(json_array_get(roles, i), &ret_role[i], ret_fault);
	if (r == 0)
		r = get_bytes(root, "signature", false, ret_signature, 64, ret_fault);
	if (r == 0)
		*ret_n = (unsigned)count;
out:
	arena_wipe();
	return r;
}

/* ---- exports ----------------------------------------------------------------------------------------------------- */

/* A text member of less than room bytes; "" if there is none. */
static int get_text(json_t *object, const char *name, char *ret, size_t room, struct json_fault *f)
{
	json_t *v = json_object_get(object, name);

	ret[0] = '\0';
	if (v == NULL)
		return 0;
	if (!json_is_string(v))
		return refuse(f, PROBLEM_WRONG_TYPE, "text");
	if (json_string_length(v) == 0 || json_string_length(v) >= room)
		return refuse(f, PROBLEM_BAD_REQUEST, name);
	memcpy(ret, json_string_value(v), json_string_length(v) + 1);
	return 0;
}

/* Field names, each once: twice would be a member twice in the answer. */
static int get_names(json_t *list, struct buf *ret, struct json_fault *f)
{
	size_t count = json_array_size(list);		/* 0 for anything but an array */

	if (count == 0 || count > JSON_EXPORT_FIELDS)
		return refuse(f, PROBLEM_FIELDS_REQUIRED, "fields");
	buf_u16(ret, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		json_t *v = json_array_get(list, i);

		if (!json_is_string(v))
			return refuse(f, PROBLEM_WRONG_TYPE, "text");
		if (json_string_length(v) == 0 || json_string_length(v) > JSON_NAME_MAX)
			return refuse(f, PROBLEM_UNKNOWN_FIELD, NULL);
		for (size_t k = 0; k < i; k++)
			if (json_equal(v, json_array_get(list, k)))
				return refuse(f, PROBLEM_BAD_REQUEST, "each field once");
		wire_text8_put(ret, json_string_value(v), json_string_length(v));
	}
	return 0;
}

int json_export(const uint8_t *p, size_t n, struct json_export *ret_export, struct buf *ret, struct json_fault *ret_fault)
{
	static const char *const names[] = { "request", "fields", "view", "area", "state" };
	json_t *root = NULL;
	char view[16];
	int r;

	if ((r = load(p, n, &root, ret_fault)) != 0 || (r = only(root, names, 5, ret_fault)) != 0)
		goto out;
	if ((r = get_bytes(root, "request", true, ret_export->request, 16, ret_fault)) != 0 ||
	    (r = get_text(root, "view", view, sizeof(view), ret_fault)) != 0 ||
	    (r = get_text(root, "area", ret_export->area, sizeof(ret_export->area), ret_fault)) != 0 ||
	    (r = get_text(root, "state", ret_export->state, sizeof(ret_export->state), ret_fault)) != 0)
		goto out;
	ret_export->clear = strcmp(view, "clear") == 0;
	if (view[0] != '\0' && !ret_export->clear && strcmp(view, "masked") != 0)
		r = refuse(ret_fault, PROBLEM_BAD_REQUEST, "view");
	else
		r = get_names(json_object_get(root, "fields"), ret, ret_fault);
out:
	arena_wipe();
	return r;
}

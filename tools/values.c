#include "values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/value.h"
#include "model/check.h"

#define POLICY_FIELDS_CHECKED 512u	/* of one record; as many as a class may have */

/* ---- cells ------------------------------------------------------------------------------------------------------- */

static json_t *expects(const char **ret_expected, const char *what)
{
	*ret_expected = what;
	return NULL;
}

static json_t *boolean_of(const char *cell, const char **ret_expected)
{
	static const char *const yes[] = { "true", "yes", "1", "是" }, *const no[] = { "false", "no", "0", "否" };

	for (size_t i = 0; i < 4; i++) {
		if (strcmp(cell, yes[i]) == 0)
			return json_true();
		if (strcmp(cell, no[i]) == 0)
			return json_false();
	}
	return expects(ret_expected, "true or false");
}

static json_t *integer_of(const char *cell, const char **ret_expected)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(cell, &end, 10);
	if (end == cell || *end != 0 || errno != 0)
		return expects(ret_expected, "integer");
	return json_integer(v);
}

static json_t *json_of(const char *cell, const char **ret_expected)
{
	json_t *j = json_loads(cell, JSON_REJECT_DUPLICATES, NULL);

	return j != NULL ? j : expects(ret_expected, "JSON");
}

/* Items joined by ';', blanks around them cut; of the type that the field's items have. */
static json_t *list_of(const struct policy_field *f, const char *cell, const char **ret_expected)
{
	json_t *list = json_array();
	const char *p = cell;

	while (list != NULL) {
		size_t n = strcspn(p, ";"), left = 0, len = n;
		json_t *item;
		char text[1024];

		while (left < len && p[left] == ' ')
			left++;
		while (len > left && p[len - 1] == ' ')
			len--;
		if (len - left >= sizeof text) {
			json_decref(list);
			return expects(ret_expected, "shorter items");
		}
		memcpy(text, p + left, len - left);
		text[len - left] = 0;
		item = f->shape.item != NULL && f->shape.item->type == VALUE_INTEGER ? integer_of(text, ret_expected) : json_string(text);
		if (len > left && json_array_append_new(list, item) != 0) {
			json_decref(list);
			return NULL;
		}
		if (p[n] == 0)
			break;
		p += n + 1;
	}
	return list;
}

json_t *values_of_cell(const struct policy_field *f, const char *cell, const char **ret_expected)
{
	json_t *text;

	switch (f->type) {
	case VALUE_BOOL:
		return boolean_of(cell, ret_expected);
	case VALUE_INTEGER:
		return integer_of(cell, ret_expected);
	case VALUE_LIST:
		return cell[0] == '[' ? json_of(cell, ret_expected) : list_of(f, cell, ret_expected);
	case VALUE_GROUP:
		return json_of(cell, ret_expected);
	default:
		text = json_string(cell);
		return text != NULL ? text : expects(ret_expected, "UTF-8");
	}
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */

/* The type of a value as it comes in a message; VALUE_SUPPRESSED for what none has: a number with a fraction. */
static uint8_t type_of(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_TRUE:
	case JSON_FALSE:
		return VALUE_BOOL;
	case JSON_INTEGER:
		return VALUE_INTEGER;
	case JSON_STRING:
		return VALUE_TEXT;
	case JSON_ARRAY:
		return VALUE_LIST;
	case JSON_OBJECT:
		return VALUE_GROUP;
	case JSON_NULL:
		return VALUE_NULL;
	default:
		return VALUE_SUPPRESSED;
	}
}

static bool put_value(struct buf *b, json_t *v, unsigned depth);

static bool put_list(struct buf *b, json_t *v, unsigned depth)
{
	size_t at = value_begin(b), count = json_array_size(v);

	for (size_t i = 0; i < count; i++) {
		json_t *item = json_array_get(v, i);
		size_t nest = value_nest_begin(b, NULL, 0, type_of(item));

		if (!put_value(b, item, depth + 1))
			return false;
		value_nest_end(b, nest);
	}
	value_end(b, at, count);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool put_group(struct buf *b, json_t *v, unsigned depth)
{
	size_t at = value_begin(b), count = 0;
	const char *names[64], *name;
	json_t *member;

	json_object_foreach(v, name, member) {
		if (count == 64)
			return false;
		names[count++] = name;
	}
	qsort(names, count, sizeof names[0], by_name);
	for (size_t i = 0; i < count; i++) {
		size_t nest;

		member = json_object_get(v, names[i]);
		nest = value_nest_begin(b, names[i], strlen(names[i]), type_of(member));
		if (!put_value(b, member, depth + 1))
			return false;
		value_nest_end(b, nest);
	}
	value_end(b, at, count);
	return true;
}

/* Append v's bytes. False: no value can be so: a fraction, a null within, too deep. */
static bool put_value(struct buf *b, json_t *v, unsigned depth)
{
	uint8_t type = type_of(v);

	if (depth > VALUE_DEPTH || type == VALUE_SUPPRESSED || (type == VALUE_NULL && depth > 0))
		return false;
	if (type == VALUE_LIST)
		return put_list(b, v, depth);
	if (type == VALUE_GROUP)
		return put_group(b, v, depth);
	if (type == VALUE_BOOL)
		value_bool_put(b, json_is_true(v));
	else if (type == VALUE_INTEGER)
		value_integer_put(b, json_integer_value(v));
	else if (type == VALUE_TEXT)
		buf_put(b, json_string_value(v), json_string_length(v));
	return true;
}

static const char *kind_of(int r)
{
	return r == CV_ERR_FORMAT ? "wrong-type" : "validation";
}

/* Accepted values are kept behind each other in kept, as items whose bytes are set once nothing moves any more. */
struct accepted {
	struct check_item item[POLICY_FIELDS_CHECKED];
	size_t at[POLICY_FIELDS_CHECKED];
	size_t n;
	struct buf kept;
};

static void keep(struct accepted *a, const struct policy_field *f, const struct value *v)
{
	if (a->n == POLICY_FIELDS_CHECKED)
		return;
	a->at[a->n] = a->kept.n;
	buf_put(&a->kept, v->p, v->n);
	a->item[a->n++] = (struct check_item){ .field = f, .value = *v };
}

/* Compare the values with each other. Returns 1 after a fault, else 0. */
static unsigned compare(struct accepted *a, values_fault *fault, void *cookie)
{
	struct check_note note = { .text = NULL };

	for (size_t i = 0; i < a->n && buf_ok(&a->kept); i++)
		a->item[i].value.p = a->kept.p + a->at[i];
	if (!buf_ok(&a->kept) || accept_check_set(a->item, a->n, &note) == 0)
		return 0;
	fault(cookie, a->item[note.at].field->name, "validation", note.text);
	return 1;
}

unsigned values_check(const struct policy *p, json_t *fields, int32_t today, struct buf *scratch, values_fault *fault, void *cookie)
{
	struct accepted *a = calloc(1, sizeof *a);
	struct buf bytes;
	const char *name, *expected;
	unsigned faults = 0;
	json_t *v;

	if (a == NULL)
		return 0;	/* the vault checks again */
	buf_init(&a->kept, 1u << 20);
	buf_init(&bytes, 1u << 20);
	json_object_foreach(fields, name, v) {
		const struct policy_field *f = policy_field_named(p, name, strlen(name));
		struct value given = { .type = type_of(v) }, kept;
		int r = 0;

		buf_reset(&bytes);
		buf_reset(scratch);
		bytes.bad = scratch->bad = false;
		if (f == NULL) {
			fault(cookie, name, "unknown-field", NULL);
			faults++;
			continue;
		}
		if (!put_value(&bytes, v, 0) || !buf_ok(&bytes)) {
			fault(cookie, name, "wrong-type", "no fraction, no null within, at most 4 levels");
			faults++;
			continue;
		}
		given.p = bytes.p;
		given.n = bytes.n;
		expected = NULL;
		if ((r = field_accept(f, &given, today, scratch, &kept, &expected)) != 0) {
			fault(cookie, name, kind_of(r), expected);
			faults++;
		} else {
			keep(a, f, &kept);
		}
	}
	faults += compare(a, fault, cookie);
	buf_free(&bytes);
	buf_free(&a->kept);
	free(a);
	return faults;
}

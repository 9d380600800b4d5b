/* Typed access to the tree of a profile. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/validate.h"
#include "profile/profile_internal.h"

void fail_at(struct compiler *c, const struct node *n, const char *fmt, ...)
{
	char text[sizeof(c->error->text)];
	va_list ap;

	if (c->r != 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);	/* cut if longer */
	va_end(ap);
	error_at(c->error, n == NULL ? 0 : n->line, n == NULL ? 0 : n->column, "%s", text);
	c->r = CV_ERR_INVALID;
}

void *make(struct compiler *c, size_t n, size_t size)
{
	void *p = pool_alloc(&c->pool, n == 0 ? 1 : n, size);

	if (p == NULL && c->r == 0) {
		error_at(c->error, 0, 0, "out of memory");
		c->r = CV_ERR_NOMEM;
	}
	return p;
}

const char *make_view_name(struct compiler *c, const char *class, const char *suffix)
{
	size_t n = strlen(class), m = strlen(suffix);
	char *name = make(c, n + m + 2, 1);

	if (name == NULL)
		return NULL;
	memcpy(name, class, n);
	name[n] = '.';
	memcpy(name + n + 1, suffix, m + 1);
	return name;
}

struct node *get(struct compiler *c, struct node *map, const char *key)
{
	if (c->r != 0 || map == NULL)
		return NULL;
	for (struct node *n = map->first; n != NULL; n = n->next)
		if (strcmp(n->key, key) == 0) {
			n->used = true;
			return n;
		}
	return NULL;
}

struct node *get_needed(struct compiler *c, struct node *map, const char *key)
{
	struct node *n = get(c, map, key);

	if (n == NULL)
		fail_at(c, map, "%s is missing", key);
	return n;
}

void get_end(struct compiler *c, const struct node *map)
{
	if (c->r != 0)
		return;
	for (const struct node *n = map->first; n != NULL; n = n->next)
		if (!n->used)
			fail_at(c, n, "unknown key %s", n->key);
}

static struct node *get_collection(struct compiler *c, struct node *n, enum node_kind kind, unsigned max)
{
	if (c->r != 0 || n == NULL)
		return NULL;
	if (n->kind != kind)
		fail_at(c, n, kind == NODE_LIST ? "a list is expected" : "a map is expected");
	else if (n->count > max)
		fail_at(c, n, "at most %u entries are possible", max);
	return c->r == 0 ? n : NULL;
}

struct node *get_list(struct compiler *c, struct node *n, unsigned max)
{
	return get_collection(c, n, NODE_LIST, max);
}

struct node *get_map(struct compiler *c, struct node *n, unsigned max)
{
	return get_collection(c, n, NODE_MAP, max);
}

const char *get_text(struct compiler *c, const struct node *n, size_t max)
{
	if (c->r != 0 || n == NULL)
		return "";
	if (n->kind != NODE_SCALAR)
		fail_at(c, n, "one value is expected");
	else if (n->text[0] == '\0' || (n->plain && (strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0)))
		fail_at(c, n, "a value is missing");
	else if (strlen(n->text) > max)
		fail_at(c, n, "the text is longer than %zu bytes", max);
	else if (!text_clean_line(n->text, strlen(n->text)))
		fail_at(c, n, "the text holds a control character or more than one line");
	return c->r == 0 ? n->text : "";
}

const char *get_name(struct compiler *c, const struct node *n, bool dot, bool upper)
{
	const char *s = get_text(c, n, UINT8_MAX);

	if (c->r == 0 && n != NULL && !policy_name_ok(s, dot, upper))
		fail_at(c, n, "%s is not a name", s);
	return s;
}

/* Decimal, or hexadecimal behind 0x, of at most so many digits (15); no sign, no leading zero. false if it is none. */
static bool parse_number(const char *s, size_t digits, uint64_t *ret)
{
	unsigned base = 10, d;
	uint64_t v = 0;

	if (strncmp(s, "0x", 2) == 0) {
		base = 16;
		s += 2;
	} else if (s[0] == '0' && s[1] != '\0') {
		return false;
	}
	if (*s == '\0' || strlen(s) > digits)
		return false;
	for (; *s != '\0'; s++) {
		d = *s >= '0' && *s <= '9' ? (unsigned)(*s - '0') : *s >= 'A' && *s <= 'F' ? (unsigned)(*s - 'A') + 10 :
		    *s >= 'a' && *s <= 'f' ? (unsigned)(*s - 'a') + 10 : 99;
		if (d >= base)
			return false;
		v = v * base + d;
	}
	*ret = v;
	return true;
}

unsigned get_number(struct compiler *c, const struct node *n, unsigned min, unsigned max)
{
	const char *s = get_text(c, n, 32);
	uint64_t v = 0;

	if (c->r != 0 || n == NULL)
		return 0;
	if (!n->plain || !parse_number(s, 8, &v) || v < min || v > max)
		fail_at(c, n, "a number from %u to %u is expected", min, max);
	return (unsigned)v;
}

uint64_t get_amount(struct compiler *c, const struct node *n)
{
	const char *s = get_text(c, n, 32);
	uint64_t v = 0;

	if (c->r != 0 || n == NULL)
		return 0;
	if (!n->plain || !parse_number(s, 14, &v) || v < 1 || v > POLICY_STANDARD_MAX)
		fail_at(c, n, "an amount from 1 to 10000000000000 fen is expected");
	return v;
}

bool get_bool(struct compiler *c, const struct node *n)
{
	const char *s = get_text(c, n, 32);

	if (c->r != 0 || n == NULL)
		return false;
	if (!n->plain || (strcmp(s, "true") != 0 && strcmp(s, "false") != 0))
		fail_at(c, n, "true or false is expected");
	return strcmp(s, "true") == 0;
}

struct policy_label get_label(struct compiler *c, struct node *map)
{
	struct policy_label l;

	l.zh = get_text(c, get_needed(c, map, "zh"), UINT8_MAX);
	l.en = get_text(c, get_needed(c, map, "en"), UINT8_MAX);
	return l;
}

void mark_object(struct compiler *c, enum policy_part part, uint16_t id, const struct node *n)
{
	if (c->r != 0)
		return;
	for (unsigned i = 0; i < c->marks; i++)
		if (c->mark[i].part == part && c->mark[i].id == id) {
			fail_at(c, n, "the id is taken by line %u", c->mark[i].node->line);
			return;
		}
	c->mark[c->marks++] = (struct mark){ part, id, n };
}

const struct node *marked(const struct compiler *c, enum policy_part part, uint16_t id)
{
	for (unsigned i = 0; i < c->marks; i++)
		if (c->mark[i].part == part && c->mark[i].id == id)
			return c->mark[i].node;
	return NULL;
}

/* The first entry or value of n called name, else the first below them; the nesting of a profile bounds the recursion. */
static const struct node *find_below(const struct node *n, const char *name)
{
	const struct node *found;

	for (const struct node *e = n->first; e != NULL; e = e->next)
		if ((e->key != NULL && strcmp(e->key, name) == 0) ||
		    (e->kind == NODE_SCALAR && strcmp(e->text, name) == 0))
			return e;
	for (const struct node *e = n->first; e != NULL; e = e->next)
		if ((found = find_below(e, name)) != NULL)
			return found;
	return NULL;
}

const struct node *find_place(const struct node *object, const char *key, const char *at)
{
	const struct node *n = object, *found = NULL;

	for (const struct node *e = object->first; e != NULL; e = e->next)
		if (e->key != NULL && strcmp(e->key, key) == 0)
			n = e;
	if (n != object && at[0] != '\0' && (found = find_below(n, at)) == NULL && strchr(at, '.') != NULL)
		found = find_below(n, strchr(at, '.') + 1);
	return found != NULL ? found : n;
}

uint64_t get_purposes(struct compiler *c, struct node *n)
{
	uint64_t mask = 0, bit;
	const char *name;

	if ((n = get_list(c, n, POLICY_PURPOSES)) == NULL)
		return 0;
	for (const struct node *e = n->first; e != NULL && c->r == 0; e = e->next) {
		name = get_text(c, e, UINT8_MAX);
		bit = 0;
		for (unsigned i = 0; i < c->s.purposes; i++)
			if (strcmp(c->s.purpose[i].name, name) == 0)
				bit = (uint64_t)1 << i;
		if (bit == 0)
			fail_at(c, e, "there is no purpose %s", name);
		else if ((mask & bit) != 0)
			fail_at(c, e, "purpose %s stands twice", name);
		mask |= bit;
	}
	return mask;
}

const struct policy_class *find_class(struct compiler *c, const struct node *n, const char *name)
{
	if (c->r != 0)
		return NULL;
	for (unsigned i = 0; i < c->s.classes; i++)
		if (strcmp(c->s.class[i].name, name) == 0)
			return &c->s.class[i];
	fail_at(c, n, "there is no class %s", name);
	return NULL;
}

const struct policy_field *find_field(struct compiler *c, const struct node *n, const char *name)
{
	if (c->r != 0)
		return NULL;
	for (unsigned i = 0; i < c->s.fields; i++)
		if (strcmp(c->s.field[i].name, name) == 0)
			return &c->s.field[i];
	fail_at(c, n, "there is no field %s", name);
	return NULL;
}

uint16_t get_department(struct compiler *c, const struct node *n)
{
	const char *name = get_text(c, n, UINT8_MAX);

	if (c->r != 0 || n == NULL)
		return 0;
	for (unsigned i = 0; i < c->s.departments; i++)
		if (strcmp(c->s.department[i].name, name) == 0)
			return c->s.department[i].id;
	fail_at(c, n, "there is no department %s", name);
	return 0;
}

uint64_t get_departments(struct compiler *c, struct node *n)
{
	uint64_t mask = 0, bit = 0;
	uint16_t id;

	if (n == NULL || (n = get_list(c, n, POLICY_DEPARTMENTS)) == NULL)
		return 0;
	for (const struct node *e = n->first; e != NULL && c->r == 0; e = e->next) {
		id = get_department(c, e);
		for (unsigned i = 0; i < c->s.departments; i++)
			if (c->s.department[i].id == id)
				bit = (uint64_t)1 << i;
		if (c->r == 0 && (mask & bit) != 0)
			fail_at(c, e, "department %s stands twice", e->text);
		mask |= bit;
	}
	if (n->count == 0)
		fail_at(c, n, "no department is no entry");
	return mask;
}

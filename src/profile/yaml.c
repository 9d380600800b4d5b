/* Strict YAML: libyaml's events to a tree. What YAML can say twice or surprisingly is refused. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/error.h"
#include "profile/profile_internal.h"

struct pool_block {
	struct pool_block *next;
};

void *pool_alloc(struct pool *p, size_t n, size_t size)
{
	struct pool_block *b = calloc(1, sizeof(*b) + n * size);

	if (b == NULL)
		return NULL;
	b->next = p->blocks;
	p->blocks = b;
	return b + 1;
}

void pool_free(struct pool *p)
{
	struct pool_block *b, *next;

	for (b = p->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	p->blocks = NULL;
}

void error_at(struct profile_error *e, unsigned line, unsigned column, const char *fmt, ...)
{
	va_list ap;

	if (e->text[0] != '\0')
		return;
	e->line = line;
	e->column = column;
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);	/* cut if longer */
	va_end(ap);
}

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;	/* the current one */
	bool have;		/* event is to be deleted */
	const char *yaml;
	size_t n;
	struct pool *pool;
	struct profile_error *error;
	unsigned nodes;
	int r;
};

static unsigned place(size_t mark)
{
	return mark >= 1000000 ? 1000000 : (unsigned)mark + 1;
}

static int refuse_at(struct reader *x, yaml_mark_t at, const char *text)
{
	error_at(x->error, place(at.line), place(at.column), "%s", text);
	x->r = CV_ERR_INVALID;
	return x->r;
}

static int refuse(struct reader *x, const char *text)
{
	return refuse_at(x, x->event.start_mark, text);
}

static int no_memory(struct reader *x)
{
	error_at(x->error, 0, 0, "out of memory");
	x->r = CV_ERR_NOMEM;
	return x->r;
}

/* Where the reader's trouble with the bytes themselves begins: libyaml tells an offset only. */
static yaml_mark_t bytes_mark(const struct reader *x)
{
	yaml_mark_t at = { 0, 0, 0 };

	for (size_t i = 0; i < x->n && i < x->parser.problem_offset; i++) {
		if (x->yaml[i] == '\n') {
			at.line++;
			at.column = 0;
		} else if (((unsigned char)x->yaml[i] & 0xC0) != 0x80) {	/* columns are characters */
			at.column++;
		}
	}
	return at;
}

/* Take the next event. */
static int advance(struct reader *x)
{
	const yaml_parser_t *p = &x->parser;

	if (x->have)
		yaml_event_delete(&x->event);
	x->have = false;
	if (yaml_parser_parse(&x->parser, &x->event)) {
		x->have = true;
		return 0;
	}
	if (p->error == YAML_MEMORY_ERROR)
		return no_memory(x);
	return refuse_at(x, p->error == YAML_READER_ERROR ? bytes_mark(x) : p->problem_mark,
	    p->problem != NULL ? p->problem : "not YAML");
}

static int expect(struct reader *x, yaml_event_type_t type, const char *text)
{
	if (advance(x) != 0)
		return x->r;
	return x->event.type == type ? 0 : refuse(x, text);
}

static struct node *new_node(struct reader *x, enum node_kind kind)
{
	struct node *n;

	if (++x->nodes > NODES_MAX) {
		refuse(x, "the profile has too many entries");
		return NULL;
	}
	if ((n = pool_alloc(x->pool, 1, sizeof(*n))) == NULL) {
		no_memory(x);
		return NULL;
	}
	n->kind = kind;
	n->line = place(x->event.start_mark.line);
	n->column = place(x->event.start_mark.column);
	return n;
}

/* The text of the current scalar. */
static const char *scalar_text(struct reader *x)
{
	size_t n = x->event.data.scalar.length;
	char *s;

	if (memchr(x->event.data.scalar.value, 0, n) != NULL) {
		refuse(x, "a text holds a NUL character");
		return NULL;
	}
	if ((s = pool_alloc(x->pool, n + 1, 1)) == NULL) {
		no_memory(x);
		return NULL;
	}
	memcpy(s, x->event.data.scalar.value, n);
	return s;
}

static struct node *read_scalar(struct reader *x)
{
	struct node *n;

	if (x->event.data.scalar.anchor != NULL)
		refuse(x, "anchors are not allowed");
	else if (x->event.data.scalar.tag != NULL)
		refuse(x, "tags are not allowed");
	if (x->r != 0 || (n = new_node(x, NODE_SCALAR)) == NULL || (n->text = scalar_text(x)) == NULL)
		return NULL;
	n->plain = x->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return n;
}

/* A key that is not in the map yet. */
static const char *read_key(struct reader *x, const struct node *map)
{
	const char *key;

	if (x->event.type != YAML_SCALAR_EVENT || x->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
	    x->event.data.scalar.anchor != NULL || x->event.data.scalar.tag != NULL) {
		refuse(x, "a key is a plain word");
		return NULL;
	}
	if ((key = scalar_text(x)) == NULL)
		return NULL;
	if (strcmp(key, "<<") == 0) {
		refuse(x, "merge keys are not allowed");
		return NULL;
	}
	for (const struct node *n = map->first; n != NULL; n = n->next)
		if (strcmp(n->key, key) == 0) {
			error_at(x->error, place(x->event.start_mark.line), place(x->event.start_mark.column),
			    "key %s stands twice, first in line %u", key, n->line);
			x->r = CV_ERR_INVALID;
			return NULL;
		}
	return key;
}

static struct node *read_node(struct reader *x, unsigned depth);

/* Entries up to the end event of a list or map. */
static int read_entries(struct reader *x, struct node *parent, yaml_event_type_t end, unsigned depth)
{
	struct node **tail = &parent->first, *n;
	unsigned line = 0, column = 0;
	const char *key = NULL;

	while (advance(x) == 0 && x->event.type != end) {
		if (parent->count >= ENTRIES_MAX)
			return refuse(x, "too many entries");
		if (parent->kind == NODE_MAP) {
			line = place(x->event.start_mark.line);
			column = place(x->event.start_mark.column);
			if ((key = read_key(x, parent)) == NULL || advance(x) != 0)
				return x->r;
		}
		if ((n = read_node(x, depth)) == NULL)
			return x->r;
		n->key = key;
		/* Errors about an entry point at its key. */
		if (key != NULL) {
			n->line = line;
			n->column = column;
		}
		*tail = n;
		tail = &n->next;
		parent->count++;
	}
	return x->r;
}

static struct node *read_collection(struct reader *x, bool map, unsigned depth)
{
	const yaml_event_t *e = &x->event;
	struct node *n;

	if ((map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor) != NULL)
		refuse(x, "anchors are not allowed");
	else if ((map ? e->data.mapping_start.tag : e->data.sequence_start.tag) != NULL)
		refuse(x, "tags are not allowed");
	else if (depth >= NODE_DEPTH)
		refuse(x, "the profile is nested too deeply");
	if (x->r != 0 || (n = new_node(x, map ? NODE_MAP : NODE_LIST)) == NULL)
		return NULL;
	return read_entries(x, n, map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, depth + 1) == 0 ? n : NULL;
}

static struct node *read_node(struct reader *x, unsigned depth)
{
	switch (x->event.type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(x);
	case YAML_MAPPING_START_EVENT:
		return read_collection(x, true, depth);
	case YAML_SEQUENCE_START_EVENT:
		return read_collection(x, false, depth);
	case YAML_ALIAS_EVENT:
		refuse(x, "aliases are not allowed");
		return NULL;
	default:
		refuse(x, "a value is missing");
		return NULL;
	}
}

static struct node *read_document(struct reader *x)
{
	const yaml_event_t *e = &x->event;
	struct node *root;

	if (expect(x, YAML_STREAM_START_EVENT, "not YAML") != 0 ||
	    expect(x, YAML_DOCUMENT_START_EVENT, "the profile is empty") != 0)
		return NULL;
	if (e->data.document_start.version_directive != NULL ||
	    e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end) {
		refuse(x, "directives are not allowed");
		return NULL;
	}
	if (advance(x) != 0 || (root = read_node(x, 0)) == NULL ||
	    expect(x, YAML_DOCUMENT_END_EVENT, "not YAML") != 0 ||
	    expect(x, YAML_STREAM_END_EVENT, "a profile is one document") != 0)
		return NULL;
	return root;
}

int yaml_read(const char *yaml, size_t n, struct pool *pool, struct node **ret_root, struct profile_error *ret_error)
{
	struct reader x = { .yaml = yaml, .n = n, .pool = pool, .error = ret_error };
	struct node *root;

	if (!yaml_parser_initialize(&x.parser))
		return no_memory(&x);
	yaml_parser_set_input_string(&x.parser, (const unsigned char *)yaml, n);
	yaml_parser_set_encoding(&x.parser, YAML_UTF8_ENCODING);
	if ((root = read_document(&x)) != NULL)
		*ret_root = root;
	if (x.have)
		yaml_event_delete(&x.event);
	yaml_parser_delete(&x.parser);
	return x.r;
}

/* From a profile to the policy document. */
#include "profile/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "profile/profile_internal.h"

#define LEGAL_MAX 2000		/* bytes of a legal reason */

int by_id(const void *a, const void *b)
{
	uint16_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (int)x - (int)y;
}

struct node *open_object(struct compiler *c, struct node *e, enum policy_part part, uint16_t *ret_id)
{
	struct node *map = get_map(c, e, ENTRIES_MAX);

	if (map == NULL)
		return NULL;
	*ret_id = (uint16_t)get_number(c, get_needed(c, map, "id"), 1, UINT16_MAX);
	mark_object(c, part, *ret_id, map);
	return c->r == 0 ? map : NULL;
}

static void compile_departments(struct compiler *c, struct node *n)
{
	struct policy_department *d;
	struct node *e, *map;
	unsigned i = 0;

	if ((n = get_list(c, n, POLICY_DEPARTMENTS)) == NULL || (d = make(c, n->count, sizeof(*d))) == NULL)
		return;
	for (e = n->first; e != NULL && c->r == 0; e = e->next, i++) {
		if ((map = open_object(c, e, PART_DEPARTMENT, &d[i].id)) == NULL)
			return;
		d[i].name = get_name(c, get_needed(c, map, "name"), false, true);
		d[i].label = get_label(c, map);
		get_end(c, map);
	}
	qsort(d, n->count, sizeof(*d), by_id);
	c->s.department = d;
	c->s.departments = n->count;
}

static void compile_purposes(struct compiler *c, struct node *n)
{
	struct policy_purpose *p;
	struct node *e, *map;
	unsigned i = 0;

	if ((n = get_list(c, n, POLICY_PURPOSES)) == NULL || (p = make(c, n->count, sizeof(*p))) == NULL)
		return;
	for (e = n->first; e != NULL && c->r == 0; e = e->next, i++) {
		if ((map = open_object(c, e, PART_PURPOSE, &p[i].id)) == NULL)
			return;
		p[i].name = get_name(c, get_needed(c, map, "name"), false, false);
		p[i].label = get_label(c, map);
		p[i].needs_case = get_bool(c, get(c, map, "needs_case"));
		get_end(c, map);
	}
	qsort(p, n->count, sizeof(*p), by_id);
	c->s.purpose = p;
	c->s.purposes = n->count;
}

/* ---- classes --------------------------------------------------------------------------------------------------- */

/* A class while its default purposes are still beside it: sorting moves both. */
struct new_class {
	struct policy_class class;
	uint64_t purposes;
};

static void compile_view_class(
    struct compiler *c, struct node *e, const struct policy_class *source, struct policy_class *v)
{
	struct node *map = get_map(c, e, ENTRIES_MAX), *level;
	const char *suffix, *name;

	if (map == NULL)
		return;
	v->id = (uint16_t)(0x4000u | source->id | get_number(c, get_needed(c, map, "n"), 0, 15));
	mark_object(c, PART_CLASS, v->id, map);
	suffix = get_name(c, get_needed(c, map, "name"), false, false);
	if ((name = make_view_name(c, source->name, suffix)) == NULL)
		return;
	if (!policy_name_ok(name, true, false))
		fail_at(c, map, "%s is not a name", name);
	v->name = name;
	v->label = get_label(c, map);
	level = get(c, map, "level");
	v->level = level != NULL ? (uint8_t)get_number(c, level, 1, 5) : source->level;
	v->legal = get_text(c, get(c, map, "legal"), LEGAL_MAX);
	v->hidden = source->hidden;
	get_end(c, map);
}

static void compile_class(struct compiler *c, struct node *e, struct new_class *all, unsigned *n)
{
	struct policy_class *source = &all[(*n)++].class;
	struct node *map, *views;

	if ((map = open_object(c, e, PART_CLASS, &source->id)) == NULL)
		return;
	source->name = get_name(c, get_needed(c, map, "name"), false, false);
	source->label = get_label(c, map);
	source->level = (uint8_t)get_number(c, get_needed(c, map, "level"), 1, 5);
	source->hidden = get_bool(c, get(c, map, "hidden"));
	source->legal = get_text(c, get(c, map, "legal"), LEGAL_MAX);
	all[*n - 1].purposes = get_purposes(c, get(c, map, "purposes"));
	/* A view's number would be out of range otherwise; which ids are possible is the document's rule. */
	if (source->id >= 0x4000 || source->id % 16 != 0)
		fail_at(c, map, "source classes are multiples of 16 below 0x4000");
	views = get(c, map, "views");
	if (views != NULL && (views = get_list(c, views, 16)) != NULL)
		for (struct node *v = views->first; v != NULL && c->r == 0; v = v->next) {
			if (*n == POLICY_CLASSES)
				fail_at(c, v, "at most %u classes are possible", POLICY_CLASSES);
			else
				compile_view_class(c, v, source, &all[(*n)++].class);
		}
	get_end(c, map);
}

static void compile_classes(struct compiler *c, struct node *n)
{
	struct policy_class *classes;
	struct new_class *all;
	unsigned count = 0;
	struct node *e;

	if ((n = get_list(c, n, POLICY_CLASSES)) == NULL || (all = make(c, POLICY_CLASSES, sizeof(*all))) == NULL ||
	    (classes = make(c, POLICY_CLASSES, sizeof(*classes))) == NULL)
		return;
	for (e = n->first; e != NULL && c->r == 0; e = e->next) {
		if (count == POLICY_CLASSES)
			fail_at(c, e, "at most %u classes are possible", POLICY_CLASSES);
		else
			compile_class(c, e, all, &count);
	}
	qsort(all, count, sizeof(*all), by_id);
	for (unsigned i = 0; i < count; i++) {
		classes[i] = all[i].class;
		c->class_purposes[i] = all[i].purposes;
	}
	c->s.class = classes;
	c->s.classes = count;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

/* Each section needs those before it, wherever they stand in the file. */
static void compile_root(struct compiler *c, struct node *root)
{
	if ((root = get_map(c, root, ENTRIES_MAX)) == NULL)
		return;
	mark_object(c, PART_DOCUMENT, 0, root);
	c->s.name = get_name(c, get_needed(c, root, "profile"), false, false);
	c->s.version = get_number(c, get_needed(c, root, "version"), 1, 99999999);
	compile_departments(c, get_needed(c, root, "departments"));
	compile_purposes(c, get_needed(c, root, "purposes"));
	compile_classes(c, get_needed(c, root, "classes"));
	compile_code_lists(c, get(c, root, "code_lists"));
	compile_fields(c, get_needed(c, root, "fields"));
	compile_indexes(c, get(c, root, "indexes"));
	compile_roles(c, get_needed(c, root, "roles"));
	compile_witnesses(c, get(c, root, "witnesses"));
	get_end(c, root);
}

static void report_fault(struct compiler *c, const struct policy_fault *f)
{
	const struct node *n = marked(c, f->part, f->id);

	if (n != NULL)
		n = find_place(n, f->key, f->at);
	error_at(c->error, n == NULL ? 0 : n->line, n == NULL ? 0 : n->column, f->other[0] != '\0' ? "%s: %s" : "%s",
	    f->text, f->other);
	c->r = CV_ERR_INVALID;
}

/* Encode, and let core's own decoder judge the bytes before anybody signs them. */
static void encode(struct profile *p)
{
	struct policy_fault fault = { 0 };
	struct compiler *c = &p->c;

	if ((c->r = policy_encode(&c->s, &p->doc)) == 0)
		c->r = policy_decode_explain(p->doc.p, p->doc.n, &p->policy, &fault);
	if (c->r == CV_ERR_INVALID)
		report_fault(c, &fault);
	else if (c->r == CV_ERR_LIMIT)
		error_at(c->error, 0, 0, "the policy document would be longer than %u bytes", POLICY_DOCUMENT_MAX);
	else if (c->r != 0)
		error_at(c->error, 0, 0, "the policy document cannot be made: %s", cv_strerror(c->r));
}

void profile_free(struct profile *p)
{
	if (p == NULL)
		return;
	policy_free(p->policy);
	buf_free(&p->doc);
	pool_free(&p->c.pool);
	free(p);
}

const struct buf *profile_document(const struct profile *p)
{
	return &p->doc;
}

const struct policy *profile_policy(const struct profile *p)
{
	return p->policy;
}

int profile_open_text(const char *yaml, size_t n, struct profile **ret_profile, struct profile_error *ret_error)
{
	struct profile_error error = { 0, 0, "" };
	struct node *root = NULL;
	struct profile *p;
	int r;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		error_at(&error, 0, 0, "out of memory");
		r = CV_ERR_NOMEM;
		goto out;
	}
	buf_init(&p->doc, POLICY_DOCUMENT_MAX);
	p->c.error = &error;
	if (n > PROFILE_MAX) {
		error_at(&error, 0, 0, "a profile has at most %u bytes", PROFILE_MAX);
		p->c.r = CV_ERR_LIMIT;
	} else if ((p->c.r = yaml_read(yaml, n, &p->c.pool, &root, &error)) == 0) {
		compile_root(&p->c, root);
	}
	if (p->c.r == 0)
		encode(p);
	if ((r = p->c.r) != 0)
		goto out;
	p->c.error = NULL;	/* the place of errors ends with this call */
	p->root = root;
	*ret_profile = p;
	p = NULL;	/* transferred */
out:
	profile_free(p);
	if (r != 0)
		*ret_error = error;
	return r;
}

int profile_open(const char *path, struct profile **ret_profile, struct profile_error *ret_error)
{
	struct profile_error error = { 0, 0, "" };
	FILE *f = fopen(path, "rb");
	char *yaml = NULL;
	int r = CV_ERR_IO;
	size_t n;

	if (f == NULL) {
		error_at(&error, 0, 0, "%s", strerror(errno));
		goto out;
	}
	if ((yaml = malloc(PROFILE_MAX + 1)) == NULL) {
		error_at(&error, 0, 0, "out of memory");
		r = CV_ERR_NOMEM;
		goto out;
	}
	n = fread(yaml, 1, PROFILE_MAX + 1, f);
	if (ferror(f)) {
		error_at(&error, 0, 0, "%s", strerror(errno));
		goto out;
	}
	r = profile_open_text(yaml, n, ret_profile, &error);
out:
	if (r != 0)
		*ret_error = error;
	if (f != NULL)
		(void)fclose(f);	/* opened for reading only */
	free(yaml);
	return r;
}

/* The document alone. */
static int take_document(int r, struct profile *p, struct buf *ret_doc, struct profile_error *ret_error)
{
	if (r == 0) {
		buf_put(ret_doc, p->doc.p, p->doc.n);
		if (!buf_ok(ret_doc)) {
			error_at(ret_error, 0, 0, "out of memory");
			r = CV_ERR_NOMEM;
		}
	}
	profile_free(p);
	return r;
}

int profile_compile_text(const char *yaml, size_t n, struct buf *ret_doc, struct profile_error *ret_error)
{
	struct profile *p = NULL;
	int r = profile_open_text(yaml, n, &p, ret_error);

	return take_document(r, p, ret_doc, ret_error);
}

int profile_compile(const char *path, struct buf *ret_doc, struct profile_error *ret_error)
{
	struct profile *p = NULL;
	int r = profile_open(path, &p, ret_error);

	return take_document(r, p, ret_doc, ret_error);
}

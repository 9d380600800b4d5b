/* Shared by the files of profile only. */
#ifndef CV_PROFILE_PROFILE_INTERNAL_H
#define CV_PROFILE_PROFILE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/source.h"
#include "profile/profile.h"

#define NODE_DEPTH 12		/* nesting of a profile */
#define NODES_MAX 100000	/* entries of a profile */
#define ENTRIES_MAX 2048	/* of one list or map */

/* Memory that lives as long as one compilation. */
struct pool {
	struct pool_block *blocks;
};
/* n * size zeroed bytes, NULL without memory; n * size at most a few MiB by the limits on nodes. */
void *pool_alloc(struct pool *p, size_t n, size_t size);
void pool_free(struct pool *p);

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };
/* A YAML value and where it begins. All texts are NUL-terminated and hold no other NUL. */
struct node {
	enum node_kind kind;
	unsigned line, column;	/* from 1 */
	const char *text;	/* of a scalar */
	bool plain;		/* a scalar without quotes */
	const char *key;	/* of an entry of a map */
	bool used;		/* an entry whose key was asked for */
	struct node *first, *next;	/* entries of a list or map, in order */
	unsigned count;
};

/* Where an object of the policy stands in the profile. */
struct mark {
	enum policy_part part;
	uint16_t id;
	const struct node *node;	/* its map */
};

/* A named list of codes. */
struct code_list {
	const char *name;
	const struct policy_code *codes;
	unsigned count;
};

#define MARKS_MAX (POLICY_DEPARTMENTS + POLICY_PURPOSES + POLICY_CLASSES + POLICY_FIELDS + POLICY_INDEXES + POLICY_ROLES + 1)

/*
 * One compilation. The first error stands in error and r; after it every get_ call gives an empty value, so that the
 * compiler asks once for each object.
 */
struct compiler {
	struct pool pool;
	struct profile_error *error;
	int r;
	struct policy_source s;
	struct mark mark[MARKS_MAX];
	unsigned marks;
	uint64_t class_purposes[POLICY_CLASSES];	/* default purposes of a class's fields, by position */
	struct code_list *lists;
	unsigned list_count;
};

/* A profile that compiled, with its tree. */
struct profile {
	struct compiler c;
	const struct node *root;
	struct policy *policy;
	struct buf doc;
};

/* Fail at node n. */
void fail_at(struct compiler *c, const struct node *n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/*
 * Entry key of map, or NULL; get_needed fails if it is missing. map is a map (get_map, get_item), or NULL after an
 * error.
 */
struct node *get(struct compiler *c, struct node *map, const char *key);
struct node *get_needed(struct compiler *c, struct node *map, const char *key);
/* Fail if map has an entry that nobody asked for. */
void get_end(struct compiler *c, const struct node *map);
/* n as a list or map of at most max entries: n itself, or NULL after an error. */
struct node *get_list(struct compiler *c, struct node *n, unsigned max);
struct node *get_map(struct compiler *c, struct node *n, unsigned max);
/* Scalars. n may be NULL: then "", 0, false. */
const char *get_text(struct compiler *c, const struct node *n, size_t max);
const char *get_name(struct compiler *c, const struct node *n, bool dot, bool upper);
unsigned get_number(struct compiler *c, const struct node *n, unsigned min, unsigned max);
/* An amount in fen, 1 to POLICY_STANDARD_MAX. */
uint64_t get_amount(struct compiler *c, const struct node *n);
bool get_bool(struct compiler *c, const struct node *n);
struct policy_label get_label(struct compiler *c, struct node *map);
/* Zeroed memory of the pool; never NULL while c->r is 0, and fails otherwise. */
void *make(struct compiler *c, size_t n, size_t size);
/* CLASS.SUFFIX, living in the pool; NULL without memory. */
const char *make_view_name(struct compiler *c, const char *class, const char *suffix);
/* The map of an object that was noted, or NULL. */
const struct node *marked(const struct compiler *c, enum policy_part part, uint16_t id);
/*
 * Where something stands in an object's map: the entry key, and in it, at any depth, the first entry or value called at
 * (of a view class also without its source class). What is not found leaves the place before it.
 */
const struct node *find_place(const struct node *object, const char *key, const char *at);
/* Note where an object stands; fails if its id is taken. */
void mark_object(struct compiler *c, enum policy_part part, uint16_t id, const struct node *n);
/* A list of names of purposes as a mask. */
uint64_t get_purposes(struct compiler *c, struct node *n);
/* The class called name; NULL and an error at n if there is none. */
const struct policy_class *find_class(struct compiler *c, const struct node *n, const char *name);
/* The field called name, once all fields have names; NULL and an error at n if there is none. */
const struct policy_field *find_field(struct compiler *c, const struct node *n, const char *name);
/* The id of a department. */
uint16_t get_department(struct compiler *c, const struct node *n);
/* A list of names of departments as a mask of positions; n may be NULL. */
uint64_t get_departments(struct compiler *c, struct node *n);

/* Entry of a list as a map, its id read and noted; NULL after an error. */
struct node *open_object(struct compiler *c, struct node *e, enum policy_part part, uint16_t *ret_id);
/* Compares what begins with a u16 id, as departments, purposes and roles do; for qsort. */
int by_id(const void *a, const void *b);
/* The keys of map that say what values look like. */
enum nesting { IN_FIELD, IN_LIST, IN_GROUP };
void compile_shape(struct compiler *c, struct node *map, enum nesting where, struct policy_shape *ret);
/*
 * Sections of a profile; fields need departments, purposes and classes, indexes the fields, roles all of them. n may be NULL for
 * indexes.
 */
void compile_code_lists(struct compiler *c, struct node *n);
void compile_fields(struct compiler *c, struct node *n);
void compile_indexes(struct compiler *c, struct node *n);
void compile_roles(struct compiler *c, struct node *n);
/* The section witnesses, which may be absent (NULL). */
void compile_witnesses(struct compiler *c, struct node *n);

/* Write the error at a place, once: the first one stays. */
void error_at(struct profile_error *e, unsigned line, unsigned column, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/*
 * Read one document of strict YAML into a tree from pool. 0, CV_ERR_INVALID or CV_ERR_NOMEM with *ret_error filled.
 * Refused: anchors, aliases, tags, directives, merge keys, a second document, a key twice, keys that are no plain text.
 */
int yaml_read(const char *yaml, size_t n, struct pool *pool, struct node **ret_root, struct profile_error *ret_error);

#endif

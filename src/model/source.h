/*
 * The policy as a plain tree, and its encoding: what a compiler of profiles fills and what the decoder gives back.
 * docs/FORMAT.md section 11. One tree has one encoding; core itself never encodes.
 */
#ifndef CV_MODEL_SOURCE_H
#define CV_MODEL_SOURCE_H

#include "model/model.h"

/*
 * Invariants: (1) every array ascends by id, codes and members by name; (2) bit i of a purposes mask, place i of a role's
 * rights and bit i of its searches name the purpose, the class and the index at position i; (3) a field's flat type,
 * max_length and validator equal its shape's.
 */
struct policy_source {
	const char *name;
	uint32_t version;
	unsigned departments, purposes, classes, fields, indexes, roles;
	const struct policy_department *department;
	const struct policy_purpose *purpose;
	const struct policy_class *class;
	const struct policy_field *field;
	const struct policy_index *index;
	const struct policy_role *role;
	struct policy_witnesses witnesses;
};

/*
 * Append the document. It checks nothing but what it needs to write: policy_decode is the judge. 0, CV_ERR_ARG (a
 * text or a count that has no room in its length field, a standard of what is no field of integers), CV_ERR_LIMIT
 * (above POLICY_DOCUMENT_MAX), CV_ERR_NOMEM.
 */
int policy_encode(const struct policy_source *s, struct buf *ret);
/* The tree of a decoded policy, valid as long as p. */
const struct policy_source *policy_source_of(const struct policy *p);

/*
 * Whether s is a name: at most POLICY_NAME_MAX bytes of a-z 0-9 _ -, beginning with a letter or digit; with upper
 * also A-Z; with dot one dot may stand between two such names.
 */
bool policy_name_ok(const char *s, bool dot, bool upper);
/* Length that a shape's type, codes or validator fix for its values; 0 if max_length is free. */
uint16_t shape_length(const struct policy_shape *s);
/* Whether op can be computed from values of a shape. */
bool view_op_fits(enum view_op op, const struct policy_shape *s);
/* "m1" … "present", "plain"; NULL for a number that is none. */
const char *view_op_name(unsigned op);

#endif

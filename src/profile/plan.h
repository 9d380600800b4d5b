/*
 * What a policy changes for people, and what it allows: in words, Chinese or English. Pure: decoded documents in, lines out.
 */
#ifndef CV_PROFILE_PLAN_H
#define CV_PROFILE_PLAN_H

#include <stdbool.h>

#include "model/model.h"

struct buf;

/* What else a change of policy asks for. */
#define PLAN_CHANGES 1u		/* something changes for somebody */
#define PLAN_REPROJECT 2u	/* views of stored values must be made anew */
#define PLAN_PREDICATES 4u	/* predicates must be computed anew */
#define PLAN_CEREMONY 8u	/* two signatures do not suffice: policy_hindrances names something */

/*
 * Append to ret, one a line, what changes when the policy new takes the place of old: first purposes, classes, fields and roles with
 * what is said of them; then for every role each (field, purpose) that it gains ('+'), loses ('-') or has in another way ('~'), and
 * how; last, behind '!', what must be done besides. What changes alike is joined in a line, nothing is left out: a cell that is in no
 * line did not change. *ret_asks holds PLAN_ bits. 0 or CV_ERR_NOMEM (ret is full, too: nothing is cut).
 */
int plan_policy(const struct policy *old, const struct policy *new, bool chinese, struct buf *ret, unsigned *ret_asks);

/* How one role has one field for one purpose. */
struct plan_cell {
	uint16_t read;		/* class that answers a read, 0: none does */
	enum view_op op;	/* in which view; 0: the value itself */
	bool clear;		/* the value itself, with a reason */
	uint8_t write, create;	/* RIGHT_WRITE, RIGHT_WRITE_ONLY or 0: at any time, and when the file is opened */
	bool grant;		/* approves grants of it */
};
/* The cell of role, field and the purpose at a position of p; all zeros: none. */
struct plan_cell plan_cell_of(
    const struct policy *p, const struct policy_role *role, const struct policy_field *f, int purpose);
/* The cell in words, appended to ret: "reads masked by m1; reads in plain with a reason; writes"; "nothing" if it is empty. */
void plan_cell_words(const struct plan_cell *c, bool chinese, struct buf *ret);

#endif

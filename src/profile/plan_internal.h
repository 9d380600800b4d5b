/* Shared by the files of plan only. */
#ifndef CV_PROFILE_PLAN_INTERNAL_H
#define CV_PROFILE_PLAN_INTERNAL_H

#include "profile/plan.h"

#define PLAN_PURPOSES (2 * POLICY_PURPOSES)

/* One comparison of two policies. */
struct plan {
	const struct policy *old, *new;
	bool chinese;
	struct buf *ret;
	unsigned asks;		/* PLAN_ bits so far */
	bool failed;		/* memory was short */
	const struct policy_purpose *purpose[PLAN_PURPOSES];	/* of new, then what only old has; new's words */
	unsigned purposes;
};

/* A line in the language of people; the same arguments for both. Everything but headings is a change. */
void plan_say(struct plan *p, const char *en, const char *zh, ...) __attribute__((format(printf, 2, 4)));
/* Lines for each index that comes, goes or is unique or not as it was not before. */
void plan_indexes(struct plan *p);
/* Lines for each index by which a role searches, or searches no longer; was may be NULL. */
void plan_searches(struct plan *p, const struct policy_role *was, const struct policy_role *is);
/* Lines for each cell that a role gains, loses or has in another way; was or is may be NULL. */
void plan_cells(struct plan *p, const struct policy_role *was, const struct policy_role *is);

#endif

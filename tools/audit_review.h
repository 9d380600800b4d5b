/*
 * The review of a month: what stands out by the rules, and a sample that nobody chose. docs/FORMAT.md section 12 has the lines and
 * digests, so that anybody with the same log and rules comes to the same items.
 */
#ifndef CV_TOOLS_AUDIT_REVIEW_H
#define CV_TOOLS_AUDIT_REVIEW_H

#include "audit_gather.h"

#define REVIEW_SAMPLE 20u	/* ordinary accesses that are looked at, or all if there are fewer */

enum review_rule { REVIEW_HOURS, REVIEW_CHILDREN, REVIEW_EMERGENCY, REVIEW_AREA, REVIEW_REFUSALS, REVIEW_ORDINARY, REVIEW_RULES };
/* "out-of-hours", ...; static text. */
const char *review_rule_name(enum review_rule rule);

/* What one item asks about: one person on one day. */
struct review_item {
	uint8_t id[8];
	enum review_rule rule;
	uint8_t principal[16];
	uint32_t epoch, count;
	uint64_t first, last;	/* entries */
};
/* An ordinary access: answered, in hours, not in an emergency. */
struct review_access {
	uint64_t index;
	uint32_t epoch;
	uint8_t principal[16];
};
struct review {
	char month[8];			/* "2026-11" */
	const char *emergency;		/* name of the purpose */
	bool closed;			/* the entry that closed the month was met, */
	uint32_t closing;		/* with this epoch */
	uint64_t size;			/* of the checkpoint that closed it */
	uint8_t root[32];
	struct review_access *ordinary;
	size_t ordinaries, room;
	struct review_item *items;
	size_t n, items_room;
	uint8_t digest[32];
	bool poor;			/* out of memory */
};

/* gathered.each; cookie is the struct review, whose last day is g's. */
struct review_walk {
	struct review *review;
	const struct gathered *g;
};
void review_each(void *cookie, const struct trail_entry *e, const struct act *a);
/* The items of what was gathered, with their ids and the digest; size and root are known. False: out of memory. */
bool review_find(struct review *r, const struct gathered *g);
void review_free(struct review *r);

#endif

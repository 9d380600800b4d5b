/* What trail.c (leaves one after the other) and trail_open.c (what stands beside them) share. */
#ifndef CV_TOOLS_TRAIL_INTERNAL_H
#define CV_TOOLS_TRAIL_INTERNAL_H

#include "base/buf.h"
#include "format/tile.h"
#include "trail.h"

struct trail_policy {
	uint8_t id[16];		/* first half of its digest */
	struct policy *policy;
};
struct trail {
	int dirfd;
	struct client_key key;
	struct genesis_body genesis;
	uint64_t size;		/* that the checkpoint covers */

	struct trail_policy *policy;	/* ascending */
	size_t policies;
	struct client_person *person;	/* ascending */
	size_t people;

	uint64_t at, end;		/* leaves still to be shown */
	uint64_t from_ms, to_ms;	/* of those, whose time is between */
	uint64_t last_epoch;		/* behind which no such time is to be expected */

	struct buf bundle;	/* of leaf at - 1 or at */
	uint64_t bundle_n;	/* its number, UINT64_MAX: none is loaded */
	unsigned leaves;	/* whole ones in it */
	uint32_t leaf_at[TILE_WIDTH + 1];	/* where each one's length stands, and the end */

	bool has_segment;	/* the newest segment was given to this auditor: */
	struct auditor_segment segment;
};

/* Read the size that the checkpoint covers. CV_ERR_NOTFOUND, CV_ERR_FORMAT, CV_ERR_IO. */
int trail_checkpoint(struct trail *t);
/* Load policies and people, when leaf 0 is known. The results of trail_open; trail_unload frees what it left. */
int trail_load(struct trail *t);
void trail_unload(struct trail *t);
/* The policy of a leaf, or NULL. */
const struct policy *trail_policy_of(const struct trail *t, const uint8_t id[16]);

#endif

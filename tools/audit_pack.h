/* What the files of `childvault-audit pack` share. */
#ifndef CV_TOOLS_AUDIT_PACK_H
#define CV_TOOLS_AUDIT_PACK_H

#include <jansson.h>

#include "audit_gather.h"

/* The counts of a year as JSON without anybody's name or id. NULL on lack of memory. */
json_t *pack_counts(const struct gathered *g, unsigned year);

/* Append the JSON as a note signed by the auditor: docs/FORMAT.md section 12. 0, CV_ERR_LIMIT (it is too long for one), CV_ERR_NOMEM. */
int pack_sign(const struct gathered *g, const json_t *j, struct buf *ret);
/* Hold a pack against the public file of who is to have signed it. 0 and what was said, or an exit code after a message. */
int pack_verify(const char *path, const char *public_path);

/* Whether the log has an entry of the days that were asked for: of others a pack would count nothing, and be signed. */
bool pack_covers(const struct gathered *g);

#endif

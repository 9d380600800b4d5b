/* What events.c (answers to auditors) and events_find.c (which leaves are asked for) share. Private to vault. */
#ifndef CV_VAULT_EVENTS_PAGE_H
#define CV_VAULT_EVENTS_PAGE_H

#include "vault/vault_internal.h"

#define PAGE_MAX WIRE_EVENTS_MAX
#define PAGE_BYTES (8u << 20)	/* of leaves; a page that has them ends */
#define PAGE_SEGMENTS 16u	/* that a search looks up for one page */

/* One leaf of the page. */
struct paged {
	size_t at, n;		/* bytes in page.bytes */
	struct leaf leaf;
	bool resolved;		/* detail stands */
	struct leaf_detail detail;
};
struct page {
	struct buf bytes;
	unsigned n;
	unsigned open;		/* leaves about a child that is not yet found */
	struct paged item[PAGE_MAX];
	uint64_t next;		/* where the log goes on behind the page */
	bool searched;		/* its leaves were searched for: they need not follow on each other */
	bool more;		/* a search that is not at its end: cursor_plain says where it goes on */
	uint8_t cursor[49];
	unsigned segments;	/* that the page's leaves of a search are sealed under: */
	struct {
		uint8_t id[16];
		uint64_t index;	/* of the leaf that opened it, UINT64_MAX: not found */
	} segment[PAGE_SEGMENTS];
};

/* Whether m asks for certain leaves only. */
bool events_searched(const struct wire_events *m);
/* Fill an empty page with leaves that m asks for. 0 or a problem, with c refused. */
unsigned events_find(struct vault *v, struct vault_call *c, const struct wire_events *m, struct page *p);
/* Index of the leaf that opened the segment of the leaf at index, which is sealed. 0, CV_ERR_NOTFOUND, or the log's error. */
int events_segment_of(struct vault *v, uint64_t index, const uint8_t segment[16], uint64_t *ret);

#endif

/* What the files of `childvault-audit report` share. */
#ifndef CV_TOOLS_AUDIT_REPORT_H
#define CV_TOOLS_AUDIT_REPORT_H

#include "audit_gather.h"
#include "audit_page.h"

/* The sections of the page, in their order; each writes itself whole. */
void report_head(struct page *p, const struct gathered *g, const char *key_name);
void report_coverage(struct page *p, const struct gathered *g);
void report_figures(struct page *p, const struct gathered *g);
void report_volume(struct page *p, const struct gathered *g);	/* by day, by role, both */
void report_purposes(struct page *p, const struct gathered *g);
void report_refusals(struct page *p, const struct gathered *g);
void report_emergency(struct page *p, const struct gathered *g);
void report_hours(struct page *p, const struct gathered *g);
void report_readers(struct page *p, const struct gathered *g);
void report_bulk(struct page *p, const struct gathered *g);
void report_changes(struct page *p, const struct gathered *g);
void report_incidents(struct page *p, const struct gathered *g);
void report_terms(struct page *p, const struct gathered *g);

#endif

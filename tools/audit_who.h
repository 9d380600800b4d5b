/* What the two ways of `childvault-audit who` share: by person (audit_who.c) and by child (audit_who_record.c). */
#ifndef CV_TOOLS_AUDIT_WHO_H
#define CV_TOOLS_AUDIT_WHO_H

#include "cli.h"
#include "trail.h"

/* What is asked for. */
struct who {
	struct trail *trail;
	const char *dir;
	uint64_t from_ms, to_ms;	/* UINT64_MAX: to the end */
	const char *purpose;		/* a name, or NULL */
	struct cli_list kinds;		/* names; none: every kind */
	uint8_t principal[16];		/* whose acts, if by_person */
	bool by_person;
	struct table *table;		/* NULL with --json */
	uint64_t shown;			/* entries that were printed */
	uint64_t sealed;		/* that this auditor cannot open: they were not auditor yet, or no longer */
};
/* What body B says of an entry, if its keys were given; texts live until the next entry. */
struct who_detail {
	char fields[4096];		/* names by commas */
	char case_text[LEAF_CASE_MAX + 1], reason[LEAF_REASON_MAX + 1];
	char approval[33];		/* "" none */
};

/* Whether an entry is one that is asked for, by time, person, kind and purpose. What does not open is counted. */
bool who_wants(struct who *w, const struct trail_entry *e);
/* Print an entry; detail is NULL if body B stays sealed. */
void who_show(struct who *w, const struct trail_entry *e, const struct who_detail *detail);
/* Say why the log cannot be read; returns the exit code for it. */
int who_fail(int r);
/* Entries about the child of record, by the keys in the file keys_path (docs/FORMAT.md section 14). 0 or exit code. */
int who_record(struct who *w, const char *record, const char *keys_path);

#endif

/*
 * What report, pack and review of `childvault-audit` begin with: the folder verified, opened with the auditor's key, and counted.
 */
#ifndef CV_TOOLS_AUDIT_GATHER_H
#define CV_TOOLS_AUDIT_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit_tally.h"
#include "childvault_audit.h"
#include "cli.h"
#include "client/key.h"
#include "model/model.h"
#include "trail.h"

#define GATHER_FINDINGS 20u
#define GATHER_OPTIONS 9u	/* that gather_options writes */

/* What the commands are asked, as texts of their options. */
struct gather_ask {
	const char *dir, *key, *vkey, *known, *policy;
	const char *zone, *hours, *emergency;
	uint64_t many, refusals, passphrase_fd;
};
/* Defaults, and the options that go with them: GATHER_OPTIONS of them to ret. */
void gather_options(struct gather_ask *ask, struct cli_option *ret);

/* One label of an id of the policy, as the newest policy names it that has it. */
struct gather_name {
	uint16_t id;
	const char *code;	/* never NULL; valid as the trail */
	struct policy_label label;
};
struct gather_names {
	struct gather_name *item;
	size_t n, room;
};
struct gather_finding {
	char name[40], text[512];
	bool fault;
};
struct gathered {
	struct client_key key;
	struct trail *trail;
	struct tally tally;
	struct gather_names roles, purposes, departments;
	struct childvault_audit_summary summary;
	int verdict;			/* of childvault_audit_verify: 0 no fault, 1 at least one */
	struct gather_finding finding[GATHER_FINDINGS];
	size_t findings, all_findings;	/* kept; met */
	uint64_t nameless;		/* entries with a role whose policy document is missing, or not of a form that is known here */
	bool cut;			/* of a log with faults, counting ended at one that made the rest unreadable */
	int32_t first_day, last_day;	/* days of the log since 1970-01-01, both included */
	/* Called with each entry, in the order of the log, before it is counted; NULL: nobody asks. */
	void (*each)(void *cookie, const struct trail_entry *e, const struct act *a);
	void *cookie;
};

/* That out may be written: it is neither the key nor another file that is read. 0, or EXIT_USAGE after a message. */
int gather_may_write(const struct gather_ask *ask, const char *out);
/*
 * Parse, verify, open and count what happened from g->first_day to g->last_day. g is zeroed but for these two, each and cookie;
 * gather_free follows in any case. 0 or an exit code after a message. A log with faults is counted all the same: g->verdict says so.
 */
int gather(const struct gather_ask *ask, struct gathered *g);
void gather_free(struct gathered *g);

/* "YYYY-MM-DD" as days since 1970-01-01. False: it is none. */
bool gather_date(const char *s, int32_t *ret);
/* The day of an epoch as "YYYY-MM-DD". */
void gather_day(const struct gathered *g, uint32_t epoch, char ret[16]);
/* Zone of the rules as "+08:00", and their hours as "08:00-18:00". */
#define GATHER_ZONE 16u
void gather_zone(const struct tally_rules *r, char ret[GATHER_ZONE]);
void gather_hours(const struct tally_rules *r, char ret[GATHER_ZONE]);
/* A time at the place of the rules, "YYYY-MM-DD HH:MM". */
void gather_time(const struct gathered *g, uint64_t ms, char ret[24]);
/* Names in the language of people; of an id that no policy has, its number; of none, a dash. ret has room for GATHER_NAME bytes. */
#define GATHER_NAME 320u
const char *gather_name(const struct gather_names *names, uint16_t id, char *ret);
/* The code by which the profile calls it, "" for none. */
const char *gather_code(const struct gather_names *names, uint16_t id);
/* Name and department of a person, or the id. */
const char *gather_person(const struct gathered *g, const uint8_t principal[16], char *ret);

/* ---- audit_words.c: what stands in entries, in the language of people -------------------------------------------------- */

const char *word_kind(unsigned kind);
const char *word_outcome(unsigned outcome);
/* What a group is, and the same in a word for the heads of tables. */
const char *word_group(enum act_group g);
const char *word_group_short(enum act_group g);
/* An entry that tally noted, in a sentence; ret has room for n bytes. */
void word_note(const struct gathered *g, const struct tally_note *x, char *ret, size_t n);
/* "2: roles given" as a word of an operation, FORMAT.md 5.5. */
const char *word_operation(unsigned operation);

#endif

/*
 * Counting what a stretch of the log says: for the report, the yearly pack and the monthly review of `childvault-audit`. Pure; it takes
 * entries in the order of the log and sees neither records nor values, only what body A tells auditors (docs/FORMAT.md section 9).
 * Not shared between threads.
 */
#ifndef CV_TOOLS_AUDIT_TALLY_H
#define CV_TOOLS_AUDIT_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAY_MS 86400000u
#define HOUR_MS 3600000u
#define MINUTE_MS 60000u

/* One entry of the log as the auditor's key opens it. */
struct act {
	uint64_t index, time_ms;
	uint32_t epoch;
	uint8_t kind;		/* LEAF_* */
	bool known;		/* body A was opened: what follows holds. Clear entries are not known: nobody did them */
	uint8_t principal[16];
	uint16_t role, department, purpose;	/* ids of the policy, 0: none */
	uint16_t outcome;	/* 0 done; FORMAT.md section 9 */
	uint16_t fields;
	uint8_t view;		/* 0 none, 1 masked, 2 clear */
	uint8_t child[8];	/* child of the day, zeros without one */
	uint32_t count;		/* of an entry about no child: how many */
	uint8_t about[16];	/* of such an entry: the object or the member, zeros: none */
};

/* What an act is to people who look at a file's protection. */
enum act_group {
	ACT_READ,		/* a file was read, masked */
	ACT_CLEAR,		/* the same in the clear */
	ACT_CHANGE,		/* made or changed */
	ACT_LISTED,		/* a work list: many files at once, by id and due date */
	ACT_REFUSED,
	ACT_OTHER,		/* everything else: approvals, sessions, the vault's own entries */
	ACT_GROUPS
};
enum act_group act_group(const struct act *a);
/* Whether a group is an access to a child's file that was answered. */
static inline bool act_is_access(enum act_group g) { return g == ACT_READ || g == ACT_CLEAR || g == ACT_CHANGE; }

/* What counts as ordinary hours and as many; the times are those of a place. */
struct tally_rules {
	int zone_minutes;	/* east of UTC */
	unsigned from_minute, to_minute;	/* working hours of a day, [from, to) */
	unsigned many_children;	/* of one person in one day of the log: above it, an item */
	unsigned many_refusals;	/* of one person in one day: from so many on, an item */
	uint16_t emergency;	/* the purpose that stands for breaking the glass; 0: the policy has none */
};
/* Monday to Friday within the working hours of the place. */
bool tally_in_hours(const struct tally_rules *r, uint64_t time_ms);

/* One person on one day of the log, with what the rules ask about. Indexes of entries are those of the day's first and last one. */
struct person_day {
	uint32_t person;	/* place in tally.people */
	uint32_t epoch;
	uint32_t n[ACT_GROUPS];
	uint32_t children;	/* different ones with an answered access */
	uint32_t late, late_clear;	/* accesses out of hours, the clear ones among them */
	uint32_t emergency;	/* accesses for the emergency purpose */
	uint32_t elsewhere;	/* refused: another area */
	uint64_t first_late, first_emergency, first_elsewhere, first_refused, first_access;
	uint64_t last_late, last_emergency, last_elsewhere, last_refused, last_access;
};
struct person_sum {
	uint8_t id[16];
	uint16_t role, department;	/* of the newest act */
	uint64_t n[ACT_GROUPS];
	uint64_t children;	/* summed over days: the same child on two days counts twice, which nobody can tell */
	uint64_t late, emergency, elsewhere;
	uint32_t days;		/* with an access */
	uint32_t most_children;	/* of one day */
	uint64_t granted, revoked;	/* grants approved, approvals revoked */
};
/* One combination of kind, role, purpose and outcome. */
struct tally_cell {
	uint8_t kind, view;
	uint16_t role, department, purpose, outcome;
	uint64_t count;
};
struct tally_day {
	uint32_t epoch;
	uint64_t n[ACT_GROUPS];
};
/* One role in one day. */
struct tally_role_day {
	uint16_t role;
	uint32_t day;		/* place in tally.days */
	uint64_t accesses, refused;
};
/* An entry that is told one by one: what changed the vault, or went wrong. */
struct tally_note {
	struct act act;
	uint8_t clear_n;
	uint8_t clear[120];	/* beginning of a clear body */
};
#define TALLY_NOTES 2000u	/* kept; more are counted */

struct tally {
	struct tally_rules rules;
	struct tally_day *days;		/* each epoch from the first to the last met, quiet ones too */
	size_t day_count, day_room;
	struct person_sum *people;
	size_t people_count, people_room;
	struct person_day *person_days;	/* ascending by epoch */
	size_t person_day_count, person_day_room;
	struct tally_cell *cells;
	size_t cell_count, cell_room;
	struct tally_role_day *role_days;
	size_t role_day_count, role_day_room;
	struct tally_note *notes;
	size_t note_count, note_room;
	uint64_t notes_left_out;
	uint64_t acts, sealed;		/* entries; those that the key did not open */
	uint64_t first_index, last_index, first_ms, last_ms;
	uint64_t group[ACT_GROUPS];
	uint64_t kinds[256];
	uint64_t hours[24];		/* answered accesses by hour of the place */
	uint64_t hours_free[24];	/* those of Saturdays and Sundays among them */
	uint64_t late;
	uint64_t login_failures;	/* as counted in entries of kind 27 */
	uint64_t integrity;		/* refusals for damaged data */
	uint64_t starts, cut_starts, cut_bytes;
	struct tally_index *index;	/* look-ups */
	bool poor;			/* out of memory: the counts are short */
};

/* Begin; rules are copied. False: no memory. tally_free may follow in any case. */
bool tally_begin(struct tally *t, const struct tally_rules *rules);
/* Count one entry. clear is a clear body A (clear_n bytes), or NULL. Entries come in the order of the log. */
void tally_add(struct tally *t, const struct act *a, const uint8_t *clear, size_t clear_n);
void tally_free(struct tally *t);
/* The person behind place i; the sums of a principal, or NULL. */
const struct person_sum *tally_person(const struct tally *t, const uint8_t principal[16]);

#endif

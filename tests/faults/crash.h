/* What the parts of the crash harness share: a vault at work, what its clients were told, and a look at what a crash left of it. */
#ifndef CV_CRASH_H
#define CV_CRASH_H

#include <stdbool.h>
#include <stdint.h>

struct fixture;

#define CRASH_RECORDS 640u
#define CRASH_FACTS 4096u
#define CRASH_LEAVES 16384u
#define CRASH_VALUES 10u

enum fact_what {
	FACT_MAKE,		/* record, value */
	FACT_CHANGE,		/* record, value: a patch, a hand-in */
	FACT_ASSIGN,		/* one more assignment */
	FACT_ASK,		/* the request for a grant */
	FACT_GRANT,		/* it is approved: the school reads the record's city */
	FACT_JOB,		/* views of all records are made anew */
	FACT_SUSPEND,		/* the clerk */
	FACT_RESTORE,
	FACT_REKEY,		/* value: the epoch of the class identity that comes with it */
	FACT_REWRAP,		/* begins */
	FACT_REWRAPPED,		/* no wrap is under an old epoch */
	FACT_SIGNED,		/* value: leaves that the checkpoint covers */
	FACT_EPOCH,		/* value: the signing epoch that begins */
	FACT_SEAL, FACT_START, FACT_TURN,	/* another turn, which changes nothing; a start or a stop */
	FACT_KINDS
};

/* Something that a client was told, or the operator: tried from step begin on, told once so many steps had been done. */
struct fact {
	enum fact_what what;
	uint64_t begin, told;	/* told is UINT64_MAX if the process was killed before */
	unsigned record, value;
	uint64_t leaves;	/* durable when it was told */
};

struct story {
	struct fact fact[CRASH_FACTS];
	unsigned facts;
	uint8_t record[CRASH_RECORDS][16];
	unsigned records;
	uint64_t records_before;	/* the vault had so many when the story began */
	unsigned assigned_before;
	uint32_t epoch_before;		/* of the class identity */
	uint8_t leaf[CRASH_LEAVES][32];	/* hashes of the leaves at the end */
	uint64_t leaves;
	uint8_t rewrap[16];	/* its request */
	uint64_t waiting;	/* bytes of the full journal that were not applied */
	bool ended;		/* the last part of the work did not stop early */
	char finding[512];
};
extern struct story *story;
extern const char *const crash_value[CRASH_VALUES];
const char *fact_name(enum fact_what what);
/* Note the first thing that is not as it should be. */
void finding(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* crash_work.c: make the vault, which a crash has left with blocks that are not applied; copy it to folder to. */
struct fixture *work_origin(const char *to);
/* The work, each part in a process that is killed at its end, on the vault in f->dir. */
#define WORK_PARTS 4u
void work_part(struct fixture *f, unsigned part);
/* Note what is tried now, and that it was answered. */
struct fact *fact_begin(enum fact_what what, unsigned record, unsigned value);
void fact_told(struct fixture *f, struct fact *x);
/* Hash the leaves of the vault in f->dir, which is started for it. */
void work_leaves(struct fixture *f);

/* crash_keys.c: everybody's roles and all classes get new epochs; all records are to be re-wrapped; its keys are given once more. */
void keys_rekey(struct fixture *f);
void keys_rewrap(struct fixture *f);
void keys_again(struct fixture *f);

/* crash_check.c: start the vault in f->dir, on which n steps were done, and hold it against the story; then use and stop it. */
void check_state(struct fixture *f, uint64_t n, bool cut);
/* The log in f->dir verifies. */
void check_log(const struct fixture *f, const char *when);

/* crash.c: run on in a process of its own, for the vault in dir; what happens below record (NULL: nothing) is recorded. 0 in the child. */
int crash_child(const char *dir, const char *record);
/* Wait for its end, which is _exit(0). */
void crash_child_end(int pid, const char *what);
/* Folders: of the work before it, of what is left of it, for others, and the vault that all is about. */
extern char crash_base[80], crash_work[80], crash_state[80], crash_other[80];
extern struct fixture *crash_origin;
/* A crash at a step of a disk, and the look at what is left; n and cut as check takes them. */
struct crash_trial {
	const char *name;		/* for a finding */
	void (*check)(struct fixture *f, uint64_t n, bool cut);
	uint64_t n;
	bool after_cut;			/* the disk had lost its power before */
};
struct disk;
void crash_one(const struct crash_trial *t, const struct disk *d, uint64_t step, bool cut, uint64_t seed);

/* crash_begin.c: crashes of starts that follow a crash, of the making of a vault, and of its compaction. full: at all of their steps. */
void begin_starts(bool full);
void begin_genesis(bool full);
void begin_compaction(bool full);

/* crash_replay.c: a vault with a journal of 64 MiB in folder to; fill that until changes are refused; start after it was killed so. */
#define REPLAY_MS 5000u		/* a start that takes longer is a finding */
struct fixture *replay_origin(const char *to);
void replay_fill(struct fixture *f);
void replay_start(struct fixture *f);

#endif

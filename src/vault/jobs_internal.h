/* What jobs.c (slices), jobs_row.c, jobs_call.c (the calls) and reproject.c (one record) share. */
#ifndef CV_VAULT_JOBS_INTERNAL_H
#define CV_VAULT_JOBS_INTERNAL_H

#include "format/gov.h"
#include "keys/rewrap.h"
#include "vault/jobs.h"
#include "vault/vault_internal.h"

#define JOBS_MAX 16u		/* kept: the oldest that is over makes room */

enum job_kind { JOB_REPROJECT = 1, JOB_PREDICATES = 2, JOB_REWRAP = 3, JOB_REINDEX = 4 };
enum job_state { JOB_OPEN = 1, JOB_DONE = 2, JOB_FAILED = 3, JOB_CANCELLED = 4 };

struct job {
	uint8_t id[16];
	enum job_kind kind;
	enum job_state state;
	uint8_t by[16];			/* principal that made it */
	uint64_t created_ms;
	uint64_t next, end;		/* next serial, and one past the last */
	uint64_t changed, skipped;	/* records rewritten; values and records that could not be opened */
	uint8_t policy[32];		/* digest of the document that it follows: another one begins anew */
	unsigned fields;
	uint16_t field[POLICY_FIELDS];	/* ids, ascending */
	struct session *session;	/* whose keys it uses; NULL: waits for keys. A re-wrap has keys of its own, rewrap.h */
	uint8_t pass;			/* of a re-wrap: 1 makes wraps anew, 2 counts old ones; of a reindex: 1 posts, 2 clears away */
	uint64_t wraps;			/* that it made anew */
	unsigned classes;
	struct rewrap_class class[REWRAP_CLASSES_MAX];	/* ascending */
};
struct rewrap;

/* All jobs, oldest first, and what an undo puts back. */
struct job_table {
	unsigned n;
	struct job job[JOBS_MAX];
};
struct jobs {
	struct job_table now, call_saved, turn_saved;
	unsigned call_indexes, turn_indexes;	/* of the indexes' states */
	struct index_state call_index[POLICY_INDEXES], turn_index[POLICY_INDEXES];
	bool call_valid, turn_valid;	/* the saved tables and states stand for something */
	uint64_t stored_ms;		/* when the running job's row was last written, monotonic */
	uint64_t not_before_ms;		/* after a failed slice, monotonic */
	struct content source;		/* scratch of reproject.c */
	struct rewrap *rewrap;		/* the re-wrap that has its keys, or NULL: rewrap.c */
};

/* Remember the table before the request's first change. */
void jobs_save(struct vault *v);
/* Store the row of j, or delete it. 0 or the store's error. */
int jobs_put(struct vault *v, const struct job *j);
int jobs_del(struct vault *v, const struct job *j);
/* A place in the table: the oldest job that is over goes for it. 0, CV_ERR_BUSY (all wait), or the store's error. After jobs_save. */
int jobs_make_place(struct vault *v);
/* Whether a job of this kind has something to do for field f. */
bool jobs_field_fits(const struct vault *v, enum job_kind kind, const struct policy_field *f);
/* Whether session s holds every class key that the job needs for field f. */
bool jobs_session_fits(const struct vault *v, const struct session *s, enum job_kind kind, const struct policy_field *f);
/* Whether a role of s that starts jobs may write the class of f: what a job computes is written under a right too. */
bool jobs_may_write(const struct vault *v, const struct session *s, const struct policy_field *f);

/* ---- reindex.c ---------------------------------------------------------------------------------------------------- */

/* Whether all fields of index x are the job's. */
bool reindex_has(const struct job *j, const struct policy_index *x);
/*
 * The job's indexes get their next epoch, which writes post under from now on. 0; CV_ERR_BUSY: one is being made; CV_ERR_NOTFOUND: no index
 * has these fields alone; or an error. After jobs_save.
 */
int reindex_begin(struct vault *v, const struct job *j);
/* The epoch being made is given up, and answers from now on. 0 or an error. After jobs_save, or to be undone by the caller. */
int reindex_cancel(struct vault *v, const struct job *j);
int reindex_switch(struct vault *v, const struct job *j);
/* What the job's pass does to one open record. As reproject_record. */
int reindex_record(struct vault *v, const struct vault_call *c, const struct job *j, struct record *rec, bool *ret_changed,
    uint64_t *skipped);

/* ---- reproject.c -------------------------------------------------------------------------------------------------- */

/*
 * Compute anew what the job computes of record serial, with the keys of c's session, inside the open turn. 0 with *ret_changed, or why
 * the record could not be opened or written: then its changes are to be rolled back. *skipped grows by the classes and values
 * that did not open.
 */
int reproject_record(struct vault *v, const struct vault_call *c, const struct job *j, uint64_t serial, bool *ret_changed,
    uint64_t *skipped);

#endif

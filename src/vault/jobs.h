/*
 * Long work in slices between turns: views and predicates computed anew for every record. docs/POLICY.md section 5, "/v1/jobs".
 *
 * A job is a governance row (FORMAT.md 5.1, type 13) that keeps where it stands; each slice is a turn of its own that writes what
 * changed together with the row. A job opens records with the class keys of the session that created or resumed it, and only while that
 * session lives; without one it waits as needs-keys, over restarts too. Core's thread.
 */
#ifndef CV_VAULT_JOBS_H
#define CV_VAULT_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "format/wire_gov.h"
#include "keys/session.h"

struct vault;
struct vault_call;

/* Open every job row. 0, CV_ERR_AUTH or CV_ERR_FORMAT (a row does not open: unseal fails), CV_ERR_NOMEM. */
int jobs_load(struct vault *v);
void jobs_unload(struct vault *v);

/* What the request changed of the jobs joins the turn, is forgotten, or the whole turn's is; called where the store's changes are. */
void jobs_commit(struct vault *v);
void jobs_rollback(struct vault *v);
void jobs_turn_done(struct vault *v, bool durable);
/* s ends: its jobs wait for keys. Called before session_close, wherever that is. */
void jobs_forget(struct vault *v, const struct session *s);

/* Whether some job can go on now. */
bool jobs_running(const struct vault *v);
/* Between turns: go on with the oldest job that can, until until_us (of the clock that vault_work uses), as one turn. */
void jobs_slice(struct vault *v, uint64_t until_us);

/* MSG_GOV_* for the collection "jobs". A problem number, 0 when done. */
unsigned vault_job_create(struct vault *v, struct vault_call *c, const struct wire_gov_create *m);
unsigned vault_job_get(struct vault *v, struct vault_call *c, const struct wire_gov_get *m);
unsigned vault_job_list(struct vault *v, struct vault_call *c, const struct wire_gov_list *m);
unsigned vault_job_act(struct vault *v, struct vault_call *c, const struct wire_gov_act *m);

#endif

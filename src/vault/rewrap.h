/*
 * Re-wrapping classes: a job (jobs.h) of kind JOB_REWRAP, begun by an approved operation 5 with the class keys that custodians bring.
 * docs/FORMAT.md 5.1 (type 13) and 5.2.
 *
 * It goes over all keys rows twice. First each wrap under an old epoch of its classes is made anew under the newest one: core's thread
 * reads rows and puts what a second thread (rewrap_work.h) made of them, in turns of its own. Then the rows are read once more and old
 * wraps are counted; with none left the old epochs leave the directory in one turn. Keys live in locked memory while the job runs, and
 * after a restart custodians have to give them again. Core's thread.
 */
#ifndef CV_VAULT_REWRAP_H
#define CV_VAULT_REWRAP_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct custody;
struct gov_object;
struct job;
struct operation_reading;
struct vault;
struct vault_call;

/*
 * Operation 5 of a request is carried out, in the open request: a job of the request's id, made by who made the request. 0; CV_ERR_BUSY:
 * another re-wrap is open, or JOBS_MAX jobs wait; CV_ERR_CONFLICT: a class has a newer epoch by now; or why the ceremony does not give
 * the keys (rewrap_keys_open) or the row cannot be put. If the request or its turn does not stand, the job does not either.
 */
int rewrap_begin(struct vault *v, const struct vault_call *c, const struct gov_object *request, const struct operation_reading *r,
    const struct custody *custody);
/* Its job is open and has no keys, and no class has a newer epoch: custodians may open the request and give again. */
bool rewrap_waits(const struct vault *v, const uint8_t request[16]);
/* They did: the job goes on where it stood. CV_ERR_STATE: it does not wait; or as rewrap_begin. */
int rewrap_resume(struct vault *v, const struct vault_call *c, const uint8_t request[16], const struct operation_reading *r,
    const struct custody *custody);

#define REWRAP_NAME 8u	/* room for a class's number as text */
/* A class's name in the policy, or its number, written to number. */
const char *rewrap_class_name(const struct vault *v, uint32_t class_key, char number[REWRAP_NAME]);

/* ---- for jobs.c ------------------------------------------------------------------------------------------------------------ */

/* Whether the job has its keys; has something to do now, be it to fail; or whether one is under way that soon will. */
bool rewrap_has_keys(const struct vault *v, const struct job *j);
bool rewrap_ready(const struct vault *v, const struct job *j);
bool rewrap_under_way(const struct vault *v);
/* Between turns: go on for a millisecond or some, with one turn of its own at most. */
void rewrap_slice(struct vault *v, struct job *j);
/* The request that began or resumed it joins the turn, is forgotten; the turn is over. */
void rewrap_commit(struct vault *v);
void rewrap_rollback(struct vault *v);
void rewrap_turn_done(struct vault *v, bool durable);
/* End whatever is under way and wipe the keys. */
void rewrap_free(struct vault *v);
/* Append the metrics. */
void rewrap_metrics(struct vault *v, struct buf *ret);

#endif

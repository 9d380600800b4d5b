/*
 * Members: the directory's principals listed, suspended at once by one administrator, restored by two, lapsed when they stay away.
 * docs/POLICY.md section 5, "Members".
 *
 * The suspended mark stands in the principal's row, where the state hash covers it, and in the directory in memory, which every
 * session_find asks: from the moment of its setting the principal's sessions get nothing, later in the same turn neither. Core's thread.
 */
#ifndef CV_VAULT_MEMBERS_H
#define CV_VAULT_MEMBERS_H

#include "format/gov.h"
#include "format/wire_gov.h"
#include "vault/vault_internal.h"

/*
 * What the request set joins the turn, and the sessions of whom it suspended end; it is forgotten, or the whole turn's is. Called behind
 * where the store's changes are, since memory follows the rows.
 */
void members_commit(struct vault *v, uint64_t now_ms);
void members_rollback(struct vault *v);
void members_turn_done(struct vault *v, bool durable);

/* ---- members_days.c ------------------------------------------------------------------------------------------------ */

/* Open the rows of members' days and see who lapses when. 0; CV_ERR_AUTH, CV_ERR_FORMAT (a row does not open); CV_ERR_IO. */
int members_load(struct vault *v);
/* The caller's principal opened a session: the day is kept, if it is the first one of the day. 0 or the store's error. */
int members_seen(struct vault *v, struct vault_call *c);
/* Two administrators restored p: absence and vetting count from today. 0, CV_ERR_LIMIT (too many in this turn), the store's error. */
int members_vouched(struct vault *v, struct vault_call *c, const struct principal *p);
/* The request has marked p as suspended: since when is kept beside the days. 0 or the store's error. */
int members_note_suspended(struct vault *v, const struct vault_call *c, const struct principal *p);
/* Since when the member is suspended; 0: not suspended, or not known. */
uint64_t members_suspended_ms(struct vault *v, const uint8_t id[16]);
/* Memory says again what the row of a member's days says. */
void members_reread_days(struct vault *v, const uint8_t id[16]);

/* ---- members.c ------------------------------------------------------------------------------------------------------ */

/* Operations on /v1/members, behind gov_begin: a problem number, 0 when done. */
unsigned members_get(struct vault *v, struct vault_call *c, const struct wire_gov_get *m);
unsigned members_list(struct vault *v, struct vault_call *c, const struct wire_gov_list *m);
unsigned members_act(struct vault *v, struct vault_call *c, const struct wire_gov_act *m);

/*
 * Whether an administrator looks after the account of p. Accounts are the security administrators' alone; where there is none whom it does
 * not concern, the account would be beyond everybody's reach, and any administrator may.
 */
bool members_looks_after(struct vault *v, const struct principal *a, const struct principal *p, uint64_t now_ms);
/* Whether the member may be restored: suspended, or lapsed, and not removed for good. */
bool members_is_out(const struct principal *p, uint64_t now_ms);
/*
 * The member is restored, removed for good, or was so by a row that the open request put: row (but for the last), memory and days follow.
 * Restoring ends the other requests for it. 0, CV_ERR_STATE (not to be restored), CV_ERR_LIMIT (too many in this turn), the store's error.
 */
int members_restore(struct vault *v, struct vault_call *c, const struct gov_object *o);
int members_remove(struct vault *v, const uint8_t id[16]);
int members_removed(struct vault *v, const uint8_t id[16]);

/* ---- members_show.c ------------------------------------------------------------------------------------------------ */

/*
 * What a member may do now: "active", "suspended", "removed", "lapsed" (stayed away, or vetted too long ago), "expired" or
 * "not-yet" (outside the dates). Static text.
 */
const char *members_state(const struct principal *p, uint64_t now_ms);
/* Append p as the object of an answer. */
void members_put(struct vault *v, const struct vault_call *c, const struct principal *p, struct buf *out);

#endif

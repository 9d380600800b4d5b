/*
 * Governance objects in core: assignments, grants, requests, delegations, budgets. docs/POLICY.md sections 3 to 5.
 *
 * Their rows are opened once, at unseal, into a table in memory. A change goes to row and table at once, so that later requests of the
 * turn see it, and is taken back where the store's is (gov_rollback, gov_turn_done). Core's thread.
 */
#ifndef CV_VAULT_GOV_H
#define CV_VAULT_GOV_H

#include "format/wire_gov.h"
#include "vault/vault_internal.h"

/* Open every governance row into the table. 0, CV_ERR_AUTH or CV_ERR_FORMAT (a row does not open: unseal fails), CV_ERR_NOMEM. */
int gov_load(struct vault *v);
/* Forget and wipe the table. */
void gov_unload(struct vault *v);

/* The request's changes of the table stand, are forgotten, or the whole turn's are; called where the store's are. */
void gov_commit(struct vault *v);
void gov_rollback(struct vault *v);
void gov_turn_done(struct vault *v, bool durable);

/*
 * Whether governance lets the caller read field f of record r as class (a view class, or the source class) allows: POLICY.md checks 12
 * to 18. role is the role that allows the field, or NULL if none does, which a grant may make good. On DECIDE_YES ret_approval names the
 * assignment or grant (zeros: none was needed) and *ret_granted says that it is a grant, to be counted by gov_use. Otherwise the answer is
 * that of the approval that came furthest in the order of the checks; DECIDE_NO_APPROVAL: there is none. Changes nothing.
 */
enum decision_reason gov_read(struct vault *v, const struct vault_call *c, const struct record *r, const struct policy_field *f,
    uint16_t class_id, const struct policy_role *role, uint8_t ret_approval[16], bool *ret_granted);
/* Data key of a class row from a live grant of the caller. 0, CV_ERR_NOKEY (there is none), CV_ERR_AUTH. */
int gov_datakey(struct vault *v, const struct vault_call *c, const struct record *r, uint32_t class_key, uint32_t generation,
    struct datakey *ret, uint32_t *ret_birth);
/* Count one read of a grant; the change joins the request. 0 or the store's error. */
int gov_use(struct vault *v, struct vault_call *c, const uint8_t grant[16]);
/*
 * Check 19: count record serial in the caller's window unless it is in it already; the change joins the request. role: by whose
 * budget; export: an approved export's id, or zeros. *ret becomes DECIDE_YES or DECIDE_BUDGET, with c->retry_after_s. 0 or the
 * store's error.
 */
int gov_budget(struct vault *v, struct vault_call *c, const struct policy_role *role, uint64_t serial, const uint8_t export[16],
    enum decision_reason *ret);
/*
 * Count a search of the caller's, POLICY.md section 4: so many a minute and a day, over restarts; the change joins the request. 0;
 * CV_ERR_DENIED: they are used up, the call is refused; or the store's error.
 */
int gov_search_budget(struct vault *v, struct vault_call *c);
/*
 * What becomes of a write that gives record a unique value which another one has (v->twin): who may know is refused, a conflict; of
 * others it is taken, *ret_aside becomes true, and an intake waits for those who may know. After head is put. 0; CV_ERR_DENIED, the call
 * is refused; or an error.
 */
int gov_intake(struct vault *v, struct vault_call *c, const struct record *rec, bool *ret_aside);
/* Whether an intake of the record waits. */
bool gov_is_aside(struct vault *v, const uint8_t record[16]);
/*
 * Whether an approved export of the caller, for the call's purpose, covers a field of a record (NULL: not asked): its fields, the state and
 * area that it names. DECIDE_YES, or what an approval of the record would be refused for. Changes nothing; gov_budget counts.
 */
enum decision_reason gov_export(struct vault *v, const struct vault_call *c, const uint8_t export[16], const struct record *r,
    const struct policy_field *f);
/* Whether the export's area and state take in a record that lies in area now and has this state; false if there is no such export. */
bool gov_export_takes(struct vault *v, const uint8_t export[16], const char *area, size_t n, const char *state);
/* Whether a record is in one of the caller's live assignments for the call's purpose. */
bool gov_assigned(struct vault *v, const struct vault_call *c, const uint8_t record[16]);
/* Between turns: write the states of what is over, some of it, as a turn of its own. */
void gov_tick(struct vault *v, uint64_t now_ms);

/* Operations for MSG_GOV_*: a problem number, 0 when done. */
unsigned vault_gov_create(struct vault *v, struct vault_call *c, const struct wire_gov_create *m);
unsigned vault_gov_get(struct vault *v, struct vault_call *c, const struct wire_gov_get *m);
unsigned vault_gov_list(struct vault *v, struct vault_call *c, const struct wire_gov_list *m);
unsigned vault_gov_act(struct vault *v, struct vault_call *c, const struct wire_gov_act *m);
/* POLICY: the document, to any session. */
unsigned vault_policy_document(struct vault *v, struct vault_call *c);

/* The key that an auditor has published for a month. False: there is none, and *ret stays as it is. */
bool gov_month_key(struct vault *v, const uint8_t auditor[16], uint32_t month, uint8_t ret[32]);
/* When an auditor published month keys, and the last month that has one. False: they never did. */
bool gov_month_span(struct vault *v, const uint8_t auditor[16], uint64_t *ret_made_ms, uint32_t *ret_last);

/*
 * Load the directory, as a durable turn has changed it, and who of it is suspended. 0; or why not: then the old one stands in memory,
 * nobody may act by it, and vault_turn_begin tries again.
 */
int gov_directory_load(struct vault *v);

#endif

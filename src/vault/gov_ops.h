/* The operations behind the collections, for gov_call.c. Each returns a problem number, 0 when done. */
#ifndef CV_VAULT_GOV_OPS_H
#define CV_VAULT_GOV_OPS_H

#include "vault/gov_internal.h"

#define GOV_DAYS_STANDING 400	/* how far ahead an assignment or delegation may end */
#define GOV_DAYS_GRANT 90	/* a grant, bulk or export approval */

/* gov_assign.c, gov_delegate.c: made at once. */
unsigned gov_assign(struct vault *v, struct vault_call *c, struct wire_list fields);
unsigned gov_delegate(struct vault *v, struct vault_call *c, struct wire_list fields);

/* gov_review.c: an auditor signs a month off. */
unsigned gov_review(struct vault *v, struct vault_call *c, struct wire_list fields);
/* Months that are over and that no auditor has signed off, as objects of an answer, at most limit of them, the oldest first. */
unsigned gov_review_waiting(struct vault *v, struct vault_call *c, uint16_t limit);

/* gov_months.c: an auditor publishes the keys of months. */
unsigned gov_months(struct vault *v, struct vault_call *c, struct wire_list fields);

/* gov_request.c: asked for, and decided. */
unsigned gov_request(struct vault *v, struct vault_call *c, struct wire_list fields);
unsigned gov_approve(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields);
unsigned gov_reject(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields);
unsigned gov_withdraw(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields);
/* Answer with the decided object; the leaf is of this kind and names the child, if there is one. */
unsigned gov_decided(struct vault *v, struct vault_call *c, uint8_t kind, const struct gov_entry *e, const struct gov_bytes *text);

/*
 * gov_propose*.c, gov_operation_sign.c, gov_custody.c: an operation is asked for, signed by who asked, then by another administrator;
 * custodians open and give where it wants keys.
 */
unsigned gov_propose(struct vault *v, struct vault_call *c, enum gov_kind kind, struct wire_list fields);
unsigned gov_operation_sign(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields);
unsigned gov_operation_approve(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields);
unsigned gov_custody_open(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields);
unsigned gov_custody_give(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields);

/* gov_grant.c: approve a request for a grant, which passed every check of who; revoke an assignment, grant or delegation. */
unsigned gov_grant(struct vault *v, struct vault_call *c, const struct gov_object *request, const struct gov_authority *by);
unsigned gov_revoke(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields);

/* gov_intake.c: who is told of duplicates settles one; and whether the caller sees it (0 or an error). */
unsigned gov_settle(struct vault *v, struct vault_call *c, struct gov_entry *e, struct wire_list fields);
int gov_intake_visible(struct vault *v, const struct vault_call *c, const struct gov_object *o, bool *ret);

/* gov_list.c: whether the caller may see an object (0 or a store's error), and lists of those. */
int gov_visible(struct vault *v, const struct vault_call *c, const struct gov_object *o, bool *ret);
unsigned gov_list(struct vault *v, struct vault_call *c, uint16_t type, const struct wire_gov_list *m);

#endif

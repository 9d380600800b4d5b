/* What the files that draft operations share. Core's thread. */
#ifndef CV_VAULT_GOV_PROPOSE_H
#define CV_VAULT_GOV_PROPOSE_H

#include "keys/change.h"
#include "vault/gov_internal.h"

#define GOV_LEFT_OUT_MAX 256u	/* members whom one rekey leaves out by name */

/*
 * What becomes an operation's document: change set and facts as keys drafted them, and the items that the body says. d is the object in
 * the making, whose principal is set where the operation is about one.
 */
struct gov_proposal {
	enum operation_number operation;
	struct change_draft draft;		/* zeros: no facts; freed by gov_propose */
	struct buf item[ITEM_TAGS];		/* what is not in draft; freed by gov_propose */
	struct gov_draft *d;
};

/*
 * Draft one kind of request from its body's members: each fault is named, who may not ask is declined. 0 or a problem.
 */
typedef unsigned gov_drafter(struct vault *v, struct vault_call *c, const struct gov_input *in, struct gov_proposal *x);

gov_drafter gov_propose_member;		/* gov_propose_member.c */
gov_drafter gov_propose_roles;		/* gov_propose_keys.c: keys move or are made anew */
gov_drafter gov_propose_rekey;
gov_drafter gov_propose_classes;
gov_drafter gov_propose_rewrap;
gov_drafter gov_propose_account;	/* gov_propose.c: remove and restore, policy, split */
gov_drafter gov_propose_policy;
gov_drafter gov_propose_split;

/* The problem of an error that drafting gave: a conflict in words where the vault as it is cannot have it; m: the member at fault. */
unsigned gov_propose_failed(struct vault_call *c, int r, enum gov_member m);
/* Whom the body names as principal: somebody who is there and not of the caller's person. NULL: refused. */
const struct principal *gov_propose_whom(struct vault *v, struct vault_call *c, const struct gov_input *in);

#endif

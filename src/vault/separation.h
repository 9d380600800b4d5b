/*
 * Who may be what: keys that stand for one principal each, and in a production vault the separation of administrators,
 * custodians, auditors and readers, by natural persons. DESIGN section 5. Pure.
 */
#ifndef CV_VAULT_SEPARATION_H
#define CV_VAULT_SEPARATION_H

#include <stdbool.h>
#include <stdint.h>

#include "keys/directory.h"
#include "model/model.h"

struct separation_member {
	const struct principal *principal;
	const uint16_t *roles;
	unsigned role_count;
	bool holds_key;		/* a role of theirs opens a class, whatever the policy says of it */
};
enum separation_rule {
	/* In every vault. */
	SEPARATION_KEY_TWICE = 1,	/* two have one id, one X25519 or one Ed25519 public key */
	SEPARATION_ROLE_KIND,		/* a role of another kind of principal, or one that the policy does not have */
	/* In production. */
	SEPARATION_ADMINISTRATORS,	/* fewer than two administrators of different persons */
	SEPARATION_CUSTODIANS,		/* fewer than two custodians of different persons */
	SEPARATION_AUDITORS,		/* nobody who reads the log */
	SEPARATION_NO_AREA,		/* an administrator without an area */
	SEPARATION_TWO_AREAS,		/* one person is two administrators */
	SEPARATION_CUSTODIAN_TWICE,	/* one person is two custodians */
	SEPARATION_ADMINISTRATOR_READS,	/* an administrator, custodian or auditor whose person has a role with a class, or its key */
	SEPARATION_CUSTODIAN_READS,
	SEPARATION_AUDITOR_READS,
	SEPARATION_CUSTODIAN_ELSE,	/* a custodian who is an administrator or auditor too */
	SEPARATION_AUDITOR_ELSE		/* an auditor who is the system or the security administrator too */
};
/* What is refused, and the one or two members whose fault it is; an index is n where there is none. */
struct separation {
	enum separation_rule rule;
	unsigned a, b;
};
/* Whether the n members may be the people of a vault; if not, *ret is the first rule that they break. O(n²). */
bool separation_check(const struct policy *p, const struct separation_member *m, unsigned n, bool production, struct separation *ret);

#endif

/*
 * The inventory of keys: each with its epoch, its age and when it ought to be renewed. docs/POLICY.md section 5, "Keys". No key bytes are
 * in it, and of persons the login names of auditors alone. Core's thread, with an unsealed vault.
 */
#ifndef CV_VAULT_INVENTORY_H
#define CV_VAULT_INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/vault_internal.h"

/* In the order of the list. */
enum key_kind {
	KEY_ROOT = 1, KEY_SPLIT, KEY_SLOT, KEY_KEYRING, KEY_LOG, KEY_SIGNING, KEY_ROLE, KEY_CUSTODY, KEY_CLASS, KEY_CLASS_OLD, KEY_PERSONAL,
	KEY_MONTHS,
	KEY_KINDS
};
/* "root", "split", ...; static text. */
const char *key_kind_name(enum key_kind kind);

/* What is to be done about a key, or why it is late. */
enum key_why {
	KEY_FINE, KEY_YEAR_OLD, KEY_SUSPENDED_MEMBER, KEY_TOO_FEW_CUSTODIANS, KEY_CUSTODIAN_LEFT, KEY_CUSTODIAN_WITHOUT, KEY_NOT_REWRAPPED,
	KEY_RUNNING_OUT
};
/* "year-old", ...; "" for KEY_FINE. Static text. */
const char *key_why_name(enum key_why why);

#define KEY_NONE UINT32_MAX		/* a count that the key does not have */
struct key_entry {
	enum key_kind kind;
	uint32_t number;		/* slot, role, class key, or auditor in the order of ids; 0 where there is one of the kind */
	const struct principal *owner;	/* the auditor; else NULL */
	uint32_t epoch;			/* 0: it has none */
	uint64_t made_ms;		/* 0: not known */
	uint64_t due_ms;		/* 0: at no time */
	bool overdue;
	enum key_why why;
	uint32_t uses_left;		/* or KEY_NONE */
	uint32_t holders, needed;	/* who has it, or a share of it; how many together open it; or KEY_NONE */
};
/*
 * Call cb for each key in the order of kind, number and epoch; what is not 0 ends it. counted: holders are counted too, which takes time
 * with many members. 0, what cb answered, or CV_ERR_IO.
 */
int inventory_walk(struct vault *v, uint64_t now_ms, bool counted, int (*cb)(void *cookie, const struct key_entry *e), void *cookie);

/* ---- keys_list.c --------------------------------------------------------------------------------------------------------- */

/* GOV_LIST of the collection keys, behind gov_begin: administrators, custodians, auditors. A problem number, 0 when done. */
struct wire_gov_list;
unsigned keys_list(struct vault *v, struct vault_call *c, const struct wire_gov_list *m);

#endif

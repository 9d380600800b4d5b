/*
 * Verifying a copy of a vault's folder, with a secret that unseals it, against the audit log: what is stored is what the log's leaves say
 * was stored. docs/FORMAT.md sections 4, 7 and 8. Nothing is signed and no leaf is written; the journal is replayed in the copy.
 */
#ifndef CV_VAULT_COPY_H
#define CV_VAULT_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/vault.h"

enum copy_fault {
	COPY_UNREADABLE,	/* a part does not open or contradicts itself: text names it */
	COPY_BEHIND,		/* the copy's log ends before the one that is held against it */
	COPY_FORKED,		/* they are two histories */
	COPY_STORE_BACK,	/* the store is of another time than its log: the newest leaf that names a state names another one */
	COPY_SHRED_BACK,	/* the shred tree knows an earlier day than the log: erased children may be back */
	COPY_LOG_BACK,		/* the log ends in an earlier day than the shred tree knows */
	COPY_STATE,		/* the rows do not add up to the state that the store names: some are of another time, missing or made up */
	COPY_RECORD,		/* a head or keys row does not open */
	COPY_MAP,		/* the table of ids leads elsewhere */
	COPY_ROW_CHANGED,	/* a drop, or some row of those that the creation wrote (text has no class then), is another one */
	COPY_ROW_MISSING,	/* it is not there */
	COPY_ROW_SURPLUS,	/* one that no head names */
	COPY_HISTORY,		/* changes are not those that head counts: their rows, current or replaced */
	COPY_FAULTS
};
struct copy_finding {
	enum copy_fault fault;
	const char *text;	/* which part, or "record ID", or "record ID, class NAME"; valid during the callback */
};
struct copy_options {
	uint64_t size;		/* of the log that is held against it, 0: none */
	uint8_t root[32];	/* its root */
	void (*found)(void *cookie, const struct copy_finding *f);
	void *cookie;
};
struct copy_report {
	uint64_t faults;
	uint64_t log_size;	/* leaves of the copy's own log, after the replay */
	uint64_t records, rows, replaced;	/* that were held against their heads */
	uint64_t elements;	/* rows that the state hash is made of */
	uint64_t state_leaf;	/* the newest leaf that names a state */
	bool state_bound;	/* it names the one that the rows add up to */
};
/*
 * Check the copy, a sealed vault that was opened with vault_open, with the KEK of an unseal slot. 0: *ret_report says what was found;
 * CV_ERR_AUTH, CV_ERR_NOTFOUND: the slot does not open; CV_ERR_NOMEM, CV_ERR_IO. The vault is good for nothing but vault_close then.
 */
int vault_copy_check(struct vault *v, unsigned slot, const uint8_t kek[32], const struct copy_options *o, struct copy_report *ret_report);

#endif

/*
 * Verifying a receipt, docs/FORMAT.md section 14: that the log's key has signed every page, that each line says what its leaf says, that
 * the leaf is about the child and stands in a tree that the policy trusts. Offline, from the file alone.
 */
#ifndef CV_AUDIT_RECEIPT_H
#define CV_AUDIT_RECEIPT_H

#include "audit/trust.h"
#include "format/receipt.h"

/* What can be wrong. */
enum receipt_fault {
	RECEIPT_GOOD = 0,
	RECEIPT_FORMAT,		/* format: a line that is none, or has another spelling */
	RECEIPT_LOG_UNKNOWN,	/* log-unknown: of another log than is trusted */
	RECEIPT_UNSIGNED,	/* signature: the page is not what the log's key has signed */
	RECEIPT_PAGES,		/* pages: a page is missing, or of another receipt */
	RECEIPT_LEAF,		/* leaf: an entry that is none, or another than the line says */
	RECEIPT_NOT_CHILDS,	/* tag: an entry that is not about this child, or its day's key is missing */
	RECEIPT_DETAIL,		/* detail: the entry's key does not open what the line says */
	RECEIPT_PROOF,		/* proof: the entry is not shown to stand in a signed tree */
	RECEIPT_COSIGNATURES,	/* cosignatures: too few witnesses, by the policy */
	RECEIPT_FAULTS
};
/* Their names, as above; static text. */
const char *receipt_fault_name(enum receipt_fault fault);

struct receipt_result {
	enum receipt_fault fault;
	unsigned line;			/* of the file, at the fault */
	uint64_t index;			/* of the leaf; UINT64_MAX: none */
	struct receipt_page page;	/* of the last page that was read; its texts point into the file */
	uint64_t first;			/* the first leaf that the pages cover */
	unsigned pages, accesses;
	unsigned cosigned;		/* witnesses of the policy who cosigned each of the checkpoints, at least */
	uint64_t quorum_s;		/* since when a quorum vouches for all of them; TLOG_NONE: none is asked for */
};
/*
 * Verify the n bytes at p, which is first done as a whole: each (may be NULL) is called for the items of a good file alone, in order. 0:
 * it is good; CV_ERR_AUTH: it is not, *ret says why; CV_ERR_NOMEM.
 */
int receipt_verify(const char *p, size_t n, const struct tlog_policy *trust, void (*each)(void *cookie, const struct receipt_item *item),
    void *cookie, struct receipt_result *ret) __attribute__((warn_unused_result));
/* A policy of this one log and no witness, for who has its verifier key alone. */
void receipt_trust_key(const struct vkey *key, struct tlog_policy *ret);

#endif

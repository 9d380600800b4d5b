/*
 * The directory handed out, and verified by whom it was handed to: docs/FORMAT.md section 12, docs/PROTOCOL.md DIRECTORY. Two
 * administrators signed each change of it, so a client that has leaf 0 need not believe the daemon about anybody's keys.
 */
#ifndef CV_VAULT_DIRECTORY_DOC_H
#define CV_VAULT_DIRECTORY_DOC_H

#include <stddef.h>
#include <stdint.h>

#include "format/genesis.h"

struct chain;
struct vault;
struct vault_call;

/* ---- directory_doc.c, in core ------------------------------------------------------------------------------------------ */

/* DIRECTORY: the document, for administrators, custodians, auditors and who assigns. A problem number, 0 when done. */
unsigned vault_directory(struct vault *v, struct vault_call *c);

/* ---- directory_check.c, at the client; no vault takes part --------------------------------------------------------------- */

/* What was being looked at. */
enum directory_part {
	DIRECTORY_FORM,			/* the document's layout */
	DIRECTORY_GENESIS,		/* leaf 0 */
	DIRECTORY_LOG,			/* the checkpoint, and that leaf 0 is in its tree */
	DIRECTORY_SETS,			/* the order of the change sets and their digests */
	DIRECTORY_FACTS,		/* facts that a change set names */
	DIRECTORY_SIGNATURES		/* two administrators' of each set; all of the newest set's facts */
};
struct directory_checked {
	struct genesis_body genesis;	/* leaf 0 */
	uint8_t leaf_hash[32];		/* its leaf hash: what stands for the vault */
	uint64_t log_size;		/* of the checkpoint */
	uint8_t log_root[32];
	struct chain *chain;		/* verified; the caller's to free */
};
/*
 * Verify a document of n bytes: leaf 0 is the first leaf of the tree that its own log key signed, and change sets, signatures and facts
 * follow from it. That leaf 0 is the right vault's is the caller's to know. 0; CV_ERR_FORMAT or CV_ERR_AUTH with *ret_part set, *ret
 * untouched; CV_ERR_NOMEM.
 */
int directory_doc_check(const uint8_t *p, size_t n, struct directory_checked *ret, enum directory_part *ret_part)
    __attribute__((warn_unused_result));
/* What people compare to know a vault again, "1234 5678 ..." of 24 digits: words 0 to 5 of its leaf 0's hash, each modulo 10,000. */
#define DIRECTORY_CODE 30u
void directory_code(const uint8_t leaf_hash[32], char ret[DIRECTORY_CODE]);

#endif

/*
 * Judging a signed checkpoint by a policy file (C2SP signed-note, tlog-cosignature, tlog-policy, tlog-proof; docs/FORMAT.md
 * section 10): a log of the policy has signed it under its own origin, and enough witnesses have cosigned it.
 */
#ifndef CV_AUDIT_TRUST_H
#define CV_AUDIT_TRUST_H

#include <stdbool.h>

#include "format/cosignature.h"
#include "format/note.h"
#include "format/tlog_policy.h"
#include "format/tlog_proof.h"

struct trust {
	struct checkpoint checkpoint;	/* its origin points into the note */
	unsigned log;			/* of the policy: who signed it */
	unsigned cosigned;		/* how many of the policy's witnesses have */
	uint64_t time_s[TLOG_WITNESSES_MAX];	/* when, by their own clocks; 0: not */
	uint64_t quorum_s;		/* tlog_policy_time of these: 0 if they are too few, TLOG_NONE if the policy asks for none */
};

/* Whether a verifier key's id is the hash of what it names. */
bool trust_key_ok(const struct vkey *k);
/* Read a policy file: tlog_policy_decode, and each key id is the key's. The same results. */
int trust_policy(const char *p, size_t n, struct tlog_policy *ret, unsigned *ret_line);
/*
 * Whether one line of note is a good cosignature by the witness whose key this is. 0 with the latest time, if there are
 * several; CV_ERR_NOTFOUND: there is none; CV_ERR_AUTH: a line that names the key does not verify; CV_ERR_NOMEM.
 */
int trust_cosignature(const struct note *note, const struct vkey *witness, uint64_t *ret_time_s)
    __attribute__((warn_unused_result));
/* Whether note carries a good signature by the log's key. 0, CV_ERR_NOTFOUND, CV_ERR_AUTH. */
int trust_log_signature(const struct note *note, const struct vkey *log) __attribute__((warn_unused_result));
/*
 * Judge the signed note of n bytes. 0: ret says what is known, and the caller decides by quorum_s; CV_ERR_FORMAT: no
 * checkpoint; CV_ERR_NOTFOUND: of another log than the policy's, or none of them has signed it; CV_ERR_AUTH: the signature of a
 * key of the policy does not verify; CV_ERR_NOMEM. Lines by unknown keys are ignored.
 */
int trust_checkpoint(const struct tlog_policy *p, const char *note, size_t n, struct trust *ret)
    __attribute__((warn_unused_result));
/*
 * Judge a proof file taken apart: its checkpoint as trust_checkpoint does, then that the leaf of leaf_n bytes stands at
 * its index in that tree. The same results, and CV_ERR_AUTH too if it does not.
 */
int trust_proof(const struct tlog_policy *p, const struct tlog_proof *proof, const void *leaf, size_t leaf_n, struct trust *ret)
    __attribute__((warn_unused_result));

#endif

/* What the files of `childvault policy` share, and who else asks for the policy in force. */
#ifndef CV_TOOLS_POLICY_H
#define CV_TOOLS_POLICY_H

#include "cli.h"

struct policy;

struct policy_args {
	const char *out;	/* compile */
	const char *against;	/* plan */
	bool vault;
	const char *role, *field, *purpose, *view;	/* explain */
	bool write, creating;
	const char *key;	/* apply, sign */
	uint64_t records;	/* indexes; 0: not said */
	const char *vkey;	/* witnesses: the log's key, or NULL */
	const char *code;	/* sign: as the first administrator reads it out */
	uint64_t passphrase_fd;
};

/* The policy in force, over a session of cv. Exit code, after a message if it is not EXIT_DONE. Freed with policy_free. */
int policy_fetch(struct childvault *cv, struct policy **ret);
/* Read a profile, or a compiled document, into doc and decode it. Exit code, after a message if it is not EXIT_DONE. */
int policy_load(const char *path, struct buf *doc, struct policy **ret);
/* Print what each index would tell of so many records. Exit code. */
int policy_print_indexes(const struct policy *p, uint64_t records);
/* Print the witnesses as a policy file for the log of the verifier key in vkey_path (NULL: of none by name). Exit code. */
int policy_print_witnesses(const struct policy *p, const char *vkey_path);
/* Print them in words, if there are any. */
void policy_show_witnesses(const struct policy *p);
/* Print what changes from old to new. Exit code. */
int policy_print_plan(const struct policy *old, const struct policy *new);
/* The policy in force, asked of the daemon in a session of the environment's. Exit code. */
int policy_of_vault(struct policy **ret);
/* The verbs apply (a file) and sign (a request's id). Exit codes. */
int policy_apply(const char *path, const struct policy_args *a);
int policy_sign(const char *id, const struct policy_args *a);

#endif

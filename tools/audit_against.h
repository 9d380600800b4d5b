/* childvault-audit verify --against: a copy of the vault's folder, unsealed, held against the log. */
#ifndef CV_TOOLS_AUDIT_AGAINST_H
#define CV_TOOLS_AUDIT_AGAINST_H

#include "cli.h"
#include "vault/copy.h"

struct against {
	const char *copy;		/* the folder; NULL: there is none */
	uint64_t passphrase_fd;		/* UINT64_MAX: ask on the terminal */
	struct cli_list shares;		/* files of a quorum's shares; none: a demo vault's root.key, or the passphrase */
	struct copy_options check;
};
/* Unseal the copy in this process and check it. 0 with *ret_report, or an exit code after a message. */
int against_check(const struct against *o, struct copy_report *ret_report);
/* The stable name of a fault, and a sentence about a finding in the language of people (n bytes at ret, 512 are enough). */
const char *against_name(enum copy_fault fault);
void against_describe(const struct copy_finding *f, char *ret, size_t n);

#endif

/* What the files of `childvault init` and `childvault genesis` share. */
#ifndef CV_TOOLS_INIT_H
#define CV_TOOLS_INIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli.h"
#include "vault/separation.h"

/* Options of init for a vault of people. */
struct init_people {
	const char *dir, *profile, *origin, *table, *shares;
	struct cli_list admins, custodians, auditors, members, apps, holders;
	uint64_t quorum, passphrase_fd, journal_mib;
	bool production, no_passphrase;
};
/* Make the vault, pending. Exit code. */
int init_people(const struct init_people *x);
/* Compile the profile at path, or the one that ships if NULL. 0 or exit code after a message. */
int init_profile(const char *path, struct buf *ret);
/* The empty folder dir, made if it is not there, with keys/ inside if it is to have one. 0 or exit code. */
int init_folder(const char *dir, bool keys, int *ret_dirfd);
/* Say which rule of separation.h is broken, by whom (login names), and return EXIT_FAILED. */
int separation_say(const struct separation *fault, const char *a, const char *b);

#endif

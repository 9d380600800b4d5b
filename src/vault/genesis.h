/*
 * Making a vault: every file in its first form, leaf 0 and the directory's first change set. FORMAT.md sections 5, 6, 9, 10.
 * Used by `childvault init`; no daemon runs meanwhile. A demo vault's administrators sign at once; another vault stays pending until
 * two of them have signed what genesis_request.h reads, and the first unsealing after that makes it a vault that works.
 */
#ifndef CV_VAULT_GENESIS_H
#define CV_VAULT_GENESIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/directory.h"
#include "keys/keys.h"

struct vault_genesis_slot {
	unsigned number;
	struct slot_info info;
	uint8_t kek[32];
};
struct vault_genesis {
	const char *dir;		/* an existing, empty folder (keys/ may stand in it) */
	uint8_t vault_id[16];
	const char *origin;		/* NULL: childvault.local/ and half of the vault id */
	bool demo;
	bool pending;			/* signers do not sign now: sign and cookie are not used */
	bool production;		/* with pending: separation.h holds, and for ever */
	const uint8_t *policy;		/* policy document */
	size_t policy_n;
	const struct genesis_person *people;
	unsigned people_count;
	const struct genesis_signer *signers;	/* 2 to 16 administrators of leaf 0: different persons; with pending, two of them */
	unsigned signer_count;
	const struct vault_genesis_slot *slots;
	unsigned slot_count;
	const uint8_t (*standing)[16];	/* people who get a standing approval: demo vaults only */
	unsigned standing_count;
	uint64_t journal_file_bytes;	/* 0: default */
	uint32_t journal_files;		/* 0: default */
};
/*
 * Make the vault and stop cleanly; afterwards vault_open finds it. Roles and classes come from the policy document: each role
 * gets the class keys of the classes it may read, write with read, or grant. A standing approval is an assignment to any
 * record, level 4, for all purposes of the policy, flagged demo: nobody but this function can make one. With pending the file
 * genesis.request (FORMAT.md 12) stands in the folder afterwards.
 *
 * 0, CV_ERR_ARG (the wrong number of signers, one person twice among them, members of an unknown role, a role's number above
 * 0x7FFF, a standing approval in a vault that is no demo or for somebody unknown, what directory_genesis refuses, one slot
 * number twice or out of range, a demo file's slot in another vault, what separation_check refuses, demo together with pending or
 * production, production without pending), CV_ERR_EXISTS, CV_ERR_FORMAT (policy), CV_ERR_FULL, CV_ERR_IO, CV_ERR_NOMEM.
 */
int vault_genesis(const struct vault_genesis *g);

#endif

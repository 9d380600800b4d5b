/*
 * Whether the daemon tells the truth about who administrates: its directory, verified from leaf 0 on, docs/FORMAT.md section 12. Asked
 * before a signature or a share leaves a person's key.
 */
#ifndef CV_TOOLS_CHAIN_H
#define CV_TOOLS_CHAIN_H

#include <jansson.h>

#include "cli.h"
#include "vault/directory_doc.h"

struct client_key;
struct operation_reading;

struct chain_wish {
	const char *key_path;			/* the key file; KEY.vault beside it remembers the vault */
	const struct client_key *key;		/* opened from it; the directory must have it for its principal */
	const struct operation_reading *reading; /* what is to be signed or given for, or NULL */
	const json_t *request;			/* its object, with the `signatures` to be judged; NULL without reading */
	unsigned signatures;			/* how many there must be at least, of different persons each */
};
/*
 * Fetch and verify the directory over a session that key opened, and what the wish says. KEY.vault is written, or if it is there compared:
 * the vault is the same, and no change set is gone. The change set of the request must be the next one. cv's last answer becomes the
 * directory. 0; EXIT_VERIFY after a message if the directory or the request does not fit; another exit code. ret (NULL: not wanted) takes
 * what was verified on 0; its chain is the caller's to free.
 */
int cli_check_chain(struct childvault *cv, const struct chain_wish *w, struct directory_checked *ret) __attribute__((warn_unused_result));
/*
 * Remember beside the key file that its vault is the one with this leaf 0 and first change set, whatever was remembered. 0 or an exit code
 * after a message.
 */
int chain_remember(const char *key_path, const uint8_t leaf_hash[32], const uint8_t first_set[32]);

#endif

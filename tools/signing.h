/*
 * Operations as people do them: proposed and signed by an administrator with their own key, shown in words from the document that is
 * signed, signed by a second one, given for by custodians. docs/FORMAT.md 5.5, docs/POLICY.md section 5, "Operations".
 */
#ifndef CV_TOOLS_SIGNING_H
#define CV_TOOLS_SIGNING_H

#include <jansson.h>

#include "client/key.h"
#include "cli.h"
#include "vault/operation.h"

/* A session that one of the keys opened, and the request it is about. Begins as zeros; ended by signing_close. */
struct signing {
	struct childvault *cv;
	struct client_key key;
	const char *key_path;
	char id[CLI_ID + 1];
	json_t *request;			/* as it was answered */
	uint8_t document[OPERATION_DOCUMENT_MAX];
	struct operation_reading reading;	/* points into document */
};

/* Log in with the key file (NULL: a usage error of command). 0 or an exit code after a message. */
int signing_open(struct signing *s, const char *command, const char *key_path, uint64_t passphrase_fd);
/* End the session and wipe; a signing that was never opened is allowed. */
void signing_close(struct signing *s);
/*
 * Make a request of this JSON body and read what it would have signed: the signed directory is verified, that this would be its next
 * change, and that the document is what was asked for. NULL: memory is short, or an option is not UTF-8. 0 or an exit code after a message.
 */
int signing_propose(struct signing *s, const json_t *asked);
/*
 * Show what was proposed, sign it as the first administrator and say who is next; with --json the last answer alone is printed. 0 or an
 * exit code.
 */
int signing_first(struct signing *s);
/* The three above in one, for a body that signing_body made. Closes s. */
int signing_run(struct signing *s, const char *command, const char *key_path, uint64_t passphrase_fd, json_t *body);
/*
 * Get the request with this id and verify it: document, vault, the signed directory, and that so many administrators of it have signed;
 * where one is wanted, none if it is the first that is wanting. Shows it but with --json. Behind signing_open. 0 or an exit code after a
 * message.
 */
int signing_look(struct signing *s, const char *command, const char *id, unsigned signatures);
/* Do an action of the request with one member in base64. 0 or an exit code after a message. */
int signing_act(struct signing *s, const char *action, const char *name, const uint8_t *p, size_t n);
/*
 * Sign as the second administrator, behind signing_look; typed is the code as the first one read it out (NULL: not compared). Then
 * signing_answer. As above; EXIT_VERIFY: another code, nothing was signed.
 */
int signing_second(struct signing *s, const char *typed);
/* Print the last answer with --json, else say what follows the second signature or the last share. 0 or EXIT_FAILED. */
int signing_answer(const struct signing *s);

/* Bytes of a base64 member of j. False: it is not there, or no base64. */
bool signing_bytes(const json_t *j, const char *name, uint8_t *ret, size_t max, size_t *ret_n);
/* {"kind": kind}; NULL without memory. Takes no reference elsewhere: freed with json_decref. */
json_t *signing_body(const char *kind);
/*
 * Set a text if it is not NULL; a list of names, each item of which may hold several with commas between. False: not UTF-8, or no memory.
 */
bool signing_set(json_t *j, const char *name, const char *text);
bool signing_set_list(json_t *j, const char *name, const struct cli_list *names);

/* ---- signing_match.c --------------------------------------------------------------------------------------------------- */

/*
 * Whether the document is the operation that was asked for, whatever the daemon says of it: its kind, who joins and as what, how many are
 * left out, flags, holders; roles and classes by the numbers of the policy in force, people by the ids that the daemon lists for their
 * login names. cv's last answer is another one afterwards. 0; EXIT_VERIFY after a message; another exit code.
 */
int signing_match(struct signing *s, const json_t *asked);

/* ---- signing_show.c ---------------------------------------------------------------------------------------------------- */

/* Print what is signed, in words: what it is comes from the document, names of roles and people from the daemon. 0 or EXIT_FAILED. */
int signing_print(const struct signing *s);

/* ---- cmd_sign.c -------------------------------------------------------------------------------------------------------- */

/* `COMMAND REQUEST --key KEY [--code CODE]`: sign any operation, as the second administrator where there is a first signature. */
int sign_second(int argc, char **argv, const char *command, const struct cli_help *help);

#endif

/* What this project's own tools ask of libchildvault beyond include/childvault.h. */
#ifndef CV_CLIENT_CLIENT_H
#define CV_CLIENT_CLIENT_H

#include <stdint.h>

#include "childvault.h"

struct buf;
struct client_key;
struct client_pass;

/*
 * childvault_login, which also hands over the opened key in *ret_key (NULL: it does not), for an auditor to open entries with.
 * The caller wipes it with client_key_clear.
 */
int client_login(struct childvault *cv, const char *key_text, size_t key_n, const char *passphrase, size_t pass_n,
    const char *const *roles, size_t role_count, struct client_key *ret_key);
/*
 * Log in once more with the key that a client_login handed over: without its file and passphrase, since the vault's answer to a
 * question opens the file and nothing else. A childvault_code.
 */
int client_login_again(struct childvault *cv, const struct client_key *key, const char *const *roles, size_t role_count);
/*
 * Append to ret the text of a key file with the secrets of key, as a login on cv handed it over, sealed under the passphrase
 * that pass was derived from, or unsealed with pass NULL. Ask for it without a session; the vault's answer to the new question
 * takes one, which is ended again, since a hello that no session follows would count as a failure. A childvault_code.
 */
int client_rewrap(struct childvault *cv, const struct client_key *key, const struct client_pass *pass, struct buf *ret);
/*
 * Entries that are so, with what opens them: query is what stands behind "/v1/audit/events?keys=true", each parameter with its '&'
 * (docs/PROTOCOL.md section 2). A childvault_code.
 */
int client_find_events(struct childvault *cv, const char *query);
/* The vault's id (16 bytes) as the last login on cv told it, or NULL. Valid as cv. */
const uint8_t *client_vault(const struct childvault *cv);

#endif

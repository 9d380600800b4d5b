/* What this project's own tools ask of libchildvault beyond include/childvault.h. */
#ifndef CV_CLIENT_CLIENT_H
#define CV_CLIENT_CLIENT_H

#include <stdint.h>

#include "childvault.h"

struct client_key;

/*
 * childvault_login, which also hands over the opened key in *ret_key (NULL: it does not), for an auditor to open entries with.
 * The caller wipes it with client_key_clear.
 */
int client_login(struct childvault *cv, const char *key_text, size_t key_n, const char *passphrase, size_t pass_n,
    const char *const *roles, size_t role_count, struct client_key *ret_key);
/* The vault's id (16 bytes) as the last login on cv told it, or NULL. Valid as cv. */
const uint8_t *client_vault(const struct childvault *cv);
/* The API's version document, in childvault_body. */
int client_version(struct childvault *cv);

#endif

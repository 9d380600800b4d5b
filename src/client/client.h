/* What this project's own tools ask of libchildvault beyond include/childvault.h. */
#ifndef CV_CLIENT_CLIENT_H
#define CV_CLIENT_CLIENT_H

#include <stdint.h>

#include "childvault.h"

/* The vault's id (16 bytes) as the last login on cv told it, or NULL. Valid as cv. */
const uint8_t *client_vault(const struct childvault *cv);
/* The API's version document, in childvault_body. */
int client_version(struct childvault *cv);

#endif

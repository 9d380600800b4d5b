/* What the files of this module share: the body of struct childvault, and one call on it. */
#ifndef CV_CLIENT_CLIENT_INTERNAL_H
#define CV_CLIENT_CLIENT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "childvault.h"
#include "client/http.h"

#define CLIENT_TOKEN_MAX 128u
#define CLIENT_TEXT 512u
#define CLIENT_ROLES 8u

struct childvault {
	struct client_http http;
	char token[CLIENT_TOKEN_MAX + 1];	/* "" without a session */
	char roles[CLIENT_ROLES * 64 + CLIENT_ROLES];
	char expires[40];
	struct buf new_key;			/* NUL-terminated text, or empty */
	bool remembers;				/* logins hold the log against head */
	struct buf head;			/* what is remembered of it, the same form */
	bool has_vault;
	uint8_t vault[16];			/* as the last hello said, if has_vault */
	/* of the last call */
	char id[33], etag[40], view[8], request_id[64], kind[48], explain[CLIENT_TEXT], message[CLIENT_TEXT];
	bool has_leaf;
	uint64_t leaf;
};

/*
 * Begin a call: forget what the last one answered, write request line, token (if there is one and with_token) and the
 * headers of with, which may be NULL.
 */
void client_begin(struct childvault *cv, const char *method, const char *target, bool with_token,
    const struct childvault_with *with);
/* Finish and send it; read answer headers and, of a refusal, the problem. A childvault_code. */
int client_finish(struct childvault *cv, const char *type, const struct buf *body, bool again);
/* Read headers and, of a refusal, the problem of the answer in cv->http. A childvault_code. */
int client_take_answer(struct childvault *cv);
/* End a target and begin the call; one that did not fit is a usage error. client_get_target sends it too, as GET. */
int client_begin_target(struct childvault *cv, const char *method, struct buf *target, const struct childvault_with *with);
int client_get_target(struct childvault *cv, struct buf *target, const struct childvault_with *with);
int client_get_simple(struct childvault *cv, const char *path);
/* Add Idempotency-Key to the call begun. CHILDVAULT_USAGE if it is longer than max or has other than visible ASCII. */
int client_idempotency_key(struct childvault *cv, const char *key, size_t max);
/* Take the id of what was made in collection. */
int client_take_location(struct childvault *cv, const char *collection);
/* With a session open: hold the log against the head that is remembered, if one is; else the session ends. A childvault_code. */
int client_check_head(struct childvault *cv);
/* Whether s is an id: 32 lower-case hexadecimal digits. */
bool client_is_id(const char *s);
/* Remember text as the message and return code. */
int client_fail(struct childvault *cv, int code, const char *text);
/* The childvault_code that a CV_ERR_* of this process is, with its message. */
int client_fail_local(struct childvault *cv, int r);

#endif

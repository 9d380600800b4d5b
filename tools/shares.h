/* What the commands about unsealing and shares have in common. They return exit codes after a message, as cli.h's functions do. */
#ifndef CV_TOOLS_SHARES_H
#define CV_TOOLS_SHARES_H

#include "base/buf.h"
#include "client/admin.h"
#include "format/share.h"

#define OPERATOR_PATH 4096	/* room for the path of admin.sock */

/*
 * Ask core at path. What cannot be reached or answers nonsense is a failure; what core refuses stands in ret->result. body is NULL
 * when n is 0. 0 or exit code.
 */
int operator_call(const char *path, enum admin_operation operation, uint8_t slot, const uint8_t *body, size_t n,
    struct admin_answer *ret, struct buf *ret_body);
/* Say that core refused, and the exit code for it. */
int operator_refused(const struct admin_answer *a);
/* Where the operator's KEK comes from. */
struct operator_source {
	uint64_t slot;			/* UINT64_MAX: any that can be opened here */
	uint64_t passphrase_fd;		/* UINT64_MAX: ask on the terminal */
	const char *credential;		/* NULL, or the name of a credential that holds the passphrase */
};
/* The KEK of a demo vault's own key or of the operator's passphrase, and its slot. 0 or exit code. */
int operator_kek(const char *path, const struct operator_source *from, uint8_t *ret_slot, uint8_t ret[32]);

/* A share read from a file, or for "-" typed in: its bytes, and who holds it as far as the text says so (may be empty). 0 or exit code. */
int share_read(const char *path, uint8_t ret[SHARE_BYTES], char ret_holder[64]);
/* The text of a share's file. holder may be NULL or empty. */
void share_text(const uint8_t p[SHARE_BYTES], const char *holder, struct buf *ret);
/* Say what core's answer to an operation on a share is: *ret is filled unless there was no verdict. 0, or the exit code of a refusal. */
int share_verdict(const struct admin_answer *a, const struct buf *body, struct admin_share *ret);
/* "share 2 (NAME)", for sentences. */
const char *share_name(const struct admin_share *s, char ret[128]);

#endif

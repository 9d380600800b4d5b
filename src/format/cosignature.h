/*
 * A witness's cosignature of a checkpoint, docs/FORMAT.md section 10 (C2SP tlog-cosignature, Ed25519): a statement that at
 * time_s no greater consistent tree of this log was known to the witness. Pure: signing and verifying are the caller's.
 */
#ifndef CV_FORMAT_COSIGNATURE_H
#define CV_FORMAT_COSIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "format/note.h"

#define COSIGNATURE_BYTES 72u		/* u64 seconds since 1970 ‖ Ed25519 signature */
#define COSIGNATURE_HEAD_MAX 64u	/* bytes that a message has more than the checkpoint's text */

/* Append what is signed: two lines and the n bytes of the checkpoint's text. 0 or CV_ERR_NOMEM. */
int cosignature_message(uint64_t time_s, const char *text, size_t n, struct buf *ret);
/* Append the signature line. time_s is above 0. */
void cosignature_encode(const char *name, const uint8_t key_id[4], uint64_t time_s, const uint8_t sig[64], struct buf *ret);
/* Read a signature line's bytes. 0 or CV_ERR_FORMAT: another length, time 0 or beyond 2^63 - 1. */
int cosignature_decode(const struct note_sig *s, uint64_t *ret_time_s, uint8_t ret_sig[64]);

#endif

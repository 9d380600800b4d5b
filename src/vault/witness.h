/*
 * Witnesses of the log in a running vault: what they cosigned, and what is refused while their word is too old. docs/POLICY.md
 * section 7. Core's thread.
 */
#ifndef CV_VAULT_WITNESS_H
#define CV_VAULT_WITNESS_H

#include "vault/vault_internal.h"

/* At unsealing, after the policy was loaded: check what the folder holds of them. 0, CV_ERR_NOMEM, CV_ERR_IO. */
int witness_load(struct vault *v);
/* When the vault is sealed. */
void witness_unload(struct vault *v);
/*
 * Whether the policy in force lets this act be done now, as to witnesses: 0, or the problem that refuses it, decided for c. Ask it before
 * anything is changed, of whoever may do the act otherwise.
 */
unsigned call_witnessed(struct vault *v, struct vault_call *c, enum witnessed_act act);
/*
 * That leaf index stands in the log: append to ret_note the newest cosigned checkpoint that covers it, else the newest one, and give the
 * hashes (room for MERKLE_PROOF_MAX). 0; CV_ERR_NOTFOUND: no checkpoint covers it yet; CV_ERR_IO, CV_ERR_NOMEM.
 */
int witness_prove(struct vault *v, uint64_t index, struct buf *ret_note, uint8_t ret[][32], unsigned *ret_n);
/* Lines of status and metrics, while the policy names witnesses. */
void witness_status(struct vault *v, struct buf *ret);
void witness_metrics(struct vault *v, struct buf *ret);

#endif

/* Requested fields, for read.c and history.c. The wishes stand in v->wanted[0 .. n). */
#ifndef CV_VAULT_FIELDS_H
#define CV_VAULT_FIELDS_H

#include "vault/vault_internal.h"

/*
 * Resolve and decide every name. 0 with the number of distinct fields, or a problem: a name is unknown, none was given, or not
 * one of them may be read.
 */
unsigned fields_decide(struct vault *v, struct vault_call *c, struct wire_list names, bool clear, unsigned *ret_n);
/* The leaf names the role that allowed the first answered field. */
void fields_role(struct vault *v, struct vault_call *c, unsigned n);
/* Append one answered value, finished for the eye if it is a view's. */
void fields_put(struct vault *v, const struct vault_call *c, const struct wanted *w, uint8_t type, const uint8_t *p, size_t n,
    struct buf *out);
/* Append the lists of redacted and of omitted names. */
void fields_put_meta(struct vault *v, unsigned n, struct buf *out);

#endif

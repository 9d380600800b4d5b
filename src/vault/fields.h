/* Requested fields, for read.c and history.c. The wishes stand in v->wanted[0 .. n). */
#ifndef CV_VAULT_FIELDS_H
#define CV_VAULT_FIELDS_H

#include "vault/vault_internal.h"

/*
 * Resolve every name and ask checks 6 to 10 of docs/POLICY.md. 0 with the number of distinct fields, or a problem: a name is unknown,
 * none was given, or whatever the record is like, none may be read and none is hidden.
 */
unsigned fields_decide(struct vault *v, struct vault_call *c, struct wire_list names, bool clear, unsigned *ret_n);
/*
 * Load the record for the n wishes and ask checks 11 to 19 of each class that is to answer; export: the export that it is
 * for; NULL or zeros: none.
 * What is refused becomes WANTED_REFUSED with its reason; the leaf gets role, approval and child. 0, or the problem for which
 * nothing is answered; *ret is to be wiped (its log key) in either case.
 */
unsigned fields_open(struct vault *v, struct vault_call *c, const uint8_t record[16], const uint8_t export[16], unsigned n,
    struct record *ret);
/* Append one answered value, finished for the eye if it is a view's; of a predicate its truth alone. */
void fields_put(struct vault *v, const struct vault_call *c, const struct wanted *w, uint8_t type, const uint8_t *p, size_t n,
    struct buf *out);
/* Keep where an answered value comes from, and whether it is stale. */
void fields_note(struct vault *v, const struct vault_call *c, struct record *rec, struct wanted *w, uint8_t type, const uint8_t *p,
    size_t n, const struct provenance *prov);
/* Refuse what is open still and waits for this class, for the session has no key for it: check 20. */
void fields_lock(struct vault *v, unsigned n, uint16_t class_id);
/* Append the lists of redacted and of omitted names. */
void fields_put_meta(struct vault *v, unsigned n, struct buf *out);
/* Append the list of stale names, and that of the answered fields' provenances, empty unless told. */
void fields_put_provenance(struct vault *v, unsigned n, bool told, struct buf *out);
/*
 * The end of a read: let rec (NULL: not) be merged if that is due, and count the grants by which values were answered, which moves the
 * stored rows. If nothing is left, refuse for the reason of the last field; where only fields of hidden classes were asked for, the
 * answer stands and the leaf alone is one of a refusal (c->rule is set). 0 or a problem.
 */
unsigned fields_settle(struct vault *v, struct vault_call *c, const struct record *rec, unsigned n);

#endif

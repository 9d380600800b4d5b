/*
 * The work list: place, due quarter and state of every record, in memory. DESIGN section 13.15, docs/PROTOCOL.md LIST.
 *
 * A table of 32 bytes a record, by serial. It is filled from the heads after unseal, a slice at a time between turns, and kept up to
 * date by those who store a head. Until it is full the list is refused as index-rebuilding. Core's thread.
 */
#ifndef CV_VAULT_LIST_H
#define CV_VAULT_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "format/wire_gov.h"

struct head;
struct vault;
struct vault_call;

/* Begin an empty table for the records that v->counters tell of. 0 or CV_ERR_NOMEM. */
int list_load(struct vault *v);
/* Forget the table. */
void list_unload(struct vault *v);

/*
 * The open request stores head h of the record with this serial: its row follows, visible to later requests of the turn. To be
 * called wherever a head is stored. 0 or CV_ERR_NOMEM, which fails the request.
 */
int list_note(struct vault *v, uint64_t serial, const struct head *h) __attribute__((warn_unused_result));
/* What the request noted joins the turn, is forgotten, or the whole turn's is; called where the store's changes are. */
void list_commit(struct vault *v);
void list_rollback(struct vault *v);
void list_turn_done(struct vault *v, bool durable);

/* Whether heads are still to be read. */
bool list_filling(const struct vault *v);
/* Between turns: read heads until until_us (of the clock that vault_work uses) or the end. */
void list_fill(struct vault *v, uint64_t until_us);

/* LIST. A problem number, 0 when done. */
unsigned vault_list(struct vault *v, struct vault_call *c, const struct wire_records *m);

#endif

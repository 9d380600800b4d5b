/*
 * The second thread of a re-wrap: it makes keys rows anew in batches that core's thread fills and takes back in the same order. It sees
 * copies of rows, the secrets of the re-wrap and the keyring, and changes nothing but the batch; what it is started with stays until
 * rewrap_worker_stop. All functions are for core's thread.
 */
#ifndef CV_VAULT_REWRAP_WORK_H
#define CV_VAULT_REWRAP_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/crypto.h"
#include "keys/rewrap.h"

#define REWRAP_RECORDS 64u		/* records of a batch at most */
#define REWRAP_BATCHES 12u		/* under way at a time */
#define REWRAP_BATCH_BYTES (256u << 10)	/* a batch with so many bytes of rows takes no more */

/* One record's keys row. */
struct rewrap_item {
	uint64_t serial;
	uint8_t record[16];
	size_t at, n;			/* the row as it was, in in */
	size_t out_at, out_n;		/* what it becomes, in out */
	unsigned made;			/* wraps made anew; 0: the row stays */
	int result;			/* of rewrap_row */
};
struct rewrap_batch {
	struct rewrap_batch *next;	/* in the list that holds it */
	unsigned round;			/* the filler's: batches of an older one are of no use any more */
	uint64_t end;			/* one past the last serial that it stands for, with a row or without */
	unsigned n;
	struct rewrap_item item[REWRAP_RECORDS];
	struct buf in, out;
	struct lthash change;		/* of the state hash, if all rows that were made are put in place of what was read */
};
struct rewrap_worker;

/* 0 or CV_ERR_NOMEM. */
int rewrap_worker_start(struct keys *k, const struct rewrap_keys *x, struct rewrap_worker **ret);
/* Join the thread and free everything; NULL is allowed. */
void rewrap_worker_stop(struct rewrap_worker *w);
/* Take an empty batch, or NULL if all are under way; give it back filled. */
struct rewrap_batch *rewrap_worker_empty(struct rewrap_worker *w);
void rewrap_worker_give(struct rewrap_worker *w, struct rewrap_batch *b);
/* Take the next batch that is done, or NULL: none is; give it back for the next filling. */
struct rewrap_batch *rewrap_worker_take(struct rewrap_worker *w);
void rewrap_worker_return(struct rewrap_worker *w, struct rewrap_batch *b);
/* How many batches are empty; wait for the thread or are its own just now; are done. */
void rewrap_worker_look(struct rewrap_worker *w, unsigned *ret_empty, unsigned *ret_busy, unsigned *ret_done);

#endif

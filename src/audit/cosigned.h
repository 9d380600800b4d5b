/*
 * What witnesses have cosigned of this vault's own log: kept beside it, checked again whenever it is read. docs/FORMAT.md section 10.
 * Core's thread.
 *
 * A cosignature counts if its checkpoint is, or was, the tree of this very log: the tree of so many leaves has the root that it
 * names. Each witness has its newest one kept, since they come at different times; log/cosigned is the newest checkpoint that has a
 * quorum of its own, for everybody who verifies offline.
 */
#ifndef CV_AUDIT_COSIGNED_H
#define CV_AUDIT_COSIGNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/tlog_policy.h"

struct audit;
struct buf;
struct cosigned;

#define COSIGNED_MAX 16384u	/* bytes of a note that is kept */
#define COSIGNED_SKEW_S 300u	/* by so much a witness's clock may be ahead of this one */

/* Nothing is known and no witness asked for until cosigned_policy. 0 or CV_ERR_NOMEM. cosigned_free frees; NULL is allowed. */
int cosigned_new(struct cosigned **ret_cosigned);
void cosigned_free(struct cosigned *c);
/*
 * The witnesses that count from now on (n of them, at most TLOG_WITNESSES_MAX, k of which are a quorum; n 0: none is asked for), and all
 * that the folder holds of them, checked against a's log. What does not hold is left out; *ret_bad says how many. 0; CV_ERR_NOMEM;
 * CV_ERR_IO (a tile that the log vouches for cannot be read); CV_ERR_ARG (k is not 1 to n, or a witness twice).
 */
int cosigned_policy(struct cosigned *c, struct audit *a, const struct vkey *log, const struct vkey *witness, unsigned n, unsigned k,
    unsigned *ret_bad);
/*
 * A cosigned checkpoint (n bytes) that somebody brought, at now_s. 0: what is new in it is kept, durably, *ret_size says how many leaves
 * it covers, *ret_witnesses how many of the witnesses have cosigned it. CV_ERR_FORMAT: no checkpoint, or too long; CV_ERR_NOTFOUND: of
 * another log, or no witness that counts has cosigned it; CV_ERR_AUTH: a signature does not verify; CV_ERR_STATE: a witness's clock is
 * ahead; CV_ERR_REPLAY: it is signed by this log's key and not of this log's history, which is forked or was rolled back; CV_ERR_FULL,
 * CV_ERR_IO, CV_ERR_NOMEM.
 */
int cosigned_add(struct cosigned *c, struct audit *a, const void *note, size_t n, uint64_t now_s, uint64_t *ret_size,
    unsigned *ret_witnesses);
/*
 * Append log/cosigned: the newest checkpoint with a quorum, else the newest that any witness has cosigned. 0, CV_ERR_NOTFOUND,
 * CV_ERR_NOMEM.
 */
int cosigned_read(const struct cosigned *c, struct buf *ret);
/* How many leaves it covers; 0: there is none. */
uint64_t cosigned_size(const struct cosigned *c);
/* The time since which a quorum vouches for the log, in seconds since 1970: 0 none, TLOG_NONE if none is asked for. */
uint64_t cosigned_quorum_s(const struct cosigned *c);
/* Whether witnesses are asked for. */
bool cosigned_wanted(const struct cosigned *c);

#endif

/*
 * The vault's operations: the only place where model, keys, audit and store meet.
 *
 * One struct vault a core process, used by core's thread alone. The caller works in turns:
 *
 *	vault_turn_begin
 *	    for each request: vault_call_begin, an operation, vault_call_end
 *	vault_turn_end			0: the answers may leave; else vault_turn_failed rewrites each of them
 *
 * Rights, purposes and views are decided here from the policy document; a wrong decision can deny or mislabel, it cannot
 * decrypt, since only the session's own keys open class rows.
 */
#ifndef CV_VAULT_VAULT_H
#define CV_VAULT_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/wire.h"
#include "keys/keys.h"
#include "keys/session.h"

struct buf;
struct vault;

enum vault_state { VAULT_SEALED, VAULT_READY, VAULT_FAILED };

/* ---- life -------------------------------------------------------------------------------------------------------- */

/*
 * Open the vault in dir, sealed. 0, CV_ERR_NOTFOUND (no vault there), CV_ERR_FORMAT, CV_ERR_BUSY (another daemon holds
 * it), CV_ERR_IO, CV_ERR_NOMEM. Freed by vault_close.
 */
int vault_open(const char *dir, struct vault **ret_vault);
/* Seal (with a clean stop if it was unsealed) and free. NULL is allowed. 0, or what kept it from a clean stop (logged). */
int vault_close(struct vault *v);
/* Parameters of unseal slot number. 0, CV_ERR_NOTFOUND, CV_ERR_FORMAT. */
int vault_slot(struct vault *v, unsigned number, struct slot_info *ret);
/* 16 bytes. */
const uint8_t *vault_id(const struct vault *v);
/*
 * Unseal with the KEK of a slot: opens the keyring, replays the journal, loads policy, directory and shred tree, closes
 * missed epochs and writes the start leaf. 0; CV_ERR_AUTH (wrong KEK or changed bytes); CV_ERR_REPLAY (the journal or
 * the log contradicts itself: the vault must not start); CV_ERR_STATE (not sealed, or more days have passed
 * than the log closes without vault_confirm_date); CV_ERR_DENIED (pending, and too few
 * administrators' signatures in the folder: it stays as it was); CV_ERR_NOTFOUND (no such slot, or a demo file's in a production vault);
 * CV_ERR_FORMAT, CV_ERR_IO, CV_ERR_NOMEM.
 */
int vault_unseal(struct vault *v, unsigned number, const uint8_t kek[32]);
/* In a demo vault: unseal with keys/root.key. 0, CV_ERR_STATE if it is no demo vault, or as vault_unseal. */
int vault_unseal_demo(struct vault *v);
/*
 * Seal: write the seal leaf, apply everything, wipe all keys and sessions. 0; CV_ERR_STATE (not ready); or what kept it from
 * a clean stop: sealed all the same.
 */
int vault_seal(struct vault *v);
enum vault_state vault_state(const struct vault *v);
/* As HEALTH answers it. */
enum wire_health vault_health(struct vault *v);
bool vault_is_demo(const struct vault *v);
/* Whether it was made under the rules of a production vault, which leaf 0 says too. */
bool vault_is_production(const struct vault *v);
/* Append the lines of admin.sock's status. */
void vault_status(struct vault *v, struct buf *ret);
/* Append the metrics text (Prometheus 0.0.4). */
void vault_metrics(struct vault *v, struct buf *ret);

/* Unsealed: whether kek opens slot number. 0, CV_ERR_STATE (sealed), CV_ERR_NOTFOUND (no such slot), CV_ERR_FORMAT, CV_ERR_AUTH. */
int vault_slot_matches(struct vault *v, unsigned number, const uint8_t kek[32]) __attribute__((warn_unused_result));
/* Unsealed: append to ret the row that slot number would have. It stands nowhere yet. 0, CV_ERR_STATE, CV_ERR_ARG, CV_ERR_NOMEM. */
int vault_slot_make(struct vault *v, unsigned number, const struct slot_info *info, const uint8_t kek[32], struct buf *ret);
/*
 * Between turns: put such a row in the slot's place, with a leaf, in a turn of its own. It is applied before this returns, since a sealed
 * vault reads slots without a replay. 0; CV_ERR_STATE, CV_ERR_FULL, CV_ERR_NOMEM: the slot is as it was; CV_ERR_IO: the next start
 * reads it as it was, and then as it would be.
 */
int vault_slot_put(struct vault *v, unsigned number, const struct slot_info *info, const uint8_t *row, size_t n);
/* When the slot was made, wall time: by the last vault_slot_put, or with the vault. 0 while sealed, or if its row does not open. */
uint64_t vault_slot_made_ms(struct vault *v, unsigned number);
/* Between turns: log that share number index of a slot was proved, or what was shown instead did not fit. 0 or as above. */
int vault_share_shown(struct vault *v, unsigned number, unsigned index, bool good);

/*
 * Between turns: whether two administrators allowed this new split of slot number, which uses it up, durably, in a turn of its own with its
 * leaf. 0, also where the vault has no two administrators; CV_ERR_DENIED: nothing that they signed allows it; CV_ERR_STATE, CV_ERR_FULL,
 * CV_ERR_NOMEM, CV_ERR_IO: it is allowed as before, or after a restart used up.
 */
int vault_split_use(struct vault *v, unsigned number, const struct slot_info *info) __attribute__((warn_unused_result));

/*
 * Between turns: commit the log to daily keys for another ten years (FORMAT.md section 10); *ret_last_day, since 1970, is the last of all.
 * 0; CV_ERR_STATE: sealed, or there are as many ahead already; CV_ERR_LIMIT: there cannot be more; CV_ERR_FULL, CV_ERR_NOMEM, CV_ERR_IO.
 */
int vault_renew_epochs(struct vault *v, uint32_t *ret_last_day);
/*
 * Between turns: the operator confirms that today is day (since 1970), so that the log may close days that it did not see. An unsealed
 * vault does so at once, with a leaf; a sealed one when it is unsealed next. 0; CV_ERR_ARG: the machine's clock says another day;
 * CV_ERR_STATE: there is nothing to be confirmed; or why closing failed.
 */
int vault_confirm_date(struct vault *v, uint32_t day);

/* Readable whenever blocks were applied; -1 unless the vault is ready. Then call vault_applied, between turns. */
int vault_applied_fd(const struct vault *v);
void vault_applied(struct vault *v);
/* Once a second, between turns: sweep sessions, epochs, failures, expired idempotency rows. */
void vault_tick(struct vault *v);
/* Whether work waits that is done between turns in slices: the work list's filling, jobs. */
bool vault_busy(const struct vault *v);
/* Whether such work goes on by itself and will wait soon: whoever sleeps now looks again after a millisecond. */
bool vault_works(const struct vault *v);
/* Between turns: do of it what takes about slice_us microseconds; a job's slice is a turn of its own, and ends with its sync. */
void vault_work(struct vault *v, unsigned slice_us);
/* Between turns: write the log and sign, so that checkpoint and events cover what was answered before. 0 or CV_ERR_*. */
int vault_sign_now(struct vault *v);
/* The same, and rows go to LMDB: what the journal holds can be given up. */
int vault_checkpoint_now(struct vault *v);

/* ---- turns --------------------------------------------------------------------------------------------------------- */

struct vault_caller {
	uint32_t uid, pid;		/* SO_PEERCRED at accept */
};

/* One request; made by vault_call_begin, used by one operation, ended by vault_call_end. */
struct vault_call;

/* 0, CV_ERR_STATE (sealed), or why no leaf can be written now: data verbs then answer audit-unavailable or storage-full. */
int vault_turn_begin(struct vault *v);
/*
 * Whether another call waits behind the one that begins next, so that this turn probably holds it too: then it is left to that one's leaf
 * to name the state. If none comes the turn's end adds a leaf for it. False until it is said.
 */
void vault_more_follow(struct vault *v, bool more);
/*
 * Begin a request: finds the session of the envelope's token. body is the whole message body (for the digest), out takes
 * the ANSWER body. needs_session: without a live session the call's problem is unauthenticated at once.
 */
struct vault_call *vault_call_begin(struct vault *v, const struct vault_caller *who, const struct wire_envelope *env,
    const uint8_t *body, size_t n, bool needs_session, struct buf *out);
/* PROBLEM_NONE, or what vault_call_begin or an operation already decided: then no operation is called. */
unsigned vault_call_problem(const struct vault_call *c);
/*
 * End a request: on success its changes join the turn with their leaf; on a problem its changes are forgotten and, where a
 * session exists, a leaf of the refusal joins. Writes the answer to out. False: the turn has no room for it beside the requests
 * before it; it is as if it had not come, and belongs into the next turn.
 */
bool vault_call_end(struct vault *v, struct vault_call *c);
/* Whether a request of the open turn changed the directory, which the next turn has: what comes behind belongs into that one. */
bool vault_turn_closed(const struct vault *v);
/*
 * Merge what readers touched, write state and counters, sync. 0, or CV_ERR_FULL, CV_ERR_IO, CV_ERR_NOMEM: nothing of the turn
 * happened, and each of its answers becomes what vault_turn_failed writes.
 */
int vault_turn_end(struct vault *v) __attribute__((warn_unused_result));
/* The answer that goes out instead when vault_turn_end gave r. */
void vault_turn_failed(int r, struct buf *out);
/* The answer to a request for which vault_turn_begin gave r. */
void vault_turn_refused(struct vault *v, int r, struct buf *out);
/* Whether a live session stands behind the envelope whose role reads the log, or lists the accesses of a record. */
bool vault_reads_log(struct vault *v, const struct vault_caller *who, const struct wire_envelope *env);

/* ---- operations, each for one message of PROTOCOL.md; they return a problem number, 0 when done -------------------- */

unsigned vault_hello(struct vault *v, struct vault_call *c, const struct wire_hello *m);
unsigned vault_activate(struct vault *v, struct vault_call *c, const struct wire_activate *m);
unsigned vault_logout(struct vault *v, struct vault_call *c);
unsigned vault_refused(struct vault *v, struct vault_call *c, unsigned problem);
unsigned vault_create_record(struct vault *v, struct vault_call *c, const struct wire_create *m);
unsigned vault_read_record(struct vault *v, struct vault_call *c, const struct wire_read *m);
unsigned vault_patch_record(struct vault *v, struct vault_call *c, const struct wire_patch *m);
unsigned vault_history(struct vault *v, struct vault_call *c, const struct wire_history *m);
unsigned vault_accesses(struct vault *v, struct vault_call *c, const struct wire_accesses *m);
/* SEARCH: docs/PROTOCOL.md. Each is a leaf, and counts in the caller's budget of searches. */
unsigned vault_search(struct vault *v, struct vault_call *c, const struct wire_search *m);
unsigned vault_events(struct vault *v, struct vault_call *c, const struct wire_events *m);
unsigned vault_checkpoint(struct vault *v, struct vault_call *c);
unsigned vault_tile(struct vault *v, struct vault_call *c, const struct wire_tile *m);
unsigned vault_proof(struct vault *v, struct vault_call *c, const struct wire_proof *m);
unsigned vault_cosign(struct vault *v, struct vault_call *c, const struct wire_cosign *m);
unsigned vault_cosigned(struct vault *v, struct vault_call *c);
unsigned vault_vkey(struct vault *v, struct vault_call *c);

#endif

/*
 * Writing the audit log: leaves, key segments, checkpoints. docs/FORMAT.md sections 9 and 10, DESIGN section 7 and
 * rulings 17 to 21. Core's thread, but for audit_apply_leaves, which the store's apply thread calls.
 *
 * The caller's order in a turn: audit_turn_begin (outside the store's turn, since a new day takes turns of its own),
 * store_turn_begin, audit_leaf for each request (before store_commit), store_turn_end, audit_turn_end with its result.
 * Key operations come through hooks, since audit may not include keys.
 */
#ifndef CV_AUDIT_AUDIT_H
#define CV_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/leaf.h"

struct audit;
struct buf;
struct store;
struct store_leaf;

struct audit_auditor {
	uint8_t id[16];
	uint32_t month;			/* 202611, whose key box_pk is; 0: the auditor's own */
	uint8_t box_pk[32];
};
struct audit_hooks {
	void *cookie;
	void (*actor_tag)(void *cookie, const uint8_t principal[16], uint64_t index, uint8_t ret[16]);
	void (*log_sign)(void *cookie, const void *p, size_t n, uint8_t ret[64]);
	void (*fs_sign)(void *cookie, const void *p, size_t n, uint8_t ret[64]);
	uint32_t (*fs_epoch)(void *cookie);
	int (*fs_next)(void *cookie, uint64_t size, const uint8_t root[32]);
	/* Enabled auditors, each with the key of the month that holds now_ms if there is one; returns how many of max were written. */
	unsigned (*auditors)(void *cookie, uint64_t now_ms, struct audit_auditor *ret, unsigned max);
};
struct audit_options {
	const char *dir;		/* the vault's folder; uses its log/ */
	uint8_t vault_id[16];
	char origin[256];
	uint8_t log_pk[32];
	uint32_t first_day;		/* days since 1970-01-01 of epoch 0 */
	struct audit_hooks hooks;
};

/* Make DIR/log with log.vkey and the file epochs (n bytes). Synced. 0, CV_ERR_EXISTS, CV_ERR_FULL, CV_ERR_IO. */
int audit_create(const struct audit_options *o, const uint8_t *epochs, size_t n);
/* The epoch root of leaf 0: FORMAT.md section 10, over the n bytes of the file epochs (a multiple of 32). */
void audit_epoch_root(const uint8_t *epochs, size_t n, uint8_t ret[32]);
/* Open an audit writer; hooks are first used at the first leaf. 0, CV_ERR_NOMEM, CV_ERR_IO. audit_close frees; NULL allowed. */
int audit_open(const struct audit_options *o, struct audit **ret_audit);
void audit_close(struct audit *a);

/* ---- leaves ------------------------------------------------------------------------------------------------------- */

/*
 * Begin a turn: when the day has changed, epochs between are closed (each with its leaf kind 12, a flush and a checkpoint,
 * as audit_catch_up does, but no more than AUDIT_RUNNING_DAYS: a running log that missed more has a clock that jumped). The
 * segment key is ratcheted by one turn, whatever becomes of the turn. Call it before
 * store_turn_begin. 0; what audit_catch_up answers; CV_ERR_REPLAY if the store knows fewer leaves than the newest checkpoint
 * on disk covers (journal lost, old copy put back): no leaf may be written then.
 */
int audit_turn_begin(struct audit *a, struct store *s, uint64_t now_ms);
/* The digest of the policy document whose first half every leaf names. Ends the segment. */
void audit_policy(struct audit *a, const uint8_t digest[32]);
/*
 * Have log/policy hold the n bytes of this document (FORMAT.md section 10), durably: before audit_policy names it, so that whoever has
 * a leaf has what it was decided by. A document that no leaf comes to name does no harm. 0, CV_ERR_NOMEM, CV_ERR_FULL, CV_ERR_IO.
 */
int audit_policy_keep(struct audit *a, const uint8_t digest[32], const void *document, size_t n);
/* The auditors, or their keys, are not those they were: ends the segment, so that the next leaf is sealed to those who are. */
void audit_auditors_changed(struct audit *a);

/* What a sealed or clear leaf says; zeroed members are absent. */
struct audit_entry {
	uint8_t kind;			/* LEAF_* */
	const uint8_t *log_key;		/* 32 bytes of the child's log key, or NULL: no child */
	const uint8_t *state_hash;	/* 32 bytes if mutating, else NULL */
	struct leaf_actor actor;	/* body A, format/leaf.h; role, department, purpose, view, fields and child are the writer's */
	struct leaf_detail detail;	/* body B, or the end of body A without a child */
	const uint8_t *clear;		/* clear body A instead of both (system leaves), or NULL */
	size_t clear_n;
};
/*
 * Build one leaf and give it to store_leaf; opens a key segment first when the leaf is sealed and none is open (limits: 4,096
 * leaves, 10 minutes, another month, another policy, other auditors, a failed block). *ret_index is the leaf's index. A request
 * that is rolled back may take a segment leaf with it: the next leaf notices. 0, CV_ERR_LIMIT, CV_ERR_FULL, CV_ERR_NOMEM.
 */
int audit_leaf(struct audit *a, struct store *s, const struct audit_entry *e, uint64_t now_ms, uint64_t *ret_index);
/* Bytes that one more leaf and perhaps a segment leaf may take, for store_room. */
size_t audit_leaf_room(const struct audit *a);
/* After store_turn_end, with its result: a failed block ends the segment. */
void audit_turn_end(struct audit *a, int result);

/* ---- log/ files and checkpoints ------------------------------------------------------------------------------------ */

/* store_hooks.apply_leaves: cookie is the struct audit. Appends bundles and tiles, syncs, answers the note "log" (FORMAT.md 5.4). */
int audit_apply_leaves(void *cookie, uint64_t first, const struct store_leaf *leaves, size_t n, const uint8_t **ret_note,
    size_t *ret_note_n);
/*
 * Load the writer's state from the META row "log" (n = 0: an empty log); once, before store_replay. 0; CV_ERR_FORMAT: the
 * files do not fit the note; CV_ERR_AUTH: the checkpoint on disk is not this log's; CV_ERR_REPLAY: it vouches for another
 * tree; CV_ERR_NOMEM, CV_ERR_IO. A checkpoint that covers more leaves than the note is compared when the replay gets there:
 * applying stops with CV_ERR_REPLAY if the roots differ.
 */
int audit_resume(struct audit *a, const uint8_t *note, size_t n);
/*
 * Sign the tree as applied, if it grew: partial tiles, then log/checkpoint, durably; tells store_checkpointed. 0;
 * CV_ERR_REPLAY: the tree is smaller than what was signed before; CV_ERR_AUTH: the epoch's key is not the one that the file
 * epochs holds for it; CV_ERR_FORMAT (epochs), CV_ERR_NOMEM, CV_ERR_FULL, CV_ERR_IO.
 */
int audit_checkpoint(struct audit *a, struct store *s);
/* False once a file of a checkpoint could not be written or synced: until a new start nothing is signed and no turn begins (CV_ERR_IO). */
bool audit_healthy(const struct audit *a);
/* Size and root of the newest signed checkpoint; false before the first. */
bool audit_signed(const struct audit *a, uint64_t *ret_size, uint8_t ret_root[32]);
#define AUDIT_RUNNING_DAYS 2u		/* days that a running log closes in one go: one of them was skipped */
#define AUDIT_START_DAYS 366u		/* and a log that starts */
/* Days to be closed before one may write on at now_ms; 0 also if the clock went back. */
uint32_t audit_missed_days(const struct audit *a, uint64_t now_ms);
/*
 * Close every epoch before today's, one by one, each with its leaf, its own checkpoint (seals/) and its own key. Between turns,
 * at a start: nothing was written since the store was opened but what belongs to that. A clock that went back closes nothing.
 * More than AUDIT_START_DAYS at once is CV_ERR_STATE; CV_ERR_LIMIT: no epoch key is left; else 0 or the error of the store, of
 * audit_checkpoint or of fs_next.
 */
int audit_catch_up(struct audit *a, struct store *s, uint64_t now_ms);
/*
 * The same for any number of days, behind a leaf (kind 20) that says that an operator has confirmed them. 0 (also if there is
 * nothing to close: then there is no leaf), CV_ERR_LIMIT, or as above.
 */
int audit_confirm_days(struct audit *a, struct store *s, uint64_t now_ms);
/*
 * Append n bytes of public keys (0: none) to the file epochs behind its first count keys, which the log has committed to; what
 * stands behind those, of a renewal that came to nothing, goes. Durable when it returns. 0, CV_ERR_FORMAT (the file is shorter),
 * CV_ERR_FULL, CV_ERR_IO: for good, as of a checkpoint's file.
 */
int audit_add_epochs(struct audit *a, uint32_t count, const uint8_t *keys, size_t n);
/* The body of the leaf (kind 20) that commits to them, FORMAT.md section 9. */
#define AUDIT_RENEW_BODY (1u + 4 + 4 + 32)
void audit_renew_body(uint32_t count, const uint8_t *keys, size_t n, uint8_t ret[AUDIT_RENEW_BODY]);
/* Append the bytes of log/checkpoint. 0, CV_ERR_NOTFOUND, CV_ERR_IO. */
int audit_read_checkpoint(struct audit *a, struct buf *ret);
/* Append a tile or entry bundle (level 255), width 0 full; only what the newest checkpoint covers. 0, CV_ERR_NOTFOUND, CV_ERR_IO. */
int audit_read_tile(struct audit *a, unsigned level, uint64_t n, unsigned width, struct buf *ret);
/*
 * Append the newest checkpoint and give the hashes that show leaf index in its tree; *ret_n is their number, ret has room for
 * MERKLE_PROOF_MAX. 0; CV_ERR_NOTFOUND: it covers no such leaf; CV_ERR_IO, CV_ERR_NOMEM.
 */
int audit_read_inclusion(struct audit *a, uint64_t index, struct buf *ret_checkpoint, uint8_t ret[][32], unsigned *ret_n);
/* The hashes that show leaf index in the tree of size leaves, which the newest checkpoint covers. The same results. */
int audit_read_inclusion_in(struct audit *a, uint64_t index, uint64_t size, uint8_t ret[][32], unsigned *ret_n);
/*
 * The hashes that show that the tree of from leaves is the beginning of that of to leaves (0 < from <= to). 0; CV_ERR_NOTFOUND: no such
 * trees, or the newest checkpoint covers fewer leaves; CV_ERR_IO, CV_ERR_NOMEM.
 */
int audit_read_consistency(struct audit *a, uint64_t from, uint64_t to, uint8_t ret[][32], unsigned *ret_n);
/* Append the bytes of one leaf that is applied. 0, CV_ERR_NOTFOUND, CV_ERR_IO. The last bundle read stays cached. */
int audit_read_leaf(struct audit *a, uint64_t index, struct buf *ret);
/* ---- leaves of one child ------------------------------------------------------------------------------------------------ */

#define AUDIT_FIND_STEP 262144u	/* leaves that one call of audit_find_subject looks at, at most: about 10 ms */

/* How many leaves are applied: those that can be read and found. */
uint64_t audit_leaves(struct audit *a);
/*
 * Find leaves about one child, by its log key and the column of subject tags (log/tags, FORMAT.md section 10), among the leaves from
 * *inout_at on and below end, which is at most audit_leaves. One call looks at AUDIT_FIND_STEP leaves and finds max at most: ret
 * gets their indices, ascending, *ret_n their number, *inout_at moves behind the last leaf that was looked at. All is looked at once it
 * is end. 0; CV_ERR_IO: the column cannot be read, or is shorter than the log.
 */
int audit_find_subject(struct audit *a, const uint8_t log_key[32], uint64_t *inout_at, uint64_t end, uint64_t *ret, unsigned max,
    unsigned *ret_n);
/*
 * The stretch of the log that holds all leaves whose time is from_ms or later and before to_ms, by the days of the same column; the
 * ends are those of days, so that the caller looks at each leaf's time as well. Outside may stand leaves of kind 12 that closed missed
 * days, and what was written while the clock was set back by more than a day. 0 or CV_ERR_IO.
 */
int audit_find_days(struct audit *a, uint64_t from_ms, uint64_t to_ms, uint64_t *ret_from, uint64_t *ret_end);
/*
 * The root of the log's first size leaves, from its tiles: what the tree was when it had so many. 0; CV_ERR_NOTFOUND: the newest checkpoint
 * does not cover them; CV_ERR_IO.
 */
int audit_root_at(struct audit *a, uint64_t size, uint8_t ret[32]);
/*
 * The same of any size that is applied, for who verifies a copy: leaves beyond the checkpoint are
 * hashed one by one. 0, CV_ERR_NOTFOUND, CV_ERR_IO, CV_ERR_NOMEM.
 */
int audit_root_applied(struct audit *a, uint64_t size, uint8_t ret[32]);
/* The key that makes a child's subject tags of one day: FORMAT.md section 9. */
void audit_day_key(const uint8_t log_key[32], uint32_t epoch, uint8_t ret[16]);
/* Body B key and actor verification for events: open body B of a leaf with the child's log key. 0, CV_ERR_AUTH, CV_ERR_FORMAT. */
int audit_open_detail(const struct leaf *l, const uint8_t log_key[32], struct leaf_detail *ret);

#endif

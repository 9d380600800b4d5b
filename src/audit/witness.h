/*
 * A witness: it keeps, of each log that it knows, the greatest tree that it has cosigned, and cosigns a greater one only if that
 * grew out of it (C2SP tlog-witness, by file drop; docs/FORMAT.md section 10).
 *
 * The caller's order: lock and read the state; witness_check; write the state durably; only then let witness_sign's line out. Who
 * lets a line out first can be made to cosign two histories by stopping it in between.
 */
#ifndef CV_AUDIT_WITNESS_H
#define CV_AUDIT_WITNESS_H

#include <stdbool.h>

#include "format/note.h"

#define WITNESS_LOGS_MAX 32u
#define WITNESS_RANGES_MAX 16u
#define WITNESS_STATE_MAX 65536u	/* bytes of a state file */

/* Daily keys that the log has committed to: count of them from the epoch first on, and their tree's root. */
struct witness_range {
	uint32_t first, count;
	uint8_t root[32];
};
/* What is remembered of one log. */
struct witness_log {
	struct vkey key;
	unsigned ranges;	/* the first is leaf 0's, further ones are of leaves of kind 20 */
	struct witness_range range[WITNESS_RANGES_MAX];
	uint64_t size;		/* of the greatest tree cosigned, with its root */
	uint8_t root[32];
	uint32_t epoch;		/* whose daily key had signed it */
	uint64_t time_s;	/* of the last cosignature */
};
struct witness_state {
	unsigned logs;
	struct witness_log log[WITNESS_LOGS_MAX];
};

/* Why a checkpoint is not cosigned. The names (witness_fault_name) are stable; those the verifier knows too mean the same. */
enum witness_fault {
	WITNESS_NO_FAULT,
	WITNESS_CHECKPOINT_MISSING,	/* checkpoint-missing */
	WITNESS_FORMAT_BAD,		/* format-bad: it is no checkpoint */
	WITNESS_LOG_UNKNOWN,		/* log-unknown: no log of this origin was introduced */
	WITNESS_LOG_KEY_WRONG,		/* log-key-wrong: a log of this origin is known by another key, or leaf 0 names another */
	WITNESS_SIGNATURE_MISSING,	/* signature-missing: of the log's key, or of a daily key */
	WITNESS_SIGNATURE_BAD,		/* signature-bad */
	WITNESS_GENESIS_BAD,		/* genesis-bad: leaf 0 is none, or not in the tree */
	WITNESS_EPOCHS_CHANGED,		/* epochs-changed: the daily keys are not those that the log committed to */
	WITNESS_EPOCH_KEY_WRONG,	/* epoch-key-wrong: of an unknown day, an earlier one than before, or two */
	WITNESS_LOG_TRUNCATED,		/* log-truncated: smaller than what was cosigned */
	WITNESS_LOG_FORKED,		/* log-forked: as great as what was cosigned, with another root */
	WITNESS_INCONSISTENT,		/* log-inconsistent: what was cosigned is not its beginning */
	WITNESS_TILE_MISSING,		/* tile-missing: the proof cannot be made from this folder */
	WITNESS_BUNDLE_MISSING,		/* bundle-missing: a leaf that is needed is not in this folder */
	WITNESS_CLOCK_BACK,		/* clock-back: the witness's clock stands before its last cosignature */
	WITNESS_FAULTS
};
const char *witness_fault_name(enum witness_fault f);
/* One sentence, in Chinese if chinese. Static text. */
const char *witness_fault_text(enum witness_fault f, bool chinese);

/* Append the state's text. 0 or CV_ERR_NOMEM. */
int witness_state_encode(const struct witness_state *s, struct buf *ret);
/* Read it, n bytes (0: nothing is known yet). 0 or CV_ERR_FORMAT: it is not what witness_state_encode writes. */
int witness_state_decode(const char *p, size_t n, struct witness_state *ret);

/*
 * Judge the signed note (n bytes) of the log folder dirfd and, if it may be cosigned at now_s (seconds since 1970), change state
 * to what must be durable before it is. introduced: the key of a log that may be new (NULL: none is). 0: *ret_log is its entry;
 * CV_ERR_AUTH: not to be cosigned, why stands in *ret_fault, state is unchanged; CV_ERR_LIMIT (too many logs), CV_ERR_NOMEM, CV_ERR_IO.
 */
int witness_check(int dirfd, const char *note, size_t n, const struct vkey *introduced, uint64_t now_s, struct witness_state *state,
    const struct witness_log **ret_log, enum witness_fault *ret_fault) __attribute__((warn_unused_result));

/* A witness's secret: its Ed25519 seed. The holder wipes it. */
struct witness_key {
	struct vkey key;	/* type NOTE_COSIGNATURE */
	uint8_t seed[32];
};
/* A fresh key of this name. 0 or CV_ERR_ARG: it is no key name. */
int witness_key_new(const char *name, struct witness_key *ret);
/* Append the one line of a key file: PRIVATE+KEY+NAME+hash+base64(0x04 ‖ seed), as Go's sumdb/note writes signers. 0 or CV_ERR_NOMEM. */
int witness_key_encode(const struct witness_key *k, struct buf *ret);
/* Read it. 0 or CV_ERR_FORMAT. */
int witness_key_decode(const char *p, size_t n, struct witness_key *ret);
/*
 * Append the signed note with the witness's cosignature at time_s behind its lines; an earlier one of the same key is left out. 0,
 * CV_ERR_FORMAT, CV_ERR_LIMIT (it has as many lines as a note may have), CV_ERR_NOMEM.
 */
int witness_sign(const struct witness_key *k, const char *note, size_t n, uint64_t time_s, struct buf *ret);

#endif

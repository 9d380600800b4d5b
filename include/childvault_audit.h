/*
 * Offline verification of a Childvault log folder: a public C interface.
 *
 * A log folder is DIR/log of a vault, a copy of it, or what `childvault audit export` wrote: `checkpoint`, `log.vkey`, `epochs`,
 * `seals/`, `tile/`, perhaps `tail`, `tags` and `policy/` (docs/FORMAT.md section 10). Nothing else is read and no key is
 * needed. What is proven: the leaves that the checkpoint covers are, byte for byte and in this order, those that the log's keys
 * signed, and every past day was closed with that day's own key. What no folder alone can prove is that nothing newer existed:
 * compare with a checkpoint that you kept (known_file). Trust begins with the verifier key: give the one that you got when the
 * vault was made (vkey_file), not the one that lies in the folder.
 *
 * Any thread; a call keeps no state.
 */
#ifndef CHILDVAULT_AUDIT_H
#define CHILDVAULT_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CHILDVAULT_AUDIT_NONE UINT64_MAX	/* a position that does not apply */

/* What can be found; the list is closed and its names (childvault_audit_name) are stable. */
enum childvault_audit_kind {
	CHILDVAULT_AUDIT_FORMAT_BAD,		/* format-bad: bytes that do not follow docs/FORMAT.md */
	CHILDVAULT_AUDIT_VKEY_DIFFERS,		/* vkey-differs: the folder's log.vkey is not the given one */
	CHILDVAULT_AUDIT_CHECKPOINT_MISSING,	/* checkpoint-missing */
	CHILDVAULT_AUDIT_ORIGIN_WRONG,		/* origin-wrong: signed for another log */
	CHILDVAULT_AUDIT_SIGNATURE_MISSING,	/* signature-missing: of the log's key, or of an epoch's */
	CHILDVAULT_AUDIT_SIGNATURE_BAD,		/* signature-bad: text or signature changed, or another key */
	CHILDVAULT_AUDIT_EPOCH_KEY_WRONG,	/* epoch-key-wrong: signed by another epoch's key than the leaves ask for */
	CHILDVAULT_AUDIT_EPOCHS_CHANGED,	/* epochs-changed: the file does not fit leaf 0, or is missing */
	CHILDVAULT_AUDIT_GENESIS_BAD,		/* genesis-bad: leaf 0 is none, or stands elsewhere too */
	CHILDVAULT_AUDIT_LOG_KEY_WRONG,		/* log-key-wrong: leaf 0 names another key or origin */
	CHILDVAULT_AUDIT_GENESIS_SIGNATURE_BAD,	/* genesis-signature-bad: an administrator's signature of leaf 0 */
	CHILDVAULT_AUDIT_GENESIS_UNSIGNED,	/* genesis-unsigned (note): fewer than two persons, administrators, have signed it */
	CHILDVAULT_AUDIT_BUNDLE_MISSING,	/* bundle-missing */
	CHILDVAULT_AUDIT_LEAF_CHANGED,		/* leaf-changed: the bytes are not those of the tree */
	CHILDVAULT_AUDIT_INDEX_WRONG,		/* index-wrong: a leaf that says another index than it has */
	CHILDVAULT_AUDIT_EPOCH_ORDER,		/* epoch-order: a day out of order, or begun without its predecessor's end */
	CHILDVAULT_AUDIT_SEGMENT_UNKNOWN,	/* segment-unknown: sealed under a key that no leaf gave to the auditors */
	CHILDVAULT_AUDIT_TIME_BACKWARDS,	/* time-backwards (note): a leaf older than the one before it */
	CHILDVAULT_AUDIT_TILE_MISSING,		/* tile-missing */
	CHILDVAULT_AUDIT_TILE_CHANGED,		/* tile-changed: not the hashes of the leaves */
	CHILDVAULT_AUDIT_ROOT_MISMATCH,		/* root-mismatch: leaves and tiles agree, but not with what was signed */
	CHILDVAULT_AUDIT_SEAL_MISSING,		/* seal-missing: a closed epoch without its checkpoint */
	CHILDVAULT_AUDIT_SEAL_ORDER,		/* seal-order: seals that do not follow each other, or close no epoch */
	CHILDVAULT_AUDIT_LOG_TRUNCATED,		/* log-truncated: something signed covers leaves that are not here */
	CHILDVAULT_AUDIT_TAIL_TORN,		/* tail-torn (note beyond the checkpoint): the tail ends within a leaf, or too early */
	CHILDVAULT_AUDIT_SIZE_AHEAD,		/* size-ahead (note): leaves beyond the checkpoint, unsigned */
	CHILDVAULT_AUDIT_EPOCH_SKIPPED,		/* epoch-skipped: days closed together that no operator confirmed */
	CHILDVAULT_AUDIT_EPOCHS_AHEAD,		/* epochs-ahead (note): daily keys that no leaf has committed to */
	CHILDVAULT_AUDIT_LOG_FORKED,		/* log-forked: the log signed another tree too */
	CHILDVAULT_AUDIT_POLICY_STRANGER,	/* policy-stranger: the policy file trusts other logs, not this one */
	CHILDVAULT_AUDIT_COSIGNATURE_BAD,	/* cosignature-bad: a line of one of the policy's witnesses does not fit */
	CHILDVAULT_AUDIT_QUORUM_MISSING,	/* quorum-missing: fewer witnesses have cosigned than the policy asks for */
	CHILDVAULT_AUDIT_TAGS_CHANGED,		/* tags-changed: the column of subject tags does not say what the leaves say */
	CHILDVAULT_AUDIT_DOCUMENT_CHANGED,	/* document-changed: a policy document is not the one that its name stands for */
	CHILDVAULT_AUDIT_KINDS
};

struct childvault_audit_finding {
	enum childvault_audit_kind kind;
	int fault;		/* 1: verification fails; 0: a note */
	const char *file;	/* path within the folder, or ""; valid during the callback */
	uint64_t leaf;		/* first leaf concerned, or NONE */
	uint64_t last_leaf;	/* last one of a range, or NONE */
	uint64_t epoch;		/* or NONE */
	uint64_t position;	/* hash within a tile, or NONE */
};

struct childvault_audit_options {
	const char *dir;	/* the log folder */
	const char *vkey_file;	/* the verifier key to trust; NULL: the folder's own log.vkey */
	const char *known_file;	/* a checkpoint kept from earlier, which this log has to contain; NULL: none */
	const char *policy_file;	/* a C2SP tlog-policy file: logs and witnesses that are trusted; NULL: none is asked for */
	unsigned threads;	/* that hash; 0: as many as there are processors, at most 8 */
	void (*found)(void *cookie, const struct childvault_audit_finding *f);	/* called in the calling thread; may be NULL */
	void *cookie;
};

/* What was covered. Members that could not be learned are zero. */
struct childvault_audit_summary {
	char origin[256];
	char vkey[512];			/* the verifier key that was used, one line */
	uint64_t size;			/* leaves 0 to size - 1 were compared with the signed root */
	uint8_t root[32];		/* as recomputed from the leaves */
	int root_signed;		/* 1: a checkpoint with a good signature names this root */
	uint32_t epoch_first, epoch_last;	/* of the covered leaves */
	uint32_t seals;			/* closed epochs whose seal is good */
	uint64_t first_ms, last_ms;	/* time of the first and of the last covered leaf */
	uint64_t unsigned_leaves;	/* whole leaves beyond the checkpoint */
	uint64_t tiles;			/* hash tiles compared */
	uint64_t kinds[32];		/* covered leaves by kind; kinds[31] counts those above */
	uint64_t missing;		/* of the leaves 0 to size - 1 those that are not here, or not as the tree has them */
	uint64_t mutations;		/* covered leaves that name the state of the store */
	uint64_t state_leaf;		/* the newest of them, if there is any */
	uint8_t state[32];		/* and the hash that it names */
	uint32_t epochs;		/* daily keys that leaf 0 and leaves of kind 20 commit to */
	uint32_t renewals;		/* how many such leaves */
	uint32_t confirmed;		/* times that an operator confirmed the date */
	unsigned witnesses;		/* witnesses of the policy that have cosigned a tree that this log contains */
	uint64_t cosigned_size;		/* leaves that enough of them vouch for */
	uint64_t cosigned_s;		/* since when they all do, seconds since 1970; 0: not enough have, or none are asked for */
	uint64_t faults, notes;
	/* leaf 0 */
	int genesis;			/* 1: it was read */
	int demo;
	uint8_t vault[16];
	uint64_t created_ms;
	uint32_t first_day;		/* days since 1970-01-01 of epoch 0 */
	uint8_t policy[32];		/* digest of the first policy document */
	unsigned administrators;
	unsigned genesis_signatures;	/* good ones */
	unsigned genesis_persons;	/* natural persons behind them */
	int production;			/* it was made under the rules of a production vault */
};

/*
 * Verify a folder. Calls o->found for each finding and fills *ret_summary. Returns 0: no fault; 1: at least one; negative:
 * nothing could be verified (-6: no such folder or no verifier key, -10: reading failed, -1: memory, -2: the given key or
 * known checkpoint is none, or the policy file, -16: the crypto library refused).
 */
int childvault_audit_verify(const struct childvault_audit_options *o, struct childvault_audit_summary *ret_summary);
/* The stable name of a kind, such as "leaf-changed". Static text; "unknown" for other numbers. */
const char *childvault_audit_name(enum childvault_audit_kind kind);
/*
 * Write one sentence about a finding, in Chinese if lang begins with "zh", else in English, to ret (n bytes, always with a
 * NUL; 512 are enough).
 */
void childvault_audit_describe(const struct childvault_audit_finding *f, const char *lang, char *ret, size_t n);

#ifdef __cplusplus
}
#endif

#endif

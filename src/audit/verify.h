/*
 * What the files of the verifier share; its interface is include/childvault_audit.h. Nothing outside src/audit includes this.
 *
 *	verify.c	signed things: keys, checkpoint, seals, genesis; the order of the whole
 *	verify_epochs.c	daily keys: what leaves commit to, days that were skipped
 *	verify_policy.c	witnesses: what they cosigned, whether they are enough
 *	verify_bundle.c	one bundle: reading and hashing it, on any thread
 *	verify_stream.c	all bundles in order: who is right if leaves and tiles differ, the tree
 *	verify_leaves.c	the leaves' own order
 *	verify_tags.c	what helps to read leaves: subject tags, policy documents
 *	verify_text.c	names and sentences
 */
#ifndef CV_AUDIT_VERIFY_H
#define CV_AUDIT_VERIFY_H

#include <stdbool.h>

#include "base/buf.h"
#include "childvault_audit.h"
#include "crypto/merkle.h"
#include "format/leaf.h"
#include "format/note.h"
#include "format/tlog_policy.h"
#include "format/tile.h"

/* A root that somebody signed for a size: seals and the known checkpoint. Sorted by size. */
struct mark {
	uint64_t size;
	uint8_t root[32];
	uint32_t epoch;		/* of a seal */
	bool seal;
	bool outside;		/* somebody kept it: another root under it is another history that this log signed */
	bool differs;		/* its root did not come out */
	uint64_t time_s[TLOG_WITNESSES_MAX];	/* when each witness of the policy cosigned it; 0: not */
	char file[24];
};

/* Days that were closed later than on the day after, in the run of closings that goes on. */
struct late_days {
	uint32_t most;		/* days that one of them came late */
	uint64_t leaf;		/* of the first */
	uint32_t epoch;
	bool confirmed;		/* the leaf before the run says that an operator confirmed days up to: */
	uint32_t to;
};

/* What one leaf must follow on. */
struct leaf_state {
	uint64_t next;		/* index */
	uint32_t epoch;
	uint8_t kind;		/* of the leaf before */
	uint64_t time_ms;
	bool has_segment;
	uint8_t segment[16];
	uint32_t turn;
	bool unsure;		/* a leaf was missing or changed: what follows cannot be held against it */
	bool segment_unsure;	/* it may have opened a segment */
};

struct verify {
	const struct childvault_audit_options *o;
	struct childvault_audit_summary *sum;
	int dirfd;
	int error;		/* the first failure that is not a finding */

	struct vkey key;
	uint8_t *epochs;	/* public keys, 32 bytes each */
	uint32_t epoch_n;	/* in the file */
	bool epochs_torn;	/* and a part of one more */
	uint32_t committed;	/* of them, those that leaves seen so far commit to */
	struct late_days late;
	struct tlog_policy *policy;	/* NULL: none was given */
	struct buf policy_text;
	uint64_t time_s[TLOG_WITNESSES_MAX];	/* as in a mark, of the checkpoint */
	bool has_checkpoint;	/* a good one: size and root are signed */
	bool exact;		/* size is a checkpoint's, if not a good one's: partial tiles must fit it */
	uint64_t size;
	uint8_t root[32];
	bool has_epoch_sig;
	uint32_t epoch_sig;	/* the epoch whose key signed the checkpoint */
	struct mark *mark;
	size_t marks, mark_at;
	uint8_t *seal_there;	/* by epoch: 1 a file, good or not */
	uint64_t good_size;	/* greatest size whose signed root came out */
	uint64_t bad_size;	/* least one whose did not; 0: none */
	uint64_t missing_from;	/* first bundle of a run of missing ones, UINT64_MAX: none */

	struct merkle_frontier tree;
	bool tree_known;	/* no gap so far */
	uint8_t upper[TILE_LEVELS][TILE_WIDTH][32];	/* recomputed hashes of the tile that grows at each level */
	struct buf parent;	/* the tile of level 1 that the present bundles' roots stand in; empty: it is not there */
	uint64_t parent_n;	/* its number, UINT64_MAX: none read yet */
	struct leaf_state leaf;
	uint64_t tags_there;	/* whole entries of log/tags; 0 too if there is no such file */
	uint8_t admin_pk[UINT8_MAX][32];	/* from leaf 0 */
	uint8_t admin_id[UINT8_MAX][16];
	uint8_t admin_person[UINT8_MAX][16];
	uint8_t admin_signed[UINT8_MAX];	/* 1: a good signature of leaf 0 */
	uint8_t genesis_hash[32];
};

/* One bundle. */
struct bundle {
	uint64_t n;
	struct buf bytes;
	int result;		/* of reading: 0, CV_ERR_NOTFOUND, CV_ERR_LIMIT, CV_ERR_IO */
	unsigned leaves;	/* whole ones, at most TILE_WIDTH */
	bool whole;		/* and nothing behind them */
	uint32_t at[TILE_WIDTH + 1];
	uint8_t hash[TILE_WIDTH][32];
	uint8_t root[32];	/* of all TILE_WIDTH leaves, if there are */
	struct buf tile;	/* tile/0/n */
	int tile_result;	/* of reading it: 0 if it is there and has the right length */
};
void bundle_init(struct bundle *b);
void bundle_free(struct bundle *b);
/* Read path as bundle n, split and hash it. Any thread. */
void bundle_read(struct bundle *b, int dirfd, const char *path, uint64_t n);
/* Read full bundle n and its full tile. Any thread. */
void bundle_read_full(struct bundle *b, int dirfd, uint64_t n);
/* Call take for the full bundles 0 to count - 1 in order, in this thread; threads read and hash ahead. 0 or CV_ERR_NOMEM. */
int bundles_each(int dirfd, uint64_t count, unsigned threads, void (*take)(void *cookie, struct bundle *b), void *cookie);

/* Report. file may be NULL; positions CHILDVAULT_AUDIT_NONE. */
void found(struct verify *v, enum childvault_audit_kind kind, bool fault, const char *file, uint64_t leaf, uint64_t last_leaf,
    uint64_t epoch, uint64_t position);
/* Whether log/tags has an entry for each leaf; then, of the first count leaves of a bundle that are as believed, what their entries say. */
void verify_tags_begin(struct verify *v);
void verify_tags(struct verify *v, const struct bundle *b, unsigned count, const uint8_t (*believed)[32]);
/* The digests of the files in log/policy. */
void verify_documents(struct verify *v);
/* 32 bytes each. */
typedef const uint8_t (*hashes)[32];
/* Those of a bundle's first count leaves that are as believed (NULL: none is), one after the other; the others break the order. */
void verify_leaves(struct verify *v, const struct bundle *b, unsigned count, hashes believed, const char *file);
/* Bundles, tiles, tail. */
void verify_stream(struct verify *v);
/* Take apart and judge a signed checkpoint. True: both signatures and the origin are good. *ret_parsed: *ret is what it says. */
bool verify_signed(struct verify *v, const struct buf *b, const char *file, uint64_t want, struct checkpoint *ret, bool *ret_parsed,
    uint32_t *ret_epoch);
/* Add a signed root to those that the leaves must lead to. m->size is above 0. */
void verify_mark(struct verify *v, const struct mark *m);
/* A fault of a file as a whole. */
void found_file(struct verify *v, enum childvault_audit_kind kind, const char *file);
/* Read a file that the caller names, which may lie anywhere. 0, CV_ERR_NOTFOUND, CV_ERR_FORMAT (too long), CV_ERR_IO. */
int outside_read(const char *path, struct buf *ret);
/* The policy file: read it, and what the files checkpoint and cosigned say by it. 0 or why the policy cannot be used. */
int policy_read(struct verify *v);
/* After all leaves: who vouches for how much. */
void policy_conclude(struct verify *v);
/* What leaf 0 says about the daily keys, against the list. */
void epochs_genesis(struct verify *v, const uint8_t root[32], uint32_t n);
/* A leaf that is as the tree has it, from the side of days: closings, confirmations, further keys. After leaf 0's own check. */
void epochs_leaf(struct verify *v, const struct leaf *l, const char *file);
/* A leaf that is not: what came late is not to be judged. */
void epochs_lost(struct verify *v);
/* After all leaves. */
void epochs_conclude(struct verify *v);
/* Leaf 0 and the leaf that says who signed it (verify.c), called for those that are as the tree has them. */
void verify_genesis(struct verify *v, const struct leaf *l, const uint8_t hash[32]);
void verify_genesis_result(struct verify *v, const struct leaf *l);

#endif

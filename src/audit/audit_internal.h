/*
 * What the files of the audit writer share. Nothing outside src/audit includes this.
 *
 *	audit.c		open, close, create; key segments and leaves (core's thread)
 *	append.c	log/ files behind the journal (the store's apply thread), and its resumption
 *	checkpoint.c	signing, partial tiles, epochs (core's thread)
 *	read.c		tiles, bundles and leaves for readers (core's thread)
 *	tags.c		the column of subject tags: what append.c puts into it, and searches (core's thread)
 */
#ifndef CV_AUDIT_INTERNAL_H
#define CV_AUDIT_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "crypto/crypto.h"
#include "crypto/merkle.h"
#include "format/note.h"
#include "format/tile.h"
#include "store/store.h"

#define BUNDLE_MAX (TILE_WIDTH * (2u + STORE_LEAF_MAX))	/* bytes of an entry bundle */
#define EPOCH_NAME_MAX (NOTE_NAME_MAX + 24)		/* origin, "/fs/", digits */
#define DAY_MS 86400000u
#define NEAR_TILES 2u		/* of a level: a proof between two trees goes along two edges */
#define TAGS_FILE "tags"
#define POLICY_FOLDER "policy"
#define TAGS_BATCH_MAX (256u << 20)	/* of one batch of leaves */
#define TAGS_ENTRY 20u		/* u32 epoch, 16 subject tag */

/* What a leaf of kind 20 says first. */
enum { FS_RENEW_KEYS = 1, FS_RENEW_CONFIRMED = 2 };

/* The growing right edge of the tree: what the next leaf is added to. */
struct edge {
	struct merkle_frontier frontier;
	/* For each level of tiles the hashes after its last full tile; there are (size >> 8 * level) mod 256. */
	uint8_t hash[TILE_LEVELS][TILE_WIDTH][32];
	struct buf tail;	/* leaves after the last full bundle, as on disk */
};

/*
 * 1. The apply thread alone uses next; shown is under the lock. Both are equal whenever the hook is not running.
 * 2. What shown holds is durable on disk.
 */
struct appender {
	struct edge next;
	size_t tail_synced;	/* bytes of next.tail that stand in the file tail, at its start */
	bool tail_new;		/* the file tail holds something else than next.tail's start */
	uint64_t tiles_from[TILE_LEVELS];	/* first full tile of each level that this batch wrote */
	uint64_t tiles_to[TILE_LEVELS];		/* one past the last; equal: none */
	int error;		/* of a write within merkle_add */
	struct buf tags;	/* entries of log/tags that this batch adds */
	uint64_t signed_size;	/* a checkpoint that was on disk at the start covers leaves beyond the note: */
	uint8_t signed_root[32];	/* what is replayed must lead to this root. 0: none */
	uint8_t note[MERKLE_NOTE_MAX];
	pthread_mutex_t lock;
	struct edge shown;
};

/* The present key segment. */
struct segment {
	struct secret *key;	/* K_t */
	bool open;
	uint8_t id[16];
	uint32_t turn;
	uint32_t leaves;	/* sealed under it */
	uint64_t opened_ms;
	uint64_t until_ms;	/* it ends with its month, whose keys it is sealed to */
	uint64_t index;		/* of its own leaf */
};

/* A tile that a proof has read. */
struct near_tile {
	bool is;		/* it holds one: its name, and its hashes */
	uint64_t n;
	unsigned width;
	uint8_t hash[TILE_WIDTH][32];
};

struct audit {
	struct audit_options o;
	int dirfd;		/* log/ */
	uint8_t key_id[4];	/* of the stable key */
	uint8_t policy[16];
	struct segment segment;
	bool built_any;		/* a leaf was built in this turn, the last of them at: */
	uint64_t built;
	struct buf leaf;	/* reused: the leaf being built */
	struct buf plain;	/* reused: plaintext of a body */

	bool broken;		/* a file of a checkpoint could not be written or synced */
	bool has_signed;	/* note holds the newest checkpoint: */
	uint64_t signed_size;
	uint8_t signed_root[32];
	struct buf note;
	bool has_epoch_pk;	/* the public key of epoch_pk_of, from the file epochs */
	uint32_t epoch_pk_of;
	uint8_t epoch_pk[32];

	struct near_tile near[TILE_LEVELS][NEAR_TILES];	/* tiles that proofs read last, by level */
	unsigned near_next;	/* which of a level's makes room */

	uint64_t cached;	/* bundle in cache, with its first cached_n leaves; UINT64_MAX: none */
	unsigned cached_n;
	uint32_t cached_at[TILE_WIDTH + 1];	/* offset of each leaf's length, and the end */
	struct buf cache;

	struct appender appender;
};

void edge_init(struct edge *e);
void edge_free(struct edge *e);
/* Number of hashes that the edge holds for a level of tiles. */
static inline unsigned edge_width(const struct edge *e, unsigned level)
{
	return (unsigned)(e->frontier.size >> (8 * level)) & (TILE_WIDTH - 1);
}
/* Full tiles of a level in a tree of size leaves. */
static inline uint64_t tiles_full(uint64_t size, unsigned level)
{
	return level < TILE_LEVELS - 1 ? size >> (8 * (level + 1)) : 0;
}
/*
 * Find count leaves (0: as many as there are) in n bytes of a bundle; ret_at gets the offset of each one's length, and the
 * end. Returns how many there are whole, at most TILE_WIDTH.
 */
unsigned bundle_split(const uint8_t *p, size_t n, unsigned count, uint32_t ret_at[TILE_WIDTH + 1]);
/* The entry of a leaf in log/tags; zeros for what is too short to be a leaf. */
void tags_entry(const uint8_t *leaf, size_t n, uint8_t ret[TAGS_ENTRY]);
/* Make log/tags hold the first size leaves, reading those that it lacks from their bundles and the tail. 0, CV_ERR_FORMAT, CV_ERR_IO ... */
int tags_resume(struct audit *a);
/* C2SP key id. */
void note_key_id(const char *name, const uint8_t pk[32], uint8_t ret[4]);
/* Read log/checkpoint into the signed_ members. 0 (also if there is none), CV_ERR_FORMAT, CV_ERR_AUTH, CV_ERR_IO. */
int checkpoint_load(struct audit *a);
/* audit_catch_up, of at most max days. */
int epochs_catch_up(struct audit *a, struct store *s, uint64_t now_ms, uint32_t max);
/* End the key segment and wipe its key. */
void segment_end(struct audit *a);

#endif

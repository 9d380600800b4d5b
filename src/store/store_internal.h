/*
 * What the files of store share: the block, the overlay, the journal's ring of files, the tables in LMDB, and the
 * handover to the apply thread. Nothing outside src/store includes this.
 *
 *	block.c		a block's bytes: items, checksum, strict check
 *	overlay.c	newest value of each key that is not yet in LMDB, hashed and in order
 *	journal.c	the ring of files: create, open, place, write, look, search
 *	tables.c	LMDB: environment, read transaction, META row "journal"
 *	apply.c		the second thread: leaves -> hook, the overlay's old half -> LMDB
 *	rows.c		a half's rows into LMDB
 *	replay.c	from the files to the state before the first turn
 *	scan.c		both sources merged in key order
 *	compact.c	what was deleted leaves the files of a store that is closed
 *	store.c		create, open, close, turns
 */
#ifndef CV_STORE_INTERNAL_H
#define CV_STORE_INTERNAL_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "store/store.h"

/* ---- block.c -------------------------------------------------------------------------------------------------- */

#define BLOCK_FORMAT 1u
#define BLOCK_CLEAN 0x01u		/* flag: the clean-stop mark */
#define BLOCK_HEAD 40u			/* bytes before the first item */
#define BLOCK_TAIL 20u			/* MAC and checksum */
#define BLOCK_MIN 64u			/* a block without items; also the length of the zeros written after each block */
#define BLOCK_SLACK 32u			/* at least padding plus BLOCK_TAIL */
#define ITEM_PUT_HEAD 7u		/* op, table, key length, value length */
#define ITEM_DEL_HEAD 3u
#define ITEM_LEAF_HEAD 3u

enum item_op { ITEM_PUT = 1, ITEM_DEL, ITEM_LEAF };

/* One item of a block; the pointers lead into the block. A leaf has no key and its bytes are the value. */
struct item {
	const uint8_t *key;
	const uint8_t *val;
	uint32_t val_n;
	uint8_t op;		/* enum item_op */
	uint8_t table;		/* enum store_table, 0 for a leaf */
	uint8_t key_n;
};

/*
 * One block, from its turn until it is in LMDB and out of the overlay. Its bytes stay where they are durable, in the journal's file, which
 * is mapped; of them memory holds the leaves alone, until the hook has taken them: what is signed is what was decided, whoever reaches the
 * files meanwhile. The bytes of rows are the file's for as long as LMDB's are: sealed each for itself, and never taken for a length.
 */
struct block {
	struct block *next;		/* the following block of whichever list holds this one */
	const uint8_t *p;		/* its bytes: until it is durable those of store.turn, then the mapped file's; in a replay own */
	uint8_t *own;			/* freed with it: its leaves as leaf_read takes them; in a replay first the whole block */
	uint32_t own_n;			/* bytes of its leaves */
	uint32_t n;			/* its length, a multiple of 8; 0 while its turn is open */
	uint32_t puts;			/* puts and deletes in it */
	uint32_t leaves;
	uint32_t file;			/* where it stands */
	uint64_t offset;
	uint64_t seq;			/* 1 for the first of all */
	uint64_t first_leaf;
	uint64_t since_ms;		/* monotonic time at which it became pending */
	uint8_t flags;
	uint8_t prev[STORE_MAC];	/* MAC of the block before it */
	uint8_t mac[STORE_MAC];
};

/* Read the item at p, which has been written by this process or has passed block_check. Returns its length. */
size_t item_read(const uint8_t *p, struct item *ret);
/* Read the leaf at p, of bytes that block_keep_leaves gave. Returns its length with what stands before it. */
size_t leaf_read(const uint8_t *p, struct store_leaf *ret);
/* Copy the leaves of b, whose items are as item_read wants them. *ret is the caller's, NULL if there are none. 0 or CV_ERR_NOMEM. */
int block_keep_leaves(const struct block *b, uint8_t **ret, uint32_t *ret_n);
/* Length of a block whose items end at offset end. */
size_t block_total(size_t end);
/*
 * Finish b, whose header space and items fill turn: pad, header, MAC over b->prev, checksum, then BLOCK_MIN zeros
 * behind it (not counted in b->n). turn has room for that. Sets b->n, b->mac.
 */
void block_seal(struct block *b, struct buf *turn, const struct store_hooks *h);
/* Whether the n bytes at p start like a block that is at most max bytes long; its length and sequence if so. */
bool block_head(const uint8_t *p, size_t n, size_t max, uint32_t *ret_n, uint64_t *ret_seq);
/* Whether the checksum over the block of n bytes fits. */
bool block_sum_ok(const uint8_t *p, uint32_t n);
/* Take b's fields from its bytes b->p, b->n, and check every item. 0 or CV_ERR_FORMAT. */
int block_check(struct block *b);
/* Free b and what it owns. NULL is allowed. */
void block_free(struct block *b);
/* Free a list up to its end. */
void block_free_list(struct block *b);

/* ---- overlay.c ------------------------------------------------------------------------------------------------ */

#define NODE_HELD 3

/* One key with its newest pending put or delete, which stands at off in blk. */
struct node {
	struct block *blk;
	uint64_t held[NODE_HELD];	/* the key's first bytes, as key_word gives them: nearly all compares end here */
	uint32_t off;
	uint32_t hash;		/* also the node's priority in its tree */
	uint32_t left;		/* children in the order of the table's keys; 0 = none. left chains nodes that wait for the tree */
	uint32_t right;
	uint32_t prev;		/* neighbours in that order; 0 = none */
	uint32_t next;
	uint32_t val_n;		/* lengths and op are the node's own: what stands in a file may change */
	uint8_t table;
	uint8_t key_n;
	uint8_t op;		/* ITEM_PUT or ITEM_DEL */
};

/* What a put of the open turn replaced: blk is NULL if the young half had no such key. */
struct undo {
	struct block *blk;
	uint32_t off;
	uint32_t val_n;
	uint32_t node;
	uint8_t op;
};

/*
 * A hash for store_get and one treap a table for scans, over the same nodes.
 *   1. Every node is in slots once, and once in the tree of its table or in the list of those that wait for it.
 *   2. slots is at most half full, its size a power of two; a node's slot was found when no later node had one.
 *   3. A node's block is pending, or applied but not yet freed, or the open turn's.
 */
struct half {
	struct node *nodes;	/* nodes[0] is no node */
	uint32_t cap;
	uint32_t used;		/* nodes taken, with nodes[0]; the newest is the last */
	uint32_t *slots;	/* node numbers, 0 = empty; linear probing */
	uint32_t slot_mask;
	uint32_t root[STORE_TABLES];
	uint32_t wait[STORE_TABLES];	/* the newest node that is not in the tree; it chains the older ones */
	uint32_t wait_n[STORE_TABLES];
};

/* Of a key that both halves have, the young one's counts. */
struct overlay {
	struct half half[2];
	unsigned int young;	/* 0 or 1: where puts go */
	struct undo *undo;	/* of the open turn, oldest first; all of it is about the young half */
	size_t undo_n;
	size_t undo_cap;
	uint64_t seed;		/* of the hash, so that keys cannot be chosen to collide */
};

enum seek { SEEK_GE, SEEK_GT, SEEK_LE, SEEK_LT, SEEK_FIRST, SEEK_LAST };

/* Where a scan is. Good until the next put. */
struct overlay_cursor {
	uint32_t at[2];		/* each half's next node, 0 = none */
	bool reverse;
};

int overlay_init(struct overlay *o);
void overlay_free(struct overlay *o);
/* The item at off in blk becomes its key's newest. 0 or CV_ERR_NOMEM (nothing changed). */
int overlay_put(struct overlay *o, struct block *blk, uint32_t off);
/* The item of a node. */
void node_item(const struct node *nd, struct item *ret);
/* The newest item of a key, or false. */
bool overlay_get(const struct overlay *o, uint8_t t, const uint8_t *key, size_t n, struct item *ret);
/* Begin a scan of t at the neighbour of a key; it goes down for SEEK_LE, SEEK_LT and SEEK_LAST, else up. */
void overlay_seek(struct overlay *o, uint8_t t, enum seek how, const uint8_t *key, size_t n, struct overlay_cursor *ret);
/* The item at which c stands, or false at the end. */
bool overlay_item(const struct overlay *o, const struct overlay_cursor *c, struct item *ret);
/* Go on to the next key. */
void overlay_step(const struct overlay *o, struct overlay_cursor *c);
/* Take back the newest puts until undo_n is to. */
void overlay_undo(struct overlay *o, size_t to);
/*
 * What is young becomes old, which has to be empty, between turns: later puts are kept apart from it. The half that is old now: until
 * overlay_drop_old nothing of its nodes changes but the links of the tree.
 */
const struct half *overlay_freeze(struct overlay *o);
/* Keys of the young half. */
size_t overlay_young(const struct overlay *o);
/* Forget what is old: it is in LMDB. */
void overlay_drop_old(struct overlay *o);
/* Forget all. */
void overlay_clear(struct overlay *o);
/* Bytes at to at + 7 of a key of n bytes, big-endian, zeros behind its end: words compare as the bytes do. */
uint64_t key_word(const uint8_t *key, size_t n, size_t at);
/* Order of keys: memcmp, then length. */
int key_cmp(const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n);

/* ---- journal.c ------------------------------------------------------------------------------------------------ */

#define JOURNAL_START 4096u		/* bytes of a file before its first block */
#define JOURNAL_FILES_MAX 64u
#define JOURNAL_FILE_MIN (64u << 10)
#define JOURNAL_FILE_MAX (1u << 30)

struct journal_file {
	int fd;
	uint8_t *map;			/* its bytes, to be read alone; NULL if it is not mapped */
	uint64_t last_seq;		/* the newest block in it; 0 if none */
	uint64_t leaves_end;		/* all leaves in it lie below */
};

struct journal {
	int lock_fd;			/* holds the flock */
	uint32_t files;
	uint32_t file;			/* the next block goes there, if it fits */
	uint64_t off;
	uint64_t file_bytes;
	size_t block_max;		/* bytes of a block: STORE_BLOCK_MAX, less if the files are small */
	size_t reserve;			/* of them kept for leaves */
	int cut_file;			/* its start holds a cut block that no later block has replaced yet, or -1 */
	struct journal_file f[JOURNAL_FILES_MAX];
};

/* Write the folder dirfd full of journal files. 0, CV_ERR_EXISTS, CV_ERR_FULL, CV_ERR_IO. */
int journal_create(int dirfd, uint32_t files, uint64_t file_bytes);
/* Open the files of dirfd and hold its lock. 0, CV_ERR_BUSY, CV_ERR_FORMAT, CV_ERR_IO. journal_close in every case. */
int journal_open(struct journal *j, int dirfd);
/* Map the files of dirfd, which are open. 0, CV_ERR_IO, CV_ERR_NOMEM. */
int journal_map(struct journal *j, int dirfd);
/* The bytes of a placed block in its mapped file. */
const uint8_t *journal_at(const struct journal *j, const struct block *b);
void journal_close(struct journal *j);

enum spot { PLACE_HERE, PLACE_NEXT, PLACE_UNAPPLIED, PLACE_UNSIGNED };
/* Where a block of n bytes would go; or why the next file cannot be taken yet. */
enum spot journal_place(const struct journal *j, size_t n, uint64_t applied_seq, uint64_t checkpointed);
/* Whether the file behind the one that is written holds blocks that have to be in LMDB before it is taken again. */
bool journal_next_waits(const struct journal *j, uint64_t applied_seq);
/* The place that journal_place named is b's: sets its file and offset. */
void journal_claim(struct journal *j, struct block *b);
/* Write b and the zeros that stand behind it (BLOCK_MIN bytes after b->n) at its place, and sync. 0 or CV_ERR_IO. */
int journal_write(const struct journal *j, const struct block *b);
/* That block is durable. 0 or CV_ERR_IO. */
int journal_written(struct journal *j);
/* Make sure that nothing but zeros will follow a block of BLOCK_MIN bytes. 0 or CV_ERR_IO. */
int journal_zero_ahead(struct journal *j);
/* Write b again where it stands and sync. 0, CV_ERR_IO, CV_ERR_NOMEM. */
int journal_rewrite(struct journal *j, const struct block *b);

enum found { FOUND_BLOCK, FOUND_NOTHING, FOUND_JUNK };
/*
 * See what stands at off of a file: the block of sequence seq (then *ret_block, its checksum right, to be freed by the
 * caller); nothing (zeros, or a whole block of an earlier lap); or *ret_junk bytes of something else. 0, CV_ERR_IO,
 * CV_ERR_NOMEM.
 */
int journal_look(struct journal *j, uint32_t file, uint64_t off, uint64_t seq, enum found *ret_found,
    struct block **ret_block, uint64_t *ret_junk);
/* Whether any whole block of at least sequence seq stands anywhere. 0, CV_ERR_IO, CV_ERR_NOMEM. */
int journal_search(struct journal *j, uint64_t seq, bool *ret_found);

#define STORE_COPY "data.mdb.new"	/* in store/: a copy that compact.c has not finished */

/* ---- tables.c ------------------------------------------------------------------------------------------------- */

/* META row "journal": the last block in LMDB. */
struct applied {
	uint64_t seq;			/* 0 if none */
	uint64_t leaves;		/* leaves up to and with it */
	uint64_t opened;		/* next sequence at the last replay that found a clean-stop mark at the end */
	uint64_t offset;
	uint32_t file;
	uint32_t n;			/* its length; 0 if there is none */
	uint8_t prev[STORE_MAC];
	uint8_t mac[STORE_MAC];
};

struct tables {
	MDB_env *env;
	MDB_dbi dbi[STORE_TABLES];
	MDB_txn *read;			/* core's read transaction */
	bool live;			/* it is not reset */
	MDB_cursor *cursor[STORE_TABLES];
	bool cursor_busy[STORE_TABLES];
};

/* Turn LMDB's result into ours: CV_ERR_FULL for map and disk, CV_ERR_IO for whatever is not expected. */
int tables_error(int rc);
/* Whether the file system that holds the tables has next to no room left. */
bool tables_disk_full(const struct tables *t);
/* Make the tables in dir, with the first "journal" row. 0, CV_ERR_FULL, CV_ERR_IO. */
int tables_create(const char *dir, uint64_t map_bytes);
/* 0, CV_ERR_FORMAT, CV_ERR_IO, CV_ERR_NOMEM. tables_close in every case. */
int tables_open(struct tables *t, const char *dir, uint64_t map_bytes);
void tables_close(struct tables *t);
/* A snapshot for reading, kept until tables_rest. 0 or CV_ERR_IO. */
int tables_read(struct tables *t);
void tables_rest(struct tables *t);
/* 0, CV_ERR_NOTFOUND, CV_ERR_IO. */
int tables_get(struct tables *t, enum store_table table, const void *key, size_t n, struct store_value *ret);
int tables_applied(struct tables *t, struct applied *ret);
/* Put the row into a write transaction. 0 or LMDB's code. */
int tables_put_applied(struct tables *t, MDB_txn *txn, const struct applied *a);
/* The same in a transaction of its own. 0, CV_ERR_FULL, CV_ERR_IO. */
int tables_save_applied(struct tables *t, const struct applied *a);

/* ---- rows.c --------------------------------------------------------------------------------------------------- */

struct row;

/* The apply thread's list of a half's rows in the order of their keys. */
struct rows {
	struct row *row;
	size_t cap;
};

/*
 * Write all rows of h to LMDB, the note under META "log" if it has bytes, and the row "journal". In several transactions, if there are
 * more than piece_bytes: rows of records go first, then all that a sealed vault reads, with note and row, in the last one (docs/FORMAT.md
 * section 7.5). 0, CV_ERR_FULL or CV_ERR_NOMEM (to be tried again with the same half), or another error.
 */
int rows_write(struct rows *r, struct tables *t, const struct half *h, size_t piece_bytes, const struct buf *note,
    const struct applied *row);
void rows_free(struct rows *r);

/* ---- apply.c -------------------------------------------------------------------------------------------------- */

/* Lists and flags stand under lock; "thread's" is touched by the apply thread alone once it runs. */
struct applier {
	pthread_t thread;
	bool made;			/* lock, wake and done are initialised */
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t wake;		/* to the thread */
	pthread_cond_t done;		/* from it */
	int efd;
	struct block *head;		/* durable, not in LMDB; the thread never reads the last one's next */
	struct block *tail;
	struct block *feed;		/* of them the first whose leaves the hook has not taken; NULL: none */
	size_t bytes;			/* of the blocks from head on */
	size_t feed_bytes;		/* of the leaves from feed on */
	const struct half *ripe;	/* goes into LMDB once the hook has the leaves of its blocks; NULL: none */
	struct block *ripe_last;	/* its last block */
	size_t ripe_bytes;		/* of blocks up to that */
	struct block *done_head;	/* in LMDB, still in the overlay */
	struct block *done_tail;
	uint64_t retry_ms;		/* not before, after LMDB or the log was full */
	bool flush;			/* at once, until nothing is left to do or an attempt fails */
	bool stop;
	atomic_bool failed;		/* for good: journal, hook, or LMDB */
	atomic_bool full;		/* the last attempt found LMDB full */
	_Atomic uint64_t seq;		/* last block in LMDB */
	_Atomic uint64_t leaves;	/* that the hook has taken */
	struct applied last;		/* thread's: the row */
	struct store_leaf *leaf;	/* thread's */
	size_t leaf_cap;
	struct rows rows;		/* thread's */
	struct buf note;		/* thread's: what the hook said last */
};

int applier_init(struct store *s);
int applier_start(struct store *s);
/* Stop the thread, free what waits. */
void applier_free(struct store *s);
/* Hand over a durable block. */
void applier_push(struct store *s, struct block *b);
/* Forget all blocks, before the thread runs. */
void applier_unload(struct store *s);
/* Have the old half written to LMDB, which has the rows of all blocks so far. None is under way. */
void applier_ripe(struct store *s, const struct half *old);
/* Do at once what there is to do; wait until it is done, an attempt fails, or until enough(s) answers true or wait_ms (0 = ever) passed. */
void applier_flush(struct store *s, bool (*enough)(const struct store *s), uint64_t wait_ms);
/* Bytes of blocks that are not in LMDB, and since when the oldest of them waits (monotonic; 0 if none does). */
size_t applier_waiting(struct store *s, uint64_t *ret_since_ms);
/* Take the list of blocks that are in LMDB and still in the overlay. NULL if there is none. */
struct block *applier_take(struct store *s, struct block **ret_tail);

/* ---- store.c -------------------------------------------------------------------------------------------------- */

/* A point in the turn to which it can be cut back. */
struct mark {
	size_t bytes;		/* of store.turn */
	size_t undo;		/* of the overlay's list */
	uint32_t puts;
	uint32_t leaves;
};

struct store {
	struct store_options o;		/* o.dir is NULL: not ours */
	struct tables t;
	struct journal j;
	struct overlay ov;
	struct applier a;
	struct buf turn;		/* the block of the open turn: header space, then items */
	struct block *cur;		/* its block */
	struct block *spare;		/* the next turn's, while cur is written; else NULL */
	struct mark mark;		/* end of the committed requests; what lies behind is the open request's */
	struct block *clean;		/* in LMDB and out of the overlay; freed bit by bit */
	struct block *clean_tail;
	uint64_t old_seq;		/* last block of the overlay's old half, 0 = that is empty */
	uint64_t gone_seq;		/* blocks up to this one are out of the overlay */
	uint64_t next_seq;
	uint64_t leaves;		/* of durable blocks */
	uint64_t checkpointed;
	uint8_t last_mac[STORE_MAC];
	bool replayed;
	bool in_turn;
};

#endif

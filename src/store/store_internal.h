/*
 * What the files of store share: the block, the overlay, the journal's ring of files, the tables in LMDB, and the
 * handover to the apply thread. Nothing outside src/store includes this.
 *
 *	block.c		a block's bytes: items, checksum, strict check
 *	overlay.c	newest value of each key that is not yet in LMDB, hashed and in order
 *	journal.c	the ring of files: create, open, place, write, look, search
 *	tables.c	LMDB: environment, read transaction, META row "journal"
 *	apply.c		the second thread: blocks -> hook -> LMDB
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

/* One block in memory, from its turn until it is in LMDB and out of the overlay. */
struct block {
	struct block *next;		/* the following block of whichever list holds this one */
	uint8_t *p;			/* its bytes; while its turn is open, those of store.turn */
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
/* Free b and its bytes. NULL is allowed. */
void block_free(struct block *b);
/* Free a list up to its end. */
void block_free_list(struct block *b);

/* ---- overlay.c ------------------------------------------------------------------------------------------------ */

/* One key with its newest pending put or delete, which stands at off in blk. */
struct node {
	struct block *blk;
	uint64_t held[2];	/* the key's first 16 bytes, as key_word gives them: most compares end here */
	uint32_t off;
	uint32_t hash;		/* also the node's priority in its tree */
	uint32_t left;		/* children in the order of the table's keys; 0 = none. left chains nodes that wait for the tree */
	uint32_t right;
	uint32_t prev;		/* neighbours in that order; 0 = none */
	uint32_t next;
	uint8_t table;
	uint8_t key_n;
};

/* What a put of the open turn replaced: blk is NULL if the young half had no such key. */
struct undo {
	struct block *blk;
	uint32_t off;
	uint32_t node;
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
/* What is young becomes old, which has to be empty, between turns: later puts are kept apart from it. */
void overlay_freeze(struct overlay *o);
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
void journal_close(struct journal *j);

enum spot { PLACE_HERE, PLACE_NEXT, PLACE_UNAPPLIED, PLACE_UNSIGNED };
/* Where a block of n bytes would go; or why the next file cannot be taken yet. */
enum spot journal_place(const struct journal *j, size_t n, uint64_t applied_seq, uint64_t checkpointed);
/* The place that journal_place named is b's: sets its file and offset. */
void journal_claim(struct journal *j, struct block *b);
/* Write b and the zeros that stand behind it (BLOCK_MIN bytes after b->n) at its place, and sync. 0 or CV_ERR_IO. */
int journal_write(const struct journal *j, const struct block *b);
/* That block is durable. 0 or CV_ERR_IO. */
int journal_written(struct journal *j);
/* Make sure that nothing but zeros will follow a block of BLOCK_MIN bytes. 0 or CV_ERR_IO. */
int journal_zero_ahead(struct journal *j);
/* Write b again where it stands and sync. 0 or CV_ERR_IO. */
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

/* ---- apply.c -------------------------------------------------------------------------------------------------- */

struct put;

/* Lists and flags stand under lock; "thread's" is touched by the apply thread alone once it runs. */
struct applier {
	pthread_t thread;
	bool made;			/* lock, wake and done are initialised */
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t wake;		/* to the thread */
	pthread_cond_t done;		/* from it */
	int efd;
	struct block *head;		/* durable, not applied; the thread never reads the last one's next */
	struct block *tail;
	size_t bytes;			/* of them */
	struct block *done_head;	/* applied, still in the overlay */
	struct block *done_tail;
	uint64_t retry_ms;		/* not before, after LMDB was full */
	bool flush;			/* apply at once until nothing waits or an attempt fails */
	bool stop;
	atomic_bool has_done;		/* done_head is not NULL: core looks here before it takes the lock */
	atomic_bool failed;		/* for good: journal, hook, or LMDB */
	atomic_bool full;		/* the last attempt found LMDB full */
	_Atomic uint64_t seq;		/* last block in LMDB */
	_Atomic uint64_t leaves;
	_Atomic uint64_t begun;		/* last block of the newest batch that was begun */
	_Atomic uint64_t frozen;	/* last block of the overlay's old half: up to there nothing waits until more is due */
	struct applied last;		/* thread's: the row */
	uint64_t hook_leaves;		/* thread's: leaves the hook has taken */
	struct store_leaf *leaf;	/* thread's */
	size_t leaf_cap;
	struct put *put;		/* thread's */
	size_t put_cap;
	struct buf note;		/* thread's: what the hook said last */
};

int applier_init(struct store *s);
int applier_start(struct store *s);
/* Stop the thread, free what waits. */
void applier_free(struct store *s);
/* Hand over a durable block. */
void applier_push(struct store *s, struct block *b);
/* Apply at once; wait until nothing waits, an attempt fails, or until enough(s) answers true or wait_ms (0 = ever) passed. */
void applier_flush(struct store *s, bool (*enough)(const struct store *s), uint64_t wait_ms);
/* Bytes that wait to be applied. */
size_t applier_waiting(struct store *s);
/* Whether nothing waits to be applied. */
bool applier_idle(struct store *s);
/* Take the list of applied blocks that are still in the overlay; *ret_idle: nothing else waits. */
struct block *applier_take(struct store *s, struct block **ret_tail, bool *ret_idle);

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
	struct mark mark;		/* end of the committed requests; what lies behind is the open request's */
	struct block *clean;		/* applied; freed bit by bit once they are out of the overlay */
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

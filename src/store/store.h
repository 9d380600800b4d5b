/*
 * Transactions on opaque bytes: a journal, LMDB filled behind it, and what is not yet applied in memory.
 *
 * One thread (core's) calls everything here but the hooks named "apply thread". Work is done in turns:
 *
 *	store_turn_begin
 *	    { store_get, store_scan, store_put, store_del, store_leaf ... store_commit or store_rollback }  for each request
 *	store_turn_end		one block of all committed requests, one fdatasync, then answers may leave
 *
 * Inside a turn reads see, newest first: this request's own puts, committed requests of this turn, blocks not yet
 * applied, LMDB. After store_turn_end returned 0 the turn is durable. Pointers from store_get stay valid until the
 * next store_put, store_del, store_commit, store_rollback or store_turn_end.
 *
 * The block format, replay rules and order on disk are docs/FORMAT.md section 7. Every engine behind this header has to
 * pass tests/unit/store_conformance.h.
 */
#ifndef CV_STORE_STORE_H
#define CV_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_KEY_MAX 255		/* bytes of a key, at least 1 */
#define STORE_VALUE_MAX (512u * 1024)	/* bytes of a value; zero is allowed */
#define STORE_LEAF_MAX 65535u		/* bytes of a leaf, at least 1 */
#define STORE_BLOCK_MAX (8u << 20)	/* bytes of one block */
#define STORE_MAC 16

enum store_table {
	STORE_META = 1, STORE_DIR, STORE_GOV, STORE_REC, STORE_HIST, STORE_MAP, STORE_IDX, STORE_TABLES
};

struct store;

/* One leaf as the apply thread sees it; the bytes live until the hook returns. */
struct store_leaf {
	const uint8_t *p;
	size_t n;
};

struct store_hooks {
	void *cookie;
	/*
	 * The block's MAC: BLAKE2b-128(K_journal, prev || the n bytes of the block before its MAC). Called in
	 * store_turn_end and store_replay on the caller's thread.
	 */
	void (*mac)(void *cookie, const uint8_t prev[STORE_MAC], const uint8_t *block, size_t n, uint8_t ret[STORE_MAC]);
	/*
	 * Apply thread, before the rows of their blocks go to LMDB: n leaves, the first at index first. The hook writes and
	 * syncs the files of log/. It must accept leaves it has already written (a crash before the commit repeats all
	 * that came behind the last one). *ret_note, ret_note_n (0 to 4,096 bytes, owned by the hook, valid until its next
	 * call) is stored under META key "log" in the commit of the rows of the same blocks. 0 or CV_ERR_*: CV_ERR_FULL
	 * and CV_ERR_NOMEM are tried again later with the same leaves; any other error stops applying for good and data
	 * verbs answer as after an I/O error.
	 */
	int (*apply_leaves)(void *cookie, uint64_t first, const struct store_leaf *leaves, size_t n,
	    const uint8_t **ret_note, size_t *ret_note_n);
};

struct store_options {
	const char *dir;		/* the vault's folder; uses its store/ (LMDB) and journal/ */
	uint64_t map_bytes;		/* LMDB map size, address space only; 0 takes 64 GiB, or what can be had of it */
	uint32_t journal_files;		/* 2 to 64; 0 takes 4. Only store_create reads it */
	/*
	 * 64 KiB to 1 GiB, a multiple of 8; 0 takes 16 MiB. Only store_create reads it. Below STORE_BLOCK_MAX + 4096 a
	 * block is at most the file less 4,096 bytes, and an eighth of that is kept for leaves: sizes for tests.
	 */
	uint64_t journal_file_bytes;
	uint32_t apply_ms;		/* leaves go to the hook once the oldest has waited so long, or many wait; 0 takes 1,000 ms */
	/* Rows go to LMDB once blocks of so many bytes wait, at most 3/4 of store_waiting's limit; 0 takes 64 MiB. */
	uint64_t apply_bytes;
	uint32_t rows_ms;		/* or with the first turn that begins after the oldest has waited so long; 0 takes 30 s */
	struct store_hooks hooks;
};

/*
 * Make an empty store in dir, which exists: LMDB tables, journal files full of zeros, everything synced. 0,
 * CV_ERR_EXISTS (there is one, or what is left of one), CV_ERR_ARG (sizes), CV_ERR_FULL, CV_ERR_IO.
 */
int store_create(const struct store_options *o);
/*
 * Open without applying anything: a sealed vault may read what LMDB holds. 0, CV_ERR_NOTFOUND, CV_ERR_FORMAT (unknown
 * version), CV_ERR_BUSY (another process holds it), CV_ERR_IO, CV_ERR_NOMEM. *ret_store is freed by store_close.
 */
int store_open(const struct store_options *o, struct store **ret_store);

struct store_replay_report {
	uint64_t blocks;	/* blocks applied again */
	uint64_t leaves;	/* leaves among them */
	uint64_t cut_bytes;	/* bytes of a torn last block that were cut, 0 if none */
	bool clean;		/* the journal ended with a clean-stop mark */
};
/*
 * Replay the journal after the last applied block and start the apply thread; needs hooks.mac. Call once, at unseal,
 * before the first turn. A torn last block is cut and reported; 0, CV_ERR_REPLAY (a bad block before a valid one, or
 * below the applied state, or after a clean-stop mark: the vault must not start), CV_ERR_IO, CV_ERR_NOMEM, CV_ERR_FULL
 * (LMDB has no page left to note the start). MACs that do not fit under the given key while sequence and checksum do give
 * CV_ERR_AUTH. After a failure the store reads what LMDB holds, and replay may be tried again. apply_leaves may be called
 * before this returns. store_checkpointed has to be called after it, or the ring is not recycled.
 */
int store_replay(struct store *s, struct store_replay_report *ret_report);
/*
 * Apply what waits, write the clean-stop mark if clean, stop the thread, close and free. An open turn is forgotten.
 * Without a replay (sealed) or after an I/O error nothing is written. NULL is allowed. 0 or CV_ERR_IO.
 */
int store_close(struct store *s, bool clean);

/* ---- reading -------------------------------------------------------------------------------------------------- */

struct store_value {
	const uint8_t *p;
	size_t n;
};
/*
 * Read one key. 0, CV_ERR_NOTFOUND, CV_ERR_IO. Outside a turn it sees the committed state, and the pointer stays valid
 * until the next store_turn_begin, store_flush or store_close.
 */
int store_get(struct store *s, enum store_table t, const void *key, size_t key_n, struct store_value *ret);

/* Called for each row of a scan; a non-zero return ends the scan and becomes its result. */
typedef int (*store_scan_cb)(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n);
/*
 * Visit rows of t with from <= key and key starting with prefix, in byte order (or from downwards in reverse order if
 * reverse: from NULL then means the last), at most limit rows (0 = no limit). The callback must not call store
 * functions that write; the rows stay where they are as those of store_get do. 0, the callback's non-zero result, or CV_ERR_IO.
 */
int store_scan(struct store *s, enum store_table t, const void *prefix, size_t prefix_n, const void *from, size_t from_n,
    bool reverse, size_t limit, store_scan_cb cb, void *cookie);

/* ---- writing -------------------------------------------------------------------------------------------------- */

/* Begin a turn. 0, CV_ERR_STATE (no replay yet), CV_ERR_IO (poisoned by an earlier failure). */
int store_turn_begin(struct store *s);
/*
 * Whether `bytes` more of keys, values and leaves fit this turn's block, the journal and the overlay. 0 or
 * CV_ERR_FULL. Ask before deciding. Leaves of refusals may use the reserve of 1 MiB that this call keeps free.
 */
int store_room(struct store *s, size_t bytes);
/*
 * Add to the open request, which begins with the first such call after store_turn_begin, store_commit or store_rollback.
 * key and val may be what store_get answered just before. META keys "journal" and "log" are the store's own. 0, CV_ERR_LIMIT
 * (key or value too long), CV_ERR_FULL, CV_ERR_NOMEM; after a failure the request has to be rolled back.
 */
int store_put(struct store *s, enum store_table t, const void *key, size_t key_n, const void *val, size_t val_n);
/* Delete; deleting an absent key is no error. */
int store_del(struct store *s, enum store_table t, const void *key, size_t key_n);
/* Add a leaf to the open request; its index is what store_next_leaf answered before. 0, CV_ERR_LIMIT, CV_ERR_FULL. */
int store_leaf(struct store *s, const void *p, size_t n);
/* Index that the next store_leaf gets: durable leaves, plus committed in this turn, plus in the open request. */
uint64_t store_next_leaf(const struct store *s);
/* Leaves covered by durable blocks. */
uint64_t store_durable_leaves(const struct store *s);
/* The open request's puts and leaves join the turn; later requests of the turn see them. */
void store_commit(struct store *s);
/* Forget the open request's puts and leaves. */
void store_rollback(struct store *s);
/*
 * End the turn: write one block, sync it. An empty turn writes nothing; a request without commit is rolled back. 0;
 * CV_ERR_FULL (journal full and applying is behind or stuck, after waiting at most 2 s, or no memory: nothing was
 * written, the turn is forgotten); CV_ERR_IO (write or sync failed: the turn may or may not reappear after a restart;
 * the store takes no further turn until then).
 */
int store_turn_end(struct store *s) __attribute__((warn_unused_result));
/* End the turn without writing anything: what its requests committed is forgotten too. */
void store_turn_abort(struct store *s);
/* Nothing failed for good so far. */
bool store_healthy(const struct store *s);

/* ---- applying ------------------------------------------------------------------------------------------------- */

/*
 * Wait until every durable block is in LMDB and its leaves in log/. Between turns only. 0, CV_ERR_IO, CV_ERR_FULL (LMDB's
 * map or the disk: reads and the journal go on, applying is tried again later).
 */
int store_flush(struct store *s);
/* Wait until every durable leaf is in log/. As store_flush otherwise. */
int store_flush_leaves(struct store *s);
/* An eventfd that becomes readable whenever the hook has taken leaves or rows are in LMDB; read it to clear. Owned by the store. */
int store_applied_fd(const struct store *s);
/* Leaves that the hook has taken. */
uint64_t store_applied_leaves(const struct store *s);
/* Bytes of durable blocks that are not in LMDB, and how many of them the journal takes before turns have to wait for it. */
size_t store_waiting(struct store *s, size_t *ret_limit);
/*
 * A signed checkpoint now covers leaves below size, durably: journal files whose leaves all lie below it, and whose
 * rows are in LMDB, may be recycled. Not remembered over a restart: tell it again after store_replay.
 */
void store_checkpointed(struct store *s, uint64_t size);

#endif

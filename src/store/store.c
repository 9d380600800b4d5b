/* Create, open, close, and turns. The order of what a turn does is in store.h; what is on disk in docs/FORMAT.md. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/store_internal.h"

#define TURN_FIRST (16u << 10)		/* first room of the turn's buffer */
#define CLEAN_BLOCKS 64u			/* applied blocks that a turn frees at most */
#define RIPE_ROWS 40000u			/* keys of the overlay at which they go to LMDB: 64 bytes each, in two halves */
#define WAIT_MS 2000u			/* turn_end waits so long for a journal file to become free */
#define ROOM_ITEMS 256u			/* item headers that a request of few bytes may have */

/* ---- the open turn -------------------------------------------------------------------------------------------- */

/* Make cur and turn an empty turn behind the last block. 0 or CV_ERR_NOMEM. */
static int turn_reset(struct store *s)
{
	if (s->cur == NULL && (s->cur = calloc(1, sizeof(*s->cur))) == NULL)
		return CV_ERR_NOMEM;
	buf_reset(&s->turn);
	if (s->turn.cap == 0 && buf_reserve(&s->turn, TURN_FIRST) != 0)
		return CV_ERR_NOMEM;
	buf_zero(&s->turn, BLOCK_HEAD);
	memset(s->cur, 0, sizeof(*s->cur));
	s->cur->p = s->turn.p;
	s->mark = (struct mark){ .bytes = BLOCK_HEAD };
	return 0;
}

/* Cut the turn back to its last mark. */
static void turn_cut(struct store *s)
{
	overlay_undo(&s->ov, s->mark.undo);
	buf_cut(&s->turn, s->mark.bytes);
	s->cur->puts = s->mark.puts;
	s->cur->leaves = s->mark.leaves;
}

static void turn_forget(struct store *s)
{
	overlay_undo(&s->ov, 0);
	(void)turn_reset(s);	/* needs no memory: cur and the buffer are there */
}

/* ---- create and open ------------------------------------------------------------------------------------------ */

static void defaults(struct store_options *o)
{
	if (o->journal_files == 0)
		o->journal_files = 4;
	if (o->journal_file_bytes == 0)
		o->journal_file_bytes = 16u << 20;
	if (o->apply_bytes == 0)
		o->apply_bytes = 64u << 20;
	if (o->apply_ms == 0)
		o->apply_ms = 1000;
	if (o->rows_ms == 0)
		o->rows_ms = 30000;
}

/* Open the folder name in dirfd, making it if make. Returns a descriptor or a code. */
static int folder(int dirfd, const char *name, bool make)
{
	int fd;

	if (make && mkdirat(dirfd, name, 0700) != 0 && errno != EEXIST)
		return errno == ENOSPC ? CV_ERR_FULL : CV_ERR_IO;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? CV_ERR_NOTFOUND : CV_ERR_IO;
	return fd;
}

int store_create(const struct store_options *opts)
{
	struct store_options o = *opts;
	int dir = -1, tables = -1, journal = -1, r = CV_ERR_IO;

	defaults(&o);
	if (o.journal_files < 2 || o.journal_files > JOURNAL_FILES_MAX || o.journal_file_bytes < JOURNAL_FILE_MIN ||
	    o.journal_file_bytes > JOURNAL_FILE_MAX || o.journal_file_bytes % 8 != 0)
		return CV_ERR_ARG;
	if ((dir = open(o.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		goto out;
	if ((r = tables = folder(dir, "store", true)) < 0 || (r = journal = folder(dir, "journal", true)) < 0)
		goto out;
	if (faccessat(tables, "data.mdb", F_OK, 0) == 0) {
		r = CV_ERR_EXISTS;
		goto out;
	}
	/* Tables last: a vault without them is not taken for a whole one. */
	if ((r = journal_create(journal, o.journal_files, o.journal_file_bytes)) != 0 ||
	    (r = tables_create(o.dir, o.map_bytes)) != 0)
		goto out;
	if (fsync(tables) != 0 || fsync(journal) != 0 || fsync(dir) != 0)
		r = CV_ERR_IO;
out:
	if (journal >= 0)
		(void)close(journal);
	if (tables >= 0)
		(void)close(tables);
	if (dir >= 0)
		(void)close(dir);
	return r;
}

/* Take the lock and open the files of o->dir. */
static int open_files(struct store *s, const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), journal = -1, r = CV_ERR_IO;
	bool tables;

	if (fd < 0)
		return errno == ENOENT ? CV_ERR_NOTFOUND : CV_ERR_IO;
	tables = faccessat(fd, "store/data.mdb", F_OK, 0) == 0;
	r = journal = folder(fd, "journal", false);
	if (r == CV_ERR_NOTFOUND || !tables)
		r = r == CV_ERR_NOTFOUND && !tables ? CV_ERR_NOTFOUND : CV_ERR_FORMAT;
	if (r >= 0)
		r = journal_open(&s->j, journal);
	if (r == 0)
		r = journal_map(&s->j, journal);
	/* A compaction that was killed: its copy would keep what is deleted from now on. */
	if (r == 0 && unlinkat(fd, "store/" STORE_COPY, 0) != 0 && errno != ENOENT)
		r = CV_ERR_IO;
	if (r == 0)
		r = tables_open(&s->t, dir, s->o.map_bytes);
	if (journal >= 0)
		(void)close(journal);
	(void)close(fd);
	return r;
}

/* Bytes of blocks that may wait: of a ring one file is being written and one may be held by the last block in LMDB. */
static uint64_t waiting_limit(const struct journal *j)
{
	return (j->files > 2 ? j->files - 2 : 1) * j->file_bytes;
}

int store_open(const struct store_options *o, struct store **ret_store)
{
	struct store *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return CV_ERR_NOMEM;
	s->o = *o;
	s->o.dir = NULL;
	defaults(&s->o);
	s->j.lock_fd = -1;
	for (uint32_t i = 0; i < JOURNAL_FILES_MAX; i++)
		s->j.f[i].fd = -1;
	s->a.efd = -1;
	buf_init(&s->turn, STORE_BLOCK_MAX + BLOCK_MIN + BLOCK_SLACK);
	if ((r = overlay_init(&s->ov)) != 0 || (r = applier_init(s)) != 0 ||
	    (r = open_files(s, o->dir)) != 0 || (r = tables_applied(&s->t, &s->a.last)) != 0 || (r = turn_reset(s)) != 0)
		goto out;
	/* A small ring must not wait for the bytes that a large one may hold. */
	if (s->o.apply_bytes > waiting_limit(&s->j) / 4 * 3)
		s->o.apply_bytes = waiting_limit(&s->j) / 4 * 3;
	s->leaves = s->a.last.leaves;
	atomic_store(&s->a.leaves, s->a.last.leaves);
	atomic_store(&s->a.seq, s->a.last.seq);
	*ret_store = s;
	s = NULL;	/* transferred */
out:
	if (s != NULL)
		(void)store_close(s, false);	/* nothing was written that could fail */
	return r;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

int store_get(struct store *s, enum store_table t, const void *key, size_t key_n, struct store_value *ret)
{
	struct item it;

	assert(t >= STORE_META && t < STORE_TABLES);
	if (key_n == 0 || key_n > STORE_KEY_MAX)
		return CV_ERR_NOTFOUND;
	if (!overlay_get(&s->ov, (uint8_t)t, key, key_n, &it))
		return tables_get(&s->t, t, key, key_n, ret);
	if (it.op == ITEM_DEL)
		return CV_ERR_NOTFOUND;
	ret->p = it.val;
	ret->n = it.val_n;
	return 0;
}

/* ---- the overlay's end ---------------------------------------------------------------------------------------- */

/* Free some of the blocks that are in LMDB and out of the overlay. */
static void clean_some(struct store *s)
{
	for (unsigned int i = 0; i < CLEAN_BLOCKS && s->clean != NULL; i++) {
		struct block *b = s->clean;

		s->clean = b->next;
		block_free(b);
	}
	if (s->clean == NULL)
		s->clean_tail = NULL;
}

/* Take over what the apply thread has finished. The caller then needs a fresh snapshot before it reads. */
static void absorb(struct store *s)
{
	struct block *tail = NULL, *b;

	tables_rest(&s->t);
	if (s->old_seq != 0 && atomic_load(&s->a.seq) >= s->old_seq) {
		overlay_drop_old(&s->ov);
		s->gone_seq = s->old_seq;
		s->old_seq = 0;
		b = applier_take(s, &tail);
		if (s->clean_tail != NULL)
			s->clean_tail->next = b;
		else
			s->clean = b;
		s->clean_tail = tail;
	}
	clean_some(s);
}

/* Have everything durable written to LMDB that is not on its way there, if nothing is. Between turns. */
static void ripen(struct store *s)
{
	if (s->old_seq != 0 || s->next_seq - 1 == s->gone_seq)
		return;
	s->old_seq = s->next_seq - 1;
	applier_ripe(s, overlay_freeze(&s->ov));
}

static bool old_applied(const struct store *s)
{
	return atomic_load(&s->a.seq) >= s->old_seq;
}

/*
 * Whether the ring is so full that a turn's end might find no place even when all is in LMDB that is on its way there. An open turn
 * cannot send the rest: its own rows would go with it.
 */
static bool crowded(const struct store *s)
{
	return s->old_seq != 0 && s->j.off + s->j.block_max > s->j.file_bytes && journal_next_waits(&s->j, s->old_seq);
}

/* Whether it is time for that: the longer rows wait, the fewer have to be written. */
static bool ripe(struct store *s)
{
	uint64_t since_ms;
	size_t bytes;

	if (s->old_seq != 0 || s->next_seq - 1 == s->gone_seq)
		return false;
	bytes = applier_waiting(s, &since_ms);
	return bytes >= s->o.apply_bytes || overlay_young(&s->ov) >= RIPE_ROWS || clock_mono_ms() >= since_ms + s->o.rows_ms ||
	    journal_next_waits(&s->j, atomic_load(&s->a.seq));
}

/* ---- turns ---------------------------------------------------------------------------------------------------- */

int store_turn_begin(struct store *s)
{
	int r;

	assert(!s->in_turn);
	if (!s->replayed)
		return CV_ERR_STATE;
	if (atomic_load(&s->a.failed))
		return CV_ERR_IO;
	absorb(s);
	if (crowded(s)) {
		applier_flush(s, old_applied, WAIT_MS);
		absorb(s);
	}
	if (ripe(s))
		ripen(s);
	r = tables_read(&s->t);
	s->in_turn = r == 0;
	return r;
}

int store_room(struct store *s, size_t bytes)
{
	size_t n = block_total(s->turn.n + bytes + bytes / 4 + ROOM_ITEMS);

	assert(s->in_turn);
	if (bytes > STORE_BLOCK_MAX || n > s->j.block_max - s->j.reserve)
		return CV_ERR_FULL;
	switch (journal_place(&s->j, n + s->j.reserve, atomic_load(&s->a.seq), s->checkpointed)) {
	case PLACE_HERE:
	case PLACE_NEXT:
		return 0;
	case PLACE_UNAPPLIED:
		/* turn_end can wait for the thread, unless that is stuck. */
		return atomic_load(&s->a.full) ? CV_ERR_FULL : 0;
	case PLACE_UNSIGNED:
	default:
		return CV_ERR_FULL;
	}
}

/*
 * Append the room of one item of n bytes to the turn; NULL with *ret_r set. *key and *val may be what store_get
 * answered, so that a row can be put elsewhere as it is: they follow the turn's bytes if those move.
 */
static uint8_t *item_add(struct store *s, size_t n, size_t limit, const uint8_t **key, const uint8_t **val, int *ret_r)
{
	uintptr_t base = (uintptr_t)s->turn.p, end = base + s->turn.n, k = (uintptr_t)*key, v = (uintptr_t)*val;
	uint8_t *p;

	assert(s->in_turn);
	if (block_total(s->turn.n + n) > limit) {
		*ret_r = CV_ERR_FULL;
		return NULL;
	}
	p = buf_add(&s->turn, n);
	if (p == NULL) {
		/* Nothing was added, so the block is whole and later requests may fit. */
		s->turn.bad = false;
		*ret_r = CV_ERR_NOMEM;
		return NULL;
	}
	s->cur->p = s->turn.p;
	if (k >= base && k < end)
		*key = s->turn.p + (k - base);
	if (v >= base && v < end)
		*val = s->turn.p + (v - base);
	return p;
}

/* Index the item that begins at off, or take it back. */
static int item_index(struct store *s, size_t off)
{
	int r = overlay_put(&s->ov, s->cur, (uint32_t)off);

	if (r != 0)
		buf_cut(&s->turn, off);
	else
		s->cur->puts++;
	return r;
}

/* META rows that the apply thread writes. */
static bool reserved(enum store_table t, const void *key, size_t n)
{
	return t == STORE_META && ((n == 7 && memcmp(key, "journal", 7) == 0) || (n == 3 && memcmp(key, "log", 3) == 0));
}

int store_put(struct store *s, enum store_table t, const void *key, size_t key_n, const void *val, size_t val_n)
{
	const uint8_t *k = key, *v = val;
	size_t off = s->turn.n;
	uint8_t *p;
	int r = 0;

	assert(t >= STORE_META && t < STORE_TABLES && !reserved(t, key, key_n));
	if (key_n == 0 || key_n > STORE_KEY_MAX || val_n > STORE_VALUE_MAX)
		return CV_ERR_LIMIT;
	p = item_add(s, ITEM_PUT_HEAD + key_n + val_n, s->j.block_max - s->j.reserve, &k, &v, &r);
	if (p == NULL)
		return r;
	p[0] = ITEM_PUT;
	p[1] = (uint8_t)t;
	p[2] = (uint8_t)key_n;
	be32_put(p + 3, (uint32_t)val_n);
	memcpy(p + ITEM_PUT_HEAD, k, key_n);
	if (val_n > 0)
		memcpy(p + ITEM_PUT_HEAD + key_n, v, val_n);
	return item_index(s, off);
}

int store_del(struct store *s, enum store_table t, const void *key, size_t key_n)
{
	const uint8_t *k = key, *none = NULL;
	size_t off = s->turn.n;
	uint8_t *p;
	int r = 0;

	assert(t >= STORE_META && t < STORE_TABLES && !reserved(t, key, key_n));
	if (key_n == 0 || key_n > STORE_KEY_MAX)
		return CV_ERR_LIMIT;
	p = item_add(s, ITEM_DEL_HEAD + key_n, s->j.block_max - s->j.reserve, &k, &none, &r);
	if (p == NULL)
		return r;
	p[0] = ITEM_DEL;
	p[1] = (uint8_t)t;
	p[2] = (uint8_t)key_n;
	memcpy(p + ITEM_DEL_HEAD, k, key_n);
	return item_index(s, off);
}

int store_leaf(struct store *s, const void *leaf, size_t n)
{
	const uint8_t *none = NULL, *v = leaf;
	uint8_t *p;
	int r = 0;

	if (n == 0 || n > STORE_LEAF_MAX)
		return CV_ERR_LIMIT;
	p = item_add(s, ITEM_LEAF_HEAD + n, s->j.block_max, &none, &v, &r);
	if (p == NULL)
		return r;
	p[0] = ITEM_LEAF;
	be16_put(p + 1, (uint16_t)n);
	memcpy(p + ITEM_LEAF_HEAD, v, n);
	s->cur->leaves++;
	return 0;
}

uint64_t store_next_leaf(const struct store *s)
{
	return s->leaves + s->cur->leaves;
}

uint64_t store_durable_leaves(const struct store *s)
{
	return s->leaves;
}

void store_commit(struct store *s)
{
	assert(s->in_turn);
	s->mark = (struct mark){ s->turn.n, s->ov.undo_n, s->cur->puts, s->cur->leaves };
}

void store_rollback(struct store *s)
{
	assert(s->in_turn);
	turn_cut(s);
}

/* ---- a turn's end --------------------------------------------------------------------------------------------- */

/* Seal cur, which has been placed, and give it its place. 0 or CV_ERR_FULL (no memory: nothing happened). */
static int seal_block(struct store *s, uint8_t flags)
{
	struct block *b = s->cur;

	if (s->spare == NULL && (s->spare = calloc(1, sizeof(*s->spare))) == NULL)
		return CV_ERR_FULL;
	if (buf_reserve(&s->turn, BLOCK_SLACK + BLOCK_MIN) != 0) {
		s->turn.bad = false;
		return CV_ERR_FULL;
	}
	b->p = s->turn.p;
	if (block_keep_leaves(b, &b->own, &b->own_n) != 0)
		return CV_ERR_FULL;
	b->flags = flags;
	b->seq = s->next_seq;
	b->first_leaf = s->leaves;
	memcpy(b->prev, s->last_mac, STORE_MAC);
	block_seal(b, &s->turn, &s->o.hooks);
	journal_claim(&s->j, b);
	s->next_seq++;
	memcpy(s->last_mac, b->mac, STORE_MAC);
	return 0;
}

/*
 * Write cur, which is sealed, and wait for it; what follows is the next turn's. After a failure its bytes may or may not be on disk, and no
 * turn follows; the overlay is as before the turn.
 */
static int write_block(struct store *s)
{
	struct block *b = s->cur;
	int r = journal_write(&s->j, b);

	if (r == 0)
		r = journal_written(&s->j);
	if (r != 0) {
		atomic_store(&s->a.failed, true);
		free(b->own);
		turn_forget(s);
		return r;
	}
	/* The buffer is the next turn's. */
	b->p = journal_at(&s->j, b);
	s->leaves += b->leaves;
	s->ov.undo_n = 0;
	s->cur = s->spare;
	s->spare = NULL;	/* transferred */
	(void)turn_reset(s);	/* needs no memory: cur and the buffer are there */
	applier_push(s, b);
	return 0;
}

/* Where the turn's block would go. */
static enum spot where(const struct store *s)
{
	return journal_place(&s->j, block_total(s->turn.n), atomic_load(&s->a.seq), s->checkpointed);
}

static bool placed(const struct store *s)
{
	enum spot at = where(s);

	return at == PLACE_HERE || at == PLACE_NEXT;
}

int store_turn_end(struct store *s)
{
	int r = 0;

	assert(s->in_turn);
	s->in_turn = false;
	turn_cut(s);	/* a request without commit is not part of the turn */
	tables_rest(&s->t);
	if (atomic_load(&s->a.failed))
		r = CV_ERR_IO;
	else if (s->cur->puts == 0 && s->cur->leaves == 0)
		return 0;
	if (r == 0 && where(s) == PLACE_UNAPPLIED)
		applier_flush(s, placed, WAIT_MS);
	if (r == 0 && atomic_load(&s->a.failed))
		r = CV_ERR_IO;
	else if (r == 0 && !placed(s))
		r = CV_ERR_FULL;
	/* The next file is free since its rows are in LMDB: what the overlay still names there is about to be overwritten. */
	if (r == 0 && where(s) == PLACE_NEXT)
		absorb(s);
	if (r == 0)
		r = seal_block(s, 0);
	if (r == 0)
		return write_block(s);
	turn_forget(s);
	return r;
}

bool store_healthy(const struct store *s)
{
	return !atomic_load(&s->a.failed);
}

void store_turn_abort(struct store *s)
{
	assert(s->in_turn);
	s->in_turn = false;
	tables_rest(&s->t);
	turn_forget(s);
}

/* ---- applying ------------------------------------------------------------------------------------------------- */

int store_flush(struct store *s)
{
	assert(!s->in_turn);
	absorb(s);
	/* What is on its way, then the rest. */
	for (unsigned i = 0; i < 2 && s->replayed && !atomic_load(&s->a.failed); i++) {
		ripen(s);
		applier_flush(s, NULL, 0);
		absorb(s);
	}
	if (atomic_load(&s->a.failed))
		return CV_ERR_IO;
	return s->replayed && s->gone_seq != s->next_seq - 1 ? CV_ERR_FULL : 0;
}

static bool leaves_fed(const struct store *s)
{
	return atomic_load(&s->a.leaves) == s->leaves;
}

int store_flush_leaves(struct store *s)
{
	assert(!s->in_turn);
	if (!s->replayed || leaves_fed(s))
		return atomic_load(&s->a.failed) ? CV_ERR_IO : 0;
	applier_flush(s, leaves_fed, 0);
	if (atomic_load(&s->a.failed))
		return CV_ERR_IO;
	return leaves_fed(s) ? 0 : CV_ERR_FULL;
}

int store_applied_fd(const struct store *s)
{
	return s->a.efd;
}

uint64_t store_applied_leaves(const struct store *s)
{
	return atomic_load(&s->a.leaves);
}

size_t store_waiting(struct store *s, size_t *ret_limit)
{
	uint64_t since_ms;

	*ret_limit = (size_t)waiting_limit(&s->j);
	return applier_waiting(s, &since_ms);
}

void store_checkpointed(struct store *s, uint64_t size)
{
	if (size > s->checkpointed)
		s->checkpointed = size;
}

/* ---- close ---------------------------------------------------------------------------------------------------- */

/* The last thing in a journal that ended on purpose. Skipped if the ring is full: then replay just finds no mark. */
static int write_mark(struct store *s)
{
	enum spot at = journal_place(&s->j, BLOCK_MIN, atomic_load(&s->a.seq), s->checkpointed);

	if (at != PLACE_HERE && at != PLACE_NEXT)
		return 0;
	/*
	 * What stands behind the mark must be zeros, or the next replay would take it for a write that was torn after
	 * the journal had been closed: so the zeros are durable before the mark is.
	 */
	if (journal_zero_ahead(&s->j) != 0 || seal_block(s, BLOCK_CLEAN) != 0)
		return CV_ERR_IO;
	return write_block(s);
}

int store_close(struct store *s, bool clean)
{
	int r = 0;

	if (s == NULL)
		return 0;
	if (s->replayed) {
		s->in_turn = false;
		turn_forget(s);
		if (store_flush(s) == CV_ERR_IO || (clean && write_mark(s) != 0))
			r = CV_ERR_IO;
	}
	applier_free(s);
	if (s->a.efd >= 0)
		(void)close(s->a.efd);
	tables_close(&s->t);
	journal_close(&s->j);
	overlay_free(&s->ov);
	block_free_list(s->clean);
	block_free(s->cur);
	block_free(s->spare);
	buf_free(&s->turn);
	free(s);
	return r;
}

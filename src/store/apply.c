/*
 * The apply thread: takes durable blocks in order, gives their leaves to the hook, then puts the last value of each
 * key into LMDB in one synchronous transaction.
 *
 * The handover is two lists under one lock. Core appends to the waiting list; the thread works on its front without
 * taking it off, and moves it to the done list after the commit. Core takes the done list when it begins a turn, with
 * a fresh snapshot of LMDB, and only then do the overlay's nodes go. So a key is always in one of the two.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/store_internal.h"

#define BATCH_BYTES (16u << 20)		/* one LMDB transaction takes blocks until it has so many bytes */
#define BATCH_LARGE 512u		/* puts from which on a batch gives many pages free */
#define BATCH_PUTS 20000u		/* or so many puts: LMDB's list of dirty pages is bounded */
#define NOTE_MAX 4096u

/* A put or delete of the batch, its key's first bytes at hand for sorting. */
struct put {
	uint64_t head[2];	/* table and 7 bytes of the key, then 8 more, zeros behind a shorter one */
	const uint8_t *item;
	uint32_t ord;		/* tells which of two for one key is newer */
};

/* ---- one batch ------------------------------------------------------------------------------------------------ */

static int put_order(const void *pa, const void *pb)
{
	const struct put *a = pa, *b = pb;
	struct item x, y;
	int c;

	for (int i = 0; i < 2; i++) {
		if (a->head[i] != b->head[i])
			return a->head[i] < b->head[i] ? -1 : 1;
	}
	(void)item_read(a->item, &x);
	(void)item_read(b->item, &y);
	c = key_cmp(x.key, x.key_n, y.key, y.key_n);
	if (c != 0)
		return c;
	return a->ord > b->ord ? -1 : 1;
}

/* Make room for n elements of a list whose content is not needed any more. */
static int list_reserve(void **p, size_t *cap, size_t n, size_t size)
{
	void *q;

	if (n <= *cap)
		return 0;
	q = malloc((n + n / 2) * size);
	if (q == NULL)
		return CV_ERR_NOMEM;
	free(*p);
	*p = q;
	*cap = n + n / 2;
	return 0;
}

/* List puts and leaves of the blocks first to last; leaves only from index from on. */
static int gather(struct applier *a, const struct block *first, const struct block *last, uint64_t from,
    size_t *ret_puts, size_t *ret_leaves)
{
	size_t puts = 0, leaves = 0;
	void *p = a->put, *l = a->leaf;
	int r;

	for (const struct block *b = first;; b = b->next) {
		puts += b->puts;
		leaves += b->leaves;
		if (b == last)
			break;
	}
	r = list_reserve(&p, &a->put_cap, puts, sizeof(struct put));
	a->put = p;
	if (r == 0)
		r = list_reserve(&l, &a->leaf_cap, leaves, sizeof(struct store_leaf));
	a->leaf = l;
	if (r != 0)
		return r;
	puts = leaves = 0;
	for (const struct block *b = first;; b = b->next) {
		uint64_t index = b->first_leaf;
		size_t off = BLOCK_HEAD;
		struct item it;

		for (uint32_t i = b->puts + b->leaves; i > 0; i--) {
			const uint8_t *at = b->p + off;

			off += item_read(at, &it);
			if (it.op == ITEM_LEAF) {
				if (index++ >= from)
					a->leaf[leaves++] = (struct store_leaf){ it.val, it.val_n };
				continue;
			}
			a->put[puts] = (struct put){ { (uint64_t)it.table << 56 | key_word(it.key, it.key_n, 0) >> 8,
			    key_word(it.key, it.key_n, 7) }, at, (uint32_t)puts };
			puts++;
		}
		if (b == last)
			break;
	}
	*ret_puts = puts;
	*ret_leaves = leaves;
	return 0;
}

/* Give the hook the leaves it has not taken yet. An attempt that is repeated because LMDB was full gives none. */
static int hook_call(struct store *s, size_t n)
{
	struct applier *a = &s->a;
	const uint8_t *note = NULL;
	size_t note_n = 0;
	int r;

	if (n == 0 || s->o.hooks.apply_leaves == NULL)
		return 0;
	r = s->o.hooks.apply_leaves(s->o.hooks.cookie, a->hook_leaves, a->leaf, n, &note, &note_n);
	if (r != 0)
		return r == CV_ERR_FULL || r == CV_ERR_NOMEM ? r : CV_ERR_IO;	/* the first two are tried again */
	assert(note_n <= NOTE_MAX);
	buf_reset(&a->note);
	buf_put(&a->note, note, note_n);	/* fits: its memory is there since the start */
	a->hook_leaves += n;
	return 0;
}

/* The table that takes puts. */
struct into {
	MDB_cursor *c;			/* NULL: none yet */
	bool append;			/* keys lie behind all that it had: appending leaves full pages behind, half the file */
	bool grows;			/* new serials go to the end of rec and hist */
	uint8_t last[STORE_KEY_MAX];	/* its last key before the first put; last_n 0 if it was empty */
	size_t last_n;
};

static void into_close(struct into *t)
{
	if (t->c != NULL)
		mdb_cursor_close(t->c);
	t->c = NULL;
}

/* LMDB's code. */
static int into_open(struct into *t, const struct store *s, MDB_txn *txn, uint8_t table)
{
	MDB_val k, v;
	int rc;

	into_close(t);
	t->append = false;
	t->grows = table == STORE_REC || table == STORE_HIST;
	t->last_n = 0;
	if ((rc = mdb_cursor_open(txn, s->t.dbi[table], &t->c)) != 0 || !t->grows)
		return rc;
	/* Asked for once: a cursor that stays near the last put finds the next one's page without going down the tree. */
	if ((rc = mdb_cursor_get(t->c, &k, &v, MDB_LAST)) == 0 && k.mv_size <= sizeof(t->last)) {
		memcpy(t->last, k.mv_data, k.mv_size);
		t->last_n = k.mv_size;
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int put_one(struct into *t, const struct item *p)
{
	MDB_val k = { .mv_size = p->key_n }, v = { .mv_size = p->val_n };
	int rc;

	memcpy(&k.mv_data, &p->key, sizeof(p->key));
	memcpy(&v.mv_data, &p->val, sizeof(p->val));
	if (p->op == ITEM_DEL) {
		rc = mdb_cursor_get(t->c, &k, &v, MDB_SET);
		if (rc == 0)
			rc = mdb_cursor_del(t->c, 0);
		return rc == MDB_NOTFOUND ? 0 : rc;
	}
	/* Keys come in order: once one lies behind the table's last, so do all that follow. */
	t->append = t->append || (t->grows && key_cmp(p->key, p->key_n, t->last, t->last_n) > 0);
	return mdb_cursor_put(t->c, &k, &v, t->append ? MDB_APPEND : 0);
}

static int put_all(struct store *s, MDB_txn *txn, size_t n)
{
	struct item it, last = { .table = 0 };
	struct into t = { .c = NULL };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++, last = it) {
		(void)item_read(s->a.put[i].item, &it);
		if (it.table != last.table)
			rc = into_open(&t, s, txn, it.table);
		else if (key_cmp(it.key, it.key_n, last.key, last.key_n) == 0)
			continue;	/* an older value of the same key */
		if (rc == 0)
			rc = put_one(&t, &it);
	}
	into_close(&t);
	return rc;
}

/* One LMDB transaction: n puts, the note if there is one, and the row. LMDB's code. */
static int transact(struct store *s, size_t n, const struct buf *note, const struct applied *row)
{
	static char log_key[] = "log";
	MDB_val k = { sizeof(log_key) - 1, log_key }, v;
	MDB_txn *txn = NULL;
	int rc;

	if ((rc = mdb_txn_begin(s->t.env, NULL, 0, &txn)) != 0)
		return rc;
	rc = put_all(s, txn, n);
	if (rc == 0 && note != NULL && note->n > 0) {
		v = (MDB_val){ note->n, note->p };
		rc = mdb_put(txn, s->t.dbi[STORE_META], &k, &v, 0);
	}
	if (rc == 0)
		rc = tables_put_applied(&s->t, txn, row);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static int commit(struct store *s, size_t puts, const struct applied *row)
{
	int rc = 0;

	if (puts > 0)
		qsort(s->a.put, puts, sizeof(struct put), put_order);
	/*
	 * LMDB takes a page again in the second transaction after the one that gave it free. With one of no puts between, a large
	 * batch takes those of the one before it, and the file has one batch of free pages, not two.
	 */
	if (puts >= BATCH_LARGE)
		rc = transact(s, 0, NULL, &s->a.last);
	if (rc == 0)
		rc = transact(s, puts, &s->a.note, row);
	/* LMDB takes a write that was cut short, as a filling disk cuts it, for a failing one. */
	if (rc == EIO && tables_disk_full(&s->t))
		rc = ENOSPC;
	return tables_error(rc);
}

/* Apply first to last. 0, CV_ERR_FULL or CV_ERR_NOMEM (may be tried again), or any other error: for good. */
static int batch(struct store *s, const struct block *first, const struct block *last)
{
	struct applied row = {
		.seq = last->seq, .leaves = last->first_leaf + last->leaves, .opened = s->a.last.opened,
		.offset = last->offset, .file = last->file, .n = last->n
	};
	size_t puts = 0, leaves = 0;
	int r;

	memcpy(row.prev, last->prev, STORE_MAC);
	memcpy(row.mac, last->mac, STORE_MAC);
	r = gather(&s->a, first, last, s->a.hook_leaves, &puts, &leaves);
	if (r == 0)
		r = hook_call(s, leaves);
	if (r == 0)
		r = commit(s, puts, &row);
	if (r == 0)
		s->a.last = row;
	return r;
}

/* ---- the thread ----------------------------------------------------------------------------------------------- */

/*
 * With the lock held: whether to apply now, blocks up to *ret_last; if not, *ret_wait_ms says for how long not (0 = until
 * woken). What is left of the overlay's old half follows its batch at once, and alone: then that half can go.
 */
static bool due(const struct store *s, uint64_t *ret_last, uint64_t *ret_wait_ms)
{
	const struct applier *a = &s->a;
	uint64_t now, at, frozen = atomic_load(&a->frozen);

	*ret_last = UINT64_MAX;
	*ret_wait_ms = 0;
	if (a->head == NULL || atomic_load(&a->failed))
		return false;
	if (a->flush)
		return true;
	now = clock_mono_ms();
	at = a->bytes >= s->o.apply_bytes ? now : a->head->since_ms + s->o.apply_ms;
	if (at > now && a->head->seq <= frozen) {
		at = now;
		*ret_last = frozen;
	}
	if (at < a->retry_ms)
		at = a->retry_ms;
	if (at <= now)
		return true;
	*ret_wait_ms = at - now;
	return false;
}

static void wait_on(pthread_cond_t *c, pthread_mutex_t *m, uint64_t ms)
{
	struct timespec ts;

	if (ms == 0) {
		(void)pthread_cond_wait(c, m);
		return;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += (time_t)(ms / 1000);
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(c, m, &ts);	/* callers look at the state again, whatever woke them */
}

/* With the lock held: the last block of the next batch, whose sequence is at most last. */
static struct block *batch_end(const struct applier *a, uint64_t last)
{
	struct block *b = a->head;
	size_t bytes = b->n, puts = b->puts;

	while (b != a->tail && b->seq < last && bytes + b->next->n <= BATCH_BYTES && puts + b->next->puts <= BATCH_PUTS) {
		b = b->next;
		bytes += b->n;
		puts += b->puts;
	}
	return b;
}

/* With the lock held: move head to last over to the done list. */
static void finish(struct applier *a, struct block *last)
{
	struct block *first = a->head;

	for (struct block *b = first;; b = b->next) {
		a->bytes -= b->n;
		if (b == last)
			break;
	}
	a->head = last->next;
	if (a->head == NULL)
		a->tail = NULL;
	last->next = NULL;
	if (a->done_tail != NULL)
		a->done_tail->next = first;
	else
		a->done_head = first;
	a->done_tail = last;
	atomic_store(&a->seq, a->last.seq);
	atomic_store(&a->leaves, a->last.leaves);
	atomic_store(&a->full, false);
	atomic_store(&a->has_done, true);
	if (a->head == NULL)
		a->flush = false;
}

static void *thread_main(void *arg)
{
	struct store *s = arg;
	struct applier *a = &s->a;
	const uint64_t one = 1;

	(void)pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		struct block *first, *last;
		uint64_t end_seq, wait_ms;
		int r;

		if (!due(s, &end_seq, &wait_ms)) {
			wait_on(&a->wake, &a->lock, wait_ms);
			continue;
		}
		first = a->head;
		last = batch_end(a, end_seq);
		atomic_store(&a->begun, last->seq);
		(void)pthread_mutex_unlock(&a->lock);
		r = batch(s, first, last);
		(void)pthread_mutex_lock(&a->lock);
		if (r == 0) {
			finish(a, last);
			/* Only a counter that is full already can refuse, and that is readable. */
			(void)!write(a->efd, &one, sizeof(one));
		} else if (r == CV_ERR_FULL || r == CV_ERR_NOMEM) {
			atomic_store(&a->full, true);
			a->retry_ms = clock_mono_ms() + s->o.apply_ms;
			a->flush = false;
		} else {
			atomic_store(&a->failed, true);
			a->flush = false;
		}
		(void)pthread_cond_broadcast(&a->done);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- core's side ---------------------------------------------------------------------------------------------- */

int applier_init(struct store *s)
{
	struct applier *a = &s->a;
	pthread_condattr_t ca;

	a->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (a->efd < 0)
		return CV_ERR_IO;
	/* All of it now: a note that was taken from the hook, and its leaves with it, must not be lost for want of memory. */
	buf_init(&a->note, NOTE_MAX);
	if (buf_reserve(&a->note, NOTE_MAX) != 0)
		return CV_ERR_NOMEM;
	if (pthread_condattr_init(&ca) != 0)
		return CV_ERR_NOMEM;
	(void)pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);	/* a known clock: cannot fail */
	(void)pthread_mutex_init(&a->lock, NULL);		/* glibc: these three always give 0 */
	(void)pthread_cond_init(&a->wake, &ca);
	(void)pthread_cond_init(&a->done, &ca);
	(void)pthread_condattr_destroy(&ca);
	a->made = true;
	return 0;
}

int applier_start(struct store *s)
{
	sigset_t all, old;
	int rc;

	s->a.hook_leaves = s->a.last.leaves;
	/* Signals are for core's thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&s->a.thread, NULL, thread_main, s);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	s->a.running = rc == 0;
	return rc == 0 ? 0 : CV_ERR_NOMEM;
}

void applier_free(struct store *s)
{
	struct applier *a = &s->a;

	if (a->running) {
		(void)pthread_mutex_lock(&a->lock);
		a->stop = true;
		(void)pthread_cond_signal(&a->wake);
		(void)pthread_mutex_unlock(&a->lock);
		(void)pthread_join(a->thread, NULL);
		a->running = false;
	}
	block_free_list(a->head);
	block_free_list(a->done_head);
	a->head = a->tail = a->done_head = a->done_tail = NULL;
	free(a->leaf);
	free(a->put);
	buf_free(&a->note);
	if (!a->made)
		return;
	(void)pthread_cond_destroy(&a->wake);
	(void)pthread_cond_destroy(&a->done);
	(void)pthread_mutex_destroy(&a->lock);
}

void applier_push(struct store *s, struct block *b)
{
	struct applier *a = &s->a;
	bool wake;

	b->since_ms = clock_mono_ms();
	b->next = NULL;
	(void)pthread_mutex_lock(&a->lock);
	/* The thread sleeps without a limit while nothing waits, and until the oldest block is due otherwise. */
	wake = a->head == NULL || (a->bytes < s->o.apply_bytes && a->bytes + b->n >= s->o.apply_bytes);
	if (a->tail != NULL)
		a->tail->next = b;
	else
		a->head = b;
	a->tail = b;
	a->bytes += b->n;
	if (wake)
		(void)pthread_cond_signal(&a->wake);
	(void)pthread_mutex_unlock(&a->lock);
}

void applier_flush(struct store *s, bool (*enough)(const struct store *s), uint64_t wait_ms)
{
	struct applier *a = &s->a;
	uint64_t end = clock_mono_ms() + wait_ms, now;

	(void)pthread_mutex_lock(&a->lock);
	a->flush = a->head != NULL && !atomic_load(&a->failed);
	(void)pthread_cond_signal(&a->wake);
	while (a->flush && (enough == NULL || !enough(s))) {
		now = clock_mono_ms();
		if (wait_ms != 0 && now >= end)
			break;
		wait_on(&a->done, &a->lock, wait_ms != 0 ? end - now : 0);
	}
	(void)pthread_mutex_unlock(&a->lock);
}

size_t applier_waiting(struct store *s)
{
	size_t n;

	(void)pthread_mutex_lock(&s->a.lock);
	n = s->a.bytes;
	(void)pthread_mutex_unlock(&s->a.lock);
	return n;
}

bool applier_idle(struct store *s)
{
	bool idle;

	(void)pthread_mutex_lock(&s->a.lock);
	idle = s->a.head == NULL;
	(void)pthread_mutex_unlock(&s->a.lock);
	return idle;
}

struct block *applier_take(struct store *s, struct block **ret_tail, bool *ret_idle)
{
	struct applier *a = &s->a;
	struct block *b;

	(void)pthread_mutex_lock(&a->lock);
	b = a->done_head;
	*ret_tail = a->done_tail;
	*ret_idle = a->head == NULL;
	a->done_head = a->done_tail = NULL;
	atomic_store(&a->has_done, false);
	(void)pthread_mutex_unlock(&a->lock);
	return b;
}

/*
 * The apply thread. It does two things with durable blocks, in their order. Soon it gives their leaves to the hook, so that checkpoints
 * cover them: the log is at most about a second behind. Much later, once many rows wait, it writes them to LMDB: a row that is overwritten
 * meanwhile never gets there, and a page that takes many rows is written once.
 *
 * The rows are those of the overlay's old half, where each key has its newest one. Core freezes it between turns and hands it over with
 * the sequence of its last block; it stays until it is in LMDB and core has taken a fresh snapshot. So a key is always in one of the two.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/store_internal.h"

#define FEED_BYTES (8u << 20)		/* leaves that the hook takes at a time, and that it takes at once */
#define PIECES 32u		/* of what waits, one goes to LMDB at a time: at most 2 MiB of pages, and a sync that turns hardly notice */
#define NOTE_MAX 4096u

/* ---- leaves --------------------------------------------------------------------------------------------------- */

/* Make room for n leaves in the list, whose content is not needed any more. */
static int list_reserve(struct applier *a, size_t n)
{
	struct store_leaf *p;

	if (n <= a->leaf_cap)
		return 0;
	p = malloc((n + n / 2) * sizeof(*p));
	if (p == NULL)
		return CV_ERR_NOMEM;
	free(a->leaf);
	a->leaf = p;
	a->leaf_cap = n + n / 2;
	return 0;
}

/* Give the hook the leaves of the blocks first to last. 0, CV_ERR_FULL or CV_ERR_NOMEM (may be tried again), else an error for good. */
static int feed(struct store *s, const struct block *first, const struct block *last)
{
	struct applier *a = &s->a;
	const uint8_t *note = NULL;
	size_t n = 0, note_n = 0;
	int r;

	for (const struct block *b = first;; b = b->next) {
		n += b->leaves;
		if (b == last)
			break;
	}
	if ((r = list_reserve(a, n)) != 0 || n == 0 || s->o.hooks.apply_leaves == NULL)
		return r;
	n = 0;
	for (const struct block *b = first;; b = b->next) {
		size_t off = 0;

		for (uint32_t i = 0; i < b->leaves; i++)
			off += leaf_read(b->own + off, &a->leaf[n++]);
		if (b == last)
			break;
	}
	r = s->o.hooks.apply_leaves(s->o.hooks.cookie, first->first_leaf, a->leaf, n, &note, &note_n);
	if (r != 0)
		return r == CV_ERR_FULL || r == CV_ERR_NOMEM ? r : CV_ERR_IO;
	assert(note_n <= NOTE_MAX);
	buf_reset(&a->note);
	buf_put(&a->note, note, note_n);	/* fits: its memory is there since the start */
	return 0;
}

/* The leaves of the blocks first to last go. Their bytes. */
static size_t leaves_free(struct block *first, const struct block *last)
{
	size_t bytes = 0;

	for (struct block *b = first;; b = b->next) {
		bytes += b->own_n;
		free(b->own);
		b->own = NULL;
		if (b == last)
			return bytes;
	}
}

/* With the lock held: the last block of the next share of leaves. It ends where rows are about to go to LMDB: their note counts no more. */
static struct block *feed_end(const struct applier *a)
{
	struct block *b = a->feed;
	size_t bytes = b->own_n;

	while (b != a->tail && (a->ripe == NULL || b != a->ripe_last) && bytes + b->next->own_n <= FEED_BYTES) {
		b = b->next;
		bytes += b->own_n;
	}
	return b;
}

/* With the lock held: the hook has the leaves up to last, which had so many bytes. */
static void fed(struct applier *a, struct block *last, size_t bytes)
{
	a->feed_bytes -= bytes;
	a->feed = last == a->tail ? NULL : last->next;
	atomic_store(&a->leaves, last->first_leaf + last->leaves);
}

/* ---- rows ----------------------------------------------------------------------------------------------------- */

/* Write the old half, whose last block is last. As feed. */
static int apply(struct store *s, const struct half *old, const struct block *last, struct applied *ret_row)
{
	struct applied row = {
		.seq = last->seq, .leaves = last->first_leaf + last->leaves, .opened = s->a.last.opened,
		.offset = last->offset, .file = last->file, .n = last->n
	};
	int r;

	memcpy(row.prev, last->prev, STORE_MAC);
	memcpy(row.mac, last->mac, STORE_MAC);
	r = rows_write(&s->a.rows, &s->t, old, (size_t)s->o.apply_bytes / PIECES, &s->a.note, &row);
	if (r == 0)
		*ret_row = row;
	return r;
}

/* With the lock held: the old half is in LMDB. Its blocks move over to the done list. */
static void applied(struct applier *a)
{
	struct block *first = a->head, *last = a->ripe_last;

	a->bytes -= a->ripe_bytes;
	a->head = last->next;
	if (last == a->tail)
		a->head = a->tail = NULL;
	last->next = NULL;
	if (a->done_tail != NULL)
		a->done_tail->next = first;
	else
		a->done_head = first;
	a->done_tail = last;
	a->ripe = NULL;
	atomic_store(&a->full, false);
	/* Last: who sees it may drop the half and take the list. */
	atomic_store(&a->seq, a->last.seq);
}

/* ---- the thread ----------------------------------------------------------------------------------------------- */

enum duty { DUTY_NONE, DUTY_FEED, DUTY_APPLY };

/* With the lock held: what is to be done now; if nothing is, *ret_wait_ms says for how long not (0 = until woken). */
static enum duty due(const struct store *s, uint64_t *ret_wait_ms)
{
	const struct applier *a = &s->a;
	/* First the leaves up to the last block of what goes into LMDB. None behind it came before: it was the last of all then. */
	bool first = a->ripe != NULL && a->feed != NULL && a->feed->seq <= a->ripe_last->seq;
	uint64_t now, at;

	*ret_wait_ms = 0;
	if (atomic_load(&a->failed) || (a->feed == NULL && a->ripe == NULL))
		return DUTY_NONE;
	now = clock_mono_ms();
	at = a->ripe != NULL || a->flush || a->feed_bytes >= FEED_BYTES ? now : a->feed->since_ms + s->o.apply_ms;
	if (!a->flush && at < a->retry_ms)
		at = a->retry_ms;
	if (at > now) {
		*ret_wait_ms = at - now;
		return DUTY_NONE;
	}
	return a->ripe == NULL || first ? DUTY_FEED : DUTY_APPLY;
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

/* With the lock held, which is let go meanwhile: do it. */
static int work(struct store *s, enum duty duty)
{
	struct applier *a = &s->a;
	const struct half *old = a->ripe;
	struct block *first = a->feed, *last = duty == DUTY_FEED ? feed_end(a) : a->ripe_last;
	size_t bytes = 0;
	int r;

	(void)pthread_mutex_unlock(&a->lock);
	if (duty == DUTY_APPLY)
		r = apply(s, old, last, &a->last);
	else if ((r = feed(s, first, last)) == 0)
		bytes = leaves_free(first, last);
	(void)pthread_mutex_lock(&a->lock);
	if (r == 0 && duty == DUTY_FEED)
		fed(a, last, bytes);
	else if (r == 0)
		applied(a);
	return r;
}

static void *thread_main(void *arg)
{
	struct store *s = arg;
	struct applier *a = &s->a;
	const uint64_t one = 1;

	(void)pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		uint64_t wait_ms;
		enum duty duty = due(s, &wait_ms);
		int r;

		if (duty == DUTY_NONE) {
			wait_on(&a->wake, &a->lock, wait_ms);
			continue;
		}
		r = work(s, duty);
		if (r == 0) {
			if (a->feed == NULL && a->ripe == NULL)
				a->flush = false;
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
	applier_unload(s);
	block_free_list(a->done_head);
	a->done_head = a->done_tail = NULL;
	free(a->leaf);
	rows_free(&a->rows);
	buf_free(&a->note);
	if (!a->made)
		return;
	(void)pthread_cond_destroy(&a->wake);
	(void)pthread_cond_destroy(&a->done);
	(void)pthread_mutex_destroy(&a->lock);
}

void applier_unload(struct store *s)
{
	struct applier *a = &s->a;

	block_free_list(a->head);
	a->head = a->tail = a->feed = NULL;
	a->bytes = a->feed_bytes = 0;
}

void applier_push(struct store *s, struct block *b)
{
	struct applier *a = &s->a;
	bool wake;

	b->since_ms = clock_mono_ms();
	b->next = NULL;
	(void)pthread_mutex_lock(&a->lock);
	/* The thread sleeps without a limit while nothing waits, and until the oldest leaf is due otherwise. */
	wake = a->feed == NULL || (a->feed_bytes < FEED_BYTES && a->feed_bytes + b->own_n >= FEED_BYTES);
	if (a->tail != NULL)
		a->tail->next = b;
	else
		a->head = b;
	a->tail = b;
	if (a->feed == NULL)
		a->feed = b;
	a->bytes += b->n;
	a->feed_bytes += b->own_n;
	if (wake)
		(void)pthread_cond_signal(&a->wake);
	(void)pthread_mutex_unlock(&a->lock);
}

void applier_ripe(struct store *s, const struct half *old)
{
	struct applier *a = &s->a;

	(void)pthread_mutex_lock(&a->lock);
	assert(a->ripe == NULL && a->tail != NULL);
	a->ripe = old;
	a->ripe_last = a->tail;
	a->ripe_bytes = a->bytes;
	(void)pthread_cond_signal(&a->wake);
	(void)pthread_mutex_unlock(&a->lock);
}

void applier_flush(struct store *s, bool (*enough)(const struct store *s), uint64_t wait_ms)
{
	struct applier *a = &s->a;
	uint64_t end = clock_mono_ms() + wait_ms, now;

	(void)pthread_mutex_lock(&a->lock);
	a->flush = (a->feed != NULL || a->ripe != NULL) && !atomic_load(&a->failed);
	(void)pthread_cond_signal(&a->wake);
	while (a->flush && (enough == NULL || !enough(s))) {
		now = clock_mono_ms();
		if (wait_ms != 0 && now >= end)
			break;
		wait_on(&a->done, &a->lock, wait_ms != 0 ? end - now : 0);
	}
	(void)pthread_mutex_unlock(&a->lock);
}

size_t applier_waiting(struct store *s, uint64_t *ret_since_ms)
{
	struct applier *a = &s->a;
	size_t n;

	(void)pthread_mutex_lock(&a->lock);
	n = a->bytes;
	*ret_since_ms = a->head != NULL ? a->head->since_ms : 0;
	(void)pthread_mutex_unlock(&a->lock);
	return n;
}

struct block *applier_take(struct store *s, struct block **ret_tail)
{
	struct applier *a = &s->a;
	struct block *b;

	(void)pthread_mutex_lock(&a->lock);
	b = a->done_head;
	*ret_tail = a->done_tail;
	a->done_head = a->done_tail = NULL;
	(void)pthread_mutex_unlock(&a->lock);
	return b;
}

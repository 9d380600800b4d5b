/*
 * Reading and hashing bundles, which is nearly all the work: done ahead by a few threads, in order for the one that takes
 * them. Bundle n goes through slot n mod SLOTS; a slot is free, filled by some thread, then full until it is taken.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit_internal.h"
#include "audit/verify.h"
#include "base/error.h"
#include "store/files.h"

#define SLOTS 32u
#define THREADS_MAX 8u

void bundle_init(struct bundle *b)
{
	buf_init(&b->bytes, BUNDLE_MAX);
	buf_init(&b->tile, TILE_WIDTH * 32);
}

void bundle_free(struct bundle *b)
{
	buf_free(&b->bytes);
	buf_free(&b->tile);
}

void bundle_read(struct bundle *b, int dirfd, const char *path, uint64_t n)
{
	b->n = n;
	b->leaves = 0;
	b->whole = false;
	buf_reset(&b->bytes);
	buf_reset(&b->tile);
	b->result = files_read(dirfd, path, &b->bytes);
	if (b->result != 0)
		return;
	b->leaves = bundle_split(b->bytes.p, b->bytes.n, 0, b->at);
	b->whole = b->at[b->leaves] == b->bytes.n;
	for (unsigned i = 0; i < b->leaves; i++)
		merkle_leaf(b->bytes.p + b->at[i] + 2, b->at[i + 1] - b->at[i] - 2, b->hash[i]);
	if (b->leaves == TILE_WIDTH)
		merkle_root_of((const uint8_t (*)[32])b->hash, TILE_WIDTH, b->root);
}

void bundle_read_full(struct bundle *b, int dirfd, uint64_t n)
{
	char path[TILE_PATH_MAX];

	(void)tile_path(TILE_ENTRIES, n, 0, path);
	bundle_read(b, dirfd, path, n);
	(void)tile_path(0, n, 0, path);
	b->tile_result = files_read(dirfd, path, &b->tile);
	if (b->tile_result == 0 && b->tile.n != TILE_WIDTH * 32)
		b->tile_result = CV_ERR_FORMAT;
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

struct pool {
	int dirfd;
	uint64_t count;
	uint64_t next;		/* the bundle that the next free thread takes; under the lock, as the rest */
	uint64_t taken;		/* bundles below are done with */
	bool full[SLOTS];
	struct bundle *slot;
	pthread_mutex_t lock;
	pthread_cond_t filled, freed;
};

static void *worker(void *cookie)
{
	struct pool *p = cookie;
	uint64_t n;

	(void)pthread_mutex_lock(&p->lock);
	while (p->next < p->count) {
		n = p->next++;
		while (n >= p->taken + SLOTS)
			(void)pthread_cond_wait(&p->freed, &p->lock);
		(void)pthread_mutex_unlock(&p->lock);
		bundle_read_full(&p->slot[n % SLOTS], p->dirfd, n);
		(void)pthread_mutex_lock(&p->lock);
		p->full[n % SLOTS] = true;
		(void)pthread_cond_signal(&p->filled);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Take all bundles in order; without any thread, read them here. */
static void take_all(struct pool *p, unsigned threads, void (*take)(void *cookie, struct bundle *b), void *cookie)
{
	for (uint64_t n = 0; n < p->count; n++) {
		struct bundle *b = &p->slot[n % SLOTS];

		if (threads == 0) {
			bundle_read_full(b, p->dirfd, n);
			take(cookie, b);
			continue;
		}
		(void)pthread_mutex_lock(&p->lock);
		while (!p->full[n % SLOTS])
			(void)pthread_cond_wait(&p->filled, &p->lock);
		(void)pthread_mutex_unlock(&p->lock);
		take(cookie, b);
		(void)pthread_mutex_lock(&p->lock);
		p->full[n % SLOTS] = false;
		p->taken = n + 1;
		(void)pthread_cond_broadcast(&p->freed);
		(void)pthread_mutex_unlock(&p->lock);
	}
}

static unsigned thread_count(unsigned wanted, uint64_t bundles)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (wanted == 0)
		wanted = cpus > 0 ? (unsigned)cpus : 1;
	if (wanted > THREADS_MAX)
		wanted = THREADS_MAX;
	return bundles < wanted ? (unsigned)bundles : wanted;
}

int bundles_each(int dirfd, uint64_t count, unsigned threads, void (*take)(void *cookie, struct bundle *b), void *cookie)
{
	struct pool p = { .dirfd = dirfd, .count = count };
	pthread_t thread[THREADS_MAX];
	unsigned started = 0;

	p.slot = calloc(SLOTS, sizeof(*p.slot));
	if (p.slot == NULL)
		return CV_ERR_NOMEM;
	for (unsigned i = 0; i < SLOTS; i++)
		bundle_init(&p.slot[i]);
	(void)pthread_mutex_init(&p.lock, NULL);
	(void)pthread_cond_init(&p.filled, NULL);
	(void)pthread_cond_init(&p.freed, NULL);
	threads = thread_count(threads, count);
	while (started < threads && pthread_create(&thread[started], NULL, worker, &p) == 0)
		started++;
	take_all(&p, started, take, cookie);
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(thread[i], NULL);
	(void)pthread_cond_destroy(&p.freed);
	(void)pthread_cond_destroy(&p.filled);
	(void)pthread_mutex_destroy(&p.lock);
	for (unsigned i = 0; i < SLOTS; i++)
		bundle_free(&p.slot[i]);
	free(p.slot);
	return 0;
}

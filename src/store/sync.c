/*
 * The thread that writes and syncs one block while core decides the next turn. It touches nothing but the block and its file: what a
 * durable block means is core's to say, in store_landed.
 */
#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "store/store_internal.h"

static void wait_for(sem_t *x)
{
	while (sem_wait(x) != 0 && errno == EINTR)
		;
}

static void *thread_main(void *arg)
{
	struct store *s = arg;
	struct syncer *y = &s->sync;
	const uint64_t one = 1;

	for (;;) {
		wait_for(&y->given);
		if (y->block == NULL)
			break;
		y->r = journal_write(&s->j, y->block);
		atomic_store(&y->busy, false);
		(void)sem_post(&y->done);
		/* Only a counter that is full already can refuse, and that has woken whoever waits. */
		(void)!write(y->efd, &one, sizeof(one));
	}
	return NULL;
}

int syncer_init(struct store *s)
{
	struct syncer *y = &s->sync;

	if ((y->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
		return CV_ERR_IO;
	(void)sem_init(&y->given, 0, 0);	/* cannot fail with these arguments */
	(void)sem_init(&y->done, 0, 0);
	return 0;
}

int syncer_start(struct store *s)
{
	sigset_t all, old;
	int rc;

	if (s->sync.running)
		return 0;	/* by a replay that failed behind this */
	/* Signals are for core's thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&s->sync.thread, NULL, thread_main, s);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	s->sync.running = rc == 0;
	return rc == 0 ? 0 : CV_ERR_NOMEM;
}

void syncer_free(struct store *s)
{
	struct syncer *y = &s->sync;

	if (y->running) {
		if (y->block != NULL)
			(void)syncer_take(s, true);
		(void)sem_post(&y->given);
		(void)pthread_join(y->thread, NULL);
		y->running = false;
	}
	if (y->efd < 0)
		return;
	(void)close(y->efd);
	y->efd = -1;
	(void)sem_destroy(&y->given);
	(void)sem_destroy(&y->done);
}

void syncer_give(struct store *s, struct block *b)
{
	struct syncer *y = &s->sync;

	y->block = b;
	atomic_store(&y->busy, true);
	(void)sem_post(&y->given);
}

int syncer_take(struct store *s, bool wait)
{
	struct syncer *y = &s->sync;

	if (!wait && atomic_load(&y->busy))
		return CV_ERR_BUSY;
	wait_for(&y->done);
	y->block = NULL;
	return y->r;
}

/* The thread of rewrap_work.h: two lists under one lock. */
#include "vault/rewrap_work.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/traces.h"
#include "format/row.h"
#include "keys/keys.h"
#include "store/store.h"

#define ROW_MAX_BYTES ((size_t)STORE_VALUE_MAX + REWRAP_BATCH_BYTES)

struct list {
	struct rewrap_batch *head, *tail;
	unsigned n;
};
struct rewrap_worker {
	struct keys *k;
	const struct rewrap_keys *x;
	struct rewrap_agreed *agreed;	/* the thread's */
	pthread_t thread;
	pthread_mutex_t lock;		/* of the lists and of stop */
	pthread_cond_t wake;
	bool stop;
	struct list empty, todo, done;
	struct rewrap_batch all[REWRAP_BATCHES];
};

static void put(struct list *l, struct rewrap_batch *b)
{
	b->next = NULL;
	if (l->tail != NULL)
		l->tail->next = b;
	else
		l->head = b;
	l->tail = b;
	l->n++;
}

static struct rewrap_batch *get(struct list *l)
{
	struct rewrap_batch *b = l->head;

	if (b == NULL)
		return NULL;
	l->head = b->next;
	if (l->head == NULL)
		l->tail = NULL;
	l->n--;
	return b;
}

/* ---- the thread ------------------------------------------------------------------------------------------------------------ */

static void make_row(struct rewrap_worker *w, struct rewrap_batch *b, struct rewrap_item *i)
{
	const uint8_t *row = b->in.p + i->at;
	uint8_t key[REC_KEY_MAX];
	size_t key_n = rec_key(i->serial, REC_KEYS, 0, 0, key);

	i->made = 0;
	i->out_at = b->out.n;
	i->result = rewrap_row(w->k, w->x, w->agreed, i->record, row, i->n, &b->out, &i->made);
	i->out_n = b->out.n - i->out_at;
	if (i->result == CV_ERR_NOMEM)
		b->out.bad = false;	/* the next ones may fit */
	if (i->made == 0)
		return;
	keys_state_remove(w->k, &b->change, STORE_REC, key, key_n, row, i->n);
	keys_state_add(w->k, &b->change, STORE_REC, key, key_n, b->out.p + i->out_at, i->out_n);
}

static void *work(void *arg)
{
	struct rewrap_worker *w = arg;
	struct rewrap_batch *b;

	(void)pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		if ((b = get(&w->todo)) == NULL) {
			/* What data keys left on the stack and in registers goes before a sleep. */
			traces_wipe();
			(void)pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&w->lock);
		memset(&b->change, 0, sizeof(b->change));
		for (unsigned i = 0; i < b->n; i++)
			make_row(w, b, &b->item[i]);
		(void)pthread_mutex_lock(&w->lock);
		put(&w->done, b);
	}
	(void)pthread_mutex_unlock(&w->lock);
	traces_wipe();
	return NULL;
}

/* ---- core's side ----------------------------------------------------------------------------------------------------------- */

int rewrap_worker_start(struct keys *k, const struct rewrap_keys *x, struct rewrap_worker **ret)
{
	struct rewrap_worker *w = calloc(1, sizeof(*w));
	sigset_t all, old;
	int rc;

	if (w == NULL || (w->agreed = rewrap_agreed_new(x)) == NULL) {
		free(w);
		return CV_ERR_NOMEM;
	}
	w->k = k;
	w->x = x;
	for (unsigned i = 0; i < REWRAP_BATCHES; i++) {
		buf_init(&w->all[i].in, ROW_MAX_BYTES);
		buf_init(&w->all[i].out, 2 * ROW_MAX_BYTES);
		put(&w->empty, &w->all[i]);
	}
	(void)pthread_mutex_init(&w->lock, NULL);	/* glibc: these two always give 0 */
	(void)pthread_cond_init(&w->wake, NULL);
	/* Signals are for core's thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&w->thread, NULL, work, w);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0) {
		*ret = w;
		return 0;
	}
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	rewrap_agreed_free(w->agreed);
	free(w);
	return CV_ERR_NOMEM;
}

void rewrap_worker_stop(struct rewrap_worker *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stop = true;
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	for (unsigned i = 0; i < REWRAP_BATCHES; i++) {
		buf_free(&w->all[i].in);
		buf_free(&w->all[i].out);
	}
	rewrap_agreed_free(w->agreed);
	free(w);
}

static struct rewrap_batch *take(struct rewrap_worker *w, struct list *l)
{
	struct rewrap_batch *b;

	(void)pthread_mutex_lock(&w->lock);
	b = get(l);
	(void)pthread_mutex_unlock(&w->lock);
	return b;
}

struct rewrap_batch *rewrap_worker_empty(struct rewrap_worker *w)
{
	return take(w, &w->empty);
}

struct rewrap_batch *rewrap_worker_take(struct rewrap_worker *w)
{
	return take(w, &w->done);
}

void rewrap_worker_give(struct rewrap_worker *w, struct rewrap_batch *b)
{
	(void)pthread_mutex_lock(&w->lock);
	put(&w->todo, b);
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
}

void rewrap_worker_return(struct rewrap_worker *w, struct rewrap_batch *b)
{
	b->n = 0;
	buf_reset(&b->in);
	buf_reset(&b->out);
	(void)pthread_mutex_lock(&w->lock);
	put(&w->empty, b);
	(void)pthread_mutex_unlock(&w->lock);
}

void rewrap_worker_look(struct rewrap_worker *w, unsigned *ret_empty, unsigned *ret_busy, unsigned *ret_done)
{
	(void)pthread_mutex_lock(&w->lock);
	*ret_empty = w->empty.n;
	*ret_done = w->done.n;
	(void)pthread_mutex_unlock(&w->lock);
	*ret_busy = REWRAP_BATCHES - *ret_empty - *ret_done;
}

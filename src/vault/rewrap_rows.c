/* A re-wrap's rows: handed over to the worker as copies, put where they still are what was copied. */
#include "vault/rewrap_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* A copy of one record's keys row joins the batch; a serial without a record is passed over. */
static int read_row(struct vault *v, struct job *j, uint64_t serial, struct rewrap_batch *b)
{
	struct rewrap_item *i = &b->item[b->n];
	struct store_value head, row;
	uint8_t key[REC_KEY_MAX];
	uint32_t epoch, slot;
	int r;

	r = store_get(v->store, STORE_REC, key, rec_key(serial, REC_HEAD, 0, 0, key), &head);
	if (r != 0)
		return r == CV_ERR_NOTFOUND ? 0 : r;
	if ((r = head_prefix_decode(head.p, head.n, &epoch, &slot, i->record)) == 0)
		r = store_get(v->store, STORE_REC, key, rec_key(serial, REC_KEYS, 0, 0, key), &row);
	if (r == CV_ERR_FORMAT || r == CV_ERR_NOTFOUND) {
		log_warn("a re-wrap passed over record number %llu: %s", (unsigned long long)serial, cv_strerror(r));
		j->skipped++;
		return 0;
	}
	if (r != 0)
		return r;
	i->serial = serial;
	i->at = b->in.n;
	i->n = row.n;
	buf_put(&b->in, row.p, row.n);
	if (!buf_ok(&b->in))
		return CV_ERR_NOMEM;
	b->n++;
	return 0;
}

static int fill(struct vault *v, struct job *j, struct rewrap_batch *b)
{
	struct rewrap *x = v->jobs->rewrap;
	int r = 0;

	while (r == 0 && x->feed < j->end && b->n < REWRAP_RECORDS && b->in.n < REWRAP_BATCH_BYTES)
		if ((r = read_row(v, j, x->feed, b)) == 0)
			x->feed++;
	b->round = x->round;
	b->end = x->feed;
	return r;
}

void rewrap_feed(struct vault *v, struct job *j, uint64_t until_us)
{
	struct rewrap *x = v->jobs->rewrap;
	struct rewrap_batch *b;
	int r = 0;

	while (r == 0 && x->feed < j->end && clock_mono_us() < until_us && (b = rewrap_worker_empty(x->worker)) != NULL) {
		uint64_t skipped = j->skipped, from = x->feed;

		if ((r = fill(v, j, b)) == 0) {
			rewrap_worker_give(x->worker, b);
			continue;
		}
		x->feed = from;
		j->skipped = skipped;
		rewrap_worker_return(x->worker, b);
		log_warn("a re-wrap waits: %s", cv_strerror(r));
		v->jobs->not_before_ms = clock_mono_ms() + REWRAP_WAIT_MS;
	}
}

/* Whether the row still is what the worker was given; *ret is what it is now. */
static int is_as_read(struct vault *v, const struct rewrap_batch *b, const struct rewrap_item *i, bool *ret_same, struct store_value *ret)
{
	uint8_t key[REC_KEY_MAX];
	int r = store_get(v->store, STORE_REC, key, rec_key(i->serial, REC_KEYS, 0, 0, key), ret);

	*ret_same = r == 0 && ret->n == i->n && memcmp(ret->p, b->in.p + i->at, i->n) == 0;
	return r == CV_ERR_NOTFOUND ? 0 : r;
}

static int all_as_read(struct vault *v, const struct rewrap_batch *b, bool *ret)
{
	struct store_value now;
	bool same = true;
	int r = 0;

	for (unsigned i = 0; r == 0 && same && i < b->n; i++)
		if (b->item[i].made > 0)
			r = is_as_read(v, b, &b->item[i], &same, &now);
	*ret = same;
	return r;
}

/* A batch in which a row was written meanwhile: that one is made anew from what it is now. */
static int put_changed(struct vault *v, struct rewrap_batch *b, struct rewrap_item *i)
{
	uint8_t key[REC_KEY_MAX];
	size_t key_n = rec_key(i->serial, REC_KEYS, 0, 0, key);
	const uint8_t *p = b->out.p + i->out_at;
	struct store_value now = { NULL, 0 };
	bool same;
	int r;

	if ((r = is_as_read(v, b, i, &same, &now)) != 0)
		return r;
	if (!same) {
		buf_reset(&v->keys_row);
		i->made = 0;
		if (now.p == NULL)
			return 0;	/* it is gone */
		i->result = rewrap_row(v->keys, v->jobs->rewrap->keys, NULL, i->record, now.p, now.n, &v->keys_row, &i->made);
		if (i->result != 0)
			return 0;
		p = v->keys_row.p;
		i->out_n = v->keys_row.n;
	}
	return i->made > 0 ? vault_put_hashed(v, STORE_REC, key, key_n, p, i->out_n) : 0;
}

static int put_same(struct vault *v, const struct rewrap_batch *b)
{
	uint8_t key[REC_KEY_MAX];
	int r = 0;

	for (unsigned i = 0; r == 0 && i < b->n; i++)
		if (b->item[i].made > 0)
			r = store_put(v->store, STORE_REC, key, rec_key(b->item[i].serial, REC_KEYS, 0, 0, key),
			    b->out.p + b->item[i].out_at, b->item[i].out_n);
	if (r == 0)
		vault_join_hash(v, &b->change);
	return r;
}

int rewrap_put_batch(struct vault *v, struct job *j, struct rewrap_batch *b, unsigned *changed)
{
	bool same;
	int r;

	v->call_saved.valid = false;
	if ((r = all_as_read(v, b, &same)) == 0 && same)
		r = put_same(v, b);
	for (unsigned i = 0; r == 0 && !same && i < b->n; i++)
		r = put_changed(v, b, &b->item[i]);
	for (unsigned i = 0; r == 0 && i < b->n; i++) {
		const struct rewrap_item *item = &b->item[i];

		if (item->result == CV_ERR_NOMEM) {
			r = CV_ERR_NOMEM;
		} else if (item->result != 0) {
			log_warn("a re-wrap passed over record number %llu: %s", (unsigned long long)item->serial,
			    cv_strerror(item->result));
			j->skipped++;
		}
		j->wraps += item->made;
		*changed += item->made > 0;
	}
	j->next = b->end;
	if (r == 0)
		store_commit(v->store);
	return r;
}

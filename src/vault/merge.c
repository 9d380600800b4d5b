/*
 * Merging: when a reader has touched a record, drops are folded into its rows and keys made to the public become wraps under
 * the class, so that later reads cost no agreement. It moves neither class version nor ETag. DESIGN sections 5 and 13.4.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "vault/list.h"
#include "vault/write.h"

#define UPKEEP_MERGED 1

/* Keys that were made to the public and are wrapped for the session's classes, gathered from the old keys row. */
#define REWRAP_KEYS 255u	/* of one group; the rest waits for the next merge */
struct rewrap {
	struct vault *v;
	const struct session *session;
	struct head *head;
	unsigned n;
	struct wrap_request req[REWRAP_KEYS];
	struct datakey key[REWRAP_KEYS];
};

static bool due(const struct session *s, const struct wrap *w)
{
	return w->type == WRAP_TYPE_PUBLIC && session_has_epoch(s, w->class_key, w->wrapping_epoch);
}

static int find_public(void *cookie, const struct wrap *w)
{
	return due(cookie, w) ? 1 : 0;
}

/* Whether the session could wrap some key of the record that was made to the public. */
static bool has_public(const struct vault_call *c, const struct record *r)
{
	if (r->keys == NULL || !r->keys->whole)
		return wraps_each(r->keys_row, r->keys_row_n, find_public, c->session) == 1;
	for (unsigned i = 0; i < r->keys->n; i++)
		if (due(c->session, &r->keys->wrap[i]))
			return true;
	return false;
}

void record_want_merge(struct vault *v, const struct vault_call *c, const struct record *r)
{
	bool wanted = false;
	struct merge_job *job;

	for (unsigned i = 0; i < r->head.classes && !wanted; i++)
		wanted = r->head.class[i].drops > 0 && session_has_class(c->session, r->head.class[i].class_key);
	if (!wanted)
		wanted = has_public(c, r);
	if (!wanted || v->merges == VAULT_MERGES)
		return;
	for (unsigned i = 0; i < v->merges; i++)
		if (memcmp(v->merge[i].record, r->head.record, 16) == 0)
			return;
	job = &v->merge[v->merges++];
	memcpy(job->record, r->head.record, 16);
	job->session = c->session;
}

void merges_forget(struct vault *v, const struct session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->merges; i++)
		if (v->merge[i].session != s)
			v->merge[n++] = v->merge[i];
	v->merges = n;
}

static int open_public(void *cookie, const struct wrap *w)
{
	struct rewrap *x = cookie;
	int r;

	if (!due(x->session, w) || write_wrap_spent(x->head, w) || x->n == REWRAP_KEYS)
		return 0;
	if ((r = record_unwrap(x->v->keys, x->session, x->head->record, w, &x->key[x->n])) != 0)
		return r;
	x->req[x->n] = (struct wrap_request){ w->class_key, w->generation, w->birth_epoch, w->drop_version, &x->key[x->n] };
	x->n++;
	return 0;
}

/* Whether an entry of the old keys row stands in the new group, or is of a drop that was folded: it may go. */
static bool was_rewrapped(void *cookie, const struct wrap *w)
{
	const struct rewrap *x = cookie;

	if (write_wrap_spent(x->head, w))
		return true;
	for (unsigned i = 0; i < x->n && w->type == WRAP_TYPE_PUBLIC; i++)
		if (x->req[i].class_key == w->class_key && x->req[i].generation == w->generation &&
		    x->req[i].drop_version == w->drop_version)
			return true;
	return false;
}

/* The record's new keys row in v->keys_row, with the keys that folding made, and a group of those that were made to the public. */
static int rewrap_keys(struct vault *v, struct record *rec, const struct session *s, struct fresh_keys *fresh)
{
	static struct rewrap x;
	int r;

	x.v = v;
	x.session = s;
	x.head = &rec->head;
	x.n = 0;
	buf_reset(&v->keys_row);
	wraps_begin(&v->keys_row);
	if ((r = wraps_each(rec->keys_row, rec->keys_row_n, open_public, &x)) == 0 &&
	    (r = wraps_copy(&v->keys_row, 0, rec->keys_row, rec->keys_row_n, was_rewrapped, &x)) == 0 && x.n > 0 &&
	    (r = record_wrap2(v->keys, s, rec->head.record, x.req, x.n, &v->keys_row)) == 0)
		wraps_group_added(&v->keys_row, 0);
	wipe(x.key, x.n * sizeof(x.key[0]));
	rec->keys_changed = true;
	return r != 0 ? r : write_put_keys(v, rec, fresh);
}

/* Fold the drops of one class into its row; the class version stays. */
static int fold_class(struct vault *v, const struct vault_call *c, struct record *rec, struct head_class *hc, struct fresh_keys *fresh)
{
	struct row_key key = { .generation = 0 };
	int r;

	if ((r = record_load_content(v, c, rec, hc, &v->content, &key)) == 0 && (r = write_row_key(v, c, rec, hc, fresh, &key)) == 0 &&
	    (r = write_history(v, c, rec, hc, &key)) == 0)
		r = write_row(v, rec, hc, &key, hc->class_version);
	wipe(&key, sizeof(key));
	content_clear(&v->content);
	return r;
}

static int merge_record(struct vault *v, const struct merge_job *job)
{
	static struct vault_call c;
	static struct fresh_keys fresh;
	struct record rec;
	int r;

	c.session = job->session;
	if ((r = record_load(v, job->record, false, &rec)) != 0)
		return r;
	vault_save(v);
	fresh.n = 0;
	r = record_keep_keys(v, &rec, &v->old_keys);
	record_keep_changes(v, &rec);
	for (unsigned i = 0; r == 0 && i < rec.head.classes; i++)
		if (rec.head.class[i].drops > 0 && session_has_class(job->session, rec.head.class[i].class_key))
			r = fold_class(v, &c, &rec, &rec.head.class[i], &fresh);
	if (r == 0 && (r = rewrap_keys(v, &rec, job->session, &fresh)) == 0)
		r = record_put_head(v, &rec);
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	return r;
}

int vault_run_merges(struct vault *v)
{
	uint8_t body[5] = { UPKEEP_MERGED };
	uint32_t done = 0;
	int r;

	for (unsigned i = 0; i < v->merges; i++) {
		const struct merge_job *job = &v->merge[i];

		v->call_saved.valid = false;
		if (store_room(v->store, 1 << 20) != 0)
			break;
		if ((r = merge_record(v, job)) == 0) {
			store_commit(v->store);
			list_commit(v);
			done++;
		} else {
			store_rollback(v->store);
			list_rollback(v);
			vault_undo(v, &v->call_saved);
			log_warn("a record was not merged: %s", cv_strerror(r));
		}
	}
	v->merges = 0;
	if (done == 0)
		return 0;
	/* Without this leaf no leaf would name the state that the merges made. */
	be32_put(body + 1, done);
	if ((r = vault_system_leaf(v, LEAF_MERGE, body, sizeof(body), true, clock_wall_ms())) == 0)
		store_commit(v->store);
	return r;
}

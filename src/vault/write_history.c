/* What a rewritten class leaves behind: replaced rows and drops in history, keys that open nothing any more. FORMAT.md 4.4 and 4.6. */
#include <string.h>

#include "base/bytes.h"
#include "vault/write.h"

/* What one moving to history needs from row to row. */
struct moving {
	const struct vault_call *c;
	struct record *rec;
	struct head_class *hc;
	const struct row_key *key;
	uint8_t digest[16];	/* follows the class's digest over what is there, FORMAT.md 4.1 */
};

/* Append drop d to v->old_row, sealed anew under the data key that the class has from now on, at its own place. */
static int reseal_drop(struct vault *v, const struct moving *m, uint32_t d)
{
	struct row_place at = { .record = m->rec->head.record, .class_key = m->hc->class_key, .birth_epoch = m->key->birth,
		.generation = m->key->generation, .version = d, .shred_slot = m->rec->head.shred_slot, .drop = true };
	int r;

	content_clear(&v->view_content);
	if ((r = record_open_drop(v, m->c, m->rec, m->hc, d)) != 0)
		return r;
	r = content_add_row(&v->view_content, &v->row, true, &v->scratch);
	record_row_clear(&v->row);
	if (r == 0)
		r = content_seal(v->keys, &v->view_content, &m->key->dk, &at, &v->old_row);
	content_clear(&v->view_content);
	return r;
}

/*
 * One replaced row goes to history byte for byte, still under the data key that it has; one drop sealed anew, under the one that the class
 * gets: it may have been handed in after a rekey, and then no key that an older epoch opened may open it.
 */
static int move_to_history(struct vault *v, struct moving *m, uint32_t drop_version, struct store_value val)
{
	struct head_class *hc = m->hc;
	uint32_t slot = m->rec->head.shred_slot;
	uint8_t key[REC_KEY_MAX], hkey[HIST_KEY], before[16];
	size_t n = rec_key(m->rec->serial, drop_version ? REC_DROP : REC_ROW, hc->class_key, drop_version, key);
	int r;

	if (val.p == NULL && (r = store_get(v->store, STORE_REC, key, n, &val)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
	buf_reset(&v->old_row);
	buf_u32(&v->old_row, drop_version != 0 ? m->key->generation : hc->generation);
	if (drop_version != 0) {
		memcpy(before, m->digest, 16);
		record_digest_drop(v->keys, slot, before, drop_version, val.p, val.n, m->digest);
		r = reseal_drop(v, m, drop_version);
	} else {
		if (hc->drops > 0)
			record_digest_row(v->keys, slot, hc->class_key, hc->row_version, val.p, val.n, m->digest);
		buf_put(&v->old_row, hc->nonce, ROW_NONCE);
		buf_put(&v->old_row, val.p, val.n);
	}
	if (r != 0 || !buf_ok(&v->old_row))
		return r != 0 ? r : CV_ERR_NOMEM;
	hist_key(m->rec->serial, hc->class_key, drop_version ? drop_version : hc->row_version, drop_version ? 2 : 1, hkey);
	memcpy(before, hc->hist_digest, 16);
	record_digest_hist(v->keys, slot, before, hkey, sizeof(hkey), v->old_row.p, v->old_row.n, hc->hist_digest);
	hc->hist_count++;
	hc->flags |= HEAD_CLASS_HIST;
	if ((r = store_put(v->store, STORE_HIST, hkey, sizeof(hkey), v->old_row.p, v->old_row.n)) == 0 && drop_version != 0)
		r = store_del(v->store, STORE_REC, key, n);
	return r;
}

int write_history(struct vault *v, const struct vault_call *c, struct record *rec, struct head_class *hc, const struct row_key *key,
    struct store_value row)
{
	struct moving m = { .c = c, .rec = rec, .hc = hc, .key = key };
	uint32_t last = hc->class_version, first = hc->class_version - hc->drops + 1;
	int r = 0;

	if (hc->flags & HEAD_CLASS_ROW)
		r = move_to_history(v, &m, 0, row);
	for (uint32_t d = first; r == 0 && hc->drops > 0 && d <= last; d++)
		r = move_to_history(v, &m, d, (struct store_value){ NULL, 0 });
	/*
	 * What is folded is what head says was written: anybody can make a drop for a class's public key. A row alone was opened, which
	 * says as much: its N is known to head only.
	 */
	if (r == 0 && hc->drops > 0 && !crypto_equal(m.digest, hc->digest, 16))
		r = CV_ERR_AUTH;
	return r;
}

bool write_wrap_spent(struct head *h, const struct wrap *w)
{
	const struct head_class *hc = head_class_find(h, w->class_key);

	if (w->drop_version == 0 || hc == NULL)
		return false;
	return w->drop_version > hc->class_version || w->drop_version + hc->drops <= hc->class_version;
}

static bool spent(void *cookie, const struct wrap *w)
{
	return write_wrap_spent(cookie, w);
}

int write_prune_wraps(struct vault *v, struct record *rec)
{
	struct buf pruned;
	int r;

	buf_reset(&v->old_keys);
	wraps_begin(&v->old_keys);
	if ((r = wraps_copy(&v->old_keys, 0, v->keys_row.p, v->keys_row.n, spent, &rec->head)) != 0)
		return r;
	pruned = v->old_keys;
	v->old_keys = v->keys_row;
	v->keys_row = pruned;
	rec->keys_row = v->keys_row.p;
	rec->keys_row_n = v->keys_row.n;
	rec->keys = NULL;
	rec->keys_changed = true;
	return 0;
}

/* What a rewritten class leaves behind: drops in history, keys that open nothing any more. FORMAT.md 4.4 and 4.6. */
#include <string.h>

#include "base/bytes.h"
#include "vault/write.h"

/*
 * Append drop d to the change under way, sealed anew under the data key that the class gets: it may have been handed in after a rekey, and
 * then no key that an older epoch opened may open it.
 */
static int reseal_drop(struct vault *v, const struct vault_call *c, struct record *rec, const struct head_class *hc,
    const struct row_key *key, uint32_t d)
{
	struct row_place at = { .record = rec->head.record, .class_key = hc->class_key, .birth_epoch = key->birth,
		.generation = key->generation, .version = d, .shred_slot = rec->head.shred_slot, .drop = true };
	int r;

	if ((r = write_change_room(v, rec)) != 0)
		return r;
	content_clear(&v->view_content);
	buf_reset(&v->row_out);
	if ((r = record_open_drop(v, c, rec, hc, d)) != 0)
		return r;
	r = content_add_row(&v->view_content, &v->row, true, &v->scratch);
	record_row_clear(&v->row);
	if (r == 0)
		r = content_seal(v->keys, &v->view_content, &key->dk, &at, &v->row_out);
	content_clear(&v->view_content);
	if (r != 0)
		return r;
	hist_put(&v->change, &(struct hist_row){ hc->class_key, HIST_DROP, key->generation, d, v->row_out.p, v->row_out.n });
	return buf_ok(&v->change) ? 0 : CV_ERR_NOMEM;
}

/* digest follows the class's digest over the drops that are there, FORMAT.md 4.1. */
static int move_drop(struct vault *v, const struct vault_call *c, struct record *rec, const struct head_class *hc,
    const struct row_key *key, uint32_t d, uint8_t digest[16])
{
	uint8_t rkey[REC_KEY_MAX], before[16];
	size_t n = rec_key(rec->serial, REC_DROP, hc->class_key, d, rkey);
	struct store_value val;
	int r;

	if ((r = store_get(v->store, STORE_REC, rkey, n, &val)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
	memcpy(before, digest, 16);
	record_digest_drop(v->keys, rec->head.shred_slot, before, d, val.p, val.n, digest);
	if ((r = reseal_drop(v, c, rec, hc, key, d)) != 0)
		return r;
	record_keep_changes(v, rec);
	return store_del(v->store, STORE_REC, rkey, n);
}

int write_history(struct vault *v, const struct vault_call *c, struct record *rec, struct head_class *hc, const struct row_key *key)
{
	uint32_t last = hc->class_version, first = hc->class_version - hc->drops + 1;
	uint8_t digest[16] = { 0 };
	int r = 0;

	for (uint32_t d = first; r == 0 && hc->drops > 0 && d <= last; d++)
		r = move_drop(v, c, rec, hc, key, d, digest);
	/*
	 * What is folded is what head says was written: anybody can make a drop for a class's public key. A row alone was opened, which
	 * says as much: its N is known to head only.
	 */
	if (r == 0 && hc->drops > 0 && !crypto_equal(digest, hc->digest, 16))
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

/* Checkpoints and epochs, FORMAT.md section 10. Core's thread; the tree as applied is read under the appender's lock. */
#include <stdio.h>
#include <string.h>

#include "audit/audit_internal.h"
#include "base/bytes.h"
#include "base/error.h"
#include "store/files.h"

#define EPOCHS_FILE_MAX (1u << 20)
#define SEAL_PATH_MAX 24u

/* ---- reading what was signed ---------------------------------------------------------------------------------------- */

int checkpoint_load(struct audit *a)
{
	struct checkpoint c;
	struct note note;
	int r;

	buf_reset(&a->note);
	r = files_read(a->dirfd, "checkpoint", &a->note);
	if (r == CV_ERR_NOTFOUND)
		return 0;
	if (r != 0)
		return r == CV_ERR_LIMIT ? CV_ERR_FORMAT : r;
	if ((r = note_decode((const char *)a->note.p, a->note.n, &note)) != 0 || (r = checkpoint_decode(&note, &c)) != 0)
		return r;
	if (c.origin_n != strlen(a->o.origin) || memcmp(c.origin, a->o.origin, c.origin_n) != 0)
		return CV_ERR_AUTH;
	r = CV_ERR_AUTH;
	for (unsigned i = 0; r != 0 && i < note.sigs; i++) {
		const struct note_sig *s = &note.sig[i];

		if (s->sig_n == SIGN_BYTES && memcmp(s->key_id, a->key_id, sizeof(a->key_id)) == 0)
			r = crypto_verify(a->o.log_pk, note.text, note.text_n, s->sig);
	}
	if (r != 0)
		return r;
	a->has_signed = true;
	a->signed_size = c.size;
	memcpy(a->signed_root, c.root, sizeof(c.root));
	return 0;
}

bool audit_signed(const struct audit *a, uint64_t *ret_size, uint8_t ret_root[32])
{
	if (!a->has_signed)
		return false;
	*ret_size = a->signed_size;
	memcpy(ret_root, a->signed_root, 32);
	return true;
}

/* The epoch's public key, from the file that leaf 0 commits to. */
static int epoch_pk(struct audit *a, uint32_t epoch)
{
	struct buf all;
	int r;

	if (a->has_epoch_pk && a->epoch_pk_of == epoch)
		return 0;
	buf_init(&all, EPOCHS_FILE_MAX);
	r = files_read(a->dirfd, "epochs", &all);
	if (r == 0 && all.n / 32 <= epoch)
		r = CV_ERR_FORMAT;
	if (r == 0) {
		memcpy(a->epoch_pk, all.p + (size_t)epoch * 32, 32);
		a->epoch_pk_of = epoch;
		a->has_epoch_pk = false;	/* until a signature has shown that it is the signer's */
	}
	buf_free(&all);
	return r == CV_ERR_NOTFOUND || r == CV_ERR_LIMIT ? CV_ERR_FORMAT : r;
}

/* ---- signing -------------------------------------------------------------------------------------------------------- */

/* Append the signature of the epoch's key. The first one of an epoch is checked: a wrong key would show only years later. */
static int sign_epoch(struct audit *a, uint32_t epoch, size_t text_n, struct buf *ret)
{
	char name[EPOCH_NAME_MAX];
	uint8_t sig[SIGN_BYTES], id[4];
	int r;

	if ((r = epoch_pk(a, epoch)) != 0)
		return r;
	a->o.hooks.fs_sign(a->o.hooks.cookie, ret->p, text_n, sig);
	if (!a->has_epoch_pk && (r = crypto_verify(a->epoch_pk, ret->p, text_n, sig)) != 0)
		return r;
	a->has_epoch_pk = true;
	(void)snprintf(name, sizeof(name), "%s/fs/%04u", a->o.origin, epoch);
	note_key_id(name, a->epoch_pk, id);
	note_sig_encode(name, id, sig, ret);
	return 0;
}

/* Make the whole note of a tree. */
static int sign(struct audit *a, uint32_t epoch, uint64_t size, const uint8_t root[32], struct buf *ret)
{
	uint8_t sig[SIGN_BYTES];
	size_t text_n;
	int r;

	if ((r = checkpoint_encode(a->o.origin, size, root, ret)) != 0)
		return r;
	text_n = ret->n;
	note_text_end(ret);
	if (!buf_ok(ret))
		return CV_ERR_NOMEM;
	a->o.hooks.log_sign(a->o.hooks.cookie, ret->p, text_n, sig);
	note_sig_encode(a->o.origin, a->key_id, sig, ret);
	if (!buf_ok(ret))
		return CV_ERR_NOMEM;
	if ((r = sign_epoch(a, epoch, text_n, ret)) != 0)
		return r;
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

/* ---- partial tiles ---------------------------------------------------------------------------------------------------- */

/* The path of the partial tile of a level (TILE_ENTRIES: bundle) in a tree of size leaves; false if it has none. */
static bool partial_path(uint64_t size, unsigned level, char ret[TILE_PATH_MAX])
{
	unsigned below = level == TILE_ENTRIES ? 0 : level;
	unsigned width = (unsigned)(size >> (8 * below)) & (TILE_WIDTH - 1);

	if (width == 0)
		return false;
	(void)tile_path(level, tiles_full(size, below), width, ret);
	return true;
}

static int write_partial(struct audit *a, const char *path, const void *p, size_t n)
{
	int r;

	if ((r = files_make_parents(a->dirfd, path)) != 0)
		return r;
	return files_replace_lazy(a->dirfd, path, p, n);
}

/* Sync one partial tile and its folder. */
static int sync_partial(struct audit *a, char path[TILE_PATH_MAX])
{
	int r;

	if ((r = files_sync(a->dirfd, path)) != 0)
		return r;
	*strrchr(path, '/') = '\0';
	return files_sync(a->dirfd, path);
}

/* Write the partial bundle and the partial tiles of the tree e, durably. Written all at first, so that one sync carries most. */
static int write_partials(struct audit *a, const struct edge *e)
{
	uint64_t size = e->frontier.size;
	char path[TILE_PATH_MAX];
	int r = 0;

	if (partial_path(size, TILE_ENTRIES, path))
		r = write_partial(a, path, e->tail.p, e->tail.n);
	for (unsigned level = 0; r == 0 && level < TILE_LEVELS; level++)
		if (partial_path(size, level, path))
			r = write_partial(a, path, e->hash[level], (size_t)edge_width(e, level) * 32);
	if (r == 0 && partial_path(size, TILE_ENTRIES, path))
		r = sync_partial(a, path);
	for (unsigned level = 0; r == 0 && level < TILE_LEVELS; level++)
		if (partial_path(size, level, path))
			r = sync_partial(a, path);
	return r;
}

/* Remove a partial tile that the tree of now leaves supersedes, and its folder once the tile is full. */
static void remove_partial(struct audit *a, uint64_t was, uint64_t now, unsigned level)
{
	char old[TILE_PATH_MAX], new[TILE_PATH_MAX];
	unsigned below = level == TILE_ENTRIES ? 0 : level;

	if (!partial_path(was, level, old) || (partial_path(now, level, new) && strcmp(old, new) == 0))
		return;
	(void)files_remove(a->dirfd, old);	/* what stays is not looked at again */
	if (tiles_full(was, below) == tiles_full(now, below))
		return;
	*strrchr(old, '/') = '\0';
	(void)files_remove_dir(a->dirfd, old);	/* the same */
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------------ */

/* The note that closes an epoch. Behind the checkpoint: a seal of leaves that no checkpoint covers would look like a log cut short. */
static int write_seal(struct audit *a, uint32_t epoch, const struct buf *note)
{
	char path[SEAL_PATH_MAX];

	(void)snprintf(path, sizeof(path), "seals/%06u", epoch);
	return files_replace(a->dirfd, path, note->p, note->n);
}

/* Write the note of the tree e, with all that it covers, durably. An error but want of room is for good. */
static int write_checkpoint(struct audit *a, const struct edge *e, const struct buf *note)
{
	int r = write_partials(a, e);

	if (r == 0)
		r = files_replace(a->dirfd, "checkpoint", note->p, note->n);
	a->broken = r == CV_ERR_IO;
	return r;
}

/* Sign the tree as shown. The lock is held: it makes the apply thread wait at the end of a batch, for milliseconds. */
static int checkpoint_shown(struct audit *a, bool seal)
{
	const struct edge *e = &a->appender.shown;
	const uint32_t epoch = a->o.hooks.fs_epoch(a->o.hooks.cookie);
	const uint64_t size = e->frontier.size, was = a->has_signed ? a->signed_size : 0;
	uint8_t root[32];
	struct buf note;
	int r;

	buf_init(&note, NOTE_MAX);
	merkle_root(&e->frontier, root);
	if ((r = sign(a, epoch, size, root, &note)) != 0 || (r = write_checkpoint(a, e, &note)) != 0)
		goto out;
	a->has_signed = true;
	a->signed_size = size;
	memcpy(a->signed_root, root, sizeof(root));
	buf_reset(&a->note);
	buf_put(&a->note, note.p, note.n);
	if (was != size) {
		remove_partial(a, was, size, TILE_ENTRIES);
		for (unsigned level = 0; level < TILE_LEVELS; level++)
			remove_partial(a, was, size, level);
	}
	if (seal)
		r = write_seal(a, epoch, &note);
	a->broken = r == CV_ERR_IO;
out:
	buf_free(&note);
	return r;
}

static int checkpoint(struct audit *a, struct store *s, bool seal)
{
	struct appender *ap = &a->appender;
	uint64_t size;
	int r = 0;

	/* A sync that is asked for again after it failed may answer that all is well, and what it was for is not on the disk. */
	if (a->broken)
		return CV_ERR_IO;
	(void)pthread_mutex_lock(&ap->lock);
	size = ap->shown.frontier.size;
	if (a->has_signed && size < a->signed_size)
		r = CV_ERR_REPLAY;
	else if (seal || size > (a->has_signed ? a->signed_size : 0))
		r = checkpoint_shown(a, seal);
	(void)pthread_mutex_unlock(&ap->lock);
	if (r == 0 && a->has_signed)
		store_checkpointed(s, a->signed_size);
	return r;
}

bool audit_healthy(const struct audit *a)
{
	return !a->broken;
}

int audit_checkpoint(struct audit *a, struct store *s)
{
	return checkpoint(a, s, false);
}

/* ---- epochs ----------------------------------------------------------------------------------------------------------- */

/* A turn of its own for a leaf of n bytes. */
static int epoch_turn(struct audit *a, struct store *s, uint8_t kind, const uint8_t *body, size_t n, uint64_t now_ms)
{
	const struct audit_entry e = { .kind = kind, .clear = body, .clear_n = n };
	uint64_t index;
	int r, end;

	if ((r = store_turn_begin(s)) != 0)
		return r;
	r = audit_leaf(a, s, &e, now_ms, &index);
	if (r == 0)
		store_commit(s);
	else
		store_rollback(s);
	end = store_turn_end(s);
	audit_turn_end(a, end);
	return r != 0 ? r : end;
}

/*
 * Leaf, flush, checkpoint and seal, next key. A crash in between repeats from the leaf on: the epoch then has two leaves of
 * kind 12, and its seal covers the second.
 */
static int epoch_close(struct audit *a, struct store *s, uint64_t now_ms)
{
	uint32_t epoch = a->o.hooks.fs_epoch(a->o.hooks.cookie);
	uint8_t body[8];
	int r;

	be32_put(body, epoch);
	be32_put(body + 4, epoch + 1);
	if ((r = epoch_turn(a, s, LEAF_EPOCH, body, sizeof(body), now_ms)) != 0)
		return r;
	if ((r = store_flush(s)) != 0)
		return r;
	if ((r = checkpoint(a, s, true)) != 0)
		return r;
	return a->o.hooks.fs_next(a->o.hooks.cookie, a->signed_size, a->signed_root);
}

uint32_t audit_missed_days(const struct audit *a, uint64_t now_ms)
{
	uint64_t day = now_ms / DAY_MS, from = (uint64_t)a->o.first_day + a->o.hooks.fs_epoch(a->o.hooks.cookie);

	return day > from ? (uint32_t)(day - from) : 0;
}

/* The journal lost what a checkpoint vouches for. */
static bool behind(const struct audit *a, struct store *s)
{
	return a->has_signed && store_next_leaf(s) < a->signed_size;
}

int epochs_catch_up(struct audit *a, struct store *s, uint64_t now_ms, uint32_t max)
{
	uint32_t missed = audit_missed_days(a, now_ms), before;
	int r;

	if (missed == 0)
		return 0;
	if (missed > max)
		return CV_ERR_STATE;
	if (behind(a, s))
		return CV_ERR_REPLAY;
	while (audit_missed_days(a, now_ms) > 0) {
		before = a->o.hooks.fs_epoch(a->o.hooks.cookie);
		if ((r = epoch_close(a, s, now_ms)) != 0)
			return r;
		if (a->o.hooks.fs_epoch(a->o.hooks.cookie) == before)
			return CV_ERR_STATE;	/* fs_next said 0 and did nothing: never close the same day again and again */
	}
	return 0;
}

int audit_catch_up(struct audit *a, struct store *s, uint64_t now_ms)
{
	return epochs_catch_up(a, s, now_ms, AUDIT_START_DAYS);
}

int audit_confirm_days(struct audit *a, struct store *s, uint64_t now_ms)
{
	uint32_t epoch = a->o.hooks.fs_epoch(a->o.hooks.cookie), missed = audit_missed_days(a, now_ms);
	uint8_t body[9] = { FS_RENEW_CONFIRMED };
	int r;

	if (missed == 0)
		return 0;
	if (behind(a, s))
		return CV_ERR_REPLAY;
	be32_put(body + 1, epoch);
	be32_put(body + 5, epoch + missed);
	if ((r = epoch_turn(a, s, LEAF_FS_RENEW, body, sizeof(body), now_ms)) != 0)
		return r;
	return epochs_catch_up(a, s, now_ms, UINT32_MAX);
}

/* ---- further keys ------------------------------------------------------------------------------------------------------- */

int audit_add_epochs(struct audit *a, uint32_t count, const uint8_t *keys, size_t n)
{
	struct buf have;
	bool as_is;
	int r;

	buf_init(&have, EPOCHS_FILE_MAX);
	r = files_read(a->dirfd, "epochs", &have);
	if (r == 0 && have.n < (size_t)count * 32)
		r = CV_ERR_FORMAT;
	as_is = r == 0 && n == 0 && have.n == (size_t)count * 32;
	buf_free(&have);
	if (r != 0 || as_is)
		return r == CV_ERR_NOTFOUND || r == CV_ERR_LIMIT ? CV_ERR_FORMAT : r;
	r = files_append(a->dirfd, "epochs", (uint64_t)count * 32, keys, n);
	a->broken = a->broken || r == CV_ERR_IO;
	return r;
}

void audit_renew_body(uint32_t count, const uint8_t *keys, size_t n, uint8_t ret[AUDIT_RENEW_BODY])
{
	ret[0] = FS_RENEW_KEYS;
	be32_put(ret + 1, count);
	be32_put(ret + 5, (uint32_t)(n / 32));
	merkle_root_over(keys, n / 32, 32, ret + 9);
}

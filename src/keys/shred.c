/*
 * The shred tree on disk and in memory, and the epochs' signing state, which lives in the same root slots because only
 * they are overwritten in place.
 */
#include "keys/keys_internal.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "format/shred.h"
#include "store/files.h"

_Static_assert(SHRED_FILE == SHRED_HEADER + SHRED_PLAIN + SEAL_OVERHEAD, "a shard file is a header and one SEAL");

static const char *const slot_names[2] = { "slot.a", "slot.b" };

/* A shard's file in the folder. An erasure interrupted half-way leaves two of one shard; only one of them opens. */
struct shard_file {
	uint16_t shard;
	uint64_t sequence;
};

/*
 *   1. shard[i], if not NULL, holds the SHRED_PLAIN bytes of shard i.
 *   2. top holds all shard keys.
 *   3. slot is what both root slots say; after a failed epoch's end its sequence is the one last tried.
 */
struct shred_tree {
	int dirfd;			/* DIR/shred */
	struct root_slot slot;
	uint32_t epoch;
	uint32_t epochs;		/* that the log has committed to */
	uint64_t top_sequence;
	struct secret *top;
	struct secret *shard[SHRED_SHARDS];
	struct shard_file *files;
	size_t files_n, files_cap;
};

const uint8_t *shred_key(const struct keys *k, uint32_t slot)
{
	const struct secret *s;

	if (k->shred == NULL || slot >= SHRED_SLOTS)
		return NULL;
	s = k->shred->shard[slot / SHRED_PER_SHARD];
	return s != NULL ? s->bytes + (size_t)(slot % SHRED_PER_SHARD) * CRYPTO_KEY : NULL;
}

void shred_tree_free(struct keys *k)
{
	struct shred_tree *t = k->shred;

	if (t == NULL)
		return;
	for (unsigned i = 0; i < SHRED_SHARDS; i++)
		secret_free(t->shard[i]);
	secret_free(t->top);
	if (t->dirfd >= 0)
		(void)close(t->dirfd);	/* a folder opened for reading: nothing to lose */
	free(t->files);
	free(t);
	k->shred = NULL;
}

/* An empty tree over DIR/shred. On failure too shred_tree_free cleans up. */
static int tree_new(struct keys *k, int dirfd)
{
	struct shred_tree *t = calloc(1, sizeof(*t));
	int fd;

	assert(k->ring != NULL && k->shred == NULL);
	if (t == NULL)
		return CV_ERR_NOMEM;
	k->shred = t;
	t->dirfd = -1;
	t->epochs = EPOCHS;
	if ((fd = files_open_dir(dirfd, "shred")) < 0)
		return fd;
	t->dirfd = fd;
	return (t->top = secret_new(SHRED_PLAIN)) != NULL ? 0 : CV_ERR_NOMEM;
}

/* ---- epochs ------------------------------------------------------------------------------------------------------------- */

static void fs_next(const uint8_t s[32], uint8_t ret[32])
{
	crypto_hash("cv1.fs.next", s, CRYPTO_KEY, NULL, 0, ret, CRYPTO_KEY);
}

static void fs_pair(const uint8_t s[32], uint8_t ret_pk[SIGN_PUBLIC], uint8_t ret_sk[SIGN_SECRET])
{
	uint8_t seed[CRYPTO_KEY];

	crypto_hash("cv1.fs.sign", s, CRYPTO_KEY, NULL, 0, seed, sizeof(seed));
	crypto_sign_pair(seed, ret_pk, ret_sk);
	wipe(seed, sizeof(seed));
}

/* The signing key of the ring's s_e. */
static void fs_ready(struct keys *k)
{
	uint8_t pk[SIGN_PUBLIC];

	fs_pair(k->ring->fs, pk, k->ring->fs_sk);
}

/* The public keys of count epochs, of which the first is skip days after the one of s_e. */
static int fs_publics(const uint8_t s_e[32], uint32_t skip, uint32_t count, struct buf *ret)
{
	uint8_t s[CRYPTO_KEY], pk[SIGN_PUBLIC], sk[SIGN_SECRET];

	memcpy(s, s_e, sizeof(s));
	for (uint32_t e = 0; e < skip; e++)
		fs_next(s, s);
	for (uint32_t e = 0; e < count; e++) {
		fs_pair(s, pk, sk);
		buf_put(ret, pk, sizeof(pk));
		fs_next(s, s);
	}
	wipe(s, sizeof(s));
	wipe(sk, sizeof(sk));
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

uint32_t keys_fs_epoch(const struct keys *k)
{
	assert(k->shred != NULL);
	return k->shred->epoch;
}

void keys_fs_sign(struct keys *k, const void *p, size_t n, uint8_t ret[64])
{
	assert(k->shred != NULL);
	crypto_sign(k->ring->fs_sk, p, n, ret);
}

/* ---- root slots ------------------------------------------------------------------------------------------------------------ */

/* K_slot and the context of slot file 0 or 1. */
static void slot_key(const struct keys *k, unsigned which, uint64_t sequence, uint8_t ret_key[32],
    uint8_t ret_ctx[CONTEXT_BYTES])
{
	crypto_hash("cv1.slot", k->ring->root, CRYPTO_KEY, NULL, 0, ret_key, CRYPTO_KEY);
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_SLOT, .field = which, .version = sequence, .length = ROOT_SLOT_PLAIN),
	    ret_ctx);
}

/* Keyed, so that erase serial and closed epoch cannot be rewritten by who holds the disk alone. */
static void slot_check(const uint8_t key[32], const uint8_t *file, uint8_t ret[16])
{
	struct part part = { file, ROOT_SLOT_CHECK_AT };

	crypto_hash("cv1.check", key, CRYPTO_KEY, &part, 1, ret, 16);
}

static void slot_seal(const struct keys *k, unsigned which, const struct root_slot *s, const struct root_slot_plain *plain,
    uint8_t ret[ROOT_SLOT_FILE])
{
	uint8_t key[CRYPTO_KEY], ctx[CONTEXT_BYTES], bytes[ROOT_SLOT_PLAIN];

	slot_key(k, which, s->sequence, key, ctx);
	root_slot_encode(s, ret);
	root_slot_plain_encode(plain, bytes);
	crypto_seal(key, ctx, bytes, sizeof(bytes), ret + ROOT_SLOT_SEAL_AT);
	slot_check(key, ret, ret + ROOT_SLOT_CHECK_AT);
	wipe(bytes, sizeof(bytes));
	wipe(key, sizeof(key));
}

/* 0, CV_ERR_FORMAT (torn or not a slot), CV_ERR_AUTH. */
static int slot_open(const struct keys *k, unsigned which, const uint8_t *file, size_t n, struct root_slot *ret,
    struct root_slot_plain *ret_plain)
{
	uint8_t key[CRYPTO_KEY], ctx[CONTEXT_BYTES], bytes[ROOT_SLOT_PLAIN], check[16];
	int r;

	if (root_slot_decode(file, n, ret) != 0)
		return CV_ERR_FORMAT;
	slot_key(k, which, ret->sequence, key, ctx);
	slot_check(key, file, check);
	if (!crypto_equal(check, file + ROOT_SLOT_CHECK_AT, sizeof(check)))
		r = CV_ERR_FORMAT;	/* torn, or changed: the other slot decides */
	else if ((r = crypto_open(key, ctx, file + ROOT_SLOT_SEAL_AT, ROOT_SLOT_PLAIN + SEAL_OVERHEAD, bytes)) == 0)
		root_slot_plain_decode(bytes, ret_plain);
	wipe(bytes, sizeof(bytes));
	wipe(key, sizeof(key));
	return r;
}

/* Write one slot file, which is made if absent, and sync. */
static int slot_write(const struct keys *k, unsigned which, const struct root_slot *s, const struct root_slot_plain *plain)
{
	uint8_t file[ROOT_SLOT_FILE];
	int r;

	slot_seal(k, which, s, plain, file);
	r = files_overwrite(k->shred->dirfd, slot_names[which], 0, file, sizeof(file));
	if (r == CV_ERR_NOTFOUND)
		r = files_create(k->shred->dirfd, slot_names[which], file, sizeof(file));
	return r;
}

/* Read one slot file. 0, CV_ERR_FORMAT (also if it is not there), CV_ERR_AUTH, CV_ERR_IO. */
static int slot_read(const struct keys *k, unsigned which, struct root_slot *ret, struct root_slot_plain *ret_plain)
{
	struct buf b;
	int r;

	buf_init(&b, ROOT_SLOT_FILE);
	r = files_read(k->shred->dirfd, slot_names[which], &b);
	if (r == 0)
		r = slot_open(k, which, b.p, b.n, ret, ret_plain);
	else if (r == CV_ERR_NOTFOUND || r == CV_ERR_LIMIT)
		r = CV_ERR_FORMAT;
	buf_free(&b);
	return r;
}

static bool slots_equal(const struct root_slot s[2], const struct root_slot_plain p[2])
{
	return s[0].sequence == s[1].sequence && s[0].erase_serial == s[1].erase_serial &&
	    s[0].closed_size == s[1].closed_size && memcmp(s[0].closed_root, s[1].closed_root, 32) == 0 &&
	    crypto_equal(p[0].top_key, p[1].top_key, 32) && crypto_equal(p[0].fs, p[1].fs, 32) &&
	    p[0].epoch == p[1].epoch && p[0].top_sequence == p[1].top_sequence;
}

/*
 * Take over the newest valid slot and make the other one equal to it. A slot that is torn or does not open gives way to
 * the other: the writer syncs one before it touches the next, so one is always whole. Two valid slots of one sequence
 * that differ were written by nobody we know.
 */
static int slots_recover(struct keys *k)
{
	struct root_slot s[2];
	struct root_slot_plain p[2];
	int r[2], ret = 0;
	unsigned best;

	for (unsigned i = 0; i < 2; i++)
		r[i] = slot_read(k, i, &s[i], &p[i]);
	if (r[0] == CV_ERR_IO || r[1] == CV_ERR_IO)
		ret = CV_ERR_IO;
	else if (r[0] != 0 && r[1] != 0)
		ret = r[0] == CV_ERR_AUTH || r[1] == CV_ERR_AUTH ? CV_ERR_AUTH : CV_ERR_FORMAT;
	else if (r[0] == 0 && r[1] == 0 && s[0].sequence == s[1].sequence && !slots_equal(s, p))
		ret = CV_ERR_AUTH;
	if (ret != 0)
		goto out;
	best = r[0] != 0 || (r[1] == 0 && s[1].sequence > s[0].sequence) ? 1 : 0;
	if (p[best].epoch >= EPOCHS_MAX) {
		ret = CV_ERR_FORMAT;
		goto out;
	}
	if (r[1 - best] != 0)
		log_warn("root slot %s was torn or changed; it is made anew from the other", slot_names[1 - best]);
	if ((r[1 - best] != 0 || s[0].sequence != s[1].sequence) &&
	    (ret = slot_write(k, 1 - best, &s[best], &p[best])) != 0)
		goto out;
	k->shred->slot = s[best];
	k->shred->epoch = p[best].epoch;
	k->shred->top_sequence = p[best].top_sequence;
	memcpy(k->ring->top, p[best].top_key, CRYPTO_KEY);
	memcpy(k->ring->fs, p[best].fs, CRYPTO_KEY);
out:
	wipe(p, sizeof(p));
	return ret;
}

/* ---- shards and top ---------------------------------------------------------------------------------------------------------- */

static void shard_context(const struct keys *k, uint16_t shard, uint64_t sequence, uint8_t ret[CONTEXT_BYTES])
{
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_SHARD, .field = shard, .version = sequence, .length = SHRED_PLAIN), ret);
}

static void top_context(const struct keys *k, uint64_t sequence, uint8_t ret[CONTEXT_BYTES])
{
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_TOP, .version = sequence, .length = SHRED_PLAIN), ret);
}

static const uint8_t *shard_seal_key(const struct shred_tree *t, uint16_t shard)
{
	return t->top->bytes + (size_t)shard * CRYPTO_KEY;
}

/* Seal SHRED_PLAIN bytes into a new, synced file. */
static int file_write(const struct shred_tree *t, const char *name, const uint8_t header[SHRED_HEADER],
    const uint8_t key[32], const uint8_t ctx[CONTEXT_BYTES], const uint8_t *plain)
{
	struct buf b;
	uint8_t *c;
	int r = CV_ERR_NOMEM;

	buf_init(&b, SHRED_FILE);
	buf_put(&b, header, SHRED_HEADER);
	if ((c = buf_add(&b, SHRED_PLAIN + SEAL_OVERHEAD)) == NULL)
		goto out;
	crypto_seal(key, ctx, plain, SHRED_PLAIN, c);
	r = files_create(t->dirfd, name, b.p, b.n);
out:
	buf_free(&b);
	return r;
}

/* Open such a file into ret's SHRED_PLAIN bytes. */
static int file_read(const struct shred_tree *t, const char *name, bool top, uint16_t shard, uint64_t sequence,
    const uint8_t key[32], const uint8_t ctx[CONTEXT_BYTES], struct secret *ret)
{
	const uint8_t *sealed;
	struct buf b;
	int r;

	buf_init(&b, SHRED_FILE);
	if ((r = files_read(t->dirfd, name, &b)) != 0) {
		r = r == CV_ERR_LIMIT ? CV_ERR_FORMAT : r;
		goto out;
	}
	if ((r = shred_file_decode(b.p, b.n, top, shard, sequence, &sealed)) != 0)
		goto out;
	r = crypto_open(key, ctx, sealed, SHRED_PLAIN + SEAL_OVERHEAD, ret->bytes);
out:
	buf_free(&b);
	return r;
}

static int files_note(struct shred_tree *t, uint16_t shard, uint64_t sequence)
{
	if (t->files_n == t->files_cap) {
		size_t cap = t->files_cap != 0 ? t->files_cap * 2 : 16;
		struct shard_file *more = realloc(t->files, cap * sizeof(*more));

		if (more == NULL)
			return CV_ERR_NOMEM;
		t->files = more;
		t->files_cap = cap;
	}
	t->files[t->files_n++] = (struct shard_file){ shard, sequence };
	return 0;
}

static int files_note_name(void *cookie, const char *name)
{
	uint16_t shard;
	uint64_t sequence;

	return shred_shard_name_decode(name, &shard, &sequence) ? files_note(cookie, shard, sequence) : 0;
}

/* The greatest sequence below limit of shard's files; 0 if there is none. */
static uint64_t files_newest(const struct shred_tree *t, uint16_t shard, uint64_t limit)
{
	uint64_t best = 0;

	for (size_t i = 0; i < t->files_n; i++) {
		if (t->files[i].shard == shard && t->files[i].sequence < limit && t->files[i].sequence > best)
			best = t->files[i].sequence;
	}
	return best;
}

/* Make shard's file with new random keys. */
static int shard_make(struct keys *k, uint16_t shard, uint64_t sequence)
{
	struct shred_tree *t = k->shred;
	uint8_t header[SHRED_HEADER], ctx[CONTEXT_BYTES];
	struct secret *keys = secret_new(SHRED_PLAIN);
	char name[SHRED_NAME];
	int r;

	if (keys == NULL)
		return CV_ERR_NOMEM;
	crypto_random(keys->bytes, keys->size);
	shred_header_encode(false, shard, sequence, header);
	shred_shard_name(shard, sequence, name);
	shard_context(k, shard, sequence, ctx);
	if ((r = file_write(t, name, header, shard_seal_key(t, shard), ctx, keys->bytes)) == 0)
		r = files_note(t, shard, sequence);
	secret_free(keys);
	return r;
}

/* Load one shard: of several files the newest that opens. */
static int shard_load(struct keys *k, uint16_t shard)
{
	struct shred_tree *t = k->shred;
	uint8_t ctx[CONTEXT_BYTES];
	struct secret *keys;
	char name[SHRED_NAME];
	int r = CV_ERR_NOTFOUND;

	if (t->shard[shard] != NULL)
		return 0;
	if ((keys = secret_new(SHRED_PLAIN)) == NULL)
		return CV_ERR_NOMEM;
	for (uint64_t seq = files_newest(t, shard, UINT64_MAX); seq != 0 && r != 0 && r != CV_ERR_IO;
	    seq = files_newest(t, shard, seq)) {
		shred_shard_name(shard, seq, name);
		shard_context(k, shard, seq, ctx);
		r = file_read(t, name, false, shard, seq, shard_seal_key(t, shard), ctx, keys);
	}
	if (r == 0)
		t->shard[shard] = keys;	/* transferred */
	else
		secret_free(keys);
	return r == CV_ERR_FORMAT ? CV_ERR_AUTH : r;
}

/*
 * Make sure that a shard of which no slot is in use opens. A crash while it was made leaves a short file under its name:
 * a later sequence takes its place.
 */
static int shard_spare(struct keys *k, uint16_t shard)
{
	uint64_t newest = files_newest(k->shred, shard, UINT64_MAX);
	int r;

	if ((r = shard_load(k, shard)) != CV_ERR_NOTFOUND && r != CV_ERR_AUTH)
		return r;
	return shard_make(k, shard, newest != 0 ? newest + 1 : k->shred->top_sequence);
}

/* ---- the exported calls -------------------------------------------------------------------------------------------------------- */

static int create(struct keys *k, struct buf *ret_epochs)
{
	struct shred_tree *t = k->shred;
	struct root_slot_plain plain = { .epoch = 0, .top_sequence = 1 };
	uint8_t header[SHRED_HEADER], ctx[CONTEXT_BYTES];
	char name[SHRED_NAME];
	int r;

	t->top_sequence = 1;
	t->slot = (struct root_slot){ .sequence = 1 };
	crypto_random(t->top->bytes, t->top->size);
	crypto_random(k->ring->top, sizeof(k->ring->top));
	crypto_random(k->ring->fs, sizeof(k->ring->fs));
	shred_header_encode(true, 0, 1, header);
	shred_top_name(1, name);
	top_context(k, 1, ctx);
	if ((r = shard_make(k, 0, 1)) != 0 || (r = shard_make(k, 1, 1)) != 0)
		goto out;
	if ((r = file_write(t, name, header, k->ring->top, ctx, t->top->bytes)) != 0)
		goto out;
	if ((r = fs_publics(k->ring->fs, 0, EPOCHS, ret_epochs)) != 0)
		goto out;
	/* The slots come last: without them there is no tree. */
	memcpy(plain.top_key, k->ring->top, CRYPTO_KEY);
	memcpy(plain.fs, k->ring->fs, CRYPTO_KEY);
	if ((r = slot_write(k, 0, &t->slot, &plain)) != 0 || (r = slot_write(k, 1, &t->slot, &plain)) != 0)
		goto out;
	fs_ready(k);
out:
	wipe(&plain, sizeof(plain));
	return r;
}

static int any_name(void *cookie, const char *name)
{
	(void)cookie;
	(void)name;
	return CV_ERR_EXISTS;
}

int shred_create(struct keys *k, int dirfd, struct buf *ret_epochs)
{
	size_t before = ret_epochs->n;
	int r;

	if ((r = tree_new(k, dirfd)) != 0 || (r = files_list(k->shred->dirfd, ".", any_name, NULL)) != 0 ||
	    (r = create(k, ret_epochs)) != 0) {
		buf_cut(ret_epochs, before);
		shred_tree_free(k);
	}
	return r;
}

int shred_open(struct keys *k, int dirfd)
{
	uint8_t ctx[CONTEXT_BYTES];
	char name[SHRED_NAME];
	int r;

	if ((r = tree_new(k, dirfd)) != 0 || (r = slots_recover(k)) != 0)
		goto out;
	shred_top_name(k->shred->top_sequence, name);
	top_context(k, k->shred->top_sequence, ctx);
	r = file_read(k->shred, name, true, 0, k->shred->top_sequence, k->ring->top, ctx, k->shred->top);
	if (r == CV_ERR_NOTFOUND)
		r = CV_ERR_FORMAT;	/* the slot names a top that is not there */
	if (r != 0 || (r = files_list(k->shred->dirfd, ".", files_note_name, k->shred)) != 0)
		goto out;
	fs_ready(k);
out:
	if (r != 0)
		shred_tree_free(k);
	return r;
}

int shred_prepare(struct keys *k, uint32_t slot)
{
	uint32_t shard = slot / SHRED_PER_SHARD;
	int r;

	assert(k->shred != NULL);
	if (slot >= SHRED_SLOTS)
		return CV_ERR_FULL;
	/* With lower slots in use the shard must be what it is; making it anew would hide that children's keys are gone. */
	r = slot % SHRED_PER_SHARD == 0 ? shard_spare(k, (uint16_t)shard) : shard_load(k, (uint16_t)shard);
	if (r == 0 && shard + 1 < SHRED_SHARDS)
		r = shard_spare(k, (uint16_t)(shard + 1));
	return r;
}

int shred_load(struct keys *k, uint32_t slot)
{
	assert(k->shred != NULL);
	return slot < SHRED_SLOTS ? shard_load(k, (uint16_t)(slot / SHRED_PER_SHARD)) : CV_ERR_NOTFOUND;
}

int shred_load_all(struct keys *k, uint32_t next_slot)
{
	int r = 0;

	for (uint32_t slot = 0; r == 0 && slot < next_slot; slot += SHRED_PER_SHARD)
		r = shred_load(k, slot);
	return r;
}

void shred_epochs(struct keys *k, uint32_t n)
{
	assert(k->shred != NULL && n <= EPOCHS_MAX);
	k->shred->epochs = n;
}

int shred_epoch_keys(const struct keys *k, uint32_t from, uint32_t count, struct buf *ret)
{
	assert(k->shred != NULL);
	if (from < k->shred->epoch || from > EPOCHS_MAX || count > EPOCHS_MAX - from)
		return CV_ERR_ARG;
	return fs_publics(k->ring->fs, from - k->shred->epoch, count, ret);
}

int shred_next_epoch(struct keys *k, uint64_t closed_size, const uint8_t closed_root[32])
{
	struct shred_tree *t = k->shred;
	struct root_slot slot;
	struct root_slot_plain plain;
	int r;

	assert(t != NULL);
	if (t->epoch + 1 >= t->epochs)
		return CV_ERR_LIMIT;
	plain.epoch = t->epoch + 1;
	plain.top_sequence = t->top_sequence;
	slot = t->slot;
	slot.sequence++;
	slot.closed_size = closed_size;
	memcpy(slot.closed_root, closed_root, sizeof(slot.closed_root));
	memcpy(plain.top_key, k->ring->top, CRYPTO_KEY);
	fs_next(k->ring->fs, plain.fs);
	/*
	 * One slot is whole at any instant. A failed call may be repeated; it then takes a sequence of its own, so that no
	 * two slots of one sequence ever differ.
	 */
	t->slot.sequence = slot.sequence;
	if ((r = slot_write(k, 0, &slot, &plain)) != 0 || (r = slot_write(k, 1, &slot, &plain)) != 0) {
		r = CV_ERR_IO;
		goto out;
	}
	t->slot = slot;
	t->epoch = plain.epoch;
	memcpy(k->ring->fs, plain.fs, CRYPTO_KEY);	/* the old state is gone from memory, too */
	fs_ready(k);
out:
	wipe(&plain, sizeof(plain));
	return r;
}

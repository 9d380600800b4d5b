/* Root key, keyring, unseal slots, and the operations that take one key of the ring. */
#include "keys/keys_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/keyring.h"
#include "store/store.h"

_Static_assert(RING_KEYS * CRYPTO_KEY == KEYRING_PLAIN, "the stored keyring is all of the ring's keys");
_Static_assert(SLOT_SEALED == CRYPTO_KEY + SEAL_OVERHEAD && KEYRING_SEALED == KEYRING_PLAIN + SEAL_OVERHEAD, "seals");
_Static_assert(SLOT_SHARES_MAX == SHARE_MAX && SLOT_HOLDERS == SHARE_MAX, "holders");
_Static_assert(SLOT_HOLDER_MAX + 1 == sizeof(((struct slot_info *)NULL)->holder[0]), "their names");
_Static_assert(sizeof(struct ring) == (RING_KEYS + 3) * CRYPTO_KEY + 2 * SIGN_SECRET, "ring is bytes without gaps");

int keys_new(struct keys **ret_keys)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return CV_ERR_NOMEM;
	*ret_keys = k;
	return 0;
}

void keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	keys_seal(k);
	free(k);
}

/* Room for a ring in locked memory. */
static int ring_new(struct keys *k)
{
	assert(k->ring == NULL);
	if ((k->ring_secret = secret_new(sizeof(struct ring))) == NULL)
		return CV_ERR_NOMEM;
	k->ring = (struct ring *)(void *)k->ring_secret->bytes;
	return 0;
}

/* What follows from the ring's keys. */
static void ring_ready(struct keys *k)
{
	crypto_sign_pair(ring_key(k, RING_LOG_SEED), k->log_pk, k->ring->log_sk);
}

int keys_generate(struct keys *k, const uint8_t vault_id[16])
{
	int r;

	if ((r = ring_new(k)) != 0)
		return r;
	memcpy(k->vault_id, vault_id, 16);
	k->epoch = 1;
	crypto_random(k->ring->root, sizeof(k->ring->root));
	crypto_random(k->ring->key, sizeof(k->ring->key));
	ring_ready(k);
	return 0;
}

void keys_seal(struct keys *k)
{
	sessions_free(k);
	directory_free(k);
	shred_tree_free(k);
	secret_free(k->turn);
	k->turn = NULL;
	secret_free(k->ring_secret);
	k->ring_secret = NULL;
	k->ring = NULL;
	k->epoch = 0;
}

bool keys_unsealed(const struct keys *k)
{
	return k->ring != NULL;
}

const uint8_t *keys_vault_id(const struct keys *k)
{
	return k->vault_id;
}

uint32_t keys_epoch(const struct keys *k)
{
	return k->epoch;
}

/* ---- slots and keyring ------------------------------------------------------------------------------------------------ */

static void slot_context(const uint8_t vault_id[16], unsigned number, uint8_t ret[CONTEXT_BYTES])
{
	context_encode(&(struct context){ .kind = CONTEXT_UNSEAL, .vault = vault_id, .field = number,
	    .length = CRYPTO_KEY }, ret);
}

static void keyring_context(const uint8_t vault_id[16], uint32_t epoch, uint8_t ret[CONTEXT_BYTES])
{
	context_encode(&(struct context){ .kind = CONTEXT_KEYRING, .vault = vault_id, .epoch = epoch,
	    .length = KEYRING_PLAIN }, ret);
}

int keys_keyring_encode(struct keys *k, struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES], sealed[KEYRING_SEALED];

	assert(k->ring != NULL);
	keyring_context(k->vault_id, k->epoch, ctx);
	crypto_seal(k->ring->root, ctx, (const uint8_t *)k->ring->key, KEYRING_PLAIN, sealed);
	return keyring_row_encode(k->epoch, sealed, ret);
}

/* Names as they are stored; none if nobody has one. The row's bytes come from b. */
static void slot_holders(const struct slot_info *info, struct buf *b, struct slot_row *row)
{
	bool named = false;

	for (unsigned i = 0; i < info->n && i < SLOT_HOLDERS; i++) {
		size_t n = strnlen(info->holder[i], sizeof(info->holder[i]));

		buf_u8(b, (uint8_t)n);
		buf_put(b, info->holder[i], n);
		named = named || n > 0;
	}
	row->holders = named ? b->p : NULL;
	row->holders_n = named ? b->n : 0;
}

int keys_slot_encode(struct keys *k, unsigned number, const struct slot_info *info, const uint8_t kek[32], struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES], sealed[SLOT_SEALED];
	struct slot_row row = {
		.type = (uint8_t)info->type, .k = info->k, .n = info->n, .argon_kib = info->argon_kib,
		.argon_passes = info->argon_passes, .salt = info->salt, .commits = info->commits, .sealed = sealed,
	};
	struct buf holders;
	int r;

	assert(k->ring != NULL);
	if (number >= SLOT_COUNT)
		return CV_ERR_ARG;
	buf_init(&holders, SLOT_HOLDERS * 65);
	slot_holders(info, &holders, &row);
	slot_context(k->vault_id, number, ctx);
	crypto_seal(kek, ctx, k->ring->root, CRYPTO_KEY, sealed);
	r = buf_ok(&holders) ? slot_row_encode(&row, ret) : CV_ERR_NOMEM;
	buf_free(&holders);
	return r;
}

/* The names of a row that decoded. */
static void copy_holders(const struct slot_row *s, struct slot_info *ret)
{
	struct rd r = rd_over(s->holders, s->holders_n);

	for (unsigned i = 0; i < s->n; i++)
		rd_copy(&r, ret->holder[i], rd_u8(&r));
}

int keys_slot_decode(const uint8_t *row, size_t n, struct slot_info *ret)
{
	struct slot_row s;

	if (slot_row_decode(row, n, &s) != 0)
		return CV_ERR_FORMAT;
	ret->type = (enum slot_type)s.type;
	ret->k = s.k;
	ret->n = s.n;
	ret->argon_kib = s.argon_kib;
	ret->argon_passes = s.argon_passes;
	memcpy(ret->salt, s.salt, sizeof(ret->salt));
	memset(ret->commits, 0, sizeof(ret->commits));
	memcpy(ret->commits, s.commits, (size_t)s.k * 32);
	memset(ret->holder, 0, sizeof(ret->holder));
	if (s.holders != NULL)
		copy_holders(&s, ret);
	return 0;
}

int keys_slot_matches(struct keys *k, unsigned number, const uint8_t *row, size_t n, const uint8_t kek[32])
{
	uint8_t ctx[CONTEXT_BYTES], root[CRYPTO_KEY];
	struct slot_row slot;
	int r;

	assert(k->ring != NULL);
	if (number >= SLOT_COUNT || slot_row_decode(row, n, &slot) != 0)
		return CV_ERR_FORMAT;
	slot_context(k->vault_id, number, ctx);
	r = crypto_open(kek, ctx, slot.sealed, SLOT_SEALED, root);
	if (r == 0 && !crypto_equal(root, k->ring->root, CRYPTO_KEY))
		r = CV_ERR_AUTH;
	wipe(root, sizeof(root));
	return r;
}

int keys_unseal(struct keys *k, const uint8_t vault_id[16], unsigned number, const uint8_t *slot_row, size_t slot_n,
    const uint8_t kek[32], const uint8_t *keyring_row, size_t keyring_n)
{
	uint8_t ctx[CONTEXT_BYTES];
	struct slot_row slot;
	const uint8_t *sealed;
	uint32_t epoch;
	int r;

	if (number >= SLOT_COUNT || slot_row_decode(slot_row, slot_n, &slot) != 0 ||
	    keyring_row_decode(keyring_row, keyring_n, &epoch, &sealed) != 0)
		return CV_ERR_FORMAT;
	if ((r = ring_new(k)) != 0)
		return r;
	slot_context(vault_id, number, ctx);
	if ((r = crypto_open(kek, ctx, slot.sealed, SLOT_SEALED, k->ring->root)) != 0)
		goto out;
	keyring_context(vault_id, epoch, ctx);
	if ((r = crypto_open(k->ring->root, ctx, sealed, KEYRING_SEALED, (uint8_t *)k->ring->key)) != 0)
		goto out;
	memcpy(k->vault_id, vault_id, 16);
	k->epoch = epoch;
	ring_ready(k);
out:
	if (r != 0)
		keys_seal(k);
	return r;
}

/* ---- keyed hashes ------------------------------------------------------------------------------------------------------ */

/* H_n(label, key of the ring; a || b). */
static void ring_hash(const struct keys *k, enum ring_key which, const char *label, const void *a, size_t a_n,
    const void *b, size_t b_n, uint8_t *ret, size_t n)
{
	const struct part parts[] = { { a, a_n }, { b, b_n } };

	assert(k->ring != NULL);
	crypto_hash(label, ring_key(k, which), CRYPTO_KEY, parts, 2, ret, n);
}

void keys_journal_mac(struct keys *k, const uint8_t prev[16], const uint8_t *block, size_t n, uint8_t ret[16])
{
	ring_hash(k, RING_JOURNAL, "cv1.journal", prev, 16, block, n, ret, 16);
}

void keys_actor_tag(struct keys *k, const uint8_t principal[16], uint64_t index, uint8_t ret[16])
{
	uint8_t in[16 + 8];

	memcpy(in, principal, 16);
	be64_put(in + 16, index);
	assert(k->ring != NULL);
	crypto_hash_block("cv1.actor", ring_key(k, RING_ACTOR), in, sizeof(in), ret, 16);
}

void keys_etag(struct keys *k, const uint8_t record[16], const void *versions, size_t n, uint8_t ret[16])
{
	ring_hash(k, RING_CURSOR, "cv1.etag", record, 16, versions, n, ret, 16);
}

void keys_pseudonym(struct keys *k, const uint8_t record[16], const uint8_t export[16], uint8_t ret[16])
{
	ring_hash(k, RING_CURSOR, "cv1.pseudonym", record, 16, export, 16, ret, 16);
}

void keys_request_digest(struct keys *k, const void *body, size_t n, uint8_t ret[16])
{
	ring_hash(k, RING_IDEM, "cv1.request", body, n, NULL, 0, ret, 16);
}

void keys_idem_id(struct keys *k, const uint8_t principal[16], const void *text, size_t n, uint8_t ret[16])
{
	ring_hash(k, RING_IDEM, "cv1.idem", principal, 16, text, n, ret, 16);
}

void keys_pepper_answer(struct keys *k, const uint8_t principal[16], const uint8_t q[32], uint8_t ret[32])
{
	ring_hash(k, RING_PEPPER, "cv1.pepper", principal, 16, q, 32, ret, 32);
}

void keys_decoy(struct keys *k, const uint8_t principal[16], uint8_t slot, uint8_t *ret, size_t n)
{
	uint8_t place[2] = { slot, 0 }, block[64];

	assert(n <= 256 * sizeof(block));
	for (size_t at = 0; at < n; at += sizeof(block), place[1]++) {
		ring_hash(k, RING_DECOY, "cv1.decoy", principal, 16, place, sizeof(place), block, sizeof(block));
		memcpy(ret + at, block, n - at < sizeof(block) ? n - at : sizeof(block));
	}
	wipe(block, sizeof(block));
}

/* Element of the state hash: u8 table, u16 key length, key, value. */
static void state_change(struct keys *k, struct lthash *h, uint8_t table, const void *key, size_t key_n, const void *val,
    size_t val_n, void (*change)(struct lthash *h, const uint8_t set_key[32], const struct part *parts, size_t n))
{
	uint8_t head[3] = { table };
	const struct part parts[] = { { head, sizeof(head) }, { key, key_n }, { val, val_n } };

	assert(k->ring != NULL && key_n <= STORE_KEY_MAX);
	be16_put(head + 1, (uint16_t)key_n);
	change(h, ring_key(k, RING_SET), parts, 3);
}

void keys_state_add(struct keys *k, struct lthash *h, uint8_t table, const void *key, size_t key_n, const void *val,
    size_t val_n)
{
	state_change(k, h, table, key, key_n, val, val_n, lthash_add);
}

void keys_state_remove(struct keys *k, struct lthash *h, uint8_t table, const void *key, size_t key_n, const void *val,
    size_t val_n)
{
	state_change(k, h, table, key, key_n, val, val_n, lthash_remove);
}

/* ---- sealed values ------------------------------------------------------------------------------------------------------ */

int keys_seal_to(struct buf *ret, const uint8_t key[32], const uint8_t ctx[CONTEXT_BYTES], const uint8_t *p, size_t n)
{
	uint8_t *c = buf_add(ret, n + SEAL_OVERHEAD);

	if (c == NULL)
		return CV_ERR_NOMEM;
	crypto_seal(key, ctx, p, n, c);
	return 0;
}

/* Open c_n bytes to the end of ret, which stays as it was on failure. */
static int open_to(struct buf *ret, const uint8_t key[32], const uint8_t ctx[CONTEXT_BYTES], const uint8_t *c, size_t c_n)
{
	size_t before = ret->n;
	uint8_t *m = buf_add(ret, c_n - SEAL_OVERHEAD);
	int r;

	if (m == NULL)
		return CV_ERR_NOMEM;
	if ((r = crypto_open(key, ctx, c, c_n, m)) != 0)
		buf_cut(ret, before);
	return r;
}

static void meta_context(const struct keys *k, const char *name, size_t n, uint8_t ret[CONTEXT_BYTES])
{
	uint8_t entity[META_NAME];

	meta_key(name, entity);
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_META, .entity = entity, .epoch = k->epoch, .length = n), ret);
}

int keys_meta_seal(struct keys *k, const char *name, const void *p, size_t n, struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES];

	assert(k->ring != NULL);
	meta_context(k, name, n, ctx);
	buf_u32(ret, k->epoch);
	return keys_seal_to(ret, ring_key(k, RING_ROW), ctx, p, n);
}

int keys_meta_open(struct keys *k, const char *name, const uint8_t *row, size_t n, struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES];

	assert(k->ring != NULL);
	if (n < 4 + SEAL_OVERHEAD)
		return CV_ERR_FORMAT;
	if (be32_get(row) != k->epoch)
		return CV_ERR_AUTH;
	meta_context(k, name, n - 4 - SEAL_OVERHEAD, ctx);
	return open_to(ret, ring_key(k, RING_ROW), ctx, row + 4, n - 4);
}

/*
 * The key of a governance row: K_gov, or for a row about one child a key that dies with the child's shred key. 0 or
 * CV_ERR_NOTFOUND.
 */
static int gov_key(const struct keys *k, uint32_t shred_slot, uint8_t ret[32])
{
	const uint8_t *shred;
	struct part part = { NULL, CRYPTO_KEY };

	if (shred_slot == UINT32_MAX) {
		memcpy(ret, ring_key(k, RING_GOV), CRYPTO_KEY);
		return 0;
	}
	if ((shred = shred_key(k, shred_slot)) == NULL)
		return CV_ERR_NOTFOUND;
	part.p = shred;
	crypto_hash("cv1.govkey", ring_key(k, RING_GOV), CRYPTO_KEY, &part, 1, ret, CRYPTO_KEY);
	return 0;
}

static void gov_context(const struct keys *k, uint16_t type, const uint8_t id[16], size_t n, uint8_t ret[CONTEXT_BYTES])
{
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_GOV, .entity = id, .epoch = k->epoch, .field = type, .length = n), ret);
}

int keys_gov_seal(struct keys *k, uint16_t type, const uint8_t id[16], uint32_t shred_slot, const uint8_t *p, size_t n,
    struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES], key[CRYPTO_KEY];
	int r;

	assert(k->ring != NULL);
	if ((r = gov_key(k, shred_slot, key)) != 0)
		return r;
	gov_context(k, type, id, n, ctx);
	r = keys_seal_to(ret, key, ctx, p, n);
	wipe(key, sizeof(key));
	return r;
}

int keys_gov_open(struct keys *k, uint16_t type, const uint8_t id[16], uint32_t shred_slot, const uint8_t *c, size_t n,
    struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES], key[CRYPTO_KEY];
	int r;

	assert(k->ring != NULL);
	if (n < SEAL_OVERHEAD)
		return CV_ERR_FORMAT;
	if ((r = gov_key(k, shred_slot, key)) != 0)
		return r;
	gov_context(k, type, id, n - SEAL_OVERHEAD, ctx);
	r = open_to(ret, key, ctx, c, n);
	wipe(key, sizeof(key));
	return r;
}

static void cursor_context(const struct keys *k, size_t n, uint8_t ret[CONTEXT_BYTES])
{
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_CURSOR, .epoch = k->epoch, .length = n), ret);
}

int keys_cursor_seal(struct keys *k, const uint8_t *p, size_t n, struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES];

	assert(k->ring != NULL);
	cursor_context(k, n, ctx);
	return keys_seal_to(ret, ring_key(k, RING_CURSOR), ctx, p, n);
}

int keys_cursor_open(struct keys *k, const uint8_t *c, size_t n, struct buf *ret)
{
	uint8_t ctx[CONTEXT_BYTES];

	assert(k->ring != NULL);
	if (n < SEAL_OVERHEAD)
		return CV_ERR_FORMAT;
	cursor_context(k, n - SEAL_OVERHEAD, ctx);
	return open_to(ret, ring_key(k, RING_CURSOR), ctx, c, n);
}

/* ---- the log's stable key ------------------------------------------------------------------------------------------------ */

void keys_log_public(struct keys *k, uint8_t ret[32])
{
	assert(k->ring != NULL);
	memcpy(ret, k->log_pk, SIGN_PUBLIC);
}

void keys_log_sign(struct keys *k, const void *p, size_t n, uint8_t ret[64])
{
	assert(k->ring != NULL);
	crypto_sign(k->ring->log_sk, p, n, ret);
}

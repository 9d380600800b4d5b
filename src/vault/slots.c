/* Unseal slots of an unsealed vault: proving shares, putting another split in the place of one. FORMAT.md 5.4 and section 9 kind 34. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "format/keyring.h"
#include "keys/quorum.h"
#include "vault/vault_internal.h"

static void slot_key(unsigned number, uint8_t ret[META_NAME])
{
	char name[META_NAME];

	snprintf(name, sizeof(name), "slot.%u", number);
	meta_key(name, ret);
}

const uint8_t *vault_id(const struct vault *v)
{
	return v->id;
}

int vault_slot_matches(struct vault *v, unsigned number, const uint8_t kek[32])
{
	struct store_value row;
	uint8_t key[META_NAME];
	int r;

	if (v->state != VAULT_READY)
		return CV_ERR_STATE;
	if (number >= SLOT_COUNT)
		return CV_ERR_NOTFOUND;
	slot_key(number, key);
	if ((r = store_get(v->store, STORE_META, key, sizeof(key), &row)) != 0)
		return r;
	return keys_slot_matches(v->keys, number, row.p, row.n, kek);
}

int vault_slot_make(struct vault *v, unsigned number, const struct slot_info *info, const uint8_t kek[32], struct buf *ret)
{
	if (v->state != VAULT_READY)
		return CV_ERR_STATE;
	return keys_slot_encode(v->keys, number, info, kek, ret);
}

/* ---- when each was made, FORMAT.md 5.4 `splits` ---------------------------------------------------------------------------- */

/* The times of all slots, ms; zeros where the row, or the whole of it, is not there: of genesis. */
static int made_times(struct vault *v, uint8_t ret[SLOT_COUNT * 6])
{
	struct buf b;
	int r;

	buf_init(&b, 256);
	memset(ret, 0, (size_t)SLOT_COUNT * 6);
	if ((r = vault_meta_get(v, "splits", &b)) == 0) {
		if (b.n == (size_t)SLOT_COUNT * 6)
			memcpy(ret, b.p, b.n);
		else
			r = CV_ERR_FORMAT;
	}
	buf_free(&b);
	return r == CV_ERR_NOTFOUND ? 0 : r;
}

static int note_made(struct vault *v, unsigned number)
{
	uint8_t times[SLOT_COUNT * 6];
	int r;

	if ((r = made_times(v, times)) != 0)
		return r;
	be48_put(times + (size_t)number * 6, clock_wall_ms());
	return vault_meta_put(v, "splits", times, sizeof(times));
}

uint64_t vault_slot_made_ms(struct vault *v, unsigned number)
{
	uint8_t times[SLOT_COUNT * 6];
	uint64_t ms;

	if (v->state != VAULT_READY || number >= SLOT_COUNT || made_times(v, times) != 0)
		return 0;
	ms = be48_get(times + (size_t)number * 6);
	return ms != 0 ? ms : v->created_ms;
}

/* ---- turns of their own ---------------------------------------------------------------------------------------------------- */

/* A turn with one leaf, and the row of a slot if there is one. */
static int own_turn(struct vault *v, unsigned number, const uint8_t *row, size_t row_n, const uint8_t *body, size_t body_n)
{
	uint8_t key[META_NAME];
	int r;

	if ((r = vault_turn_begin(v)) != 0)
		return r;
	slot_key(number, key);
	if (row != NULL && (r = store_put(v->store, STORE_META, key, META_NAME, row, row_n)) == 0)
		r = note_made(v, number);
	if (r == 0)
		r = vault_system_leaf(v, LEAF_KEYS, body, body_n, false, clock_wall_ms());
	if (r == 0) {
		store_commit(v->store);
		return vault_turn_end(v);
	}
	store_rollback(v->store);
	vault_turn_abort(v, r);
	return r;
}

int vault_slot_put(struct vault *v, unsigned number, const struct slot_info *info, const uint8_t *row, size_t n)
{
	uint8_t body[4 + SHARE_TAG] = { KEYS_SLOT_PUT, (uint8_t)number, info->k, info->n };
	int r;

	quorum_tag(v->id, number, info, body + 4);
	if ((r = own_turn(v, number, row, n, body, sizeof(body))) != 0)
		return r;
	if ((r = vault_checkpoint_now(v)) != 0)
		log_error("slot %u stands in the journal and is not applied, the next start still needs the old one: %s", number,
		    cv_strerror(r));
	return r;
}

int vault_share_shown(struct vault *v, unsigned number, unsigned index, bool good)
{
	const uint8_t body[4] = { KEYS_SHARE_SHOWN, (uint8_t)number, (uint8_t)index, good ? 0 : 1 };

	return own_turn(v, number, NULL, 0, body, sizeof(body));
}

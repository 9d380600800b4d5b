/* Unseal slots of an unsealed vault: proving shares, putting another split in the place of one. FORMAT.md 5.4 and section 9 kind 34. */
#include <stdio.h>
#include <string.h>

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

/* A turn with one leaf, and one row if there is one. */
static int own_turn(struct vault *v, const uint8_t *key, const uint8_t *row, size_t row_n, const uint8_t *body, size_t body_n)
{
	int r;

	if ((r = vault_turn_begin(v)) != 0)
		return r;
	if (row != NULL)
		r = store_put(v->store, STORE_META, key, META_NAME, row, row_n);
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
	uint8_t key[META_NAME], body[4 + SHARE_TAG] = { KEYS_SLOT_PUT, (uint8_t)number, info->k, info->n };
	int r;

	slot_key(number, key);
	quorum_tag(v->id, number, info, body + 4);
	if ((r = own_turn(v, key, row, n, body, sizeof(body))) != 0)
		return r;
	if ((r = vault_checkpoint_now(v)) != 0)
		log_error("slot %u stands in the journal and is not applied, the next start still needs the old one: %s", number,
		    cv_strerror(r));
	return r;
}

int vault_share_shown(struct vault *v, unsigned number, unsigned index, bool good)
{
	const uint8_t body[4] = { KEYS_SHARE_SHOWN, (uint8_t)number, (uint8_t)index, good ? 0 : 1 };

	return own_turn(v, NULL, NULL, 0, body, sizeof(body));
}

/*
 * The vault's own keys: unsealing, the keyring, and the operations done with it. Key bytes stay in this module; callers
 * name a key by calling the operation that uses it. docs/FORMAT.md sections 2, 5.3, 5.4.
 *
 * One struct keys a core process, used by core's thread alone unless a comment says otherwise. It is sealed (no keyring)
 * or unsealed; an operation that needs the keyring of a sealed one is a programming error (assert).
 */
#ifndef CV_KEYS_KEYS_H
#define CV_KEYS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct lthash;
struct keys;

enum slot_type { SLOT_QUORUM = 1, SLOT_PASSPHRASE = 2, SLOT_TPM = 3, SLOT_DEMO = 0xFE };
#define SLOT_COUNT 4
#define SLOT_HOLDERS 16

/* A sealed, empty set of keys. 0 or CV_ERR_NOMEM. Freed by keys_free, which wipes; NULL is allowed there. */
int keys_new(struct keys **ret_keys);
void keys_free(struct keys *k);

/* Genesis: draw the root key and a whole keyring (epoch 1) for vault_id. The keys are unsealed afterwards. 0, CV_ERR_NOMEM. */
int keys_generate(struct keys *k, const uint8_t vault_id[16]);
/* Append the META value of `keyring` (FORMAT.md 5.3). 0 or CV_ERR_NOMEM. */
int keys_keyring_encode(struct keys *k, struct buf *ret);

/* Parameters of an unseal slot, readable while sealed. */
struct slot_info {
	enum slot_type type;
	uint8_t k, n;		/* quorum only */
	uint32_t argon_kib, argon_passes;	/* passphrase only */
	uint8_t salt[16];	/* passphrase only, else zeros */
	uint8_t commits[SLOT_HOLDERS * 32];	/* quorum: the first k * 32 bytes */
	char holder[SLOT_HOLDERS][64];	/* quorum: who holds share i + 1, for people; empty: not said */
};
/* Append the META value of slot number: RK sealed under kek. 0, CV_ERR_ARG, CV_ERR_NOMEM. */
int keys_slot_encode(struct keys *k, unsigned number, const struct slot_info *info, const uint8_t kek[32], struct buf *ret);
/* Read a slot's parameters. 0 or CV_ERR_FORMAT. */
int keys_slot_decode(const uint8_t *row, size_t n, struct slot_info *ret);
/* Unsealed: whether kek opens the slot's row to the root key that is in use. 0, CV_ERR_FORMAT, CV_ERR_AUTH. */
int keys_slot_matches(struct keys *k, unsigned number, const uint8_t *row, size_t n, const uint8_t kek[32])
    __attribute__((warn_unused_result));
/*
 * Unseal with the stored slot row, its number, its KEK and the stored keyring row. 0, CV_ERR_FORMAT, CV_ERR_AUTH (wrong
 * KEK or changed bytes), CV_ERR_NOMEM (memory could not be locked).
 */
int keys_unseal(struct keys *k, const uint8_t vault_id[16], unsigned number, const uint8_t *slot_row, size_t slot_n,
    const uint8_t kek[32], const uint8_t *keyring_row, size_t keyring_n);
/* Wipe the keyring, the shred table, the directory and all sessions. */
void keys_seal(struct keys *k);
bool keys_unsealed(const struct keys *k);
const uint8_t *keys_vault_id(const struct keys *k);	/* 16 bytes */
uint32_t keys_epoch(const struct keys *k);		/* keyring epoch */

/* ---- operations with the keyring -------------------------------------------------------------------------------- */

/* FORMAT.md section 7: H_128(cv1.journal, K_journal; prev || block). */
void keys_journal_mac(struct keys *k, const uint8_t prev[16], const uint8_t *block, size_t n, uint8_t ret[16]);
/* Append a META value sealed under K_row with its name (at most 16 characters) as context, FORMAT.md 5.4. */
int keys_meta_seal(struct keys *k, const char *name, const void *p, size_t n, struct buf *ret);
/* Append its plaintext. 0, CV_ERR_FORMAT, CV_ERR_AUTH, CV_ERR_NOMEM. */
int keys_meta_open(struct keys *k, const char *name, const uint8_t *row, size_t n, struct buf *ret);
/* State hash, FORMAT.md section 8: add or remove one stored row. table is a STORE_* number. */
void keys_state_add(struct keys *k, struct lthash *h, uint8_t table, const void *key, size_t key_n, const void *val,
    size_t val_n);
void keys_state_remove(struct keys *k, struct lthash *h, uint8_t table, const void *key, size_t key_n, const void *val,
    size_t val_n);
/* B_128(cv1.actor, K_actor; principal || index). */
void keys_actor_tag(struct keys *k, const uint8_t principal[16], uint64_t index, uint8_t ret[16]);
/* H_128(cv1.etag, K_cursor; record || n bytes): the PRF over the visible class versions. */
void keys_etag(struct keys *k, const uint8_t record[16], const void *versions, size_t n, uint8_t ret[16]);
/*
 * H_128(cv1.pseudonym, K_cursor; record || export): what a record is called in one export. Another export, to whomever, has
 * another name for it, and only the vault can say which record either is.
 */
void keys_pseudonym(struct keys *k, const uint8_t record[16], const uint8_t export[16], uint8_t ret[16]);
/* H_128(cv1.request, K_idem; body). */
void keys_request_digest(struct keys *k, const void *body, size_t n, uint8_t ret[16]);
/* Object id of an idempotency row: H_128(cv1.idem, K_idem; principal || key text). */
void keys_idem_id(struct keys *k, const uint8_t principal[16], const void *text, size_t n, uint8_t ret[16]);
/* H_256(cv1.pepper, pepper; principal || q). */
void keys_pepper_answer(struct keys *k, const uint8_t principal[16], const uint8_t q[32], uint8_t ret[32]);
/* n decoy bytes for (principal, slot), the same at each call: blocks of H_512(cv1.decoy, K_decoy; principal || slot || block). */
void keys_decoy(struct keys *k, const uint8_t principal[16], uint8_t slot, uint8_t *ret, size_t n);
/* Governance rows, FORMAT.md 5.1: seal plaintext under K_gov, or under the child's key if shred_slot is not UINT32_MAX. */
int keys_gov_seal(struct keys *k, uint16_t type, const uint8_t id[16], uint32_t shred_slot, const uint8_t *p, size_t n,
    struct buf *ret);
int keys_gov_open(struct keys *k, uint16_t type, const uint8_t id[16], uint32_t shred_slot, const uint8_t *c, size_t n,
    struct buf *ret);

/*
 * A list's cursor, FORMAT.md section 3 kind 24: append p sealed under K_cursor, or its plaintext. 0, CV_ERR_FORMAT, CV_ERR_AUTH (of another
 * vault, or changed), CV_ERR_NOMEM.
 */
int keys_cursor_seal(struct keys *k, const uint8_t *p, size_t n, struct buf *ret);
int keys_cursor_open(struct keys *k, const uint8_t *c, size_t n, struct buf *ret);

/* ---- the log's signing keys, FORMAT.md section 10 ---------------------------------------------------------------- */

#define EPOCHS 3653u			/* daily keys that are made at a time */
#define EPOCHS_MAX (8u * EPOCHS)	/* and in all */
/* Public half of the stable log key. */
void keys_log_public(struct keys *k, uint8_t ret[32]);
/* Sign n bytes of a note with the stable key. */
void keys_log_sign(struct keys *k, const void *p, size_t n, uint8_t ret[64]);
/* The current epoch's number, and a signature by its key. Needs shred_open or shred_create. */
uint32_t keys_fs_epoch(const struct keys *k);
void keys_fs_sign(struct keys *k, const void *p, size_t n, uint8_t ret[64]);

#endif

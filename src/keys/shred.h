/*
 * The shred tree: one 32-byte key a child in files of its own, and the root slots that hold K_top and the signing state
 * of the current epoch. docs/FORMAT.md section 6, DESIGN section 13 rulings 1 and 2. Core's thread.
 *
 * Loaded shred keys stand in locked memory, 32 bytes a slot; shards are read when first asked for.
 */
#ifndef CV_KEYS_SHRED_H
#define CV_KEYS_SHRED_H

#include <stdint.h>

struct buf;
struct keys;

/*
 * Genesis: make DIR/shred with top, the first two shards, both slots; draw s_0 and append the EPOCHS * 32 bytes of the
 * epochs' public keys to ret_epochs (the file log/epochs). Everything synced. 0, CV_ERR_EXISTS, CV_ERR_FULL, CV_ERR_IO,
 * CV_ERR_NOMEM. dirfd is the vault's folder; its shred/ is kept open until keys_seal. Takes about 0.1 s.
 */
int shred_create(struct keys *k, int dirfd, struct buf *ret_epochs);
/*
 * Open the tree after keys_unseal: choose the slot with the greater sequence, make unequal slots equal, load top. 0,
 * CV_ERR_FORMAT or CV_ERR_AUTH (no valid slot, or top does not open), CV_ERR_IO, CV_ERR_NOMEM.
 */
int shred_open(struct keys *k, int dirfd);
/*
 * Make sure the shard of slot and the next one exist as files (spare shards are made ahead, touching neither top nor
 * slot). slot is the counter, the next slot to be given to a child: a shard of which no slot is in use yet and that does not
 * open, cut by a crash while it was made, is made anew. Cheap once both are there, so it may be called for each create. 0,
 * CV_ERR_FULL (1,048,576 slots or disk), CV_ERR_AUTH (a shard in use does not open), CV_ERR_IO, CV_ERR_NOMEM.
 */
int shred_prepare(struct keys *k, uint32_t slot);
/* Whether slot's key can be had (shard file there and opening); loads it. 0, CV_ERR_NOTFOUND, CV_ERR_AUTH,
 * CV_ERR_IO, CV_ERR_NOMEM (32 KiB could not be locked). */
int shred_load(struct keys *k, uint32_t slot);
/* Load every shard below next_slot, at unseal. 0 or the first error. */
int shred_load_all(struct keys *k, uint32_t next_slot);
/*
 * The log has committed to the public keys of so many epochs (EPOCHS until this is called; at most EPOCHS_MAX): no day beyond them begins.
 * After shred_open.
 */
void shred_epochs(struct keys *k, uint32_t n);
/*
 * Append the public keys of count epochs from number from on, which is not before the current one, 32 bytes each: the ratchet is run
 * ahead in a copy. About 20 µs an epoch. 0, CV_ERR_ARG, CV_ERR_NOMEM.
 */
int shred_epoch_keys(const struct keys *k, uint32_t from, uint32_t count, struct buf *ret);
/*
 * Close the current epoch: derive the next signing state, rewrite both slots (with the closed epoch's log size and root),
 * wipe the old. The epoch never runs backwards. 0, CV_ERR_LIMIT (the log has committed to no further key), CV_ERR_IO: the epoch is then
 * unchanged in memory and perhaps advanced on disk; the call may be repeated.
 */
int shred_next_epoch(struct keys *k, uint64_t closed_size, const uint8_t closed_root[32]);

#endif

/* Unseal slots and the keyring as stored in META, docs/FORMAT.md 5.3 and 5.4. Pure. */
#ifndef CV_FORMAT_KEYRING_H
#define CV_FORMAT_KEYRING_H

#include <stddef.h>
#include <stdint.h>

struct buf;

#define SLOT_SEALED 104u		/* SEAL of the 32-byte root key */
#define SLOT_SHARES_MAX 16u
#define SLOT_HOLDER_MAX 63u		/* bytes of a holder's name */
#define KEYRING_PLAIN 928u		/* 29 keys */
#define KEYRING_SEALED (KEYRING_PLAIN + 72u)
#define META_NAME 16u

/* An unseal slot; the pointers lead into the decoded bytes. */
struct slot_row {
	uint8_t type;			/* 1 quorum, 2 operator passphrase, 3 TPM, 0xFE demo file */
	uint8_t k, n;			/* quorum: 1 <= k <= n <= SLOT_SHARES_MAX; else 0 */
	uint32_t argon_kib, argon_passes;	/* passphrase: not 0; else 0 */
	const uint8_t *salt;		/* 16 bytes; zeros unless passphrase */
	const uint8_t *commits;		/* k * 32 bytes */
	const uint8_t *holders;		/* NULL, or of a quorum n texts, each u8 length || bytes, not all empty: format 2 */
	size_t holders_n;		/* bytes of them all */
	const uint8_t *sealed;		/* SLOT_SEALED bytes */
};
/* 0 or CV_ERR_FORMAT: unknown type, parameters its type does not have, names that are no text of one line, length. */
int slot_row_decode(const uint8_t *p, size_t n, struct slot_row *ret);
/* Append the row. 0, CV_ERR_ARG (a row that would not decode), CV_ERR_NOMEM. */
int slot_row_encode(const struct slot_row *s, struct buf *ret);

/* The keyring row: *ret_sealed leads to KEYRING_SEALED bytes. 0 or CV_ERR_FORMAT. */
int keyring_row_decode(const uint8_t *p, size_t n, uint32_t *ret_epoch, const uint8_t **ret_sealed);
/* Append a row with the KEYRING_SEALED bytes at sealed. 0 or CV_ERR_NOMEM. */
int keyring_row_encode(uint32_t epoch, const uint8_t *sealed, struct buf *ret);
/* A META key: the name of at most META_NAME characters, zero-padded. */
void meta_key(const char *name, uint8_t ret[META_NAME]);

#endif

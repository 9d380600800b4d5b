/*
 * One share of a quorum slot, as bytes and as text that can be written down, read out by telephone and typed in again.
 * docs/FORMAT.md 2.7 and section 12. Pure.
 */
#ifndef CV_FORMAT_SHARE_H
#define CV_FORMAT_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARE_BYTES 46u
#define SHARE_TAG 4u
#define SHARE_LINES 5u
#define SHARE_LINE 20u			/* two groups of eight, a check character, their spaces and a NUL */
#define SHARE_SYMBOLS 85u		/* characters that count, of all lines */
#define SHARE_FILE_HEAD "childvault-share-1"
#define SHARE_QR_HEAD "CVSHARE1:"
#define SHARE_QR (sizeof(SHARE_QR_HEAD) + SHARE_SYMBOLS)

struct share {
	uint8_t slot;			/* unseal slot, 0 to 3 */
	uint8_t index;			/* 1 to n */
	uint8_t k, n;			/* 1 <= k <= n <= 16 */
	uint8_t vault[SHARE_TAG];	/* the vault id's first bytes */
	uint8_t split[SHARE_TAG];	/* tag of the split: vault, slot, k, n and commitments */
	uint8_t scalar[32];
};
/* Write the 46 bytes. */
void share_encode(const struct share *s, uint8_t ret[SHARE_BYTES]);
/* 0 or CV_ERR_FORMAT: another format, numbers out of range. The scalar is not judged. */
int share_decode(const uint8_t p[SHARE_BYTES], struct share *ret);

/* Text of line number `line` (0 to 4) of the bytes' text, NUL-terminated. */
void share_line(const uint8_t p[SHARE_BYTES], unsigned line, char ret[SHARE_LINE]);
/* What the QR code holds: SHARE_QR_HEAD and all characters in a row, NUL-terminated. */
void share_qr_text(const uint8_t p[SHARE_BYTES], char ret[SHARE_QR]);
/* How many characters of text count: what somebody types is whole at SHARE_SYMBOLS. */
size_t share_symbols(const char *text, size_t n);
/* Whether what somebody typed as line number `line` (0 to 4) is such a line: 17 characters, the last of which fits. */
bool share_line_fits(const char *text, size_t n, unsigned line);
/*
 * Read the text of a share file, of a QR code, or what a person typed: lower case, white space, hyphens and line breaks anywhere, O for 0,
 * I and L for 1 are taken; lines that begin with # or are SHARE_FILE_HEAD are passed over, and in a line all up to its last ':' or ')'.
 * 0; CV_ERR_LIMIT (not SHARE_SYMBOLS characters); CV_ERR_FORMAT (a character that is none, or a line whose check character does not
 * fit: *ret_line, 1 to 5, is the first such line); CV_ERR_AUTH (the whole does not fit its checksum); CV_ERR_INVALID (it does, and is
 * no share that share_decode knows). ret_line is written on CV_ERR_FORMAT only.
 */
int share_from_text(const char *text, size_t n, uint8_t ret[SHARE_BYTES], unsigned *ret_line);

#endif

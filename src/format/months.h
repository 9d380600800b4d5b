/* The list of an auditor's month keys, as its auditor signs it: docs/FORMAT.md section 9. Pure. */
#ifndef CV_FORMAT_MONTHS_H
#define CV_FORMAT_MONTHS_H

#include <stddef.h>
#include <stdint.h>

struct buf;

#define MONTHS_MAX 60u		/* of one list */
#define MONTHS_SIGNED_MAX (16u + 16 + 16 + 6 + 4 + 1 + 32 * MONTHS_MAX)

struct months_list {
	uint8_t vault[16], auditor[16];
	uint64_t made_ms;
	uint32_t first;			/* 202611; the others follow without a gap */
	size_t n;			/* 1 to MONTHS_MAX */
	const uint8_t *keys;		/* n X25519 public keys, 32 bytes each */
};
/* Append what the auditor's signature covers. 0, CV_ERR_ARG (n, or a month that is none), CV_ERR_NOMEM. */
int months_signed(const struct months_list *m, struct buf *ret);
/* Read n bytes of a month, "2026-11", as 202611. 0 or CV_ERR_FORMAT. */
int months_parse(const char *p, size_t n, uint32_t *ret);
/* The same month in text, with a NUL. */
#define MONTHS_TEXT 24u
void months_text(uint32_t month, char ret[MONTHS_TEXT]);
/* How many months lie from one to another that is not before it; 0 for the same. */
uint32_t months_between(uint32_t from, uint32_t to);

/* ---- files, docs/FORMAT.md section 12 ----------------------------------------------------------------------------------- */

#define MONTHS_SECRET 40u	/* u32 first month held ‖ u32 last month published ‖ 32 the ratchet's state of the first */
#define MONTHS_SEALED (MONTHS_SECRET + 72u)
#define MONTHS_FILE_MAX 512u	/* characters of the file beside a key file */
struct months_file {
	uint8_t principal[16], vault[16];
	uint8_t sealed[MONTHS_SEALED];	/* the secret under SEAL */
};
/* Append the text. 0, CV_ERR_NOMEM, CV_ERR_LIMIT. */
int months_file_encode(const struct months_file *f, struct buf *ret);
/* Read n characters of one. 0 or CV_ERR_FORMAT. */
int months_file_decode(const char *text, size_t n, struct months_file *ret);

#define MONTHS_LENT_LINE "childvault-lent-1\n"
#define MONTHS_LENT_MAX 4096u	/* characters of a file with lent months */
struct months_lent {
	uint8_t principal[16], vault[16];
	unsigned n;			/* 1 to MONTHS_MAX */
	uint32_t month[MONTHS_MAX];	/* ascending */
	uint8_t sk[MONTHS_MAX][32];	/* the holder wipes the struct */
};
/* Append the text. 0, CV_ERR_ARG (n, or months that do not ascend), CV_ERR_NOMEM, CV_ERR_LIMIT. */
int months_lent_encode(const struct months_lent *l, struct buf *ret);
/* Read n characters of one. 0 or CV_ERR_FORMAT. */
int months_lent_decode(const char *text, size_t n, struct months_lent *ret);

#endif

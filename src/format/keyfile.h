/*
 * The two files a person keeps: key file and public file, docs/FORMAT.md section 12. Layout and text form only: what is
 * sealed in a key file stays sealed here, and a public file's signature is not judged. Pure.
 */
#ifndef CV_FORMAT_KEYFILE_H
#define CV_FORMAT_KEYFILE_H

#include <stddef.h>
#include <stdint.h>

struct buf;

#define KEYFILE_SECRETS 64u		/* X25519 secret key ‖ Ed25519 seed */
#define KEYFILE_SEALED 136u		/* the same under SEAL */
#define KEYFILE_TEXT_MAX 512u		/* no key file is longer */
#define PUBFILE_TEXT_MAX 1024u		/* no public file is longer */
#define PUBFILE_NAME_MAX 255u

/* How these files stand in text: line, which ends with a newline, then base64 of the bytes and a newline. 0, CV_ERR_NOMEM, CV_ERR_LIMIT. */
int keyfile_text_put(struct buf *ret, const char *line, const struct buf *bytes);
/* The bytes of such a text of n characters: at most max to ret. 0 or CV_ERR_FORMAT. */
int keyfile_text_get(const char *text, size_t n, const char *line, uint8_t *ret, size_t max, size_t *ret_n);

enum keyfile_protection { KEYFILE_PLAIN = 0, KEYFILE_PASSPHRASE = 1 };

struct keyfile {
	uint8_t protection;		/* enum keyfile_protection */
	uint8_t principal[16];
	uint8_t vault[16];		/* zeros while the vault does not exist yet */
	uint32_t argon_kib, argon_passes;	/* 0 without a passphrase */
	uint8_t salt[16];			/* zeros without a passphrase */
	size_t body_n;			/* KEYFILE_SECRETS or KEYFILE_SEALED, by protection */
	uint8_t body[KEYFILE_SEALED];	/* the secrets, plain or sealed; the holder wipes the struct */
};
/*
 * Append the text form of *k, body_n as protection asks for. 0 or CV_ERR_NOMEM, CV_ERR_LIMIT (ret's own), CV_ERR_ARG.
 */
int keyfile_encode(const struct keyfile *k, struct buf *ret);
/*
 * Read the text of a key file, n bytes. 0 or CV_ERR_FORMAT: first line, base64, format, suite, protection, length, bytes
 * after the last newline, or parameters that do not belong to the protection.
 */
int keyfile_decode(const char *text, size_t n, struct keyfile *ret);

struct pubfile {
	uint8_t principal[16];
	uint8_t box_pk[32], sign_pk[32];
	uint8_t name_n;
	char name[PUBFILE_NAME_MAX + 1];	/* UTF-8, name_n bytes and a NUL */
	uint8_t signature[64];
};
/* Append what the signature covers: "cv1.proof" padded to 16 ‖ everything before the signature. 0 or ret's error. */
int pubfile_signed(const struct pubfile *p, struct buf *ret);
/* Append the text form. 0 or CV_ERR_NOMEM, CV_ERR_LIMIT. */
int pubfile_encode(const struct pubfile *p, struct buf *ret);
/* Read the text of a public file. 0 or CV_ERR_FORMAT; the signature is the caller's to verify, over pubfile_signed. */
int pubfile_decode(const char *text, size_t n, struct pubfile *ret);

#endif

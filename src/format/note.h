/*
 * Signed notes, checkpoints and verifier keys, docs/FORMAT.md section 10 (C2SP signed-note and tlog-checkpoint). Pure:
 * the bytes alone; hashing and signatures are the caller's.
 */
#ifndef CV_FORMAT_NOTE_H
#define CV_FORMAT_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define NOTE_MAX 65536u		/* bytes of a whole note: sixteen signatures of the longest kinds fit */
#define NOTE_SIGS_MAX 16u
#define NOTE_NAME_MAX 255u	/* bytes of an origin or key name */
#define NOTE_KEY_MAX 512u	/* bytes of a verifier key's line */
#define NOTE_ED25519 0x01u	/* signature types: of a log, */
#define NOTE_COSIGNATURE 0x04u	/* of a witness (format/cosignature.h) */

/* One signature line; the pointer leads into the note. */
struct note_sig {
	const char *name;
	size_t name_n;
	uint8_t key_id[4];
	uint8_t sig[72];	/* Ed25519 64 bytes, a cosignature 72; zeros if it has another length: of a kind that is not known here */
	size_t sig_n;
};
struct note {
	const char *text;	/* what is signed: up to and with the newline before the blank line */
	size_t text_n;
	unsigned sigs;		/* 1 to NOTE_SIGS_MAX */
	struct note_sig sig[NOTE_SIGS_MAX];
};
struct checkpoint {
	const char *origin;	/* into the note */
	size_t origin_n;
	uint64_t size;
	uint8_t root[32];
};
struct vkey {
	char name[NOTE_NAME_MAX + 1];
	uint8_t type;		/* NOTE_ED25519 or NOTE_COSIGNATURE */
	uint8_t key_id[4];	/* as written; the caller compares it with the hash (crypto_note_key_id) */
	uint8_t pk[32];
};

/* Whether n bytes are a key name: UTF-8, not empty, no white space, no control character, no '+'. */
bool note_name_valid(const char *p, size_t n);
/*
 * Take a note apart. 0 or CV_ERR_FORMAT: not UTF-8, control characters (so no CRLF), no blank line, no signature or more
 * than NOTE_SIGS_MAX, a line that is not "\u2014 NAME BASE64\n", a signature without bytes or of more than 4,096.
 */
int note_decode(const char *p, size_t n, struct note *ret);
/* Read the text of a note as a checkpoint: three lines and no extension line. 0 or CV_ERR_FORMAT. */
int checkpoint_decode(const struct note *note, struct checkpoint *ret);
/* Append a checkpoint's three lines: the text to be signed. 0 or CV_ERR_NOMEM. */
int checkpoint_encode(const char *origin, uint64_t size, const uint8_t root[32], struct buf *ret);
/* Append the blank line that ends the text. */
void note_text_end(struct buf *ret);
/* Whether the line has this name and key id: the key is the caller's then, and the signature must be good. */
bool note_sig_by(const struct note_sig *s, const char *name, const uint8_t key_id[4]);
/* Append one signature line as it stands in another note, with its sig_n bytes; only for lengths 64 and 72. */
void note_sig_copy(const struct note_sig *s, struct buf *ret);
/* Append one signature line. */
void note_sig_encode(const char *name, const uint8_t key_id[4], const uint8_t sig[64], struct buf *ret);

/* Read one verifier key of this type, with or without a newline behind it. 0 or CV_ERR_FORMAT (also for another type). */
int vkey_decode(const char *p, size_t n, uint8_t type, struct vkey *ret);
/* Append the verifier key and a newline. */
void vkey_encode(const struct vkey *k, struct buf *ret);

#endif

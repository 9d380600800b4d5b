/* Files of the shred tree, docs/FORMAT.md section 6. Pure. */
#ifndef CV_FORMAT_SHRED_H
#define CV_FORMAT_SHRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHRED_SHARDS 1024u
#define SHRED_PER_SHARD 1024u
#define SHRED_SLOTS (SHRED_SHARDS * SHRED_PER_SHARD)
#define SHRED_PLAIN (SHRED_PER_SHARD * 32u)	/* keys of one shard; shard keys of the top */
#define SHRED_HEADER 16u
#define SHRED_FILE (SHRED_HEADER + SHRED_PLAIN + 72u)
#define SHRED_NAME 40u				/* a file name with its NUL */

/* Header of a shard file, or of a top (top true, shard then 0). */
void shred_header_encode(bool top, uint16_t shard, uint64_t sequence, uint8_t ret[SHRED_HEADER]);
/*
 * Check the n bytes of a file that shall be this one; *ret_sealed leads to the SEAL of SHRED_PLAIN bytes. 0 or
 * CV_ERR_FORMAT.
 */
int shred_file_decode(const uint8_t *p, size_t n, bool top, uint16_t shard, uint64_t sequence, const uint8_t **ret_sealed);
/* File names. */
void shred_shard_name(uint16_t shard, uint64_t sequence, char ret[SHRED_NAME]);
void shred_top_name(uint64_t sequence, char ret[SHRED_NAME]);
/* Read the name of a shard file; false if it is not one. */
bool shred_shard_name_decode(const char *name, uint16_t *ret_shard, uint64_t *ret_sequence);

#define ROOT_SLOT_FILE 4096u
#define ROOT_SLOT_PLAIN 76u
#define ROOT_SLOT_SEAL_AT 64u
#define ROOT_SLOT_CHECK_AT (ROOT_SLOT_SEAL_AT + ROOT_SLOT_PLAIN + 72u)	/* 16 bytes over all before */

/* The clear part of a root slot. */
struct root_slot {
	uint64_t sequence;
	uint64_t erase_serial;
	uint64_t closed_size;		/* of the last closed epoch's log */
	uint8_t closed_root[32];
};
/* What it seals. */
struct root_slot_plain {
	uint8_t top_key[32];		/* K_top */
	uint8_t fs[32];			/* s_e */
	uint32_t epoch;
	uint64_t top_sequence;
};
/* Write the clear part; SEAL and check follow by the caller, zeros behind. All ROOT_SLOT_FILE bytes are written. */
void root_slot_encode(const struct root_slot *s, uint8_t ret[ROOT_SLOT_FILE]);
/* Read the clear part; the check is the caller's. 0 or CV_ERR_FORMAT (magic, version, bytes behind that are not zero). */
int root_slot_decode(const uint8_t *p, size_t n, struct root_slot *ret);
void root_slot_plain_encode(const struct root_slot_plain *s, uint8_t ret[ROOT_SLOT_PLAIN]);
void root_slot_plain_decode(const uint8_t p[ROOT_SLOT_PLAIN], struct root_slot_plain *ret);

#endif

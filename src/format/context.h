/* The 96-byte canonical context, docs/FORMAT.md section 3. Pure. */
#ifndef CV_FORMAT_CONTEXT_H
#define CV_FORMAT_CONTEXT_H

#include <stdint.h>

#define CONTEXT_BYTES 96

enum context_kind {
	CONTEXT_ROW = 1, CONTEXT_WRAP = 2, CONTEXT_KEY_WRAP = 4, CONTEXT_HEAD = 5, CONTEXT_POSTING = 6, CONTEXT_SHARD = 9,
	CONTEXT_TOP = 10, CONTEXT_SESSION = 11, CONTEXT_SHARE = 12, CONTEXT_DROP = 14, CONTEXT_GOV = 15, CONTEXT_META = 16,
	CONTEXT_PERSON = 17, CONTEXT_PERSON_AUDITOR = 18, CONTEXT_SEGMENT = 19, CONTEXT_SLOT = 20, CONTEXT_KEYRING = 21,
	CONTEXT_UNSEAL = 22, CONTEXT_KEYFILE = 23, CONTEXT_CURSOR = 24,
	CONTEXT_GRANT = 25, CONTEXT_CEREMONY = 26, CONTEXT_MONTHS = 27
};

struct context {
	enum context_kind kind;
	const uint8_t *vault;	/* 16 bytes, never NULL */
	const uint8_t *entity;	/* 16 bytes, or NULL for zeros */
	uint32_t class_key;	/* class << 16 | compartment */
	uint32_t epoch;
	uint32_t generation;
	uint32_t field;
	uint64_t version;
	const uint8_t *writer;	/* 16 bytes, or NULL for zeros */
	uint64_t length;
};
/* Write the context of suite 1. */
void context_encode(const struct context *c, uint8_t ret[CONTEXT_BYTES]);

#endif

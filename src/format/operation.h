/*
 * What two administrators sign to change a running vault, docs/FORMAT.md 5.5: the canonical bytes of the operation and its arguments, one
 * document. Layout alone: what the parts say is judged in vault. Pure.
 */
#ifndef CV_FORMAT_OPERATION_H
#define CV_FORMAT_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "format/directory.h"

struct buf;

enum operation_number {
	OPERATION_ADD_MEMBER = 1, OPERATION_ROLES = 2, OPERATION_REKEY = 3, OPERATION_CLASSES = 4, OPERATION_REWRAP = 5,
	OPERATION_REMOVE = 6, OPERATION_RESTORE = 7, OPERATION_POLICY = 8, OPERATION_SPLIT = 9
};
#define OPERATION_HEAD 124u			/* canonical bytes */
#define OPERATION_DOCUMENT_MAX (384u * 1024)	/* with what else its request holds it stays below STORE_VALUE_MAX */
#define OPERATION_MS (24u * 3600 * 1000)	/* expiry lies at most so far behind not-before */
#define OPERATION_SIGNATURE 128u		/* two of 64 bytes, docs/FORMAT.md 5.5 */

/* Flags of a rekey. */
#define OPERATION_NEW_CLASSES 1u		/* every class that the roles hold gets a new epoch */
#define OPERATION_REMOVED 2u			/* who is left out is removed for good */

/* The canonical bytes. */
struct operation_head {
	uint16_t operation;		/* enum operation_number */
	uint8_t vault[16];
	uint8_t nonce[16];
	uint64_t log_size;		/* leaves of the log when it was made */
	uint8_t log_root[32];
	uint64_t not_before_ms, expires_ms;
	uint8_t arguments[32];		/* digest of what follows the canonical bytes */
};
/* A fact of the change set. */
struct operation_fact {
	const uint8_t *key, *fact, *rest;
	uint8_t key_n;
	uint16_t fact_n;
	uint16_t rest_n;		/* what follows the fact in its row; 0: made when the operation is carried out */
};
/* What an operation has besides, by tag. */
enum operation_tag {
	ITEM_PERSON = 1,		/* plaintext of a new principal's texts, FORMAT.md 5.2 */
	ITEM_PRINCIPALS = 2,		/* ids, 16 bytes each, ascending */
	ITEM_ROLES = 3,			/* whose shares custodians bring: { u16 role, u32 epoch } */
	ITEM_CLASSES = 4,		/* { u32 class key, u32 epoch } */
	ITEM_FLAGS = 5,			/* u8 OPERATION_NEW_CLASSES, OPERATION_REMOVED */
	ITEM_POLICY = 6,		/* policy document */
	ITEM_SPLIT = 7,			/* u8 slot, u8 k, u8 n, n × { u8 length, holder } */
	ITEM_TAGS = 8
};
#define ITEM_ROLE_BYTES 6u
#define ITEM_CLASS_BYTES 8u
struct operation_item {
	const uint8_t *p;
	uint32_t n;			/* 0: the operation has none */
};
/* The document; pointers into its bytes. */
struct operation {
	struct operation_head head;
	const uint8_t *canonical;	/* OPERATION_HEAD bytes */
	const uint8_t *arguments;	/* everything behind them */
	size_t arguments_n;
	const uint8_t *change;		/* the change set's row, with its digest and no signatures */
	uint32_t change_n;		/* 0: the operation changes no fact */
	uint16_t facts;			/* in the order of the change set's digests */
	const uint8_t *list;		/* the facts as they are encoded, for operation_facts */
	size_t list_n;
	struct operation_item item[ITEM_TAGS];	/* by tag; number 0 is not used */
};
/* Append the canonical bytes. */
void operation_head_encode(const struct operation_head *h, struct buf *ret);
/* Append one fact as it stands in a document. */
void operation_fact_encode(const struct operation_fact *f, struct buf *ret);
/* Append the arguments: change set, facts (as many as there are, list) and items. */
void operation_arguments_encode(const struct operation *o, struct buf *ret);
/*
 * Decode a document. 0 or CV_ERR_FORMAT: an unknown operation, an expiry before not-before or too far behind it, an empty, unknown or
 * repeated item, a cut or trailing byte. What change set, facts and items say is not judged.
 */
int operation_decode(const uint8_t *p, size_t n, struct operation *ret);
/* A cursor at the first fact, for operation_next. */
static inline struct rd operation_facts(const struct operation *o) { return rd_over(o->list, o->list_n); }
/* The next fact; false behind the last. */
bool operation_next(struct rd *r, struct operation_fact *ret);

#endif

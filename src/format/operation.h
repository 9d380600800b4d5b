/*
 * What two administrators sign to change the directory of a running vault, docs/FORMAT.md 5.5: the canonical bytes of the operation and
 * its arguments, one document. Layout alone: digests and signatures are judged in vault. Pure.
 */
#ifndef CV_FORMAT_OPERATION_H
#define CV_FORMAT_OPERATION_H

#include <stddef.h>
#include <stdint.h>

#include "format/directory.h"

struct buf;
struct rd;

#define OPERATION_ADD_MEMBER 1u
#define OPERATION_HEAD 124u			/* canonical bytes */
#define OPERATION_DOCUMENT_MAX 8192u
#define OPERATION_FACTS_MAX 10u			/* principal, personal role, eight memberships */
#define OPERATION_MS (24u * 3600 * 1000)	/* expiry lies at most so far behind not-before */
#define OPERATION_SIGNATURE 128u		/* of the operation, then of the change set: 64 bytes each */

/* The canonical bytes. */
struct operation_head {
	uint16_t operation;		/* OPERATION_* */
	uint8_t vault[16];
	uint8_t nonce[16];
	uint64_t log_size;		/* leaves of the log when it was made */
	uint8_t log_root[32];
	uint64_t not_before_ms, expires_ms;
	uint8_t arguments[32];		/* digest of what follows the canonical bytes */
};
struct operation_fact {
	const uint8_t *key, *fact;
	uint8_t key_n;
	uint16_t fact_n;
};
/* The document; pointers into its bytes. */
struct operation {
	struct operation_head head;
	const uint8_t *canonical;	/* OPERATION_HEAD bytes */
	const uint8_t *arguments;	/* everything behind them */
	size_t arguments_n;
	const uint8_t *change;		/* the change set's row, with its digest and no signatures */
	uint32_t change_n;
	uint16_t facts;			/* in the order of the change set's digests */
	struct operation_fact fact[OPERATION_FACTS_MAX];
	const uint8_t *person;		/* plaintext of the new principal's texts, FORMAT.md 5.2 */
	uint16_t person_n;
	const uint8_t *wrap;		/* secret key of the personal role, sealed to the new principal: DIR_WRAP bytes */
};
/* Append the canonical bytes. */
void operation_head_encode(const struct operation_head *h, struct buf *ret);
/* Append the arguments: facts in the order of the change set. */
void operation_arguments_encode(const struct operation *o, struct buf *ret);
/*
 * Decode a document. 0 or CV_ERR_FORMAT: an unknown operation, an expiry before not-before or too far behind it, too many facts, a cut or
 * trailing byte. What change set, facts and texts say is not judged.
 */
int operation_decode(const uint8_t *p, size_t n, struct operation *ret);

#endif

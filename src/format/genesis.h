/*
 * What a vault begins with: leaf 0 and the leaf of its signatures (docs/FORMAT.md section 9), the request that administrators
 * sign and the file of one signature (section 12). Layout alone: who signed what is judged in vault. Pure.
 */
#ifndef CV_FORMAT_GENESIS_H
#define CV_FORMAT_GENESIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct rd;

/* Flags of leaf 0 and of the META row `vault`; pending stands in the row alone. */
#define GENESIS_DEMO 1u
#define GENESIS_PENDING 2u
#define GENESIS_PRODUCTION 4u
#define GENESIS_ADMINS_MAX 16u
#define GENESIS_ORIGIN_MAX 255u
#define GENESIS_REQUEST_MAX (8u << 20)
#define GENESIS_SIGNATURE_TEXT_MAX 512u
#define GENESIS_REQUEST_FILE "genesis.request"
#define GENESIS_SIGNATURE_FILE "genesis.sig-"	/* and the administrator's principal id, 32 hexadecimal digits */

struct genesis_admin {
	uint8_t id[16];
	uint8_t sign_pk[32];
	uint8_t person[16];
};
/* Body A of leaf 0. */
struct genesis_body {
	uint8_t flags;			/* GENESIS_DEMO or GENESIS_PRODUCTION or none */
	uint8_t vault[16];
	uint64_t created_ms;
	uint8_t log_pk[32];
	uint8_t epoch_root[32];
	uint32_t epochs, first_day;
	uint8_t policy[32];
	uint8_t admins;
	struct genesis_admin admin[GENESIS_ADMINS_MAX];
	char origin[GENESIS_ORIGIN_MAX + 1];
};
/* Append the body; origin is at most 255 bytes and a NUL, admins at most GENESIS_ADMINS_MAX. */
void genesis_body_encode(const struct genesis_body *b, struct buf *ret);
/* 0 or CV_ERR_FORMAT (length, unknown or contradicting flags, too many administrators, an origin with a zero byte). */
int genesis_body_decode(const uint8_t *p, size_t n, struct genesis_body *ret);

/* ---- what is signed ------------------------------------------------------------------------------------------------ */

/* The request; pointers into its bytes. */
struct genesis_request {
	const uint8_t *leaf;		/* leaf 0 */
	uint16_t leaf_n;
	const uint8_t *change;		/* change set 1's row, with its digest and no signatures */
	uint32_t change_n;
	const uint8_t *policy;		/* the policy document */
	uint32_t policy_n;
	uint16_t facts;			/* in the order of the change set's digests */
	const uint8_t *fact_list;
	size_t fact_list_n;
	uint16_t people;
	const uint8_t *people_list;
	size_t people_list_n;
};
/* 0 or CV_ERR_FORMAT; the lists are then whole. What stands in leaf, change set, facts and texts is not judged. */
int genesis_request_decode(const uint8_t *p, size_t n, struct genesis_request *ret);
/* One fact or person of a list over which r stands; the lists of a decoded request end exactly. */
struct genesis_fact {
	const uint8_t *key, *fact;
	uint8_t key_n;
	uint16_t fact_n;
};
struct genesis_texts {
	const uint8_t *principal;	/* 16 */
	const uint8_t *person;		/* the person's texts, FORMAT.md 5.2 */
	uint16_t person_n;
};
void genesis_fact_next(struct rd *r, struct genesis_fact *ret);
void genesis_texts_next(struct rd *r, struct genesis_texts *ret);
/* Append the request up to its facts; u16 facts and they follow, then u16 people and they. */
void genesis_request_head(const uint8_t *leaf, uint16_t leaf_n, const uint8_t *change, uint32_t change_n, const uint8_t *policy,
    uint32_t policy_n, struct buf *ret);
void genesis_fact_encode(const struct genesis_fact *f, struct buf *ret);
void genesis_texts_encode(const struct genesis_texts *t, struct buf *ret);

/* ---- signatures ------------------------------------------------------------------------------------------------------ */

/* One administrator's signatures of both: of leaf 0's hash and of the change set's digest. */
struct genesis_signature {
	uint8_t principal[16];
	uint8_t vault[16];
	uint8_t leaf[64];
	uint8_t change[64];
};
/* Append the text form. */
void genesis_signature_encode(const struct genesis_signature *s, struct buf *ret);
/* Read the text form, n bytes. 0 or CV_ERR_FORMAT. */
int genesis_signature_decode(const char *text, size_t n, struct genesis_signature *ret);

#endif

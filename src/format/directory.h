/* Rows of the DIR table, docs/FORMAT.md 5.2: keys, facts, what follows them, change sets. Pure. */
#ifndef CV_FORMAT_DIRECTORY_H
#define CV_FORMAT_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

struct buf;

enum dir_type {
	DIR_PRINCIPAL = 1, DIR_ROLE = 2, DIR_CLASS = 3, DIR_MEMBER = 4, DIR_GRANT = 5, DIR_CUSTODY = 6, DIR_CHANGE = 7
};
#define DIR_KEY_MAX 23u
#define DIR_WRAP 112u			/* PKSEAL of 32 bytes */
#define DIR_SHARES_MAX 16u		/* custodians of a role, share commitments */
#define DIR_SIGNERS_MAX 16u		/* signatures of a change set */
#define DIR_FACTS_MAX 16000u		/* facts of a change set: its row stays below STORE_VALUE_MAX */
#define DIR_STATUS_ACTIVE 1u
#define DIR_STATUS_DECRYPT 2u
#define DIR_STATUS_DESTROYED 3u
#define DIR_MARK_NONE 0u		/* of a principal's row, no fact */
#define DIR_MARK_SUSPENDED 1u
#define DIR_MARK_REMOVED 2u		/* for good: nobody takes it back */

/* A row's key; members its type does not name are zero. */
struct dir_key {
	enum dir_type type;
	uint8_t principal[16];		/* principal, member, custodian */
	uint16_t role;			/* role, member, grant, custody */
	uint32_t class_key;		/* class, grant */
	uint32_t epoch;			/* of what the row is about, from 1 */
	uint32_t role_epoch;		/* grant */
	uint32_t sequence;		/* change set, from 1 */
};
/* Write the key; returns its length. */
size_t dir_key_encode(const struct dir_key *k, uint8_t ret[DIR_KEY_MAX]);
/* 0 or CV_ERR_FORMAT. */
int dir_key_decode(const uint8_t *p, size_t n, struct dir_key *ret);

/* A value of types 1 to 6; the pointers lead into it. */
struct dir_value {
	uint32_t change_set;
	const uint8_t *fact;
	uint16_t fact_n;
	const uint8_t *rest;
	size_t rest_n;
};
/* 0 or CV_ERR_FORMAT. Fact and rest are judged by the calls below. */
int dir_value_decode(const uint8_t *p, size_t n, struct dir_value *ret);
/* Append the value up to and with the fact; the rest follows. */
void dir_value_encode(uint32_t change_set, const uint8_t *fact, uint16_t fact_n, struct buf *ret);

/* ---- facts. Each decoder answers 0 or CV_ERR_FORMAT; each encoder appends. --------------------------------------------- */

struct dir_principal {
	uint8_t kind;			/* 1 to 6 */
	uint8_t admin_area;		/* 0 to 3; not 0 iff kind is 4 */
	uint32_t uid;
	uint8_t box_pk[32];
	uint8_t sign_pk[32];
	uint8_t person[16];
	uint16_t department;
	uint64_t not_before_ms, not_after_ms;
};
int dir_principal_decode(const uint8_t *p, size_t n, struct dir_principal *ret);
void dir_principal_encode(const struct dir_principal *x, struct buf *ret);

/* A role's or a class's key; the commitments lead into the decoded bytes and are a role's alone. */
struct dir_public {
	uint8_t pk[32];
	uint8_t status;			/* DIR_STATUS_* */
	uint8_t k;
	const uint8_t *commits;		/* k * 32 bytes */
};
int dir_role_decode(const uint8_t *p, size_t n, struct dir_public *ret);
void dir_role_encode(const struct dir_public *x, struct buf *ret);
int dir_class_decode(const uint8_t *p, size_t n, struct dir_public *ret);
void dir_class_encode(const struct dir_public *x, struct buf *ret);

/* A membership's dates, the (reserved) rights of a grant, the share index of a custody row. 0 or CV_ERR_FORMAT. */
int dir_member_decode(const uint8_t *p, size_t n, uint64_t *ret_not_before_ms, uint64_t *ret_not_after_ms);
/* Append the fact. */
void dir_member_encode(uint64_t not_before_ms, uint64_t not_after_ms, struct buf *ret);
/* As dir_member_decode. */
int dir_grant_decode(const uint8_t *p, size_t n, uint16_t *ret_rights);
/* Append the fact. */
void dir_grant_encode(uint16_t rights, struct buf *ret);
/* As dir_member_decode. */
int dir_custody_decode(const uint8_t *p, size_t n, uint8_t *ret_index);
/* Append the fact. */
void dir_custody_encode(uint8_t index, struct buf *ret);

/* ---- what follows a fact ----------------------------------------------------------------------------------------------- */

/* Of a principal; pointers into the bytes. */
struct dir_person_rest {
	uint8_t mark;			/* DIR_MARK_* */
	const uint8_t *sealed;		/* for the vault */
	uint16_t sealed_n;
	uint8_t copies;
	const uint8_t *list;		/* the auditors' copies, for dir_person_copy */
	size_t list_n;
};
int dir_person_rest_decode(const uint8_t *p, size_t n, struct dir_person_rest *ret);
/* The copy for one auditor: 0 or CV_ERR_NOTFOUND. */
int dir_person_copy(const struct dir_person_rest *x, const uint8_t auditor[16], const uint8_t **ret_p, uint16_t *ret_n);
/* Append everything before the copies; which follow one by one, each by dir_person_copy_encode. */
void dir_person_rest_encode(uint8_t mark, const uint8_t *sealed, uint16_t n, uint8_t copies, struct buf *ret);
void dir_person_copy_encode(const uint8_t auditor[16], const uint8_t *sealed, uint16_t n, struct buf *ret);
/* Of a role or class: the history link, *ret_n 0 or DIR_WRAP. 0 or CV_ERR_FORMAT. */
int dir_link_decode(const uint8_t *p, size_t n, const uint8_t **ret_link, uint16_t *ret_n);
void dir_link_encode(const uint8_t *link, uint16_t n, struct buf *ret);

/* Person, the plaintext: five texts of at most 255 bytes each and the vetting date (0 none). 0, CV_ERR_LIMIT, CV_ERR_NOMEM. */
#define DIR_PERSON_TEXTS 5
enum dir_person_text { DIR_PERSON_LOGIN, DIR_PERSON_NAME, DIR_PERSON_DEPARTMENT, DIR_PERSON_POST, DIR_PERSON_AREA };
int dir_person_encode(const char *const texts[DIR_PERSON_TEXTS], uint64_t vetting_ms, struct buf *ret);
/* The pointers lead into the plaintext; texts are not terminated. */
struct dir_person {
	struct dir_text { const char *p; uint8_t n; } text[DIR_PERSON_TEXTS];
	uint64_t vetting_ms;
};
/* 0, or CV_ERR_FORMAT: cut, followed by something, not UTF-8, or with a zero byte. */
int dir_person_decode(const uint8_t *p, size_t n, struct dir_person *ret);

/* ---- change sets --------------------------------------------------------------------------------------------------------- */

/* A change set row; pointers into it. */
struct dir_change {
	uint32_t sequence;
	uint64_t time_ms;
	const uint8_t *previous;	/* 32 */
	uint16_t count;
	const uint8_t *digests;		/* count * 32 */
	const uint8_t *digest;		/* 32, over the `covered` bytes before it */
	size_t covered;
	uint8_t signatures;
	const uint8_t *list;		/* signatures * (administrator 16, signature 64) */
};
int dir_change_decode(const uint8_t *p, size_t n, struct dir_change *ret);
/* Append the bytes that the digest covers. Digest, u8 signatures and they follow. */
void dir_change_encode(uint32_t sequence, uint64_t time_ms, const uint8_t previous[32], const uint8_t *digests,
    uint16_t count, struct buf *ret);

#endif

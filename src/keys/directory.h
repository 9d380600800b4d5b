/*
 * The directory: principals, roles, classes and the wraps between them, each fact signed by two administrators as part of
 * a change set. docs/FORMAT.md section 5.2. Loaded into memory at unseal; core's thread.
 */
#ifndef CV_KEYS_DIRECTORY_H
#define CV_KEYS_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/genesis.h"

struct buf;
struct dir_principal;
struct keys;
struct store;

enum principal_kind {
	PRINCIPAL_PERSON = 1, PRINCIPAL_APP = 2, PRINCIPAL_JOB = 3, PRINCIPAL_ADMINISTRATOR = 4, PRINCIPAL_CUSTODIAN = 5,
	PRINCIPAL_AUDITOR = 6
};
#define UID_ANY UINT32_MAX
#define ROLE_WRAPS 8	/* places in a hello's answer: one for the personal role, the others for ordinary ones */

struct principal {
	uint8_t id[16];
	enum principal_kind kind;
	uint8_t admin_area;	/* 0 none, 1 system, 2 security, 3 audit */
	uint32_t uid;		/* or UID_ANY */
	uint8_t box_pk[32];
	uint8_t sign_pk[32];
	uint8_t person[16];	/* natural person */
	uint16_t department;
	uint64_t not_before_ms, not_after_ms;	/* 0: no end */
	bool suspended;		/* also if removed */
	bool removed;		/* for good */
	/* From the person's sealed text, opened under K_dir when the directory is loaded; wiped with it. NUL-terminated. */
	char login[64];
	char area[13];		/* 0 to 12 digits, "" the whole vault */
	uint64_t vetted_ms;	/* when last vetted; 0: not known */
	/* Kept by vault: from when on refused as if suspended (0: never); days of last session and restoring, from 1 (0: none). */
	uint64_t lapses_ms;
	uint32_t last_day, restored_day;
};
#define AREA_MAX 12u
#define ROLE_PERSONAL 0x8000u	/* roles from here on are personal: one member, no class; grants are sealed to them */
static inline bool role_is_personal(uint16_t role) { return (role & ROLE_PERSONAL) != 0; }
struct role_wrap {
	uint16_t role;
	uint32_t epoch;
	uint8_t wrap[112];	/* PKSEAL of the role's secret key to the principal */
};

/* A role epoch whose key custodians bring. */
struct custody_role {
	uint16_t role;
	uint32_t epoch;
};
#define CUSTODY_ROLES 64u	/* roles whose shares one ceremony brings */

/* Put into *ret the id and what the fact says of the principal; texts, mark and days stay as they are. */
void directory_principal_take(const uint8_t id[16], const struct dir_principal *fact, struct principal *ret);

/*
 * Load every row of the DIR table and verify change sets, signatures and facts against admins (n keys of leaf 0,
 * FORMAT.md 5.2). 0, CV_ERR_FORMAT, CV_ERR_AUTH (with the offending row's type in the operational log), CV_ERR_IO,
 * CV_ERR_NOMEM. On failure the directory loaded before, if any, stays. What no fact covers is not verified here: the
 * mark of a principal and the wraps, which the state hash covers and which prove themselves by opening.
 */
int directory_load(struct keys *k, struct store *s, const struct genesis_admin *admins, unsigned n);
/*
 * Whether directory_load would take what the store holds, the puts of the open request among it: 0 or its errors. The directory in memory
 * stays as it is.
 */
int directory_check(struct keys *k, struct store *s, const struct genesis_admin *admins, unsigned n);
/* Find a principal; NULL if there is none. Valid until the next directory_load or keys_seal. */
const struct principal *directory_principal(const struct keys *k, const uint8_t id[16]);
/* The same by login name (n bytes); NULL also if two have it. O(principals). */
const struct principal *directory_principal_named(const struct keys *k, const char *login, size_t n);
/* Principal number i in the order of ids, from 0; NULL behind the last. Valid as above. */
const struct principal *directory_principal_at(const struct keys *k, size_t i);
/*
 * Set the mark of a principal in memory (DIR_MARK_*), or the time from which it is refused; the row is the caller's. An id that is not
 * known changes nothing.
 */
void directory_mark(struct keys *k, const uint8_t id[16], uint8_t mark);
void directory_lapse(struct keys *k, const uint8_t id[16], uint64_t at_ms);
/* Note both days of a principal; they decide nothing here. */
void directory_days(struct keys *k, const uint8_t id[16], uint32_t last_day, uint32_t restored_day);
/* Whether the principal is a member of the role's newest epoch and in the dates of that. */
bool directory_has_role(const struct keys *k, const uint8_t principal[16], uint16_t role, uint64_t now_ms);
/* The personal role of a principal, its newest active epoch and public key. 0 or CV_ERR_NOTFOUND. */
int directory_personal(const struct keys *k, const uint8_t principal[16], uint16_t *ret_role, uint32_t *ret_epoch,
    uint8_t ret_pk[32]);
/* Whether now lies in [from, to), to 0 meaning no end. */
bool directory_in_dates(uint64_t from_ms, uint64_t to_ms, uint64_t now_ms);
/* Whether p may act now: known, not suspended, not lapsed, inside its dates. NULL gives false. */
bool directory_enabled(const struct principal *p, uint64_t now_ms);
/*
 * Wraps of the newest epochs of a principal's roles whose member rows are in their dates, at most ROLE_WRAPS, the personal role first;
 * returns how many. A row of an older epoch opens nothing, whoever put it back.
 */
unsigned directory_role_wraps(const struct keys *k, const uint8_t principal[16], uint64_t now_ms,
    struct role_wrap ret[ROLE_WRAPS]);
/* Newest epoch of a role; 0: there is none, or it is not active. */
uint32_t directory_role_newest(const struct keys *k, uint16_t role);
/* When change set number change_set (1 to the newest) was made. */
uint64_t directory_made_ms(const struct keys *k, uint32_t change_set);
/* How many classes the newest epoch of a role holds, whatever their epochs; whether it holds this one in its newest epoch. */
unsigned directory_role_classes(const struct keys *k, uint16_t role);
bool directory_role_holds(const struct keys *k, uint16_t role, uint32_t class_key);
/* Class keys, ascending, that have an older epoch whose secret is not destroyed; at most max. Returns how many. */
unsigned directory_old_classes(const struct keys *k, uint32_t *ret, unsigned max);
/* Newest active epoch and public key of a class key. 0 or CV_ERR_NOTFOUND. */
int directory_class(const struct keys *k, uint32_t class_key, uint32_t *ret_epoch, uint8_t ret_pk[32]);
/* Auditor principals that are enabled, in id order: call cb for each. */
void directory_auditors(const struct keys *k, uint64_t now_ms, void (*cb)(void *cookie, const struct principal *p),
    void *cookie);
/*
 * Person texts sealed for one auditor (FORMAT.md 5.2): call cb with each principal's id and its sealed copy for auditor.
 * A copy that was not made is skipped.
 */
void directory_people(const struct keys *k, struct store *s, const uint8_t auditor[16],
    void (*cb)(void *cookie, const uint8_t principal[16], const uint8_t *sealed, size_t n), void *cookie);

/* ---- genesis ------------------------------------------------------------------------------------------------------ */

struct genesis_person {
	struct principal principal;
	/* UTF-8, each at most 255 bytes; the login name 1 to 63 and nobody else's, the area 0 to 12 digits. */
	const char *login, *name, *department, *post, *area;
	uint64_t vetted_ms;		/* when the person was last vetted; 0: not known */
	const uint16_t *roles;		/* roles this principal is a member of, besides a personal one that everybody gets */
	unsigned role_count;		/* at most ROLE_WRAPS - 1 */
};
struct genesis_role {
	uint16_t role;
	const uint32_t *class_keys;	/* classes whose secret key the role gets */
	unsigned class_count;
	unsigned share_k;		/* custodians needed, 2; 0: no custody shares (demo with fewer than 2 custodians) */
};
struct genesis_directory {
	const struct genesis_person *people;
	unsigned people_count;
	const struct genesis_role *roles;
	unsigned role_count;
	const uint32_t *class_keys;	/* every class key to be made */
	unsigned class_count;
	uint64_t now_ms;
};
/* A signer of the first change set: administrator id and a callback that signs with their key. */
struct genesis_signer {
	uint8_t id[16];
	void (*sign)(void *cookie, const void *p, size_t n, uint8_t ret[64]);
	void *cookie;
};
/*
 * Make role and class key pairs (epoch 1), a personal role for each of the people (ROLE_PERSONAL | 1 and on, in the order of
 * their ids), all wraps, custody shares, people rows, change set 1 signed by the signers, and call put for each DIR row, in
 * key order. Secrets are wiped before it returns. ret_digest is the change set's digest. n is at most 16; a set signed by fewer
 * than two is written all the same, for a vault that stays pending, but does not load. Custody shares go to the people of
 * kind PRINCIPAL_CUSTODIAN (at most 16) in id order. 0, CV_ERR_ARG (an unknown class or role, a given role that is personal,
 * an id or login name twice, a text that does not fit, too many people or roles of one, fewer custodians than share_k),
 * CV_ERR_NOMEM, CV_ERR_CRYPTO, or what put answered.
 */
int directory_genesis(struct keys *k, const struct genesis_directory *g, const struct genesis_signer *signers, unsigned n,
    int (*put)(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n), void *cookie,
    uint8_t ret_digest[32]);

#endif

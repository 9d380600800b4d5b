/*
 * A person's own keys: making, storing and opening them, docs/FORMAT.md section 12. They never leave this process but
 * sealed in a key file.
 */
#ifndef CV_CLIENT_KEY_H
#define CV_CLIENT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "format/keyfile.h"
#include "format/months.h"

#define CLIENT_KEY_ARGON_KIB 262144u	/* of new key files: 256 MiB, 3 passes */
#define CLIENT_KEY_ARGON_PASSES 3u

/* Secrets of an auditor's months: client/months.h. */
struct client_months {
	uint32_t first;		/* the ratchet holds this month, 202611, and those behind it; 0: there is no ratchet */
	uint32_t last;		/* the last month whose public half the vault was given; 0: none was */
	uint8_t state[32];	/* of the ratchet at first */
	struct months_lent lent;	/* of a key that is lent; else n is 0 */
};
struct client_key {
	uint8_t principal[16];
	uint8_t vault[16];	/* zeros: not bound to a vault yet */
	bool lent;		/* it holds months of this principal and nothing else: no secrets but months.lent */
	uint8_t box_sk[32], box_pk[32];
	uint8_t sign_sk[SIGN_SECRET], sign_pk[SIGN_PUBLIC];
	struct client_months months;
};

/* Draw a principal id and keys; the vault is zeros. Wiped by client_key_clear, as after every call that fills one. */
void client_key_new(struct client_key *ret);
void client_key_clear(struct client_key *k);

/* A passphrase as the vault sees it: parameters and pw, FORMAT.md section 12. Wiped by its owner. */
struct client_pass {
	struct argon argon;
	uint8_t pw[32];
};
/* Draw a salt and derive. 0, CV_ERR_NOMEM. Takes a second or more. */
int client_pass_new(const char *pass, size_t pass_n, struct client_pass *ret) __attribute__((warn_unused_result));
/* Derive with a key file's own parameters. 0, CV_ERR_ARG (outside the allowed range), CV_ERR_NOMEM. */
int client_pass_of(const struct keyfile *f, const char *pass, size_t pass_n, struct client_pass *ret)
    __attribute__((warn_unused_result));
/* The question that a hello asks. pass NULL: zeros. */
void client_pass_question(const struct client_pass *pass, uint8_t ret[32]);

/* Append a key file's text without protection. 0, CV_ERR_NOMEM, CV_ERR_LIMIT. */
int client_key_save(const struct client_key *k, struct buf *ret);
/*
 * Append it sealed under passphrase and answer (32 bytes of the vault's pepper PRF, or NULL while k->vault is zeros: the
 * file then stands on the passphrase alone until the first login rewrites it). 0, CV_ERR_NOMEM, CV_ERR_LIMIT.
 */
int client_key_save_sealed(const struct client_key *k, const struct client_pass *pass, const uint8_t *answer, struct buf *ret);
/*
 * Open a decoded key file. pass and answer as above, both ignored (NULL) for a plain one. 0, CV_ERR_AUTH, or CV_ERR_ARG: it
 * is sealed and there is no pass.
 */
int client_key_open(const struct keyfile *f, const struct client_pass *pass, const uint8_t *answer, struct client_key *ret)
    __attribute__((warn_unused_result));
/* Append the public file's text, with proof of possession. name is 1 to 255 bytes of UTF-8. 0, CV_ERR_ARG, CV_ERR_NOMEM. */
int client_key_public(const struct client_key *k, const char *name, struct buf *ret);
/* What a person compares to know their public keys again, 24 digits: of H_256(cv1.proof, ; principal ‖ X25519 pk ‖ Ed25519 pk). */
#define CLIENT_KEY_CODE 30u
void client_key_code(const uint8_t principal[16], const uint8_t box_pk[32], const uint8_t sign_pk[32], char ret[CLIENT_KEY_CODE]);
/* Verify a decoded public file's signature. 0 or CV_ERR_AUTH, CV_ERR_NOMEM. */
int client_key_public_check(const struct pubfile *p) __attribute__((warn_unused_result));

#endif

/*
 * What administrators sign before a vault works, docs/FORMAT.md 12: read and held against itself, signed, and signatures held
 * against it. Core, the tools and the tests look at one request in this one way. Pure.
 */
#ifndef CV_VAULT_GENESIS_REQUEST_H
#define CV_VAULT_GENESIS_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "format/directory.h"
#include "format/genesis.h"
#include "keys/directory.h"
#include "vault/separation.h"

struct policy;

/* The two things that a signature covers, and whose signatures count. */
struct genesis_signing {
	struct genesis_body body;	/* of leaf 0 */
	uint8_t leaf_hash[32];
	uint8_t digest[32];		/* of change set 1 */
};
/* Decode leaf 0 and compute its hash. 0, CV_ERR_FORMAT (no leaf 0 of a vault). digest stays as it is. */
int genesis_leaf_read(const uint8_t *leaf, size_t n, struct genesis_signing *ret);
/* Sign both for the administrator id. 0 or CV_ERR_NOTFOUND: no administrator of leaf 0, or sign_pk is not theirs. */
int genesis_sign(const struct genesis_signing *s, const uint8_t id[16], const uint8_t sign_pk[32],
    void (*sign)(void *cookie, const void *p, size_t n, uint8_t ret[64]), void *cookie, struct genesis_signature *ret);
/* 0; CV_ERR_CONFLICT (of another vault); CV_ERR_NOTFOUND (no administrator of leaf 0); CV_ERR_AUTH. */
int genesis_signature_check(const struct genesis_signing *s, const struct genesis_signature *sig) __attribute__((warn_unused_result));
/* How many natural persons stand behind the n checked signatures. */
unsigned genesis_persons(const struct genesis_signing *s, const struct genesis_signature *list, unsigned n);

/* One of the vault's people as the request tells them. */
struct genesis_member {
	struct principal principal;	/* login and area filled from the texts */
	struct dir_person texts;	/* pointers into the request */
	uint16_t roles[ROLE_WRAPS];	/* without the personal one */
	unsigned role_count;
};
/* A whole request. */
struct genesis_reading {
	struct genesis_signing signing;
	struct policy *policy;
	unsigned members;
	struct genesis_member *member;	/* in the order of their ids */
	uint8_t code_digest[32];	/* H_256(cv1.genesis, ; request) */
	char code[10];			/* eight digits of it, "1234 5678", to be compared by telephone */
};
/*
 * Read n bytes of a request, which stay until genesis_reading_free. 0; CV_ERR_FORMAT (bytes or parts that do not fit each other: policy
 * and leaf 0, facts and change set, administrators and facts, texts and people, memberships); CV_ERR_NOMEM. On failure nothing is left to
 * free.
 */
int genesis_reading_new(const uint8_t *p, size_t n, struct genesis_reading *ret);
void genesis_reading_free(struct genesis_reading *r);
/* separation_check over its members, by leaf 0's flags. 0, CV_ERR_DENIED with *ret_fault, CV_ERR_NOMEM. */
int genesis_reading_check(const struct genesis_reading *r, struct separation *ret_fault);

#endif

/*
 * Sessions: the slab of class keys that people's roles opened, docs/PROTOCOL.md section 4. Core's thread.
 *
 * A session is found by its token's hash and the peer's uid. Class secrets and the secrets of personal roles stand in the locked
 * slab, each class's or role's epoch once for all sessions that hold it, and are wiped when the last of these ends, for whatever
 * reason.
 */
#ifndef CV_KEYS_SESSION_H
#define CV_KEYS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/directory.h"

#define SESSION_MAX 1024
#define SESSION_PER_PRINCIPAL 16
#define SESSION_PER_UID 256
#define SESSION_ROLES 8
#define SESSION_IDLE_MS (10u * 60 * 1000)
#define SESSION_PERSON_MS (8u * 3600 * 1000)
#define SESSION_APP_MS (3600u * 1000)
#define HELLO_MS 60000u

struct session;

struct hello_answer {
	uint8_t session[16];
	uint8_t ephemeral_pk[32];
	uint8_t answer[32];
	struct role_wrap wraps[ROLE_WRAPS];
};
/* Told of a session before it ends; s is then gone. */
typedef void session_ended(void *cookie, struct session *s);

/*
 * Step 2 of opening, for any principal id, known or not. now_ms is wall time, mono_ms monotonic. 0, CV_ERR_LIMIT (this id is
 * rate-limited for this uid), CV_ERR_NOMEM (memory could not be locked). Hellos that wait are bounded: beyond 128 of a uid its oldest is
 * over, beyond 256 in all the oldest of the uid that has most.
 *
 * A hello counts as a failure of its id and uid at once, since its answer is worth a guess at a passphrase; a good activation
 * takes that back. A decoy wrap begins with a public key, as real ones do.
 */
int session_hello(struct keys *k, uint32_t uid, const uint8_t principal[16], const uint8_t q[32], uint64_t now_ms,
    uint64_t mono_ms, struct hello_answer *ret);

struct sealed_role {
	uint16_t role;
	uint32_t epoch;
	const uint8_t *sealed;	/* 112 bytes */
};
/*
 * Step 4 and 5. 0 with the 32-byte token in ret_token and the session in *ret_session; CV_ERR_AUTH for whatever does not fit
 * (counted as a failure; the hello is then over), CV_ERR_BUSY (SESSION_MAX or SESSION_PER_UID is reached, by others alone; the
 * hello lives on), CV_ERR_NOMEM (memory could not be locked). *ret_principal_id (16 bytes) is the hello's principal when the
 * session id was known, else zeros: for the leaf; it is written in every case. The session ends at the earliest of the
 * absolute limit, the principal's end and the roles' memberships' ends. A session may have the personal role alone. Roles are taken in
 * their newest epochs alone; their grants give classes in the newest ones, and history links all older ones that are there: about 0.1 ms
 * for each. A link that does not open is logged, and what it would lead to is not in the session.
 *
 * Beyond SESSION_PER_PRINCIPAL, or at one of the limits above, the principal's session that was unused for longest ends; ended
 * (may be NULL) hears of it first.
 */
int session_activate(struct keys *k, uint32_t uid, const uint8_t session_id[16], const struct sealed_role *roles, unsigned n,
    const uint8_t signature[64], uint64_t now_ms, uint64_t mono_ms, session_ended *ended, void *cookie, uint8_t ret_token[32],
    struct session **ret_session, uint8_t ret_principal_id[16]);
/*
 * Find the live session of a token for this uid, and mark it used. NULL if unknown, other uid, idle or absolute limit
 * passed, or the principal no longer enabled: session_sweep then ends it and tells of it. Valid until it ends.
 */
struct session *session_find(struct keys *k, const uint8_t token[32], uint32_t uid, uint64_t now_ms, uint64_t mono_ms);
/* End one session. */
void session_close(struct keys *k, struct session *s);
/* End all sessions of a principal; ended (may be NULL) hears of each first. Hellos that wait open none, if it is suspended. */
void session_close_all(struct keys *k, const uint8_t principal[16], session_ended *ended, void *cookie);
/* End sessions and hellos past their limits; ended (may be NULL) hears of each such session first. */
void session_sweep(struct keys *k, uint64_t now_ms, uint64_t mono_ms, session_ended *ended, void *cookie);
/*
 * After a directory was loaded: end each session that was opened with another epoch of a role than the newest, or that holds a class but
 * not its newest epoch; ended (may be NULL) hears of each first. Their people log in again. Hellos live on, and take newest epochs alone.
 */
void sessions_outdated(struct keys *k, session_ended *ended, void *cookie);
/* Take a class epoch from every session that holds it, and wipe its secret: nothing is under it any more. */
void sessions_forget_epoch(struct keys *k, uint32_t class_key, uint32_t epoch);
unsigned session_count(const struct keys *k);

const uint8_t *session_id(const struct session *s);		/* 16 bytes, public */
/* Its principal; NULL if a later directory_load no longer knows it. */
const struct principal *session_principal(const struct keys *k, const struct session *s);
/* Its ordinary roles in the order of the activation: those that a policy may know. The personal role is not among them. */
const uint16_t *session_roles(const struct session *s, unsigned *ret_n);
uint64_t session_expires_ms(const struct session *s);		/* wall time of the absolute limit */
/* Whether some role of the session holds the secret of this class key (any epoch). */
bool session_has_class(const struct session *s, uint32_t class_key);
/* The newest epoch of the class that the session holds; 0 if none. Whether it holds that one. */
uint32_t session_class_epoch(const struct session *s, uint32_t class_key);
bool session_has_epoch(const struct session *s, uint32_t class_key, uint32_t epoch);
/* Hello failures since start, coalesced for leaf kind 27: count and first/last time; clears them. */
uint32_t session_failures(struct keys *k, uint64_t *ret_first_ms, uint64_t *ret_last_ms);

#endif

/* What hello.c, session.c, session_activate.c and session_secrets.c share: hellos, sessions and the slab of secrets. */
#ifndef CV_KEYS_SESSION_INTERNAL_H
#define CV_KEYS_SESSION_INTERNAL_H

#include "format/directory.h"
#include "keys/keys_internal.h"

#define HELLO_TABLE 256u
#define TOKEN_BUCKETS 2048u		/* a power of two, twice SESSION_MAX */
#define SEALED_ROLE DIR_WRAP

struct hello {
	bool used;
	uint8_t id[16];
	uint8_t principal[16];
	uint8_t epk[32];		/* its secret key stands in sessions.hello_sk */
	uint32_t uid;
	uint64_t mono_ms;
	uint64_t number;		/* rises from hello to hello */
};

/* What a secret is of: a class or a personal role. */
struct secret_of {
	uint32_t class_key;		/* 0: of a role */
	uint16_t role;			/* 0: of a class */
	uint32_t epoch;
};
struct held_secret {
	struct secret_of of;
	uint32_t refs;			/* sessions that hold it; 0: free, bytes are zeros */
	uint8_t pk[32];
	uint8_t *bytes;			/* SECRET_BYTES in locked memory */
};
struct slab;

/* One of a session's classes, in one epoch. A request asks dozens of times what a session has: it is found without going to each. */
struct class_secret {
	uint32_t class_key, epoch;	/* as held's */
	struct held_secret *held;
};

struct session {
	uint8_t id[16];
	uint8_t principal[16];
	uint8_t token_hash[32];
	uint32_t uid;
	uint64_t number;		/* rises from session to session */
	uint64_t used_mono_ms;
	uint64_t end_mono_ms;		/* absolute limit */
	uint64_t expires_ms;		/* the same as wall time */
	uint16_t roles[SESSION_ROLES];	/* without the personal one */
	uint32_t role_epochs[SESSION_ROLES];	/* that it was opened with: then the newest */
	unsigned roles_n;
	uint16_t index;			/* in sessions.session */
	uint16_t next;			/* in its token bucket: index + 1, 0 the last */
	unsigned secrets_n;
	struct class_secret *secrets;	/* ascending by class key and epoch */
	unsigned personal_n;
	struct held_secret *personal[SESSION_ROLES];	/* of the personal role, an epoch each */
};

/*
 *   1. count is the number of sessions; each stands in one token bucket.
 *   2. hello_sk holds a secret for used hellos, zeros for the others.
 */
struct sessions {
	struct hello hello[HELLO_TABLE];
	struct secret *hello_sk;
	struct failures *failures;	/* hellos without a good activation, yet or for good */
	uint64_t numbers;		/* given to hellos and sessions */
	uint8_t nobody_pk[32];		/* what signatures of unknown principals are checked against */
	struct session *session[SESSION_MAX];
	uint16_t token[TOKEN_BUCKETS];	/* index + 1, 0 none */
	unsigned count;
	struct slab *slabs;
	uint32_t failed;		/* since the last session_failures */
	uint64_t first_failed_ms, last_failed_ms;
};

/* ---- hello.c -------------------------------------------------------------------------------------------------------- */

/* The hello of a session id that was answered and not used yet; NULL if there is none. Valid until it ends. */
struct hello *hello_find(struct sessions *x, const uint8_t id[16]);
/* Its ephemeral secret key, 32 bytes of locked memory. */
uint8_t *hello_sk(const struct sessions *x, const struct hello *h);
void hello_end(struct sessions *x, struct hello *h);
/* End hellos older than HELLO_MS: each is a failure. */
void hellos_expire(struct sessions *x, uint64_t now_ms, uint64_t mono_ms);
/* One more failure for the coalesced leaf. */
void hello_failed(struct sessions *x, uint64_t now_ms);

/* ---- session.c ------------------------------------------------------------------------------------------------------ */

/* The vault's hellos and sessions, made if there are none yet. 0 or CV_ERR_NOMEM. */
int sessions_get(struct keys *k, struct sessions **ret);
/* Give a session its number, its token and its place in the tables, where there is room; k owns it from here on. */
void session_enter(struct keys *k, struct session *s, const uint8_t token[32]);
/* Give up the secrets of a session that is in no table, and free it. */
void session_release(struct session *s);

/* ---- session_secrets.c ---------------------------------------------------------------------------------------------- */

/* Hold the secret key sk, which the caller has checked against pk, once more. NULL: no memory, or none that could be locked. */
struct held_secret *slab_hold(struct sessions *x, struct secret_of of, const uint8_t pk[32], const uint8_t sk[32]);
/* Hold it once less: the last one wipes it. */
void slab_release(struct held_secret *c);
/* Wipe and free the whole slab. */
void slab_free(struct sessions *x);

#endif

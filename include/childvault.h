/*
 * libchildvault: the C client of a Childvault daemon.
 *
 * A struct childvault is one connection to a vault's api.sock and what the last call on it answered. Open it, log in with
 * a key file (or give it a token), then create, get, patch. JSON goes in and comes out as text: the bodies are those of
 * docs/PROTOCOL.md section 2, unchanged. Calls block, for at most a minute without a byte from the daemon. One thread uses
 * a struct childvault at a time; different ones are independent. Whatever held a token, a key or a body is wiped before
 * it is freed.
 *
 *     struct childvault *cv;
 *     struct childvault_with how = { .purpose = "intake" };
 *
 *     if (childvault_open("/srv/vault/api.sock", &cv) != 0 ||
 *         childvault_login(cv, key_text, key_n, NULL, 0, NULL, 0) != 0 ||
 *         childvault_create(cv, &how, "{\"name\":\"...\"}") != 0)
 *             fprintf(stderr, "%s\n", childvault_message(cv));
 *     childvault_free(cv);
 *
 * Link with -lchildvault (pkg-config childvault).
 */
#ifndef CHILDVAULT_H
#define CHILDVAULT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct childvault;

/* What every call that can fail returns. The list is closed. */
enum childvault_code {
	CHILDVAULT_OK = 0,
	CHILDVAULT_MEMORY = 1,		/* memory could not be had */
	CHILDVAULT_USAGE = 2,		/* an argument is outside its range; nothing was sent */
	CHILDVAULT_UNREACHABLE = 3,	/* no connection, or it ended before the whole answer came */
	CHILDVAULT_PROTOCOL = 4,	/* the answer does not follow docs/PROTOCOL.md; the connection was closed */
	CHILDVAULT_KEY = 5,		/* the key file is damaged, the passphrase wrong, or it opens no role that was asked for */
	CHILDVAULT_PROBLEM = 6,		/* the daemon refused: childvault_problem names the kind */
	CHILDVAULT_VERIFY = 7		/* the vault's log is not the one it was, childvault_remember; no session is open */
};

/* ---- a connection ------------------------------------------------------------------------------------------------- */

/*
 * Make a client for the Unix socket at socket_path (at most 107 bytes). Connects at the first call. CHILDVAULT_OK,
 * CHILDVAULT_MEMORY, CHILDVAULT_USAGE; *ret is untouched unless OK. Freed by childvault_free, which ends no session.
 */
int childvault_open(const char *socket_path, struct childvault **ret);
/* Close, wipe, free. NULL is allowed. */
void childvault_free(struct childvault *cv);

/* ---- sessions ------------------------------------------------------------------------------------------------------- */

/*
 * Hold the vault's log against what was seen of it before: from now on each login on cv asks for a proof that the log of then is the
 * beginning of the log of now. head (n bytes) is what childvault_head gave after an earlier login with this key; n 0: the vault is met
 * for the first time, and its log's key is taken as it comes. A login that gets no such proof opens no session and gives
 * CHILDVAULT_VERIFY: the vault is an older state of itself, its log was forked, or it is another vault. CHILDVAULT_OK,
 * CHILDVAULT_MEMORY, CHILDVAULT_USAGE (this is no head).
 */
int childvault_remember(struct childvault *cv, const char *head, size_t n);
/* What is to be remembered after a login: text to be stored and given to childvault_remember, or NULL. Valid until the next login. */
const char *childvault_head(const struct childvault *cv);
/*
 * Open a session with the text of a key file (key_n bytes, docs/FORMAT.md section 12). passphrase (pass_n bytes) is NULL for
 * a key file without one; deriving its key takes a second or more. roles names role_count roles, by name or decimal
 * number; role_count 0 takes every role the key opens. Long-term secrets never leave this process.
 *
 * If names select fewer roles than the key opens, a first session learns which is which and is closed again.
 * CHILDVAULT_KEY, CHILDVAULT_PROBLEM ("unauthenticated": whatever else did not fit, "rate-limited"), and the others.
 */
int childvault_login(struct childvault *cv, const char *key_text, size_t key_n, const char *passphrase, size_t pass_n,
    const char *const *roles, size_t role_count);
/* Use a token from elsewhere (at most 128 characters) for the next calls. CHILDVAULT_OK, _MEMORY, _USAGE. */
int childvault_with_token(struct childvault *cv, const char *token);
/* End the session at the daemon and forget the token. */
int childvault_logout(struct childvault *cv);
/* The token in use, or NULL. Valid until the next login, with_token, logout or free. */
const char *childvault_token(const struct childvault *cv);
/* After a login: the session's role names joined by commas, and its end as RFC 3339. Valid as the token; else "". */
const char *childvault_roles(const struct childvault *cv);
const char *childvault_expires(const struct childvault *cv);
/*
 * After a login with a passphrase and a key file that was made before its vault existed: the text of the key file bound to
 * this vault and its pepper, which should replace the old file. Otherwise NULL. Valid until the next login or free.
 */
const char *childvault_new_key(const struct childvault *cv);

/* ---- records ---------------------------------------------------------------------------------------------------------- */

/* What goes beside a request; members may be NULL but purpose, which every call on records needs. UTF-8. */
struct childvault_with {
	const char *purpose;
	const char *case_text;
	const char *reason;		/* for the clear view */
	const char *idempotency_key;	/* childvault_create only, at most 64 characters; childvault_import: at most 50 */
	const char *export_id;		/* childvault_get only: the approved export that the read is for, 32 hexadecimal digits */
};

/*
 * Store a new record. fields is the text of a JSON object, {"name": value, ...}. On CHILDVAULT_OK childvault_id and
 * childvault_etag are those of the record.
 */
int childvault_create(struct childvault *cv, const struct childvault_with *with, const char *fields);
/*
 * Read the named fields (names joined by commas) of record id (32 hexadecimal digits); clear != 0 asks for the clear view.
 * childvault_body is the answer, childvault_etag its version.
 */
int childvault_get(struct childvault *cv, const struct childvault_with *with, const char *id, const char *names, int clear);
/*
 * Change fields: the text of a JSON object in which null takes a field away. etag is the version that was read, with its
 * quotes; NULL for roles that may only write. childvault_etag is the new version.
 */
int childvault_patch(struct childvault *cv, const struct childvault_with *with, const char *id, const char *etag,
    const char *fields);
/*
 * Versions of the named fields, newest first in each class: at most limit of each class (1 to 1,000; 0 leaves the number to the
 * daemon), and only those below version before (0: from the newest on). "more" in the answer says that some class has older ones.
 */
int childvault_history(struct childvault *cv, const struct childvault_with *with, const char *id, const char *names,
    int clear, unsigned limit, unsigned long long before);
/*
 * Who accessed record id (32 hexadecimal digits), a page at a time: "accesses" in the answer, and as "receipt" the page that proves them.
 * reader is "child", "guardian", or NULL (the child; for an auditor all there is, and then with needs no purpose). cosigned != 0: only
 * what witnesses have cosigned, so that whoever trusts these can verify it. Only accesses at from_ms or later and before to_ms
 * (milliseconds since 1970; 0: no end), at most limit (1 to 1,000; 0 leaves it to the daemon). cursor is what the page before gave, with
 * the same reader and times; NULL for the first.
 */
int childvault_accesses(struct childvault *cv, const struct childvault_with *with, const char *id, const char *reader, int cosigned,
    unsigned long long from_ms, unsigned long long to_ms, unsigned limit, const char *cursor);

/*
 * Search by an index for a value: equals is the text of a JSON value, "..." or {"field": "...", ...}. Needs a purpose, but for an auditor.
 * The records that hold it, as far as this session may know of them, stand in the answer.
 */
int childvault_search(struct childvault *cv, const struct childvault_with *with, const char *index, const char *equals);

/* What narrows a list; NULL, and limit 0, say nothing. Texts that a list does not know are refused by the daemon. */
struct childvault_filter {
	const char *area, *due, *state;			/* of records; state of governance objects too */
	const char *principal, *record, *waiting;	/* of governance objects; waiting: "me" */
	unsigned limit;					/* 1 to 1,000 of one page */
	const char *cursor;				/* what the page before gave */
};
/* A page of the work list. with may be without a purpose only where the daemon asks for none. */
int childvault_list(struct childvault *cv, const struct childvault_with *with, const struct childvault_filter *filter);

/*
 * Give the next line: a JSON object {"fields": {...}} of *ret_n bytes at *ret_line, without line end, that stays valid until the next
 * call. Return 1 with a line, 0 after the last one, -1 to break off.
 */
typedef int childvault_import_next(void *cookie, const char **ret_line, size_t *ret_n);
/*
 * Line number line was answered: status 201 and the record's id, or another status and id "". text is the line of answer, a JSON object
 * with a NUL behind its text_n bytes. Return 0, or anything else to break off.
 */
typedef int childvault_import_done(void *cookie, unsigned long long line, int status, const char *id, const char *text, size_t text_n);
/*
 * Store many records with one request, reading answers while lines go out. first is the number of the first line (from 1), by which
 * answers are counted. with->idempotency_key makes a repetition harmless: line n has that text, ":" and n as its key. CHILDVAULT_OK if
 * every line was answered or a callback broke off, whatever the lines' statuses are; CHILDVAULT_UNREACHABLE if some are open.
 */
int childvault_import(struct childvault *cv, const struct childvault_with *with, unsigned long long first, childvault_import_next *next,
    childvault_import_done *done, void *cookie);

/* ---- governance: assignments, requests, grants, delegations, jobs, members, reviews --------------------------------------------- */

/*
 * Make an object of collection ("assignments", "requests", "delegations", "jobs", "reviews") from the text of a JSON object. with may be
 * NULL. childvault_id is the object's, childvault_body the object.
 */
int childvault_make(struct childvault *cv, const struct childvault_with *with, const char *collection, const char *json);
/* Read one object, or a page of them: {"COLLECTION": [...], "cursor": ...}. filter may be NULL. */
int childvault_object(struct childvault *cv, const char *collection, const char *id);
int childvault_objects(struct childvault *cv, const char *collection, const struct childvault_filter *filter);
/* Do action ("approve", "reject", "revoke", "resume", "suspend", ...) to an object; json is the text of an object, or NULL. */
int childvault_act(struct childvault *cv, const struct childvault_with *with, const char *collection, const char *id, const char *action,
    const char *json);
/* The policy document in force, as bytes in childvault_body (docs/FORMAT.md section 11). */
int childvault_policy(struct childvault *cv);
/* The signed directory with leaf 0, as bytes in childvault_body (docs/FORMAT.md section 12): for whoever verifies it. */
int childvault_directory(struct childvault *cv);

/* ---- the audit log, for auditors ------------------------------------------------------------------------------------------ */

/*
 * Entries from index first on, at most limit (1 to 1,000); with_keys != 0 adds the sealed segment keys, people and policy
 * that a reader's key file opens.
 */
int childvault_events(struct childvault *cv, uint64_t first, unsigned limit, int with_keys);
/*
 * Hand in a checkpoint of n bytes that witnesses have cosigned (childvault-audit cosign), as an administrator or auditor. The body says
 * how many of the vault's witnesses have, and since when a quorum vouches.
 */
#define CHILDVAULT_NOTE_MAX 16384
int childvault_cosign(struct childvault *cv, const char *note, size_t n);
/* The newest cosigned checkpoint; a C2SP tlog-proof of one leaf: as text in childvault_body. */
int childvault_cosigned(struct childvault *cv);
int childvault_proof(struct childvault *cv, uint64_t index);
/* The newest signed checkpoint, as text in childvault_body. */
int childvault_checkpoint(struct childvault *cv);
/* A tile by its path, such as "0/000" or "entries/x001/234.p/7". */
int childvault_tile(struct childvault *cv, const char *path);

/* ---- the daemon ------------------------------------------------------------------------------------------------------------ */

/* CHILDVAULT_OK if it serves; CHILDVAULT_PROBLEM ("sealed", "index-rebuilding", ...) or CHILDVAULT_UNREACHABLE if not. */
int childvault_health(struct childvault *cv);

/* ---- what the last call answered; every pointer is valid until the next call on cv ------------------------------------------- */

/* The body and its length (ret_n may be NULL); it ends in a NUL beyond that length. Never NULL. */
const char *childvault_body(const struct childvault *cv, size_t *ret_n);
/* HTTP status, 0 if no answer came. */
int childvault_status(const struct childvault *cv);
/* Id of the record or object that was made, "" otherwise. */
const char *childvault_id(const struct childvault *cv);
/* ETag with its quotes, "" if there was none. */
const char *childvault_etag(const struct childvault *cv);
/* "clear" or "masked" after a read, else "". */
const char *childvault_view(const struct childvault *cv);
/* The daemon's Request-Id, "" if there was none. */
const char *childvault_request_id(const struct childvault *cv);
/* Index of the audit leaf of this call. Returns 1 and writes *ret, or 0. */
int childvault_leaf(const struct childvault *cv, uint64_t *ret);
/* The problem's kind, such as "not-permitted"; "" if the last call did not answer CHILDVAULT_PROBLEM. */
const char *childvault_problem(const struct childvault *cv);
/* Demo vaults only: the rule that refused; else "". */
const char *childvault_explain(const struct childvault *cv);
/* A short English sentence for the last failure, without any value. Never NULL. */
const char *childvault_message(const struct childvault *cv);

#ifdef __cplusplus
}
#endif

#endif

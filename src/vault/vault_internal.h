/* What the files of vault share. */
#ifndef CV_VAULT_INTERNAL_H
#define CV_VAULT_INTERNAL_H

#include "audit/audit.h"
#include "base/buf.h"
#include "base/error.h"
#include "crypto/crypto.h"
#include "format/head.h"
#include "format/hist.h"
#include "format/leaf.h"
#include "format/row.h"
#include "keys/record.h"
#include "keys/shred.h"
#include "model/model.h"
#include "store/store.h"
#include "vault/vault.h"

#define VAULT_ERRORS 32		/* field errors named in one answer */
#define VAULT_MERGES 64		/* records a turn merges at most; the rest waits for their next reader */
#define VAULT_OPENED 256	/* sessions that one turn opens at most */
#define VAULT_RECENT 65536u	/* leaves whose child is remembered, a power of two */
#define VAULT_MARKS 64	/* members whose suspended mark or days one turn changes at most */
#define STATE_EVERY 4096u	/* leaves after which one names the state again, changed or not */
#define STATE_REACH 65536u	/* leaves looked back for one */
#define VAULT_IDEM_MS (24u * 3600 * 1000)

/* Values of one class on their way into or out of a row: ascending field, one value each. */
struct content_item {
	uint16_t field;
	uint8_t type;
	uint16_t length, padded;
	size_t at;			/* offset in bytes */
	struct provenance provenance;
};
struct content {
	unsigned n;
	struct content_item item[ROW_ENTRIES];
	struct buf bytes;
	struct provenance removed;	/* of the newest value that was taken away; written_ms 0: none was */
};

struct counters {
	uint64_t next_serial;
	uint32_t next_slot;
	uint32_t next_change;
};

/* State that a rollback puts back: kept twice, for the request and for the turn. */
struct vault_saved {
	bool valid;
	bool has_tables;		/* tables was saved before it changed */
	struct lthash state, tables;
	uint64_t elements;
	struct counters counters;
};

struct field_error {
	struct wire_text field;
	unsigned problem;
	const char *expected;
};

struct vault_call {
	struct vault_caller who;
	struct wire_envelope env;
	const uint8_t *body;
	size_t body_n;
	uint64_t now_ms, mono_ms;
	int32_t today;
	struct session *session;	/* NULL without one */
	const struct principal *principal;
	struct policy_subject subject;
	struct buf *out;
	size_t out_at;			/* where this answer begins in out */
	unsigned problem;
	enum decision_reason rule;	/* the reason of docs/POLICY.md that decided, for the leaf; it may stand beside an answer */
	/* Refused beside an answer that must not tell it, of hidden classes: a leaf of a refusal goes before the call's own. */
	enum decision_reason hidden_rule;
	uint8_t hidden_bitmap[LEAF_FIELDS_MAX / 8];	/* its fields */
	char explanation[200];
	bool has_etag;
	uint8_t etag[16];		/* current version, for 412 */
	unsigned errors;
	struct field_error error[VAULT_ERRORS];
	uint32_t retry_after_s;
	bool no_leaf;			/* done without a leaf: checkpoint, hash tiles, hello */
	bool opened;			/* the call itself opened its session */
	bool has_child;
	bool mutating;
	bool named;			/* its leaf names the state */
	uint64_t serial;		/* of the child */
	uint8_t log_key[32];
	uint8_t kind;			/* leaf kind if done */
	struct leaf_detail detail;
};

struct merge_job {
	uint8_t record[16];
	struct session *session;	/* lives: merges_forget comes before session_close */
};

/* One requested field and what becomes of it. */
struct wanted {
	const struct policy_field *field;
	struct read_decision decision;	/* its reason is that of the first check that failed, also one of the record */
	/* To be answered; no role allows it, but a grant may; refused; answered; the record has no such value. */
	enum { WANTED_OPEN, WANTED_GRANT, WANTED_REFUSED, WANTED_ANSWERED, WANTED_ABSENT } status;
	uint8_t approval[16];		/* the assignment, grant or export by which it is read; zeros: none */
	bool granted;			/* it is a grant */
	bool stale;			/* of an answered value: overdue, or computed from what has changed since */
	struct provenance provenance;	/* of an answered value */
};

/* The stored rows of one record as one scan found them, in key order. Valid until the next put. */
#define RECORD_ROWS 160
#define RECORD_ALL UINT32_MAX		/* no class key is so high */
struct record_rows {
	unsigned n;
	uint32_t last;			/* class key of the last class row that was to be found; RECORD_ALL: drops as well */
	bool whole;			/* all of them are here */
	struct {
		uint8_t kind;
		uint32_t class_key, drop_version;
		struct store_value value;
	} row[RECORD_ROWS];
};
/* The entries of one record's keys row, checked and taken apart once. Valid as long as the row stands where it stood. */
struct record_keys {
	unsigned n;
	bool whole;			/* all of them are here */
	struct wrap wrap[RECORD_ROWS];
};
/* The data key of a class row or, with generation 0, of a drop. Wiped by who asked for it. */
struct row_key {
	struct datakey dk;
	uint32_t generation;
	uint32_t birth;			/* epoch */
};
/* Rows of HIST that were looked up for one record. Valid until the next put. */
#define RECORD_CHANGES 4
struct record_changes {
	unsigned n, next;		/* how many there are, and whose place the next one takes */
	struct {
		uint32_t change;
		struct store_value value;
	} of[RECORD_CHANGES];
};

/*
 * A record opened for one request. rows is NULL when the request writes. keys_row lives in the store until the next put, or in a buffer
 * of v; keys is v->keys_of if that row is taken apart there, else NULL. changes is v->changes_of as long as nothing is put, else NULL.
 */
struct record {
	uint64_t serial;
	struct head head;
	const struct record_rows *rows;
	const uint8_t *keys_row;
	size_t keys_row_n;
	const struct record_keys *keys;
	struct record_changes *changes;
	bool keys_changed;		/* the keys row is another one than the stored one */
	bool creating;			/* its first rows are being written, which v->change collects for their digest */
	uint32_t change;		/* under way: its rows stand in v->change; 0: none has been written yet */
	uint8_t nonce[ROW_NONCE];	/* N of the rows that it writes, FORMAT.md 4.1 */
};

/* One blind index: the epoch that answers, 0: none yet; the one being made, 0: none; and the greatest that was ever made. */
struct index_state {
	uint16_t id;
	uint32_t epoch, making, last;
};

struct vault {
	char *dir;
	int dirfd;
	enum vault_state state;
	bool demo, pending, production;	/* flags of the META row `vault` */
	uint8_t id[16];
	uint64_t created_ms;
	uint32_t epochs;		/* of the log's daily keys, as committed to */
	uint32_t confirmed_day;		/* what the operator says the day is, for the next unsealing; 0: nothing */
	uint8_t genesis_hash[32];
	struct genesis_admin admin[GENESIS_ADMINS_MAX];	/* of leaf 0 */
	uint8_t admins;
	char origin[256];

	struct store *store;
	struct keys *keys;
	struct audit *audit;
	struct policy *policy;
	struct buf policy_doc;
	uint8_t policy_digest[32];
	struct cosigned *cosigned;	/* NULL while sealed */
	bool has_cosigned_of;		/* it was made for the policy of this digest: */
	uint8_t cosigned_of[32];

	struct lthash lthash;
	struct lthash tables;		/* of directory and governance alone: computed anew at every start */
	bool has_tables_digest;		/* tables_digest is that of tables */
	uint8_t tables_digest[32];
	uint64_t elements;
	struct counters counters;
	unsigned indexes;
	struct index_state index[POLICY_INDEXES];	/* ascending id; jobs alone change them, which save and undo them */
	uint64_t twin;			/* of the request's write: another record with the same unique value, 0: none */
	const struct policy_index *twin_index;
	struct vault_saved turn_saved, call_saved;
	bool state_dirty, tables_dirty, counters_dirty;
	uint64_t state_leaf;		/* newest leaf that names the state */
	bool more_follow;		/* another call of the open turn follows the one under way, as far as is known */
	bool unnamed;			/* no leaf of the open turn names yet what its calls made of the state */

	struct gov *gov;		/* gov.h; NULL while sealed */
	struct list *list;		/* list.h; NULL while sealed */
	struct jobs *jobs;		/* jobs.h; NULL while sealed */
	struct vault_call call;		/* one request at a time */
	struct session *ending;		/* closed by its own request, once the leaf is built */
	unsigned turn_calls;		/* calls of the open turn that ended */
	uint64_t asked_us;		/* when the last turn with calls ended, monotonic */
	uint64_t turn_counts[PROBLEM_COUNT];	/* their answers; they join counts when the turn is durable */
	uint64_t durable_records;	/* records without the open turn's */
	unsigned opened;		/* sessions that the open turn opened: closed again if it fails */
	struct session *open[VAULT_OPENED];
	uint8_t mark[VAULT_MARKS][16];	/* members whose suspended mark or days the open turn changed */
	unsigned marks_n, marks_committed;	/* those below committed joined the turn */
	struct merge_job merge[VAULT_MERGES];
	unsigned merges;
	struct {
		uint64_t index, serial;
	} recent[VAULT_RECENT];		/* index & (VAULT_RECENT - 1) */
	uint8_t idem_cursor[18];	/* last idempotency row the sweep saw */
	uint64_t next_idem_ms;
	uint32_t failures;		/* failed session openings that no durable leaf counts yet */
	uint64_t first_failure_ms, last_failure_ms;
	uint64_t counts[PROBLEM_COUNT];	/* answers by problem, for metrics */
	bool log_stuck;			/* the log's turn cannot begin */
	bool directory_due;		/* the directory in memory is older than the durable one: no turn begins until it is loaded */
	bool told_failed;		/* the operator was told that the store failed for good */
	bool full;			/* a change found no room, and none has since */
	bool refused_full;		/* that happened in the open turn */
	bool epochs_changed;		/* a durable turn changed the directory: sessions that are behind end with the next one */
	bool put_off;			/* the turn before had no room for a request that comes again now */
	uint64_t next_room_ms;		/* when room may be made again */

	/* Scratch, wiped after each request. */
	struct content content, view_content;
	struct wanted wanted[POLICY_FIELDS];
	struct record_rows rows;
	struct record_keys keys_of;
	struct record_changes changes_of;
	struct row_view row;
	struct buf scratch, seal, row_out, keys_row, old_keys, change;
};

/* vault.c: of a vault that is ready, whether neither its store nor its log failed for good: what EIO ends, only a start begins again. */
bool vault_healthy(const struct vault *v);
/* vault.c: a vault with empty keys and buffers on dir, no store yet. Freed by vault_close. */
int vault_alloc(const char *dir, struct vault **ret_vault);

/* ---- genesis.c, genesis_finish.c: what genesis and the unsealing that ends it write alike --------------------------------- */

/* What a leaf of kind 34 is about: first byte of its body, FORMAT.md 9. */
enum keys_leaf { KEYS_SHARE_SHOWN = 1, KEYS_SLOT_PUT = 2, KEYS_SPLIT_ALLOWED = 3 };

#define RESULT_GENESIS 1	/* what a leaf of kind 11 is the result of */
/* Put the META row `vault`; scratch is overwritten. */
int genesis_vault_row(struct vault *v, uint8_t flags, struct buf *scratch);
/* Add the leaf of the n signatures over leaf 0; scratch is overwritten. */
int genesis_signed_leaf(struct vault *v, const struct genesis_signature *list, unsigned n, bool names_state, uint64_t now_ms,
    struct buf *scratch);
/*
 * In a pending vault, with log, journal and state loaded and leaf 0 checked: take the signatures that lie in the folder. 0: it is pending
 * no more; CV_ERR_DENIED: fewer than two different persons signed, nothing was written; else why a row or file cannot be read or written.
 */
int genesis_finish(struct vault *v, const uint8_t *leaf, size_t n);
/* Remove the request and the signatures from the folder, once they are in the vault. */
void genesis_tidy(struct vault *v, const struct genesis_body *b);

/* ---- state.c: what every change passes through ------------------------------------------------------------------- */

/* Save the state before the request's first change, so that vault_undo can put it back. */
void vault_save(struct vault *v);
void vault_undo(struct vault *v, struct vault_saved *from);
/* Put or delete a row that the state hash covers (DIR, GOV, heads and keys rows of REC). 0 or the store's error. */
int vault_put_hashed(struct vault *v, enum store_table t, const void *key, size_t key_n, const void *val, size_t val_n);
int vault_del_hashed(struct vault *v, enum store_table t, const void *key, size_t key_n);
/* Rows of REC that the request put with store_put in place of others: what that changes of the state hash, computed elsewhere. */
void vault_join_hash(struct vault *v, const struct lthash *change);
/* Read META values sealed under K_row; the plaintext replaces what ret holds. */
int vault_meta_get(struct vault *v, const char *name, struct buf *ret);
int vault_meta_put(struct vault *v, const char *name, const void *p, size_t n);
/* Put state and counters if they changed, as the last puts of the block. */
int vault_put_state(struct vault *v);
int vault_load_state(struct vault *v);
/* Hold the state row against the newest leaf that names a state. 0, CV_ERR_REPLAY, or why a leaf cannot be read. */
int vault_check_state(struct vault *v);
/*
 * Hold every row of the directory and of governance, idempotency rows aside, against the hash of these tables: CV_ERR_REPLAY if one was
 * changed, put back from an earlier day, added or taken away, whatever it says and whether or not it opens.
 */
int vault_check_tables(struct vault *v);
/* Hold the counters against the last record: CV_ERR_REPLAY if they would give its serial or shred slot once more. */
int vault_check_counters(struct vault *v);

/* ---- call.c -------------------------------------------------------------------------------------------------------- */

/* Set problem and, in demo vaults, its explanation; returns problem. */
unsigned call_refuse(struct vault_call *c, unsigned problem, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/*
 * Refuse for a reason of docs/POLICY.md section 1: sets rule, its problem, and as explanation the reason's words with the formatted
 * detail in front ("" for none). Returns the problem.
 */
unsigned call_decline(struct vault_call *c, enum decision_reason why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The problem kind that an access refused for the reason answers. */
unsigned decision_problem(enum decision_reason why);
/* The problem that stands for an error code inside. */
unsigned call_failed(struct vault_call *c, int r);
/* Name one field's error; the first VAULT_ERRORS stand in the answer. */
void call_field_error(struct vault_call *c, struct wire_text field, unsigned problem, const char *expected);
/* Check session, purpose and, if reveal, reason; fill subject and detail. 0 or a problem. */
unsigned call_purpose(struct vault *v, struct vault_call *c, bool reveal);
/* The auditor's role among the session's, or NULL. */
const struct policy_role *call_auditor(struct vault *v, const struct vault_call *c);
/* The call is about this child: its log key seals body B. */
void call_child(struct vault_call *c, const struct record *r);
/* Mark field f in the leaf's bitmap. */
void call_mark_field(struct vault *v, struct vault_call *c, const struct policy_field *f);
/* A leaf of the vault itself, with a clear body; names_state: it changes the state, or vouches for it. 0 or an error. */
int vault_system_leaf(struct vault *v, uint8_t kind, const uint8_t *body, size_t n, bool names_state, uint64_t now_ms);

/* ---- record.c: reading and writing one record's rows ------------------------------------------------------------------ */

/*
 * Find and open a record by its id. With all, its rows are looked up once, together: for a request that puts nothing. 0,
 * CV_ERR_NOTFOUND, or why it does not open.
 */
int record_load(struct vault *v, const uint8_t id[16], bool all, struct record *ret);
/*
 * The same for a request that reads some classes: the class rows up to that of class key last are looked up with the head, all other rows
 * one by one as they are asked for. 0: so are all. RECORD_ALL: none is.
 */
int record_load_upto(struct vault *v, const uint8_t id[16], uint32_t last, struct record *ret);
/* One stored row of the record. 0, CV_ERR_AUTH (head names it, but it is not there), or the store's error. */
int record_stored(struct vault *v, const struct record *r, enum rec_kind kind, uint32_t class_key, uint32_t drop_version,
    struct store_value *ret);
/* The current row of hc, which has one, where the change that wrote it put it. 0, CV_ERR_AUTH, CV_ERR_FORMAT, or the store's error. */
int record_row_stored(struct vault *v, const struct record *r, const struct head_class *hc, struct store_value *ret);
/*
 * Data key of a class row (drop_version 0) or drop; of a row also from a grant of the caller. CV_ERR_NOKEY when neither the session nor a
 * grant opens it, also for want of the epoch: the session was opened before a rekey. CV_ERR_AUTH: a session that holds the class's newest
 * epoch does not open it.
 */
int record_class_key(struct vault *v, const struct vault_call *c, const struct record *r, uint32_t class_key, uint32_t generation,
    uint32_t drop_version, struct datakey *ret, uint32_t *ret_birth, uint8_t *ret_type);
/* Open the current row of hc into v->row. CV_ERR_NOTFOUND: there is none. */
int record_open_row(struct vault *v, const struct vault_call *c, const struct record *r, const struct head_class *hc);
/* The same for one of its unmerged drops. */
int record_open_drop(struct vault *v, const struct vault_call *c, const struct record *r, const struct head_class *hc,
    uint32_t drop_version);
/*
 * The data key of the current row of hc, which is opened to see that it is its key: one that is derived from a changed keys row would be
 * another. As record_open_row; *ret is wiped by the caller.
 */
int record_row_key(struct vault *v, const struct vault_call *c, const struct record *r, const struct head_class *hc, struct row_key *ret);
/* Whether the record lies in the caller's area as far as the role asks for it; role NULL: as far as any of their acting roles does. */
bool record_in_area(struct vault *v, const struct vault_call *c, const struct record *r, const struct policy_role *role);
/* Fill content with the row of hc and its drops, folded. *ret_key, if it is not NULL, is set to the row's if there is one. */
int record_load_content(struct vault *v, const struct vault_call *c, const struct record *r, const struct head_class *hc,
    struct content *ret, struct row_key *ret_key);
/* Move the keys row to b, where puts do not touch it, and take it apart. 0, CV_ERR_NOMEM, CV_ERR_FORMAT. */
int record_keep_keys(struct vault *v, struct record *r, struct buf *b);
/* ETag over the classes that the caller's keys, roles and purpose open. */
void record_etag(struct vault *v, const struct vault_call *c, const struct head *h, uint8_t ret[16]);
/* In two steps, for who asks twice: which classes of a head these are, a bit for each in its order, and the ETag over them. */
uint64_t record_readable(struct vault *v, const struct vault_call *c, const struct head *h);
void record_etag_of(struct vault *v, const struct head *h, uint64_t readable, uint8_t ret[16]);
/* Whether the caller can read class_key: a right of an active role that has the purpose, and its key in the session. */
bool record_can_read(struct vault *v, const struct vault_call *c, uint16_t class_id);
/* Look rows of HIST up once each from now on. Whoever puts something while r is open calls it again at once. */
void record_keep_changes(struct vault *v, struct record *r);
/* End the change under way; store head and, if it changed, the keys row in v->keys_row. */
int record_put_head(struct vault *v, struct record *r);
/* Whether a merge is due that this session can do; then it joins the turn's list. */
void record_want_merge(struct vault *v, const struct vault_call *c, const struct record *r);
/* Do the merges that this turn's readers made due, with one leaf. 0, or an error that fails the turn. */
int vault_run_merges(struct vault *v);
/* Forget the merges that s was to do. */
void merges_forget(struct vault *v, const struct session *s);

/* ---- vault.c --------------------------------------------------------------------------------------------------------- */

/* Steps of a start by which a copy's faults are told apart. */
#define START_NEWEST_STATE "store/, row state against the log"
#define START_COUNTERS "store/, row counters against the records"
#define START_TABLES "store/, directory and governance against the state"
/*
 * Open a copy of a vault as far as that goes without signing or writing a leaf; its journal is replayed. failed hears of each step that
 * did not hold, as it stands in FORMAT.md. *ret_whole: all is loaded that the rows can be held against. 0 or why the slot does not open.
 */
int vault_start_copy(struct vault *v, unsigned number, const uint8_t kek[32], void (*failed)(void *cookie, const char *part, int r),
    void *cookie, bool *ret_whole);

/* ---- epochs.c ------------------------------------------------------------------------------------------------------- */

/* How many daily keys the log has committed to. After shred_open. 0 or why the row does not open. */
int epochs_load(struct vault *v);
/* Close the days that have passed while the vault was sealed. 0; CV_ERR_STATE: too many for an operator not to confirm it; or an error. */
int epochs_start(struct vault *v);
/* Between turns: further daily keys, if they are about to run out. 0 or an error. */
int epochs_renew_due(struct vault *v);

/* ---- cursor.c ------------------------------------------------------------------------------------------------------ */

/* Open a caller's cursor, which is n bytes of plaintext, into ret. False: it is none of this vault's, or of another length. */
bool cursor_take(struct vault *v, const struct wire_text *t, uint8_t *ret, size_t n);
/* Append the cursor of n bytes as its text. 0, or why it cannot be sealed. */
int cursor_put(struct vault *v, const uint8_t *plain, size_t n, struct buf *out);

/* ---- turn.c --------------------------------------------------------------------------------------------------------- */

/* End the turn because r (not 0) kept its part of upkeep from being whole: nothing of it stands. */
void vault_turn_abort(struct vault *v, int r);
/* Cookie of vault_session_ended. */
struct session_end {
	struct vault *v;
	uint64_t now_ms;
};
/* A session_ended of keys: let the turn forget s and add its leaf, for a session that ends by itself or for another one. */
void vault_session_ended(void *cookie, struct session *s);

/* ---- content.c ------------------------------------------------------------------------------------------------------ */

void content_clear(struct content *x);
/*
 * Set (or, for VALUE_NULL with keep_null false, remove) one field's value. Who removed something stands in the sealed row too, so that
 * history can tell. 0, CV_ERR_LIMIT, CV_ERR_NOMEM.
 */
int content_set(struct content *x, uint16_t field, uint8_t type, const uint8_t *p, size_t n, uint16_t padded,
    const struct provenance *prov, bool keep_null);
/* Take over all cells of an opened row. */
int content_add_row(struct content *x, const struct row_view *row, bool keep_null, struct buf *scratch);
/* Seal into a stored row appended to ret. */
int content_seal(struct keys *k, const struct content *x, const struct datakey *dk, const struct row_place *at, struct buf *ret);
const struct content_item *content_find(const struct content *x, uint16_t field);

#endif

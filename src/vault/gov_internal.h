/* What the files of governance share. Core's thread. */
#ifndef CV_VAULT_GOV_INTERNAL_H
#define CV_VAULT_GOV_INTERNAL_H

#include "base/clock.h"
#include "format/directory.h"
#include "format/gov.h"
#include "keys/custody.h"
#include "vault/gov.h"

/* ---- gov.c: the table --------------------------------------------------------------------------------------------- */

/* An object as its row holds it; o points into plain. */
struct gov_held {
	size_t n;
	struct gov_object o;
	uint8_t plain[];
};
/* One object for as long as the vault is open; held changes with it. */
struct gov_entry {
	struct gov_held *held;
};
/*
 * Entries by a hash of ids that are random bytes; several may stand under one. Entries join at the end and leave from the end, so that an
 * undo only cuts.
 */
struct gov_node {
	uint64_t hash;
	struct gov_entry *entry;
	uint32_t next;		/* number of the next node of the bucket, 0 none */
};
struct gov_map {
	uint32_t n, cap, buckets;	/* buckets: a power of two, or 0 */
	struct gov_node *node;
	uint32_t *bucket;
};
/* Before a change: what the entry held (NULL: it was not there), and how long the maps were. */
struct gov_undo {
	struct gov_entry *entry;
	struct gov_held *before;
	uint32_t ids, places, owners;
};
/* A policy that another one replaced in the open turn. */
struct gov_policy_undo {
	struct policy *policy;
	struct buf document;
	uint8_t digest[32];
	bool committed;		/* its request joined the turn */
};
/* A ceremony of custodians for a request; free: custody NULL. */
#define GOV_CEREMONIES 8u
struct gov_ceremony {
	struct custody *custody;
	unsigned bad;			/* custodians whose share did not fit, each once */
	uint8_t bad_by[DIR_SHARES_MAX][16];
};
struct gov {
	struct gov_entry **all;		/* in order of their making */
	size_t n, cap;
	struct gov_map ids;		/* type and id */
	struct gov_map places;		/* principal and record; record alone; principal alone: any record */
	struct gov_map owners;		/* type and principal */
	struct gov_undo *undo;
	size_t undos, undo_cap, committed;	/* undos below committed joined the turn */
	struct gov_policy_undo *policies;
	size_t policy_undos;
	size_t sweep;			/* next entry that gov_tick looks at */
	uint64_t next_sweep_ms;
	struct gov_ceremony ceremony[GOV_CEREMONIES];
	bool changing, directory_changed;	/* the open request put directory rows; one of the open turn did */
	bool auditors_changed;		/* an auditor joined, or published keys */
	struct buf shares;		/* a custodian's own rows on their way into an answer */
	struct buf plain, list;		/* scratch: a plaintext on its way, a list that goes into one */
};

/* The intake of a record that waits, or NULL. */
struct gov_entry *gov_intake_of(struct vault *v, const uint8_t record[16]);
/* Find the object of a type, or NULL. */
struct gov_entry *gov_find(struct vault *v, uint16_t type, const uint8_t id[16]);
/*
 * Walk the objects of one type whose principal is this one, or the assignments and grants of a record (or, with principal, of both;
 * record NULL: assignments of this principal to any record), newest first: begin with *at = 0, NULL at the end.
 */
struct gov_entry *gov_next_of(struct vault *v, uint16_t type, const uint8_t principal[16], uint32_t *at);
struct gov_entry *gov_next_at(struct vault *v, const uint8_t *principal, const uint8_t *record, uint32_t *at);
/*
 * Store *o as the row of e, or as a new object (e NULL), and hold it; joins the open request. o may point into what e holds. The call's
 * leaf will name the state. 0, or an error, after which the request is to be rolled back.
 */
int gov_store(struct vault *v, struct gov_entry *e, const struct gov_object *o);

static inline bool id_is_zero(const uint8_t id[16])
{
	static const uint8_t zeros[16];

	return memcmp(id, zeros, 16) == 0;
}
static inline bool ids_equal(const uint8_t a[16], const uint8_t b[16]) { return memcmp(a, b, 16) == 0; }
/* Whether its last day is over on day today (days since 1970-01-01). */
static inline bool gov_over(const struct gov_object *o, int32_t today) { return o->prefix.due_day <= (uint32_t)today; }
/* Its state on that day: what holds or waits and has passed is expired, whether the row says so yet or not. */
enum gov_state gov_state_on(const struct gov_object *o, int32_t today);
/*
 * The same as people see it: a grant whose keys are all of data keys that are not in use any more is dead. 0, or why its record does not
 * open.
 */
int gov_state_seen(struct vault *v, const struct gov_object *o, int32_t today, enum gov_state *ret);

/* gov_months.c. Whether each list of month keys is signed by its auditor: 0 or CV_ERR_AUTH. The directory is loaded. */
int gov_months_check(struct vault *v);

/* ---- gov_budget.c -------------------------------------------------------------------------------------------------- */

/* Whether a field may stand in an export: its class is neither of level 5 nor hidden. */
bool gov_exportable(const struct vault *v, const struct policy_field *f);

/* ---- gov_who.c: persons, areas, who may decide --------------------------------------------------------------------- */

/* Whether two principals are one natural person. An unknown principal is nobody but itself. */
bool gov_same_person(struct vault *v, const uint8_t a[16], const uint8_t b[16]);
/* Position of a purpose in the policy by its id, or -1. */
int gov_purpose_position(const struct vault *v, uint16_t id);
/* Whether the principal may act now and holds, beside its session, roles that act for each of the purposes (u16 ids). */
bool gov_grantee_fits(struct vault *v, const struct vault_call *c, const uint8_t principal[16], const struct gov_bytes *purposes);

/* Whether the record lies in the area, or below it. */
bool gov_area_under(const struct vault_call *c, const struct record *r, const struct gov_bytes *area);

/* The area in which a person works; empty: the whole vault, or nobody whom the directory knows. */
struct gov_bytes gov_area_of(struct vault *v, const uint8_t principal[16]);

/* What somebody wants to decide. */
struct gov_ask {
	uint8_t act;			/* ACT_*; 0: a grant of fields */
	const struct gov_bytes *purposes, *fields;
	const struct record *record;	/* whose area is to be fitted; NULL: none */
	const struct gov_bytes *area;	/* without a record, the area for which it is: whole; NULL: none is asked */
	const uint8_t *grantee;		/* who gains by it */
	const uint8_t *asker;		/* who asked for it; NULL: nobody did */
};
/* By what it may be decided. */
struct gov_authority {
	uint16_t role;
	uint8_t delegation[16];		/* zeros: the caller's own role */
};
/* POLICY.md checks 11, 21, 22, 24 and 25 for the caller: own roles first, then the live delegations to them. */
enum decision_reason gov_authority(struct vault *v, const struct vault_call *c, const struct gov_ask *ask, struct gov_authority *ret);
/*
 * POLICY.md check 23: whether in this record the caller, or who delegated to them, was given access by the grantee before.
 */
bool gov_mutual(struct vault *v, const struct vault_call *c, const uint8_t record[16], const struct gov_authority *a,
    const uint8_t grantee[16]);
/* The same for a request as it stands, self-approval first; loads its record if it has one. 0, or a store's error. */
int gov_may_decide(struct vault *v, const struct vault_call *c, const struct gov_object *o, struct gov_authority *ret,
    enum decision_reason *ret_reason);

/* ---- gov_call.c: what the calls share ------------------------------------------------------------------------------------ */

/* Begin a governance call: role, case and reason of its leaf. 0 or a problem. */
unsigned gov_begin(struct vault *v, struct vault_call *c);

/*
 * The leaf of a call about object o: its id as approval, its purpose, fields and count, and text as reason if it has one. A call about one
 * child is given its record by call_child.
 */
void gov_detail(struct vault *v, struct vault_call *c, uint8_t kind, const struct gov_object *o, const struct gov_bytes *text);
/* The caller's authority stands in the leaf: its role and department. */
void gov_detail_role(struct vault *v, struct vault_call *c, const struct gov_authority *a);
/* Append an object as an answer shows it; answer with it. whole: with an operation's document too. */
void gov_put(struct vault *v, enum gov_state state, const struct gov_object *o, bool whole, struct buf *out);
void gov_answer(struct vault *v, struct vault_call *c, const struct gov_object *o, bool whole);
/* Open the head of the object's child for the leaf. 0 or an error; a child that is gone is CV_ERR_AUTH. */
int gov_child(struct vault *v, struct vault_call *c, const struct gov_object *o);

/* ---- gov_input.c: members of a body ------------------------------------------------------------------------------------ */

enum gov_member {
	MEMBER_KIND, MEMBER_PRINCIPAL, MEMBER_RECORD, MEMBER_RECORDS, MEMBER_COUNT, MEMBER_PURPOSES, MEMBER_PURPOSE, MEMBER_FIELDS,
	MEMBER_UNTIL, MEMBER_LEVEL, MEMBER_NOTE, MEMBER_REASON, MEMBER_READS, MEMBER_AREA, MEMBER_STATE, MEMBER_DOCUMENT,
	MEMBER_SIGNATURE, MEMBER_PUBLIC, MEMBER_ROLES, MEMBER_NAME, MEMBER_DEPARTMENT, MEMBER_POST, MEMBER_VETTED, MEMBER_PERSON,
	MEMBER_AS, MEMBER_ENDS, MEMBER_SHARES, MEMBER_DUTY, MEMBER_ROLE_SET, MEMBER_WITHOUT, MEMBER_REMOVED, MEMBER_NEW_CLASSES,
	MEMBER_CLASSES, MEMBER_THRESHOLD, MEMBER_HOLDERS, MEMBER_MONTH, MEMBER_SIZE, MEMBER_ROOT, MEMBER_DIGEST, MEMBER_RESULTS,
	MEMBER_FROM, MEMBER_MONTH_KEYS, MEMBER_MADE, MEMBER_SIGNED, MEMBERS
};
#define MEMBER(m) ((uint64_t)1 << (m))
/* The members of one body; value.p is NULL for those that did not come. Points into the message. */
struct gov_input {
	struct wire_value value[MEMBERS];
};
/* Take a body apart: must and may are sets of MEMBER(). Every fault is named; 0 or a problem. */
unsigned gov_input_take(struct vault_call *c, struct wire_list fields, uint64_t must, uint64_t may, struct gov_input *ret);
/* Which request a body is for, by its member kind; 0: it is wrong, and said so. */
enum gov_kind gov_input_kind(struct vault_call *c, struct wire_list fields);

/* An object in the making: its lists stand in the struct. One at a time; wiped by gov_draft_end. */
struct gov_draft {
	struct gov_object o;
	uint8_t purposes[2 * GOV_PURPOSES_MAX], fields[2 * GOV_FIELDS_MAX], records[16 * GOV_RECORDS_MAX];
	struct buf document, keys;
	int error;	/* of the store, while a member was looked up */
};
struct gov_draft *gov_draft_begin(const struct vault_call *c, enum gov_type type, enum gov_state state);
void gov_draft_end(struct gov_draft *d);
/* Put the members that came into the draft, each fault named; days: how far ahead until may lie. 0 or a problem. */
unsigned gov_draft_fill(struct vault *v, struct vault_call *c, const struct gov_input *in, int32_t days, struct gov_draft *d);
/* n bytes of a base64 member that is m, exactly; false: said so. */
bool gov_input_bytes(struct vault_call *c, enum gov_member m, const struct wire_value *value, uint8_t *ret, size_t n);
/* Say that a member is missing or out of its range; a purpose, a date as days since 1970-01-01. False: it is none. */
void gov_input_fault(struct vault_call *c, enum gov_member m);
bool gov_input_date(const struct wire_value *value, int32_t *ret);
/* Sort n elements of unit bytes, big-endian numbers of 2 or 4 bytes or ids; false: two are equal. */
bool gov_input_sort(uint8_t *p, size_t n, size_t unit);

/* ---- gov_operation*.c, gov_custody.c: what two administrators sign, FORMAT.md 5.5 ----------------------------------------- */

struct operation_reading;

#define GOV_SPLIT_ANY 255u	/* of a split: the slot that admin.sock's operation 8 chooses */

/* gov_operation.c. Read the document of a request. 0 or CV_ERR_FORMAT, also if it has none any more. */
int gov_operation_read(const struct gov_object *o, struct operation_reading *ret);
/*
 * POLICY.md checks 21, 22 and 27: whether the caller may take the next part that is not the asker's: sign as the other administrator,
 * or bring shares as a custodian.
 */
enum decision_reason gov_operation_part(struct vault *v, const struct vault_call *c, const struct gov_object *o);
/* Whether another change of the directory came first: the operation can only be proposed anew. */
bool gov_operation_superseded(struct vault *v, const struct operation_reading *r);
/* Whether the next step waits for the caller, first signature and shares that they have not given yet among it. */
enum decision_reason gov_operation_next(struct vault *v, const struct vault_call *c, const struct gov_object *o);
/* Whether shares may still be brought for the request: it waits, or what it began wants its keys again. */
bool gov_operation_gathers(struct vault *v, const struct gov_object *o);
/* Whether the operation is about this natural person, who then has no part in it. */
bool gov_operation_concerns(struct vault *v, const struct operation_reading *r, const uint8_t person[16]);
/* Refuse a step for a reason, or with a conflict, in words that the answer carries in every vault. Returns the problem. */
unsigned gov_operation_refuse(struct vault_call *c, enum decision_reason why);
unsigned gov_operation_conflict(struct vault_call *c, const char *expected);
/* Whether it is this vault's, in its time, on this log and the next in its order: DECIDE_YES, or reason 28 to 31. */
enum decision_reason gov_operation_fresh(struct vault *v, const struct vault_call *c, const struct operation_reading *r);
/* Whether the signatures that the request has so far are of its document, each by who is said to have signed. */
bool gov_operation_signatures(struct vault *v, const struct gov_object *o, const struct operation_reading *r);
/* Fresh, and whether the vault as it is now may become what the operation makes of it. 0 or a problem, refused. */
unsigned gov_operation_check(struct vault *v, struct vault_call *c, const struct operation_reading *r);

/* gov_operation_rules.c: what an operation would make of the vault. Principals who are gone by it: n ids. */
struct gov_gone {
	const uint8_t (*ids)[16];
	unsigned n;
};
/* Whom the operation removes for good. */
struct gov_gone gov_rules_gone(const struct operation_reading *r);
/* Whether the rules of separation hold with what the operation adds and without whom it removes. Out of memory is no. */
bool gov_rules_separate(struct vault *v, const struct operation_reading *r);
/*
 * Whether two enabled administrators of different persons are left: fewer could never restore anybody. The second asks only where an
 * administrator goes.
 */
bool gov_rules_two(struct vault *v, const struct gov_gone *gone, uint64_t now_ms);
bool gov_rules_administrators(struct vault *v, const struct gov_gone *gone, uint64_t now_ms);
/*
 * Whether every role whose key custodians share, but for n roles that get new shares, keeps as many enabled ones of different persons as
 * it needs. 0 or why the rows cannot be read.
 */
int gov_rules_custodians(struct vault *v, const struct gov_gone *gone, const struct custody_role *except, unsigned n, uint64_t now_ms,
    bool *ret);
/* Whether a role of the principal opens a class; whether somebody who was removed for good may still have the role's key. */
bool gov_rules_holds_class(const struct vault *v, const uint8_t principal[16]);
bool gov_rules_leaked(const struct vault *v, uint16_t role);
/* Whether somebody who would get a key by the operation's facts may not act any more, or is gone. */
bool gov_rules_stale(const struct vault *v, const struct operation_reading *r);

/* gov_operation_do.c. Carry out what was signed, in the open request: *o becomes approved. custody NULL: no keys take part. A problem. */
unsigned gov_operation_execute(struct vault *v, struct vault_call *c, const struct operation_reading *r, const struct custody *custody,
    struct gov_object *o);
/* The request's change of the directory joins the turn, or is forgotten; the turn is over. */
void gov_operation_commit(struct vault *v);
void gov_operation_rollback(struct vault *v);
void gov_operation_turn_done(struct vault *v, bool durable);

/* gov_custody.c. The ceremony of a request, or NULL. */
struct gov_ceremony *gov_ceremony_of(struct vault *v, const uint8_t request[16]);
/* End the ceremonies whose time is over (now_ms, monotonic; 0: it is not asked) or whose request waits no more; all: every one. */
void gov_ceremonies_sweep(struct vault *v, uint64_t now_ms, bool all);

/* ---- gov_policy.c: one document for another --------------------------------------------------------------------------- */

/* Decode a document and hold it against the policy in force and the directory: static text of what is wrong, or NULL with *ret. */
const char *gov_policy_fault(struct vault *v, const uint8_t *p, size_t n, struct policy **ret);
/*
 * Bring the document of a request into force, with the leaf that says so; signatures: of both administrators. new is its decoded form,
 * taken over whatever this returns. 0 or an error, after which the request is to be rolled back.
 */
int gov_policy_apply(struct vault *v, struct vault_call *c, const struct gov_object *o, const struct operation_reading *r,
    struct policy *new);
/* The open request's change of policy joins the turn; is taken back (all: the whole turn's); is final. */
void gov_policy_commit(struct vault *v);
void gov_policy_rollback(struct vault *v, bool all);
void gov_policy_done(struct vault *v);

#endif

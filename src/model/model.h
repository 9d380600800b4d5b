/*
 * The policy document in memory: fields, classes, roles, purposes, views; validators, view operators, decisions.
 * Pure: no I/O, no keys, no clock but what is passed. docs/FORMAT.md section 11.
 *
 * struct policy is immutable after policy_decode and may be read by any thread. The engine knows no field name: all
 * names come from the document.
 */
#ifndef CV_MODEL_MODEL_H
#define CV_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/row.h"

struct buf;

#define POLICY_DOCUMENT_MAX (256u * 1024)
#define POLICY_MAGIC "CVPD\2\1"	/* how a document begins: magic, format, suite */
#define POLICY_MAGIC_BYTES 6
#define POLICY_FIELDS 512
#define POLICY_CLASSES 64	/* source and view classes together */
#define POLICY_ROLES 128
#define POLICY_ROLE_ID_MAX 0x7FFFu	/* ids above are personal roles, FORMAT.md 5.2 */
#define POLICY_PURPOSES 64
#define POLICY_DEPARTMENTS 64
#define POLICY_VIEWS 8		/* views of one field */
#define POLICY_MEMBERS 32	/* members of a group */
#define POLICY_CODES 1024	/* codes of one list */
#define POLICY_CODE_MAX 64	/* bytes of a code */
#define POLICY_STANDARD_MAX 10000000000000u	/* fen, as of an amount */
#define POLICY_STANDING_GOOD "active"	/* the one code of a guardian who is to be answered */
#define POLICY_EXCEPTS (POLICY_FIELDS * (POLICY_VIEWS + 1))	/* of one role: each field in each class that answers it */
#define POLICY_INDEXES 8	/* as many as the keyring has keys for */
#define POLICY_INDEX_FIELDS 2u
#define POLICY_INDEX_BITS 32u	/* the longest token of a bucket index */
#define POLICY_WITNESSES 16	/* of the log */
#define POLICY_FRESH_MINUTES 525600u	/* the oldest that a quorum of witnesses may be asked to be */
#define POLICY_BULK_HOURS 8760u	/* the longest window of a budget */
#define POLICY_NAME_MAX 63	/* [a-z0-9][a-z0-9_-]* ; class names may hold one dot */

/* Rights of a role on a class. */
#define RIGHT_READ 1u		/* the class's fields in their least view */
#define RIGHT_REVEAL 2u		/* view=clear, with a reason */
#define RIGHT_WRITE 4u		/* write with read */
#define RIGHT_WRITE_ONLY 8u	/* drop: write without any read */
#define RIGHT_GRANT 16u		/* approve grants of the class's fields: holds the key, reads nothing by it */

/* What a role may do besides: docs/POLICY.md section 5. */
#define ACT_ASSIGN 1u		/* make assignments */
#define ACT_BULK 2u		/* approve bulk requests */
#define ACT_EXPORT 4u		/* approve exports */
#define ACT_JOB 8u		/* start jobs that rewrite views or predicates */
#define ACT_RECEIPT 16u		/* list who accessed a record, for its subject */
#define ACT_DEDUPE 32u		/* is told that a unique value stands in another record already */

/* View operators, DOMAIN rules m1 ... */
enum view_op {
	VIEW_M1_NAME = 1,
	VIEW_M1O_CALL_NAME,
	VIEW_M2_ID,
	VIEW_M3_PHONE,
	VIEW_M4_TOWNSHIP,
	VIEW_M4V_VILLAGE,
	VIEW_M5_YEAR,
	VIEW_M5B_BIRTH_QUARTER,
	VIEW_M6_ACCOUNT,
	VIEW_M7_DISABILITY,
	VIEW_M9_MONEY_BAND,
	VIEW_M10_STAGE,
	VIEW_M11_TAIL,
	VIEW_M13_QUARTER,
	VIEW_PRESENT,
	VIEW_PLAIN, /* a copy: one field of a class for a role that may not open the others */
	VIEW_COUNTY,		/* the first 6 digits of a division code */
	VIEW_COUNT,		/* how many items a list has */
	VIEW_GENERAL,		/* a code's group in its list, `general:` in the profile */
	VIEW_CONTACT		/* a group of name, phone and relation: m1, m3, plain, by its members' validators */
};
#define VIEW_OPS 21	/* one more than the largest */
/* Validators, DOMAIN section 6. */
enum validator {
	VALID_NONE = 0,
	VALID_V1_NAME = 1,
	VALID_V2_ID_TYPE,
	VALID_V3_ID_NO,
	VALID_V4_SEX,
	VALID_V5_BIRTH_DATE,
	VALID_V6_ETHNICITY,
	VALID_V7_BIRTH_CERT,
	VALID_V8_DIVISION,
	VALID_V9_PHONE,
	VALID_V10_RELATION,
	VALID_V11_DISABILITY_CERT,
	VALID_V12_DISABILITY,
	VALID_V13_STAGE,
	VALID_V14_STUDENT_NO,
	VALID_V15_ACCOUNT,
	VALID_V16_ORGANISATION,
	VALID_V17_PAST
};
#define VALIDATORS 18	/* one more than the largest */

struct policy;

/* What people read: a Chinese and an English label, never empty. */
struct policy_label {
	const char *zh, *en;
};
struct policy_code {
	const char *code;
	struct policy_label label;
	const char *general;	/* what VIEW_GENERAL shows; "": suppressed */
};
/* What values a field, an item of a list or a member of a group may take. */
struct policy_shape {
	uint8_t type;			/* VALUE_BOOL to VALUE_GROUP */
	uint16_t max_length;		/* bytes of the value */
	enum validator validator;
	unsigned code_count;		/* 0: no list */
	const struct policy_code *codes;	/* ascending by bytes */
	const struct policy_shape *item;	/* of a list, else NULL; never a list itself */
	unsigned member_count;		/* of a group, else 0 */
	const struct policy_member *members;	/* ascending by name; neither lists nor groups */
	uint64_t standard;		/* of a field of integers: the amount in fen that m9 compares with; 0: none */
};
struct policy_member {
	const char *name;
	struct policy_label label;
	struct policy_shape shape;
};

enum predicate_rule { PREDICATE_NONE = 0, PREDICATE_ALL_IN = 1, PREDICATE_ANY_IN = 2, PREDICATE_ANY_PRESENT = 3 };
#define PREDICATE_INPUTS 8u
/*
 * A field that a job computes from several fields of one class: all, or any, of the inputs hold one of the codes (of a list: some
 * item does), or any of them is there. Its value is a group {as_of date, value bool, version integer}: the class version
 * of the inputs' class that it was computed from.
 */
struct policy_predicate {
	enum predicate_rule rule;
	unsigned inputs;
	uint16_t input[PREDICATE_INPUTS];	/* field ids, ascending */
	unsigned code_count;
	const char *const *codes;	/* ascending by bytes */
};

struct policy_view {
	uint16_t class;		/* a view class of the field's class */
	enum view_op op;
};
struct policy_field {
	uint16_t id;		/* pinned, 1 to 0x3FFF */
	uint16_t class;		/* source class */
	const char *name;
	struct policy_label label;
	const char *about;	/* "": the subject of the file; else whose value it is, such as "guardian" */
	uint16_t owner;		/* department id */
	uint8_t type;		/* VALUE_* of the stored value: bool, integer, text, date, code, list, group */
	uint16_t max_length;	/* bytes of the stored value */
	uint16_t padded;	/* fixed padded length of coded values, 0: the rule for text */
	enum validator validator;
	struct policy_shape shape;	/* type, max_length and validator again, codes, items, members */
	uint16_t cadence_months;	/* to be confirmed at least so often; 0: no cadence */
	uint16_t retention_months;	/* after exit; 0: not fixed, 0xFFFF: for ever */
	bool is_area;		/* head's area comes from it */
	bool is_due;		/* head's due quarter comes from it */
	bool is_state;		/* head's state comes from it: a code whose list holds state names only */
	bool is_area_from;	/* the day from which a change of the area counts */
	bool is_standing;	/* whether a guardian is to get nothing: a code whose list has POLICY_STANDING_GOOD, and others */
	uint64_t purposes;	/* bit i = purpose at position i */
	uint64_t delegates;	/* bit i = department at position i: writes in the owner's name */
	uint64_t collects;	/* the same: hands the value in when the file is opened, and only then */
	enum view_op notice;	/* what a public notice may show of it; 0: nothing */
	enum view_op statistics;	/* what a table may count by; 0: nothing */
	const char *fold_code, *fold_as;	/* both "": none. A list's code that is stored as another ... */
	uint16_t fold_into;		/* ... while this list field, of another class, takes it */
	struct policy_predicate predicate;	/* rule 0: an ordinary field */
	unsigned views;
	struct policy_view view[POLICY_VIEWS];	/* least first */
};
/* A blind index, DESIGN section 6: what is looked for is a keyed token of the values, docs/FORMAT.md 4.7. */
enum index_form {
	INDEX_EXACT = 1,	/* one identifying number, the whole token */
	INDEX_BUCKET		/* a name and a date together, a token so short that many records share it */
};
struct policy_index {
	uint16_t id;		/* pinned, 1 to POLICY_INDEXES: says which keys of the keyring are its */
	const char *name;
	struct policy_label label;
	enum index_form form;
	bool unique;		/* no two records hold the same value; exact only */
	uint8_t bits;		/* kept of a bucket's token, 1 to POLICY_INDEX_BITS; 0: all */
	unsigned fields;	/* exact 1, bucket 2: the name, then the date; all of one class that is not hidden */
	uint16_t field[POLICY_INDEX_FIELDS];
};
struct policy_class {
	uint16_t id;
	const char *name;	/* "identity", "identity.masked" */
	struct policy_label label;
	const char *legal;	/* legal reason; never empty at level 5 */
	uint8_t level;		/* 1 to 5 */
	bool hidden;		/* absence and refusal look alike */
};
/* Acts for which a profile may want witnesses to have cosigned the log lately; the numbers stand in the document. */
enum witnessed_act {
	WITNESSED_GRANT = 0, WITNESSED_EXPORT, WITNESSED_POLICY, WITNESSED_MEMBERS, WITNESSED_KEYS, WITNESSED_RESTORE, WITNESSED_ERASE,
	WITNESSED_ACTS
};
struct policy_witness {
	const char *name;	/* of the verifier key, as under a checkpoint */
	uint8_t pk[32];
};
struct policy_witnesses {
	unsigned n;		/* 0: none are asked for */
	struct policy_witness witness[POLICY_WITNESSES];	/* by name */
	unsigned quorum;	/* so many of them vouch for the log */
	uint32_t minutes[WITNESSED_ACTS];	/* how old their newest word may be for an act; 0: it is not asked for */
};
struct policy_role {
	uint16_t id;
	const char *name;
	struct policy_label label;
	uint16_t department;
	uint8_t kind;		/* PRINCIPAL_* kind its members have */
	bool audit;		/* may read the audit log */
	bool area;		/* only records of the member's area */
	bool approval;		/* reads need an assignment or a grant */
	uint8_t acts;		/* ACT_* */
	uint8_t searches;	/* bit i: the index at position i */
	uint16_t bulk_records, bulk_hours;	/* budget of each member; 0, 0: none */
	uint64_t purposes;
	uint8_t rights[POLICY_CLASSES];	/* RIGHT_* by class position */
	unsigned excepts;
	const struct policy_except *except;	/* ascending by class, then field */
};
/* A role's right on a class does not extend to this field of it. */
struct policy_except {
	uint16_t class, field;
};
struct policy_purpose {
	uint16_t id;
	const char *name;
	struct policy_label label;
	bool needs_case;
};
struct policy_department {
	uint16_t id;
	const char *name;	/* "MZ" */
	struct policy_label label;
};

/*
 * Decode and check a document: its bytes and every rule of FORMAT.md 11.2. doc is copied. 0, CV_ERR_FORMAT,
 * CV_ERR_INVALID (well formed, but a rule is broken), CV_ERR_LIMIT, CV_ERR_NOMEM. policy_free(NULL) is allowed.
 */
int policy_decode(const uint8_t *doc, size_t n, struct policy **ret_policy);
/* Where a broken rule stands. */
enum policy_part { PART_DOCUMENT = 0, PART_DEPARTMENT, PART_PURPOSE, PART_CLASS, PART_FIELD, PART_INDEX, PART_ROLE };
struct policy_fault {
	enum policy_part part;
	uint16_t id;		/* of the department, purpose, class, field, index or role */
	const char *key;	/* of the object in a profile ("rights"), static; "": the object as a whole */
	char at[POLICY_CODE_MAX + 1];	/* the entry, item or value there, such as a class's name, or "" */
	const char *text;	/* static English */
	char other[POLICY_CODE_MAX + 1];	/* name of another part that takes part in it, or "" */
};
/* As policy_decode; with CV_ERR_INVALID *ret_fault is filled. */
int policy_decode_explain(const uint8_t *doc, size_t n, struct policy **ret_policy, struct policy_fault *ret_fault);
/* Class keys that custodians have handed out already: whether a class has one, and whether a role holds it. */
struct policy_keys {
	bool (*has_class)(const void *cookie, uint16_t class_id);
	bool (*role_holds)(const void *cookie, uint16_t role, uint16_t class_id);
	const void *cookie;
};
/*
 * What keeps new from taking old's place by two signatures alone: another profile or no higher version, a new class or a role that
 * gains a class key (custodians move those first; what keys says that they did is none; NULL: not known), a class gone or turned hidden, a
 * field whose class or type changes under stored values. Writes the first room of them to ret_faults (part, id, key and other are those of
 * new; of a class that is gone those of old) and returns how many there are.
 */
unsigned policy_hindrances(const struct policy *old, const struct policy *new, const struct policy_keys *keys,
    struct policy_fault *ret_faults, unsigned room);
void policy_free(struct policy *p);
const char *policy_name(const struct policy *p);
uint32_t policy_version(const struct policy *p);
/* Counts and members by position (position < count). */
unsigned policy_fields(const struct policy *p);
const struct policy_field *policy_field(const struct policy *p, unsigned position);
unsigned policy_classes(const struct policy *p);
const struct policy_class *policy_class(const struct policy *p, unsigned position);
unsigned policy_roles(const struct policy *p);
const struct policy_role *policy_role(const struct policy *p, unsigned position);
unsigned policy_indexes(const struct policy *p);
const struct policy_index *policy_index(const struct policy *p, unsigned position);
const struct policy_witnesses *policy_witnesses(const struct policy *p);
/* "grant", "export", "policy", "members", "keys", "restore", "erase". Static text. */
const char *witnessed_act_name(enum witnessed_act act);
unsigned policy_purposes(const struct policy *p);
const struct policy_purpose *policy_purpose(const struct policy *p, unsigned position);
unsigned policy_departments(const struct policy *p);
const struct policy_department *policy_department(const struct policy *p, unsigned position);
/* Look-ups by name (n bytes) or id; NULL, or -1 for positions, if unknown. By name and id they are O(1) or O(log n). */
const struct policy_field *policy_field_named(const struct policy *p, const char *name, size_t n);
int policy_index_named(const struct policy *p, const char *name, size_t n);
const struct policy_field *policy_field_by_id(const struct policy *p, uint16_t id);
int policy_field_position(const struct policy *p, const struct policy_field *f);
int policy_class_position(const struct policy *p, uint16_t class_id);
const struct policy_role *policy_role_by_id(const struct policy *p, uint16_t id);
const struct policy_role *policy_role_named(const struct policy *p, const char *name, size_t n);
int policy_purpose_named(const struct policy *p, const char *name, size_t n);	/* position */
const char *policy_department_name(const struct policy *p, uint16_t id);		/* "?" if unknown */
/* Whether a class id is that of a view class, and the source class of one. */
static inline bool class_is_view(uint16_t id) { return (id & 0x4000u) != 0; }
static inline uint16_t class_source(uint16_t id) { return (uint16_t)(id & 0x3FF0u); }
/* Whether a role holds the class's secret key: it reads, reveals, or writes with read. */
static inline bool rights_hold_key(uint8_t rights)
{
	return (rights & (RIGHT_READ | RIGHT_REVEAL | RIGHT_WRITE | RIGHT_GRANT)) != 0;
}
/* Position of a department id, or -1. */
int policy_department_position(const struct policy *p, uint16_t id);

/* ---- decisions ------------------------------------------------------------------------------------------------- */

/* Who asks: the session's roles (ids) and the purpose's position, or -1. */
struct policy_subject {
	const uint16_t *roles;
	unsigned role_count;
	int purpose;
};
/* The reason codes of docs/POLICY.md section 1, pinned: leaves hold 256 + code. */
enum decision_reason {
	DECIDE_YES = 0, DECIDE_PROHIBITED = 1, DECIDE_PURPOSE_UNKNOWN = 2, DECIDE_NO_PURPOSE_ROLE = 3, DECIDE_CASE_MISSING = 4,
	DECIDE_REASON_MISSING = 5, DECIDE_NO_PURPOSE_FIELD = 6, DECIDE_NOT_OWNER = 7, DECIDE_NO_RIGHT = 8, DECIDE_EXCEPTED = 9,
	DECIDE_NO_REVEAL = 10, DECIDE_OUT_OF_AREA = 11, DECIDE_NO_APPROVAL = 12, DECIDE_APPROVAL_PURPOSE = 13,
	DECIDE_APPROVAL_LEVEL = 14, DECIDE_APPROVAL_FIELD = 15, DECIDE_APPROVAL_EXPIRED = 16, DECIDE_APPROVAL_USED_UP = 17,
	DECIDE_GENERATION_GONE = 18, DECIDE_BUDGET = 19, DECIDE_NO_KEY = 20, DECIDE_NOT_APPROVER = 21, DECIDE_SELF_APPROVAL = 22,
	DECIDE_MUTUAL_APPROVAL = 23, DECIDE_DELEGATION_EXPIRED = 24, DECIDE_DELEGATION_SCOPE = 25, DECIDE_GRANTEE_UNKNOWN = 26,
	DECIDE_ALREADY_DECIDED = 27, DECIDE_OTHER_VAULT = 28, DECIDE_OPERATION_EXPIRED = 29, DECIDE_LOG_DIFFERS = 30,
	DECIDE_CHANGE_ORDER = 31, DECIDE_SIGNATURE = 32, DECIDE_SEPARATION = 33, DECIDE_SHARE = 34, DECIDE_STANDING = 35,
	DECIDE_NOT_WITNESSED = 36, DECIDE_DUPLICATE = 37, DECIDE_REASONS
};
/* Their names are outcome_name's of format/message.h. */
/* Fixed English words of a reason, for CV-Explain. */
const char *decision_text(enum decision_reason r);
/* Whether a purpose's name is one of those that no policy can allow (n bytes). */
bool policy_purpose_prohibited(const char *name, size_t n);
struct read_decision {
	enum decision_reason reason;
	uint16_t class;		/* class whose row answers: a view class or the source class; with a reason the source class */
	bool masked;		/* a view answers that shows less than the value: not a copy */
	bool hidden;		/* the field's class hides refusals; set with every reason */
	uint16_t role;		/* the role that allows; of several the one that is asked least besides (approval, area, budget) */
};
/*
 * Which view of field f answers a read: with clear, the source class if some role has RIGHT_REVEAL on it; otherwise
 * the least view whose class a role may read, else the source class if a role may read it and the field has no views.
 * With -DCV_POLICY_ALLOW_ALL (a test build) every purpose and right is granted, so that only keys stand in the way.
 */
struct read_decision policy_decide_read(
    const struct policy *p, const struct policy_subject *who, const struct policy_field *f, bool clear);
struct write_decision {
	enum decision_reason reason;
	bool write_only;	/* drop: the allowing role may not read the class */
	uint16_t role;
};
/*
 * A role writes if it has the right on the class, is not excepted, and its department is the field's owner, one of its delegates, or,
 * creating, one of those that collect it. A predicate is written by nobody: its job does not ask.
 */
struct write_decision policy_decide_write(
    const struct policy *p, const struct policy_subject *who, const struct policy_field *f, bool creating);
/* The role of who that may approve a grant of field f for the purpose (RIGHT_GRANT on its class), or 0. */
uint16_t policy_decide_grant(const struct policy *p, const struct policy_subject *who, const struct policy_field *f);
/* The role of who that acts for the purpose and has the act, or 0; purpose -1: any purpose. */
uint16_t policy_decide_act(const struct policy *p, const struct policy_subject *who, uint8_t act);
/* Whether a member's area and a record's lie on one line: one is a prefix of the other. Digits; 0 to 12 of each. */
bool policy_area_fits(const char *member, size_t member_n, const char *record, size_t record_n);
/* Whether some role of who may act for the purpose at all. */
bool policy_purpose_allowed(const struct policy *p, const struct policy_subject *who);

/* ---- values ---------------------------------------------------------------------------------------------------- */

struct value {
	uint8_t type;		/* VALUE_* */
	const uint8_t *p;
	size_t n;
};
/*
 * Check a value as it came (null, bool, integer, text, list, group) against field f and turn it into the stored type.
 * The bytes of *ret are v's own or appended to scratch (then valid until scratch is written again). today is days
 * since 1970-01-01 and bounds dates. 0; CV_ERR_FORMAT: wrong type; CV_ERR_INVALID: the validator says no;
 * CV_ERR_LIMIT: too long. On failure *ret_expected (ret_expected may be NULL) becomes a static text such as "date
 * YYYY-MM-DD", and *ret stays. Null passes as it is.
 */
int field_accept(const struct policy_field *f, const struct value *v, int32_t today, struct buf *scratch,
    struct value *ret, const char **ret_expected);
/* Padded length of a stored value of field f with n bytes. */
uint16_t field_padded(const struct policy_field *f, size_t n);
/*
 * Compute view op of a stored value of a shape (never NULL; the codes' groups and a contact's members come from it);
 * bytes appended to scratch, valid until it is written again. Total: what cannot be masked safely becomes
 * VALUE_SUPPRESSED. Null stays null, and what says nothing is not present. scratch failing (memory, its maximum) gives
 * VALUE_SUPPRESSED too, and buf_ok tells.
 */
void view_project(
    enum view_op op, const struct policy_shape *shape, const struct value *v, struct buf *scratch, struct value *ret);
/*
 * Padded length of a view's value of n bytes of field f. One length for all values of an op, suppressed ones
 * included, so that masked lengths tell nothing; a copy (VIEW_PLAIN) is padded as the field itself.
 */
uint16_t view_padded(const struct policy_field *f, enum view_op op, size_t n);
/*
 * What a stored view shows under op, which need not have made it: a copy, or another mask, of an older policy is VALUE_SUPPRESSED. m5b
 * becomes the band of its birth quarter on the day today, through scratch; others pass unchanged.
 */
void view_present(enum view_op op, const struct value *stored, int32_t today, struct buf *scratch, struct value *ret);

#define INDEX_NORMAL_MAX 1100u	/* bytes of what a token is made of */
#define INDEX_NORMAL_DATE 16u	/* longest date in it */
/*
 * What an index's token is made of, docs/FORMAT.md 4.7, from the values of its fields in their order. 0; CV_ERR_NOTFOUND: a value is
 * missing, or nothing of it is left, so that nobody can look for it.
 */
int index_normal(const struct policy_index *x, const struct value *values, uint8_t ret[INDEX_NORMAL_MAX], size_t *ret_n);

#endif

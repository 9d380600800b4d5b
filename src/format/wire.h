/*
 * Bodies of the messages between front and core, docs/PROTOCOL.md section 1: both directions, both sides. Pure.
 *
 * wire_x_put appends to a struct buf, whose sticky error says at the end whether everything fitted (texts that are
 * longer than their length field can say make the buffer bad as well). wire_x_get reads from a cursor and answers 0 or
 * CV_ERR_FORMAT, *ret then undefined; it checks counts, lengths, truth bytes and UTF-8 of all text but of values, whose
 * bytes src/format/value.h judges. Whole bodies are decoded by functions that take bytes and length and refuse trailing
 * bytes. Everything decoded points into the bytes it was decoded from and lives as long as they do.
 */
#ifndef CV_FORMAT_WIRE_H
#define CV_FORMAT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "format/message.h"

struct buf;

#define WIRE_ID 16u		/* records, sessions, principals, requests, segments, vaults, etags */
#define WIRE_TOKEN 32u
#define WIRE_SEALED_KEY 112u	/* a role key or segment key under PKSEAL */
#define WIRE_ROLES_MAX 8u
#define WIRE_IDEMPOTENCY_MAX 64u
#define WIRE_PURPOSE_MAX 64u	/* front refuses longer ones; the length bytes would allow 255 */
#define WIRE_CASE_MAX 64u
#define WIRE_REASON_MAX 512u
#define WIRE_CURSOR_MAX 256u		/* text of a cursor */
#define WIRE_EVENTS_MAX 1000u
#define WIRE_ANSWER_HEAD 10u
#define WIRE_TILE_ENTRIES 255u	/* level that means entry bundles */

enum wire_view { WIRE_VIEW_DEFAULT = 0, WIRE_VIEW_MASKED = 1, WIRE_VIEW_CLEAR = 2 };
enum wire_what { WIRE_WHAT_CURRENT = 0, WIRE_WHAT_REPLACED = 1, WIRE_WHAT_DROP = 2 };
enum wire_health { WIRE_SEALED = 0, WIRE_READY = 1, WIRE_STARTING = 2, WIRE_STORAGE_FULL = 3, WIRE_AUDIT_UNAVAILABLE = 4 };

/* Text that does not end in NUL. p may be NULL only if n is 0. */
struct wire_text {
	const char *p;
	size_t n;
};
static inline struct wire_text wire_text(const char *p, size_t n) { struct wire_text t = { p, n }; return t; }

/* Texts with a length of one or two bytes. UTF-8 is checked when reading. */
void wire_text8_put(struct buf *b, const char *p, size_t n);
void wire_text16_put(struct buf *b, const char *p, size_t n);
int wire_text8_get(struct rd *r, struct wire_text *ret);
int wire_text16_get(struct rd *r, struct wire_text *ret);

/* A u16 count whose value is known only after its elements: begin returns where it stands, end fills it in. */
size_t wire_count_begin(struct buf *b);
void wire_count_end(struct buf *b, size_t at, size_t count);	/* count above 65,535 makes b bad */

/*
 * names and fields: a list that was checked whole when it was decoded and is then walked with _next, which copies
 * nothing. Walk a copy of the struct to walk twice. Put: count_begin, then the elements, then count_end.
 */
struct wire_list {
	uint16_t count;		/* elements not yet walked */
	struct rd rd;		/* stands at the next one */
};
struct wire_value {
	uint8_t type;		/* enum value_type */
	uint32_t n;
	const uint8_t *p;
};
struct wire_field {
	struct wire_text name;
	struct wire_value value;
};
int wire_names_get(struct rd *r, struct wire_list *ret);
int wire_fields_get(struct rd *r, struct wire_list *ret);
/* The next element, or false at the end (*ret untouched). Only for lists made by the function of the same kind. */
bool wire_names_next(struct wire_list *l, struct wire_text *ret);
bool wire_fields_next(struct wire_list *l, struct wire_field *ret);
/* Append one element of fields: name, type, length, bytes. */
void wire_field_put(struct buf *b, const char *name, size_t name_n, uint8_t type, const void *p, size_t n);
/* Append a whole list as it was decoded, count and all. */
void wire_list_put(struct buf *b, const struct wire_list *l);

/* ---- requests: front to core ------------------------------------------------------------------------------------ */

struct wire_envelope {
	bool has_token;
	const uint8_t *token;		/* WIRE_TOKEN bytes; when putting, NULL without a token; zeros after reading one without */
	const uint8_t *request_id;	/* WIRE_ID bytes */
	struct wire_text purpose, case_text, reason;
};
void wire_envelope_put(struct buf *b, const struct wire_envelope *e);
/* A token that is not all zeros without the flag is refused. */
int wire_envelope_get(struct rd *r, struct wire_envelope *ret);

struct wire_role_key {
	uint16_t role;
	uint32_t epoch;
	const uint8_t *sealed;		/* WIRE_SEALED_KEY bytes */
};
struct wire_hello { const uint8_t *request_id, *principal, *question; };	/* 16, 16, 32 bytes */
struct wire_activate {
	const uint8_t *request_id, *session;	/* 16 bytes each */
	unsigned n;				/* 1 to WIRE_ROLES_MAX */
	struct wire_role_key role[WIRE_ROLES_MAX];
	const uint8_t *entries;			/* decoded only: the n entries as they stood, wire_activate_entries(n) bytes */
	const uint8_t *signature;		/* 64 bytes */
};
struct wire_refused { struct wire_envelope envelope; uint16_t problem; };	/* problem 1 to PROBLEM_COUNT - 1 */
/* as_of_day: the day on which the values were so, days since 1970-01-01 plus 1; 0: today. */
struct wire_create { struct wire_envelope envelope; struct wire_text key; uint32_t as_of_day; struct wire_list fields; };
struct wire_read {
	struct wire_envelope envelope;
	const uint8_t *record;
	uint8_t view;
	bool provenance;		/* the answer tells where each value comes from */
	const uint8_t *export;		/* 16 bytes, zeros: for no export; NULL allowed when putting */
	struct wire_list names;
};
struct wire_patch {
	struct wire_envelope envelope;
	const uint8_t *record;
	bool has_etag;
	const uint8_t *etag;		/* 16 bytes, zeros without; NULL allowed when putting without */
	uint32_t as_of_day;		/* as in CREATE */
	struct wire_list fields;
};
struct wire_history {
	struct wire_envelope envelope;
	const uint8_t *record;
	uint8_t view;
	uint16_t limit;			/* versions of each class */
	uint64_t before;		/* only versions below; 0: all */
	struct wire_list names;
};
struct wire_accesses {
	struct wire_envelope envelope;
	const uint8_t *record;
	uint8_t reader;			/* 0 not named, 1 child, 2 guardian */
	bool cosigned;			/* only what witnesses have cosigned */
	uint64_t from_ms, to_ms;	/* period: 0 and UINT64_MAX: all */
	uint16_t limit;			/* lines; 0: not named */
	struct wire_text cursor;
};
/* fields: values of the index's fields; one that front has no name for is called "equals". */
struct wire_search { struct wire_envelope envelope; struct wire_text index; struct wire_list fields; };
struct wire_events {
	struct wire_envelope envelope;
	uint64_t first;
	uint16_t limit;
	bool keys;
	struct wire_text principal, record, kind, purpose;	/* what the leaves have to be; n 0: anything */
	uint64_t since_ms, until_ms;	/* whose time is since or later and before until; until 0: to the end */
	struct wire_text cursor;	/* of the answer before; n 0: none */
};
struct wire_tile { struct wire_envelope envelope; uint8_t level; uint64_t n; uint16_t width; };
enum wire_proof_of { WIRE_PROOF_TREES = 1, WIRE_PROOF_LEAF = 2 };
/* Of two trees: from and to leaves, to 0 for the newest one. Of a leaf: from is its index, to 0. */
struct wire_proof { struct wire_envelope envelope; uint8_t of; uint64_t from, to; };
struct wire_cosign { struct wire_envelope envelope; const uint8_t *note; uint32_t n; };	/* a signed note of n bytes */

/* Bytes of n entries of ACTIVATE, as the proof of PROTOCOL.md section 4 signs them. */
static inline size_t wire_activate_entries(unsigned n) { return (size_t)n * (2 + 4 + WIRE_SEALED_KEY); }

/* Append a whole body. Lists are copied as they stand; CREATE, READ, PATCH and HISTORY end with their list, so a caller
 * who has none decoded uses the _head function and appends the list itself. */
void wire_hello_put(struct buf *b, const struct wire_hello *m);
void wire_activate_put(struct buf *b, const struct wire_activate *m);
void wire_refused_put(struct buf *b, const struct wire_refused *m);
void wire_create_head(struct buf *b, const struct wire_create *m);
void wire_create_put(struct buf *b, const struct wire_create *m);
void wire_read_head(struct buf *b, const struct wire_read *m);
void wire_read_put(struct buf *b, const struct wire_read *m);
void wire_patch_head(struct buf *b, const struct wire_patch *m);
void wire_patch_put(struct buf *b, const struct wire_patch *m);
void wire_history_head(struct buf *b, const struct wire_history *m);
void wire_history_put(struct buf *b, const struct wire_history *m);
void wire_accesses_put(struct buf *b, const struct wire_accesses *m);
void wire_search_head(struct buf *b, const struct wire_search *m);
void wire_search_put(struct buf *b, const struct wire_search *m);
void wire_events_put(struct buf *b, const struct wire_events *m);
void wire_tile_put(struct buf *b, const struct wire_tile *m);
void wire_proof_put(struct buf *b, const struct wire_proof *m);
void wire_cosign_put(struct buf *b, const struct wire_cosign *m);

/* Decode a whole body. LOGOUT, CHECKPOINT and COSIGNED are an envelope alone; HEALTH, METRICS and CLOSED are empty. */
int wire_envelope_decode(const void *p, size_t n, struct wire_envelope *ret);
int wire_hello_decode(const void *p, size_t n, struct wire_hello *ret);
int wire_activate_decode(const void *p, size_t n, struct wire_activate *ret);
int wire_refused_decode(const void *p, size_t n, struct wire_refused *ret);
int wire_search_decode(const void *p, size_t n, struct wire_search *ret);
int wire_create_decode(const void *p, size_t n, struct wire_create *ret);
int wire_read_decode(const void *p, size_t n, struct wire_read *ret);
int wire_patch_decode(const void *p, size_t n, struct wire_patch *ret);
int wire_history_decode(const void *p, size_t n, struct wire_history *ret);
int wire_accesses_decode(const void *p, size_t n, struct wire_accesses *ret);
int wire_events_decode(const void *p, size_t n, struct wire_events *ret);
int wire_tile_decode(const void *p, size_t n, struct wire_tile *ret);
int wire_proof_decode(const void *p, size_t n, struct wire_proof *ret);
int wire_cosign_decode(const void *p, size_t n, struct wire_cosign *ret);

/* ---- answers: core to front ------------------------------------------------------------------------------------- */

/* The ten bytes before every answer; leaf may be MESSAGE_NO_LEAF. */
void wire_answer_head(struct buf *b, uint16_t problem, uint64_t leaf);
/* problem below PROBLEM_COUNT. What follows is read by the functions below with the same cursor's rest. */
int wire_answer_get(struct rd *r, uint16_t *ret_problem, uint64_t *ret_leaf);

struct wire_problem {
	struct wire_text explanation;
	uint32_t retry_after_s;		/* 0: none */
	bool has_etag;
	const uint8_t *etag;		/* 16 bytes, zeros without; NULL allowed when putting without */
	struct wire_list errors;	/* decoded only; walk with wire_errors_next */
};
struct wire_field_error { struct wire_text field, problem, expected; };
/* After wire_answer_head: all but the list of errors, which is count_begin, wire_error_put..., count_end. */
void wire_problem_put(struct buf *b, const struct wire_problem *m);
void wire_error_put(struct buf *b, const struct wire_field_error *e);
/* A whole refusal without errors: head, explanation (NUL-terminated, cut at 255 bytes; NULL: none), retry, no etag. */
void wire_refusal_put(struct buf *b, uint16_t problem, uint64_t leaf, const char *explanation, uint32_t retry_after_s);
int wire_problem_decode(const void *p, size_t n, struct wire_problem *ret);
bool wire_errors_next(struct wire_list *l, struct wire_field_error *ret);

struct wire_wrap { uint16_t role; uint32_t epoch; const uint8_t *wrap; };	/* WIRE_SEALED_KEY bytes */
struct wire_hello_answer {
	const uint8_t *session, *ephemeral, *answer, *vault;	/* 16, 32, 32, 16 bytes */
	uint64_t log_size;
	const uint8_t *root;					/* 32 bytes */
	struct wire_wrap wrap[WIRE_ROLES_MAX];			/* always all */
};
struct wire_activate_answer { const uint8_t *token; uint64_t expires_ms; unsigned n; struct wire_text role[WIRE_ROLES_MAX]; };
/* aside: accepted, but somebody has to look at it. */
struct wire_create_answer { const uint8_t *record, *etag; bool replayed, aside; };
struct wire_search_answer { uint16_t n; const uint8_t *records; };	/* n * 16 bytes */
struct wire_provenance {
	struct wire_text field, source;	/* name of the field, of the department */
	uint64_t written_ms;		/* below 2^48 */
	uint32_t as_of_day, due_day;	/* days since 1970-01-01 plus 1; 0: none */
	bool verified;			/* the field's owner wrote it */
	struct wire_text verifier;	/* login name of who did so for the owner; "" if not verified, or nobody knows the name any more */
};
struct wire_read_answer {
	const uint8_t *record, *etag;
	uint8_t view;
	struct wire_list fields, redacted, omitted, stale;
	struct wire_list provenance;	/* wire_provenance_next; none unless asked for */
};
struct wire_history_answer {
	const uint8_t *record, *etag;
	uint8_t view;
	struct wire_list versions, redacted, omitted;
	bool more;			/* some class has older versions than were answered */
};
struct wire_version {
	uint64_t version;
	struct wire_text class_name;
	uint8_t what;			/* enum wire_what */
	uint64_t written_ms;		/* below 2^48 */
	struct wire_text source;
	struct wire_list fields;
};
struct wire_detail {
	const uint8_t *record;
	uint8_t view;
	struct wire_text role, department, purpose;
	uint16_t outcome;		/* 0, a problem, or OUTCOME_REASON and a reason */
	const uint8_t *approval;	/* 16: the assignment or grant, zeros: none; NULL allowed when putting */
	uint32_t count;
	struct wire_list fields;	/* names */
	struct wire_text case_text, reason;
};
struct wire_event { uint64_t index; const uint8_t *leaf; uint16_t leaf_n; bool has_detail; struct wire_detail detail; };
struct wire_segment { const uint8_t *segment; uint32_t month; const uint8_t *sealed; };	/* 16, WIRE_SEALED_KEY bytes; 0: own key */
struct wire_person { const uint8_t *principal; const uint8_t *sealed; uint16_t sealed_n; };
struct wire_accesses_answer { struct wire_text cursor, page; };	/* no cursor: the last page; a page of a receipt */
struct wire_events_answer {
	uint64_t size, next;
	struct wire_text cursor;	/* n 0: nothing follows, or next says where to go on */
	struct wire_list events;	/* wire_events_next */
	bool has_keys;
	struct wire_list segments;	/* wire_segments_next */
	struct wire_list people;	/* wire_people_next */
	const uint8_t *policy;
	uint32_t policy_n;
};

/* Append what follows wire_answer_head(b, 0, leaf). */
void wire_hello_answer_put(struct buf *b, const struct wire_hello_answer *m);
void wire_activate_answer_put(struct buf *b, const struct wire_activate_answer *m);
void wire_create_answer_put(struct buf *b, const uint8_t record[16], const uint8_t etag[16], bool replayed, bool aside);
void wire_search_answer_put(struct buf *b, unsigned n, const uint8_t (*records)[16]);
/* The start of READ's and HISTORY's answer. READ goes on with fields, redacted, omitted, stale, provenance (wire_provenance_put),
 * each a counted list; HISTORY
 * with a counted list of (wire_version_put, then a counted list of fields), then redacted, omitted, u8 1 if more. */
void wire_record_put(struct buf *b, const uint8_t record[16], const uint8_t etag[16], uint8_t view);
void wire_provenance_put(struct buf *b, const struct wire_provenance *p);
/* One version without its fields; v->fields is not looked at. */
void wire_version_put(struct buf *b, const struct wire_version *v);
/* EVENTS: size and next, a counted list of events, u8 keys, and with keys a counted list of segments, one of people, and
 * the policy. An event's fields are copied from e->detail.fields (wire_list). */
void wire_events_answer_head(struct buf *b, uint64_t size, uint64_t next);	/* the cursor, text16, follows */
void wire_event_put(struct buf *b, const struct wire_event *e);
void wire_segment_put(struct buf *b, const struct wire_segment *s);
void wire_person_put(struct buf *b, const struct wire_person *p);
void wire_policy_put(struct buf *b, const uint8_t *p, size_t n);

/* Decode what follows the ten bytes of an answer without problem. CREATE's replayed, views and whats are checked. */
int wire_hello_answer_decode(const void *p, size_t n, struct wire_hello_answer *ret);
int wire_activate_answer_decode(const void *p, size_t n, struct wire_activate_answer *ret);
int wire_create_answer_decode(const void *p, size_t n, struct wire_create_answer *ret);
int wire_search_answer_decode(const void *p, size_t n, struct wire_search_answer *ret);
int wire_patch_answer_decode(const void *p, size_t n, const uint8_t **ret_etag);
int wire_read_answer_decode(const void *p, size_t n, struct wire_read_answer *ret);
int wire_history_answer_decode(const void *p, size_t n, struct wire_history_answer *ret);
int wire_accesses_answer_decode(const void *p, size_t n, struct wire_accesses_answer *ret);
int wire_events_answer_decode(const void *p, size_t n, struct wire_events_answer *ret);
/* COSIGN: leaves that the note covers, the policy's witnesses that cosigned it, when the quorum did (seconds since 1970; 0: none). */
struct wire_cosign_answer { uint64_t size; uint8_t witnesses; uint64_t quorum_s; };
void wire_cosign_answer_put(struct buf *b, const struct wire_cosign_answer *m);
int wire_cosign_answer_decode(const void *p, size_t n, struct wire_cosign_answer *ret);
int wire_health_answer_decode(const void *p, size_t n, uint8_t *ret_state);
bool wire_provenance_next(struct wire_list *l, struct wire_provenance *ret);
bool wire_versions_next(struct wire_list *l, struct wire_version *ret);
bool wire_events_next(struct wire_list *l, struct wire_event *ret);
bool wire_segments_next(struct wire_list *l, struct wire_segment *ret);
bool wire_people_next(struct wire_list *l, struct wire_person *ret);

#endif

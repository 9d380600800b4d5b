/*
 * Bodies of the messages about governance objects, the work list and the policy, docs/PROTOCOL.md section 1. Conventions of wire.h.
 * An object travels as a list of named values (wire_fields): front knows no kind of object, core maps and judges the names.
 */
#ifndef CV_FORMAT_WIRE_GOV_H
#define CV_FORMAT_WIRE_GOV_H

#include "format/wire.h"

#define WIRE_COLLECTION_MAX 32u		/* bytes of "assignments", "requests", ... and of an action's name */
#define WIRE_LIST_MAX 1000u		/* objects or records of one answer */

struct wire_gov_create { struct wire_envelope envelope; struct wire_text collection; struct wire_list fields; };
struct wire_gov_get { struct wire_envelope envelope; struct wire_text collection; const uint8_t *id; };
struct wire_gov_list {
	struct wire_envelope envelope;
	struct wire_text collection;
	uint16_t limit;			/* 1 to WIRE_LIST_MAX */
	struct wire_text cursor;	/* "" or what the answer before gave */
	struct wire_list fields;	/* filters: texts by name */
};
struct wire_gov_act {
	struct wire_envelope envelope;
	struct wire_text collection;
	const uint8_t *id;
	struct wire_text action;	/* "approve", "revoke", ... */
	struct wire_list fields;
};
/* The work list: texts are empty where the query names nothing. */
struct wire_records {
	struct wire_envelope envelope;
	struct wire_text area, due, state;
	uint16_t limit;
	struct wire_text cursor;
	const uint8_t *export;		/* WIRE_ID bytes: the approved export it is for; zeros (when putting, or NULL): none */
};

/* Append everything before the list of fields; the caller goes on with count_begin, wire_field_put ..., count_end. */
void wire_gov_create_head(struct buf *b, const struct wire_gov_create *m);
void wire_gov_list_head(struct buf *b, const struct wire_gov_list *m);
void wire_gov_act_head(struct buf *b, const struct wire_gov_act *m);
/* Append the whole body. */
void wire_gov_get_put(struct buf *b, const struct wire_gov_get *m);
void wire_records_put(struct buf *b, const struct wire_records *m);
/* 0 or CV_ERR_FORMAT; trailing bytes are refused. */
int wire_gov_create_decode(const void *p, size_t n, struct wire_gov_create *ret);
int wire_gov_get_decode(const void *p, size_t n, struct wire_gov_get *ret);
int wire_gov_list_decode(const void *p, size_t n, struct wire_gov_list *ret);
int wire_gov_act_decode(const void *p, size_t n, struct wire_gov_act *ret);
int wire_records_decode(const void *p, size_t n, struct wire_records *ret);

/*
 * Answers. GOV_CREATE, GOV_GET and GOV_ACT: one object. GOV_LIST: a counted list of objects, then text16 cursor ("": no more).
 * An object is its id and its fields: wire_gov_object_head, then count_begin, wire_field_put ..., count_end.
 */
struct wire_gov_object { const uint8_t *id; struct wire_list fields; };
void wire_gov_object_head(struct buf *b, const uint8_t id[16]);
int wire_gov_object_decode(const void *p, size_t n, struct wire_gov_object *ret);
struct wire_gov_objects { struct wire_list objects; struct wire_text cursor; };
int wire_gov_objects_decode(const void *p, size_t n, struct wire_gov_objects *ret);
bool wire_gov_objects_next(struct wire_list *l, struct wire_gov_object *ret);

/* LIST: a counted list of records, then text16 cursor. due is "2026Q4" or "", state and area as head has them. */
struct wire_listed { const uint8_t *record; struct wire_text due, state, area; };
void wire_listed_put(struct buf *b, const struct wire_listed *r);
struct wire_records_answer { struct wire_list records; struct wire_text cursor; };
int wire_records_answer_decode(const void *p, size_t n, struct wire_records_answer *ret);
bool wire_listed_next(struct wire_list *l, struct wire_listed *ret);

#endif

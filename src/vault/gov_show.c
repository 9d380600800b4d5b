/* Governance objects as callers see them. docs/POLICY.md section 5. */
#include "vault/gov_show.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "format/months.h"
#include "format/value.h"

#define B64_KEY 45u	/* 32 bytes in base64 and a NUL */

/* ---- one object ------------------------------------------------------------------------------------------------------- */

void gov_show_value(struct gov_showing *x, const char *name, uint8_t type, const void *p, size_t n)
{
	wire_field_put(x->out, name, strlen(name), type, p, n);
	x->count++;
}

void gov_show_text(struct gov_showing *x, const char *name, const char *text)
{
	gov_show_value(x, name, VALUE_TEXT, text, strlen(text));
}

static void show_bytes(struct gov_showing *x, const char *name, const struct gov_bytes *b)
{
	if (b->n > 0)
		gov_show_value(x, name, VALUE_TEXT, b->p, b->n);
}

void gov_show_number(struct gov_showing *x, const char *name, int64_t n)
{
	uint8_t p[8];

	be64_put(p, (uint64_t)n);
	gov_show_value(x, name, VALUE_INTEGER, p, sizeof(p));
}

void gov_show_hex(struct gov_showing *x, const char *name, const uint8_t *p, size_t n)
{
	char hex[2 * 32 + 1];

	hex_encode(p, n, hex);
	gov_show_text(x, name, hex);
}

/* A person by login name; one that the directory does not know any more by id. */
static void show_person(struct gov_showing *x, const char *name, const uint8_t id[16])
{
	const struct principal *p = directory_principal(x->v->keys, id);

	if (id_is_zero(id))
		return;
	if (p != NULL)
		gov_show_text(x, name, p->login);
	else
		gov_show_hex(x, name, id, 16);
}

void gov_show_time(struct gov_showing *x, const char *name, uint64_t ms)
{
	char text[25];

	if (ms == 0)
		return;
	clock_rfc3339(ms, text);
	gov_show_text(x, name, text);
}

static void show_day(struct gov_showing *x, const char *name, uint32_t day)
{
	char text[32];
	int year = 9999;
	unsigned month = 12, d = 31;

	if (day != UINT32_MAX)
		clock_date((int32_t)day - 1, &year, &month, &d);
	(void)snprintf(text, sizeof(text), "%04d-%02u-%02u", year, month, d);
	gov_show_text(x, name, text);
}

void gov_show_date(struct gov_showing *x, const char *name, uint64_t ms)
{
	if (ms != 0)
		show_day(x, name, (uint32_t)(ms / (24u * 3600 * 1000)) + 1);
}

/* The list of names or ids that stands in the scratch list. */
void gov_show_list(struct gov_showing *x, const char *name, size_t at, size_t count)
{
	struct buf *b = &x->v->gov->list;

	value_end(b, at, count);
	if (buf_ok(b))
		gov_show_value(x, name, VALUE_LIST, b->p, b->n);
	else
		buf_spoil(x->out, b);
	buf_reset(b);
}

static void show_purposes(struct gov_showing *x, const struct gov_object *o)
{
	size_t at, count = 0;
	int position;

	if (o->prefix.type == GOV_GRANT || o->prefix.type == GOV_REQUEST) {
		if (o->purposes.n == 2 && (position = gov_purpose_position(x->v, be16_get(o->purposes.p))) >= 0)
			gov_show_text(x, "purpose", policy_purpose(x->v->policy, (unsigned)position)->name);
		return;
	}
	at = value_begin(&x->v->gov->list);
	for (size_t i = 0; i < o->purposes.n; i += 2) {
		const char *name;

		if ((position = gov_purpose_position(x->v, be16_get(o->purposes.p + i))) < 0)
			continue;
		name = policy_purpose(x->v->policy, (unsigned)position)->name;
		value_item_put(&x->v->gov->list, VALUE_TEXT, name, strlen(name));
		count++;
	}
	gov_show_list(x, "purposes", at, count);
}

static void show_fields(struct gov_showing *x, const struct gov_object *o)
{
	size_t at, count = 0;

	if (o->fields.n == 0)
		return;
	at = value_begin(&x->v->gov->list);
	for (size_t i = 0; i < o->fields.n; i += 2) {
		const struct policy_field *f = policy_field_by_id(x->v->policy, be16_get(o->fields.p + i));

		if (f == NULL)
			continue;
		value_item_put(&x->v->gov->list, VALUE_TEXT, f->name, strlen(f->name));
		count++;
	}
	gov_show_list(x, "fields", at, count);
}

static void show_records(struct gov_showing *x, const struct gov_object *o)
{
	size_t at = value_begin(&x->v->gov->list);
	char hex[33];

	for (size_t i = 0; i < o->records.n; i += 16) {
		hex_encode(o->records.p + i, 16, hex);
		value_item_put(&x->v->gov->list, VALUE_TEXT, hex, 32);
	}
	gov_show_list(x, "records", at, o->records.n / 16);
}

void gov_show_base64(struct gov_showing *x, const char *name, const struct gov_bytes *document)
{
	struct buf *b = &x->v->gov->list;
	uint8_t *p;

	if (document->n == 0)
		return;
	if ((p = buf_add(b, b64_size(B64_STD, document->n))) == NULL) {
		buf_spoil(x->out, b);
		buf_reset(b);
		return;
	}
	b64_encode(B64_STD, document->p, document->n, (char *)p);
	gov_show_value(x, name, VALUE_TEXT, p, b->n - 1);
	buf_reset(b);
}

static void show_assignment(struct gov_showing *x, const struct gov_object *o)
{
	uint8_t yes = 1;

	show_records(x, o);
	gov_show_number(x, "level", o->level);
	show_bytes(x, "note", &o->text);
	if ((o->flags & GOV_DEMO) != 0)
		gov_show_value(x, "demo", VALUE_BOOL, &yes, 1);
	if ((o->flags & GOV_ANY_RECORD) != 0)
		gov_show_value(x, "any_record", VALUE_BOOL, &yes, 1);
}

static void show_grant(struct gov_showing *x, const struct gov_object *o)
{
	gov_show_hex(x, "record", o->record, 16);
	gov_show_number(x, "reads", o->count);
	if (o->count > 0)
		gov_show_number(x, "reads_left", o->used < o->count ? o->count - o->used : 0);
}

static void show_request(struct gov_showing *x, const struct gov_object *o, bool whole)
{
	gov_show_text(x, "kind", gov_kind_name(o->kind));
	if (o->kind == GOV_KIND_GRANT) {
		gov_show_hex(x, "record", o->record, 16);
		gov_show_number(x, "reads", o->count);
	} else if (gov_kind_signed(o->kind)) {
		gov_show_operation(x, o, whole);
	} else {
		gov_show_number(x, "records", o->count);
	}
	show_bytes(x, "area", &o->area);
	show_bytes(x, "record_state", &o->status);
	show_bytes(x, "reason", &o->text);
	show_bytes(x, "decision", &o->decision);
	if (o->kind == GOV_KIND_EXPORT && o->prefix.state == GOV_APPROVED)
		gov_show_hex(x, "mark", o->mark, sizeof(o->mark));
}

/* Items with their results, "HEX16:fine". */
static void show_results(struct gov_showing *x, const struct gov_object *o)
{
	size_t at = value_begin(&x->v->gov->list);
	char text[2 * 8 + 1 + 16];

	for (size_t i = 0; i < o->results.n; i += GOV_RESULT) {
		hex_encode(o->results.p + i, 8, text);
		(void)snprintf(text + 16, sizeof(text) - 16, ":%s", gov_result_name(o->results.p[i + 8]));
		value_item_put(&x->v->gov->list, VALUE_TEXT, text, strlen(text));
	}
	gov_show_list(x, "results", at, o->results.n / GOV_RESULT);
}

void gov_show_month(struct gov_showing *x, uint32_t month)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%04u-%02u", month / 100, month % 100);
	gov_show_text(x, "month", text);
}

static void show_review(struct gov_showing *x, const struct gov_object *o, bool whole)
{
	const struct gov_bytes root = { o->log_root, 32 }, digest = { o->digest, 32 };
	uint64_t open = 0;

	gov_show_month(x, o->month);
	gov_show_number(x, "size", (int64_t)o->log_size);
	gov_show_base64(x, "root", &root);
	gov_show_base64(x, "digest", &digest);
	gov_show_number(x, "items", (int64_t)(o->results.n / GOV_RESULT));
	for (size_t i = 0; i < o->results.n; i += GOV_RESULT)
		open += o->results.p[i + 8] == GOV_RESULT_FOLLOWED;
	gov_show_number(x, "followed", (int64_t)open);
	if (whole)
		show_results(x, o);
	show_bytes(x, "note", &o->text);
}

/* An auditor's months, with the list and the signature that show whose they are. */
static void show_months(struct gov_showing *x, const struct gov_object *o, bool whole)
{
	struct buf *b = &x->v->gov->list;
	uint32_t last = o->month;
	char text[MONTHS_TEXT], key[B64_KEY];
	size_t at;

	for (size_t i = 32; i < o->month_keys.n; i += 32)
		last = clock_month_next(last);
	months_text(o->month, text);
	gov_show_text(x, "from", text);
	months_text(last, text);
	gov_show_text(x, "to", text);
	gov_show_number(x, "months", (int64_t)(o->month_keys.n / 32));
	gov_show_number(x, "made", (int64_t)o->created_ms);
	if (!whole)
		return;
	at = value_begin(b);
	for (size_t i = 0; i < o->month_keys.n; i += 32) {
		b64_encode(B64_STD, o->month_keys.p + i, 32, key);
		value_item_put(b, VALUE_TEXT, key, strlen(key));
	}
	gov_show_list(x, "keys", at, o->month_keys.n / 32);
	gov_show_base64(x, "signature", &o->signatures);
}

/* Which record it is, by which index it is known, and where the value stood before. */
static void show_intake(struct gov_showing *x, const struct gov_object *o)
{
	for (unsigned i = 0; i < policy_indexes(x->v->policy); i++)
		if (policy_index(x->v->policy, i)->id == o->count)
			gov_show_text(x, "index", policy_index(x->v->policy, i)->name);
	gov_show_hex(x, "record", o->record, 16);
	show_records(x, o);
	show_bytes(x, "decision", &o->decision);
}

void gov_put(struct vault *v, enum gov_state state, const struct gov_object *o, bool whole, struct buf *out)
{
	/* For good, and for no purpose. */
	const bool lasting = o->prefix.type == GOV_REVIEW || o->prefix.type == GOV_MONTHS || o->prefix.type == GOV_INTAKE;
	struct gov_showing x = { v, out, 0 };
	size_t at;

	wire_gov_object_head(out, o->id);
	at = wire_count_begin(out);
	buf_reset(&v->gov->list);
	gov_show_text(&x, "state", gov_state_name(state));
	if (!gov_kind_signed(o->kind) || !ids_equal(o->principal, o->by))	/* else it is about nobody */
		show_person(&x, "principal", o->principal);
	if (!gov_kind_signed(o->kind) && !lasting)
		show_purposes(&x, o);
	show_fields(&x, o);
	if (!lasting)
		show_day(&x, "until", o->prefix.due_day);
	if (o->prefix.type == GOV_ASSIGNMENT)
		show_assignment(&x, o);
	else if (o->prefix.type == GOV_GRANT)
		show_grant(&x, o);
	else if (o->prefix.type == GOV_REQUEST)
		show_request(&x, o, whole);
	else if (o->prefix.type == GOV_REVIEW)
		show_review(&x, o, whole);
	else if (o->prefix.type == GOV_MONTHS)
		show_months(&x, o, whole);
	else if (o->prefix.type == GOV_INTAKE)
		show_intake(&x, o);
	else {
		show_bytes(&x, "area", &o->area);
		show_bytes(&x, "note", &o->text);
	}
	show_person(&x, "by", o->by);
	gov_show_time(&x, "created_at", o->created_ms);
	show_person(&x, "decided_by", o->decided_by);
	gov_show_time(&x, "decided_at", o->decided_ms);
	if (!id_is_zero(o->delegation))
		gov_show_hex(&x, "delegation", o->delegation, 16);
	wire_count_end(out, at, x.count);
}

void gov_answer(struct vault *v, struct vault_call *c, const struct gov_object *o, bool whole)
{
	enum gov_state state;
	int r = gov_state_seen(v, o, c->today, &state);

	if (r == 0)
		gov_put(v, state, o, whole, c->out);
	else
		(void)call_failed(c, r);
}


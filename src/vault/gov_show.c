/* Governance objects as callers see them: one, and lists. docs/POLICY.md section 5. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "format/value.h"
#include "vault/gov_ops.h"
#include "vault/operation.h"

#define LIST_LOOK 1024u		/* objects looked at for one answer; the cursor goes on behind them */
#define LIST_BYTES (4u << 20)	/* an answer that is so long ends, too */
#define CURSOR_PLAIN (1u + 2 + 16)
#define CURSOR_OBJECTS 2u	/* first byte of a cursor: whose it is */

/* ---- one object ------------------------------------------------------------------------------------------------------- */

/* Members on their way into an answer. */
struct showing {
	struct vault *v;
	struct buf *out;
	unsigned count;
};

static void show(struct showing *x, const char *name, uint8_t type, const void *p, size_t n)
{
	wire_field_put(x->out, name, strlen(name), type, p, n);
	x->count++;
}

static void show_text(struct showing *x, const char *name, const char *text)
{
	show(x, name, VALUE_TEXT, text, strlen(text));
}

static void show_bytes(struct showing *x, const char *name, const struct gov_bytes *b)
{
	if (b->n > 0)
		show(x, name, VALUE_TEXT, b->p, b->n);
}

static void show_number(struct showing *x, const char *name, int64_t n)
{
	uint8_t p[8];

	be64_put(p, (uint64_t)n);
	show(x, name, VALUE_INTEGER, p, sizeof(p));
}

static void show_hex(struct showing *x, const char *name, const uint8_t *p, size_t n)
{
	char hex[2 * 32 + 1];

	hex_encode(p, n, hex);
	show_text(x, name, hex);
}

/* A person by login name; one that the directory does not know any more by id. */
static void show_person(struct showing *x, const char *name, const uint8_t id[16])
{
	const struct principal *p = directory_principal(x->v->keys, id);

	if (id_is_zero(id))
		return;
	if (p != NULL)
		show_text(x, name, p->login);
	else
		show_hex(x, name, id, 16);
}

static void show_time(struct showing *x, const char *name, uint64_t ms)
{
	char text[25];

	if (ms == 0)
		return;
	clock_rfc3339(ms, text);
	show_text(x, name, text);
}

static void show_day(struct showing *x, const char *name, uint32_t day)
{
	char text[32];
	int year = 9999;
	unsigned month = 12, d = 31;

	if (day != UINT32_MAX)
		clock_date((int32_t)day - 1, &year, &month, &d);
	(void)snprintf(text, sizeof(text), "%04d-%02u-%02u", year, month, d);
	show_text(x, name, text);
}

/* The list of names or ids that stands in the scratch list. */
static void show_list(struct showing *x, const char *name, size_t at, size_t count)
{
	struct buf *b = &x->v->gov->list;

	value_end(b, at, count);
	if (buf_ok(b))
		show(x, name, VALUE_LIST, b->p, b->n);
	else
		buf_spoil(x->out, b);
	buf_reset(b);
}

static void show_purposes(struct showing *x, const struct gov_object *o)
{
	size_t at, count = 0;
	int position;

	if (o->prefix.type == GOV_GRANT || o->prefix.type == GOV_REQUEST) {
		if (o->purposes.n == 2 && (position = gov_purpose_position(x->v, be16_get(o->purposes.p))) >= 0)
			show_text(x, "purpose", policy_purpose(x->v->policy, (unsigned)position)->name);
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
	show_list(x, "purposes", at, count);
}

static void show_fields(struct showing *x, const struct gov_object *o)
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
	show_list(x, "fields", at, count);
}

static void show_records(struct showing *x, const struct gov_object *o)
{
	size_t at = value_begin(&x->v->gov->list);
	char hex[33];

	for (size_t i = 0; i < o->records.n; i += 16) {
		hex_encode(o->records.p + i, 16, hex);
		value_item_put(&x->v->gov->list, VALUE_TEXT, hex, 32);
	}
	show_list(x, "records", at, o->records.n / 16);
}

static void show_base64(struct showing *x, const char *name, const struct gov_bytes *document)
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
	show(x, name, VALUE_TEXT, p, b->n - 1);
	buf_reset(b);
}

static void show_assignment(struct showing *x, const struct gov_object *o)
{
	uint8_t yes = 1;

	show_records(x, o);
	show_number(x, "level", o->level);
	show_bytes(x, "note", &o->text);
	if ((o->flags & GOV_DEMO) != 0)
		show(x, "demo", VALUE_BOOL, &yes, 1);
	if ((o->flags & GOV_ANY_RECORD) != 0)
		show(x, "any_record", VALUE_BOOL, &yes, 1);
}

static void show_grant(struct showing *x, const struct gov_object *o)
{
	show_hex(x, "record", o->record, 16);
	show_number(x, "reads", o->count);
	if (o->count > 0)
		show_number(x, "reads_left", o->used < o->count ? o->count - o->used : 0);
}

/* Who joins with which roles, as the document has it. */
static void show_newcomer(struct showing *x, const struct operation_reading *r)
{
	size_t at = value_begin(&x->v->gov->list), count = 0;

	for (unsigned i = 0; i < r->role_count; i++) {
		const struct policy_role *role = policy_role_by_id(x->v->policy, r->roles[i].role);

		if (role == NULL)
			continue;
		value_item_put(&x->v->gov->list, VALUE_TEXT, role->name, strlen(role->name));
		count++;
	}
	show_list(x, "roles", at, count);
	show_text(x, "login", r->principal.login);
	show_text(x, "code", r->code);
	show_time(x, "expires_at", r->op.head.expires_ms);
}

/* Login names of custodians. */
static void show_custodians(struct showing *x, const char *name, const uint8_t (*ids)[16], unsigned n)
{
	size_t at = value_begin(&x->v->gov->list), count = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct principal *p = directory_principal(x->v->keys, ids[i]);

		if (p == NULL)
			continue;
		value_item_put(&x->v->gov->list, VALUE_TEXT, p->login, strlen(p->login));
		count++;
	}
	show_list(x, name, at, count);
}

/* How far a ceremony is; its key and the caller's own rows where they are opened. */
static void show_ceremony(struct showing *x, const struct gov_ceremony *ceremony)
{
	uint8_t givers[DIR_SHARES_MAX][16];
	const uint8_t *giver;
	unsigned n = 0;

	while (n < DIR_SHARES_MAX && (giver = custody_giver(ceremony->custody, n)) != NULL)
		memcpy(givers[n++], giver, 16);
	show_custodians(x, "given", (const uint8_t (*)[16])givers, n);
	show_number(x, "needed", custody_needed(ceremony->custody));
	if (ceremony->bad > 0)
		show_custodians(x, "bad_shares", ceremony->bad_by, ceremony->bad);
	if (x->v->gov->shares.n == 0)
		return;
	show_hex(x, "ceremony", custody_public(ceremony->custody), 32);
	show_base64(x, "shares", &(struct gov_bytes){ x->v->gov->shares.p, x->v->gov->shares.n });
}

static void show_members(struct showing *x, const struct gov_object *o, bool whole)
{
	static const char *const steps[] = { "first-signature", "second-signature", "custodians" };
	const struct gov_ceremony *ceremony = gov_ceremony_of(x->v, o->id);
	struct operation_reading r;

	show_hex(x, "digest", o->digest, 32);
	if (o->document.n == 0 || operation_read(o->document.p, o->document.n, &r) != 0)
		return;
	show_newcomer(x, &r);
	show_text(x, "waits_for", steps[o->signatures.n / OPERATION_SIGNATURE]);
	if (ceremony != NULL)
		show_ceremony(x, ceremony);
	if (whole)
		show_base64(x, "document", &o->document);
}

static void show_request(struct showing *x, const struct gov_object *o, bool whole)
{
	static const char *const kinds[] = { "", "grant", "bulk", "export", "policy", "restore", "members" };

	show_text(x, "kind", kinds[o->kind]);
	if (o->kind == GOV_KIND_GRANT) {
		show_hex(x, "record", o->record, 16);
		show_number(x, "reads", o->count);
	} else if (o->kind == GOV_KIND_POLICY) {
		show_hex(x, "digest", o->digest, 32);
		if (whole)
			show_base64(x, "document", &o->document);
	} else if (o->kind == GOV_KIND_MEMBERS) {
		show_members(x, o, whole);
	} else if (o->kind != GOV_KIND_RESTORE) {
		show_number(x, "records", o->count);
	}
	show_bytes(x, "area", &o->area);
	show_bytes(x, "record_state", &o->status);
	show_bytes(x, "reason", &o->text);
	show_bytes(x, "decision", &o->decision);
	if (o->kind == GOV_KIND_EXPORT && o->prefix.state == GOV_APPROVED)
		show_hex(x, "mark", o->mark, sizeof(o->mark));
}

static void show_object(struct vault *v, enum gov_state state, const struct gov_object *o, bool whole, struct buf *out)
{
	struct showing x = { v, out, 0 };
	size_t at;

	wire_gov_object_head(out, o->id);
	at = wire_count_begin(out);
	buf_reset(&v->gov->list);
	show_text(&x, "state", gov_state_name(state));
	show_person(&x, "principal", o->principal);
	if (o->kind != GOV_KIND_POLICY && o->kind != GOV_KIND_MEMBERS)
		show_purposes(&x, o);
	show_fields(&x, o);
	show_day(&x, "until", o->prefix.due_day);
	if (o->prefix.type == GOV_ASSIGNMENT)
		show_assignment(&x, o);
	else if (o->prefix.type == GOV_GRANT)
		show_grant(&x, o);
	else if (o->prefix.type == GOV_REQUEST)
		show_request(&x, o, whole);
	else {
		show_bytes(&x, "area", &o->area);
		show_bytes(&x, "note", &o->text);
	}
	show_person(&x, "by", o->by);
	show_time(&x, "created_at", o->created_ms);
	show_person(&x, "decided_by", o->decided_by);
	show_time(&x, "decided_at", o->decided_ms);
	if (!id_is_zero(o->delegation))
		show_hex(&x, "delegation", o->delegation, 16);
	wire_count_end(out, at, x.count);
}

void gov_answer(struct vault *v, struct vault_call *c, const struct gov_object *o, bool whole)
{
	enum gov_state state;
	int r = gov_state_seen(v, o, c->today, &state);

	if (r == 0)
		show_object(v, state, o, whole, c->out);
	else
		(void)call_failed(c, r);
}

/* ---- who sees it ------------------------------------------------------------------------------------------------------ */

static int grant_visible(struct vault *v, const struct vault_call *c, const struct gov_object *o, bool *ret)
{
	struct gov_ask ask = { .purposes = &o->purposes, .fields = &o->fields };
	struct gov_authority by;
	struct record rec;
	int r;

	if ((r = record_load(v, o->record, false, &rec)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
	ask.record = &rec;
	*ret = gov_authority(v, c, &ask, &by) == DECIDE_YES;
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	return 0;
}

int gov_visible(struct vault *v, const struct vault_call *c, const struct gov_object *o, bool *ret)
{
	const uint8_t *me = c->principal->id;
	struct gov_bytes area = gov_area_of(v, o->principal);
	struct gov_ask ask = { .act = ACT_ASSIGN, .purposes = &o->purposes, .area = &area };
	struct gov_authority by;
	enum decision_reason why;
	int r = 0;

	*ret = ids_equal(o->principal, me) || ids_equal(o->by, me) || ids_equal(o->decided_by, me);
	if (o->kind == GOV_KIND_MEMBERS)
		*ret = c->principal->kind == PRINCIPAL_ADMINISTRATOR || c->principal->kind == PRINCIPAL_CUSTODIAN;
	if (*ret)
		return 0;
	if (o->prefix.type == GOV_ASSIGNMENT)
		*ret = gov_authority(v, c, &ask, &by) == DECIDE_YES;
	else if (o->prefix.type == GOV_GRANT)
		r = grant_visible(v, c, o, ret);
	else if (o->prefix.type == GOV_REQUEST && (r = gov_may_decide(v, c, o, &by, &why)) == 0)
		*ret = why == DECIDE_YES;
	return r;
}

/* ---- lists ------------------------------------------------------------------------------------------------------------ */

struct filter {
	struct wire_text state;		/* p NULL: any */
	bool has_principal, has_record, waiting;
	bool nothing;			/* it names what does not exist */
	uint8_t principal[16], record[16];
};

static bool is(const struct wire_text *t, const char *s)
{
	return strlen(s) == t->n && memcmp(s, t->p, t->n) == 0;
}

static unsigned take_filter(struct vault *v, struct vault_call *c, struct wire_list fields, struct filter *ret)
{
	const struct principal *p;
	struct wire_field f;

	memset(ret, 0, sizeof(*ret));
	while (wire_fields_next(&fields, &f)) {
		struct wire_text text = { (const char *)f.value.p, f.value.n };

		if (f.value.type != VALUE_TEXT) {
			call_field_error(c, f.name, PROBLEM_WRONG_TYPE, "text");
		} else if (is(&f.name, "state")) {
			ret->state = text;
		} else if (is(&f.name, "principal")) {
			ret->has_principal = true;
			p = directory_principal_named(v->keys, text.p, text.n);
			ret->nothing = ret->nothing || p == NULL;
			if (p != NULL)
				memcpy(ret->principal, p->id, 16);
		} else if (is(&f.name, "record")) {
			ret->has_record = true;
			if (text.n != 32 || hex_decode(text.p, text.n, ret->record, 16) != 0)
				call_field_error(c, f.name, PROBLEM_VALIDATION, "id of a record");
		} else if (is(&f.name, "waiting")) {
			ret->waiting = true;
			if (!is(&text, "me"))
				call_field_error(c, f.name, PROBLEM_VALIDATION, "me");
		} else {
			call_field_error(c, f.name, PROBLEM_UNKNOWN_MEMBER, "state, principal, record or waiting");
		}
	}
	return c->problem;
}

/* Whether an object passes the filter and the caller may see it. */
static int selects(struct vault *v, const struct vault_call *c, const struct filter *f, const struct gov_object *o, bool *ret,
    enum gov_state *ret_state)
{
	struct gov_authority by;
	enum decision_reason why;
	int r;

	*ret = false;
	if (f->nothing || (f->has_principal && !ids_equal(o->principal, f->principal)) ||
	    (f->has_record && !ids_equal(o->record, f->record) && !gov_list_has_id(&o->records, f->record)))
		return 0;
	if ((r = gov_state_seen(v, o, c->today, ret_state)) != 0)
		return r;
	if (f->state.p != NULL && !is(&f->state, gov_state_name(*ret_state)))
		return 0;
	if (!f->waiting)
		return gov_visible(v, c, o, ret);
	if (o->prefix.type != GOV_REQUEST || *ret_state != GOV_PENDING)
		return 0;
	if ((r = gov_may_decide(v, c, o, &by, &why)) == 0)
		*ret = why == DECIDE_YES;
	return r;
}

/* How many objects stand before the one that the cursor names; false: it is none of this collection's. */
static bool take_cursor(struct vault *v, uint16_t type, const struct wire_text *cursor, size_t *ret)
{
	const struct gov *g = v->gov;
	struct gov_entry *e = NULL;
	uint8_t sealed[WIRE_CURSOR_MAX];
	size_t n;

	*ret = g->n;
	if (cursor->n == 0)
		return true;
	buf_reset(&v->scratch);
	if (b64_decode(B64_URL, cursor->p, cursor->n, sealed, sizeof(sealed), &n) == 0 &&
	    keys_cursor_open(v->keys, sealed, n, &v->scratch) == 0 && v->scratch.n == CURSOR_PLAIN &&
	    v->scratch.p[0] == CURSOR_OBJECTS && be16_get(v->scratch.p + 1) == type)
		e = gov_find(v, type, v->scratch.p + 3);
	buf_reset(&v->scratch);
	while (e != NULL && *ret > 0)
		if (g->all[--*ret] == e)
			return true;
	return false;
}

static int put_cursor(struct vault *v, const struct gov_object *last, struct buf *out)
{
	uint8_t plain[CURSOR_PLAIN] = { CURSOR_OBJECTS };
	char text[WIRE_CURSOR_MAX + 1];
	int r;

	be16_put(plain + 1, last->prefix.type);
	memcpy(plain + 3, last->id, 16);
	buf_reset(&v->scratch);
	if ((r = keys_cursor_seal(v->keys, plain, sizeof(plain), &v->scratch)) == 0 && b64_size(B64_URL, v->scratch.n) > sizeof(text))
		r = CV_ERR_LIMIT;
	if (r == 0) {
		b64_encode(B64_URL, v->scratch.p, v->scratch.n, text);
		wire_text16_put(out, text, strlen(text));
	}
	buf_reset(&v->scratch);
	return r;
}

/* Newest first. */
unsigned gov_list(struct vault *v, struct vault_call *c, uint16_t type, const struct wire_gov_list *m)
{
	struct gov *g = v->gov;
	size_t at, next, count = 0, begin = c->out->n;
	unsigned looked = 0, problem;
	struct filter f;
	bool more;
	int r = 0;

	if ((problem = take_filter(v, c, m->fields, &f)) != 0)
		return problem;
	if (!take_cursor(v, type, &m->cursor, &next))
		return call_refuse(c, PROBLEM_BAD_CURSOR, "the cursor is not from a list of this collection");
	at = wire_count_begin(c->out);
	while (r == 0 && next > 0 && count < m->limit && looked < LIST_LOOK && c->out->n - begin < LIST_BYTES) {
		const struct gov_object *o = &g->all[--next]->held->o;
		enum gov_state state;
		bool selected;

		if (o->prefix.type != type)
			continue;
		looked++;
		r = selects(v, c, &f, o, &selected, &state);
		/* A record that does not open keeps its own objects out, not the list shut. */
		if (r == CV_ERR_AUTH || r == CV_ERR_FORMAT) {
			log_warn("a governance object is left out of a list: %s", cv_strerror(r));
			r = 0;
		} else if (r == 0 && selected) {
			show_object(v, state, o, false, c->out);
			count++;
		}
	}
	wire_count_end(c->out, at, count);
	more = next > 0 && looked > 0;
	/* The cursor names the last object of the collection that was looked at. */
	while (more && g->all[next]->held->o.prefix.type != type)
		next++;
	if (r == 0 && more)
		r = put_cursor(v, &g->all[next]->held->o, c->out);
	else if (r == 0)
		wire_text16_put(c->out, "", 0);
	if (r != 0)
		return call_failed(c, r);
	c->kind = LEAF_GOVERNANCE;
	c->detail.count = (uint32_t)count;
	return 0;
}

/*
 * SEARCH: which records hold a value, by its blind index. docs/PROTOCOL.md, docs/POLICY.md section 2. A record that the caller may not know
 * of is answered as if it were not there, in as many steps.
 */
#include <string.h>

#include "base/bytes.h"
#include "keys/index.h"
#include "vault/gov.h"
#include "vault/index.h"

#define RETRY_S 60u		/* of an index that is being made */
#define STRING_NAME "equals"	/* front's name for a value that came without a field's */

/* One search. */
struct search {
	const struct policy_index *index;
	const struct policy_role *role;		/* that asks */
	struct value value[POLICY_INDEX_FIELDS];
	uint8_t normal[INDEX_NORMAL_MAX];	/* of the values: what the token is of, and what a bucket's candidates must hold */
	size_t normal_n;
	struct index_found found;
	unsigned hits;
	uint8_t hit[INDEX_FOUND_MAX][16];
};
static struct search search;		/* one request at a time; wiped after it */

/* ---- the question -------------------------------------------------------------------------------------------------------- */

static const struct policy_role *searcher(struct vault *v, const struct vault_call *c, unsigned index)
{
	for (unsigned i = 0; i < c->subject.role_count; i++) {
		const struct policy_role *role = policy_role_by_id(v->policy, c->subject.roles[i]);

		if (role != NULL && (role->searches >> index & 1) != 0 && (role->purposes >> c->subject.purpose & 1) != 0)
			return role;
	}
	return NULL;
}

/*
 * An auditor who is told a child's number by those whom it concerns asks which record it is, to see who looked at it: for no purpose of
 * the profile, and by exact indexes alone, since the others want values opened.
 */
static unsigned take_auditor(struct vault_call *c, const struct policy_role *auditor, struct search *s)
{
	if (s->index->form != INDEX_EXACT)
		return call_decline(c, DECIDE_NO_RIGHT, "auditors search by exact indexes");
	s->role = auditor;
	return 0;
}

/* Index and role; and that the fields are for this purpose. */
static unsigned take_index(struct vault *v, struct vault_call *c, const struct wire_search *m, struct search *s)
{
	const struct policy_role *auditor = call_auditor(v, c);
	int at = policy_index_named(v->policy, m->index.p, m->index.n);

	if (at < 0)
		return call_refuse(c, PROBLEM_NOT_FOUND, "no such index");
	s->index = policy_index(v->policy, (unsigned)at);
	for (unsigned i = 0; i < s->index->fields; i++) {
		const struct policy_field *f = policy_field_by_id(v->policy, s->index->field[i]);

		call_mark_field(v, c, f);
		if (auditor == NULL && (f->purposes >> c->subject.purpose & 1) == 0)
			return call_decline(c, DECIDE_NO_PURPOSE_FIELD, "field %s", f->name);
	}
	if (auditor != NULL)
		return take_auditor(c, auditor, s);
	if ((s->role = searcher(v, c, (unsigned)at)) == NULL)
		return call_decline(c, DECIDE_NO_RIGHT, "no active role searches by %s", s->index->name);
	return 0;
}

/* A value as its field would store it; they lie in scratch and in the message. */
static void take_value(struct vault *v, struct vault_call *c, const struct wire_field *in, struct search *s)
{
	const bool bare = s->index->fields == 1 && in->name.n == strlen(STRING_NAME) && memcmp(in->name.p, STRING_NAME, in->name.n) == 0;
	struct value raw = { in->value.type, in->value.p, in->value.n };
	const char *expected = "value";
	int r = CV_ERR_NOTFOUND;

	for (unsigned i = 0; i < s->index->fields && r == CV_ERR_NOTFOUND; i++) {
		const struct policy_field *f = policy_field_by_id(v->policy, s->index->field[i]);

		if (!bare && (strlen(f->name) != in->name.n || memcmp(f->name, in->name.p, in->name.n) != 0))
			continue;
		r = raw.type == VALUE_NULL ? CV_ERR_FORMAT : field_accept(f, &raw, c->today, &v->scratch, &s->value[i], &expected);
	}
	if (r == CV_ERR_NOTFOUND)
		call_field_error(c, in->name, PROBLEM_UNKNOWN_FIELD, "a field of the index");
	else if (r != 0)
		call_field_error(c, in->name, r == CV_ERR_FORMAT ? PROBLEM_WRONG_TYPE : PROBLEM_VALIDATION, expected);
}

static unsigned take_values(struct vault *v, struct vault_call *c, const struct wire_search *m, struct search *s)
{
	struct wire_list list = m->fields;
	struct wire_field in;

	buf_reset(&v->scratch);
	while (wire_fields_next(&list, &in))
		take_value(v, c, &in, s);
	for (unsigned i = 0; c->problem == 0 && i < s->index->fields; i++)
		if (s->value[i].type == VALUE_NULL) {
			const char *name = policy_field_by_id(v->policy, s->index->field[i])->name;

			call_field_error(c, wire_text(name, strlen(name)), PROBLEM_VALIDATION, "a value for each field of the index");
		}
	if (c->problem == 0 && index_normal(s->index, s->value, s->normal, &s->normal_n) != 0)
		return call_refuse(c, PROBLEM_VALIDATION, "nothing of the value can be looked for");
	return c->problem;
}

/* ---- the records --------------------------------------------------------------------------------------------------------- */

/* Whether the row of the index's class, opened, holds these very values: many records share a bucket's token. */
static bool holds(struct vault *v, struct vault_call *c, const struct record *rec, struct search *s)
{
	const uint16_t class_id = policy_field_by_id(v->policy, s->index->field[0])->class;
	const struct head_class *hc = head_class_find((struct head *)&rec->head, (uint32_t)class_id << 16);
	struct value values[POLICY_INDEX_FIELDS];
	uint8_t normal[INDEX_NORMAL_MAX];
	bool same = hc != NULL && record_load_content(v, c, rec, hc, &v->content, NULL) == 0;
	size_t n = 0;

	for (unsigned i = 0; same && i < s->index->fields; i++) {
		const struct content_item *item = content_find(&v->content, s->index->field[i]);

		same = item != NULL;
		if (same)
			values[i] = (struct value){ item->type, v->content.bytes.p + item->at, item->length };
	}
	same = same && index_normal(s->index, values, normal, &n) == 0 && n == s->normal_n && memcmp(normal, s->normal, n) == 0;
	wipe(normal, n);
	content_clear(&v->content);
	return same;
}

/* What is asked of each candidate, and of a stand-in where there is none, so that both take the same steps. */
static bool may_know(struct vault *v, struct vault_call *c, const struct record *rec, struct search *s)
{
	bool known = rec->head.state != STATE_ERASING && record_in_area(v, c, rec, s->role);

	return s->index->form == INDEX_EXACT || holds(v, c, rec, s) ? known : false;
}

static bool names_token(const struct head *h, const struct policy_index *x, uint32_t epoch, const uint8_t token[16])
{
	for (unsigned i = 0; i < h->tokens; i++)
		if (h->token[i].index == x->id && h->token[i].epoch == epoch && memcmp(h->token[i].token, token, 16) == 0)
			return true;
	return false;
}

/* A record that is there, for a search that found none; whatever becomes of it, nothing was found. */
static void stand_in(struct vault *v, struct vault_call *c, const uint8_t token[16], struct search *s)
{
	__attribute__((uninitialized)) struct record rec;	/* record_load writes what is read */
	struct store_value val;
	uint8_t key[REC_KEY_MAX], id[16];
	uint32_t epoch, slot;
	uint64_t serial;
	size_t n;

	if (v->counters.next_serial < 2)
		return;
	serial = 1 + be48_get(token) % (v->counters.next_serial - 1);
	n = rec_key(serial, REC_HEAD, 0, 0, key);
	if (store_get(v->store, STORE_REC, key, n, &val) != 0 || head_prefix_decode(val.p, val.n, &epoch, &slot, id) != 0)
		return;
	if (record_load(v, id, false, &rec) == 0) {
		(void)may_know(v, c, &rec, s);
		wipe(rec.head.log_key, sizeof(rec.head.log_key));
	}
}

/* Sort the found out; the leaf is about the one child that was found, known to the caller or not. */
static int sort_out(struct vault *v, struct vault_call *c, const uint8_t token[16], uint32_t epoch, struct search *s)
{
	__attribute__((uninitialized)) struct record rec;	/* record_load writes what is read */
	int r = 0;

	for (unsigned i = 0; r == 0 && i < s->found.n; i++) {
		if ((r = record_load(v, s->found.record[i], false, &rec)) == CV_ERR_NOTFOUND) {
			r = 0;	/* left over, as below */
			continue;
		}
		if (r != 0)
			break;
		if (rec.serial != s->found.serial[i] || !names_token(&rec.head, s->index, epoch, token)) {
			wipe(rec.head.log_key, sizeof(rec.head.log_key));
			continue;	/* a posting that is left over: the head decides */
		}
		if (s->index->form == INDEX_EXACT && s->found.n == 1)
			call_child(c, &rec);
		if (may_know(v, c, &rec, s))
			memcpy(s->hit[s->hits++], rec.head.record, 16);
		else if (s->index->form == INDEX_EXACT)
			c->rule = DECIDE_OUT_OF_AREA;
		if (s->index->form == INDEX_BUCKET && s->hits == 1 && memcmp(s->hit[0], rec.head.record, 16) == 0)
			call_child(c, &rec);
		wipe(rec.head.log_key, sizeof(rec.head.log_key));
	}
	if (r == 0 && s->found.n == 0)
		stand_in(v, c, token, s);
	if (s->hits > 1) {		/* of many children the leaf names none */
		c->has_child = false;
		memset(c->detail.record, 0, sizeof(c->detail.record));
		wipe(c->log_key, sizeof(c->log_key));
	}
	return r;
}

static unsigned look(struct vault *v, struct vault_call *c, struct search *s)
{
	const struct index_state *state = index_state_of(v, s->index->id);
	uint8_t token[16];
	int r;

	if (state == NULL || state->epoch == 0) {
		c->retry_after_s = RETRY_S;
		return call_refuse(c, PROBLEM_INDEX_REBUILDING, "the index %s is being made", s->index->name);
	}
	if ((r = gov_search_budget(v, c)) != 0)
		return r == CV_ERR_DENIED ? c->problem : call_failed(c, r);
	keys_index_token(v->keys, s->index->id, state->epoch, s->index->bits, s->normal, s->normal_n, token);
	if ((r = index_find(v, s->index, state->epoch, token, &s->found)) != 0 || (r = sort_out(v, c, token, state->epoch, s)) != 0)
		return call_failed(c, r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r);
	return 0;
}

unsigned vault_search(struct vault *v, struct vault_call *c, const struct wire_search *m)
{
	struct search *s = &search;
	unsigned problem = 0;

	memset(s, 0, offsetof(struct search, normal));
	s->normal_n = s->hits = 0;
	if ((call_auditor(v, c) != NULL || (problem = call_purpose(v, c, false)) == 0) && (problem = take_index(v, c, m, s)) == 0 &&
	    (problem = take_values(v, c, m, s)) == 0)
		problem = look(v, c, s);
	if (s->role != NULL) {
		c->detail.role = s->role->id;
		c->detail.department = s->role->department;
	}
	if (problem == 0) {
		c->kind = LEAF_SEARCH;
		c->detail.count = s->hits;
		wire_search_answer_put(c->out, s->hits, (const uint8_t (*)[16])s->hit);
	}
	wipe(s->normal, s->normal_n);
	buf_reset(&v->scratch);
	return problem;
}

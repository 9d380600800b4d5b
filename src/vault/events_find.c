/*
 * Which leaves an auditor asks for: by child, person, kind, time and purpose. Core is one thread, so a call looks at a bounded
 * stretch of the log and answers what it found there, perhaps nothing, with a cursor.
 *
 * By child the column of subject tags says which leaves to read. By person every leaf's actor tag is computed: the leaf itself tells
 * core no more than others. Purpose stands in bodies alone, so core judges it where it has the child's key; elsewhere whoever opens
 * body A sees it.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "vault/events_page.h"

#define SCAN_MAX 16384u		/* leaves that one call reads at most, and looks at: about 10 ms */
#define FOUND_MAX 256u		/* leaves of a child that are taken from the column at a time */
#define SEGMENT_REACH 8192u	/* leaves back within which a segment's own leaf stands (it holds 4,096 at most) */
#define CURSOR_TAG 'E'

struct search {
	bool by_child, by_person, by_kind, by_purpose;
	uint8_t log_key[32];
	uint8_t principal[16];
	uint8_t kind;
	uint16_t purpose;
	uint64_t since_ms, until_ms;
	uint64_t at, end;	/* leaves that are still to be looked at */
	uint8_t digest[16];	/* of all of it: a cursor is good for the same question only */
};

bool events_searched(const struct wire_events *m)
{
	return m->principal.n + m->record.n + m->kind.n + m->purpose.n + m->cursor.n > 0 || m->since_ms != 0 || m->until_ms != 0;
}

/* ---- the question ------------------------------------------------------------------------------------------------------- */

static unsigned bad(struct vault_call *c, const char *what)
{
	return call_refuse(c, PROBLEM_BAD_REQUEST, "%s", what);
}

static unsigned take_principal(struct vault *v, struct vault_call *c, const struct wire_text *t, struct search *s)
{
	const struct principal *p = directory_principal_named(v->keys, t->p, t->n);

	if (p != NULL)
		memcpy(s->principal, p->id, 16);
	else if (hex_decode(t->p, t->n, s->principal, 16) != 0)
		return bad(c, "principal= is a login name or an id of 32 hexadecimal digits");
	s->by_person = true;
	return 0;
}

static unsigned take_kind(struct vault_call *c, const struct wire_text *t, struct search *s)
{
	for (unsigned kind = 0; kind <= UINT8_MAX; kind++) {
		const char *name = leaf_kind_name(kind);

		if (strlen(name) == t->n && memcmp(name, t->p, t->n) == 0 && strcmp(name, "unknown") != 0) {
			s->by_kind = true;
			s->kind = (uint8_t)kind;
			return 0;
		}
	}
	return bad(c, "kind= is a kind of leaves");
}

static unsigned take_purpose(struct vault *v, struct vault_call *c, const struct wire_text *t, struct search *s)
{
	int at = policy_purpose_named(v->policy, t->p, t->n);

	if (at < 0)
		return bad(c, "purpose= is a purpose of the policy");
	s->by_purpose = true;
	s->purpose = policy_purpose(v->policy, (unsigned)at)->id;
	return 0;
}

/* Whose file it is: the call is then about this child, so that its own leaf says whose trail was read. */
static unsigned take_record(struct vault *v, struct vault_call *c, const struct wire_text *t, struct search *s)
{
	__attribute__((uninitialized)) struct record rec;	/* 7 KiB; record_load writes what is read */
	uint8_t id[16];
	int r;

	if (hex_decode(t->p, t->n, id, 16) != 0)
		return bad(c, "record= is an id of 32 hexadecimal digits");
	if ((r = record_load(v, id, false, &rec)) != 0)
		return call_failed(c, r);
	call_child(c, &rec);
	memcpy(s->log_key, rec.head.log_key, sizeof(s->log_key));
	s->by_child = true;
	wipe(&rec.head, sizeof(rec.head));
	return 0;
}

/* 0 or CV_ERR_NOMEM. */
static int digest(struct vault *v, const struct vault_call *c, const struct wire_events *m, uint8_t ret[16])
{
	struct buf b;
	int r;

	buf_init(&b, 2048);
	buf_put(&b, c->principal->id, 16);
	wire_text8_put(&b, m->principal.p, m->principal.n);
	wire_text8_put(&b, m->record.p, m->record.n);
	wire_text8_put(&b, m->kind.p, m->kind.n);
	wire_text8_put(&b, m->purpose.p, m->purpose.n);
	buf_u64(&b, m->since_ms);
	buf_u64(&b, m->until_ms);
	if ((r = buf_ok(&b) ? 0 : CV_ERR_NOMEM) == 0)
		keys_request_digest(v->keys, b.p, b.n, ret);
	buf_free(&b);
	return r;
}

static void cursor_plain(const struct search *s, uint8_t ret[49])
{
	memset(ret, 0, 49);
	ret[0] = CURSOR_TAG;
	memcpy(ret + 1, s->digest, 16);
	be64_put(ret + 17, s->at);
	be64_put(ret + 25, s->end);
}

/* Where to look: behind the cursor, or from the first index on and within the times. */
static unsigned take_place(struct vault *v, struct vault_call *c, const struct wire_events *m, struct search *s)
{
	const uint64_t size = audit_leaves(v->audit);
	uint8_t given[49], plain[49];
	uint64_t from = 0;
	int r;

	if ((r = digest(v, c, m, s->digest)) != 0)
		return call_failed(c, r);
	if (m->cursor.n > 0) {
		if (!cursor_take(v, &m->cursor, given, sizeof(given)))
			return call_refuse(c, PROBLEM_BAD_CURSOR, "the cursor is none of this vault's");
		s->at = be64_get(given + 17);
		s->end = be64_get(given + 25);
		cursor_plain(s, plain);
		if (memcmp(plain, given, sizeof(plain)) != 0 || s->at > s->end || s->end > size)
			return call_refuse(c, PROBLEM_BAD_CURSOR, "the cursor is of another caller or question");
		return 0;
	}
	s->at = m->first < size ? m->first : size;
	s->end = size;
	if (m->since_ms != 0 || m->until_ms != 0) {
		if ((r = audit_find_days(v->audit, s->since_ms, s->until_ms, &from, &s->end)) != 0)
			return call_failed(c, r);
		s->at = s->at > from ? s->at : from;
		s->at = s->at < s->end ? s->at : s->end;
	}
	return 0;
}

static unsigned take_question(struct vault *v, struct vault_call *c, const struct wire_events *m, struct search *s)
{
	unsigned problem;

	s->since_ms = m->since_ms;
	s->until_ms = m->until_ms != 0 ? m->until_ms : UINT64_MAX;
	if (m->principal.n > 0 && (problem = take_principal(v, c, &m->principal, s)) != 0)
		return problem;
	if (m->purpose.n > 0 && m->record.n == 0)
		return bad(c, "purpose= goes with record=: elsewhere body A tells it to whoever opens it");
	if ((m->kind.n > 0 && (problem = take_kind(c, &m->kind, s)) != 0) ||
	    (m->purpose.n > 0 && (problem = take_purpose(v, c, &m->purpose, s)) != 0) ||
	    (m->record.n > 0 && (problem = take_record(v, c, &m->record, s)) != 0))
		return problem;
	return take_place(v, c, m, s);
}

/* ---- the leaves ----------------------------------------------------------------------------------------------------------- */

int events_segment_of(struct vault *v, uint64_t index, const uint8_t segment[16], uint64_t *ret)
{
	struct leaf l;
	int r;

	for (uint64_t back = 1; back <= index && back <= SEGMENT_REACH; back++) {
		buf_reset(&v->scratch);
		if ((r = audit_read_leaf(v->audit, index - back, &v->scratch)) != 0 ||
		    (r = leaf_decode(v->scratch.p, v->scratch.n, &l)) != 0)
			return r;
		if (l.kind == LEAF_SEGMENT && memcmp(l.segment, segment, 16) == 0) {
			*ret = index - back;
			return 0;
		}
	}
	return CV_ERR_NOTFOUND;
}

/* Have the leaf's segment among the page's. False: the page has as many as it may. */
static bool take_segment(struct vault *v, struct page *p, const struct leaf *l)
{
	if ((l->flags & LEAF_CLEAR) != 0)
		return true;
	for (unsigned i = p->segments; i-- > 0;)
		if (memcmp(p->segment[i].id, l->segment, 16) == 0)
			return true;
	if (p->segments == PAGE_SEGMENTS)
		return false;
	memcpy(p->segment[p->segments].id, l->segment, 16);
	if (events_segment_of(v, l->index, l->segment, &p->segment[p->segments].index) != 0)
		p->segment[p->segments].index = UINT64_MAX;	/* it stays closed */
	p->segments++;
	return true;
}

/* Whether a leaf that was read is one of those. Opens its detail where the child is known. */
static bool wanted(struct vault *v, const struct search *s, struct paged *it)
{
	const struct leaf *l = &it->leaf;
	uint8_t tag[16];

	it->resolved = false;
	if ((s->by_kind && l->kind != s->kind) || l->time_ms < s->since_ms || l->time_ms >= s->until_ms)
		return false;
	if (s->by_person) {
		keys_actor_tag(v->keys, s->principal, l->index, tag);
		if (memcmp(tag, l->actor_tag, sizeof(tag)) != 0)
			return false;
	}
	if (s->by_child)
		it->resolved = audit_open_detail(l, s->log_key, &it->detail) == 0;
	return !s->by_purpose || (it->resolved && it->detail.purpose == s->purpose);
}

/*
 * Read the leaf at index and keep it if it is one of those. *ret_full: it is, but the page has no room for it or its segment. 0 or
 * the log's error.
 */
static int look(struct vault *v, const struct wire_events *m, const struct search *s, uint64_t index, struct page *p, bool *ret_full)
{
	__attribute__((uninitialized)) struct paged spare;
	struct paged *it = p->n < m->limit ? &p->item[p->n] : &spare;
	int r;

	it->at = p->bytes.n;
	if ((r = audit_read_leaf(v->audit, index, &p->bytes)) != 0)
		return r;
	it->n = p->bytes.n - it->at;
	if ((r = leaf_decode(p->bytes.p + it->at, it->n, &it->leaf)) != 0)
		return r;
	if (!wanted(v, s, it)) {
		buf_cut(&p->bytes, it->at);
		return 0;
	}
	*ret_full = p->n == m->limit || p->bytes.n > PAGE_BYTES || (m->keys && !take_segment(v, p, &it->leaf));
	if (*ret_full) {
		wipe(&it->detail, sizeof(it->detail));
		buf_cut(&p->bytes, it->at);
	} else {
		p->open += (it->leaf.flags & LEAF_CHILD) != 0 && !it->resolved;
		p->n++;
	}
	return 0;
}

/* Every leaf of the stretch. */
static int scan(struct vault *v, const struct wire_events *m, struct search *s, struct page *p)
{
	const uint64_t stop = s->end - s->at > SCAN_MAX ? s->at + SCAN_MAX : s->end;
	bool full = false;
	int r;

	for (; s->at < stop; s->at++)
		if ((r = look(v, m, s, s->at, p, &full)) != 0 || full)
			return r;
	return 0;
}

/* Those that the column names. */
static int scan_child(struct vault *v, const struct wire_events *m, struct search *s, struct page *p)
{
	const uint64_t stop = s->end - s->at > AUDIT_FIND_STEP ? s->at + AUDIT_FIND_STEP : s->end;
	uint64_t found[FOUND_MAX], at = s->at;
	unsigned n, read = 0;
	bool full = false;
	int r;

	while (at < stop && read < SCAN_MAX) {
		if ((r = audit_find_subject(v->audit, s->log_key, &at, stop, found, FOUND_MAX, &n)) != 0)
			return r;
		for (unsigned i = 0; i < n; i++, read++) {
			s->at = found[i];
			if ((r = look(v, m, s, found[i], p, &full)) != 0 || full)
				return r;
		}
		s->at = at;
	}
	return 0;
}

unsigned events_find(struct vault *v, struct vault_call *c, const struct wire_events *m, struct page *p)
{
	struct search s = { .at = 0 };
	unsigned problem = take_question(v, c, m, &s);
	int r;

	p->searched = true;
	if (problem == 0 && (r = s.by_child ? scan_child(v, m, &s, p) : scan(v, m, &s, p)) != 0)
		problem = call_failed(c, r == CV_ERR_NOTFOUND ? CV_ERR_IO : r);
	p->next = s.at;
	p->more = problem == 0 && s.at < s.end;
	if (p->more)
		cursor_plain(&s, p->cursor);
	wipe(&s, sizeof(s));
	return problem;
}

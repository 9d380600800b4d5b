/* EVENTS, CHECKPOINT, TILE: what auditors read of the log while the vault runs. */
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "vault/events_page.h"

static struct page page;	/* too large for the stack */

static unsigned need_auditor(struct vault *v, struct vault_call *c)
{
	const struct policy_role *role = call_auditor(v, c);

	if (role == NULL)
		return call_refuse(c, PROBLEM_NOT_PERMITTED, "only an auditor's role reads the log");
	c->detail.role = role->id;
	c->detail.department = role->department;
	return 0;
}

/* An empty page. */
static void page_begin(void)
{
	if (page.bytes.max == 0)
		buf_init(&page.bytes, PAGE_BYTES + (4u << 20));
	buf_reset(&page.bytes);
	page.n = page.open = page.segments = 0;
	page.searched = page.more = false;
}

static int page_load(struct vault *v, uint64_t first, unsigned limit)
{
	uint64_t end = store_applied_leaves(v->store);
	int r = 0;

	for (uint64_t i = first; i < end && page.n < limit && page.bytes.n < PAGE_BYTES; i++) {
		page.item[page.n].at = page.bytes.n;
		if ((r = audit_read_leaf(v->audit, i, &page.bytes)) != 0)
			return r;
		page.item[page.n].n = page.bytes.n - page.item[page.n].at;
		page.item[page.n].resolved = false;
		page.n++;
	}
	for (unsigned i = 0; i < page.n; i++) {
		if ((r = leaf_decode(page.bytes.p + page.item[i].at, page.item[i].n, &page.item[i].leaf)) != 0)
			return r;
		page.open += (page.item[i].leaf.flags & LEAF_CHILD) != 0;
	}
	page.next = first + page.n;
	return 0;
}

/* A child's day key, kept from leaf to leaf: most leaves of a page are of one day. */
struct day_key {
	bool made;
	uint32_t epoch;
	uint8_t key[16];
};

/* Whether this child's day key makes the leaf's subject tag; if so its detail opens. */
static void try_child(struct paged *it, const uint8_t log_key[32], struct day_key *day)
{
	uint8_t index[8], tag[16];

	if (!day->made || day->epoch != it->leaf.epoch) {
		audit_day_key(log_key, it->leaf.epoch, day->key);
		day->epoch = it->leaf.epoch;
		day->made = true;
	}
	be64_put(index, it->leaf.index);
	crypto_siphash128(day->key, index, sizeof(index), tag);
	if (memcmp(tag, it->leaf.subject_tag, 16) == 0 && audit_open_detail(&it->leaf, log_key, &it->detail) == 0) {
		it->resolved = true;
		page.open--;
	}
}

static struct head tried;	/* too large for the stack; wiped with the page */

/* Open the head of a serial and try its log key on one leaf, or on all that are still open. */
static void try_serial(struct vault *v, uint64_t serial, struct paged *one)
{
	struct day_key day = { .made = false };
	struct store_value val;
	uint8_t key[REC_KEY_MAX];
	size_t n = rec_key(serial, REC_HEAD, 0, 0, key);

	if (store_get(v->store, STORE_REC, key, n, &val) != 0 || record_head_open(v->keys, val.p, val.n, NULL, &tried) != 0)
		return;
	if (one != NULL)
		try_child(one, tried.log_key, &day);
	else
		for (unsigned i = 0; i < page.n; i++)
			if ((page.item[i].leaf.flags & LEAF_CHILD) != 0 && !page.item[i].resolved)
				try_child(&page.item[i], tried.log_key, &day);
	wipe(&day, sizeof(day));
}

/*
 * A leaf does not say which child it is about; only the child's own key tells. Recent leaves are remembered in memory, for
 * the others every child's key is tried, a page at a time; not for a search, which goes through many pages.
 */
static void page_resolve(struct vault *v)
{
	for (unsigned i = 0; i < page.n && page.open > 0; i++) {
		struct paged *it = &page.item[i];
		uint64_t slot = it->leaf.index & (VAULT_RECENT - 1);

		if ((it->leaf.flags & LEAF_CHILD) != 0 && !it->resolved && v->recent[slot].index == it->leaf.index &&
		    v->recent[slot].serial != 0)
			try_serial(v, v->recent[slot].serial, it);
	}
	for (uint64_t serial = 1; !page.searched && serial < v->counters.next_serial && page.open > 0; serial++)
		try_serial(v, serial, NULL);
	wipe(&tried, sizeof(tried));
}

/* Names of the fields whose bits are set. */
static size_t put_bitmap(struct vault *v, const struct leaf_detail *d, struct buf *out)
{
	size_t count = 0;

	for (unsigned i = 0; i < d->bitmap_n * 8u && i < policy_fields(v->policy); i++) {
		const char *name;

		if ((d->bitmap[i / 8] >> i % 8 & 1) == 0)
			continue;
		name = policy_field(v->policy, i)->name;
		wire_text8_put(out, name, strlen(name));
		count++;
	}
	return count;
}

static const char *purpose_name(struct vault *v, uint16_t id)
{
	for (unsigned i = 0; i < policy_purposes(v->policy); i++)
		if (policy_purpose(v->policy, i)->id == id)
			return policy_purpose(v->policy, i)->name;
	return "";
}

static struct wire_text text_of(const char *s)
{
	return wire_text(s, strlen(s));
}

static void put_event(struct vault *v, const struct paged *it, struct buf *out)
{
	const struct leaf_detail *d = &it->detail;
	struct wire_event e;
	struct buf names;
	struct rd rd;

	memset(&e, 0, sizeof(e));
	e.index = it->leaf.index;
	e.leaf = page.bytes.p + it->at;
	e.leaf_n = (uint16_t)it->n;
	e.has_detail = it->resolved;
	buf_init(&names, 1u << 16);
	if (it->resolved) {
		const struct policy_role *role = policy_role_by_id(v->policy, d->role);
		size_t at = wire_count_begin(&names);

		e.detail.record = d->record;
		e.detail.view = d->view;
		e.detail.role = text_of(role != NULL ? role->name : "");
		e.detail.department = text_of(policy_department_name(v->policy, d->department));
		e.detail.purpose = text_of(purpose_name(v, d->purpose));
		e.detail.outcome = d->outcome;
		e.detail.approval = d->approval;
		e.detail.count = d->count;
		wire_count_end(&names, at, put_bitmap(v, d, &names));
		rd = rd_over(names.p, names.n);
		(void)wire_names_get(&rd, &e.detail.fields);	/* just written: cannot be malformed */
		e.detail.case_text = wire_text(d->case_text, d->case_n);
		e.detail.reason = wire_text(d->reason, d->reason_n);
	}
	wire_event_put(out, &e);
	buf_free(&names);
}

/* Append this auditor's sealed copy of a segment's key, if the leaf is a segment leaf and holds one. */
static size_t put_segment(const struct leaf *l, const uint8_t auditor[16], struct buf *out)
{
	struct wire_segment s = { .segment = l->segment };

	if (l->kind != LEAF_SEGMENT || leaf_segment_copy(l, auditor, &s.month, &s.sealed) != 0)
		return 0;
	wire_segment_put(out, &s);
	return 1;
}

/* This auditor's copy of the key of a segment whose own leaf stands at index. */
static size_t put_segment_at(struct vault *v, const struct vault_call *c, uint64_t index)
{
	size_t count = 0;
	struct leaf l;

	buf_reset(&v->scratch);
	if (audit_read_leaf(v->audit, index, &v->scratch) == 0 && leaf_decode(v->scratch.p, v->scratch.n, &l) == 0)
		count = put_segment(&l, c->principal->id, c->out);
	buf_reset(&v->scratch);
	return count;
}

/* The leaf that opened the segment of the page's first sealed leaf stands before the page. */
static size_t put_earlier_segment(struct vault *v, struct vault_call *c)
{
	static const uint8_t none[16];
	uint64_t index;
	unsigned sealed = 0;

	while (sealed < page.n && memcmp(page.item[sealed].leaf.segment, none, 16) == 0)
		sealed++;	/* leaves of the system have clear bodies */
	if (sealed == page.n || page.item[sealed].leaf.kind == LEAF_SEGMENT ||
	    events_segment_of(v, page.item[0].leaf.index, page.item[sealed].leaf.segment, &index) != 0)
		return 0;
	return put_segment_at(v, c, index);
}

static size_t put_segments(struct vault *v, struct vault_call *c)
{
	size_t count = 0;

	if (page.searched) {
		for (unsigned i = 0; i < page.segments; i++)
			if (page.segment[i].index != UINT64_MAX)
				count += put_segment_at(v, c, page.segment[i].index);
		return count;
	}
	count = put_earlier_segment(v, c);
	for (unsigned i = 0; i < page.n; i++)
		count += put_segment(&page.item[i].leaf, c->principal->id, c->out);
	return count;
}

struct people_put {
	struct buf *out;
	size_t count;
};

static void put_person(void *cookie, const uint8_t principal[16], const uint8_t *sealed, size_t n)
{
	struct people_put *x = cookie;
	struct wire_person p = { principal, sealed, (uint16_t)n };

	wire_person_put(x->out, &p);
	x->count++;
}

static void put_keys(struct vault *v, struct vault_call *c)
{
	struct people_put people = { c->out, 0 };
	size_t at = wire_count_begin(c->out);

	wire_count_end(c->out, at, put_segments(v, c));
	at = wire_count_begin(c->out);
	directory_people(v->keys, v->store, c->principal->id, put_person, &people);
	wire_count_end(c->out, at, people.count);
	wire_policy_put(c->out, v->policy_doc.p, v->policy_doc.n);
}

/* The leaves that are asked for. A leaf's pointers hold once all of them are read: the page's bytes may move until then. */
static unsigned page_fill(struct vault *v, struct vault_call *c, const struct wire_events *m)
{
	unsigned problem;
	int r;

	page_begin();
	if (!events_searched(m))
		return (r = page_load(v, m->first, m->limit)) == 0 ? 0 : call_failed(c, r == CV_ERR_NOTFOUND ? CV_ERR_IO : r);
	if ((problem = events_find(v, c, m, &page)) != 0)
		return problem;
	for (unsigned i = 0; i < page.n; i++)
		(void)leaf_decode(page.bytes.p + page.item[i].at, page.item[i].n, &page.item[i].leaf);	/* they were decoded before */
	return 0;
}

static int put_page(struct vault *v, struct vault_call *c, const struct wire_events *m)
{
	size_t at;
	int r;

	wire_events_answer_head(c->out, store_applied_leaves(v->store), page.next);
	if (!page.more)
		wire_text16_put(c->out, "", 0);
	else if ((r = cursor_put(v, page.cursor, sizeof(page.cursor), c->out)) != 0)
		return r;
	at = wire_count_begin(c->out);
	for (unsigned i = 0; i < page.n; i++)
		put_event(v, &page.item[i], c->out);
	wire_count_end(c->out, at, page.n);
	buf_u8(c->out, m->keys);
	if (m->keys)
		put_keys(v, c);
	return 0;
}

unsigned vault_events(struct vault *v, struct vault_call *c, const struct wire_events *m)
{
	unsigned problem;
	int r;

	if ((problem = need_auditor(v, c)) != 0)
		return problem;
	if ((problem = page_fill(v, c, m)) == 0) {
		page_resolve(v);
		if ((r = put_page(v, c, m)) != 0)
			problem = call_failed(c, r);
	}
	c->kind = LEAF_AUDIT_READ;
	c->detail.count = page.n;
	for (unsigned i = 0; i < page.n; i++)
		wipe(&page.item[i].detail, sizeof(page.item[i].detail));
	buf_reset(&page.bytes);
	return problem;
}

unsigned vault_checkpoint(struct vault *v, struct vault_call *c)
{
	unsigned problem = need_auditor(v, c);
	int r;

	if (problem != 0)
		return problem;
	c->no_leaf = true;	/* size, root and signatures: nothing about anybody */
	r = audit_read_checkpoint(v->audit, c->out);
	return r == 0 ? 0 : call_failed(c, r);
}

unsigned vault_tile(struct vault *v, struct vault_call *c, const struct wire_tile *m)
{
	unsigned problem = need_auditor(v, c);
	int r;

	if (problem != 0)
		return problem;
	c->no_leaf = m->level != WIRE_TILE_ENTRIES;	/* hashes tell nothing; entries are an auditor's read */
	c->kind = LEAF_AUDIT_READ;
	r = audit_read_tile(v->audit, m->level, m->n, m->width, c->out);
	return r == 0 ? 0 : call_failed(c, r);
}

/* HISTORY: current and replaced versions of the classes that answer the asked fields, newest first in each class. */
#include <string.h>

#include "base/bytes.h"
#include "vault/fields.h"

#define HISTORY_DEFAULT 100
#define HISTORY_MAX 1000
#define HISTORY_CHECKED 4096	/* changes whose chain is recomputed when history is read; about a microsecond each */

struct history {
	struct vault *v;
	struct vault_call *c;
	struct record *rec;
	unsigned wanted;
	unsigned limit;			/* versions of each class */
	uint64_t before;		/* only versions below; 0: all */
	size_t count;
	unsigned of_class;		/* versions answered of the present class */
	bool full;			/* and it has more than may be shown */
	bool more;
	bool has_key;			/* the session holds the present class: else a grant opens what it opens */
	const char *class_name;
	const struct head_class *hc;
	uint32_t last_row;		/* version of the row of hc that was met last; 0: none */
};

/* The newest provenance of an opened row tells when and by whom the version was written. */
static const struct provenance *newest(const struct row_index *x)
{
	const struct provenance *p = NULL;

	for (unsigned i = 0; i < x->provenances; i++)
		if (p == NULL || x->provenance[i].written_ms > p->written_ms)
			p = &x->provenance[i];
	return p;
}

/* Append one version from v->row. */
static int put_version(struct history *h, uint64_t version, uint8_t what)
{
	struct vault *v = h->v;
	const struct provenance *written = newest(&v->row.index);
	const char *source = written != NULL ? policy_department_name(v->policy, written->source) : "?";
	struct wire_version w = { .version = version, .class_name = wire_text(h->class_name, strlen(h->class_name)), .what = what,
		.written_ms = written != NULL ? written->written_ms : 0, .source = wire_text(source, strlen(source)) };
	size_t at, count = 0;
	int r = 0;

	wire_version_put(h->c->out, &w);
	at = wire_count_begin(h->c->out);
	for (unsigned i = 0; r == 0 && i < h->wanted; i++) {
		struct wanted *wish = &v->wanted[i];
		const struct row_entry *e;
		const uint8_t *p;

		if (wish->status == WANTED_REFUSED || (uint32_t)wish->decision.class << 16 != h->hc->class_key)
			continue;
		if ((e = row_index_find(&v->row.index, wish->field->id)) == NULL)
			continue;
		buf_reset(&v->scratch);
		if ((r = record_row_value(&v->row, (unsigned)(e - v->row.index.entry), &v->scratch, &p)) == 0) {
			fields_put(v, h->c, wish, e->type, p, e->length, h->c->out);
			wish->status = WANTED_ANSWERED;
			count++;
		}
	}
	buf_reset(&v->scratch);
	wire_count_end(h->c->out, at, count);
	h->count++;
	return r;
}

/*
 * Open stored bytes at their place and append their version; nonce is N of a row, NULL for a drop. An unmerged drop has generation 0 and
 * a key of its own; in history the class's data key opens drops as well.
 */
static int show(struct history *h, uint32_t generation, uint64_t version, const uint8_t *nonce, uint8_t what, const uint8_t *p, size_t n)
{
	struct row_place at = { .record = h->rec->head.record, .class_key = h->hc->class_key, .generation = generation,
		.version = version, .shred_slot = h->rec->head.shred_slot, .drop = nonce == NULL, .nonce = nonce };
	struct datakey dk;
	uint8_t type;
	int r;

	if (h->before != 0 && version >= h->before)
		return 0;
	if (h->of_class == h->limit) {
		h->more = h->full = true;
		return 0;
	}
	r = record_class_key(h->v, h->c, h->rec, h->hc->class_key, generation, generation == 0 ? (uint32_t)version : 0, &dk,
	    &at.birth_epoch, &type);
	/* A grant opens rows under one data key alone, and no drop. */
	if (r != 0)
		return r == CV_ERR_NOKEY && !h->has_key ? 0 : r;
	h->of_class++;
	if ((r = record_row_open(h->v->keys, &dk, &at, p, n, &h->v->row)) == 0) {
		r = put_version(h, version, what);
		record_row_clear(&h->v->row);
	}
	wipe(&dk, sizeof(dk));
	return r;
}

static int show_current(struct history *h, uint32_t drop_version)
{
	const struct head_class *hc = h->hc;
	struct store_value val;
	int r;

	r = drop_version != 0 ? record_stored(h->v, h->rec, REC_DROP, hc->class_key, drop_version, &val) :
	    record_row_stored(h->v, h->rec, hc, &val);
	if (r != 0)
		return r;
	return show(h, drop_version ? 0 : hc->generation, drop_version ? drop_version : hc->row_version, drop_version ? NULL : hc->nonce,
	    drop_version ? WIRE_WHAT_DROP : WIRE_WHAT_CURRENT, val.p, val.n);
}

/*
 * What one change wrote of the class, newest first: a row stands behind the drops that were folded into it. The current row was shown; one
 * that another of its version took the place of left nothing to history (FORMAT.md 4.3).
 */
static int show_change(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct history *h = cookie;
	struct hist_row row[HEAD_DROPS_MAX + 1], x;
	uint32_t change = key_n == HIST_KEY ? hist_change(key) : 0;
	struct hist_walk walk;
	unsigned n = 0;
	int r;

	if (change == 0 || hist_open(val, val_n, &walk) != 0)
		return CV_ERR_FORMAT;
	while ((r = hist_next(&walk, &x)) == 1)
		if (x.class_key == h->hc->class_key) {
			if (n == HEAD_DROPS_MAX + 1)
				return CV_ERR_FORMAT;
			row[n++] = x;
		}
	while (r == 0 && n-- > 0) {
		bool drop = row[n].what == HIST_DROP, shown = !drop && row[n].version == h->last_row;

		if (!drop)
			h->last_row = row[n].version;
		if (!shown)
			r = show(h, row[n].generation, row[n].version, drop ? NULL : walk.nonce, drop ? WIRE_WHAT_DROP : WIRE_WHAT_REPLACED,
			    row[n].p, row[n].n);
	}
	return r != 0 ? r : h->full;
}

/* The row that the creation wrote, unless it is the current one, or another of its version took its place. */
static int show_first(struct history *h)
{
	struct store_value val;
	int r;

	if (h->last_row == 1)
		return 0;
	/* Every class begins with version 1, whoever wrote it first: here it has to be. */
	if ((r = record_stored(h->v, h->rec, REC_ROW, h->hc->class_key, 0, &val)) != 0)
		return r;
	return show(h, 1, 1, h->rec->head.nonce, WIRE_WHAT_REPLACED, val.p, val.n);
}

/* The chain of the digests of a record's changes, from the oldest on. */
struct chain {
	const struct history *h;
	uint32_t n;
	uint8_t digest[16];
};

static int chain_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct chain *x = cookie;
	uint8_t before[16];

	memcpy(before, x->digest, 16);
	record_digest_hist(x->h->v->keys, x->h->rec->head.shred_slot, before, key, key_n, val, val_n, x->digest);
	x->n++;
	return 0;
}

/*
 * Each row of history opens where it stands or not at all; that no change was taken away only head's count and digest tell. Read
 * up to HISTORY_CHECKED changes; longer histories are for `verify`.
 */
static int check_history(const struct history *h)
{
	const struct head *head = &h->rec->head;
	struct chain x = { .h = h };
	uint8_t prefix[6];
	int r;

	if (head->changes == 0 || head->changes > HISTORY_CHECKED)
		return 0;
	be48_put(prefix, h->rec->serial);
	r = store_scan(h->v->store, STORE_HIST, prefix, sizeof(prefix), NULL, 0, true, 0, chain_row, &x);
	if (r == 0 && (x.n != head->changes || !crypto_equal(x.digest, head->hist_digest, 16)))
		r = CV_ERR_AUTH;
	return r;
}

static int show_class(struct history *h, struct head_class *hc)
{
	uint8_t prefix[6];
	int r = 0;

	h->hc = hc;
	h->of_class = 0;
	h->full = false;
	h->last_row = hc->row_version;
	h->has_key = session_has_class(h->c->session, hc->class_key);
	for (uint32_t i = 0; r == 0 && i < hc->drops; i++)
		r = show_current(h, hc->class_version - i);
	if (r == 0 && (hc->flags & HEAD_CLASS_ROW))
		r = show_current(h, 0);
	if (r != 0 || (hc->flags & HEAD_CLASS_ROW) == 0 || hc->change == 0)
		return r;
	be48_put(prefix, h->rec->serial);
	/* Down from the newest: each change says under which N its rows are. */
	r = store_scan(h->v->store, STORE_HIST, prefix, sizeof(prefix), NULL, 0, false, 0, show_change, h);
	return r == 0 ? show_first(h) : r < 0 ? r : 0;
}

/* Every class that answers some asked field, once. Fields whose class neither session nor grant opens are refused. */
static int show_classes(struct history *h)
{
	struct vault *v = h->v;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < h->wanted; i++) {
		uint16_t id = v->wanted[i].decision.class;
		bool first = v->wanted[i].status != WANTED_REFUSED;
		struct head_class *hc = head_class_find(&h->rec->head, (uint32_t)id << 16);

		for (unsigned j = 0; j < i && first; j++)
			first = v->wanted[j].status == WANTED_REFUSED || v->wanted[j].decision.class != id;
		if (first && !v->wanted[i].granted && !session_has_class(h->c->session, (uint32_t)id << 16)) {
			fields_lock(v, h->wanted, id);
		} else if (first && hc != NULL) {
			int position = policy_class_position(v->policy, id);

			h->class_name = position < 0 ? "?" : policy_class(v->policy, (unsigned)position)->name;
			r = show_class(h, hc);
		}
	}
	for (unsigned i = 0; i < h->wanted; i++)
		if (v->wanted[i].status == WANTED_OPEN)
			v->wanted[i].status = WANTED_ABSENT;
	return r;
}

unsigned vault_history(struct vault *v, struct vault_call *c, const struct wire_history *m)
{
	bool clear = m->view == WIRE_VIEW_CLEAR;
	__attribute__((uninitialized)) struct record rec;	/* 7 KiB; record_load writes what is read */
	struct history h = { .v = v, .c = c, .rec = &rec };
	uint8_t etag[16];
	unsigned problem;
	size_t at;
	int r;

	if ((problem = call_purpose(v, c, clear)) != 0 || (problem = fields_decide(v, c, m->names, clear, &h.wanted)) != 0)
		return problem;
	if ((problem = fields_open(v, c, m->record, NULL, h.wanted, &rec)) != 0)
		goto out;
	h.before = m->before;
	h.limit = m->limit == 0 ? HISTORY_DEFAULT : m->limit > HISTORY_MAX ? HISTORY_MAX : m->limit;
	record_etag(v, c, &rec.head, etag);
	wire_record_put(c->out, m->record, etag, clear ? WIRE_VIEW_CLEAR : WIRE_VIEW_MASKED);
	at = wire_count_begin(c->out);
	if ((r = check_history(&h)) == 0)
		r = show_classes(&h);
	wire_count_end(c->out, at, h.count);
	fields_put_meta(v, h.wanted, c->out);
	buf_u8(c->out, h.more);
	problem = r != 0 ? call_failed(c, r) : fields_settle(v, c, NULL, h.wanted);
	if (problem == 0 && c->rule == DECIDE_YES) {
		c->kind = LEAF_HISTORY;
		c->detail.count = (uint32_t)h.count;
	}
out:
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	return problem;
}

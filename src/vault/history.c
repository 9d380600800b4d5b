/* HISTORY: current and replaced versions of the classes that answer the asked fields, newest first in each class. */
#include <string.h>

#include "base/bytes.h"
#include "vault/fields.h"

#define HISTORY_DEFAULT 100
#define HISTORY_MAX 1000
#define HISTORY_CHECKED 4096	/* rows of a class whose chain is recomputed when history is read; about a microsecond each */

struct history {
	struct vault *v;
	struct vault_call *c;
	struct record *rec;
	unsigned wanted;
	unsigned limit;			/* versions of each class */
	uint64_t before;		/* only versions below; 0: all */
	size_t count;
	unsigned of_class;		/* versions answered of the present class */
	bool more;
	bool has_key;			/* the session holds the present class: else a grant opens what it opens */
	const char *class_name;
	const struct head_class *hc;
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
		h->more = true;
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

static int show_replaced(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct history *h = cookie;
	uint64_t serial, version;
	uint32_t class_key;
	struct rd rd = rd_over(val, val_n);
	uint32_t generation = rd_u32(&rd);
	const uint8_t *nonce = NULL;
	uint8_t what;

	if (hist_key_decode(key, key_n, &serial, &class_key, &version, &what) != 0)
		return CV_ERR_FORMAT;
	if (what == 1)
		nonce = rd_take(&rd, ROW_NONCE);
	if (!rd_ok(&rd) || generation == 0)
		return CV_ERR_FORMAT;
	return show(h, generation, version, nonce, what == 2 ? WIRE_WHAT_DROP : WIRE_WHAT_REPLACED, rd.p, rd_left(&rd));
}

static int show_current(struct history *h, uint32_t drop_version)
{
	const struct head_class *hc = h->hc;
	struct store_value val;
	int r;

	if ((r = record_stored(h->v, h->rec, drop_version ? REC_DROP : REC_ROW, hc->class_key, drop_version, &val)) != 0)
		return r;
	return show(h, drop_version ? 0 : hc->generation, drop_version ? drop_version : hc->row_version, drop_version ? NULL : hc->nonce,
	    drop_version ? WIRE_WHAT_DROP : WIRE_WHAT_CURRENT, val.p, val.n);
}

/* The chain of a class's history digests, from its oldest row on. */
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
 * Each row of history opens where it stands or not at all; that none was taken away only head's count and digest tell. Read
 * up to HISTORY_CHECKED rows; longer histories are for `verify`.
 */
static int check_history(const struct history *h, const struct head_class *hc, const uint8_t *prefix)
{
	struct chain x = { .h = h };
	int r;

	if (hc->hist_count > HISTORY_CHECKED)
		return 0;
	r = store_scan(h->v->store, STORE_HIST, prefix, 10, NULL, 0, true, 0, chain_row, &x);
	if (r == 0 && (x.n != hc->hist_count || !crypto_equal(x.digest, hc->hist_digest, 16)))
		r = CV_ERR_AUTH;
	return r;
}

static int show_class(struct history *h, struct head_class *hc)
{
	uint8_t prefix[HIST_KEY], from[HIST_KEY];
	int r = 0;

	h->hc = hc;
	h->of_class = 0;
	h->has_key = session_has_class(h->c->session, hc->class_key);
	for (uint32_t i = 0; r == 0 && i < hc->drops; i++)
		r = show_current(h, hc->class_version - i);
	if (r == 0 && (hc->flags & HEAD_CLASS_ROW))
		r = show_current(h, 0);
	if (r != 0 || hc->hist_count == 0)
		return r;
	hist_key(h->rec->serial, hc->class_key, UINT64_MAX, 0, prefix);
	if ((r = check_history(h, hc, prefix)) != 0)
		return r;
	hist_key(h->rec->serial, hc->class_key, h->before != 0 ? h->before - 1 : UINT64_MAX, 0, from);
	/* One row more than may be shown tells that there is more. */
	return store_scan(h->v->store, STORE_HIST, prefix, 10, from, sizeof(from), false, h->limit + 1, show_replaced, h);
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

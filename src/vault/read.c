/* READ: the fields a caller may see, each from the row of its own class. */
#include <string.h>

#include "vault/fields.h"

/* One read on its way. */
struct reading {
	struct vault *v;
	struct vault_call *c;
	struct record *rec;
	unsigned n;		/* wishes */
	size_t count;		/* answered */
};

static void answer(struct reading *x, struct wanted *w, uint8_t type, const uint8_t *p, size_t n, const struct provenance *prov)
{
	fields_put(x->v, x->c, w, type, p, n, x->c->out);
	fields_note(x->v, x->c, x->rec, w, type, p, n, prov);
	w->status = WANTED_ANSWERED;
	x->count++;
}

/* Answer the wishes of one class from a row without drops: only their own cells are opened. */
static int answer_from_row(struct reading *x, uint16_t class_id)
{
	struct vault *v = x->v;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < x->n; i++) {
		struct wanted *w = &v->wanted[i];
		const struct row_entry *e;
		const uint8_t *p;

		if (w->status != WANTED_OPEN || w->decision.class != class_id)
			continue;
		w->status = WANTED_ABSENT;
		if ((e = row_index_find(&v->row.index, w->field->id)) == NULL)
			continue;
		buf_reset(&v->scratch);
		if ((r = record_row_value(&v->row, (unsigned)(e - v->row.index.entry), &v->scratch, &p)) == 0)
			answer(x, w, e->type, p, e->length, &v->row.index.provenance[e->provenance]);
	}
	buf_reset(&v->scratch);
	return r;
}

/* The same from folded content. */
static void answer_from_content(struct reading *x, uint16_t class_id)
{
	const struct content *content = &x->v->content;

	for (unsigned i = 0; i < x->n; i++) {
		struct wanted *w = &x->v->wanted[i];
		const struct content_item *item;

		if (w->status != WANTED_OPEN || w->decision.class != class_id)
			continue;
		w->status = WANTED_ABSENT;
		if ((item = content_find(content, w->field->id)) != NULL)
			answer(x, w, item->type, content->bytes.p + item->at, item->length, &item->provenance);
	}
}

/* Nothing of the class is there for this reader. */
static void leave_absent(struct reading *x, uint16_t class_id)
{
	for (unsigned i = 0; i < x->n; i++)
		if (x->v->wanted[i].status == WANTED_OPEN && x->v->wanted[i].decision.class == class_id)
			x->v->wanted[i].status = WANTED_ABSENT;
}

/* All wishes of one class: absent if the record has none, refused if neither session nor grant opens it. */
static int answer_class(struct reading *x, const struct wanted *first)
{
	uint16_t class_id = first->decision.class;
	bool has_key = session_has_class(x->c->session, (uint32_t)class_id << 16);
	struct head_class *hc = head_class_find(&x->rec->head, (uint32_t)class_id << 16);
	int r;

	if (!has_key && !first->granted) {
		fields_lock(x->v, x->n, class_id);
		return 0;
	}
	/* Drops are sealed to those who hold the class: a grant opens the row, not what was handed in since. */
	if (hc == NULL || (!has_key && (hc->flags & HEAD_CLASS_ROW) == 0)) {
		leave_absent(x, class_id);
		return 0;
	}
	if (!has_key || hc->drops == 0) {
		if ((r = record_open_row(x->v, x->c, x->rec, hc)) == 0) {
			r = answer_from_row(x, class_id);
			record_row_clear(&x->v->row);
		}
	} else if ((r = record_load_content(x->v, x->c, x->rec, hc, &x->v->content, NULL)) == 0) {
		answer_from_content(x, class_id);
	}
	if (r != CV_ERR_NOKEY)
		return r;
	fields_lock(x->v, x->n, class_id);
	return 0;
}

/* What the answer calls record and version: under an export both are that export's own, so that two exports cannot be joined by them. */
static void name_answer(struct vault *v, const struct vault_call *c, const struct wire_read *m, const struct head *h,
    uint8_t ret_name[16], uint8_t ret_etag[16])
{
	static const uint8_t none[16];

	memcpy(ret_name, m->record, 16);
	record_etag(v, c, h, ret_etag);
	if (m->export == NULL || memcmp(m->export, none, sizeof(none)) == 0)
		return;
	keys_pseudonym(v->keys, m->record, m->export, ret_name);
	keys_etag(v->keys, ret_name, ret_etag, 16, ret_etag);
}

unsigned vault_read_record(struct vault *v, struct vault_call *c, const struct wire_read *m)
{
	bool clear = m->view == WIRE_VIEW_CLEAR;
	__attribute__((uninitialized)) struct record rec;	/* 7 KiB; record_load writes what is read */
	struct reading x = { .v = v, .c = c, .rec = &rec };
	uint8_t name[16], etag[16];
	unsigned problem;
	size_t at;
	int r = 0;

	if ((problem = call_purpose(v, c, clear)) != 0 || (problem = fields_decide(v, c, m->names, clear, &x.n)) != 0)
		return problem;
	if ((problem = fields_open(v, c, m->record, m->export, x.n, &rec)) != 0)
		goto out;
	name_answer(v, c, m, &rec.head, name, etag);
	wire_record_put(c->out, name, etag, clear ? WIRE_VIEW_CLEAR : WIRE_VIEW_MASKED);
	at = wire_count_begin(c->out);
	for (unsigned i = 0; r == 0 && i < x.n; i++)
		if (v->wanted[i].status == WANTED_OPEN)
			r = answer_class(&x, &v->wanted[i]);
	wire_count_end(c->out, at, x.count);
	fields_put_meta(v, x.n, c->out);
	fields_put_provenance(v, x.n, m->provenance, c->out);
	if (r != 0) {
		problem = call_failed(c, r);
		goto out;
	}
	if ((problem = fields_settle(v, c, &rec, x.n)) == 0 && c->rule == DECIDE_YES) {
		c->kind = clear ? LEAF_REVEAL : LEAF_READ;
		c->detail.count = (uint32_t)x.count;
	}
out:
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	return problem;
}

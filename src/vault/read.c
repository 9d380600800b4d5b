/* READ: the fields a caller may see, each from the row of its own class. */
#include <string.h>

#include "vault/fields.h"

/* Answer the wishes of one class from a row without drops: only their own cells are opened. */
static int answer_from_row(struct vault *v, struct vault_call *c, unsigned n, uint16_t class_id, size_t *count)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++) {
		struct wanted *w = &v->wanted[i];
		const struct row_entry *e;

		if (w->status != WANTED_OPEN || w->decision.class != class_id)
			continue;
		w->status = WANTED_ABSENT;
		if ((e = row_index_find(&v->row.index, w->field->id)) == NULL)
			continue;
		buf_reset(&v->scratch);
		r = record_row_cell(&v->row, (unsigned)(e - v->row.index.entry), &v->scratch);
		if (r == 0) {
			fields_put(v, c, w, e->type, v->scratch.p, v->scratch.n, c->out);
			w->status = WANTED_ANSWERED;
			(*count)++;
		}
	}
	buf_reset(&v->scratch);
	return r;
}

/* The same from folded content. */
static void answer_from_content(struct vault *v, struct vault_call *c, unsigned n, uint16_t class_id, size_t *count)
{
	for (unsigned i = 0; i < n; i++) {
		struct wanted *w = &v->wanted[i];
		const struct content_item *item;

		if (w->status != WANTED_OPEN || w->decision.class != class_id)
			continue;
		w->status = WANTED_ABSENT;
		if ((item = content_find(&v->content, w->field->id)) == NULL)
			continue;
		fields_put(v, c, w, item->type, v->content.bytes.p + item->at, item->length, c->out);
		w->status = WANTED_ANSWERED;
		(*count)++;
	}
}

/* All wishes of one class: absent if the record has none, omitted if the session cannot open it. */
static int answer_class(struct vault *v, struct vault_call *c, struct record *rec, unsigned n, uint16_t class_id, size_t *count)
{
	struct head_class *hc = head_class_find(&rec->head, (uint32_t)class_id << 16);
	enum { GONE, UNREADABLE } rest = GONE;
	int r = 0;

	if (hc == NULL) {
		rest = session_has_class(c->session, (uint32_t)class_id << 16) ? GONE : UNREADABLE;
	} else if (hc->drops == 0) {
		if ((r = record_open_row(v, c, rec, hc)) == 0) {
			r = answer_from_row(v, c, n, class_id, count);
			record_row_clear(&v->row);
		}
	} else if ((r = record_load_content(v, c, rec, hc, &v->content)) == 0) {
		answer_from_content(v, c, n, class_id, count);
	}
	if (r == CV_ERR_NOKEY) {
		rest = UNREADABLE;
		r = 0;
	}
	for (unsigned i = 0; i < n; i++)
		if (v->wanted[i].status == WANTED_OPEN && v->wanted[i].decision.class == class_id)
			v->wanted[i].status = rest == GONE ? WANTED_ABSENT : WANTED_OMITTED;
	return r;
}

unsigned vault_read_record(struct vault *v, struct vault_call *c, const struct wire_read *m)
{
	bool clear = m->view == WIRE_VIEW_CLEAR, readable = false;
	struct record rec;
	uint8_t etag[16];
	size_t at, count = 0;
	unsigned n, problem;
	int r;

	if ((problem = call_purpose(v, c, clear)) != 0 || (problem = fields_decide(v, c, m->names, clear, &n)) != 0)
		return problem;
	fields_role(v, c, n);
	c->detail.view = clear ? 2 : 1;
	memcpy(c->detail.record, m->record, 16);
	if ((r = record_load(v, m->record, true, &rec)) != 0)
		return call_failed(c, r);
	call_child(c, &rec);
	record_etag(v, c, &rec.head, etag);
	wire_record_put(c->out, m->record, etag, clear ? WIRE_VIEW_CLEAR : WIRE_VIEW_MASKED);
	at = wire_count_begin(c->out);
	for (unsigned i = 0; r == 0 && i < n; i++)
		if (v->wanted[i].status == WANTED_OPEN)
			r = answer_class(v, c, &rec, n, v->wanted[i].decision.class, &count);
	wire_count_end(c->out, at, count);
	fields_put_meta(v, n, c->out);
	wire_count_end(c->out, wire_count_begin(c->out), 0);
	wire_count_end(c->out, wire_count_begin(c->out), 0);
	for (unsigned i = 0; i < n; i++)
		readable = readable || v->wanted[i].status != WANTED_OMITTED;
	if (r == 0 && !readable)
		r = CV_ERR_NOKEY;
	if (r == 0) {
		c->kind = clear ? LEAF_REVEAL : LEAF_READ;
		c->detail.count = (uint32_t)count;
		record_want_merge(v, c, &rec);
	}
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	return r == 0 ? 0 : call_failed(c, r);
}

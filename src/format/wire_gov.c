#include "format/wire_gov.h"

#include "base/buf.h"
#include "base/error.h"
#include "format/wire_internal.h"

/* ---- requests, written ------------------------------------------------------------------------------------------ */

void wire_gov_create_head(struct buf *b, const struct wire_gov_create *m)
{
	wire_envelope_put(b, &m->envelope);
	wire_text8_put(b, m->collection.p, m->collection.n);
}

void wire_gov_get_put(struct buf *b, const struct wire_gov_get *m)
{
	wire_envelope_put(b, &m->envelope);
	wire_text8_put(b, m->collection.p, m->collection.n);
	buf_put(b, m->id, WIRE_ID);
}

void wire_gov_list_head(struct buf *b, const struct wire_gov_list *m)
{
	wire_envelope_put(b, &m->envelope);
	wire_text8_put(b, m->collection.p, m->collection.n);
	buf_u16(b, m->limit);
	wire_text16_put(b, m->cursor.p, m->cursor.n);
}

void wire_gov_act_head(struct buf *b, const struct wire_gov_act *m)
{
	wire_envelope_put(b, &m->envelope);
	wire_text8_put(b, m->collection.p, m->collection.n);
	buf_put(b, m->id, WIRE_ID);
	wire_text8_put(b, m->action.p, m->action.n);
}

void wire_records_put(struct buf *b, const struct wire_records *m)
{
	wire_envelope_put(b, &m->envelope);
	wire_text8_put(b, m->area.p, m->area.n);
	wire_text8_put(b, m->due.p, m->due.n);
	wire_text8_put(b, m->state.p, m->state.n);
	buf_u16(b, m->limit);
	wire_text16_put(b, m->cursor.p, m->cursor.n);
	if (m->export != NULL)
		buf_put(b, m->export, WIRE_ID);
	else
		buf_zero(b, WIRE_ID);
}

/* ---- requests, read ---------------------------------------------------------------------------------------------- */

/* A name that the path gives: a collection or an action. */
static int name_get(struct rd *r, struct wire_text *ret)
{
	return wire_text8_get(r, ret) == 0 && ret->n >= 1 && ret->n <= WIRE_COLLECTION_MAX ? 0 : CV_ERR_FORMAT;
}

static int page_get(struct rd *r, uint16_t *ret_limit, struct wire_text *ret_cursor)
{
	*ret_limit = rd_u16(r);
	if (*ret_limit < 1 || *ret_limit > WIRE_LIST_MAX || wire_text16_get(r, ret_cursor) != 0)
		return CV_ERR_FORMAT;
	return ret_cursor->n <= WIRE_CURSOR_MAX ? 0 : CV_ERR_FORMAT;
}

int wire_gov_create_decode(const void *p, size_t n, struct wire_gov_create *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0 || name_get(&r, &ret->collection) != 0 || wire_fields_get(&r, &ret->fields) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

int wire_gov_get_decode(const void *p, size_t n, struct wire_gov_get *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0 || name_get(&r, &ret->collection) != 0)
		return CV_ERR_FORMAT;
	ret->id = rd_take(&r, WIRE_ID);
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

int wire_gov_list_decode(const void *p, size_t n, struct wire_gov_list *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0 || name_get(&r, &ret->collection) != 0 ||
	    page_get(&r, &ret->limit, &ret->cursor) != 0 || wire_fields_get(&r, &ret->fields) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

int wire_gov_act_decode(const void *p, size_t n, struct wire_gov_act *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0 || name_get(&r, &ret->collection) != 0)
		return CV_ERR_FORMAT;
	ret->id = rd_take(&r, WIRE_ID);
	if (name_get(&r, &ret->action) != 0 || wire_fields_get(&r, &ret->fields) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

int wire_records_decode(const void *p, size_t n, struct wire_records *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0 || wire_text8_get(&r, &ret->area) != 0 || wire_text8_get(&r, &ret->due) != 0 ||
	    wire_text8_get(&r, &ret->state) != 0 || page_get(&r, &ret->limit, &ret->cursor) != 0)
		return CV_ERR_FORMAT;
	ret->export = rd_take(&r, WIRE_ID);
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

static int object_element(struct rd *r, void *ret)
{
	struct wire_gov_object o;

	if ((o.id = rd_take(r, WIRE_ID)) == NULL || wire_fields_get(r, &o.fields) != 0)
		return CV_ERR_FORMAT;
	if (ret != NULL)
		*(struct wire_gov_object *)ret = o;
	return 0;
}

static int listed_element(struct rd *r, void *ret)
{
	struct wire_listed l;

	if ((l.record = rd_take(r, WIRE_ID)) == NULL || wire_text8_get(r, &l.due) != 0 || wire_text8_get(r, &l.state) != 0 ||
	    wire_text8_get(r, &l.area) != 0)
		return CV_ERR_FORMAT;
	if (ret != NULL)
		*(struct wire_listed *)ret = l;
	return 0;
}

static int page_answer(const void *p, size_t n, wire_element *element, struct wire_list *ret_list, struct wire_text *ret_cursor)
{
	struct rd r = rd_over(p, n);

	if (wire_list_get(&r, element, ret_list) != 0 || wire_text16_get(&r, ret_cursor) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) && ret_cursor->n <= WIRE_CURSOR_MAX ? 0 : CV_ERR_FORMAT;
}

void wire_gov_object_head(struct buf *b, const uint8_t id[16])
{
	buf_put(b, id, WIRE_ID);
}

int wire_gov_object_decode(const void *p, size_t n, struct wire_gov_object *ret)
{
	struct rd r = rd_over(p, n);

	return object_element(&r, ret) == 0 && rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

int wire_gov_objects_decode(const void *p, size_t n, struct wire_gov_objects *ret)
{
	return page_answer(p, n, object_element, &ret->objects, &ret->cursor);
}

bool wire_gov_objects_next(struct wire_list *l, struct wire_gov_object *ret)
{
	return wire_list_next(l, object_element, ret);
}

void wire_listed_put(struct buf *b, const struct wire_listed *r)
{
	buf_put(b, r->record, WIRE_ID);
	wire_text8_put(b, r->due.p, r->due.n);
	wire_text8_put(b, r->state.p, r->state.n);
	wire_text8_put(b, r->area.p, r->area.n);
}

int wire_records_answer_decode(const void *p, size_t n, struct wire_records_answer *ret)
{
	return page_answer(p, n, listed_element, &ret->records, &ret->cursor);
}

bool wire_listed_next(struct wire_list *l, struct wire_listed *ret)
{
	return wire_list_next(l, listed_element, ret);
}

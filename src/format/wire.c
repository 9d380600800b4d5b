#include "format/wire.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "format/wire_internal.h"

/* ---- texts, lists ----------------------------------------------------------------------------------------------- */

void wire_text8_put(struct buf *b, const char *p, size_t n)
{
	if (n > UINT8_MAX) {
		b->bad = true;
		return;
	}
	buf_u8(b, (uint8_t)n);
	buf_put(b, p, n);
}

void wire_text16_put(struct buf *b, const char *p, size_t n)
{
	if (n > UINT16_MAX) {
		b->bad = true;
		return;
	}
	buf_u16(b, (uint16_t)n);
	buf_put(b, p, n);
}

static int text_get(struct rd *r, size_t n, bool check, struct wire_text *ret)
{
	const uint8_t *p = rd_take(r, n);

	if (p == NULL || (check && !utf8_valid((const char *)p, n)))
		return CV_ERR_FORMAT;
	*ret = wire_text((const char *)p, n);
	return 0;
}

/* Names of elements are checked when their list is, not again when it is walked. */
static int name_get(struct rd *r, bool check, struct wire_text *ret)
{
	uint8_t n = rd_u8(r);

	return text_get(r, n, check, ret);
}

int wire_text8_get(struct rd *r, struct wire_text *ret)
{
	uint8_t n = rd_u8(r);

	return text_get(r, n, true, ret);
}

int wire_text16_get(struct rd *r, struct wire_text *ret)
{
	uint16_t n = rd_u16(r);

	return text_get(r, n, true, ret);
}

size_t wire_count_begin(struct buf *b)
{
	size_t at = b->n;

	buf_u16(b, 0);
	return at;
}

void wire_count_end(struct buf *b, size_t at, size_t count)
{
	if (count > UINT16_MAX)
		b->bad = true;
	if (buf_ok(b))
		be16_put(b->p + at, (uint16_t)count);
}

void wire_list_put(struct buf *b, const struct wire_list *l)
{
	buf_u16(b, l->count);
	buf_put(b, l->rd.p, rd_left(&l->rd));
}

int wire_list_get(struct rd *r, wire_element *element, struct wire_list *ret)
{
	uint16_t count = rd_u16(r);
	struct rd start = *r;
	int err = rd_ok(r) ? 0 : CV_ERR_FORMAT;

	for (uint16_t i = 0; i < count && err == 0; i++)
		err = element(r, NULL);
	if (err != 0)
		return err;
	ret->count = count;
	ret->rd = start;
	ret->rd.end = r->p;
	return 0;
}

bool wire_list_next(struct wire_list *l, wire_element *element, void *ret)
{
	if (l->count == 0)
		return false;
	/* Cannot fail: the list was walked when it was decoded. Were it another list, it ends here. */
	if (element(&l->rd, ret) != 0) {
		l->count = 0;
		return false;
	}
	l->count--;
	return true;
}

static int name_element(struct rd *r, void *ret)
{
	struct wire_text name;
	int err = name_get(r, ret == NULL, &name);

	if (err == 0 && ret != NULL)
		*(struct wire_text *)ret = name;
	return err;
}

static int field_element(struct rd *r, void *ret)
{
	struct wire_field f;

	if (name_get(r, ret == NULL, &f.name) != 0)
		return CV_ERR_FORMAT;
	f.value.type = rd_u8(r);
	f.value.n = rd_u32(r);
	if ((f.value.p = rd_take(r, f.value.n)) == NULL)
		return CV_ERR_FORMAT;
	if (ret != NULL)
		*(struct wire_field *)ret = f;
	return 0;
}

int wire_names_get(struct rd *r, struct wire_list *ret)
{
	return wire_list_get(r, name_element, ret);
}

int wire_fields_get(struct rd *r, struct wire_list *ret)
{
	return wire_list_get(r, field_element, ret);
}

bool wire_names_next(struct wire_list *l, struct wire_text *ret)
{
	return wire_list_next(l, name_element, ret);
}

bool wire_fields_next(struct wire_list *l, struct wire_field *ret)
{
	return wire_list_next(l, field_element, ret);
}

void wire_field_put(struct buf *b, const char *name, size_t name_n, uint8_t type, const void *p, size_t n)
{
	uint8_t *to;

	if (name_n > UINT8_MAX || n > UINT32_MAX) {
		b->bad = true;
		return;
	}
	if ((to = buf_add(b, 1 + name_n + 5 + n)) == NULL)
		return;
	to[0] = (uint8_t)name_n;
	memcpy(to + 1, name, name_n);
	to += 1 + name_n;
	to[0] = type;
	be32_put(to + 1, (uint32_t)n);
	if (n > 0)
		memcpy(to + 5, p, n);
}

void wire_bytes_put(struct buf *b, const uint8_t *p, size_t n)
{
	if (p != NULL)
		buf_put(b, p, n);
	else
		buf_zero(b, n);
}

void wire_optional_put(struct buf *b, bool there, const uint8_t *p, size_t n)
{
	buf_u8(b, there);
	wire_bytes_put(b, there ? p : NULL, n);
}

int wire_optional_get(struct rd *r, size_t n, bool *ret_there, const uint8_t **ret)
{
	uint8_t there = rd_u8(r), any = 0;
	const uint8_t *p = rd_take(r, n);

	if (p == NULL || there > 1)
		return CV_ERR_FORMAT;
	for (size_t i = 0; i < n && !there; i++)
		any |= p[i];
	if (any != 0)
		return CV_ERR_FORMAT;
	*ret_there = there;
	*ret = p;
	return 0;
}

/* ---- envelope --------------------------------------------------------------------------------------------------- */

void wire_envelope_put(struct buf *b, const struct wire_envelope *e)
{
	wire_optional_put(b, e->has_token, e->token, WIRE_TOKEN);
	buf_put(b, e->request_id, WIRE_ID);
	wire_text8_put(b, e->purpose.p, e->purpose.n);
	wire_text8_put(b, e->case_text.p, e->case_text.n);
	wire_text16_put(b, e->reason.p, e->reason.n);
}

int wire_envelope_get(struct rd *r, struct wire_envelope *ret)
{
	if (wire_optional_get(r, WIRE_TOKEN, &ret->has_token, &ret->token) != 0)
		return CV_ERR_FORMAT;
	if ((ret->request_id = rd_take(r, WIRE_ID)) == NULL)
		return CV_ERR_FORMAT;
	if (wire_text8_get(r, &ret->purpose) != 0 || wire_text8_get(r, &ret->case_text) != 0)
		return CV_ERR_FORMAT;
	return wire_text16_get(r, &ret->reason);
}

int wire_envelope_decode(const void *p, size_t n, struct wire_envelope *ret)
{
	struct rd r = rd_over(p, n);
	int err = wire_envelope_get(&r, ret);

	return err != 0 || rd_done(&r) ? err : CV_ERR_FORMAT;
}

/* ---- requests, written ------------------------------------------------------------------------------------------ */

void wire_hello_put(struct buf *b, const struct wire_hello *m)
{
	buf_put(b, m->request_id, WIRE_ID);
	buf_put(b, m->principal, WIRE_ID);
	buf_put(b, m->question, 32);
}

void wire_activate_put(struct buf *b, const struct wire_activate *m)
{
	buf_put(b, m->request_id, WIRE_ID);
	buf_put(b, m->session, WIRE_ID);
	buf_u8(b, (uint8_t)m->n);
	for (unsigned i = 0; i < m->n; i++) {
		buf_u16(b, m->role[i].role);
		buf_u32(b, m->role[i].epoch);
		buf_put(b, m->role[i].sealed, WIRE_SEALED_KEY);
	}
	buf_put(b, m->signature, 64);
}

void wire_refused_put(struct buf *b, const struct wire_refused *m)
{
	wire_envelope_put(b, &m->envelope);
	buf_u16(b, m->problem);
}

void wire_create_head(struct buf *b, const struct wire_create *m)
{
	wire_envelope_put(b, &m->envelope);
	wire_text8_put(b, m->key.p, m->key.n);
	buf_u32(b, m->as_of_day);
}

void wire_create_put(struct buf *b, const struct wire_create *m)
{
	wire_create_head(b, m);
	wire_list_put(b, &m->fields);
}

void wire_search_head(struct buf *b, const struct wire_search *m)
{
	wire_envelope_put(b, &m->envelope);
	wire_text8_put(b, m->index.p, m->index.n);
}

void wire_search_put(struct buf *b, const struct wire_search *m)
{
	wire_search_head(b, m);
	wire_list_put(b, &m->fields);
}

void wire_read_head(struct buf *b, const struct wire_read *m)
{
	wire_envelope_put(b, &m->envelope);
	buf_put(b, m->record, WIRE_ID);
	buf_u8(b, m->view);
	buf_u8(b, m->provenance);
	wire_bytes_put(b, m->export, WIRE_ID);
}

void wire_read_put(struct buf *b, const struct wire_read *m)
{
	wire_read_head(b, m);
	wire_list_put(b, &m->names);
}

void wire_patch_head(struct buf *b, const struct wire_patch *m)
{
	wire_envelope_put(b, &m->envelope);
	buf_put(b, m->record, WIRE_ID);
	wire_optional_put(b, m->has_etag, m->etag, WIRE_ID);
	buf_u32(b, m->as_of_day);
}

void wire_patch_put(struct buf *b, const struct wire_patch *m)
{
	wire_patch_head(b, m);
	wire_list_put(b, &m->fields);
}

void wire_history_head(struct buf *b, const struct wire_history *m)
{
	wire_envelope_put(b, &m->envelope);
	buf_put(b, m->record, WIRE_ID);
	buf_u8(b, m->view);
	buf_u16(b, m->limit);
	buf_u64(b, m->before);
}

void wire_history_put(struct buf *b, const struct wire_history *m)
{
	wire_history_head(b, m);
	wire_list_put(b, &m->names);
}

void wire_accesses_put(struct buf *b, const struct wire_accesses *m)
{
	wire_envelope_put(b, &m->envelope);
	buf_put(b, m->record, WIRE_ID);
	buf_u8(b, m->reader);
	buf_u8(b, m->cosigned);
	buf_u64(b, m->from_ms);
	buf_u64(b, m->to_ms);
	buf_u16(b, m->limit);
	wire_text16_put(b, m->cursor.p, m->cursor.n);
}

void wire_events_put(struct buf *b, const struct wire_events *m)
{
	wire_envelope_put(b, &m->envelope);
	buf_u64(b, m->first);
	buf_u16(b, m->limit);
	buf_u8(b, m->keys);
	wire_text8_put(b, m->principal.p, m->principal.n);
	wire_text8_put(b, m->record.p, m->record.n);
	wire_text8_put(b, m->kind.p, m->kind.n);
	wire_text8_put(b, m->purpose.p, m->purpose.n);
	buf_u64(b, m->since_ms);
	buf_u64(b, m->until_ms);
	wire_text16_put(b, m->cursor.p, m->cursor.n);
}

void wire_tile_put(struct buf *b, const struct wire_tile *m)
{
	wire_envelope_put(b, &m->envelope);
	buf_u8(b, m->level);
	buf_u64(b, m->n);
	buf_u16(b, m->width);
}

void wire_proof_put(struct buf *b, const struct wire_proof *m)
{
	wire_envelope_put(b, &m->envelope);
	buf_u8(b, m->of);
	buf_u64(b, m->from);
	buf_u64(b, m->to);
}

void wire_cosign_put(struct buf *b, const struct wire_cosign *m)
{
	wire_envelope_put(b, &m->envelope);
	buf_u32(b, m->n);
	buf_put(b, m->note, m->n);
}

/* ---- requests, read --------------------------------------------------------------------------------------------- */

int wire_hello_decode(const void *p, size_t n, struct wire_hello *ret)
{
	struct rd r = rd_over(p, n);

	ret->request_id = rd_take(&r, WIRE_ID);
	ret->principal = rd_take(&r, WIRE_ID);
	ret->question = rd_take(&r, 32);
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

int wire_activate_decode(const void *p, size_t n, struct wire_activate *ret)
{
	struct rd r = rd_over(p, n);

	ret->request_id = rd_take(&r, WIRE_ID);
	ret->session = rd_take(&r, WIRE_ID);
	ret->n = rd_u8(&r);
	if (!rd_ok(&r) || ret->n == 0 || ret->n > WIRE_ROLES_MAX)
		return CV_ERR_FORMAT;
	ret->entries = r.p;
	for (unsigned i = 0; i < ret->n; i++) {
		ret->role[i].role = rd_u16(&r);
		ret->role[i].epoch = rd_u32(&r);
		ret->role[i].sealed = rd_take(&r, WIRE_SEALED_KEY);
	}
	ret->signature = rd_take(&r, 64);
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

int wire_refused_decode(const void *p, size_t n, struct wire_refused *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0)
		return CV_ERR_FORMAT;
	ret->problem = rd_u16(&r);
	return rd_done(&r) && ret->problem != PROBLEM_NONE && ret->problem < PROBLEM_COUNT ? 0 : CV_ERR_FORMAT;
}

int wire_create_decode(const void *p, size_t n, struct wire_create *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0)
		return CV_ERR_FORMAT;
	if (wire_text8_get(&r, &ret->key) != 0 || ret->key.n > WIRE_IDEMPOTENCY_MAX)
		return CV_ERR_FORMAT;
	ret->as_of_day = rd_u32(&r);
	if (wire_fields_get(&r, &ret->fields) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

int wire_search_decode(const void *p, size_t n, struct wire_search *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0 || wire_text8_get(&r, &ret->index) != 0 || wire_fields_get(&r, &ret->fields) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

/* A view that may be asked for: masked is the default, so it has no spelling of its own. */
static bool view_asked(uint8_t view)
{
	return view == WIRE_VIEW_DEFAULT || view == WIRE_VIEW_CLEAR;
}

int wire_read_decode(const void *p, size_t n, struct wire_read *ret)
{
	struct rd r = rd_over(p, n);
	uint8_t flags;

	if (wire_envelope_get(&r, &ret->envelope) != 0)
		return CV_ERR_FORMAT;
	ret->record = rd_take(&r, WIRE_ID);
	ret->view = rd_u8(&r);
	flags = rd_u8(&r);
	ret->provenance = flags == 1;
	ret->export = rd_take(&r, WIRE_ID);
	if (flags > 1 || wire_names_get(&r, &ret->names) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) && view_asked(ret->view) ? 0 : CV_ERR_FORMAT;
}

int wire_patch_decode(const void *p, size_t n, struct wire_patch *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0)
		return CV_ERR_FORMAT;
	ret->record = rd_take(&r, WIRE_ID);
	if (wire_optional_get(&r, WIRE_ID, &ret->has_etag, &ret->etag) != 0)
		return CV_ERR_FORMAT;
	ret->as_of_day = rd_u32(&r);
	if (wire_fields_get(&r, &ret->fields) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

int wire_history_decode(const void *p, size_t n, struct wire_history *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0)
		return CV_ERR_FORMAT;
	ret->record = rd_take(&r, WIRE_ID);
	ret->view = rd_u8(&r);
	ret->limit = rd_u16(&r);
	ret->before = rd_u64(&r);
	if (wire_names_get(&r, &ret->names) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) && view_asked(ret->view) ? 0 : CV_ERR_FORMAT;
}

int wire_accesses_decode(const void *p, size_t n, struct wire_accesses *ret)
{
	struct rd r = rd_over(p, n);
	uint8_t cosigned;

	if (wire_envelope_get(&r, &ret->envelope) != 0)
		return CV_ERR_FORMAT;
	ret->record = rd_take(&r, WIRE_ID);
	ret->reader = rd_u8(&r);
	cosigned = rd_u8(&r);
	ret->cosigned = cosigned == 1;
	ret->from_ms = rd_u64(&r);
	ret->to_ms = rd_u64(&r);
	ret->limit = rd_u16(&r);
	if (wire_text16_get(&r, &ret->cursor) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) && ret->reader <= 2 && cosigned <= 1 && ret->from_ms < ret->to_ms ? 0 : CV_ERR_FORMAT;
}

int wire_events_decode(const void *p, size_t n, struct wire_events *ret)
{
	struct rd r = rd_over(p, n);
	uint8_t keys;

	if (wire_envelope_get(&r, &ret->envelope) != 0)
		return CV_ERR_FORMAT;
	ret->first = rd_u64(&r);
	ret->limit = rd_u16(&r);
	keys = rd_u8(&r);
	ret->keys = keys == 1;
	if (keys > 1 || ret->limit == 0 || ret->limit > WIRE_EVENTS_MAX)
		return CV_ERR_FORMAT;
	if (wire_text8_get(&r, &ret->principal) != 0 || wire_text8_get(&r, &ret->record) != 0 || wire_text8_get(&r, &ret->kind) != 0 ||
	    wire_text8_get(&r, &ret->purpose) != 0)
		return CV_ERR_FORMAT;
	ret->since_ms = rd_u64(&r);
	ret->until_ms = rd_u64(&r);
	if (wire_text16_get(&r, &ret->cursor) != 0 || ret->cursor.n > WIRE_CURSOR_MAX)
		return CV_ERR_FORMAT;
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

int wire_tile_decode(const void *p, size_t n, struct wire_tile *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0)
		return CV_ERR_FORMAT;
	ret->level = rd_u8(&r);
	ret->n = rd_u64(&r);
	ret->width = rd_u16(&r);
	return rd_done(&r) && ret->width < 256 ? 0 : CV_ERR_FORMAT;
}

int wire_proof_decode(const void *p, size_t n, struct wire_proof *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0)
		return CV_ERR_FORMAT;
	ret->of = rd_u8(&r);
	ret->from = rd_u64(&r);
	ret->to = rd_u64(&r);
	if (!rd_done(&r) || (ret->of != WIRE_PROOF_TREES && (ret->of != WIRE_PROOF_LEAF || ret->to != 0)))
		return CV_ERR_FORMAT;
	return 0;
}

int wire_cosign_decode(const void *p, size_t n, struct wire_cosign *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_envelope_get(&r, &ret->envelope) != 0)
		return CV_ERR_FORMAT;
	ret->n = rd_u32(&r);
	ret->note = rd_take(&r, ret->n);
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

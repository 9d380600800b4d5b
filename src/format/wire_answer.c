#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "format/wire.h"
#include "format/wire_internal.h"

void wire_answer_head(struct buf *b, uint16_t problem, uint64_t leaf)
{
	buf_u16(b, problem);
	buf_u64(b, leaf);
}

int wire_answer_get(struct rd *r, uint16_t *ret_problem, uint64_t *ret_leaf)
{
	uint16_t problem = rd_u16(r);
	uint64_t leaf = rd_u64(r);

	if (!rd_ok(r) || problem >= PROBLEM_COUNT)
		return CV_ERR_FORMAT;
	*ret_problem = problem;
	*ret_leaf = leaf;
	return 0;
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

void wire_problem_put(struct buf *b, const struct wire_problem *m)
{
	wire_text8_put(b, m->explanation.p, m->explanation.n);
	buf_u32(b, m->retry_after_s);
	wire_optional_put(b, m->has_etag, m->etag, WIRE_ID);
}

void wire_error_put(struct buf *b, const struct wire_field_error *e)
{
	wire_text8_put(b, e->field.p, e->field.n);
	wire_text8_put(b, e->problem.p, e->problem.n);
	wire_text8_put(b, e->expected.p, e->expected.n);
}

/* Longest start of s that has at most 255 bytes and does not end within a character. */
static size_t cut_text8(const char *s)
{
	size_t n = strnlen(s, UINT8_MAX + 1);

	if (n <= UINT8_MAX)
		return n;
	n = UINT8_MAX;
	while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

void wire_refusal_put(struct buf *b, uint16_t problem, uint64_t leaf, const char *explanation, uint32_t retry_after_s)
{
	struct wire_problem m = { .retry_after_s = retry_after_s };

	if (explanation != NULL)
		m.explanation = wire_text(explanation, cut_text8(explanation));
	wire_answer_head(b, problem, leaf);
	wire_problem_put(b, &m);
	buf_u16(b, 0);
}

static int error_element(struct rd *r, void *ret)
{
	struct wire_field_error e;

	if (wire_text8_get(r, &e.field) != 0 || wire_text8_get(r, &e.problem) != 0 || wire_text8_get(r, &e.expected) != 0)
		return CV_ERR_FORMAT;
	if (ret != NULL)
		*(struct wire_field_error *)ret = e;
	return 0;
}

int wire_problem_decode(const void *p, size_t n, struct wire_problem *ret)
{
	struct rd r = rd_over(p, n);

	if (wire_text8_get(&r, &ret->explanation) != 0)
		return CV_ERR_FORMAT;
	ret->retry_after_s = rd_u32(&r);
	if (wire_optional_get(&r, WIRE_ID, &ret->has_etag, &ret->etag) != 0)
		return CV_ERR_FORMAT;
	if (wire_list_get(&r, error_element, &ret->errors) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

bool wire_errors_next(struct wire_list *l, struct wire_field_error *ret)
{
	return wire_list_next(l, error_element, ret);
}

/* ---- sessions --------------------------------------------------------------------------------------------------- */

void wire_hello_answer_put(struct buf *b, const struct wire_hello_answer *m)
{
	buf_put(b, m->session, WIRE_ID);
	buf_put(b, m->ephemeral, 32);
	buf_put(b, m->answer, 32);
	buf_put(b, m->vault, WIRE_ID);
	buf_u64(b, m->log_size);
	buf_put(b, m->root, 32);
	buf_u8(b, WIRE_ROLES_MAX);
	for (unsigned i = 0; i < WIRE_ROLES_MAX; i++) {
		buf_u16(b, m->wrap[i].role);
		buf_u32(b, m->wrap[i].epoch);
		buf_put(b, m->wrap[i].wrap, WIRE_SEALED_KEY);
	}
}

int wire_hello_answer_decode(const void *p, size_t n, struct wire_hello_answer *ret)
{
	struct rd r = rd_over(p, n);

	ret->session = rd_take(&r, WIRE_ID);
	ret->ephemeral = rd_take(&r, 32);
	ret->answer = rd_take(&r, 32);
	ret->vault = rd_take(&r, WIRE_ID);
	ret->log_size = rd_u64(&r);
	ret->root = rd_take(&r, 32);
	if (rd_u8(&r) != WIRE_ROLES_MAX)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < WIRE_ROLES_MAX; i++) {
		ret->wrap[i].role = rd_u16(&r);
		ret->wrap[i].epoch = rd_u32(&r);
		ret->wrap[i].wrap = rd_take(&r, WIRE_SEALED_KEY);
	}
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

void wire_activate_answer_put(struct buf *b, const struct wire_activate_answer *m)
{
	buf_put(b, m->token, WIRE_TOKEN);
	buf_u48(b, m->expires_ms);
	buf_u8(b, (uint8_t)m->n);
	for (unsigned i = 0; i < m->n; i++)
		wire_text8_put(b, m->role[i].p, m->role[i].n);
}

int wire_activate_answer_decode(const void *p, size_t n, struct wire_activate_answer *ret)
{
	struct rd r = rd_over(p, n);

	ret->token = rd_take(&r, WIRE_TOKEN);
	ret->expires_ms = rd_u48(&r);
	ret->n = rd_u8(&r);
	if (ret->n > WIRE_ROLES_MAX)
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < ret->n; i++)
		if (wire_text8_get(&r, &ret->role[i]) != 0)
			return CV_ERR_FORMAT;
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

#define CREATE_REPLAYED 1u
#define CREATE_ASIDE 2u

void wire_create_answer_put(struct buf *b, const uint8_t record[16], const uint8_t etag[16], bool replayed, bool aside)
{
	buf_put(b, record, WIRE_ID);
	buf_put(b, etag, WIRE_ID);
	buf_u8(b, (uint8_t)((replayed ? CREATE_REPLAYED : 0) | (aside ? CREATE_ASIDE : 0)));
}

int wire_create_answer_decode(const void *p, size_t n, struct wire_create_answer *ret)
{
	struct rd r = rd_over(p, n);
	uint8_t flags;

	ret->record = rd_take(&r, WIRE_ID);
	ret->etag = rd_take(&r, WIRE_ID);
	flags = rd_u8(&r);
	ret->replayed = (flags & CREATE_REPLAYED) != 0;
	ret->aside = (flags & CREATE_ASIDE) != 0;
	return rd_done(&r) && flags <= (CREATE_REPLAYED | CREATE_ASIDE) ? 0 : CV_ERR_FORMAT;
}

void wire_search_answer_put(struct buf *b, unsigned n, const uint8_t (*records)[16])
{
	buf_u16(b, (uint16_t)n);
	buf_put(b, records, (size_t)n * WIRE_ID);
}

int wire_search_answer_decode(const void *p, size_t n, struct wire_search_answer *ret)
{
	struct rd r = rd_over(p, n);

	ret->n = rd_u16(&r);
	ret->records = rd_take(&r, (size_t)ret->n * WIRE_ID);
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

int wire_patch_answer_decode(const void *p, size_t n, const uint8_t **ret_etag)
{
	if (n != WIRE_ID)
		return CV_ERR_FORMAT;
	*ret_etag = p;
	return 0;
}

void wire_record_put(struct buf *b, const uint8_t record[16], const uint8_t etag[16], uint8_t view)
{
	buf_put(b, record, WIRE_ID);
	buf_put(b, etag, WIRE_ID);
	buf_u8(b, view);
}

static bool view_answered(uint8_t view)
{
	return view == WIRE_VIEW_MASKED || view == WIRE_VIEW_CLEAR;
}

void wire_provenance_put(struct buf *b, const struct wire_provenance *p)
{
	wire_text8_put(b, p->field.p, p->field.n);
	wire_text8_put(b, p->source.p, p->source.n);
	buf_u48(b, p->written_ms);
	buf_u32(b, p->as_of_day);
	buf_u32(b, p->due_day);
	buf_u8(b, p->verified);
	wire_text8_put(b, p->verifier.p, p->verifier.n);
}

static int provenance_element(struct rd *r, void *ret)
{
	struct wire_provenance p;
	uint8_t verified;

	if (wire_text8_get(r, &p.field) != 0 || wire_text8_get(r, &p.source) != 0)
		return CV_ERR_FORMAT;
	p.written_ms = rd_u48(r);
	p.as_of_day = rd_u32(r);
	p.due_day = rd_u32(r);
	verified = rd_u8(r);
	p.verified = verified == 1;
	if (!rd_ok(r) || verified > 1 || wire_text8_get(r, &p.verifier) != 0)
		return CV_ERR_FORMAT;
	if (ret != NULL)
		*(struct wire_provenance *)ret = p;
	return 0;
}

int wire_read_answer_decode(const void *p, size_t n, struct wire_read_answer *ret)
{
	struct rd r = rd_over(p, n);

	ret->record = rd_take(&r, WIRE_ID);
	ret->etag = rd_take(&r, WIRE_ID);
	ret->view = rd_u8(&r);
	if (!rd_ok(&r) || !view_answered(ret->view) || wire_fields_get(&r, &ret->fields) != 0)
		return CV_ERR_FORMAT;
	if (wire_names_get(&r, &ret->redacted) != 0 || wire_names_get(&r, &ret->omitted) != 0)
		return CV_ERR_FORMAT;
	if (wire_names_get(&r, &ret->stale) != 0 || wire_list_get(&r, provenance_element, &ret->provenance) != 0)
		return CV_ERR_FORMAT;
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

bool wire_provenance_next(struct wire_list *l, struct wire_provenance *ret)
{
	return wire_list_next(l, provenance_element, ret);
}

void wire_version_put(struct buf *b, const struct wire_version *v)
{
	buf_u64(b, v->version);
	wire_text8_put(b, v->class_name.p, v->class_name.n);
	buf_u8(b, v->what);
	buf_u48(b, v->written_ms);
	wire_text8_put(b, v->source.p, v->source.n);
}

static int version_element(struct rd *r, void *ret)
{
	struct wire_version v;

	v.version = rd_u64(r);
	if (wire_text8_get(r, &v.class_name) != 0)
		return CV_ERR_FORMAT;
	v.what = rd_u8(r);
	v.written_ms = rd_u48(r);
	if (v.what > WIRE_WHAT_DROP || wire_text8_get(r, &v.source) != 0)
		return CV_ERR_FORMAT;
	if (wire_fields_get(r, &v.fields) != 0)
		return CV_ERR_FORMAT;
	if (ret != NULL)
		*(struct wire_version *)ret = v;
	return 0;
}

int wire_history_answer_decode(const void *p, size_t n, struct wire_history_answer *ret)
{
	struct rd r = rd_over(p, n);
	uint8_t more;

	ret->record = rd_take(&r, WIRE_ID);
	ret->etag = rd_take(&r, WIRE_ID);
	ret->view = rd_u8(&r);
	if (!rd_ok(&r) || !view_answered(ret->view) || wire_list_get(&r, version_element, &ret->versions) != 0)
		return CV_ERR_FORMAT;
	if (wire_names_get(&r, &ret->redacted) != 0 || wire_names_get(&r, &ret->omitted) != 0)
		return CV_ERR_FORMAT;
	more = rd_u8(&r);
	ret->more = more == 1;
	return rd_done(&r) && more <= 1 ? 0 : CV_ERR_FORMAT;
}

bool wire_versions_next(struct wire_list *l, struct wire_version *ret)
{
	return wire_list_next(l, version_element, ret);
}

/* ---- audit ------------------------------------------------------------------------------------------------------ */

void wire_events_answer_head(struct buf *b, uint64_t size, uint64_t next)
{
	buf_u64(b, size);
	buf_u64(b, next);
}

static void detail_put(struct buf *b, const struct wire_detail *d)
{
	buf_put(b, d->record, WIRE_ID);
	buf_u8(b, d->view);
	wire_text8_put(b, d->role.p, d->role.n);
	wire_text8_put(b, d->department.p, d->department.n);
	wire_text8_put(b, d->purpose.p, d->purpose.n);
	buf_u16(b, d->outcome);
	wire_bytes_put(b, d->approval, WIRE_ID);
	buf_u32(b, d->count);
	wire_list_put(b, &d->fields);
	wire_text8_put(b, d->case_text.p, d->case_text.n);
	wire_text16_put(b, d->reason.p, d->reason.n);
}

void wire_event_put(struct buf *b, const struct wire_event *e)
{
	buf_u64(b, e->index);
	buf_u16(b, e->leaf_n);
	buf_put(b, e->leaf, e->leaf_n);
	buf_u8(b, e->has_detail);
	if (e->has_detail)
		detail_put(b, &e->detail);
}

static int detail_get(struct rd *r, struct wire_detail *ret)
{
	ret->record = rd_take(r, WIRE_ID);
	ret->view = rd_u8(r);
	if (wire_text8_get(r, &ret->role) != 0 || wire_text8_get(r, &ret->department) != 0)
		return CV_ERR_FORMAT;
	if (wire_text8_get(r, &ret->purpose) != 0)
		return CV_ERR_FORMAT;
	ret->outcome = rd_u16(r);
	ret->approval = rd_take(r, WIRE_ID);
	ret->count = rd_u32(r);
	if (ret->view > WIRE_VIEW_CLEAR || ret->outcome >= OUTCOME_COUNT || wire_names_get(r, &ret->fields) != 0)
		return CV_ERR_FORMAT;
	if (wire_text8_get(r, &ret->case_text) != 0)
		return CV_ERR_FORMAT;
	return wire_text16_get(r, &ret->reason);
}

static int event_element(struct rd *r, void *ret)
{
	struct wire_event e;
	uint8_t has_detail;

	e.index = rd_u64(r);
	e.leaf_n = rd_u16(r);
	e.leaf = rd_take(r, e.leaf_n);
	has_detail = rd_u8(r);
	e.has_detail = has_detail == 1;
	if (!rd_ok(r) || has_detail > 1 || (e.has_detail && detail_get(r, &e.detail) != 0))
		return CV_ERR_FORMAT;
	if (ret != NULL)
		*(struct wire_event *)ret = e;
	return 0;
}

void wire_segment_put(struct buf *b, const struct wire_segment *s)
{
	buf_put(b, s->segment, WIRE_ID);
	buf_u32(b, s->month);
	buf_put(b, s->sealed, WIRE_SEALED_KEY);
}

static int segment_element(struct rd *r, void *ret)
{
	struct wire_segment s;

	s.segment = rd_take(r, WIRE_ID);
	s.month = rd_u32(r);
	s.sealed = rd_take(r, WIRE_SEALED_KEY);
	if (!rd_ok(r))
		return CV_ERR_FORMAT;
	if (ret != NULL)
		*(struct wire_segment *)ret = s;
	return 0;
}

void wire_person_put(struct buf *b, const struct wire_person *p)
{
	buf_put(b, p->principal, WIRE_ID);
	buf_u16(b, p->sealed_n);
	buf_put(b, p->sealed, p->sealed_n);
}

static int person_element(struct rd *r, void *ret)
{
	struct wire_person p;

	p.principal = rd_take(r, WIRE_ID);
	p.sealed_n = rd_u16(r);
	p.sealed = rd_take(r, p.sealed_n);
	if (!rd_ok(r))
		return CV_ERR_FORMAT;
	if (ret != NULL)
		*(struct wire_person *)ret = p;
	return 0;
}

void wire_policy_put(struct buf *b, const uint8_t *p, size_t n)
{
	if (n > UINT32_MAX) {
		b->bad = true;
		return;
	}
	buf_u32(b, (uint32_t)n);
	buf_put(b, p, n);
}

static int keys_get(struct rd *r, struct wire_events_answer *ret)
{
	if (wire_list_get(r, segment_element, &ret->segments) != 0 || wire_list_get(r, person_element, &ret->people) != 0)
		return CV_ERR_FORMAT;
	ret->policy_n = rd_u32(r);
	ret->policy = rd_take(r, ret->policy_n);
	return ret->policy != NULL ? 0 : CV_ERR_FORMAT;
}

int wire_accesses_answer_decode(const void *p, size_t n, struct wire_accesses_answer *ret)
{
	struct rd r = rd_over(p, n);
	uint32_t page_n;

	if (wire_text16_get(&r, &ret->cursor) != 0)
		return CV_ERR_FORMAT;
	page_n = rd_u32(&r);
	ret->page = wire_text((const char *)rd_take(&r, page_n), page_n);
	return rd_done(&r) && utf8_valid(ret->page.p, ret->page.n) ? 0 : CV_ERR_FORMAT;
}

int wire_events_answer_decode(const void *p, size_t n, struct wire_events_answer *ret)
{
	struct rd r = rd_over(p, n);
	uint8_t has_keys;

	ret->size = rd_u64(&r);
	ret->next = rd_u64(&r);
	if (wire_text16_get(&r, &ret->cursor) != 0 || ret->cursor.n > WIRE_CURSOR_MAX)
		return CV_ERR_FORMAT;
	if (wire_list_get(&r, event_element, &ret->events) != 0)
		return CV_ERR_FORMAT;
	has_keys = rd_u8(&r);
	ret->has_keys = has_keys == 1;
	if (!rd_ok(&r) || has_keys > 1 || (ret->has_keys && keys_get(&r, ret) != 0))
		return CV_ERR_FORMAT;
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

bool wire_events_next(struct wire_list *l, struct wire_event *ret)
{
	return wire_list_next(l, event_element, ret);
}

bool wire_segments_next(struct wire_list *l, struct wire_segment *ret)
{
	return wire_list_next(l, segment_element, ret);
}

bool wire_people_next(struct wire_list *l, struct wire_person *ret)
{
	return wire_list_next(l, person_element, ret);
}

int wire_health_answer_decode(const void *p, size_t n, uint8_t *ret_state)
{
	struct rd r = rd_over(p, n);
	uint8_t state = rd_u8(&r);

	if (!rd_done(&r) || state > WIRE_AUDIT_UNAVAILABLE)
		return CV_ERR_FORMAT;
	*ret_state = state;
	return 0;
}

/* ---- cosignatures ------------------------------------------------------------------------------------------------------- */

void wire_cosign_answer_put(struct buf *b, const struct wire_cosign_answer *m)
{
	buf_u64(b, m->size);
	buf_u8(b, m->witnesses);
	buf_u64(b, m->quorum_s);
}

int wire_cosign_answer_decode(const void *p, size_t n, struct wire_cosign_answer *ret)
{
	struct rd r = rd_over(p, n);

	ret->size = rd_u64(&r);
	ret->witnesses = rd_u8(&r);
	ret->quorum_s = rd_u64(&r);
	return rd_done(&r) ? 0 : CV_ERR_FORMAT;
}

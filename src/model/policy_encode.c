/* The policy document, docs/FORMAT.md section 11.1: tree to bytes. */
#include "model/source.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/row.h"

/* A failed buffer also stands for a text that has no room in its length prefix: bad is what encode asks at the end. */
static void text8(struct buf *b, const char *s, int *r)
{
	size_t n = strlen(s);

	if (n > UINT8_MAX) {
		*r = CV_ERR_ARG;
		return;
	}
	buf_u8(b, (uint8_t)n);
	buf_put(b, s, n);
}

static void text16(struct buf *b, const char *s, int *r)
{
	size_t n = strlen(s);

	if (n > UINT16_MAX) {
		*r = CV_ERR_ARG;
		return;
	}
	buf_u16(b, (uint16_t)n);
	buf_put(b, s, n);
}

static void named(struct buf *b, const char *name, const struct policy_label *l, int *r)
{
	text8(b, name, r);
	text8(b, l->zh, r);
	text8(b, l->en, r);
}

static void put_shape(struct buf *b, const struct policy_shape *s, int *r)
{
	buf_u8(b, s->type);
	buf_u16(b, s->max_length);
	buf_u8(b, (uint8_t)s->validator);
	buf_u16(b, (uint16_t)s->code_count);
	for (unsigned i = 0; i < s->code_count; i++) {
		named(b, s->codes[i].code, &s->codes[i].label, r);
		text8(b, s->codes[i].general, r);
	}
	if (s->type == VALUE_LIST)
		put_shape(b, s->item, r);
	if (s->type != VALUE_GROUP)
		return;
	buf_u8(b, (uint8_t)s->member_count);
	for (unsigned i = 0; i < s->member_count; i++) {
		named(b, s->members[i].name, &s->members[i].label, r);
		put_shape(b, &s->members[i].shape, r);
	}
}

static void put_predicate(struct buf *b, const struct policy_predicate *p, int *r)
{
	buf_u8(b, (uint8_t)p->rule);
	if (p->rule == PREDICATE_NONE)
		return;
	buf_u8(b, (uint8_t)p->inputs);
	for (unsigned i = 0; i < p->inputs; i++)
		buf_u16(b, p->input[i]);
	buf_u16(b, (uint16_t)p->code_count);
	for (unsigned i = 0; i < p->code_count; i++)
		text8(b, p->codes[i], r);
}

static void put_views(struct buf *b, const struct policy_field *f)
{
	buf_u8(b, (uint8_t)f->views);
	for (unsigned i = 0; i < f->views; i++) {
		buf_u16(b, f->view[i].class);
		buf_u8(b, (uint8_t)f->view[i].op);
	}
	buf_u8(b, (uint8_t)f->notice);
	buf_u8(b, (uint8_t)f->statistics);
}

static void put_field(struct buf *b, const struct policy_field *f, int *r)
{
	buf_u16(b, f->id);
	named(b, f->name, &f->label, r);
	text8(b, f->about, r);
	buf_u16(b, f->class);
	buf_u16(b, f->owner);
	buf_u8(b, (uint8_t)((f->is_area ? 1 : 0) | (f->is_due ? 2 : 0) | (f->is_state ? 4 : 0) | (f->is_area_from ? 8 : 0) |
	    (f->is_standing ? 16 : 0)));
	buf_u16(b, f->cadence_months);
	buf_u16(b, f->retention_months);
	buf_u64(b, f->purposes);
	buf_u64(b, f->delegates);
	buf_u64(b, f->collects);
	put_views(b, f);
	text8(b, f->fold_code, r);
	if (f->fold_code[0] != '\0') {
		text8(b, f->fold_as, r);
		buf_u16(b, f->fold_into);
	}
	put_predicate(b, &f->predicate, r);
	put_shape(b, &f->shape, r);
	if (f->shape.type == VALUE_INTEGER)
		buf_u64(b, f->shape.standard);
	else if (f->shape.standard != 0)
		*r = CV_ERR_ARG;
}

static void put_index(struct buf *b, const struct policy_index *x, int *r)
{
	buf_u16(b, x->id);
	named(b, x->name, &x->label, r);
	buf_u8(b, (uint8_t)x->form);
	buf_u8(b, x->unique ? 1 : 0);
	buf_u8(b, x->bits);
	buf_u8(b, (uint8_t)x->fields);
	for (unsigned i = 0; i < x->fields; i++)
		buf_u16(b, x->field[i]);
}

static void put_role(struct buf *b, const struct policy_source *s, const struct policy_role *role, int *r)
{
	unsigned n = 0;

	buf_u16(b, role->id);
	named(b, role->name, &role->label, r);
	buf_u16(b, role->department);
	buf_u8(b, role->kind);
	buf_u8(b, (uint8_t)((role->audit ? 1 : 0) | (role->area ? 2 : 0) | (role->approval ? 4 : 0)));
	buf_u8(b, role->acts);
	buf_u8(b, role->searches);
	buf_u16(b, role->bulk_records);
	buf_u16(b, role->bulk_hours);
	buf_u64(b, role->purposes);
	for (unsigned i = 0; i < s->classes; i++)
		n += role->rights[i] != 0 ? 1 : 0;
	buf_u16(b, (uint16_t)n);
	for (unsigned i = 0; i < s->classes; i++) {
		if (role->rights[i] == 0)
			continue;
		buf_u16(b, s->class[i].id);
		buf_u8(b, role->rights[i]);
	}
	buf_u16(b, (uint16_t)role->excepts);
	for (unsigned i = 0; i < role->excepts; i++) {
		buf_u16(b, role->except[i].class);
		buf_u16(b, role->except[i].field);
	}
}

static void put_small(struct buf *b, const struct policy_source *s, int *r)
{
	buf_u16(b, (uint16_t)s->departments);
	for (unsigned i = 0; i < s->departments; i++) {
		buf_u16(b, s->department[i].id);
		named(b, s->department[i].name, &s->department[i].label, r);
	}
	buf_u16(b, (uint16_t)s->purposes);
	for (unsigned i = 0; i < s->purposes; i++) {
		buf_u16(b, s->purpose[i].id);
		named(b, s->purpose[i].name, &s->purpose[i].label, r);
		buf_u8(b, s->purpose[i].needs_case ? 1 : 0);
	}
	buf_u16(b, (uint16_t)s->classes);
	for (unsigned i = 0; i < s->classes; i++) {
		buf_u16(b, s->class[i].id);
		named(b, s->class[i].name, &s->class[i].label, r);
		buf_u8(b, s->class[i].level);
		buf_u8(b, s->class[i].hidden ? 1 : 0);
		text16(b, s->class[i].legal, r);
	}
}

static void put_witnesses(struct buf *b, const struct policy_witnesses *w, int *r)
{
	unsigned acts = 0;

	if (w->n == 0)
		return;
	buf_u8(b, (uint8_t)w->n);
	for (unsigned i = 0; i < w->n; i++) {
		text8(b, w->witness[i].name, r);
		buf_put(b, w->witness[i].pk, 32);
	}
	buf_u8(b, (uint8_t)w->quorum);
	for (unsigned i = 0; i < WITNESSED_ACTS; i++)
		acts += w->minutes[i] != 0;
	buf_u8(b, (uint8_t)acts);
	for (unsigned i = 0; i < WITNESSED_ACTS; i++) {
		if (w->minutes[i] == 0)
			continue;
		buf_u8(b, (uint8_t)i);
		buf_u32(b, w->minutes[i]);
	}
}

int policy_encode(const struct policy_source *s, struct buf *ret)
{
	struct buf b;
	int r = 0;

	buf_init(&b, POLICY_DOCUMENT_MAX);
	if (s->departments > UINT16_MAX || s->purposes > UINT16_MAX || s->classes > POLICY_CLASSES ||
	    s->fields > UINT16_MAX || s->indexes > UINT16_MAX || s->roles > UINT16_MAX)
		return CV_ERR_ARG;
	buf_put(&b, POLICY_MAGIC, POLICY_MAGIC_BYTES);
	text8(&b, s->name, &r);
	buf_u32(&b, s->version);
	put_small(&b, s, &r);
	buf_u16(&b, (uint16_t)s->fields);
	for (unsigned i = 0; i < s->fields; i++)
		put_field(&b, &s->field[i], &r);
	buf_u16(&b, (uint16_t)s->indexes);
	for (unsigned i = 0; i < s->indexes; i++)
		put_index(&b, &s->index[i], &r);
	buf_u16(&b, (uint16_t)s->roles);
	for (unsigned i = 0; i < s->roles; i++)
		put_role(&b, s, &s->role[i], &r);
	put_witnesses(&b, &s->witnesses, &r);
	if (r != 0)
		goto out;
	if (!buf_ok(&b)) {
		r = b.n >= POLICY_DOCUMENT_MAX / 2 ? CV_ERR_LIMIT : CV_ERR_NOMEM;
		goto out;
	}
	buf_put(ret, b.p, b.n);
	r = buf_ok(ret) ? 0 : CV_ERR_NOMEM;
out:
	buf_free(&b);
	return r;
}

/* The policy document, docs/FORMAT.md section 11.1: bytes to tree. Its rules are held by policy_check.c. */
#include "model/model_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "model/validate.h"

#define RIGHTS_ALL (RIGHT_READ | RIGHT_REVEAL | RIGHT_WRITE | RIGHT_WRITE_ONLY | RIGHT_GRANT)
#define ACTS_ALL (ACT_ASSIGN | ACT_BULK | ACT_EXPORT | ACT_JOB | ACT_RECEIPT | ACT_DEDUPE)

struct decoder {
	struct policy *p;
	struct rd rd;		/* over p->doc */
	int r;			/* first error, sticky */
};

static void fail(struct decoder *d, int r)
{
	if (d->r == 0)
		d->r = r;
	d->rd.bad = true;	/* every later read gives nothing */
}

/* A count with its named maximum. 0 after an error. */
static unsigned count16(struct decoder *d, unsigned max)
{
	unsigned n = rd_u16(&d->rd);

	if (n > max) {
		fail(d, CV_ERR_LIMIT);
		return 0;
	}
	return rd_ok(&d->rd) ? n : 0;
}

/* Zeroed array for n elements; a dummy of one element after an error, so that callers need not ask. */
static void *array(struct decoder *d, unsigned n, size_t size)
{
	void *a = policy_alloc(d->p, n == 0 ? 1 : n, size);

	if (a == NULL)
		fail(d, CV_ERR_NOMEM);
	return a;
}

/*
 * Text behind a length of length_bytes bytes, in place: the bytes move onto their length prefix, which makes room for
 * the terminator. Empty text is "" if empty is allowed.
 */
static const char *text(struct decoder *d, size_t length_bytes, bool empty)
{
	size_t n = length_bytes == 1 ? rd_u8(&d->rd) : rd_u16(&d->rd);
	const uint8_t *from = rd_take(&d->rd, n);
	char *to;

	if (from == NULL || (n == 0 && !empty) || (n > 0 && !text_clean_line((const char *)from, n))) {
		fail(d, CV_ERR_FORMAT);
		return "";
	}
	to = (char *)d->p->doc + (from - d->p->doc) - length_bytes;
	memmove(to, from, n);
	to[n] = '\0';
	return to;
}

static const char *name(struct decoder *d, bool dot, bool upper)
{
	const char *s = text(d, 1, false);

	if (!policy_name_ok(s, dot, upper))
		fail(d, CV_ERR_FORMAT);
	return s;
}

static struct policy_label label(struct decoder *d)
{
	struct policy_label l;

	l.zh = text(d, 1, false);
	l.en = text(d, 1, false);
	return l;
}

/* An id that is above the one before it; that gives each set one order, and each id one owner. */
static uint16_t next_id(struct decoder *d, uint16_t before)
{
	uint16_t id = rd_u16(&d->rd);

	if (id <= before)
		fail(d, CV_ERR_FORMAT);
	return id;
}

static uint8_t flags(struct decoder *d, uint8_t known)
{
	uint8_t f = rd_u8(&d->rd);

	if ((f & ~known) != 0)
		fail(d, CV_ERR_FORMAT);
	return f;
}

/* ---- the small parts ------------------------------------------------------------------------------------------- */

static void departments(struct decoder *d)
{
	struct policy_source *s = &d->p->s;
	unsigned n = count16(d, POLICY_DEPARTMENTS);
	struct policy_department *a = array(d, n, sizeof(*a));
	uint16_t id = 0;

	for (unsigned i = 0; i < n && d->r == 0; i++) {
		a[i].id = id = next_id(d, id);
		a[i].name = name(d, false, true);
		a[i].label = label(d);
	}
	s->department = a;
	s->departments = n;
}

static void purposes(struct decoder *d)
{
	struct policy_source *s = &d->p->s;
	unsigned n = count16(d, POLICY_PURPOSES);
	struct policy_purpose *a = array(d, n, sizeof(*a));
	uint16_t id = 0;

	for (unsigned i = 0; i < n && d->r == 0; i++) {
		a[i].id = id = next_id(d, id);
		a[i].name = name(d, false, false);
		a[i].label = label(d);
		a[i].needs_case = flags(d, 1) != 0;
	}
	s->purpose = a;
	s->purposes = n;
}

static void classes(struct decoder *d)
{
	struct policy_source *s = &d->p->s;
	unsigned n = count16(d, POLICY_CLASSES);
	struct policy_class *a = array(d, n, sizeof(*a));
	uint16_t id = 0;

	for (unsigned i = 0; i < n && d->r == 0; i++) {
		a[i].id = id = next_id(d, id);
		a[i].name = name(d, true, false);
		a[i].label = label(d);
		a[i].level = rd_u8(&d->rd);
		a[i].hidden = flags(d, 1) != 0;
		a[i].legal = text(d, 2, true);
		d->p->class_slot[id] = (uint8_t)(i + 1);
	}
	s->class = a;
	s->classes = n;
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */

static void codes(struct decoder *d, struct policy_shape *shape)
{
	unsigned n = count16(d, POLICY_CODES);
	struct policy_code *a = n == 0 ? NULL : array(d, n, sizeof(*a));

	for (unsigned i = 0; i < n && d->r == 0; i++) {
		a[i].code = text(d, 1, false);
		a[i].label = label(d);
		a[i].general = text(d, 1, true);
		if (strlen(a[i].code) > POLICY_CODE_MAX || (i > 0 && strcmp(a[i - 1].code, a[i].code) >= 0))
			fail(d, CV_ERR_FORMAT);
	}
	shape->codes = a;
	shape->code_count = n;
}

enum nesting { IN_FIELD, IN_LIST, IN_GROUP };
static void shape(struct decoder *d, enum nesting where, struct policy_shape *ret);

static void members(struct decoder *d, struct policy_shape *ret)
{
	unsigned n = rd_u8(&d->rd);
	struct policy_member *a;

	if (n == 0 || n > POLICY_MEMBERS)
		fail(d, CV_ERR_FORMAT);
	a = array(d, n, sizeof(*a));
	for (unsigned i = 0; i < n && d->r == 0; i++) {
		a[i].name = name(d, false, false);
		a[i].label = label(d);
		shape(d, IN_GROUP, &a[i].shape);
		if (i > 0 && strcmp(a[i - 1].name, a[i].name) >= 0)
			fail(d, CV_ERR_FORMAT);
	}
	ret->members = a;
	ret->member_count = n;
}

static void item(struct decoder *d, struct policy_shape *ret)
{
	struct policy_shape *s = array(d, 1, sizeof(*s));

	if (d->r == 0)
		shape(d, IN_LIST, s);
	ret->item = s;
}

/* Lists hold scalars or groups, groups hold scalars: recursion ends at the third level. */
static void shape(struct decoder *d, enum nesting where, struct policy_shape *ret)
{
	unsigned v;

	ret->type = rd_u8(&d->rd);
	ret->max_length = rd_u16(&d->rd);
	v = rd_u8(&d->rd);
	if (ret->type < VALUE_BOOL || ret->type > VALUE_GROUP || v >= VALIDATORS ||
	    (ret->type == VALUE_LIST && where != IN_FIELD) || (ret->type == VALUE_GROUP && where == IN_GROUP))
		fail(d, CV_ERR_FORMAT);
	else
		ret->validator = (enum validator)v;
	codes(d, ret);
	if (d->r == 0 && ret->type == VALUE_LIST)
		item(d, ret);
	if (d->r == 0 && ret->type == VALUE_GROUP)
		members(d, ret);
}

/* A view operator; 0, which is none, only if none is allowed. */
static enum view_op operator(struct decoder *d, bool none)
{
	unsigned op = rd_u8(&d->rd);

	if (op == 0 ? !none : view_op_name(op) == NULL)
		fail(d, CV_ERR_FORMAT);
	return (enum view_op)op;
}

static void views(struct decoder *d, struct policy_field *f)
{

	f->views = rd_u8(&d->rd);
	if (f->views > POLICY_VIEWS) {
		fail(d, CV_ERR_LIMIT);
		f->views = 0;
	}
	for (unsigned i = 0; i < f->views; i++) {
		f->view[i].class = rd_u16(&d->rd);
		f->view[i].op = operator(d, false);
	}
}

/* Bits of a set that has n members. */
static uint64_t mask(struct decoder *d, unsigned n)
{
	uint64_t m = rd_u64(&d->rd);

	if (n < 64 && m >> n != 0)
		fail(d, CV_ERR_FORMAT);
	return m;
}

/* Longest stored value that gets one padded length for all; 0: lengths follow the rule for text. */
static uint16_t coded_length(const struct policy_shape *s)
{
	if (s->type == VALUE_TEXT || s->type == VALUE_LIST || s->type == VALUE_GROUP)
		return 0;
	return s->max_length < 8 ? 8 : s->max_length;
}

/* A code that is stored as another, while a list of a hidden class takes it. */
static void fold(struct decoder *d, struct policy_field *f)
{
	f->fold_code = text(d, 1, true);
	f->fold_as = "";
	if (f->fold_code[0] == '\0')
		return;
	f->fold_as = text(d, 1, false);
	f->fold_into = rd_u16(&d->rd);
}

static void predicate_codes(struct decoder *d, struct policy_predicate *p)
{
	unsigned n = count16(d, POLICY_CODES);
	const char **a = array(d, n, sizeof(*a));

	for (unsigned i = 0; i < n && d->r == 0; i++) {
		a[i] = text(d, 1, false);
		if (strlen(a[i]) > POLICY_CODE_MAX || (i > 0 && strcmp(a[i - 1], a[i]) >= 0))
			fail(d, CV_ERR_FORMAT);
	}
	p->codes = a;
	p->code_count = n;
}

static void predicate(struct decoder *d, struct policy_predicate *p)
{
	unsigned rule = rd_u8(&d->rd);
	uint16_t id = 0;

	if (rule == PREDICATE_NONE)
		return;
	if (rule > PREDICATE_ANY_PRESENT)
		fail(d, CV_ERR_FORMAT);
	p->rule = (enum predicate_rule)rule;
	p->inputs = rd_u8(&d->rd);
	if (p->inputs == 0 || p->inputs > PREDICATE_INPUTS) {
		fail(d, CV_ERR_FORMAT);
		p->inputs = 0;
	}
	for (unsigned i = 0; i < p->inputs && d->r == 0; i++)
		p->input[i] = id = next_id(d, id);
	if (d->r == 0)
		predicate_codes(d, p);
}

static void field(struct decoder *d, struct policy_field *f)
{
	uint8_t bits;

	f->name = name(d, false, false);
	f->label = label(d);
	f->about = text(d, 1, true);
	f->class = rd_u16(&d->rd);
	f->owner = rd_u16(&d->rd);
	bits = flags(d, 31);
	f->is_area = (bits & 1) != 0;
	f->is_due = (bits & 2) != 0;
	f->is_state = (bits & 4) != 0;
	f->is_area_from = (bits & 8) != 0;
	f->is_standing = (bits & 16) != 0;
	f->cadence_months = rd_u16(&d->rd);
	f->retention_months = rd_u16(&d->rd);
	f->purposes = mask(d, d->p->s.purposes);
	f->delegates = mask(d, d->p->s.departments);
	f->collects = mask(d, d->p->s.departments);
	views(d, f);
	f->notice = operator(d, true);
	f->statistics = operator(d, true);
	fold(d, f);
	predicate(d, &f->predicate);
	shape(d, IN_FIELD, &f->shape);
	if (d->r == 0 && f->shape.type == VALUE_INTEGER)
		f->shape.standard = rd_u64(&d->rd);
	f->type = f->shape.type;
	f->max_length = f->shape.max_length;
	f->validator = f->shape.validator;
	f->padded = coded_length(&f->shape);
}

static void fields(struct decoder *d)
{
	struct policy_source *s = &d->p->s;
	unsigned n = count16(d, POLICY_FIELDS);
	struct policy_field *a = array(d, n, sizeof(*a));
	uint16_t id = 0;

	for (unsigned i = 0; i < n && d->r == 0; i++) {
		a[i].id = id = next_id(d, id);
		field(d, &a[i]);
	}
	s->field = a;
	s->fields = n;
}

/* ---- indexes --------------------------------------------------------------------------------------------------- */

static void index_fields(struct decoder *d, struct policy_index *x)
{
	x->fields = rd_u8(&d->rd);
	if (x->fields == 0 || x->fields > POLICY_INDEX_FIELDS) {
		fail(d, CV_ERR_FORMAT);
		x->fields = 0;
	}
	for (unsigned i = 0; i < x->fields; i++)
		x->field[i] = rd_u16(&d->rd);
}

static void indexes(struct decoder *d)
{
	struct policy_source *s = &d->p->s;
	unsigned n = count16(d, POLICY_INDEXES), form;
	struct policy_index *a = array(d, n, sizeof(*a));
	uint16_t id = 0;

	for (unsigned i = 0; i < n && d->r == 0; i++) {
		a[i].id = id = next_id(d, id);
		a[i].name = name(d, false, false);
		a[i].label = label(d);
		form = rd_u8(&d->rd);
		if (form < INDEX_EXACT || form > INDEX_BUCKET)
			fail(d, CV_ERR_FORMAT);
		a[i].form = (enum index_form)form;
		a[i].unique = flags(d, 1) != 0;
		a[i].bits = rd_u8(&d->rd);
		index_fields(d, &a[i]);
	}
	s->index = a;
	s->indexes = n;
}

/* ---- roles ----------------------------------------------------------------------------------------------------- */

static void rights(struct decoder *d, struct policy_role *role)
{
	unsigned n = count16(d, POLICY_CLASSES);
	uint16_t class = 0;
	uint8_t right;
	int at;

	for (unsigned i = 0; i < n && d->r == 0; i++) {
		class = next_id(d, class);
		right = rd_u8(&d->rd);
		at = policy_class_position(d->p, class);
		if (at < 0 || right == 0 || right > RIGHTS_ALL) {
			fail(d, CV_ERR_FORMAT);
			return;
		}
		role->rights[at] = right;
	}
}

/* Ascending by class and field, so that each exception stands once. */
static void excepts(struct decoder *d, struct policy_role *role)
{
	unsigned n = count16(d, POLICY_EXCEPTS);
	struct policy_except *a = array(d, n, sizeof(*a));

	for (unsigned i = 0; i < n && d->r == 0; i++) {
		a[i].class = rd_u16(&d->rd);
		a[i].field = rd_u16(&d->rd);
		if (i > 0 && (a[i - 1].class > a[i].class || (a[i - 1].class == a[i].class && a[i - 1].field >= a[i].field)))
			fail(d, CV_ERR_FORMAT);
	}
	role->except = a;
	role->excepts = n;
}

static void role(struct decoder *d, struct policy_role *r)
{
	uint8_t bits;

	r->name = name(d, false, false);
	r->label = label(d);
	r->department = rd_u16(&d->rd);
	r->kind = rd_u8(&d->rd);
	bits = flags(d, 7);
	r->audit = (bits & 1) != 0;
	r->area = (bits & 2) != 0;
	r->approval = (bits & 4) != 0;
	r->acts = flags(d, ACTS_ALL);
	r->searches = flags(d, (uint8_t)((1u << d->p->s.indexes) - 1));
	r->bulk_records = rd_u16(&d->rd);
	r->bulk_hours = rd_u16(&d->rd);
	r->purposes = mask(d, d->p->s.purposes);
	rights(d, r);
	excepts(d, r);
}

static void roles(struct decoder *d)
{
	struct policy_source *s = &d->p->s;
	unsigned n = count16(d, POLICY_ROLES);
	struct policy_role *a = array(d, n, sizeof(*a));
	uint16_t id = 0;

	for (unsigned i = 0; i < n && d->r == 0; i++) {
		a[i].id = id = next_id(d, id);
		role(d, &a[i]);
		d->p->role_slot[id] = (uint8_t)(i + 1);
	}
	s->role = a;
	s->roles = n;
}

/* ---- witnesses ------------------------------------------------------------------------------------------------- */

/* How old their word may be, act by act. */
static void fresh_acts(struct decoder *d, struct policy_witnesses *w)
{
	unsigned n = rd_u8(&d->rd), act;
	uint32_t minutes;

	for (unsigned i = 0, next = 0; i < n && d->r == 0; i++, next = act + 1) {
		act = rd_u8(&d->rd);
		minutes = rd_u32(&d->rd);
		if (act < next || act >= WITNESSED_ACTS || minutes == 0 || minutes > POLICY_FRESH_MINUTES)
			fail(d, CV_ERR_FORMAT);
		else
			w->minutes[act] = minutes;
	}
}

/* They stand at the end, if there are any. */
static void witnesses(struct decoder *d)
{
	struct policy_witnesses *w = &d->p->s.witnesses;
	unsigned n;

	if (rd_left(&d->rd) == 0)
		return;
	n = rd_u8(&d->rd);
	if (n == 0 || n > POLICY_WITNESSES) {
		fail(d, CV_ERR_FORMAT);
		return;
	}
	for (; w->n < n && d->r == 0; w->n++) {
		w->witness[w->n].name = text(d, 1, false);
		rd_copy(&d->rd, w->witness[w->n].pk, 32);
	}
	w->quorum = rd_u8(&d->rd);
	fresh_acts(d, w);
}

/* ---- the document ---------------------------------------------------------------------------------------------- */

static void document(struct decoder *d)
{
	const uint8_t *magic = rd_take(&d->rd, POLICY_MAGIC_BYTES);

	if (magic == NULL || memcmp(magic, POLICY_MAGIC, POLICY_MAGIC_BYTES) != 0) {
		fail(d, CV_ERR_FORMAT);
		return;
	}
	d->p->s.name = name(d, false, false);
	d->p->s.version = rd_u32(&d->rd);
	departments(d);
	purposes(d);
	classes(d);
	fields(d);
	indexes(d);
	roles(d);
	witnesses(d);
	if (d->p->s.version == 0 || !rd_done(&d->rd))
		fail(d, CV_ERR_FORMAT);
}

int policy_decode_explain(const uint8_t *doc, size_t n, struct policy **ret_policy, struct policy_fault *ret_fault)
{
	struct policy_fault fault;
	struct decoder d = { 0 };
	int r = CV_ERR_NOMEM;

	if (n > POLICY_DOCUMENT_MAX)
		return CV_ERR_LIMIT;
	if ((d.p = calloc(1, sizeof(*d.p))) == NULL || (d.p->doc = malloc(n + 1)) == NULL)
		goto out;
	memcpy(d.p->doc, doc, n);
	d.rd = rd_over(d.p->doc, n);
	document(&d);
	if ((r = d.r) != 0)
		goto out;
	if ((r = policy_check(d.p, &fault)) != 0) {
		*ret_fault = fault;
		goto out;
	}
	*ret_policy = d.p;
	d.p = NULL;	/* transferred */
out:
	policy_free(d.p);
	return r;
}

int policy_decode(const uint8_t *doc, size_t n, struct policy **ret_policy)
{
	struct policy_fault fault;

	return policy_decode_explain(doc, n, ret_policy, &fault);
}

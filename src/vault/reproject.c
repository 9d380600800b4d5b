/* One record of a job: its views, or its predicates, computed anew from the clear classes. DESIGN section 4. */
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "format/value.h"
#include "vault/jobs_internal.h"
#include "vault/write.h"

/* One record under way. */
struct rework {
	struct vault *v;
	const struct vault_call *c;
	const struct job *job;
	struct record rec;
	uint64_t *skipped;
	bool changed;
};

/* Open record serial; its keys row moves to v->keys_row, which grows by new keys. */
static int open_record(struct rework *x, uint64_t serial)
{
	struct vault *v = x->v;
	struct store_value val;
	uint8_t key[REC_KEY_MAX], id[16];
	uint32_t epoch, slot;
	int r;

	if ((r = store_get(v->store, STORE_REC, key, rec_key(serial, REC_HEAD, 0, 0, key), &val)) != 0 ||
	    (r = head_prefix_decode(val.p, val.n, &epoch, &slot, id)) != 0 || (r = record_load(v, id, false, &x->rec)) != 0)
		return r;
	if (x->rec.serial != serial)
		return CV_ERR_AUTH;
	record_keep_changes(v, &x->rec);
	return record_keep_keys(v, &x->rec, &v->keys_row);
}

/* Load the folded content of a class; without an entry in head it is empty. */
static int load_class(struct rework *x, uint16_t class_id, struct content *ret, struct head_class **ret_hc)
{
	*ret_hc = head_class_find(&x->rec.head, (uint32_t)class_id << 16);
	content_clear(ret);
	return *ret_hc == NULL ? 0 : record_load_content(x->v, x->c, &x->rec, *ret_hc, ret, NULL);
}

/* Store v->content as the row of the class: its first, or one more with what it replaces going to history. */
static int store_class(struct rework *x, uint16_t class_id, struct head_class *hc)
{
	static struct fresh_keys fresh;
	struct vault *v = x->v;
	struct row_key key = { .generation = 0 };
	uint8_t type;
	int r;

	fresh.n = 0;
	x->changed = true;
	if (hc != NULL) {
		key.generation = hc->generation;
		if ((r = record_class_key(v, x->c, &x->rec, hc->class_key, hc->generation, 0, &key.dk, &key.birth, &type)) == 0 &&
		    (r = write_row_key(v, x->c, &x->rec, hc, &fresh, &key)) == 0)
			r = write_history(v, x->c, &x->rec, hc, &key);
	} else if ((hc = head_class_add(&x->rec.head, (uint32_t)class_id << 16)) == NULL) {
		return CV_ERR_LIMIT;
	} else {
		r = write_first_key(v, x->c, &x->rec, hc, &fresh, &key);
	}
	/* At once: the class may be looked at, and stored, once more before the record is done. */
	if (r == 0 && (r = write_put_keys(v, &x->rec, &fresh)) == 0)
		r = write_row(v, &x->rec, hc, &key, hc->class_version + 1);
	wipe(&key, sizeof(key));
	return r;
}

/* ---- views -------------------------------------------------------------------------------------------------------- */

/* The operator of field f in view class id, or 0. */
static enum view_op op_in(const struct policy_field *f, uint16_t id)
{
	for (unsigned i = 0; i < f->views; i++)
		if (f->view[i].class == id)
			return f->view[i].op;
	return 0;
}

/* Bring field f's cell in v->content up to what its value in source shows; *changed is set if that is something else. */
static int rework_cell(struct vault *v, const struct content *source, const struct policy_field *f, uint16_t view_class,
    bool *changed)
{
	const struct content_item *from = content_find(source, f->id), *was = content_find(&v->content, f->id);
	enum view_op op = op_in(f, view_class);
	struct value clear, shown = { .type = VALUE_NULL };
	struct provenance none = { 0 };

	if (from != NULL && op != 0) {
		clear = (struct value){ from->type, source->bytes.p + from->at, from->length };
		buf_reset(&v->scratch);
		view_project(op, &f->shape, &clear, &v->scratch, &shown);
		if (!buf_ok(&v->scratch))
			return CV_ERR_NOMEM;
	}
	if (was == NULL ? shown.type == VALUE_NULL : was->type == shown.type && was->length == shown.n &&
	    (shown.n == 0 || memcmp(v->content.bytes.p + was->at, shown.p, shown.n) == 0))
		return 0;
	*changed = true;
	return content_set(&v->content, f->id, shown.type, shown.p, shown.n, op != 0 ? view_padded(f, op, shown.n) : 0,
	    from != NULL ? &from->provenance : &none, false);
}

/* One view class of source for the n fields: rewritten if it shows something else than it should. */
static int rework_view(struct rework *x, const struct content *source, const uint16_t *field, unsigned n, uint16_t view_class)
{
	struct vault *v = x->v;
	struct head_class *hc;
	bool changed = false;
	int r;

	if ((r = load_class(x, view_class, &v->content, &hc)) == CV_ERR_NOKEY) {
		(*x->skipped)++;
		return 0;
	}
	for (unsigned i = 0; r == 0 && i < n; i++) {
		const struct policy_field *f = policy_field_by_id(v->policy, field[i]);

		if (f != NULL && f->class == class_source(view_class))
			r = rework_cell(v, source, f, view_class, &changed);
	}
	if (r == 0 && changed)
		r = store_class(x, view_class, hc);
	content_clear(&v->content);
	buf_reset(&v->scratch);
	return r;
}

/* What head keeps of field f: its due quarter, its state, its area as long as no other one is planned. */
static void rework_head(struct rework *x, const struct content *source, const struct policy_field *f)
{
	const struct content_item *item = content_find(source, f->id);
	const char *p = item != NULL ? (const char *)source->bytes.p + item->at : "";
	size_t n = item != NULL ? item->length : 0;
	struct head *h = &x->rec.head;
	uint16_t quarter = n == VALUE_DATE_BYTES ? write_quarter(p) : 0;
	uint8_t state = head_state_named(p, n);

	if (f->is_due && h->due_quarter != quarter) {
		h->due_quarter = quarter;
		x->changed = true;
	}
	if (f->is_state && state != 0 && h->state != state) {
		h->state = state;
		x->changed = true;
	}
	if (f->is_standing && write_doubt(h, p, n))
		x->changed = true;
	if (f->is_area && (h->flags & HEAD_PLANNED) == 0 && n <= sizeof(h->area) && (h->area_n != n || memcmp(h->area, p, n) != 0)) {
		memset(h->area, 0, sizeof(h->area));
		memcpy(h->area, p, n);
		h->area_n = (uint8_t)n;
		x->changed = true;
	}
}

/* All views of the n fields that stand in source class id, and what head keeps of these fields. */
static int rework_views(struct rework *x, uint16_t id, const uint16_t *field, unsigned n)
{
	struct vault *v = x->v;
	struct content *source = &v->jobs->source;
	struct head_class *hc;
	int r;

	if (head_class_find(&x->rec.head, (uint32_t)id << 16) == NULL)
		return 0;
	if ((r = load_class(x, id, source, &hc)) == CV_ERR_NOKEY) {
		(*x->skipped)++;
		r = 0;
	} else {
		for (unsigned i = 0; r == 0 && i < n; i++) {
			const struct policy_field *f = policy_field_by_id(v->policy, field[i]);

			if (f != NULL && f->class == id)
				rework_head(x, source, f);
		}
		for (unsigned i = 0; r == 0 && i < policy_classes(v->policy); i++) {
			uint16_t view_class = policy_class(v->policy, i)->id;

			if (class_is_view(view_class) && class_source(view_class) == id)
				r = rework_view(x, source, field, n, view_class);
		}
	}
	content_clear(source);
	return r;
}

/* Whether position i of policy's classes is the source class of one of the job's fields. */
static bool job_has_class(const struct rework *x, uint16_t id)
{
	for (unsigned i = 0; i < x->job->fields; i++) {
		const struct policy_field *f = policy_field_by_id(x->v->policy, x->job->field[i]);

		if (f != NULL && f->class == id)
			return true;
	}
	return false;
}

/* ---- predicates --------------------------------------------------------------------------------------------------- */

static bool code_matches(const struct policy_predicate *p, const uint8_t *s, size_t n)
{
	for (unsigned i = 0; i < p->code_count; i++)
		if (strlen(p->codes[i]) == n && memcmp(p->codes[i], s, n) == 0)
			return true;
	return false;
}

/* Whether the input holds one of the codes; of a list, some item. */
static bool input_matches(const struct policy_predicate *p, const struct content *x, const struct content_item *item)
{
	const uint8_t *bytes = x->bytes.p + item->at;
	struct value_walk walk;
	struct value_item in;

	if (item->type != VALUE_LIST)
		return code_matches(p, bytes, item->length);
	walk = value_walk(VALUE_LIST, bytes, item->length);
	while (value_next(&walk, &in))
		if (code_matches(p, in.p, in.n))
			return true;
	return false;
}

static bool predicate_holds(const struct policy_predicate *p, const struct content *x)
{
	for (unsigned i = 0; i < p->inputs; i++) {
		const struct content_item *item = content_find(x, p->input[i]);
		bool holds = item != NULL && (p->rule == PREDICATE_ANY_PRESENT ?
		    !value_empty(item->type, x->bytes.p + item->at, item->length) : input_matches(p, x, item));

		if (holds != (p->rule == PREDICATE_ALL_IN))
			return holds;
	}
	return p->rule == PREDICATE_ALL_IN;
}

/* Whether the stored value says so already, of this version of the inputs' class. */
static bool predicate_stands(const struct content *x, const struct content_item *item, bool holds, uint32_t version)
{
	struct value_item m;
	const uint8_t *p;

	if (item == NULL || item->type != VALUE_GROUP)
		return false;
	p = x->bytes.p + item->at;
	return value_member(p, item->length, "value", 5, &m) && m.type == VALUE_BOOL && value_bool(m.p) == holds &&
	    value_member(p, item->length, "version", 7, &m) && m.type == VALUE_INTEGER && value_integer(m.p) == (int64_t)version;
}

static void predicate_value(struct buf *b, int32_t today, bool holds, uint32_t version)
{
	char date[VALUE_DATE_BYTES + 1];
	uint8_t truth = holds, number[8];
	unsigned month, day;
	size_t at;
	int year;

	clock_date(today, &year, &month, &day);
	for (unsigned i = 0, y = (unsigned)year; i < 4; i++, y /= 10)
		date[3 - i] = (char)('0' + y % 10);
	date[4] = date[7] = '-';
	date[5] = (char)('0' + month / 10);
	date[6] = (char)('0' + month % 10);
	date[8] = (char)('0' + day / 10);
	date[9] = (char)('0' + day % 10);
	be64_put(number, version);
	at = value_begin(b);
	value_member_put(b, "as_of", 5, VALUE_DATE, date, VALUE_DATE_BYTES);
	value_member_put(b, "value", 5, VALUE_BOOL, &truth, 1);
	value_member_put(b, "version", 7, VALUE_INTEGER, number, 8);
	value_end(b, at, 3);
}

/* Set what f computes from source, of that version of the inputs' class, in v->content. */
static int set_predicate(struct rework *x, const struct policy_field *f, const struct content *source, uint32_t version)
{
	const struct principal *writer = session_principal(x->v->keys, x->c->session);
	struct provenance p = { .source = f->owner, .written_ms = x->c->now_ms, .as_of_day = (uint32_t)x->c->today + 1 };
	struct buf value;
	int r = CV_ERR_NOMEM;

	if (writer == NULL)
		return CV_ERR_NOKEY;
	memcpy(p.writer, writer->id, 16);
	buf_init(&value, 256);
	predicate_value(&value, x->c->today, predicate_holds(&f->predicate, source), version);
	if (buf_ok(&value))
		r = content_set(&x->v->content, f->id, VALUE_GROUP, value.p, value.n, field_padded(f, value.n), &p, false);
	buf_free(&value);
	return r;
}

/*
 * A predicate that stands among its inputs makes the next version of their class: then the others of the class that were computed are
 * computed of that version too, or they would be stale at once.
 */
static int set_neighbours(struct rework *x, const struct policy_field *f, const struct content *source, uint32_t version)
{
	struct vault *v = x->v;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < policy_fields(v->policy); i++) {
		const struct policy_field *g = policy_field(v->policy, i), *in;

		if (g == f || g->class != f->class || g->predicate.rule == PREDICATE_NONE || content_find(&v->content, g->id) == NULL)
			continue;
		in = policy_field_by_id(v->policy, g->predicate.input[0]);
		if (in != NULL && in->class == f->class)
			r = set_predicate(x, g, source, version);
	}
	return r;
}

/* f is to be computed anew from source, the content of its inputs' class; its own class stands in v->content. */
static int store_predicate(struct rework *x, const struct policy_field *f, struct head_class *hc, const struct content *source,
    bool among_inputs, uint32_t version)
{
	int r;

	version += among_inputs;
	if ((r = set_predicate(x, f, source, version)) == 0 &&
	    (!among_inputs || (r = set_neighbours(x, f, source, version)) == 0))
		r = store_class(x, f->class, hc);
	for (unsigned i = 0; r == 0 && i < policy_fields(x->v->policy); i++) {
		const struct policy_field *g = policy_field(x->v->policy, i);

		if (g->class == f->class && g->predicate.rule != PREDICATE_NONE && g->views > 0)
			r = rework_views(x, g->class, &g->id, 1);
	}
	return r;
}

/* in: one of f's inputs. */
static int rework_predicate(struct rework *x, const struct policy_field *f, const struct policy_field *in)
{
	struct vault *v = x->v;
	struct content *source = &v->jobs->source;
	struct head_class *from, *hc = NULL;
	const struct content_item *item;
	uint32_t version;
	int r;

	if ((r = load_class(x, in->class, source, &from)) == 0)
		r = load_class(x, f->class, &v->content, &hc);
	if (r == CV_ERR_NOKEY) {
		(*x->skipped)++;
		return 0;
	}
	if (r != 0)
		return r;
	item = content_find(&v->content, f->id);
	version = from == NULL ? 0 : from->class_version;
	/* A file without any of it says nothing, and need not say no. */
	if ((from == NULL && item == NULL) || predicate_stands(&v->content, item, predicate_holds(&f->predicate, source), version))
		return 0;
	return store_predicate(x, f, hc, source, f->class == in->class, version);
}

/* ---- one record --------------------------------------------------------------------------------------------------- */

/*
 * Those that stand among their inputs first, since they move their class's version; then the others, and once more where one of them
 * moved the version that another was computed from. Two that each move the other's inputs never rest: the later one is then told as stale.
 */
static int rework_predicates(struct rework *x)
{
	int r = 0;

	for (unsigned pass = 0; r == 0 && pass < 3; pass++) {
		if (pass == 2 && !x->changed)
			break;
		for (unsigned i = 0; r == 0 && i < x->job->fields; i++) {
			const struct policy_field *f = policy_field_by_id(x->v->policy, x->job->field[i]), *in;

			if (f == NULL || f->predicate.rule == PREDICATE_NONE ||
			    (in = policy_field_by_id(x->v->policy, f->predicate.input[0])) == NULL)
				continue;
			if ((in->class == f->class) == (pass == 0))
				r = rework_predicate(x, f, in);
		}
	}
	return r;
}

static int rework(struct rework *x)
{
	struct vault *v = x->v;
	int r = 0;

	for (unsigned i = 0; r == 0 && x->job->kind == JOB_REPROJECT && i < policy_classes(v->policy); i++) {
		uint16_t id = policy_class(v->policy, i)->id;

		if (!class_is_view(id) && job_has_class(x, id))
			r = rework_views(x, id, x->job->field, x->job->fields);
	}
	if (r == 0 && x->job->kind == JOB_PREDICATES)
		r = rework_predicates(x);
	if (r == 0 && x->changed && (r = write_prune_wraps(v, &x->rec)) == 0)
		r = record_put_head(v, &x->rec);
	return r;
}

int reproject_record(struct vault *v, const struct vault_call *c, const struct job *j, uint64_t serial, bool *ret_changed,
    uint64_t *skipped)
{
	struct rework x = { .v = v, .c = c, .job = j, .skipped = skipped };
	int r;

	if ((r = open_record(&x, serial)) == 0)
		r = j->kind == JOB_REINDEX ? reindex_record(v, c, j, &x.rec, &x.changed, skipped) : rework(&x);
	wipe(x.rec.head.log_key, sizeof(x.rec.head.log_key));
	content_clear(&v->content);
	content_clear(&v->jobs->source);
	buf_reset(&v->scratch);
	if (r == 0)
		*ret_changed = x.changed;
	return r;
}

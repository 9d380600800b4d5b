/* From accepted values to sealed rows: what create and patch have in common. FORMAT.md section 4, DESIGN section 4. */
#include "vault/write.h"

#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "vault/index.h"

static struct write_set set;	/* one request at a time; too large for the stack */

struct write_set *write_begin(void)
{
	if (set.values.max == 0)
		buf_init(&set.values, 4u << 20);
	buf_reset(&set.values);
	set.changes = set.targets = set.fresh.n = 0;
	set.as_of_day = 0;
	set.foreign = NULL;
	return &set;
}

void write_end(struct write_set *w)
{
	for (unsigned i = 0; i < w->targets; i++)
		wipe(&w->target[i].key, sizeof(w->target[i].key));
	buf_reset(&w->values);
	w->changes = w->targets = 0;
}

size_t write_room(const struct write_set *w)
{
	/* Each value stands in its row, its views and, replaced, in history; then head, keys row and framing. */
	return 4 * w->values.n + (size_t)w->changes * 512 + (size_t)w->targets * 1024 + 65536;
}

/* Set in x what the changes say about target class t: values themselves, or their projections. 0 or an error. */
static int gather(struct vault *v, struct write_set *w, const struct target *t, struct content *x, bool keep_null)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < w->changes; i++) {
		const struct change *ch = &w->change[i];
		const struct policy_field *f = ch->field;
		struct value val = { ch->type, w->values.p + ch->at, ch->n }, shown;

		if (f->class == t->class) {
			uint16_t padded = val.type == VALUE_NULL ? field_padded(f, 0) : field_padded(f, val.n);

			r = content_set(x, f->id, val.type, val.p, val.n, padded, &ch->provenance, keep_null);
			continue;
		}
		for (unsigned j = 0; r == 0 && j < f->views; j++) {
			if (f->view[j].class != t->class)
				continue;
			buf_reset(&v->scratch);
			view_project(f->view[j].op, &f->shape, &val, &v->scratch, &shown);
			r = content_set(x, f->id, shown.type, shown.p, shown.n, view_padded(f, f->view[j].op, shown.n), &ch->provenance,
			    keep_null);
		}
	}
	buf_reset(&v->scratch);
	return r;
}

/* Whether setting what y says would leave everything as it is in x. */
static bool unchanged(const struct content *x, const struct content *y)
{
	for (unsigned i = 0; i < y->n; i++) {
		const struct content_item *now = &y->item[i], *was = content_find(x, now->field);

		if (was == NULL ? now->type != VALUE_NULL : was->type != now->type || was->length != now->length ||
		    memcmp(x->bytes.p + was->at, y->bytes.p + now->at, now->length) != 0)
			return false;
	}
	return true;
}

/* Set in x what the changes say about view class t, projected once. *ret_same: it shows what it showed. */
static int gather_view(struct vault *v, struct write_set *w, const struct target *t, struct content *x, bool *ret_same)
{
	struct content *y = &v->view_content;
	int r;

	content_clear(y);
	if ((r = gather(v, w, t, y, true)) == 0)
		*ret_same = unchanged(x, y);
	for (unsigned i = 0; r == 0 && i < y->n; i++) {
		const struct content_item *now = &y->item[i];

		r = content_set(x, now->field, now->type, y->bytes.p + now->at, now->length, now->padded, &now->provenance, false);
	}
	content_clear(y);
	return r;
}

/* Put v->row_out as a row of REC. */
static int put_row(struct vault *v, struct record *rec, enum rec_kind kind, uint32_t class_key, uint32_t drop_version)
{
	uint8_t key[REC_KEY_MAX];
	size_t n = rec_key(rec->serial, kind, class_key, drop_version, key);

	return store_put(v->store, STORE_REC, key, n, v->row_out.p, v->row_out.n);
}

/* A creation's rows stand for themselves in REC; v->change collects them for their digest, FORMAT.md 4.1. */
static int put_first_row(struct vault *v, struct record *rec, uint32_t class_key)
{
	buf_u32(&v->change, class_key);
	buf_u32(&v->change, (uint32_t)v->row_out.n);
	buf_put(&v->change, v->row_out.p, v->row_out.n);
	return buf_ok(&v->change) ? put_row(v, rec, REC_ROW, class_key, 0) : CV_ERR_NOMEM;
}

int write_change_room(struct vault *v, struct record *rec)
{
	int r;

	if (rec->change != 0 && v->change.n + HIST_ROW_OVERHEAD + ROW_MAX > STORE_VALUE_MAX && (r = write_change_end(v, rec)) != 0)
		return r;
	if (rec->change != 0)
		return 0;
	if (rec->head.changes == UINT32_MAX)
		return CV_ERR_LIMIT;
	rec->change = rec->head.changes + 1;
	/* One for all rows of a change, since they differ in data key or context. */
	crypto_random(rec->nonce, sizeof(rec->nonce));
	buf_reset(&v->change);
	hist_begin(&v->change, rec->nonce);
	return 0;
}

int write_change_end(struct vault *v, struct record *rec)
{
	uint8_t key[HIST_KEY], before[16];

	if (!rec->creating && rec->change == 0)
		return 0;
	if (!buf_ok(&v->change))
		return CV_ERR_NOMEM;
	if (rec->creating) {
		record_digest_rows(v->keys, rec->head.shred_slot, v->change.p, v->change.n, rec->head.digest);
		rec->creating = false;
		return 0;
	}
	hist_key(rec->serial, rec->change, key);
	memcpy(before, rec->head.hist_digest, 16);
	record_digest_hist(v->keys, rec->head.shred_slot, before, key, sizeof(key), v->change.p, v->change.n, rec->head.hist_digest);
	rec->head.changes = rec->change;
	rec->change = 0;
	rec->changes = NULL;
	return store_put(v->store, STORE_HIST, key, sizeof(key), v->change.p, v->change.n);
}

/* Where the next row of hc goes. A change writes a class once: under its N once more would be the same row key once more. */
static int row_room(struct vault *v, struct record *rec, const struct head_class *hc)
{
	int r = 0;

	if (rec->change != 0 && hc->change == rec->change)
		r = write_change_end(v, rec);
	return r == 0 ? write_change_room(v, rec) : r;
}

int write_row(struct vault *v, struct record *rec, struct head_class *hc, const struct row_key *key, uint32_t version)
{
	struct row_place at = { .record = rec->head.record, .class_key = hc->class_key, .birth_epoch = key->birth,
		.generation = key->generation, .version = version, .shred_slot = rec->head.shred_slot,
		.nonce = rec->creating ? rec->head.nonce : rec->nonce };
	int r;

	if (!rec->creating && (r = row_room(v, rec, hc)) != 0)
		return r;
	buf_reset(&v->row_out);
	if ((r = content_seal(v->keys, &v->content, &key->dk, &at, &v->row_out)) != 0)
		return r;
	hc->flags |= HEAD_CLASS_ROW;
	hc->drops = 0;
	memset(hc->digest, 0, sizeof(hc->digest));
	hc->generation = key->generation;
	hc->row_version = hc->class_version = version;
	hc->change = rec->change;
	memcpy(hc->nonce, at.nonce, ROW_NONCE);
	if (rec->creating) {
		r = put_first_row(v, rec, hc->class_key);
	} else {
		hist_put(&v->change, &(struct hist_row){ hc->class_key, HIST_ROW, key->generation, version, v->row_out.p, v->row_out.n });
		r = buf_ok(&v->change) ? 0 : CV_ERR_NOMEM;
	}
	return r != 0 ? r : index_note(v, rec, (uint16_t)(hc->class_key >> 16), &v->content, false);
}

/* The first row of a class. */
static int write_fresh(struct vault *v, struct write_set *w, struct record *rec, struct target *t, struct head_class *hc)
{
	int r;

	content_clear(&v->content);
	if ((r = gather(v, w, t, &v->content, false)) == 0)
		r = write_row(v, rec, hc, &t->key, t->version);
	return r;
}

/* A drop: this write alone, under a key of its own that only readers can make again. */
static int write_drop(struct vault *v, struct write_set *w, struct record *rec, struct target *t, struct head_class *hc)
{
	struct row_place at = { .record = rec->head.record, .class_key = hc->class_key, .birth_epoch = t->key.birth,
		.version = t->version, .shred_slot = rec->head.shred_slot, .drop = true };
	uint8_t before[16];
	int r;

	content_clear(&v->content);
	buf_reset(&v->row_out);
	if ((r = gather(v, w, t, &v->content, true)) != 0 ||
	    (r = content_seal(v->keys, &v->content, &t->key.dk, &at, &v->row_out)) != 0)
		return r;
	hc->drops++;
	hc->class_version = t->version;
	memcpy(before, hc->digest, 16);
	record_digest_drop(v->keys, rec->head.shred_slot, before, t->version, v->row_out.p, v->row_out.n, hc->digest);
	record_keep_changes(v, rec);
	r = put_row(v, rec, REC_DROP, hc->class_key, t->version);
	return r != 0 ? r : index_note(v, rec, t->class, &v->content, true);
}

/* Whether the write gives the view class some value, if only one that it had: then its provenance is new. */
static bool gives_value(const struct write_set *w, const struct target *t)
{
	for (unsigned i = 0; i < w->changes; i++)
		for (unsigned j = 0; w->change[i].type != VALUE_NULL && j < w->change[i].field->views; j++)
			if (w->change[i].field->view[j].class == t->class)
				return true;
	return false;
}

/*
 * Rewrite a row that the session can open. A view that shows what it showed keeps its version, so that its readers' ETags tell nothing of
 * what it hides: its row is made anew in its place, for the provenance alone, and no history is kept of that. *ret_folded becomes true if
 * drops were folded in.
 */
static int write_rewrite(struct vault *v, struct vault_call *c, struct write_set *w, struct record *rec, struct target *t,
    struct head_class *hc, bool *ret_folded)
{
	bool same = false;
	int r;

	if ((r = record_load_content(v, c, rec, hc, &v->content, &t->key)) != 0)
		return r;
	*ret_folded |= hc->drops > 0;
	if ((r = t->is_view ? gather_view(v, w, t, &v->content, &same) : gather(v, w, t, &v->content, false)) != 0)
		return r;
	same = same && hc->drops == 0;
	if (same && !gives_value(w, t))
		return 0;
	if ((r = write_row_key(v, c, rec, hc, &w->fresh, &t->key)) == 0 && (r = write_history(v, c, rec, hc, &t->key)) == 0)
		r = write_row(v, rec, hc, &t->key, same ? hc->class_version : hc->class_version + 1);
	return r;
}

/* Give each target its place in head and its new version. */
static int place_targets(struct vault_call *c, struct write_set *w, struct record *rec)
{
	for (unsigned i = 0; i < w->targets; i++) {
		struct target *t = &w->target[i];
		struct head_class *hc = head_class_find(&rec->head, (uint32_t)t->class << 16);

		t->fresh = hc == NULL;
		if (hc == NULL && (hc = head_class_add(&rec->head, (uint32_t)t->class << 16)) == NULL)
			return CV_ERR_LIMIT;
		if (!t->fresh && t->sealed_to_public && hc->drops == HEAD_DROPS_MAX) {
			(void)call_refuse(c, PROBLEM_NEEDS_MERGE, "64 drops wait for a reader to merge them");
			return CV_ERR_BUSY;
		}
		t->version = hc->class_version + 1;
	}
	return 0;
}

uint16_t write_quarter(const char *p)
{
	unsigned year = 0, month = (unsigned)(p[5] - '0') * 10 + (unsigned)(p[6] - '0');

	for (unsigned i = 0; i < 4; i++)
		year = year * 10 + (unsigned)(p[i] - '0');
	return (uint16_t)(year * 4 + (month - 1) / 3);
}

/* Day of a date YYYY-MM-DD as rows have it. */
static uint32_t day_of(const char *p)
{
	unsigned year = 0, month = (unsigned)(p[5] - '0') * 10 + (unsigned)(p[6] - '0'),
		 day = (unsigned)(p[8] - '0') * 10 + (unsigned)(p[9] - '0');
	int32_t days;

	for (unsigned i = 0; i < 4; i++)
		year = year * 10 + (unsigned)(p[i] - '0');
	days = clock_days((int)year, month, day);
	return days < 0 ? 0 : (uint32_t)days + 1;
}

/* Nothing is planned any more. */
static void drop_plan(struct head *h)
{
	h->flags &= (uint8_t)~HEAD_PLANNED;
	h->planned_n = 0;
	memset(h->planned, 0, sizeof(h->planned));
	h->planned_day = 0;
}

/* A plan whose day has come is the area itself. */
static void settle_plan(struct head *h, uint32_t today)
{
	if ((h->flags & HEAD_PLANNED) == 0 || today < h->planned_day)
		return;
	memcpy(h->area, h->planned, sizeof(h->area));
	h->area_n = h->planned_n;
	drop_plan(h);
}

/*
 * A new area counts from its day on; at once without one, and where there was none before, since a record without an area is in
 * everybody's.
 */
static void note_area(struct head *h, uint32_t today, const char *p, size_t n, uint32_t from)
{
	uint8_t area_n = n <= sizeof(h->area) ? (uint8_t)n : 0;

	settle_plan(h, today);
	drop_plan(h);
	if (from <= today || h->area_n == 0) {
		memset(h->area, 0, sizeof(h->area));
		memcpy(h->area, p, area_n);
		h->area_n = area_n;
		return;
	}
	h->flags |= HEAD_PLANNED;
	h->planned_day = from;
	h->planned_n = area_n;
	memcpy(h->planned, p, area_n);
}

/* The day from which a change of the area in this write counts, 0: at once. */
static uint32_t area_from(const struct write_set *w)
{
	for (unsigned i = 0; i < w->changes; i++)
		if (w->change[i].field->is_area_from && w->change[i].type == VALUE_DATE && w->change[i].n == 10)
			return day_of((const char *)w->values.p + w->change[i].at);
	return 0;
}

bool write_doubt(struct head *h, const char *p, size_t n)
{
	const bool was = (h->flags & HEAD_DOUBT) != 0,
		   is = n > 0 && (n != strlen(POLICY_STANDING_GOOD) || memcmp(p, POLICY_STANDING_GOOD, n) != 0);

	h->flags = (uint8_t)(is ? h->flags | HEAD_DOUBT : h->flags & ~HEAD_DOUBT);
	return was != is;
}

/* What head itself keeps of a changed field. */
static void note_in_head(const struct vault_call *c, const struct write_set *w, struct head *h)
{
	uint32_t today = (uint32_t)c->today + 1;

	for (unsigned i = 0; i < w->changes; i++) {
		const struct change *ch = &w->change[i];
		const char *p = (const char *)w->values.p + ch->at;
		uint8_t state;

		if (ch->field->is_area)
			note_area(h, today, p, ch->type == VALUE_NULL ? 0 : ch->n, area_from(w));
		if (ch->field->is_due)
			h->due_quarter = ch->type == VALUE_DATE && ch->n == 10 ? write_quarter(p) : 0;
		if (ch->field->is_state && ch->type == VALUE_CODE && (state = head_state_named(p, ch->n)) != 0)
			h->state = state;
		if (ch->field->is_standing)
			(void)write_doubt(h, p, ch->type == VALUE_CODE ? ch->n : 0);	/* head is written anyway */
	}
}

int write_targets(struct vault *v, struct vault_call *c, struct write_set *w, struct record *rec)
{
	bool folded = false;
	int r;

	vault_save(v);
	if (!rec->creating)
		record_keep_changes(v, rec);
	if ((r = place_targets(c, w, rec)) != 0 || (r = write_target_keys(v, c, w, rec)) != 0)
		return r;
	for (unsigned i = 0; r == 0 && i < w->targets; i++) {
		struct target *t = &w->target[i];
		struct head_class *hc = head_class_find(&rec->head, (uint32_t)t->class << 16);

		if (t->fresh) {
			r = write_fresh(v, w, rec, t, hc);
		} else if (t->sealed_to_public) {
			r = write_drop(v, w, rec, t, hc);
		} else {
			r = write_rewrite(v, c, w, rec, t, hc, &folded);
		}
	}
	if (r == 0)
		r = write_put_keys(v, rec, &w->fresh);
	/* What folds drops in makes an end of their keys. */
	if (r == 0 && folded)
		r = write_prune_wraps(v, rec);
	note_in_head(c, w, &rec->head);
	rec->head.updated_ms = c->now_ms;
	c->mutating = true;
	return r;
}

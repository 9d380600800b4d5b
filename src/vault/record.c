/* Reading and writing the rows of one record. FORMAT.md section 4. */
#include <string.h>

#include "base/bytes.h"
#include "format/value.h"
#include "vault/gov.h"
#include "vault/list.h"
#include "vault/write.h"

/* Whether a row stands behind those that are looked up together: all of them, or the class rows up to rows->last. */
static bool is_beyond(const struct record_rows *rows, uint8_t kind, uint32_t class_key)
{
	return rows->n == RECORD_ROWS || (rows->last != RECORD_ALL && kind >= REC_ROW && (kind == REC_DROP || class_key > rows->last));
}

static int collect_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct record_rows *rows = cookie;

	if (key_n != 11 && key_n != 19)
		return CV_ERR_FORMAT;
	if (is_beyond(rows, key[6], be32_get(key + 7))) {
		rows->whole = false;
		return 1;
	}
	rows->row[rows->n].kind = key[6];
	rows->row[rows->n].class_key = be32_get(key + 7);
	rows->row[rows->n].drop_version = key_n == 19 ? (uint32_t)be64_get(key + 11) : 0;
	rows->row[rows->n].value = (struct store_value){ val, val_n };
	rows->n++;
	return 0;
}

/* The rows of a serial up to that of class key last, with one descent. */
static int collect_rows(struct vault *v, uint64_t serial, uint32_t last)
{
	uint8_t prefix[6];
	int r;

	be48_put(prefix, serial);
	v->rows.n = 0;
	v->rows.last = last;
	v->rows.whole = true;
	r = store_scan(v->store, STORE_REC, prefix, sizeof(prefix), NULL, 0, false, 0, collect_row, &v->rows);
	return r > 0 ? 0 : r;
}

int record_stored(struct vault *v, const struct record *r, enum rec_kind kind, uint32_t class_key, uint32_t drop_version,
    struct store_value *ret)
{
	uint8_t key[REC_KEY_MAX];
	int e;

	if (r->rows != NULL) {
		for (unsigned i = 0; i < r->rows->n; i++)
			if (r->rows->row[i].class_key == class_key && r->rows->row[i].kind == kind &&
			    r->rows->row[i].drop_version == drop_version) {
				*ret = r->rows->row[i].value;
				return 0;
			}
		if (r->rows->whole)
			return CV_ERR_AUTH;
	}
	e = store_get(v->store, STORE_REC, key, rec_key(r->serial, kind, class_key, drop_version, key), ret);
	return e == CV_ERR_NOTFOUND ? CV_ERR_AUTH : e;
}

void record_keep_changes(struct vault *v, struct record *r)
{
	v->changes_of.n = v->changes_of.next = 0;
	r->changes = &v->changes_of;
}

/* The stored row of a change. */
static int change_stored(struct vault *v, const struct record *r, uint32_t change, struct store_value *ret)
{
	struct record_changes *x = r->changes;
	uint8_t key[HIST_KEY];
	int e;

	for (unsigned i = 0; x != NULL && i < x->n; i++)
		if (x->of[i].change == change) {
			*ret = x->of[i].value;
			return 0;
		}
	hist_key(r->serial, change, key);
	if ((e = store_get(v->store, STORE_HIST, key, sizeof(key), ret)) != 0)
		return e == CV_ERR_NOTFOUND ? CV_ERR_AUTH : e;
	if (x != NULL) {
		x->of[x->next].change = change;
		x->of[x->next].value = *ret;
		x->next = (x->next + 1) % RECORD_CHANGES;
		x->n += x->n < RECORD_CHANGES;
	}
	return 0;
}

int record_row_stored(struct vault *v, const struct record *r, const struct head_class *hc, struct store_value *ret)
{
	struct store_value change = { v->change.p, v->change.n };
	struct hist_row row;
	int e;

	if (hc->change == 0)
		return record_stored(v, r, REC_ROW, hc->class_key, 0, ret);
	if (hc->change != r->change && (e = change_stored(v, r, hc->change, &change)) != 0)
		return e;
	if ((e = hist_find(change.p, change.n, hc->class_key, &row)) != 0)
		return e == CV_ERR_NOTFOUND ? CV_ERR_AUTH : e;
	*ret = (struct store_value){ row.p, row.n };
	return 0;
}

static int collect_wrap(void *cookie, const struct wrap *w)
{
	struct record_keys *keys = cookie;

	if (keys->n == RECORD_ROWS) {
		keys->whole = false;
		return 1;
	}
	keys->wrap[keys->n++] = *w;
	return 0;
}

static int collect_wraps(struct vault *v, struct record *rec)
{
	int r;

	v->keys_of.n = 0;
	v->keys_of.whole = true;
	rec->keys = &v->keys_of;
	r = wraps_each(rec->keys_row, rec->keys_row_n, collect_wrap, &v->keys_of);
	return r > 0 ? 0 : r;
}

int record_keep_keys(struct vault *v, struct record *r, struct buf *b)
{
	buf_reset(b);
	buf_put(b, r->keys_row, r->keys_row_n);
	if (!buf_ok(b))
		return CV_ERR_NOMEM;
	r->keys_row = b->p;
	return collect_wraps(v, r);
}

static int find_wrap(const struct record *r, uint32_t class_key, uint32_t generation, uint32_t drop_version, struct wrap *ret)
{
	const struct wrap *found = NULL;

	if (r->keys == NULL || !r->keys->whole)
		return wraps_find(r->keys_row, r->keys_row_n, class_key, generation, drop_version, ret);
	for (unsigned i = 0; i < r->keys->n; i++) {
		const struct wrap *w = &r->keys->wrap[i];

		if (w->class_key != class_key || w->generation != generation || w->drop_version != drop_version)
			continue;
		if (found != NULL)
			return CV_ERR_FORMAT;	/* as wraps_find */
		found = w;
	}
	if (found == NULL)
		return CV_ERR_NOTFOUND;
	*ret = *found;
	return 0;
}

/*
 * Rows of changes stay where they are, so an older head would find all that it names. But it knows of fewer changes, and the next one is
 * there.
 */
static int check_newest(struct vault *v, const struct record *r)
{
	struct store_value val;
	uint8_t key[HIST_KEY];
	int e;

	if (r->head.changes == UINT32_MAX)
		return 0;
	hist_key(r->serial, r->head.changes + 1, key);
	e = store_get(v->store, STORE_HIST, key, sizeof(key), &val);
	return e == CV_ERR_NOTFOUND ? 0 : e == 0 ? CV_ERR_REPLAY : e;
}

/* Of a record that is there: its head, and where its keys row stands. */
static int open_head(struct vault *v, const uint8_t id[16], struct record *ret)
{
	struct store_value val;
	int r;

	ret->keys = NULL;
	ret->changes = NULL;
	ret->keys_changed = ret->creating = false;
	ret->change = 0;
	if ((r = record_stored(v, ret, REC_HEAD, 0, 0, &val)) != 0 ||
	    (r = record_head_open(v->keys, val.p, val.n, id, &ret->head)) != 0 ||
	    (r = check_newest(v, ret)) != 0 || (r = record_stored(v, ret, REC_KEYS, 0, 0, &val)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;	/* nothing erases records yet: its shred slot was changed */
	ret->keys_row = val.p;
	ret->keys_row_n = val.n;
	return 0;
}

static int find_serial(struct vault *v, const uint8_t id[16], uint64_t *ret)
{
	struct store_value val;
	int r;

	if ((r = store_get(v->store, STORE_MAP, id, 16, &val)) != 0)
		return r;
	if (val.n != 6)
		return CV_ERR_FORMAT;
	*ret = be48_get(val.p);
	return 0;
}

int record_load(struct vault *v, const uint8_t id[16], bool all, struct record *ret)
{
	int r;

	if (all)
		return record_load_upto(v, id, RECORD_ALL, ret);
	ret->rows = NULL;
	if ((r = find_serial(v, id, &ret->serial)) != 0)
		return r;
	return open_head(v, id, ret);
}

int record_load_upto(struct vault *v, const uint8_t id[16], uint32_t last, struct record *ret)
{
	int r;

	ret->rows = last != 0 ? &v->rows : NULL;
	if ((r = find_serial(v, id, &ret->serial)) != 0 || (last != 0 && (r = collect_rows(v, ret->serial, last)) != 0) ||
	    (r = open_head(v, id, ret)) != 0)
		return r;
	record_keep_changes(v, ret);
	return collect_wraps(v, ret);
}

/* Whether the directory has this epoch of a class, and the session, which was opened before a rekey, does not reach it. */
static bool is_behind(const struct vault *v, const struct session *s, uint32_t class_key, uint32_t epoch)
{
	uint32_t newest;
	uint8_t pk[32];

	return epoch > session_class_epoch(s, class_key) && directory_class(v->keys, class_key, &newest, pk) == 0 && epoch <= newest;
}

int record_class_key(struct vault *v, const struct vault_call *c, const struct record *r, uint32_t class_key, uint32_t generation,
    uint32_t drop_version, struct datakey *ret, uint32_t *ret_birth, uint8_t *ret_type)
{
	struct wrap w;
	int e;

	if ((e = find_wrap(r, class_key, drop_version ? 0 : generation, drop_version, &w)) != 0)
		return e == CV_ERR_NOTFOUND ? CV_ERR_AUTH : e;	/* head names the row, so its key was taken away */
	*ret_birth = w.birth_epoch;
	*ret_type = w.type;
	e = record_unwrap(v->keys, c->session, r->head.record, &w, ret);
	if (e == CV_ERR_NOKEY && drop_version == 0 && c->principal != NULL && !session_has_class(c->session, class_key))
		return gov_datakey(v, c, r, class_key, generation, ret, ret_birth);
	/*
	 * Whoever holds the class opens its entries, old ones along links: one that names an epoch nobody has was changed, or the link was.
	 * Only the session that a rekey will end in a moment has reason not to.
	 */
	if (e == CV_ERR_NOKEY && session_has_class(c->session, class_key) && !is_behind(v, c->session, class_key, w.wrapping_epoch))
		return CV_ERR_AUTH;
	return e;
}

/* Open one stored row or drop of the record into v->row. *ret_key may be NULL. */
static int open_stored(struct vault *v, const struct vault_call *c, const struct record *r, const struct head_class *hc,
    uint32_t drop_version, struct row_key *ret_key)
{
	struct row_place at = {
		.record = r->head.record, .class_key = hc->class_key, .generation = drop_version ? 0 : hc->generation,
		.version = drop_version ? drop_version : hc->row_version, .shred_slot = r->head.shred_slot,
		.drop = drop_version != 0, .nonce = drop_version ? NULL : hc->nonce,
	};
	struct store_value val;
	struct datakey dk;
	uint8_t type;
	int e;

	if ((e = record_class_key(v, c, r, hc->class_key, hc->generation, drop_version, &dk, &at.birth_epoch, &type)) != 0)
		return e;
	e = at.drop ? record_stored(v, r, REC_DROP, hc->class_key, drop_version, &val) : record_row_stored(v, r, hc, &val);
	if (e == 0)
		e = record_row_open(v->keys, &dk, &at, val.p, val.n, &v->row);
	if (e == 0 && ret_key != NULL) {
		ret_key->dk = dk;
		ret_key->generation = at.generation;
		ret_key->birth = at.birth_epoch;
	}
	wipe(&dk, sizeof(dk));
	return e;
}

int record_open_row(struct vault *v, const struct vault_call *c, const struct record *r, const struct head_class *hc)
{
	if (!(hc->flags & HEAD_CLASS_ROW))
		return CV_ERR_NOTFOUND;
	return open_stored(v, c, r, hc, 0, NULL);
}

int record_row_key(struct vault *v, const struct vault_call *c, const struct record *r, const struct head_class *hc, struct row_key *ret)
{
	int e;

	if (!(hc->flags & HEAD_CLASS_ROW))
		return CV_ERR_NOTFOUND;
	if ((e = open_stored(v, c, r, hc, 0, ret)) == 0)
		record_row_clear(&v->row);
	return e;
}

int record_open_drop(struct vault *v, const struct vault_call *c, const struct record *r, const struct head_class *hc,
    uint32_t drop_version)
{
	return open_stored(v, c, r, hc, drop_version, NULL);
}

/*
 * Whether what this department handed in for the field came by a fold: it may not write the field itself. Such a list is added to what is
 * there, which its writer could not know.
 */
static bool came_by_fold(const struct vault *v, uint16_t field, uint16_t department)
{
	const struct policy_field *to = policy_field_by_id(v->policy, field);
	int at = policy_department_position(v->policy, department);

	if (to == NULL || department == to->owner || (at >= 0 && (to->delegates >> at & 1) != 0))
		return false;
	for (unsigned i = 0; i < policy_fields(v->policy); i++)
		if (policy_field(v->policy, i)->fold_code[0] != '\0' && policy_field(v->policy, i)->fold_into == field)
			return true;
	return false;
}

static bool list_holds(const struct buf *list, const struct value_item *item)
{
	struct value_walk walk = value_walk(VALUE_LIST, list->p, list->n);
	struct value_item x;

	while (value_next(&walk, &x))
		if (x.n == item->n && memcmp(x.p, item->p, x.n) == 0)
			return true;
	return false;
}

/* The list in x with the items of another, of n bytes at p, that it does not hold: into v->scratch, which may hold that one. */
static int join_lists(struct vault *v, const struct content *x, const struct content_item *was, const uint8_t *p, size_t n)
{
	struct value_walk walk = value_walk(VALUE_LIST, x->bytes.p + was->at, was->length);
	struct value_item item;
	size_t at, count = 0;
	struct buf joined, old;
	int r = 0;

	buf_init(&joined, 2 * FIELD_MAX);
	buf_init(&old, FIELD_MAX);
	buf_put(&old, x->bytes.p + was->at, was->length);
	at = value_begin(&joined);
	for (; value_next(&walk, &item); count++)
		value_item_put(&joined, item.type, item.p, item.n);
	walk = value_walk(VALUE_LIST, p, n);
	while (buf_ok(&old) && value_next(&walk, &item)) {
		if (list_holds(&old, &item))
			continue;
		value_item_put(&joined, item.type, item.p, item.n);
		count++;
	}
	value_end(&joined, at, count);
	buf_reset(&v->scratch);
	buf_put(&v->scratch, joined.p, joined.n);
	if (!buf_ok(&old) || !buf_ok(&joined) || !buf_ok(&v->scratch))
		r = CV_ERR_NOMEM;
	buf_free(&old);
	buf_free(&joined);
	return r;
}

/* Fold the opened drop in v->row into x. */
static int add_drop(struct vault *v, struct content *x)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < v->row.index.entries; i++) {
		const struct row_entry *e = &v->row.index.entry[i];
		const struct provenance *prov = &v->row.index.provenance[e->provenance];
		const struct content_item *was = content_find(x, e->field);
		uint16_t padded = e->padded;
		const uint8_t *p;
		size_t n = e->length;

		buf_reset(&v->scratch);
		if ((r = record_row_value(&v->row, i, &v->scratch, &p)) != 0)
			break;
		if (e->type == VALUE_LIST && was != NULL && was->type == VALUE_LIST && came_by_fold(v, e->field, prov->source) &&
		    (r = join_lists(v, x, was, p, n)) == 0) {
			p = v->scratch.p;
			n = v->scratch.n;
			padded = field_padded(policy_field_by_id(v->policy, e->field), n);
		}
		if (r == 0)
			r = content_set(x, e->field, e->type, p, n, padded, prov, false);
	}
	buf_reset(&v->scratch);
	return r;
}

int record_load_content(struct vault *v, const struct vault_call *c, const struct record *r, const struct head_class *hc,
    struct content *ret, struct row_key *ret_key)
{
	int e = 0;

	content_clear(ret);
	if (hc->flags & HEAD_CLASS_ROW) {
		if ((e = open_stored(v, c, r, hc, 0, ret_key)) != 0)
			return e;
		e = content_add_row(ret, &v->row, false, &v->scratch);
		record_row_clear(&v->row);
	}
	for (uint32_t d = hc->class_version - hc->drops + 1; e == 0 && hc->drops > 0 && d <= hc->class_version; d++) {
		if ((e = open_stored(v, c, r, hc, d, NULL)) != 0)
			break;
		e = add_drop(v, ret);
		record_row_clear(&v->row);
	}
	return e;
}

bool record_in_area(struct vault *v, const struct vault_call *c, const struct record *r, const struct policy_role *role)
{
	bool asked = role != NULL && role->area;
	const char *area;
	size_t n;

	for (unsigned i = 0; role == NULL && !asked && i < c->subject.role_count; i++) {
		const struct policy_role *own = policy_role_by_id(v->policy, c->subject.roles[i]);

		asked = own != NULL && own->area && c->subject.purpose >= 0 && (own->purposes >> c->subject.purpose & 1) != 0;
	}
	if (!asked)
		return true;
	area = head_area(&r->head, (uint32_t)c->today + 1, &n);
	return policy_area_fits(c->principal->area, strlen(c->principal->area), area, n);
}

bool record_can_read(struct vault *v, const struct vault_call *c, uint16_t class_id)
{
	int position = policy_class_position(v->policy, class_id);

	if (position < 0 || c->subject.purpose < 0 || !session_has_class(c->session, (uint32_t)class_id << 16))
		return false;
	for (unsigned i = 0; i < c->subject.role_count; i++) {
		const struct policy_role *role = policy_role_by_id(v->policy, c->subject.roles[i]);

		if (role != NULL && (role->purposes >> c->subject.purpose & 1) != 0 &&
		    (role->rights[position] & (RIGHT_READ | RIGHT_REVEAL)) != 0)
			return true;
	}
	return false;
}

uint64_t record_readable(struct vault *v, const struct vault_call *c, const struct head *h)
{
	uint64_t readable = 0;

	_Static_assert(HEAD_CLASSES <= 64, "a bit for each class");
	for (unsigned i = 0; i < h->classes; i++)
		if (record_can_read(v, c, (uint16_t)(h->class[i].class_key >> 16)))
			readable |= (uint64_t)1 << i;
	return readable;
}

void record_etag(struct vault *v, const struct vault_call *c, const struct head *h, uint8_t ret[16])
{
	record_etag_of(v, h, record_readable(v, c, h), ret);
}

void record_etag_of(struct vault *v, const struct head *h, uint64_t readable, uint8_t ret[16])
{
	__attribute__((uninitialized)) uint8_t versions[HEAD_CLASSES * 8];
	size_t n = 0;

	for (unsigned i = 0; i < h->classes; i++) {
		if ((readable >> i & 1) == 0)
			continue;
		be32_put(versions + n, h->class[i].class_key);
		be32_put(versions + n + 4, h->class[i].class_version);
		n += 8;
	}
	keys_etag(v->keys, h->record, versions, n, ret);
}

int record_put_head(struct vault *v, struct record *r)
{
	uint8_t key[REC_KEY_MAX];
	size_t n = rec_key(r->serial, REC_HEAD, 0, 0, key);
	int e;

	if (r->keys_changed && !buf_ok(&v->keys_row))
		return CV_ERR_LIMIT;
	if ((e = write_change_end(v, r)) != 0)
		return e;
	buf_reset(&v->seal);
	if ((e = list_note(v, r->serial, &r->head)) == 0 && (e = record_head_seal(v->keys, &r->head, &v->seal)) == 0)
		e = vault_put_hashed(v, STORE_REC, key, n, v->seal.p, v->seal.n);
	if (e == 0 && r->keys_changed) {
		n = rec_key(r->serial, REC_KEYS, 0, 0, key);
		e = vault_put_hashed(v, STORE_REC, key, n, v->keys_row.p, v->keys_row.n);
	}
	return e;
}

#include "vault/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "vault/gov.h"
#include "vault/vault_internal.h"

#define TEXT_ROOM 160
#define ROWS_FIRST 64u

struct row {
	uint8_t kind;
	bool named;		/* head knows it */
	uint32_t class_key;
	uint64_t drop_version;
	struct store_value value;
};
struct check {
	struct vault *v;
	const struct copy_options *o;
	struct copy_report *report;
	struct head head;	/* of the record under way */
	uint64_t serial;
	struct row *row;	/* all its rows */
	size_t rows, room;
	char id[33];
};

static void found(struct check *x, enum copy_fault fault, const char *text)
{
	const struct copy_finding f = { fault, text };

	x->report->faults++;
	if (x->o->found != NULL)
		x->o->found(x->o->cookie, &f);
}

static void found_record(struct check *x, enum copy_fault fault)
{
	char text[TEXT_ROOM];

	snprintf(text, sizeof(text), "record %s", x->id);
	found(x, fault, text);
}

static void found_class(struct check *x, enum copy_fault fault, uint32_t class_key)
{
	int at = x->v->policy != NULL ? policy_class_position(x->v->policy, (uint16_t)(class_key >> 16)) : -1;
	char text[TEXT_ROOM];

	if (at >= 0)
		snprintf(text, sizeof(text), "record %s, class %s", x->id, policy_class(x->v->policy, (unsigned)at)->name);
	else
		snprintf(text, sizeof(text), "record %s, class key %08x", x->id, class_key);
	found(x, fault, text);
}

/* ---- the start, as far as it goes without writing --------------------------------------------------------------------------------- */

static void step_failed(void *cookie, const char *part, int r)
{
	struct check *x = cookie;

	if (r == CV_ERR_REPLAY && strcmp(part, START_NEWEST_STATE) == 0)
		found(x, COPY_STORE_BACK, part);
	else if (r == CV_ERR_REPLAY && (strcmp(part, START_TABLES) == 0 || strcmp(part, START_COUNTERS) == 0))
		found(x, COPY_STATE, part);
	else
		found(x, COPY_UNREADABLE, part);
}

/* ---- log and shred tree ----------------------------------------------------------------------------------------------------------- */

static int check_log(struct check *x)
{
	uint8_t root[32];
	int r;

	x->report->log_size = store_applied_leaves(x->v->store);
	if (x->o->size == 0)
		return 0;
	if (x->report->log_size < x->o->size) {
		found(x, COPY_BEHIND, "log/");
		return 0;
	}
	if ((r = audit_root_applied(x->v->audit, x->o->size, root)) == 0 && memcmp(root, x->o->root, sizeof(root)) != 0)
		found(x, COPY_FORKED, "log/");
	return r;
}

/* Between a day's seal and the next key a crash leaves the shred tree in the day that was closed. */
static int check_days(struct check *x)
{
	uint32_t epoch = keys_fs_epoch(x->v->keys);
	struct leaf l;
	struct buf b;
	int r;

	if (x->report->log_size == 0)
		return 0;
	buf_init(&b, STORE_LEAF_MAX);
	if ((r = audit_read_leaf(x->v->audit, x->report->log_size - 1, &b)) == 0 && (r = leaf_decode(b.p, b.n, &l)) == 0) {
		if (epoch < l.epoch)
			found(x, COPY_SHRED_BACK, "shred/");
		else if (epoch > l.epoch + (l.kind == LEAF_EPOCH))
			found(x, COPY_LOG_BACK, "log/");
	}
	buf_free(&b);
	return r;
}

/* ---- the state hash -------------------------------------------------------------------------------------------------------------- */

struct summing {
	struct check *x;
	enum store_table table;
	struct lthash sum;
};

static int sum_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct summing *s = cookie;

	if (s->table == STORE_REC && (key_n < 7 || key[6] > REC_KEYS))
		return 0;	/* class rows and drops hang on their head */
	keys_state_add(s->x->v->keys, &s->sum, (uint8_t)s->table, key, key_n, val, val_n);
	s->x->report->elements++;
	return 0;
}

static int check_state(struct check *x)
{
	static const enum store_table tables[] = { STORE_DIR, STORE_GOV, STORE_REC };
	struct summing s = { .x = x };
	uint8_t sum[32], named[32];
	int r = 0;

	for (unsigned i = 0; r == 0 && i < 3; i++) {
		s.table = tables[i];
		r = store_scan(x->v->store, s.table, "", 0, NULL, 0, false, 0, sum_row, &s);
	}
	lthash_digest(&s.sum, sum);
	lthash_digest(&x->v->lthash, named);
	if (r != 0)
		return r;
	x->report->state_leaf = x->v->state_leaf;
	if (memcmp(sum, named, sizeof(sum)) != 0 || x->report->elements != x->v->elements)
		found(x, COPY_STATE, "store/");
	else
		x->report->state_bound = x->report->faults == 0;
	return 0;
}

/* ---- records ----------------------------------------------------------------------------------------------------------------------- */

static int collect(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct check *x = cookie;
	struct row *more;

	if (key_n != 11 && key_n != 19)
		return CV_ERR_FORMAT;
	if (x->rows == x->room) {
		size_t room = x->room == 0 ? ROWS_FIRST : 2 * x->room;

		if ((more = realloc(x->row, room * sizeof(*more))) == NULL)
			return CV_ERR_NOMEM;
		x->row = more;
		x->room = room;
	}
	x->row[x->rows++] = (struct row){ .kind = key[6], .class_key = be32_get(key + 7), .value = { val, val_n },
		.drop_version = key_n == 19 ? be64_get(key + 11) : 0 };
	return 0;
}

static struct row *row_find(struct check *x, enum rec_kind kind, uint32_t class_key, uint64_t drop_version)
{
	for (size_t i = 0; i < x->rows; i++)
		if (x->row[i].kind == kind && x->row[i].class_key == class_key && x->row[i].drop_version == drop_version)
			return &x->row[i];
	return NULL;
}

/* What the changes of the record under way say. */
struct changes {
	struct check *x;
	uint32_t n;
	uint64_t rows;		/* of all of them, drops aside */
	uint8_t digest[16];
	bool current[HEAD_CLASSES];	/* the change that head names for the class has a row of it */
};

static int see_change(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct changes *c = cookie;
	uint8_t before[16];
	struct hist_walk walk;
	struct hist_row row;

	if (key_n != HIST_KEY)
		return CV_ERR_FORMAT;
	memcpy(before, c->digest, sizeof(before));
	record_digest_hist(c->x->v->keys, c->x->head.shred_slot, before, key, key_n, val, val_n, c->digest);
	c->n++;
	if (hist_open(val, val_n, &walk) != 0)
		return 0;	/* the digest tells */
	while (hist_next(&walk, &row) == 1) {
		struct head_class *hc = row.what == HIST_ROW ? head_class_find(&c->x->head, row.class_key) : NULL;

		c->rows += row.what == HIST_ROW;
		if (hc != NULL && hc->change == hist_change(key))
			c->current[hc - c->x->head.class] = true;
	}
	return 0;
}

/* Each change, from the oldest on. *ret_whole: they are those that head counts. */
static int check_history(struct check *x, struct changes *c, const uint8_t serial[6], bool *ret_whole)
{
	int r = store_scan(x->v->store, STORE_HIST, serial, 6, NULL, 0, true, 0, see_change, c);

	*ret_whole = r == 0 && c->n == x->head.changes && crypto_equal(c->digest, x->head.hist_digest, sizeof(c->digest));
	if (r == 0 && !*ret_whole)
		found_record(x, COPY_HISTORY);
	return r;
}

/* The drops of a class against their digest in head. */
static void check_drops(struct check *x, const struct head_class *hc)
{
	uint8_t digest[16] = { 0 }, before[16];
	struct row *row;

	for (uint32_t d = hc->class_version - hc->drops + 1; hc->drops > 0 && d <= hc->class_version; d++) {
		if ((row = row_find(x, REC_DROP, hc->class_key, d)) == NULL) {
			found_class(x, COPY_ROW_MISSING, hc->class_key);
			return;
		}
		row->named = true;
		memcpy(before, digest, sizeof(before));
		record_digest_drop(x->v->keys, x->head.shred_slot, before, d, row->value.p, row->value.n, digest);
		x->report->rows++;
	}
	if (!crypto_equal(digest, hc->digest, sizeof(digest)))
		found_class(x, COPY_ROW_CHANGED, hc->class_key);
}

/* What the creation wrote, of the classes that head has, against the one digest of it. */
static int check_first_rows(struct check *x)
{
	uint8_t digest[16];
	struct buf b;
	int r = 0;

	buf_init(&b, HEAD_CLASSES * (ROW_MAX + 8));
	for (size_t i = 0; i < x->rows; i++) {
		struct row *row = &x->row[i];

		if (row->kind != REC_ROW || head_class_find(&x->head, row->class_key) == NULL)
			continue;
		row->named = true;
		buf_u32(&b, row->class_key);
		buf_u32(&b, (uint32_t)row->value.n);
		buf_put(&b, row->value.p, row->value.n);
	}
	record_digest_rows(x->v->keys, x->head.shred_slot, b.p, b.n, digest);
	if (!buf_ok(&b))
		r = CV_ERR_NOMEM;
	else if (!crypto_equal(digest, x->head.digest, sizeof(digest)))
		found_record(x, COPY_ROW_CHANGED);
	buf_free(&b);
	return r;
}

/* Every row of the record under way; serial is its prefix. */
static int check_rows(struct check *x, const uint8_t serial[6])
{
	struct changes c = { .x = x };
	uint64_t current = 0, first = 0;
	bool whole, missing = false;
	int r;

	if ((r = check_history(x, &c, serial, &whole)) != 0)
		return r;
	for (unsigned i = 0; i < x->head.classes; i++) {
		const struct head_class *hc = &x->head.class[i];
		bool there = row_find(x, REC_ROW, hc->class_key, 0) != NULL;

		first += there;
		check_drops(x, hc);
		if ((hc->flags & HEAD_CLASS_ROW) == 0)
			continue;
		current++;
		if (hc->change == 0 ? there : c.current[i] || !whole)
			continue;
		found_class(x, COPY_ROW_MISSING, hc->class_key);
		missing = true;
	}
	x->report->rows += current;
	x->report->replaced += c.rows + first > current ? c.rows + first - current : 0;
	return missing ? 0 : check_first_rows(x);	/* what is missing was told */
}

/* The id must lead to this serial. */
static int check_map(struct check *x)
{
	struct store_value val;
	int r = store_get(x->v->store, STORE_MAP, x->head.record, 16, &val);

	if (r == CV_ERR_NOTFOUND || (r == 0 && (val.n != 6 || be48_get(val.p) != x->serial))) {
		found_record(x, COPY_MAP);
		return 0;
	}
	return r;
}

/* Rows that were collected but hang on nothing. */
static void check_surplus(struct check *x)
{
	for (size_t i = 0; i < x->rows; i++)
		if (x->row[i].kind > REC_KEYS && !x->row[i].named &&
		    (x->row[i].kind == REC_DROP || head_class_find(&x->head, x->row[i].class_key) == NULL))
			found_class(x, COPY_ROW_SURPLUS, x->row[i].class_key);
}

static int ignore_wrap(void *cookie, const struct wrap *w)
{
	(void)cookie;
	(void)w;
	return 0;
}

static int check_record(struct check *x)
{
	uint8_t serial[6];
	struct row *head, *keys;
	int r;

	be48_put(serial, x->serial);
	x->rows = 0;
	if ((r = store_scan(x->v->store, STORE_REC, serial, sizeof(serial), NULL, 0, false, 0, collect, x)) != 0 || x->rows == 0)
		return r;
	snprintf(x->id, sizeof(x->id), "%llu", (unsigned long long)x->serial);	/* until its head has told the id */
	head = row_find(x, REC_HEAD, 0, 0);
	keys = row_find(x, REC_KEYS, 0, 0);
	if (head == NULL || record_head_open(x->v->keys, head->value.p, head->value.n, NULL, &x->head) != 0) {
		found_record(x, COPY_RECORD);
		return 0;
	}
	hex_encode(x->head.record, 16, x->id);
	if (keys == NULL || wraps_each(keys->value.p, keys->value.n, ignore_wrap, NULL) != 0)
		found_record(x, COPY_RECORD);
	x->report->records++;
	if ((r = check_rows(x, serial)) != 0)
		return r;
	check_surplus(x);
	return check_map(x);
}

static int check_records(struct check *x)
{
	int r = 0;

	for (x->serial = 1; r == 0 && x->serial < x->v->counters.next_serial; x->serial++)
		r = check_record(x);
	wipe(&x->head, sizeof(x->head));
	return r;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------------------- */

int vault_copy_check(struct vault *v, unsigned slot, const uint8_t kek[32], const struct copy_options *o, struct copy_report *ret_report)
{
	struct copy_report report = { 0 };
	struct check x = { .v = v, .o = o, .report = &report };
	bool whole;
	int r;

	if ((r = vault_start_copy(v, slot, kek, step_failed, &x, &whole)) != 0)
		return r;
	if (whole && ((r = check_log(&x)) != 0 || (r = check_days(&x)) != 0 || (r = check_state(&x)) != 0 ||
	    (r = check_records(&x)) != 0) && r != CV_ERR_NOMEM && r != CV_ERR_IO) {
		found(&x, COPY_UNREADABLE, "store/");
		r = 0;
	}
	free(x.row);
	gov_unload(v);
	if (r == 0)
		*ret_report = report;
	return r;
}

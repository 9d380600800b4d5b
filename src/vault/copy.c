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

/* Row and drops of a class against the digest in head. */
static void check_class(struct check *x, const struct head_class *hc)
{
	uint8_t digest[16] = { 0 }, before[16];
	struct row *row;

	if ((hc->flags & HEAD_CLASS_ROW) != 0) {
		if ((row = row_find(x, REC_ROW, hc->class_key, 0)) == NULL) {
			found_class(x, COPY_ROW_MISSING, hc->class_key);
			return;
		}
		row->named = true;
		record_digest_row(x->v->keys, x->head.shred_slot, hc->class_key, hc->row_version, row->value.p, row->value.n, digest);
		x->report->rows++;
	}
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
	if (((hc->flags & HEAD_CLASS_ROW) != 0 || hc->drops > 0) && !crypto_equal(digest, hc->digest, sizeof(digest)))
		found_class(x, COPY_ROW_CHANGED, hc->class_key);
}

/* Replaced rows of the record under way, by class, from the oldest of the last class on. */
struct replaced {
	struct check *x;
	bool any;
	uint32_t class_key;
	uint32_t n;
	uint8_t digest[16];
	unsigned classes;	/* that had any and fit */
};

static void end_class(struct replaced *p)
{
	struct head_class *hc;

	if (!p->any)
		return;
	hc = head_class_find(&p->x->head, p->class_key);
	if (hc == NULL || hc->hist_count != p->n || !crypto_equal(p->digest, hc->hist_digest, sizeof(p->digest)))
		found_class(p->x, COPY_HISTORY, p->class_key);
	p->classes++;
}

static int see_replaced(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct replaced *p = cookie;
	uint64_t serial, version;
	uint32_t class_key;
	uint8_t what, before[16];

	if (hist_key_decode(key, key_n, &serial, &class_key, &version, &what) != 0)
		return CV_ERR_FORMAT;
	if (!p->any || class_key != p->class_key) {
		end_class(p);
		p->any = true;
		p->class_key = class_key;
		p->n = 0;
		memset(p->digest, 0, sizeof(p->digest));
	}
	memcpy(before, p->digest, sizeof(before));
	record_digest_hist(p->x->v->keys, p->x->head.shred_slot, before, key, key_n, val, val_n, p->digest);
	p->n++;
	p->x->report->replaced++;
	return 0;
}

static int check_history(struct check *x, const uint8_t serial[6])
{
	struct replaced p = { .x = x };
	unsigned classes = 0;
	int r;

	if ((r = store_scan(x->v->store, STORE_HIST, serial, 6, NULL, 0, true, 0, see_replaced, &p)) != 0)
		return r;
	end_class(&p);
	for (unsigned i = 0; i < x->head.classes; i++)
		classes += (x->head.class[i].flags & HEAD_CLASS_HIST) != 0;
	if (p.classes < classes)
		found_record(x, COPY_HISTORY);
	return 0;
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
		if (x->row[i].kind > REC_KEYS && !x->row[i].named)
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
	for (unsigned i = 0; i < x->head.classes; i++)
		check_class(x, &x->head.class[i]);
	check_surplus(x);
	if ((r = check_map(x)) == 0)
		r = check_history(x, serial);
	return r;
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

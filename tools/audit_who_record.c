/*
 * Entries about one child: found by the child's day keys in the column log/tags, opened with the keys of their bodies B. Both stand
 * in an auditor's receipt of the record (docs/FORMAT.md section 14), which the vault gives to auditors. The receipt is not judged
 * here, `childvault-audit receipt` does that: a day key that is none of the child's finds nothing, a wrong key opens nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/body.h"
#include "audit_who.h"
#include "base/error.h"
#include "base/text.h"
#include "format/receipt.h"

#define GROWN_FIRST 64u

struct body_b {
	uint64_t index;
	uint8_t key[32], rest_hash[32];
	bool has_rest;
	uint8_t rest[32];
};
struct record_keys {
	struct trail_day *day;
	size_t days;
	struct body_b *body;	/* ascending */
	size_t bodies;
	uint64_t *index;	/* what the column says */
	size_t found;
	uint64_t end;		/* leaves before this one are what the receipt covers */
};

/* ---- the receipt ------------------------------------------------------------------------------------------------------------ */

/* One more element of a growing list. NULL on lack of memory. */
static void *grow(void *list, size_t n, size_t each)
{
	if (n != 0 && (n < GROWN_FIRST || (n & (n - 1)) != 0))
		return list;	/* it doubles at each power of two */
	return realloc(list, (n == 0 ? GROWN_FIRST : 2 * n) * each);
}

static int take_day(struct record_keys *k, const struct receipt_day *d)
{
	struct trail_day *more = grow(k->day, k->days, sizeof *more);

	if (more == NULL)
		return CV_ERR_NOMEM;
	k->day = more;
	more[k->days].epoch = d->epoch;
	memcpy(more[k->days++].key, d->key, 16);
	return 0;
}

static int take_access(struct record_keys *k, const struct receipt_access *a)
{
	struct body_b *more = grow(k->body, k->bodies, sizeof *more), *b;

	if (more == NULL)
		return CV_ERR_NOMEM;
	k->body = more;
	b = &more[k->bodies++];
	b->index = a->index;
	b->has_rest = a->has_rest;
	memcpy(b->key, a->key, 32);
	memcpy(b->rest_hash, a->rest_hash, 32);
	memcpy(b->rest, a->rest, 32);
	return 0;
}

/* 0; CV_ERR_FORMAT: no receipt; CV_ERR_AUTH: of another record or vault. */
static int take_item(struct record_keys *k, const struct who *w, const uint8_t record[16], const struct receipt_item *item)
{
	switch (item->kind) {
	case RECEIPT_PAGE:
		if (memcmp(item->page.record, record, 16) != 0 || memcmp(item->page.vault, trail_genesis(w->trail)->vault, 16) != 0)
			return CV_ERR_AUTH;
		k->end = item->page.end > k->end ? item->page.end : k->end;
		return 0;
	case RECEIPT_DAY:
		return take_day(k, &item->day);
	case RECEIPT_ACCESS:
		return take_access(k, &item->access);
	default:
		return 0;
	}
}

static int take_receipt(struct record_keys *k, const struct who *w, const uint8_t record[16], const char *path)
{
	static struct receipt_item item;	/* large, for what an access tells */
	struct receipt_reading r;
	struct buf text;
	int code, e;

	buf_init(&text, RECEIPT_MAX);
	if ((code = cli_read_file(path, &text)) == 0) {
		receipt_read(&r, (const char *)text.p, text.n);
		while ((e = receipt_next(&r, &item)) == 1 && (e = take_item(k, w, record, &item)) == 0)
			;
		if (e == CV_ERR_AUTH)
			code = cli_fail(EXIT_FAILED, "%s is about another record or vault", "%s 属于其他档案或其他档案库", path);
		else if (e == CV_ERR_FORMAT)
			code = cli_fail(EXIT_FAILED, "%s is no receipt: line %u", "%s 不是查阅清单：第 %u 行", path, r.line);
		else if (e != 0)
			code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	}
	wipe(&item, sizeof item);
	buf_free(&text);
	return code;
}

/* ---- the entries ------------------------------------------------------------------------------------------------------------ */

/* trail_find's callback. */
static int take_index(void *cookie, uint64_t index)
{
	struct record_keys *k = cookie;
	uint64_t *more = grow(k->index, k->found, sizeof *more);

	if (more == NULL)
		return CV_ERR_NOMEM;
	k->index = more;
	more[k->found++] = index;
	return 0;
}

static void field_names(const struct trail_entry *e, const struct leaf_detail *d, char *ret, size_t room)
{
	size_t at = 0;

	ret[0] = '\0';
	for (unsigned i = 0; e->policy != NULL && i < policy_fields(e->policy) && i < d->bitmap_n * 8u; i++) {
		const char *name = policy_field(e->policy, i)->name;

		if ((d->bitmap[i / 8] >> (i % 8) & 1) != 0 && at + strlen(name) + 2 < room)
			at += (size_t)snprintf(ret + at, room - at, "%s%s", at != 0 ? "," : "", name);
	}
}

static int by_index(const void *key, const void *body)
{
	const uint64_t *index = key;
	const struct body_b *b = body;

	return *index < b->index ? -1 : *index > b->index;
}

/* Body B of an entry; false if its keys were not given, or are none of this leaf's. */
static bool open_body(const struct record_keys *k, const struct trail_entry *e, const uint8_t record[16], struct who_detail *ret)
{
	static const uint8_t none[16];
	const struct body_b *b = k->bodies != 0 ? bsearch(&e->leaf.index, k->body, k->bodies, sizeof *b, by_index) : NULL;
	struct leaf_detail d = { .view = 0 };
	uint8_t hash[32];

	if (b == NULL || body_open_told(&e->leaf, b->key, b->rest_hash, &d) != 0)
		return false;
	body_key_hash(&e->leaf, b->key, hash);
	if (b->has_rest && (body_open_rest(&e->leaf, b->rest, hash, &d) != 0 || memcmp(d.record, record, 16) != 0))
		return false;
	field_names(e, &d, ret->fields, sizeof ret->fields);
	(void)snprintf(ret->case_text, sizeof ret->case_text, "%.*s", (int)d.case_n, d.case_text);
	(void)snprintf(ret->reason, sizeof ret->reason, "%.*s", (int)d.reason_n, d.reason);
	ret->approval[0] = '\0';
	if (memcmp(d.approval, none, sizeof none) != 0)
		hex_encode(d.approval, 16, ret->approval);
	return true;
}

static int show_entries(struct who *w, const struct record_keys *k, const uint8_t record[16])
{
	static struct trail_entry e;	/* large, as these two */
	static struct who_detail d;
	int r;

	for (size_t i = 0; i < k->found; i++) {
		if ((r = trail_range(w->trail, k->index[i], k->index[i] + 1)) != 0 || (r = trail_next(w->trail, &e)) < 0)
			return r;
		if (r == 1 && who_wants(w, &e))
			who_show(w, &e, open_body(k, &e, record, &d) ? &d : NULL);
	}
	return 0;
}

/* What the receipt lists and this copy should have, but has not: it was made for another log, or one of the two was changed. */
static uint64_t missing(const struct who *w, const struct record_keys *k)
{
	uint64_t count = 0;
	size_t at = 0;

	for (size_t i = 0; i < k->bodies; i++) {
		while (at < k->found && k->index[at] < k->body[i].index)
			at++;
		count += k->body[i].index < trail_size(w->trail) && (at == k->found || k->index[at] != k->body[i].index);
	}
	return count;
}

int who_record(struct who *w, const char *record, const char *keys_path)
{
	struct record_keys k = { .days = 0 };
	uint8_t id[16];
	uint64_t lost;
	int code, r;

	if (strlen(record) != 32 || hex_decode(record, 32, id, 16) != 0)
		return cli_fail(EXIT_USAGE, "a record is 32 hexadecimal digits: %s", "档案编号为 32 位十六进制数字：%s", record);
	if ((code = take_receipt(&k, w, id, keys_path)) != 0)
		goto out;
	r = trail_find(w->trail, k.day, k.days, take_index, &k);
	if (r == CV_ERR_NOTFOUND || r == CV_ERR_FORMAT)
		code = cli_fail(EXIT_FAILED, "the copy lacks the column of subject tags, %s/tags", "副本缺少主体标签文件 %s/tags", w->dir);
	else if (r != 0)
		code = who_fail(r);
	else if ((r = show_entries(w, &k, id)) != 0)
		code = who_fail(r);
	else if ((lost = missing(w, &k)) != 0)
		code = cli_fail(EXIT_VERIFY, "%llu entries that the receipt lists are not in this copy", "清单所列的 %llu 条记录不在该副本中",
		    (unsigned long long)lost);
	else if (k.end < trail_size(w->trail))
		(void)cli_fail(0, "the receipt covers entries before %llu, the copy has %llu: later ones are found on its days alone",
		    "清单只涵盖第 %llu 条之前的记录，副本共有 %llu 条：其后的记录只在清单所含日期内可查到",
		    (unsigned long long)k.end, (unsigned long long)trail_size(w->trail));
out:
	if (k.body != NULL)
		wipe(k.body, k.bodies * sizeof *k.body);
	free(k.day);
	free(k.body);
	free(k.index);
	return code;
}

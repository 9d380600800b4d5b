/* Rows of jobs, FORMAT.md 5.1 type 13. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "vault/jobs_internal.h"
#include "vault/rewrap.h"

#define GOV_PREFIX 20u		/* clear bytes before a governance row's SEAL */

enum { TAG_KIND = 1, TAG_BY, TAG_CREATED, TAG_NEXT, TAG_END, TAG_CHANGED, TAG_SKIPPED, TAG_POLICY, TAG_FIELDS, TAG_CLASSES, TAG_PASS,
	TAG_WRAPS };

#define ITEM_CLASS 8u	/* bytes of one class */

/* The tags of a kind's row, in order. */
static const uint8_t *tags_of(enum job_kind kind, unsigned *ret_n)
{
	static const uint8_t fields[] = { TAG_KIND, TAG_BY, TAG_CREATED, TAG_NEXT, TAG_END, TAG_CHANGED, TAG_SKIPPED, TAG_POLICY,
		TAG_FIELDS };
	static const uint8_t reindex[] = { TAG_KIND, TAG_BY, TAG_CREATED, TAG_NEXT, TAG_END, TAG_CHANGED, TAG_SKIPPED, TAG_POLICY,
		TAG_FIELDS, TAG_PASS };
	static const uint8_t rewrap[] = { TAG_KIND, TAG_BY, TAG_CREATED, TAG_NEXT, TAG_END, TAG_CHANGED, TAG_SKIPPED, TAG_CLASSES, TAG_PASS,
		TAG_WRAPS };

	switch (kind) {
	case JOB_REWRAP: *ret_n = sizeof(rewrap); return rewrap;
	case JOB_REINDEX: *ret_n = sizeof(reindex); return reindex;
	default: *ret_n = sizeof(fields); return fields;
	}
}

static void put_number(struct buf *b, uint16_t tag, uint64_t x)
{
	buf_u16(b, tag);
	buf_u16(b, 8);
	buf_u64(b, x);
}

static void put_bytes(struct buf *b, uint16_t tag, const void *p, uint16_t n)
{
	buf_u16(b, tag);
	buf_u16(b, n);
	buf_put(b, p, n);
}

static void encode_fields(const struct job *j, struct buf *b)
{
	put_bytes(b, TAG_POLICY, j->policy, 32);
	buf_u16(b, TAG_FIELDS);
	buf_u16(b, (uint16_t)(2 * j->fields));
	for (unsigned i = 0; i < j->fields; i++)
		buf_u16(b, j->field[i]);
}

static void encode_rewrap(const struct job *j, struct buf *b)
{
	buf_u16(b, TAG_CLASSES);
	buf_u16(b, (uint16_t)(ITEM_CLASS * j->classes));
	for (unsigned i = 0; i < j->classes; i++) {
		buf_u32(b, j->class[i].class_key);
		buf_u32(b, j->class[i].newest);
	}
	put_bytes(b, TAG_PASS, &j->pass, 1);
	put_number(b, TAG_WRAPS, j->wraps);
}

static void encode(const struct job *j, struct buf *b)
{
	uint8_t kind = (uint8_t)j->kind;
	unsigned tags;

	(void)tags_of(j->kind, &tags);
	buf_u16(b, (uint16_t)tags);
	put_bytes(b, TAG_KIND, &kind, 1);
	put_bytes(b, TAG_BY, j->by, 16);
	put_number(b, TAG_CREATED, j->created_ms);
	put_number(b, TAG_NEXT, j->next);
	put_number(b, TAG_END, j->end);
	put_number(b, TAG_CHANGED, j->changed);
	put_number(b, TAG_SKIPPED, j->skipped);
	if (j->kind == JOB_REWRAP)
		encode_rewrap(j, b);
	else
		encode_fields(j, b);
	if (j->kind == JOB_REINDEX)
		put_bytes(b, TAG_PASS, &j->pass, 1);
}

static int decode_fields(struct job *j, const uint8_t *p, size_t n)
{
	if (n % 2 != 0 || n / 2 > POLICY_FIELDS)
		return CV_ERR_FORMAT;
	j->fields = (unsigned)(n / 2);
	for (unsigned i = 0; i < j->fields; i++)
		j->field[i] = be16_get(p + 2 * i);
	return 0;
}

static int decode_classes(struct job *j, const uint8_t *p, size_t n)
{
	if (n == 0 || n % ITEM_CLASS != 0 || n / ITEM_CLASS > REWRAP_CLASSES_MAX)
		return CV_ERR_FORMAT;
	j->classes = (unsigned)(n / ITEM_CLASS);
	for (unsigned i = 0; i < j->classes; i++) {
		j->class[i] = (struct rewrap_class){ be32_get(p + ITEM_CLASS * i), be32_get(p + ITEM_CLASS * i + 4) };
		if (i > 0 && j->class[i - 1].class_key >= j->class[i].class_key)
			return CV_ERR_FORMAT;
	}
	return 0;
}

static int decode_item(struct job *j, unsigned tag, const uint8_t *p, size_t n)
{
	static const uint8_t length[] = { [TAG_KIND] = 1, [TAG_BY] = 16, [TAG_CREATED] = 8, [TAG_NEXT] = 8, [TAG_END] = 8,
		[TAG_CHANGED] = 8, [TAG_SKIPPED] = 8, [TAG_POLICY] = 32, [TAG_FIELDS] = 0, [TAG_CLASSES] = 0,
		[TAG_PASS] = 1, [TAG_WRAPS] = 8 };

	if (length[tag] != 0 && n != length[tag])
		return CV_ERR_FORMAT;
	switch (tag) {
	case TAG_KIND: j->kind = p[0]; break;
	case TAG_BY: memcpy(j->by, p, 16); break;
	case TAG_CREATED: j->created_ms = be64_get(p); break;
	case TAG_NEXT: j->next = be64_get(p); break;
	case TAG_END: j->end = be64_get(p); break;
	case TAG_CHANGED: j->changed = be64_get(p); break;
	case TAG_SKIPPED: j->skipped = be64_get(p); break;
	case TAG_POLICY: memcpy(j->policy, p, 32); break;
	case TAG_FIELDS: return decode_fields(j, p, n);
	case TAG_CLASSES: return decode_classes(j, p, n);
	case TAG_PASS: j->pass = p[0]; break;
	default: j->wraps = be64_get(p);
	}
	return 0;
}

static bool job_valid(const struct job *j)
{
	if (j->kind == JOB_REWRAP || j->kind == JOB_REINDEX)
		return j->pass == 1 || j->pass == 2;
	return j->kind == JOB_REPROJECT || j->kind == JOB_PREDICATES;
}

static int decode(const struct buf *plain, struct job *j)
{
	struct rd rd = rd_over(plain->p, plain->n);
	uint16_t count = rd_u16(&rd);
	unsigned tags = count;
	const uint8_t *tag = tags_of(JOB_REPROJECT, &tags);
	int r = 0;

	for (unsigned i = 0; r == 0 && i < tags; i++) {
		uint16_t stored = rd_u16(&rd), n = rd_u16(&rd);
		const uint8_t *p = rd_take(&rd, n);

		r = p != NULL && stored == tag[i] ? decode_item(j, tag[i], p, n) : CV_ERR_FORMAT;
		if (i == 0)
			tag = tags_of(j->kind, &tags);
	}
	if (r == 0 && (!rd_done(&rd) || count != tags || !job_valid(j) || j->next > j->end))
		r = CV_ERR_FORMAT;
	/* What was counted before a restart is forgotten. */
	if (r == 0 && j->pass == 2 && j->kind == JOB_REWRAP)
		j->next = 1;
	return r;
}

static void row_key(const struct job *j, uint8_t ret[18])
{
	be16_put(ret, GOV_JOB);
	memcpy(ret + 2, j->id, 16);
}

int jobs_put(struct vault *v, const struct job *j)
{
	uint8_t key[18];
	int r = CV_ERR_NOMEM;

	buf_reset(&v->scratch);
	buf_reset(&v->seal);
	encode(j, &v->scratch);
	buf_u8(&v->seal, 1);
	buf_u8(&v->seal, 1);
	buf_u32(&v->seal, keys_epoch(v->keys));
	buf_u16(&v->seal, GOV_JOB);
	buf_u8(&v->seal, (uint8_t)j->state);
	buf_u8(&v->seal, 0);	/* flags */
	buf_u32(&v->seal, 0);	/* no due day */
	buf_u48(&v->seal, 0);	/* about no child */
	if (buf_ok(&v->scratch) && buf_ok(&v->seal))
		r = keys_gov_seal(v->keys, GOV_JOB, j->id, UINT32_MAX, v->scratch.p, v->scratch.n, &v->seal);
	row_key(j, key);
	if (r == 0)
		r = vault_put_hashed(v, STORE_GOV, key, sizeof(key), v->seal.p, v->seal.n);
	buf_reset(&v->scratch);
	buf_reset(&v->seal);
	return r;
}

int jobs_del(struct vault *v, const struct job *j)
{
	uint8_t key[18];

	row_key(j, key);
	return vault_del_hashed(v, STORE_GOV, key, sizeof(key));
}

int jobs_make_place(struct vault *v)
{
	struct job_table *t = &v->jobs->now;
	int r;

	if (t->n < JOBS_MAX)
		return 0;
	for (unsigned i = 0; i < t->n; i++) {
		if (t->job[i].state == JOB_OPEN)
			continue;
		if ((r = jobs_del(v, &t->job[i])) != 0)
			return r;
		memmove(&t->job[i], &t->job[i + 1], (t->n - i - 1) * sizeof(t->job[0]));
		t->n--;
		return 0;
	}
	return CV_ERR_BUSY;
}

/* Rows come in the order of their random ids: each goes to its place by age. */
static int load_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	static struct job j;
	struct vault *v = cookie;
	struct job_table *t = &v->jobs->now;
	unsigned at = t->n;
	int r;

	if (key_n != 18 || val_n < GOV_PREFIX || be16_get(val + 6) != GOV_JOB || t->n == JOBS_MAX)
		return CV_ERR_FORMAT;
	memset(&j, 0, sizeof(j));
	memcpy(j.id, key + 2, 16);
	j.state = val[8];
	buf_reset(&v->scratch);
	if ((r = keys_gov_open(v->keys, GOV_JOB, j.id, UINT32_MAX, val + GOV_PREFIX, val_n - GOV_PREFIX, &v->scratch)) == 0)
		r = decode(&v->scratch, &j);
	buf_reset(&v->scratch);
	if (r != 0)
		return r;
	while (at > 0 && t->job[at - 1].created_ms > j.created_ms)
		at--;
	memmove(&t->job[at + 1], &t->job[at], (t->n - at) * sizeof(j));
	t->job[at] = j;
	t->n++;
	return 0;
}

int jobs_load(struct vault *v)
{
	uint8_t prefix[2];

	if ((v->jobs = calloc(1, sizeof(*v->jobs))) == NULL)
		return CV_ERR_NOMEM;
	buf_init(&v->jobs->source.bytes, v->content.bytes.max);
	be16_put(prefix, GOV_JOB);
	return store_scan(v->store, STORE_GOV, prefix, 2, NULL, 0, false, 0, load_row, v);
}

void jobs_unload(struct vault *v)
{
	if (v->jobs == NULL)
		return;
	rewrap_free(v);
	buf_free(&v->jobs->source.bytes);
	free(v->jobs);
	v->jobs = NULL;
}

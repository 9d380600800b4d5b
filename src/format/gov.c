#include "format/gov.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

#define GOV_FORMAT 1
#define GOV_SUITE 1
#define FLAG_CHILD 1u

const char *gov_state_name(unsigned state)
{
	static const char *const names[] = { "", "active", "expired", "revoked", "used", "dead", "pending", "approved", "rejected",
		"withdrawn" };

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "";
}

const char *gov_kind_name(unsigned kind)
{
	static const char *const names[GOV_KINDS] = { "", "grant", "bulk", "export", "policy", "restore", "members", "roles", "rekey",
		"classes", "rewrap", "remove", "split" };

	return kind < GOV_KINDS ? names[kind] : "";
}

const char *gov_result_name(unsigned result)
{
	static const char *const names[GOV_RESULTS] = { "", "fine", "explained", "followed" };

	return result < GOV_RESULTS ? names[result] : "";
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

void gov_key(uint16_t type, const uint8_t id[16], uint8_t ret[GOV_KEY])
{
	be16_put(ret, type);
	memcpy(ret + 2, id, 16);
}

void gov_prefix_put(struct buf *b, const struct gov_prefix *p)
{
	buf_u8(b, GOV_FORMAT);
	buf_u8(b, GOV_SUITE);
	buf_u32(b, p->epoch);
	buf_u16(b, p->type);
	buf_u8(b, p->state);
	buf_u8(b, p->serial != 0 ? FLAG_CHILD : 0);
	buf_u32(b, p->due_day);
	buf_u48(b, p->serial);
}

int gov_prefix_decode(const uint8_t *row, size_t n, struct gov_prefix *ret)
{
	struct rd rd = rd_over(row, n);
	struct gov_prefix p;
	uint8_t flags;

	if (rd_u8(&rd) != GOV_FORMAT || rd_u8(&rd) != GOV_SUITE)
		return CV_ERR_FORMAT;
	p.epoch = rd_u32(&rd);
	p.type = rd_u16(&rd);
	p.state = rd_u8(&rd);
	flags = rd_u8(&rd);
	p.due_day = rd_u32(&rd);
	p.serial = rd_u48(&rd);
	if (!rd_ok(&rd) || flags != (p.serial != 0 ? FLAG_CHILD : 0))
		return CV_ERR_FORMAT;
	*ret = p;
	return 0;
}

size_t gov_items_begin(struct buf *b)
{
	size_t at = b->n;

	buf_u16(b, 0);
	return at;
}

void gov_item_put(struct buf *b, uint16_t tag, const void *p, size_t n)
{
	if (n > UINT16_MAX) {
		b->bad = true;
		return;
	}
	buf_u16(b, tag);
	buf_u16(b, (uint16_t)n);
	buf_put(b, p, n);
}

void gov_items_end(struct buf *b, size_t at, unsigned count)
{
	if (buf_ok(b))
		be16_put(b->p + at, (uint16_t)count);
}

/* Check the items at the start of rd, which then stands behind them. */
static int items_open(struct rd *rd, struct gov_items *ret)
{
	struct gov_items x = { .left = rd_u16(rd), .rd = *rd };
	int32_t last = -1;

	for (uint16_t i = 0; i < x.left; i++) {
		uint16_t tag = rd_u16(rd), n = rd_u16(rd);

		if (rd_take(rd, n) == NULL || tag <= last)
			return CV_ERR_FORMAT;
		last = tag;
	}
	if (!rd_ok(rd))
		return CV_ERR_FORMAT;
	*ret = x;
	return 0;
}

int gov_items_open(const uint8_t *p, size_t n, struct gov_items *ret)
{
	struct rd rd = rd_over(p, n);
	struct gov_items x;

	if (items_open(&rd, &x) != 0 || !rd_done(&rd))
		return CV_ERR_FORMAT;
	*ret = x;
	return 0;
}

bool gov_items_next(struct gov_items *x, struct gov_item *ret)
{
	if (x->left == 0)
		return false;
	x->left--;
	ret->tag = rd_u16(&x->rd);
	ret->n = rd_u16(&x->rd);
	ret->p = rd_take(&x->rd, ret->n);
	return true;
}

/* ---- the tags of an object ---------------------------------------------------------------------------------------- */

enum {
	TAG_PRINCIPAL = 1, TAG_BY, TAG_CREATED, TAG_PREFIX, TAG_PURPOSES, TAG_RECORD, TAG_RECORDS, TAG_FIELDS, TAG_LEVEL, TAG_FLAGS,
	TAG_AREA, TAG_COUNT, TAG_USED, TAG_KIND, TAG_DECIDED_BY, TAG_DECIDED, TAG_DELEGATION, TAG_TEXT, TAG_DECISION, TAG_MARK,
	TAG_STATUS, TAG_SIGNATURES, TAG_DIGEST, TAG_KEYS, TAG_SEEN, TAG_MONTH, TAG_LOG_SIZE, TAG_LOG_ROOT, TAG_RESULTS, TAG_MONTH_KEYS,
	TAGS
};
#define BIT(tag) (1u << (tag))

enum form { FORM_NONE, FORM_BYTES, FORM_U8, FORM_U32, FORM_U64, FORM_LIST };
/* Fixed members are absent when zero. A list has n bytes, a multiple of unit, at most max units; it ascends if it is sorted. */
static const struct tag {
	enum form form;
	size_t at;
	uint16_t unit, max;
	bool sorted;
} tags[TAGS] = {
#define M(member) offsetof(struct gov_object, member)
	[TAG_PRINCIPAL] = { FORM_BYTES, M(principal), 16, 0, false },
	[TAG_BY] = { FORM_BYTES, M(by), 16, 0, false },
	[TAG_CREATED] = { FORM_U64, M(created_ms), 8, 0, false },
	[TAG_PURPOSES] = { FORM_LIST, M(purposes), 2, GOV_PURPOSES_MAX, true },
	[TAG_RECORD] = { FORM_BYTES, M(record), 16, 0, false },
	[TAG_RECORDS] = { FORM_LIST, M(records), 16, GOV_RECORDS_MAX, true },
	[TAG_FIELDS] = { FORM_LIST, M(fields), 2, GOV_FIELDS_MAX, true },
	[TAG_LEVEL] = { FORM_U8, M(level), 1, 0, false },
	[TAG_FLAGS] = { FORM_U8, M(flags), 1, 0, false },
	[TAG_AREA] = { FORM_LIST, M(area), 1, 12, false },
	[TAG_COUNT] = { FORM_U32, M(count), 4, 0, false },
	[TAG_USED] = { FORM_U32, M(used), 4, 0, false },
	[TAG_KIND] = { FORM_U8, M(kind), 1, 0, false },
	[TAG_DECIDED_BY] = { FORM_BYTES, M(decided_by), 16, 0, false },
	[TAG_DECIDED] = { FORM_U64, M(decided_ms), 8, 0, false },
	[TAG_DELEGATION] = { FORM_BYTES, M(delegation), 16, 0, false },
	[TAG_TEXT] = { FORM_LIST, M(text), 1, GOV_TEXT_MAX, false },
	[TAG_DECISION] = { FORM_LIST, M(decision), 1, GOV_TEXT_MAX, false },
	[TAG_MARK] = { FORM_BYTES, M(mark), 8, 0, false },
	[TAG_STATUS] = { FORM_LIST, M(status), 1, GOV_STATUS_MAX, false },
	[TAG_SIGNATURES] = { FORM_LIST, M(signatures), 64, 4, false },
	[TAG_DIGEST] = { FORM_BYTES, M(digest), 32, 0, false },
	[TAG_KEYS] = { FORM_LIST, M(keys), GOV_SEALED_KEY, GOV_KEYS_MAX, false },
	[TAG_SEEN] = { FORM_LIST, M(seen), GOV_SEEN, GOV_SEEN_MAX, false },
	[TAG_MONTH] = { FORM_U32, M(month), 4, 0, false },
	[TAG_LOG_SIZE] = { FORM_U64, M(log_size), 8, 0, false },
	[TAG_LOG_ROOT] = { FORM_BYTES, M(log_root), 32, 0, false },
	[TAG_MONTH_KEYS] = { FORM_LIST, M(month_keys), 32, GOV_MONTHS_MAX, false },
	[TAG_RESULTS] = { FORM_LIST, M(results), GOV_RESULT, GOV_RESULTS_MAX, true },
#undef M
};

#define DECIDED (BIT(TAG_DECIDED_BY) | BIT(TAG_DECIDED))
#define MADE (BIT(TAG_PRINCIPAL) | BIT(TAG_CREATED) | BIT(TAG_PREFIX))
/* What a type must and may hold, and the states that it can be in. */
static const struct shape {
	uint16_t type;
	uint32_t must, may;
	uint16_t states;
} shapes[] = {
	{ GOV_ASSIGNMENT, MADE | BIT(TAG_PURPOSES) | BIT(TAG_LEVEL),
	    DECIDED | BIT(TAG_BY) | BIT(TAG_RECORDS) | BIT(TAG_FLAGS) | BIT(TAG_DELEGATION) | BIT(TAG_TEXT),
	    BIT(GOV_ACTIVE) | BIT(GOV_EXPIRED) | BIT(GOV_REVOKED) },
	{ GOV_GRANT, MADE | BIT(TAG_BY) | BIT(TAG_PURPOSES) | BIT(TAG_RECORD) | BIT(TAG_FIELDS),
	    DECIDED | BIT(TAG_COUNT) | BIT(TAG_USED) | BIT(TAG_DELEGATION) | BIT(TAG_KEYS),
	    BIT(GOV_ACTIVE) | BIT(GOV_EXPIRED) | BIT(GOV_REVOKED) | BIT(GOV_USED) | BIT(GOV_DEAD) },
	{ GOV_REQUEST, MADE | BIT(TAG_BY) | BIT(TAG_KIND),
	    DECIDED | BIT(TAG_PURPOSES) | BIT(TAG_RECORD) | BIT(TAG_FIELDS) | BIT(TAG_AREA) | BIT(TAG_COUNT) | BIT(TAG_USED) |
		BIT(TAG_DELEGATION) | BIT(TAG_TEXT) | BIT(TAG_DECISION) | BIT(TAG_MARK) | BIT(TAG_STATUS) | BIT(TAG_SIGNATURES) |
		BIT(TAG_DIGEST),
	    BIT(GOV_PENDING) | BIT(GOV_APPROVED) | BIT(GOV_REJECTED) | BIT(GOV_WITHDRAWN) | BIT(GOV_EXPIRED) | BIT(GOV_USED) },
	{ GOV_DELEGATION, MADE | BIT(TAG_BY) | BIT(TAG_PURPOSES), DECIDED | BIT(TAG_AREA) | BIT(TAG_TEXT),
	    BIT(GOV_ACTIVE) | BIT(GOV_EXPIRED) | BIT(GOV_REVOKED) },
	{ GOV_REVIEW, MADE | BIT(TAG_BY) | BIT(TAG_DIGEST) | BIT(TAG_MONTH) | BIT(TAG_LOG_SIZE) | BIT(TAG_LOG_ROOT),
	    BIT(TAG_RESULTS) | BIT(TAG_TEXT), BIT(GOV_APPROVED) },
	{ GOV_MONTHS, MADE | BIT(TAG_BY) | BIT(TAG_SIGNATURES) | BIT(TAG_MONTH) | BIT(TAG_MONTH_KEYS), 0, BIT(GOV_ACTIVE) },
	{ GOV_SEARCHES, MADE | BIT(TAG_COUNT) | BIT(TAG_USED), 0, BIT(GOV_ACTIVE) },
	{ GOV_INTAKE, MADE | BIT(TAG_BY) | BIT(TAG_RECORD) | BIT(TAG_RECORDS) | BIT(TAG_COUNT), DECIDED | BIT(TAG_DECISION),
	    BIT(GOV_PENDING) | BIT(GOV_APPROVED) },
	{ GOV_WINDOW, BIT(TAG_PRINCIPAL) | BIT(TAG_PREFIX) | BIT(TAG_SEEN), 0, BIT(GOV_ACTIVE) },
};

static const struct shape *shape_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (shapes[i].type == type)
			return &shapes[i];
	return NULL;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

static bool ascends(const uint8_t *p, size_t n, size_t unit)
{
	for (size_t i = unit; i + unit <= n; i += unit)
		if (memcmp(p + i - unit, p + i, unit) >= 0)
			return false;
	return true;
}

static bool list_fits(const struct tag *t, const uint8_t *p, size_t n)
{
	return n > 0 && n % t->unit == 0 && n / t->unit <= t->max && (!t->sorted || ascends(p, n, t->unit));
}

static bool is_text(const struct gov_bytes *b)
{
	return utf8_valid((const char *)b->p, b->n);
}

static bool digits(const struct gov_bytes *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->p[i] < '0' || b->p[i] > '9')
			return false;
	return true;
}

static bool seen_fits(const struct gov_bytes *b)
{
	for (size_t i = GOV_SEEN - 1; i < b->n; i += GOV_SEEN)
		if (b->p[i] > 1)
			return false;
	return true;
}

/* One result of each item: the same item twice does not ascend but in its ninth byte. */
static bool results_fit(const struct gov_bytes *b)
{
	for (size_t i = 0; i + GOV_RESULT <= b->n; i += GOV_RESULT) {
		uint8_t how = b->p[i + GOV_RESULT - 1];

		if (how == 0 || how >= GOV_RESULTS || (i > 0 && memcmp(b->p + i - GOV_RESULT, b->p + i, GOV_RESULT - 1) == 0))
			return false;
	}
	return true;
}

static bool month_fits(uint32_t month)
{
	return month == 0 || (month % 100 >= 1 && month % 100 <= 12 && month / 100 >= 1970 && month / 100 <= 9999);
}

/*
 * The document is kept while it waits for signatures and shares; an approved re-wrap's, which may want shares again, and an approved
 * split's, which the ceremony uses once, for longer. Requests to restore somebody once had none, and policies were signed with 64 bytes.
 */
static bool document_fits(const struct gov_object *o)
{
	bool kept = o->kind == GOV_KIND_REWRAP || o->kind == GOV_KIND_SPLIT;

	if (o->document.n == 0)
		return !gov_kind_signed(o->kind) || o->kind == GOV_KIND_RESTORE || o->prefix.state != GOV_PENDING;
	return gov_kind_signed(o->kind) && o->document.n <= GOV_DOCUMENT_MAX &&
	    (o->prefix.state == GOV_PENDING || (kept && o->prefix.state == GOV_APPROVED));
}

/* Of an operation 128 bytes an administrator, an older policy's 64; of month keys the auditor's own. */
static bool signatures_fit(const struct shape *shape, const struct gov_object *o)
{
	if (shape->type == GOV_MONTHS)
		return o->signatures.n == 64;
	return o->kind == GOV_KIND_POLICY || o->signatures.n % (2 * 64) == 0;
}

/* What the tags alone do not say. */
static bool object_fits(const struct shape *shape, const struct gov_object *o)
{
	bool child = !all_zero(o->record, 16);

	if (o->prefix.state > GOV_WITHDRAWN || (shape->states & BIT(o->prefix.state)) == 0 || o->prefix.due_day == 0)
		return false;
	if (!is_text(&o->text) || !is_text(&o->decision) || !is_text(&o->status) || !digits(&o->area) || !seen_fits(&o->seen))
		return false;
	if (o->kind >= GOV_KINDS || o->flags > (GOV_ANY_RECORD | GOV_DEMO) || (o->level != 0 && (o->level < 3 || o->level > 4)))
		return false;
	if (shape->type == GOV_REQUEST && o->prefix.state == GOV_USED && o->kind != GOV_KIND_SPLIT)
		return false;
	if (!results_fit(&o->results) || !month_fits(o->month))
		return false;
	if (!document_fits(o) || !signatures_fit(shape, o))
		return false;
	return child == (o->prefix.serial != 0) && (o->decided_ms == 0) == all_zero(o->decided_by, 16);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static void prefix_copy(const struct gov_prefix *p, uint8_t ret[11])
{
	ret[0] = p->state;
	be32_put(ret + 1, p->due_day);
	be48_put(ret + 5, p->serial);
}

/* The bytes of one member; n = 0: it is not there. scratch takes an integer's. */
static struct gov_bytes member_bytes(const struct gov_object *o, const struct tag *t, uint8_t scratch[8])
{
	const uint8_t *at = (const uint8_t *)o + t->at;
	struct gov_bytes b = { scratch, t->unit };
	uint64_t u64;
	uint32_t u32;

	switch (t->form) {
	case FORM_LIST:
		memcpy(&b, at, sizeof(b));
		return b;
	case FORM_U8:
		scratch[0] = *at;
		break;
	case FORM_U32:
		memcpy(&u32, at, sizeof(u32));
		be32_put(scratch, u32);
		break;
	case FORM_U64:
		memcpy(&u64, at, sizeof(u64));
		be64_put(scratch, u64);
		break;
	case FORM_BYTES:
		b.p = at;
		break;
	case FORM_NONE:
		b.n = 0;
		break;
	}
	if (all_zero(b.p, b.n))
		b.n = 0;
	return b;
}

int gov_object_encode(const struct gov_object *o, struct buf *ret)
{
	const struct shape *shape = shape_of(o->prefix.type);
	uint8_t scratch[8], prefix[11];
	uint32_t there = 0;
	unsigned count = 0;
	size_t at;

	if (shape == NULL || !object_fits(shape, o))
		return CV_ERR_ARG;
	at = gov_items_begin(ret);
	for (uint16_t tag = 1; tag < TAGS; tag++) {
		struct gov_bytes b = member_bytes(o, &tags[tag], scratch);

		if (tag == TAG_PREFIX) {
			prefix_copy(&o->prefix, prefix);
			b = (struct gov_bytes){ prefix, sizeof(prefix) };
		}
		if (b.n == 0)
			continue;
		if (tags[tag].form == FORM_LIST && !list_fits(&tags[tag], b.p, b.n))
			return CV_ERR_ARG;
		gov_item_put(ret, tag, b.p, b.n);
		there |= BIT(tag);
		count++;
	}
	if ((there & shape->must) != shape->must || (there & ~(shape->must | shape->may)) != 0)
		return CV_ERR_ARG;
	gov_items_end(ret, at, count);
	/* Longer than an item can be, it stands behind them. */
	if (o->document.n > 0) {
		buf_u32(ret, (uint32_t)o->document.n);
		buf_put(ret, o->document.p, o->document.n);
	}
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static bool take_member(struct gov_object *o, const struct tag *t, const struct gov_item *item)
{
	uint8_t *at = (uint8_t *)o + t->at;
	struct gov_bytes list = { item->p, item->n };
	uint64_t u64;
	uint32_t u32;

	if (t->form == FORM_LIST) {
		memcpy(at, &list, sizeof(list));
		return list_fits(t, item->p, item->n);
	}
	/* Zero is how an absent one reads: it has no bytes. */
	if (t->form == FORM_NONE || item->n != t->unit || all_zero(item->p, item->n))
		return false;
	switch (t->form) {
	case FORM_U8:
		*at = item->p[0];
		break;
	case FORM_U32:
		u32 = be32_get(item->p);
		memcpy(at, &u32, sizeof(u32));
		break;
	case FORM_U64:
		u64 = be64_get(item->p);
		memcpy(at, &u64, sizeof(u64));
		break;
	default:
		memcpy(at, item->p, item->n);
	}
	return true;
}

int gov_object_decode(const struct gov_prefix *prefix, const uint8_t *p, size_t n, struct gov_object *ret)
{
	const struct shape *shape = shape_of(prefix->type);
	struct gov_object o;
	struct gov_items items;
	struct gov_item item;
	struct rd rd = rd_over(p, n);
	uint8_t copy[11];
	uint32_t there = 0;

	if (shape == NULL || items_open(&rd, &items) != 0)
		return CV_ERR_FORMAT;
	memset(&o, 0, sizeof(o));
	o.prefix = *prefix;
	prefix_copy(prefix, copy);
	while (gov_items_next(&items, &item)) {
		bool fits;

		if (item.tag == 0 || item.tag >= TAGS)
			fits = false;
		else if (item.tag == TAG_PREFIX)
			fits = item.n == sizeof(copy) && memcmp(item.p, copy, sizeof(copy)) == 0;
		else
			fits = take_member(&o, &tags[item.tag], &item);
		if (!fits)
			return CV_ERR_FORMAT;
		there |= BIT(item.tag);
	}
	if (rd_left(&rd) > 0) {
		o.document.n = rd_u32(&rd);
		o.document.p = rd_take(&rd, o.document.n);
		if (!rd_done(&rd) || o.document.n == 0)
			return CV_ERR_FORMAT;
	}
	if ((there & shape->must) != shape->must || (there & ~(shape->must | shape->may)) != 0 || !object_fits(shape, &o))
		return CV_ERR_FORMAT;
	memcpy(o.id, ret->id, 16);
	*ret = o;
	return 0;
}

/* ---- lists -------------------------------------------------------------------------------------------------------- */

void gov_sealed_key_put(struct buf *b, const struct gov_sealed_key *k)
{
	buf_u32(b, k->class_key);
	buf_u32(b, k->generation);
	buf_u32(b, k->birth);
	buf_u16(b, k->role);
	buf_u32(b, k->epoch);
	buf_put(b, k->sealed, GOV_SEALED);
}

void gov_sealed_key_get(const struct gov_bytes *keys, size_t i, struct gov_sealed_key *ret)
{
	struct rd rd = rd_over(keys->p + i * GOV_SEALED_KEY, GOV_SEALED_KEY);

	ret->class_key = rd_u32(&rd);
	ret->generation = rd_u32(&rd);
	ret->birth = rd_u32(&rd);
	ret->role = rd_u16(&rd);
	ret->epoch = rd_u32(&rd);
	ret->sealed = rd_take(&rd, GOV_SEALED);
}

void gov_seen_put(struct buf *b, const struct gov_seen *s)
{
	buf_u48(b, s->serial);
	buf_u48(b, s->ms);
	buf_u8(b, s->extra);
}

void gov_seen_get(const struct gov_bytes *seen, size_t i, struct gov_seen *ret)
{
	const uint8_t *p = seen->p + i * GOV_SEEN;

	ret->serial = be48_get(p);
	ret->ms = be48_get(p + 6);
	ret->extra = p[12];
}

static bool list_has(const struct gov_bytes *list, const uint8_t *id, size_t unit)
{
	size_t low = 0, high = list->n / unit;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = memcmp(list->p + mid * unit, id, unit);

		if (order == 0)
			return true;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

bool gov_list_has_u16(const struct gov_bytes *list, uint16_t id)
{
	uint8_t key[2];

	be16_put(key, id);
	return list_has(list, key, 2);
}

bool gov_list_has_id(const struct gov_bytes *list, const uint8_t id[16])
{
	return list_has(list, id, 16);
}

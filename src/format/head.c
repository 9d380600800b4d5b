#include "format/head.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

#define VERSION 1
#define SUITE 1
#define FIXED 64u	/* bytes before the tokens, and before what follows HEAD_PLANNED */
#define PLANNED 17u
#define BLOCK 128u

_Static_assert(HEAD_PLAIN_MAX % BLOCK == 0 && HEAD_PLAIN_MAX >= FIXED + PLANNED + 22 * HEAD_TOKENS + 54 * HEAD_CLASSES, "fits");

static const char *const state_names[] = { "", "found", "draft", "applied", "verified", "noticed", "in_review", "approved", "refused",
	"active", "suspended", "exited", "archived", "erasing" };

const char *head_state_name(unsigned state)
{
	return state < sizeof(state_names) / sizeof(state_names[0]) ? state_names[state] : "";
}

uint8_t head_state_named(const char *name, size_t n)
{
	for (uint8_t i = 1; i < sizeof(state_names) / sizeof(state_names[0]); i++)
		if (strlen(state_names[i]) == n && memcmp(state_names[i], name, n) == 0)
			return i;
	return 0;
}

int head_prefix_decode(const uint8_t *stored, size_t n, uint32_t *ret_epoch, uint32_t *ret_slot, uint8_t ret_record[16])
{
	if (n < HEAD_PREFIX || stored[0] != VERSION || stored[1] != SUITE)
		return CV_ERR_FORMAT;
	*ret_epoch = be32_get(stored + 2);
	*ret_slot = be32_get(stored + 6);
	memcpy(ret_record, stored + 10, 16);
	return 0;
}

void head_prefix_encode(uint32_t epoch, uint32_t slot, const uint8_t record[16], uint8_t ret[HEAD_PREFIX])
{
	ret[0] = VERSION;
	ret[1] = SUITE;
	be32_put(ret + 2, epoch);
	be32_put(ret + 6, slot);
	memcpy(ret + 10, record, 16);
}

/* ---- what a head may say: the same rules hold what is read and what is written ----------------------------------- */

static bool area_valid(const char area[12], uint8_t n)
{
	if (n > 12)
		return false;
	for (unsigned i = 0; i < 12; i++)
		if (i < n ? area[i] < '0' || area[i] > '9' : area[i] != 0)
			return false;
	return true;
}

static bool fixed_valid(const struct head *h)
{
	bool planned = (h->flags & HEAD_PLANNED) != 0;

	return h->state >= STATE_FOUND && h->state <= STATE_ERASING && (h->flags & ~(HEAD_NO_NOTICE | HEAD_PLANNED)) == 0 &&
	    area_valid(h->planned, h->planned_n) && planned == (h->planned_day > 0) && (planned || h->planned_n == 0) &&
	    area_valid(h->area, h->area_n) && h->created_ms >> 48 == 0 && h->updated_ms >> 48 == 0;
}

/* Tokens ascend strictly by their stored bytes; before is the one in front, or NULL. */
static bool token_valid(const struct head_token *before, const struct head_token *t)
{
	if (before == NULL || before->index < t->index)
		return true;
	if (before->index > t->index || before->epoch > t->epoch)
		return false;
	return before->epoch < t->epoch || memcmp(before->token, t->token, 16) < 0;
}

/*
 * Compartment 0 alone; a row has a version and a class without one has none; the drops stand behind the row; a history
 * has members iff it is said to stand.
 */
static bool class_valid(const struct head_class *before, const struct head_class *c)
{
	bool row = (c->flags & HEAD_CLASS_ROW) != 0, hist = (c->flags & HEAD_CLASS_HIST) != 0;

	if (c->class_key == 0 || (c->class_key & 0xFFFF) != 0 || (before != NULL && before->class_key >= c->class_key))
		return false;
	return (c->flags & ~(HEAD_CLASS_ROW | HEAD_CLASS_HIST)) == 0 && c->drops <= HEAD_DROPS_MAX && c->generation > 0 &&
	    row == (c->row_version > 0) && c->row_version <= c->class_version &&
	    c->drops <= c->class_version - c->row_version && hist == (c->hist_count > 0);
}

static bool head_valid(const struct head *h)
{
	if (!fixed_valid(h))
		return false;
	for (unsigned i = 0; i < h->tokens; i++)
		if (!token_valid(i > 0 ? &h->token[i - 1] : NULL, &h->token[i]))
			return false;
	for (unsigned i = 0; i < h->classes; i++)
		if (!class_valid(i > 0 ? &h->class[i - 1] : NULL, &h->class[i]))
			return false;
	return true;
}

/* ---- encoding ---------------------------------------------------------------------------------------------------- */

static void class_encode(const struct head_class *c, struct buf *ret)
{
	buf_u32(ret, c->class_key);
	buf_u8(ret, c->flags);
	buf_u8(ret, c->drops);
	buf_u32(ret, c->generation);
	buf_u32(ret, c->row_version);
	buf_u32(ret, c->class_version);
	buf_put(ret, c->digest, 16);
	if (c->flags & HEAD_CLASS_HIST) {
		buf_u32(ret, c->hist_count);
		buf_put(ret, c->hist_digest, 16);
	}
}

int head_encode(const struct head *h, struct buf *ret)
{
	size_t start = ret->n;

	if (h->tokens > HEAD_TOKENS || h->classes > HEAD_CLASSES)
		return CV_ERR_LIMIT;
	if (!head_valid(h))
		return CV_ERR_ARG;
	buf_u8(ret, VERSION);
	buf_u8(ret, h->state);
	buf_u8(ret, h->flags);
	buf_u8(ret, h->area_n);
	buf_put(ret, h->area, 12);
	buf_u16(ret, h->due_quarter);
	buf_u48(ret, h->created_ms);
	buf_u48(ret, h->updated_ms);
	buf_put(ret, h->log_key, 32);
	buf_u8(ret, (uint8_t)h->tokens);
	buf_u8(ret, (uint8_t)h->classes);
	if (h->flags & HEAD_PLANNED) {
		buf_u8(ret, h->planned_n);
		buf_put(ret, h->planned, 12);
		buf_u32(ret, h->planned_day);
	}
	for (unsigned i = 0; i < h->tokens; i++) {
		buf_u16(ret, h->token[i].index);
		buf_u32(ret, h->token[i].epoch);
		buf_put(ret, h->token[i].token, 16);
	}
	for (unsigned i = 0; i < h->classes; i++)
		class_encode(&h->class[i], ret);
	buf_zero(ret, (BLOCK - (ret->n - start) % BLOCK) % BLOCK);
	if (buf_ok(ret))
		return 0;
	buf_cut(ret, start);
	return CV_ERR_NOMEM;
}

/* ---- decoding ---------------------------------------------------------------------------------------------------- */

static void class_decode(struct rd *r, struct head_class *ret)
{
	ret->class_key = rd_u32(r);
	ret->flags = rd_u8(r);
	ret->drops = rd_u8(r);
	ret->generation = rd_u32(r);
	ret->row_version = rd_u32(r);
	ret->class_version = rd_u32(r);
	rd_copy(r, ret->digest, 16);
	ret->hist_count = 0;
	memset(ret->hist_digest, 0, 16);
	if (ret->flags & HEAD_CLASS_HIST) {
		ret->hist_count = rd_u32(r);
		rd_copy(r, ret->hist_digest, 16);
	}
}

/* Less than a block of zeros, and nothing behind them. */
static bool padding_valid(struct rd *r)
{
	size_t left = rd_left(r);
	uint8_t any = 0;

	if (!rd_ok(r) || left >= BLOCK)
		return false;
	while (left-- > 0)
		any |= rd_u8(r);
	return any == 0;
}

int head_decode(const uint8_t *p, size_t n, struct head *ret)
{
	struct rd r = rd_over(p, n);

	if (n == 0 || n % BLOCK != 0 || rd_u8(&r) != VERSION)
		return CV_ERR_FORMAT;
	ret->state = rd_u8(&r);
	ret->flags = rd_u8(&r);
	ret->area_n = rd_u8(&r);
	rd_copy(&r, ret->area, 12);
	ret->due_quarter = rd_u16(&r);
	ret->created_ms = rd_u48(&r);
	ret->updated_ms = rd_u48(&r);
	rd_copy(&r, ret->log_key, 32);
	ret->tokens = rd_u8(&r);
	ret->classes = rd_u8(&r);
	if (ret->tokens > HEAD_TOKENS || ret->classes > HEAD_CLASSES)
		return CV_ERR_FORMAT;
	ret->planned_n = 0;
	memset(ret->planned, 0, sizeof(ret->planned));
	ret->planned_day = 0;
	if (ret->flags & HEAD_PLANNED) {
		ret->planned_n = rd_u8(&r);
		rd_copy(&r, ret->planned, 12);
		ret->planned_day = rd_u32(&r);
	}
	for (unsigned i = 0; i < ret->tokens; i++) {
		ret->token[i].index = rd_u16(&r);
		ret->token[i].epoch = rd_u32(&r);
		rd_copy(&r, ret->token[i].token, 16);
	}
	for (unsigned i = 0; i < ret->classes; i++)
		class_decode(&r, &ret->class[i]);
	return padding_valid(&r) && head_valid(ret) ? 0 : CV_ERR_FORMAT;
}

const char *head_area(const struct head *h, uint32_t day, size_t *ret_n)
{
	bool planned = (h->flags & HEAD_PLANNED) != 0 && day >= h->planned_day;

	*ret_n = planned ? h->planned_n : h->area_n;
	return planned ? h->planned : h->area;
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

/* Position of class_key, or where it would stand. */
static unsigned class_place(const struct head *h, uint32_t class_key)
{
	unsigned lo = 0, hi = h->classes;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (h->class[mid].class_key < class_key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct head_class *head_class_find(struct head *h, uint32_t class_key)
{
	unsigned at = class_place(h, class_key);

	return at < h->classes && h->class[at].class_key == class_key ? &h->class[at] : NULL;
}

struct head_class *head_class_add(struct head *h, uint32_t class_key)
{
	unsigned at = class_place(h, class_key);
	struct head_class *c = &h->class[at];

	if (at < h->classes && c->class_key == class_key)
		return c;
	if (h->classes == HEAD_CLASSES)
		return NULL;
	memmove(c + 1, c, (h->classes - at) * sizeof(*c));
	h->classes++;
	*c = (struct head_class){ .class_key = class_key, .generation = 1 };
	return c;
}

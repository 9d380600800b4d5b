#include "format/head.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

#define VERSION 3
#define SUITE 1
#define FIXED 65u	/* bytes before N of the creation at most, without what follows HEAD_PLANNED */
#define CREATION (ROW_NONCE + 16u + VARINT_MAX + 16u)
#define PLANNED 17u
#define TOKEN 22u
#define CHANGE (VARINT_MAX + ROW_NONCE)
#define CLASS 36u	/* the longest */
#define BLOCK 64u

/* Flags of a stored class beside those of struct head_class: their numbers follow. */
#define STORED_DROPS 4u
#define STORED_AHEAD 8u	/* the class version is above the row version */
#define STORED_FLAGS (HEAD_CLASS_ROW | STORED_DROPS | STORED_AHEAD)

_Static_assert(HEAD_PLAIN_MAX % BLOCK == 0 &&
    HEAD_PLAIN_MAX >= FIXED + CREATION + PLANNED + TOKEN * HEAD_TOKENS + (CHANGE + CLASS) * HEAD_CLASSES, "the largest head fits");

static const uint8_t zeros[ROW_NONCE];

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

	return h->state >= STATE_FOUND && h->state <= STATE_ERASING && (h->flags & ~(HEAD_NO_NOTICE | HEAD_PLANNED | HEAD_DOUBT)) == 0 &&
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

/* Compartment 0 alone; a row has a version and a class without one has none; the drops stand behind the row, and their digest with them. */
static bool class_valid(const struct head *h, const struct head_class *before, const struct head_class *c)
{
	bool row = (c->flags & HEAD_CLASS_ROW) != 0;

	if (c->class_key == 0 || (c->class_key & 0xFFFF) != 0 || (before != NULL && before->class_key >= c->class_key))
		return false;
	return (c->flags & ~HEAD_CLASS_ROW) == 0 && c->drops <= HEAD_DROPS_MAX && c->generation > 0 &&
	    row == (c->row_version > 0) && c->row_version <= c->class_version && (row || c->change == 0) && c->change <= h->changes &&
	    c->drops <= c->class_version - c->row_version && (c->drops > 0 || memcmp(c->digest, zeros, 16) == 0);
}

static bool head_valid(const struct head *h)
{
	if (!fixed_valid(h) || (h->changes == 0 && memcmp(h->hist_digest, zeros, 16) != 0))
		return false;
	for (unsigned i = 0; i < h->tokens; i++)
		if (!token_valid(i > 0 ? &h->token[i - 1] : NULL, &h->token[i]))
			return false;
	for (unsigned i = 0; i < h->classes; i++)
		if (!class_valid(h, i > 0 ? &h->class[i - 1] : NULL, &h->class[i]))
			return false;
	return true;
}

/* ---- encoding ---------------------------------------------------------------------------------------------------- */

/* The changes that wrote the rows of a head's classes, ascending, the creation left out. */
struct named_changes {
	unsigned n;
	const struct head_class *of[HEAD_CLASSES];	/* one of the classes of each */
};

/* Where a change stands in the list, or would. */
static unsigned change_place(const struct named_changes *x, uint32_t change)
{
	unsigned at = 0;

	while (at < x->n && x->of[at]->change < change)
		at++;
	return at;
}

/* False if one change is under two Ns, or two under one. */
static bool changes_list(const struct head *h, struct named_changes *ret)
{
	ret->n = 0;
	for (unsigned i = 0; i < h->classes; i++) {
		const struct head_class *c = &h->class[i];
		unsigned at = change_place(ret, c->change);

		if ((c->flags & HEAD_CLASS_ROW) == 0)
			continue;
		if (c->change == 0 || (at < ret->n && ret->of[at]->change == c->change)) {
			if (memcmp(c->change == 0 ? h->nonce : ret->of[at]->nonce, c->nonce, ROW_NONCE) != 0)
				return false;
			continue;
		}
		memmove(&ret->of[at + 1], &ret->of[at], (ret->n - at) * sizeof(ret->of[0]));
		ret->of[at] = c;
		ret->n++;
	}
	for (unsigned i = 0; i < ret->n; i++) {
		for (unsigned j = 0; j < i; j++)
			if (memcmp(ret->of[i]->nonce, ret->of[j]->nonce, ROW_NONCE) == 0)
				return false;
		if (memcmp(ret->of[i]->nonce, h->nonce, ROW_NONCE) == 0)
			return false;
	}
	return true;
}

static uint8_t *class_encode(const struct head_class *c, const struct named_changes *x, uint8_t *p)
{
	uint32_t ahead = c->class_version - c->row_version;

	p = wr_u16(p, (uint16_t)(c->class_key >> 16));
	p = wr_u8(p, (uint8_t)(c->flags | (c->drops > 0 ? STORED_DROPS : 0) | (ahead > 0 ? STORED_AHEAD : 0)));
	p = wr_varint(p, c->generation);
	if (c->flags & HEAD_CLASS_ROW) {
		p = wr_varint(p, c->row_version);
		p = wr_u8(p, c->change == 0 ? 0 : (uint8_t)(change_place(x, c->change) + 1));
	}
	if (ahead > 0)
		p = wr_varint(p, ahead);
	if (c->drops > 0) {
		p = wr_u8(p, c->drops);
		p = wr_bytes(p, c->digest, 16);
	}
	return p;
}

static uint8_t *fixed_encode(const struct head *h, unsigned named, uint8_t *p)
{
	p = wr_u8(p, VERSION);
	p = wr_u8(p, h->state);
	p = wr_u8(p, h->flags);
	p = wr_u8(p, h->area_n);
	p = wr_bytes(p, h->area, h->area_n);
	p = wr_u16(p, h->due_quarter);
	p = wr_u48(p, h->created_ms);
	p = wr_u48(p, h->updated_ms);
	p = wr_bytes(p, h->log_key, 32);
	p = wr_u8(p, (uint8_t)h->tokens);
	p = wr_u8(p, (uint8_t)h->classes);
	p = wr_u8(p, (uint8_t)named);
	p = wr_bytes(p, h->nonce, ROW_NONCE);
	p = wr_bytes(p, h->digest, 16);
	p = wr_varint(p, h->changes);
	if (h->changes > 0)
		p = wr_bytes(p, h->hist_digest, 16);
	if (h->flags & HEAD_PLANNED) {
		p = wr_u8(p, h->planned_n);
		p = wr_bytes(p, h->planned, h->planned_n);
		p = wr_u32(p, h->planned_day);
	}
	return p;
}

int head_encode(const struct head *h, uint8_t ret[HEAD_PLAIN_MAX], size_t *ret_n)
{
	__attribute__((uninitialized)) struct named_changes named;	/* changes_list writes what is read */
	uint8_t *p = ret;
	size_t padding;

	if (h->tokens > HEAD_TOKENS || h->classes > HEAD_CLASSES)
		return CV_ERR_LIMIT;
	if (!head_valid(h) || !changes_list(h, &named))
		return CV_ERR_ARG;
	p = fixed_encode(h, named.n, p);
	for (unsigned i = 0; i < h->tokens; i++) {
		p = wr_u16(p, h->token[i].index);
		p = wr_u32(p, h->token[i].epoch);
		p = wr_bytes(p, h->token[i].token, 16);
	}
	for (unsigned i = 0; i < named.n; i++) {
		p = wr_varint(p, named.of[i]->change);
		p = wr_bytes(p, named.of[i]->nonce, ROW_NONCE);
	}
	for (unsigned i = 0; i < h->classes; i++)
		p = class_encode(&h->class[i], &named, p);
	padding = (BLOCK - (size_t)(p - ret) % BLOCK) % BLOCK;
	memset(p, 0, padding);
	*ret_n = (size_t)(p - ret) + padding;
	return 0;
}

/* ---- decoding ---------------------------------------------------------------------------------------------------- */

/* The changes that stand in a head: of the creation, number 0, then of the others. */
struct listed {
	unsigned n;
	struct {
		uint32_t change;
		const uint8_t *nonce;
		bool named;		/* by some class */
	} of[HEAD_CLASSES + 1];
};

/* Ascending, and no N twice: it would be another spelling of the same head. */
static bool changes_decode(struct rd *r, const struct head *h, unsigned n, struct listed *ret)
{
	ret->of[0].change = 0;
	ret->of[0].nonce = h->nonce;
	ret->of[0].named = true;	/* history needs it, whatever the classes name */
	ret->n = n + 1;
	for (unsigned i = 1; i < ret->n; i++) {
		ret->of[i].change = rd_varint(r);
		ret->of[i].nonce = rd_take(r, ROW_NONCE);
		ret->of[i].named = false;
		if (ret->of[i].nonce == NULL || ret->of[i].change <= ret->of[i - 1].change)
			return false;
		for (unsigned j = 0; j < i; j++)
			if (memcmp(ret->of[i].nonce, ret->of[j].nonce, ROW_NONCE) == 0)
				return false;
	}
	return true;
}

/* False for what class_valid would not see: numbers that stand though they are 0, unknown flags, a version above a u32. */
static bool class_decode(struct rd *r, struct listed *x, struct head_class *ret)
{
	uint32_t ahead;
	uint8_t stored;
	unsigned at;

	memset(ret, 0, sizeof(*ret));
	ret->class_key = (uint32_t)rd_u16(r) << 16;
	stored = rd_u8(r);
	ret->flags = stored & HEAD_CLASS_ROW;
	ret->generation = rd_varint(r);
	if (stored & HEAD_CLASS_ROW) {
		ret->row_version = rd_varint(r);
		if ((at = rd_u8(r)) >= x->n)
			return false;
		x->of[at].named = true;
		ret->change = x->of[at].change;
		memcpy(ret->nonce, x->of[at].nonce, ROW_NONCE);
	}
	ahead = (stored & STORED_AHEAD) != 0 ? rd_varint(r) : 0;
	if (stored & STORED_DROPS) {
		ret->drops = rd_u8(r);
		rd_copy(r, ret->digest, 16);
	}
	if ((stored & ~STORED_FLAGS) != 0 || ((stored & STORED_AHEAD) != 0) != (ahead > 0) ||
	    ((stored & STORED_DROPS) != 0) != (ret->drops > 0) || ahead > UINT32_MAX - ret->row_version)
		return false;
	ret->class_version = ret->row_version + ahead;
	return true;
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

/* An area, zero-padded. */
static void area_decode(struct rd *r, char ret[12], uint8_t *ret_n)
{
	uint8_t n = rd_u8(r);

	memset(ret, 0, 12);
	rd_copy(r, ret, n <= 12 ? n : 0);	/* a longer one is refused by its length */
	*ret_n = n;
}

/* What stands before the changes; *ret_named is how many of them follow. */
static int fixed_decode(struct rd *r, struct head *ret, unsigned *ret_named)
{
	ret->state = rd_u8(r);
	ret->flags = rd_u8(r);
	area_decode(r, ret->area, &ret->area_n);
	ret->due_quarter = rd_u16(r);
	ret->created_ms = rd_u48(r);
	ret->updated_ms = rd_u48(r);
	rd_copy(r, ret->log_key, 32);
	ret->tokens = rd_u8(r);
	ret->classes = rd_u8(r);
	*ret_named = rd_u8(r);
	if (ret->tokens > HEAD_TOKENS || ret->classes > HEAD_CLASSES || *ret_named > HEAD_CLASSES)
		return CV_ERR_FORMAT;
	rd_copy(r, ret->nonce, ROW_NONCE);
	rd_copy(r, ret->digest, 16);
	ret->changes = rd_varint(r);
	memset(ret->hist_digest, 0, 16);
	if (ret->changes > 0)
		rd_copy(r, ret->hist_digest, 16);
	ret->planned_n = 0;
	memset(ret->planned, 0, sizeof(ret->planned));
	ret->planned_day = 0;
	if (ret->flags & HEAD_PLANNED) {
		area_decode(r, ret->planned, &ret->planned_n);
		ret->planned_day = rd_u32(r);
	}
	for (unsigned i = 0; i < ret->tokens; i++) {
		ret->token[i].index = rd_u16(r);
		ret->token[i].epoch = rd_u32(r);
		rd_copy(r, ret->token[i].token, 16);
	}
	return 0;
}

int head_decode(const uint8_t *p, size_t n, struct head *ret)
{
	__attribute__((uninitialized)) struct listed x;	/* changes_decode writes what is read */
	struct rd r = rd_over(p, n);
	unsigned named = 0;

	if (n == 0 || n % BLOCK != 0 || n > HEAD_PLAIN_MAX || rd_u8(&r) != VERSION || fixed_decode(&r, ret, &named) != 0 ||
	    !changes_decode(&r, ret, named, &x))
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < ret->classes; i++)
		if (!class_decode(&r, &x, &ret->class[i]))
			return CV_ERR_FORMAT;
	for (unsigned i = 0; i < x.n; i++)
		if (!x.of[i].named)
			return CV_ERR_FORMAT;
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

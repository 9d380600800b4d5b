#include "format/head.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

#define VERSION 2
#define SUITE 1
#define FIXED 65u	/* bytes before the tokens at most, without what follows HEAD_PLANNED */
#define PLANNED 17u
#define TOKEN 22u
#define CLASS 57u	/* the longest */
#define BLOCK 64u

/* Flags of a stored class beside those of struct head_class: their numbers follow. */
#define STORED_DROPS 4u
#define STORED_AHEAD 8u	/* the class version is above the row version */

_Static_assert(HEAD_PLAIN_MAX % BLOCK == 0 &&
    HEAD_PLAIN_MAX >= FIXED + PLANNED + TOKEN * HEAD_TOKENS + (ROW_NONCE + CLASS) * HEAD_CLASSES, "the largest head fits");

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

/* The Ns of a head, once each in the order in which its classes first name them. */
struct nonces {
	unsigned n;
	const uint8_t *p[HEAD_CLASSES];
	uint8_t number[HEAD_CLASSES];	/* of each class that has a row */
};

static void nonces_list(const struct head *h, struct nonces *ret)
{
	ret->n = 0;
	for (unsigned i = 0; i < h->classes; i++) {
		unsigned at = 0;

		if ((h->class[i].flags & HEAD_CLASS_ROW) == 0)
			continue;
		while (at < ret->n && memcmp(ret->p[at], h->class[i].nonce, ROW_NONCE) != 0)
			at++;
		if (at == ret->n)
			ret->p[ret->n++] = h->class[i].nonce;
		ret->number[i] = (uint8_t)at;
	}
}

static uint8_t *class_encode(const struct head_class *c, uint8_t number, uint8_t *p)
{
	uint32_t ahead = c->class_version - c->row_version;

	p = wr_u16(p, (uint16_t)(c->class_key >> 16));
	p = wr_u8(p, (uint8_t)(c->flags | (c->drops > 0 ? STORED_DROPS : 0) | (ahead > 0 ? STORED_AHEAD : 0)));
	p = wr_varint(p, c->generation);
	if (c->flags & HEAD_CLASS_ROW) {
		p = wr_varint(p, c->row_version);
		p = wr_u8(p, number);
	}
	if (ahead > 0)
		p = wr_varint(p, ahead);
	if (c->drops > 0)
		p = wr_u8(p, c->drops);
	p = wr_bytes(p, c->digest, 16);
	if (c->flags & HEAD_CLASS_HIST) {
		p = wr_varint(p, c->hist_count);
		p = wr_bytes(p, c->hist_digest, 16);
	}
	return p;
}

static uint8_t *fixed_encode(const struct head *h, unsigned nonces, uint8_t *p)
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
	p = wr_u8(p, (uint8_t)nonces);
	if (h->flags & HEAD_PLANNED) {
		p = wr_u8(p, h->planned_n);
		p = wr_bytes(p, h->planned, h->planned_n);
		p = wr_u32(p, h->planned_day);
	}
	return p;
}

int head_encode(const struct head *h, uint8_t ret[HEAD_PLAIN_MAX], size_t *ret_n)
{
	__attribute__((uninitialized)) struct nonces nonces;	/* nonces_list writes what is read */
	uint8_t *p = ret;
	size_t padding;

	if (h->tokens > HEAD_TOKENS || h->classes > HEAD_CLASSES)
		return CV_ERR_LIMIT;
	if (!head_valid(h))
		return CV_ERR_ARG;
	nonces_list(h, &nonces);
	p = fixed_encode(h, nonces.n, p);
	for (unsigned i = 0; i < h->tokens; i++) {
		p = wr_u16(p, h->token[i].index);
		p = wr_u32(p, h->token[i].epoch);
		p = wr_bytes(p, h->token[i].token, 16);
	}
	for (unsigned i = 0; i < nonces.n; i++)
		p = wr_bytes(p, nonces.p[i], ROW_NONCE);
	for (unsigned i = 0; i < h->classes; i++)
		p = class_encode(&h->class[i], nonces.number[i], p);
	padding = (BLOCK - (size_t)(p - ret) % BLOCK) % BLOCK;
	memset(p, 0, padding);
	*ret_n = (size_t)(p - ret) + padding;
	return 0;
}

/* ---- decoding ---------------------------------------------------------------------------------------------------- */

/* The Ns that stand in a head, and how many of them its classes have named so far. */
struct named {
	const uint8_t *p;
	unsigned n, named;
};

/* Nothing may stand there twice: it would be another spelling of the same head. */
static bool nonces_differ(const struct named *x)
{
	for (unsigned i = 1; i < x->n; i++)
		for (unsigned j = 0; j < i; j++)
			if (memcmp(x->p + (size_t)i * ROW_NONCE, x->p + (size_t)j * ROW_NONCE, ROW_NONCE) == 0)
				return false;
	return true;
}

/* The row's version and N. False if the number is not of the list, or passes one over. */
static bool class_row_decode(struct rd *r, struct named *x, struct head_class *ret)
{
	unsigned at;

	ret->row_version = rd_varint(r);
	at = rd_u8(r);
	if (at >= x->n || at > x->named)
		return false;
	if (at == x->named)
		x->named++;
	memcpy(ret->nonce, x->p + (size_t)at * ROW_NONCE, ROW_NONCE);
	return true;
}

/* False for what class_valid would not see: numbers that stand though they are 0, unknown flags, a version above a u32. */
static bool class_decode(struct rd *r, struct named *x, struct head_class *ret)
{
	uint32_t ahead;
	uint8_t stored;

	ret->class_key = (uint32_t)rd_u16(r) << 16;
	stored = rd_u8(r);
	ret->flags = stored & (HEAD_CLASS_ROW | HEAD_CLASS_HIST);
	ret->generation = rd_varint(r);
	ret->row_version = 0;
	if ((stored & HEAD_CLASS_ROW) == 0)
		memset(ret->nonce, 0, ROW_NONCE);
	else if (!class_row_decode(r, x, ret))
		return false;
	ahead = (stored & STORED_AHEAD) != 0 ? rd_varint(r) : 0;
	ret->drops = (stored & STORED_DROPS) != 0 ? rd_u8(r) : 0;
	if (stored > 15 || ((stored & STORED_AHEAD) != 0) != (ahead > 0) || ((stored & STORED_DROPS) != 0) != (ret->drops > 0) ||
	    ahead > UINT32_MAX - ret->row_version)
		return false;
	ret->class_version = ret->row_version + ahead;
	rd_copy(r, ret->digest, 16);
	ret->hist_count = 0;
	memset(ret->hist_digest, 0, 16);
	if (stored & HEAD_CLASS_HIST) {
		ret->hist_count = rd_varint(r);
		rd_copy(r, ret->hist_digest, 16);
	}
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

/* What stands before the Ns; *ret_nonces is how many of them follow. */
static int fixed_decode(struct rd *r, struct head *ret, unsigned *ret_nonces)
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
	*ret_nonces = rd_u8(r);
	if (ret->tokens > HEAD_TOKENS || ret->classes > HEAD_CLASSES || *ret_nonces > HEAD_CLASSES)
		return CV_ERR_FORMAT;
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
	struct rd r = rd_over(p, n);
	struct named x = { .n = 0 };

	if (n == 0 || n % BLOCK != 0 || n > HEAD_PLAIN_MAX || rd_u8(&r) != VERSION || fixed_decode(&r, ret, &x.n) != 0)
		return CV_ERR_FORMAT;
	if ((x.p = rd_take(&r, (size_t)x.n * ROW_NONCE)) == NULL || !nonces_differ(&x))
		return CV_ERR_FORMAT;
	for (unsigned i = 0; i < ret->classes; i++)
		if (!class_decode(&r, &x, &ret->class[i]))
			return CV_ERR_FORMAT;
	return x.named == x.n && padding_valid(&r) && head_valid(ret) ? 0 : CV_ERR_FORMAT;
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

/* Blind indexes: tokens and postings of records, and the META row that says which of them answer. */
#include "vault/index.h"

#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "keys/index.h"

#define ROW_NAME "indexes"
#define ENTRY 14u		/* bytes of one index in the row */

/* ---- the row ------------------------------------------------------------------------------------------------------------ */

struct index_state *index_state_of(struct vault *v, uint16_t id)
{
	for (unsigned i = 0; i < v->indexes; i++)
		if (v->index[i].id == id)
			return &v->index[i];
	return NULL;
}

int index_store(struct vault *v)
{
	uint8_t row[1 + POLICY_INDEXES * ENTRY];

	row[0] = (uint8_t)v->indexes;
	for (unsigned i = 0; i < v->indexes; i++) {
		uint8_t *p = row + 1 + i * ENTRY;

		be16_put(p, v->index[i].id);
		be32_put(p + 2, v->index[i].epoch);
		be32_put(p + 6, v->index[i].making);
		be32_put(p + 10, v->index[i].last);
	}
	return vault_meta_put(v, ROW_NAME, row, 1 + v->indexes * ENTRY);
}

int index_genesis(struct vault *v)
{
	v->indexes = policy_indexes(v->policy);
	for (unsigned i = 0; i < v->indexes; i++)
		v->index[i] = (struct index_state){ .id = policy_index(v->policy, i)->id, .epoch = 1, .last = 1 };
	return index_store(v);
}

int index_load(struct vault *v)
{
	struct rd rd;
	int r;

	if ((r = vault_meta_get(v, ROW_NAME, &v->scratch)) != 0)
		return r;
	rd = rd_over(v->scratch.p, v->scratch.n);
	v->indexes = rd_u8(&rd);
	for (unsigned i = 0; i < v->indexes && i < POLICY_INDEXES; i++) {
		struct index_state *x = &v->index[i];

		x->id = rd_u16(&rd);
		x->epoch = rd_u32(&rd);
		x->making = rd_u32(&rd);
		x->last = rd_u32(&rd);
		if (x->id == 0 || x->id > POLICY_INDEXES || (i > 0 && x[-1].id >= x->id) || (x->making != 0 && x->making <= x->epoch) ||
		    x->making > x->last || x->epoch > x->last)
			return CV_ERR_FORMAT;
	}
	r = v->indexes <= POLICY_INDEXES && rd_done(&rd) ? 0 : CV_ERR_FORMAT;
	buf_reset(&v->scratch);
	return r;
}

int index_follow(struct vault *v)
{
	bool given_up = false;

	for (unsigned i = 0; i < v->indexes; i++) {
		struct index_state *x = &v->index[i];
		bool has = false;

		for (unsigned k = 0; k < policy_indexes(v->policy); k++)
			has = has || policy_index(v->policy, k)->id == x->id;
		if (has || (x->epoch == 0 && x->making == 0))
			continue;
		x->epoch = x->making = 0;	/* last stays: no epoch comes again */
		given_up = true;
	}
	return given_up ? index_store(v) : 0;
}

/* ---- tokens and postings -------------------------------------------------------------------------------------------------- */

/* The token of an index from values of its fields, in their order. 0, CV_ERR_NOTFOUND: nothing to look for. */
static int index_token(struct vault *v, const struct policy_index *x, uint32_t epoch, const struct value *values, uint8_t ret[16])
{
	uint8_t normal[INDEX_NORMAL_MAX];
	size_t n = 0;
	int r;

	if ((r = index_normal(x, values, normal, &n)) == 0)
		keys_index_token(v->keys, x->id, epoch, x->bits, normal, n, ret);
	wipe(normal, n);
	return r;
}

static void index_key(uint16_t id, uint32_t epoch, const uint8_t token[16], uint64_t serial, uint8_t ret[INDEX_KEY])
{
	be16_put(ret, id);
	be32_put(ret + 2, epoch);
	memcpy(ret + 6, token, 16);
	be48_put(ret + 22, serial);
}

struct finding {
	struct vault *v;
	const struct policy_index *x;
	uint32_t epoch;
	const uint8_t *token;
	struct index_found *ret;
};

static int found_one(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct finding *f = cookie;
	struct index_found *ret = f->ret;

	if (key_n != INDEX_KEY || keys_posting_open(f->v->keys, f->x->id, f->epoch, f->token, val, val_n, ret->record[ret->n]) != 0)
		log_warn("index %s: a posting does not open where it stands; make the index anew", f->x->name);
	else
		ret->serial[ret->n++] = be48_get(key + 22);
	return 0;
}

int index_find(struct vault *v, const struct policy_index *x, uint32_t epoch, const uint8_t token[16], struct index_found *ret)
{
	struct finding f = { v, x, epoch, token, ret };
	uint8_t key[INDEX_KEY];

	ret->n = 0;
	index_key(x->id, epoch, token, 0, key);
	return store_scan(v->store, STORE_IDX, key, INDEX_KEY - 6, NULL, 0, false, INDEX_FOUND_MAX, found_one, &f);
}

/* Whether the first posting under a token is another record's, or the second. */
struct other {
	uint64_t serial, twin;
};
static int look_for_other(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct other *o = cookie;

	(void)val;
	(void)val_n;
	if (key_n == INDEX_KEY && be48_get(key + 22) != o->serial)
		o->twin = be48_get(key + 22);
	return 0;
}

/* Note in v->twin that another record holds a unique value. */
static int note_twin(struct vault *v, const struct policy_index *x, uint32_t epoch, const uint8_t token[16], uint64_t serial)
{
	struct other o = { serial, 0 };
	uint8_t key[INDEX_KEY];
	int r;

	index_key(x->id, epoch, token, 0, key);
	r = store_scan(v->store, STORE_IDX, key, INDEX_KEY - 6, NULL, 0, false, 2, look_for_other, &o);
	if (r == 0 && o.twin != 0) {
		v->twin = o.twin;
		v->twin_index = x;
	}
	return r;
}

/* ---- one record ----------------------------------------------------------------------------------------------------------- */

static int token_order(const struct head_token *a, const struct head_token *b)
{
	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	if (a->epoch != b->epoch)
		return a->epoch < b->epoch ? -1 : 1;
	return memcmp(a->token, b->token, 16);
}

/* Where t stands in head, or would. */
static unsigned place_of(const struct head *h, const struct head_token *t, bool *ret_there)
{
	unsigned at = 0;

	while (at < h->tokens && token_order(&h->token[at], t) < 0)
		at++;
	*ret_there = at < h->tokens && token_order(&h->token[at], t) == 0;
	return at;
}

static int add_posting(struct vault *v, struct record *rec, const struct policy_index *x, const struct head_token *t, unsigned at)
{
	struct head *h = &rec->head;
	uint8_t key[INDEX_KEY];
	int r;

	if (x->unique && (r = note_twin(v, x, t->epoch, t->token, rec->serial)) != 0)
		return r;
	buf_reset(&v->seal);
	index_key(x->id, t->epoch, t->token, rec->serial, key);
	if ((r = keys_posting_seal(v->keys, x->id, t->epoch, t->token, h->record, &v->seal)) != 0 ||
	    (r = store_put(v->store, STORE_IDX, key, sizeof(key), v->seal.p, v->seal.n)) != 0)
		return r;
	memmove(&h->token[at + 1], &h->token[at], (h->tokens - at) * sizeof(h->token[0]));
	h->token[at] = *t;
	h->tokens++;
	return 0;
}

static int drop_posting(struct vault *v, struct record *rec, unsigned at)
{
	struct head *h = &rec->head;
	uint8_t key[INDEX_KEY];
	int r;

	index_key(h->token[at].index, h->token[at].epoch, h->token[at].token, rec->serial, key);
	if ((r = store_del(v->store, STORE_IDX, key, sizeof(key))) != 0 && r != CV_ERR_NOTFOUND)
		return r;
	h->tokens--;
	memmove(&h->token[at], &h->token[at + 1], (h->tokens - at) * sizeof(h->token[0]));
	return 0;
}

int index_clean(struct vault *v, struct record *rec)
{
	int r;

	for (unsigned i = 0; i < rec->head.tokens;) {
		const struct head_token *t = &rec->head.token[i];
		const struct index_state *s = index_state_of(v, t->index);

		if (s != NULL && (t->epoch == s->epoch || t->epoch == s->making))
			i++;
		else if ((r = drop_posting(v, rec, i)) != 0)
			return r;
	}
	return 0;
}

/* One index, one epoch of it: values is NULL if some are missing. */
static int note_epoch(struct vault *v, struct record *rec, const struct policy_index *x, uint32_t epoch, const struct value *values,
    bool keep)
{
	struct head_token t = { .index = x->id, .epoch = epoch };
	bool has = values != NULL && index_token(v, x, epoch, values, t.token) == 0, there;
	unsigned at;
	int r;

	for (unsigned i = 0; !keep && i < rec->head.tokens;) {
		const struct head_token *old = &rec->head.token[i];

		if (old->index != x->id || old->epoch != epoch || (has && memcmp(old->token, t.token, 16) == 0))
			i++;
		else if ((r = drop_posting(v, rec, i)) != 0)
			return r;
	}
	if (!has)
		return 0;
	/* What jobs that were given up have left behind makes room. */
	if (rec->head.tokens == HEAD_TOKENS && (r = index_clean(v, rec)) != 0)
		return r;
	at = place_of(&rec->head, &t, &there);
	if (there)
		return 0;
	/* Of hand-ins that wait, the last ones are found with the merge. */
	if (rec->head.tokens == HEAD_TOKENS)
		return keep ? 0 : CV_ERR_LIMIT;
	return add_posting(v, rec, x, &t, at);
}

static bool values_of(const struct policy_index *x, const struct content *content, struct value ret[POLICY_INDEX_FIELDS])
{
	for (unsigned i = 0; i < x->fields; i++) {
		const struct content_item *item = content_find(content, x->field[i]);

		if (item == NULL || item->type == VALUE_NULL)
			return false;
		ret[i] = (struct value){ item->type, content->bytes.p + item->at, item->length };
	}
	return true;
}

int index_note(struct vault *v, struct record *rec, uint16_t class_id, const struct content *x, bool drop)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < policy_indexes(v->policy); i++) {
		const struct policy_index *index = policy_index(v->policy, i);
		const struct index_state *state = index_state_of(v, index->id);
		struct value values[POLICY_INDEX_FIELDS];
		bool has;

		if (state == NULL || policy_field_by_id(v->policy, index->field[0])->class != class_id)
			continue;
		has = values_of(index, x, values);
		if (state->epoch != 0)
			r = note_epoch(v, rec, index, state->epoch, has ? values : NULL, drop);
		if (r == 0 && state->making != 0)
			r = note_epoch(v, rec, index, state->making, has ? values : NULL, drop);
	}
	return r;
}

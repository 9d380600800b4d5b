/* The table of governance objects: rows, look-ups, undo. FORMAT.md 5.1. */
#include "vault/gov_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"

static const uint16_t types[] = { GOV_ASSIGNMENT, GOV_GRANT, GOV_REQUEST, GOV_DELEGATION, GOV_WINDOW, GOV_REVIEW, GOV_MONTHS,
	GOV_SEARCHES, GOV_INTAKE };

/* ---- maps --------------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0x9E3779B97F4A7C15u;
	return x ^ x >> 29;
}

static uint64_t hash_id(uint16_t type, const uint8_t id[16])
{
	return mix(be64_get(id) + type);
}

/* Ids are the vault's own random bytes: nobody chooses which fall together. */
static uint64_t hash_place(const uint8_t *principal, const uint8_t *record)
{
	uint64_t a = principal != NULL ? be64_get(principal) : 0, b = record != NULL ? be64_get(record) : 0;

	return mix(a ^ mix(b));
}

static int map_grow(struct gov_map *m)
{
	uint32_t cap = m->cap != 0 ? 2 * m->cap : 256, buckets = 2 * cap;
	struct gov_node *node;
	uint32_t *bucket;

	if (m->cap >= 1u << 28 || (node = realloc(m->node, cap * sizeof(*node))) == NULL)
		return CV_ERR_NOMEM;
	m->node = node;
	if ((bucket = calloc(buckets, sizeof(*bucket))) == NULL)
		return CV_ERR_NOMEM;
	free(m->bucket);
	m->bucket = bucket;
	m->buckets = buckets;
	m->cap = cap;
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t *head = &bucket[node[i].hash & (buckets - 1)];

		node[i].next = *head;
		*head = i + 1;
	}
	return 0;
}

static int map_add(struct gov_map *m, uint64_t hash, struct gov_entry *e)
{
	uint32_t *head;
	int r;

	if (m->n == m->cap && (r = map_grow(m)) != 0)
		return r;
	head = &m->bucket[hash & (m->buckets - 1)];
	m->node[m->n] = (struct gov_node){ hash, e, *head };
	*head = ++m->n;
	return 0;
}

/* Cut to n nodes: the last node of a bucket stands at its head. */
static void map_cut(struct gov_map *m, uint32_t n)
{
	while (m->n > n) {
		const struct gov_node *node = &m->node[--m->n];

		m->bucket[node->hash & (m->buckets - 1)] = node->next;
	}
}

static void map_free(struct gov_map *m)
{
	free(m->node);
	free(m->bucket);
	memset(m, 0, sizeof(*m));
}

/* The node behind *at (0: the first) of this hash, or NULL; *at then stands on it. */
static struct gov_entry *map_next(const struct gov_map *m, uint64_t hash, uint32_t *at)
{
	uint32_t i;

	if (m->buckets == 0)
		return NULL;
	for (i = *at == 0 ? m->bucket[hash & (m->buckets - 1)] : m->node[*at - 1].next; i != 0; i = m->node[i - 1].next)
		if (m->node[i - 1].hash == hash) {
			*at = i;
			return m->node[i - 1].entry;
		}
	return NULL;
}

struct gov_entry *gov_find(struct vault *v, uint16_t type, const uint8_t id[16])
{
	struct gov_entry *e;
	uint32_t at = 0;

	while ((e = map_next(&v->gov->ids, hash_id(type, id), &at)) != NULL)
		if (e->held->o.prefix.type == type && ids_equal(e->held->o.id, id))
			return e;
	return NULL;
}

struct gov_entry *gov_next_of(struct vault *v, uint16_t type, const uint8_t principal[16], uint32_t *at)
{
	struct gov_entry *e;

	while ((e = map_next(&v->gov->owners, hash_id(type, principal), at)) != NULL)
		if (e->held->o.prefix.type == type && ids_equal(e->held->o.principal, principal))
			return e;
	return NULL;
}

static bool stands_at(const struct gov_object *o, const uint8_t *principal, const uint8_t *record)
{
	if (principal != NULL && !ids_equal(o->principal, principal))
		return false;
	if (record == NULL)
		return (o->flags & GOV_ANY_RECORD) != 0;
	return o->prefix.type == GOV_GRANT ? ids_equal(o->record, record) : gov_list_has_id(&o->records, record);
}

struct gov_entry *gov_next_at(struct vault *v, const uint8_t *principal, const uint8_t *record, uint32_t *at)
{
	struct gov_entry *e;

	while ((e = map_next(&v->gov->places, hash_place(principal, record), at)) != NULL)
		if (stands_at(&e->held->o, principal, record))
			return e;
	return NULL;
}

/* ---- what is held --------------------------------------------------------------------------------------------------- */

static void held_free(struct gov_held *h)
{
	if (h == NULL)
		return;
	wipe(h, sizeof(*h) + h->n);
	free(h);
}

/* A copy of a plaintext, decoded. 0, CV_ERR_FORMAT, CV_ERR_NOMEM. */
static int held_new(const struct gov_prefix *prefix, const uint8_t id[16], const uint8_t *plain, size_t n, struct gov_held **ret)
{
	struct gov_held *h = malloc(sizeof(*h) + n);
	int r;

	if (h == NULL)
		return CV_ERR_NOMEM;
	h->n = n;
	memcpy(h->plain, plain, n);
	memcpy(h->o.id, id, 16);
	if ((r = gov_object_decode(prefix, h->plain, n, &h->o)) != 0) {
		held_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

/* Stands for a principal in the places of intakes, which are found by their record alone. */
static const uint8_t any_intake[16] = "intake";

struct gov_entry *gov_intake_of(struct vault *v, const uint8_t record[16])
{
	struct gov_entry *e;
	uint32_t at = 0;

	while ((e = map_next(&v->gov->places, hash_place(any_intake, record), &at)) != NULL)
		if (e->held->o.prefix.type == GOV_INTAKE && e->held->o.prefix.state == GOV_PENDING && ids_equal(e->held->o.record, record))
			return e;
	return NULL;
}

static int index_places(struct gov *g, struct gov_entry *e)
{
	const struct gov_object *o = &e->held->o;
	int r = 0;

	if (o->prefix.type == GOV_GRANT) {
		if ((r = map_add(&g->places, hash_place(o->principal, o->record), e)) == 0)
			r = map_add(&g->places, hash_place(NULL, o->record), e);
	} else if (o->prefix.type == GOV_INTAKE) {
		r = map_add(&g->places, hash_place(any_intake, o->record), e);
	} else if (o->prefix.type == GOV_ASSIGNMENT) {
		if ((o->flags & GOV_ANY_RECORD) != 0)
			r = map_add(&g->places, hash_place(o->principal, NULL), e);
		for (size_t i = 0; r == 0 && i < o->records.n; i += 16)
			if ((r = map_add(&g->places, hash_place(o->principal, o->records.p + i), e)) == 0)
				r = map_add(&g->places, hash_place(NULL, o->records.p + i), e);
	}
	return r;
}

/* Take a new object into the table, which owns it then; what was added before a failure is cut by the caller. */
static int table_add(struct gov *g, struct gov_held *h, struct gov_entry **ret)
{
	struct gov_entry **all, *e;
	int r;

	if (g->n == g->cap) {
		size_t cap = g->cap != 0 ? 2 * g->cap : 256;

		if ((all = realloc(g->all, cap * sizeof(struct gov_entry *))) == NULL)
			return CV_ERR_NOMEM;
		g->all = all;
		g->cap = cap;
	}
	if ((e = malloc(sizeof(*e))) == NULL)
		return CV_ERR_NOMEM;
	e->held = h;
	if ((r = map_add(&g->ids, hash_id(h->o.prefix.type, h->o.id), e)) != 0 ||
	    (r = map_add(&g->owners, hash_id(h->o.prefix.type, h->o.principal), e)) != 0 || (r = index_places(g, e)) != 0) {
		e->held = NULL;
		free(e);
		return r;
	}
	g->all[g->n++] = e;
	*ret = e;
	return 0;
}

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

/* The shred slot that seals an object of this child: UINT32_MAX without one. CV_ERR_AUTH: the child is not there. */
static int child_slot(struct vault *v, uint64_t serial, uint32_t *ret)
{
	uint8_t key[REC_KEY_MAX], record[16];
	struct store_value val;
	uint32_t epoch;
	int r;

	*ret = UINT32_MAX;
	if (serial == 0)
		return 0;
	if ((r = store_get(v->store, STORE_REC, key, rec_key(serial, REC_HEAD, 0, 0, key), &val)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
	return head_prefix_decode(val.p, val.n, &epoch, ret, record);
}

static int put_row(struct vault *v, const struct gov_object *o, const struct buf *plain)
{
	uint8_t key[GOV_KEY];
	uint32_t slot;
	int r;

	if ((r = child_slot(v, o->prefix.serial, &slot)) != 0)
		return r;
	buf_reset(&v->seal);
	gov_prefix_put(&v->seal, &o->prefix);
	gov_key(o->prefix.type, o->id, key);
	if (!buf_ok(&v->seal))
		r = CV_ERR_NOMEM;
	else
		r = keys_gov_seal(v->keys, o->prefix.type, o->id, slot, plain->p, plain->n, &v->seal);
	if (r == 0)
		r = vault_put_hashed(v, STORE_GOV, key, sizeof(key), v->seal.p, v->seal.n);
	buf_reset(&v->seal);
	return r;
}

/* Room for one more undo, so that what follows cannot fail for want of it. */
static int undo_room(struct gov *g)
{
	struct gov_undo *undo;
	size_t cap = g->undo_cap != 0 ? 2 * g->undo_cap : 64;

	if (g->undos < g->undo_cap)
		return 0;
	if ((undo = realloc(g->undo, cap * sizeof(*undo))) == NULL)
		return CV_ERR_NOMEM;
	g->undo = undo;
	g->undo_cap = cap;
	return 0;
}

int gov_store(struct vault *v, struct gov_entry *e, const struct gov_object *o)
{
	struct gov *g = v->gov;
	struct gov_object copy = *o;
	struct gov_undo undo = { e, NULL, g->ids.n, g->places.n, g->owners.n };
	struct gov_held *h = NULL;
	int r;

	copy.prefix.epoch = keys_epoch(v->keys);
	buf_reset(&g->plain);
	if ((r = undo_room(g)) != 0 || (r = gov_object_encode(&copy, &g->plain)) != 0 ||
	    (r = held_new(&copy.prefix, copy.id, g->plain.p, g->plain.n, &h)) != 0 || (r = put_row(v, &copy, &g->plain)) != 0)
		goto out;
	if (e != NULL) {
		undo.before = e->held;
		e->held = h;
	} else if ((r = table_add(g, h, &undo.entry)) != 0) {
		map_cut(&g->ids, undo.ids);
		map_cut(&g->places, undo.places);
		map_cut(&g->owners, undo.owners);
		goto out;
	}
	h = NULL;	/* transferred */
	g->undo[g->undos++] = undo;
	v->call.mutating = true;
out:
	held_free(h);
	buf_reset(&g->plain);
	return r;
}

/* ---- undo ------------------------------------------------------------------------------------------------------------ */

static void undo_to(struct vault *v, size_t n)
{
	struct gov *g = v->gov;

	while (g->undos > n) {
		const struct gov_undo *u = &g->undo[--g->undos];

		held_free(u->entry->held);
		if (u->before != NULL) {
			u->entry->held = u->before;
			continue;
		}
		map_cut(&g->ids, u->ids);
		map_cut(&g->places, u->places);
		map_cut(&g->owners, u->owners);
		free(u->entry);
		g->n--;
	}
	if (g->sweep > g->n)
		g->sweep = 0;
}

void gov_commit(struct vault *v)
{
	if (v->gov == NULL)
		return;
	v->gov->committed = v->gov->undos;
	gov_policy_commit(v);
	gov_operation_commit(v);
}

void gov_rollback(struct vault *v)
{
	if (v->gov == NULL)
		return;
	undo_to(v, v->gov->committed);
	gov_policy_rollback(v, false);
	gov_operation_rollback(v);
}

void gov_turn_done(struct vault *v, bool durable)
{
	struct gov *g = v->gov;

	if (g == NULL)
		return;
	if (durable)
		undo_to(v, g->committed);	/* of a request that nobody ended */
	else
		undo_to(v, 0);
	gov_policy_rollback(v, !durable);
	for (size_t i = 0; i < g->undos; i++)
		held_free(g->undo[i].before);
	g->undos = g->committed = 0;
	gov_policy_done(v);
	gov_operation_turn_done(v, durable);
}

/* ---- loading ---------------------------------------------------------------------------------------------------------- */

struct loading {
	struct vault *v;
	uint16_t type;
};

/* The scan's rows stay where they are while child_slot reads. */
static int load_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	const struct loading *x = cookie;
	struct gov *g = x->v->gov;
	struct gov_prefix prefix;
	struct gov_held *h = NULL;
	struct gov_entry *e;
	uint32_t slot;
	int r;

	if (key_n != GOV_KEY || (r = gov_prefix_decode(val, val_n, &prefix)) != 0 || prefix.type != x->type)
		return CV_ERR_FORMAT;
	buf_reset(&g->plain);
	if ((r = child_slot(x->v, prefix.serial, &slot)) == 0 &&
	    (r = keys_gov_open(x->v->keys, x->type, key + 2, slot, val + GOV_PREFIX, val_n - GOV_PREFIX, &g->plain)) == 0 &&
	    (r = held_new(&prefix, key + 2, g->plain.p, g->plain.n, &h)) == 0)
		r = table_add(g, h, &e);
	if (r != 0)
		held_free(h);
	return r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r;
}

static int by_making(const void *a, const void *b)
{
	const struct gov_object *x = &(*(struct gov_entry *const *)a)->held->o, *y = &(*(struct gov_entry *const *)b)->held->o;

	if (x->created_ms != y->created_ms)
		return x->created_ms < y->created_ms ? -1 : 1;
	return memcmp(x->id, y->id, 16);
}

int gov_load(struct vault *v)
{
	struct loading x = { .v = v };
	uint8_t prefix[2];
	int r = 0;

	if ((v->gov = calloc(1, sizeof(*v->gov))) == NULL)
		return CV_ERR_NOMEM;
	buf_init(&v->gov->plain, 1u << 20);
	buf_init(&v->gov->list, 1u << 20);
	buf_init(&v->gov->shares, 16384);	/* as many rows as a ceremony has roles */
	for (size_t i = 0; r == 0 && i < sizeof(types) / sizeof(types[0]); i++) {
		x.type = types[i];
		be16_put(prefix, x.type);
		if ((r = store_scan(v->store, STORE_GOV, prefix, sizeof(prefix), NULL, 0, false, 0, load_row, &x)) != 0)
			log_error("a governance row of type %u: %s", x.type, cv_strerror(r));
	}
	buf_reset(&v->gov->plain);
	if (r == 0 && v->gov->n > 0)
		qsort(v->gov->all, v->gov->n, sizeof(v->gov->all[0]), by_making);
	if (r == 0)
		r = gov_months_check(v);
	return r;
}

void gov_unload(struct vault *v)
{
	struct gov *g = v->gov;

	if (g == NULL)
		return;
	gov_turn_done(v, false);
	gov_ceremonies_sweep(v, 0, true);
	for (size_t i = 0; i < g->n; i++) {
		held_free(g->all[i]->held);
		free(g->all[i]);
	}
	free(g->all);
	map_free(&g->ids);
	map_free(&g->places);
	map_free(&g->owners);
	free(g->undo);
	free(g->policies);
	buf_free(&g->plain);
	buf_free(&g->list);
	buf_free(&g->shares);
	free(g);
	v->gov = NULL;
}

enum gov_state gov_state_on(const struct gov_object *o, int32_t today)
{
	enum gov_state s = o->prefix.state;
	/* A split that was allowed and not made is allowed no more. */
	bool holds = s == GOV_ACTIVE || s == GOV_PENDING || (s == GOV_APPROVED && o->kind == GOV_KIND_SPLIT);

	/* Windows and counts are made anew in place; an intake waits until somebody settles it. */
	if (o->prefix.type == GOV_WINDOW || o->prefix.type == GOV_SEARCHES || o->prefix.type == GOV_INTAKE)
		return s;
	return holds && gov_over(o, today) ? GOV_EXPIRED : s;
}

/* ---- expiry ------------------------------------------------------------------------------------------------------------ */

#define UPKEEP_EXPIRED 4
#define SWEEP_LOOK 2048u	/* objects looked at in one tick */
#define SWEEP_TAKE 64u		/* rows written in one tick */
#define SWEEP_EVERY_MS 60000u

/* Whether the row of an object is to be written anew: it is over, or its reads are used and its keys still stand. */
static bool sweep_wants(const struct gov_object *o, int32_t today)
{
	if (o->prefix.state == GOV_USED)
		return o->keys.n > 0;
	return o->prefix.state != GOV_EXPIRED && gov_state_on(o, today) == GOV_EXPIRED;
}

/* One object that is over: its row says so from now on. Keys that nobody may use and documents that nobody can approve go. */
static int expire(struct vault *v, struct gov_entry *e)
{
	struct gov_object o = e->held->o;

	if (o.prefix.state != GOV_USED)
		o.prefix.state = GOV_EXPIRED;
	o.keys.n = o.document.n = 0;
	return gov_store(v, e, &o);
}

void gov_tick(struct vault *v, uint64_t now_ms)
{
	struct gov *g = v->gov;
	int32_t today = (int32_t)(now_ms / (24u * 3600 * 1000));
	struct gov_entry *due[SWEEP_TAKE];
	uint8_t body[5] = { UPKEEP_EXPIRED };
	unsigned n = 0;
	int r = 0;

	if (g == NULL)
		return;
	gov_ceremonies_sweep(v, clock_mono_ms(), false);
	if (now_ms < g->next_sweep_ms)
		return;
	for (unsigned looked = 0; looked < SWEEP_LOOK && n < SWEEP_TAKE && g->sweep < g->n; looked++) {
		struct gov_entry *e = g->all[g->sweep++];

		if (sweep_wants(&e->held->o, today))
			due[n++] = e;
	}
	if (g->sweep == g->n) {
		g->sweep = 0;
		g->next_sweep_ms = now_ms + SWEEP_EVERY_MS;
	}
	if (n == 0 || vault_turn_begin(v) != 0)
		return;
	for (unsigned i = 0; r == 0 && i < n; i++)
		r = expire(v, due[i]);
	be32_put(body + 1, n);
	if (r == 0)
		r = vault_system_leaf(v, LEAF_MERGE, body, sizeof(body), true, now_ms);
	if (r == 0) {
		store_commit(v->store);
		gov_commit(v);
	} else {
		store_rollback(v->store);
		gov_rollback(v);
		vault_undo(v, &v->call_saved);
	}
	if ((r = vault_turn_end(v)) != 0)
		log_warn("what has expired is not marked yet: %s", cv_strerror(r));
}

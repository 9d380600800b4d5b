/*
 * The overlay: for each key with a pending put or delete, where its newest one stands.
 *
 * Two halves. Puts go into the young one; the old one holds what the apply thread is at work on, and goes as a whole once all
 * of that is in LMDB, so nobody takes keys out one by one. Within a half the only thing that is ever taken out is the newest node.
 *
 * Values are not copied: a node names a block and an offset in it. Of the key it holds the first 24 bytes, which is all of nearly
 * all keys, so that finding and comparing hardly ever touch a block. The hash finds a key at once. The treap of each table keeps its keys
 * in order for scans; a node waits outside of it until a scan asks, since some tables are never scanned. A treap needs
 * random priorities: the seeded hash is one.
 */
#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/error.h"
#include "store/store_internal.h"

#define NODES_FIRST 1024u
#define UNDO_FIRST 256u
#define HELD (8u * NODE_HELD)	/* bytes of a key that its node holds */
#define WAIT_MAX 8192u		/* nodes of a table that wait for a scan: what that scan has to catch up on, about 2 ms */

/* A key as it is looked for. */
struct probe {
	const uint8_t *key;
	size_t n;
	uint64_t held[NODE_HELD];	/* as a node's */
	uint32_t hash;
	uint8_t table;
};

int key_cmp(const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n)
{
	size_t n = a_n < b_n ? a_n : b_n;
	int c = n > 0 ? memcmp(a, b, n) : 0;

	if (c != 0)
		return c;
	return a_n < b_n ? -1 : a_n > b_n;
}

uint64_t key_word(const uint8_t *key, size_t n, size_t at)
{
	uint64_t w = 0;

	if (n >= at + 8)
		return be64_get(key + at);
	for (size_t i = at; i < n; i++)
		w |= (uint64_t)key[i] << (56 - 8 * (i - at));
	return w;
}

static uint64_t mix(uint64_t h, uint64_t w)
{
	h = (h ^ w) * 0x9e3779b97f4a7c15u;
	return h ^ (h >> 29);
}

static void probe_set(struct probe *p, uint8_t t, const uint8_t *key, size_t n)
{
	p->key = key;
	p->n = n;
	p->table = t;
	for (unsigned i = 0; i < NODE_HELD; i++)
		p->held[i] = key_word(key, n, 8u * i);
}

static void probe_hash(struct probe *p, const struct overlay *o)
{
	uint64_t h = o->seed ^ ((uint64_t)p->table << 56) ^ p->n;

	for (unsigned i = 0; i < NODE_HELD; i++)
		h = mix(h, p->held[i]);
	for (size_t at = HELD; at < p->n; at += 8)
		h = mix(h, key_word(p->key, p->n, at));
	p->hash = (uint32_t)(mix(h, o->seed) >> 32);
}

void node_item(const struct node *nd, struct item *ret)
{
	const uint8_t *p = nd->blk->p + nd->off;

	ret->op = nd->op;
	ret->table = nd->table;
	ret->key_n = nd->key_n;
	ret->key = p + (nd->op == ITEM_PUT ? ITEM_PUT_HEAD : ITEM_DEL_HEAD);
	ret->val_n = nd->val_n;
	ret->val = nd->op == ITEM_PUT ? ret->key + nd->key_n : NULL;
}

static int probe_cmp(const struct probe *p, const struct node *nd)
{
	struct item it;

	for (int i = 0; i < NODE_HELD; i++) {
		if (p->held[i] != nd->held[i])
			return p->held[i] < nd->held[i] ? -1 : 1;
	}
	if (p->n > HELD && nd->key_n > HELD) {
		node_item(nd, &it);
		return key_cmp(p->key + HELD, p->n - HELD, it.key + HELD, it.key_n - HELD);
	}
	/* The shorter one is all there, and behind it the longer one has nothing but zeros or what is not held. */
	return p->n < nd->key_n ? -1 : p->n > nd->key_n;
}

static int node_cmp(const struct node *a, const struct node *b)
{
	struct probe p = { .n = a->key_n };
	struct item it;

	memcpy(p.held, a->held, sizeof(p.held));
	if (a->key_n > HELD) {
		node_item(a, &it);
		p.key = it.key;
	}
	return probe_cmp(&p, b);
}

/* ---- the hash ------------------------------------------------------------------------------------------------- */

/* The slot that holds the key, or the empty one where it would go. */
static uint32_t slot_find(const struct half *h, const struct probe *p)
{
	uint32_t at = p->hash & h->slot_mask;

	for (; h->slots[at] != 0; at = (at + 1) & h->slot_mask) {
		const struct node *nd = &h->nodes[h->slots[at]];

		if (nd->hash == p->hash && nd->table == p->table && nd->key_n == p->n && probe_cmp(p, nd) == 0)
			break;
	}
	return at;
}

/* Double nodes and slots. The slots fill up in the order of the nodes, as they did before. */
static int grow(struct half *h)
{
	uint32_t cap = h->cap * 2, mask = cap * 2 - 1;
	struct node *nodes = malloc(cap * sizeof(*nodes));
	uint32_t *slots = calloc((size_t)mask + 1, sizeof(*slots));

	if (nodes == NULL || slots == NULL || cap > UINT32_MAX / 4) {
		free(nodes);
		free(slots);
		return CV_ERR_NOMEM;
	}
	memcpy(nodes, h->nodes, h->used * sizeof(*nodes));
	for (uint32_t x = 1; x < h->used; x++) {
		uint32_t at;

		for (at = nodes[x].hash & mask; slots[at] != 0; at = (at + 1) & mask)
			continue;
		slots[at] = x;
	}
	free(h->nodes);
	free(h->slots);
	h->nodes = nodes;
	h->slots = slots;
	h->cap = cap;
	h->slot_mask = mask;
	return 0;
}

/* ---- the treaps ----------------------------------------------------------------------------------------------- */

static void tree_insert(struct half *h, uint32_t x)
{
	struct node *nd = h->nodes, *nx = &nd[x];
	uint32_t *link = &h->root[nx->table], *l = &nx->left, *r = &nx->right, t;

	nx->prev = nx->next = 0;
	while (*link != 0 && nd[*link].hash >= nx->hash) {
		t = *link;
		if (node_cmp(nx, &nd[t]) < 0) {
			nx->next = t;
			link = &nd[t].left;
		} else {
			nx->prev = t;
			link = &nd[t].right;
		}
	}
	/* What stood here is split into the keys below and above x; the last one seen on each side is its neighbour. */
	for (t = *link; t != 0;) {
		if (node_cmp(&nd[t], nx) < 0) {
			nx->prev = *l = t;
			l = &nd[t].right;
			t = *l;
		} else {
			nx->next = *r = t;
			r = &nd[t].left;
			t = *r;
		}
	}
	*l = *r = 0;
	*link = x;
	nd[nx->prev].next = x;	/* node 0 takes what has no neighbour */
	nd[nx->next].prev = x;
}

static void tree_remove(struct half *h, uint32_t x)
{
	struct node *nd = h->nodes;
	uint32_t *link = &h->root[nd[x].table], l = nd[x].left, r = nd[x].right;

	while (*link != x)
		link = node_cmp(&nd[x], &nd[*link]) < 0 ? &nd[*link].left : &nd[*link].right;
	while (l != 0 && r != 0) {
		if (nd[l].hash >= nd[r].hash) {
			*link = l;
			link = &nd[l].right;
			l = *link;
		} else {
			*link = r;
			link = &nd[r].left;
			r = *link;
		}
	}
	*link = l != 0 ? l : r;
	nd[nd[x].prev].next = nd[x].next;
	nd[nd[x].next].prev = nd[x].prev;
}

/* Put the nodes of a table that wait into its tree. */
static void tree_catch_up(struct half *h, uint8_t t)
{
	uint32_t x;

	while ((x = h->wait[t]) != 0) {
		h->wait[t] = h->nodes[x].left;
		tree_insert(h, x);
	}
	h->wait_n[t] = 0;
}

static uint32_t half_seek(const struct half *h, enum seek how, const struct probe *p)
{
	bool up = how == SEEK_GE || how == SEEK_GT || how == SEEK_FIRST;
	uint32_t at = h->root[p->table], best = 0;

	while (at != 0) {
		const struct node *nd = &h->nodes[at];
		int c = how == SEEK_FIRST ? -1 : how == SEEK_LAST ? 1 : probe_cmp(p, nd);
		bool fits = up ? c < 0 || (c == 0 && how == SEEK_GE) : c > 0 || (c == 0 && how == SEEK_LE);

		if (fits)
			best = at;
		at = up == fits ? nd->left : nd->right;
	}
	return best;
}

/* ---- scans ---------------------------------------------------------------------------------------------------- */

/* Which half's node comes first: 0 or 1, 2 for both since they have the same key, -1 if there is none. */
static int cursor_first(const struct overlay *o, const struct overlay_cursor *c)
{
	int d;

	if (c->at[0] == 0 || c->at[1] == 0)
		return c->at[0] != 0 ? 0 : c->at[1] != 0 ? 1 : -1;
	d = node_cmp(&o->half[0].nodes[c->at[0]], &o->half[1].nodes[c->at[1]]);
	if (d == 0)
		return 2;
	return (d < 0) != c->reverse ? 0 : 1;
}

bool overlay_item(const struct overlay *o, const struct overlay_cursor *c, struct item *ret)
{
	int first = cursor_first(o, c);
	unsigned int h = first == 2 ? o->young : (unsigned int)first;

	if (first < 0)
		return false;
	node_item(&o->half[h].nodes[c->at[h]], ret);
	return true;
}

void overlay_step(const struct overlay *o, struct overlay_cursor *c)
{
	int first = cursor_first(o, c);

	for (int h = 0; h < 2; h++) {
		const struct node *nd = &o->half[h].nodes[c->at[h]];

		if (first == h || first == 2)
			c->at[h] = c->reverse ? nd->prev : nd->next;
	}
}

void overlay_seek(struct overlay *o, uint8_t t, enum seek how, const uint8_t *key, size_t n, struct overlay_cursor *ret)
{
	struct probe p;

	probe_set(&p, t, key, n);
	ret->reverse = how == SEEK_LE || how == SEEK_LT || how == SEEK_LAST;
	for (int h = 0; h < 2; h++) {
		tree_catch_up(&o->half[h], t);
		ret->at[h] = half_seek(&o->half[h], how, &p);
	}
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

static int half_init(struct half *h)
{
	h->nodes = calloc(NODES_FIRST, sizeof(*h->nodes));
	h->slots = calloc(NODES_FIRST * 2, sizeof(*h->slots));
	h->cap = NODES_FIRST;
	h->slot_mask = NODES_FIRST * 2 - 1;
	h->used = 1;
	return h->nodes != NULL && h->slots != NULL ? 0 : CV_ERR_NOMEM;
}

static void half_clear(struct half *h)
{
	if (h->used > 1)
		memset(h->slots, 0, ((size_t)h->slot_mask + 1) * sizeof(*h->slots));
	memset(h->root, 0, sizeof(h->root));
	memset(h->wait, 0, sizeof(h->wait));
	memset(h->wait_n, 0, sizeof(h->wait_n));
	h->used = 1;
}

int overlay_init(struct overlay *o)
{
	memset(o, 0, sizeof(*o));
	o->undo = malloc(UNDO_FIRST * sizeof(*o->undo));
	o->undo_cap = UNDO_FIRST;
	if (half_init(&o->half[0]) != 0 || half_init(&o->half[1]) != 0 || o->undo == NULL)
		return CV_ERR_NOMEM;
	/* Without a seed the overlay still works, slower for whoever chooses keys to make it so. */
	if (getrandom(&o->seed, sizeof(o->seed), 0) != (ssize_t)sizeof(o->seed))
		o->seed = (uint64_t)(uintptr_t)o->undo;
	return 0;
}

void overlay_free(struct overlay *o)
{
	for (int h = 0; h < 2; h++) {
		free(o->half[h].nodes);
		free(o->half[h].slots);
	}
	free(o->undo);
	memset(o, 0, sizeof(*o));
}

void overlay_clear(struct overlay *o)
{
	half_clear(&o->half[0]);
	half_clear(&o->half[1]);
	o->undo_n = 0;
}

const struct half *overlay_freeze(struct overlay *o)
{
	o->young ^= 1;
	assert(o->half[o->young].used == 1 && o->undo_n == 0);
	return &o->half[o->young ^ 1];
}

size_t overlay_young(const struct overlay *o)
{
	return o->half[o->young].used - 1;
}

void overlay_drop_old(struct overlay *o)
{
	half_clear(&o->half[o->young ^ 1]);
}

static int undo_reserve(struct overlay *o)
{
	struct undo *u;

	if (o->undo_n < o->undo_cap)
		return 0;
	u = malloc(o->undo_cap * 2 * sizeof(*u));
	if (u == NULL)
		return CV_ERR_NOMEM;
	memcpy(u, o->undo, o->undo_n * sizeof(*u));
	free(o->undo);
	o->undo = u;
	o->undo_cap *= 2;
	return 0;
}

int overlay_put(struct overlay *o, struct block *blk, uint32_t off)
{
	struct half *h = &o->half[o->young];
	struct probe p;
	struct node *nd;
	struct item it;
	uint32_t at, x;

	if (undo_reserve(o) != 0 || (h->used == h->cap && grow(h) != 0))
		return CV_ERR_NOMEM;
	(void)item_read(blk->p + off, &it);
	probe_set(&p, it.table, it.key, it.key_n);
	probe_hash(&p, o);
	at = slot_find(h, &p);
	x = h->slots[at];
	if (x != 0) {
		nd = &h->nodes[x];
		o->undo[o->undo_n++] = (struct undo){ nd->blk, nd->off, nd->val_n, x, nd->op };
		nd->blk = blk;
		nd->off = off;
		nd->val_n = it.val_n;
		nd->op = it.op;
		return 0;
	}
	x = h->used++;
	h->nodes[x] = (struct node){ .blk = blk, .held = { p.held[0], p.held[1], p.held[2] }, .off = off, .hash = p.hash,
		.val_n = it.val_n, .table = it.table, .key_n = it.key_n, .op = it.op };
	h->slots[at] = x;
	o->undo[o->undo_n++] = (struct undo){ .node = x };
	if (h->wait_n[it.table] == WAIT_MAX) {
		tree_insert(h, x);
		return 0;
	}
	h->nodes[x].left = h->wait[it.table];
	h->wait[it.table] = x;
	h->wait_n[it.table]++;
	return 0;
}

static bool half_get(const struct half *h, const struct probe *p, struct item *ret)
{
	uint32_t x = h->slots[slot_find(h, p)];

	if (x != 0)
		node_item(&h->nodes[x], ret);
	return x != 0;
}

bool overlay_get(const struct overlay *o, uint8_t t, const uint8_t *key, size_t n, struct item *ret)
{
	const struct half *young = &o->half[o->young], *old = &o->half[o->young ^ 1];
	struct probe p;

	if (young->used == 1 && old->used == 1)
		return false;
	probe_set(&p, t, key, n);
	probe_hash(&p, o);
	return half_get(young, &p, ret) || half_get(old, &p, ret);
}

/* Take out the newest node: what the hash holds beside it got its slot before it did. */
static void newest_remove(struct half *h)
{
	uint32_t x = h->used - 1, at;
	const struct node *nd = &h->nodes[x];

	if (h->wait[nd->table] == x) {
		h->wait[nd->table] = nd->left;
		h->wait_n[nd->table]--;
	} else {
		tree_remove(h, x);
	}
	for (at = nd->hash & h->slot_mask; h->slots[at] != x; at = (at + 1) & h->slot_mask)
		continue;
	h->slots[at] = 0;
	h->used--;
}

void overlay_undo(struct overlay *o, size_t to)
{
	struct half *h = &o->half[o->young];

	while (o->undo_n > to) {
		const struct undo *u = &o->undo[--o->undo_n];

		if (u->blk == NULL) {
			assert(u->node == h->used - 1);
			newest_remove(h);
			continue;
		}
		h->nodes[u->node].blk = u->blk;
		h->nodes[u->node].off = u->off;
		h->nodes[u->node].val_n = u->val_n;
		h->nodes[u->node].op = u->op;
	}
}

/*
 * The overlay: for each key with a pending put or delete, where its newest one stands.
 *
 * Keys and values are not copied; a node names a block and an offset in it. The hash finds a key at once; the treap of
 * each table keeps its keys in order for scans. A treap needs random priorities: the seeded hash is one.
 */
#include <stdlib.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/error.h"
#include "store/store_internal.h"

#define NODES_FIRST 1024u
#define UNDO_FIRST 256u

int key_cmp(const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n)
{
	size_t n = a_n < b_n ? a_n : b_n;
	int c = n > 0 ? memcmp(a, b, n) : 0;

	if (c != 0)
		return c;
	return a_n < b_n ? -1 : a_n > b_n;
}

static uint64_t mix(uint64_t h, uint64_t w)
{
	h = (h ^ w) * 0x9e3779b97f4a7c15u;
	return h ^ (h >> 29);
}

static uint32_t key_hash(const struct overlay *o, uint8_t t, const uint8_t *key, size_t n)
{
	uint64_t h = o->seed ^ ((uint64_t)t << 56) ^ n, w;

	for (; n >= 8; n -= 8, key += 8) {
		memcpy(&w, key, 8);
		h = mix(h, w);
	}
	w = 0;
	memcpy(&w, key, n);
	h = mix(mix(h, w), o->seed);
	return (uint32_t)(h >> 32);
}

static uint64_t key_prefix(const uint8_t *key, size_t n)
{
	uint8_t b[8] = { 0 };

	if (n >= 8)
		return be64_get(key);
	memcpy(b, key, n);
	return be64_get(b);
}

static void node_item(const struct node *nd, struct item *ret)
{
	(void)item_read(nd->blk->p + nd->off, ret);
}

static int key_cmp_node(uint64_t prefix, const uint8_t *key, size_t n, const struct node *nd)
{
	struct item it;

	if (prefix != nd->prefix)
		return prefix < nd->prefix ? -1 : 1;
	node_item(nd, &it);
	return key_cmp(key, n, it.key, it.key_n);
}

/* ---- the hash ------------------------------------------------------------------------------------------------- */

/* The slot that holds the key, or the empty one where it would go. */
static uint32_t slot_find(const struct overlay *o, uint8_t t, const uint8_t *key, size_t n, uint32_t hash)
{
	uint32_t at = hash & o->slot_mask;
	struct item it;

	for (; o->slots[at] != 0; at = (at + 1) & o->slot_mask) {
		const struct node *nd = &o->nodes[o->slots[at]];

		if (nd->hash != hash)
			continue;
		node_item(nd, &it);
		if (it.table == t && it.key_n == n && memcmp(it.key, key, n) == 0)
			break;
	}
	return at;
}

/* Empty a slot, and move back the nodes behind it that would no longer be found. */
static void slot_clear(struct overlay *o, uint32_t at)
{
	uint32_t next = at;

	for (;;) {
		uint32_t home;

		next = (next + 1) & o->slot_mask;
		if (o->slots[next] == 0)
			break;
		home = o->nodes[o->slots[next]].hash & o->slot_mask;
		if (((next - home) & o->slot_mask) >= ((next - at) & o->slot_mask)) {
			o->slots[at] = o->slots[next];
			at = next;
		}
	}
	o->slots[at] = 0;
}

/* Double nodes and slots. */
static int grow(struct overlay *o)
{
	uint32_t cap = o->node_cap * 2, mask = cap * 2 - 1;
	struct node *nodes = malloc(cap * sizeof(*nodes));
	uint32_t *slots = calloc((size_t)mask + 1, sizeof(*slots));

	if (nodes == NULL || slots == NULL || cap > UINT32_MAX / 4) {
		free(nodes);
		free(slots);
		return CV_ERR_NOMEM;
	}
	memcpy(nodes, o->nodes, o->node_used * sizeof(*nodes));
	for (uint32_t i = 0; i <= o->slot_mask; i++) {
		uint32_t at;

		if (o->slots[i] == 0)
			continue;
		for (at = nodes[o->slots[i]].hash & mask; slots[at] != 0; at = (at + 1) & mask)
			continue;
		slots[at] = o->slots[i];
	}
	free(o->nodes);
	free(o->slots);
	o->nodes = nodes;
	o->slots = slots;
	o->node_cap = cap;
	o->slot_mask = mask;
	return 0;
}

/* ---- the treaps ----------------------------------------------------------------------------------------------- */

static int node_cmp(const struct overlay *o, uint32_t a, uint32_t b)
{
	struct item it;

	node_item(&o->nodes[a], &it);
	return key_cmp_node(o->nodes[a].prefix, it.key, it.key_n, &o->nodes[b]);
}

static void tree_insert(struct overlay *o, uint32_t *link, uint32_t x)
{
	struct node *nx = &o->nodes[x];
	uint32_t *l = &nx->left, *r = &nx->right, t;

	while (*link != 0 && o->nodes[*link].hash >= nx->hash)
		link = node_cmp(o, x, *link) < 0 ? &o->nodes[*link].left : &o->nodes[*link].right;
	/* What stood here is split into the keys below and above x. */
	for (t = *link; t != 0;) {
		if (node_cmp(o, t, x) < 0) {
			*l = t;
			l = &o->nodes[t].right;
			t = *l;
		} else {
			*r = t;
			r = &o->nodes[t].left;
			t = *r;
		}
	}
	*l = *r = 0;
	*link = x;
}

static void tree_remove(struct overlay *o, uint32_t *link, uint32_t x)
{
	uint32_t l = o->nodes[x].left, r = o->nodes[x].right;

	while (*link != x)
		link = node_cmp(o, x, *link) < 0 ? &o->nodes[*link].left : &o->nodes[*link].right;
	while (l != 0 && r != 0) {
		if (o->nodes[l].hash >= o->nodes[r].hash) {
			*link = l;
			link = &o->nodes[l].right;
			l = *link;
		} else {
			*link = r;
			link = &o->nodes[r].left;
			r = *link;
		}
	}
	*link = l != 0 ? l : r;
}

bool overlay_seek(const struct overlay *o, uint8_t t, enum seek how, const uint8_t *key, size_t n, struct item *ret)
{
	bool up = how == SEEK_GE || how == SEEK_GT || how == SEEK_FIRST;
	uint64_t prefix = how == SEEK_FIRST || how == SEEK_LAST ? 0 : key_prefix(key, n);
	uint32_t at = o->root[t], best = 0;

	while (at != 0) {
		const struct node *nd = &o->nodes[at];
		int c = how == SEEK_FIRST ? -1 : how == SEEK_LAST ? 1 : key_cmp_node(prefix, key, n, nd);
		bool fits = up ? c < 0 || (c == 0 && how == SEEK_GE) : c > 0 || (c == 0 && how == SEEK_LE);

		if (fits)
			best = at;
		at = up == fits ? nd->left : nd->right;
	}
	if (best == 0)
		return false;
	node_item(&o->nodes[best], ret);
	return true;
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

int overlay_init(struct overlay *o)
{
	memset(o, 0, sizeof(*o));
	o->nodes = malloc(NODES_FIRST * sizeof(*o->nodes));
	o->slots = calloc(NODES_FIRST * 2, sizeof(*o->slots));
	o->undo = malloc(UNDO_FIRST * sizeof(*o->undo));
	if (o->nodes == NULL || o->slots == NULL || o->undo == NULL)
		return CV_ERR_NOMEM;
	o->node_cap = NODES_FIRST;
	o->slot_mask = NODES_FIRST * 2 - 1;
	o->undo_cap = UNDO_FIRST;
	o->node_used = 1;
	/* Without a seed the overlay still works, slower for whoever chooses keys to make it so. */
	if (getrandom(&o->seed, sizeof(o->seed), 0) != (ssize_t)sizeof(o->seed))
		o->seed = (uint64_t)(uintptr_t)o->nodes;
	return 0;
}

void overlay_free(struct overlay *o)
{
	free(o->nodes);
	free(o->slots);
	free(o->undo);
	memset(o, 0, sizeof(*o));
}

void overlay_clear(struct overlay *o)
{
	if (o->count > 0)
		memset(o->slots, 0, ((size_t)o->slot_mask + 1) * sizeof(*o->slots));
	memset(o->root, 0, sizeof(o->root));
	o->node_used = 1;
	o->node_free = 0;
	o->count = 0;
	o->undo_n = 0;
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

static uint32_t node_take(struct overlay *o)
{
	uint32_t x = o->node_free;

	if (x == 0)
		return o->node_used++;
	o->node_free = o->nodes[x].left;
	return x;
}

int overlay_put(struct overlay *o, struct block *blk, uint32_t off)
{
	struct item it;
	uint32_t hash, at, x;

	if (undo_reserve(o) != 0 || (o->count + 1 >= o->node_cap && grow(o) != 0))
		return CV_ERR_NOMEM;
	(void)item_read(blk->p + off, &it);
	hash = key_hash(o, it.table, it.key, it.key_n);
	at = slot_find(o, it.table, it.key, it.key_n, hash);
	x = o->slots[at];
	if (x != 0) {
		struct node *nd = &o->nodes[x];

		o->undo[o->undo_n++] = (struct undo){ nd->blk, nd->off, x };
		nd->blk = blk;
		nd->off = off;
		return 0;
	}
	x = node_take(o);
	o->nodes[x] = (struct node){ blk, key_prefix(it.key, it.key_n), off, hash, 0, 0 };
	o->slots[at] = x;
	o->count++;
	tree_insert(o, &o->root[it.table], x);
	o->undo[o->undo_n++] = (struct undo){ NULL, 0, x };
	return 0;
}

bool overlay_get(const struct overlay *o, uint8_t t, const uint8_t *key, size_t n, struct item *ret)
{
	uint32_t at;

	if (o->root[t] == 0)
		return false;
	at = slot_find(o, t, key, n, key_hash(o, t, key, n));
	if (o->slots[at] == 0)
		return false;
	node_item(&o->nodes[o->slots[at]], ret);
	return true;
}

static void node_remove(struct overlay *o, uint32_t at)
{
	uint32_t x = o->slots[at];
	struct item it;

	node_item(&o->nodes[x], &it);
	tree_remove(o, &o->root[it.table], x);
	slot_clear(o, at);
	o->nodes[x].left = o->node_free;
	o->node_free = x;
	o->count--;
}

void overlay_undo(struct overlay *o, size_t to)
{
	while (o->undo_n > to) {
		const struct undo *u = &o->undo[--o->undo_n];
		struct node *nd = &o->nodes[u->node];
		uint32_t at;

		if (u->blk != NULL) {
			nd->blk = u->blk;
			nd->off = u->off;
			continue;
		}
		for (at = nd->hash & o->slot_mask; o->slots[at] != u->node; at = (at + 1) & o->slot_mask)
			continue;
		node_remove(o, at);
	}
}

void overlay_drop(struct overlay *o, const struct block *blk, uint32_t off)
{
	struct item it;
	uint32_t at, x;

	(void)item_read(blk->p + off, &it);
	at = slot_find(o, it.table, it.key, it.key_n, key_hash(o, it.table, it.key, it.key_n));
	x = o->slots[at];
	if (x != 0 && o->nodes[x].blk == blk && o->nodes[x].off == off)
		node_remove(o, at);
}

/* The leaves' own order: what each must follow on. Only leaves that are as the tree has them are looked at. */
#include <string.h>

#include "audit/verify.h"
#include "base/bytes.h"

#define NONE CHILDVAULT_AUDIT_NONE

/* A leaf that is not as the tree has it, or is not there. */
static void leaf_lost(struct verify *v)
{
	v->leaf.unsure = true;
	v->leaf.segment_unsure = true;
	epochs_lost(v);
}

static void check_epoch(struct verify *v, const struct leaf *l, const char *file)
{
	const struct leaf_state *was = &v->leaf;
	bool ok;

	if (l->index == 0)
		ok = l->epoch == 0;
	else if (was->unsure)
		ok = l->epoch >= was->epoch;
	else
		ok = l->epoch == was->epoch || (was->kind == LEAF_EPOCH && l->epoch == was->epoch + 1);
	if (!ok)
		found(v, CHILDVAULT_AUDIT_EPOCH_ORDER, true, file, l->index, NONE, l->epoch, NONE);
	if (l->kind == LEAF_EPOCH && (l->body_a_n != 8 || be32_get(l->body_a) != l->epoch || be32_get(l->body_a + 4) != l->epoch + 1))
		found(v, CHILDVAULT_AUDIT_FORMAT_BAD, true, file, l->index, NONE, NONE, NONE);
}

static void check_segment(struct verify *v, const struct leaf *l, const char *file)
{
	struct leaf_state *s = &v->leaf;

	if (l->kind == LEAF_SEGMENT) {
		s->has_segment = true;
		s->segment_unsure = false;
		memcpy(s->segment, l->segment, 16);
		s->turn = 0;
		return;
	}
	if ((l->flags & LEAF_CLEAR) != 0)
		return;
	if (s->has_segment && memcmp(s->segment, l->segment, 16) == 0 && l->turn >= s->turn)
		s->turn = l->turn;
	else if (!s->segment_unsure)
		found(v, CHILDVAULT_AUDIT_SEGMENT_UNKNOWN, true, file, l->index, NONE, NONE, NONE);
}

static void count_leaf(struct verify *v, const struct leaf *l)
{
	struct childvault_audit_summary *sum = v->sum;

	if (l->index == 0)
		sum->epoch_first = l->epoch;
	if (sum->first_ms == 0)
		sum->first_ms = l->time_ms;
	sum->epoch_last = l->epoch;
	sum->last_ms = l->time_ms;
	sum->kinds[l->kind < 31 ? l->kind : 31]++;
	if (l->state_hash != NULL) {
		sum->mutations++;
		sum->state_leaf = l->index;
		memcpy(sum->state, l->state_hash, sizeof(sum->state));
	}
}

/* A leaf whose bytes are those of the tree. */
static void check_leaf(struct verify *v, uint64_t index, const uint8_t *p, size_t n, const uint8_t hash[32], const char *file)
{
	struct leaf l;

	if (leaf_decode(p, n, &l) != 0) {
		found(v, CHILDVAULT_AUDIT_FORMAT_BAD, true, file, index, NONE, NONE, NONE);
		leaf_lost(v);
		return;
	}
	if (l.index != index)
		found(v, CHILDVAULT_AUDIT_INDEX_WRONG, true, file, index, NONE, NONE, NONE);
	l.index = index;
	check_epoch(v, &l, file);
	check_segment(v, &l, file);
	if (index > 0 && l.time_ms < v->leaf.time_ms && !v->leaf.unsure)
		found(v, CHILDVAULT_AUDIT_TIME_BACKWARDS, false, file, index, NONE, NONE, NONE);
	if (index == 0 || l.kind == LEAF_GENESIS)
		verify_genesis(v, &l, hash);
	else if (l.kind == LEAF_RESULT)
		verify_genesis_result(v, &l);
	epochs_leaf(v, &l, file);
	count_leaf(v, &l);
	v->leaf.epoch = l.epoch;
	v->leaf.kind = l.kind;
	v->leaf.time_ms = l.time_ms;
	v->leaf.unsure = false;
}

void verify_leaves(struct verify *v, const struct bundle *b, unsigned count, hashes believed, const char *file)
{
	for (unsigned i = 0; i < count; i++) {
		if (i < b->leaves && believed != NULL && memcmp(b->hash[i], believed[i], 32) == 0) {
			check_leaf(v, b->n * TILE_WIDTH + i, b->bytes.p + b->at[i] + 2, b->at[i + 1] - b->at[i] - 2u, b->hash[i], file);
		} else {
			leaf_lost(v);
			v->sum->missing++;
		}
	}
	verify_tags(v, b, count, believed);
}

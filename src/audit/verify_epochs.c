/*
 * The daily keys and the days, as the leaves tell of them. A signature of day e is worth something only if the log committed to the key of
 * that day before, in leaf 0 or in a later leaf of kind 20; and a day is worth something only if its end was not put off at will: who may
 * close many days together can let the keys of days that have passed lie about until then.
 */
#include <stdio.h>
#include <string.h>

#include "audit/audit_internal.h"
#include "audit/verify.h"
#include "base/bytes.h"

#define NONE CHILDVAULT_AUDIT_NONE
#define RESULT_GENESIS 1
#define START_UNSEALED 1

/* ---- keys --------------------------------------------------------------------------------------------------------------- */

/* n further keys of the list, which a leaf commits to by their root. */
static void commit(struct verify *v, const uint8_t want[32], uint32_t n)
{
	uint8_t root[32];

	if (v->epoch_n == 0)
		return;		/* found when it was read */
	if (n == 0 || n > v->epoch_n - v->committed) {
		found_file(v, CHILDVAULT_AUDIT_EPOCHS_CHANGED, "epochs");
		return;
	}
	merkle_root_over(v->epochs + (size_t)v->committed * 32, n, 32, root);
	if (memcmp(root, want, sizeof(root)) != 0)
		found_file(v, CHILDVAULT_AUDIT_EPOCHS_CHANGED, "epochs");
	v->committed += n;
}

void epochs_genesis(struct verify *v, const uint8_t root[32], uint32_t n)
{
	commit(v, root, n);
	v->sum->epochs = n;
}

static void renewed(struct verify *v, const struct leaf *l, const char *file)
{
	struct rd r = rd_over(l->body_a, l->body_a_n);
	uint32_t first, n;
	const uint8_t *root;

	(void)rd_u8(&r);
	first = rd_u32(&r);
	n = rd_u32(&r);
	root = rd_take(&r, 32);
	if (!rd_done(&r) || first != v->sum->epochs || n > UINT32_MAX - first) {
		found(v, CHILDVAULT_AUDIT_FORMAT_BAD, true, file, l->index, NONE, NONE, NONE);
		return;
	}
	commit(v, root, n);
	v->sum->epochs += n;
	v->sum->renewals++;
}

/* ---- days --------------------------------------------------------------------------------------------------------------- */

/* An operator has confirmed days: they begin with the present one. */
static void confirmed(struct verify *v, const struct leaf *l, const char *file)
{
	struct rd r = rd_over(l->body_a, l->body_a_n);
	uint32_t from, to;

	(void)rd_u8(&r);
	from = rd_u32(&r);
	to = rd_u32(&r);
	if (!rd_done(&r) || from != l->epoch || to <= from) {
		found(v, CHILDVAULT_AUDIT_FORMAT_BAD, true, file, l->index, NONE, NONE, NONE);
		return;
	}
	v->late.confirmed = true;
	v->late.to = to;
	v->sum->confirmed++;
}

/* Days between the one after the epoch that this leaf closes and the leaf's own time. */
static uint32_t late_by(const struct verify *v, const struct leaf *l)
{
	uint64_t day = l->time_ms / DAY_MS, due = (uint64_t)v->sum->first_day + l->epoch + 1;

	return day > due ? (uint32_t)(day - due) : 0;
}

/* The run of closings is over: l is the leaf behind it. A start may come after a year, a running log skips one day at most. */
static void judge_late(struct verify *v, const struct leaf *l)
{
	const struct late_days *d = &v->late;
	const uint8_t what = l->body_a_n > 0 ? l->body_a[0] : 0;
	const bool start = (l->flags & LEAF_CLEAR) != 0 &&
	    ((l->kind == LEAF_START && what == START_UNSEALED) || (l->kind == LEAF_RESULT && what == RESULT_GENESIS));
	const uint32_t allowed = (start ? AUDIT_START_DAYS : AUDIT_RUNNING_DAYS) - 1;

	if (d->most > allowed && !(d->confirmed && (uint64_t)d->epoch + d->most + 1 <= d->to))
		found(v, CHILDVAULT_AUDIT_EPOCH_SKIPPED, true, "", d->leaf, NONE, d->epoch, NONE);
}

void epochs_lost(struct verify *v)
{
	memset(&v->late, 0, sizeof(v->late));
}

void epochs_leaf(struct verify *v, const struct leaf *l, const char *file)
{
	const bool clear = (l->flags & LEAF_CLEAR) != 0 && l->body_a_n > 0;
	uint32_t late;

	if (l->kind == LEAF_EPOCH) {
		if (!v->sum->genesis || (late = late_by(v, l)) == 0)
			return;
		if (v->late.most == 0) {
			v->late.leaf = l->index;
			v->late.epoch = l->epoch;
		}
		if (late > v->late.most)
			v->late.most = late;
		return;
	}
	if (v->late.most > 0)
		judge_late(v, l);
	epochs_lost(v);
	if (l->kind != LEAF_FS_RENEW)
		return;
	if (clear && l->body_a[0] == FS_RENEW_KEYS)
		renewed(v, l, file);
	else if (clear && l->body_a[0] == FS_RENEW_CONFIRMED)
		confirmed(v, l, file);
	else
		found(v, CHILDVAULT_AUDIT_FORMAT_BAD, true, file, l->index, NONE, NONE, NONE);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------ */

/* Keys behind the last commitment, of a renewal that came to nothing or whose leaf is not signed yet. Nothing is accepted under them. */
static void judge_surplus(struct verify *v)
{
	if (v->committed > 0 && v->sum->missing == 0 && (v->epoch_n > v->committed || v->epochs_torn))
		found(v, CHILDVAULT_AUDIT_EPOCHS_AHEAD, false, "epochs", NONE, NONE, v->committed, NONE);
}

void epochs_conclude(struct verify *v)
{
	const uint32_t last = v->sum->epoch_last;
	const bool sure = !v->leaf.unsure, known = v->sum->genesis && v->sum->missing == 0;
	char path[24];

	judge_surplus(v);
	if (v->has_epoch_sig && ((sure && v->epoch_sig != last) || (known && v->epoch_sig >= v->committed)))
		found(v, CHILDVAULT_AUDIT_EPOCH_KEY_WRONG, true, "checkpoint", NONE, NONE, v->epoch_sig, NONE);
	for (uint32_t e = 0; e < v->epoch_n; e++) {
		(void)snprintf(path, sizeof(path), "seals/%06u", e);
		if (e < last && !v->seal_there[e])
			found(v, CHILDVAULT_AUDIT_SEAL_MISSING, true, path, NONE, NONE, e, NONE);
		else if (e > last && v->seal_there[e] && sure && v->has_checkpoint)
			found(v, CHILDVAULT_AUDIT_SEAL_ORDER, true, path, NONE, NONE, e, NONE);
		else if (e <= last && v->seal_there[e] && known && e >= v->committed)
			found(v, CHILDVAULT_AUDIT_EPOCH_KEY_WRONG, true, path, NONE, NONE, e, NONE);
	}
}

/*
 * From the journal's files to the state before the first turn: find the last block that is in LMDB, load those behind
 * it, decide what the end of the journal means. docs/FORMAT.md section 7 has the rules and why.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/store_internal.h"

/* Where replay stands. */
struct replay {
	struct store *s;
	uint64_t junk;		/* bytes of what is neither a block nor nothing, at the places of the next block */
	int junk_file;		/* the next file, if there is junk at its start; else -1 */
	bool clean;		/* the last block is a clean-stop mark */
	struct store_replay_report rep;
};

/* Whether b's MAC fits behind s->last_mac. */
static int mac_check(struct store *s, struct block *b)
{
	uint8_t mac[STORE_MAC], diff = 0;

	memcpy(b->prev, s->last_mac, STORE_MAC);
	s->o.hooks.mac(s->o.hooks.cookie, b->prev, b->p, b->n - BLOCK_TAIL, mac);
	for (size_t i = 0; i < STORE_MAC; i++)
		diff |= (uint8_t)(mac[i] ^ b->mac[i]);
	return diff == 0 ? 0 : CV_ERR_AUTH;
}

/* Stand behind b. */
static void stand(struct replay *rp, const struct block *b)
{
	struct store *s = rp->s;

	s->j.file = b->file;
	s->j.off = b->offset + b->n;
	s->j.f[b->file].last_seq = b->seq;
	s->j.f[b->file].leaves_end = b->first_leaf + b->leaves;
	s->next_seq = b->seq + 1;
	s->leaves = b->first_leaf + b->leaves;
	memcpy(s->last_mac, b->mac, STORE_MAC);
	rp->clean = (b->flags & BLOCK_CLEAN) != 0;
}

/*
 * Find the last applied block where LMDB says it is. It must be there, whole and the same: a journal whose applied part
 * was changed, put back or thrown away is not continued.
 */
static int find_applied(struct replay *rp)
{
	struct store *s = rp->s;
	const struct applied *a = &s->a.last;
	struct block *b = NULL;
	enum found found;
	uint64_t junk;
	int r;

	s->gone_seq = a->seq;
	if (a->n == 0 && a->seq == 0) {
		s->j.file = 0;
		s->j.off = JOURNAL_START;
		s->next_seq = 1;
		return 0;
	}
	if (a->file >= s->j.files || a->offset < JOURNAL_START || a->offset % 8 != 0 || a->offset > s->j.file_bytes)
		return CV_ERR_REPLAY;
	r = journal_look(&s->j, a->file, a->offset, a->seq, &found, &b, &junk);
	if (r != 0)
		return r;
	if (found != FOUND_BLOCK)
		return CV_ERR_REPLAY;
	r = block_check(b) != 0 || b->n != a->n || memcmp(b->mac, a->mac, STORE_MAC) != 0 ||
	    b->first_leaf + b->leaves != a->leaves ? CV_ERR_REPLAY : 0;
	memcpy(s->last_mac, a->prev, STORE_MAC);
	if (r == 0)
		r = mac_check(s, b);
	/*
	 * Files behind it hold blocks of earlier laps. Which leaves is not known without reading them: all applied
	 * ones is never too few, so the first checkpoint after the start frees them.
	 */
	for (uint32_t i = 0; i < s->j.files; i++) {
		s->j.f[i].last_seq = a->seq - 1;
		s->j.f[i].leaves_end = a->leaves;
	}
	if (r == 0)
		stand(rp, b);
	block_free(b);
	return r;
}

/* Load b as a block that waits to be applied. It is the store's on success. */
static int load(struct replay *rp, struct block *b)
{
	struct store *s = rp->s;
	size_t off = BLOCK_HEAD;
	uint8_t *leaves;
	struct item it;
	int r;

	/* A whole block under our MAC that is not in our form: written by a later version, or not the next one. */
	if (block_check(b) != 0 || b->seq != s->next_seq || b->first_leaf != s->leaves)
		return CV_ERR_REPLAY;
	if ((r = mac_check(s, b)) != 0)
		return r;
	for (uint32_t i = b->puts + b->leaves; i > 0; i--) {
		size_t n = item_read(b->p + off, &it);

		if (it.op != ITEM_LEAF && (r = overlay_put(&s->ov, b, (uint32_t)off)) != 0)
			return r;
		off += n;
	}
	s->ov.undo_n = 0;
	/* From here on its bytes are the file's, but those of the leaves. */
	if ((r = block_keep_leaves(b, &leaves, &b->own_n)) != 0)
		return r;
	free(b->own);
	b->own = leaves;
	b->p = journal_at(&s->j, b);
	stand(rp, b);
	rp->rep.blocks++;
	rp->rep.leaves += b->leaves;
	applier_push(s, b);
	return 0;
}

/* Look for the next block behind the last one and at the start of the next file. *ret is NULL if there is none. */
static int find_next(struct replay *rp, struct block **ret)
{
	struct journal *j = &rp->s->j;
	uint32_t file[2] = { j->file, (j->file + 1) % j->files };
	uint64_t off[2] = { j->off, JOURNAL_START };

	*ret = NULL;
	rp->junk = 0;
	rp->junk_file = -1;
	for (int i = 0; i < 2; i++) {
		enum found found;
		uint64_t junk = 0;
		int r = journal_look(j, file[i], off[i], rp->s->next_seq, &found, ret, &junk);

		if (r != 0 || found == FOUND_BLOCK)
			return r;
		if (found == FOUND_JUNK) {
			rp->junk += junk;
			rp->junk_file = i == 1 ? (int)file[1] : -1;
		}
	}
	return 0;
}

static int load_all(struct replay *rp)
{
	for (;;) {
		struct block *b;
		int r = find_next(rp, &b);

		if (r != 0 || b == NULL)
			return r;
		r = load(rp, b);
		if (r != 0) {
			overlay_clear(&rp->s->ov);	/* may name b */
			block_free(b);
			return r;
		}
	}
}

/* Back to what LMDB holds: a sealed store goes on reading that. */
static void unload(struct store *s)
{
	overlay_clear(&s->ov);
	applier_unload(s);
	s->leaves = s->a.last.leaves;
	memset(s->last_mac, 0, STORE_MAC);
}

/* No block is where the next one would be. Decide whether that is an end. */
static int judge_end(struct replay *rp)
{
	struct store *s = rp->s;
	bool later = false;
	int r;

	/*
	 * Closed on purpose and not opened since: whoever wrote the mark had synced zeros behind it, so there is nothing
	 * to be torn and nothing more to find.
	 */
	if (rp->clean && s->a.last.opened < s->next_seq)
		return rp->junk != 0 ? CV_ERR_REPLAY : 0;
	/* Only the last block may be bad: one of a later number means that this one had been durable. */
	r = journal_search(&s->j, s->next_seq, &later);
	if (r != 0 || later)
		return r != 0 ? r : CV_ERR_REPLAY;
	rp->rep.cut_bytes = rp->junk;
	s->j.cut_file = rp->junk_file;
	return 0;
}

/* Make what was found the firm ground of the next turns. */
static int settle(struct replay *rp)
{
	struct store *s = rp->s;
	struct applied row = s->a.last;
	int r = 0;

	/*
	 * The last block may come from a write whose sync had failed: then it is in the page cache and not on disk, and
	 * no later sync would write it. Writing it again does.
	 */
	if (s->a.tail != NULL)
		r = journal_rewrite(&s->j, s->a.tail);
	/* From here on a torn block behind the mark is the crash of a running store, not a changed end. */
	if (r == 0 && rp->clean && row.opened != s->next_seq) {
		row.opened = s->next_seq;
		r = tables_save_applied(&s->t, &row);
		if (r == 0)
			s->a.last = row;
	}
	return r;
}

int store_replay(struct store *s, struct store_replay_report *ret_report)
{
	struct replay rp = { .s = s, .junk_file = -1 };
	int r;

	if (s->replayed)
		return CV_ERR_STATE;
	if ((r = find_applied(&rp)) != 0 || (r = load_all(&rp)) != 0 || (r = judge_end(&rp)) != 0 || (r = settle(&rp)) != 0 ||
	    (r = applier_start(s)) != 0) {
		unload(s);
		return r;
	}
	rp.rep.clean = rp.clean && rp.rep.cut_bytes == 0;
	s->replayed = true;
	*ret_report = rp.rep;
	return 0;
}

/* audit: leaves, key segments, checkpoints, epochs, resuming after a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/context.h"
#include "format/note.h"
#include "store/files.h"
#include "unit/test_audit.h"

static const uint8_t child[32] = { 0x66, 1 }, other_child[32] = { 0x67, 1 };

/* A leaf read back: bytes and parts. */
struct got {
	struct buf b;
	struct leaf l;
};
static void get(struct fix *f, uint64_t index, struct got *ret)
{
	buf_init(&ret->b, 65536);
	assert_int_equal(audit_read_leaf(f->a, index, &ret->b), 0);
	assert_int_equal(leaf_decode(ret->b.p, ret->b.n, &ret->l), 0);
	assert_true(ret->l.index == index);
}

/* Open body A as an auditor does: from the segment leaf at index seg. 0 or CV_ERR_*. */
static int open_actor(struct fix *f, uint64_t seg, const struct leaf *l, unsigned auditor, struct leaf_actor *ret, int *ret_has,
    struct leaf_detail *ret_detail)
{
	static const uint8_t nonce[12];
	uint8_t key[32], input[28], plain[2048], ctx[96], id[16];
	struct got g;
	const uint8_t *sealed;
	uint32_t month;
	int r;

	get(f, seg, &g);
	assert_int_equal(g.l.kind, LEAF_SEGMENT);
	assert_memory_equal(g.l.segment, l->segment, 16);
	memset(id, (int)(0xA0 + auditor), 16);
	context_encode(&(struct context){ .kind = CONTEXT_SEGMENT, .vault = f->vault, .entity = g.l.segment, .writer = id,
		.epoch = f->months ? clock_month(g.l.time_ms) : 0, .length = 32 }, ctx);
	assert_int_equal(g.l.body_a_n, 1 + LEAF_SEGMENT_ENTRY * g.l.body_a[0]);
	if ((r = leaf_segment_copy(&g.l, id, &month, &sealed)) == 0) {
		assert_int_equal(month, f->months ? clock_month(g.l.time_ms) : 0);
		r = crypto_pkopen(f->auditor_sk[auditor], ctx, sealed, LEAF_SEGMENT_SEALED, key);
	}
	buf_free(&g.b);
	if (r != 0)
		return r;
	for (uint32_t t = 0; t < l->turn; t++)
		crypto_hash("cv1.seg.next", key, 32, NULL, 0, key, 32);
	memcpy(input, l->segment, 16);
	be32_put(input + 16, l->turn);
	be64_put(input + 20, l->index);
	crypto_hash_block("cv1.leaf.a", key, input, sizeof(input), key, 32);
	if ((r = crypto_cell_open(key, nonce, l->header, l->header_n, l->body_a, l->body_a_n, plain)) != 0)
		return r;
	return leaf_actor_decode(plain, l->body_a_n - 16u, ret, ret_has, ret_detail);
}

static void auditor_opens_body_a_and_child_key_opens_body_b(void **state)
{
	struct fix f;
	struct audit_entry e = fix_entry(child);
	struct leaf_actor actor;
	struct leaf_detail detail;
	struct got g;
	uint64_t at[3];
	int has;

	(void)state;
	fix_make(&f, NULL, 4);
	fix_genesis(&f);
	for (unsigned i = 0; i < 3; i++) {	/* three turns of one segment */
		assert_int_equal(fix_turn_begin(&f), 0);
		at[i] = fix_leaf(&f, &e);
		assert_int_equal(fix_turn_end(&f), 0);
	}
	fix_apply_all(&f);
	assert_true(at[0] == 3);	/* genesis, its result, the segment's leaf */
	for (unsigned i = 0; i < 3; i++) {
		get(&f, at[i], &g);
		assert_int_equal(g.l.turn, i);
		assert_int_equal(g.l.flags, LEAF_CHILD);
		for (unsigned auditor = 0; auditor < 2; auditor++) {
			assert_int_equal(open_actor(&f, 2, &g.l, auditor, &actor, &has, &detail), 0);
			assert_int_equal(has, 0);
			assert_memory_equal(&actor.principal, &e.actor.principal, 16);
			assert_int_equal(actor.pid, 4242);
			assert_true(actor.role == e.detail.role && actor.purpose == e.detail.purpose && actor.view == e.detail.view);
		}
		assert_int_equal(open_actor(&f, 2, &g.l, 2, &actor, &has, &detail), CV_ERR_NOTFOUND);
		assert_int_equal(audit_open_detail(&g.l, child, &detail), 0);
		assert_memory_equal(&detail, &e.detail, sizeof(detail));
		assert_int_equal(audit_open_detail(&g.l, other_child, &detail), CV_ERR_AUTH);
		buf_free(&g.b);
	}
	fix_free(&f);
}

static void leaf_without_child_carries_detail_in_body_a(void **state)
{
	struct fix f;
	struct audit_entry e = fix_entry(NULL);
	struct leaf_actor actor;
	struct leaf_detail detail;
	struct got g;
	uint64_t at;
	int has;

	(void)state;
	fix_make(&f, NULL, 4);
	assert_int_equal(fix_turn_begin(&f), 0);
	at = fix_leaf(&f, &e);
	memset(&e.detail, 0, sizeof(e.detail));
	(void)fix_leaf(&f, &e);
	assert_int_equal(fix_turn_end(&f), 0);
	fix_apply_all(&f);
	get(&f, at, &g);
	assert_int_equal(g.l.body_b_n, 0);
	assert_int_equal(open_actor(&f, 0, &g.l, 1, &actor, &has, &detail), 0);
	assert_int_equal(has, 1);
	assert_int_equal(detail.purpose, 9);
	assert_int_equal(audit_open_detail(&g.l, child, &detail), CV_ERR_FORMAT);
	buf_free(&g.b);
	get(&f, at + 1, &g);
	assert_int_equal(open_actor(&f, 0, &g.l, 1, &actor, &has, &detail), 0);
	assert_int_equal(has, 0);
	buf_free(&g.b);
	fix_free(&f);
}

/* FORMAT.md section 9, written out once more: a subject tag is found by whoever holds the log key, and by nobody else. */
static void subject_tag_is_the_childs_of_that_day(void **state)
{
	struct fix f;
	struct audit_entry e = fix_entry(child);
	uint8_t day[16], n[8], tag[16];
	struct got g;
	uint64_t at[2];

	(void)state;
	fix_make(&f, NULL, 4);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(fix_turn_begin(&f), 0);
		at[i] = fix_leaf(&f, &e);
		assert_int_equal(fix_turn_end(&f), 0);
		f.now_ms += FIX_DAY_MS;
	}
	fix_apply_all(&f);
	for (unsigned i = 0; i < 2; i++) {
		get(&f, at[i], &g);
		assert_int_equal(g.l.epoch, i);
		be32_put(n, i);
		crypto_hash_block("cv1.day", child, n, 4, day, 16);
		be64_put(n, at[i]);
		crypto_siphash128(day, n, 8, tag);
		assert_memory_equal(tag, g.l.subject_tag, 16);
		fix_actor_tag(&f, e.actor.principal, at[i], tag);
		assert_memory_equal(tag, g.l.actor_tag, 16);
		buf_free(&g.b);
	}
	fix_free(&f);
}

/* In body A a child has another name for each person and each day, and the same one all the day. */
static void child_of_the_day_counts_children_and_links_no_days(void **state)
{
	static const struct {
		const uint8_t *child;
		uint8_t person, day;
		unsigned same_as;
	} acts[] = {
		{ child, 1, 0, 0 }, { child, 1, 0, 0 }, { other_child, 1, 0, 2 }, { child, 2, 0, 3 }, { child, 1, 1, 4 }, { NULL, 1, 1, 5 }
	};
	enum { ACTS = sizeof(acts) / sizeof(acts[0]) };
	static const uint8_t none[8];
	struct leaf_actor actor[ACTS];
	struct leaf_detail detail;
	uint64_t at[ACTS], segment[ACTS];
	struct audit_entry e;
	struct got g;
	struct fix f;
	int has;

	(void)state;
	fix_make(&f, NULL, 4);
	for (unsigned i = 0; i < ACTS; i++) {
		if (i > 0 && acts[i].day != acts[i - 1].day)
			f.now_ms += FIX_DAY_MS;
		e = fix_entry(acts[i].child);
		e.actor.principal[0] = acts[i].person;
		assert_int_equal(fix_turn_begin(&f), 0);
		at[i] = fix_leaf(&f, &e);
		assert_int_equal(fix_turn_end(&f), 0);
		segment[i] = i == 0 || acts[i].day != acts[i - 1].day ? at[i] - 1 : segment[i - 1];
	}
	fix_apply_all(&f);
	for (unsigned i = 0; i < ACTS; i++) {
		get(&f, at[i], &g);
		assert_int_equal(open_actor(&f, segment[i], &g.l, 0, &actor[i], &has, &detail), 0);
		buf_free(&g.b);
		for (unsigned j = 0; j < i; j++)
			assert_true((memcmp(actor[i].child, actor[j].child, 8) == 0) == (acts[i].same_as == acts[j].same_as));
		assert_true((memcmp(actor[i].child, none, 8) == 0) == (acts[i].child == NULL));
	}
	fix_free(&f);
}

static void every_flipped_bit_of_a_leaf_closes_its_bodies(void **state)
{
	struct fix f;
	struct audit_entry e = fix_entry(child);
	struct leaf_actor actor;
	struct leaf_detail detail;
	struct got g;
	struct leaf l;
	uint64_t at;
	int has;

	(void)state;
	fix_make(&f, NULL, 4);
	e.state_hash = child;
	assert_int_equal(fix_turn_begin(&f), 0);
	at = fix_leaf(&f, &e);
	assert_int_equal(fix_turn_end(&f), 0);
	fix_apply_all(&f);
	get(&f, at, &g);
	assert_true((g.l.flags & LEAF_MUTATING) != 0);
	for (size_t bit = 0; bit < g.b.n * 8; bit++) {
		size_t byte = bit / 8;
		bool segment = byte >= 22 && byte < 38, turn = byte >= 38 && byte < 42;
		bool in_a, in_b, in_header;

		g.b.p[byte] ^= (uint8_t)(1u << (bit % 8));
		in_header = byte < g.l.header_n;
		in_a = g.b.p + byte >= g.l.body_a && g.b.p + byte < g.l.body_a + g.l.body_a_n;
		in_b = g.b.p + byte >= g.l.body_b;
		if (leaf_decode(g.b.p, g.b.n, &l) == 0) {
			/* An auditor finds no segment leaf for another id, and a high turn only costs hashes. */
			if ((in_header || in_a) && !segment && !(turn && byte < 40))
				assert_int_not_equal(open_actor(&f, 0, &l, 0, &actor, &has, &detail), 0);
			if (in_header || in_b)
				assert_int_not_equal(audit_open_detail(&l, child, &detail), 0);
		} else {
			assert_true(in_header || !in_a);	/* of body B, where its boxes part */
			assert_true(!in_b || g.b.p + byte == g.l.body_b + 32);
		}
		g.b.p[byte] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_int_equal(audit_open_detail(&g.l, child, &detail), 0);
	buf_free(&g.b);
	fix_free(&f);
}

/* ---- segments --------------------------------------------------------------------------------------------------------- */

/* One read in a turn of its own; returns how many leaves that took. */
static unsigned one_read(struct fix *f)
{
	uint64_t before = store_durable_leaves(f->s);

	fix_reads(f, 1, 1);
	return (unsigned)(store_durable_leaves(f->s) - before);
}

static void segment_ends_by_count_time_policy_and_failed_block(void **state)
{
	static const uint8_t policy[32] = { 1 };
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 4);
	assert_int_equal(one_read(&f), 2);
	assert_int_equal(one_read(&f), 1);
	f.now_ms += 10 * 60 * 1000;
	assert_int_equal(one_read(&f), 2);
	f.now_ms -= 3000;		/* a clock that goes back */
	assert_int_equal(one_read(&f), 2);
	audit_policy(f.a, policy);
	assert_int_equal(one_read(&f), 2);
	audit_turn_end(f.a, CV_ERR_FULL);
	assert_int_equal(one_read(&f), 2);
	fix_reads(&f, 4095, 200);
	assert_int_equal(one_read(&f), 2);
	fix_free(&f);
}

static void segment_ends_with_its_month_and_is_sealed_to_the_months_key(void **state)
{
	struct audit_entry e = fix_entry(child);
	const uint64_t november = clock_month_ms(202411);
	struct leaf_detail detail;
	struct leaf_actor actor;
	struct got g;
	struct fix f;
	uint64_t at;
	int has;

	(void)state;
	fix_make(&f, NULL, 40);
	f.months = true;
	f.now_ms = november - 4000;
	assert_int_equal(audit_confirm_days(f.a, f.s, f.now_ms), 0);
	(void)one_read(&f);
	assert_int_equal(one_read(&f), 1);
	f.now_ms = november - 1;
	assert_int_equal(one_read(&f), 1);
	f.now_ms = november;		/* the day ends as well, which ends no segment */
	assert_int_equal(fix_turn_begin(&f), 0);
	at = fix_leaf(&f, &e);
	assert_int_equal(fix_turn_end(&f), 0);
	fix_apply_all(&f);
	get(&f, at, &g);
	assert_int_equal(open_actor(&f, at - 1, &g.l, 0, &actor, &has, &detail), 0);
	assert_int_equal(open_actor(&f, at - 1, &g.l, 1, &actor, &has, &detail), 0);
	buf_free(&g.b);
	fix_free(&f);
}

static void rolled_back_segment_leaf_is_written_again(void **state)
{
	struct fix f;
	struct audit_entry e = fix_entry(child);
	struct leaf_actor actor;
	struct leaf_detail detail;
	struct got g;
	uint64_t index;
	int has;

	(void)state;
	fix_make(&f, NULL, 4);
	assert_int_equal(fix_turn_begin(&f), 0);
	assert_int_equal(audit_leaf(f.a, f.s, &e, f.now_ms, &index), 0);
	assert_true(index == 1);
	store_rollback(f.s);
	index = fix_leaf(&f, &e);
	assert_true(index == 1);
	assert_int_equal(fix_turn_end(&f), 0);
	fix_apply_all(&f);
	get(&f, 1, &g);
	assert_int_equal(open_actor(&f, 0, &g.l, 0, &actor, &has, &detail), 0);
	buf_free(&g.b);
	fix_free(&f);
}

static void index_used_again_after_rollback_gets_other_keys(void **state)
{
	struct fix f;
	struct audit_entry e = fix_entry(child);
	struct leaf_actor actor;
	struct leaf_detail detail;
	struct got g;
	uint64_t index;
	int has;

	(void)state;
	fix_make(&f, NULL, 4);
	assert_int_equal(fix_turn_begin(&f), 0);
	(void)fix_leaf(&f, &e);
	assert_int_equal(audit_leaf(f.a, f.s, &e, f.now_ms, &index), 0);
	assert_true(index == 2);
	store_rollback(f.s);
	assert_true(fix_leaf(&f, &e) == 2);
	assert_int_equal(fix_turn_end(&f), 0);
	fix_apply_all(&f);
	get(&f, 2, &g);
	assert_int_equal(g.l.turn, 1);
	assert_int_equal(open_actor(&f, 0, &g.l, 0, &actor, &has, &detail), 0);
	buf_free(&g.b);
	fix_free(&f);
}

/* ---- files and checkpoints --------------------------------------------------------------------------------------------- */

static bool there(const struct fix *f, const char *name)
{
	char path[FIX_PATH];

	fix_path(f, name, path);
	return access(path, F_OK) == 0;
}

/* Both signatures of a checkpoint file, its size and root. */
static void check_checkpoint(struct fix *f, const char *name, uint32_t epoch, uint64_t *ret_size, uint8_t ret_root[32])
{
	char path[FIX_PATH], want[96];
	struct checkpoint c;
	struct note note;
	struct buf b;
	int dirfd;

	buf_init(&b, 65536);
	fix_path(f, "", path);
	dirfd = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(files_read(dirfd, name, &b), 0);
	assert_int_equal(note_decode((char *)b.p, b.n, &note), 0);
	assert_int_equal(checkpoint_decode(&note, &c), 0);
	assert_int_equal(note.sigs, 2);
	assert_int_equal(crypto_verify(f->log_pk, note.text, note.text_n, note.sig[0].sig), 0);
	(void)snprintf(want, sizeof(want), "%s/fs/%04u", f->origin, epoch);
	assert_int_equal(note.sig[1].name_n, strlen(want));
	assert_memory_equal(note.sig[1].name, want, strlen(want));
	assert_int_equal(crypto_verify(f->epoch_pk[epoch], note.text, note.text_n, note.sig[1].sig), 0);
	*ret_size = c.size;
	memcpy(ret_root, c.root, 32);
	buf_free(&b);
	(void)close(dirfd);
}

/* The root over all leaves as they are read back. */
static void root_of_leaves(struct fix *f, uint64_t size, uint8_t ret[32])
{
	struct merkle_frontier tree;
	uint8_t h[32];
	struct buf b;

	buf_init(&b, 65536);
	merkle_begin(&tree);
	for (uint64_t i = 0; i < size; i++) {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(f->a, i, &b), 0);
		merkle_leaf(b.p, b.n, h);
		merkle_add(&tree, 0, h, NULL, NULL);
	}
	merkle_root(&tree, ret);
	buf_free(&b);
}

static void checkpoint_signs_the_tree_of_the_leaves(void **state)
{
	uint8_t root[32], want[32];
	struct fix f;
	uint64_t size;

	(void)state;
	fix_make(&f, NULL, 4);
	assert_false(audit_signed(f.a, &size, root));
	fix_genesis(&f);
	for (unsigned round = 0; round < 6; round++) {
		fix_reads(&f, 130, 40);
		fix_checkpoint(&f);
		check_checkpoint(&f, "checkpoint", 0, &size, root);
		assert_true(size == store_durable_leaves(f.s));
		root_of_leaves(&f, size, want);
		assert_memory_equal(root, want, 32);
		assert_true(audit_signed(f.a, &size, want));
		assert_memory_equal(root, want, 32);
	}
	/* 2 + 1 + 780 leaves: three full bundles, partials for the newest size alone. */
	assert_true(size == 783);
	assert_true(there(&f, "tile/entries/002") && there(&f, "tile/0/002") && !there(&f, "tile/entries/002.p"));
	assert_true(there(&f, "tile/entries/003.p/15") && there(&f, "tile/0/003.p/15") && there(&f, "tile/1/000.p/3"));
	assert_false(there(&f, "tile/1/000.p/2"));
	fix_free(&f);
}

static void tiles_are_served_as_far_as_signed(void **state)
{
	struct fix f;
	struct buf b;

	(void)state;
	fix_make(&f, NULL, 4);
	buf_init(&b, 1u << 24);
	assert_int_equal(audit_read_tile(f.a, 0, 0, 0, &b), CV_ERR_NOTFOUND);
	assert_int_equal(audit_read_checkpoint(f.a, &b), CV_ERR_NOTFOUND);
	fix_reads(&f, 299, 60);		/* 300 leaves */
	fix_checkpoint(&f);
	fix_reads(&f, 10, 10);		/* not signed */
	fix_apply_all(&f);
	assert_int_equal(audit_read_tile(f.a, 0, 0, 0, &b), 0);
	assert_int_equal(b.n, 8192);
	buf_reset(&b);
	assert_int_equal(audit_read_tile(f.a, 0, 0, 7, &b), 0);
	assert_int_equal(b.n, 7 * 32);
	buf_reset(&b);
	assert_int_equal(audit_read_tile(f.a, 0, 1, 44, &b), 0);
	assert_int_equal(b.n, 44 * 32);
	buf_reset(&b);
	assert_int_equal(audit_read_tile(f.a, 1, 0, 1, &b), 0);
	assert_int_equal(b.n, 32);
	assert_int_equal(audit_read_tile(f.a, 0, 1, 45, &b), CV_ERR_NOTFOUND);
	assert_int_equal(audit_read_tile(f.a, 0, 1, 0, &b), CV_ERR_NOTFOUND);
	assert_int_equal(audit_read_tile(f.a, 1, 0, 2, &b), CV_ERR_NOTFOUND);
	assert_int_equal(audit_read_tile(f.a, 2, 0, 1, &b), CV_ERR_NOTFOUND);
	assert_int_equal(audit_read_tile(f.a, 9, 0, 1, &b), CV_ERR_NOTFOUND);
	assert_int_equal(audit_read_tile(f.a, 255, 1, 45, &b), CV_ERR_NOTFOUND);
	buf_reset(&b);
	assert_int_equal(audit_read_tile(f.a, 255, 1, 44, &b), 0);
	assert_int_equal(audit_read_tile(f.a, 255, 0, 0, &b), 0);
	buf_reset(&b);
	assert_int_equal(audit_read_leaf(f.a, 309, &b), 0);
	assert_int_equal(audit_read_leaf(f.a, 310, &b), CV_ERR_NOTFOUND);
	buf_free(&b);
	fix_free(&f);
}

/* ---- epochs ----------------------------------------------------------------------------------------------------------- */

static void each_missed_day_is_closed_with_its_own_key(void **state)
{
	uint64_t size, before = 0;
	uint8_t root[32], want[32];
	char name[32];
	struct fix f;
	struct got g;

	(void)state;
	fix_make(&f, NULL, 10);
	fix_genesis(&f);
	fix_reads(&f, 3, 1);
	f.now_ms += 4ull * FIX_DAY_MS;
	assert_int_equal(audit_missed_days(f.a, f.now_ms), 4);
	assert_int_equal(audit_catch_up(f.a, f.s, f.now_ms), 0);
	assert_int_equal(f.epoch, 4);
	for (uint32_t e = 0; e < 4; e++) {
		(void)snprintf(name, sizeof(name), "seals/%06u", e);
		check_checkpoint(&f, name, e, &size, root);
		assert_true(size > before);
		before = size;
		root_of_leaves(&f, size, want);
		assert_memory_equal(root, want, 32);
		get(&f, size - 1, &g);
		assert_int_equal(g.l.kind, LEAF_EPOCH);
		assert_int_equal(g.l.epoch, e);
		assert_int_equal(be32_get(g.l.body_a), e);
		assert_int_equal(be32_get(g.l.body_a + 4), e + 1);
		buf_free(&g.b);
	}
	assert_false(there(&f, "seals/000004"));
	fix_reads(&f, 1, 1);
	fix_checkpoint(&f);
	check_checkpoint(&f, "checkpoint", 4, &size, root);
	fix_free(&f);
}

static void clock_that_goes_back_moves_no_epoch(void **state)
{
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 10);
	f.now_ms += 2ull * FIX_DAY_MS;
	fix_reads(&f, 1, 1);
	assert_int_equal(f.epoch, 2);
	f.now_ms -= 2ull * FIX_DAY_MS;
	fix_reads(&f, 1, 1);
	assert_int_equal(f.epoch, 2);
	f.now_ms = 5;			/* before the vault's first day */
	fix_reads(&f, 1, 1);
	assert_int_equal(f.epoch, 2);
	assert_int_equal(f.fs_next_calls, 2);
	fix_free(&f);
}

static void running_log_skips_one_day_and_no_more(void **state)
{
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 10);
	fix_genesis(&f);
	f.now_ms += 2ull * FIX_DAY_MS;
	fix_reads(&f, 1, 1);
	assert_int_equal(f.epoch, 2);
	f.now_ms += 3ull * FIX_DAY_MS;
	assert_int_equal(audit_turn_begin(f.a, f.s, f.now_ms), CV_ERR_STATE);
	assert_int_equal(f.epoch, 2);
	f.now_ms -= FIX_DAY_MS;		/* the clock is set right */
	fix_reads(&f, 1, 1);
	assert_int_equal(f.epoch, 4);
	fix_free(&f);
}

static void more_than_a_year_is_left_to_an_operator(void **state)
{
	struct fix f;
	struct got g;

	(void)state;
	fix_make(&f, NULL, 600);
	fix_genesis(&f);
	f.now_ms += 367ull * FIX_DAY_MS;
	assert_int_equal(audit_turn_begin(f.a, f.s, f.now_ms), CV_ERR_STATE);
	assert_int_equal(audit_catch_up(f.a, f.s, f.now_ms), CV_ERR_STATE);
	assert_int_equal(f.epoch, 0);
	assert_int_equal(audit_confirm_days(f.a, f.s, f.now_ms), 0);
	assert_int_equal(f.epoch, 367);
	assert_true(there(&f, "seals/000200"));
	get(&f, 2, &g);		/* in the last day that the log saw, before the first that it closes */
	assert_int_equal(g.l.kind, LEAF_FS_RENEW);
	assert_int_equal(g.l.epoch, 0);
	assert_int_equal(g.l.body_a_n, 9);
	assert_int_equal(g.l.body_a[0], 2);
	assert_int_equal(be32_get(g.l.body_a + 1), 0);
	assert_int_equal(be32_get(g.l.body_a + 5), 367);
	buf_free(&g.b);
	assert_int_equal(audit_confirm_days(f.a, f.s, f.now_ms), 0);
	assert_int_equal(store_next_leaf(f.s), 3 + 367);	/* nothing to confirm: no leaf */
	fix_free(&f);
}

static void further_keys_stand_behind_those_that_are_committed_to(void **state)
{
	uint8_t keys[4][32], body[AUDIT_RENEW_BODY], root[32];
	struct fix f;
	struct buf b;
	int dirfd;

	(void)state;
	memset(keys, 7, sizeof(keys));
	fix_make(&f, NULL, 10);
	assert_int_equal(audit_add_epochs(f.a, 11, keys[0], 64), CV_ERR_FORMAT);
	assert_int_equal(audit_add_epochs(f.a, 10, keys[0], 64), 0);
	keys[3][0] = 8;
	assert_int_equal(audit_add_epochs(f.a, 10, keys[0], sizeof(keys)), 0);	/* the first came to nothing */
	buf_init(&b, 1024);
	dirfd = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(files_read(dirfd, "log/epochs", &b), 0);
	(void)close(dirfd);
	assert_int_equal(b.n, 14 * 32);
	assert_memory_equal(b.p, f.epoch_pk, 320);
	assert_memory_equal(b.p + 320, keys, sizeof(keys));
	audit_renew_body(10, keys[0], sizeof(keys), body);
	assert_int_equal(body[0], 1);
	assert_int_equal(be32_get(body + 1), 10);
	assert_int_equal(be32_get(body + 5), 4);
	audit_epoch_root(keys[0], sizeof(keys), root);
	assert_memory_equal(body + 9, root, 32);
	buf_free(&b);
	fix_free(&f);
}

static void failed_next_key_repeats_the_closing(void **state)
{
	uint64_t size;
	uint8_t root[32];
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 10);
	fix_reads(&f, 1, 1);
	f.now_ms += FIX_DAY_MS;
	f.fs_next_fails = CV_ERR_IO;
	assert_int_equal(audit_turn_begin(f.a, f.s, f.now_ms), CV_ERR_IO);
	assert_int_equal(f.epoch, 0);
	assert_int_equal(audit_turn_begin(f.a, f.s, f.now_ms), 0);
	assert_int_equal(f.epoch, 1);
	check_checkpoint(&f, "seals/000000", 0, &size, root);
	assert_true(size == 4);
	fix_free(&f);
}

static void signature_of_a_wrong_epoch_key_is_not_published(void **state)
{
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 10);
	f.fs_wrong = true;
	fix_reads(&f, 1, 1);
	fix_apply_all(&f);
	assert_int_equal(audit_checkpoint(f.a, f.s), CV_ERR_AUTH);
	assert_false(there(&f, "checkpoint"));
	f.fs_wrong = false;
	assert_int_equal(audit_checkpoint(f.a, f.s), 0);
	fix_free(&f);
}

/* ---- resuming ---------------------------------------------------------------------------------------------------------- */

static void log_goes_on_where_it_was_at_any_size(void **state)
{
	static const unsigned sizes[] = { 1, 200, 55, 256, 1, 255, 257, 600 };
	uint8_t root[32], want[32];
	struct fix f;
	uint64_t size, total = 0;

	(void)state;
	fix_make(&f, NULL, 4);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fix_reads(&f, sizes[i], 64);
		total = store_durable_leaves(f.s);
		if (i % 2 == 0)
			fix_checkpoint(&f);
		fix_close(&f, i % 3 == 0);
		assert_int_equal(fix_open(&f), 0);
		fix_apply_all(&f);
		assert_true(store_durable_leaves(f.s) == total);
	}
	fix_checkpoint(&f);
	check_checkpoint(&f, "checkpoint", 0, &size, root);
	assert_true(size == total);
	root_of_leaves(&f, size, want);
	assert_memory_equal(root, want, 32);
	fix_free(&f);
}

/* A hook of the store in the place of the writer's: applies, then fails, as if the process had died before the commit. */
static int apply_then_die(void *cookie, uint64_t first, const struct store_leaf *leaves, size_t n, const uint8_t **ret_note,
    size_t *ret_note_n)
{
	(void)audit_apply_leaves(((struct fix *)cookie)->a, first, leaves, n, ret_note, ret_note_n);
	return CV_ERR_IO;
}

/* Open with that hook, write n leaves, let them reach log/ but not LMDB. */
static void write_and_die(struct fix *f, unsigned n)
{
	struct audit_options ao = fix_audit_options(f);
	struct store_options so = fix_store_options(f);
	struct store_replay_report report;
	struct store_value note = { 0 };

	fix_close(f, false);
	so.hooks.apply_leaves = apply_then_die;
	assert_int_equal(audit_open(&ao, &f->a), 0);
	assert_int_equal(store_open(&so, &f->s), 0);
	(void)store_get(f->s, STORE_META, "log", 3, &note);
	assert_int_equal(audit_resume(f->a, note.p, note.n), 0);
	assert_int_equal(store_replay(f->s, &report), 0);
	fix_reads(f, n, 50);
	assert_int_not_equal(store_flush(f->s), 0);
}

static void crash_between_log_files_and_commit_repeats_the_leaves(void **state)
{
	static const unsigned before[] = { 0, 10, 255, 300 }, during[] = { 5, 200, 300, 700 };
	uint8_t root[32], want[32];
	struct fix f;
	uint64_t size, total;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned signed_too = 0; signed_too < 2; signed_too++) {
			fix_make(&f, NULL, 4);
			fix_reads(&f, before[i], 50);
			fix_checkpoint(&f);
			write_and_die(&f, during[i]);
			if (signed_too)
				assert_int_equal(audit_checkpoint(f.a, f.s), 0);
			total = store_durable_leaves(f.s);
			fix_close(&f, false);
			assert_int_equal(fix_open(&f), 0);
			fix_checkpoint(&f);
			check_checkpoint(&f, "checkpoint", 0, &size, root);
			assert_true(size == total);
			root_of_leaves(&f, size, want);
			assert_memory_equal(root, want, 32);
			fix_free(&f);
		}
	}
}

static void repeated_leaves_change_nothing_and_gaps_are_refused(void **state)
{
	const struct store_leaf leaf[3] = { { (const uint8_t *)"one", 3 }, { (const uint8_t *)"two", 3 }, { (const uint8_t *)"three", 5 } };
	struct merkle_frontier tree;
	struct audit_options ao;
	const uint8_t *note;
	uint8_t hash[32], root[32], want[32];
	struct audit *a;
	struct fix f;
	size_t n;

	(void)state;
	fix_make(&f, NULL, 4);
	fix_close(&f, false);
	ao = fix_audit_options(&f);
	assert_int_equal(audit_open(&ao, &a), 0);
	assert_int_equal(audit_resume(a, NULL, 0), 0);
	assert_int_equal(audit_apply_leaves(a, 1, leaf, 1, &note, &n), CV_ERR_STATE);
	assert_int_equal(audit_apply_leaves(a, 0, leaf, 2, &note, &n), 0);
	assert_int_equal(audit_apply_leaves(a, 0, leaf, 2, &note, &n), 0);
	assert_int_equal(audit_apply_leaves(a, 1, leaf + 1, 2, &note, &n), 0);
	assert_int_equal(merkle_note_decode(note, n, &tree), 0);
	assert_true(tree.size == 3);
	merkle_root(&tree, root);
	merkle_begin(&tree);
	for (unsigned i = 0; i < 3; i++) {
		merkle_leaf(leaf[i].p, leaf[i].n, hash);
		merkle_add(&tree, 0, hash, NULL, NULL);
	}
	merkle_root(&tree, want);
	assert_memory_equal(root, want, 32);
	audit_close(a);
	fix_free(&f);
}

static void replay_that_leads_elsewhere_than_signed_is_refused(void **state)
{
	uint8_t hash[32] = { 1 }, note[MERKLE_NOTE_MAX];
	const struct store_leaf leaf = { (const uint8_t *)"another leaf", 12 };
	struct audit_options ao;
	struct merkle_frontier none;
	const uint8_t *ret;
	struct audit *a;
	struct fix f;
	size_t n;

	(void)state;
	(void)hash;
	fix_make(&f, NULL, 4);
	fix_reads(&f, 2, 2);
	fix_checkpoint(&f);
	fix_close(&f, true);
	ao = fix_audit_options(&f);
	/* The database's note says "empty", as in a copy from before the checkpoint; then other leaves come. */
	merkle_begin(&none);
	n = merkle_note_encode(&none, note);
	assert_int_equal(audit_open(&ao, &a), 0);
	assert_int_equal(audit_resume(a, note, n), 0);
	assert_int_equal(audit_apply_leaves(a, 0, &leaf, 1, &ret, &n), 0);
	assert_int_equal(audit_apply_leaves(a, 1, &leaf, 1, &ret, &n), 0);
	assert_int_equal(audit_apply_leaves(a, 2, &leaf, 1, &ret, &n), CV_ERR_REPLAY);
	audit_close(a);
	fix_free(&f);
}

static void store_older_than_the_checkpoint_takes_no_leaf(void **state)
{
	struct store_options so;
	char path[FIX_PATH];
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 4);
	fix_reads(&f, 2, 2);
	fix_checkpoint(&f);
	fix_close(&f, true);
	(void)snprintf(path, sizeof(path), "%s/store", f.dir);
	fix_remove_dir(path);
	(void)snprintf(path, sizeof(path), "%s/journal", f.dir);
	fix_remove_dir(path);
	so = fix_store_options(&f);
	assert_int_equal(store_create(&so), 0);
	assert_int_equal(fix_open(&f), 0);
	assert_int_equal(audit_turn_begin(f.a, f.s, f.now_ms), CV_ERR_REPLAY);
	f.now_ms += FIX_DAY_MS;
	assert_int_equal(audit_turn_begin(f.a, f.s, f.now_ms), CV_ERR_REPLAY);
	assert_int_equal(audit_checkpoint(f.a, f.s), CV_ERR_REPLAY);
	fix_free(&f);
}

/* Flip one bit of a file of log/. */
static void flip(const struct fix *f, const char *name, long at)
{
	char path[FIX_PATH];
	FILE *file;
	int c;

	fix_path(f, name, path);
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	c = fgetc(file);
	assert_int_not_equal(c, EOF);
	assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
	assert_int_equal(fputc(c ^ 1, file), c ^ 1);
	assert_int_equal(fclose(file), 0);
}

static void changed_files_do_not_resume(void **state)
{
	static const struct {
		const char *name;
		long at;
		int want;
	} cases[] = {
		{ "tail", 500, CV_ERR_FORMAT }, { "tile/0/000", 77, CV_ERR_FORMAT }, { "checkpoint", 40, CV_ERR_AUTH },
		{ "checkpoint", 3, CV_ERR_AUTH }
	};
	struct fix f;
	int r;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fix_make(&f, NULL, 4);
		fix_reads(&f, 300, 50);
		fix_checkpoint(&f);
		fix_close(&f, true);
		flip(&f, cases[i].name, cases[i].at);
		r = fix_open(&f);
		/* The other letter may be none of base64's: then the note does not even read. */
		if (cases[i].want != CV_ERR_AUTH || r != CV_ERR_FORMAT)
			assert_int_equal(r, cases[i].want);
		fix_free(&f);
	}
}

static void create_refuses_a_folder_in_use(void **state)
{
	struct audit_options ao;
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 4);
	ao = fix_audit_options(&f);
	assert_int_equal(audit_create(&ao, f.epoch_pk[0], 32), CV_ERR_EXISTS);
	fix_free(&f);
}

static void leaves_fit_the_room_that_is_asked_for(void **state)
{
	struct fix f;
	struct audit_entry e = fix_entry(child);
	uint64_t at;
	struct got g;

	(void)state;
	fix_make(&f, NULL, 4);
	e.detail.bitmap_n = 64;
	e.detail.case_n = LEAF_CASE_MAX;
	e.detail.reason_n = LEAF_REASON_MAX;
	e.state_hash = child;
	assert_int_equal(fix_turn_begin(&f), 0);
	at = fix_leaf(&f, &e);
	e.log_key = NULL;
	(void)fix_leaf(&f, &e);
	assert_int_equal(fix_turn_end(&f), 0);
	fix_apply_all(&f);
	for (unsigned i = 0; i < 2; i++) {
		get(&f, at + i, &g);
		assert_true(g.b.n + 300 < audit_leaf_room(f.a));
		buf_free(&g.b);
	}
	fix_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auditor_opens_body_a_and_child_key_opens_body_b),
		cmocka_unit_test(leaf_without_child_carries_detail_in_body_a),
		cmocka_unit_test(subject_tag_is_the_childs_of_that_day),
		cmocka_unit_test(child_of_the_day_counts_children_and_links_no_days),
		cmocka_unit_test(every_flipped_bit_of_a_leaf_closes_its_bodies),
		cmocka_unit_test(segment_ends_by_count_time_policy_and_failed_block),
		cmocka_unit_test(segment_ends_with_its_month_and_is_sealed_to_the_months_key),
		cmocka_unit_test(rolled_back_segment_leaf_is_written_again),
		cmocka_unit_test(index_used_again_after_rollback_gets_other_keys),
		cmocka_unit_test(checkpoint_signs_the_tree_of_the_leaves),
		cmocka_unit_test(tiles_are_served_as_far_as_signed),
		cmocka_unit_test(each_missed_day_is_closed_with_its_own_key),
		cmocka_unit_test(clock_that_goes_back_moves_no_epoch),
		cmocka_unit_test(running_log_skips_one_day_and_no_more),
		cmocka_unit_test(more_than_a_year_is_left_to_an_operator),
		cmocka_unit_test(further_keys_stand_behind_those_that_are_committed_to),
		cmocka_unit_test(failed_next_key_repeats_the_closing),
		cmocka_unit_test(signature_of_a_wrong_epoch_key_is_not_published),
		cmocka_unit_test(log_goes_on_where_it_was_at_any_size),
		cmocka_unit_test(crash_between_log_files_and_commit_repeats_the_leaves),
		cmocka_unit_test(repeated_leaves_change_nothing_and_gaps_are_refused),
		cmocka_unit_test(replay_that_leads_elsewhere_than_signed_is_refused),
		cmocka_unit_test(store_older_than_the_checkpoint_takes_no_leaf),
		cmocka_unit_test(changed_files_do_not_resume),
		cmocka_unit_test(create_refuses_a_folder_in_use),
		cmocka_unit_test(leaves_fit_the_room_that_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

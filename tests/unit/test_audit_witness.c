/* Who vouches for a log: checkpoints judged by a policy, and what a witness cosigns and what it never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/audit_internal.h"
#include "audit/trust.h"
#include "audit/witness.h"
#include "base/text.h"
#include "store/files.h"
#include "unit/test_audit.h"

#define EPOCHS 6u
#define NOW 1795000000u

/* ---- known answers ------------------------------------------------------------------------------------------------- */

struct vec {
	char p[8192];
	size_t n;
};

static void vec(const char *name, struct vec *ret)
{
	FILE *f = fopen("tests/vectors/audit/audit.txt", "r");
	char *line = NULL, *hex = NULL;
	size_t room = 0;

	assert_non_null(f);
	while (hex == NULL && getline(&line, &room, f) > 0)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
			hex = line + strlen(name) + 1;
	assert_non_null(hex);
	ret->n = strcspn(hex, "\n") / 2;
	assert_true(ret->n <= sizeof(ret->p));
	assert_int_equal(hex_decode(hex, 2 * ret->n, ret->p, ret->n), 0);
	free(line);
	fclose(f);
}

static void known_cosignature_is_made_and_verifies(void **state)
{
	struct vec key, vkey, plain, cosigned, text;
	struct witness_key k;
	struct vkey public;
	struct note note;
	uint64_t t = 0;
	struct buf b;

	(void)state;
	vec("witness_key", &key);
	vec("witness_vkey", &vkey);
	vec("checkpoint", &plain);
	vec("cosigned", &cosigned);
	vec("checkpoint_text", &text);
	buf_init(&b, NOTE_MAX);
	assert_int_equal(witness_key_decode(key.p, key.n, &k), 0);
	assert_int_equal(witness_key_encode(&k, &b), 0);
	assert_true(b.n == key.n && memcmp(b.p, key.p, b.n) == 0);
	buf_reset(&b);
	vkey_encode(&k.key, &b);
	assert_true(b.n == vkey.n && memcmp(b.p, vkey.p, b.n) == 0);
	buf_reset(&b);
	assert_int_equal(witness_sign(&k, plain.p, plain.n, NOW, &b), 0);
	assert_true(b.n == cosigned.n && memcmp(b.p, cosigned.p, b.n) == 0);
	/* once more: the old line goes, the new one comes */
	buf_reset(&b);
	assert_int_equal(witness_sign(&k, cosigned.p, cosigned.n, NOW + 5, &b), 0);
	assert_int_equal(b.n, cosigned.n);
	assert_int_equal(note_decode((char *)b.p, b.n, &note), 0);
	assert_int_equal(vkey_decode(vkey.p, vkey.n, NOTE_COSIGNATURE, &public), 0);
	assert_int_equal(trust_cosignature(&note, &public, &t), 0);
	assert_true(t == NOW + 5 && note.sigs == 3);
	buf_free(&b);
}

static void each_changed_byte_of_a_cosigned_checkpoint_loses_the_quorum(void **state)
{
	struct tlog_policy *p = calloc(1, sizeof(*p));
	struct vec cosigned, policy, text;
	struct trust x;
	unsigned line;

	(void)state;
	vec("cosigned", &cosigned);
	vec("trust_policy", &policy);
	vec("checkpoint_text", &text);
	assert_int_equal(trust_policy(policy.p, policy.n, p, &line), 0);
	assert_int_equal(trust_checkpoint(p, cosigned.p, cosigned.n, &x), 0);
	assert_true(x.quorum_s == NOW && x.cosigned == 1 && x.time_s[0] == NOW && x.checkpoint.size == 4 && x.log == 0);
	for (size_t i = 0; i < cosigned.n; i++) {
		struct vec other = cosigned;

		other.p[i] ^= 1;
		/* what is changed is refused; a line whose name or key id is changed is nobody's */
		if (trust_checkpoint(p, other.p, other.n, &x) == 0)
			assert_true(i > text.n && (x.quorum_s == 0 || i < cosigned.n - 120));
	}
	free(p);
}

static void key_id_that_is_not_the_keys_is_refused_with_its_line(void **state)
{
	struct tlog_policy *p = calloc(1, sizeof(*p));
	struct vec policy;
	unsigned line = 0;
	char *at;

	(void)state;
	vec("trust_policy", &policy);
	at = memmem(policy.p, policy.n, "/w1+", 4);
	assert_non_null(at);
	at[4] = at[4] == '0' ? '1' : '0';
	assert_int_equal(trust_policy(policy.p, policy.n, p, &line), CV_ERR_FORMAT);
	assert_int_equal(line, 2);
	free(p);
}

static void known_proof_shows_its_leaf_and_no_other(void **state)
{
	struct tlog_policy *p = calloc(1, sizeof(*p));
	struct tlog_proof *x = calloc(1, sizeof(*x));
	struct vec proof, policy, leaf;
	struct trust trust;
	unsigned line;

	(void)state;
	vec("proof", &proof);
	vec("trust_policy", &policy);
	vec("read_leaf", &leaf);
	assert_int_equal(trust_policy(policy.p, policy.n, p, &line), 0);
	assert_int_equal(tlog_proof_decode(proof.p, proof.n, x), 0);
	assert_int_equal(trust_proof(p, x, leaf.p, leaf.n, &trust), 0);
	assert_true(trust.quorum_s == NOW);
	leaf.p[leaf.n - 1] ^= 1;
	assert_int_equal(trust_proof(p, x, leaf.p, leaf.n, &trust), CV_ERR_AUTH);
	leaf.p[leaf.n - 1] ^= 1;
	x->index = 2;
	assert_int_equal(trust_proof(p, x, leaf.p, leaf.n, &trust), CV_ERR_AUTH);
	x->index = 1;
	x->n--;
	assert_int_equal(trust_proof(p, x, leaf.p, leaf.n, &trust), CV_ERR_AUTH);
	p->logs = 0;
	assert_int_equal(trust_proof(p, x, leaf.p, leaf.n, &trust), CV_ERR_NOTFOUND);
	free(p);
	free(x);
}

/* ---- a witness ----------------------------------------------------------------------------------------------------- */

/* A log that grows, and a witness of it. */
struct rig {
	struct fix f;
	struct witness_state *s;
	struct vkey vkey;
	uint64_t now_s;
};

static struct vkey own_key(const struct fix *f)
{
	struct vkey k = { .type = NOTE_ED25519 };

	(void)snprintf(k.name, sizeof(k.name), "%s", f->origin);
	memcpy(k.pk, f->log_pk, 32);
	crypto_note_key_id(k.name, k.type, k.pk, k.key_id);
	return k;
}

static void rig_make(struct rig *g)
{
	memset(g, 0, sizeof(*g));
	fix_make(&g->f, NULL, EPOCHS);
	fix_genesis(&g->f);
	fix_reads(&g->f, 300, 16);
	fix_checkpoint(&g->f);
	g->s = calloc(1, sizeof(*g->s));
	g->vkey = own_key(&g->f);
	g->now_s = NOW;
}

static void rig_free(struct rig *g)
{
	fix_free(&g->f);
	free(g->s);
}

static void grow(struct rig *g, unsigned n)
{
	fix_reads(&g->f, n, 16);
	fix_checkpoint(&g->f);
}

/* The checkpoint as it is; the caller frees. */
static struct buf current(const struct rig *g)
{
	struct buf b;

	buf_init(&b, NOTE_MAX);
	assert_int_equal(audit_read_checkpoint(g->f.a, &b), 0);
	return b;
}

static enum witness_fault check_note(struct rig *g, const struct buf *note, bool introduce)
{
	enum witness_fault fault = WITNESS_NO_FAULT;
	const struct witness_log *log = NULL;
	struct witness_state before = *g->s;
	int r = witness_check(g->f.a->dirfd, (const char *)note->p, note->n, introduce ? &g->vkey : NULL, g->now_s, g->s, &log, &fault);

	assert_true(r == 0 || r == CV_ERR_AUTH);
	assert_true((r == 0) == (fault == WITNESS_NO_FAULT));
	if (r == 0)
		assert_true(log >= g->s->log && log < g->s->log + g->s->logs && log->time_s == g->now_s);
	else
		assert_memory_equal(&before, g->s, sizeof(before));
	return fault;
}

static enum witness_fault check(struct rig *g, bool introduce)
{
	struct buf b = current(g);
	enum witness_fault fault = check_note(g, &b, introduce);

	buf_free(&b);
	return fault;
}

static void log_that_grows_is_cosigned_day_after_day(void **state)
{
	struct rig g;

	(void)state;
	rig_make(&g);
	assert_int_equal(check(&g, false), WITNESS_LOG_UNKNOWN);
	assert_int_equal(check(&g, true), WITNESS_NO_FAULT);
	assert_int_equal(check(&g, false), WITNESS_NO_FAULT);	/* the same tree again */
	for (unsigned i = 0; i < 4; i++) {
		grow(&g, 1 + i * 100);
		g.f.now_ms += FIX_DAY_MS;
		g.now_s += 86400;
		assert_int_equal(check(&g, false), WITNESS_NO_FAULT);
	}
	assert_true(g.s->logs == 1 && g.s->log[0].ranges == 1 && g.s->log[0].range[0].count == EPOCHS);
	rig_free(&g);
}

static void state_is_read_as_written_and_in_no_other_spelling(void **state)
{
	struct witness_state *again = calloc(1, sizeof(*again));
	struct rig g;
	struct buf b;

	(void)state;
	rig_make(&g);
	assert_int_equal(check(&g, true), WITNESS_NO_FAULT);
	g.s->log[1] = g.s->log[0];
	g.s->log[1].range[1] = (struct witness_range){ .first = EPOCHS, .count = 3653 };
	g.s->log[1].ranges = 2;
	g.s->logs = 2;
	buf_init(&b, WITNESS_STATE_MAX);
	assert_int_equal(witness_state_encode(g.s, &b), 0);
	assert_int_equal(witness_state_decode((char *)b.p, b.n, again), 0);
	assert_memory_equal(again, g.s, sizeof(*again));
	for (size_t i = 0; i < b.n; i++) {
		assert_int_equal(witness_state_decode((char *)b.p, i, again), i == 0 ? 0 : i == strlen("childvault-witness-1\n") ||
		    (memcmp(b.p + i, "log ", 4) == 0 && i > 30) ? 0 : CV_ERR_FORMAT);
		b.p[i] ^= 0x80;
		assert_int_equal(witness_state_decode((char *)b.p, b.n, again), CV_ERR_FORMAT);
		b.p[i] ^= 0x80;
	}
	buf_put(&b, "\n", 1);
	assert_int_equal(witness_state_decode((char *)b.p, b.n, again), CV_ERR_FORMAT);
	buf_free(&b);
	free(again);
	rig_free(&g);
}

static void smaller_tree_and_other_tree_of_the_same_size_are_refused(void **state)
{
	struct rig g;
	struct buf old;

	(void)state;
	rig_make(&g);
	assert_int_equal(check(&g, true), WITNESS_NO_FAULT);
	old = current(&g);
	grow(&g, 20);
	assert_int_equal(check(&g, false), WITNESS_NO_FAULT);
	assert_int_equal(check_note(&g, &old, false), WITNESS_LOG_TRUNCATED);
	g.s->log[0].root[5] ^= 1;
	assert_int_equal(check(&g, false), WITNESS_LOG_FORKED);
	/* a log that goes on from another history */
	grow(&g, 20);
	assert_int_equal(check(&g, false), WITNESS_INCONSISTENT);
	g.s->log[0].root[5] ^= 1;
	assert_int_equal(check(&g, false), WITNESS_NO_FAULT);
	buf_free(&old);
	rig_free(&g);
}

/* Two runs: both check, the one with the greater tree writes its state first. */
static void run_that_comes_second_is_judged_by_what_the_first_has_written(void **state)
{
	struct witness_state *first = calloc(1, sizeof(*first));
	struct rig g;
	struct buf small;

	(void)state;
	rig_make(&g);
	assert_int_equal(check(&g, true), WITNESS_NO_FAULT);
	*first = *g.s;
	grow(&g, 5);
	small = current(&g);
	grow(&g, 5);
	assert_int_equal(check(&g, false), WITNESS_NO_FAULT);	/* it waits no more: its state is on the disk */
	assert_int_equal(check_note(&g, &small, false), WITNESS_LOG_TRUNCATED);
	/* the first one stopped between its check and its state: nothing has left it, and the smaller tree is still good */
	*g.s = *first;
	assert_int_equal(check_note(&g, &small, false), WITNESS_NO_FAULT);
	assert_int_equal(check(&g, false), WITNESS_NO_FAULT);
	buf_free(&small);
	free(first);
	rig_free(&g);
}

/* Sign a checkpoint with what a thief of the whole vault has on the day of f->epoch. */
static struct buf forge(struct rig *g, uint64_t size, const uint8_t root[32], bool stable, int epoch)
{
	char name[96];
	uint8_t sig[64], id[4], pk[32], sk[64], s[32];
	struct buf b;
	size_t n;

	buf_init(&b, NOTE_MAX);
	assert_int_equal(checkpoint_encode(g->f.origin, size, root, &b), 0);
	n = b.n;
	note_text_end(&b);
	if (stable) {
		crypto_sign(g->f.log_sk, b.p, n, sig);
		note_sig_encode(g->f.origin, g->vkey.key_id, sig, &b);
	}
	if (epoch >= 0) {
		memcpy(s, g->f.state, 32);
		for (uint32_t e = g->f.epoch; e < (uint32_t)epoch; e++)
			crypto_hash("cv1.fs.next", s, sizeof(s), NULL, 0, s, sizeof(s));
		fix_epoch_seed(s, pk, sk);
		(void)snprintf(name, sizeof(name), "%s/fs/%04u", g->f.origin, (unsigned)epoch);
		note_key_id(name, pk, id);
		crypto_sign(sk, b.p, n, sig);
		note_sig_encode(name, id, sig, &b);
	}
	return b;
}

static void stripped_and_wrong_signatures_are_named(void **state)
{
	static const struct {
		bool stable;
		int epoch;
		enum witness_fault want;
	} cases[] = { { false, 0, WITNESS_SIGNATURE_MISSING }, { true, -1, WITNESS_SIGNATURE_MISSING }, { true, 0, WITNESS_NO_FAULT },
		{ true, EPOCHS, WITNESS_EPOCH_KEY_WRONG }, { true, 2, WITNESS_NO_FAULT }, { true, 1, WITNESS_EPOCH_KEY_WRONG } };
	struct rig g;
	struct buf b;

	(void)state;
	rig_make(&g);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		b = forge(&g, g.f.a->signed_size, g.f.a->signed_root, cases[i].stable, cases[i].epoch);
		assert_int_equal(check_note(&g, &b, true), cases[i].want);
		/* a signature of the text before it was changed */
		b.p[strlen(g.f.origin) + 1] ^= 1;
		if (cases[i].want == WITNESS_NO_FAULT)
			assert_int_equal(check_note(&g, &b, true), WITNESS_SIGNATURE_BAD);
		buf_free(&b);
	}
	rig_free(&g);
}

static void log_of_another_name_key_or_beginning_is_refused(void **state)
{
	struct rig g, other;
	struct buf b;

	(void)state;
	rig_make(&g);
	rig_make(&other);
	assert_int_equal(check(&g, true), WITNESS_NO_FAULT);
	/* the same name, another key */
	g.vkey.pk[0] ^= 1;
	crypto_note_key_id(g.vkey.name, g.vkey.type, g.vkey.pk, g.vkey.key_id);
	assert_int_equal(check(&g, true), WITNESS_LOG_KEY_WRONG);
	g.vkey = own_key(&g.f);
	/* signed by the log's keys, but nothing of it stands in the folder */
	b = forge(&g, 7, g.f.log_pk, true, 0);
	memset(g.s, 0, sizeof(*g.s));
	assert_int_equal(check_note(&g, &b, true), WITNESS_GENESIS_BAD);
	buf_free(&b);
	rig_free(&g);
	rig_free(&other);
}

static void folder_that_lacks_a_part_is_named(void **state)
{
	struct rig g;

	(void)state;
	rig_make(&g);
	assert_int_equal(renameat(g.f.a->dirfd, "epochs", g.f.a->dirfd, "gone"), 0);
	assert_int_equal(check(&g, true), WITNESS_EPOCHS_CHANGED);
	assert_int_equal(renameat(g.f.a->dirfd, "gone", g.f.a->dirfd, "epochs"), 0);
	assert_int_equal(check(&g, true), WITNESS_NO_FAULT);
	grow(&g, 300);
	assert_int_equal(renameat(g.f.a->dirfd, "tile/0/001", g.f.a->dirfd, "gone"), 0);
	assert_int_equal(check(&g, false), WITNESS_TILE_MISSING);
	assert_int_equal(renameat(g.f.a->dirfd, "gone", g.f.a->dirfd, "tile/0/001"), 0);
	assert_int_equal(renameat(g.f.a->dirfd, "tile/entries/001", g.f.a->dirfd, "gone"), 0);
	assert_int_equal(check(&g, false), WITNESS_BUNDLE_MISSING);
	assert_int_equal(renameat(g.f.a->dirfd, "gone", g.f.a->dirfd, "tile/entries/001"), 0);
	g.now_s--;
	assert_int_equal(check(&g, false), WITNESS_CLOCK_BACK);
	g.now_s++;
	assert_int_equal(check(&g, false), WITNESS_NO_FAULT);
	rig_free(&g);
}

/* Whoever changes a daily key of the list, however far in the future, is not cosigned: the log has committed to them all. */
static void changed_list_of_daily_keys_is_refused(void **state)
{
	struct rig g;
	uint8_t byte;

	(void)state;
	rig_make(&g);
	assert_int_equal(check(&g, true), WITNESS_NO_FAULT);
	byte = g.f.epoch_pk[EPOCHS - 1][31] ^ 1;
	assert_int_equal(files_overwrite(g.f.a->dirfd, "epochs", EPOCHS * 32 - 1, &byte, 1), 0);
	assert_int_equal(check(&g, false), WITNESS_EPOCHS_CHANGED);
	rig_free(&g);
}

/* The day comes for which leaf 0 has no key any more: a leaf of kind 20 has committed to further ones. */
static void further_daily_keys_are_learned_from_the_leaf_that_commits_to_them(void **state)
{
	uint8_t body[41] = { 1 }, root[32], more[4][32];
	struct audit_entry e = { .kind = LEAF_FS_RENEW, .clear = body, .clear_n = sizeof(body) };
	struct rig g;

	(void)state;
	rig_make(&g);
	assert_int_equal(check(&g, true), WITNESS_NO_FAULT);
	for (unsigned i = 0; i < 4; i++)
		memset(more[i], (int)i, 32);
	merkle_root_over(more[0], 4, 32, root);
	be32_put(body + 1, EPOCHS);
	be32_put(body + 5, 4);
	memcpy(body + 9, root, 32);
	assert_int_equal(fix_turn_begin(&g.f), 0);
	(void)fix_leaf(&g.f, &e);
	assert_int_equal(fix_turn_end(&g.f), 0);
	grow(&g, 3);
	assert_int_equal(check(&g, false), WITNESS_EPOCHS_CHANGED);	/* the list does not hold them */
	assert_int_equal(files_append(g.f.a->dirfd, "epochs", EPOCHS * 32, more, sizeof(more)), 0);
	assert_int_equal(check(&g, false), WITNESS_NO_FAULT);
	assert_true(g.s->log[0].ranges == 2 && g.s->log[0].range[1].first == EPOCHS && g.s->log[0].range[1].count == 4);
	rig_free(&g);
}

static void each_fault_has_a_name_and_two_sentences(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WITNESS_FAULTS; i++) {
		assert_true(strlen(witness_fault_name((enum witness_fault)i)) > 1);
		assert_true(strcmp(witness_fault_text((enum witness_fault)i, true), witness_fault_text((enum witness_fault)i, false)) != 0);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(witness_fault_name((enum witness_fault)i), witness_fault_name((enum witness_fault)j));
	}
}

static int setup(void **state)
{
	(void)state;
	return crypto_start();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_cosignature_is_made_and_verifies),
		cmocka_unit_test(each_changed_byte_of_a_cosigned_checkpoint_loses_the_quorum),
		cmocka_unit_test(key_id_that_is_not_the_keys_is_refused_with_its_line),
		cmocka_unit_test(known_proof_shows_its_leaf_and_no_other),
		cmocka_unit_test(log_that_grows_is_cosigned_day_after_day),
		cmocka_unit_test(state_is_read_as_written_and_in_no_other_spelling),
		cmocka_unit_test(smaller_tree_and_other_tree_of_the_same_size_are_refused),
		cmocka_unit_test(run_that_comes_second_is_judged_by_what_the_first_has_written),
		cmocka_unit_test(stripped_and_wrong_signatures_are_named),
		cmocka_unit_test(log_of_another_name_key_or_beginning_is_refused),
		cmocka_unit_test(folder_that_lacks_a_part_is_named),
		cmocka_unit_test(changed_list_of_daily_keys_is_refused),
		cmocka_unit_test(further_daily_keys_are_learned_from_the_leaf_that_commits_to_them),
		cmocka_unit_test(each_fault_has_a_name_and_two_sentences),
	};

	return cmocka_run_group_tests_name("audit witness", tests, setup, NULL);
}

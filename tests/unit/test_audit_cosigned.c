/* What a vault keeps of its witnesses' word, and what of it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/audit_internal.h"
#include "audit/cosigned.h"
#include "audit/witness.h"
#include "base/text.h"
#include "store/files.h"
#include "unit/test_audit.h"

#define NOW 1795000000u
#define WITNESSES 3u

struct rig {
	struct fix f;
	struct vkey log, vkey[WITNESSES];
	struct witness_key key[WITNESSES];
	struct cosigned *c;
};

static void rig_make(struct rig *g)
{
	static const char *const names[WITNESSES] = { "a.example/w", "b.example/w", "c.example/w" };
	unsigned bad;

	memset(g, 0, sizeof(*g));
	fix_make(&g->f, NULL, 6);
	fix_genesis(&g->f);
	fix_reads(&g->f, 20, 16);
	fix_checkpoint(&g->f);
	g->log.type = NOTE_ED25519;
	(void)snprintf(g->log.name, sizeof(g->log.name), "%s", g->f.origin);
	memcpy(g->log.pk, g->f.log_pk, 32);
	crypto_note_key_id(g->log.name, g->log.type, g->log.pk, g->log.key_id);
	for (unsigned i = 0; i < WITNESSES; i++) {
		assert_int_equal(witness_key_new(names[i], &g->key[i]), 0);
		g->vkey[i] = g->key[i].key;
	}
	assert_int_equal(cosigned_new(&g->c), 0);
	assert_int_equal(cosigned_policy(g->c, g->f.a, &g->log, g->vkey, WITNESSES, 2, &bad), 0);
	assert_int_equal(bad, 0);
}

static void rig_free(struct rig *g)
{
	cosigned_free(g->c);
	fix_free(&g->f);
}

static struct buf current(const struct rig *g)
{
	struct buf b;

	buf_init(&b, NOTE_MAX);
	assert_int_equal(audit_read_checkpoint(g->f.a, &b), 0);
	return b;
}

/* A note with one more line. */
static void cosign(const struct rig *g, struct buf *note, unsigned witness, uint64_t time_s)
{
	struct buf b;

	buf_init(&b, NOTE_MAX);
	assert_int_equal(witness_sign(&g->key[witness], (const char *)note->p, note->n, time_s, &b), 0);
	buf_reset(note);
	buf_put(note, b.p, b.n);
	buf_free(&b);
}

static int add(struct rig *g, const struct buf *note, unsigned *ret_witnesses)
{
	uint64_t size;

	return cosigned_add(g->c, g->f.a, note->p, note->n, NOW + 1000, &size, ret_witnesses);
}

/* Cosign the present checkpoint by one witness and hand that in alone. */
static void add_one(struct rig *g, unsigned witness, uint64_t time_s)
{
	struct buf b = current(g);
	unsigned n = 0;

	cosign(g, &b, witness, time_s);
	assert_int_equal(add(g, &b, &n), 0);
	assert_int_equal(n, 1);
	buf_free(&b);
}

static void grow(struct rig *g)
{
	fix_reads(&g->f, 7, 4);
	fix_checkpoint(&g->f);
}

static unsigned lines_of(const struct rig *g)
{
	struct note note;
	struct buf b;

	buf_init(&b, NOTE_MAX);
	assert_int_equal(cosigned_read(g->c, &b), 0);
	assert_int_equal(note_decode((char *)b.p, b.n, &note), 0);
	buf_free(&b);
	return note.sigs;
}

static void quorum_is_of_the_newest_word_of_each_witness(void **state)
{
	struct rig g;
	uint64_t first;

	(void)state;
	rig_make(&g);
	assert_true(cosigned_quorum_s(g.c) == 0 && cosigned_size(g.c) == 0 && cosigned_wanted(g.c));
	add_one(&g, 0, NOW);
	assert_true(cosigned_quorum_s(g.c) == 0 && cosigned_size(g.c) == g.f.a->signed_size);
	add_one(&g, 1, NOW + 10);
	first = g.f.a->signed_size;
	assert_true(cosigned_quorum_s(g.c) == NOW);
	assert_int_equal(lines_of(&g), 4);	/* brought apart, they stand under one checkpoint */
	/* witnesses come at different sizes: together they vouch, and the note with a quorum of its own stays */
	grow(&g);
	add_one(&g, 0, NOW + 100);
	assert_true(cosigned_quorum_s(g.c) == NOW + 10 && cosigned_size(g.c) == first);
	grow(&g);
	add_one(&g, 2, NOW + 200);
	assert_true(cosigned_quorum_s(g.c) == NOW + 100 && cosigned_size(g.c) == first);
	add_one(&g, 1, NOW + 300);
	assert_true(cosigned_quorum_s(g.c) == NOW + 200 && cosigned_size(g.c) == g.f.a->signed_size);
	rig_free(&g);
}

static void older_word_does_not_take_the_place_of_a_newer_one(void **state)
{
	struct rig g;
	struct buf old;
	unsigned n;

	(void)state;
	rig_make(&g);
	old = current(&g);
	cosign(&g, &old, 0, NOW + 900);
	grow(&g);
	add_one(&g, 0, NOW);
	add_one(&g, 1, NOW);
	assert_true(cosigned_quorum_s(g.c) == NOW);
	assert_int_equal(add(&g, &old, &n), 0);
	assert_true(cosigned_quorum_s(g.c) == NOW && cosigned_size(g.c) == g.f.a->signed_size);
	buf_free(&old);
	rig_free(&g);
}

static void what_is_kept_is_found_again_and_judged_again(void **state)
{
	struct rig g;
	unsigned bad;
	uint8_t byte;
	struct buf b;

	(void)state;
	rig_make(&g);
	add_one(&g, 0, NOW);
	add_one(&g, 1, NOW + 10);
	assert_int_equal(cosigned_policy(g.c, g.f.a, &g.log, g.vkey, WITNESSES, 2, &bad), 0);
	assert_true(bad == 0 && cosigned_quorum_s(g.c) == NOW && cosigned_size(g.c) == g.f.a->signed_size && lines_of(&g) == 4);
	/* a witness that the policy does not name any more has nothing to say */
	assert_int_equal(cosigned_policy(g.c, g.f.a, &g.log, g.vkey + 1, 2, 2, &bad), 0);
	assert_true(cosigned_quorum_s(g.c) == 0);
	assert_int_equal(cosigned_policy(g.c, g.f.a, &g.log, NULL, 0, 0, &bad), 0);
	assert_true(!cosigned_wanted(g.c) && cosigned_quorum_s(g.c) == TLOG_NONE && cosigned_size(g.c) == 0);
	/* a file that somebody changed is left out */
	buf_init(&b, NOTE_MAX);
	assert_int_equal(files_read(g.f.a->dirfd, "cosigned", &b), 0);
	byte = b.p[b.n - 20] == 'A' ? 'B' : 'A';
	assert_int_equal(files_overwrite(g.f.a->dirfd, "cosigned", b.n - 20, &byte, 1), 0);
	assert_int_equal(cosigned_policy(g.c, g.f.a, &g.log, g.vkey, WITNESSES, 2, &bad), 0);
	assert_true(bad == 1 && cosigned_quorum_s(g.c) == NOW);	/* each witness's own file still says it */
	buf_free(&b);
	rig_free(&g);
}

/* A checkpoint that says what is given, signed with the log's key. */
static struct buf signed_by(const struct rig *g, const char *origin, uint64_t size, const uint8_t root[32])
{
	uint8_t sig[64], id[4];
	struct buf b;

	buf_init(&b, NOTE_MAX);
	assert_int_equal(checkpoint_encode(origin, size, root, &b), 0);
	crypto_sign(g->f.log_sk, b.p, b.n, sig);
	crypto_note_key_id(origin, NOTE_ED25519, g->log.pk, id);
	note_text_end(&b);
	note_sig_encode(origin, id, sig, &b);
	return b;
}

static void other_notes_are_not_taken(void **state)
{
	struct rig g, other;
	struct buf plain, b;
	unsigned n = 99;

	(void)state;
	rig_make(&g);
	rig_make(&other);
	plain = current(&g);
	assert_int_equal(add(&g, &plain, &n), CV_ERR_NOTFOUND);	/* nobody has cosigned it */
	b = current(&g);
	cosign(&other, &b, 0, NOW);
	assert_int_equal(add(&g, &b, &n), CV_ERR_NOTFOUND);	/* a witness that nobody named */
	buf_free(&b);
	b = signed_by(&g, "other.example/log", 22, g.f.a->signed_root);
	cosign(&g, &b, 0, NOW);
	assert_int_equal(add(&g, &b, &n), CV_ERR_NOTFOUND);	/* another log, though the key is this one's */
	buf_free(&b);
	b = current(&g);
	cosign(&g, &b, 0, NOW + 5000);
	assert_int_equal(add(&g, &b, &n), CV_ERR_STATE);	/* tomorrow's */
	buf_free(&b);
	b = current(&g);
	cosign(&g, &b, 0, NOW);
	b.p[strlen(g.f.origin) + 1] ^= 1;
	assert_int_equal(add(&g, &b, &n), CV_ERR_AUTH);
	buf_reset(&b);
	buf_text(&b, "hello\n");
	assert_int_equal(add(&g, &b, &n), CV_ERR_FORMAT);
	assert_true(n == 99 && cosigned_size(g.c) == 0 && cosigned_read(g.c, &b) == CV_ERR_NOTFOUND);
	buf_free(&b);
	buf_free(&plain);
	rig_free(&g);
	rig_free(&other);
}

/* Signed with this log's key, and not of its history: that is what witnesses are for. */
static void fork_and_roll_back_are_told_from_mistakes(void **state)
{
	uint8_t root[32] = { 7 };
	struct rig g;
	struct buf b;
	unsigned n;

	(void)state;
	rig_make(&g);
	for (unsigned ahead = 0; ahead < 2; ahead++) {
		b = signed_by(&g, g.f.origin, ahead ? g.f.a->signed_size + 5 : g.f.a->signed_size, root);
		cosign(&g, &b, 0, NOW);
		assert_int_equal(add(&g, &b, &n), CV_ERR_REPLAY);
		buf_free(&b);
	}
	rig_free(&g);
}

static void quorum_that_cannot_be_is_refused(void **state)
{
	struct vkey twice[2];
	struct rig g;
	unsigned bad;

	(void)state;
	rig_make(&g);
	assert_int_equal(cosigned_policy(g.c, g.f.a, &g.log, g.vkey, 2, 3, &bad), CV_ERR_ARG);
	assert_int_equal(cosigned_policy(g.c, g.f.a, &g.log, g.vkey, 2, 0, &bad), CV_ERR_ARG);
	twice[0] = twice[1] = g.vkey[0];
	assert_int_equal(cosigned_policy(g.c, g.f.a, &g.log, twice, 2, 1, &bad), CV_ERR_ARG);
	assert_false(cosigned_wanted(g.c));
	rig_free(&g);
}

static int setup(void **state)
{
	(void)state;
	return crypto_start();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quorum_is_of_the_newest_word_of_each_witness),
		cmocka_unit_test(older_word_does_not_take_the_place_of_a_newer_one),
		cmocka_unit_test(what_is_kept_is_found_again_and_judged_again),
		cmocka_unit_test(other_notes_are_not_taken),
		cmocka_unit_test(fork_and_roll_back_are_told_from_mistakes),
		cmocka_unit_test(quorum_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests_name("audit cosigned", tests, setup, NULL);
}

/* What operators and holders of shares do at core, without its loop: the vault behind it is a real one. */
#include <signal.h>
#include <sys/resource.h>

#include "keys/quorum.h"
#include "test_core.h"
#include "test_vault_operations.h"

#define K 3u
#define N 5u
#define SLOT 0u			/* the first free one */
#define DEMO_SLOT 3u
#define ANY 0xFFu
#define NOW 1000000u

/* An answer about one share. */
struct verdict {
	unsigned problem;
	bool there;
	uint8_t verdict, slot, index, k, n;
	uint16_t in;
	uint8_t done;
	char holder[64];
};

static struct verdict verdict_of(unsigned problem, const struct buf *out)
{
	struct verdict v = { .problem = problem, .there = out->n > 0 };
	struct rd rd = rd_over(out->p, out->n);

	if (!v.there)
		return v;
	v.verdict = rd_u8(&rd);
	v.slot = rd_u8(&rd);
	v.index = rd_u8(&rd);
	v.k = rd_u8(&rd);
	v.n = rd_u8(&rd);
	v.in = rd_u16(&rd);
	v.done = rd_u8(&rd);
	rd_copy(&rd, v.holder, rd_u8(&rd));
	assert_true(rd_done(&rd));
	return v;
}

static struct verdict show_at(struct rig *r, enum share_operation op, const uint8_t share[SHARE_BYTES], uint64_t now_ms)
{
	struct verdict v;
	struct buf out;

	buf_init(&out, 4096);
	v = verdict_of(ceremony_share(r->c, op, share, SHARE_BYTES, now_ms, &out), &out);
	buf_free(&out);
	return v;
}

static struct verdict show(struct rig *r, enum share_operation op, const uint8_t share[SHARE_BYTES])
{
	return show_at(r, op, share, NOW);
}

/* Ask for a split, k of n. ret_shares NULL: not wanted. */
static unsigned rekey_at(struct rig *r, uint8_t slot, uint8_t auth, const uint8_t kek[32], uint8_t k, uint8_t n, uint64_t now_ms,
    uint8_t *ret_shares)
{
	struct buf body, out;
	unsigned problem;

	buf_init(&body, 4096);
	buf_init(&out, 4096);
	buf_u8(&body, auth);
	buf_put(&body, kek, 32);
	buf_u8(&body, k);
	buf_u8(&body, n);
	for (unsigned i = 0; i < n; i++) {
		buf_u8(&body, 1);
		buf_u8(&body, (uint8_t)('a' + i));
	}
	problem = ceremony_rekey(r->c, slot, body.p, body.n, now_ms, &out);
	assert_int_equal(out.n, problem == 0 ? 2 + n * SHARE_BYTES : 0);
	if (problem == 0 && ret_shares != NULL)
		memcpy(ret_shares, out.p + 2, n * SHARE_BYTES);
	buf_free(&body);
	buf_free(&out);
	return problem;
}

/* Two administrators allow one split of k of n holders. */
static void allow(struct rig *r, uint8_t k, uint8_t n)
{
	uint8_t a[32], b[32], id[16];
	char names[2 * SHARE_MAX];
	struct body x;

	for (unsigned i = 0; i < n; i++) {
		names[2 * i] = (char)('a' + i);
		names[2 * i + 1] = ' ';
	}
	names[2 * n - 1] = '\0';
	assert_int_equal(login(r->f, P_ADMIN_A, a), 0);
	assert_int_equal(login(r->f, P_ADMIN_B, b), 0);
	body_begin(&x);
	body_text(&x, "kind", "split");
	body_number(&x, "threshold", k);
	body_texts(&x, "holders", names);
	assert_int_equal(gov_post(r->f, a, "requests", &x, id), 0);
	assert_int_equal(sign_as(r->f, a, id, "sign"), 0);
	assert_int_equal(sign_as(r->f, b, id, "approve"), 0);
}

static unsigned rekey(struct rig *r, uint8_t *ret_shares)
{
	if (vault_state(r->f->v) == VAULT_READY)
		allow(r, K, N);
	return rekey_at(r, ANY, DEMO_SLOT, r->f->kek, K, N, NOW, ret_shares);
}

static const uint8_t *nth(const uint8_t *shares, unsigned i)
{
	return shares + i * SHARE_BYTES;
}

/* A slot that K of N open. */
static void quorum_slot(struct rig *r, uint8_t *ret_shares)
{
	assert_int_equal(rekey(r, ret_shares), 0);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(show(r, SHARE_CONFIRM, nth(ret_shares, i)).done, i == N - 1);
}

static void status_has(struct rig *r, const char *line, bool there)
{
	struct buf out;

	buf_init(&out, 4096);
	ceremony_status(r->c, &out);
	assert_int_equal(out.n > 0 && memmem(out.p, out.n, line, strlen(line)) != NULL, there);
	buf_free(&out);
}

static int admin_setup(void **state)
{
	int r = rig_setup(state);

	log_init("test", 0);	/* each bad share is said there */
	return r;
}

static int admin_teardown(void **state)
{
	struct rig *r = *state;

	ceremony_free(r->c);
	return rig_teardown(state);
}

static size_t locked(void)
{
	bool unlocked;

	return crypto_locked_bytes(&unlocked);
}

/* ---- unsealing --------------------------------------------------------------------------------------------------------------- */

static void three_of_five_unseal_in_any_order_and_two_never_do(void **state)
{
	struct rig *r = *state;
	uint8_t shares[N * SHARE_BYTES];

	quorum_slot(r, shares);
	for (unsigned a = 0; a < N; a++)
		for (unsigned b = 0; b < N; b++) {
			unsigned c = (a + 1) % N == b ? (a + 2) % N : (a + 1) % N;
			struct verdict v;

			if (a == b)
				continue;
			assert_int_equal(vault_seal(r->f->v), 0);
			assert_int_equal(show(r, SHARE_UNSEAL, nth(shares, a)).in, 1u << a);
			v = show(r, SHARE_UNSEAL, nth(shares, b));
			assert_true(v.problem == 0 && v.verdict == SHARE_GOOD && v.done == 0 && v.k == K && v.n == N);
			assert_int_equal(vault_state(r->f->v), VAULT_SEALED);
			v = show(r, SHARE_UNSEAL, nth(shares, c));
			assert_true(v.problem == 0 && v.done == 1 && v.in == (1u << a | 1u << b | 1u << c));
			assert_int_equal(vault_state(r->f->v), VAULT_READY);
		}
}

static void a_bad_share_names_its_holder_and_stops_nobody(void **state)
{
	struct rig *r = *state;
	uint8_t shares[N * SHARE_BYTES], bad[SHARE_BYTES];
	struct verdict v;

	quorum_slot(r, shares);
	assert_int_equal(vault_seal(r->f->v), 0);
	assert_int_equal(show(r, SHARE_UNSEAL, nth(shares, 0)).problem, 0);
	memcpy(bad, nth(shares, 3), SHARE_BYTES);
	bad[SHARE_BYTES - 1] ^= 1;
	v = show(r, SHARE_UNSEAL, bad);
	assert_int_equal(v.problem, PROBLEM_UNAUTHENTICATED);
	assert_true(v.verdict == SHARE_BAD && v.index == 4 && v.in == 1 && v.done == 0);
	assert_string_equal(v.holder, "d");
	/* Nobody is named for a share of another split or vault, and nothing of them counts. */
	memcpy(bad, nth(shares, 3), SHARE_BYTES);
	bad[10] ^= 1;
	v = show(r, SHARE_UNSEAL, bad);
	assert_true(v.problem == PROBLEM_UNAUTHENTICATED && v.verdict == SHARE_OTHER_SPLIT && v.holder[0] == '\0' && v.in == 1);
	bad[6] ^= 1;
	v = show(r, SHARE_UNSEAL, bad);
	assert_true(v.problem == PROBLEM_UNAUTHENTICATED && v.verdict == SHARE_OTHER_VAULT && v.in == 1);
	assert_int_equal(show(r, SHARE_UNSEAL, nth(shares, 3)).in, 1u | 1u << 3);
	v = show(r, SHARE_UNSEAL, nth(shares, 3));
	assert_true(v.problem == 0 && v.verdict == SHARE_AGAIN && v.done == 0);
	assert_int_equal(vault_state(r->f->v), VAULT_SEALED);
	assert_int_equal(show(r, SHARE_UNSEAL, nth(shares, 4)).done, 1);
	assert_int_equal(vault_state(r->f->v), VAULT_READY);
}

static void shares_that_are_in_are_seen_and_go_in_time(void **state)
{
	struct rig *r = *state;
	uint8_t shares[N * SHARE_BYTES];
	size_t before;

	quorum_slot(r, shares);
	assert_int_equal(vault_seal(r->f->v), 0);
	before = locked();
	assert_int_equal(show_at(r, SHARE_UNSEAL, nth(shares, 4), NOW).problem, 0);
	assert_int_equal(show_at(r, SHARE_UNSEAL, nth(shares, 1), NOW + 10).problem, 0);
	status_has(r, "shares-in.0 2 of 3: 2 5\n", true);
	ceremony_sweep(r->c, NOW + 10 + QUORUM_MS - 1);
	status_has(r, "shares-in", true);
	ceremony_sweep(r->c, NOW + 10 + QUORUM_MS);
	status_has(r, "shares-in", false);
	assert_int_equal(locked(), before);
	assert_int_equal(show(r, SHARE_UNSEAL, nth(shares, 0)).in, 1);
	assert_int_equal(vault_state(r->f->v), VAULT_SEALED);
}

static void they_are_wiped_by_success_and_by_sealing(void **state)
{
	struct rig *r = *state;
	uint8_t shares[N * SHARE_BYTES];
	size_t sealed;

	quorum_slot(r, shares);
	ceremony_reset(r->c);
	assert_int_equal(vault_seal(r->f->v), 0);
	sealed = locked();
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(show(r, SHARE_UNSEAL, nth(shares, i)).problem, 0);
	assert_true(locked() > sealed);
	assert_int_equal(show(r, SHARE_UNSEAL, nth(shares, 2)).done, 1);
	status_has(r, "shares-in", false);
	assert_int_equal(vault_seal(r->f->v), 0);
	assert_int_equal(locked(), sealed);
	assert_int_equal(show(r, SHARE_UNSEAL, nth(shares, 0)).in, 1);
	ceremony_reset(r->c);	/* as sealing and unsealing in another way do */
	assert_int_equal(locked(), sealed);
	assert_int_equal(show(r, SHARE_UNSEAL, nth(shares, 1)).in, 2);
}

static void shares_unseal_sealed_vaults_and_allow_in_open_ones(void **state)
{
	struct rig *r = *state;
	uint8_t shares[N * SHARE_BYTES], none[SHARE_BYTES];
	struct verdict v;
	struct buf out;

	quorum_slot(r, shares);
	v = show(r, SHARE_UNSEAL, nth(shares, 0));
	assert_true(v.problem == PROBLEM_CONFLICT && !v.there);
	memcpy(none, shares, SHARE_BYTES);
	none[2] = 1;	/* an empty slot, and one that is no quorum's */
	assert_int_equal(show(r, SHARE_ALLOW, none).problem, PROBLEM_NOT_FOUND);
	none[2] = DEMO_SLOT;
	assert_int_equal(show(r, SHARE_DRILL, none).problem, PROBLEM_NOT_FOUND);
	assert_int_equal(vault_seal(r->f->v), 0);
	v = show(r, SHARE_ALLOW, nth(shares, 0));
	assert_true(v.problem == PROBLEM_SEALED && !v.there);
	buf_init(&out, 4096);
	assert_int_equal(ceremony_share(r->c, SHARE_UNSEAL, shares, SHARE_BYTES - 1, NOW, &out), PROBLEM_BAD_REQUEST);
	none[0] = 7;
	assert_int_equal(ceremony_share(r->c, SHARE_UNSEAL, none, SHARE_BYTES, NOW, &out), PROBLEM_BAD_REQUEST);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

/* ---- drills -------------------------------------------------------------------------------------------------------------------- */

/* The newest leaf's clear body. */
static unsigned newest_leaf(struct rig *r, uint8_t ret[8])
{
	struct leaf l;
	struct buf b;
	unsigned kind;

	buf_init(&b, STORE_LEAF_MAX);
	assert_int_equal(vault_checkpoint_now(r->f->v), 0);
	assert_int_equal(audit_read_leaf(r->f->v->audit, store_durable_leaves(r->f->v->store) - 1, &b), 0);
	assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
	assert_true(l.body_a_n >= 4 && l.body_a_n <= 8);
	memcpy(ret, l.body_a, l.body_a_n);
	kind = l.kind;
	buf_free(&b);
	return kind;
}

static void a_drill_is_logged_and_unseals_nothing(void **state)
{
	struct rig *r = *state;
	uint8_t shares[N * SHARE_BYTES], bad[SHARE_BYTES], body[8];
	struct verdict v;

	quorum_slot(r, shares);
	v = show(r, SHARE_DRILL, nth(shares, 1));
	assert_true(v.problem == 0 && v.verdict == SHARE_GOOD && v.done == 1 && v.index == 2);
	assert_string_equal(v.holder, "b");
	assert_int_equal(newest_leaf(r, body), LEAF_KEYS);
	assert_memory_equal(body, "\1\0\2\0", 4);
	memcpy(bad, nth(shares, 2), SHARE_BYTES);
	bad[20] ^= 4;
	v = show(r, SHARE_DRILL, bad);
	assert_true(v.problem == PROBLEM_UNAUTHENTICATED && v.verdict == SHARE_BAD && v.done == 1);
	assert_int_equal(newest_leaf(r, body), LEAF_KEYS);
	assert_memory_equal(body, "\1\0\3\1", 4);
	assert_int_equal(vault_seal(r->f->v), 0);
	for (unsigned i = 0; i < N; i++) {
		v = show(r, SHARE_DRILL, nth(shares, i));
		assert_true(v.problem == 0 && v.verdict == SHARE_GOOD && v.done == 0);
	}
	assert_int_equal(vault_state(r->f->v), VAULT_SEALED);
	status_has(r, "shares-in", false);
}

/* ---- new splits ------------------------------------------------------------------------------------------------------------------ */

static void an_old_split_lives_until_all_of_the_new_one_are_confirmed(void **state)
{
	struct rig *r = *state;
	uint8_t old[N * SHARE_BYTES], fresh[N * SHARE_BYTES], body[8];
	struct verdict v;

	quorum_slot(r, old);
	assert_int_equal(rekey(r, fresh), 0);
	for (unsigned i = 0; i + 1 < N; i++) {
		v = show(r, SHARE_CONFIRM, nth(fresh, i));
		assert_true(v.problem == 0 && v.verdict == SHARE_GOOD && v.done == 0);
		assert_int_equal(show(r, SHARE_CONFIRM, nth(fresh, i)).verdict, SHARE_AGAIN);
	}
	status_has(r, "shares-confirmed.0 4 of 5: 1 2 3 4\n", true);
	v = show(r, SHARE_CONFIRM, nth(old, 4));
	assert_true(v.problem == PROBLEM_UNAUTHENTICATED && v.verdict == SHARE_OTHER_SPLIT);
	assert_int_equal(show(r, SHARE_DRILL, nth(old, 4)).verdict, SHARE_GOOD);
	assert_int_equal(show(r, SHARE_DRILL, nth(fresh, 4)).verdict, SHARE_OTHER_SPLIT);
	v = show(r, SHARE_CONFIRM, nth(fresh, 4));
	assert_true(v.problem == 0 && v.done == 1 && v.in == 0x1F);
	status_has(r, "shares-confirmed", false);
	assert_int_equal(newest_leaf(r, body), LEAF_KEYS);
	assert_memory_equal(body, "\2\0\3\5", 4);
	assert_memory_equal(body + 4, nth(fresh, 0) + 10, SHARE_TAG);
	assert_int_equal(show(r, SHARE_CONFIRM, nth(fresh, 4)).problem, PROBLEM_NOT_FOUND);
	assert_int_equal(vault_seal(r->f->v), 0);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(show(r, SHARE_UNSEAL, nth(old, i)).verdict, SHARE_OTHER_SPLIT);
	for (unsigned i = 0; i < K; i++)
		assert_int_equal(show(r, SHARE_UNSEAL, nth(fresh, i)).done, i == K - 1);
	/* The other slot knows nothing of it. */
	assert_int_equal(vault_seal(r->f->v), 0);
	assert_int_equal(vault_unseal(r->f->v, DEMO_SLOT, r->f->kek), 0);
}

/* What a crash now would leave: a copy of the folder, opened sealed in place of the vault. */
static void crash(struct rig *r)
{
	char cmd[256], copy[80];

	snprintf(copy, sizeof(copy), "%s-copy", r->f->dir);
	snprintf(cmd, sizeof(cmd), "cp -r %s %s", r->f->dir, copy);
	assert_int_equal(system(cmd), 0);
	vault_close(r->f->v);
	r->f->v = NULL;
	snprintf(cmd, sizeof(cmd), "rm -rf %s && mv %s %s", r->f->dir, copy, r->f->dir);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(vault_open(r->f->dir, &r->f->v), 0);
	r->c->vault = r->f->v;
	ceremony_reset(r->c);
}

static void a_sealed_vault_knows_the_split_of_its_last_change_after_a_crash(void **state)
{
	struct rig *r = *state;
	uint8_t shares[N * SHARE_BYTES];

	/* Before any key a start finds what LMDB has: the answer came when it had the row. */
	quorum_slot(r, shares);
	crash(r);
	for (unsigned i = 0; i < K; i++)
		assert_int_equal(show(r, SHARE_UNSEAL, nth(shares, i)).done, i == K - 1);
}

static void a_split_that_cannot_be_written_leaves_the_old_one(void **state)
{
	struct rig *r = *state;
	uint8_t old[N * SHARE_BYTES], fresh[N * SHARE_BYTES];
	struct rlimit limit, none;
	struct verdict v;

	quorum_slot(r, old);
	assert_int_equal(rekey(r, fresh), 0);
	for (unsigned i = 0; i + 1 < N; i++)
		assert_int_equal(show(r, SHARE_CONFIRM, nth(fresh, i)).problem, 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = (struct rlimit){ 0, limit.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	v = show(r, SHARE_CONFIRM, nth(fresh, N - 1));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_true(v.problem == PROBLEM_AUDIT_UNAVAILABLE && v.done == 0 && v.in == 0x1F);
	assert_int_equal(vault_health(r->f->v), WIRE_AUDIT_UNAVAILABLE);
	assert_int_equal(show(r, SHARE_DRILL, nth(old, 0)).problem, PROBLEM_AUDIT_UNAVAILABLE);
	vault_close(r->f->v);
	assert_int_equal(vault_open(r->f->dir, &r->f->v), 0);
	r->c->vault = r->f->v;
	ceremony_reset(r->c);
	for (unsigned i = 0; i < K; i++)
		assert_int_equal(show(r, SHARE_UNSEAL, nth(old, i)).done, i == K - 1);
}

static void an_open_vault_is_not_enough_for_a_new_split(void **state)
{
	static const uint8_t nothing[32];
	struct rig *r = *state;
	uint8_t shares[N * SHARE_BYTES], wrong[32];

	memcpy(wrong, r->f->kek, 32);
	wrong[0] ^= 1;
	assert_int_equal(rekey_at(r, ANY, DEMO_SLOT, wrong, K, N, NOW, NULL), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(rekey_at(r, ANY, 1, r->f->kek, K, N, NOW, NULL), PROBLEM_NOT_FOUND);
	assert_int_equal(rekey_at(r, ANY, 9, r->f->kek, K, N, NOW, NULL), PROBLEM_NOT_FOUND);
	assert_int_equal(rekey_at(r, ANY, ANY, nothing, K, N, NOW, NULL), PROBLEM_UNAUTHENTICATED);
	quorum_slot(r, shares);
	/* Two of three holders allow nothing; three allow one split, for a quarter of an hour. */
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(show(r, SHARE_ALLOW, nth(shares, i)).done, 0);
	assert_int_equal(rekey_at(r, ANY, ANY, nothing, K, N, NOW, NULL), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(show(r, SHARE_ALLOW, nth(shares, 4)).done, 1);
	status_has(r, "shares-in", false);
	/* Both are wanted: what the holders allow, and what two administrators do, of just such a split; each is good once. */
	assert_int_equal(rekey_at(r, ANY, ANY, nothing, K, N, NOW + QUORUM_MS - 1, NULL), PROBLEM_APPROVAL_REQUIRED);
	allow(r, K - 1, N);
	allow(r, K, N - 1);
	assert_int_equal(rekey_at(r, ANY, ANY, nothing, K, N, NOW + QUORUM_MS - 1, NULL), PROBLEM_APPROVAL_REQUIRED);
	allow(r, K, N);
	assert_int_equal(rekey_at(r, ANY, DEMO_SLOT, wrong, K, N, NOW, NULL), PROBLEM_UNAUTHENTICATED);
	restart(r->f);
	r->c->vault = r->f->v;
	assert_int_equal(rekey_at(r, ANY, ANY, nothing, K, N, NOW + QUORUM_MS - 1, NULL), 0);
	assert_int_equal(rekey_at(r, ANY, DEMO_SLOT, r->f->kek, K, N, NOW, NULL), PROBLEM_APPROVAL_REQUIRED);
	restart(r->f);
	r->c->vault = r->f->v;
	assert_int_equal(rekey_at(r, ANY, DEMO_SLOT, r->f->kek, K, N, NOW, NULL), PROBLEM_APPROVAL_REQUIRED);
	assert_int_equal(rekey_at(r, ANY, ANY, nothing, K, N, NOW + QUORUM_MS - 1, NULL), PROBLEM_UNAUTHENTICATED);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(show(r, SHARE_ALLOW, nth(shares, i)).done, i == 2);
	assert_int_equal(rekey_at(r, ANY, ANY, nothing, K, N, NOW + QUORUM_MS, NULL), PROBLEM_UNAUTHENTICATED);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(show(r, SHARE_ALLOW, nth(shares, i)).done, i == 2);
	ceremony_sweep(r->c, NOW + QUORUM_MS);
	assert_int_equal(rekey_at(r, ANY, ANY, nothing, K, N, NOW, NULL), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(vault_seal(r->f->v), 0);
	assert_int_equal(rekey(r, NULL), PROBLEM_SEALED);
}

static void a_split_that_waits_too_long_or_is_replaced_is_forgotten(void **state)
{
	struct rig *r = *state;
	uint8_t first[N * SHARE_BYTES], second[N * SHARE_BYTES];

	assert_int_equal(rekey(r, first), 0);
	assert_int_equal(show(r, SHARE_CONFIRM, nth(first, 0)).problem, 0);
	assert_int_equal(rekey(r, second), 0);
	assert_int_equal(show(r, SHARE_CONFIRM, nth(first, 1)).verdict, SHARE_OTHER_SPLIT);
	assert_int_equal(show(r, SHARE_CONFIRM, nth(second, 1)).in, 2);
	ceremony_sweep(r->c, NOW + 24u * 3600 * 1000 - 1);
	status_has(r, "shares-confirmed.0 1 of 5: 2\n", true);
	ceremony_sweep(r->c, NOW + 24u * 3600 * 1000);
	assert_int_equal(show(r, SHARE_CONFIRM, nth(second, 0)).problem, PROBLEM_NOT_FOUND);
	assert_int_equal(vault_slot(r->f->v, SLOT, &(struct slot_info){ .k = 0 }), CV_ERR_NOTFOUND);
}

static void splits_go_to_free_slots_or_in_the_place_of_a_quorum(void **state)
{
	struct rig *r = *state;
	uint8_t shares[16 * SHARE_BYTES];
	struct share s;

	assert_int_equal(rekey_at(r, DEMO_SLOT, DEMO_SLOT, r->f->kek, K, N, NOW, NULL), PROBLEM_CONFLICT);
	assert_int_equal(rekey_at(r, 4, DEMO_SLOT, r->f->kek, K, N, NOW, NULL), PROBLEM_CONFLICT);
	assert_int_equal(rekey_at(r, ANY, DEMO_SLOT, r->f->kek, 1, N, NOW, NULL), PROBLEM_BAD_REQUEST);
	assert_int_equal(rekey_at(r, ANY, DEMO_SLOT, r->f->kek, 6, N, NOW, NULL), PROBLEM_BAD_REQUEST);
	assert_int_equal(rekey_at(r, ANY, DEMO_SLOT, r->f->kek, 2, 17, NOW, NULL), PROBLEM_BAD_REQUEST);
	allow(r, 16, 16);
	assert_int_equal(rekey_at(r, 2, DEMO_SLOT, r->f->kek, 16, 16, NOW, shares), 0);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(show(r, SHARE_CONFIRM, nth(shares, i)).done, i == 15);
	/* Now slot 2 is the quorum's, and taken for the next one. */
	assert_int_equal(rekey(r, shares), 0);
	assert_int_equal(share_decode(shares, &s), 0);
	assert_int_equal(s.slot, 2);
}

#define ON(name) cmocka_unit_test_setup_teardown(name, admin_setup, admin_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(three_of_five_unseal_in_any_order_and_two_never_do),
		ON(a_bad_share_names_its_holder_and_stops_nobody),
		ON(shares_that_are_in_are_seen_and_go_in_time),
		ON(they_are_wiped_by_success_and_by_sealing),
		ON(shares_unseal_sealed_vaults_and_allow_in_open_ones),
		ON(a_drill_is_logged_and_unseals_nothing),
		ON(an_old_split_lives_until_all_of_the_new_one_are_confirmed),
		ON(a_sealed_vault_knows_the_split_of_its_last_change_after_a_crash),
		ON(a_split_that_cannot_be_written_leaves_the_old_one),
		ON(an_open_vault_is_not_enough_for_a_new_split),
		ON(a_split_that_waits_too_long_or_is_replaced_is_forgotten),
		ON(splits_go_to_free_slots_or_in_the_place_of_a_quorum),
	};

	return cmocka_run_group_tests_name("admin.sock", tests, NULL, NULL);
}

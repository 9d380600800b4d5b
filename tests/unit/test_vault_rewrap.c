/* Re-wraps: every wrap comes under the newest epoch, in slices, over restarts; then the old epochs are gone. */
#include "keys/rewrap.h"
#include "test_vault_rekey.h"
#include "vault/list.h"
#include "vault/operation.h"
#include "vault/rewrap_internal.h"

static int rewrap_setup(void **state)
{
	fixture_custodians = true;
	return gov_setup(state);
}

/* What an approved request for these classes says. */
struct asked {
	struct gov_object o;
	struct operation_reading r;
	uint8_t classes[8 * 8];
};

static void ask(struct fixture *f, struct asked *a)
{
	static struct rewrap_class old[REWRAP_CLASSES_MAX];
	uint32_t keys[8];
	unsigned epochs;

	memset(a, 0, sizeof(*a));
	crypto_random(a->o.id, 16);
	memcpy(a->o.by, f->person[P_ADMIN_A].g.principal.id, 16);
	a->r.class_count = rewrap_classes_old(f->v->keys, old, &epochs);
	assert_in_range(a->r.class_count, 1, 8);
	for (unsigned i = 0; i < a->r.class_count; i++) {
		keys[i] = old[i].class_key;
		be32_put(a->classes + 8 * i, old[i].class_key);
		be32_put(a->classes + 8 * i + 4, old[i].newest);
	}
	a->r.classes = a->classes;
	assert_int_equal(change_cover(f->v->keys, keys, a->r.class_count, a->r.roles, &a->r.role_count), 0);
}

/* Begin, or give again, in a turn; does it end? */
static int carry_out(struct fixture *f, const struct asked *a, bool again, bool stands)
{
	struct vault_call call = { .now_ms = clock_wall_ms() };
	struct vault *v = f->v;
	struct custody *c = ceremony(f, a->o.id, a->r.roles, a->r.role_count);
	int r;

	assert_int_equal(vault_turn_begin(v), 0);
	r = again ? rewrap_resume(v, &call, a->o.id, &a->r, c) : rewrap_begin(v, &call, &a->o, &a->r, c);
	if (r == 0 && stands) {
		assert_int_equal(vault_system_leaf(v, LEAF_MERGE, (const uint8_t *)"\3\0\0\0", 5, true, call.now_ms), 0);
		store_commit(v->store);
		jobs_commit(v);
	} else {
		store_rollback(v->store);
		jobs_rollback(v);
		vault_undo(v, &v->call_saved);
	}
	assert_int_equal(vault_turn_end(v), 0);
	custody_free(c);
	return r;
}

static const struct job *job_of(struct fixture *f, const struct asked *a)
{
	for (unsigned i = 0; i < f->v->jobs->now.n; i++)
		if (memcmp(f->v->jobs->now.job[i].id, a->o.id, 16) == 0)
			return &f->v->jobs->now.job[i];
	return NULL;
}

/* Until it has nothing to do any more, or `slices` of it were done. */
static void work(struct fixture *f, unsigned slices)
{
	while (list_filling(f->v))
		vault_work(f->v, 1000000);
	for (unsigned i = 0; i < slices && vault_works(f->v); ) {
		if (vault_busy(f->v)) {
			vault_work(f->v, 1000);
			i++;
		} else {
			usleep(100);
		}
	}
}

/* ---- what stands in the store ------------------------------------------------------------------------------------------------- */

struct seen {
	struct vault *v;
	unsigned old, type3, wraps, rows;
	uint8_t other[32];	/* of every row of REC and HIST that is no keys row */
};

static int see_wrap(void *cookie, const struct wrap *w)
{
	struct seen *s = cookie;
	uint32_t epoch;
	uint8_t pk[32];

	assert_int_equal(directory_class(s->v->keys, w->class_key, &epoch, pk), 0);
	s->old += w->wrapping_epoch < epoch;
	s->type3 += w->type == WRAP_TYPE_PUBLIC;
	s->wraps++;
	return 0;
}

static int see_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct seen *s = cookie;
	const struct part parts[] = { { s->other, 32 }, { key, key_n }, { val, val_n } };

	if (key_n > 6 && key[6] == REC_KEYS) {
		s->rows++;
		return wraps_each(val, val_n, see_wrap, s);
	}
	crypto_hash("cv1.state", NULL, 0, parts, 3, s->other, 32);
	return 0;
}

static struct seen look(struct fixture *f)
{
	struct seen s = { .v = f->v };

	assert_int_equal(store_scan(f->v->store, STORE_REC, "", 0, NULL, 0, false, 0, see_row, &s), 0);
	return s;
}

static int add_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct {
		struct vault *v;
		enum store_table table;
		struct lthash found;
	} *x = cookie;

	if (x->table != STORE_REC || key[6] == REC_HEAD || key[6] == REC_KEYS)
		keys_state_add(x->v->keys, &x->found, (uint8_t)x->table, key, key_n, val, val_n);
	return 0;
}

/* The state hash is that of the rows that are there. */
static void state_is_of_the_rows(struct fixture *f)
{
	static const enum store_table tables[] = { STORE_DIR, STORE_GOV, STORE_REC };
	struct {
		struct vault *v;
		enum store_table table;
		struct lthash found;
	} x = { .v = f->v };

	for (unsigned i = 0; i < 3; i++) {
		x.table = tables[i];
		assert_int_equal(store_scan(f->v->store, x.table, "", 0, NULL, 0, false, 0, add_row, &x), 0);
	}
	assert_memory_equal(&x.found, &f->v->lthash, sizeof(x.found));
}

static unsigned old_epochs(struct fixture *f)
{
	static struct rewrap_class old[REWRAP_CLASSES_MAX];
	unsigned epochs;

	(void)rewrap_classes_old(f->v->keys, old, &epochs);
	return epochs;
}

#define RECORDS 200u
#define MANY 2000u	/* more than are under way at a time */
static uint8_t records[MANY][16];

/* Records by a reader and by one who hands in only, some changed; the token is the worker's. */
static void fill(struct fixture *f, unsigned n, uint8_t worker[32])
{
	uint8_t intake[32], etag[16], next[16];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_INTAKE, intake), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(create(f, i % 3 == 0 ? intake : worker, "intake", "", records[i], etag, "name", "张小明", "place", EAST,
		    "city", "某市", "note", "过敏", NULL), 0);
		if (i % 3 == 1)
			assert_int_equal(patch(f, worker, "intake", records[i], etag, next, "note", "好了", NULL), 0);
		else if (i % 3 == 0 && i % 2 == 0)
			assert_int_equal(patch(f, intake, "intake", records[i], NULL, next, "note", "再说", NULL), 0);
	}
}

static void all_read_as_before(struct fixture *f, unsigned n)
{
	uint8_t worker[32];
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(read_field(f, worker, "intake", records[i], "note", true, text), 0);
		assert_string_equal(text, i % 3 == 1 ? "好了" : i % 6 == 0 ? "再说" : "过敏");
	}
}

/* ---- facts -------------------------------------------------------------------------------------------------------------------- */

static void every_wrap_comes_under_the_newest_epoch_and_the_old_ones_go(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32];
	struct seen before, after;
	struct asked a;

	fill(f, RECORDS, worker);
	before = look(f);
	assert_int_equal(before.old, 0);
	assert_true(before.type3 > RECORDS / 4);
	rekey_everybody(f);
	rekey_everybody(f);
	before = look(f);
	assert_int_equal(before.old, before.wraps);
	assert_int_equal(old_epochs(f), 6);
	ask(f, &a);
	assert_int_equal(a.r.class_count, 3);
	assert_int_equal(carry_out(f, &a, false, true), 0);
	assert_false(rewrap_waits(f->v, a.o.id));
	assert_int_equal(carry_out(f, &a, true, true), CV_ERR_STATE);
	work(f, UINT32_MAX);
	assert_int_equal(job_of(f, &a)->state, JOB_DONE);
	assert_int_equal(job_of(f, &a)->changed, RECORDS);
	assert_int_equal(job_of(f, &a)->wraps, before.wraps);
	assert_null(f->v->jobs->rewrap);
	after = look(f);
	assert_int_equal(after.old, 0);
	assert_int_equal(after.type3, 0);
	assert_int_equal(after.wraps, before.wraps);
	assert_memory_equal(after.other, before.other, 32);
	assert_int_equal(old_epochs(f), 0);
	state_is_of_the_rows(f);
	all_read_as_before(f, RECORDS);
	vault_close(f->v);
	fixture_open(f);
	assert_int_equal(old_epochs(f), 0);
	assert_int_equal(job_of(f, &a)->state, JOB_DONE);
	all_read_as_before(f, RECORDS);
	state_is_of_the_rows(f);
}

/* Crashes: what a copy of the folder holds, opened in place of the vault. */
static void crash(struct fixture *f)
{
	char cmd[256], copy[80];

	/* A copy takes time, in which nothing must be written. */
	assert_int_equal(store_flush(f->v->store), 0);
	snprintf(copy, sizeof(copy), "%s-copy", f->dir);
	snprintf(cmd, sizeof(cmd), "cp -r %s %s", f->dir, copy);
	assert_int_equal(system(cmd), 0);
	vault_close(f->v);
	snprintf(cmd, sizeof(cmd), "rm -rf %s && mv %s %s", f->dir, copy, f->dir);
	assert_int_equal(system(cmd), 0);
	fixture_open(f);
}

static void it_waits_for_keys_after_each_crash_and_goes_on_where_it_stood(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32];
	struct asked a;
	uint64_t stood = 0;

	fill(f, MANY, worker);
	rekey_everybody(f);
	ask(f, &a);
	assert_int_equal(carry_out(f, &a, false, true), 0);
	for (unsigned i = 0; job_of(f, &a)->state == JOB_OPEN; i++) {
		assert_true(i < 100);
		work(f, 1 + i % 3);
		if (job_of(f, &a)->state != JOB_OPEN)
			break;
		if (job_of(f, &a)->pass == PASS_WRAP) {
			assert_true(job_of(f, &a)->next >= stood);
			stood = job_of(f, &a)->next;
		}
		crash(f);
		assert_false(vault_works(f->v));
		assert_false(jobs_running(f->v));
		if (job_of(f, &a)->state != JOB_OPEN)
			break;
		assert_true(rewrap_waits(f->v, a.o.id));
		assert_int_equal(job_of(f, &a)->next, job_of(f, &a)->pass == PASS_WRAP ? stood : 1);
		state_is_of_the_rows(f);
		/* Where custodians gave, and the request did not stand, it waits as before. */
		assert_int_equal(carry_out(f, &a, true, false), 0);
		assert_true(rewrap_waits(f->v, a.o.id));
		assert_int_equal(carry_out(f, &a, true, true), 0);
	}
	assert_int_equal(job_of(f, &a)->state, JOB_DONE);
	assert_true(stood > 1);
	assert_int_equal(look(f).old, 0);
	assert_int_equal(old_epochs(f), 0);
	assert_int_equal(job_of(f, &a)->changed, MANY);
	all_read_as_before(f, MANY);
}

static void what_is_written_meanwhile_is_no_less_re_wrapped(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], intake[32], etag[16], more[16];
	struct asked a;
	char text[256];

	fill(f, RECORDS, worker);
	rekey_everybody(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_INTAKE, intake), 0);
	ask(f, &a);
	assert_int_equal(carry_out(f, &a, false, true), 0);
	for (unsigned i = 0; vault_works(f->v); i++) {
		/* Of rows that are under way with the worker too. */
		assert_int_equal(patch(f, intake, "intake", records[i * 7 % RECORDS], NULL, etag, "city", "他市", NULL), 0);
		if (i < RECORDS)
			assert_int_equal(read_field(f, worker, "intake", records[(i * 7) % RECORDS], "note", true, text), 0);
		if (i % 5 == 0)
			assert_int_equal(create(f, worker, "intake", "", more, etag, "name", "张小红", NULL), 0);
		if (i % 5 == 0)
			assert_int_equal(patch(f, worker, "intake", more, etag, etag, "note", "新的", NULL), 0);
		work(f, 1);
	}
	assert_int_equal(job_of(f, &a)->state, JOB_DONE);
	assert_int_equal(look(f).old, 0);
	state_is_of_the_rows(f);
	all_read_as_before(f, RECORDS);
}

static void it_begins_with_its_request_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32];
	struct asked a, b;

	fill(f, 5, worker);
	rekey_everybody(f);
	ask(f, &a);
	ask(f, &b);
	assert_int_equal(carry_out(f, &a, false, false), 0);
	assert_null(job_of(f, &a));
	assert_false(vault_works(f->v));
	assert_false(rewrap_waits(f->v, a.o.id));
	assert_int_equal(carry_out(f, &a, false, true), 0);
	assert_int_equal(carry_out(f, &b, false, true), CV_ERR_BUSY);
	assert_int_equal(old_epochs(f), 3);
	work(f, UINT32_MAX);
	assert_int_equal(job_of(f, &a)->state, JOB_DONE);
}

static void with_a_newer_epoch_it_has_failed_and_nothing_goes(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32];
	struct asked a, b;

	fill(f, 20, worker);
	rekey_everybody(f);
	ask(f, &a);
	assert_int_equal(carry_out(f, &a, false, true), 0);
	rekey_everybody(f);
	work(f, UINT32_MAX);
	assert_int_equal(job_of(f, &a)->state, JOB_FAILED);
	assert_false(vault_works(f->v));
	assert_int_equal(old_epochs(f), 6);
	all_read_as_before(f, 20);
	/* An operation that was approved before a newer epoch came does not even begin. */
	ask(f, &b);
	for (unsigned i = 0; i < b.r.class_count; i++)
		b.classes[8 * i + 7]--;
	assert_int_equal(carry_out(f, &b, false, true), CV_ERR_CONFLICT);
	assert_null(job_of(f, &b));
	ask(f, &a);
	assert_int_equal(carry_out(f, &a, false, true), 0);
	work(f, UINT32_MAX);
	assert_int_equal(job_of(f, &a)->state, JOB_DONE);
	assert_int_equal(look(f).old, 0);
	all_read_as_before(f, 20);
}

static void one_that_waits_for_keys_in_vain_ends_by_itself(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32];
	struct asked a, b;

	fill(f, 20, worker);
	rekey_everybody(f);
	ask(f, &a);
	assert_int_equal(carry_out(f, &a, false, true), 0);
	crash(f);
	assert_true(rewrap_waits(f->v, a.o.id));
	rekey_everybody(f);
	assert_false(rewrap_waits(f->v, a.o.id));
	while (vault_busy(f->v))
		vault_work(f->v, 1000);
	assert_int_equal(job_of(f, &a)->state, JOB_FAILED);
	ask(f, &b);
	assert_int_equal(carry_out(f, &b, false, true), 0);
	work(f, UINT32_MAX);
	assert_int_equal(job_of(f, &b)->state, JOB_DONE);
	assert_int_equal(look(f).old, 0);
}

/* A record whose wrap was changed keeps the old epochs where they are: nobody knows what it was. */
static void a_wrap_that_does_not_open_keeps_the_old_epochs(void **state)
{
	struct fixture *f = *state;
	struct vault *v = f->v;
	uint8_t worker[32], key[REC_KEY_MAX];
	struct store_value row;
	struct asked a;
	struct buf b;

	fill(f, 20, worker);
	rekey_everybody(f);
	ask(f, &a);
	assert_int_equal(carry_out(f, &a, false, true), 0);
	work(f, UINT32_MAX);
	assert_int_equal(job_of(f, &a)->state, JOB_DONE);
	rekey_everybody(f);
	buf_init(&b, 65536);
	assert_int_equal(vault_turn_begin(v), 0);
	assert_int_equal(store_get(v->store, STORE_REC, key, rec_key(2, REC_KEYS, 0, 0, key), &row), 0);
	buf_put(&b, row.p, row.n);
	b.p[b.n - 1] ^= 1;
	assert_int_equal(vault_put_hashed(v, STORE_REC, key, rec_key(2, REC_KEYS, 0, 0, key), b.p, b.n), 0);
	store_commit(v->store);
	assert_int_equal(vault_turn_end(v), 0);
	buf_free(&b);
	ask(f, &a);
	assert_int_equal(carry_out(f, &a, false, true), 0);
	work(f, UINT32_MAX);
	assert_int_equal(job_of(f, &a)->state, JOB_FAILED);
	assert_int_equal(job_of(f, &a)->skipped, 1);
	assert_int_equal(job_of(f, &a)->changed, 19);
	assert_int_equal(old_epochs(f), 3);
}

static unsigned run_act(struct vault *v, struct vault_call *c, void *m) { return vault_job_act(v, c, m); }
static unsigned run_get(struct vault *v, struct vault_call *c, void *m) { return vault_job_get(v, c, m); }

static unsigned act(struct fixture *f, unsigned who, const char *action, const uint8_t id[16])
{
	struct wire_gov_act m = { .collection = wire_text("jobs", 4), .id = id, .action = wire_text(action, strlen(action)) };
	struct wire_envelope env;
	uint8_t token[32];

	assert_int_equal(login(f, who, token), 0);
	env = envelope(f, token, "", "");
	return one_turn(f, &env, true, run_act, &m);
}

static unsigned see(struct fixture *f, unsigned who, const uint8_t id[16])
{
	struct wire_gov_get m = { .collection = wire_text("jobs", 4), .id = id };
	struct wire_envelope env;
	uint8_t token[32];

	assert_int_equal(login(f, who, token), 0);
	env = envelope(f, token, "", "");
	return one_turn(f, &env, true, run_get, &m);
}

static void administrators_alone_cancel_it_and_its_keys_are_gone(void **state)
{
	static const unsigned sees[] = { P_ADMIN_A, P_ADMIN_B, P_AUDITOR, P_CUSTODIAN_1 }, does_not[] = { P_WORKER, P_CLERK, P_MANAGER };
	struct fixture *f = *state;
	uint8_t worker[32];
	struct asked a;

	fill(f, 5, worker);
	rekey_everybody(f);
	ask(f, &a);
	assert_int_equal(carry_out(f, &a, false, true), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(see(f, sees[i], a.o.id), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(see(f, does_not[i], a.o.id), PROBLEM_NOT_FOUND);
		assert_int_equal(act(f, does_not[i], "cancel", a.o.id), PROBLEM_NOT_PERMITTED);
	}
	assert_int_equal(act(f, P_CUSTODIAN_1, "cancel", a.o.id), PROBLEM_NOT_PERMITTED);
	assert_int_equal(act(f, P_AUDITOR, "cancel", a.o.id), PROBLEM_NOT_PERMITTED);
	assert_int_equal(act(f, P_ADMIN_A, "resume", a.o.id), PROBLEM_CONFLICT);
	assert_true(vault_works(f->v));
	assert_int_equal(act(f, P_ADMIN_B, "cancel", a.o.id), 0);
	assert_int_equal(job_of(f, &a)->state, JOB_CANCELLED);
	assert_false(vault_works(f->v));
	assert_null(f->v->jobs->rewrap);
	assert_int_equal(act(f, P_ADMIN_B, "cancel", a.o.id), PROBLEM_CONFLICT);
	assert_int_equal(old_epochs(f), 3);
	ask(f, &a);
	assert_int_equal(carry_out(f, &a, false, true), 0);
	work(f, UINT32_MAX);
	assert_int_equal(job_of(f, &a)->state, JOB_DONE);
}

/* Sealed in the middle of it: the thread and the keys end with the vault's. */
static void sealing_ends_it_until_custodians_give_again(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32];
	struct asked a;

	fill(f, RECORDS, worker);
	rekey_everybody(f);
	ask(f, &a);
	assert_int_equal(carry_out(f, &a, false, true), 0);
	work(f, 1);
	assert_int_equal(vault_seal(f->v), 0);
	assert_false(vault_works(f->v));
	assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
	assert_true(rewrap_waits(f->v, a.o.id));
	assert_int_equal(carry_out(f, &a, true, true), 0);
	work(f, UINT32_MAX);
	assert_int_equal(job_of(f, &a)->state, JOB_DONE);
	assert_int_equal(look(f).old, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, rewrap_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_wrap_comes_under_the_newest_epoch_and_the_old_ones_go),
		T(it_waits_for_keys_after_each_crash_and_goes_on_where_it_stood),
		T(what_is_written_meanwhile_is_no_less_re_wrapped),
		T(it_begins_with_its_request_or_not_at_all),
		T(administrators_alone_cancel_it_and_its_keys_are_gone),
		T(sealing_ends_it_until_custodians_give_again),
		T(with_a_newer_epoch_it_has_failed_and_nothing_goes),
		T(one_that_waits_for_keys_in_vain_ends_by_itself),
		T(a_wrap_that_does_not_open_keeps_the_old_epochs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a turn does beside its requests, and what is left of one that fails. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/clock.h"
#include "store/files.h"
#include "test_vault.h"

#define DAY_MS (24u * 3600 * 1000)

/* The process's clock, moved by a test. */
static int64_t wall_shift_ms, mono_shift_ms;

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int64_t shift = id == CLOCK_REALTIME ? wall_shift_ms : id == CLOCK_MONOTONIC ? mono_shift_ms : 0;
	int r = (int)syscall(SYS_clock_gettime, id, ret);

	ret->tv_sec += shift / 1000;
	return r;
}

static int setup(void **state)
{
	wall_shift_ms = mono_shift_ms = 0;
	fixture_turn_end = 0;
	fixture_turn_open = false;
	return fixture_setup(state);
}

/* Two files in which a few hundred leaves fill the ring, as long as nobody signs. */
static int setup_small(void **state)
{
	int r;

	fixture_journal_bytes = 256u << 10;
	r = setup(state);
	fixture_journal_bytes = 9u << 20;
	return r;
}

static int teardown(void **state)
{
	wall_shift_ms = mono_shift_ms = 0;
	log_init("test", LOG_LEVEL_ERROR);
	return fixture_teardown(state);
}

/* Kind of the leaf at index, whose turn is durable. */
static unsigned leaf_kind(struct fixture *f, uint64_t index)
{
	struct leaf l;
	struct buf b;
	unsigned kind;

	assert_int_equal(vault_checkpoint_now(f->v), 0);
	buf_init(&b, STORE_LEAF_MAX);
	assert_int_equal(audit_read_leaf(f->v->audit, index, &b), 0);
	assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
	kind = l.kind;
	buf_free(&b);
	return kind;
}

static unsigned leaves_of_kind(struct fixture *f, uint64_t from, unsigned kind)
{
	unsigned n = 0;

	for (uint64_t i = from; i < store_durable_leaves(f->v->store); i++)
		n += leaf_kind(f, i) == kind;
	return n;
}

static uint64_t log_size(const struct fixture *f)
{
	return store_durable_leaves(f->v->store);
}

struct facts {
	uint8_t state[32];
	uint64_t elements, leaves;
	struct counters counters;
	unsigned sessions;
};

static struct facts facts_of(struct fixture *f)
{
	struct facts x;

	memset(&x, 0, sizeof(x));
	lthash_digest(&f->v->lthash, x.state);
	x.elements = f->v->elements;
	x.leaves = log_size(f);
	x.counters = f->v->counters;
	x.sessions = session_count(f->v->keys);
	return x;
}

/* ---- turns that fail ---------------------------------------------------------------------------------------------- */

static unsigned run_nothing(struct vault *v, struct vault_call *c, void *m)
{
	(void)v;
	(void)m;
	c->kind = LEAF_AUDIT_READ;
	return 0;
}

/* Fill the ring with leaves until no turn fits; nothing is signed meanwhile. */
static void fill(struct fixture *f, const uint8_t token[32])
{
	struct wire_envelope env = envelope(f, token, "visit", "");
	int r = 0;

	log_init("test", 0);
	f->v->next_room_ms = UINT64_MAX;
	for (unsigned i = 0; i < 4000 && r == 0; i++) {
		assert_int_equal(vault_turn_begin(f->v), 0);
		(void)one_call(f, &env, true, run_nothing, NULL);
		r = vault_turn_end(f->v);
	}
	assert_int_equal(r, CV_ERR_FULL);
}

/* A change that asks nobody for room. */
static unsigned run_put(struct vault *v, struct vault_call *c, void *m)
{
	(void)m;
	vault_save(v);
	v->counters.next_serial++;
	v->counters_dirty = true;
	c->kind = LEAF_PATCH;
	c->mutating = true;
	return vault_put_hashed(v, STORE_GOV, "\0\2an object's id.", 18, "value", 5) == 0 ? 0 : call_failed(c, CV_ERR_FULL);
}

/* The state row names the tables' hash: after a turn that changed them and failed, that of the rows, or the vault would not open again. */
static void the_state_names_the_tables_after_a_failed_turn(void **state)
{
	struct fixture *f = *state;
	struct lthash was;
	struct wire_envelope env;
	uint8_t worker[32], record[16], etag[16];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	env = envelope(f, worker, "visit", "");
	was = f->v->tables;
	fill(f, worker);
	fixture_turn_end = CV_ERR_FULL;
	assert_int_equal(one_turn(f, &env, true, run_put, NULL), 0);
	fixture_turn_end = 0;
	assert_memory_equal(&was, &f->v->tables, sizeof(was));
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_int_equal(create(f, worker, "visit", "key", record, etag, "name", "张三", NULL), 0);
	assert_int_equal(vault_load_state(f->v), 0);	/* as a start reads it */
	assert_memory_equal(&was, &f->v->tables, sizeof(was));
}

static void a_full_turn_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	struct facts before, after;
	struct wire_envelope env;
	struct store_value val;
	uint8_t worker[32], clerk[32], record[16], etag[16];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	env = envelope(f, worker, "visit", "");
	fill(f, worker);
	before = facts_of(f);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(one_call(f, &env, true, run_put, NULL), 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_int_equal(session_count(f->v->keys), before.sessions + 1);
	fixture_turn_open = false;
	assert_int_equal(vault_turn_end(f->v), CV_ERR_FULL);
	after = facts_of(f);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(store_get(f->v->store, STORE_GOV, "\0\2an object's id.", 18, &val), CV_ERR_NOTFOUND);
	assert_int_equal(vault_health(f->v), WIRE_STORAGE_FULL);
	/* A request for room is refused before it changes anything. */
	fixture_turn_end = CV_ERR_FULL;
	assert_int_equal(create(f, worker, "visit", "key", record, etag, "name", "张三", NULL), PROBLEM_STORAGE_FULL);
	after = facts_of(f);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_true(f->v->counts[PROBLEM_STORAGE_FULL] >= 3);
}

/* A later turn that only reads puts nothing, or it would be refused as well where there is no room for what it puts. */
static void a_given_up_turn_leaves_nothing_to_put(void **state)
{
	struct fixture *f = *state;
	struct wire_envelope env;
	uint8_t worker[32];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	env = envelope(f, worker, "visit", "");
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(one_call(f, &env, true, run_put, NULL), 0);
	fixture_turn_open = false;
	assert_true(f->v->tables_dirty);
	vault_turn_abort(f->v, CV_ERR_FULL);
	assert_false(f->v->state_dirty || f->v->tables_dirty || f->v->counters_dirty);
}

static void a_full_turn_makes_room_for_the_next(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16];
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	fill(f, worker);
	f->v->next_room_ms = 0;
	fixture_turn_end = CV_ERR_FULL;
	(void)create(f, worker, "visit", "", record, etag, "name", "张三", NULL);
	fixture_turn_end = 0;
	assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "张三", NULL), 0);
	assert_int_equal(vault_health(f->v), WIRE_READY);
	assert_int_equal(read_field(f, worker, "visit", record, "name", true, text), 0);
	assert_string_equal(text, "张三");
	assert_int_equal(vault_seal(f->v), 0);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
}

static void what_a_turn_has_no_room_for_comes_later(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16];
	struct facts before, after;
	unsigned n = 0, problem;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	do {
		before = facts_of(f);
		problem = create(f, worker, "visit", "", record, etag, "name", "张三", "note", "一", NULL);
		n += problem == 0;
	} while (problem == 0 && n < 1000);
	after = facts_of(f);
	fixture_turn_open = false;
	assert_int_equal(problem, LATER);
	assert_true(n > 4);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(f->out.n, 0);
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(f->v->counters.next_serial, 1 + n);
	assert_int_equal(vault_health(f->v), WIRE_READY);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "张三", "note", "一", NULL), 0);
	assert_int_equal(f->v->counters.next_serial, 2 + n);
}

static void a_failed_write_ends_data_verbs_until_the_next_start(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, none;
	struct facts before, after;
	uint8_t worker[32], record[16], lost[16], etag[16], serial[6];
	struct store_value val;
	char text[256];
	struct buf out;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "张三", NULL), 0);
	before = facts_of(f);
	log_init("test", 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none = (struct rlimit){ 0, old.rlim_max };
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(create(f, worker, "visit", "", lost, etag, "name", "李四", NULL), 0);
	fixture_turn_open = false;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(vault_turn_end(f->v), CV_ERR_IO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	after = facts_of(f);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(vault_turn_begin(f->v), CV_ERR_IO);
	assert_int_equal(vault_health(f->v), WIRE_AUDIT_UNAVAILABLE);
	buf_init(&out, 1024);
	vault_turn_refused(f->v, CV_ERR_IO, &out);
	assert_int_equal(be16_get(out.p), PROBLEM_AUDIT_UNAVAILABLE);
	buf_free(&out);
	vault_tick(f->v);
	assert_int_not_equal(vault_seal(f->v), 0);
	assert_int_equal(vault_state(f->v), VAULT_SEALED);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
	assert_int_equal(store_get(f->v->store, STORE_MAP, lost, 16, &val), CV_ERR_NOTFOUND);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(read_field(f, worker, "visit", record, "name", true, text), 0);
	assert_string_equal(text, "张三");
	assert_int_equal(create(f, worker, "visit", "", lost, etag, "name", "李四", NULL), 0);
	be48_put(serial, 2);
	assert_int_equal(store_get(f->v->store, STORE_MAP, lost, 16, &val), 0);
	assert_memory_equal(val.p, serial, 6);
}

/* Writes more than an answer may have. */
static unsigned run_flood(struct vault *v, struct vault_call *c, void *m)
{
	(void)v;
	buf_zero(c->out, *(size_t *)m);
	c->kind = LEAF_AUDIT_READ;
	return 0;
}

static void an_answer_that_no_front_could_take_is_refused(void **state)
{
	static const size_t sizes[] = { MESSAGE_TO_FRONT_MAX, 40u << 20 };
	struct fixture *f = *state;
	struct wire_envelope env;
	uint8_t worker[32], record[16], etag[16];
	size_t most;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	env = envelope(f, worker, "visit", "");
	buf_free(&f->out);
	buf_init(&f->out, 20u << 20);
	for (unsigned i = 0; i < 2; i++) {
		size_t n = sizes[i];

		assert_int_equal(vault_turn_begin(f->v), 0);
		fixture_turn_open = true;
		assert_int_equal(one_call(f, &env, true, run_flood, &n), PROBLEM_PAYLOAD_TOO_LARGE);
		assert_true(f->out.n < 1000);
		/* The turn's others are not touched by it. */
		assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "李四", NULL), 0);
		fixture_turn_open = false;
		assert_int_equal(vault_turn_end(f->v), 0);
	}
	most = MESSAGE_TO_FRONT_MAX - WIRE_ANSWER_HEAD;
	assert_int_equal(one_turn(f, &env, true, run_flood, &most), 0);
	assert_int_equal(f->out.n, MESSAGE_TO_FRONT_MAX);
}

/* ---- the clock ------------------------------------------------------------------------------------------------------- */

static void a_request_after_midnight_closes_the_day(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16];
	uint32_t epoch = keys_fs_epoch(f->v->keys);
	uint64_t from;
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "张三", NULL), 0);
	from = log_size(f);
	wall_shift_ms = DAY_MS;
	/* The tick comes once a second; this request comes before it. */
	assert_int_equal(read_field(f, worker, "visit", record, "name", true, text), 0);
	assert_string_equal(text, "张三");
	assert_int_equal(keys_fs_epoch(f->v->keys), epoch + 1);
	assert_int_equal(leaves_of_kind(f, from, LEAF_EPOCH), 1);
	wall_shift_ms = 3 * DAY_MS;
	vault_tick(f->v);
	assert_int_equal(keys_fs_epoch(f->v->keys), epoch + 3);
	assert_int_equal(leaves_of_kind(f, from, LEAF_EPOCH), 3);
	assert_int_equal(vault_seal(f->v), 0);
	wall_shift_ms = 7 * DAY_MS;
	assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
	assert_int_equal(keys_fs_epoch(f->v->keys), epoch + 7);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	/* A clock that went back closes nothing, one that is a year off stops the log. */
	wall_shift_ms = 0;
	assert_int_equal(read_field(f, worker, "visit", record, "name", true, text), 0);
	assert_int_equal(keys_fs_epoch(f->v->keys), epoch + 7);
	wall_shift_ms = 400 * (int64_t)DAY_MS;
	assert_int_equal(vault_turn_begin(f->v), CV_ERR_STATE);
	wall_shift_ms = 7 * DAY_MS;
	assert_int_equal(read_field(f, worker, "visit", record, "name", true, text), 0);
}

static bool status_says(struct fixture *f, const char *text)
{
	struct buf b;
	bool says;

	buf_init(&b, 1u << 16);
	vault_status(f->v, &b);
	buf_u8(&b, 0);
	says = strstr((const char *)b.p, text) != NULL;
	buf_free(&b);
	return says;
}

static uint32_t today(void)
{
	return (uint32_t)(clock_wall_ms() / (24u * 3600 * 1000));
}

static void days_that_the_log_did_not_see_are_closed_when_the_operator_confirms_the_date(void **state)
{
	struct fixture *f = *state;
	uint32_t epoch = keys_fs_epoch(f->v->keys);
	uint64_t from = log_size(f);

	assert_int_equal(vault_confirm_date(f->v, today()), CV_ERR_STATE);	/* nothing to confirm */
	wall_shift_ms = 3 * DAY_MS;
	vault_tick(f->v);
	assert_int_equal(vault_turn_begin(f->v), CV_ERR_STATE);
	assert_int_equal(vault_health(f->v), WIRE_AUDIT_UNAVAILABLE);
	assert_int_equal(keys_fs_epoch(f->v->keys), epoch);
	assert_true(status_says(f, "days-to-confirm 3\n"));
	assert_int_equal(vault_confirm_date(f->v, today() - 3), CV_ERR_ARG);
	assert_int_equal(vault_confirm_date(f->v, today()), 0);
	assert_int_equal(keys_fs_epoch(f->v->keys), epoch + 3);
	vault_tick(f->v);
	assert_int_equal(vault_health(f->v), WIRE_READY);
	assert_false(status_says(f, "days-to-confirm"));
	assert_int_equal(leaves_of_kind(f, from, LEAF_FS_RENEW), 1);
	/* At a start a year may have passed, and no more. */
	assert_int_equal(vault_seal(f->v), 0);
	wall_shift_ms = 400 * (int64_t)DAY_MS;
	assert_int_equal(vault_unseal(f->v, 3, f->kek), CV_ERR_STATE);
	assert_int_equal(vault_confirm_date(f->v, today() + 1), 0);	/* the date of a place further east */
	assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
	assert_int_equal(keys_fs_epoch(f->v->keys), epoch + 400);
	assert_int_equal(f->v->confirmed_day, 0);
}

static void operator_renews_the_daily_keys_for_ten_years(void **state)
{
	struct fixture *f = *state;
	uint32_t last = 0, first_day = (uint32_t)(f->v->created_ms / (24u * 3600 * 1000));
	uint64_t from = log_size(f);

	assert_int_equal(vault_renew_epochs(f->v, &last), 0);
	assert_int_equal(last, first_day + 2 * EPOCHS - 1);
	assert_int_equal(f->v->epochs, 2 * EPOCHS);
	assert_int_equal(vault_renew_epochs(f->v, &last), CV_ERR_STATE);	/* enough for now */
	assert_int_equal(leaves_of_kind(f, from, LEAF_FS_RENEW), 1);
	assert_int_equal(vault_seal(f->v), 0);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
	assert_int_equal(f->v->epochs, 2 * EPOCHS);
	assert_int_equal(keys_fs_epoch(f->v->keys), today() - first_day);
}

static void log_renews_by_itself_in_its_last_days_with_the_keys_of_the_ratchet(void **state)
{
	struct fixture *f = *state;
	uint64_t from = log_size(f);
	struct buf before, after;

	buf_init(&before, EPOCHS_MAX * 32);
	buf_init(&after, EPOCHS_MAX * 32);
	assert_int_equal(files_read(f->v->dirfd, "log/epochs", &before), 0);
	vault_tick(f->v);
	assert_int_equal(leaves_of_kind(f, from, LEAF_FS_RENEW), 0);
	f->v->epochs = keys_fs_epoch(f->v->keys) + 30;	/* as if so many were all that the log has */
	vault_tick(f->v);
	assert_int_equal(leaves_of_kind(f, from, LEAF_FS_RENEW), 1);
	assert_int_equal(f->v->epochs, keys_fs_epoch(f->v->keys) + 30 + EPOCHS);
	assert_int_equal(files_read(f->v->dirfd, "log/epochs", &after), 0);
	assert_true(after.n == (size_t)f->v->epochs * 32 && after.n > before.n);
	assert_memory_equal(after.p, before.p, before.n);
	buf_free(&before);
	buf_free(&after);
}

static int count_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	(void)key;
	(void)key_n;
	(void)val;
	(void)val_n;
	++*(unsigned *)cookie;
	return 0;
}

static unsigned idem_rows(struct fixture *f)
{
	unsigned n = 0;

	assert_int_equal(store_scan(f->v->store, STORE_GOV, "\0\1", 2, NULL, 0, false, 0, count_row, &n), 0);
	return n;
}

static void idempotency_keys_are_forgotten_after_their_day(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], a[16], b[16], etag[16];
	uint64_t from, elements;
	char key[16];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "visit", "key", a, etag, "name", "张三", NULL), 0);
	assert_int_equal(create(f, worker, "visit", "key", b, etag, "name", "张三", NULL), 0);
	assert_memory_equal(a, b, 16);
	wall_shift_ms = 25 * 3600 * 1000;
	assert_int_equal(create(f, worker, "visit", "key", b, etag, "name", "张三", NULL), 0);
	assert_memory_not_equal(a, b, 16);
	for (unsigned i = 0; i < 149; i++) {
		snprintf(key, sizeof(key), "key-%u", i);
		assert_int_equal(create(f, worker, "visit", key, b, etag, "name", "张三", NULL), 0);
	}
	assert_int_equal(idem_rows(f), 150);
	elements = f->v->elements;
	f->v->next_idem_ms = 0;
	for (unsigned i = 0; i < 4; i++)
		vault_tick(f->v);
	assert_int_equal(idem_rows(f), 150);
	wall_shift_ms += 2 * (int64_t)DAY_MS;
	vault_tick(f->v);
	from = log_size(f);
	f->v->next_idem_ms = 0;
	/* A slice a tick until they are through, not one a minute. */
	for (unsigned i = 0; i < 3; i++)
		vault_tick(f->v);
	assert_int_equal(idem_rows(f), 0);
	assert_int_equal(f->v->elements, elements - 150);
	assert_int_equal(leaves_of_kind(f, from, LEAF_MERGE), log_size(f) - from);
	assert_true(log_size(f) - from >= 3);
}

static void every_session_that_runs_out_has_its_leaf(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], clerk[32], record[16] = { 0 };
	uint64_t from;
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	from = log_size(f);
	mono_shift_ms = SESSION_IDLE_MS + 1000;
	/* Used once more before the sweep: refused, and not forgotten. */
	assert_int_equal(read_field(f, worker, "visit", record, "name", false, text), PROBLEM_UNAUTHENTICATED);
	vault_tick(f->v);
	assert_int_equal(session_count(f->v->keys), 0);
	assert_int_equal(leaves_of_kind(f, from, LEAF_SESSION_END), 2);
	from = log_size(f);
	vault_tick(f->v);
	assert_int_equal(log_size(f), from);
}

static void hello(struct fixture *f, const uint8_t principal[16])
{
	static const uint8_t zeros[32];
	struct wire_envelope env = { .request_id = f->request_id };
	struct wire_hello m = { f->request_id, principal, zeros };

	assert_int_equal(one_turn(f, &env, false, run_hello, &m), 0);
}

static void failed_openings_make_one_leaf(void **state)
{
	struct fixture *f = *state;
	uint8_t unknown[16] = { 7 };
	uint64_t from = log_size(f);

	for (unsigned i = 0; i < 3; i++)
		hello(f, unknown);
	hello(f, f->person[P_WORKER].g.principal.id);
	vault_tick(f->v);
	assert_int_equal(log_size(f), from);
	mono_shift_ms = HELLO_MS + 1000;
	vault_tick(f->v);
	assert_int_equal(leaves_of_kind(f, from, LEAF_LOGIN_FAILURES), 1);
	from = log_size(f);
	vault_tick(f->v);
	assert_int_equal(log_size(f), from);
}

static void failed_openings_are_counted_until_a_leaf_is_durable(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32];
	uint64_t from;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	hello(f, f->person[P_CLERK].g.principal.id);
	hello(f, f->person[P_CLERK].g.principal.id);
	fill(f, worker);
	mono_shift_ms = HELLO_MS + 1000;
	f->v->next_room_ms = UINT64_MAX;
	vault_tick(f->v);
	assert_int_equal(f->v->failures, 2);
	from = log_size(f);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	vault_tick(f->v);
	assert_int_equal(f->v->failures, 0);
	assert_int_equal(leaves_of_kind(f, from, LEAF_LOGIN_FAILURES), 1);
}

/* ---- upkeep -------------------------------------------------------------------------------------------------------- */

static int count_type3(void *cookie, const struct wrap *w)
{
	*(unsigned *)cookie += w->type == WRAP_TYPE_PUBLIC;
	return 0;
}

static unsigned public_wraps(struct fixture *f, const uint8_t record[16])
{
	struct record rec;
	unsigned n = 0;

	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(wraps_each(rec.keys_row, rec.keys_row_n, count_type3, &n), 0);
	return n;
}

static void a_turn_merges_sixty_four_records_and_leaves_the_rest_to_the_next(void **state)
{
	enum { RECORDS = 70 };
	struct fixture *f = *state;
	static uint8_t record[RECORDS][16];
	uint8_t worker[32], intake[32], etag[16];
	unsigned merged = 0;
	uint64_t from;
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_INTAKE, intake), 0);
	for (unsigned i = 0; i < RECORDS; i++)
		assert_int_equal(create(f, intake, "intake", "", record[i], etag, "note", "一", NULL), 0);
	from = log_size(f);
	for (unsigned turn = 0; turn < 2; turn++) {
		assert_int_equal(vault_turn_begin(f->v), 0);
		fixture_turn_open = true;
		for (unsigned i = 0; i < RECORDS; i++) {
			assert_int_equal(read_field(f, worker, "visit", record[i], "note", false, text), 0);
			assert_string_equal(text, "一");
		}
		fixture_turn_open = false;
		assert_int_equal(vault_turn_end(f->v), 0);
		for (unsigned i = merged = 0; i < RECORDS; i++)
			merged += public_wraps(f, record[i]) == 0;
		assert_int_equal(merged, turn == 0 ? VAULT_MERGES : RECORDS);
	}
	assert_int_equal(leaves_of_kind(f, from, LEAF_MERGE), 2);
}

static unsigned run_logout(struct vault *v, struct vault_call *c, void *m)
{
	(void)m;
	return vault_logout(v, c);
}

static void a_session_that_ends_in_its_turn_merges_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], intake[32], record[16], etag[16];
	struct wire_envelope env;
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_INTAKE, intake), 0);
	assert_int_equal(create(f, intake, "intake", "", record, etag, "note", "一", NULL), 0);
	env = envelope(f, worker, "", "");
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(read_field(f, worker, "visit", record, "note", false, text), 0);
	assert_int_equal(one_call(f, &env, true, run_logout, NULL), 0);
	assert_int_equal(one_call(f, &env, true, run_nothing, NULL), PROBLEM_UNAUTHENTICATED);
	fixture_turn_open = false;
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(public_wraps(f, record), 1);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(read_field(f, worker, "visit", record, "note", false, text), 0);
	assert_int_equal(public_wraps(f, record), 0);
}

static void two_changes_of_one_turn_see_each_other(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16], second[16], third[16];
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(create(f, worker, "visit", "", record, etag, "note", "一", NULL), 0);
	assert_int_equal(patch(f, worker, "visit", record, etag, second, "note", "二", NULL), 0);
	/* Refused in the middle: what came before it stands. */
	assert_int_equal(patch(f, worker, "visit", record, etag, third, "note", "三", NULL), PROBLEM_PRECONDITION_FAILED);
	assert_int_equal(patch(f, worker, "visit", record, second, third, "city", "某市", NULL), 0);
	assert_int_equal(read_field(f, worker, "visit", record, "note", false, text), 0);
	assert_string_equal(text, "二");
	fixture_turn_open = false;
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(read_field(f, worker, "visit", record, "note", false, text), 0);
	assert_string_equal(text, "二");
	assert_int_equal(read_field(f, worker, "visit", record, "city", true, text), 0);
	assert_string_equal(text, "某市");
}

/* ---- sealing --------------------------------------------------------------------------------------------------------- */

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void sealing_again_and_again_leaves_nothing_open(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], wrong[32] = { 0 };
	unsigned before = descriptors();
	struct slot_info slot;

	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(login(f, P_WORKER, worker), 0);
		hello(f, f->person[P_CLERK].g.principal.id);
		assert_int_equal(vault_seal(f->v), 0);
		assert_int_equal(vault_seal(f->v), CV_ERR_STATE);
		assert_int_equal(vault_applied_fd(f->v), -1);
		assert_int_equal(vault_slot(f->v, 3, &slot), 0);
		assert_int_equal(vault_slot(f->v, 2, &slot), CV_ERR_NOTFOUND);
		assert_int_equal(vault_unseal(f->v, 3, wrong), CV_ERR_AUTH);
		assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
		assert_int_equal(vault_unseal(f->v, 3, f->kek), CV_ERR_STATE);
		assert_int_equal(session_count(f->v->keys), 0);
		assert_int_equal(descriptors(), before);
	}
}

static void a_daemon_that_stops_says_so_in_its_leaf(void **state)
{
	static const uint8_t whats[] = { 3, 2 };
	struct fixture *f = *state;
	struct buf b;
	struct leaf l;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t at = log_size(f);

		if (i == 0) {
			assert_int_equal(vault_seal(f->v), 0);
			assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
		} else {
			vault_close(f->v);
			fixture_open(f);
		}
		buf_init(&b, STORE_LEAF_MAX);
		assert_int_equal(audit_read_leaf(f->v->audit, at, &b), 0);
		assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
		assert_int_equal(l.kind, LEAF_START);
		assert_int_equal(l.body_a[0], whats[i]);
		buf_free(&b);
	}
}

/* ---- small parts ----------------------------------------------------------------------------------------------------- */

static void texts_that_no_leaf_could_hold_are_refused(void **state)
{
	struct fixture *f = *state;
	struct wire_envelope env;
	struct wire_read m = { .record = f->request_id };
	uint8_t worker[32];
	char text[LEAF_REASON_MAX + 1];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < 2; i++) {
		env = envelope(f, worker, "visit", "");
		if (i == 0)
			env.case_text = wire_text(text, LEAF_CASE_MAX + 1);
		else
			env.reason = wire_text(text, LEAF_REASON_MAX + 1);
		assert_int_equal(one_turn(f, &env, true, run_read, &m), PROBLEM_BAD_REQUEST);
	}
}

static void a_value_takes_the_place_of_the_old_one_if_it_fits(void **state)
{
	static const struct { const char *text; size_t bytes; } steps[] = {
		{ "abcdef", 6 }, { "xy", 6 }, { "z", 6 }, { "longer than before", 24 }, { "abcdef", 24 }, { "", 24 },
	};
	static const uint8_t page[4000];
	struct provenance prov = { .source = 1 };
	struct content *x = calloc(1, sizeof(*x));

	(void)state;
	assert_non_null(x);
	buf_init(&x->bytes, 4096);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct content_item *item;
		size_t n = strlen(steps[i].text);

		assert_int_equal(content_set(x, 5, VALUE_TEXT, (const uint8_t *)steps[i].text, n, 32, &prov, false), 0);
		item = content_find(x, 5);
		assert_non_null(item);
		assert_int_equal(item->length, n);
		assert_memory_equal(x->bytes.p + item->at, steps[i].text, n);
		assert_int_equal(x->bytes.n, steps[i].bytes);
		assert_int_equal(x->n, 1);
	}
	assert_int_equal(content_set(x, 5, VALUE_NULL, NULL, 0, 8, &prov, false), 0);
	assert_int_equal(x->n, 0);
	/* One that does not fit changes nothing. */
	x->bytes.max = x->bytes.cap;
	assert_int_equal(content_set(x, 6, VALUE_TEXT, page, sizeof(page), 4096, &prov, false), CV_ERR_NOMEM);
	assert_int_equal(x->n, 0);
	buf_free(&x->bytes);
	free(x);
}

/* ---- making a vault --------------------------------------------------------------------------------------------------- */

struct making {
	struct vault_genesis g;
	struct genesis_person people[PEOPLE];
	struct genesis_signer signers[3];
	struct vault_genesis_slot slots[2];
	uint16_t role;
};

static void one_signer(struct making *m) { m->g.signer_count = 1; }
static void many_signers(struct making *m) { m->g.signer_count = 17; }
static void no_slot(struct making *m) { m->g.slot_count = 0; }
static void slot_twice(struct making *m) { m->slots[1].number = m->slots[0].number; }
static void slot_out_of_range(struct making *m) { m->slots[1].number = SLOT_COUNT; }
static void signer_unknown(struct making *m) { m->signers[1].id[0] ^= 1; }
static void signer_no_administrator(struct making *m) { memcpy(m->signers[1].id, m->people[P_WORKER].principal.id, 16); }
static void signer_twice(struct making *m) { memcpy(m->signers[1].id, m->signers[0].id, 16); }
static void one_person_signs_twice(struct making *m)
{
	memcpy(m->people[P_ADMIN_B].principal.person, m->people[P_ADMIN_A].principal.person, 16);
}
static void role_unknown(struct making *m)
{
	m->role = 999;
	m->people[P_CLERK].roles = &m->role;
}
static void no_change(struct making *m) { (void)m; }
static void no_policy(struct making *m) { m->g.policy_n--; }

static void a_vault_is_made_of_what_fits_or_not_at_all(void **state)
{
	static const struct { void (*spoil)(struct making *m); int result; } cases[] = {
		{ one_signer, CV_ERR_ARG }, { many_signers, CV_ERR_ARG }, { no_slot, CV_ERR_ARG }, { slot_twice, CV_ERR_ARG },
		{ slot_out_of_range, CV_ERR_ARG }, { signer_unknown, CV_ERR_ARG }, { signer_no_administrator, CV_ERR_ARG },
		{ signer_twice, CV_ERR_ARG }, { one_person_signs_twice, CV_ERR_ARG }, { role_unknown, CV_ERR_ARG },
		{ no_policy, CV_ERR_FORMAT }, { no_change, 0 }, { no_change, CV_ERR_EXISTS },
	};
	struct fixture *f = *state;
	struct making *m = calloc(1, sizeof(*m));
	char dir[] = "/tmp/cv-genesis-XXXXXX", cmd[64];
	struct vault *v;

	assert_non_null(m);
	assert_non_null(mkdtemp(dir));
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(m, 0, sizeof(*m));
		for (unsigned j = 0; j < PEOPLE; j++)
			m->people[j] = f->person[j].g;
		for (unsigned j = 0; j < 2; j++) {
			memcpy(m->signers[j].id, m->people[j].principal.id, 16);
			m->signers[j].sign = sign_cb;
			m->signers[j].cookie = &f->person[j];
			m->slots[j] = (struct vault_genesis_slot){ .number = 2 + j, .info = { .type = SLOT_DEMO } };
		}
		m->g = (struct vault_genesis){ .dir = dir, .demo = true, .policy = f->policy.p, .policy_n = f->policy.n,
			.people = m->people, .people_count = fixture_people(&f->policy), .signers = m->signers, .signer_count = 2,
			    .slots = m->slots,
			.slot_count = 2, .journal_file_bytes = 256u << 10, .journal_files = 2 };
		cases[i].spoil(m);
		assert_int_equal(vault_genesis(&m->g), cases[i].result);
		if (cases[i].result == CV_ERR_ARG || cases[i].result == CV_ERR_FORMAT)
			assert_int_equal(vault_open(dir, &v), CV_ERR_NOTFOUND);
	}
	assert_int_equal(vault_open(dir, &v), 0);
	assert_int_equal(vault_unseal(v, 2, m->slots[0].kek), 0);
	vault_close(v);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	assert_int_equal(system(cmd), 0);
	free(m);
}

#define ON(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ON_SMALL(name) cmocka_unit_test_setup_teardown(name, setup_small, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SMALL(the_state_names_the_tables_after_a_failed_turn),
		ON_SMALL(a_full_turn_leaves_nothing_behind),
		ON(a_given_up_turn_leaves_nothing_to_put),
		ON_SMALL(a_full_turn_makes_room_for_the_next),
		ON_SMALL(what_a_turn_has_no_room_for_comes_later),
		ON(a_failed_write_ends_data_verbs_until_the_next_start),
		ON(an_answer_that_no_front_could_take_is_refused),
		ON(a_request_after_midnight_closes_the_day),
		ON(days_that_the_log_did_not_see_are_closed_when_the_operator_confirms_the_date),
		ON(operator_renews_the_daily_keys_for_ten_years),
		ON(log_renews_by_itself_in_its_last_days_with_the_keys_of_the_ratchet),
		ON(idempotency_keys_are_forgotten_after_their_day),
		ON(every_session_that_runs_out_has_its_leaf),
		ON(failed_openings_make_one_leaf),
		ON_SMALL(failed_openings_are_counted_until_a_leaf_is_durable),
		ON(a_turn_merges_sixty_four_records_and_leaves_the_rest_to_the_next),
		ON(a_session_that_ends_in_its_turn_merges_nothing),
		ON(two_changes_of_one_turn_see_each_other),
		ON(sealing_again_and_again_leaves_nothing_open),
		ON(a_daemon_that_stops_says_so_in_its_leaf),
		ON(texts_that_no_leaf_could_hold_are_refused),
		cmocka_unit_test(a_value_takes_the_place_of_the_old_one_if_it_fits),
		ON(a_vault_is_made_of_what_fits_or_not_at_all),
	};

	return cmocka_run_group_tests_name("vault turns", tests, NULL, NULL);
}

/* What a vault says and keeps when single calls to the C library fail. tests/faults goes through all of them; here stands what it found. */
#include <fcntl.h>

#include "faults/fault.h"
#include "store/files.h"
#include "test_vault_operations.h"

#define CALLS 1000	/* more than any operation here makes */
#define OPENING 40	/* calls up to the open keyring, and a few more */

static struct fault_report report;

static int vault_setup(void **state)
{
	fixture_journal_bytes = 2u << 20;
	return gov_setup(state);
}

static void fail_call(enum fault_kind kind, unsigned n, bool lasting)
{
	struct fault_plan plan = { .kind = kind, .n = n, .lasting = lasting };

	fault_set(&plan, &report);
	fault_arm();
}

static bool trouble(int r)
{
	return r == CV_ERR_NOMEM || r == CV_ERR_IO || r == CV_ERR_FULL;
}

/* valgrind has an allocator of its own, which does not fail. */
static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

/* As if the machine had stopped here. */
static void assert_starts_from_here(struct fixture *f)
{
	char copy[80], cmd[300];
	struct vault *v;

	snprintf(copy, sizeof(copy), "%s.copy", f->dir);
	snprintf(cmd, sizeof(cmd), "cp -r %s %s", f->dir, copy);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(vault_open(copy, &v), 0);
	assert_int_equal(vault_unseal(v, 3, f->kek), 0);
	vault_close(v);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", copy);
	assert_int_equal(system(cmd), 0);
}

static void applying_without_memory_loses_no_leaf_and_goes_on_later(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16];

	/* Before anything was applied: the buffers of the apply thread do not have their size yet. */
	for (unsigned n = 1; n < CALLS && (n == 1 || report.failed > 0); n++) {
		restart(f);
		assert_int_equal(login(f, P_WORKER, worker), 0);
		assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "张三", "place", EAST, NULL), 0);
		fail_call(FAULT_ALLOC, n, n % 2 == 0);
		(void)vault_checkpoint_now(f->v);
		fault_disarm();
		assert_true(store_healthy(f->v->store));
		assert_int_equal(vault_checkpoint_now(f->v), 0);
		assert_starts_from_here(f);
	}
	assert_int_equal(report.failed, 0);
}

static void a_start_without_memory_does_not_call_the_vault_damaged(void **state)
{
	struct fixture *f = *state;
	int r;

	if (under_valgrind())
		skip();
	vault_close(f->v);
	log_init("test", 0);
	for (unsigned n = 1; n <= OPENING; n++) {
		f->v = NULL;
		fail_call(FAULT_ALLOC, n, false);
		if ((r = vault_open(f->dir, &f->v)) == 0)
			r = vault_unseal(f->v, 3, f->kek);
		fault_disarm();
		assert_int_equal(report.failed, 1);
		assert_true(r == 0 || trouble(r));	/* some it can do without */
		vault_close(f->v);
	}
	fixture_open(f);
}

static void a_folder_that_cannot_be_opened_is_not_called_absent(void **state)
{
	struct fixture *f = *state;
	struct vault *v;

	fail_call(FAULT_OPEN, 1, false);
	assert_int_equal(vault_open(f->dir, &v), CV_ERR_IO);
	fault_disarm();
	assert_int_equal(vault_open("/nowhere", &v), CV_ERR_NOTFOUND);
}

static unsigned failing_call;
static enum fault_kind failing_kind = FAULT_ALLOC;

static unsigned failing_turn(struct fixture *f, const struct wire_envelope *env, bool session, test_run run, void *m)
{
	unsigned problem;

	assert_int_equal(vault_turn_begin(f->v), 0);
	fail_call(failing_kind, failing_call, false);
	problem = one_call(f, env, session, run, m);
	fault_disarm();
	assert_int_equal(vault_turn_end(f->v), 0);
	return problem;
}

static void a_request_without_memory_is_told_to_come_again(void **state)
{
	struct fixture *f = *state;
	struct cast who;
	uint8_t record[16], id[16];
	unsigned problem;

	cast(f, &who);
	new_child(f, &who, EAST, record);
	for (failing_call = 1; failing_call < CALLS && (failing_call == 1 || report.failed > 0); failing_call++) {
		restart(f);
		assert_int_equal(login(f, P_MANAGER, who.manager), 0);
		fixture_turn = failing_turn;
		problem = assign(f, who.manager, "clerk", &record, 1, "visit", 0, id);
		fixture_turn = NULL;
		if (problem != 0)
			assert_int_equal(problem, PROBLEM_OVERLOADED);
		assert_int_equal(assign(f, who.manager, "clerk", &record, 1, "visit", 0, id), 0);
	}
	assert_int_equal(report.failed, 0);
}

static void a_record_that_cannot_be_looked_up_is_not_called_absent(void **state)
{
	struct fixture *f = *state;
	struct cast who;
	uint8_t record[16], id[16];
	unsigned problem, failed = 0;

	cast(f, &who);
	new_child(f, &who, EAST, record);
	failing_kind = FAULT_LMDB;
	for (failing_call = 1; failing_call < CALLS && (failing_call == 1 || report.failed > 0); failing_call++) {
		restart(f);
		assert_int_equal(login(f, P_MANAGER, who.manager), 0);
		fixture_turn = failing_turn;
		problem = assign(f, who.manager, "clerk", &record, 1, "visit", 0, id);
		fixture_turn = NULL;
		failed += problem != 0;
		if (problem != 0)
			assert_int_equal(problem, PROBLEM_AUDIT_UNAVAILABLE);
	}
	failing_kind = FAULT_ALLOC;
	assert_int_equal(report.failed, 0);
	assert_true(failed > 0);
}

static int custodians_setup(void **state)
{
	int r;

	fixture_custodians = true;
	r = vault_setup(state);
	fixture_custodians = false;
	return r;
}

/* A start; then a rekey of the school's role that waits for the second custodian alone. */
static void rekey_waits(struct fixture *f, struct parts *ret, uint8_t ret_id[16])
{
	struct body b;

	restart(f);
	parts(f, ret);
	body_begin(&b);
	body_text(&b, "kind", "rekey");
	body_texts(&b, "roles", "school");
	assert_int_equal(gov_post(f, ret->a, "requests", &b, ret_id), 0);
	assert_int_equal(sign_as(f, ret->a, ret_id, "sign"), 0);
	assert_int_equal(sign_as(f, ret->b, ret_id, "approve"), 0);
	assert_int_equal(give(f, ret->c1, P_CUSTODIAN_1, ret_id, false), 0);
}

/* The last share of a rekey, without memory for some part of carrying it out: done once, or not at all and then again. */
static void a_rekey_without_memory_is_done_once_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	uint32_t epoch = 1;
	uint8_t id[16];
	unsigned problem;
	struct parts x;

	/* All of the first calls, then some of the many that loading a directory takes. */
	for (failing_call = 1; failing_call == 1 || report.failed > 0; failing_call += 1 + failing_call / 16) {
		rekey_waits(f, &x, id);
		give_turn = failing_turn;
		problem = give(f, x.c2, P_CUSTODIAN_2, id, false);
		give_turn = NULL;
		if (problem != 0) {
			assert_int_equal(problem, PROBLEM_OVERLOADED);
			assert_int_equal(directory_role_newest(f->v->keys, ROLE_SCHOOL), epoch);
			assert_int_equal(object_of(f, id)->prefix.state, GOV_PENDING);
			assert_int_equal(give(f, x.c2, P_CUSTODIAN_2, id, false), 0);
		}
		epoch++;
		assert_int_equal(object_of(f, id)->prefix.state, GOV_APPROVED);
		assert_int_equal(directory_role_newest(f->v->keys, ROLE_SCHOOL), epoch);
	}
	restart(f);
	assert_int_equal(directory_role_newest(f->v->keys, ROLE_SCHOOL), epoch);
}

static unsigned turn_whose_end_has_no_memory(struct fixture *f, const struct wire_envelope *env, bool session, test_run run, void *m)
{
	unsigned problem;

	assert_int_equal(vault_turn_begin(f->v), 0);
	problem = one_call(f, env, session, run, m);
	fail_call(FAULT_ALLOC, failing_call, true);
	if (vault_turn_end(f->v) != 0)
		problem = PROBLEM_STORAGE_FULL;
	return problem;
}

/* A rekey is durable, and there is no memory for its directory: whom it puts out must not act by the old one. */
static void a_directory_that_does_not_load_lets_nobody_act_until_it_does(void **state)
{
	struct fixture *f = *state;
	uint32_t epoch = 1;
	unsigned problem, closed = 0;
	uint8_t id[16];
	struct parts x;
	int r;

	for (failing_call = 1; failing_call == 1 || report.failed > 0; failing_call += 1 + failing_call / 8) {
		rekey_waits(f, &x, id);
		give_turn = turn_whose_end_has_no_memory;
		problem = give(f, x.c2, P_CUSTODIAN_2, id, false);
		give_turn = NULL;
		epoch += problem == 0;
		if ((r = vault_turn_begin(f->v)) == 0) {
			assert_int_equal(directory_role_newest(f->v->keys, ROLE_SCHOOL), epoch);
			vault_turn_abort(f->v, CV_ERR_NOMEM);
		} else {
			assert_int_equal(r, CV_ERR_NOMEM);
			closed += directory_role_newest(f->v->keys, ROLE_SCHOOL) != epoch;
			assert_int_equal(vault_health(f->v), WIRE_AUDIT_UNAVAILABLE);
		}
		fault_disarm();
		assert_int_equal(vault_turn_begin(f->v), 0);
		assert_int_equal(vault_turn_end(f->v), 0);
		assert_int_equal(directory_role_newest(f->v->keys, ROLE_SCHOOL), epoch);
		assert_int_not_equal(vault_health(f->v), WIRE_AUDIT_UNAVAILABLE);
	}
	assert_true(closed > 0);
}

/* Bytes of the rows of a first directory; what they are made of matters little. */
static int add_bytes(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	(void)key;
	(void)val;
	*(size_t *)cookie += key_n + val_n;
	return 0;
}

static int make_directory(struct fixture *f, size_t *ret_bytes)
{
	static const uint32_t classes[] = { (uint32_t)CLASS_ID << 16, (uint32_t)CLASS_HEALTH << 16 };
	struct genesis_role roles[] = { { .role = ROLE_WORKER, .class_keys = classes, .class_count = 2 } };
	struct genesis_person people[] = { f->person[P_ADMIN_A].g, f->person[P_ADMIN_B].g, f->person[P_WORKER].g };
	struct genesis_directory d = { .people = people, .people_count = 3, .roles = roles, .role_count = 1, .class_keys = classes,
		.class_count = 2, .now_ms = 1 };
	struct genesis_signer signers[2] = { { .sign = sign_cb, .cookie = &f->person[P_ADMIN_A] },
		{ .sign = sign_cb, .cookie = &f->person[P_ADMIN_B] } };
	uint8_t digest[32];

	memcpy(signers[0].id, people[0].principal.id, 16);
	memcpy(signers[1].id, people[1].principal.id, 16);
	*ret_bytes = 0;
	return directory_genesis(f->v->keys, &d, signers, 2, add_bytes, ret_bytes, digest);
}

static void a_directory_made_without_memory_is_not_called_made(void **state)
{
	struct fixture *f = *state;
	size_t whole, bytes;
	int r;

	assert_int_equal(make_directory(f, &whole), 0);
	for (unsigned n = 1; n < CALLS && (n == 1 || report.failed > 0); n++) {
		fail_call(FAULT_ALLOC, n, false);
		r = make_directory(f, &bytes);
		fault_disarm();
		if (report.failed > 0)
			assert_int_equal(r, CV_ERR_NOMEM);
		else
			assert_int_equal(r, 0);
		if (r == 0)
			assert_int_equal(bytes, whole);
	}
	assert_int_equal(report.failed, 0);
}

static void a_full_disk_is_called_full_for_folders_too(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->dir, O_RDONLY | O_DIRECTORY);

	assert_true(fd >= 0);
	fail_call(FAULT_SPACE, 1, true);
	assert_int_equal(files_make_parents(fd, "log/tile/0/x999/000"), CV_ERR_FULL);
	assert_int_equal(files_open_dir(fd, "more"), CV_ERR_FULL);
	fault_disarm();
	assert_int_equal(files_make_parents(fd, "log/tile/0/x999/000"), 0);
	close(fd);
}

/* Applied leaves that no checkpoint covers yet. */
static void leaves_to_sign(struct fixture *f, uint8_t worker[32])
{
	uint8_t record[16], etag[16];

	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "张三", "place", EAST, NULL), 0);
	assert_int_equal(store_flush(f->v->store), 0);
}

static void a_checkpoint_whose_sync_fails_ends_data_calls_and_is_not_tried_again(void **state)
{
	struct fixture *f = *state;
	uint64_t was, size;
	uint8_t worker[32], root[32];

	log_init("test", 0);
	for (unsigned n = 1; n < CALLS && (n == 1 || report.failed > 0); n++) {
		leaves_to_sign(f, worker);
		assert_true(audit_signed(f->v->audit, &was, root));
		fail_call(FAULT_SYNC, n, false);
		vault_applied(f->v);
		fault_disarm();
		if (report.failed == 0)
			break;
		assert_int_equal(vault_health(f->v), WIRE_AUDIT_UNAVAILABLE);
		assert_int_equal(vault_turn_begin(f->v), CV_ERR_IO);
		assert_int_equal(vault_checkpoint_now(f->v), CV_ERR_IO);	/* the disk works again, and nobody believes it */
		assert_true(audit_signed(f->v->audit, &size, root));
		assert_int_equal(size, was);
		assert_int_not_equal(vault_close(f->v), 0);
		f->v = NULL;
		fixture_open(f);
		assert_int_equal(vault_health(f->v), WIRE_READY);
	}
	assert_int_equal(report.failed, 0);
	assert_int_equal(vault_health(f->v), WIRE_READY);
}

static void a_folder_whose_sync_failed_is_made_again(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->dir, O_RDONLY | O_DIRECTORY);

	assert_true(fd >= 0);
	fail_call(FAULT_SYNC, 1, false);
	assert_int_equal(files_make_parents(fd, "log/tile/0/x998/000"), CV_ERR_IO);
	assert_int_not_equal(faccessat(fd, "log/tile/0/x998", F_OK, 0), 0);
	assert_int_equal(files_make_parents(fd, "log/tile/0/x998/000"), 0);
	fault_disarm();
	assert_int_equal(report.calls, 2);
	close(fd);
}

static void a_stop_whose_sync_fails_is_no_clean_stop(void **state)
{
	struct fixture *f = *state;

	log_init("test", 0);
	fail_call(FAULT_SYNC, 1, false);
	assert_int_equal(vault_close(f->v), CV_ERR_IO);
	fault_disarm();
	assert_int_equal(report.failed, 1);
	fixture_open(f);
	assert_int_equal(vault_close(f->v), 0);
	fixture_open(f);
}

/* The sync of the turn fails. */
static unsigned unsynced_turn(struct fixture *f, const struct wire_envelope *env, bool session, test_run run, void *m)
{
	unsigned problem;

	assert_int_equal(vault_turn_begin(f->v), 0);
	problem = one_call(f, env, session, run, m);
	fail_call(FAULT_SYNC, 1, false);
	assert_int_equal(vault_turn_end(f->v), CV_ERR_IO);
	return problem;
}

static void assert_gauge(struct fixture *f, const char *name, uint64_t value)
{
	char line[80];

	snprintf(line, sizeof(line), "\nchildvault_%s %llu\n", name, (unsigned long long)value);
	buf_reset(&f->out);
	vault_metrics(f->v, &f->out);
	buf_u8(&f->out, 0);
	if (strstr((const char *)f->out.p, line) == NULL)
		fail_msg("not there: %s", line);
}

static void a_turn_whose_sync_fails_is_counted_nowhere(void **state)
{
	struct fixture *f = *state;
	uint64_t leaves, records = f->v->counters.next_serial - 1;
	uint8_t worker[32], record[16], etag[16];

	log_init("test", 0);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	leaves = store_durable_leaves(f->v->store);
	assert_gauge(f, "records", records);
	assert_gauge(f, "log_size", leaves);
	fixture_turn = unsynced_turn;
	assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "张三", "place", EAST, NULL), 0);
	fixture_turn = NULL;
	assert_int_equal(vault_turn_begin(f->v), CV_ERR_IO);
	assert_gauge(f, "records", records);
	assert_gauge(f, "log_size", leaves);
	assert_gauge(f, "healthy", 0);
	assert_int_equal(vault_health(f->v), WIRE_AUDIT_UNAVAILABLE);
	assert_int_equal(vault_close(f->v), CV_ERR_IO);
	fault_disarm();
	assert_int_equal(report.failed, 1);
	assert_int_equal(report.journal_writes, 0);
	fixture_open(f);
	assert_in_range(f->v->counters.next_serial - 1, records, records + 1);
	assert_gauge(f, "records", f->v->counters.next_serial - 1);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, vault_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(applying_without_memory_loses_no_leaf_and_goes_on_later),
		TEST(a_start_without_memory_does_not_call_the_vault_damaged),
		TEST(a_folder_that_cannot_be_opened_is_not_called_absent),
		TEST(a_request_without_memory_is_told_to_come_again),
		TEST(a_record_that_cannot_be_looked_up_is_not_called_absent),
		cmocka_unit_test_setup_teardown(a_rekey_without_memory_is_done_once_or_not_at_all, custodians_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_directory_that_does_not_load_lets_nobody_act_until_it_does, custodians_setup,
		    fixture_teardown),
		TEST(a_directory_made_without_memory_is_not_called_made),
		TEST(a_full_disk_is_called_full_for_folders_too),
		TEST(a_checkpoint_whose_sync_fails_ends_data_calls_and_is_not_tried_again),
		TEST(a_folder_whose_sync_failed_is_made_again),
		TEST(a_stop_whose_sync_fails_is_no_clean_stop),
		TEST(a_turn_whose_sync_fails_is_counted_nowhere),
	};

	return cmocka_run_group_tests_name("vault, failing calls", tests, NULL, NULL);
}

/* Sessions that end for another one, and what the vault remembers of them. */
#include <unistd.h>

#include "base/clock.h"
#include "test_vault.h"

static uint64_t log_size(const struct fixture *f)
{
	return store_durable_leaves(f->v->store);
}

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

/* Until what is used from now on counts as used later. */
static void wait_a_moment(void)
{
	for (uint64_t then = clock_mono_ms(); clock_mono_ms() == then;)
		assert_int_equal(usleep(500), 0);
}

static unsigned reads(struct fixture *f, const uint8_t token[32], const uint8_t record[16])
{
	char text[256];

	return read_field(f, token, "visit", record, "name", false, text);
}

static void session_that_ends_for_another_has_its_leaf(void **state)
{
	struct fixture *f = *state;
	uint8_t token[SESSION_PER_PRINCIPAL][32], more[32], other[32], record[16], etag[16];
	uint64_t before;

	assert_int_equal(login(f, P_INTAKE, other), 0);
	for (unsigned i = 0; i < SESSION_PER_PRINCIPAL; i++)
		assert_int_equal(login(f, P_WORKER, token[i]), 0);
	wait_a_moment();
	assert_int_equal(create(f, token[0], "visit", "", record, etag, "name", "冯二", NULL), 0);
	before = log_size(f);
	assert_int_equal(login(f, P_WORKER, more), 0);
	assert_int_equal(log_size(f), before + 2);
	assert_int_equal(leaf_kind(f, before), LEAF_SESSION_END);
	assert_int_equal(leaf_kind(f, before + 1), LEAF_SESSION);
	assert_int_equal(reads(f, token[1], record), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(reads(f, token[0], record), 0);
	assert_int_equal(reads(f, token[2], record), 0);
	assert_int_equal(reads(f, more, record), 0);
	assert_int_equal(create(f, other, "intake", "", record, etag, "name", "冯三", NULL), 0);
}

/* The turn has a merge to do with it, and would close it again if it failed. */
static void session_that_ends_in_the_turn_that_opened_it_is_forgotten(void **state)
{
	struct fixture *f = *state;
	uint8_t token[SESSION_PER_PRINCIPAL][32], fresh[32], more[32], intake[32], record[16], etag[16];
	char text[256];

	assert_int_equal(login(f, P_INTAKE, intake), 0);
	assert_int_equal(create(f, intake, "intake", "", record, etag, "name", "冯二", NULL), 0);
	for (unsigned i = 1; i < SESSION_PER_PRINCIPAL; i++)
		assert_int_equal(login(f, P_WORKER, token[i]), 0);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(login(f, P_WORKER, fresh), 0);
	assert_int_equal(read_field(f, fresh, "visit", record, "name", false, text), 0);
	assert_int_equal(f->v->opened, 1);
	assert_int_equal(f->v->merges, 1);
	wait_a_moment();
	for (unsigned i = 1; i < SESSION_PER_PRINCIPAL; i++)
		assert_non_null(session_find(f->v->keys, token[i], 1000, clock_wall_ms(), clock_mono_ms()));
	assert_int_equal(login(f, P_WORKER, more), 0);
	fixture_turn_open = false;
	assert_int_equal(f->v->opened, 1);
	assert_int_equal(f->v->merges, 0);
	assert_null(session_find(f->v->keys, fresh, 1000, clock_wall_ms(), clock_mono_ms()));
	assert_non_null(session_find(f->v->keys, more, 1000, clock_wall_ms(), clock_mono_ms()));
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(reads(f, more, record), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(session_that_ends_for_another_has_its_leaf, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(session_that_ends_in_the_turn_that_opened_it_is_forgotten, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("vault sessions", tests, NULL, NULL);
}

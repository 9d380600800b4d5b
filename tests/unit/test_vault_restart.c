/* Starts and stops around the end of a journal file: the first block of a start may be the one that begins the next file. */
#include "base/clock.h"
#include "test_vault.h"

#define FILE_BYTES (128u << 10)
#define NEAR 3000u	/* some starts and stops before the file's end */
#define STEP 120u	/* less than the block of a start takes */
#define ROUNDS 5u	/* so many steps are more than those of a start and a stop */

static int restart_setup(void **state)
{
	fixture_journal_bytes = FILE_BYTES;
	return fixture_setup(state);
}

/* Bytes that the journal file of the last block has left behind it. */
static uint64_t left(struct fixture *f)
{
	struct store_value row;

	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_int_equal(store_get(f->v->store, STORE_META, "journal", 7, &row), 0);
	return FILE_BYTES - be64_get(row.p + 8) - be32_get(row.p + 4);
}

/* A turn whose block is n bytes longer than the shortest. */
static void longer_turn(struct fixture *f, size_t n)
{
	static const uint8_t body[5 + STEP * ROUNDS] = { 3 };

	assert_int_equal(vault_turn_begin(f->v), 0);
	assert_int_equal(vault_system_leaf(f->v, LEAF_MERGE, body, 5 + n, false, clock_wall_ms()), 0);
	store_commit(f->v->store);
	assert_int_equal(vault_turn_end(f->v), 0);
}

static void vault_starts_wherever_in_the_journal_it_was_stopped(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16];

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t room;

		assert_int_equal(login(f, P_WORKER, worker), 0);
		while (left(f) > 8 * NEAR)
			assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "张小明", "city", "某市", NULL), 0);
		while (left(f) > NEAR)
			longer_turn(f, 0);
		longer_turn(f, STEP * round);
		do {
			room = left(f);
			vault_close(f->v);
			fixture_open(f);
		} while (left(f) < room);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(vault_starts_wherever_in_the_journal_it_was_stopped, restart_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("vault restart", tests, NULL, NULL);
}

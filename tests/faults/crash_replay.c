/* A journal as full as it gets: nothing is applied, since LMDB finds no room, and then the vault is killed. */
#include "crash.h"

#include "base/clock.h"
#include "crash_record.h"
#include "unit/test_vault_gov.h"

struct fixture *replay_origin(const char *to)
{
	struct fixture *f;
	char cmd[256];
	void *state;

	fixture_journal_bytes = 32u << 20;	/* two files: as long as the four of a vault that is not asked for other sizes */
	assert_int_equal(gov_setup(&state), 0);
	f = state;
	vault_close(f->v);
	f->v = NULL;
	buf_free(&f->out);
	snprintf(cmd, sizeof(cmd), "cp -r %s %s && rm -rf %s", f->dir, to, f->dir);
	assert_int_equal(system(cmd), 0);
	return f;
}

void replay_fill(struct fixture *f)
{
	uint8_t worker[32], record[16], etag[16];
	unsigned problem = 0;
	size_t limit;

	fixture_open(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	crash_fill(true);
	for (unsigned i = 0; i < 100000 && problem == 0; i++)
		problem = create(f, worker, "visit", "", record, etag, "name", "张小明", "city", "某市", "place", EAST, "note", "过敏", NULL);
	assert_int_equal(problem, PROBLEM_STORAGE_FULL);
	story->waiting = store_waiting(f->v->store, &limit);
}

void replay_start(struct fixture *f)
{
	uint64_t begin = clock_mono_ms(), took;
	uint8_t worker[32];

	fixture_open(f);
	took = clock_mono_ms() - begin;
	printf("replay: a start with %.1f MiB of journal that wait, %llu records, takes %llu ms\n", (double)story->waiting / 1048576,
	    (unsigned long long)(f->v->counters.next_serial - 1), (unsigned long long)took);
	fflush(stdout);
	if (took > REPLAY_MS)
		finding("replay took %llu ms", (unsigned long long)took);
	if (login(f, P_WORKER, worker) != 0)
		finding("no session after the replay");
	if (vault_seal(f->v) != 0)
		finding("no clean stop after the replay");
	vault_close(f->v);
	f->v = NULL;
}

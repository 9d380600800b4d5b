/*
 * Crashes of what is not a vault's work: of a start that follows a crash, of the making of a vault, of a compaction. Each is recorded
 * behind the work's steps and forgotten again.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash.h"
#include "crash_disk.h"
#include "crash_record.h"
#include "store/compact.h"
#include "unit/test_vault_gov.h"

#define STARTS 4u		/* crashes after which a start is looked at, in the sample */
#define STARTS_FULL 40u
#define STEPS 6u		/* of each of those starts, of the making and of the compaction */
#define STEPS_FULL 400u

static void copy(const char *from, const char *to)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "rm -rf %s && cp -r %s %s", to, from, to);
	assert(system(cmd) == 0);
}

/* Crash at so many of the steps from first on, of d, whose steps they are. */
static void crash_each(struct disk *d, uint64_t first, unsigned most, const struct crash_trial *t)
{
	uint64_t count = crash_steps() - first + 1, step = count > most ? count / most : 1;

	for (uint64_t i = first + (step > 1 ? t->n % step : 0); i <= crash_steps(); i += step) {
		disk_play(d, i);
		crash_one(t, d, i, false, 0);
		crash_one(t, d, i, true, t->n * 31 + i);
	}
}

/* ---- starts ------------------------------------------------------------------------------------------------------- */

/* The vault that a crash left is started, in a process that is killed once it is ready. */
static void record_start(void)
{
	int pid;

	if ((pid = crash_child(crash_other, crash_other)) == 0) {
		fixture_open(crash_origin);
		_exit(0);
	}
	crash_child_end(pid, "start");
}

/* What the work's n-th step left, by a kill or a power cut, is started; that start is killed, or its power cut, in its turn. */
static void starts_at(struct disk *work, uint64_t n, bool cut, unsigned most)
{
	const struct crash_trial t = { cut ? "start after a power cut" : "start after a kill", check_state, n, cut };
	uint64_t first = crash_steps();
	char begun[96];
	struct disk *d;

	snprintf(begun, sizeof(begun), "%s.begun", crash_other);
	story->finding[0] = '\0';
	if (cut)
		disk_cut(work, begun, n);
	else
		disk_killed(work, begun, 0);
	/* What a power cut leaves is all on the disk; what a kill leaves is partly still to be written. */
	d = cut ? disk_new(begun) : disk_copy(work, first);
	disk_from(d, first);
	copy(begun, crash_other);
	crash_clock(n > 0 ? crash_step(n - 1)->clock_ms : 0);
	record_start();
	if (story->finding[0] != '\0')
		printf("%s at step %llu: %s\n", t.name, (unsigned long long)n, story->finding);
	crash_each(d, first, most, &t);
	crash_forget(first);
	disk_free(d);
}

void begin_starts(bool full)
{
	unsigned starts = full ? STARTS_FULL : STARTS;
	struct disk *work = disk_new(crash_base);
	uint64_t all = crash_steps();

	for (unsigned i = 0; i < starts; i++) {
		uint64_t n = (2 * i + 1) * all / (2 * starts);

		disk_play(work, n);
		starts_at(work, n, false, full ? STEPS_FULL : STEPS);
		starts_at(work, n, true, full ? STEPS_FULL : STEPS);
	}
	disk_free(work);
}

/* ---- genesis ------------------------------------------------------------------------------------------------------ */

static uint64_t made_at;	/* steps of a making that was answered as done */

/* No vault, or a whole one; and that, if its making was done. */
static void check_genesis(struct fixture *f, uint64_t n, bool cut)
{
	uint8_t worker[32], record[16], etag[16];
	int r;

	(void)cut;
	if ((r = vault_open(f->dir, &f->v)) != 0) {
		if (n >= made_at || (r != CV_ERR_NOTFOUND && r != CV_ERR_FORMAT))
			finding("the vault does not open: %s", cv_strerror(r));
		return;
	}
	if ((r = vault_unseal(f->v, 3, f->kek)) != 0)
		finding("the vault does not unseal: %s", cv_strerror(r));
	else if (login(f, P_WORKER, worker) != 0 || create(f, worker, "visit", "", record, etag, "name", "张三", "place", EAST, NULL) != 0)
		finding("no work in the new vault: %s", f->v->call.explanation);
	if (vault_close(f->v) != 0)
		finding("no clean stop of the new vault");
	f->v = NULL;
	if (story->finding[0] == '\0')
		check_log(f, "of the new vault");
}

void begin_genesis(bool full)
{
	struct crash_trial t = { "genesis", check_genesis, 0, false };
	unsigned most = full ? STEPS_FULL : 4 * STEPS;
	uint64_t first = crash_steps(), all;
	struct disk *d;
	int pid;

	story->finding[0] = '\0';
	copy("/dev/null", crash_other);
	assert(unlink(crash_other) == 0 && mkdir(crash_other, 0700) == 0);
	d = disk_new(crash_other);
	disk_from(d, first);
	crash_clock(0);
	if ((pid = crash_child(crash_other, crash_other)) == 0) {
		if (fixture_genesis(crash_origin) != 0)
			finding("genesis");
		_exit(0);
	}
	crash_child_end(pid, "genesis");
	if (story->finding[0] != '\0')
		printf("genesis: %s\n", story->finding);
	made_at = all = crash_steps();
	/* Most of the steps make files of keys and fill the journal: as many of those, and of the last ones, which make it a vault. */
	for (uint64_t i = first; i <= all; i += i + 100 < all ? 1 + (all - first) / most : full ? 1 : 100 / most) {
		disk_play(d, i);
		t.n = i;
		crash_one(&t, d, i, false, 0);
		crash_one(&t, d, i, true, i);
	}
	crash_forget(first);
	disk_free(d);
}

/* ---- compaction --------------------------------------------------------------------------------------------------- */

void begin_compaction(bool full)
{
	const struct crash_trial t = { "compaction", check_state, crash_steps(), false };
	uint64_t first = crash_steps();
	struct store_compact_report rep;
	char begun[96];
	struct disk *d;
	int pid, r;

	snprintf(begun, sizeof(begun), "%s.begun", crash_other);
	story->finding[0] = '\0';
	copy(crash_work, begun);
	copy(crash_work, crash_other);
	d = disk_new(begun);
	disk_from(d, first);
	crash_clock(first > 0 ? crash_step(first - 1)->clock_ms : 0);
	if ((pid = crash_child(crash_other, crash_other)) == 0) {
		if ((r = store_compact(crash_other, &rep)) != 0)
			finding("%s", cv_strerror(r));
		_exit(0);
	}
	crash_child_end(pid, "compaction");
	if (story->finding[0] != '\0')
		printf("compaction: %s\n", story->finding);
	crash_each(d, first, full ? STEPS_FULL : 2 * STEPS, &t);
	crash_forget(first);
	disk_free(d);
}

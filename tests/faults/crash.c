/*
 * A vault is killed, and loses its power, at every step at which it writes; started anew, it has to have everything that its clients were
 * told, and nothing half.
 *
 *	crash [--full] [--kill | --cut] [--step N [--seed S]]
 *
 * The work is recorded once (crash_record.h); then the disk as it may have been at each step (crash_disk.h) is made anew, and a process of
 * its own starts the vault on it and looks (crash_check.c). Without --full a sample: as many steps of each kind of work.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash.h"
#include "crash_disk.h"
#include "crash_record.h"
#include "unit/test_vault.h"

#define SEEDS 6u		/* power cuts at each step of the full run */
#define SAMPLE 200u		/* kills of the sample, and power cuts */

struct story *story;
struct fixture *crash_origin;
char crash_base[80], crash_work[80], crash_state[80], crash_other[80];
static char root[64], log_file[80];
static unsigned runs, findings;

void finding(const char *fmt, ...)
{
	va_list ap;

	if (story->finding[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(story->finding, sizeof(story->finding), fmt, ap);
	va_end(ap);
}

const char *fact_name(enum fact_what what)
{
	static const char *const names[FACT_KINDS] = { "create", "change", "assignment", "request", "grant", "job", "suspending",
		"restoring",
		"rekey", "re-wrap", "re-wrap's end", "checkpoint", "epoch's end", "stop", "start", "turn" };

	return names[what];
}

/* ---- processes ---------------------------------------------------------------------------------------------------- */

int crash_child(const char *dir, const char *record)
{
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) != 0)
		return pid;
	assert(freopen(log_file, "a", stderr) != NULL);
	buf_init(&crash_origin->out, 16u << 20);
	snprintf(crash_origin->dir, sizeof(crash_origin->dir), "%s", dir);
	crash_record(record);
	return 0;
}

void crash_child_end(int pid, const char *what)
{
	int status = 0;

	assert(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status))
		finding("%s: signal %d", what, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		finding("%s: exit code %d", what, WEXITSTATUS(status));
}

static bool record_work(void)
{
	pid_t pid;

	for (unsigned part = 0; part < WORK_PARTS && story->finding[0] == '\0'; part++) {
		if ((pid = crash_child(crash_work, crash_work)) == 0) {
			work_part(crash_origin, part);
			_exit(0);	/* as killed: nothing is closed */
		}
		crash_child_end(pid, "work");
	}
	if (story->finding[0] == '\0') {
		if ((pid = crash_child(crash_work, NULL)) == 0) {
			work_leaves(crash_origin);
			_exit(0);
		}
		crash_child_end(pid, "leaves");
	}
	if (story->finding[0] == '\0' && story->ended)
		return true;
	printf("crash: the work itself: %s; log: %s\n", story->finding, log_file);
	return false;
}

/* ---- crashes ------------------------------------------------------------------------------------------------------ */

/* What was under way at a step, for the reader of a finding. */
static const char *under_way(uint64_t n)
{
	for (unsigned i = 0; i < story->facts; i++)
		if (story->fact[i].begin <= n && n < story->fact[i].told)
			return fact_name(story->fact[i].what);
	return "nothing";
}

void crash_one(const struct crash_trial *t, const struct disk *d, uint64_t step, bool cut, uint64_t seed)
{
	pid_t pid;

	story->finding[0] = '\0';
	if (cut)
		disk_cut(d, crash_state, seed);
	else
		disk_killed(d, crash_state, (unsigned)seed * 2);
	crash_clock(step > 0 ? crash_step(step - 1)->clock_ms : 0);
	if ((pid = crash_child(crash_state, NULL)) == 0) {
		t->check(crash_origin, t->n, cut || t->after_cut);
		_exit(0);
	}
	crash_child_end(pid, "start");
	runs++;
	if (story->finding[0] == '\0')
		return;
	if (findings++ < 40)
		printf("%s: %s --step %llu --seed %llu, under way: %s: %s\n", t->name, cut ? "--cut" : "--kill", (unsigned long long)step,
		    (unsigned long long)seed, under_way(step), story->finding);
}

static bool is_large_write(uint64_t n)
{
	return n < crash_steps() && crash_step(n)->n > 8192 &&
	    (crash_step(n)->what == CRASH_WRITE || crash_step(n)->what == CRASH_WRITE_SYNC);
}

static uint64_t dice(uint64_t *x)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return *x >> 33;
}

/* As many steps of every kind of work, and as many of any. */
static uint8_t *choose(void)
{
	uint8_t *chosen = calloc(crash_steps() + 1, 1);
	uint64_t seed = 1;

	assert(chosen != NULL);
	for (unsigned i = 0; i < SAMPLE; i++) {
		const struct fact *x = NULL;

		if (i % 2 == 0) {
			chosen[dice(&seed) % (crash_steps() + 1)] = 1;
			continue;
		}
		for (unsigned tries = 0; tries < 100000 && (x == NULL || x->what != i / 2 % FACT_KINDS || x->told == UINT64_MAX); tries++)
			x = &story->fact[dice(&seed) % story->facts];
		if (x->told != UINT64_MAX)
			chosen[x->begin + dice(&seed) % (x->told - x->begin + 1)] = 1;
	}
	return chosen;
}

static void all_steps(bool full, bool cut)
{
	struct disk *d = disk_new(crash_base);
	uint8_t *chosen = choose();
	unsigned was = runs, found = findings;

	for (uint64_t n = 0; n <= crash_steps(); n++) {
		if (!full && !chosen[n])
			continue;
		disk_play(d, n);
		for (uint64_t seed = 0; seed < (!cut ? is_large_write(n) ? 2 : 1 : full ? SEEDS : 1); seed++)
			crash_one(&(struct crash_trial){ "work", check_state, n, false }, d, n, cut, cut ? n * SEEDS + seed : seed);
	}
	printf("%s: %u crashes, %u findings\n", cut ? "power cuts" : "kills", runs - was, findings - found);
	free(chosen);
	disk_free(d);
}

static void one_step(bool cut, uint64_t n, uint64_t seed)
{
	struct disk *d = disk_new(crash_base);

	disk_play(d, n);
	crash_one(&(struct crash_trial){ "work", check_state, n, false }, d, n, cut, seed);
	disk_free(d);
}

/* A part that crash_begin.c does. */
static void beside(const char *name, void (*part)(bool full), bool full)
{
	unsigned was = runs, found = findings;

	part(full);
	printf("%s: %u crashes, %u findings\n", name, runs - was, findings - found);
}

/* The start with a full journal; prints how long it takes. */
static void replay(void)
{
	struct fixture *was = crash_origin;
	char dir[96];
	pid_t pid;

	snprintf(dir, sizeof(dir), "%s/replay", root);
	story->finding[0] = '\0';
	crash_clock(0);
	crash_origin = replay_origin(dir);
	if ((pid = crash_child(dir, dir)) == 0) {
		replay_fill(crash_origin);
		_exit(0);
	}
	crash_child_end(pid, "filling");
	if (story->finding[0] == '\0') {
		if ((pid = crash_child(dir, NULL)) == 0) {
			replay_start(crash_origin);
			_exit(0);
		}
		crash_child_end(pid, "replay");
	}
	runs++;
	if (story->finding[0] != '\0') {
		findings++;
		printf("replay: %s\n", story->finding);
	}
	buf_free(&crash_origin->policy);
	free(crash_origin);
	crash_origin = was;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

static void prepare(void)
{
	char cmd[256];

	snprintf(root, sizeof(root), "%s/cv-crash-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert(mkdtemp(root) != NULL);
	snprintf(crash_base, sizeof(crash_base), "%s/base", root);
	snprintf(crash_work, sizeof(crash_work), "%s/work", root);
	snprintf(crash_state, sizeof(crash_state), "%s/state", root);
	snprintf(crash_other, sizeof(crash_other), "%s/other", root);
	snprintf(log_file, sizeof(log_file), "%s/log.txt", root);
	story = mmap(NULL, sizeof(*story), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(story != MAP_FAILED);
	crash_record_init();
	crash_origin = work_origin(crash_base);
	snprintf(cmd, sizeof(cmd), "cp -r %s %s", crash_base, crash_work);
	assert(system(cmd) == 0);
}

static void tidy(void)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", findings > 0 ? crash_state : root);
	assert(system(cmd) == 0);
}

int main(int argc, char **argv)
{
	bool full = false, kill = true, cut = true, one = false;
	uint64_t step = 0, seed = 0;
	char vault_dir[64], cmd[128];

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--full") == 0)
			full = true;
		else if (strcmp(argv[i], "--kill") == 0)
			cut = false;
		else if (strcmp(argv[i], "--cut") == 0)
			kill = false;
		else if (strcmp(argv[i], "--step") == 0 && i + 1 < argc)
			one = (step = strtoull(argv[++i], NULL, 10)) + 1 > 0;
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			seed = strtoull(argv[++i], NULL, 10);
		else
			return 2;
	}
	(void)setenv("CMOCKA_TEST_ABORT", "1", 1);	/* so that a check that fails says which */
	prepare();
	snprintf(vault_dir, sizeof(vault_dir), "%s", crash_origin->dir);
	if (!record_work())
		return 1;
	printf("crash: %u facts, %llu steps, %llu leaves\n", story->facts, (unsigned long long)crash_steps(),
	    (unsigned long long)story->leaves);
	if (one) {
		one_step(cut, step, seed);
	} else {
		if (kill)
			all_steps(full, false);
		if (cut)
			all_steps(full, true);
		if (kill && cut) {
			beside("starts after crashes", begin_starts, full);
			beside("compaction", begin_compaction, full);
			beside("genesis", begin_genesis, full);
			replay();
		}
	}
	printf("crash: %u runs, %u findings%s%s\n", runs, findings, findings > 0 ? "; log: " : "", findings > 0 ? log_file : "");
	tidy();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", vault_dir);
	assert(system(cmd) == 0);
	return findings > 0;
}

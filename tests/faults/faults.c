/*
 * Every call of a kind fails once, and from then on, while a whole vault starts after a crash, works and stops; afterwards it is
 * started anew and has to have all that was acknowledged and nothing half. Each run is two processes: one that meets the fault and
 * one that looks at what it left behind. What the first has told its clients stands in memory that both see.
 *
 *	faults [--full] [--in day|genesis] [--kind NAME [--call N [--lasting]]]
 *
 * FAULTS_WHERE=1 lets the log of a run with a finding tell where the call that failed came from.
 */
#include <assert.h>
#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "childvault_audit.h"
#include "fault.h"
#include "unit/test_vault_operations.h"
#include "vault/list.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define LEAKS() __lsan_do_recoverable_leak_check()
#else
#define LEAKS() 0
#endif

#define SAMPLE 8		/* calls of a kind that the bounded run lets fail */
#define VALUES 10
#define DAY ((int64_t)86400000)

/* What clients were told, and what may have come to stand though they were told that it failed. */
struct story {
	struct fault_report report;
	unsigned changes;		/* tried so far, from 1 */
	unsigned told;			/* newest change of the record that was answered as done */
	bool maybe[VALUES];		/* changes whose turn failed in its write or sync */
	unsigned created, creates_maybe;
	bool restarted;			/* the fault kept the vault from starting, and it was started again */
	uint8_t record[16];		/* made in the run, if created */
	unsigned assigned, assigns_maybe;
	unsigned rekeyed, rekeys_maybe;
	char finding[512];
};
static struct story *story;
static struct fixture *origin;		/* the vault that every run copies, as a crash left it */
static uint8_t child[16];		/* its record */
static uint64_t records_before;
static uint32_t epoch_before;		/* of the class identity */
static char root[32], crashed[48], work[48];
static struct fault_plan plan;
static bool quiet;			/* faults are not armed for now */
static unsigned findings, runs;

static const char *const value[VALUES] = { "张零", "张一", "张二", "张三", "张四", "张五", "张六", "张七", "张八", "张九" };

static void finding(const char *fmt, ...)
{
	va_list ap;

	if (story->finding[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(story->finding, sizeof(story->finding), fmt, ap);
	va_end(ap);
}

static void arm(void)
{
	if (!quiet)
		fault_arm();
}

static void copy(const char *from, const char *to)
{
	char cmd[320];

	snprintf(cmd, sizeof(cmd), "rm -rf %s && cp -r %s %s", to, from, to);
	assert_int_equal(system(cmd), 0);
}

/* ---- turns under faults ------------------------------------------------------------------------------------------- */

static bool doubtful;	/* the last turn failed when it was written: it may be there after the next start */

/* A machine in trouble says one of these. */
static bool closed(unsigned problem)
{
	return problem == 0 || problem == PROBLEM_AUDIT_UNAVAILABLE || problem == PROBLEM_STORAGE_FULL ||
	    (problem == PROBLEM_OVERLOADED && (plan.kind == FAULT_ALLOC || plan.kind == FAULT_MAP || plan.kind == FAULT_THREAD));
}

static unsigned faulty_turn(struct fixture *f, const struct wire_envelope *env, bool session, test_run run, void *m)
{
	uint16_t problem = PROBLEM_INTERNAL;
	uint64_t leaf;
	struct rd rd;
	int r;

	doubtful = false;
	buf_reset(&f->out);
	arm();
	if ((r = vault_turn_begin(f->v)) != 0) {
		vault_turn_refused(f->v, r, &f->out);
	} else {
		(void)one_call(f, env, session, run, m);	/* what came of it stands in the answer */
		if ((r = vault_turn_end(f->v)) != 0) {
			buf_reset(&f->out);
			vault_turn_failed(r, &f->out);
			doubtful = r == CV_ERR_IO;
		}
	}
	fault_disarm();
	rd = rd_over(f->out.p, f->out.n);
	if (wire_answer_get(&rd, &problem, &leaf) != 0)
		finding("no answer");
	else if (!closed(problem))
		finding("problem %u (%s), rule: %s", problem, problem_kind(problem), f->v->call.explanation);
	return problem;
}

/* Who reads has to name the version that is changed; the intake does not read. */
static void change(struct fixture *f, const uint8_t token[32], const char *purpose)
{
	bool reads = strcmp(purpose, "intake") != 0;
	struct wire_read_answer a;
	uint8_t etag[16];
	char text[256];
	unsigned i;

	if (reads && read_field(f, token, purpose, child, "name", true, text) != 0)
		return;
	if (reads) {
		assert_int_equal(wire_read_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
		memcpy(etag, a.etag, 16);
	}
	i = ++story->changes;
	assert(i < VALUES);
	if (patch(f, token, purpose, child, reads ? etag : NULL, etag, "name", value[i], "city", value[i], NULL) == 0)
		story->told = i;
	else
		story->maybe[i] = doubtful;
}

static void make(struct fixture *f, const uint8_t token[32])
{
	uint8_t etag[16];

	if (create(f, token, "visit", "key", story->record, etag, "name", value[0], "city", value[0], "place", EAST, NULL) == 0)
		story->created++;
	else
		story->creates_maybe += doubtful;
}

/* Both fields of the record: of one change, and of none that was not to stand. */
static void look(struct fixture *f, const uint8_t token[32], bool after)
{
	char name[256], city[256];
	unsigned i = 0;

	if (read_field(f, token, "visit", child, "name", true, name) != 0 ||
	    read_field(f, token, "visit", child, "city", true, city) != 0) {
		if (after)
			finding("the record cannot be read: %s", f->v->call.explanation);
		return;
	}
	while (i < VALUES && strcmp(name, value[i]) != 0)
		i++;
	if (strcmp(name, city) != 0)
		finding("half a change: %s and %s", name, city);
	else if (i < story->told)
		finding("change %u was lost, %u is there", story->told, i);
	else if (i > story->told && !(after && i < VALUES && story->maybe[i]))
		finding("change %u is there, nobody was told", i);
}

static void assign_clerk(struct fixture *f, const uint8_t token[32])
{
	uint8_t id[16];

	if (assign(f, token, "clerk", &child, 1, "visit", 0, id) == 0)
		story->assigned++;
	else
		story->assigns_maybe += doubtful;
}

/* ---- the script --------------------------------------------------------------------------------------------------- */

/* Whether the fault was one after which no leaf may be written until the next start. */
static bool fatal(void)
{
	return story->report.failed > 0 && !story->restarted && story->report.place != PLACE_UNKNOWN &&
	    story->report.place != PLACE_SHRED && (plan.kind == FAULT_WRITE || plan.kind == FAULT_SYNC);
}

/* Errors that leave no other way than a restart: the bytes on disk may be others than those in memory. */
static bool may_fail_for_good(void)
{
	return plan.kind == FAULT_WRITE || plan.kind == FAULT_SHORT || plan.kind == FAULT_SYNC || plan.kind == FAULT_READ ||
	    plan.kind == FAULT_NAME || plan.kind == FAULT_LENGTH || plan.kind == FAULT_OPEN || plan.kind == FAULT_LMDB;
}

/* Open and unseal; when a fault kept it from that, once more without. */
static bool start(struct fixture *f)
{
	int r;

	for (unsigned i = 0; i < 2; i++) {
		arm();
		r = f->v == NULL ? vault_open(f->dir, &f->v) : 0;
		if (r == 0 && (r = vault_unseal(f->v, 3, f->kek)) != 0 && vault_state(f->v) == VAULT_FAILED) {
			vault_close(f->v);
			f->v = NULL;
		}
		fault_disarm();
		if (r == 0)
			return true;
		if (story->report.failed == 0)
			finding("start without a fault: %s", cv_strerror(r));
		if (r != CV_ERR_NOMEM && r != CV_ERR_IO && r != CV_ERR_FULL)
			finding("start: %s", cv_strerror(r));
		quiet = story->restarted = true;
	}
	finding("no start when the fault had gone: %s", cv_strerror(r));
	return false;
}

/* A session; when a fault kept it from that, another one without, unless the vault takes none any more. */
static bool enter(struct fixture *f, unsigned who, uint8_t token[32])
{
	bool was = quiet;
	unsigned problem = login(f, who, token);

	if (problem != 0 && !plan.lasting && vault_healthy(f->v)) {
		quiet = true;
		problem = login(f, who, token);
		quiet = was;
		if (problem != 0)
			finding("no session when the fault had gone: %s", problem_kind(problem));
	}
	return problem == 0;
}

/* The fault has gone: the vault works on, or it failed for good and says so. */
static void after_fault(struct fixture *f)
{
	unsigned was = story->told;
	uint8_t worker[32];
	bool failed = !vault_healthy(f->v);

	quiet = true;
	if (fatal() && !failed)
		finding("a failure of journal, tables or log is not fatal");
	if (failed && !may_fail_for_good())
		finding("failed for good");
	if (story->report.journal_writes > 0)
		finding("the journal was written after it had failed");
	if (failed) {
		if (vault_health(f->v) != WIRE_AUDIT_UNAVAILABLE)
			finding("failed for good, but health says %d", (int)vault_health(f->v));
		if (login(f, P_WORKER, worker) != PROBLEM_AUDIT_UNAVAILABLE)
			finding("failed for good, but sessions are opened");
		return;
	}
	(void)vault_checkpoint_now(f->v);
	if (login(f, P_WORKER, worker) != 0) {
		finding("no session when the fault had gone");
		return;
	}
	change(f, worker, "visit");
	look(f, worker, false);
	if (story->told == was)
		finding("no change when the fault had gone");
}

static void work_day(struct fixture *f)
{
	uint32_t last_day;
	struct cast who;

	if (enter(f, P_WORKER, who.worker)) {
		make(f, who.worker);
		change(f, who.worker, "visit");
		look(f, who.worker, false);
	}
	if (enter(f, P_INTAKE, who.intake))
		change(f, who.intake, "intake");
	if (enter(f, P_MANAGER, who.manager))
		assign_clerk(f, who.manager);
	arm();
	(void)vault_checkpoint_now(f->v);
	(void)vault_renew_epochs(f->v, &last_day);
	vault_tick(f->v);
	fault_disarm();
	if (enter(f, P_WORKER, who.worker)) {
		look(f, who.worker, false);
		change(f, who.worker, "visit");
	}
}

/* The last step of an operation of kind; *ret_last: it was tried. The first problem that came in between. */
static unsigned operate(struct fixture *f, const char *kind, const char *roles, bool *ret_last)
{
	uint8_t a[32], b[32], c1[32], c2[32], id[16];
	struct body x;
	unsigned problem;

	*ret_last = false;
	if (!enter(f, P_ADMIN_A, a) || !enter(f, P_ADMIN_B, b) || !enter(f, P_CUSTODIAN_1, c1) || !enter(f, P_CUSTODIAN_2, c2))
		return PROBLEM_AUDIT_UNAVAILABLE;
	body_begin(&x);
	body_text(&x, "kind", kind);
	if (roles != NULL)
		body_texts(&x, "roles", roles);
	give_turn = faulty_turn;
	if ((problem = gov_post(f, a, "requests", &x, id)) == 0 && (problem = sign_as(f, a, id, "sign")) == 0 &&
	    (problem = sign_as(f, b, id, "approve")) == 0 && (problem = give(f, c1, P_CUSTODIAN_1, id, false)) == 0) {
		fixture_turn = faulty_turn;
		*ret_last = true;
		problem = give(f, c2, P_CUSTODIAN_2, id, false);
	}
	fixture_turn = faulty_turn;
	return problem;
}

static void rekey_all(struct fixture *f)
{
	bool last;

	if (operate(f, "rekey", "worker clerk manager", &last) == 0)
		story->rekeyed++;
	else
		story->rekeys_maybe += last && doubtful;
}

/* So many slices of what goes on between turns, at most. */
static void rewrap_work(struct fixture *f, unsigned slices)
{
	for (unsigned i = 0; i < slices && vault_works(f->v); i++) {
		arm();
		vault_work(f->v, 1000);
		fault_disarm();
		usleep(100);
	}
}

/* Approvals and keys: a grant, a rekey, a re-wrap and its work. */
static void work_keys(struct fixture *f)
{
	uint8_t school[32], manager[32], id[16];
	bool last;

	if (enter(f, P_SCHOOL, school) && enter(f, P_MANAGER, manager) && ask_grant(f, school, child, "city", 0, id) == 0)
		(void)gov_do(f, manager, "requests", id, "approve");
	rekey_all(f);
	/* Without new epochs there is nothing to be re-wrapped. */
	if (story->rekeyed > 0 && operate(f, "rewrap", NULL, &last) == 0)
		rewrap_work(f, 5000);
}

/* It is stopped; start had given started. */
static void stop(struct fixture *f, bool started)
{
	if (started) {
		quiet = false;
		arm();
		(void)vault_seal(f->v);
		fault_disarm();
	}
	arm();
	vault_close(f->v);
	fault_disarm();
	f->v = NULL;
}

static void script_keys(struct fixture *f)
{
	bool started = start(f);
	unsigned was;

	if (started) {
		work_keys(f);
		after_fault(f);
		was = story->rekeyed;
		if (vault_healthy(f->v)) {
			rewrap_work(f, 50000);	/* what did not stand is tried again after a second; no rekey goes beside it */
			rekey_all(f);
			if (story->rekeyed == was)
				finding("no rekey when the fault had gone: %s", f->v->call.explanation);
		}
	}
	stop(f, started);
}

static void script(struct fixture *f)
{
	bool started = start(f);

	if (started) {
		work_day(f);
		after_fault(f);
	}
	stop(f, started);
}

/* Making a vault fails whole: what is left behind does not open, or is a vault. */
static void genesis(struct fixture *f)
{
	int r;

	copy("/dev/null", f->dir);
	assert_int_equal(unlink(f->dir), 0);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	arm();
	r = fixture_genesis(f);
	fault_disarm();
	if (r != 0 && r != CV_ERR_NOMEM && r != CV_ERR_IO && r != CV_ERR_FULL)
		finding("genesis: %s", cv_strerror(r));
	if (vault_open(f->dir, &f->v) != 0) {
		if (r == 0)
			finding("genesis was done, but there is no vault");
	} else if (vault_unseal(f->v, 3, f->kek) != 0 && r == 0) {
		finding("genesis was done, but the vault does not unseal");
	}
	vault_close(f->v);
	f->v = NULL;
}

/* ---- a disk without space ----------------------------------------------------------------------------------------- */

static unsigned make_one(struct fixture *f, const uint8_t token[32])
{
	uint8_t record[16], etag[16];
	unsigned problem = create(f, token, "visit", "", record, etag, "name", value[0], "city", value[0], "place", EAST, NULL);

	story->created += problem == 0;
	memcpy(story->record, problem == 0 ? record : story->record, 16);
	return problem;
}

/* A change to what is there already, which needs less room than a new record. */
static unsigned change_nothing(struct fixture *f, const uint8_t token[32])
{
	struct wire_read_answer a;
	uint8_t etag[16];
	char text[256];
	unsigned problem;

	if ((problem = read_field(f, token, "visit", child, "name", true, text)) != 0)
		return problem;
	assert_int_equal(wire_read_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	memcpy(etag, a.etag, 16);
	return patch(f, token, "visit", child, etag, etag, "name", value[0], "city", value[0], NULL);
}

/* The disk is full: changes go on while the journal has room, then they are refused and reads go on; with space all is as before. */
static void full_disk(struct fixture *f)
{
	uint8_t worker[32];
	unsigned problem = 0, waits = 0;

	quiet = true;
	if (!start(f) || !enter(f, P_WORKER, worker))
		return;
	quiet = false;
	(void)make_one(f, worker);
	arm();
	(void)vault_checkpoint_now(f->v);	/* so that the store knows, however slow its thread is */
	fault_disarm();
	for (unsigned i = 0; i < 10000 && problem == 0; i++)
		problem = make_one(f, worker);
	for (unsigned i = 0; i < 100 && problem == PROBLEM_STORAGE_FULL && change_nothing(f, worker) == 0; i++)
		;
	if (problem != PROBLEM_STORAGE_FULL)
		finding("a full disk: %s", problem == 0 ? "changes without end" : problem_kind(problem));
	look(f, worker, true);
	if (vault_health(f->v) != WIRE_STORAGE_FULL)
		finding("a full disk, but health says %d", (int)vault_health(f->v));
	change(f, worker, "visit");
	if (story->told != 0)
		finding("one change is refused, the next is not");
	look(f, worker, true);
	quiet = true;
	/* Room is made again at most once a second. */
	while (waits++ < 100 && (problem = make_one(f, worker)) == PROBLEM_STORAGE_FULL) {
		vault_tick(f->v);
		usleep(50000);
	}
	if (problem != 0 || vault_health(f->v) != WIRE_READY)
		finding("space again, but no change: %s, health %d", problem_kind(problem), (int)vault_health(f->v));
	after_fault(f);
	vault_close(f->v);
	f->v = NULL;
}

/* ---- clocks that jump --------------------------------------------------------------------------------------------- */

static const int64_t jumps[] = { -3600000, -2 * DAY, -400 * DAY, DAY, 3 * DAY, 300 * DAY, 400 * DAY, 20000 * DAY };
static int64_t jump;

/* Days that a turn, or a start, has to close in one go; beyond that the clock is taken for wrong. */
static bool too_far(void) { return jump > 2 * DAY; }
static bool too_far_for_start(void) { return jump > 366 * DAY; }

/* The clock jumps under a working vault, and back. */
static void jump_and_back(struct fixture *f)
{
	uint8_t worker[32];
	unsigned problem;

	if (!start(f) || !enter(f, P_WORKER, worker))
		return;
	change(f, worker, "visit");
	fault_clock(jump);
	vault_tick(f->v);
	problem = login(f, P_WORKER, worker);
	if (problem != (too_far() ? PROBLEM_AUDIT_UNAVAILABLE : 0u))
		finding("%lld days: sessions: %s", (long long)(jump / DAY), problem_kind(problem));
	if ((vault_health(f->v) == WIRE_AUDIT_UNAVAILABLE) != too_far())
		finding("%lld days: health %d", (long long)(jump / DAY), (int)vault_health(f->v));
	if (problem == 0) {
		change(f, worker, "visit");
		look(f, worker, false);
	}
	fault_clock(0);
	vault_tick(f->v);
	after_fault(f);
	vault_close(f->v);
	f->v = NULL;
}

/* A start under a clock that jumped; the one after it has the right time. */
static void start_elsewhen(struct fixture *f)
{
	int r;

	fault_clock(jump);
	if ((r = vault_open(f->dir, &f->v)) != 0)
		finding("%lld days: open: %s", (long long)(jump / DAY), cv_strerror(r));
	else if ((r = vault_unseal(f->v, 3, f->kek)) != (too_far_for_start() ? CV_ERR_STATE : 0))
		finding("%lld days: start: %s", (long long)(jump / DAY), cv_strerror(r));
	if (r == 0)
		after_fault(f);
	vault_close(f->v);
	f->v = NULL;
	fault_clock(0);
}

/* ---- what is left behind ------------------------------------------------------------------------------------------ */

static void found(void *cookie, const struct childvault_audit_finding *a)
{
	(void)cookie;
	if (a->fault)
		finding("the log: %s, file %s, leaf %lld", childvault_audit_name(a->kind), a->file, (long long)a->leaf);
}

static void verify_log(const struct fixture *f)
{
	char dir[128];
	struct childvault_audit_options o = { .dir = dir, .threads = 1, .found = found };
	struct childvault_audit_summary summary;
	int r;

	snprintf(dir, sizeof(dir), "%s/log", f->dir);
	if ((r = childvault_audit_verify(&o, &summary)) != 0)
		finding("the log does not verify: %d", r);
}

static void examine(struct fixture *f)
{
	char cursor[WIRE_CURSOR_MAX + 1] = "", text[256];
	struct cast who;
	uint64_t made;
	uint32_t epoch = 0;
	uint8_t pk[32];
	unsigned n = 0, was = story->told;

	quiet = true;
	verify_log(f);
	if (!start(f))
		return;
	if (!enter(f, P_WORKER, who.worker) || !enter(f, P_MANAGER, who.manager))
		return;
	look(f, who.worker, true);
	made = f->v->counters.next_serial - 1 - records_before;
	if (made < story->created || made > story->created + story->creates_maybe)
		finding("%u records were made, %u perhaps, %u are there", story->created, story->creates_maybe, (unsigned)made);
	if (story->created > 0 &&
	    (read_field(f, who.worker, "visit", story->record, "city", true, text) != 0 || strcmp(text, value[0]) != 0))
		finding("the new record does not read");
	if (gov_count(f, who.manager, "assignments", "", 100, cursor, &n) != 0 || n < story->assigned ||
	    n > story->assigned + story->assigns_maybe)
		finding("%u assignments were made, %u perhaps, %u are there", story->assigned, story->assigns_maybe, n);
	if (directory_class(f->v->keys, (uint32_t)CLASS_ID << 16, &epoch, pk) != 0 || epoch < epoch_before + story->rekeyed ||
	    epoch > epoch_before + story->rekeyed + story->rekeys_maybe)
		finding("%u rekeys were told, %u perhaps, epoch %u is there", story->rekeyed, story->rekeys_maybe, epoch);
	change(f, who.worker, "visit");
	look(f, who.worker, true);
	if (story->told == was)
		finding("no change after the restart");
	if (vault_seal(f->v) != 0)
		finding("no clean stop after the restart");
	vault_close(f->v);
	f->v = NULL;
	verify_log(f);
}

/* ---- runs --------------------------------------------------------------------------------------------------------- */

static unsigned descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Run part in a process of its own, on the fixture's copy in work. */
static void in_process(const char *name, void (*part)(struct fixture *f), const char *log)
{
	struct fixture *f = origin;
	int status = 0;
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) == 0) {
		unsigned before = descriptors();
		size_t locked;
		bool unlocked;

		assert_non_null(freopen(log, "a", stderr));
		locked = crypto_locked_bytes(&unlocked);
		buf_init(&f->out, 16u << 20);
		buf_reserve(&f->out, 1u << 20);
		snprintf(f->dir, sizeof(f->dir), "%s", work);
		fixture_turn = faulty_turn;
		part(f);
		buf_free(&f->out);
		if (descriptors() != before)
			finding("%s: descriptors leak: %u, %u before", name, descriptors(), before);
		if (crypto_locked_bytes(&unlocked) != locked)
			finding("%s: secrets leak", name);
		if (LEAKS() != 0)
			finding("%s: memory leaks", name);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		finding("%s: signal %d", name, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		finding("%s: exit code %d", name, WEXITSTATUS(status));
}

struct scenario {
	const char *name;
	void (*run)(struct fixture *f);
	void (*then)(struct fixture *f);
};

/* One run; returns whether the fault happened. */
static bool one_run(const struct scenario *s, const struct fault_plan *p)
{
	static const char *const places[] = { "", " of the journal", " of LMDB", " of the log", " of the keys" };
	char log[128];

	snprintf(log, sizeof(log), "%s/log.txt", root);
	memset(story, 0, sizeof(*story));
	plan = *p;
	quiet = false;
	copy(crashed, work);
	fault_set(p, &story->report);
	runs++;
	in_process("run", s->run, log);
	if (s->then != NULL && story->finding[0] == '\0')
		in_process("restart", s->then, log);
	if (story->finding[0] != '\0') {
		findings++;
		printf("%s: %s %llu%s%s: %s\n", s->name, fault_name(p->kind), (unsigned long long)p->n, p->lasting ? " and on" : "",
		    places[p->only], story->finding);
	}
	return story->report.failed > 0;
}

static void all_calls(const struct scenario *s, enum fault_kind kind, bool full)
{
	struct fault_plan p = { .kind = kind };
	uint64_t n, step;

	(void)one_run(s, &p);
	n = story->report.calls;
	step = full || n <= SAMPLE ? 1 : n / SAMPLE;
	for (unsigned lasting = 0; lasting < 2; lasting++)
		for (p.n = 1, p.lasting = lasting; one_run(s, &p); p.n += step)
			;
	printf("%s: %s: %llu calls\n", s->name, fault_name(kind), (unsigned long long)n);
}

/* A vault that worked and was killed: blocks in the journal that are not applied, a write without read that nobody has merged. */
static void make_crashed(void)
{
	struct cast who;
	uint8_t etag[16], pk[32];
	void *state;

	fixture_journal_bytes = 2u << 20;	/* a merge asks for a block of half of it */
	assert_int_equal(operations_setup(&state), 0);
	origin = state;
	cast(origin, &who);
	assert_int_equal(create(origin, who.worker, "visit", "", child, etag, "name", value[0], "city", value[0], "place", EAST, NULL), 0);
	assert_int_equal(vault_checkpoint_now(origin->v), 0);
	assert_int_equal(patch(origin, who.intake, "intake", child, NULL, etag, "name", value[0], "city", value[0], NULL), 0);
	records_before = origin->v->counters.next_serial - 1;
	assert_int_equal(directory_class(origin->v->keys, (uint32_t)CLASS_ID << 16, &epoch_before, pk), 0);
	copy(origin->dir, crashed);
	vault_close(origin->v);
	origin->v = NULL;
	buf_free(&origin->out);
}

static void full_disks(void)
{
	static const struct scenario s = { "full disk", full_disk, examine };
	/* All of it; what LMDB grows into; the log's; and room on the disk, but none in LMDB's map. */
	static const struct fault_plan plans[] = { { FAULT_SPACE, 1, true, PLACE_UNKNOWN }, { FAULT_SPACE, 1, true, PLACE_TABLES },
		{ FAULT_SPACE, 1, true, PLACE_LOG }, { FAULT_FULL_MAP, 1, true, PLACE_UNKNOWN } };

	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		(void)one_run(&s, &plans[i]);
}

static void clocks(void)
{
	static const struct scenario s[] = { { "clock", jump_and_back, examine }, { "start", start_elsewhen, examine } };
	struct fault_plan none = { 0 };

	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		jump = jumps[i];
		(void)one_run(&s[0], &none);
		(void)one_run(&s[1], &none);
	}
}

static const struct scenario scenarios[] = {
	{ "day", script, examine }, { "keys", script_keys, examine }, { "genesis", genesis, NULL },
};

int main(int argc, char **argv)
{
	struct fault_plan p = { 0 };
	bool full = false, one = false;
	const char *kind = NULL, *name = NULL;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--full") == 0)
			full = true;
		else if (strcmp(argv[i], "--lasting") == 0)
			p.lasting = true;
		else if (strcmp(argv[i], "--kind") == 0 && i + 1 < argc)
			kind = argv[++i];
		else if (strcmp(argv[i], "--in") == 0 && i + 1 < argc)
			name = argv[++i];
		else if (strcmp(argv[i], "--call") == 0 && i + 1 < argc)
			one = (p.n = strtoull(argv[++i], NULL, 10)) > 0;
		else
			return 2;
	}
	strcpy(root, "/tmp/cv-faults-XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(crashed, sizeof(crashed), "%s/crashed", root);
	snprintf(work, sizeof(work), "%s/work", root);
	story = mmap(NULL, sizeof(*story), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(story != MAP_FAILED);
	make_crashed();
	for (size_t s = 0; s < sizeof(scenarios) / sizeof(scenarios[0]); s++)
		for (p.kind = FAULT_NONE + 1; p.kind < FAULT_KINDS; p.kind++) {
			if ((kind != NULL && strcmp(kind, fault_name(p.kind)) != 0) ||
			    (name != NULL && strcmp(name, scenarios[s].name) != 0))
				continue;
			if (one)
				(void)one_run(&scenarios[s], &p);
			else
				all_calls(&scenarios[s], p.kind, full);
		}
	if (kind == NULL) {
		full_disks();
		clocks();
	}
	printf("faults: %u runs, %u findings%s%s\n", runs, findings, findings > 0 ? "; log: " : "", findings > 0 ? root : "");
	if (findings == 0) {
		char cmd[128];

		snprintf(cmd, sizeof(cmd), "rm -rf %s %s", root, origin->dir);
		assert_int_equal(system(cmd), 0);
	}
	return findings > 0;
}

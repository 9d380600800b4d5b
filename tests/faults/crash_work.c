/* The work that is recorded, and what its clients are told. */
#include "crash.h"

#include "crash_record.h"
#include "crypto/merkle.h"
#include "unit/test_vault_operations.h"
#include "vault/list.h"
#include "vault/rewrap_internal.h"

#define DAY ((int64_t)86400000)
#define JOURNAL (2u << 20)	/* bytes of each of two files: a merge asks for a block of half of it */

const char *const crash_value[CRASH_VALUES] = { "张零", "张一", "张二", "张三", "张四", "张五", "张六", "张七", "张八", "张九" };

/* ---- facts -------------------------------------------------------------------------------------------------------- */

struct fact *fact_begin(enum fact_what what, unsigned record, unsigned value)
{
	struct fact *x = &story->fact[story->facts++];

	assert_true(story->facts <= CRASH_FACTS);
	*x = (struct fact){ what, crash_steps(), UINT64_MAX, record, value, 0 };
	return x;
}

void fact_told(struct fixture *f, struct fact *x)
{
	x->leaves = f->v != NULL && vault_state(f->v) == VAULT_READY ? store_durable_leaves(f->v->store) : 0;
	x->told = crash_steps();
}

/* ---- steps of the work -------------------------------------------------------------------------------------------- */

static void start(struct fixture *f)
{
	struct fact *x = fact_begin(FACT_START, 0, 0);

	fixture_open(f);
	fact_told(f, x);
}

static void enter(struct fixture *f, unsigned who, uint8_t token[32])
{
	struct fact *x = fact_begin(FACT_TURN, 0, 0);

	assert_int_equal(login(f, who, token), 0);
	fact_told(f, x);
}

static unsigned make(struct fixture *f, const uint8_t token[32], unsigned value)
{
	unsigned i = story->records;
	struct fact *x = fact_begin(FACT_MAKE, i, value);
	uint8_t etag[16];

	assert_true(i < CRASH_RECORDS);
	assert_int_equal(create(f, token, "visit", "", story->record[i], etag, "name", crash_value[value], "city", crash_value[value],
	    "place", EAST, NULL), 0);
	story->records++;
	fact_told(f, x);
	return i;
}

static void read_one(struct fixture *f, const uint8_t token[32], unsigned record)
{
	struct fact *x = fact_begin(FACT_TURN, 0, 0);
	char text[256];

	assert_int_equal(read_field(f, token, "visit", story->record[record], "name", true, text), 0);
	fact_told(f, x);
}

static void change(struct fixture *f, const uint8_t token[32], unsigned record, unsigned value)
{
	struct wire_read_answer a;
	uint8_t etag[16];
	struct fact *x;

	read_one(f, token, record);
	assert_int_equal(wire_read_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	memcpy(etag, a.etag, 16);
	x = fact_begin(FACT_CHANGE, record, value);
	assert_int_equal(patch(f, token, "visit", story->record[record], etag, etag, "name", crash_value[value], "city",
	    crash_value[value], NULL), 0);
	fact_told(f, x);
}

static void hand_in(struct fixture *f, const uint8_t token[32], unsigned record, unsigned value)
{
	struct fact *x = fact_begin(FACT_CHANGE, record, value);
	uint8_t etag[16];

	assert_int_equal(patch(f, token, "intake", story->record[record], NULL, etag, "name", crash_value[value], "city",
	    crash_value[value], NULL), 0);
	fact_told(f, x);
}

static void sign(struct fixture *f)
{
	struct fact *x = fact_begin(FACT_SIGNED, 0, 0);
	uint8_t root[32];
	uint64_t size;

	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_true(audit_signed(f->v->audit, &size, root));
	x->value = (unsigned)size;
	fact_told(f, x);
}

static void give_clerk(struct fixture *f, const uint8_t manager[32], unsigned record)
{
	struct fact *x = fact_begin(FACT_ASSIGN, record, 0);
	uint8_t id[16];

	assert_int_equal(assign(f, manager, "clerk", &story->record[record], 1, "visit", 0, id), 0);
	fact_told(f, x);
}

static void grant(struct fixture *f, const struct cast *who, unsigned record)
{
	struct fact *x = fact_begin(FACT_ASK, record, 0);
	uint8_t id[16];

	assert_int_equal(ask_grant(f, who->school, story->record[record], "city", 0, id), 0);
	fact_told(f, x);
	x = fact_begin(FACT_GRANT, record, 0);
	assert_int_equal(gov_do(f, who->manager, "requests", id, "approve"), 0);
	fact_told(f, x);
}

static unsigned run_job_create(struct vault *v, struct vault_call *c, void *m) { return vault_job_create(v, c, m); }

/* Views of all records are made anew. */
static void project(struct fixture *f, const uint8_t token[32])
{
	struct fact *x = fact_begin(FACT_JOB, 0, 0);
	struct wire_envelope env = envelope(f, token, "", "");
	struct wire_gov_create m = { .collection = wire_text("jobs", 4) };
	struct body body;

	while (list_filling(f->v))
		vault_work(f->v, 1000000);
	/* The policy gives nobody this right. */
	((struct policy_role *)policy_role_by_id(f->v->policy, ROLE_WORKER))->acts |= ACT_JOB;
	body_begin(&body);
	body_text(&body, "kind", "reproject");
	wire_count_end(&body.b, body.at, body.count);
	m.fields = fields_of(&body.b);
	assert_int_equal(one_turn(f, &env, true, run_job_create, &m), 0);
	buf_free(&body.b);
	buf_free(&body.list);
	while (vault_works(f->v))
		vault_work(f->v, 1000);
	fact_told(f, x);
}

static void suspend_clerk(struct fixture *f, const uint8_t token[32])
{
	struct fact *x = fact_begin(FACT_SUSPEND, 0, 0);
	struct body body;

	body_begin(&body);
	body_text(&body, "reason", "key lost");
	assert_int_equal(gov_act_with(f, token, "members", f->person[P_CLERK].g.principal.id, "suspend", &body), 0);
	fact_told(f, x);
}

static void restore_clerk(struct fixture *f, const uint8_t asks[32], const uint8_t approves[32])
{
	struct fact *x = fact_begin(FACT_RESTORE, 0, 0);
	uint8_t id[16];

	assert_int_equal(ask_restore(f, asks, "clerk", id), 0);
	assert_int_equal(sign_as(f, approves, id, "approve"), 0);
	fact_told(f, x);
}

/* So many slices of it, or until it is done. */
static void rewrap_work(struct fixture *f, unsigned slices)
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

static void next_day(struct fixture *f, int64_t days)
{
	struct fact *x = fact_begin(FACT_EPOCH, 0, 0);

	crash_clock(days * DAY);
	vault_tick(f->v);
	x->value = keys_fs_epoch(f->v->keys);
	fact_told(f, x);
}

/* ---- the parts ---------------------------------------------------------------------------------------------------- */

/* After a crash: records are made, changed, handed in to and merged; approvals; views; another key segment. */
static void office(struct fixture *f)
{
	struct cast who;
	uint8_t system[32], security[32];

	start(f);
	cast(f, &who);
	enter(f, P_ADMIN_A, system);
	enter(f, P_ADMIN_B, security);
	for (unsigned i = 0; i < 6; i++)
		(void)make(f, who.worker, i);
	change(f, who.worker, 0, 6);
	for (unsigned i = 0; i < 3; i++)
		hand_in(f, who.intake, 1, 5 + i);
	hand_in(f, who.intake, 0, 7);
	read_one(f, who.worker, 1);	/* merges */
	change(f, who.worker, 1, 9);
	give_clerk(f, who.manager, 2);
	grant(f, &who, 5);
	project(f, who.worker);
	sign(f);
	suspend_clerk(f, security);
	change(f, who.worker, 2, 8);
	restore_clerk(f, security, system);
	crash_clock(11 * 60 * 1000);	/* another key segment */
	change(f, who.worker, 3, 1);
	sign(f);
	give_clerk(f, who.manager, 3);
}

/* So much work that the ring comes round, with a checkpoint now and then. */
static void ring(struct fixture *f)
{
	uint8_t worker[32], intake[32];

	start(f);
	enter(f, P_WORKER, worker);
	enter(f, P_INTAKE, intake);
	for (unsigned i = 0; i < 500; i++) {
		unsigned record = make(f, worker, i % CRASH_VALUES);

		if (i % 5 == 0)
			hand_in(f, intake, record, (i + 1) % CRASH_VALUES);
		if (i % 50 == 49)
			sign(f);
	}
}

/* Rekey and re-wrap, which is killed half-way and goes on. */
static void half_rewrap(struct fixture *f)
{
	uint8_t worker[32];

	start(f);
	keys_rekey(f);
	enter(f, P_WORKER, worker);
	change(f, worker, 4, 2);
	keys_rekey(f);
	keys_rewrap(f);
	rewrap_work(f, 2);
}

static void days(struct fixture *f)
{
	struct fact *x;
	uint32_t last_day;
	struct cast who;
	char text[256];

	start(f);
	enter(f, P_WORKER, who.worker);
	x = fact_begin(FACT_REWRAPPED, 0, 0);
	if (rewrap_waits(f->v, story->rewrap))
		keys_again(f);
	rewrap_work(f, UINT32_MAX);
	fact_told(f, x);
	change(f, who.worker, 4, 7);
	next_day(f, 1);
	assert_int_equal(vault_renew_epochs(f->v, &last_day), 0);	/* what a crash leaves of it is a note of the verifier */
	enter(f, P_WORKER, who.worker);
	change(f, who.worker, 0, 3);
	x = fact_begin(FACT_SEAL, 0, 0);
	assert_int_equal(vault_seal(f->v), 0);
	vault_close(f->v);
	f->v = NULL;
	fact_told(f, x);
	crash_clock(3 * DAY);	/* the start closes two days */
	start(f);
	enter(f, P_WORKER, who.worker);
	change(f, who.worker, 2, 4);
	hand_in(f, (enter(f, P_INTAKE, who.intake), who.intake), 2, 5);
	enter(f, P_SCHOOL, who.school);
	x = fact_begin(FACT_TURN, 0, 0);
	assert_int_equal(read_field(f, who.school, "visit", story->record[5], "city", true, text), 0);
	fact_told(f, x);
	assert_string_equal(text, crash_value[5]);
	sign(f);
	change(f, who.worker, 3, 5);	/* not what the grant is for: after a rekey a change ends it */
	story->ended = true;
}

void work_part(struct fixture *f, unsigned part)
{
	static void (*const parts[WORK_PARTS])(struct fixture *f) = { office, ring, half_rewrap, days };

	parts[part](f);
}

struct fixture *work_origin(const char *to)
{
	struct fixture *f;
	struct cast who;
	uint8_t record[16], etag[16], id[16], pk[32];
	char cmd[256];
	void *state;

	fixture_journal_bytes = JOURNAL;
	assert_int_equal(operations_setup(&state), 0);
	f = state;
	cast(f, &who);
	assert_int_equal(create(f, who.worker, "visit", "", record, etag, "name", crash_value[0], "city", crash_value[0], "place", EAST,
	    NULL), 0);
	assert_int_equal(assign(f, who.manager, "clerk", &record, 1, "visit", 0, id), 0);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_int_equal(patch(f, who.intake, "intake", record, NULL, etag, "name", crash_value[0], "city", crash_value[0], NULL), 0);
	story->records_before = f->v->counters.next_serial - 1;
	story->assigned_before = 1;
	assert_int_equal(directory_class(f->v->keys, (uint32_t)CLASS_ID << 16, &story->epoch_before, pk), 0);
	snprintf(cmd, sizeof(cmd), "cp -r %s %s", f->dir, to);
	assert_int_equal(system(cmd), 0);
	vault_close(f->v);
	f->v = NULL;
	buf_free(&f->out);
	return f;
}

void work_leaves(struct fixture *f)
{
	struct buf b;

	fixture_open(f);
	assert_int_equal(store_flush(f->v->store), 0);
	story->leaves = store_applied_leaves(f->v->store);
	assert_true(story->leaves <= CRASH_LEAVES);
	buf_init(&b, 1u << 20);
	for (uint64_t i = 0; i < story->leaves; i++) {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(f->v->audit, i, &b), 0);
		merkle_leaf(b.p, b.n, story->leaf[i]);
	}
	buf_free(&b);
	vault_close(f->v);
	f->v = NULL;
}

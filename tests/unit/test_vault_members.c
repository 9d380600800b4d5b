/* Members: who sees them, suspended at once, restored by two administrators. POLICY.md section 5, "Members". */
#include "test_vault_operations.h"
#include "vault/members.h"

struct officers {
	uint8_t system[32], security[32];
};
static void officers(struct fixture *f, struct officers *ret)
{
	assert_int_equal(login(f, P_ADMIN_A, ret->system), 0);
	assert_int_equal(login(f, P_ADMIN_B, ret->security), 0);
}

static unsigned suspend(struct fixture *f, const uint8_t token[32], unsigned who)
{
	struct body x;

	body_begin(&x);
	body_text(&x, "reason", "key lost");
	return gov_act_with(f, token, "members", f->person[who].g.principal.id, "suspend", &x);
}

static bool is_suspended(struct fixture *f, unsigned who)
{
	return directory_principal(f->v->keys, f->person[who].g.principal.id)->suspended;
}

/* How many wraps of a hello's answer open for the person: none is what an unknown principal gets. */
static unsigned wraps_that_open(struct fixture *f, unsigned who)
{
	static const uint8_t zeros[32];
	struct wire_envelope env = { .request_id = f->request_id };
	struct wire_hello hello = { f->request_id, f->person[who].g.principal.id, zeros };
	struct wire_hello_answer h;
	uint8_t copy[2048], sealed[112];
	unsigned n = 0;

	assert_int_equal(one_turn(f, &env, false, run_hello, &hello), 0);
	assert_true(f->out.n - 10 <= sizeof(copy));
	memcpy(copy, f->out.p + 10, f->out.n - 10);
	assert_int_equal(wire_hello_answer_decode(copy, f->out.n - 10, &h), 0);
	for (unsigned i = 0; i < WIRE_ROLES_MAX; i++)
		n += seal_wrap(f, &f->person[who], &h, i, sealed);
	return n;
}

/* The state hash of the running vault equals one computed over every row that it covers. */
struct rows {
	struct fixture *f;
	struct lthash h;
	uint8_t table;
};
static int add_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct rows *x = cookie;

	if (x->table != STORE_REC || key[6] <= REC_KEYS)
		keys_state_add(x->f->v->keys, &x->h, x->table, key, key_n, val, val_n);
	return 0;
}
static bool state_is_of_the_rows(struct fixture *f)
{
	struct rows x = { .f = f };
	uint8_t running[32], computed[32];

	for (x.table = STORE_DIR; x.table <= STORE_REC; x.table++)
		assert_int_equal(store_scan(f->v->store, x.table, "", 0, NULL, 0, false, 0, add_row, &x), 0);
	lthash_digest(&f->v->lthash, running);
	lthash_digest(&x.h, computed);
	return memcmp(running, computed, 32) == 0;
}

/* ---- seeing -------------------------------------------------------------------------------------------------------- */

static void administrators_auditors_and_who_assigns_see_members(void **state)
{
	struct fixture *f = *state;
	const uint8_t *id = f->person[P_CLERK].g.principal.id;
	uint8_t auditor[32];
	struct officers o;
	struct cast who;
	char shown[128], cursor[WIRE_CURSOR_MAX + 1] = "";
	unsigned n, all = 0;

	cast(f, &who);
	officers(f, &o);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	const uint8_t *may[] = { o.system, o.security, auditor, who.manager };
	const uint8_t *may_not[] = { who.worker, who.clerk, who.school, who.intake };

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(gov_show(f, may[i], "members", id, "login", shown), 0);
		assert_string_equal(shown, "clerk");
		assert_int_equal(f->v->call.kind, LEAF_GOVERNANCE);
		assert_int_equal(gov_show(f, may_not[i], "members", id, "login", shown), PROBLEM_NOT_PERMITTED);
		assert_int_equal(gov_count(f, may_not[i], "members", "", 100, cursor, &n), PROBLEM_NOT_PERMITTED);
	}
	assert_int_equal(gov_show(f, o.system, "members", id, "area", shown), 0);
	assert_string_equal(shown, EAST);
	assert_int_equal(gov_show(f, o.system, "members", id, "state", shown), 0);
	assert_string_equal(shown, "active");
	assert_int_equal(gov_show(f, o.system, "members", f->request_id, "state", shown), PROBLEM_NOT_FOUND);
	assert_int_equal(gov_count(f, o.system, "members", "principal=clerk", 100, cursor, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(gov_count(f, o.system, "members", "record=clerk", 100, cursor, &n), PROBLEM_UNKNOWN_MEMBER);
	do {
		assert_int_equal(gov_count(f, o.system, "members", "", 3, cursor, &n), 0);
		all += n;
	} while (cursor[0] != '\0');
	assert_int_equal(all, fixture_people(&f->policy));
	strcpy(cursor, "AAAA");
	assert_int_equal(gov_count(f, o.system, "members", "", 3, cursor, &n), PROBLEM_BAD_CURSOR);
}

/* ---- suspending ---------------------------------------------------------------------------------------------------- */

static void suspended_member_gets_nothing_in_the_same_turn(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], etag[16], worker[32], second[32];
	struct officers o;
	struct cast who;
	unsigned before;
	char text[256];

	cast(f, &who);
	officers(f, &o);
	assert_int_equal(login(f, P_WORKER, second), 0);
	memcpy(worker, who.worker, 32);
	/* A hand-in that the worker's read makes due to be merged with their key. */
	assert_int_equal(create(f, who.intake, "intake", "", record, etag, "note", "过敏", NULL), 0);
	before = session_count(f->v->keys);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(read_field(f, worker, "visit", record, "note", false, text), 0);
	assert_int_equal(f->v->merges, 1);
	assert_int_equal(suspend(f, o.security, P_WORKER), 0);
	assert_int_equal(f->v->call.kind, LEAF_SUSPENDED);
	assert_memory_equal(f->v->call.detail.approval, f->person[P_WORKER].g.principal.id, 16);
	assert_int_equal(f->v->merges, 0);
	assert_int_equal(session_count(f->v->keys), before - 2);
	assert_int_equal(read_field(f, worker, "visit", record, "note", false, text), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(read_field(f, second, "visit", record, "note", false, text), PROBLEM_UNAUTHENTICATED);
	fixture_turn_open = false;
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(read_field(f, worker, "visit", record, "note", false, text), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(wraps_that_open(f, P_WORKER), 0);
	assert_int_equal(wraps_that_open(f, P_CLERK), 2);
	assert_true(state_is_of_the_rows(f));
	restart(f);
	assert_true(is_suspended(f, P_WORKER));
	assert_int_equal(wraps_that_open(f, P_WORKER), 0);
	assert_true(state_is_of_the_rows(f));
}

static void session_that_opened_in_the_turn_ends_too(void **state)
{
	struct fixture *f = *state;
	uint8_t clerk[32];
	struct officers o;
	unsigned before;

	officers(f, &o);
	before = session_count(f->v->keys);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_int_equal(suspend(f, o.security, P_CLERK), 0);
	fixture_turn_open = false;
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(session_count(f->v->keys), before);
	assert_int_equal(f->v->opened, 0);
}

static void only_who_looks_after_accounts_suspends(void **state)
{
	struct fixture *f = *state;
	uint8_t auditor[32];
	struct officers o;
	struct cast who;
	struct body x;

	cast(f, &who);
	officers(f, &o);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	refused(f, suspend(f, who.worker, P_CLERK), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, suspend(f, who.manager, P_CLERK), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, suspend(f, auditor, P_CLERK), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, suspend(f, o.system, P_CLERK), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	assert_memory_equal(f->v->call.detail.approval, f->person[P_CLERK].g.principal.id, 16);
	assert_int_equal(gov_do(f, o.security, "members", f->person[P_CLERK].g.principal.id, "suspend"), PROBLEM_VALIDATION);
	assert_int_equal(gov_do(f, o.security, "members", f->person[P_CLERK].g.principal.id, "revoke"), PROBLEM_NOT_FOUND);
	assert_int_equal(gov_do(f, o.security, "members", f->person[P_CLERK].g.principal.id, "restore"), PROBLEM_APPROVAL_REQUIRED);
	assert_int_equal(gov_do(f, o.security, "members", f->request_id, "suspend"), PROBLEM_NOT_FOUND);
	body_begin(&x);
	body_text(&x, "login", "new");
	assert_int_equal(gov_post(f, o.security, "members", &x, NULL), PROBLEM_METHOD_NOT_ALLOWED);
	assert_false(is_suspended(f, P_CLERK));
	assert_int_equal(suspend(f, o.security, P_CLERK), 0);
	refused(f, suspend(f, o.security, P_CLERK), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
}

static void two_administrators_are_left(void **state)
{
	struct fixture *f = *state;
	struct officers o;

	officers(f, &o);
	assert_int_equal(suspend(f, o.security, P_ADMIN_A), PROBLEM_CONFLICT);
	assert_int_equal(suspend(f, o.security, P_ADMIN_B), PROBLEM_CONFLICT);
	/* Where none looks after accounts but whom it concerns, another administrator may; here too few would be left. */
	assert_int_equal(suspend(f, o.system, P_ADMIN_B), PROBLEM_CONFLICT);
	assert_false(is_suspended(f, P_ADMIN_A) || is_suspended(f, P_ADMIN_B));
}

static void school_administers(struct test_person person[PEOPLE])
{
	person[P_SCHOOL].g.principal.kind = PRINCIPAL_ADMINISTRATOR;
	person[P_SCHOOL].g.principal.admin_area = 3;
	person[P_SCHOOL].g.role_count = 0;
}
static void school_is_admin_b(struct test_person person[PEOPLE])
{
	school_administers(person);
	memcpy(person[P_SCHOOL].g.principal.person, person[P_ADMIN_B].g.principal.person, 16);
}
static int change_setup(void **state, void (*change)(struct test_person person[PEOPLE]))
{
	int r;

	fixture_change = change;
	r = gov_setup(state);
	fixture_change = NULL;
	return r;
}
static int third_setup(void **state) { return change_setup(state, school_administers); }
static int same_setup(void **state) { return change_setup(state, school_is_admin_b); }

static void two_keys_of_one_person_are_one_administrator(void **state)
{
	struct fixture *f = *state;
	struct officers o;
	uint8_t third[32], id[16];

	officers(f, &o);
	assert_int_equal(login(f, P_SCHOOL, third), 0);
	assert_int_equal(suspend(f, o.security, P_ADMIN_A), PROBLEM_CONFLICT);
	assert_int_equal(suspend(f, o.security, P_CLERK), 0);
	assert_int_equal(ask_restore(f, o.security, "clerk", id), 0);
	refused(f, gov_do(f, third, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	assert_int_equal(suspend(f, o.security, P_SCHOOL), 0);
	refused(f, ask_restore(f, o.security, "school", id), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	assert_int_equal(ask_restore(f, o.system, "school", id), 0);
	refused(f, gov_do(f, o.security, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
}

static void third_administrator_may_go(void **state)
{
	struct fixture *f = *state;
	struct officers o;
	uint8_t third[32], id[16];
	char text[256];

	officers(f, &o);
	assert_int_equal(login(f, P_SCHOOL, third), 0);
	assert_int_equal(suspend(f, o.security, P_ADMIN_A), 0);
	assert_int_equal(suspend(f, o.security, P_SCHOOL), PROBLEM_CONFLICT);
	assert_int_equal(ask_restore(f, third, "admin-a", id), 0);
	assert_int_equal(sign_as(f, o.security, id, "approve"), 0);
	assert_int_equal(suspend(f, o.security, P_ADMIN_B), 0);
	/* They are out themselves, and the others, of whom none looks after accounts, bring them back. */
	assert_int_equal(read_field(f, o.security, "visit", id, "name", false, text), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(login(f, P_ADMIN_A, o.system), 0);
	assert_int_equal(ask_restore(f, o.system, "admin-b", id), 0);
	assert_int_equal(sign_as(f, third, id, "approve"), 0);
	assert_false(is_suspended(f, P_ADMIN_B));
}

static void failed_turn_leaves_the_member_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct officers o;
	uint8_t clerk[32];

	officers(f, &o);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(suspend(f, o.security, P_CLERK), 0);
	assert_true(is_suspended(f, P_CLERK));
	fixture_turn_open = false;
	store_turn_abort(f->v->store);
	gov_turn_done(f->v, false);
	members_turn_done(f->v, false);
	vault_undo(f->v, &f->v->turn_saved);
	f->v->state_dirty = f->v->counters_dirty = false;
	assert_false(is_suspended(f, P_CLERK));
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	/* A request that is refused after the change, too: its answer does not fit. Its member keeps the session. */
	buf_free(&f->out);	/* what it has room for already is taken without a question */
	f->out.max = 100;
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	(void)suspend(f, o.security, P_CLERK);
	fixture_turn_open = false;
	assert_int_equal(vault_turn_end(f->v), 0);
	f->out.max = 16u << 20;
	assert_false(is_suspended(f, P_CLERK));
	assert_int_equal(f->v->marks_n, 0);
	assert_true(state_is_of_the_rows(f));
	assert_int_equal(gov_do(f, clerk, "members", f->request_id, "suspend"), PROBLEM_NOT_PERMITTED);
}

/* To how many auditors the newest key segment is sealed, and the index of its leaf. */
static unsigned sealed_to(struct fixture *f, uint64_t *ret_index)
{
	struct buf b;
	struct leaf l;
	unsigned n = 0;

	assert_int_equal(vault_checkpoint_now(f->v), 0);
	buf_init(&b, 65536);
	for (uint64_t i = store_next_leaf(f->v->store); i-- > 0;) {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(f->v->audit, i, &b), 0);
		assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
		if (l.kind != LEAF_SEGMENT)
			continue;
		n = l.body_a[0];
		*ret_index = i;
		break;
	}
	buf_free(&b);
	return n;
}

static void school_audits(struct test_person person[PEOPLE])
{
	person[P_SCHOOL].g.principal.kind = PRINCIPAL_AUDITOR;
	person[P_SCHOOL].role = ROLE_AUDITOR;
}
static int auditors_setup(void **state) { return change_setup(state, school_audits); }

static void log_is_never_sealed_to_nobody(void **state)
{
	struct fixture *f = *state;
	struct officers o;
	uint64_t before, after;
	char shown[128];
	uint8_t id[16];

	officers(f, &o);
	assert_int_equal(sealed_to(f, &before), 2);
	assert_int_equal(suspend(f, o.security, P_SCHOOL), 0);
	assert_int_equal(gov_show(f, o.system, "members", f->person[P_SCHOOL].g.principal.id, "state", shown), 0);
	assert_string_equal(shown, "suspended");
	assert_int_equal(sealed_to(f, &after), 1);
	assert_true(after > before);
	/* The last one: both could read it once they are back. */
	assert_int_equal(suspend(f, o.security, P_AUDITOR), 0);
	assert_int_equal(gov_show(f, o.system, "members", f->person[P_SCHOOL].g.principal.id, "state", shown), 0);
	assert_int_equal(sealed_to(f, &before), 2);
	assert_true(before > after);
	assert_int_equal(ask_restore(f, o.system, "auditor", id), 0);
	assert_int_equal(sign_as(f, o.security, id, "approve"), 0);
	assert_int_equal(gov_show(f, o.system, "members", f->person[P_SCHOOL].g.principal.id, "state", shown), 0);
	assert_int_equal(sealed_to(f, &after), 1);
	assert_true(after > before);
}

/* ---- restoring ----------------------------------------------------------------------------------------------------- */

static void two_administrators_restore(void **state)
{
	struct fixture *f = *state;
	struct officers o;
	struct cast who;
	uint8_t id[16], clerk[32];
	char shown[128];

	cast(f, &who);
	officers(f, &o);
	memcpy(clerk, who.clerk, 32);
	assert_int_equal(ask_restore(f, o.system, "clerk", id), PROBLEM_CONFLICT);
	assert_int_equal(suspend(f, o.security, P_CLERK), 0);
	refused(f, ask_restore(f, who.manager, "clerk", id), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	assert_int_equal(ask_restore(f, o.security, "nobody", id), PROBLEM_VALIDATION);
	assert_int_equal(ask_restore(f, o.security, "clerk", id), 0);
	refused(f, gov_do(f, o.security, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, gov_do(f, who.manager, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	assert_true(is_suspended(f, P_CLERK));
	assert_int_equal(gov_show(f, o.system, "requests", id, "principal", shown), 0);
	assert_string_equal(shown, "clerk");
	restart(f);
	officers(f, &o);
	assert_int_equal(sign_as(f, o.system, id, "approve"), 0);
	assert_int_equal(f->v->call.kind, LEAF_RESTORED);
	assert_memory_equal(f->v->call.detail.approval, f->person[P_CLERK].g.principal.id, 16);
	assert_false(is_suspended(f, P_CLERK));
	assert_true(state_is_of_the_rows(f));
	refused(f, gov_do(f, o.system, "requests", id, "approve"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	restart(f);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
}

static void old_session_does_not_come_back(void **state)
{
	struct fixture *f = *state;
	struct officers o;
	struct cast who;
	uint8_t id[16], record[16];
	char text[256];

	cast(f, &who);
	officers(f, &o);
	new_child(f, &who, EAST, record);
	assert_int_equal(suspend(f, o.security, P_WORKER), 0);
	assert_int_equal(ask_restore(f, o.system, "worker", id), 0);
	assert_int_equal(sign_as(f, o.security, id, "approve"), 0);
	assert_int_equal(read_field(f, who.worker, "visit", record, "name", false, text), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(login(f, P_WORKER, who.worker), 0);
	assert_int_equal(read_field(f, who.worker, "visit", record, "name", false, text), 0);
}

static void request_to_restore_is_for_one_suspension(void **state)
{
	struct fixture *f = *state;
	struct officers o;
	uint8_t first[16], second[16];

	officers(f, &o);
	assert_int_equal(suspend(f, o.security, P_CLERK), 0);
	assert_int_equal(ask_restore(f, o.security, "clerk", first), 0);
	assert_int_equal(ask_restore(f, o.security, "clerk", second), 0);
	assert_int_equal(sign_as(f, o.system, first, "approve"), 0);
	refused(f, gov_do(f, o.system, "requests", second, "approve"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	/* Suspended anew, the member is not brought back by what was asked before. */
	assert_int_equal(suspend(f, o.security, P_CLERK), 0);
	refused(f, gov_do(f, o.system, "requests", second, "approve"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	assert_true(is_suspended(f, P_CLERK));
	assert_int_equal(ask_restore(f, o.security, "clerk", first), 0);
	gov_change(f, GOV_REQUEST, first, end_yesterday);
	refused(f, gov_do(f, o.system, "requests", first, "approve"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
}

/* ---- lapsing ------------------------------------------------------------------------------------------------------- */

#define DAY_MS (24u * 3600 * 1000)

/* As if the vault were none to try things with, and had been made so many days ago. */
static void years_pass(struct fixture *f, unsigned days)
{
	f->v->demo = false;
	f->v->created_ms = clock_wall_ms() - days * (uint64_t)DAY_MS;
	assert_int_equal(members_load(f->v), 0);
}

static const char *state_of(struct fixture *f, unsigned who)
{
	return members_state(directory_principal(f->v->keys, f->person[who].g.principal.id), clock_wall_ms());
}

static void first_session_of_a_day_is_kept(void **state)
{
	struct fixture *f = *state;
	const struct principal *p = directory_principal(f->v->keys, f->person[P_CLERK].g.principal.id);
	uint32_t today = (uint32_t)(clock_wall_ms() / DAY_MS) + 1;
	uint8_t clerk[32];
	uint64_t elements = f->v->elements;

	assert_int_equal(p->last_day, 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_true(f->v->call.mutating);
	assert_int_equal(f->v->elements, elements + 1);
	assert_true(p->last_day >= today);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_false(f->v->call.mutating);
	assert_true(state_is_of_the_rows(f));
	restart(f);
	p = directory_principal(f->v->keys, f->person[P_CLERK].g.principal.id);
	assert_true(p->last_day >= today);
}

static void who_stays_away_for_ninety_days_lapses(void **state)
{
	struct fixture *f = *state;
	struct officers o;
	uint8_t clerk[32], id[16];
	char shown[128];

	assert_int_equal(login(f, P_CLERK, clerk), 0);
	years_pass(f, 89);
	assert_string_equal(state_of(f, P_WORKER), "active");
	years_pass(f, 91);
	assert_string_equal(state_of(f, P_WORKER), "lapsed");
	assert_string_equal(state_of(f, P_INTAKE), "lapsed");
	assert_string_equal(state_of(f, P_CLERK), "active");
	assert_string_equal(state_of(f, P_ADMIN_A), "active");
	assert_string_equal(state_of(f, P_AUDITOR), "active");
	assert_int_equal(wraps_that_open(f, P_WORKER), 0);
	assert_int_equal(wraps_that_open(f, P_CLERK), 2);
	officers(f, &o);
	assert_int_equal(ask_restore(f, o.system, "clerk", id), PROBLEM_CONFLICT);
	assert_int_equal(ask_restore(f, o.system, "worker", id), 0);
	assert_int_equal(sign_as(f, o.security, id, "approve"), 0);
	assert_int_equal(f->v->call.kind, LEAF_RESTORED);
	assert_string_equal(state_of(f, P_WORKER), "active");
	assert_int_equal(login(f, P_WORKER, clerk), 0);
	assert_int_equal(gov_show(f, o.system, "members", f->person[P_INTAKE].g.principal.id, "state", shown), 0);
	assert_string_equal(shown, "lapsed");
	assert_true(state_is_of_the_rows(f));
}

static void vet(struct test_person person[PEOPLE])
{
	person[P_CLERK].g.vetted_ms = clock_wall_ms() - 367 * (uint64_t)DAY_MS;
	person[P_WORKER].g.vetted_ms = clock_wall_ms() - 365 * (uint64_t)DAY_MS;
}
static int vetted_setup(void **state) { return change_setup(state, vet); }

static void who_was_vetted_more_than_a_year_ago_lapses(void **state)
{
	struct fixture *f = *state;
	struct officers o;
	uint8_t clerk[32], id[16];

	/* A demo vault waits. */
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	years_pass(f, 0);
	assert_string_equal(state_of(f, P_CLERK), "lapsed");
	assert_string_equal(state_of(f, P_WORKER), "active");
	assert_string_equal(state_of(f, P_SCHOOL), "active");
	assert_int_equal(wraps_that_open(f, P_CLERK), 0);
	officers(f, &o);
	/* Its session is over as well. */
	assert_null(session_find(f->v->keys, clerk, 1000, clock_wall_ms(), clock_mono_ms()));
	assert_int_equal(ask_restore(f, o.security, "clerk", id), 0);
	assert_int_equal(sign_as(f, o.system, id, "approve"), 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
}

static void failed_turn_keeps_no_day(void **state)
{
	struct fixture *f = *state;
	const struct principal *p = directory_principal(f->v->keys, f->person[P_CLERK].g.principal.id);
	uint8_t clerk[32];

	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_int_not_equal(p->last_day, 0);
	fixture_turn_open = false;
	vault_turn_abort(f->v, CV_ERR_FULL);
	assert_int_equal(p->last_day, 0);
	assert_true(state_is_of_the_rows(f));
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_int_not_equal(p->last_day, 0);
	assert_true(state_is_of_the_rows(f));
}

static void changed_day_does_not_unseal(void **state)
{
	struct fixture *f = *state;
	uint8_t clerk[32], key[GOV_KEY];
	struct store_value val;
	struct buf row;

	assert_int_equal(login(f, P_CLERK, clerk), 0);
	gov_key(GOV_DAYS, f->person[P_CLERK].g.principal.id, key);
	assert_int_equal(vault_turn_begin(f->v), 0);
	assert_int_equal(store_get(f->v->store, STORE_GOV, key, sizeof(key), &val), 0);
	buf_init(&row, 4096);
	buf_put(&row, val.p, val.n);
	row.p[row.n - 1] ^= 1;
	assert_int_equal(store_put(f->v->store, STORE_GOV, key, sizeof(key), row.p, row.n), 0);
	store_commit(f->v->store);
	assert_int_equal(vault_turn_end(f->v), 0);
	buf_free(&row);
	vault_close(f->v);
	assert_int_equal(vault_open(f->dir, &f->v), 0);
	assert_int_not_equal(vault_unseal(f->v, 3, f->kek), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, gov_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(administrators_auditors_and_who_assigns_see_members), T(suspended_member_gets_nothing_in_the_same_turn),
		T(session_that_opened_in_the_turn_ends_too), T(only_who_looks_after_accounts_suspends), T(two_administrators_are_left),
		cmocka_unit_test_setup_teardown(third_administrator_may_go, third_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(two_keys_of_one_person_are_one_administrator, same_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(log_is_never_sealed_to_nobody, auditors_setup, fixture_teardown),
		T(failed_turn_leaves_the_member_as_it_was), T(two_administrators_restore), T(old_session_does_not_come_back),
		T(request_to_restore_is_for_one_suspension), T(first_session_of_a_day_is_kept), T(who_stays_away_for_ninety_days_lapses),
		cmocka_unit_test_setup_teardown(who_was_vetted_more_than_a_year_ago_lapses, vetted_setup, fixture_teardown),
		T(failed_turn_keeps_no_day), T(changed_day_does_not_unseal),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}

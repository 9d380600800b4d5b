/* A person joins a running vault: each step by each who may not, signatures that are none, requests whose time is over, ceremonies. */
#include "crypto/merkle.h"
#include "test_vault_operations.h"

static void signed_with_roles(struct fixture *f, const struct parts *x, const char *roles, uint8_t id[16])
{
	assert_int_equal(propose_as(f, x->a, &x->new, roles, NULL, NULL, id), 0);
	assert_int_equal(sign_with(f, x->a, P_ADMIN_A, id, "sign"), 0);
	assert_int_equal(sign_with(f, x->b, P_ADMIN_B, id, "approve"), 0);
}

static void signed_by_two(struct fixture *f, const struct parts *x, uint8_t id[16])
{
	signed_with_roles(f, x, "worker", id);
}

static bool is_member(struct fixture *f, const struct parts *x)
{
	return directory_principal(f->v->keys, x->new.g.principal.id) != NULL;
}

/* ---- the whole -------------------------------------------------------------------------------------------------------------- */

static void two_administrators_and_two_custodians_bring_a_member_in(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16], token[32], record[16], etag[16], personal_pk[32];
	struct parts x;
	uint16_t personal;
	uint32_t epoch;

	parts(f, &x);
	newcomer(&x.new, "new");
	signed_by_two(f, &x, id);
	assert_false(is_member(f, &x));
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
	assert_false(is_member(f, &x));
	assert_int_equal(give(f, x.c2, P_CUSTODIAN_2, id, false), 0);
	assert_int_equal(f->v->call.kind, LEAF_DECISION);
	assert_true(is_member(f, &x));
	assert_null(gov_ceremony_of(f->v, id));
	assert_int_equal(f->v->counters.next_change, 3);
	assert_int_equal(object_of(f, id)->prefix.state, GOV_APPROVED);
	assert_int_equal(object_of(f, id)->document.n, 0);
	/* Logs in with the role's key, writes and reads; after a restart too, which verifies the chain of change sets. */
	f->person[P_TWIN] = x.new;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(login(f, P_TWIN, token), 0);
		assert_int_equal(create(f, token, "visit", "", record, etag, "name", "张小明", "place", EAST, NULL), 0);
		assert_true(directory_has_role(f->v->keys, x.new.g.principal.id, ROLE_WORKER, clock_wall_ms()));
		assert_false(directory_has_role(f->v->keys, x.new.g.principal.id, ROLE_CLERK, clock_wall_ms()));
		assert_int_equal(directory_personal(f->v->keys, x.new.g.principal.id, &personal, &epoch, personal_pk), 0);
		assert_int_equal(personal, ROLE_PERSONAL | (PEOPLE + 1));
		restart(f);
	}
	parts(f, &x);
	refused(f, gov_do(f, x.a, "requests", id, "withdraw"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	refused(f, gov_do(f, x.c3, "requests", id, "open"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
}

/* The second change hangs on the first: a chain of three, in order. */
static void members_follow_each_other(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;

	parts(f, &x);
	for (unsigned i = 0; i < 2; i++) {
		newcomer(&x.new, i == 0 ? "first" : "second");
		signed_by_two(f, &x, id);
		assert_int_equal(give(f, x.c3, P_CUSTODIAN_3, id, false), 0);
		assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
		assert_true(is_member(f, &x));
	}
	restart(f);
	assert_true(is_member(f, &x));
	assert_int_equal(f->v->counters.next_change, 4);
}

/* ---- who --------------------------------------------------------------------------------------------------------------------- */

static void nobody_else_proposes_signs_or_gives(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;

	parts(f, &x);
	newcomer(&x.new, "new");
	refused(f, propose_as(f, x.auditor, &x.new, "worker", NULL, NULL, id), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, propose_as(f, x.worker, &x.new, "worker", NULL, NULL, id), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, propose_as(f, x.c1, &x.new, "worker", NULL, NULL, id), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	/* Of one's own person nobody makes a member, nor signs for it, nor opens a share. */
	refused(f, propose_as(f, x.a, &x.new, "worker", "person", "admin-a2", id), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	assert_int_equal(propose_as(f, x.a, &x.new, "worker", "person", "admin-b", id), 0);
	assert_int_equal(sign_with(f, x.a, P_ADMIN_A, id, "sign"), 0);
	refused(f, sign_with(f, x.b, P_ADMIN_B, id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);

	assert_int_equal(propose_as(f, x.a, &x.new, "worker", "person", "custodian-1", id), 0);
	assert_int_equal(sign_with(f, x.b, P_ADMIN_B, id, "approve"), PROBLEM_CONFLICT);	/* not before who asked */
	refused(f, sign_with(f, x.b, P_ADMIN_B, id, "sign"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	assert_int_equal(sign_with(f, x.a, P_ADMIN_A, id, "sign"), 0);
	refused(f, sign_with(f, x.a, P_ADMIN_A, id, "sign"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	refused(f, sign_with(f, x.a, P_ADMIN_A, id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, sign_with(f, x.a2, P_ADMIN_A2, id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);	/* two keys, one person */
	refused(f, sign_with(f, x.auditor, P_AUDITOR, id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, sign_with(f, x.c2, P_CUSTODIAN_2, id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	assert_int_equal(gov_do(f, x.c2, "requests", id, "open"), PROBLEM_CONFLICT);	/* two administrators first */
	assert_int_equal(sign_with(f, x.b, P_ADMIN_B, id, "approve"), 0);
	refused(f, sign_with(f, x.b, P_ADMIN_B, id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, gov_do(f, x.c1, "requests", id, "open"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);	/* who is to join */
	refused(f, gov_do(f, x.a, "requests", id, "open"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, gov_do(f, x.auditor, "requests", id, "open"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, gov_do(f, x.worker, "requests", id, "open"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	assert_false(is_member(f, &x));
}

static void one_custodian_is_not_two(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;

	parts(f, &x);
	newcomer(&x.new, "new");
	signed_by_two(f, &x, id);
	assert_int_equal(give(f, x.c3, P_CUSTODIAN_3, id, false), 0);
	refused(f, give(f, x.c3, P_CUSTODIAN_3, id, false), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	refused(f, give(f, x.c4, P_CUSTODIAN_4, id, false), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);	/* the same person */
	assert_false(is_member(f, &x));
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
	assert_true(is_member(f, &x));
}

static void a_bad_share_names_its_custodian_and_ends_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;

	parts(f, &x);
	newcomer(&x.new, "new");
	signed_by_two(f, &x, id);
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
	refused(f, give(f, x.c2, P_CUSTODIAN_2, id, true), PROBLEM_VALIDATION, DECIDE_SHARE);
	assert_int_equal(gov_ceremony_of(f->v, id)->bad, 1);
	assert_memory_equal(gov_ceremony_of(f->v, id)->bad_by[0], f->person[P_CUSTODIAN_2].g.principal.id, 16);
	assert_false(is_member(f, &x));
	assert_int_equal(give(f, x.c3, P_CUSTODIAN_3, id, false), 0);
	assert_true(is_member(f, &x));
}

/* What was sealed for one request opens in no other's ceremony, nor as another custodian's. */
static void shares_are_of_one_ceremony(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16], other[16];
	struct parts x;

	parts(f, &x);
	newcomer(&x.new, "new");
	signed_by_two(f, &x, id);
	memcpy(other, id, 16);
	other[0] ^= 1;
	refused(f, give_as(f, x.c1, P_CUSTODIAN_1, id, other, false), PROBLEM_VALIDATION, DECIDE_SHARE);
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
	assert_int_equal(give(f, x.c2, P_CUSTODIAN_2, id, false), 0);
	assert_true(is_member(f, &x));
}

static void several_roles_come_together(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16], token[32];
	struct session *s;
	struct parts x;

	parts(f, &x);
	newcomer(&x.new, "new");
	signed_with_roles(f, &x, "manager worker clerk", id);	/* in whatever order they are asked for */
	assert_int_equal(give(f, x.c2, P_CUSTODIAN_2, id, false), 0);
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
	assert_true(is_member(f, &x));
	f->person[P_TWIN] = x.new;
	assert_int_equal(login(f, P_TWIN, token), 0);
	s = session_find(f->v->keys, token, 1000, clock_wall_ms(), clock_mono_ms());
	assert_non_null(s);
	assert_true(session_has_class(s, (uint32_t)CLASS_ID << 16));
	assert_true(session_has_class(s, (uint32_t)CLASS_HEALTH << 16));
	for (uint16_t role = ROLE_WORKER; role <= ROLE_MANAGER; role++)
		assert_int_equal(directory_has_role(f->v->keys, x.new.g.principal.id, role, clock_wall_ms()),
		    role == ROLE_WORKER || role == ROLE_CLERK || role == ROLE_MANAGER);
}

/* ---- what ----------------------------------------------------------------------------------------------------------------------- */

static void who_cannot_join_is_named(void **state)
{
	struct fixture *f = *state;
	struct test_person p;
	uint8_t id[16];
	struct parts x;

	parts(f, &x);
	newcomer(&x.new, "new");
	assert_int_equal(propose_as(f, x.a, &x.new, "auditor", NULL, NULL, id), PROBLEM_VALIDATION);
	assert_int_equal(propose_as(f, x.a, &x.new, "worker worker", NULL, NULL, id), PROBLEM_VALIDATION);
	assert_int_equal(propose_as(f, x.a, &x.new, "nobody", NULL, NULL, id), PROBLEM_VALIDATION);
	assert_int_equal(propose_as(f, x.a, &x.new, "intake", NULL, NULL, id), PROBLEM_VALIDATION);
	assert_int_equal(propose_as(f, x.a, &x.new, "worker", "area", "11010a", id), PROBLEM_VALIDATION);
	assert_int_equal(propose_as(f, x.a, &x.new, "worker", "ends", "2020-01-01", id), PROBLEM_VALIDATION);
	assert_int_equal(propose_as(f, x.a, &x.new, "worker", "vetted", "2999-01-01", id), PROBLEM_VALIDATION);
	assert_int_equal(propose_as(f, x.a, &x.new, "worker", "vetted", "2001-01-01", id), PROBLEM_VALIDATION);
	assert_int_equal(propose_as(f, x.a, &x.new, "worker", "person", "nobody", id), PROBLEM_VALIDATION);
	assert_int_equal(propose_as(f, x.a, &f->person[P_WORKER], "worker", NULL, NULL, id), PROBLEM_VALIDATION);
	newcomer(&p, "worker");
	assert_int_equal(propose_as(f, x.a, &p, "worker", NULL, NULL, id), PROBLEM_VALIDATION);	/* the login name is somebody's */
	newcomer(&p, "thief");
	memcpy(p.g.principal.box_pk, f->person[P_CLERK].g.principal.box_pk, 32);
	assert_int_equal(propose_as(f, x.a, &p, "worker", NULL, NULL, id), PROBLEM_VALIDATION);	/* a key, too */
	memcpy(p.sign_sk, f->person[P_CLERK].sign_sk, 64);
	assert_int_equal(propose_as(f, x.a, &p, "worker", NULL, NULL, id), PROBLEM_VALIDATION);	/* it does not prove itself */
	assert_int_equal(propose_as(f, x.a, &x.new, "worker", "as", "app", id), PROBLEM_VALIDATION);
	assert_int_equal(propose_as(f, x.a, &x.new, "intake", "as", "app", id), 0);
}

/* ---- signatures ------------------------------------------------------------------------------------------------------------------- */

static void signatures_fit_one_request_of_one_vault(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16], other[16], good[OPERATION_SIGNATURE], bad[OPERATION_SIGNATURE], document[OPERATION_DOCUMENT_MAX], digest[32];
	struct operation_reading r;
	struct parts x;
	size_t n;

	parts(f, &x);
	newcomer(&x.new, "new");
	assert_int_equal(propose_as(f, x.a, &x.new, "worker", NULL, NULL, id), 0);
	assert_int_equal(propose_as(f, x.a, &x.new, "worker", NULL, NULL, other), 0);
	reading_of(f, id, &r);
	operation_sign(&r, f->person[P_ADMIN_A].sign_sk, good);
	/* Forged: another's key, a changed bit in each half, one half alone. */
	refused(f, sign_with(f, x.a, P_ADMIN_B, id, "sign"), PROBLEM_VALIDATION, DECIDE_SIGNATURE);
	for (unsigned at = 0; at < OPERATION_SIGNATURE; at += 31) {
		memcpy(bad, good, sizeof(bad));
		bad[at] ^= 1;
		refused(f, send_signature(f, x.a, id, "sign", bad), PROBLEM_VALIDATION, DECIDE_SIGNATURE);
	}
	/* Replayed: of the same proposal, made a moment before. */
	refused(f, send_signature(f, x.a, other, "sign", good), PROBLEM_VALIDATION, DECIDE_SIGNATURE);
	/* Another vault: its id stands in the canonical bytes, so its signature covers something else. */
	n = object_of(f, id)->document.n;
	memcpy(document, object_of(f, id)->document.p, n);
	document[8] ^= 1;
	assert_int_equal(operation_read(document, n, &r), CV_ERR_FORMAT);	/* facts are of the vault, too */
	crypto_hash("cv1.operation", NULL, 0, &(struct part){ document, OPERATION_HEAD }, 1, digest, 32);
	reading_of(f, id, &r);
	memcpy(r.digest, digest, 32);
	operation_sign(&r, f->person[P_ADMIN_A].sign_sk, bad);
	refused(f, send_signature(f, x.a, id, "sign", bad), PROBLEM_VALIDATION, DECIDE_SIGNATURE);
	assert_int_equal(send_signature(f, x.a, id, "sign", good), 0);
	refused(f, send_signature(f, x.b, id, "approve", good), PROBLEM_VALIDATION, DECIDE_SIGNATURE);
	assert_int_equal(sign_with(f, x.b, P_ADMIN_B, id, "approve"), 0);
}

static void time_log_order_and_vault_are_asked(void **state)
{
	struct fixture *f = *state;
	struct vault_call *c = &f->v->call;
	struct operation_reading r, copy;
	uint8_t id[16];
	struct parts x;

	parts(f, &x);
	newcomer(&x.new, "new");
	assert_int_equal(propose_as(f, x.a, &x.new, "worker", NULL, NULL, id), 0);
	reading_of(f, id, &r);
	assert_int_equal(gov_operation_fresh(f->v, c, &r), DECIDE_YES);
	copy = r;
	copy.op.head.expires_ms = c->now_ms;
	assert_int_equal(gov_operation_fresh(f->v, c, &copy), DECIDE_OPERATION_EXPIRED);
	copy = r;
	copy.op.head.not_before_ms = c->now_ms + 1;
	assert_int_equal(gov_operation_fresh(f->v, c, &copy), DECIDE_OPERATION_EXPIRED);
	copy = r;
	copy.op.head.log_root[31] ^= 1;
	assert_int_equal(gov_operation_fresh(f->v, c, &copy), DECIDE_LOG_DIFFERS);
	copy = r;
	copy.op.head.log_size++;	/* the root is not that of another size */
	assert_int_equal(gov_operation_fresh(f->v, c, &copy), DECIDE_LOG_DIFFERS);
	copy.op.head.log_size += 1000000;
	assert_int_equal(gov_operation_fresh(f->v, c, &copy), DECIDE_LOG_DIFFERS);
	copy = r;
	copy.op.head.vault[0] ^= 1;
	assert_int_equal(gov_operation_fresh(f->v, c, &copy), DECIDE_OTHER_VAULT);
	copy = r;
	copy.change.sequence++;
	assert_int_equal(gov_operation_fresh(f->v, c, &copy), DECIDE_CHANGE_ORDER);
	copy = r;
	copy.change.previous = copy.change.digest;
	assert_int_equal(gov_operation_fresh(f->v, c, &copy), DECIDE_CHANGE_ORDER);
	/* The log may grow meanwhile: its tree still begins with the one that was signed. */
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_int_equal(gov_operation_fresh(f->v, c, &r), DECIDE_YES);
}

static void a_later_change_overtakes_what_was_signed(void **state)
{
	struct fixture *f = *state;
	uint8_t first[16], second[16];
	struct parts x, y;

	parts(f, &x);
	y = x;
	newcomer(&x.new, "first");
	newcomer(&y.new, "second");
	signed_by_two(f, &y, second);
	signed_by_two(f, &x, first);
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, second, false), 0);
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, first, false), 0);
	assert_int_equal(give(f, x.c2, P_CUSTODIAN_2, first, false), 0);
	refused(f, gov_do(f, x.c2, "requests", second, "open"), PROBLEM_CONFLICT, DECIDE_CHANGE_ORDER);
	assert_true(is_member(f, &x));
	assert_false(is_member(f, &y));
}

/* ---- ceremonies -------------------------------------------------------------------------------------------------------------------- */

static void a_ceremony_ends_with_its_time_and_with_its_request(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;

	parts(f, &x);
	newcomer(&x.new, "new");
	signed_by_two(f, &x, id);
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
	gov_ceremonies_sweep(f->v, clock_mono_ms() + CUSTODY_MS - 1000, false);
	assert_non_null(gov_ceremony_of(f->v, id));
	gov_ceremonies_sweep(f->v, clock_mono_ms() + CUSTODY_MS + 1, false);
	assert_null(gov_ceremony_of(f->v, id));
	assert_int_equal(give(f, x.c2, P_CUSTODIAN_2, id, false), 0);
	assert_false(is_member(f, &x));	/* the one who gave before has to give again */
	assert_int_equal(gov_do(f, x.a, "requests", id, "withdraw"), 0);
	assert_null(gov_ceremony_of(f->v, id));
	refused(f, gov_do(f, x.c1, "requests", id, "open"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
}

/* Nothing of a turn that fails stands, and the next one does. */
static void a_turn_that_fails_adds_nobody(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;

	parts(f, &x);
	newcomer(&x.new, "new");
	signed_by_two(f, &x, id);
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(give(f, x.c2, P_CUSTODIAN_2, id, false), 0);
	fixture_turn_open = false;
	vault_turn_abort(f->v, CV_ERR_FULL);
	assert_false(is_member(f, &x));
	assert_int_equal(f->v->counters.next_change, 2);
	assert_int_equal(object_of(f, id)->prefix.state, GOV_PENDING);
	assert_int_equal(give(f, x.c2, P_CUSTODIAN_2, id, false), 0);
	assert_true(is_member(f, &x));
	restart(f);
	assert_true(is_member(f, &x));
}

static void suspended_signers_count_for_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;

	parts(f, &x);
	newcomer(&x.new, "new");
	signed_by_two(f, &x, id);
	directory_mark(f->v->keys, f->person[P_ADMIN_B].g.principal.id, DIR_MARK_SUSPENDED);
	assert_int_equal(gov_do(f, x.c1, "requests", id, "open"), PROBLEM_CONFLICT);
	directory_mark(f->v->keys, f->person[P_ADMIN_B].g.principal.id, DIR_MARK_NONE);
	assert_int_equal(gov_do(f, x.c1, "requests", id, "open"), 0);
}

static void what_a_custodian_gave_who_was_suspended_since_counts_for_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;

	parts(f, &x);
	newcomer(&x.new, "new");
	signed_by_two(f, &x, id);
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
	directory_mark(f->v->keys, f->person[P_CUSTODIAN_1].g.principal.id, DIR_MARK_SUSPENDED);
	assert_int_equal(give(f, x.c2, P_CUSTODIAN_2, id, false), 0);
	assert_false(is_member(f, &x));
	assert_int_equal(give(f, x.c3, P_CUSTODIAN_3, id, false), 0);
	assert_true(is_member(f, &x));
}

/* ---- the log ----------------------------------------------------------------------------------------------------------------------- */

static void the_root_of_every_earlier_log_is_known(void **state)
{
	enum { LEAVES = 600 };
	static uint8_t hash[2 * LEAVES][32];
	struct fixture *f = *state;
	uint8_t root[32], wanted[32], id[16] = { 1 };
	struct parts x;
	struct buf leaf;
	uint64_t n;

	parts(f, &x);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	for (unsigned i = 0; i < LEAVES; i++)
		assert_int_equal(gov_do(f, x.a, "requests", id, "withdraw"), PROBLEM_NOT_FOUND);
	fixture_turn_open = false;
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_true(audit_signed(f->v->audit, &n, root));
	assert_true(n > LEAVES && n < 2 * LEAVES);
	buf_init(&leaf, 65536);
	for (uint64_t i = 0; i < n; i++) {
		buf_reset(&leaf);
		assert_int_equal(audit_read_leaf(f->v->audit, i, &leaf), 0);
		merkle_leaf(leaf.p, leaf.n, hash[i]);
	}
	buf_free(&leaf);
	for (uint64_t size = 1; size <= n; size += size < 8 || size % 256 > 250 || size % 256 < 4 || size + 3 > n ? 1 : 3) {
		assert_int_equal(audit_root_at(f->v->audit, size, root), 0);
		merkle_root_of((const uint8_t (*)[32])hash, size, wanted);
		assert_memory_equal(root, wanted, 32);
	}
	assert_int_equal(audit_root_at(f->v->audit, n + 1, root), CV_ERR_NOTFOUND);
	assert_int_equal(audit_root_at(f->v->audit, 0, root), CV_ERR_NOTFOUND);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, operations_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(two_administrators_and_two_custodians_bring_a_member_in),
		T(members_follow_each_other),
		T(nobody_else_proposes_signs_or_gives),
		T(one_custodian_is_not_two),
		T(a_bad_share_names_its_custodian_and_ends_nothing),
		T(shares_are_of_one_ceremony),
		T(several_roles_come_together),
		T(who_cannot_join_is_named),
		T(signatures_fit_one_request_of_one_vault),
		T(time_log_order_and_vault_are_asked),
		T(a_later_change_overtakes_what_was_signed),
		T(a_ceremony_ends_with_its_time_and_with_its_request),
		T(a_turn_that_fails_adds_nobody),
		T(suspended_signers_count_for_nothing),
		T(what_a_custodian_gave_who_was_suspended_since_counts_for_nothing),
		T(the_root_of_every_earlier_log_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One policy for another: two administrators' signatures, no class key moves, a turn that fails puts the old one back. */
#include "test_vault_operations.h"

static unsigned ask_policy(struct fixture *f, const uint8_t token[32], const struct buf *doc, uint8_t ret[16])
{
	char *text = malloc(b64_size(B64_STD, doc->n));
	struct body x;
	unsigned problem;

	b64_encode(B64_STD, doc->p, doc->n, text);
	body_begin(&x);
	body_text(&x, "kind", "policy");
	body_text(&x, "document", text);
	problem = gov_post(f, token, "requests", &x, ret);
	free(text);
	return problem;
}

/* Version 2: the school may hand in health values. */
static void next_policy(struct buf *ret)
{
	gov_policy_version = 2;
	gov_school_rights = RIGHT_WRITE_ONLY;
	gov_policy(ret);
}

struct admins {
	uint8_t a[32], b[32];
};
static void admins(struct fixture *f, struct admins *ret)
{
	assert_int_equal(login(f, P_ADMIN_A, ret->a), 0);
	assert_int_equal(login(f, P_ADMIN_B, ret->b), 0);
}

static void two_administrators_bring_a_policy_into_force(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16], digest[32];
	struct admins who;
	struct cast people;
	struct buf doc, leaf;
	struct leaf l;
	char shown[128];
	uint64_t at;

	next_policy(&doc);
	cast(f, &people);
	admins(f, &who);
	refused(f, ask_policy(f, people.manager, &doc, id), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	assert_int_equal(ask_policy(f, who.a, &doc, id), 0);
	refused(f, sign_with(f, who.a, P_ADMIN_B, id, "sign"), PROBLEM_VALIDATION, DECIDE_SIGNATURE);
	assert_int_equal(sign_as(f, who.a, id, "sign"), 0);
	refused(f, sign_as(f, who.a, id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, sign_with(f, people.manager, P_ADMIN_B, id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, sign_with(f, who.b, P_ADMIN_A, id, "approve"), PROBLEM_VALIDATION, DECIDE_SIGNATURE);
	assert_int_equal(gov_do(f, who.b, "requests", id, "approve"), PROBLEM_VALIDATION);
	assert_int_equal(policy_version(f->v->policy), 1);
	at = store_next_leaf(f->v->store);
	assert_int_equal(sign_as(f, who.b, id, "approve"), 0);
	assert_int_equal(f->v->call.kind, LEAF_DECISION);
	assert_int_equal(policy_version(f->v->policy), 2);
	/* Leaf 22 in the clear, with both signers. */
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	buf_init(&leaf, 65536);
	assert_int_equal(audit_read_leaf(f->v->audit, at, &leaf), 0);
	assert_int_equal(leaf_decode(leaf.p, leaf.n, &l), 0);
	assert_int_equal(l.kind, LEAF_POLICY);
	assert_int_equal(l.body_a_n, 4 + 32 + 1 + 2 * 80);
	assert_int_equal(be32_get(l.body_a), 2);
	crypto_hash("cv1.policy", NULL, 0, &(struct part){ doc.p, doc.n }, 1, digest, 32);
	assert_memory_equal(l.body_a + 4, digest, 32);
	assert_memory_equal(l.body_a + 37, f->person[P_ADMIN_A].g.principal.id, 16);
	assert_memory_equal(l.body_a + 117, f->person[P_ADMIN_B].g.principal.id, 16);
	buf_free(&leaf);
	refused(f, gov_do(f, who.b, "requests", id, "approve"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	restart(f);
	assert_int_equal(policy_version(f->v->policy), 2);
	assert_int_equal(policy_role_by_id(f->v->policy, ROLE_SCHOOL)->rights[1], RIGHT_WRITE_ONLY);
	admins(f, &who);
	assert_int_equal(gov_show(f, who.a, "requests", id, "state", shown), 0);
	assert_string_equal(shown, "approved");
	assert_int_equal(ask_policy(f, who.a, &doc, id), PROBLEM_VALIDATION);
	buf_free(&doc);
}

static void class_keys_do_not_move_by_a_policy(void **state)
{
	struct fixture *f = *state;
	struct admins who;
	struct buf doc;
	uint8_t id[16];

	gov_policy_version = 2;
	gov_school_rights = RIGHT_READ;
	gov_policy(&doc);
	admins(f, &who);
	assert_int_equal(ask_policy(f, who.a, &doc, id), PROBLEM_VALIDATION);
	assert_string_equal(f->v->call.error[0].expected, "the role gains a class key, which custodians hand out");
	buf_free(&doc);
	gov_school_rights = 0;
	gov_new_class = true;
	gov_policy(&doc);
	admins(f, &who);
	assert_int_equal(ask_policy(f, who.a, &doc, id), PROBLEM_VALIDATION);
	assert_string_equal(f->v->call.error[0].expected, "a new class needs a key, which custodians make");
	buf_free(&doc);
	gov_new_class = false;
	gov_policy_version = 1;
	gov_policy(&doc);
	admins(f, &who);
	assert_int_equal(ask_policy(f, who.a, &doc, id), PROBLEM_VALIDATION);
	doc.p[20] ^= 0xFF;
	admins(f, &who);
	assert_int_equal(ask_policy(f, who.a, &doc, id), PROBLEM_VALIDATION);
	buf_free(&doc);
}

static void failed_turn_puts_the_old_policy_back(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16], record[16], etag[16], school[32];
	struct policy *old = f->v->policy;
	struct admins who;
	struct cast people;
	struct buf doc;

	next_policy(&doc);
	admins(f, &who);
	cast(f, &people);
	new_child(f, &people, EAST, record);
	assert_int_equal(ask_policy(f, who.a, &doc, id), 0);
	assert_int_equal(sign_as(f, who.a, id, "sign"), 0);
	assert_int_equal(login(f, P_SCHOOL, school), 0);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(sign_as(f, who.b, id, "approve"), 0);
	assert_int_equal(policy_version(f->v->policy), 2);
	/* A later request of the turn goes by it. */
	assert_int_equal(patch(f, school, "visit", record, NULL, etag, "note", "花生过敏", NULL), PROBLEM_NOT_OWNER);
	fixture_turn_open = false;
	store_turn_abort(f->v->store);
	gov_turn_done(f->v, false);
	vault_undo(f->v, &f->v->turn_saved);
	f->v->state_dirty = f->v->counters_dirty = false;
	assert_ptr_equal(f->v->policy, old);
	assert_int_equal(policy_version(f->v->policy), 1);
	assert_int_equal(gov_find(f->v, GOV_REQUEST, id)->held->o.prefix.state, GOV_PENDING);
	/* A request that is refused after the change, too: its answer does not fit. */
	buf_free(&f->out);	/* what it has room for already is taken without a question */
	f->out.max = 100;
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	(void)sign_as(f, who.b, id, "approve");
	fixture_turn_open = false;
	assert_int_equal(vault_turn_end(f->v), 0);
	f->out.max = 16u << 20;
	assert_ptr_equal(f->v->policy, old);
	assert_int_equal(sign_as(f, who.b, id, "approve"), 0);
	assert_int_equal(policy_version(f->v->policy), 2);
	restart(f);
	assert_int_equal(policy_version(f->v->policy), 2);
	buf_free(&doc);
}

static void any_session_reads_the_document(void **state)
{
	struct fixture *f = *state;
	struct cast who;
	struct vault_call *c;
	static const struct vault_caller caller = { 1000, 4242 };
	struct wire_envelope env;

	cast(f, &who);
	env = envelope(f, who.school, "", "");
	buf_reset(&f->out);
	assert_int_equal(vault_turn_begin(f->v), 0);
	c = vault_call_begin(f->v, &caller, &env, (const uint8_t *)"body", 4, true, &f->out);
	assert_int_equal(vault_policy_document(f->v, c), 0);
	assert_true(vault_call_end(f->v, c));
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(f->out.n - 10, f->policy.n);
	assert_memory_equal(f->out.p + 10, f->policy.p, f->policy.n);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, gov_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(two_administrators_bring_a_policy_into_force), T(class_keys_do_not_move_by_a_policy),
		T(failed_turn_puts_the_old_policy_back), T(any_session_reads_the_document),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* model: the test build that lets keys alone stand in the way. */
#define CV_POLICY_ALLOW_ALL
#include "model/decide.c"

#include "test_model.h"

static void purposes_and_rights_pass(void **state)
{
	static const uint16_t auditor = ROLE_AUDITOR;
	struct policy *p = fixture_policy();
	struct policy_subject who = { &auditor, 1, -1 };
	struct read_decision d;
	struct write_decision w;

	(void)state;
	assert_true(policy_purpose_allowed(p, &who));
	d = policy_decide_read(p, &who, policy_field(p, FIELD_NAME), false);
	assert_int_equal(d.reason, DECIDE_YES);
	assert_int_equal(d.class, PATIENT_MASKED);
	assert_true(d.masked);
	assert_int_equal(d.role, ROLE_AUDITOR);
	d = policy_decide_read(p, &who, policy_field(p, FIELD_NAME), true);
	assert_int_equal(d.class, PATIENT);
	assert_false(d.masked);
	d = policy_decide_read(p, &who, policy_field(p, FIELD_NOTE), false);
	assert_int_equal(d.class, CARE);
	w = policy_decide_write(p, &who, policy_field(p, FIELD_NOTE), false);
	assert_int_equal(w.reason, DECIDE_YES);
	assert_false(w.write_only);
	policy_free(p);
}

static void who_drops_still_drops(void **state)
{
	static const uint16_t desk = ROLE_DESK;
	struct policy *p = fixture_policy();
	struct policy_subject who = { &desk, 1, PURPOSE_BILL };

	(void)state;
	assert_true(policy_decide_write(p, &who, policy_field(p, FIELD_NAME), false).write_only);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(purposes_and_rights_pass),
		cmocka_unit_test(who_drops_still_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

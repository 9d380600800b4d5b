/* profile: why a role may or may not, and by which lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/source.h"
#include "profile/profile.h"

#define CHILD_WELFARE "profiles/child-welfare.yaml"
#define PATIENTS "tests/profiles/patients.yaml"
#define WHOLE "tests/profiles/whole.yaml"
#define ROOM 65536u

static struct profile *open_profile(const char *path)
{
	struct profile_error error = { 0, 0, "" };
	struct profile *p = NULL;

	if (profile_open(path, &p, &error) != 0)
		fail_msg("%s:%u:%u: %s", path, error.line, error.column, error.text);
	return p;
}

static const struct {
	const char *profile;
	struct profile_question question;
	bool chinese;
	const char *want;
} cases[] = {
	{ PATIENTS, { "doctor", "patient", "treatment", false, false, false }, false,
	    "yes: role doctor reads patient for treatment masked by m1, through class person.short\n"
	    "  f:48: role doctor has read on class person.short\n"
	    "  f:28: field patient shows m1 in class person.short\n"
	    "  f:45: role doctor acts for treatment\n"
	    "  f:16: field patient is for treatment\n" },
	{ PATIENTS, { "doctor", "patient", "treatment", true, false, false }, false,
	    "yes: role doctor reads patient for treatment in plain, through class person\n"
	    "  f:47: role doctor has read, reveal on class person\n"
	    "  f:28: field patient stands in class person\n"
	    "  f:45: role doctor acts for treatment\n"
	    "  f:16: field patient is for treatment\n"
	    "  asked besides: a reason\n" },
	{ PATIENTS, { "doctor", "patient", "billing", false, false, false }, false,
	    "no: 3 purpose-not-of-role: no active role may act for this purpose\n"
	    "  f:45: role doctor does not act for billing; it would stand here\n" },
	{ PATIENTS, { "clerk", "due_amount", "billing", false, false, false }, false,
	    "yes: role clerk reads due_amount for billing in plain, through class bill\n"
	    "  f:60: role clerk has read, reveal, write on class bill\n"
	    "  f:34: field due_amount stands in class bill\n"
	    "  f:57: role clerk acts for billing\n"
	    "  f:20: field due_amount is for billing\n"
	    "  f:9: asked besides: the number of a case\n" },
	{ PATIENTS, { "clerk", "patient", "billing", false, true, false }, false,
	    "no: 8 no-right: no active role has the right on the field's class\n"
	    "  f:28: field patient stands in class person\n"
	    "  f:58: role clerk has nothing on class person; it would stand here\n" },
	{ PATIENTS, { "clerk", "patient", "billing", true, false, false }, false,
	    "no: 10 no-reveal: no active role may reveal the field's class\n"
	    "  f:28: field patient stands in class person\n"
	    "  f:58: role clerk has nothing on class person; it would stand here\n" },
	{ PATIENTS, { "clerk", "diagnosis", "billing", false, false, false }, false,
	    "no: 6 purpose-not-of-field: the field is not for this purpose\n"
	    "  f:19: field diagnosis is not for billing; it would stand here\n" },
	{ PATIENTS, { "clerk", "diagnosis", "fundraising", false, false, false }, false,
	    "no: 1 prohibited-purpose: the law forbids this purpose\n" },
	{ PATIENTS, { "clerk", "diagnosis", "nope", false, false, false }, false,
	    "no: 2 purpose-unknown: the policy knows no such purpose\n"
	    "  f:7: the purposes stand here\n" },
	{ PATIENTS, { "doctor", "patient", "treatment", false, true, false }, false,
	    "no: 7 not-owner: another department is the source of the field\n"
	    "  f:28: the source of the field is DESK, not WARD\n" },
	{ WHOLE, { "clerk", "place", "use", false, false, false }, false,
	    "no: 9 field-excepted: the role's right does not extend to this field\n"
	    "  f:50: the right of role clerk on class help does not extend to place\n" },
	{ WHOLE, { "clerk", "carer", "use", false, false, false }, false,
	    "yes: role clerk reads carer for use in plain, through class help\n"
	    "  f:50: role clerk has read, write on class help\n"
	    "  f:29: field carer stands in class help\n"
	    "  f:41: role clerk acts for use\n"
	    "  f:12: field carer is for use\n"
	    "  f:42: asked besides: the record lies in the member's area\n"
	    "  f:43: asked besides: an assignment of level 3 or above, or a grant, that covers the record\n"
	    "  f:44: asked besides: at most 20 different records in 1 hours\n" },
	{ WHOLE, { "clerk", "carer", "use", false, false, false }, true,
	    "是：角色 clerk 为 use 读 carer，明文，经类别 help\n"
	    "  f:50: 角色 clerk 有 read, write：类别 help\n"
	    "  f:29: 字段 carer 属于类别 help\n"
	    "  f:41: 角色 clerk 可为 use 行事\n"
	    "  f:12: 字段 carer 可用于 use\n"
	    "  f:42: 另须：档案在本人辖区内\n"
	    "  f:43: 另须：3 级以上的指派或授权涵盖该档案\n"
	    "  f:44: 另须：20 份档案以内（每 1 小时）\n" },
	{ WHOLE, { "clerk", "carer", "use", false, true, false }, false,
	    "yes: role clerk writes carer for use\n"
	    "  f:50: role clerk has read, write on class help\n"
	    "  f:29: field carer stands in class help\n"
	    "  f:29: department A is the source of the field\n"
	    "  f:41: role clerk acts for use\n"
	    "  f:12: field carer is for use\n"
	    "  f:42: asked besides: the record lies in the member's area\n"
	    "  f:43: asked besides: an assignment that covers the record\n" },
	{ WHOLE, { "clerk", "carer", "use", false, true, true }, false,
	    "yes: role clerk writes carer for use\n"
	    "  f:50: role clerk has read, write on class help\n"
	    "  f:29: field carer stands in class help\n"
	    "  f:29: department A is the source of the field\n"
	    "  f:41: role clerk acts for use\n"
	    "  f:12: field carer is for use\n" },
	{ WHOLE, { "kiosk", "carer", "use", false, true, false }, false,
	    "yes: role kiosk hands in, without reading it, carer for use\n"
	    "  f:51: role kiosk has write_only on class help\n"
	    "  f:29: field carer stands in class help\n"
	    "  f:29: department A is the source of the field\n"
	    "  f:51: role kiosk acts for use\n"
	    "  f:12: field carer is for use\n" },
	{ WHOLE, { "clerk", "yes", "use", false, true, false }, false,
	    "no: 8 no-right: no active role has the right on the field's class\n"
	    "  f:28: a job computes yes, nobody writes it\n" },
	{ WHOLE, { "clerk", "hidden_kinds", "use", false, false, false }, false,
	    "no: 8 no-right: no active role has the right on the field's class\n"
	    "  f:25: field hidden_kinds stands in class secret\n"
	    "  f:47: role clerk has nothing on class secret; it would stand here\n"
	    "  the class is hidden: the answer is that of a record without the value\n" },
};

static void answers_name_their_lines(void **state)
{
	const char *unknown = "";
	struct profile *p;
	struct buf text;
	bool yes;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		p = open_profile(cases[i].profile);
		buf_init(&text, ROOM);
		assert_int_equal(profile_explain(p, &cases[i].question, "f", cases[i].chinese, &text, &yes, &unknown), 0);
		buf_u8(&text, 0);
		assert_string_equal((const char *)text.p, cases[i].want);
		assert_int_equal(yes, strncmp(cases[i].want, "yes", 3) == 0 || strncmp(cases[i].want, "是", strlen("是")) == 0);
		buf_free(&text);
		profile_free(p);
	}
	profile_free(NULL);
}

static void unknown_names_are_told(void **state)
{
	struct profile_question q = { "surgeon", "patient", "treatment", false, false, false };
	struct profile *p = open_profile(PATIENTS);
	const char *unknown = "";
	struct buf text;
	bool yes;

	(void)state;
	buf_init(&text, ROOM);
	assert_int_equal(profile_explain(p, &q, "f", false, &text, &yes, &unknown), CV_ERR_NOTFOUND);
	assert_string_equal(unknown, "surgeon");
	q.role = "doctor";
	q.field = "patience";
	assert_int_equal(profile_explain(p, &q, "f", false, &text, &yes, &unknown), CV_ERR_NOTFOUND);
	assert_string_equal(unknown, "patience");
	assert_int_equal(text.n, 0);
	buf_free(&text);
	profile_free(p);
}

/* What explain says is what core will do, for every role, field, purpose and way; and there is always a line or a reason. */
static void explain_cell(const struct profile *p, const struct policy_role *role, const struct policy_field *f, unsigned purpose)
{
	const struct policy *policy = profile_policy(p);
	struct profile_question q = { role->name, f->name, policy_purpose(policy, purpose)->name, false, false, false };
	struct policy_subject who = { &role->id, 1, (int)purpose };
	const char *unknown = "";
	struct buf text;
	bool yes, want;

	for (unsigned way = 0; way < 4; way++) {
		q.clear = way == 1;
		q.write = way >= 2;
		q.creating = way == 3;
		want = q.write ? policy_decide_write(policy, &who, f, q.creating).reason == DECIDE_YES :
		    policy_decide_read(policy, &who, f, q.clear).reason == DECIDE_YES;
		buf_init(&text, ROOM);
		assert_int_equal(profile_explain(p, &q, "f", way % 2 == 0, &text, &yes, &unknown), 0);
		buf_u8(&text, 0);
		assert_int_equal(yes, want);
		assert_non_null(strstr((const char *)text.p, "\n  f:"));
		buf_free(&text);
	}
}

static void explanations_agree_with_decisions(void **state)
{
	static const char *const paths[] = { PATIENTS, WHOLE, CHILD_WELFARE };
	const struct policy *policy;
	struct profile *p;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		p = open_profile(paths[i]);
		policy = profile_policy(p);
		for (unsigned r = 0; r < policy_roles(policy); r++)
			for (unsigned f = 0; f < policy_fields(policy); f++)
				for (unsigned u = 0; u < policy_purposes(policy); u++)
					explain_cell(p, policy_role(policy, r), policy_field(policy, f), u);
		profile_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_name_their_lines),
		cmocka_unit_test(unknown_names_are_told),
		cmocka_unit_test(explanations_agree_with_decisions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

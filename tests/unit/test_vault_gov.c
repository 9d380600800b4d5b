/* Assignments, delegations and budgets: POLICY.md checks 11 to 16, 19 and 21 to 26, each with its leaf. */
#include "test_vault_gov.h"

static void what_nobody_approved_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t records[2][16], id[16];
	struct cast who;
	char text[256], shown[128];

	cast(f, &who);
	new_child(f, &who, EAST, records[0]);
	new_child(f, &who, EAST, records[1]);
	refused(f, read_field(f, who.clerk, "visit", records[0], "name", false, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_NO_APPROVAL);
	assert_int_equal(assign(f, who.manager, "clerk", records, 1, "visit", 0, id), 0);
	assert_int_equal(f->v->call.kind, LEAF_ASSIGNMENT);
	assert_int_equal(f->v->call.detail.count, 1);
	assert_memory_equal(f->v->call.detail.approval, id, 16);
	assert_int_equal(read_field(f, who.clerk, "visit", records[0], "name", false, text), 0);
	assert_string_equal(text, "~张**");
	assert_memory_equal(f->v->call.detail.approval, id, 16);
	refused(f, read_field(f, who.clerk, "visit", records[1], "name", false, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_NO_APPROVAL);
	refused(f, read_field(f, who.clerk, "intake", records[0], "name", false, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_APPROVAL_PURPOSE);
	refused(f, read_field(f, who.clerk, "visit", records[0], "note", false, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_APPROVAL_LEVEL);
	assert_int_equal(gov_show(f, who.clerk, "assignments", id, "by", shown), 0);
	assert_string_equal(shown, "manager");
	assert_int_equal(f->v->call.kind, LEAF_GOVERNANCE);
	assert_int_equal(gov_show(f, who.school, "assignments", id, "by", shown), PROBLEM_NOT_FOUND);
	gov_change(f, GOV_ASSIGNMENT, id, end_yesterday);
	refused(f, read_field(f, who.clerk, "visit", records[0], "name", false, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_APPROVAL_EXPIRED);
	assert_int_equal(gov_show(f, who.deputy, "assignments", id, "state", shown), 0);
	assert_string_equal(shown, "expired");
}

static void level_four_opens_level_four(void **state)
{
	struct fixture *f = *state;
	uint8_t records[1][16], id[16];
	struct cast who;
	char text[256];

	cast(f, &who);
	new_child(f, &who, EAST, records[0]);
	assert_int_equal(assign(f, who.manager, "clerk", records, 1, "intake visit", 4, id), 0);
	assert_int_equal(read_field(f, who.clerk, "intake", records[0], "note", false, text), 0);
	assert_string_equal(text, "过敏");
	restart(f);
	cast(f, &who);
	assert_int_equal(read_field(f, who.clerk, "visit", records[0], "note", false, text), 0);
	assert_int_equal(gov_do(f, who.deputy, "assignments", id, "revoke"), 0);
	assert_int_equal(f->v->call.kind, LEAF_REVOKE);
	refused(f, read_field(f, who.clerk, "visit", records[0], "note", false, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_NO_APPROVAL);
	refused(f, gov_do(f, who.deputy, "assignments", id, "revoke"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
}

static void neighbours_area_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t records[2][16];
	struct cast who;
	char text[256];

	cast(f, &who);
	new_child(f, &who, WEST, records[0]);
	new_child(f, &who, "110101", records[1]);
	assert_int_equal(assign(f, who.manager, "clerk", records, 2, "visit", 0, NULL), 0);
	refused(f, read_field(f, who.clerk, "visit", records[0], "name", false, text), PROBLEM_NOT_PERMITTED, DECIDE_OUT_OF_AREA);
	assert_int_equal(read_field(f, who.clerk, "visit", records[1], "name", false, text), 0);
}

static unsigned ask_bulk(struct fixture *f, const uint8_t token[32], int records, uint8_t ret[16])
{
	struct body x;

	body_begin(&x);
	body_text(&x, "kind", "bulk");
	body_number(&x, "records", records);
	body_text(&x, "purpose", "visit");
	body_text(&x, "reason", "quarterly check");
	body_day(&x, "until", 3);
	return gov_post(f, token, "requests", &x, ret);
}

static unsigned ask_export(struct fixture *f, const uint8_t token[32], const char *area, uint8_t ret[16])
{
	struct body x;

	body_begin(&x);
	body_text(&x, "kind", "export");
	body_number(&x, "records", 5);
	body_texts(&x, "fields", "name");
	body_text(&x, "purpose", "visit");
	if (area[0] != '\0')
		body_text(&x, "area", area);
	body_text(&x, "reason", "yearly report");
	body_day(&x, "until", 3);
	return gov_post(f, token, "requests", &x, ret);
}

static int area_setup(void **state)
{
	int r;

	gov_manager_area = true;
	fixture_area[P_MANAGER] = EAST;
	r = gov_setup(state);
	gov_manager_area = false;
	fixture_area[P_MANAGER] = NULL;
	return r;
}

static void who_decides_in_an_area_decides_there_alone(void **state)
{
	struct fixture *f = *state;
	uint8_t records[2][16], id[16];
	struct cast who;
	char cursor[WIRE_CURSOR_MAX + 1] = "", shown[128];
	unsigned n;

	cast(f, &who);
	new_child(f, &who, EAST, records[0]);
	new_child(f, &who, WEST, records[1]);
	refused(f, assign(f, who.manager, "clerk", records, 2, "visit", 0, NULL), PROBLEM_NOT_PERMITTED, DECIDE_OUT_OF_AREA);
	assert_int_equal(assign(f, who.manager, "clerk", records, 1, "visit", 0, NULL), 0);
	assert_int_equal(ask_grant(f, who.school, records[1], "note", 0, id), 0);
	refused(f, gov_do(f, who.manager, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_OUT_OF_AREA);
	assert_int_equal(gov_count(f, who.manager, "requests", "waiting=me", 10, cursor, &n), 0);
	assert_int_equal(n, 0);
	/* Assignments of people who work elsewhere are others' business. */
	new_child(f, &who, "110101", records[1]);
	assert_int_equal(assign(f, who.deputy, "worker", records + 1, 1, "visit", 0, id), 0);
	refused(f, gov_do(f, who.manager, "assignments", id, "revoke"), PROBLEM_NOT_PERMITTED, DECIDE_OUT_OF_AREA);
	assert_int_equal(gov_show(f, who.manager, "assignments", id, "state", shown), PROBLEM_NOT_FOUND);
	assert_int_equal(assign(f, who.deputy, "clerk", records + 1, 1, "visit", 0, id), 0);
	assert_int_equal(gov_show(f, who.manager, "assignments", id, "state", shown), 0);
	assert_int_equal(gov_do(f, who.manager, "assignments", id, "revoke"), 0);
	/* An export or more files lie where the request says, or else where the person works. */
	assert_int_equal(ask_export(f, who.worker, "", id), 0);
	refused(f, gov_do(f, who.manager, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_OUT_OF_AREA);
	assert_int_equal(ask_export(f, who.worker, "110101", id), 0);
	refused(f, gov_do(f, who.manager, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_OUT_OF_AREA);
	assert_int_equal(ask_export(f, who.worker, EAST "005", id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(ask_bulk(f, who.worker, 1, id), 0);
	refused(f, gov_do(f, who.manager, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_OUT_OF_AREA);
	assert_int_equal(ask_bulk(f, who.clerk, 1, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
}

static void only_another_person_with_the_act_assigns(void **state)
{
	struct fixture *f = *state;
	uint8_t records[1][16], twin[32];
	struct cast who;

	cast(f, &who);
	assert_int_equal(login(f, P_TWIN, twin), 0);
	new_child(f, &who, EAST, records[0]);
	refused(f, assign(f, who.clerk, "twin", records, 1, "visit", 0, NULL), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, assign(f, who.manager, "manager", records, 1, "visit", 0, NULL), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, assign(f, who.manager, "twin", records, 1, "visit", 0, NULL), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, assign(f, who.manager, "nobody", records, 1, "visit", 0, NULL), PROBLEM_VALIDATION, DECIDE_GRANTEE_UNKNOWN);
	refused(f, assign(f, who.manager, "clerk", records, 1, "judicial", 0, NULL), PROBLEM_VALIDATION, DECIDE_GRANTEE_UNKNOWN);
	refused(f, assign(f, who.manager, "clerk", records, 1, "fundraising", 0, NULL), PROBLEM_PROHIBITED_PURPOSE, DECIDE_PROHIBITED);
	assert_int_equal(assign(f, who.manager, "deputy", records, 1, "visit", 0, NULL), 0);
	refused(f, assign(f, who.deputy, "manager", records, 1, "visit", 0, NULL), PROBLEM_NOT_PERMITTED, DECIDE_MUTUAL_APPROVAL);
	refused(f, assign(f, who.deputy, "twin", records, 1, "visit", 0, NULL), PROBLEM_NOT_PERMITTED, DECIDE_MUTUAL_APPROVAL);
	assert_int_equal(assign(f, who.deputy, "clerk", records, 1, "visit", 0, NULL), 0);
}

static void faulty_members_are_named(void **state)
{
	struct fixture *f = *state;
	uint8_t records[2][16];
	struct cast who;
	struct body x;

	cast(f, &who);
	new_child(f, &who, EAST, records[0]);
	memcpy(records[1], records[0], 16);
	assert_int_equal(assign(f, who.manager, "clerk", records, 2, "visit", 0, NULL), PROBLEM_VALIDATION);
	records[1][0] ^= 1;
	assert_int_equal(assign(f, who.manager, "clerk", records, 2, "visit", 0, NULL), PROBLEM_VALIDATION);
	assert_int_equal(assign(f, who.manager, "clerk", records, 0, "visit", 0, NULL), PROBLEM_VALIDATION);
	assert_int_equal(assign(f, who.manager, "clerk", records, 1, "visit", 5, NULL), PROBLEM_VALIDATION);
	assert_int_equal(assign(f, who.manager, "clerk", records, 1, "", 3, NULL), PROBLEM_VALIDATION);
	body_begin(&x);
	body_text(&x, "principal", "clerk");
	body_text(&x, "colour", "red");
	assert_int_equal(gov_post(f, who.manager, "assignments", &x, NULL), PROBLEM_UNKNOWN_MEMBER);
	assert_int_equal(f->v->call.errors, 4);
	body_begin(&x);
	body_number(&x, "principal", 1);
	assert_int_equal(gov_post(f, who.manager, "assignments", &x, NULL), PROBLEM_WRONG_TYPE);
	body_begin(&x);
	body_text(&x, "principal", "clerk");
	body_text(&x, "principal", "clerk");
	body_put(&x, "note", VALUE_NULL, NULL, 0);
	body_put(&x, "until", VALUE_NULL, NULL, 0);
	assert_int_equal(gov_post(f, who.manager, "assignments", &x, NULL), PROBLEM_DUPLICATE_MEMBER);
	assert_int_equal(f->v->call.errors, 4);
	body_begin(&x);
	assert_int_equal(gov_post(f, who.manager, "grants", &x, NULL), PROBLEM_METHOD_NOT_ALLOWED);
	body_begin(&x);
	assert_int_equal(gov_post(f, who.manager, "wishes", &x, NULL), PROBLEM_NOT_FOUND);
	for (int days = -1; days <= 401; days += 402) {
		body_begin(&x);
		body_text(&x, "principal", "clerk");
		body_ids(&x, "records", records, 1);
		body_texts(&x, "purposes", "visit");
		body_day(&x, "until", days);
		assert_int_equal(gov_post(f, who.manager, "assignments", &x, NULL), PROBLEM_VALIDATION);
		assert_int_equal(f->v->call.errors, 1);
	}
}

static void delegate_acts_within_scope_and_time(void **state)
{
	struct fixture *f = *state;
	uint8_t east[1][16], west[1][16], id[16], made[16];
	struct cast who;
	char shown[128], hex[33];

	cast(f, &who);
	new_child(f, &who, EAST, east[0]);
	new_child(f, &who, WEST, west[0]);
	refused(f, delegate(f, who.clerk, "school", "visit", "", NULL), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, delegate(f, who.manager, "twin", "visit", "", NULL), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, delegate(f, who.manager, "nobody", "visit", "", NULL), PROBLEM_VALIDATION, DECIDE_GRANTEE_UNKNOWN);
	refused(f, delegate(f, who.manager, "intake", "visit", "", NULL), PROBLEM_VALIDATION, DECIDE_GRANTEE_UNKNOWN);
	assert_int_equal(delegate(f, who.manager, "worker", "visit", EAST, id), 0);
	assert_int_equal(f->v->call.kind, LEAF_DELEGATION);
	assert_int_equal(assign(f, who.worker, "clerk", east, 1, "visit", 0, made), 0);
	hex_encode(id, 16, hex);
	assert_int_equal(gov_show(f, who.worker, "assignments", made, "delegation", shown), 0);
	assert_string_equal(shown, hex);
	refused(f, assign(f, who.worker, "clerk", west, 1, "visit", 0, NULL), PROBLEM_NOT_PERMITTED, DECIDE_DELEGATION_SCOPE);
	refused(f, assign(f, who.worker, "clerk", east, 1, "intake", 0, NULL), PROBLEM_NOT_PERMITTED, DECIDE_DELEGATION_SCOPE);
	assert_int_equal(ask_export(f, who.school, "", made), 0);
	refused(f, gov_do(f, who.worker, "requests", made, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_DELEGATION_SCOPE);
	assert_int_equal(ask_export(f, who.school, EAST, made), 0);
	assert_int_equal(gov_do(f, who.worker, "requests", made, "approve"), 0);
	/* Nor to the good of who delegated, nor on. */
	refused(f, assign(f, who.worker, "twin", east, 1, "visit", 0, NULL), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, delegate(f, who.worker, "school", "visit", "", NULL), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	gov_change(f, GOV_DELEGATION, id, end_yesterday);
	refused(f, assign(f, who.worker, "clerk", east, 1, "visit", 0, NULL), PROBLEM_NOT_PERMITTED, DECIDE_DELEGATION_EXPIRED);
	assert_int_equal(delegate(f, who.manager, "worker", "visit", "", id), 0);
	assert_int_equal(gov_do(f, who.school, "delegations", id, "revoke"), PROBLEM_NOT_PERMITTED);
	assert_int_equal(gov_do(f, who.manager, "delegations", id, "revoke"), 0);
	refused(f, assign(f, who.worker, "clerk", west, 1, "visit", 0, NULL), PROBLEM_NOT_PERMITTED, DECIDE_DELEGATION_EXPIRED);
}

static void two_hours_ago(struct gov_object *o)
{
	static uint8_t seen[GOV_SEEN * GOV_SEEN_MAX];

	memcpy(seen, o->seen.p, o->seen.n);
	for (size_t i = 0; i < o->seen.n; i += GOV_SEEN)
		be48_put(seen + i + 6, be48_get(seen + i + 6) - 7200000u);
	o->seen.p = seen;
}

static void budget_counts_different_records_over_a_restart(void **state)
{
	struct fixture *f = *state;
	uint8_t records[BUDGET + 3][16], id[16];
	struct cast who;
	uint32_t at = 0;
	char text[256], shown[128];

	cast(f, &who);
	for (unsigned i = 0; i < BUDGET + 3; i++)
		new_child(f, &who, EAST, records[i]);
	assert_int_equal(assign(f, who.manager, "clerk", records, BUDGET + 3, "visit", 0, NULL), 0);
	for (unsigned i = 0; i < BUDGET; i++)
		for (unsigned twice = 0; twice < 2; twice++)
			assert_int_equal(read_field(f, who.clerk, "visit", records[i], "name", false, text), 0);
	refused(f, read_field(f, who.clerk, "visit", records[BUDGET], "name", false, text), PROBLEM_BUDGET_EXCEEDED, DECIDE_BUDGET);
	assert_true(f->v->call.retry_after_s > 3500 && f->v->call.retry_after_s <= 3600);
	restart(f);
	cast(f, &who);
	refused(f, read_field(f, who.clerk, "visit", records[BUDGET], "name", false, text), PROBLEM_BUDGET_EXCEEDED, DECIDE_BUDGET);
	assert_int_equal(read_field(f, who.clerk, "visit", records[0], "name", false, text), 0);
	/* One more by a bulk approval, which another person gives. */
	assert_int_equal(ask_bulk(f, who.clerk, 1, id), 0);
	assert_int_equal(f->v->call.kind, LEAF_REQUEST);
	refused(f, gov_do(f, who.clerk, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, gov_do(f, who.worker, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(f->v->call.kind, LEAF_DECISION);
	refused(f, gov_do(f, who.deputy, "requests", id, "approve"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	assert_int_equal(gov_show(f, who.clerk, "requests", id, "decided_by", shown), 0);
	assert_string_equal(shown, "manager");
	assert_int_equal(read_field(f, who.clerk, "visit", records[BUDGET], "name", false, text), 0);
	refused(f, read_field(f, who.clerk, "visit", records[BUDGET + 1], "name", false, text), PROBLEM_BUDGET_EXCEEDED, DECIDE_BUDGET);
	/* The window slides. */
	gov_change(f, GOV_WINDOW, gov_next_of(f->v, GOV_WINDOW, f->person[P_CLERK].g.principal.id, &at)->held->o.id, two_hours_ago);
	assert_int_equal(read_field(f, who.clerk, "visit", records[BUDGET + 1], "name", false, text), 0);
}

static void refused_and_failed_requests_leave_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t records[1][16], id[16];
	struct cast who;
	size_t n;
	char text[256], shown[128];

	cast(f, &who);
	new_child(f, &who, EAST, records[0]);
	n = f->v->gov->n;
	/* Its answer does not fit, so what it stored is taken back. */
	buf_free(&f->out);	/* what it has room for already is taken without a question */
	f->out.max = 200;
	(void)assign(f, who.manager, "clerk", records, 1, "visit", 0, NULL);
	f->out.max = 16u << 20;
	assert_int_equal(f->v->call.problem, PROBLEM_PAYLOAD_TOO_LARGE);
	assert_int_equal(f->v->gov->n, n);
	/* The whole turn. */
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(assign(f, who.manager, "clerk", records, 1, "visit", 0, id), 0);
	assert_int_equal(read_field(f, who.clerk, "visit", records[0], "name", false, text), 0);
	fixture_turn_open = false;
	store_turn_abort(f->v->store);
	gov_turn_done(f->v, false);
	vault_undo(f->v, &f->v->turn_saved);
	f->v->state_dirty = f->v->counters_dirty = false;
	assert_int_equal(f->v->gov->n, n);
	refused(f, read_field(f, who.clerk, "visit", records[0], "name", false, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_NO_APPROVAL);
	assert_int_equal(gov_show(f, who.manager, "assignments", id, "by", shown), PROBLEM_NOT_FOUND);
	assert_int_equal(assign(f, who.manager, "clerk", records, 1, "visit", 0, id), 0);
	restart(f);
	cast(f, &who);
	assert_int_equal(read_field(f, who.clerk, "visit", records[0], "name", false, text), 0);
}

static void lists_show_what_concerns_the_caller(void **state)
{
	struct fixture *f = *state;
	uint8_t records[1][16], ids[5][16];
	struct cast who;
	char cursor[WIRE_CURSOR_MAX + 1] = "";
	unsigned n, all = 0;

	cast(f, &who);
	new_child(f, &who, EAST, records[0]);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(ask_bulk(f, who.clerk, 1, ids[i]), 0);
	do {
		assert_int_equal(gov_count(f, who.clerk, "requests", "", 2, cursor, &n), 0);
		all += n;
	} while (cursor[0] != '\0');
	assert_int_equal(all, 5);
	assert_int_equal(gov_count(f, who.school, "requests", "", 10, cursor, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(gov_count(f, who.manager, "requests", "waiting=me", 10, cursor, &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(gov_count(f, who.clerk, "requests", "waiting=me", 10, cursor, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(gov_do(f, who.manager, "requests", ids[0], "reject"), 0);
	assert_int_equal(gov_do(f, who.clerk, "requests", ids[1], "withdraw"), 0);
	refused(f, gov_do(f, who.clerk, "requests", ids[0], "withdraw"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	assert_int_equal(gov_count(f, who.manager, "requests", "waiting=me", 10, cursor, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(gov_count(f, who.clerk, "requests", "state=rejected", 10, cursor, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(gov_count(f, who.clerk, "requests", "principal=school", 10, cursor, &n), 0);
	assert_int_equal(n, 0);
	strcpy(cursor, "AAAA");
	assert_int_equal(gov_count(f, who.clerk, "requests", "", 10, cursor, &n), PROBLEM_BAD_CURSOR);
	cursor[0] = '\0';
	assert_int_equal(gov_count(f, who.clerk, "requests", "colour=red", 10, cursor, &n), PROBLEM_UNKNOWN_MEMBER);
}

static void hundred_requests_of_a_person_may_wait(void **state)
{
	struct fixture *f = *state;
	struct cast who;
	uint8_t id[16];

	cast(f, &who);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(ask_bulk(f, who.clerk, 1, id), 0);
	assert_int_equal(ask_bulk(f, who.clerk, 1, NULL), PROBLEM_RATE_LIMITED);
	assert_int_equal(gov_do(f, who.clerk, "requests", id, "withdraw"), 0);
	assert_int_equal(ask_bulk(f, who.clerk, 1, NULL), 0);
}

static void what_has_passed_is_marked_by_the_tick(void **state)
{
	struct fixture *f = *state;
	uint8_t records[1][16], id[16], request[16];
	struct cast who;
	char shown[128];

	cast(f, &who);
	new_child(f, &who, EAST, records[0]);
	assert_int_equal(assign(f, who.manager, "clerk", records, 1, "visit", 0, id), 0);
	assert_int_equal(ask_bulk(f, who.clerk, 1, request), 0);
	gov_change(f, GOV_ASSIGNMENT, id, end_yesterday);
	gov_change(f, GOV_REQUEST, request, end_yesterday);
	refused(f, gov_do(f, who.manager, "requests", request, "approve"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	f->v->gov->next_sweep_ms = 0;
	vault_tick(f->v);
	assert_int_equal(gov_find(f->v, GOV_ASSIGNMENT, id)->held->o.prefix.state, GOV_EXPIRED);
	assert_int_equal(gov_find(f->v, GOV_REQUEST, request)->held->o.prefix.state, GOV_EXPIRED);
	restart(f);
	cast(f, &who);
	assert_int_equal(gov_show(f, who.manager, "assignments", id, "state", shown), 0);
	assert_string_equal(shown, "expired");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, gov_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(what_nobody_approved_is_refused), T(level_four_opens_level_four), T(neighbours_area_is_refused),
		cmocka_unit_test_setup_teardown(who_decides_in_an_area_decides_there_alone, area_setup, fixture_teardown),
		T(only_another_person_with_the_act_assigns), T(faulty_members_are_named), T(delegate_acts_within_scope_and_time),
		T(budget_counts_different_records_over_a_restart), T(refused_and_failed_requests_leave_nothing),
		T(lists_show_what_concerns_the_caller), T(hundred_requests_of_a_person_may_wait), T(what_has_passed_is_marked_by_the_tick),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}

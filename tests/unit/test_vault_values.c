/* What values carry beside themselves: owners, days, folded codes, what head keeps, computed values. */
#include "test_vault_rules.h"

static uint32_t today(void)
{
	return (uint32_t)(clock_wall_ms() / 86400000u) + 1;
}

static uint32_t day(int y, unsigned m, unsigned d)
{
	return (uint32_t)clock_days(y, m, d) + 1;
}

/* The provenance of a field in the last answer. */
static struct wire_provenance provenance_of(const struct fixture *f, const char *name)
{
	struct wire_read_answer a = rules_answer(f);
	struct wire_provenance p;

	while (wire_provenance_next(&a.provenance, &p))
		if (p.field.n == strlen(name) && memcmp(p.field.p, name, p.field.n) == 0)
			return p;
	fail_msg("no provenance of %s", name);
	return p;
}

static bool is_stale(const struct fixture *f, const char *name)
{
	struct wire_read_answer a = rules_answer(f);
	struct wire_text t;

	while (wire_names_next(&a.stale, &t))
		if (t.n == strlen(name) && memcmp(t.p, name, t.n) == 0)
			return true;
	return false;
}

/* A list of the last answer as texts with commas. */
static void list_of(const struct fixture *f, const char *name, char ret[256])
{
	struct wire_read_answer a = rules_answer(f);
	struct wire_field w;
	size_t n = 0;

	ret[0] = '\0';
	while (wire_fields_next(&a.fields, &w)) {
		struct value_walk walk;
		struct value_item item;

		if (w.name.n != strlen(name) || memcmp(w.name.p, name, w.name.n) != 0)
			continue;
		assert_int_equal(w.value.type, VALUE_LIST);
		walk = value_walk(VALUE_LIST, w.value.p, w.value.n);
		while (value_next(&walk, &item))
			n += (size_t)snprintf(ret + n, 256 - n, "%s%.*s", n > 0 ? "," : "", (int)item.n, (const char *)item.p);
	}
}

static void file(struct fixture *f, const uint8_t token[32], const char *kinds, uint32_t as_of, uint8_t ret[16])
{
	struct rules_fields x;

	rules_begin(&x);
	rules_text(&x, "name", "张小明");
	rules_text(&x, "diet", "清淡");
	rules_text(&x, "note", "无");
	rules_texts(&x, "kinds", kinds);
	assert_int_equal(rules_create(f, token, "intake", &x, as_of, ret), 0);
}

/* The worker changes one text, or list if values has "[]" in front, of a record that they are assigned to. */
static unsigned change(struct fixture *f, const uint8_t worker[32], const uint8_t record[16], const char *name, const char *value,
    uint32_t as_of)
{
	struct rules_fields x;
	uint8_t etag[16];

	assert_int_equal(rules_read(f, worker, "visit", record, "name", false), 0);
	memcpy(etag, rules_answer(f).etag, 16);
	rules_begin(&x);
	if (strncmp(value, "[]", 2) == 0)
		rules_texts(&x, name, value + 2);
	else
		rules_text(&x, name, value);
	return rules_patch(f, worker, "visit", record, etag, &x, as_of);
}

/* ---- owners -------------------------------------------------------------------------------------------------------------- */

static void a_foreign_field_is_refused_with_its_owners_name(void **state)
{
	struct fixture *f = *state;
	struct wire_problem p;
	struct wire_field_error e;
	struct rules_fields x;
	struct rules_tokens t;
	uint8_t record[16];

	rules_login_all(f, &t);
	file(f, t.of[P_WORKER], "ORPHAN", 0, record);
	rules_begin(&x);
	rules_text(&x, "case", "某案");
	rules_text(&x, "diet", "清淡");
	assert_int_equal(rules_patch(f, t.of[P_SCHOOL], "visit", record, record, &x, 0), PROBLEM_NOT_OWNER);
	assert_int_equal(f->v->call.rule, DECIDE_NOT_OWNER);
	assert_int_equal(wire_problem_decode(f->out.p + 10, f->out.n - 10, &p), 0);
	assert_int_equal(p.errors.count, 1);
	assert_true(wire_errors_next(&p.errors, &e));
	assert_memory_equal(e.field.p, "case", 4);
	assert_memory_equal(e.problem.p, "not-owner", 9);
	assert_int_equal(e.expected.n, strlen("GA: Public security"));
	assert_memory_equal(e.expected.p, "GA: Public security", e.expected.n);
	/* Every one of them is named, and what policy says goes before what is wrong with values. */
	rules_begin(&x);
	rules_text(&x, "case", "某案");
	rules_text(&x, "kinds", "no list");
	rules_text(&x, "note", "无");
	assert_int_equal(rules_patch(f, t.of[P_SCHOOL], "visit", record, record, &x, 0), PROBLEM_NOT_OWNER);
	assert_int_equal(wire_problem_decode(f->out.p + 10, f->out.n - 10, &p), 0);
	assert_int_equal(p.errors.count, 3);
}

static void who_collects_may_open_but_not_correct(void **state)
{
	struct fixture *f = *state;
	struct policy_subject who = { (const uint16_t[]){ ROLE_SCHOOL }, 1, 1 };
	const struct policy_field *city = policy_field_named(f->v->policy, "city", 4);

	assert_int_equal(policy_decide_write(f->v->policy, &who, city, true).reason, DECIDE_NO_RIGHT);
	assert_int_equal(policy_decide_write(f->v->policy, &who, city, false).reason, DECIDE_NOT_OWNER);
}

/* ---- days ---------------------------------------------------------------------------------------------------------------- */

static void values_carry_source_and_days_in_every_view(void **state)
{
	struct fixture *f = *state;
	struct wire_provenance p;
	struct rules_tokens t;
	uint8_t record[16];

	rules_login_all(f, &t);
	file(f, t.of[P_WORKER], "ORPHAN", day(2024, 2, 29), record);
	rules_assign(f, t.of[P_CLERK], record, "visit", 4);
	for (unsigned clear = 0; clear < 2; clear++) {
		assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "name", clear), 0);
		p = provenance_of(f, "name");
		assert_memory_equal(p.source.p, "MZ", 2);
		assert_int_equal(p.as_of_day, day(2024, 2, 29));
		assert_int_equal(p.due_day, day(2025, 2, 28));
		assert_true(p.verified);
		assert_true(p.verifier.n > 0);
		assert_true(is_stale(f, "name"));
	}
	/* A delegate's value is not the owner's word. */
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "diet", false), 0);
	p = provenance_of(f, "diet");
	assert_memory_equal(p.source.p, "MZ", 2);
	assert_false(p.verified);
	assert_int_equal(p.verifier.n, 0);
	assert_int_equal(p.due_day, day(2024, 5, 29));
	/* Without a cadence nothing is due. */
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "note", false), 0);
	assert_int_equal(provenance_of(f, "note").due_day, 0);
	assert_false(is_stale(f, "note"));
	rules_told = false;
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "name", false), 0);
	rules_told = true;
	assert_int_equal(rules_answer(f).provenance.count, 0);
	assert_true(is_stale(f, "name"));
}

static void the_last_day_is_not_stale_and_the_next_one_is(void **state)
{
	struct fixture *f = *state;
	struct rules_tokens t;
	uint8_t record[2][16];
	unsigned m, d;
	int y;

	rules_login_all(f, &t);
	clock_date((int32_t)today() - 1, &y, &m, &d);
	if (m == 2 && d == 29)
		d = 28;
	for (unsigned i = 0; i < 2; i++) {
		file(f, t.of[P_WORKER], "ORPHAN", day(y - 1, m, d) - i, record[i]);
		rules_assign(f, t.of[P_CLERK], record[i], "visit", 4);
		assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record[i], "name", false), 0);
		assert_int_equal(is_stale(f, "name"), provenance_of(f, "name").due_day < today());
	}
	assert_true(is_stale(f, "name"));
}

static void an_equal_value_is_confirmed_without_a_new_version_of_its_view(void **state)
{
	struct fixture *f = *state;
	struct wire_history_answer h;
	struct rules_tokens t;
	uint8_t record[16], etag[16];

	rules_login_all(f, &t);
	file(f, t.of[P_WORKER], "ORPHAN", day(2020, 1, 1), record);
	rules_assign(f, t.of[P_CLERK], record, "visit", 4);
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record, "name", false), 0);
	assert_true(is_stale(f, "name"));
	memcpy(etag, rules_answer(f).etag, 16);
	assert_int_equal(change(f, t.of[P_WORKER], record, "name", "张小明", 0), 0);
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record, "name", false), 0);
	assert_false(is_stale(f, "name"));
	assert_int_equal(provenance_of(f, "name").as_of_day, today());
	assert_memory_equal(rules_answer(f).etag, etag, 16);
	/* A row made anew in its place opens in history as well, and leaves nothing behind there. */
	assert_int_equal(rules_history(f, t.of[P_CLERK], "visit", record, "name", false), 0);
	assert_int_equal(wire_history_answer_decode(f->out.p + 10, f->out.n - 10, &h), 0);
	assert_int_equal(h.versions.count, 1);
	assert_int_equal(rules_history(f, t.of[P_WORKER], "visit", record, "name", true), 0);
	assert_int_equal(wire_history_answer_decode(f->out.p + 10, f->out.n - 10, &h), 0);
	assert_int_equal(h.versions.count, 2);
	/* It stands after a restart. */
	assert_int_equal(vault_seal(f->v), 0);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
	rules_login_all(f, &t);
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record, "name", false), 0);
	assert_false(is_stale(f, "name"));
}

static void a_day_in_the_future_is_refused(void **state)
{
	struct fixture *f = *state;
	struct wire_problem p;
	struct wire_field_error e;
	struct rules_fields x;
	struct rules_tokens t;
	uint8_t record[16];

	rules_login_all(f, &t);
	for (uint32_t ahead = 0; ahead < 2; ahead++) {
		rules_begin(&x);
		rules_text(&x, "name", "张小明");
		assert_int_equal(rules_create(f, t.of[P_WORKER], "intake", &x, today() + ahead, record), ahead ? PROBLEM_VALIDATION : 0);
	}
	assert_int_equal(wire_problem_decode(f->out.p + 10, f->out.n - 10, &p), 0);
	assert_true(wire_errors_next(&p.errors, &e));
	assert_memory_equal(e.field.p, "as_of", 5);
}

/* ---- folded codes ---------------------------------------------------------------------------------------------------------- */

static void a_folded_code_is_stored_where_only_the_officer_reads(void **state)
{
	struct fixture *f = *state;
	struct rules_fields x;
	struct rules_tokens t;
	uint8_t record[16];
	char text[256];

	rules_login_all(f, &t);
	file(f, t.of[P_WORKER], "HIV,ORPHAN,OTHER", 0, record);
	rules_assign(f, t.of[P_CLERK], record, "visit", 4);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "kinds,plus", false), 0);
	list_of(f, "kinds", text);
	assert_string_equal(text, "OTHER,ORPHAN");
	assert_int_equal(rules_answer(f).fields.count, 1);
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record, "plus", true), 0);
	list_of(f, "plus", text);
	assert_string_equal(text, "HIV");
	/* No other write takes it away. */
	assert_int_equal(change(f, t.of[P_WORKER], record, "kinds", "[]ORPHAN", 0), 0);
	assert_int_equal(change(f, t.of[P_WORKER], record, "kinds", "[]OTHER,ORPHAN", 0), 0);
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record, "plus", true), 0);
	list_of(f, "plus", text);
	assert_string_equal(text, "HIV");
	/* Beside a value for that field in the same write it is added. */
	rules_begin(&x);
	rules_texts(&x, "kinds", "HIV");
	rules_texts(&x, "plus", "TB");
	assert_int_equal(rules_patch(f, t.of[P_INTAKE], "intake", record, NULL, &x, 0), 0);
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record, "plus", true), 0);
	list_of(f, "plus", text);
	assert_string_equal(text, "TB,HIV");
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "kinds", true), 0);
	list_of(f, "kinds", text);
	assert_string_equal(text, "OTHER");
}

static int officer_setup(void **state)
{
	int r;

	rules_plus_owner = 3;
	r = rules_setup(state);
	rules_plus_owner = 1;
	return r;
}

static void a_folded_code_is_added_to_what_its_writer_cannot_know(void **state)
{
	struct fixture *f = *state;
	struct rules_tokens t;
	uint8_t record[16];
	char text[256];

	rules_login_all(f, &t);
	file(f, t.of[P_WORKER], "ORPHAN", 0, record);
	rules_assign(f, t.of[P_CLERK], record, "visit", 4);
	assert_int_equal(change(f, t.of[P_CLERK], record, "plus", "[]TB", 0), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(change(f, t.of[P_WORKER], record, "kinds", "[]ORPHAN,HIV", 0), 0);
		assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record, "plus", true), 0);
		list_of(f, "plus", text);
		assert_string_equal(text, "TB,HIV");
	}
	/* The owner takes away what it likes. */
	assert_int_equal(change(f, t.of[P_CLERK], record, "plus", "[]TB", 0), 0);
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record, "plus", true), 0);
	list_of(f, "plus", text);
	assert_string_equal(text, "TB");
}

/* ---- what head keeps --------------------------------------------------------------------------------------------------------- */

static void area_is(struct fixture *f, const uint8_t record[16], uint32_t on, const char *expected)
{
	struct record rec;
	const char *area;
	size_t n;

	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	area = head_area(&rec.head, on, &n);
	if (n != strlen(expected) || memcmp(area, expected, n) != 0)
		fail_msg("area %.*s, not %s", (int)n, area, expected);
}

/* The worker moves the record from a day on. */
static void move(struct fixture *f, const uint8_t worker[32], const uint8_t record[16], const char *area, int days)
{
	struct rules_fields x;
	uint8_t etag[16];
	char from[16];

	assert_int_equal(rules_read(f, worker, "visit", record, "name", false), 0);
	memcpy(etag, rules_answer(f).etag, 16);
	rules_until(from, days);
	rules_begin(&x);
	rules_text(&x, "area", area);
	rules_text(&x, "area_from", from);
	assert_int_equal(rules_patch(f, worker, "visit", record, etag, &x, 0), 0);
}

static void head_follows_state_and_area(void **state)
{
	struct fixture *f = *state;
	struct rules_fields x;
	struct rules_tokens t;
	struct record rec;
	uint8_t record[16];
	char from[16];

	rules_login_all(f, &t);
	rules_until(from, 100);
	rules_begin(&x);
	rules_text(&x, "name", "张小明");
	rules_text(&x, "area", "430422");
	rules_text(&x, "area_from", from);	/* there was none before: it counts at once */
	rules_text(&x, "state", "active");
	assert_int_equal(rules_create(f, t.of[P_WORKER], "intake", &x, 0, record), 0);
	rules_assign(f, t.of[P_CLERK], record, "visit", 4);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(rec.head.state, STATE_ACTIVE);
	area_is(f, record, today(), "430422");
	assert_int_equal(change(f, t.of[P_WORKER], record, "state", "exited", 0), 0);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(rec.head.state, STATE_EXITED);
	/* Until its day the old area holds, from it on the new one. */
	move(f, t.of[P_WORKER], record, "430423", 7);
	area_is(f, record, today(), "430422");
	area_is(f, record, today() + 6, "430422");
	area_is(f, record, today() + 7, "430423");
	/* The next change replaces the plan. */
	move(f, t.of[P_WORKER], record, "430424", 9);
	area_is(f, record, today() + 8, "430422");
	area_is(f, record, today() + 9, "430424");
	/* At once: the worker does not reach it any more. */
	move(f, t.of[P_WORKER], record, "520102", 0);
	area_is(f, record, today(), "520102");
	area_is(f, record, today() + 100, "520102");
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "name", false), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_OUT_OF_AREA);
}

/* ---- computed values ----------------------------------------------------------------------------------------------------------- */

static void a_computed_field_is_written_by_nobody_and_read_as_its_truth(void **state)
{
	struct fixture *f = *state;
	struct wire_read_answer a;
	struct wire_field w;
	struct rules_fields x;
	struct rules_tokens t;
	uint8_t record[16], job[16];

	rules_login_all(f, &t);
	file(f, t.of[P_WORKER], "ORPHAN", 0, record);
	rules_assign(f, t.of[P_CLERK], record, "visit", 4);
	rules_begin(&x);
	rules_text(&x, "poor", "true");
	assert_int_equal(rules_patch(f, t.of[P_WORKER], "visit", record, record, &x, 0), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_NO_RIGHT);
	rules_begin(&x);
	rules_text(&x, "kind", "predicates");
	rules_make(f, t.of[P_WORKER], "jobs", &x, job);
	for (unsigned i = 0; i < 1000 && vault_busy(f->v); i++)
		vault_work(f->v, 10000);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "poor", false), 0);
	a = rules_answer(f);
	assert_true(wire_fields_next(&a.fields, &w));
	assert_int_equal(w.value.type, VALUE_BOOL);
	assert_int_equal(w.value.p[0], 1);
	assert_false(is_stale(f, "poor"));
	assert_int_equal(change(f, t.of[P_WORKER], record, "kinds", "[]OTHER", 0), 0);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "poor", false), 0);
	assert_true(is_stale(f, "poor"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_foreign_field_is_refused_with_its_owners_name, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(who_collects_may_open_but_not_correct, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(values_carry_source_and_days_in_every_view, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_last_day_is_not_stale_and_the_next_one_is, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(an_equal_value_is_confirmed_without_a_new_version_of_its_view, rules_setup,
		    fixture_teardown),
		cmocka_unit_test_setup_teardown(a_day_in_the_future_is_refused, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_folded_code_is_stored_where_only_the_officer_reads, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_folded_code_is_added_to_what_its_writer_cannot_know, officer_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(head_follows_state_and_area, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_computed_field_is_written_by_nobody_and_read_as_its_truth, rules_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}

/* What is refused, and how: docs/POLICY.md section 1 on a real vault. */
#include "test_vault_rules.h"

static bool names_field(struct wire_list l, const char *name)
{
	struct wire_text t;

	while (wire_names_next(&l, &t))
		if (t.n == strlen(name) && memcmp(t.p, name, t.n) == 0)
			return true;
	return false;
}

/* A file of everything but the case, in an area. The worker makes it: creating needs no assignment. */
static void make_file(struct fixture *f, const struct rules_tokens *t, const char *area, const char *kinds, uint8_t ret[16])
{
	struct rules_fields x;

	rules_begin(&x);
	rules_text(&x, "name", "张小明");
	rules_text(&x, "city", "某市");
	rules_text(&x, "note", "无");
	rules_text(&x, "diet", "清淡");
	rules_texts(&x, "kinds", kinds);
	if (area != NULL)
		rules_text(&x, "area", area);
	rules_text(&x, "state", "active");
	assert_int_equal(rules_create(f, t->of[P_WORKER], "intake", &x, 0, ret), 0);
}

static void add_case(struct fixture *f, const struct rules_tokens *t, const uint8_t record[16])
{
	struct rules_fields x;
	uint8_t etag[16];

	assert_int_equal(rules_read(f, t->of[P_CLERK], "visit", record, "case", false), 0);
	memcpy(etag, rules_answer(f).etag, 16);
	rules_begin(&x);
	rules_text(&x, "case", "某案");
	assert_int_equal(rules_patch(f, t->of[P_CLERK], "visit", record, etag, &x, 0), 0);
}

/* ---- each reason ------------------------------------------------------------------------------------------------------------ */

static void each_reason_has_its_code_and_problem(void **state)
{
	static const struct {
		enum decision_reason why;
		unsigned problem;
		unsigned who;
		const char *purpose, *field;
		bool clear, no_case, no_reason, far;
	} cases[] = {
		{ DECIDE_PROHIBITED, PROBLEM_PROHIBITED_PURPOSE, P_WORKER, "fundraising", "name", .no_case = true },
		{ DECIDE_PROHIBITED, PROBLEM_PROHIBITED_PURPOSE, P_SCHOOL, "live_commerce", "name", .clear = true },
		{ DECIDE_PROHIBITED, PROBLEM_PROHIBITED_PURPOSE, P_CLERK, "publicity_traffic", "case", .no_case = true },
		{ DECIDE_PURPOSE_UNKNOWN, PROBLEM_NOT_PERMITTED, P_WORKER, "nonsense", "name", .no_case = true },
		{ DECIDE_NO_PURPOSE_ROLE, PROBLEM_NOT_PERMITTED, P_SCHOOL, "judicial", "diet", .no_case = true },
		{ DECIDE_CASE_MISSING, PROBLEM_PURPOSE_REQUIRED, P_WORKER, "judicial", "name", .no_case = true },
		{ DECIDE_REASON_MISSING, PROBLEM_REASON_REQUIRED, P_WORKER, "visit", "name", .clear = true, .no_reason = true },
		{ DECIDE_NO_PURPOSE_FIELD, PROBLEM_NOT_PERMITTED, P_WORKER, "judicial", "city", .clear = false },
		{ DECIDE_NO_RIGHT, PROBLEM_NOT_PERMITTED, P_SCHOOL, "visit", "name", .clear = false },
		{ DECIDE_NO_RIGHT, PROBLEM_NOT_PERMITTED, P_INTAKE, "intake", "name", .clear = false },
		{ DECIDE_NO_RIGHT, PROBLEM_NOT_PERMITTED, P_CLERK, "visit", "note", .clear = false },	/* who grants does not read */
		{ DECIDE_EXCEPTED, PROBLEM_NOT_PERMITTED, P_SCHOOL, "visit", "note", .clear = false },
		{ DECIDE_NO_REVEAL, PROBLEM_NOT_PERMITTED, P_CLERK, "visit", "name", .clear = true },
		{ DECIDE_OUT_OF_AREA, PROBLEM_NOT_PERMITTED, P_WORKER, "visit", "name", .far = true },
		{ DECIDE_NO_APPROVAL, PROBLEM_APPROVAL_REQUIRED, P_WORKER, "visit", "name", .clear = false },
	};
	struct fixture *f = *state;
	struct rules_tokens t;
	uint8_t near[16], far[16];

	rules_login_all(f, &t);
	make_file(f, &t, "430422001002", "ORPHAN", near);
	make_file(f, &t, "520102001003", "ORPHAN", far);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_envelope env = envelope(f, t.of[cases[i].who], cases[i].purpose, cases[i].no_reason ? " " : "because");
		struct wire_read m = { .record = cases[i].far ? far : near, .view = cases[i].clear ? WIRE_VIEW_CLEAR : WIRE_VIEW_DEFAULT };
		struct buf b;
		unsigned problem;

		if (!cases[i].no_case)
			env.case_text = wire_text("K-1", 3);
		m.names = rules_names(&b, cases[i].field);
		problem = one_turn(f, &env, true, run_read, &m);
		if (problem != cases[i].problem || f->v->call.rule != cases[i].why)
			fail_msg("case %zu: problem %u, reason %u", i, problem, (unsigned)f->v->call.rule);
		buf_free(&b);
	}
}

/* The table of docs/POLICY.md section 1 and the code say the same of every reason. */
static void the_page_and_the_code_agree_on_every_reason(void **state)
{
	FILE *page = fopen("docs/POLICY.md", "r");
	char line[1024], name[64], answer[256];
	unsigned code, seen = 0;

	(void)state;
	assert_non_null(page);
	while (fgets(line, sizeof(line), page) != NULL) {
		unsigned problem;

		if (sscanf(line, "| %u | %63[a-z-] | %*[^|]| %255[^|]|", &code, name, answer) != 3)
			continue;
		seen++;
		assert_int_equal(code, seen);
		assert_string_equal(outcome_name(OUTCOME_REASON + code), name);
		problem = decision_problem((enum decision_reason)code);
		if (strstr(answer, problem_kind(problem)) == NULL)
			fail_msg("%u %s is answered %s, not %s", code, name, problem_kind(problem), answer);
		if (answer[0] >= '1' && answer[0] <= '5')
			assert_int_equal(atoi(answer), problem_status(problem));
	}
	assert_int_equal(seen, DECIDE_REASONS - 1);
	fclose(page);
}

static void a_refusal_stands_in_its_leaf_with_its_code(void **state)
{
	struct fixture *f = *state;
	struct leaf_detail d;
	struct rules_tokens t;
	uint8_t record[16];

	rules_login_all(f, &t);
	make_file(f, &t, "520102001003", "ORPHAN", record);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "name,city", false), PROBLEM_NOT_PERMITTED);
	assert_int_equal(rules_leaf(f, rules_leaf_index(f), record, &d), LEAF_REFUSED);
	assert_int_equal(d.outcome, OUTCOME_REASON + DECIDE_OUT_OF_AREA);
	assert_memory_equal(d.record, record, 16);
	assert_int_equal(d.bitmap[0], 3);
}

static void who_holds_no_key_is_told_no_key(void **state)
{
	struct fixture *f = *state;
	struct policy *other, *own = f->v->policy;
	struct rules_tokens t;
	struct buf doc;
	uint8_t record[16];

	rules_login_all(f, &t);
	make_file(f, &t, NULL, "ORPHAN", record);
	rules_school_reads_all = true;
	rules_policy(&doc);
	rules_school_reads_all = false;
	assert_int_equal(policy_decode(doc.p, doc.n, &other), 0);
	f->v->policy = other;	/* rights that nobody's keys follow */
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "city", false), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_NO_KEY);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "city,diet", false), 0);
	assert_true(names_field(rules_answer(f).omitted, "city"));
	assert_int_equal(rules_history(f, t.of[P_SCHOOL], "visit", record, "city", false), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_NO_KEY);
	f->v->policy = own;
	policy_free(other);
	buf_free(&doc);
}

static void some_fields_are_answered_and_the_others_named(void **state)
{
	struct fixture *f = *state;
	struct wire_read_answer a;
	struct rules_tokens t;
	uint8_t record[16];

	rules_login_all(f, &t);
	make_file(f, &t, NULL, "ORPHAN", record);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "name,diet,note", false), 0);
	a = rules_answer(f);
	assert_int_equal(a.fields.count, 1);
	assert_int_equal(a.omitted.count, 2);
	/* Of nothing left the last field's reason is told. */
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "name,note", false), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_EXCEPTED);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "note,name", false), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_NO_RIGHT);
	/* Whom policy shuts out learns nothing of which records there are. */
	record[0] ^= 1;
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "name", false), PROBLEM_NOT_PERMITTED);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "diet", false), PROBLEM_NOT_FOUND);
}

/* ---- the whole matrix --------------------------------------------------------------------------------------------------------- */

static const char *const field_names[RULE_FIELDS] = { "name", "city", "note", "diet", "kinds", "plus", "case", "area", "area_from", "state",
	"poor" };
/* By hand from the policy: m masked, c clear, - refused, h hidden; purposes of the field; bit 0 intake, 1 visit, 2 judicial. */
static const struct {
	unsigned who;
	unsigned purposes;
	bool bounded;		/* by area and assignment */
	const char *normal, *clear;
} matrix[] = {
	/*                         nm ci no di ki pl ca ar af st po */
	{ P_WORKER, 7, true,      "m" "c" "c" "c" "c" "h" "h" "c" "c" "c" "c",
				  "c" "c" "-" "-" "c" "h" "h" "-" "-" "-" "-" },
	{ P_CLERK, 6, false,      "m" "-" "-" "-" "-" "c" "c" "-" "-" "-" "-",
				  "-" "-" "-" "-" "-" "c" "c" "-" "-" "-" "-" },
	{ P_INTAKE, 1, false,     "-" "-" "-" "-" "-" "h" "h" "-" "-" "-" "-",
				  "-" "-" "-" "-" "-" "h" "h" "-" "-" "-" "-" },
	{ P_SCHOOL, 2, false,     "-" "-" "-" "c" "-" "h" "h" "-" "-" "-" "-",
				  "-" "-" "-" "-" "-" "h" "h" "-" "-" "-" "-" },
};
static const unsigned field_purposes[RULE_FIELDS] = { 7, 3, 7, 3, 7, 7, 6, 7, 7, 7, 7 };

/* Read one cell and hold it against what must come of it. */
static void check_cell(struct fixture *f, const uint8_t token[32], const uint8_t record[16], unsigned row, unsigned field, unsigned purpose,
    bool clear, bool covered)
{
	static const char *const purposes[] = { "intake", "visit", "judicial" };
	char right = clear ? matrix[row].clear[field] : matrix[row].normal[field];
	bool acts = (matrix[row].purposes >> purpose & 1) != 0, is_for = (field_purposes[field] >> purpose & 1) != 0;
	bool hidden = field == RULE_PLUS - 1 || field == RULE_CASE - 1;
	bool allowed = acts && is_for && right != '-' && right != 'h' && (covered || !matrix[row].bounded);
	unsigned problem = rules_read(f, token, purposes[purpose], record, field_names[field], clear);
	struct wire_read_answer a;

	if (!acts) {
		assert_int_equal(problem, PROBLEM_NOT_PERMITTED);
	} else if (!allowed && !hidden) {
		if (problem == 0)
			fail_msg("row %u reads %s for %s", row, field_names[field], purposes[purpose]);
		assert_true(problem == PROBLEM_NOT_PERMITTED || problem == PROBLEM_APPROVAL_REQUIRED);
	} else {
		if (problem != 0)
			fail_msg("row %u does not read %s for %s: %u", row, field_names[field], purposes[purpose], problem);
		a = rules_answer(f);
		assert_int_equal(names_field(a.omitted, field_names[field]), !allowed);
		if (!allowed)
			assert_int_equal(a.fields.count, 0);
		else if (field + 1 != RULE_POOR && field + 1 != RULE_AREA_FROM)
			assert_int_equal(a.fields.count, 1);
		assert_int_equal(names_field(a.redacted, field_names[field]), allowed && right == 'm');
	}
	/* What is refused is refused in history, too. */
	if (problem != 0) {
		assert_int_equal(rules_history(f, token, purposes[purpose], record, field_names[field], clear), problem);
	} else {
		struct wire_history_answer h;
		struct wire_version version;

		assert_int_equal(rules_history(f, token, purposes[purpose], record, field_names[field], clear), 0);
		assert_int_equal(wire_history_answer_decode(f->out.p + 10, f->out.n - 10, &h), 0);
		assert_int_equal(names_field(h.omitted, field_names[field]), !allowed);
		while (!allowed && wire_versions_next(&h.versions, &version))
			fail_msg("a version of what is refused");
	}
}

static void every_cell_that_is_not_allowed_is_denied(void **state)
{
	struct fixture *f = *state;
	struct rules_tokens t;
	uint8_t record[4][16];	/* in the area or not (bit 0), assigned or not (bit 1) */
	unsigned cells = 0;

	rules_login_all(f, &t);
	for (unsigned i = 0; i < 4; i++) {
		make_file(f, &t, (i & 1) != 0 ? "430422001002" : "520102001003", "HIV,ORPHAN", record[i]);
		add_case(f, &t, record[i]);
		if ((i & 2) != 0)
			rules_assign(f, t.of[P_CLERK], record[i], "intake,visit,judicial", 4);
	}
	for (unsigned row = 0; row < sizeof(matrix) / sizeof(matrix[0]); row++)
		for (unsigned field = 0; field < RULE_FIELDS; field++)
			for (unsigned purpose = 0; purpose < 3; purpose++)
				for (unsigned i = 0; i < 8; i++, cells++)
					check_cell(f, t.of[matrix[row].who], record[i & 3], row, field, purpose, (i & 4) != 0,
					    (i & 3) == 3);
	assert_int_equal(cells, 4 * RULE_FIELDS * 3 * 8);
}

/* ---- approvals ---------------------------------------------------------------------------------------------------------------- */

static void an_assignment_opens_for_its_purposes_and_its_level(void **state)
{
	static const uint8_t zeros[16];
	struct fixture *f = *state;
	struct leaf_detail d;
	struct rules_tokens t;
	uint8_t record[16];

	rules_login_all(f, &t);
	make_file(f, &t, "430422001002", "ORPHAN", record);
	rules_assign(f, t.of[P_CLERK], record, "visit", 3);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "name,city", false), 0);
	assert_int_equal(rules_answer(f).fields.count, 2);
	assert_int_equal(rules_leaf(f, rules_leaf_index(f), record, &d), LEAF_READ);
	assert_int_equal(d.outcome, 0);
	assert_int_equal(d.role, ROLE_WORKER);
	assert_memory_not_equal(d.approval, zeros, 16);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "judicial", record, "name", false), PROBLEM_APPROVAL_REQUIRED);
	assert_int_equal(f->v->call.rule, DECIDE_APPROVAL_PURPOSE);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "note", false), PROBLEM_APPROVAL_REQUIRED);
	assert_int_equal(f->v->call.rule, DECIDE_APPROVAL_LEVEL);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "note,name", false), 0);
	assert_true(names_field(rules_answer(f).omitted, "note"));
}

static void a_change_needs_the_assignment_too_but_handing_in_does_not(void **state)
{
	static const uint8_t zeros[16];
	struct fixture *f = *state;
	struct leaf_detail d;
	struct rules_fields x;
	struct rules_tokens t;
	uint8_t record[16], far[16], etag[16];
	uint64_t before;

	rules_login_all(f, &t);
	make_file(f, &t, "430422001002", "ORPHAN", record);
	make_file(f, &t, "520102001003", "ORPHAN", far);
	rules_begin(&x);
	rules_text(&x, "city", "乙");
	assert_int_equal(rules_patch(f, t.of[P_WORKER], "visit", record, record, &x, 0), PROBLEM_APPROVAL_REQUIRED);
	assert_int_equal(f->v->call.rule, DECIDE_NO_APPROVAL);
	rules_begin(&x);
	rules_text(&x, "city", "乙");
	assert_int_equal(rules_patch(f, t.of[P_WORKER], "visit", far, far, &x, 0), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_OUT_OF_AREA);
	rules_assign(f, t.of[P_CLERK], record, "visit", 3);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "city", false), 0);
	memcpy(etag, rules_answer(f).etag, 16);
	rules_begin(&x);
	rules_text(&x, "city", "乙");
	before = store_durable_leaves(f->v->store);
	assert_int_equal(rules_patch(f, t.of[P_WORKER], "visit", record, etag, &x, 0), 0);
	assert_int_equal(rules_leaf(f, before, record, &d), LEAF_PATCH);
	assert_memory_not_equal(d.approval, zeros, 16);
	rules_begin(&x);
	rules_text(&x, "city", "丙");
	assert_int_equal(rules_patch(f, t.of[P_INTAKE], "intake", record, NULL, &x, 0), 0);
}

static void a_grant_opens_its_fields_in_clear_until_its_reads_are_used(void **state)
{
	struct fixture *f = *state;
	struct wire_read_answer a;
	struct wire_field w;
	struct leaf_detail d;
	struct rules_fields x;
	struct rules_tokens t;
	uint8_t record[16], grant[16];

	rules_login_all(f, &t);
	make_file(f, &t, "430422001002", "ORPHAN", record);
	rules_grant(f, t.of[P_SCHOOL], t.of[P_CLERK], record, "name", 2, grant);
	/* What was handed in since is sealed to those who hold the class: the grant does not open it. */
	rules_begin(&x);
	rules_text(&x, "name", "李四");
	assert_int_equal(rules_patch(f, t.of[P_INTAKE], "intake", record, NULL, &x, 0), 0);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "name", false), 0);
	a = rules_answer(f);
	assert_true(wire_fields_next(&a.fields, &w));
	assert_memory_equal(w.value.p, "张小明", 9);
	assert_int_equal(a.redacted.count, 0);
	assert_int_equal(rules_leaf(f, rules_leaf_index(f), record, &d), LEAF_READ);
	assert_memory_equal(d.approval, grant, 16);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "city", false), PROBLEM_APPROVAL_REQUIRED);
	assert_int_equal(f->v->call.rule, DECIDE_APPROVAL_FIELD);
	assert_int_equal(rules_history(f, t.of[P_SCHOOL], "visit", record, "name", true), 0);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "name,diet", true), PROBLEM_APPROVAL_REQUIRED);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "name", true), PROBLEM_APPROVAL_REQUIRED);
	assert_int_equal(f->v->call.rule, DECIDE_APPROVAL_USED_UP);
	/* Another person's reads are not helped by it. */
	assert_int_equal(rules_read(f, t.of[P_INTAKE], "intake", record, "name", false), PROBLEM_NOT_PERMITTED);
}

static int budget_setup(void **state)
{
	int r;

	rules_school_budget = 2;
	r = rules_setup(state);
	rules_school_budget = 0;
	return r;
}

static void a_budget_counts_records_and_not_reads(void **state)
{
	struct fixture *f = *state;
	struct wire_read_answer a;
	struct wire_field w;
	struct wire_problem p;
	struct rules_tokens t;
	uint8_t record[3][16];

	rules_login_all(f, &t);
	for (unsigned i = 0; i < 3; i++)
		make_file(f, &t, NULL, "ORPHAN", record[i]);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record[i % 2], "diet", false), 0);
		a = rules_answer(f);
		assert_true(wire_fields_next(&a.fields, &w));
		assert_memory_equal(w.value.p, "清淡", 6);
	}
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record[2], "diet", false), PROBLEM_BUDGET_EXCEEDED);
	assert_int_equal(f->v->call.rule, DECIDE_BUDGET);
	assert_int_equal(wire_problem_decode(f->out.p + 10, f->out.n - 10, &p), 0);
	assert_true(p.retry_after_s > 0 && p.retry_after_s <= 24 * 3600);
	assert_int_equal(rules_history(f, t.of[P_SCHOOL], "visit", record[2], "diet", false), PROBLEM_BUDGET_EXCEEDED);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record[2], "case", false), 0);	/* refused and not told */
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record[2], "name", false), 0);
	/* The window outlives a restart. */
	assert_int_equal(vault_seal(f->v), 0);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
	rules_login_all(f, &t);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record[2], "diet", false), PROBLEM_BUDGET_EXCEEDED);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record[0], "diet", false), 0);
}

static void an_export_stands_for_the_assignment_but_gives_no_right(void **state)
{
	struct fixture *f = *state;
	struct leaf_detail d;
	struct rules_tokens t;
	uint8_t record[2][16], export[16], grant[16];

	rules_login_all(f, &t);
	for (unsigned i = 0; i < 2; i++)
		make_file(f, &t, "430422001002", "ORPHAN", record[i]);
	rules_export(f, t.of[P_WORKER], t.of[P_CLERK], "name,diet", 1, export);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record[0], "name", false), PROBLEM_APPROVAL_REQUIRED);
	rules_for_export = export;
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record[0], "name,city", false), 0);
	assert_true(names_field(rules_answer(f).omitted, "city"));
	assert_int_equal(rules_answer(f).fields.count, 1);
	assert_memory_not_equal(rules_answer(f).record, record[0], 16);
	assert_int_equal(rules_leaf(f, rules_leaf_index(f), record[0], &d), LEAF_READ);
	assert_memory_equal(d.approval, export, 16);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record[0], "diet", true), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_NO_REVEAL);
	/* Not even by a grant, which is for other reads. */
	rules_grant(f, t.of[P_WORKER], t.of[P_CLERK], record[0], "diet", 0, grant);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record[0], "diet", true), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_NO_REVEAL);
	rules_for_export = NULL;
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record[0], "diet", true), 0);
	rules_for_export = export;
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record[1], "name", false), PROBLEM_BUDGET_EXCEEDED);
	/* It is of no use to anybody else. */
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record[0], "name", false), PROBLEM_APPROVAL_REQUIRED);
	rules_for_export = NULL;
}

/* ---- hidden classes ------------------------------------------------------------------------------------------------------------- */

/* The answer without what differs between any two requests: leaf index, record and version. */
static void same_answer(struct fixture *f, struct buf *ret)
{
	buf_reset(ret);
	buf_put(ret, f->out.p, f->out.n);
	memset(ret->p + 2, 0, 8);
	if (be16_get(ret->p) == 0)
		memset(ret->p + 10, 0, 32);
}

/* Answers about plain and secret are the same bytes. */
static void compare(struct fixture *f, const uint8_t token[32], const char *purpose, const uint8_t plain[16], const uint8_t secret[16],
    const char *names, bool clear)
{
	const uint8_t *const record[] = { plain, secret };
	unsigned problem[2];
	struct buf answer[2];

	for (unsigned h = 0; h < 2; h++) {
		for (unsigned i = 0; i < 2; i++) {
			buf_init(&answer[i], 65536);
			problem[i] = (h == 0 ? rules_read : rules_history)(f, token, purpose, record[i], names, clear);
			same_answer(f, &answer[i]);
			if (h == 0 || problem[i] != 0)
				continue;
			/* Versions were written when they were. */
			for (size_t at = 0; at + 6 < answer[i].n; at++)
				if (answer[i].p[at] == 2 && memcmp(answer[i].p + at + 1, "MZ", 2) == 0 && at >= 6)
					memset(answer[i].p + at - 6, 0, 6);
		}
		assert_int_equal(problem[0], problem[1]);
		assert_int_equal(answer[0].n, answer[1].n);
		assert_memory_equal(answer[0].p, answer[1].p, answer[0].n);
		buf_free(&answer[0]);
		buf_free(&answer[1]);
	}
}

/* Where a value comes from tells when it was written: times are taken out of what is compared. */
static void what_is_hidden_does_not_show(void **state)
{
	static const char *const asked[] = { "plus", "case", "plus,case", "name,plus", "case,diet", "note,case",
		"kinds,plus,case,name,state" };
	static const struct { unsigned who; const char *purpose; } who[] = { { P_WORKER, "visit" }, { P_SCHOOL, "visit" },
		{ P_INTAKE, "intake" }, { P_WORKER, "judicial" } };
	struct fixture *f = *state;
	struct rules_tokens t;
	uint8_t plain[16], secret[16], before[16], after[16];

	rules_login_all(f, &t);
	make_file(f, &t, "430422001002", "ORPHAN,OTHER", plain);
	make_file(f, &t, "430422001002", "ORPHAN,HIV", secret);
	rules_assign(f, t.of[P_CLERK], plain, "visit", 4);
	rules_assign(f, t.of[P_CLERK], secret, "visit", 4);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", secret, "name", false), 0);
	memcpy(before, rules_answer(f).etag, 16);
	add_case(f, &t, secret);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", secret, "name", false), 0);
	memcpy(after, rules_answer(f).etag, 16);
	assert_memory_equal(before, after, 16);
	rules_told = false;
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++)
		for (size_t j = 0; j < sizeof(asked) / sizeof(asked[0]); j++)
			for (unsigned clear = 0; clear < 2; clear++)
				compare(f, t.of[who[i].who], who[i].purpose, plain, secret, asked[j], clear);
	rules_told = true;
}

static void a_hidden_refusal_is_an_absent_value_and_a_leaf(void **state)
{
	struct fixture *f = *state;
	struct leaf_detail d;
	struct rules_tokens t;
	uint8_t record[16];
	struct buf school, officer;
	uint64_t at;

	rules_login_all(f, &t);
	make_file(f, &t, NULL, "ORPHAN", record);
	buf_init(&school, 65536);
	buf_init(&officer, 65536);
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "case", false), 0);
	at = rules_leaf_index(f);
	same_answer(f, &school);
	assert_int_equal(rules_leaf(f, at, record, &d), LEAF_REFUSED);
	assert_int_equal(d.outcome, OUTCOME_REASON + DECIDE_NO_RIGHT);
	assert_int_equal(d.count, 0);
	/* For who may read it, it is as absent. */
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record, "case", false), 0);
	at = rules_leaf_index(f);
	same_answer(f, &officer);
	assert_int_equal(rules_leaf(f, at, record, &d), LEAF_READ);
	assert_int_equal(school.n, officer.n);
	assert_memory_equal(school.p, officer.p, school.n);
	/* Beside an answer the refusal has a leaf of its own. */
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "diet,case", false), 0);
	at = rules_leaf_index(f);
	assert_int_equal(rules_leaf(f, at, record, &d), LEAF_READ);
	assert_int_equal(d.outcome, 0);
	assert_int_equal(d.bitmap[0], 1u << (RULE_DIET - 1));
	assert_int_equal(d.count, 1);
	assert_int_equal(rules_leaf(f, at - 1, record, &d), LEAF_REFUSED);
	assert_int_equal(d.outcome, OUTCOME_REASON + DECIDE_NO_RIGHT);
	assert_int_equal(d.bitmap[0], 1u << (RULE_CASE - 1));
	/* A record that is not there is not there for anybody. */
	record[0] ^= 1;
	assert_int_equal(rules_read(f, t.of[P_SCHOOL], "visit", record, "case", false), PROBLEM_NOT_FOUND);
	buf_free(&school);
	buf_free(&officer);
}

static void errors_of_a_write_do_not_depend_on_what_is_stored(void **state)
{
	static const char *const fields[] = { "case", "plus", "note" };
	struct fixture *f = *state;
	struct rules_tokens t;
	uint8_t record[2][16];
	struct buf answer[2];

	rules_login_all(f, &t);
	make_file(f, &t, NULL, "ORPHAN,OTHER", record[0]);
	make_file(f, &t, NULL, "ORPHAN,HIV", record[1]);
	add_case(f, &t, record[1]);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		for (unsigned j = 0; j < 2; j++) {
			struct rules_fields x;

			rules_begin(&x);
			rules_text(&x, fields[i], "某事");
			buf_init(&answer[j], 65536);
			assert_int_not_equal(rules_patch(f, t.of[P_SCHOOL], "visit", record[j], NULL, &x, 0), 0);
			same_answer(f, &answer[j]);
		}
		assert_int_equal(answer[0].n, answer[1].n);
		assert_memory_equal(answer[0].p, answer[1].p, answer[0].n);
		buf_free(&answer[0]);
		buf_free(&answer[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_and_the_code_agree_on_every_reason),
		cmocka_unit_test_setup_teardown(each_reason_has_its_code_and_problem, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_refusal_stands_in_its_leaf_with_its_code, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(who_holds_no_key_is_told_no_key, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(some_fields_are_answered_and_the_others_named, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(every_cell_that_is_not_allowed_is_denied, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(an_assignment_opens_for_its_purposes_and_its_level, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_change_needs_the_assignment_too_but_handing_in_does_not, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_grant_opens_its_fields_in_clear_until_its_reads_are_used, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_budget_counts_records_and_not_reads, budget_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(an_export_stands_for_the_assignment_but_gives_no_right, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_hidden_does_not_show, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_hidden_refusal_is_an_absent_value_and_a_leaf, rules_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(errors_of_a_write_do_not_depend_on_what_is_stored, rules_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}

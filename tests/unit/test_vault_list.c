/* The work list: who sees which records, page by page, and how its table follows the records. */
#include "test_vault_work.h"
#include "base/text.h"
#include "format/value.h"
#include "vault/gov.h"
#include "vault/list_internal.h"

#define PAGE 32u

struct listed {
	uint8_t record[16];
	char due[8], state[16], area[16];
};
struct question {
	const char *area, *due, *state, *purpose;
	unsigned limit;
};
struct page {
	unsigned problem, n;
	struct listed row[PAGE];
	char cursor[WIRE_CURSOR_MAX + 1];
};

static unsigned run_list(struct vault *v, struct vault_call *c, void *m) { return vault_list(v, c, m); }
static unsigned run_gov_create(struct vault *v, struct vault_call *c, void *m) { return vault_gov_create(v, c, m); }

static void copy(char *to, size_t room, const struct wire_text *t)
{
	snprintf(to, room, "%.*s", (int)t->n, t->p);
}

static struct wire_text text_of(const char *s)
{
	return wire_text(s != NULL ? s : "", s != NULL ? strlen(s) : 0);
}

/* Ask once; p->cursor goes in and out. */
static void ask(struct fixture *f, const uint8_t token[32], const struct question *q, struct page *p)
{
	struct wire_envelope env = envelope(f, token, q->purpose != NULL ? q->purpose : "visit", "");
	struct wire_records m = { .area = text_of(q->area), .due = text_of(q->due), .state = text_of(q->state), .limit = (uint16_t)q->limit,
		.cursor = text_of(p->cursor) };
	struct wire_records_answer a;
	struct wire_listed w;

	p->n = 0;
	if ((p->problem = one_turn(f, &env, true, run_list, &m)) != 0)
		return;
	assert_int_equal(wire_records_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	while (p->n < PAGE && wire_listed_next(&a.records, &w)) {
		struct listed *row = &p->row[p->n++];

		memcpy(row->record, w.record, 16);
		copy(row->due, sizeof(row->due), &w.due);
		copy(row->state, sizeof(row->state), &w.state);
		copy(row->area, sizeof(row->area), &w.area);
	}
	copy(p->cursor, sizeof(p->cursor), &a.cursor);
}

static struct page list(struct fixture *f, const uint8_t token[32], struct question q)
{
	struct page p = { .cursor = "" };

	ask(f, token, &q, &p);
	return p;
}

static unsigned count(struct fixture *f, const uint8_t token[32], struct question q)
{
	struct page p = list(f, token, q);

	assert_int_equal(p.problem, 0);
	return p.n;
}

static void filled(struct fixture *f)
{
	work_on(f);
	assert_false(list_filling(f->v));
}

/* The quarter of a day so many days from today, as text. */
static const char *quarter_in(int days, char ret[24])
{
	unsigned month, day;
	int year;

	clock_date((int32_t)(clock_wall_ms() / 86400000) + days, &year, &month, &day);
	snprintf(ret, 24, "%04uQ%u", (unsigned)year % 10000, (month - 1) / 3 + 1);
	return ret;
}

static const char *day_in(int days, char ret[40])
{
	unsigned month, day;
	int year;

	clock_date((int32_t)(clock_wall_ms() / 86400000) + days, &year, &month, &day);
	snprintf(ret, 40, "%04u-%02u-%02u", (unsigned)year % 10000, month % 100, day % 100);
	return ret;
}

/* ---- filters ------------------------------------------------------------------------------------------------------ */

static void filters_tell_what_was_asked_for(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[4][16];
	char past[40], soon[40], now[24];
	struct page p;

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(count(f, worker, (struct question){ 0 }), 0);
	assert_int_equal(work_create(f, worker, record[0], "李一", "520102001001", day_in(-200, past)), 0);
	assert_int_equal(work_create(f, worker, record[1], "李二", "520102002", day_in(0, soon)), 0);
	assert_int_equal(work_create(f, worker, record[2], "李三", "520103", NULL), 0);
	assert_int_equal(work_create(f, worker, record[3], "李四", NULL, NULL), 0);
	p = list(f, worker, (struct question){ 0 });
	assert_int_equal(p.n, 4);
	assert_string_equal(p.cursor, "");
	for (unsigned i = 0; i < 4; i++)
		assert_memory_equal(p.row[i].record, record[i], 16);
	assert_string_equal(p.row[0].area, "520102001001");
	assert_string_equal(p.row[2].area, "520103");
	assert_string_equal(p.row[3].area, "");
	assert_string_equal(p.row[1].due, quarter_in(0, now));
	assert_string_equal(p.row[2].due, "");
	assert_string_equal(p.row[0].state, "draft");
	assert_int_equal(count(f, worker, (struct question){ .area = "520102" }), 2);
	assert_int_equal(count(f, worker, (struct question){ .area = "520102001001" }), 1);
	assert_int_equal(count(f, worker, (struct question){ .area = "52" }), 3);
	assert_int_equal(count(f, worker, (struct question){ .area = "6" }), 0);
	assert_int_equal(count(f, worker, (struct question){ .due = "overdue" }), 1);
	assert_int_equal(count(f, worker, (struct question){ .due = quarter_in(0, now) }), 2);
	assert_int_equal(count(f, worker, (struct question){ .due = "9999Q4" }), 2);
	assert_int_equal(count(f, worker, (struct question){ .due = "1970Q1" }), 0);
	assert_int_equal(count(f, worker, (struct question){ .area = "520102", .due = "overdue", .state = "draft" }), 1);
	assert_int_equal(count(f, worker, (struct question){ .state = "active" }), 0);
}

static void what_is_no_filter_is_refused(void **state)
{
	struct fixture *f = *state;
	static const struct question bad[] = { { .area = "5201x" }, { .area = "1234567890123" }, { .due = "2026Q5" }, { .due = "2026" },
		{ .due = "20x6Q1" }, { .due = "0000Q1" }, { .state = "erasing" }, { .state = "gone" }, { .limit = 1001 } };
	uint8_t worker[32];

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(list(f, worker, bad[i]).problem, PROBLEM_BAD_REQUEST);
}

static void a_state_and_a_due_date_follow_the_record(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16], newer[16];
	char day[40];

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "intake", "", record, etag, "name", "李一", "due", day_in(-200, day), NULL), 0);
	assert_int_equal(count(f, worker, (struct question){ .due = "overdue" }), 1);
	assert_int_equal(patch(f, worker, "intake", record, etag, newer, "due", day_in(400, day), NULL), 0);
	assert_int_equal(count(f, worker, (struct question){ .due = "overdue" }), 0);
	assert_int_equal(patch(f, worker, "intake", record, newer, etag, "state", "active", "due", NULL, NULL), 0);
	assert_int_equal(count(f, worker, (struct question){ .state = "active" }), 1);
	assert_int_equal(count(f, worker, (struct question){ .due = "9999Q4" }), 0);
}

static void a_planned_area_counts_from_its_day(void **state)
{
	struct fixture *f = *state;
	struct head h = { .state = STATE_ACTIVE, .flags = HEAD_PLANNED, .area_n = 6, .area = "520102",
		.planned_n = 9, .planned = "520103001" };
	uint32_t today = (uint32_t)(clock_wall_ms() / 86400000) + 1;
	uint8_t worker[32];

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	h.planned_day = today + 1;
	assert_int_equal(list_note(f->v, 1, &h), 0);
	assert_int_equal(count(f, worker, (struct question){ .area = "520102" }), 1);
	assert_int_equal(count(f, worker, (struct question){ .area = "520103" }), 0);
	h.planned_day = today;
	assert_int_equal(list_note(f->v, 1, &h), 0);
	assert_int_equal(count(f, worker, (struct question){ .area = "520102" }), 0);
	assert_int_equal(count(f, worker, (struct question){ .area = "520103" }), 1);
}

/* ---- who sees what ------------------------------------------------------------------------------------------------ */

static void a_list_needs_a_purpose_and_a_role_that_reads(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], intake[32], other[32] = { 7 };

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_INTAKE, intake), 0);
	assert_int_equal(list(f, worker, (struct question){ .purpose = "" }).problem, PROBLEM_PURPOSE_REQUIRED);
	assert_int_equal(list(f, worker, (struct question){ .purpose = "nonsense" }).problem, PROBLEM_NOT_PERMITTED);
	assert_int_equal(list(f, worker, (struct question){ .purpose = "judicial" }).problem, PROBLEM_PURPOSE_REQUIRED);
	assert_int_equal(list(f, intake, (struct question){ .purpose = "intake" }).problem, PROBLEM_NOT_PERMITTED);
	assert_int_equal(list(f, other, (struct question){ 0 }).problem, PROBLEM_UNAUTHENTICATED);
}

static void a_role_with_an_area_sees_its_line_of_places(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], clerk[32], record[5][16];
	struct page p;

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_int_equal(work_create(f, worker, record[0], "李一", "520102001001", NULL), 0);
	assert_int_equal(work_create(f, worker, record[1], "李二", "520103001001", NULL), 0);
	assert_int_equal(work_create(f, worker, record[2], "李三", "520102", NULL), 0);
	assert_int_equal(work_create(f, worker, record[3], "李四", "520100", NULL), 0);
	assert_int_equal(work_create(f, worker, record[4], "李五", NULL, NULL), 0);
	p = list(f, clerk, (struct question){ 0 });
	assert_int_equal(p.n, 3);
	assert_memory_equal(p.row[0].record, record[0], 16);
	assert_memory_equal(p.row[1].record, record[2], 16);
	assert_memory_equal(p.row[2].record, record[4], 16);
	assert_int_equal(count(f, worker, (struct question){ 0 }), 5);
}

/* A list is no way round a read: the clerk reads due day and state, and no place. */
static void a_row_tells_what_its_reader_reads(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], clerk[32], record[16];
	struct page p;
	char day[40];

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_int_equal(work_create(f, worker, record, "李一", "520102001001", day_in(10, day)), 0);
	p = list(f, worker, (struct question){ 0 });
	assert_int_equal(p.n, 1);
	assert_string_equal(p.row[0].area, "520102001001");
	p = list(f, clerk, (struct question){ 0 });
	assert_int_equal(p.n, 1);
	assert_memory_equal(p.row[0].record, record, 16);
	assert_string_equal(p.row[0].area, "");
	assert_true(p.row[0].due[0] != '\0');
	assert_int_equal(count(f, clerk, (struct question){ .due = "2100Q4" }), 1);
	assert_int_equal(list(f, clerk, (struct question){ .area = "520102" }).problem, PROBLEM_NOT_PERMITTED);
}

/* The worker lets the school read these records. */
static void assign(struct fixture *f, const uint8_t worker[32], uint8_t record[][16], unsigned n)
{
	struct wire_envelope env = envelope(f, worker, "visit", "");
	struct wire_gov_create m = { .collection = wire_text("assignments", 11) };
	struct buf b, list_b;
	char hex[33], until[40];
	size_t at, inner;

	buf_init(&b, 65536);
	buf_init(&list_b, 65536);
	at = wire_count_begin(&b);
	wire_field_put(&b, "principal", 9, VALUE_TEXT, "school", 6);
	inner = value_begin(&list_b);
	for (unsigned i = 0; i < n; i++) {
		hex_encode(record[i], 16, hex);
		value_item_put(&list_b, VALUE_TEXT, hex, 32);
	}
	value_end(&list_b, inner, n);
	wire_field_put(&b, "records", 7, VALUE_LIST, list_b.p, list_b.n);
	buf_reset(&list_b);
	inner = value_begin(&list_b);
	value_item_put(&list_b, VALUE_TEXT, "visit", 5);
	value_end(&list_b, inner, 1);
	wire_field_put(&b, "purposes", 8, VALUE_LIST, list_b.p, list_b.n);
	wire_field_put(&b, "until", 5, VALUE_TEXT, day_in(30, until), 10);
	wire_count_end(&b, at, 4);
	m.fields = fields_of(&b);
	assert_int_equal(one_turn(f, &env, true, run_gov_create, &m), 0);
	buf_free(&list_b);
	buf_free(&b);
}

static void a_role_under_assignments_sees_what_is_assigned(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], school[32], record[4][16];
	struct page p;

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_SCHOOL, school), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(work_create(f, worker, record[i], "李一", NULL, NULL), 0);
	assert_int_equal(count(f, school, (struct question){ 0 }), 0);
	assign(f, worker, record + 1, 2);
	p = list(f, school, (struct question){ 0 });
	assert_int_equal(p.n, 2);
	assert_memory_equal(p.row[0].record, record[1], 16);
	assert_memory_equal(p.row[1].record, record[2], 16);
}

static void a_budget_ends_the_list_and_then_refuses_it(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], school[32], record[5][16];
	struct question q = { .limit = 2 };
	struct page p = { .cursor = "" };

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_SCHOOL, school), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(work_create(f, worker, record[i], "李一", NULL, NULL), 0);
	assign(f, worker, record, 5);
	ask(f, school, &q, &p);
	assert_int_equal(p.n, 2);
	ask(f, school, &q, &p);
	assert_int_equal(p.problem, 0);
	assert_int_equal(p.n, 1);	/* the third of three */
	assert_memory_equal(p.row[0].record, record[2], 16);
	assert_string_not_equal(p.cursor, "");
	ask(f, school, &q, &p);
	assert_int_equal(p.problem, PROBLEM_BUDGET_EXCEEDED);
	/* What was seen before may be seen again, after a restart too. */
	work_crash(f);
	filled(f);
	assert_int_equal(login(f, P_SCHOOL, school), 0);
	q.limit = 20;
	p.cursor[0] = '\0';
	ask(f, school, &q, &p);
	assert_int_equal(p.problem, 0);
	assert_int_equal(p.n, 3);
}

/* ---- pages -------------------------------------------------------------------------------------------------------- */

static void pages_follow_each_other_and_a_cursor_is_its_callers(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], clerk[32], record[7][16];
	struct question q = { .limit = 3 };
	struct page p = { .cursor = "" }, other;
	unsigned n = 0;
	char first[WIRE_CURSOR_MAX + 1];

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(work_create(f, worker, record[i], "李一", "520102", NULL), 0);
	ask(f, worker, &q, &p);
	strcpy(first, p.cursor);
	for (;; ask(f, worker, &q, &p)) {
		assert_int_equal(p.problem, 0);
		for (unsigned i = 0; i < p.n; i++)
			assert_memory_equal(p.row[i].record, record[n++], 16);
		if (p.cursor[0] == '\0')
			break;
	}
	assert_int_equal(n, 7);
	/* The same page again, as long as the question is the same. */
	strcpy(p.cursor, first);
	ask(f, worker, &q, &p);
	assert_memory_equal(p.row[0].record, record[3], 16);
	strcpy(other.cursor, first);
	ask(f, clerk, &q, &other);
	assert_int_equal(other.problem, PROBLEM_BAD_CURSOR);
	q.area = "520102";
	ask(f, worker, &q, &other);
	assert_int_equal(other.problem, PROBLEM_BAD_CURSOR);
	q.area = NULL;
	q.purpose = "intake";
	ask(f, worker, &q, &other);
	assert_int_equal(other.problem, PROBLEM_BAD_CURSOR);
	q.purpose = NULL;
	other.cursor[5] ^= 1;
	ask(f, worker, &q, &other);
	assert_int_equal(other.problem, PROBLEM_BAD_CURSOR);
	strcpy(other.cursor, "AAAA");
	ask(f, worker, &q, &other);
	assert_int_equal(other.problem, PROBLEM_BAD_CURSOR);
}

/* ---- the table ---------------------------------------------------------------------------------------------------- */

static void the_list_is_refused_until_it_is_filled_after_a_start(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[100][16], more[16];
	struct wire_problem m;
	struct page p;
	unsigned slices = 0;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(work_create(f, worker, record[i], "李一", i % 2 ? "520102" : NULL, NULL), 0);
	work_crash(f);
	assert_true(vault_busy(f->v));
	assert_int_equal(login(f, P_WORKER, worker), 0);
	p = list(f, worker, (struct question){ 0 });
	assert_int_equal(p.problem, PROBLEM_INDEX_REBUILDING);
	assert_int_equal(wire_problem_decode(f->out.p + 10, f->out.n - 10, &m), 0);
	assert_true(m.retry_after_s > 0);
	/* What is made meanwhile has its row already. */
	vault_work(f->v, 0);
	assert_true(vault_busy(f->v));
	assert_int_equal(work_create(f, worker, more, "李二", "520103", NULL), 0);
	while (vault_busy(f->v) && slices++ < 1000)
		vault_work(f->v, 0);
	assert_true(slices > 2);
	p = list(f, worker, (struct question){ .area = "520103" });
	assert_int_equal(p.n, 1);
	assert_memory_equal(p.row[0].record, more, 16);
	assert_int_equal(count(f, worker, (struct question){ .area = "520102", .limit = 32 }), 32);
	assert_int_equal(f->v->list->last, 101);
}

static void a_turn_that_fails_leaves_the_list_as_it_was(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16], newer[16], gone[16];
	struct page p;

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "intake", "", record, etag, "name", "李一", "home", "520102", NULL), 0);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(patch(f, worker, "intake", record, etag, newer, "home", "520103", NULL), 0);
	assert_int_equal(work_create(f, worker, gone, "李二", "520103", NULL), 0);
	assert_int_equal(count(f, worker, (struct question){ .area = "520103" }), 2);
	vault_turn_abort(f->v, CV_ERR_FULL);
	fixture_turn_open = false;
	p = list(f, worker, (struct question){ 0 });
	assert_int_equal(p.n, 1);
	assert_string_equal(p.row[0].area, "520102");
	/* A request that is refused alone leaves it too. */
	assert_int_equal(patch(f, worker, "intake", record, newer, newer, "home", "520103", NULL), PROBLEM_PRECONDITION_FAILED);
	assert_int_equal(count(f, worker, (struct question){ .area = "520103" }), 0);
	assert_int_equal(patch(f, worker, "intake", record, etag, newer, "home", "520103", NULL), 0);
	assert_int_equal(count(f, worker, (struct question){ .area = "520103" }), 1);
}

static void a_list_has_one_leaf_whatever_it_shows(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16];
	uint64_t before;
	struct leaf l;
	struct buf b;

	filled(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(work_create(f, worker, record, "李一", NULL, NULL), 0);
	before = store_durable_leaves(f->v->store);
	assert_int_equal(count(f, worker, (struct question){ 0 }), 5);
	assert_int_equal(store_durable_leaves(f->v->store), before + 1);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	buf_init(&b, STORE_LEAF_MAX);
	assert_int_equal(audit_read_leaf(f->v->audit, before, &b), 0);
	assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
	assert_int_equal(l.kind, LEAF_LIST);
	buf_free(&b);
}

#define ON(test) cmocka_unit_test_setup_teardown(test, work_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(filters_tell_what_was_asked_for),
		ON(what_is_no_filter_is_refused),
		ON(a_state_and_a_due_date_follow_the_record),
		ON(a_planned_area_counts_from_its_day),
		ON(a_list_needs_a_purpose_and_a_role_that_reads),
		ON(a_role_with_an_area_sees_its_line_of_places),
		ON(a_row_tells_what_its_reader_reads),
		ON(a_role_under_assignments_sees_what_is_assigned),
		ON(a_budget_ends_the_list_and_then_refuses_it),
		ON(pages_follow_each_other_and_a_cursor_is_its_callers),
		ON(the_list_is_refused_until_it_is_filled_after_a_start),
		ON(a_turn_that_fails_leaves_the_list_as_it_was),
		ON(a_list_has_one_leaf_whatever_it_shows),
	};

	return cmocka_run_group_tests_name("vault list", tests, NULL, NULL);
}

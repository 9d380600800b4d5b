/* Searches of the log: what is found, how much a call looks at, and that a page opens. */
#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "test_vault.h"
#include "vault/events_page.h"

#define SCAN_MAX 16384u		/* of events_find.c */

struct got {
	uint64_t index[2000];
	unsigned n, pages;
	uint64_t longest;	/* stretch of the log that one call looked at */
};

static unsigned run_events(struct vault *v, struct vault_call *c, void *m) { return vault_events(v, c, m); }

static void apply_all(struct fixture *f) { assert_int_equal(vault_checkpoint_now(f->v), 0); }

/* One page; its answer is left in f->out. */
static unsigned page_of(struct fixture *f, const uint8_t token[32], struct wire_events *m, struct wire_events_answer *ret)
{
	struct wire_envelope env = envelope(f, token, "", "");
	unsigned problem = one_turn(f, &env, true, run_events, m);

	if (problem == 0)
		assert_int_equal(wire_events_answer_decode(f->out.p + 10, f->out.n - 10, ret), 0);
	return problem;
}

/* Every page of a search. */
static void search(struct fixture *f, const uint8_t token[32], struct wire_events m, struct got *ret)
{
	char cursor[WIRE_CURSOR_MAX];
	struct wire_events_answer a;
	struct wire_event e;
	uint64_t before = m.first;

	memset(ret, 0, sizeof(*ret));
	apply_all(f);
	do {
		assert_int_equal(page_of(f, token, &m, &a), 0);
		while (wire_events_next(&a.events, &e))
			ret->index[ret->n++] = e.index;
		ret->longest = a.next - before > ret->longest ? a.next - before : ret->longest;
		before = a.next;
		ret->pages++;
		memcpy(cursor, a.cursor.p, a.cursor.n);
		m.cursor = wire_text(cursor, a.cursor.n);
	} while (m.cursor.n > 0);
}

/* n leaves of the vault itself, which say nothing about anybody. */
static void filler(struct fixture *f, unsigned n)
{
	const uint8_t body[5] = { 2 };

	for (unsigned i = 0; i < n;) {
		assert_int_equal(vault_turn_begin(f->v), 0);
		for (unsigned k = 0; k < 500 && i < n; k++, i++) {
			assert_int_equal(vault_system_leaf(f->v, LEAF_MERGE, body, sizeof(body), false, clock_wall_ms()), 0);
			store_commit(f->v->store);
		}
		assert_int_equal(vault_turn_end(f->v), 0);
	}
}

static void one_call_looks_at_a_bounded_stretch(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], auditor[32], record[16], etag[16];
	struct wire_events m = { .limit = 1000, .principal = wire_text("worker", 6) };
	struct got got;
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "冯二", NULL), 0);
	for (unsigned i = 0; i < 5; i++) {
		filler(f, SCAN_MAX / 2);
		assert_int_equal(read_field(f, worker, "visit", record, "name", false, text), 0);
	}
	search(f, auditor, m, &got);
	assert_int_equal(got.n, 7);	/* session, create, reads */
	assert_true(got.pages >= 3 && got.longest <= SCAN_MAX);
	m.kind = wire_text("read", 4);
	search(f, auditor, m, &got);
	assert_int_equal(got.n, 5);
	m.first = got.index[2];
	search(f, auditor, m, &got);
	assert_int_equal(got.n, 3);
	m.principal = wire_text("clerk", 5);
	search(f, auditor, m, &got);
	assert_int_equal(got.n, 0);
	assert_true(got.pages >= 2);
}

static void child_is_found_without_reading_others(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], auditor[32], record[2][16], etag[16];
	struct got got, again;
	struct wire_events m = { .limit = 3 };
	char text[256], id[33];
	struct leaf_detail d;
	struct record rec;
	struct buf b;
	struct leaf l;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(create(f, worker, "visit", "", record[i], etag, "name", "冯二", NULL), 0);
	filler(f, 3 * SCAN_MAX);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(read_field(f, worker, i % 4 == 0 ? "intake" : "visit", record[i % 2], "name", false, text), 0);
	hex_encode(record[1], 16, id);
	m.record = wire_text(id, 32);
	search(f, auditor, m, &got);
	assert_int_equal(got.n, 11);
	assert_true(got.longest > SCAN_MAX);	/* by the column alone */
	search(f, auditor, m, &again);
	assert_int_equal(again.n, got.n + got.pages);	/* each page before is a leaf about this child */
	m.purpose = wire_text("intake", 6);
	hex_encode(record[0], 16, id);
	search(f, auditor, m, &got);
	assert_int_equal(got.n, 5);
	assert_int_equal(record_load(f->v, record[0], false, &rec), 0);
	buf_init(&b, STORE_LEAF_MAX);
	for (unsigned i = 0; i < got.n; i++) {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(f->v->audit, got.index[i], &b), 0);
		assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
		assert_int_equal(audit_open_detail(&l, rec.head.log_key, &d), 0);
		assert_int_equal(d.purpose, 1);
	}
	buf_free(&b);
}

static void pages_open_with_the_segments_that_they_bring(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], auditor[32], record[16], etag[16], id[64][16];
	struct wire_events m = { .limit = 1000, .keys = true, .principal = wire_text("worker", 6), .kind = wire_text("read", 4) };
	char cursor[WIRE_CURSOR_MAX], text[256];
	struct wire_events_answer a;
	unsigned found = 0, pages = 0;
	struct wire_segment s;
	struct wire_event e;
	struct leaf l;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "冯二", NULL), 0);
	for (unsigned i = 0; i < 40; i++) {
		audit_auditors_changed(f->v->audit);	/* a new segment */
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(read_field(f, worker, "visit", record, "name", false, text), 0);
	}
	apply_all(f);
	do {
		unsigned n = 0, known;

		assert_int_equal(page_of(f, auditor, &m, &a), 0);
		assert_true(a.has_keys && a.segments.count <= PAGE_SEGMENTS);
		while (wire_segments_next(&a.segments, &s))
			memcpy(id[n++], s.segment, 16);
		while (wire_events_next(&a.events, &e)) {
			assert_int_equal(leaf_decode(e.leaf, e.leaf_n, &l), 0);
			for (known = 0; known < n && memcmp(id[known], l.segment, 16) != 0; known++)
				;
			assert_true(known < n);
			found++;
		}
		pages++;
		memcpy(cursor, a.cursor.p, a.cursor.n);
		m.cursor = wire_text(cursor, a.cursor.n);
	} while (m.cursor.n > 0);
	assert_int_equal(found, 120);
	assert_int_equal(pages, 3);
}

static void cursors_are_good_for_their_caller_and_question_alone(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], auditor[32], record[16], etag[16];
	struct wire_events m = { .limit = 1, .principal = wire_text("worker", 6) }, other;
	char cursor[WIRE_CURSOR_MAX], id[33];
	struct wire_events_answer a;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "冯二", NULL), 0);
	hex_encode(record, 16, id);
	apply_all(f);
	assert_int_equal(page_of(f, worker, &m, &a), PROBLEM_NOT_PERMITTED);
	assert_int_equal(page_of(f, auditor, &m, &a), 0);
	assert_true(a.cursor.n > 0);
	memcpy(cursor, a.cursor.p, a.cursor.n);
	m.cursor = wire_text(cursor, a.cursor.n);
	other = m;
	other.kind = wire_text("create", 6);
	assert_int_equal(page_of(f, auditor, &other, &a), PROBLEM_BAD_CURSOR);
	other = m;
	other.principal = wire_text("clerk", 5);
	assert_int_equal(page_of(f, auditor, &other, &a), PROBLEM_BAD_CURSOR);
	other = m;
	other.since_ms = 1;
	assert_int_equal(page_of(f, auditor, &other, &a), PROBLEM_BAD_CURSOR);
	other = m;
	cursor[m.cursor.n / 2] ^= 1;
	assert_int_equal(page_of(f, auditor, &other, &a), PROBLEM_BAD_CURSOR);
	cursor[m.cursor.n / 2] ^= 1;
	assert_int_equal(page_of(f, auditor, &m, &a), 0);
	other = (struct wire_events){ .limit = 1, .purpose = wire_text("visit", 5) };
	assert_int_equal(page_of(f, auditor, &other, &a), PROBLEM_BAD_REQUEST);
	other.record = wire_text(id, 32);
	assert_int_equal(page_of(f, auditor, &other, &a), 0);
	id[0] = id[0] == '0' ? '1' : '0';
	assert_int_equal(page_of(f, auditor, &other, &a), PROBLEM_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_call_looks_at_a_bounded_stretch, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(child_is_found_without_reading_others, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(pages_open_with_the_segments_that_they_bring, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(cursors_are_good_for_their_caller_and_question_alone, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

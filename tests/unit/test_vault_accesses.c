/* Who accessed a record: who may ask, what is listed, and that the pages hold. docs/POLICY.md section 6. */
#include "audit/receipt.h"
#include "childvault_audit.h"
#include "test_vault_rules.h"

static unsigned run_accesses(struct vault *v, struct vault_call *c, void *m) { return vault_accesses(v, c, m); }

static int setup(void **state)
{
	rules_receipts = true;
	return rules_setup(state);
}

static int teardown(void **state)
{
	rules_receipts = false;
	return fixture_teardown(state);
}

static void make_file(struct fixture *f, const struct rules_tokens *t, const char *area, uint8_t ret[16])
{
	struct rules_fields x;

	rules_begin(&x);
	rules_text(&x, "name", "张小明");
	rules_text(&x, "area", area);
	rules_text(&x, "state", "active");
	assert_int_equal(rules_create(f, t->of[P_WORKER], "intake", &x, 0, ret), 0);
}

/* The intake program hands a state in, without a key. */
static void hand_in(struct fixture *f, const struct rules_tokens *t, const uint8_t record[16], const char *name, const char *value)
{
	struct rules_fields x;

	rules_begin(&x);
	rules_text(&x, name, value);
	assert_int_equal(rules_patch(f, t->of[P_INTAKE], "intake", record, NULL, &x, 0), 0);
}

/* Ask; the answer stands in f->out. Returns the problem. */
static unsigned ask(struct fixture *f, const uint8_t token[32], const char *purpose, const uint8_t record[16], uint8_t reader,
    uint16_t limit,
    const struct wire_text *cursor)
{
	struct wire_accesses m = { .envelope = rules_envelope(f, token, purpose, false), .record = record, .reader = reader,
		.to_ms = UINT64_MAX, .limit = limit, .cursor = cursor != NULL ? *cursor : wire_text("", 0) };

	assert_int_equal(vault_checkpoint_now(f->v), 0);
	return one_turn(f, &m.envelope, true, run_accesses, &m);
}

static struct wire_accesses_answer answered(const struct fixture *f)
{
	struct wire_accesses_answer a;

	assert_int_equal(wire_accesses_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	return a;
}

/* What a receipt lists, in words. */
struct listed {
	unsigned n;
	struct receipt_access a[32];
};

static void keep(void *cookie, const struct receipt_item *item)
{
	struct listed *x = cookie;

	if (item->kind == RECEIPT_ACCESS)
		x->a[x->n++] = item->access;
}

/* The verdict on n bytes by the vault's own key. */
static int verdict(struct fixture *f, const char *p, size_t n, struct listed *ret_list, struct receipt_result *ret)
{
	struct tlog_policy *trust = calloc(1, sizeof(*trust));
	struct vkey key = { .type = NOTE_ED25519 };
	int r;

	assert_non_null(trust);
	snprintf(key.name, sizeof(key.name), "%s", f->v->origin);
	keys_log_public(f->v->keys, key.pk);
	crypto_note_key_id(key.name, key.type, key.pk, key.key_id);
	receipt_trust_key(&key, trust);
	ret_list->n = 0;
	r = receipt_verify(p, n, trust, keep, ret_list, ret);
	free(trust);
	return r;
}

/* A page that answers without cursor, verified. */
static void list(struct fixture *f, const uint8_t token[32], const char *purpose, const uint8_t record[16], uint8_t reader,
    struct listed *ret)
{
	struct wire_accesses_answer a;
	struct receipt_result result;

	assert_int_equal(ask(f, token, purpose, record, reader, 0, NULL), 0);
	a = answered(f);
	assert_int_equal(a.cursor.n, 0);
	assert_int_equal(verdict(f, a.page.p, a.page.n, ret, &result), 0);
	assert_memory_equal(result.page.record, record, 16);
}

/* ---- what is listed -------------------------------------------------------------------------------------------------------------- */

static void what_was_done_to_a_file_is_listed_and_nothing_else(void **state)
{
	static const struct {
		uint8_t kind;
		uint16_t role, purpose, outcome;
		unsigned classes;
	} want[] = {
		{ LEAF_CREATE, ROLE_WORKER, 1, 0, 2 }, { LEAF_REFUSED, ROLE_WORKER, 2, OUTCOME_REASON + DECIDE_NO_APPROVAL, 1 },
		{ LEAF_READ, ROLE_WORKER, 2, 0, 1 }, { LEAF_REVEAL, ROLE_WORKER, 2, 0, 1 }, { LEAF_PATCH, ROLE_INTAKE, 1, 0, 1 },
	};
	struct fixture *f = *state;
	struct rules_tokens t;
	struct listed x;
	uint8_t record[16], other[16];

	rules_login_all(f, &t);
	make_file(f, &t, "430422001002", record);
	make_file(f, &t, "430422001002", other);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "name", false), PROBLEM_APPROVAL_REQUIRED);
	rules_assign(f, t.of[P_CLERK], record, "visit", 3);
	rules_assign(f, t.of[P_CLERK], other, "visit", 3);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "name", false), 0);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", other, "name", false), 0);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "name", true), 0);
	hand_in(f, &t, record, "note", "有");
	list(f, t.of[P_CLERK], "visit", record, RECEIPT_CHILD, &x);
	assert_int_equal(x.n, sizeof(want) / sizeof(want[0]));
	for (unsigned i = 0; i < x.n; i++)
		if (x.a[i].kind != want[i].kind || x.a[i].told.role != want[i].role || x.a[i].told.purpose != want[i].purpose ||
		    x.a[i].told.outcome != want[i].outcome || x.a[i].told.classes != want[i].classes || x.a[i].has_rest)
			fail_msg("line %u: kind %u, role %u, purpose %u, outcome %u", i, x.a[i].kind, x.a[i].told.role, x.a[i].told.purpose,
			    x.a[i].told.outcome);
	list(f, t.of[P_CLERK], "visit", record, RECEIPT_CHILD, &x);
	assert_int_equal(x.n, sizeof(want) / sizeof(want[0]) + 1);
	assert_int_equal(x.a[x.n - 1].kind, LEAF_RECEIPT);
}

static void what_is_hidden_is_listed_for_auditors_alone(void **state)
{
	struct fixture *f = *state;
	struct rules_tokens t;
	struct listed x;
	uint8_t record[16], auditor[32];

	rules_login_all(f, &t);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	make_file(f, &t, "430422001002", record);
	rules_assign(f, t.of[P_CLERK], record, "visit", 4);
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record, "case", false), 0);
	assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "name,case", false), 0);
	assert_int_equal(rules_read(f, t.of[P_CLERK], "visit", record, "name,case", false), 0);
	list(f, t.of[P_CLERK], "visit", record, RECEIPT_CHILD, &x);
	assert_int_equal(x.n, 3);	/* create, and the name twice */
	for (unsigned i = 1; i < 3; i++) {
		assert_int_equal(x.a[i].kind, LEAF_READ);
		assert_int_equal(x.a[i].told.classes, 1);
		assert_int_equal(x.a[i].told.class[0], CLASS_ID);
	}
	list(f, auditor, "", record, 0, &x);
	assert_int_equal(x.n, 6);	/* the case's two leaves, and the list before */
	assert_true(x.a[1].has_rest);
	assert_int_equal(ask(f, auditor, "", record, RECEIPT_CHILD, 0, NULL), PROBLEM_BAD_REQUEST);
}

static void pages_go_on_where_the_one_before_ended(void **state)
{
	struct fixture *f = *state;
	struct receipt_result result;
	struct rules_tokens t;
	struct listed x;
	struct buf all, first;
	uint8_t record[16];
	char cursor[512] = "";
	unsigned pages = 0;

	rules_login_all(f, &t);
	make_file(f, &t, "430422001002", record);
	rules_assign(f, t.of[P_CLERK], record, "visit", 3);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(rules_read(f, t.of[P_WORKER], "visit", record, "name", false), 0);
	buf_init(&all, 1 << 20);
	buf_init(&first, 1 << 20);
	do {
		struct wire_text now = wire_text(cursor, strlen(cursor));
		struct wire_accesses_answer a;

		assert_int_equal(ask(f, t.of[P_CLERK], "visit", record, 0, 3, pages > 0 ? &now : NULL), 0);
		a = answered(f);
		buf_put(&all, a.page.p, a.page.n);
		if (pages++ == 0)
			buf_put(&first, a.page.p, a.page.n);
		snprintf(cursor, sizeof(cursor), "%.*s", (int)a.cursor.n, a.cursor.p);
	} while (cursor[0] != '\0');
	assert_int_equal(verdict(f, (const char *)all.p, all.n, &x, &result), 0);
	assert_int_equal(x.n, 8);	/* what was there when the first page was asked for */
	assert_int_equal(result.pages, pages);
	assert_int_equal(verdict(f, (const char *)first.p, first.n, &x, &result), CV_ERR_AUTH);
	assert_int_equal(result.fault, RECEIPT_FORMAT);
	assert_int_equal(verdict(f, (const char *)all.p + first.n, all.n - first.n, &x, &result), 0);	/* of the rest, as it says */
	buf_free(&all);
	buf_free(&first);
}

static void every_flipped_bit_of_a_page_is_refused(void **state)
{
	struct fixture *f = *state;
	struct receipt_result result;
	struct wire_accesses_answer a;
	struct rules_tokens t;
	struct listed x;
	struct buf page;
	uint8_t record[16];

	rules_login_all(f, &t);
	make_file(f, &t, "430422001002", record);
	assert_int_equal(ask(f, t.of[P_CLERK], "visit", record, 0, 0, NULL), 0);
	a = answered(f);
	buf_init(&page, 1 << 20);
	buf_put(&page, a.page.p, a.page.n);
	for (size_t bit = 0; bit < page.n * 8; bit += bit % 8 == 7 ? 25 : 1) {	/* every fourth byte */
		page.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (verdict(f, (const char *)page.p, page.n, &x, &result) != CV_ERR_AUTH || x.n != 0)
			fail_msg("bit %zu may be another one", bit);
		page.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n < page.n; n += 7)
		assert_int_equal(verdict(f, (const char *)page.p, n, &x, &result), CV_ERR_AUTH);
	buf_free(&page);
}

/* ---- who may ask ------------------------------------------------------------------------------------------------------------------- */

static void act_purpose_area_and_assignment_are_asked(void **state)
{
	struct fixture *f = *state;
	struct rules_tokens t;
	uint8_t near[16], far[16];

	rules_login_all(f, &t);
	make_file(f, &t, "430422001002", near);
	make_file(f, &t, "520102001003", far);
	assert_int_equal(ask(f, t.of[P_SCHOOL], "visit", near, 0, 0, NULL), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_NO_RIGHT);
	assert_int_equal(ask(f, t.of[P_CLERK], "intake", near, 0, 0, NULL), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_NO_PURPOSE_ROLE);
	assert_int_equal(ask(f, t.of[P_CLERK], "", near, 0, 0, NULL), PROBLEM_PURPOSE_REQUIRED);
	assert_int_equal(ask(f, t.of[P_WORKER], "visit", far, 0, 0, NULL), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_OUT_OF_AREA);
	assert_int_equal(ask(f, t.of[P_WORKER], "visit", near, 0, 0, NULL), PROBLEM_APPROVAL_REQUIRED);
	rules_assign(f, t.of[P_CLERK], near, "visit", 3);
	assert_int_equal(ask(f, t.of[P_WORKER], "visit", near, 0, 0, NULL), 0);
	assert_int_equal(ask(f, t.of[P_WORKER], "judicial", near, 0, 0, NULL), PROBLEM_APPROVAL_REQUIRED);
	assert_int_equal(ask(f, t.of[P_CLERK], "visit", near, 0, 0, &(struct wire_text){ "x", 1 }), PROBLEM_BAD_CURSOR);
}

/* The answer but for the leaf's index. */
static void take_answer(const struct fixture *f, struct buf *ret)
{
	buf_reset(ret);
	buf_put(ret, f->out.p, f->out.n);
	memset(ret->p + 2, 0, 8);
}

static void a_guardian_in_doubt_gets_what_a_missing_record_does(void **state)
{
	static const char *const doubts[] = { "draft", "exited" };
	const uint8_t missing[16] = { 9 };
	struct fixture *f = *state;
	struct rules_tokens t;
	struct leaf_detail d;
	struct buf nothing, got;
	struct listed x;
	uint8_t record[16];

	rules_login_all(f, &t);
	buf_init(&nothing, 4096);
	buf_init(&got, 4096);
	make_file(f, &t, "430422001002", record);
	assert_int_equal(ask(f, t.of[P_CLERK], "visit", missing, RECEIPT_GUARDIAN, 0, NULL), PROBLEM_NOT_FOUND);
	take_answer(f, &nothing);
	for (unsigned i = 0; i < 2; i++) {
		list(f, t.of[P_CLERK], "visit", record, RECEIPT_GUARDIAN, &x);
		hand_in(f, &t, record, "state", doubts[i]);	/* nobody's key has opened it yet */
		assert_int_equal(ask(f, t.of[P_CLERK], "visit", record, RECEIPT_GUARDIAN, 0, NULL), PROBLEM_NOT_FOUND);
		take_answer(f, &got);
		assert_int_equal(got.n, nothing.n);
		assert_memory_equal(got.p, nothing.p, got.n);
		assert_int_equal(rules_leaf(f, rules_leaf_index(f), record, &d), LEAF_REFUSED);
		assert_int_equal(d.outcome, OUTCOME_REASON + DECIDE_STANDING);
		list(f, t.of[P_CLERK], "visit", record, RECEIPT_CHILD, &x);
		for (unsigned j = 0; j < x.n; j++)
			assert_int_not_equal(x.a[j].told.outcome, OUTCOME_REASON + DECIDE_STANDING);
		/* Without an assignment the worker learns nothing of a doubt either. */
		assert_int_equal(ask(f, t.of[P_WORKER], "visit", record, RECEIPT_GUARDIAN, 0, NULL), PROBLEM_APPROVAL_REQUIRED);
		hand_in(f, &t, record, "state", "active");
		list(f, t.of[P_CLERK], "visit", record, RECEIPT_GUARDIAN, &x);
		hand_in(f, &t, record, "state", doubts[1 - i]);
		hand_in(f, &t, record, "state", NULL);
	}
	buf_free(&nothing);
	buf_free(&got);
}

/* The child's log key gone from head, as an erasure leaves it: the same log, and no key finds anything in it. */
static void without_the_log_key_nothing_is_the_childs(void **state)
{
	struct fixture *f = *state;
	uint64_t found[64], at = 0, index;
	struct rules_tokens t;
	struct record rec;
	struct listed x;
	uint8_t record[16], auditor[32], old[32];
	char dir[96];
	const struct childvault_audit_options verify = { .dir = dir };
	struct childvault_audit_summary summary;
	unsigned n;

	rules_login_all(f, &t);
	assert_int_equal(login(f, P_AUDITOR, auditor), 0);
	make_file(f, &t, "430422001002", record);
	list(f, t.of[P_CLERK], "visit", record, RECEIPT_CHILD, &x);
	index = x.a[0].index;
	assert_int_equal(vault_turn_begin(f->v), 0);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	memcpy(old, rec.head.log_key, 32);
	crypto_random(rec.head.log_key, 32);
	vault_save(f->v);
	assert_int_equal(record_put_head(f->v, &rec), 0);
	store_commit(f->v->store);
	assert_int_equal(vault_turn_end(f->v), 0);
	list(f, auditor, "", record, 0, &x);
	assert_int_equal(x.n, 0);
	assert_int_equal(audit_find_subject(f->v->audit, old, &at, audit_leaves(f->v->audit), found, 64, &n), 0);
	assert_true(n > 0 && found[0] == index);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	snprintf(dir, sizeof(dir), "%s/log", f->dir);
	assert_int_equal(childvault_audit_verify(&verify, &summary), 0);
	assert_int_equal(summary.faults, 0);
	for (unsigned i = 0; i < 100; i++) {
		uint8_t other[32];

		crypto_random(other, 32);
		at = 0;
		assert_int_equal(audit_find_subject(f->v->audit, other, &at, audit_leaves(f->v->audit), found, 64, &n), 0);
		assert_int_equal(n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_done_to_a_file_is_listed_and_nothing_else, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_hidden_is_listed_for_auditors_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_go_on_where_the_one_before_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(every_flipped_bit_of_a_page_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(act_purpose_area_and_assignment_are_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(a_guardian_in_doubt_gets_what_a_missing_record_does, setup, teardown),
		cmocka_unit_test_setup_teardown(without_the_log_key_nothing_is_the_childs, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Jobs: views and predicates computed anew, in slices, with the keys of a session that lives. */
#include "format/value.h"
#include "test_vault_work.h"
#include "vault/gov.h"
#include "vault/jobs_internal.h"

struct job_facts {
	uint8_t id[16];
	char kind[16], state[16], by[16];
	int64_t done, total, changed, skipped;
	unsigned fields;
	char first[32];
};

static unsigned run_job_create(struct vault *v, struct vault_call *c, void *m) { return vault_job_create(v, c, m); }
static unsigned run_job_get(struct vault *v, struct vault_call *c, void *m) { return vault_job_get(v, c, m); }
static unsigned run_job_list(struct vault *v, struct vault_call *c, void *m) { return vault_job_list(v, c, m); }
static unsigned run_logout(struct vault *v, struct vault_call *c, void *m) { (void)m; return vault_logout(v, c); }
static unsigned run_job_act(struct vault *v, struct vault_call *c, void *m) { return vault_job_act(v, c, m); }

static void copy_text(char *to, size_t room, const struct wire_value *w)
{
	assert_int_equal(w->type, VALUE_TEXT);
	snprintf(to, room, "%.*s", (int)w->n, (const char *)w->p);
}

static void take_fields(const struct wire_value *w, struct job_facts *ret)
{
	struct value_walk walk;
	struct value_item item;

	assert_int_equal(value_check(VALUE_LIST, w->p, w->n), 0);
	walk = value_walk(VALUE_LIST, w->p, w->n);
	while (value_next(&walk, &item))
		if (ret->fields++ == 0)
			snprintf(ret->first, sizeof(ret->first), "%.*s", (int)item.n, (const char *)item.p);
}

static void take_job(const struct wire_gov_object *o, struct job_facts *ret)
{
	struct wire_list l = o->fields;
	struct wire_field w;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->id, o->id, 16);
	while (wire_fields_next(&l, &w)) {
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)w.name.n, w.name.p);
		if (strcmp(name, "kind") == 0)
			copy_text(ret->kind, sizeof(ret->kind), &w.value);
		else if (strcmp(name, "state") == 0)
			copy_text(ret->state, sizeof(ret->state), &w.value);
		else if (strcmp(name, "by") == 0)
			copy_text(ret->by, sizeof(ret->by), &w.value);
		else if (strcmp(name, "done") == 0)
			ret->done = value_integer(w.value.p);
		else if (strcmp(name, "total") == 0)
			ret->total = value_integer(w.value.p);
		else if (strcmp(name, "changed") == 0)
			ret->changed = value_integer(w.value.p);
		else if (strcmp(name, "skipped") == 0)
			ret->skipped = value_integer(w.value.p);
		else if (strcmp(name, "fields") == 0)
			take_fields(&w.value, ret);
		else
			assert_string_equal(name, "created_at");
	}
}

static unsigned one_job(struct fixture *f, const uint8_t token[32], test_run run, void *m, struct job_facts *ret)
{
	struct wire_envelope env = envelope(f, token, "", "");
	struct wire_gov_object o;
	unsigned problem = one_turn(f, &env, true, run, m);

	if (problem == 0) {
		assert_int_equal(wire_gov_object_decode(f->out.p + 10, f->out.n - 10, &o), 0);
		take_job(&o, ret);
	}
	return problem;
}

/* fields: names divided by blanks, NULL for all. */
static unsigned start_job(struct fixture *f, const uint8_t token[32], const char *kind, const char *fields, struct job_facts *ret)
{
	struct wire_gov_create m = { .collection = wire_text("jobs", 4) };
	struct buf b, list;
	char names[128], *name, *save = NULL;
	size_t at, inner, n = 0;
	unsigned problem;

	buf_init(&b, 4096);
	buf_init(&list, 4096);
	at = wire_count_begin(&b);
	wire_field_put(&b, "kind", 4, VALUE_TEXT, kind, strlen(kind));
	if (fields != NULL) {
		snprintf(names, sizeof(names), "%s", fields);
		inner = value_begin(&list);
		for (name = strtok_r(names, " ", &save); name != NULL; name = strtok_r(NULL, " ", &save), n++)
			value_item_put(&list, VALUE_TEXT, name, strlen(name));
		value_end(&list, inner, n);
		wire_field_put(&b, "fields", 6, VALUE_LIST, list.p, list.n);
	}
	wire_count_end(&b, at, fields != NULL ? 2 : 1);
	m.fields = fields_of(&b);
	problem = one_job(f, token, run_job_create, &m, ret);
	buf_free(&list);
	buf_free(&b);
	return problem;
}

static unsigned get_job(struct fixture *f, const uint8_t token[32], const uint8_t id[16], struct job_facts *ret)
{
	struct wire_gov_get m = { .collection = wire_text("jobs", 4), .id = id };

	return one_job(f, token, run_job_get, &m, ret);
}

static unsigned act_job(struct fixture *f, const uint8_t token[32], const uint8_t id[16], const char *action, struct job_facts *ret)
{
	struct wire_gov_act m = { .collection = wire_text("jobs", 4), .id = id, .action = wire_text(action, strlen(action)) };

	return one_job(f, token, run_job_act, &m, ret);
}

static void names_are(struct fixture *f, const uint8_t token[32], uint8_t record[][16], unsigned n, const char *expected)
{
	char text[256];

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(read_field(f, token, "visit", record[i], "name", false, text), 0);
		assert_string_equal(text, expected);
	}
}

static uint32_t version_of(struct fixture *f, const uint8_t record[16], uint32_t class)
{
	struct record rec;
	struct head_class *hc;

	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	hc = head_class_find(&rec.head, class << 16);
	return hc == NULL ? 0 : hc->class_version;
}

/* ---- views -------------------------------------------------------------------------------------------------------- */

static void views_follow_a_new_policy(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[5][16];
	struct job_facts j;
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(work_create(f, worker, record[i], "张小明", "520102001001", "2026-11-01"), 0);
	names_are(f, worker, record, 5, "~张**");
	work_name_op = VIEW_PLAIN;
	work_policy_changes(f);
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	assert_string_equal(j.kind, "reproject");
	assert_string_equal(j.state, "running");
	assert_string_equal(j.by, "worker");
	assert_string_equal(j.first, "name");
	assert_int_equal(j.fields, 4);
	assert_int_equal(j.done, 0);
	assert_int_equal(j.total, 5);
	names_are(f, worker, record, 1, "张**");	/* nothing happens within the call */
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_string_equal(j.state, "done");
	assert_int_equal(j.done, 5);
	assert_int_equal(j.changed, 5);
	assert_int_equal(j.skipped, 0);
	names_are(f, worker, record, 5, "张小明");
	assert_int_equal(read_field(f, worker, "visit", record[0], "name", true, text), 0);
	assert_string_equal(text, "张小明");
	assert_int_equal(version_of(f, record[0], CLASS_ID_MASKED), 2);
	assert_int_equal(version_of(f, record[0], CLASS_ID), 1);
}

static void what_shows_the_same_is_not_rewritten(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16];
	struct job_facts j;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(work_create(f, worker, record, "李四", NULL, NULL), 0);
	assert_int_equal(start_job(f, worker, "reproject", "name", &j), 0);
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_string_equal(j.state, "done");
	assert_int_equal(j.changed, 0);
	assert_int_equal(version_of(f, record, CLASS_ID_MASKED), 1);
}

static void a_view_that_the_policy_took_away_goes_and_one_that_it_gives_comes(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16];
	struct record rec;
	struct job_facts j;
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(work_create(f, worker, record, "李四", NULL, NULL), 0);
	assert_int_equal(start_job(f, worker, "reproject", "name", &j), 0);
	work_name_op = 0;
	work_policy_changes(f);
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_string_equal(j.state, "done");
	assert_int_equal(j.changed, 1);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	/* A record made now has no row of the view class at all. */
	assert_int_equal(work_create(f, worker, record, "王五", NULL, NULL), 0);
	assert_int_equal(version_of(f, record, CLASS_ID_MASKED), 0);
	work_name_op = VIEW_M1_NAME;
	work_policy_changes(f);
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_int_equal(j.changed, 2);
	assert_int_equal(version_of(f, record, CLASS_ID_MASKED), 1);
	assert_int_equal(read_field(f, worker, "visit", record, "name", false, text), 0);
	assert_string_equal(text, "~王**");
}

static void head_follows_a_field_that_a_new_policy_names(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[2][16];
	struct record rec;
	struct job_facts j;

	work_due = false;
	work_policy_changes(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(work_create(f, worker, record[0], "张小明", "520102", "2026-11-01"), 0);
	assert_int_equal(work_create(f, worker, record[1], "李四", "520102", NULL), 0);
	assert_int_equal(record_load(f->v, record[0], false, &rec), 0);
	assert_int_equal(rec.head.due_quarter, 0);
	work_due = true;
	work_policy_changes(f);
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_int_equal(j.changed, 1);
	assert_int_equal(record_load(f->v, record[0], false, &rec), 0);
	assert_int_equal(rec.head.due_quarter, 2026 * 4 + 3);
	assert_int_equal(rec.head.area_n, 6);
	assert_int_equal(rec.head.state, STATE_DRAFT);
	assert_int_equal(version_of(f, record[0], CLASS_FLOW), 1);
}

static void head_learns_of_doubts_by_a_new_policy(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16];
	struct record rec;
	struct job_facts j;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "intake", "", record, etag, "name", "张小明", "state", "draft", NULL), 0);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(rec.head.flags & HEAD_DOUBT, 0);
	for (unsigned i = 0; i < 2; i++) {
		work_standing = i == 0;
		work_policy_changes(f);
		assert_int_equal(login(f, P_WORKER, worker), 0);
		assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
		work_on(f);
		assert_int_equal(get_job(f, worker, j.id, &j), 0);
		assert_int_equal(j.changed, i == 0);
		assert_int_equal(record_load(f->v, record, false, &rec), 0);
		/* Without such a field a doubt stays: what was found out is not forgotten by a policy that does not ask. */
		assert_int_equal(rec.head.flags & HEAD_DOUBT, HEAD_DOUBT);
	}
}

static int count_masked_drops(void *cookie, const struct wrap *w)
{
	*(unsigned *)cookie += w->drop_version != 0 && w->class_key == CLASS_ID_MASKED << 16;
	return 0;
}

static unsigned masked_drop_wraps(struct fixture *f, const uint8_t record[16])
{
	struct record rec;
	unsigned n = 0;

	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(wraps_each(rec.keys_row, rec.keys_row_n, count_masked_drops, &n), 0);
	return n;
}

static void drops_are_folded_in_and_their_wraps_go(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], intake[32], record[16], etag[16];
	struct job_facts j;
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_INTAKE, intake), 0);
	assert_int_equal(create(f, intake, "intake", "", record, etag, "name", "孙七", NULL), 0);
	assert_int_equal(patch(f, intake, "intake", record, NULL, etag, "name", "周八九", NULL), 0);
	assert_int_equal(masked_drop_wraps(f, record), 1);
	work_name_op = VIEW_PLAIN;
	work_policy_changes(f);
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_int_equal(j.changed, 1);
	assert_int_equal(version_of(f, record, CLASS_ID_MASKED), 3);
	assert_int_equal(masked_drop_wraps(f, record), 0);
	assert_int_equal(read_field(f, worker, "visit", record, "name", false, text), 0);
	assert_string_equal(text, "周八九");
	assert_int_equal(read_field(f, worker, "visit", record, "name", true, text), 0);
	assert_string_equal(text, "周八九");
}

static void a_record_that_does_not_open_is_counted_and_passed_over(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[3][16], key[REC_KEY_MAX], bad[200] = { 1, 1 };
	struct job_facts j;
	size_t n;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(work_create(f, worker, record[i], "李四", NULL, NULL), 0);
	work_name_op = VIEW_PLAIN;
	work_policy_changes(f);
	n = rec_key(2, REC_ROW, CLASS_ID << 16, 0, key);
	assert_int_equal(vault_turn_begin(f->v), 0);
	assert_int_equal(store_put(f->v->store, STORE_REC, key, n, bad, sizeof(bad)), 0);
	store_commit(f->v->store);
	assert_int_equal(vault_turn_end(f->v), 0);
	log_init("test", 0);
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_string_equal(j.state, "done");
	assert_int_equal(j.done, 3);
	assert_int_equal(j.changed, 2);
	assert_int_equal(j.skipped, 1);
}

/* ---- keys --------------------------------------------------------------------------------------------------------- */

/* The key to read it is still in the session; the right to write is gone with the policy that gave it. */
static void a_policy_that_takes_the_right_to_write_ends_what_is_computed(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16];
	struct job_facts j;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "张小明", "level", "severe", NULL), 0);
	assert_int_equal(start_job(f, worker, "predicates", "needs_care", &j), 0);
	work_reads_stats = true;
	work_policy_changes(f);
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_string_equal(j.state, "needs-keys");
	assert_int_equal(j.changed, 0);
	assert_int_equal(act_job(f, worker, j.id, "resume", &j), PROBLEM_NOT_PERMITTED);
	work_reads_stats = false;
	work_policy_changes(f);
	assert_int_equal(act_job(f, worker, j.id, "resume", &j), 0);
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_string_equal(j.state, "done");
	assert_int_equal(j.changed, 1);
}

static void a_job_without_its_session_waits_for_one_that_holds_the_classes(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], again[32], clerk[32], record[40][16];
	struct wire_envelope env;
	struct job_facts j;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(work_create(f, worker, record[i], "张小明", NULL, NULL), 0);
	work_name_op = VIEW_PLAIN;
	work_policy_changes(f);
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	for (unsigned i = 0; i < 5; i++)
		vault_work(f->v, 0);
	assert_true(vault_busy(f->v));
	env = envelope(f, worker, "", "");
	assert_int_equal(one_turn(f, &env, true, run_logout, NULL), 0);
	assert_false(vault_busy(f->v));
	assert_int_equal(get_job(f, clerk, j.id, &j), 0);
	assert_string_equal(j.state, "needs-keys");
	assert_int_equal(j.done, 5);
	assert_int_equal(act_job(f, clerk, j.id, "resume", &j), PROBLEM_NOT_PERMITTED);
	assert_false(vault_busy(f->v));
	assert_int_equal(login(f, P_WORKER, again), 0);
	assert_int_equal(act_job(f, again, j.id, "resume", &j), 0);
	assert_string_equal(j.state, "running");
	work_on(f);
	assert_int_equal(get_job(f, again, j.id, &j), 0);
	assert_string_equal(j.state, "done");
	assert_int_equal(j.changed, 40);
	names_are(f, again, record, 40, "张小明");
	assert_int_equal(act_job(f, again, j.id, "resume", &j), PROBLEM_CONFLICT);
	assert_int_equal(act_job(f, again, j.id, "cancel", &j), PROBLEM_CONFLICT);
	/* What is computed is written by who resumes, under their right. */
	assert_int_equal(start_job(f, again, "predicates", NULL, &j), 0);
	env = envelope(f, again, "", "");
	assert_int_equal(one_turn(f, &env, true, run_logout, NULL), 0);
	assert_int_equal(act_job(f, clerk, j.id, "resume", &j), PROBLEM_NOT_PERMITTED);
	assert_int_equal(f->v->call.rule, DECIDE_NO_RIGHT);
}

static unsigned run_gov_act(struct vault *v, struct vault_call *c, void *m) { return vault_gov_act(v, c, m); }

static void a_job_of_a_suspended_member_waits_for_keys(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], clerk[32], officer[32], record[40][16];
	struct wire_envelope env;
	struct wire_gov_act m = { .collection = wire_text("members", 7), .id = f->person[P_WORKER].g.principal.id,
		.action = wire_text("suspend", 7) };
	struct job_facts j;
	struct buf b;
	size_t at;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_int_equal(login(f, P_ADMIN_B, officer), 0);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(work_create(f, worker, record[i], "张小明", NULL, NULL), 0);
	work_name_op = VIEW_PLAIN;
	work_policy_changes(f);
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	for (unsigned i = 0; i < 5; i++)
		vault_work(f->v, 0);
	assert_true(vault_busy(f->v));
	buf_init(&b, 256);
	at = wire_count_begin(&b);
	wire_field_put(&b, "reason", 6, VALUE_TEXT, "key lost", 8);
	wire_count_end(&b, at, 1);
	m.fields = fields_of(&b);
	env = envelope(f, officer, "", "");
	assert_int_equal(one_turn(f, &env, true, run_gov_act, &m), 0);
	buf_free(&b);
	assert_false(vault_busy(f->v));
	assert_int_equal(get_job(f, clerk, j.id, &j), 0);
	assert_string_equal(j.state, "needs-keys");
	assert_int_equal(j.done, 5);
}

static void a_job_goes_on_where_it_stood_after_a_crash(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[60][16];
	struct job_facts j;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(work_create(f, worker, record[i], "张小明", NULL, NULL), 0);
	work_name_op = VIEW_PLAIN;
	work_policy_changes(f);
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	for (unsigned i = 0; i < 20; i++)
		vault_work(f->v, 0);
	work_crash(f);
	work_on(f);	/* the work list alone: no session, no keys */
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_string_equal(j.state, "needs-keys");
	assert_int_equal(j.done, 20);
	assert_int_equal(j.changed, 20);
	names_are(f, worker, record, 20, "张小明");
	assert_int_equal(version_of(f, record[19], CLASS_ID_MASKED), 2);
	assert_int_equal(version_of(f, record[20], CLASS_ID_MASKED), 1);
	assert_int_equal(act_job(f, worker, j.id, "resume", &j), 0);
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_string_equal(j.state, "done");
	assert_int_equal(j.changed, 60);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(version_of(f, record[i], CLASS_ID_MASKED), 2);
	work_crash(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_string_equal(j.state, "done");
}

/* ---- predicates --------------------------------------------------------------------------------------------------- */

/* What a reader is told of a computed field: -1 nothing, else 0 or 1; and whether an input has changed since. */
static int computed(struct fixture *f, const uint8_t token[32], const uint8_t record[16], const char *field, bool *ret_stale)
{
	struct wire_envelope env = envelope(f, token, "visit", "");
	struct wire_read m = { .record = record, .view = WIRE_VIEW_DEFAULT };
	struct wire_read_answer a;
	struct wire_field w;
	struct buf b;
	struct rd rd;
	size_t at;
	int holds = -1;

	buf_init(&b, 64);
	at = wire_count_begin(&b);
	wire_text8_put(&b, field, strlen(field));
	wire_count_end(&b, at, 1);
	rd = rd_over(b.p, b.n);
	assert_int_equal(wire_names_get(&rd, &m.names), 0);
	assert_int_equal(one_turn(f, &env, true, run_read, &m), 0);
	buf_free(&b);
	assert_int_equal(wire_read_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	*ret_stale = a.stale.count > 0;
	if (wire_fields_next(&a.fields, &w)) {
		assert_int_equal(w.value.type, VALUE_BOOL);
		holds = value_bool(w.value.p);
	}
	return holds;
}

static void predicates_are_computed_and_again_once_an_input_changed(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[3][16], etag[3][16], newer[16];
	struct job_facts j;
	bool stale;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "intake", "", record[0], etag[0], "name", "李一", "level", "severe", NULL), 0);
	assert_int_equal(create(f, worker, "intake", "", record[1], etag[1], "name", "李二", "level", "mild", NULL), 0);
	assert_int_equal(create(f, worker, "intake", "", record[2], etag[2], "name", "李三", NULL), 0);
	assert_int_equal(start_job(f, worker, "predicates", NULL, &j), 0);
	assert_string_equal(j.first, "needs_care");
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_int_equal(j.changed, 2);
	assert_int_equal(computed(f, worker, record[0], "needs_care", &stale), 1);
	assert_false(stale);
	assert_int_equal(computed(f, worker, record[1], "needs_care", &stale), 0);
	assert_int_equal(computed(f, worker, record[2], "needs_care", &stale), -1);
	assert_int_equal(start_job(f, worker, "predicates", NULL, &j), 0);
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_int_equal(j.changed, 0);
	/* The etag of a record moves with what the job wrote. */
	assert_int_equal(patch(f, worker, "intake", record[0], etag[0], newer, "level", "mild", NULL), PROBLEM_PRECONDITION_FAILED);
	assert_int_equal(computed(f, worker, record[0], "needs_care", &stale), 1);
	memcpy(etag[0], f->out.p + 10 + 16, 16);
	assert_int_equal(patch(f, worker, "intake", record[0], etag[0], newer, "level", "mild", NULL), 0);
	assert_int_equal(computed(f, worker, record[0], "needs_care", &stale), 1);
	assert_true(stale);
	assert_int_equal(start_job(f, worker, "predicates", "needs_care", &j), 0);
	work_on(f);
	assert_int_equal(get_job(f, worker, j.id, &j), 0);
	assert_int_equal(j.changed, 1);
	assert_int_equal(computed(f, worker, record[0], "needs_care", &stale), 0);
	assert_false(stale);
}

static void predicates_among_their_inputs_are_not_stale_at_once(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16], newer[16];
	struct wire_patch m = { .record = record, .has_etag = true, .etag = etag };
	struct wire_envelope env;
	struct job_facts j;
	struct buf b;
	size_t at;
	bool stale;

	work_neighbours = true;
	work_policy_changes(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "intake", "", record, etag, "name", "李一", "level", "mild", NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(start_job(f, worker, "predicates", NULL, &j), 0);
		assert_int_equal(j.fields, 3);
		work_on(f);
		assert_int_equal(get_job(f, worker, j.id, &j), 0);
		assert_int_equal(j.changed, i == 0);
		assert_int_equal(computed(f, worker, record, "is_mild", &stale), 1);
		assert_false(stale);
		assert_int_equal(computed(f, worker, record, "is_judged", &stale), 1);
		assert_false(stale);
		assert_int_equal(computed(f, worker, record, "needs_care", &stale), 0);
	}
	memcpy(etag, f->out.p + 10 + 16, 16);
	assert_int_equal(patch(f, worker, "intake", record, etag, newer, "level", "severe", NULL), 0);
	assert_int_equal(computed(f, worker, record, "is_mild", &stale), 1);
	assert_true(stale);
	/* A job for one of them computes its neighbour too. */
	assert_int_equal(start_job(f, worker, "predicates", "is_mild", &j), 0);
	work_on(f);
	assert_int_equal(computed(f, worker, record, "is_mild", &stale), 0);
	assert_false(stale);
	assert_int_equal(computed(f, worker, record, "is_judged", &stale), 1);
	assert_false(stale);
	/* An empty list is there and says nothing. */
	memcpy(etag, f->out.p + 10 + 16, 16);
	buf_init(&b, 256);
	at = wire_count_begin(&b);
	wire_field_put(&b, "care", 4, VALUE_LIST, "\0\0", 2);
	wire_field_put(&b, "level", 5, VALUE_NULL, NULL, 0);
	wire_count_end(&b, at, 2);
	env = envelope(f, worker, "intake", "");
	m.fields = fields_of(&b);
	assert_int_equal(one_turn(f, &env, true, run_patch, &m), 0);
	buf_free(&b);
	assert_int_equal(start_job(f, worker, "predicates", NULL, &j), 0);
	work_on(f);
	assert_int_equal(computed(f, worker, record, "is_judged", &stale), 0);
}

/* ---- calls -------------------------------------------------------------------------------------------------------- */

static void a_job_that_cannot_be_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], clerk[32], school[32], record[16];
	struct job_facts j;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_int_equal(login(f, P_SCHOOL, school), 0);
	assert_int_equal(work_create(f, worker, record, "李四", NULL, NULL), 0);
	assert_int_equal(start_job(f, worker, "rewrap", NULL, &j), PROBLEM_VALIDATION);
	assert_int_equal(start_job(f, worker, "reproject", "nofield", &j), PROBLEM_UNKNOWN_FIELD);
	assert_int_equal(start_job(f, worker, "reproject", "name level", &j), PROBLEM_VALIDATION);
	assert_int_equal(start_job(f, worker, "predicates", "name", &j), PROBLEM_VALIDATION);
	assert_int_equal(start_job(f, clerk, "reproject", "due name", &j), PROBLEM_NOT_PERMITTED);
	assert_int_equal(start_job(f, clerk, "predicates", NULL, &j), PROBLEM_NOT_PERMITTED);
	assert_int_equal(start_job(f, school, "reproject", NULL, &j), PROBLEM_NOT_PERMITTED);
	assert_false(vault_busy(f->v));
	assert_int_equal(f->v->jobs->now.n, 0);
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	assert_int_equal(get_job(f, school, j.id, &j), PROBLEM_NOT_FOUND);
	assert_int_equal(act_job(f, worker, j.id, "erase", &j), PROBLEM_NOT_FOUND);
	assert_int_equal(act_job(f, school, j.id, "cancel", &j), PROBLEM_NOT_PERMITTED);
	assert_int_equal(act_job(f, worker, j.id, "cancel", &j), 0);
	assert_string_equal(j.state, "cancelled");
	assert_false(vault_busy(f->v));
	j.id[0] ^= 1;
	assert_int_equal(get_job(f, worker, j.id, &j), PROBLEM_NOT_FOUND);
}

/* One page of jobs; returns how many, their ids in order, and the cursor. */
static unsigned list_jobs(struct fixture *f, const uint8_t token[32], unsigned limit, char cursor[WIRE_CURSOR_MAX + 1],
    uint8_t ret[][16], unsigned *ret_problem)
{
	struct wire_envelope env = envelope(f, token, "", "");
	struct wire_gov_list m = { .collection = wire_text("jobs", 4), .limit = (uint16_t)limit,
		.cursor = wire_text(cursor, strlen(cursor)) };
	struct wire_gov_objects a;
	struct wire_gov_object o;
	unsigned n = 0;

	if ((*ret_problem = one_turn(f, &env, true, run_job_list, &m)) != 0)
		return 0;
	assert_int_equal(wire_gov_objects_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	while (wire_gov_objects_next(&a.objects, &o))
		memcpy(ret[n++], o.id, 16);
	snprintf(cursor, WIRE_CURSOR_MAX + 1, "%.*s", (int)a.cursor.n, a.cursor.p);
	return n;
}

static void jobs_are_listed_newest_first_page_by_page_and_the_oldest_give_way(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], clerk[32], id[JOBS_MAX + 4][16], page[JOBS_MAX][16];
	char cursor[WIRE_CURSOR_MAX + 1] = "";
	struct job_facts j;
	unsigned problem;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	for (unsigned i = 0; i < JOBS_MAX + 4; i++) {
		assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
		memcpy(id[i], j.id, 16);
		work_on(f);
	}
	assert_int_equal(list_jobs(f, worker, 10, cursor, page, &problem), 10);
	assert_memory_equal(page[0], id[JOBS_MAX + 3], 16);
	assert_memory_equal(page[9], id[JOBS_MAX + 3 - 9], 16);
	assert_int_equal(list_jobs(f, clerk, 10, cursor, page, &problem), 0);
	assert_int_equal(problem, PROBLEM_BAD_CURSOR);
	assert_int_equal(list_jobs(f, worker, 10, cursor, page, &problem), JOBS_MAX - 10);
	assert_memory_equal(page[JOBS_MAX - 11], id[4], 16);
	assert_string_equal(cursor, "");
	strcpy(cursor, "nonsense");
	assert_int_equal(list_jobs(f, worker, 10, cursor, page, &problem), 0);
	assert_int_equal(problem, PROBLEM_BAD_CURSOR);
	assert_int_equal(get_job(f, worker, id[3], &j), PROBLEM_NOT_FOUND);
}

/* How many jobs a filter of one name leaves; a problem as its negative. */
static int narrowed(struct fixture *f, const uint8_t token[32], const char *name, const char *value)
{
	struct wire_envelope env = envelope(f, token, "", "");
	struct wire_gov_list m = { .collection = wire_text("jobs", 4), .cursor = wire_text("", 0) };
	struct wire_gov_objects a;
	struct buf b;
	unsigned problem;
	size_t at;

	buf_init(&b, 256);
	at = wire_count_begin(&b);
	wire_field_put(&b, name, strlen(name), VALUE_TEXT, value, strlen(value));
	wire_count_end(&b, at, 1);
	m.fields = fields_of(&b);
	problem = one_turn(f, &env, true, run_job_list, &m);
	buf_free(&b);
	if (problem != 0)
		return -(int)problem;
	assert_int_equal(wire_gov_objects_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	return a.objects.count;
}

static void jobs_are_narrowed_to_a_state_a_person_and_what_one_can_resume(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], clerk[32], record[16];
	struct job_facts j;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(work_create(f, worker, record, "李四", NULL, NULL), 0);
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	work_on(f);
	assert_int_equal(start_job(f, worker, "reproject", "name", &j), 0);
	work_crash(f);
	work_on(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_int_equal(narrowed(f, worker, "state", "done"), 1);
	assert_int_equal(narrowed(f, worker, "state", "needs-keys"), 1);
	assert_int_equal(narrowed(f, worker, "principal", "worker"), 2);
	assert_int_equal(narrowed(f, worker, "principal", "clerk"), 0);
	assert_int_equal(narrowed(f, worker, "waiting", "me"), 1);
	assert_int_equal(narrowed(f, clerk, "state", "needs-keys"), 1);
	assert_int_equal(narrowed(f, clerk, "waiting", "me"), 0);
	assert_int_equal(narrowed(f, worker, "record", "00"), -PROBLEM_BAD_REQUEST);
}

static void a_turn_that_fails_leaves_no_job(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16];
	struct job_facts j;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(work_create(f, worker, record, "李四", NULL, NULL), 0);
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	assert_true(vault_busy(f->v));
	vault_turn_abort(f->v, CV_ERR_FULL);
	fixture_turn_open = false;
	assert_false(vault_busy(f->v));
	assert_int_equal(get_job(f, worker, j.id, &j), PROBLEM_NOT_FOUND);
	work_crash(f);
	assert_int_equal(f->v->jobs->now.n, 0);
}

static void a_job_has_its_leaf_before_and_after(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16];
	struct job_facts j;
	unsigned jobs = 0, slices = 0;
	uint64_t from;
	struct leaf l;
	struct buf b;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(work_create(f, worker, record, "李四", NULL, NULL), 0);
	from = store_durable_leaves(f->v->store);
	assert_int_equal(start_job(f, worker, "reproject", NULL, &j), 0);
	work_on(f);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	buf_init(&b, STORE_LEAF_MAX);
	for (uint64_t i = from; i < store_durable_leaves(f->v->store); i++) {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(f->v->audit, i, &b), 0);
		assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
		jobs += l.kind == LEAF_JOB;
		slices += l.kind == LEAF_MERGE;
		assert_true(l.kind == LEAF_JOB || l.kind == LEAF_MERGE);
	}
	buf_free(&b);
	assert_int_equal(jobs, 2);
	assert_int_equal(slices, 1);
}

#define ON(test) cmocka_unit_test_setup_teardown(test, work_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(views_follow_a_new_policy),
		ON(what_shows_the_same_is_not_rewritten),
		ON(a_view_that_the_policy_took_away_goes_and_one_that_it_gives_comes),
		ON(head_follows_a_field_that_a_new_policy_names),
		ON(head_learns_of_doubts_by_a_new_policy),
		ON(drops_are_folded_in_and_their_wraps_go),
		ON(a_record_that_does_not_open_is_counted_and_passed_over),
		ON(a_policy_that_takes_the_right_to_write_ends_what_is_computed),
		ON(a_job_without_its_session_waits_for_one_that_holds_the_classes),
		ON(a_job_of_a_suspended_member_waits_for_keys),
		ON(a_job_goes_on_where_it_stood_after_a_crash),
		ON(predicates_are_computed_and_again_once_an_input_changed),
		ON(predicates_among_their_inputs_are_not_stale_at_once),
		ON(a_job_that_cannot_be_is_refused),
		ON(jobs_are_listed_newest_first_page_by_page_and_the_oldest_give_way),
		ON(jobs_are_narrowed_to_a_state_a_person_and_what_one_can_resume),
		ON(a_turn_that_fails_leaves_no_job),
		ON(a_job_has_its_leaf_before_and_after),
	};

	return cmocka_run_group_tests_name("vault jobs", tests, NULL, NULL);
}

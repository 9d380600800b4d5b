/* Records over rekeys: what was there still reads, what is written since is under keys that no older epoch opens. */
#include "test_vault_rekey.h"

#include "format/directory.h"
#include "format/wraps.h"
#include "vault/jobs_internal.h"

static int epochs_setup(void **state)
{
	fixture_custodians = true;
	return gov_setup(state);
}

#define KEY(class) ((uint32_t)(class) << 16)

/* ---- what is stored --------------------------------------------------------------------------------------------- */

static struct record loaded(struct fixture *f, const uint8_t record[16])
{
	struct record rec;

	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	return rec;
}

static struct head_class class_of(struct fixture *f, const uint8_t record[16], uint16_t class)
{
	struct record rec = loaded(f, record);
	const struct head_class *hc = head_class_find(&rec.head, KEY(class));

	assert_non_null(hc);
	return *hc;
}

/* The class's row is of this version, under a data key of this generation, and nothing waits to be folded in. */
static void assert_row(struct fixture *f, const uint8_t record[16], uint16_t class, uint32_t version, uint32_t generation)
{
	struct head_class hc = class_of(f, record, class);

	assert_int_equal(hc.drops, 0);
	assert_int_equal(hc.row_version, version);
	assert_int_equal(hc.class_version, version);
	assert_int_equal(hc.generation, generation);
}

/* The entry for a generation of the class's data key, or for one of its drops. */
static void assert_wrap(struct fixture *f, const uint8_t record[16], uint16_t class, uint32_t generation, uint32_t drop, uint8_t type,
    uint32_t birth, uint32_t wrapping)
{
	struct record rec = loaded(f, record);
	struct wrap w;

	assert_int_equal(wraps_find(rec.keys_row, rec.keys_row_n, KEY(class), generation, drop, &w), 0);
	assert_int_equal(w.type, type);
	assert_int_equal(w.birth_epoch, birth);
	assert_int_equal(w.wrapping_epoch, wrapping);
}

static unsigned groups(struct fixture *f, const uint8_t record[16])
{
	return loaded(f, record).keys_row[2];	/* a varint, of one byte below 128 */
}

/* ---- clients ---------------------------------------------------------------------------------------------------- */

static void child(struct fixture *f, const uint8_t token[32], const char *note, uint8_t ret[16], uint8_t ret_etag[16])
{
	assert_int_equal(create(f, token, "intake", "", ret, ret_etag, "name", "张小明", "place", EAST, "city", "某市", "note", note,
	    NULL), 0);
}

static void assert_note(struct fixture *f, const uint8_t token[32], const uint8_t record[16], const char *note)
{
	char text[256];

	assert_int_equal(read_field(f, token, "intake", record, "note", false, text), 0);
	assert_string_equal(text, note);
}

/* The note's versions, newest first, one character each. */
static void assert_history(struct fixture *f, const uint8_t token[32], const uint8_t record[16], const char *want)
{
	struct wire_envelope env = envelope(f, token, "intake", "");
	struct wire_history m = { .record = record };
	struct wire_history_answer a;
	struct wire_version version;
	struct wire_field w;
	char got[256] = "";
	struct buf b;
	struct rd rd;
	size_t at;

	buf_init(&b, 4096);
	at = wire_count_begin(&b);
	wire_text8_put(&b, "note", 4);
	wire_count_end(&b, at, 1);
	rd = rd_over(b.p, b.n);
	assert_int_equal(wire_names_get(&rd, &m.names), 0);
	assert_int_equal(one_turn(f, &env, true, run_history, &m), 0);
	assert_int_equal(wire_history_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	while (wire_versions_next(&a.versions, &version)) {
		assert_true(wire_fields_next(&version.fields, &w));
		strncat(got, (const char *)w.value.p, w.value.n);
	}
	assert_string_equal(got, want);
	buf_free(&b);
}

/* A rekey that the sessions of before do not hear of: what they hold is what somebody who was left out may have kept. */
static void rekey_unheard(struct fixture *f)
{
	rekey_everybody(f);
	f->v->epochs_changed = false;
}

/* ---- generations ------------------------------------------------------------------------------------------------ */

static void what_is_written_after_a_rekey_is_of_the_next_generation(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	child(f, worker, "1", record, etag);
	assert_int_equal(patch(f, worker, "intake", record, etag, etag, "note", "2", NULL), 0);
	assert_row(f, record, CLASS_HEALTH, 2, 1);
	assert_int_equal(groups(f, record), 1);
	rekey_everybody(f);
	assert_int_equal(patch(f, worker, "intake", record, etag, etag, "note", "3", NULL), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	/* Reading changes nothing. */
	assert_note(f, worker, record, "2");
	assert_row(f, record, CLASS_HEALTH, 2, 1);
	assert_wrap(f, record, CLASS_HEALTH, 1, 0, WRAP_TYPE_DERIVED, 1, 1);
	/* The version that was named before the rekey is the record's still. */
	assert_int_equal(patch(f, worker, "intake", record, etag, etag, "note", "3", NULL), 0);
	assert_row(f, record, CLASS_HEALTH, 3, 2);
	assert_wrap(f, record, CLASS_HEALTH, 2, 0, WRAP_TYPE_DERIVED, 2, 2);
	assert_wrap(f, record, CLASS_HEALTH, 1, 0, WRAP_TYPE_DERIVED, 1, 1);
	assert_row(f, record, CLASS_ID, 1, 1);
	assert_int_equal(groups(f, record), 2);
	/* Once is enough for an epoch. */
	assert_int_equal(patch(f, worker, "intake", record, etag, etag, "note", "4", NULL), 0);
	assert_row(f, record, CLASS_HEALTH, 4, 2);
	assert_int_equal(groups(f, record), 2);
	rekey_everybody(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(patch(f, worker, "intake", record, etag, etag, "note", "5", "name", "何一一", NULL), 0);
	assert_row(f, record, CLASS_HEALTH, 5, 3);
	assert_wrap(f, record, CLASS_HEALTH, 3, 0, WRAP_TYPE_DERIVED, 3, 3);
	assert_row(f, record, CLASS_ID, 2, 2);
	assert_wrap(f, record, CLASS_ID, 2, 0, WRAP_TYPE_DERIVED, 3, 3);
	assert_row(f, record, CLASS_ID_MASKED, 2, 2);
	assert_int_equal(groups(f, record), 3);	/* all of one change in one group */
	assert_note(f, worker, record, "5");
	assert_history(f, worker, record, "54321");
	restart(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_note(f, worker, record, "5");
	assert_history(f, worker, record, "54321");
}

static void what_is_new_after_a_rekey_begins_with_generation_one(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16];

	rekey_everybody(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "intake", "", record, etag, "name", "张小明", "place", EAST, NULL), 0);
	assert_row(f, record, CLASS_ID, 1, 1);
	assert_wrap(f, record, CLASS_ID, 1, 0, WRAP_TYPE_DERIVED, 2, 2);
	rekey_everybody(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	/* A class's first row and another's next one: one group. */
	assert_int_equal(patch(f, worker, "intake", record, etag, etag, "note", "1", "place", WEST, NULL), 0);
	assert_row(f, record, CLASS_HEALTH, 1, 1);
	assert_wrap(f, record, CLASS_HEALTH, 1, 0, WRAP_TYPE_DERIVED, 3, 3);
	assert_row(f, record, CLASS_ID, 2, 2);
	assert_int_equal(groups(f, record), 2);
	assert_note(f, worker, record, "1");
}

static void a_view_that_stays_is_made_anew_without_a_version(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16];
	struct head_class before, after;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	child(f, worker, "1", record, etag);
	rekey_everybody(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	before = class_of(f, record, CLASS_ID_MASKED);
	assert_int_equal(patch(f, worker, "intake", record, etag, etag, "name", "张小明", NULL), 0);
	after = class_of(f, record, CLASS_ID_MASKED);
	assert_row(f, record, CLASS_ID, 2, 2);
	assert_row(f, record, CLASS_ID_MASKED, 1, 2);
	assert_memory_not_equal(after.nonce, before.nonce, ROW_NONCE);
	assert_wrap(f, record, CLASS_ID_MASKED, 2, 0, WRAP_TYPE_DERIVED, 2, 2);
}

/* ---- what is handed in ------------------------------------------------------------------------------------------ */

/* What is looked for in a record's changes. */
struct wanted_row {
	uint16_t class;
	uint32_t version;
	uint8_t what;
	unsigned n;
	uint32_t generation;
};

static int find_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct wanted_row *w = cookie;
	struct hist_walk walk;
	struct hist_row x;

	(void)key;
	(void)key_n;
	assert_int_equal(hist_open(val, val_n, &walk), 0);
	while (hist_next(&walk, &x) == 1)
		if (x.class_key == KEY(w->class) && x.version == w->version && x.what == w->what) {
			w->n++;
			w->generation = x.generation;
		}
	return 0;
}

/* The generation of a row (what 1) or folded drop (2) of some change; 0: no change wrote one. */
static uint32_t hist_generation(struct fixture *f, const uint8_t record[16], uint16_t class, uint32_t version, uint8_t what)
{
	struct wanted_row w = { .class = class, .version = version, .what = what };
	uint8_t prefix[6];

	be48_put(prefix, loaded(f, record).serial);
	assert_int_equal(store_scan(f->v->store, STORE_HIST, prefix, 6, NULL, 0, false, 0, find_row, &w), 0);
	assert_true(w.n <= 1);
	return w.generation;
}

static void drops_go_to_the_newest_epoch_and_merge_into_the_next_generation(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], intake[32], record[16], etag[16], none[16];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_INTAKE, intake), 0);
	child(f, worker, "1", record, etag);
	assert_int_equal(patch(f, intake, "intake", record, NULL, none, "note", "2", NULL), 0);
	assert_wrap(f, record, CLASS_HEALTH, 0, 2, WRAP_TYPE_PUBLIC, 1, 1);
	rekey_everybody(f);
	/* Who holds no class and no role that was rekeyed has not been logged out. */
	assert_int_equal(patch(f, intake, "intake", record, NULL, none, "note", "3", NULL), 0);
	assert_wrap(f, record, CLASS_HEALTH, 0, 3, WRAP_TYPE_PUBLIC, 2, 2);
	assert_int_equal(class_of(f, record, CLASS_HEALTH).generation, 1);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_note(f, worker, record, "3");
	assert_row(f, record, CLASS_HEALTH, 3, 2);
	assert_wrap(f, record, CLASS_HEALTH, 2, 0, WRAP_TYPE_DERIVED, 2, 2);
	assert_int_equal(groups(f, record), 2);
	assert_int_equal(hist_generation(f, record, CLASS_HEALTH, 1, 1), 0);	/* the creation's stays where it is */
	assert_int_equal(hist_generation(f, record, CLASS_HEALTH, 3, 1), 2);
	assert_int_equal(hist_generation(f, record, CLASS_HEALTH, 2, 2), 2);
	assert_int_equal(hist_generation(f, record, CLASS_HEALTH, 3, 2), 2);
	assert_note(f, worker, record, "3");
	assert_history(f, worker, record, "3321");
	restart(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_history(f, worker, record, "3321");
}

static void a_merge_brings_public_wraps_of_any_epoch_under_the_newest(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], intake[32], record[16], etag[16];

	assert_int_equal(login(f, P_INTAKE, intake), 0);
	child(f, intake, "1", record, etag);
	assert_wrap(f, record, CLASS_HEALTH, 1, 0, WRAP_TYPE_PUBLIC, 1, 1);
	rekey_everybody(f);
	rekey_everybody(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_note(f, worker, record, "1");
	/* The row is not rewritten, so its data key stays, and with it generation and birth epoch. */
	assert_row(f, record, CLASS_HEALTH, 1, 1);
	assert_wrap(f, record, CLASS_HEALTH, 1, 0, WRAP_TYPE_CLASS, 1, 3);
	assert_wrap(f, record, CLASS_ID, 1, 0, WRAP_TYPE_CLASS, 1, 3);
	assert_int_equal(groups(f, record), 1);
	assert_note(f, worker, record, "1");
}

/* ---- grants and jobs -------------------------------------------------------------------------------------------- */

static void a_grant_outlives_the_rekey_and_dies_with_the_next_write(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], etag[16], id[16];
	struct cast who;
	char text[256], shown[128];

	cast(f, &who);
	child(f, who.worker, "1", record, etag);
	assert_int_equal(ask_grant(f, who.school, record, "note", 0, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(read_field(f, who.school, "visit", record, "note", true, text), 0);
	rekey_everybody(f);
	assert_int_equal(read_field(f, who.school, "visit", record, "note", true, text), 0);
	assert_string_equal(text, "1");
	assert_int_equal(login(f, P_WORKER, who.worker), 0);
	assert_int_equal(patch(f, who.worker, "intake", record, etag, etag, "note", "2", NULL), 0);
	assert_int_equal(read_field(f, who.school, "visit", record, "note", true, text), PROBLEM_APPROVAL_REQUIRED);
	assert_reason(f, DECIDE_GENERATION_GONE);
	assert_int_equal(gov_show(f, who.school, "grants", id, "state", shown), 0);
	assert_string_equal(shown, "dead");
	/* Another one opens what is written now. */
	assert_int_equal(login(f, P_MANAGER, who.manager), 0);
	assert_int_equal(ask_grant(f, who.school, record, "note", 0, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(read_field(f, who.school, "visit", record, "note", true, text), 0);
	assert_string_equal(text, "2");
}

/* The view of the name computed anew, as if another policy were in force. */
static void a_job_rewrites_under_the_next_generation(void **state)
{
	struct fixture *f = *state;
	struct vault *v = f->v;
	struct vault_call call = { .now_ms = clock_wall_ms() };
	static struct job job;
	uint8_t worker[32], record[16], etag[16];
	uint64_t skipped = 0;
	bool changed = false;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	child(f, worker, "1", record, etag);
	rekey_everybody(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	call.session = session_find(v->keys, worker, 1000, clock_wall_ms(), clock_mono_ms());
	job = (struct job){ .kind = JOB_REPROJECT, .fields = 1, .field = { FIELD_NAME } };
	((struct policy_field *)(uintptr_t)policy_field_by_id(v->policy, FIELD_NAME))->view[0].op = VIEW_M1O_CALL_NAME;
	assert_int_equal(vault_turn_begin(v), 0);
	v->call_saved.valid = false;
	assert_int_equal(reproject_record(v, &call, &job, loaded(f, record).serial, &changed, &skipped), 0);
	assert_true(changed && skipped == 0);
	assert_int_equal(vault_system_leaf(v, LEAF_MERGE, (const uint8_t *)"\3\0\0\0", 5, true, call.now_ms), 0);
	store_commit(v->store);
	assert_int_equal(vault_turn_end(v), 0);
	assert_row(f, record, CLASS_ID_MASKED, 2, 2);
	assert_wrap(f, record, CLASS_ID_MASKED, 2, 0, WRAP_TYPE_DERIVED, 2, 2);
	assert_row(f, record, CLASS_ID, 1, 1);
	assert_int_equal(hist_generation(f, record, CLASS_ID_MASKED, 2, 1), 2);
	restart(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(patch(f, worker, "intake", record, etag, etag, "name", "何一一", NULL), PROBLEM_PRECONDITION_FAILED);
	assert_note(f, worker, record, "1");
}

/* ---- who has the old keys alone --------------------------------------------------------------------------------- */

/* What a data key opens of a record's class, current and replaced, wherever it might say that it belongs. */
struct trial {
	struct fixture *f;
	struct record rec;
	uint16_t class;
	const struct datakey *dk;
	unsigned rows, opened;
};

/* nonce: N of a row, NULL for a drop. */
static bool opens(struct trial *x, uint64_t version, const uint8_t *nonce, const uint8_t *p, size_t n)
{
	for (uint32_t generation = 0; generation < 4; generation++)
		for (uint32_t birth = 1; birth < 4; birth++) {
			struct row_place at = { .record = x->rec.head.record, .class_key = KEY(x->class), .birth_epoch = birth,
				.generation = generation, .version = version, .shred_slot = x->rec.head.shred_slot,
				.drop = nonce == NULL, .nonce = nonce };
			static struct row_view view;

			if (record_row_open(x->f->v->keys, x->dk, &at, p, n, &view) == 0) {
				record_row_clear(&view);
				return true;
			}
		}
	return false;
}

/* Rows of REC: drops, and what the creation wrote. */
static int try_first(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct trial *x = cookie;

	if ((key[6] != REC_ROW && key[6] != REC_DROP) || be32_get(key + 7) != KEY(x->class))
		return 0;
	x->rows++;
	x->opened += opens(x, key_n == 19 ? be64_get(key + 11) : 1, key_n == 19 ? NULL : x->rec.head.nonce, val, val_n);
	return 0;
}

static int try_change(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct trial *x = cookie;
	struct hist_walk walk;
	struct hist_row row;

	(void)key;
	(void)key_n;
	assert_int_equal(hist_open(val, val_n, &walk), 0);
	while (hist_next(&walk, &row) == 1)
		if (row.class_key == KEY(x->class)) {
			x->rows++;
			x->opened += opens(x, row.version, row.what == HIST_DROP ? NULL : walk.nonce, row.p, row.n);
		}
	return 0;
}

static void assert_opens(struct fixture *f, const uint8_t record[16], uint16_t class, const struct datakey *dk, unsigned opened,
    unsigned rows)
{
	struct trial x = { .f = f, .rec = loaded(f, record), .class = class, .dk = dk };
	uint8_t prefix[6];

	be48_put(prefix, x.rec.serial);
	assert_int_equal(store_scan(f->v->store, STORE_REC, prefix, 6, NULL, 0, false, 0, try_first, &x), 0);
	assert_int_equal(store_scan(f->v->store, STORE_HIST, prefix, 6, NULL, 0, false, 0, try_change, &x), 0);
	assert_int_equal(x.rows, rows);
	assert_int_equal(x.opened, opened);
}

/* The data key of the class's present generation, with what the session of that token holds. */
static int key_of(struct fixture *f, const uint8_t token[32], const uint8_t record[16], uint16_t class, struct datakey *ret)
{
	struct session *s = session_find(f->v->keys, token, 1000, clock_wall_ms(), clock_mono_ms());
	struct record rec = loaded(f, record);
	struct wrap w;

	assert_non_null(s);
	assert_int_equal(wraps_find(rec.keys_row, rec.keys_row_n, KEY(class), class_of(f, record, class).generation, 0, &w), 0);
	return record_unwrap(f->v->keys, s, record, &w, ret);
}

static void old_keys_open_nothing_that_was_written_since(void **state)
{
	struct fixture *f = *state;
	uint8_t old[32], worker[32], intake[32], record[16], etag[16], none[16];
	struct datakey first, next;

	assert_int_equal(login(f, P_WORKER, old), 0);
	assert_int_equal(login(f, P_INTAKE, intake), 0);
	child(f, old, "1", record, etag);
	assert_int_equal(key_of(f, old, record, CLASS_HEALTH, &first), 0);
	assert_opens(f, record, CLASS_HEALTH, &first, 1, 1);
	rekey_unheard(f);
	assert_int_equal(patch(f, intake, "intake", record, NULL, none, "note", "2", NULL), 0);
	assert_opens(f, record, CLASS_HEALTH, &first, 1, 2);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	/* The merge rewrites the row and seals the drop anew: neither is under what the old epoch opened. */
	assert_note(f, worker, record, "2");
	assert_row(f, record, CLASS_HEALTH, 2, 2);
	assert_opens(f, record, CLASS_HEALTH, &first, 1, 3);
	assert_int_equal(key_of(f, old, record, CLASS_HEALTH, &next), CV_ERR_NOKEY);
	assert_int_equal(key_of(f, worker, record, CLASS_HEALTH, &next), 0);
	assert_opens(f, record, CLASS_HEALTH, &next, 2, 3);
	/* Nor is what is written on. */
	assert_int_equal(patch(f, intake, "intake", record, NULL, none, "note", "3", NULL), 0);
	assert_note(f, worker, record, "3");
	assert_opens(f, record, CLASS_HEALTH, &first, 1, 5);
	assert_opens(f, record, CLASS_HEALTH, &next, 4, 5);
	assert_history(f, worker, record, "33221");
}

static void a_session_of_before_reads_nothing_that_was_written_since(void **state)
{
	struct fixture *f = *state;
	uint8_t old[32], worker[32], intake[32], still[16], dropped[16], changed[16], made[16], etag[16], still_etag[16], none[16];
	char text[256];

	assert_int_equal(login(f, P_WORKER, old), 0);
	assert_int_equal(login(f, P_INTAKE, intake), 0);
	child(f, old, "1", still, still_etag);
	child(f, old, "1", dropped, etag);
	child(f, old, "1", changed, etag);
	rekey_unheard(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(patch(f, intake, "intake", dropped, NULL, none, "note", "2", NULL), 0);
	assert_int_equal(patch(f, worker, "intake", changed, etag, etag, "note", "2", NULL), 0);
	child(f, worker, "1", made, etag);
	assert_note(f, old, still, "1");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_not_equal(read_field(f, old, "intake", i == 0 ? dropped : i == 1 ? changed : made, "note", false, text), 0);
		assert_reason(f, DECIDE_NO_KEY);
	}
	assert_note(f, worker, dropped, "2");
	assert_note(f, worker, changed, "2");
	assert_note(f, worker, made, "1");
	/* The turn that hears of the rekey ends it. */
	f->v->epochs_changed = true;
	assert_int_equal(read_field(f, old, "intake", still, "note", false, text), PROBLEM_UNAUTHENTICATED);
	assert_note(f, worker, still, "1");
}

/* The class row of an epoch as somebody changed it in the store, with a link that opens nothing. */
static void break_link(struct fixture *f, uint16_t class, uint32_t epoch)
{
	const struct dir_key at = { .type = DIR_CLASS, .class_key = KEY(class), .epoch = epoch };
	uint8_t key[DIR_KEY_MAX], copy[1024];
	size_t key_n = dir_key_encode(&at, key), n;
	struct store_value val;

	assert_int_equal(vault_turn_begin(f->v), 0);
	assert_int_equal(store_get(f->v->store, STORE_DIR, key, key_n, &val), 0);
	assert_in_range(val.n, 1, sizeof(copy));
	memcpy(copy, val.p, n = val.n);
	copy[n - 1] ^= 1;
	assert_int_equal(store_put(f->v->store, STORE_DIR, key, key_n, copy, n), 0);
	store_commit(f->v->store);
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(directory_load(f->v->keys, f->v->store, f->v->admin, f->v->admins), 0);
}

static void behind_a_link_that_does_not_open_nothing_reads_and_the_rest_does(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], intake[32], record[16], made[16], etag[16];
	char text[256];
	uint64_t leaves;

	assert_int_equal(login(f, P_INTAKE, intake), 0);
	child(f, intake, "1", record, etag);
	rekey_everybody(f);
	break_link(f, CLASS_HEALTH, 2);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	child(f, worker, "2", made, etag);
	assert_note(f, worker, made, "2");
	assert_int_equal(read_field(f, worker, "intake", record, "name", true, text), 0);
	assert_string_equal(text, "张小明");
	assert_int_equal(read_field(f, worker, "intake", record, "note", false, text), PROBLEM_INTEGRITY);
	/* The other classes' public wraps were turned once, and this one's are not tried at each reading. */
	assert_wrap(f, record, CLASS_HEALTH, 1, 0, WRAP_TYPE_PUBLIC, 1, 1);
	assert_wrap(f, record, CLASS_ID, 1, 0, WRAP_TYPE_CLASS, 1, 2);
	leaves = store_durable_leaves(f->v->store);
	assert_int_equal(read_field(f, worker, "intake", record, "name", true, text), 0);
	assert_int_equal(store_durable_leaves(f->v->store), leaves + 1);
}

static void an_old_wrap_for_what_is_new_is_found(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16], key[REC_KEY_MAX], copy[4096];
	struct store_value val;
	struct record rec;
	size_t key_n, n;
	char text[256];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	child(f, worker, "1", record, etag);
	rec = loaded(f, record);
	key_n = rec_key(rec.serial, REC_KEYS, 0, 0, key);
	assert_int_equal(store_get(f->v->store, STORE_REC, key, key_n, &val), 0);
	assert_true(val.n <= sizeof(copy));
	memcpy(copy, val.p, n = val.n);
	rekey_everybody(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(patch(f, worker, "intake", record, etag, etag, "note", "2", NULL), 0);
	/* The keys row of before, put back: the row is of a generation that it has not. */
	assert_int_equal(vault_turn_begin(f->v), 0);
	assert_int_equal(store_put(f->v->store, STORE_REC, key, key_n, copy, n), 0);
	store_commit(f->v->store);
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(read_field(f, worker, "intake", record, "note", false, text), PROBLEM_INTEGRITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_after_a_rekey_is_of_the_next_generation, epochs_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_new_after_a_rekey_begins_with_generation_one, epochs_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_view_that_stays_is_made_anew_without_a_version, epochs_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(drops_go_to_the_newest_epoch_and_merge_into_the_next_generation, epochs_setup,
		    fixture_teardown),
		cmocka_unit_test_setup_teardown(a_merge_brings_public_wraps_of_any_epoch_under_the_newest, epochs_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_grant_outlives_the_rekey_and_dies_with_the_next_write, epochs_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_job_rewrites_under_the_next_generation, epochs_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(old_keys_open_nothing_that_was_written_since, epochs_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_session_of_before_reads_nothing_that_was_written_since, epochs_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(behind_a_link_that_does_not_open_nothing_reads_and_the_rest_does, epochs_setup,
		    fixture_teardown),
		cmocka_unit_test_setup_teardown(an_old_wrap_for_what_is_new_is_found, epochs_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("vault: records over rekeys", tests, NULL, NULL);
}

/* Operations of the vault on a real store, keys and log. */
#include "test_vault.h"

#include "base/clock.h"

struct tokens {
	uint8_t worker[32], clerk[32], intake[32], school[32];
};

static void log_all_in(struct fixture *f, struct tokens *t)
{
	assert_int_equal(login(f, P_WORKER, t->worker), 0);
	assert_int_equal(login(f, P_CLERK, t->clerk), 0);
	assert_int_equal(login(f, P_INTAKE, t->intake), 0);
	assert_int_equal(login(f, P_SCHOOL, t->school), 0);
}

static void a_worker_reads_back_masked_and_clear(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t record[16], etag[16];
	char text[256];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.worker, "visit", "", record, etag, "name", "张小明", "city", "某市", "note", "过敏", NULL), 0);
	assert_int_equal(read_field(f, t.worker, "visit", record, "name", false, text), 0);
	assert_string_equal(text, "~张**");
	assert_int_equal(read_field(f, t.worker, "visit", record, "name", true, text), 0);
	assert_string_equal(text, "张小明");
	assert_int_equal(read_field(f, t.worker, "visit", record, "note", false, text), 0);
	assert_string_equal(text, "过敏");
	assert_int_equal(read_field(f, t.clerk, "visit", record, "name", false, text), 0);
	assert_string_equal(text, "~张**");
}

static void roles_are_refused_what_is_not_theirs(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t record[16], etag[16], other[32] = { 1 };
	char text[256];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.worker, "visit", "", record, etag, "name", "李四", "note", "无", NULL), 0);
	assert_int_equal(read_field(f, t.clerk, "visit", record, "name", true, text), PROBLEM_NOT_PERMITTED);
	assert_int_equal(read_field(f, t.clerk, "visit", record, "note", false, text), PROBLEM_NOT_PERMITTED);
	assert_int_equal(read_field(f, t.school, "visit", record, "name", false, text), PROBLEM_NOT_PERMITTED);
	assert_int_equal(read_field(f, t.school, "intake", record, "note", false, text), PROBLEM_NOT_PERMITTED);
	assert_int_equal(read_field(f, t.intake, "intake", record, "name", false, text), PROBLEM_NOT_PERMITTED);
	assert_int_equal(read_field(f, t.worker, "", record, "name", false, text), PROBLEM_PURPOSE_REQUIRED);
	assert_int_equal(read_field(f, t.worker, "nonsense", record, "name", false, text), PROBLEM_NOT_PERMITTED);
	assert_int_equal(read_field(f, t.worker, "judicial", record, "name", false, text), PROBLEM_PURPOSE_REQUIRED);
	assert_int_equal(read_field(f, other, "visit", record, "name", false, text), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(read_field(f, t.worker, "visit", record, "nofield", false, text), PROBLEM_UNKNOWN_FIELD);
	record[0] ^= 1;
	assert_int_equal(read_field(f, t.worker, "visit", record, "name", false, text), PROBLEM_NOT_FOUND);
}

static void a_patch_needs_the_current_version(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t record[16], etag[16], newer[16];
	char text[256];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.worker, "visit", "", record, etag, "name", "王五", "city", "甲", NULL), 0);
	assert_int_equal(patch(f, t.worker, "visit", record, NULL, newer, "city", "乙", NULL), PROBLEM_PRECONDITION_REQUIRED);
	assert_int_equal(patch(f, t.worker, "visit", record, etag, newer, "city", "乙", NULL), 0);
	assert_memory_not_equal(etag, newer, 16);
	assert_int_equal(patch(f, t.worker, "visit", record, etag, newer, "city", "丙", NULL), PROBLEM_PRECONDITION_FAILED);
	assert_int_equal(read_field(f, t.worker, "visit", record, "city", true, text), 0);
	assert_string_equal(text, "乙");
	assert_int_equal(patch(f, t.worker, "visit", record, newer, etag, "name", "赵六子", "city", NULL, NULL), 0);
	assert_int_equal(read_field(f, t.worker, "visit", record, "city", false, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(read_field(f, t.clerk, "visit", record, "name", false, text), 0);
	assert_string_equal(text, "~赵**");
}

static void a_view_is_rewritten_only_if_its_projection_changed(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t record[16], etag[16], newer[16];
	struct record rec;
	uint32_t before;

	log_all_in(f, &t);
	assert_int_equal(create(f, t.worker, "visit", "", record, etag, "name", "张三", NULL), 0);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	before = head_class_find(&rec.head, CLASS_ID_MASKED << 16)->class_version;
	assert_int_equal(patch(f, t.worker, "visit", record, etag, newer, "name", "张四四", NULL), 0);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(head_class_find(&rec.head, CLASS_ID_MASKED << 16)->class_version, before);
	assert_int_equal(patch(f, t.worker, "visit", record, newer, etag, "name", "李四", NULL), 0);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(head_class_find(&rec.head, CLASS_ID_MASKED << 16)->class_version, before + 1);
}

static void a_write_only_app_creates_drops_and_cannot_read(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t record[16], etag[16];
	struct record rec;
	char text[256];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.intake, "intake", "", record, etag, "name", "孙七", "note", "旧", NULL), 0);
	assert_int_equal(read_field(f, t.intake, "intake", record, "note", false, text), PROBLEM_NOT_PERMITTED);
	assert_int_equal(patch(f, t.intake, "intake", record, etag, etag, "note", "新", NULL), PROBLEM_BAD_REQUEST);
	assert_int_equal(patch(f, t.intake, "intake", record, NULL, etag, "note", "新", NULL), 0);
	assert_int_equal(patch(f, t.intake, "intake", record, NULL, etag, "name", "周八九", "city", "某市", NULL), 0);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(head_class_find(&rec.head, CLASS_HEALTH << 16)->drops, 1);
	/* The first reader sees drops folded in; its touch merges them. */
	assert_int_equal(read_field(f, t.worker, "visit", record, "note", false, text), 0);
	assert_string_equal(text, "新");
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(head_class_find(&rec.head, CLASS_HEALTH << 16)->drops, 0);
	assert_int_equal(head_class_find(&rec.head, CLASS_HEALTH << 16)->class_version, 2);
	assert_int_equal(head_class_find(&rec.head, CLASS_ID << 16)->drops, 0);
	assert_int_equal(read_field(f, t.worker, "visit", record, "name", true, text), 0);
	assert_string_equal(text, "周八九");
	assert_int_equal(read_field(f, t.worker, "visit", record, "name", false, text), 0);
	assert_string_equal(text, "~周**");
	assert_int_equal(read_field(f, t.worker, "visit", record, "city", true, text), 0);
	assert_string_equal(text, "某市");
}

static int count_type3(void *cookie, const struct wrap *w)
{
	*(unsigned *)cookie += w->type == WRAP_TYPE_PUBLIC;
	return 0;
}

static void merging_moves_no_version_and_leaves_no_public_wrap(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t record[16], etag[16], before[16], after[16];
	struct record rec;
	unsigned public = 0;
	char text[256];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.intake, "intake", "", record, etag, "name", "吴十", "note", "甲", NULL), 0);
	assert_int_equal(patch(f, t.intake, "intake", record, NULL, etag, "note", "乙", NULL), 0);
	assert_int_equal(read_field(f, t.worker, "visit", record, "note", false, text), 0);
	memcpy(before, f->out.p + 10 + 16, 16);
	assert_int_equal(read_field(f, t.worker, "visit", record, "note", false, text), 0);
	memcpy(after, f->out.p + 10 + 16, 16);
	assert_memory_equal(before, after, 16);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(wraps_each(rec.keys_row, rec.keys_row_n, count_type3, &public), 0);
	assert_int_equal(public, 0);
	assert_int_equal(patch(f, t.worker, "visit", record, after, etag, "note", "丙", NULL), 0);
	assert_int_equal(read_field(f, t.worker, "visit", record, "note", false, text), 0);
	assert_string_equal(text, "丙");
}

static void sixty_five_drops_ask_for_a_merge(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t record[16], etag[16];
	char text[256];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.intake, "intake", "", record, etag, "note", "0", NULL), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(patch(f, t.intake, "intake", record, NULL, etag, "note", "1", NULL), 0);
	assert_int_equal(patch(f, t.intake, "intake", record, NULL, etag, "note", "2", NULL), PROBLEM_NEEDS_MERGE);
	assert_int_equal(read_field(f, t.worker, "visit", record, "note", false, text), 0);
	assert_string_equal(text, "1");
	assert_int_equal(patch(f, t.intake, "intake", record, NULL, etag, "note", "3", NULL), 0);
	assert_int_equal(read_field(f, t.worker, "visit", record, "note", false, text), 0);
	assert_string_equal(text, "3");
}

static int count_wraps(void *cookie, const struct wrap *w)
{
	(void)w;
	(*(unsigned *)cookie)++;
	return 0;
}

/* History of field note below version before: versions found, and the text of each in ret, newest first. */
static unsigned note_history(struct fixture *f, const uint8_t token[32], const uint8_t record[16], uint64_t before, unsigned limit,
    char ret[][8], bool *ret_more)
{
	struct wire_envelope env = envelope(f, token, "visit", "");
	struct wire_history m = { .record = record, .limit = (uint16_t)limit, .before = before };
	struct wire_history_answer a;
	struct wire_version version;
	struct wire_field w;
	struct buf b;
	struct rd rd;
	size_t at;
	unsigned n = 0;

	buf_init(&b, 4096);
	at = wire_count_begin(&b);
	wire_text8_put(&b, "note", 4);
	wire_count_end(&b, at, 1);
	rd = rd_over(b.p, b.n);
	assert_int_equal(wire_names_get(&rd, &m.names), 0);
	assert_int_equal(one_turn(f, &env, true, run_history, &m), 0);
	assert_int_equal(wire_history_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	*ret_more = a.more;
	while (wire_versions_next(&a.versions, &version)) {
		assert_true(wire_fields_next(&version.fields, &w));
		snprintf(ret[n++], 8, "%.*s", (int)w.value.n, (const char *)w.value.p);
	}
	buf_free(&b);
	return n;
}

static void folded_drops_keep_their_history_but_not_their_wraps(void **state)
{
	struct fixture *f = *state;
	static char texts[400][8];
	struct tokens t;
	uint8_t record[16], etag[16];
	struct record rec;
	unsigned wraps = 0, n;
	bool more;
	char text[256];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.intake, "intake", "", record, etag, "note", "0", "name", "何一", NULL), 0);
	for (unsigned i = 1; i <= 120; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(patch(f, t.intake, "intake", record, NULL, etag, "note", text, NULL), 0);
		if (i % 40 == 0)
			assert_int_equal(read_field(f, t.worker, "visit", record, "note", false, text), 0);
	}
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(wraps_each(rec.keys_row, rec.keys_row_n, count_wraps, &wraps), 0);
	assert_int_equal(wraps, rec.head.classes);
	/* Three merges left the rows they replaced, and all drops, in their order. */
	n = note_history(f, t.worker, record, 0, 1000, texts, &more);
	assert_int_equal(n, 1 + 3 + 120);
	assert_false(more);
	assert_string_equal(texts[0], "120");
	assert_string_equal(texts[1], "120");
	assert_string_equal(texts[2], "119");
	assert_string_equal(texts[n - 1], "0");
	assert_string_equal(texts[n - 2], "1");
	/* A page of it says that there is more; the next one begins below the last version seen. */
	assert_int_equal(note_history(f, t.worker, record, 0, 7, texts, &more), 7);
	assert_true(more);
	assert_int_equal(note_history(f, t.worker, record, 11, 7, texts, &more), 7);
	assert_true(more);
	assert_string_equal(texts[0], "9");
	assert_int_equal(note_history(f, t.worker, record, 4, 7, texts, &more), 3);
	assert_false(more);
	assert_string_equal(texts[2], "0");
}

static void an_idempotency_key_makes_one_record(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t a[16], b[16], etag[16], etag_b[16];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.intake, "intake", "key-1", a, etag, "name", "郑一", NULL), 0);
	assert_int_equal(create(f, t.intake, "intake", "key-1", b, etag_b, "name", "郑一", NULL), 0);
	assert_memory_equal(a, b, 16);
	assert_memory_equal(etag, etag_b, 16);
	assert_int_equal(create(f, t.intake, "intake", "key-1", b, etag_b, "name", "郑二", NULL), PROBLEM_IDEMPOTENCY_MISMATCH);
	assert_int_equal(create(f, t.worker, "visit", "key-1", b, etag_b, "name", "郑一", NULL), 0);
	assert_memory_not_equal(a, b, 16);
}

static void every_answer_with_a_session_has_its_leaf(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t record[16], etag[16];
	uint64_t before;
	char text[256];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.worker, "visit", "", record, etag, "name", "冯二", NULL), 0);
	before = store_durable_leaves(f->v->store);
	assert_int_equal(read_field(f, t.worker, "visit", record, "name", false, text), 0);
	assert_int_equal(store_durable_leaves(f->v->store), before + 1);
	assert_int_equal(be64_get(f->out.p + 2), before);
	assert_int_equal(read_field(f, t.clerk, "visit", record, "note", false, text), PROBLEM_NOT_PERMITTED);
	assert_int_equal(store_durable_leaves(f->v->store), before + 2);
	assert_int_equal(create(f, t.worker, "visit", "", record, etag, "nofield", "x", NULL), PROBLEM_UNKNOWN_FIELD);
	assert_int_equal(store_durable_leaves(f->v->store), before + 3);
}

static void a_refused_write_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t record[16], etag[16], digest[32], after[32];
	struct counters counters;

	log_all_in(f, &t);
	lthash_digest(&f->v->lthash, digest);
	counters = f->v->counters;
	assert_int_equal(create(f, t.worker, "visit", "", record, etag, "name", "陈三", "nofield", "x", NULL), PROBLEM_UNKNOWN_FIELD);
	assert_int_equal(create(f, t.clerk, "visit", "", record, etag, "name", "陈三", NULL), PROBLEM_NOT_PERMITTED);
	lthash_digest(&f->v->lthash, after);
	assert_memory_equal(digest, after, 32);
	assert_memory_equal(&counters, &f->v->counters, sizeof(counters));
}

static void records_survive_sealing(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t record[16], etag[16], wrong[32] = { 0 };
	char text[256];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.worker, "visit", "", record, etag, "name", "褚四", NULL), 0);
	assert_int_equal(vault_seal(f->v), 0);
	assert_int_equal(vault_turn_begin(f->v), CV_ERR_STATE);
	assert_int_equal(vault_unseal(f->v, 3, wrong), CV_ERR_AUTH);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
	assert_int_equal(read_field(f, t.worker, "visit", record, "name", true, text), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(login(f, P_WORKER, t.worker), 0);
	assert_int_equal(read_field(f, t.worker, "visit", record, "name", true, text), 0);
	assert_string_equal(text, "褚四");
}

/* The state hash of the running vault equals one computed over every row it covers. */
static int add_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct { struct fixture *f; struct lthash h; uint64_t n; uint8_t table; } *x = cookie;

	if (x->table == STORE_REC && key[6] > REC_KEYS)
		return 0;
	keys_state_add(x->f->v->keys, &x->h, x->table, key, key_n, val, val_n);
	x->n++;
	return 0;
}

static void the_state_hash_covers_the_rows(void **state)
{
	struct fixture *f = *state;
	struct { struct fixture *f; struct lthash h; uint64_t n; uint8_t table; } x = { .f = f };
	struct tokens t;
	uint8_t record[16], etag[16], running[32], computed[32];
	char text[256];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.intake, "intake", "k", record, etag, "name", "卫五", NULL), 0);
	assert_int_equal(patch(f, t.intake, "intake", record, NULL, etag, "note", "x", NULL), 0);
	assert_int_equal(read_field(f, t.worker, "visit", record, "note", false, text), 0);
	for (x.table = STORE_DIR; x.table <= STORE_REC; x.table++)
		assert_int_equal(store_scan(f->v->store, x.table, "", 0, NULL, 0, false, 0, add_row, &x), 0);
	lthash_digest(&f->v->lthash, running);
	lthash_digest(&x.h, computed);
	assert_memory_equal(running, computed, 32);
	assert_int_equal(x.n, f->v->elements);
}

/* The leaf at an index, which is applied; its bytes are in b. */
static bool names_state(struct fixture *f, uint64_t index, uint8_t ret[32])
{
	struct buf b;
	struct leaf l;
	bool names;

	buf_init(&b, STORE_LEAF_MAX);
	assert_int_equal(audit_read_leaf(f->v->audit, index, &b), 0);
	assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
	if ((names = l.state_hash != NULL))
		memcpy(ret, l.state_hash, 32);
	buf_free(&b);
	return names;
}

/* One turn with a create, and then a read that may or may not come; more: whether each was said to be followed by another call. */
static uint64_t turn_of(struct fixture *f, const struct tokens *t, bool second, const bool more[2])
{
	uint8_t record[16], etag[16];
	uint64_t first = store_next_leaf(f->v->store);
	char text[256];

	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	vault_more_follow(f->v, more[0]);
	assert_int_equal(create(f, t->worker, "visit", "", record, etag, "name", "卫五", NULL), 0);
	vault_more_follow(f->v, more[1]);
	if (second)
		assert_int_equal(read_field(f, t->worker, "visit", record, "name", true, text), 0);
	fixture_turn_open = false;
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(store_flush(f->v->store), 0);
	return first;
}

static void the_last_leaf_of_a_turn_names_its_state(void **state)
{
	static const struct {
		bool second, more[2];
		unsigned leaves, names;		/* how many there are, which of them names the state */
	} of[] = {
		{ false, { false, false }, 1, 0 }, { true, { true, false }, 2, 1 }, { true, { false, false }, 2, 0 },
		/* Nobody came, or it was not the last: the turn's end says it. */
		{ false, { true, false }, 2, 1 }, { true, { true, true }, 3, 2 },
	};
	struct fixture *f = *state;
	struct tokens t;
	uint8_t running[32], named[32];

	log_all_in(f, &t);
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		uint64_t first = turn_of(f, &t, of[i].second, of[i].more);

		assert_int_equal(store_next_leaf(f->v->store) - first, of[i].leaves);
		for (unsigned n = 0; n < of[i].leaves; n++)
			assert_true(names_state(f, first + n, named) == (n == of[i].names));
		assert_true(names_state(f, first + of[i].names, named));
		lthash_digest(&f->v->lthash, running);
		assert_memory_equal(named, running, 32);
	}
	assert_int_equal(vault_seal(f->v), 0);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
}

static void history_names_what_was_replaced(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	struct wire_envelope env;
	struct wire_history m;
	struct wire_history_answer a;
	struct wire_version version;
	struct wire_field w;
	uint8_t record[16], etag[16], newer[16];
	struct buf b;
	struct rd rd;
	size_t at;

	log_all_in(f, &t);
	assert_int_equal(create(f, t.worker, "visit", "", record, etag, "note", "一", NULL), 0);
	assert_int_equal(patch(f, t.worker, "visit", record, etag, newer, "note", "二", NULL), 0);
	assert_int_equal(patch(f, t.intake, "intake", record, NULL, etag, "note", "三", NULL), 0);
	env = envelope(f, t.worker, "visit", "");
	memset(&m, 0, sizeof(m));
	m.record = record;
	buf_init(&b, 4096);
	at = wire_count_begin(&b);
	wire_text8_put(&b, "note", 4);
	wire_count_end(&b, at, 1);
	rd = rd_over(b.p, b.n);
	assert_int_equal(wire_names_get(&rd, &m.names), 0);
	assert_int_equal(one_turn(f, &env, true, run_history, &m), 0);
	assert_int_equal(wire_history_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	assert_int_equal(a.versions.count, 3);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const texts[] = { "三", "二", "一" };
		static const uint8_t whats[] = { WIRE_WHAT_DROP, WIRE_WHAT_CURRENT, WIRE_WHAT_REPLACED };

		assert_true(wire_versions_next(&a.versions, &version));
		assert_int_equal(version.version, 3 - i);
		assert_int_equal(version.what, whats[i]);
		assert_true(wire_fields_next(&version.fields, &w));
		assert_memory_equal(w.value.p, texts[i], 3);
	}
	buf_free(&b);
}

/* When the newest versions of note's class were written, newest first; their number. */
static unsigned note_times(struct fixture *f, const uint8_t token[32], const uint8_t record[16], uint64_t ret[8])
{
	struct wire_envelope env = envelope(f, token, "visit", "");
	struct wire_history m = { .record = record };
	struct wire_history_answer a;
	struct wire_version version;
	struct buf b;
	struct rd rd;
	unsigned n = 0;
	size_t at;

	buf_init(&b, 4096);
	at = wire_count_begin(&b);
	wire_text8_put(&b, "note", 4);
	wire_count_end(&b, at, 1);
	rd = rd_over(b.p, b.n);
	assert_int_equal(wire_names_get(&rd, &m.names), 0);
	assert_int_equal(one_turn(f, &env, true, run_history, &m), 0);
	assert_int_equal(wire_history_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	while (n < 8 && wire_versions_next(&a.versions, &version)) {
		assert_memory_equal(version.source.p, "MZ", 2);
		ret[n++] = version.written_ms;
	}
	buf_free(&b);
	return n;
}

/* Nothing of a removal is left in the row but who wrote it, when: without that it would be dated by what stayed, or not at all. */
static void history_dates_a_removal(void **state)
{
	struct fixture *f = *state;
	struct tokens t;
	uint8_t record[16], etag[16], newer[16];
	uint64_t before, times[8];
	char text[256];

	log_all_in(f, &t);
	assert_int_equal(create(f, t.worker, "visit", "", record, etag, "note", "一", NULL), 0);
	for (before = clock_wall_ms(); clock_wall_ms() == before;)
		;
	assert_int_equal(patch(f, t.worker, "visit", record, etag, newer, "note", NULL, NULL), 0);
	assert_int_equal(note_times(f, t.worker, record, times), 2);
	assert_true(times[0] > before && times[1] <= before);
	assert_int_equal(patch(f, t.worker, "visit", record, newer, etag, "note", "二", NULL), 0);
	/* The same of one that was handed in and is merged. */
	for (before = clock_wall_ms(); clock_wall_ms() == before;)
		;
	assert_int_equal(patch(f, t.intake, "intake", record, NULL, etag, "note", NULL, NULL), 0);
	assert_int_equal(read_field(f, t.worker, "visit", record, "note", false, text), 0);
	assert_int_equal(note_times(f, t.worker, record, times), 5);
	assert_true(times[0] > before && times[1] > before && times[2] <= before);	/* the row, the drop, what was before */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_reads_back_masked_and_clear),
		cmocka_unit_test(roles_are_refused_what_is_not_theirs),
		cmocka_unit_test(a_patch_needs_the_current_version),
		cmocka_unit_test(a_view_is_rewritten_only_if_its_projection_changed),
		cmocka_unit_test(a_write_only_app_creates_drops_and_cannot_read),
		cmocka_unit_test(merging_moves_no_version_and_leaves_no_public_wrap),
		cmocka_unit_test(sixty_five_drops_ask_for_a_merge),
		cmocka_unit_test(folded_drops_keep_their_history_but_not_their_wraps),
		cmocka_unit_test(an_idempotency_key_makes_one_record),
		cmocka_unit_test(every_answer_with_a_session_has_its_leaf),
		cmocka_unit_test(a_refused_write_changes_nothing),
		cmocka_unit_test(records_survive_sealing),
		cmocka_unit_test(the_state_hash_covers_the_rows),
		cmocka_unit_test(the_last_leaf_of_a_turn_names_its_state),
		cmocka_unit_test(history_names_what_was_replaced),
		cmocka_unit_test(history_dates_a_removal),
	};

	return cmocka_run_group_tests_name("vault", tests, fixture_setup, fixture_teardown);
}

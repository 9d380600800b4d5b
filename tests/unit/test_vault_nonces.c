/* N of class rows: one for what a change writes, and none twice for a class. FORMAT.md 4.1 and 4.3. */
#include "test_vault_work.h"
#include "vault/write.h"

#define KEY(class) ((uint32_t)(class) << 16)

static struct record loaded(struct fixture *f, const uint8_t record[16])
{
	struct record rec;

	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	return rec;
}

static const uint8_t *nonce_of(struct record *rec, uint16_t class)
{
	const struct head_class *hc = head_class_find(&rec->head, KEY(class));

	assert_non_null(hc);
	assert_true((hc->flags & HEAD_CLASS_ROW) != 0);
	return hc->nonce;
}

/* The Ns of a record's changes, that of the creation first. */
struct seen {
	unsigned n, rows;
	uint8_t nonce[64][ROW_NONCE];
};

/* A change writes a class once. */
static int see(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	uint32_t class_key[POLICY_CLASSES];
	struct seen *s = cookie;
	struct hist_walk walk;
	struct hist_row x;
	unsigned n = 0;

	(void)key;
	assert_int_equal(key_n, HIST_KEY);
	assert_int_equal(hist_open(val, val_n, &walk), 0);
	memcpy(s->nonce[s->n++], walk.nonce, ROW_NONCE);
	while (hist_next(&walk, &x) == 1) {
		if (x.what == HIST_DROP)
			continue;
		for (unsigned i = 0; i < n; i++)
			assert_int_not_equal(class_key[i], x.class_key);
		class_key[n++] = x.class_key;
	}
	s->rows += n;
	return 0;
}

/* No two changes are under one N, which each of a class's rows has another of; returns how many rows there were. */
static unsigned all_differ(struct fixture *f, const uint8_t record[16])
{
	struct record rec = loaded(f, record);
	struct seen s = { .n = 1 };
	uint8_t prefix[6], key[REC_KEY_MAX];
	struct store_value val;

	memcpy(s.nonce[0], rec.head.nonce, ROW_NONCE);
	for (unsigned i = 0; i < rec.head.classes; i++) {
		size_t n = rec_key(rec.serial, REC_ROW, rec.head.class[i].class_key, 0, key);

		s.rows += store_get(f->v->store, STORE_REC, key, n, &val) == 0;
	}
	be48_put(prefix, rec.serial);
	assert_int_equal(store_scan(f->v->store, STORE_HIST, prefix, 6, NULL, 0, false, 0, see, &s), 0);
	assert_int_equal(s.n, rec.head.changes + 1);
	for (unsigned j = 0; j < s.n; j++)
		for (unsigned k = 0; k < j; k++)
			assert_memory_not_equal(s.nonce[j], s.nonce[k], ROW_NONCE);
	return s.rows;
}

static void a_change_writes_its_rows_under_one_n(void **state)
{
	struct fixture *f = *state;
	uint8_t worker[32], record[16], etag[16];
	struct record was, is;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "intake", "", record, etag, "name", "张小明", "level", "mild", "due", "2026-11-01", NULL), 0);
	was = loaded(f, record);
	assert_memory_equal(nonce_of(&was, CLASS_ID), nonce_of(&was, CLASS_ID_MASKED), ROW_NONCE);
	assert_memory_equal(nonce_of(&was, CLASS_ID), nonce_of(&was, CLASS_HEALTH), ROW_NONCE);
	assert_memory_equal(nonce_of(&was, CLASS_ID), nonce_of(&was, CLASS_FLOW), ROW_NONCE);
	assert_int_equal(patch(f, worker, "intake", record, etag, etag, "level", "severe", "due", "2026-12-01", NULL), 0);
	is = loaded(f, record);
	assert_memory_equal(nonce_of(&is, CLASS_ID), nonce_of(&was, CLASS_ID), ROW_NONCE);
	assert_memory_not_equal(nonce_of(&is, CLASS_HEALTH), nonce_of(&was, CLASS_HEALTH), ROW_NONCE);
	assert_memory_equal(nonce_of(&is, CLASS_HEALTH), nonce_of(&is, CLASS_FLOW), ROW_NONCE);
	/* A view in its place, of the same version, is under the new one too. */
	was = is;
	assert_int_equal(patch(f, worker, "intake", record, etag, etag, "name", "张小明", NULL), 0);
	is = loaded(f, record);
	assert_int_equal(head_class_find(&is.head, KEY(CLASS_ID_MASKED))->row_version, 1);
	assert_memory_not_equal(nonce_of(&is, CLASS_ID_MASKED), nonce_of(&was, CLASS_ID_MASKED), ROW_NONCE);
	assert_memory_equal(nonce_of(&is, CLASS_ID_MASKED), nonce_of(&is, CLASS_ID), ROW_NONCE);
	assert_int_equal(all_differ(f, record), 4 + 2 + 2);
}

static void writes_merges_and_jobs_never_take_an_n_twice(void **state)
{
	static const char *const names[] = { "张小明", "李四", "王五六", "赵七" };
	struct fixture *f = *state;
	uint8_t worker[32], intake[32], record[16], etag[16], none[16];
	char text[256];

	work_neighbours = true;
	work_policy_changes(f);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(login(f, P_INTAKE, intake), 0);
	assert_int_equal(create(f, intake, "intake", "", record, none, "name", "张小明", "level", "mild", NULL), 0);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(patch(f, intake, "intake", record, NULL, none, "name", names[i % 4], "level", i % 2 ? "mild" : "severe",
		    NULL), 0);
		assert_int_equal(read_field(f, worker, "visit", record, "name", false, text), 0);	/* merges */
		memcpy(etag, f->out.p + 10 + 16, 16);
		assert_int_equal(patch(f, worker, "intake", record, etag, etag, "name", names[(i + 1) % 4], NULL), 0);
	}
	assert_true(all_differ(f, record) > 16);
}

/* A job may come to a class twice in one change: not under the same N. */
static void a_row_written_twice_in_a_change_gets_another_n(void **state)
{
	struct fixture *f = *state;
	struct vault *v = f->v;
	uint8_t worker[32], record[16], etag[16], first[ROW_NONCE];
	struct row_key key = { .generation = 1, .birth = 1 };
	struct head_class *id, *health;
	struct record rec;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "intake", "", record, etag, "name", "张小明", "level", "mild", NULL), 0);
	assert_int_equal(vault_turn_begin(v), 0);
	rec = loaded(f, record);
	id = head_class_find(&rec.head, KEY(CLASS_ID));
	health = head_class_find(&rec.head, KEY(CLASS_HEALTH));
	content_clear(&v->content);
	assert_int_equal(write_row(v, &rec, id, &key, 2), 0);
	memcpy(first, id->nonce, ROW_NONCE);
	assert_int_equal(write_row(v, &rec, health, &key, 2), 0);
	assert_memory_equal(health->nonce, first, ROW_NONCE);
	assert_int_equal(write_row(v, &rec, id, &key, 3), 0);
	assert_memory_not_equal(id->nonce, first, ROW_NONCE);
	/* The next class joins the newer one; the first is not come back to. */
	assert_int_equal(write_row(v, &rec, health, &key, 3), 0);
	assert_memory_equal(health->nonce, id->nonce, ROW_NONCE);
	store_rollback(v->store);
	vault_turn_abort(v, CV_ERR_FULL);
}

/* What was written and taken back may have been seen in memory that was not wiped, or in a journal: it is not written again under its N. */
static void what_was_rolled_back_is_written_under_another_n(void **state)
{
	struct fixture *f = *state;
	struct vault *v = f->v;
	uint8_t worker[32], record[16], etag[16], newer[16], taken_back[ROW_NONCE];
	struct record rec;

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "intake", "", record, etag, "name", "张小明", "level", "mild", NULL), 0);
	assert_int_equal(vault_turn_begin(v), 0);
	fixture_turn_open = true;
	assert_int_equal(patch(f, worker, "intake", record, etag, newer, "level", "severe", NULL), 0);
	rec = loaded(f, record);
	memcpy(taken_back, nonce_of(&rec, CLASS_HEALTH), ROW_NONCE);
	vault_turn_abort(v, CV_ERR_FULL);
	fixture_turn_open = false;
	rec = loaded(f, record);
	assert_memory_not_equal(nonce_of(&rec, CLASS_HEALTH), taken_back, ROW_NONCE);
	assert_int_equal(patch(f, worker, "intake", record, etag, newer, "level", "severe", NULL), 0);
	rec = loaded(f, record);
	assert_memory_not_equal(nonce_of(&rec, CLASS_HEALTH), taken_back, ROW_NONCE);
	assert_int_equal(all_differ(f, record), 4);
}

#define ON(test) cmocka_unit_test_setup_teardown(test, work_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(a_change_writes_its_rows_under_one_n),
		ON(writes_merges_and_jobs_never_take_an_n_twice),
		ON(a_row_written_twice_in_a_change_gets_another_n),
		ON(what_was_rolled_back_is_written_under_another_n),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

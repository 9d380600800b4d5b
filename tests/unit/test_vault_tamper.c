/* Stored bytes that somebody changed, moved, took away or put back: the next reader learns of it. FORMAT.md section 13. */
#include "test_vault.h"

#include "format/directory.h"
#include "format/gov.h"

struct row {
	enum store_table table;
	uint8_t key[40];
	size_t key_n;
	struct buf value;
};

static struct row stored(struct fixture *f, struct row x)
{
	struct store_value val;

	buf_init(&x.value, STORE_VALUE_MAX);
	assert_int_equal(vault_turn_begin(f->v), 0);
	assert_int_equal(store_get(f->v->store, x.table, x.key, x.key_n, &val), 0);
	buf_put(&x.value, val.p, val.n);
	assert_int_equal(vault_turn_end(f->v), 0);
	return x;
}

static struct row rec_row(struct fixture *f, uint64_t serial, enum rec_kind kind, uint16_t class, uint32_t drop)
{
	struct row x = { .table = STORE_REC };

	x.key_n = rec_key(serial, kind, (uint32_t)class << 16, drop, x.key);
	return stored(f, x);
}

/* What a change wrote. */
static struct row change_row(struct fixture *f, uint64_t serial, uint32_t change)
{
	struct row x = { .table = STORE_HIST, .key_n = HIST_KEY };

	hist_key(serial, change, x.key);
	return stored(f, x);
}

/* As somebody who can write the store would: past everything that keeps head and state hash. */
static void put(struct fixture *f, const struct row *x, const struct buf *value)
{
	assert_int_equal(vault_turn_begin(f->v), 0);
	if (value != NULL)
		assert_int_equal(store_put(f->v->store, x->table, x->key, x->key_n, value->p, value->n), 0);
	else
		assert_int_equal(store_del(f->v->store, x->table, x->key, x->key_n), 0);
	store_commit(f->v->store);
	assert_int_equal(vault_turn_end(f->v), 0);
}

struct child {
	uint8_t token[32], intake[32];
	uint8_t record[16], etag[16];
	uint64_t serial;
};

static struct child new_child(struct fixture *f)
{
	struct child c;
	struct record rec;

	assert_int_equal(login(f, P_WORKER, c.token), 0);
	assert_int_equal(login(f, P_INTAKE, c.intake), 0);
	assert_int_equal(create(f, c.token, "visit", "", c.record, c.etag, "name", "张小明", "city", "某市", "note", "过敏", NULL), 0);
	assert_int_equal(record_load(f->v, c.record, false, &rec), 0);
	c.serial = rec.serial;
	return c;
}

/* Read every class; 0 only if all values are as they were written, else INTEGRITY, and no wrong value ever. */
static unsigned read_all(struct fixture *f, const struct child *c)
{
	static const struct { const char *name; bool clear; const char *text; } fields[] = {
		{ "name", true, "张小明" }, { "city", true, "某市" }, { "note", false, "过敏" }, { "name", false, "~张**" },
	};
	unsigned result = 0;
	char text[256];

	for (unsigned i = 0; i < 4; i++) {
		unsigned problem = read_field(f, c->token, "visit", c->record, fields[i].name, fields[i].clear, text);

		if (problem == 0)
			assert_string_equal(text, fields[i].text);
		else
			assert_int_equal(problem, PROBLEM_INTEGRITY);
		result = problem != 0 ? problem : result;
	}
	return result;
}

static unsigned history(struct fixture *f, const struct child *c)
{
	struct wire_envelope env = envelope(f, c->token, "visit", "");
	struct wire_history m = { .record = c->record };
	struct buf b;
	struct rd rd;
	size_t at;
	unsigned problem;

	buf_init(&b, 4096);
	at = wire_count_begin(&b);
	wire_text8_put(&b, "note", 4);
	wire_count_end(&b, at, 1);
	rd = rd_over(b.p, b.n);
	assert_int_equal(wire_names_get(&rd, &m.names), 0);
	problem = one_turn(f, &env, true, run_history, &m);
	buf_free(&b);
	return problem;
}

/* Every byte of the row, changed in one bit, is noticed; put back, all is well again. */
static void each_flip_is_noticed(struct fixture *f, const struct child *c, struct row *x)
{
	size_t step = x->value.n > 400 ? x->value.n / 200 : 1;

	for (size_t i = 0; i < x->value.n; i += i < 100 ? 1 : step) {
		x->value.p[i] ^= (uint8_t)(1u << i % 8);
		put(f, x, &x->value);
		if (read_all(f, c) != PROBLEM_INTEGRITY)
			fail_msg("byte %zu of %zu", i, x->value.n);
		x->value.p[i] ^= (uint8_t)(1u << i % 8);
	}
	put(f, x, &x->value);
	assert_int_equal(read_all(f, c), 0);
	buf_free(&x->value);
}

static void a_changed_head_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct row x = rec_row(f, c.serial, REC_HEAD, 0, 0);

	each_flip_is_noticed(f, &c, &x);
}

static void a_changed_keys_row_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct row x = rec_row(f, c.serial, REC_KEYS, 0, 0);

	each_flip_is_noticed(f, &c, &x);
}

static void a_changed_class_row_does_not_open(void **state)
{
	static const uint16_t classes[] = { CLASS_ID, CLASS_HEALTH, CLASS_ID_MASKED };
	struct fixture *f = *state;
	struct child c = new_child(f);

	for (unsigned i = 0; i < 3; i++) {
		struct row x = rec_row(f, c.serial, REC_ROW, classes[i], 0);

		/* The clear row has two cells, and each is opened alone: all bytes are some reader's. */
		each_flip_is_noticed(f, &c, &x);
	}
}

static void a_row_that_is_taken_away_is_missed(void **state)
{
	static const struct { enum rec_kind kind; uint16_t class; } rows[] = {
		{ REC_HEAD, 0 }, { REC_KEYS, 0 }, { REC_ROW, CLASS_ID }, { REC_ROW, CLASS_HEALTH }, { REC_ROW, CLASS_ID_MASKED },
	};
	struct fixture *f = *state;
	struct child c = new_child(f);

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct row x = rec_row(f, c.serial, rows[i].kind, rows[i].class, 0);

		put(f, &x, NULL);
		assert_int_equal(read_all(f, &c), PROBLEM_INTEGRITY);
		put(f, &x, &x.value);
		assert_int_equal(read_all(f, &c), 0);
		buf_free(&x.value);
	}
}

static void rows_of_two_records_cannot_change_places(void **state)
{
	static const struct { enum rec_kind kind; uint16_t class; } rows[] = {
		{ REC_HEAD, 0 }, { REC_KEYS, 0 }, { REC_ROW, CLASS_ID }, { REC_ROW, CLASS_HEALTH }, { REC_ROW, CLASS_ID_MASKED },
	};
	struct fixture *f = *state;
	struct child a = new_child(f), b = new_child(f);

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct row x = rec_row(f, a.serial, rows[i].kind, rows[i].class, 0);
		struct row y = rec_row(f, b.serial, rows[i].kind, rows[i].class, 0);

		put(f, &x, &y.value);
		put(f, &y, &x.value);
		assert_int_equal(read_all(f, &a), PROBLEM_INTEGRITY);
		assert_int_equal(read_all(f, &b), PROBLEM_INTEGRITY);
		put(f, &x, &x.value);
		put(f, &y, &y.value);
		assert_int_equal(read_all(f, &a), 0);
		assert_int_equal(read_all(f, &b), 0);
		buf_free(&x.value);
		buf_free(&y.value);
	}
}

static void rows_of_two_classes_cannot_change_places(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct row x = rec_row(f, c.serial, REC_ROW, CLASS_ID, 0), y = rec_row(f, c.serial, REC_ROW, CLASS_HEALTH, 0);

	put(f, &x, &y.value);
	put(f, &y, &x.value);
	assert_int_equal(read_all(f, &c), PROBLEM_INTEGRITY);
	put(f, &x, &x.value);
	put(f, &y, &y.value);
	assert_int_equal(read_all(f, &c), 0);
	buf_free(&x.value);
	buf_free(&y.value);
}

static void a_map_row_that_leads_elsewhere_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct child a = new_child(f), b = new_child(f);
	struct row x = { .table = STORE_MAP, .key_n = 16 };
	uint8_t serial[6];

	buf_init(&x.value, 16);
	memcpy(x.key, a.record, 16);
	be48_put(serial, b.serial);
	buf_put(&x.value, serial, 6);
	put(f, &x, &x.value);
	assert_int_equal(read_all(f, &a), PROBLEM_INTEGRITY);
	be48_put(x.value.p, a.serial);
	put(f, &x, &x.value);
	assert_int_equal(read_all(f, &a), 0);
	buf_free(&x.value);
}

static void an_older_row_put_back_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct row keys = rec_row(f, c.serial, REC_KEYS, 0, 0), old, now;
	uint8_t etag[16];
	char text[256];

	assert_int_equal(patch(f, c.token, "visit", c.record, c.etag, etag, "note", "痊愈", NULL), 0);
	assert_int_equal(patch(f, c.token, "visit", c.record, etag, etag, "note", "复发", NULL), 0);
	old = change_row(f, c.serial, 1);
	now = change_row(f, c.serial, 2);
	put(f, &now, &old.value);
	put(f, &keys, &keys.value);
	assert_int_equal(read_field(f, c.token, "visit", c.record, "note", false, text), PROBLEM_INTEGRITY);
	/* Nor is it written over, which would bury it in history. */
	assert_int_equal(patch(f, c.token, "visit", c.record, etag, etag, "note", "又痊愈", NULL), PROBLEM_INTEGRITY);
	put(f, &now, NULL);
	assert_int_equal(read_field(f, c.token, "visit", c.record, "note", false, text), PROBLEM_INTEGRITY);
	put(f, &now, &now.value);
	assert_int_equal(read_field(f, c.token, "visit", c.record, "note", false, text), 0);
	assert_string_equal(text, "复发");
	buf_free(&old.value);
	buf_free(&now.value);
	buf_free(&keys.value);
}

/* All that an older head names is still there; the change that it does not know of gives it away. */
static void an_older_head_put_back_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct row head[3];
	uint8_t etag[16];

	head[0] = rec_row(f, c.serial, REC_HEAD, 0, 0);
	assert_int_equal(patch(f, c.token, "visit", c.record, c.etag, etag, "note", "痊愈", NULL), 0);
	head[1] = rec_row(f, c.serial, REC_HEAD, 0, 0);
	assert_int_equal(patch(f, c.token, "visit", c.record, etag, etag, "note", "过敏", NULL), 0);
	head[2] = rec_row(f, c.serial, REC_HEAD, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		put(f, &head[i], &head[i].value);
		assert_int_equal(read_all(f, &c), PROBLEM_INTEGRITY);
		assert_int_equal(history(f, &c), PROBLEM_INTEGRITY);
		assert_int_equal(patch(f, c.token, "visit", c.record, i == 0 ? c.etag : etag, etag, "note", "新", NULL), PROBLEM_INTEGRITY);
	}
	put(f, &head[2], &head[2].value);
	assert_int_equal(read_all(f, &c), 0);
	for (unsigned i = 0; i < 3; i++)
		buf_free(&head[i].value);
}

/* The row of a class in a change. */
static uint8_t *row_in(const struct row *change, uint16_t class, size_t *ret_n)
{
	struct hist_row x;

	assert_int_equal(hist_find(change->value.p, change->value.n, (uint32_t)class << 16, &x), 0);
	*ret_n = x.n;
	return change->value.p + (x.p - change->value.p);
}

/* A view that shows what it showed is made anew: the one of before has the same version and is not it. */
static void an_older_row_of_the_same_version_put_back_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct row old, now;
	uint8_t kept[4096], *to, *from;
	size_t n, old_n;
	char text[256];

	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(patch(f, c.token, "visit", c.record, c.etag, c.etag, "name", "张小明", NULL), 0);
	old = change_row(f, c.serial, 1);
	now = change_row(f, c.serial, 2);
	assert_true(now.value.n < sizeof(kept));
	memcpy(kept, now.value.p, now.value.n);
	to = row_in(&now, CLASS_ID_MASKED, &n);
	from = row_in(&old, CLASS_ID_MASKED, &old_n);
	assert_int_equal(n, old_n);
	memcpy(to, from, n);
	put(f, &now, &now.value);
	assert_int_equal(read_field(f, c.token, "visit", c.record, "name", false, text), PROBLEM_INTEGRITY);
	assert_int_equal(read_field(f, c.token, "visit", c.record, "name", true, text), 0);
	memcpy(now.value.p, kept, now.value.n);
	put(f, &now, &now.value);
	assert_int_equal(read_field(f, c.token, "visit", c.record, "name", false, text), 0);
	buf_free(&old.value);
	buf_free(&now.value);
}

/* What a change wrote is read as rows of REC are: every byte of the class's row counts, and those before it. */
static void a_changed_row_of_a_change_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct row x;
	char text[256];

	assert_int_equal(patch(f, c.token, "visit", c.record, c.etag, c.etag, "note", "过敏", NULL), 0);
	x = change_row(f, c.serial, 1);
	for (size_t i = 0; i < x.value.n; i++) {
		unsigned problem;

		if (i >= 2 && i < HIST_PREFIX)
			continue;	/* N: head says what it is, for a current row */
		x.value.p[i] ^= 0x80;
		put(f, &x, &x.value);
		problem = read_field(f, c.token, "visit", c.record, "note", false, text);
		/* Generation and version are for history; head says those of a current row. */
		if (problem != PROBLEM_INTEGRITY && (problem != 0 || strcmp(text, "过敏") != 0 || i > HIST_PREFIX + 5))
			fail_msg("byte %zu of %zu", i, x.value.n);
		x.value.p[i] ^= 0x80;
	}
	put(f, &x, &x.value);
	assert_int_equal(read_all(f, &c), 0);
	buf_free(&x.value);
}

static void a_refusal_for_integrity_names_the_record(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct row head = rec_row(f, c.serial, REC_HEAD, 0, 0);
	struct vault_call *call = &f->v->call;

	put(f, &head, NULL);
	assert_int_equal(read_all(f, &c), PROBLEM_INTEGRITY);
	assert_int_equal(call->detail.outcome, PROBLEM_INTEGRITY);
	assert_memory_equal(call->detail.record, c.record, 16);
	buf_free(&head.value);
}

static void a_changed_drop_is_neither_read_nor_merged(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct row x;
	uint8_t etag[16];
	char text[256];

	assert_int_equal(patch(f, c.intake, "intake", c.record, NULL, etag, "note", "新", NULL), 0);
	assert_int_equal(patch(f, c.intake, "intake", c.record, NULL, etag, "note", "最新", NULL), 0);
	x = rec_row(f, c.serial, REC_DROP, CLASS_HEALTH, 2);
	for (size_t i = 0; i < x.value.n; i++) {
		x.value.p[i] ^= 1;
		put(f, &x, &x.value);
		assert_int_equal(read_field(f, c.token, "visit", c.record, "note", false, text), PROBLEM_INTEGRITY);
		x.value.p[i] ^= 1;
	}
	/* Whoever reads something else asks for a merge, which opens the row, then fails: nothing of it stays in memory. */
	x.value.p[x.value.n - 1] ^= 1;
	put(f, &x, &x.value);
	assert_int_equal(read_field(f, c.token, "visit", c.record, "name", false, text), 0);
	assert_int_equal(f->v->content.n, 0);
	assert_int_equal(f->v->content.bytes.n, 0);
	x.value.p[x.value.n - 1] ^= 1;
	put(f, &x, NULL);
	assert_int_equal(read_field(f, c.token, "visit", c.record, "note", false, text), PROBLEM_INTEGRITY);
	put(f, &x, &x.value);
	assert_int_equal(read_field(f, c.token, "visit", c.record, "note", false, text), 0);
	assert_string_equal(text, "最新");
	buf_free(&x.value);
}

/*
 * A class's public key is public: whoever held a child's shred key could write a drop that opens. What head says of the drops
 * keeps it out of the row, where it would look like anybody else's.
 */
static void a_forged_drop_is_not_merged(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct datakey dk;
	struct wrap_request req = { .class_key = CLASS_HEALTH << 16, .drop_version = 2, .key = &dk };
	struct row_place at = { .record = c.record, .class_key = CLASS_HEALTH << 16, .version = 2, .drop = true };
	struct provenance prov = { .source = 1 };
	struct row x, keys;
	struct record rec;
	uint8_t etag[16];
	struct buf forged;

	assert_int_equal(patch(f, c.intake, "intake", c.record, NULL, etag, "note", "真", NULL), 0);
	x = rec_row(f, c.serial, REC_DROP, CLASS_HEALTH, 2);
	keys = rec_row(f, c.serial, REC_KEYS, 0, 0);
	assert_int_equal(record_load(f->v, c.record, false, &rec), 0);
	at.shred_slot = rec.head.shred_slot;
	/* Its entry takes the place of the true one, which is the last group. */
	keys.value.n -= 2 + 32 + 2 + 3 + WRAP_SALT;
	assert_int_equal(record_wrap3(f->v->keys, c.record, &req, 1, &keys.value), 0);
	at.birth_epoch = req.birth_epoch;
	put(f, &keys, &keys.value);
	buf_init(&forged, 65536);
	assert_int_equal(content_set(&f->v->content, FIELD_NOTE, VALUE_TEXT, (const uint8_t *)"伪", 3, 16, &prov, true), 0);
	assert_int_equal(content_seal(f->v->keys, &f->v->content, &dk, &at, &forged), 0);
	put(f, &x, &forged);
	/* A reader's touch asks for a merge, which is refused; so is writing over it. */
	for (unsigned i = 0; i < 2; i++) {
		char text[256];

		assert_int_equal(read_field(f, c.token, "visit", c.record, "note", false, text), 0);
		memcpy(etag, f->out.p + 10 + 16, 16);
		assert_int_equal(record_load(f->v, c.record, false, &rec), 0);
		assert_int_equal(head_class_find(&rec.head, CLASS_HEALTH << 16)->drops, 1);
	}
	assert_int_equal(patch(f, c.token, "visit", c.record, etag, etag, "note", "新", NULL), PROBLEM_INTEGRITY);
	buf_free(&forged);
	buf_free(&x.value);
	buf_free(&keys.value);
}

/* Each byte of x, one after the other, and all of it, taken away. */
static void history_misses(struct fixture *f, const struct child *c, struct row *x)
{
	for (size_t i = 0; i < x->value.n; i++) {
		x->value.p[i] ^= 0x80;
		put(f, x, &x->value);
		assert_int_equal(history(f, c), PROBLEM_INTEGRITY);
		x->value.p[i] ^= 0x80;
	}
	put(f, x, NULL);
	assert_int_equal(history(f, c), PROBLEM_INTEGRITY);
	put(f, x, &x->value);
	assert_int_equal(history(f, c), 0);
}

static void history_is_whole_or_refused(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct row x[3], more = { .table = STORE_HIST, .key_n = HIST_KEY };
	uint8_t etag[16];

	assert_int_equal(patch(f, c.token, "visit", c.record, c.etag, etag, "note", "二", NULL), 0);
	assert_int_equal(patch(f, c.token, "visit", c.record, etag, etag, "note", "三", NULL), 0);
	assert_int_equal(history(f, &c), 0);
	x[0] = rec_row(f, c.serial, REC_ROW, CLASS_HEALTH, 0);	/* the creation's */
	x[1] = change_row(f, c.serial, 1);
	x[2] = change_row(f, c.serial, 2);
	for (unsigned i = 0; i < 3; i++)
		history_misses(f, &c, &x[i]);
	/* One too many, a copy of the newest. */
	hist_key(c.serial, 3, more.key);
	put(f, &more, &x[2].value);
	assert_int_equal(history(f, &c), PROBLEM_INTEGRITY);
	put(f, &more, NULL);
	assert_int_equal(history(f, &c), 0);
	/* Two in each other's place. */
	put(f, &x[1], &x[2].value);
	put(f, &x[2], &x[1].value);
	assert_int_equal(history(f, &c), PROBLEM_INTEGRITY);
	for (unsigned i = 0; i < 3; i++)
		buf_free(&x[i].value);
}

/* Who reads another class of the record finds a change taken away as well: no class's key is asked for that. */
static void a_change_of_other_classes_is_missed_in_history(void **state)
{
	struct fixture *f = *state;
	struct child c = new_child(f);
	struct row x;

	assert_int_equal(patch(f, c.token, "visit", c.record, c.etag, c.etag, "name", "李小明", NULL), 0);
	assert_int_equal(history(f, &c), 0);
	x = change_row(f, c.serial, 1);
	put(f, &x, NULL);
	assert_int_equal(history(f, &c), PROBLEM_INTEGRITY);
	buf_free(&x.value);
}

static void counters_put_back_refuse_to_unseal(void **state)
{
	struct fixture *f = *state;
	struct row x = { .table = STORE_META, .key = "counters", .key_n = 16 };
	struct store_value val;

	assert_int_equal(vault_turn_begin(f->v), 0);
	assert_int_equal(store_get(f->v->store, x.table, x.key, x.key_n, &val), 0);
	buf_init(&x.value, 4096);
	buf_put(&x.value, val.p, val.n);
	assert_int_equal(vault_turn_end(f->v), 0);
	(void)new_child(f);
	/* The next child would get this one's serial, and its key. */
	put(f, &x, &x.value);
	assert_int_equal(vault_seal(f->v), 0);
	log_init("test", 0);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), CV_ERR_REPLAY);
	log_init("test", LOG_LEVEL_ERROR);
	assert_int_equal(vault_state(f->v), VAULT_SEALED);
	buf_free(&x.value);
}

static int first_principal(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct row *x = cookie;

	memcpy(x->key, key, key_n);
	x->key_n = key_n;
	buf_put(&x->value, val, val_n);
	return 1;
}

/* No signature covers the mark of a suspended member: the tables' own hash does. */
static void a_changed_mark_refuses_to_unseal(void **state)
{
	static const uint8_t principals[1] = { DIR_PRINCIPAL };
	struct fixture *f = *state;
	struct row x = { .table = STORE_DIR };
	struct dir_value v;

	buf_init(&x.value, 1 << 16);
	assert_int_equal(store_scan(f->v->store, STORE_DIR, principals, 1, NULL, 0, false, 1, first_principal, &x), 1);
	assert_int_equal(dir_value_decode(x.value.p, x.value.n, &v), 0);
	x.value.p[v.rest - x.value.p] ^= 1;
	put(f, &x, &x.value);
	assert_int_equal(vault_seal(f->v), 0);
	log_init("test", 0);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), CV_ERR_REPLAY);
	log_init("test", LOG_LEVEL_ERROR);
	buf_free(&x.value);
}

/* A row of a type that nothing else reads is in the tables' hash all the same, on either side of those that are not. */
static void unseal_with_a_forged_row(struct fixture *f, uint8_t high, uint8_t low, int wanted)
{
	struct row x = { .table = STORE_GOV, .key = { high, low }, .key_n = 18 };

	buf_init(&x.value, 64);
	buf_put(&x.value, "a row that nobody wrote", 23);
	put(f, &x, &x.value);
	assert_int_equal(vault_seal(f->v), 0);
	log_init("test", 0);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), wanted);
	log_init("test", LOG_LEVEL_ERROR);
	buf_free(&x.value);
}

static void a_forged_row_below_refuses_to_unseal(void **state) { unseal_with_a_forged_row(*state, 0, 0, CV_ERR_REPLAY); }
static void a_forged_row_above_refuses_to_unseal(void **state) { unseal_with_a_forged_row(*state, 0xFF, 0xFF, CV_ERR_REPLAY); }
static void a_forged_idempotency_row_does_not(void **state) { unseal_with_a_forged_row(*state, 0, GOV_IDEMPOTENCY, 0); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_head_does_not_open),
		cmocka_unit_test(a_changed_keys_row_does_not_open),
		cmocka_unit_test(a_changed_class_row_does_not_open),
		cmocka_unit_test(a_row_that_is_taken_away_is_missed),
		cmocka_unit_test(rows_of_two_records_cannot_change_places),
		cmocka_unit_test(rows_of_two_classes_cannot_change_places),
		cmocka_unit_test(a_map_row_that_leads_elsewhere_is_noticed),
		cmocka_unit_test(an_older_row_put_back_does_not_open),
		cmocka_unit_test(an_older_head_put_back_is_noticed),
		cmocka_unit_test(an_older_row_of_the_same_version_put_back_does_not_open),
		cmocka_unit_test(a_changed_row_of_a_change_does_not_open),
		cmocka_unit_test(a_refusal_for_integrity_names_the_record),
		cmocka_unit_test(a_changed_drop_is_neither_read_nor_merged),
		cmocka_unit_test(a_forged_drop_is_not_merged),
		cmocka_unit_test(history_is_whole_or_refused),
		cmocka_unit_test(a_change_of_other_classes_is_missed_in_history),
		cmocka_unit_test_setup_teardown(a_changed_mark_refuses_to_unseal, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_forged_row_below_refuses_to_unseal, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_forged_row_above_refuses_to_unseal, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_forged_idempotency_row_does_not, fixture_setup, fixture_teardown),
		cmocka_unit_test(counters_put_back_refuse_to_unseal),
	};

	return cmocka_run_group_tests_name("vault tampering", tests, fixture_setup, fixture_teardown);
}

/* keys: data keys and their wraps, FORMAT.md 4.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record_fakes.h"

#define ENTRY_A (3u + 2)		/* offsets in keys_stored: (HEALTH, 1), derived */
#define ENTRY_B (ENTRY_A + 21)		/* (IDENTITY, FAR), derived */
#define GROUP2 (ENTRY_B + 22)		/* (HEALTH, GENERATION), wrapped: the key of row_stored */
#define ENTRY_C (GROUP2 + 26)
#define GROUP3 (ENTRY_C + 54)		/* public: the key of drop_stored */
#define ENTRY_D (GROUP3 + 34)

static const struct session writer;	/* holds nothing */
static struct datakey data_key, drop_key, health_key, identity_key;
static uint8_t keys_row[SAMPLE_MAX], row[SAMPLE_MAX], drop[SAMPLE_MAX];
static size_t keys_n, row_n, drop_n;
static struct row_view view;
static uint8_t row_nonce[ROW_NONCE];

static int setup(void **state)
{
	uint8_t key[SAMPLE_MAX];

	run(data_key.opaque, 0xE0, 32);
	(void)sample("data_key_3", key);
	memcpy(drop_key.opaque, key, 32);
	(void)sample("data_key_1", key);
	memcpy(health_key.opaque, key, 32);
	(void)sample("data_key_1_identity", key);
	memcpy(identity_key.opaque, key, 32);
	run(row_nonce, 0x55, ROW_NONCE);
	keys_n = sample("keys_stored", keys_row);
	row_n = sample("row_stored", row);
	drop_n = sample("drop_stored", drop);
	return fakes_setup(state);
}

/* Find, unwrap. 0, or the first error. */
static int unwrap(struct keys *k, const struct session *s, const uint8_t of[16], const uint8_t *p, size_t n, uint32_t class_key,
    uint32_t generation, uint32_t drop_version, struct datakey *ret)
{
	struct wrap w;
	int r = wraps_find(p, n, class_key, generation, drop_version, &w);

	return r != 0 ? r : record_unwrap(k, s, of, &w, ret);
}

/* The way of a read: find and unwrap the data key, open the row. */
static int read_row(const uint8_t *p, size_t n, bool is_drop)
{
	struct row_place at = { record, HEALTH, 0, is_drop ? 0 : GENERATION, is_drop ? DROP_VERSION : ROW_VERSION, SLOT, is_drop,
		is_drop ? NULL : row_nonce };
	struct datakey dk;
	struct wrap w;
	int r;

	if ((r = wraps_find(p, n, HEALTH, at.generation, is_drop ? DROP_VERSION : 0, &w)) != 0)
		return r;
	at.birth_epoch = w.birth_epoch;
	if ((r = record_unwrap(&vault, &reader, record, &w, &dk)) != 0)
		return r;
	return record_row_open(&vault, &dk, &at, is_drop ? drop : row, is_drop ? drop_n : row_n, &view);
}

static void entries_give_the_known_answers(void **state)
{
	struct datakey made;
	struct wrap_request there = { HEALTH, GENERATION, BIRTH, 0, &data_key }, drop_of = { HEALTH, 0, 0, DROP_VERSION, &made };
	struct fresh_keys fresh = { .n = 2, .of = { { HEALTH, 1, EPOCH, { 0 } }, { IDENTITY, FAR, 1, { 0 } } } };
	uint8_t nonce[24], esk[32], salt[WRAP_SALT];
	struct buf b;

	(void)state;
	record_turn_end(&vault);
	buf_init(&b, 4096);
	wraps_begin(&b);
	run(fresh.of[0].salt, 0x25, WRAP_SALT);
	run(fresh.of[1].salt, 0x45, WRAP_SALT);
	record_fresh_put(&fresh, &b, 0);
	assert_int_equal(fresh.n, 0);
	run(nonce, 0x15, 24);
	assert_int_equal(record_wrap2_with(&vault, &reader, record, &there, 1, nonce, &b), 0);
	wraps_group_added(&b, 0);
	run(salt, 0x35, WRAP_SALT);
	run(esk, 0xC0, 32);
	assert_int_equal(record_wrap3_with(&vault, record, &drop_of, 1, salt, esk, &b), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(drop_of.birth_epoch, EPOCH);
	assert_memory_equal(drop_of.key, &drop_key, 32);
	assert_int_equal(b.n, keys_n);
	assert_memory_equal(b.p, keys_row, keys_n);
	buf_free(&b);
	record_turn_end(&vault);
}

static void entries_give_the_keys_of_rows_and_drop(void **state)
{
	struct datakey dk;

	(void)state;
	assert_int_equal(unwrap(&vault, &reader, record, keys_row, keys_n, HEALTH, 1, 0, &dk), 0);
	assert_memory_equal(&dk, &health_key, 32);
	assert_int_equal(unwrap(&vault, &reader, record, keys_row, keys_n, IDENTITY, FAR, 0, &dk), 0);
	assert_memory_equal(&dk, &identity_key, 32);
	assert_int_equal(unwrap(&vault, &reader, record, keys_row, keys_n, HEALTH, GENERATION, 0, &dk), 0);
	assert_memory_equal(&dk, &data_key, 32);
	assert_int_equal(unwrap(&vault, &reader, record, keys_row, keys_n, HEALTH, 0, DROP_VERSION, &dk), 0);
	assert_memory_equal(&dk, &drop_key, 32);
	assert_int_equal(read_row(keys_row, keys_n, false), 0);
	assert_int_equal(read_row(keys_row, keys_n, true), 0);
}

/* A bit that belongs to an entry's own group refuses its row; a bit of another entry refuses it or does not reach it. */
static void every_bit_of_a_keys_row_counts(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < keys_n * 8; bit++) {
		size_t at = bit / 8;
		bool of_row = at < 3 || (at >= GROUP2 && at < GROUP3), of_drop = at < 3 || at >= GROUP3;
		int r, d;

		keys_row[at] ^= (uint8_t)(1u << (bit % 8));
		r = read_row(keys_row, keys_n, false);
		d = read_row(keys_row, keys_n, true);
		if ((of_row && r == 0) || (of_drop && d == 0))
			fail_msg("bit %zu of byte %zu", bit % 8, at);
		if (!of_row && r != 0)
			assert_int_equal(r, CV_ERR_FORMAT);
		if (!of_drop && d != 0)
			assert_int_equal(d, CV_ERR_FORMAT);
		keys_row[at] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_int_equal(read_row(keys_row, keys_n, false), 0);
}

static void every_cut_of_a_keys_row_is_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < keys_n; n++)
		assert_int_equal(read_row(keys_row, n, false), CV_ERR_FORMAT);
}

/* The key of an entry in the wrong place: none, or another one, with which nothing was sealed. */
static void assert_other_key(struct keys *k, const uint8_t of[16], const uint8_t *p, uint32_t class_key, uint32_t generation,
    uint32_t drop_version, const struct datakey *key, bool is_wrapped)
{
	struct datakey dk;
	int r = unwrap(k, &reader, of, p, keys_n, class_key, generation, drop_version, &dk);

	assert_int_equal(r, is_wrapped ? CV_ERR_AUTH : 0);
	if (r == 0)
		assert_memory_not_equal(&dk, key, 32);
}

static void entries_are_for_their_record_and_vault_alone(void **state)
{
	const struct datakey *const key[] = { &health_key, &data_key, &drop_key };
	struct datakey dk;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		uint32_t generation = i == 0 ? 1 : i == 1 ? GENERATION : 0, version = i == 2 ? DROP_VERSION : 0;

		assert_other_key(&vault, other_record, keys_row, HEALTH, generation, version, key[i], i == 1);
		assert_other_key(&other_vault, record, keys_row, HEALTH, generation, version, key[i], i == 1);
		assert_int_equal(unwrap(&vault, &writer, record, keys_row, keys_n, HEALTH, generation, version, &dk), CV_ERR_NOKEY);
	}
}

static void moved_entries_give_other_keys(void **state)
{
	uint8_t p[SAMPLE_MAX];
	struct datakey dk;

	(void)state;
	/* Salts of two classes exchanged, and one class's entry under another's name. */
	memcpy(p, keys_row, keys_n);
	memcpy(p + ENTRY_A + 5, keys_row + ENTRY_B + 6, WRAP_SALT);
	memcpy(p + ENTRY_B + 6, keys_row + ENTRY_A + 5, WRAP_SALT);
	assert_other_key(&vault, record, p, HEALTH, 1, 0, &health_key, false);
	assert_other_key(&vault, record, p, IDENTITY, FAR, 0, &identity_key, false);
	memcpy(p, keys_row, keys_n);
	be16_put(p + ENTRY_C, IDENTITY >> 16);
	p[ENTRY_C + 3] = 1;	/* born and wrapped under epoch 1 */
	p[ENTRY_C + 5] = 0;
	assert_other_key(&vault, record, p, IDENTITY, GENERATION, 0, &data_key, true);
	/* An epoch that the session holds, but not the one that the entry was made under. */
	memcpy(p, keys_row, keys_n);
	p[ENTRY_A + 3] = EPOCH - 1;
	assert_other_key(&vault, record, p, HEALTH, 1, 0, &health_key, false);
	p[ENTRY_A + 3] = EPOCH + 1;
	assert_int_equal(unwrap(&vault, &reader, record, p, keys_n, HEALTH, 1, 0, &dk), CV_ERR_NOKEY);
	p[ENTRY_C + 5] = 0;
	assert_other_key(&vault, record, p, HEALTH, GENERATION, 0, &data_key, true);
	p[ENTRY_C + 5] = 2;
	assert_int_equal(unwrap(&vault, &reader, record, p, keys_n, HEALTH, GENERATION, 0, &dk), CV_ERR_NOKEY);
	/* Another generation, as if the key of a row of before were that of this one. */
	memcpy(p, keys_row, keys_n);
	p[ENTRY_A + 2] = 5;
	assert_other_key(&vault, record, p, HEALTH, 5, 0, &health_key, false);
}

static void fresh_keys_are_under_the_newest_epoch_and_never_alike(void **state)
{
	struct session old = { .holds = { true } };
	struct datakey dk, other, again;
	struct fresh_keys x = { .n = 0 };
	uint32_t birth = 0;
	struct wrap w;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wraps_begin(&b);
	record_fresh_put(&x, &b, 0);
	assert_int_equal(b.n, 3);
	assert_int_equal(record_fresh_key(&vault, &old, record, &x, HEALTH, 5, &dk, &birth), 0);
	assert_int_equal(birth, EPOCH - 1);
	record_fresh_put(&x, &b, 0);
	assert_int_equal(unwrap(&vault, &reader, record, b.p, b.n, HEALTH, 5, 0, &other), 0);
	assert_memory_equal(&other, &dk, 32);
	assert_int_equal(record_fresh_key(&vault, &reader, record, &x, HEALTH, 6, &dk, &birth), 0);
	assert_int_equal(birth, EPOCH);
	assert_int_equal(record_fresh_key(&vault, &reader, record, &x, NOTES, 6, &other, &birth), 0);
	assert_memory_not_equal(x.of[0].salt, x.of[1].salt, WRAP_SALT);
	record_fresh_put(&x, &b, 0);
	assert_int_equal(b.p[2], 2);
	assert_int_equal(wraps_find(b.p, b.n, HEALTH, 6, 0, &w), 0);
	assert_int_equal(record_unwrap(&vault, &old, record, &w, &again), CV_ERR_NOKEY);
	assert_int_equal(record_unwrap(&vault, &reader, record, &w, &again), 0);
	assert_memory_equal(&again, &dk, 32);
	/* What a request that was rolled back leaves: the same place again gets another key. */
	x.n = 0;
	assert_int_equal(record_fresh_key(&vault, &reader, record, &x, HEALTH, 6, &again, &birth), 0);
	assert_memory_not_equal(&again, &dk, 32);
	buf_free(&b);
}

static void fresh_keys_that_make_no_sense_are_refused(void **state)
{
	struct fresh_keys x = { .n = 0 };
	uint32_t birth = 77;
	struct datakey dk;
	struct buf b;

	(void)state;
	assert_int_equal(record_fresh_key(&vault, &writer, record, &x, HEALTH, 1, &dk, &birth), CV_ERR_NOKEY);
	assert_int_equal(record_fresh_key(&vault, &reader, record, &x, 0x7777u << 16, 1, &dk, &birth), CV_ERR_NOKEY);
	assert_int_equal(record_fresh_key(&vault, &reader, record, &x, HEALTH, 0, &dk, &birth), CV_ERR_ARG);
	assert_int_equal(x.n, 0);
	assert_int_equal(birth, 77);
	for (uint32_t i = 1; i <= FRESH_KEYS; i++)
		assert_int_equal(record_fresh_key(&vault, &reader, record, &x, HEALTH, i, &dk, &birth), 0);
	assert_int_equal(record_fresh_key(&vault, &reader, record, &x, HEALTH, 9, &dk, &birth), CV_ERR_ARG);
	assert_int_equal(record_fresh_key(&vault, &reader, record, &x, NOTES, 9, &dk, &birth), CV_ERR_LIMIT);
	buf_init(&b, 1 << 16);
	wraps_begin(&b);
	record_fresh_put(&x, &b, 0);
	assert_int_equal(unwrap(&vault, &reader, record, b.p, b.n, HEALTH, FRESH_KEYS, 0, &dk), 0);
	buf_free(&b);
}

static void older_epochs_still_open_and_new_wraps_take_the_newest(void **state)
{
	struct wrap_request again = { HEALTH, 5, EPOCH - 1, 0, &data_key };
	struct session old = { .holds = { true } };
	struct datakey dk;
	struct wrap w;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wraps_begin(&b);
	assert_int_equal(record_wrap2(&vault, &old, record, &again, 1, &b), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(unwrap(&vault, &reader, record, b.p, b.n, HEALTH, 5, 0, &dk), 0);
	assert_memory_equal(&dk, &data_key, 32);
	/* Re-wrapped: another wrapping epoch, the same birth. */
	buf_reset(&b);
	wraps_begin(&b);
	assert_int_equal(record_wrap2(&vault, &reader, record, &again, 1, &b), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(wraps_find(b.p, b.n, HEALTH, 5, 0, &w), 0);
	assert_true(w.birth_epoch == EPOCH - 1 && w.wrapping_epoch == EPOCH);
	assert_int_equal(record_unwrap(&vault, &old, record, &w, &dk), CV_ERR_NOKEY);
	assert_int_equal(record_unwrap(&vault, &reader, record, &w, &dk), 0);
	buf_free(&b);
}

static void a_writer_makes_keys_of_a_class_without_its_secret(void **state)
{
	struct datakey made[2], dk;
	struct wrap_request reqs[] = { { NOTES, 0, 0, 1, &made[0] }, { NOTES, 0, 0, 2, &made[1] } };
	struct wrap w;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wraps_begin(&b);
	assert_int_equal(record_wrap2(&vault, &writer, record, reqs, 2, &b), CV_ERR_NOKEY);
	assert_int_equal(b.n, 3);
	assert_int_equal(record_wrap3(&vault, record, reqs, 2, &b), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(reqs[0].birth_epoch, 2);
	assert_memory_not_equal(&made[0], &made[1], 32);
	for (uint32_t i = 1; i <= 2; i++) {
		assert_int_equal(wraps_find(b.p, b.n, NOTES, 0, i, &w), 0);
		assert_int_equal(record_unwrap(&vault, &writer, record, &w, &dk), CV_ERR_NOKEY);
		assert_int_equal(record_unwrap(&vault, &reader, record, &w, &dk), 0);
		assert_memory_equal(&dk, &made[i - 1], 32);
	}
	buf_free(&b);
}

/* The data key of a type 3 entry from an agreement, as whoever kept the turn's secrets could make it. */
static void derive_with(const struct turn *t, const struct turn_class *c, const struct wrap *w, uint8_t ret[32])
{
	uint8_t ctx[CONTEXT_BYTES];
	const struct part parts[] = { { t->epk, 32 }, { c->pk, 32 }, { w->salt, WRAP_SALT }, { ctx, sizeof(ctx) } };
	const struct context at = { .kind = CONTEXT_WRAP, .vault = vault.vault_id, .entity = record, .class_key = w->class_key,
		.epoch = w->wrapping_epoch, .version = w->drop_version, .length = 32 };

	context_encode(&at, ctx);
	crypto_hash("cv1.datakey3", c->ss, 32, parts, 4, ret, 32);
}

static void after_the_turn_its_writer_derives_nothing(void **state)
{
	static const uint8_t zeros[sizeof(struct turn)];
	struct datakey made;
	struct wrap_request req = { NOTES, 0, 0, 1, &made };
	uint8_t key[32];
	const struct turn *t;
	struct wrap w;
	struct buf b;

	(void)state;
	record_turn_end(&vault);
	buf_init(&b, 4096);
	wraps_begin(&b);
	assert_int_equal(record_wrap3(&vault, record, &req, 1, &b), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(wraps_find(b.p, b.n, NOTES, 0, 1, &w), 0);
	t = record_turn(&vault);
	assert_int_equal(t->classes, 1);
	derive_with(t, &t->class[0], &w, key);
	assert_memory_equal(key, &made, 32);
	record_turn_end(&vault);
	assert_memory_equal(t, zeros, sizeof(*t));
	derive_with(t, &t->class[0], &w, key);
	assert_memory_not_equal(key, &made, 32);
	buf_free(&b);
}

static void an_ephemeral_key_serves_one_turn(void **state)
{
	struct datakey made[4];
	const uint8_t *salt[4], *epk[4];
	struct wrap w;
	struct buf b[4];

	(void)state;
	record_turn_end(&vault);
	for (int i = 0; i < 4; i++) {
		struct wrap_request req = { i == 2 ? HEALTH : NOTES, 0, 0, 1, &made[i] };

		buf_init(&b[i], 4096);
		wraps_begin(&b[i]);
		if (i == 3)
			record_turn_end(&vault);
		assert_int_equal(record_wrap3(&vault, i == 1 ? other_record : record, &req, 1, &b[i]), 0);
		wraps_group_added(&b[i], 0);
		assert_int_equal(wraps_find(b[i].p, b[i].n, req.class_key, 0, 1, &w), 0);
		salt[i] = w.salt;
		epk[i] = w.epk;
	}
	assert_memory_equal(epk[0], epk[1], 32);
	assert_memory_equal(epk[0], epk[2], 32);
	assert_memory_not_equal(epk[0], epk[3], 32);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++) {
			assert_memory_not_equal(salt[i], salt[j], WRAP_SALT);
			assert_memory_not_equal(&made[i], &made[j], 32);
		}
	for (int i = 0; i < 4; i++)
		buf_free(&b[i]);
}

static void a_turn_may_meet_more_classes_than_it_remembers(void **state)
{
	static struct datakey made[HELD];
	unsigned first = fakes;
	struct datakey dk;
	struct wrap w;
	struct buf b;

	(void)state;
	record_turn_end(&vault);
	while (fakes < HELD) {
		reader.holds[fakes] = true;
		fake_add((0x100 + fakes) << 16, 1, (uint8_t)fakes);
	}
	assert_true(fakes - first > TURN_CLASSES);
	buf_init(&b, 1 << 16);
	wraps_begin(&b);
	for (unsigned i = first; i < fakes; i++) {
		struct wrap_request req = { fake[i].class_key, 0, 0, 1, &made[i] };

		assert_int_equal(record_wrap3(&vault, record, &req, 1, &b), 0);
		wraps_group_added(&b, 0);
	}
	for (unsigned i = first; i < fakes; i++) {
		assert_int_equal(wraps_find(b.p, b.n, fake[i].class_key, 0, 1, &w), 0);
		assert_int_equal(record_unwrap(&vault, &reader, record, &w, &dk), 0);
		assert_memory_equal(&dk, &made[i], 32);
	}
	buf_free(&b);
}

/* A class renewed within a turn: the agreement with its old key is not used again. */
static void a_new_class_epoch_gets_an_agreement_of_its_own(void **state)
{
	struct datakey dk, made;
	struct wrap_request req = { HEALTH, 0, 0, 1, &made };
	unsigned was = fakes;
	struct wrap w;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	for (int i = 0; i < 2; i++) {
		buf_reset(&b);
		wraps_begin(&b);
		fakes = i == 0 ? 1 : was;	/* the first fake is HEALTH's old epoch */
		assert_int_equal(record_wrap3(&vault, record, &req, 1, &b), 0);
		fakes = was;
		wraps_group_added(&b, 0);
		assert_int_equal(wraps_find(b.p, b.n, HEALTH, 0, 1, &w), 0);
		assert_int_equal(w.wrapping_epoch, i == 0 ? EPOCH - 1 : EPOCH);
		assert_int_equal(record_unwrap(&vault, &reader, record, &w, &dk), 0);
		assert_memory_equal(&dk, &made, 32);
	}
	buf_free(&b);
}

static void a_low_order_point_is_refused(void **state)
{
	static const uint8_t zeros[32];
	uint8_t p[SAMPLE_MAX];
	struct datakey dk;

	(void)state;
	memcpy(p, keys_row, keys_n);
	memcpy(p + GROUP3 + 2, zeros, 32);
	assert_int_equal(unwrap(&vault, &reader, record, p, keys_n, HEALTH, 0, DROP_VERSION, &dk), CV_ERR_CRYPTO);
}

static void requests_that_make_no_sense_are_refused(void **state)
{
	static struct wrap_request many[256];
	struct datakey key = data_key;
	struct wrap_request twice[] = { { HEALTH, 1, 1, 0, &key }, { HEALTH, 1, 1, 0, &key } };
	struct wrap_request mixed[] = { { HEALTH, 1, 1, 0, &key }, { NOTES, 1, 1, 0, &key } };
	struct wrap_request both = { HEALTH, 1, 1, 1, &key }, neither = { HEALTH, 0, 1, 0, &key };
	struct wrap_request unknown = { 0x7777u << 16, 1, 1, 0, &key }, unborn = { HEALTH, 1, 0, 0, &key };
	struct wrap_request later = { HEALTH, 1, EPOCH + 1, 0, &key };
	struct buf b;

	(void)state;
	for (uint32_t i = 0; i < 256; i++)
		many[i] = (struct wrap_request){ HEALTH, i + 1, 1, 0, &key };
	buf_init(&b, 1 << 16);
	buf_u8(&b, 1);
	assert_int_equal(record_wrap2(&vault, &reader, record, twice, 2, &b), CV_ERR_ARG);
	assert_int_equal(record_wrap3(&vault, record, twice, 2, &b), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, &both, 1, &b), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, &neither, 1, &b), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, &unborn, 1, &b), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, &later, 1, &b), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, many, 0, &b), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, many, 256, &b), CV_ERR_ARG);
	assert_int_equal(record_wrap3(&vault, record, many, 256, &b), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, &unknown, 1, &b), CV_ERR_NOKEY);
	assert_int_equal(record_wrap3(&vault, record, &unknown, 1, &b), CV_ERR_NOTFOUND);
	assert_int_equal(b.n, 1);
	assert_int_equal(record_wrap2(&vault, &reader, record, mixed, 2, &b), 0);
	buf_reset(&b);
	assert_int_equal(record_wrap2(&vault, &reader, record, many, 255, &b), 0);
	buf_free(&b);
	buf_init(&b, 50);
	assert_int_equal(record_wrap2(&vault, &reader, record, mixed, 1, &b), CV_ERR_NOMEM);
	assert_int_equal(record_wrap3(&vault, record, mixed, 1, &b), CV_ERR_NOMEM);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_give_the_known_answers),
		cmocka_unit_test(entries_give_the_keys_of_rows_and_drop),
		cmocka_unit_test(every_bit_of_a_keys_row_counts),
		cmocka_unit_test(every_cut_of_a_keys_row_is_refused),
		cmocka_unit_test(entries_are_for_their_record_and_vault_alone),
		cmocka_unit_test(moved_entries_give_other_keys),
		cmocka_unit_test(fresh_keys_are_under_the_newest_epoch_and_never_alike),
		cmocka_unit_test(fresh_keys_that_make_no_sense_are_refused),
		cmocka_unit_test(older_epochs_still_open_and_new_wraps_take_the_newest),
		cmocka_unit_test(a_writer_makes_keys_of_a_class_without_its_secret),
		cmocka_unit_test(after_the_turn_its_writer_derives_nothing),
		cmocka_unit_test(an_ephemeral_key_serves_one_turn),
		cmocka_unit_test(a_turn_may_meet_more_classes_than_it_remembers),
		cmocka_unit_test(a_new_class_epoch_gets_an_agreement_of_its_own),
		cmocka_unit_test(a_low_order_point_is_refused),
		cmocka_unit_test(requests_that_make_no_sense_are_refused),
	};
	return cmocka_run_group_tests(tests, setup, fakes_teardown);
}

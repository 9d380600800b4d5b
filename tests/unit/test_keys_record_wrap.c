/* keys: data keys and their wraps, FORMAT.md 4.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record_fakes.h"

#define WRAP_A (4u + 26)		/* offsets in keys_stored: (HEALTH, GENERATION), the key of row_stored */
#define WRAP_B (WRAP_A + WRAP_ENTRY)	/* (HEALTH, 1) */
#define GROUP3 (WRAP_B + WRAP_ENTRY)	/* the key of drop_stored */

static const struct session writer;	/* holds nothing */
static struct datakey data_key, drop_key;
static uint8_t keys_row[SAMPLE_MAX], row[SAMPLE_MAX], drop[SAMPLE_MAX];
static size_t keys_n, row_n, drop_n;
static struct row_view view;

static int setup(void **state)
{
	run(data_key.opaque, 0xE0, 32);
	run(drop_key.opaque, 0x05, 32);
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
	struct row_place at = { record, HEALTH, 0, is_drop ? 0 : GENERATION, is_drop ? DROP_VERSION : ROW_VERSION, SLOT, is_drop };
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

static void wraps_give_the_known_answers(void **state)
{
	const struct wrap_request two[] = { { HEALTH, GENERATION, BIRTH, 0, &data_key }, { HEALTH, 1, 0, 0, &drop_key } };
	const struct wrap_request three = { HEALTH, 0, 0, DROP_VERSION, &drop_key };
	uint8_t nonce[24], esk[32];
	uint32_t birth[2] = { 0 };
	struct buf b;

	(void)state;
	record_turn_end(&vault);
	buf_init(&b, 4096);
	wraps_begin(&b);
	run(nonce, 0x15, 24);
	assert_int_equal(record_wrap2_with(&vault, &reader, record, two, 2, nonce, &b, birth), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(birth[0], BIRTH);
	assert_int_equal(birth[1], EPOCH);
	run(nonce, 0x35, 24);
	run(esk, 0xC0, 32);
	assert_int_equal(record_wrap3_with(&vault, record, &three, 1, nonce, esk, &b, birth), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(birth[0], EPOCH);
	assert_int_equal(b.n, keys_n);
	assert_memory_equal(b.p, keys_row, keys_n);
	buf_free(&b);
	record_turn_end(&vault);
}

static void wraps_open_to_the_keys_of_row_and_drop(void **state)
{
	struct datakey dk;

	(void)state;
	assert_int_equal(unwrap(&vault, &reader, record, keys_row, keys_n, HEALTH, GENERATION, 0, &dk), 0);
	assert_memory_equal(&dk, &data_key, 32);
	assert_int_equal(unwrap(&vault, &reader, record, keys_row, keys_n, HEALTH, 1, 0, &dk), 0);
	assert_memory_equal(&dk, &drop_key, 32);
	assert_int_equal(unwrap(&vault, &reader, record, keys_row, keys_n, HEALTH, 0, DROP_VERSION, &dk), 0);
	assert_memory_equal(&dk, &drop_key, 32);
	assert_int_equal(read_row(keys_row, keys_n, false), 0);
	assert_int_equal(read_row(keys_row, keys_n, true), 0);
}

/* A bit that belongs to a wrap's own group refuses its row; a bit of another wrap refuses it or does not reach it. */
static void every_bit_of_a_keys_row_counts(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < keys_n * 8; bit++) {
		size_t at = bit / 8;
		bool of_row = at < WRAP_B, of_drop = at < 4 || at >= GROUP3;
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

static void wraps_open_for_their_record_and_vault_alone(void **state)
{
	struct datakey dk;

	(void)state;
	for (int i = 0; i < 3; i++) {
		uint32_t generation = i == 0 ? GENERATION : i == 1 ? 1 : 0, version = i == 2 ? DROP_VERSION : 0;

		assert_int_equal(unwrap(&vault, &reader, other_record, keys_row, keys_n, HEALTH, generation, version, &dk), CV_ERR_AUTH);
		assert_int_equal(unwrap(&other_vault, &reader, record, keys_row, keys_n, HEALTH, generation, version, &dk), CV_ERR_AUTH);
		assert_int_equal(unwrap(&vault, &writer, record, keys_row, keys_n, HEALTH, generation, version, &dk), CV_ERR_NOKEY);
	}
}

static void swapped_wraps_open_nothing(void **state)
{
	uint8_t p[SAMPLE_MAX];
	struct datakey dk;

	(void)state;
	memcpy(p, keys_row, keys_n);
	memcpy(p + WRAP_A + 20, keys_row + WRAP_B + 20, 48);
	memcpy(p + WRAP_B + 20, keys_row + WRAP_A + 20, 48);
	assert_int_equal(unwrap(&vault, &reader, record, p, keys_n, HEALTH, GENERATION, 0, &dk), CV_ERR_AUTH);
	assert_int_equal(unwrap(&vault, &reader, record, p, keys_n, HEALTH, 1, 0, &dk), CV_ERR_AUTH);
	/* One class's wrap under another's name. */
	memcpy(p, keys_row, keys_n);
	be32_put(p + WRAP_A, IDENTITY);
	be32_put(p + WRAP_A + 8, 1);
	be32_put(p + WRAP_A + 12, 1);
	assert_int_equal(unwrap(&vault, &reader, record, p, keys_n, IDENTITY, GENERATION, 0, &dk), CV_ERR_AUTH);
	/* An epoch that the session holds, but not the one the wrap was made under. */
	memcpy(p, keys_row, keys_n);
	be32_put(p + WRAP_A + 12, EPOCH - 1);
	assert_int_equal(unwrap(&vault, &reader, record, p, keys_n, HEALTH, GENERATION, 0, &dk), CV_ERR_AUTH);
	be32_put(p + WRAP_A + 12, EPOCH + 1);
	assert_int_equal(unwrap(&vault, &reader, record, p, keys_n, HEALTH, GENERATION, 0, &dk), CV_ERR_NOKEY);
}

static void older_epochs_still_open_and_new_wraps_take_the_newest(void **state)
{
	const struct wrap_request req = { HEALTH, 5, 0, 0, &data_key }, again = { HEALTH, 5, EPOCH - 1, 0, &data_key };
	struct session old = { .holds = { true } };
	uint32_t birth;
	struct datakey dk;
	struct wrap w;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wraps_begin(&b);
	assert_int_equal(record_wrap2(&vault, &old, record, &req, 1, &b, &birth), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(birth, EPOCH - 1);
	assert_int_equal(unwrap(&vault, &reader, record, b.p, b.n, HEALTH, 5, 0, &dk), 0);
	assert_memory_equal(&dk, &data_key, 32);
	/* Re-wrapped: another wrapping epoch, the same birth. */
	buf_reset(&b);
	wraps_begin(&b);
	assert_int_equal(record_wrap2(&vault, &reader, record, &again, 1, &b, &birth), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(birth, EPOCH - 1);
	assert_int_equal(wraps_find(b.p, b.n, HEALTH, 5, 0, &w), 0);
	assert_true(w.birth_epoch == EPOCH - 1 && w.wrapping_epoch == EPOCH);
	assert_int_equal(record_unwrap(&vault, &old, record, &w, &dk), CV_ERR_NOKEY);
	assert_int_equal(record_unwrap(&vault, &reader, record, &w, &dk), 0);
	buf_free(&b);
}

static void a_writer_seals_to_a_class_without_its_secret(void **state)
{
	const struct wrap_request reqs[] = { { NOTES, 0, 0, 1, &data_key }, { NOTES, 0, 0, 2, &drop_key } };
	struct datakey dk;
	struct wrap w;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wraps_begin(&b);
	assert_int_equal(record_wrap2(&vault, &writer, record, reqs, 2, &b, NULL), CV_ERR_NOKEY);
	assert_int_equal(b.n, 4);
	assert_int_equal(record_wrap3(&vault, record, reqs, 2, &b, NULL), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(wraps_find(b.p, b.n, NOTES, 0, 2, &w), 0);
	assert_int_equal(record_unwrap(&vault, &writer, record, &w, &dk), CV_ERR_NOKEY);
	assert_int_equal(record_unwrap(&vault, &reader, record, &w, &dk), 0);
	assert_memory_equal(&dk, &drop_key, 32);
	buf_free(&b);
}

/* Open a type 3 wrap from an agreement, as whoever kept the turn's secrets could. */
static int open_with(const struct turn *t, const struct turn_class *c, const struct wrap *w)
{
	uint8_t ctx[CONTEXT_BYTES], key[32], out[32];
	const uint8_t zero[12] = { 0 };
	const struct part parts[] = { { t->epk, 32 }, { c->pk, 32 }, { w->nonce, 24 }, { ctx, sizeof(ctx) } };
	const struct context at = { .kind = CONTEXT_WRAP, .vault = vault.vault_id, .entity = record, .class_key = w->class_key,
		.epoch = w->wrapping_epoch, .version = w->drop_version, .length = 32 };

	context_encode(&at, ctx);
	crypto_hash("cv1.wrap3", c->ss, 32, parts, 4, key, 32);
	return crypto_cell_open(key, zero, NULL, 0, w->ciphertext, 48, out);
}

static void after_the_turn_its_writer_opens_nothing(void **state)
{
	static const uint8_t zeros[sizeof(struct turn)];
	const struct wrap_request req = { NOTES, 0, 0, 1, &data_key };
	uint8_t before[32], esk[32];
	const struct turn *t;
	struct wrap w;
	struct buf b;

	(void)state;
	record_turn_end(&vault);
	buf_init(&b, 4096);
	wraps_begin(&b);
	run(esk, 0x33, 32);
	run(before, 0x44, 24);
	assert_int_equal(record_wrap3_with(&vault, record, &req, 1, before, esk, &b, NULL), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(wraps_find(b.p, b.n, NOTES, 0, 1, &w), 0);
	t = record_turn(&vault);
	assert_int_equal(t->classes, 1);
	assert_int_equal(open_with(t, &t->class[0], &w), 0);
	record_turn_end(&vault);
	assert_memory_equal(t, zeros, sizeof(*t));
	assert_int_not_equal(open_with(t, &t->class[0], &w), 0);
	buf_free(&b);
}

static void an_ephemeral_key_serves_one_turn(void **state)
{
	const struct wrap_request notes = { NOTES, 0, 0, 1, &data_key }, health = { HEALTH, 0, 0, 1, &data_key };
	const uint8_t *nonce[4], *epk[4];
	struct wrap w;
	struct buf b[4];

	(void)state;
	record_turn_end(&vault);
	for (int i = 0; i < 4; i++) {
		buf_init(&b[i], 4096);
		wraps_begin(&b[i]);
		if (i == 3)
			record_turn_end(&vault);
		assert_int_equal(record_wrap3(&vault, i == 1 ? other_record : record, i == 2 ? &health : &notes, 1, &b[i], NULL), 0);
		wraps_group_added(&b[i], 0);
		assert_int_equal(wraps_find(b[i].p, b[i].n, i == 2 ? HEALTH : NOTES, 0, 1, &w), 0);
		nonce[i] = w.nonce;
		epk[i] = w.epk;
	}
	assert_memory_equal(epk[0], epk[1], 32);
	assert_memory_equal(epk[0], epk[2], 32);
	assert_memory_not_equal(epk[0], epk[3], 32);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			assert_memory_not_equal(nonce[i], nonce[j], 24);
	for (int i = 0; i < 4; i++)
		buf_free(&b[i]);
}

static void a_turn_may_meet_more_classes_than_it_remembers(void **state)
{
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
		const struct wrap_request req = { fake[i].class_key, 0, 0, 1, &data_key };

		assert_int_equal(record_wrap3(&vault, record, &req, 1, &b, NULL), 0);
		wraps_group_added(&b, 0);
	}
	for (unsigned i = first; i < fakes; i++) {
		assert_int_equal(wraps_find(b.p, b.n, fake[i].class_key, 0, 1, &w), 0);
		assert_int_equal(record_unwrap(&vault, &reader, record, &w, &dk), 0);
		assert_memory_equal(&dk, &data_key, 32);
	}
	buf_free(&b);
}

/* A class renewed within a turn: the agreement with its old key is not used again. */
static void a_new_class_epoch_gets_an_agreement_of_its_own(void **state)
{
	const struct wrap_request req = { HEALTH, 0, 0, 1, &data_key };
	unsigned was = fakes;
	struct datakey dk;
	struct wrap w;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	for (int i = 0; i < 2; i++) {
		buf_reset(&b);
		wraps_begin(&b);
		fakes = i == 0 ? 1 : was;	/* the first fake is HEALTH's old epoch */
		assert_int_equal(record_wrap3(&vault, record, &req, 1, &b, NULL), 0);
		fakes = was;
		wraps_group_added(&b, 0);
		assert_int_equal(wraps_find(b.p, b.n, HEALTH, 0, 1, &w), 0);
		assert_int_equal(w.wrapping_epoch, i == 0 ? EPOCH - 1 : EPOCH);
		assert_int_equal(record_unwrap(&vault, &reader, record, &w, &dk), 0);
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
	memcpy(p + GROUP3 + 26, zeros, 32);
	assert_int_equal(unwrap(&vault, &reader, record, p, keys_n, HEALTH, 0, DROP_VERSION, &dk), CV_ERR_CRYPTO);
}

static void requests_that_make_no_sense_are_refused(void **state)
{
	static struct wrap_request many[256];
	const struct wrap_request twice[] = { { HEALTH, 1, 0, 0, &data_key }, { HEALTH, 1, 0, 0, &drop_key } };
	const struct wrap_request mixed[] = { { HEALTH, 1, 0, 0, &data_key }, { NOTES, 1, 0, 0, &drop_key } };
	const struct wrap_request both = { HEALTH, 1, 0, 1, &data_key }, neither = { HEALTH, 0, 0, 0, &data_key };
	const struct wrap_request unknown = { 0x7777u << 16, 1, 0, 0, &data_key };
	struct buf b;

	(void)state;
	for (uint32_t i = 0; i < 256; i++)
		many[i] = (struct wrap_request){ HEALTH, i + 1, 0, 0, &data_key };
	buf_init(&b, 1 << 16);
	buf_u8(&b, 1);
	assert_int_equal(record_wrap2(&vault, &reader, record, twice, 2, &b, NULL), CV_ERR_ARG);
	assert_int_equal(record_wrap3(&vault, record, twice, 2, &b, NULL), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, &both, 1, &b, NULL), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, &neither, 1, &b, NULL), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, many, 0, &b, NULL), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, many, 256, &b, NULL), CV_ERR_ARG);
	assert_int_equal(record_wrap2(&vault, &reader, record, &unknown, 1, &b, NULL), CV_ERR_NOKEY);
	assert_int_equal(record_wrap3(&vault, record, &unknown, 1, &b, NULL), CV_ERR_NOTFOUND);
	assert_int_equal(b.n, 1);
	assert_int_equal(record_wrap2(&vault, &reader, record, mixed, 2, &b, NULL), 0);
	buf_reset(&b);
	assert_int_equal(record_wrap2(&vault, &reader, record, many, 255, &b, NULL), 0);
	buf_free(&b);
	buf_init(&b, 90);
	assert_int_equal(record_wrap2(&vault, &reader, record, mixed, 1, &b, NULL), CV_ERR_NOMEM);
	assert_int_equal(record_wrap3(&vault, record, mixed, 1, &b, NULL), CV_ERR_NOMEM);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

static void data_keys_are_random(void **state)
{
	struct datakey a, b;

	(void)state;
	record_datakey_random(&a);
	record_datakey_random(&b);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wraps_give_the_known_answers),
		cmocka_unit_test(wraps_open_to_the_keys_of_row_and_drop),
		cmocka_unit_test(every_bit_of_a_keys_row_counts),
		cmocka_unit_test(every_cut_of_a_keys_row_is_refused),
		cmocka_unit_test(wraps_open_for_their_record_and_vault_alone),
		cmocka_unit_test(swapped_wraps_open_nothing),
		cmocka_unit_test(older_epochs_still_open_and_new_wraps_take_the_newest),
		cmocka_unit_test(a_writer_seals_to_a_class_without_its_secret),
		cmocka_unit_test(after_the_turn_its_writer_opens_nothing),
		cmocka_unit_test(an_ephemeral_key_serves_one_turn),
		cmocka_unit_test(a_turn_may_meet_more_classes_than_it_remembers),
		cmocka_unit_test(a_new_class_epoch_gets_an_agreement_of_its_own),
		cmocka_unit_test(a_low_order_point_is_refused),
		cmocka_unit_test(requests_that_make_no_sense_are_refused),
		cmocka_unit_test(data_keys_are_random),
	};
	return cmocka_run_group_tests(tests, setup, fakes_teardown);
}

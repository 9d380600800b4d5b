/* keys: class rows and drops under their row keys, FORMAT.md 4.3 and 4.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record_fakes.h"

#define CELLS 8

static struct row_view view;
static struct datakey data_key, drop_key;
static uint8_t group[128], as[256], bs[256], row_nonce[ROW_NONCE];
static const struct row_place in_row = { record, HEALTH, BIRTH, GENERATION, ROW_VERSION, SLOT, false, row_nonce };
static const struct row_place in_drop = { record, HEALTH, EPOCH, 0, DROP_VERSION, SLOT, true, NULL };
/* The drop of before as it stands in history, under the key of the row. */
static const struct row_place in_history = { record, HEALTH, BIRTH, GENERATION, DROP_VERSION, SLOT, true, NULL };

static int setup(void **state)
{
	uint8_t key[SAMPLE_MAX];

	run(data_key.opaque, 0xE0, 32);
	(void)sample("data_key_3", key);
	memcpy(drop_key.opaque, key, 32);
	run(row_nonce, 0x55, ROW_NONCE);
	memset(as, 'a', sizeof(as));
	memset(bs, 'b', sizeof(bs));
	return fakes_setup(state);
}

static void row_cells(struct row_cell ret[CELLS])
{
	const struct row_cell cells[CELLS] = {
		{ 257, VALUE_TEXT, 0, 9, 16, (const uint8_t *)"王小满" },
		{ 258, VALUE_BOOL, 1, 1, 8, (const uint8_t *)"\1" },
		{ 259, VALUE_INTEGER, 0, 8, 8, (const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xd8" },
		{ 260, VALUE_DATE, 0, 10, 10, (const uint8_t *)"2019-02-28" },
		{ 261, VALUE_GROUP, 1, 0, 128, group },
		{ 300, VALUE_TEXT, 0, 130, 256, as },
		{ 301, VALUE_TEXT, 1, 200, 256, bs },
		{ 16383, VALUE_SUPPRESSED, 0, 0, 16, NULL },
	};
	uint8_t bytes[SAMPLE_MAX];
	size_t n = sample("value_group", bytes);

	memcpy(group, bytes, n);
	memcpy(ret, cells, sizeof(cells));
	ret[4].length = (uint16_t)n;
}

static void drop_cells(struct row_cell ret[2])
{
	ret[0] = (struct row_cell){ 257, VALUE_NULL, 0, 0, 16, NULL };
	ret[1] = (struct row_cell){ 259, VALUE_INTEGER, 0, 8, 8, (const uint8_t *)"\0\0\0\0\0\0\0\3" };
}

/* Open a row and all its values. 0, or the first error. */
static int open_all(struct keys *k, const struct datakey *dk, const struct row_place *at, const uint8_t *p, size_t n)
{
	const uint8_t *value;
	struct buf b;
	int r;

	if ((r = record_row_open(k, dk, at, p, n, &view)) != 0)
		return r;
	buf_init(&b, ROW_MAX);
	for (unsigned i = 0; r == 0 && i < view.index.entries; i++)
		r = record_row_value(&view, i, &b, &value);
	buf_free(&b);
	record_row_clear(&view);
	return r;
}

static void expect_cells(const struct row_cell *cells, unsigned n)
{
	const uint8_t *value;
	struct buf b;

	assert_int_equal(view.index.entries, n);
	for (unsigned i = 0; i < n; i++) {
		bool is_short = row_is_short(cells[i].padded);

		buf_init(&b, 1024);
		buf_u8(&b, 0xaa);
		assert_int_equal(view.index.entry[i].field, cells[i].field);
		assert_int_equal(view.index.entry[i].type, cells[i].type);
		assert_int_equal(view.index.entry[i].length, cells[i].length);
		assert_int_equal(record_row_value(&view, i, &b, &value), 0);
		assert_int_equal(b.n, is_short ? 1u : 1u + cells[i].length);
		if (cells[i].length > 0)
			assert_memory_equal(value, cells[i].p, cells[i].length);
		buf_free(&b);
	}
}

static void rows_give_the_known_answers(void **state)
{
	uint8_t want[SAMPLE_MAX];
	size_t n = sample("row_stored", want);
	struct provenance provs[2];
	struct row_cell cells[CELLS];
	struct buf b;

	(void)state;
	row_cells(cells);
	sample_provenances(provs);
	buf_init(&b, ROW_MAX);
	assert_int_equal(record_row_seal(&vault, &data_key, &in_row, cells, CELLS, provs, 2, &b), 0);
	assert_int_equal(b.n, n);
	assert_memory_equal(b.p, want, n);
	assert_int_equal(record_row_open(&vault, &data_key, &in_row, want, n, &view), 0);
	expect_cells(cells, CELLS);
	assert_memory_equal(view.index.provenance, provs, sizeof(provs));
	record_row_clear(&view);
	buf_reset(&b);
	n = sample("row_stored_empty", want);
	assert_int_equal(record_row_seal(&vault, &data_key, &in_row, NULL, 0, NULL, 0, &b), 0);
	assert_int_equal(b.n, n);
	assert_memory_equal(b.p, want, n);
	assert_int_equal(open_all(&vault, &data_key, &in_row, want, n), 0);
	buf_free(&b);
}

static void drops_give_the_known_answers(void **state)
{
	static const struct {
		const char *name;
		uint8_t nonce;
		const struct row_place *place;
		const struct datakey *key;
	} of[] = {
		{ "drop_stored", 0x75, &in_drop, &drop_key }, { "hist_drop", 0x85, &in_history, &data_key },
	};
	uint8_t want[SAMPLE_MAX], nonce[ROW_NONCE];
	struct provenance provs[2];
	struct row_cell cells[2];
	struct buf b;

	(void)state;
	drop_cells(cells);
	sample_provenances(provs);
	buf_init(&b, ROW_MAX);
	for (unsigned i = 0; i < 2; i++) {
		size_t n = sample(of[i].name, want);
		struct row_place at = *of[i].place;

		run(nonce, of[i].nonce, ROW_NONCE);
		at.nonce = nonce;
		buf_reset(&b);
		assert_int_equal(record_row_seal(&vault, of[i].key, &at, cells, 2, provs, 1, &b), 0);
		assert_int_equal(b.n, n);
		assert_memory_equal(b.p, want, n);
		assert_int_equal(record_row_open(&vault, of[i].key, of[i].place, want, n, &view), 0);
		expect_cells(cells, 2);
		record_row_clear(&view);
	}
	buf_free(&b);
}

/* The long value whose piece holds byte at of the row, or -1 for what stands before the pieces of long values. */
static int piece_of(size_t at)
{
	for (unsigned i = 0; i < view.index.entries; i++) {
		const struct row_entry *e = &view.index.entry[i];

		if (!row_is_short(e->padded) && at >= e->offset && at < e->offset + e->padded + 16u)
			return (int)i;
	}
	return -1;
}

static void every_bit_of_a_row_counts(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("row_stored", p);
	const uint8_t *value;
	struct buf b;
	int hit;

	(void)state;
	buf_init(&b, 4096);
	for (size_t bit = 0; bit < n * 8; bit++) {
		assert_int_equal(record_row_open(&vault, &data_key, &in_row, p, n, &view), 0);
		hit = piece_of(bit / 8);
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		/* Behind the first piece the row opens still: its view points at the changed bytes and one value refuses. */
		for (unsigned i = 0; hit >= 0 && i < view.index.entries; i++) {
			assert_int_equal(record_row_value(&view, i, &b, &value), (int)i == hit ? CV_ERR_AUTH : 0);
			if ((int)i == hit)
				assert_int_equal(b.n, 0);
			buf_reset(&b);
		}
		if (hit < 0)
			assert_int_not_equal(record_row_open(&vault, &data_key, &in_row, p, n, &view), 0);
		assert_int_not_equal(open_all(&vault, &data_key, &in_row, p, n), 0);
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_int_equal(open_all(&vault, &data_key, &in_row, p, n), 0);
	buf_free(&b);
}

static void every_bit_of_a_drop_counts(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("drop_stored", p);

	(void)state;
	for (size_t bit = 0; bit < n * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		assert_int_not_equal(open_all(&vault, &drop_key, &in_drop, p, n), 0);
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_int_equal(open_all(&vault, &drop_key, &in_drop, p, n), 0);
}

static void every_cut_of_a_row_is_refused(void **state)
{
	uint8_t p[SAMPLE_MAX] = { 0 };
	size_t n = sample("row_stored", p), drop_n;

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_int_not_equal(record_row_open(&vault, &data_key, &in_row, p, i, &view), 0);
	assert_int_not_equal(record_row_open(&vault, &data_key, &in_row, p, n + 1, &view), 0);
	drop_n = sample("drop_stored", p);
	for (size_t i = 0; i < drop_n; i++)
		assert_int_not_equal(record_row_open(&vault, &drop_key, &in_drop, p, i, &view), 0);
}

static void a_row_opens_in_its_place_alone(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("row_stored", p);
	uint8_t other[ROW_NONCE];
	struct row_place at[9];

	(void)state;
	for (size_t i = 0; i < 9; i++)
		at[i] = in_row;
	at[0].record = other_record;
	at[1].class_key = IDENTITY;
	at[2].birth_epoch = EPOCH;
	at[3].generation++;
	at[4].version--;		/* a row of before, put back */
	at[5].version++;
	at[6].shred_slot++;
	at[7].nonce = other;		/* a row of the same version, put back */
	run(other, 0x56, ROW_NONCE);
	at[8].drop = true;
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(record_row_open(&vault, &data_key, &at[i], p, n, &view), CV_ERR_AUTH);
	assert_int_not_equal(record_row_open(&vault, &data_key, &at[8], p, n, &view), 0);
	assert_int_equal(record_row_open(&other_vault, &data_key, &in_row, p, n, &view), CV_ERR_AUTH);
	assert_int_equal(record_row_open(&vault, &drop_key, &in_row, p, n, &view), CV_ERR_AUTH);
	assert_int_equal(record_row_open(&vault, &data_key, &in_row, p, n, &view), 0);
}

static void a_drop_is_no_row_and_a_row_no_drop(void **state)
{
	struct row_place row = in_drop, drop = in_row;
	uint8_t p[SAMPLE_MAX], nonce[ROW_NONCE];
	size_t n = sample("drop_stored", p);

	(void)state;
	row.drop = false;
	row.nonce = p + 2;	/* the drop's own N */
	assert_int_not_equal(record_row_open(&vault, &drop_key, &row, p, n, &view), 0);
	/* Without it, in the layout of a row. */
	memmove(p + 2, p + 26, n - 26);
	run(nonce, 0x75, ROW_NONCE);
	row.nonce = nonce;
	assert_int_equal(record_row_open(&vault, &drop_key, &row, p, n - 24, &view), CV_ERR_AUTH);
	/* A row with its N in the place of a drop's. */
	n = sample("row_stored", p);
	memmove(p + 26, p + 2, n - 2);
	memcpy(p + 2, row_nonce, ROW_NONCE);
	drop.drop = true;
	assert_int_equal(record_row_open(&vault, &data_key, &drop, p, n + 24, &view), CV_ERR_AUTH);
}

static void without_its_shred_key_a_row_stays_shut(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("row_stored", p);
	struct row_cell cells[CELLS];
	struct provenance provs[2];
	struct buf b;

	(void)state;
	row_cells(cells);
	sample_provenances(provs);
	buf_init(&b, ROW_MAX);
	shred_gone = true;
	assert_int_equal(record_row_open(&vault, &data_key, &in_row, p, n, &view), CV_ERR_NOTFOUND);
	assert_int_equal(record_row_seal(&vault, &data_key, &in_row, cells, CELLS, provs, 2, &b), CV_ERR_NOTFOUND);
	assert_int_equal(b.n, 0);
	shred_gone = false;
	buf_free(&b);
}

/* The row key of a sample row, to forge with what only its holder could. */
static void row_key_of(const uint8_t *p, size_t n, uint8_t ret[32])
{
	assert_int_equal(record_row_open(&vault, &data_key, &in_row, p, n, &view), 0);
	memcpy(ret, view.row_key, 32);
}

static void the_commitment_is_looked_at_before_anything_is_decrypted(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("row_stored", p);

	(void)state;
	p[4] ^= 1;	/* C; the pieces are in order */
	view.index.entries = 4711;
	memset(view.row_key, 0x5a, 32);
	assert_int_equal(record_row_open(&vault, &data_key, &in_row, p, n, &view), CV_ERR_AUTH);
	assert_int_equal(view.index.entries, 4711);
	assert_int_equal(view.row_key[0], 0x5a);
}

/* Put a first piece of n bytes in the place of another that is as long, under the row's own key. */
static void forge_first(const uint8_t key[32], const uint8_t *plain, size_t n, uint8_t *row)
{
	static const uint8_t nonce[12];

	crypto_cell_seal(key, nonce, NULL, 0, plain, n, row + 20);
}

static void padding_of_a_long_value_must_be_zero(void **state)
{
	uint8_t p[SAMPLE_MAX], key[32], plain[256] = { 0 }, nonce[12] = { 0, 0, 1, 0x2C };
	size_t n = sample("row_stored", p);
	const uint8_t *value = NULL;
	struct buf b;

	(void)state;
	row_key_of(p, n, key);
	buf_init(&b, 1024);
	memset(plain, 'a', 130);
	for (unsigned i = 130; i < 256; i++) {
		plain[i] = 1;
		crypto_cell_seal(key, nonce, NULL, 0, plain, 256, p + view.index.entry[5].offset);
		assert_int_equal(record_row_value(&view, 5, &b, &value), CV_ERR_FORMAT);
		assert_int_equal(b.n, 0);
		assert_null(value);
		plain[i] = 0;
	}
	crypto_cell_seal(key, nonce, NULL, 0, plain, 256, p + view.index.entry[5].offset);
	assert_int_equal(record_row_value(&view, 5, &b, &value), 0);
	buf_free(&b);
}

static void a_null_outside_a_drop_is_refused(void **state)
{
	uint8_t p[SAMPLE_MAX], key[32], plain[SAMPLE_MAX];
	size_t n = sample("row_stored", p), first_n = sample("row_first", plain);
	struct provenance provs[2];
	struct row_cell cells[2];
	struct buf b;

	(void)state;
	row_key_of(p, n, key);
	assert_int_equal(plain[42], VALUE_SUPPRESSED);
	plain[42] = VALUE_NULL;
	forge_first(key, plain, first_n, p);
	assert_int_equal(record_row_open(&vault, &data_key, &in_row, p, n, &view), CV_ERR_FORMAT);
	buf_init(&b, ROW_MAX);
	drop_cells(cells);
	sample_provenances(provs);
	assert_int_equal(record_row_seal(&vault, &data_key, &in_row, cells, 2, provs, 2, &b), CV_ERR_ARG);
	assert_int_equal(record_row_seal(&vault, &data_key, &in_drop, cells, 2, provs, 2, &b), 0);
	buf_free(&b);
}

/* The opener's key decides, not the bytes: entries whose values leave the row are refused before one is looked at. */
static void an_entry_may_not_point_outside_its_row(void **state)
{
	static const struct { uint16_t at; uint8_t byte; } bad[] = { { 6, 0x7f }, { 26, 0x7f }, { 33, 0x7f }, { 39, 0x7f } };
	uint8_t p[SAMPLE_MAX], key[32], plain[SAMPLE_MAX];
	size_t n = sample("row_stored", p), first_n;

	(void)state;
	row_key_of(p, n, key);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		first_n = sample("row_first", plain);
		plain[bad[i].at] = bad[i].byte;
		forge_first(key, plain, first_n, p);
		assert_int_equal(record_row_open(&vault, &data_key, &in_row, p, n, &view), CV_ERR_FORMAT);
	}
}

/* What is opened and not taken apart leaves nothing. */
static void a_first_piece_that_is_refused_is_wiped(void **state)
{
	uint8_t p[SAMPLE_MAX], key[32], plain[SAMPLE_MAX];
	size_t n = sample("row_stored", p), first_n = sample("row_first", plain);

	(void)state;
	row_key_of(p, n, key);
	record_row_clear(&view);
	plain[1] = 3;
	forge_first(key, plain, first_n, p);
	assert_int_equal(record_row_open(&vault, &data_key, &in_row, p, n, &view), CV_ERR_FORMAT);
	for (size_t i = 0; i < first_n; i++)
		assert_int_equal(view.plain[i], 0);
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(view.row_key[i], 0);
}

static void drops_are_never_sealed_twice_alike(void **state)
{
	struct provenance provs[2];
	struct row_cell cells[2];
	struct buf a, b;

	(void)state;
	drop_cells(cells);
	sample_provenances(provs);
	buf_init(&a, ROW_MAX);
	buf_init(&b, ROW_MAX);
	assert_int_equal(record_row_seal(&vault, &drop_key, &in_drop, cells, 2, provs, 2, &a), 0);
	assert_int_equal(record_row_seal(&vault, &drop_key, &in_drop, cells, 2, provs, 2, &b), 0);
	assert_int_equal(a.n, b.n);
	assert_memory_not_equal(a.p + 2, b.p + 2, 24);
	assert_memory_not_equal(a.p + 27, b.p + 27, 16);
	assert_memory_not_equal(a.p + 43, b.p + 43, 16);
	assert_int_equal(open_all(&vault, &drop_key, &in_drop, a.p, a.n), 0);
	buf_free(&a);
	buf_free(&b);
}

static void rows_stay_below_their_limits(void **state)
{
	static struct row_cell cells[ROW_ENTRIES + 1];
	static uint8_t bytes[FIELD_MAX];
	static struct provenance prov;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_u8(&b, 1);
	for (unsigned i = 0; i < 5; i++)
		cells[i] = (struct row_cell){ (uint16_t)(i + 1), VALUE_TEXT, 0, FIELD_MAX, FIELD_MAX, bytes };
	assert_int_equal(record_row_seal(&vault, &data_key, &in_row, cells, 5, &prov, 1, &b), CV_ERR_LIMIT);
	assert_int_equal(b.n, 1);
	buf_reset(&b);
	cells[0].length = FIELD_MAX - 1;
	assert_int_equal(record_row_seal(&vault, &data_key, &in_row, cells, 4, &prov, 1, &b), 0);
	assert_int_equal(open_all(&vault, &data_key, &in_row, b.p, b.n), 0);
	for (unsigned i = 0; i <= ROW_ENTRIES; i++)
		cells[i] = (struct row_cell){ (uint16_t)(i + 1), VALUE_BOOL, 0, 1, 8, bytes };
	buf_reset(&b);
	assert_int_equal(record_row_seal(&vault, &data_key, &in_row, cells, ROW_ENTRIES + 1, &prov, 1, &b), CV_ERR_LIMIT);
	assert_int_equal(record_row_seal(&vault, &data_key, &in_row, cells, ROW_ENTRIES, &prov, 1, &b), 0);
	assert_int_equal(open_all(&vault, &data_key, &in_row, b.p, b.n), 0);
	buf_reset(&b);
	cells[1].field = 1;
	assert_int_equal(record_row_seal(&vault, &data_key, &in_row, cells, 2, &prov, 1, &b), CV_ERR_ARG);
	assert_int_equal(record_row_seal(&vault, &data_key, &in_row, cells, 1, &prov, 0, &b), CV_ERR_ARG);
	assert_int_equal(record_row_seal(&vault, &data_key, &in_row, NULL, 0, NULL, 0, &b), 0);
	assert_int_equal(open_all(&vault, &data_key, &in_row, b.p, b.n), 0);
	buf_free(&b);
}

static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	struct provenance provs[2];
	struct row_cell cells[CELLS];
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("row_stored", p);
	const uint8_t *value;
	struct buf b;

	(void)state;
	row_cells(cells);
	sample_provenances(provs);
	for (size_t max = 1; max <= n; max += 13) {
		buf_init(&b, max);
		buf_u8(&b, 1);
		assert_int_equal(record_row_seal(&vault, &data_key, &in_row, cells, CELLS, provs, 2, &b), CV_ERR_NOMEM);
		assert_int_equal(b.n, 1);
		buf_free(&b);
	}
	assert_int_equal(record_row_open(&vault, &data_key, &in_row, p, n, &view), 0);
	buf_init(&b, 64);
	buf_u8(&b, 1);
	assert_int_equal(record_row_value(&view, 5, &b, &value), CV_ERR_NOMEM);
	assert_int_equal(b.n, 1);
	buf_free(&b);
}

static void a_cleared_row_opens_nothing_more(void **state)
{
	static const uint8_t zeros[32];
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("row_stored", p);

	(void)state;
	assert_int_equal(record_row_open(&vault, &data_key, &in_row, p, n, &view), 0);
	record_row_clear(&view);
	assert_memory_equal(view.row_key, zeros, 32);
	assert_int_equal(view.index.entries, 0);
	assert_int_equal(view.index.entry[5].field, 0);
	for (size_t i = 0; i < 288; i++)
		assert_int_equal(view.plain[i], 0);
	assert_memory_equal(view.index.provenance[1].writer, zeros, 16);
	record_row_clear(&view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_give_the_known_answers),
		cmocka_unit_test(drops_give_the_known_answers),
		cmocka_unit_test(every_bit_of_a_row_counts),
		cmocka_unit_test(every_bit_of_a_drop_counts),
		cmocka_unit_test(every_cut_of_a_row_is_refused),
		cmocka_unit_test(a_row_opens_in_its_place_alone),
		cmocka_unit_test(a_drop_is_no_row_and_a_row_no_drop),
		cmocka_unit_test(without_its_shred_key_a_row_stays_shut),
		cmocka_unit_test(the_commitment_is_looked_at_before_anything_is_decrypted),
		cmocka_unit_test(padding_of_a_long_value_must_be_zero),
		cmocka_unit_test(a_null_outside_a_drop_is_refused),
		cmocka_unit_test(an_entry_may_not_point_outside_its_row),
		cmocka_unit_test(a_first_piece_that_is_refused_is_wiped),
		cmocka_unit_test(drops_are_never_sealed_twice_alike),
		cmocka_unit_test(rows_stay_below_their_limits),
		cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
		cmocka_unit_test(a_cleared_row_opens_nothing_more),
	};
	return cmocka_run_group_tests(tests, setup, fakes_teardown);
}

/* format: class rows, their index, keys of tables. FORMAT.md 4.3, 4.6 and section 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "record_samples.h"

static struct row_index back;

static void sample_index(struct row_index *ret)
{
	static const struct row_entry entry[] = {
		{ .field = 257, .type = VALUE_TEXT, .provenance = 0, .length = 9, .padded = 16 },
		{ .field = 258, .type = VALUE_BOOL, .provenance = 1, .length = 1, .padded = 8 },
		{ .field = 259, .type = VALUE_INTEGER, .provenance = 0, .length = 8, .padded = 8 },
		{ .field = 260, .type = VALUE_DATE, .provenance = 0, .length = 10, .padded = 10 },
		{ .field = 261, .type = VALUE_GROUP, .provenance = 1, .length = 91, .padded = 128 },
		{ .field = 16383, .type = VALUE_SUPPRESSED, .provenance = 0, .length = 0, .padded = 16 },
	};

	memset(ret, 0, sizeof(*ret));
	ret->entries = 6;
	ret->provenances = 2;
	memcpy(ret->entry, entry, sizeof(entry));
	sample_provenances(ret->provenance);
}

static size_t encode(const struct row_index *x, uint8_t *ret)
{
	struct buf b;
	size_t n;

	buf_init(&b, 1 << 16);
	assert_int_equal(row_index_encode(x, &b), 0);
	n = b.n;
	memcpy(ret, b.p, n);
	buf_free(&b);
	return n;
}

static void index_gives_the_known_answer(void **state)
{
	uint8_t want[SAMPLE_MAX], out[SAMPLE_MAX];
	size_t n = sample("row_index", want);

	(void)state;
	sample_index(&back);
	assert_int_equal(encode(&back, out), n);
	assert_memory_equal(out, want, n);
}

static void index_comes_back_with_the_places_of_the_cells(void **state)
{
	uint8_t p[SAMPLE_MAX], row[SAMPLE_MAX];
	size_t n = sample("row_index", p), row_n = sample("row_stored", row);
	static struct row_index want;

	(void)state;
	sample_index(&want);
	memset(&back, 0, sizeof(back));
	assert_int_equal(row_index_decode(p, n, n + 16, row_n, &back), 0);
	want.entry[0].offset = (uint32_t)(60 + n + 16);
	for (unsigned i = 1; i < want.entries; i++)
		want.entry[i].offset = want.entry[i - 1].offset + want.entry[i - 1].padded + 16;
	assert_memory_equal(&back, &want, sizeof(want));
	assert_int_equal(back.entry[5].offset + 16 + 16, row_n);
	for (unsigned i = 0; i < want.entries; i++)
		assert_ptr_equal(row_index_find(&back, want.entry[i].field), &back.entry[i]);
	assert_null(row_index_find(&back, 262));
	assert_null(row_index_find(&back, 1));
}

static void an_empty_row_has_an_index(void **state)
{
	static const struct row_index none = { 0 };
	uint8_t p[SAMPLE_MAX];

	(void)state;
	assert_int_equal(encode(&none, p), 32);
	assert_int_equal(row_index_decode(p, 32, 48, 60 + 48, &back), 0);
	assert_int_equal(back.entries, 0);
	assert_null(row_index_find(&back, 1));
}

static void the_largest_index_fits_its_maximum(void **state)
{
	static uint8_t p[ROW_INDEX_MAX];
	size_t stored_n = ROW_PREFIX + ROW_INDEX_MAX + 16 + ROW_ENTRIES * 16;

	(void)state;
	memset(&back, 0, sizeof(back));
	back.entries = ROW_ENTRIES;
	back.provenances = ROW_PROVENANCES;
	for (unsigned i = 0; i < ROW_ENTRIES; i++)
		back.entry[i] = (struct row_entry){ .field = (uint16_t)(i + 1), .type = VALUE_NULL,
			.provenance = (uint8_t)(i % ROW_PROVENANCES) };
	assert_int_equal(encode(&back, p), ROW_INDEX_MAX);
	assert_int_equal(row_index_decode(p, ROW_INDEX_MAX, ROW_INDEX_MAX + 16, stored_n, &back), 0);
	assert_int_equal(back.entries, ROW_ENTRIES);
}

static void cells_must_end_where_the_row_ends(void **state)
{
	uint8_t p[SAMPLE_MAX], row[SAMPLE_MAX];
	size_t n = sample("row_index", p), row_n = sample("row_stored", row);

	(void)state;
	assert_int_equal(row_index_decode(p, n, n + 16, row_n - 1, &back), CV_ERR_FORMAT);
	assert_int_equal(row_index_decode(p, n, n + 16, row_n + 1, &back), CV_ERR_FORMAT);
	assert_int_equal(row_index_decode(p, n, n + 48, row_n, &back), CV_ERR_FORMAT);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(row_index_decode(p, i, i + 16, row_n, &back), CV_ERR_FORMAT);
}

static void unknown_bytes_of_an_index_are_refused(void **state)
{
	static const struct { uint16_t at; uint8_t byte; } bad[] = {
		{ 0, 2 }, { 1, 5 }, { 1, 7 }, { 2, 1 }, { 2, 3 }, { 3, 1 },
		{ 4, 0x40 },			/* field above 0x3fff */
		{ 4, 2 }, { 13, 1 },		/* not ascending: above the next, the same as the one before */
		{ 6, 8 }, { 6, 14 }, { 6, 16 }, { 6, 0 }, { 6, 15 },	/* unknown types, and types without bytes */
		{ 7, 2 },			/* a provenance that is not there */
		{ 9, 17 },			/* longer than padded */
		{ 11, 15 }, { 11, 17 },		/* cells end elsewhere */
		{ 116, 1 }, { 127, 1 },		/* padding */
	};
	uint8_t p[SAMPLE_MAX], row[SAMPLE_MAX], was;
	size_t n = sample("row_index", p), row_n = sample("row_stored", row);

	(void)state;
	assert_int_equal(n, 128);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		was = p[bad[i].at];
		assert_int_not_equal(was, bad[i].byte);
		p[bad[i].at] = bad[i].byte;
		if (row_index_decode(p, n, n + 16, row_n, &back) != CV_ERR_FORMAT)
			fail_msg("byte %u may be %u", bad[i].at, bad[i].byte);
		p[bad[i].at] = was;
	}
	assert_int_equal(row_index_decode(p, n, n + 16, row_n, &back), 0);
}

static void what_decodes_encodes_to_the_same_bytes(void **state)
{
	uint8_t p[SAMPLE_MAX], row[SAMPLE_MAX], again[SAMPLE_MAX];
	size_t n = sample("row_index", p), row_n = sample("row_stored", row), accepted = 0;

	(void)state;
	for (size_t bit = 0; bit < n * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (row_index_decode(p, n, n + 16, row_n, &back) == 0) {
			assert_int_equal(encode(&back, again), n);
			assert_memory_equal(again, p, n);
			accepted++;
		}
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_true(accepted > 0);
}

static void encode_refuses_what_decode_would(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 16);
	buf_u8(&b, 0xaa);
	for (int i = 0; i < 9; i++) {
		sample_index(&back);
		switch (i) {
		case 0: back.entry[0].field = 0; break;
		case 1: back.entry[5].field = 0x4000; break;
		case 2: back.entry[1].field = 257; break;
		case 3: back.entry[1].type = 9; break;
		case 4: back.entry[1].provenance = 2; break;
		case 5: back.entry[1].length = 9; break;
		case 6: back.entry[1].padded = FIELD_MAX + 1; break;
		case 7: back.entry[5].length = 1; break;
		case 8: back.provenance[1].written_ms = 1ull << 48; break;
		}
		assert_int_equal(row_index_encode(&back, &b), CV_ERR_ARG);
	}
	sample_index(&back);
	back.entries = ROW_ENTRIES + 1;
	assert_int_equal(row_index_encode(&back, &b), CV_ERR_LIMIT);
	sample_index(&back);
	back.provenances = ROW_PROVENANCES + 1;
	assert_int_equal(row_index_encode(&back, &b), CV_ERR_LIMIT);
	assert_int_equal(b.n, 1);
	buf_free(&b);
	buf_init(&b, 100);
	sample_index(&back);
	assert_int_equal(row_index_encode(&back, &b), CV_ERR_NOMEM);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

static void split_finds_the_parts_and_refuses_other_rows(void **state)
{
	uint8_t p[SAMPLE_MAX], prefix[ROW_PREFIX];
	size_t n = sample("row_stored", p);
	struct row_parts parts;

	(void)state;
	assert_int_equal(row_split(p, n, &parts), 0);
	assert_ptr_equal(parts.nonce, p + 4);
	assert_ptr_equal(parts.commit, p + 28);
	assert_ptr_equal(parts.index, p + 60);
	assert_int_equal(parts.index_n, 144);
	row_prefix_encode(144, p + 4, p + 28, prefix);
	assert_memory_equal(prefix, p, ROW_PREFIX);
	for (size_t i = 0; i < 60 + 144; i++)
		assert_int_equal(row_split(p, i, &parts), CV_ERR_FORMAT);
	assert_int_equal(row_split(p, ROW_MAX + 1, &parts), CV_ERR_FORMAT);
	for (size_t bit = 0; bit < 32; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (row_split(p, n, &parts) == 0)
			assert_true(bit >= 16 && (parts.index_n - 16) % 32 == 0);
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	be16_put(p + 2, 16);
	assert_int_equal(row_split(p, n, &parts), CV_ERR_FORMAT);
}

static void keys_of_tables_are_as_written_down(void **state)
{
	uint8_t want[SAMPLE_MAX], key[REC_KEY_MAX], hist[HIST_KEY], what;
	uint64_t serial = 0x010203040506, got, version;
	uint32_t class_key;

	(void)state;
	assert_int_equal(rec_key(serial, REC_HEAD, 0, 0, key), sample("rec_key_head", want));
	assert_memory_equal(key, want, 11);
	assert_int_equal(rec_key(serial, REC_ROW, HEALTH, 0, key), sample("rec_key_row", want));
	assert_memory_equal(key, want, 11);
	assert_int_equal(rec_key(serial, REC_DROP, HEALTH, DROP_VERSION, key), sample("rec_key_drop", want));
	assert_memory_equal(key, want, 19);
	assert_int_equal(sample("hist_key", want), HIST_KEY);
	hist_key(serial, HEALTH, ROW_VERSION, 1, hist);
	assert_memory_equal(hist, want, HIST_KEY);
	assert_int_equal(hist_key_decode(hist, HIST_KEY, &got, &class_key, &version, &what), 0);
	assert_true(got == serial && class_key == HEALTH && version == ROW_VERSION && what == 1);
	assert_int_equal(hist_key_decode(hist, HIST_KEY - 1, &got, &class_key, &version, &what), CV_ERR_FORMAT);
	hist[18] = 3;
	assert_int_equal(hist_key_decode(hist, HIST_KEY, &got, &class_key, &version, &what), CV_ERR_FORMAT);
	hist[18] = 0;
	assert_int_equal(hist_key_decode(hist, HIST_KEY, &got, &class_key, &version, &what), CV_ERR_FORMAT);
}

static void keys_sort_heads_first_and_newest_history_first(void **state)
{
	uint8_t a[REC_KEY_MAX], b[REC_KEY_MAX];

	(void)state;
	rec_key(7, REC_HEAD, 0, 0, a);
	rec_key(7, REC_KEYS, 0, 0, b);
	assert_true(memcmp(a, b, 11) < 0);
	rec_key(7, REC_ROW, IDENTITY, 0, a);
	assert_true(memcmp(b, a, 11) < 0);
	rec_key(8, REC_HEAD, 0, 0, b);
	assert_true(memcmp(a, b, 11) < 0);
	hist_key(7, HEALTH, 9, 1, a);
	hist_key(7, HEALTH, 8, 1, b);
	assert_true(memcmp(a, b, HIST_KEY) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_gives_the_known_answer),
		cmocka_unit_test(index_comes_back_with_the_places_of_the_cells),
		cmocka_unit_test(an_empty_row_has_an_index),
		cmocka_unit_test(the_largest_index_fits_its_maximum),
		cmocka_unit_test(cells_must_end_where_the_row_ends),
		cmocka_unit_test(unknown_bytes_of_an_index_are_refused),
		cmocka_unit_test(what_decodes_encodes_to_the_same_bytes),
		cmocka_unit_test(encode_refuses_what_decode_would),
		cmocka_unit_test(split_finds_the_parts_and_refuses_other_rows),
		cmocka_unit_test(keys_of_tables_are_as_written_down),
		cmocka_unit_test(keys_sort_heads_first_and_newest_history_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

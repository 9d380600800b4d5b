/* format: class rows, their index, keys of tables. FORMAT.md 4.3, 4.6 and section 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/error.h"
#include "record_samples.h"

static struct row_index back;
static uint8_t group[128], as[256], bs[256];

#define CELLS 8
#define LONG 5			/* the first of two long ones */
#define VALUES_AT 102		/* in row_first */
#define REST_AT 324		/* in row_stored */

static void sample_cells(struct row_cell ret[CELLS])
{
	const struct row_cell cells[CELLS] = {
		{ 257, VALUE_TEXT, 0, 9, 16, (const uint8_t *)"王小满" },
		{ 258, VALUE_BOOL, 1, 1, 8, (const uint8_t *)"\1" },
		{ 259, VALUE_INTEGER, 0, 8, 8, (const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xd8" },
		{ 260, VALUE_DATE, 0, 10, 10, (const uint8_t *)"2019-02-28" },
		{ 261, VALUE_GROUP, 1, 91, 128, group },
		{ 300, VALUE_TEXT, 0, 130, 256, as },
		{ 301, VALUE_TEXT, 1, 200, 256, bs },
		{ 16383, VALUE_SUPPRESSED, 0, 0, 16, NULL },
	};
	uint8_t bytes[SAMPLE_MAX];

	memcpy(group, bytes, sample("value_group", bytes) <= sizeof(group) ? 91 : 0);
	memset(as, 'a', sizeof(as));
	memset(bs, 'b', sizeof(bs));
	memcpy(ret, cells, sizeof(cells));
}

static struct row_input sample_input(struct row_cell cells[CELLS], struct provenance provs[2])
{
	sample_cells(cells);
	sample_provenances(provs);
	return (struct row_input){ cells, CELLS, provs, 2, false };
}

/* The plaintext of the first piece of a row; its length. */
static size_t encode(const struct row_input *x, uint8_t *ret)
{
	static uint8_t row[ROW_MAX], nonce[ROW_NONCE];
	struct row_layout at;

	assert_int_equal(row_measure(x, &at), 0);
	memset(row, 0x5a, sizeof(row));
	row_encode(x, &at, nonce, row);
	memcpy(ret, row + at.first_at, at.first_n);
	assert_int_equal(row[at.first_at + at.first_n], 0x5a);
	return at.first_n;
}

/* The cells of what was decoded to back from p: it encodes to the same bytes. */
static size_t encode_again(const uint8_t *p, bool drop, uint8_t *ret)
{
	static struct row_cell cells[ROW_ENTRIES];
	struct row_input x = { cells, back.entries, back.provenance, back.provenances, drop };

	for (unsigned i = 0; i < back.entries; i++) {
		const struct row_entry *e = &back.entry[i];

		cells[i] = (struct row_cell){ e->field, e->type, e->provenance, e->length, e->padded,
			row_is_short(e->padded) ? p + e->offset : NULL };
	}
	return encode(&x, ret);
}

static int decode_at(const uint8_t *p, size_t n, size_t rest_at, size_t stored_n, bool drop)
{
	struct row_parts parts = { .rest_at = rest_at };

	return row_decode(p, n, &parts, stored_n, drop, &back);
}

/* As the first piece of row_stored. */
static int decode(const uint8_t *p, size_t n)
{
	return decode_at(p, n, REST_AT, REST_AT + 2 * 272, false);
}

static void first_pieces_give_the_known_answers(void **state)
{
	uint8_t want[SAMPLE_MAX], out[SAMPLE_MAX];
	struct provenance provs[2];
	struct row_cell cells[CELLS];
	struct row_input x = sample_input(cells, provs);
	size_t n = sample("row_first", want);

	(void)state;
	assert_int_equal(encode(&x, out), n);
	assert_memory_equal(out, want, n);
	cells[0] = (struct row_cell){ 257, VALUE_NULL, 0, 0, 16, NULL };
	cells[1] = (struct row_cell){ 259, VALUE_INTEGER, 0, 8, 8, (const uint8_t *)"\0\0\0\0\0\0\0\3" };
	x = (struct row_input){ cells, 2, provs, 1, true };
	n = sample("drop_first", want);
	assert_int_equal(encode(&x, out), n);
	assert_memory_equal(out, want, n);
	x = (struct row_input){ NULL, 0, NULL, 0, false };
	n = sample("row_first_empty", want);
	assert_int_equal(encode(&x, out), n);
	assert_memory_equal(out, want, n);
}

static void entries_come_back_with_their_places(void **state)
{
	uint8_t p[SAMPLE_MAX];
	struct provenance provs[2];
	struct row_cell cells[CELLS];
	size_t n = sample("row_first", p), index_n = sample("row_index", p), at = VALUES_AT, rest = REST_AT;

	(void)state;
	(void)sample_input(cells, provs);
	assert_int_equal(index_n, VALUES_AT);
	n = sample("row_first", p);
	assert_int_equal(decode(p, n), 0);
	assert_int_equal(back.entries, CELLS);
	assert_int_equal(back.provenances, 2);
	assert_memory_equal(back.provenance, provs, sizeof(provs));
	for (unsigned i = 0; i < CELLS; i++) {
		const struct row_entry *e = &back.entry[i];

		assert_true(e->field == cells[i].field && e->type == cells[i].type && e->provenance == cells[i].provenance);
		assert_true(e->length == cells[i].length && e->padded == cells[i].padded);
		assert_ptr_equal(row_index_find(&back, e->field), e);
		if (row_is_short(e->padded)) {
			assert_int_equal(e->offset, at);
			if (e->length > 0)
				assert_memory_equal(p + at, cells[i].p, e->length);
			at += e->padded;
		} else {
			assert_int_equal(e->offset, rest);
			rest += e->padded + 16u;
		}
	}
	assert_int_equal(at, n);
	assert_null(row_index_find(&back, 262));
	assert_null(row_index_find(&back, 1));
}

static void values_of_128_bytes_are_short(void **state)
{
	static const uint8_t bytes[200];
	static const struct provenance prov;
	struct row_cell c = { 1, VALUE_TEXT, 0, 128, 128, bytes };
	struct row_input x = { &c, 1, &prov, 1, false };
	struct row_layout at;

	(void)state;
	assert_int_equal(row_measure(&x, &at), 0);
	assert_int_equal(at.stored_n, at.rest_at);
	c.padded = 129;
	assert_int_equal(row_measure(&x, &at), 0);
	assert_int_equal(at.stored_n, at.rest_at + 129 + 16);
	assert_true(at.first_n < 64);
}

static void an_empty_row_has_a_first_piece(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("row_first_empty", p);

	(void)state;
	assert_int_equal(n, 16);
	assert_int_equal(decode_at(p, 16, 51, 51, false), 0);
	assert_int_equal(back.entries, 0);
	assert_null(row_index_find(&back, 1));
}

static void the_largest_first_piece_fits_its_maximum(void **state)
{
	static uint8_t p[ROW_FIRST_MAX], value[128];
	static struct row_cell cells[ROW_ENTRIES];
	static struct provenance provs[ROW_PROVENANCES];
	struct row_input x = { cells, ROW_ENTRIES, provs, ROW_PROVENANCES, false };
	size_t n;

	(void)state;
	for (unsigned i = 0; i < ROW_ENTRIES; i++)
		cells[i] = (struct row_cell){ (uint16_t)(i + 1), VALUE_TEXT, (uint8_t)(i % ROW_PROVENANCES), 128, 128, value };
	for (unsigned i = 0; i < ROW_PROVENANCES; i++)
		provs[i].as_of_day = provs[i].due_day = UINT32_MAX;
	n = encode(&x, p);
	assert_true(n > 3 + 512u * (6 + 128) + 255u * 34 - 16 && n <= ROW_FIRST_MAX);
	assert_int_equal(decode_at(p, n, 100, 100, false), 0);
	assert_int_equal(back.entries, ROW_ENTRIES);
	assert_int_equal(back.provenance[254].due_day, UINT32_MAX);
}

static void pieces_must_end_where_the_row_ends(void **state)
{
	uint8_t p[SAMPLE_MAX] = { 0 };
	size_t n = sample("row_first", p);

	(void)state;
	assert_int_equal(decode_at(p, n, REST_AT, REST_AT + 543, false), CV_ERR_FORMAT);
	assert_int_equal(decode_at(p, n, REST_AT, REST_AT + 545, false), CV_ERR_FORMAT);
	assert_int_equal(decode_at(p, n, REST_AT + 1, REST_AT + 544, false), CV_ERR_FORMAT);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(decode(p, i), CV_ERR_FORMAT);
	assert_int_equal(decode(p, n + 16), CV_ERR_FORMAT);
	assert_int_equal(decode(p, n), 0);
}

static void unknown_bytes_of_a_first_piece_are_refused(void **state)
{
	static const struct { uint16_t at; uint8_t byte; } bad[] = {
		{ 0, 7 }, { 0, 9 }, { 0, 0 }, { 1, 0 }, { 1, 1 }, { 1, 3 },
		{ 2, 1 },			/* field id 1, and what follows is no type */
		{ 8, 0 },			/* the same field once more */
		{ 40, 0xD3 },			/* field id 0x4000 */
		{ 41, 0x80 },			/* a number that does not end */
		{ 4, 8 }, { 4, 14 }, { 4, 16 }, { 4, 0 }, { 4, 15 },	/* unknown types; null in a row; suppressed with bytes */
		{ 42, 0 },
		{ 5, 2 },			/* a provenance that is not there */
		{ 6, 8 }, { 6, 10 }, { 7, 6 }, { 7, 8 },	/* values end elsewhere */
		{ 12, 0x80 },
		{ 39, 0x37 }, { 39, 0x39 },	/* pieces end elsewhere */
	};
	uint8_t p[SAMPLE_MAX], was;
	size_t n = sample("row_first", p);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		was = p[bad[i].at];
		assert_int_not_equal(was, bad[i].byte);
		p[bad[i].at] = bad[i].byte;
		if (decode(p, n) != CV_ERR_FORMAT)
			fail_msg("byte %u may be %u", bad[i].at, bad[i].byte);
		p[bad[i].at] = was;
	}
	/* Padding of a short value. */
	for (size_t i = VALUES_AT + 9; i < VALUES_AT + 16; i++) {
		p[i] = 1;
		assert_int_equal(decode(p, n), CV_ERR_FORMAT);
		p[i] = 0;
	}
	assert_int_equal(decode(p, n), 0);
}

static void padding_behind_the_values_must_be_zero_and_less_than_a_block(void **state)
{
	uint8_t p[SAMPLE_MAX] = { 0 };
	size_t n = sample("drop_first", p), used = 2 + 5 + 4 + 28 + 16 + 8;

	(void)state;
	assert_true(used < n && n - used < 16);
	for (size_t i = used; i < n; i++) {
		p[i] = 1;
		assert_int_equal(decode_at(p, n, 99, 99, true), CV_ERR_FORMAT);
		p[i] = 0;
	}
	assert_int_equal(decode_at(p, n, 99, 99, true), 0);
	assert_int_equal(decode_at(p, n + 16, 99, 99, true), CV_ERR_FORMAT);
	assert_int_equal(decode_at(p, n, 99, 99, false), CV_ERR_FORMAT);	/* it has a null */
}

static void second_spellings_of_numbers_are_refused(void **state)
{
	/* One entry of field 5, one provenance; an empty text. */
	uint8_t p[64] = { 1, 1, 5, VALUE_TEXT, 0, 0 }, q[64] = { 0 };

	(void)state;
	assert_int_equal(decode_at(p, 32, 50, 50, false), 0);
	for (unsigned at = 0; at < 6; at++) {
		if (at == 1 || at == 3)
			continue;
		memcpy(q, p, at);
		q[at] = p[at] | 0x80;
		q[at + 1] = 0;
		memcpy(q + at + 2, p + at + 1, sizeof(q) - at - 2);
		assert_int_equal(decode_at(q, 32, 50, 50, false), CV_ERR_FORMAT);
		assert_int_equal(decode_at(q, 48, 50, 50, false), CV_ERR_FORMAT);
	}
	/* The provenance's days: 25 and 26. */
	memcpy(q, p, sizeof(q));
	q[6 + 24] = 0x80;
	assert_int_equal(decode_at(q, 48, 50, 50, false), CV_ERR_FORMAT);
}

static void what_decodes_encodes_to_the_same_bytes(void **state)
{
	uint8_t p[SAMPLE_MAX], again[SAMPLE_MAX];
	size_t n = sample("row_first", p), accepted = 0;

	(void)state;
	for (size_t bit = 0; bit < n * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (decode(p, n) == 0) {
			assert_int_equal(encode_again(p, false, again), n);
			assert_memory_equal(again, p, n);
			accepted++;
		}
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_true(accepted > 0);
}

static void measure_refuses_what_decode_would(void **state)
{
	static const uint8_t bytes[2] = { 1 };
	static struct row_cell many[ROW_ENTRIES + 1];
	struct row_layout at = { .first_n = 4711 };
	struct provenance provs[2];
	struct row_cell cells[CELLS];
	struct row_input x;

	(void)state;
	for (int i = 0; i < 11; i++) {
		x = sample_input(cells, provs);
		switch (i) {
		case 0: cells[0].field = 0; break;
		case 1: cells[7].field = 0x4000; break;
		case 2: cells[1].field = 257; break;
		case 3: cells[1].type = 9; break;
		case 4: cells[1].provenance = 2; break;
		case 5: cells[1].length = 9; break;
		case 6: cells[1].padded = FIELD_MAX + 1; break;
		case 7: cells[7].length = 1; break;
		case 8: provs[1].written_ms = 1ull << 48; break;
		case 9: cells[7].type = VALUE_NULL; break;
		case 10: x.provenances = 1; break;
		}
		assert_int_equal(row_measure(&x, &at), CV_ERR_ARG);
	}
	x = sample_input(cells, provs);
	cells[7].type = VALUE_NULL;
	x.drop = true;
	assert_int_equal(row_measure(&x, &at), 0);
	at.first_n = 4711;
	x.provenances = ROW_PROVENANCES + 1;
	assert_int_equal(row_measure(&x, &at), CV_ERR_LIMIT);
	for (unsigned i = 0; i <= ROW_ENTRIES; i++)
		many[i] = (struct row_cell){ (uint16_t)(i + 1), VALUE_BOOL, 0, 1, 8, bytes };
	x = (struct row_input){ many, ROW_ENTRIES + 1, provs, 1, false };
	assert_int_equal(row_measure(&x, &at), CV_ERR_LIMIT);
	for (unsigned i = 0; i < 5; i++)
		many[i].padded = FIELD_MAX;
	x.n = 5;
	assert_int_equal(row_measure(&x, &at), CV_ERR_LIMIT);
	assert_int_equal(at.first_n, 4711);
	x.n = 4;
	assert_int_equal(row_measure(&x, &at), 0);
}

static void split_finds_the_parts_and_refuses_other_rows(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("row_stored", p);
	struct row_parts parts;

	(void)state;
	assert_int_equal(row_split(p, n, false, &parts), 0);
	assert_null(parts.nonce);
	assert_ptr_equal(parts.commit, p + 4);
	assert_ptr_equal(parts.first, p + 20);
	assert_int_equal(parts.first_n, 304);
	assert_int_equal(parts.rest_at, REST_AT);
	for (size_t i = 0; i < REST_AT; i++)
		assert_int_equal(row_split(p, i, false, &parts), CV_ERR_FORMAT);
	assert_int_equal(row_split(p, ROW_MAX + 1, false, &parts), CV_ERR_FORMAT);
	for (size_t bit = 0; bit < 32; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (row_split(p, n, false, &parts) == 0)
			assert_true(bit >= 16 && parts.first_n % 16 == 0);
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	p[2] = 16;	/* no plaintext */
	assert_int_equal(row_split(p, n, false, &parts), CV_ERR_FORMAT);
	p[2] = 0xA0;	/* 32, in a spelling too long */
	p[3] = 0;
	assert_int_equal(row_split(p, n, false, &parts), CV_ERR_FORMAT);
}

static void a_drop_holds_its_n(void **state)
{
	uint8_t p[SAMPLE_MAX], nonce[ROW_NONCE];
	size_t n = sample("drop_stored", p);
	struct row_parts parts;

	(void)state;
	run(nonce, 0x75, sizeof(nonce));
	assert_int_equal(row_split(p, n, true, &parts), 0);
	assert_ptr_equal(parts.nonce, p + 2);
	assert_memory_equal(parts.nonce, nonce, sizeof(nonce));
	assert_ptr_equal(parts.commit, p + 27);
	assert_int_equal(parts.rest_at, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(row_split(p, i, true, &parts), CV_ERR_FORMAT);
}

/* What was written before format 2. */
static void rows_of_format_1_are_refused(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("row_stored", p);
	struct row_parts parts;

	(void)state;
	p[0] = 1;
	assert_int_equal(row_split(p, n, false, &parts), CV_ERR_FORMAT);
	assert_int_equal(row_split(p, n, true, &parts), CV_ERR_FORMAT);
}

static void keys_of_tables_are_as_written_down(void **state)
{
	uint8_t want[SAMPLE_MAX], key[REC_KEY_MAX];
	uint64_t serial = 0x010203040506;

	(void)state;
	assert_int_equal(rec_key(serial, REC_HEAD, 0, 0, key), sample("rec_key_head", want));
	assert_memory_equal(key, want, 11);
	assert_int_equal(rec_key(serial, REC_ROW, HEALTH, 0, key), sample("rec_key_row", want));
	assert_memory_equal(key, want, 11);
	assert_int_equal(rec_key(serial, REC_DROP, HEALTH, DROP_VERSION, key), sample("rec_key_drop", want));
	assert_memory_equal(key, want, 19);
}

static void keys_sort_heads_first(void **state)
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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_pieces_give_the_known_answers),
		cmocka_unit_test(entries_come_back_with_their_places),
		cmocka_unit_test(values_of_128_bytes_are_short),
		cmocka_unit_test(an_empty_row_has_a_first_piece),
		cmocka_unit_test(the_largest_first_piece_fits_its_maximum),
		cmocka_unit_test(pieces_must_end_where_the_row_ends),
		cmocka_unit_test(unknown_bytes_of_a_first_piece_are_refused),
		cmocka_unit_test(padding_behind_the_values_must_be_zero_and_less_than_a_block),
		cmocka_unit_test(second_spellings_of_numbers_are_refused),
		cmocka_unit_test(what_decodes_encodes_to_the_same_bytes),
		cmocka_unit_test(measure_refuses_what_decode_would),
		cmocka_unit_test(split_finds_the_parts_and_refuses_other_rows),
		cmocka_unit_test(a_drop_holds_its_n),
		cmocka_unit_test(rows_of_format_1_are_refused),
		cmocka_unit_test(keys_of_tables_are_as_written_down),
		cmocka_unit_test(keys_sort_heads_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

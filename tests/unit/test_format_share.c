/* Shares as bytes and as text that people copy. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "format/share.h"

#define TEXT 256u

/* Written out by another program from docs/FORMAT.md section 12. */
static const uint8_t known[SHARE_BYTES] = {
	1, 1, 2, 3, 2, 5, 0xA0, 0xA1, 0xA2, 0xA3, 0xB0, 0xB1, 0xB2, 0xB3,
	0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F,
	0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x2D, 0x2E, 0x2F,
};
static const char *const known_lines[SHARE_LINES] = {
	"040G40R2 0PGA38N3 E", "P2RV5CRG 2491650N N", "2RBHG68T 3CE1T7GZ 6", "40GJ48S4 4MK2EA19 6", "58NJRB9E 5WQC6VA0 3",
};

static void known_text(char ret[TEXT])
{
	ret[0] = '\0';
	for (unsigned i = 0; i < SHARE_LINES; i++)
		snprintf(ret + strlen(ret), TEXT - strlen(ret), "%s\n", known_lines[i]);
}

static int read_text(const char *text, uint8_t ret[SHARE_BYTES], unsigned *ret_line)
{
	return share_from_text(text, strlen(text), ret, ret_line);
}

static void bytes_are_read_and_written(void **state)
{
	uint8_t again[SHARE_BYTES];
	struct share s;

	(void)state;
	assert_int_equal(share_decode(known, &s), 0);
	assert_true(s.slot == 2 && s.index == 3 && s.k == 2 && s.n == 5);
	assert_memory_equal(s.vault, known + 6, 4);
	assert_memory_equal(s.split, known + 10, 4);
	assert_memory_equal(s.scalar, known + 14, 32);
	share_encode(&s, again);
	assert_memory_equal(again, known, SHARE_BYTES);
}

static void numbers_out_of_range_are_no_share(void **state)
{
	static const uint8_t wrong[][6] = { { 0, 1, 2, 3, 2, 5 }, { 2, 1, 2, 3, 2, 5 }, { 1, 2, 2, 3, 2, 5 }, { 1, 1, 4, 3, 2, 5 },
		{ 1, 1, 2, 0, 2, 5 }, { 1, 1, 2, 6, 2, 5 }, { 1, 1, 2, 3, 0, 5 }, { 1, 1, 2, 3, 6, 5 }, { 1, 1, 2, 3, 2, 17 } };
	uint8_t p[SHARE_BYTES];
	struct share s;

	(void)state;
	memcpy(p, known, sizeof(p));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(p, wrong[i], 6);
		assert_int_equal(share_decode(p, &s), CV_ERR_FORMAT);
	}
}

static void text_is_the_documented_one(void **state)
{
	char line[SHARE_LINE], qr[SHARE_QR], want[SHARE_QR] = SHARE_QR_HEAD;

	(void)state;
	for (unsigned i = 0; i < SHARE_LINES; i++) {
		share_line(known, i, line);
		assert_string_equal(line, known_lines[i]);
		for (const char *p = known_lines[i]; *p != '\0'; p++)
			if (*p != ' ')
				strncat(want, p, 1);
	}
	share_qr_text(known, qr);
	assert_string_equal(qr, want);
}

static void text_comes_back_however_it_was_copied(void **state)
{
	uint8_t got[SHARE_BYTES];
	char text[TEXT], bent[2 * TEXT];
	unsigned line;
	size_t n = 0;

	(void)state;
	known_text(text);
	assert_int_equal(share_symbols(text, strlen(text)), SHARE_SYMBOLS);
	assert_int_equal(read_text(text, got, &line), 0);
	assert_memory_equal(got, known, SHARE_BYTES);
	/* Lower case, letters for digits, hyphens and blanks anywhere, all in one line or one character a line. */
	for (const char *p = text; *p != '\0'; p++) {
		char c = *p == '0' ? 'o' : *p == '1' ? (n % 2 != 0 ? 'l' : 'i') : (char)tolower((unsigned char)*p);

		n += (size_t)snprintf(bent + n, sizeof(bent) - n, "%c%s", c == '\n' ? ' ' : c, n % 3 == 0 ? "\t-" : "");
	}
	memset(got, 0, sizeof(got));
	assert_int_equal(read_text(bent, got, &line), 0);
	assert_memory_equal(got, known, SHARE_BYTES);
	n = 0;
	for (const char *p = text; *p != '\0'; p++)
		n += (size_t)snprintf(bent + n, sizeof(bent) - n, "%c\r\n", *p);
	assert_int_equal(read_text(bent, got, &line), 0);
}

static void labels_and_remarks_are_no_part_of_it(void **state)
{
	uint8_t got[SHARE_BYTES];
	char text[2 * TEXT], qr[SHARE_QR];
	unsigned line;

	(void)state;
	snprintf(text, sizeof(text), "childvault-share-1\n# holder: custodian-a\n(1) %s\nline 2: %s\n3) %s\n  %s\n%s", known_lines[0],
	    known_lines[1], known_lines[2], known_lines[3], known_lines[4]);
	assert_int_equal(read_text(text, got, &line), 0);
	assert_memory_equal(got, known, SHARE_BYTES);
	share_qr_text(known, qr);
	memset(got, 0, sizeof(got));
	assert_int_equal(read_text(qr, got, &line), 0);
	assert_memory_equal(got, known, SHARE_BYTES);
}

static void each_wrong_character_is_found_at_its_line(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint8_t got[SHARE_BYTES];
	char text[TEXT];
	unsigned line;

	(void)state;
	for (unsigned l = 0; l < SHARE_LINES; l++)
		for (unsigned i = 0; i < SHARE_LINE - 1; i++) {
			known_text(text);
			for (unsigned c = 0; c < 32 && text[l * SHARE_LINE + i] != ' '; c++) {
				char was = text[l * SHARE_LINE + i];

				if (alphabet[c] == was)
					continue;
				text[l * SHARE_LINE + i] = alphabet[c];
				line = 0;
				assert_int_equal(read_text(text, got, &line), CV_ERR_FORMAT);
				assert_int_equal(line, l + 1);
				assert_false(share_line_fits(text + l * SHARE_LINE, SHARE_LINE, l));
				text[l * SHARE_LINE + i] = was;
			}
		}
}

static void a_line_alone_is_judged_as_it_is_typed(void **state)
{
	(void)state;
	for (unsigned l = 0; l < SHARE_LINES; l++)
		for (unsigned as = 0; as < SHARE_LINES; as++)
			assert_int_equal(share_line_fits(known_lines[l], SHARE_LINE - 1, as), l == as);
	assert_true(share_line_fits("(1) o4og40r2-opga38n3 e\n", 24, 0));
	assert_false(share_line_fits(known_lines[0], SHARE_LINE - 2, 0));
	assert_false(share_line_fits("", 0, 0));
	assert_false(share_line_fits("040G40R2 0PGA38N3 E 0", 21, 0));
}

static void characters_and_lines_that_changed_places_are_found(void **state)
{
	uint8_t got[SHARE_BYTES];
	char text[TEXT];
	unsigned line;

	(void)state;
	for (unsigned i = 0; i < SHARE_LINE - 1; i++)
		for (unsigned j = 0; j < i; j++) {
			char *at;

			known_text(text);
			at = text + 2 * SHARE_LINE;
			if (at[i] == at[j] || at[i] == ' ' || at[j] == ' ')
				continue;
			at[i] = known_lines[2][j];
			at[j] = known_lines[2][i];
			line = 0;
			assert_int_equal(read_text(text, got, &line), CV_ERR_FORMAT);
			assert_int_equal(line, 3);
		}
	for (unsigned i = 0; i < SHARE_LINES; i++)
		for (unsigned j = 0; j < i; j++) {
			known_text(text);
			memcpy(text + i * SHARE_LINE, known_lines[j], SHARE_LINE - 1);
			memcpy(text + j * SHARE_LINE, known_lines[i], SHARE_LINE - 1);
			assert_int_equal(read_text(text, got, &line), CV_ERR_FORMAT);
			assert_int_equal(line, j + 1);
		}
}

/* A line's check character, once more: the sum of 2^i c_i in the field of 32 elements. */
static unsigned times_two(unsigned v, unsigned times)
{
	while (times-- > 0)
		v = (v << 1) ^ ((v & 16) != 0 ? 0x25 : 0);
	return v;
}

static void two_changes_that_a_line_does_not_notice_are_found_by_the_whole(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint8_t got[SHARE_BYTES];
	char text[TEXT];
	unsigned line;

	(void)state;
	/* Characters 1 and 2 of the second line: c_1 changes by 2, c_2 by 1, so that 2·2 + 4·1 = 0. */
	assert_int_equal(times_two(2, 1) ^ times_two(1, 2), 0);
	known_text(text);
	for (unsigned i = 0; i < 2; i++) {
		char *c = text + SHARE_LINE + i;

		*c = alphabet[(unsigned)(strchr(alphabet, *c) - alphabet) ^ (i == 0 ? 2 : 1)];
	}
	assert_int_equal(read_text(text, got, &line), CV_ERR_AUTH);
}

static void too_few_or_too_many_characters_are_said(void **state)
{
	uint8_t got[SHARE_BYTES];
	char text[TEXT];
	unsigned line;

	(void)state;
	known_text(text);
	for (size_t n = 0; n < strlen(text) - 2; n++)
		assert_int_equal(share_from_text(text, n, got, &line), CV_ERR_LIMIT);
	strcat(text, "0");
	assert_int_equal(read_text(text, got, &line), CV_ERR_LIMIT);
	known_text(text);
	text[3] = '*';
	assert_int_equal(read_text(text, got, &line), CV_ERR_FORMAT);
	assert_int_equal(line, 1);
	text[3] = 'U';
	assert_int_equal(read_text(text, got, &line), CV_ERR_FORMAT);
}

static void whole_text_of_something_else_is_no_share(void **state)
{
	uint8_t p[SHARE_BYTES], got[SHARE_BYTES] = { 0 };
	char text[TEXT] = "", line[SHARE_LINE];
	unsigned at;

	(void)state;
	memcpy(p, known, sizeof(p));
	p[0] = 9;
	for (unsigned i = 0; i < SHARE_LINES; i++) {
		share_line(p, i, line);
		strcat(text, line);
	}
	assert_int_equal(read_text(text, got, &at), CV_ERR_INVALID);
	assert_int_equal(got[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_read_and_written),
		cmocka_unit_test(numbers_out_of_range_are_no_share),
		cmocka_unit_test(text_is_the_documented_one),
		cmocka_unit_test(text_comes_back_however_it_was_copied),
		cmocka_unit_test(labels_and_remarks_are_no_part_of_it),
		cmocka_unit_test(each_wrong_character_is_found_at_its_line),
		cmocka_unit_test(a_line_alone_is_judged_as_it_is_typed),
		cmocka_unit_test(characters_and_lines_that_changed_places_are_found),
		cmocka_unit_test(two_changes_that_a_line_does_not_notice_are_found_by_the_whole),
		cmocka_unit_test(too_few_or_too_many_characters_are_said),
		cmocka_unit_test(whole_text_of_something_else_is_no_share),
	};

	return cmocka_run_group_tests_name("format share", tests, NULL, NULL);
}

/* Signed notes, checkpoints and verifier keys: one spelling each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/note.h"

#define SIG64 "AQIDBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SIG72 "AQIDBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define ROOT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define TEXT "log.example/1\n48211\n" ROOT "\n"
#define LINE "\xe2\x80\x94 log.example/1 " SIG64 "\n"

static int decode(const char *s, struct note *ret)
{
	return note_decode(s, strlen(s), ret);
}

static void note_comes_apart(void **state)
{
	static const char s[] = TEXT "\n" LINE "\xe2\x80\x94 witness.example/w " SIG72 "\n";
	struct checkpoint c;
	struct note n;

	(void)state;
	assert_int_equal(decode(s, &n), 0);
	assert_int_equal(n.text_n, strlen(TEXT));
	assert_int_equal(n.sigs, 2);
	assert_int_equal(n.sig[0].name_n, 13);
	assert_memory_equal(n.sig[0].name, "log.example/1", 13);
	assert_memory_equal(n.sig[0].key_id, "\1\2\3\4", 4);
	assert_true(n.sig[0].sig_n == 64 && n.sig[1].sig_n == 72);
	assert_int_equal(checkpoint_decode(&n, &c), 0);
	assert_true(c.size == 48211 && c.origin_n == 13);
}

static void what_is_written_is_read(void **state)
{
	uint8_t root[32], sig[64];
	struct checkpoint c;
	struct note n;
	struct buf b;

	(void)state;
	memset(root, 7, 32);
	memset(sig, 9, 64);
	buf_init(&b, NOTE_MAX);
	assert_int_equal(checkpoint_encode("log.example/1", UINT64_MAX, root, &b), 0);
	note_text_end(&b);
	note_sig_encode("log.example/1", (const uint8_t *)"abcd", sig, &b);
	assert_int_equal(note_decode((char *)b.p, b.n, &n), 0);
	assert_int_equal(checkpoint_decode(&n, &c), 0);
	assert_true(c.size == UINT64_MAX);
	assert_memory_equal(c.root, root, 32);
	assert_memory_equal(n.sig[0].sig, sig, 64);
	assert_memory_equal(n.sig[0].key_id, "abcd", 4);
	for (size_t cut = 0; cut < b.n; cut++)
		assert_int_equal(note_decode((char *)b.p, cut, &n), CV_ERR_FORMAT);
	buf_free(&b);
}

static void other_spellings_of_a_note_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "\n", "\n\n", TEXT, TEXT "\n", TEXT LINE, TEXT "\n" LINE "x", TEXT "\n" LINE "\n",
		"log.example/1\r\n48211\r\n" ROOT "\r\n\n" LINE, TEXT "\n- log.example/1 " SIG64 "\n",
		TEXT "\n\xe2\x80\x94 log.example/1  " SIG64 "\n", TEXT "\n\xe2\x80\x94 log.example/1 " SIG64 " \n",
		TEXT "\n\xe2\x80\x94 log+example " SIG64 "\n", TEXT "\n\xe2\x80\x94  " SIG64 "\n", TEXT "\n\xe2\x80\x94 a AQIDBA==\n",
		TEXT "\n\xe2\x80\x94 a\xc2\xa0" "b " SIG64 "\n", "bad \xff\n\n" LINE, "tab\there\n\n" LINE
	};
	struct note n;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(decode(bad[i], &n), CV_ERR_FORMAT);
}

static void sixteen_signatures_are_the_most(void **state)
{
	char s[NOTE_MAX];
	struct note n;

	(void)state;
	(void)snprintf(s, sizeof(s), "%s\n", TEXT);
	for (unsigned i = 0; i < NOTE_SIGS_MAX; i++)
		(void)snprintf(s + strlen(s), sizeof(s) - strlen(s), "%s", LINE);
	assert_int_equal(decode(s, &n), 0);
	assert_int_equal(n.sigs, NOTE_SIGS_MAX);
	(void)snprintf(s + strlen(s), sizeof(s) - strlen(s), "%s", LINE);
	assert_int_equal(decode(s, &n), CV_ERR_FORMAT);
}

static void other_spellings_of_a_checkpoint_are_refused(void **state)
{
	static const char *const bad[] = {
		"log.example/1\n048211\n" ROOT "\n", "log.example/1\n\n" ROOT "\n", "log.example/1\n-1\n" ROOT "\n",
		"log.example/1\n+1\n" ROOT "\n", "log.example/1\n1 \n" ROOT "\n", "log.example/1\n18446744073709551616\n" ROOT "\n",
		"log.example/1\n99999999999999999999\n" ROOT "\n", "log.example/1\n1\nAAAA\n", "log.example/1\n1\n", "log.example/1\n",
		"log.example/1\n1\n" ROOT "\nextension\n", "log example\n1\n" ROOT "\n", "log+example\n1\n" ROOT "\n",
		"log.example/1\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n"
	};
	char s[1024];
	struct checkpoint c;
	struct note n;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(s, sizeof(s), "%s\n%s", bad[i], LINE);
		if (decode(s, &n) == 0)
			assert_int_equal(checkpoint_decode(&n, &c), CV_ERR_FORMAT);
	}
	assert_int_equal(decode("log.example/1\n0\n" ROOT "\n\n" LINE, &n), 0);
	assert_int_equal(checkpoint_decode(&n, &c), 0);
	assert_true(c.size == 0);
}

static void verifier_key_has_one_spelling(void **state)
{
	/* A key that Go's documentation of sumdb/note prints. */
	static const char good[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
	static const char *const bad[] = {
		"", "PeterNeumann", "PeterNeumann+c74f20a3", "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T=",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n\n"
	};
	struct vkey k;
	struct buf b;

	(void)state;
	assert_int_equal(vkey_decode(good, strlen(good), NOTE_ED25519, &k), 0);
	assert_string_equal(k.name, "PeterNeumann");
	assert_memory_equal(k.key_id, "\xc7\x4f\x20\xa3", 4);
	buf_init(&b, 512);
	vkey_encode(&k, &b);
	assert_int_equal(b.n, strlen(good) + 1);
	assert_memory_equal(b.p, good, strlen(good));
	assert_int_equal(vkey_decode((char *)b.p, b.n, NOTE_ED25519, &k), 0);
	buf_free(&b);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vkey_decode(bad[i], strlen(bad[i]), NOTE_ED25519, &k), CV_ERR_FORMAT);
}

static void names_are_utf8_without_space_or_plus(void **state)
{
	char longest[NOTE_NAME_MAX + 1];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_true(note_name_valid("childvault.local/0001", 21) && note_name_valid("\xe6\x97\xa5\xe5\xbf\x97", 6));
	assert_true(note_name_valid(longest, NOTE_NAME_MAX) && !note_name_valid(longest, NOTE_NAME_MAX + 1));
	assert_false(note_name_valid("", 0) || note_name_valid("a b", 3) || note_name_valid("a+b", 3) || note_name_valid("a\nb", 3));
	assert_false(note_name_valid("a\xe3\x80\x80" "b", 5) || note_name_valid("\xff", 1) || note_name_valid("a\x7f", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(note_comes_apart),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(other_spellings_of_a_note_are_refused),
		cmocka_unit_test(sixteen_signatures_are_the_most),
		cmocka_unit_test(other_spellings_of_a_checkpoint_are_refused),
		cmocka_unit_test(verifier_key_has_one_spelling),
		cmocka_unit_test(names_are_utf8_without_space_or_plus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

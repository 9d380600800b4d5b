/* Key files and public files: what is written opens again, with the right passphrase and answer alone, and has one spelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "client/key.h"
#include "record_samples.h"

static const uint8_t answer[32] = { 1, 2, 3 };

/* Argon2id's floor, so that the test takes a moment: new key files use more. */
static struct client_pass pass_of(const char *text)
{
	struct keyfile f = { .argon_kib = 65536, .argon_passes = 3, .salt = { 9 } };
	struct client_pass p;

	assert_int_equal(client_pass_of(&f, text, strlen(text), &p), 0);
	return p;
}

static void assert_same_key(const struct client_key *a, const struct client_key *b) { assert_memory_equal(a, b, sizeof *a); }

static int decode(const struct buf *text, struct keyfile *ret) { return keyfile_decode((const char *)text->p, text->n, ret); }

static void plain_key_file_opens_again(void **state)
{
	struct client_key k, again;
	struct keyfile f;
	struct buf text;

	(void)state;
	buf_init(&text, KEYFILE_TEXT_MAX);
	client_key_new(&k);
	memset(k.vault, 7, 16);
	assert_int_equal(client_key_save(&k, &text), 0);
	assert_memory_equal(text.p, "childvault-key-1\n", 17);
	assert_int_equal(decode(&text, &f), 0);
	assert_int_equal(f.protection, KEYFILE_PLAIN);
	assert_int_equal(client_key_open(&f, NULL, NULL, &again), 0);
	assert_same_key(&k, &again);
	buf_free(&text);
}

static void sealed_key_file_wants_passphrase_and_answer(void **state)
{
	struct client_pass right = pass_of("correct horse"), wrong = pass_of("correct horse ");
	static const uint8_t other[32] = { 1, 2, 4 };
	struct client_key k, again;
	struct keyfile f;
	struct buf text;

	(void)state;
	buf_init(&text, KEYFILE_TEXT_MAX);
	client_key_new(&k);
	memset(k.vault, 7, 16);
	assert_int_equal(client_key_save_sealed(&k, &right, answer, &text), 0);
	assert_int_equal(decode(&text, &f), 0);
	assert_int_equal(f.argon_kib, 65536);
	assert_int_equal(client_key_open(&f, &right, answer, &again), 0);
	assert_same_key(&k, &again);
	assert_int_equal(client_key_open(&f, NULL, answer, &again), CV_ERR_ARG);
	assert_int_equal(client_key_open(&f, &wrong, answer, &again), CV_ERR_AUTH);
	assert_int_equal(client_key_open(&f, &right, other, &again), CV_ERR_AUTH);
	assert_int_equal(client_key_open(&f, &right, NULL, &again), CV_ERR_AUTH);
	f.vault[0] ^= 1;
	assert_int_equal(client_key_open(&f, &right, answer, &again), CV_ERR_AUTH);
	f.vault[0] ^= 1;
	f.principal[0] ^= 1;
	assert_int_equal(client_key_open(&f, &right, answer, &again), CV_ERR_AUTH);
	buf_free(&text);
}

static void every_changed_bit_of_a_sealed_file_is_refused(void **state)
{
	struct client_pass pass = pass_of("p");
	struct client_key k, again;
	struct keyfile f;
	struct buf text;

	(void)state;
	buf_init(&text, KEYFILE_TEXT_MAX);
	client_key_new(&k);
	assert_int_equal(client_key_save_sealed(&k, &pass, answer, &text), 0);
	assert_int_equal(decode(&text, &f), 0);
	for (size_t bit = 0; bit < f.body_n * 8; bit++) {
		f.body[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(client_key_open(&f, &pass, answer, &again), CV_ERR_AUTH);
		f.body[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	buf_free(&text);
}

static void text_of_a_key_file_has_one_spelling(void **state)
{
	struct client_key k;
	struct keyfile f;
	struct buf text;
	char copy[KEYFILE_TEXT_MAX + 8];

	(void)state;
	buf_init(&text, KEYFILE_TEXT_MAX);
	client_key_new(&k);
	assert_int_equal(client_key_save(&k, &text), 0);
	for (size_t n = 0; n < text.n; n++)
		assert_int_equal(keyfile_decode((const char *)text.p, n, &f), CV_ERR_FORMAT);
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\n';
	assert_int_equal(keyfile_decode(copy, text.n + 1, &f), CV_ERR_FORMAT);
	copy[text.n - 1] = ' ';
	assert_int_equal(keyfile_decode(copy, text.n + 1, &f), CV_ERR_FORMAT);
	memcpy(copy, text.p, text.n);
	copy[15] = '2';	/* another version */
	assert_int_equal(keyfile_decode(copy, text.n, &f), CV_ERR_FORMAT);
	buf_free(&text);
}

/* Decode a key file whose byte at offset of the binary form is value. */
static int with_byte(const struct buf *text, size_t offset, uint8_t value)
{
	uint8_t bytes[512];
	char out[1024] = "childvault-key-1\n";
	struct keyfile f;
	size_t n;

	assert_int_equal(b64_decode(B64_STD, (const char *)text->p + 17, text->n - 18, bytes, sizeof bytes, &n), 0);
	bytes[offset] = value;
	b64_encode(B64_STD, bytes, n, out + 17);
	strcat(out, "\n");
	return keyfile_decode(out, strlen(out), &f);
}

static void unknown_formats_and_stray_parameters_are_refused(void **state)
{
	struct client_key k;
	struct buf text;

	(void)state;
	buf_init(&text, KEYFILE_TEXT_MAX);
	client_key_new(&k);
	assert_int_equal(client_key_save(&k, &text), 0);
	assert_int_equal(with_byte(&text, 0, 1), 0);
	assert_int_equal(with_byte(&text, 0, 2), CV_ERR_FORMAT);	/* format */
	assert_int_equal(with_byte(&text, 1, 2), CV_ERR_FORMAT);	/* suite */
	assert_int_equal(with_byte(&text, 2, 1), CV_ERR_FORMAT);	/* protection without its bytes */
	assert_int_equal(with_byte(&text, 2, 2), CV_ERR_FORMAT);
	assert_int_equal(with_byte(&text, 38, 1), CV_ERR_FORMAT);	/* memory of a passphrase that is not there */
	assert_int_equal(with_byte(&text, 43, 1), CV_ERR_FORMAT);	/* its salt */
	buf_free(&text);
}

static void public_file_proves_possession(void **state)
{
	struct client_key k;
	struct pubfile p;
	struct buf text;

	(void)state;
	buf_init(&text, PUBFILE_TEXT_MAX);
	client_key_new(&k);
	assert_int_equal(client_key_public(&k, "李明", &text), 0);
	assert_int_equal(pubfile_decode((const char *)text.p, text.n, &p), 0);
	assert_string_equal(p.name, "李明");
	assert_memory_equal(p.box_pk, k.box_pk, 32);
	assert_int_equal(client_key_public_check(&p), 0);
	p.box_pk[0] ^= 1;
	assert_int_equal(client_key_public_check(&p), CV_ERR_AUTH);
	p.box_pk[0] ^= 1;
	p.name[0] ^= 1;
	assert_int_equal(client_key_public_check(&p), CV_ERR_AUTH);
	for (size_t n = 0; n < text.n; n++)
		assert_int_equal(pubfile_decode((const char *)text.p, n, &p), CV_ERR_FORMAT);
	buf_reset(&text);
	assert_int_equal(client_key_public(&k, "", &text), CV_ERR_ARG);
	assert_int_equal(client_key_public(&k, "\xff", &text), CV_ERR_ARG);
	buf_free(&text);
}

/* ---- known answers of tests/vectors/format/make.py: the same person in each file ------------------------------------------- */

#define SAMPLE_PASSPHRASE "一路平安 correct horse"

static void assert_is_sample(const struct client_key *k)
{
	uint8_t id[16], box_sk[32], seed[32];

	run(id, 0x21, 16);
	run(box_sk, 0x22, 32);
	run(seed, 0x42, 32);
	assert_memory_equal(k->principal, id, 16);
	assert_memory_equal(k->box_sk, box_sk, 32);
	assert_memory_equal(k->sign_sk, seed, 32);
}

static void sample_file(const char *name, struct keyfile *ret)
{
	uint8_t text[SAMPLE_MAX];
	size_t n = sample(name, text);

	assert_int_equal(keyfile_decode((const char *)text, n, ret), 0);
}

static void plain_key_file_gives_the_known_answer(void **state)
{
	uint8_t want[SAMPLE_MAX];
	size_t n = sample("keyfile_plain", want);
	struct client_key k;
	struct keyfile f;
	struct buf text;

	(void)state;
	sample_file("keyfile_plain", &f);
	assert_int_equal(client_key_open(&f, NULL, NULL, &k), 0);
	assert_is_sample(&k);
	buf_init(&text, KEYFILE_TEXT_MAX);
	assert_int_equal(client_key_save(&k, &text), 0);
	assert_int_equal(text.n, n);
	assert_memory_equal(text.p, want, n);
	buf_free(&text);
}

static void sealed_key_files_open_as_the_known_answers_say(void **state)
{
	uint8_t want[SAMPLE_MAX], question[32], vaults_answer[32];
	struct client_pass pass;
	struct client_key k;
	struct keyfile f;

	(void)state;
	run(vaults_answer, 0xB2, 32);
	sample_file("keyfile_sealed", &f);
	assert_int_equal(client_pass_of(&f, SAMPLE_PASSPHRASE, strlen(SAMPLE_PASSPHRASE), &pass), 0);
	assert_int_equal(sample("keyfile_pw", want), 32);
	assert_memory_equal(pass.pw, want, 32);
	assert_int_equal(sample("keyfile_question", want), 32);
	client_pass_question(&pass, question);
	assert_memory_equal(question, want, 32);
	assert_int_equal(client_key_open(&f, &pass, vaults_answer, &k), 0);
	assert_is_sample(&k);
	sample_file("keyfile_unbound", &f);
	assert_int_equal(client_key_open(&f, &pass, vaults_answer, &k), CV_ERR_AUTH);
	assert_int_equal(client_key_open(&f, &pass, NULL, &k), 0);
	assert_is_sample(&k);
}

static void public_file_gives_the_known_answer(void **state)
{
	uint8_t want[SAMPLE_MAX];
	size_t n = sample("pubfile", want);
	struct client_key k;
	struct keyfile f;
	struct buf text;

	(void)state;
	sample_file("keyfile_plain", &f);
	assert_int_equal(client_key_open(&f, NULL, NULL, &k), 0);
	buf_init(&text, PUBFILE_TEXT_MAX);
	assert_int_equal(client_key_public(&k, "李明", &text), 0);
	assert_int_equal(text.n, n);
	assert_memory_equal(text.p, want, n);
	buf_free(&text);
}

static int start(void **state)
{
	(void)state;
	return crypto_start();
}

static void key_code_is_of_all_public_bytes(void **state)
{
	uint8_t id[16] = { 1 }, box[32] = { 2 }, sig[32] = { 3 };
	char code[CLIENT_KEY_CODE], other[CLIENT_KEY_CODE];

	(void)state;
	client_key_code(id, box, sig, code);
	assert_int_equal(strlen(code), CLIENT_KEY_CODE - 1);
	for (unsigned i = 0; i < CLIENT_KEY_CODE - 1; i++)
		assert_true(i % 5 == 4 ? code[i] == ' ' : code[i] >= '0' && code[i] <= '9');
	client_key_code(id, box, sig, other);
	assert_string_equal(other, code);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t *bytes = i == 0 ? id : i == 1 ? box : sig;

		bytes[15] ^= 1;
		client_key_code(id, box, sig, other);
		assert_string_not_equal(other, code);
		bytes[15] ^= 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_code_is_of_all_public_bytes),
		cmocka_unit_test(plain_key_file_opens_again),
		cmocka_unit_test(sealed_key_file_wants_passphrase_and_answer),
		cmocka_unit_test(every_changed_bit_of_a_sealed_file_is_refused),
		cmocka_unit_test(text_of_a_key_file_has_one_spelling),
		cmocka_unit_test(unknown_formats_and_stray_parameters_are_refused),
		cmocka_unit_test(public_file_proves_possession),
		cmocka_unit_test(plain_key_file_gives_the_known_answer),
		cmocka_unit_test(sealed_key_files_open_as_the_known_answers_say),
		cmocka_unit_test(public_file_gives_the_known_answer),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}

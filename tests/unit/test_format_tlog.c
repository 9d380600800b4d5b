/* Cosignatures, policy files and proof files of C2SP: one spelling each, and what a quorum is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "format/cosignature.h"
#include "format/tlog_policy.h"
#include "format/tlog_proof.h"

#define ROOT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define TEXT "log.example/1\n48211\n" ROOT "\n"

/* ---- cosignatures -------------------------------------------------------------------------------------------------- */

static void cosignature_is_read_as_written(void **state)
{
	uint8_t sig[64], back[64];
	uint64_t time_s;
	struct note n;
	struct buf b;

	(void)state;
	memset(sig, 5, sizeof(sig));
	buf_init(&b, NOTE_MAX);
	buf_text(&b, TEXT "\n");
	cosignature_encode("w.example/1", (const uint8_t *)"abcd", 1679315147, sig, &b);
	assert_int_equal(note_decode((char *)b.p, b.n, &n), 0);
	assert_true(note_sig_by(&n.sig[0], "w.example/1", (const uint8_t *)"abcd"));
	assert_false(note_sig_by(&n.sig[0], "w.example/1", (const uint8_t *)"abce"));
	assert_false(note_sig_by(&n.sig[0], "w.example/", (const uint8_t *)"abcd"));
	assert_int_equal(cosignature_decode(&n.sig[0], &time_s, back), 0);
	assert_true(time_s == 1679315147);
	assert_memory_equal(back, sig, 64);
	buf_free(&b);
}

static void message_of_a_cosignature_is_two_lines_and_the_text(void **state)
{
	static const char want[] = "cosignature/v1\ntime 1679315147\n" TEXT;
	struct buf b;

	(void)state;
	buf_init(&b, NOTE_MAX);
	assert_int_equal(cosignature_message(1679315147, TEXT, strlen(TEXT), &b), 0);
	assert_int_equal(b.n, strlen(want));
	assert_memory_equal(b.p, want, b.n);
	buf_free(&b);
}

static void cosignature_without_time_or_beyond_it_is_refused(void **state)
{
	struct note_sig s = { .sig_n = 72 };
	uint8_t sig[64];
	uint64_t t;

	(void)state;
	assert_int_equal(cosignature_decode(&s, &t, sig), CV_ERR_FORMAT);
	s.sig[7] = 1;
	assert_int_equal(cosignature_decode(&s, &t, sig), 0);
	s.sig[0] = 0x80;
	assert_int_equal(cosignature_decode(&s, &t, sig), CV_ERR_FORMAT);
	s.sig[0] = 0;
	s.sig_n = 64;
	assert_int_equal(cosignature_decode(&s, &t, sig), CV_ERR_FORMAT);
}

static void signature_of_an_unknown_kind_stands_in_a_note_and_says_nothing(void **state)
{
	char long_one[4096], s[8192];
	uint8_t raw[2432] = { 1, 2, 3, 4 };
	struct note n;

	(void)state;
	b64_encode(B64_STD, raw, sizeof(raw), long_one);
	(void)snprintf(s, sizeof(s), TEXT "\n\xe2\x80\x94 w.example/pq %s\n\xe2\x80\x94 w.example/short AQIDBAU=\n", long_one);
	assert_int_equal(note_decode(s, strlen(s), &n), 0);
	assert_true(n.sigs == 2 && n.sig[0].sig_n == 2428 && n.sig[1].sig_n == 1);
}

/* ---- policies ------------------------------------------------------------------------------------------------------ */

/* A verifier key whose public key is made of one byte. */
static const char *vkey(uint8_t type, uint8_t byte, char ret[256])
{
	struct vkey k = { .type = type };
	struct buf b;

	(void)snprintf(k.name, sizeof(k.name), "key%u", byte);
	memset(k.pk, byte, 32);
	buf_init(&b, 256);
	vkey_encode(&k, &b);
	(void)snprintf(ret, 256, "%.*s", (int)b.n - 1, (const char *)b.p);
	buf_free(&b);
	return ret;
}

/* Put keys in the place of L1, L2 (logs) and W1 to W9 (witnesses). */
static char *policy(const char *pattern)
{
	static char text[65536];
	char key[256];
	size_t at = 0;

	for (const char *p = pattern; *p != '\0'; p++) {
		if ((*p == 'L' || *p == 'W') && p[1] >= '1' && p[1] <= '9') {
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s",
			    vkey(*p == 'L' ? NOTE_ED25519 : NOTE_COSIGNATURE, (uint8_t)(p[1] + (*p == 'L' ? 100 : 0)), key));
			p++;
		} else {
			text[at++] = *p;
		}
	}
	text[at] = '\0';
	return text;
}

static int policy_read(const char *pattern, struct tlog_policy *ret, unsigned *ret_line)
{
	char *text = policy(pattern);

	*ret_line = 0;
	return tlog_policy_decode(text, strlen(text), ret, ret_line);
}

#define SIX "log L1\n\nwitness x1 W1\nwitness x2 W2\nwitness x3 W3\ngroup x 2 x1 x2 x3\n\n  # two offices\n" \
	"\twitness y1 W4 https://w.example/\nwitness y2  W5\nwitness y3 W6\ngroup y any y1 y2 y3\n\ngroup both all x y\nquorum both\n"

static void policy_of_the_specification_is_read(void **state)
{
	struct tlog_policy *p = calloc(1, sizeof(*p));
	unsigned at;

	(void)state;
	assert_int_equal(policy_read(SIX, p, &at), 0);
	assert_true(p->logs == 1 && p->witnesses == 6 && p->groups == 3);
	assert_true(p->group[0].k == 2 && p->group[0].n == 3 && p->group[1].k == 1 && p->group[2].k == 2);
	assert_true(p->quorum == TLOG_WITNESSES_MAX + 2);
	assert_true(p->witness[4].name.n == 2 && memcmp(p->witness[4].name.p, "y2", 2) == 0);
	free(p);
}

static void quorum_vouches_since_the_time_that_enough_witnesses_reach(void **state)
{
	struct tlog_policy *p = calloc(1, sizeof(*p));
	uint64_t t[TLOG_WITNESSES_MAX] = { 0 };
	unsigned at;

	(void)state;
	assert_int_equal(policy_read(SIX, p, &at), 0);
	assert_true(tlog_policy_time(p, t) == 0);
	t[0] = 100, t[1] = 200;
	assert_true(tlog_policy_time(p, t) == 0);	/* no y */
	t[5] = 50;
	assert_true(tlog_policy_time(p, t) == 50);
	t[3] = 150;
	assert_true(tlog_policy_time(p, t) == 100);
	t[2] = 170;
	assert_true(tlog_policy_time(p, t) == 150);
	assert_int_equal(policy_read("quorum none\n", p, &at), 0);
	assert_true(tlog_policy_time(p, t) == TLOG_NONE && p->logs == 0);
	assert_int_equal(policy_read("witness a W1\nquorum a\n", p, &at), 0);
	assert_true(tlog_policy_time(p, t) == 100);
	free(p);
}

static void other_policies_are_refused_with_their_line(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} bad[] = {
		{ "", 1 }, { "\n", 2 }, { "quorum none", 1 }, { "quorum none\nquorum none\n", 2 }, { "quorum a\n", 1 }, { "quorum\n", 1 },
		{ "quorum none none\n", 1 }, { "Quorum none\n", 1 }, { "log W1\nquorum none\n", 1 }, { "log L1\nlog L1\nquorum none\n", 2 },
		{ "log\nquorum none\n", 1 }, { "log L1 url more\nquorum none\n", 1 }, { "witness a L1\nquorum a\n", 1 },
		{ "witness a W1\nwitness a W2\nquorum a\n", 2 }, { "witness a W1\nwitness b W1\nquorum a\n", 2 },
		{ "witness none W1\nquorum none\n", 1 }, { "group none any a\n", 1 }, { "witness a W1\ngroup a any a\nquorum a\n", 2 },
		{ "witness a W1\ngroup g any b\nquorum g\n", 2 }, { "witness a W1\ngroup g any g\nquorum g\n", 2 },
		{ "witness a W1\ngroup g 2 a\nquorum g\n", 2 }, { "witness a W1\ngroup g 0 a\nquorum g\n", 2 },
		{ "witness a W1\ngroup g 01 a\nquorum g\n", 2 }, { "witness a W1\ngroup g -1 a\nquorum g\n", 2 },
		{ "witness a W1\ngroup g 99999999999 a\nquorum g\n", 2 }, { "witness a W1\ngroup g any\nquorum g\n", 2 },
		{ "witness a W1\ngroup g any a a\nquorum g\n", 2 }, { "witness a W1\ngroup g any a\ngroup h any a\nquorum g\n", 3 },
		{ "group g any a\nwitness a W1\nquorum g\n", 1 }, { "quorum none\r\n", 1 }, { "# \x7f\nquorum none\n", 1 },
		{ "quorum no\x01ne\n", 1 }, { "witness a W1\ngroup g any a none\nquorum g\n", 2 }
	};
	struct tlog_policy *p = calloc(1, sizeof(*p));
	unsigned at;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (policy_read(bad[i].text, p, &at) != CV_ERR_FORMAT || at != bad[i].line)
			fail_msg("%s: line %u", bad[i].text, at);
	}
	free(p);
}

static void thirty_two_witnesses_are_the_most(void **state)
{
	static char text[65536];
	struct tlog_policy *p = calloc(1, sizeof(*p));
	char key[256];
	size_t n = 0;
	unsigned at;

	(void)state;
	for (unsigned i = 0; i < TLOG_WITNESSES_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "witness w%u %s\n", i, vkey(NOTE_COSIGNATURE, (uint8_t)i, key));
	n += (size_t)snprintf(text + n, sizeof(text) - n, "quorum w31\n");
	assert_int_equal(tlog_policy_decode(text, n, p, &at), 0);
	(void)snprintf(text + n - strlen("quorum w31\n"), 300, "witness w32 %s\nquorum w31\n", vkey(NOTE_COSIGNATURE, 77, key));
	assert_int_equal(tlog_policy_decode(text, strlen(text), p, &at), CV_ERR_FORMAT);
	assert_true(at == 33);
	free(p);
}

static void policy_that_is_written_is_read(void **state)
{
	struct tlog_policy *p = calloc(1, sizeof(*p));
	struct vkey log = { .name = "log.example/1", .type = NOTE_ED25519 }, w[2] = { { .name = "w.example/1", .type = NOTE_COSIGNATURE },
		{ .name = "w.example/2", .type = NOTE_COSIGNATURE, .pk = { 1 } } };
	uint64_t t[TLOG_WITNESSES_MAX] = { 7, 9 };
	struct buf b;
	unsigned at;

	(void)state;
	buf_init(&b, TLOG_POLICY_MAX);
	tlog_policy_encode(&log, w, 2, 2, &b);
	assert_int_equal(tlog_policy_decode((char *)b.p, b.n, p, &at), 0);
	assert_true(p->logs == 1 && p->witnesses == 2 && tlog_policy_time(p, t) == 7);
	buf_reset(&b);
	tlog_policy_encode(NULL, NULL, 0, 0, &b);
	assert_int_equal(tlog_policy_decode((char *)b.p, b.n, p, &at), 0);
	assert_true(p->logs == 0 && tlog_policy_time(p, t) == TLOG_NONE);
	buf_free(&b);
	free(p);
}

/* ---- proofs -------------------------------------------------------------------------------------------------------- */

#define FIRST "c2sp.org/tlog-proof@v1\n"
#define HASH "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"

static void proof_is_read_as_written(void **state)
{
	uint8_t hash[TLOG_PROOF_HASHES][32];
	struct tlog_proof *x = calloc(1, sizeof(*x));
	struct buf b;

	(void)state;
	for (unsigned i = 0; i < TLOG_PROOF_HASHES; i++)
		memset(hash[i], (int)i, 32);
	buf_init(&b, TLOG_PROOF_MAX);
	assert_int_equal(tlog_proof_encode("data", 4, UINT64_MAX, (const uint8_t (*)[32])hash, TLOG_PROOF_HASHES, "note\n", 5, &b), 0);
	assert_int_equal(tlog_proof_decode((char *)b.p, b.n, x), 0);
	assert_true(x->index == UINT64_MAX && x->n == TLOG_PROOF_HASHES && x->extra_n == 8 && memcmp(x->extra, "ZGF0YQ==", 8) == 0);
	assert_memory_equal(x->hash, hash, sizeof(hash));
	assert_true(x->checkpoint_n == 5 && memcmp(x->checkpoint, "note\n", 5) == 0);
	buf_reset(&b);
	assert_int_equal(tlog_proof_encode(NULL, 0, 0, NULL, 0, "n", 1, &b), 0);
	assert_int_equal(b.n, strlen(FIRST "index 0\n\nn"));
	assert_memory_equal(b.p, FIRST "index 0\n\nn", b.n);
	assert_int_equal(tlog_proof_decode((char *)b.p, b.n, x), 0);
	assert_true(x->extra == NULL && x->n == 0);
	buf_free(&b);
	free(x);
}

static void other_spellings_of_a_proof_are_refused(void **state)
{
	static const char *const bad[] = {
		"", FIRST, "c2sp.org/tlog-proof@v2\nindex 1\n\nn", FIRST "\n\nn", FIRST "index 1\n", FIRST "index 1\n" HASH,
		FIRST "index 1\n" HASH "\n",
		FIRST "index 01\n\nn", FIRST "index -1\n\nn", FIRST "index \n\nn", FIRST "index 1 \n\nn",
		FIRST "index 18446744073709551616\n\nn",
		FIRST "index 1\r\n\nn", FIRST "extra AA\nindex 1\n\nn", FIRST "extra AAAA\n\nn", FIRST "index 1\nextra AAAA\n\nn",
		FIRST "index 1\nAAAA\n\nn", FIRST "index 1\nx" HASH "\nn", FIRST "extra  AAAA\nindex 1\n\nn"
	};
	struct tlog_proof *x = calloc(1, sizeof(*x));

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (tlog_proof_decode(bad[i], strlen(bad[i]), x) != CV_ERR_FORMAT)
			fail_msg("%s", bad[i]);
	assert_int_equal(tlog_proof_decode(FIRST "extra \nindex 1\n" HASH "\nn", strlen(FIRST "extra \nindex 1\n" HASH "\nn"), x), 0);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cosignature_is_read_as_written),
		cmocka_unit_test(message_of_a_cosignature_is_two_lines_and_the_text),
		cmocka_unit_test(cosignature_without_time_or_beyond_it_is_refused),
		cmocka_unit_test(signature_of_an_unknown_kind_stands_in_a_note_and_says_nothing),
		cmocka_unit_test(policy_of_the_specification_is_read),
		cmocka_unit_test(quorum_vouches_since_the_time_that_enough_witnesses_reach),
		cmocka_unit_test(other_policies_are_refused_with_their_line),
		cmocka_unit_test(thirty_two_witnesses_are_the_most),
		cmocka_unit_test(policy_that_is_written_is_read),
		cmocka_unit_test(proof_is_read_as_written),
		cmocka_unit_test(other_spellings_of_a_proof_are_refused),
	};

	return cmocka_run_group_tests_name("format tlog", tests, NULL, NULL);
}

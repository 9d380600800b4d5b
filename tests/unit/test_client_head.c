/* What a client remembers of the vault's log, against a fake daemon that keeps one, or more than one. */
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
#include "childvault.h"
#include "client/client_internal.h"
#include "crypto/crypto.h"
#include "crypto/merkle.h"
#include "fake_daemon.h"
#include "format/note.h"

#define LEAVES 40u
#define ORIGIN "log.example/1"

/* The daemon's log: leaves of one byte, of which fork_at and those behind it are others in a forked one. */
struct log {
	uint8_t hash[LEAVES][32];
	uint64_t size;
	uint8_t pk[32], sk[64];
	const char *origin;
	bool unsigned_note;	/* the checkpoint lacks the log's signature */
	bool bad_signature, bad_proof, other_key, nothing;
	unsigned proofs, keys, logouts;	/* calls that were made */
};

static void log_make(struct log *l, unsigned fork_at)
{
	uint8_t seed[32] = { 9 };

	for (unsigned i = 0; i < LEAVES; i++) {
		uint8_t leaf = (uint8_t)(i >= fork_at ? i + 100 : i);

		merkle_leaf(&leaf, 1, l->hash[i]);
	}
	crypto_sign_pair(seed, l->pk, l->sk);
	l->origin = ORIGIN;
}

static int read_subtree(void *cookie, unsigned level, uint64_t index, uint8_t ret[32])
{
	const struct log *l = cookie;

	merkle_root_of((const uint8_t (*)[32])l->hash + (index << level), (size_t)1 << level, ret);
	return 0;
}

static void put_checkpoint(const struct log *l, struct buf *b)
{
	uint8_t root[32], sig[64], id[4];
	size_t at = b->n;

	merkle_root_of((const uint8_t (*)[32])l->hash, (size_t)l->size, root);
	assert_int_equal(checkpoint_encode(l->origin, l->size, root, b), 0);
	crypto_sign(l->sk, b->p + at, b->n - at, sig);
	sig[5] ^= l->bad_signature;
	crypto_note_key_id(l->origin, NOTE_ED25519, l->pk, id);
	note_text_end(b);
	if (!l->unsigned_note)
		note_sig_encode(l->origin, id, sig, b);
	note_sig_encode("somebody.example/else", id, sig, b);
}

static void put_proof(struct log *l, uint64_t from, struct buf *b)
{
	uint8_t hash[MERKLE_PROOF_MAX][32];
	char b64[48];
	unsigned n = 0;

	if (from > 0)
		assert_int_equal(merkle_consistency(from, l->size, read_subtree, l, hash, &n), 0);
	buf_printf(b, "old %llu\n", (unsigned long long)from);
	for (unsigned i = 0; i < n; i++) {
		hash[i][3] ^= l->bad_proof;
		b64_encode(B64_STD, hash[i], 32, b64);
		buf_printf(b, "%s\n", b64);
	}
	buf_u8(b, '\n');
	put_checkpoint(l, b);
}

static void put_key(struct log *l, struct buf *b)
{
	struct vkey k = { .type = NOTE_ED25519 };

	(void)snprintf(k.name, sizeof(k.name), "%s", l->origin);
	memcpy(k.pk, l->pk, 32);
	k.pk[0] ^= l->other_key;
	crypto_note_key_id(k.name, k.type, k.pk, k.key_id);
	vkey_encode(&k, b);
}

static bool play(void *cookie, const char *request, size_t n, struct buf *answer)
{
	struct log *l = cookie;
	unsigned long long from = 0;
	struct buf body;

	(void)n;
	buf_init(&body, 65536);
	if (sscanf(request, "GET /v1/audit/proof?from=%llu ", &from) == 1) {
		l->proofs++;
		if (from > l->size || l->nothing) {
			buf_text(&body, "{\"kind\":\"not-found\",\"title\":\"t\"}");
			buf_printf(answer, "HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\n"
			    "Content-Length: %zu\r\n\r\n", body.n);
		} else {
			put_proof(l, from, &body);
			buf_printf(answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body.n);
		}
	} else if (strncmp(request, "GET /v1/audit/vkey ", 19) == 0) {
		l->keys++;
		put_key(l, &body);
		buf_printf(answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body.n);
	} else {
		l->logouts += strncmp(request, "DELETE /v1/sessions/current ", 28) == 0;
		buf_text(answer, "HTTP/1.1 204 No Content\r\n\r\n");
	}
	buf_put(answer, body.p, body.n);
	buf_free(&body);
	return true;
}

/* A client that remembers this head (NULL: nothing yet), with a session. */
static struct childvault *client_of(const struct fake *f, const char *head)
{
	struct childvault *cv = NULL;

	assert_int_equal(childvault_open(fake_path(f), &cv), CHILDVAULT_OK);
	assert_int_equal(childvault_with_token(cv, "dG9rZW4"), CHILDVAULT_OK);
	assert_int_equal(childvault_remember(cv, head, head != NULL ? strlen(head) : 0), CHILDVAULT_OK);
	return cv;
}

/* Log in with what is remembered; *head becomes what is to be. */
static int meet(struct log *l, char **head)
{
	struct fake *f = fake_start(play, l);
	struct childvault *cv = client_of(f, *head);
	int r = client_check_head(cv);

	if (r == CHILDVAULT_OK && childvault_head(cv) != NULL) {
		free(*head);
		*head = strdup(childvault_head(cv));
	}
	if (r == CHILDVAULT_VERIFY)
		assert_non_null(strstr(childvault_message(cv), "is not what it was"));
	childvault_free(cv);
	fake_stop(f);
	return r;
}

static void log_that_grows_is_met_again_and_again(void **state)
{
	struct log l = { .size = 1 };
	char *head = NULL;

	(void)state;
	log_make(&l, LEAVES);
	for (; l.size <= LEAVES; l.size += 3) {
		assert_int_equal(meet(&l, &head), CHILDVAULT_OK);
		assert_int_equal(strncmp(head, "childvault-head-1\n" ORIGIN "+", 19 + sizeof(ORIGIN) - 1), 0);
		assert_int_equal(meet(&l, &head), CHILDVAULT_OK);	/* nothing new */
	}
	assert_int_equal(l.keys, 1);	/* its key is asked for once */
	assert_int_equal(l.logouts, 0);
	free(head);
}

static void fork_and_older_state_end_the_session(void **state)
{
	struct log l = { .size = 20 }, fork = { .size = 30 };
	char *head = NULL;

	(void)state;
	log_make(&l, LEAVES);
	log_make(&fork, 12);
	assert_int_equal(meet(&l, &head), CHILDVAULT_OK);
	assert_int_equal(meet(&fork, &head), CHILDVAULT_VERIFY);
	assert_int_equal(fork.logouts, 1);
	fork.size = 20;
	assert_int_equal(meet(&fork, &head), CHILDVAULT_VERIFY);	/* as long, and another one */
	l.size = 19;
	assert_int_equal(meet(&l, &head), CHILDVAULT_VERIFY);
	l.size = 21;
	assert_int_equal(meet(&l, &head), CHILDVAULT_OK);
	free(head);
}

static void each_lie_about_the_newest_head_is_refused(void **state)
{
	struct log l = { .size = 9 };
	char *head = NULL;

	(void)state;
	log_make(&l, LEAVES);
	assert_int_equal(meet(&l, &head), CHILDVAULT_OK);
	l.size = 14;
	l.bad_proof = true;
	assert_int_equal(meet(&l, &head), CHILDVAULT_VERIFY);
	l.bad_proof = false;
	l.bad_signature = true;
	assert_int_equal(meet(&l, &head), CHILDVAULT_VERIFY);
	l.bad_signature = false;
	l.unsigned_note = true;
	assert_int_equal(meet(&l, &head), CHILDVAULT_VERIFY);
	l.unsigned_note = false;
	l.origin = "log.example/2";
	assert_int_equal(meet(&l, &head), CHILDVAULT_VERIFY);
	l.origin = ORIGIN;
	l.nothing = true;	/* "nothing is signed yet", to somebody who saw something */
	assert_int_equal(meet(&l, &head), CHILDVAULT_VERIFY);
	l.nothing = false;
	assert_int_equal(meet(&l, &head), CHILDVAULT_OK);
	free(head);
}

static void first_meeting_takes_the_key_and_holds_the_head_to_it(void **state)
{
	struct log l = { .size = 9, .other_key = true };
	char *head = NULL;

	(void)state;
	log_make(&l, LEAVES);
	assert_int_equal(meet(&l, &head), CHILDVAULT_VERIFY);	/* the head is not signed by the key that was given */
	l.other_key = false;
	l.nothing = true;
	assert_int_equal(meet(&l, &head), CHILDVAULT_OK);	/* a vault that has signed nothing yet */
	assert_null(head);
	l.nothing = false;
	assert_int_equal(meet(&l, &head), CHILDVAULT_OK);
	assert_non_null(head);
	free(head);
}

static void client_that_was_not_told_to_remember_asks_nothing(void **state)
{
	struct log l = { .size = 9 };
	struct fake *f = fake_start(play, &l);
	struct childvault *cv = NULL;

	(void)state;
	log_make(&l, LEAVES);
	assert_int_equal(childvault_open(fake_path(f), &cv), CHILDVAULT_OK);
	assert_int_equal(client_check_head(cv), CHILDVAULT_OK);
	assert_null(childvault_head(cv));
	assert_true(l.proofs == 0 && l.keys == 0);
	childvault_free(cv);
	fake_stop(f);
}

static void other_texts_are_no_head(void **state)
{
	struct log l = { .size = 9 };
	struct childvault *cv = NULL;
	char *head = NULL;
	size_t n;

	(void)state;
	log_make(&l, LEAVES);
	assert_int_equal(meet(&l, &head), CHILDVAULT_OK);
	n = strlen(head);
	assert_int_equal(childvault_open("/nonexistent", &cv), CHILDVAULT_OK);
	for (size_t i = 0; i < n; i++) {
		/* a line of somebody else's may say what it likes, as long as it is a line */
		if (strstr(head, "somebody.example") <= head + i)
			break;
		head[i] ^= 1;
		assert_int_equal(childvault_remember(cv, head, n), CHILDVAULT_USAGE);
		head[i] ^= 1;
	}
	for (size_t i = 1; i < n - 120; i++)
		assert_int_equal(childvault_remember(cv, head, i), CHILDVAULT_USAGE);
	assert_int_equal(childvault_remember(cv, head, n), CHILDVAULT_OK);
	assert_string_equal(childvault_head(cv), head);
	childvault_free(cv);
	free(head);
}

static int setup(void **state)
{
	(void)state;
	return crypto_start();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_that_grows_is_met_again_and_again),
		cmocka_unit_test(fork_and_older_state_end_the_session),
		cmocka_unit_test(each_lie_about_the_newest_head_is_refused),
		cmocka_unit_test(first_meeting_takes_the_key_and_holds_the_head_to_it),
		cmocka_unit_test(client_that_was_not_told_to_remember_asks_nothing),
		cmocka_unit_test(other_texts_are_no_head),
	};

	return cmocka_run_group_tests_name("client head", tests, setup, NULL);
}

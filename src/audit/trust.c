#include "audit/trust.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "crypto/crypto.h"
#include "crypto/merkle.h"

bool trust_key_ok(const struct vkey *k)
{
	uint8_t id[4];

	crypto_note_key_id(k->name, k->type, k->pk, id);
	return memcmp(id, k->key_id, sizeof(id)) == 0;
}

/* The line of the file on which the n-th entry of a keyword stands; it was decoded, so it does. */
static unsigned line_of(const char *p, size_t n, const char *word, unsigned count)
{
	const char *end = p + n, *nl;
	unsigned at = 1;

	for (; p < end; p = nl + 1, at++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		while (p < nl && (*p == ' ' || *p == '\t'))
			p++;
		if ((size_t)(nl - p) > strlen(word) && memcmp(p, word, strlen(word)) == 0 && count-- == 0)
			break;
	}
	return at;
}

int trust_policy(const char *p, size_t n, struct tlog_policy *ret, unsigned *ret_line)
{
	int r;

	if ((r = tlog_policy_decode(p, n, ret, ret_line)) != 0)
		return r;
	for (unsigned i = 0; i < ret->logs; i++)
		if (!trust_key_ok(&ret->log[i])) {
			*ret_line = line_of(p, n, "log", i);
			return CV_ERR_FORMAT;
		}
	for (unsigned i = 0; i < ret->witnesses; i++)
		if (!trust_key_ok(&ret->witness[i].key)) {
			*ret_line = line_of(p, n, "witness", i);
			return CV_ERR_FORMAT;
		}
	return 0;
}

/* One line that names the witness's key. */
static int cosignature_check(const struct note *note, const struct note_sig *s, const struct vkey *witness, uint64_t *ret_time_s)
{
	struct buf message;
	uint64_t time_s;
	uint8_t sig[SIGN_BYTES];
	int r;

	if (cosignature_decode(s, &time_s, sig) != 0)
		return CV_ERR_AUTH;
	buf_init(&message, NOTE_MAX + COSIGNATURE_HEAD_MAX);
	r = cosignature_message(time_s, note->text, note->text_n, &message);
	if (r == 0)
		r = crypto_verify(witness->pk, message.p, message.n, sig);
	buf_free(&message);
	if (r == 0)
		*ret_time_s = time_s;
	return r;
}

int trust_cosignature(const struct note *note, const struct vkey *witness, uint64_t *ret_time_s)
{
	uint64_t latest = 0, t;
	int r;

	for (unsigned i = 0; i < note->sigs; i++) {
		if (!note_sig_by(&note->sig[i], witness->name, witness->key_id))
			continue;
		if ((r = cosignature_check(note, &note->sig[i], witness, &t)) != 0)
			return r;
		if (t > latest)
			latest = t;
	}
	if (latest == 0)
		return CV_ERR_NOTFOUND;
	*ret_time_s = latest;
	return 0;
}

int trust_log_signature(const struct note *note, const struct vkey *log)
{
	bool any = false;

	for (unsigned i = 0; i < note->sigs; i++) {
		const struct note_sig *s = &note->sig[i];

		if (!note_sig_by(s, log->name, log->key_id))
			continue;
		if (s->sig_n != SIGN_BYTES || crypto_verify(log->pk, note->text, note->text_n, s->sig) != 0)
			return CV_ERR_AUTH;
		any = true;
	}
	return any ? 0 : CV_ERR_NOTFOUND;
}

/* Which of the policy's logs has signed, as the log that the origin names. */
static int log_find(const struct tlog_policy *p, const struct note *note, struct trust *x)
{
	int r;

	for (unsigned i = 0; i < p->logs; i++) {
		const struct vkey *k = &p->log[i];

		if (strlen(k->name) != x->checkpoint.origin_n || memcmp(k->name, x->checkpoint.origin, x->checkpoint.origin_n) != 0)
			continue;
		if ((r = trust_log_signature(note, k)) == CV_ERR_NOTFOUND)
			continue;
		x->log = i;
		return r;
	}
	return CV_ERR_NOTFOUND;
}

int trust_checkpoint(const struct tlog_policy *p, const char *note, size_t n, struct trust *ret)
{
	struct trust x = { 0 };
	struct note parts;
	int r;

	if ((r = note_decode(note, n, &parts)) != 0 || (r = checkpoint_decode(&parts, &x.checkpoint)) != 0)
		return r;
	if ((r = log_find(p, &parts, &x)) != 0)
		return r;
	for (unsigned i = 0; i < p->witnesses; i++) {
		r = trust_cosignature(&parts, &p->witness[i].key, &x.time_s[i]);
		if (r != 0 && r != CV_ERR_NOTFOUND)
			return r;
		x.cosigned += r == 0;
	}
	x.quorum_s = tlog_policy_time(p, x.time_s);
	*ret = x;
	return 0;
}

int trust_proof(const struct tlog_policy *p, const struct tlog_proof *proof, const void *leaf, size_t leaf_n, struct trust *ret)
{
	struct trust x;
	uint8_t hash[32];
	int r;

	if ((r = trust_checkpoint(p, proof->checkpoint, proof->checkpoint_n, &x)) != 0)
		return r;
	merkle_leaf(leaf, leaf_n, hash);
	if ((r = merkle_verify_inclusion(proof->index, x.checkpoint.size, hash, proof->hash, proof->n, x.checkpoint.root)) != 0)
		return r;
	*ret = x;
	return 0;
}

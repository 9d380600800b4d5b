/*
 * What a client remembers of the vault's log: the last head that it saw. At every login it asks for the proof that the log of then is
 * the beginning of the log of now, so that nobody can put an older state in the vault's place, or show two histories to two people,
 * without this client noticing. docs/FORMAT.md section 12.
 */
#include "childvault.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "client/client_internal.h"
#include "crypto/crypto.h"
#include "crypto/merkle.h"
#include "format/note.h"

#define TITLE "childvault-head-1\n"
#define HASH_TEXT 44u	/* of a hash in base64 */

/* The text of a head, taken apart; note leads into it. */
struct head {
	struct vkey key;
	struct note note;
	struct checkpoint c;
};

/* ---- judging --------------------------------------------------------------------------------------------------------- */

/* A checkpoint of the key's log, signed by it. 0, CV_ERR_FORMAT, CV_ERR_AUTH. */
static int checkpoint_read(const char *p, size_t n, struct head *h)
{
	bool any = false;
	int r;

	if ((r = note_decode(p, n, &h->note)) != 0 || (r = checkpoint_decode(&h->note, &h->c)) != 0)
		return r;
	if (strlen(h->key.name) != h->c.origin_n || memcmp(h->key.name, h->c.origin, h->c.origin_n) != 0)
		return CV_ERR_AUTH;
	for (unsigned i = 0; i < h->note.sigs; i++) {
		const struct note_sig *s = &h->note.sig[i];

		if (!note_sig_by(s, h->key.name, h->key.key_id))
			continue;
		if (s->sig_n != SIGN_BYTES || crypto_verify(h->key.pk, h->note.text, h->note.text_n, s->sig) != 0)
			return CV_ERR_AUTH;
		any = true;
	}
	return any ? 0 : CV_ERR_AUTH;
}

static int key_read(const char *p, size_t n, struct vkey *ret)
{
	uint8_t id[4];
	int r;

	if ((r = vkey_decode(p, n, NOTE_ED25519, ret)) != 0)
		return r;
	crypto_note_key_id(ret->name, ret->type, ret->pk, id);
	return memcmp(id, ret->key_id, sizeof id) == 0 ? 0 : CV_ERR_FORMAT;
}

/* A remembered head: title, verifier key, signed checkpoint. */
static int head_read(const char *p, size_t n, struct head *h)
{
	const size_t title_n = strlen(TITLE);
	const char *nl = n > title_n ? memchr(p + title_n, '\n', n - title_n) : NULL;
	int r;

	if (nl == NULL || memcmp(p, TITLE, title_n) != 0)
		return CV_ERR_FORMAT;
	if ((r = key_read(p + title_n, (size_t)(nl - p) - title_n, &h->key)) != 0)
		return r;
	return checkpoint_read(nl + 1, n - (size_t)(nl + 1 - p), h);
}

/* The hashes of a proof's lines, up to the blank one; *p is then behind it. */
static int hashes_read(const char **p, const char *end, uint8_t ret[MERKLE_PROOF_MAX][32], unsigned *ret_n)
{
	size_t got;

	*ret_n = 0;
	while (*p < end && **p != '\n') {
		if (*ret_n == MERKLE_PROOF_MAX || (size_t)(end - *p) < HASH_TEXT + 1 || (*p)[HASH_TEXT] != '\n' ||
		    b64_decode(B64_STD, *p, HASH_TEXT, ret[*ret_n], 32, &got) != 0 || got != 32)
			return CV_ERR_FORMAT;
		*p += HASH_TEXT + 1;
		++*ret_n;
	}
	if (*p == end)
		return CV_ERR_FORMAT;
	++*p;
	return 0;
}

/* Whether the proof shows that the tree of was is the beginning of that of now. */
static int grown(const struct head *was, const struct head *now, const uint8_t (*proof)[32], unsigned n)
{
	if (now->c.size < was->c.size)
		return CV_ERR_REPLAY;
	if (was->c.size == 0)
		return 0;
	if (merkle_verify_consistency(was->c.size, now->c.size, was->c.root, now->c.root, proof, n) != 0)
		return CV_ERR_REPLAY;
	return 0;
}

/* The answer to a proof from was: judged, and put down as the new head. */
static int take_proof(struct childvault *cv, const struct head *was)
{
	uint8_t proof[MERKLE_PROOF_MAX][32];
	const char *p = (const char *)cv->http.body.p, *end = p + cv->http.body.n;
	struct head now = { .key = was->key };
	char first[32];
	unsigned n;
	int k, r;

	k = snprintf(first, sizeof first, "old %llu\n", (unsigned long long)was->c.size);
	if (end - p < k || memcmp(p, first, (size_t)k) != 0)
		return CV_ERR_FORMAT;
	p += k;
	if ((r = hashes_read(&p, end, proof, &n)) != 0 || (r = checkpoint_read(p, (size_t)(end - p), &now)) != 0 ||
	    (r = grown(was, &now, (const uint8_t (*)[32])proof, n)) != 0)
		return r;
	buf_reset(&cv->head);
	buf_text(&cv->head, TITLE);
	vkey_encode(&now.key, &cv->head);
	buf_put(&cv->head, p, (size_t)(end - p));
	buf_u8(&cv->head, 0);
	return buf_ok(&cv->head) ? 0 : CV_ERR_NOMEM;
}

/* ---- asking ---------------------------------------------------------------------------------------------------------- */

/* The log's key, when the vault is met for the first time. */
static int ask_key(struct childvault *cv, struct head *h)
{
	int r = client_get_simple(cv, "/v1/audit/vkey");

	if (r != CHILDVAULT_OK)
		return r;
	r = key_read((const char *)cv->http.body.p, cv->http.body.n, &h->key);
	return r == 0 ? CHILDVAULT_OK : client_fail_local(cv, r);
}

static int disagree(struct childvault *cv, const struct head *was, int r)
{
	char text[CLIENT_TEXT];

	if (r == CV_ERR_NOMEM)
		return client_fail_local(cv, r);
	snprintf(text, sizeof text, "the vault's log is not what it was: it went back, was forked, or is another one than the log of "
	    "%llu entries seen before", (unsigned long long)was->c.size);
	return client_fail(cv, CHILDVAULT_VERIFY, text);
}

/* What the vault says to the head that is remembered. A childvault_code. */
static int ask(struct childvault *cv)
{
	struct head was = { .c.size = 0 };
	char path[64];
	bool met = cv->head.n > 0;
	int r;

	if (met && (r = head_read((const char *)cv->head.p, cv->head.n - 1, &was)) != 0)
		return disagree(cv, &was, r);
	if (!met && (r = ask_key(cv, &was)) != CHILDVAULT_OK)
		return r;
	snprintf(path, sizeof path, "/v1/audit/proof?from=%llu", (unsigned long long)was.c.size);
	r = client_get_simple(cv, path);
	if (r == CHILDVAULT_PROBLEM && strcmp(cv->kind, "not-found") == 0)
		return met ? disagree(cv, &was, CV_ERR_REPLAY) : CHILDVAULT_OK;	/* nothing is signed yet: there is nothing to remember */
	if (r != CHILDVAULT_OK)
		return r;
	r = take_proof(cv, &was);
	return r == 0 ? CHILDVAULT_OK : disagree(cv, &was, r);
}

int client_check_head(struct childvault *cv)
{
	char message[CLIENT_TEXT];
	int r;

	if (!cv->remembers || (r = ask(cv)) == CHILDVAULT_OK)
		return CHILDVAULT_OK;
	/* A session with a vault that is not the one it was is of no use to anybody. */
	if (r != CHILDVAULT_VERIFY)
		return r;
	memcpy(message, cv->message, sizeof message);
	(void)childvault_logout(cv);	/* it ends by itself otherwise */
	return client_fail(cv, r, message);
}

int childvault_remember(struct childvault *cv, const char *head, size_t n)
{
	struct head h;

	if (n > 0 && head_read(head, n, &h) != 0)
		return client_fail_local(cv, CV_ERR_ARG);
	buf_reset(&cv->head);
	if (n > 0) {
		buf_put(&cv->head, head, n);
		buf_u8(&cv->head, 0);
	}
	if (!buf_ok(&cv->head))
		return client_fail_local(cv, CV_ERR_NOMEM);
	cv->remembers = true;
	return CHILDVAULT_OK;
}

const char *childvault_head(const struct childvault *cv)
{
	return cv->remembers && cv->head.n > 0 ? (const char *)cv->head.p : NULL;
}

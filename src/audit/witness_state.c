/* What a witness keeps on disk: its state and its key, as text. */
#include <stdlib.h>
#include <string.h>

#include "audit/trust.h"
#include "audit/witness.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/crypto.h"

#define TITLE "childvault-witness-1\n"
#define PRIVATE "PRIVATE+KEY+"

/* ---- state ------------------------------------------------------------------------------------------------------------- */

static void log_encode(const struct witness_log *l, struct buf *ret)
{
	char hex[65], b64[48];

	buf_text(ret, "log ");
	vkey_encode(&l->key, ret);
	for (unsigned i = 0; i < l->ranges; i++) {
		hex_encode(l->range[i].root, 32, hex);
		buf_printf(ret, "epochs %u %u %s\n", l->range[i].first, l->range[i].count, hex);
	}
	b64_encode(B64_STD, l->root, 32, b64);
	buf_printf(ret, "tree %llu %s\n", (unsigned long long)l->size, b64);
	buf_printf(ret, "cosigned %u %llu\n", l->epoch, (unsigned long long)l->time_s);
}

int witness_state_encode(const struct witness_state *s, struct buf *ret)
{
	buf_text(ret, TITLE);
	for (unsigned i = 0; i < s->logs; i++)
		log_encode(&s->log[i], ret);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

/* Lines and their items, taken off the front. */
struct text {
	const char *p, *end;
};

/* The text is at this word: then it is behind it. */
static bool word(struct text *t, const char *w)
{
	if ((size_t)(t->end - t->p) < strlen(w) || memcmp(t->p, w, strlen(w)) != 0)
		return false;
	t->p += strlen(w);
	return true;
}

/* A decimal number and the character behind it; that it has one spelling is seen at the end. */
static bool number(struct text *t, char behind, uint64_t *ret)
{
	uint64_t v = 0;
	const char *start = t->p;

	for (; t->p < t->end && *t->p >= '0' && *t->p <= '9' && t->p - start < 19; t->p++)
		v = v * 10 + (uint64_t)(*t->p - '0');
	if (t->p == start || t->p == t->end || *t->p++ != behind)
		return false;
	*ret = v;
	return true;
}

/* The rest of the line, without its newline. */
static bool rest(struct text *t, const char **ret, size_t *ret_n)
{
	const char *nl = memchr(t->p, '\n', (size_t)(t->end - t->p));

	if (nl == NULL)
		return false;
	*ret = t->p;
	*ret_n = (size_t)(nl - t->p);
	t->p = nl + 1;
	return true;
}

static bool log_decode(struct text *t, struct witness_log *l)
{
	uint64_t first, count, epoch;
	const char *p;
	size_t n, raw_n;

	if (!rest(t, &p, &n) || vkey_decode(p, n, NOTE_ED25519, &l->key) != 0 || !trust_key_ok(&l->key))
		return false;
	while (word(t, "epochs ")) {
		struct witness_range *g = &l->range[l->ranges];

		if (l->ranges == WITNESS_RANGES_MAX || !number(t, ' ', &first) || !number(t, ' ', &count) || !rest(t, &p, &n) ||
		    first > UINT32_MAX || count > UINT32_MAX || hex_decode(p, n, g->root, 32) != 0)
			return false;
		g->first = (uint32_t)first;
		g->count = (uint32_t)count;
		l->ranges++;
	}
	if (!word(t, "tree ") || !number(t, ' ', &l->size) || !rest(t, &p, &n) || b64_decode(B64_STD, p, n, l->root, 32, &raw_n) != 0 ||
	    raw_n != 32)
		return false;
	if (!word(t, "cosigned ") || !number(t, ' ', &epoch) || epoch > UINT32_MAX || !number(t, '\n', &l->time_s))
		return false;
	l->epoch = (uint32_t)epoch;
	return true;
}

int witness_state_decode(const char *p, size_t n, struct witness_state *ret)
{
	struct text t = { p, p + n };
	struct buf again;
	bool ok;

	memset(ret, 0, sizeof(*ret));
	if (n == 0)
		return 0;
	if (!word(&t, TITLE))
		return CV_ERR_FORMAT;
	while (word(&t, "log ")) {
		if (ret->logs == WITNESS_LOGS_MAX || !log_decode(&t, &ret->log[ret->logs]))
			return CV_ERR_FORMAT;
		ret->logs++;
	}
	/* One spelling alone: what is written again has to be the same bytes. */
	buf_init(&again, WITNESS_STATE_MAX);
	ok = t.p == t.end && witness_state_encode(ret, &again) == 0 && again.n == n && memcmp(again.p, p, n) == 0;
	buf_free(&again);
	return ok ? 0 : CV_ERR_FORMAT;
}

/* ---- the key ------------------------------------------------------------------------------------------------------------- */

/* What the seed makes public. */
static void publish(struct witness_key *k)
{
	uint8_t sk[SIGN_SECRET];

	crypto_sign_pair(k->seed, k->key.pk, sk);
	wipe(sk, sizeof(sk));
	k->key.type = NOTE_COSIGNATURE;
	crypto_note_key_id(k->key.name, k->key.type, k->key.pk, k->key.key_id);
}

int witness_key_new(const char *name, struct witness_key *ret)
{
	if (!note_name_valid(name, strlen(name)))
		return CV_ERR_ARG;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->key.name, name, strlen(name));
	crypto_random(ret->seed, sizeof(ret->seed));
	publish(ret);
	return 0;
}

int witness_key_encode(const struct witness_key *k, struct buf *ret)
{
	uint8_t raw[33] = { NOTE_COSIGNATURE };
	char id[9], b64[48];

	memcpy(raw + 1, k->seed, 32);
	hex_encode(k->key.key_id, 4, id);
	b64_encode(B64_STD, raw, sizeof(raw), b64);
	buf_text(ret, PRIVATE);
	buf_text(ret, k->key.name);
	buf_u8(ret, '+');
	buf_text(ret, id);
	buf_u8(ret, '+');
	buf_text(ret, b64);
	buf_u8(ret, '\n');
	wipe(raw, sizeof(raw));
	wipe(b64, sizeof(b64));
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

int witness_key_decode(const char *p, size_t n, struct witness_key *ret)
{
	struct witness_key k = { 0 };
	int r = CV_ERR_FORMAT;
	struct vkey like;

	/* The same three items as a verifier key's, the seed in the public key's place. */
	if (n < strlen(PRIVATE) || memcmp(p, PRIVATE, strlen(PRIVATE)) != 0)
		return CV_ERR_FORMAT;
	if (vkey_decode(p + strlen(PRIVATE), n - strlen(PRIVATE), NOTE_COSIGNATURE, &like) == 0) {
		memcpy(k.key.name, like.name, sizeof(k.key.name));
		memcpy(k.seed, like.pk, 32);
		publish(&k);
		if (memcmp(k.key.key_id, like.key_id, 4) == 0) {
			*ret = k;
			r = 0;
		}
	}
	wipe(&like, sizeof(like));
	wipe(&k, sizeof(k));
	return r;
}

int witness_sign(const struct witness_key *k, const char *note, size_t n, uint64_t time_s, struct buf *ret)
{
	uint8_t sk[SIGN_SECRET], pk[SIGN_PUBLIC], sig[SIGN_BYTES];
	struct buf message;
	struct note parts;
	unsigned kept = 0;
	const char *line = note;
	int r;

	if ((r = note_decode(note, n, &parts)) != 0)
		return r;
	buf_init(&message, NOTE_MAX + COSIGNATURE_HEAD_MAX);
	if ((r = cosignature_message(time_s, parts.text, parts.text_n, &message)) != 0)
		goto out;
	buf_put(ret, parts.text, parts.text_n);
	note_text_end(ret);
	line = parts.text + parts.text_n + 1;
	for (unsigned i = 0; i < parts.sigs; i++) {
		const char *next = (const char *)memchr(line, '\n', (size_t)(note + n - line)) + 1;

		/* Lines of kinds that are not known here stay as they are. */
		if (!note_sig_by(&parts.sig[i], k->key.name, k->key.key_id)) {
			buf_put(ret, line, (size_t)(next - line));
			kept++;
		}
		line = next;
	}
	if (kept == NOTE_SIGS_MAX) {
		r = CV_ERR_LIMIT;
		goto out;
	}
	crypto_sign_pair(k->seed, pk, sk);
	crypto_sign(sk, message.p, message.n, sig);
	cosignature_encode(k->key.name, k->key.key_id, time_s, sig, ret);
	r = buf_ok(ret) ? 0 : CV_ERR_NOMEM;
out:
	wipe(sk, sizeof(sk));
	buf_free(&message);
	return r;
}

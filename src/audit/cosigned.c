#include "audit/cosigned.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_internal.h"
#include "audit/trust.h"
#include "base/error.h"
#include "base/text.h"
#include "store/files.h"

#define FILE_NAME "cosigned"
#define WITNESS_PATH 80u	/* witness/ and the public key in hexadecimal digits */

/* The newest cosignature of one witness: the checkpoint's text, the log's own lines, and its line. */
struct kept {
	uint64_t size, time_s;	/* time_s 0: there is none */
	struct buf note;
};
struct cosigned {
	struct tlog_policy policy;	/* names point into text */
	struct buf text;
	struct kept by[TLOG_WITNESSES_MAX];
	uint64_t time_s[TLOG_WITNESSES_MAX];	/* of by */
	struct buf best;	/* log/cosigned: */
	uint64_t best_size;
	uint64_t best_quorum_s;
};

int cosigned_new(struct cosigned **ret_cosigned)
{
	struct cosigned *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return CV_ERR_NOMEM;
	c->policy.quorum = TLOG_MEMBERS_MAX;
	buf_init(&c->text, TLOG_POLICY_MAX);
	buf_init(&c->best, COSIGNED_MAX);
	for (unsigned i = 0; i < TLOG_WITNESSES_MAX; i++)
		buf_init(&c->by[i].note, COSIGNED_MAX);
	*ret_cosigned = c;
	return 0;
}

/* Forget what is in memory. */
static void forget(struct cosigned *c)
{
	for (unsigned i = 0; i < TLOG_WITNESSES_MAX; i++) {
		buf_reset(&c->by[i].note);
		c->by[i].size = c->by[i].time_s = c->time_s[i] = 0;
	}
	buf_reset(&c->best);
	c->best_size = c->best_quorum_s = 0;
	memset(&c->policy, 0, sizeof(c->policy));
	c->policy.quorum = TLOG_MEMBERS_MAX;
	buf_reset(&c->text);
}

void cosigned_free(struct cosigned *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < TLOG_WITNESSES_MAX; i++)
		buf_free(&c->by[i].note);
	buf_free(&c->best);
	buf_free(&c->text);
	free(c);
}

/* ---- judging ----------------------------------------------------------------------------------------------------------- */

/* Whether a note is a checkpoint of this very log, cosigned by some witness that counts. The results of cosigned_add. */
static int judge(struct cosigned *c, struct audit *a, const void *note, size_t n, struct trust *ret)
{
	uint8_t root[32];
	int r;

	if (n > COSIGNED_MAX)
		return CV_ERR_FORMAT;
	if ((r = trust_checkpoint(&c->policy, note, n, ret)) != 0)
		return r;
	if (ret->cosigned == 0 || ret->checkpoint.size == 0)
		return CV_ERR_NOTFOUND;
	if ((r = audit_root_at(a, ret->checkpoint.size, root)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_REPLAY : r;
	return memcmp(root, ret->checkpoint.root, 32) == 0 ? 0 : CV_ERR_REPLAY;
}

static bool has_quorum(uint64_t quorum_s)
{
	return quorum_s != 0 && quorum_s != TLOG_NONE;
}

/* Whether a checkpoint may take the place of the best one. */
static bool better(const struct cosigned *c, uint64_t size, uint64_t quorum_s)
{
	if (c->best_size == 0)
		return true;
	if (has_quorum(quorum_s) != has_quorum(c->best_quorum_s))
		return has_quorum(quorum_s);
	return size > c->best_size || (size == c->best_size && quorum_s >= c->best_quorum_s);
}

/* ---- putting notes together --------------------------------------------------------------------------------------------- */

/* Append the lines of a note that the filter wants, each as it stands there. */
static void copy_lines(const struct note *note, const void *end, bool (*wants)(void *cookie, const struct note_sig *s), void *cookie,
    struct buf *ret)
{
	const char *line = note->text + note->text_n + 1, *next;

	for (unsigned i = 0; i < note->sigs; i++, line = next) {
		next = (const char *)memchr(line, '\n', (size_t)((const char *)end - line)) + 1;
		if (wants(cookie, &note->sig[i]))
			buf_put(ret, line, (size_t)(next - line));
	}
}

/* The log's own key, or a daily one. */
static bool is_own(void *cookie, const struct note_sig *s)
{
	const struct vkey *log = cookie;
	size_t n = strlen(log->name);

	return s->sig_n == SIGN_BYTES && s->name_n >= n && memcmp(s->name, log->name, n) == 0 && (s->name_n == n || s->name[n] == '/');
}

static bool is_by(void *cookie, const struct note_sig *s)
{
	const struct vkey *witness = cookie;

	return note_sig_by(s, witness->name, witness->key_id);
}

/* The note of one witness: nothing stays in it that nobody here has checked. */
static int note_of(struct cosigned *c, const struct note *note, const void *end, const struct vkey *witness, struct buf *ret)
{
	struct vkey log = c->policy.log[0], by = *witness;

	buf_reset(ret);
	buf_put(ret, note->text, note->text_n);
	note_text_end(ret);
	copy_lines(note, end, is_own, &log, ret);
	copy_lines(note, end, is_by, &by, ret);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

/* Whether two notes are of the same checkpoint. */
static bool same_text(const struct note *note, const struct buf *other)
{
	return other->n > note->text_n && memcmp(other->p, note->text, note->text_n) == 0 && other->p[note->text_n] == '\n';
}

/* All that is known of one checkpoint: its own lines, and each witness's who cosigned it. */
static int gather(struct cosigned *c, const struct note *note, const void *end, struct buf *ret, uint64_t *ret_quorum_s)
{
	struct vkey log = c->policy.log[0];
	uint64_t time_s[TLOG_WITNESSES_MAX] = { 0 };

	buf_put(ret, note->text, note->text_n);
	note_text_end(ret);
	copy_lines(note, end, is_own, &log, ret);
	for (unsigned i = 0; i < c->policy.witnesses; i++) {
		const struct buf *other = &c->by[i].note;
		struct vkey by = c->policy.witness[i].key;
		struct note parts;

		if (c->by[i].time_s == 0 || !same_text(note, other))
			continue;
		if (note_decode((const char *)other->p, other->n, &parts) != 0)
			continue;
		copy_lines(&parts, other->p + other->n, is_by, &by, ret);
		time_s[i] = c->by[i].time_s;
	}
	*ret_quorum_s = tlog_policy_time(&c->policy, time_s);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

static void witness_path(const struct vkey *witness, char ret[WITNESS_PATH])
{
	char hex[65];

	hex_encode(witness->pk, 32, hex);
	(void)snprintf(ret, WITNESS_PATH, "witness/%s", hex);
}

static int write_witness(struct audit *a, const struct vkey *witness, const struct buf *note)
{
	char path[WITNESS_PATH];
	int r;

	witness_path(witness, path);
	if ((r = files_make_parents(a->dirfd, path)) != 0)
		return r;
	return files_replace(a->dirfd, path, note->p, note->n);
}

/* Take a judged note's cosignatures into memory and, if it came from outside, onto the disk. */
static int take(struct cosigned *c, struct audit *a, const void *p, size_t n, const struct trust *t, bool from_outside)
{
	struct note note;
	struct buf own;
	int r = note_decode(p, n, &note);

	buf_init(&own, COSIGNED_MAX);
	for (unsigned i = 0; r == 0 && i < c->policy.witnesses; i++) {
		struct kept *k = &c->by[i];

		if (t->time_s[i] == 0 || t->checkpoint.size < k->size || (t->checkpoint.size == k->size && t->time_s[i] <= k->time_s))
			continue;
		if ((r = note_of(c, &note, (const char *)p + n, &c->policy.witness[i].key, &own)) != 0)
			break;
		if (from_outside && (r = write_witness(a, &c->policy.witness[i].key, &own)) != 0)
			break;
		buf_reset(&k->note);
		buf_put(&k->note, own.p, own.n);
		k->size = t->checkpoint.size;
		k->time_s = c->time_s[i] = t->time_s[i];
	}
	buf_free(&own);
	return r;
}

/* Let a checkpoint take the place of the best one, if it may. */
static int offer(struct cosigned *c, struct audit *a, const void *p, size_t n, const struct trust *t)
{
	uint64_t quorum_s;
	struct note note;
	struct buf all;
	int r;

	buf_init(&all, COSIGNED_MAX);
	if ((r = note_decode(p, n, &note)) == 0 && (r = gather(c, &note, (const char *)p + n, &all, &quorum_s)) == 0 &&
	    better(c, t->checkpoint.size, quorum_s) && (r = files_replace(a->dirfd, FILE_NAME, all.p, all.n)) == 0) {
		buf_reset(&c->best);
		buf_put(&c->best, all.p, all.n);
		c->best_size = t->checkpoint.size;
		c->best_quorum_s = quorum_s;
	}
	buf_free(&all);
	return r;
}

/* Read one file of the folder and judge it. 0 with *ret_trust; CV_ERR_NOTFOUND: it is not there, or does not hold (*ret_bad). */
static int load(struct cosigned *c, struct audit *a, const char *path, struct buf *note, struct trust *ret_trust, unsigned *ret_bad)
{
	int r;

	buf_reset(note);
	r = files_read(a->dirfd, path, note);
	if (r == CV_ERR_NOTFOUND || r == CV_ERR_IO || r == CV_ERR_NOMEM)
		return r;
	if (r == 0)
		r = judge(c, a, note->p, note->n, ret_trust);
	if (r == 0 || r == CV_ERR_IO || r == CV_ERR_NOMEM)
		return r;
	++*ret_bad;
	return CV_ERR_NOTFOUND;
}

static int load_all(struct cosigned *c, struct audit *a, unsigned *ret_bad)
{
	struct trust t;
	struct buf note;
	char path[WITNESS_PATH];
	int r;

	buf_init(&note, COSIGNED_MAX);
	if ((r = load(c, a, FILE_NAME, &note, &t, ret_bad)) == 0 && (r = take(c, a, note.p, note.n, &t, false)) == 0) {
		buf_put(&c->best, note.p, note.n);
		c->best_size = t.checkpoint.size;
		c->best_quorum_s = t.quorum_s;
	}
	for (unsigned i = 0; (r == 0 || r == CV_ERR_NOTFOUND) && i < c->policy.witnesses; i++) {
		witness_path(&c->policy.witness[i].key, path);
		if ((r = load(c, a, path, &note, &t, ret_bad)) == 0)
			r = take(c, a, note.p, note.n, &t, false);
	}
	buf_free(&note);
	return r == CV_ERR_NOTFOUND ? 0 : r;
}

/* ---- the interface ---------------------------------------------------------------------------------------------------------- */

int cosigned_policy(struct cosigned *c, struct audit *a, const struct vkey *log, const struct vkey *witness, unsigned n, unsigned k,
    unsigned *ret_bad)
{
	unsigned line;

	*ret_bad = 0;
	forget(c);
	if (n == 0)
		return 0;
	tlog_policy_encode(log, witness, n, k, &c->text);
	if (!buf_ok(&c->text))
		return CV_ERR_NOMEM;
	if (k == 0 || trust_policy((const char *)c->text.p, c->text.n, &c->policy, &line) != 0) {
		forget(c);
		return CV_ERR_ARG;
	}
	return load_all(c, a, ret_bad);
}

int cosigned_add(struct cosigned *c, struct audit *a, const void *note, size_t n, uint64_t now_s, uint64_t *ret_size,
    unsigned *ret_witnesses)
{
	struct trust t;
	int r;

	if ((r = judge(c, a, note, n, &t)) != 0)
		return r;
	for (unsigned i = 0; i < c->policy.witnesses; i++)
		if (t.time_s[i] > now_s + COSIGNED_SKEW_S)
			return CV_ERR_STATE;
	if ((r = take(c, a, note, n, &t, true)) != 0 || (r = offer(c, a, note, n, &t)) != 0)
		return r;
	*ret_size = t.checkpoint.size;
	*ret_witnesses = t.cosigned;
	return 0;
}

int cosigned_read(const struct cosigned *c, struct buf *ret)
{
	if (c->best_size == 0)
		return CV_ERR_NOTFOUND;
	buf_put(ret, c->best.p, c->best.n);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

uint64_t cosigned_size(const struct cosigned *c)
{
	return c->best_size;
}

uint64_t cosigned_quorum_s(const struct cosigned *c)
{
	return tlog_policy_time(&c->policy, c->time_s);
}

bool cosigned_wanted(const struct cosigned *c)
{
	return c->policy.witnesses > 0;
}

/* Opening the writer, key segments and leaves. All on core's thread. */
#include "audit/audit.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit_internal.h"
#include "audit/body.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "format/context.h"
#include "store/files.h"

#define SEGMENT_LEAVES 4096u
#define SEGMENT_MS (10u * 60 * 1000)
#define AUDITORS_MAX 64u
/* Longest leaf with bodies, and a segment leaf: header and state hash, two lengths, padded plaintexts with their sealing. */
#define ACTOR_MAX 92u
#define TOLD_MAX (26u + 2u * LEAF_CLASSES_MAX)
#define REST_MAX (24u + 64u + LEAF_CASE_MAX + LEAF_REASON_MAX)
#define PAD64(n) (((n) + 63u) / 64u * 64u)
#define BODY_B_MAX (33u + PAD64(TOLD_MAX) + PAD64(REST_MAX) + 32u)
#define SEALED_LEAF_MAX (LEAF_HEADER + 32u + 4u + PAD64(ACTOR_MAX + TOLD_MAX + REST_MAX) + 16u + BODY_B_MAX)
#define SEGMENT_LEAF_MAX (LEAF_HEADER + 4u + 1u + AUDITORS_MAX * LEAF_SEGMENT_ENTRY)
#define ITEM_OVERHEAD 8u	/* what the store adds to a leaf, at most */

static const uint8_t zeros16[16], nonce0[12];

/* ---- the writer --------------------------------------------------------------------------------------------------- */

void note_key_id(const char *name, const uint8_t pk[32], uint8_t ret[4])
{
	crypto_note_key_id(name, NOTE_ED25519, pk, ret);
}

/* Open DIR/log, making it if absent. */
static int open_log(const char *dir)
{
	int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (top < 0)
		return CV_ERR_IO;
	fd = files_open_dir(top, "log");
	(void)close(top);	/* only read */
	return fd;
}

int audit_create(const struct audit_options *o, const uint8_t *epochs, size_t n)
{
	struct vkey k = { .type = NOTE_ED25519 };
	struct buf line;
	int dirfd, r;

	buf_init(&line, NOTE_MAX);
	dirfd = open_log(o->dir);
	if (dirfd < 0)
		return dirfd;
	memcpy(k.name, o->origin, strnlen(o->origin, NOTE_NAME_MAX));
	memcpy(k.pk, o->log_pk, 32);
	note_key_id(k.name, k.pk, k.key_id);
	vkey_encode(&k, &line);
	if (!note_name_valid(k.name, strlen(k.name)))
		r = CV_ERR_ARG;
	else if (!buf_ok(&line))
		r = CV_ERR_NOMEM;
	else if ((r = files_make_parents(dirfd, "seals/x")) == 0 && (r = files_create(dirfd, "epochs", epochs, n)) == 0)
		r = files_create(dirfd, "log.vkey", line.p, line.n);
	(void)close(dirfd);	/* only a folder */
	buf_free(&line);
	return r;
}

void audit_epoch_root(const uint8_t *epochs, size_t n, uint8_t ret[32])
{
	merkle_root_over(epochs, n / 32, 32, ret);
}

int audit_open(const struct audit_options *o, struct audit **ret_audit)
{
	struct audit *a = calloc(1, sizeof(*a));
	int r = CV_ERR_NOMEM;

	if (a == NULL)
		return CV_ERR_NOMEM;
	a->o = *o;
	a->o.dir = NULL;	/* the caller's string may go */
	a->dirfd = -1;
	a->cached = UINT64_MAX;
	buf_init(&a->leaf, STORE_LEAF_MAX);
	buf_init(&a->plain, STORE_LEAF_MAX);
	buf_init(&a->note, NOTE_MAX);
	buf_init(&a->cache, BUNDLE_MAX);
	buf_init(&a->appender.tags, TAGS_BATCH_MAX);
	edge_init(&a->appender.next);
	edge_init(&a->appender.shown);
	(void)pthread_mutex_init(&a->appender.lock, NULL);	/* default attributes cannot fail on Linux */
	if ((a->segment.key = secret_new(CRYPTO_KEY)) == NULL || buf_reserve(&a->leaf, SEALED_LEAF_MAX) != 0)
		goto out;
	note_key_id(a->o.origin, a->o.log_pk, a->key_id);
	if ((a->dirfd = open_log(o->dir)) < 0) {
		r = CV_ERR_IO;
		goto out;
	}
	*ret_audit = a;
	a = NULL;	/* transferred */
	r = 0;
out:
	audit_close(a);
	return r;
}

void audit_close(struct audit *a)
{
	if (a == NULL)
		return;
	secret_free(a->segment.key);
	if (a->dirfd >= 0)
		(void)close(a->dirfd);
	(void)pthread_mutex_destroy(&a->appender.lock);
	buf_free(&a->appender.tags);
	edge_free(&a->appender.next);
	edge_free(&a->appender.shown);
	buf_free(&a->leaf);
	buf_free(&a->plain);
	buf_free(&a->note);
	buf_free(&a->cache);
	wipe(a, sizeof(*a));
	free(a);
}

/* ---- key segments --------------------------------------------------------------------------------------------------- */

void segment_end(struct audit *a)
{
	a->segment.open = false;
	wipe(a->segment.key->bytes, CRYPTO_KEY);
}

/* One turn on: K_(t+1) replaces K_t, so that what was sealed before cannot be opened from here. */
static void segment_ratchet(struct audit *a)
{
	uint8_t next[CRYPTO_KEY];

	if (!a->segment.open)
		return;
	crypto_hash("cv1.seg.next", a->segment.key->bytes, CRYPTO_KEY, NULL, 0, next, sizeof(next));
	memcpy(a->segment.key->bytes, next, sizeof(next));
	wipe(next, sizeof(next));
	a->segment.turn++;
}

/* Whether a sealed leaf at index may use the open segment. */
static bool segment_fits(const struct audit *a, uint64_t now_ms)
{
	const struct segment *g = &a->segment;

	/* A clock that went back gives no segment a longer life. */
	return g->open && g->leaves < SEGMENT_LEAVES && now_ms >= g->opened_ms && now_ms - g->opened_ms < SEGMENT_MS &&
	    now_ms < g->until_ms;
}

/*
 * What a roll-back of the request took with it: the leaf that opened the segment, without which nobody could open what
 * follows; or a leaf at this very index, whose one-use keys must not seal a second text.
 */
static void notice_rollback(struct audit *a, uint64_t index)
{
	if (a->segment.open && a->segment.index >= index)
		segment_end(a);
	if (a->built_any && a->built >= index)
		segment_ratchet(a);
	a->built_any = true;
	a->built = index;
}

void audit_policy(struct audit *a, const uint8_t digest[32])
{
	memcpy(a->policy, digest, sizeof(a->policy));
	segment_end(a);
}

int audit_policy_keep(struct audit *a, const uint8_t digest[32], const void *document, size_t n)
{
	char path[sizeof(POLICY_FOLDER) + 33] = POLICY_FOLDER "/";
	struct buf there;
	int r;

	hex_encode(digest, 16, path + strlen(path));
	buf_init(&there, n + 1);
	if (files_read(a->dirfd, path, &there) == 0 && there.n == n && memcmp(there.p, document, n) == 0)
		r = 0;
	else if ((r = files_make_parents(a->dirfd, path)) == 0)
		r = files_replace(a->dirfd, path, document, n);
	buf_free(&there);
	return r;
}

void audit_auditors_changed(struct audit *a)
{
	segment_end(a);
}

int audit_turn_begin(struct audit *a, struct store *s, uint64_t now_ms)
{
	int r;

	if (a->broken)
		return CV_ERR_IO;
	if ((r = epochs_catch_up(a, s, now_ms, AUDIT_RUNNING_DAYS)) != 0)
		return r;
	/* The journal lost what a checkpoint vouches for: a leaf written now would fork the log. */
	if (a->has_signed && store_next_leaf(s) < a->signed_size)
		return CV_ERR_REPLAY;
	segment_ratchet(a);
	a->built_any = false;
	return 0;
}

void audit_turn_end(struct audit *a, int result)
{
	if (result != 0)
		segment_end(a);
}

/* ---- leaves --------------------------------------------------------------------------------------------------------- */

size_t audit_leaf_room(const struct audit *a)
{
	(void)a;	/* whether a segment leaf is due depends on the clock too: always counted */
	return SEALED_LEAF_MAX + SEGMENT_LEAF_MAX + 2 * ITEM_OVERHEAD;
}

/* What the day key and the actor's key make of one leaf. */
struct tags {
	uint8_t actor[16], subject[16];
	uint8_t child[16];	/* body A keeps the first half */
};

/* Tags of the header, who and which child, and the child as this person meets it this day. */
static void tags(struct audit *a, const struct audit_entry *e, const struct leaf *l, struct tags *ret)
{
	uint8_t day_key[16];

	memset(ret->actor, 0, sizeof(ret->actor));
	memset(ret->child, 0, sizeof(ret->child));
	if (e != NULL && memcmp(e->actor.principal, zeros16, 16) != 0)
		a->o.hooks.actor_tag(a->o.hooks.cookie, e->actor.principal, l->index, ret->actor);
	if (e == NULL || e->log_key == NULL) {
		crypto_random(ret->subject, sizeof(ret->subject));
		return;
	}
	audit_day_key(e->log_key, l->epoch, day_key);
	body_tag(day_key, l->index, ret->subject);
	crypto_siphash128(day_key, e->actor.principal, 16, ret->child);
	wipe(day_key, sizeof(day_key));
}

/* Begin a->leaf with the header of l. */
static int header(struct audit *a, struct leaf *l, const struct tags *t)
{
	l->actor_tag = t->actor;
	l->subject_tag = t->subject;
	l->policy = a->policy;
	buf_reset(&a->leaf);
	return leaf_header_encode(l, &a->leaf);
}

/* A clear leaf of n bytes p, given to the store. */
static int clear_leaf(struct audit *a, struct store *s, struct leaf *l, const struct audit_entry *e, const void *p, size_t n)
{
	struct tags t;
	int r;

	l->flags = LEAF_CLEAR;
	if (n > STORE_LEAF_MAX - LEAF_HEADER - 32 - 4)
		return CV_ERR_LIMIT;
	tags(a, e, l, &t);
	if ((r = header(a, l, &t)) != 0)
		return r;
	buf_u16(&a->leaf, (uint16_t)n);
	buf_put(&a->leaf, p, n);
	buf_u16(&a->leaf, 0);
	return buf_ok(&a->leaf) ? store_leaf(s, a->leaf.p, a->leaf.n) : CV_ERR_NOMEM;
}

/*
 * The body of a segment leaf: K_0 sealed to each auditor, to their month's key if they have one. A key that seals nothing (low order) is
 * left out.
 */
static void segment_body(struct audit *a, uint64_t now_ms, struct buf *ret)
{
	struct audit_auditor auditors[AUDITORS_MAX];
	unsigned n = a->o.hooks.auditors(a->o.hooks.cookie, now_ms, auditors, AUDITORS_MAX);
	uint8_t ctx[CONTEXT_BYTES], sealed[LEAF_SEGMENT_SEALED];
	size_t count_at = ret->n;

	assert(n <= AUDITORS_MAX);
	buf_u8(ret, 0);
	for (unsigned i = 0; i < n; i++) {
		const struct context c = { .kind = CONTEXT_SEGMENT, .vault = a->o.vault_id, .entity = a->segment.id,
			.epoch = auditors[i].month, .writer = auditors[i].id, .length = 32 };

		context_encode(&c, ctx);
		if (crypto_pkseal(auditors[i].box_pk, ctx, a->segment.key->bytes, 32, sealed) != 0)
			continue;
		buf_put(ret, auditors[i].id, 16);
		buf_u32(ret, auditors[i].month);
		buf_put(ret, sealed, sizeof(sealed));
		if (buf_ok(ret))
			ret->p[count_at]++;
	}
}

/* Open a segment: its key, and its leaf at l->index. */
static int segment_begin(struct audit *a, struct store *s, const struct leaf *like, uint64_t now_ms)
{
	struct segment *g = &a->segment;
	struct leaf l = *like;
	int r;

	crypto_random(g->id, sizeof(g->id));
	crypto_random(g->key->bytes, CRYPTO_KEY);
	buf_reset(&a->plain);
	segment_body(a, now_ms, &a->plain);
	l.kind = LEAF_SEGMENT;
	l.segment = g->id;
	l.turn = 0;
	l.state_hash = NULL;
	r = buf_ok(&a->plain) ? clear_leaf(a, s, &l, NULL, a->plain.p, a->plain.n) : CV_ERR_NOMEM;
	if (r != 0) {
		segment_end(a);
		return r;
	}
	g->open = true;
	g->turn = 0;
	g->leaves = 0;
	g->opened_ms = now_ms;
	g->until_ms = clock_month_ms(clock_month_next(clock_month(now_ms)));
	g->index = l.index;
	return 0;
}

/* What body A says of the act, which is what the detail says of it. */
static void act(const struct leaf_detail *d, const struct tags *t, struct leaf_actor *ret)
{
	ret->role = d->role;
	ret->department = d->department;
	ret->purpose = d->purpose;
	ret->view = d->view;
	ret->fields = 0;
	for (unsigned i = 0; i < d->bitmap_n; i++)
		ret->fields += (uint16_t)__builtin_popcount(d->bitmap[i]);
	memcpy(ret->child, t->child, sizeof(ret->child));
}

/* Append body A, sealed under the turn's key. The leaf's bytes so far but the length are its associated data. */
static int body_a(struct audit *a, const struct leaf *l, const struct audit_entry *e, const struct tags *t)
{
	static const struct leaf_detail none;
	const bool inside = e->log_key == NULL && memcmp(&e->detail, &none, sizeof(none)) != 0;
	const size_t header_n = a->leaf.n;
	uint8_t input[BODY_INPUT], key[32], *p;
	struct leaf_actor who = e->actor;

	act(&e->detail, t, &who);
	buf_reset(&a->plain);
	if (leaf_actor_encode(&who, inside ? &e->detail : NULL, &a->plain) != 0)
		return CV_ERR_NOMEM;
	body_input(l, input);
	crypto_hash_block("cv1.leaf.a", a->segment.key->bytes, input, sizeof(input), key, sizeof(key));
	buf_u16(&a->leaf, (uint16_t)(a->plain.n + CRYPTO_TAG));
	if ((p = buf_add(&a->leaf, a->plain.n + CRYPTO_TAG)) != NULL)
		crypto_cell_seal(key, nonce0, a->leaf.p, header_n, a->plain.p, a->plain.n, p);
	wipe(key, sizeof(key));
	return p != NULL ? 0 : CV_ERR_NOMEM;
}

/* Append a->plain as a box under key; header_n bytes are its associated data. */
static int box(struct audit *a, const uint8_t key[32], size_t header_n)
{
	uint8_t *p = buf_add(&a->leaf, a->plain.n + CRYPTO_TAG);

	if (p != NULL)
		crypto_cell_seal(key, nonce0, a->leaf.p, header_n, a->plain.p, a->plain.n, p);
	return p != NULL ? 0 : CV_ERR_NOMEM;
}

/* Append body B, empty without a child: what a receipt tells, then the rest. */
static int body_b(struct audit *a, const struct leaf *l, const struct audit_entry *e, size_t header_n)
{
	const size_t at = a->leaf.n;
	struct body_keys k;
	uint8_t commit[32];
	int r;

	buf_u16(&a->leaf, 0);
	if (e->log_key == NULL)
		return buf_ok(&a->leaf) ? 0 : CV_ERR_NOMEM;
	body_keys(l, e->log_key, &k);
	body_commit(&k, commit);
	buf_put(&a->leaf, commit, sizeof(commit));
	buf_reset(&a->plain);
	if ((r = leaf_told_encode(&e->detail, &a->plain)) != 0)
		goto out;
	buf_u8(&a->leaf, (uint8_t)(a->plain.n / 64));
	if ((r = box(a, k.told, header_n)) != 0)
		goto out;
	buf_reset(&a->plain);
	if ((r = leaf_rest_encode(&e->detail, &a->plain)) == 0 && (r = box(a, k.rest, header_n)) == 0)
		be16_put(a->leaf.p + at, (uint16_t)(a->leaf.n - at - 2));
out:
	wipe(&k, sizeof(k));
	return r;
}

static int sealed_leaf(struct audit *a, struct store *s, struct leaf *l, const struct audit_entry *e, uint64_t now_ms)
{
	struct tags t;
	size_t header_n;
	int r;

	if (!segment_fits(a, now_ms)) {
		if ((r = segment_begin(a, s, l, now_ms)) != 0)
			return r;
		a->built = ++l->index;
	}
	l->flags = e->log_key != NULL ? LEAF_CHILD : 0;
	l->segment = a->segment.id;
	l->turn = a->segment.turn;
	tags(a, e, l, &t);
	if ((r = header(a, l, &t)) != 0)
		return r;
	header_n = a->leaf.n;
	if ((r = body_a(a, l, e, &t)) != 0 || (r = body_b(a, l, e, header_n)) != 0)
		return r;
	a->segment.leaves++;
	return store_leaf(s, a->leaf.p, a->leaf.n);
}

int audit_leaf(struct audit *a, struct store *s, const struct audit_entry *e, uint64_t now_ms, uint64_t *ret_index)
{
	struct leaf l = { .kind = e->kind, .index = store_next_leaf(s), .time_ms = now_ms, .segment = zeros16,
		.epoch = a->o.hooks.fs_epoch(a->o.hooks.cookie), .state_hash = e->state_hash };
	int r;

	assert(e->detail.bitmap_n <= sizeof(e->detail.bitmap) && e->detail.case_n <= LEAF_CASE_MAX);
	assert(e->detail.reason_n <= LEAF_REASON_MAX && e->detail.classes <= LEAF_CLASSES_MAX);
	notice_rollback(a, l.index);
	if (e->clear != NULL)
		r = clear_leaf(a, s, &l, e, e->clear, e->clear_n);
	else
		r = sealed_leaf(a, s, &l, e, now_ms);
	buf_reset(&a->plain);
	if (r == 0)
		*ret_index = l.index;
	return r;
}

int audit_open_detail(const struct leaf *l, const uint8_t log_key[32], struct leaf_detail *ret)
{
	struct leaf_detail d = { .view = 0 };
	struct body_keys k;
	int r;

	if ((l->flags & LEAF_CHILD) == 0)
		return CV_ERR_FORMAT;
	body_keys(l, log_key, &k);
	if ((r = body_open_told(l, k.told, k.rest_hash, &d)) == 0 && (r = body_open_rest(l, k.rest, k.told_hash, &d)) == 0)
		*ret = d;
	wipe(&k, sizeof(k));
	wipe(&d, sizeof(d));
	return r;
}

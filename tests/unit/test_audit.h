/*
 * A small vault's log for tests: the real store and the real writer over fake keys. Static functions, one user a program.
 */
#ifndef CV_TEST_AUDIT_H
#define CV_TEST_AUDIT_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "crypto/crypto.h"
#include "crypto/merkle.h"
#include "store/store.h"

#define FIX_DAY_MS 86400000u
#define FIX_FIRST_DAY 20000u
#define FIX_EPOCHS_MAX 3653u
#define FIX_PATH 160

/* Outside cmocka (the generator of tests/interop) a failed check ends the program. */
#ifndef FIX_CHECK
#define FIX_CHECK(x) assert_true(x)
#endif

struct fix {
	char dir[96];
	struct audit *a;
	struct store *s;
	uint8_t vault[16], journal_key[32], actor_key[32];
	uint8_t log_pk[32], log_sk[64];
	uint32_t epochs;	/* in the file */
	uint8_t (*epoch_pk)[32];
	uint8_t state[32];	/* s_e */
	uint32_t epoch;
	unsigned fs_next_calls;
	int fs_next_fails;	/* answer of the next fs_next */
	bool fs_wrong;		/* sign with a key that is not the epoch's */
	unsigned auditors;
	bool months;		/* they have month keys, which are the keys that they have anyway */
	uint8_t auditor_sk[3][32];
	uint64_t now_ms;
	char origin[64];
	uint8_t admin_pk[2][32], admin_sk[2][64];
	uint32_t apply_ms;	/* 0: apply on flush alone */
};

static inline void fix_path(const struct fix *f, const char *name, char ret[FIX_PATH])
{
	(void)snprintf(ret, FIX_PATH, "%s/log/%s", f->dir, name);
}

/* ---- hooks ---------------------------------------------------------------------------------------------------------- */

static inline void fix_mac(void *cookie, const uint8_t prev[16], const uint8_t *block, size_t n, uint8_t ret[16])
{
	struct fix *f = cookie;
	const struct part parts[] = { { prev, 16 }, { block, n } };

	crypto_hash("cv1.journal", f->journal_key, 32, parts, 2, ret, 16);
}
static inline void fix_actor_tag(void *cookie, const uint8_t principal[16], uint64_t index, uint8_t ret[16])
{
	struct fix *f = cookie;
	uint8_t in[24];

	memcpy(in, principal, 16);
	be64_put(in + 16, index);
	crypto_hash_block("cv1.actor", f->actor_key, in, sizeof(in), ret, 16);
}
static inline void fix_log_sign(void *cookie, const void *p, size_t n, uint8_t ret[64])
{
	crypto_sign(((struct fix *)cookie)->log_sk, p, n, ret);
}
static inline void fix_epoch_seed(const uint8_t state[32], uint8_t ret_pk[32], uint8_t ret_sk[64])
{
	uint8_t seed[32];

	crypto_hash("cv1.fs.sign", state, 32, NULL, 0, seed, 32);
	crypto_sign_pair(seed, ret_pk, ret_sk);
}
static inline void fix_fs_sign(void *cookie, const void *p, size_t n, uint8_t ret[64])
{
	struct fix *f = cookie;
	uint8_t pk[32], sk[64];

	fix_epoch_seed(f->state, pk, sk);
	crypto_sign(f->fs_wrong ? f->log_sk : sk, p, n, ret);
}
static inline uint32_t fix_fs_epoch(void *cookie)
{
	return ((struct fix *)cookie)->epoch;
}
static inline int fix_fs_next(void *cookie, uint64_t size, const uint8_t root[32])
{
	struct fix *f = cookie;
	int r = f->fs_next_fails;

	(void)size;
	(void)root;
	f->fs_next_calls++;
	f->fs_next_fails = 0;
	if (r != 0)
		return r;
	if (f->epoch + 1 >= f->epochs)
		return CV_ERR_LIMIT;
	crypto_hash("cv1.fs.next", f->state, 32, NULL, 0, f->state, 32);
	f->epoch++;
	return 0;
}
static inline unsigned fix_auditors(void *cookie, uint64_t now_ms, struct audit_auditor *ret, unsigned max)
{
	struct fix *f = cookie;

	for (unsigned i = 0; i < f->auditors && i < max; i++) {
		memset(ret[i].id, (int)(0xA0 + i), 16);
		ret[i].month = f->months ? clock_month(now_ms) : 0;
		crypto_box_public(f->auditor_sk[i], ret[i].box_pk);
	}
	return f->auditors;
}

/* ---- opening and closing --------------------------------------------------------------------------------------------- */

static inline struct audit_options fix_audit_options(struct fix *f)
{
	struct audit_options o = { .dir = f->dir, .first_day = FIX_FIRST_DAY,
		.hooks = { .cookie = f, .actor_tag = fix_actor_tag, .log_sign = fix_log_sign, .fs_sign = fix_fs_sign,
			.fs_epoch = fix_fs_epoch, .fs_next = fix_fs_next, .auditors = fix_auditors } };

	memcpy(o.vault_id, f->vault, 16);
	memcpy(o.origin, f->origin, sizeof(f->origin));
	memcpy(o.log_pk, f->log_pk, 32);
	return o;
}
static inline struct store_options fix_store_options(struct fix *f)
{
	return (struct store_options){ .dir = f->dir, .map_bytes = 256u << 20, .journal_files = 3, .journal_file_bytes = 9u << 20,
		.apply_bytes = f->apply_ms == 0 ? UINT32_MAX : 0, .apply_ms = f->apply_ms == 0 ? 3600000 : f->apply_ms,
		.rows_ms = f->apply_ms == 0 ? 3600000 : f->apply_ms,
		.hooks = { .cookie = f, .mac = fix_mac } };
}
/* The store has one cookie for both hooks. */
static inline int fix_apply(void *cookie, uint64_t first, const struct store_leaf *leaves, size_t n, const uint8_t **ret_note,
    size_t *ret_note_n)
{
	return audit_apply_leaves(((struct fix *)cookie)->a, first, leaves, n, ret_note, ret_note_n);
}

/* Open what fix_make or an earlier fix_close left, up to the end of the replay. Answers the first error. */
static inline int fix_open(struct fix *f)
{
	struct audit_options ao = fix_audit_options(f);
	struct store_options so = fix_store_options(f);
	struct store_replay_report report;
	struct store_value note = { 0 };
	int r;

	so.hooks.apply_leaves = fix_apply;
	if ((r = audit_open(&ao, &f->a)) != 0)
		return r;
	FIX_CHECK(store_open(&so, &f->s) == 0);
	r = store_get(f->s, STORE_META, "log", 3, &note);
	FIX_CHECK(r == 0 || r == CV_ERR_NOTFOUND);
	if ((r = audit_resume(f->a, note.p, note.n)) != 0)
		return r;
	if ((r = store_replay(f->s, &report)) != 0)
		return r;
	return 0;
}
static inline void fix_close(struct fix *f, bool clean)
{
	(void)store_close(f->s, clean);
	audit_close(f->a);
	f->s = NULL;
	f->a = NULL;
}

/* A new vault folder with an empty store and log; epochs as given. Opens it. */
static inline void fix_make(struct fix *f, const char *dir, uint32_t epochs)
{
	struct audit_options ao;
	struct store_options so;
	uint8_t seed[32], state[32], sk[64];

	memset(f, 0, sizeof(*f));
	(void)crypto_start();
	crypto_allow_unlocked(true);
	if (dir != NULL) {
		(void)snprintf(f->dir, sizeof(f->dir), "%s", dir);
		FIX_CHECK(mkdir(f->dir, 0700) == 0);
	} else {
		(void)snprintf(f->dir, sizeof(f->dir), "/tmp/cv-audit-XXXXXX");
		FIX_CHECK(mkdtemp(f->dir) != NULL);
	}
	for (unsigned i = 0; i < 16; i++)
		f->vault[i] = (uint8_t)i;
	(void)snprintf(f->origin, sizeof(f->origin), "childvault.local/0001020304050607");
	memset(f->journal_key, 1, 32);
	memset(f->actor_key, 2, 32);
	memset(seed, 3, 32);
	crypto_sign_pair(seed, f->log_pk, f->log_sk);
	for (unsigned i = 0; i < 2; i++) {
		memset(seed, (int)(0x10 + i), 32);
		crypto_sign_pair(seed, f->admin_pk[i], f->admin_sk[i]);
	}
	f->auditors = 2;
	for (unsigned i = 0; i < 3; i++)
		memset(f->auditor_sk[i], (int)(0x40 + i), 32);
	for (unsigned i = 0; i < 32; i++)
		f->state[i] = (uint8_t)i;
	f->epochs = epochs;
	f->epoch_pk = calloc(epochs, 32);
	FIX_CHECK(f->epoch_pk != NULL);
	memcpy(state, f->state, 32);
	for (uint32_t e = 0; e < epochs; e++) {
		fix_epoch_seed(state, f->epoch_pk[e], sk);
		crypto_hash("cv1.fs.next", state, 32, NULL, 0, state, 32);
	}
	f->now_ms = (uint64_t)FIX_FIRST_DAY * FIX_DAY_MS + 3600000;
	so = fix_store_options(f);
	FIX_CHECK(store_create(&so) == 0);
	ao = fix_audit_options(f);
	FIX_CHECK(audit_create(&ao, f->epoch_pk[0], (size_t)epochs * 32) == 0);
	FIX_CHECK(fix_open(f) == 0);
}

/* Remove a folder and everything in it. */
static inline void fix_remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[512];
	struct stat st;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%.200s/%.200s", dir, e->d_name);
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			fix_remove_dir(path);
		else
			(void)unlink(path);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(dir);
}
static inline void fix_free(struct fix *f)
{
	if (f->s != NULL)
		fix_close(f, false);
	fix_remove_dir(f->dir);
	free(f->epoch_pk);
}

/* ---- leaves ---------------------------------------------------------------------------------------------------------- */

static inline int fix_turn_begin(struct fix *f)
{
	int r;

	if ((r = audit_turn_begin(f->a, f->s, f->now_ms)) != 0)
		return r;
	return store_turn_begin(f->s);
}
static inline int fix_turn_end(struct fix *f)
{
	int r = store_turn_end(f->s);

	audit_turn_end(f->a, r);
	return r;
}
static inline uint64_t fix_leaf(struct fix *f, const struct audit_entry *e)
{
	uint64_t index = 0;

	FIX_CHECK(audit_leaf(f->a, f->s, e, f->now_ms, &index) == 0);
	store_commit(f->s);
	return index;
}
/* An entry as a read of a child's record leaves it. */
static inline struct audit_entry fix_entry(const uint8_t *log_key)
{
	struct audit_entry e = { .kind = LEAF_READ, .log_key = log_key };

	memset(e.actor.principal, 0x77, 16);
	memset(e.actor.session, 0x78, 16);
	memset(e.actor.request, 0x79, 16);
	e.actor.uid = 1000;
	e.actor.pid = 4242;
	memset(e.detail.record, 0x55, 16);
	e.detail.view = 1;
	e.detail.role = 3;
	e.detail.purpose = 9;
	e.detail.bitmap_n = 4;
	memset(e.detail.bitmap, 0x3c, 4);
	e.detail.case_n = 6;
	memcpy(e.detail.case_text, "2026-7", 6);
	e.detail.reason_n = 11;
	memcpy(e.detail.reason, "home visit.", 11);
	return e;
}
/* n reads in turns of `turn` leaves. */
static inline void fix_reads(struct fix *f, unsigned n, unsigned turn)
{
	uint8_t log_key[32];
	struct audit_entry e = fix_entry(log_key);

	memset(log_key, 0x66, 32);
	for (unsigned done = 0; done < n;) {
		FIX_CHECK(fix_turn_begin(f) == 0);
		for (unsigned i = 0; i < turn && done < n; i++, done++)
			(void)fix_leaf(f, &e);
		FIX_CHECK(fix_turn_end(f) == 0);
		f->now_ms += 5;
	}
}
static inline void fix_apply_all(struct fix *f)
{
	FIX_CHECK(store_flush(f->s) == 0);
}
static inline void fix_checkpoint(struct fix *f)
{
	fix_apply_all(f);
	FIX_CHECK(audit_checkpoint(f->a, f->s) == 0);
}

/* Leaf 0 and the leaf that says who signed it. */
static inline void fix_genesis(struct fix *f)
{
	static const uint8_t policy[32] = { 9 };
	uint8_t root[32], hash[32], signed_text[16 + 32] = "cv1.genesis", sig[64];
	struct audit_entry e = { .kind = LEAF_GENESIS };
	struct buf body, leaf;

	buf_init(&body, 4096);
	buf_init(&leaf, 4096);
	audit_policy(f->a, policy);
	audit_epoch_root(f->epoch_pk[0], (size_t)f->epochs * 32, root);
	buf_u8(&body, 1);
	buf_put(&body, f->vault, 16);
	buf_u48(&body, f->now_ms);
	buf_put(&body, f->log_pk, 32);
	buf_put(&body, root, 32);
	buf_u32(&body, f->epochs);
	buf_u32(&body, FIX_FIRST_DAY);
	buf_put(&body, policy, 32);
	buf_u8(&body, 2);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t id[16], person[16];

		memset(id, (int)(0xE0 + i), 16);
		memset(person, (int)(0xF0 + i), 16);
		buf_put(&body, id, 16);
		buf_put(&body, f->admin_pk[i], 32);
		buf_put(&body, person, 16);
	}
	buf_u8(&body, (uint8_t)strlen(f->origin));
	buf_text(&body, f->origin);
	FIX_CHECK(fix_turn_begin(f) == 0);
	e.clear = body.p;
	e.clear_n = body.n;
	FIX_CHECK(fix_leaf(f, &e) == 0);
	FIX_CHECK(fix_turn_end(f) == 0);
	fix_apply_all(f);
	FIX_CHECK(audit_read_leaf(f->a, 0, &leaf) == 0);
	merkle_leaf(leaf.p, leaf.n, hash);
	memcpy(signed_text + 16, hash, 32);
	buf_reset(&body);
	buf_u8(&body, 1);
	buf_put(&body, hash, 32);
	buf_u8(&body, 2);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t id[16];

		memset(id, (int)(0xE0 + i), 16);
		crypto_sign(f->admin_sk[i], signed_text, sizeof(signed_text), sig);
		buf_put(&body, id, 16);
		buf_put(&body, sig, 64);
	}
	e.kind = LEAF_RESULT;
	e.clear = body.p;
	e.clear_n = body.n;
	FIX_CHECK(fix_turn_begin(f) == 0);
	(void)fix_leaf(f, &e);
	FIX_CHECK(fix_turn_end(f) == 0);
	buf_free(&body);
	buf_free(&leaf);
}

#endif

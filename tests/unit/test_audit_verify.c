/* The verifier: what is whole passes without a word, and each way to spoil a folder gets its name and its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "childvault_audit.h"
#include "format/note.h"
#include "format/tile.h"
#include "unit/test_audit.h"

#define NONE CHILDVAULT_AUDIT_NONE
#define FINDINGS 64

struct seen {
	struct childvault_audit_finding f[FINDINGS];
	char file[FINDINGS][64];
	unsigned n;
	struct childvault_audit_summary s;
	int result;
};

static void on_finding(void *cookie, const struct childvault_audit_finding *f)
{
	struct seen *seen = cookie;
	char text[512];

	/* Every sentence is whole, in both languages. */
	childvault_audit_describe(f, "en", text, sizeof(text));
	assert_true(strlen(text) > 5 && strchr(text, '%') == NULL);
	childvault_audit_describe(f, "zh_CN.UTF-8", text, sizeof(text));
	assert_true(strlen(text) > 5 && strchr(text, '%') == NULL);
	if (seen->n == FINDINGS)
		return;
	seen->f[seen->n] = *f;
	(void)snprintf(seen->file[seen->n++], 64, "%s", f->file);
}

static void verify_with(const struct fix *f, const char *vkey, const char *known, unsigned threads, struct seen *ret)
{
	char dir[FIX_PATH];
	struct childvault_audit_options o = { .dir = dir, .vkey_file = vkey, .known_file = known, .threads = threads,
		.found = on_finding, .cookie = ret };

	memset(ret, 0, sizeof(*ret));
	fix_path(f, "", dir);
	ret->result = childvault_audit_verify(&o, &ret->s);
}
static void verify(const struct fix *f, struct seen *ret)
{
	verify_with(f, NULL, NULL, 1, ret);
}

/* Whether kind was found at file (NULL: any) and leaf (NONE: any), as a fault or a note. */
static bool has(const struct seen *s, enum childvault_audit_kind kind, bool fault, const char *file, uint64_t leaf)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->f[i].kind == kind && (s->f[i].fault != 0) == fault && (file == NULL || strcmp(s->file[i], file) == 0) &&
		    (leaf == NONE || s->f[i].leaf == leaf))
			return true;
	return false;
}
/* The first of a kind. */
static const struct childvault_audit_finding *finding(const struct seen *s, enum childvault_audit_kind kind)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->f[i].kind == kind)
			return &s->f[i];
	fail();
	return NULL;
}
static bool only(const struct seen *s, enum childvault_audit_kind kind, const char *file, uint64_t leaf)
{
	return s->result == 1 && s->n == 1 && has(s, kind, true, file, leaf);
}

/* ---- files ------------------------------------------------------------------------------------------------------------ */

static void slurp(const struct fix *f, const char *name, struct buf *ret)
{
	char path[FIX_PATH];
	FILE *in;
	int c;

	fix_path(f, name, path);
	in = fopen(path, "r");
	assert_non_null(in);
	buf_init(ret, 1u << 24);
	while ((c = fgetc(in)) != EOF)
		buf_u8(ret, (uint8_t)c);
	assert_true(buf_ok(ret));
	(void)fclose(in);
}
static void spill(const struct fix *f, const char *name, const void *p, size_t n)
{
	char path[FIX_PATH];
	FILE *out;

	fix_path(f, name, path);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fwrite(p, 1, n, out) == n);
	assert_int_equal(fclose(out), 0);
}
static void drop(const struct fix *f, const char *name)
{
	char path[FIX_PATH];

	fix_path(f, name, path);
	assert_int_equal(unlink(path), 0);
}

/* Three days of reads: some, and more each day; all signed, then some that are not. Closed. */
static void make_days(struct fix *f, unsigned reads, unsigned more, unsigned ahead)
{
	fix_make(f, NULL, 12);
	fix_genesis(f);
	for (unsigned day = 0; day < 3; day++) {
		fix_reads(f, reads + more * day, 50);
		fix_checkpoint(f);
		f->now_ms += FIX_DAY_MS;
	}
	f->now_ms -= FIX_DAY_MS;
	fix_reads(f, ahead, 50);
	fix_close(f, true);
}
/* 780 reads, with the other leaves 787, in three bundles and 19 leaves of the fourth; days end at 224 and 486; 20 are ahead. */
static void make(struct fix *f)
{
	make_days(f, 220, 40, 20);
}

/* ---- whole logs ---------------------------------------------------------------------------------------------------------- */

static void whole_log_passes_and_says_what_it_covered(void **state)
{
	struct seen s;
	struct fix f;

	(void)state;
	make(&f);
	for (unsigned threads = 0; threads < 4; threads++) {
		verify_with(&f, NULL, NULL, threads, &s);
		assert_int_equal(s.result, 0);
		assert_int_equal(s.n, 1);
		assert_true(s.s.size == 787 && s.s.root_signed == 1);
		assert_true(has(&s, CHILDVAULT_AUDIT_SIZE_AHEAD, false, NULL, 787));
		assert_true(s.s.unsigned_leaves == 20);
		assert_true(s.s.epoch_first == 0 && s.s.epoch_last == 2 && s.s.seals == 2);
		assert_true(s.s.genesis == 1 && s.s.demo == 1 && s.s.administrators == 2 && s.s.genesis_signatures == 2);
		assert_memory_equal(s.s.vault, f.vault, 16);
		assert_true(s.s.kinds[LEAF_READ] == 780 && s.s.kinds[LEAF_SEGMENT] == 3 && s.s.kinds[LEAF_EPOCH] == 2);
		assert_string_equal(s.s.origin, f.origin);
		assert_true(s.s.tiles == 3 + 1 + 1);
	}
	fix_free(&f);
}

static void every_size_verifies(void **state)
{
	struct seen s;
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 4);
	fix_genesis(&f);
	for (unsigned i = 0; i < 30; i++) {
		if (i % 3 != 2)
			fix_checkpoint(&f);
		fix_apply_all(&f);
		verify(&f, &s);
		assert_int_equal(s.result, 0);
		assert_true(s.n == (i % 3 == 2));
		fix_reads(&f, i == 3 ? 230 : 1 + 3 * i, 33);
	}
	fix_free(&f);
}

static void sizes_around_a_bundle_verify(void **state)
{
	struct seen s;
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 4);
	fix_genesis(&f);
	fix_reads(&f, 250, 50);		/* 253 with the segment's leaf */
	for (unsigned size = 254; size < 260; size++) {
		fix_reads(&f, 1, 1);
		fix_checkpoint(&f);
		verify(&f, &s);
		assert_true(s.result == 0 && s.n == 0 && s.s.size == size);
	}
	fix_free(&f);
}

static void unsigned_genesis_is_a_note(void **state)
{
	struct seen s;
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 4);
	fix_genesis(&f);
	/* What the administrators' leaf will be is not there yet. */
	fix_close(&f, false);
	fix_free(&f);
	fix_make(&f, NULL, 4);
	memset(f.admin_sk, 0x55, sizeof(f.admin_sk));	/* other persons sign */
	fix_genesis(&f);
	fix_checkpoint(&f);
	verify(&f, &s);
	assert_int_equal(s.result, 1);
	assert_true(has(&s, CHILDVAULT_AUDIT_GENESIS_SIGNATURE_BAD, true, NULL, 1));
	assert_true(has(&s, CHILDVAULT_AUDIT_GENESIS_UNSIGNED, false, NULL, NONE));
	fix_free(&f);
}

/* ---- flipped bytes --------------------------------------------------------------------------------------------------------- */

/* The leaf that byte at of a bundle belongs to, and whether it is one of its length's. */
static unsigned leaf_at(const struct buf *b, size_t at, bool *ret_length)
{
	size_t p = 0;
	unsigned i = 0;

	while (p + 2 + be16_get(b->p + p) <= at) {
		p += 2u + be16_get(b->p + p);
		i++;
	}
	*ret_length = at < p + 2;
	return i;
}

/* Flip byte after byte of a bundle or of tail: each time exactly that leaf is named. first is the leaf it begins with. */
static void flip_leaves(struct fix *f, const char *name, uint64_t first, uint64_t covered, size_t step)
{
	struct seen s;
	struct buf b;
	unsigned flips = 0;

	slurp(f, name, &b);
	for (size_t at = 0; at < b.n; at += flips++ % 40 < 8 ? 1 : step) {
		bool length;
		uint64_t leaf = first + leaf_at(&b, at, &length);

		if (leaf >= covered)
			break;
		b.p[at] ^= 0x20;
		spill(f, name, b.p, b.n);
		verify(f, &s);
		b.p[at] ^= 0x20;
		assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_LEAF_CHANGED, true, name, leaf));
	}
	spill(f, name, b.p, b.n);
	buf_free(&b);
}

static void flipped_byte_of_a_leaf_names_the_leaf(void **state)
{
	struct fix f;

	(void)state;
	make(&f);
	flip_leaves(&f, "tile/entries/000", 0, 787, 1009);
	flip_leaves(&f, "tile/entries/002", 512, 787, 4001);
	flip_leaves(&f, "tile/entries/003.p/19", 768, 787, 301);
	flip_leaves(&f, "tail", 768, 787, 301);
	fix_free(&f);
}

/* Flip bytes of a file of hashes: the file and the hash are named. */
static void flip_tile(struct fix *f, const char *name, size_t step)
{
	struct seen s;
	struct buf b;

	slurp(f, name, &b);
	for (size_t at = 0; at < b.n; at += step) {
		b.p[at] ^= 0x01;
		spill(f, name, b.p, b.n);
		verify(f, &s);
		b.p[at] ^= 0x01;
		assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_TILE_CHANGED, true, name, NONE));
		assert_true(finding(&s, CHILDVAULT_AUDIT_TILE_CHANGED)->position == at / 32);
		assert_true(s.s.root_signed == 1);
	}
	spill(f, name, b.p, b.n - 1);
	verify(f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_TILE_CHANGED, true, name, NONE));
	drop(f, name);
	verify(f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_TILE_MISSING, true, name, NONE));
	spill(f, name, b.p, b.n);
	buf_free(&b);
}

static void flipped_byte_of_a_tile_names_the_hash(void **state)
{
	struct fix f;

	(void)state;
	make(&f);
	flip_tile(&f, "tile/0/000", 201);
	flip_tile(&f, "tile/0/002", 1111);
	flip_tile(&f, "tile/0/003.p/19", 13);
	flip_tile(&f, "tile/1/000.p/3", 5);
	fix_free(&f);
}

static void flipped_byte_of_anything_signed_is_found(void **state)
{
	static const char *const names[] = { "checkpoint", "seals/000000", "seals/000001", "log.vkey", "epochs" };
	struct seen s;
	struct fix f;
	struct buf b;

	(void)state;
	make_days(&f, 2, 0, 0);
	for (unsigned i = 0; i < 5; i++) {
		slurp(&f, names[i], &b);
		for (size_t at = 0; at < b.n; at++) {
			for (unsigned bit = at % 8; bit < 8; bit += 6) {
				b.p[at] ^= (uint8_t)(1u << bit);
				spill(&f, names[i], b.p, b.n);
				verify(&f, &s);
				b.p[at] ^= (uint8_t)(1u << bit);
				assert_int_equal(s.result, 1);
				if (i < 3)
					assert_true(has(&s, CHILDVAULT_AUDIT_FORMAT_BAD, true, names[i], NONE) ||
					    has(&s, CHILDVAULT_AUDIT_SIGNATURE_BAD, true, names[i], NONE) ||
					    has(&s, CHILDVAULT_AUDIT_SIGNATURE_MISSING, true, names[i], NONE) ||
					    has(&s, CHILDVAULT_AUDIT_EPOCH_KEY_WRONG, true, names[i], NONE) ||
					    has(&s, CHILDVAULT_AUDIT_ORIGIN_WRONG, true, names[i], NONE));
				else if (i == 3)
					assert_true(only(&s, CHILDVAULT_AUDIT_FORMAT_BAD, "log.vkey", NONE));
				else
					assert_true(has(&s, CHILDVAULT_AUDIT_EPOCHS_CHANGED, true, "epochs", NONE));
			}
		}
		spill(&f, names[i], b.p, b.n);
		buf_free(&b);
	}
	verify(&f, &s);
	assert_int_equal(s.result, 0);
	fix_free(&f);
}

/* ---- missing and cut files --------------------------------------------------------------------------------------------------- */

static void missing_bundle_is_named_by_its_leaves(void **state)
{
	struct seen s;
	struct fix f;
	struct buf b;

	(void)state;
	make(&f);
	slurp(&f, "tile/entries/001", &b);
	drop(&f, "tile/entries/001");
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_BUNDLE_MISSING, true, "tile/entries/001", 256));
	assert_true(s.f[0].last_leaf == 511);
	assert_true(s.s.root_signed == 1);	/* the tile vouches for the hashes */
	drop(&f, "tile/0/001");			/* and the tile above for that */
	verify(&f, &s);
	assert_true(s.s.faults == 2 && has(&s, CHILDVAULT_AUDIT_TILE_MISSING, true, "tile/0/001", NONE));
	assert_true(s.s.root_signed == 1);
	drop(&f, "tile/1/000.p/3");
	verify(&f, &s);
	assert_true(s.result == 1 && s.s.root_signed == 0);
	spill(&f, "tile/entries/001", b.p, b.n);
	verify(&f, &s);
	assert_true(s.s.faults == 2 && s.s.root_signed == 1);	/* two tiles */
	buf_free(&b);
	fix_free(&f);
}

static void cut_bundle_is_torn_where_it_ends(void **state)
{
	struct seen s;
	struct fix f;
	struct buf b;
	bool length;

	(void)state;
	make(&f);
	slurp(&f, "tile/entries/001", &b);
	for (size_t n = 0; n < b.n; n += 3571) {
		spill(&f, "tile/entries/001", b.p, n);
		verify(&f, &s);
		assert_int_equal(s.s.faults, 1);
		assert_true(has(&s, CHILDVAULT_AUDIT_TAIL_TORN, true, "tile/entries/001", 256 + leaf_at(&b, n, &length)));
	}
	buf_u8(&b, 0);
	spill(&f, "tile/entries/001", b.p, b.n);
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_FORMAT_BAD, true, "tile/entries/001", NONE));
	buf_free(&b);
	fix_free(&f);
}

static void truncated_log_is_named(void **state)
{
	struct seen s;
	struct fix f;

	(void)state;
	make(&f);
	drop(&f, "tail");
	drop(&f, "tile/entries/003.p/19");
	drop(&f, "tile/0/003.p/19");
	verify(&f, &s);
	assert_true(has(&s, CHILDVAULT_AUDIT_LOG_TRUNCATED, true, "checkpoint", 768));
	drop(&f, "tile/entries/002");
	drop(&f, "tile/0/002");
	verify(&f, &s);
	assert_true(has(&s, CHILDVAULT_AUDIT_LOG_TRUNCATED, true, "checkpoint", 512));
	assert_false(has(&s, CHILDVAULT_AUDIT_BUNDLE_MISSING, true, NULL, NONE));
	fix_free(&f);
}

static void old_checkpoint_put_back_is_shown_by_a_later_seal_or_a_known_one(void **state)
{
	char known[FIX_PATH];
	struct seen s;
	struct fix f;
	struct buf newest, old;

	(void)state;
	make(&f);
	slurp(&f, "checkpoint", &newest);
	slurp(&f, "seals/000000", &old);
	spill(&f, "known", newest.p, newest.n);
	fix_path(&f, "known", known);
	verify_with(&f, NULL, known, 1, &s);
	assert_int_equal(s.result, 0);
	spill(&f, "checkpoint", old.p, old.n);
	verify(&f, &s);
	assert_true(has(&s, CHILDVAULT_AUDIT_LOG_TRUNCATED, true, "seals/000001", 224));
	drop(&f, "seals/000001");
	verify(&f, &s);
	assert_false(has(&s, CHILDVAULT_AUDIT_LOG_TRUNCATED, true, NULL, NONE));	/* nothing here can tell */
	verify_with(&f, NULL, known, 1, &s);
	assert_true(has(&s, CHILDVAULT_AUDIT_LOG_TRUNCATED, true, "known checkpoint", 224));
	spill(&f, "known", "nothing\n", 8);
	verify_with(&f, NULL, known, 1, &s);
	assert_int_equal(s.result, CV_ERR_FORMAT);
	buf_free(&newest);
	buf_free(&old);
	fix_free(&f);
}

static void missing_signed_files_are_named(void **state)
{
	struct seen s;
	struct fix f;
	struct buf b;

	(void)state;
	make(&f);
	slurp(&f, "seals/000001", &b);
	drop(&f, "seals/000001");
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_SEAL_MISSING, true, "seals/000001", NONE));
	spill(&f, "seals/000001", b.p, b.n);
	buf_free(&b);
	slurp(&f, "checkpoint", &b);
	drop(&f, "checkpoint");
	verify(&f, &s);
	assert_true(has(&s, CHILDVAULT_AUDIT_CHECKPOINT_MISSING, true, NULL, NONE) && s.s.faults == 1);
	spill(&f, "checkpoint", b.p, b.n);
	drop(&f, "epochs");
	verify(&f, &s);
	assert_true(has(&s, CHILDVAULT_AUDIT_EPOCHS_CHANGED, true, "epochs", NONE));
	drop(&f, "log.vkey");
	verify(&f, &s);
	assert_int_equal(s.result, CV_ERR_NOTFOUND);
	buf_free(&b);
	fix_free(&f);
}

/* ---- other signers ------------------------------------------------------------------------------------------------------------- */

/* Write a checkpoint over name, signed as given. A NULL stable key or epoch pair leaves that line out. */
static void resign(struct fix *f, const char *name, uint64_t size, const uint8_t root[32], const uint8_t *stable_sk, uint32_t epoch,
    const uint8_t *epoch_sk, const uint8_t *epoch_pk)
{
	char fs[96];
	uint8_t sig[64], id[4], pk[32];
	struct buf b;
	size_t n;

	buf_init(&b, 4096);
	assert_int_equal(checkpoint_encode(f->origin, size, root, &b), 0);
	n = b.n;
	note_text_end(&b);
	if (stable_sk != NULL) {
		const struct part parts[] = { { f->origin, strlen(f->origin) }, { "\n\x01", 2 }, { pk, 32 } };
		uint8_t h[32];

		memcpy(pk, stable_sk + 32, 32);
		crypto_sha256(parts, 3, h);
		crypto_sign(stable_sk, b.p, n, sig);
		note_sig_encode(f->origin, h, sig, &b);
	}
	if (epoch_sk != NULL) {
		(void)snprintf(fs, sizeof(fs), "%s/fs/%04u", f->origin, epoch);
		{
			const struct part parts[] = { { fs, strlen(fs) }, { "\n\x01", 2 }, { epoch_pk, 32 } };
			uint8_t h[32];

			crypto_sha256(parts, 3, h);
			memcpy(id, h, 4);
		}
		crypto_sign(epoch_sk, b.p, n, sig);
		note_sig_encode(fs, id, sig, &b);
	}
	spill(f, name, b.p, b.n);
	buf_free(&b);
}

/* The epoch's key pair; the test holds s_0, as a thief of that day would. */
static void epoch_pair(uint32_t epoch, uint8_t ret_pk[32], uint8_t ret_sk[64])
{
	uint8_t s[32];

	for (unsigned i = 0; i < 32; i++)
		s[i] = (uint8_t)i;
	for (uint32_t e = 0; e < epoch; e++)
		crypto_hash("cv1.fs.next", s, 32, NULL, 0, s, 32);
	fix_epoch_seed(s, ret_pk, ret_sk);
}

static void checkpoint_needs_both_its_own_keys(void **state)
{
	uint8_t pk[32], sk[64], other_pk[32], other_sk[64], seed[32] = { 77 };
	struct seen s, good;
	struct fix f;

	(void)state;
	make(&f);
	verify(&f, &good);
	crypto_sign_pair(seed, other_pk, other_sk);
	epoch_pair(2, pk, sk);
	resign(&f, "checkpoint", good.s.size, good.s.root, f.log_sk, 2, sk, pk);
	verify(&f, &s);
	assert_int_equal(s.result, 0);		/* so the rest of this test is about the keys */
	resign(&f, "checkpoint", good.s.size, good.s.root, f.log_sk, 0, NULL, NULL);
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_SIGNATURE_MISSING, true, "checkpoint", NONE));
	resign(&f, "checkpoint", good.s.size, good.s.root, NULL, 2, sk, pk);
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_SIGNATURE_MISSING, true, "checkpoint", NONE));
	resign(&f, "checkpoint", good.s.size, good.s.root, other_sk, 2, sk, pk);
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_SIGNATURE_MISSING, true, "checkpoint", NONE));
	resign(&f, "checkpoint", good.s.size, good.s.root, f.log_sk, 2, other_sk, other_pk);
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_SIGNATURE_BAD, true, "checkpoint", NONE));
	resign(&f, "checkpoint", good.s.size, good.s.root, f.log_sk, 2, other_sk, pk);
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_SIGNATURE_BAD, true, "checkpoint", NONE));
	fix_free(&f);
}

static void newer_or_older_epoch_key_over_these_leaves_is_refused(void **state)
{
	uint8_t pk[32], sk[64];
	struct seen s, good;
	struct fix f;

	(void)state;
	make(&f);
	verify(&f, &good);
	for (uint32_t e = 0; e < 5; e++) {
		epoch_pair(e, pk, sk);
		resign(&f, "checkpoint", good.s.size, good.s.root, f.log_sk, e, sk, pk);
		verify(&f, &s);
		assert_int_equal(s.result, e != 2);
		assert_true(e == 2 || has(&s, CHILDVAULT_AUDIT_EPOCH_KEY_WRONG, true, "checkpoint", NONE));
	}
	epoch_pair(2, pk, sk);
	resign(&f, "checkpoint", good.s.size, good.s.root, f.log_sk, 2, sk, pk);
	/* An earlier day's seal, made again with today's key by somebody who lost yesterday's. */
	{
		struct checkpoint c;
		struct note note;
		struct buf b;

		slurp(&f, "seals/000001", &b);
		assert_int_equal(note_decode((char *)b.p, b.n, &note), 0);
		assert_int_equal(checkpoint_decode(&note, &c), 0);
		resign(&f, "seals/000001", c.size, c.root, f.log_sk, 2, sk, pk);
		buf_free(&b);
	}
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_EPOCH_KEY_WRONG, true, "seals/000001", NONE));
	fix_free(&f);
}

/* Signed by the right keys over leaves of this log, and yet no end of that day: made by somebody who held the keys then. */
static void seal_that_closes_no_day_is_named(void **state)
{
	uint8_t pk[32], sk[64], root[32];
	struct seen s;
	struct fix f;
	struct buf tile;

	(void)state;
	make(&f);
	slurp(&f, "tile/0/000", &tile);
	epoch_pair(0, pk, sk);
	merkle_root_of((const uint8_t (*)[32])tile.p, 224, root);
	resign(&f, "seals/000000", 224, root, f.log_sk, 0, sk, pk);
	verify(&f, &s);
	assert_int_equal(s.result, 0);
	merkle_root_of((const uint8_t (*)[32])tile.p, 223, root);
	resign(&f, "seals/000000", 223, root, f.log_sk, 0, sk, pk);
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_SEAL_ORDER, true, "seals/000000", 222));
	merkle_root_of((const uint8_t (*)[32])tile.p, 224, root);
	resign(&f, "seals/000000", 224, root, f.log_sk, 0, sk, pk);
	epoch_pair(1, pk, sk);
	resign(&f, "seals/000001", 224, root, f.log_sk, 1, sk, pk);
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_SEAL_ORDER, true, "seals/000001", NONE));
	buf_free(&tile);
	fix_free(&f);
}

static void log_signed_again_under_another_key_is_shown_by_leaf_0_and_the_kept_key(void **state)
{
	uint8_t pk[32], sk[64], other_pk[32], other_sk[64], seed[32] = { 77 }, h[32];
	const struct part parts[] = { { "childvault.local/0001020304050607", 33 }, { "\n\x01", 2 }, { other_pk, 32 } };
	char kept[FIX_PATH];
	struct vkey k = { .type = NOTE_ED25519 };
	struct seen s, good;
	struct fix f;
	struct buf b;

	(void)state;
	make(&f);
	verify(&f, &good);
	slurp(&f, "log.vkey", &b);
	spill(&f, "kept", b.p, b.n);
	fix_path(&f, "kept", kept);
	crypto_sign_pair(seed, other_pk, other_sk);
	epoch_pair(2, pk, sk);
	resign(&f, "checkpoint", good.s.size, good.s.root, other_sk, 2, sk, pk);
	buf_reset(&b);
	memcpy(k.name, f.origin, strlen(f.origin));
	memcpy(k.pk, other_pk, 32);
	crypto_sha256(parts, 3, h);
	memcpy(k.key_id, h, 4);
	vkey_encode(&k, &b);
	spill(&f, "log.vkey", b.p, b.n);
	verify(&f, &s);
	assert_true(has(&s, CHILDVAULT_AUDIT_LOG_KEY_WRONG, true, NULL, 0));
	assert_false(has(&s, CHILDVAULT_AUDIT_SIGNATURE_BAD, true, "checkpoint", NONE));
	verify_with(&f, kept, NULL, 1, &s);
	assert_true(has(&s, CHILDVAULT_AUDIT_VKEY_DIFFERS, true, NULL, NONE));
	assert_true(has(&s, CHILDVAULT_AUDIT_SIGNATURE_MISSING, true, "checkpoint", NONE));
	buf_free(&b);
	fix_free(&f);
}

/* ---- rewritten logs --------------------------------------------------------------------------------------------------------------- */

/* Two logs of the same keys and sizes whose leaves differ from leaf 3 on, since segment keys are random. */
static void rewritten_log_does_not_lead_to_the_signed_roots(void **state)
{
	struct seen s;
	struct fix f, g;
	struct buf b;

	(void)state;
	make(&f);
	make(&g);
	slurp(&g, "checkpoint", &b);
	spill(&f, "checkpoint", b.p, b.n);
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_ROOT_MISMATCH, true, "checkpoint", 486));
	/* The seals of f's own days still fit, so the difference lies behind them. */
	assert_true(finding(&s, CHILDVAULT_AUDIT_ROOT_MISMATCH)->last_leaf == 786 && s.s.root_signed == 0);
	buf_free(&b);
	slurp(&g, "seals/000000", &b);
	spill(&f, "seals/000000", b.p, b.n);
	verify(&f, &s);
	assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_ROOT_MISMATCH, true, "seals/000000", 0));
	buf_free(&b);
	fix_free(&f);
	fix_free(&g);
}

/* Append any bytes as a leaf, as a daemon with a fault would. */
static void raw_leaf(struct fix *f, const void *p, size_t n)
{
	FIX_CHECK(fix_turn_begin(f) == 0);
	assert_int_equal(store_leaf(f->s, p, n), 0);
	store_commit(f->s);
	FIX_CHECK(fix_turn_end(f) == 0);
}

/* A copy of leaf 3 (a read) that claims this index, with one byte changed. */
static void odd_leaf(struct fix *f, uint64_t index, size_t at, uint8_t change)
{
	struct buf b;

	buf_init(&b, 65536);
	fix_apply_all(f);
	assert_int_equal(audit_read_leaf(f->a, 3, &b), 0);
	be64_put(b.p + 4, index);
	b.p[at] ^= change;
	raw_leaf(f, b.p, b.n);
	buf_free(&b);
}

static void leaves_out_of_order_are_named_though_signed(void **state)
{
	static const struct {
		size_t at;
		uint8_t change;
		int skip;
		enum childvault_audit_kind kind;
	} cases[] = {
		{ 30, 1, 0, CHILDVAULT_AUDIT_SEGMENT_UNKNOWN }, { 21, 1, 0, CHILDVAULT_AUDIT_EPOCH_ORDER },
		{ 0, 1, 0, CHILDVAULT_AUDIT_FORMAT_BAD }, { 0, 0, 1, CHILDVAULT_AUDIT_INDEX_WRONG },
		{ 1, LEAF_READ ^ LEAF_GENESIS, 0, CHILDVAULT_AUDIT_GENESIS_BAD }
	};
	struct seen s;
	struct fix f;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fix_make(&f, NULL, 4);
		fix_genesis(&f);
		fix_reads(&f, 1, 1);
		odd_leaf(&f, 4 + (uint64_t)cases[i].skip, cases[i].at, cases[i].change);
		fix_checkpoint(&f);
		verify(&f, &s);
		assert_true(s.result == 1 && has(&s, cases[i].kind, true, NULL, 4));
		fix_free(&f);
	}
	fix_make(&f, NULL, 4);
	fix_reads(&f, 1, 1);
	fix_checkpoint(&f);
	verify(&f, &s);
	assert_true(has(&s, CHILDVAULT_AUDIT_GENESIS_BAD, true, NULL, 0));
	fix_free(&f);
}

static void clock_that_goes_back_is_a_note(void **state)
{
	struct seen s;
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 4);
	fix_genesis(&f);
	fix_reads(&f, 2, 1);
	f.now_ms -= 1000;
	fix_reads(&f, 2, 1);
	fix_checkpoint(&f);
	verify(&f, &s);
	assert_true(s.result == 0 && s.n == 1 && has(&s, CHILDVAULT_AUDIT_TIME_BACKWARDS, false, NULL, 5));
	fix_free(&f);
}

/* ---- the tail ---------------------------------------------------------------------------------------------------------------------- */

static void torn_tail_is_a_note_beyond_the_checkpoint_and_a_fault_below_it(void **state)
{
	struct seen s;
	struct fix f;
	struct buf b;
	bool length;

	(void)state;
	make(&f);
	slurp(&f, "tail", &b);
	for (size_t cut = 1; cut < b.n; cut += 211) {
		uint64_t leaf = 768 + leaf_at(&b, b.n - cut, &length);

		spill(&f, "tail", b.p, b.n - cut);
		verify(&f, &s);
		if (leaf < 787) {
			assert_true(s.s.faults == 1 && has(&s, CHILDVAULT_AUDIT_TAIL_TORN, true, "tail", leaf));
		} else {
			assert_int_equal(s.result, 0);
			assert_true(has(&s, CHILDVAULT_AUDIT_TAIL_TORN, false, "tail", leaf) || s.s.unsigned_leaves == leaf - 787);
		}
	}
	drop(&f, "tail");		/* as in an exported folder */
	verify(&f, &s);
	assert_true(s.result == 0 && s.n == 0);
	buf_free(&b);
	fix_free(&f);
}

/* Moments of a crash, and of a copy that took its files one after the other. */
static void folders_between_two_writes_verify(void **state)
{
	struct seen s;
	struct fix f;
	struct buf tail, after;

	(void)state;
	fix_make(&f, NULL, 4);
	fix_genesis(&f);
	fix_reads(&f, 230, 50);
	fix_checkpoint(&f);
	slurp(&f, "tail", &tail);
	fix_reads(&f, 100, 50);
	fix_apply_all(&f);
	slurp(&f, "tail", &after);
	spill(&f, "tail", tail.p, tail.n);	/* bundle written, tail not yet rolled over */
	verify(&f, &s);
	assert_true(s.result == 0 && has(&s, CHILDVAULT_AUDIT_SIZE_AHEAD, false, NULL, 233));
	spill(&f, "tail", after.p, after.n);
	drop(&f, "tile/entries/000");		/* tail copied after the roll-over, the bundles before it */
	verify(&f, &s);
	assert_int_equal(s.result, 0);
	buf_free(&tail);
	buf_free(&after);
	fix_free(&f);
}

/* A day whose end was interrupted before its checkpoint, or before its seal: neither looks like a log cut short. */
static void day_that_ends_half_way_verifies(void **state)
{
	/* A folder of this name keeps the file from being written. */
	static const char *const names[] = { "checkpoint.new", "seals/000002.new" };
	char path[FIX_PATH];
	struct seen s;
	struct fix f;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		make(&f);
		assert_int_equal(fix_open(&f), 0);
		fix_path(&f, names[i], path);
		assert_int_equal(mkdir(path, 0700), 0);
		f.now_ms += FIX_DAY_MS;
		assert_int_equal(audit_turn_begin(f.a, f.s, f.now_ms), CV_ERR_IO);
		assert_int_equal(f.epoch, 2);
		verify(&f, &s);
		assert_int_equal(s.result, 0);
		/* What the disk refused is final until a restart. */
		assert_int_equal(audit_turn_begin(f.a, f.s, f.now_ms), CV_ERR_IO);
		assert_int_equal(rmdir(path), 0);
		fix_close(&f, false);
		assert_int_equal(fix_open(&f), 0);
		assert_int_equal(audit_turn_begin(f.a, f.s, f.now_ms), 0);
		assert_int_equal(f.epoch, 3);
		verify(&f, &s);
		assert_int_equal(s.result, 0);
		assert_int_equal(s.s.seals, 3);
		fix_free(&f);
	}
}

/* ---- days and keys -------------------------------------------------------------------------------------------------------- */

/* n further daily keys of the fixture's ratchet, as vault_renew_epochs makes them; commit: with the leaf. */
static void renew(struct fix *f, uint32_t n, bool commit)
{
	uint8_t (*keys)[32] = calloc(n, 32), state[32], sk[64], body[AUDIT_RENEW_BODY];
	const struct audit_entry e = { .kind = LEAF_FS_RENEW, .clear = body, .clear_n = sizeof(body) };

	assert_non_null(keys);
	memcpy(state, f->state, 32);
	for (uint32_t i = f->epoch; i < f->epochs; i++)
		crypto_hash("cv1.fs.next", state, 32, NULL, 0, state, 32);
	for (uint32_t i = 0; i < n; i++) {
		fix_epoch_seed(state, keys[i], sk);
		crypto_hash("cv1.fs.next", state, 32, NULL, 0, state, 32);
	}
	assert_int_equal(audit_add_epochs(f->a, f->epochs, keys[0], (size_t)n * 32), 0);
	audit_renew_body(f->epochs, keys[0], (size_t)n * 32, body);
	free(keys);
	if (!commit)
		return;
	assert_int_equal(fix_turn_begin(f), 0);
	(void)fix_leaf(f, &e);
	assert_int_equal(fix_turn_end(f), 0);
	f->epochs += n;
}

static void days_beyond_the_first_keys_verify_once_a_leaf_has_committed_to_more(void **state)
{
	struct seen s;
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 3);
	fix_genesis(&f);
	renew(&f, 4, true);
	renew(&f, 3, true);
	for (unsigned day = 0; day < 9; day++) {
		fix_reads(&f, 3, 1);
		f.now_ms += FIX_DAY_MS;
	}
	fix_reads(&f, 1, 1);
	fix_checkpoint(&f);
	verify_with(&f, NULL, NULL, 1, &s);
	assert_true(s.result == 0 && s.n == 0);
	assert_true(s.s.epochs == 10 && s.s.renewals == 2 && s.s.epoch_last == 9 && s.s.seals == 9);
	fix_free(&f);
}

static void keys_of_a_renewal_that_came_to_nothing_are_a_note(void **state)
{
	struct seen s;
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 4);
	fix_genesis(&f);
	renew(&f, 4, false);	/* as if the machine stopped before the leaf */
	fix_checkpoint(&f);
	verify_with(&f, NULL, NULL, 1, &s);
	assert_true(s.result == 0 && s.n == 1 && has(&s, CHILDVAULT_AUDIT_EPOCHS_AHEAD, false, "epochs", NONE));
	assert_true(s.f[0].epoch == 4 && s.s.epochs == 4);
	fix_free(&f);
}

static void days_that_an_operator_confirmed_verify(void **state)
{
	struct seen s;
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 12);
	fix_genesis(&f);
	fix_reads(&f, 2, 1);
	f.now_ms += 2ull * FIX_DAY_MS;
	fix_reads(&f, 2, 1);
	f.now_ms += 6ull * FIX_DAY_MS;
	assert_int_equal(audit_confirm_days(f.a, f.s, f.now_ms), 0);
	fix_reads(&f, 2, 1);
	fix_checkpoint(&f);
	verify_with(&f, NULL, NULL, 1, &s);
	assert_true(s.result == 0 && s.n == 0);
	assert_true(s.s.confirmed == 1 && s.s.epoch_last == 8 && s.s.seals == 8);
	fix_free(&f);
}

static void days_that_a_running_log_skipped_are_named(void **state)
{
	struct seen s;
	struct fix f;

	(void)state;
	fix_make(&f, NULL, 12);
	fix_genesis(&f);
	fix_reads(&f, 2, 1);
	f.now_ms += 3ull * FIX_DAY_MS;
	assert_int_equal(audit_catch_up(f.a, f.s, f.now_ms), 0);	/* as a start does; but no start follows */
	fix_reads(&f, 2, 1);
	fix_checkpoint(&f);
	verify_with(&f, NULL, NULL, 1, &s);
	assert_true(only(&s, CHILDVAULT_AUDIT_EPOCH_SKIPPED, NULL, 5));
	assert_true(s.f[0].epoch == 0);
	fix_free(&f);
}

static void what_is_no_log_is_an_error(void **state)
{
	struct childvault_audit_options o = { .dir = "/nonexistent" };
	struct childvault_audit_summary sum;
	char dir[] = "/tmp/cv-audit-XXXXXX";

	(void)state;
	assert_int_equal(childvault_audit_verify(&o, &sum), CV_ERR_NOTFOUND);
	assert_non_null(mkdtemp(dir));
	o.dir = dir;
	assert_int_equal(childvault_audit_verify(&o, &sum), CV_ERR_NOTFOUND);
	(void)rmdir(dir);
}

static void names_are_closed_and_distinct(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CHILDVAULT_AUDIT_KINDS; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(childvault_audit_name((enum childvault_audit_kind)i),
			    childvault_audit_name((enum childvault_audit_kind)j));
	assert_string_equal(childvault_audit_name(CHILDVAULT_AUDIT_KINDS), "unknown");
}

/* The column of subject tags is held against the leaves; only what nobody can tell apart from growth is let pass. */
static void changed_column_is_named_by_its_leaves(void **state)
{
	struct seen s;
	struct fix f;
	struct buf tags;

	(void)state;
	make(&f);
	slurp(&f, "tags", &tags);
	for (unsigned i = 0; i < tags.n / 20; i += 29) {
		tags.p[i * 20 + i % 20] ^= 1;
		spill(&f, "tags", tags.p, tags.n);
		verify(&f, &s);
		if (i < s.s.size)
			assert_true(has(&s, CHILDVAULT_AUDIT_TAGS_CHANGED, true, "tags", i) && s.s.faults == 1);
		else
			assert_int_equal(s.result, 0);
		tags.p[i * 20 + i % 20] ^= 1;
	}
	for (unsigned i = 250; i < 260; i++)
		memset(tags.p + i * 20, 0, 20);
	spill(&f, "tags", tags.p, tags.n);
	verify(&f, &s);
	assert_true(has(&s, CHILDVAULT_AUDIT_TAGS_CHANGED, true, "tags", 250));
	spill(&f, "tags", tags.p, 240 * 20 + 3);
	verify(&f, &s);
	assert_true(has(&s, CHILDVAULT_AUDIT_TAGS_CHANGED, true, "tags", 240) && s.s.faults == 1);
	assert_true(finding(&s, CHILDVAULT_AUDIT_TAGS_CHANGED)->last_leaf == s.s.size - 1);
	drop(&f, "tags");
	verify(&f, &s);
	assert_int_equal(s.result, 0);
	buf_free(&tags);
	fix_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_log_passes_and_says_what_it_covered),
		cmocka_unit_test(every_size_verifies),
		cmocka_unit_test(changed_column_is_named_by_its_leaves),
		cmocka_unit_test(sizes_around_a_bundle_verify),
		cmocka_unit_test(unsigned_genesis_is_a_note),
		cmocka_unit_test(flipped_byte_of_a_leaf_names_the_leaf),
		cmocka_unit_test(flipped_byte_of_a_tile_names_the_hash),
		cmocka_unit_test(flipped_byte_of_anything_signed_is_found),
		cmocka_unit_test(missing_bundle_is_named_by_its_leaves),
		cmocka_unit_test(cut_bundle_is_torn_where_it_ends),
		cmocka_unit_test(truncated_log_is_named),
		cmocka_unit_test(old_checkpoint_put_back_is_shown_by_a_later_seal_or_a_known_one),
		cmocka_unit_test(missing_signed_files_are_named),
		cmocka_unit_test(checkpoint_needs_both_its_own_keys),
		cmocka_unit_test(newer_or_older_epoch_key_over_these_leaves_is_refused),
		cmocka_unit_test(seal_that_closes_no_day_is_named),
		cmocka_unit_test(log_signed_again_under_another_key_is_shown_by_leaf_0_and_the_kept_key),
		cmocka_unit_test(rewritten_log_does_not_lead_to_the_signed_roots),
		cmocka_unit_test(leaves_out_of_order_are_named_though_signed),
		cmocka_unit_test(clock_that_goes_back_is_a_note),
		cmocka_unit_test(torn_tail_is_a_note_beyond_the_checkpoint_and_a_fault_below_it),
		cmocka_unit_test(folders_between_two_writes_verify),
		cmocka_unit_test(day_that_ends_half_way_verifies),
		cmocka_unit_test(days_beyond_the_first_keys_verify_once_a_leaf_has_committed_to_more),
		cmocka_unit_test(keys_of_a_renewal_that_came_to_nothing_are_a_note),
		cmocka_unit_test(days_that_an_operator_confirmed_verify),
		cmocka_unit_test(days_that_a_running_log_skipped_are_named),
		cmocka_unit_test(what_is_no_log_is_an_error),
		cmocka_unit_test(names_are_closed_and_distinct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

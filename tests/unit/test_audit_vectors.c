/*
 * audit: known answers of tests/vectors/audit/make.py, a second implementation of FORMAT.md sections 9 and 10. The
 * inputs are those of test_audit.h and the ones below. Runs in the folder of the Makefile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/audit_internal.h"
#include "base/text.h"
#include "format/context.h"
#include "unit/test_audit.h"

#define EPOCH 2u
#define EPOCHS 3u
#define LEAVES 4u
#define VEC_MAX 8192

/* ---- the file ---------------------------------------------------------------------------------------------------- */

struct vec {
	uint8_t p[VEC_MAX];
	size_t n;
};

/* The bytes of a line of audit.txt. */
static void vec(const char *name, struct vec *ret)
{
	FILE *f = fopen("tests/vectors/audit/audit.txt", "r");
	char *line = NULL, *hex = NULL;
	size_t room = 0;

	assert_non_null(f);
	while (hex == NULL && getline(&line, &room, f) > 0)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
			hex = line + strlen(name) + 1;
	assert_non_null(hex);
	ret->n = strcspn(hex, "\n") / 2;
	assert_true(ret->n > 0 && ret->n <= VEC_MAX);
	assert_int_equal(hex_decode(hex, 2 * ret->n, ret->p, ret->n), 0);
	free(line);
	fclose(f);
}
/* The line of a leaf: its name, then what. */
static void vec_of(const char *leaf, const char *what, struct vec *ret)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s_%s", leaf, what);
	vec(name, ret);
}
static void assert_vec(const char *name, const void *p, size_t n)
{
	struct vec v;

	vec(name, &v);
	assert_int_equal(n, v.n);
	assert_memory_equal(p, v.p, n);
}

/* ---- inputs ------------------------------------------------------------------------------------------------------ */

/* Bytes first, first + 1, ... */
static void run(uint8_t *p, uint8_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(first + i);
}

static struct leaf_actor actor(void)
{
	struct leaf_actor a = { .uid = 1000, .pid = 0x12345, .outcome = 0x0708, .role = 0x0102, .department = 0x0304, .purpose = 0x0506,
		.view = 2, .fields = 0x1122 };

	run(a.child, 0xC1, 8);
	run(a.principal, 0x71, 16);
	run(a.session, 0x81, 16);
	run(a.request, 0xA1, 16);
	run(a.digest, 0xD1, 16);
	return a;
}
static struct leaf_detail detail(void)
{
	static const char reason[] = "探访 home visit";
	struct leaf_detail d = { .view = 1, .role = 0x0102, .department = 0x0304, .purpose = 0x0506, .outcome = 0x090A,
		.classes = 2, .class = { 0x10, 0x110 }, .count = 0x0B0C0D0E, .bitmap_n = 3, .bitmap = { 0x81, 0x00, 0x7E },
		.case_n = 8, .case_text = "2026-7/4", .reason_n = sizeof(reason) - 1 };

	run(d.record, 0x51, 16);
	run(d.approval, 0xE1, 16);
	memcpy(d.reason, reason, sizeof(reason) - 1);
	return d;
}
/* Every text at its greatest length. */
static struct leaf_detail long_detail(void)
{
	struct leaf_detail d = detail();

	d.view = 2;
	d.outcome = 0;
	d.classes = LEAF_CLASSES_MAX;
	for (unsigned i = 0; i < LEAF_CLASSES_MAX; i++)
		d.class[i] = (uint16_t)(0x10 * (i + 1));
	d.count = 1;
	d.bitmap_n = sizeof(d.bitmap);
	run(d.bitmap, 1, sizeof(d.bitmap));
	d.case_n = LEAF_CASE_MAX;
	memset(d.case_text, 'c', LEAF_CASE_MAX);
	d.reason_n = LEAF_REASON_MAX;
	memset(d.reason, 'r', LEAF_REASON_MAX);
	return d;
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */

/*
 * The start of the file's log: leaf 0, whose key and sealing are random in a real one, as it stands in the file, and
 * the writer made to believe that it opened that segment.
 */
static void put_segment(struct fix *f)
{
	struct segment *g = &f->a->segment;
	struct vec leaf;

	vec("segment_leaf", &leaf);
	assert_int_equal(fix_turn_begin(f), 0);
	assert_int_equal(store_leaf(f->s, leaf.p, leaf.n), 0);
	store_commit(f->s);
	run(g->id, 0x21, 16);
	run(g->key->bytes, 0x31, CRYPTO_KEY);
	g->open = true;
	g->opened_ms = f->now_ms;
	g->until_ms = UINT64_MAX;
	g->index = 0;
}

/* One leaf in the open turn. */
static void put_leaf(struct fix *f, uint8_t kind, const struct leaf_detail *d, const uint8_t *state_hash)
{
	uint8_t log_key[32];
	struct audit_entry e = { .kind = kind, .log_key = log_key, .state_hash = state_hash, .actor = actor(), .detail = *d };

	run(log_key, 0x91, 32);
	(void)fix_leaf(f, &e);
}

static void make_log(struct fix *f)
{
	const struct leaf_detail d = detail(), l = long_detail();
	static const struct part document = { "document", 8 };
	uint8_t state_hash[32], digest[32];

	fix_make(f, NULL, EPOCHS);
	run(f->actor_key, 0x15, 32);
	run(state_hash, 0x61, 32);
	for (unsigned i = 0; i < EPOCH; i++)
		assert_int_equal(fix_fs_next(f, 0, NULL), 0);
	f->now_ms = (uint64_t)(FIX_FIRST_DAY + EPOCH) * FIX_DAY_MS + 12345678;
	crypto_hash("cv1.policy", NULL, 0, &document, 1, digest, sizeof(digest));
	assert_vec("policy_digest", digest, sizeof(digest));
	audit_policy(f->a, digest);
	put_segment(f);
	assert_vec("segment_key_0", f->a->segment.key->bytes, CRYPTO_KEY);
	put_leaf(f, LEAF_READ, &d, NULL);
	assert_int_equal(fix_turn_end(f), 0);
	f->now_ms++;
	assert_int_equal(fix_turn_begin(f), 0);
	assert_vec("segment_key_1", f->a->segment.key->bytes, CRYPTO_KEY);
	put_leaf(f, LEAF_PATCH, &l, state_hash);
	assert_int_equal(fix_turn_end(f), 0);
	f->now_ms++;
	assert_int_equal(fix_turn_begin(f), 0);
	assert_vec("segment_key_2", f->a->segment.key->bytes, CRYPTO_KEY);
	put_leaf(f, LEAF_REVEAL, &d, NULL);
	assert_int_equal(fix_turn_end(f), 0);
	fix_checkpoint(f);
}

/* ---- leaves ------------------------------------------------------------------------------------------------------ */

static void bodies_are_encoded_as_known(void **state)
{
	const struct leaf_detail d = detail(), l = long_detail();
	struct leaf_actor a = actor();
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(leaf_actor_encode(&a, NULL, &b), 0);
	assert_vec("actor_plain", b.p, b.n);
	buf_reset(&b);
	a.view = 1;
	a.fields = 8;
	memset(a.child, 0, sizeof(a.child));
	assert_int_equal(leaf_actor_encode(&a, &d, &b), 0);
	assert_vec("actor_detail_plain", b.p, b.n);
	buf_reset(&b);
	assert_int_equal(leaf_told_encode(&d, &b), 0);
	assert_vec("told_plain", b.p, b.n);
	buf_reset(&b);
	assert_int_equal(leaf_rest_encode(&d, &b), 0);
	assert_vec("rest_plain", b.p, b.n);
	buf_reset(&b);
	assert_int_equal(leaf_told_encode(&l, &b), 0);
	assert_vec("told_long_plain", b.p, b.n);
	buf_reset(&b);
	assert_int_equal(leaf_rest_encode(&l, &b), 0);
	assert_vec("rest_long_plain", b.p, b.n);
	buf_free(&b);
}

/* The writer makes each leaf of the file byte for byte, and from them its bundle, tile, checkpoint and verifier key. */
static void writer_makes_the_known_log(void **state)
{
	static const char *const leaves[LEAVES] = { "segment_leaf", "read_leaf", "patch_leaf", "reveal_leaf" };
	static const char *const hashes[LEAVES] = { "leaf_hash_0", "leaf_hash_1", "leaf_hash_2", "leaf_hash_3" };
	uint8_t hash[32];
	uint64_t size;
	struct buf b;
	struct fix f;

	(void)state;
	make_log(&f);
	buf_init(&b, 1 << 16);
	for (unsigned i = 0; i < LEAVES; i++) {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(f.a, i, &b), 0);
		assert_vec(leaves[i], b.p, b.n);
		merkle_leaf(b.p, b.n, hash);
		assert_vec(hashes[i], hash, sizeof(hash));
	}
	buf_reset(&b);
	assert_int_equal(audit_read_tile(f.a, TILE_ENTRIES, 0, LEAVES, &b), 0);
	assert_vec("log_bundle", b.p, b.n);
	buf_reset(&b);
	assert_int_equal(audit_read_tile(f.a, 0, 0, LEAVES, &b), 0);
	assert_int_equal(b.n, LEAVES * 32);
	for (unsigned i = 0; i < LEAVES; i++)
		assert_vec(hashes[i], b.p + (size_t)i * 32, 32);
	assert_true(audit_signed(f.a, &size, hash));
	assert_int_equal(size, LEAVES);
	assert_vec("log_root", hash, sizeof(hash));
	buf_reset(&b);
	assert_int_equal(audit_read_checkpoint(f.a, &b), 0);
	assert_vec("checkpoint", b.p, b.n);
	buf_free(&b);
	fix_free(&f);
}

/* Open c under the key of a line and compare with the plaintext of another. */
static void assert_opens(const struct leaf *l, const char *leaf, const char *key, const uint8_t *c, size_t n,
    const char *plain)
{
	static const uint8_t nonce[12];
	uint8_t m[VEC_MAX];
	struct vec k;

	vec_of(leaf, key, &k);
	assert_int_equal(k.n, 32);
	assert_int_equal(crypto_cell_open(k.p, nonce, l->header, l->header_n, c, n, m), 0);
	assert_vec(plain, m, n - CRYPTO_TAG);
}

/* A leaf about the child: its tags, and both bodies under the keys of the file. */
static void child_leaf_opens(const char *name, struct vec *bytes, struct leaf *ret, const char *told, const char *rest)
{
	uint8_t log_key[32], tag[16], index[8];
	char plain_a[32];
	struct leaf_detail d;
	struct vec v;
	struct buf b;

	vec_of(name, "leaf", bytes);
	assert_int_equal(leaf_decode(bytes->p, bytes->n, ret), 0);
	vec_of(name, "actor_tag", &v);
	assert_memory_equal(ret->actor_tag, v.p, 16);
	vec_of(name, "day_key", &v);
	be64_put(index, ret->index);
	crypto_siphash128(v.p, index, sizeof(index), tag);
	assert_memory_equal(ret->subject_tag, tag, 16);
	vec_of(name, "subject_tag", &v);
	assert_memory_equal(tag, v.p, 16);
	snprintf(plain_a, sizeof(plain_a), "%s_actor_plain", name);
	assert_opens(ret, name, "a_key", ret->body_a, ret->body_a_n, plain_a);
	vec_of(name, "b_commit", &v);
	assert_memory_equal(ret->body_b, v.p, 32);
	assert_opens(ret, name, "told_key", ret->told, ret->told_n, told);
	assert_opens(ret, name, "rest_key", ret->rest, ret->rest_n, rest);
	run(log_key, 0x91, 32);
	assert_int_equal(audit_open_detail(ret, log_key, &d), 0);
	buf_init(&b, 4096);
	assert_int_equal(leaf_told_encode(&d, &b), 0);
	assert_vec(told, b.p, b.n);
	buf_reset(&b);
	assert_int_equal(leaf_rest_encode(&d, &b), 0);
	assert_vec(rest, b.p, b.n);
	buf_free(&b);
}

static void known_leaves_open_under_known_keys(void **state)
{
	struct vec bytes;
	struct leaf l;

	(void)state;
	child_leaf_opens("read", &bytes, &l, "told_plain", "rest_plain");
	assert_int_equal(l.turn, 0);
	assert_null(l.state_hash);
	child_leaf_opens("patch", &bytes, &l, "told_long_plain", "rest_long_plain");
	assert_int_equal(l.turn, 1);
	assert_non_null(l.state_hash);
	child_leaf_opens("reveal", &bytes, &l, "told_plain", "rest_plain");
	assert_int_equal(l.turn, 2);
}

static void known_leaf_with_wide_numbers_opens(void **state)
{
	uint8_t segment[16], state_hash[32];
	struct vec bytes, digest;
	struct leaf l;

	(void)state;
	child_leaf_opens("wide", &bytes, &l, "told_plain", "rest_plain");
	run(segment, 0x21, 16);
	run(state_hash, 0x61, 32);
	vec("policy_digest", &digest);
	assert_int_equal(l.kind, LEAF_HISTORY);
	assert_int_equal(l.flags, LEAF_MUTATING | LEAF_CHILD);
	assert_true(l.index == 0x0102030405060708 && l.time_ms == 0x0A0B0C0D0E0F);
	assert_int_equal(l.epoch, 0x11121314);
	assert_int_equal(l.turn, 2);
	assert_memory_equal(l.segment, segment, 16);
	assert_memory_equal(l.policy, digest.p, 16);
	assert_memory_equal(l.state_hash, state_hash, 32);
}

static void known_leaf_without_child_holds_the_detail_in_body_a(void **state)
{
	uint8_t log_key[32], subject[16];
	struct leaf_detail d;
	struct vec bytes, tag;
	struct leaf l;

	(void)state;
	run(log_key, 0x91, 32);
	run(subject, 0xF1, 16);
	vec("childless_leaf", &bytes);
	vec("childless_actor_tag", &tag);
	assert_int_equal(leaf_decode(bytes.p, bytes.n, &l), 0);
	assert_int_equal(l.flags, 0);
	assert_memory_equal(l.actor_tag, tag.p, 16);
	assert_memory_equal(l.subject_tag, subject, 16);
	assert_int_equal(l.body_b_n, 0);
	assert_opens(&l, "childless", "a_key", l.body_a, l.body_a_n, "actor_detail_plain");
	assert_int_equal(audit_open_detail(&l, log_key, &d), CV_ERR_FORMAT);
}

/* An auditor's part in leaf 0: FORMAT.md section 3, kind 19. */
static void known_segment_leaf_gives_the_auditor_its_key(void **state)
{
	uint8_t vault[16], auditor[16], sk[32], subject[16], ctx[CONTEXT_BYTES], key[32];
	const uint8_t *sealed;
	uint32_t month;
	struct vec bytes;
	struct leaf l;

	(void)state;
	run(vault, 0, 16);
	run(subject, 0xB1, 16);
	memset(auditor, 0xA0, 16);
	memset(sk, 0x40, 32);
	vec("segment_leaf", &bytes);
	assert_int_equal(leaf_decode(bytes.p, bytes.n, &l), 0);
	assert_int_equal(l.kind, LEAF_SEGMENT);
	assert_int_equal(l.flags, LEAF_CLEAR);
	assert_memory_equal(l.subject_tag, subject, 16);
	assert_int_equal(l.body_a_n, 1 + LEAF_SEGMENT_ENTRY);
	assert_int_equal(leaf_segment_copy(&l, auditor, &month, &sealed), 0);
	assert_int_equal(month, 0);
	context_encode(&(struct context){ .kind = CONTEXT_SEGMENT, .vault = vault, .entity = l.segment, .writer = auditor,
		.length = 32 }, ctx);
	assert_int_equal(crypto_pkopen(sk, ctx, sealed, LEAF_SEGMENT_SEALED, key), 0);
	assert_vec("segment_key_0", key, sizeof(key));
}

/* ---- epochs, notes ----------------------------------------------------------------------------------------------- */

static void epoch_keys_have_the_known_root(void **state)
{
	uint8_t root[32];
	struct vec keys;

	(void)state;
	vec("epochs", &keys);
	assert_int_equal(keys.n, EPOCHS * 32);
	audit_epoch_root(keys.p, keys.n, root);
	assert_vec("epoch_root", root, sizeof(root));
}

static void new_log_folder_holds_the_known_keys(void **state)
{
	static const char *const files[][2] = { { "log.vkey", "vkey" }, { "epochs", "epochs" } };
	char path[FIX_PATH];
	uint8_t p[1024];
	struct fix f;

	(void)state;
	fix_make(&f, NULL, EPOCHS);
	for (unsigned i = 0; i < 2; i++) {
		FILE *file;

		fix_path(&f, files[i][0], path);
		file = fopen(path, "rb");
		assert_non_null(file);
		assert_vec(files[i][1], p, fread(p, 1, sizeof(p), file));
		fclose(file);
	}
	fix_free(&f);
}

/* Append a signature of the note's text by the named key, comparing its id and the signature. */
static void sign_line(struct buf *note, size_t text_n, const char *name, const uint8_t seed[32], const char *id_vec,
    const char *sig_vec)
{
	uint8_t pk[32], sk[64], id[4], sig[SIGN_BYTES];

	crypto_sign_pair(seed, pk, sk);
	note_key_id(name, pk, id);
	assert_vec(id_vec, id, sizeof(id));
	crypto_sign(sk, note->p, text_n, sig);
	assert_vec(sig_vec, sig, sizeof(sig));
	note_sig_encode(name, id, sig, note);
}

static void note_is_spelled_as_known(void **state)
{
	static const char origin[] = "childvault.local/0001020304050607";
	uint8_t seed[32], s[32];
	struct vec root;
	struct buf b;
	size_t text_n;

	(void)state;
	buf_init(&b, NOTE_MAX);
	vec("log_root", &root);
	assert_int_equal(checkpoint_encode(origin, LEAVES, root.p, &b), 0);
	text_n = b.n;
	assert_vec("checkpoint_text", b.p, b.n);
	note_text_end(&b);
	memset(seed, 3, sizeof(seed));
	sign_line(&b, text_n, origin, seed, "log_key_id", "log_signature");
	run(s, 0, sizeof(s));
	for (unsigned i = 0; i < EPOCH; i++)
		crypto_hash("cv1.fs.next", s, sizeof(s), NULL, 0, s, sizeof(s));
	crypto_hash("cv1.fs.sign", s, sizeof(s), NULL, 0, seed, sizeof(seed));
	sign_line(&b, text_n, "childvault.local/0001020304050607/fs/0002", seed, "epoch_key_id", "epoch_signature");
	assert_true(buf_ok(&b));
	assert_vec("checkpoint", b.p, b.n);
	buf_free(&b);
}

static void known_note_and_verifier_key_are_read_and_hold(void **state)
{
	struct checkpoint c;
	struct vkey k;
	struct note note;
	struct vec bytes, line, root, keys;

	(void)state;
	vec("checkpoint", &bytes);
	vec("vkey", &line);
	vec("log_root", &root);
	vec("epochs", &keys);
	assert_int_equal(note_decode((const char *)bytes.p, bytes.n, &note), 0);
	assert_vec("checkpoint_text", note.text, note.text_n);
	assert_int_equal(checkpoint_decode(&note, &c), 0);
	assert_true(c.size == LEAVES);
	assert_memory_equal(c.root, root.p, 32);
	assert_int_equal(vkey_decode((const char *)line.p, line.n, NOTE_ED25519, &k), 0);
	assert_vec("log_key_id", k.key_id, sizeof(k.key_id));
	assert_int_equal(note.sigs, 2);
	assert_vec("log_key_id", note.sig[0].key_id, 4);
	assert_vec("epoch_key_id", note.sig[1].key_id, 4);
	assert_int_equal(crypto_verify(k.pk, note.text, note.text_n, note.sig[0].sig), 0);
	assert_int_equal(crypto_verify(keys.p + (size_t)EPOCH * 32, note.text, note.text_n, note.sig[1].sig), 0);
}

static int setup(void **state)
{
	(void)state;
	return crypto_start();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_encoded_as_known),
		cmocka_unit_test(writer_makes_the_known_log),
		cmocka_unit_test(known_leaves_open_under_known_keys),
		cmocka_unit_test(known_leaf_with_wide_numbers_opens),
		cmocka_unit_test(known_leaf_without_child_holds_the_detail_in_body_a),
		cmocka_unit_test(known_segment_leaf_gives_the_auditor_its_key),
		cmocka_unit_test(epoch_keys_have_the_known_root),
		cmocka_unit_test(new_log_folder_holds_the_known_keys),
		cmocka_unit_test(note_is_spelled_as_known),
		cmocka_unit_test(known_note_and_verifier_key_are_read_and_hold),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

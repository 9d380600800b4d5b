/* The shred tree: root slots that survive tearing, shards made ahead, and the epochs' signing state. */
#include "test_keys.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/text.h"
#include "format/shred.h"

static const uint8_t vault_id[16] = "vault-0123456789";
static struct keys *k;
static struct buf epochs, slot_row, keyring;
static uint8_t kek[32];
static char dir[64];
static int dirfd_ = -1;

static int gone(void *cookie, const char *name)
{
	char path[64];

	(void)cookie;
	(void)snprintf(path, sizeof(path), "shred/%s", name);
	assert_int_equal(unlinkat(dirfd_, path, 0), 0);
	return 0;
}

/* A vault's keys with a new tree. */
static int tree_up(void **state)
{
	static const struct slot_info demo = { .type = SLOT_DEMO };

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/cv-shred-XXXXXX");
	assert_non_null(mkdtemp(dir));
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(dirfd_ >= 0);
	buf_init(&epochs, 1 << 20);
	buf_init(&slot_row, 4096);
	buf_init(&keyring, 4096);
	crypto_random(kek, sizeof(kek));
	assert_int_equal(keys_new(&k), 0);
	assert_int_equal(keys_generate(k, vault_id), 0);
	assert_int_equal(keys_slot_encode(k, 0, &demo, kek, &slot_row), 0);
	assert_int_equal(keys_keyring_encode(k, &keyring), 0);
	assert_int_equal(shred_create(k, dirfd_, &epochs), 0);
	return 0;
}

static int tree_down(void **state)
{
	(void)state;
	keys_free(k);
	k = NULL;
	(void)files_list(dirfd_, "shred", gone, NULL);
	assert_int_equal(unlinkat(dirfd_, "shred", AT_REMOVEDIR), 0);
	assert_int_equal(close(dirfd_), 0);
	assert_int_equal(rmdir(dir), 0);
	buf_free(&epochs);
	buf_free(&slot_row);
	buf_free(&keyring);
	return 0;
}

/* Seal, unseal, and open the tree anew. */
static int reopen(void)
{
	keys_seal(k);
	assert_int_equal(keys_unseal(k, vault_id, 0, slot_row.p, slot_row.n, kek, keyring.p, keyring.n), 0);
	return shred_open(k, dirfd_);
}

static void read_file(const char *name, struct buf *ret)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "shred/%s", name);
	buf_init(ret, 1 << 16);
	assert_int_equal(files_read(dirfd_, path, ret), 0);
}

/* Put bytes in place of a file, without any sync. */
static void write_file(const char *name, const void *p, size_t n)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "shred/%s", name);
	assert_int_equal(files_replace_lazy(dirfd_, path, p, n), 0);
}

static uint64_t sequence_of(const char *name)
{
	struct buf b;
	uint64_t sequence;

	read_file(name, &b);
	assert_int_equal(b.n, ROOT_SLOT_FILE);
	sequence = be64_get(b.p + 8);
	buf_free(&b);
	return sequence;
}

static void epoch_signature_fits(uint32_t epoch)
{
	uint8_t sig[64];

	assert_int_equal(keys_fs_epoch(k), epoch);
	keys_fs_sign(k, "checkpoint", 10, sig);
	assert_int_equal(crypto_verify(epochs.p + 32 * (size_t)epoch, "checkpoint", 10, sig), 0);
	if (epoch > 0)
		assert_int_equal(crypto_verify(epochs.p + 32 * (size_t)(epoch - 1), "checkpoint", 10, sig), CV_ERR_AUTH);
}

static void no_child_no_key(uint32_t slot)
{
	assert_null(shred_key(k, slot));
}

/* ---- tree -------------------------------------------------------------------------------------------------------------- */

static void new_tree_opens_with_the_same_keys(void **state)
{
	uint8_t first[32], last[32];

	(void)state;
	assert_int_equal(epochs.n, EPOCHS * 32u);
	no_child_no_key(0);
	assert_int_equal(shred_load(k, 5), 0);
	assert_int_equal(shred_load(k, 2047), 0);
	memcpy(first, shred_key(k, 5), 32);
	memcpy(last, shred_key(k, 2047), 32);
	assert_memory_not_equal(first, last, 32);
	assert_memory_not_equal(first, shred_key(k, 6), 32);
	epoch_signature_fits(0);
	assert_int_equal(reopen(), 0);
	no_child_no_key(5);
	assert_int_equal(shred_load_all(k, 2048), 0);
	assert_memory_equal(shred_key(k, 5), first, 32);
	assert_memory_equal(shred_key(k, 2047), last, 32);
	assert_int_equal(shred_load(k, 2048), CV_ERR_NOTFOUND);
	assert_int_equal(shred_load_all(k, 2049), CV_ERR_NOTFOUND);
	assert_int_equal(shred_load(k, SHRED_SLOTS), CV_ERR_NOTFOUND);
	no_child_no_key(2048);
	no_child_no_key(SHRED_SLOTS);
	no_child_no_key(UINT32_MAX);
	epoch_signature_fits(0);
}

static void tree_is_made_once(void **state)
{
	struct buf more;

	(void)state;
	keys_seal(k);
	assert_int_equal(keys_unseal(k, vault_id, 0, slot_row.p, slot_row.n, kek, keyring.p, keyring.n), 0);
	buf_init(&more, 1 << 20);
	assert_int_equal(shred_create(k, dirfd_, &more), CV_ERR_EXISTS);
	assert_int_equal(more.n, 0);
	buf_free(&more);
	assert_int_equal(shred_open(k, dirfd_), 0);
}

static void child_rows_seal_under_their_shred_key(void **state)
{
	static const uint8_t id[16] = "object";
	struct buf b, m;

	(void)state;
	buf_init(&b, 4096);
	buf_init(&m, 4096);
	assert_int_equal(shred_load(k, 1), 0);
	assert_int_equal(keys_gov_seal(k, 5, id, 1, (const uint8_t *)"consent", 7, &b), 0);
	assert_int_equal(keys_gov_open(k, 5, id, 1, b.p, b.n, &m), 0);
	assert_memory_equal(m.p, "consent", 7);
	assert_int_equal(keys_gov_open(k, 5, id, 2, b.p, b.n, &m), CV_ERR_AUTH);
	assert_int_equal(keys_gov_open(k, 5, id, UINT32_MAX, b.p, b.n, &m), CV_ERR_AUTH);
	buf_free(&b);
	buf_free(&m);
}

static void shards_are_made_ahead_touching_neither_top_nor_slots(void **state)
{
	struct buf a, b, c, d;
	uint8_t key[32];

	(void)state;
	read_file("slot.a", &a);
	read_file("top-0000000000000001", &b);
	assert_int_equal(shred_load(k, 2048), CV_ERR_NOTFOUND);
	assert_int_equal(shred_prepare(k, 1000), 0);
	assert_int_equal(shred_load(k, 2048), CV_ERR_NOTFOUND);
	assert_int_equal(shred_prepare(k, 1024), 0);
	assert_int_equal(shred_load(k, 2048), 0);
	memcpy(key, shred_key(k, 2048), 32);
	assert_int_equal(shred_prepare(k, 1025), 0);
	assert_memory_equal(shred_key(k, 2048), key, 32);
	assert_int_equal(reopen(), 0);
	assert_int_equal(shred_load(k, 2048), 0);
	assert_memory_equal(shred_key(k, 2048), key, 32);
	read_file("slot.a", &c);
	read_file("top-0000000000000001", &d);
	assert_memory_equal(a.p, c.p, a.n);
	assert_memory_equal(b.p, d.p, b.n);
	buf_free(&a);
	buf_free(&b);
	buf_free(&c);
	buf_free(&d);
}

static void last_slot_is_the_end(void **state)
{
	(void)state;
	assert_int_equal(shred_prepare(k, SHRED_SLOTS), CV_ERR_FULL);
	assert_int_equal(shred_prepare(k, SHRED_SLOTS - SHRED_PER_SHARD), 0);
	assert_int_equal(shred_load(k, SHRED_SLOTS - 1), 0);
}

static void spare_shard_cut_by_a_crash_is_made_anew(void **state)
{
	struct buf b;

	(void)state;
	read_file("shard-0001-0000000000000001", &b);
	write_file("shard-0001-0000000000000001", b.p, 1000);
	assert_int_equal(reopen(), 0);
	assert_int_equal(shred_prepare(k, 3), 0);
	assert_int_equal(shred_load(k, 1024), 0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(shred_load(k, 1024), 0);
	buf_free(&b);
}

static void shard_in_use_is_never_made_anew(void **state)
{
	struct buf b;

	(void)state;
	read_file("shard-0000-0000000000000001", &b);
	b.p[100] ^= 1;
	write_file("shard-0000-0000000000000001", b.p, b.n);
	assert_int_equal(reopen(), 0);
	assert_int_equal(shred_load(k, 3), CV_ERR_AUTH);
	assert_int_equal(shred_prepare(k, 3), CV_ERR_AUTH);
	no_child_no_key(3);
	b.p[100] ^= 1;
	write_file("shard-0000-0000000000000001", b.p, b.n);
	assert_int_equal(shred_load(k, 3), 0);
	buf_free(&b);
}

static void shard_of_another_number_or_sequence_does_not_open(void **state)
{
	struct buf a, b;

	(void)state;
	read_file("shard-0000-0000000000000001", &a);
	read_file("shard-0001-0000000000000001", &b);
	write_file("shard-0000-0000000000000001", b.p, b.n);
	assert_int_equal(reopen(), 0);
	assert_int_equal(shred_load(k, 0), CV_ERR_AUTH);
	/* Nor with its header made to fit. */
	shred_header_encode(false, 0, 1, b.p);
	write_file("shard-0000-0000000000000001", b.p, b.n);
	assert_int_equal(shred_load(k, 0), CV_ERR_AUTH);
	write_file("shard-0000-0000000000000001", a.p, a.n);
	/* Of two files the one that opens counts, whatever its number. */
	shred_header_encode(false, 0, 2, a.p);
	write_file("shard-0000-0000000000000002", a.p, a.n);
	assert_int_equal(reopen(), 0);
	assert_int_equal(shred_load(k, 0), 0);
	buf_free(&a);
	buf_free(&b);
}

static void changed_top_refuses_to_open(void **state)
{
	struct buf b;

	(void)state;
	read_file("top-0000000000000001", &b);
	for (size_t bit = 0; bit < b.n * 8; bit += bit < 1024 ? 1 : 9973) {
		b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		write_file("top-0000000000000001", b.p, b.n);
		assert_in_range(-reopen(), -CV_ERR_FORMAT, -CV_ERR_AUTH);
		assert_null(k->shred);
		b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	write_file("top-0000000000000001", b.p, b.n);
	assert_int_equal(reopen(), 0);
	assert_int_equal(unlinkat(dirfd_, "shred/top-0000000000000001", 0), 0);
	assert_int_equal(reopen(), CV_ERR_FORMAT);
	buf_free(&b);
}

/* ---- root slots -------------------------------------------------------------------------------------------------------- */

static void each_flipped_bit_of_a_slot_is_healed_from_the_other(void **state)
{
	static const char *const names[2] = { "slot.a", "slot.b" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct buf b, now;

		read_file(names[i], &b);
		for (size_t bit = 0; bit < b.n * 8; bit += bit < (ROOT_SLOT_CHECK_AT + 16) * 8 ? 3 : 499) {
			b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
			write_file(names[i], b.p, b.n);
			assert_int_equal(reopen(), 0);
			read_file(names[i], &now);
			assert_memory_not_equal(now.p, b.p, b.n);
			buf_free(&now);
			b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		/* The healed slot stands alone. */
		write_file(names[1 - i], "", 0);
		assert_int_equal(reopen(), 0);
		buf_free(&b);
	}
	epoch_signature_fits(0);
}

static void slot_torn_at_each_length_is_healed(void **state)
{
	uint8_t torn[ROOT_SLOT_FILE];
	struct buf before, after;

	(void)state;
	read_file("slot.a", &before);
	assert_int_equal(shred_next_epoch(k, 10, epochs.p), 0);
	read_file("slot.a", &after);
	for (size_t n = 1; n < ROOT_SLOT_CHECK_AT + 16; n += 5) {
		memcpy(torn, before.p, sizeof(torn));
		memcpy(torn, after.p, n);
		write_file("slot.a", torn, sizeof(torn));
		assert_int_equal(reopen(), 0);
		epoch_signature_fits(1);
		assert_int_equal(sequence_of("slot.a"), 2);
	}
	/* Cut short, and gone. */
	write_file("slot.a", after.p, 100);
	assert_int_equal(reopen(), 0);
	assert_int_equal(unlinkat(dirfd_, "shred/slot.a", 0), 0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(sequence_of("slot.a"), 2);
	buf_free(&before);
	buf_free(&after);
}

static void kill_between_the_slots_keeps_the_newer(void **state)
{
	struct buf b;

	(void)state;
	read_file("slot.b", &b);
	assert_int_equal(shred_next_epoch(k, 10, epochs.p), 0);
	write_file("slot.b", b.p, b.n);
	assert_int_equal(sequence_of("slot.b"), 1);
	assert_int_equal(reopen(), 0);
	epoch_signature_fits(1);
	assert_int_equal(sequence_of("slot.a"), 2);
	assert_int_equal(sequence_of("slot.b"), 2);
	/* Equal now: the next start may lose either. */
	write_file("slot.a", "", 0);
	assert_int_equal(reopen(), 0);
	epoch_signature_fits(1);
	buf_free(&b);
}

static void kill_before_the_first_slot_keeps_the_older(void **state)
{
	struct buf a, b;

	(void)state;
	read_file("slot.a", &a);
	read_file("slot.b", &b);
	assert_int_equal(shred_next_epoch(k, 10, epochs.p), 0);
	write_file("slot.a", a.p, a.n);
	write_file("slot.b", b.p, b.n);
	assert_int_equal(reopen(), 0);
	epoch_signature_fits(0);
	buf_free(&a);
	buf_free(&b);
}

static void two_bad_slots_refuse_to_open(void **state)
{
	struct buf b;

	(void)state;
	read_file("slot.a", &b);
	write_file("slot.b", b.p, b.n);
	write_file("slot.a", "", 0);
	/* a's bytes in b's place: the context tells them apart. */
	assert_int_equal(reopen(), CV_ERR_AUTH);
	assert_null(k->shred);
	write_file("slot.b", "", 0);
	assert_int_equal(reopen(), CV_ERR_FORMAT);
	buf_free(&b);
}

static void slots_of_another_vault_refuse_to_open(void **state)
{
	static const uint8_t other_id[16] = "vault-0123456788";

	(void)state;
	keys_seal(k);
	assert_int_equal(keys_generate(k, other_id), 0);
	assert_int_equal(shred_open(k, dirfd_), CV_ERR_FORMAT);
}

static void differing_slots_of_one_sequence_are_refused(void **state)
{
	struct buf old_a, old_b, new_b;
	uint8_t other[32] = { 1 };

	(void)state;
	read_file("slot.a", &old_a);
	read_file("slot.b", &old_b);
	assert_int_equal(shred_next_epoch(k, 10, epochs.p), 0);
	read_file("slot.b", &new_b);
	write_file("slot.a", old_a.p, old_a.n);
	write_file("slot.b", old_b.p, old_b.n);
	assert_int_equal(reopen(), 0);
	assert_int_equal(shred_next_epoch(k, 11, other), 0);
	write_file("slot.b", new_b.p, new_b.n);
	assert_int_equal(reopen(), CV_ERR_AUTH);
	buf_free(&old_a);
	buf_free(&old_b);
	buf_free(&new_b);
}

/* ---- epochs -------------------------------------------------------------------------------------------------------------- */

static void epochs_advance_and_forget_the_old_key(void **state)
{
	uint8_t s[32], root[32] = { 7 };

	(void)state;
	for (uint32_t e = 1; e <= 5; e++) {
		memcpy(s, k->ring->fs, 32);
		assert_int_equal(shred_next_epoch(k, e * 100, root), 0);
		assert_memory_not_equal(s, k->ring->fs, 32);
		epoch_signature_fits(e);
	}
	assert_int_equal(reopen(), 0);
	epoch_signature_fits(5);
	assert_int_equal(sequence_of("slot.a"), 6);
	assert_int_equal(sequence_of("slot.b"), 6);
	assert_int_equal(shred_next_epoch(k, 600, root), 0);
	epoch_signature_fits(6);
}

static void slot_names_the_closed_epochs_log(void **state)
{
	uint8_t root[32] = { 9, 8, 7 };
	struct root_slot s;
	struct buf b;

	(void)state;
	assert_int_equal(shred_next_epoch(k, 0x0102030405, root), 0);
	read_file("slot.b", &b);
	assert_int_equal(root_slot_decode(b.p, b.n, &s), 0);
	assert_int_equal(s.closed_size, 0x0102030405);
	assert_memory_equal(s.closed_root, root, 32);
	assert_int_equal(s.erase_serial, 0);
	buf_free(&b);
}

static void failed_write_keeps_the_epoch_and_may_be_repeated(void **state)
{
	uint8_t root[32] = { 7 };

	(void)state;
	/* A folder in the second slot's place: it can be neither written nor made. */
	assert_int_equal(unlinkat(dirfd_, "shred/slot.b", 0), 0);
	assert_int_equal(mkdirat(dirfd_, "shred/slot.b", 0700), 0);
	assert_int_equal(shred_next_epoch(k, 1, root), CV_ERR_IO);
	epoch_signature_fits(0);
	assert_int_equal(unlinkat(dirfd_, "shred/slot.b", AT_REMOVEDIR), 0);
	root[0] = 8;
	assert_int_equal(shred_next_epoch(k, 2, root), 0);
	epoch_signature_fits(1);
	assert_int_equal(sequence_of("slot.a"), 3);
	assert_int_equal(sequence_of("slot.b"), 3);
	assert_int_equal(reopen(), 0);
	epoch_signature_fits(1);
}

/* Known answer: s_0 = 00..1f. */
static void signing_chain_matches_the_known_answer(void **state)
{
	static const char *const want[] = {
		"2052ec289e8a19e571d52ef9e2e8f0f408bb5bda9474a0285094f6b37141b6f9",
		"1520417525339a2c5c98a9f5382bb948d7bb3aa75e2ffcad3c6b0cee385793c5",
		"ea264e77310408e70f29e5c1d1e1f8704dd3f281b99777baba3eaab5ebb60656",
	};
	uint8_t s[32], seed[32], pk[32], sk[64], hash[32], sig[64];

	(void)state;
	for (unsigned i = 0; i < 32; i++)
		s[i] = (uint8_t)i;
	memcpy(k->ring->fs, s, 32);
	for (unsigned e = 0; e < 3; e++) {
		assert_int_equal(hex_decode(want[e], 64, pk, 32), 0);
		if (e > 0) {
			assert_int_equal(shred_next_epoch(k, 0, s), 0);
			keys_fs_sign(k, "x", 1, sig);
			assert_int_equal(crypto_verify(pk, "x", 1, sig), 0);
		}
		crypto_hash("cv1.fs.sign", k->ring->fs, 32, NULL, 0, seed, 32);
		crypto_sign_pair(seed, hash, sk);
		assert_memory_equal(hash, pk, 32);
	}
}

static void last_epoch_is_the_end(void **state)
{
	struct root_slot_plain plain = { .epoch = EPOCHS - 1, .top_sequence = 1 };
	uint8_t file[ROOT_SLOT_FILE], key[32], ctx[96], bytes[ROOT_SLOT_PLAIN], root[32] = { 0 };
	struct root_slot s = { .sequence = 9 };

	(void)state;
	/* A slot as it stands in the last epoch, by the format's own words. */
	memcpy(plain.top_key, k->ring->top, 32);
	memcpy(plain.fs, k->ring->fs, 32);
	crypto_hash("cv1.slot", k->ring->root, 32, NULL, 0, key, 32);
	context_encode(&(struct context){ .kind = CONTEXT_SLOT, .vault = vault_id, .version = 9, .length = 76 }, ctx);
	root_slot_encode(&s, file);
	root_slot_plain_encode(&plain, bytes);
	crypto_seal(key, ctx, bytes, sizeof(bytes), file + 64);
	crypto_hash("cv1.check", key, 32, &(struct part){ file, 212 }, 1, file + 212, 16);
	write_file("slot.a", file, sizeof(file));
	assert_int_equal(reopen(), 0);
	assert_int_equal(keys_fs_epoch(k), EPOCHS - 1);
	assert_int_equal(shred_next_epoch(k, 0, root), CV_ERR_LIMIT);
	assert_int_equal(keys_fs_epoch(k), EPOCHS - 1);
}

#define with_tree(f) cmocka_unit_test_setup_teardown(f, tree_up, tree_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_tree(new_tree_opens_with_the_same_keys),
		with_tree(tree_is_made_once),
		with_tree(child_rows_seal_under_their_shred_key),
		with_tree(shards_are_made_ahead_touching_neither_top_nor_slots),
		with_tree(last_slot_is_the_end),
		with_tree(spare_shard_cut_by_a_crash_is_made_anew),
		with_tree(shard_in_use_is_never_made_anew),
		with_tree(shard_of_another_number_or_sequence_does_not_open),
		with_tree(changed_top_refuses_to_open),
		with_tree(each_flipped_bit_of_a_slot_is_healed_from_the_other),
		with_tree(slot_torn_at_each_length_is_healed),
		with_tree(kill_between_the_slots_keeps_the_newer),
		with_tree(kill_before_the_first_slot_keeps_the_older),
		with_tree(two_bad_slots_refuse_to_open),
		with_tree(slots_of_another_vault_refuse_to_open),
		with_tree(differing_slots_of_one_sequence_are_refused),
		with_tree(epochs_advance_and_forget_the_old_key),
		with_tree(slot_names_the_closed_epochs_log),
		with_tree(failed_write_keeps_the_epoch_and_may_be_repeated),
		with_tree(signing_chain_matches_the_known_answer),
		with_tree(last_epoch_is_the_end),
	};

	return cmocka_run_group_tests_name("keys shred", tests, test_start, NULL);
}

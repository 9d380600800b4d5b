/* Unsealing, the keyring, and operations with its keys. */
#include "test_keys.h"

#include "base/text.h"

static const uint8_t vault_id[16] = "vault-0123456789";

struct rows {
	struct keys *k;
	uint8_t kek[32];
	struct buf slot, keyring;
};

static void rows_make(struct rows *x, const struct slot_info *info, unsigned number)
{
	buf_init(&x->slot, 4096);
	buf_init(&x->keyring, 4096);
	crypto_random(x->kek, sizeof(x->kek));
	assert_int_equal(keys_new(&x->k), 0);
	assert_int_equal(keys_generate(x->k, vault_id), 0);
	assert_int_equal(keys_slot_encode(x->k, number, info, x->kek, &x->slot), 0);
	assert_int_equal(keys_keyring_encode(x->k, &x->keyring), 0);
}

static void rows_free(struct rows *x)
{
	buf_free(&x->slot);
	buf_free(&x->keyring);
	keys_free(x->k);
}

static int unseal(const struct rows *x, struct keys *k, unsigned number)
{
	return keys_unseal(k, vault_id, number, x->slot.p, x->slot.n, x->kek, x->keyring.p, x->keyring.n);
}

static const struct slot_info demo = { .type = SLOT_DEMO };

static void unseal_gives_the_same_keys(void **state)
{
	struct rows x;
	struct keys *k;
	uint8_t a[16], b[16], pk[32];

	(void)state;
	rows_make(&x, &demo, 0);
	assert_int_equal(keys_new(&k), 0);
	assert_false(keys_unsealed(k));
	assert_int_equal(unseal(&x, k, 0), 0);
	assert_true(keys_unsealed(k));
	assert_memory_equal(k->ring, x.k->ring, offsetof(struct ring, top));
	assert_memory_equal(keys_vault_id(k), vault_id, 16);
	assert_int_equal(keys_epoch(k), 1);
	keys_actor_tag(x.k, vault_id, 7, a);
	keys_actor_tag(k, vault_id, 7, b);
	assert_memory_equal(a, b, 16);
	keys_log_public(k, pk);
	assert_memory_equal(pk, x.k->log_pk, 32);
	keys_free(k);
	rows_free(&x);
}

static void sealing_forgets_the_keys(void **state)
{
	struct rows x;
	bool unlocked;
	size_t before = crypto_locked_bytes(&unlocked);

	(void)state;
	rows_make(&x, &demo, 0);
	keys_seal(x.k);
	assert_false(keys_unsealed(x.k));
	assert_null(x.k->ring_secret);
	assert_int_equal(crypto_locked_bytes(&unlocked), before);
	assert_int_equal(unseal(&x, x.k, 0), 0);
	keys_seal(x.k);
	keys_seal(x.k);
	rows_free(&x);
}

static void unseal_refuses_another_kek_number_or_vault(void **state)
{
	static const uint8_t other_id[16] = "vault-0123456788";
	struct rows x;
	struct keys *k;

	(void)state;
	rows_make(&x, &demo, 1);
	assert_int_equal(keys_new(&k), 0);
	assert_int_equal(unseal(&x, k, 0), CV_ERR_AUTH);
	assert_int_equal(unseal(&x, k, SLOT_COUNT), CV_ERR_FORMAT);
	assert_int_equal(keys_unseal(k, other_id, 1, x.slot.p, x.slot.n, x.kek, x.keyring.p, x.keyring.n), CV_ERR_AUTH);
	x.kek[31] ^= 1;
	assert_int_equal(unseal(&x, k, 1), CV_ERR_AUTH);
	assert_false(keys_unsealed(k));
	x.kek[31] ^= 1;
	assert_int_equal(unseal(&x, k, 1), 0);
	keys_free(k);
	rows_free(&x);
}

/* Flip each bit of b and expect that nothing unseals. */
static void each_flip_refused(const struct rows *x, struct buf *b)
{
	struct keys *k;

	assert_int_equal(keys_new(&k), 0);
	for (size_t bit = 0; bit < b->n * 8; bit++) {
		int r;

		b->p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		r = unseal(x, k, 0);
		assert_true(r == CV_ERR_AUTH || r == CV_ERR_FORMAT);
		assert_false(keys_unsealed(k));
		b->p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(unseal(x, k, 0), 0);
	keys_free(k);
}

static void unseal_refuses_each_flipped_bit(void **state)
{
	struct rows x;

	(void)state;
	rows_make(&x, &demo, 0);
	each_flip_refused(&x, &x.slot);
	each_flip_refused(&x, &x.keyring);
	rows_free(&x);
}

static void unseal_refuses_each_cut_and_a_longer_row(void **state)
{
	struct rows x;
	struct keys *k;

	(void)state;
	rows_make(&x, &demo, 0);
	assert_int_equal(keys_new(&k), 0);
	for (size_t n = 0; n < x.slot.n; n++)
		assert_int_equal(keys_unseal(k, vault_id, 0, x.slot.p, n, x.kek, x.keyring.p, x.keyring.n), CV_ERR_FORMAT);
	for (size_t n = 0; n < x.keyring.n; n++)
		assert_int_equal(keys_unseal(k, vault_id, 0, x.slot.p, x.slot.n, x.kek, x.keyring.p, n), CV_ERR_FORMAT);
	buf_u8(&x.slot, 0);
	assert_int_equal(unseal(&x, k, 0), CV_ERR_FORMAT);
	keys_free(k);
	rows_free(&x);
}

static void same_info(const struct slot_info *a, const struct slot_info *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->k, b->k);
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->argon_kib, b->argon_kib);
	assert_int_equal(a->argon_passes, b->argon_passes);
	assert_memory_equal(a->salt, b->salt, sizeof(a->salt));
	assert_memory_equal(a->commits, b->commits, sizeof(a->commits));
}

static void slot_parameters_are_read_while_sealed(void **state)
{
	struct slot_info pass = { .type = SLOT_PASSPHRASE, .argon_kib = 65536, .argon_passes = 3, .salt = "salt" }, got;
	struct slot_info quorum = { .type = SLOT_QUORUM, .k = 2, .n = 3 };
	struct rows x, y;
	struct keys *k;

	(void)state;
	rows_make(&x, &pass, 2);
	assert_int_equal(keys_slot_decode(x.slot.p, x.slot.n, &got), 0);
	same_info(&got, &pass);
	assert_int_equal(keys_new(&k), 0);
	assert_int_equal(unseal(&x, k, 2), 0);
	keys_free(k);
	rows_free(&x);
	memset(quorum.commits, 7, 64);
	rows_make(&y, &quorum, 3);
	assert_int_equal(keys_slot_decode(y.slot.p, y.slot.n, &got), 0);
	same_info(&got, &quorum);
	rows_free(&y);
}

static void slot_with_foreign_parameters_is_not_made(void **state)
{
	static const struct slot_info wrong[] = {
		{ .type = SLOT_DEMO, .k = 1, .n = 1 },
		{ .type = SLOT_DEMO, .salt = "s" },
		{ .type = SLOT_PASSPHRASE, .argon_kib = 65536 },
		{ .type = SLOT_QUORUM, .k = 3, .n = 2 },
		{ .type = SLOT_QUORUM, .k = 0, .n = 2 },
		{ .type = (enum slot_type)9 },
	};
	struct rows x;
	struct buf b;

	(void)state;
	rows_make(&x, &demo, 0);
	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(keys_slot_encode(x.k, 0, &wrong[i], x.kek, &b), CV_ERR_ARG);
	assert_int_equal(keys_slot_encode(x.k, SLOT_COUNT, &demo, x.kek, &b), CV_ERR_ARG);
	assert_int_equal(b.n, 0);
	rows_free(&x);
}

static void meta_value_opens_under_its_name_alone(void **state)
{
	struct rows x;
	struct buf b, m;

	(void)state;
	rows_make(&x, &demo, 0);
	buf_init(&b, 4096);
	buf_init(&m, 4096);
	assert_int_equal(keys_meta_seal(x.k, "counters", "twelve bytes", 12, &b), 0);
	assert_int_equal(b.n, 4 + 12 + SEAL_OVERHEAD);
	assert_int_equal(be32_get(b.p), 1);
	assert_int_equal(keys_meta_open(x.k, "counters", b.p, b.n, &m), 0);
	assert_int_equal(m.n, 12);
	assert_memory_equal(m.p, "twelve bytes", 12);
	assert_int_equal(keys_meta_open(x.k, "state", b.p, b.n, &m), CV_ERR_AUTH);
	assert_int_equal(m.n, 12);
	assert_int_equal(keys_meta_open(x.k, "counters", b.p, 75, &m), CV_ERR_FORMAT);
	for (size_t bit = 0; bit < b.n * 8; bit++) {
		b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(keys_meta_open(x.k, "counters", b.p, b.n, &m), CV_ERR_AUTH);
		b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	buf_free(&b);
	buf_free(&m);
	rows_free(&x);
}

static void governance_row_opens_in_its_place_alone(void **state)
{
	static const uint8_t id[16] = "object", other[16] = "objecu";
	struct rows x;
	struct buf b, m;

	(void)state;
	rows_make(&x, &demo, 0);
	buf_init(&b, 4096);
	buf_init(&m, 4096);
	assert_int_equal(keys_gov_seal(x.k, 1, id, UINT32_MAX, (const uint8_t *)"body", 4, &b), 0);
	assert_int_equal(keys_gov_open(x.k, 1, id, UINT32_MAX, b.p, b.n, &m), 0);
	assert_memory_equal(m.p, "body", 4);
	assert_int_equal(keys_gov_open(x.k, 2, id, UINT32_MAX, b.p, b.n, &m), CV_ERR_AUTH);
	assert_int_equal(keys_gov_open(x.k, 1, other, UINT32_MAX, b.p, b.n, &m), CV_ERR_AUTH);
	assert_int_equal(keys_gov_open(x.k, 1, id, UINT32_MAX, b.p, 71, &m), CV_ERR_FORMAT);
	/* No shred tree: a child's row neither seals nor opens. */
	assert_int_equal(keys_gov_seal(x.k, 1, id, 0, (const uint8_t *)"body", 4, &b), CV_ERR_NOTFOUND);
	assert_int_equal(keys_gov_open(x.k, 1, id, 0, b.p, b.n, &m), CV_ERR_NOTFOUND);
	buf_free(&b);
	buf_free(&m);
	rows_free(&x);
}

static void keyed_hashes_follow_the_format(void **state)
{
	static const uint8_t who[16] = "principal", q[32] = "question";
	uint8_t want[64], got[112], in[64];
	struct rows x;

	(void)state;
	rows_make(&x, &demo, 0);
	memcpy(in, who, 16);
	be64_put(in + 16, 258);
	crypto_hash_block("cv1.actor", x.k->ring->key[3], in, 24, want, 16);
	keys_actor_tag(x.k, who, 258, got);
	assert_memory_equal(got, want, 16);
	memcpy(in + 16, q, 32);
	crypto_hash("cv1.pepper", x.k->ring->key[8], 32, &(struct part){ in, 48 }, 1, want, 32);
	keys_pepper_answer(x.k, who, q, got);
	assert_memory_equal(got, want, 32);
	crypto_hash("cv1.idem", x.k->ring->key[7], 32, &(struct part){ in, 48 }, 1, want, 16);
	keys_idem_id(x.k, who, q, 32, got);
	assert_memory_equal(got, want, 16);
	crypto_hash("cv1.etag", x.k->ring->key[10], 32, &(struct part){ in, 48 }, 1, want, 16);
	keys_etag(x.k, who, q, 32, got);
	assert_memory_equal(got, want, 16);
	crypto_hash("cv1.journal", x.k->ring->key[4], 32, &(struct part){ in, 48 }, 1, want, 16);
	keys_journal_mac(x.k, who, q, 32, got);
	assert_memory_equal(got, want, 16);
	crypto_hash("cv1.request", x.k->ring->key[7], 32, &(struct part){ q, 32 }, 1, want, 16);
	keys_request_digest(x.k, q, 32, got);
	assert_memory_equal(got, want, 16);
	in[16] = 5;
	in[17] = 1;
	crypto_hash("cv1.decoy", x.k->ring->key[9], 32, &(struct part){ in, 18 }, 1, want, 64);
	keys_decoy(x.k, who, 5, got, sizeof(got));
	assert_memory_equal(got + 64, want, 48);
	rows_free(&x);
}

static void state_hash_adds_and_removes_the_same_element(void **state)
{
	struct lthash h = { { 0 } }, want = { { 0 } }, none = { { 0 } };
	uint8_t element[] = { STORE_REC, 0, 3, 'k', 'e', 'y', 'v' };
	struct rows x;

	(void)state;
	rows_make(&x, &demo, 0);
	keys_state_add(x.k, &h, STORE_REC, "key", 3, "v", 1);
	lthash_add(&want, x.k->ring->key[2], &(struct part){ element, sizeof(element) }, 1);
	assert_memory_equal(&h, &want, sizeof(h));
	keys_state_add(x.k, &h, STORE_GOV, "key", 3, "v", 1);
	keys_state_remove(x.k, &h, STORE_REC, "key", 3, "v", 1);
	keys_state_remove(x.k, &h, STORE_GOV, "key", 3, "v", 1);
	assert_memory_equal(&h, &none, sizeof(h));
	rows_free(&x);
}

static void log_signature_verifies(void **state)
{
	uint8_t sig[64], pk[32];
	struct rows x;

	(void)state;
	rows_make(&x, &demo, 0);
	keys_log_public(x.k, pk);
	keys_log_sign(x.k, "note", 4, sig);
	assert_int_equal(crypto_verify(pk, "note", 4, sig), 0);
	assert_int_equal(crypto_verify(pk, "nota", 4, sig), CV_ERR_AUTH);
	rows_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unseal_gives_the_same_keys),
		cmocka_unit_test(sealing_forgets_the_keys),
		cmocka_unit_test(unseal_refuses_another_kek_number_or_vault),
		cmocka_unit_test(unseal_refuses_each_flipped_bit),
		cmocka_unit_test(unseal_refuses_each_cut_and_a_longer_row),
		cmocka_unit_test(slot_parameters_are_read_while_sealed),
		cmocka_unit_test(slot_with_foreign_parameters_is_not_made),
		cmocka_unit_test(meta_value_opens_under_its_name_alone),
		cmocka_unit_test(governance_row_opens_in_its_place_alone),
		cmocka_unit_test(keyed_hashes_follow_the_format),
		cmocka_unit_test(state_hash_adds_and_removes_the_same_element),
		cmocka_unit_test(log_signature_verifies),
	};

	return cmocka_run_group_tests_name("keys", tests, test_start, NULL);
}

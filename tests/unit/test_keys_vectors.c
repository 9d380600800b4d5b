/*
 * The vault's own keys against tests/vectors/keys/keys.txt, which a second implementation wrote. What is sealed under a
 * random nonce is opened here; the rest is made again and compared. Tests run in the folder of the Makefile.
 */
#include "test_keys.h"

#include <sys/stat.h>

#include "base/text.h"
#include "format/shred.h"
#include "keys/index.h"
#include "keys/record_internal.h"

#define SAMPLE_MAX 2048
#define DIR_ROWS 11u
#define DIR2_ROWS 3u	/* of the second change set */
#define DIR3_ROWS 6u	/* of the third, a rekey */
#define CHANGE_ROW 10u
#define WORKER_ROW 4u
#define CUSTODY_ROW 9u
#define CLASS_KEY (0x10u << 16)
#define ROLE 0x0102u
#define PERSONAL 0x8005u
#define SHRED_SLOT 1234u	/* position 210 of shard 1 */
#define NOTE "childvault.local/0102030405060708\n7\n"

struct sample {
	uint8_t p[SAMPLE_MAX];
	size_t n;
};

/* Bytes first, first + 1, ... */
static const uint8_t *run(uint8_t *p, unsigned first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(first + i);
	return p;
}
#define RUN(first, n) run((uint8_t[n]){ 0 }, first, n)

/* Bytes of the generator that make.py has, too. */
static void noise(uint32_t x, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		x = x * 1103515245u + 12345u;
		p[i] = (uint8_t)(x >> 16);
	}
}

static struct sample sample(const char *name)
{
	FILE *f = fopen("tests/vectors/keys/keys.txt", "r");
	char *line = NULL, *hex = NULL;
	struct sample s;
	size_t room = 0;

	assert_non_null(f);
	while (hex == NULL && getline(&line, &room, f) > 0)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
			hex = line + strlen(name) + 1;
	assert_non_null(hex);
	s.n = strcspn(hex, "\n") / 2;
	assert_true(s.n > 0 && s.n <= sizeof(s.p));
	assert_int_equal(hex_decode(hex, 2 * s.n, s.p, s.n), 0);
	free(line);
	fclose(f);
	return s;
}

static void assert_sample(const char *name, const void *p, size_t n)
{
	struct sample s = sample(name);

	assert_int_equal(s.n, n);
	assert_memory_equal(s.p, p, n);
}

static struct keys *k;

/* Unseal k with one slot row and the keyring row. */
static int unseal(unsigned number, const char *slot, const uint8_t kek[32])
{
	struct sample row = sample(slot), keyring = sample("keyring");

	return keys_unseal(k, RUN(0x01, 16), number, row.p, row.n, kek, keyring.p, keyring.n);
}

static int unsealed(void **state)
{
	(void)state;
	assert_int_equal(keys_new(&k), 0);
	assert_int_equal(unseal(0, "slot_demo", RUN(0x80, 32)), 0);
	return 0;
}

static int freed(void **state)
{
	(void)state;
	keys_free(k);
	k = NULL;
	return 0;
}

/* ---- unseal slots, keyring, values under keys of the ring ------------------------------------------------------- */

static void assert_ring(void)
{
	uint8_t want[RING_KEYS * CRYPTO_KEY];

	noise(1, want, sizeof(want));
	assert_memory_equal(k->ring->key, want, sizeof(want));
	assert_memory_equal(k->ring->root, RUN(0x33, 32), 32);
	assert_int_equal(keys_epoch(k), 3);
}

static void every_slot_type_opens_the_keyring(void **state)
{
	uint8_t kek[32];

	(void)state;
	assert_ring();
	keys_seal(k);
	assert_int_equal(unseal(1, "slot_passphrase", RUN(0x81, 32)), 0);
	assert_ring();
	keys_seal(k);
	crypto_hash("cv1.unseal", RUN(0x05, 32), 32, NULL, 0, kek, sizeof(kek));
	assert_sample("quorum_kek", kek, sizeof(kek));
	assert_int_equal(unseal(2, "slot_quorum", kek), 0);
	assert_ring();
}

static void slot_parameters_are_read(void **state)
{
	struct sample passphrase = sample("slot_passphrase"), quorum = sample("slot_quorum");
	struct slot_info info;
	uint8_t commits[64];

	(void)state;
	noise(4, commits, sizeof(commits));
	assert_int_equal(keys_slot_decode(passphrase.p, passphrase.n, &info), 0);
	assert_true(info.type == SLOT_PASSPHRASE && info.argon_kib == 65536 && info.argon_passes == 3);
	assert_memory_equal(info.salt, RUN(0x62, 16), 16);
	assert_int_equal(keys_slot_decode(quorum.p, quorum.n, &info), 0);
	assert_true(info.type == SLOT_QUORUM && info.k == 2 && info.n == 3);
	assert_memory_equal(info.commits, commits, sizeof(commits));
}

static void meta_value_opens(void **state)
{
	struct sample row = sample("meta_counters");
	struct buf b;

	(void)state;
	buf_init(&b, SAMPLE_MAX);
	assert_int_equal(keys_meta_open(k, "counters", row.p, row.n, &b), 0);
	assert_int_equal(b.n, 16);
	assert_int_equal(be64_get(b.p), 0x0102030405);
	assert_int_equal(be32_get(b.p + 8), 1235);
	assert_int_equal(be32_get(b.p + 12), 2);
	assert_int_equal(keys_meta_open(k, "counter", row.p, row.n, &b), CV_ERR_AUTH);
	buf_free(&b);
}

/* Open a governance row about RECORD and compare its fields. */
static void assert_gov_opens(const char *name, uint16_t type, uint32_t slot)
{
	struct sample row = sample(name);
	uint8_t want[34] = { 0, 2, 0, 1, 0, 16 };
	struct buf b;

	run(want + 6, 0xC0, 16);
	be16_put(want + 22, 3);
	be16_put(want + 24, 8);
	be64_put(want + 26, NOW_MS);
	buf_init(&b, SAMPLE_MAX);
	assert_int_equal(keys_gov_open(k, type, RUN(0x11, 16), slot, row.p, row.n, &b), 0);
	assert_int_equal(b.n, 34);
	assert_memory_equal(b.p, want, sizeof(want));
	assert_int_equal(keys_gov_open(k, (uint16_t)(type + 1), RUN(0x11, 16), slot, row.p, row.n, &b), CV_ERR_AUTH);
	buf_free(&b);
}

static void governance_row_opens(void **state)
{
	(void)state;
	assert_gov_opens("gov", 1, UINT32_MAX);
}

/* ---- keyed hashes, state, journal ------------------------------------------------------------------------------- */

static void keyed_hashes_are_these(void **state)
{
	const uint8_t *principal = RUN(0x50, 16);
	uint8_t h[32], decoy[112];

	(void)state;
	keys_actor_tag(k, principal, 0x0102030405060708, h);
	assert_sample("actor_tag", h, 16);
	keys_etag(k, RUN(0x11, 16), RUN(0x90, 36), 36, h);
	assert_sample("etag", h, 16);
	keys_request_digest(k, "{\"fields\":{}}", 13, h);
	assert_sample("request", h, 16);
	keys_idem_id(k, principal, "import-2026-0001", 16, h);
	assert_sample("idem", h, 16);
	keys_pepper_answer(k, principal, RUN(0xA0, 32), h);
	assert_sample("pepper", h, 32);
	keys_decoy(k, RUN(0x70, 16), 3, decoy, sizeof(decoy));
	assert_sample("decoy", decoy, sizeof(decoy));
	crypto_hash("cv1.token", NULL, 0, &(struct part){ RUN(0xB0, 32), 32 }, 1, h, 32);
	assert_sample("token", h, 32);
}

/* FORMAT.md 4.7: of a bucket's token 18 bits are kept; a posting opens under its own index, epoch and token alone. */
static void index_tokens_and_postings_are_these(void **state)
{
	static const char number[] = "33010620150101001X", person[] = "欧阳小满\x1f" "2015-06-01";
	uint8_t token[16], record[16];
	struct sample posting;

	(void)state;
	keys_index_token(k, 1, 1, 0, number, sizeof(number) - 1, token);
	assert_sample("index_token", token, 16);
	posting = sample("posting");
	assert_int_equal(keys_posting_open(k, 8, 0x01020304, token, posting.p, posting.n, record), 0);
	assert_memory_equal(record, RUN(0x11, 16), 16);
	assert_int_equal(keys_posting_open(k, 8, 0x01020305, token, posting.p, posting.n, record), CV_ERR_AUTH);
	assert_int_equal(keys_posting_open(k, 7, 0x01020304, token, posting.p, posting.n, record), CV_ERR_AUTH);
	assert_int_equal(keys_posting_open(k, 8, 0x01020304, token, posting.p, posting.n - 1, record), CV_ERR_FORMAT);
	token[0] ^= 1;
	assert_int_equal(keys_posting_open(k, 8, 0x01020304, token, posting.p, posting.n, record), CV_ERR_AUTH);
	keys_index_token(k, 8, 0x01020304, 18, person, sizeof(person) - 1, token);
	assert_sample("index_bucket", token, 16);
}

static void hello_of_nobody_answers_decoys(void **state)
{
	struct hello_answer a;

	(void)state;
	assert_int_equal(session_hello(k, UID_WORKER, RUN(0x70, 16), RUN(0xA0, 32), NOW_MS, 1, &a), 0);
	assert_sample("decoy_wrap", a.wraps[3].wrap, 112);
	assert_int_equal(session_hello(k, UID_WORKER, RUN(0x50, 16), RUN(0xA0, 32), NOW_MS, 1, &a), 0);
	assert_sample("pepper", a.answer, 32);
}

static void state_hash_is_this(void **state)
{
	uint8_t gov_key[18] = { 0, 1 }, digest[32];
	struct lthash h = { { 0 } };

	(void)state;
	run(gov_key + 2, 0x11, 16);
	keys_state_add(k, &h, STORE_GOV, gov_key, sizeof(gov_key), RUN(0x30, 70), 70);
	keys_state_add(k, &h, STORE_REC, RUN(0x01, 11), 11, RUN(0x20, 300), 300);
	keys_state_add(k, &h, STORE_DIR, "gone", 4, "value", 5);
	keys_state_remove(k, &h, STORE_DIR, "gone", 4, "value", 5);
	lthash_digest(&h, digest);
	assert_sample("state", digest, sizeof(digest));
}

/* A block up to and with its MAC; what else it holds is the store's. */
static void journal_mac_is_this(void **state)
{
	struct sample block = sample("block");
	uint8_t mac[16];

	(void)state;
	keys_journal_mac(k, RUN(0xD0, 16), block.p, block.n - sizeof(mac), mac);
	assert_memory_equal(mac, block.p + block.n - sizeof(mac), sizeof(mac));
}

static void log_key_signs(void **state)
{
	uint8_t pk[32], signature[64];

	(void)state;
	keys_log_public(k, pk);
	assert_sample("log_pk", pk, sizeof(pk));
	keys_log_sign(k, NOTE, strlen(NOTE), signature);
	assert_sample("log_signature", signature, sizeof(signature));
}

/* ---- directory -------------------------------------------------------------------------------------------------- */

static struct test_vault *v;	/* of its members only k, rows and admins are used; too large for a stack */

static void rows_add(const char *which, unsigned n)
{
	char name[32];

	for (unsigned i = 0; i < n; i++) {
		struct sample key, value;

		(void)snprintf(name, sizeof(name), "%s_key_%u", which, i);
		key = sample(name);
		(void)snprintf(name, sizeof(name), "%s_value_%u", which, i);
		value = sample(name);
		test_put(&v->rows, key.p, key.n, value.p, value.n);
	}
}

static int with_rows(void **state)
{
	uint8_t sk[64];

	assert_int_equal(unsealed(state), 0);
	assert_non_null(v = calloc(1, sizeof(*v)));
	v->k = k;
	rows_add("dir", DIR_ROWS);
	for (unsigned i = 0; i < 2; i++) {
		unsigned first = 0x10 * (i + 1);

		run(v->admins[i].id, first, 16);
		crypto_sign_pair(RUN(first + 2, 32), v->admins[i].sign_pk, sk);
		run(v->admins[i].person, first + 3, 16);
	}
	return 0;
}

static int with_both_sets(void **state)
{
	assert_int_equal(with_rows(state), 0);
	rows_add("dir2", DIR2_ROWS);
	return 0;
}

static int rows_freed(void **state)
{
	free(v);
	v = NULL;
	return freed(state);
}

static void directory_of_signed_facts_loads(void **state)
{
	uint8_t pk[32], want[32], sign_sk[64], digest[32];
	const struct principal *p;
	struct dir_value value;
	uint32_t epoch;

	(void)state;
	assert_int_equal(test_load(v), 0);
	assert_non_null(p = directory_principal(k, RUN(0x50, 16)));
	assert_true(p->kind == PRINCIPAL_PERSON && p->uid == UID_WORKER && p->department == 0x0101 && !p->suspended);
	assert_true(p->not_before_ms == NOW_MS - 1000 && p->not_after_ms == 0);
	crypto_box_public(RUN(0x51, 32), pk);
	assert_memory_equal(p->box_pk, pk, 32);
	crypto_sign_pair(RUN(0x52, 32), pk, sign_sk);
	assert_memory_equal(p->sign_pk, pk, 32);
	assert_memory_equal(p->person, RUN(0x53, 16), 16);
	assert_int_equal(directory_class(k, CLASS_KEY, &epoch, pk), 0);
	crypto_box_public(RUN(0x0B, 32), want);
	assert_int_equal(epoch, 1);
	assert_memory_equal(pk, want, 32);

	assert_int_equal(dir_value_decode(v->rows.row[WORKER_ROW].val, v->rows.row[WORKER_ROW].val_n, &value), 0);
	chain_fact_digest(k->vault_id, v->rows.row[WORKER_ROW].key, v->rows.row[WORKER_ROW].key_n, value.fact, value.fact_n, digest);
	assert_sample("fact", digest, sizeof(digest));
}

static void directory_with_a_changed_byte_is_refused(void **state)
{
	struct dir_value value;

	(void)state;
	for (unsigned i = 0; i < CHANGE_ROW; i++) {
		uint8_t *fact;

		assert_int_equal(dir_value_decode(v->rows.row[i].val, v->rows.row[i].val_n, &value), 0);
		fact = v->rows.row[i].val + (value.fact - v->rows.row[i].val);
		fact[value.fact_n - 1] ^= 1;
		assert_int_equal(test_load(v), CV_ERR_AUTH);
		fact[value.fact_n - 1] ^= 1;
	}
	v->rows.row[CHANGE_ROW].val[v->rows.row[CHANGE_ROW].val_n - 1] ^= 1;	/* the second signature */
	assert_int_equal(test_load(v), CV_ERR_AUTH);
	v->rows.row[CHANGE_ROW].val[v->rows.row[CHANGE_ROW].val_n - 1] ^= 1;
	assert_int_equal(test_load(v), 0);
}

/* The member's wrap leads to the role's key, the role's grant to the class's, through a whole login. */
static void role_and_class_wraps_open(void **state)
{
	struct test_person who;
	struct hello_answer a;
	struct test_entry e[8];
	struct class_keys class;
	struct test_session s;
	uint8_t signature[64], pk[32];

	(void)state;
	memset(&who, 0, sizeof(who));
	run(who.p.id, 0x50, 16);
	run(who.box_sk, 0x51, 32);
	crypto_sign_pair(RUN(0x52, 32), pk, who.sign_sk);
	assert_int_equal(test_load(v), 0);
	assert_int_equal(session_hello(k, UID_WORKER, who.p.id, RUN(0xA0, 32), NOW_MS, 1, &a), 0);
	assert_int_equal(test_answer(v, &who, &a, e), 1);
	assert_true(e[0].role == ROLE && e[0].epoch == 1);
	test_prove(&who, &a, e, 1, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 1, signature, NOW_MS, 2, &s), 0);
	assert_true(session_class_keys(s.s, CLASS_KEY, 1, &class));
	assert_memory_equal(class.sk, RUN(0x0B, 32), 32);
	assert_sample("class_kek", class.kek, 32);
}

static void role_key_opens_for_principal_and_session(void **state)
{
	struct sample sealed = sample("session_role");
	struct role_wrap wraps[ROLE_WRAPS];
	uint8_t ctx[96], sk[32];
	struct test_person who;

	(void)state;
	memset(&who, 0, sizeof(who));
	run(who.p.id, 0x50, 16);
	run(who.box_sk, 0x51, 32);
	assert_int_equal(test_load(v), 0);
	assert_int_equal(directory_role_wraps(k, who.p.id, NOW_MS, wraps), 1);
	assert_int_equal(test_open_wrap(v, &who, &wraps[0], sk), 0);
	assert_memory_equal(sk, RUN(0x0A, 32), 32);

	context_encode(CONTEXT_OF(k, .kind = CONTEXT_SESSION, .entity = RUN(0xF0, 16), .epoch = 1, .field = ROLE,
	    .writer = who.p.id, .length = 32), ctx);
	assert_int_equal(crypto_pkopen(RUN(0x0D, 32), ctx, sealed.p, sealed.n, sk), 0);
	assert_memory_equal(sk, RUN(0x0A, 32), 32);
}

static void custody_share_opens(void **state)
{
	uint8_t ctx[96], share[32];
	struct dir_value value;

	(void)state;
	assert_int_equal(dir_value_decode(v->rows.row[CUSTODY_ROW].val, v->rows.row[CUSTODY_ROW].val_n, &value), 0);
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_SHARE, .entity = RUN(0x40, 16), .epoch = 1, .field = ROLE, .version = 1,
	    .length = 32), ctx);
	assert_int_equal(crypto_pkopen(RUN(0x41, 32), ctx, value.rest, value.rest_n, share), 0);
	assert_memory_equal(share, RUN(0x0C, 32), 32);
}

static void copy_opens(void *cookie, const uint8_t principal[16], const uint8_t *sealed, size_t n)
{
	struct sample want = sample("person");
	uint8_t ctx[96], texts[SAMPLE_MAX];

	assert_true(n > PKSEAL_OVERHEAD && n - PKSEAL_OVERHEAD <= sizeof(texts));
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_PERSON_AUDITOR, .entity = principal, .field = 2, .writer = RUN(0x30, 16),
	    .length = n - PKSEAL_OVERHEAD), ctx);
	assert_int_equal(crypto_pkopen(RUN(0x31, 32), ctx, sealed, n, texts), 0);
	++*(unsigned *)cookie;
	if (memcmp(principal, RUN(0x50, 16), 16) != 0)
		return;
	assert_int_equal(n, want.n + PKSEAL_OVERHEAD);
	assert_memory_equal(texts, want.p, want.n);
}

static void auditor_reads_who_everybody_is(void **state)
{
	unsigned opened = 0;

	(void)state;
	directory_people(k, &v->rows, RUN(0x30, 16), copy_opens, &opened);
	assert_int_equal(opened, WORKER_ROW + 1);
}

static void person_texts_are_encoded_so(void **state)
{
	static const char *const texts[DIR_PERSON_TEXTS] = { "worker", "王小满", "civil affairs", "", "330106" };
	struct buf b;

	(void)state;
	buf_init(&b, SAMPLE_MAX);
	assert_int_equal(dir_person_encode(texts, 0, &b), 0);
	assert_sample("person", b.p, b.n);
	buf_free(&b);
}

/* ---- a granted data key ---------------------------------------------------------------------------------------------- */

static const struct grant_place granted_at = {
	(const uint8_t *)"\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20",
	(const uint8_t *)"\x50\x51\x52\x53\x54\x55\x56\x57\x58\x59\x5a\x5b\x5c\x5d\x5e\x5f", CLASS_KEY, 3, 2,
};

static void second_change_set_gives_a_personal_role(void **state)
{
	uint8_t pk[32], want[32];
	uint16_t role;
	uint32_t epoch;

	(void)state;
	assert_int_equal(test_load(v), 0);
	assert_int_equal(directory_personal(k, RUN(0x50, 16), &role, &epoch, pk), 0);
	crypto_box_public(RUN(0x0E, 32), want);
	assert_true(role == PERSONAL && epoch == 1);
	assert_memory_equal(pk, want, 32);
	assert_int_equal(directory_personal(k, RUN(0x40, 16), &role, &epoch, pk), CV_ERR_NOTFOUND);
	assert_string_equal(directory_principal(k, RUN(0x50, 16))->login, "worker");
	assert_string_equal(directory_principal(k, RUN(0x50, 16))->area, "330106");
	assert_ptr_equal(directory_principal_named(k, "worker", 6), directory_principal(k, RUN(0x50, 16)));
}

static void a_rekeyed_role_opens_its_classes_newest_epoch_and_by_its_link_the_one_before(void **state)
{
	const struct grant_entry *g;
	struct role_wrap wraps[ROLE_WRAPS];
	struct test_person who;
	uint8_t ctx[96], sk[32], older[32];
	size_t n;

	(void)state;
	rows_add("dir3", DIR3_ROWS);
	assert_int_equal(test_load(v), 0);
	assert_int_equal(directory_role_newest(k, ROLE), 2);
	run(who.p.id, 0x50, 16);
	run(who.box_sk, 0x51, 32);
	assert_int_equal(directory_role_wraps(k, who.p.id, NOW_MS, wraps), 2);
	assert_true(wraps[1].role == ROLE && wraps[1].epoch == 2);
	assert_int_equal(test_open_wrap(v, &who, &wraps[1], sk), 0);
	assert_memory_equal(sk, RUN(0x6A, 32), 32);
	g = directory_grants(k, &n);
	assert_true(n == 2 && g[1].epoch == 2 && g[1].role_epoch == 2);
	context_encode(CONTEXT_OF(k, .kind = CONTEXT_KEY_WRAP, .class_key = CLASS_KEY, .epoch = 2, .generation = 2, .field = ROLE,
	    .version = KEY_WRAP_GRANT, .length = 32), ctx);
	assert_int_equal(crypto_pkopen(RUN(0x6A, 32), ctx, g[1].wrap, DIR_WRAP, sk), 0);
	assert_memory_equal(sk, RUN(0x6B, 32), 32);
	assert_int_equal(directory_link_open(k, directory_class_entry(k, CLASS_KEY, 2), sk, older), 0);
	assert_memory_equal(older, RUN(0x0B, 32), 32);
}

static void granted_data_key_is_this(void **state)
{
	uint8_t sealed[GRANT_SEALED];
	struct datakey dk;
	uint16_t role;
	uint32_t epoch;

	(void)state;
	run(dk.opaque, 0x2F, 32);
	assert_int_equal(test_load(v), 0);
	assert_int_equal(record_grant_seal_with(k, &granted_at, &dk, RUN(0xE5, 32), &role, &epoch, sealed), 0);
	assert_true(role == PERSONAL && epoch == 1);
	assert_sample("granted", sealed, sizeof(sealed));
}

static void granted_data_key_opens_in_a_session(void **state)
{
	struct sample granted = sample("granted");
	struct test_person who;
	struct hello_answer a;
	struct test_entry e[8];
	struct test_session s;
	struct datakey dk;
	uint8_t signature[64], pk[32];

	(void)state;
	memset(&who, 0, sizeof(who));
	run(who.p.id, 0x50, 16);
	run(who.box_sk, 0x51, 32);
	crypto_sign_pair(RUN(0x52, 32), pk, who.sign_sk);
	assert_int_equal(test_load(v), 0);
	assert_int_equal(session_hello(k, UID_WORKER, who.p.id, RUN(0xA0, 32), NOW_MS, 1, &a), 0);
	assert_int_equal(test_answer_with(v, &who, &a, true, e), 2);
	test_prove(&who, &a, e, 2, signature);
	assert_int_equal(test_activate(v, UID_WORKER, &a, e, 2, signature, NOW_MS, 2, &s), 0);
	assert_int_equal(granted.n, GRANT_SEALED);
	assert_int_equal(record_grant_open(k, s.s, &granted_at, PERSONAL, 1, granted.p, &dk), 0);
	assert_memory_equal(dk.opaque, RUN(0x2F, 32), 32);
}

/* ---- shred tree ------------------------------------------------------------------------------------------------- */

static char dir[64];
static int fd = -1;
static uint8_t shard_keys[SHRED_PLAIN], top_keys[SHRED_PLAIN];
#define SHARD_FILE "shred/shard-0001-0000000000000004"
#define TOP_FILE "shred/top-0000000000000006"

/* Write shard or top, after its digest was found right. */
static void file_make(const char *path, const char *name, const uint8_t header[SHRED_HEADER], const uint8_t key[32],
    unsigned nonce, const struct context *c, const uint8_t *plain)
{
	static uint8_t file[SHRED_FILE];
	uint8_t ctx[CONTEXT_BYTES], digest[32];

	memcpy(file, header, SHRED_HEADER);
	context_encode(c, ctx);
	crypto_seal_with(key, RUN(nonce, 24), ctx, plain, SHRED_PLAIN, file + SHRED_HEADER);
	crypto_sha256(&(struct part){ file, sizeof(file) }, 1, digest);
	assert_sample(name, digest, sizeof(digest));
	assert_int_equal(files_create(fd, path, file, sizeof(file)), 0);
}

static void slot_make(const char *path, const char *name)
{
	struct sample s = sample(name);
	uint8_t file[ROOT_SLOT_FILE] = { 0 };

	assert_int_equal(s.n, ROOT_SLOT_CHECK_AT + 16);
	memcpy(file, s.p, s.n);
	assert_int_equal(files_create(fd, path, file, sizeof(file)), 0);
}

static int with_tree(void **state)
{
	static const uint8_t shard_header[SHRED_HEADER] = { 'C', 'V', 'S', 'H', 1, 1, 0, 1, [15] = 4 };
	static const uint8_t top_header[SHRED_HEADER] = { 'C', 'V', 'T', 'P', 1, 1, 0, 0, [15] = 6 };

	assert_int_equal(unsealed(state), 0);
	(void)snprintf(dir, sizeof(dir), "/tmp/cv-vectors-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_true((fd = open(dir, O_RDONLY | O_DIRECTORY)) >= 0);
	assert_int_equal(mkdirat(fd, "shred", 0700), 0);
	noise(2, shard_keys, sizeof(shard_keys));
	noise(3, top_keys, sizeof(top_keys));
	file_make(SHARD_FILE, "shard_sha256", shard_header, top_keys + 32, 0x2A,
	    CONTEXT_OF(k, .kind = CONTEXT_SHARD, .field = 1, .version = 4, .length = SHRED_PLAIN), shard_keys);
	file_make(TOP_FILE, "top_sha256", top_header, RUN(0x1A, 32), 0x2B,
	    CONTEXT_OF(k, .kind = CONTEXT_TOP, .version = 6, .length = SHRED_PLAIN), top_keys);
	slot_make("shred/slot.a", "root_slot_a");
	slot_make("shred/slot.b", "root_slot_b");
	return 0;
}

static int tree_removed(void **state)
{
	static const char *const names[] = { SHARD_FILE, TOP_FILE, "shred/slot.a", "shred/slot.b" };

	(void)freed(state);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(fd, names[i], 0);
	assert_int_equal(unlinkat(fd, "shred", AT_REMOVEDIR), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static void shred_tree_opens(void **state)
{
	(void)state;
	assert_int_equal(shred_open(k, fd), 0);
	assert_memory_equal(k->ring->top, RUN(0x1A, 32), 32);
	assert_memory_equal(k->ring->fs, RUN(0x1B, 32), 32);
	assert_int_equal(shred_load(k, SHRED_SLOT), 0);
	assert_memory_equal(shred_key(k, SHRED_SLOT), shard_keys + (size_t)210 * 32, 32);
	assert_gov_opens("gov_child", 2, SHRED_SLOT);
}

/* With one slot torn, the other alone has to carry the tree, so each of the two is opened for itself. */
static void each_root_slot_opens_alone(void **state)
{
	static const char *const names[] = { "shred/slot.a", "shred/slot.b" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		keys_seal(k);
		assert_int_equal(unseal(0, "slot_demo", RUN(0x80, 32)), 0);
		assert_int_equal(unlinkat(fd, names[i], 0), 0);
		assert_int_equal(shred_open(k, fd), 0);
		assert_memory_equal(k->ring->fs, RUN(0x1B, 32), 32);
		assert_int_equal(unlinkat(fd, names[i], 0), 0);
		slot_make(names[i], i == 0 ? "root_slot_a" : "root_slot_b");
	}
}

static void epochs_sign(void **state)
{
	uint8_t signature[64];
	struct buf b;

	(void)state;
	assert_int_equal(shred_open(k, fd), 0);
	assert_int_equal(keys_fs_epoch(k), 5);
	keys_fs_sign(k, NOTE, strlen(NOTE), signature);
	assert_sample("fs_signature", signature, sizeof(signature));
	assert_int_equal(shred_next_epoch(k, 600, RUN(0x4A, 32)), 0);
	assert_int_equal(keys_fs_epoch(k), 6);
	keys_fs_sign(k, NOTE, strlen(NOTE), signature);
	assert_sample("fs_signature_next", signature, sizeof(signature));
	buf_init(&b, ROOT_SLOT_FILE);
	assert_int_equal(files_read(fd, "shred/slot.b", &b), 0);
	assert_sample("root_slot_next", b.p, ROOT_SLOT_SEAL_AT);
	buf_free(&b);
}

#define UNSEALED(f) cmocka_unit_test_setup_teardown(f, unsealed, freed)
#define WITH_ROWS(f) cmocka_unit_test_setup_teardown(f, with_rows, rows_freed)
#define WITH_BOTH_SETS(f) cmocka_unit_test_setup_teardown(f, with_both_sets, rows_freed)
#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, with_tree, tree_removed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNSEALED(every_slot_type_opens_the_keyring),
		UNSEALED(slot_parameters_are_read),
		UNSEALED(meta_value_opens),
		UNSEALED(governance_row_opens),
		UNSEALED(keyed_hashes_are_these),
		UNSEALED(index_tokens_and_postings_are_these),
		UNSEALED(hello_of_nobody_answers_decoys),
		UNSEALED(state_hash_is_this),
		UNSEALED(journal_mac_is_this),
		UNSEALED(log_key_signs),
		WITH_ROWS(directory_of_signed_facts_loads),
		WITH_ROWS(directory_with_a_changed_byte_is_refused),
		WITH_ROWS(role_and_class_wraps_open),
		WITH_ROWS(role_key_opens_for_principal_and_session),
		WITH_ROWS(auditor_reads_who_everybody_is),
		WITH_ROWS(custody_share_opens),
		UNSEALED(person_texts_are_encoded_so),
		WITH_BOTH_SETS(second_change_set_gives_a_personal_role),
		WITH_BOTH_SETS(a_rekeyed_role_opens_its_classes_newest_epoch_and_by_its_link_the_one_before),
		WITH_BOTH_SETS(granted_data_key_is_this),
		WITH_BOTH_SETS(granted_data_key_opens_in_a_session),
		WITH_TREE(shred_tree_opens),
		WITH_TREE(each_root_slot_opens_alone),
		WITH_TREE(epochs_sign),
	};

	return cmocka_run_group_tests(tests, test_start, NULL);
}

/* Reading what people sign: each operation is exactly what FORMAT.md 5.5 says, and both halves of a signature count. */
#include "test_change.h"

#include "base/text.h"
#include "vault/operation.h"

static struct change_vault *v;
static struct buf doc;

static int up(void **state)
{
	(void)state;
	v = change_vault_new(3);
	buf_init(&doc, OPERATION_DOCUMENT_MAX + 1024);
	return 0;
}

static int down(void **state)
{
	(void)state;
	change_vault_free(v);
	buf_free(&doc);
	v = NULL;
	return 0;
}

#define WORKER(i) (&v->people[WORKERS + (i)])
static const uint16_t worker[] = { ROLE_WORKER };

/* The document of an operation, to doc. */
static void document(const struct operation *o)
{
	struct operation_head h = { .operation = o->head.operation, .nonce = "nonce", .log_size = 7, .not_before_ms = NOW_MS,
		.expires_ms = NOW_MS + 1 };
	struct buf arguments;

	buf_init(&arguments, OPERATION_DOCUMENT_MAX);
	operation_arguments_encode(o, &arguments);
	memcpy(h.vault, v->k->vault_id, 16);
	operation_arguments_digest(arguments.p, arguments.n, h.arguments);
	buf_reset(&doc);
	operation_head_encode(&h, &doc);
	buf_put(&doc, arguments.p, arguments.n);
	assert_true(buf_ok(&arguments) && buf_ok(&doc));
	buf_free(&arguments);
}

static int read_back(const struct operation *o, struct operation_reading *ret)
{
	document(o);
	return operation_read(doc.p, doc.n, ret);
}

static int read_of(const struct operation *o)
{
	struct operation_reading r;

	return read_back(o, &r);
}

/* The texts of a newcomer. */
static const uint8_t person[] = "\3new\5\xe6\x96\xb0+!\0\0\0\0\0\0\0\0\0";

static void draft_member(struct change_person *who, struct change_draft *ret)
{
	change_person_make(who, PRINCIPAL_PERSON, 0);
	assert_int_equal(change_draft_member(v->k, &who->p, worker, 1, NOW_MS, ret), 0);
	ret->op.item[ITEM_PERSON] = (struct operation_item){ person, sizeof(person) - 1 };
}

static void draft_rekey(struct change_draft *ret, bool classes)
{
	uint8_t out[1][16];

	memcpy(out[0], WORKER(1)->p.id, 16);
	assert_int_equal(change_rekey_roles(v, worker, 1, classes, (const uint8_t (*)[16])out, 1, true, ret), 0);
}

static void draft_classes(struct change_draft *ret)
{
	assert_int_equal(change_draft_classes(v->k, ROLE_EMPTY, (const uint32_t[]){ 0x500000, 0x100000 }, 2, NOW_MS, ret), 0);
}

static struct operation without_change(uint16_t number)
{
	return (struct operation){ .head = { .operation = number } };
}

/* ---- what is read --------------------------------------------------------------------------------------------------------- */

static void a_new_member_is_read_whole(void **state)
{
	struct operation_reading r;
	struct change_person who;
	struct change_draft d;

	(void)state;
	draft_member(&who, &d);
	assert_int_equal(read_back(&d.op, &r), 0);
	assert_memory_equal(r.principal.id, who.p.id, 16);
	assert_memory_equal(r.principal.box_pk, who.p.box_pk, 32);
	assert_string_equal(r.principal.login, "new");
	assert_true(r.role_count == 1 && r.roles[0].role == ROLE_WORKER && r.roles[0].epoch == 1);
	assert_true(role_is_personal(r.personal));
	assert_int_equal(r.change.sequence, 2);
	assert_int_equal(strlen(r.code), 9);
	change_draft_free(&d);
	/* Who needs no ordinary role has none, and no custodians. */
	change_person_make(&who, PRINCIPAL_CUSTODIAN, 0);
	assert_int_equal(change_draft_member(v->k, &who.p, NULL, 0, NOW_MS, &d), 0);
	d.op.item[ITEM_PERSON] = (struct operation_item){ person, sizeof(person) - 1 };
	assert_int_equal(read_back(&d.op, &r), 0);
	assert_true(r.role_count == 0 && r.principal.kind == PRINCIPAL_CUSTODIAN);
	change_draft_free(&d);
}

static void given_roles_are_read(void **state)
{
	struct operation_reading r;
	struct change_draft d;

	(void)state;
	assert_int_equal(change_draft_roles(v->k, &WORKER(0)->p, (const uint16_t[]){ ROLE_MANAGER, ROLE_EMPTY }, 2, NOW_MS, &d), 0);
	assert_int_equal(read_back(&d.op, &r), 0);
	assert_memory_equal(r.principal.id, WORKER(0)->p.id, 16);
	assert_true(r.role_count == 2 && r.roles[0].role == ROLE_MANAGER && r.roles[1].role == ROLE_EMPTY);
	change_draft_free(&d);
}

static void a_rekey_is_read_with_whom_it_leaves_out(void **state)
{
	struct operation_reading r;
	struct change_draft d;

	(void)state;
	draft_rekey(&d, true);
	assert_int_equal(read_back(&d.op, &r), 0);
	assert_true(r.role_count == 1 && r.roles[0].role == ROLE_WORKER && r.roles[0].epoch == 1);
	assert_int_equal(r.class_count, 3);
	assert_true(operation_class_at(&r, 0).class_key == change_classes[1] && operation_class_at(&r, 2).epoch == 2);
	assert_int_equal(r.flags, OPERATION_NEW_CLASSES | OPERATION_REMOVED);
	assert_true(operation_names(&r, WORKER(1)->p.id) && !operation_names(&r, WORKER(0)->p.id));
	assert_true(r.members == 3 && r.shares == 3);
	change_draft_free(&d);
	draft_rekey(&d, false);
	assert_int_equal(read_back(&d.op, &r), 0);
	assert_true(r.class_count == 0 && r.flags == OPERATION_REMOVED);
	change_draft_free(&d);
}

static void given_classes_are_read(void **state)
{
	struct operation_reading r;
	struct change_draft d;

	(void)state;
	draft_classes(&d);
	assert_int_equal(read_back(&d.op, &r), 0);
	assert_true(r.receiver.role == ROLE_EMPTY && r.receiver.epoch == 1 && r.class_count == 2 && r.role_count == 2);
	change_draft_free(&d);
}

static void operations_without_a_change_set_are_read(void **state)
{
	static const uint8_t roles[] = { 0, 1, 0, 0, 0, 1 }, classes[] = { 0, 16, 0, 0, 0, 0, 0, 2 };
	static const uint8_t policy[] = "CVPD\2\1\3abc\0\0\0\7 and more", split[] = "\1\2\3\4Anna\3Ben\2Cy";
	struct operation_reading r;
	struct operation o = without_change(OPERATION_REWRAP);

	(void)state;
	o.item[ITEM_ROLES] = (struct operation_item){ roles, sizeof(roles) };
	o.item[ITEM_CLASSES] = (struct operation_item){ classes, sizeof(classes) };
	assert_int_equal(read_back(&o, &r), 0);
	assert_true(r.class_count == 1 && operation_class_at(&r, 0).class_key == 0x100000 && operation_class_at(&r, 0).epoch == 2);
	for (uint16_t number = OPERATION_REMOVE; number <= OPERATION_RESTORE; number++) {
		o = without_change(number);
		o.item[ITEM_PRINCIPALS] = (struct operation_item){ WORKER(0)->p.id, 16 };
		assert_int_equal(read_back(&o, &r), 0);
		assert_memory_equal(r.principal.id, WORKER(0)->p.id, 16);
	}
	o = without_change(OPERATION_POLICY);
	o.item[ITEM_POLICY] = (struct operation_item){ policy, sizeof(policy) - 1 };
	assert_int_equal(read_back(&o, &r), 0);
	assert_true(r.policy_version == 7 && r.policy_n == sizeof(policy) - 1);
	o = without_change(OPERATION_SPLIT);
	o.item[ITEM_SPLIT] = (struct operation_item){ split, sizeof(split) - 1 };
	assert_int_equal(read_back(&o, &r), 0);
	assert_true(r.split.slot == 1 && r.split.k == 2 && r.split.n == 3 && r.split.holder[2].n == 2);
	assert_memory_equal(r.split.holder[0].p, "Anna", 4);
}

/* ---- what is refused ------------------------------------------------------------------------------------------------------- */

/* Whatever item an operation should not have, or lacks. */
static void each_operation_has_its_own_items(void **state)
{
	static const uint8_t any[16] = { 0, 1, 0, 0, 0, 1 };
	struct change_draft d[4];
	struct change_person who;

	(void)state;
	draft_member(&who, &d[0]);
	assert_int_equal(change_draft_roles(v->k, &WORKER(0)->p, (const uint16_t[]){ ROLE_EMPTY }, 1, NOW_MS, &d[1]), 0);
	draft_rekey(&d[2], true);
	draft_classes(&d[3]);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned tag = 1; tag < ITEM_TAGS; tag++) {
			struct operation_item was = d[i].op.item[tag];

			d[i].op.item[tag] = was.n != 0 ? (struct operation_item){ NULL, 0 } : (struct operation_item){ any, 1 };
			assert_int_equal(read_of(&d[i].op), CV_ERR_FORMAT);
			d[i].op.item[tag] = was;
			assert_int_equal(read_of(&d[i].op), 0);
		}
		/* As another operation's number it is none. */
		for (uint16_t number = OPERATION_ADD_MEMBER; number <= OPERATION_SPLIT; number++) {
			uint16_t was = d[i].op.head.operation;

			d[i].op.head.operation = number;
			assert_int_equal(read_of(&d[i].op), number == was ? 0 : CV_ERR_FORMAT);
			d[i].op.head.operation = was;
		}
		change_draft_free(&d[i]);
	}
}

/* Any byte of the arguments: they are those of the canonical bytes. */
static void changed_arguments_are_refused(void **state)
{
	struct operation_reading r;
	struct change_draft d;

	(void)state;
	draft_rekey(&d, true);
	document(&d.op);
	change_draft_free(&d);
	for (size_t at = OPERATION_HEAD; at < doc.n; at += 7) {
		doc.p[at] ^= 1;
		assert_int_equal(operation_read(doc.p, doc.n, &r), CV_ERR_FORMAT);
		doc.p[at] ^= 1;
	}
	assert_int_equal(operation_read(doc.p, doc.n, &r), 0);
}

/* A document whose digests all fit, made of the facts of a draft: all but one, or with one in another place or shape. */
static int remade(const struct operation *from, unsigned at, void (*change)(struct operation_fact *f))
{
	struct rd facts = operation_facts(from);
	struct operation o = *from;
	uint8_t digests[64 * 32], digest[32];
	struct operation_fact f;
	struct buf list, set;
	struct dir_change c;
	int r;

	buf_init(&list, 1u << 20);
	buf_init(&set, 1u << 20);
	o.facts = 0;
	for (unsigned i = 0; operation_next(&facts, &f); i++) {
		if (i == at && change == NULL)
			continue;
		if (i == at)
			change(&f);
		operation_fact_encode(&f, &list);
		chain_fact_digest(v->k->vault_id, f.key, f.key_n, f.fact, f.fact_n, digests + o.facts++ * 32);
	}
	assert_int_equal(dir_change_decode(from->change, from->change_n, &c), 0);
	dir_change_encode(c.sequence, c.time_ms, c.previous, digests, o.facts, &set);
	crypto_hash("cv1.change", NULL, 0, &(struct part){ set.p, set.n }, 1, digest, 32);
	buf_put(&set, digest, 32);
	buf_u8(&set, 0);
	o.list = list.p;
	o.list_n = list.n;
	o.change = set.p;
	o.change_n = (uint32_t)set.n;
	r = read_of(&o);
	buf_free(&list);
	buf_free(&set);
	return r;
}

static void other_epoch(struct operation_fact *f)
{
	static uint8_t key[DIR_KEY_MAX];

	memcpy(key, f->key, f->key_n);
	key[f->key_n - 1] ^= 0x40;
	f->key = key;
}

static void no_rest(struct operation_fact *f)
{
	f->rest_n = 0;
}

static void some_rest(struct operation_fact *f)
{
	static uint8_t rest[DIR_WRAP];

	f->rest = rest;
	f->rest_n = f->rest_n == 0 ? DIR_WRAP : DIR_WRAP - 1;
}

static void other_type(struct operation_fact *f)
{
	static uint8_t key[DIR_KEY_MAX];

	memcpy(key, f->key, f->key_n);
	key[0] = DIR_CHANGE;
	f->key = key;
}

static void unchanged(struct operation_fact *f)
{
	(void)f;
}

/* Members and custodians may be fewer: who stays is judged when it is drafted, and seen by who signs. */
static bool may_lack(const struct operation *o, const struct operation_fact *f)
{
	return o->head.operation == OPERATION_REKEY && f->key[0] != DIR_ROLE && f->key[0] != DIR_CLASS;
}

static void facts_are_exactly_the_operations(void **state)
{
	struct change_draft d[5];
	struct change_person who;

	(void)state;
	draft_member(&who, &d[0]);
	assert_int_equal(change_draft_roles(v->k, &WORKER(0)->p, (const uint16_t[]){ ROLE_MANAGER, ROLE_EMPTY }, 2, NOW_MS, &d[1]), 0);
	draft_rekey(&d[2], true);
	draft_rekey(&d[3], false);
	draft_classes(&d[4]);
	for (unsigned i = 0; i < 5; i++) {
		struct rd facts = operation_facts(&d[i].op);
		struct operation_fact f;

		assert_int_equal(remade(&d[i].op, 0, unchanged), 0);
		for (unsigned at = 0; operation_next(&facts, &f); at++) {
			/* A key ends with an epoch, but for people's; of a role that is not rekeyed the directory alone knows it. */
			bool epoch = f.key[0] != DIR_PRINCIPAL && f.key[0] != DIR_CUSTODY &&
			    (i != 2 || f.key[0] != DIR_GRANT || be16_get(f.key + 9) == ROLE_WORKER);

			if (!may_lack(&d[i].op, &f))
				assert_int_equal(remade(&d[i].op, at, NULL), CV_ERR_FORMAT);
			if (epoch)
				assert_int_equal(remade(&d[i].op, at, other_epoch), CV_ERR_FORMAT);
			assert_int_equal(remade(&d[i].op, at, other_type), CV_ERR_FORMAT);
			assert_int_equal(remade(&d[i].op, at, some_rest), CV_ERR_FORMAT);
			if (f.rest_n != 0)
				assert_int_equal(remade(&d[i].op, at, no_rest), CV_ERR_FORMAT);
		}
		change_draft_free(&d[i]);
	}
}

/* Nobody who is left out has a wrap in the new epoch. */
static void who_is_left_out_gets_nothing(void **state)
{
	struct change_draft d;
	uint8_t both[2][16];
	bool first = memcmp(WORKER(0)->p.id, WORKER(1)->p.id, 16) < 0;

	(void)state;
	draft_rekey(&d, true);
	memcpy(both[0], WORKER(first ? 0 : 1)->p.id, 16);
	memcpy(both[1], WORKER(first ? 1 : 0)->p.id, 16);
	d.op.item[ITEM_PRINCIPALS] = (struct operation_item){ both[0], 32 };
	assert_int_equal(read_of(&d.op), CV_ERR_FORMAT);
	d.op.item[ITEM_PRINCIPALS] = (struct operation_item){ v->people[CUSTODIAN_A].p.id, 16 };
	assert_int_equal(read_of(&d.op), CV_ERR_FORMAT);
	d.op.item[ITEM_PRINCIPALS] = (struct operation_item){ v->people[AUDITOR].p.id, 16 };
	assert_int_equal(read_of(&d.op), 0);
	change_draft_free(&d);
}

static void items_that_do_not_ascend_or_fit_are_refused(void **state)
{
	static const uint8_t roles[] = { 0, 2, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1 }, no_epoch[] = { 0, 2, 0, 0, 0, 0 },
	    personal[] = { 0x80, 1, 0, 0, 0, 1 }, good[] = { 0, 1, 0, 0, 0, 1 }, class[] = { 0, 16, 0, 0, 0, 0, 0, 1 },
	    classes[] = { 0, 16, 0, 0, 0, 0, 0, 1, 0, 16, 0, 0, 0, 0, 0, 2 };
	static const struct operation_item bad[][2] = {
		{ { roles, 12 }, { class, 8 } }, { { no_epoch, 6 }, { class, 8 } }, { { personal, 6 }, { class, 8 } },
		{ { good, 5 }, { class, 8 } }, { { good, 6 }, { classes, 16 } }, { { good, 6 }, { class, 7 } },
		{ { good, 6 }, { classes + 12, 4 } },
	};
	static const char *const splits[] = { "\1\1\1\1a", "\1\3\2\1a\1b", "\1\2\2\1a", "\1\2\2\1a\1b\1c", "\1\2\2\1a\1\n", "\1\2" };
	struct operation o = without_change(OPERATION_REWRAP);
	uint8_t two[32] = { 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		o.item[ITEM_ROLES] = bad[i][0];
		o.item[ITEM_CLASSES] = bad[i][1];
		assert_int_equal(read_of(&o), CV_ERR_FORMAT);
	}
	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		o = without_change(OPERATION_SPLIT);
		o.item[ITEM_SPLIT] = (struct operation_item){ (const uint8_t *)splits[i], (uint32_t)strlen(splits[i]) };
		assert_int_equal(read_of(&o), CV_ERR_FORMAT);
	}
	o = without_change(OPERATION_REMOVE);
	o.item[ITEM_PRINCIPALS] = (struct operation_item){ two, 32 };
	assert_int_equal(read_of(&o), CV_ERR_FORMAT);
	o = without_change(OPERATION_POLICY);
	o.item[ITEM_POLICY] = (struct operation_item){ (const uint8_t *)"CVPD\2\1\3abc\0\0\0", 13 };
	assert_int_equal(read_of(&o), CV_ERR_FORMAT);
}

/* ---- signatures ------------------------------------------------------------------------------------------------------------- */

static void judge_signature(const struct operation *o)
{
	const struct change_person *a = &v->people[ADMIN_A], *b = &v->people[ADMIN_B];
	uint8_t signature[OPERATION_SIGNATURE];
	struct operation_reading r;

	assert_int_equal(read_back(o, &r), 0);
	operation_sign(&r, a->sign_sk, signature);
	assert_true(operation_signed(&r, a->p.sign_pk, signature));
	assert_false(operation_signed(&r, b->p.sign_pk, signature));
	for (unsigned at = 0; at < OPERATION_SIGNATURE; at += 9) {
		signature[at] ^= 1;
		assert_false(operation_signed(&r, a->p.sign_pk, signature));
		signature[at] ^= 1;
	}
	r.digest[5] ^= 1;
	assert_false(operation_signed(&r, a->p.sign_pk, signature));
}

static void both_halves_of_a_signature_count(void **state)
{
	static const uint8_t policy[] = "CVPD\2\1\3abc\0\0\0\7";
	uint8_t signature[OPERATION_SIGNATURE], message[48] = "cv1.policy";
	struct operation_reading r;
	struct change_draft d;
	struct operation o;

	(void)state;
	draft_rekey(&d, true);
	judge_signature(&d.op);
	change_draft_free(&d);
	o = without_change(OPERATION_RESTORE);
	o.item[ITEM_PRINCIPALS] = (struct operation_item){ WORKER(0)->p.id, 16 };
	judge_signature(&o);
	o = without_change(OPERATION_POLICY);
	o.item[ITEM_POLICY] = (struct operation_item){ policy, sizeof(policy) - 1 };
	judge_signature(&o);
	/* The second half is what stands in the policy's leaf. */
	assert_int_equal(read_back(&o, &r), 0);
	operation_sign(&r, v->people[ADMIN_A].sign_sk, signature);
	crypto_hash("cv1.policy", NULL, 0, &(struct part){ policy, sizeof(policy) - 1 }, 1, message + 16, 32);
	assert_int_equal(crypto_verify(v->people[ADMIN_A].p.sign_pk, message, sizeof(message), signature + 64), 0);
}

/* ---- a second implementation's ------------------------------------------------------------------------------------------------ */

/* A line of tests/vectors/keys/keys.txt; returns its bytes. */
static size_t sample(const char *name, uint8_t *ret, size_t max)
{
	FILE *f = fopen("tests/vectors/keys/keys.txt", "r");
	char *line = NULL, *hex = NULL;
	size_t room = 0, n;

	assert_non_null(f);
	while (hex == NULL && getline(&line, &room, f) > 0)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
			hex = line + strlen(name) + 1;
	assert_non_null(hex);
	n = strcspn(hex, "\n") / 2;
	assert_true(n <= max && hex_decode(hex, 2 * n, ret, n) == 0);
	free(line);
	fclose(f);
	return n;
}

static void run(uint8_t first, uint8_t *ret, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)(first + i);
}

static void a_second_implementations_documents_are_read_and_signed_alike(void **state)
{
	static const char *const names[] = { "operation_rekey", "operation_remove" };
	uint8_t document[4096], want[OPERATION_SIGNATURE], got[OPERATION_SIGNATURE], seed[32], pk[32], sk[64], id[16], digest[32];
	struct operation_reading r;
	char name[64];

	(void)state;
	run(0x12, seed, sizeof(seed));
	run(0x77, id, sizeof(id));
	crypto_sign_pair(seed, pk, sk);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(operation_read(document, sample(names[i], document, sizeof(document)), &r), 0);
		(void)snprintf(name, sizeof(name), "%s_signature", names[i]);
		assert_int_equal(sample(name, want, sizeof(want)), sizeof(want));
		assert_true(operation_signed(&r, pk, want));
		operation_sign(&r, sk, got);
		assert_memory_equal(got, want, sizeof(want));
		assert_true(i == 0 || memcmp(r.principal.id, id, 16) == 0);
		if (i > 0)
			continue;
		assert_int_equal(sample("operation_rekey_digest", digest, sizeof(digest)), sizeof(digest));
		assert_memory_equal(r.digest, digest, sizeof(digest));
		assert_true(r.role_count == 1 && r.roles[0].role == 0x0102 && r.class_count == 1 && operation_names(&r, id));
		assert_int_equal(r.change.sequence, 3);
	}
}

/* ---- size ---------------------------------------------------------------------------------------------------------------------- */

static void a_role_of_five_hundred_is_rekeyed_by_one_document(void **state)
{
	struct operation_reading r;
	struct change_draft d;

	(void)state;
	change_vault_free(v);
	v = change_vault_new(500);
	assert_int_equal(change_rekey_roles(v, worker, 1, true, NULL, 0, false, &d), 0);
	assert_int_equal(read_back(&d.op, &r), 0);
	assert_int_equal(change_carry_out(v, &d), 0);
	assert_int_equal(change_rows_of(v, DIR_MEMBER, ROLE_WORKER, 2), 501);
	change_vault_free(v);
	v = change_vault_new(2200);
	assert_int_equal(change_rekey_roles(v, worker, 1, true, NULL, 0, false, &d), CV_ERR_LIMIT);
	change_draft_free(&d);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_new_member_is_read_whole),
		T(given_roles_are_read),
		T(a_rekey_is_read_with_whom_it_leaves_out),
		T(given_classes_are_read),
		T(operations_without_a_change_set_are_read),
		T(each_operation_has_its_own_items),
		T(changed_arguments_are_refused),
		T(facts_are_exactly_the_operations),
		T(who_is_left_out_gets_nothing),
		T(items_that_do_not_ascend_or_fit_are_refused),
		T(both_halves_of_a_signature_count),
		T(a_second_implementations_documents_are_read_and_signed_alike),
		T(a_role_of_five_hundred_is_rekeyed_by_one_document),
	};

	return cmocka_run_group_tests(tests, change_start, NULL);
}

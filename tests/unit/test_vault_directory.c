/* The directory handed out: to whom, and that a client finds what a daemon changed in it. PROTOCOL.md DIRECTORY, FORMAT.md 12. */
#include "keys/chain.h"
#include "test_vault_gov.h"
#include "vault/directory_doc.h"

static int custodians_setup(void **state)
{
	fixture_custodians = true;
	return gov_setup(state);
}

static unsigned run_directory(struct vault *v, struct vault_call *c, void *m)
{
	(void)m;
	return vault_directory(v, c);
}

static unsigned ask(struct fixture *f, unsigned who)
{
	struct wire_envelope env;
	uint8_t token[32];

	assert_int_equal(login(f, who, token), 0);
	env = envelope(f, token, "", "");
	return gov_turn(f, &env, run_directory, NULL);
}

/* The document as the first administrator gets it. */
static void get(struct fixture *f, struct buf *ret)
{
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_int_equal(ask(f, P_ADMIN_A), 0);
	buf_reset(ret);
	buf_put(ret, f->out.p + 10, f->out.n - 10);
	assert_true(buf_ok(ret));
}

static void client_verifies_what_it_gets(void **state)
{
	struct fixture *f = *state;
	struct directory_checked x;
	enum directory_part part;
	char code[DIRECTORY_CODE];
	struct buf b;

	buf_init(&b, 1u << 20);
	get(f, &b);
	assert_int_equal(f->v->call.kind, LEAF_GOVERNANCE);
	assert_int_equal(directory_doc_check(b.p, b.n, &x, &part), 0);
	assert_memory_equal(x.genesis.vault, f->vault_id, 16);
	assert_memory_equal(x.leaf_hash, f->v->genesis_hash, 32);
	assert_int_equal(chain_sets(x.chain), 1);
	for (unsigned i = 0; i < PEOPLE; i++) {
		const struct principal *p = &f->person[i].g.principal;
		const struct chain_principal *found = chain_principal(x.chain, p->id);

		assert_non_null(found);
		assert_int_equal(found->kind, p->kind);
		assert_memory_equal(found->sign_pk, p->sign_pk, 32);
	}
	directory_code(x.leaf_hash, code);
	assert_int_equal(strlen(code), DIRECTORY_CODE - 1);
	chain_free(x.chain);
	buf_free(&b);
}

static void who_signs_gives_judges_or_assigns_reads_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, P_ADMIN_B), 0);
	assert_int_equal(ask(f, P_CUSTODIAN_1), 0);
	assert_int_equal(ask(f, P_AUDITOR), 0);
	assert_int_equal(ask(f, P_MANAGER), 0);
	assert_int_equal(ask(f, P_WORKER), PROBLEM_NOT_PERMITTED);
	assert_int_equal(ask(f, P_INTAKE), PROBLEM_NOT_PERMITTED);
	assert_int_equal(ask(f, P_SCHOOL), PROBLEM_NOT_PERMITTED);
}

/* Where in the document the checkpoint ends, the log's signature under it begins behind its key id, and the day's line begins. */
struct places {
	size_t end, signature, day;
};

static void find_places(const struct fixture *f, const struct buf *b, struct places *ret)
{
	size_t leaf = be16_get(b->p + 6), at = 8 + leaf + 2;
	char note[8192];
	const char *line, *second;

	ret->end = at + be16_get(b->p + 8 + leaf);
	assert_true(ret->end - at < sizeof(note));
	memcpy(note, b->p + at, ret->end - at);
	note[ret->end - at] = 0;
	assert_non_null(line = strstr(note, "\n\n"));
	assert_non_null(second = strchr(line + 2, '\n'));
	/* A dash and a space, the name, a space, six characters with the key id. */
	ret->signature = at + (size_t)(line - note) + 2 + 4 + strlen(f->v->origin) + 1 + 6;
	ret->day = at + (size_t)(second - note) + 1;
}

/* One bit in every byte; but for the log's key id, which repeats its key, and the day's signature, to which leaf 0 gives no key. */
static void changed_byte_is_found(void **state)
{
	struct fixture *f = *state;
	struct directory_checked x;
	enum directory_part part;
	struct places at;
	struct buf b;

	buf_init(&b, 1u << 20);
	get(f, &b);
	find_places(f, &b, &at);
	for (size_t i = 0; i < b.n; i += i < at.end ? 1 : 5) {	/* what follows takes two signatures' time each */
		if ((i >= at.signature - 6 && i < at.signature) || (i >= at.day && i < at.end))
			continue;
		b.p[i] ^= (uint8_t)(1u << i % 7);
		if (directory_doc_check(b.p, b.n, &x, &part) == 0)
			fail_msg("byte %zu of %zu is not looked at", i, b.n);
		b.p[i] ^= (uint8_t)(1u << i % 7);
	}
	assert_int_equal(directory_doc_check(b.p, b.n, &x, &part), 0);
	chain_free(x.chain);
	buf_free(&b);
}

/* Tiles that are full and such that are not, on two levels. */
static void leaf_0_is_shown_in_a_longer_log(void **state)
{
	struct fixture *f = *state;
	struct directory_checked x;
	enum directory_part part;
	uint64_t size = 0;
	struct buf b;

	buf_init(&b, 1u << 20);
	while (size < 700) {
		for (unsigned i = 0; i < 21; i++)
			assert_int_equal(ask(f, P_ADMIN_B), 0);
		get(f, &b);
		assert_int_equal(directory_doc_check(b.p, b.n, &x, &part), 0);
		assert_true(x.log_size > size);
		size = x.log_size;
		chain_free(x.chain);
	}
	buf_free(&b);
}

static void parts_that_are_changed_are_told(void **state)
{
	struct fixture *f = *state;
	struct directory_checked x;
	enum directory_part part;
	size_t leaf, note, sets, set;
	struct buf b;

	buf_init(&b, 1u << 20);
	get(f, &b);
	leaf = be16_get(b.p + 6);
	note = be16_get(b.p + 8 + leaf);
	sets = 8 + leaf + 2 + note + 1 + b.p[8 + leaf + 2 + note] * 32u;
	set = be32_get(b.p + sets + 4);
	/* The flags of leaf 0, a letter of the origin signed, the set's time, the last fact, a signature of the set. */
	const struct {
		size_t at;
		enum directory_part part;
	} places[] = { { 0, DIRECTORY_FORM }, { 8 + 1, DIRECTORY_GENESIS }, { 8 + leaf + 2, DIRECTORY_LOG },
		{ sets + 8 + 8, DIRECTORY_SETS }, { b.n - 1, DIRECTORY_FACTS }, { sets + 8 + set - 1, DIRECTORY_SIGNATURES } };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		b.p[places[i].at] ^= 1;
		assert_int_not_equal(directory_doc_check(b.p, b.n, &x, &part), 0);
		assert_int_equal(part, places[i].part);
		b.p[places[i].at] ^= 1;
	}
	buf_free(&b);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, custodians_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(client_verifies_what_it_gets), T(who_signs_gives_judges_or_assigns_reads_it), T(changed_byte_is_found),
		T(leaf_0_is_shown_in_a_longer_log), T(parts_that_are_changed_are_told),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}

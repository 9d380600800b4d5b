/* What genesis gives the people of a vault: standing approvals of a demo, and a personal role for everybody. */
#include "test_vault.h"

#include "base/clock.h"
#include "format/gov.h"

#define DAY_MS (24u * 3600 * 1000)

struct making {
	struct vault_genesis g;
	struct genesis_person people[PEOPLE];
	struct genesis_signer signers[2];
	struct vault_genesis_slot slot;
	uint8_t standing[2][16];
};

/* The fixture's people once more, the worker and the clerk with standing approvals. */
static struct making *making_of(struct fixture *f, const char *dir)
{
	struct making *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	for (unsigned i = 0; i < PEOPLE; i++)
		m->people[i] = f->person[i].g;
	for (unsigned i = 0; i < 2; i++) {
		memcpy(m->signers[i].id, m->people[i].principal.id, 16);
		m->signers[i].sign = sign_cb;
		m->signers[i].cookie = &f->person[i];
	}
	m->slot = (struct vault_genesis_slot){ .number = 2, .info = { .type = SLOT_DEMO } };
	memcpy(m->standing[0], m->people[P_WORKER].principal.id, 16);
	memcpy(m->standing[1], m->people[P_CLERK].principal.id, 16);
	m->g = (struct vault_genesis){ .dir = dir, .demo = true, .policy = f->policy.p, .policy_n = f->policy.n,
		.people = m->people, .people_count = P_MANAGER, .signers = m->signers, .signer_count = 2, .slots = &m->slot,
		.slot_count = 1, .standing = (const uint8_t (*)[16])m->standing, .standing_count = 2,
		.journal_file_bytes = 256u << 10, .journal_files = 2 };
	return m;
}

static void folder_gone(const char *dir)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	assert_int_equal(system(cmd), 0);
}

struct seen {
	struct vault *v;
	const struct making *m;
	unsigned n[2];
};

/* Each row is the assignment of one of the two. */
static int see_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	static const uint8_t purposes[] = { 0, 1, 0, 2, 0, 3 }, zeros[16];
	struct seen *x = cookie;
	struct gov_prefix prefix;
	struct gov_object o = { .level = 0 };
	struct buf plain;
	uint32_t today = (uint32_t)(clock_wall_ms() / DAY_MS);

	assert_int_equal(key_n, GOV_KEY);
	assert_int_equal(gov_prefix_decode(val, val_n, &prefix), 0);
	assert_int_equal(prefix.type, GOV_ASSIGNMENT);
	assert_int_equal(prefix.state, GOV_ACTIVE);
	assert_true(prefix.serial == 0 && prefix.epoch == 1 && prefix.due_day > today + 3653);
	buf_init(&plain, 65536);
	assert_int_equal(keys_gov_open(x->v->keys, GOV_ASSIGNMENT, key + 2, UINT32_MAX, val + GOV_PREFIX, val_n - GOV_PREFIX, &plain), 0);
	assert_int_equal(gov_object_decode(&prefix, plain.p, plain.n, &o), 0);
	assert_int_equal(o.level, 4);
	assert_int_equal(o.flags, GOV_ANY_RECORD | GOV_DEMO);
	assert_memory_equal(o.by, zeros, 16);
	assert_int_equal(o.records.n, 0);
	assert_int_equal(o.purposes.n, sizeof(purposes));
	assert_memory_equal(o.purposes.p, purposes, sizeof(purposes));
	for (unsigned i = 0; i < 2; i++)
		x->n[i] += memcmp(o.principal, x->m->standing[i], 16) == 0;
	buf_free(&plain);
	return 0;
}

static void standing_approvals_are_assignments_to_any_record(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/cv-genesis-XXXXXX";
	struct making *m = making_of(f, dir);
	struct seen x = { .m = m };

	assert_non_null(mkdtemp(dir));
	assert_int_equal(vault_genesis(&m->g), 0);
	assert_int_equal(vault_open(dir, &x.v), 0);
	assert_int_equal(vault_unseal(x.v, 2, m->slot.kek), 0);
	assert_int_equal(store_scan(x.v->store, STORE_GOV, NULL, 0, NULL, 0, false, 0, see_row, &x), 0);
	assert_true(x.n[0] == 1 && x.n[1] == 1);
	vault_close(x.v);
	folder_gone(dir);
	free(m);
}

static void no_demo(struct making *m) { m->g.demo = false; }
static void unknown(struct making *m) { m->standing[1][0] ^= 1; }
static void login_twice(struct making *m) { m->people[P_CLERK].login = m->people[P_WORKER].login; }
static void no_area(struct making *m) { m->people[P_CLERK].area = "here"; }

static void standing_approvals_of_others_and_unfit_people_are_refused(void **state)
{
	static void (*const spoil[])(struct making *m) = { no_demo, unknown, login_twice, no_area };
	struct fixture *f = *state;
	struct vault *v;

	for (unsigned i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		char dir[] = "/tmp/cv-genesis-XXXXXX";
		struct making *m = making_of(f, dir);

		assert_non_null(mkdtemp(dir));
		spoil[i](m);
		assert_int_equal(vault_genesis(&m->g), CV_ERR_ARG);
		assert_int_equal(vault_open(dir, &v), CV_ERR_NOTFOUND);
		folder_gone(dir);
		free(m);
	}
}

static void personal_role_opens_a_session_and_no_record(void **state)
{
	struct fixture *f = *state;
	struct wire_activate_answer a;
	uint8_t token[32], record[16], etag[16];

	/* An administrator has no other role. */
	assert_int_equal(login(f, P_ADMIN_A, token), 0);
	assert_int_equal(wire_activate_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	assert_true(a.n == 1 && a.role[0].n == 0);
	assert_int_equal(create(f, token, "intake", "", record, etag, "name", "王小明", NULL), PROBLEM_NOT_PERMITTED);
	assert_int_equal(login(f, P_WORKER, token), 0);
	assert_int_equal(wire_activate_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	assert_true(a.n == 2 && a.role[0].n + a.role[1].n == strlen("worker"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(standing_approvals_are_assignments_to_any_record, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(standing_approvals_of_others_and_unfit_people_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(personal_role_opens_a_session_and_no_record, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

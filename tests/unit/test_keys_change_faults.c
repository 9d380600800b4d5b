/* Drafts, ceremonies and rows when memory runs out at any one call: they say so, and leave nothing behind (the sanitizers look). */
#include "faults/fault.h"
#include "test_change.h"

#define CALLS 5000u	/* more than any of these makes */

static struct change_vault *v;
static struct fault_report report;

static int up(void **state)
{
	(void)state;
	v = change_vault_new(4);
	return 0;
}

static int down(void **state)
{
	(void)state;
	change_vault_free(v);
	v = NULL;
	return 0;
}

static const uint16_t both[] = { ROLE_WORKER, ROLE_MANAGER };

/* Do it with the first allocation failing, then the second, and so on, until all succeed. */
static void each_allocation_fails(int (*what)(void))
{
	unsigned failed = 0;
	int r = CV_ERR_NOMEM;

	for (unsigned n = 1; n < CALLS && (n == 1 || report.failed > 0); n++) {
		fault_set(&(struct fault_plan){ .kind = FAULT_ALLOC, .n = n }, &report);
		fault_arm();
		r = what();
		fault_disarm();
			/* qsort does without the memory that it asks for. */
		assert_true(r == 0 || (r == CV_ERR_NOMEM && report.failed > 0));
		failed += r != 0;
	}
	assert_int_equal(report.failed, 0);
	assert_true(r == 0 && failed > 0);
}

/* valgrind has an allocator of its own, which does not fail. */
static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

static int draft_rekey(void)
{
	struct change_draft d;
	int r = change_rekey_roles(v, both, 2, true, NULL, 0, false, &d);

	change_draft_free(&d);
	return r;
}

static int draft_member(void)
{
	struct change_draft d;
	struct change_person who;
	int r;

	change_person_make(&who, PRINCIPAL_PERSON, 0);
	r = change_draft_member(v->k, &who.p, both, 1, NOW_MS, &d);
	change_draft_free(&d);
	return r;
}

static int draft_classes(void)
{
	struct change_draft d;
	int r = change_draft_classes(v->k, ROLE_EMPTY, (const uint32_t[]){ 0x500000, 0x100000, 0x400000 }, 3, NOW_MS, &d);

	change_draft_free(&d);
	return r;
}

static void a_draft_without_memory_says_so(void **state)
{
	(void)state;
	if (under_valgrind())
		skip();
	each_allocation_fails(draft_rekey);
	each_allocation_fails(draft_member);
	each_allocation_fails(draft_classes);
}

static struct change_draft draft;

static int no_put(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	(void)cookie;
	(void)key;
	(void)key_n;
	(void)val;
	(void)val_n;
	return 0;
}

static int no_del(void *cookie, const uint8_t *key, size_t key_n)
{
	return no_put(cookie, key, key_n, NULL, 0);
}

static int make_rows(void)
{
	return change_rows(v->k, &v->rows, &draft.op, NULL, 0, v->custody, no_put, no_del, NULL);
}

static int open_class(void)
{
	uint8_t sk[32];

	return change_class_secret(v->k, v->custody, change_classes[1], 1, sk);
}

static int begin_ceremony(void)
{
	static const struct custody_role roles[] = { { ROLE_MANAGER, 1 }, { ROLE_WORKER, 1 } };
	struct custody *c = NULL;
	int r = custody_new(&v->rows, (const uint8_t *)"0123456789abcdef", roles, 2, 0, &c);

	custody_free(c);
	return r;
}

static int look(void)
{
	return directory_check(v->k, &v->rows, v->admins, 2);
}

static void carrying_out_without_memory_says_so(void **state)
{
	struct custody_role roles[CUSTODY_ROLES];
	unsigned n;

	(void)state;
	if (under_valgrind())
		skip();
	assert_int_equal(change_rekey_roles(v, both, 2, true, NULL, 0, false, &draft), 0);
	n = change_shares(&draft.op, roles);
	assert_int_equal(change_ceremony(v, roles, n, CUSTODIAN_A, CUSTODIAN_B), 0);
	each_allocation_fails(make_rows);
	each_allocation_fails(open_class);
	each_allocation_fails(begin_ceremony);
	each_allocation_fails(look);
	change_draft_free(&draft);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_draft_without_memory_says_so),
		T(carrying_out_without_memory_says_so),
	};

	return cmocka_run_group_tests(tests, change_start, NULL);
}

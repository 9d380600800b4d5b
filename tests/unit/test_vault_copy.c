/* A copy of a vault's folder, held against its log: what only days and whole folders of another time show. Rows are 66-against's. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "store/files.h"
#include "test_vault.h"
#include "vault/copy.h"
#include "vault/gov.h"
#include "vault/jobs.h"
#include "vault/list.h"

#define DAY_MS (24u * 3600 * 1000)

/* The process's clock, moved by a test. */
static int64_t wall_shift_ms;

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret);

	ret->tv_sec += id == CLOCK_REALTIME ? wall_shift_ms / 1000 : 0;
	return r;
}

static int setup(void **state)
{
	wall_shift_ms = 0;
	return fixture_setup(state);
}

static int teardown(void **state)
{
	wall_shift_ms = 0;
	return fixture_teardown(state);
}

/* What was found: how often each fault. */
struct seen {
	unsigned n[COPY_FAULTS];
};

static void see(void *cookie, const struct copy_finding *f)
{
	((struct seen *)cookie)->n[f->fault]++;
	assert_true(f->text[0] != '\0');
}

/* Close the vault, check its folder as it is now, and open it again as a sealed one. */
static struct copy_report check(struct fixture *f, uint64_t size, const uint8_t *root, struct seen *ret)
{
	struct copy_options o = { .size = size, .found = see, .cookie = ret };
	struct copy_report report;

	memset(ret, 0, sizeof(*ret));
	if (root != NULL)
		memcpy(o.root, root, 32);
	vault_close(f->v);
	assert_int_equal(vault_open(f->dir, &f->v), 0);
	assert_int_equal(vault_copy_check(f->v, 3, f->kek, &o, &report), 0);
	vault_close(f->v);
	assert_int_equal(vault_open(f->dir, &f->v), 0);
	return report;
}

static unsigned sum(const struct seen *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < COPY_FAULTS; i++)
		n += s->n[i];
	return n;
}

static void slot_read(struct fixture *f, const char *name, struct buf *ret)
{
	buf_init(ret, 8192);
	assert_int_equal(files_read(f->v->dirfd, name, ret), 0);
}

static void slot_write(struct fixture *f, const char *name, struct buf *b)
{
	assert_int_equal(files_overwrite(f->v->dirfd, name, 0, b->p, b->n), 0);
	buf_free(b);
}

static void a_day(struct fixture *f)
{
	uint8_t worker[32], record[16], etag[16];

	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(create(f, worker, "visit", "", record, etag, "name", "张三", NULL), 0);
}

static void whole_folder_holds_against_its_log(void **state)
{
	struct fixture *f = *state;
	struct copy_report report;
	uint8_t root[32];
	uint64_t size;
	struct seen s;

	a_day(f);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_true(audit_signed(f->v->audit, &size, root));
	report = check(f, size, root, &s);
	assert_int_equal(sum(&s), 0);
	assert_int_equal(report.faults, 0);
	assert_int_equal(report.records, 1);
	assert_true(report.state_bound && report.rows > 0 && report.log_size > size);
	/* The same log, held against one that goes on, and against another history. */
	(void)check(f, report.log_size + 1, root, &s);
	assert_true(s.n[COPY_BEHIND] == 1 && sum(&s) == 1);
	root[0] ^= 1;
	(void)check(f, size, root, &s);
	assert_true(s.n[COPY_FORKED] == 1 && sum(&s) == 1);
}

static void root_of_any_applied_size_can_be_had(void **state)
{
	struct fixture *f = *state;
	uint8_t signed_root[32], root[32], other[32];
	uint64_t size;

	a_day(f);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_true(audit_signed(f->v->audit, &size, signed_root));
	assert_int_equal(audit_root_applied(f->v->audit, size, root), 0);
	assert_memory_equal(root, signed_root, 32);
	assert_int_equal(audit_root_applied(f->v->audit, size - 1, root), 0);
	assert_int_equal(audit_root_at(f->v->audit, size - 1, other), 0);
	assert_memory_equal(root, other, 32);
	/* Beyond the checkpoint: what the next one then signs. */
	a_day(f);
	assert_int_equal(store_flush(f->v->store), 0);
	assert_int_equal(audit_root_applied(f->v->audit, store_applied_leaves(f->v->store), root), 0);
	assert_int_equal(vault_checkpoint_now(f->v), 0);
	assert_true(audit_signed(f->v->audit, &size, signed_root));
	assert_memory_equal(root, signed_root, 32);
	assert_int_equal(audit_root_applied(f->v->audit, size + 1, root), CV_ERR_NOTFOUND);
}

static void shred_tree_of_an_earlier_day_is_named(void **state)
{
	struct fixture *f = *state;
	struct buf a, b;
	struct seen s;

	a_day(f);
	slot_read(f, "shred/slot.a", &a);
	slot_read(f, "shred/slot.b", &b);
	wall_shift_ms = DAY_MS;
	a_day(f);
	(void)check(f, 0, NULL, &s);
	assert_int_equal(sum(&s), 0);
	slot_write(f, "shred/slot.a", &a);
	slot_write(f, "shred/slot.b", &b);
	(void)check(f, 0, NULL, &s);
	assert_true(s.n[COPY_SHRED_BACK] == 1 && sum(&s) == 1);
}

static void log_of_an_earlier_day_than_the_keys_is_named(void **state)
{
	struct fixture *f = *state;
	struct seen s;

	a_day(f);
	assert_int_equal(shred_next_epoch(f->v->keys, 1, f->v->genesis_hash), 0);
	assert_int_equal(shred_next_epoch(f->v->keys, 1, f->v->genesis_hash), 0);
	/* As if it were killed: no leaf of a later day. */
	gov_unload(f->v);
	list_unload(f->v);
	jobs_unload(f->v);
	f->v->state = VAULT_SEALED;
	(void)check(f, 0, NULL, &s);
	assert_true(s.n[COPY_LOG_BACK] == 1 && sum(&s) == 1);
}

static void wrong_key_checks_nothing(void **state)
{
	struct fixture *f = *state;
	struct copy_options o = { 0 };
	struct copy_report report;
	uint8_t kek[32] = { 1 };

	vault_close(f->v);
	assert_int_equal(vault_open(f->dir, &f->v), 0);
	assert_int_equal(vault_copy_check(f->v, 3, kek, &o, &report), CV_ERR_AUTH);
	assert_int_equal(vault_copy_check(f->v, 9, f->kek, &o, &report), CV_ERR_NOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole_folder_holds_against_its_log, setup, teardown),
		cmocka_unit_test_setup_teardown(root_of_any_applied_size_can_be_had, setup, teardown),
		cmocka_unit_test_setup_teardown(shred_tree_of_an_earlier_day_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(log_of_an_earlier_day_than_the_keys_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_key_checks_nothing, setup, teardown),
	};

	return cmocka_run_group_tests_name("vault copy", tests, NULL, NULL);
}

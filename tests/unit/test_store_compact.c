/* Compaction of a closed store: what was deleted is in no file any more, what is there stays, at whatever moment it is killed. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/error.h"
#include "store/compact.h"
#include "store/store_internal.h"

#define ROWS 3000u
#define KILLS 40u
static char dir[64];

/* ---- a store with marked rows -------------------------------------------------------------------------------------------------- */

static void mac(void *cookie, const uint8_t prev[STORE_MAC], const uint8_t *block, size_t n, uint8_t ret[STORE_MAC])
{
	uint64_t a = 1469598103934665603u;

	(void)cookie;
	for (size_t i = 0; i < STORE_MAC; i++)
		a = (a ^ prev[i]) * 1099511628211u;
	for (size_t i = 0; i < n; i++)
		a = (a ^ block[i]) * 1099511628211u;
	be64_put(ret, a);
	be64_put(ret + 8, ~a);
}

static struct store *opened(void)
{
	struct store_options o = { .dir = dir, .map_bytes = 256u << 20, .hooks = { .mac = mac } };
	struct store_replay_report rep;
	struct store *s;

	assert_int_equal(store_open(&o, &s), 0);
	assert_int_equal(store_replay(s, &rep), 0);
	store_checkpointed(s, UINT64_MAX);
	return s;
}

static int up(void **state)
{
	struct store_options o = { .dir = dir, .map_bytes = 256u << 20, .journal_files = 3, .journal_file_bytes = 256u << 10 };

	(void)state;
	strcpy(dir, "/tmp/cv-compact-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(store_create(&o), 0);
	return 0;
}

static int down(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* "KEPT" rows stay; every third row is marked "GONE" and then deleted or replaced. */
static void value(uint32_t i, const char *mark, char ret[200])
{
	snprintf(ret, 200, "%s%06u%s%080u", mark, i, mark, i);
}

static void turn(struct store *s, uint32_t from, uint32_t to, bool second)
{
	char val[200];
	uint8_t key[4];

	assert_int_equal(store_turn_begin(s), 0);
	for (uint32_t i = from; i < to; i++) {
		be32_put(key, i);
		value(i, i % 3 == 0 && !second ? "GONE" : "KEPT", val);
		if (!second || i % 6 == 3)
			assert_int_equal(store_put(s, STORE_REC, key, 4, val, strlen(val)), 0);
		else if (i % 6 == 0)
			assert_int_equal(store_del(s, STORE_REC, key, 4), 0);
		assert_int_equal(store_leaf(s, key, 4), 0);
		store_commit(s);
	}
	assert_int_equal(store_turn_end(s), 0);
}

static void filled(void)
{
	struct store *s = opened();

	for (uint32_t i = 0; i < ROWS; i += 100)
		turn(s, i, i + 100, false);
	assert_int_equal(store_flush(s), 0);
	for (uint32_t i = 0; i < ROWS; i += 100)
		turn(s, i, i + 100, true);
	assert_int_equal(store_close(s, true), 0);
	/* The last block before the stop is no row's, as that of a vault is not. */
	s = opened();
	assert_int_equal(store_turn_begin(s), 0);
	assert_int_equal(store_leaf(s, "stop", 4), 0);
	store_commit(s);
	assert_int_equal(store_turn_end(s), 0);
	assert_int_equal(store_close(s, true), 0);
}

static void rows_are_there(void)
{
	struct store *s = opened();
	struct store_value got;
	char val[200];
	uint8_t key[4];

	for (uint32_t i = 0; i < ROWS; i++) {
		be32_put(key, i);
		value(i, "KEPT", val);
		if (i % 6 == 0) {
			assert_int_equal(store_get(s, STORE_REC, key, 4, &got), CV_ERR_NOTFOUND);
			continue;
		}
		assert_int_equal(store_get(s, STORE_REC, key, 4, &got), 0);
		assert_int_equal(got.n, strlen(val));
		assert_memory_equal(got.p, val, got.n);
	}
	assert_int_equal(store_close(s, true), 0);
}

/* ---- looking into files ----------------------------------------------------------------------------------------------------------- */

static unsigned found_in(int fd, const char *what)
{
	size_t n = strlen(what);
	struct stat st;
	unsigned found = 0;
	uint8_t *p, *at;

	assert_int_equal(fstat(fd, &st), 0);
	assert_non_null(p = malloc((size_t)st.st_size + 1));
	assert_int_equal(pread(fd, p, (size_t)st.st_size, 0), st.st_size);
	for (at = p; (at = memmem(at, (size_t)(p + st.st_size - at), what, n)) != NULL; at++)
		found++;
	free(p);
	return found;
}

static unsigned found(const char *what)
{
	static const char *const folders[] = { "store", "journal" };
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		char path[512];
		struct dirent *e;
		DIR *d;

		snprintf(path, sizeof(path), "%s/%s", dir, folders[i]);
		assert_non_null(d = opendir(path));
		while ((e = readdir(d)) != NULL) {
			int fd;

			snprintf(path, sizeof(path), "%s/%s/%s", dir, folders[i], e->d_name);
			if (e->d_name[0] == '.' || (fd = open(path, O_RDONLY)) < 0)
				continue;
			n += found_in(fd, what);
			close(fd);
		}
		closedir(d);
	}
	return n;
}

/* ---- facts ----------------------------------------------------------------------------------------------------------------------- */

static void deleted_bytes_leave_the_files_and_rows_stay(void **state)
{
	struct store_compact_report rep;
	struct store *s;
	char path[128];
	struct stat st;
	int old;

	(void)state;
	filled();
	assert_true(found("GONE") > 100);
	snprintf(path, sizeof(path), "%s/store/data.mdb", dir);
	assert_int_equal(chmod(path, 0640), 0);
	assert_true((old = open(path, O_RDONLY)) >= 0);
	assert_true(found_in(old, "GONE") > 0);
	assert_int_equal(store_compact(dir, &rep), 0);
	assert_int_equal(found("GONE"), 0);
	/* Nor in the blocks of the file that had the name. */
	assert_int_equal(found_in(old, "GONE") + found_in(old, "KEPT"), 0);
	close(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_true(rep.after < rep.before && rep.after == (uint64_t)st.st_size);
	assert_true(rep.cleared > 10000);
	rows_are_there();
	/* It works on, over more than one lap of the ring. */
	s = opened();
	for (unsigned k = 0; k < 3; k++)
		for (uint32_t i = 0; i < ROWS; i += 100)
			turn(s, i, i + 100, true);
	assert_int_equal(store_close(s, true), 0);
	rows_are_there();
	assert_int_equal(store_compact(dir, &rep), 0);
	assert_int_equal(store_compact(dir, &rep), 0);
	assert_int_equal(rep.cleared, 0);
	rows_are_there();
}

static void an_open_store_and_one_without_a_clean_stop_are_left_alone(void **state)
{
	struct store_compact_report rep = { .before = 7 };
	char path[128];
	struct store *s;

	(void)state;
	filled();
	s = opened();
	assert_int_equal(store_compact(dir, &rep), CV_ERR_BUSY);
	turn(s, 0, 10, true);
	assert_int_equal(store_close(s, false), 0);
	assert_int_equal(store_compact(dir, &rep), CV_ERR_STATE);
	rows_are_there();
	assert_int_equal(store_compact(dir, &rep), 0);
	/* Started, and gone before it wrote anything. */
	s = opened();
	assert_int_equal(store_close(s, false), 0);
	rep.before = 7;
	assert_int_equal(store_compact(dir, &rep), CV_ERR_STATE);
	assert_int_equal(rep.before, 7);
	rows_are_there();
	snprintf(path, sizeof(path), "%s/nothing", dir);
	assert_int_equal(store_compact(path, &rep), CV_ERR_NOTFOUND);
}

static void a_copy_by_hard_link_is_not_overwritten(void **state)
{
	struct store_compact_report rep;
	char data[128], copy[128];

	(void)state;
	filled();
	snprintf(data, sizeof(data), "%s/store/data.mdb", dir);
	snprintf(copy, sizeof(copy), "%s/copy", dir);
	assert_int_equal(link(data, copy), 0);
	assert_int_equal(store_compact(dir, &rep), CV_ERR_EXISTS);
	rows_are_there();
	assert_int_equal(unlink(copy), 0);
	assert_int_equal(store_compact(dir, &rep), 0);
	rows_are_there();
}

static void a_journal_of_another_time_is_not_compacted(void **state)
{
	struct store_compact_report rep;
	char cmd[256];
	struct store *s;

	(void)state;
	filled();
	snprintf(cmd, sizeof(cmd), "cp -r %s/journal %s/old", dir, dir);
	assert_int_equal(system(cmd), 0);
	s = opened();
	turn(s, 0, 100, true);
	assert_int_equal(store_close(s, true), 0);
	snprintf(cmd, sizeof(cmd), "rm -r %s/journal && mv %s/old %s/journal", dir, dir, dir);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(store_compact(dir, &rep), CV_ERR_REPLAY);
}

static void killed_at_any_moment_it_leaves_a_store_that_opens(void **state)
{
	struct store_compact_report rep;
	char path[128], cmd[256];
	unsigned killed = 0;
	struct stat st;

	(void)state;
	filled();
	snprintf(cmd, sizeof(cmd), "cp -r %s %s-full", dir, dir);
	assert_int_equal(system(cmd), 0);
	for (unsigned i = 0; i < KILLS; i++) {
		pid_t child = fork();
		int status;

		if (child == 0)
			_exit(store_compact(dir, &rep) != 0);
		usleep(i * 400);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		killed += WIFSIGNALED(status);
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		rows_are_there();
		snprintf(path, sizeof(path), "%s/store/%s", dir, STORE_COPY);
		assert_int_equal(stat(path, &st), -1);
		snprintf(cmd, sizeof(cmd), "rm -rf %s && cp -r %s-full %s", dir, dir, dir);
		assert_int_equal(system(cmd), 0);
	}
	assert_true(killed > 3);
	assert_int_equal(store_compact(dir, &rep), 0);
	assert_int_equal(found("GONE"), 0);
	rows_are_there();
	snprintf(cmd, sizeof(cmd), "rm -rf %s-full", dir);
	assert_int_equal(system(cmd), 0);
}

/* Bytes of the first write to the start of each journal file's blocks, while watched. */
static size_t first_write[3];
static bool watched;

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	char link[64], path[4096];
	ssize_t k;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (watched && at == JOURNAL_START && (k = readlink(link, path, sizeof(path) - 1)) > 7) {
		unsigned file = (unsigned)(path[k - 3] - '0');

		if (memcmp(path + k - 2, ".j", 2) == 0 && file < 3 && first_write[file] == 0)
			first_write[file] = n;
	}
	return syscall(SYS_pwrite64, fd, p, n, at);
}

/* A power cut may leave some sectors of a page old and some new: no part of a block may stand where the next start looks for one. */
static void what_the_next_start_looks_at_goes_within_one_sector(void **state)
{
	struct store_compact_report rep;
	unsigned files = 0;

	(void)state;
	filled();
	memset(first_write, 0, sizeof(first_write));
	watched = true;
	assert_int_equal(store_compact(dir, &rep), 0);
	watched = false;
	for (unsigned i = 0; i < 3; i++) {
		files += first_write[i] > 0;
		assert_true(first_write[i] <= 512);
	}
	assert_true(files > 0);
	rows_are_there();
}

#define T(test) cmocka_unit_test_setup_teardown(test, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(deleted_bytes_leave_the_files_and_rows_stay),
		T(an_open_store_and_one_without_a_clean_stop_are_left_alone),
		T(a_copy_by_hard_link_is_not_overwritten),
		T(a_journal_of_another_time_is_not_compacted),
		T(killed_at_any_moment_it_leaves_a_store_that_opens),
		T(what_the_next_start_looks_at_goes_within_one_sector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

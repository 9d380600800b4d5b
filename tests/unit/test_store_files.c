/* The file operations of store/files.h. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/files.h"

struct folder {
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(f);
	(void)snprintf(f->path, sizeof(f->path), "%.40s/cv-files-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->fd >= 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const left[] = { "a", "a.new", "link", "d/e/f", "n1", "n2" };
	struct folder *f = *state;

	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		(void)unlinkat(f->fd, left[i], 0);
	(void)unlinkat(f->fd, "d/e", AT_REMOVEDIR);
	(void)unlinkat(f->fd, "d", AT_REMOVEDIR);
	(void)close(f->fd);
	assert_int_equal(rmdir(f->path), 0);
	free(f);
	return 0;
}

static void expect(int fd, const char *path, const char *want)
{
	struct buf b;

	buf_init(&b, 100);
	buf_text(&b, "<");
	assert_int_equal(files_read(fd, path, &b), 0);
	assert_int_equal(b.n, strlen(want) + 1);
	assert_memory_equal(b.p + 1, want, strlen(want));
	buf_free(&b);
}

static void replace_makes_and_replaces(void **state)
{
	struct folder *f = *state;
	struct stat st;

	assert_int_equal(files_replace(f->fd, "a", "one", 3), 0);
	expect(f->fd, "a", "one");
	assert_int_equal(files_replace(f->fd, "a", "2", 1), 0);
	expect(f->fd, "a", "2");
	assert_int_equal(files_replace_lazy(f->fd, "a", "", 0), 0);
	expect(f->fd, "a", "");
	assert_int_equal(fstatat(f->fd, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fstatat(f->fd, "a.new", &st, 0), -1);
	assert_int_equal(files_replace(f->fd, "absent/a", "x", 1), CV_ERR_IO);
}

static void failed_replace_keeps_the_old_file(void **state)
{
	struct folder *f = *state;
	struct rlimit was, small;
	struct stat st;

	assert_int_equal(files_replace(f->fd, "a", "old", 3), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = 5;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(files_replace(f->fd, "a", "more than five", 14), CV_ERR_IO);
	assert_int_equal(files_create(f->fd, "n1", "more than five", 14), CV_ERR_IO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	expect(f->fd, "a", "old");
	assert_int_equal(fstatat(f->fd, "a.new", &st, 0), -1);
	assert_int_equal(fstatat(f->fd, "n1", &st, 0), -1);
}

/* A folder from elsewhere may hold anything: nobody ever writes into this pipe. */
static void what_is_no_file_is_refused_without_waiting(void **state)
{
	struct folder *f = *state;
	uint8_t byte;
	struct buf b;

	assert_int_equal(mkfifoat(f->fd, "pipe", 0600), 0);
	buf_init(&b, 100);
	(void)alarm(10);
	assert_int_equal(files_read(f->fd, "pipe", &b), CV_ERR_IO);
	assert_int_equal(files_read_at(f->fd, "pipe", 0, &byte, 1), CV_ERR_IO);
	(void)alarm(0);
	assert_int_equal(unlinkat(f->fd, "pipe", 0), 0);
	buf_free(&b);
}

static void create_refuses_what_is_there(void **state)
{
	struct folder *f = *state;

	assert_int_equal(files_create(f->fd, "a", "one", 3), 0);
	assert_int_equal(files_create(f->fd, "a", "two", 3), CV_ERR_EXISTS);
	expect(f->fd, "a", "one");
}

static void overwrite_changes_in_place(void **state)
{
	struct folder *f = *state;
	struct stat before, after;

	assert_int_equal(files_overwrite(f->fd, "a", 0, "x", 1), CV_ERR_NOTFOUND);
	assert_int_equal(files_create(f->fd, "a", "abcdef", 6), 0);
	assert_int_equal(fstatat(f->fd, "a", &before, 0), 0);
	assert_int_equal(files_overwrite(f->fd, "a", 2, "CD", 2), 0);
	assert_int_equal(fstatat(f->fd, "a", &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	expect(f->fd, "a", "abCDef");
}

static void append_continues_at_a_known_length(void **state)
{
	struct folder *f = *state;

	assert_int_equal(files_append(f->fd, "a", 4, "x", 1), CV_ERR_NOTFOUND);
	assert_int_equal(files_append(f->fd, "a", 0, "abcd", 4), 0);
	assert_int_equal(files_append(f->fd, "a", 4, "efgh", 4), 0);
	expect(f->fd, "a", "abcdefgh");
	assert_int_equal(files_append(f->fd, "a", 2, "X", 1), 0);
	expect(f->fd, "a", "abX");
	assert_int_equal(files_append(f->fd, "a", 5, "y", 1), CV_ERR_FORMAT);
	expect(f->fd, "a", "abX");
}

static void read_is_limited_and_does_not_follow_links(void **state)
{
	struct folder *f = *state;
	struct buf b;

	assert_int_equal(files_create(f->fd, "a", "abcdef", 6), 0);
	buf_init(&b, 6);
	assert_int_equal(files_read(f->fd, "absent", &b), CV_ERR_NOTFOUND);
	assert_int_equal(files_read(f->fd, "a", &b), 0);
	assert_int_equal(files_read(f->fd, "a", &b), CV_ERR_LIMIT);
	assert_int_equal(b.n, 6);
	buf_free(&b);
	assert_int_equal(symlinkat("a", f->fd, "link"), 0);
	buf_init(&b, 6);
	assert_int_equal(files_read(f->fd, "link", &b), CV_ERR_IO);
	assert_int_equal(files_overwrite(f->fd, "link", 0, "x", 1), CV_ERR_IO);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

static void parents_are_made_once(void **state)
{
	struct folder *f = *state;
	struct stat st;
	int fd;

	assert_int_equal(files_make_parents(f->fd, "d/e/f"), 0);
	assert_int_equal(files_make_parents(f->fd, "d/e/f"), 0);
	assert_int_equal(fstatat(f->fd, "d/e", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(files_create(f->fd, "d/e/f", "x", 1), 0);
	fd = files_open_dir(f->fd, "d");
	assert_true(fd >= 0);
	expect(fd, "e/f", "x");
	(void)close(fd);
	assert_int_equal(files_sync(f->fd, "d/e/f"), 0);
	assert_int_equal(files_sync(f->fd, "d"), 0);
	assert_int_equal(files_sync(f->fd, "."), 0);
	assert_int_equal(files_sync(f->fd, "d/absent"), CV_ERR_NOTFOUND);
	assert_int_equal(files_remove_dir(f->fd, "d/e"), 0);
	expect(f->fd, "d/e/f", "x");
	assert_int_equal(files_remove(f->fd, "d/e/f"), 0);
	assert_int_equal(files_remove(f->fd, "d/e/f"), 0);
	assert_int_equal(files_remove_dir(f->fd, "d/e"), 0);
	assert_int_equal(fstatat(f->fd, "d/e", &st, 0), -1);
	assert_int_equal(files_create(f->fd, "a", "x", 1), 0);
	assert_int_equal(files_open_dir(f->fd, "a"), CV_ERR_IO);
}

static int count(void *cookie, const char *name)
{
	int *n = cookie;

	assert_true(strcmp(name, "n1") == 0 || strcmp(name, "n2") == 0);
	return ++*n == 3 ? 7 : 0;
}

static void list_names_all_until_told_to_stop(void **state)
{
	struct folder *f = *state;
	int n = 0;

	assert_int_equal(files_create(f->fd, "n1", "", 0), 0);
	assert_int_equal(files_create(f->fd, "n2", "", 0), 0);
	assert_int_equal(files_list(f->fd, ".", count, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(files_list(f->fd, ".", count, &n), 7);
	assert_int_equal(n, 3);
	assert_int_equal(files_list(f->fd, "absent", count, &n), CV_ERR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(replace_makes_and_replaces),
		TEST(failed_replace_keeps_the_old_file),
		TEST(what_is_no_file_is_refused_without_waiting), TEST(create_refuses_what_is_there),
		TEST(overwrite_changes_in_place),
		TEST(append_continues_at_a_known_length),
		TEST(read_is_limited_and_does_not_follow_links),
		TEST(parents_are_made_once),
		TEST(list_names_all_until_told_to_stop),
#undef TEST
	};

	return cmocka_run_group_tests_name("store files", tests, NULL, NULL);
}

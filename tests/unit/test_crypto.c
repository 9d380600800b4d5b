/* crypto: random bytes, locked memory, padding, passphrases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/text.h"
#include "crypto/crypto.h"

#if defined(__SANITIZE_ADDRESS__)
#define MLOCK_IS_FAKED 1	/* the address sanitizer makes mlock do nothing and succeed */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MLOCK_IS_FAKED 1
#endif
#endif
#ifndef MLOCK_IS_FAKED
#define MLOCK_IS_FAKED 0
#endif

static int start(void **state)
{
	(void)state;
	return crypto_start();
}

static void starting_twice_is_harmless(void **state)
{
	(void)state;
	assert_int_equal(crypto_start(), 0);
}

static void random_bytes_differ_after_fork(void **state)
{
	uint8_t ours[32], theirs[32];
	int fd[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	crypto_random(ours, 32);
	if ((pid = fork()) == 0) {
		crypto_random(theirs, 32);
		_exit(write(fd[1], theirs, 32) == 32 ? 0 : 1);
	}
	assert_true(pid > 0);
	crypto_random(ours, 32);
	assert_int_equal(read(fd[0], theirs, 32), 32);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_memory_not_equal(ours, theirs, 32);
	close(fd[0]);
	close(fd[1]);
}

/* ---- secrets --------------------------------------------------------------------------------------------------- */

static void secrets_are_zero_and_counted(void **state)
{
	const size_t sizes[] = { 1, 31, 32, 64, 4096, 5000, 100000 };
	struct secret *s;
	bool unlocked;

	(void)state;
	assert_int_equal(crypto_locked_bytes(&unlocked), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_non_null(s = secret_new(sizes[i]));
		assert_int_equal(s->size, sizes[i]);
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(s->bytes[j], 0);
		memset(s->bytes, 0xaa, sizes[i]);
		assert_int_equal(crypto_locked_bytes(&unlocked), sizes[i]);
		assert_false(unlocked);
		secret_free(s);
	}
	assert_int_equal(crypto_locked_bytes(&unlocked), 0);
	secret_free(NULL);
}

static void sizes_out_of_range_are_refused(void **state)
{
	(void)state;
	assert_null(secret_new(0));
	assert_null(secret_new(((size_t)64 << 20) + 1));
	assert_null(secret_new(SIZE_MAX));
}

/* The kernel's flags of the mapping that holds p, such as " rd wr mr mw me lo dd ". */
static void flags_of(const void *p, char ret[512])
{
	unsigned long from, to;
	char line[512];
	bool here = false;
	FILE *f = fopen("/proc/self/smaps", "r");

	assert_non_null(f);
	ret[0] = '\0';
	while (ret[0] == '\0' && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = (uintptr_t)p >= from && (uintptr_t)p < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(ret, sizeof(line), "%s", line + 8);
	}
	fclose(f);
}

static void secrets_are_locked_and_left_out_of_cores(void **state)
{
	char flags[512];
	struct secret *s;

	(void)state;
	assert_non_null(s = secret_new(32));
	flags_of(s->bytes, flags);
	secret_free(s);
	if (flags[0] == '\0')
		skip();	/* a kernel or a tool that does not show flags */
	assert_non_null(strstr(flags, " dd"));
	if (!MLOCK_IS_FAKED)
		assert_non_null(strstr(flags, " lo"));
}

/* In a child without the right or room to lock: the exit code is 0 if secret_new behaves. */
static int without_locking(void)
{
	const struct rlimit none = { 0, 0 };
	struct secret *s;
	bool unlocked;

	if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (geteuid() == 0 && setuid(65534) != 0))
		return 1;
	if (secret_new(32) != NULL)
		return 2;
	crypto_allow_unlocked(true);
	if ((s = secret_new(32)) == NULL)
		return 3;
	if (crypto_locked_bytes(&unlocked) != 0 || !unlocked)
		return 4;
	secret_free(s);
	if (crypto_locked_bytes(&unlocked) != 0 || unlocked)
		return 5;
	crypto_allow_unlocked(false);
	return secret_new(32) != NULL ? 6 : 0;
}

static void unlockable_memory_is_an_error_unless_allowed(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (MLOCK_IS_FAKED)
		skip();
	if ((pid = fork()) == 0)
		_exit(without_locking());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- padding --------------------------------------------------------------------------------------------------- */

static void pad_seal_gives_the_known_answers(void **state)
{
	static const size_t want[][2] = {
		{ 0, 64 }, { 1, 64 }, { 64, 64 }, { 65, 128 }, { 128, 128 }, { 129, 256 }, { 200, 256 }, { 512, 512 },
		{ 513, 1024 }, { 1000, 1024 }, { 1024, 1024 }, { 1025, 1088 }, { 5000, 5120 }, { 70000, 71680 },
		{ 1000000, 1015808 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(pad_seal(want[i][0]), want[i][1]);
}

static void pad_text_gives_the_known_answers(void **state)
{
	static const size_t want[][2] = {
		{ 0, 16 }, { 1, 16 }, { 16, 16 }, { 17, 32 }, { 32, 32 }, { 33, 48 }, { 48, 48 }, { 49, 64 }, { 64, 64 },
		{ 65, 128 }, { 129, 256 }, { 1000, 1024 }, { 1024, 1024 }, { 1025, 1088 }, { 65536, 65536 }, { 65537, 67584 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(pad_text(want[i][0]), want[i][1]);
}

static void padding_is_stable_growing_and_bounded(void **state)
{
	size_t last_text = 0, last_seal = 0, groups = 0;

	(void)state;
	for (size_t n = 0; n < 300000; n++) {
		size_t text = pad_text(n), seal = pad_seal(n);

		assert_true(text >= n && text >= last_text && seal >= text && seal >= last_seal);
		assert_true(pad_text(text) == text && pad_seal(seal) == seal);
		if (n > 1024)
			assert_true((seal - n) * 100 <= 12 * n);
		groups += seal != last_seal;
		last_text = text;
		last_seal = seal;
	}
	/* 64 to 1,024 by doubling; 16 an octave up to 2^16, 32 an octave to 2^18, and 5 steps of 8,192 to 300,000. */
	assert_int_equal(groups, 5 + 6 * 16 + 2 * 32 + 5);
}

/* ---- passphrases ----------------------------------------------------------------------------------------------- */

/* Answers of the Argon2 reference library. */
static void passphrase_gives_the_known_answers(void **state)
{
	struct argon a = { 65536, 3, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 } };
	char s[65];
	uint8_t out[32];

	(void)state;
	assert_int_equal(crypto_passphrase(&a, "correct horse", 13, out), 0);
	hex_encode(out, 32, s);
	assert_string_equal(s, "e3c889ca40ed01e6b6771fc8a5bf16e35ad60b41c9bd5d7e6d63adf51e50b0fd");
	a.passes = 4;
	assert_int_equal(crypto_passphrase(&a, "", 0, out), 0);
	hex_encode(out, 32, s);
	assert_string_equal(s, "aa9962f3860628a96f042fe284b4b00188ae6157e59e19ecccc4326f7136632f");
}

static void weak_and_endless_parameters_are_refused(void **state)
{
	static const uint32_t bad[][2] = {
		{ 65535, 3 }, { 0, 3 }, { 65536, 2 }, { 65536, 0 }, { 4194305, 3 }, { UINT32_MAX, 3 }, { 65536, 17 },
		{ 65536, UINT32_MAX }
	};
	uint8_t out[32], before[32];

	(void)state;
	memset(out, 0xee, 32);
	memcpy(before, out, 32);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct argon a = { bad[i][0], bad[i][1], { 0 } };

		assert_int_equal(crypto_passphrase(&a, "x", 1, out), CV_ERR_ARG);
	}
	assert_memory_equal(out, before, 32);
}

static void want_of_memory_leaves_the_output_alone(void **state)
{
	const struct argon a = { 4194304, 3, { 0 } };
	uint8_t out[32], before[32];
	struct rlimit old, few;

	(void)state;
	if (MLOCK_IS_FAKED)
		skip();	/* the sanitizer's shadow needs the address space */
	memset(out, 0xee, 32);
	memcpy(before, out, 32);
	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	few = old;
	few.rlim_cur = (rlim_t)1 << 30;
	assert_int_equal(setrlimit(RLIMIT_AS, &few), 0);
	assert_int_equal(crypto_passphrase(&a, "x", 1, out), CV_ERR_NOMEM);
	assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
	assert_memory_equal(out, before, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starting_twice_is_harmless),
		cmocka_unit_test(random_bytes_differ_after_fork),
		cmocka_unit_test(secrets_are_zero_and_counted),
		cmocka_unit_test(sizes_out_of_range_are_refused),
		cmocka_unit_test(secrets_are_locked_and_left_out_of_cores),
		cmocka_unit_test(unlockable_memory_is_an_error_unless_allowed),
		cmocka_unit_test(pad_seal_gives_the_known_answers),
		cmocka_unit_test(pad_text_gives_the_known_answers),
		cmocka_unit_test(padding_is_stable_growing_and_bounded),
		cmocka_unit_test(passphrase_gives_the_known_answers),
		cmocka_unit_test(weak_and_endless_parameters_are_refused),
		cmocka_unit_test(want_of_memory_leaves_the_output_alone),
	};

	return cmocka_run_group_tests_name("crypto", tests, start, NULL);
}

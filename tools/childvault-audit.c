/*
 * childvault-audit: auditors' work on copies of a log, offline. Exit codes: 0 ok, 1 failed, 2 usage, 3 verification failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "cli.h"
#include "crypto/crypto.h"

static const char *language(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (unsigned i = 0; i < 3; i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && v[0] != '\0')
			return strncmp(v, "zh", 2) == 0 ? "zh" : "en";
	}
	return "en";
}

/* The commands, tools/audit.h. */
static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "cosign", audit_cosign },
	{ "pack", audit_pack },
	{ "receipt", audit_receipt_verify },
	{ "report", audit_report },
	{ "review", audit_review },
	{ "verify", audit_verify_folder },
	{ "who", audit_who },
};

static int usage(FILE *to)
{
	(void)fputs(tr("usage: childvault-audit COMMAND ..., or COMMAND --help\n\n", "用法：childvault-audit 命令 …，或 命令 --help\n\n"), to);
	(void)fputs(tr("Works on a copy of a vault's log folder, without the vault. Commands:", "对档案库日志文件夹的副本进行核验，无须档案库本身。命令："), to);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		(void)fprintf(to, " %s", commands[i].name);
	(void)fputs(tr("\nExit codes: 0 ok, 1 could not read, 2 usage, 3 verification failed.\n",
	    "\n退出码：0 通过，1 无法读取，2 用法错误，3 核验不通过。\n"), to);
	return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int code;

	cli.offline = true;
	cli.program = argv[0];
	cli.chinese = language()[0] == 'z';
	if (argc > 2 && strcmp(argv[1], "--lang") == 0) {
		if (!cli_language(argv[2]))
			return usage(stderr);
		argv += 2;
		argc -= 2;
	}
	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(stdout);
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("childvault-audit %s\n", CV_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(commands[i].name, argv[1]) != 0)
			continue;
		code = crypto_start() == 0 ? commands[i].run(argc - 1, argv + 1) :
		    cli_fail(EXIT_FAILED, "libsodium does not start", "无法启动 libsodium");
		return fflush(stdout) != 0 || ferror(stdout) ? EXIT_FAILED : code;
	}
	(void)fprintf(stderr, tr("childvault-audit: there is no command %s\n", "childvault-audit：没有命令 %s\n"), argv[1]);
	return usage(stderr);
}

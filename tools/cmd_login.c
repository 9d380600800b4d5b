/* childvault login, logout: sessions for scripts. The token goes to standard output alone. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

static const struct cli_help login_help = { "login --key FILE [--role R]... [--passphrase-fd N]",
	"Opens a session and prints its token, which other commands take from CHILDVAULT_TOKEN:\n"
	"  export CHILDVAULT_TOKEN=$(childvault login --key caseworker.key)",
	"登录并输出令牌，供其他命令从 CHILDVAULT_TOKEN 读取：\n"
	"  export CHILDVAULT_TOKEN=$(childvault login --key caseworker.key)" };

/* --json: as the daemon answered, but the token is no longer in the body that the client keeps. */
static void print_json(const struct childvault *cv)
{
	printf("{\"token\":\"%s\",\"expires_at\":\"%s\",\"roles\":[", childvault_token(cv), childvault_expires(cv));
	for (const char *p = childvault_roles(cv), *end = p; *p != 0; p = *end == ',' ? end + 1 : end) {
		for (end = p; *end != 0 && *end != ','; end++)
			;
		printf("%s\"%.*s\"", p == childvault_roles(cv) ? "" : ",", (int)(end - p), p);
	}
	printf("]}\n");
}

int cmd_login(int argc, char **argv)
{
	const char *key = getenv("CHILDVAULT_KEY");
	struct cli_list roles = { { NULL }, 0 };
	uint64_t fd = UINT64_MAX;
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &key, "FILE", "the key file (CHILDVAULT_KEY)", "密钥文件（CHILDVAULT_KEY）" },
		{ "role", OPTION_LIST, &roles, "R", "take only this role; may be repeated", "只取该角色，可重复" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
	};
	struct childvault *cv = NULL;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &login_help, options, sizeof options / sizeof options[0], 0, 0, &a))
		return a.exit;
	if (key == NULL || key[0] == 0)
		return cli_usage("login", "--key FILE is missing", "缺少 --key 文件");
	if ((code = cli_open(&cv)) != 0 || (code = cli_login(cv, key, &roles, fd)) != 0)
		goto out;
	if (cli.json)
		print_json(cv);
	else
		printf("%s\n", childvault_token(cv));
	if (isatty(STDERR_FILENO) && !cli.json)
		fprintf(stderr, tr("roles %s, until %s\n", "角色 %s，有效至 %s\n"), childvault_roles(cv), childvault_expires(cv));
out:
	childvault_free(cv);
	return code;
}

int cmd_logout(int argc, char **argv)
{
	static const struct cli_help help = { "logout", "Ends the session of CHILDVAULT_TOKEN.", "结束 CHILDVAULT_TOKEN 的会话。" };
	const char *token = getenv("CHILDVAULT_TOKEN");
	struct childvault *cv = NULL;
	struct cli_args a;
	int code, r;

	if (!cli_parse(argc, argv, &help, NULL, 0, 0, 0, &a))
		return a.exit;
	if (token == NULL || token[0] == 0)
		return cli_usage("logout", "CHILDVAULT_TOKEN is not set", "未设置 CHILDVAULT_TOKEN");
	if ((code = cli_open(&cv)) != 0)
		return code;
	if (childvault_with_token(cv, token) != CHILDVAULT_OK)
		code = cli_fail(EXIT_USAGE, "CHILDVAULT_TOKEN is not a token", "CHILDVAULT_TOKEN 不是令牌");
	else if ((r = childvault_logout(cv)) != CHILDVAULT_OK)
		code = cli_answer_fail(cv, r);
	childvault_free(cv);
	return code;
}

/* childvault login, logout: sessions for scripts. The token goes to standard output alone. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "client/client.h"
#include "client/key.h"

struct login {
	const char *key;
	struct cli_list roles;
	uint64_t fd, new_fd;		/* of the passphrases; UINT64_MAX: the terminal */
	bool new_pass, no_pass;		/* the key file is to be wrapped anew */
};

static const struct cli_help login_help = {
	"login --key FILE [--role R]... [--passphrase-fd N] [--new-passphrase [--new-passphrase-fd N] | --no-passphrase]",
	"Opens a session and prints its token, which other commands take from CHILDVAULT_TOKEN:\n"
	"  export CHILDVAULT_TOKEN=$(childvault login --key caseworker.key)\n"
	"Every session has the key's personal role besides, with which granted fields are opened; administrators and custodians have\n"
	"it alone.\n"
	"With --new-passphrase or --no-passphrase it gives the key file a new passphrase or none, and logs in with the new file\n"
	"before that takes the place of the old one.",
	"登录并输出令牌，供其他命令从 CHILDVAULT_TOKEN 读取：\n"
	"  export CHILDVAULT_TOKEN=$(childvault login --key caseworker.key)\n"
	"每个会话另含本人的个人角色，用于打开经批准授予的字段；管理员与保管员只有个人角色。\n"
	"--new-passphrase 为密钥文件换新口令，--no-passphrase 去掉口令；先用新文件登录成功，再替换旧文件。" };

/* ---- a key file under another passphrase -------------------------------------------------------------------------------- */

/* Ask for the new passphrase, left in *pass, and have the file's text made. The session of the old one is over. */
static int wrap_anew(struct childvault *cv, const struct login *l, const struct client_key *key, struct buf *pass, struct buf *ret)
{
	struct client_pass derived = { 0 };
	int code = 0, r;

	if (l->new_pass) {
		if ((code = cli_passphrase(l->new_fd, tr("New passphrase:", "新口令："), true, pass)) != 0)
			return code;
		if (client_pass_new((const char *)pass->p, pass->n, &derived) != 0)
			return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	}
	if ((r = client_rewrap(cv, key, l->new_pass ? &derived : NULL, ret)) != CHILDVAULT_OK)
		code = cli_answer_fail(cv, r);
	wipe(&derived, sizeof derived);
	return code;
}

/* Log in with the file fresh as it stands on the disk. */
static int prove(struct childvault *cv, const struct login *l, const char *fresh, const struct buf *pass)
{
	struct buf text;
	int code, r;

	buf_init(&text, 65536 * 2);
	if ((code = cli_read_file(fresh, &text)) == 0 &&
	    (r = client_login(cv, (const char *)text.p, text.n, pass->n != 0 ? (const char *)pass->p : NULL, pass->n, l->roles.item,
	    l->roles.n, NULL)) != CHILDVAULT_OK)
		code = cli_answer_fail(cv, r);
	buf_free(&text);
	return code;
}

/* Until a session has been opened with the new file, the old one stays as it is. */
static int replace_key(struct childvault *cv, const struct login *l, const struct client_key *key)
{
	char path[PATH_MAX], fresh[PATH_MAX + 8];
	struct buf pass, text;
	int code;

	if (realpath(l->key, path) == NULL)	/* of a link, what it points to is replaced */
		return cli_fail(EXIT_FAILED, "cannot find %s: %s", "找不到 %s：%s", l->key, strerror(errno));
	snprintf(fresh, sizeof fresh, "%s.new", path);
	buf_init(&pass, 2048);
	buf_init(&text, KEYFILE_TEXT_MAX);
	(void)unlink(fresh);	/* left over from a run that was cut short, if it is there at all */
	if ((code = wrap_anew(cv, l, key, &pass, &text)) == 0 &&
	    (code = cli_write_file(fresh, text.p, text.n, 0600, false)) == 0 &&
	    (code = prove(cv, l, fresh, &pass)) != 0)
		(void)unlink(fresh);	/* a second way to the key that nobody asked for */
	if (code == 0)
		code = cli_put_in_place(fresh, path);
	else
		(void)cli_fail(code, "%s keeps its passphrase", "%s 的口令未变", l->key);
	buf_free(&pass);
	buf_free(&text);
	return code;
}

/* The old protection opens a session, the new one the last, whose token is left in cv. */
static int login_anew(struct childvault *cv, const struct login *l)
{
	struct client_key key = { 0 };
	int code, r;

	if ((code = cli_login_key(cv, l->key, NULL, l->fd, &key)) == 0) {
		if ((r = childvault_logout(cv)) != CHILDVAULT_OK)
			code = cli_answer_fail(cv, r);
		else
			code = replace_key(cv, l, &key);
	}
	client_key_clear(&key);
	return code;
}

/* ---- the commands -------------------------------------------------------------------------------------------------------- */

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

/* What does not go together. 0 or EXIT_USAGE. */
static int check_login(const struct login *l)
{
	if (l->key == NULL || l->key[0] == 0)
		return cli_usage("login", "--key FILE is missing", "缺少 --key 文件");
	if (l->new_pass && l->no_pass)
		return cli_usage("login", "--new-passphrase and --no-passphrase exclude each other",
		    "--new-passphrase 与 --no-passphrase 不能并用");
	if (l->new_fd != UINT64_MAX && !l->new_pass)
		return cli_usage("login", "--new-passphrase-fd goes with --new-passphrase", "--new-passphrase-fd 须与 --new-passphrase 并用");
	if ((l->new_pass || l->no_pass) && strcmp(l->key, "-") == 0)
		return cli_usage("login", "standard input cannot be replaced: name the key file", "标准输入无法替换，请指明密钥文件");
	return 0;
}

int cmd_login(int argc, char **argv)
{
	struct login l = { .key = getenv("CHILDVAULT_KEY"), .fd = UINT64_MAX, .new_fd = UINT64_MAX };
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &l.key, "FILE", "the key file (CHILDVAULT_KEY)", "密钥文件（CHILDVAULT_KEY）" },
		{ "role", OPTION_LIST, &l.roles, "R", "take only this role; may be repeated", "只取该角色，可重复" },
		{ "passphrase-fd", OPTION_NUMBER, &l.fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
		{ "new-passphrase", OPTION_FLAG, &l.new_pass, NULL, "give the key file a new passphrase", "为密钥文件换新口令" },
		{ "new-passphrase-fd", OPTION_NUMBER, &l.new_fd, "N", "read the new one from descriptor N", "从描述符 N 读新口令" },
		{ "no-passphrase", OPTION_FLAG, &l.no_pass, NULL, "take the key file's passphrase away", "去掉密钥文件的口令" },
	};
	struct childvault *cv = NULL;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &login_help, options, sizeof options / sizeof options[0], 0, 0, &a))
		return a.exit;
	if ((code = check_login(&l)) != 0 || (code = cli_open(&cv)) != 0)
		return code;
	code = l.new_pass || l.no_pass ? login_anew(cv, &l) : cli_login(cv, l.key, &l.roles, l.fd);
	if (code != 0)
		goto out;
	if (cli.json)
		print_json(cv);
	else
		printf("%s\n", childvault_token(cv));
	if (isatty(STDERR_FILENO) && !cli.json && childvault_roles(cv)[0] == 0)
		fprintf(stderr, tr("the personal role alone, until %s\n", "仅有个人角色，有效至 %s\n"), childvault_expires(cv));
	else if (isatty(STDERR_FILENO) && !cli.json)
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

/* childvault: the command line. The table below is all there is. */
#include <getopt.h>
#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "crypto/crypto.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *en, *zh;
};

static const struct command commands[] = {
	{ "keygen", cmd_keygen, "make a person's key file and public file", "生成个人密钥文件和公开文件" },
	{ "init", cmd_init, "make a vault", "建立档案库" },
	{ "genesis", cmd_genesis, "show and sign what a new vault is", "查看并签署新库的内容" },
	{ "demo", cmd_demo, "show the whole story on this terminal", "在终端上演示全过程" },
	{ "unseal", cmd_unseal, "give the vault its root key", "解封档案库" },
	{ "seal", cmd_seal, "take the root key away from the vault", "封存档案库" },
	{ "shares", cmd_shares, "print, prove and renew shares of the key that unseals", "解封密钥份额：打印、验证、重新拆分" },
	{ "status", cmd_status, "tell the state of the vault", "显示档案库状态" },
	{ "login", cmd_login, "open a session and print its token", "登录并输出令牌" },
	{ "logout", cmd_logout, "end a session", "结束会话" },
	{ "proxy", cmd_proxy, "keep a session for applications that speak plain HTTP", "为应用程序保持会话，供其以普通 HTTP 访问" },
	{ "create", cmd_create, "store a new record", "新建档案" },
	{ "get", cmd_get, "read fields of a record", "读取档案字段" },
	{ "put", cmd_put, "change fields of a record", "修改档案字段" },
	{ "history", cmd_history, "show versions of a record's fields", "显示字段的历史版本" },
	{ "list", cmd_list, "list files that are due, in a place or in a state", "列出到期、某地或某状态的档案" },
	{ "search", cmd_search, "find files by a number, or by name and birth date", "按号码或姓名和出生日期查找档案" },
	{ "todo", cmd_todo, "tell what waits for you", "显示待办事项" },
	{ "reproject", cmd_reproject, "compute views and predicates anew", "重新计算脱敏视图和判定" },
	{ "import", cmd_import, "store many files from NDJSON or CSV", "批量导入档案" },
	{ "export", cmd_export, "write files that an approved request names", "按已批准的申请导出档案" },
	{ "assign", cmd_assign, "let a person read files until a day", "指派某人在期限内查阅档案" },
	{ "request", cmd_request, "ask for an approval, or decide on one", "申请审批或作出决定" },
	{ "grant", cmd_grant, "show and revoke grants", "查看和撤销查阅授权" },
	{ "delegate", cmd_delegate, "let a person assign and approve in your place", "委托他人代为指派和审批" },
	{ "member", cmd_member, "list, suspend and restore members, add new ones", "查看、停用、恢复、新增成员" },
	{ "custody", cmd_custody, "give a custodian's shares, share role keys anew", "保管员交出份额、重新分存角色密钥" },
	{ "role", cmd_role, "new keys for roles, classes for a role", "更换角色密钥、授予角色类别" },
	{ "rotate", cmd_rotate, "renew keys, or list them and what is overdue", "例行更换密钥，或列出密钥和逾期情况" },
	{ "rewrap", cmd_rewrap, "wrap old data keys anew and destroy the old keys", "重新包裹旧数据密钥并销毁旧密钥" },
	{ "compact", cmd_compact, "let deleted bytes leave the files of a stopped vault", "停机后清除文件中已删除的内容" },
	{ "audit", cmd_audit, "events, export, verify: read and check the audit log", "审计日志：查看、导出、校验" },
	{ "policy", cmd_policy, "check, plan, explain and apply profiles", "规则文件：检查、比较、说明、生效" },
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void print_help(FILE *to)
{
	fprintf(to, "%s\n\n", tr("usage: childvault [--lang zh|en] [--json] [--socket PATH] COMMAND ...",
	    "用法：childvault [--lang zh|en] [--json] [--socket 路径] 命令 ..."));
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-9s %s\n", commands[i].name, tr(commands[i].en, commands[i].zh));
	fprintf(to, "\n%s\n%s\n", tr("childvault COMMAND --help tells more about one command.", "childvault 命令 --help 显示该命令的说明。"),
	    tr("Environment: CHILDVAULT_SOCKET, CHILDVAULT_TOKEN, CHILDVAULT_KEY.",
	    "环境变量：CHILDVAULT_SOCKET、CHILDVAULT_TOKEN、CHILDVAULT_KEY。"));
}

/* JSON holds field values and tokens: its memory carries its size in front, so that free can wipe it. */
#define JSON_PREFIX 16u
static void *json_malloc(size_t n)
{
	unsigned char *p = n < SIZE_MAX - JSON_PREFIX ? malloc(n + JSON_PREFIX) : NULL;

	if (p == NULL)
		return NULL;
	memcpy(p, &n, sizeof n);
	return p + JSON_PREFIX;
}

static void json_wipe_free(void *q)
{
	unsigned char *p = q;
	size_t n;

	if (p == NULL)
		return;
	p -= JSON_PREFIX;
	memcpy(&n, p, sizeof n);
	wipe(p, n + JSON_PREFIX);
	free(p);
}

static void set_language_by_locale(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < 3; i++) {
		const char *s = getenv(names[i]);

		if (s != NULL && s[0] != 0) {
			cli.chinese = strncmp(s, "zh", 2) == 0;
			return;
		}
	}
}

/* Options before the command. Returns the command's place, or -1 with *ret_exit. */
static int leading_options(int argc, char **argv, int *ret_exit)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { "json", no_argument, NULL, 'j' },
		{ "lang", required_argument, NULL, 'l' }, { "socket", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 } };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (c == 'j') {
			cli.json = true;
		} else if (c == 's') {
			cli.socket = optarg;
		} else if (c == 'l' && cli_language(optarg)) {
			continue;
		} else if (c == 'V') {
			printf("childvault %s\n", CV_VERSION);
			*ret_exit = EXIT_DONE;
			return -1;
		} else {
			print_help(c == 'h' ? stdout : stderr);
			*ret_exit = c == 'h' ? EXIT_DONE : EXIT_USAGE;
			return -1;
		}
	}
	if (optind == argc) {
		print_help(stderr);
		*ret_exit = EXIT_USAGE;
		return -1;
	}
	return optind;
}

int cli_run(int argc, char **argv)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, argv[0]) == 0)
			return commands[i].run(argc, argv);
	(void)cli_fail(EXIT_USAGE, "there is no command '%s'; there are:", "没有命令“%s”；可用的命令：", argv[0]);
	print_help(stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int at, code = EXIT_USAGE;

	(void)setlocale(LC_ALL, "");	/* without it texts are still right */
	json_set_alloc_funcs(json_malloc, json_wipe_free);
	set_language_by_locale();
	cli.program = argv[0];
	cli.socket = getenv("CHILDVAULT_SOCKET");
	if (crypto_start() != 0)
		return cli_fail(EXIT_FAILED, "libsodium does not start", "无法启动 libsodium");
	if ((at = leading_options(argc, argv, &code)) < 0)
		return code;
	if (strcmp(argv[at], "help") == 0) {
		print_help(stdout);
		return EXIT_DONE;
	}
	code = cli_run(argc - at, argv + at);
	return fflush(stdout) == 0 && !ferror(stdout) ? code : EXIT_FAILED;
}

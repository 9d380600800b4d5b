/* The commands' way to the daemon: sockets, sessions, and what a refusal means for the exit code. */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "client/client.h"
#include "format/keyfile.h"

#define TOKEN_FD_NONE UINT64_MAX

int cli_open(struct childvault **ret)
{
	if (cli.socket == NULL || cli.socket[0] == 0)
		return cli_fail(EXIT_USAGE, "which vault? give --socket PATH or set CHILDVAULT_SOCKET",
		    "哪个档案库？请用 --socket 路径 或设置 CHILDVAULT_SOCKET");
	switch (childvault_open(cli.socket, ret)) {
	case CHILDVAULT_OK:
		return 0;
	case CHILDVAULT_USAGE:
		return cli_fail(EXIT_USAGE, "the socket's path is too long: %s", "套接字路径过长：%s", cli.socket);
	default:
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	}
}

/* The daemon's titles are English; people who read Chinese get these for what they are likely to meet. */
static const char *title_zh(const char *kind)
{
	static const struct {
		const char *kind, *title;
	} titles[] = { { "unauthenticated", "没有有效的会话" }, { "not-permitted", "无此权限" }, { "purpose-required", "须说明目的" },
		{ "reason-required", "查看明文须说明理由" }, { "not-found", "没有该档案" }, { "erased", "档案已销毁" }, { "sealed", "档案库已封存" },
		{ "precondition-failed", "档案已被他人修改" }, { "precondition-required", "须指明所读版本" }, { "unknown-field", "没有该字段" },
		{ "wrong-type", "值的类型不符" }, { "validation", "值未通过校验" }, { "malformed-json", "JSON 格式错误" },
		{ "duplicate-member", "JSON 成员重复" }, { "payload-too-large", "内容过大" }, { "rate-limited", "尝试过于频繁，请稍后再试" },
		{ "idempotency-mismatch", "同一幂等键的内容不同" }, { "storage-full", "存储空间不足" }, { "audit-unavailable", "审计日志不可写" },
		{ "overloaded", "服务繁忙" }, { "integrity", "存储的数据被改动" }, { "prohibited-purpose", "法律禁止用于该目的" },
		{ "not-owner", "该字段由其他部门负责" }, { "approval-required", "须先经审批或指派" }, { "budget-exceeded", "查阅数量已达上限，请稍后再试" },
		{ "conflict", "已被处理，状态不符" }, { "index-rebuilding", "工作清单正在建立，请稍后再试" }, { "bad-request", "请求有误" },
		{ "unknown-member", "不认识的成员" }, { "bad-cursor", "翻页标记无效" },
		{ "cosignature-required", "须先由见证人对日志作见证" } };

	for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
		if (strcmp(titles[i].kind, kind) == 0)
			return titles[i].title;
	return NULL;
}

const char *cli_kind(const char *kind)
{
	const char *title = cli.chinese ? title_zh(kind) : NULL;

	return title != NULL ? title : kind;
}

static int exit_of_problem(const char *kind)
{
	static const char *const denied[] = { "unauthenticated", "not-permitted", "purpose-required", "reason-required",
		"origin-refused", "prohibited-purpose", "not-owner", "approval-required", "budget-exceeded", "cosignature-required" };

	for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++)
		if (strcmp(kind, denied[i]) == 0)
			return EXIT_DENIED;
	return strcmp(kind, "sealed") == 0 ? EXIT_SEALED : EXIT_FAILED;
}

/* Which fields were wrong, and what was expected: never a value. */
static void say_errors(const struct childvault *cv)
{
	size_t n;
	const char *body = childvault_body(cv, &n);
	json_t *j = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *errors = json_object_get(j, "errors");

	for (size_t i = 0; i < json_array_size(errors); i++) {
		const json_t *e = json_array_get(errors, i);
		const char *pointer = json_string_value(json_object_get(e, "pointer"));
		const char *kind = json_string_value(json_object_get(e, "kind"));
		const char *expected = json_string_value(json_object_get(e, "expected"));

		if (pointer != NULL && kind != NULL)
			fprintf(stderr, "  %s: %s%s%s\n", pointer, kind, expected != NULL ? ", " : "", expected != NULL ? expected : "");
	}
	json_decref(j);
}

int cli_answer_fail(const struct childvault *cv, int code)
{
	static const int exits[] = { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_SEALED, EXIT_FAILED, EXIT_DENIED, EXIT_FAILED, EXIT_VERIFY };
	int code_of_exit = code == CHILDVAULT_PROBLEM ? exit_of_problem(childvault_problem(cv)) : exits[code];
	char words[1024];

	if (code == CHILDVAULT_PROBLEM && cli.json)
		(void)cli_print_body(cv);
	if (cli.chinese && title_zh(childvault_problem(cv)) != NULL)
		(void)cli_fail(code_of_exit, "%s (%s)", "%s（%s）", title_zh(childvault_problem(cv)), childvault_problem(cv));
	else
		(void)cli_fail(code_of_exit, "%s", "%s", in_words(childvault_message(cv), words, sizeof words));
	if (code == CHILDVAULT_PROBLEM)
		say_errors(cv);
	if (childvault_explain(cv)[0] != 0)
		(void)cli_fail(code_of_exit, "rule: %s", "规则：%s", in_words(childvault_explain(cv), words, sizeof words));
	if (strcmp(childvault_problem(cv), "precondition-required") == 0)
		(void)cli_fail(code_of_exit, "name the version you read with --if-match, or take the present one with --latest",
		    "请用 --if-match 指明所读版本，或用 --latest 取当前版本");
	return code_of_exit;
}

int cli_print_body(const struct childvault *cv)
{
	size_t n;
	const char *p = childvault_body(cv, &n);

	if (fwrite(p, 1, n, stdout) != n || (n != 0 && p[n - 1] != '\n' && putchar('\n') == EOF))
		return EXIT_FAILED;
	return EXIT_DONE;
}

/* The passphrase of a key file that wants one; nothing for one that does not. */
static int key_passphrase(const char *path, const struct buf *text, uint64_t fd, struct buf *ret)
{
	struct keyfile f;
	uint8_t protection;

	if (keyfile_decode((const char *)text->p, text->n, &f) != 0)
		return cli_fail(EXIT_FAILED, "%s is not a key file", "%s 不是密钥文件", path);
	protection = f.protection;
	wipe(&f, sizeof f);
	if (protection == KEYFILE_PLAIN)
		return 0;
	return cli_passphrase(fd, tr("Passphrase:", "口令："), false, ret);
}

/* ---- the log's head, remembered beside the key file ---------------------------------------------------------------------- */

#define HEAD_ROOM (1u << 17)

/* KEY.head. False: a key that comes from standard input, or whose path is too long, has none. */
static bool head_path(const char *key_path, char ret[PATH_MAX])
{
	return strcmp(key_path, "-") != 0 && snprintf(ret, PATH_MAX, "%s.head", key_path) < PATH_MAX;
}

/* Let the login hold the log against what this key has seen of it. 0 or an exit code. */
static int expect_head(struct childvault *cv, const char *path)
{
	struct buf b;
	int code = 0;

	buf_init(&b, HEAD_ROOM);
	if (access(path, F_OK) == 0 && (code = cli_read_file(path, &b)) == 0 && b.n == 0)
		code = cli_fail(EXIT_VERIFY, "%s is empty", "%s 是空的", path);
	if (code == 0 && childvault_remember(cv, (const char *)b.p, b.n) != CHILDVAULT_OK)
		code = cli_fail(EXIT_VERIFY, "%s is not what was written there: what the log was cannot be told any more. Ask "
		    "why before you remove it", "%s 内容有误：无法再知道日志曾是怎样的。请先向保管档案库的人问明原因，再删除它", path);
	buf_free(&b);
	return code;
}

/* Remember the newer head. A folder that cannot be written is said, and no reason not to work. */
static void keep_head(const struct childvault *cv, const char *path)
{
	const char *head = childvault_head(cv);
	struct buf old;

	if (head == NULL)
		return;
	buf_init(&old, HEAD_ROOM);
	if (access(path, F_OK) == 0 && cli_read_file(path, &old) == 0 && old.n == strlen(head) && memcmp(old.p, head, old.n) == 0)
		;	/* nothing is new */
	else if (cli_write_file(path, head, strlen(head), 0600, true) != 0)
		(void)cli_fail(0, "the log's head is not remembered: an older vault in this one's place would not be noticed",
		    "未能记住日志的末端：若有人换上旧的档案库，将无法察觉");
	buf_free(&old);
}

/* What stands beside a vault that went back: what people can do about it. */
static int head_differs(const struct childvault *cv, const char *path)
{
	(void)cli_answer_fail(cv, CHILDVAULT_VERIFY);
	return cli_fail(EXIT_VERIFY, "%s holds the signed head that was seen before: keep it, it is evidence, and tell an auditor. "
	    "Remove it only if the vault was restored from a backup on purpose, and log in again",
	    "%s 保存着以前见到的、经签名的日志末端：请留作证据并告知审计员。只有在有意从备份恢复档案库之后，才可删除它并重新登录", path);
}

int cli_login_key(struct childvault *cv, const char *key_path, const struct cli_list *roles, uint64_t passphrase_fd,
    struct client_key *ret_key)
{
	char head[PATH_MAX];
	const bool remembers = head_path(key_path, head);
	struct buf text, pass;
	const char *renewed;
	int code, r;

	buf_init(&text, 65536 * 2);
	buf_init(&pass, 2048);
	if ((remembers && (code = expect_head(cv, head)) != 0) || (code = cli_read_file(key_path, &text)) != 0 ||
	    (code = key_passphrase(key_path, &text, passphrase_fd, &pass)) != 0)
		goto out;
	r = client_login(cv, (const char *)text.p, text.n, pass.n != 0 ? (const char *)pass.p : NULL, pass.n,
	    roles != NULL ? roles->item : NULL, roles != NULL ? roles->n : 0, ret_key);
	if (r != CHILDVAULT_OK) {
		code = r == CHILDVAULT_VERIFY ? head_differs(cv, head) : cli_answer_fail(cv, r);
		goto out;
	}
	if ((renewed = childvault_new_key(cv)) != NULL)
		code = cli_write_file(key_path, renewed, strlen(renewed), 0600, true);
	if (code == 0 && remembers)
		keep_head(cv, head);
out:
	buf_free(&text);
	buf_free(&pass);
	return code;
}

int cli_login(struct childvault *cv, const char *key_path, const struct cli_list *roles, uint64_t passphrase_fd)
{
	return cli_login_key(cv, key_path, roles, passphrase_fd, NULL);
}

int cli_session(struct childvault **ret, bool *ret_own)
{
	const char *token = getenv("CHILDVAULT_TOKEN"), *key = getenv("CHILDVAULT_KEY");
	struct childvault *cv = NULL;
	bool own = false;
	int code;

	if ((code = cli_open(&cv)) != 0)
		return code;
	if (token != NULL && token[0] != 0) {
		if (childvault_with_token(cv, token) != CHILDVAULT_OK)
			code = cli_fail(EXIT_USAGE, "CHILDVAULT_TOKEN is not a token", "CHILDVAULT_TOKEN 不是令牌");
	} else if (key != NULL && key[0] != 0) {
		own = true;
		code = cli_login(cv, key, NULL, TOKEN_FD_NONE);
	} else {
		code = cli_fail(EXIT_DENIED, "no session: set CHILDVAULT_TOKEN (childvault login) or CHILDVAULT_KEY",
		    "没有会话：请设置 CHILDVAULT_TOKEN（childvault login）或 CHILDVAULT_KEY");
	}
	if (code != 0) {
		childvault_free(cv);
		return code;
	}
	*ret = cv;
	*ret_own = own;
	return 0;
}

void cli_close(struct childvault *cv, bool own)
{
	if (cv != NULL && own && childvault_token(cv) != NULL)
		(void)childvault_logout(cv);	/* the daemon ends idle sessions by itself */
	childvault_free(cv);
}

int cli_admin_path(const char *vault, char *ret, size_t room)
{
	const char *slash = cli.socket != NULL ? strrchr(cli.socket, '/') : NULL;
	int n;

	if (vault != NULL)
		n = snprintf(ret, room, "%s/admin.sock", vault);
	else if (slash != NULL)
		n = snprintf(ret, room, "%.*s/admin.sock", (int)(slash - cli.socket), cli.socket);
	else if (cli.socket != NULL && cli.socket[0] != 0)
		n = snprintf(ret, room, "./admin.sock");
	else
		return cli_fail(EXIT_USAGE, "which vault? give --vault DIR or set CHILDVAULT_SOCKET",
		    "哪个档案库？请用 --vault 目录 或设置 CHILDVAULT_SOCKET");
	if (n < 0 || (size_t)n >= room)
		return cli_fail(EXIT_USAGE, "the path of admin.sock is too long", "admin.sock 的路径过长");
	return 0;
}

/* childvault member: who is in the directory, suspending one of them; cmd_operation.c has what two sign. docs/POLICY.md section 5. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pages.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define TEXT_MAX 4096u

struct member {
	const char *name, *en, *zh;
	bool listed;
};
/* In the order in which people are shown them. */
static const struct member members[] = {
	{ "login", "login", "登录名", true }, { "state", "state", "状态", true }, { "kind", "kind", "类别", true },
	{ "duty", "duty", "管理职责", false }, { "department", "department", "部门", true }, { "roles", "roles", "角色", true },
	{ "area", "place", "区划", true }, { "from", "from", "起始日期", false }, { "until", "until", "截止日期", true },
	{ "vetted", "vetted", "审查日期", false }, { "last_session", "last session", "最近登录", true },
	{ "lapses", "lapses", "失效日期", false }, { "id", "id", "编号", false }
};

/* A code in the language of people; the code itself in a pipe. */
static const char *word(const char *code)
{
	static const struct member words[] = {
		{ "active", "active", "正常", false }, { "suspended", "suspended", "已停用", false },
		{ "removed", "removed", "已移除", false }, { "expired", "expired", "已到期", false },
		{ "not-yet", "not yet", "未生效", false }, { "lapsed", "lapsed", "已失效", false }, { "person", "person", "人员", false },
		{ "app", "application", "应用程序", false }, { "job", "job", "任务程序", false },
		{ "administrator", "administrator", "管理员", false }, { "custodian", "custodian", "保管员", false },
		{ "auditor", "auditor", "审计员", false }, { "system", "system", "系统管理", false },
		{ "security", "security", "安全管理", false }, { "audit", "audit", "审计管理", false }
	};

	for (size_t i = 0; isatty(STDOUT_FILENO) && i < COUNT(words); i++)
		if (strcmp(words[i].name, code) == 0)
			return tr(words[i].en, words[i].zh);
	return code;
}

/* A member of j as text: a list's items joined by commas. Valid until the next call with the same room. */
static const char *cell(const json_t *j, const char *name, char room[TEXT_MAX])
{
	const json_t *v = json_object_get(j, name);
	size_t n = 0;

	if (strcmp(name, "state") == 0 || strcmp(name, "kind") == 0 || strcmp(name, "duty") == 0)
		return word(json_text(j, name));
	if (!json_is_array(v))
		return json_text(j, name);
	room[0] = 0;
	for (size_t i = 0; i < json_array_size(v) && n < TEXT_MAX; i++)
		n += (size_t)snprintf(room + n, TEXT_MAX - n, "%s%s", i > 0 ? "," : "", json_string_value(json_array_get(v, i)));
	return room;
}

/* ---- list, show -------------------------------------------------------------------------------------------------------- */

static void add_row(void *cookie, const json_t *j)
{
	static char room[TEXT_MAX];
	const char *cells[COUNT(members)];
	unsigned n = 0;

	for (size_t i = 0; i < COUNT(members); i++)
		if (members[i].listed)
			cells[n++] = cell(j, members[i].name, room);
	if (cookie != NULL)
		table_row(cookie, cells);
}

static struct table *new_table(void)
{
	const char *names[COUNT(members)];
	unsigned n = 0;

	for (size_t i = 0; i < COUNT(members); i++)
		if (members[i].listed)
			names[n++] = tr(members[i].en, members[i].zh);
	return table_new(n, names);
}

static int list(int argc, char **argv)
{
	static const struct cli_help help = { "member list [--state active|suspended|removed|lapsed|expired|not-yet] [--all]",
		"Lists who is in the directory, for administrators, auditors and who assigns.",
		"列出成员：供管理员、审计员和有指派权的人员查看。" };
	struct pages p = { .collection = "members", .row = add_row };
	const struct cli_option options[] = {
		{ "state", OPTION_TEXT, &p.filter.state, "S", "only those in this state", "只列此状态的" },
		{ "all", OPTION_FLAG, &p.all, NULL, "page after page to the end", "逐页列出全部" } };
	struct childvault *cv = NULL;
	bool own = false;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	if ((code = cli_session(&cv, &own)) != 0)
		return code;
	p.cookie = new_table();
	code = pages_print(cv, &p, p.cookie);
	cli_close(cv, own);
	return code;
}

/* What the last answer says of one member, a line each. */
static int print_member(const struct childvault *cv)
{
	const char *names[] = { tr("what", "项目"), tr("value", "内容") }, *cells[2];
	struct table *t = table_new(2, names);
	json_t *j = cli_body(cv);
	char room[TEXT_MAX];

	for (size_t i = 0; t != NULL && i < COUNT(members); i++) {
		if (json_object_get(j, members[i].name) == NULL)
			continue;
		cells[0] = isatty(STDOUT_FILENO) ? tr(members[i].en, members[i].zh) : members[i].name;
		cells[1] = cell(j, members[i].name, room);
		table_row(t, cells);
	}
	json_decref(j);
	return table_print(t);
}

/* The id of the member with this login name. 0, or an exit code after a message. */
static int find(struct childvault *cv, const char *login, char ret[33])
{
	int r;

	if ((r = pages_member(cv, login, ret)) != CHILDVAULT_OK)
		return cli_answer_fail(cv, r);
	return ret[0] != 0 ? 0 : cli_fail(EXIT_FAILED, "nobody here has the login name %s", "没有登录名为 %s 的成员", login);
}

static int show(int argc, char **argv)
{
	static const struct cli_help help = { "member show LOGIN", "Shows one member.", "显示一名成员。" };
	struct childvault *cv = NULL;
	bool own = false;
	struct cli_args a;
	char id[33];
	int code, r;

	if (!cli_parse(argc, argv, &help, NULL, 0, 1, 1, &a))
		return a.exit;
	if ((code = cli_session(&cv, &own)) == 0 && (code = find(cv, a.argv[0], id)) == 0) {
		if ((r = childvault_object(cv, "members", id)) != CHILDVAULT_OK)
			code = cli_answer_fail(cv, r);
		else
			code = cli.json ? cli_print_body(cv) : print_member(cv);
	}
	cli_close(cv, own);
	return code;
}

/* ---- suspend ---------------------------------------------------------------------------------------------------- */

/* The text of {"reason": reason} with more members, or NULL after a message. Freed with json_text_free. */
static char *body_of(const char *command, json_t *j, const char *reason)
{
	char *text = NULL;

	if (reason == NULL || reason[0] == 0)
		(void)cli_usage(command, "--reason is missing", "缺少 --reason");
	else if (json_object_set_new(j, "reason", json_string(reason)) != 0 || (text = json_dumps(j, JSON_COMPACT)) == NULL)
		(void)cli_usage(command, "--reason is not UTF-8", "--reason 不是 UTF-8");
	json_decref(j);
	return text;
}

static int suspend(int argc, char **argv)
{
	static const struct cli_help help = { "member suspend LOGIN --reason TEXT",
		"Ends every session of the member at once and lets none be opened. One security administrator does it alone; two restore.",
		"立即停用成员：结束其全部会话且不得再登录。由一名安全管理员执行；恢复须两名管理员。" };
	const struct childvault_with with = { .purpose = NULL };
	const char *reason = NULL;
	const struct cli_option options[] = {
		{ "reason", OPTION_TEXT, &reason, "TEXT", "why: it stands in the log", "理由（记入日志）" } };
	struct childvault *cv = NULL;
	bool own = false;
	struct cli_args a;
	char id[33], *text;
	int code, r;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	if ((text = body_of("member suspend", json_object(), reason)) == NULL)
		return EXIT_USAGE;
	if ((code = cli_session(&cv, &own)) == 0 && (code = find(cv, a.argv[0], id)) == 0) {
		if ((r = childvault_act(cv, &with, "members", id, "suspend", text)) != CHILDVAULT_OK)
			code = cli_answer_fail(cv, r);
		else
			code = cli.json ? cli_print_body(cv) : print_member(cv);
	}
	json_text_free(text);
	cli_close(cv, own);
	return code;
}

int cmd_member(int argc, char **argv)
{
	static const struct cli_sub subs[] = {
		{ "list", list, "who is in the directory", "列出成员" },
		{ "show", show, "show one member", "显示一名成员" },
		{ "suspend", suspend, "suspend a member at once (one security administrator)", "立即停用成员（一名安全管理员）" },
		{ "restore", member_restore, "propose that one be restored", "提请恢复成员" },
		{ "add", member_add, "propose a new member", "提请新增成员" },
		{ "role", member_role, "propose further roles for a member", "提请为成员增加角色" },
		{ "remove", member_remove, "propose that a member leave for good", "提请永久移除成员" },
		{ "sign", member_sign, "sign what another administrator proposed", "签署另一名管理员的提请" },
		{ "verify", member_verify, "verify the signed directory", "校验已签名的成员目录" },
	};

	return cli_group(argc, argv, subs, COUNT(subs));
}

/* childvault assign, request, grant, delegate: who may see what, for how long. docs/POLICY.md section 5. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pages.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define RECORDS_MAX (1u << 20)	/* bytes of a file of ids */

/* ---- objects for people -------------------------------------------------------------------------------------------- */

struct member {
	const char *name, *en, *zh;
};
/* What an object may hold, in the order in which people are shown it. */
static const struct member members[] = {
	{ "id", "id", "编号" }, { "kind", "kind", "种类" }, { "state", "state", "状态" },
	{ "principal", "for", "被授权人" }, { "record", "record", "档案" }, { "records", "records", "档案" },
	{ "any_record", "any record", "任一档案" }, { "fields", "fields", "字段" }, { "purpose", "purpose", "目的" },
	{ "purposes", "purposes", "目的" }, { "level", "level", "级别" }, { "area", "place", "区划" },
	{ "record_state", "state of records", "档案状态" }, { "reads", "reads", "可读次数" }, { "reads_left", "reads left", "剩余次数" },
	{ "until", "until", "截止日期" }, { "reason", "reason", "理由" }, { "note", "note", "备注" },
	{ "by", "by", "经办人" }, { "created_at", "made", "建立时间" }, { "decided_by", "decided by", "审批人" },
	{ "decided_at", "decided", "审批时间" }, { "delegation", "delegation", "授权委托" }, { "mark", "mark", "追踪标记" },
	{ "demo", "demo", "演示" }, { "login", "new member", "新成员" }, { "roles", "roles", "角色" }, { "code", "code", "校验码" },
	{ "waits_for", "waits for", "待" }, { "given", "gave", "已交份额" }, { "needed", "needed", "所需人数" },
	{ "bad_shares", "bad shares", "不符的份额" }, { "expires_at", "good until", "有效至" }
};

/* What is shown of each object in a list. */
struct collection {
	const char *name;
	const char *columns[10];
};
static const struct collection assignments = {
	"assignments", { "id", "state", "principal", "records", "purposes", "level", "until", "by" }
};
static const struct collection requests = {
	"requests", { "id", "kind", "state", "by", "record", "records", "fields", "purpose", "until" }
};
static const struct collection grants = {
	"grants", { "id", "state", "principal", "record", "fields", "purpose", "reads_left", "until", "by" }
};
static const struct collection delegations = { "delegations", { "id", "state", "principal", "purposes", "area", "until", "by" } };

static const char *member_title(const char *name)
{
	for (size_t i = 0; i < COUNT(members); i++)
		if (strcmp(members[i].name, name) == 0)
			return tr(members[i].en, members[i].zh);
	return name;
}

/* A state or kind in the language of people; the code itself in a pipe. */
static const char *word(const char *code)
{
	static const struct member words[] = {
		{ "active", "active", "有效" }, { "expired", "expired", "已到期" }, { "revoked", "revoked", "已撤销" },
		{ "pending", "waiting", "待审批" }, { "approved", "approved", "已批准" }, { "rejected", "rejected", "已驳回" },
		{ "withdrawn", "withdrawn", "已撤回" }, { "used", "used up", "已用完" }, { "dead", "dead", "已失效" },
		{ "grant", "grant", "查阅授权" }, { "bulk", "bulk", "增加查阅数量" }, { "export", "export", "导出" },
		{ "policy", "policy", "规则变更" }, { "restore", "restore", "恢复成员" }, { "members", "new member", "新增成员" }
	};

	for (size_t i = 0; isatty(STDOUT_FILENO) && i < COUNT(words); i++)
		if (strcmp(words[i].name, code) == 0)
			return tr(words[i].en, words[i].zh);
	return code;
}

/* A member's value as text with a NUL: texts bare, lists joined by commas. */
static const char *value_text(const json_t *v, bool as_word, struct buf *ret)
{
	buf_reset(ret);
	if (json_is_string(v))
		buf_text(ret, as_word ? word(json_string_value(v)) : json_string_value(v));
	else if (json_is_integer(v))
		buf_printf(ret, "%lld", (long long)json_integer_value(v));
	else if (json_is_boolean(v))
		buf_text(ret, json_is_true(v) ? tr("yes", "是") : tr("no", "否"));
	for (size_t i = 0; i < json_array_size(v); i++) {
		buf_text(ret, i > 0 ? "," : "");
		buf_text(ret, json_string_value(json_array_get(v, i)));
	}
	buf_u8(ret, 0);
	return buf_ok(ret) ? (const char *)ret->p : "";
}

static bool is_word(const char *name)
{
	return strcmp(name, "state") == 0 || strcmp(name, "kind") == 0;
}

struct listing {
	const struct collection *of;
	struct table *table;
};

static void add_row(void *cookie, const json_t *object)
{
	struct listing *x = cookie;
	struct buf text[COUNT(x->of->columns)];
	const char *cells[COUNT(x->of->columns)];
	unsigned n = 0;

	for (; n < COUNT(text) && x->of->columns[n] != NULL; n++) {
		const json_t *v = json_object_get(object, x->of->columns[n]);

		buf_init(&text[n], RECORDS_MAX);
		cells[n] = value_text(v, is_word(x->of->columns[n]), &text[n]);
		/* Of a list of records only its length is of use in a column. */
		if (strcmp(x->of->columns[n], "records") == 0 && json_is_array(v)) {
			buf_reset(&text[n]);
			buf_printf(&text[n], "%zu", json_array_size(v));
			buf_u8(&text[n], 0);
			cells[n] = buf_ok(&text[n]) ? (const char *)text[n].p : "";
		}
	}
	if (x->table != NULL)
		table_row(x->table, cells);
	while (n > 0)
		buf_free(&text[--n]);
}

/* Every member of one object, a line each; those that this program does not know last. */
static int print_object(const struct childvault *cv)
{
	const char *names[] = { tr("what", "项目"), tr("value", "内容") }, *cells[2];
	json_t *j = cli_body(cv), *v;
	struct table *t = table_new(2, names);
	struct buf text;
	const char *name;
	int code;

	buf_init(&text, RECORDS_MAX);
	for (size_t i = 0; t != NULL && i < COUNT(members); i++) {
		if ((v = json_object_get(j, members[i].name)) == NULL || json_is_null(v))
			continue;
		cells[0] = isatty(STDOUT_FILENO) ? tr(members[i].en, members[i].zh) : members[i].name;
		cells[1] = value_text(v, is_word(members[i].name), &text);
		table_row(t, cells);
		(void)json_object_del(j, members[i].name);
	}
	json_object_foreach(j, name, v) {
		cells[0] = name;
		cells[1] = value_text(v, false, &text);
		if (t != NULL)
			table_row(t, cells);
	}
	code = table_print(t);
	buf_free(&text);
	json_decref(j);
	return code;
}

/* ---- calls ----------------------------------------------------------------------------------------------------------- */

static int append(const char *p, size_t n, void *cookie)
{
	buf_put(cookie, p, n);
	return buf_ok(cookie) ? 0 : -1;
}

/* Make an object of what body says; body is freed. */
static int make(const struct collection *of, const struct childvault_with *with, json_t *body)
{
	struct childvault *cv = NULL;
	struct buf text;
	bool own = false;
	int code, r;

	buf_init(&text, 2u << 20);
	(void)json_dump_callback(body, append, &text, JSON_COMPACT);	/* fails as text does */
	buf_u8(&text, 0);
	if (body == NULL || !buf_ok(&text)) {
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	} else if ((code = cli_session(&cv, &own)) == 0) {
		if ((r = childvault_make(cv, with, of->name, (const char *)text.p)) != CHILDVAULT_OK)
			code = cli_answer_fail(cv, r);
		else
			code = cli.json ? cli_print_body(cv) : print_object(cv);
	}
	buf_free(&text);
	json_decref(body);
	cli_close(cv, own);
	return code;
}

/* Show an object, or do action to it. */
static int one(const char *command, const struct collection *of, const char *id, const char *action, const char *json)
{
	const struct childvault_with with = { .purpose = NULL };
	struct childvault *cv = NULL;
	bool own = false;
	int code, r;

	if (!cli_is_id(id, strlen(id)))
		return cli_usage(command, "'%s' is not an id", "“%s”不是编号", id);
	if ((code = cli_session(&cv, &own)) != 0)
		return code;
	r = action == NULL ? childvault_object(cv, of->name, id) : childvault_act(cv, &with, of->name, id, action, json);
	if (r != CHILDVAULT_OK)
		code = cli_answer_fail(cv, r);
	else
		code = cli.json ? cli_print_body(cv) : print_object(cv);
	cli_close(cv, own);
	return code;
}

static int print_list(const struct collection *of, const struct childvault_filter *filter, bool all)
{
	const char *names[COUNT(of->columns)];
	struct listing x = { .of = of };
	struct pages p = { .collection = of->name, .filter = *filter, .all = all, .row = add_row, .cookie = &x };
	struct childvault *cv = NULL;
	bool own = false;
	unsigned n = 0;
	int code;

	for (; n < COUNT(names) && of->columns[n] != NULL; n++)
		names[n] = member_title(of->columns[n]);
	if ((code = cli_session(&cv, &own)) != 0)
		return code;
	x.table = table_new(n, names);
	code = pages_print(cv, &p, x.table);
	cli_close(cv, own);
	return code;
}

/* ---- sub-commands that all collections have ---------------------------------------------------------------------------- */

static int list(int argc, char **argv, const struct collection *of)
{
	char usage[160];
	const struct cli_help help = { usage, "Lists those that you made, may use or may decide, newest first.",
	    "列出您经办、可用或可审批的，从新到旧。" };
	struct childvault_filter filter = { .state = NULL };
	bool waiting = false, all = false;
	const struct cli_option options[] = {
		{ "state", OPTION_TEXT, &filter.state, "S", "only those in this state", "只列此状态的" },
		{ "for", OPTION_TEXT, &filter.principal, "LOGIN", "only those of this person", "只列此人的" },
		{ "record", OPTION_TEXT, &filter.record, "ID", "only those about this record", "只列此档案的" },
		{ "waiting", OPTION_FLAG, &waiting, NULL, "only what waits for your decision", "只列待您审批的" },
		{ "all", OPTION_FLAG, &all, NULL, "page after page to the end", "逐页列出全部" } };
	struct cli_args a;

	snprintf(usage, sizeof usage, "%s [--state S] [--for LOGIN] [--record ID] [--waiting] [--all]", argv[0]);
	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	filter.waiting = waiting ? "me" : NULL;
	return print_list(of, &filter, all);
}

/* show ID, approve ID, revoke ID ... with their own argv[0]; reason: takes --reason. */
static int act(int argc, char **argv, const struct collection *of, const char *action, bool takes_reason)
{
	char usage[160];
	const struct cli_help help = { usage, "Shows one, or does what the command's name says to it.",
	    "显示一项，或对其执行命令所指的操作。" };
	const char *reason = NULL;
	const struct cli_option options[] = { { "reason", OPTION_TEXT, &reason, "TEXT", "why, for whoever asked",
	    "说明理由，供申请人查看" } };
	struct cli_args a;
	struct buf json;
	json_t *body = NULL;
	int code;

	snprintf(usage, sizeof usage, "%s ID%s", argv[0], takes_reason ? " [--reason TEXT]" : "");
	if (!cli_parse(argc, argv, &help, options, takes_reason ? 1 : 0, 1, 1, &a))
		return a.exit;
	if (reason != NULL && (body = json_pack("{s:s}", "reason", reason)) == NULL)
		return cli_usage(argv[0], "--reason is not UTF-8", "--reason 不是 UTF-8");
	buf_init(&json, 65536);
	if (body != NULL)
		(void)json_dump_callback(body, append, &json, JSON_COMPACT);	/* fails as json does */
	buf_u8(&json, 0);
	if (buf_ok(&json))
		code = one(argv[0], of, a.argv[0], action, body != NULL ? (const char *)json.p : NULL);
	else
		code = cli_usage(argv[0], "an option is too long", "选项过长");
	json_decref(body);
	buf_free(&json);
	return code;
}

struct sub {
	const char *name;
	const char *action;	/* NULL: show */
	bool reason;
};

/* Run the sub-command that argv[1] names, among list, show and those of subs. False if it names none. */
static bool run_sub(int argc, char **argv, const struct collection *of, const struct sub *subs, size_t n, int *ret)
{
	static char name[64];

	if (argc < 2)
		return false;
	snprintf(name, sizeof name, "%s %s", argv[0], argv[1]);
	if (strcmp(argv[1], "list") == 0) {
		argv[1] = name;
		*ret = list(argc - 1, argv + 1, of);
		return true;
	}
	for (size_t i = 0; i < n; i++) {
		if (strcmp(argv[1], subs[i].name) != 0)
			continue;
		argv[1] = name;
		*ret = act(argc - 1, argv + 1, of, subs[i].action, subs[i].reason);
		return true;
	}
	return false;
}

/* ---- what objects are made of ------------------------------------------------------------------------------------------ */

static int need(const char *command, const char *option, const char *value)
{
	if (value != NULL && value[0] != 0)
		return 0;
	return cli_usage(command, "--%s is missing", "缺少 --%s", option);
}

/* "a,b" and further items of a list as one array. */
static json_t *names_of(const struct cli_list *list)
{
	json_t *a = json_array();

	for (size_t i = 0; i < list->n; i++) {
		const char *p = list->item[i];

		for (;;) {
			size_t n = strcspn(p, ",");

			if (json_array_append_new(a, json_stringn(p, n)) != 0) {
				json_decref(a);
				return NULL;
			}
			if (p[n] == 0)
				break;
			p += n + 1;
		}
	}
	return a;
}

/* Set a text unless it is NULL. */
static void set_text(json_t *o, const char *name, const char *value)
{
	if (value != NULL)
		(void)json_object_set_new(o, name, json_string(value));	/* NULL, and then refused below, if it is not UTF-8 */
}

/* Add the ids that stand in a file, one a line, first on it; a column behind them is passed over, as `childvault list` has some. */
static int add_file(json_t *ids, const char *path)
{
	struct buf text;
	const char *p;
	int code;

	buf_init(&text, RECORDS_MAX);
	if ((code = cli_read_file(path, &text)) == 0) {
		buf_u8(&text, 0);
		p = buf_ok(&text) ? (const char *)text.p : "";
		for (unsigned line = 1; *p != 0 && code == 0; line++) {
			size_t n = strcspn(p, "\n"), id_n = strcspn(p, "\t \r\n");

			if (id_n > 0 && !cli_is_id(p, id_n))
				code = cli_fail(EXIT_USAGE, "line %u of %s is no record's id", "第 %u 行（%s）不是档案编号", line, path);
			else if (id_n > 0 && json_array_append_new(ids, json_stringn(p, id_n)) != 0)
				code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
			p += n + (p[n] != 0);
		}
	}
	buf_free(&text);
	return code;
}

/* Ids of options and arguments, each an id or the path of a file of ids. */
static int add_records(json_t *ids, const char *const *item, size_t n)
{
	int code = 0;

	for (size_t i = 0; i < n && code == 0; i++) {
		if (!cli_is_id(item[i], strlen(item[i])))
			code = add_file(ids, item[i]);
		else if (json_array_append_new(ids, json_string(item[i])) != 0)
			code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	}
	return code;
}

/* ---- commands ---------------------------------------------------------------------------------------------------------- */

int cmd_assign(int argc, char **argv)
{
	static const struct cli_help help = { "assign --to LOGIN --records FILE|ID... --purpose P... --until DATE [--level 3|4]  |  "
	    "assign list | show ID | revoke ID",
		"Lets a person read a closed list of files until a day. Made by a manager, who is not that person.",
		"指派：允许某人在截止日期前查阅所列档案。由主管指派，不得指派自己。" };
	static const struct sub subs[] = { { "show", NULL, false }, { "revoke", "revoke", false } };
	const char *to = NULL, *until = NULL, *note = NULL;
	struct cli_list purposes = { .n = 0 }, records = { .n = 0 };
	uint64_t level = 3;
	const struct cli_option options[] = {
		{ "to", OPTION_TEXT, &to, "LOGIN", "who may read", "被指派人的登录名" },
		{ "records", OPTION_LIST, &records, "FILE|ID", "a record, or a file with one id a line; - is standard input",
		    "档案编号，或每行一个编号的文件" },
		{ "purpose", OPTION_LIST, &purposes, "P", "for which purposes of the profile", "目的：规则文件中的目的代码" },
		{ "until", OPTION_TEXT, &until, "DATE", "the last day, such as 2026-12-31", "截止日期，如 2026-12-31" },
		{ "level", OPTION_NUMBER, &level, "N", "the highest level of a class that it opens: 3 or 4", "可查阅的最高级别：3 或 4" },
		{ "note", OPTION_TEXT, &note, "TEXT", "for whoever reads the assignment", "备注" } };
	struct cli_args a;
	json_t *body, *ids;
	int code;

	if (run_sub(argc, argv, &assignments, subs, COUNT(subs), &code))
		return code;
	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, CLI_LIST_MAX, &a))
		return a.exit;
	if ((code = need("assign", "to", to)) != 0 || (code = need("assign", "until", until)) != 0 ||
	    (code = need("assign", "purpose", purposes.n > 0 ? purposes.item[0] : NULL)) != 0)
		return code;
	if (records.n == 0 && a.argc == 0)
		return need("assign", "records", NULL);
	ids = json_array();
	if ((code = add_records(ids, records.item, records.n)) != 0 || (code = add_records(ids, (const char *const *)a.argv,
	    (size_t)a.argc)) != 0) {
		json_decref(ids);
		return code;
	}
	body = json_pack("{s:s, s:o, s:o, s:s, s:I}", "principal", to, "records", ids, "purposes", names_of(&purposes), "until", until,
	    "level",
	    (json_int_t)level);
	set_text(body, "note", note);
	return make(&assignments, NULL, body);
}

/* What the kinds of request have in common. */
struct ask {
	const char *purpose, *reason, *until, *principal, *area, *state;
	struct cli_list fields;
	uint64_t count;
};
#define ASK_PURPOSE { "purpose", OPTION_TEXT, &q.purpose, "P", "why: a purpose of the profile", "目的：规则文件中的目的代码" }
#define ASK_REASON { "reason", OPTION_TEXT, &q.reason, "TEXT", "what it is needed for, for whoever decides", "申请理由，供审批人查看" }
#define ASK_UNTIL { "until", OPTION_TEXT, &q.until, "DATE", "the last day, such as 2026-12-31", "截止日期，如 2026-12-31" }
#define ASK_FOR { "for", OPTION_TEXT, &q.principal, "LOGIN", "for whom, if not for yourself", "被授权人；省略则为本人" }
#define ASK_FIELDS { "fields", OPTION_LIST, &q.fields, "NAMES", "field names, joined by commas", "字段名，逗号分隔" }

/* The request's body so far; NULL after a message, with *ret_code. */
static json_t *ask_body(const char *command, const struct ask *q, const char *kind, int *ret_code)
{
	json_t *body;

	if ((*ret_code = need(command, "purpose", q->purpose)) != 0 || (*ret_code = need(command, "reason", q->reason)) != 0 ||
	    (*ret_code = need(command, "until", q->until)) != 0)
		return NULL;
	body = json_pack("{s:s, s:s, s:s, s:s}", "kind", kind, "purpose", q->purpose, "reason", q->reason, "until", q->until);
	set_text(body, "principal", q->principal);
	set_text(body, "area", q->area);
	set_text(body, "state", q->state);
	if (body == NULL)
		*ret_code = cli_usage(command, "the arguments are not UTF-8", "参数不是 UTF-8");
	return body;
}

static int request_grant(int argc, char **argv)
{
	static const struct cli_help help = { "request grant RECORD --fields NAMES --purpose P --reason TEXT --until DATE [--reads N] "
	    "[--for LOGIN]",
		"Asks for leave to read fields of one file, for a time and perhaps a number of reads. Another person approves it.",
		"申请在一段时间内查阅一份档案的若干字段，须由他人审批。" };
	struct ask q = { 0 };
	const struct cli_option options[] = { ASK_FIELDS, ASK_PURPOSE, ASK_REASON, ASK_UNTIL, ASK_FOR,
		{ "reads", OPTION_NUMBER, &q.count, "N", "at most so many reads", "最多查阅次数" } };
	struct cli_args a;
	json_t *body;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	if (!cli_is_id(a.argv[0], strlen(a.argv[0])))
		return cli_usage(argv[0], "'%s' is not a record's id", "“%s”不是档案编号", a.argv[0]);
	if ((code = need(argv[0], "fields", q.fields.n > 0 ? q.fields.item[0] : NULL)) != 0 || (body = ask_body(argv[0], &q, "grant",
	    &code)) == NULL)
		return code;
	set_text(body, "record", a.argv[0]);
	(void)json_object_set_new(body, "fields", names_of(&q.fields));	/* without memory the daemon names what is missing */
	if (q.count > 0)
		(void)json_object_set_new(body, "reads", json_integer((json_int_t)q.count));
	return make(&requests, NULL, body);
}

static int request_bulk(int argc, char **argv)
{
	static const struct cli_help help = { "request bulk --records N --purpose P --reason TEXT --until DATE [--for LOGIN]",
		"Asks for leave to read more files than the budget allows.", "申请在限额之外查阅更多档案。" };
	struct ask q = { 0 };
	const struct cli_option options[] = { { "records", OPTION_NUMBER, &q.count, "N", "how many files more", "增加的档案数" },
		ASK_PURPOSE, ASK_REASON, ASK_UNTIL, ASK_FOR };
	struct cli_args a;
	json_t *body;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	if ((code = need(argv[0], "records", q.count > 0 ? "N" : NULL)) != 0 || (body = ask_body(argv[0], &q, "bulk", &code)) == NULL)
		return code;
	(void)json_object_set_new(body, "records", json_integer((json_int_t)q.count));
	return make(&requests, NULL, body);
}

static int request_export(int argc, char **argv)
{
	static const struct cli_help help = { "request export --fields NAMES --records N --purpose P --reason TEXT --until DATE [--area "
	    "DIGITS] [--state S]",
		"Asks for leave to export fields of at most N files. What is exported bears the request's mark.",
		"申请导出最多 N 份档案的若干字段；导出的数据带有追踪标记。" };
	struct ask q = { 0 };
	const struct cli_option options[] = { ASK_FIELDS, { "records", OPTION_NUMBER, &q.count, "N", "at most so many files",
	    "最多导出的档案数" },
		ASK_PURPOSE, ASK_REASON, ASK_UNTIL, { "area", OPTION_TEXT, &q.area, "DIGITS", "only files of this place",
		    "只导出此区划的" },
		{ "state", OPTION_TEXT, &q.state, "S", "only files in this state", "只导出此状态的" } };
	struct cli_args a;
	json_t *body;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	if ((code = need(argv[0], "fields", q.fields.n > 0 ? q.fields.item[0] : NULL)) != 0 ||
	    (code = need(argv[0], "records", q.count > 0 ? "N" : NULL)) != 0 || (body = ask_body(argv[0], &q, "export", &code)) == NULL)
		return code;
	(void)json_object_set_new(body, "fields", names_of(&q.fields));
	(void)json_object_set_new(body, "records", json_integer((json_int_t)q.count));
	return make(&requests, NULL, body);
}

int cmd_request(int argc, char **argv)
{
	static const struct cli_help help = { "request grant RECORD | bulk | export | list | show ID | approve ID | reject ID [--reason "
	    "TEXT] | withdraw ID | sign ID --key KEY",
		"Asks for an approval, shows what was asked, and decides. Each sub-command has its own --help.",
		"申请审批、查看申请、作出决定。各子命令均有 --help。" };
	static const struct sub subs[] = { { "show", NULL, false }, { "approve", "approve", false }, { "reject", "reject", true },
		{ "withdraw", "withdraw", false } };
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} kinds[] = { { "grant", request_grant }, { "bulk", request_bulk }, { "export", request_export }, { "sign", request_sign } };
	static char full[32];
	struct cli_args a;
	int code;

	if (run_sub(argc, argv, &requests, subs, COUNT(subs), &code))
		return code;
	for (size_t i = 0; argc > 1 && i < COUNT(kinds); i++)
		if (strcmp(argv[1], kinds[i].name) == 0) {
			snprintf(full, sizeof full, "request %s", kinds[i].name);
			argv[1] = full;
			return kinds[i].run(argc - 1, argv + 1);
		}
	if (!cli_parse(argc, argv, &help, NULL, 0, 0, 0, &a))
		return a.exit;
	return cli_usage("request", "what is asked for? grant, bulk, export, list, ...", "申请什么？grant、bulk、export、list 等");
}

int cmd_grant(int argc, char **argv)
{
	static const struct cli_help help = { "grant list | show ID | revoke ID",
	    "Grants come of requests that were approved: see childvault request.",
		"查阅授权由批准的申请产生：见 childvault request。" };
	static const struct sub subs[] = { { "show", NULL, false }, { "revoke", "revoke", false } };
	struct cli_args a;
	int code;

	if (run_sub(argc, argv, &grants, subs, COUNT(subs), &code))
		return code;
	if (!cli_parse(argc, argv, &help, NULL, 0, 0, 0, &a))
		return a.exit;
	return cli_usage("grant", "list, show or revoke?", "list、show 还是 revoke？");
}

int cmd_delegate(int argc, char **argv)
{
	static const struct cli_help help = { "delegate --to LOGIN --purpose P... --until DATE [--area DIGITS]  |  delegate list | show "
	    "ID | revoke ID",
		"Lets another person assign and approve in your place, for some purposes, a place and a time.",
		"委托他人在一定目的、区划和期限内代为指派和审批。" };
	static const struct sub subs[] = { { "show", NULL, false }, { "revoke", "revoke", false } };
	const char *to = NULL, *until = NULL, *area = NULL, *note = NULL;
	struct cli_list purposes = { .n = 0 };
	const struct cli_option options[] = {
		{ "to", OPTION_TEXT, &to, "LOGIN", "who acts in your place", "受托人的登录名" },
		{ "purpose", OPTION_LIST, &purposes, "P", "for which purposes of the profile", "目的：规则文件中的目的代码" },
		{ "until", OPTION_TEXT, &until, "DATE", "the last day, such as 2026-12-31", "截止日期，如 2026-12-31" },
		{ "area", OPTION_TEXT, &area, "DIGITS", "only for files of this place", "只限此区划的档案" },
		{ "note", OPTION_TEXT, &note, "TEXT", "for whoever reads the delegation", "备注" } };
	struct cli_args a;
	json_t *body;
	int code;

	if (run_sub(argc, argv, &delegations, subs, COUNT(subs), &code))
		return code;
	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	if ((code = need("delegate", "to", to)) != 0 || (code = need("delegate", "until", until)) != 0 ||
	    (code = need("delegate", "purpose", purposes.n > 0 ? purposes.item[0] : NULL)) != 0)
		return code;
	body = json_pack("{s:s, s:o, s:s}", "principal", to, "purposes", names_of(&purposes), "until", until);
	set_text(body, "area", area);
	set_text(body, "note", note);
	return make(&delegations, NULL, body);
}

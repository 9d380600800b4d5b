/* childvault create, get, put, history: records. Every call is audited, so every call says its purpose. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pages.h"

#define INPUT_MAX (2u << 20)
#define HISTORY_LIMIT_MAX 1000u	/* as the API */

/* What these commands have in common. */
struct request {
	struct childvault_with with;
	const char *view, *fields, *if_match;
	bool latest;
	uint64_t limit, before;
};

#define OPTION_PURPOSE { "purpose", OPTION_TEXT, &q.with.purpose, "P", "why: a purpose of the profile", "目的：规则文件中的目的代码" }
#define OPTION_CASE { "case", OPTION_TEXT, &q.with.case_text, "TEXT", "the case it belongs to", "所属个案" }
#define OPTION_REASON { "reason", OPTION_TEXT, &q.with.reason, "TEXT", "why values must be seen in clear", "查看明文的理由" }
#define OPTION_FIELDS { "fields", OPTION_TEXT, &q.fields, "NAMES", "field names, joined by commas", "字段名，逗号分隔" }
#define OPTION_VIEW { "view", OPTION_TEXT, &q.view, "clear", "unmasked values; needs --reason", "明文；需要 --reason" }
#define COUNT(a) (sizeof (a) / sizeof (a)[0])

/* ---- input and output ------------------------------------------------------------------------------------------------- */

/*
 * The object of fields in what was read: all of it, or what stands in {"fields": {...}}. Text that is no JSON goes to the daemon
 * as it is, which says what is wrong with it.
 */
static int read_fields(const char *path, struct buf *ret)
{
	json_t *j, *inner;
	int code;

	if ((code = cli_read_file(path, ret)) != 0)
		return code;
	j = json_loadb((const char *)ret->p, ret->n, JSON_REJECT_DUPLICATES, NULL);
	inner = json_object_get(j, "fields");
	if (json_object_size(j) == 1 && json_is_object(inner)) {
		buf_reset(ret);
		(void)json_dump_callback(inner, json_append, ret, JSON_COMPACT);	/* fails as ret does, which is asked below */
	} else if (ret->n != 0 && memchr(ret->p, 0, ret->n) != NULL) {
		code = cli_fail(EXIT_FAILED, "the input holds a NUL byte", "输入含有 NUL 字节");
	}
	json_decref(j);
	buf_u8(ret, 0);
	return code == 0 && !buf_ok(ret) ? cli_fail(EXIT_FAILED, "the input is too large", "输入过大") : code;
}

/* A value as text for people, with a NUL: strings bare, everything else as JSON. Out of memory it is empty. */
static const char *value_text(const json_t *v, struct buf *ret)
{
	buf_reset(ret);
	if (json_is_string(v))
		buf_put(ret, json_string_value(v), json_string_length(v));
	else if (!json_is_null(v))
		(void)json_dump_callback(v, json_append, ret, JSON_COMPACT | JSON_ENCODE_ANY);	/* fails as ret does */
	buf_u8(ret, 0);
	return buf_ok(ret) ? (const char *)ret->p : "";
}

/* A word of a table's cells: people's on a terminal, always the same in a pipe. */
static const char *word(const char *en, const char *zh) { return isatty(STDOUT_FILENO) ? tr(en, zh) : en; }

static bool lists(const json_t *names, const char *name)
{
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *s = json_string_value(json_array_get(names, i));

		if (s != NULL && strcmp(s, name) == 0)
			return true;
	}
	return false;
}

static void add_fields(struct table *t, const char **cells, unsigned at, const json_t *fields, const json_t *redacted)
{
	struct buf text;
	const char *name;
	json_t *v;

	buf_init(&text, INPUT_MAX);
	json_object_foreach((json_t *)(uintptr_t)fields, name, v) {
		cells[at] = name;
		cells[at + 1] = value_text(v, &text);
		cells[at + 2] = lists(redacted, name) ? word("masked", "脱敏") : word("clear", "明文");
		table_row(t, cells);
	}
	buf_free(&text);
}

static int print_record(const struct childvault *cv)
{
	const char *names[] = { tr("field", "字段"), tr("value", "值"), tr("view", "视图") }, *cells[3];
	size_t n;
	const char *body = childvault_body(cv, &n);
	json_t *j = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL), *meta = json_object_get(j, "meta");
	const json_t *omitted = json_object_get(meta, "omitted");
	struct table *t = table_new(3, names);
	int code;

	if (t != NULL)
		add_fields(t, cells, 0, json_object_get(j, "fields"), json_object_get(meta, "redacted"));
	for (size_t i = 0; t != NULL && i < json_array_size(omitted); i++) {
		cells[0] = json_string_value(json_array_get(omitted, i));
		cells[1] = "";
		cells[2] = word("omitted", "未提供");
		table_row(t, cells);
	}
	code = table_print(t);
	if (code == EXIT_DONE && isatty(STDOUT_FILENO))
		printf(tr("version %s\n", "版本 %s\n"), childvault_etag(cv));
	json_decref(j);
	return code;
}

static int print_versions(const struct childvault *cv)
{
	const char *names[] = { tr("version", "版本"), tr("class", "类别"), tr("what", "状态"), tr("written", "写入时间"),
		tr("source", "来源"), tr("field", "字段"), tr("value", "值"), tr("view", "视图") }, *cells[8];
	size_t n;
	const char *body = childvault_body(cv, &n);
	json_t *j = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *versions = json_object_get(j, "versions"), *redacted = json_object_get(json_object_get(j, "meta"), "redacted");
	struct table *t = table_new(8, names);
	int code;

	for (size_t i = 0; t != NULL && i < json_array_size(versions); i++) {
		const json_t *v = json_array_get(versions, i);
		char number[24];

		snprintf(number, sizeof number, "%lld", (long long)json_integer_value(json_object_get(v, "version")));
		cells[0] = number;
		cells[1] = json_string_value(json_object_get(v, "class"));
		cells[2] = json_string_value(json_object_get(v, "what"));
		cells[3] = json_string_value(json_object_get(v, "written_at"));
		cells[4] = json_string_value(json_object_get(v, "source"));
		add_fields(t, cells, 5, json_object_get(v, "fields"), redacted);
	}
	code = table_print(t);
	if (json_is_true(json_object_get(j, "more")))
		fputs(tr("there are older versions: go on with --before\n", "还有更早的版本：请用 --before 继续\n"), stderr);
	json_decref(j);
	return code;
}

static int print_id(const struct childvault *cv, bool with_id)
{
	const char *names[] = { tr("record", "档案"), tr("version", "版本") }, *cells[] = { childvault_id(cv), childvault_etag(cv) };
	struct table *t = with_id ? table_new(2, names) : table_new(1, names + 1);

	if (t != NULL)
		table_row(t, with_id ? cells : cells + 1);
	return table_print(t);
}

static int need_purpose(const char *command, const struct request *q)
{
	if (q->with.purpose == NULL || q->with.purpose[0] == 0)
		return cli_usage(command, "--purpose P is missing", "缺少 --purpose 目的");
	return 0;
}

/* ---- commands ---------------------------------------------------------------------------------------------------------- */

int cmd_create(int argc, char **argv)
{
	static const struct cli_help help = { "create [FILE|-] --purpose P [--idempotency-key K]",
		"Stores a record: a JSON object of fields, from FILE or standard input. Prints the record's id and version.",
		"新建档案：从文件或标准输入读取 JSON 字段对象，输出档案编号和版本。" };
	struct request q = { 0 };
	const struct cli_option options[] = { OPTION_PURPOSE, OPTION_CASE,
		{ "idempotency-key", OPTION_TEXT, &q.with.idempotency_key, "K", "the same key twice stores once", "同一键重复提交只存一次" } };
	struct childvault *cv = NULL;
	struct cli_args a;
	struct buf fields;
	bool own = false;
	int code, r;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 1, &a))
		return a.exit;
	if ((code = need_purpose("create", &q)) != 0)
		return code;
	buf_init(&fields, INPUT_MAX);
	if ((code = read_fields(a.argc != 0 ? a.argv[0] : NULL, &fields)) == 0 && (code = cli_session(&cv, &own)) == 0) {
		if ((r = childvault_create(cv, &q.with, (const char *)fields.p)) != CHILDVAULT_OK)
			code = cli_answer_fail(cv, r);
		else
			code = cli.json ? cli_print_body(cv) : print_id(cv, true);
	}
	buf_free(&fields);
	cli_close(cv, own);
	return code;
}

/* The common part of get and history. */
static int read_command(const char *command, struct request *q, const char *id, bool history)
{
	bool clear = q->view != NULL && strcmp(q->view, "clear") == 0;
	struct childvault *cv = NULL;
	bool own = false;
	int code, r;

	if ((code = need_purpose(command, q)) != 0)
		return code;
	if (q->fields == NULL || q->fields[0] == 0)
		return cli_usage(command, "--fields NAMES is missing: nothing is read that was not asked for", "缺少 --fields 字段名");
	if (q->view != NULL && !clear)
		return cli_usage(command, "there is no view '%s'", "没有视图“%s”", q->view);
	if (q->limit > HISTORY_LIMIT_MAX)
		return cli_usage(command, "--limit is at most %u", "--limit 最多 %u", HISTORY_LIMIT_MAX);
	if ((code = cli_session(&cv, &own)) != 0)
		return code;
	r = history ? childvault_history(cv, &q->with, id, q->fields, clear, (unsigned)q->limit, q->before) :
	    childvault_get(cv, &q->with, id, q->fields, clear);
	if (r == CHILDVAULT_USAGE)
		code = cli_usage(command, "'%s' is not a record's id", "“%s”不是档案编号", id);
	else if (r != CHILDVAULT_OK)
		code = cli_answer_fail(cv, r);
	else if (cli.json)
		code = cli_print_body(cv);
	else
		code = history ? print_versions(cv) : print_record(cv);
	cli_close(cv, own);
	return code;
}

int cmd_get(int argc, char **argv)
{
	static const struct cli_help help = { "get ID --fields NAMES --purpose P [--view clear --reason TEXT]",
		"Reads the named fields of a record, each in the least view that role and purpose allow.",
		"读取档案的指定字段，按角色和目的给出最少可见的视图。" };
	struct request q = { 0 };
	const struct cli_option options[] = { OPTION_FIELDS, OPTION_PURPOSE, OPTION_VIEW, OPTION_REASON, OPTION_CASE };
	struct cli_args a;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	return read_command("get", &q, a.argv[0], false);
}

int cmd_history(int argc, char **argv)
{
	static const struct cli_help help = { "history ID --fields NAMES --purpose P [--limit N] [--before V]",
		"Shows the versions of the named fields, newest first in each class.", "显示指定字段的历史版本，每类从新到旧。" };
	struct request q = { 0 };
	const struct cli_option options[] = { OPTION_FIELDS, OPTION_PURPOSE, OPTION_VIEW, OPTION_REASON, OPTION_CASE,
		{ "limit", OPTION_NUMBER, &q.limit, "N", "at most N versions of each class, 1000 at most", "每类最多 N 个版本，至多 1000" },
		{ "before", OPTION_NUMBER, &q.before, "V", "only versions below V", "只列出 V 之前的版本" } };
	struct cli_args a;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	return read_command("history", &q, a.argv[0], true);
}

/* The present version, by reading the first field that is to be changed. */
static int take_latest(struct childvault *cv, const struct request *q, const char *id, const char *fields, char ret[40])
{
	json_t *j = json_loads(fields, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_object_iter_key(json_object_iter(j));
	int code = 0, r;

	if (name == NULL)
		code = cli_fail(EXIT_FAILED, "the input is no JSON object with a field", "输入不是含字段的 JSON 对象");
	else if ((r = childvault_get(cv, &q->with, id, name, 0)) != CHILDVAULT_OK)
		code = cli_answer_fail(cv, r);
	else
		snprintf(ret, 40, "%s", childvault_etag(cv));
	json_decref(j);
	return code;
}

/* --if-match takes a version with or without its quotes, which shells eat. */
static int take_etag(const char *s, char ret[40])
{
	int n = s[0] == '"' ? snprintf(ret, 40, "%s", s) : snprintf(ret, 40, "\"%s\"", s);

	return n == 34 ? 0 : cli_usage("put", "'%s' is not a version", "“%s”不是版本", s);
}

int cmd_put(int argc, char **argv)
{
	static const struct cli_help help = { "put ID [FILE|-] --purpose P [--if-match VERSION | --latest]",
		"Changes fields: a JSON object in which null takes a field away. Readers name the version they read.",
		"修改字段：JSON 对象，null 表示删除该字段。有读权限者须指明所读版本。" };
	struct request q = { 0 };
	const struct cli_option options[] = { OPTION_PURPOSE, OPTION_CASE,
		{ "if-match", OPTION_TEXT, &q.if_match, "VERSION", "change only this version", "仅当版本相符时修改" },
		{ "latest", OPTION_FLAG, &q.latest, NULL, "change whatever version is there now", "修改当前版本" } };
	char etag[40] = "";
	struct childvault *cv = NULL;
	struct cli_args a;
	struct buf fields;
	bool own = false;
	int code, r;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 2, &a))
		return a.exit;
	if ((code = need_purpose("put", &q)) != 0 || (q.if_match != NULL && (code = take_etag(q.if_match, etag)) != 0))
		return code;
	if (q.latest && q.if_match != NULL)
		return cli_usage("put", "--if-match and --latest exclude each other", "--if-match 与 --latest 不能并用");
	buf_init(&fields, INPUT_MAX);
	if ((code = read_fields(a.argc > 1 ? a.argv[1] : NULL, &fields)) != 0 || (code = cli_session(&cv, &own)) != 0)
		goto out;
	if (q.latest && (code = take_latest(cv, &q, a.argv[0], (const char *)fields.p, etag)) != 0)
		goto out;
	r = childvault_patch(cv, &q.with, a.argv[0], etag[0] != 0 ? etag : NULL, (const char *)fields.p);
	if (r == CHILDVAULT_USAGE)
		code = cli_usage("put", "'%s' is not a record's id", "“%s”不是档案编号", a.argv[0]);
	else if (r != CHILDVAULT_OK)
		code = cli_answer_fail(cv, r);
	else
		code = cli.json ? cli_print_body(cv) : print_id(cv, false);
out:
	buf_free(&fields);
	cli_close(cv, own);
	return code;
}

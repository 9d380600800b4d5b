/* childvault search: which files hold a value. The value is read, never an argument: other people see those. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "pages.h"

#define INPUT_MAX (1u << 20)

int search_read(const char *path, struct buf *ret)
{
	struct buf input;
	json_t *text;
	int code;

	buf_init(&input, INPUT_MAX);
	if ((code = cli_read_file(path, &input)) != EXIT_DONE)
		goto out;
	while (input.n > 0 && (input.p[input.n - 1] == '\n' || input.p[input.n - 1] == '\r' || input.p[input.n - 1] == ' '))
		input.n--;
	if (input.n == 0) {
		code = cli_fail(EXIT_FAILED, "no value was given", "未给出要查找的值");
	} else if (input.p[0] == '{') {
		buf_put(ret, input.p, input.n);
	} else if ((text = json_stringn((const char *)input.p, input.n)) == NULL) {
		code = cli_fail(EXIT_FAILED, "the value is no UTF-8 text", "该值不是 UTF-8 文本");
	} else {
		(void)json_dump_callback(text, json_append, ret, JSON_ENCODE_ANY);	/* fails as ret does, which is asked below */
		json_decref(text);
	}
	buf_u8(ret, 0);
	if (code == EXIT_DONE && !buf_ok(ret))
		code = cli_fail(EXIT_FAILED, "the input is too large", "输入过大");
out:
	buf_free(&input);
	return code;
}

static int print_found(struct childvault *cv)
{
	json_t *answer, *records, *r;
	size_t i, n;
	const char *body = childvault_body(cv, &n);

	if (cli.json)
		return cli_print_body(cv);
	if ((answer = json_loadb(body, n, 0, NULL)) == NULL)
		return cli_fail(EXIT_FAILED, "the daemon's answer is not understood", "无法理解守护进程的应答");
	records = json_object_get(answer, "records");
	json_array_foreach(records, i, r)
		puts(json_text(r, "id"));
	json_decref(answer);
	return ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

int cmd_search(int argc, char **argv)
{
	static const struct cli_help help = { "search INDEX [FILE] --purpose P",
		"Prints the ids of the files that hold a value, as far as this session may know of them. The value is read from FILE or\n"
		"standard input: one line of text, or a JSON object with the index's fields. Each search is in the log and\n"
		"counts in the budget.",
		"列出含有某值的档案编号（限本会话可知的）。值从文件或标准输入读取：一行文字，或含该索引各字段的 JSON 对象。\n"
		"每次查找均记入日志并计入限额。" };
	struct childvault_with with = { 0 };
	const struct cli_option options[] = {
		{ "purpose", OPTION_TEXT, &with.purpose, "P", "why: a purpose of the profile", "目的：规则文件中的目的代码" },
		{ "case", OPTION_TEXT, &with.case_text, "TEXT", "the case it belongs to", "所属个案" } };
	struct childvault *cv = NULL;
	struct cli_args a;
	struct buf value;
	bool own = false;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 1, 2, &a))
		return a.exit;
	if (with.purpose == NULL || with.purpose[0] == 0)
		return cli_usage("search", "--purpose P is missing", "缺少 --purpose 目的");
	buf_init(&value, INPUT_MAX + 64);
	if ((code = search_read(a.argc > 1 ? a.argv[1] : NULL, &value)) == EXIT_DONE && (code = cli_session(&cv, &own)) == EXIT_DONE) {
		int r = childvault_search(cv, &with, a.argv[0], (const char *)value.p);

		code = r == CHILDVAULT_OK ? print_found(cv) : cli_answer_fail(cv, r);
	}
	buf_free(&value);
	cli_close(cv, own);
	return code;
}

/* childvault export: the files that an approved request names, each read under its id and with its mark. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "pages.h"

#define PAGE 100u
#define IDS_MAX (64u << 20)
#define FIELDS_MAX 512u
#define TELL_MS 1000u

struct export {
	const char *request, *fields, *out_path, *records_path, *view;
	bool csv;
	struct childvault_with with;
	json_t *approved;		/* the request */
	char *names, *joined;		/* the fields, each with a NUL behind it; joined by commas */
	const char *name[FIELDS_MAX];
	unsigned n;
	FILE *out;
	struct buf ids;			/* of the records, 33 bytes each with a NUL */
	size_t done, skipped;
	bool used_up;			/* the request's count, before the last record */
	uint64_t begun_ms, told_ms;
};

static int append(const char *p, size_t n, void *cookie)
{
	buf_put(cookie, p, n);
	return buf_ok(cookie) ? 0 : -1;
}

/* ---- what is exported ---------------------------------------------------------------------------------------------- */

/* Fetch the request; its purpose and mark go with every read. 0 or exit code. */
static int take_request(struct export *x, struct childvault *cv)
{
	int r = childvault_object(cv, "requests", x->request);

	if (r != CHILDVAULT_OK)
		return cli_answer_fail(cv, r);
	x->approved = cli_body(cv);
	if (strcmp(json_text(x->approved, "kind"), "export") != 0)
		return cli_fail(EXIT_FAILED, "%s is no request for an export", "%s 不是导出申请", x->request);
	if (strcmp(json_text(x->approved, "state"), "approved") != 0)
		return cli_fail(EXIT_DENIED, "the request is not approved: %s", "申请未获批准：%s", json_text(x->approved, "state"));
	if (x->with.purpose == NULL)
		x->with.purpose = json_text(x->approved, "purpose");
	x->with.export_id = x->request;
	return 0;
}

/* The fields that were asked for, else all that the request names. 0 or exit code. */
static int take_fields(struct export *x)
{
	const json_t *all = json_object_get(x->approved, "fields");
	struct buf names;
	size_t n;

	buf_init(&names, 65536);
	if (x->fields != NULL)
		buf_text(&names, x->fields);
	for (size_t i = 0; x->fields == NULL && i < json_array_size(all); i++) {
		buf_text(&names, i > 0 ? "," : "");
		buf_text(&names, json_string_value(json_array_get(all, i)));
	}
	buf_u8(&names, 0);
	x->names = buf_ok(&names) ? strdup((const char *)names.p) : NULL;
	x->joined = buf_ok(&names) ? strdup((const char *)names.p) : NULL;
	buf_free(&names);
	if (x->names == NULL || x->joined == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	for (char *p = x->names; x->n < FIELDS_MAX; p += n + 1) {
		bool last;

		n = strcspn(p, ",");
		last = p[n] == 0;
		p[n] = 0;
		x->name[x->n++] = p;
		if (last)
			return 0;
	}
	return cli_usage("export", "too many fields", "字段过多");
}

static void add_id(void *cookie, const json_t *record)
{
	struct export *x = cookie;
	const char *id = json_text(record, "id");

	if (strlen(id) == CLI_ID)
		buf_put(&x->ids, id, CLI_ID + 1);
}

/* Ids from a file, one a line, first on it. */
static int read_ids(struct export *x)
{
	struct buf text;
	const char *p;
	int code;

	buf_init(&text, IDS_MAX);
	if ((code = cli_read_file(x->records_path, &text)) == 0) {
		buf_u8(&text, 0);
		for (p = buf_ok(&text) ? (const char *)text.p : ""; *p != 0 && code == 0; p += strcspn(p, "\n"), p += *p != 0) {
			size_t n = strcspn(p, "\t \r\n");

			if (cli_is_id(p, n)) {
				buf_put(&x->ids, p, n);
				buf_u8(&x->ids, 0);
			} else if (n > 0) {
				code = cli_fail(EXIT_USAGE, "%s has a line that begins with no record's id",
				    "%s 中有一行不以档案编号开头", x->records_path);
			}
		}
	}
	buf_free(&text);
	return code;
}

/* Which records: those of a file, else the work list, which for an export has what the request names. 0 or exit code. */
static int take_ids(struct export *x, struct childvault *cv)
{
	struct pages p = {
		.collection = "records",
		.filter = { .limit = PAGE },
		.with = &x->with,
		.all = true,
		.row = add_id,
		.cookie = x,
	};
	bool more;
	int r;

	if (x->records_path != NULL)
		return read_ids(x);
	if ((r = pages_get(cv, &p, &more)) != CHILDVAULT_OK)
		return cli_answer_fail(cv, r);
	return 0;
}

/* ---- output ---------------------------------------------------------------------------------------------------------- */

/* One cell, quoted where RFC 4180 wants it, and where a spreadsheet would take the text for a formula. */
static void put_cell(FILE *out, const char *s, bool last)
{
	bool quotes = s[strcspn(s, ",\"\r\n")] != 0, formula = s[0] != 0 && strchr("=+-@\t", s[0]) != NULL;

	if (quotes || formula)
		fputc('"', out);
	if (formula)
		fputc('\'', out);
	for (; *s != 0; s++) {
		if (*s == '"')
			fputc('"', out);
		fputc(*s, out);
	}
	if (quotes || formula)
		fputc('"', out);
	fputs(last ? "\r\n" : ",", out);
}

static void put_header(struct export *x)
{
	const char *mark = json_text(x->approved, "mark");

	if (!x->csv) {
		fprintf(x->out, "{\"export\":\"%s\",\"mark\":\"%s\"}\n", x->request, mark);
		return;
	}
	put_cell(x->out, "id", false);
	for (unsigned i = 0; i < x->n; i++)
		put_cell(x->out, x->name[i], false);
	put_cell(x->out, "export_mark", true);
}

/* One record of the answer: a line of the API's own members, or a row of cells in which lists and groups are JSON. */
static void put_record(struct export *x, const struct childvault *cv)
{
	json_t *j = cli_body(cv), *fields = json_object_get(j, "fields");
	struct buf text;

	buf_init(&text, 2u << 20);
	if (!x->csv) {
		(void)json_object_set_new(j, "mark", json_string(json_text(x->approved, "mark")));
		(void)json_dump_callback(j, append, &text, JSON_COMPACT);	/* fails as text does */
		fwrite(text.p, 1, text.n, x->out);
		fputc('\n', x->out);
	} else {
		put_cell(x->out, json_text(j, "id"), false);
		for (unsigned i = 0; i < x->n; i++) {
			const json_t *v = json_object_get(fields, x->name[i]);

			buf_reset(&text);
			if (json_is_string(v))
				buf_text(&text, json_string_value(v));
			else if (v != NULL && !json_is_null(v))
				(void)json_dump_callback(v, append, &text, JSON_COMPACT | JSON_ENCODE_ANY);
			buf_u8(&text, 0);
			put_cell(x->out, buf_ok(&text) ? (const char *)text.p : "", false);
		}
		put_cell(x->out, json_text(x->approved, "mark"), true);
	}
	buf_free(&text);
	json_decref(j);
}

static void tell_progress(struct export *x, bool last)
{
	uint64_t now = clock_mono_ms(), ms = now - x->begun_ms;
	size_t all = x->ids.n / (CLI_ID + 1), done = x->done + x->skipped;

	if (!isatty(STDERR_FILENO) || (!last && now - x->told_ms < TELL_MS))
		return;
	x->told_ms = now;
	fprintf(stderr, tr("\r\033[K%zu of %zu files, %llu/s", "\r\033[K%zu / %zu 份，%llu/秒"), done, all,
	    (unsigned long long)(ms > 0 ? done * 1000 / ms : 0));
	if (last)
		fputc('\n', stderr);
}

static int put_all(struct export *x, struct childvault *cv)
{
	int r, code = 0;

	put_header(x);
	for (size_t at = 0; at < x->ids.n && code == 0; at += CLI_ID + 1) {
		r = childvault_get(cv, &x->with, (const char *)x->ids.p + at, x->joined, x->view != NULL);
		if (r == CHILDVAULT_OK) {
			put_record(x, cv);
			x->done++;
		} else if (r == CHILDVAULT_PROBLEM && (childvault_status(cv) == 403 || childvault_status(cv) == 404 ||
		    childvault_status(cv) == 410) &&
		    strcmp(childvault_problem(cv), "purpose-required") != 0) {
			x->skipped++;	/* gone, or outside what the request covers */
		} else {
			code = cli_answer_fail(cv, r);
			x->used_up = strcmp(childvault_problem(cv), "budget-exceeded") == 0;
		}
		tell_progress(x, false);
	}
	tell_progress(x, true);
	return code;
}

static int run(struct export *x)
{
	struct childvault *cv = NULL;
	char fresh[4096] = "";
	bool own = false, standard = x->out_path == NULL || strcmp(x->out_path, "-") == 0;
	int code;

	if ((code = cli_session(&cv, &own)) != 0)
		return code;
	if ((code = take_request(x, cv)) != 0 || (code = take_fields(x)) != 0 || (code = take_ids(x, cv)) != 0)
		goto out;
	if (!standard && snprintf(fresh, sizeof fresh, "%s.new", x->out_path) >= (int)sizeof fresh) {
		code = cli_fail(EXIT_USAGE, "the path is too long: %s", "路径过长：%s", x->out_path);
		goto out;
	}
	(void)umask(077);	/* for the output is of records */
	if (standard) {
		x->out = stdout;
	} else if ((x->out = fopen(fresh, "wex")) == NULL) {
		code = cli_fail(EXIT_FAILED, "cannot make %s: %s", "无法创建 %s：%s", fresh, strerror(errno));
		goto out;
	}
	code = put_all(x, cv);
	if (!standard && fclose(x->out) != 0 && code == 0)
		code = cli_fail(EXIT_FAILED, "cannot write %s: %s", "无法写入 %s：%s", fresh, strerror(errno));
	/* What was read up to the request's count was counted and stays; the exit code tells that it is not all. */
	if (!standard && (code == 0 || x->used_up))
		code = cli_put_in_place(fresh, x->out_path) != 0 ? EXIT_FAILED : code;
	else if (!standard)
		(void)unlink(fresh);	/* half an export would pass for a whole one */
	if (code == 0 || x->used_up)
		fprintf(stderr, tr("%zu files exported, %zu left out (mark %s)\n", "已导出 %zu 份，略去 %zu 份（追踪标记 %s）\n"),
		    x->done, x->skipped,
		    json_text(x->approved, "mark"));
out:
	cli_close(cv, own);
	return code;
}

int cmd_export(int argc, char **argv)
{
	static const struct cli_help help = { "export --request ID [--fields NAMES] [--records FILE] [--csv] [--view clear --reason "
	    "TEXT] [--out FILE]",
		"Writes the files that an approved request for an export names, each read and audited under it; its trace mark stands "
		    "in every line.",
		"按已批准的导出申请导出档案，逐份读取并记入审计日志；每行带有追踪标记。" };
	struct export x = { 0 };
	const struct cli_option options[] = {
		{ "request", OPTION_TEXT, &x.request, "ID", "the approved request (childvault request export)", "已批准的导出申请编号" },
		{ "fields", OPTION_TEXT, &x.fields, "NAMES", "field names, joined by commas; else all that the request names",
		    "字段名，逗号分隔；省略则为申请中的全部字段" },
		{ "records", OPTION_TEXT, &x.records_path, "FILE", "these records, an id a line; else the work list's",
		    "只导出文件中所列档案；省略则按工作清单" },
		{ "csv", OPTION_FLAG, &x.csv, NULL, "CSV; else a JSON object a line", "输出 CSV；省略则每行一个 JSON 对象" },
		{ "out", OPTION_TEXT, &x.out_path, "FILE", "where to; - is standard output", "输出文件；- 为标准输出" },
		{ "purpose", OPTION_TEXT, &x.with.purpose, "P", "why, if not the request's purpose", "目的；省略则为申请的目的" },
		{ "view", OPTION_TEXT, &x.view, "clear", "unmasked values; needs --reason", "明文；需要 --reason" },
		{ "reason", OPTION_TEXT, &x.with.reason, "TEXT", "why values must be seen in clear", "查看明文的理由" } };
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 0, 0, &a))
		return a.exit;
	if (x.request == NULL)
		return cli_usage("export", "--request ID is missing", "缺少 --request 编号");
	if (x.view != NULL && strcmp(x.view, "clear") != 0)
		return cli_usage("export", "--view is clear or left out", "--view 只能是 clear，或省略");
	buf_init(&x.ids, IDS_MAX);
	x.begun_ms = x.told_ms = clock_mono_ms();
	code = run(&x);
	buf_free(&x.ids);
	json_decref(x.approved);
	free(x.names);
	free(x.joined);
	return code;
}

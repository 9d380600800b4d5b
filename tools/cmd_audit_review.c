/* childvault audit sign-off, reviews: an auditor signs a month of the log off, with what childvault-audit review found. */
#include <stdio.h>
#include <string.h>

#include "pages.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

/* The result that was given to an item: a --result of its own, or --rest; NULL: none. */
static const char *result_of(const struct cli_list *results, const char *rest, const char *id)
{
	size_t n = strlen(id);

	for (size_t i = 0; i < results->n; i++)
		if (strncmp(results->item[i], id, n) == 0 && results->item[i][n] == '=')
			return results->item[i] + n + 1;
	return rest;
}

static bool is_result(const char *s)
{
	return s != NULL && (strcmp(s, "fine") == 0 || strcmp(s, "explained") == 0 || strcmp(s, "followed") == 0);
}

/* Whether a --result names an item of the review. */
static bool names_item(const json_t *items, const char *result)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		const char *id = json_text(json_array_get(items, i), "id");

		if (id[0] != 0 && strncmp(result, id, strlen(id)) == 0 && result[strlen(id)] == '=')
			return true;
	}
	return false;
}

/* The list of results, "ITEM:fine"; NULL after a message. */
static json_t *take_results(const json_t *items, const struct cli_list *results, const char *rest)
{
	json_t *list = json_array();

	for (size_t i = 0; i < results->n; i++)
		if (!names_item(items, results->item[i])) {
			(void)cli_fail(EXIT_USAGE, "the review has no such item: %s", "审查中没有该事项：%s", results->item[i]);
			goto fail;
		}
	for (size_t i = 0; i < json_array_size(items); i++) {
		const char *id = json_text(json_array_get(items, i), "id"), *result = result_of(results, rest, id);

		if (!is_result(result)) {
			(void)cli_fail(EXIT_USAGE, "item %s wants a result: fine, explained or followed",
			    "事项 %s 需要结果：fine、explained 或 followed",
			    id);
			goto fail;
		}
		json_array_append_new(list, json_sprintf("%s:%s", id, result));
	}
	return list;
fail:
	json_decref(list);
	return NULL;
}

static int send_review(const json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);
	struct childvault *cv = NULL;
	bool own = false;
	json_t *j = NULL;
	int code, r;

	if (text == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	if ((code = cli_session(&cv, &own)) != 0)
		goto out;
	if ((r = childvault_make(cv, NULL, "reviews", text)) != CHILDVAULT_OK) {
		code = cli_answer_fail(cv, r);
	} else if (cli.json) {
		code = cli_print_body(cv);
	} else {
		j = cli_body(cv);
		printf(tr("%s signed off: %llu items, %llu still followed\n", "%s 已签署：%llu 项，其中 %llu 项仍在跟进\n"), json_text(j, "month"),
		    json_number(j, "items"), json_number(j, "followed"));
	}
out:
	json_decref(j);
	json_text_free(text);
	cli_close(cv, own);
	return code;
}

int audit_sign_off(int argc, char **argv)
{
	static const struct cli_help help = { "audit sign-off FILE [--result ITEM=RESULT]... [--rest RESULT] [--note TEXT]",
		"Signs a month off with what `childvault-audit review --json` wrote to FILE. Each item gets a result: fine (nothing "
		"wrong),\n"
		"explained (somebody answered for it) or followed (something is still done about it); --rest is that of all others.",
		"以 childvault-audit review --json 写入 FILE 的内容签署一个月的审查。每个事项须有结果：fine（无问题）、\n"
		"explained（已说明）或 followed（仍在跟进）；--rest 为其余事项的结果。" };
	const char *rest = NULL, *note = NULL;
	struct cli_list results = { .n = 0 };
	const struct cli_option options[] = { { "result", OPTION_LIST, &results, "ITEM=RESULT", "how one item came out", "一个事项的结果" },
		{ "rest", OPTION_TEXT, &rest, "RESULT", "how all others came out", "其余事项的结果" },
		{ "note", OPTION_TEXT, &note, "TEXT", "what else is to be said", "备注" } };
	json_t *review = NULL, *list = NULL, *body = NULL;
	struct cli_args a;
	struct buf b;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	buf_init(&b, 16u << 20);
	if ((code = cli_read_file(a.argv[0], &b)) != 0)
		goto out;
	review = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(json_object_get(review, "items"))) {
		code = cli_fail(EXIT_FAILED, "%s is not what childvault-audit review --json writes",
		    "%s 不是 childvault-audit review --json 的输出",
		    a.argv[0]);
		goto out;
	}
	code = EXIT_USAGE;
	if ((list = take_results(json_object_get(review, "items"), &results, rest)) == NULL)
		goto out;
	body = json_pack("{s:s,s:O,s:s,s:s,s:O,s:s*}", "month", json_text(review, "month"), "size", json_object_get(review, "size"), "root",
	    json_text(review, "root"), "digest", json_text(review, "digest"), "results", list, "note", note);
	code = body != NULL ? send_review(body) : cli_fail(EXIT_FAILED, "%s lacks a member", "%s 缺少内容", a.argv[0]);
out:
	json_decref(body);
	json_decref(list);
	json_decref(review);
	buf_free(&b);
	return code;
}

/* ---- reviews ---------------------------------------------------------------------------------------------------------------- */

static void add_row(void *cookie, const json_t *j)
{
	char items[24], followed[24];
	const char *cells[] = { json_text(j, "month"), json_text(j, "state"), json_text(j, "by"), items, followed, json_text(j,
	    "created_at"),
		json_text(j, "note") };

	snprintf(items, sizeof items, "%llu", json_number(j, "items"));
	snprintf(followed, sizeof followed, "%llu", json_number(j, "followed"));
	if (cookie != NULL)
		table_row(cookie, cells);
}

int audit_reviews(int argc, char **argv)
{
	static const struct cli_help help = { "audit reviews [--waiting]",
		"Lists the months that auditors signed off, or those that wait for it.", "列出审计员已签署的月份，或待签署的月份。" };
	const char *names[] = { tr("month", "月份"), tr("state", "状态"), tr("by", "签署人"), tr("items", "事项"), tr("followed", "跟进"),
		tr("signed off", "签署时间"), tr("note", "备注") };
	bool waiting = false, own = false;
	const struct cli_option options[] = { { "waiting", OPTION_FLAG, &waiting, NULL, "months without sign-off", "待签署的月份" } };
	struct pages p = { .collection = "reviews", .all = true, .row = add_row };
	struct childvault *cv = NULL;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	if (waiting)
		p.filter.waiting = "me";
	if ((code = cli_session(&cv, &own)) == 0) {
		p.cookie = table_new(COUNT(names), names);
		code = pages_print(cv, &p, p.cookie);
	}
	cli_close(cv, own);
	return code;
}

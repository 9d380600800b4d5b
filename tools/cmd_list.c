/* childvault list: the work list. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "pages.h"

#define LIMIT_MAX 1000u		/* as the API */
#define LIMIT_UNSAID UINT64_MAX
#define COUNT(a) (sizeof (a) / sizeof (a)[0])

struct listing {
	struct table *table;
	char quarter[24];	/* the present one, "2026Q4" */
	size_t n;
};

/* What a state is called; the code itself in a pipe. */
static const char *state_word(const char *state)
{
	static const struct {
		const char *state, *en, *zh;
	} words[] = { { "found", "found", "发现" }, { "draft", "draft", "草拟" }, { "applied", "applied", "已申请" },
		{ "verified", "verified", "已核实" }, { "noticed", "noticed", "已公示" }, { "in_review", "in review", "审核中" },
		{ "approved", "approved", "已批准" }, { "refused", "refused", "未批准" }, { "active", "active", "在册" },
		{ "suspended", "suspended", "暂停" }, { "exited", "exited", "已退出" }, { "archived", "archived", "已归档" } };

	for (size_t i = 0; isatty(STDOUT_FILENO) && i < COUNT(words); i++)
		if (strcmp(words[i].state, state) == 0)
			return tr(words[i].en, words[i].zh);
	return state;
}

static void add_record(void *cookie, const json_t *record)
{
	struct listing *x = cookie;
	const char *due = json_text(record, "due");
	char text[64];
	const char *cells[] = { json_text(record, "id"), due, state_word(json_text(record, "state")), json_text(record, "area") };

	/* Quarters compare as texts do. */
	if (isatty(STDOUT_FILENO) && due[0] != 0 && strcmp(due, x->quarter) < 0) {
		snprintf(text, sizeof text, tr("%s overdue", "%s 逾期"), due);
		cells[1] = text;
	}
	x->n++;
	if (x->table != NULL)
		table_row(x->table, cells);
}

static int list(struct childvault *cv, struct pages *p)
{
	const char *names[] = { tr("record", "档案"), tr("due", "到期季度"), tr("state", "状态"), tr("area", "区划") };
	struct listing x = { .n = 0 };
	bool more = false;
	unsigned month, day;
	int year, r, code;

	clock_date((int32_t)(clock_wall_ms() / 86400000), &year, &month, &day);
	snprintf(x.quarter, sizeof x.quarter, "%04uQ%u", (unsigned)year % 10000, (month - 1) / 3 % 4 + 1);
	p->cookie = &x;
	if (cli.json) {
		p->page = pages_body;
	} else {
		p->row = add_record;
		x.table = table_new(COUNT(names), names);
	}
	if ((r = pages_get(cv, p, &more)) != CHILDVAULT_OK) {
		code = cli_answer_fail(cv, r);
		if (x.n == 0)
			table_drop(x.table);
		else
			(void)table_print(x.table);	/* what came before the refusal was counted and may be seen */
		return code;
	}
	code = cli.json ? EXIT_DONE : table_print(x.table);
	if (!cli.json && isatty(STDOUT_FILENO))
		printf(tr("%zu files\n", "共 %zu 份档案\n"), x.n);
	if (more)
		pages_say_more();
	return code;
}

int cmd_list(int argc, char **argv)
{
	static const struct cli_help help = { "list --purpose P [--area DIGITS] [--due QUARTER|overdue] [--state S] [--limit N] [--all]",
		"Lists the files that this session may know of: id, due quarter, state, place. What is listed counts in the budget.",
		"列出本会话可知的档案：编号、到期季度、状态、区划。列出的档案计入查看限额。" };
	struct childvault_with with = { 0 };
	struct pages p = { .with = &with, .collection = "records" };
	uint64_t limit = LIMIT_UNSAID;
	bool own = false;
	const struct cli_option options[] = {
		{ "purpose", OPTION_TEXT, &with.purpose, "P", "why: a purpose of the profile", "目的：规则文件中的目的代码" },
		{ "case", OPTION_TEXT, &with.case_text, "TEXT", "the case it belongs to", "所属个案" },
		{ "area", OPTION_TEXT, &p.filter.area, "DIGITS", "only places whose code begins so", "只列区划代码以此开头的" },
		{ "due", OPTION_TEXT, &p.filter.due, "QUARTER", "due in 2026Q4 or before; overdue: before this quarter",
		    "2026Q4 及以前到期；overdue：本季度前已到期" },
		{ "state", OPTION_TEXT, &p.filter.state, "S", "only files in this state (active, verified, ...)",
		    "只列此状态的（active、verified 等）" },
		{ "limit", OPTION_NUMBER, &limit, "N", "a page of at most N, 1000 at most", "每页最多 N 份，至多 1000" },
		{ "all", OPTION_FLAG, &p.all, NULL, "page after page to the end", "逐页列出全部" } };
	struct childvault *cv = NULL;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	if (with.purpose == NULL || with.purpose[0] == 0)
		return cli_usage("list", "--purpose P is missing", "缺少 --purpose 目的");
	if (limit == LIMIT_UNSAID)
		limit = p.all ? LIMIT_MAX : 0;	/* the daemon's own */
	else if (limit == 0 || limit > LIMIT_MAX)
		return cli_usage("list", "--limit is 1 to %u", "--limit 为 1 至 %u", LIMIT_MAX);
	p.filter.limit = (unsigned)limit;
	if ((code = cli_session(&cv, &own)) == 0)
		code = list(cv, &p);
	cli_close(cv, own);
	return code;
}

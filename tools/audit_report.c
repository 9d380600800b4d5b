/* childvault-audit report: one page about a stretch of the log, and what of it is proven. */
#include "audit_report.h"

#include <stdio.h>
#include <string.h>

#include "audit.h"

static void nav(struct page *p)
{
	const struct {
		const char *id, *en, *zh;
	} links[] = { { "coverage", "What is proven", "核验范围" }, { "volume", "Volume", "访问量" }, { "purposes", "Purposes", "目的" },
		{ "refusals", "Refusals", "拒绝" }, { "emergency", "Emergencies", "紧急访问" }, { "hours", "Out of hours", "非工作时间" },
		{ "readers", "Top readers", "查阅最多者" }, { "bulk", "Many children", "大量查阅" }, { "changes", "Changes of policy and keys",
		"规则与密钥变更" },
		{ "incidents", "Incidents", "异常事件" }, { "terms", "How to read this", "阅读说明" } };

	buf_text(&p->b, "<nav aria-label=\"");
	page_text(p, tr("Sections", "章节"));
	buf_text(&p->b, "\"><ul>\n");
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		buf_printf(&p->b, "<li><a href=\"#%s\">", links[i].id);
		page_text(p, tr(links[i].en, links[i].zh));
		buf_text(&p->b, "</a></li>\n");
	}
	buf_text(&p->b, "</ul></nav>\n");
}

static void write_page(struct page *p, const struct gathered *g)
{
	char name[GATHER_NAME];

	page_begin(p, tr("Who looked at what: report on an audit log", "访问审计报告"));
	report_head(p, g, gather_person(g, g->key.principal, name));
	nav(p);
	buf_text(&p->b, "<main>\n");
	report_coverage(p, g);
	report_figures(p, g);
	report_volume(p, g);
	report_purposes(p, g);
	report_refusals(p, g);
	report_emergency(p, g);
	report_hours(p, g);
	report_readers(p, g);
	report_bulk(p, g);
	report_changes(p, g);
	report_incidents(p, g);
	report_terms(p, g);
	buf_text(&p->b, "</main>\n");
	page_end(p);
}

/* The days that were asked for, both included. */
static int take_days(const char *from, const char *to, struct gathered *g)
{
	g->first_day = 0;
	g->last_day = INT32_MAX;
	if ((from != NULL && !gather_date(from, &g->first_day)) || (to != NULL && !gather_date(to,
	    &g->last_day)) || g->first_day > g->last_day)
		return cli_fail(EXIT_USAGE, "--from and --to are days such as 2026-11-25, the first not after the last",
		    "--from 和 --to 为日期，如 2026-11-25，且起始不晚于截止");
	return 0;
}

int audit_report(int argc, char **argv)
{
	static const struct cli_help help = { "report DIR --key FILE --html OUT [--from DAY] [--to DAY]",
		"Writes one page about a log folder, in HTML without script: how much was read, by whom, for what, what was refused, what\n"
		"stands out, and how far the log is proven. DIR is what `childvault audit export --key` wrote. Days are those of UTC.",
		"据日志目录生成一份网页报告（不含脚本）：访问量、人员、目的、拒绝、异常情况，以及核验范围。\n"
		"DIR 为 childvault audit export --key 导出的目录；日期按 UTC 计。" };
	const char *html = NULL, *from = NULL, *to = NULL;
	struct gather_ask ask;
	struct cli_option options[GATHER_OPTIONS + 3] = { { "html", OPTION_TEXT, &html, "OUT", "the page's file", "网页文件" },
		{ "from", OPTION_TEXT, &from, "DAY", "first day; the log's beginning by default", "起始日期，默认自建库起" },
		{ "to", OPTION_TEXT, &to, "DAY", "last day; the log's end by default", "截止日期，默认至日志末尾" } };
	struct gathered g = { .verdict = 0 };
	struct page page;
	struct cli_args a;
	int code;

	gather_options(&ask, options + 3);
	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 1, 1, &a))
		return a.exit;
	if (html == NULL)
		return cli_usage("report", "--html names the file to write", "请用 --html 指定输出文件");
	if ((code = take_days(from, to, &g)) != 0)
		return code;
	if ((code = gather_may_write(&ask, html)) != 0)
		return code;
	ask.dir = a.argv[0];
	memset(&page, 0, sizeof page);
	if ((code = gather(&ask, &g)) == 0) {
		write_page(&page, &g);
		code = buf_ok(&page.b) ? cli_write_file(html, page.b.p, page.b.n, 0600, true) :
		    cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	}
	if (code == 0 && g.verdict != 0)
		code = cli_fail(EXIT_VERIFY, "the log has faults, which the page names", "日志有问题，已列入报告");
	page_free(&page);
	gather_free(&g);
	return code;
}

/* childvault-audit review: what an auditor looks at of a month before signing it off. */
#include "audit_review.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "base/clock.h"
#include "base/text.h"
#include "format/note.h"

/* "2026-11" as its first and its last day. */
static bool take_month(const char *s, struct gathered *g, char ret[8])
{
	char day[16];

	if (strlen(s) != 7)
		return false;
	snprintf(ret, 8, "%.7s", s);
	snprintf(day, sizeof day, "%.7s-01", s);
	if (!gather_date(day, &g->first_day))
		return false;
	/* The first day of the next month stands 28 to 31 days on. */
	for (int32_t d = g->first_day + 28;; d++) {
		unsigned month, of_month;
		int year;

		clock_date(d, &year, &month, &of_month);
		if (of_month == 1) {
			g->last_day = d - 1;
			return true;
		}
	}
}

/* The checkpoint that closed the month. childvault_audit_verify has judged its signatures, or there is a fault. */
static int read_seal(const char *dir, struct review *r)
{
	struct checkpoint c;
	struct note n;
	struct buf b;
	char path[4096];
	int code;

	if (!r->closed)
		return cli_fail(EXIT_FAILED, "%s is not over in this log: its last day was not closed", "本日志中 %s 尚未结束：最后一天未封存", r->month);
	if (snprintf(path, sizeof path, "%s/seals/%06u", dir, r->closing) >= (int)sizeof path)
		return cli_fail(EXIT_FAILED, "the path is too long: %s", "路径过长：%s", dir);
	buf_init(&b, 4 * NOTE_MAX);
	code = cli_read_file(path, &b);
	if (code == 0 && (note_decode((const char *)b.p, b.n, &n) != 0 || checkpoint_decode(&n, &c) != 0))
		code = cli_fail(EXIT_FAILED, "%s is no checkpoint", "%s 不是检查点", path);
	if (code == 0) {
		r->size = c.size;
		memcpy(r->root, c.root, 32);
	}
	buf_free(&b);
	return code;
}

/* ---- what is found ---------------------------------------------------------------------------------------------------------- */

static const char *rule_words(enum review_rule rule)
{
	switch (rule) {
	case REVIEW_HOURS: return tr("out of hours", "非工作时间");
	case REVIEW_CHILDREN: return tr("many children", "大量查阅");
	case REVIEW_EMERGENCY: return tr("emergency", "紧急访问");
	case REVIEW_AREA: return tr("another area", "跨辖区");
	case REVIEW_REFUSALS: return tr("repeated refusals", "多次被拒");
	default: return tr("sample", "抽查");
	}
}

static int print_table(const struct review *r, const struct gathered *g)
{
	const char *names[] = { tr("item", "编号"), tr("what", "事项"), tr("day", "日期"), tr("person", "人员"), tr("count", "数量"),
		tr("first entry", "首条"), tr("last entry", "末条") };
	struct table *t = table_new(7, names);

	for (size_t i = 0; t != NULL && i < r->n; i++) {
		const struct review_item *x = &r->items[i];
		char id[17], day[16], who[GATHER_NAME], count[16], first[24], last[24];
		const char *cells[] = { id, rule_words(x->rule), day, who, count, first, last };

		hex_encode(x->id, 8, id);
		gather_day(g, x->epoch, day);
		(void)gather_person(g, x->principal, who);
		snprintf(count, sizeof count, "%u", x->count);
		snprintf(first, sizeof first, "%llu", (unsigned long long)x->first);
		snprintf(last, sizeof last, "%llu", (unsigned long long)x->last);
		table_row(t, cells);
	}
	return table_print(t);
}

static json_t *item_json(const struct review_item *x, const struct gathered *g)
{
	char id[17], principal[33], day[16], who[GATHER_NAME];

	hex_encode(x->id, 8, id);
	hex_encode(x->principal, 16, principal);
	gather_day(g, x->epoch, day);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I}", "id", id, "rule", review_rule_name(x->rule), "principal", principal, "person",
	    gather_person(g, x->principal, who), "day", day, "count", (json_int_t)x->count, "first", (json_int_t)x->first, "last",
	    (json_int_t)x->last);
}

static int print_json(const struct review *r, const struct gathered *g)
{
	char root[64], digest[64], zone[GATHER_ZONE], hours[GATHER_ZONE], *text;
	json_t *items = json_array(), *j;

	b64_encode(B64_STD, r->root, 32, root);
	b64_encode(B64_STD, r->digest, 32, digest);
	gather_zone(&g->tally.rules, zone);
	gather_hours(&g->tally.rules, hours);
	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(items, item_json(&r->items[i], g));
	j = json_pack("{s:s,s:s,s:I,s:s,s:s,s:{s:s,s:s,s:i,s:i,s:s},s:I,s:o}", "month", r->month, "log", g->summary.origin, "size",
	    (json_int_t)r->size, "root", root, "digest", digest, "rules", "zone", zone, "hours", hours, "many",
	    (int)g->tally.rules.many_children, "refusals", (int)g->tally.rules.many_refusals, "emergency", r->emergency, "ordinary",
	    (json_int_t)r->ordinaries, "items", items);
	text = j != NULL ? json_dumps(j, JSON_INDENT(1)) : NULL;
	json_decref(j);
	if (text == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	puts(text);
	free(text);
	return EXIT_DONE;
}

int audit_review(int argc, char **argv)
{
	static const struct cli_help help = { "review DIR --key FILE --month YYYY-MM [--json]",
		"Lists what of a month is to be looked at: accesses out of hours, many children in a day, emergencies, files of other "
		"areas,\n"
		"repeated refusals, and a sample of ordinary accesses that follows from the month's last checkpoint, so that nobody "
		"chooses it.\n"
		"With --json it is what `childvault audit sign-off` takes. Relatives and namesakes are not among it: the log does not "
		"tell.",
		"列出一个月中需要查看的事项：非工作时间访问、单日大量查阅、紧急访问、跨辖区、多次被拒，以及由当月最后检查点\n"
		"确定、无人可以挑选的普通访问抽查。--json 的输出供 childvault audit sign-off 使用。亲属、同名等情形日志中没有，不在其列。" };
	const char *month = NULL;
	struct gather_ask ask;
	struct cli_option options[GATHER_OPTIONS + 2] = { { "month", OPTION_TEXT, &month, "YYYY-MM", "the month, of UTC", "月份（UTC）" },
		{ "refusals", OPTION_NUMBER, &ask.refusals, "N", "refusals of one person in a day from which they are many; 5 by default",
		    "一人一天被拒 N 次以上即为多次，默认 5" } };
	struct review r = { .n = 0 };
	struct gathered g = { .verdict = 0 };
	struct review_walk walk = { &r, &g };
	struct cli_args a;
	int code;

	gather_options(&ask, options + 2);
	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 1, 1, &a))
		return a.exit;
	if (month == NULL || !take_month(month, &g, r.month))
		return cli_usage("review", "--month is a month such as 2026-11", "--month 为月份，如 2026-11");
	ask.dir = a.argv[0];
	r.emergency = ask.emergency;
	g.each = review_each;
	g.cookie = &walk;
	if ((code = gather(&ask, &g)) == 0 && g.nameless > 0)
		code = cli_fail(EXIT_FAILED, "of %llu entries the policy that ruled is not in the folder, or not readable",
		    "%llu 条所依据的规则文件缺失或无法读取", (unsigned long long)g.nameless);
	if (code == 0 && (code = read_seal(ask.dir, &r)) == 0) {
		if (!review_find(&r, &g))
			code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
		else
			code = cli.json ? print_json(&r, &g) : print_table(&r, &g);
	}
	if (code == 0 && g.verdict != 0)
		code = cli_fail(EXIT_VERIFY, "the log has faults: childvault-audit verify names them",
		    "日志有问题：请用 childvault-audit verify 查看");
	review_free(&r);
	gather_free(&g);
	return code;
}

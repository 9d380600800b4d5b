/* The report's other parts: what it is about, what is proven, what changed the vault, what went wrong. */
#include <stdio.h>
#include <string.h>

#include "audit_report.h"
#include "base/clock.h"
#include "base/text.h"
#include "format/leaf.h"
#include "format/message.h"

/* ---- head and coverage ------------------------------------------------------------------------------------------------- */

static void fact(struct page *p, const char *name, const char *value)
{
	page_element(p, "dt", name);
	page_element(p, "dd", value);
}

void report_head(struct page *p, const struct gathered *g, const char *key_name)
{
	const struct tally *t = &g->tally;
	char text[128], hex[33], first[24], last[24];

	buf_text(&p->b, "<header>\n");
	page_element(p, "h1", tr("Who looked at what: report on an audit log", "访问审计报告"));
	buf_text(&p->b, "<dl>\n");
	fact(p, tr("Log", "日志"), g->summary.origin);
	hex_encode(g->summary.vault, sizeof g->summary.vault, hex);
	fact(p, tr("Vault", "档案库"), hex);
	if (t->acts > 0) {
		gather_time(g, t->first_ms, first);
		gather_time(g, t->last_ms, last);
		snprintf(text, sizeof text, tr("%s to %s", "%s 至 %s"), first, last);
		fact(p, tr("Period", "期间"), text);
		snprintf(text, sizeof text, tr("%llu (%llu to %llu)", "%llu 条（第 %llu 至 %llu 条）"), (unsigned long long)t->acts,
		    (unsigned long long)t->first_index, (unsigned long long)t->last_index);
		fact(p, tr("Entries", "条目"), text);
	} else {
		fact(p, tr("Period", "期间"), tr("no entry", "没有条目"));
	}
	fact(p, tr("Opened with the key of", "所用密钥"), key_name);
	buf_text(&p->b, "</dl>\n");
	if (g->summary.demo)
		page_element(p, "p", tr("This vault was made for trying out: entry 0 says so.", "本库仅供试用：第 0 条已注明。"));
	buf_text(&p->b, "</header>\n");
}

static void covered(struct page *p, const struct childvault_audit_summary *s)
{
	char text[256], hex[65], time[25];

	buf_text(&p->b, "<dl>\n");
	snprintf(text, sizeof text, tr("0 to %llu", "第 0 至 %llu 条"), (unsigned long long)(s->size > 0 ? s->size - 1 : 0));
	fact(p, tr("Entries covered by the signature", "签名覆盖的条目"), s->size > 0 ? text : tr("none", "无"));
	snprintf(text, sizeof text, tr("%u to %u; %u of them closed, each with its own key", "第 %u 至 %u 日，其中 %u 日已各用当日密钥封存"),
	    s->epoch_first,
	    s->epoch_last, s->seals);
	fact(p, tr("Days of the log", "日志日期"), text);
	hex_encode(s->root, sizeof s->root, hex);
	snprintf(text, sizeof text, "%s (%s)", hex, s->root_signed ? tr("signed", "已签名") : tr("not signed", "未签名"));
	fact(p, tr("Root", "根"), text);
	if (s->size > 0) {
		clock_rfc3339(s->last_ms, time);
		fact(p, tr("Newest entry covered", "所覆盖的最新条目"), time);
	}
	snprintf(text, sizeof text, "%llu", (unsigned long long)s->unsigned_leaves);
	fact(p, tr("Entries not signed yet", "尚未签名的条目"), text);
	if (s->mutations > 0) {
		snprintf(text, sizeof text, tr("%llu, the newest is entry %llu", "%llu 条，最新为第 %llu 条"), (unsigned long long)s->mutations,
		    (unsigned long long)s->state_leaf);
		fact(p, tr("Entries bound to the state of the files", "与数据状态绑定的条目"), text);
	}
	if (s->witnesses > 0 || s->cosigned_size > 0) {
		snprintf(text, sizeof text, tr("%u witnesses; enough of them vouch for %llu entries", "%u 名见证人；其中足够多者见证了 %llu 条"),
		    s->witnesses, (unsigned long long)s->cosigned_size);
		fact(p, tr("Witnesses", "见证"), text);
	}
	fact(p, tr("Verifier key", "验证公钥"), s->vkey);
	buf_text(&p->b, "</dl>\n");
}

static void findings(struct page *p, const struct gathered *g)
{
	char text[640];

	if (g->findings == 0)
		return;
	buf_text(&p->b, "<ul>\n");
	for (size_t i = 0; i < g->findings; i++) {
		const struct gather_finding *f = &g->finding[i];

		snprintf(text, sizeof text, "%s %s: %s", f->fault ? tr("Fault", "问题") : tr("Note", "提示"), f->name, f->text);
		page_element(p, "li", text);
	}
	if (g->all_findings > g->findings) {
		snprintf(text, sizeof text, tr("and %zu more", "另有 %zu 项"), g->all_findings - g->findings);
		page_element(p, "li", text);
	}
	buf_text(&p->b, "</ul>\n");
}

void report_coverage(struct page *p, const struct gathered *g)
{
	char text[256];

	page_section(p, "coverage", tr("What is proven", "核验范围"));
	buf_printf(&p->b, "<div class=\"box %s\">\n", g->verdict == 0 ? "good" : "bad");
	buf_text(&p->b, "<p>");
	page_element(p, "strong", g->verdict == 0 ? tr("The log is whole: every entry is the one that was signed, and none is missing.",
	    "日志完整：每条均与签名一致，没有缺失。") : tr("The log has faults. What follows may be wrong where they are.",
	    "日志有问题，以下内容在有问题之处可能不实。"));
	buf_text(&p->b, "</p>\n");
	covered(p, &g->summary);
	findings(p, g);
	if (g->cut)
		page_element(p, "p", tr("From the fault on entries could not be read: what follows ends before it.",
		    "自问题处起无法读取，以下内容止于该处。"));
	if (g->nameless > 0) {
		snprintf(text, sizeof text,
		    tr("Of %llu entries the policy that ruled is not in the folder, or not readable: names are missing, and "
		    "emergencies are not known.", "%llu 条所依据的规则文件缺失或无法读取：缺少名称，也无法识别紧急访问。"), (unsigned long long)g->nameless);
		page_element(p, "p", text);
	}
	if (g->tally.sealed > 0) {
		snprintf(text, sizeof text, tr("%llu entries are sealed to other auditors, or to keys of months that this key does not "
		    "hold; of them only kind and time are counted.", "%llu 条密封给其他审计员或此密钥不持有的月度密钥，只计类型和时间。"),
		    (unsigned long long)g->tally.sealed);
		page_element(p, "p", text);
	}
	buf_text(&p->b, "</div>\n");
	page_element(p, "p class=\"dim\"",
	    tr("No copy alone can prove that nothing newer existed: compare it with a checkpoint that you kept, or with "
	    "one that a witness signed.", "仅凭副本不能证明其后没有更新的条目：请与自己保存的或见证人签署的检查点比对。"));
	page_section_end(p);
}

/* ---- figures ---------------------------------------------------------------------------------------------------------------- */

static void figure(struct page *p, const char *id, uint64_t n, const char *what)
{
	buf_printf(&p->b, "<li><b id=\"%s\">%llu</b>", id, (unsigned long long)n);
	page_text(p, what);
	buf_text(&p->b, "</li>\n");
}

static uint64_t people_with_access(const struct tally *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->people_count; i++)
		n += t->people[i].days > 0;
	return n;
}

static uint64_t many_days(const struct tally *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->person_day_count; i++)
		n += t->person_days[i].children > t->rules.many_children;
	return n;
}

static uint64_t emergencies(const struct tally *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->people_count; i++)
		n += t->people[i].emergency;
	return n;
}

void report_figures(struct page *p, const struct gathered *g)
{
	const struct tally *t = &g->tally;

	page_section(p, "figures", tr("In short", "概要"));
	buf_text(&p->b, "<ul class=\"figures\">\n");
	figure(p, "n-read", t->group[ACT_READ], word_group(ACT_READ));
	figure(p, "n-clear", t->group[ACT_CLEAR], word_group(ACT_CLEAR));
	figure(p, "n-change", t->group[ACT_CHANGE], word_group(ACT_CHANGE));
	figure(p, "n-refused", t->group[ACT_REFUSED], word_group(ACT_REFUSED));
	figure(p, "n-people", people_with_access(t), tr("people with an access", "有访问的人员"));
	figure(p, "n-late", t->late, tr("out of hours", "非工作时间"));
	figure(p, "n-emergency", emergencies(t), tr("in an emergency", "紧急访问"));
	figure(p, "n-many", many_days(t), tr("days of many children", "大量查阅（人日）"));
	figure(p, "n-logins", t->login_failures, tr("failed logins", "登录失败"));
	figure(p, "n-integrity", t->integrity, tr("damaged data met", "遇到数据损坏"));
	buf_text(&p->b, "</ul>\n");
	page_section_end(p);
}

/* ---- entries told one by one -------------------------------------------------------------------------------------------------- */

static bool is_incident(const struct tally_note *x)
{
	return x->act.kind == LEAF_LOGIN_FAILURES || x->act.outcome == PROBLEM_INTEGRITY ||
	    (x->act.kind == LEAF_START && x->clear_n >= 17 && x->clear[0] == 1 && be64_get(x->clear + 9) > 0) ||
	    (x->act.kind == LEAF_KEYS && x->clear_n >= 4 && x->clear[0] == 1 && x->clear[3] != 0);
}

/* Starts and revocations have places of their own. */
static bool is_change(const struct tally_note *x)
{
	return x->act.kind != LEAF_LOGIN_FAILURES && x->act.kind != LEAF_REVOKE && x->act.kind != LEAF_START &&
	    x->act.outcome != PROBLEM_INTEGRITY;
}

static void notes(struct page *p, const struct gathered *g, const char *caption, bool (*is)(const struct tally_note *), const char *none)
{
	const char *const names[] = { tr("time", "时间"), tr("entry", "序号"), tr("kind", "类型"), tr("what", "内容"), tr("by", "操作人") };
	char who[GATHER_NAME], when[24], index[24], what[GATHER_NAME + 128];
	unsigned n = 0;

	for (size_t i = 0; i < g->tally.note_count; i++) {
		const struct tally_note *x = &g->tally.notes[i];

		if (!is(x))
			continue;
		if (n++ == 0)
			page_table_begin(p, caption, 5, names);
		gather_time(g, x->act.time_ms, when);
		word_note(g, x, what, sizeof what);
		page_row(p);
		page_cell(p, when, false);
		snprintf(index, sizeof index, "%llu", (unsigned long long)x->act.index);
		page_cell(p, index, false);
		page_cell(p, word_kind(x->act.kind), false);
		page_cell(p, what, false);
		page_cell(p, x->act.known ? gather_person(g, x->act.principal, who) : "", false);
	}
	if (n > 0)
		page_table_end(p);
	else
		page_element(p, "p class=\"dim\"", none);
}

static void left_out(struct page *p, const struct tally *t)
{
	char text[160];

	if (t->notes_left_out == 0)
		return;
	snprintf(text, sizeof text, tr("%llu more entries of such kinds are not listed.", "另有 %llu 条未列出。"),
	    (unsigned long long)t->notes_left_out);
	page_element(p, "p", text);
}

void report_changes(struct page *p, const struct gathered *g)
{
	page_section(p, "changes", tr("Changes of policy, members and keys", "规则、成员与密钥变更"));
	notes(p, g, tr("What was changed", "变更"), is_change, tr("None in this period.", "本期间没有。"));
	left_out(p, &g->tally);
	page_section_end(p);
}

void report_incidents(struct page *p, const struct gathered *g)
{
	const struct tally *t = &g->tally;
	char text[256];

	page_section(p, "incidents", tr("Incidents", "异常事件"));
	snprintf(text, sizeof text, tr("The daemon started %llu times; at %llu starts a block that was not finished was cut (%llu bytes).",
	    "服务启动 %llu 次；其中 %llu 次切除了未写完的块（%llu 字节）。"), (unsigned long long)t->starts, (unsigned long long)t->cut_starts,
	    (unsigned long long)t->cut_bytes);
	page_element(p, "p", text);
	notes(p, g, tr("Failed logins, damaged data, cut blocks, wrong shares", "登录失败、数据损坏、切除的块、不符的份额"), is_incident,
	    tr("None in this period.", "本期间没有。"));
	left_out(p, t);
	page_section_end(p);
}

void report_terms(struct page *p, const struct gathered *g)
{
	(void)g;
	page_section(p, "terms", tr("How to read this", "阅读说明"));
	buf_text(&p->b, "<ul>\n");
	page_element(p, "li",
	    tr("An access is an answered call on one child's file. Refusals, work lists and everything else are counted apart.",
	    "“访问”指已答复的、针对一名儿童档案的请求；拒绝、工作清单和其他事项分别计数。"));
	page_element(p, "li",
	    tr("“Read” is the view that the role gets without asking for more; “clear” is what was asked for in the clear, with a reason; "
	    "“changed” are files made and changed.", "“查阅”为角色默认可见的内容；“明文”为说明理由后查看的明文；“修改”包括新建和修改。"));
	page_element(p, "li",
	    tr("This page names no child and no field. The log tells auditors how many different children one person met on one day, and "
	    "nothing that links two days or two persons.",
	    "本报告不含任何儿童和字段名称。日志只让审计员知道一人一天查阅了多少名不同儿童，不同日期、不同人员之间无法关联。"));
	page_element(p, "li",
	    tr("Days are those of the log, which end at midnight UTC (8 in the morning in China); hours and times are those of the place.",
	    "日期为日志日，以 UTC 零点为界（北京时间早八点）；时刻按当地时间。"));
	page_element(p, "li",
	    tr("A refused call can be right: policy refuses what is not needed. Many of one reason or of one person deserve a look.",
	    "拒绝未必异常：规则本就拒绝不必要的访问；同一原因或同一人员的大量拒绝值得查看。"));
	buf_text(&p->b, "</ul>\n");
	page_section_end(p);
}

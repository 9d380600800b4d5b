/* A list of accesses for people: text, a page to print, JSON. */
#include <stdio.h>
#include <string.h>

#include "audit_gather.h"
#include "audit_page.h"
#include "audit_receipt.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "format/message.h"

#define NAME 96
#define CLASSES_ROOM 1024

enum { CELL_TIME, CELL_KIND, CELL_ROLE, CELL_DEPARTMENT, CELL_CLASSES, CELL_VIEW, CELL_PURPOSE, CELL_APPROVAL, CELL_OUTCOME, CELLS };

/* One access in words; cells point into the texts. */
struct shown {
	char time[25], role[NAME], department[NAME], purpose[NAME], classes[CLASSES_ROOM], approval[33];
	const char *cells[CELLS];
};

const char *receipt_name(const struct receipt_file *f, uint8_t part, uint16_t id, char ret[NAME])
{
	snprintf(ret, NAME, id == 0 ? "%s" : "%s%u", id == 0 ? "" : "#", id);
	for (size_t i = 0; i < f->words; i++) {
		const struct receipt_word *w = &f->word[i];
		const struct receipt_text *t = cli.chinese ? &w->zh : &w->en;

		if (w->part == part && w->id == id)
			snprintf(ret, NAME, "%.*s", (int)t->n, t->p);
	}
	return ret;
}

static const char *view_word(const struct receipt_access *a)
{
	return a->told.view == 2 ? tr("in the clear", "明文") : a->told.view == 1 ? tr("masked", "脱敏") : "";
}

/* "2026-11-25 16:02:43" */
static void people_time(uint64_t ms, char ret[25])
{
	clock_rfc3339(ms, ret);
	ret[10] = ' ';
	ret[19] = 0;
}

static void put_classes(const struct receipt_file *f, const struct leaf_detail *d, char ret[CLASSES_ROOM])
{
	char name[NAME];
	size_t at = 0;

	ret[0] = 0;
	for (unsigned i = 0; i < d->classes && at < CLASSES_ROOM; i++)
		at += (size_t)snprintf(ret + at, CLASSES_ROOM - at, "%s%s", i > 0 ? tr(", ", "、") : "",
		    receipt_name(f, RECEIPT_CLASS, d->class[i], name));
}

static void in_shown(const struct receipt_file *f, const struct receipt_access *a, struct shown *s)
{
	static const uint8_t none[16];
	const struct leaf_detail *d = &a->told;

	people_time(a->time_ms, s->time);
	hex_encode(d->approval, 4, s->approval);	/* enough to ask about it */
	put_classes(f, d, s->classes);
	s->cells[CELL_TIME] = s->time;
	s->cells[CELL_KIND] = word_kind(a->kind);
	s->cells[CELL_ROLE] = receipt_name(f, RECEIPT_ROLE, d->role, s->role);
	s->cells[CELL_DEPARTMENT] = receipt_name(f, RECEIPT_DEPARTMENT, d->department, s->department);
	s->cells[CELL_CLASSES] = s->classes;
	s->cells[CELL_VIEW] = view_word(a);
	s->cells[CELL_PURPOSE] = receipt_name(f, RECEIPT_PURPOSE, d->purpose, s->purpose);
	s->cells[CELL_APPROVAL] = memcmp(d->approval, none, 16) != 0 ? s->approval : "";
	s->cells[CELL_OUTCOME] = d->outcome == 0 ? tr("done", "完成") : word_outcome(d->outcome);
}

static void column_names(const char *ret[CELLS])
{
	ret[CELL_TIME] = tr("time (UTC)", "时间（UTC）");
	ret[CELL_KIND] = tr("what", "事项");
	ret[CELL_ROLE] = tr("role", "角色");
	ret[CELL_DEPARTMENT] = tr("organisation", "单位");
	ret[CELL_CLASSES] = tr("kinds of data", "数据类别");
	ret[CELL_VIEW] = tr("shown", "显示");
	ret[CELL_PURPOSE] = tr("purpose", "目的");
	ret[CELL_APPROVAL] = tr("approval", "批准");
	ret[CELL_OUTCOME] = tr("outcome", "结果");
}

/* ---- what stands above and below the list ---------------------------------------------------------------------------------- */

static const char *title(const struct receipt_file *f)
{
	switch (f->page[0].reader) {
	case RECEIPT_GUARDIAN: return tr("Who accessed the child's file: for the guardian", "儿童档案查阅清单（监护人）");
	case RECEIPT_AUDITOR: return tr("Who accessed the child's file: for an auditor", "儿童档案查阅清单（审计员）");
	default: return tr("Who accessed your file", "本人档案查阅清单");
	}
}

/* Facts about the list: name and value by turns. */
struct facts {
	unsigned n;
	const char *name[8];
	char value[8][320];
};

static char *fact(struct facts *x, const char *name)
{
	x->name[x->n] = name;
	return x->value[x->n++];
}

static void gather_facts(const struct receipt_file *f, const struct receipt_log *log, struct facts *x)
{
	const struct receipt_page *p = &f->page[0];
	char record[33], time[25], other[25];

	x->n = 0;
	hex_encode(p->record, 16, record);
	snprintf(fact(x, tr("file", "档案")), 320, "%s", record);
	snprintf(fact(x, tr("vault", "档案库")), 320, "%.*s", (int)p->origin.n, p->origin.p);
	people_time(p->made_ms, time);
	snprintf(fact(x, tr("made (UTC)", "制作时间（UTC）")), 320, "%s", time);
	if (p->from_ms != 0 || p->to_ms != UINT64_MAX) {
		people_time(p->from_ms, time);
		people_time(p->to_ms == UINT64_MAX ? p->made_ms : p->to_ms, other);
		snprintf(fact(x, tr("period (UTC)", "期间（UTC）")), 320, "%s – %s", time, other);
	}
	snprintf(fact(x, tr("accesses", "查阅次数")), 320, "%zu", f->accesses);
	snprintf(fact(x, tr("covered", "范围")), 320, tr("entries %llu to %llu of the log", "日志第 %llu 至 %llu 条记录"),
	    (unsigned long long)f->result.first, (unsigned long long)(f->result.page.end > 0 ? f->result.page.end - 1 : 0));
	if (f->accesses > 0 && f->result.quorum_s != TLOG_NONE) {
		people_time(f->result.quorum_s * 1000, time);
		snprintf(fact(x, tr("witnesses", "见证")), 320, tr("%u at least, %s", "至少 %u 方，%s"), f->result.cosigned, time);
	}
	if (log == NULL)
		return;
	if (log->n == 0)
		snprintf(fact(x, tr("completeness", "完整性")), 320, "%s", tr("the log has no other entry about this child in this range",
		    "日志在此范围内没有关于该儿童的其他记录"));
	else
		snprintf(fact(x, tr("completeness", "完整性")), 320, tr("%zu entries are not listed; of %zu an auditor's list shows that the "
		    "profile keeps them from the child's people", "有 %zu 条未列出，其中 %zu 条经审计员清单证明依规则不对外列出"), log->n, log->allowed);
}

static const char *verdict(void)
{
	return tr("Verified: the log's key has signed this list, and each line is an entry of the signed log.",
	    "核验通过：清单由日志密钥签名，每一行都是已签名日志中的一条记录。");
}

/* ---- text ---------------------------------------------------------------------------------------------------------------------- */

static void text_unlisted(const struct receipt_log *log)
{
	char time[25];

	for (size_t i = 0; log != NULL && i < log->n; i++) {
		people_time(log->unlisted[i].time_ms, time);
		printf(tr("not listed: entry %llu, %s, %s%s\n", "未列出：第 %llu 条，%s，%s%s\n"), (unsigned long long)log->unlisted[i].index,
		    time, word_kind(log->unlisted[i].kind), log->unlisted[i].allowed ? tr(", as the profile says", "，依规则") : "");
	}
}

int receipt_show_text(const struct receipt_file *f, const struct receipt_log *log)
{
	const char *names[CELLS];
	struct facts facts;
	struct table *t;
	int code;

	gather_facts(f, log, &facts);
	printf("%s\n", title(f));
	for (unsigned i = 0; i < facts.n; i++) {
		printf("%s%s", facts.name[i], tr(": ", "："));
		table_text(facts.value[i]);
		putchar('\n');
	}
	column_names(names);
	t = table_new(CELLS, names);
	for (size_t i = 0; t != NULL && i < f->accesses; i++) {
		struct shown s;

		in_shown(f, &f->access[i], &s);
		table_row(t, s.cells);
	}
	code = table_print(t);
	text_unlisted(log);
	printf("%s\n", verdict());
	return code;
}

/* ---- HTML ------------------------------------------------------------------------------------------------------------------------ */

static void html_facts(struct page *p, const struct facts *x)
{
	buf_text(&p->b, "<div class=\"box good\"><p><strong>");
	page_text(p, verdict());
	buf_text(&p->b, "</strong></p><dl>\n");
	for (unsigned i = 0; i < x->n; i++) {
		page_element(p, "dt", x->name[i]);
		page_element(p, "dd", x->value[i]);
	}
	buf_text(&p->b, "</dl></div>\n");
}

/* On narrow screens each access is a block of its own with the columns' names beside its cells. */
static const char cards[] =
	"<style>.cards td:first-child{white-space:nowrap}@media screen and (max-width:48rem){"
	".cards,.cards caption,.cards tbody,.cards tr,.cards td{display:block}.cards thead{display:none}"
	".cards tr{border-bottom:2px solid var(--line);padding:.5rem 0}.cards td{border:0;padding:.1rem 0}"
	".cards td::before{content:attr(data-l);color:var(--dim);margin-right:.6em}.cards td:empty{display:none}}</style>\n";

static void html_row(struct page *p, const struct shown *s, const char *const names[CELLS])
{
	buf_text(&p->b, "<tr>");
	for (unsigned c = 0; c < CELLS; c++) {
		buf_text(&p->b, "<td data-l=\"");
		page_text(p, names[c]);
		buf_text(&p->b, "\">");
		page_text(p, s->cells[c]);
		buf_text(&p->b, "</td>");
	}
	buf_text(&p->b, "</tr>\n");
}

static void html_list(struct page *p, const struct receipt_file *f)
{
	const char *names[CELLS];
	struct shown s;

	column_names(names);
	page_section(p, "list", tr("Accesses", "查阅记录"));
	buf_text(&p->b, cards);
	buf_text(&p->b, "<table class=\"cards\"><caption>");
	page_text(p, tr("Each line is one entry of the audit log", "每行为审计日志的一条记录"));
	buf_text(&p->b, "</caption><thead><tr>");
	for (unsigned c = 0; c < CELLS; c++)
		page_element(p, "th scope=\"col\"", names[c]);
	buf_text(&p->b, "</tr></thead>\n<tbody>");
	for (size_t i = 0; i < f->accesses; i++) {
		in_shown(f, &f->access[i], &s);
		html_row(p, &s, names);
	}
	buf_text(&p->b, "</tbody></table>\n");
	page_element(p, "p class=\"dim\"", tr("Names of staff, reasons and single fields are not in this list, nor what the law keeps from "
	    "everybody but those who work on it.", "本清单不含工作人员姓名、查阅理由和具体字段，也不含依法仅限经办人知悉的内容。"));
	page_section_end(p);
}

int receipt_show_html(const struct receipt_file *f, const struct receipt_log *log, const char *to)
{
	struct facts facts;
	struct page p;
	int code;

	gather_facts(f, log, &facts);
	page_begin(&p, title(f));
	page_element(&p, "h1", title(f));
	html_facts(&p, &facts);
	html_list(&p, f);
	page_end(&p);
	code = buf_ok(&p.b) ? cli_write_file(to, p.b.p, p.b.n, 0600, true) : cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	page_free(&p);
	return code;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------------ */

/* The policy's name of an id, which holds nothing that JSON would escape; null if it has none. */
static void json_name(const struct receipt_file *f, const char *member, uint8_t part, uint16_t id)
{
	const struct receipt_text *t = NULL;

	for (size_t i = 0; i < f->words && t == NULL; i++)
		if (f->word[i].part == part && f->word[i].id == id)
			t = &f->word[i].name;
	printf("%s", member);
	if (t != NULL)
		printf("\"%.*s\"", (int)t->n, t->p);
	else
		printf("null");
}

static void json_access(const struct receipt_file *f, const struct receipt_access *a)
{
	static const uint8_t none[16];
	char time[25], approval[33];

	clock_rfc3339(a->time_ms, time);
	hex_encode(a->told.approval, 16, approval);
	printf("{\"index\":%llu,\"time\":\"%s\",\"kind\":\"%s\"", (unsigned long long)a->index, time, leaf_kind_name(a->kind));
	json_name(f, ",\"role\":", RECEIPT_ROLE, a->told.role);
	json_name(f, ",\"department\":", RECEIPT_DEPARTMENT, a->told.department);
	json_name(f, ",\"purpose\":", RECEIPT_PURPOSE, a->told.purpose);
	printf(",\"view\":%s,\"classes\":[", a->told.view == 2 ? "\"clear\"" : a->told.view == 1 ? "\"masked\"" : "null");
	for (unsigned i = 0; i < a->told.classes; i++)
		json_name(f, i > 0 ? "," : "", RECEIPT_CLASS, a->told.class[i]);
	if (memcmp(a->told.approval, none, 16) != 0)
		printf("],\"approval\":\"%s\"", approval);
	else
		printf("],\"approval\":null");
	printf(",\"outcome\":\"%s\"}", outcome_name(a->told.outcome));
}

static void json_log(const struct receipt_log *log)
{
	printf(",\"log\":{\"differs\":%s,\"unlisted\":[", log->differs ? "true" : "false");
	for (size_t i = 0; i < log->n; i++)
		printf("%s{\"index\":%llu,\"kind\":\"%s\",\"allowed\":%s}", i > 0 ? "," : "", (unsigned long long)log->unlisted[i].index,
		    leaf_kind_name(log->unlisted[i].kind), log->unlisted[i].allowed ? "true" : "false");
	printf("]}");
}

int receipt_show_json(const struct receipt_file *f, const struct receipt_log *log)
{
	const struct receipt_page *p = &f->page[0];
	char record[33], made[25];

	hex_encode(p->record, 16, record);
	clock_rfc3339(p->made_ms, made);
	printf("{\"ok\":%s,\"origin\":\"%.*s\",\"record\":\"%s\",\"for\":\"%s\",\"made\":\"%s\",\"leaves\":{\"from\":%llu,\"end\":%llu},"
	    "\"cosigned\":%u,\"accesses\":[",
	    log == NULL || (!log->differs && log->n == log->allowed) ? "true" : "false", (int)p->origin.n, p->origin.p, record,
	    receipt_reader_name(p->reader), made, (unsigned long long)f->result.first, (unsigned long long)f->result.page.end,
	    f->result.cosigned);
	for (size_t i = 0; i < f->accesses; i++) {
		if (i > 0)
			putchar(',');
		json_access(f, &f->access[i]);
	}
	putchar(']');
	if (log != NULL)
		json_log(log);
	printf("}\n");
	return EXIT_DONE;
}

/* childvault todo: what waits for this person, what it will do, and who is next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/model.h"
#include "pages.h"
#include "todo.h"

#define SOON_DAYS 14
#define COUNT(a) (sizeof (a) / sizeof (a)[0])

enum section { DECIDE, OWN, ENDING, OVERDUE, JOBS, KEYS, REVIEWS, SECTIONS };

struct todo {
	struct childvault *cv;
	struct policy *policy;		/* for names that people read; NULL: they read codes */
	struct table *table;		/* in a pipe */
	json_t *json;			/* with --json: an array a section */
	enum section section;
	size_t n[SECTIONS], items;
	json_t *decide;			/* ids of what this session may decide */
	char soon[16];			/* the last day that is soon */
	const char *kind;		/* of the objects being walked, in ENDING */
};

static const char *const section_names[SECTIONS] = { "decide", "own", "ending", "overdue", "jobs", "keys", "reviews" };

static const char *heading(enum section s)
{
	switch (s) {
	case DECIDE: return tr("Waits for your decision", "待您审批");
	case OWN: return tr("Waits for others", "待他人处理");
	case ENDING: return tr("Approvals that end within 14 days", "14 天内到期的批准");
	case OVERDUE: return tr("Files that are overdue", "已逾期的档案");
	case JOBS: return tr("Jobs that wait for keys", "待密钥的任务");
	case KEYS: return tr("Keys of the vault", "档案库的密钥");
	default: return tr("Months of the log to sign off", "待签署的月度审查");
	}
}

/* ---- names ---------------------------------------------------------------------------------------------------------- */

static const char *label(const struct policy_label *l, const char *code)
{
	const char *s = l != NULL ? tr(l->en, l->zh) : code;

	return s[0] != 0 ? s : code;
}

static const char *field_name(const struct todo *t, const char *code)
{
	const struct policy_field *f = t->policy != NULL ? policy_field_named(t->policy, code, strlen(code)) : NULL;

	return label(f != NULL ? &f->label : NULL, code);
}

static const char *purpose_name(const struct todo *t, const char *code)
{
	int at = t->policy != NULL ? policy_purpose_named(t->policy, code, strlen(code)) : -1;

	return label(at >= 0 ? &policy_purpose(t->policy, (unsigned)at)->label : NULL, code);
}

/* The document in force; without it people read codes. */
static void load_policy(struct todo *t)
{
	size_t n;
	const char *p;

	if (childvault_policy(t->cv) != CHILDVAULT_OK)
		return;
	p = childvault_body(t->cv, &n);
	if (n <= POLICY_DOCUMENT_MAX)
		(void)policy_decode((const uint8_t *)p, n, &t->policy);	/* t->policy stays NULL */
}

static void add_fields(const struct todo *t, char *to, const json_t *fields)
{
	for (size_t i = 0; i < json_array_size(fields); i++) {
		const char *code = json_string_value(json_array_get(fields, i));

		todo_add(to, "%s%s", i > 0 ? tr(", ", "、") : "", code != NULL ? field_name(t, code) : "?");
	}
}

/* ---- what an object does ---------------------------------------------------------------------------------------------- */

/* What the request will do once it is approved. */
static void tell_request(const struct todo *t, const json_t *j, char to[TODO_TEXT])
{
	const char *kind = json_text(j, "kind"), *who = json_text(j, "principal"), *until = json_text(j, "until");
	const char *purpose = purpose_name(t, json_text(j, "purpose"));

	if (who[0] == 0)
		who = json_text(j, "by");
	if (strcmp(kind, "grant") == 0) {
		todo_add(to, tr("%s may read ", "允许 %s 读取"), who);
		add_fields(t, to, json_object_get(j, "fields"));
		todo_add(to, tr(" of %s for %s until %s", "（档案 %s，目的：%s，至 %s）"), json_text(j, "record"), purpose, until);
		if (json_number(j, "reads") == 1)
			todo_add(to, "%s", tr(", once", "，共 1 次"));
		else if (json_number(j, "reads") > 0)
			todo_add(to, tr(", %llu times", "，共 %llu 次"), json_number(j, "reads"));
	} else if (strcmp(kind, "bulk") == 0) {
		todo_add(to, tr("%s may see %llu more files for %s until %s", "允许 %s 多查看 %llu 份档案（目的：%s，至 %s）"), who,
		    json_number(j, "records"), purpose, until);
	} else if (strcmp(kind, "export") == 0) {
		todo_add(to, tr("%s may export ", "允许 %s 导出"), who);
		add_fields(t, to, json_object_get(j, "fields"));
		todo_add(to, tr(" of at most %llu files for %s until %s", "（至多 %llu 份档案，目的：%s，至 %s）"),
		    json_number(j, "records"), purpose, until);
	} else if (todo_is_operation(j)) {
		todo_tell_operation(j, to);
	} else {
		todo_add(to, "%s", kind);
	}
	if (json_text(j, "reason")[0] != 0)
		todo_add(to, tr(": %s", "：%s"), json_text(j, "reason"));
}

/* Who is next, and how. */
static void tell_next(const json_t *j, bool mine, char to[TODO_TEXT])
{
	const char *kind = json_text(j, "kind");

	if (todo_is_operation(j))
		todo_tell_step(j, mine, to);
	else if (mine)
		todo_add(to, tr("you approve, then it counts: childvault request approve %s (or reject)",
		    "经您批准即生效：childvault request approve %s（或 reject）"), json_text(j, "id"));
	else if (strcmp(kind, "grant") == 0)
		todo_add(to, "%s", tr("another person approves who may open these fields", "待另一名有权开放这些字段的人员批准"));
	else
		todo_add(to, tr("another person approves who may allow this (%s)", "待另一名有权批准的人员批准（%s）"), kind);
}

static void tell_approval(const struct todo *t, const json_t *j, char to[TODO_TEXT])
{
	const json_t *purposes = json_object_get(j, "purposes");

	if (strcmp(t->kind, "grant") == 0) {
		todo_add(to, tr("grant: %s reads ", "授权：%s 读取"), json_text(j, "principal"));
		add_fields(t, to, json_object_get(j, "fields"));
		todo_add(to, tr(" of %s for %s", "（档案 %s，目的：%s）"), json_text(j, "record"), purpose_name(t, json_text(j, "purpose")));
	} else {
		todo_add(to, tr("assignment: %s, %zu files for ", "分派：%s，%zu 份档案，目的："), json_text(j, "principal"),
		    json_array_size(json_object_get(j, "records")));
		for (size_t i = 0; i < json_array_size(purposes); i++) {
			const char *code = json_string_value(json_array_get(purposes, i));

			todo_add(to, "%s%s", i > 0 ? tr(", ", "、") : "", code != NULL ? purpose_name(t, code) : "?");
		}
	}
	todo_add(to, tr(", until %s", "，至 %s"), json_text(j, "until"));
}

/* ---- items ------------------------------------------------------------------------------------------------------------ */

/* Show one item: what it is, what it does, who is next. */
static void item(struct todo *t, const json_t *object, const char *id, const char *what, const char *next)
{
	const char *cells[] = { section_names[t->section], id, what, next };

	t->n[t->section]++;
	t->items++;
	if (t->json != NULL) {
		json_array_append(json_object_get(t->json, section_names[t->section]), (json_t *)(uintptr_t)object);
		return;
	}
	if (t->table != NULL) {
		table_row(t->table, cells);
		return;
	}
	if (t->n[t->section] == 1)
		printf("%s%s\n", t->items > 1 ? "\n" : "", heading(t->section));
	fputs("  ", stdout);
	table_text(id);
	fputs(id[0] != 0 ? "  " : "", stdout);
	table_text(what);
	fputs("\n      ", stdout);
	fputs(tr("next: ", "下一步："), stdout);
	table_text(next);
	putchar('\n');
}

static bool contains(const json_t *ids, const char *id)
{
	for (size_t i = 0; i < json_array_size(ids); i++)
		if (strcmp(json_string_value(json_array_get(ids, i)), id) == 0)
			return true;
	return false;
}

static void add_request(void *cookie, const json_t *j)
{
	struct todo *t = cookie;
	bool mine = t->section == DECIDE;
	char what[TODO_TEXT] = "", next[TODO_TEXT] = "";

	if (mine)
		json_array_append_new(t->decide, json_string(json_text(j, "id")));
	else if (contains(t->decide, json_text(j, "id")))
		return;
	tell_request(t, j, what);
	tell_next(j, mine, next);
	item(t, j, json_text(j, "id"), what, next);
}

static void add_approval(void *cookie, const json_t *j)
{
	struct todo *t = cookie;
	const char *until = json_text(j, "until");
	char what[TODO_TEXT] = "";

	if (until[0] == 0 || strcmp(until, t->soon) > 0 || json_is_true(json_object_get(j, "demo")))
		return;
	tell_approval(t, j, what);
	item(t, j, json_text(j, "id"), what, strcmp(t->kind, "grant") == 0 ?
	    tr("if it is still needed, ask again: childvault request grant", "如仍需要，请重新申请：childvault request grant") :
	    tr("if it is still needed, who assigns makes it anew: childvault assign", "如仍需要，请由分派人重新分派：childvault assign"));
}

/* A re-wrap whose keys went with a restart: its custodians find it among what waits for them. */
static void add_rewrap(struct todo *t, const json_t *j)
{
	char what[TODO_TEXT] = "", next[TODO_TEXT] = "";

	if (contains(t->decide, json_text(j, "id")))
		return;
	todo_add(what, tr("data keys wrapped anew: %llu of %llu files", "重新包裹数据密钥：%llu / %llu 份档案"), json_number(j, "done"),
	    json_number(j, "total"));
	todo_add(next, tr("two custodians give their shares once more: childvault custody give %s --key KEY",
	    "由两名保管员再次交出份额：childvault custody give %s --key 密钥文件"), json_text(j, "id"));
	item(t, j, json_text(j, "id"), what, next);
}

static void add_job(void *cookie, const json_t *j)
{
	struct todo *t = cookie;
	char what[TODO_TEXT] = "", next[TODO_TEXT] = "";

	if (strcmp(json_text(j, "kind"), "rewrap") == 0) {
		add_rewrap(t, j);
		return;
	}

	todo_add(what, strcmp(json_text(j, "kind"), "predicates") == 0 ?
	    tr("predicates computed anew: %llu of %llu files", "重新计算判定字段：%llu / %llu 份档案") :
	    tr("views computed anew: %llu of %llu files", "重新计算脱敏视图：%llu / %llu 份档案"), json_number(j, "done"),
	    json_number(j, "total"));
	todo_add(next, tr("somebody who holds the classes goes on: childvault reproject --resume %s",
	    "由持有相应类别密钥的人员继续：childvault reproject --resume %s"),
	    json_text(j, "id"));
	item(t, j, json_text(j, "id"), what, next);
}

/* ---- sections --------------------------------------------------------------------------------------------------------- */

/* A section that this person has no part in is empty. 0, or an exit code for what ends the command. */
static int section(struct todo *t, enum section which, const char *collection, struct childvault_filter filter,
    void (*row)(void *cookie, const json_t *item))
{
	struct pages p = { .collection = collection, .filter = filter, .all = true, .row = row, .cookie = t };
	bool more;
	int r;

	t->section = which;
	if ((r = pages_get(t->cv, &p, &more)) == CHILDVAULT_OK)
		return 0;
	if (r == CHILDVAULT_PROBLEM && (strcmp(childvault_problem(t->cv), "not-permitted") == 0 ||
	    strcmp(childvault_problem(t->cv), "purpose-required") == 0))
		return 0;
	return cli_answer_fail(t->cv, r);
}

static void count_record(void *cookie, const json_t *item)
{
	(void)item;
	(*(size_t *)cookie)++;
}

/* The overdue files of the work list, counted up to a page: what is listed counts in the budget. */
static int overdue(struct todo *t, const struct childvault_with *with)
{
	size_t n = 0;
	struct pages p = { .collection = "records", .filter = { .due = "overdue", .limit = 100 }, .with = with, .row = count_record,
		.cookie = &n };
	char what[TODO_TEXT] = "", next[TODO_TEXT] = "";
	bool more = false;
	json_t *j;
	int r;

	t->section = OVERDUE;
	if (with->purpose == NULL) {
		if (t->json == NULL && isatty(STDERR_FILENO))
			fputs(tr("overdue files are counted with --purpose P\n", "加 --purpose 目的 可统计逾期档案\n"), stderr);
		return 0;
	}
	r = pages_get(t->cv, &p, &more);
	/* Whoever may not know what is due has no overdue files; a case that is wanting is said. */
	if (r == CHILDVAULT_PROBLEM && strcmp(childvault_problem(t->cv), "not-permitted") == 0)
		return 0;
	if (r != CHILDVAULT_OK)
		return cli_answer_fail(t->cv, r);
	if (n == 0)
		return 0;
	todo_add(what, more ? tr("%zu files and more", "%zu 份以上") : tr("%zu files", "%zu 份"), n);
	todo_add(next, tr("confirm or visit: childvault list --due overdue --purpose %s",
	    "请核实或走访：childvault list --due overdue --purpose %s"), with->purpose);
	j = json_pack("{s:i,s:b}", "count", (int)n, "more", (int)more);
	item(t, j, "", what, next);
	json_decref(j);
	return 0;
}

static void count_overdue(void *cookie, const json_t *key)
{
	*(size_t *)cookie += json_is_true(json_object_get(key, "overdue"));
}

/*
 * How many keys are overdue, in one line. Who has a role is none of those who see the inventory, and a question that is refused would
 * stand in the log.
 */
static int keys(struct todo *t, bool own)
{
	struct pages p = { .collection = "keys", .all = true, .row = count_overdue };
	char what[TODO_TEXT] = "";
	bool more = false;
	size_t n = 0;
	json_t *j;
	int r;

	t->section = KEYS;
	p.cookie = &n;
	if (!own || childvault_roles(t->cv)[0] != 0)
		return 0;
	r = pages_get(t->cv, &p, &more);
	if (r == CHILDVAULT_PROBLEM && strcmp(childvault_problem(t->cv), "not-permitted") == 0)
		return 0;
	if (r != CHILDVAULT_OK)
		return cli_answer_fail(t->cv, r);
	if (n == 0)
		return 0;
	todo_add(what, tr("%zu keys are overdue", "%zu 项密钥逾期"), n);
	j = json_pack("{s:i}", "overdue", (int)n);
	item(t, j, "", what, tr("see which, and what is to be done: childvault rotate --status", "查看清单和处理办法：childvault rotate --status"));
	json_decref(j);
	return 0;
}

static void add_month(void *cookie, const json_t *j)
{
	char what[TODO_TEXT] = "", next[TODO_TEXT] = "";

	todo_add(what, tr("no auditor has signed %s off", "%s 尚无审计员签署"), json_text(j, "month"));
	todo_add(next, tr("export the log, look at it, sign it off: childvault audit export, childvault-audit review --month %s, "
	    "childvault audit "
	    "sign-off", "导出日志、审查并签署：childvault audit export、childvault-audit review --month %s、childvault audit sign-off"),
	    json_text(j, "month"));
	item(cookie, j, "", what, next);
}

static int sections(struct todo *t, const struct childvault_with *with, bool own)
{
	const struct childvault_filter mine = { .waiting = "me" }, pending = { .state = "pending" }, active = { .state = "active" },
		needs_keys = { .state = "needs-keys" };
	int code;

	if ((code = section(t, DECIDE, "requests", mine, add_request)) != 0 ||
	    (code = section(t, OWN, "requests", pending, add_request)) != 0)
		return code;
	t->kind = "assignment";
	if ((code = section(t, ENDING, "assignments", active, add_approval)) != 0)
		return code;
	t->kind = "grant";
	if ((code = section(t, ENDING, "grants", active, add_approval)) != 0 || (code = overdue(t, with)) != 0)
		return code;
	if ((code = section(t, JOBS, "jobs", needs_keys, add_job)) != 0)
		return code;
	if ((code = keys(t, own)) != 0)
		return code;
	return section(t, REVIEWS, "reviews", mine, add_month);	/* for auditors; to others the answer is empty */
}

static int print_json(struct todo *t)
{
	char *text = json_dumps(t->json, JSON_COMPACT);

	if (text == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	puts(text);
	json_text_free(text);
	return EXIT_DONE;
}

/* Where what is found goes to. */
static int prepare(struct todo *t)
{
	const char *names[] = { tr("what", "类别"), tr("id", "编号"), tr("it does", "内容"), tr("next", "下一步") };
	unsigned month, day;
	int year;

	clock_date((int32_t)(clock_wall_ms() / 86400000) + SOON_DAYS, &year, &month, &day);
	snprintf(t->soon, sizeof t->soon, "%04u-%02u-%02u", (unsigned)year % 10000, month, day);
	t->decide = json_array();
	if (cli.json) {
		t->json = json_object();
		for (unsigned i = 0; i < SECTIONS; i++)
			json_object_set_new(t->json, section_names[i], json_array());
	} else if (!isatty(STDOUT_FILENO)) {
		t->table = table_new(COUNT(names), names);
	}
	return t->decide == NULL || (cli.json && t->json == NULL) || (!cli.json && !isatty(STDOUT_FILENO) && t->table == NULL) ?
	    cli_fail(EXIT_FAILED, "out of memory", "内存不足") : 0;
}

int cmd_todo(int argc, char **argv)
{
	static const struct cli_help help = { "todo [--purpose P]",
		"Tells what waits for you: requests that you may decide, sign or give for, what others decide, approvals that end soon,\n"
		"overdue files, jobs without keys, overdue keys, months of the log without an auditor's sign-off.",
		"显示待办：待您审批、签名或交出份额的申请，待他人处理的申请，即将到期的批准，逾期档案，待密钥的任务，逾期密钥，待签署的月度审查。" };
	struct childvault_with with = { 0 };
	const struct cli_option options[] = {
		{ "purpose", OPTION_TEXT, &with.purpose, "P", "count overdue files for this purpose", "按此目的统计逾期档案" },
		{ "case", OPTION_TEXT, &with.case_text, "TEXT", "the case it belongs to", "所属个案" } };
	struct todo t = { .cv = NULL };
	struct cli_args a;
	bool own = false;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	if ((code = cli_session(&t.cv, &own)) != 0)
		return code;
	if ((code = prepare(&t)) == 0) {
		load_policy(&t);
		code = sections(&t, &with, own);
	}
	if (code == 0 && t.json != NULL)
		code = print_json(&t);
	else if (code == 0 && t.table != NULL)
		code = table_print(t.table);
	else
		table_drop(t.table);
	if (code == 0 && t.items == 0 && t.json == NULL && isatty(STDOUT_FILENO))
		puts(tr("Nothing waits for you.", "没有待办事项。"));
	json_decref(t.decide);
	json_decref(t.json);
	policy_free(t.policy);
	cli_close(t.cv, own);
	return code;
}

/*
 * childvault-audit who: what one person did, or who looked at one child, out of a copy of the log.
 *
 * Before anything is said the copy is verified, since figures of a changed log are worth nothing; --unverified leaves that out.
 */
#include "audit_who.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "childvault_audit.h"
#include "format/message.h"

enum { CELL_TIME, CELL_INDEX, CELL_KIND, CELL_PERSON, CELL_DEPARTMENT, CELL_ROLE, CELL_PURPOSE, CELL_VIEW, CELL_FIELDS, CELL_OUTCOME,
	CELL_REASON, CELL_CASE, CELLS };

bool who_wants(struct who *w, const struct trail_entry *e)
{
	bool kind = w->kinds.n == 0;

	if (e->leaf.time_ms < w->from_ms || e->leaf.time_ms >= w->to_ms)
		return false;
	if (!e->opened) {
		w->sealed += (e->leaf.flags & LEAF_CLEAR) == 0;
		return false;
	}
	if (w->by_person && memcmp(e->actor.principal, w->principal, 16) != 0)
		return false;
	for (size_t i = 0; i < w->kinds.n && !kind; i++)
		kind = strcmp(w->kinds.item[i], leaf_kind_name(e->leaf.kind)) == 0;
	return kind && (w->purpose == NULL || strcmp(w->purpose, trail_purpose(e)) == 0);
}

/* ---- printing ------------------------------------------------------------------------------------------------------------- */

static const char *view_name(const struct trail_entry *e)
{
	static const char *const names[] = { "", "masked", "clear" };

	return e->actor.view < 3 ? names[e->actor.view] : "";
}

/* What an entry without a child says of case and reason in body A. */
static void detail_of_a(const struct trail_entry *e, struct who_detail *ret)
{
	ret->fields[0] = ret->approval[0] = '\0';
	(void)snprintf(ret->case_text, sizeof ret->case_text, "%.*s", (int)e->detail.case_n, e->detail.case_text);
	(void)snprintf(ret->reason, sizeof ret->reason, "%.*s", (int)e->detail.reason_n, e->detail.reason);
}

/* Append ,"name":"text" in JSON. */
static void json_member(const char *name, const char *text)
{
	(void)printf(",\"%s\":\"", name);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)printf("\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			(void)printf("\\u%04x", (unsigned char)*text);
		else
			(void)putchar(*text);
	}
	(void)putchar('"');
}

static void show_json(const struct who *w, const struct trail_entry *e, const struct who_detail *d, const char *time)
{
	static const uint8_t none[8];
	char id[33];

	(void)printf("%s\n{\"index\":%llu", w->shown > 0 ? "," : "", (unsigned long long)e->leaf.index);
	json_member("time", time);
	json_member("kind", leaf_kind_name(e->leaf.kind));
	hex_encode(e->actor.principal, 16, id);
	json_member("principal", id);
	if (e->person != NULL) {
		json_member("login", e->person->login);
		json_member("name", e->person->name);
	}
	json_member("department", trail_department(e));
	json_member("role", trail_role(e));
	json_member("purpose", trail_purpose(e));
	json_member("view", view_name(e));
	json_member("outcome", outcome_name(e->actor.outcome));
	(void)printf(",\"fields\":%u", e->actor.fields);
	if (memcmp(e->actor.child, none, sizeof none) != 0) {
		hex_encode(e->actor.child, sizeof e->actor.child, id);
		json_member("child", id);
	}
	hex_encode(e->actor.session, 16, id);
	json_member("session", id);
	(void)printf(",\"uid\":%u,\"pid\":%u", e->actor.uid, e->actor.pid);
	if (d != NULL) {
		json_member("field_names", d->fields);
		json_member("case", d->case_text);
		json_member("reason", d->reason);
		json_member("approval", d->approval);
	}
	(void)putchar('}');
}

static void show_row(struct who *w, const struct trail_entry *e, const struct who_detail *d, const char *time)
{
	char index[24], count[8], id[33];
	const char *cells[CELLS] = { [CELL_TIME] = time, [CELL_INDEX] = index, [CELL_KIND] = leaf_kind_name(e->leaf.kind),
		[CELL_PERSON] = id, [CELL_DEPARTMENT] = trail_department(e), [CELL_ROLE] = trail_role(e),
		[CELL_PURPOSE] = trail_purpose(e), [CELL_VIEW] = view_name(e),
		[CELL_OUTCOME] = e->actor.outcome == PROBLEM_NONE ? tr("done", "完成") : outcome_name(e->actor.outcome) };

	(void)snprintf(index, sizeof index, "%llu", (unsigned long long)e->leaf.index);
	(void)snprintf(count, sizeof count, "%u", e->actor.fields);
	hex_encode(e->actor.principal, 16, id);
	if (e->person != NULL)
		cells[CELL_PERSON] = e->person->name[0] != '\0' ? e->person->name : e->person->login;
	cells[CELL_FIELDS] = d != NULL && d->fields[0] != '\0' ? d->fields : count;
	if (d != NULL) {
		cells[CELL_REASON] = d->reason;
		cells[CELL_CASE] = d->case_text;
	}
	table_row(w->table, cells);
}

void who_show(struct who *w, const struct trail_entry *e, const struct who_detail *detail)
{
	struct who_detail of_a;
	char time[25];

	if (detail == NULL && e->has_detail) {
		detail_of_a(e, &of_a);
		detail = &of_a;
	}
	clock_rfc3339(e->leaf.time_ms, time);
	if (w->table == NULL)
		show_json(w, e, detail, time);
	else
		show_row(w, e, detail, time);
	w->shown++;
}

/* ---- one person ------------------------------------------------------------------------------------------------------------ */

/* How many people have this name. */
static size_t namesakes(const struct trail *t, const char *name)
{
	size_t people, n = 0;
	const struct client_person *p = trail_people(t, &people);

	for (size_t i = 0; i < people; i++)
		n += strcmp(p[i].name, name) == 0;
	return n;
}

/* A login name, a name that only one person has, or the 32 digits of a principal. */
static int find_person(struct who *w, const char *staff)
{
	const struct client_person *p = trail_person_named(w->trail, staff);

	if (p != NULL && strcmp(p->login, staff) != 0 && namesakes(w->trail, staff) > 1)
		return cli_fail(EXIT_USAGE, "several people are called %s: give the login name", "有多人名为 %s：请给出登录名", staff);
	if (p != NULL)
		memcpy(w->principal, p->principal, 16);
	else if (strlen(staff) != 32 || hex_decode(staff, 32, w->principal, 16) != 0)
		return cli_fail(EXIT_FAILED, "nobody is called %s in this copy; `audit export --key` brings the people along",
		    "副本中没有名为 %s 的人员；请用 audit export --key 一并导出人员名单", staff);
	w->by_person = true;
	return 0;
}

int who_fail(int r)
{
	return cli_fail(r == CV_ERR_AUTH ? EXIT_VERIFY : EXIT_FAILED, "the log cannot be read: %s", "无法读取日志：%s", cv_strerror(r));
}

static int who_person(struct who *w)
{
	static struct trail_entry e;	/* large, for the texts of a detail */
	int r;

	if ((r = trail_between(w->trail, w->from_ms, w->to_ms)) == 0)
		while ((r = trail_next(w->trail, &e)) == 1)
			if (who_wants(w, &e))
				who_show(w, &e, NULL);
	return r == 0 ? 0 : who_fail(r);
}

/* ---- the command ------------------------------------------------------------------------------------------------------------ */

static int check_log(const char *dir)
{
	struct childvault_audit_options o = { .dir = dir };
	struct childvault_audit_summary s;
	int r;

	memset(&s, 0, sizeof s);
	r = childvault_audit_verify(&o, &s);
	if (r < 0)
		return cli_fail(EXIT_FAILED, "%s cannot be verified: %s", "无法核对 %s：%s", dir, cv_strerror(r));
	return r == 0 ? 0 : cli_fail(EXIT_VERIFY, "the log in %s does not verify (%llu faults): see `childvault-audit verify`",
	    "%s 中的日志未通过核验（%llu 处问题），请看 childvault-audit verify", dir, (unsigned long long)s.faults);
}

/* A mistyped kind would look like nothing having been done. */
static bool kinds_exist(const struct cli_list *kinds)
{
	for (size_t i = 0; i < kinds->n; i++) {
		unsigned kind = 0;

		while (kind <= UINT8_MAX && strcmp(kinds->item[i], leaf_kind_name(kind)) != 0)
			kind++;
		if (kind > UINT8_MAX || strcmp(kinds->item[i], "unknown") == 0)
			return false;
	}
	return true;
}

static int open_trail(struct who *w, const char *key_path, uint64_t fd)
{
	struct client_key key = { 0 };
	int code, r;

	if ((code = trail_key(key_path, fd, &key)) == 0 && (r = trail_open(w->dir, &key, &w->trail)) != 0)
		code = r == CV_ERR_AUTH ? cli_fail(EXIT_DENIED, "this copy was made for another auditor", "该副本是为另一位审计员导出的") :
		    cli_fail(EXIT_FAILED, "%s is no log: %s", "%s 不是日志目录：%s", w->dir, cv_strerror(r));
	client_key_clear(&key);
	return code;
}

static int answer(struct who *w, const char *staff, const char *record, const char *keys)
{
	const char *names[CELLS] = { tr("time", "时间"), tr("index", "序号"), tr("kind", "类型"), tr("person", "人员"), tr("department", "部门"),
		tr("role", "角色"), tr("purpose", "目的"), tr("view", "显示"), tr("fields", "字段"), tr("outcome", "结果"), tr("reason", "理由"),
		tr("case", "个案") };
	int code;

	if (staff != NULL && (code = find_person(w, staff)) != 0)
		return code;
	if (cli.json)
		(void)printf("{\"entries\":[");
	else if ((w->table = table_new(CELLS, names)) == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	code = record != NULL ? who_record(w, record, keys) : who_person(w);
	if (cli.json)
		(void)printf("],\n\"count\":%llu,\"sealed\":%llu}\n", (unsigned long long)w->shown, (unsigned long long)w->sealed);
	else if (code == 0)
		code = table_print(w->table);
	else
		table_drop(w->table);
	if (w->sealed != 0)
		(void)cli_fail(code, "%llu entries of this time stay closed: they are sealed to other auditors, since this key was "
		    "not an auditor's then, or to keys of months that it does not hold",
		    "该时段另有 %llu 条记录无法打开：密封给其他审计员（此密钥当时不属于审计员），或密封给此密钥已不持有的月度密钥", (unsigned long long)w->sealed);
	return code;
}

int audit_who(int argc, char **argv)
{
	static const struct cli_help help = { "who DIR --key FILE (--staff NAME | --record ID --keys FILE) [--from T] [--to T] "
		"[--purpose P] [--kind K]...",
		"Tells from a copy of the log what one person did, or who looked at one child's file.\n"
		"DIR is what `childvault audit export --key` wrote. An auditor's key opens who, when and what kind of act;\n"
		"which child it was stays sealed, so for one child an auditor's receipt of the record is needed, which the vault gives\n"
		"(childvault audit receipt).\n"
		"Times are days or moments in UTC, 2026-11-25 or 2026-11-25T08:00:00Z.",
		"从日志副本查出某人做了什么，或谁查阅过某名儿童的档案。\n"
		"DIR 为 childvault audit export --key 导出的目录。审计员密钥可解开人员、时间和行为类型；涉及哪名儿童仍是密封的，\n"
		"查某名儿童须用档案库发给审计员的查阅清单（childvault audit receipt）。时间为 UTC。" };
	const char *key = getenv("CHILDVAULT_KEY"), *staff = NULL, *record = NULL, *keys = NULL, *from = NULL, *to = NULL;
	static struct who w;	/* its list of kinds is large */
	bool unverified = false;
	uint64_t fd = UINT64_MAX;
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &key, "FILE", "the auditor's key file (CHILDVAULT_KEY)", "审计员密钥文件（CHILDVAULT_KEY）" },
		{ "staff", OPTION_TEXT, &staff, "NAME", "a person: login name, name or principal", "人员：登录名、姓名或编号" },
		{ "record", OPTION_TEXT, &record, "ID", "a child's record", "儿童档案编号" },
		{ "keys", OPTION_TEXT, &keys, "FILE", "an auditor's receipt of this record", "审计员的该档案查阅清单" },
		{ "from", OPTION_TEXT, &from, "T", "first day or moment", "起始日期或时刻" },
		{ "to", OPTION_TEXT, &to, "T", "last day, or the moment before which", "截止日期（含）或时刻" },
		{ "purpose", OPTION_TEXT, &w.purpose, "P", "for this purpose only", "只列该目的" },
		{ "kind", OPTION_LIST, &w.kinds, "K", "of this kind only, such as reveal; again for more", "只列该类型，可重复" },
		{ "unverified", OPTION_FLAG, &unverified, NULL, "do not verify the copy first", "不先核验副本" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" } };
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 1, 1, &a))
		return a.exit;
	w.dir = a.argv[0];
	w.to_ms = UINT64_MAX;
	if ((from != NULL && !clock_parse(from, strlen(from), false, &w.from_ms)) ||
	    (to != NULL && !clock_parse(to, strlen(to), true, &w.to_ms)))
		return cli_usage("who", "times are like 2026-11-25 or 2026-11-25T08:00:00Z", "时间格式如 2026-11-25 或 2026-11-25T08:00:00Z");
	if (w.from_ms >= w.to_ms)
		return cli_usage("who", "--from is not before --to", "--from 须早于 --to");
	if (!kinds_exist(&w.kinds))
		return cli_usage("who", "an unknown --kind", "未知的 --kind");
	if (key == NULL || (staff == NULL && record == NULL) || (record != NULL) != (keys != NULL))
		return cli_usage("who", "--key and one of --staff, or --record with --keys, are needed",
		    "须给出 --key，以及 --staff 或 --record 与 --keys");
	if ((!unverified && (code = check_log(w.dir)) != 0) || (code = open_trail(&w, key, fd)) != 0)
		return code;
	code = answer(&w, staff, record, keys);
	trail_close(w.trail);
	return code;
}

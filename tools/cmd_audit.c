/* childvault audit: events (an auditor reads); export and verify stand in files of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "cli.h"
#include "client/client.h"
#include "client/events.h"
#include "format/message.h"
#include "model/model.h"

#define FIELDS_ROOM 8192
#define SHORT_FIELDS 32u
#define LOGIN_ROOM 258u	/* a login name and what parts it from the reason */

/* ---- events --------------------------------------------------------------------------------------------------------------- */

enum { CELL_TIME, CELL_INDEX, CELL_KIND, CELL_PERSON, CELL_DEPARTMENT, CELL_ROLE, CELL_PURPOSE, CELL_FIELDS, CELL_OUTCOME, CELL_RECORD,
	CELL_REASON, CELL_CASE, CELL_COUNT, CELLS };

/* What one line of the table shows; every text lives as long as the events, the policy and this struct. */
struct line {
	char time[25], index[24], principal[33], record[33], fields[FIELDS_ROOM];
	char reason[LOGIN_ROOM + LEAF_REASON_MAX + 1], case_text[LEAF_CASE_MAX + 1];
	char count[24];
	const char *cells[CELLS];
};

/* A word of a table's cells: people's on a terminal, always the same in a pipe. */
static const char *word(const char *en, const char *zh) { return isatty(STDOUT_FILENO) ? tr(en, zh) : en; }

/* Names of the ids that body A's detail holds, as the policy document of the answer gives them. */
static void name_ids(const struct policy *p, const struct leaf_detail *d, struct line *l)
{
	static const uint8_t zeros[16];
	const struct policy_role *role = policy_role_by_id(p, d->role);
	size_t at = 0;

	l->cells[CELL_ROLE] = role != NULL ? role->name : "";
	for (unsigned i = 0; i < policy_purposes(p); i++)
		if (policy_purpose(p, i)->id == d->purpose)
			l->cells[CELL_PURPOSE] = policy_purpose(p, i)->name;
	for (unsigned i = 0; i < policy_fields(p) && i < d->bitmap_n * 8u; i++) {
		const char *name = policy_field(p, i)->name;

		if ((d->bitmap[i / 8] >> (i % 8) & 1) != 0 && at + strlen(name) + 2 < sizeof l->fields)
			at += (size_t)snprintf(l->fields + at, sizeof l->fields - at, "%s%s", at != 0 ? "," : "", name);
	}
	if (memcmp(d->record, zeros, 16) != 0)
		hex_encode(d->record, 16, l->record);
	snprintf(l->reason, sizeof l->reason, "%.*s", (int)d->reason_n, d->reason);
	snprintf(l->case_text, sizeof l->case_text, "%.*s", (int)d->case_n, d->case_text);
}

/* How many: failed logins, versions, entries that were read. */
static void name_count(uint64_t n, struct line *l)
{
	if (n != 0)
		snprintf(l->count, sizeof l->count, "%llu", (unsigned long long)n);
}

static void name_person(const struct client_events *e, const struct leaf_actor *a, struct line *l)
{
	static const uint8_t zeros[16];
	const struct client_person *p = client_events_person(e, a->principal);

	hex_encode(a->principal, 16, l->principal);
	if (p != NULL) {
		l->cells[CELL_PERSON] = p->name[0] != 0 ? p->name : p->login;
		l->cells[CELL_DEPARTMENT] = p->department;
	} else if (memcmp(a->principal, zeros, 16) != 0) {
		l->cells[CELL_PERSON] = l->principal;
	}
	l->cells[CELL_OUTCOME] = a->outcome == PROBLEM_NONE ? word("done", "完成") : outcome_name(a->outcome);
}

/* Who was suspended or restored stands before the reason: FORMAT.md section 9 kinds 35 and 36. */
static void name_member(const struct client_events *e, const struct leaf_detail *d, struct line *l)
{
	const struct client_person *p = client_events_person(e, d->approval);

	if (p != NULL)
		snprintf(l->reason, sizeof l->reason, "%s: %.*s", p->login, (int)d->reason_n, d->reason);
}

/* What a leaf about unseal slots says in the clear, FORMAT.md section 9 kind 34. */
static void name_slot(const struct leaf *leaf, struct line *l)
{
	const uint8_t *p = leaf->body_a;

	if (leaf->body_a_n == 4 && p[0] == 1) {
		snprintf(l->reason, sizeof l->reason, word("share %u of slot %u was shown", "出示解封槽 %2$u 的第 %1$u 份份额"), p[2], p[1]);
		l->cells[CELL_OUTCOME] = p[3] == 0 ? word("done", "完成") : outcome_name(PROBLEM_UNAUTHENTICATED);
	} else if (leaf->body_a_n == 8 && p[0] == 2) {
		snprintf(l->reason, sizeof l->reason, word("slot %u has a new split: %u of %u", "解封槽 %u 重新拆分：%u/%u"), p[1], p[2], p[3]);
		l->cells[CELL_OUTCOME] = word("done", "完成");
	}
}

/* On a terminal a long list of fields would push everything behind it away: its beginning and its length stand for it. */
static void shorten_fields(struct line *l)
{
	const char *all = l->cells[CELL_FIELDS];
	unsigned count = 1;
	char cut[SHORT_FIELDS + 1];

	if (!isatty(STDOUT_FILENO) || strlen(all) <= SHORT_FIELDS)
		return;
	for (const char *p = all; *p != 0; p++)
		count += *p == ',';
	snprintf(cut, sizeof cut, "%.*s", (int)SHORT_FIELDS, all);
	if (strrchr(cut, ',') != NULL)
		*strrchr(cut, ',') = 0;
	snprintf(l->fields, sizeof l->fields, "%s... (%u)", cut, count);
	l->cells[CELL_FIELDS] = l->fields;
}

static void add_line(struct table *t, const struct client_events *e, const struct policy *p, const struct client_event *v)
{
	struct line l = { .cells = { [CELL_PERSON] = v->opened || (v->leaf.flags & LEAF_CLEAR) != 0 ? word("(vault)", "（系统）") :
	    word("(sealed)", "（未解开）") } };

	clock_rfc3339(v->leaf.time_ms, l.time);
	snprintf(l.index, sizeof l.index, "%llu", (unsigned long long)v->leaf.index);
	l.cells[CELL_TIME] = l.time;
	l.cells[CELL_INDEX] = l.index;
	l.cells[CELL_KIND] = leaf_kind_name(v->leaf.kind);
	l.cells[CELL_FIELDS] = l.fields;
	l.cells[CELL_RECORD] = l.record;
	if (v->opened)
		name_person(e, &v->actor, &l);
	l.cells[CELL_REASON] = l.reason;
	l.cells[CELL_CASE] = l.case_text;
	l.cells[CELL_COUNT] = l.count;
	if (v->leaf.kind == LEAF_KEYS)
		name_slot(&v->leaf, &l);
	if (v->has_ids && p != NULL)
		name_ids(p, &v->ids, &l);
	if (v->has_ids && (v->leaf.kind == LEAF_SUSPENDED || v->leaf.kind == LEAF_RESTORED))
		name_member(e, &v->ids, &l);
	if (v->has_ids)
		name_count(v->ids.count, &l);
	if (v->has_detail) {
		l.cells[CELL_ROLE] = v->detail.role;
		l.cells[CELL_PURPOSE] = v->detail.purpose;
		l.cells[CELL_FIELDS] = v->detail.fields;
		l.cells[CELL_RECORD] = v->detail.record;
		l.cells[CELL_REASON] = v->detail.reason;
		l.cells[CELL_CASE] = v->detail.case_text;
		name_count(v->detail.count, &l);
		if (!v->opened)
			l.cells[CELL_OUTCOME] = v->detail.outcome;
	}
	shorten_fields(&l);
	table_row(t, l.cells);
	wipe(&l, sizeof l);
}

static int print_events(const struct client_events *e)
{
	const char *names[CELLS] = { tr("time", "时间"), tr("index", "序号"), tr("kind", "类型"), tr("person", "人员"),
		tr("department", "部门"), tr("role", "角色"), tr("purpose", "目的"), tr("fields", "字段"), tr("outcome", "结果"),
		tr("record", "档案"), tr("reason", "理由"), tr("case", "个案"), tr("count", "数量") };
	struct table *t = table_new(CELLS, names);
	struct policy *p = NULL;
	size_t n;
	const uint8_t *document = client_events_policy(e, &n);
	int code;

	if (document != NULL && policy_decode(document, n, &p) != 0)
		(void)cli_fail(EXIT_FAILED, "the policy document is not of this version: names are missing",
		    "规则文档版本不符，缺少名称");
	for (unsigned i = 0; t != NULL && i < client_events_count(e); i++)
		add_line(t, e, p, client_events_at(e, i));
	code = table_print(t);
	policy_free(p);
	return code;
}

/*
 * With a key file: a session of its own, so that what is sealed to the auditor opens here. With CHILDVAULT_TOKEN alone: what the
 * daemon says in words; who did it stays sealed.
 */
static int auditor_session(const char *key_path, uint64_t fd, struct childvault **ret, bool *ret_own, struct client_key *ret_key)
{
	struct childvault *cv = NULL;
	int code;

	if (key_path == NULL || key_path[0] == 0)
		return cli_session(ret, ret_own);
	if ((code = cli_open(&cv)) == 0)
		code = cli_login_key(cv, key_path, NULL, fd, ret_key);
	if (code != 0) {
		childvault_free(cv);
		return code;
	}
	*ret = cv;
	*ret_own = true;
	return 0;
}

static int show_events(struct childvault *cv, const struct client_key *key)
{
	static const uint8_t no_vault[16];
	const uint8_t *vault = client_vault(cv);
	struct client_events *e = NULL;
	size_t n;
	const char *body = childvault_body(cv, &n);
	int code, r;

	if (cli.json)
		return cli_print_body(cv);
	if ((r = client_events_open(body, n, vault != NULL ? vault : no_vault, key, &e)) != 0)
		return cli_fail(EXIT_FAILED, "the entries do not open: %s", "无法打开日志条目：%s", cv_strerror(r));
	code = print_events(e);
	client_events_free(e);
	return code;
}

/* The first index of the last limit entries, from the size that an empty answer tells. */
static int last_entries(struct childvault *cv, uint64_t limit, uint64_t *ret)
{
	static const uint8_t no_vault[16];
	struct client_key none = { 0 };
	struct client_events *e = NULL;
	size_t n;
	const char *body;
	int r;

	if ((r = childvault_events(cv, 0, 1, 0)) != CHILDVAULT_OK)
		return cli_answer_fail(cv, r);
	body = childvault_body(cv, &n);
	if ((r = client_events_open(body, n, no_vault, &none, &e)) != 0)
		return cli_fail(EXIT_FAILED, "the entries do not open: %s", "无法打开日志条目：%s", cv_strerror(r));
	*ret = client_events_size(e) > limit ? client_events_size(e) - limit : 0;
	client_events_free(e);
	return 0;
}

static int audit_events(int argc, char **argv)
{
	static const struct cli_help help = { "audit events [--key FILE] [--from N | --last] [--limit N]",
		"Shows entries of the audit log. An auditor's key file (CHILDVAULT_KEY) opens who they were.",
		"显示审计日志条目；审计员的密钥文件（CHILDVAULT_KEY）可解开人员信息。" };
	const char *key_path = getenv("CHILDVAULT_KEY");
	uint64_t from = 0, limit = 100, fd = UINT64_MAX;
	bool last = false, own = false;
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &key_path, "FILE", "the auditor's key file", "审计员密钥文件" },
		{ "from", OPTION_NUMBER, &from, "N", "first index; 0 is the log's beginning", "起始序号，默认 0" },
		{ "last", OPTION_FLAG, &last, NULL, "the newest entries instead", "改为显示最新条目" },
		{ "limit", OPTION_NUMBER, &limit, "N", "at most N entries, 1 to 1000; 100 by default", "最多 N 条（1 至 1000），默认 100" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" } };
	struct childvault *cv = NULL;
	struct client_key key = { 0 };
	struct cli_args a;
	int code, r;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 0, 0, &a))
		return a.exit;
	if (limit == 0 || limit > 1000)
		return cli_usage("audit events", "--limit is 1 to 1000", "--limit 为 1 至 1000");
	if ((code = auditor_session(key_path, fd, &cv, &own, &key)) != 0)
		goto out;
	if (last && (code = last_entries(cv, limit, &from)) != 0)
		goto out;
	if ((r = childvault_events(cv, from, (unsigned)limit, client_vault(cv) != NULL)) != CHILDVAULT_OK)
		code = cli_answer_fail(cv, r);
	else
		code = show_events(cv, &key);
out:
	client_key_clear(&key);
	cli_close(cv, own);
	return code;
}

/* ---- the command ------------------------------------------------------------------------------------------------------------- */

int cmd_audit(int argc, char **argv)
{
	static const struct cli_sub subs[] = {
		{ "events", audit_events, "show entries of the log", "显示日志条目" },
		{ "date", audit_date, "confirm today's date, after the log missed many days", "日志缺漏多日后确认今日日期" },
		{ "export", audit_export, "copy the log's folder", "复制日志目录" },
		{ "key", audit_key, "an auditor's key for reading copies offline", "供离线使用的审计员密钥" },
		{ "renew", audit_renew, "daily signing keys for ten more years", "追加十年的每日签名密钥" },
		{ "verify", audit_verify, "check a copy of the log offline", "离线核对日志副本" },
	};

	return cli_group(argc, argv, subs, sizeof subs / sizeof subs[0]);
}

/* childvault audit: events and who (an auditor reads); export, verify and key stand in files of their own. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli.h"
#include "client/client.h"
#include "client/events.h"
#include "events_table.h"
#include "pages.h"
#include "trail.h"

#define NUMBER_ROOM (2u << 20)	/* as much as a search may read */

static const uint8_t no_vault[16];

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
	if (code == 0 && (code = trail_months(key_path, ret_key, NULL)) != 0) {
		cli_close(cv, true);
		return code;
	}
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
	const uint8_t *vault = client_vault(cv);
	struct client_events *e = NULL;
	struct events_table *t;
	size_t n;
	const char *body = childvault_body(cv, &n);
	int code, r;

	if (cli.json)
		return cli_print_body(cv);
	if ((r = client_events_open(body, n, vault != NULL ? vault : no_vault, key, &e)) != 0)
		return cli_fail(EXIT_FAILED, "the entries do not open: %s", "无法打开日志条目：%s", cv_strerror(r));
	if ((t = events_table_new()) != NULL)
		events_table_add(t, e, NULL);
	code = events_table_end(t, true);
	client_events_free(e);
	return code;
}

/* The first index of the last limit entries, from the size that an empty answer tells. */
static int last_entries(struct childvault *cv, uint64_t limit, uint64_t *ret)
{
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

/* ---- who --------------------------------------------------------------------------------------------------------------------- */

/* What is asked for; texts are NULL where anything will do. */
struct asked {
	const char *staff, *record, *purpose, *kind, *since, *until;
};

static void put_param(struct buf *b, const char *name, const char *value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

	if (value == NULL)
		return;
	buf_printf(b, "&%s=", name);
	for (; *value != '\0'; value++)
		buf_printf(b, strchr(plain, *value) != NULL ? "%c" : "%%%02X", (unsigned char)*value);
}

/* One page of the answer, printed or into the table; ret_cursor gets where to go on, empty at the end. 0 or exit code. */
static int who_page(struct childvault *cv, const struct client_key *key, const struct asked *q, struct events_table *t,
    struct buf *ret_cursor)
{
	const uint8_t *vault = client_vault(cv);
	struct client_events *e = NULL;
	struct buf query;
	const char *body;
	size_t n;
	int code = 0, r;

	buf_init(&query, 4096);
	put_param(&query, "principal", q->staff);
	put_param(&query, "record", q->record);
	put_param(&query, "kind", q->kind);
	put_param(&query, "since", q->since);
	put_param(&query, "until", q->until);
	if (q->record != NULL)
		put_param(&query, "purpose", q->purpose);
	put_param(&query, "cursor", ret_cursor->n > 0 ? (const char *)ret_cursor->p : NULL);
	buf_u8(&query, 0);
	if ((r = client_find_events(cv, buf_ok(&query) ? (const char *)query.p : "")) != CHILDVAULT_OK) {
		code = cli_answer_fail(cv, r);
		goto out;
	}
	body = childvault_body(cv, &n);
	if ((r = client_events_open(body, n, vault != NULL ? vault : no_vault, key, &e)) != 0) {
		code = cli_fail(EXIT_FAILED, "the entries do not open: %s", "无法打开日志条目：%s", cv_strerror(r));
		goto out;
	}
	if (cli.json && client_events_count(e) > 0)
		code = cli_print_body(cv);
	else if (!cli.json)
		events_table_add(t, e, q->purpose);
	buf_reset(ret_cursor);
	if (client_events_cursor(e)[0] != '\0') {
		buf_text(ret_cursor, client_events_cursor(e));
		buf_u8(ret_cursor, 0);
	}
out:
	client_events_free(e);
	buf_free(&query);
	return code;
}

static int who_all(struct childvault *cv, const struct client_key *key, const struct asked *q)
{
	struct events_table *t = events_table_new();
	struct buf cursor;
	int code;

	if (t == NULL)
		return events_table_end(t, false);
	buf_init(&cursor, 1024);
	do
		code = who_page(cv, key, q, t, &cursor);
	while (code == 0 && cursor.n > 0);
	buf_free(&cursor);
	return code != 0 || cli.json ? (void)events_table_end(t, false), code : events_table_end(t, true);
}

static int check_asked(const struct asked *q, const char *id_no)
{
	uint64_t since = 0, until = UINT64_MAX;

	if (id_no != NULL && strcmp(id_no, "-") != 0)
		return cli_usage("audit who", "--id-no - reads the number from standard input: others see arguments",
		    "--id-no - 从标准输入读取号码：命令行参数会被他人看到");
	if (id_no != NULL && q->record != NULL)
		return cli_usage("audit who", "--record and --id-no say the same", "--record 与 --id-no 只能用一个");
	if (q->staff == NULL && q->record == NULL && id_no == NULL)
		return cli_usage("audit who", "--staff NAME, --record ID or --id-no - is needed", "须给出 --staff、--record 或 --id-no");
	if ((q->since != NULL && !clock_parse(q->since, strlen(q->since), false, &since)) ||
	    (q->until != NULL && !clock_parse(q->until, strlen(q->until), true, &until)))
		return cli_usage("audit who", "times are like 2026-11-25 or 2026-11-25T08:00:00Z",
		    "时间格式如 2026-11-25 或 2026-11-25T08:00:00Z");
	if (since >= until)
		return cli_usage("audit who", "--from is not before --to", "--from 须早于 --to");
	return 0;
}

/* The records that have a number which stands in standard input, one after the other. */
static int who_numbered(struct childvault *cv, const struct client_key *key, struct asked *q)
{
	struct childvault_with with = { .purpose = NULL };
	json_t *answer = NULL, *record;
	struct buf value;
	size_t i;
	int code, r;

	buf_init(&value, NUMBER_ROOM);
	if ((code = search_read(NULL, &value)) != 0)
		goto out;
	if ((r = childvault_search(cv, &with, "id_no", (const char *)value.p)) != CHILDVAULT_OK) {
		code = cli_answer_fail(cv, r);
		goto out;
	}
	answer = cli_body(cv);
	if (json_array_size(json_object_get(answer, "records")) == 0)
		code = cli_fail(EXIT_FAILED, "no file has this number", "没有档案使用该号码");
	json_array_foreach(json_object_get(answer, "records"), i, record) {
		q->record = json_text(record, "id");
		if (code == 0)
			code = who_all(cv, key, q);
	}
out:
	json_decref(answer);
	buf_free(&value);
	return code;
}

static int audit_who(int argc, char **argv)
{
	static const struct cli_help help = { "audit who (--staff NAME | --record ID | --id-no -) [--from T] [--to T] [--purpose P] "
		"[--kind K] [--key FILE]",
		"Tells what one person did, or who looked at one child's file. An auditor's key file (CHILDVAULT_KEY)\n"
		"opens who they were. Looking for a record is itself an entry about it. Times are days or moments in UTC;\n"
		"--json prints pages as they come.",
		"查出某人做了什么，或谁查阅过某名儿童的档案。审计员的密钥文件（CHILDVAULT_KEY）可解开人员信息。\n"
		"按档案查询本身也会记入该档案的日志。时间为 UTC；--json 逐页原样输出。" };
	const char *key_path = getenv("CHILDVAULT_KEY"), *id_no = NULL;
	struct asked q = { .staff = NULL };
	uint64_t fd = UINT64_MAX;
	bool own = false;
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &key_path, "FILE", "the auditor's key file", "审计员密钥文件" },
		{ "staff", OPTION_TEXT, &q.staff, "NAME", "a person: login name or principal", "人员：登录名或编号" },
		{ "record", OPTION_TEXT, &q.record, "ID", "a child's record", "儿童档案编号" },
		{ "id-no", OPTION_TEXT, &id_no, "-", "a child by the identity number in standard input", "按标准输入中的身份证号码" },
		{ "from", OPTION_TEXT, &q.since, "T", "first day or moment", "起始日期或时刻" },
		{ "to", OPTION_TEXT, &q.until, "T", "last day, or the moment before which", "截止日期（含）或时刻" },
		{ "purpose", OPTION_TEXT, &q.purpose, "P", "for this purpose only", "只列该目的" },
		{ "kind", OPTION_TEXT, &q.kind, "K", "of this kind only, such as reveal", "只列该类型，如 reveal" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" } };
	struct childvault *cv = NULL;
	struct client_key key = { 0 };
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 0, 0, &a))
		return a.exit;
	if ((code = check_asked(&q, id_no)) == 0 && (code = auditor_session(key_path, fd, &cv, &own, &key)) == 0)
		code = id_no != NULL ? who_numbered(cv, &key, &q) : who_all(cv, &key, &q);
	client_key_clear(&key);
	cli_close(cv, own);
	return code;
}

/* ---- the command ------------------------------------------------------------------------------------------------------------- */

int cmd_audit(int argc, char **argv)
{
	static const struct cli_sub subs[] = {
		{ "events", audit_events, "show entries of the log", "显示日志条目" },
		{ "cosign", audit_cosign, "hand in a checkpoint that witnesses have cosigned", "交回见证人签过的检查点" },
		{ "date", audit_date, "confirm today's date, after the log missed many days", "日志缺漏多日后确认今日日期" },
		{ "who", audit_who, "what a person did, who looked at a child's file", "查某人的行为、某档案的查阅者" },
		{ "export", audit_export, "copy the log's folder", "复制日志目录" },
		{ "keys", audit_keys, "keys of months: publish, forget, lend", "月度密钥：公布、销毁、出借" },
		{ "key", audit_key, "an auditor's key for reading copies offline", "供离线使用的审计员密钥" },
		{ "receipt", audit_receipt, "who accessed a file, for the child or guardian", "某档案的查阅清单，供儿童或监护人" },
		{ "renew", audit_renew, "daily signing keys for ten more years", "追加十年的每日签名密钥" },
		{ "reviews", audit_reviews, "months that were signed off, or wait for it", "已签署或待签署的月度审查" },
		{ "sign-off", audit_sign_off, "sign a month off", "签署一个月的审查" },
		{ "verify", audit_verify, "check a copy of the log offline", "离线核对日志副本" },
	};

	return cli_group(argc, argv, subs, sizeof subs / sizeof subs[0]);
}

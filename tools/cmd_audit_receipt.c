/* childvault audit receipt: the list of who accessed a record, written to a file as core signs it, page after page. */
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "cli.h"
#include "format/receipt.h"
#include "pages.h"

#define DAY_MS 86400000u

struct receipt {
	struct childvault *cv;
	struct childvault_with with;
	const char *record, *reader;
	bool cosigned;
	uint64_t from_ms, to_ms;
	struct buf text;
	size_t accesses;
};

/* Add the page that was answered. *ret_cursor is its cursor, to be freed with json_decref's owner, NULL at the end. */
static int add_page(struct receipt *x, const json_t *body)
{
	const char *page = json_text(body, "receipt");

	if (page[0] == 0 || x->text.n + strlen(page) > RECEIPT_MAX)
		return cli_fail(EXIT_FAILED, "the daemon's answer is no page of a receipt", "服务返回的不是查阅清单");
	buf_text(&x->text, page);
	x->accesses += json_array_size(json_object_get(body, "accesses"));
	return buf_ok(&x->text) ? 0 : cli_fail(EXIT_FAILED, "out of memory", "内存不足");
}

/* All pages; each answer's cursor leads to the next. */
static int fetch(struct receipt *x)
{
	json_t *body = NULL, *next;
	const char *cursor = NULL;
	int code = 0, r;

	do {
		r = childvault_accesses(x->cv, &x->with, x->record, x->reader, x->cosigned, x->from_ms, x->to_ms, 0, cursor);
		if (r != CHILDVAULT_OK) {
			code = cli_answer_fail(x->cv, r);
			break;
		}
		next = cli_body(x->cv);
		json_decref(body);
		body = next;
		code = add_page(x, body);
		cursor = json_string_value(json_object_get(body, "cursor"));
	} while (code == 0 && cursor != NULL);
	json_decref(body);
	return code;
}

/* The number that the n digits at s are. False: one is none. */
static bool digits(const char *s, unsigned n, unsigned *ret)
{
	*ret = 0;
	for (unsigned i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*ret = *ret * 10 + (unsigned)(s[i] - '0');
	}
	return true;
}

/* The first millisecond of a day YYYY-MM-DD, of the day behind it with next. */
static bool day_ms(const char *s, bool next, uint64_t *ret)
{
	unsigned year, month, day;
	int32_t days;

	if (strlen(s) != 10 || !digits(s, 4, &year) || s[4] != '-' || !digits(s + 5, 2, &month) || s[7] != '-' || !digits(s + 8, 2, &day) ||
	    year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	days = clock_days((int)year, month, day);
	*ret = ((uint64_t)days + next) * DAY_MS;
	return true;
}

static int write_receipt(struct receipt *x, const char *to)
{
	int code;

	if ((code = fetch(x)) != 0)
		return code;
	if ((code = cli_write_file(to, x->text.p, x->text.n, 0600, false)) != 0)
		return code;
	(void)cli_fail(0, "%s: accesses: %zu", "%s：查阅 %zu 次", to, x->accesses);
	return 0;
}

int audit_receipt(int argc, char **argv)
{
	static const struct cli_help help = { "audit receipt --record ID --to FILE [--for child|guardian] [--cosigned] [--from DATE] "
		"[--until DATE] [--purpose P]",
		"Writes who accessed a child's file, signed, for the child or the guardian to take home; childvault-audit receipt\n"
		"verifies and prints it. For an auditor: all there is, with the keys that childvault-audit who takes.",
		"将某儿童档案的查阅清单写入文件，附签名，供儿童或监护人带走；childvault-audit receipt 可核验并打印。\n"
		"审计员取得全部内容，其中的密钥可供 childvault-audit who 使用。" };
	struct receipt x = { .record = NULL };
	const char *to = NULL, *from = NULL, *until = NULL;
	const struct cli_option options[] = {
		{ "record", OPTION_TEXT, &x.record, "ID", "the file", "档案编号" },
		{ "to", OPTION_TEXT, &to, "FILE", "write there; it must not exist", "写入该文件（不得已存在）" },
		{ "for", OPTION_TEXT, &x.reader, "WHO", "child (default) or guardian", "child（儿童，默认）或 guardian（监护人）" },
		{ "cosigned", OPTION_FLAG, &x.cosigned, NULL, "only what witnesses have cosigned, for who trusts these",
		    "只列经见证的部分，供信任见证方者核验" },
		{ "from", OPTION_TEXT, &from, "DATE", "from this day on (UTC)", "自该日起（UTC）" },
		{ "until", OPTION_TEXT, &until, "DATE", "until this day, included", "至该日止（含）" },
		{ "purpose", OPTION_TEXT, &x.with.purpose, "P", "why: a purpose of the profile; auditors need none",
		    "目的：规则文件中的目的代码，审计员不需要" },
		{ "case", OPTION_TEXT, &x.with.case_text, "TEXT", "the case it belongs to", "所属个案" } };
	struct cli_args a;
	bool own = false;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 0, 0, &a))
		return a.exit;
	if (x.record == NULL || to == NULL || !cli_is_id(x.record, strlen(x.record)))
		return cli_usage("audit receipt", "--record ID and --to FILE are needed", "需要 --record 编号 和 --to 文件");
	if (x.reader != NULL && strcmp(x.reader, "child") != 0 && strcmp(x.reader, "guardian") != 0)
		return cli_usage("audit receipt", "--for is child or guardian", "--for 为 child 或 guardian");
	if ((from != NULL && !day_ms(from, false, &x.from_ms)) || (until != NULL && !day_ms(until, true, &x.to_ms)))
		return cli_usage("audit receipt", "a date is YYYY-MM-DD", "日期格式为 YYYY-MM-DD");
	buf_init(&x.text, RECEIPT_MAX);
	if ((code = cli_session(&x.cv, &own)) == 0)
		code = write_receipt(&x, to);
	cli_close(x.cv, own);
	buf_free(&x.text);
	return code;
}

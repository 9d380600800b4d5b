/* childvault-audit pack: what the law wants to be reported of a year, counted, signed by an auditor, without anybody's name. */
#include "audit_pack.h"

#include <stdio.h>

#include "audit.h"
#include "base/clock.h"
#include "base/error.h"
#include "format/note.h"

static int write_pack(const struct gathered *g, unsigned year, const char *out)
{
	json_t *j = pack_counts(g, year);
	struct buf b;
	int code, r;

	buf_init(&b, 4 * NOTE_MAX);
	r = j != NULL ? pack_sign(g, j, &b) : CV_ERR_NOMEM;
	code = r == 0 ? cli_write_file(out, b.p, b.n, 0600, true) :
	    cli_fail(EXIT_FAILED, "the pack cannot be written: %s", "无法生成年度审计包：%s", cv_strerror(r));
	buf_free(&b);
	json_decref(j);
	return code;
}

static int make_pack(struct gather_ask *ask, uint64_t year, const char *out)
{
	struct gathered g = { .verdict = 0 };
	int code;

	if (year < 1970 || year > 9999)
		return cli_fail(EXIT_USAGE, "--year is a year such as 2026", "--year 为年份，如 2026");
	g.first_day = clock_days((int)year, 1, 1);
	g.last_day = clock_days((int)year + 1, 1, 1) - 1;
	if ((code = gather(ask, &g)) == 0 && g.key.lent)
		code = cli_fail(EXIT_FAILED, "lent months sign nothing: an auditor's own key is needed", "借来的月份不能签署：需要审计员自己的密钥");
	else if (code == 0 && !pack_covers(&g))
		code = cli_fail(EXIT_FAILED, "the log has no entry of %u", "日志中没有 %u 年的条目", (unsigned)year);
	else if (code == 0)
		code = write_pack(&g, (unsigned)year, out);
	if (code == 0 && g.verdict != 0)
		code = cli_fail(EXIT_VERIFY, "the log has faults, which the pack counts", "日志有问题，已计入年度审计包");
	gather_free(&g);
	return code;
}

int audit_pack(int argc, char **argv)
{
	static const struct cli_help help = { "pack DIR --key FILE --year Y --out FILE, or pack --verify FILE --by PUBLIC",
		"Counts a year of the log for the yearly audit: accesses by verb, role and purpose, approvals and approvers, "
		"refusals, what stood\n"
		"out, incidents, changes of policy and keys, without anybody's name. The auditor's key signs it.",
		"统计一年的日志供年度合规审计：按操作、角色、目的的访问量，审批，拒绝，异常情况，规则与密钥变更；不含任何人的姓名。\n"
		"由审计员密钥签名。" };
	const char *out = NULL, *file = NULL, *by = NULL;
	uint64_t year = 0;
	struct gather_ask ask;
	struct cli_option options[GATHER_OPTIONS + 4] = { { "year", OPTION_NUMBER, &year, "Y", "the year, of UTC", "年份（UTC）" },
		{ "out", OPTION_TEXT, &out, "FILE", "the pack's file", "输出文件" },
		{ "verify", OPTION_TEXT, &file, "FILE", "check a pack's signature instead", "改为核验审计包的签名" },
		{ "by", OPTION_TEXT, &by, "PUBLIC", "the public file of who is to have signed it", "应签署者的公开文件" } };
	struct cli_args a;
	int code;

	gather_options(&ask, options + 4);
	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 0, 1, &a))
		return a.exit;
	if (file != NULL && by != NULL && a.argc == 0)
		return pack_verify(file, by);
	if (file != NULL || by != NULL || a.argc != 1 || out == NULL || year == 0)
		return cli_usage("pack", "either DIR, --year and --out, or --verify and --by", "需要 DIR、--year 和 --out，或 --verify 和 --by");
	ask.dir = a.argv[0];
	return (code = gather_may_write(&ask, out)) != 0 ? code : make_pack(&ask, year, out);
}

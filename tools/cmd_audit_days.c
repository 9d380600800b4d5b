/* childvault audit renew, date: the log's daily keys and days, by the operator, over admin.sock. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "cli.h"
#include "client/admin.h"
#include "format/message.h"
#include "format/wire.h"
#include "model/validate.h"
#include "shares.h"

#define BODY_MAX 64

int audit_renew(int argc, char **argv)
{
	static const struct cli_help help = { "audit renew [--vault DIR]",
		"Commits the log to daily signing keys for ten more years; the vault does so by itself only in the last 30 days.\n"
		"Auditors and witnesses need nothing new: a leaf of the log names the keys.",
		"为日志追加十年的每日签名密钥；档案库只在最后 30 日内自行追加。审计员和见证方无须另行取得：日志中有记录载明。" };
	const char *vault = NULL;
	const struct cli_option options[] = { { "vault", OPTION_TEXT, &vault, "DIR", "the vault's folder", "档案库目录" } };
	char path[OPERATOR_PATH];
	struct admin_answer answer;
	struct cli_args a;
	struct buf body;
	unsigned month, day;
	int code, year;

	if (!cli_parse(argc, argv, &help, options, 1, 0, 0, &a))
		return a.exit;
	buf_init(&body, BODY_MAX);
	if ((code = cli_admin_path(vault, path, sizeof path)) != 0 ||
	    (code = operator_call(path, ADMIN_RENEW, 0, NULL, 0, &answer, &body)) != 0)
		goto out;
	if (answer.result == PROBLEM_CONFLICT) {
		code = answer.state == WIRE_SEALED ? cli_fail(EXIT_SEALED, "the vault is sealed", "档案库已封存") :
		    cli_fail(EXIT_FAILED, "there are keys for more than ten years still", "现有密钥仍够用十年以上");
	} else if (answer.result != 0 || body.n != 4) {
		code = operator_refused(&answer);
	} else {
		clock_date((int32_t)be32_get(body.p), &year, &month, &day);
		printf(tr("the log has daily keys until %04d-%02u-%02u\n", "日志的每日密钥可用至 %04d-%02u-%02u\n"), year, month, day);
	}
out:
	buf_free(&body);
	return code;
}

int audit_date(int argc, char **argv)
{
	static const struct cli_help help = { "audit date YYYY-MM-DD [--vault DIR]",
		"Confirms that today is this date, after the vault refused to go on because the machine's clock is more than a year\n"
		"past the log's last day (at a start), or jumped by more than two days (while it runs). The log then closes\n"
		"each missed day with its own key, and says that an operator confirmed it. A sealed vault keeps the confirmation for its\n"
		"next unsealing.",
		"档案库因时钟超前日志末日一年以上（启动时）或突跳两日以上（运行时）而停止时，由操作员确认今日日期。日志随后逐日以各日密钥封存，"
		"并记明经操作员确认。封存中的档案库保留此确认至下次解封。" };
	const char *vault = NULL;
	const struct cli_option options[] = { { "vault", OPTION_TEXT, &vault, "DIR", "the vault's folder", "档案库目录" } };
	char path[OPERATOR_PATH];
	struct admin_answer answer;
	uint8_t day[4];
	struct cli_args a;
	struct buf body;
	int32_t days;
	int code;

	if (!cli_parse(argc, argv, &help, options, 1, 1, 1, &a))
		return a.exit;
	if (!date_parse(a.argv[0], strlen(a.argv[0]), &days) || days < 0)
		return cli_usage("audit date", "this is no date: %s", "不是日期：%s", a.argv[0]);
	be32_put(day, (uint32_t)days);
	buf_init(&body, BODY_MAX);
	if ((code = cli_admin_path(vault, path, sizeof path)) != 0 ||
	    (code = operator_call(path, ADMIN_DATE, 0, day, sizeof day, &answer, &body)) != 0)
		goto out;
	if (answer.result == PROBLEM_VALIDATION)
		code = cli_fail(EXIT_DENIED, "the machine's clock says another day: set it right first", "本机时钟与此日期不符：请先校准时钟");
	else if (answer.result == PROBLEM_CONFLICT)
		code = cli_fail(EXIT_FAILED, "no day waits to be confirmed", "没有待确认的日期");
	else if (answer.result != 0)
		code = operator_refused(&answer);
	else
		puts(answer.state == WIRE_SEALED ? tr("confirmed for the next unsealing", "已确认，下次解封时生效") : tr("confirmed", "已确认"));
out:
	buf_free(&body);
	return code;
}

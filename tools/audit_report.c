/* childvault-audit report: one page about a stretch of the log. */
#include "audit.h"

#include "cli.h"

int audit_report(int argc, char **argv)
{
	static const struct cli_help help = { "report DIR --key FILE --html OUT", "One page about the log.", "日志报告。" };
	struct cli_args a;

	if (!cli_parse(argc, argv, &help, NULL, 0, 1, 1, &a))
		return a.exit;
	return cli_fail(EXIT_FAILED, "not there yet", "尚未实现");
}

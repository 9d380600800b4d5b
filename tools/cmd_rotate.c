/* childvault rotate. */
#include <string.h>

#include "cli.h"

int cmd_rotate(int argc, char **argv)
{
	static const struct cli_help help = { "rotate --status [--check] [--key KEY]", "Tells what keys there are, and which are overdue.",
		"显示各密钥及逾期情况。" };
	struct cli_args a;

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--status") == 0)
			return rotate_status(argc, argv);
	if (!cli_parse(argc, argv, &help, NULL, 0, 0, 0, &a))
		return a.exit;
	return cli_usage("rotate", "--status?", "--status？");
}

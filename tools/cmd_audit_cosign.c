/* childvault audit cosign: hand a checkpoint that witnesses have cosigned (childvault-audit cosign) to the vault. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"

#define FILE_ROOM (1u << 17)	/* what cli_read_file wants for any file */

static int say(const struct childvault *cv)
{
	size_t n;
	const char *body = childvault_body(cv, &n);
	json_t *j;
	const char *since;

	if (cli.json)
		return cli_print_body(cv);
	j = json_loadb(body, n, 0, NULL);
	since = json_string_value(json_object_get(j, "quorum_since"));
	printf(tr("cosigned by %lld of the vault's witnesses: %lld entries\n", "%lld 名见证人已签：%lld 条记录\n"),
	    (long long)json_integer_value(json_object_get(j, "witnesses")), (long long)json_integer_value(json_object_get(j, "size")));
	if (since != NULL)
		printf(tr("a quorum vouches for the log since %s\n", "见证人数已足，自 %s 起\n"), since);
	else
		printf("%s\n", tr("no quorum yet: more witnesses have to cosign", "见证人数未足：须有更多见证人签署"));
	json_decref(j);
	return EXIT_DONE;
}

int audit_cosign(int argc, char **argv)
{
	static const struct cli_help help = { "audit cosign FILE",
		"Hands in a checkpoint that witnesses have cosigned (childvault-audit cosign), as an administrator or auditor.",
		"由管理员或审计员交回见证人签过的检查点（childvault-audit cosign）。" };
	struct childvault *cv = NULL;
	struct cli_args a;
	bool own = false;
	struct buf b;
	int code, r;

	if (!cli_parse(argc, argv, &help, NULL, 0, 1, 1, &a))
		return a.exit;
	buf_init(&b, FILE_ROOM);
	if ((code = cli_read_file(a.argv[0], &b)) != 0 || (code = cli_session(&cv, &own)) != 0)
		goto out;
	if ((r = childvault_cosign(cv, (const char *)b.p, b.n)) == CHILDVAULT_USAGE)
		code = cli_fail(EXIT_FAILED, "%s is no cosigned checkpoint", "%s 不是见证人签过的检查点", a.argv[0]);
	else
		code = r == CHILDVAULT_OK ? say(cv) : cli_answer_fail(cv, r);
out:
	buf_free(&b);
	cli_close(cv, own);
	return code;
}

/* childvault compact: what was deleted or replaced leaves the files of a vault whose daemon is stopped. docs/FORMAT.md 7.7. */
#include <stdio.h>

#include "base/error.h"
#include "cli.h"
#include "store/compact.h"

#define MIB(n) ((double)(n) / (1u << 20))

static int failed(const char *dir, int r)
{
	switch (r) {
	case CV_ERR_NOTFOUND:
		return cli_fail(EXIT_FAILED, "there is no vault in %s", "%s 中没有档案库", dir);
	case CV_ERR_BUSY:
		return cli_fail(EXIT_FAILED, "a daemon has the vault open: stop it first (childvault seal is not enough)",
		    "守护进程正在使用该档案库：请先停止（仅封存不够）");
	case CV_ERR_STATE:
		return cli_fail(EXIT_FAILED, "the vault was not stopped cleanly: start the daemon, unseal, and stop it, then compact again",
		    "档案库上次未正常停止：请启动守护进程、解封并正常停止后再压缩");
	case CV_ERR_FULL:
		return cli_fail(EXIT_FAILED, "no room for a copy of %s/store/data.mdb without its free pages; nothing was changed",
		    "磁盘空间不足，放不下 %s/store/data.mdb 的副本；未作任何更改", dir);
	case CV_ERR_EXISTS:
		return cli_fail(EXIT_FAILED, "%s/store/data.mdb has a second name (a hard link): that copy would be overwritten too",
		    "%s/store/data.mdb 另有硬链接：该副本也会被清零", dir);
	case CV_ERR_REPLAY:
		return cli_fail(EXIT_VERIFY, "journal and tables in %s contradict each other; nothing was changed",
		    "%s 中的日志与数据表互相矛盾；未作任何更改", dir);
	default:
		return cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", dir, cv_strerror(r));
	}
}

int cmd_compact(int argc, char **argv)
{
	static const struct cli_help help = { "compact --vault DIR",
		"Copies the tables without their free pages and overwrites what is left of old bytes with zeros, in tables and\n"
		"journal. Deleted and replaced rows, such as data keys under epochs that a re-wrap has ended, are then in no file of\n"
		"the vault. The daemon must be stopped; there must be room for a second copy. It may be interrupted at any moment,\n"
		"and run again.",
		"复制数据表并去掉空闲页，再用零覆盖数据表和日志中残留的旧字节。此后，已删除或被替换的内容（例如重新封装后作废版本下的\n"
		"数据密钥）不再存在于档案库的任何文件中。须先停止守护进程，并留有放下一份副本的空间。可随时中断，重新运行即可。" };
	const char *vault = NULL;
	const struct cli_option options[] = { { "vault", OPTION_TEXT, &vault, "DIR", "the vault's folder", "档案库目录" } };
	struct store_compact_report rep;
	struct cli_args args;
	int r;

	if (!cli_parse(argc, argv, &help, options, 1, 0, 0, &args))
		return args.exit;
	if (vault == NULL)
		return cli_usage("compact", "--vault is missing", "缺少 --vault");
	if ((r = store_compact(vault, &rep)) != 0)
		return failed(vault, r);
	printf(tr("tables %.1f MiB, were %.1f MiB; %.1f MiB of the journal cleared\n", "数据表 %.1f MiB（原 %.1f MiB）；清除日志 %.1f MiB\n"),
	    MIB(rep.after), MIB(rep.before), MIB(rep.cleared));
	return EXIT_DONE;
}

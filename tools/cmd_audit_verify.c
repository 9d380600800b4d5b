/* childvault audit verify: check a log folder offline. The work is the public verifier's, include/childvault_audit.h. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "childvault_audit.h"
#include "cli.h"

#define FINDINGS_SHOWN 50u	/* a damaged bundle can mean thousands: the rest is counted */

struct verdict {
	unsigned shown;
};

static void say_finding(void *cookie, const struct childvault_audit_finding *f)
{
	struct verdict *v = cookie;
	char text[512];

	if (v->shown++ >= FINDINGS_SHOWN)
		return;
	childvault_audit_describe(f, tr("en", "zh"), text, sizeof text);
	printf("%s %s: %s\n", f->fault ? tr("FAULT", "错误") : tr("note ", "提示"), childvault_audit_name(f->kind), text);
}

static void say_covered(const struct childvault_audit_summary *s)
{
	char root[65], first[25], last[25];

	hex_encode(s->root, sizeof s->root, root);
	clock_rfc3339(s->first_ms, first);
	clock_rfc3339(s->last_ms, last);
	printf(tr("log      %s\n", "日志     %s\n"), s->origin);
	printf(tr("covered  %llu leaves, %s to %s\n", "已核对   %llu 条，%s 至 %s\n"), (unsigned long long)s->size, first, last);
	printf(tr("root     %s, %s\n", "根       %s，%s\n"), root, s->root_signed ? tr("signed", "已签名") : tr("not signed", "未签名"));
	printf(tr("epochs   %u to %u, %u closed\n", "日钥     %u 至 %u，%u 个已关闭\n"), s->epoch_first, s->epoch_last, s->seals);
	if (s->unsigned_leaves != 0)
		printf(tr("beyond   %llu leaves after the checkpoint, not signed yet\n", "其后     检查点之后 %llu 条，尚未签名\n"),
		    (unsigned long long)s->unsigned_leaves);
	if (s->cosigned_s != 0)
		printf(tr("cosigned %llu leaves, by %u witnesses\n", "副署     前 %llu 条，%u 个见证方\n"), (unsigned long long)s->cosigned_size,
		    s->witnesses);
	if (s->demo)
		printf("%s\n", tr("demo     this vault was made for trying out: leaf 0 says so", "演示库   第 0 条记明本库仅供试用"));
}

int audit_verify(int argc, char **argv)
{
	static const struct cli_help help = { "audit verify DIR [--vkey FILE] [--known FILE] [--policy FILE]",
		"Checks a log folder (a copy, or what audit export wrote) without the vault: every leaf, tile, signature and day.\n"
		"Trust begins with the verifier key you kept (--vkey); without it the folder's own is taken.",
		"离线核对日志目录：逐条、逐块、签名和日钥。应以自己保存的公钥（--vkey）为准；未给出时用目录中的公钥。" };
	struct verdict v = { 0 };
	struct childvault_audit_options o = { .found = say_finding, .cookie = &v };
	struct childvault_audit_summary s;
	const struct cli_option options[] = { { "vkey", OPTION_TEXT, &o.vkey_file, "FILE", "verifier key to trust", "可信公钥文件" },
		{ "known", OPTION_TEXT, &o.known_file, "FILE", "a checkpoint kept from earlier", "以前保存的检查点" },
		{ "policy", OPTION_TEXT, &o.policy_file, "FILE", "a tlog-policy file: trusted logs and witnesses",
		    "tlog-policy 策略文件：所信任的日志与见证方" } };
	struct cli_args a;
	int r;

	if (!cli_parse(argc, argv, &help, options, 3, 1, 1, &a))
		return a.exit;
	memset(&s, 0, sizeof s);
	o.dir = a.argv[0];
	r = childvault_audit_verify(&o, &s);
	if (r < 0)
		return cli_fail(EXIT_FAILED, "%s cannot be verified: no log folder, no verifier key, or not readable",
		    "无法核对 %s：不是日志目录、没有公钥或不可读", o.dir);
	if (v.shown > FINDINGS_SHOWN)
		printf(tr("... and %u more\n", "……另有 %u 项\n"), v.shown - FINDINGS_SHOWN);
	say_covered(&s);
	printf("%s\n", r == 0 ? tr("the log is whole", "日志完整") : tr("the log was changed", "日志被改动"));
	return r == 0 ? EXIT_DONE : EXIT_VERIFY;
}

/*
 * childvault-audit: verifies a log folder offline. Exit codes: 0 ok, 1 failed, 2 usage, 3 verification failed.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "audit.h"
#include "childvault_audit.h"
#include "cli.h"
#include "crypto/crypto.h"
#include "format/leaf.h"

#define EXIT_FAULT EXIT_VERIFY
#define SHOWN_MAX 200u		/* findings of one run that are printed for people */
#define DAY_MS 86400000u

static const char usage_en[] =
	"usage: childvault-audit verify DIR [--vkey FILE] [--known FILE] [--strict] [--json] [--lang zh|en]\n"
	"\n"
	"verify   check a log folder (DIR/log of a vault, or a copy) without any key\n"
	"  --vkey FILE    trust this verifier key, kept since the vault was made, instead of DIR/log.vkey\n"
	"  --known FILE   a checkpoint kept from earlier, which the log must contain\n"
	"  --strict       notes fail too\n"
	"  --json         print one JSON object\n"
	"  --lang zh|en   language; otherwise LC_ALL, LC_MESSAGES or LANG decides\n"
	"\n"
	"Exit codes: 0 ok, 1 could not read, 2 usage, 3 verification failed.\n";
static const char usage_zh[] =
	"用法：childvault-audit verify 文件夹 [--vkey 文件] [--known 文件] [--strict] [--json] [--lang zh|en]\n"
	"\n"
	"verify   不需任何密钥，核验日志文件夹（档案库的 log 文件夹或其副本）\n"
	"  --vkey 文件    信任建库时保存的这个验证公钥，而不是文件夹中的 log.vkey\n"
	"  --known 文件   以前保存的检查点，日志必须包含它\n"
	"  --strict       有提示也算不通过\n"
	"  --json         输出一个 JSON 对象\n"
	"  --lang zh|en   语言；不给则取 LC_ALL、LC_MESSAGES 或 LANG\n"
	"\n"
	"退出码:0 通过，1 无法读取，2 用法错误，3 核验不通过。\n";

struct run {
	bool json, strict;
	const char *lang;	/* "zh" or "en" */
	uint64_t shown;
};

static bool zh(const struct run *run)
{
	return run->lang[0] == 'z';
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------------- */

/* A JSON string of well-formed UTF-8. */
static void json_text(const char *s)
{
	(void)putchar('"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			(void)printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			(void)printf("\\u%04x", (unsigned char)*s);
		else
			(void)putchar(*s);
	}
	(void)putchar('"');
}

static void json_number(const char *name, uint64_t v)
{
	if (v != CHILDVAULT_AUDIT_NONE)
		(void)printf(",\"%s\":%llu", name, (unsigned long long)v);
}

static void json_finding(struct run *run, const struct childvault_audit_finding *f)
{
	char text[512];

	(void)printf("%s\n{\"name\":\"%s\",\"fault\":%s,\"file\":", run->shown > 0 ? "," : "", childvault_audit_name(f->kind),
	    f->fault ? "true" : "false");
	json_text(f->file);
	json_number("leaf", f->leaf);
	json_number("last_leaf", f->last_leaf);
	json_number("epoch", f->epoch);
	json_number("position", f->position);
	childvault_audit_describe(f, run->lang, text, sizeof(text));
	(void)printf(",\"text\":");
	json_text(text);
	(void)printf("}");
}

static void json_hex(const char *name, const uint8_t *p, size_t n)
{
	char hex[65];

	hex_encode(p, n, hex);
	(void)printf(",\"%s\":\"%s\"", name, hex);
}

static void json_time(const char *name, uint64_t ms)
{
	char text[25];

	clock_rfc3339(ms, text);
	(void)printf(",\"%s\":\"%s\"", name, text);
}

/* What follows the list of findings. */
static void json_summary(const struct childvault_audit_summary *s, bool ok)
{
	(void)printf("],\n\"ok\":%s,\"faults\":%llu,\"notes\":%llu,\"origin\":", ok ? "true" : "false", (unsigned long long)s->faults,
	    (unsigned long long)s->notes);
	json_text(s->origin);
	(void)printf(",\"vkey\":");
	json_text(s->vkey);
	json_number("size", s->size);
	json_hex("root", s->root, sizeof(s->root));
	(void)printf(",\"root_signed\":%s", s->root_signed ? "true" : "false");
	json_number("epoch_first", s->epoch_first);
	json_number("epoch_last", s->epoch_last);
	json_number("seals", s->seals);
	json_number("tiles", s->tiles);
	json_number("unsigned_leaves", s->unsigned_leaves);
	if (s->size > 0) {
		json_time("first_time", s->first_ms);
		json_time("last_time", s->last_ms);
	}
	if (s->genesis) {
		(void)printf(",\"genesis\":{\"demo\":%s", s->demo ? "true" : "false");
		(void)printf(",\"production\":%s", s->production ? "true" : "false");
		json_hex("vault", s->vault, sizeof(s->vault));
		json_time("created", s->created_ms);
		json_hex("policy", s->policy, sizeof(s->policy));
		json_number("administrators", s->administrators);
		json_number("signatures", s->genesis_signatures);
		json_number("persons", s->genesis_persons);
		(void)printf("}");
	}
	(void)printf(",\"leaves\":{");
	for (unsigned kind = 0, any = 0; kind < 32; kind++)
		if (s->kinds[kind] > 0)
			(void)printf("%s\"%s\":%llu", any++ > 0 ? "," : "", kind < 31 ? leaf_kind_name(kind) : "other",
			    (unsigned long long)s->kinds[kind]);
	(void)printf("}}\n");
}

/* ---- for people ------------------------------------------------------------------------------------------------------------ */

static void line(const struct run *run, const char *en, const char *cn, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void line(const struct run *run, const char *en, const char *cn, const char *fmt, ...)
{
	va_list ap;

	(void)printf("%s%s", zh(run) ? cn : en, zh(run) ? "：" : ": ");
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
}

static void people_finding(struct run *run, const struct childvault_audit_finding *f)
{
	char text[512];

	if (run->shown == SHOWN_MAX)
		(void)printf("%s\n", zh(run) ? "……其余不再列出" : "... the rest is not listed");
	if (run->shown >= SHOWN_MAX)
		return;
	childvault_audit_describe(f, run->lang, text, sizeof(text));
	(void)printf("%s %s: %s\n", f->fault ? (zh(run) ? "问题" : "FAULT") : (zh(run) ? "提示" : "note "),
	    childvault_audit_name(f->kind), text);
}

static void people_genesis(const struct run *run, const struct childvault_audit_summary *s)
{
	char vault[33], created[25];

	if (!s->genesis)
		return;
	hex_encode(s->vault, sizeof(s->vault), vault);
	clock_rfc3339(s->created_ms, created);
	line(run, "vault", "档案库", "%s, %s%s", vault, created, s->demo ? (zh(run) ? "（演示）" : " (demo)") :
	    s->production ? (zh(run) ? "（正式）" : " (production)") : "");
	if (zh(run))
		line(run, "", "首条记录", "%u 名管理员中 %u 名的签名有效", s->administrators, s->genesis_signatures);
	else
		line(run, "leaf 0", "", "signed by %u of %u administrators", s->genesis_signatures, s->administrators);
}

static void people_covered(const struct run *run, const struct childvault_audit_summary *s)
{
	char root[65], time[25];

	if (s->size == 0) {
		line(run, "covered", "范围", "%s", zh(run) ? "没有任何记录" : "nothing");
		return;
	}
	hex_encode(s->root, sizeof(s->root), root);
	clock_rfc3339(s->last_ms, time);
	line(run, "covered", "范围", zh(run) ? "第 0 至 %llu 条记录，第 %u 至 %u 日（%u 个封存），%llu 个散列块" :
	    "leaves 0 to %llu, epochs %u to %u (%u seals), %llu tiles", (unsigned long long)s->size - 1, s->epoch_first, s->epoch_last,
	    s->seals, (unsigned long long)s->tiles);
	line(run, "checkpoint", "检查点", "%s, %s %s%s", time, zh(run) ? "根" : "root", root,
	    s->root_signed ? "" : zh(run) ? "（未获签名证实）" : " (not confirmed by a signature)");
	if (s->unsigned_leaves > 0)
		line(run, "beyond", "之后", zh(run) ? "%llu 条尚未签名的记录" : "%llu leaves that are not signed yet",
		    (unsigned long long)s->unsigned_leaves);
}

static void people_summary(const struct run *run, const struct childvault_audit_summary *s, bool ok)
{
	line(run, "log", "日志", "%s", s->origin);
	line(run, "key", "公钥", "%s", s->vkey);
	people_genesis(run, s);
	people_covered(run, s);
	if (ok)
		line(run, "result", "结果", "%s", zh(run) ? "通过" : "ok");
	else
		line(run, "result", "结果", zh(run) ? "不通过（问题 %llu，提示 %llu）" : "verification failed (%llu faults, %llu notes)",
		    (unsigned long long)s->faults, (unsigned long long)s->notes);
}

/* ---- the command ------------------------------------------------------------------------------------------------------------- */

static void on_finding(void *cookie, const struct childvault_audit_finding *f)
{
	struct run *run = cookie;

	if (run->json)
		json_finding(run, f);
	else
		people_finding(run, f);
	run->shown++;
}

static int verify(struct run *run, struct childvault_audit_options *o)
{
	struct childvault_audit_summary s = { 0 };
	bool ok;
	int r;

	o->found = on_finding;
	o->cookie = run;
	if (run->json)
		(void)printf("{\"findings\":[");
	r = childvault_audit_verify(o, &s);
	ok = r == 0 && !(run->strict && s.notes > 0);
	if (run->json)
		json_summary(&s, ok);
	else if (r >= 0)
		people_summary(run, &s, ok);
	if (r < 0)
		(void)fprintf(stderr, "childvault-audit: %s: %s\n", o->dir, cv_strerror(r));
	if (fflush(stdout) != 0 || r < 0)
		return EXIT_FAILED;
	return ok ? 0 : EXIT_FAULT;
}

static int usage(const struct run *run, FILE *to)
{
	(void)fputs(zh(run) ? usage_zh : usage_en, to);
	return to == stdout ? 0 : EXIT_USAGE;
}

static const char *language(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (unsigned i = 0; i < 3; i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && v[0] != '\0')
			return strncmp(v, "zh", 2) == 0 ? "zh" : "en";
	}
	return "en";
}

/* The commands besides verify, tools/audit.h. */
static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "cosign", audit_cosign },
	{ "report", audit_report },
};

/* Run the command that argv[1] names; false if it is none of the table. */
static bool run_command(int argc, char **argv, int *ret_code)
{
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(commands[i].name, argv[1]) != 0)
			continue;
		cli.offline = true;
		cli.program = argv[0];
		cli.chinese = language()[0] == 'z';
		*ret_code = crypto_start() == 0 ? commands[i].run(argc - 1, argv + 1) :
		    cli_fail(EXIT_FAILED, "libsodium does not start", "无法启动 libsodium");
		if (fflush(stdout) != 0 || ferror(stdout))
			*ret_code = EXIT_FAILED;
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "vkey", required_argument, NULL, 'v' }, { "known", required_argument, NULL, 'k' }, { "json", no_argument, NULL, 'j' },
		{ "strict", no_argument, NULL, 's' }, { "lang", required_argument, NULL, 'l' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 }
	};
	struct run run = { .lang = language() };
	struct childvault_audit_options o = { 0 };
	bool help = false;
	int c;

	if (run_command(argc, argv, &c))
		return c;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'v': o.vkey_file = optarg; break;
		case 'k': o.known_file = optarg; break;
		case 'j': run.json = true; break;
		case 's': run.strict = true; break;
		case 'h': help = true; break;
		case 'l':
			if (strcmp(optarg, "zh") != 0 && strcmp(optarg, "en") != 0)
				return usage(&run, stderr);
			run.lang = optarg;
			break;
		case 'V':
			(void)printf("childvault-audit %s\n", CV_VERSION);
			return 0;
		default:
			return usage(&run, stderr);
		}
	}
	if (help)
		return usage(&run, stdout);
	if (argc - optind != 2 || strcmp(argv[optind], "verify") != 0) {
		if (argc - optind > 0 && strcmp(argv[optind], "verify") != 0)
			(void)fprintf(stderr, zh(&run) ? "childvault-audit：没有命令 %s；现有命令：verify\n" :
			    "childvault-audit: there is no command %s; there is: verify\n", argv[optind]);
		return usage(&run, stderr);
	}
	o.dir = argv[optind + 1];
	return verify(&run, &o);
}

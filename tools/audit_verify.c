/* childvault-audit verify: a log folder, offline, by the public verifier (include/childvault_audit.h), and perhaps a copy of the vault. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "audit_against.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "childvault_audit.h"
#include "cli.h"
#include "format/leaf.h"

#define SHOWN_MAX 200u		/* findings of one run that are printed for people */

struct run {
	struct childvault_audit_options o;
	struct against against;
	bool strict;
	uint64_t shown;
	struct childvault_audit_summary sum;
	struct copy_report copy;
};

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
	childvault_audit_describe(f, tr("en", "zh"), text, sizeof(text));
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

/* What the log says about days, states and witnesses. */
static void json_coverage(const struct childvault_audit_summary *s)
{
	(void)printf(",\"daily_keys\":{\"committed\":%u,\"renewals\":%u,\"confirmed_dates\":%u}", s->epochs, s->renewals, s->confirmed);
	(void)printf(",\"mutations\":{\"leaves\":%llu", (unsigned long long)s->mutations);
	if (s->mutations > 0) {
		json_number("last", s->state_leaf);
		json_hex("state", s->state, sizeof(s->state));
	}
	(void)printf("},\"cosigned\":{\"witnesses\":%u", s->witnesses);
	json_number("size", s->cosigned_size);
	if (s->cosigned_s != 0)
		json_time("since", s->cosigned_s * 1000);
	(void)printf("}");
}

static void json_copy(const struct copy_report *c)
{
	(void)printf(",\"against\":{\"log_size\":%llu", (unsigned long long)c->log_size);
	json_number("records", c->records);
	json_number("rows", c->rows);
	json_number("replaced", c->replaced);
	json_number("elements", c->elements);
	json_number("state_leaf", c->state_leaf);
	(void)printf(",\"state_bound\":%s}", c->state_bound ? "true" : "false");
}

/* What follows the list of findings. */
static void json_summary(const struct run *run, bool ok)
{
	const struct childvault_audit_summary *s = &run->sum;

	(void)printf("],\n\"ok\":%s,\"faults\":%llu,\"notes\":%llu,\"origin\":", ok ? "true" : "false",
	    (unsigned long long)(s->faults + run->copy.faults), (unsigned long long)s->notes);
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
	json_number("missing", s->missing);
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
	json_coverage(s);
	if (run->against.copy != NULL)
		json_copy(&run->copy);
	(void)printf(",\"leaves\":{");
	for (unsigned kind = 0, any = 0; kind < 32; kind++)
		if (s->kinds[kind] > 0)
			(void)printf("%s\"%s\":%llu", any++ > 0 ? "," : "", kind < 31 ? leaf_kind_name(kind) : "other",
			    (unsigned long long)s->kinds[kind]);
	(void)printf("}}\n");
}

/* ---- for people ------------------------------------------------------------------------------------------------------------ */

static void line(const char *en, const char *cn, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void line(const char *en, const char *cn, const char *fmt, ...)
{
	va_list ap;

	(void)printf("%s%s", tr(en, cn), tr(": ", "："));
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
}

static void people_finding(struct run *run, const struct childvault_audit_finding *f)
{
	char text[512];

	if (run->shown == SHOWN_MAX)
		(void)printf("%s\n", tr("... the rest is not listed", "……其余不再列出"));
	if (run->shown >= SHOWN_MAX)
		return;
	childvault_audit_describe(f, tr("en", "zh"), text, sizeof(text));
	(void)printf("%s %s: %s\n", f->fault ? (tr("FAULT", "问题")) : (tr("note ", "提示")),
	    childvault_audit_name(f->kind), text);
}

static void people_genesis(const struct childvault_audit_summary *s)
{
	char vault[33], created[25];

	if (!s->genesis)
		return;
	hex_encode(s->vault, sizeof(s->vault), vault);
	clock_rfc3339(s->created_ms, created);
	line("vault", "档案库", "%s, %s%s", vault, created, s->demo ? (tr(" (demo)", "（演示）")) :
	    s->production ? (tr(" (production)", "（正式）")) : "");
	if (cli.chinese)
		line("", "首条记录", "%u 名管理员中 %u 名的签名有效", s->administrators, s->genesis_signatures);
	else
		line("leaf 0", "", "signed by %u of %u administrators", s->genesis_signatures, s->administrators);
}

static void people_covered(const struct childvault_audit_summary *s)
{
	char root[65], time[25];

	if (s->size == 0 || s->missing >= s->size) {
		line("covered", "范围", "%s", tr("nothing", "没有任何记录"));
		return;
	}
	hex_encode(s->root, sizeof(s->root), root);
	clock_rfc3339(s->last_ms, time);
	line("covered", "范围", tr("leaves 0 to %llu, epochs %u to %u (%u seals), %llu tiles",
	    "第 0 至 %llu 条记录，第 %u 至 %u 日（%u 个封存），%llu 个散列块"), (unsigned long long)s->size - 1, s->epoch_first, s->epoch_last,
	    s->seals, (unsigned long long)s->tiles);
	line("checkpoint", "检查点", "%s, %s %s%s", time, tr("root", "根"), root,
	    s->root_signed ? "" : tr(" (not confirmed by a signature)", "（未获签名证实）"));
	if (s->missing > 0)
		line("gaps", "缺口", tr("%llu of these leaves are missing or changed", "其中 %llu 条缺失或被改动"), (unsigned long long)s->missing);
	if (s->mutations > 0)
		line("bound", "绑定", tr("%llu leaves name the state of the store, the last is %llu", "%llu 条记录载明存储状态，最后一条为第 %llu 条"),
		    (unsigned long long)s->mutations, (unsigned long long)s->state_leaf);
	if (s->unsigned_leaves > 0)
		line("beyond", "之后", tr("%llu leaves that are not signed yet", "%llu 条尚未签名的记录"),
		    (unsigned long long)s->unsigned_leaves);
}

static void people_days(const struct childvault_audit_summary *s)
{
	char date[25];
	unsigned month, day;
	int year;

	if (!s->genesis || s->epochs == 0)
		return;
	clock_date((int32_t)(s->first_day + s->epochs - 1), &year, &month, &day);
	(void)snprintf(date, sizeof(date), "%04d-%02u-%02u", year, month, day);
	line("daily keys", "日钥", tr("committed to until %s, %u renewals; the operator confirmed the date %u times",
	    "已承诺至 %s，追加 %u 次；操作员确认日期 %u 次"), date, s->renewals, s->confirmed);
}

static void people_cosigned(const struct childvault_audit_summary *s)
{
	char time[25];

	if (s->cosigned_s != 0) {
		clock_rfc3339(s->cosigned_s * 1000, time);
		line("cosigned", "副署", tr("%u witnesses vouch for leaves 0 to %llu, all since %s", "%u 个见证方担保第 0 至 %llu 条记录，均自 %s 起"),
		    s->witnesses, (unsigned long long)s->cosigned_size - 1, time);
	} else {
		line("cosigned", "副署", "%s", tr("not enough witnesses", "见证方不足"));
	}
}

static void people_copy(const struct copy_report *c)
{
	line("copy", "副本", tr("%llu records, %llu rows, %llu replaced rows, each as its head names it",
	    "%llu 份记录、%llu 行、%llu 条旧行，均与记录头核对"), (unsigned long long)c->records, (unsigned long long)c->rows,
	    (unsigned long long)c->replaced);
	if (c->state_bound)
		line("state", "状态", tr("%llu rows add up to what leaf %llu names", "%llu 行合计与第 %llu 条记录载明的状态相符"),
		    (unsigned long long)c->elements, (unsigned long long)c->state_leaf);
	else
		line("state", "状态", "%s", tr("the store is not what the log says", "存储与日志不符"));
}

static void people_summary(const struct run *run, bool ok)
{
	const struct childvault_audit_summary *s = &run->sum;

	line("log", "日志", "%s", s->origin);
	line("key", "公钥", "%s", s->vkey);
	people_genesis(s);
	people_covered(s);
	people_days(s);
	if (run->o.policy_file != NULL)
		people_cosigned(s);
	if (run->against.copy != NULL)
		people_copy(&run->copy);
	if (ok)
		line("result", "结果", "%s", tr("ok", "通过"));
	else
		line("result", "结果", tr("verification failed (%llu faults, %llu notes)", "不通过（问题 %llu，提示 %llu）"),
		    (unsigned long long)(s->faults + run->copy.faults), (unsigned long long)s->notes);
}

/* ---- the command ------------------------------------------------------------------------------------------------------------- */

static void on_finding(void *cookie, const struct childvault_audit_finding *f)
{
	struct run *run = cookie;

	if (cli.json)
		json_finding(run, f);
	else
		people_finding(run, f);
	run->shown++;
}

static void on_copy_finding(void *cookie, const struct copy_finding *f)
{
	struct run *run = cookie;
	char text[512];

	against_describe(f, text, sizeof(text));
	if (cli.json) {
		(void)printf("%s\n{\"name\":\"%s\",\"fault\":true,\"file\":", run->shown > 0 ? "," : "", against_name(f->fault));
		json_text(f->text);
		(void)printf(",\"text\":");
		json_text(text);
		(void)printf("}");
	} else if (run->shown < SHOWN_MAX) {
		(void)printf("%s %s: %s\n", tr("FAULT", "问题"), against_name(f->fault), text);
	}
	run->shown++;
}

/* Files from outside of the folder may be what cannot be used: the error alone does not tell. */
static bool outside_files(const struct childvault_audit_options *o)
{
	return o->vkey_file != NULL || o->known_file != NULL || o->policy_file != NULL;
}

/* The log first: what it signs is what the copy is held against. 0, or an exit code after a message. */
static int verify(struct run *run, bool *ret_ok)
{
	int r, code = 0;

	run->o.found = on_finding;
	run->o.cookie = run;
	run->against.check.found = on_copy_finding;
	run->against.check.cookie = run;
	if ((r = childvault_audit_verify(&run->o, &run->sum)) < 0 && outside_files(&run->o))
		return cli_fail(EXIT_FAILED, "%s, or a file given with --vkey, --known or --policy: %s",
		    "%s 或 --vkey、--known、--policy 所给文件：%s", run->o.dir, cv_strerror(r));
	if (r < 0)
		return cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", run->o.dir, cv_strerror(r));
	if (run->against.copy != NULL) {
		run->against.check.size = run->sum.root_signed ? run->sum.size : 0;
		memcpy(run->against.check.root, run->sum.root, sizeof(run->sum.root));
		code = against_check(&run->against, &run->copy);
	}
	*ret_ok = r == 0 && run->copy.faults == 0 && !(run->strict && run->sum.notes > 0);
	return code;
}

int audit_verify_folder(int argc, char **argv)
{
	static const struct cli_help help = { "verify DIR [--vkey FILE] [--known FILE] [--policy FILE] [--against COPY] [--strict]",
		"Checks a log folder (DIR/log of a vault, or a copy) without any key, and says what was covered. With --against also a\n"
		"copy of the vault's folder, unsealed here by a demo vault's own key, the operator's passphrase or shares: whether what\n"
		"is stored is what the log says was stored. Export the log first, then copy the folder; the copy's journal is replayed.",
		"不需任何密钥，核验日志文件夹（档案库的 log 文件夹或其副本），并说明核验的范围。加 --against 时"
		"还核验档案库目录的副本（以演示密钥、操作员口令或份额在此解封）：所存内容是否即日志所载。请先导出日志再复制目录；副本中的预写日志会被重放。" };
	struct run run = { .against = { .passphrase_fd = UINT64_MAX } };
	const struct cli_option options[] = {
		{ "vkey", OPTION_TEXT, &run.o.vkey_file, "FILE", "trust this verifier key, kept since the vault was made",
		    "信任建库时保存的这个验证公钥，而不是文件夹中的 log.vkey" },
		{ "known", OPTION_TEXT, &run.o.known_file, "FILE", "a checkpoint kept from earlier, which the log must contain",
		    "以前保存的检查点，日志必须包含它" },
		{ "policy", OPTION_TEXT, &run.o.policy_file, "FILE", "a tlog-policy file: the logs and witnesses that you trust",
		    "tlog-policy 策略文件：所信任的日志与见证方" },
		{ "against", OPTION_TEXT, &run.against.copy, "COPY", "a copy of the vault's folder", "档案库目录的副本" },
		{ "share", OPTION_LIST, &run.against.shares, "FILE", "a share of the copy's quorum slot; - reads what is typed",
		    "副本法定人数解封槽的一份份额；- 表示手工键入" },
		{ "passphrase-fd", OPTION_NUMBER, &run.against.passphrase_fd, "N", "read the operator's passphrase from descriptor N",
		    "从描述符 N 读操作员口令" },
		{ "strict", OPTION_FLAG, &run.strict, NULL, "notes fail too", "有提示也算不通过" } };
	struct cli_args a;
	bool ok = false;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 1, 1, &a))
		return a.exit;
	run.o.dir = a.argv[0];
	if (cli.json)
		(void)printf("{\"findings\":[");
	code = verify(&run, &ok);
	if (cli.json)
		json_summary(&run, ok);
	else if (code == 0)
		people_summary(&run, ok);
	return code != 0 ? code : ok ? EXIT_DONE : EXIT_VERIFY;
}

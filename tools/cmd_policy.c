/* childvault policy: check, show and compile profiles, plan and explain; cmd_policy_apply.c puts documents in force. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/source.h"
#include "profile/plan.h"
#include "profile/profile.h"
#include "policy.h"

#define PLAN_ROOM (8u * 1024 * 1024)	/* every cell of the largest policies has room */

static const struct cli_help help = {
    "policy check|show|compile|plan|explain|indexes|witnesses|apply FILE [options], policy sign REQUEST --key KEY",
    "check says what is wrong with a profile, with line and column. show lists what each role may do and what each "
    "field shows.\n"
    "compile writes the binary policy document.\n"
    "plan says who gains and loses what if NEW takes the place of OLD (a profile or a compiled document), or of the policy in force.\n"
    "indexes says what each index would tell a thief, with --records N for a vault of so many files.\n"
    "witnesses writes the witnesses that a profile names as a C2SP tlog-policy file, with --vkey LOG for that log.\n"
    "explain says whether a role may do something, and by which lines; its exit code is 0 for yes and 4 for no.\n"
    "apply signs the document of FILE as the first administrator and puts it before the second; sign shows what it changes, signs it "
    "as the second, and puts it in force.",
    "check 指出规则文件的错误（行和列）；show 列出各角色的权限和各字段的展示方式；compile 写出二进制规则文档。\n"
    "plan 说明以 NEW 取代 OLD（规则文件或已编译文档）或现行规则后，谁增减哪些权限。\n"
    "indexes 说明各索引在失窃时会泄露什么，可用 --records 指定档案数。\n"
    "witnesses 将规则所列见证人写成 C2SP tlog-policy 文件，可用 --vkey 指明日志公钥。\n"
    "explain 说明某角色可否做某事、依据哪几行；可为退出码 0，否为 4。\n"
    "apply 由第一名管理员签署并提交规则文档；sign 显示变化，由第二名管理员签署并使其生效。"};

static void print_error(const char *path, const struct profile_error *e)
{
	char words[1024];
	const char *text = in_words(e->text, words, sizeof words);

	if (e->line == 0)
		(void)fprintf(stderr, "%s: %s\n", path, text);
	else
		(void)fprintf(stderr, "%s:%u:%u: %s\n", path, e->line, e->column, text);
}

int policy_load(const char *path, struct buf *doc, struct policy **ret)
{
	struct profile_error error;
	struct buf file;
	int code = EXIT_DONE, r;

	buf_init(&file, PROFILE_MAX + 1);
	if ((code = cli_read_file(path, &file)) != EXIT_DONE)
		goto out;
	if (file.n >= 4 && memcmp(file.p, "CVPD", 4) == 0) {
		buf_put(doc, file.p, file.n);
	} else if (profile_compile_text((const char *)file.p, file.n, doc, &error) != 0) {
		print_error(path, &error);
		code = EXIT_FAILED;
		goto out;
	}
	if (!buf_ok(doc) || (r = policy_decode(doc->p, doc->n, ret)) != 0)
		code = cli_fail(EXIT_FAILED, "%s is no policy document that this program knows", "%s 不是本程序认识的规则文档", path);
out:
	buf_free(&file);
	return code;
}

int policy_print_plan(const struct policy *old, const struct policy *new)
{
	struct buf text;
	unsigned asks;
	int code = EXIT_DONE;

	buf_init(&text, PLAN_ROOM);
	if (plan_policy(old, new, cli.chinese, &text, &asks) != 0)
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	else if (asks == 0)
		(void)puts(tr("nothing changes for anybody", "对任何人都没有变化"));
	else if (fwrite(text.p, 1, text.n, stdout) != text.n)
		code = EXIT_FAILED;
	buf_free(&text);
	return code;
}

static int check(const char *path, const struct policy *p, size_t n)
{
	(void)printf(tr("%s: %s version %u: %u fields in %u classes, %u roles, %u purposes; document of %zu bytes\n",
	    "%s：%s 第 %u 版：%u 个字段，%u 个类别，%u 个角色，%u 个目的；文档 %zu 字节\n"), path,
	    policy_name(p), policy_version(p), policy_fields(p), policy_classes(p), policy_roles(p), policy_purposes(p),
	    n);
	return EXIT_DONE;
}

/* ---- show ------------------------------------------------------------------------------------------------------ */

static void print_right(const struct policy *p, const struct policy_role *role, unsigned at)
{
	const struct policy_class *c = policy_class(p, at);
	uint8_t right = role->rights[at];
	const char *const words[] = { tr("reads", "读"), tr("reveals", "查看明文"), tr("writes", "写"),
		tr("writes without reading", "只写不读"), tr("approves grants", "批准授权") };
	const char *comma = "";

	(void)printf("  %-22s", c->name);
	for (unsigned i = 0; i < 5; i++) {
		if ((right >> i & 1) == 0)
			continue;
		(void)printf("%s%s", comma, words[i]);
		comma = ", ";
	}
	comma = tr("; not ", "；不含 ");
	for (unsigned i = 0; i < role->excepts; i++)
		if (role->except[i].class == c->id) {
			(void)printf("%s%s", comma, policy_field_by_id(p, role->except[i].field)->name);
			comma = ", ";
		}
	(void)putchar('\n');
}

/* What is asked of the role besides, and what else it may do. */
static void print_limits(const struct policy_role *role)
{
	const char *const acts[] = { tr("makes assignments", "指派人员"), tr("approves bulk requests", "批准批量查阅"),
		tr("approves exports", "批准导出"), tr("starts jobs", "启动作业"), tr("lists who accessed a file", "开具查阅清单"),
		tr("is told of duplicates", "获知重复建档") };

	if (role->area)
		(void)puts(tr("  only records of the member's area", "  只限本辖区档案"));
	if (role->approval)
		(void)puts(tr("  reads need an assignment or a grant", "  查阅须经指派或授权"));
	if (role->bulk_records != 0)
		(void)printf(tr("  at most %u different records in %u hours\n", "  至多 %u 份档案（每 %u 小时）\n"), role->bulk_records,
		    role->bulk_hours);
	for (unsigned i = 0; i < sizeof acts / sizeof acts[0]; i++)
		if ((role->acts >> i & 1) != 0)
			(void)printf("  %s\n", acts[i]);
}

static void print_role(const struct policy *p, const struct policy_role *role)
{
	(void)printf(tr("%s (%s, %s, %s)\n", "%s（%s，%s，%s）\n"), role->name,
	    tr(role->label.en, role->label.zh), tr(role->label.zh, role->label.en),
	    policy_department_name(p, role->department));
	(void)fputs(tr("  for", "  目的"), stdout);
	for (unsigned i = 0; i < policy_purposes(p); i++)
		if ((role->purposes >> i & 1) != 0)
			(void)printf(" %s", policy_purpose(p, i)->name);
	(void)putchar('\n');
	if (role->audit)
		(void)puts(tr("  reads the audit log", "  可读审计日志"));
	print_limits(role);
	for (unsigned i = 0; i < policy_indexes(p); i++)
		if ((role->searches >> i & 1) != 0)
			(void)printf(tr("  searches by %s\n", "  可按 %s 查找\n"), policy_index(p, i)->name);
	for (unsigned i = 0; i < policy_classes(p); i++)
		if (role->rights[i] != 0)
			print_right(p, role, i);
	(void)putchar('\n');
}

static const char *class_name(const struct policy *p, uint16_t id)
{
	return policy_class(p, (unsigned)policy_class_position(p, id))->name;
}

static void print_departments(const struct policy *p, const char *what, uint64_t departments)
{
	const char *comma = "";

	if (departments == 0)
		return;
	(void)printf("%s%s ", tr("; ", "；"), what);
	for (unsigned i = 0; i < policy_departments(p); i++)
		if ((departments >> i & 1) != 0) {
			(void)printf("%s%s", comma, policy_department(p, i)->name);
			comma = ",";
		}
}

static void print_predicate(const struct policy *p, const struct policy_predicate *rule)
{
	static const char *const names[] = { "", "all_in", "any_in", "any_present" };

	if (rule->rule == PREDICATE_NONE)
		return;
	(void)printf(tr("; computed: %s of", "；计算：%s，依据"), names[rule->rule]);
	for (unsigned i = 0; i < rule->inputs; i++)
		(void)printf(" %s", policy_field_by_id(p, rule->input[i])->name);
}

static void print_field(const struct policy *p, const struct policy_field *f)
{
	(void)printf("0x%04x %-22s %-14s %-4s %s %s", f->id, f->name, class_name(p, f->class),
	    policy_department_name(p, f->owner), f->label.zh, f->label.en);
	for (unsigned i = 0; i < f->views; i++)
		(void)printf(tr("%s %s in %s", "%s %s 在 %s"), i == 0 ? tr(";", "；") : tr(",", "，"), view_op_name(f->view[i].op),
		    class_name(p, f->view[i].class));
	print_departments(p, tr("also written by", "受托填写"), f->delegates);
	print_departments(p, tr("collected by", "建档采集"), f->collects);
	if (f->notice != 0)
		(void)printf(tr("; notices show %s", "；公示 %s"), view_op_name(f->notice));
	if (f->statistics != 0)
		(void)printf(tr("; statistics count by %s", "；统计 %s"), view_op_name(f->statistics));
	if (f->shape.standard != 0)
		(void)printf(tr("; standard %" PRIu64 " fen", "；标准 %" PRIu64 " 分"), f->shape.standard);
	if (f->fold_code[0] != '\0')
		(void)printf(tr("; %s is kept as %s, and in %s", "；%s 存为 %s，另入 %s"), f->fold_code, f->fold_as,
		    policy_field_by_id(p, f->fold_into)->name);
	print_predicate(p, &f->predicate);
	(void)putchar('\n');
}

static void print_index(const struct policy *p, const struct policy_index *x)
{
	(void)printf(tr("index %s (%s): ", "索引 %s（%s）："), x->name, tr(x->label.en, x->label.zh));
	for (unsigned i = 0; i < x->fields; i++)
		(void)printf("%s%s", i > 0 ? tr(" and ", "、") : "", policy_field_by_id(p, x->field[i])->name);
	if (x->form == INDEX_BUCKET)
		(void)printf(tr("; buckets of %u bits", "；%u 位分桶"), x->bits);
	(void)puts(x->unique ? tr("; unique", "；唯一") : "");
}

static int show(const struct policy *p)
{
	(void)printf(tr("%s version %u\n\n", "%s 第 %u 版\n\n"), policy_name(p), policy_version(p));
	for (unsigned i = 0; i < policy_roles(p); i++)
		print_role(p, policy_role(p, i));
	for (unsigned i = 0; i < policy_fields(p); i++)
		print_field(p, policy_field(p, i));
	for (unsigned i = 0; i < policy_indexes(p); i++)
		print_index(p, policy_index(p, i));
	policy_show_witnesses(p);
	return ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

/* ---- the verbs ------------------------------------------------------------------------------------------------- */

static int run_file(const char *verb, const char *path, const struct policy_args *a)
{
	struct policy *p = NULL;
	struct buf doc;
	int code;

	buf_init(&doc, POLICY_DOCUMENT_MAX);
	if ((code = policy_load(path, &doc, &p)) != EXIT_DONE)
		goto done;
	if (strcmp(verb, "indexes") == 0)
		code = policy_print_indexes(p, a->records != 0 ? a->records : 1000000);
	else if (strcmp(verb, "witnesses") == 0)
		code = policy_print_witnesses(p, a->vkey);
	else if (a->out != NULL)
		code = cli_write_file(a->out, doc.p, doc.n, 0644, true);
	else
		code = strcmp(verb, "check") == 0 ? check(path, p, doc.n) : show(p);
done:
	policy_free(p);
	buf_free(&doc);
	return code;
}

static int run_plan(const char *path, const struct policy_args *a)
{
	struct policy *old = NULL, *new = NULL;
	struct buf old_doc, new_doc;
	int code;

	buf_init(&old_doc, POLICY_DOCUMENT_MAX);
	buf_init(&new_doc, POLICY_DOCUMENT_MAX);
	if ((code = policy_load(path, &new_doc, &new)) != EXIT_DONE)
		goto done;
	if ((code = a->against != NULL ? policy_load(a->against, &old_doc, &old) : policy_of_vault(&old)) != EXIT_DONE)
		goto done;
	code = policy_print_plan(old, new);
done:
	policy_free(old);
	policy_free(new);
	buf_free(&old_doc);
	buf_free(&new_doc);
	return code;
}

static int run_explain(const char *path, const struct policy_args *a)
{
	struct profile_question q = { a->role, a->field, a->purpose, a->view != NULL, a->write, a->creating };
	struct profile_error error;
	struct profile *p = NULL;
	const char *unknown = "";
	int code = EXIT_DONE;
	struct buf text;
	bool yes = false;

	buf_init(&text, PLAN_ROOM);
	if (profile_open(path, &p, &error) != 0) {
		print_error(path, &error);
		code = EXIT_FAILED;
		goto done;
	}
	switch (profile_explain(p, &q, path, cli.chinese, &text, &yes, &unknown)) {
	case 0:
		code = fwrite(text.p, 1, text.n, stdout) != text.n ? EXIT_FAILED : yes ? EXIT_DONE : EXIT_DENIED;
		break;
	case CV_ERR_NOTFOUND:
		code = cli_fail(EXIT_FAILED, "the profile has no role or field called %s", "规则文件中没有名为 %s 的角色或字段", unknown);
		break;
	default:
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	}
done:
	profile_free(p);
	buf_free(&text);
	return code;
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

/* -o is what every compiler calls its output. */
static void spell_out(int argc, char **argv)
{
	static char output[] = "--output";

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "-o") == 0)
			argv[i] = output;
}

/* Options that a verb does not take, or lacks. EXIT_DONE if there are none. */
static int check_options(const char *verb, const struct policy_args *a)
{
	bool plan = strcmp(verb, "plan") == 0, explain = strcmp(verb, "explain") == 0;
	bool signs = strcmp(verb, "apply") == 0 || strcmp(verb, "sign") == 0;

	if ((strcmp(verb, "compile") == 0) != (a->out != NULL))
		return cli_usage("policy", "compile and nothing else wants -o OUT", "只有 compile 需要 -o 输出文件");
	if (plan ? (a->against != NULL) == a->vault : a->against != NULL || a->vault)
		return cli_usage("policy", "plan and nothing else wants --against OLD or --vault", "只有 plan 需要 --against 旧文件 或 --vault");
	if (explain != (a->role != NULL && a->field != NULL && a->purpose != NULL) ||
	    (!explain && (a->role != NULL || a->field != NULL || a->purpose != NULL || a->view != NULL || a->write || a->creating)))
		return cli_usage("policy", "explain and nothing else wants --role, --field and --purpose",
		    "只有 explain 需要 --role、--field 和 --purpose");
	if (a->view != NULL && (strcmp(a->view, "clear") != 0 || a->write))
		return cli_usage("policy", "--view clear is all that --view knows, and only of reads", "--view 只能是 clear，且只用于读取");
	if (a->creating && !a->write)
		return cli_usage("policy", "--creating is said of a --write", "--creating 须与 --write 同用");
	if (signs != (a->key != NULL))
		return cli_usage("policy", "apply and sign want --key FILE, others do not", "只有 apply 和 sign 需要 --key 密钥文件");
	if (a->records != 0 && strcmp(verb, "indexes") != 0)
		return cli_usage("policy", "indexes alone takes --records", "只有 indexes 可用 --records");
	if (a->vkey != NULL && strcmp(verb, "witnesses") != 0)
		return cli_usage("policy", "witnesses alone takes --vkey", "只有 witnesses 可用 --vkey");
	if (a->code != NULL && strcmp(verb, "sign") != 0)
		return cli_usage("policy", "sign alone takes --code", "只有 sign 可用 --code");
	return EXIT_DONE;
}

static int run(const char *verb, const char *subject, const struct policy_args *a)
{
	if (strcmp(verb, "plan") == 0)
		return run_plan(subject, a);
	if (strcmp(verb, "explain") == 0)
		return run_explain(subject, a);
	if (strcmp(verb, "apply") == 0)
		return policy_apply(subject, a);
	if (strcmp(verb, "sign") == 0)
		return policy_sign(subject, a);
	if (strcmp(verb, "compile") == 0 || strcmp(verb, "check") == 0 || strcmp(verb, "show") == 0 || strcmp(verb, "indexes") == 0 ||
	    strcmp(verb, "witnesses") == 0)
		return run_file(verb, subject, a);
	return cli_usage("policy", "'%s' is none of check, show, compile, plan, explain, indexes, witnesses, apply, sign",
	    "“%s”不是 check、show、compile、plan、explain、indexes、witnesses、apply 或 sign", verb);
}

int cmd_policy(int argc, char **argv)
{
	struct policy_args p = { .passphrase_fd = UINT64_MAX };
	const struct cli_option options[] = {
		{ "output", OPTION_TEXT, &p.out, "OUT", "what compile writes; -o for short", "compile 的输出文件，可写作 -o" },
		{ "against", OPTION_TEXT, &p.against, "OLD", "the policy that a plan starts from", "plan 所比较的旧规则" },
		{ "vault", OPTION_FLAG, &p.vault, NULL, "plan against the policy in force", "与现行规则比较" },
		{ "role", OPTION_TEXT, &p.role, "NAME", "who would do it", "角色" },
		{ "field", OPTION_TEXT, &p.field, "NAME", "with which field", "字段" },
		{ "purpose", OPTION_TEXT, &p.purpose, "NAME", "for which purpose", "目的" },
		{ "view", OPTION_TEXT, &p.view, "clear", "the value itself, not its view", "查看明文" },
		{ "write", OPTION_FLAG, &p.write, NULL, "a write, not a read", "填写而非读取" },
		{ "creating", OPTION_FLAG, &p.creating, NULL, "while the file is opened", "建档时" },
		{ "records", OPTION_NUMBER, &p.records, "N", "how many files the vault has (indexes)", "档案数（indexes）" },
		{ "vkey", OPTION_TEXT, &p.vkey, "FILE", "the log's verifier key (witnesses)", "日志的验证公钥（witnesses）" },
		{ "key", OPTION_TEXT, &p.key, "FILE", "the administrator's key file", "管理员的密钥文件" },
		{ "code", OPTION_TEXT, &p.code, "CODE", "eight digits, compared by telephone (sign)", "电话核对过的八位校验码（sign）" },
		{ "passphrase-fd", OPTION_NUMBER, &p.passphrase_fd, "N", "read its passphrase from this descriptor", "从该描述符读取口令" },
	};
	struct cli_args a;
	int code;

	spell_out(argc, argv);
	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 2, 2, &a))
		return a.exit;
	if ((code = check_options(a.argv[0], &p)) != EXIT_DONE)
		return code;
	return run(a.argv[0], a.argv[1], &p);
}

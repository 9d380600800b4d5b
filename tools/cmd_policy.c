/* childvault policy: check, compile and show profiles. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/source.h"
#include "profile/profile.h"
#include "cli.h"

static const struct cli_help help = {"policy check FILE | policy show FILE | policy compile FILE -o OUT",
    "check says what is wrong with a profile, with line and column. show lists what each role may do and what each "
    "field shows.\n"
    "compile writes the binary policy document.",
    "check 指出规则文件的错误（行和列）；show 列出各角色的权限和各字段的展示方式；compile 写出二进制规则文档。"};

static void print_error(const char *path, const struct profile_error *e)
{
	char words[1024];
	const char *text = in_words(e->text, words, sizeof words);

	if (e->line == 0)
		(void)fprintf(stderr, "%s: %s\n", path, text);
	else
		(void)fprintf(stderr, "%s:%u:%u: %s\n", path, e->line, e->column, text);
}

/* Compile path into doc and decode it. */
static int load(const char *path, struct buf *doc, struct policy **ret)
{
	struct profile_error error;
	int r;

	if ((r = profile_compile(path, doc, &error)) != 0) {
		print_error(path, &error);
		return EXIT_FAILED;
	}
	if ((r = policy_decode(doc->p, doc->n, ret)) != 0) {
		(void)cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", path, cv_strerror(r));
		return EXIT_FAILED;
	}
	return EXIT_DONE;
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

static void print_right(const struct policy_class *c, uint8_t right)
{
	const char *const words[] = { tr("reads", "读"), tr("reveals", "查看明文"), tr("writes", "写"),
		tr("writes without reading", "只写不读") };
	const char *comma = "";

	(void)printf("  %-22s", c->name);
	for (unsigned i = 0; i < 4; i++) {
		if ((right >> i & 1) == 0)
			continue;
		(void)printf("%s%s", comma, words[i]);
		comma = ", ";
	}
	(void)putchar('\n');
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
	for (unsigned i = 0; i < policy_classes(p); i++)
		if (role->rights[i] != 0)
			print_right(policy_class(p, i), role->rights[i]);
	(void)putchar('\n');
}

static const char *class_name(const struct policy *p, uint16_t id)
{
	return policy_class(p, (unsigned)policy_class_position(p, id))->name;
}

static void print_field(const struct policy *p, const struct policy_field *f)
{
	(void)printf("0x%04x %-22s %-14s %-4s %s %s", f->id, f->name, class_name(p, f->class),
	    policy_department_name(p, f->owner), f->label.zh, f->label.en);
	for (unsigned i = 0; i < f->views; i++)
		(void)printf(tr("%s %s in %s", "%s %s 在 %s"), i == 0 ? tr(";", "；") : tr(",", "，"), view_op_name(f->view[i].op),
		    class_name(p, f->view[i].class));
	(void)putchar('\n');
}

static int show(const struct policy *p)
{
	(void)printf(tr("%s version %u\n\n", "%s 第 %u 版\n\n"), policy_name(p), policy_version(p));
	for (unsigned i = 0; i < policy_roles(p); i++)
		print_role(p, policy_role(p, i));
	for (unsigned i = 0; i < policy_fields(p); i++)
		print_field(p, policy_field(p, i));
	return ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static int run(const char *verb, const char *path, const char *out)
{
	struct policy *p = NULL;
	struct buf doc;
	int code;

	buf_init(&doc, POLICY_DOCUMENT_MAX);
	if ((code = load(path, &doc, &p)) != EXIT_DONE)
		goto done;
	if (out != NULL)
		code = cli_write_file(out, doc.p, doc.n, 0644, true);
	else
		code = strcmp(verb, "check") == 0 ? check(path, p, doc.n) : show(p);
done:
	policy_free(p);
	buf_free(&doc);
	return code;
}

/* -o is what every compiler calls its output. */
static void spell_out(int argc, char **argv)
{
	static char output[] = "--output";

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "-o") == 0)
			argv[i] = output;
}

int cmd_policy(int argc, char **argv)
{
	const char *out = NULL, *verb;
	const struct cli_option options[] = {
		{ "output", OPTION_TEXT, &out, "OUT", "what compile writes; -o for short", "compile 的输出文件，可写作 -o" },
	};
	struct cli_args a;
	bool compile;

	spell_out(argc, argv);
	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 2, 2, &a))
		return a.exit;
	verb = a.argv[0];
	compile = strcmp(verb, "compile") == 0;
	if (!compile && strcmp(verb, "check") != 0 && strcmp(verb, "show") != 0)
		return cli_usage(
		    "policy", "'%s' is none of check, show, compile", "“%s”不是 check、show 或 compile", verb);
	if (compile != (out != NULL))
		return cli_usage("policy", "compile and nothing else wants -o OUT", "只有 compile 需要 -o 输出文件");
	return run(verb, a.argv[1], out);
}

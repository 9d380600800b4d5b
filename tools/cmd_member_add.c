/* childvault member add: somebody joins a running vault. docs/MEMBERS.md, docs/FORMAT.md 5.5. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "client/client.h"
#include "format/keyfile.h"
#include "pages.h"
#include "signing.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

struct adding {
	const char *key, *as, *duty, *name, *department, *post, *area, *vetted, *person, *ends, *reason;
	struct cli_list roles;
	bool app;
	uint64_t fd;
};

/* Administrators and custodians have no role, people and applications some; an auditor who reads the log here has the profile's for it. */
static int check_adding(struct adding *a)
{
	static const char *const kinds[] = { "person", "app", "administrator", "custodian", "auditor" };
	bool known = a->as == NULL, works, keeps;

	if (a->app && a->as != NULL)
		return cli_usage("member add", "--app or --as, not both", "--app 与 --as 二者择一");
	if (a->app)
		a->as = "app";
	for (size_t i = 0; a->as != NULL && i < COUNT(kinds); i++)
		known = known || strcmp(kinds[i], a->as) == 0;
	if (!known)
		return cli_usage("member add", "--as is person, app, administrator, custodian or auditor",
		    "--as 为 person、app、administrator、custodian 或 auditor");
	works = a->as == NULL || strcmp(a->as, "person") == 0 || strcmp(a->as, "app") == 0;
	keeps = !works && strcmp(a->as, "auditor") != 0;
	if (works && a->roles.n == 0)
		return cli_usage("member add", "--role R is missing", "缺少 --role 角色");
	if (keeps && a->roles.n > 0)
		return cli_usage("member add", "administrators and custodians have no role", "管理员和保管员没有角色");
	if ((a->as != NULL && strcmp(a->as, "administrator") == 0) != (a->duty != NULL))
		return cli_usage("member add", "an administrator has a --duty, and nobody else: system, security or audit",
		    "管理员须有 --duty（system、security 或 audit），其他人没有");
	return 0;
}

static json_t *proposal(const struct adding *a, const char *public_text)
{
	json_t *j = signing_body("members");

	if (j != NULL && signing_set(j, "public", public_text) && (a->roles.n == 0 || signing_set_list(j, "roles", &a->roles)) &&
	    signing_set(j, "as", a->as) && signing_set(j, "duty", a->duty) && signing_set(j, "name", a->name) &&
	    signing_set(j, "department", a->department) && signing_set(j, "post", a->post) && signing_set(j, "area", a->area) &&
	    signing_set(j, "vetted", a->vetted) && signing_set(j, "person", a->person) && signing_set(j, "ends", a->ends) &&
	    signing_set(j, "reason", a->reason))
		return j;
	json_decref(j);
	return NULL;
}

/* What came back is about the keys in the file: the daemon cannot put its own in their place. */
static int check_keys(const struct signing *s, const char *path, const struct buf *text)
{
	const struct principal *p = &s->reading.principal;
	struct pubfile f;

	if (pubfile_decode((const char *)text->p, text->n, &f) != 0 || client_key_public_check(&f) != 0 ||
	    memcmp(f.principal, p->id, 16) != 0 || memcmp(f.box_pk, p->box_pk, 32) != 0 || memcmp(f.sign_pk, p->sign_pk, 32) != 0)
		return cli_fail(EXIT_VERIFY, "what is to be signed has other keys than %s", "待签内容的密钥与 %s 不符", path);
	return 0;
}

static int propose(struct signing *s, const struct adding *a, const char *path)
{
	json_t *body = NULL;
	struct buf text;
	int code;

	buf_init(&text, 1u << 17);
	if ((code = cli_read_file(path, &text)) != 0)
		goto out;
	buf_u8(&text, 0);
	if (!buf_ok(&text) || strlen((const char *)text.p) + 1 != text.n || (body = proposal(a, (const char *)text.p)) == NULL) {
		code = cli_fail(EXIT_FAILED, "%s is not a public file, or an option is not UTF-8",
		    "%s 不是公开文件，或某选项不是 UTF-8", path);
		goto out;
	}
	buf_cut(&text, text.n - 1);
	if ((code = signing_propose(s, body)) == 0)
		code = check_keys(s, path, &text);
out:
	json_decref(body);
	buf_free(&text);
	return code;
}

int member_add(int argc, char **argv)
{
	static const struct cli_help help = { "member add FILE.pub --role R[,R] --key KEY [options]",
		"Proposes that the owner of a public file join, with these roles or as an administrator, custodian or auditor, and\n"
		"signs it. Another administrator compares the code by telephone and signs (member sign), then two custodians give the\n"
		"role keys (custody give).",
		"提请公开文件的持有人以所列角色、或作为管理员、保管员、审计员加入，并签名。另一名管理员电话核对校验码后签名（member sign），\n"
		"再由两名保管员交出角色密钥（custody give）。" };
	struct adding a = { .fd = UINT64_MAX };
	const struct cli_option options[] = {
		{ "role", OPTION_LIST, &a.roles, "R[,R]", "a role of the profile; may be repeated", "配置中的角色，可重复" },
		{ "key", OPTION_TEXT, &a.key, "KEY", "the administrator's key file", "管理员的密钥文件" },
		{ "as", OPTION_TEXT, &a.as, "KIND", "person, app, administrator, custodian, auditor",
		    "person、app、administrator、custodian、auditor" },
		{ "duty", OPTION_TEXT, &a.duty, "D", "of an administrator: system, security, audit", "管理员职责：system、security、audit" },
		{ "name", OPTION_TEXT, &a.name, "TEXT", "the person's name", "姓名" },
		{ "department", OPTION_TEXT, &a.department, "TEXT", "department (default: the role's)", "部门（默认为角色所属部门）" },
		{ "post", OPTION_TEXT, &a.post, "TEXT", "post", "职务" },
		{ "area", OPTION_TEXT, &a.area, "DIGITS", "division code; none is the whole vault", "区划代码；不填为全库" },
		{ "vetted", OPTION_TEXT, &a.vetted, "DATE", "day of the last vetting", "最近审查日期" },
		{ "ends", OPTION_TEXT, &a.ends, "DATE", "last day in the vault", "最后有效日" },
		{ "person", OPTION_TEXT, &a.person, "LOGIN", "the same natural person as this member", "与该成员为同一自然人" },
		{ "app", OPTION_FLAG, &a.app, NULL, "an application, no person (--as app)", "应用程序而非人员（--as app）" },
		{ "reason", OPTION_TEXT, &a.reason, "TEXT", "why: it stands in the log", "理由（记入日志）" },
		{ "passphrase-fd", OPTION_NUMBER, &a.fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
	};
	static struct signing s;
	struct cli_args args;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &args))
		return args.exit;
	if ((code = check_adding(&a)) != 0)
		return code;
	if ((code = signing_open(&s, "member add", a.key, a.fd)) == 0 && (code = propose(&s, &a, args.argv[0])) == 0)
		code = signing_first(&s);
	signing_close(&s);
	return code;
}

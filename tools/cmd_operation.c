/*
 * The operations that an administrator proposes and signs in one command: members' roles, removing, restoring, new keys of roles and
 * classes, classes for a role, re-wrapping. docs/ROTATION.md, docs/POLICY.md section 5, "Operations".
 */
#include <stdio.h>
#include <string.h>

#include "pages.h"
#include "signing.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

/* What all of them take. */
struct proposal {
	const char *key, *reason;
	uint64_t fd;
};
#define PROPOSAL_OPTIONS(p) \
	{ "key", OPTION_TEXT, &(p).key, "KEY", "the administrator's key file", "管理员的密钥文件" }, \
	{ "reason", OPTION_TEXT, &(p).reason, "TEXT", "why: it stands in the log", "理由（记入日志）" }, \
	{ "passphrase-fd", OPTION_NUMBER, &(p).fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" }

/* Propose body, which fits says is whole, and sign it. Takes body over. */
static int propose(const char *command, const struct proposal *p, json_t *body, bool fits)
{
	static struct signing s;

	if (body == NULL || !fits || !signing_set(body, "reason", p->reason)) {
		json_decref(body);
		return cli_usage(command, "an option is not UTF-8", "某选项不是 UTF-8");
	}
	return signing_run(&s, command, p->key, p->fd, body);
}

/* ---- one member -------------------------------------------------------------------------------------------------------- */

int member_role(int argc, char **argv)
{
	static const struct cli_help help = { "member role LOGIN --role R[,R] --key KEY",
		"Proposes further roles for somebody who is a member, and signs it. Another administrator signs (request sign), then\n"
		"two custodians give the role keys (custody give).",
		"提请为现有成员增加角色并签名；再由另一名管理员签名（request sign），两名保管员交出角色密钥（custody give）。" };
	struct proposal p = { .fd = UINT64_MAX };
	struct cli_list roles = { .n = 0 };
	const struct cli_option options[] = {
		{ "role", OPTION_LIST, &roles, "R[,R]", "a role of the profile; may be repeated", "配置中的角色，可重复" }, PROPOSAL_OPTIONS(p) };
	struct cli_args a;
	json_t *body;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	if (roles.n == 0)
		return cli_usage("member role", "--role R is missing", "缺少 --role 角色");
	body = signing_body("roles");
	return propose("member role", &p, body, signing_set(body, "principal", a.argv[0]) && signing_set_list(body, "roles", &roles));
}

/* Whether the daemon says that the member has a role. False also if it cannot be asked: the vault then says what is wrong. */
struct found {
	bool has_role;
};
static void look_at(void *cookie, const json_t *j)
{
	struct found *f = cookie;

	f->has_role = json_array_size(json_object_get(j, "roles")) > 0;
}

/* Somebody without a role is removed as they are; whose roles have keys leaves those behind, and the roles get new ones. */
static int remove_member(struct signing *s, const char *login, const char *reason)
{
	struct found found = { .has_role = false };
	struct pages p = { .collection = "members", .filter = { .principal = login }, .row = look_at, .cookie = &found };
	json_t *body;
	bool more, fits;
	int code, r;

	if ((r = pages_get(s->cv, &p, &more)) != CHILDVAULT_OK)
		return cli_answer_fail(s->cv, r);
	body = signing_body(found.has_role ? "rekey" : "remove");
	fits = body != NULL && signing_set(body, "principal", login) && signing_set(body, "reason", reason) &&
	    (!found.has_role || json_object_set_new(body, "removed", json_true()) == 0);
	if ((code = signing_propose(s, fits ? body : NULL)) == 0)
		code = signing_first(s);
	json_decref(body);
	return code;
}

int member_remove(int argc, char **argv)
{
	static const struct cli_help help = { "member remove LOGIN --reason TEXT --key KEY",
		"Proposes that a member leave for good, and signs it: the roles they have get new keys without them. Another\n"
		"administrator signs (request sign), then two custodians give their shares (custody give). Suspend them first (member\n"
		"suspend).",
		"提请永久移除成员并签名：其角色更换密钥，不再包含此人。再由另一名管理员签名（request sign），两名保管员交出份额\n"
		"（custody give）。请先停用（member suspend）。" };
	struct proposal p = { .fd = UINT64_MAX };
	const struct cli_option options[] = { PROPOSAL_OPTIONS(p) };
	static struct signing s;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	if (p.reason == NULL || p.reason[0] == 0)
		return cli_usage("member remove", "--reason is missing", "缺少 --reason");
	if ((code = signing_open(&s, "member remove", p.key, p.fd)) == 0)
		code = remove_member(&s, a.argv[0], p.reason);
	signing_close(&s);
	return code;
}

int member_restore(int argc, char **argv)
{
	static const struct cli_help help = { "member restore LOGIN --reason TEXT --key KEY",
		"Proposes that a suspended or lapsed member be restored, and signs it. Another administrator, a different person, signs\n"
		"(request sign). Roles that got new keys meanwhile are given anew (member role).",
		"提请恢复已停用或已失效的成员并签名；再由另一名管理员（不同自然人）签名（request sign）。期间更换过密钥的角色须重新授予\n"
		"（member role）。" };
	struct proposal p = { .fd = UINT64_MAX };
	const struct cli_option options[] = { PROPOSAL_OPTIONS(p) };
	struct cli_args a;
	json_t *body;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	if (p.reason == NULL || p.reason[0] == 0)
		return cli_usage("member restore", "--reason is missing", "缺少 --reason");
	body = signing_body("restore");
	return propose("member restore", &p, body, signing_set(body, "principal", a.argv[0]));
}

/* ---- keys of roles ----------------------------------------------------------------------------------------------------- */

/* Every role of the policy that the inventory knows a key of. */
static void take_role(void *cookie, const json_t *j)
{
	struct cli_list *roles = cookie;
	const char *key = json_text(j, "key");

	/* One that is missing for want of memory is seen where the roles are shown, before anything is signed. */
	if (strcmp(json_text(j, "kind"), "role") == 0 && strncmp(key, "role ", 5) == 0 && roles->n < CLI_LIST_MAX &&
	    (roles->item[roles->n] = strdup(key + 5)) != NULL)
		roles->n++;
}

static int all_roles(struct signing *s, struct cli_list *ret)
{
	struct pages p = { .collection = "keys", .all = true, .row = take_role, .cookie = ret };
	bool more;
	int r = pages_get(s->cv, &p, &more);

	if (r != CHILDVAULT_OK)
		return cli_answer_fail(s->cv, r);
	return ret->n > 0 ? 0 : cli_fail(EXIT_FAILED, "there is no role with a key", "没有持有密钥的角色");
}

/* A rekey under its three names. */
struct rekey {
	const char *command;
	struct proposal p;
	struct cli_list roles, without;
	bool all, classes;
};

static int propose_rekey(struct signing *s, struct rekey *x)
{
	json_t *body = signing_body("rekey");
	int code = x->all ? all_roles(s, &x->roles) : 0;
	bool fits = code == 0 && body != NULL && signing_set_list(body, "roles", &x->roles) &&
	    (x->without.n == 0 || signing_set_list(body, "without", &x->without)) && signing_set(body, "reason", x->p.reason) &&
	    json_object_set_new(body, "classes", json_boolean(x->classes)) == 0;

	if (code == 0 && (code = signing_propose(s, fits ? body : NULL)) == 0)
		code = signing_first(s);
	json_decref(body);
	return code;
}

static int rekey(int argc, char **argv, const struct cli_help *help, struct rekey *x, const struct cli_option *options, size_t n)
{
	static struct signing s;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, help, options, n, 0, CLI_LIST_MAX, &a))
		return a.exit;
	for (int i = 0; i < a.argc; i++)
		x->roles.item[x->roles.n++] = a.argv[i];
	if (x->all == (x->roles.n > 0))
		return cli_usage(x->command, "name roles, or --all, and not both", "须给出角色或 --all，二者择一");
	if ((code = signing_open(&s, x->command, x->p.key, x->p.fd)) == 0)
		code = propose_rekey(&s, x);
	signing_close(&s);
	return code;
}

static int role_rekey(int argc, char **argv)
{
	static const struct cli_help help = { "role rekey R[,R] [--without LOGIN,...] --key KEY",
		"Proposes new keys for roles and for every class they hold, and signs it. Who is left out, or suspended, gets none of\n"
		"them and reads nothing that is written from then on. No record is touched. Another administrator signs (request\n"
		"sign), then two custodians give their shares (custody give).",
		"提请为角色及其持有的各类别更换密钥并签名。被排除或已停用者得不到新密钥，读不到此后写入的内容。不改动任何档案。\n"
		"再由另一名管理员签名（request sign），两名保管员交出份额（custody give）。" };
	struct rekey x = { .command = "role rekey", .p = { .fd = UINT64_MAX }, .classes = true };
	const struct cli_option options[] = {
		{ "without", OPTION_LIST, &x.without, "LOGIN,...", "who gets none of the new keys", "不得新密钥者" }, PROPOSAL_OPTIONS(x.p) };

	return rekey(argc, argv, &help, &x, options, COUNT(options));
}

int rotate_roles(int argc, char **argv)
{
	static const struct cli_help help = { "rotate R[,R] | --all --key KEY",
		"Proposes new keys for roles and for every class they hold, as is due once a year, and signs it: everybody stays.\n"
		"Another administrator signs (request sign), then two custodians give their shares (custody give). rotate --status\n"
		"tells what is due.",
		"提请为角色及其各类别例行更换密钥（每年一次）并签名，成员不变。再由另一名管理员签名（request sign），两名保管员交出份额\n"
		"（custody give）。rotate --status 显示到期情况。" };
	struct rekey x = { .command = "rotate", .p = { .fd = UINT64_MAX }, .classes = true };
	const struct cli_option options[] = {
		{ "all", OPTION_FLAG, &x.all, NULL, "every role that has a key", "所有持有密钥的角色" }, PROPOSAL_OPTIONS(x.p) };

	return rekey(argc, argv, &help, &x, options, COUNT(options));
}

int custody_reshare(int argc, char **argv)
{
	static const struct cli_help help = { "custody reshare R[,R] | --all --key KEY",
		"Proposes that role keys be made and shared anew among the custodians of today, and signs it: for a custodian who\n"
		"came or left. The shares of before open nothing here any more. Classes keep their keys. Another administrator signs\n"
		"(request sign), then two custodians who have shares give them (custody give).",
		"提请更换角色密钥并在现任保管员之间重新分存（保管员变动后使用）并签名；旧份额随即失效，类别密钥不变。再由另一名管理员签名\n"
		"（request sign），两名持有份额的保管员交出份额（custody give）。" };
	struct rekey x = { .command = "custody reshare", .p = { .fd = UINT64_MAX }, .classes = false };
	const struct cli_option options[] = {
		{ "all", OPTION_FLAG, &x.all, NULL, "every role that has a key", "所有持有密钥的角色" }, PROPOSAL_OPTIONS(x.p) };

	return rekey(argc, argv, &help, &x, options, COUNT(options));
}

static int role_grant(int argc, char **argv)
{
	static const struct cli_help help = { "role grant R --class C[,C] --key KEY",
		"Proposes that a role hold further classes, by name or number (0x0120), and signs it. Another administrator signs\n"
		"(request sign), then two custodians give their shares (custody give). The policy that gives the role a right to them\n"
		"comes after it (policy apply).",
		"提请角色持有更多类别（名称或编号如 0x0120）并签名。再由另一名管理员签名（request sign），两名保管员交出份额\n"
		"（custody give）。赋予其权限的规则在此之后启用（policy apply）。" };
	struct proposal p = { .fd = UINT64_MAX };
	struct cli_list classes = { .n = 0 }, role = { .n = 1 };
	const struct cli_option options[] = {
		{ "class", OPTION_LIST, &classes, "C[,C]", "a class of the profile, or its number; may be repeated", "类别名称或编号，可重复" },
		PROPOSAL_OPTIONS(p) };
	struct cli_args a;
	json_t *body;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	if (classes.n == 0)
		return cli_usage("role grant", "--class C is missing", "缺少 --class 类别");
	role.item[0] = a.argv[0];
	body = signing_body("classes");
	return propose("role grant", &p, body, signing_set_list(body, "roles", &role) && signing_set_list(body, "classes", &classes));
}

int cmd_role(int argc, char **argv)
{
	static const struct cli_sub subs[] = {
		{ "rekey", role_rekey, "new keys for roles and their classes, without somebody", "更换角色及其类别的密钥，可排除成员" },
		{ "grant", role_grant, "give a role the keys of classes", "授予角色类别密钥" },
	};

	return cli_group(argc, argv, subs, COUNT(subs));
}

/* ---- re-wrapping ------------------------------------------------------------------------------------------------------- */

/* How far it is: the job has the request's id. */
static int rewrap_status(int argc, char **argv)
{
	static const struct cli_help help = { "rewrap status REQUEST", "Tells how far a re-wrap is.", "显示重新包裹的进度。" };
	struct childvault *cv = NULL;
	bool own = false;
	struct cli_args a;
	json_t *j;
	int code, r;

	if (!cli_parse(argc, argv, &help, NULL, 0, 1, 1, &a))
		return a.exit;
	if (!cli_is_id(a.argv[0], strlen(a.argv[0])))
		return cli_usage("rewrap status", "a request's id has 32 hexadecimal digits", "请求编号是 32 位十六进制数");
	if ((code = cli_session(&cv, &own)) != 0)
		return code;
	if ((r = childvault_object(cv, "jobs", a.argv[0])) != CHILDVAULT_OK) {
		code = cli_answer_fail(cv, r);
	} else if (cli.json) {
		code = cli_print_body(cv);
	} else {
		j = cli_body(cv);
		printf(tr("%s: %llu of %llu records, %llu re-wrapped, %llu not opened\n", "%s：%llu / %llu 份档案，重新包裹 %llu 份，未能打开 %llu 份\n"),
		    json_text(j, "state"), json_number(j, "done"), json_number(j, "total"), json_number(j, "changed"),
		    json_number(j, "skipped"));
		json_decref(j);
	}
	cli_close(cv, own);
	return code;
}

int cmd_rewrap(int argc, char **argv)
{
	static const struct cli_help help = { "rewrap [--class C,...] --key KEY | rewrap status REQUEST",
		"Proposes that every data key under an old key of these classes be wrapped under the newest one, and signs it: after\n"
		"a key was lost or stolen. Another administrator signs (request sign), then two custodians give their shares (custody\n"
		"give). At the end the old keys are destroyed; childvault compact then clears them from the files.",
		"密钥遗失或被盗后：提请将这些类别旧密钥下的所有数据密钥改由最新密钥包裹，并签名。再由另一名管理员签名（request sign），\n"
		"两名保管员交出份额（custody give）。完成后旧密钥销毁；childvault compact 随后将其从文件中清除。" };
	struct proposal p = { .fd = UINT64_MAX };
	struct cli_list classes = { .n = 0 };
	const struct cli_option options[] = {
		{ "class", OPTION_LIST, &classes, "C,...", "classes (default: every one with an old key)", "类别（默认：所有有旧密钥的类别）" },
		PROPOSAL_OPTIONS(p) };
	static char name[] = "rewrap status";
	struct cli_args a;
	json_t *body;

	if (argc > 1 && strcmp(argv[1], "status") == 0) {
		argv[1] = name;
		return rewrap_status(argc - 1, argv + 1);
	}
	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	body = signing_body("rewrap");
	return propose("rewrap", &p, body, classes.n == 0 || signing_set_list(body, "classes", &classes));
}

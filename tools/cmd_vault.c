/* childvault status, unseal, seal: the operator's commands, over admin.sock. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "cli.h"
#include "client/admin.h"
#include "crypto/crypto.h"
#include "format/message.h"
#include "format/wire.h"
#include "shares.h"

#define SLOTS 4u
#define SLOT_PASSPHRASE 2u
#define SLOT_DEMO 0xFEu
#define SLOT_QUORUM 1u
#define PATH_ROOM OPERATOR_PATH
#define WAIT_MS 30000	/* for a daemon that starts beside a command without people */

/* A call whose refusal is a failure as well. */
static int must(const char *path, enum admin_operation operation, uint8_t slot, const uint8_t *body, size_t n, struct buf *ret_body)
{
	struct admin_answer a;
	int code = operator_call(path, operation, slot, body, n, &a, ret_body);

	if (code != 0 || a.result == 0)
		return code;
	if (a.result == PROBLEM_CONFLICT && operation == ADMIN_UNSEAL && a.state == WIRE_SEALED)
		return cli_fail(EXIT_FAILED, "this machine's clock is more than a year past the log's last day: set it right, or confirm "
		    "the date (childvault audit date)", "本机时钟超前日志末日一年以上：请校准时钟，或确认日期（childvault audit date）");
	if (a.result == PROBLEM_CONFLICT && a.state != WIRE_AUDIT_UNAVAILABLE) {
		/* The state that was asked for is there: no failure. */
		fputs(a.state == WIRE_SEALED ? tr("already sealed\n", "已处于封存状态\n") : tr("already unsealed\n", "已处于解封状态\n"), stderr);
		return EXIT_DONE;
	}
	return operator_refused(&a);
}

/* ---- status ------------------------------------------------------------------------------------------------------------ */

static int print_status(char *text)
{
	const char *names[] = { tr("what", "项目"), tr("value", "值") };
	struct table *t = table_new(2, names);
	char *line, *rest = text;

	while (t != NULL && (line = strsep(&rest, "\n")) != NULL) {
		char *value = strchr(line, ' ');
		const char *cells[] = { line, value != NULL ? value + 1 : "" };

		if (value != NULL)
			*value = 0;
		if (line[0] != 0)
			table_row(t, cells);
	}
	return table_print(t);
}

int cmd_status(int argc, char **argv)
{
	static const struct cli_help help = { "status [--vault DIR]", "Tells the state of the vault; works while it is sealed.",
		"显示档案库状态，封存时也可用。" };
	const char *vault = NULL;
	const struct cli_option options[] = { { "vault", OPTION_TEXT, &vault, "DIR", "the vault's folder", "档案库目录" } };
	char path[PATH_ROOM];
	struct cli_args a;
	struct buf text;
	int code;

	if (!cli_parse(argc, argv, &help, options, 1, 0, 0, &a))
		return a.exit;
	buf_init(&text, ADMIN_BODY_MAX + 1);
	if ((code = cli_admin_path(vault, path, sizeof path)) == 0 && (code = must(path, ADMIN_STATUS, 0, NULL, 0, &text)) == 0) {
		buf_u8(&text, 0);
		code = print_status((char *)text.p);
	}
	buf_free(&text);
	return code;
}

/* ---- unseal ------------------------------------------------------------------------------------------------------------ */

/* Parameters of a slot; *ret_there false if it is empty. */
static int ask_slot(const char *path, uint8_t number, struct admin_slot *ret, bool *ret_there)
{
	struct admin_answer a;
	struct buf body;
	int code;

	buf_init(&body, ADMIN_BODY_MAX);
	if ((code = operator_call(path, ADMIN_SLOT, number, NULL, 0, &a, &body)) == 0) {
		*ret_there = a.result == 0;
		if (a.result == 0 && admin_slot_decode(body.p, body.n, ret) != 0)
			code = cli_fail(EXIT_FAILED, "admin.sock answered something else", "admin.sock 的应答不符合协议");
	}
	buf_free(&body);
	return code;
}

/* No slot opens here: say what would. */
static int no_slot(const struct admin_slot *quorum, bool quorum_there)
{
	if (quorum_there)
		return cli_fail(EXIT_FAILED, "this vault opens with %u of %u shares: childvault unseal --share FILE, for each of them",
		    "此档案库须由 %u 份密钥份额（共 %u 份）解封：请逐份执行 childvault unseal --share 文件", quorum->k, quorum->n);
	return cli_fail(EXIT_FAILED, "no slot opens with a passphrase or a demo vault's root.key", "没有可用口令或演示密钥打开的解封槽");
}

/* The first slot this program can use: a demo vault's own key, unless there is a credential, else a passphrase. */
static int choose_slot(const char *path, const struct operator_source *from, uint8_t *ret_number, struct admin_slot *ret)
{
	struct admin_slot s, quorum = { .type = 0 };
	bool there = false, found = false, quorum_there = false;
	int code;

	for (uint8_t i = 0; i < SLOTS; i++) {
		if (from->slot != UINT64_MAX && from->slot != i)
			continue;
		if ((code = ask_slot(path, i, &s, &there)) != 0)
			return code;
		if (there && s.type == SLOT_QUORUM) {
			quorum = s;
			quorum_there = true;
		}
		if (!there || (s.type == SLOT_DEMO ? from->credential != NULL : found || s.type != SLOT_PASSPHRASE))
			continue;
		*ret_number = i;
		*ret = s;
		found = true;
		if (s.type == SLOT_DEMO)
			break;
	}
	return found ? 0 : no_slot(&quorum, quorum_there);
}

/* The vault's folder is where admin.sock stands. */
static int demo_kek(const char *path, uint8_t ret[32])
{
	char file[PATH_ROOM + 32];
	struct buf bytes;
	int code;

	snprintf(file, sizeof file, "%.*s/keys/root.key", (int)(strrchr(path, '/') - path), path);
	buf_init(&bytes, 1 << 17);
	if ((code = cli_read_file(file, &bytes)) == 0) {
		if (bytes.n == 32)
			memcpy(ret, bytes.p, 32);
		else
			code = cli_fail(EXIT_FAILED, "%s is not a root key", "%s 不是根密钥", file);
	}
	buf_free(&bytes);
	return code;
}

/* The passphrase in a credential of the service manager, which may end with a newline. Never a path: a credential is one name. */
static int credential_passphrase(const char *name, struct buf *ret)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_ROOM];
	int code;

	if (folder == NULL || folder[0] != '/')
		return cli_fail(EXIT_USAGE, "CREDENTIALS_DIRECTORY is not set: a credential comes from the service manager",
		    "未设置 CREDENTIALS_DIRECTORY：凭据由服务管理器提供");
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL ||
	    snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
		return cli_fail(EXIT_USAGE, "this is no name of a credential: %s", "不是凭据名称：%s", name);
	if ((code = cli_read_file(path, ret)) != 0)
		return code;
	if (ret->n > 0 && ret->p[ret->n - 1] == '\n')
		buf_cut(ret, ret->n - 1);
	return ret->n > 0 ? 0 : cli_fail(EXIT_FAILED, "%s is empty", "%s 是空的", path);
}

static int passphrase_kek(const struct admin_slot *s, const struct operator_source *from, uint8_t ret[32])
{
	struct argon argon = { .mem_kib = s->argon_kib, .passes = s->argon_passes };
	struct buf pass;
	int code;

	memcpy(argon.salt, s->salt, sizeof argon.salt);
	buf_init(&pass, 1u << 17);	/* files are read 64 KiB at a time */
	code = from->credential != NULL ? credential_passphrase(from->credential, &pass) :
	    cli_passphrase(from->passphrase_fd, tr("Operator's passphrase:", "操作员口令："), false, &pass);
	if (code == 0 && crypto_passphrase(&argon, (const char *)pass.p, pass.n, ret) != 0)
		code = cli_fail(EXIT_FAILED, "the passphrase's key cannot be derived", "无法由口令派生密钥");
	buf_free(&pass);
	return code;
}

int operator_kek(const char *path, const struct operator_source *from, uint8_t *ret_slot, uint8_t ret[32])
{
	struct admin_slot slot = { 0 };
	int code;

	if ((code = choose_slot(path, from, ret_slot, &slot)) != 0)
		return code;
	return slot.type == SLOT_DEMO ? demo_kek(path, ret) : passphrase_kek(&slot, from, ret);
}

/* Whoever starts together with the daemon may be there first. */
static void wait_for_core(const char *path)
{
	struct admin_answer a;
	struct buf body;

	for (unsigned waited = 0; waited < WAIT_MS; waited += 50) {
		int r;

		buf_init(&body, ADMIN_BODY_MAX);
		r = admin_call(path, ADMIN_STATUS, 0, NULL, 0, &a, &body);
		buf_free(&body);
		if (r != CV_ERR_SYSTEM || (errno != ENOENT && errno != ECONNREFUSED))
			return;
		(void)poll(NULL, 0, 50);
	}
}

static int unseal_with_kek(const char *path, const struct operator_source *from)
{
	uint8_t number = 0, kek[32] = { 0 };
	struct buf body;
	int code;

	buf_init(&body, ADMIN_BODY_MAX);
	if (from->credential != NULL)
		wait_for_core(path);
	if ((code = operator_kek(path, from, &number, kek)) == 0)
		code = must(path, ADMIN_UNSEAL, number, kek, sizeof kek, &body);
	wipe(kek, sizeof kek);
	buf_free(&body);
	return code;
}

/* One share, over a connection of its own. *ret_done: the vault is open. */
static int enter_share(const char *path, const char *file, bool *ret_done)
{
	uint8_t share[SHARE_BYTES];
	char name[128], holder[64];
	struct admin_answer a;
	struct admin_share s;
	struct buf body;
	int code;

	buf_init(&body, ADMIN_BODY_MAX);
	if ((code = share_read(file, share, holder)) != 0 ||
	    (code = operator_call(path, ADMIN_SHARE, 0, share, sizeof share, &a, &body)) != 0)
		goto out;
	if (a.result == PROBLEM_CONFLICT && body.n == 0) {
		fputs(tr("already unsealed\n", "已处于解封状态\n"), stderr);
		*ret_done = true;
	} else if ((code = share_verdict(&a, &body, &s)) == 0) {
		*ret_done = s.done;
		printf(s.verdict == ADMIN_AGAIN ? s.done ?
		    tr("%s was in already: %d of %u are in, unsealed\n", "%s已输入过：已有 %d 份，共需 %u 份，已解封\n") :
		    tr("%s was in already: %d of %u are in\n", "%s已输入过：已有 %d 份，共需 %u 份\n") :
		    s.done ? tr("%s is good: unsealed\n", "%s有效：已解封\n") :
		    tr("%s is good: %d of %u are in\n", "%s有效：已有 %d 份，共需 %u 份\n"), share_name(&s, name), __builtin_popcount(s.in), s.k);
	}
out:
	wipe(share, sizeof share);
	buf_free(&body);
	return code;
}

int cmd_unseal(int argc, char **argv)
{
	static const struct cli_help help = { "unseal [--vault DIR] [--share FILE|-]... [--slot N] [--passphrase-fd N | --credential NAME]",
		"Gives the daemon its root key: a demo vault's from keys/root.key, else by the operator's passphrase, or by shares, which "
		"may come one by one and from several places.",
		"向服务提供根密钥：演示库取自 keys/root.key，否则输入操作员口令，或由多人逐份输入密钥份额。" };
	const char *vault = NULL;
	struct operator_source from = { .slot = UINT64_MAX, .passphrase_fd = UINT64_MAX };
	struct cli_list shares = { .n = 0 };
	const struct cli_option options[] = { { "vault", OPTION_TEXT, &vault, "DIR", "the vault's folder", "档案库目录" },
		{ "share", OPTION_LIST, &shares, "FILE", "enter a share of a quorum; - reads what is typed", "输入一份密钥份额；- 表示手工键入" },
		{ "slot", OPTION_NUMBER, &from.slot, "N", "unseal slot 0 to 3", "解封槽 0 至 3" },
		{ "passphrase-fd", OPTION_NUMBER, &from.passphrase_fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
		{ "credential", OPTION_TEXT, &from.credential, "NAME", "take the passphrase from a credential of the service manager",
		    "从服务管理器的凭据读口令" } };
	char path[PATH_ROOM];
	struct cli_args a;
	bool done = false;
	int code, worst = 0;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 0, 0, &a))
		return a.exit;
	if (shares.n > 0 && (from.slot != UINT64_MAX || from.passphrase_fd != UINT64_MAX || from.credential != NULL))
		return cli_usage("unseal", "a share says itself which slot it opens", "份额自带解封槽编号");
	if ((code = cli_admin_path(vault, path, sizeof path)) != 0)
		return code;
	if (shares.n == 0)
		return unseal_with_kek(path, &from);
	/* One that is bad keeps none of the others from being entered. */
	for (size_t i = 0; i < shares.n && !done; i++)
		if ((code = enter_share(path, shares.item[i], &done)) != 0)
			worst = code;
	return worst;
}

int cmd_seal(int argc, char **argv)
{
	static const struct cli_help help = { "seal [--vault DIR]", "Takes the root key away: all sessions end at once.",
		"收回根密钥：所有会话立即结束。" };
	const char *vault = NULL;
	const struct cli_option options[] = { { "vault", OPTION_TEXT, &vault, "DIR", "the vault's folder", "档案库目录" } };
	char path[PATH_ROOM];
	struct cli_args a;
	struct buf body;
	int code;

	if (!cli_parse(argc, argv, &help, options, 1, 0, 0, &a))
		return a.exit;
	buf_init(&body, ADMIN_BODY_MAX);
	if ((code = cli_admin_path(vault, path, sizeof path)) == 0)
		code = must(path, ADMIN_SEAL, 0, NULL, 0, &body);
	buf_free(&body);
	return code;
}
